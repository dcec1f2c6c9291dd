//! From bytes to steps: negotiation, `login(1)`, the shell's lines. Pure: no I/O, no clock.

use std::collections::VecDeque;

use super::editor::{Editor, Typed};
use super::options::{Item, Options};
use crate::shell::Key;

/// What the loop has to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Look up these credentials, then call [`Dialog::logged_in`] or [`Dialog::login_failed`].
    Login { name: Vec<u8>, password: Vec<u8> },
    /// Hand these keys to the shell's terminal.
    Keys(Vec<u8>),
    /// A signal for what runs in the foreground.
    Signal(Key),
    /// Note that a line is too long: its beginning.
    TooLong(Vec<u8>),
    /// Send these bytes and close.
    Close(Vec<u8>),
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// telnetd waits for the client's answers.
    Negotiating,
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

/// One connection.
#[derive(Debug)]
pub(super) struct Dialog {
    hostname: String,
    fqdn: String,
    issue: String,
    tries_left: u32,
    tries: u32,
    options: Options,
    stage: Stage,
    editor: Editor,
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
const WILL_ECHO: &[u8] = b"\xff\xfb\x01";
const IP: u8 = 244;
const BREAK: u8 = 243;
const SUSPEND: u8 = 237;
const ABORT: u8 = 238;
const AYT: u8 = 246;
const ERASE_CHARACTER: u8 = 247;
const ERASE_LINE: u8 = 248;
/// About what a terminal holds for a program that is not there yet.
const EARLY: usize = 4096;

impl Dialog {
    pub fn new(hostname: &str, fqdn: &str, issue: &str, tries: u32) -> Self {
        Self {
            hostname: hostname.into(),
            fqdn: fqdn.into(),
            issue: issue.into(),
            tries_left: tries,
            tries,
            options: Options::new(),
            stage: Stage::Negotiating,
            editor: Editor::default(),
            waiting: VecDeque::new(),
            early: VecDeque::new(),
            keys: Vec::new(),
            after_cr: false,
            ready: VecDeque::new(),
        }
    }

    /// Adds what came; the caller takes all steps before it reads more, so at most one piece waits here.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.waiting.extend(bytes);
    }

    /// The next thing to do; `None` when more input is needed.
    pub fn next_step(&mut self) -> Option<Step> {
        let mut out = Vec::new();
        while self.ready.is_empty() && !matches!(self.stage, Stage::Checking | Stage::Closed) {
            let negotiating = self.stage == Stage::Negotiating;
            if !negotiating && let Some(byte) = self.early.pop_front() {
                self.data(byte, &mut out);
                continue;
            }
            let Some(byte) = self.waiting.pop_front() else { break };
            match self.options.feed(byte, &mut out) {
                None => {}
                Some(Item::Command(command)) => self.command(command, &mut out),
                Some(Item::Data(byte)) if negotiating => {
                    self.early.push_back(byte);
                    self.early.truncate(EARLY);
                }
                Some(Item::Data(byte)) => self.data(byte, &mut out),
            }
            if negotiating && self.options.opened() {
                out.extend_from_slice(WILL_ECHO);
                out.extend(format!("{}\r\n{} login: ", self.issue, self.hostname).into_bytes());
                self.stage = Stage::Name;
            }
        }
        if out.is_empty() {
            if self.ready.is_empty() && !self.keys.is_empty() {
                return Some(Step::Keys(std::mem::take(&mut self.keys)));
            }
            return self.ready.pop_front();
        }
        match self.ready.pop_front() {
            Some(Step::Close(bytes)) => Some(Step::Close([out, bytes].concat())),
            Some(step) => {
                self.ready.push_front(step);
                Some(Step::Send(out))
            }
            None => Some(Step::Send(out)),
        }
    }

    /// The credentials were right; from now on there is a shell.
    pub fn logged_in(&mut self) {
        self.stage = Stage::Shell;
    }

    /// The credentials were wrong; the delay is over.
    pub fn login_failed(&mut self) {
        self.tries_left = self.tries_left.saturating_sub(1);
        let mut text = b"\r\nLogin incorrect\r\n".to_vec();
        if self.tries_left == 0 {
            text.extend(format!("Maximum number of tries exceeded ({})\r\n", self.tries).into_bytes());
            self.stage = Stage::Closed;
            self.ready.push_back(Step::Close(text));
        } else {
            text.extend(format!("{} login: ", self.hostname).into_bytes());
            self.stage = Stage::Name;
            self.ready.push_back(Step::Send(text));
        }
    }

