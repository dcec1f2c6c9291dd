//! Reads a request head as nginx 1.18 does (`ngx_http_parse.c`, `ngx_http_request.c`): byte by byte, so that what can't
//! become a request is refused at once. Names and values stay as they came, in order.

use super::target::{Target, host_part};

/// The longest line of a head: one of nginx's `large_client_header_buffers` (4 of 8k).
const LONGEST_LINE: usize = 8192;
const FIRST_BUFFER: usize = 1024;
const LARGE_BUFFERS: usize = 4;
/// `client_max_body_size`
const LARGEST_BODY: u64 = 1 << 20;

/// How much body follows the head (RFC 9112, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// This many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
}

/// A request head, as far as it has come.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The method as it came.
    pub method: Vec<u8>,
    /// The target as it came.
    pub raw_target: Vec<u8>,
    /// The version as it came; empty for HTTP/0.9.
    pub version: Vec<u8>,
    /// Minor version: 9 is HTTP/0.9, else that of HTTP/1.
    pub minor: Minor,
    /// What the target means.
    pub target: Target,
    /// All headers as they came.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body to come.
    pub framing: Framing,
    /// Whether the visitor wants, and nginx allows, another request after this one.
    pub keep_alive: bool,
    /// What came of the body with the head can't be one.
    pub spoiled: bool,
}

/// The versions that make a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Minor {
    /// A request line without a version: the answer has no head.
    Simple,
    /// HTTP/1.0
    Zero,
    /// HTTP/1.1 and what calls itself newer.
    One,
}

impl Request {
    pub(super) fn empty() -> Self {
        Self {
            method: Vec::new(),
            raw_target: Vec::new(),
            version: Vec::new(),
            minor: Minor::Zero,
            target: Target::default(),
            headers: Vec::new(),
            framing: Framing::Length(0),
            keep_alive: false,
            spoiled: false,
        }
    }

    /// The first header of that name, without regard to case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
    }

    /// The name under which the visitor calls us, in lower case and without port: the target's, else the header's.
    pub fn host(&self) -> Option<Vec<u8>> {
        let named = self.target.authority.as_deref().or_else(|| self.header("Host"))?;
        host_part(named).map(<[u8]>::to_ascii_lowercase)
    }
}

/// Why nginx answers a head with an error and closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 400, and the first line is no request line of HTTP.
    NotHttp,
    /// 400
    Bad,
    /// 400 with its own page.
    HeaderTooLarge,
    /// 405, for TRACE and CONNECT.
    NotAllowed,
    /// 413
    BodyTooLarge,
    /// 414
    TargetTooLong,
    /// 501
    Encoding,
    /// 505
    Version,
}

/// A head in the making.
#[derive(Debug)]
pub(super) struct Head {
    request: Request,
    started: bool,
    line_known: bool,
    room: usize,
    buffers: usize,
}

/// What a step of [`Head::advance`] came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More bytes are needed.
    More,
    /// The head is whole.
    Done,
    /// It will not become a request.
    Refused(Refusal),
}

impl Head {
    /// A head of which nothing has come.
    pub fn new() -> Self {
        Self { request: Request::empty(), started: false, line_known: false, room: FIRST_BUFFER, buffers: 0 }
    }

    /// Whether anything but empty lines has come.
    pub fn started(&self) -> bool {
        self.started
    }

    /// What is known of the request.
    pub fn into_request(self) -> Request {
        self.request
    }

