//! What nginx 1.18.0 answers: a request and what lies at its path in, a response out. No I/O, no clock.

use super::apps::Made;
use super::request::{Minor, Refusal, Request};
use super::select::{self, Part, Verdict};
use super::site::{File, Found};
use super::target::escaped;
use super::{date, gzip, mime};

/// What a response depends on beside the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    /// The `Server` header, also at the foot of pages.
    pub server: &'a str,
    /// Seconds since 1970.
    pub now: i64,
    /// Our address, for redirects of visitors who name no host.
    pub address: &'a str,
    /// The port that was called.
    pub port: u16,
    /// Which request of the connection it is, from 1.
    pub count: u32,
    /// What the host calls itself, for visitors who name none.
    pub name: &'a str,
    /// What stands between the parts of Apache's multipart answers.
    pub boundary: &'a str,
    /// The port begins with TLS.
    pub https: bool,
}

/// `keepalive_requests`
const KEEP_REQUESTS: u32 = 100;

/// Names and values of headers.
type Fields<'a> = Vec<(&'a str, Vec<u8>)>;

/// Parts of a file, or of what was made of it.
pub(super) type Body = (File, Vec<Part>);

/// A response.
#[derive(Clone, Debug)]
pub(super) struct Response {
    /// Status code.
    pub status: u16,
    /// Head, and page if there is one.
    pub start: Vec<u8>,
    /// What to send of which file after it.
    pub file: Option<Body>,
    /// Whether the connection ends after it.
    pub close: bool,
}

const MOVED: &str = "301 Moved Permanently";

/// Answers a head that is no request; the connection ends after it.
pub(super) fn refuse(request: &Request, refusal: Refusal, setting: &Setting<'_>) -> Response {
    let status = match refusal {
        Refusal::NotHttp | Refusal::Bad | Refusal::HeaderTooLarge => "400 Bad Request",
        Refusal::NotAllowed => "405 Not Allowed",
        Refusal::BodyTooLarge => "413 Request Entity Too Large",
        Refusal::TargetTooLong => "414 Request-URI Too Large",
        Refusal::Encoding => "501 Not Implemented",
        Refusal::Version => "505 HTTP Version Not Supported",
    };
    let mut body = match refusal {
        Refusal::HeaderTooLarge => explained("Request Header Or Cookie Too Large", setting.server),
        _ => page(status, setting.server),
    };
    pad(request, &mut body);
    paged(request, status, &[], body.as_bytes(), &Setting { count: KEEP_REQUESTS, ..*setting })
}

/// Answers a request in plain HTTP on a port of TLS (nginx's status 497); the connection ends after it.
pub(super) fn to_https(request: &Request, setting: &Setting<'_>) -> Response {
    let mut body = explained("The plain HTTP request was sent to HTTPS port", setting.server);
    pad(request, &mut body);
    let setting = Setting { count: KEEP_REQUESTS, ..*setting };
    paged(request, "400 Bad Request", &[], body.as_bytes(), &setting)
}

/// Answers a request.
pub(super) fn answer(request: &Request, found: Found, setting: &Setting<'_>) -> Response {
    let method = request.method.as_slice();
    match found {
        Found::Missing => error(request, "404 Not Found", &[], setting),
        _ if !matches!(method, b"GET" | b"HEAD" | b"POST") => error(request, "405 Not Allowed", &[], setting),
        Found::Forbidden | Found::Listing(_) => error(request, "403 Forbidden", &[], setting),
        Found::Folder => {
            let place = location(request, setting);
            let body = page(MOVED, setting.server);
            paged(request, MOVED, &[("Location", place)], body.as_bytes(), setting)
        }
        Found::File(_) if method == b"POST" => error(request, "405 Not Allowed", &[], setting),
        Found::File(_) if request.spoiled => error(request, "400 Bad Request", &[], setting),
        Found::File(file) => send(request, file, setting),
    }
}

