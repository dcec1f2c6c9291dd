//! From bytes to steps: negotiation, `login(1)`, the keys for the shell. Pure: no I/O, no clock.

use std::collections::VecDeque;

use super::busybox::{self, Skipper};
use super::editor::{self, Editor, Typed};
use super::environ::Variable;
use super::options::{Item, Kin, Options};
use crate::shell::Key;
use crate::world::{LoginProgram, TelnetDaemon};

/// What the loop has to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send these bytes.
    Send(Vec<u8>),
    /// The negotiation is over: show the banner, then call [`Dialog::started`].
    Start,
    /// Look up these credentials, then call [`Dialog::logged_in`] or [`Dialog::login_failed`].
    Login { name: Vec<u8>, password: Vec<u8> },
    /// A login fails before a password is asked for; call [`Dialog::login_failed`].
    Refuse { name: Vec<u8> },
    /// Hand these keys to the shell's terminal.
    Keys(Vec<u8>),
    /// A signal for what runs in the foreground.
    Signal(Key),
    /// Note that a line is too long: its beginning.
    TooLong(Vec<u8>),
    /// Note a variable that the client sent.
    Environ(Variable),
    /// Send these bytes and close.
    Close(Vec<u8>),
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// telnetd waits for the client's answers.
    Negotiating,
    /// The loop is starting login.
    Starting,
    /// `HOST login: `
    Name,
    /// `Password: `
    Password(Vec<u8>),
    /// The loop is checking credentials; what comes meanwhile waits.
    Checking,
    /// Logged in: a terminal behind telnetd.
    Shell,
    /// Nothing more to say.
    Closed,
}

/// Who reads the stream.
#[derive(Debug)]
enum Front {
    Kin(Kin, Box<Options>),
    Busybox(Skipper),
}

/// One connection.
#[derive(Debug)]
pub(super) struct Dialog {
    hostname: String,
    fqdn: String,
    login: LoginProgram,
    tries_left: u32,
    tries: u32,
    /// Empty lines that BusyBox's login still takes.
    empty_left: u32,
    front: Front,
    stage: Stage,
    editor: Editor,
    /// What the terminal shows after Ctrl-Q; at most [`HELD`] bytes.
    held: Vec<u8>,
    /// The beginning of a name, when Ctrl-D handed it over without an end.
    begun: Vec<u8>,
    /// The name that the client's environment gave.
    user: Option<Vec<u8>>,
    waiting: VecDeque<u8>,
    /// Text that came before `login` runs, its options taken out; at most [`EARLY`] bytes.
    early: VecDeque<u8>,
    /// Keys for the shell's terminal that were not handed over yet.
    keys: Vec<u8>,
    /// The last data byte was a CR: a following LF or NUL belongs to it.
    after_cr: bool,
    ready: VecDeque<Step>,
}

/// IAC DM, which telnetd sends when it throws away output after an interrupt.
const DATA_MARK: &[u8] = b"\xff\xf2";
const EOF: u8 = 236;
const SUSPEND: u8 = 237;
const ABORT: u8 = 238;
const BREAK: u8 = 243;
const IP: u8 = 244;
const ABORT_OUTPUT: u8 = 245;
const AYT: u8 = 246;
const ERASE_CHARACTER: u8 = 247;
const ERASE_LINE: u8 = 248;
/// About what a terminal holds for a program that is not there yet.
const EARLY: usize = 4096;
/// About what a terminal that is stopped holds.
const HELD: usize = 8192;
/// The longest name that PAM reads, with its line's end.
const PAM_LINE: usize = 511;
/// The longest that BusyBox reads.
const BUSYBOX_NAME: usize = 61;
/// Empty names after which BusyBox's login ends.
const BUSYBOX_EMPTY: u32 = 10;

