//! Bytes of an attacker made safe for a log line or a terminal, and any byte in text.

use std::fmt;

/// Shows bytes as printable ASCII; everything else as `\n`, `\r`, `\t`, `\\` or `\xNN`.
/// At most `LIMIT` bytes are shown, then how many there were.
pub struct Printable<'a>(pub &'a [u8]);

const LIMIT: usize = 200;

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in self.0.iter().take(LIMIT) {
            match byte {
                b'\n' => f.write_str("\\n")?,
                b'\r' => f.write_str("\\r")?,
                b'\t' => f.write_str("\\t")?,
                b'\\' => f.write_str("\\\\")?,
                0x20..=0x7e => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        if self.0.len() > LIMIT {
            write!(f, "... ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where the characters begin that carry bytes: U+10FF80 to U+10FFFF, the end of the last private-use plane, stand for
/// bytes that are no UTF-8.
const CARRIERS: u32 = 0x10_FF00;

/// The character that carries a byte of 128 and above; others stand for themselves.
pub fn carrier(byte: u8) -> char {
    if byte < 0x80 { char::from(byte) } else { char::from_u32(CARRIERS + u32::from(byte)).unwrap_or('?') }
}

/// The byte that a carrier stands for.
pub fn carried(c: char) -> Option<u8> {
    if is_carrier(c) { u8::try_from(u32::from(c) - CARRIERS).ok() } else { None }
}

/// Whether a character carries a byte.
pub fn is_carrier(c: char) -> bool {
    u32::from(c) >= CARRIERS + 0x80
}

/// Adds valid text to `into`; carriers that a guest sent themselves are carried byte by byte, so that none is mistaken.
pub fn carry(valid: &str, into: &mut String) {
    for c in valid.chars() {
        if is_carrier(c) {
            let mut buffer = [0; 4];
            into.extend(c.encode_utf8(&mut buffer).bytes().map(carrier));
        } else {
            into.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_bytes_are_shown_not_sent() {
        let shown = Printable(b"a\r\n\x1b[31m\0\xff\\").to_string();
        assert_eq!(shown, "a\\r\\n\\x1b[31m\\x00\\xff\\\\");
    }

    #[test]
    fn long_input_is_cut() {
        let shown = Printable(&[b'x'; 1000]).to_string();
        assert!(shown.ends_with("... (1000 bytes)") && shown.len() < 300);
    }
}
