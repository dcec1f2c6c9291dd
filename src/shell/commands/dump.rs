//! `od` (coreutils 8.30), `xxd` (vim 8.1), `hexdump` and `hd` (bsdmainutils), `strings` (binutils 2.34).

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::format::Spec;
use crate::shell::kernel::Stop;

/// A number in C's notation, with `b`, `k`, `m`.
fn number(text: &str) -> Option<u64> {
    let (sign_free, factor) = match text.chars().last() {
        Some('b') if !text.starts_with("0x") => (text.get(..text.len() - 1)?, 512),
        Some('k' | 'K') => (text.get(..text.len() - 1)?, 1024),
        Some('m' | 'M') => (text.get(..text.len() - 1)?, 1 << 20),
        _ => (text, 1),
    };
    let value = if let Some(hex) = sign_free.strip_prefix("0x").or(sign_free.strip_prefix("0X")) {
        u64::from_str_radix(hex, 16).ok()?
    } else if sign_free.len() > 1 && sign_free.starts_with('0') {
        u64::from_str_radix(sign_free, 8).ok()?
    } else {
        sign_free.parse().ok()?
    };
    Some(value.saturating_mul(factor))
}

async fn whole(c: &mut Cmd, inputs: &[String], most: usize, gnu: bool) -> Result<(Vec<u8>, i32), Stop> {
    let mut all = Vec::new();
    let mut status = 0;
    for operand in inputs {
        let mut source = match c.source(operand).await? {
            Ok(source) => source,
            Err(error) => {
                let text = if gnu {
                    format!("{}: {}", crate::shell::quote::if_needed(operand), error.text())
                } else {
                    format!("{operand}: {}", error.text())
                };
                c.complain(&text);
                status = 1;
                continue;
            }
        };
        while all.len() < most.min(c.bound()) {
            let piece = source.read(c, 65536.min(most - all.len())).await?;
            if piece.is_empty() {
                break;
            }
            c.spend(piece.len() as u64 / 4).await?;
            all.extend(piece);
        }
    }
    Ok((all, status))
}

#[derive(Clone, Copy)]
struct Kind {
    letter: char,
    size: usize,
    text: bool,
}

impl Kind {
    /// Characters of one value.
    fn width(self) -> usize {
        match (self.letter, self.size) {
            ('a' | 'c', _) => 3,
            ('o', 1) => 3,
            ('o', 2) => 6,
            ('o', 4) => 11,
            ('o', _) => 22,
            ('x', size) => size * 2,
            ('u', 1) => 3,
            ('u', 2) => 5,
            ('u', 4) => 10,
            ('u', _) => 20,
            ('d', 1) => 4,
            ('d', 2) => 6,
            ('d', 4) => 11,
            ('d', _) => 20,
            ('f', 4) => 15,
            _ => 24,
        }
    }

    fn show(self, bytes: &[u8]) -> String {
        let raw = bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        match self.letter {
            'a' => {
                let names = [
                    "nul", "soh", "stx", "etx", "eot", "enq", "ack", "bel", "bs", "ht", "nl", "vt", "ff", "cr", "so",
                    "si", "dle", "dc1", "dc2", "dc3", "dc4", "nak", "syn", "etb", "can", "em", "sub", "esc", "fs",
                    "gs", "rs", "us", "sp",
                ];
                let low = raw & 0x7f;
                let name = usize::try_from(low).ok().and_then(|at| names.get(at));
                match name {
                    Some(name) => (*name).to_string(),
                    None if low == 127 => "del".into(),
                    None => char::from(u8::try_from(low).unwrap_or(b'?')).to_string(),
                }
            }
            'c' => match u8::try_from(raw).unwrap_or(0) {
                0 => "\\0".into(),
                7 => "\\a".into(),
                8 => "\\b".into(),
                12 => "\\f".into(),
                10 => "\\n".into(),
                13 => "\\r".into(),
                9 => "\\t".into(),
                11 => "\\v".into(),
                byte @ 32..=126 => char::from(byte).to_string(),
                byte => format!("{byte:03o}"),
            },
            'o' => format!("{raw:0width$o}", width = self.width()),
            'x' => format!("{raw:0width$x}", width = self.width()),
            'u' => raw.to_string(),
            'd' => {
                let shift = 64 - 8 * self.size.clamp(1, 8);
                ((raw << shift).cast_signed() >> shift).to_string()
            }
            _ => {
                let value = if self.size == 4 {
                    f64::from(f32::from_bits(u32::try_from(raw & 0xffff_ffff).unwrap_or(0)))
                } else {
                    f64::from_bits(raw)
                };
                let mut spec = Spec::plain('g');
                spec.set_precision(if self.size == 4 { 8 } else { 17 });
                let mut out = Vec::new();
                spec.float(value, &mut out);
                String::from_utf8_lossy(&out).into_owned()
            }
        }
    }
}

