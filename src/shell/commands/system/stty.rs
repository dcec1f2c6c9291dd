//! `stty` (GNU coreutils 8.30).

use crate::shell::cmd::Cmd;
use crate::shell::modes::{CHARACTERS, FLAGS, Modes, Word};

const WORDS: [Word; 4] = [Word::Control, Word::Input, Word::Output, Word::Local];
/// Columns of its lines.
const WIDTH: usize = 80;

/// `stty [-F DEVICE] [-a|-g|SETTING...]`
pub(super) fn stty(c: &mut Cmd) -> i32 {
    let mut args = c.args.clone();
    if args.first().is_some_and(|arg| arg == "-F" || arg == "--file") {
        args.drain(..args.len().min(2));
    } else if args.first().is_some_and(|arg| arg.starts_with("--file=")) {
        args.remove(0);
    } else if !c.is_tty(0) {
        c.err(&format!("{}: 'standard input': Inappropriate ioctl for device\n", c.name.clone()));
        return 1;
    }
    let kernel = std::sync::Arc::clone(c.kernel());
    let (mut modes, rows, columns) =
        kernel.tty(|tty| (tty.modes.clone(), tty.rows, tty.columns)).unwrap_or((Modes::default(), 24, 80));
    if args.is_empty() {
        c.out(&changed(&modes));
        return 0;
    }
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "size" => c.out(&format!("{rows} {columns}\n")),
            "speed" => c.out(&format!("{}\n", modes.speed())),
            "-a" | "--all" => c.out(&all(&modes, rows, columns)),
            "-g" | "--save" => c.out(&format!("{}\n", modes.saved())),
            "cols" | "columns" | "rows" => {
                let Some(number) = words.next().and_then(|text| text.parse::<usize>().ok()) else {
                    return wrong(c, "missing argument to", word);
                };
                kernel.tty(|tty| *(if word == "rows" { &mut tty.rows } else { &mut tty.columns }) = number.min(65_535));
            }
            "ispeed" | "ospeed" => {
                let Some(speed) = words.next() else { return wrong(c, "missing argument to", word) };
                if !speed.parse().is_ok_and(|baud| modes.set_speed(baud)) {
                    return wrong(c, "invalid ispeed", speed);
                }
            }
            "line" => drop(words.next()),
            name if modes.clone().set_character(name, 0) => {
                let Some(value) = words.next() else { return wrong(c, "missing argument to", name) };
                let byte = if matches!(name, "min" | "time") { value.parse().ok() } else { character(value) };
                let Some(byte) = byte else { return wrong(c, "invalid integer argument", value) };
                modes.set_character(name, byte);
            }
            setting => {
                let good = combined(&mut modes, setting)
                    || modes.set(setting.trim_start_matches('-'), !setting.starts_with('-'))
                    || setting.parse().is_ok_and(|baud| modes.set_speed(baud))
                    || Modes::restored(setting).map(|saved| modes = saved).is_some();
                if !good {
                    return wrong(c, "invalid argument", setting);
                }
            }
        }
    }
    kernel.tty(|tty| tty.set_modes(modes));
    0
}

fn wrong(c: &mut Cmd, what: &str, word: &str) -> i32 {
    c.err(&format!("{0}: {what} '{word}'\nTry '{0} --help' for more information.\n", c.name.clone()));
    1
}

/// A character as the user writes it: itself, `^C`, `undef`, or a number.
fn character(text: &str) -> Option<u8> {
    let bytes = text.as_bytes();
    match bytes {
        [] => Some(0),
        [byte] => Some(*byte),
        b"^-" | b"undef" => Some(0),
        b"^?" => Some(127),
        [b'^', byte] => Some(byte & 0x1f),
        _ => match text.strip_prefix("0x") {
            Some(digits) => u8::from_str_radix(digits, 16).ok(),
            None if text.starts_with('0') => u8::from_str_radix(text, 8).ok(),
            None => text.parse().ok(),
        },
    }
}

