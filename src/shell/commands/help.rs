//! What programs print for `--help` and `--version`: recorded texts, by distribution. The format of the files is told
//! in their first lines.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::shell::program::Spec;
use crate::shell::text;
use crate::world::Host;

static DEBIAN: &str = include_str!("../../../data/help/debian-12.txt");
static UBUNTU: &str = include_str!("../../../data/help/ubuntu-20.04.txt");
static APPLETS: &str = include_str!("../../../data/help/busybox-applets.txt");

/// One recorded answer.
#[derive(Clone, Copy)]
pub(in crate::shell) struct Text {
    pub status: i32,
    /// Printed on standard error.
    pub error: bool,
    pub bytes: &'static str,
}

/// Answers by question; a program that writes to both streams has two.
type Index = HashMap<&'static str, Vec<Text>>;

fn debian() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| index(DEBIAN))
}

fn ubuntu() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| index(UBUNTU))
}

/// Sections of such a file: the rest of the line `== …`, and what follows it.
fn sections(source: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let start = if source.starts_with("== ") { 0 } else { source.find("\n== ").map_or(source.len(), |at| at + 1) };
    let mut rest = source.get(start..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (head, body) = rest.strip_prefix("== ")?.split_once('\n')?;
        let end = if body.starts_with("== ") { 0 } else { body.find("\n== ").map_or(body.len(), |at| at + 1) };
        rest = body.get(end..).unwrap_or_default();
        Some((head, body.get(..end).unwrap_or_default()))
    })
}

fn index(all: &'static str) -> Index {
    let mut index = Index::new();
    for (head, bytes) in sections(all) {
        let bytes = match bytes.strip_suffix("\\ No newline at end\n") {
            Some(cut) => cut.strip_suffix('\n').unwrap_or(cut),
            None => bytes,
        };
        let mut words = head.rsplitn(3, ' ');
        let (stream, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let name = words.next().unwrap_or_default();
        let text = Text { status: status.parse().unwrap_or(0), error: stream == "stderr", bytes };
        index.entry(name).or_default().push(text);
    }
    index
}

/// The recorded answers to a question, those of the host's own distribution first.
fn answers(host: &Host, question: &str) -> &'static [Text] {
    let own = (!host.persona().debian_userland).then(|| ubuntu().get(question)).flatten();
    own.or_else(|| debian().get(question)).map(Vec::as_slice).unwrap_or_default()
}

/// The recorded answer to `NAME ARGUMENTS` on this host; the first section is the one that counts.
pub(in crate::shell) fn find(host: &Host, question: &str) -> Option<Text> {
    answers(host, question).first().copied()
}

/// What a program prints when it is called so, on whichever stream; empty when it was not recorded.
pub(super) fn text(host: &Host, name: &str, arguments: &str) -> &'static str {
    let question = if arguments.is_empty() { name.to_string() } else { format!("{name} {arguments}") };
    answers(host, &question).iter().map(|text| text.bytes).find(|text| !text.is_empty()).unwrap_or_default()
}

/// How an applet of busybox is used, without the version line.
pub(super) fn applet(name: &str) -> Option<&'static str> {
    static USES: OnceLock<HashMap<&'static str, &'static str>> = OnceLock::new();
    USES.get_or_init(|| sections(APPLETS).collect()).get(name).copied()
}

/// What a program prints when all that it is asked for is `--help` or `--version`: status, whether it goes to
/// standard error, the text.
pub(in crate::shell) fn answer(spec: &Spec) -> Option<(i32, bool, Vec<u8>)> {
    let [called, flag] = spec.argv.as_slice() else { return None };
    if flag != "--help" && flag != "--version" {
        return None;
    }
    let name = called.rsplit('/').next().unwrap_or_default();
    let found = find(&spec.kernel.host, &format!("{name} {flag}"))?;
    // Programs tell their usage by the name that they were called by.
    let whole = if name == called {
        found.bytes.to_string()
    } else {
        found.bytes.replacen(&format!("Usage: {name} "), &format!("Usage: {called} "), 1)
    };
    Some((found.status, found.error, text::encode(&whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_texts_are_found() {
        let ls = debian().get("ls --help").unwrap()[0];
        assert!(ls.bytes.starts_with("Usage: ls [OPTION]... [FILE]...\n") && !ls.error && ls.status == 0);
        assert!(ubuntu().get("ls --version").unwrap()[0].bytes.starts_with("ls (GNU coreutils) 8.30\n"));
        assert!(debian().len() > 1000);
        assert!(applet("wget").unwrap().starts_with("Usage: wget "));
        let host = crate::shell::tests::Bench::host();
        assert!(text(&host, "ls", "--version").starts_with("ls (GNU coreutils) 8.30\n"));
        assert_eq!(text(&host, "ls", "--nosuch"), "");
    }
}
