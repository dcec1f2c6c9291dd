//! What vsftpd 3.0.3 answers to each line (RFC 959, 2389, 2428, 3659). Pure: lines in, [`Step`]s out.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::config::Secure;
use super::listing::{self, Options, Request};
use super::parse;
use super::secure::Protection;
use crate::base::clock::{self, Timestamp};
use crate::world::{Account, Errno, File, FileKind, Host, Open, Stat, Time, Who, resolve};

/// What the loop does next.
#[derive(Debug)]
pub enum Step {
    /// Nothing: vsftpd does not answer an empty line.
    Silent,
    /// Sends an answer.
    Reply(Vec<u8>),
    /// Sends an answer and closes.
    Close(Vec<u8>),
    /// Tries these credentials, then [`Dialog::anonymous`], [`Dialog::local`] or [`Dialog::refused`].
    Login {
        /// The name given.
        user: Vec<u8>,
        /// The password given.
        password: Vec<u8>,
    },
    /// Sends an answer and waits for a handshake.
    StartTls(Vec<u8>),
    /// Opens a listener, then [`Dialog::listening`].
    Listen {
        /// EPSV.
        extended: bool,
    },
    /// Sends a listing over the data connection.
    List {
        /// The lines.
        lines: Vec<u8>,
        /// The last word.
        done: &'static str,
    },
    /// Sends a file over the data connection.
    Send(Download),
    /// Receives a file over the data connection.
    Receive(Upload),
}

/// RETR.
#[derive(Debug)]
pub struct Download {
    /// The first word.
    pub opening: String,
    /// Real path.
    pub path: Vec<u8>,
    /// What is sent.
    pub content: File,
    /// From where on.
    pub offset: u64,
}

/// STOR, APPE, STOU.
#[derive(Debug)]
pub struct Upload {
    /// The first word.
    pub opening: String,
    /// Real path.
    pub path: Vec<u8>,
    /// On whose behalf.
    pub who: Who,
    /// What was in the file; `None` when it can't be read.
    pub old: Option<File>,
    /// How many bytes stand before what comes: those of the file, then zeros (lseek(2)).
    pub keep: u64,
    /// Mode of a new file, before the umask.
    pub mode: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Channel {
    None,
    Passive,
    Active(SocketAddr),
}

/// What the operator allows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// Whether anybody may write.
    pub write: bool,
    /// Whether guests may.
    pub guest_write: bool,
    /// Whether there is TLS.
    pub tls: Secure,
    /// Seconds of silence, as STAT tells them.
    pub idle: u64,
}

struct Login {
    name: String,
    who: Who,
    home: Vec<u8>,
    root: &'static [u8],
    guest: bool,
}

/// One control connection.
pub struct Dialog {
    host: Arc<Host>,
    peer: IpAddr,
    rules: Rules,
    protection: Protection,
    login: Option<Login>,
    user: Vec<u8>,
    failures: u32,
    cwd: Vec<u8>,
    binary: bool,
    restart: u64,
    umask: u32,
    rename: Option<Vec<u8>>,
    channel: Channel,
    epsv_all: bool,
}

/// `max_login_fails` of vsftpd.
const FAILURES: u32 = 3;
/// Where anonymous visitors are locked in.
const GUEST_ROOT: &[u8] = b"/srv/ftp";

const FEATURES: &str = "211-Features:\r\n EPRT\r\n EPSV\r\n MDTM\r\n PASV\r\n REST STREAM\r\n SIZE\r\n TVFS\r\n211 End";
const TLS_FEATURES: &str = "211-Features:\r\n AUTH TLS\r\n EPRT\r\n EPSV\r\n MDTM\r\n PASV\r\n PBSZ\r\n PROT\r\n \
    REST STREAM\r\n SIZE\r\n TVFS\r\n211 End";
