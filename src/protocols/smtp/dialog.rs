//! What Postfix answers to each line (RFC 5321, 1870, 2034, 3030, 3461, 6152). Pure: lines in, [`Step`]s out.

use std::sync::Arc;

use super::address::Address;
use crate::world::Host;

/// What the loop does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Sends an answer.
    Reply(Vec<u8>),
    /// Sends an answer and closes.
    Close(Vec<u8>),
    /// Sends the answer, then reads a mail up to the lone dot; then [`Dialog::delivered`].
    Data(Vec<u8>),
    /// Reads so many bytes, then [`Dialog::chunk`].
    Chunk {
        /// How many.
        bytes: u64,
        /// These end the mail.
        last: bool,
    },
}

/// What an engine is configured to accept.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Domains that the host takes mail for, in lower case.
    pub destinations: Vec<String>,
    /// Takes mail for every other domain too.
    pub keeps_all: bool,
    /// Bytes of one mail.
    pub size_limit: u64,
}

/// Sender, recipients and greeting of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Name given in HELO or EHLO.
    pub helo: Vec<u8>,
    /// The greeting was EHLO.
    pub esmtp: bool,
    /// Envelope sender, empty for `<>`.
    pub from: Vec<u8>,
    /// Envelope recipients.
    pub to: Vec<Vec<u8>>,
    /// Users of the host among them.
    pub users: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Chunks {
    None,
    Some,
    Refused,
}

/// One connection.
pub struct Dialog {
    host: Arc<Host>,
    policy: Policy,
    name: String,
    helo: Vec<u8>,
    esmtp: bool,
    from: Option<Vec<u8>>,
    to: Vec<Vec<u8>>,
    users: Vec<String>,
    chunks: Chunks,
    errors: u32,
    junk: u32,
}

/// `smtpd_soft_error_limit`
const SOFT: u32 = 10;
/// `smtpd_hard_error_limit`
const HARD: u32 = 20;
/// `smtpd_junk_command_limit`
const JUNK: u32 = 100;
/// `smtpd_recipient_limit`
const RECIPIENTS: usize = 1000;
/// Aliases that every Debian host has.
const ALIASES: &[&str] = &["postmaster", "mailer-daemon", "abuse", "hostmaster", "webmaster"];

const UNKNOWN: &str = "500 5.5.2 Error: command not recognized";
const BYE: &str = "221 2.7.0 Error: I can break rules, too. Goodbye.";
const MAIL_SYNTAX: &str = "501 5.5.4 Syntax: MAIL FROM:<address>";
const RCPT_SYNTAX: &str = "501 5.5.4 Syntax: RCPT TO:<address>";
const BAD_RECIPIENT: &str = "501 5.1.3 Bad recipient address syntax";
const OK: &str = "250 2.0.0 Ok";
const NEED_RCPT: &str = "503 5.5.1 Error: need RCPT command";

fn crlf(text: impl AsRef<[u8]>) -> Vec<u8> {
    [text.as_ref(), b"\r\n"].concat()
}

fn quoting(before: &str, quoted: &[u8], after: &str) -> Vec<u8> {
    [before.as_bytes(), quoted, after.as_bytes()].concat()
}

impl Dialog {
    /// A connection to the host as the visitor left it.
    pub fn new(host: Arc<Host>, policy: Policy) -> Self {
        let name = host.persona().fqdn.clone();
        Self {
            host,
            policy,
            name,
            helo: Vec::new(),
            esmtp: false,
            from: None,
            to: Vec::new(),
            users: Vec::new(),
            chunks: Chunks::None,
            errors: 0,
            junk: 0,
        }
    }

    /// A line without its end.
    pub fn line(&mut self, line: &[u8]) -> Step {
        let line = line.split(|&b| b == 0).next().unwrap_or_default();
        let words = words(line);
        let Some((verb, arguments)) = words.split_first() else { return self.judge("500 5.5.2 Error: bad syntax") };
        let rest = line.trim_ascii_start().get(verb.len()..).unwrap_or_default();
        match verb.to_ascii_uppercase().as_slice() {
            b"HELO" => self.greet(false, arguments),
            b"EHLO" => self.greet(true, arguments),
            b"MAIL" => self.mail(rest),
            b"RCPT" => self.rcpt(rest),
            b"DATA" => self.data(arguments),
            b"BDAT" => self.bdat(arguments),
            b"RSET" if !arguments.is_empty() => self.judge("501 5.5.4 Syntax: RSET"),
            b"RSET" => {
                self.reset();
                self.harmless(OK)
            }
            b"NOOP" => self.harmless(OK),
            b"VRFY" => self.verify(arguments),
            b"ETRN" => self.etrn(arguments),
            b"QUIT" => Step::Close(crlf("221 2.0.0 Bye")),
            b"AUTH" => self.judge("503 5.5.1 Error: authentication not enabled"),
            b"STARTTLS" if !arguments.is_empty() => self.judge("501 5.5.4 Syntax: STARTTLS"),
            b"STARTTLS" => self.judge("502 5.5.1 Error: command not implemented"),
            b"XCLIENT" | b"XFORWARD" => self.judge("550 5.7.0 Error: insufficient authorization"),
            _ if is_forbidden(verb) => Step::Close(crlf(BYE)),
            _ => self.judge(UNKNOWN),
        }
    }

