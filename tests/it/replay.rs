//! Real attack sessions, where they are at hand: every line is answered, and by the emulator.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use super::bench::{Bench, End, world};

#[test]
fn real_sessions_are_answered_by_the_emulator() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/attack-sessions.jsonl");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("skipped: {} is not there", file.display());
        return;
    };
    let world = world(7);
    let (mut lines, mut weighted, mut mine, mut weighted_mine, mut hung) = (0_u64, 0_u64, 0_u64, 0_u64, 0_u64);
    let mut not_mine: BTreeMap<String, u64> = BTreeMap::new();
    let mut slowest = (0.0, String::new());
    for (number, session) in text.lines().enumerate() {
        let session: serde_json::Value = serde_json::from_str(session).unwrap();
        if number % 100 == 99 {
            eprintln!("session {}: {lines} lines, slowest {:.3} s: {}", number + 1, slowest.0, slowest.1);
        }
        let weight = session["sessions_of_this_shape"].as_u64().unwrap_or(1);
        let source = u32::try_from(number).unwrap() + (10 << 24);
        let host = world.host_for(std::net::Ipv4Addr::from(source).into());
        let mut bench = Bench::login(&host);
        assert!(bench.asked.is_empty(), "a login asks for {:?}", bench.asked);
        for input in session["inputs"].as_array().unwrap() {
            let line = input.as_str().unwrap();
            let before = bench.asked.len();
            let begun = Instant::now();
            let (_, end) = bench.keys(format!("{}\r", line.replace('\n', "\r")).as_bytes());
            let took = begun.elapsed().as_secs_f64();
            if took > 1.0 {
                eprintln!("{took:.1} s: {}", line.chars().take(160).collect::<String>());
            }
            if took > slowest.0 {
                slowest = (took, line.chars().take(100).collect());
            }
            let end = if end == End::Runs { bench.keys(b"\x03").1 } else { end };
            if end == End::Runs {
                eprintln!("hung: {}", line.chars().take(160).collect::<String>());
                hung += 1;
            }
            lines += 1;
            weighted += weight;
            if bench.asked.len() == before {
                mine += 1;
                weighted_mine += weight;
            }
            for question in &bench.asked[before..] {
                let name = question.split(' ').next().unwrap_or_default();
                *not_mine.entry(name.rsplit('/').next().unwrap_or_default().to_string()).or_default() += 1;
            }
            if matches!(end, End::Over(_)) {
                bench = Bench::login(&host);
            }
        }
    }
    let share = |part: u64, whole: u64| 100.0 * part as f64 / whole as f64;
    println!(
        "{lines} lines: {:.2} % by the emulator, {:.2} % weighted by sessions of that shape; {hung} hung; slowest {:.3} s: {}",
        share(mine, lines),
        share(weighted_mine, weighted),
        slowest.0,
        slowest.1
    );
    println!("not mine: {not_mine:?}");
    assert_eq!(hung, 0);
    assert!(share(mine, lines) >= 97.0);
}