    /// The client's terminal: `TERM`, columns and rows; 0 when it did not say.
    pub fn terminal(&self) -> (String, usize, usize) {
        let (columns, rows) = self.options.window().unwrap_or_default();
        (self.options.terminal(), columns.into(), rows.into())
    }

    /// What was typed without an end, or before there was anybody to read it.
    pub fn unfinished(&self) -> Vec<u8> {
        self.early.iter().chain(self.editor.line()).copied().collect()
    }

    /// The option bytes of the client, as they came.
    pub fn take_option_bytes(&mut self) -> Vec<u8> {
        self.options.take_bytes()
    }

    fn data(&mut self, byte: u8, out: &mut Vec<u8>) {
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        let byte = match byte {
            b'\n' | 0 if after_cr => return,
            b'\r' => b'\n',
            byte => byte,
        };
        if self.stage == Stage::Shell {
            if matches!(byte, 3 | 26 | 28) {
                // telnetd throws away output that is still on its way, as the mark tells the client.
                out.clear();
                out.extend_from_slice(DATA_MARK);
            }
            self.keys.push(byte);
            return;
        }
        let typed = match &self.stage {
            Stage::Name => self.editor.cooked(byte, true, out),
            Stage::Password(_) => self.editor.cooked(byte, false, out),
            Stage::Negotiating | Stage::Checking | Stage::Shell | Stage::Closed => return,
        };
        match typed {
            Typed::More => {}
            Typed::Line(line) => self.line(line, out),
            Typed::Interrupt => self.interrupt(out),
            Typed::EndOfFile => self.end_of_file(out),
            Typed::TooLong => self.ready.push_back(Step::TooLong(self.editor.line().to_vec())),
        }
    }

    fn line(&mut self, line: Vec<u8>, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.stage, Stage::Checking) {
            Stage::Name => {
                // The terminal echoes what was typed ahead, then the password prompt flushes it.
                out.extend(self.flush());
                out.extend_from_slice(b"Password: ");
                self.stage = Stage::Password(line);
            }
            Stage::Password(name) => self.ready.push_back(Step::Login { name, password: line }),
            other => self.stage = other,
        }
    }

    /// Takes the text that waits, as it is echoed; options in it are still answered.
    fn flush(&mut self) -> Vec<u8> {
        let mut echo = Vec::new();
        for byte in std::mem::take(&mut self.early) {
            self.echo(byte, &mut echo);
        }
        for byte in std::mem::take(&mut self.waiting) {
            if let Some(Item::Data(byte)) = self.options.feed(byte, &mut echo) {
                self.echo(byte, &mut echo);
            }
        }
        echo
    }

    /// A byte as the terminal shows it while nobody reads.
    fn echo(&mut self, byte: u8, out: &mut Vec<u8>) {
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        match byte {
            b'\n' | 0 if after_cr => {}
            b'\r' | b'\n' => out.extend_from_slice(b"\r\n"),
            byte => out.push(byte),
        }
    }

    fn interrupt(&mut self, out: &mut Vec<u8>) {
        // telnetd throws away output that is still on its way, as the mark tells the client.
        out.clear();
        out.extend_from_slice(DATA_MARK);
    }

    fn end_of_file(&mut self, out: &mut Vec<u8>) {
        match &self.stage {
            Stage::Password(_) => {
                out.extend_from_slice(b"\r\n");
                self.line(Vec::new(), out);
            }
            _ => {
                self.stage = Stage::Closed;
                self.ready.push_back(Step::Close(Vec::new()));
            }
        }
    }

    fn command(&mut self, command: u8, out: &mut Vec<u8>) {
        match command {
            AYT => out.extend(format!("\r\n[{} : yes]\r\n", self.fqdn).into_bytes()),
            IP | BREAK | ABORT | SUSPEND if self.stage == Stage::Shell => {
                // As telnetd does with TIOCSIG: no key, so no echo.
                let keys = std::mem::take(&mut self.keys);
                if !keys.is_empty() {
                    self.ready.push_back(Step::Keys(keys));
                }
                self.ready.push_back(Step::Signal(match command {
                    IP => Key::Interrupt,
                    SUSPEND => Key::Suspend,
                    _ => Key::Quit,
                }));
            }
            IP | BREAK => self.data(3, out),
            ERASE_CHARACTER => self.data(127, out),
            ERASE_LINE => self.data(21, out),
            _ => {}
        }
    }
}
