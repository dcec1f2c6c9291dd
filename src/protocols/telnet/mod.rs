//! Telnet as three daemons speak it, netkit telnetd, GNU inetutils telnetd and BusyBox telnetd, `login(1)` behind it,
//! and a shell over the simulated host.

mod busybox;
mod dialog;
mod editor;
mod environ;
mod greeting;
mod options;
mod seen;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::Deserialize;
use tokio::time::{sleep, timeout_at};

use super::Protocol;
use crate::base::rng::{pam_delay, spread};
use crate::event::Raw;
use crate::prelude::*;
use crate::respond::{Responder, ShellTalk, Turn};
use crate::session::{Stream, Wire};
use crate::shell::Terminal;
use crate::world::{LoginProgram, TelnetDaemon};
use dialog::{Dialog, Step};
use options::Kin;
use seen::Seen;

/// `[telnet]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which telnetd.
    pub server: Server,
    /// Wrong logins after which the connection is closed; 0: as many as the host's login has, 5, or 3 of BusyBox.
    pub login_tries: u32,
    /// Seconds that somebody may take to log in.
    pub login_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { server: Server::default(), login_tries: 0, login_seconds: 60 }
    }
}

/// A telnetd of the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Server {
    /// The one that the persona runs.
    #[default]
    #[serde(rename = "")]
    Persona,
    /// netkit-telnet 0.17
    Netkit,
    /// GNU inetutils 2.4
    Inetutils,
    /// BusyBox 1.35
    Busybox,
}

impl Server {
    /// The daemon; none: as the persona has it.
    pub fn daemon(self) -> Option<TelnetDaemon> {
        match self {
            Self::Persona => None,
            Self::Netkit => Some(TelnetDaemon::Netkit),
            Self::Inetutils => Some(TelnetDaemon::Inetutils),
            Self::Busybox => Some(TelnetDaemon::Busybox),
        }
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

    fn daemon(&self, session: &Session) -> TelnetDaemon {
        self.config.server.daemon().unwrap_or_else(|| session.world().persona().telnet_daemon())
    }

    /// What the daemon says of itself. BusyBox's does not wait for answers: it says all up to the prompt, and login's
    /// clock runs.
    async fn open(&self, session: &Session, seen: &mut Seen, wire: &mut Wire) -> Result<(), CloseReason> {
        match self.daemon(session) {
            TelnetDaemon::Netkit => wire.send(options::opening(Kin::Netkit)).await?,
            TelnetDaemon::Inetutils => wire.send(options::opening(Kin::Inetutils)).await?,
            TelnetDaemon::Busybox => {
                wire.send(busybox::OPENING).await?;
                let banner = greeting::banner(TelnetDaemon::Busybox, &session.host());
                seen.output(&banner);
                wire.send(&banner).await?;
                sleep(spread(LOGIN_STARTS.0, LOGIN_STARTS.1)).await;
                let prompt = format!("{} login: ", session.world().persona().hostname);
                seen.output(prompt.as_bytes());
                wire.send(prompt.as_bytes()).await?;
                let until = tokio::time::Instant::now() + Duration::from_secs(self.config.login_seconds);
                match timeout_at(until, wire.fill()).await {
                    Ok(filled) => filled?,
                    Err(_) => {
                        let text = timed_out(session.world().persona().login_program(), self.config.login_seconds);
                        seen.output(text.as_bytes());
                        let _ = wire.send(text.as_bytes()).await;
                        return Err(CloseReason::DialogEnded);
                    }
                };
                return Ok(());
            }
        }
        wire.fill().await.map(|_| ())
    }
}

#[async_trait]
impl Protocol for Telnet {
    async fn serve(&self, session: Arc<Session>, responder: Arc<Responder>, stream: Box<dyn Stream>) -> CloseReason {
        let mut wire = Wire::new(stream, Arc::clone(&session));
        let mut seen = Seen::new(&session);
        if let Err(reason) = self.open(&session, &mut seen, &mut wire).await {
            return reason;
        }
        // Boxed: most visitors never get this far, and the silent ones must stay small.
        let daemon = self.daemon(&session);
        Box::pin(Visit::new(&self.config, daemon, session, seen, responder).hold(wire)).await
    }
}

/// How long PAM's modules want a wrong login to wait: `pam_faildelay` of `/etc/pam.d/login`.
const WRONG_LOGIN: Duration = Duration::from_secs(3);
/// How long BusyBox's login waits: its processes need a little more than it says.
const WRONG_BUSYBOX: (Duration, Duration) = (Duration::from_millis(3001), Duration::from_millis(3018));
/// How long a right one takes until the message of the day.
const RIGHT_LOGIN: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(90));
/// How long login takes to ask for a name.
const LOGIN_STARTS: (Duration, Duration) = (Duration::from_millis(3), Duration::from_millis(40));

