//! Web servers of other hosts, as far as they can be played: port 80 sends everybody to https, addresses are told to
//! those who ask for theirs, and no handshake of TLS is finished.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::first::{self, First};
use super::target::{Peer, Speaks};
use crate::base::clock;
use crate::prelude::*;
use crate::session::{Stream, Wire};

/// Silence that ends a conversation.
const IDLE: Duration = Duration::from_secs(60);
/// Most bytes of one request.
const REQUEST: usize = 64 << 10;
/// Most bytes of a request's body, and most headers, that an event keeps.
const KEPT: usize = 4096;
const HEADERS: usize = 100;
/// Requests of one connection.
const REQUESTS: usize = 100;
/// A fatal alert of TLS 1.2: handshake_failure (RFC 5246, 7.2.2).
const NO_HANDSHAKE: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
/// Services that tell a client its address.
const ECHOES: &[&str] = &[
    "api.ipify.org",
    "icanhazip.com",
    "ipv4.icanhazip.com",
    "ifconfig.me",
    "ident.me",
    "v4.ident.me",
    "checkip.amazonaws.com",
    "ipecho.net",
    "api.ip.sb",
    "ip.sb",
    "ifconfig.co",
    "ipinfo.io",
];

/// Answers until the client ends; `known_as` is the address of the host that others know.
///
/// # Errors
/// Why it ended.
pub(super) async fn web(
    session: &Arc<Session>,
    peer: &Peer,
    (port, known_as): (u16, IpAddr),
    stream: Box<dyn Stream>,
) -> Result<(), CloseReason> {
    let mut wire = Wire::new(stream, Arc::clone(session));
    wire.set_idle(IDLE);
    wire.fill().await?;
    if wire.unread().first() == Some(&0x16) {
        while first::judge(wire.unread(), false).is_none() {
            wire.fill().await?;
        }
        tokio::time::sleep(peer.away).await;
        wire.send(NO_HANDSHAKE).await?;
        return wire.finish().await;
    }
    for _ in 0..REQUESTS {
        let request = wire.http_request(REQUEST).await?;
        let arrived = Instant::now();
        let Answer { status, bytes, close } = answer(&request, peer, port, known_as);
        tokio::time::sleep(peer.away).await;
        wire.send(&bytes).await?;
        session.log().record(event(&request, status, arrived.elapsed()));
        if close || request.len() >= REQUEST {
            break;
        }
    }
    wire.finish().await
}

/// A response.
struct Answer {
    status: u16,
    bytes: Vec<u8>,
    close: bool,
}

/// What is answered to a request; `local` is the address of the host that others know.
fn answer(request: &[u8], peer: &Peer, port: u16, local: IpAddr) -> Answer {
    let first = first::judge(request, true).unwrap_or_default();
    let bad = |what: &str| made("400 Bad Request", &page("400 Bad Request", what), &[], true, false);
    if first.what != "http" {
        return bad("");
    }
    if peer.speaks == Speaks::Tls {
        return bad("The plain HTTP request was sent to HTTPS port");
    }
    let is = |name: &[u8]| first.method.as_ref().is_some_and(|method| method.0 == name);
    if is(b"PRI") {
        return bad("");
    }
    let (version, head) = (version_of(request), is(b"HEAD"));
    let connection = header(request, b"connection").unwrap_or_default().to_ascii_lowercase();
    let close = if version == b"HTTP/1.0" { connection != b"keep-alive" } else { connection == b"close" };
    if is(b"CONNECT") {
        return made("405 Not Allowed", &page("405 Not Allowed", ""), &[], true, false);
    }
    let host = first.host.clone().filter(|host| !host.0.is_empty());
    let host = host.map_or_else(|| peer.name.clone(), |host| String::from_utf8_lossy(&host.0).into_owned());
    if ECHOES.iter().any(|echo| host.eq_ignore_ascii_case(echo)) && is_public(local) {
        let text = format!("{local}\n");
        return made("200 OK", text.as_bytes(), &[("Content-Type", "text/plain".into())], close, head);
    }
    if port != 80 {
        return made("404 Not Found", &page("404 Not Found", ""), &[], close, head);
    }
    let location = format!("https://{}{}", host.split(':').next().unwrap_or_default(), path(&first));
    let moved = page("301 Moved Permanently", "");
    made("301 Moved Permanently", &moved, &[("Location", location)], close, head)
}

/// The path of a target in either form (RFC 9112, 3.2).
fn path(first: &First) -> String {
    let target =
        first.target.as_ref().map(|target| String::from_utf8_lossy(&target.0).into_owned()).unwrap_or_default();
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => &target,
    };
    if path.starts_with('/') { path.to_string() } else { "/".into() }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_documentation()
                || v4.octets()[0] == 100 && v4.octets()[1] & 0xC0 == 64)
        }
        IpAddr::V6(_) => false,
    }
}

/// nginx's page for a status, with `server_tokens off`.
fn page(status: &str, why: &str) -> Vec<u8> {
    let why = if why.is_empty() { String::new() } else { format!("<center>{why}</center>\r\n") };
    format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n{why}\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    .into_bytes()
}

