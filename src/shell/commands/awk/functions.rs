//! awk's functions of strings and numbers.

use super::super::regexp::Regexp;
use super::value::Value;
use crate::shell::format::{Size, Spec};

/// Splits a text: by blanks, by a character, by a pattern, or into characters.
pub(super) enum Separator<'a> {
    Blanks,
    Each,
    Byte(u8),
    Pattern(&'a Regexp),
}

pub(super) fn split(text: &[u8], separator: &Separator, newline_too: bool) -> Vec<Vec<u8>> {
    if text.is_empty() {
        return Vec::new();
    }
    match separator {
        Separator::Blanks => text
            .split(|b| matches!(b, b' ' | b'\t' | b'\n'))
            .filter(|part| !part.is_empty())
            .map(<[u8]>::to_vec)
            .collect(),
        Separator::Each => text.iter().map(|&byte| vec![byte]).collect(),
        Separator::Byte(byte) => text.split(|b| b == byte || newline_too && *b == b'\n').map(<[u8]>::to_vec).collect(),
        Separator::Pattern(pattern) => {
            let mut parts = Vec::new();
            let (mut from, mut search) = (0, 0);
            while let Some((start, end)) = pattern.find_at(text, search) {
                if start == end {
                    search = start + 1;
                    if search > text.len() {
                        break;
                    }
                    continue;
                }
                parts.push(text.get(from..start).unwrap_or_default().to_vec());
                from = end;
                search = end;
            }
            parts.push(text.get(from..).unwrap_or_default().to_vec());
            parts
        }
    }
}

/// substr(): numbers are cut to whole ones; one before the text makes mawk take as much more.
pub(super) fn substr(text: &[u8], from: f64, len: Option<f64>) -> Vec<u8> {
    let mut from = from.trunc().clamp(-1e9, 1e9);
    let mut len = len.map_or(1e9, |len| len.trunc().clamp(-1e9, 1e9));
    if from < 1.0 {
        len -= from;
        from = 1.0;
    }
    if len <= 0.0 {
        return Vec::new();
    }
    let from = from as usize - 1;
    text.iter().skip(from).take(len as usize).copied().collect()
}

/// sub() and gsub(): the new text and the number of replacements.
pub(super) fn substitute(
    pattern: &Regexp,
    replacement: &[u8],
    text: &[u8],
    all: bool,
    bound: usize,
) -> (Vec<u8>, usize) {
    let mut out = Vec::new();
    let (mut from, mut count) = (0, 0);
    let mut before = None;
    while let Some((start, end)) = pattern.find_at(text, from) {
        out.extend_from_slice(text.get(from..start).unwrap_or_default());
        if start != end || before != Some(start) {
            fill(replacement, text.get(start..end).unwrap_or_default(), &mut out);
            count += 1;
        }
        before = Some(end);
        from = end;
        if start == end {
            let Some(&byte) = text.get(end) else { break };
            out.push(byte);
            from = end + 1;
        }
        if !all || out.len() > bound {
            break;
        }
    }
    out.extend_from_slice(text.get(from..).unwrap_or_default());
    (out, count)
}

fn fill(replacement: &[u8], matched: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&byte) = replacement.get(at) {
        at += 1;
        match (byte, replacement.get(at)) {
            (b'\\', Some(b'&')) => {
                out.push(b'&');
                at += 1;
            }
            (b'\\', Some(b'\\')) => {
                out.push(b'\\');
                at += 1;
            }
            (b'&', _) => out.extend_from_slice(matched),
            _ => out.push(byte),
        }
    }
}

/// Largest number that mawk's `%d` prints.
const LARGEST: f64 = 2_147_483_647.0;

/// sprintf() and printf; the error names what is wrong.
pub(super) fn format(format: &[u8], args: &[Value], convfmt: &str, bound: usize) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut args = args.iter();
    let mut rest = format;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' || out.len() > bound {
            out.push(byte);
            continue;
        }
        if rest.first() == Some(&b'%') {
            out.push(b'%');
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let (mut spec, taken) = Spec::read(rest);
        let missing = || {
            let text = String::from_utf8_lossy(format);
            format!("not enough arguments passed to sprintf(\"{text}\")")
        };
        if spec.width == Size::Star {
            spec.set_width(args.next().ok_or_else(missing)?.number() as i64);
        }
        if spec.precision == Size::Star {
            spec.set_precision(args.next().ok_or_else(missing)?.number() as i64);
        }
        match spec.letter {
            'd' | 'i' => {
                spec.letter = 'd';
                spec.integer(
                    i128::from(args.next().ok_or_else(missing)?.number().clamp(-LARGEST, LARGEST) as i64),
                    &mut out,
                );
            }
            'o' | 'x' | 'X' | 'u' => {
                let value = args.next().ok_or_else(missing)?.number();
                let whole = if value < 0.0 { i128::from(value as i64) } else { i128::from(value as u64) };
                spec.integer(whole, &mut out);
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'a' | 'A' => {
                spec.float(args.next().ok_or_else(missing)?.number(), &mut out);
            }
            'c' => {
                let value = args.next().ok_or_else(missing)?;
                spec.precision = Size::None;
                match value {
                    Value::Number(code) | Value::Numeric(_, code) => spec.string(&[*code as i64 as u8], &mut out),
                    other => {
                        let text = other.bytes(convfmt);
                        spec.string(text.get(..1).unwrap_or_default(), &mut out);
                    }
                }
            }
            's' => spec.string(&args.next().ok_or_else(missing)?.bytes(convfmt), &mut out),
            _ => {
                out.push(b'%');
                out.extend_from_slice(rest.get(..taken).unwrap_or_default());
            }
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(out)
}
