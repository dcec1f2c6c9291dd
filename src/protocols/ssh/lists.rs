//! What the two releases of OpenSSH offer, in their order (`sshd -T` of each).

use std::borrow::Cow;
use std::time::Duration;

use russh::keys::ssh_key::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Limits, Preferred, SshId, cipher, compression, kex, mac, server};

use super::config::Config;
use super::hostkeys::HostKeys;

/// A release of OpenSSH as a distribution ships it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Release {
    /// 8.2p1 of Ubuntu 20.04, with its later corrections (strict key exchange).
    V8_2,
    /// 9.2p1 of Debian 12.
    V9_2,
}

impl Release {
    /// The one that a version names.
    pub fn of(version: &str) -> Self {
        if version.starts_with("OpenSSH_9") { Self::V9_2 } else { Self::V8_2 }
    }

    fn kex(self) -> Vec<kex::Name> {
        let new: &[_] = match self {
            Self::V9_2 => &[kex::SNTRUP761X25519_SHA512, kex::SNTRUP761X25519_SHA512_OPENSSH],
            Self::V8_2 => &[],
        };
        let common = [
            kex::CURVE25519,
            kex::CURVE25519_PRE_RFC_8731,
            kex::ECDH_SHA2_NISTP256,
            kex::ECDH_SHA2_NISTP384,
            kex::ECDH_SHA2_NISTP521,
            kex::DH_GEX_SHA256,
            kex::DH_G16_SHA512,
            kex::DH_G18_SHA512,
            kex::DH_G14_SHA256,
            kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
        ];
        new.iter().chain(&common).copied().collect()
    }

    fn host_keys(self) -> Vec<Algorithm> {
        let mut all =
            vec![Algorithm::Rsa { hash: Some(HashAlg::Sha512) }, Algorithm::Rsa { hash: Some(HashAlg::Sha256) }];
        if self == Self::V8_2 {
            all.push(Algorithm::Rsa { hash: None });
        }
        all.extend([Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }, Algorithm::Ed25519]);
        all
    }

    /// EXT_INFO (RFC 8308).
    fn extensions(self) -> Vec<(String, Vec<u8>)> {
        let algorithms: &[u8] = match self {
            Self::V8_2 => {
                b"ssh-ed25519,sk-ssh-ed25519@openssh.com,ssh-rsa,rsa-sha2-256,rsa-sha2-512,ssh-dss,\
                  ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ecdsa-sha2-nistp256@openssh.com"
            }
            Self::V9_2 => {
                b"ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,\
                  ecdsa-sha2-nistp521,sk-ecdsa-sha2-nistp256@openssh.com,webauthn-sk-ecdsa-sha2-nistp256@openssh.com,\
                  ssh-dss,ssh-rsa,rsa-sha2-256,rsa-sha2-512"
            }
        };
        let mut all = vec![("server-sig-algs".to_string(), algorithms.to_vec())];
        if self == Self::V9_2 {
            all.push(("publickey-hostbound@openssh.com".to_string(), b"0".to_vec()));
        }
        all
    }

    /// A key that is used with a signature of this kind logs in (`PubkeyAcceptedAlgorithms`).
    pub fn accepts(self, algorithm: &Algorithm) -> bool {
        match algorithm {
            // SHA-1 has gone with 8.8.
            Algorithm::Rsa { hash: None } => self == Self::V8_2,
            Algorithm::Dsa => false,
            _ => true,
        }
    }
}

const CIPHERS: &[cipher::Name] = &[
    cipher::CHACHA20_POLY1305,
    cipher::AES_128_CTR,
    cipher::AES_192_CTR,
    cipher::AES_256_CTR,
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
];

const MACS: &[mac::Name] = &[
    mac::UMAC_64_ETM,
    mac::UMAC_128_ETM,
    mac::HMAC_SHA256_ETM,
    mac::HMAC_SHA512_ETM,
    mac::HMAC_SHA1_ETM,
    mac::UMAC_64,
    mac::UMAC_128,
    mac::HMAC_SHA256,
    mac::HMAC_SHA512,
    mac::HMAC_SHA1,
];

const COMPRESSIONS: &[compression::Name] = &[compression::NONE, compression::ZLIB_LEGACY];

/// The largest packet of a channel (`CHAN_SES_PACKET_DEFAULT`).
pub(super) const PACKET: u32 = 32 * 1024;
/// The window of a session (`CHAN_SES_WINDOW_DEFAULT`).
pub(super) const WINDOW: u32 = 64 * PACKET;

/// What the library is told.
pub(super) fn settings(version: &str, config: &Config, keys: &HostKeys, idle: Duration) -> server::Config {
    let release = Release::of(version);
    server::Config {
        server_id: SshId::Standard(format!("SSH-2.0-{version}").into()),
        methods: (&[russh::MethodKind::PublicKey, russh::MethodKind::Password][..]).into(),
        // The delays are those of `auth.rs`.
        auth_rejection_time: Duration::ZERO,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: keys.keys().to_vec(),
        // As OpenSSH counts for most ciphers; no time.
        limits: Limits { rekey_write_limit: 1 << 30, rekey_read_limit: 1 << 30, rekey_time_limit: NEVER },
        window_size: 0,
        maximum_packet_size: PACKET,
        channel_buffer_size: 1,
        event_buffer_size: 4,
        preferred: Preferred {
            kex: Cow::Owned(release.kex()),
            key: Cow::Owned(release.host_keys()),
            host_key_certificates: Cow::Borrowed(&[]),
            cipher: Cow::Borrowed(CIPHERS),
            mac: Cow::Borrowed(MACS),
            compression: Cow::Borrowed(COMPRESSIONS),
        },
        max_auth_attempts: 0,
        inactivity_timeout: Some(idle),
        extensions: release.extensions(),
        manual_windows: true,
        max_auth_failures: config.max_auth_tries,
        hang_up: true,
        ..server::Config::default()
    }
}

const NEVER: Duration = Duration::from_secs(30 * 86_400);
