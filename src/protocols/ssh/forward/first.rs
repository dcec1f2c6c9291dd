//! What the first bytes of a forwarded connection are: TLS, HTTP, SMTP, SSH, or something else. Pure.

use crate::event::Raw;
use crate::session::tls::ClientHello;

/// Most bytes that are looked at before a verdict; a ClientHello may have as many.
pub(super) const MOST: usize = 16 << 10;
/// Most bytes of a head of HTTP, of which the rest tells nothing new.
const HEAD: usize = 4096;
/// Longest word that may be a method.
const METHOD: usize = 32;

/// A verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct First {
    /// `tls`, `http`, `smtp`, `ssh`, `socks`, `other`
    pub what: &'static str,
    pub sni: Option<Raw>,
    pub ja3: Option<String>,
    pub ja4: Option<String>,
    pub method: Option<Raw>,
    pub target: Option<Raw>,
    /// The header `Host`.
    pub host: Option<Raw>,
}

/// Judges what came so far; `None` while more would tell more and more can come.
pub(super) fn judge(bytes: &[u8], over: bool) -> Option<First> {
    let of = |what| First { what, ..First::default() };
    match bytes {
        [] => None,
        [0x16, 3, ..] | [0x16] => tls(bytes, over),
        [5, count, rest @ ..] if rest.len() == usize::from(*count) && *count > 0 => Some(of("socks")),
        [4, 1 | 2, ..] => Some(of("socks")),
        _ if bytes.starts_with(b"SSH-") => Some(of("ssh")),
        _ if is_smtp(bytes) => Some(of("smtp")),
        _ => match method(bytes) {
            Method::Whole(method) => http(bytes, method, over),
            Method::Begun if !over => None,
            _ => Some(of("other")),
        },
    }
}

fn tls(bytes: &[u8], over: bool) -> Option<First> {
    let hello = ClientHello::read(bytes);
    if hello.is_none() && !over && bytes.len() < MOST && !is_whole(bytes) {
        return None;
    }
    Some(First {
        what: "tls",
        sni: hello.as_ref().and_then(|hello| hello.sni.clone()).map(Raw::from),
        ja3: hello.as_ref().map(ClientHello::ja3),
        ja4: hello.as_ref().map(ClientHello::ja4),
        ..First::default()
    })
}

/// Whether the first record is there and holds all of its message: more would tell nothing more.
fn is_whole(bytes: &[u8]) -> bool {
    let Some((&[_, _, _, high, low, _, a, b, c], _)) = bytes.split_first_chunk::<9>() else { return false };
    let record = usize::from(u16::from_be_bytes([high, low]));
    let message = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
    message.saturating_add(4) <= record && bytes.len() >= record + 5
}

fn is_smtp(bytes: &[u8]) -> bool {
    let verb: Vec<u8> = bytes.iter().take(4).map(u8::to_ascii_uppercase).collect();
    let ends = bytes.get(4).is_some_and(|byte| matches!(byte, b' ' | b'\r' | b'\n'));
    ends && matches!(verb.as_slice(), b"EHLO" | b"HELO" | b"LHLO" | b"QUIT")
}

enum Method {
    Whole(usize),
    Begun,
    None,
}

/// A word of capitals, then a blank: nearly all that speak in lines and are no HTTP have their own line end before it.
fn method(bytes: &[u8]) -> Method {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    match bytes.get(length) {
        _ if length > METHOD => Method::None,
        None if length > 0 => Method::Begun,
        Some(b' ') if length > 2 => Method::Whole(length),
        _ => Method::None,
    }
}

fn http(bytes: &[u8], method: usize, over: bool) -> Option<First> {
    let head = bytes.windows(4).position(|part| part == b"\r\n\r\n");
    let head = head.or_else(|| bytes.windows(2).position(|part| part == b"\n\n"));
    if head.is_none() && !over && bytes.len() < HEAD {
        return None;
    }
    let mut lines = bytes.get(..head.unwrap_or(bytes.len()))?.split(|&byte| byte == b'\n');
    let line = lines.next().unwrap_or_default().trim_ascii_end();
    let (verb, rest) = line.split_at_checked(method)?;
    let rest = rest.trim_ascii_start();
    let target = rest.split(|&byte| byte == b' ').next().unwrap_or_default();
    let is_http =
        rest.len() > target.len() && rest.trim_ascii_end().rsplit(|&byte| byte == b' ').next()?.starts_with(b"HTTP/");
    if !is_http {
        return Some(First { what: "other", ..First::default() });
    }
    let host = lines.find_map(|line| {
        let (name, value) = line.split_at_checked(line.iter().position(|&byte| byte == b':')?)?;
        name.eq_ignore_ascii_case(b"host").then(|| value.get(1..).unwrap_or_default().trim_ascii().to_vec())
    });
    Some(First {
        what: "http",
        method: Some(Raw::cut(verb, METHOD)),
        target: Some(Raw::cut(target, HEAD)),
        host: host.map(|host| Raw::cut(&host, 255)),
        ..First::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(bytes: &[u8]) -> Option<&'static str> {
        judge(bytes, false).map(|first| first.what)
    }

    #[test]
    fn first_bytes_are_told_apart() {
        for (bytes, verdict) in [
            (&b""[..], None),
            (b"GE", None),
            (b"GET / HTTP/1.1\r\nHost: ya.ru\r\n", None),
            (b"GET / HTTP/1.1\r\nHost: ya.ru\r\n\r\n", Some("http")),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Some("http")),
            (b"MAIL FROM:<a>\r\n\r\n", Some("other")),
            (b"EHLO x\r\n", Some("smtp")),
            (b"helo x\r\n", Some("smtp")),
            (b"SSH-2.0-Go\r\n", Some("ssh")),
            (b"\x05\x01\x00", Some("socks")),
            (b"\x04\x01\x00\x50", Some("socks")),
            (b"\x16", None),
            (b"\x16\x03\x01\x02\x00\x01", None),
            (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", Some("tls")),
            (b"\x00\x01\x02", Some("other")),
            (b"hello\r\n", Some("other")),
            (&[b'A'; 100], Some("other")),
        ] {
            assert_eq!(what(bytes), verdict, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_request_tells_its_method_target_and_host() {
        let first =
            judge(b"POST http://ip-api.com/json HTTP/1.1\r\nAccept: */*\r\nhOST:  ip-api.com\r\n\r\nbody", false)
                .unwrap();
        assert_eq!(first.method, Some(Raw::from(&b"POST"[..])));
        assert_eq!(first.target, Some(Raw::from(&b"http://ip-api.com/json"[..])));
        assert_eq!(first.host, Some(Raw::from(&b"ip-api.com"[..])));
        // Cut short by its end.
        assert_eq!(judge(b"GET /x HTTP/1.0\r\nHo", true).unwrap().target, Some(Raw::from(&b"/x"[..])));
        assert_eq!(judge(b"GET", true).unwrap().what, "other");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, over: bool, begin in 0..4_usize) {
            let begins: [&[u8]; 4] = [b"", b"GET ", b"\x16\x03\x01", b"\x05\x02"];
            let whole = [begins[begin], &bytes].concat();
            let verdict = judge(&whole, over);
            assert!(!over || whole.is_empty() || verdict.is_some());
        }
    }
}
