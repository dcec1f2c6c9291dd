//! `md5sum`, `sha1sum`, `sha224sum`, `sha256sum`, `sha384sum`, `sha512sum`, `cksum`, `sum`, `base64`, `base32`
//! (coreutils 8.30).

use sha2::Digest;

use super::options;
use crate::shell::cmd::{Cmd, Source};
use crate::shell::kernel::Stop;
use crate::shell::quote;
use crate::shell::text;
use crate::world::Errno;

/// A digest under way.
enum Sum {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha224(sha2::Sha224),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Sum {
    fn new(name: &str) -> Self {
        match name {
            "md5sum" => Self::Md5(md5::Md5::new()),
            "sha1sum" => Self::Sha1(sha1::Sha1::new()),
            "sha224sum" => Self::Sha224(sha2::Sha224::new()),
            "sha256sum" => Self::Sha256(sha2::Sha256::new()),
            "sha384sum" => Self::Sha384(sha2::Sha384::new()),
            _ => Self::Sha512(sha2::Sha512::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(sum) => sum.update(bytes),
            Self::Sha1(sum) => sum.update(bytes),
            Self::Sha224(sum) => sum.update(bytes),
            Self::Sha256(sum) => sum.update(bytes),
            Self::Sha384(sum) => sum.update(bytes),
            Self::Sha512(sum) => sum.update(bytes),
        }
    }

    fn hex(self) -> String {
        let bytes: Vec<u8> = match self {
            Self::Md5(sum) => sum.finalize().to_vec(),
            Self::Sha1(sum) => sum.finalize().to_vec(),
            Self::Sha224(sum) => sum.finalize().to_vec(),
            Self::Sha256(sum) => sum.finalize().to_vec(),
            Self::Sha384(sum) => sum.finalize().to_vec(),
            Self::Sha512(sum) => sum.finalize().to_vec(),
        };
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn algorithm(name: &str) -> &'static str {
    match name {
        "md5sum" => "MD5",
        "sha1sum" => "SHA1",
        "sha224sum" => "SHA224",
        "sha256sum" => "SHA256",
        "sha384sum" => "SHA384",
        _ => "SHA512",
    }
}

async fn digest(c: &mut Cmd, name: &str, operand: &str) -> Result<Result<String, Errno>, Stop> {
    let mut source = match c.source(operand).await? {
        Ok(source) => source,
        Err(error) => return Ok(Err(error)),
    };
    let mut sum = Sum::new(name);
    loop {
        let piece = source.read(c, 65536).await?;
        if piece.is_empty() {
            return Ok(Ok(sum.hex()));
        }
        c.spend(piece.len() as u64 / 64).await?;
        sum.update(&piece);
    }
}

pub(super) async fn sums(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "b,binary c,check ignore-missing quiet status strict t,text tag w,warn z,zero s";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let name = c.base().to_string();
    let mut status = 0;
    if found.has("c") {
        for operand in found.inputs() {
            status |= check(c, &name, &operand, &found).await?;
        }
        return Ok(status);
    }
    let end = if found.has("z") { "\0" } else { "\n" };
    for operand in found.inputs() {
        match digest(c, &name, &operand).await? {
            Ok(hex) if found.has("tag") => c.out(&format!("{} ({operand}) = {hex}{end}", algorithm(&name))),
            Ok(hex) => {
                let mark = if found.has("b") { '*' } else { ' ' };
                let strange = !found.has("z") && operand.contains(['\\', '\n']);
                let shown = if strange { operand.replace('\\', "\\\\").replace('\n', "\\n") } else { operand.clone() };
                c.out(&format!("{}{hex} {mark}{shown}{end}", if strange { "\\" } else { "" }));
            }
            Err(error) => {
                if c.applet() {
                    super::cat::cannot_open(c, &operand, error);
                } else {
                    c.complain(&format!("{}: {}", quote::if_needed(&operand), error.text()));
                }
                status = 1;
            }
        }
        c.tick().await?;
    }
    Ok(status)
}

async fn check(c: &mut Cmd, name: &str, operand: &str, found: &options::Options) -> Result<i32, Stop> {
    let bytes = match c.slurp(operand).await? {
        Ok(bytes) => bytes,
        Err(error) => {
            c.complain(&format!("{}: {}", quote::if_needed(operand), error.text()));
            return Ok(1);
        }
    };
    let shown = if operand == "-" { "standard input" } else { operand };
    let length = Sum::new(name).hex().len();
    let (mut good, mut bad, mut missing, mut formatted) = (0u64, 0u64, 0u64, 0u64);
    let mut ill = 0u64;
    let text = text::decode(&bytes);
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            continue;
        }
        let tagged = line
            .strip_prefix(algorithm(name))
            .and_then(|rest| rest.strip_prefix(" ("))
            .and_then(|rest| rest.rsplit_once(") = "));
        let pair = tagged.or_else(|| {
            let (hex, file) = line.split_at_checked(length)?;
            let file = file.strip_prefix("  ").or(file.strip_prefix(" *")).or(file.strip_prefix(' '))?;
            Some((file, hex))
        });
        let Some((file, hex)) =
            pair.filter(|(_, hex)| hex.len() == length && hex.chars().all(|c| c.is_ascii_hexdigit()))
        else {
            ill += 1;
            if found.has("w") {
                c.complain(&format!("{shown}: {}: improperly formatted {} checksum line", number + 1, algorithm(name)));
            }
            continue;
        };
        formatted += 1;
        match digest(c, name, file).await? {
            Ok(own) if own.eq_ignore_ascii_case(hex) => {
                good += 1;
                if !found.has("status") && !found.has("quiet") {
                    c.out(&format!("{file}: OK\n"));
                }
            }
            Ok(_) => {
                bad += 1;
                if !found.has("status") {
                    c.out(&format!("{file}: FAILED\n"));
                }
            }
            Err(Errno::ENOENT) if found.has("ignore-missing") => {}
            Err(error) => {
                missing += 1;
                c.complain(&format!("{}: {}", quote::if_needed(file), error.text()));
                if !found.has("status") {
                    c.out(&format!("{file}: FAILED open or read\n"));
                }
            }
        }
    }
    if formatted == 0 {
        c.complain(&format!("{}: no properly formatted checksum lines found", quote::if_needed(shown)));
        return Ok(1);
    }
    let _ = good;
    if !found.has("status") {
        let plural = |count: u64, one: &str, many: &str| if count == 1 { one.to_string() } else { many.to_string() };
        if ill > 0 {
            let what = plural(ill, "line is improperly formatted", "lines are improperly formatted");
            c.complain(&format!("WARNING: {ill} {what}"));
        }
        if missing > 0 {
            c.complain(&format!("WARNING: {missing} listed {} could not be read", plural(missing, "file", "files")));
        }
        if bad > 0 {
            c.complain(&format!("WARNING: {bad} computed {} did NOT match", plural(bad, "checksum", "checksums")));
        }
    }
    Ok(i32::from(bad > 0 || missing > 0 || ill > 0 && found.has("strict")))
}

pub(super) async fn cksum(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "r s,sysv", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let posix = c.base() == "cksum";
    let mut status = 0;
    for operand in found.inputs() {
        let mut source: Source = match c.source(&operand).await? {
            Ok(source) => source,
            Err(error) => {
                c.complain(&format!("{}: {}", quote::if_needed(&operand), error.text()));
                status = 1;
                continue;
            }
        };
        let (mut crc, mut len, mut bsd, mut sysv) = (0u32, 0u64, 0u32, 0u64);
        let step = |crc: u32, byte: u8| {
            let mut value = crc ^ u32::from(byte) << 24;
            for _ in 0..8 {
                value = if value & 0x8000_0000 != 0 { value << 1 ^ 0x04c1_1db7 } else { value << 1 };
            }
            value
        };
        loop {
            let piece = source.read(c, 65536).await?;
            if piece.is_empty() {
                break;
            }
            c.spend(piece.len() as u64 / 8).await?;
            len += piece.len() as u64;
            for byte in piece {
                crc = step(crc, byte);
                bsd = ((bsd >> 1) + ((bsd & 1) << 15) + u32::from(byte)) & 0xffff;
                sysv += u64::from(byte);
            }
        }
        let name = if found.rest.is_empty() { String::new() } else { format!(" {operand}") };
        if posix {
            let mut rest = len;
            while rest > 0 {
                crc = step(crc, u8::try_from(rest & 0xff).unwrap_or(0));
                rest >>= 8;
            }
            c.out(&format!("{} {len}{name}\n", !crc));
        } else if found.has("s") {
            let folded = (sysv & 0xffff) + (sysv >> 16 & 0xffff);
            c.out(&format!("{} {}{name}\n", (folded & 0xffff) + (folded >> 16), len.div_ceil(512)));
        } else {
            let name = if found.rest.len() > 1 || !name.is_empty() { name } else { String::new() };
            c.out(&format!("{bsd:05} {:5}{name}\n", len.div_ceil(1024)));
        }
    }
    Ok(status)
}

pub(super) async fn base(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "d,decode i,ignore-garbage w,wrap=", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let bits = if c.base() == "base32" { 5 } else { 6 };
    if let Some(extra) = found.rest.get(1) {
        let text = format!("extra operand {}", c.quote(extra));
        return Ok(options::misuse(c, &text, 1));
    }
    let wrap = match found.value("w").map(str::parse::<usize>) {
        None => 76,
        Some(Ok(wrap)) => wrap,
        Some(Err(_)) => {
            let text = format!("invalid wrap size: {}", c.quote(found.value("w").unwrap_or_default()));
            c.complain(&text);
            return Ok(1);
        }
    };
    let operand = found.rest.first().map_or("-", |x| x).to_string();
    let input = match c.slurp(&operand).await? {
        Ok(input) => input,
        Err(error) => {
            let text = if error == Errno::EISDIR {
                "read error: Is a directory".to_string()
            } else {
                format!("{}: {}", quote::if_needed(&operand), error.text())
            };
            c.complain(&text);
            return Ok(1);
        }
    };
    c.spend(input.len() as u64 / 16).await?;
    let alphabet: &[u8] = if bits == 6 {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    } else {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    };
    if found.has("d") {
        let (out, good) = decode(&input, alphabet, bits, found.has("i"));
        c.out_bytes(&out);
        if !good {
            c.flush().await?;
            c.complain("invalid input");
            return Ok(1);
        }
        return Ok(0);
    }
    let mut out = Vec::with_capacity(input.len() * 2);
    let (group, symbols) = if bits == 6 { (3, 4) } else { (5, 8) };
    let mut column = 0;
    for chunk in input.chunks(group) {
        let value = chunk.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte)) << (8 * (group - chunk.len()));
        let used = (chunk.len() * 8).div_ceil(bits);
        for at in 0..symbols {
            let index = usize::try_from(value >> (bits * (symbols - 1 - at)) & ((1 << bits) - 1)).unwrap_or(0);
            out.push(if at < used { alphabet.get(index).copied().unwrap_or(b'=') } else { b'=' });
            column += 1;
            if wrap > 0 && column == wrap {
                out.push(b'\n');
                column = 0;
            }
        }
    }
    if wrap > 0 && column > 0 {
        out.push(b'\n');
    }
    c.out_bytes(&out);
    Ok(0)
}

