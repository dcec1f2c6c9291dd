//! What Postfix answers to each line (RFC 5321, 2034, 3030, 3207, 4954). Pure: lines in, [`Step`]s out.

use std::sync::Arc;

use super::address::{Address, Place, valid_domain};
use super::parameters;
use super::sasl::{self, Next, Sasl};
use crate::world::{Host, Who};

/// What the loop does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Sends an answer.
    Reply(Vec<u8>),
    /// Sends an answer and closes.
    Close(Vec<u8>),
    /// Sends the answer, then reads a mail up to the lone dot; then [`Dialog::delivered`].
    Data(Vec<u8>),
    /// Reads so many bytes, then [`Dialog::chunk`]; or, when they are the last of a mail that is wanted,
    /// [`Dialog::delivered`].
    Chunk {
        /// How many.
        bytes: u64,
        /// These end the mail.
        last: bool,
    },
    /// Sends the answer and goes on in TLS; then [`Dialog::secured`].
    StartTls(Vec<u8>),
    /// Sees whether these open an account; then [`Dialog::logged_in`].
    Login {
        /// The name given.
        user: Vec<u8>,
        /// The password given.
        password: Vec<u8>,
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
    /// Offers STARTTLS.
    pub starttls: bool,
    /// Takes next to nothing before TLS (`smtpd_tls_security_level=encrypt`).
    pub needs_tls: bool,
    /// Where AUTH is offered.
    pub auth: Auth,
    /// Takes mail from those only who have logged in, and all of it (`permit_sasl_authenticated,reject`).
    pub submission: bool,
}

/// Where AUTH is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Nowhere, as Ubuntu ships Postfix.
    #[default]
    Off,
    /// In TLS (`smtpd_tls_auth_only`).
    Tls,
    /// Always.
    Always,
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
    /// Users of the host among them, with the recipient that led to each first.
    pub users: Vec<(String, Vec<u8>)>,
    /// The client had begun TLS.
    pub secure: bool,
    /// The client had logged in.
    pub authenticated: bool,
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
    users: Vec<(String, Vec<u8>)>,
    chunks: Chunks,
    /// Bytes of the mail that came in chunks.
    chunked: u64,
    secure: bool,
    sasl: Option<Sasl>,
    authenticated: bool,
    /// Errors up to the last answer, and whether that was one more.
    errors: u32,
    failed: bool,
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
/// `line_length_limit`, and `smtpd_sasl_response_limit`
pub const LONGEST: usize = 2048;
const LONGEST_RESPONSE: usize = 12_288;
/// Aliases that are followed from one address.
const ALIASES: usize = 10;

const UNKNOWN: &str = "500 5.5.2 Error: command not recognized";
const BYE: &str = "221 2.7.0 Error: I can break rules, too. Goodbye.";
const MAIL_SYNTAX: &str = "501 5.5.4 Syntax: MAIL FROM:<address>";
const RCPT_SYNTAX: &str = "501 5.5.4 Syntax: RCPT TO:<address>";
const BAD_RECIPIENT: &str = "501 5.1.3 Bad recipient address syntax";
const OK: &str = "250 2.0.0 Ok";
const NEED_RCPT: &str = "503 5.5.1 Error: need RCPT command";
const NO_RCPT: &str = "554 5.5.1 Error: no valid recipients";
const IN_MAIL: &str = "503 5.5.1 Error: MAIL transaction in progress";
const NOT_ENABLED: &str = "503 5.5.1 Error: authentication not enabled";

fn crlf(text: impl AsRef<[u8]>) -> Vec<u8> {
    [text.as_ref(), b"\r\n"].concat()
}

fn quoting(before: &str, quoted: &[u8], after: &str) -> Vec<u8> {
    [before.as_bytes(), quoted, after.as_bytes()].concat()
}

