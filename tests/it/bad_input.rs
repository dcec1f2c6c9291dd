//! What no client would send: memory stays bounded, nothing panics, the next visitor is served, the log tells it.

use std::io::Write;
use std::net::Shutdown;

use crate::sensor::{PROTOCOLS, Sensor, Setup, Talk, of_kind};

/// Sends as much as the other side takes, and reads nothing before the end.
fn flood(talk: &mut Talk, piece: &[u8], times: usize) {
    let mut reader = talk.stream.try_clone().unwrap();
    let drain = std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()).unwrap_or(0));
    for _ in 0..times {
        if talk.stream.write_all(piece).is_err() {
            break;
        }
    }
    let _ = talk.stream.shutdown(Shutdown::Both);
    drain.join().unwrap();
}

fn served(sensor: &Sensor) {
    sensor.connect("ftp").until("220 (vsFTPd 3.0.3)\r\n");
    let mut http = sensor.connect("http");
    http.send("GET / HTTP/1.0\r\n\r\n");
    http.until("200 OK");
}

#[test]
fn ten_mebibytes_without_a_newline_are_bounded_and_recorded() {
    for mode in ["hybrid", "ai"] {
        let sensor = Sensor::start(&Setup { mode, ..Setup::default() });
        for protocol in PROTOCOLS {
            let mut talk = sensor.connect(protocol);
            if protocol == "telnet" && mode == "hybrid" {
                talk.telnet_login("root", "toor");
            }
            flood(&mut talk, &[b'A'; 65536], 160);
        }
        let resident = sensor.resident_kib();
        assert!(resident < 64 << 10, "{mode}: {resident} KiB");
        if mode == "hybrid" {
            served(&sensor);
        }
        let (events, status) = sensor.stop();
        assert!(status.success());
        for protocol in PROTOCOLS {
            let own: Vec<_> = events.iter().filter(|event| event["protocol"] == protocol).collect();
            let told = own.iter().any(|event| {
                let beginning = |field: &str| event[field].as_str().is_some_and(|text| text.starts_with("AAAA"));
                beginning("input") || beginning("bytes") || beginning("method") || beginning("target")
            });
            assert!(told, "{mode} {protocol}: {own:#?}");
            assert!(own.iter().all(|event| event["reason"] != "failure"), "{mode} {protocol}: {own:#?}");
        }
    }
}

#[test]
fn the_wrong_protocol_is_answered_as_the_daemon_would_and_told() {
    let sensor = Sensor::start(&Setup::default());
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03half a hello".as_slice();
    let binary: Vec<u8> = (0..=255).collect();
    for protocol in PROTOCOLS {
        for bytes in [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".as_slice(),
            tls,
            &binary,
            b"SSH-2.0-Go\r\n",
            b"\0\0\0\0",
            b"\xff\xff\xff",
        ] {
            let mut talk = sensor.connect(protocol);
            talk.send(bytes);
            talk.stream.shutdown(Shutdown::Write).unwrap();
            let answer = talk.rest();
            assert!(!String::from_utf8_lossy(&answer).contains("panic"));
        }
    }
    let mut smtp = sensor.connect("smtp");
    smtp.until("\r\n");
    assert_eq!(smtp.ask("GET / HTTP/1.1", "\r\n"), "221 2.7.0 Error: I can break rules, too. Goodbye.\r\n");
    let mut ftp = sensor.connect("ftp");
    ftp.until("\r\n");
    assert_eq!(ftp.ask("GET / HTTP/1.1", "\r\n"), "530 Please login with USER and PASS.\r\n");
    served(&sensor);
    let (events, _) = sensor.stop();
    crate::shutdown::whole(&events);
    for protocol in ["ftp", "smtp", "http"] {
        let malformed = of_kind(&events, "malformed").into_iter().filter(|event| event["protocol"] == protocol).count();
        assert!(malformed > 0, "{protocol}");
    }
    assert!(of_kind(&events, "connection_closed").iter().all(|event| event["reason"] != "failure"));
}

