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
    world: Arc<World>,
    state: tempfile::TempDir,
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
    let (mode, modified, invent) = (mode.into(), modified.into(), String::new());
    FileConfig { path: path.into(), content: content.into(), owner, mode, modified, invent }
}

fn call(server: &str) -> Caller {
    call_with(server, &[])
}

fn call_with(server: &str, apps: &[&str]) -> Caller {
    call_on("ubuntu-20.04", server, apps)
}

fn call_on(profile: &str, server: &str, apps: &[&str]) -> Caller {
    let welcome = std::fs::read_to_string(transcripts().join("welcome.html")).unwrap();
    let config = world::Config {
        files: vec![
            file("/var/www/html/index.html", &welcome, "", "2026-11-23T06:51:53Z"),
            file("/var/www/html/pub/a.txt", "hello\n", "", "2026-11-23T07:30:31Z"),
            file("/var/www/html/unread.txt", "no\n", "0600", "2026-11-23T07:30:31Z"),
            file("/var/www/html/big.bin", &"x".repeat(200_000), "", "2026-11-23T07:30:31Z"),
            file("/var/www/html/secret/", "", "0700", ""),
        ],
        profile: profile.into(),
        hostname: "mail".into(),
        domain: "example.com".into(),
        ..world::Config::default()
    };
    let apps = Some(apps.iter().map(|&name| name.into()).collect());
    let http = Config { server: server.into(), apps, invent: None };
    let state = tempfile::tempdir().unwrap();
    let shared = Arc::new(Shared {
        world: World::with_web(
            world::Setup {
                persona: &config,
                login: &world::Login::default(),
                overlay: &world::Overlay::default(),
                state: None,
                image: None,
                seed: 1,
                overlay_bytes: 1 << 20,
                total_bytes: 1 << 20,
            },
            http.web(),
        ),
        captures: Captures::open(state.path(), 1 << 20).unwrap(),
        recordings: None,
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
        dst_port: if http.web().apache { 42_180 } else { 80 },
    };
    let log = EventLog::new(Bus::new("test", vec![Arc::clone(&kept) as Arc<dyn Sink>]), visit);
    let world = Arc::clone(&shared.world);
    let session = session(log, shared);
    let (pipe, ours) = tokio::io::duplex(1 << 20);
    let http = Http::new(&http);
    tokio::spawn(async move {
        let reason = http.serve(Arc::clone(&session), Responder::new(Mode::Emulator, None), Box::new(ours)).await;
        session.end(reason);
    });
    Caller { pipe, kept, world, state }
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
    let apache = text.starts_with("# provenance: recorded from Apache");
    let mut caller = call(if apache { APACHE } else { "nginx/1.22.1" });
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
    let folders = [transcripts(), transcripts().join("apache")];
    for entry in folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()) {
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
    assert!(played >= 180, "{played}");
    assert!(failures.is_empty(), "{} of {played}:\n{}", failures.len(), failures.join("\n"));
}

const APACHE: &str = "Apache/2.4.68 (Debian)";
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
        ("GET /secret HTTP/1.0\r\n\r\n", "403"),
        ("GET /pub/a.txt HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\naX", "400"),
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
    let setting = Setting {
        server: SERVER,
        now: 0,
        address: "10.0.0.1",
        port: 80,
        count: 1,
        name: "h.lan",
        boundary: "0",
        https: false,
    };
    let host = World::new(&world::Config::default(), 7, 1 << 20, 1 << 20).host_for([10, 0, 0, 1].into());
    let root = world::Who::root();
    host.write_file(&root, b"/a.html", b"hello", 0o644).unwrap();
    let content = host.open(&root, b"/a.html", world::Open::READ).unwrap();
    let file = site::File { path: b"/a.html".to_vec(), content, modified: 1_700_000_000, nanos: 0 };
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

/// The answers to requests on one connection, with the head and the body of each.
async fn hold(caller: &mut Caller, request: &str) -> (String, Vec<u8>) {
    caller.pipe.write_all(request.as_bytes()).await.unwrap();
    let heard = hear(&mut caller.pipe).await.0;
    let end = heard.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
    (String::from_utf8(heard[..end].to_vec()).unwrap(), heard[end..].to_vec())
}

fn unpacked(bytes: &[u8]) -> String {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(bytes), &mut text).unwrap();
    text
}

