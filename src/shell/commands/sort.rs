//! `sort` (coreutils 8.30), in the C locale's order.

use std::cmp::Ordering;

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::format::leading_float;
use crate::shell::kernel::Stop;
use crate::shell::text;

const OPTIONS: &str = "b,ignore-leading-blanks d,dictionary-order f,ignore-case g,general-numeric-sort \
                       h,human-numeric-sort i,ignore-nonprinting M,month-sort n,numeric-sort R,random-sort \
                       V,version-sort r,reverse c,check? C k,key= m,merge o,output= s,stable S,buffer-size= \
                       t,field-separator= T,temporary-directory= u,unique z,zero-terminated parallel= debug sort= \
                       batch-size= compress-program= files0-from= random-source=";

/// How a key is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct How {
    blanks: bool,
    blanks_end: bool,
    dictionary: bool,
    fold: bool,
    printable: bool,
    reverse: bool,
    /// `n`, `g`, `h`, `M`, `V`, `R` or none.
    kind: char,
}

#[derive(Clone, Debug, Default)]
struct Key {
    from: (usize, usize),
    /// Field and character where it ends; field 0 = the line's end.
    to: (usize, usize),
    how: How,
    own: bool,
}

impl How {
    fn set(&mut self, letter: char, end: bool) -> bool {
        match letter {
            'b' if end => self.blanks_end = true,
            'b' => self.blanks = true,
            'd' => self.dictionary = true,
            'f' => self.fold = true,
            'i' => self.printable = true,
            'r' => self.reverse = true,
            'n' | 'g' | 'h' | 'M' | 'V' | 'R' => self.kind = letter,
            _ => return false,
        }
        true
    }
}

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, OPTIONS, 2) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let mut global = How::default();
    let mut keys: Vec<Key> = Vec::new();
    let mut separator = None;
    for (option, value) in &found.list {
        let value = value.as_deref().unwrap_or_default();
        match *option {
            "k" => match key(value) {
                Some(key) => keys.push(key),
                None => return Ok(bad_key(c, value)),
            },
            "t" => {
                let bytes = text::encode(value);
                separator = match bytes.as_slice() {
                    [one] => Some(*one),
                    b"\\0" => Some(0),
                    [] => {
                        c.complain("empty tab");
                        return Ok(2);
                    }
                    _ => {
                        c.complain(&format!("multi-character tab {}", c.quote(value)));
                        return Ok(2);
                    }
                };
            }
            "sort" => {
                let letter = match value {
                    "numeric" => 'n',
                    "general-numeric" => 'g',
                    "human-numeric" => 'h',
                    "month" => 'M',
                    "random" => 'R',
                    _ => 'V',
                };
                global.kind = letter;
            }
            letter if letter.len() == 1 => {
                global.set(letter.chars().next().unwrap_or(' '), false);
            }
            _ => {}
        }
    }
    global.blanks_end = global.blanks;
    for key in &mut keys {
        if !key.own {
            key.how = global.clone();
        }
    }
    let end = if found.has("z") { 0 } else { b'\n' };
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let inputs = found.inputs();
    let checked = found.has("c") || found.has("C");
    if checked && inputs.len() > 1 {
        let text = format!("extra operand {} not allowed with -c", c.quote(inputs.get(1).map_or("", |x| x)));
        c.complain(&text);
        return Ok(2);
    }
    for operand in &inputs {
        match c.slurp(operand).await? {
            Ok(bytes) => lines.extend(
                bytes.split_inclusive(|&b| b == end).map(|line| line.strip_suffix(&[end]).unwrap_or(line).to_vec()),
            ),
            Err(crate::world::Errno::EISDIR) => {
                c.complain(&format!("read failed: {}: Is a directory", crate::shell::quote::if_needed(operand)));
                return Ok(2);
            }
            Err(error) => {
                c.complain(&format!("cannot read: {}: {}", crate::shell::quote::if_needed(operand), error.text()));
                return Ok(2);
            }
        }
    }
    let seed: u64 = rand::random();
    let sorter = Sorter { keys, global, separator, stable: found.has("s"), unique: found.has("u"), seed };
    c.spend(lines.len() as u64 * 8).await?;
    if checked {
        for (at, pair) in lines.windows(2).enumerate() {
            let [first, second] = pair else { continue };
            let order = sorter.compare(first, second);
            if order == Ordering::Greater || sorter.unique && order == Ordering::Equal {
                if found.has("c") && found.value("c") != Some("quiet") && found.value("c") != Some("silent") {
                    let name = inputs.first().cloned().unwrap_or_default();
                    c.complain(&format!("{name}:{}: disorder: {}", at + 2, text::decode(second)));
                }
                return Ok(1);
            }
        }
        return Ok(0);
    }
    lines.sort_by(|a, b| sorter.compare(a, b));
    if sorter.unique {
        lines.dedup_by(|b, a| sorter.keys_order(a, b) == Ordering::Equal);
    }
    let mut out = Vec::new();
    for line in &lines {
        out.extend_from_slice(line);
        out.push(end);
    }
    if let Some(name) = found.value("o") {
        if let Err(error) = c.write_file(name, &out) {
            c.complain(&format!("open failed: {name}: {}", error.text()));
            return Ok(2);
        }
        return Ok(0);
    }
    c.out_bytes(&out);
    Ok(0)
}