/// What login prints when nobody has logged in in time.
fn timed_out(login: LoginProgram, seconds: u64) -> String {
    let stop = if login == LoginProgram::Shadow { "." } else { "" };
    format!("\r\nLogin timed out after {seconds} seconds{stop}\r\n")
}

/// A visitor who has said something.
struct Visit {
    daemon: TelnetDaemon,
    login: LoginProgram,
    dialog: Dialog,
    session: Arc<Session>,
    seen: Seen,
    responder: Arc<Responder>,
    talk: Option<ShellTalk>,
    /// When login gives up; none before it runs.
    login_by: Option<tokio::time::Instant>,
    login_seconds: u64,
}

impl Visit {
    fn new(
        config: &Config,
        daemon: TelnetDaemon,
        session: Arc<Session>,
        seen: Seen,
        responder: Arc<Responder>,
    ) -> Self {
        let persona = session.world().persona();
        let login = persona.login_program();
        let tries = match (config.login_tries, login) {
            (0, LoginProgram::Shadow) => 5,
            (0, LoginProgram::Busybox) => 3,
            (tries, _) => tries,
        };
        let dialog = Dialog::new(daemon, login, (&persona.hostname, &persona.fqdn), tries);
        let login_seconds = config.login_seconds;
        let (talk, login_by) = (None, None);
        let mut visit = Self { daemon, login, dialog, session, seen, responder, talk, login_by, login_seconds };
        if daemon == TelnetDaemon::Busybox {
            visit.start_clock();
        }
        visit
    }

    fn start_clock(&mut self) {
        self.login_by = Some(tokio::time::Instant::now() + Duration::from_secs(self.login_seconds));
    }

    /// Sends what the visitor sees, and records it.
    async fn say(&mut self, bytes: &[u8], wire: &mut Wire) -> Result<(), CloseReason> {
        self.seen.output(bytes);
        wire.send(bytes).await
    }

    /// Takes what came, and records it.
    fn hear(&mut self, wire: &mut Wire) {
        let arrived = wire.take(usize::MAX);
        self.seen.input(&arrived);
        self.dialog.feed(&arrived);
    }

