//! Strings that a peer may fill with any byte (rustbucket).

use ssh_encoding::{Decode, Reader};

const BASE: u32 = 0x10_FF00;

/// Reads a string. A byte that is no UTF-8 becomes one of the characters U+10FF80 to U+10FFFF, from which it can be
/// taken back; the carriers themselves are carried byte by byte.
pub(crate) fn decode(r: &mut impl Reader) -> Result<String, ssh_encoding::Error> {
    let bytes = Vec::<u8>::decode(r)?;
    let carry = |byte: u8| char::from_u32(BASE + u32::from(byte)).unwrap_or('?');
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if u32::from(c) >= BASE + 0x80 {
                let mut buffer = [0; 4];
                text.extend(c.encode_utf8(&mut buffer).bytes().map(carry));
            } else {
                text.push(c);
            }
        }
        text.extend(chunk.invalid().iter().copied().map(carry));
    }
    Ok(text)
}
