//! Recorded conversations of real daemons, `tests/transcripts/PROTOCOL/*.txt`, for the tests of the dialogs.
//! `C: ` visitor's line, `S: ` server's line, `D: ` data connection to the visitor, `U: ` from them, `E:` the server
//! closes; bytes that are not printable as `\xNN`.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use crate::event::{Bus, Event, EventLog, Kind, Sink, Visit};
use crate::session::{Captures, Limits, Session, Shared};
use crate::world::World;

/// Events of a test.
#[derive(Default)]
pub struct Seen(Mutex<Vec<Kind>>);

impl Sink for Seen {
    fn offer(&self, event: &Arc<Event>) {
        self.0.lock().unwrap().push(event.kind().clone());
    }
}

impl Seen {
    /// What was recorded so far.
    pub fn kinds(&self) -> Vec<Kind> {
        self.0.lock().unwrap().clone()
    }
}

/// A visit from 127.0.0.1 to a host whose captures lie in `state`.
pub fn visit(world: Arc<World>, state: &std::path::Path) -> (Arc<Session>, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let here = IpAddr::from([127, 0, 0, 1]);
    let visit =
        Visit { session: crate::base::ids::session(), protocol: "x".into(), src_ip: here, src_port: 9, dst_port: 1 };
    let log = EventLog::new(Bus::new("test", vec![Arc::clone(&seen) as Arc<dyn Sink>]), visit);
    let shared = Shared {
        world,
        captures: Captures::open(state, 1 << 20).unwrap(),
        recordings: None,
        tls: None,
        limits: Limits::default(),
        stop: CancellationToken::new(),
    };
    (Session::new(log, Arc::new(shared), here), seen)
}

/// What the visitor sent at once and what came back.
#[derive(Debug, Default)]
pub struct Turn {
    /// Lines without their ends.
    pub lines: Vec<Vec<u8>>,
    /// Over the data connection.
    pub uploaded: Vec<u8>,
    said: Vec<u8>,
    sent: Vec<u8>,
    over: bool,
}

impl Turn {
    /// A turn in which the server said this.
    pub fn said(said: &str) -> Self {
        Self { said: said.into(), ..Self::default() }
    }

    /// The address that the real daemon named in answer to PASV or EPSV.
    pub fn passive_address(&self) -> SocketAddr {
        let said = String::from_utf8_lossy(&self.said);
        let inner = said.split(['(', ')']).nth(1).unwrap_or_default();
        let port = match inner.strip_prefix("|||") {
            Some(port) => port.trim_end_matches('|').parse().unwrap(),
            None => {
                let numbers: Vec<u16> = inner.split(',').filter_map(|number| number.parse().ok()).collect();
                numbers.get(4).zip(numbers.get(5)).map_or(1024, |(high, low)| high * 256 + low)
            }
        };
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// The queue id that the real daemon gave.
    pub fn queue_id(&self) -> String {
        let said = String::from_utf8_lossy(&self.said);
        said.split_once("queued as ").map(|(_, id)| id.split('\r').next().unwrap().to_owned()).unwrap_or_default()
    }
}

/// Plays all conversations of a protocol; `actor` makes, for a profile, what answers turns with: what is said, what
/// goes out over the data connection, whether the conversation is over.
pub fn play_all<A>(protocol: &str, at_least: usize, actor: impl Fn(&str) -> A)
where
    A: FnMut(&Turn) -> (Vec<u8>, Vec<u8>, bool),
{
    let folder = format!("{}/tests/transcripts/{protocol}", env!("CARGO_MANIFEST_DIR"));
    let mut wrong = String::new();
    let mut played = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# provenance: "), "{}", path.display());
        let profile = text.lines().find_map(|line| line.strip_prefix("# profile: ")).unwrap_or("default");
        let mut actor = actor(profile);
        for turn in turns(&text) {
            let got = actor(&turn);
            if got != (turn.said.clone(), turn.sent.clone(), turn.over) {
                let _ = writeln!(
                    wrong,
                    "{}: {:?}\n  real {:?} {:?} {}\n  ours {:?} {:?} {}",
                    path.file_name().unwrap().to_string_lossy(),
                    turn.lines.iter().map(|line| line.escape_ascii().to_string()).collect::<Vec<_>>(),
                    turn.said.escape_ascii().to_string(),
                    turn.sent.escape_ascii().to_string(),
                    turn.over,
                    got.0.escape_ascii().to_string(),
                    got.1.escape_ascii().to_string(),
                    got.2,
                );
            }
            if got.2 {
                break;
            }
        }
        played += 1;
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(played >= at_least, "only {played} transcripts");
}

fn turns(text: &str) -> Vec<Turn> {
    let mut turns = vec![Turn::default()];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (mark, rest) = line.split_at(2);
        let bytes = unescape(rest.strip_prefix(' ').unwrap_or(rest));
        let last = turns.last_mut().unwrap();
        match mark {
            "C:" if last.said.is_empty() => last.lines.push(bytes),
            "C:" => turns.push(Turn { lines: vec![bytes], ..Turn::default() }),
            "S:" => last.said.extend([bytes.as_slice(), b"\r\n"].concat()),
            "D:" => last.sent = bytes,
            "U:" => last.uploaded = bytes,
            "E:" => last.over = true,
            _ => panic!("{line}"),
        }
    }
    turns
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        rest = more;
        if first != b'\\' {
            out.push(first);
        } else if rest[0] == b'x' {
            out.push(u8::from_str_radix(std::str::from_utf8(&rest[1..3]).unwrap(), 16).unwrap());
            rest = &rest[3..];
        } else {
            out.push(rest[0]);
            rest = &rest[1..];
        }
    }
    out
}
