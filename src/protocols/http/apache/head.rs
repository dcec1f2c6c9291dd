//! Reads a request head as Apache 2.4 does (`protocol.c`, `vhost.c`; `HttpProtocolOptions Strict`): line by line, each
//! ended by CRLF, nothing but single blanks in the request line.

use super::super::request::{Framing, Minor, Progress, Request};
use super::super::target::{Target, decoded, normal};

/// `LimitRequestLine`, `LimitRequestFieldSize`
const LONGEST_LINE: usize = 8190;
/// `LimitRequestFields`
const MOST_FIELDS: usize = 100;
/// Characters of a token (RFC 9110, section 5.6.2) beside letters and digits.
const TOKEN: &[u8] = b"!#$%&'*+-.^_`|~";

/// Why there is an error page instead of an answer; the connection ends after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Fault {
    /// 400
    Bad,
    /// 400, and the first line is no request line of HTTP.
    NotHttp,
    /// 400, plain HTTP on a port of TLS.
    ToHttps,
    /// 400, a header is too long.
    FieldTooLong,
    /// 400, too many headers.
    TooManyFields,
    /// 408
    TimedOut,
    /// 414
    LineTooLong,
    /// 417
    Expectation,
}

/// A head as far as Apache understood it.
#[derive(Clone, Debug)]
pub(in super::super) struct Asked {
    /// The request; its path is set when there is no fault.
    pub request: Request,
    /// The host that the visitor named, and the port if they named one; known once the head was read.
    pub named: Option<(Vec<u8>, Option<u16>)>,
    /// What is wrong with it.
    pub fault: Option<Fault>,
    /// The headers were understood: pages name the host that was asked for.
    pub whole: bool,
    /// The path can't be that of a file: `%2f` or `%00` in it.
    pub nowhere: bool,
}

/// A head in the making.
#[derive(Debug)]
pub(in super::super) struct Head {
    asked: Asked,
    started: bool,
    line_known: bool,
    blanks: usize,
    /// The last header, which the next line may go on.
    field: Option<Vec<u8>>,
}

impl Head {
    pub fn new() -> Self {
        let asked = Asked { request: Request::empty(), named: None, fault: None, whole: false, nowhere: false };
        Self { asked, started: false, line_known: false, blanks: 0, field: None }
    }

    /// Whether anything but empty lines has come.
    pub fn started(&self) -> bool {
        self.started
    }

    /// Whether the request line is whole: who is late after it is told so.
    pub fn line_known(&self) -> bool {
        self.line_known
    }

    pub fn into_asked(self) -> Asked {
        self.asked
    }

    /// The same for a visitor who took too long.
    pub fn late(mut self) -> Asked {
        self.asked.fault = Some(Fault::TimedOut);
        self.asked
    }

