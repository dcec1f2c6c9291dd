//! A line being typed: what the terminal echoes, and what readline makes of control keys.

/// The longest line that is kept, in bytes.
pub(super) const LONGEST: usize = 16 << 10;
/// Lines, and bytes of all lines, that are remembered.
const HISTORY: usize = 500;
const HISTORY_BYTES: usize = 64 << 10;

/// What a byte did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// Nothing is finished yet.
    More,
    /// A line is complete.
    Line(Vec<u8>),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D on an empty line.
    EndOfFile,
    /// The line has just become longer than is kept.
    TooLong,
}

/// Edits one line after the other.
#[derive(Debug, Default)]
pub(super) struct Editor {
    line: Vec<u8>,
    full: bool,
    escape: Vec<u8>,
    history: Vec<Vec<u8>>,
    /// Which line of the history is shown, counted from the newest; 0 is the one being typed.
    shown: usize,
}

impl Editor {
    /// What is typed so far.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// One byte as the kernel's cooked terminal takes it at a login prompt; CR and LF both end the line.
    pub fn cooked(&mut self, byte: u8, echo: bool, out: &mut Vec<u8>) -> Typed {
        match byte {
            b'\n' => return Typed::Line(self.finish(out)),
            3 => {
                self.line.clear();
                return Typed::Interrupt;
            }
            4 if self.line.is_empty() => return Typed::EndOfFile,
            4 => {}
            8 | 127 => {
                if self.line.pop().is_some() && echo {
                    out.extend_from_slice(b"\x08 \x08");
                }
            }
            21 => {
                let erased = std::mem::take(&mut self.line).len();
                if echo {
                    out.extend(b"\x08 \x08".repeat(erased));
                }
            }
            byte => return self.push(byte, echo, out),
        }
        Typed::More
    }

    /// One byte as readline takes it at a shell prompt.
    pub fn readline(&mut self, byte: u8, out: &mut Vec<u8>) -> Typed {
        if !self.escape.is_empty() || byte == 27 {
            self.sequence(byte, out);
            return Typed::More;
        }
        match byte {
            b'\n' => {
                let line = self.finish(out);
                if !line.trim_ascii().is_empty() && self.history.last() != Some(&line) {
                    self.history.push(line.clone());
                    let bytes = |history: &[Vec<u8>]| history.iter().map(Vec::len).sum::<usize>();
                    while self.history.len() > HISTORY || bytes(&self.history) > HISTORY_BYTES {
                        self.history.remove(0);
                    }
                }
                return Typed::Line(line);
            }
            3 => {
                self.line.clear();
                self.shown = 0;
                return Typed::Interrupt;
            }
            4 if self.line.is_empty() => return Typed::EndOfFile,
            8 | 127 => {
                if self.line.pop().is_some() {
                    out.extend_from_slice(b"\x08 \x08");
                } else {
                    out.push(7);
                }
            }
            21 => {
                let keep = self.line.len();
                self.erase(keep, out);
            }
            23 => {
                let blanks = self.line.iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
                let word = self.line.iter().rev().skip(blanks).take_while(|b| !b.is_ascii_whitespace()).count();
                self.erase(blanks + word, out);
            }
            9 => out.push(7),
            0..32 => {}
            byte => return self.push(byte, true, out),
        }
        Typed::More
    }

    fn push(&mut self, byte: u8, echo: bool, out: &mut Vec<u8>) -> Typed {
        if echo {
            out.push(byte);
        }
        if self.line.len() < LONGEST {
            self.line.push(byte);
            return Typed::More;
        }
        if std::mem::replace(&mut self.full, true) { Typed::More } else { Typed::TooLong }
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Vec<u8> {
        out.extend_from_slice(b"\r\n");
        self.full = false;
        self.shown = 0;
        std::mem::take(&mut self.line)
    }

    /// Takes the last `count` characters away, as readline redraws it.
    fn erase(&mut self, count: usize, out: &mut Vec<u8>) {
        self.line.truncate(self.line.len().saturating_sub(count));
        out.extend(b"\x08".repeat(count));
        out.extend(b" ".repeat(count));
        out.extend(b"\x08".repeat(count));
    }

    /// Escape sequences: the arrows up and down walk through the history, the others do nothing.
    fn sequence(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.escape.push(byte);
        let done = match self.escape.as_slice() {
            [27] | [27, b'[' | b'O'] => false,
            [27, b'[', .., last] => (0x40..=0x7e).contains(last) || self.escape.len() > 16,
            _ => true,
        };
        if !done {
            return;
        }
        match std::mem::take(&mut self.escape).as_slice() {
            [27, b'[' | b'O', b'A'] => self.walk(self.shown + 1, out),
            [27, b'[' | b'O', b'B'] if self.shown > 0 => self.walk(self.shown - 1, out),
            _ => {}
        }
    }

    fn walk(&mut self, to: usize, out: &mut Vec<u8>) {
        let line = match to {
            0 => Vec::new(),
            back => match self.history.len().checked_sub(back).and_then(|at| self.history.get(at)) {
                Some(line) => line.clone(),
                None => {
                    out.push(7);
                    return;
                }
            },
        };
        let before = self.line.len();
        out.extend(b"\x08".repeat(before));
        out.extend_from_slice(&line);
        let shorter = before.saturating_sub(line.len());
        out.extend(b" ".repeat(shorter));
        out.extend(b"\x08".repeat(shorter));
        self.line = line;
        self.shown = to;
    }
}
