//! FTP as vsftpd 3.0.3 speaks it (RFC 959). The dialog is in `dialog.rs`; this is the loop around it.

mod config;
mod data;
mod dialog;
mod filter;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod listing;
mod parse;
mod secure;
#[cfg(test)]
mod tests;
mod transfer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::Protocol;
use crate::base::rng;
use crate::prelude::*;
use crate::respond::Responder;
use crate::session::tls::Handshake;
use crate::session::{Line, Stream, Wire};
pub use config::{Config, Secure};
use data::Passive;
use dialog::{Dialog, Rules, Step};

/// The engine.
pub struct Ftp {
    config: Config,
}

impl Ftp {
    /// An engine of the configured kind.
    pub fn new(config: &Config) -> Self {
        Self { config: config.clone() }
    }
}

const BANNER: &[u8] = b"220 (vsFTPd 3.0.3)\r\n";
/// The longest line that vsftpd reads.
const LONGEST: usize = 4096;

#[async_trait]
impl Protocol for Ftp {
    async fn serve(&self, session: Arc<Session>, _responder: Arc<Responder>, stream: Box<dyn Stream>) -> CloseReason {
        let mut wire = Wire::new(stream, Arc::clone(&session));
        wire.set_idle(Duration::from_secs(self.config.idle_seconds));
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
    ftp: &'a Config,
    session: Arc<Session>,
    wire: &'a mut Wire,
    dialog: Dialog,
    passive: Option<Passive>,
    /// What was answered to the line in hand, for its event.
    answered: Vec<u8>,
}

impl<'a> Visit<'a> {
    fn new(ftp: &'a Ftp, session: Arc<Session>, wire: &'a mut Wire) -> Self {
        let config = &ftp.config;
        let rules = Rules {
            write: config.write_enable,
            guest_write: config.anonymous_write,
            tls: if session.tls().is_some() { config.tls } else { Secure::Off },
            idle: config.idle_seconds,
        };
        let dialog = Dialog::new(session.host(), session.log().visit().src_ip, rules);
        Self { ftp: config, session, wire, dialog, passive: None, answered: Vec::new() }
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
        if !self.dialog.listens() && !matches!(step, Step::List { .. } | Step::Send(_) | Step::Receive(_)) {
            self.passive = None;
        }
        match step {
            Step::Reply(text) => self.say(&text).await.map(|()| true),
            Step::Close(text) => self.say(&text).await.map(|()| false),
            Step::List { lines, done } => self.list(&lines, done).await.map(|()| true),
            Step::Send(download) => self.send(download).await.map(|()| true),
            Step::Receive(upload) => self.receive(upload).await.map(|()| true),
            Step::StartTls(text) => {
                self.say(&text).await?;
                self.start_tls().await.map(|()| true)
            }
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
                tokio::time::sleep(login_time()).await;
                self.dialog.set_host(session.host_of(&account.name));
                self.dialog.local(&account)
            }
            None if guest => self.dialog.anonymous(),
            None => {
                tokio::time::sleep(failed_login_time()).await;
                self.dialog.refused()
            }
        }
    }

    async fn listen(&mut self, extended: bool) -> Step {
        self.passive = None;
        let local = self.session.local_ip();
        let at = match Passive::open(local, self.ftp.ports()).await {
            Ok((passive, port)) => {
                self.passive = Some(passive);
                Some(SocketAddr::new(self.ftp.address().unwrap_or(local), port))
            }
            Err(error) => {
                tracing::debug!("no passive port: {error}");
                None
            }
        };
        self.dialog.listening(extended, at)
    }

    /// Goes on in TLS; who does not, gets OpenSSL's complaint, which vsftpd passes on in clear.
    async fn start_tls(&mut self) -> Result<(), CloseReason> {
        let Some(tls) = self.session.tls().cloned() else { return Err(CloseReason::Failure) };
        let otherwise = if self.session.host().persona().debian_userland { openssl_3 } else { openssl_1 };
        let how = Handshake { otherwise, ..Handshake::until(self.session.deadline()) };
        self.wire.begin_tls(&tls, how).await
    }
}

/// What OpenSSL 3.0 calls the bytes of who does not speak TLS.
fn openssl_3(head: &[u8]) -> Vec<u8> {
    let (code, what) = complaint(head);
    format!("500 OOPS: error:0A000{code:03X}:SSL routines::{what}\r\n").into_bytes()
}

/// The same for OpenSSL 1.1.1.
fn openssl_1(head: &[u8]) -> Vec<u8> {
    let (code, what) = complaint(head);
    format!("500 OOPS: error:1408F{code:03X}:SSL routines:ssl3_get_record:{what}\r\n").into_bytes()
}

/// `SSL_R_HTTP_REQUEST`, `SSL_R_HTTPS_PROXY_REQUEST`, `SSL_R_WRONG_VERSION_NUMBER`
fn complaint(head: &[u8]) -> (u32, &'static str) {
    match head {
        [b'G', b'E', b'T', b' ', ..] | [b'P', b'U', b'T', b' ', ..] => (156, "http request"),
        [b'P', b'O', b'S', b'T', b' ', ..] | [b'H', b'E', b'A', b'D', b' ', ..] => (156, "http request"),
        [b'C', b'O', b'N', b'N', b'E', ..] => (155, "https proxy request"),
        _ => (267, "wrong version number"),
    }
}

/// How long PAM and a wrong password take: 2 s, more or less by up to a half (`_pam_compute_delay` of Linux-PAM: the
/// mean of three), and vsftpd's `delay_failed_login`.
fn failed_login_time() -> Duration {
    let third = || rng::spread(Duration::ZERO, Duration::from_millis(667));
    Duration::from_millis(2030) + third() + third() + third()
}

/// How long the hash of a right password and PAM's session take.
fn login_time() -> Duration {
    let part = |most| rng::spread(Duration::from_millis(10), Duration::from_millis(most));
    part(50) + part(50) + part(60)
}
