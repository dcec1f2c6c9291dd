//! Texts that the real programs print about their use, as recorded.

use std::collections::HashMap;
use std::sync::LazyLock;

const PROGRAMS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/help/debian-12.txt"));
const UBUNTU: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/help/ubuntu-20.04.txt"));
const APPLETS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/help/busybox-applets.txt"));

/// By program name and arguments, with a blank between.
static PARTS: LazyLock<HashMap<String, Vec<&'static str>>> = LazyLock::new(|| {
    let mut parts: HashMap<String, Vec<&'static str>> = HashMap::new();
    for source in [PROGRAMS, UBUNTU] {
        let mut here: HashMap<String, Vec<&'static str>> = HashMap::new();
        for (head, body) in sections(source) {
            let mut words = head.rsplitn(3, ' ');
            let who = words.nth(2).unwrap_or_default();
            let (name, args) = who.split_once(' ').unwrap_or((who, ""));
            let text = body.strip_suffix("\n\\ No newline at end\n").unwrap_or(body);
            here.entry(format!("{name} {args}")).or_default().push(text);
        }
        parts.extend(here);
    }
    parts
});

static USES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| sections(APPLETS).collect());

/// Sections of such a file: the rest of the line `== …`, and what follows it.
fn sections(source: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let start = if source.starts_with("== ") { 0 } else { source.find("\n== ").map_or(source.len(), |at| at + 1) };
    let mut rest = source.get(start..).unwrap_or_default();
    std::iter::from_fn(move || {
        let section = rest.strip_prefix("== ")?;
        let (head, body) = section.split_once('\n')?;
        let end = if body.starts_with("== ") { 0 } else { body.find("\n== ").map_or(body.len(), |at| at + 1) };
        rest = body.get(end..).unwrap_or_default();
        Some((head, body.get(..end).unwrap_or_default()))
    })
}

/// What a program prints when it is called so; empty when it was not recorded.
pub(super) fn text(name: &str, args: &str) -> &'static str {
    let found = PARTS.get(&format!("{name} {args}")).map(Vec::as_slice).unwrap_or_default();
    found.iter().find(|text| !text.is_empty()).copied().unwrap_or("")
}

/// How an applet of busybox is used, without the version line.
pub(super) fn applet(name: &str) -> Option<&'static str> {
    USES.get(name).copied()
}
