//! `[ssh]` of `Config.toml`.

use serde::Deserialize;

/// `[ssh]`: names and defaults are those of `sshd_config(5)`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seconds that somebody may take to log in.
    pub login_grace_seconds: u64,
    /// Failures that end a connection.
    pub max_auth_tries: usize,
    /// `BEGIN:RATE:FULL` connections of one source that have not logged in: from BEGIN on RATE per cent are dropped, at
    /// FULL all.
    pub max_startups: String,
    /// Sessions at once on one connection.
    pub max_sessions: usize,
    /// What becomes of `direct-tcpip`: `refuse` (as with `AllowTcpForwarding no`, also for listening), `timeout` (nobody but
    /// the host itself answers), `emulate` (web and mail servers are played). Nothing is ever dialled.
    pub forwarding: Forwarding,
}

/// What may be forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forwarding {
    /// Nothing.
    Refuse,
    /// To the host itself; others never answer.
    Timeout,
    /// To the host itself, and to played servers.
    #[default]
    Emulate,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            login_grace_seconds: 120,
            max_auth_tries: 6,
            max_startups: "10:30:100".into(),
            max_sessions: 10,
            forwarding: Forwarding::default(),
        }
    }
}

impl Config {
    /// The three numbers of `max_startups`.
    pub(super) fn startups(&self) -> Option<(u32, u32, u32)> {
        let mut parts = self.max_startups.split(':').map(|part| part.parse::<u32>().ok());
        let (begin, rate, full) = (parts.next()??, parts.next()??, parts.next()??);
        (parts.next().is_none() && begin > 0 && begin <= full && (1..=100).contains(&rate))
            .then_some((begin, rate, full))
    }

    /// What can't be: the key and why.
    ///
    /// # Errors
    /// The first mistake.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.login_grace_seconds == 0 || self.login_grace_seconds > 86_400 {
            return Err(("login_grace_seconds", "from 1 second to a day".into()));
        }
        if !(1..=1000).contains(&self.max_auth_tries) {
            return Err(("max_auth_tries", "from 1 to 1000".into()));
        }
        if !(1..=100).contains(&self.max_sessions) {
            return Err(("max_sessions", "from 1 to 100".into()));
        }
        if self.startups().is_none() {
            return Err(("max_startups", "BEGIN:RATE:FULL, such as \"10:30:100\"".into()));
        }
        Ok(())
    }
}
