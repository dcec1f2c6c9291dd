//! Telnet's own layer as the daemons that descend from BSD's speak it, netkit telnetd 0.17 and GNU inetutils telnetd
//! 2.4: commands, options, subnegotiations (RFC 854, 855, 857, 858, 859, 1073, 1079, 1091, 1096, 1184, 1372, 1572), in
//! their order and with their answers. The answers of inetutils were asked of the daemon of Debian 12.

use std::collections::BTreeSet;

use super::environ::{self, Variable};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kin {
    Netkit,
    Inetutils,
}

/// DO TERMINAL-TYPE, TERMINAL-SPEED, X-DISPLAY-LOCATION, NEW-ENVIRON.
const OPENING_NETKIT: &[u8] = b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27";
/// WILL AUTHENTICATION, WILL ENCRYPT, the same four, DO OLD-ENVIRON.
const OPENING_INETUTILS: &[u8] =
    b"\xff\xfb\x25\xff\xfb\x26\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27\xff\xfd\x24";
/// WILL SGA, DO ECHO, DO NAWS, WILL STATUS, DO LFLOW.
const SECOND_NETKIT: &[u8] = b"\xff\xfb\x03\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x05\xff\xfd\x21";
/// The same with DO LINEMODE behind DO ECHO, unless the client offered it by itself.
const SECOND_INETUTILS: &[u8] = b"\xff\xfb\x03\xff\xfd\x01\xff\xfd\x22\xff\xfd\x1f\xff\xfb\x05\xff\xfd\x21";

const SE: u8 = 240;
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
const IAC: u8 = 255;

const BINARY: u8 = 0;
const ECHO: u8 = 1;
const SGA: u8 = 3;
const STATUS: u8 = 5;
const TIMING_MARK: u8 = 6;
const LOGOUT: u8 = 18;
const TERMINAL_TYPE: u8 = 24;
const NAWS: u8 = 31;
const SPEED: u8 = 32;
const LFLOW: u8 = 33;
const LINEMODE: u8 = 34;
const DISPLAY: u8 = 35;
const OLD_ENVIRON: u8 = 36;
const AUTHENTICATION: u8 = 37;
const ENCRYPT: u8 = 38;
const NEW_ENVIRON: u8 = 39;

/// The longest subnegotiation that is looked at; more is thrown away.
const LONGEST_SUB: usize = 512;
/// Option bytes that are kept for the record.
const KEPT: usize = 1024;
/// Terminal types that are asked for, at most.
const TYPES: usize = 24;

/// One thing in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A byte of text.
    Data(u8),
    /// A command such as AYT (246) or IP (244).
    Command(u8),
    /// DO LOGOUT: the daemon ends (RFC 727).
    Logout,
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

/// How far the negotiation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The options of the opening are not all answered.
    Opening,
    /// Values that were asked for have not come.
    Values,
    /// NAWS, or ECHO of a client that has NAWS, is not answered.
    Second,
    /// Over: login runs.
    Open,
}

/// Reads the stream and answers options.
#[derive(Debug)]
pub(super) struct Options {
    kin: Kin,
    state: State,
    ours: [Side; 256],
    theirs: [Side; 256],
    sub: Vec<u8>,
    phase: Phase,
    /// Options whose value was asked for and has not come.
    unsent: Vec<u8>,
    /// Terminal types as they came, the first and the last.
    types: (String, String, usize),
    /// The list of types has ended; one more asks for its beginning again.
    types_end: bool,
    terminal: Option<String>,
    window: Option<(u16, u16)>,
    variables: Vec<Variable>,
    kept: Vec<u8>,
}

impl Options {
    pub fn new(kin: Kin) -> Self {
        let mut options = Self {
            kin,
            state: State::Data,
            ours: [Side::Off; 256],
            theirs: [Side::Off; 256],
            sub: Vec::new(),
            phase: Phase::Opening,
            unsent: Vec::new(),
            types: (String::new(), String::new(), 0),
            types_end: false,
            terminal: None,
            window: None,
            variables: Vec::new(),
            kept: Vec::new(),
        };
        options.ask(opening(kin));
        options
    }

    /// Whether the negotiation is over; before that telnetd does not start `login`.
    pub fn opened(&self) -> bool {
        self.phase == Phase::Open
    }

    /// The option bytes of the client, as they came.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }

    /// Variables of the client's environment that came, as they came.
    pub fn take_variables(&mut self) -> Vec<Variable> {
        std::mem::take(&mut self.variables)
    }

