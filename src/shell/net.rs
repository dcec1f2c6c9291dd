//! The network as programs of the host see it: every attempt is recorded, nothing is ever dialled.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::kernel::{Kernel, Stop};
use super::note::Note;
use crate::base::rng::spread;

/// Why a peer cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NetError {
    /// The name has no address.
    NoName,
    /// Nobody listens there.
    Refused,
    /// Nobody answers.
    TimedOut,
    /// There is no way to it: the host has no IPv6 but on its link.
    Unreachable,
}

/// A peer that was reached: a service of the host itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// The service's port.
    pub port: u16,
    /// Its address.
    pub address: IpAddr,
}

/// Time-out of connect(2) as programs wait for it: Linux gives up after 130 s; most tools have shorter ones.
pub(super) const TIME_OUT: Duration = Duration::from_secs(130);

/// What a name or address in a command stands for.
pub(super) fn look_up(kernel: &Kernel, host: &str) -> Option<IpAddr> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse() {
        return Some(address);
    }
    let persona = kernel.host.persona();
    let own = [kernel.host.hostname(), persona.fqdn.clone()];
    if host == "localhost" || own.iter().any(|name| name == host) {
        return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    None
}

/// A connection as the host would make it.
pub(super) async fn connect(kernel: &Kernel, host: &str, port: u16) -> Result<Result<Peer, NetError>, Stop> {
    kernel.note(Note::Connect { host: host.to_string(), port });
    let Some(address) = look_up(kernel, host) else {
        kernel.sleep(spread(Duration::from_millis(8), Duration::from_millis(60))).await?;
        return Ok(Err(NetError::NoName));
    };
    let own = address.is_loopback() || kernel.host.persona().address == address.to_string();
    if own {
        let listens = kernel.host.sockets().iter().any(|socket| socket.remote.is_none() && socket.local.port() == port);
        return Ok(if listens { Ok(Peer { port, address }) } else { Err(NetError::Refused) });
    }
    if address.is_ipv6() {
        return Ok(Err(NetError::Unreachable));
    }
    kernel.sleep(TIME_OUT).await?;
    Ok(Err(NetError::TimedOut))
}
