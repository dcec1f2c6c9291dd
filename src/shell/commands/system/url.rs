//! Addresses of files on the network as programs take them apart.

use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::net::{NetError, Peer};
use std::time::Duration;

/// The parts of a URL.
#[derive(Clone, Debug)]
pub(super) struct Url {
    pub scheme: String,
    pub host: String,
    pub port: u16,
    /// Whether the port was written.
    pub has_port: bool,
    /// From the first slash on.
    pub path: String,
}

impl Url {
    /// Parses what a user wrote; `http` when it has no scheme. `None` without a host.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+') => {
                (scheme.to_ascii_lowercase(), rest)
            }
            _ => ("http".to_string(), text),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let default = match scheme.as_str() {
            "https" => 443,
            "ftp" => 21,
            "tftp" => 69,
            "telnet" => 23,
            _ => 80,
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => match port.parse::<u16>() {
                Ok(port) => (host, Some(port)),
                Err(_) if port.is_empty() => (host, None),
                Err(_) => return None,
            },
            _ => (authority, None),
        };
        if host.is_empty() && scheme != "file" {
            return None;
        }
        let path = match path.chars().next() {
            Some('/') => path.to_string(),
            _ => format!("/{path}"),
        };
        Some(Self { scheme, host: host.to_string(), port: port.unwrap_or(default), has_port: port.is_some(), path })
    }

    /// The name under which its content is saved.
    pub fn file_name(&self) -> String {
        let path = self.path.split('#').next().unwrap_or_default();
        let (folder, query) = path.split_once('?').map_or((path, None), |(folder, query)| (folder, Some(query)));
        let name = folder.rsplit('/').next().unwrap_or_default();
        match query {
            Some(query) => format!("{name}?{query}"),
            None => name.to_string(),
        }
    }
}

/// Tries to reach a peer, but not longer than that.
pub(super) async fn reach(
    c: &mut Cmd,
    host: &str,
    port: u16,
    limit: Option<Duration>,
) -> Result<Result<Peer, NetError>, Stop> {
    let Some(limit) = limit else { return c.connect(host, port).await };
    let kernel = std::sync::Arc::clone(c.kernel());
    let until = kernel.now() + limit;
    match kernel.before(until, c.connect(host, port)).await? {
        Some(result) => result,
        None => Ok(Err(NetError::TimedOut)),
    }
}
