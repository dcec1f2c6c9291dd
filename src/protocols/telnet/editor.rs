//! A line being typed at `login`: what the terminal echoes, and what control keys do.

/// The longest line that is kept, in bytes.
pub(super) const LONGEST: usize = 16 << 10;

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
        std::mem::take(&mut self.line)
    }
}
