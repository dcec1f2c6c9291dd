//! Recordings of real sessions of Telnet and SSH: what asciinema and `rustbucket replay` show of them is what the client
//! saw.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::clients::program;
use crate::sensor::{PATIENCE, Sensor, Setup, command};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn replay(dir: &Path, arguments: &[&str]) -> Output {
    command(dir).arg("replay").args(arguments).output().unwrap()
}

/// All of a recording at once, as it is.
fn replayed(dir: &Path, session: &str) -> Vec<u8> {
    let output = replay(dir, &[session, "--raw", "--idle-limit", "0"]);
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// What asciinema makes of a recording; `None` where it is not installed.
fn asciinema(file: &Path) -> Option<Vec<u8>> {
    let shown = file.with_extension("shown");
    on_a_terminal(&format!("asciinema cat {} >{}", file.display(), shown.display()))?;
    Some(std::fs::read(shown).unwrap())
}

/// What a line with asciinema shows on a terminal of its own, without which it does not run.
fn on_a_terminal(line: &str) -> Option<String> {
    if program("asciinema").is_none() || program("script").is_none() {
        return None;
    }
    let mut script = Command::new("timeout");
    script.args(["60", "script", "-qec", line, "/dev/null"]).stdin(Stdio::null());
    let output = script.env("LC_ALL", "C.UTF-8").env("TERM", "xterm").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(text(&output.stdout))
}

/// The event of a recording, and its file.
fn recording(sensor: &Sensor, protocol: &str, number: usize) -> (Value, PathBuf) {
    let mut found = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while found.len() <= number {
        assert!(Instant::now() < deadline, "{:#?}", sensor.events());
        found = sensor.events();
        found.retain(|event| event["kind"] == "recording_stored" && event["protocol"] == protocol);
        std::thread::sleep(Duration::from_millis(10));
    }
    let event = found.swap_remove(number);
    let file = sensor.dir().join("state/recordings").join(event["file"].as_str().unwrap());
    (event, file)
}

/// Header and events of a file; times never go back.
fn cast(file: &Path) -> (Value, Vec<(f64, String, String)>) {
    let text = std::fs::read_to_string(file).unwrap();
    let mut lines = text.lines();
    let header: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let events: Vec<(f64, String, String)> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.is_sorted_by(|one, other| one.0 <= other.0) && events[0].0 < 1.0, "{text}");
    assert!(events.iter().all(|event| ["o", "i", "r"].contains(&event.1.as_str())), "{text}");
    (header, events)
}

fn of(events: &[(f64, String, String)], code: &str) -> String {
    events.iter().filter(|event| event.1 == code).map(|event| event.2.as_str()).collect()
}

/// A Telnet client that keeps every byte.
struct Telnet {
    stream: TcpStream,
    wire: Vec<u8>,
    read: usize,
}

const WINDOW: u8 = 31;

fn window(columns: u8, rows: u8) -> [u8; 9] {
    [0xff, 0xfa, WINDOW, 0, columns, 0, rows, 0xff, 0xf0]
}

impl Telnet {
    fn connect(sensor: &Sensor) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", sensor.port("telnet"))).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, wire: Vec::new(), read: 0 }
    }

    fn more(&mut self) -> bool {
        let mut piece = [0; 4096];
        let bytes = self.stream.read(&mut piece).unwrap_or(0);
        self.wire.extend_from_slice(&piece[..bytes]);
        bytes > 0
    }

    /// Names a window, refuses all other options, waits for the login.
    fn negotiate(&mut self, columns: u8, rows: u8) {
        let mut seen = 0;
        while !self.wire.windows(7).any(|part| part == b"login: ") {
            assert!(self.more(), "{:?}", text(&self.wire));
            while let Some([0xff, verb, option]) = self.wire.get(seen..seen + 3) {
                if (*verb, *option) == (0xfd, WINDOW) {
                    self.stream.write_all(&[0xff, 0xfb, WINDOW]).unwrap();
                    self.stream.write_all(&window(columns, rows)).unwrap();
                } else if *verb == 0xfd {
                    self.stream.write_all(&[0xff, 0xfc, *option]).unwrap();
                }
                seen += 3;
            }
        }
    }

    /// Sends bytes, and waits for these.
    fn ask(&mut self, bytes: &[u8], end: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        loop {
            if let Some(at) = self.wire[self.read..].windows(end.len()).position(|part| part == end) {
                self.read += at + end.len();
                return;
            }
            assert!(self.more(), "no {:?} after {:?}", text(end), text(&self.wire));
        }
    }

    /// What a terminal showed of it, at the end of the connection.
    fn seen(mut self) -> Vec<u8> {
        while self.more() {}
        let mut seen = Vec::new();
        let mut rest = self.wire.as_slice();
        loop {
            rest = match rest {
                [] => return seen,
                [0xff, 0xff, rest @ ..] => {
                    seen.push(0xff);
                    rest
                }
                [0xff, 0xfa, ..] => {
                    let end = rest.windows(2).position(|part| part == [0xff, 0xf0]).unwrap();
                    &rest[end + 2..]
                }
                [0xff, 0xfb..=0xfe, _, rest @ ..] | [0xff, _, rest @ ..] => rest,
                [b'\r', 0, rest @ ..] => {
                    seen.push(b'\r');
                    rest
                }
                [byte, rest @ ..] => {
                    seen.push(*byte);
                    rest
                }
            };
        }
    }
}

