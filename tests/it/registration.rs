//! Registration against a scripted registry: what is sent, what is said, and that it never holds the start for long.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::scripted::{Reply, Server};
use crate::sensor::{Sensor, Setup};

fn config(server: &Server, more: &str) -> String {
    format!("[registration]\nrustbucket_registry_url = \"{}\"\n{more}", server.url("/api/register/"))
}

/// Starts a sensor against a registry that answers so; the line that it logs, and how long the first visitor waited.
fn against(reply: Reply, line: &str) -> (String, Duration, Vec<Value>) {
    let server = Server::start(move |_| reply.clone());
    let begun = Instant::now();
    let mut sensor = Sensor::start(&Setup { extra: &config(&server, ""), ..Setup::default() });
    sensor.connect("ftp").until("220 (vsFTPd 3.0.3)\r\n");
    let waited = begun.elapsed();
    let line = sensor.wait_for_line(line).unwrap();
    (line, waited, server.requests())
}

#[test]
fn each_answer_of_the_registry_is_logged_with_what_to_do() {
    for (reply, line, advice) in [
        (Reply::json("200 OK", "{\"status\":\"success\",\"id\":\"BKT219757\"}"), "registered", "BKT219757"),
        (
            Reply::json("400 Bad Request", "{\"error\":\"Missing required field: ip_address\"}"),
            "registration:",
            "set ip_address",
        ),
        (
            Reply::json("401 Unauthorized", "{\"error\":\"Invalid registration key\"}"),
            "registration:",
            "ask its administrator",
        ),
        (Reply::json("404 Not Found", "<html>"), "registration:", "check its path"),
        (Reply::json("500 Internal Server Error", "{}"), "registration:", "the registry failed"),
        (Reply::Http("301 Moved Permanently", "Location: /x/\r\n", String::new()), "registration:", "slash at the end"),
        (Reply::Http("200 OK", "", "<html>welcome</html>".into()), "registration:", "not JSON"),
        (Reply::Raw(Vec::new()), "registration:", "can't be reached"),
    ] {
        let (line, waited, requests) = against(reply, line);
        assert!(line.contains(advice), "{line}");
        assert!(waited < Duration::from_secs(3), "{advice}: {waited:?}");
        let token = requests[0]["token"].as_str().unwrap();
        assert!(!line.contains(token), "{line}");
    }
}

#[test]
fn a_registry_that_hangs_holds_the_start_for_three_seconds_at_most() {
    let (line, waited, _) = against(Reply::Hang, "registration goes on in the background");
    assert!(line.contains("starting without it"), "{line}");
    assert!((Duration::from_millis(2500)..Duration::from_secs(8)).contains(&waited), "{waited:?}");
}

#[test]
fn a_registry_that_is_not_there_is_said() {
    let mut sensor = Sensor::start(&Setup {
        extra: "[registration]\nrustbucket_registry_url = \"http://127.0.0.1:1/register\"\n",
        ..Setup::default()
    });
    let line = sensor.wait_for_line("registration:").unwrap();
    assert!(line.contains("Connection refused") && line.contains("check the address"), "{line}");
    sensor.connect("ftp").until("220");
}

#[test]
fn the_registry_gets_what_it_needs() {
    let server = Server::start(|_| Reply::json("200 OK", "{\"id\":\"BKT1\"}"));
    let more = "registration_key = \"one-time-key\"\nip_address = \"192.0.2.10\"\n";
    let mut sensor = Sensor::start(&Setup { extra: &config(&server, more), ..Setup::default() });
    sensor.wait_for_line("registered").unwrap();
    let sent = &server.requests()[0];
    let name = sent["name"].as_str().unwrap();
    assert!(name.starts_with("rustbucket-") && name.len() == 19, "{name}");
    let token = sent["token"].as_str().unwrap();
    assert!(token.len() == 32 && token.bytes().all(|b| b.is_ascii_alphanumeric()), "{token}");
    assert_eq!((&sent["registration_key"], &sent["ip_address"]), (&"one-time-key".into(), &"192.0.2.10".into()));
    assert_eq!(sent["operating_system"], "Ubuntu 20.04.6 LTS");
    assert!(sent["connections"].as_str().unwrap().parse::<u32>().is_ok());
    for folder in ["logs", "state"] {
        for entry in std::fs::read_dir(sensor.dir().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = if path.is_file() { std::fs::read_to_string(&path).unwrap() } else { String::new() };
            assert!(!text.contains(token) && !text.contains("one-time-key"), "{}", path.display());
        }
    }
    assert!(!sensor.dir().join("token.txt").exists());
}