    /// Looks at `bytes`, which follow what was used before; says how many were used now.
    pub fn advance(&mut self, bytes: &[u8]) -> (usize, Progress) {
        let mut used = 0;
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            if !self.started {
                let empty = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
                used += empty;
                if empty == rest.len() {
                    return (used, Progress::More);
                }
                self.started = true;
                continue;
            }
            let end = rest.iter().position(|&b| b == b'\n');
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            if let Some(refusal) = self.take_room(line.len() + 1, end.is_some()) {
                if !self.line_known {
                    self.keep_words(line);
                }
                return (used, Progress::Refused(refusal));
            }
            let step =
                if self.line_known { self.header_line(line, end.is_some()) } else { self.line(line, end.is_some()) };
            match (step, end) {
                (Err(refusal), _) => return (used, Progress::Refused(refusal)),
                (Ok(_), None) => return (used, Progress::More),
                (Ok(last), Some(end)) => {
                    used += end + 1;
                    if last {
                        return (used, Progress::Done);
                    }
                }
            }
        }
    }

    /// A line must fit into what is left of the buffer, or gets a new one.
    fn take_room(&mut self, len: usize, whole: bool) -> Option<Refusal> {
        let refusal = if self.line_known { Refusal::HeaderTooLarge } else { Refusal::TargetTooLong };
        if len > LONGEST_LINE {
            return Some(refusal);
        }
        if !whole {
            return None;
        }
        if len > self.room {
            self.buffers += 1;
            self.room = LONGEST_LINE;
            if self.buffers > LARGE_BUFFERS {
                return Some(refusal);
            }
        }
        self.room -= len.min(self.room);
        None
    }

    /// For the record: the words of a line that is refused.
    fn keep_words(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut words = line.splitn(3, |&b| b == b' ').map(<[u8]>::to_vec);
        self.request.method = words.next().unwrap_or_default();
        self.request.raw_target = words.next().unwrap_or_default();
        self.request.version = words.next().unwrap_or_default();
    }

    fn line(&mut self, line: &[u8], whole: bool) -> Result<bool, Refusal> {
        let parsed = self.request_line(line, whole);
        match parsed {
            Err(refusal) if refusal != Refusal::NotHttp => self.keep_words(line),
            _ => {}
        }
        parsed
    }

    /// `METHOD SP+ target [SP+ HTTP/1.x]`; true when no headers follow.
    fn request_line(&mut self, line: &[u8], whole: bool) -> Result<bool, Refusal> {
        let method = line.iter().take_while(|b| matches!(b, b'A'..=b'Z' | b'_' | b'-')).count();
        let (method, rest) = line.split_at_checked(method).ok_or(Refusal::Bad)?;
        match rest.first() {
            None if !whole => return Ok(false),
            Some(b' ') if !method.is_empty() => {}
            _ => return Err(not_http(line)),
        }
        let rest = rest.trim_ascii_start_spaces();
        let length = rest.iter().position(|&b| matches!(b, b' ' | b'\r')).unwrap_or(rest.len());
        let (raw, after) = rest.split_at_checked(length).ok_or(Refusal::Bad)?;
        if raw.iter().any(|&b| b < 0x20 || b == 0x7f) {
            return Err(Refusal::Bad);
        }
        Target::plausible(raw)?;
        let after = after.trim_ascii_start_spaces();
        let (version, minor) = version(after, whole)?;
        if !whole {
            return Ok(false);
        }
        // nginx reads an absolute target before it knows the version, but decodes a path after that.
        let absolute = if raw.starts_with(b"/") { None } else { Some(Target::parse(raw)?) };
        self.request.method = method.to_vec();
        self.request.raw_target = raw.to_vec();
        self.request.version = version.to_vec();
        self.request.minor = minor;
        self.line_known = true;
        if minor == Minor::Simple && method != b"GET" {
            return Err(Refusal::Bad);
        }
        self.request.target = absolute.map_or_else(|| Target::parse(raw), Ok)?;
        Ok(minor == Minor::Simple)
    }

    /// One header, or the empty line that ends the head: then true.
    fn header_line(&mut self, line: &[u8], whole: bool) -> Result<bool, Refusal> {
        let colon = line.iter().position(|&b| b == b':');
        let name = line.get(..colon.unwrap_or(line.len())).unwrap_or_default();
        let name = if colon.is_none() { name.strip_suffix(b"\r").unwrap_or(name) } else { name };
        if name.iter().any(|&b| b <= 0x20 || b == 0x7f) || (colon.is_some() && name.is_empty()) {
            return Err(Refusal::Bad);
        }
        if !whole {
            return Ok(false);
        }
        if name.is_empty() {
            return self.complete().map(|()| true);
        }
        let value = line.get(name.len()..).unwrap_or_default();
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_suffix(b"\r").unwrap_or(value).trim_ascii_start_spaces().trim_ascii_end_spaces();
        let known = |name: &str| self.request.header(name).is_some();
        let again = ["Host", "Content-Length", "Transfer-Encoding"]
            .iter()
            .any(|single| name.eq_ignore_ascii_case(single.as_bytes()) && known(single));
        self.request.headers.push((name.to_vec(), value.to_vec()));
        let bad = value.contains(&0) || (name.eq_ignore_ascii_case(b"Host") && host_part(value).is_none());
        if again || bad { Err(Refusal::Bad) } else { Ok(false) }
    }

    /// What `ngx_http_process_request_header` checks.
    fn complete(&mut self) -> Result<(), Refusal> {
        let request = &mut self.request;
        if request.minor >= Minor::One && request.header("Host").is_none() {
            return Err(Refusal::Bad);
        }
        let length = request.header("Content-Length").map(digits).transpose()?;
        match request.header("Transfer-Encoding") {
            Some(_) if request.minor < Minor::One => return Err(Refusal::Bad),
            Some(coding) if coding.eq_ignore_ascii_case(b"chunked") => {
                if length.is_some() {
                    return Err(Refusal::Bad);
                }
                request.framing = Framing::Chunked;
            }
            Some(_) => return Err(Refusal::Encoding),
            None => request.framing = Framing::Length(length.unwrap_or(0)),
        }
        if matches!(request.method.as_slice(), b"TRACE" | b"CONNECT") {
            return Err(Refusal::NotAllowed);
        }
        if length.is_some_and(|length| length > LARGEST_BODY) {
            return Err(Refusal::BodyTooLarge);
        }
        let wishes = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"Connection"));
        let mut wish = wishes.filter_map(|(_, value)| {
            let value = value.to_ascii_lowercase();
            let says = |word: &[u8]| value.windows(word.len()).any(|part| part == word);
            if says(b"close") { Some(false) } else { says(b"keep-alive").then_some(true) }
        });
        request.keep_alive = wish.next_back().unwrap_or(request.minor >= Minor::One);
        Ok(())
    }
}