impl Dialog {
    /// A connection to `daemon`, with `login` behind it. BusyBox's telnetd does not negotiate: the loop has said all
    /// up to the first prompt.
    pub fn new(daemon: TelnetDaemon, login: LoginProgram, (hostname, fqdn): (&str, &str), tries: u32) -> Self {
        let (front, stage) = match daemon {
            TelnetDaemon::Netkit => (Front::Kin(Kin::Netkit, Box::new(Options::new(Kin::Netkit))), Stage::Negotiating),
            TelnetDaemon::Inetutils => {
                (Front::Kin(Kin::Inetutils, Box::new(Options::new(Kin::Inetutils))), Stage::Negotiating)
            }
            TelnetDaemon::Busybox => (Front::Busybox(Skipper::new()), Stage::Name),
        };
        Self {
            hostname: hostname.into(),
            fqdn: fqdn.into(),
            login,
            tries_left: tries,
            tries,
            empty_left: BUSYBOX_EMPTY,
            front,
            stage,
            editor: Editor::default(),
            held: Vec::new(),
            begun: Vec::new(),
            user: None,
            waiting: VecDeque::new(),
            early: VecDeque::new(),
            keys: Vec::new(),
            after_cr: false,
            ready: VecDeque::new(),
        }
    }

    /// Adds what came; the caller takes all steps before it reads more, so at most one piece waits here.
    pub fn feed(&mut self, bytes: &[u8]) {
        let begins = self.waiting.is_empty() && !bytes.is_empty();
        if let (Front::Busybox(skipper), true) = (&mut self.front, begins) {
            skipper.piece_ended();
            self.after_cr = false;
        }
        self.waiting.extend(bytes);
    }

    /// The next thing to do; `None` when more input is needed.
    pub fn next_step(&mut self) -> Option<Step> {
        // What telnetd says overtakes what the terminal shows.
        let (mut told, mut out) = (Vec::new(), Vec::new());
        while self.ready.is_empty() && !matches!(self.stage, Stage::Starting | Stage::Checking | Stage::Closed) {
            let negotiating = self.stage == Stage::Negotiating;
            if !negotiating && let Some(byte) = self.early.pop_front() {
                self.data(byte, &mut told, &mut out);
                continue;
            }
            let Some(byte) = self.waiting.pop_front() else { break };
            match self.item(byte, &mut told) {
                None => {}
                Some(Item::Logout) => {
                    self.stage = Stage::Closed;
                    self.ready.push_back(Step::Close(Vec::new()));
                }
                Some(Item::Command(command)) => self.command(command, &mut told, &mut out),
                Some(Item::Data(byte)) if negotiating => {
                    self.early.push_back(byte);
                    self.early.truncate(EARLY);
                }
                Some(Item::Data(byte)) => self.data(byte, &mut told, &mut out),
            }
            if negotiating
                && self.waiting.is_empty()
                && let Front::Kin(_, options) = &mut self.front
            {
                options.go_on(&mut told);
                if options.opened() {
                    self.stage = Stage::Starting;
                    self.ready.push_back(Step::Start);
                }
            }
        }
        if self.editor.is_stopped() {
            out.truncate(HELD.saturating_sub(self.held.len()));
            self.held.append(&mut out);
        } else {
            told.append(&mut self.held);
        }
        told.append(&mut out);
        if told.is_empty() {
            if self.ready.is_empty() && !self.keys.is_empty() {
                return Some(Step::Keys(std::mem::take(&mut self.keys)));
            }
            return self.ready.pop_front();
        }
        match self.ready.pop_front() {
            Some(Step::Close(bytes)) => Some(Step::Close([told, bytes].concat())),
            Some(step) => {
                self.ready.push_front(step);
                Some(Step::Send(told))
            }
            None => Some(Step::Send(told)),
        }
    }

    /// What a byte means; the client's variables become steps.
    fn item(&mut self, byte: u8, told: &mut Vec<u8>) -> Option<Item> {
        match &mut self.front {
            Front::Busybox(skipper) => skipper.feed(byte),
            Front::Kin(kin, options) => {
                let item = options.feed(byte, told);
                for variable in options.take_variables() {
                    // netkit hands the name to login; inetutils that is mended does not.
                    if *kin == Kin::Netkit && variable.name == b"USER" && !variable.value.starts_with(b"-") {
                        self.user = Some(variable.value.clone());
                    }
                    self.ready.push_back(Step::Environ(variable));
                }
                item
            }
        }
    }