    /// Looks at `bytes`, which follow what was used before; says how many were used now, and whether the head is whole.
    pub fn advance(&mut self, bytes: &[u8]) -> (usize, Progress) {
        let mut used = 0;
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            let end = rest.iter().position(|&b| b == b'\n');
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            if line.len() > LONGEST_LINE {
                self.started = true;
                let fault = if self.line_known { Fault::FieldTooLong } else { Fault::LineTooLong };
                if !self.line_known {
                    self.keep_words(line.get(..LONGEST_LINE).unwrap_or(line));
                }
                self.asked.fault = Some(fault);
                return (used, Progress::Done);
            }
            let Some(end) = end else {
                self.started |= line.iter().any(|b| !matches!(b, b'\r' | b'\n'));
                return (used, Progress::More);
            };
            let step = self.line(line);
            match step {
                Ok(false) => used += end + 1,
                Ok(true) => {
                    used += end + 1;
                    return (used, Progress::Done);
                }
                Err(fault) => {
                    if fault != Fault::NotHttp {
                        used += end + 1;
                    }
                    self.asked.fault = Some(fault);
                    return (used, Progress::Done);
                }
            }
        }
    }

    /// For the record: the words of a line that is refused.
    fn keep_words(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut words = line.splitn(3, |&b| b == b' ').map(<[u8]>::to_vec);
        self.asked.request.method = words.next().unwrap_or_default();
        self.asked.request.raw_target = words.next().unwrap_or_default();
        self.asked.request.version = words.next().unwrap_or_default();
    }

    /// One line without its LF; true when the head is whole.
    fn line(&mut self, line: &[u8]) -> Result<bool, Fault> {
        let cut = line.strip_suffix(b"\r");
        if !self.line_known {
            if cut.unwrap_or(line).is_empty() && self.blanks < MOST_FIELDS {
                self.blanks += 1;
                return Ok(false);
            }
            self.started = true;
            let parsed = cut.ok_or_else(|| not_http(line)).and_then(|line| self.request_line(line));
            if parsed.as_ref().is_err_and(|fault| *fault != Fault::NotHttp) {
                self.keep_words(line);
            }
            return parsed;
        }
        let line = cut.ok_or(Fault::Bad)?;
        if matches!(line.first(), Some(b' ' | b'\t')) {
            let field = self.field.as_mut().ok_or(Fault::Bad)?;
            if field.len() + line.len() > LONGEST_LINE {
                return Err(Fault::FieldTooLong);
            }
            field.extend_from_slice(b" ");
            field.extend_from_slice(line.trim_ascii());
            return Ok(false);
        }
        if let Some(field) = self.field.take() {
            self.header(&field)?;
        }
        if line.is_empty() {
            return self.complete().map(|()| true);
        }
        self.field = Some(line.to_vec());
        Ok(false)
    }

    /// `METHOD SP target SP HTTP/d.d`, or `GET SP target` alone; true when no headers follow.
    fn request_line(&mut self, line: &[u8]) -> Result<bool, Fault> {
        let bad = || not_http(line);
        let method = line.iter().take_while(|b| b.is_ascii_alphanumeric() || TOKEN.contains(b)).count();
        let (method, rest) = line.split_at_checked(method).ok_or_else(bad)?;
        let rest = rest.strip_prefix(b" ").filter(|_| !method.is_empty()).ok_or_else(bad)?;
        let length = rest.iter().position(|&b| b <= 0x20 || b == 0x7f).unwrap_or(rest.len());
        let (raw, after) = rest.split_at_checked(length).ok_or_else(bad)?;
        let (version, minor) = match after {
            [] | b" " => (&b""[..], Minor::Simple),
            [b' ', version @ ..] => (version, minor_of(version).ok_or(Fault::Bad)?),
            _ => return Err(Fault::Bad),
        };
        if raw.is_empty() || raw.contains(&b'#') {
            return Err(Fault::Bad);
        }
        let request = &mut self.asked.request;
        request.method = method.to_vec();
        request.raw_target = raw.to_vec();
        request.version = version.to_vec();
        request.minor = minor;
        let authority = target(method, raw, &mut request.target)?;
        if let Some(authority) = authority {
            self.asked.named = Some(named(&authority).ok_or(Fault::Bad)?);
        }
        if minor == Minor::Simple && method != b"GET" {
            return Err(Fault::Bad);
        }
        self.line_known = true;
        if minor == Minor::Simple { self.place().map(|()| true) } else { Ok(false) }
    }

    fn header(&mut self, field: &[u8]) -> Result<(), Fault> {
        let request = &mut self.asked.request;
        if request.headers.len() >= MOST_FIELDS {
            return Err(Fault::TooManyFields);
        }
        let colon = field.iter().position(|&b| b == b':').ok_or(Fault::Bad)?;
        let (name, value) = field.split_at_checked(colon).ok_or(Fault::Bad)?;
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        let token = !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || TOKEN.contains(b));
        request.headers.push((name.to_vec(), value.to_vec()));
        let control = value.iter().any(|&b| (b < 0x20 && b != b'\t') || b == 0x7f);
        if token && !control { Ok(()) } else { Err(Fault::Bad) }
    }

    /// What is checked once all headers are there.
    fn complete(&mut self) -> Result<(), Fault> {
        let request = &mut self.asked.request;
        let all = |name: &str| {
            let wanted = name.as_bytes().to_vec();
            let same = request.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(&wanted));
            same.map(|(_, value)| value.as_slice()).collect::<Vec<_>>()
        };
        let (hosts, lengths, codings) = (all("Host"), all("Content-Length"), all("Transfer-Encoding"));
        let host = match hosts.as_slice() {
            [] if request.minor >= Minor::One => return Err(Fault::Bad),
            [] => None,
            [one] => Some(named(one).ok_or(Fault::Bad)?),
            _ => return Err(Fault::Bad),
        };
        let length = match lengths.as_slice() {
            [] => None,
            [one] => Some(digits(one).ok_or(Fault::Bad)?),
            _ => return Err(Fault::Bad),
        };
        let coding = codings.join(&b", "[..]).to_ascii_lowercase();
        let last = coding.rsplit(|&b| b == b',').next().unwrap_or_default().trim_ascii().to_vec();
        let framing = match (coding.is_empty(), last.as_slice() == b"chunked") {
            (true, _) => Framing::Length(length.unwrap_or(0)),
            (false, true) => Framing::Chunked,
            (false, false) => return Err(Fault::Bad),
        };
        // A length beside chunks is thrown away, and so is the connection: a request could hide behind it.
        let smuggled = length.is_some() && framing == Framing::Chunked;
        let wish = all("Connection").join(&b", "[..]).to_ascii_lowercase();
        let says = |word: &[u8]| wish.split(|&b| b == b',').any(|part| part.trim_ascii() == word);
        let keep = !says(b"close") && (request.minor >= Minor::One || says(b"keep-alive")) && !smuggled;
        let waits = request.header("Expect").map(|value| value.eq_ignore_ascii_case(b"100-continue"));
        request.framing = framing;
        request.keep_alive = keep;
        if self.asked.named.is_none() || self.asked.request.raw_target.starts_with(b"/") {
            self.asked.named = host.or(self.asked.named.take());
        }
        self.asked.whole = true;
        if waits == Some(false) {
            return Err(Fault::Expectation);
        }
        self.place()
    }

    /// Makes the path: what is wrong with it is found after the host is known.
    fn place(&mut self) -> Result<(), Fault> {
        let target = &mut self.asked.request.target;
        if target.path.as_slice() == b"*" {
            return Ok(());
        }
        let lower = target.path.to_ascii_lowercase();
        let has = |code: &[u8]| lower.windows(3).any(|part| part == code);
        self.asked.nowhere = has(b"%2f") || has(b"%00");
        // What nowhere lies is decoded without these codes, only to see whether the rest is well-formed.
        let plain = lower_codes(&target.path);
        let path = decoded(&plain).map_err(|_| Fault::Bad)?;
        target.path = if self.asked.nowhere { b"/".to_vec() } else { normal(&path).map_err(|_| Fault::Bad)? };
        Ok(())
    }
}

