//! `Config.toml`: assembles each room's own section. Unknown keys and bad values stop the start with file, line and
//! reason; nothing is guessed and nothing is ignored.

mod source;

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::protocols::{self, ALL, Entry, ftp, http, smtp, ssh, tcp, telnet};
use crate::respond::{BudgetConfig, Mode};
use crate::session::{Limits, recording, tls};
use crate::{chatgpt, logging, registration, sinks, world};
pub use source::{ConfigError, Environment, load};

/// The documented default configuration, as `rustbucket print-config` prints it.
pub const DEFAULT: &str = include_str!("../config/default.toml");

/// The whole of `Config.toml`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `[general]`
    pub general: General,
    /// `[ports]`
    pub ports: Ports,
    /// `[limits]`
    pub limits: Limits,
    /// `[openai]`
    pub openai: chatgpt::Config,
    /// `[[models]]`
    pub models: Vec<chatgpt::ModelConfig>,
    /// `[budget]`
    pub budget: BudgetConfig,
    /// `[registration]`
    pub registration: registration::Config,
    /// `[events]`
    pub events: sinks::jsonl::Config,
    /// `[recordings]`
    pub recordings: recording::Config,
    /// `[persona]`
    pub persona: world::Config,
    /// `[overlay]`
    pub overlay: world::Overlay,
    /// `[login]`
    pub login: world::Login,
    /// `[sandbox]`
    pub sandbox: Sandbox,
    /// `[tls]`
    pub tls: tls::Config,
    /// `[ftp]`
    pub ftp: ftp::Config,
    /// `[ssh]`
    pub ssh: ssh::Config,
    /// `[telnet]`
    pub telnet: telnet::Config,
    /// `[smtp]`
    pub smtp: smtp::Config,
    /// `[http]`
    pub http: http::Config,
    /// `[[services]]`
    pub services: Vec<tcp::Config>,
}

/// `[general]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct General {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter in the notation of `RUST_LOG`, which overrides it.
    pub log_level: String,
    /// Folder of `rustbucket.log.YYYY-MM-DD` and, unless `[events] directory` says otherwise, of the events.
    pub log_directory: PathBuf,
    /// Days that log files are kept; 0 keeps all.
    pub log_max_age_days: u32,
    /// Bytes of all log files together; 0 is no bound.
    pub log_max_total_bytes: u64,
    /// Folder of what must survive a restart: identity, captured files and mails.
    pub state_directory: PathBuf,
    /// Name of this sensor in events; empty: the instance's own name.
    pub sensor: String,
    /// Address to listen on; empty: all, IPv4 and IPv6.
    pub address: String,
    /// User to become after binding, when started as root; empty: stay who we are.
    pub user: String,
}

impl Default for General {
    fn default() -> Self {
        Self {
            log_level: "info".into(),
            log_directory: "./logs".into(),
            log_max_age_days: 30,
            log_max_total_bytes: 512 << 20,
            state_directory: "./state".into(),
            sensor: String::new(),
            address: String::new(),
            user: String::new(),
        }
    }
}

/// `[sandbox]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sandbox {
    /// Give up all rights that are not needed, before the first visitor.
    pub enabled: bool,
    /// What the kernel can't do is an error instead of a warning.
    pub required: bool,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self { enabled: true, required: false }
    }
}

/// `[ports]`: one line for each protocol.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ports {
    /// FTP
    pub ftp: Port,
    /// Telnet
    pub telnet: Port,
    /// SMTP
    pub smtp: Port,
    /// SMTP for mail programs: STARTTLS and a login come first.
    pub submission: Port,
    /// The same in TLS from the first byte.
    pub smtps: Port,
    /// HTTP
    pub http: Port,
    /// The same in TLS.
    pub https: Port,
    /// The API of Docker.
    pub docker: Port,
    /// SSH; left out when nobody named its port and something else listens there.
    pub ssh: Port,
}