#[tokio::test(start_paused = true)]
async fn nginx_compresses_html_for_those_who_like_it() {
    let gzip = "Accept-Encoding: deflate, gzip;q=0.5\r\n";
    let (head, body) =
        hold(&mut call(SERVER), &format!("GET / HTTP/1.1\r\nHost: h\r\n{gzip}Range: bytes=0-3\r\n\r\n")).await;
    assert!(head.contains("\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\nETag: W/\""), "{head}");
    assert!(head.ends_with("\r\nContent-Encoding: gzip\r\n\r\n") && head.starts_with("HTTP/1.1 200"), "{head}");
    let start = body.iter().position(|&b| b == b'\n').unwrap() + 1;
    assert_eq!(body[start..start + 10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 3]);
    assert!(unpacked(&body[start..]).contains("Welcome to nginx!") && body.ends_with(b"\r\n0\r\n\r\n"));
    for plain in ["Accept-Encoding: gzip;q=0", "Accept-Encoding: *", "Accept-Encoding: gzip\r\nVia: 1.1 p", "A: b"] {
        let (head, _) = hold(&mut call(SERVER), &format!("GET / HTTP/1.1\r\nHost: h\r\n{plain}\r\n\r\n")).await;
        assert!(!head.contains("gzip") && head.contains("Accept-Ranges"), "{plain}: {head}");
    }
    let (old, _) = hold(&mut call(SERVER), &format!("GET / HTTP/1.0\r\n{gzip}\r\n")).await;
    assert!(!old.contains("gzip"), "{old}");
    let (missing, _) = hold(&mut call(SERVER), &format!("HEAD /x HTTP/1.1\r\nHost: h\r\n{gzip}\r\n")).await;
    assert!(missing.ends_with("Connection: keep-alive\r\nContent-Encoding: gzip\r\n\r\n"), "{missing}");
}

#[tokio::test(start_paused = true)]
async fn apache_beside_the_recordings() {
    let get = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\n{more}\r\n");
    for (request, status, part) in [
        (get("/pub/a.txt", "Range: bytes=0-0,0-3\r\n"), "206", "Content-Length: 4\r\nContent-Range: bytes 0-3/6\r\n"),
        (get("/pub/a.txt", "Range: bytes=0-0,-1\r\n"), "206", "Content-Type: multipart/byteranges; boundary="),
        (get("/pub/a.txt", "Range: bytes=9-\r\n"), "416", "\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html"),
        (get("/pub/a.txt", "Range: bytes=5-2\r\n"), "200", "Content-Length: 6\r\n"),
        (get("/pub/a.txt", "If-Modified-Since: Mon, 01 Jan 2035 00:00:00 GMT\r\n"), "200", "ETag"),
        (
            get("/pub/a.txt", "Connection: Keep-Alive\r\n"),
            "200",
            "Keep-Alive: timeout=5, max=100\r\nConnection: Keep-Alive\r\n",
        ),
        (get("/pub?a=<b>", "Host2: x\r\n"), "301", "Location: http://h:42180/pub/?a=<b>\r\n"),
        (get("/pub/", ""), "200", "Content-Type: text/html;charset=UTF-8\r\n"),
        (get("/.htaccess", ""), "403", ""),
        (get("/server-status", ""), "403", ""),
        (get("/..%2fx", ""), "404", ""),
        (get("/.%2e/x", ""), "400", " Server at h Port"),
        (get("/x", "Host: h\r\n"), "400", "Server at mail.example.com Port"),
        (get("/unread.txt", ""), "403", ""),
        ("POST /pub/ HTTP/1.1\r\nHost: h\r\n\r\n".into(), "404", ""),
        ("OPTIONS /pub/ HTTP/1.1\r\nHost: h\r\n\r\n".into(), "200", "Content-Type: httpd/unix-directory\r\n"),
        ("SEARCH /pub/ HTTP/1.1\r\nHost: h\r\n\r\n".into(), "501", "Connection: close\r\n"),
        (
            "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n".into(),
            "404",
            "Server: Apache/2.4.68 (Debian)\r\nContent-Type: text/html",
        ),
        ("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".into(), "400", "Server at h Port"),
    ] {
        let mut caller = call(APACHE);
        caller.pipe.write_all(request.as_bytes()).await.unwrap();
        let heard = String::from_utf8_lossy(&hear(&mut caller.pipe).await.0).into_owned();
        assert!(heard.len() > 12 && &heard[9..12] == status && heard.contains(part), "{request:?}: {heard}");
    }
    let (head, body) = hold(&mut call(APACHE), &get("/", "Accept-Encoding: gzip\r\n")).await;
    assert!(
        head.contains(
            "-gzip\"\r\nAccept-Ranges: bytes\r\nVary: Accept-Encoding\r\nContent-Encoding: gzip\r\nContent-Length: "
        ),
        "{head}"
    );
    assert!(unpacked(&body).contains("Welcome"));
}

