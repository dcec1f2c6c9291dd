//! FTP as vsftpd 3.0.3 speaks it (RFC 959). The dialog is in `dialog.rs`; this is the loop around it.

mod data;
mod dialog;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod listing;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::time::Instant;

use super::Protocol;
use crate::base::rng;
use crate::prelude::*;
use crate::respond::Responder;
use crate::session::{Line, Stream, Wire};
use crate::world::File;
use data::{Broken, Data, PIECE, Passive};
use dialog::{Dialog, Download, Step, Upload};

/// `[ftp]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether `anonymous` and `ftp` may log in, with any password, and see `/srv/ftp`.
    pub anonymous: bool,
    /// Whether users of the host may write. Anonymous visitors never may.
    pub write_enable: bool,
    /// IPv4 address that PASV names. Empty: the address that the visitor connected to.
    pub passive_address: String,
    /// Ports of passive data connections, `LOW-HIGH`. Empty: any.
    pub passive_ports: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { anonymous: true, write_enable: true, passive_address: String::new(), passive_ports: String::new() }
    }
}

impl Config {
    /// What is wrong with a value: its key and the reason.
    ///
    /// # Errors
    /// An address or a range of ports that can't be read.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if !self.passive_address.is_empty() && self.passive_address.parse::<std::net::Ipv4Addr>().is_err() {
            return Err(("passive_address", "not an IPv4 address".into()));
        }
        if !self.passive_ports.is_empty() && self.ports().is_none() {
            return Err(("passive_ports", "not a range of ports such as \"50000-50100\"".into()));
        }
        Ok(())
    }

    fn ports(&self) -> Option<(u16, u16)> {
        let (low, high) = self.passive_ports.split_once('-')?;
        let range: (u16, u16) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
        Some(range).filter(|(low, high)| (1..=*high).contains(low))
    }
}

/// The engine.
pub struct Ftp {
    anonymous: bool,
    write_enable: bool,
    address: Option<IpAddr>,
    ports: Option<(u16, u16)>,
}

impl Ftp {
    /// An engine of the configured kind.
    pub fn new(config: &Config) -> Self {
        Self {
            anonymous: config.anonymous,
            write_enable: config.write_enable,
            address: config.passive_address.parse().ok(),
            ports: config.ports(),
        }
    }
}

const BANNER: &[u8] = b"220 (vsFTPd 3.0.3)\r\n";
/// `idle_session_timeout` of vsftpd.
const IDLE: Duration = Duration::from_secs(300);
/// The longest line that vsftpd reads.
const LONGEST: usize = 4096;

#[async_trait]
impl Protocol for Ftp {
    async fn serve(&self, session: Arc<Session>, _responder: Arc<Responder>, stream: Box<dyn Stream>) -> CloseReason {
        let mut wire = Wire::new(stream, Arc::clone(&session));
        wire.set_idle(IDLE);
        // A silent visitor costs no more than this future: the conversation's is made when they speak.
        let greeted = match wire.send(BANNER).await {
            Ok(()) => wire.fill().await,
            Err(reason) => Err(reason),
        };
        let reason = match greeted {
            Ok(_) => Box::pin(Visit::new(self, session, &mut wire).converse()).await,
            Err(reason) => reason,
        };
        if reason == CloseReason::Idle && wire.send(b"421 Timeout.\r\n").await.is_ok() {
            let _ = Box::pin(wire.finish()).await;
        }
        reason
    }
}

/// One conversation.
struct Visit<'a> {
    ftp: &'a Ftp,
    session: Arc<Session>,
    wire: &'a mut Wire,
    dialog: Dialog,
    passive: Option<Passive>,
    /// What was answered to the line in hand, for its event.
    answered: Vec<u8>,
}

impl<'a> Visit<'a> {
    fn new(ftp: &'a Ftp, session: Arc<Session>, wire: &'a mut Wire) -> Self {
        let dialog = Dialog::new(session.host(), session.log().visit().src_ip, ftp.write_enable);
        Self { ftp, session, wire, dialog, passive: None, answered: Vec::new() }
    }

    async fn converse(mut self) -> CloseReason {
        if let Some(what) = super::foreign(self.wire.unread()) {
            self.session.log().record(Kind::malformed(what, self.wire.unread()));
        }
        loop {
            let line = match self.wire.line(LONGEST).await {
                Ok(line) => line,
                Err(reason) => {
                    super::unfinished(&self.session, self.wire);
                    return reason;
                }
            };
            let arrived = Instant::now();
            let step = match &line {
                Line::Whole(line) => self.dialog.line(line),
                Line::TooLong(_) => Dialog::too_long(),
            };
            self.answered.clear();
            let done = self.carry_out(step).await;
            let line = line.into_bytes();
            if !(line.is_empty() && self.answered.is_empty()) {
                let took = arrived.elapsed();
                let event = Kind::command(&line, &self.answered, None, AnsweredBy::Emulator, took);
                self.session.log().record(event);
            }
            match done {
                Ok(true) => {}
                Ok(false) => {
                    let _ = self.wire.finish().await;
                    return CloseReason::DialogEnded;
                }
                Err(reason) => return reason,
            }
        }
    }

    /// Does what the dialog wants; false when that was the last.
    async fn carry_out(&mut self, step: Step) -> Result<bool, CloseReason> {
        let step = match step {
            Step::Login { user, password } => self.log_in(&user, &password).await,
            Step::Listen { extended } => self.listen(extended).await,
            step => step,
        };
        match step {
            Step::Reply(text) => self.say(&text).await.map(|()| true),
            Step::Close(text) => self.say(&text).await.map(|()| false),
            Step::List { lines, done } => self.list(&lines, done).await.map(|()| true),
            Step::Send(download) => self.send(download).await.map(|()| true),
            Step::Receive(upload) => self.receive(upload).await.map(|()| true),
            Step::Silent | Step::Login { .. } | Step::Listen { .. } => Ok(true),
        }
    }

