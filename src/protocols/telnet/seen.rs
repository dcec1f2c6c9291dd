//! What a visitor sees and types, for the recording: the stream without what is Telnet's own (RFC 854), which no
//! terminal shows and no keyboard sends.

use std::sync::Arc;

use crate::prelude::*;
use crate::session::Recording;

/// The recording of a connection.
pub(super) struct Seen {
    pub recording: Recording,
    shown: Plain,
    typed: Plain,
}

impl Seen {
    pub fn new(session: &Arc<Session>) -> Self {
        Self { recording: session.recording(true), shown: Plain::default(), typed: Plain::default() }
    }

    /// What was sent.
    pub fn output(&mut self, wire: &[u8]) {
        self.recording.output(&self.shown.feed(wire));
    }

    /// What came.
    pub fn input(&mut self, wire: &[u8]) {
        self.recording.input(&self.typed.feed(wire));
    }
}

/// One direction: commands and options are taken out, 255 is no longer doubled, and a CR has no NUL behind it.
#[derive(Debug, Default, PartialEq, Eq)]
enum Plain {
    #[default]
    Data,
    AfterCr,
    Command,
    Option,
    /// Between IAC SB and IAC SE.
    Parameters,
    ParametersCommand,
}

const SE: u8 = 240;
const SB: u8 = 250;
const IAC: u8 = 255;

impl Plain {
    fn feed(&mut self, wire: &[u8]) -> Vec<u8> {
        let mut plain = Vec::with_capacity(wire.len());
        for byte in wire {
            *self = match (&self, *byte) {
                (Self::AfterCr, 0) => Self::Data,
                (Self::Data | Self::AfterCr, IAC) => Self::Command,
                (Self::Data | Self::AfterCr, byte) => {
                    plain.push(byte);
                    if byte == b'\r' { Self::AfterCr } else { Self::Data }
                }
                (Self::Command, IAC) => {
                    plain.push(IAC);
                    Self::Data
                }
                (Self::Command, SB) => Self::Parameters,
                (Self::Command, 251..=254) => Self::Option,
                (Self::Command, _) | (Self::Option, _) | (Self::ParametersCommand, SE) => Self::Data,
                (Self::Parameters, IAC) => Self::ParametersCommand,
                (Self::Parameters | Self::ParametersCommand, _) => Self::Parameters,
            };
        }
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_telnets_own_is_taken_out_however_it_is_split() {
        let wire = b"\xff\xfd\x18a\r\0b\r\n\xff\xff\xff\xf2\xff\xfa\x18\x01\xff\xff\xff\xf0c\xff\xfb\x01\r";
        let plain = b"a\rb\r\n\xffc\r";
        assert_eq!(Plain::default().feed(wire), plain);
        let mut state = Plain::default();
        let split: Vec<u8> = wire.iter().flat_map(|byte| state.feed(&[*byte])).collect();
        assert_eq!(split, plain);
    }
}
