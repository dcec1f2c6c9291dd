//! The public contract: one golden line per kind, and `docs/events.md` beside them.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use rustbucket::event::{Event, KINDS, Raw};
use serde_json::Value;

fn golden() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/events.jsonl")).unwrap()
}

#[test]
fn every_kind_has_its_golden_line_and_reads_back_to_it() {
    let text = golden();
    let kinds: Vec<String> = text
        .lines()
        .map(|line| {
            let event: Event = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!(serde_json::to_string(&event).unwrap(), line);
            serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().to_string()
        })
        .collect();
    assert_eq!(kinds, KINDS);
}

/// Rows of the tables are "| `field` | ...", below a heading "### `kind`".
#[test]
fn the_document_names_every_kind_and_every_field() {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events.md")).unwrap();
    let fields_of = |heading: &str| -> BTreeSet<String> {
        let section =
            document.split(&format!("\n{heading}\n")).nth(1).unwrap_or_else(|| panic!("no section {heading}"));
        let section = section.split("\n#").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.map(|row| row.split('`').next().unwrap().to_string()).collect()
    };
    let common = fields_of("## Fields of every event");
    for line in golden().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let kind = event["kind"].as_str().unwrap();
        let own: BTreeSet<String> =
            event.as_object().unwrap().keys().filter(|key| !common.contains(*key)).cloned().collect();
        assert_eq!(fields_of(&format!("### `{kind}`")), own, "{kind}");
    }
    let headings: Vec<&str> =
        document.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    assert_eq!(headings, KINDS);
}

proptest! {
    #[test]
    fn any_bytes_survive_a_round_trip(bytes: Vec<u8>) {
        let raw = Raw(bytes);
        let json = serde_json::to_string(&raw).unwrap();
        let control = json.bytes().any(|byte| byte < 0x20);
        prop_assert!(!control);
        prop_assert_eq!(serde_json::from_str::<Raw>(&json).unwrap(), raw);
    }
}