fn kinds(spec: &str) -> Option<Vec<Kind>> {
    let mut list = Vec::new();
    let mut chars = spec.chars().peekable();
    while let Some(letter) = chars.next() {
        let mut size = match letter {
            'a' | 'c' => 1,
            'd' | 'o' | 'u' | 'x' => 4,
            'f' => 8,
            _ => return None,
        };
        if letter != 'a' && letter != 'c' {
            match chars.peek() {
                Some('C') => size = 1,
                Some('S') => size = 2,
                Some('I' | 'F') => size = 4,
                Some('L' | 'D') => size = 8,
                Some(digit) if digit.is_ascii_digit() => {
                    size = usize::try_from(digit.to_digit(10)?).ok().filter(|size| [1, 2, 4, 8].contains(size))?;
                }
                _ => {}
            }
            if chars.peek().is_some_and(|c| "CSILFD".contains(*c) || c.is_ascii_digit()) {
                chars.next();
            }
        }
        let text = chars.peek() == Some(&'z');
        if text {
            chars.next();
        }
        list.push(Kind { letter, size, text });
    }
    Some(list)
}

pub(super) async fn od(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "A,address-radix= endian= j,skip-bytes= N,read-bytes= S,strings? t,format= v,output-duplicates w,width? a \
                 b c d f i l o s x traditional";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let mut list: Vec<Kind> = Vec::new();
    for (key, value) in &found.list {
        let spec = match *key {
            "t" => value.as_deref().unwrap_or_default(),
            "a" => "a",
            "b" => "o1",
            "c" => "c",
            "d" => "u2",
            "f" => "f4",
            "i" => "d4",
            "l" => "d8",
            "o" => "o2",
            "s" => "d2",
            "x" => "x2",
            _ => continue,
        };
        match kinds(spec) {
            Some(kinds) => list.extend(kinds),
            None => {
                let (bad, quoted) = (spec.chars().next().unwrap_or(' '), c.quote(spec));
                let text = format!("invalid character {} in type string {quoted}", c.quote(&bad.to_string()));
                let text = text.replace("character ‘", "character '").replace("’ in", "' in");
                c.complain(&text);
                return Ok(1);
            }
        }
    }
    if list.is_empty() {
        list.push(Kind { letter: 'o', size: 2, text: false });
    }
    let get = |c: &mut Cmd, key: &str| -> Result<Option<u64>, i32> {
        match found.value(key).map(|value| (value, number(value))) {
            None => Ok(None),
            Some((_, Some(value))) => Ok(Some(value)),
            Some((value, None)) => {
                let text = format!("invalid -{key} argument {}", c.quote(value));
                c.complain(&text);
                Err(1)
            }
        }
    };
    let (skip, most) = match (get(c, "j"), get(c, "N")) {
        (Ok(skip), Ok(most)) => (skip.unwrap_or(0), most),
        _ => return Ok(1),
    };
    let radix = found.value("A").and_then(|a| a.chars().next()).unwrap_or('o');
    let wanted = most.map_or(usize::MAX, |most| usize::try_from(most.saturating_add(skip)).unwrap_or(usize::MAX));
    let (all, status) = whole(c, &found.inputs(), wanted, true).await?;
    let from = usize::try_from(skip).unwrap_or(usize::MAX);
    if status != 0 && all.is_empty() {
        return Ok(status);
    }
    if from > all.len() {
        c.complain("cannot skip past end of combined input");
        return Ok(1);
    }
    let data = all.get(from..).unwrap_or_default();
    let width = if found.has("w") { found.value("w").and_then(|w| w.parse().ok()).unwrap_or(32) } else { 16 };
    let width = width.clamp(1, 4096);
    let address = |at: usize| match radix {
        'd' => format!("{at:07}"),
        'x' => format!("{at:06x}"),
        'n' => String::new(),
        _ => format!("{at:07o}"),
    };
    // All formats share the width that the widest needs for each byte.
    let largest = list.iter().map(|kind| kind.size).max().unwrap_or(1);
    let per_block = list.iter().map(|kind| (kind.width() + 1) * (largest / kind.size)).max().unwrap_or(0);
    let mut last: Option<&[u8]> = None;
    let mut starred = false;
    for (number, row) in data.chunks(width).enumerate() {
        let at = from + number * width;
        if !found.has("v") && last == Some(row) && row.len() == width {
            if !starred {
                c.out("*\n");
                starred = true;
            }
            continue;
        }
        last = Some(row);
        starred = false;
        for (line, kind) in list.iter().enumerate() {
            let mut text = if line == 0 { address(at) } else { " ".repeat(address(at).len()) };
            let cells = largest / kind.size;
            let mut used = 0;
            for (index, cell) in row.chunks(kind.size).enumerate() {
                let mut bytes = cell.to_vec();
                bytes.resize(kind.size, 0);
                if found.value("endian") == Some("big") {
                    bytes.reverse();
                }
                // The block's width is shared out evenly.
                let inside = index % cells + 1;
                let end = index / cells * per_block + per_block * inside / cells;
                let cell_width = end - used;
                used = end;
                text += &format!("{:>cell_width$}", kind.show(&bytes));
            }
            if kind.text {
                let total = width / largest * per_block;
                text += &" ".repeat(total.saturating_sub(used));
                let shown: String =
                    row.iter().map(|b| if (32..127).contains(b) { char::from(*b) } else { '.' }).collect();
                text += &format!("  >{shown}<");
            }
            c.out(&(text + "\n"));
        }
        c.tick().await?;
    }
    if radix != 'n' {
        c.out(&format!("{}\n", address(from + data.len())));
    }
    Ok(status)
}

