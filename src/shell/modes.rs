//! Settings of a terminal: termios(3) of Linux, its names in stty(1), and its opcodes in SSH (RFC 4254, section 8).

/// The words of `struct termios`, in the order of `stty -g`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Input,
    Output,
    Control,
    Local,
}

/// A setting that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flag {
    pub name: &'static str,
    pub word: Word,
    bit: u32,
    /// In an order of its own: what `stty sane` does to it; `None`: nothing.
    pub sane: Option<bool>,
    /// Its opcode, where SSH has one.
    code: u8,
}

const fn flag(name: &'static str, word: Word, bit: u32, sane: Option<bool>, code: u8) -> Flag {
    Flag { name, word, bit, sane, code }
}

const ON: Option<bool> = Some(true);
const OFF: Option<bool> = Some(false);

/// All of them, in the order of `stty -a` (GNU coreutils 8.30).
pub(super) const FLAGS: &[Flag] = &[
    flag("parenb", Word::Control, 0x100, None, 92),
    flag("parodd", Word::Control, 0x200, None, 93),
    flag("cmspar", Word::Control, 0x4000_0000, None, 0),
    flag("hupcl", Word::Control, 0x400, None, 0),
    flag("cstopb", Word::Control, 0x40, None, 0),
    flag("cread", Word::Control, 0x80, ON, 0),
    flag("clocal", Word::Control, 0x800, None, 0),
    flag("crtscts", Word::Control, 0x8000_0000, None, 0),
    flag("ignbrk", Word::Input, 0x1, OFF, 0),
    flag("brkint", Word::Input, 0x2, ON, 0),
    flag("ignpar", Word::Input, 0x4, None, 30),
    flag("parmrk", Word::Input, 0x8, None, 31),
    flag("inpck", Word::Input, 0x10, None, 32),
    flag("istrip", Word::Input, 0x20, None, 33),
    flag("inlcr", Word::Input, 0x40, OFF, 34),
    flag("igncr", Word::Input, 0x80, OFF, 35),
    flag("icrnl", Word::Input, 0x100, ON, 36),
    flag("ixon", Word::Input, 0x400, None, 38),
    flag("ixoff", Word::Input, 0x1000, OFF, 40),
    flag("iuclc", Word::Input, 0x200, OFF, 37),
    flag("ixany", Word::Input, 0x800, OFF, 39),
    flag("imaxbel", Word::Input, 0x2000, ON, 41),
    flag("iutf8", Word::Input, 0x4000, OFF, 42),
    flag("opost", Word::Output, 0x1, ON, 70),
    flag("olcuc", Word::Output, 0x2, OFF, 71),
    flag("ocrnl", Word::Output, 0x8, OFF, 73),
    flag("onlcr", Word::Output, 0x4, ON, 72),
    flag("onocr", Word::Output, 0x10, OFF, 74),
    flag("onlret", Word::Output, 0x20, OFF, 75),
    flag("ofill", Word::Output, 0x40, OFF, 0),
    flag("ofdel", Word::Output, 0x80, OFF, 0),
    flag("isig", Word::Local, 0x1, ON, 50),
    flag("icanon", Word::Local, 0x2, ON, 51),
    flag("iexten", Word::Local, 0x8000, ON, 59),
    flag("echo", Word::Local, 0x8, ON, 53),
    flag("echoe", Word::Local, 0x10, ON, 54),
    flag("echok", Word::Local, 0x20, ON, 55),
    flag("echonl", Word::Local, 0x40, OFF, 56),
    flag("noflsh", Word::Local, 0x80, OFF, 57),
    flag("xcase", Word::Local, 0x4, OFF, 52),
    flag("tostop", Word::Local, 0x100, OFF, 58),
    flag("echoprt", Word::Local, 0x400, OFF, 0),
    flag("echoctl", Word::Local, 0x200, ON, 60),
    flag("echoke", Word::Local, 0x800, ON, 61),
    flag("flusho", Word::Local, 0x1000, OFF, 0),
    flag("extproc", Word::Local, 0x10000, OFF, 0),
];

