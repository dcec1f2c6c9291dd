//! The client's identification line, as `kex_exchange_identification` of OpenSSH reads it. Pure: bytes in, verdict out.

/// Longest line (`SSH_MAX_BANNER_LEN`).
const LONGEST: usize = 8192;

/// What came of a byte.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// More is needed.
    More,
    /// The line, without its end.
    Client(Vec<u8>),
    /// Not what we speak: say this and close.
    Refused(&'static [u8]),
    /// A scanner that OpenSSH knows by its name: close without a word.
    Scanner,
}

const INVALID: Verdict = Verdict::Refused(b"Invalid SSH identification string.\r\n");

/// Reads a line byte by byte: what follows it belongs to others.
#[derive(Debug, Default)]
pub(super) struct Identification {
    line: Vec<u8>,
    /// A CR came: only an LF may follow.
    cr: bool,
}

impl Identification {
    /// What came so far.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Takes one byte.
    pub fn take(&mut self, byte: u8) -> Verdict {
        match byte {
            b'\r' => {
                self.cr = true;
                Verdict::More
            }
            b'\n' => verdict(&self.line),
            _ if byte == 0 || self.cr => INVALID,
            _ => {
                self.line.push(byte);
                if self.line.len() > LONGEST { INVALID } else { Verdict::More }
            }
        }
    }
}

fn verdict(line: &[u8]) -> Verdict {
    // sscanf(line, "SSH-%d.%d-%[^\n]") must find all three.
    let parts = line.strip_prefix(b"SSH-").and_then(|rest| {
        let (major, rest) = number(rest)?;
        let (minor, rest) = number(rest.strip_prefix(b".")?)?;
        let software = rest.strip_prefix(b"-")?;
        (!software.is_empty()).then_some((major, minor, software))
    });
    match parts {
        None => INVALID,
        Some((_, _, software)) if software.starts_with(b"Probe-") => Verdict::Scanner,
        Some((_, _, software)) if contains(software, b"SSH_Version_Mapper") => Verdict::Scanner,
        Some((2, _, _) | (1, 99, _)) => Verdict::Client(line.to_vec()),
        Some(_) => Verdict::Refused(b"Protocol major versions differ.\r\n"),
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// A number as `%d` reads it: blanks, a sign, digits; what is too large wraps to something that is no version of ours.
fn number(text: &[u8]) -> Option<(i64, &[u8])> {
    let blanks = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let text = text.get(blanks..)?;
    let (negative, text) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(digits).filter(|(digits, _)| !digits.is_empty())?;
    let value =
        digits.iter().fold(0_i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    Some((if negative { -value } else { value }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Verdict {
        let mut reader = Identification::default();
        bytes.iter().map(|&byte| reader.take(byte)).find(|verdict| *verdict != Verdict::More).unwrap_or(Verdict::More)
    }

    #[test]
    fn lines_are_judged_as_openssh_does() {
        let client = |line: &[u8]| Verdict::Client(line.to_vec());
        for (bytes, verdict) in [
            (&b"SSH-2.0-OpenSSH_8.4\r\n"[..], client(b"SSH-2.0-OpenSSH_8.4")),
            (b"SSH-2.0-x\n", client(b"SSH-2.0-x")),
            (b"SSH-1.99-x\r\n", client(b"SSH-1.99-x")),
            (b"SSH-2.1-x\r\n", client(b"SSH-2.1-x")),
            (b"SSH- 2.0-x\r\n", client(b"SSH- 2.0-x")),
            (b"SSH-1.5-x\r\n", Verdict::Refused(b"Protocol major versions differ.\r\n")),
            (b"SSH-9.9-x\r\n", Verdict::Refused(b"Protocol major versions differ.\r\n")),
            (b"SSH-2.0-\r\n", INVALID),
            (b"SSH-2.0\r\n", INVALID),
            (b"SSH-1337\n", INVALID),
            (b"SSH-1337-OpenSSH_9.0\r\n", INVALID),
            (b"\r\n", INVALID),
            (b"\x00", INVALID),
            (b"SSH-2.0-a\rb", INVALID),
            (b"hello\r\n", INVALID),
            (b"SSH-2.0-Probe-x\n", Verdict::Scanner),
            (b"SSH-2.0-x", Verdict::More),
        ] {
            assert_eq!(read(bytes), verdict, "{}", bytes.escape_ascii());
        }
        assert_eq!(read(&[b'a'; LONGEST]), Verdict::More);
        assert_eq!(read(&[b'a'; LONGEST + 1]), INVALID);
    }
}