    /// Whether the last answer waits for a second: the visitor has made many errors.
    pub fn is_slow(&self, answer: &[u8]) -> bool {
        self.errors > SOFT && matches!(answer.first(), Some(b'4' | b'5'))
    }

    /// The last word when there were too many errors.
    pub fn exhausted(&self) -> Option<Vec<u8>> {
        (self.errors >= HARD).then(|| crlf(format!("421 4.7.0 {} Error: too many errors", self.name)))
    }

    /// The mail that comes or came.
    pub fn envelope(&self) -> Envelope {
        Envelope {
            helo: self.helo.clone(),
            esmtp: self.esmtp,
            from: self.from.clone().unwrap_or_default(),
            to: self.to.clone(),
            users: self.users.clone(),
        }
    }

    /// Bytes that one mail may have.
    pub fn size_limit(&self) -> u64 {
        self.policy.size_limit
    }

    /// The mail is there; `None` when it was too big.
    pub fn delivered(&mut self, queue_id: Option<&str>) -> Step {
        self.reset();
        match queue_id {
            Some(id) => {
                (self.errors, self.junk) = (0, 0);
                Step::Reply(crlf(format!("250 2.0.0 Ok: queued as {id}")))
            }
            None => self.judge("552 5.3.4 Error: message file too big"),
        }
    }

    /// Whether chunks that come are part of a mail.
    pub fn takes_chunks(&self) -> bool {
        !self.to.is_empty() && self.chunks != Chunks::Refused
    }

    /// A chunk that is not the last, or of no mail, is there.
    pub fn chunk(&mut self, bytes: u64) -> Step {
        if self.takes_chunks() {
            self.chunks = Chunks::Some;
            return Step::Reply(crlf(format!("250 2.0.0 Ok: {bytes} bytes")));
        }
        match std::mem::replace(&mut self.chunks, Chunks::Refused) {
            Chunks::Refused => self.judge(format!("551 5.0.0 Discarded {bytes} bytes after earlier error")),
            _ if self.from.is_some() => self.judge("554 5.5.1 Error: no valid recipients"),
            _ => {
                self.chunks = Chunks::None;
                self.judge(NEED_RCPT)
            }
        }
    }

    /// An answer that counts as an error.
    fn judge(&mut self, text: impl AsRef<[u8]>) -> Step {
        self.errors += 1;
        Step::Reply(crlf(text))
    }

    /// An answer to a command that does nothing; too many of them are errors.
    fn harmless(&mut self, text: impl AsRef<[u8]>) -> Step {
        self.junk += 1;
        self.errors += u32::from(self.junk > JUNK);
        Step::Reply(crlf(text))
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
        self.users.clear();
        self.chunks = Chunks::None;
    }

    fn greet(&mut self, esmtp: bool, arguments: &[&[u8]]) -> Step {
        let Some(name) = arguments.first() else {
            return self.judge(if esmtp { "501 Syntax: EHLO hostname" } else { "501 Syntax: HELO hostname" });
        };
        self.reset();
        self.helo = name.to_vec();
        self.esmtp = esmtp;
        let host = &self.name;
        if !esmtp {
            return Step::Reply(crlf(format!("250 {host}")));
        }
        let size = self.policy.size_limit;
        Step::Reply(crlf(format!(
            "250-{host}\r\n250-PIPELINING\r\n250-SIZE {size}\r\n250-VRFY\r\n250-ETRN\r\n250-ENHANCEDSTATUSCODES\r\n\
             250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING"
        )))
    }

