//! Telnet as Ubuntu 20.04's netkit telnetd speaks it, `login(1)` behind it, and a shell over the simulated host.

mod dialog;
mod editor;
mod options;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::Deserialize;
use tokio::time::sleep;

use super::Protocol;
use crate::base::rng::spread;
use crate::event::Raw;
use crate::prelude::*;
use crate::respond::{Responder, ShellTalk, Turn};
use crate::session::{Stream, Wire};
use crate::shell::Terminal;
use dialog::{Dialog, Step};

/// `[telnet]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Wrong logins after which the connection is closed.
    pub login_tries: u32,
    /// Seconds that somebody may take to log in.
    pub login_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { login_tries: 5, login_seconds: 60 }
    }
}

/// The engine.
pub struct Telnet {
    config: Config,
}

impl Telnet {
    /// An engine of the configured kind.
    pub fn new(config: &Config) -> Self {
        Self { config: config.clone() }
    }
}

#[async_trait]
impl Protocol for Telnet {
    async fn serve(&self, session: Arc<Session>, responder: Arc<Responder>, stream: Box<dyn Stream>) -> CloseReason {
        let mut wire = Wire::new(stream, Arc::clone(&session));
        if let Err(reason) = wire.send(options::OPENING).await {
            return reason;
        }
        if let Err(reason) = wire.fill().await {
            return reason;
        }
        // Boxed: most visitors never get this far, and the silent ones must stay small.
        Box::pin(Visit::new(&self.config, session, responder).hold(wire)).await
    }
}

/// How long PAM lets a wrong login wait.
const WRONG_LOGIN: (Duration, Duration) = (Duration::from_millis(2300), Duration::from_millis(3700));
/// How long a right one takes until the message of the day.
const RIGHT_LOGIN: (Duration, Duration) = (Duration::from_millis(40), Duration::from_millis(160));

/// A visitor who has said something.
struct Visit {
    dialog: Dialog,
    session: Arc<Session>,
    responder: Arc<Responder>,
    talk: Option<ShellTalk>,
    login_by: tokio::time::Instant,
    login_seconds: u64,
}

impl Visit {
    fn new(config: &Config, session: Arc<Session>, responder: Arc<Responder>) -> Self {
        let persona = session.world().persona();
        let dialog = Dialog::new(&persona.hostname, &persona.fqdn, &persona.os_pretty, config.login_tries);
        let login_by = tokio::time::Instant::now() + Duration::from_secs(config.login_seconds);
        Self { dialog, session, responder, talk: None, login_by, login_seconds: config.login_seconds }
    }

    async fn hold(mut self, mut wire: Wire) -> CloseReason {
        let reason = self.converse(&mut wire).await;
        let rest = self.dialog.unfinished();
        if !rest.is_empty() {
            self.malformed("a line without an end", &rest);
        }
        let negotiated = self.dialog.take_option_bytes();
        if !negotiated.is_empty() {
            self.session.log().record(Kind::TelnetOptions { bytes: negotiated.into() });
        }
        reason
    }

    async fn converse(&mut self, wire: &mut Wire) -> CloseReason {
        loop {
            let arrived = wire.take(usize::MAX);
            self.dialog.feed(&arrived);
            while let Some(step) = self.dialog.next_step() {
                if let Err(reason) = self.perform(step, wire).await {
                    return reason;
                }
            }
            let filled = if let Some(talk) = self.talk.as_mut() {
                attend(talk, wire).await
            } else {
                match tokio::time::timeout_at(self.login_by, wire.fill()).await {
                    Ok(filled) => filled.map(|_| ()),
                    Err(_) => {
                        let text = format!("\r\nLogin timed out after {} seconds.\r\n", self.login_seconds);
                        let _ = wire.send(text.as_bytes()).await;
                        return CloseReason::DialogEnded;
                    }
                }
            };
            if let Err(reason) = filled {
                return reason;
            }
        }
    }