    /// login runs and asks.
    pub fn started(&mut self) {
        match self.user.take().filter(|name| !name.is_empty()) {
            Some(name) => {
                self.stage = Stage::Password(name);
                self.ready.push_back(Step::Send(b"Password: ".to_vec()));
            }
            None => {
                self.stage = Stage::Name;
                self.ready.push_back(Step::Send(self.prompt()));
            }
        }
    }

    /// `HOST login: `
    pub fn prompt(&self) -> Vec<u8> {
        format!("{} login: ", self.hostname).into_bytes()
    }

    /// What to send while credentials are checked: the terminal shows what is typed meanwhile, and whatever asks next
    /// throws it away.
    pub fn meanwhile(&mut self) -> Vec<u8> {
        let mut told = Vec::new();
        let echo = self.echoes();
        let shown = self.flush(&mut told, echo);
        [told, shown].concat()
    }

    /// The credentials were right; from now on there is a shell.
    pub fn logged_in(&mut self) {
        self.stage = Stage::Shell;
    }

    /// The credentials were wrong; the delay is over.
    pub fn login_failed(&mut self) {
        self.tries_left = self.tries_left.saturating_sub(1);
        let mut text = match self.login {
            LoginProgram::Shadow => b"\r\nLogin incorrect\r\n".to_vec(),
            LoginProgram::Busybox => b"Login incorrect\r\n".to_vec(),
        };
        if self.tries_left == 0 {
            if self.login == LoginProgram::Shadow {
                text.extend(format!("Maximum number of tries exceeded ({})\r\n", self.tries).into_bytes());
            }
            self.stage = Stage::Closed;
            self.ready.push_back(Step::Close(text));
        } else {
            text.extend(self.prompt());
            self.stage = Stage::Name;
            self.ready.push_back(Step::Send(text));
        }
    }

    /// The client's terminal: `TERM`, columns and rows; 0 when it did not say.
    pub fn terminal(&self) -> (String, usize, usize) {
        let (name, window) = match &self.front {
            Front::Kin(_, options) => (options.terminal(), options.window()),
            Front::Busybox(skipper) => ("dumb".into(), skipper.window()),
        };
        let (columns, rows) = window.unwrap_or_default();
        (name, columns.into(), rows.into())
    }

    /// Output of the shell as telnetd sends it: 255 is doubled, and but for BusyBox a CR without an LF has a NUL behind
    /// it, unless the client asked for eight bits as they are (RFC 854, 856).
    pub fn on_the_wire(&self, output: Vec<u8>) -> Vec<u8> {
        let nul = matches!(&self.front, Front::Kin(_, options) if !options.binary_output());
        if !output.iter().any(|byte| *byte == 255 || (nul && *byte == b'\r')) {
            return output;
        }
        let mut wire = Vec::with_capacity(output.len() + 16);
        let mut bytes = output.into_iter().peekable();
        while let Some(byte) = bytes.next() {
            wire.push(byte);
            match byte {
                255 => wire.push(255),
                b'\r' if nul && bytes.peek() != Some(&b'\n') => wire.push(0),
                _ => {}
            }
        }
        wire
    }

    /// What was typed without an end, or before there was anybody to read it.
    pub fn unfinished(&self) -> Vec<u8> {
        self.early.iter().chain(self.editor.line()).copied().collect()
    }

    /// The option bytes of the client, as they came.
    pub fn take_option_bytes(&mut self) -> Vec<u8> {
        match &mut self.front {
            Front::Kin(_, options) => options.take_bytes(),
            Front::Busybox(skipper) => skipper.take_bytes(),
        }
    }

    /// A data byte without what telnetd and the terminal take away: the second half of a line's end, the eighth bit.
    fn plain(&mut self, byte: u8) -> Option<u8> {
        let (binary, strips) = match &self.front {
            Front::Kin(kin, options) => (options.binary_input(), *kin == Kin::Inetutils && self.stage != Stage::Shell),
            Front::Busybox(_) => (false, false),
        };
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r' && !binary);
        match byte {
            b'\n' | 0 if after_cr => None,
            b'\r' => Some(b'\n'),
            byte if strips && !binary => Some(byte & 0x7f),
            byte => Some(byte),
        }
    }

