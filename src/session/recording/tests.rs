use std::net::IpAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::event::{self, Bus, EventLog, Kind, Sink, Visit};
use crate::session::{Captures, Limits, Shared};
use crate::world;

#[derive(Default)]
struct Seen(Mutex<Vec<Kind>>);

impl Sink for Seen {
    fn offer(&self, event: &Arc<event::Event>) {
        self.0.lock().unwrap().push(event.kind().clone());
    }
}

struct Bench {
    state: tempfile::TempDir,
    seen: Arc<Seen>,
    all: Arc<Recordings>,
    shared: Arc<Shared>,
}

impl Bench {
    fn new(config: &Config) -> Self {
        let state = tempfile::tempdir().unwrap();
        let all = Recordings::open(state.path(), config).unwrap();
        all.start().unwrap();
        let world = world::World::build(world::Setup {
            persona: &world::Config::default(),
            login: &world::Login::default(),
            overlay: &world::Overlay::default(),
            state: None,
            image: None,
            seed: 1,
            overlay_bytes: 1 << 20,
            total_bytes: 1 << 20,
        });
        let shared = Arc::new(Shared {
            world,
            captures: Captures::open(state.path(), 1 << 20).unwrap(),
            recordings: Some(Arc::clone(&all)),
            tls: None,
            limits: Limits::default(),
            stop: CancellationToken::new(),
        });
        Self { state, seen: Arc::default(), all, shared }
    }

    fn session(&self) -> Arc<Session> {
        let here = IpAddr::from([192, 0, 2, 7]);
        let visit = Visit {
            session: crate::base::ids::session(),
            protocol: "ssh".into(),
            src_ip: here,
            src_port: 9,
            dst_port: 22,
        };
        let bus = Bus::new("test", vec![Arc::clone(&self.seen) as Arc<dyn Sink>]);
        Session::new(EventLog::new(bus, visit), Arc::clone(&self.shared), here)
    }

    /// The events, when all is written.
    fn close(&self) -> Vec<Kind> {
        self.all.close();
        self.seen.0.lock().unwrap().clone()
    }