    fn mail(&mut self, rest: &[u8]) -> Step {
        if self.from.is_some() {
            return self.judge("503 5.5.1 Error: nested MAIL command");
        }
        let Some((path, options)) = path_and_options(rest, b"FROM:") else { return self.judge(MAIL_SYNTAX) };
        let Some(address) = Address::parse(path) else { return self.judge("501 5.1.7 Bad sender address syntax") };
        for option in options {
            if let Some(refusal) = self.mail_option(option) {
                return self.judge(refusal);
            }
        }
        self.from = Some(address.text());
        Step::Reply(crlf("250 2.1.0 Ok"))
    }

    fn mail_option(&self, option: &[u8]) -> Option<Vec<u8>> {
        let (name, value) = option_parts(option);
        let text = match (name.as_slice(), value.to_ascii_uppercase().as_slice()) {
            (b"SIZE", digits) if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) => {
                "501 5.5.4 Bad message size syntax"
            }
            (b"SIZE", digits) => {
                let size = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<u64>().ok());
                if size.is_some_and(|size| size <= self.policy.size_limit) {
                    return None;
                }
                "552 5.3.4 Message size exceeds fixed limit"
            }
            (b"BODY", b"8BITMIME" | b"7BIT") | (b"RET", b"FULL" | b"HDRS") | (b"ENVID", _) => return None,
            (b"SMTPUTF8", b"") if !option.contains(&b'=') => return None,
            (b"RET", _) => "501 5.5.4 Bad RET parameter syntax",
            (b"AUTH", _) => "503 5.5.4 Error: authentication disabled",
            _ => return Some(quoting("555 5.5.4 Unsupported option: ", option, "")),
        };
        Some(text.into())
    }

    fn rcpt(&mut self, rest: &[u8]) -> Step {
        if self.from.is_none() {
            return self.judge("503 5.5.1 Error: need MAIL command");
        }
        if self.chunks != Chunks::None {
            return self.judge("503 5.5.1 Error: RCPT after BDAT");
        }
        let Some((path, options)) = path_and_options(rest, b"TO:") else { return self.judge(RCPT_SYNTAX) };
        let Some(address) = Address::parse(path).filter(|address| !address.is_null()) else {
            return self.judge(BAD_RECIPIENT);
        };
        for option in options {
            let (name, value) = option_parts(option);
            let known = |part: &[u8]| matches!(part, b"SUCCESS" | b"FAILURE" | b"DELAY");
            match name.as_slice() {
                b"ORCPT" => {}
                b"NOTIFY" => {
                    let value = value.to_ascii_uppercase();
                    if value != b"NEVER" && !value.split(|&b| b == b',').all(known) {
                        return self.judge("501 5.5.4 Error: Bad NOTIFY parameter syntax");
                    }
                }
                _ => return self.judge(quoting("555 5.5.4 Unsupported option: ", option, "")),
            }
        }
        if self.to.len() >= RECIPIENTS {
            return self.judge("452 4.5.3 Error: too many recipients");
        }
        match self.route(&address) {
            Ok(user) => {
                self.to.push(address.text());
                if let Some(user) = user.filter(|user| !self.users.contains(user)) {
                    self.users.push(user);
                }
                Step::Reply(crlf("250 2.1.5 Ok"))
            }
            Err(refusal) => self.judge(refusal),
        }
    }

    /// Which user of the host gets the mail, if one does; or why it is refused.
    fn route(&self, address: &Address) -> Result<Option<String>, Vec<u8>> {
        let here = address.domain.as_deref().is_none_or(|domain| self.is_here(domain));
        // Old ways of writing a route: user%domain@here, domain!user@here, "user@domain"@here.
        let routed = address.local.iter().any(|b| matches!(b, b'%' | b'!' | b'@'));
        if !here || routed {
            let refusal = || quoting("454 4.7.1 <", &address.text(), ">: Relay access denied");
            return if self.policy.keeps_all { Ok(None) } else { Err(refusal()) };
        }
        let local = address.local.to_ascii_lowercase();
        let name = local.split(|&b| b == b'+').next().unwrap_or_default();
        let known = self.host.account(name);
        let alias = ALIASES.iter().any(|alias| alias.as_bytes() == name);
        match (known, alias) {
            (Some(account), _) => Ok(Some(account.name.clone())),
            (None, true) => Ok(Some("root".into())),
            (None, false) => Err(quoting(
                "550 5.1.1 <",
                &address.text(),
                ">: Recipient address rejected: User unknown in local recipient table",
            )),
        }
    }

    fn is_here(&self, domain: &[u8]) -> bool {
        if let Some(literal) = domain.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
            return literal == b"127.0.0.1" || literal == self.host.persona().address.as_bytes();
        }
        self.policy.destinations.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(domain))
    }

    fn data(&mut self, arguments: &[&[u8]]) -> Step {
        if self.to.is_empty() {
            let begun = self.from.is_some();
            return self.judge(if begun { "554 5.5.1 Error: no valid recipients" } else { NEED_RCPT });
        }
        if self.chunks != Chunks::None {
            return self.judge("503 5.5.1 Error: DATA after BDAT");
        }
        if !arguments.is_empty() {
            return self.judge("501 5.5.4 Syntax: DATA");
        }
        Step::Data(crlf("354 End data with <CR><LF>.<CR><LF>"))
    }

    fn bdat(&mut self, arguments: &[&[u8]]) -> Step {
        let (count, last) = match arguments {
            [count] => (count, false),
            [count, last] if last.eq_ignore_ascii_case(b"LAST") => (count, true),
            _ => return self.judge("501 5.5.4 Syntax: BDAT count [LAST]"),
        };
        let digits = count.iter().all(u8::is_ascii_digit);
        match std::str::from_utf8(count).ok().filter(|_| digits).and_then(|text| text.parse().ok()) {
            Some(bytes) => Step::Chunk { bytes, last },
            None => self.judge("501 5.5.4 Syntax: BDAT count [LAST]"),
        }
    }

    fn verify(&mut self, arguments: &[&[u8]]) -> Step {
        let arguments = match arguments.split_last() {
            Some((last, rest)) if !rest.is_empty() && last.eq_ignore_ascii_case(b"SMTPUTF8") => rest,
            _ => arguments,
        };
        if arguments.is_empty() {
            return self.judge("501 5.5.4 Syntax: VRFY address [SMTPUTF8]");
        }
        let text = arguments.join(b" ".as_slice());
        let Some(address) = Address::parse(&text).filter(|address| !address.is_null()) else {
            return self.judge(BAD_RECIPIENT);
        };
        match self.route(&address) {
            Ok(_) => self.harmless(quoting("252 2.0.0 ", &text, "")),
            Err(refusal) => self.judge(refusal),
        }
    }

    fn etrn(&mut self, arguments: &[&[u8]]) -> Step {
        let [domain] = arguments else { return self.judge("500 Syntax: ETRN domain") };
        let domain = domain.strip_prefix(b"@").or_else(|| domain.strip_prefix(b"#")).unwrap_or(domain);
        self.judge(quoting("459 <", domain, ">: service unavailable"))
    }
}