pub(super) async fn xxd(c: &mut Cmd) -> Result<i32, Stop> {
    // xxd knows -l16, -l 16 and long names with one dash.
    let args: Vec<String> = c
        .args
        .iter()
        .map(|arg| match arg.as_str() {
            "-ps" | "-postscript" | "-plain" => "-p".to_string(),
            "-len" => "-l".into(),
            "-cols" => "-c".into(),
            "-seek" => "-s".into(),
            "-groupsize" => "-g".into(),
            "-revert" => "-r".into(),
            "-include" => "-i".into(),
            "-bits" => "-b".into(),
            "-uppercase" => "-u".into(),
            _ => arg.clone(),
        })
        .collect();
    let Ok(found) = options::parse("a b c= E e g= h i l= o= p r s= u v d n=", &args) else {
        c.err("Usage:\n       xxd [options] [infile [outfile]]\n");
        return Ok(1);
    };
    let value = |key: &str| {
        found.value(key).and_then(|v| number(v.trim_start_matches('+'))).and_then(|v| usize::try_from(v).ok())
    };
    let input = found.rest.first().map_or("-", |x| x).to_string();
    let seek = found.value("s").filter(|s| s.starts_with('-')).is_none().then(|| value("s")).flatten().unwrap_or(0);
    let from_end = found.value("s").and_then(|s| s.strip_prefix('-')).and_then(number);
    let most =
        value("l").map_or(usize::MAX, |len| if from_end.is_some() { usize::MAX } else { len.saturating_add(seek) });
    let slurped = match c.source(&input).await? {
        Ok(_) => whole(c, std::slice::from_ref(&input), most, false).await?.0,
        Err(error) => {
            c.complain(&format!("{input}: {}", error.text()));
            return Ok(2);
        }
    };
    let mut out: Vec<u8> = Vec::new();
    if found.has("r") {
        revert(&slurped, found.has("p"), &mut out, c.bound());
    } else {
        let start = from_end.map_or(seek, |back| slurped.len().saturating_sub(usize::try_from(back).unwrap_or(0)));
        let mut data = slurped.get(start..).unwrap_or_default();
        if let Some(len) = value("l").filter(|len| *len < data.len()) {
            data = data.get(..len).unwrap_or(data);
        }
        let text = if found.has("p") {
            let cols = value("c").unwrap_or(30);
            let cols = if cols == 0 { usize::MAX } else { cols };
            data.chunks(cols).map(|row| hex(row, found.has("u")) + "\n").collect()
        } else if found.has("i") {
            include(data, &input, value("c").unwrap_or(12).max(1), found.has("u"))
        } else {
            let bits = found.has("b");
            let cols = value("c").filter(|c| *c > 0).unwrap_or(if bits { 6 } else { 16 }).min(256);
            let little = found.has("e");
            let group = value("g").unwrap_or(if bits {
                1
            } else if little {
                4
            } else {
                2
            });
            rows(data, start + value("o").unwrap_or(0), cols, group, bits, found.has("u"), little, found.has("d"))
        };
        out = text.into_bytes();
    }
    match found.rest.get(1) {
        Some(file) => {
            if let Err(error) = c.write_file(file, &out) {
                c.complain(&format!("{file}: {}", error.text()));
                return Ok(3);
            }
        }
        None => c.out_bytes(&out),
    }
    Ok(0)
}

