//! Records of awk's input.

use super::super::regexp::{Flags, Regexp, Syntax};
use crate::shell::cmd::{Cmd, Source};
use crate::shell::kernel::Stop;

/// A file, standard input, or what a command printed.
pub(super) struct Input {
    source: Option<Source>,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Input {
    pub fn of_source(source: Source) -> Self {
        Self { source: Some(source), buffer: Vec::new(), at: 0, ended: false }
    }

    pub fn of_bytes(buffer: Vec<u8>) -> Self {
        Self { source: None, buffer, at: 0, ended: true }
    }

    async fn more(&mut self, c: &mut Cmd) -> Result<bool, Stop> {
        if self.ended || self.buffer.len() > c.bound() {
            return Ok(false);
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let piece = match &mut self.source {
            Some(source) => source.read(c, 16384).await?,
            None => Vec::new(),
        };
        self.ended = piece.is_empty();
        c.spend(piece.len() as u64 / 12).await?;
        self.buffer.extend(piece);
        Ok(!self.ended)
    }

    /// The next record as RS divides it.
    pub async fn record(&mut self, c: &mut Cmd, separator: &[u8]) -> Result<Option<Vec<u8>>, Stop> {
        if separator.is_empty() {
            return self.paragraph(c).await;
        }
        let pattern = match separator {
            [_] => None,
            longer => {
                let source = crate::shell::text::decode(longer);
                Regexp::new(&source, Syntax::Awk, Flags::default()).ok()
            }
        };
        let mut searched = 0;
        loop {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            let found = match &pattern {
                None => {
                    let first = separator.first().copied().unwrap_or(b'\n');
                    let after = rest.get(searched..).unwrap_or_default();
                    after.iter().position(|&b| b == first).map(|at| (searched + at, searched + at + 1))
                }
                // A match at the end of what is known could become longer.
                Some(pattern) => {
                    pattern.find_at(rest, 0).filter(|(from, to)| to > from && (*to < rest.len() || self.ended))
                }
            };
            if let Some((from, to)) = found {
                let record = rest.get(..from).unwrap_or_default().to_vec();
                self.at += to;
                return Ok(Some(record));
            }
            searched = rest.len();
            if !self.more(c).await? {
                let rest = self.buffer.get(self.at..).unwrap_or_default();
                // One more look, now that the end is known.
                if let Some((from, to)) = pattern.as_ref().and_then(|p| p.find_at(rest, 0)).filter(|(f, t)| t > f) {
                    let record = rest.get(..from).unwrap_or_default().to_vec();
                    self.at += to;
                    return Ok(Some(record));
                }
                let record = rest.to_vec();
                self.at = self.buffer.len();
                return Ok((!record.is_empty()).then_some(record));
            }
        }
    }

    /// Records divided by empty lines.
    async fn paragraph(&mut self, c: &mut Cmd) -> Result<Option<Vec<u8>>, Stop> {
        loop {
            while self.buffer.get(self.at) == Some(&b'\n') {
                self.at += 1;
            }
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            if let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
                let record = rest.get(..end).unwrap_or_default().to_vec();
                self.at += end + 2;
                return Ok(Some(record));
            }
            if !self.more(c).await? {
                let mut record = self.buffer.get(self.at..).unwrap_or_default().to_vec();
                self.at = self.buffer.len();
                if record.last() == Some(&b'\n') {
                    record.pop();
                }
                return Ok((!record.is_empty()).then_some(record));
            }
        }
    }
}