/// Settings that stand for several; false when it is none of them.
fn combined(modes: &mut Modes, setting: &str) -> bool {
    let each: &[(&str, bool)] = match setting {
        "sane" => {
            modes.make_sane();
            return true;
        }
        "ek" => {
            return modes.set_character("erase", 127) && modes.set_character("kill", 21);
        }
        "raw" | "-cooked" => {
            for flag in FLAGS.iter().filter(|flag| flag.word == Word::Input) {
                modes.set(flag.name, flag.name == "iutf8" && modes.clone().is("iutf8"));
            }
            modes.set_character("min", 1);
            modes.set_character("time", 0);
            &[("opost", false), ("isig", false), ("icanon", false), ("xcase", false)]
        }
        "cooked" | "-raw" => &[
            ("brkint", true),
            ("ignpar", true),
            ("istrip", true),
            ("icrnl", true),
            ("ixon", true),
            ("opost", true),
            ("isig", true),
            ("icanon", true),
        ],
        "cbreak" | "-icanon" => &[("icanon", false)],
        "-cbreak" => &[("icanon", true)],
        "nl" => &[("icrnl", false), ("onlcr", false)],
        "-nl" => {
            &[("icrnl", true), ("inlcr", false), ("igncr", false), ("onlcr", true), ("ocrnl", false), ("onlret", false)]
        }
        "crt" => &[("echoe", true), ("echoctl", true), ("echoke", true)],
        "dec" => {
            modes.set_character("intr", 3);
            modes.set_character("erase", 127);
            modes.set_character("kill", 21);
            &[("echoe", true), ("echoctl", true), ("echoke", true), ("ixany", false)]
        }
        "crterase" | "-crterase" => &[("echoe", true)],
        "crtkill" => &[("echoke", true)],
        "-crtkill" => &[("echoke", false)],
        "ctlecho" => &[("echoctl", true)],
        "-ctlecho" => &[("echoctl", false)],
        "prterase" => &[("echoprt", true)],
        "tandem" => &[("ixoff", true)],
        "decctlq" => &[("ixany", false)],
        "evenp" | "parity" => &[("parenb", true), ("parodd", false)],
        "oddp" => &[("parenb", true), ("parodd", true)],
        "-evenp" | "-parity" | "-oddp" => &[("parenb", false)],
        "litout" | "pass8" => &[("parenb", false), ("istrip", false)],
        "cs5" | "cs6" | "cs7" | "cs8" => {
            modes.set_bits(setting.trim_start_matches("cs").parse().unwrap_or(8));
            return true;
        }
        "hup" => &[("hupcl", true)],
        "-hup" => &[("hupcl", false)],
        // Delays, which a pseudo-terminal does not keep.
        "nl0" | "cr0" | "tab0" | "bs0" | "vt0" | "ff0" | "tabs" | "drain" | "-drain" => &[],
        _ => return false,
    };
    for (name, on) in each {
        modes.set(name, *on);
    }
    true
}

/// `^C`, `M-^?`, `<undef>`
fn shown(byte: u8) -> String {
    let plain = |byte: u8| match byte {
        0..=31 => format!("^{}", char::from(byte + 64)),
        127 => "^?".into(),
        _ => char::from(byte).to_string(),
    };
    match byte {
        0 => "<undef>".into(),
        128.. => format!("M-{}", plain(byte - 128)),
        _ => plain(byte),
    }
}

/// Words in lines of at most `WIDTH` columns, a blank between two.
fn wrapped(words: &[String]) -> String {
    let (mut text, mut column) = (String::new(), 0);
    for word in words {
        if column > 0 && column + word.len() >= WIDTH {
            text.push('\n');
            column = 0;
        }
        if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += word.len();
    }
    if column > 0 {
        text.push('\n');
    }
    text
}

fn switch(name: &str, on: bool) -> String {
    format!("{}{name}", if on { "" } else { "-" })
}