/// Telnet's "interrupt process, synch" (RFC 959, section 4.1.3): the only form of it that vsftpd knows.
const URGENT_ABOR: &[u8] = b"\xff\xf4\xff\xf2ABOR";
const HELP: &str = "214-The following commands are recognized.\r\n \
    ABOR ACCT ALLO APPE CDUP CWD  DELE EPRT EPSV FEAT HELP LIST MDTM MKD\r\n \
    MODE NLST NOOP OPTS PASS PASV PORT PWD  QUIT REIN REST RETR RMD  RNFR\r\n \
    RNTO SITE SIZE SMNT STAT STOR STOU STRU SYST TYPE USER XCUP XCWD XMKD\r\n \
    XPWD XRMD\r\n214 Help OK.";
const DENIED: &str = "550 Permission denied.";
const UNKNOWN: &str = "500 Unknown command.";

/// An answer of one line, or of lines that are joined already.
pub(super) fn reply(text: &str) -> Step {
    Step::Reply(crlf(text))
}

fn crlf(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\r\n"].concat()
}

fn either(done: bool, yes: &str, no: &str) -> Step {
    reply(if done { yes } else { no })
}

impl Dialog {
    /// A connection from `peer` to the host as they left it.
    pub fn new(host: Arc<Host>, peer: IpAddr, rules: Rules) -> Self {
        Self {
            host,
            peer: peer.to_canonical(),
            rules,
            protection: Protection::new(rules.tls),
            login: None,
            user: Vec::new(),
            failures: 0,
            cwd: b"/".to_vec(),
            binary: false,
            restart: 0,
            umask: 0o077,
            rename: None,
            channel: Channel::None,
            epsv_all: false,
        }
    }

    /// The host that the visitor sees from here on.
    pub fn set_host(&mut self, host: Arc<Host>) {
        self.host = host;
    }

    /// The host that the visitor sees.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Whether the name is one of the two of anonymous visitors.
    pub fn is_guest(user: &[u8]) -> bool {
        user.eq_ignore_ascii_case(b"anonymous") || user.eq_ignore_ascii_case(b"ftp")
    }

    /// An anonymous visitor is in.
    pub fn anonymous(&mut self) -> Step {
        let who = self.host.account(b"ftp").map_or_else(nobody, |ftp| Who::of(&ftp));
        self.enter(Login { name: "ftp".into(), who, home: b"/".to_vec(), root: GUEST_ROOT, guest: true })
    }

    /// A user of the host is in.
    pub fn local(&mut self, account: &Account) -> Step {
        let home = account.home.clone().into_bytes();
        let who = Who::of(account);
        self.enter(Login { name: account.name.clone(), who, home, root: b"", guest: false })
    }

    fn enter(&mut self, login: Login) -> Step {
        self.cwd = login.home.clone();
        self.login = Some(login);
        reply("230 Login successful.")
    }

    /// The credentials open nothing.
    pub fn refused(&mut self) -> Step {
        self.failures += 1;
        self.user.clear();
        let text = crlf("530 Login incorrect.");
        if self.failures >= FAILURES { Step::Close(text) } else { Step::Reply(text) }
    }

    /// The listener is open at this address, or could not be opened.
    pub fn listening(&mut self, extended: bool, at: Option<SocketAddr>) -> Step {
        let Some(at) = at else { return reply("425 Can't open passive connection.") };
        self.channel = Channel::Passive;
        if extended {
            return reply(&format!("229 Entering Extended Passive Mode (|||{}|)", at.port()));
        }
        let [a, b, c, d] = match at.ip().to_canonical() {
            IpAddr::V4(ip) => ip.octets(),
            IpAddr::V6(_) => [0; 4],
        };
        let [high, low] = at.port().to_be_bytes();
        reply(&format!("227 Entering Passive Mode ({a},{b},{c},{d},{high},{low})."))
    }

    /// A line that is longer than vsftpd reads.
    pub fn too_long() -> Step {
        Step::Close(crlf("500 Input line too long."))
    }

