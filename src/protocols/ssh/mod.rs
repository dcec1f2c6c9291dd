//! SSH as OpenSSH's sshd of the persona speaks it, over the library russh (`vendor/russh`): what comes before the
//! library's part is ours (`ident.rs`), what comes after it is `visit.rs`, the library's handler, and a task for each
//! channel (`shell.rs`, `sftp/`).

mod auth;
mod client;
mod config;
mod forward;
mod hostkeys;
mod ident;
mod lists;
mod mailbox;
mod sftp;
mod shell;
mod visit;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rand::RngExt;
use russh::server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Protocol;
use crate::base::rng::spread;
use crate::prelude::*;
use crate::respond::Responder;
use crate::session::Stream;
use client::Watched;
pub use config::Config;
use forward::Services;
pub use hostkeys::HostKeys;
use ident::{Identification, Verdict};
use visit::{Common, Progress, Visit};

/// The engine.
pub struct Ssh {
    config: Config,
    keys: OnceLock<Arc<HostKeys>>,
    settings: OnceLock<Arc<server::Config>>,
    /// Connections of each source that have not logged in.
    startups: Arc<Mutex<HashMap<IpAddr, u32>>>,
    services: Arc<Services>,
}

/// How long sshd takes to fork and say its first line.
const FORK: (Duration, Duration) = if cfg!(fuzzing) {
    (Duration::ZERO, Duration::ZERO)
} else {
    (Duration::from_millis(8), Duration::from_millis(14))
};

impl Ssh {
    /// An engine of the configured kind.
    pub fn new(config: &super::Config) -> Self {
        Self::with(config, false)
    }

    /// An engine for visitors who come over a connection that another one forwards.
    fn inside(config: &super::Config) -> Self {
        Self::with(config, true)
    }

    fn with(config: &super::Config, inside: bool) -> Self {
        let keys = OnceLock::new();
        if let Some(known) = &config.host_keys {
            let _ = keys.set(Arc::clone(known));
        }
        let services = Services::new(config, inside);
        Self { config: config.ssh.clone(), keys, settings: OnceLock::new(), startups: Arc::default(), services }
    }

    /// The host keys; small ones where the start of the sensor made none.
    fn keys(&self, session: &Session) -> &Arc<HostKeys> {
        self.keys.get_or_init(|| {
            let hostname = &session.world().persona().hostname;
            Arc::new(HostKeys::make(hostname, 2048).unwrap_or_else(HostKeys::none))
        })
    }

    fn settings(&self, session: &Session) -> &Arc<server::Config> {
        self.settings.get_or_init(|| {
            let version = &session.world().persona().ssh_version;
            let idle = Duration::from_secs(session.limits().idle_seconds);
            Arc::new(lists::settings(version, &self.config, self.keys(session), idle))
        })
    }

    /// A place among those who have not logged in; `None` when there is none (`MaxStartups`).
    fn enter(&self, source: IpAddr) -> Option<Startup> {
        let (begin, rate, full) = self.config.startups()?;
        let mut all = self.startups.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.get(&source).copied().unwrap_or(0);
        let dropped = if before < begin {
            false
        } else if before >= full {
            true
        } else {
            let more = (100 - rate) * (before - begin) / (full - begin).max(1);
            rand::rng().random_range(0..100) < rate + more
        };
        if dropped {
            return None;
        }
        all.insert(source, before + 1);
        Some(Startup { all: Arc::clone(&self.startups), source })
    }