    async fn perform(&mut self, step: Step, wire: &mut Wire) -> Result<(), CloseReason> {
        match step {
            Step::Send(bytes) => wire.send(&bytes).await,
            Step::Close(bytes) => {
                wire.send(&bytes).await?;
                wire.finish().await?;
                Err(CloseReason::DialogEnded)
            }
            Step::TooLong(bytes) => {
                self.malformed("a line that is too long", &bytes);
                Ok(())
            }
            Step::Login { name, password } => self.login(&name, &password, wire).await,
            Step::Signal(key) => {
                if let Some(talk) = self.talk.as_mut() {
                    talk.signal(key);
                }
                Ok(())
            }
            Step::Keys(keys) => {
                let (_, columns, rows) = self.dialog.terminal();
                if let Some(talk) = self.talk.as_mut() {
                    talk.resize(columns, rows);
                    talk.feed(&keys);
                }
                Ok(())
            }
        }
    }

    async fn login(&mut self, name: &[u8], password: &[u8], wire: &mut Wire) -> Result<(), CloseReason> {
        let begun = Instant::now();
        let account = self.session.host().login(name, password);
        self.session.log().record(Kind::LoginTried {
            username: Raw::from(name),
            password: Raw::from(password),
            accepted: account.is_some(),
        });
        let (low, high) = if account.is_some() { RIGHT_LOGIN } else { WRONG_LOGIN };
        sleep(spread(low, high).saturating_sub(begun.elapsed())).await;
        let Some(account) = account else {
            self.dialog.login_failed();
            return Ok(());
        };
        let persona = self.session.world().persona();
        let greeting = terminal(
            format!(
                "Welcome to {} (GNU/Linux {} {})\n\n * Documentation:  https://help.ubuntu.com\n \
                 * Management:     https://landscape.canonical.com\n * Support:        https://ubuntu.com/advantage\n\n",
                persona.os_pretty, persona.kernel, persona.machine
            )
            .as_bytes(),
        );
        let (name, columns, rows) = self.dialog.terminal();
        let terminal = Terminal { name, columns, rows };
        let host = self.session.host_of(&account.name);
        let talk = ShellTalk::new(&self.responder, &self.session, host, &account, "telnet", terminal);
        self.dialog.logged_in();
        self.talk = Some(talk);
        wire.send(&greeting).await
    }

    fn malformed(&self, what: &str, bytes: &[u8]) {
        self.session.log().record(Kind::malformed(what, bytes));
    }
}

/// Lets the shell run and sends what it prints, until the client sends something.
async fn attend(talk: &mut ShellTalk, wire: &mut Wire) -> Result<(), CloseReason> {
    loop {
        let (output, turn) = talk.turn(tokio::time::Instant::now().into_std()).await;
        if !output.is_empty() {
            wire.send(&doubled(output)).await?;
        }
        match turn {
            Turn::Ended(_) => {
                wire.finish().await?;
                return Err(CloseReason::DialogEnded);
            }
            Turn::Busy => tokio::select! {
                biased;
                filled = wire.fill() => return filled.map(|_| ()),
                () = tokio::task::yield_now() => {}
            },
            Turn::Wait(None) => return wire.fill().await.map(|_| ()),
            Turn::Wait(Some(moment)) => {
                tokio::select! {
                    filled = wire.fill() => return filled.map(|_| ()),
                    () = tokio::time::sleep_until(moment.into()) => {}
                }
            }
        }
    }
}

/// 255 is doubled on the wire, and a CR without an LF has a NUL behind it (RFC 854).
fn doubled(output: Vec<u8>) -> Vec<u8> {
    if !output.iter().any(|byte| matches!(byte, 255 | b'\r')) {
        return output;
    }
    let mut wire = Vec::with_capacity(output.len() + 16);
    let mut bytes = output.into_iter().peekable();
    while let Some(byte) = bytes.next() {
        wire.push(byte);
        match byte {
            255 => wire.push(255),
            b'\r' if bytes.peek() != Some(&b'\n') => wire.push(0),
            _ => {}
        }
    }
    wire
}

/// Output as a terminal in cooked mode sends it: LF becomes CR LF, and 255 is doubled (RFC 854).
fn terminal(output: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(output.len() + 16);
    for &byte in output {
        match byte {
            b'\n' => bytes.extend_from_slice(b"\r\n"),
            255 => bytes.extend_from_slice(&[255, 255]),
            other => bytes.push(other),
        }
    }
    bytes
}

#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(test)]
mod tests;