fn send(request: &Request, file: File, setting: &Setting<'_>) -> Response {
    let size = file.content.len();
    let tag = format!("\"{:x}-{size:x}\"", file.modified);
    let kind = mime::of(&file.path);
    let modified = ("Last-Modified", date(file.modified).into_bytes());
    let etag = ("ETag", tag.clone().into_bytes());
    let verdict = select::judge(request, file.modified, &tag, size, kind);
    let (status, mut before, mut after, parts) = match verdict {
        Verdict::Failed => return expected(request, error(request, "412 Precondition Failed", &[], setting)),
        Verdict::Unsatisfiable if gzips(request, kind, size) => {
            return expected(request, packed(request, &file, &tag, setting));
        }
        Verdict::Unsatisfiable => {
            let range = ("Content-Range", format!("bytes */{size}").into_bytes());
            return expected(request, error(request, "416 Requested Range Not Satisfiable", &[range], setting));
        }
        // The gzip filter takes what it makes from the range filter.
        Verdict::Whole | Verdict::One { .. } | Verdict::Many { .. } if gzips(request, kind, size) => {
            return expected(request, packed(request, &file, &tag, setting));
        }
        Verdict::Same => ("304 Not Modified", Vec::new(), vec![etag], Vec::new()),
        Verdict::Whole => {
            let after = vec![etag, ("Accept-Ranges", b"bytes".to_vec())];
            ("200 OK", typed(kind, size), after, vec![Part::File { from: 0, len: size }])
        }
        Verdict::One { from, len } => {
            let last = (from + len).saturating_sub(1);
            let after = vec![etag, ("Content-Range", format!("bytes {from}-{last}/{size}").into_bytes())];
            ("206 Partial Content", typed(kind, len), after, vec![Part::File { from, len }])
        }
        Verdict::Many { kind, parts } => {
            let len = parts.iter().map(Part::len).sum();
            ("206 Partial Content", typed(&kind, len), vec![etag], parts)
        }
    };
    before.push(modified);
    let start = head(request, status, before, &mut after, setting);
    let body = !bodiless(request) && !parts.is_empty();
    let response =
        Response { status: code(status), start, file: body.then_some((file, parts)), close: closes(request, setting) };
    expected(request, response)
}

/// `gzip on` with everything else as nginx has it: HTML of 20 bytes at least, for HTTP/1.1 without proxies.
fn gzips(request: &Request, kind: &str, size: u64) -> bool {
    kind == "text/html" && (20..=gzip::MOST).contains(&size) && gzip::accepts_nginx(request)
}

/// A file as the gzip filter sends it.
fn packed(request: &Request, file: &File, tag: &str, setting: &Setting<'_>) -> Response {
    let content = file.content.read_at(0, usize::try_from(gzip::MOST).unwrap_or(0)).unwrap_or_default();
    let mut before = vec![("Content-Type", b"text/html".to_vec()), ("Last-Modified", date(file.modified).into_bytes())];
    let mut after = vec![("ETag", format!("W/{tag}").into_bytes()), ("Content-Encoding", b"gzip".to_vec())];
    coded(request, "200 OK", &mut before, &mut after, &content, setting)
}

/// A compressed body: in chunks, as its length is not known when the head is sent.
fn coded(
    request: &Request,
    status: &str,
    before: &mut Fields<'_>,
    after: &mut Fields<'_>,
    body: &[u8],
    setting: &Setting<'_>,
) -> Response {
    let sends = !bodiless(request);
    before.extend(sends.then(|| ("Transfer-Encoding", b"chunked".to_vec())));
    let mut start = head(request, status, std::mem::take(before), after, setting);
    if sends {
        for piece in gzip::pack(body, gzip::Like::Nginx).chunks(32 << 10) {
            start.extend(format!("{:x}\r\n", piece.len()).into_bytes());
            start.extend_from_slice(piece);
            start.extend_from_slice(b"\r\n");
        }
        start.extend_from_slice(b"0\r\n\r\n");
    }
    Response { status: code(status), start, file: None, close: closes(request, setting) }
}

/// The page of a program behind the server: its length is not known beforehand.
pub(super) fn made(request: &Request, made: &Made, setting: &Setting<'_>) -> Response {
    let mut before = vec![("Content-Type", made.kind.clone().into_bytes())];
    let more: Vec<(&str, Vec<u8>)> =
        made.headers.iter().map(|(name, value)| (name.as_str(), value.clone().into_bytes())).collect();
    let mut after = more.clone();
    let html = made.kind.starts_with("text/html") && !made.body.is_empty() && gzip::accepts_nginx(request);
    if html {
        after.push(("Content-Encoding", b"gzip".to_vec()));
        return coded(request, &made.status, &mut before, &mut after, &made.body, setting);
    }
    let chunked = request.minor >= Minor::One;
    before.extend(chunked.then(|| ("Transfer-Encoding", b"chunked".to_vec())));
    let closing = Setting { count: KEEP_REQUESTS, ..*setting };
    let setting = if chunked { setting } else { &closing };
    let mut start = head(request, &made.status, before, &mut after, setting);
    if !bodiless(request) {
        if chunked && !made.body.is_empty() {
            start.extend(format!("{:x}\r\n", made.body.len()).into_bytes());
        }
        start.extend_from_slice(&made.body);
        if chunked {
            start.extend_from_slice(if made.body.is_empty() { b"0\r\n\r\n" } else { b"\r\n0\r\n\r\n" });
        }
    }
    Response { status: code(&made.status), start, file: None, close: closes(request, setting) }
}

