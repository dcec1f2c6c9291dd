//! The engines. Each is a pure `dialog.rs` (bytes in, [steps](crate::protocols) out, no I/O) and a thin loop in its
//! `mod.rs` that reads, asks the dialog, writes and records. [`ALL`] is the one table; everything else is derived.

mod ai;
pub mod ftp;
pub mod http;
mod motd;
pub mod smtp;
pub mod ssh;
pub mod tcp;
pub mod telnet;
#[cfg(test)]
mod transcript;

use std::sync::Arc;

use async_trait::async_trait;

use crate::prelude::*;
use crate::respond::Responder;
use crate::session::{Stream, Wire};
pub use ai::Ai;
use smtp::Role;

/// A protocol that visitors speak. One value serves all visits of its port.
#[async_trait]
pub trait Protocol: Send + Sync {
    /// Holds one conversation to its end and says why it ended.
    async fn serve(&self, session: Arc<Session>, responder: Arc<Responder>, stream: Box<dyn Stream>) -> CloseReason;
}

/// One line of the table.
pub struct Entry {
    /// Name in `[ports]`, in events and in logs.
    pub name: &'static str,
    /// The standard port.
    pub port: u16,
    /// The port for who may not bind the standard one.
    pub high_port: u16,
    /// Makes the engine of the configured kind.
    pub build: fn(&Config) -> Arc<dyn Protocol>,
}

/// All protocols, in the order of their ports.
pub static ALL: &[Entry] = &[
    Entry { name: "ftp", port: 21, high_port: 2121, build: |config| Arc::new(ftp::Ftp::new(&config.ftp)) },
    Entry { name: "ssh", port: 22, high_port: 2222, build: |config| Arc::new(ssh::Ssh::new(config)) },
    Entry { name: "telnet", port: 23, high_port: 2323, build: |config| Arc::new(telnet::Telnet::new(&config.telnet)) },
    Entry { name: "smtp", port: 25, high_port: 2525, build: |config| smtp_on(config, Role::Relay) },
    Entry { name: "http", port: 80, high_port: 8080, build: |config| Arc::new(http::Http::new(&config.http)) },
    Entry { name: "https", port: 443, high_port: 8443, build: |config| Arc::new(http::Http::over_tls(&config.http)) },
    Entry { name: "smtps", port: 465, high_port: 4650, build: |config| smtp_on(config, Role::Smtps) },
    Entry { name: "submission", port: 587, high_port: 5870, build: |config| smtp_on(config, Role::Submission) },
    Entry { name: "docker", port: 2375, high_port: 2375, build: |_| Arc::new(http::Http::docker()) },
];

fn smtp_on(config: &Config, role: Role) -> Arc<dyn Protocol> {
    Arc::new(smtp::Smtp::new(&config.smtp, role))
}

/// The sections of `Config.toml` that belong to engines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// `[ftp]`
    pub ftp: ftp::Config,
    /// `[ssh]`
    pub ssh: ssh::Config,
    /// The host keys of the instance; without them each engine makes small ones of its own.
    pub host_keys: Option<Arc<ssh::HostKeys>>,
    /// `[telnet]`
    pub telnet: telnet::Config,
    /// `[smtp]`
    pub smtp: smtp::Config,
    /// `[http]`
    pub http: http::Config,
}

/// What the first bytes look like when they are another protocol's.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    const HTTP: &[&[u8]] =
        &[b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"CONNECT ", b"DELETE ", b"PATCH ", b"TRACE ", b"PRI * "];
    if bytes.starts_with(&[0x16, 0x03]) {
        Some("tls")
    } else if bytes.starts_with(b"SSH-") {
        Some("ssh")
    } else if HTTP.iter().any(|verb| bytes.starts_with(verb)) {
        Some("http")
    } else {
        None
    }
}

/// Records what a visitor left on the wire when the visit ended: a line without its end.
fn unfinished(session: &Session, wire: &Wire) {
    if !wire.unread().is_empty() {
        session.log().record(Kind::malformed("a line without an end", wire.unread()));
    }
}