    async fn say(&mut self, text: &[u8]) -> Result<(), CloseReason> {
        self.answered.extend_from_slice(text);
        self.wire.send(text).await
    }

    async fn say_line(&mut self, text: &str) -> Result<(), CloseReason> {
        self.say(&[text.as_bytes(), b"\r\n"].concat()).await
    }

    async fn log_in(&mut self, user: &[u8], password: &[u8]) -> Step {
        let session = Arc::clone(&self.session);
        let guest = self.ftp.anonymous && Dialog::is_guest(user);
        let account = if guest { None } else { session.host().login(user, password) };
        let accepted = guest || account.is_some();
        let (username, password) = (Raw::from(user), Raw::from(password));
        session.log().record(Kind::LoginTried { username, password, accepted });
        match account {
            Some(account) => {
                self.dialog.set_host(session.host_of(&account.name));
                self.dialog.local(&account)
            }
            None if guest => self.dialog.anonymous(),
            None => {
                // PAM's delay and vsftpd's own second.
                tokio::time::sleep(rng::spread(Duration::from_millis(2600), Duration::from_millis(3500))).await;
                self.dialog.refused()
            }
        }
    }

    async fn listen(&mut self, extended: bool) -> Step {
        self.passive = None;
        let local = self.session.local_ip();
        let at = match Passive::open(local, self.ftp.ports).await {
            Ok((passive, port)) => {
                self.passive = Some(passive);
                Some(SocketAddr::new(self.ftp.address.unwrap_or(local), port))
            }
            Err(error) => {
                tracing::debug!("no passive port: {error}");
                None
            }
        };
        self.dialog.listening(extended, at)
    }

    /// The visitor's data connection; when none comes, they are told.
    async fn connection(&mut self) -> Result<Option<Data>, CloseReason> {
        let data = match self.passive.take() {
            Some(passive) => passive.accept(&self.session).await?,
            None => None,
        };
        if data.is_none() {
            self.say_line("425 Failed to establish connection.").await?;
        }
        Ok(data)
    }

    async fn list(&mut self, lines: &[u8], done: &str) -> Result<(), CloseReason> {
        let Some(mut data) = self.connection().await? else { return Ok(()) };
        self.say_line("150 Here comes the directory listing.").await?;
        let sent = data.send(&self.session, lines).await;
        data.close().await;
        match sent {
            Ok(()) => self.say_line(done).await,
            Err(Broken::Connection) => self.say_line("426 Failure writing network stream.").await,
            Err(Broken::Visit(reason)) => Err(reason),
        }
    }

    async fn send(&mut self, download: Download) -> Result<(), CloseReason> {
        let Some(mut data) = self.connection().await? else { return Ok(()) };
        self.say_line(&download.opening).await?;
        let mut at = download.offset;
        let sent = loop {
            let piece = download.content.read_at(at, PIECE).unwrap_or_default();
            if piece.is_empty() {
                break Ok(());
            }
            if let Err(broken) = data.send(&self.session, &piece).await {
                break Err(broken);
            }
            at += piece.len() as u64;
        };
        data.close().await;
        let bytes = at - download.offset;
        self.session.log().record(Kind::FileDownloaded { path: Raw::from(download.path), bytes });
        match sent {
            Ok(()) => self.say_line("226 Transfer complete.").await,
            Err(Broken::Connection) => self.say_line("426 Failure writing network stream.").await,
            Err(Broken::Visit(reason)) => Err(reason),
        }
    }

    async fn receive(&mut self, upload: Upload) -> Result<(), CloseReason> {
        let Some(mut data) = self.connection().await? else { return Ok(()) };
        self.say_line(&upload.opening).await?;
        let Upload { path, who, old, keep, mode, .. } = upload;
        let mut capture = self.session.captures().begin(self.session.limits().capture_bytes);
        if let Some(old) = &old {
            copy(old, 0, keep, &mut capture);
        }
        let mut buffer = vec![0; PIECE];
        let received = loop {
            match data.receive(&self.session, &mut buffer).await {
                Ok(0) => break Ok(()),
                Ok(got) => capture.push(buffer.get(..got).unwrap_or_default()),
                Err(broken) => break Err(broken),
            };
        };
        drop(buffer);
        data.close().await;
        // What came in the middle of a file (REST) leaves the rest of it as it was.
        let end = capture.bytes();
        if let Some(old) = &old {
            copy(old, end, old.len().saturating_sub(end), &mut capture);
        }
        let stored = capture.store();
        let whole = !stored.truncated();
        let written = stored
            .path
            .clone()
            .is_some_and(|at| self.dialog.host().keep_capture(&who, &path, at, stored.kept, mode).is_ok());
        self.session.log().record(Kind::FileUploaded {
            path: Raw::from(path),
            bytes: stored.bytes,
            truncated: stored.truncated(),
            sha256: stored.sha256,
            stored: stored.name,
        });
        match received {
            Ok(()) if written && whole => self.say_line("226 Transfer complete.").await,
            Ok(()) => self.say_line("426 Failure writing to local file.").await,
            Err(Broken::Connection) => self.say_line("426 Failure reading network stream.").await,
            Err(Broken::Visit(reason)) => Err(reason),
        }
    }
}

/// Adds a part of a file to a capture.
fn copy(from: &File, mut at: u64, len: u64, to: &mut crate::session::Capture) {
    let end = at.saturating_add(len);
    while at < end {
        let piece = from.read_at(at, PIECE.min(usize::try_from(end - at).unwrap_or(PIECE))).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        to.push(&piece);
        at += piece.len() as u64;
    }
}