/// `stty -a`
fn all(modes: &Modes, rows: usize, columns: usize) -> String {
    let mut text = format!("speed {} baud; rows {rows}; columns {columns}; line = 0;\n", modes.speed());
    let mut words: Vec<String> =
        CHARACTERS.iter().map(|known| format!("{} = {};", known.0, shown(modes.character(known.0)))).collect();
    let (min, time) = modes.min_time();
    words.extend([format!("min = {min};"), format!("time = {time};")]);
    text.push_str(&wrapped(&words));
    for word in WORDS {
        let mut words: Vec<String> =
            FLAGS.iter().filter(|flag| flag.word == word).map(|flag| switch(flag.name, modes.has(flag))).collect();
        match word {
            Word::Control => words.insert(3.min(words.len()), String::new()),
            Word::Output => words.extend(["nl0", "cr0", "tab0", "bs0", "vt0", "ff0"].map(String::from)),
            Word::Input | Word::Local => {}
        }
        // The size stands behind `cmspar`.
        if let Some(size) = words.iter_mut().find(|word| word.is_empty()) {
            *size = format!("cs{}", modes.bits());
        }
        text.push_str(&wrapped(&words));
    }
    text
}

/// `stty`: what is not as `stty sane` makes it.
fn changed(modes: &Modes) -> String {
    let mut text = format!("speed {} baud; line = 0;\n", modes.speed());
    let characters = CHARACTERS.iter().filter(|known| modes.character(known.0) != known.2);
    let mut words: Vec<String> =
        characters.map(|known| format!("{} = {};", known.0, shown(modes.character(known.0)))).collect();
    let (min, time) = modes.min_time();
    if !modes.is("icanon") {
        words.extend([format!("min = {min};"), format!("time = {time};")]);
    }
    text.push_str(&wrapped(&words));
    for word in WORDS {
        let flags = FLAGS.iter().filter(|flag| flag.word == word && flag.sane.is_some_and(|on| on != modes.has(flag)));
        let words: Vec<String> = flags.map(|flag| switch(flag.name, modes.has(flag))).collect();
        text.push_str(&wrapped(&words));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_shown_as_stty_shows_them() {
        let modes = Modes::default();
        assert_eq!(changed(&modes), "speed 38400 baud; line = 0;\n-brkint -imaxbel iutf8\n");
        let text = all(&modes, 24, 80);
        assert_eq!(
            text,
            "speed 38400 baud; rows 24; columns 80; line = 0;\nintr = ^C; quit = ^\\; erase = ^?; kill = ^U; eof = ^D; \
             eol = <undef>;\neol2 = <undef>; swtch = <undef>; start = ^Q; stop = ^S; susp = ^Z; rprnt = ^R;\nwerase = ^W; \
             lnext = ^V; discard = ^O; min = 1; time = 0;\n-parenb -parodd -cmspar cs8 -hupcl -cstopb cread -clocal \
             -crtscts\n-ignbrk -brkint -ignpar -parmrk -inpck -istrip -inlcr -igncr icrnl ixon -ixoff\n-iuclc -ixany \
             -imaxbel iutf8\nopost -olcuc -ocrnl onlcr -onocr -onlret -ofill -ofdel nl0 cr0 tab0 bs0 vt0 ff0\nisig icanon \
             iexten echo echoe echok -echonl -noflsh -xcase -tostop -echoprt\nechoctl echoke -flusho -extproc\n"
        );
    }

    #[test]
    fn settings_are_read_as_stty_reads_them() {
        let mut modes = Modes::default();
        assert!(combined(&mut modes, "raw") && !modes.is("icanon") && !modes.is("icrnl") && modes.is("echo"));
        assert!(combined(&mut modes, "sane") && modes.is("icanon") && modes.is("icrnl"));
        assert!(!combined(&mut modes, "nosuch"));
        for (text, byte) in [("^C", 3), ("^?", 127), ("undef", 0), ("x", 120), ("0x7f", 127), ("010", 8), ("27", 27)] {
            assert_eq!(character(text), Some(byte), "{text}");
        }
    }
}
