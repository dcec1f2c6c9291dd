//! Request bodies: counted, the beginning kept for the record, the rest thrown away.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::request::{Framing, Request};
use crate::prelude::*;
use crate::session::{Capture, Captures, Wire};

/// `lingering_time` and `lingering_timeout`: how long nginx goes on reading what it does not want.
const LONGEST: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(5);
/// A chunk's first line with its extensions, or a trailer line, longer than this is not waited for.
const LONGEST_LINE: usize = 4096;

/// Whether bytes can't be the beginning of chunks.
pub(super) fn spoiled(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        match httparse::parse_chunk_size(rest) {
            Err(_) => return true,
            Ok(httparse::Status::Partial | httparse::Status::Complete((_, 0))) => return false,
            Ok(httparse::Status::Complete((line, size))) => {
                let end = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(line);
                match rest.get(end..) {
                    Some([b'\r', b'\n', after @ ..]) => rest = after,
                    Some([] | [b'\r']) | None => return false,
                    Some(_) => return true,
                }
            }
        }
    }
}

/// A body that is being read.
pub(super) struct Body {
    framing: Framing,
    kept: Vec<u8>,
    keep: usize,
    bytes: u64,
    captures: Arc<Captures>,
    most: u64,
    /// All of it, once it is more than is kept here.
    capture: Option<Capture>,
}

impl Body {
    /// A body of which nothing was read; at most `keep` bytes of it are kept at hand, the rest goes to the captures.
    pub fn new(framing: Framing, keep: usize, session: &Session) -> Self {
        let (captures, most) = (Arc::clone(session.captures()), session.limits().capture_bytes);
        Self { framing, kept: Vec::new(), keep, bytes: 0, captures, most, capture: None }
    }

    /// Gives a body that an event does not hold whole, and what was meant as a file, its name among the captures.
    pub fn store(&mut self, session: &Session, request: &Request) {
        let kind = request.header("Content-Type").unwrap_or_default().to_ascii_lowercase();
        let upload = request.method == b"PUT" || kind.starts_with(b"multipart/");
        if self.capture.is_none() && upload && self.bytes > 0 {
            let mut capture = self.captures.begin(self.most);
            capture.push(&self.kept);
            self.capture = Some(capture);
        }
        let Some(capture) = self.capture.take() else { return };
        let stored = capture.store();
        session.log().record(Kind::FileUploaded {
            path: request.raw_target.as_slice().into(),
            bytes: stored.bytes,
            truncated: stored.truncated(),
            sha256: stored.sha256,
            stored: stored.name,
        });
    }

    /// Its beginning.
    pub fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// How much of it has come.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads it to its end; false when the end did not come or can't be known.
    ///
    /// # Errors
    /// Why nothing more will come, other than silence.
    pub async fn read(&mut self, wire: &mut Wire) -> Result<bool, CloseReason> {
        let until = Instant::now() + LONGEST;
        let read = match self.framing {
            Framing::Length(length) => self.exactly(wire, length, until).await,
            Framing::Chunked => self.chunks(wire, until).await,
        };
        match read {
            Err(CloseReason::Idle) => Ok(false),
            other => other,
        }
    }

    async fn exactly(&mut self, wire: &mut Wire, mut left: u64, until: Instant) -> Result<bool, CloseReason> {
        while left > 0 {
            if wire.unread().is_empty() {
                more(wire, until).await?;
            }
            let bytes = wire.take(usize::try_from(left).unwrap_or(usize::MAX));
            left = left.saturating_sub(bytes.len() as u64);
            self.bytes += bytes.len() as u64;
            let room = self.keep.saturating_sub(self.kept.len());
            if self.capture.is_none() && bytes.len() > room {
                let mut capture = self.captures.begin(self.most);
                capture.push(&self.kept);
                self.capture = Some(capture);
            }
            if let Some(capture) = &mut self.capture {
                capture.push(&bytes);
            }
            self.kept.extend(bytes.iter().take(room));
        }
        Ok(true)
    }

    async fn chunks(&mut self, wire: &mut Wire, until: Instant) -> Result<bool, CloseReason> {
        loop {
            match httparse::parse_chunk_size(wire.unread()) {
                Err(_) => return Ok(false),
                Ok(httparse::Status::Partial) if wire.unread().len() > LONGEST_LINE => return Ok(false),
                Ok(httparse::Status::Partial) => more(wire, until).await?,
                Ok(httparse::Status::Complete((line, size))) => {
                    wire.take(line);
                    if size == 0 {
                        return self.trailer(wire, until).await;
                    }
                    self.exactly(wire, size, until).await?;
                    while wire.unread().len() < 2 {
                        more(wire, until).await?;
                    }
                    if wire.take(2) != b"\r\n" {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Trailer lines up to the empty one.
    async fn trailer(&mut self, wire: &mut Wire, until: Instant) -> Result<bool, CloseReason> {
        loop {
            match wire.unread().iter().position(|&b| b == b'\n') {
                Some(end) => {
                    let line = wire.take(end + 1);
                    if matches!(line.as_slice(), b"\n" | b"\r\n") {
                        return Ok(true);
                    }
                }
                None if wire.unread().len() > LONGEST_LINE => return Ok(false),
                None => more(wire, until).await?,
            }
        }
    }
}

async fn more(wire: &mut Wire, until: Instant) -> Result<(), CloseReason> {
    wire.set_idle(until.saturating_duration_since(Instant::now()).min(SILENCE));
    wire.fill().await.map(|_| ())
}