/// A version that may still be incomplete when the line is.
fn version(text: &[u8], whole: bool) -> Result<(&[u8], Minor), Refusal> {
    const NAME: &[u8] = b"HTTP/";
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    if text.is_empty() {
        return Ok((text, Minor::Simple));
    }
    let Some(number) = text.strip_prefix(NAME) else {
        return if !whole && NAME.starts_with(text) { Ok((text, Minor::Simple)) } else { Err(Refusal::Bad) };
    };
    let trimmed = number.trim_ascii_end_spaces();
    let mut parts = trimmed.splitn(2, |&b| b == b'.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next());
    match major {
        [] if !whole => return Ok((text, Minor::Simple)),
        [b'1'] => {}
        [b'1'..=b'9', ..] if major.iter().take(2).all(u8::is_ascii_digit) => return Err(Refusal::Version),
        [b'2'..=b'9', ..] => return Err(Refusal::Version),
        _ => return Err(Refusal::Bad),
    }
    match minor {
        None | Some([]) if !whole => Ok((text, Minor::Simple)),
        Some(minor @ ([_] | [_, _] | [_, _, _])) if minor.iter().all(u8::is_ascii_digit) => {
            let zero = minor.iter().all(|&b| b == b'0');
            Ok((text, if zero { Minor::Zero } else { Minor::One }))
        }
        _ => Err(Refusal::Bad),
    }
}

/// A line without a method is another protocol's, unless it begins with a word. Only its first bytes decide, so that
/// it does not matter in which pieces it came.
fn not_http(line: &[u8]) -> Refusal {
    let word = line.first().is_some_and(u8::is_ascii_alphabetic) && !line.starts_with(b"SSH-");
    if word { Refusal::Bad } else { Refusal::NotHttp }
}

fn digits(value: &[u8]) -> Result<u64, Refusal> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    text.and_then(|text| text.parse().ok()).filter(|&length| i64::try_from(length).is_ok()).ok_or(Refusal::Bad)
}

/// nginx skips blanks, but no tabs.
trait Spaces {
    fn trim_ascii_start_spaces(&self) -> &Self;
    fn trim_ascii_end_spaces(&self) -> &Self;
}

impl Spaces for [u8] {
    fn trim_ascii_start_spaces(&self) -> &Self {
        let blanks = self.iter().take_while(|&&b| b == b' ').count();
        self.get(blanks..).unwrap_or_default()
    }

    fn trim_ascii_end_spaces(&self) -> &Self {
        let blanks = self.iter().rev().take_while(|&&b| b == b' ').count();
        self.get(..self.len() - blanks).unwrap_or_default()
    }
}