    /// A line without its end.
    pub fn line(&mut self, line: &[u8]) -> Step {
        let end = line.iter().rposition(|&byte| byte != b'\r').map_or(0, |last| last + 1);
        let line = line.get(..end).unwrap_or_default();
        if line.is_empty() {
            return Step::Silent;
        }
        let end = line.iter().position(|&b| b == b' ').unwrap_or(line.len());
        let (verb, argument) = line.split_at(end);
        let argument = argument.get(1..).unwrap_or_default();
        let verb = verb.to_ascii_uppercase();
        match (verb.as_slice(), &self.login) {
            (b"QUIT", _) => Step::Close(crlf("221 Goodbye.")),
            (b"FEAT", _) => reply(if self.protection.offered() { TLS_FEATURES } else { FEATURES }),
            (b"OPTS", _) => either(
                argument.eq_ignore_ascii_case(b"UTF8 ON"),
                "200 Always in UTF8 mode.",
                "501 Option not understood.",
            ),
            (b"USER", Some(login)) if login.guest => reply("530 Can't change from guest user."),
            (b"USER", Some(login)) => either(
                login.name.as_bytes() == argument,
                "331 Any password will do.",
                "530 Can't change to another user.",
            ),
            (b"USER", None) => self.named(argument),
            (b"PASS", Some(_)) => reply("230 Already logged in."),
            (b"PASS", None) if self.user.is_empty() => reply("503 Login with USER first."),
            (b"PASS", None) => Step::Login { user: self.user.clone(), password: argument.to_vec() },
            (b"PBSZ", _) if self.protection.offered() => self.protection.pbsz(),
            (b"PROT", _) if self.protection.offered() => self.protection.prot(argument),
            (b"AUTH", None) if self.protection.offered() && !self.protection.control => self.protection.auth(argument),
            (_, None) => reply("530 Please login with USER and PASS."),
            (_, Some(_)) => self.command(&verb, argument),
        }
    }

    fn named(&mut self, user: &[u8]) -> Step {
        self.user.clear();
        match self.protection.refuses(Self::is_guest(user)) {
            Some((text, true)) => Step::Close(crlf(text)),
            Some((text, false)) => reply(text),
            None => {
                self.user = user.to_vec();
                reply("331 Please specify the password.")
            }
        }
    }

    fn command(&mut self, verb: &[u8], argument: &[u8]) -> Step {
        match verb {
            b"PWD" | b"XPWD" => self.pwd(),
            b"CWD" | b"XCWD" => self.change_folder(argument),
            b"CDUP" | b"XCUP" => self.change_folder(b".."),
            b"TYPE" => self.set_type(argument),
            b"MODE" => either(argument.eq_ignore_ascii_case(b"S"), "200 Mode set to S.", "504 Bad MODE command."),
            b"STRU" => either(argument.eq_ignore_ascii_case(b"F"), "200 Structure set to F.", "504 Bad STRU command."),
            b"PASV" | b"P@SW" | b"PORT" if self.epsv_all => reply(DENIED),
            b"PASV" | b"P@SW" => Step::Listen { extended: false },
            b"EPSV" => self.epsv(argument),
            b"PORT" => self.port(argument),
            b"EPRT" => self.eprt(argument),
            b"LIST" => self.list(argument, true),
            b"NLST" => self.list(argument, false),
            b"RETR" => self.retrieve(argument),
            b"REST" => self.restart(argument),
            b"SIZE" => self.size(argument),
            b"MDTM" => self.modified(argument),
            b"SITE" if self.is_in_as_guest() => reply(DENIED),
            b"SITE" => self.site(argument),
            b"STAT" => self.status(argument),
            b"SYST" => reply("215 UNIX Type: L8"),
            b"NOOP" => reply("200 NOOP ok."),
            b"HELP" => reply(HELP),
            b"ABOR" | URGENT_ABOR => reply("225 No transfer to ABOR."),
            b"ALLO" => reply("202 ALLO command ignored."),
            b"ACCT" => reply("502 ACCT not implemented."),
            b"REIN" => reply("502 REIN not implemented."),
            b"SMNT" => reply("502 SMNT not implemented."),
            b"PBSZ" | b"PROT" => reply(DENIED),
            b"STOR" | b"APPE" | b"STOU" | b"DELE" | b"MKD" | b"XMKD" | b"RMD" | b"XRMD" | b"RNFR" | b"RNTO" => {
                if self.writes() { self.write(verb, argument) } else { reply(DENIED) }
            }
            _ => reply(UNKNOWN),
        }
    }