/// The path with `%2f` and `%00` replaced by letters.
fn lower_codes(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, behind)) = rest.split_first() {
        match rest {
            [b'%', b'2', b'f' | b'F', after @ ..] | [b'%', b'0', b'0', after @ ..] => {
                out.push(b'x');
                rest = after;
            }
            _ => {
                out.push(first);
                rest = behind;
            }
        }
    }
    out
}

/// Splits the target into path and query, still encoded; gives the host of one that has it.
fn target(method: &[u8], raw: &[u8], into: &mut Target) -> Result<Option<Vec<u8>>, Fault> {
    if method == b"CONNECT" {
        let port = raw.iter().rposition(|&b| b == b':').and_then(|at| raw.get(at + 1..)).and_then(digits);
        into.path = b"/".to_vec();
        return port.filter(|&port| (1..65_536).contains(&port)).map(|_| Some(raw.to_vec())).ok_or(Fault::Bad);
    }
    let mut authority = None;
    let mut rest = raw;
    if raw == b"*" {
        into.path = b"*".to_vec();
        return if method == b"OPTIONS" { Ok(None) } else { Err(Fault::Bad) };
    }
    if !matches!(raw.first(), Some(b'/' | b'?')) {
        let lower = raw.to_ascii_lowercase();
        let scheme = if lower.starts_with(b"http://") { 7 } else { 8 };
        if scheme == 8 && !lower.starts_with(b"https://") {
            let word = lower.iter().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count();
            let other = word > 0 && lower.get(word..).is_some_and(|rest| rest.starts_with(b"://"));
            // Another scheme's path is found to be none once the head is whole.
            into.path = b"%".to_vec();
            return if other { Ok(None) } else { Err(Fault::Bad) };
        }
        let after = raw.get(scheme..).unwrap_or_default();
        let end = after.iter().position(|&b| matches!(b, b'/' | b'?')).unwrap_or(after.len());
        let (host, path) = after.split_at_checked(end).ok_or(Fault::Bad)?;
        // Another scheme's host is not ours: the header counts.
        authority = (scheme == 7).then(|| host.to_vec());
        rest = path;
    }
    let end = rest.iter().position(|&b| b == b'?').unwrap_or(rest.len());
    let (path, query) = rest.split_at_checked(end).ok_or(Fault::Bad)?;
    into.path = if path.is_empty() { b"/".to_vec() } else { path.to_vec() };
    into.query = query.strip_prefix(b"?").map(<[u8]>::to_vec);
    into.authority.clone_from(&authority);
    Ok(authority)
}