    /// `TERM` as telnetd sets it: the client's terminal type in small letters, or `network` (RFC 1091).
    pub fn terminal(&self) -> String {
        self.terminal.clone().unwrap_or_else(|| "network".into())
    }

    /// Columns and rows, if the client said them (RFC 1073).
    pub fn window(&self) -> Option<(u16, u16)> {
        self.window
    }

    /// The client sends eight bits and no line ends (RFC 856).
    pub fn binary_input(&self) -> bool {
        get(&self.theirs, BINARY) == Side::On
    }

    /// We do.
    pub fn binary_output(&self) -> bool {
        get(&self.ours, BINARY) == Side::On
    }

    /// The terminal shows what is typed.
    pub fn echoes(&self) -> bool {
        get(&self.ours, ECHO) != Side::Off
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
            (State::Verb(DO), LOGOUT) => {
                self.state = State::Data;
                out.extend_from_slice(&[IAC, WILL, LOGOUT]);
                return Some(Item::Logout);
            }
            (State::Verb(verb), option) => {
                self.state = State::Data;
                self.option(verb, option, out);
            }
            (State::Sub, IAC) => self.state = State::SubIac,
            (State::SubIac, SE) => {
                self.state = State::Data;
                let sub = std::mem::take(&mut self.sub);
                self.value(&sub, out);
            }
            (State::SubIac, other) if other != IAC => {
                // An end without its second half: what follows the IAC is a command of its own.
                let sub = std::mem::take(&mut self.sub);
                self.value(&sub, out);
                self.state = State::Iac;
                return self.feed_on(other, out);
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

    /// The byte behind an IAC that ended a subnegotiation by mistake.
    fn feed_on(&mut self, byte: u8, out: &mut Vec<u8>) -> Option<Item> {
        self.kept.pop();
        self.feed(byte, out)
    }

    /// Options that we do when asked.
    fn can(&self, option: u8) -> bool {
        matches!(option, BINARY | ECHO | SGA | STATUS | TIMING_MARK)
            || (self.kin == Kin::Inetutils && option == ENCRYPT)
    }

    /// Options that we let the client do.
    fn lets(&self, option: u8) -> bool {
        matches!(option, BINARY | SGA | TERMINAL_TYPE | NAWS | SPEED | LFLOW | DISPLAY | NEW_ENVIRON)
            || (self.kin == Kin::Inetutils && matches!(option, LINEMODE | OLD_ENVIRON | AUTHENTICATION | ENCRYPT))
    }

    fn option(&mut self, verb: u8, option: u8, out: &mut Vec<u8>) {
        let asked = get(&self.theirs, option) == Side::Asked;
        if option == TIMING_MARK && verb == WILL {
            // Never on, never answered; inetutils takes it for a client that edits its own lines.
            set(&mut self.theirs, TIMING_MARK, Side::Off);
            if self.kin == Kin::Inetutils {
                out.extend(turn_off(&mut self.ours, SGA).then_some([IAC, WONT, SGA]).into_iter().flatten());
            }
            return;
        }
        let (can, lets) = (self.can(option), self.lets(option));
        let answer = match verb {
            DO => turn_on(&mut self.ours, option, can, WILL, WONT),
            DONT => turn_off(&mut self.ours, option).then_some(WONT),
            WILL => turn_on(&mut self.theirs, option, lets, DO, DONT),
            _ => turn_off(&mut self.theirs, option).then_some(DONT),
        };
        // A timing mark is answered each time; it is never on.
        if option == TIMING_MARK {
            set(&mut self.ours, TIMING_MARK, Side::Off);
        }
        out.extend(answer.into_iter().flat_map(|answer| [IAC, answer, option]));
        if verb == WILL {
            self.allowed(option, asked, answer, out);
        }
    }

    /// What follows when the client does something that we let it do.
    fn allowed(&mut self, option: u8, asked: bool, answer: Option<u8>, out: &mut Vec<u8>) {
        match option {
            // Whoever echoes is told not to: we do.
            ECHO if asked => {
                set(&mut self.theirs, ECHO, Side::Off);
                out.extend_from_slice(&[IAC, DONT, ECHO]);
            }
            _ if self.kin == Kin::Netkit => {}
            // The mode is sent as a text with its end: a NUL on the wire.
            LFLOW if asked => out.extend_from_slice(&[IAC, SB, LFLOW, 3, IAC, SE, 0]),
            LINEMODE if asked => out.extend_from_slice(&[IAC, SB, LINEMODE, 1, 3, IAC, SE, 0]),
            LINEMODE if answer == Some(DO) => out.extend_from_slice(&[IAC, SB, LINEMODE, 1, 16, IAC, SE, 0]),
            AUTHENTICATION if answer == Some(DO) => {
                out.extend_from_slice(&[IAC, SB, AUTHENTICATION, 1, 2, 2, 2, 0, IAC, SE]);
            }
            ENCRYPT if answer == Some(DO) => out.extend_from_slice(&[IAC, SB, ENCRYPT, 1, IAC, SE]),
            _ => {}
        }
    }

    /// A subnegotiation has come.
    fn value(&mut self, sub: &[u8], out: &mut Vec<u8>) {
        match sub {
            [TERMINAL_TYPE, 0, name @ ..] => {
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                self.named(name.chars().filter(char::is_ascii_graphic).take(40).collect(), out);
                return;
            }
            [NAWS, a, b, c, d] => self.window = Some((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))),
            [NEW_ENVIRON | OLD_ENVIRON, 0 | 2, rest @ ..] => {
                environ::read(rest, sub.first() == Some(&OLD_ENVIRON), &mut self.variables);
            }
            [STATUS, 1] if get(&self.ours, STATUS) == Side::On => self.status(out),
            [LINEMODE, 3, characters @ ..] if self.kin == Kin::Inetutils => confirm(characters, out),
            _ => {}
        }
        if let Some(option) = sub.first() {
            self.unsent.retain(|known| known != option);
        }
    }

    /// A terminal type has come. inetutils asks for the next while it does not know one, up to the end of the list and
    /// once more for its beginning (RFC 1091); netkit takes the first.
    fn named(&mut self, name: String, out: &mut Vec<u8>) {
        if !self.unsent.contains(&TERMINAL_TYPE) {
            return;
        }
        let known = self.kin == Kin::Netkit || TERMINALS.contains(&name.as_str());
        let (first, last, count) = &mut self.types;
        if *count == 0 {
            first.clone_from(&name);
        }
        let again = *count > 0 && *last == name;
        if known || *count >= TYPES || self.types_end || (again && *first == name) {
            let name = if self.types_end && !known { std::mem::take(first) } else { name };
            self.terminal = (!name.is_empty()).then_some(name);
            self.unsent.retain(|option| *option != TERMINAL_TYPE);
            return;
        }
        *last = name;
        *count += 1;
        self.types_end = again;
        out.extend_from_slice(&[IAC, SB, TERMINAL_TYPE, 1, IAC, SE]);
    }

    /// The state of all options that are on (RFC 859).
    fn status(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[IAC, SB, STATUS, 0]);
        for option in 0..=NEW_ENVIRON {
            if get(&self.ours, option) != Side::Off {
                out.extend_from_slice(&[WILL, option]);
            }
            if get(&self.theirs, option) != Side::Off {
                out.extend_from_slice(&[DO, option]);
            }
        }
        if get(&self.theirs, LFLOW) != Side::Off {
            out.extend_from_slice(&[SB, LFLOW, 1, SE]);
        }
        out.extend_from_slice(&[IAC, SE]);
    }