    fn data(&mut self, byte: u8, told: &mut Vec<u8>, out: &mut Vec<u8>) {
        let Some(byte) = self.plain(byte) else { return };
        if self.stage == Stage::Shell {
            if matches!(byte, 3 | 26 | 28) {
                self.discard(told, out);
            }
            self.keys.push(byte);
            return;
        }
        let echo = self.echoes() && self.stage == Stage::Name;
        if !matches!(self.stage, Stage::Name | Stage::Password(_)) {
            return;
        }
        let before = out.len();
        match self.editor.cooked(byte, echo, out) {
            Typed::More => {}
            Typed::Line(line) => {
                if self.stage == Stage::Name && !echo {
                    out.truncate(before);
                } else if self.stage == Stage::Name && matches!(&self.front, Front::Kin(_, o) if o.binary_output()) {
                    // The terminal adds no CR to what goes out as it is.
                    out.truncate(out.len().saturating_sub(2));
                    out.push(b'\n');
                }
                self.line(line, told, out);
            }
            Typed::Ended(line) => self.end_of_file(line, told, out),
            Typed::Signal(key) => self.signal(key, echo, told, out),
            Typed::TooLong => self.ready.push_back(Step::TooLong(self.editor.line().to_vec())),
        }
    }

    fn echoes(&self) -> bool {
        match &self.front {
            Front::Kin(_, options) => options.echoes(),
            Front::Busybox(_) => true,
        }
    }

    /// telnetd throws away output that is still on its way, and says so by a mark; BusyBox's only throws it away.
    fn discard(&self, told: &mut Vec<u8>, out: &mut Vec<u8>) {
        out.clear();
        if matches!(self.front, Front::Kin(..)) {
            told.extend_from_slice(DATA_MARK);
        }
    }

    fn signal(&mut self, key: u8, echo: bool, told: &mut Vec<u8>, out: &mut Vec<u8>) {
        self.discard(told, out);
        if echo {
            editor::show(key, out);
        } else if self.login == LoginProgram::Busybox && key == 3 && matches!(self.stage, Stage::Password(_)) {
            out.extend_from_slice(b"\r\n");
            self.line(Vec::new(), told, out);
        }
    }

