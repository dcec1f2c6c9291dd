//! printf(3) conversions, for printf(1), the shell's `printf`, awk, seq, stat and find.

/// Largest width and precision; larger ones are cut.
const WIDEST: usize = 1 << 20;
/// Digits after the point that are computed; zeros follow.
const DIGITS: usize = 1100;

/// `%-08.3lf`, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spec {
    pub minus: bool,
    pub plus: bool,
    pub space: bool,
    pub hash: bool,
    pub zero: bool,
    pub group: bool,
    pub width: Size,
    pub precision: Size,
    /// The conversion letter; `\0` if the format ended before one.
    pub letter: char,
}

/// A width or a precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Size {
    #[default]
    None,
    Fixed(usize),
    /// `*`: the next argument.
    Star,
}

impl Size {
    fn get(self) -> Option<usize> {
        if let Self::Fixed(size) = self { Some(size.min(WIDEST)) } else { None }
    }
}

impl Spec {
    /// A conversion without flags.
    pub fn plain(letter: char) -> Self {
        Self { letter, ..Self::default() }
    }

    /// Reads what follows a `%`; returns it and how many bytes it took.
    pub fn read(text: &[u8]) -> (Self, usize) {
        Self::parse(text, true)
    }

    /// The same without the length letters of C (`l`, `h`, …), which are conversions of their own here.
    pub fn read_bare(text: &[u8]) -> (Self, usize) {
        Self::parse(text, false)
    }

    fn parse(text: &[u8], lengths: bool) -> (Self, usize) {
        let mut spec = Self::default();
        let mut at = 0;
        let peek = |at: usize| text.get(at).copied().unwrap_or(0);
        loop {
            match peek(at) {
                b'-' => spec.minus = true,
                b'+' => spec.plus = true,
                b' ' => spec.space = true,
                b'#' => spec.hash = true,
                b'0' => spec.zero = true,
                b'\'' => spec.group = true,
                _ => break,
            }
            at += 1;
        }
        let size = |at: &mut usize| {
            if peek(*at) == b'*' {
                *at += 1;
                return Size::Star;
            }
            let from = *at;
            let mut value = 0usize;
            while peek(*at).is_ascii_digit() {
                value = value.saturating_mul(10).saturating_add(usize::from(peek(*at) - b'0'));
                *at += 1;
            }
            if *at > from { Size::Fixed(value) } else { Size::None }
        };
        spec.width = size(&mut at);
        if peek(at) == b'.' {
            at += 1;
            spec.precision = match size(&mut at) {
                Size::None => Size::Fixed(0),
                given => given,
            };
        }
        while lengths && matches!(peek(at), b'l' | b'h' | b'j' | b'z' | b't' | b'L') {
            at += 1;
        }
        if at < text.len() {
            spec.letter = char::from(peek(at));
            at += 1;
        }
        (spec, at)
    }

    /// Gives a `*` its value; a negative width means left.
    pub fn set_width(&mut self, value: i64) {
        self.minus |= value < 0;
        self.width = Size::Fixed(usize::try_from(value.unsigned_abs()).unwrap_or(WIDEST));
    }

    /// Gives a `.*` its value; a negative one means none.
    pub fn set_precision(&mut self, value: i64) {
        self.precision = usize::try_from(value).map_or(Size::None, Size::Fixed);
    }

    fn pad(&self, out: &mut Vec<u8>, sign: &str, body: &[u8], zeros: bool) {
        let len = sign.len() + body.len();
        let fill = self.width.get().unwrap_or(0).saturating_sub(len);
        if !self.minus && !zeros {
            out.resize(out.len() + fill, b' ');
        }
        out.extend_from_slice(sign.as_bytes());
        if !self.minus && zeros {
            out.resize(out.len() + fill, b'0');
        }
        out.extend_from_slice(body);
        if self.minus {
            out.resize(out.len() + fill, b' ');
        }
    }

    /// `%s`; the precision counts bytes.
    pub fn string(&self, text: &[u8], out: &mut Vec<u8>) {
        let len = self.precision.get().unwrap_or(usize::MAX).min(text.len());
        self.pad(out, "", text.get(..len).unwrap_or(text), false);
    }