/// The last word of the host of that name after too long a silence.
pub fn timeout(name: &str) -> Vec<u8> {
    crlf(format!("421 4.4.2 {name} Error: timeout exceeded"))
}

fn words(line: &[u8]) -> Vec<&[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect()
}

/// Mail headers and other protocols at the place of a command (`smtpd_forbidden_commands`).
fn is_forbidden(verb: &[u8]) -> bool {
    let header = verb.iter().position(|&b| b == b':').is_some_and(|colon| colon > 0);
    let letter = verb.first().is_some_and(u8::is_ascii_alphabetic);
    let http = [b"CONNECT".as_slice(), b"GET", b"POST"].iter().any(|word| verb.eq_ignore_ascii_case(word));
    header || http || !letter
}

/// `FROM:<path> option...`; white space may be quoted or within brackets of the path.
fn path_and_options<'a>(rest: &'a [u8], keyword: &[u8]) -> Option<(&'a [u8], Vec<&'a [u8]>)> {
    let rest = rest.trim_ascii();
    let (found, path) = rest.split_at_checked(keyword.len())?;
    let path = path.trim_ascii_start();
    if !found.eq_ignore_ascii_case(keyword) || path.is_empty() {
        return None;
    }
    let (mut quoted, mut brackets) = (false, false);
    let end = path.iter().position(|&byte| {
        match byte {
            b'"' => quoted = !quoted,
            b'<' if !quoted => brackets = true,
            b'>' if !quoted => brackets = false,
            _ => {}
        }
        byte.is_ascii_whitespace() && !quoted && !brackets
    });
    let (path, options) = path.split_at(end.unwrap_or(path.len()));
    Some((path, words(options)))
}

/// Name in upper case and value.
fn option_parts(option: &[u8]) -> (Vec<u8>, &[u8]) {
    let at = option.iter().position(|&b| b == b'=').unwrap_or(option.len());
    let (name, value) = option.split_at(at);
    (name.to_ascii_uppercase(), value.get(1..).unwrap_or_default())
}
