//! SMTP as Postfix speaks it on Ubuntu (RFC 5321). The dialog is in `dialog.rs`; this is the loop around it.
//! Nothing is ever sent on.

mod address;
mod body;
mod dialog;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod mailbox;
mod mime;
mod parameters;
mod sasl;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::time::Instant;

use super::Protocol;
use crate::prelude::*;
use crate::respond::Responder;
use crate::session::{Line, Stream, Wire};
use crate::world::World;
use body::Body;
pub use dialog::Auth;
use dialog::{Dialog, Policy, Step};
use mailbox::Incoming;

/// What becomes of mail for domains that are not the host's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relay {
    /// Refused: `Relay access denied`.
    #[default]
    Refuse,
    /// Accepted and kept, never sent.
    Keep,
}

/// `[smtp]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Domains that mail is taken for. Empty: the host's full name, its domain, `localhost`.
    pub destinations: Vec<String>,
    /// What becomes of mail for other domains: `refuse`, or `keep` (accepted and kept, never sent).
    pub relay: Relay,
    /// Bytes of one mail, as EHLO announces it.
    pub message_size_limit: u64,
    /// Where port 25 offers AUTH: `off`, `tls` (after STARTTLS), `always`. The other two ports always do.
    pub auth: Auth,
    /// Seconds of silence that end a conversation (`smtpd_timeout`).
    pub timeout_seconds: u64,
}

impl Config {
    /// What is wrong with a value: its key and the reason.
    ///
    /// # Errors
    /// A time-out of nothing.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.timeout_seconds == 0 {
            return Err(("timeout_seconds", "0 seconds leave no time to speak".into()));
        }
        Ok(())
    }
}

/// Which of the ports of a mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// 25: other servers.
    Relay,
    /// 587: mail programs, after STARTTLS and a login.
    Submission,
    /// 465: the same in TLS from the first byte.
    Smtps,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            destinations: Vec::new(),
            relay: Relay::Refuse,
            message_size_limit: 10_240_000,
            auth: Auth::Off,
            timeout_seconds: 300,
        }
    }
}

/// The engine.
pub struct Smtp {
    config: Config,
    role: Role,
    /// The name of another host, whose mail server is played.
    peer: Option<String>,
}

impl Smtp {
    /// An engine of the configured kind.
    pub fn new(config: &Config, role: Role) -> Self {
        Self { config: config.clone(), role, peer: None }
    }

    /// A mail server of another host, which takes all mail.
    pub fn of_peer(config: &Config, name: &str) -> Self {
        let config = Config { relay: Relay::Keep, auth: Auth::Off, ..config.clone() };
        Self { config, role: Role::Relay, peer: Some(name.into()) }
    }

    /// What the server calls itself.
    fn name<'a>(&'a self, world: &'a World) -> &'a str {
        self.peer.as_deref().unwrap_or(&world.persona().fqdn)
    }

    /// `tls`: whether handshakes are possible.
    fn policy(&self, world: &World, tls: bool) -> Policy {
        let persona = world.persona();
        let own = || vec![persona.fqdn.clone(), persona.domain.clone(), "localhost".into()];
        let destinations = match &self.peer {
            Some(_) => Vec::new(),
            None if self.config.destinations.is_empty() => own(),
            None => self.config.destinations.clone(),
        };
        Policy {
            destinations,
            keeps_all: self.config.relay == Relay::Keep,
            size_limit: self.config.message_size_limit,
            starttls: tls && self.role != Role::Smtps && self.peer.is_none(),
            needs_tls: self.role == Role::Submission,
            auth: match self.role {
                Role::Relay => self.config.auth,
                Role::Submission | Role::Smtps => Auth::Tls,
            },
            submission: self.role != Role::Relay,
        }
    }
}

/// Answers that wait for the end of a batch, in bytes.
const BATCH: usize = 16 << 10;
/// `smtpd_starttls_timeout`
const HANDSHAKE: Duration = Duration::from_secs(300);
/// `smtpd_error_sleep_time`
const ERROR_SLEEP: Duration = Duration::from_secs(1);

