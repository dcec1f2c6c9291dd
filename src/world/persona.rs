//! Who the host says it is. Everything that can be asked twice, over whatever protocol, comes from here.

use serde::Deserialize;

use crate::base::clock;
use crate::base::rng::Rng;

/// `[persona]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Host name as `hostname` prints it.
    pub hostname: String,
    /// Domain; `hostname.domain` is what the mail server calls itself.
    pub domain: String,
    /// Address that the host believes to have. Empty: a private one from the instance's seed.
    pub address: String,
    /// Accounts that can be logged in to.
    pub accounts: Vec<AccountConfig>,
    /// Files beside those that every host has.
    pub files: Vec<FileConfig>,
}

/// One `[[persona.accounts]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// Login name.
    pub name: String,
    /// Passwords that open it; each attacker may find a different one.
    pub passwords: Vec<String>,
}

/// One `[[persona.files]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// Absolute path.
    pub path: String,
    /// What is in it; a path that ends in `/` is a folder and has none.
    #[serde(default)]
    pub content: String,
    /// Owner's login name.
    #[serde(default = "root")]
    pub owner: String,
    /// Permission bits in octal, such as `"0644"`. Empty: 0644, or 0755 for a folder.
    #[serde(default)]
    pub mode: String,
    /// Time of the last change, RFC 3339. Empty: the day the host was set up.
    #[serde(default)]
    pub modified: String,
}

fn root() -> String {
    "root".into()
}

impl Default for Config {
    fn default() -> Self {
        let account = |name: &str, passwords: &[&str]| AccountConfig {
            name: name.into(),
            passwords: passwords.iter().map(|&password| password.into()).collect(),
        };
        Self {
            hostname: "mail".into(),
            domain: "example.com".into(),
            address: String::new(),
            accounts: vec![account("root", &["toor", "qwe123"]), account("ubuntu", &["ubuntu"])],
            files: Vec::new(),
        }
    }
}

/// The facts of one instance: the same as long as its seed is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persona {
    /// `mail`
    pub hostname: String,
    /// `mail.example.com`
    pub fqdn: String,
    /// `example.com`
    pub domain: String,
    /// IPv4 address of the only interface, as text.
    pub address: String,
    /// `Ubuntu 20.04.6 LTS`
    pub os: &'static str,
    /// `5.4.0-169-generic`
    pub kernel: &'static str,
    /// What `uname -v` prints.
    pub kernel_version: &'static str,
    /// `x86_64`
    pub machine: &'static str,
    /// When the host was installed, seconds since 1970.
    pub installed: i64,
    /// When the host was last started, seconds since 1970.
    pub booted: i64,
}

impl Persona {
    pub(super) fn new(config: &Config, seed: u64) -> Self {
        let mut rng = Rng::new(seed, "persona");
        let address = if config.address.is_empty() {
            format!("10.{}.{}.{}", rng.between(0, 250), rng.between(0, 250), rng.between(4, 250))
        } else {
            config.address.clone()
        };
        // Installed between mid 2021 and end of 2023. Started on some day before this run, within the last 90 days:
        // counted from a fixed calendar of 90-day periods so that a restart of ours is not a restart of the host.
        let installed = i64::try_from(rng.between(1_625_000_000, 1_703_000_000)).unwrap_or_default();
        let period = 90 * 86_400;
        let phase = i64::try_from(rng.between(0, 90 * 86_400 - 1)).unwrap_or_default();
        let now = clock::unix_seconds();
        let booted = now - (now - phase).rem_euclid(period);
        let fqdn = if config.domain.is_empty() {
            config.hostname.clone()
        } else {
            format!("{}.{}", config.hostname, config.domain)
        };
        Self {
            hostname: config.hostname.clone(),
            fqdn,
            domain: config.domain.clone(),
            address,
            os: "Ubuntu 20.04.6 LTS",
            kernel: "5.4.0-169-generic",
            kernel_version: "#187-Ubuntu SMP Thu Nov 23 14:52:28 UTC 2023",
            machine: "x86_64",
            installed,
            booted,
        }
    }
}

impl Config {
    /// What no single value shows.
    ///
    /// # Errors
    /// The key below `[persona]` and the reason.
    pub fn check(&self) -> Result<(), (Vec<String>, String)> {
        let name = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let blame =
            |path: &[&str], reason: &str| Err((path.iter().map(|part| (*part).to_string()).collect(), reason.into()));
        if !name(&self.hostname) {
            return blame(&["hostname"], "a host name has letters, digits and hyphens");
        }
        if !self.domain.is_empty() && !self.domain.split('.').all(name) {
            return blame(&["domain"], "a domain has labels of letters, digits and hyphens between its dots");
        }
        if !self.address.is_empty() && self.address.parse::<std::net::Ipv4Addr>().is_err() {
            return blame(&["address"], "not an IPv4 address");
        }
        for (at, account) in self.accounts.iter().enumerate() {
            let at = at.to_string();
            let shaped = account.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            if account.name.is_empty() || !shaped {
                return blame(
                    &["accounts", &at, "name"],
                    "a login name has letters, digits, hyphens, dots and underscores",
                );
            }
        }
        for (at, file) in self.files.iter().enumerate() {
            let at = at.to_string();
            if !file.path.starts_with('/') {
                return blame(&["files", &at, "path"], "a path begins with a slash");
            }
            if !file.mode.is_empty() && u32::from_str_radix(&file.mode, 8).map_or(true, |mode| mode > 0o7777) {
                return blame(&["files", &at, "mode"], "permission bits are octal, such as \"0644\"");
            }
            if !file.modified.is_empty() && file.modified.parse::<clock::Timestamp>().is_err() {
                return blame(&["files", &at, "modified"], "not a time such as 2024-01-15T10:30:00Z");
            }
        }
        Ok(())
    }
}