impl Default for Ports {
    fn default() -> Self {
        let on = Port::default;
        let off = || Port { enabled: false, ..on() };
        Self {
            ftp: on(),
            telnet: on(),
            smtp: on(),
            submission: off(),
            smtps: off(),
            http: on(),
            https: off(),
            docker: off(),
            ssh: on(),
        }
    }
}

/// `{ enabled, port, mode, proxy_protocol }`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Port {
    /// Whether to listen.
    pub enabled: bool,
    /// 1 to 65535; absent: the standard port for root, the high one for others.
    #[serde(deserialize_with = "port")]
    pub port: Option<u16>,
    /// Who answers.
    pub mode: Mode,
    /// A load balancer in front sends PROXY headers; whoever sends none is refused.
    pub proxy_protocol: bool,
}

impl Default for Port {
    fn default() -> Self {
        Self { enabled: true, port: None, mode: Mode::default(), proxy_protocol: false }
    }
}

fn port<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let number = i64::deserialize(deserializer)?;
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err(serde::de::Error::custom(format!("port {number} does not exist, choose one of 1 to 65535"))),
    }
}

/// One port to open.
pub struct Opening<'a> {
    /// Line of the protocols' table.
    pub entry: &'static Entry,
    /// Number of the port.
    pub port: u16,
    /// Whether the operator named the number.
    pub named: bool,
    /// Everything else about it.
    pub settings: &'a Port,
}

