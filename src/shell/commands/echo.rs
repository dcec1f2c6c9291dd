//! `echo` (bash 5.0 builtin): `-n`, `-e`, `-E`.

use super::Io;
use crate::shell::Shell;

pub(super) fn run(_shell: &mut Shell, args: &[Vec<u8>], io: &mut Io) -> i32 {
    let flags = args.iter().take_while(|arg| is_flag(arg)).count();
    let (given, words) = args.split_at(flags);
    let has = |letter| given.iter().any(|flag| flag.contains(&letter));
    let text = words.join(b" ".as_slice());
    let mut newline = !has(b'n');
    if has(b'e') {
        let (bytes, stopped) = unescape(&text);
        io.out = bytes;
        newline &= !stopped;
    } else {
        io.out = text;
    }
    if newline {
        io.out.push(b'\n');
    }
    0
}

fn is_flag(arg: &[u8]) -> bool {
    matches!(arg, [b'-', letters @ ..] if !letters.is_empty() && letters.iter().all(|b| b"neE".contains(b)))
}

/// Backslash escapes; true when `\c` stopped the output.
fn unescape(text: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let Some((letter, after)) = rest.split_first() else {
            out.push(b'\\');
            break;
        };
        rest = after;
        match letter {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'v' => out.push(11),
            b'e' | b'E' => out.push(27),
            b'\\' => out.push(b'\\'),
            b'c' => return (out, true),
            b'x' => number(&mut rest, 16, 2, &mut out, b"\\x"),
            b'0' => number(&mut rest, 8, 3, &mut out, b"\0"),
            other => out.extend([b'\\', *other]),
        }
    }
    (out, false)
}

/// Up to `most` digits as one byte; `none` when there is no digit.
fn number(rest: &mut &[u8], base: u32, most: usize, out: &mut Vec<u8>, none: &[u8]) {
    let digits = rest.iter().take(most).take_while(|&&b| char::from(b).is_digit(base)).count();
    let (number, after) = rest.split_at(digits);
    *rest = after;
    let value = number.iter().filter_map(|&b| char::from(b).to_digit(base)).fold(0, |sum, digit| sum * base + digit);
    match u8::try_from(value & 0xff) {
        Ok(byte) if digits > 0 => out.push(byte),
        _ => out.extend_from_slice(none),
    }
}