    fn write(&mut self, verb: &[u8], argument: &[u8]) -> Step {
        let (host, who, path) = (Arc::clone(&self.host), self.who(), self.real(argument));
        let named = !argument.is_empty();
        match verb {
            b"STOR" => self.upload(argument, false),
            b"APPE" => self.upload(argument, true),
            b"STOU" => self.unique(argument),
            b"DELE" => {
                let done = named && host.remove_file(&who, &path).is_ok();
                either(done, "250 Delete operation successful.", "550 Delete operation failed.")
            }
            b"MKD" | b"XMKD" => {
                if named && host.make_folder(&who, &path, 0o777).is_ok() {
                    self.path_reply(&self.seen(argument), " created")
                } else {
                    reply("550 Create directory operation failed.")
                }
            }
            b"RMD" | b"XRMD" => {
                let done = named && host.remove_folder(&who, &path).is_ok();
                either(done, "250 Remove directory operation successful.", "550 Remove directory operation failed.")
            }
            b"RNFR" => {
                self.rename = (named && host.stat(&who, &path, false).is_ok()).then_some(path);
                either(self.rename.is_some(), "350 Ready for RNTO.", "550 RNFR command failed.")
            }
            _ => match self.rename.take() {
                None => reply("503 RNFR required first."),
                Some(from) => {
                    let done = named && host.rename(&who, &from, &path).is_ok();
                    either(done, "250 Rename successful.", "550 Rename failed.")
                }
            },
        }
    }

    fn writes(&self) -> bool {
        self.rules.write && self.login.is_some() && (self.rules.guest_write || !self.is_in_as_guest())
    }

    fn is_in_as_guest(&self) -> bool {
        self.login.as_ref().is_some_and(|login| login.guest)
    }

    /// `anon_world_readable_only` of vsftpd.
    fn may_see(&self, meta: &Stat) -> bool {
        meta.mode & 4 != 0 || !self.is_in_as_guest()
    }

    fn who(&self) -> Who {
        let who = self.login.as_ref().map_or_else(nobody, |login| login.who.clone());
        Who { umask: self.umask, ..who }
    }

    /// `~` at the beginning is the home folder, letter by letter.
    fn untilde(&self, argument: &[u8]) -> Vec<u8> {
        let home = self.login.as_ref().map(|login| login.home.as_slice()).unwrap_or_default();
        match argument.strip_prefix(b"~") {
            Some(rest) if rest.is_empty() || rest.starts_with(b"/") => [home, rest].concat(),
            _ => argument.to_vec(),
        }
    }

    /// A path as the visitor sees it: absolute.
    fn seen(&self, argument: &[u8]) -> Vec<u8> {
        resolve(&self.cwd, &self.untilde(argument))
    }

    /// Where a path really lies on the host.
    fn real(&self, argument: &[u8]) -> Vec<u8> {
        let seen = self.seen(argument);
        let root = self.login.as_ref().map(|login| login.root).unwrap_or_default();
        resolve(b"/", &[root, &seen].concat())
    }

    fn stat(&self, argument: &[u8]) -> Option<Stat> {
        let meta = self.host.stat(&self.who(), &self.real(argument), true).ok()?;
        let fits = meta.is_folder() || !argument.ends_with(b"/");
        Some(meta).filter(|_| fits && !argument.is_empty())
    }

    fn pwd(&self) -> Step {
        self.path_reply(&self.cwd, " is the current directory")
    }

    /// Quotes in the path are doubled (RFC 959, appendix II).
    fn path_reply(&self, path: &[u8], rest: &str) -> Step {
        let mut out = b"257 \"".to_vec();
        for &byte in path {
            out.extend(std::iter::repeat_n(byte, if byte == b'"' { 2 } else { 1 }));
        }
        out.extend_from_slice(b"\"");
        out.extend(crlf(rest));
        Step::Reply(out)
    }

    fn change_folder(&mut self, argument: &[u8]) -> Step {
        let (seen, real) = (self.seen(argument), self.real(argument));
        let is_folder = self.host.stat(&self.who(), &real, true).is_ok_and(|meta| meta.is_folder());
        // Entering takes the right to search.
        let closed = self.host.access(&self.who(), &real, 1) == Err(Errno::EACCES);
        // The root folder of a guest is there even if the host has none.
        let enters = !argument.is_empty() && (seen == b"/" || (is_folder && !closed));
        if enters {
            self.cwd = seen;
        }
        either(enters, "250 Directory successfully changed.", "550 Failed to change directory.")
    }

