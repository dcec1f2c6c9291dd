//! Recorded conversations with the real nginx, played against the engine; and what the recordings do not have.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::request::{Head, Progress};
use super::*;
use crate::event::{Bus, Event, EventLog, Sink, Visit};
use crate::respond::Mode;
use crate::session::{Captures, Limits, Shared};
use crate::world::{self, FileConfig, World};

#[derive(Default)]
struct Kept(Mutex<Vec<Arc<Event>>>);

impl Sink for Kept {
    fn offer(&self, event: &Arc<Event>) {
        self.0.lock().unwrap().push(Arc::clone(event));
    }
}

struct Caller {
    pipe: DuplexStream,
    kept: Arc<Kept>,
    _state: tempfile::TempDir,
}

/// The one place that makes a session.
fn session(log: EventLog, shared: Arc<Shared>) -> Arc<Session> {
    Session::new(log, shared, [127, 0, 0, 1].into())
}

fn transcripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/http")
}

fn file(path: &str, content: &str, mode: &str, modified: &str) -> FileConfig {
    let owner = "root".to_owned();
    FileConfig { path: path.into(), content: content.into(), owner, mode: mode.into(), modified: modified.into() }
}

fn call(server: &str) -> Caller {
    let welcome = std::fs::read_to_string(transcripts().join("welcome.html")).unwrap();
    let config = world::Config {
        files: vec![
            file("/var/www/html/index.html", &welcome, "", "2026-11-23T06:51:53Z"),
            file("/var/www/html/pub/a.txt", "hello\n", "", "2026-11-23T07:30:31Z"),
            file("/var/www/html/unread.txt", "no\n", "0600", "2026-11-23T07:30:31Z"),
            file("/var/www/html/big.bin", &"x".repeat(200_000), "", "2026-11-23T07:30:31Z"),
            file("/var/www/html/secret/", "", "0700", ""),
        ],
        ..world::Config::default()
    };
    let state = tempfile::tempdir().unwrap();
    let shared = Arc::new(Shared {
        world: World::new(&config, 1, 1 << 20, 1 << 20),
        captures: Captures::open(state.path(), 1 << 20).unwrap(),
        tls: None,
        limits: Limits::default(),
        stop: CancellationToken::new(),
    });
    let kept = Arc::new(Kept::default());
    let visit = Visit {
        session: uuid::Uuid::nil(),
        protocol: "http".into(),
        src_ip: [192, 0, 2, 1].into(),
        src_port: 4000,
        dst_port: 80,
    };
    let log = EventLog::new(Bus::new("test", vec![Arc::clone(&kept) as Arc<dyn Sink>]), visit);
    let session = session(log, shared);
    let (pipe, ours) = tokio::io::duplex(1 << 20);
    let http = Http::new(&Config { server: server.into() });
    tokio::spawn(async move {
        let reason = http.serve(Arc::clone(&session), Responder::new(Mode::Emulator, None), Box::new(ours)).await;
        session.end(reason);
    });
    Caller { pipe, kept, _state: state }
}

/// What comes until nothing comes for a second; and whether the stream ended.
async fn hear(pipe: &mut DuplexStream) -> (Vec<u8>, bool) {
    let mut heard = Vec::new();
    loop {
        match timeout(Duration::from_secs(1), pipe.read_buf(&mut heard)).await {
            Ok(Ok(0)) => return (heard, true),
            Ok(Ok(_)) => {}
            _ => return (heard, false),
        }
    }
}

async fn ask(request: &str) -> String {
    let mut caller = call(SERVER);
    caller.pipe.write_all(request.as_bytes()).await.unwrap();
    String::from_utf8(hear(&mut caller.pipe).await.0).unwrap()
}

/// Undoes the escapes of a transcript: `\n \r \xHH`, `{a*9000}`, `{WELCOME}`.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' if rest.starts_with('x') => {
                out.push(u8::from_str_radix(&rest[1..3], 16).unwrap());
                rest = &rest[3..];
            }
            '\\' => {
                out.push(if rest.starts_with('n') { b'\n' } else { b'\r' });
                rest = &rest[1..];
            }
            '{' => {
                let (name, after) = rest.split_once('}').unwrap();
                rest = after;
                match name.split_once('*') {
                    Some((what, times)) => out.extend(what.repeat(times.parse().unwrap()).into_bytes()),
                    None if name == "WELCOME" => out.extend(std::fs::read(transcripts().join("welcome.html")).unwrap()),
                    None => out.extend(format!("{{{name}}}").into_bytes()),
                }
            }
            other => out.push(u8::try_from(other).unwrap()),
        }
    }
    out
}