fn typed(kind: &str, len: u64) -> Fields<'static> {
    vec![("Content-Type", kind.as_bytes().to_vec()), ("Content-Length", len.to_string().into_bytes())]
}

/// Whether a visitor waits for `100 Continue`.
pub(super) fn waits(request: &Request) -> bool {
    let waits = request.header("Expect").is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"));
    waits && request.minor >= Minor::One
}

/// nginx says `100 Continue` only where it comes to throwing a body away: for files.
fn expected(request: &Request, mut response: Response) -> Response {
    if waits(request) {
        response.start.splice(0..0, *b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    response
}

fn error(request: &Request, status: &str, more: &[(&'static str, Vec<u8>)], setting: &Setting<'_>) -> Response {
    let mut body = page(status, setting.server);
    pad(request, &mut body);
    if matches!(code(status), 403 | 404) && gzips(request, "text/html", body.len() as u64) {
        let mut before = vec![("Content-Type", b"text/html".to_vec())];
        let mut after = vec![("Content-Encoding", b"gzip".to_vec())];
        return coded(request, status, &mut before, &mut after, body.as_bytes(), setting);
    }
    let mut response = paged(request, status, &[], body.as_bytes(), setting);
    if !more.is_empty() {
        let mut after = more.to_vec();
        let before = typed("text/html", body.len() as u64);
        response.start = head(request, status, before, &mut after, setting);
        if !bodiless(request) {
            response.start.extend_from_slice(body.as_bytes());
        }
    }
    response
}

/// A response whose body is a page; `more` goes before `Connection`.
fn paged(
    request: &Request,
    status: &str,
    more: &[(&'static str, Vec<u8>)],
    body: &[u8],
    setting: &Setting<'_>,
) -> Response {
    let mut before = typed("text/html", body.len() as u64);
    before.extend_from_slice(more);
    let mut start = head(request, status, before, &mut Vec::new(), setting);
    if !bodiless(request) {
        start.extend_from_slice(body);
    }
    Response { status: code(status), start, file: None, close: closes(request, setting) }
}

/// The head in nginx's order: server, date, type, length, place or time, connection, the rest. HTTP/0.9 has none.
fn head(request: &Request, status: &str, before: Fields<'_>, after: &mut Fields<'_>, setting: &Setting<'_>) -> Vec<u8> {
    if request.minor == Minor::Simple {
        return Vec::new();
    }
    let connection = if closes(request, setting) { "close" } else { "keep-alive" };
    let mut out =
        format!("HTTP/1.1 {status}\r\nServer: {}\r\nDate: {}\r\n", setting.server, date(setting.now)).into_bytes();
    let connection = ("Connection", connection.as_bytes().to_vec());
    for (name, value) in before.into_iter().chain([connection]).chain(std::mem::take(after)) {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(&value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// An answer without its body: to HEAD, but HTTP/0.9 does not know that.
fn bodiless(request: &Request) -> bool {
    request.method == b"HEAD" && request.minor != Minor::Simple
}

fn closes(request: &Request, setting: &Setting<'_>) -> bool {
    setting.count >= KEEP_REQUESTS || !request.keep_alive || request.spoiled
}

/// The number of a status.
pub(super) fn code(status: &str) -> u16 {
    status.split(' ').next().and_then(|code| code.parse().ok()).unwrap_or_default()
}

/// The same place with a slash at its end.
fn location(request: &Request, setting: &Setting<'_>) -> Vec<u8> {
    let (scheme, usual) = if setting.https { ("https", 443) } else { ("http", 80) };
    let mut place = format!("{scheme}://").into_bytes();
    place.extend(request.host().unwrap_or_else(|| setting.address.as_bytes().to_vec()));
    if setting.port != usual {
        place.extend(format!(":{}", setting.port).into_bytes());
    }
    place.extend(escaped(&request.target.path));
    place.push(b'/');
    if let Some(query) = &request.target.query {
        place.push(b'?');
        place.extend_from_slice(query);
    }
    place
}

/// nginx's page for a status.
pub(super) fn page(status: &str, server: &str) -> String {
    format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n\
         <hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
    )
}

/// nginx's page for a 400 that has a reason.
fn explained(what: &str, server: &str) -> String {
    format!(
        "<html>\r\n<head><title>400 {what}</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n\
         <center>{what}</center>\r\n<hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
    )
}

/// `msie_padding`: browsers that hide short error pages get longer ones.
fn pad(request: &Request, body: &mut String) {
    let agent = request.header("User-Agent").unwrap_or_default();
    let says = |word: &[u8]| agent.windows(word.len()).any(|part| part == word);
    let browser = says(b"MSIE ") || (says(b"Chrome/") && !says(b"Gecko/"));
    if browser && !says(b"Opera") && request.minor != Minor::Simple {
        for _ in 0..6 {
            body.push_str("<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n");
        }
    }
}
