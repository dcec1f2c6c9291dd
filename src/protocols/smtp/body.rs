//! The text of a mail: finds the lone dot that ends it and takes the doubled dots back (RFC 5321 4.5.2).

/// Where in a line the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Start,
    Dot,
    /// A dot and so many CRs: they are part of the line's end if an LF follows.
    DotCr(usize),
    Middle,
}

/// Reads a mail in pieces of any size.
#[derive(Clone, Debug, Default)]
pub struct Body {
    at: At,
}

impl Body {
    /// Adds the mail's own bytes to `out`. The number of bytes that were used when the end was among them.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        for (used, &byte) in bytes.iter().enumerate() {
            self.at = match (self.at, byte) {
                (At::Dot | At::DotCr(_), b'\n') => return Some(used + 1),
                (At::Start, b'.') => At::Dot,
                (At::Dot, b'\r') => At::DotCr(1),
                (At::DotCr(crs), b'\r') => At::DotCr(crs + 1),
                (at, byte) => {
                    if let At::DotCr(crs) = at {
                        out.extend(std::iter::repeat_n(b'\r', crs));
                    }
                    out.push(byte);
                    if byte == b'\n' { At::Start } else { At::Middle }
                }
            };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_split_gives_the_same_mail() {
        let raw = b"Subject: x\r\n\r\n..dots\r\n.x\r\n.\ry\r\n.\r\nQUIT\r\n";
        for size in 1..raw.len() {
            let (mut body, mut out, mut used) = (Body::default(), Vec::new(), 0);
            for piece in raw.chunks(size) {
                match body.push(piece, &mut out) {
                    Some(last) => {
                        used += last;
                        break;
                    }
                    None => used += piece.len(),
                }
            }
            assert_eq!(out, b"Subject: x\r\n\r\n.dots\r\nx\r\n\ry\r\n");
            assert_eq!(raw.get(used..), Some(b"QUIT\r\n".as_slice()));
        }
    }
}
