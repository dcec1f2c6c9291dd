//! What goes over a data connection: listings, files to the visitor, files from them.

use super::Visit;
use super::data::{Arrival, Broken, Data, PIECE};
use super::dialog::{Download, Upload};
use crate::prelude::*;
use crate::session::Capture;
use crate::world::File;

/// What is said when a transfer ended for a reason of its own.
const SENDING: &str = "426 Failure writing network stream.";
const RECEIVING: &str = "426 Failure reading network stream.";
const FULL: &str = "451 Failure writing to local file.";

impl Visit<'_> {
    /// The visitor's data connection, with the first words about the transfer said; `None` when there is none, which they
    /// were told.
    async fn connection(&mut self, opening: &str) -> Result<Option<Data>, CloseReason> {
        let active = self.dialog.take_channel();
        let arrival = match (self.passive.take(), active) {
            (Some(passive), _) => passive.accept(&self.session, self.ftp).await?,
            (None, Some(at)) if self.ftp.active => Data::dial(at, &self.session, self.ftp).await?,
            _ => Arrival::Nobody,
        };
        let data = match arrival {
            Arrival::Data(data) => data,
            Arrival::Nobody => {
                self.say_line("425 Failed to establish connection.").await?;
                return Ok(None);
            }
            Arrival::Stranger => {
                self.say_line("425 Security: Bad IP connecting.").await?;
                return Ok(None);
            }
        };
        self.say_line(opening).await?;
        if !self.dialog.is_private() {
            return Ok(Some(data));
        }
        let (data, resumed) = data.in_tls(&self.session).await?;
        if self.ftp.tls_reuse && !resumed {
            // The daemon ends with it.
            self.say_line("522 SSL connection failed: session reuse required").await?;
            self.wire.finish().await?;
            return Err(CloseReason::DialogEnded);
        }
        Ok(Some(data))
    }

    /// Says how a transfer ended. One that stood still ends the visit.
    async fn conclude(&mut self, outcome: Result<&str, Broken>, broken: &str) -> Result<(), CloseReason> {
        match outcome {
            Ok(text) => self.say_line(text).await,
            Err(Broken::Connection) => self.say_line(broken).await,
            Err(Broken::Silent) => {
                self.say_line("421 Data timeout. Reconnect. Sorry.").await?;
                self.wire.finish().await?;
                Err(CloseReason::DialogEnded)
            }
            Err(Broken::Visit(reason)) => Err(reason),
        }
    }

    /// Sends a listing.
    pub(super) async fn list(&mut self, lines: &[u8], done: &str) -> Result<(), CloseReason> {
        let Some(mut data) = self.connection("150 Here comes the directory listing.").await? else { return Ok(()) };
        let sent = data.send(&self.session, lines).await;
        data.close().await;
        self.conclude(sent.map(|()| done), SENDING).await
    }

    /// Sends a file.
    pub(super) async fn send(&mut self, download: Download) -> Result<(), CloseReason> {
        let Some(mut data) = self.connection(&download.opening).await? else { return Ok(()) };
        let mut at = download.offset;
        let sent = loop {
            let piece = download.content.read_at(at, PIECE).unwrap_or_default();
            if piece.is_empty() {
                break Ok("226 Transfer complete.");
            }
            if let Err(broken) = data.send(&self.session, &piece).await {
                break Err(broken);
            }
            at += piece.len() as u64;
        };
        data.close().await;
        let bytes = at - download.offset;
        self.session.log().record(Kind::FileDownloaded { path: Raw::from(download.path), bytes });
        self.conclude(sent, SENDING).await
    }

    /// Receives a file. One that is larger than what is kept of a file finds the disk full.
    pub(super) async fn receive(&mut self, upload: Upload) -> Result<(), CloseReason> {
        let Some(mut data) = self.connection(&upload.opening).await? else { return Ok(()) };
        let Upload { path, who, old, keep, mode, .. } = upload;
        let mut capture = self.session.captures().begin(self.session.limits().capture_bytes);
        if let Some(old) = &old {
            copy(old, 0, keep, &mut capture);
        }
        let mut room = pad(keep, &mut capture);
        let mut buffer = vec![0; PIECE];
        let received = loop {
            if !room {
                break Ok(FULL);
            }
            match data.receive(&self.session, &mut buffer).await {
                Ok(0) => break Ok("226 Transfer complete."),
                Ok(got) => room = capture.push(buffer.get(..got).unwrap_or_default()),
                Err(broken) => break Err(broken),
            }
        };
        drop(buffer);
        match received {
            Ok(text) if text != FULL => data.close().await,
            _ => drop(data),
        }
        // What came in the middle of a file (REST) leaves the rest of it as it was.
        let end = capture.bytes();
        if let Some(old) = &old {
            copy(old, end, old.len().saturating_sub(end), &mut capture);
        }
        let stored = capture.store();
        let written = stored
            .path
            .clone()
            .is_some_and(|at| self.dialog.host().keep_capture(&who, &path, at, stored.kept, mode).is_ok());
        let whole = written && !stored.truncated();
        self.session.log().record(Kind::FileUploaded {
            path: Raw::from(path),
            bytes: stored.bytes,
            truncated: stored.truncated(),
            sha256: stored.sha256,
            stored: stored.name,
        });
        self.conclude(received.map(|text| if whole { text } else { FULL }), RECEIVING).await
    }
}

/// Adds a part of a file to a capture, as far as there is room.
fn copy(from: &File, mut at: u64, len: u64, to: &mut Capture) {
    let end = at.saturating_add(len);
    while at < end {
        let piece = from.read_at(at, PIECE.min(usize::try_from(end - at).unwrap_or(PIECE))).unwrap_or_default();
        if piece.is_empty() || !to.push(&piece) {
            break;
        }
        at += piece.len() as u64;
    }
}

/// Adds zeros up to a length; false when there is no room for them.
fn pad(len: u64, capture: &mut Capture) -> bool {
    let zeros = [0; 4096];
    while let Some(missing) = len.checked_sub(capture.bytes()).filter(|missing| *missing > 0) {
        let piece = usize::try_from(missing).unwrap_or(zeros.len()).min(zeros.len());
        if !capture.push(zeros.get(..piece).unwrap_or_default()) {
            return false;
        }
    }
    true
}