    /// The client's terminal as it is now.
    fn terminal(&mut self) -> Terminal {
        let (name, columns, rows) = self.dialog.terminal();
        self.seen.recording.terminal(&name, columns, rows);
        Terminal::new(name, columns, rows)
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
            self.hear(wire);
            while let Some(step) = self.dialog.next_step() {
                if let Err(reason) = self.perform(step, wire).await {
                    return reason;
                }
            }
            let filled = match (self.talk.as_mut(), self.login_by) {
                (Some(talk), _) => attend(talk, &self.dialog, &mut self.seen, wire).await,
                (None, None) => wire.fill().await.map(|_| ()),
                (None, Some(until)) => match timeout_at(until, wire.fill()).await {
                    Ok(filled) => filled.map(|_| ()),
                    Err(_) => {
                        let text = timed_out(self.login, self.login_seconds);
                        let _ = self.say(text.as_bytes(), wire).await;
                        return CloseReason::DialogEnded;
                    }
                },
            };
            if let Err(reason) = filled {
                return reason;
            }
        }
    }

    async fn perform(&mut self, step: Step, wire: &mut Wire) -> Result<(), CloseReason> {
        match step {
            Step::Send(bytes) => self.say(&bytes, wire).await,
            Step::Close(bytes) => {
                self.say(&bytes, wire).await?;
                wire.finish().await?;
                Err(CloseReason::DialogEnded)
            }
            Step::TooLong(bytes) => {
                self.malformed("a line that is too long", &bytes);
                Ok(())
            }
            Step::Start => {
                self.terminal();
                self.say(&greeting::banner(self.daemon, &self.session.host()), wire).await?;
                sleep(spread(LOGIN_STARTS.0, LOGIN_STARTS.1)).await;
                self.start_clock();
                self.dialog.started();
                Ok(())
            }
            Step::Login { name, password } => self.login(&name, &password, wire).await,
            Step::Refuse { name } => {
                self.tried(&name, b"", false);
                self.wait(pam_delay(WRONG_LOGIN), wire).await?;
                self.dialog.login_failed();
                Ok(())
            }
            Step::Environ(variable) => {
                let attack = variable.is_trick().then(|| "CVE-2026-24061".to_string());
                let (name, value) = (variable.name.into(), variable.value.into());
                self.session.log().record(Kind::TelnetEnvironment { name, value, attack });
                Ok(())
            }
            Step::Signal(key) => {
                if let Some(talk) = self.talk.as_mut() {
                    talk.signal(key);
                }
                Ok(())
            }
            Step::Keys(keys) => {
                let Terminal { columns, rows, .. } = self.terminal();
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
        self.tried(name, password, account.is_some());
        let delay = match (&account, self.login) {
            (Some(_), _) => spread(RIGHT_LOGIN.0, RIGHT_LOGIN.1),
            (None, LoginProgram::Shadow) => pam_delay(WRONG_LOGIN),
            (None, LoginProgram::Busybox) => spread(WRONG_BUSYBOX.0, WRONG_BUSYBOX.1),
        };
        let delay = delay.saturating_sub(begun.elapsed());
        let Some(account) = account else {
            self.wait(delay, wire).await?;
            self.dialog.login_failed();
            return Ok(());
        };
        sleep(delay).await;
        let greeting = greeting::greeting(self.login, &self.session.host(), &account.name);
        let terminal = self.terminal();
        self.seen.recording.entered(&account.name, &account.shell, None);
        let host = self.session.host_of(&account.name);
        let talk = ShellTalk::new(&self.responder, &self.session, host, &account, "telnet", terminal);
        self.dialog.logged_in();
        self.talk = Some(talk);
        self.say(&greeting, wire).await
    }

    /// Lets a delay of login pass; the terminal shows what is typed.
    async fn wait(&mut self, delay: Duration, wire: &mut Wire) -> Result<(), CloseReason> {
        let until = tokio::time::Instant::now() + delay;
        loop {
            let shown = self.dialog.meanwhile();
            if !shown.is_empty() {
                self.say(&shown, wire).await?;
            }
            match timeout_at(until, wire.fill()).await {
                Err(_) => return Ok(()),
                Ok(filled) => filled?,
            };
            self.hear(wire);
        }
    }

    fn tried(&self, name: &[u8], password: &[u8], accepted: bool) {
        let (username, password) = (Raw::from(name), Raw::from(password));
        self.session.log().record(Kind::LoginTried { username, password, accepted });
    }

    fn malformed(&self, what: &str, bytes: &[u8]) {
        self.session.log().record(Kind::malformed(what, bytes));
    }
}

/// Lets the shell run and sends what it prints, until the client sends something.
async fn attend(talk: &mut ShellTalk, dialog: &Dialog, seen: &mut Seen, wire: &mut Wire) -> Result<(), CloseReason> {
    loop {
        let (output, turn) = talk.turn(tokio::time::Instant::now().into_std()).await;
        if !output.is_empty() {
            let output = dialog.on_the_wire(output);
            seen.output(&output);
            wire.send(&output).await?;
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

#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(test)]
mod tests;