/// Characters in the order of `stty -a`: name, place in `c_cc`, what `stty sane` makes of it, opcode of SSH.
pub(super) const CHARACTERS: &[(&str, usize, u8, u8)] = &[
    ("intr", 0, 3, 1),
    ("quit", 1, 28, 2),
    ("erase", 2, 127, 3),
    ("kill", 3, 21, 4),
    ("eof", 4, 4, 5),
    ("eol", 11, 0, 6),
    ("eol2", 16, 0, 7),
    ("swtch", 7, 0, 16),
    ("start", 8, 17, 8),
    ("stop", 9, 19, 9),
    ("susp", 10, 26, 10),
    ("rprnt", 12, 18, 12),
    ("werase", 14, 23, 13),
    ("lnext", 15, 22, 14),
    ("discard", 13, 15, 18),
];
const TIME: usize = 5;
const MIN: usize = 6;

/// Speeds in baud with their bits in `c_cflag`.
const SPEEDS: &[(u32, u32)] = &[
    (0, 0),
    (50, 1),
    (75, 2),
    (110, 3),
    (134, 4),
    (150, 5),
    (200, 6),
    (300, 7),
    (600, 8),
    (1200, 9),
    (1800, 10),
    (2400, 11),
    (4800, 12),
    (9600, 13),
    (19_200, 14),
    (38_400, 15),
    (57_600, 0x1001),
    (115_200, 0x1002),
    (230_400, 0x1003),
    (460_800, 0x1004),
    (921_600, 0x1007),
];
const SPEED_BITS: u32 = 0x100f;
const SIZE_BITS: u32 = 0x30;

/// A terminal's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modes {
    input: u32,
    output: u32,
    control: u32,
    local: u32,
    characters: [u8; 17],
}

impl Default for Modes {
    /// A pseudo-terminal of Linux whose client speaks UTF-8.
    fn default() -> Self {
        Self {
            input: 0x4500,
            output: 0x5,
            control: 0xbf,
            local: 0x8a3b,
            characters: [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0],
        }
    }
}

impl Modes {
    /// What a client of SSH asks for: opcodes and their values, in their order; unknown ones are passed over.
    pub fn of_ssh(asked: &[(u8, u32)]) -> Self {
        let mut modes = Self::default();
        modes.set("iutf8", false);
        for &(code, value) in asked {
            if let Some(known) = FLAGS.iter().find(|flag| flag.code == code && code != 0) {
                modes.put(known, value != 0);
            } else if let Some(&(_, at, ..)) = CHARACTERS.iter().find(|known| known.3 == code) {
                // 255 is none.
                modes.put_character(at, u8::try_from(value).ok().filter(|&byte| byte != 255).unwrap_or(0));
            } else {
                match code {
                    90 if value != 0 => modes.control = modes.control & !SIZE_BITS | 0x20,
                    91 if value != 0 => modes.control |= SIZE_BITS,
                    // As OpenSSH: a speed that is none is 9600.
                    128 | 129 => modes.speed_or_usual(value),
                    _ => {}
                }
            }
        }
        modes
    }

    fn word(&mut self, word: Word) -> &mut u32 {
        match word {
            Word::Input => &mut self.input,
            Word::Output => &mut self.output,
            Word::Control => &mut self.control,
            Word::Local => &mut self.local,
        }
    }

    /// Whether a setting is on.
    pub(super) fn has(&self, flag: &Flag) -> bool {
        let word = match flag.word {
            Word::Input => self.input,
            Word::Output => self.output,
            Word::Control => self.control,
            Word::Local => self.local,
        };
        word & flag.bit != 0
    }

    /// The same by its name.
    pub(super) fn is(&self, name: &str) -> bool {
        FLAGS.iter().any(|flag| flag.name == name && self.has(flag))
    }

    fn put(&mut self, flag: &Flag, on: bool) {
        let word = self.word(flag.word);
        *word = if on { *word | flag.bit } else { *word & !flag.bit };
    }

    /// Switches a setting; false when there is none of this name.
    pub(super) fn set(&mut self, name: &str, on: bool) -> bool {
        let known = FLAGS.iter().find(|flag| flag.name == name);
        if let Some(flag) = known {
            self.put(flag, on);
        }
        known.is_some()
    }

    fn put_character(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.characters.get_mut(at) {
            *place = byte;
        }
    }

    /// A character by its name; 0 is none.
    pub(super) fn character(&self, name: &str) -> u8 {
        let at = CHARACTERS.iter().find(|known| known.0 == name).map(|known| known.1);
        at.and_then(|at| self.characters.get(at)).copied().unwrap_or(0)
    }

    /// Sets a character; false when there is none of this name.
    pub(super) fn set_character(&mut self, name: &str, byte: u8) -> bool {
        let at = match name {
            "min" => Some(MIN),
            "time" => Some(TIME),
            _ => CHARACTERS.iter().find(|known| known.0 == name).map(|known| known.1),
        };
        if let Some(at) = at {
            self.put_character(at, byte);
        }
        at.is_some()
    }

