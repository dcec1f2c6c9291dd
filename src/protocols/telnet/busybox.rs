//! Telnet's own layer as telnetd of BusyBox 1.35 has it: it asks for four options and skips whatever comes, but for the
//! window's size and AYT. It looks at one piece of input at a time and forgets what the piece cuts in two.

use super::options::Item;

/// DO ECHO, DO NAWS, WILL ECHO, WILL SGA.
pub(super) const OPENING: &[u8] = b"\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x01\xff\xfb\x03";
/// The answer to AYT: a NOP whose IAC it doubles as if it were text.
pub(super) const YES: &[u8] = b"\xff\xff\xf1";

const NAWS: u8 = 31;
const SB: u8 = 250;
const IAC: u8 = 255;
/// Option bytes that are kept for the record.
const KEPT: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Data,
    Iac,
    Verb(u8),
    Window(usize),
}

/// Reads the stream.
#[derive(Debug)]
pub(super) struct Skipper {
    state: State,
    size: [u8; 4],
    window: Option<(u16, u16)>,
    kept: Vec<u8>,
}

impl Skipper {
    pub fn new() -> Self {
        Self { state: State::Data, size: [0; 4], window: None, kept: Vec::new() }
    }

    /// A piece of input has ended: only a single IAC is remembered.
    pub fn piece_ended(&mut self) {
        if self.state != State::Iac {
            self.state = State::Data;
        }
    }

    /// Columns and rows, if the client said them.
    pub fn window(&self) -> Option<(u16, u16)> {
        self.window
    }

    /// The option bytes of the client, as they came.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }

    /// One byte: what it means, if it means anything.
    pub fn feed(&mut self, byte: u8) -> Option<Item> {
        if (self.state != State::Data || byte == IAC) && self.kept.len() < KEPT {
            self.kept.push(byte);
        }
        let state = std::mem::replace(&mut self.state, State::Data);
        match (state, byte) {
            (State::Data, IAC) => self.state = State::Iac,
            (State::Data, byte) => return Some(Item::Data(byte)),
            (State::Iac, IAC) => return Some(Item::Data(IAC)),
            (State::Iac, 240..=249) => return Some(Item::Command(byte)),
            (State::Iac, byte) => self.state = State::Verb(byte),
            (State::Verb(SB), NAWS) => self.state = State::Window(0),
            (State::Verb(_), _) => {}
            (State::Window(at), byte) => {
                if let Some(place) = self.size.get_mut(at) {
                    *place = byte;
                }
                if at < 3 {
                    self.state = State::Window(at + 1);
                } else {
                    let [a, b, c, d] = self.size;
                    self.window = Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])));
                }
            }
        }
        None
    }
}
