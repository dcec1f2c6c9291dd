//! Text of the shell. A line, a variable and an argument are `String`s although an attacker may put any byte into
//! them: a byte that is no UTF-8 is carried as a character of the last private-use plane, U+10FF80 to U+10FFFF, and
//! becomes the same byte again on its way out.

const BASE: u32 = 0x10_FF00;

/// Bytes as text; [`encode`] gives the same bytes back.
pub fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            // A guest may send our carriers themselves: these are carried byte by byte.
            if is_carrier(c) {
                let mut buffer = [0; 4];
                text.extend(c.encode_utf8(&mut buffer).bytes().map(carrier));
            } else {
                text.push(c);
            }
        }
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

/// The character that carries a byte of 128 and above; others stand for themselves.
pub fn carrier(byte: u8) -> char {
    if byte < 0x80 { char::from(byte) } else { char::from_u32(BASE + u32::from(byte)).unwrap_or('?') }
}

/// The byte that a carrier stands for.
pub fn carried(c: char) -> Option<u8> {
    if is_carrier(c) { u8::try_from(u32::from(c) - BASE).ok() } else { None }
}

fn is_carrier(c: char) -> bool {
    u32::from(c) >= BASE + 0x80
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