/// A session of Telnet with colours, characters of several bytes, a long output, a resize and a pause.
fn telnet_session(sensor: &Sensor) -> Vec<u8> {
    let mut telnet = Telnet::connect(sensor);
    telnet.negotiate(100, 40);
    telnet.ask(b"root\r\0", b"Password: ");
    telnet.ask(b"toor\r\0", b"# ");
    telnet.ask(b"printf '\\033[31mrot\\033[0m \\303\\274 \\346\\274\\242\\n'\r\0", b"\x1b[31mrot");
    telnet.ask(b"", b"# ");
    telnet.ask(b"seq 1 3000\r\0", b"\n3000\r\n");
    telnet.stream.write_all(&window(120, 50)).unwrap();
    std::thread::sleep(Duration::from_millis(600));
    telnet.ask(b"stty size\r\0", b"50 120\r\n");
    telnet.stream.write_all(b"exit\r\0").unwrap();
    telnet.seen()
}

#[test]
fn a_telnet_session_is_what_the_client_saw() {
    let sensor = Sensor::start(&Setup::default());
    let seen = telnet_session(&sensor);
    let (event, file) = recording(&sensor, "telnet", 0);
    let (header, events) = cast(&file);
    assert_eq!((&header["version"], &header["width"], &header["height"]), (&2.into(), &100.into(), &40.into()));
    assert_eq!(header["env"]["SHELL"], "/bin/bash");
    assert!(header["env"]["TERM"].is_string() && header["timestamp"].is_i64(), "{header}");
    assert_eq!(header["rustbucket"]["session"], event["session"]);
    assert_eq!(text(&seen), of(&events, "o"));
    // The pause, and the password that was not shown.
    assert!(events.windows(2).any(|pair| pair[1].0 - pair[0].0 > 0.3));
    let typed = of(&events, "i");
    assert!(typed.starts_with("root\rtoor\rprintf") && typed.ends_with("exit\r"), "{typed:?}");
    assert_eq!(of(&events, "r"), "120x50");
    let content = std::fs::read(&file).unwrap();
    assert_eq!((&event["bytes"], &event["truncated"]), (&content.len().into(), &false.into()));
    assert!(event["duration_ms"].as_u64().unwrap() > 600 && event["sha256"].as_str().unwrap().len() == 64);
    assert!(replayed(sensor.dir(), event["session"].as_str().unwrap()) == seen);
    if let Some(shown) = asciinema(&file) {
        assert_eq!(text(&shown), text(&seen));
    }
    // Played with its timing, on a terminal of its own.
    if let Some(played) = on_a_terminal(&format!("asciinema play -i 0.01 {}", file.display())) {
        assert!(played.contains("\x1b[31mrot\x1b[0m ü 漢"), "{played}");
    }
    let (events, status) = sensor.stop();
    assert!(status.success());
    crate::shutdown::whole(&events);
}

