//! What programs print for `--help` and `--version`: recorded texts, by distribution. The format of the files is told
//! in their first lines.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::shell::program::Spec;
use crate::shell::text;
use crate::world::Host;

static DEBIAN: &str = include_str!("../../../data/help/debian-12.txt");
static UBUNTU: &str = include_str!("../../../data/help/ubuntu-20.04.txt");

/// One recorded answer.
#[derive(Clone, Copy)]
pub(in crate::shell) struct Text {
    pub status: i32,
    /// Printed on standard error.
    pub error: bool,
    pub bytes: &'static str,
}

type Index = HashMap<&'static str, Text>;

fn debian() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| index(DEBIAN))
}

fn ubuntu() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| index(UBUNTU))
}

fn index(all: &'static str) -> Index {
    let mut index = Index::new();
    let mut rest = all;
    while let Some(at) = rest.find("\n== ") {
        let section = rest.get(at + 4..).unwrap_or_default();
        let (head, body) = section.split_once('\n').unwrap_or((section, ""));
        let end = if body.starts_with("== ") { 0 } else { body.find("\n== ").map_or(body.len(), |end| end + 1) };
        let bytes = body.get(..end).unwrap_or_default();
        let bytes = match bytes.strip_suffix("\\ No newline at end\n") {
            Some(cut) => cut.strip_suffix('\n').unwrap_or(cut),
            None => bytes,
        };
        let mut words = head.rsplitn(3, ' ');
        let (stream, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let name = words.next().unwrap_or_default();
        let text = Text { status: status.parse().unwrap_or(0), error: stream == "stderr", bytes };
        // A program that writes to both streams: the first section is the one that counts.
        index.entry(name).or_insert(text);
        rest = section.get(head.len()..).unwrap_or_default();
    }
    index
}

/// The recorded answer to `NAME ARGUMENTS` on this host.
pub(in crate::shell) fn find(host: &Host, question: &str) -> Option<Text> {
    let own = (!host.persona().debian_userland).then(|| ubuntu().get(question)).flatten();
    own.or_else(|| debian().get(question)).copied()
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
        let ls = debian().get("ls --help").unwrap();
        assert!(ls.bytes.starts_with("Usage: ls [OPTION]... [FILE]...\n") && !ls.error && ls.status == 0);
        assert!(ubuntu().get("ls --version").unwrap().bytes.starts_with("ls (GNU coreutils) 8.30\n"));
        assert!(debian().len() > 1000);
    }
}
