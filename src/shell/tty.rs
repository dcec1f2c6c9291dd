//! The terminal of a session: Linux's line discipline (`stty sane`), between what the client types and what programs
//! read and print.

use std::collections::VecDeque;

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

impl Tty {
    pub fn new(columns: usize, rows: usize) -> Self {
        Self {
            mode: Mode::Cooked { echo: true },
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
        let was_raw = self.by_keys();
        self.mode = mode;
        let typed = !(self.ready.is_empty() && self.line.is_empty());
        if self.by_keys() && !was_raw && typed {
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

    /// Takes what the client typed.
    pub fn feed(&mut self, bytes: &[u8]) {
        match self.mode {
            Mode::Editing => {
                // ^C is shown by the editor, the others do nothing there.
                let last = bytes.iter().rposition(|byte| matches!(byte, 3 | 26 | 28));
                if let Some(last) = last {
                    self.keys.clear();
                    if bytes.iter().take(last + 1).any(|&byte| byte == 3) {
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
            Mode::Cooked { echo } => {
                self.cook_ahead(self.keys.len());
                self.cook(bytes, echo);
            }
        }
    }

    /// Edits what was typed ahead: silently, whoever reads it has shown it or will.
    fn cook_ahead(&mut self, count: usize) {
        let keys: Vec<u8> = self.keys.drain(..count).collect();
        self.cook(&keys, false);
    }

    fn cook(&mut self, bytes: &[u8], echo: bool) {
        for &byte in bytes {
            match byte {
                3 => self.signal(Key::Interrupt, b"^C", echo),
                28 => self.signal(Key::Quit, b"^\\", echo),
                26 => self.signal(Key::Suspend, b"^Z", echo),
                4 => {
                    let line = std::mem::take(&mut self.line);
                    self.ready(line);
                }
                b'\r' | b'\n' => {
                    let mut line = std::mem::take(&mut self.line);
                    line.push(b'\n');
                    self.ready(line);
                    if echo {
                        self.print(b"\n");
                    }
                }
                8 | 127 => self.rub_out(echo),
                21 => {
                    while !self.line.is_empty() {
                        self.rub_out(echo);
                    }
                }
                23 => {
                    while self.line.last() == Some(&b' ') {
                        self.rub_out(echo);
                    }
                    while self.line.last().is_some_and(|&last| last != b' ') {
                        self.rub_out(echo);
                    }
                }
                _ => {
                    if self.line.len() < LINE {
                        self.line.push(byte);
                        match byte {
                            _ if !echo => {}
                            b'\t' => self.print(b"\t"),
                            0..=31 => self.print(&[b'^', byte + 64]),
                            _ => self.print(&[byte]),
                        }
                    }
                }
            }
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

    fn signal(&mut self, key: Key, shown: &[u8], echo: bool) {
        self.line.clear();
        self.ready.clear();
        self.ready_bytes = 0;
        self.keys.clear();
        if echo {
            self.print(shown);
        }
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
            let end = self.keys.iter().position(|byte| matches!(byte, b'\r' | b'\n' | 4));
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
        matches!(self.mode, Mode::Editing | Mode::Raw)
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
                b'\n' => {
                    self.out.extend_from_slice(b"\r\n");
                    self.column = 0;
                }
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