fn without_date(bytes: &[u8]) -> String {
    let text: String = bytes.iter().map(|&b| char::from(b)).collect();
    let lines = text.split("\r\n");
    lines.map(|line| if line.starts_with("Date: ") { "Date: {DATE}" } else { line }).collect::<Vec<_>>().join("\r\n")
}

async fn play(text: &str) -> Result<(), String> {
    let mut caller = call("nginx/1.22.1");
    let mut ended = false;
    for line in text.lines() {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("c", bytes) => caller.pipe.write_all(&unescape(bytes)).await.map_err(|error| error.to_string())?,
            ("s", bytes) => {
                let (heard, end) = hear(&mut caller.pipe).await;
                ended = end;
                let (heard, expected) = (without_date(&heard), without_date(&unescape(bytes)));
                if heard != expected {
                    return Err(format!("expected {expected:?}\n   heard {heard:?}"));
                }
            }
            ("end", _) if !ended => {
                let _ = caller.pipe.shutdown().await;
                if hear(&mut caller.pipe).await != (Vec::new(), true) {
                    return Err("no end".into());
                }
            }
            ("open", _) if hear(&mut caller.pipe).await != (Vec::new(), false) => return Err("not open".into()),
            _ => {}
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn answers_as_recorded() {
    let mut failures = Vec::new();
    let mut played = 0;
    for entry in std::fs::read_dir(transcripts()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.starts_with("# provenance: "), "{}", path.display());
            played += 1;
            if let Err(what) = play(&text).await {
                failures.push(format!("{}: {what}", path.file_stem().unwrap().display()));
            }
        }
    }
    assert!(played >= 25, "{played}");
    assert!(failures.is_empty(), "{} of {played}:\n{}", failures.len(), failures.join("\n"));
}

const GET: &str = "GET /pub/a.txt HTTP/1.1\r\nHost: h\r\n";

#[tokio::test(start_paused = true)]
async fn ranges() {
    let one = ask(&format!("{GET}Range: bytes=1-3\r\n\r\n")).await;
    assert!(one.starts_with("HTTP/1.1 206 Partial Content\r\n"), "{one}");
    assert!(one.ends_with("ETag: \"6b03eb97-6\"\r\nContent-Range: bytes 1-3/6\r\n\r\nell"), "{one}");
    let many = ask(&format!("{GET}Range: bytes=0-0,-1\r\n\r\n")).await;
    assert!(many.contains("multipart/byteranges; boundary="), "{many}");
    let beyond = ask(&format!("{GET}Range: bytes=9-\r\n\r\n")).await;
    assert!(beyond.starts_with("HTTP/1.1 416 Requested Range Not Satisfiable\r\n"), "{beyond}");
    assert!(beyond.contains("Content-Range: bytes */6\r\n"), "{beyond}");
    let stale = ask(&format!("{GET}Range: bytes=1-3\r\nIf-Range: \"x\"\r\n\r\n")).await;
    assert!(stale.starts_with("HTTP/1.1 200 "), "{stale}");
}

#[tokio::test(start_paused = true)]
async fn conditions() {
    for (header, status) in [
        ("If-Modified-Since: Mon, 23 Nov 2026 07:30:31 GMT", "304"),
        ("If-Modified-Since: Monday, 23-Nov-26 07:30:31 GMT", "304"),
        ("If-Modified-Since: Mon Nov 23 07:30:31 2026", "304"),
        ("If-Modified-Since: Mon, 01 Jan 2035 00:00:00 GMT", "200"),
        ("If-None-Match: \"x\", W/\"6b03eb97-6\"", "304"),
        ("If-None-Match: \"x\"", "200"),
        ("If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT", "412"),
    ] {
        let answer = ask(&format!("{GET}{header}\r\n\r\n")).await;
        assert_eq!(&answer[9..12], status, "{header}");
    }
}

