//! The terminal of a session: Linux's line discipline (`stty sane`), between what the client types and what programs
//! read and print.

use std::collections::VecDeque;

use super::modes::Modes;

/// How typed bytes are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// A program reads lines; the terminal echoes and edits.
    Cooked {
        /// Off while a password is asked for.
        echo: bool,
    },
    /// The shell's line editor takes every key, but ^C, ^\\ and ^Z are the terminal's and throw away what was typed.
    Editing,
    /// A full-screen program takes every key itself.
    Raw,
}

/// A key that makes a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// ^C, SIGINT
    Interrupt,
    /// ^\\, SIGQUIT
    Quit,
    /// ^Z, SIGTSTP
    Suspend,
}

/// Bytes typed ahead of any reader; what comes on top is lost, as with a real terminal.
const AHEAD: usize = 65_536;
/// Longest line in cooked mode (`MAX_CANON` as Linux has it).
const LINE: usize = 4095;

pub(super) struct Tty {
    mode: Mode,
    /// What stty(1) sets.
    pub modes: Modes,
    /// Of them what each byte asks for.
    keys_of: Keys,
    /// The line being typed in cooked mode.
    line: Vec<u8>,
    /// Lines that wait for a reader; an empty one is an end of file.
    ready: VecDeque<Vec<u8>>,
    /// What they hold together, with one for each end of file.
    ready_bytes: usize,
    /// Keys that wait for a reader in raw mode; in cooked mode those that were typed ahead of it, behind `line`.
    keys: VecDeque<u8>,
    keys_pressed: Vec<Key>,
    out: Vec<u8>,
    pub columns: usize,
    pub rows: usize,
    /// Column of the cursor, as far as it can be told from what was printed.
    column: usize,
}

/// What bytes mean and how they are shown, as the settings have it.
#[derive(Clone, Copy)]
struct Keys {
    interrupt: u8,
    quit: u8,
    suspend: u8,
    end: u8,
    erase: u8,
    kill: u8,
    word: u8,
    line: [u8; 2],
    signals: bool,
    lines: bool,
    echo: bool,
    echo_newline: bool,
    carets: bool,
    cr_is_nl: bool,
    nl_is_cr: bool,
    no_cr: bool,
    seven: bool,
    nl_is_crlf: bool,
}

impl Keys {
    fn of(modes: &Modes) -> Self {
        let key = |name| modes.character(name);
        Self {
            interrupt: key("intr"),
            quit: key("quit"),
            suspend: key("susp"),
            end: key("eof"),
            erase: key("erase"),
            kill: key("kill"),
            word: if modes.is("iexten") { key("werase") } else { 0 },
            line: [key("eol"), key("eol2")],
            signals: modes.is("isig"),
            lines: modes.is("icanon"),
            echo: modes.is("echo"),
            echo_newline: modes.is("echonl"),
            carets: modes.is("echoctl"),
            cr_is_nl: modes.is("icrnl"),
            nl_is_cr: modes.is("inlcr"),
            no_cr: modes.is("igncr"),
            seven: modes.is("istrip"),
            nl_is_crlf: modes.is("opost") && modes.is("onlcr"),
        }
    }

    /// A byte as it comes in; `None`: not at all.
    fn input(&self, byte: u8) -> Option<u8> {
        let byte = if self.seven { byte & 0x7f } else { byte };
        match byte {
            b'\r' if self.no_cr => None,
            b'\r' if self.cr_is_nl => Some(b'\n'),
            b'\n' if self.nl_is_cr => Some(b'\r'),
            byte => Some(byte),
        }
    }

    /// The signal that a byte makes.
    fn signal(&self, byte: u8) -> Option<Key> {
        match byte {
            _ if !self.signals || byte == 0 => None,
            _ if byte == self.interrupt => Some(Key::Interrupt),
            _ if byte == self.quit => Some(Key::Quit),
            _ if byte == self.suspend => Some(Key::Suspend),
            _ => None,
        }
    }
}