fn hex(bytes: &[u8], upper: bool) -> String {
    bytes.iter().map(|b| if upper { format!("{b:02X}") } else { format!("{b:02x}") }).collect()
}

#[allow(clippy::too_many_arguments, reason = "xxd's options")]
fn rows(
    data: &[u8],
    start: usize,
    cols: usize,
    group: usize,
    bits: bool,
    upper: bool,
    little: bool,
    decimal: bool,
) -> String {
    let mut out = String::new();
    let group = if group == 0 { cols } else { group };
    let cell = if bits { 8 } else { 2 };
    let full = cols * cell + cols.div_ceil(group) - 1;
    for (number, row) in data.chunks(cols).enumerate() {
        let at = start + number * cols;
        let mut line = if decimal { format!("{at:08}: ") } else { format!("{at:08x}: ") };
        let mut cells: Vec<String> = Vec::new();
        for part in row.chunks(group) {
            let part: Vec<u8> = if little { part.iter().rev().copied().collect() } else { part.to_vec() };
            let text = if bits { part.iter().map(|b| format!("{b:08b}")).collect() } else { hex(&part, upper) };
            cells.push(if little { format!("{text:>width$}", width = group * 2) } else { text });
        }
        let body = cells.join(" ");
        line += &format!("{body:full$}  ");
        line.extend(row.iter().map(|b| if (32..127).contains(b) { char::from(*b) } else { '.' }));
        out += &(line + "\n");
    }
    out
}

fn include(data: &[u8], input: &str, cols: usize, upper: bool) -> String {
    let mut out = String::new();
    let name: String = input.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let name = if name.starts_with(|c: char| c.is_ascii_digit()) { format!("__{name}") } else { name };
    let named = input != "-";
    if named {
        out += &format!("unsigned char {name}[] = {{\n");
    }
    let lines: Vec<String> = data
        .chunks(cols)
        .map(|row| {
            let cells: Vec<String> =
                row.iter().map(|b| if upper { format!("0X{b:02X}") } else { format!("0x{b:02x}") }).collect();
            format!("  {}", cells.join(", "))
        })
        .collect();
    out += &lines.join(",\n");
    out += "\n";
    if named {
        out += &format!("}};\nunsigned int {name}_len = {};\n", data.len());
    }
    out
}

fn revert(text: &[u8], plain: bool, out: &mut Vec<u8>, bound: usize) {
    let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for line in text.split(|&b| b == b'\n') {
        let mut body = line;
        if !plain {
            let Some(colon) = line.iter().position(|&b| b == b':') else { continue };
            let (address, rest) = line.split_at(colon);
            let address = std::str::from_utf8(address).ok().and_then(|a| usize::from_str_radix(a.trim(), 16).ok());
            let Some(address) = address.filter(|at| *at <= bound) else { continue };
            out.resize(address, 0);
            body = rest.get(1..).unwrap_or_default();
            // Two blanks end the numbers.
            if let Some(end) = body.windows(2).skip(1).position(|pair| pair == b"  ") {
                body = body.get(..=end).unwrap_or(body);
            }
        }
        let mut high = None;
        for &byte in body {
            match (nibble(byte), high) {
                (Some(low), Some(up)) => {
                    out.push(up << 4 | low);
                    high = None;
                }
                (Some(up), None) => high = Some(up),
                (None, _) if byte == b' ' || byte == b'\r' || byte == b'\t' => high = None,
                _ => break,
            }
        }
    }
}

