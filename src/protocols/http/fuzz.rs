//! For `fuzz/`: any bytes as the requests of a visitor.

use std::sync::{Arc, OnceLock};

use super::apache;
use super::dialog::{self, Setting};
use super::request::{Framing, Head, Progress};
use super::{SERVER, select::Part, site};
use crate::world::{self, World};

/// Bytes that one request may be answered with, without what is sent of files.
const ANSWER: usize = 1 << 20;

fn world() -> &'static World {
    static WORLD: OnceLock<Arc<World>> = OnceLock::new();
    WORLD.get_or_init(|| World::new(&world::Config::default(), 7, 1 << 22, 1 << 30))
}

/// The same as Apache; the bytes of bodies are taken for heads.
pub fn talk_apache(bytes: &[u8]) {
    let host = world().host_for([192, 0, 2, 7].into());
    let server = "Apache/2.4.41 (Ubuntu)";
    let setting = Setting {
        server,
        now: 1_700_000_000,
        address: "10.0.0.1",
        port: 8080,
        count: 1,
        name: "h.lan",
        boundary: "0",
        https: false,
    };
    let mut rest = bytes;
    for _ in 0..100 {
        let mut head = apache::Head::new();
        let (used, progress) = head.advance(rest);
        rest = rest.get(used..).unwrap_or_default();
        if progress == Progress::More {
            return;
        }
        let asked = head.into_asked();
        let found = site::look_apache(&host, &asked.request.target.path);
        let response = apache::answer(&asked, found, &setting);
        assert!(response.start.len() < ANSWER);
        if response.close {
            return;
        }
    }
}

/// Answers the requests in the bytes; panics when an answer is too long, or more of a file is promised than there is.
pub fn talk(bytes: &[u8]) {
    let host = world().host_for([192, 0, 2, 7].into());
    let setting = Setting {
        server: SERVER,
        now: 1_700_000_000,
        address: "10.0.0.1",
        port: 8080,
        count: 1,
        name: "h.lan",
        boundary: "0",
        https: false,
    };
    let mut rest = bytes;
    for _ in 0..100 {
        let mut head = Head::new();
        let (used, progress) = head.advance(rest);
        rest = rest.get(used..).unwrap_or_default();
        let request = head.into_request();
        let response = match progress {
            Progress::More => return,
            Progress::Refused(refusal) => dialog::refuse(&request, refusal, &setting),
            Progress::Done => dialog::answer(&request, site::look(&host, &request.target.path), &setting),
        };
        assert!(response.start.len() < ANSWER);
        if let Some((file, parts)) = &response.file {
            for part in parts {
                match part {
                    Part::Bytes(bytes) => assert!(bytes.len() < ANSWER),
                    Part::File { from, len } => assert!(from + len <= file.content.len()),
                }
            }
        }
        if response.close || progress != Progress::Done {
            return;
        }
        if let Framing::Length(len) = request.framing {
            rest = rest.get(usize::try_from(len).unwrap_or(usize::MAX).min(rest.len())..).unwrap_or_default();
        }
    }
}

#[test]
fn seeds_talk() {
    talk_apache(b"GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-3,-2,5-\r\n\r\nBREW /%zz HTTP/1.0\r\n\r\n");
    talk_apache(b"\r\nOPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n folded\r\nExpect: x\r\n\r\nGET http://q?x\r\n");
    talk(
        b"GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-3,-2,5-\r\n\r\nPOST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
    );
    talk(b"GET /%2e%2e/%00?a#b HTTP/1.0\n\nGET http://[::1/ HTTP/1.1\r\nIf-Range: \"x\"\r\n\r\n");
}
