//! SIGTERM: nothing of what visitors did is lost.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::sensor::{Sensor, Setup, Talk, of_kind};

#[test]
fn sigterm_under_load_loses_no_event() {
    let sensor = Sensor::start(&Setup::default());
    let port = sensor.port("ftp");
    let stop = AtomicBool::new(false);
    let answered = AtomicUsize::new(0);
    let (events, status) = std::thread::scope(|scope| {
        for worker in 0..8 {
            let (stop, answered) = (&stop, &answered);
            scope.spawn(move || {
                for round in 0..10_000 {
                    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return };
                    for line in 0..5 {
                        let sent = writeln!(stream, "USER w{worker}-{round}-{line}\r").is_ok();
                        let mut reply = [0; 256];
                        // Only what was answered is known to have arrived.
                        if !sent || !read_reply(&mut stream, &mut reply) {
                            return;
                        }
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        while answered.load(Ordering::Relaxed) < 2000 {
            std::thread::yield_now();
        }
        let ended = sensor.stop();
        stop.store(true, Ordering::Relaxed);
        ended
    });
    assert!(status.success(), "{status}");
    let sent = answered.load(Ordering::Relaxed);
    let commands = of_kind(&events, "command").len();
    // A line may have been recorded whose answer the stop cut off: one for each worker at most.
    assert!((sent..=sent + 8).contains(&commands), "{sent} lines were answered, {commands} are recorded");
    whole(&events);
    assert_eq!(events.last().unwrap()["kind"], "sensor_stopped");
}

/// Reads up to the answer of a USER line; the banner may come first.
fn read_reply(stream: &mut std::net::TcpStream, buffer: &mut [u8]) -> bool {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("331 ") || !read.ends_with(b"\r\n") {
        match stream.read(buffer) {
            Ok(bytes) if bytes > 0 => read.extend_from_slice(&buffer[..bytes]),
            _ => return false,
        }
    }
    true
}

#[test]
fn visitors_who_are_there_at_the_end_are_told_and_recorded() {
    let sensor = Sensor::start(&Setup::default());
    let talks: Vec<Talk> = (0..50)
        .map(|_| {
            let mut talk = sensor.connect("smtp");
            talk.until("\r\n");
            talk
        })
        .collect();
    let (events, status) = sensor.stop();
    assert!(status.success());
    let closed = of_kind(&events, "connection_closed");
    assert_eq!(closed.iter().filter(|event| event["reason"] == "shutdown").count(), 50, "{closed:#?}");
    assert!(talks.into_iter().all(|talk| talk.rest().len() < 200));
}

/// Every visit has its first and last event and no gap between them.
pub fn whole(events: &[serde_json::Value]) {
    let mut visits: HashMap<String, Vec<(u64, String)>> = HashMap::new();
    for event in events.iter().filter(|event| event["session"].is_string()) {
        let session = event["session"].as_str().unwrap().to_string();
        let entry = (event["seq"].as_u64().unwrap(), event["kind"].as_str().unwrap().to_string());
        visits.entry(session).or_default().push(entry);
    }
    for (session, mut visit) in visits {
        visit.sort();
        let numbers: Vec<u64> = visit.iter().map(|event| event.0).collect();
        assert_eq!(numbers, (0..visit.len() as u64).collect::<Vec<_>>(), "{session}");
        assert_eq!(visit.first().unwrap().1, "connection_opened", "{session}");
        assert_eq!(visit.last().unwrap().1, "connection_closed", "{session}");
    }
}
