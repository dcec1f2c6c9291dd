//! Bytes of an attacker made safe for a log line or a terminal.

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
