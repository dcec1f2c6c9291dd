//! BusyBox 1.22's httpd, of devices without a distribution: one request for each connection, answered as HTTP/1.0.

use super::apps::Made;
use super::date;
use super::dialog::{Response, code};
use super::request::{Framing, Minor, Request};
use super::select::Part;
use super::site::{self, Found};
use super::target::{decoded, normal};
use crate::world::Host;

/// Bytes of a head that are read: lines of 8 KiB, and not many.
pub(super) const LONGEST: usize = 32 << 10;

/// Reads the head of a request, all of it.
///
/// # Errors
/// The status of the answer, when it is none.
pub(super) fn parse(head: &[u8]) -> (Request, Result<(), &'static str>) {
    let mut request = Request::empty();
    let mut lines = head.split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let line = lines.next().unwrap_or_default();
    let mut words = line.splitn(3, |&b| b == b' ').map(<[u8]>::to_vec);
    request.method = words.next().unwrap_or_default();
    request.raw_target = words.next().unwrap_or_default();
    request.version = words.next().unwrap_or_default();
    request.minor = Minor::Zero;
    for line in lines.take(200) {
        let Some(colon) = line.iter().position(|&b| b == b':') else { continue };
        let (name, value) = line.split_at_checked(colon).unwrap_or_default();
        request.headers.push((name.to_vec(), value.strip_prefix(b":").unwrap_or(value).trim_ascii().to_vec()));
    }
    let length = request.header("Content-Length").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    request.framing = Framing::Length(length.filter(|_| request.method.eq_ignore_ascii_case(b"POST")).unwrap_or(0));
    let raw = request.raw_target.clone();
    let known = ["GET", "HEAD", "POST"].iter().any(|name| request.method.eq_ignore_ascii_case(name.as_bytes()));
    let outcome = if raw.is_empty() || !request.version.starts_with(b"HTTP/") {
        Err("400 Bad Request")
    } else if !known {
        Err("501 Not Implemented")
    } else if !raw.starts_with(b"/") {
        Err("400 Bad Request")
    } else {
        request.method.make_ascii_uppercase();
        let end = raw.iter().position(|&b| b == b'?').unwrap_or(raw.len());
        request.target.query = raw.get(end + 1..).map(<[u8]>::to_vec);
        match decoded(raw.get(..end).unwrap_or_default()).and_then(|path| normal(&path)) {
            Ok(path) => {
                request.target.path = path;
                Ok(())
            }
            Err(_) => Err("400 Bad Request"),
        }
    };
    (request, outcome)
}

/// Answers a request for what lies below `/www`.
pub(super) fn answer(request: &Request, host: &Host, now: i64) -> Response {
    let path = &request.target.path;
    if path.starts_with(b"/cgi-bin/") || path == b"/cgi-bin" {
        return page(request, "404 Not Found", "", now);
    }
    if request.method == b"POST" {
        return page(request, "501 Not Implemented", "", now);
    }
    match site::look_busybox(host, path) {
        Found::Folder => {
            let place = format!("Location: {}/\r\n", String::from_utf8_lossy(&super::target::escaped(path)));
            page(request, "302 Found", &place, now)
        }
        Found::File(file) => {
            let size = file.content.len();
            let kind = kind_of(&file.path);
            let modified = date(file.modified);
            let more = format!("Accept-Ranges: bytes\r\nLast-Modified: {modified}\r\nContent-length: {size}\r\n");
            let start = head("200 OK", kind, &more, now);
            let body = request.method != b"HEAD";
            let file = body.then(|| (file, vec![Part::File { from: 0, len: size }]));
            Response { status: 200, start, file, close: true }
        }
        _ => page(request, "404 Not Found", "", now),
    }
}

/// The page of a program in `/cgi-bin`, which writes its own headers.
pub(super) fn made(made: &Made) -> Response {
    let mut start = format!("HTTP/1.0 {}\r\nContent-type: {}\r\n", made.status, made.kind);
    for (name, value) in &made.headers {
        start.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut start = (start + "\r\n").into_bytes();
    start.extend_from_slice(&made.body);
    Response { status: code(&made.status), start, file: None, close: true }
}

/// One of its own pages.
pub(super) fn page(request: &Request, status: &str, more: &str, now: i64) -> Response {
    let mut start = head(status, "text/html", more, now);
    let text = match code(status) {
        400 => "Unsupported method",
        404 => "The requested URL was not found",
        501 => "The requested method is not recognized",
        _ => "",
    };
    if request.method != b"HEAD" && code(status) != 302 {
        let page =
            format!("<HTML><HEAD><TITLE>{status}</TITLE></HEAD>\n<BODY><H1>{status}</H1>\n{text}\n</BODY></HTML>\n");
        start.extend_from_slice(page.as_bytes());
    }
    Response { status: code(status), start, file: None, close: true }
}

fn head(status: &str, kind: &str, more: &str, now: i64) -> Vec<u8> {
    format!("HTTP/1.0 {status}\r\nContent-type: {kind}\r\nDate: {}\r\nConnection: close\r\n{more}\r\n", date(now))
        .into_bytes()
}

/// Its own table of types.
fn kind_of(path: &[u8]) -> &'static str {
    const TYPES: &[(&str, &str)] = &[
        ("txt h c cc cpp", "text/plain"),
        ("htm html", "text/html"),
        ("jpg jpeg", "image/jpeg"),
        ("gif", "image/gif"),
        ("png", "image/png"),
        ("css", "text/css"),
        ("wav", "audio/wav"),
        ("avi", "video/x-msvideo"),
        ("qt mov", "video/quicktime"),
        ("mpe mpeg", "video/mpeg"),
        ("mid midi", "audio/midi"),
        ("mp3", "audio/mpeg"),
    ];
    let dot = path.iter().rposition(|&b| b == b'.').and_then(|dot| path.get(dot + 1..)).unwrap_or_default();
    let known = |list: &str| list.split(' ').any(|known| known.as_bytes() == dot);
    TYPES.iter().find(|(list, _)| known(list)).map_or("application/octet-stream", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_loosely_as_it_does() {
        for (head, outcome) in [
            ("GET / HTTP/1.1\r\n\r\n", Ok(())),
            ("get /a HTTP/9\n\n", Ok(())),
            ("GET /\r\n\r\n", Err("400 Bad Request")),
            ("GET a HTTP/1.1\r\n\r\n", Err("400 Bad Request")),
            ("GET /../x HTTP/1.1\r\n\r\n", Err("400 Bad Request")),
            ("PUT / HTTP/1.1\r\n\r\n", Err("501 Not Implemented")),
            ("\0\0", Err("400 Bad Request")),
        ] {
            assert_eq!(parse(head.as_bytes()).1, outcome, "{head:?}");
        }
    }
}