    fn folder(&self) -> std::path::PathBuf {
        self.state.path().join(FOLDER)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(self.folder()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn lines(path: &Path) -> (serde_json::Value, Vec<cast::Event>) {
    let text = std::fs::read_to_string(path).unwrap();
    let (header, events) = text.split_once('\n').unwrap();
    assert!(text.ends_with('\n'));
    (serde_json::from_str(header).unwrap(), events.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn kept(events: &[cast::Event]) -> Vec<(&str, &str)> {
    events.iter().map(|event| (event.1.as_str(), event.2.as_str())).collect()
}

#[test]
fn a_session_becomes_a_file_and_an_event() {
    let bench = Bench::new(&Config::default());
    let session = bench.session();
    let id = session.log().visit().session;
    let mut recording = session.recording(true);
    recording.terminal("xterm", 100, 40);
    recording.entered("root", "/bin/bash", None);
    recording.output(b"# ");
    recording.input(b"l");
    recording.output(b"l\xe2\x82");
    recording.resize(120, 50);
    recording.resize(120, 50);
    recording.resize(0, 0);
    std::thread::sleep(Duration::from_millis(120));
    recording.output(b"\xac\xff\n");
    recording.output(b"\xe2");
    drop((recording, session));
    let events = bench.close();
    let name = format!("{id}.cast");
    assert_eq!(bench.names(), std::slice::from_ref(&name));
    let (header, lines) = lines(&bench.folder().join(&name));
    assert_eq!((&header["version"], &header["width"], &header["height"]), (&2.into(), &100.into(), &40.into()));
    assert_eq!(header["env"], serde_json::json!({"TERM": "xterm", "SHELL": "/bin/bash"}));
    assert_eq!(header["rustbucket"]["user"], "root");
    let expected = [("o", "# "), ("i", "l"), ("o", "l"), ("r", "120x50"), ("o", "€\u{10ffff}\n"), ("o", "\u{10ffe2}")];
    assert_eq!(kept(&lines), expected);
    assert!(lines.is_sorted_by(|one, other| one.0 <= other.0) && lines[5].0 >= 0.1);
    let Some(Kind::RecordingStored { file, bytes, sha256, duration_ms, truncated }) = events.first() else {
        panic!("{events:?}")
    };
    let content = std::fs::read(bench.folder().join(&name)).unwrap();
    use sha2::Digest;
    let hash: String = sha2::Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((file.as_deref(), *bytes, sha256.as_deref()), (Some(&*name), content.len() as u64, Some(&*hash)));
    assert!(*duration_ms >= 100 && !truncated);
    assert!(matches!(events.get(1), Some(Kind::ConnectionClosed { .. })), "{events:?}");
}

#[test]
fn who_says_nothing_leaves_nothing_and_a_command_is_something() {
    let bench = Bench::new(&Config::default());
    let session = bench.session();
    let mut silent = session.recording(true);
    silent.terminal("", 0, 0);
    silent.entered("root", "/bin/bash", None);
    silent.output(b"# ");
    drop(silent);
    let mut none = session.recording(false);
    none.input(b"x");
    none.entered("root", "/bin/bash", Some("id"));
    drop(none);
    for _ in 0..2 {
        session.recording(true).entered("root", "/bin/bash", Some("id"));
    }
    let id = session.log().visit().session;
    drop(session);
    assert_eq!(bench.close().len(), 3);
    assert_eq!(bench.names(), [format!("{id}-2.cast"), format!("{id}.cast")]);
}

#[test]
fn logins_and_input_are_left_out_when_they_are_not_wanted() {
    for logins in [true, false] {
        let bench = Bench::new(&Config { logins, input: false, ..Config::default() });
        for user in [None, Some("root")] {
            let mut recording = bench.session().recording(true);
            recording.output(b"login: ");
            recording.input(b"root\r");
            if let Some(user) = user {
                recording.entered(user, "/bin/sh", None);
            }
        }
        bench.close();
        assert_eq!(bench.names().len(), if logins { 2 } else { 1 });
        for name in bench.names() {
            assert_eq!(kept(&lines(&bench.folder().join(name)).1), [("o", "login: ")]);
        }
    }
}

#[test]
fn a_long_one_is_cut_but_typing_has_room() {
    let bench = Bench::new(&Config { max_file_bytes: 8192, ..Config::default() });
    let mut recording = bench.session().recording(true);
    recording.input(b"a");
    recording.entered("root", "/bin/sh", None);
    for _ in 0..1000 {
        recording.output(&[b'x'; 100]);
    }
    recording.input(b"still there");
    for _ in 0..1000 {
        recording.input(&[b'y'; 100]);
    }
    drop(recording);
    let events = bench.close();
    assert!(matches!(events[0], Kind::RecordingStored { truncated: true, bytes: 7000..=8192, .. }), "{events:?}");
    let (_, lines) = lines(&bench.folder().join(&bench.names()[0]));
    assert!(kept(&lines).contains(&("i", "still there")));
}

#[test]
fn of_too_many_the_oldest_go_and_those_that_run_stay() {
    let config = Config { max_file_bytes: 8192, max_total_bytes: 10 * 4096, ..Config::default() };
    let bench = Bench::new(&config);
    let mut running = bench.session().recording(true);
    running.input(b"first");
    running.entered("root", "/bin/sh", None);
    let first = running.session.log().visit().session.to_string();
    let mut last = String::new();
    for number in 0..40 {
        let session = bench.session();
        last = session.log().visit().session.to_string();
        session.recording(true).entered("root", "/bin/sh", Some(&format!("echo {number}")));
        std::thread::sleep(Duration::from_millis(2));
    }
    drop(running);
    bench.close();
    let names = bench.names();
    assert!((5..=10).contains(&names.len()), "{names:?}");
    assert!(names.contains(&format!("{first}.cast")) && names.contains(&format!("{last}.cast")), "{names:?}");
}

#[test]
fn a_disk_that_refuses_is_told_and_nothing_else() {
    let bench = Bench::new(&Config::default());
    std::fs::remove_dir(bench.folder()).unwrap();
    std::fs::write(bench.folder(), "in the way").unwrap();
    let mut recording = bench.session().recording(true);
    recording.entered("root", "/bin/sh", Some("id"));
    std::thread::sleep(Duration::from_millis(600));
    for _ in 0..100 {
        recording.output(b"x");
    }
    assert!(recording.tape.as_ref().unwrap().over);
    drop(recording);
    let events = bench.close();
    let nothing =
        |kind: &Kind| matches!(kind, Kind::RecordingStored { file: None, sha256: None, bytes: 0, truncated: true, .. });
    assert!(nothing(&events[0]), "{events:?}");
}

#[test]
fn one_visit_can_not_push_out_all_others() {
    let bench = Bench::new(&Config::default());
    let session = bench.session();
    for _ in 0..200 {
        session.recording(true).entered("root", "/bin/sh", Some("id"));
    }
    drop(session);
    bench.close();
    assert_eq!(bench.names().len(), 128);
}

/// Lines that wait for a disk are bounded for all sessions together, and nobody waits for them.
#[test]
fn a_disk_that_stands_still_holds_up_nobody() {
    let config = Config { max_file_bytes: 256 << 20, ..Config::default() };
    let bench = Bench::new(&config);
    bench.all.close();
    let begun = std::time::Instant::now();
    let mut recordings: Vec<Recording> = (0..4).map(|_| bench.session().recording(true)).collect();
    for recording in &mut recordings {
        recording.entered("root", "/bin/sh", Some("yes"));
        for _ in 0..1000 {
            recording.output(&[b'y'; 32 << 10]);
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(recordings.iter().any(|recording| recording.tape.as_ref().unwrap().over));
    assert!(bench.all.waiting() <= 16 << 20);
}

#[test]
fn what_is_held_before_a_login_is_bounded() {
    let bench = Bench::new(&Config::default());
    let mut recording = bench.session().recording(true);
    for _ in 0..100 {
        recording.output(&[b'x'; 1000]);
        let Stage::Held(_, lines) = &recording.tape.as_ref().unwrap().stage else { return };
        assert!(lines.len() <= HELD);
    }
    panic!("it is never begun");
}