#[test]
fn an_ssh_session_and_a_command_on_a_terminal_are_recorded_and_nothing_else() {
    if program("ssh").is_none() {
        return;
    }
    let sensor = Sensor::start(&Setup::default());
    let ssh = |arguments: &[&str], typed: &[u8]| {
        let mut ssh = crate::ssh::client(&sensor, "ssh", "toor");
        ssh.args(arguments).env("TERM", "screen").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = ssh.spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed).unwrap();
        child.wait_with_output().unwrap().stdout
    };
    let typed = "printf '\\033[1mä€\\033[0m\\n'; seq 1 2000\nls /\ntop -b -n1 | head -3\nexit\n";
    let seen = ssh(&["-tt", "root@127.0.0.1"], typed.as_bytes());
    let (event, file) = recording(&sensor, "ssh", 0);
    let (header, events) = cast(&file);
    assert_eq!(header["env"], serde_json::json!({"TERM": "screen", "SHELL": "/bin/bash"}));
    assert_eq!((&header["rustbucket"]["user"], &header["rustbucket"]["protocol"]), (&"root".into(), &"ssh".into()));
    assert!(text(&seen).contains("\x1b[1mä€\x1b[0m\r\n") && text(&seen).contains("\r\n2000\r\n"));
    assert_eq!((text(&seen), typed.to_string()), (of(&events, "o"), of(&events, "i")));
    assert!(replayed(sensor.dir(), event["session"].as_str().unwrap()) == seen);
    if let Some(shown) = asciinema(&file) {
        assert_eq!(text(&shown), text(&seen));
    }
    let seen = ssh(&["-tt", "root@127.0.0.1", "printf 'a\\377b\\n'"], b"");
    assert_eq!(seen, b"a\xffb\r\n");
    let (event, file) = recording(&sensor, "ssh", 1);
    assert_eq!(cast(&file).0["command"], "printf 'a\\377b\\n'");
    assert_eq!(replayed(sensor.dir(), event["session"].as_str().unwrap()), seen);
    // A command without a terminal, and a shell in which nothing is typed.
    ssh(&["root@127.0.0.1", "id"], b"");
    let mut quiet = crate::ssh::client(&sensor, "ssh", "toor");
    quiet.args(["-tt", "root@127.0.0.1"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = quiet.spawn().unwrap();
    let mut first = [0; 1];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let mut silent = Telnet::connect(&sensor);
    silent.negotiate(80, 24);
    drop(silent);
    let (events, _) = sensor.stop();
    let stored = events.iter().filter(|event| event["kind"] == "recording_stored").count();
    assert_eq!(stored, 2, "{events:#?}");
    crate::shutdown::whole(&events);
}

/// OpenSSH on a terminal of its own, whose size changes.
#[test]
fn the_size_of_an_ssh_terminal_is_recorded() {
    if program("ssh").is_none() || program("script").is_none() {
        return;
    }
    let sensor = Sensor::start(&Setup::default());
    let ssh = crate::ssh::client(&sensor, "ssh", "toor");
    // Without `timeout`, which keeps it from the terminal.
    let words: Vec<&str> = ssh.get_args().skip(1).map(|word| word.to_str().unwrap()).collect();
    let resize = "t=$(tty); (sleep 2; stty -F $t cols 90 rows 30) & ";
    let line = format!("stty cols 120 rows 40; {resize} {} root@127.0.0.1", words.join(" "));
    let typed = "(sleep 4; printf 'stty size\\r'; sleep 1; printf 'exit\\r'; sleep 1)";
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{typed} | timeout 60 script -qec \"$LINE\" /dev/null")]).env("LINE", line);
    shell.envs(ssh.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm");
    shell.env_remove("SSH_AUTH_SOCK");
    let output = shell.stdin(Stdio::null()).output().unwrap();
    let (_, file) = recording(&sensor, "ssh", 0);
    let (header, events) = cast(&file);
    assert_eq!((&header["width"], &header["height"]), (&120.into(), &40.into()), "{output:?}");
    assert_eq!((of(&events, "r").as_str(), of(&events, "i").as_str()), ("90x30", "stty size\rexit\r"));
    assert!(of(&events, "o").contains("\r\n30 90\r\n") && text(&output.stdout).contains("30 90"), "{output:?}");
}

