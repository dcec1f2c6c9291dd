//! The simulated host. One [`World`] per instance: persona, accounts, an immutable base image; one [`Host`] per
//! attacker: the same with what they changed. Knows no protocol, no runtime, no network.

mod accounts;
pub mod fs;
mod image;
mod persona;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use accounts::Account;
pub use fs::{FsError, Kind, Meta, Who};
pub use persona::{AccountConfig, Config, FileConfig, Persona};

use fs::{Overlay, Tree};

/// The host as it is for everybody.
pub struct World {
    base: Arc<Base>,
    hosts: Mutex<HashMap<IpAddr, Arc<Host>>>,
}

/// What all attackers share and nobody changes.
struct Base {
    persona: Persona,
    accounts: Vec<Account>,
    image: Tree,
    /// Bytes that an attacker's changes may hold, and all attackers' together.
    overlay_bytes: u64,
    total_bytes: u64,
    used: AtomicU64,
}

/// Attackers whose changes are remembered at once; the one who has been away longest is forgotten first.
const HOSTS: usize = 4096;

impl World {
    /// Builds the host from its description and the instance's seed.
    pub fn new(config: &Config, seed: u64, overlay_bytes: u64, total_bytes: u64) -> Arc<Self> {
        let persona = Persona::new(config, seed);
        let accounts = accounts::of(config);
        let image = image::build(&persona, &accounts, config);
        let base = Base { persona, accounts, image, overlay_bytes, total_bytes, used: AtomicU64::new(0) };
        Arc::new(Self { base: Arc::new(base), hosts: Mutex::default() })
    }

    /// Who the host says it is.
    pub fn persona(&self) -> &Persona {
        &self.base.persona
    }

    /// The account that these credentials open.
    pub fn login(&self, name: &[u8], password: &[u8]) -> Option<&Account> {
        self.base.accounts.iter().find(|account| account.opens(name, password))
    }

    /// The account of that name.
    pub fn account(&self, name: &[u8]) -> Option<&Account> {
        self.base.accounts.iter().find(|account| account.name.as_bytes() == name)
    }

    /// The host as the attacker at this address left it.
    pub fn host_for(&self, source: IpAddr) -> Arc<Host> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(&source) {
            return Arc::clone(host);
        }
        if hosts.len() >= HOSTS {
            let idle = hosts.iter().filter(|(_, host)| Arc::strong_count(host) == 1);
            let oldest = idle.min_by_key(|(_, host)| host.overlay().changed_at()).map(|(source, _)| *source);
            if let Some(oldest) = oldest {
                hosts.remove(&oldest);
            }
        }
        let host = Arc::new(Host { base: Arc::clone(&self.base), overlay: Mutex::default() });
        hosts.insert(source, Arc::clone(&host));
        host
    }
}

/// The host as one attacker sees it; the same for all their sessions and protocols.
pub struct Host {
    base: Arc<Base>,
    overlay: Mutex<Overlay>,
}

impl Host {
    /// Who the host says it is.
    pub fn persona(&self) -> &Persona {
        &self.base.persona
    }

    /// All accounts, root first.
    pub fn accounts(&self) -> &[Account] {
        &self.base.accounts
    }

    fn overlay(&self) -> MutexGuard<'_, Overlay> {
        self.overlay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let held = self.overlay().bytes();
        self.base.used.fetch_sub(held, Ordering::Relaxed);
    }
}
