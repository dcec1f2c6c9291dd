//! How many may be in at once: in total, from one address, from one network.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::event::{Bus, Kind, Refused};
use crate::session::Limits;
use crate::session::turns::{Source, Turns};

/// Counts who is in.
pub(super) struct Gate {
    total: usize,
    per_source: u32,
    per_network: u32,
    turns: Turns,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    total: usize,
    sources: HashMap<IpAddr, (u32, Arc<Source>)>,
    networks: HashMap<IpAddr, u32>,
    refused: Vec<(Refused, u64, SocketAddr)>,
}

/// Somebody's place; given back when dropped.
pub(super) struct Permit {
    gate: Arc<Gate>,
    source: IpAddr,
    account: Arc<Source>,
}

impl Permit {
    /// What all visits of the source have taken.
    pub fn account(&self) -> Arc<Source> {
        Arc::clone(&self.account)
    }
}

impl Gate {
    /// For a runtime of that many threads.
    pub fn new(limits: &Limits, threads: usize) -> Self {
        Self {
            total: limits.connections,
            per_source: limits.per_source,
            per_network: limits.per_network,
            turns: Turns::new(threads),
            inside: Mutex::default(),
        }
    }

    /// A place for a visitor; `None` when a limit is reached, which is counted.
    pub fn enter(self: &Arc<Self>, peer: SocketAddr) -> Option<Permit> {
        let (source, network) = (peer.ip(), network(peer.ip()));
        let mut inside = self.lock();
        if inside.total >= self.total {
            inside.refuse(Refused::Total, peer);
            return None;
        }
        if inside.sources.get(&source).is_some_and(|(count, _)| *count >= self.per_source) {
            inside.refuse(Refused::Source, peer);
            return None;
        }
        if inside.networks.get(&network).is_some_and(|count| *count >= self.per_network) {
            inside.refuse(Refused::Network, peer);
            return None;
        }
        *inside.networks.entry(network).or_default() += 1;
        let (count, account) = inside.sources.entry(source).or_insert_with(|| (0, self.turns.source()));
        *count += 1;
        let account = Arc::clone(account);
        inside.total += 1;
        Some(Permit { gate: Arc::clone(self), source, account })
    }

    /// Counts a connection without a PROXY header where one is expected.
    pub fn no_header(&self, peer: SocketAddr) {
        self.lock().refuse(Refused::ProxyHeader, peer);
    }

    /// Publishes what was refused since the last time, and forgets who has left and is forgiven.
    pub fn report(&self, bus: &Bus) {
        let now = Instant::now();
        self.lock().sources.retain(|_, (count, account)| *count > 0 || account.takes_much(now));
        for (reason, count, last) in std::mem::take(&mut self.lock().refused) {
            bus.sensor_event(Kind::ConnectionsRefused { reason, count, last });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn refuse(&mut self, reason: Refused, peer: SocketAddr) {
        match self.refused.iter_mut().find(|(known, ..)| *known == reason) {
            Some((_, count, last)) => {
                *count += 1;
                *last = peer;
            }
            None => self.refused.push((reason, 1, peer)),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut inside = self.gate.lock();
        inside.total = inside.total.saturating_sub(1);
        if let Some((count, account)) = inside.sources.get_mut(&self.source) {
            *count = count.saturating_sub(1);
            if *count == 0 && !account.takes_much(Instant::now()) {
                inside.sources.remove(&self.source);
            }
        }
        let network = network(self.source);
        if let Some(count) = inside.networks.get_mut(&network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                inside.networks.remove(&network);
            }
        }
    }
}

/// The /24 or /64 of an address.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(connections: usize, per_source: u32, per_network: u32) -> Arc<Gate> {
        Arc::new(Gate::new(&Limits { connections, per_source, per_network, ..Limits::default() }, 2))
    }

    fn from(text: &str) -> SocketAddr {
        SocketAddr::new(text.parse().unwrap(), 4000)
    }

    #[test]
    fn each_limit_holds_and_places_come_back() {
        for (gate, second, reason) in [
            (gate(1, 9, 9), "198.51.100.9", Refused::Total),
            (gate(9, 1, 9), "192.0.2.1", Refused::Source),
            (gate(9, 9, 1), "192.0.2.77", Refused::Network),
        ] {
            let first = gate.enter(from("192.0.2.1")).unwrap();
            assert!(gate.enter(from(second)).is_none(), "{reason:?}");
            assert_eq!(gate.lock().refused, [(reason, 1, from(second))]);
            drop(first);
            assert!(gate.enter(from(second)).is_some(), "{reason:?}");
        }
    }

    #[test]
    fn a_64_is_one_network() {
        let gate = gate(9, 9, 1);
        let _first = gate.enter(from("2001:db8:0:1::1")).unwrap();
        assert!(gate.enter(from("2001:db8:0:1:ffff::2")).is_none());
        assert!(gate.enter(from("2001:db8:0:2::1")).is_some());
    }

    #[test]
    fn nothing_is_remembered_of_who_has_left() {
        let gate = gate(9, 9, 9);
        drop(gate.enter(from("192.0.2.1")));
        assert!(gate.lock().sources.is_empty() && gate.lock().networks.is_empty());
    }
}