    /// `%d`, `%i`, and `%o`, `%u`, `%x`, `%X` of a number whose negative ones wrap to 64 bits.
    pub fn integer(&self, value: i128, out: &mut Vec<u8>) {
        let signed = matches!(self.letter, 'd' | 'i');
        let size = if signed || value >= 0 { value.unsigned_abs() } else { (value + (1i128 << 64)).unsigned_abs() };
        let mut digits = match self.letter {
            'o' => format!("{size:o}"),
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            _ => size.to_string(),
        };
        let precision = self.precision.get();
        if precision == Some(0) && size == 0 {
            digits.clear();
        }
        if let Some(least) = precision.filter(|least| *least > digits.len()) {
            digits.insert_str(0, &"0".repeat(least - digits.len()));
        }
        let sign = match self.letter {
            'd' | 'i' if value < 0 => "-",
            'd' | 'i' if self.plus => "+",
            'd' | 'i' if self.space => " ",
            'x' if self.hash && size != 0 => "0x",
            'X' if self.hash && size != 0 => "0X",
            'o' if self.hash && !digits.starts_with('0') => "0",
            _ => "",
        };
        self.pad(out, sign, digits.as_bytes(), self.zero && precision.is_none());
    }

    /// `%f`, `%e`, `%g`, `%a` and their capital forms.
    pub fn float(&self, value: f64, out: &mut Vec<u8>) {
        let sign = match (value.is_sign_negative(), self.plus, self.space) {
            (true, _, _) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        let capital = self.letter.is_ascii_uppercase();
        let size = value.abs();
        if !size.is_finite() {
            let text = if size.is_nan() { "nan" } else { "inf" };
            let text = if capital { text.to_ascii_uppercase() } else { text.to_string() };
            return self.pad(out, sign, text.as_bytes(), false);
        }
        let precision = self.precision.get();
        let mut text = match self.letter.to_ascii_lowercase() {
            'f' => fixed(size, precision.unwrap_or(6)),
            'e' => exponent(size, precision.unwrap_or(6)),
            'a' => hex_float(size),
            _ => general(size, precision.unwrap_or(6), self.hash),
        };
        if self.hash && !text.contains('.') && self.letter.eq_ignore_ascii_case(&'f') {
            text.push('.');
        }
        if capital {
            text.make_ascii_uppercase();
        }
        self.pad(out, sign, text.as_bytes(), self.zero);
    }
}

fn fixed(value: f64, precision: usize) -> String {
    let mut text = format!("{value:.*}", precision.min(DIGITS));
    text.extend(std::iter::repeat_n('0', precision.saturating_sub(DIGITS)));
    text
}

fn exponent(value: f64, precision: usize) -> String {
    let text = format!("{value:.*e}", precision.min(DIGITS));
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let zeros = "0".repeat(precision.saturating_sub(DIGITS));
    format!("{mantissa}{zeros}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
}

fn general(value: f64, precision: usize, keep: bool) -> String {
    let precision = precision.clamp(1, DIGITS);
    let text = exponent(value, precision - 1);
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let strip = |text: &str| {
        if keep || !text.contains('.') {
            text.to_string()
        } else {
            text.trim_end_matches('0').trim_end_matches('.').to_string()
        }
    };
    let digits = i32::try_from(precision).unwrap_or(i32::MAX);
    if power < -4 || power >= digits {
        return format!("{}e{}{:02}", strip(mantissa), if power < 0 { '-' } else { '+' }, power.abs());
    }
    strip(&fixed(value, usize::try_from(digits - 1 - power).unwrap_or(0)))
}

fn hex_float(value: f64) -> String {
    let bits = value.to_bits();
    let mantissa = bits & ((1 << 52) - 1);
    let power = i64::try_from(bits >> 52 & 0x7ff).unwrap_or(0);
    if power == 0 && mantissa == 0 {
        return "0x0p+0".into();
    }
    let digits = format!("{mantissa:013x}");
    let digits = digits.trim_end_matches('0');
    let point = if digits.is_empty() { "" } else { "." };
    format!("0x{}{point}{digits}p{:+}", u8::from(power != 0), if power == 0 { -1022 } else { power - 1023 })
}

/// Which backslash sequences are known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// In a printf format: `\NNN`.
    Format,
    /// In an argument of `%b` and in `echo -e`: `\0NNN`, `\c` ends all output.
    Argument,
}

/// One backslash sequence; `text` begins behind the backslash. Returns the bytes taken, and `false` for `\c`.
pub(crate) fn escape(text: &[u8], how: Escapes, out: &mut Vec<u8>) -> (usize, bool) {
    let digits = |from: usize, most: usize, base: u32| {
        let (mut value, mut at) = (0u32, from);
        while at < from + most {
            let Some(digit) = text.get(at).and_then(|&b| char::from(b).to_digit(base)) else { break };
            value = value.wrapping_mul(base).wrapping_add(digit);
            at += 1;
        }
        (value, at)
    };
    let low = |value: u32| u8::try_from(value & 0xff).unwrap_or(0);
    let Some(&first) = text.first() else {
        out.push(b'\\');
        return (0, true);
    };
    let simple = match first {
        b'a' => 7,
        b'b' => 8,
        b'e' | b'E' => 27,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' => b'\\',
        b'"' if how == Escapes::Format => b'"',
        b'\'' if how == Escapes::Format => b'\'',
        b'c' => return (1, false),
        b'0'..=b'7' => {
            let zero = usize::from(how == Escapes::Argument && first == b'0');
            let (value, at) = digits(zero, 3, 8);
            out.push(low(value));
            return (at, true);
        }
        b'x' => {
            let (value, at) = digits(1, 2, 16);
            if at == 1 {
                out.extend_from_slice(b"\\x");
            } else {
                out.push(low(value));
            }
            return (at, true);
        }
        b'u' | b'U' => {
            let (value, at) = digits(1, if first == b'u' { 4 } else { 8 }, 16);
            if at == 1 {
                out.extend_from_slice(&[b'\\', first]);
            } else {
                let mut buffer = [0; 4];
                let c = char::from_u32(value).unwrap_or('\u{FFFD}');
                out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
            }
            return (at, true);
        }
        other => {
            out.extend_from_slice(&[b'\\', other]);
            return (1, true);
        }
    };
    out.push(simple);
    (1, true)
}

/// All backslash sequences of an argument; `false` if `\c` ended it.
pub(crate) fn unescape(text: &[u8], how: Escapes) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'\\' {
            out.push(first);
            continue;
        }
        let (taken, more) = escape(rest, how, &mut out);
        if !more {
            return (out, false);
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    (out, true)
}

/// What printf(1) could not read as it should; each program words it its own way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No number at the beginning of the argument.
    NotNumber(Vec<u8>),
    /// Something behind the number.
    Trailing(Vec<u8>),
    /// The number does not fit.
    Range(Vec<u8>),
    /// The conversion is not known; output ends there.
    Conversion(Vec<u8>),
}

