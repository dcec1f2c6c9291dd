//! A line being typed at `login`: what Linux's terminal in cooked mode (`n_tty`) shows, and what its control keys do.

/// The longest line that is kept, in bytes: what the terminal's buffer has beside the line's end.
pub(super) const LONGEST: usize = 4095;

/// What a byte did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// Nothing is finished yet.
    More,
    /// The reader gets this: a line without its end.
    Line(Vec<u8>),
    /// Ctrl-D: the reader gets what is there, without a line's end.
    Ended(Vec<u8>),
    /// Ctrl-C, Ctrl-\ or Ctrl-Z: what was typed and what is still to be shown are thrown away, then it is shown.
    Signal(u8),
    /// The line has just become longer than is kept.
    TooLong,
}

/// Edits one line after the other.
#[derive(Debug, Default)]
pub(super) struct Editor {
    line: Vec<u8>,
    /// Ctrl-V: the next byte is taken as it is.
    literal: bool,
    /// Ctrl-S: what is to be shown waits.
    stopped: bool,
    full: bool,
}

const KILL: u8 = 21;
const WORD: u8 = 23;

impl Editor {
    /// What is typed so far.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Throws away what was typed.
    pub fn clear(&mut self) {
        self.line.clear();
        self.full = false;
    }

    /// Whether Ctrl-S has stopped what is shown.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// One byte; `echo` is off while a password is asked for.
    pub fn cooked(&mut self, byte: u8, echo: bool, out: &mut Vec<u8>) -> Typed {
        if std::mem::take(&mut self.literal) {
            return self.push(byte, echo, out);
        }
        match byte {
            b'\n' => {
                out.extend_from_slice(b"\r\n");
                self.full = false;
                return Typed::Line(std::mem::take(&mut self.line));
            }
            3 | 26 | 28 => {
                self.clear();
                self.stopped = false;
                return Typed::Signal(byte);
            }
            4 => return Typed::Ended(std::mem::take(&mut self.line)),
            127 => self.erase(1, echo, out),
            WORD => {
                let end = self.line.iter().rposition(|byte| word(*byte)).map_or(0, |at| at + 1);
                let begin = self.line.iter().take(end).rposition(|byte| !word(*byte)).map_or(0, |at| at + 1);
                self.erase(self.line.len() - begin, echo, out);
            }
            KILL => self.erase(self.line.len(), echo, out),
            17 => self.stopped = false,
            18 if echo => {
                out.extend_from_slice(b"^R\r\n");
                let line = std::mem::take(&mut self.line);
                line.iter().for_each(|byte| show(*byte, out));
                self.line = line;
            }
            19 => self.stopped = true,
            22 => {
                self.literal = true;
                if echo {
                    out.extend_from_slice(b"^\x08");
                }
            }
            byte => return self.push(byte, echo, out),
        }
        Typed::More
    }

    fn erase(&mut self, count: usize, echo: bool, out: &mut Vec<u8>) {
        for _ in 0..count {
            if let Some(byte) = self.line.pop()
                && echo
            {
                let columns = if byte != b'\t' && (byte < 32 || byte == 127) { 2 } else { 1 };
                out.extend(b"\x08 \x08".repeat(columns));
            }
        }
    }

    fn push(&mut self, byte: u8, echo: bool, out: &mut Vec<u8>) -> Typed {
        if echo {
            show(byte, out);
        }
        if self.line.len() < LONGEST {
            self.line.push(byte);
            return Typed::More;
        }
        if std::mem::replace(&mut self.full, true) { Typed::More } else { Typed::TooLong }
    }
}

/// A letter, a digit or an underscore, as the terminal counts words.
fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A byte as the terminal shows it: control characters as `^X`, 255 twice for Telnet.
pub(super) fn show(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'\t' => out.push(byte),
        b'\n' => out.extend_from_slice(b"\r\n"),
        0..32 | 127 => out.extend([b'^', byte ^ 64]),
        255 => out.extend_from_slice(&[255, 255]),
        byte => out.push(byte),
    }
}