#[test]
fn replay_finds_lists_exports_and_filters() {
    let sensor = Sensor::start(&Setup::default());
    let mut telnet = Telnet::connect(&sensor);
    telnet.negotiate(100, 40);
    telnet.ask(b"root\r\0", b"Password: ");
    telnet.ask(b"toor\r\0", b"# ");
    telnet.ask(b"printf 'a\\033]52;c;eA==\\007\\033[6n\\033[32mb\\033[m\\n'\r\0", b"\x1b[32mb");
    std::thread::sleep(Duration::from_secs(1));
    telnet.ask(b"echo second\r\0", b"\nsecond");
    telnet.stream.write_all(b"exit\r\0").unwrap();
    let seen = text(&telnet.seen());
    let (event, file) = recording(&sensor, "telnet", 0);
    let session = event["session"].as_str().unwrap();
    let dir = sensor.dir();
    let fails = |arguments: &[&str], reason: &str| {
        let output = replay(dir, arguments);
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(reason), "{arguments:?}: {output:?}");
    };

    // By a beginning, by a path; with pauses, without.
    for name in [session, &session[..20], file.to_str().unwrap(), &format!("{session}.cast")] {
        let output = replay(dir, &[name, "--idle-limit", "0"]);
        let shown = text(&output.stdout);
        assert!(output.status.success() && shown.contains("a\x1b[32mb\x1b[m\r\n"), "{output:?}");
        assert_eq!(shown, seen.replace("\x1b]52;c;eA==\x07\x1b[6n", ""));
        assert!(text(&output.stderr).contains("2 control sequences were left out"), "{output:?}");
    }
    let begun = Instant::now();
    assert!(replay(dir, &[session]).status.success());
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    let begun = Instant::now();
    assert!(replay(dir, &[session, "--speed", "1000"]).status.success());
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
    let typed = text(&replay(dir, &[session, "--idle-limit", "0", "--input"]).stdout);
    assert!(typed.contains("\x1b[7mtoor^M\x1b[27m"), "{typed:?}");

    let listed = text(&replay(dir, &["--list"]).stdout);
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["SESSION", "WHEN", "FROM", "PROTOCOL", "USER", "DURATION", "LINES", "BYTES"]);
    assert_eq!((lines[1][0], lines[1][2], lines[1][3], lines[1][4]), (session, "127.0.0.1", "telnet", "root"));
    assert_eq!((lines[1][7], lines[1][8]), ("5", event["bytes"].to_string().as_str()));

    let target = dir.join("out.cast");
    assert!(replay(dir, &[session, "--export", target.to_str().unwrap()]).status.success());
    let original = std::fs::read(&file).unwrap();
    assert!(std::fs::read(&target).unwrap() == original);
    assert!(replay(dir, &[session, "--export", "-"]).stdout == original);
    fails(&[session, "--export", file.to_str().unwrap()], "the recording itself");
    fails(&[session, "--export", "/nonexistent/x"], "/nonexistent/x: No such file");

    // What can't be played.
    std::fs::copy(&file, file.with_file_name(format!("{session}-2.cast"))).unwrap();
    assert!(replay(dir, &[session, "--idle-limit", "0"]).status.success());
    fails(&[&session[..20]], "2 recordings begin with");
    fails(&["ffffffff"], "there is no recording of \"ffffffff\"");
    fails(&["/nonexistent.cast"], "/nonexistent.cast: No such file");
    fails(&[session, "--speed", "0"], "not a number above 0");
    fails(&[session, "--idle-limit", "-1"], "");
    fails(&[], "required");
    let broken = dir.join("broken.cast");
    for (content, reason) in [
        ("", ":1: this is no asciicast v2"),
        ("{\"version\": 1, \"width\": 1, \"height\": 1}\n", "version 1, not 2"),
        ("{\"version\": 2, \"width\": 1, \"height\": 1}\n[1, \"o\"\n[2, \"o\", \"x\"]\n", ":2: this is no event"),
    ] {
        std::fs::write(&broken, content).unwrap();
        fails(&[broken.to_str().unwrap()], reason);
    }
    // A recording of another program, and one that was cut off in the middle of a line.
    let foreign = "{\"version\": 2, \"width\": 80, \"height\": 24, \"env\": null, \"theme\": {}}\n[0.1, \"o\", \"x\"]\n[1, \"m\", \"\"]\n[1.5, \"o\", \"yy";
    std::fs::write(&broken, foreign).unwrap();
    assert_eq!(replay(dir, &[broken.to_str().unwrap(), "--idle-limit", "0"]).stdout, b"x");
}

#[test]
fn a_folder_that_refuses_is_one_warning_and_nothing_on_the_wire() {
    let sensor = Sensor::start(&Setup::default());
    let folder = sensor.dir().join("state/recordings");
    std::fs::remove_dir(&folder).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    for _ in 0..3 {
        assert!(text(&telnet_session(&sensor)).contains("50 120\r\n"));
    }
    let events = sensor.wait_for_event(|event| event["kind"] == "recording_stored");
    assert!(events["file"].is_null() && events["truncated"] == true, "{events}");
    let said = sensor.said();
    assert_eq!(said.iter().filter(|line| line.contains("can't be recorded")).count(), 1, "{said:#?}");
}

/// A stop cuts a session off; its recording is whole.
#[test]
fn a_session_that_is_there_at_the_end_is_kept() {
    let sensor = Sensor::start(&Setup::default());
    let mut telnet = Telnet::connect(&sensor);
    telnet.negotiate(80, 24);
    telnet.ask(b"root\r\0", b"Password: ");
    telnet.ask(b"toor\r\0", b"# ");
    let (events, status) = sensor.stop();
    let stored = events.iter().find(|event| event["kind"] == "recording_stored").unwrap();
    assert!(status.success() && stored["file"].is_string() && stored["bytes"].as_u64().unwrap() > 500, "{stored}");
    crate::shutdown::whole(&events);
    assert_eq!(events.last().unwrap()["kind"], "sensor_stopped");
}

#[test]
fn nothing_is_recorded_where_nobody_wants_it() {
    let sensor = Sensor::start(&Setup { extra: "[recordings]\nenabled = false\n", ..Setup::default() });
    telnet_session(&sensor);
    sensor.wait_for_event(|event| event["kind"] == "connection_closed");
    assert!(!sensor.dir().join("state/recordings").exists());
    let (events, _) = sensor.stop();
    assert!(!events.iter().any(|event| event["kind"] == "recording_stored"));
}