#[tokio::test(start_paused = true)]
async fn folders_files_and_bodies() {
    let moved = ask("GET /pub?a=b HTTP/1.1\r\nHost: Name:81\r\n\r\n").await;
    assert!(
        moved.contains("\r\nContent-Length: 178\r\nLocation: http://name/pub/?a=b\r\nConnection: keep-alive\r\n"),
        "{moved}"
    );
    for (request, status) in [
        ("GET /unread.txt HTTP/1.0\r\n\r\n", "403"),
        ("GET /pub/ HTTP/1.0\r\n\r\n", "403"),
        ("GET /index.html/ HTTP/1.0\r\n\r\n", "404"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n", "413"),
        ("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", "400"),
        ("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "404"),
    ] {
        assert_eq!(&ask(request).await[9..12], status, "{request}");
    }
    let waits = ask(&format!("{GET}Expect: 100-continue\r\nContent-Length: 1\r\n\r\n")).await;
    assert!(waits.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{waits}");
    assert!(ask("GET /big.bin HTTP/1.0\r\n\r\n").await.ends_with(&"x".repeat(200_000)));
    let browser = ask("GET /x HTTP/1.1\r\nHost: h\r\nUser-Agent: (like Gecko) Chrome/90\r\n\r\n").await;
    assert!(browser.contains("Content-Length: 564\r\n"), "{browser}");
}

#[tokio::test(start_paused = true)]
async fn records_what_came() {
    let mut caller = call(SERVER);
    let request = "POST /x HTTP/1.1\r\nHOST: h\r\nx-A:  b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;e\r\nde\r\n0\r\n\r\n\x16\x03";
    caller.pipe.write_all(request.as_bytes()).await.unwrap();
    hear(&mut caller.pipe).await;
    let events = caller.kept.0.lock().unwrap();
    let Kind::HttpRequest { method, headers, body, body_bytes, status, .. } = events[0].kind() else { panic!() };
    assert_eq!((method.0.as_slice(), body.0.as_slice(), *body_bytes, *status), (&b"POST"[..], &b"abcde"[..], 5, 404));
    assert_eq!(headers[1], ("x-A".into(), "b".into()));
    assert!(matches!(events[1].kind(), Kind::Malformed { what, .. } if what == "TLS hello"));
    assert!(matches!(events[2].kind(), Kind::HttpRequest { status: 400, .. }));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_without_a_word() {
    let mut caller = call(SERVER);
    caller.pipe.write_all(b"GET / HT").await.unwrap();
    let began = Instant::now();
    let mut heard = Vec::new();
    caller.pipe.read_to_end(&mut heard).await.unwrap();
    assert_eq!((heard.len(), began.elapsed().as_secs()), (0, 60));
}

fn respond(head: Head, refusal: Option<Refusal>) -> Response {
    let request = head.into_request();
    let setting = Setting { server: SERVER, now: 0, address: "10.0.0.1", port: 80, last: false };
    let host = World::new(&world::Config::default(), 7, 1 << 20, 1 << 20).host_for([10, 0, 0, 1].into());
    let root = world::Who::root();
    host.write_file(&root, b"/a.html", b"hello", 0o644).unwrap();
    let content = host.open(&root, b"/a.html", world::Open::READ).unwrap();
    let file = site::File { path: b"/a.html".to_vec(), content, modified: 1_700_000_000 };
    match refusal {
        Some(refusal) => dialog::refuse(&request, refusal, &setting),
        None => {
            let _ = dialog::answer(&request, site::Found::Folder, &setting);
            dialog::answer(&request, site::Found::File(file), &setting)
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(
        tail in proptest::collection::vec(any::<u8>(), 0..300),
        range in "[-0-9, ]{0,24}",
        target in "/[a-z%./?#0-9]{0,20}",
        kind in 0..3,
    ) {
        let mut bytes = match kind {
            0 => Vec::new(),
            1 => format!("GET {target} HTTP/1.1\r\nHost: h\r\nRange: bytes={range}\r\n\r\n").into_bytes(),
            _ => format!("GET {target} HTTP/1.1\r\nHost: h\r\n").into_bytes(),
        };
        bytes.extend(tail);
        let mut head = Head::new();
        match head.advance(&bytes).1 {
            Progress::More => {}
            Progress::Done => drop(respond(head, None)),
            Progress::Refused(refusal) => drop(respond(head, Some(refusal))),
        }
    }

    #[test]
    fn any_split_gives_the_same(bytes in "(GET|get|P) [/a-z%]{1,8}( HTTP/[0-3]\\.?[0-9]?)?\r?\n([A-Za-z:]{0,5}: ?.{0,4}\r\n){0,3}\r\n", at in 0_usize..40) {
        let bytes = bytes.as_bytes();
        let whole = Head::new().advance(bytes);
        let mut split = Head::new();
        let (first, progress) = split.advance(&bytes[..at.min(bytes.len())]);
        let progress = if progress == Progress::More { split.advance(&bytes[first..]).1 } else { progress };
        prop_assert_eq!(whole.1, progress);
    }
}