#[async_trait]
impl Protocol for Smtp {
    async fn serve(&self, session: Arc<Session>, _responder: Arc<Responder>, stream: Box<dyn Stream>) -> CloseReason {
        let mut wire = Wire::new(stream, Arc::clone(&session));
        let idle = Duration::from_secs(self.config.timeout_seconds);
        if self.role == Role::Smtps
            && let Err(reason) = begin_tls(&mut wire, &session).await
        {
            return reason;
        }
        wire.set_idle(idle);
        let system = if self.peer.is_some() { "" } else { " (Ubuntu)" };
        let banner = format!("220 {} ESMTP Postfix{system}\r\n", self.name(session.world()));
        // A silent visitor costs no more than this future: the conversation's is made when they speak.
        let greeted = match wire.send(banner.as_bytes()).await {
            Ok(()) => wire.fill().await,
            Err(reason) => Err(reason),
        };
        drop(banner);
        let reason = match greeted {
            Ok(_) => Box::pin(Visit::new(self, Arc::clone(&session), &mut wire).converse()).await,
            Err(reason) => reason,
        };
        if reason == CloseReason::Idle {
            let word = dialog::timeout(self.name(session.world()));
            if wire.send(&word).await.is_ok() {
                let _ = Box::pin(wire.finish()).await;
            }
        }
        reason
    }
}

async fn begin_tls(wire: &mut Wire, session: &Session) -> Result<(), CloseReason> {
    let Some(tls) = session.tls() else { return Err(CloseReason::Failure) };
    wire.set_idle(HANDSHAKE);
    wire.start_tls(tls).await
}

/// One conversation.
struct Visit<'a> {
    idle: Duration,
    session: Arc<Session>,
    wire: &'a mut Wire,
    dialog: Dialog,
    /// A mail that comes in chunks.
    chunked: Option<Incoming>,
    /// Answers that wait for the end of the visitor's batch.
    out: Vec<u8>,
}

impl<'a> Visit<'a> {
    fn new(smtp: &Smtp, session: Arc<Session>, wire: &'a mut Wire) -> Self {
        let policy = smtp.policy(session.world(), session.tls().is_some());
        let mut dialog = Dialog::new(session.host(), policy, smtp.name(session.world()));
        if smtp.role == Role::Smtps {
            dialog.secured();
        }
        let idle = Duration::from_secs(smtp.config.timeout_seconds);
        Self { idle, session, wire, dialog, chunked: None, out: Vec::new() }
    }

    async fn converse(mut self) -> CloseReason {
        if let Some(what) = super::foreign(self.wire.unread()) {
            self.session.log().record(Kind::malformed(what, self.wire.unread()));
        }
        loop {
            let line = match self.wire.line(self.dialog.longest()).await {
                Ok(line) => line,
                Err(reason) => {
                    super::unfinished(&self.session, self.wire);
                    return reason;
                }
            };
            match self.answer(&line).await {
                Ok(true) => {}
                Ok(false) => {
                    let _ = self.wire.finish().await;
                    return CloseReason::DialogEnded;
                }
                Err(reason) => return reason,
            }
        }
    }