    fn set_type(&mut self, argument: &[u8]) -> Step {
        match argument.to_ascii_uppercase().as_slice() {
            b"I" | b"L8" | b"L 8" => {
                self.binary = true;
                reply("200 Switching to Binary mode.")
            }
            b"A" | b"A N" => {
                self.binary = false;
                reply("200 Switching to ASCII mode.")
            }
            _ => reply("500 Unrecognised TYPE command."),
        }
    }

    fn epsv(&mut self, argument: &[u8]) -> Step {
        if argument.eq_ignore_ascii_case(b"ALL") {
            self.epsv_all = true;
            return reply("200 EPSV ALL ok.");
        }
        match parse::atoi(argument) {
            _ if argument.is_empty() => Step::Listen { extended: true },
            1 => Step::Listen { extended: true },
            2 if self.peer.is_ipv6() => Step::Listen { extended: true },
            _ => reply("522 Bad network protocol."),
        }
    }

    fn port(&mut self, argument: &[u8]) -> Step {
        let at = parse::port(argument);
        self.active(at, "200 PORT command successful. Consider using PASV.", "500 Illegal PORT command.")
    }

    fn eprt(&mut self, argument: &[u8]) -> Step {
        match parse::eprt(argument, self.peer.is_ipv6()) {
            Ok(at) => {
                self.active(Some(at), "200 EPRT command successful. Consider using EPSV.", "500 Illegal EPRT command.")
            }
            Err(what) => {
                self.channel = Channel::None;
                reply(&format!("500 Bad EPRT {what}."))
            }
        }
    }

    /// vsftpd dials only the visitor's own address, at ports that are not privileged. What it had open is closed first.
    fn active(&mut self, at: Option<(IpAddr, u16)>, yes: &str, no: &str) -> Step {
        let legal = at.filter(|(ip, port)| ip.to_canonical() == self.peer && *port >= 1024);
        self.channel = match legal {
            Some((_, port)) => Channel::Active(SocketAddr::new(self.peer, port)),
            None => Channel::None,
        };
        either(legal.is_some(), yes, no)
    }

    /// A listener of ours may be connected to.
    pub fn listens(&self) -> bool {
        self.channel == Channel::Passive
    }

    /// Ends the channel, which a transfer uses up: where the visitor waits for us, if it is there and not here.
    pub fn take_channel(&mut self) -> Option<SocketAddr> {
        match std::mem::replace(&mut self.channel, Channel::None) {
            Channel::Active(at) => Some(at),
            Channel::Passive | Channel::None => None,
        }
    }

    /// Whether data connections are in TLS.
    pub fn is_private(&self) -> bool {
        self.protection.data
    }

    /// Why there can be no transfer.
    fn hindrance(&self) -> Option<Step> {
        if self.channel == Channel::None {
            return Some(reply("425 Use PORT or PASV first."));
        }
        let refused = self.protection.refuses_clear(self.is_in_as_guest());
        refused.then(|| reply("522 Data connections must be encrypted."))
    }

    /// The lines of a folder, or of the names in a folder that match the last part of the path.
    fn lines(&self, argument: &[u8], options: Options) -> Option<Vec<u8>> {
        let (options, path) = options.split(argument);
        let path = &*self.untilde(path);
        let now = clock::unix_seconds();
        let who = self.who();
        let real = self.real(path);
        let is_folder = self.host.stat(&who, &real, true).is_ok_and(|meta| meta.is_folder());
        let (folder, prefix, filter) = if path.is_empty() || is_folder || path.ends_with(b"/") {
            (real, path, None)
        } else {
            let at = path.iter().rposition(|&b| b == b'/').map_or(0, |slash| slash + 1);
            let (prefix, filter) = path.split_at(at);
            (self.real(prefix), prefix, Some(filter))
        };
        let seen = self.host.stat(&who, &folder, true).is_ok_and(|meta| self.may_see(&meta));
        let top = self.is_in_as_guest() && folder == GUEST_ROOT;
        let request = Request { folder: &folder, prefix, filter, options, now, top };
        let found = seen.then(|| listing::lines(&self.host, &who, &request)).flatten();
        // The empty folder of a guest: it is there even if the host has no such folder.
        found.or_else(|| (folder == GUEST_ROOT).then(Vec::new))
    }

