//! asciicast v2, the format of asciinema: a line with a header, then a line for each event, `[seconds, "o", "text"]`.
//! Codes are `o` (shown), `i` (typed) and `r` (resized, `COLUMNSxROWS`). Source: "asciicast v2" of asciinema's manual.
//!
//! Its texts are JSON, so they must be UTF-8. A character that is split over two writes is one again ([`Decoder`]); a
//! byte that is no UTF-8 is carried as a character from U+10FF80 to U+10FFFF ([`crate::base::text::carrier`]), so that
//! nothing is lost.

use std::io::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::base::text::{carrier, carry};

/// The first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// 2
    pub version: u8,
    /// Columns at the beginning.
    pub width: usize,
    /// Rows at the beginning.
    pub height: usize,
    /// When it began, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timestamp: Option<i64>,
    /// The command of an SSH client that asked for one instead of a shell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub command: Option<String>,
    /// `TERM` and `SHELL`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub env: Option<Env>,
    /// Whose session it is; absent in recordings of others.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rustbucket: Option<About>,
}

/// Variables of the terminal.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Env {
    /// `TERM`
    #[serde(rename = "TERM", skip_serializing_if = "Option::is_none", default)]
    pub term: Option<String>,
    /// `SHELL`
    #[serde(rename = "SHELL", skip_serializing_if = "Option::is_none", default)]
    pub shell: Option<String>,
}

/// What our headers have beside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    /// The visit.
    pub session: Uuid,
    /// `ssh` or `telnet`
    pub protocol: String,
    /// The attacker's address.
    pub src_ip: IpAddr,
    /// The attacker's port.
    pub src_port: u16,
    /// Our port.
    pub dst_port: u16,
    /// Who logged in; absent when nobody did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<String>,
}

/// A line after the first: seconds since the beginning, code, text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event(pub f64, pub String, pub String);

/// Adds the line of an event.
pub fn event(at: Duration, code: char, text: &str, lines: &mut Vec<u8>) {
    // Writing into memory does not fail.
    let _ = write!(lines, "[{}.{:06}, \"{code}\", ", at.as_secs(), at.subsec_micros());
    let _ = serde_json::to_writer(&mut *lines, text);
    lines.extend_from_slice(b"]\n");
}

/// Bytes that come in pieces, as text.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The beginning of a character that is not all there, and how long it is.
    tail: [u8; 3],
    length: u8,
}

impl Decoder {
    /// The text so far; the beginning of a character waits for its rest.
    pub fn feed(&mut self, bytes: &[u8]) -> String {
        let joined;
        let bytes = match self.take_tail() {
            tail if tail.is_empty() => bytes,
            tail => {
                joined = [tail, bytes.to_vec()].concat();
                &joined
            }
        };
        let mut text = String::with_capacity(bytes.len());
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            carry(chunk.valid(), &mut text);
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && begins(invalid) {
                self.length = u8::try_from(invalid.len()).unwrap_or(0);
                self.tail.iter_mut().zip(invalid).for_each(|(kept, byte)| *kept = *byte);
            } else {
                text.extend(invalid.iter().copied().map(carrier));
            }
        }
        text
    }

    /// What has waited and will not be completed.
    pub fn finish(&mut self) -> String {
        self.take_tail().into_iter().map(carrier).collect()
    }

    fn take_tail(&mut self) -> Vec<u8> {
        self.tail.iter().copied().take(std::mem::take(&mut self.length).into()).collect()
    }
}

/// Whether bytes that are no UTF-8 are the beginning of a character: more may come that completes them.
fn begins(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::text::carried;

    fn bytes_of(text: &str) -> Vec<u8> {
        let mut buffer = [0; 4];
        let bytes = |c: char| match carried(c) {
            Some(byte) => vec![byte],
            None => c.encode_utf8(&mut buffer).as_bytes().to_vec(),
        };
        text.chars().flat_map(bytes).collect()
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_however_it_is_split(bytes: Vec<u8>, cuts: Vec<u8>) {
            let mut decoder = Decoder::default();
            let (mut text, mut rest) = (String::new(), bytes.as_slice());
            for cut in cuts {
                let (piece, more) = rest.split_at(usize::from(cut % 5).min(rest.len()));
                text += &decoder.feed(piece);
                rest = more;
            }
            text += &decoder.feed(rest);
            text += &decoder.finish();
            assert_eq!(bytes_of(&text), bytes);
        }

        #[test]
        fn text_stays_text_however_it_is_split(whole: String) {
            proptest::prop_assume!(!whole.chars().any(crate::base::text::is_carrier));
            let mut decoder = Decoder::default();
            let text: String = whole.as_bytes().iter().map(|byte| decoder.feed(&[*byte])).collect();
            assert_eq!(text + &decoder.finish(), whole);
        }
    }

    #[test]
    fn an_event_is_a_line_of_json() {
        let mut lines = Vec::new();
        event(Duration::from_micros(61_000_042), 'o', "\x1b[1m\"ä\"\r\n\u{7f}", &mut lines);
        assert_eq!(lines, b"[61.000042, \"o\", \"\\u001b[1m\\\"\xc3\xa4\\\"\\r\\n\x7f\"]\n");
        let read: Event = serde_json::from_slice(&lines).unwrap();
        assert_eq!(read, Event(61.000_042, "o".into(), "\x1b[1m\"ä\"\r\n\u{7f}".into()));
    }
}