#[test]
fn resets_and_silence_end_a_visit_and_nothing_else() {
    let limits = "[limits]\nidle_seconds = 1\n";
    let sensor = Sensor::start(&Setup { extra: limits, ..Setup::default() });
    for protocol in PROTOCOLS {
        let mut talk = sensor.connect(protocol);
        talk.send(b"USER x\r\nHELO");
        let socket = socket_linger(&talk);
        drop(talk);
        drop(socket);
    }
    sensor.wait_for_event(|event| event["reason"] == "peer_reset" || event["reason"] == "peer_closed");
    let silent = sensor.connect("telnet");
    sensor.wait_for_event(|event| event["reason"] == "idle" && event["protocol"] == "telnet");
    drop(silent);
    served(&sensor);
    let mut half = sensor.connect("http");
    half.send(b"GET /half HTTP/1.1\r\nHost:");
    drop(half);
    let told = sensor.wait_for_event(|event| event["what"] == "a request without an end");
    assert_eq!(told["bytes"], "GET /half HTTP/1.1\r\nHost:");
    let (events, _) = sensor.stop();
    crate::shutdown::whole(&events);
}

/// Makes the close of this connection a reset.
fn socket_linger(talk: &Talk) -> socket2::Socket {
    let socket = socket2::Socket::from(talk.stream.try_clone().unwrap());
    socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    socket
}

#[test]
fn one_source_cannot_take_all_places() {
    let limits = "[limits]\nper_source = 5\n";
    let sensor = Sensor::start(&Setup { extra: limits, ..Setup::default() });
    let inside: Vec<Talk> = (0..5)
        .map(|_| {
            let mut talk = sensor.connect("ftp");
            talk.until("220");
            talk
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(sensor.connect("smtp").rest(), b"");
    }
    drop(inside);
    let mut patience = 0;
    while sensor.connect("smtp").rest_or_banner().is_empty() {
        patience += 1;
        assert!(patience < 1000, "places do not come back");
    }
    let (events, _) = sensor.stop();
    let refused: u64 =
        of_kind(&events, "connections_refused").iter().map(|event| event["count"].as_u64().unwrap()).sum();
    assert!(refused >= 20, "{refused}");
}

#[test]
fn a_visitor_cannot_forge_a_line_of_any_log() {
    let sensor = Sensor::start(&Setup { env: &[("RUST_LOG", "debug")], ..Setup::default() });
    let mut ftp = sensor.connect("ftp");
    ftp.until("\r\n");
    let forged = "USER x\\n{\"kind\":\"forged\"}\x1b[2J\0\u{2028}";
    ftp.ask(forged, "\r\n");
    drop(ftp);
    let event = sensor.wait_for_event(|event| event["kind"] == "command");
    assert_eq!(event["input"], forged);
    for entry in std::fs::read_dir(sensor.dir().join("logs")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.contains(&0) && !bytes.contains(&0x1b));
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: serde_json::Value = serde_json::from_slice(line).unwrap();
            assert_ne!(line["kind"], "forged");
        }
    }
}

#[test]
fn a_process_without_descriptors_goes_on_accepting_when_it_has_some_again() {
    let mut sensor = Sensor::start(&Setup::default());
    let pid = sensor.pid().to_string();
    let limit = |value: &str| {
        let arguments = ["--pid", &pid, &format!("--nofile={value}:")];
        assert!(std::process::Command::new("prlimit").args(arguments).status().unwrap().success());
    };
    limit("30");
    let held: Vec<Talk> = (0..60).map(|_| sensor.connect("ftp")).collect();
    sensor.wait_for_line("connections can't be accepted").unwrap();
    drop(held);
    sensor.connect("ftp").until("220 (vsFTPd 3.0.3)\r\n");
    limit("1000");
    served(&sensor);
    let said = sensor.said();
    let complaints = said.iter().filter(|line| line.contains("connections can't be accepted")).count();
    assert!((1..=4).contains(&complaints), "{said:#?}");
}
