//! `register_instance()`: makes this instance known to its registry. One of the few files that dial out, and only to
//! the configured address; nobody is asked for our own address. The token and the key are in no log.

mod identity;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::oneshot;

use crate::base::text::Printable;
use crate::base::{Secret, rng};
use crate::registry::{Registration, Reply};
pub use identity::Identity;

/// `[registration]` of `Config.toml`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address to post to; empty: no registration.
    pub rustbucket_registry_url: String,
    /// One-time key that the registry's administrator handed out.
    pub registration_key: Secret,
    /// Address under which the registry can reach this instance.
    pub ip_address: String,
    /// What the instance calls its operating system; empty: that of the persona.
    pub operating_system: String,
}

impl Config {
    /// Whether there is a registry; the sample configuration's address is none (RFC 2606).
    pub fn usable(&self) -> bool {
        !self.rustbucket_registry_url.is_empty() && !self.is_placeholder()
    }

    fn is_placeholder(&self) -> bool {
        let host = self.rustbucket_registry_url.split('/').nth(2).unwrap_or_default();
        host.split(':').next().is_some_and(|host| host.ends_with(".example.com"))
    }
}

/// Why a try failed.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    Refused(String),
    TimedOut,
    Redirect(u16),
    Status(u16, String),
    Junk,
}

impl Failure {
    /// Trying again can't help until somebody changes something.
    fn is_final(&self) -> bool {
        match self {
            Self::Redirect(_) => true,
            Self::Status(status, _) => (400..500).contains(status) && !matches!(status, 408 | 429),
            _ => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => write!(f, "the registry can't be reached ({why}); check the address and the network"),
            Self::TimedOut => f.write_str("the registry did not answer in time; check that it runs"),
            Self::Redirect(status) => write!(
                f,
                "the registry redirects (HTTP {status}); put its final address into [registration], often the same with a slash at the end"
            ),
            Self::Status(401, why) => {
                write!(
                    f,
                    "the registry refused the registration key (HTTP 401{why}); ask its administrator for a new one"
                )
            }
            Self::Status(400, why) => write!(
                f,
                "the registry misses something (HTTP 400{why}); set ip_address and registration_key in [registration]"
            ),
            Self::Status(status @ (404 | 405), why) => {
                write!(
                    f,
                    "the registry does not take registrations at this address (HTTP {status}{why}); check its path"
                )
            }
            Self::Status(status @ 500.., why) => {
                write!(f, "the registry failed (HTTP {status}{why}); ask its administrator")
            }
            Self::Status(status, why) => write!(f, "the registry refused (HTTP {status}{why}); check [registration]"),
            Self::Junk => {
                f.write_str("the registry's answer is not JSON; check that the address is that of a registry")
            }
        }
    }
}

/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the start may wait for the first try.
const HOLD: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);
/// How much of an answer is read, in bytes.
const ANSWER_LIMIT: usize = 64 << 10;

/// Registers this instance: waits for the first try, at most 3 s; all else is done in the background.
/// Never fails the start.
pub async fn register_instance(config: &Config, identity: Identity, operating_system: &str) {
    if config.is_placeholder() {
        tracing::warn!("[registration] rustbucket_registry_url is the sample's; this instance is not registered");
        return;
    }
    if !config.usable() {
        return;
    }
    if identity.is_registered(config) {
        tracing::info!(name = identity.name(), "already registered with this key");
        return;
    }
    let system = if config.operating_system.is_empty() { operating_system } else { &config.operating_system };
    let client = Client {
        config: config.clone(),
        identity,
        operating_system: system.into(),
        started: std::time::Instant::now(),
    };
    let (tried, first_try) = oneshot::channel();
    tokio::spawn(client.run(tried));
    if tokio::time::timeout(HOLD, first_try).await.is_err() {
        tracing::warn!(
            "the registry has not answered yet; starting without it, registration goes on in the background"
        );
    }
}

struct Client {
    config: Config,
    identity: Identity,
    operating_system: String,
    started: std::time::Instant,
}

impl Client {
    /// Tries until it succeeds or can't, with growing pauses.
    async fn run(mut self, tried: oneshot::Sender<()>) {
        let mut tried = Some(tried);
        let built = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build();
        let http = match built {
            Ok(http) => http,
            Err(error) => {
                tracing::error!(%error, "no HTTP client; this instance is not registered");
                return;
            }
        };
        let mut pause = FIRST_PAUSE;
        loop {
            let result = self.attempt(&http).await;
            if let Some(tried) = tried.take() {
                let _ = tried.send(());
            }
            match result {
                Ok(id) => {
                    self.identity.registered(&self.config);
                    tracing::info!(name = self.identity.name(), id = id.as_deref().unwrap_or("-"), "registered");
                    return;
                }
                Err(failure) if failure.is_final() => {
                    tracing::error!("registration: {failure}. It is not tried again before the next start");
                    return;
                }
                Err(failure) => {
                    let wait = rng::spread(pause / 2, pause);
                    tracing::warn!(next_try_seconds = wait.as_secs(), "registration: {failure}");
                    tokio::time::sleep(wait).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn attempt(&self, http: &reqwest::Client) -> Result<Option<String>, Failure> {
        let text = |value: &str| (!value.is_empty()).then(|| value.to_string());
        let body = Registration {
            name: self.identity.name().into(),
            token: self.identity.token().expose().into(),
            operating_system: self.operating_system.clone(),
            ip_address: text(&self.config.ip_address),
            registration_key: text(self.config.registration_key.expose()),
            uptime: self.started.elapsed().as_secs().to_string(),
            connections: "0".into(),
        };
        #[expect(clippy::disallowed_methods, reason = "this file owns the calls to the registry")]
        let sent = http.post(&self.config.rustbucket_registry_url).json(&body).send().await;
        let mut response = sent.map_err(|error| failed(&error))?;
        let status = response.status();
        let mut answer = Vec::new();
        while let Ok(Some(piece)) = response.chunk().await {
            answer.extend_from_slice(&piece);
            if answer.len() > ANSWER_LIMIT {
                break;
            }
        }
        if status.is_redirection() {
            return Err(Failure::Redirect(status.as_u16()));
        }
        let reply: Option<Reply> = serde_json::from_slice(&answer).ok();
        if !status.is_success() {
            let why = reply.and_then(|reply| reply.error).map(|error| format!(": {}", Printable(error.as_bytes())));
            return Err(Failure::Status(status.as_u16(), why.unwrap_or_default()));
        }
        let reply = reply.ok_or(Failure::Junk)?;
        Ok(reply.id.map(|id| Printable(id.as_bytes()).to_string()))
    }
}

fn failed(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        return Failure::TimedOut;
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Failure::Refused(cause.to_string())
}

/// Where the identity is kept, for the command line.
pub fn identity_file(state: &std::path::Path) -> PathBuf {
    state.join("instance.json")
}