fn bad_key(c: &mut Cmd, value: &str) -> i32 {
    let quoted = c.quote(value);
    let text = if value.starts_with('0') || value.contains(",0") && !value.starts_with(|c: char| !c.is_ascii_digit()) {
        format!("field number is zero: invalid field specification {quoted}")
    } else if !value.starts_with(|c: char| c.is_ascii_digit()) {
        format!("invalid number at field start: invalid count at start of {quoted}")
    } else {
        format!("stray character in field spec: invalid field specification {quoted}")
    };
    c.complain(&text);
    2
}

fn key(text: &str) -> Option<Key> {
    let mut key = Key::default();
    let (start, end) = text.split_once(',').map_or((text, None), |(start, end)| (start, Some(end)));
    let (from, letters) = position(start)?;
    key.from = (from.0.checked_sub(1)?, from.1.unwrap_or(1).checked_sub(1)?);
    for letter in letters.chars() {
        if !key.how.set(letter, false) {
            return None;
        }
        key.own = true;
    }
    if let Some(end) = end {
        let (to, letters) = position(end)?;
        if to.0 == 0 {
            return None;
        }
        key.to = (to.0, to.1.unwrap_or(0));
        for letter in letters.chars() {
            if !key.how.set(letter, true) {
                return None;
            }
            key.own = true;
        }
    }
    Some(key)
}

/// `F[.C][OPTS]`
fn position(text: &str) -> Option<((usize, Option<usize>), &str)> {
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (field, rest) = text.split_at(digits(text));
    let field = field.parse().ok()?;
    let Some(rest) = rest.strip_prefix('.') else { return Some(((field, None), rest)) };
    let (place, rest) = rest.split_at(digits(rest));
    Some(((field, Some(place.parse().ok()?)), rest))
}

struct Sorter {
    keys: Vec<Key>,
    global: How,
    separator: Option<u8>,
    stable: bool,
    unique: bool,
    seed: u64,
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

impl Sorter {
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        let order = self.keys_order(a, b);
        if order != Ordering::Equal || self.stable || self.unique {
            return order;
        }
        let last = a.cmp(b);
        if self.global.reverse { last.reverse() } else { last }
    }

    fn keys_order(&self, a: &[u8], b: &[u8]) -> Ordering {
        if self.keys.is_empty() {
            return self.by(&self.global, a, b);
        }
        for key in &self.keys {
            let order = self.by(&key.how, self.cut(key, a), self.cut(key, b));
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }

    /// Begin of a field, from 0; the blanks before it belong to it unless there is a separator.
    fn field(&self, line: &[u8], number: usize) -> usize {
        let mut at = 0;
        for _ in 0..number {
            match self.separator {
                Some(separator) => match line.iter().skip(at).position(|&b| b == separator) {
                    Some(len) => at += len + 1,
                    None => return line.len(),
                },
                None => at = self.field_end(line, at),
            }
        }
        at
    }

    fn field_end(&self, line: &[u8], from: usize) -> usize {
        let rest = line.get(from..).unwrap_or_default();
        match self.separator {
            Some(separator) => from + rest.iter().position(|&b| b == separator).unwrap_or(rest.len()),
            None => {
                let blanks = rest.iter().take_while(|b| is_blank(**b)).count();
                let word = rest.iter().skip(blanks).take_while(|b| !is_blank(**b)).count();
                from + blanks + word
            }
        }
    }

    fn cut<'a>(&self, key: &Key, line: &'a [u8]) -> &'a [u8] {
        let skip = |mut at: usize| {
            while line.get(at).copied().is_some_and(is_blank) {
                at += 1;
            }
            at
        };
        let mut from = self.field(line, key.from.0);
        if key.how.blanks {
            from = skip(from);
        }
        from = (from + key.from.1).min(line.len());
        let to = match key.to {
            (0, _) => line.len(),
            (field, 0) => self.field_end(line, self.field(line, field - 1)),
            (field, chars) => {
                let mut at = self.field(line, field - 1);
                if key.how.blanks_end {
                    at = skip(at);
                }
                (at + chars).min(line.len())
            }
        };
        line.get(from..to.max(from)).unwrap_or_default()
    }

    fn by(&self, how: &How, a: &[u8], b: &[u8]) -> Ordering {
        let order = match how.kind {
            'n' => numeric(a, b),
            'g' => general(a).partial_cmp(&general(b)).unwrap_or(Ordering::Equal),
            'h' => unit(a).cmp(&unit(b)).then_with(|| numeric(a, b)),
            'M' => month(a).cmp(&month(b)),
            'V' => super::version::compare(a, b),
            'R' => self.hash(a).cmp(&self.hash(b)),
            _ => {
                let plain = !how.fold && !how.dictionary && !how.printable && !how.blanks;
                if plain { a.cmp(b) } else { filtered(how, a).cmp(&filtered(how, b)) }
            }
        };
        if how.reverse { order.reverse() } else { order }
    }

    fn hash(&self, text: &[u8]) -> u64 {
        text.iter()
            .fold(self.seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(23))
    }
}