    /// The two identification lines.
    async fn identify(
        &self,
        session: &Session,
        stream: &mut Box<dyn Stream>,
        until: Instant,
    ) -> Result<Vec<u8>, CloseReason> {
        tokio::time::sleep(spread(FORK.0, FORK.1)).await;
        let banner = format!("SSH-2.0-{}\r\n", session.world().persona().ssh_version);
        send(session, stream, banner.as_bytes()).await?;
        let mut reader = Identification::default();
        let verdict = loop {
            // Byte by byte, as sshd reads it: what it has not read when it closes makes a reset.
            let read = tokio::select! {
                biased;
                read = timeout_at(until, stream.read_u8()) => read,
                () = session.stop().cancelled() => break Err(CloseReason::Shutdown),
            };
            match read {
                Err(_) => break Err(CloseReason::Idle),
                Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => break Err(CloseReason::PeerClosed),
                Ok(Err(_)) => break Err(CloseReason::PeerReset),
                Ok(Ok(byte)) => {
                    if let Err(reason) = session.received(1) {
                        break Err(reason);
                    }
                    match reader.take(byte) {
                        Verdict::More => {}
                        verdict => break Ok(verdict),
                    }
                }
            }
        };
        match verdict {
            Ok(Verdict::Client(line)) => Ok(line),
            Ok(verdict) => {
                session.log().record(Kind::malformed("no SSH identification", reader.line()));
                if let Verdict::Refused(text) = verdict {
                    send(session, stream, text).await?;
                }
                Err(CloseReason::DialogEnded)
            }
            Err(reason) => {
                if !reader.line().is_empty() {
                    session.log().record(Kind::malformed("a line without an end", reader.line()));
                }
                Err(reason)
            }
        }
    }
}

async fn send(session: &Session, stream: &mut Box<dyn Stream>, bytes: &[u8]) -> Result<(), CloseReason> {
    session.sent(bytes.len())?;
    stream.write_all(bytes).await.map_err(|_| CloseReason::PeerReset)?;
    stream.flush().await.map_err(|_| CloseReason::PeerReset)
}

/// Somebody who has not logged in.
struct Startup {
    all: Arc<Mutex<HashMap<IpAddr, u32>>>,
    source: IpAddr,
}

impl Drop for Startup {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                all.remove(&self.source);
            }
        }
    }
}

#[async_trait]
impl Protocol for Ssh {
    async fn serve(
        &self,
        session: Arc<Session>,
        responder: Arc<Responder>,
        mut stream: Box<dyn Stream>,
    ) -> CloseReason {
        let Some(startup) = self.enter(session.log().visit().src_ip) else {
            let _ = send(&session, &mut stream, b"Exceeded MaxStartups\r\n").await;
            return CloseReason::DialogEnded;
        };
        let grace = Instant::now() + Duration::from_secs(self.config.login_grace_seconds);
        let version = match self.identify(&session, &mut stream, grace.min(session.deadline())).await {
            Ok(version) => version,
            Err(reason) => return reason,
        };
        // Boxed: those who stay silent must stay small.
        let settings = Arc::clone(self.settings(&session));
        let keys = Arc::clone(self.keys(&session));
        let max_sessions = self.config.max_sessions;
        let spent = Arc::new(AtomicBool::new(false));
        let progress = Arc::new(Progress::new(startup));
        let watched = Watched::new(stream, Arc::clone(&session), version.clone(), Arc::clone(&spent));
        let common = Common { responder, keys, services: Arc::clone(&self.services), max_sessions };
        let visit = Visit::new(&session, common, Arc::clone(&progress), &version);
        let Ok((handle, running)) = server::run_identified(settings, watched, version, visit) else {
            return CloseReason::Failure;
        };
        progress.set_handle(handle);
        let too_long = async {
            sleep_until(grace).await;
            while progress.is_in() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            result = Box::pin(running) => ended(&session, result, &spent),
            () = too_long => CloseReason::DialogEnded,
            () = sleep_until(session.deadline()) => CloseReason::Overtime,
            () = session.stop().cancelled() => CloseReason::Shutdown,
        }
    }
}

/// Why the library's part has ended. What breaks the protocol ends a connection of sshd without a word.
fn ended(session: &Session, result: Result<(), russh::Error>, spent: &AtomicBool) -> CloseReason {
    if spent.load(Ordering::Relaxed) {
        return CloseReason::ByteLimit;
    }
    match result {
        Ok(()) => CloseReason::DialogEnded,
        Err(russh::Error::IO(error)) if error.kind() == io::ErrorKind::UnexpectedEof => CloseReason::PeerClosed,
        Err(russh::Error::IO(_)) => CloseReason::PeerReset,
        Err(russh::Error::Disconnect | russh::Error::HUP) => CloseReason::PeerClosed,
        Err(russh::Error::InactivityTimeout) => CloseReason::Idle,
        Err(error) => {
            session.log().record(Kind::malformed(&format!("SSH: {error}"), b""));
            CloseReason::DialogEnded
        }
    }
}

#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(test)]
mod tests;
