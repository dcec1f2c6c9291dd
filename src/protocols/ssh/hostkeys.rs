//! The host keys that `ssh-keygen -A` makes at an installation: RSA of 3072 bits, ECDSA on P-256, Ed25519. One set per
//! instance, kept in the state folder.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use russh::keys::ssh_key::{Algorithm, EcdsaCurve, LineEnding};
use russh::keys::{PrivateKey, decode_secret_key};

const FILE: &str = "ssh_host_keys.pem";
const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
/// Names as in the files of `/etc/ssh`, in the order in which sshd loads them.
const NAMES: [&str; 3] = ["rsa", "ecdsa", "ed25519"];

/// The keys, in the order of sshd's default configuration.
#[derive(Clone)]
pub struct HostKeys {
    keys: Vec<PrivateKey>,
}

impl fmt::Debug for HostKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostKeys")
    }
}

impl PartialEq for HostKeys {
    fn eq(&self, other: &Self) -> bool {
        self.blobs() == other.blobs()
    }
}

impl HostKeys {
    /// The keys of the state folder; made at the first start, kept with mode 0600.
    ///
    /// # Errors
    /// The file can't be read or written, or no key can be made.
    pub fn open(state: &Path, hostname: &str) -> io::Result<Self> {
        let path = state.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => {
                if let Some(known) = Self::parse(&text, hostname) {
                    return Ok(known);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let made = Self::make(hostname, 3072).ok_or_else(|| io::Error::other("no host key could be made"))?;
        let text: String = made.keys.iter().map(pem).collect();
        let scratch = state.join(format!("{FILE}.new"));
        let _ = fs::remove_file(&scratch);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&scratch)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&scratch, &path)?;
        Ok(made)
    }

    fn parse(text: &str, hostname: &str) -> Option<Self> {
        let keys: Vec<PrivateKey> = text
            .split(BEGIN)
            .skip(1)
            .filter_map(|part| PrivateKey::from_openssh(format!("{BEGIN}{part}")).ok())
            .collect();
        (keys.len() == NAMES.len()).then(|| Self { keys }.named(hostname))
    }

    /// Fresh ones; `None` when the library can't.
    pub fn make(hostname: &str, bits: usize) -> Option<Self> {
        let size = if bits > 2048 { rcgen::RsaKeySize::_3072 } else { rcgen::RsaKeySize::_2048 };
        let rsa = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size).ok()?;
        let rsa = decode_secret_key(&rsa.serialize_pem(), None).ok()?;
        let mut keys = vec![rsa];
        for algorithm in [Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }, Algorithm::Ed25519] {
            keys.push(PrivateKey::random(&mut rand::rng(), algorithm).ok()?);
        }
        Some(Self { keys }.named(hostname))
    }

    fn named(mut self, hostname: &str) -> Self {
        for key in &mut self.keys {
            key.set_comment(format!("root@{hostname}"));
        }
        self
    }

    /// No keys: nobody can be talked to.
    pub(super) fn none() -> Self {
        Self { keys: Vec::new() }
    }

    /// The keys for the library.
    pub(super) fn keys(&self) -> &[PrivateKey] {
        &self.keys
    }

    /// The public halves as they go over the wire.
    pub(super) fn blobs(&self) -> Vec<Vec<u8>> {
        self.keys.iter().map(|key| key.public_key().to_bytes().unwrap_or_default()).collect()
    }

    /// Files of `/etc/ssh`: path, content, mode.
    pub fn files(&self) -> Vec<(String, String, &'static str)> {
        let mut files = Vec::new();
        for (key, name) in self.keys.iter().zip(NAMES) {
            let public = key.public_key().to_openssh().unwrap_or_default();
            files.push((format!("/etc/ssh/ssh_host_{name}_key"), pem(key), "0600"));
            files.push((format!("/etc/ssh/ssh_host_{name}_key.pub"), public + "\n", "0644"));
        }
        files
    }
}

fn pem(key: &PrivateKey) -> String {
    key.to_openssh(LineEnding::LF).map(|text| text.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn they_are_kept_and_are_files_of_the_host() {
        let state = tempfile::tempdir().unwrap();
        let first = HostKeys::open(state.path(), "mail").unwrap();
        let again = HostKeys::open(state.path(), "mail").unwrap();
        assert_eq!(first, again);
        let mode = fs::metadata(state.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let files = again.files();
        let kinds = ["ssh-rsa ", "ecdsa-sha2-nistp256 ", "ssh-ed25519 "];
        for (at, kind) in kinds.iter().enumerate() {
            let (path, text, mode) = &files[2 * at + 1];
            assert!(path.ends_with("_key.pub") && text.starts_with(kind) && text.ends_with(" root@mail\n"), "{text}");
            assert_eq!(*mode, "0644");
            assert!(files[2 * at].1.starts_with(BEGIN));
        }
        // 3072 bits: as long as those of ssh-keygen.
        assert!((550..580).contains(&files[1].1.len()), "{}", files[1].1.len());
    }
}