    /// `min` and `time`.
    pub(super) fn min_time(&self) -> (u8, u8) {
        let [_, _, _, _, _, time, min, ..] = self.characters;
        (min, time)
    }

    /// Bits of a byte: 5 to 8.
    pub(super) fn bits(&self) -> u32 {
        5 + ((self.control & SIZE_BITS) >> 4)
    }

    /// Sets them.
    pub(super) fn set_bits(&mut self, bits: u32) {
        self.control = self.control & !SIZE_BITS | (bits.clamp(5, 8) - 5) << 4;
    }

    /// In baud.
    pub(super) fn speed(&self) -> u32 {
        let bits = self.control & SPEED_BITS;
        SPEEDS.iter().find(|known| known.1 == bits).map_or(38_400, |known| known.0)
    }

    /// Sets the speed; false when there is none of these bauds.
    pub(super) fn set_speed(&mut self, baud: u32) -> bool {
        let known = SPEEDS.iter().find(|known| known.0 == baud);
        if let Some((_, bits)) = known {
            self.control = self.control & !SPEED_BITS | bits;
        }
        known.is_some()
    }

    fn speed_or_usual(&mut self, baud: u32) {
        if !self.set_speed(baud) {
            self.set_speed(9600);
        }
    }

    /// `stty sane`
    pub(super) fn make_sane(&mut self) {
        for flag in FLAGS {
            if let Some(on) = flag.sane {
                self.put(flag, on);
            }
        }
        for &(_, at, byte, _) in CHARACTERS {
            self.put_character(at, byte);
        }
        self.put_character(MIN, 1);
        self.put_character(TIME, 0);
    }

    /// `stty -g`
    pub(super) fn saved(&self) -> String {
        let words = [self.input, self.output, self.control, self.local].map(|word| format!("{word:x}"));
        let characters = self.characters.iter().chain(&[0; 15]).map(|byte| format!("{byte:x}"));
        words.into_iter().chain(characters).collect::<Vec<_>>().join(":")
    }

    /// What [`Modes::saved`] gave.
    pub(super) fn restored(text: &str) -> Option<Self> {
        let numbers = text.split(':').map(|part| u32::from_str_radix(part, 16).ok()).collect::<Option<Vec<u32>>>()?;
        let (&[input, output, control, local], rest) = numbers.split_first_chunk::<4>()?;
        let mut modes = Self { input, output, control, local, characters: [0; 17] };
        if rest.len() != 32 {
            return None;
        }
        for (place, number) in modes.characters.iter_mut().zip(rest) {
            *place = u8::try_from(*number).ok()?;
        }
        Some(modes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_of_ssh_are_settings_of_linux() {
        // What OpenSSH's client sends from a usual terminal.
        let usual = [(129, 38_400), (128, 38_400), (1, 3), (3, 127), (6, 255), (36, 1), (42, 1), (53, 1), (91, 1)];
        assert_eq!(Modes::of_ssh(&usual), Modes::default());
        // What programs in Go send.
        let modes = Modes::of_ssh(&[(53, 0), (128, 14_400), (129, 14_400), (200, 7)]);
        assert_eq!((modes.is("echo"), modes.is("icanon"), modes.speed(), modes.bits()), (false, true, 9600, 8));
        let modes = Modes::of_ssh(&[(3, 8), (1, 255), (72, 0), (90, 1)]);
        assert_eq!(
            (modes.character("erase"), modes.character("intr"), modes.is("onlcr"), modes.bits()),
            (8, 0, false, 7)
        );
        assert_eq!(Modes::of_ssh(&[(1, 1 << 20)]).character("intr"), 0);
    }

    #[test]
    fn saved_settings_come_back() {
        let modes = Modes::default();
        assert_eq!(
            modes.saved(),
            "4500:5:bf:8a3b:3:1c:7f:15:4:0:1:0:11:13:1a:0:12:f:17:16:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0"
        );
        assert_eq!(Modes::restored(&modes.saved()), Some(modes));
        assert_eq!(Modes::restored("1:2"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_opcodes_panic(asked: Vec<(u8, u32)>, text: String) {
            let modes = Modes::of_ssh(&asked);
            let _ = (modes.speed(), modes.bits(), modes.saved(), Modes::restored(&text));
        }
    }
}