fn made(status: &str, body: &[u8], more: &[(&str, String)], close: bool, head_only: bool) -> Answer {
    let date = clock::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let kind = more.iter().find(|(name, _)| *name == "Content-Type").map_or("text/html", |(_, kind)| kind.as_str());
    let connection = if close { "close" } else { "keep-alive" };
    let mut text = format!(
        "HTTP/1.1 {status}\r\nServer: nginx\r\nDate: {date}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Connection: {connection}\r\n",
        body.len()
    );
    for (name, value) in more.iter().filter(|(name, _)| *name != "Content-Type") {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let bytes = if head_only { text.into_bytes() } else { [text.as_bytes(), body].concat() };
    let status = status.split(' ').next().and_then(|code| code.parse().ok()).unwrap_or(0);
    Answer { status, bytes, close }
}

/// The lines of a head without their ends, and the body behind it.
fn split(request: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (mut lines, mut rest) = (Vec::new(), request);
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let (line, behind) = rest.split_at_checked(end + 1).unwrap_or((rest, &[]));
        rest = behind;
        let line = line.trim_ascii_end();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    (lines, rest)
}

fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = line.split_at_checked(line.iter().position(|&byte| byte == b':')?)?;
    Some((name, value.get(1..).unwrap_or_default().trim_ascii()))
}

fn header<'a>(request: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (lines, _) = split(request);
    lines
        .into_iter()
        .skip(1)
        .filter_map(field)
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

fn version_of(request: &[u8]) -> Vec<u8> {
    let (lines, _) = split(request);
    let last = lines.first().and_then(|line| line.rsplit(|&byte| byte == b' ').next()).unwrap_or_default();
    last.get(..last.len().min(16)).unwrap_or_default().to_vec()
}

/// The event of a request.
fn event(request: &[u8], status: u16, took: Duration) -> Kind {
    let first = first::judge(request, true).unwrap_or_default();
    if first.what != "http" {
        return Kind::malformed("no HTTP over a forwarded connection", request);
    }
    let (lines, body) = split(request);
    let fields = lines.into_iter().skip(1).filter_map(field).take(HEADERS);
    Kind::HttpRequest {
        method: first.method.unwrap_or_default(),
        target: first.target.unwrap_or_default(),
        version: Raw::from(version_of(request)),
        headers: fields.map(|(name, value)| (Raw::cut(name, 256), Raw::cut(value, KEPT))).collect(),
        body: Raw::cut(body, KEPT),
        body_bytes: body.len() as u64,
        status,
        answered_by: AnsweredBy::Emulator,
        duration_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(request: &[u8], name: &str, port: u16, speaks: Speaks) -> (u16, String, bool) {
        let peer = Peer { name: name.into(), speaks, away: Duration::ZERO };
        let answer = answer(request, &peer, port, IpAddr::from([1, 2, 3, 4]));
        (answer.status, String::from_utf8(answer.bytes).unwrap(), answer.close)
    }

    #[test]
    fn web_servers_send_everybody_to_https() {
        let (status, text, close) = said(b"GET /a?b HTTP/1.1\r\nHost: ya.ru:80\r\n\r\n", "1.1.1.1", 80, Speaks::Http);
        assert!((status, close) == (301, false) && text.contains("\r\nLocation: https://ya.ru/a?b\r\n"), "{text}");
        assert!(text.ends_with("<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"), "{text}");
        let (_, text, close) = said(b"HEAD http://x.org/p HTTP/1.0\r\n\r\n", "x.org", 80, Speaks::Http);
        assert!(close && text.contains("Location: https://x.org/p\r\n") && text.ends_with("\r\n\r\n"), "{text}");
        assert_eq!(said(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "x.org", 8080, Speaks::Http).0, 404);
        assert_eq!(said(b"CONNECT ya.ru:443 HTTP/1.1\r\n\r\n", "x.org", 3128, Speaks::Http).0, 405);
        assert_eq!(said(b"GET / HTTP/1.1\r\n\r\n", "x.org", 443, Speaks::Tls).0, 400);
        assert_eq!(said(b"hello\r\n\r\n", "x.org", 80, Speaks::Http).0, 400);
        let (status, text, _) =
            said(b"GET / HTTP/1.1\r\nHost: icanhazip.com\r\n\r\n", "icanhazip.com", 80, Speaks::Http);
        assert!(status == 200 && text.ends_with("\r\n\r\n1.2.3.4\n"), "{text}");
    }

    proptest::proptest! {
        #[test]
        fn no_request_panics(bytes: Vec<u8>, begin in 0..3_usize) {
            let begins: [&[u8]; 3] = [b"", b"GET / HTTP/1.1\r\n", b"POST http://x:/ HTTP/1.0\r\nHost:"];
            let whole = [begins[begin], &bytes].concat();
            let peer = Peer { name: "x".into(), speaks: Speaks::Http, away: Duration::ZERO };
            let _ = (answer(&whole, &peer, 80, IpAddr::from([1, 2, 3, 4])), event(&whole, 1, Duration::ZERO));
        }
    }
}
