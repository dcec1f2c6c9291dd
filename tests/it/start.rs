//! The command line and the start: what is printed, exit codes, taken ports, broken files.

use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use crate::sensor::{Sensor, Setup, command, free_ports};

fn run(dir: &Path, arguments: &[&str]) -> Output {
    command(dir).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn check_config_and_print_config_say_what_is() {
    let dir = tempfile::tempdir().unwrap();
    let printed = run(dir.path(), &["print-config"]);
    assert!(printed.status.success());
    std::fs::write(dir.path().join("Config.toml"), &printed.stdout).unwrap();
    let checked = run(dir.path(), &["check-config"]);
    assert!(checked.status.success() && text(&checked.stdout).contains("Config.toml: ok"), "{checked:?}");
}

#[test]
fn a_mistake_stops_the_start_with_exit_code_2() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/broken");
    let dir = tempfile::tempdir().unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        for action in ["run", "check-config"] {
            let output = run(dir.path(), &[action, "--config", path.to_str().unwrap()]);
            assert_eq!(output.status.code(), Some(2), "{}: {output:?}", path.display());
            assert!(text(&output.stderr).starts_with("error: "), "{output:?}");
        }
        files += 1;
    }
    assert!(files >= 10);
    assert_eq!(run(dir.path(), &["--config", "/nonexistent.toml"]).status.code(), Some(2));
    assert!(!dir.path().join("logs").exists() && !dir.path().join("state").exists());
}

#[test]
fn a_named_port_that_is_taken_stops_the_start_and_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let off = "telnet = { enabled = false }\nsmtp = { enabled = false }\nhttp = { enabled = false }\n";
    let config = format!("[general]\naddress = \"127.0.0.1\"\n[ports]\nftp = {{ port = {port} }}\n{off}");
    std::fs::write(dir.path().join("Config.toml"), config).unwrap();
    let output = run(dir.path(), &[]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("port {port} for ftp can't be opened")) && said.contains("[ports]"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_written_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("logs"), "a file, not a folder").unwrap();
    let [port] = free_ports();
    let off = "telnet = { enabled = false }\nsmtp = { enabled = false }\nhttp = { enabled = false }\n";
    std::fs::write(dir.path().join("Config.toml"), format!("[ports]\nftp = {{ port = {port} }}\n{off}")).unwrap();
    let output = run(dir.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the log folder can't be used"), "{output:?}");
}

#[test]
fn the_start_says_where_it_listens_and_what_it_goes_without() {
    let mut sensor = Sensor::start(&Setup::default());
    sensor.wait_for_line("no model").unwrap();
    let said = sensor.said().join("\n");
    for protocol in crate::sensor::PROTOCOLS {
        assert!(said.contains(&format!("{protocol} {}", sensor.port(protocol))), "{said}");
    }
    assert!(said.contains("no token.txt") && said.contains("no model"), "{said}");
    let name = |sensor: &Sensor| {
        let text = std::fs::read_to_string(sensor.dir().join("state/instance.json")).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["name"].clone()
    };
    assert_ne!(name(&sensor), name(&Sensor::start(&Setup::default())));
}

#[test]
fn the_log_has_json_lines_with_the_promised_fields() {
    let sensor = Sensor::start(&Setup { env: &[("RUST_LOG", "debug")], ..Setup::default() });
    sensor.connect("ftp").until("220");
    sensor.wait_for_event(|event| event["kind"] == "connection_closed");
    let dir = sensor.dir().join("logs");
    let (_, status) = {
        let log = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
        let log =
            log.into_iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with("rustbucket.log."));
        let text = std::fs::read_to_string(log.unwrap()).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["level"].is_string()), "{text}");
        let visit = lines.iter().find(|line| line["source_ip"].is_string()).unwrap();
        assert_eq!((&visit["source_ip"], &visit["message"]), (&"127.0.0.1".into(), &"visit".into()));
        sensor.stop()
    };
    assert!(status.success());
}

#[test]
fn a_load_balancers_word_counts_only_where_it_is_expected() {
    let (sensor, [port]) = Sensor::start_with(|[port]| {
        format!(
            "[[services]]\nname = \"behind\"\ntype = \"tcp\"\nport = {port}\nbanner = \"hello\\r\\n\"\nproxy_protocol = true\n"
        )
    });
    let mut talk = crate::sensor::Talk::to(port);
    talk.send("PROXY TCP4 192.0.2.77 198.51.100.1 4711 80\r\nhi\r\n");
    talk.until("hello\r\n");
    let event = sensor.wait_for_event(|event| event["kind"] == "command" && event["protocol"] == "behind");
    assert_eq!(
        (&event["src_ip"], &event["src_port"], &event["input"]),
        (&"192.0.2.77".into(), &4711.into(), &"hi".into())
    );
    let opened = sensor.wait_for_event(|event| event["kind"] == "connection_opened" && event["protocol"] == "behind");
    assert!(opened["via"].as_str().unwrap().starts_with("127.0.0.1:"));

    // Version 2: signature, version 2 and PROXY, TCP over IPv4, 12 bytes of addresses and ports.
    let mut binary = crate::sensor::Talk::to(port);
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend([203, 0, 113, 9, 198, 51, 100, 1, 0x12, 0x34, 0, 80]);
    header.extend(b"from version 2\r\n");
    binary.send(header);
    binary.until("hello\r\n");
    let event = sensor.wait_for_event(|event| event["input"] == "from version 2");
    assert_eq!((&event["src_ip"], &event["src_port"]), (&"203.0.113.9".into(), &0x1234.into()));

    let mut none = crate::sensor::Talk::to(port);
    none.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(none.rest(), b"");
    // On a port without it, the header is what the daemon makes of it.
    let mut plain = sensor.connect("ftp");
    plain.until("220 (vsFTPd 3.0.3)\r\n");
    assert!(plain.ask("PROXY TCP4 192.0.2.77 198.51.100.1 4711 80", "\r\n").starts_with("530 "));
    let (events, _) = sensor.stop();
    assert!(events.iter().any(|event| event["kind"] == "connections_refused" && event["reason"] == "proxy_header"));
}

#[test]
fn a_full_disk_is_survived_and_said_once() {
    let full = ["events-", "rustbucket.log."];
    let mut sensor = Sensor::start(&Setup { full: &full, ..Setup::default() });
    for _ in 0..20 {
        sensor.connect("ftp").until("220 (vsFTPd 3.0.3)\r\n");
    }
    sensor.wait_for_line("events can't be written").unwrap();
    sensor.connect("smtp").until("220 ");
    let said = sensor.said();
    let times = |text: &str| said.iter().filter(|line| line.contains(text)).count();
    assert_eq!((times("events can't be written"), times("the log file can't be written")), (1, 1), "{said:#?}");
    let pid = nix::unistd::Pid::from_raw(sensor.pid().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    sensor.wait_for_line("the last events could not be written").unwrap();
    sensor.wait_for_line("stopped").unwrap();
}