/// What printf(1) prints.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Printed {
    pub out: Vec<u8>,
    pub troubles: Vec<Trouble>,
    /// How many arguments were taken.
    pub used: usize,
}

/// What `%(FORMAT)T` prints of a format and seconds (`None` = now).
pub(crate) type Clock<'a> = &'a dyn Fn(&[u8], Option<i64>) -> Vec<u8>;

/// printf(1): the format is used again as long as arguments are left. `quote` gives what `%q` prints and `time`
/// what `%(FORMAT)T` prints of seconds (`None` = now); output ends at `bound` bytes.
pub(crate) fn printf(
    format: &[u8],
    args: &[Vec<u8>],
    bound: usize,
    quote: &dyn Fn(&[u8]) -> Vec<u8>,
    time: Option<Clock>,
) -> Printed {
    let mut printed = Printed::default();
    loop {
        let before = printed.used;
        let more = once(format, args, quote, time, &mut printed, bound);
        if !more || printed.used >= args.len() || printed.used == before || printed.out.len() >= bound {
            return printed;
        }
    }
}

fn once(
    format: &[u8],
    args: &[Vec<u8>],
    quote: &dyn Fn(&[u8]) -> Vec<u8>,
    time: Option<Clock>,
    p: &mut Printed,
    bound: usize,
) -> bool {
    let mut rest = format;
    while let Some((&first, after)) = rest.split_first() {
        if p.out.len() >= bound {
            return false;
        }
        rest = after;
        if first == b'\\' {
            let (taken, more) = escape(rest, Escapes::Format, &mut p.out);
            if !more {
                return false;
            }
            rest = rest.get(taken..).unwrap_or_default();
            continue;
        }
        if first != b'%' {
            p.out.push(first);
            continue;
        }
        if rest.first() == Some(&b'%') {
            p.out.push(b'%');
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let (mut spec, mut taken) = Spec::read(rest);
        let next = |p: &mut Printed| {
            let arg = args.get(p.used).cloned();
            p.used += usize::from(arg.is_some());
            arg
        };
        if spec.width == Size::Star {
            let value = whole(next(p).as_deref(), &mut p.troubles);
            spec.set_width(i64::try_from(value).unwrap_or(0));
        }
        if spec.precision == Size::Star {
            let value = whole(next(p).as_deref(), &mut p.troubles);
            spec.set_precision(i64::try_from(value).unwrap_or(0));
        }
        match spec.letter {
            'd' | 'i' | 'o' | 'u' | 'x' | 'X' => {
                let value = whole(next(p).as_deref(), &mut p.troubles);
                spec.integer(value, &mut p.out);
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'a' | 'A' => {
                let value = real(next(p).as_deref(), &mut p.troubles);
                spec.float(value, &mut p.out);
            }
            's' => spec.string(&next(p).unwrap_or_default(), &mut p.out),
            'c' => {
                let arg = next(p).unwrap_or_default();
                spec.precision = Size::None;
                spec.string(arg.get(..1).unwrap_or_default(), &mut p.out);
            }
            'b' => {
                let (text, more) = unescape(&next(p).unwrap_or_default(), Escapes::Argument);
                spec.string(&text, &mut p.out);
                if !more {
                    return false;
                }
            }
            'q' => spec.string(&quote(&next(p).unwrap_or_default()), &mut p.out),
            '(' if time.is_some() => {
                let inner = rest.get(taken..).unwrap_or_default();
                if let Some(end) = inner.windows(2).position(|pair| pair == b")T") {
                    let arg = next(p);
                    let at = match arg {
                        None => None,
                        Some(arg) => match whole(Some(&arg), &mut p.troubles) {
                            -1 | -2 => None,
                            at => i64::try_from(at).ok(),
                        },
                    };
                    let text = time.map(|time| time(inner.get(..end).unwrap_or_default(), at)).unwrap_or_default();
                    spec.string(&text, &mut p.out);
                    taken += end + 2;
                }
            }
            _ => {
                let end = taken.min(rest.len());
                p.troubles.push(Trouble::Conversion([b"%", rest.get(..end).unwrap_or_default()].concat()));
                return false;
            }
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    true
}

/// An argument of an integer conversion: decimal, `0x`, `0`, or `'c` for the code of a character.
fn whole(arg: Option<&[u8]>, troubles: &mut Vec<Trouble>) -> i128 {
    let Some(arg) = arg else { return 0 };
    if let Some(code) = code(arg) {
        return i128::from(code);
    }
    let text = arg.trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let (base, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(u8::is_ascii_hexdigit) => (16, rest),
        [b'0', ..] => (8, digits),
        _ => (10, digits),
    };
    let (mut value, mut len, mut over) = (0i128, 0, false);
    while let Some(digit) = digits.get(len).and_then(|&b| char::from(b).to_digit(base)) {
        value = value.saturating_mul(i128::from(base)).saturating_add(i128::from(digit));
        over |= value > i128::from(u64::MAX);
        len += 1;
    }
    if len == 0 {
        troubles.push(Trouble::NotNumber(arg.to_vec()));
        return 0;
    }
    let value = if negative { -value } else { value };
    if over || value < i128::from(i64::MIN) {
        troubles.push(Trouble::Range(arg.to_vec()));
        return if negative { i128::from(i64::MIN) } else { i128::from(i64::MAX) };
    }
    if len < digits.len() {
        troubles.push(Trouble::Trailing(arg.to_vec()));
    }
    value
}

fn code(arg: &[u8]) -> Option<u32> {
    let (b'\'' | b'"', rest) = arg.split_first()? else { return None };
    let valid = rest.utf8_chunks().next().map(|chunk| chunk.valid().chars().next());
    match valid {
        Some(Some(c)) => Some(u32::from(c)),
        _ => Some(rest.first().map_or(0, |&b| u32::from(b))),
    }
}

fn real(arg: Option<&[u8]>, troubles: &mut Vec<Trouble>) -> f64 {
    let Some(arg) = arg else { return 0.0 };
    if let Some(code) = code(arg) {
        return f64::from(code);
    }
    let text = arg.trim_ascii_start();
    let (value, len) = leading_float(text, true);
    if len == 0 {
        troubles.push(Trouble::NotNumber(arg.to_vec()));
    } else if len < text.len() {
        troubles.push(Trouble::Trailing(arg.to_vec()));
    }
    value
}

/// strtod(3): the number at the beginning and its length in bytes. `hex` allows `0x`, `inf` and `nan` too.
pub(crate) fn leading_float(text: &[u8], hex: bool) -> (f64, usize) {
    let peek = |at: usize| text.get(at).copied().unwrap_or(0);
    let mut at = usize::from(matches!(peek(0), b'-' | b'+'));
    let negative = peek(0) == b'-';
    let signed = |value: f64| if negative { -value } else { value };
    if hex {
        let rest = text.get(at..).unwrap_or_default().to_ascii_lowercase();
        for (word, value) in [("infinity", f64::INFINITY), ("inf", f64::INFINITY), ("nan", f64::NAN)] {
            if rest.starts_with(word.as_bytes()) {
                return (signed(value), at + word.len());
            }
        }
        if rest.starts_with(b"0x") && rest.get(2).is_some_and(u8::is_ascii_hexdigit) {
            let mut value = 0.0;
            at += 2;
            while let Some(digit) = char::from(peek(at)).to_digit(16) {
                value = value * 16.0 + f64::from(digit);
                at += 1;
            }
            return (signed(value), at);
        }
    }
    let digits = |at: &mut usize| {
        let from = *at;
        while peek(*at).is_ascii_digit() {
            *at += 1;
        }
        *at - from
    };
    let mut count = digits(&mut at);
    if peek(at) == b'.' {
        at += 1;
        count += digits(&mut at);
    }
    if count == 0 {
        return (0.0, 0);
    }
    if matches!(peek(at), b'e' | b'E') {
        let mut behind = at + 1;
        behind += usize::from(matches!(peek(behind), b'-' | b'+'));
        if digits(&mut behind) > 0 {
            at = behind;
        }
    }
    let number = text.get(..at).and_then(|number| std::str::from_utf8(number).ok()).unwrap_or("0");
    (number.parse().unwrap_or(0.0), at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(format: &str, args: &[&str]) -> String {
        let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        let printed = printf(format.as_bytes(), &args, 1 << 20, &|text| text.to_vec(), None);
        String::from_utf8(printed.out).unwrap()
    }

    #[test]
    fn conversions() {
        assert_eq!(run("%5d|%-5d|%05d|%+d", &["42", "42", "42", "42"]), "   42|42   |00042|+42");
        assert_eq!(run("%x %X %#o %u", &["255", "255", "8", "-1"]), "ff FF 010 18446744073709551615");
        assert_eq!(run("%.2f %e %g %g", &["3.14159", "12345.678", "0.0001", "1e20"]), "3.14 1.234568e+04 0.0001 1e+20");
        assert_eq!(run("%s-%s\\n", &["a", "b", "c"]), "a-b\nc-\n");
        assert_eq!(run("%.2s|%*d|%-*d|", &["abc", "4", "7", "3", "1"]), "ab|   7|1  |");
        assert_eq!(run("\\101\\x42%b", &["\\0103\\cx"]), "ABC");
        assert_eq!(run("%c%%%d", &["hello", "'A"]), "h%65");
    }

    #[test]
    fn numbers_that_are_none() {
        let args = [b"abc".to_vec(), b"12x".to_vec()];
        let printed = printf(b"%d ", &args, 100, &|text| text.to_vec(), None);
        assert_eq!(printed.out, b"0 12 ");
        assert_eq!(printed.troubles, [Trouble::NotNumber(b"abc".to_vec()), Trouble::Trailing(b"12x".to_vec())]);
    }
}
