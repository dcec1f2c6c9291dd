//! Who this instance is: its name and seed, kept in the state directory, and its token.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Config;
use crate::base::{Secret, ids, rng};

/// The name, the seed and the token of this instance.
#[derive(Debug)]
pub struct Identity {
    file: PathBuf,
    kept: Kept,
    token: Secret,
}

/// What `instance.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    name: String,
    seed: u64,
    /// Fingerprint of address and key of a registration that succeeded with a one-time key.
    #[serde(default)]
    registered: Option<String>,
}

impl Identity {
    /// Reads the identity, or makes one and keeps it. `token_file` is `token.txt`: when it exists, its content is the
    /// token; else a fresh token is used, of which the second value tells. No token is ever written.
    ///
    /// # Errors
    /// The file can't be read, is damaged, or can't be written.
    pub fn open(file: &Path, token_file: &Path) -> io::Result<(Self, bool)> {
        let kept = match fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let advice = "mend or remove it; without it this instance becomes another one";
                io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged ({error}); {advice}", file.display()))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = format!("rustbucket-{}", ids::alphanumeric(8));
                let kept = Kept { name, seed: rng::fresh_seed(), registered: None };
                write(file, &kept)?;
                kept
            }
            Err(error) => return Err(error),
        };
        let token = match fs::read_to_string(token_file) {
            Ok(text) => text.trim().to_string(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", token_file.display()))),
        };
        let fresh = token.is_empty();
        let token = Secret::new(if fresh { ids::alphanumeric(32) } else { token });
        Ok((Self { file: file.into(), kept, token }, fresh))
    }

    /// `rustbucket-` and 8 letters or digits; the same after a restart.
    pub fn name(&self) -> &str {
        &self.kept.name
    }

    /// What everything invented about the simulated host grows from.
    pub fn seed(&self) -> u64 {
        self.kept.seed
    }

    pub(super) fn token(&self) -> &Secret {
        &self.token
    }

    /// Whether this one-time key was spent by us at this registry: posting it again would be refused.
    pub(super) fn is_registered(&self, config: &Config) -> bool {
        !config.registration_key.is_empty() && self.kept.registered == Some(fingerprint(config))
    }

    /// Remembers that the one-time key is spent.
    pub(super) fn registered(&mut self, config: &Config) {
        if config.registration_key.is_empty() {
            return;
        }
        self.kept.registered = Some(fingerprint(config));
        if let Err(error) = write(&self.file, &self.kept) {
            tracing::error!(%error, "instance.json can't be written; the next start will try to register again");
        }
    }
}

fn fingerprint(config: &Config) -> String {
    let both = format!("{}\n{}", config.rustbucket_registry_url, config.registration_key.expose());
    Sha256::digest(both).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes beside and renames, so that a crash leaves the old file or the new one; readable by us alone.
fn write(file: &Path, kept: &Kept) -> io::Result<()> {
    let scratch = file.with_extension("new");
    let mut out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&scratch)?;
    out.write_all(&serde_json::to_vec_pretty(kept)?)?;
    out.sync_all()?;
    fs::rename(&scratch, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_not_a_new_instance_and_the_token_is_written_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let (file, token) = (dir.path().join("instance.json"), dir.path().join("token.txt"));
        let (first, fresh) = Identity::open(&file, &token).unwrap();
        let (second, _) = Identity::open(&file, &token).unwrap();
        assert!(fresh && first.name() == second.name() && first.seed() == second.seed());
        assert_eq!((first.name().len(), first.token().expose().len()), (19, 32));
        assert_ne!(first.token(), second.token());
        assert!(!token.exists());
        assert!(!fs::read_to_string(&file).unwrap().contains(first.token().expose()));
    }

    #[test]
    fn token_txt_counts_when_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let token = dir.path().join("token.txt");
        fs::write(&token, "abc\n").unwrap();
        let (identity, fresh) = Identity::open(&dir.path().join("instance.json"), &token).unwrap();
        assert!(!fresh);
        assert_eq!(identity.token().expose(), "abc");
    }

    #[test]
    fn a_damaged_file_is_said_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("instance.json");
        fs::write(&file, "{").unwrap();
        let error = Identity::open(&file, &dir.path().join("token.txt")).unwrap_err().to_string();
        assert!(error.contains("damaged"), "{error}");
        assert_eq!(fs::read(&file).unwrap(), b"{");
    }

    #[test]
    fn a_one_time_key_is_used_once() {
        let dir = tempfile::tempdir().unwrap();
        let (file, token) = (dir.path().join("instance.json"), dir.path().join("token.txt"));
        let config = Config { registration_key: Secret::new("key"), ..Config::default() };
        let (mut identity, _) = Identity::open(&file, &token).unwrap();
        assert!(!identity.is_registered(&config));
        identity.registered(&config);
        let (again, _) = Identity::open(&file, &token).unwrap();
        assert!(again.is_registered(&config));
        let other = Config { registration_key: Secret::new("other"), ..Config::default() };
        assert!(!again.is_registered(&other));
    }
}