    /// Notes which options a text of ours asks for.
    fn ask(&mut self, text: &[u8]) {
        for triple in text.chunks(3) {
            match triple {
                [IAC, WILL, option] => set(&mut self.ours, *option, Side::Asked),
                [IAC, DO, option] => set(&mut self.theirs, *option, Side::Asked),
                _ => {}
            }
        }
    }

    /// Takes the next steps of the negotiation for which everything has come. telnetd looks only when it has read all
    /// that waited.
    pub fn go_on(&mut self, out: &mut Vec<u8>) {
        let waits =
            |sides: &[Side; 256], options: &[u8]| options.iter().any(|option| get(sides, *option) == Side::Asked);
        if self.phase == Phase::Opening {
            let theirs = [TERMINAL_TYPE, SPEED, DISPLAY, NEW_ENVIRON, OLD_ENVIRON];
            if waits(&self.theirs, &theirs) || waits(&self.ours, &[AUTHENTICATION, ENCRYPT]) {
                return;
            }
            let on = |option: &u8| get(&self.theirs, *option) == Side::On;
            // The old environment is waited for when it is on, but asked for only without the new one.
            self.unsent = [SPEED, DISPLAY, NEW_ENVIRON, OLD_ENVIRON, TERMINAL_TYPE].into_iter().filter(on).collect();
            let new = self.unsent.contains(&NEW_ENVIRON);
            let asked = self.unsent.iter().filter(|option| !(new && **option == OLD_ENVIRON));
            out.extend(asked.flat_map(|option| [IAC, SB, *option, 1, IAC, SE]));
            self.phase = Phase::Values;
        }
        if self.phase == Phase::Values && self.unsent.is_empty() {
            let text = if self.kin == Kin::Netkit { SECOND_NETKIT } else { SECOND_INETUTILS };
            self.request(text, out);
            self.phase = Phase::Second;
        }
        if self.phase == Phase::Second {
            let has_window = get(&self.theirs, NAWS) == Side::On;
            if waits(&self.theirs, &[NAWS]) || (has_window && waits(&self.theirs, &[ECHO])) {
                return;
            }
            // A client that did not answer about ECHO is taken for one that has.
            set(&mut self.theirs, ECHO, Side::Off);
            self.phase = Phase::Open;
            let text: &[u8] = match (self.kin, get(&self.theirs, LINEMODE)) {
                (Kin::Netkit, _) => &[IAC, WILL, ECHO],
                (Kin::Inetutils, Side::On) => &[IAC, WILL, ECHO, IAC, DO, BINARY, IAC, DONT, LINEMODE],
                (Kin::Inetutils, _) => &[IAC, WILL, ECHO, IAC, DO, TIMING_MARK, IAC, DO, BINARY],
            };
            self.request(text, out);
        }
    }

