//! Who may name whom, and the shape of the files. The table is that of `ARCHITECTURE.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each room and the rooms that it may name. What is not listed may be named by nobody but `cli` and `config`.
const MAY: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("event", &["base"]),
    ("world", &["base"]),
    ("shell", &["base", "world"]),
    ("session", &["base", "event", "world"]),
    ("handler", &["base", "event", "session"]),
    ("chatgpt", &["base", "handler"]),
    ("respond", &["base", "event", "world", "shell", "session", "handler", "chatgpt"]),
    ("protocols", &["base", "event", "world", "shell", "session", "handler", "respond", "prelude"]),
    ("listen", &["base", "event", "session", "respond", "protocols"]),
    ("sinks", &["base", "event"]),
    ("registry", &["base"]),
    ("registration", &["base", "registry"]),
    ("logging", &["base"]),
    ("sandbox", &[]),
    ("prelude", &["event", "session"]),
];

/// Rooms that put the others together: they may name everybody.
const ASSEMBLERS: &[&str] = &["cli", "config", "lib", "main"];

/// Words that may not occur in the code (not the tests) of a room, with the reason.
const BANNED: &[(&str, &[&str], &str)] = &[
    ("world", &["tokio", "std::net::Tcp"], "the world has no runtime and no network"),
    ("shell", &["tokio", "std::net::Tcp", "std::net::Udp", "std::process"], "the shell has no runtime and no network"),
    ("protocols", &["sinks::", "chatgpt::"], "engines know neither sinks nor a model"),
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.into_iter().map(|(path, text)| (path.strip_prefix(&root).unwrap().to_path_buf(), text)).collect()
}

fn room(path: &Path) -> String {
    path.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_string()
}

/// The rooms that a line of code names: `crate::x`, `crate::{x, y}`.
fn named(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let list = rest.strip_prefix('{').map(|inner| inner.split('}').next().unwrap_or_default());
        let entries: Vec<&str> = list.map_or_else(|| vec![rest], |list| list.split(',').collect());
        for entry in entries {
            let name: String = entry.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            rooms.push(name);
        }
    }
    rooms
}

fn violations(path: &Path, text: &str) -> Vec<String> {
    let from = room(path);
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    if !ASSEMBLERS.contains(&from.as_str()) {
        let may: BTreeMap<&str, &[&str]> = MAY.iter().copied().collect();
        let Some(allowed) = may.get(from.as_str()) else {
            return vec![format!("{}: the room {from} is not in the table", path.display())];
        };
        for to in named(&code) {
            let is_room = may.contains_key(to.as_str()) || ASSEMBLERS.contains(&to.as_str());
            if is_room && to != from && !allowed.contains(&to.as_str()) {
                found.push(format!("{}: {from} may not name {to}", path.display()));
            }
        }
    }
    for (room, words, reason) in BANNED {
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        for word in words.iter().filter(|word| from == *room && code.contains(**word)) {
            found.push(format!("{}: {word}: {reason}", path.display()));
        }
    }
    if path.ends_with("dialog.rs") {
        for word in ["tokio", ".await", "TcpStream", "TcpListener", "UdpSocket", "std::fs"] {
            if code.contains(word) {
                found.push(format!("{}: a dialog is pure, but has {word}", path.display()));
            }
        }
    }
    found
}

#[test]
fn the_direction_of_dependency_holds() {
    let found: Vec<String> = sources().iter().flat_map(|(path, text)| violations(path, text)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_forbidden_use_is_found_with_file_and_module() {
    for (path, text, expected) in [
        ("world/fs.rs", "use crate::event::Kind;", "world/fs.rs: world may not name event"),
        ("protocols/ftp/mod.rs", "use crate::{base, sinks};", "protocols/ftp/mod.rs: protocols may not name sinks"),
        ("chatgpt.rs", "fn f(x: crate::session::Session) {}", "chatgpt.rs: chatgpt may not name session"),
        ("protocols/smtp/dialog.rs", "x.await", "protocols/smtp/dialog.rs: a dialog is pure, but has .await"),
        ("shell/mod.rs", "use tokio::time;", "shell/mod.rs: tokio: the shell has no runtime and no network"),
        ("newroom.rs", "", "newroom.rs: the room newroom is not in the table"),
    ] {
        assert!(violations(Path::new(path), text).contains(&expected.to_string()), "{expected}");
    }
    assert_eq!(violations(Path::new("world/fs.rs"), "// use crate::event::Kind;"), Vec::<String>::new());
}

#[test]
fn every_file_says_what_it_is_for_and_is_not_too_long() {
    for (path, text) in sources() {
        let tests_only = path.ends_with("tests.rs");
        assert!(tests_only || text.starts_with("//! "), "{} has no module header", path.display());
        assert!(text.lines().count() <= 800, "{} is over 800 lines", path.display());
    }
}

/// Paths in the documents exist.
#[test]
fn documents_name_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for document in ["ARCHITECTURE.md", "README.md", "docs/events.md"] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        assert!(document != "ARCHITECTURE.md" || text.lines().count() <= 200, "ARCHITECTURE.md is over 200 lines");
        for name in text.split('`').skip(1).step_by(2) {
            let path = ["src/", "tests/", "docs/", "config/", "benches/"].iter().any(|start| name.starts_with(start));
            if path && !name.contains(['*', ' ', '<']) {
                assert!(root.join(name).exists(), "{document} names {name}");
            }
        }
    }
}
