//! For `fuzz/`: any bytes as the requests of a visitor, to each server that we pretend to be, and as a ClientHello.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use super::apps::Apps;
use super::dialog::{self, Response, Setting};
use super::docker::Docker;
use super::request::{Framing, Head, Progress, Request};
use super::{SERVER, apache, body, busybox, select::Part, site};
use crate::session::tls::ClientHello;
use crate::world::{self, APPS, Host, Login, Overlay, Setup, Web, World};

/// Bytes that one request may be answered with, without what is sent of files.
const ANSWER: usize = 1 << 20;
/// Requests of one connection.
const REQUESTS: usize = 100;
const VISITOR: [u8; 4] = [192, 0, 2, 7];

/// A host of that profile with all programs in its web root.
fn world(profile: &str) -> Arc<World> {
    let persona = world::Config { profile: profile.into(), ..world::Config::default() };
    let setup = Setup {
        persona: &persona,
        login: &Login::default(),
        overlay: &Overlay::default(),
        state: None,
        image: None,
        seed: 7,
        overlay_bytes: 1 << 22,
        total_bytes: 1 << 30,
    };
    let apps = APPS.iter().map(|app| app.name.to_string()).collect();
    World::with_web(setup, Web { apps, ..Web::default() })
}

static UBUNTU: LazyLock<Arc<World>> = LazyLock::new(|| world("ubuntu-20.04"));
static BUSYBOX: LazyLock<Arc<World>> = LazyLock::new(|| world("busybox"));

fn setting(server: &str) -> Setting<'_> {
    Setting {
        server,
        now: 1_700_000_000,
        address: "10.0.0.1",
        port: 8080,
        count: 1,
        name: "h.lan",
        boundary: "0",
        https: false,
    }
}

/// Takes the body off the front of what came after a head; nothing of chunks, which are taken for heads.
fn take_body<'a>(request: &Request, rest: &mut &'a [u8]) -> &'a [u8] {
    let _ = body::spoiled(rest);
    let len = if let Framing::Length(len) = request.framing { usize::try_from(len).unwrap_or(usize::MAX) } else { 0 };
    let (body, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
    *rest = after;
    body
}

/// Panics when the answer is too long, or promises more of a file than there is.
fn check(response: &Response) {
    assert!(response.start.len() < ANSWER);
    if let Some((file, parts)) = &response.file {
        for part in parts {
            match part {
                Part::Bytes(bytes) => assert!(bytes.len() < ANSWER),
                Part::File { from, len } => assert!(from + len <= file.content.len()),
            }
        }
    }
}

/// What a program of the web root makes of the request.
fn app(apps: &Apps, world: &World, host: &Host, request: &Request, body: &[u8]) -> Option<super::apps::Made> {
    let route = apps.find(host, request)?;
    let (made, _) = apps.answer(route, (world, host), request, body, 1_700_000_000, body.len() % 2 == 1);
    assert!(made.body.len() < ANSWER);
    Some(made)
}

/// The requests in the bytes, to Apache.
pub fn talk_apache(bytes: &[u8]) {
    let (world, apps) = (&**UBUNTU, Apps::default());
    let host = world.host_for(VISITOR.into());
    let setting = setting("Apache/2.4.41 (Ubuntu)");
    let mut rest = bytes;
    for _ in 0..REQUESTS {
        let mut head = apache::Head::new();
        let (used, progress) = head.advance(rest);
        rest = rest.get(used..).unwrap_or_default();
        if progress == Progress::More {
            check(&apache::answer(&head.late(), site::Found::Missing, &setting));
            return;
        }
        let asked = head.into_asked();
        let _ = apache::continues(&asked);
        let body = if apache::reads_first(&asked) { take_body(&asked.request, &mut rest) } else { &[] };
        let made = if asked.fault.is_none() { app(&apps, world, &host, &asked.request, body) } else { None };
        let response = match made {
            Some(made) => apache::made(&asked, &made, &setting),
            None => apache::answer(&asked, site::look_apache(&host, &asked.request.target.path), &setting),
        };
        check(&response);
        check(&apache::bad_body(&asked, &setting));
        if response.close {
            return;
        }
    }
}