impl Tty {
    pub fn new(columns: usize, rows: usize, modes: Modes) -> Self {
        Self {
            mode: Mode::Cooked { echo: true },
            keys_of: Keys::of(&modes),
            modes,
            line: Vec::new(),
            ready: VecDeque::new(),
            ready_bytes: 0,
            keys: VecDeque::new(),
            keys_pressed: Vec::new(),
            out: Vec::new(),
            columns,
            rows,
            column: 0,
        }
    }

    /// Switches; what was typed ahead goes over to the new reader.
    pub fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
        let typed = !(self.ready.is_empty() && self.line.is_empty());
        if self.by_keys() && typed {
            let mut keys: VecDeque<u8> = VecDeque::with_capacity(self.ready_bytes + self.keys.len());
            for line in std::mem::take(&mut self.ready) {
                if line.is_empty() { keys.push_back(4) } else { keys.extend(line) }
            }
            self.ready_bytes = 0;
            keys.extend(std::mem::take(&mut self.line));
            keys.append(&mut self.keys);
            self.keys = keys;
        }
    }

    /// Sets what stty(1) sets.
    pub fn set_modes(&mut self, modes: Modes) {
        self.keys_of = Keys::of(&modes);
        self.modes = modes;
        // Who reads no lines any more gets what was typed of one.
        self.set_mode(self.mode);
    }

    /// Whether what is typed is shown.
    pub fn echoes(&self) -> bool {
        self.keys_of.echo
    }

    /// Takes what the client typed.
    pub fn feed(&mut self, bytes: &[u8]) {
        match self.mode {
            Mode::Editing => {
                // ^C is shown by the editor, the others do nothing there.
                let keys = self.keys_of;
                let last = bytes.iter().rposition(|&byte| keys.signal(byte).is_some());
                if let Some(last) = last {
                    self.keys.clear();
                    if bytes.iter().take(last + 1).any(|&byte| keys.signal(byte) == Some(Key::Interrupt)) {
                        self.keys.push_back(3);
                    }
                }
                let rest = bytes.get(last.map_or(0, |last| last + 1)..).unwrap_or_default();
                self.keys.extend(rest.iter().take(AHEAD.saturating_sub(self.keys.len())));
            }
            Mode::Raw => {
                let room = AHEAD.saturating_sub(self.keys.len());
                self.keys.extend(bytes.iter().take(room));
            }
            Mode::Cooked { echo } if !self.keys_of.lines => self.single(bytes, echo && self.keys_of.echo),
            Mode::Cooked { echo } => {
                self.cook_ahead(self.keys.len());
                self.cook(bytes, echo && self.keys_of.echo);
            }
        }
    }

    /// Edits what was typed ahead: silently, whoever reads it has shown it or will.
    fn cook_ahead(&mut self, count: usize) {
        let keys: Vec<u8> = self.keys.drain(..count).collect();
        self.cook(&keys, false);
    }

    /// Without lines (`-icanon`): each byte goes to the reader at once.
    fn single(&mut self, bytes: &[u8], echo: bool) {
        for byte in bytes.iter().filter_map(|&byte| self.keys_of.input(byte)).collect::<Vec<u8>>() {
            if let Some(key) = self.keys_of.signal(byte) {
                self.signal(key, byte, echo);
            } else if self.keys.len() < AHEAD {
                self.keys.push_back(byte);
                self.show(byte, echo);
            }
        }
    }

    fn cook(&mut self, bytes: &[u8], echo: bool) {
        let keys = self.keys_of;
        for &byte in bytes {
            let Some(byte) = keys.input(byte) else { continue };
            if let Some(key) = keys.signal(byte) {
                self.signal(key, byte, echo);
            } else if byte == b'\n' || byte != 0 && keys.line.contains(&byte) {
                let mut line = std::mem::take(&mut self.line);
                line.push(byte);
                self.ready(line);
                if byte == b'\n' && (echo || keys.echo_newline) {
                    self.print(b"\n");
                } else if byte != b'\n' {
                    self.show(byte, echo);
                }
            } else if byte != 0 && byte == keys.end {
                let line = std::mem::take(&mut self.line);
                self.ready(line);
            // Many clients send ^H for the key that the terminal takes for ^?.
            } else if byte != 0 && byte == keys.erase || byte == 8 && keys.erase == 127 {
                self.rub_out(echo);
            } else if byte != 0 && byte == keys.kill {
                while !self.line.is_empty() {
                    self.rub_out(echo);
                }
            } else if byte != 0 && byte == keys.word {
                while self.line.last() == Some(&b' ') {
                    self.rub_out(echo);
                }
                while self.line.last().is_some_and(|&last| last != b' ') {
                    self.rub_out(echo);
                }
            } else if self.line.len() < LINE {
                self.line.push(byte);
                self.show(byte, echo);
            }
        }
    }

    /// Echoes a byte.
    fn show(&mut self, byte: u8, echo: bool) {
        match byte {
            _ if !echo => {}
            b'\t' | b'\n' => self.print(&[byte]),
            0..=31 if self.keys_of.carets => self.print(&[b'^', byte + 64]),
            _ => self.print(&[byte]),
        }
    }

    fn ready(&mut self, line: Vec<u8>) {
        if self.ready_bytes < AHEAD {
            self.ready_bytes += line.len() + 1;
            self.ready.push_back(line);
        }
    }

    fn rub_out(&mut self, echo: bool) {
        let Some(byte) = self.line.pop() else { return };
        // A character of several bytes goes as a whole.
        while self.line.last().is_some_and(|_| byte & 0xC0 == 0x80) {
            if self.line.pop().is_some_and(|byte| byte & 0xC0 != 0x80) {
                break;
            }
        }
        if echo {
            self.print(if byte < 32 { b"\x08 \x08\x08 \x08" } else { b"\x08 \x08" });
        }
    }

    fn signal(&mut self, key: Key, byte: u8, echo: bool) {
        self.line.clear();
        self.ready.clear();
        self.ready_bytes = 0;
        self.keys.clear();
        self.show(byte, echo);
        self.keys_pressed.push(key);
    }

    /// Signals typed since the last call.
    pub fn take_signals(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.keys_pressed)
    }

    /// A line, or part of it; empty at an end of file. `None`: nothing there yet.
    pub fn read(&mut self, max: usize) -> Option<Vec<u8>> {
        if self.by_keys() {
            return self.key_bytes(max);
        }
        while self.ready.is_empty() && !self.keys.is_empty() {
            let end = self.keys.iter().position(|&byte| matches!(byte, b'\r' | b'\n') || byte == self.keys_of.end);
            self.cook_ahead(end.map_or(self.keys.len(), |end| end + 1));
        }
        let line = self.ready.front_mut()?;
        let taken = if line.len() <= max {
            self.ready_bytes -= 1;
            self.ready.pop_front()?
        } else {
            let rest = line.split_off(max);
            std::mem::replace(line, rest)
        };
        self.ready_bytes -= taken.len();
        Some(taken)
    }

    /// Whether the shell's line editor reads.
    pub fn is_editing(&self) -> bool {
        self.mode == Mode::Editing
    }

    fn by_keys(&self) -> bool {
        matches!(self.mode, Mode::Editing | Mode::Raw) || !self.keys_of.lines
    }

    /// The printable characters of ASCII that wait in front.
    pub fn take_plain(&mut self) -> Vec<u8> {
        let count = self.keys.iter().take_while(|byte| matches!(byte, b' '..=b'~')).count();
        self.keys.drain(..count).collect()
    }

    fn key_bytes(&mut self, max: usize) -> Option<Vec<u8>> {
        if self.keys.is_empty() {
            return None;
        }
        let count = self.keys.len().min(max);
        Some(self.keys.drain(..count).collect())
    }

    /// Prints: LF becomes CR LF.
    pub fn print(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b'\n' if self.keys_of.nl_is_crlf => {
                    self.out.extend_from_slice(b"\r\n");
                    self.column = 0;
                }
                b'\n' => self.out.push(byte),
                b'\r' => {
                    self.out.push(byte);
                    self.column = 0;
                }
                _ => {
                    self.out.push(byte);
                    self.column += 1;
                }
            }
        }
    }

    /// What is to be sent, up to now.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    pub fn waiting(&self) -> usize {
        self.out.len()
    }
}
