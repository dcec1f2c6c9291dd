//! `[ftp]` of `Config.toml`: the options of `vsftpd.conf` (vsftpd.conf(5)) that are ours to set.

use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;

/// `[ftp]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether `anonymous` and `ftp` may log in, with any password, and see `/srv/ftp`.
    pub anonymous: bool,
    /// Whether anonymous visitors may write where the folders below `/srv/ftp` let the user `ftp`: vsftpd's
    /// `anon_upload_enable`, `anon_mkdir_write_enable` and `anon_other_write_enable` together.
    pub anonymous_write: bool,
    /// Whether anybody may write.
    pub write_enable: bool,
    /// Whether there is `AUTH TLS` (RFC 4217).
    pub tls: Secure,
    /// Whether data connections must go on with the TLS session of the control connection: `require_ssl_reuse`.
    pub tls_reuse: bool,
    /// Whether `PORT` and `EPRT` are followed: the only connections that this program makes towards visitors.
    pub active: bool,
    /// IPv4 address that PASV names. Empty: the address that the visitor connected to.
    pub passive_address: String,
    /// Ports of passive data connections, `LOW-HIGH`. Empty: any from 1024 on.
    pub passive_ports: String,
    /// `idle_session_timeout`: seconds without a command.
    pub idle_seconds: u64,
    /// `data_connection_timeout`: seconds in which a transfer does not move.
    pub data_seconds: u64,
    /// `accept_timeout` and `connect_timeout`: seconds until a data connection stands.
    pub accept_seconds: u64,
}

/// `[ftp] tls`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Secure {
    /// Not offered, as Ubuntu ships vsftpd.
    #[default]
    Off,
    /// For who asks.
    Offered,
    /// Local users log in and transfer in TLS only: vsftpd's own default once `ssl_enable` is set.
    Required,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            anonymous: true,
            anonymous_write: false,
            write_enable: true,
            tls: Secure::Off,
            tls_reuse: true,
            active: false,
            passive_address: String::new(),
            passive_ports: String::new(),
            idle_seconds: 300,
            data_seconds: 300,
            accept_seconds: 60,
        }
    }
}

impl Config {
    /// What is wrong with a value: its key and the reason.
    ///
    /// # Errors
    /// An address or a range of ports that can't be read, a time of 0, writing that another key forbids.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if !self.passive_address.is_empty() && self.address().is_none() {
            return Err(("passive_address", "not an IPv4 address".into()));
        }
        if !self.passive_ports.is_empty() && self.ports().is_none() {
            return Err(("passive_ports", "not a range of ports such as \"50000-50100\"".into()));
        }
        if self.anonymous_write && !self.write_enable {
            return Err(("anonymous_write", "nobody may write: set `write_enable = true` too".into()));
        }
        let times = [
            ("idle_seconds", self.idle_seconds),
            ("data_seconds", self.data_seconds),
            ("accept_seconds", self.accept_seconds),
        ];
        match times.into_iter().find(|(_, seconds)| *seconds == 0) {
            Some((key, _)) => Err((key, "0 seconds would end every visit".into())),
            None => Ok(()),
        }
    }

    /// The address that PASV names.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.passive_address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
    }

    /// Ports of passive data connections, from the lowest to the highest.
    pub(super) fn ports(&self) -> Option<(u16, u16)> {
        let (low, high) = self.passive_ports.split_once('-')?;
        let range: (u16, u16) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
        Some(range).filter(|(low, high)| (1..=*high).contains(low))
    }
}