    /// Asks for options, but for those that are on or asked for already.
    fn request(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for triple in text.chunks(3) {
            match triple {
                [_, WILL, option] if get(&self.ours, *option) != Side::Off => continue,
                [_, DO, option] if get(&self.theirs, *option) != Side::Off => continue,
                [_, DONT, option] => set(&mut self.theirs, *option, Side::Off),
                _ => self.ask(triple),
            }
            out.extend_from_slice(triple);
        }
    }
}

/// What telnetd says first.
pub(super) fn opening(kin: Kin) -> &'static [u8] {
    match kin {
        Kin::Netkit => OPENING_NETKIT,
        Kin::Inetutils => OPENING_INETUTILS,
    }
}

/// The client's special characters are taken: each comes back with the flag of an acknowledgement (RFC 1184, 2.4).
fn confirm(characters: &[u8], out: &mut Vec<u8>) {
    let mut taken = Vec::new();
    for triple in characters.chunks_exact(3) {
        if let [function, flags, value] = triple
            && flags & 3 != 0
            && flags & 0x80 == 0
        {
            taken.extend([*function, *flags | 0x80, *value]);
        }
    }
    if !taken.is_empty() {
        let doubled = taken.iter().flat_map(|byte| std::iter::repeat_n(*byte, if *byte == IAC { 2 } else { 1 }));
        let reply = [IAC, SB, LINEMODE, 3].into_iter().chain(doubled).chain([IAC, SE]);
        out.extend(reply);
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

/// A no of the other side: whether it had been on, so that it is acknowledged.
fn turn_off(sides: &mut [Side; 256], option: u8) -> bool {
    let was = get(sides, option);
    set(sides, option, Side::Off);
    was == Side::On
}

fn get(sides: &[Side; 256], option: u8) -> Side {
    sides.get(usize::from(option)).copied().unwrap_or(Side::Off)
}

fn set(sides: &mut [Side; 256], option: u8, side: Side) {
    if let Some(known) = sides.get_mut(usize::from(option)) {
        *known = side;
    }
}

/// Terminals that `/lib/terminfo` of Debian 12 has (package ncurses-base).
static TERMINALS: std::sync::LazyLock<BTreeSet<&'static str>> = std::sync::LazyLock::new(|| {
    "ansi cons25 cons25-debian cygwin dumb hurd linux mach mach-bold mach-color mach-gnu mach-gnu-color pcansi rxvt \
     rxvt-basic rxvt-m rxvt-unicode rxvt-unicode-256color screen screen-256color screen-256color-bce screen-bce \
     screen-s screen-w screen.xterm-256color sun tmux tmux-256color vt100 vt102 vt220 vt52 wsvt25 wsvt25m xterm \
     xterm-256color xterm-color xterm-debian xterm-mono xterm-r5 xterm-r6 xterm-vt220 xterm-xfree86"
        .split_whitespace()
        .collect()
});