impl Config {
    /// The ports of the protocols' table that are to be opened; `root` decides about numbers that nobody named.
    pub fn openings(&self, root: bool) -> Vec<Opening<'_>> {
        let opening = |entry: &'static Entry| {
            let settings = self.ports.of(entry.name)?;
            let usual = if root { entry.port } else { entry.high_port };
            let port = settings.port.unwrap_or(usual);
            Some(Opening { entry, port, named: settings.port.is_some(), settings })
        };
        // A router has no sshd.
        let has = |opening: &Opening<'_>| opening.entry.name != "ssh" || self.persona.profile != "busybox";
        ALL.iter().filter_map(opening).filter(|opening| opening.settings.enabled && has(opening)).collect()
    }

    /// The engines' sections.
    pub fn protocols(&self) -> protocols::Config {
        protocols::Config {
            ftp: self.ftp.clone(),
            ssh: self.ssh.clone(),
            host_keys: None,
            telnet: self.telnet.clone(),
            smtp: self.smtp.clone(),
            http: self.http.clone(),
        }
    }

    /// What no single value shows: clashes and things that do not exist. The path names the key to blame.
    fn check(&self) -> Result<(), (Vec<String>, String)> {
        let blame =
            |path: &[&str], reason: String| Err((path.iter().map(|part| (*part).to_string()).collect(), reason));
        if let Err(reason) = logging::check_level(&self.general.log_level) {
            return blame(&["general", "log_level"], format!("no such log level: {reason}"));
        }
        if !self.general.address.is_empty() && self.general.address.parse::<IpAddr>().is_err() {
            return blame(&["general", "address"], "not an IP address; leave it empty to listen on all".into());
        }
        let mut taken: Vec<(u16, String)> = Vec::new();
        for root in [true, false] {
            taken.clear();
            for Opening { entry, port, .. } in self.openings(root) {
                if let Some((_, other)) = taken.iter().find(|(known, _)| *known == port) {
                    return blame(&["ports", entry.name, "port"], format!("port {port} is taken by {other} already"));
                }
                taken.push((port, entry.name.into()));
            }
            for (at, service) in self.services.iter().enumerate() {
                let at = at.to_string();
                if service.port == 0 {
                    return blame(&["services", &at, "port"], "port 0 does not exist, choose one of 1 to 65535".into());
                }
                if let Some((_, other)) = taken.iter().find(|(known, _)| *known == service.port) {
                    let reason = format!("port {} is taken by {other} already", service.port);
                    return blame(&["services", &at, "port"], reason);
                }
                if service.name.is_empty() || ALL.iter().any(|entry| entry.name == service.name) {
                    let reason = "a service needs a name that is not that of a protocol".into();
                    return blame(&["services", &at, "name"], reason);
                }
                taken.push((service.port, service.name.clone()));
            }
        }
        if self.openings(true).is_empty() && self.services.is_empty() {
            return blame(&["ports"], "every port is switched off; enable at least one".into());
        }
        for name in self.openai.static_messages.keys() {
            if name.strip_prefix("message").and_then(|number| number.parse::<u32>().ok()).is_none() {
                let reason = "static messages are called message1, message2, and so on".into();
                return blame(&["openai", "static_messages", name], reason);
            }
        }
        for (key, url) in
            [("openai", &self.openai.base_url), ("registration", &self.registration.rustbucket_registry_url)]
        {
            let field = if key == "openai" { "base_url" } else { "rustbucket_registry_url" };
            if !url.is_empty() && !url.starts_with("http://") && !url.starts_with("https://") {
                return blame(&[key, field], "not an address: it begins with http:// or https://".into());
            }
        }
        for (at, model) in self.models.iter().enumerate() {
            if let Err((key, reason)) = model.check() {
                return blame(&["models", &at.to_string(), key], reason);
            }
        }
        if let Err((key, reason)) = self.budget.check() {
            return blame(&["budget", key], reason);
        }
        if self.openai.timeout_ms == 0 {
            return blame(&["openai", "timeout_ms"], "0 milliseconds leave no time to answer".into());
        }
        if let Err((key, reason)) = self.ftp.check() {
            return blame(&["ftp", key], reason);
        }
        if let Err((key, reason)) = self.ssh.check() {
            return blame(&["ssh", key], reason);
        }
        if let Err((key, reason)) = self.smtp.check() {
            return blame(&["smtp", key], reason);
        }
        for (name, port) in
            [("submission", &self.ports.submission), ("smtps", &self.ports.smtps), ("https", &self.ports.https)]
        {
            if port.enabled && port.mode == Mode::Ai {
                let reason = "the AI mode speaks no TLS; choose `hybrid` or `emulator`".into();
                return blame(&["ports", name, "mode"], reason);
            }
        }
        if let Err((key, reason)) = self.recordings.check() {
            return blame(&["recordings", key], reason);
        }
        if let Err((key, reason)) = self.tls.check() {
            return blame(&["tls", key], reason);
        }
        self.check_limits()?;
        if let Err((key, reason)) = self.http.check() {
            return blame(&["http", key], reason);
        }
        self.persona.check().map_err(|(mut path, reason)| {
            path.insert(0, "persona".into());
            (path, reason)
        })
    }

    fn check_limits(&self) -> Result<(), (Vec<String>, String)> {
        let limits = &self.limits;
        let least = [
            ("connections", limits.connections as u64),
            ("per_source", limits.per_source.into()),
            ("per_network", limits.per_network.into()),
            ("idle_seconds", limits.idle_seconds),
            ("visit_seconds", limits.visit_seconds),
            ("bytes_in", limits.bytes_in),
            ("bytes_out", limits.bytes_out),
        ];
        for (name, value) in least {
            if value == 0 {
                return Err((vec!["limits".into(), name.into()], "0 would refuse every visitor".into()));
            }
        }
        Ok(())
    }
}

impl Ports {
    fn of(&self, name: &str) -> Option<&Port> {
        match name {
            "ftp" => Some(&self.ftp),
            "telnet" => Some(&self.telnet),
            "smtp" => Some(&self.smtp),
            "submission" => Some(&self.submission),
            "smtps" => Some(&self.smtps),
            "http" => Some(&self.http),
            "https" => Some(&self.https),
            "docker" => Some(&self.docker),
            "ssh" => Some(&self.ssh),
            _ => None,
        }
    }
}