    fn list(&mut self, argument: &[u8], long: bool) -> Step {
        if let Some(hindrance) = self.hindrance() {
            return hindrance;
        }
        let found = self.lines(argument, Options { long, ..Options::default() });
        let done = if found.is_none() {
            "226 Transfer done (but failed to open directory)."
        } else {
            "226 Directory send OK."
        };
        Step::List { lines: found.unwrap_or_default(), done }
    }

    fn retrieve(&mut self, argument: &[u8]) -> Step {
        if let Some(hindrance) = self.hindrance() {
            return hindrance;
        }
        let offset = std::mem::take(&mut self.restart);
        if offset != 0 && !self.binary {
            return reply("550 No support for resume of ASCII transfer.");
        }
        let argument = &*self.untilde(argument);
        let path = self.real(argument);
        let content = self.host.open(&self.who(), &path, Open::READ).ok();
        let content = content.filter(|_| !argument.ends_with(b"/"));
        let Some(content) = content.filter(|file| file.stat().kind == FileKind::File && self.may_see(&file.stat()))
        else {
            return reply("550 Failed to open file.");
        };
        let shown = String::from_utf8_lossy(argument);
        let opening = format!("150 Opening BINARY mode data connection for {shown} ({} bytes).", content.len());
        Step::Send(Download { opening, path, content, offset })
    }

    fn upload(&mut self, argument: &[u8], append: bool) -> Step {
        if let Some(hindrance) = self.hindrance() {
            return hindrance;
        }
        self.receive(argument, append, "150 Ok to send data.".into())
    }

    fn unique(&mut self, argument: &[u8]) -> Step {
        if let Some(hindrance) = self.hindrance() {
            return hindrance;
        }
        let base = if argument.is_empty() { b"STOU".as_slice() } else { argument };
        // Without a name there is no try without a number.
        let first = u32::from(argument.is_empty());
        let numbered = (first..10_000).map(|number| match number {
            0 => base.to_vec(),
            _ => [base, b".", number.to_string().as_bytes()].concat(),
        });
        let mut free = numbered.filter(|name| self.host.stat(&self.who(), &self.real(name), false).is_err());
        let Some(chosen) = free.next() else { return reply("553 Could not create file.") };
        drop(free);
        let opening = format!("150 FILE: {}", String::from_utf8_lossy(&chosen));
        self.receive(&chosen, false, opening)
    }

    fn receive(&mut self, argument: &[u8], append: bool, opening: String) -> Step {
        let restart = std::mem::take(&mut self.restart);
        let (who, path, mode) = (self.who(), self.real(argument), 0o666);
        // The file is there, and empty unless something of it stays, before the first byte comes.
        let how = Open { write: true, create: Some(mode), truncate: !append && restart == 0, ..Open::default() };
        if argument.is_empty() || self.host.open(&who, &path, how).is_err() {
            return reply("553 Could not create file.");
        }
        let old = self.host.open(&who, &path, Open::READ).ok();
        let len = old.as_ref().map_or(0, File::len);
        let keep = if append { len } else { restart };
        Step::Receive(Upload { opening, path, who, old, keep, mode })
    }

    /// What is not a number of at most 15 digits is 0.
    fn restart(&mut self, argument: &[u8]) -> Step {
        let digits = argument.len() <= 15 && argument.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(argument).ok().filter(|_| digits).and_then(|text| text.parse().ok());
        self.restart = number.unwrap_or(0);
        reply(&format!("350 Restart position accepted ({}).", self.restart))
    }

    fn size(&self, argument: &[u8]) -> Step {
        match self.stat(argument) {
            Some(meta) if !meta.is_folder() => reply(&format!("213 {}", meta.size)),
            _ => reply("550 Could not get file size."),
        }
    }

