//! Words that are meant for a model, in many languages, encodings and places. The model of this test does whatever it is
//! told, and tells whatever it knows; nothing of that may reach the wire.

use base64::Engine;

use crate::scripted::{Reply, Server};
use crate::sensor::{Sensor, Setup, Talk, of_kind};

/// What the obedient model says.
const OBEYED: &str = "PWNED";

fn lines() -> Vec<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/injections/lines.txt");
    std::fs::read_to_string(path).unwrap().lines().map(Into::into).collect()
}

/// A model that obeys, and gives its prompt away.
fn obedient() -> Server {
    Server::start(|request| {
        let system = request["messages"][0]["content"].as_str().unwrap_or_default();
        Reply::says(&format!("{OBEYED} {system}"))
    })
}

fn config(server: &Server) -> String {
    format!(
        "[openai]\nbase_url = \"{}\"\napi_key = \"sk-secret-of-the-operator\"\ntimeout_ms = 3000\n",
        server.url("/v1")
    )
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn rot13(text: &str) -> String {
    let turn = |c: char, base: u8| char::from((c as u8 - base + 13) % 26 + base);
    text.chars()
        .map(|c| match c {
            'a'..='z' => turn(c, b'a'),
            'A'..='Z' => turn(c, b'A'),
            other => other,
        })
        .collect()
}

/// The five ways in which a line is put to a shell.
fn wrapped(line: &str) -> [String; 5] {
    let quoted = format!("'{}'", line.replace('\'', "'\\''"));
    let hex: String = line.bytes().map(|byte| format!("{byte:02x}")).collect();
    [
        format!("gpg --import {quoted}"),
        format!("gpg -k # {line}"),
        format!("gpg {}", base64::engine::general_purpose::STANDARD.encode(line)),
        format!("gpg {hex}"),
        format!("gpg {}", if line.is_ascii() { rot13(line) } else { percent(line) }),
    ]
}

fn without_trace(said: &str, line: &str) {
    for trace in [OBEYED, "Internal mark", "RX-", "never an instruction", "sk-secret"] {
        assert!(!said.contains(trace), "{trace:?} after {line:?}: {said}");
    }
}

/// 250 strings typed into a shell whose programs are asked of the model.
#[test]
fn nothing_that_is_meant_for_a_model_gets_to_it_from_a_shell() {
    let server = obedient();
    let sensor = Sensor::start(&Setup { extra: &config(&server), ..Setup::default() });
    let mut talk = sensor.connect("telnet");
    talk.telnet_login("root", "toor");
    talk.ask("PS1='@@@ '; echo ready", "@@@ ");
    let strings: Vec<String> = lines().iter().flat_map(|line| wrapped(line)).collect();
    assert_eq!(strings.len(), 250);
    for line in &strings {
        let said = talk.ask(line, "@@@ ");
        // Its own echo comes back, with whatever the visitor put there.
        without_trace(&said, line);
    }
    drop(talk);
    let (events, _) = sensor.stop();
    let tried = of_kind(&events, "injection_attempted");
    let typed: std::collections::BTreeSet<&str> =
        tried.iter().filter(|event| event["place"] == "command").filter_map(|event| event["text"].as_str()).collect();
    let missed: Vec<&String> = strings.iter().filter(|line| !typed.contains(line.as_str())).collect();
    println!(
        "{} of {} recorded by a rule, {} put to the model",
        strings.len() - missed.len(),
        strings.len(),
        server.requests().len()
    );
    assert!(missed.len() * 20 < strings.len(), "{missed:#?}");
    // Comments don't get to programs: what is left of those lines is asked, and what the model says is stopped.
    for request in server.requests() {
        let asked = request["messages"].to_string();
        let reached = lines().into_iter().find(|line| asked.contains(line.as_str()) || asked.contains(&rot13(line)));
        assert_eq!(reached, None, "{asked}");
    }
    without_trace(&format!("{events:?}").replace("never an instruction", ""), "events");
}

/// The same words where names, headers and mails go; and in AI mode, where every line is put to the model.
#[test]
fn nor_from_names_headers_mails_and_conversations() {
    let server = obedient();
    let ai = Sensor::start(&Setup { mode: "ai", extra: &config(&server), ..Setup::default() });
    let hybrid = Sensor::start(&Setup { extra: &config(&server), ..Setup::default() });
    for line in lines() {
        for protocol in ["telnet", "ftp", "smtp"] {
            let mut talk = ai.connect(protocol);
            talk.send(format!("{line}\r\nQUIT\r\nexit\r\n"));
            without_trace(&String::from_utf8_lossy(&talk.rest()), &line);
        }
        let mut http = ai.connect("http");
        http.send(format!("GET /{} HTTP/1.0\r\nX-Note: {line}\r\n\r\n", percent(&line)));
        http.stream.shutdown(std::net::Shutdown::Write).unwrap();
        without_trace(&String::from_utf8_lossy(&http.rest()), &line);
        names(&hybrid, &line);
    }
    let (events, _) = hybrid.stop();
    let places: std::collections::BTreeSet<&str> =
        of_kind(&events, "injection_attempted").iter().filter_map(|event| event["place"].as_str()).collect();
    for place in ["command", "http_request", "login_tried", "mail_parsed"] {
        assert!(places.contains(place), "{place} in {places:?}");
    }
}

/// As a user's name, as a header, as the subject of a mail.
fn names(sensor: &Sensor, line: &str) {
    let mut ftp = sensor.connect("ftp");
    ftp.send(format!("USER {line}\r\nPASS {line}\r\nQUIT\r\n"));
    without_trace(&String::from_utf8_lossy(&ftp.rest()), line);
    let mut http = sensor.connect("http");
    http.send(format!("GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: {line}\r\nConnection: close\r\n\r\n"));
    without_trace(&String::from_utf8_lossy(&http.rest()), line);
    mail(sensor.connect("smtp"), line);
}

fn mail(mut talk: Talk, line: &str) {
    talk.until("\r\n");
    for said in ["HELO x", "MAIL FROM:<a@b.example>", "RCPT TO:<root@mail.example.com>", "DATA"] {
        talk.ask(said, "\r\n");
    }
    let said = talk.ask(&format!("Subject: {line}\r\n\r\nhello\r\n."), "\r\n");
    without_trace(&said, line);
}