    fn line(&mut self, mut line: Vec<u8>, told: &mut Vec<u8>, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.stage, Stage::Checking) {
            Stage::Name if self.login == LoginProgram::Busybox => self.name_busybox(&line, out),
            Stage::Name => {
                if line.len() >= PAM_LINE {
                    line.truncate(PAM_LINE);
                    out.extend_from_slice(b"\r\n");
                }
                if line.starts_with(b"-") {
                    // As an option it would be one of login itself.
                    self.ready.push_back(Step::Refuse { name: line });
                    return;
                }
                // The terminal echoes what was typed ahead, then the password prompt flushes it.
                let shown = self.flush(told, true);
                out.extend(shown);
                out.extend_from_slice(b"Password: ");
                self.stage = Stage::Password(line);
            }
            Stage::Password(name) => {
                if self.login == LoginProgram::Shadow {
                    // Switching the echo on again throws away what was typed ahead.
                    self.flush(told, false);
                }
                self.ready.push_back(Step::Login { name, password: line });
            }
            other => self.stage = other,
        }
    }

    /// BusyBox's login takes the first word of a line; without one it asks again.
    fn name_busybox(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let line = [std::mem::take(&mut self.begun), line.to_vec()].concat();
        let name = line.trim_ascii_start();
        self.stage = Stage::Name;
        if name.is_empty() {
            self.empty_left = self.empty_left.saturating_sub(1);
            if self.empty_left == 0 {
                self.close();
            } else {
                out.extend(self.prompt());
            }
        } else if name.len() > BUSYBOX_NAME || name.iter().skip(1).any(|byte| *byte == 0) {
            self.close();
        } else {
            let word = name.split(|byte| *byte <= b' ').next().unwrap_or_default();
            out.extend_from_slice(b"Password: ");
            self.empty_left = BUSYBOX_EMPTY;
            self.stage = Stage::Password(word.to_vec());
        }
    }

    fn close(&mut self) {
        self.stage = Stage::Closed;
        self.ready.push_back(Step::Close(Vec::new()));
    }

    /// Takes the text that waits; options in it are still answered. Gives it as the terminal shows it.
    fn flush(&mut self, told: &mut Vec<u8>, echo: bool) -> Vec<u8> {
        let mut shown = Vec::new();
        let mut early = std::mem::take(&mut self.early);
        loop {
            let byte = match early.pop_front() {
                Some(byte) => Some(byte),
                None => {
                    let Some(byte) = self.waiting.pop_front() else { break };
                    match self.item(byte, told) {
                        Some(Item::Data(byte)) => Some(byte),
                        _ => None,
                    }
                }
            };
            if let Some(byte) = byte.and_then(|byte| self.plain(byte))
                && echo
            {
                editor::show(byte, &mut shown);
            }
        }
        shown
    }

    fn end_of_file(&mut self, line: Vec<u8>, told: &mut Vec<u8>, out: &mut Vec<u8>) {
        match (&self.stage, self.login) {
            (Stage::Name, LoginProgram::Busybox) if line.is_empty() => self.close(),
            (Stage::Name, LoginProgram::Busybox) => {
                self.begun.extend(line);
                self.begun.truncate(editor::LONGEST);
            }
            (Stage::Name, LoginProgram::Shadow) if line.is_empty() => {
                out.extend_from_slice(b"\r\n");
                self.stage = Stage::Checking;
                self.flush(told, false);
                self.ready.push_back(Step::Refuse { name: line });
            }
            _ => {
                out.extend_from_slice(b"\r\n");
                self.line(line, told, out);
            }
        }
    }

    fn command(&mut self, command: u8, told: &mut Vec<u8>, out: &mut Vec<u8>) {
        let kin = match &self.front {
            Front::Kin(kin, _) => *kin,
            Front::Busybox(_) => {
                if command == AYT {
                    told.extend_from_slice(busybox::YES);
                }
                return;
            }
        };
        // inetutils writes the key to the terminal, netkit sends the signal: no key, so nothing is shown.
        let signal = match command {
            IP => Some((3, Key::Interrupt)),
            BREAK | ABORT => Some((28, Key::Quit)),
            SUSPEND => Some((26, Key::Suspend)),
            _ => None,
        };
        match (command, signal, kin) {
            (AYT, _, Kin::Netkit) => told.extend(format!("\r\n[{} : yes]\r\n", self.fqdn).into_bytes()),
            (AYT, _, Kin::Inetutils) => told.extend_from_slice(b"\r\n[Yes]\r\n"),
            (_, Some((key, _)), Kin::Inetutils) => self.key(key, told, out),
            (_, Some((_, signal)), Kin::Netkit) if self.stage == Stage::Shell => {
                let keys = std::mem::take(&mut self.keys);
                if !keys.is_empty() {
                    self.ready.push_back(Step::Keys(keys));
                }
                self.ready.push_back(Step::Signal(signal));
            }
            (ABORT_OUTPUT, ..) => {
                told.extend_from_slice(DATA_MARK);
                self.key(15, told, out);
            }
            (ERASE_CHARACTER, ..) => self.key(127, told, out),
            (ERASE_LINE, ..) => self.key(21, told, out),
            (EOF, ..) => self.key(4, told, out),
            _ => {}
        }
    }

    /// A key that telnetd writes to the terminal; before there is one, it waits.
    fn key(&mut self, key: u8, told: &mut Vec<u8>, out: &mut Vec<u8>) {
        if self.stage == Stage::Negotiating {
            self.early.push_back(key);
            self.early.truncate(EARLY);
        } else {
            self.data(key, told, out);
        }
    }
}
