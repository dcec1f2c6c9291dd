//! Telnet's own layer: commands, options, subnegotiations (RFC 854, 855, 857, 858, 1073, 1079, 1091, 1096, 1572),
//! in the order and with the answers of netkit telnetd 0.17.

/// What telnetd says first: DO TERMINAL-TYPE, TERMINAL-SPEED, X-DISPLAY-LOCATION, NEW-ENVIRON.
pub(super) const OPENING: &[u8] = b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27";
/// What it says when those are answered: WILL SGA, DO ECHO, DO NAWS, WILL STATUS, DO LFLOW.
const SECOND: &[u8] = b"\xff\xfb\x03\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x05\xff\xfd\x21";

const SE: u8 = 240;
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
const IAC: u8 = 255;

/// Options that are asked first, and for which a value is then requested, in the order of the requests.
const ASKED: [u8; 4] = [32, 35, 39, 24];
/// Options that we do when asked: BINARY, ECHO, SGA, STATUS, TIMING-MARK.
const OURS: [u8; 5] = [0, 1, 3, 5, 6];
/// Options that we let the client do: BINARY, TERMINAL-TYPE, NAWS, TERMINAL-SPEED, LFLOW, X-DISPLAY-LOCATION, NEW-ENVIRON.
const THEIRS: [u8; 7] = [0, 24, 31, 32, 33, 35, 39];

/// The longest subnegotiation that is looked at; more is thrown away.
const LONGEST_SUB: usize = 512;
/// Option bytes that are kept for the record.
const KEPT: usize = 1024;

/// One thing in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A byte of text.
    Data(u8),
    /// A command such as AYT (246) or IP (244).
    Command(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Data,
    Iac,
    Verb(u8),
    Sub,
    SubIac,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Off,
    Asked,
    On,
}

/// Reads the stream and answers options.
#[derive(Debug)]
pub(super) struct Options {
    state: State,
    ours: [Side; 256],
    theirs: [Side; 256],
    sub: Vec<u8>,
    /// Of the first four: still to answer yes or no, then still to send their value.
    unanswered: Vec<u8>,
    unsent: Vec<u8>,
    opened: bool,
    terminal: Option<String>,
    window: Option<(u16, u16)>,
    kept: Vec<u8>,
}

impl Options {
    pub fn new() -> Self {
        let mut theirs = [Side::Off; 256];
        for option in ASKED {
            set(&mut theirs, option, Side::Asked);
        }
        Self {
            state: State::Data,
            ours: [Side::Off; 256],
            theirs,
            sub: Vec::new(),
            unanswered: ASKED.to_vec(),
            unsent: Vec::new(),
            opened: false,
            terminal: None,
            window: None,
            kept: Vec::new(),
        }
    }

    /// Whether the first negotiation is over; before that telnetd does not start `login`.
    pub fn opened(&self) -> bool {
        self.opened
    }

    /// The option bytes of the client, as they came.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }

    /// `TERM` as telnetd sets it: the client's terminal type in small letters, or `network` (RFC 1091).
    pub fn terminal(&self) -> String {
        self.terminal.clone().unwrap_or_else(|| "network".into())
    }

    /// Columns and rows, if the client said them (RFC 1073).
    pub fn window(&self) -> Option<(u16, u16)> {
        self.window
    }