    fn modified(&self, argument: &[u8]) -> Step {
        // What lies at the whole argument counts first, and as it stands: `~` is no home here.
        let plain = if argument.starts_with(b"~") { [b"./", argument].concat() } else { argument.to_vec() };
        let whole = self.stat(&plain);
        let set = parse::stamp(argument).filter(|_| whole.is_none() && self.writes());
        if let Some((at, path)) = set {
            let at = Some(Time::at(at));
            let is_file = self.stat(path).is_some_and(|meta| meta.kind == FileKind::File);
            let done = is_file && self.host.set_times(&self.who(), &self.real(path), at, at, true).is_ok();
            return either(done, "213 File modification time set.", "550 Could not set file modification time.");
        }
        match whole {
            Some(meta) if meta.kind == FileKind::File => {
                let at = Timestamp::from_second(meta.modified.secs).unwrap_or_default();
                reply(&format!("213 {}", at.strftime("%Y%m%d%H%M%S")))
            }
            _ => reply("550 Could not get file modification time."),
        }
    }

    fn site(&mut self, argument: &[u8]) -> Step {
        let end = argument.iter().position(|&b| b == b' ').unwrap_or(argument.len());
        let (verb, rest) = argument.split_at(end);
        let rest = rest.get(1..).unwrap_or_default();
        match verb.to_ascii_uppercase().as_slice() {
            b"CHMOD" if self.writes() => {
                let Some(space) = rest.iter().position(|&b| b == b' ') else {
                    return reply("500 SITE CHMOD needs 2 arguments.");
                };
                let (mode, path) = rest.split_at(space);
                let path = self.real(path.get(1..).unwrap_or_default());
                let done = self.host.set_mode(&self.who(), &path, octal(mode)).is_ok();
                either(done, "200 SITE CHMOD command ok.", "550 SITE CHMOD command failed.")
            }
            b"UMASK" if rest.is_empty() => reply(&format!("200 Your current UMASK is {}", leading_zero(self.umask))),
            b"UMASK" => {
                self.umask = octal(rest) & 0o777;
                reply(&format!("200 UMASK set to {}", leading_zero(self.umask)))
            }
            b"HELP" => either(self.writes(), "214 CHMOD UMASK HELP", "214 UMASK HELP"),
            _ => reply("500 Unknown SITE command."),
        }
    }

    fn status(&self, argument: &[u8]) -> Step {
        if !argument.is_empty() {
            let options = Options { all: true, long: true, ..Options::default() };
            let lines = self.lines(argument, options).unwrap_or_default();
            return Step::Reply([b"213-Status follows:\r\n", lines.as_slice(), b"213 End of status\r\n"].concat());
        }
        let name = self.login.as_ref().map(|login| login.name.as_str()).unwrap_or_default();
        let kind = |encrypted| if encrypted { "encrypted" } else { "plain text" };
        let lines = [
            "211-FTP server status:".to_owned(),
            format!("     Connected to {}", self.peer),
            format!("     Logged in as {name}"),
            format!("     TYPE: {}", if self.binary { "BINARY" } else { "ASCII" }),
            "     No session bandwidth limit".into(),
            format!("     Session timeout in seconds is {}", self.rules.idle),
            format!("     Control connection is {}", kind(self.protection.control)),
            format!("     Data connections will be {}", kind(self.protection.data)),
            "     At session startup, client count was 1".into(),
            "     vsFTPd 3.0.3 - secure, fast, stable".into(),
            "211 End of status".into(),
        ];
        reply(&lines.join("\r\n"))
    }
}

/// Who has no account here.
fn nobody() -> Who {
    Who { uid: 65_534, gid: 65_534, groups: Arc::from([65_534]), ..Who::root() }
}

/// An octal number as C writes it.
fn leading_zero(number: u32) -> String {
    if number == 0 { "0".into() } else { format!("0{number:o}") }
}

/// An octal number up to the first byte that is no octal digit.
fn octal(text: &[u8]) -> u32 {
    let digits = text.iter().take_while(|b| (b'0'..=b'7').contains(b)).take(6);
    digits.fold(0, |number, &digit| number * 8 + u32::from(digit - b'0'))
}