/// `HTTP/d.d`; what is newer than 1.1 counts as that.
fn minor_of(version: &[u8]) -> Option<Minor> {
    match version {
        [b'H', b'T', b'T', b'P', b'/', major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] => match (major, minor) {
            (b'0', _) => None,
            (b'1', b'0') => Some(Minor::Zero),
            _ => Some(Minor::One),
        },
        _ => None,
    }
}

/// A host and its port (`fix_hostname`, strict): a name of DNS with underscores, an IPv4 address or one of IPv6 in
/// brackets. The name comes in lower case, without a last dot.
fn named(host: &[u8]) -> Option<(Vec<u8>, Option<u16>)> {
    let (name, port) = if host.starts_with(b"[") {
        let end = host.iter().position(|&b| b == b']')?;
        let text = std::str::from_utf8(host.get(1..end)?).ok()?;
        text.parse::<std::net::Ipv6Addr>().ok()?;
        (host.get(1..end)?, host.get(end + 1..)?)
    } else {
        let end = host.iter().position(|&b| b == b':').unwrap_or(host.len());
        let name = host.get(..end)?;
        let good = |b: &u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
        let numeric = name.iter().all(|b| b.is_ascii_digit() || *b == b'.');
        let address = std::str::from_utf8(name).ok().is_some_and(|text| text.parse::<std::net::Ipv4Addr>().is_ok());
        let dots = name.starts_with(b".") || name.windows(2).any(|pair| pair == b"..");
        if name.is_empty() || !name.iter().all(good) || dots || (numeric && !address) {
            return None;
        }
        (name, host.get(end..)?)
    };
    let port = match port {
        [] => None,
        [b':', number @ ..] => Some(digits(number).and_then(|n| u16::try_from(n).ok()).filter(|&n| n > 0)?),
        _ => return None,
    };
    Some((name.strip_suffix(b".").unwrap_or(name).to_ascii_lowercase(), port))
}

fn digits(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok().filter(|text| !text.is_empty())?;
    let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok())??;
    i64::try_from(number).is_ok().then_some(number)
}

/// A line of another protocol stays unread, for the record.
fn not_http(line: &[u8]) -> Fault {
    let word = line.first().is_some_and(u8::is_ascii_alphabetic) && !line.starts_with(b"SSH-");
    if word { Fault::Bad } else { Fault::NotHttp }
}