    /// One byte: what it means, if it means anything yet; answers go to `out`.
    pub fn feed(&mut self, byte: u8, out: &mut Vec<u8>) -> Option<Item> {
        if (self.state != State::Data || byte == IAC) && self.kept.len() < KEPT {
            self.kept.push(byte);
        }
        match (self.state, byte) {
            (State::Data, IAC) => self.state = State::Iac,
            (State::Data, byte) => return Some(Item::Data(byte)),
            (State::Iac, IAC) => {
                self.state = State::Data;
                return Some(Item::Data(IAC));
            }
            (State::Iac, WILL..=DONT) => self.state = State::Verb(byte),
            (State::Iac, SB) => {
                self.state = State::Sub;
                self.sub.clear();
            }
            (State::Iac, command) => {
                self.state = State::Data;
                return Some(Item::Command(command));
            }
            (State::Verb(verb), option) => {
                self.state = State::Data;
                self.option(verb, option, out);
            }
            (State::Sub, IAC) => self.state = State::SubIac,
            (State::SubIac, SE) => {
                self.state = State::Data;
                self.value(out);
            }
            (State::Sub | State::SubIac, byte) => {
                self.state = State::Sub;
                if self.sub.len() < LONGEST_SUB {
                    self.sub.push(byte);
                }
            }
        }
        None
    }

    fn option(&mut self, verb: u8, option: u8, out: &mut Vec<u8>) {
        let answer = match verb {
            DO => turn_on(&mut self.ours, option, OURS.contains(&option), WILL, WONT),
            DONT => turn_off(&mut self.ours, option, WONT),
            WILL => turn_on(&mut self.theirs, option, THEIRS.contains(&option), DO, DONT),
            _ => turn_off(&mut self.theirs, option, DONT),
        };
        // A timing mark is answered each time; it is never on.
        if option == 6 {
            set(&mut self.ours, 6, Side::Off);
        }
        out.extend(answer.into_iter().flat_map(|answer| [IAC, answer, option]));
        if !self.opened && matches!(verb, WILL | WONT) && self.unanswered.contains(&option) {
            self.unanswered.retain(|known| *known != option);
            if self.unanswered.is_empty() {
                self.unsent = ASKED.into_iter().filter(|option| get(&self.theirs, *option) == Side::On).collect();
                out.extend(self.unsent.iter().flat_map(|option| [IAC, SB, *option, 1, IAC, SE]));
                self.open_if_done(out);
            }
        }
    }

    /// A value that was asked for has come.
    fn value(&mut self, out: &mut Vec<u8>) {
        if let Some(option) = self.sub.first() {
            self.unsent.retain(|known| known != option);
        }
        match self.sub.as_slice() {
            [24, 0, name @ ..] if !name.is_empty() && name.iter().all(u8::is_ascii_graphic) => {
                self.terminal = Some(String::from_utf8_lossy(name).to_ascii_lowercase());
            }
            [31, a, b, c, d] => self.window = Some((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))),
            _ => {}
        }
        self.sub = Vec::new();
        if !self.opened && self.unanswered.is_empty() {
            self.open_if_done(out);
        }
    }

    fn open_if_done(&mut self, out: &mut Vec<u8>) {
        if self.unsent.is_empty() {
            self.opened = true;
            for option in [3, 5, 1] {
                set(&mut self.ours, option, Side::Asked);
            }
            for option in [1, 31, 33] {
                set(&mut self.theirs, option, Side::Asked);
            }
            out.extend_from_slice(SECOND);
        }
    }
}

/// A yes of the other side: nothing to say when we asked or it is on already.
fn turn_on(sides: &mut [Side; 256], option: u8, can: bool, yes: u8, no: u8) -> Option<u8> {
    match get(sides, option) {
        Side::Off if can => {
            set(sides, option, Side::On);
            Some(yes)
        }
        Side::Off => Some(no),
        Side::Asked => {
            set(sides, option, Side::On);
            None
        }
        Side::On => None,
    }
}

/// A no of the other side: acknowledged only when it had been on.
fn turn_off(sides: &mut [Side; 256], option: u8, no: u8) -> Option<u8> {
    let was = get(sides, option);
    set(sides, option, Side::Off);
    (was == Side::On).then_some(no)
}

fn get(sides: &[Side; 256], option: u8) -> Side {
    sides.get(usize::from(option)).copied().unwrap_or(Side::Off)
}

fn set(sides: &mut [Side; 256], option: u8, side: Side) {
    if let Some(known) = sides.get_mut(usize::from(option)) {
        *known = side;
    }
}