    /// Answers a line; false when the conversation is over.
    async fn answer(&mut self, line: &Line) -> Result<bool, CloseReason> {
        let arrived = Instant::now();
        let (line, step) = match line {
            Line::Whole(line) => (line, self.dialog.line(line)),
            Line::TooLong(line) => (line, self.dialog.long_line(line)),
        };
        let (text, then) = match step {
            Step::Reply(text) => (text, After::Nothing),
            Step::Close(text) => (text, After::Close),
            Step::Data(text) => (text, After::Data),
            Step::StartTls(text) => (text, After::StartTls),
            Step::Chunk { bytes, last } => (self.chunk(bytes, last).await?, After::Nothing),
            Step::Login { user, password } => (self.log_in(&user, &password), After::Nothing),
        };
        let event = Kind::command(line, &text, None, AnsweredBy::Emulator, arrived.elapsed());
        self.session.log().record(event);
        self.say(&text).await?;
        match then {
            After::Nothing => {}
            After::Close => {
                self.flush().await?;
                return Ok(false);
            }
            After::Data => {
                let text = self.data().await?;
                self.say(&text).await?;
            }
            After::StartTls => {
                self.flush().await?;
                begin_tls(self.wire, &self.session).await?;
                self.wire.set_idle(self.idle);
                self.dialog.secured();
            }
        }
        if let Some(last) = self.dialog.exhausted() {
            self.say(&last).await?;
            self.flush().await?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Answers one batch in one write, except for those that must wait.
    async fn say(&mut self, text: &[u8]) -> Result<(), CloseReason> {
        if self.dialog.is_slow() {
            for line in text.split_inclusive(|&b| b == b'\n') {
                tokio::time::sleep(ERROR_SLEEP).await;
                self.out.extend_from_slice(line);
                self.flush().await?;
            }
            return Ok(());
        }
        self.out.extend_from_slice(text);
        if self.out.len() > BATCH || !self.wire.unread().contains(&b'\n') {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), CloseReason> {
        let out = std::mem::take(&mut self.out);
        self.wire.send(&out).await
    }

    /// Says what waits, then waits for more.
    async fn more(&mut self) -> Result<(), CloseReason> {
        self.flush().await?;
        self.wire.fill().await.map(drop)
    }

    fn incoming(&self) -> Incoming {
        Incoming::begin(&self.session, self.dialog.envelope(), self.dialog.size_limit())
    }

    /// Reads a mail up to the lone dot; the answer to it.
    async fn data(&mut self) -> Result<Vec<u8>, CloseReason> {
        let mut mail = self.incoming();
        let mut body = Body::default();
        let mut own = Vec::new();
        loop {
            let unread = self.wire.unread();
            let end = body.push(unread, &mut own);
            let used = end.unwrap_or(unread.len());
            self.wire.take(used);
            mail.push(&own);
            own.clear();
            if end.is_some() {
                break;
            }
            if let Err(reason) = self.more().await {
                mail.abandon(&self.session);
                return Err(reason);
            }
        }
        Ok(self.deliver(mail))
    }

    /// Reads a chunk; the answer to it.
    async fn chunk(&mut self, bytes: u64, last: bool) -> Result<Vec<u8>, CloseReason> {
        let wanted = self.dialog.takes_chunk(bytes, last);
        let mut mail = self.chunked.take();
        if !wanted && let Some(mail) = mail.take() {
            mail.abandon(&self.session);
        }
        if wanted && mail.is_none() {
            mail = Some(self.incoming());
        }
        let mut left = bytes;
        while left > 0 {
            if self.wire.unread().is_empty()
                && let Err(reason) = self.more().await
            {
                if let Some(mail) = mail {
                    mail.abandon(&self.session);
                }
                return Err(reason);
            }
            let piece = self.wire.take(usize::try_from(left).unwrap_or(usize::MAX));
            left -= piece.len() as u64;
            if let Some(mail) = &mut mail {
                mail.push(&piece);
            }
        }
        match mail {
            Some(mail) if last => Ok(self.deliver(mail)),
            mail => {
                self.chunked = mail;
                Ok(text_of(self.dialog.chunk(bytes, last)))
            }
        }
    }

    fn deliver(&mut self, mail: Incoming) -> Vec<u8> {
        let size = mail.size();
        let id = mail.finish(&self.session);
        text_of(self.dialog.delivered(id.as_deref(), size))
    }

    fn log_in(&mut self, user: &[u8], password: &[u8]) -> Vec<u8> {
        let account = self.session.host().login(self.dialog.account_of(user), password);
        let (username, password) = (Raw::from(user), Raw::from(password));
        self.session.log().record(Kind::LoginTried { username, password, accepted: account.is_some() });
        text_of(self.dialog.logged_in(account.is_some()))
    }
}

enum After {
    Nothing,
    Close,
    Data,
    StartTls,
}

fn text_of(step: Step) -> Vec<u8> {
    match step {
        Step::Reply(text) | Step::Close(text) | Step::Data(text) | Step::StartTls(text) => text,
        Step::Chunk { .. } | Step::Login { .. } => Vec::new(),
    }
}