pub(super) async fn hexdump(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "b,one-byte-octal c,one-byte-char C,canonical d,two-bytes-decimal o,two-bytes-octal x,two-bytes-hex \
                 e,format= f,format-file= n,length= s,skip= v,no-squeezing";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let skip = found.value("s").and_then(number).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let most = found.value("n").and_then(number).and_then(|n| usize::try_from(n).ok());
    let wanted = most.map_or(usize::MAX, |most| most.saturating_add(skip));
    let (all, status) = whole(c, &found.inputs(), wanted, false).await?;
    if status != 0 && all.is_empty() {
        c.complain("all input file arguments failed");
    }
    let data = all.get(skip.min(all.len())..).unwrap_or_default();
    let how = if c.base() == "hd" { Some("C") } else { found.last(&["b", "c", "C", "d", "o", "x"]) };
    let mut last: Option<&[u8]> = None;
    let mut starred = false;
    for (number, row) in data.chunks(16).enumerate() {
        let at = skip + number * 16;
        if !found.has("v") && last == Some(row) && row.len() == 16 {
            if !starred {
                c.out("*\n");
                starred = true;
            }
            continue;
        }
        last = Some(row);
        starred = false;
        let line = match how {
            Some("C") => {
                let mut line = format!("{at:08x}  ");
                for index in 0..16 {
                    line += &row.get(index).map_or("   ".to_string(), |b| format!("{b:02x} "));
                    line += if index == 7 { " " } else { "" };
                }
                let shown: String =
                    row.iter().map(|b| if (32..127).contains(b) { char::from(*b) } else { '.' }).collect();
                format!("{line} |{shown}|")
            }
            Some("b") => {
                let cells: String = row.iter().map(|b| format!(" {b:03o}")).collect();
                format!("{at:07x}{cells:64}")
            }
            Some("c") => {
                let kind = Kind { letter: 'c', size: 1, text: false };
                let cells: String = row.iter().map(|b| format!(" {:>3}", kind.show(&[*b]))).collect();
                format!("{at:07x}{cells:64}")
            }
            other => {
                let words = row.chunks(2).map(|pair| {
                    let value =
                        u16::from_le_bytes([pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)]);
                    match other {
                        Some("d") => format!("   {value:05}"),
                        Some("o") => format!("  {value:06o}"),
                        Some("x") => format!("    {value:04x}"),
                        _ => format!(" {value:04x}"),
                    }
                });
                let cells: String = words.collect();
                let width = if other.is_some() { 64 } else { 40 };
                format!("{at:07x}{cells:width$}")
            }
        };
        c.out(&(line + "\n"));
        c.tick().await?;
    }
    if !data.is_empty() {
        let end = skip + data.len();
        c.out(&if how == Some("C") { format!("{end:08x}\n") } else { format!("{end:07x}\n") });
    }
    Ok(status)
}

pub(super) async fn strings(c: &mut Cmd) -> Result<i32, Stop> {
    let args: Vec<String> = c
        .args
        .iter()
        .map(|arg| {
            match arg.strip_prefix('-').filter(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit())) {
                Some(digits) => format!("-n{digits}"),
                None => arg.clone(),
            }
        })
        .collect();
    c.args = args;
    let found = match options::take(c, "a,all d,data f,print-file-name n,bytes= o t,radix= e,encoding= w s= T=", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let least: usize = match found.value("n").map(str::parse) {
        None => 4,
        Some(Ok(least)) if least > 0 => least,
        Some(_) => {
            c.complain(&format!("invalid minimum string length {}", found.value("n").unwrap_or_default()));
            return Ok(1);
        }
    };
    let radix = if found.has("o") { Some('o') } else { found.value("t").and_then(|t| t.chars().next()) };
    let mut status = 0;
    for operand in found.inputs() {
        let bytes = match c.slurp(&operand).await? {
            Ok(bytes) => bytes,
            Err(error) => {
                let text = match error {
                    crate::world::Errno::ENOENT => format!("'{operand}': No such file"),
                    crate::world::Errno::EISDIR => format!("Warning: '{operand}' is a directory"),
                    other => format!("{operand}: {}", other.text()),
                };
                let name = c.name.clone();
                c.err(&format!("{name}: {text}\n"));
                status = 1;
                continue;
            }
        };
        c.spend(bytes.len() as u64 / 16).await?;
        let mut at = 0;
        for run in bytes.split(|b| !(32..127).contains(b) && *b != b'\t') {
            if run.len() >= least {
                if found.has("f") {
                    c.out(&format!("{operand}: "));
                }
                match radix {
                    Some('x') => c.out(&format!("{at:7x} ")),
                    Some('d') => c.out(&format!("{at:7} ")),
                    Some(_) => c.out(&format!("{at:7o} ")),
                    None => {}
                }
                c.out_bytes(run);
                c.out("\n");
            }
            at += run.len() + 1;
        }
        c.tick().await?;
    }
    Ok(status)
}