impl Dialog {
    /// A connection to the host as the visitor left it; the server calls itself `name`.
    pub fn new(host: Arc<Host>, policy: Policy, name: &str) -> Self {
        let name = name.to_string();
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
            chunked: 0,
            secure: false,
            sasl: None,
            authenticated: false,
            errors: 0,
            failed: false,
            junk: 0,
        }
    }

    /// The longest line, in bytes, that is read next.
    pub fn longest(&self) -> usize {
        if self.sasl.is_some() { LONGEST_RESPONSE } else { LONGEST }
    }

    /// TLS has begun: what was said before does not count.
    pub fn secured(&mut self) {
        self.reset();
        (self.helo, self.esmtp, self.secure) = (Vec::new(), false, true);
    }

    /// The beginning of a line that is longer than [`Dialog::longest`].
    pub fn long_line(&mut self, line: &[u8]) -> Step {
        if self.sasl.take().is_some() {
            return self.judge("500 5.5.6 SASL response limit exceeded");
        }
        self.line(line)
    }

    /// A line without its end.
    pub fn line(&mut self, line: &[u8]) -> Step {
        let line = line.split(|&b| b == 0).next().unwrap_or_default();
        if let Some(sasl) = self.sasl.take() {
            return self.log_in(sasl.respond(line));
        }
        let words = words(line);
        let Some((verb, arguments)) = words.split_first() else { return self.judge("500 5.5.2 Error: bad syntax") };
        if std::str::from_utf8(line).is_err() {
            return self.judge("500 5.5.2 Error: bad UTF-8 syntax");
        }
        let rest = line.trim_ascii_start().get(verb.len()..).unwrap_or_default();
        let verb = verb.to_ascii_uppercase();
        const IN_TLS: &[&[u8]] = &[b"AUTH", b"MAIL", b"RCPT", b"DATA", b"BDAT", b"RSET", b"VRFY", b"ETRN", b"XFORWARD"];
        if self.policy.needs_tls && !self.secure && IN_TLS.contains(&verb.as_slice()) {
            return self.judge("530 5.7.0 Must issue a STARTTLS command first");
        }
        match verb.as_slice() {
            b"HELO" => self.greet(false, arguments),
            b"EHLO" => self.greet(true, arguments),
            b"STARTTLS" => self.start_tls(arguments),
            b"AUTH" => self.auth(arguments),
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
            b"XCLIENT" if self.from.is_some() => self.judge(IN_MAIL),
            b"XCLIENT" | b"XFORWARD" if arguments.is_empty() => {
                let verb = String::from_utf8_lossy(&verb);
                self.judge(format!("501 5.5.4 Syntax: {verb} attribute=value..."))
            }
            b"XCLIENT" | b"XFORWARD" => self.judge("550 5.7.0 Error: insufficient authorization"),
            verb if is_forbidden(verb) => Step::Close(crlf(BYE)),
            _ => self.judge(UNKNOWN),
        }
    }

    /// Whether each line of an answer waits for a second: the visitor has made many errors.
    pub fn is_slow(&self) -> bool {
        self.errors >= SOFT
    }

    /// The answer has been sent; the last word when there were too many errors.
    pub fn exhausted(&mut self) -> Option<Vec<u8>> {
        self.errors += u32::from(std::mem::take(&mut self.failed));
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
            secure: self.secure,
            authenticated: self.authenticated,
        }
    }

    /// Bytes that one mail may have.
    pub fn size_limit(&self) -> u64 {
        self.policy.size_limit
    }

    /// The mail is there, under this queue id; `None` when it was too big. Its size as Postfix counts it: each line's
    /// end is two bytes.
    pub fn delivered(&mut self, queue_id: Option<&str>, size: u64) -> Step {
        let in_chunks = self.chunks == Chunks::Some;
        self.reset();
        match queue_id {
            Some(id) => {
                (self.errors, self.junk) = (0, 0);
                let size = if in_chunks { format!(" {size} bytes") } else { String::new() };
                Step::Reply(crlf(format!("250 2.0.0 Ok:{size} queued as {id}")))
            }
            None => self.judge("552 5.3.4 Error: message file too big"),
        }
    }

    /// Whether a chunk that comes becomes part of a mail.
    pub fn takes_chunk(&mut self, bytes: u64, last: bool) -> bool {
        let null = bytes == 0 && !last;
        let fits = self.chunked.saturating_add(bytes) <= self.policy.size_limit;
        let takes = !self.to.is_empty() && self.chunks != Chunks::Refused && !null && fits;
        if takes {
            self.chunks = Chunks::Some;
        }
        takes
    }

    /// A chunk that was taken and is not the last, or one that was not taken, is there.
    pub fn chunk(&mut self, bytes: u64, last: bool) -> Step {
        if self.takes_chunk(bytes, last) {
            self.chunked = self.chunked.saturating_add(bytes);
            return Step::Reply(crlf(format!("250 2.0.0 Ok: {bytes} bytes")));
        }
        let said = if bytes == 0 && !last {
            "551 5.7.1 Null BDAT request".into()
        } else if self.chunks == Chunks::Refused {
            format!("551 5.0.0 Discarded {bytes} bytes after earlier error")
        } else if !self.to.is_empty() {
            "552 5.3.4 Chunk exceeds message size limit".into()
        } else if self.from.is_some() {
            NO_RCPT.into()
        } else {
            NEED_RCPT.into()
        };
        self.chunks = Chunks::Refused;
        if last {
            self.reset();
        }
        self.judge(said)
    }

    /// An answer that counts as an error.
    fn judge(&mut self, text: impl AsRef<[u8]>) -> Step {
        self.failed = true;
        Step::Reply(crlf(text))
    }

    /// An answer to a command that does nothing; too many of them are errors.
    fn harmless(&mut self, text: impl AsRef<[u8]>) -> Step {
        self.junk += 1;
        self.failed = self.junk > JUNK + 1;
        Step::Reply(crlf(text))
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
        self.users.clear();
        (self.chunks, self.chunked) = (Chunks::None, 0);
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
            return self.harmless(format!("250 {host}"));
        }
        let size = self.policy.size_limit;
        let starttls = if self.policy.starttls && !self.secure { "250-STARTTLS\r\n" } else { "" };
        let auth = if self.offers_auth() { "250-AUTH PLAIN LOGIN\r\n" } else { "" };
        self.harmless(format!(
            "250-{host}\r\n250-PIPELINING\r\n250-SIZE {size}\r\n250-VRFY\r\n250-ETRN\r\n{starttls}{auth}\
             250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING"
        ))
    }

    fn offers_auth(&self) -> bool {
        match self.policy.auth {
            Auth::Off => false,
            Auth::Tls => self.secure,
            Auth::Always => true,
        }
    }

    fn start_tls(&mut self, arguments: &[&[u8]]) -> Step {
        if !arguments.is_empty() {
            return self.judge("501 5.5.4 Syntax: STARTTLS");
        }
        if self.secure {
            return self.judge("554 5.5.1 Error: TLS already active");
        }
        if !self.policy.starttls {
            return self.judge("502 5.5.1 Error: command not implemented");
        }
        Step::StartTls(crlf("220 2.0.0 Ready to start TLS"))
    }

    fn auth(&mut self, arguments: &[&[u8]]) -> Step {
        if !self.offers_auth() {
            return self.judge(NOT_ENABLED);
        }
        if self.from.is_some() {
            return self.judge(IN_MAIL);
        }
        if self.authenticated {
            return self.judge("503 5.5.1 Error: already authenticated");
        }
        match arguments {
            [mechanism] => self.log_in(Sasl::begin(mechanism, None)),
            [mechanism, initial] => self.log_in(Sasl::begin(mechanism, Some(initial))),
            _ => self.judge("501 5.5.4 Syntax: AUTH mechanism"),
        }
    }

    fn log_in(&mut self, next: Next) -> Step {
        match next {
            Next::Challenge(sasl) => {
                let challenge = sasl.challenge();
                self.sasl = Some(sasl);
                Step::Reply(crlf(challenge))
            }
            Next::Login { user, password } => Step::Login { user, password },
            Next::Fail(said) => self.judge(said),
        }
    }

    /// The account that a name of AUTH means: the name itself, or before an `@` and a domain of the host.
    pub fn account_of<'a>(&self, user: &'a [u8]) -> &'a [u8] {
        match user.iter().rposition(|&b| b == b'@').and_then(|at| user.split_at_checked(at)) {
            Some((name, domain)) if self.is_here(domain.get(1..).unwrap_or_default()) => name,
            _ => user,
        }
    }

    /// Whether the credentials of [`Step::Login`] opened an account.
    pub fn logged_in(&mut self, accepted: bool) -> Step {
        self.authenticated = accepted;
        if accepted { Step::Reply(crlf("235 2.7.0 Authentication successful")) } else { self.judge(sasl::BAD_PASSWORD) }
    }

    fn mail(&mut self, rest: &[u8]) -> Step {
        if self.from.is_some() {
            return self.judge("503 5.5.1 Error: nested MAIL command");
        }
        if self.chunks != Chunks::None {
            return self.judge("503 5.5.1 Error: MAIL after BDAT");
        }
        let Some((path, options)) = path_and_options(rest, b"FROM:") else { return self.judge(MAIL_SYNTAX) };
        let address = Address::parse(path).filter(|address| self.place(address) != Place::Bad);
        let Some(address) = address else { return self.judge("501 5.1.7 Bad sender address syntax") };
        if let Some(refusal) = parameters::of_mail(&options, self.policy.size_limit) {
            return self.judge(refusal);
        }
        self.from = Some(address.text());
        Step::Reply(crlf("250 2.1.0 Ok"))
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
        if let Some(refusal) = parameters::of_rcpt(&options) {
            return self.judge(refusal);
        }
        if self.to.len() >= RECIPIENTS {
            return self.judge("452 4.5.3 Error: too many recipients");
        }
        match self.route(&address) {
            Ok(user) => {
                self.to.push(address.text());
                if let Some(user) = user.filter(|user| self.users.iter().all(|(known, _)| known != user)) {
                    self.users.push((user, address.text()));
                }
                Step::Reply(crlf("250 2.1.5 Ok"))
            }
            Err(refusal) => self.judge(refusal),
        }
    }

    /// Which user of the host gets the mail, if one does; or why it is refused.
    fn route(&self, address: &Address) -> Result<Option<String>, Vec<u8>> {
        let place = self.place(address);
        if place == Place::Bad {
            return Err(BAD_RECIPIENT.into());
        }
        let name = quoting("<", &address.text(), ">: ");
        let refuse = |code: &str, why: &str| Err(quoting(code, &name, why));
        if self.policy.submission && !self.authenticated {
            return refuse("554 5.7.1 ", "Recipient address rejected: Access denied");
        }
        let Place::Here(local) = place else {
            let takes = self.policy.keeps_all || self.authenticated;
            return if takes { Ok(None) } else { refuse("454 4.7.1 ", "Relay access denied") };
        };
        // Postfix takes mail to nobody at a domain of its own, and returns it later.
        if local.is_empty() {
            return Ok(None);
        }
        match self.user(&local) {
            Some(user) => Ok(Some(user)),
            // `smtpd_reject_unlisted_recipient=no` of submission.
            None if self.policy.submission => Ok(None),
            None => refuse("550 5.1.1 ", "Recipient address rejected: User unknown in local recipient table"),
        }
    }

    fn place(&self, address: &Address) -> Place {
        address.resolve(|domain| self.is_here(domain))
    }

    /// The user who gets mail for a name: one of `/etc/passwd`, or who stands in `/etc/aliases`.
    fn user(&self, local: &[u8]) -> Option<String> {
        let mut name = local.to_ascii_lowercase();
        if let Some(plus) = name.iter().position(|&b| b == b'+').filter(|plus| *plus > 0) {
            name.truncate(plus);
        }
        let aliases = self.host.read_file(&Who::root(), b"/etc/aliases", 64 << 10).unwrap_or_default();
        let target = |name: &[u8]| {
            aliases.split(|&b| b == b'\n').find_map(|line| {
                let (alias, target) = line.split_at_checked(line.iter().position(|&b| b == b':')?)?;
                let same = alias.trim_ascii().eq_ignore_ascii_case(name);
                let target = target.get(1..)?.split(|&b| b == b',').next()?;
                same.then(|| target.trim_ascii().to_ascii_lowercase())
            })
        };
        for _ in 0..ALIASES {
            let Some(next) = target(&name) else { break };
            name = next;
        }
        match self.host.account(&name) {
            Some(account) => Some(account.name),
            // Whoever reads the mail of the system has it; two names are Postfix's own.
            None if target(local).is_some() || matches!(name.as_slice(), b"mailer-daemon" | b"double-bounce") => {
                Some("root".into())
            }
            None => None,
        }
    }

    fn is_here(&self, domain: &[u8]) -> bool {
        if let Some(literal) = domain.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
            return literal == b"127.0.0.1" || literal == self.host.persona().address.as_bytes();
        }
        let domain = domain.strip_suffix(b".").unwrap_or(domain);
        self.policy.destinations.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(domain))
    }

    fn data(&mut self, arguments: &[&[u8]]) -> Step {
        if self.chunks != Chunks::None {
            return self.judge("503 5.5.1 Error: DATA after BDAT");
        }
        if self.to.is_empty() {
            let begun = self.from.is_some();
            return self.judge(if begun { NO_RCPT } else { NEED_RCPT });
        }
        if !arguments.is_empty() {
            return self.judge("501 5.5.4 Syntax: DATA");
        }
        Step::Data(crlf("354 End data with <CR><LF>.<CR><LF>"))
    }

    fn bdat(&mut self, arguments: &[&[u8]]) -> Step {
        let bad = || Step::Close(crlf("521 5.5.4 Syntax: BDAT count [LAST]"));
        let (count, last) = match arguments {
            [count] => (count, false),
            [count, last] if last.eq_ignore_ascii_case(b"LAST") => (count, true),
            _ => return bad(),
        };
        let digits = count.iter().all(u8::is_ascii_digit);
        match std::str::from_utf8(count).ok().filter(|_| digits).and_then(|text| text.parse::<i64>().ok()) {
            Some(bytes) => Step::Chunk { bytes: bytes.unsigned_abs(), last },
            None => bad(),
        }
    }

    fn verify(&mut self, arguments: &[&[u8]]) -> Step {
        let arguments = match arguments.split_last() {
            Some((last, rest)) if last.eq_ignore_ascii_case(b"SMTPUTF8") => rest,
            _ => arguments,
        };
        if arguments.is_empty() {
            return self.judge("501 5.5.4 Syntax: VRFY address [SMTPUTF8]");
        }
        let text = arguments.join(b" ".as_slice());
        let Some(address) = Address::parse_loosely(&text).filter(|address| !address.is_null()) else {
            return self.judge(BAD_RECIPIENT);
        };
        match self.route(&address) {
            Ok(_) => self.harmless(quoting("252 2.0.0 ", &text, "")),
            Err(refusal) => self.judge(refusal),
        }
    }

    fn etrn(&mut self, arguments: &[&[u8]]) -> Step {
        if self.from.is_some() {
            return self.judge("503 Error: MAIL transaction in progress");
        }
        let [domain] = arguments else { return self.judge("500 Syntax: ETRN domain") };
        let domain = domain.strip_prefix(b"@").or_else(|| domain.strip_prefix(b"#")).unwrap_or(domain);
        if !valid_domain(domain) {
            return self.judge("501 Error: invalid parameter syntax");
        }
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
    let mut tokens = tokens(path);
    (!tokens.is_empty()).then(|| (tokens.remove(0), tokens))
}

/// Words between white space that is neither quoted nor in brackets.
fn tokens(text: &[u8]) -> Vec<&[u8]> {
    let (mut quoted, mut brackets) = (false, false);
    let parts = text.split(|&byte| {
        match byte {
            b'"' => quoted = !quoted,
            b'<' if !quoted => brackets = true,
            b'>' if !quoted => brackets = false,
            _ => {}
        }
        byte.is_ascii_whitespace() && !quoted && !brackets
    });
    parts.filter(|part| !part.is_empty()).collect()
}