#[tokio::test(start_paused = true)]
async fn apache_waits_for_bodies_and_tells_who_is_late() {
    let mut caller = call(APACHE);
    let post = "POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    let (head, rest) = hold(&mut caller, post).await;
    assert_eq!((head.as_str(), rest.len()), ("HTTP/1.1 100 Continue\r\n\r\n", 0));
    assert!(hold(&mut caller, "abc").await.0.starts_with("HTTP/1.1 404 "));
    for (begun, answer) in [("GET / HT", ""), ("GET / HTTP/1.1\r\nHost: h\r\n", "HTTP/1.1 408 Request Timeout\r\n")] {
        let mut caller = call(APACHE);
        caller.pipe.write_all(begun.as_bytes()).await.unwrap();
        let (began, mut heard) = (Instant::now(), String::new());
        caller.pipe.read_to_string(&mut heard).await.unwrap();
        assert!(heard.starts_with(answer) && heard.is_empty() == answer.is_empty(), "{heard}");
        assert!((20..23).contains(&began.elapsed().as_secs()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_read_over_http_is_known_when_it_is_used() {
    for server in [SERVER, APACHE] {
        let mut caller = call_with(server, &["dotenv", "phpmyadmin", "wordpress"]);
        let bait =
            caller.world.baits().iter().find(|bait| bait.path.ends_with(".env") && bait.opens != ["http"]).unwrap();
        let (user, password) = (bait.user.clone(), bait.password.clone());
        let host = caller.world.host_for([192, 0, 2, 1].into());
        let (_, body) = hold(&mut caller, "GET /.env HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let text = String::from_utf8(body).unwrap();
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_string();
        assert_eq!((value("FTP_USERNAME="), value("FTP_PASSWORD=")), (user.clone(), password.clone()));
        assert!(host.login(user.as_bytes(), password.as_bytes()).is_some(), "{user}");
        let config = host.read_file(&world::Who::root(), b"/var/www/html/wp-config.php", 4096).unwrap();
        let database = value("DB_PASSWORD=");
        assert!(String::from_utf8(config).unwrap().contains(&format!("'DB_PASSWORD', '{database}'")));
        // The database's login opens phpMyAdmin, with the token of the page before.
        let (_, page) = hold(&mut caller, "GET /phpmyadmin/ HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let page = String::from_utf8(page).unwrap();
        let token = page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let post = |password: &str, token: &str| {
            let body = format!("pma_username={}&pma_password={password}&token={token}", value("DB_USERNAME="));
            format!("POST /phpmyadmin/index.php HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        };
        for (password, token, status) in
            [("x", token, "200"), (&*database, "forged", "200"), (&*database, token, "302")]
        {
            let (head, body) = hold(&mut caller, &post(password, token)).await;
            assert_eq!(&head[9..12], status, "{head}");
            assert!(status == "302" || String::from_utf8(body).unwrap().contains("Access denied for user"));
            if status == "302" {
                let cookie = head.split("Set-Cookie: ").nth(1).unwrap().split(';').next().unwrap();
                let inside = format!("GET /phpmyadmin/index.php HTTP/1.1\r\nHost: h\r\nCookie: {cookie}\r\n\r\n");
                assert!(
                    String::from_utf8(hold(&mut caller, &inside).await.1).unwrap().contains("Server type: MariaDB")
                );
            }
        }
        let events = caller.kept.0.lock().unwrap();
        let used: Vec<&Kind> =
            events.iter().map(|event| event.kind()).filter(|kind| matches!(kind, Kind::BaitUsed { .. })).collect();
        let Kind::BaitUsed { path, accepted, read_by, .. } = used.last().unwrap() else { panic!() };
        assert_eq!((path.as_str(), *accepted, read_by[0].uid), ("/var/www/html/.env", true, 33));
        assert_eq!(read_by[0].src_ip, Some([192, 0, 2, 1].into()));
    }
}

#[tokio::test(start_paused = true)]
async fn wordpress_turns_strangers_away_and_uploads_are_kept() {
    let mut caller = call_with(SERVER, &["wordpress"]);
    let body = "log=%3Cadmin%3E&pwd=123456";
    let post = |path: &str, kind: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let (head, page) = hold(&mut caller, &post("/wp-login.php", "application/x-www-form-urlencoded", body)).await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("\r\nSet-Cookie: wordpress_test_cookie="), "{head}");
    assert!(String::from_utf8(page).unwrap().contains("<strong>&lt;admin&gt;</strong> is not registered"));
    let (head, _) = hold(&mut caller, "GET /wp-admin/ HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(head.contains("302 Found") && head.contains("Location: http://h/wp-login.php?redirect_to="), "{head}");
    let (head, page) = hold(&mut caller, "GET /wp-config.php HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200") && page == b"0\r\n\r\n");
    let long = "x".repeat(10_000);
    hold(&mut caller, &post("/upload", "multipart/form-data; boundary=b", &long)).await;
    let events = caller.kept.0.lock().unwrap();
    let login = events.iter().find(|event| matches!(event.kind(), Kind::LoginTried { .. })).unwrap();
    assert!(matches!(login.kind(), Kind::LoginTried { username, accepted: false, .. } if username.0 == b"<admin>"));
    let stored = events.iter().find_map(|event| match event.kind() {
        Kind::FileUploaded { stored, bytes: 10_000, .. } => stored.clone(),
        _ => None,
    });
    let kept = std::fs::read(caller.state.path().join("captures").join(stored.unwrap())).unwrap();
    assert_eq!(kept, long.as_bytes());
}

#[tokio::test(start_paused = true)]
async fn bad_input_is_bounded_by_both() {
    for (server, most) in [(SERVER, 100), (APACHE, 101)] {
        let mut caller = call(server);
        let flood = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n".repeat(10_000);
        let writer = caller.pipe.write_all(flood.as_bytes());
        let _ = timeout(Duration::from_secs(1), writer).await;
        let heard = String::from_utf8(hear(&mut caller.pipe).await.0).unwrap();
        assert_eq!(heard.matches("HTTP/1.1 404 Not Found").count(), most, "{server}");
        for bytes in [vec![0; 100_000], vec![b'A'; 1_000_000], b"GET /\xff\x00 HTTP/1.1\r\n\r\n".to_vec()] {
            let mut caller = call(server);
            let _ = timeout(Duration::from_secs(30), caller.pipe.write_all(&bytes)).await;
            let _ = caller.pipe.shutdown().await;
            let (heard, ended) = hear(&mut caller.pipe).await;
            assert!(heard.len() < 600 && ended, "{server}: {} {}", bytes.len(), heard.len());
        }
        let mut caller = call(server);
        let endless = format!("GET /x HTTP/1.1\r\nHost: h\r\n{}", "X: y\r\n".repeat(20_000));
        let _ = timeout(Duration::from_secs(1), caller.pipe.write_all(endless.as_bytes())).await;
        let (heard, ended) = hear(&mut caller.pipe).await;
        assert!(heard.starts_with(b"HTTP/1.1 400 Bad Request\r\n") && ended, "{server}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_apache(
        tail in proptest::collection::vec(any::<u8>(), 0..300),
        range in "[-0-9, ]{0,24}",
        target in "/[a-z%./?#0-9:]{0,20}",
        method in "[A-Z]{1,8}",
        kind in 0..3,
    ) {
        let mut bytes = match kind {
            0 => Vec::new(),
            1 => format!("GET {target} HTTP/1.1\r\nHost: h\r\nRange: bytes={range}\r\n\r\n").into_bytes(),
            _ => format!("{method} {target} HTTP/1.1\r\nHost: h\r\n").into_bytes(),
        };
        bytes.extend(tail);
        fuzz::talk_apache(&bytes);
    }
}

#[tokio::test(start_paused = true)]
async fn a_router_has_its_own_server_and_page() {
    let post = |password: &str| {
        let body = format!("username=root&password={password}");
        format!("POST /cgi-bin/admin HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\n\r\n");
    for (request, start, part) in [
        (get("/"), "HTTP/1.0 200 OK\r\nContent-type: text/html\r\nDate: ", "url=/login.html"),
        (get("/images"), "HTTP/1.0 302 Found\r\n", "Location: /images/\r\n\r\n"),
        (get("/x"), "HTTP/1.0 404 Not Found\r\n", "The requested URL was not found\n</BODY></HTML>\n"),
        (get("/cgi-bin/admin"), "HTTP/1.0 302 Found\r\n", "Location: /login.html\r\n"),
        (post("wrong"), "HTTP/1.0 200 OK\r\n", "User name or password is wrong."),
        (post("toor"), "HTTP/1.0 302 Found\r\n", "Set-Cookie: sid="),
        ("BREW / HTTP/1.1\r\n\r\n".into(), "HTTP/1.0 501 Not Implemented\r\n", "is not recognized"),
    ] {
        let mut caller = call_on("busybox", "", &[]);
        caller.pipe.write_all(request.as_bytes()).await.unwrap();
        let (heard, ended) = hear(&mut caller.pipe).await;
        let heard = String::from_utf8(heard).unwrap();
        assert!(heard.starts_with(start) && heard.contains(part) && ended, "{request:?}: {heard}");
    }
}