/// The requests in the bytes, to nginx.
pub fn talk(bytes: &[u8]) {
    let (world, apps) = (&**UBUNTU, Apps::default());
    let host = world.host_for(VISITOR.into());
    let setting = setting(SERVER);
    let mut rest = bytes;
    for _ in 0..REQUESTS {
        let mut head = Head::new();
        let (used, progress) = head.advance(rest);
        rest = rest.get(used..).unwrap_or_default();
        let request = head.into_request();
        if let Progress::Refused(refusal) = progress {
            check(&dialog::refuse(&request, refusal, &setting));
        }
        if progress != Progress::Done {
            return;
        }
        let _ = dialog::waits(&request);
        check(&dialog::to_https(&request, &setting));
        let body = take_body(&request, &mut rest);
        let response = match app(&apps, world, &host, &request, body) {
            Some(made) => dialog::made(&request, &made, &setting),
            None => dialog::answer(&request, site::look(&host, &request.target.path), &setting),
        };
        check(&response);
        if response.close {
            return;
        }
    }
}

/// The requests in the bytes, to Docker's API.
pub fn talk_docker(bytes: &[u8]) {
    let (docker, of) = (Docker::default(), IpAddr::from(VISITOR));
    let mut rest = bytes;
    for _ in 0..REQUESTS {
        let mut head = Head::new();
        let (used, progress) = head.advance(rest);
        rest = rest.get(used..).unwrap_or_default();
        if progress != Progress::Done {
            return;
        }
        let request = head.into_request();
        let body = take_body(&request, &mut rest);
        let response = docker.answer(of, UBUNTU.persona(), &request, body, 1_700_000_000);
        check(&response);
        if response.close {
            return;
        }
    }
}

/// The one request of a connection to BusyBox's httpd.
pub fn talk_busybox(bytes: &[u8]) {
    let (world, apps) = (&**BUSYBOX, Apps::default());
    let host = world.host_for(VISITOR.into());
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    let (head, mut rest) = bytes.split_at(end.min(busybox::LONGEST));
    let (request, outcome) = busybox::parse(head);
    let body = take_body(&request, &mut rest);
    check(&match outcome {
        Err(status) => busybox::page(&request, status, "", 1_700_000_000),
        Ok(()) => match app(&apps, world, &host, &request, body) {
            Some(made) => busybox::made(&made),
            None => busybox::answer(&request, &host, 1_700_000_000),
        },
    });
}

/// The first bytes of a TLS connection; panics when their record grows out of proportion.
pub fn hello(bytes: &[u8]) {
    let Some(hello) = ClientHello::read(bytes) else { return };
    assert!(hello.ciphers.len() + hello.extensions.len() + hello.alpn.len() <= bytes.len());
    assert_eq!((hello.ja3().len(), hello.ja4().len()), (32, 36));
    let _ = hello.version_names();
}

/// All of them.
pub fn talk_all(bytes: &[u8]) {
    talk(bytes);
    talk_apache(bytes);
    talk_docker(bytes);
    talk_busybox(bytes);
    hello(bytes);
}

#[test]
fn seeds_talk() {
    for seed in [
        b"GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-3,-2,5-\r\n\r\nBREW /%zz HTTP/1.0\r\n\r\n".as_slice(),
        b"\r\nOPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n folded\r\nExpect: x\r\n\r\nGET http://q?x\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-3,-2,5-\r\n\r\nPOST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        b"GET /%2e%2e/%00?a#b HTTP/1.0\n\nGET http://[::1/ HTTP/1.1\r\nIf-Range: \"x\"\r\n\r\n",
        b"POST /wp-login.php HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nlog=a&pwd=%GET /.env HTTP/1.1\r\n\r\n",
        b"POST /containers/create HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\n{\"Image\":\"x:y\"}",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
    ] {
        talk_all(seed);
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/http");
    for seed in std::fs::read_dir(folder).unwrap() {
        talk_all(&std::fs::read(seed.unwrap().path()).unwrap());
    }
}
