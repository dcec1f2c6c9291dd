//! Text of the shell. A line, a variable and an argument are `String`s although an attacker may put any byte into
//! them: a byte that is no UTF-8 is carried as a character of the last private-use plane, U+10FF80 to U+10FFFF, and
//! becomes the same byte again on its way out.

use crate::base::text::carry;
pub use crate::base::text::{carried, carrier};

/// Bytes as text; [`encode`] gives the same bytes back.
pub fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        carry(chunk.valid(), &mut text);
        text.extend(chunk.invalid().iter().copied().map(carrier));
    }
    text
}

/// Text as bytes.
pub fn encode(text: &str) -> Vec<u8> {
    if text.is_ascii() {
        return text.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut buffer = [0; 4];
    for c in text.chars() {
        match carried(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_bytes_survive(bytes: Vec<u8>) {
            assert_eq!(encode(&decode(&bytes)), bytes);
        }
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(decode("aä€".as_bytes()), "aä€");
        let carrier = "\u{10FFC3}".as_bytes();
        assert_eq!(encode(&decode(carrier)), carrier);
    }
}
