//! What Apache 2.4 answers under Debian's and Ubuntu's configuration: a head and what lies at its path in, a response
//! out. No I/O, no clock.

mod head;
mod listing;
mod select;

pub(super) use head::{Asked, Fault, Head};

use super::apps::Made;
use super::dialog::{Body, Response, Setting};
use super::gzip;
use super::request::{Framing, Minor, Request};
use super::select::Part;
use super::site::{File, Found};
use super::target::escaped;
use super::{date, mime};
use select::Verdict;

/// What it answers of itself.
const ALLOW: &str = "GET,POST,OPTIONS,HEAD";
/// Methods that it knows by name and does not serve: 405 instead of 501.
const KNOWN: &str = "PUT DELETE CONNECT PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK VERSION-CONTROL CHECKOUT \
    UNCHECKOUT CHECKIN UPDATE LABEL REPORT MKWORKSPACE MKACTIVITY BASELINE-CONTROL MERGE";
/// Answers after which the connection ends (`ap_status_drops_connection`).
const DROPS: [u16; 8] = [400, 408, 411, 413, 414, 500, 501, 503];
/// Types that are compressed (`AddOutputFilterByType DEFLATE`).
const DEFLATED: &str = "text/html text/plain text/xml text/css text/javascript application/x-javascript \
    application/javascript application/ecmascript application/rss+xml application/wasm application/xml";
/// Bodies below this are not worth it.
const DEFLATE_LEAST: u64 = 69;
/// `DeflateBufferSize`: what is longer when it is compressed goes out in chunks of this.
const DEFLATE_BUFFER: usize = 8096;
/// `MaxKeepAliveRequests`
const KEEP_REQUESTS: u32 = 100;

type Fields<'a> = Vec<(&'a str, Vec<u8>)>;

/// Whether the body is read before the answer: always, unless the connection ends anyway.
pub(super) fn reads_first(asked: &Asked) -> bool {
    asked.fault.is_none()
}

/// Whether a visitor who waits is told to go on.
pub(super) fn continues(asked: &Asked) -> bool {
    let waits = asked.request.header("Expect").is_some() && asked.request.minor >= Minor::One;
    waits && asked.request.framing != Framing::Length(0)
}

