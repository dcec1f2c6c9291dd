//! Backslash escapes: of `$'…'` and of `echo -e`.

/// Whose rules.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    AnsiC,
    Echo,
}

/// The bytes of `$'text'`.
pub(super) fn ansi_c(text: &str) -> Vec<u8> {
    expand(text, Rules::AnsiC).0
}

/// The bytes that `echo -e` prints, and whether `\c` ended it.
pub(super) fn echo(text: &str) -> (Vec<u8>, bool) {
    expand(text, Rules::Echo)
}

fn expand(text: &str, rules: Rules) -> (Vec<u8>, bool) {
    let bytes = super::text::encode(text);
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some((&kind, after)) = rest.split_first() else {
            out.push(b'\\');
            break;
        };
        rest = after;
        match kind {
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'e' | b'E' => out.push(27),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'\\' => out.push(b'\\'),
            b'\'' | b'"' | b'?' if rules == Rules::AnsiC => out.push(kind),
            b'c' if rules == Rules::AnsiC => {
                let Some((&key, after)) = rest.split_first() else { break };
                rest = after;
                out.push(key.to_ascii_uppercase() ^ 64);
            }
            b'c' => return (out, true),
            b'0'..=b'7' => {
                // `echo` wants a zero first and then up to three digits; the others take three in all.
                let lead = if rules == Rules::Echo && kind != b'0' { None } else { Some(kind) };
                match lead {
                    None => {
                        let (value, after) = number(rest, 8, 2, u32::from(kind - b'0'));
                        rest = after;
                        out.push(value.to_le_bytes()[0]);
                    }
                    Some(lead) => {
                        let more = if rules == Rules::Echo { 3 } else { 2 };
                        let (value, after) = number(rest, 8, more, u32::from(lead - b'0'));
                        rest = after;
                        out.push(value.to_le_bytes()[0]);
                    }
                }
            }
            b'x' if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
                let (value, after) = number(rest, 16, 2, 0);
                rest = after;
                out.push(value.to_le_bytes()[0]);
            }
            b'u' | b'U' if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
                let (value, after) = number(rest, 16, if kind == b'u' { 4 } else { 8 }, 0);
                rest = after;
                let mut buffer = [0; 4];
                let c = char::from_u32(value).unwrap_or('\u{fffd}');
                out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
            }
            other => out.extend_from_slice(&[b'\\', other]),
        }
    }
    (out, false)
}

fn number(mut rest: &[u8], base: u32, most: usize, start: u32) -> (u32, &[u8]) {
    let mut value = start;
    for _ in 0..most {
        let Some((&byte, after)) = rest.split_first() else { break };
        let Some(digit) = char::from(byte).to_digit(base) else { break };
        value = value.wrapping_mul(base).wrapping_add(digit);
        rest = after;
    }
    (value, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        assert_eq!(echo("\\x6b\\x61mi\\0101\\n\\q"), (b"kamiA\n\\q".to_vec(), false));
        assert_eq!(echo("a\\cb"), (b"a".to_vec(), true));
        assert_eq!(echo("\\147"), (b"g".to_vec(), false));
        assert_eq!(ansi_c("\\u00e4\\'\\t\\cA"), "\u{e4}'\t\u{1}".as_bytes());
        assert_eq!(echo("\\x7f\\x45\\xff\\x00"), (vec![0x7f, 0x45, 0xff, 0], false));
    }
}