fn filtered(how: &How, text: &[u8]) -> Vec<u8> {
    let text = if how.blanks { text.trim_ascii_start() } else { text };
    text.iter()
        .filter(|b| !how.dictionary || b.is_ascii_alphanumeric() || is_blank(**b))
        .filter(|b| !how.printable || (0x20..0x7f).contains(*b))
        .map(|b| if how.fold { b.to_ascii_uppercase() } else { *b })
        .collect()
}

/// Sign, digits before and behind the point of a decimal number at the beginning.
fn decimal(text: &[u8]) -> (bool, &[u8], &[u8]) {
    let text = text.trim_ascii_start();
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let len = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (whole, rest) = text.split_at(len);
    let zeros = whole.iter().take_while(|b| **b == b'0').count();
    let mut part: &[u8] = &[];
    if let Some(rest) = rest.strip_prefix(b".") {
        let len = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        part = rest.get(..len).unwrap_or_default();
    }
    while let Some(shorter) = part.strip_suffix(b"0") {
        part = shorter;
    }
    let whole = whole.get(zeros..).unwrap_or_default();
    (negative && !(whole.is_empty() && part.is_empty()), whole, part)
}

fn numeric(a: &[u8], b: &[u8]) -> Ordering {
    let (a_negative, a_whole, a_part) = decimal(a);
    let (b_negative, b_whole, b_part) = decimal(b);
    match (a_negative, b_negative) {
        (true, false) => return Ordering::Less,
        (false, true) => return Ordering::Greater,
        _ => {}
    }
    let order = a_whole.len().cmp(&b_whole.len()).then_with(|| a_whole.cmp(b_whole)).then_with(|| a_part.cmp(b_part));
    if a_negative { order.reverse() } else { order }
}

/// What is no number sorts before all numbers.
fn general(text: &[u8]) -> (bool, f64) {
    let (value, len) = leading_float(text.trim_ascii_start(), true);
    (len > 0, value)
}

/// The power of a unit suffix, with the number's sign.
fn unit(text: &[u8]) -> i32 {
    let text = text.trim_ascii_start();
    let (negative, whole, part) = decimal(text);
    if whole.is_empty() && part.is_empty() {
        return 0;
    }
    let rest = text.iter().find(|b| !(b.is_ascii_digit() || **b == b'.' || **b == b'-'));
    let power = match rest {
        Some(b'k' | b'K') => 1,
        Some(b'M') => 2,
        Some(b'G') => 3,
        Some(b'T') => 4,
        Some(b'P') => 5,
        Some(b'E') => 6,
        Some(b'Z') => 7,
        Some(b'Y') => 8,
        _ => 0,
    };
    if negative { -power } else { power }
}

fn month(text: &[u8]) -> usize {
    let names = [b"JAN", b"FEB", b"MAR", b"APR", b"MAY", b"JUN", b"JUL", b"AUG", b"SEP", b"OCT", b"NOV", b"DEC"];
    let text = text.trim_ascii_start().to_ascii_uppercase();
    names.iter().position(|name| text.starts_with(&name[..])).map_or(0, |at| at + 1)
}