/// Text for HTML.
fn html(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in String::from_utf8_lossy(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// One answer in the making.
struct Reply<'a> {
    asked: &'a Asked,
    setting: &'a Setting<'a>,
    status: &'a str,
    fields: Fields<'a>,
    kind: Option<String>,
    /// The length is not known: chunks, or the end of the connection.
    endless: bool,
}

/// Answers a request.
pub(super) fn answer(asked: &Asked, found: Found, setting: &Setting<'_>) -> Response {
    let request = &asked.request;
    let reply = |status| Reply { asked, setting, status, fields: Vec::new(), kind: None, endless: false };
    if let Some(fault) = asked.fault {
        return refuse(fault, reply("400 Bad Request"));
    }
    let method = request.method.as_slice();
    if method == b"TRACE" {
        return not_allowed(reply("405 Method Not Allowed"), "");
    }
    if request.target.path == b"*" {
        return options(reply("200 OK"), None, false);
    }
    let found = if asked.nowhere { Found::Missing } else { found };
    match (&found, method) {
        (Found::Forbidden, _) => {
            return reply("403 Forbidden").page("<p>You don't have permission to access this resource.</p>\n");
        }
        (Found::Folder, _) if method != b"CONNECT" => return moved(reply("301 Moved Permanently")),
        (_, b"OPTIONS") => {
            let kind = match &found {
                Found::File(file) => mime::apache(&file.path),
                Found::Listing(_) => Some("httpd/unix-directory"),
                _ => None,
            };
            return options(reply("200 OK"), kind, true);
        }
        (_, b"GET" | b"HEAD" | b"POST") => {}
        _ if KNOWN.split_whitespace().any(|known| known.as_bytes() == method) => {
            return not_allowed(reply("405 Method Not Allowed"), ALLOW);
        }
        _ => {
            let mut reply = reply("501 Not Implemented");
            reply.fields.push(("Allow", ALLOW.into()));
            return reply.page(&format!("<p>{} not supported for current URL.<br />\n</p>\n", html(method)));
        }
    }
    match found {
        Found::File(file) => send(reply("200 OK"), file),
        Found::Listing(rows) if method != b"POST" => {
            let doctype = if old(setting.server) { DOCTYPE_LIST } else { DOCTYPE };
            let query = request.target.query.clone().unwrap_or_default();
            let mut reply = reply("200 OK");
            let page = listing::page(doctype, &request.target.path, &rows, &query, &reply.address());
            reply.kind = Some("text/html;charset=UTF-8".into());
            reply.made(page.into_bytes())
        }
        _ => reply("404 Not Found").page("<p>The requested URL was not found on this server.</p>\n"),
    }
}

/// The page of a program behind the server.
pub(super) fn made(asked: &Asked, made: &Made, setting: &Setting<'_>) -> Response {
    let fields = made.headers.iter().map(|(name, value)| (name.as_str(), value.clone().into_bytes())).collect();
    let kind = Some(made.kind.clone());
    let mut reply = Reply { asked, setting, status: &made.status, fields, kind, endless: false };
    if made.kind.starts_with("text/html") && made.body.len() as u64 >= DEFLATE_LEAST {
        return reply.made(made.body.clone());
    }
    reply.fields.push(("Content-Length", made.body.len().to_string().into_bytes()));
    reply.bytes(made.body.clone(), false)
}

/// Answers a body that is no body.
pub(super) fn bad_body(asked: &Asked, setting: &Setting<'_>) -> Response {
    let mut reply = Reply { asked, setting, status: "400 Bad Request", fields: Vec::new(), kind: None, endless: true };
    reply.kind = Some(PAGE_TYPE.into());
    let page = reply.whole_page(&bad(""));
    let mut response = reply.bytes(page, true);
    response.close = true;
    response
}

/// Answers plain HTTP on a port of TLS: mod_ssl makes a request of its own for it.
pub(super) fn to_https(setting: &Setting<'_>) -> Response {
    let asked = Asked { fault: Some(Fault::ToHttps), ..Head::new().into_asked() };
    answer(&asked, Found::Missing, setting)
}

fn bad(why: &str) -> String {
    format!("<p>Your browser sent a request that this server could not understand.<br />\n{why}</p>\n")
}

fn refuse(fault: Fault, mut reply: Reply<'_>) -> Response {
    let text = match fault {
        Fault::Bad | Fault::NotHttp => bad(""),
        Fault::ToHttps => bad("Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />\n \
             Instead use the HTTPS scheme to access this URL, please.<br />\n"),
        Fault::FieldTooLong => bad("Size of a request header field exceeds server limit."),
        Fault::TooManyFields => bad("The number of request header fields exceeds this server's limit."),
        Fault::TimedOut => {
            reply.status = "408 Request Timeout";
            "<p>Server timeout waiting for the HTTP request from the client.</p>\n".into()
        }
        Fault::LineTooLong => {
            reply.status = "414 Request-URI Too Long";
            "<p>The requested URL's length exceeds the capacity\nlimit for this server.<br />\n</p>\n".into()
        }
        Fault::Expectation => {
            reply.status = "417 Expectation Failed";
            let value = html(reply.asked.request.header("Expect").unwrap_or_default());
            format!(
                "<p>The expectation given in the Expect request-header\nfield could not be met by this server.\n\
                 The client sent<pre>\n    Expect: {value}\n</pre>\n</p><p>Only the 100-continue expectation is \
                 supported.</p>\n"
            )
        }
    };
    reply.page(&text)
}

fn not_allowed(mut reply: Reply<'_>, allow: &str) -> Response {
    reply.fields.push(("Allow", allow.into()));
    let method = html(&reply.asked.request.method);
    reply.page(&format!("<p>The requested method {method} is not allowed for this URL.</p>\n"))
}

fn options(mut reply: Reply<'_>, kind: Option<&str>, allow: bool) -> Response {
    if allow {
        reply.fields.push(("Allow", ALLOW.into()));
    }
    reply.fields.push(("Content-Length", b"0".to_vec()));
    reply.kind = kind.map(str::to_owned);
    reply.bytes(Vec::new(), false)
}

fn moved(mut reply: Reply<'_>) -> Response {
    let target = &reply.asked.request.target;
    let mut place = reply.home().into_bytes();
    place.extend(escaped(&target.path));
    place.push(b'/');
    if let Some(query) = &target.query {
        place.push(b'?');
        place.extend_from_slice(query);
    }
    let text = format!("<p>The document has moved <a href=\"{}\">here</a>.</p>\n", html(&place));
    reply.fields.push(("Location", place));
    reply.page(&text)
}

fn send(mut reply: Reply<'_>, file: File) -> Response {
    let request = &reply.asked.request;
    let size = file.content.len();
    let kind = mime::apache(&file.path);
    reply.kind = kind.map(str::to_owned);
    let modified = date(file.modified);
    let micros = file.modified.saturating_mul(1_000_000).saturating_add(i64::from(file.nanos / 1000));
    let plain_tag = format!("{size:x}-{micros:x}");
    let tag = format!("\"{plain_tag}\"");
    let same = select::conditions(request, reply.setting.now, file.modified, &tag);
    let varies =
        kind.is_some_and(|kind| DEFLATED.split_whitespace().any(|known| known == kind)) && size >= DEFLATE_LEAST;
    let packed = (varies && same.is_none() && gzip::accepts_apache(request)).then(|| gzip::apache(&file)).flatten();
    let tag = if packed.is_some() { format!("\"{plain_tag}-gzip\"") } else { tag };
    reply.fields = vec![
        ("Last-Modified", modified.clone().into_bytes()),
        ("ETag", tag.clone().into_bytes()),
        ("Accept-Ranges", b"bytes".to_vec()),
    ];
    match same {
        Some(Verdict::Same) => {
            reply.status = "304 Not Modified";
            reply.kind = None;
            return reply.bytes(Vec::new(), false);
        }
        Some(_) => {
            reply.status = "412 Precondition Failed";
            reply.fields.push(("Content-Length", b"0".to_vec()));
            return reply.bytes(Vec::new(), false);
        }
        None => {}
    }
    let whole = packed.as_ref().map_or(size, |packed| packed.len() as u64);
    let verdict = select::ranges(request, &modified, &tag, whole);
    if verdict == Verdict::Unsatisfiable {
        reply.status = "416 Requested Range Not Satisfiable";
        reply.fields.clear();
        reply.endless = true;
        return reply.page(
            "<p>None of the range-specifier values in the Range\nrequest-header field overlap the current extent\n\
             of the selected resource.</p>\n",
        );
    }
    let cut = |from: u64, len: u64| match &packed {
        None => Part::File { from, len },
        Some(bytes) => {
            let from = usize::try_from(from).unwrap_or(usize::MAX);
            let end = from.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
            Part::Bytes(bytes.get(from..end).unwrap_or_default().to_vec())
        }
    };
    let vary = ("Vary", b"Accept-Encoding".to_vec());
    let coded = ("Content-Encoding", b"gzip".to_vec());
    let length = |len: u64| ("Content-Length", len.to_string().into_bytes());
    if packed.is_some() {
        reply.fields.extend([vary.clone(), coded]);
    }
    let (lengths, parts) = match verdict {
        Verdict::Ranges(ranges) => {
            reply.status = "206 Partial Content";
            match ranges.as_slice() {
                [(from, len)] => {
                    let last = (from + len).saturating_sub(1);
                    let range = ("Content-Range", format!("bytes {from}-{last}/{whole}").into_bytes());
                    let mut fields = if packed.is_some() { vec![range, length(*len)] } else { vec![length(*len)] };
                    if packed.is_none() {
                        fields.extend(varies.then(|| vary.clone()));
                        fields.push(("Content-Range", format!("bytes {from}-{last}/{whole}").into_bytes()));
                    }
                    (fields, vec![cut(*from, *len)])
                }
                many => {
                    let (boundary, parts) = multipart(many, whole, kind, reply.setting.boundary, &cut);
                    reply.kind = Some(format!("multipart/byteranges; boundary={boundary}"));
                    let mut fields = vec![length(parts.iter().map(Part::len).sum())];
                    fields.extend((varies && packed.is_none()).then(|| vary.clone()));
                    (fields, parts)
                }
            }
        }
        _ => match packed {
            Some(bytes) if bytes.len() > DEFLATE_BUFFER + 10 => {
                reply.endless = true;
                return reply.bytes(bytes, true);
            }
            Some(bytes) => (vec![length(whole)], vec![Part::Bytes(bytes)]),
            None => {
                let mut fields = vec![length(size)];
                fields.extend(varies.then_some(vary));
                (fields, vec![Part::File { from: 0, len: size }])
            }
        },
    };
    reply.fields.extend(lengths);
    reply.parts(file, parts)
}

fn multipart(
    ranges: &[(u64, u64)],
    size: u64,
    kind: Option<&str>,
    boundary: &str,
    cut: &dyn Fn(u64, u64) -> Part,
) -> (String, Vec<Part>) {
    let mut parts = Vec::new();
    let kind = kind.map(|kind| format!("Content-type: {kind}\r\n")).unwrap_or_default();
    for (from, len) in ranges {
        let last = (from + len).saturating_sub(1);
        let head = format!("\r\n--{boundary}\r\n{kind}Content-range: bytes {from}-{last}/{size}\r\n\r\n");
        parts.push(Part::Bytes(head.into_bytes()));
        parts.push(cut(*from, *len));
    }
    parts.push(Part::Bytes(format!("\r\n--{boundary}--\r\n").into_bytes()));
    (boundary.into(), parts)
}

const PAGE_TYPE: &str = "text/html; charset=iso-8859-1";
const DOCTYPE: &str = "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">";
const DOCTYPE_OLD: &str = "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">";
const DOCTYPE_LIST: &str = "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">";

/// Whether a version writes its pages as 2.4.41 does; the recorded 2.4.68 has another document type.
fn old(server: &str) -> bool {
    let patch = server.split("/2.4.").nth(1).and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    patch.and_then(|patch| patch.parse::<u32>().ok()).is_none_or(|patch| patch < 64)
}

impl Reply<'_> {
    fn request(&self) -> &Request {
        &self.asked.request
    }

    fn name(&self) -> (String, u16) {
        let named = self.asked.named.as_ref().filter(|_| self.asked.whole || self.asked.fault.is_none());
        let name =
            named.map_or_else(|| self.setting.name.into(), |(name, _)| String::from_utf8_lossy(name).into_owned());
        (name, named.and_then(|(_, port)| *port).unwrap_or(self.setting.port))
    }

    /// `http://name:port`
    fn home(&self) -> String {
        let (name, port) = self.name();
        let name = if name.contains(':') { format!("[{name}]") } else { name };
        let (scheme, usual) = if self.setting.https { ("https", 443) } else { ("http", 80) };
        if port == usual { format!("{scheme}://{name}") } else { format!("{scheme}://{name}:{port}") }
    }

    /// The last line of pages (`ServerSignature On`).
    fn address(&self) -> String {
        let (name, port) = self.name();
        format!("{} Server at {} Port {port}", self.setting.server, html(name.as_bytes()))
    }

    fn whole_page(&self, text: &str) -> Vec<u8> {
        let reason = self.status.split_once(' ').map_or("", |(_, reason)| reason);
        let doctype = if old(self.setting.server) { DOCTYPE_OLD } else { DOCTYPE };
        let address = self.address();
        format!(
            "{doctype}\n<html><head>\n<title>{}</title>\n</head><body>\n<h1>{reason}</h1>\n{text}<hr>\n\
             <address>{address}</address>\n</body></html>\n",
            self.status
        )
        .into_bytes()
    }

    /// An answer that is one of its own pages.
    fn page(mut self, text: &str) -> Response {
        let page = self.whole_page(text);
        self.kind = Some(PAGE_TYPE.into());
        if self.request().method != b"HEAD" && !self.endless {
            self.fields.push(("Content-Length", page.len().to_string().into_bytes()));
        }
        let endless = self.endless;
        self.bytes(page, endless)
    }

    /// A page that a module made: compressed when the visitor likes it.
    fn made(mut self, page: Vec<u8>) -> Response {
        if self.request().method == b"HEAD" {
            return self.bytes(Vec::new(), false);
        }
        let vary = ("Vary", b"Accept-Encoding".to_vec());
        self.fields.push(vary);
        let page = if gzip::accepts_apache(self.request()) {
            self.fields.push(("Content-Encoding", b"gzip".to_vec()));
            gzip::pack(&page, gzip::Like::Apache)
        } else {
            page
        };
        self.fields.push(("Content-Length", page.len().to_string().into_bytes()));
        self.bytes(page, false)
    }

    fn closes(&self) -> bool {
        let code = super::dialog::code(self.status);
        let counted = self.setting.count > KEEP_REQUESTS;
        let endless = self.endless && self.request().minor < Minor::One;
        DROPS.contains(&code) || !self.request().keep_alive || counted || self.asked.fault.is_some() || endless
    }

    /// Date, server, the fields, connection, type. HTTP/0.9 has none, but for what is no request at all.
    fn head(&self, close: bool) -> Vec<u8> {
        let simple = self.request().minor == Minor::Simple;
        if simple && self.asked.fault.is_none() {
            return Vec::new();
        }
        let Setting { server, now, count, .. } = *self.setting;
        let mut out = format!("HTTP/1.1 {}\r\nDate: {}\r\nServer: {server}\r\n", self.status, date(now)).into_bytes();
        let mut field = |name: &str, value: &[u8]| {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        };
        for (name, value) in &self.fields {
            field(name, value);
        }
        let wish = self.request().header("Connection").unwrap_or_default().to_ascii_lowercase();
        if close {
            field("Connection", b"close");
        } else if wish.split(|&b| b == b',').any(|part| part.trim_ascii() == b"keep-alive") {
            let left = KEEP_REQUESTS.saturating_sub(count.saturating_sub(1));
            field("Keep-Alive", format!("timeout=5, max={left}").as_bytes());
            field("Connection", b"Keep-Alive");
        }
        if self.endless && !close && self.request().method != b"HEAD" {
            field("Transfer-Encoding", b"chunked");
        }
        if let Some(kind) = &self.kind {
            field("Content-Type", kind.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out
    }

    fn bytes(self, body: Vec<u8>, endless: bool) -> Response {
        let close = self.closes();
        let mut start = self.head(close);
        if self.request().method != b"HEAD" {
            if endless && !close {
                for piece in body.chunks(DEFLATE_BUFFER) {
                    start.extend(format!("{:x}\r\n", piece.len()).into_bytes());
                    start.extend_from_slice(piece);
                    start.extend_from_slice(b"\r\n");
                }
                start.extend_from_slice(b"0\r\n\r\n");
            } else {
                start.extend_from_slice(&body);
            }
        }
        Response { status: super::dialog::code(self.status), start, file: None, close }
    }

    fn parts(self, file: File, parts: Vec<Part>) -> Response {
        let close = self.closes();
        let body = self.request().method != b"HEAD";
        let body: Option<Body> = body.then_some((file, parts));
        Response { status: super::dialog::code(self.status), start: self.head(close), file: body, close }
    }
}