/// What could be decoded, and whether all could.
fn decode(input: &[u8], alphabet: &[u8], bits: usize, lax: bool) -> (Vec<u8>, bool) {
    let symbols = if bits == 6 { 4 } else { 8 };
    let mut out = Vec::new();
    let mut group: Vec<u8> = Vec::new();
    let mut padding = 0;
    for &byte in input {
        if byte == b'\n' {
            continue;
        }
        let value = alphabet.iter().position(|&known| known == byte).and_then(|at| u8::try_from(at).ok());
        match (value, byte) {
            (Some(value), _) if padding == 0 => group.push(value),
            (None, b'=') if !group.is_empty() => padding += 1,
            (None, _) if lax => continue,
            _ => {
                let whole = flush(&group, bits, &mut out);
                let _ = whole;
                return (out, false);
            }
        }
        if group.len() + padding == symbols {
            let good = flush(&group, bits, &mut out);
            group.clear();
            if !good {
                return (out, false);
            }
            padding = 0;
        }
    }
    if group.is_empty() {
        return (out, true);
    }
    flush(&group, bits, &mut out);
    (out, false)
}

fn flush(group: &[u8], bits: usize, out: &mut Vec<u8>) -> bool {
    let total = group.len() * bits;
    let value = group.iter().fold(0u64, |value, symbol| value << bits | u64::from(*symbol));
    let bytes = total / 8;
    let value = value >> (total % 8);
    for at in (0..bytes).rev() {
        out.push(u8::try_from(value >> (8 * at) & 0xff).unwrap_or(0));
    }
    bytes > 0
}
