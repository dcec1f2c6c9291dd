//! The certificate that Ubuntu's package ssl-cert makes at the installation, "snakeoil": self-signed, RSA of 2048 bits,
//! the host's full name in subject and subjectAltName, ten years. One per instance, kept in the state folder.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, DnType, KeyPair, SerialNumber};

use super::TlsError;
use crate::base::rng;

/// A certificate and its key, both PEM.
#[derive(Clone)]
pub struct Snakeoil {
    /// `/etc/ssl/certs/ssl-cert-snakeoil.pem` of the host.
    pub certificate: String,
    /// `/etc/ssl/private/ssl-cert-snakeoil.key` of the host.
    pub key: String,
}

const FILE: &str = "snakeoil.pem";
/// Ten years as `openssl req -days 3650` counts them.
const LIFE: Duration = Duration::from_secs(3650 * 86_400);
const BEGIN_KEY: &str = "-----BEGIN PRIVATE KEY-----";

impl Snakeoil {
    /// The certificate of the host of this name, installed at that time (seconds since 1970); made at the first start
    /// and when the host's name changes, kept as `snakeoil.pem` in the folder with mode 0600.
    ///
    /// # Errors
    /// The file can't be read or written, or the library can't make a key.
    pub fn open(state: &Path, host: &str, installed: i64) -> Result<Self, TlsError> {
        let path = state.join(FILE);
        let failed = |error: io::Error| TlsError::new(&path, &error.to_string(), "make the state folder writable");
        let head = format!("host {host}\n");
        match fs::read_to_string(&path) {
            Ok(text) => {
                if let Some(known) = text.strip_prefix(&head).and_then(Self::split) {
                    return Ok(known);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let made = Self::make(host, installed).map_err(|error| {
            TlsError::new(&path, &error.to_string(), "name a certificate and a key of your own in [tls]")
        })?;
        let scratch = state.join(format!("{FILE}.new"));
        let _ = fs::remove_file(&scratch);
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&scratch).map_err(failed)?;
        file.write_all([&head, made.certificate.as_str(), &made.key].concat().as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::rename(&scratch, &path).map_err(failed)?;
        Ok(made)
    }

    fn split(text: &str) -> Option<Self> {
        let (certificate, key) = text.split_at_checked(text.find(BEGIN_KEY)?)?;
        certificate.starts_with("-----BEGIN").then(|| Self { certificate: certificate.into(), key: key.into() })
    }

    /// A fresh one.
    ///
    /// # Errors
    /// The library can't make a key or sign.
    pub fn make(host: &str, installed: i64) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256)?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, host);
        // OpenSSL: 20 random bytes, positive.
        let mut serial = rng::noise(20);
        if let Some(first) = serial.first_mut() {
            *first = *first & 0x7f | 0x10;
        }
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        params.serial_number = Some(SerialNumber::from(serial));
        params.not_before =
            rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(installed).unwrap_or(0));
        params.not_after = params.not_before + LIFE;
        // Basic constraints CA:FALSE and one DNS name, in the order of ssl-cert's template and not critical.
        let dns = [&[0x82], der_len(host.len()).as_slice(), host.as_bytes()].concat();
        params.custom_extensions = vec![
            CustomExtension::from_oid_content(&[2, 5, 29, 19], vec![0x30, 0]),
            CustomExtension::from_oid_content(&[2, 5, 29, 17], [&[0x30], der_len(dns.len()).as_slice(), &dns].concat()),
        ];
        let certificate = params.self_signed(&key)?;
        let unix = |pem: String| pem.replace("\r\n", "\n");
        Ok(Self { certificate: unix(certificate.pem()), key: unix(key.serialize_pem()) })
    }
}

/// A length in DER.
fn der_len(len: usize) -> Vec<u8> {
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..128), _) => vec![len],
        (Ok(len), _) => vec![0x81, len],
        (_, Ok(len)) => [&[0x82], len.to_be_bytes().as_slice()].concat(),
        _ => vec![0x80],
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_kept_and_is_made_again_for_another_host() {
        let state = tempfile::tempdir().unwrap();
        let first = Snakeoil::open(state.path(), "mail.example.com", 1_600_000_000).unwrap();
        let again = Snakeoil::open(state.path(), "mail.example.com", 1_700_000_000).unwrap();
        assert_eq!((&first.certificate, &first.key), (&again.certificate, &again.key));
        let other = Snakeoil::open(state.path(), "web.example.com", 1_600_000_000).unwrap();
        assert_ne!(first.certificate, other.certificate);
        let file = state.path().join(FILE);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&file, "host web.example.com\nrubbish").unwrap();
        assert_ne!(Snakeoil::open(state.path(), "web.example.com", 1).unwrap().certificate, other.certificate);
        // As long as those of ssl-cert: about a kilobyte.
        assert!((1000..1200).contains(&first.certificate.len()), "{}", first.certificate.len());
    }
}
