//! The simulated host. One [`World`] per instance: persona, accounts, an immutable base image; one [`Host`] per
//! attacker: the same with what they changed. Knows no protocol, no runtime, no network.

mod accounts;
mod apache;
mod apps;
mod bait;
mod data;
mod facts;
pub mod fs;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod image;
mod instance;
mod invent;
mod journal;
mod life;
mod login;
mod logs;
mod names;
mod packages;
mod persona;
mod processes;
mod profile;
mod record;
mod system;
#[cfg(test)]
mod tests;
mod texts;
mod visitors;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use accounts::{Account, Group, User, hash_of};
pub use apps::{APPS, App, Web, fill};
pub use bait::{Bait, BaitRead};
pub use facts::{Load, Memory};
pub use fs::{
    Builder, Device, Entry, Errno, File, FileKind, Image, Machine, Mount, Open, Reading, Stat, StatFs, Time, What, Who,
    name, parent, resolve,
};
pub use invent::Wish;
pub use journal::{Overlay, Per};
pub use login::Login;
pub use packages::Packages;
pub use persona::{AccountConfig, Config, Cpu, Disk, FileConfig, Package, Persona, Service};

pub use processes::{NewProcess, Process, environ};
pub use profile::{LoginProgram, TelnetDaemon, standard_ids};
pub use visitors::{PastLogin, Presence, Seen, Socket, Visitor};

use fs::Layer;
use journal::Journal;
use login::Guesses;
use processes::Processes;

/// The host as it is for everybody.
pub struct World {
    base: Arc<Base>,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    overlay: Overlay,
    /// `overlays/` of the state folder, when changes are kept.
    folder: Option<PathBuf>,
}

/// What a world is built from.
pub struct Setup<'a> {
    /// Who the host says it is.
    pub persona: &'a Config,
    /// Whose guesses are let in.
    pub login: &'a Login,
    /// How long changes are kept.
    pub overlay: &'a Overlay,
    /// The state folder; without one nothing is kept.
    pub state: Option<&'a Path>,
    /// The base image; without one the one that is built in.
    pub image: Option<Image>,
    /// The instance's number.
    pub seed: u64,
    /// Bytes of memory for one attacker's changes.
    pub overlay_bytes: u64,
    /// Bytes of memory for all attackers' changes.
    pub total_bytes: u64,
}

/// What all attackers share and nobody changes.
struct Base {
    persona: Persona,
    /// What runs without any attacker.
    processes: Vec<Process>,
    /// Credentials that lie around.
    baits: bait::Baits,
    /// Programs of the web root.
    apps: Vec<&'static str>,
    web: Web,
    /// Users of the configuration.
    people: Vec<String>,
    login: Login,
    /// Passwords of the configuration, by login name, and the hashes that stand for them in the instance's files.
    passwords: HashMap<String, Vec<String>>,
    hashes: HashMap<String, String>,
    /// What every host of the distribution has.
    image: Image,
    /// What this instance has.
    instance: Layer,
    /// Paths of the instance's own files, by inode.
    instance_paths: HashMap<u64, Vec<u8>>,
    mounts: Vec<Mount>,
    /// Files that a model writes.
    inventions: invent::Inventions,
    /// The instance is being made.
    building: bool,
    /// Bytes that an attacker's changes may hold, and all attackers' together.
    overlay_bytes: u64,
    total_bytes: u64,
    /// Inodes and names that an attacker's changes may hold.
    overlay_files: u64,
    used: AtomicU64,
}

/// Attackers whose changes are remembered at once; the one who has been away longest is forgotten first.
const HOSTS: usize = 4096;

impl World {
    /// Builds the host from its description and the instance's seed.
    pub fn new(config: &Config, seed: u64, overlay_bytes: u64, total_bytes: u64) -> Arc<Self> {
        Self::with_login(config, &Login::default(), seed, overlay_bytes, total_bytes)
    }

    /// The same with a login policy of the operator.
    pub fn with_login(config: &Config, login: &Login, seed: u64, overlay_bytes: u64, total_bytes: u64) -> Arc<Self> {
        Self::build(Setup {
            persona: config,
            login,
            overlay: &Overlay::default(),
            state: None,
            image: None,
            seed,
            overlay_bytes,
            total_bytes,
        })
    }

    /// The same with all that can be configured.
    pub fn build(setup: Setup<'_>) -> Arc<Self> {
        Self::with_web(setup, Web::default())
    }

    /// The same with a web server of the operator's, and programs in its root.
    pub fn with_web(setup: Setup<'_>, web: Web) -> Arc<Self> {
        let Setup { persona: config, login, overlay, state, seed, overlay_bytes, total_bytes, .. } = setup;
        let mut persona = Persona::new(config, seed);
        if web.apache {
            persona.run_apache();
        }
        let mut people = accounts::People::new(config, &persona.profile.sets, seed);
        let apps = apps::chosen(&persona, &web);
        let baits = bait::Baits::new(&persona, &mut people, &apps::bait_paths(&apps));
        let (processes, services) = system::table(&persona);
        persona.services = services;
        let image =
            setup.image.unwrap_or_else(|| image::embedded(persona.profile)).dated(persona.installed, persona.booted);
        let mut base = Base {
            mounts: persona.profile.mounts(persona.memory_kib),
            persona,
            baits,
            apps,
            web,
            image,
            instance: Layer::default(),
            instance_paths: HashMap::new(),
            inventions: invent::Inventions::default(),
            building: true,
            overlay_bytes: u64::MAX / 4,
            total_bytes: u64::MAX / 2,
            overlay_files: u64::MAX / 2,
            used: AtomicU64::new(0),
            processes,
            people: std::iter::once("root".into()).chain(people.all.iter().map(|person| person.name.clone())).collect(),
            login: Login::default(),
            passwords: HashMap::new(),
            hashes: HashMap::new(),
        };
        let maker = Host::new(Arc::new(base.twin()), None);
        instance::make(&maker, &people, config, &base.baits, &base.apps, &base.web);
        instance::made(&maker, &base.people);
        base.inventions = invent::Inventions::new(instance::declared(&maker, config));
        base.hashes = maker.hashes();
        base.passwords = people.passwords;
        base.instance_paths = maker.paths();
        base.instance = maker.state.take_layer();
        base.instance.make_original();
        base = Base {
            building: false,
            login: login.clone(),
            overlay_bytes,
            total_bytes,
            overlay_files: overlay.files,
            ..base
        };
        let folder = state.map(|state| state.join("overlays"));
        if let Some(folder) = &folder {
            journal::sweep(folder, overlay, |_, path| std::fs::remove_dir_all(path).is_ok());
        }
        if let Some(state) = state
            && !base.baits.is_empty()
        {
            base.baits.kept(&state.join("baits"));
        }
        Arc::new(Self { base: Arc::new(base), hosts: Mutex::default(), overlay: overlay.clone(), folder })
    }

    /// Who the host says it is.
    pub fn persona(&self) -> &Persona {
        &self.base.persona
    }

    /// A host of its own for every connection, when the configuration says so; nothing of it is kept.
    pub fn host_of_visit(&self) -> Option<Arc<Host>> {
        (self.overlay.per == Per::Visit).then(|| Arc::new(Host::new(Arc::clone(&self.base), None)))
    }

    /// The host as the attacker at this address left it.
    pub fn host_for(&self, source: IpAddr) -> Arc<Host> {
        self.host_of(source, None)
    }

    /// The same for an account that they logged in to, which has a host of its own when the configuration says so.
    pub fn host_of(&self, source: IpAddr, account: Option<&str>) -> Arc<Host> {
        let account = account.filter(|_| self.overlay.per == Per::Account);
        let name = journal::folder_name(source, account);
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(&name) {
            return Arc::clone(host);
        }
        let crowded = |hosts: &HashMap<String, Arc<Host>>| {
            hosts.len() >= HOSTS
                || (self.folder.is_some() && self.base.used.load(Ordering::Relaxed) > self.base.total_bytes / 4 * 3)
        };
        if crowded(&hosts) {
            // Nobody visits them, and no file of theirs is open. Looking through all is worth a few places at once.
            let idle =
                hosts.iter().filter(|(_, host)| Arc::strong_count(host) == 1 && Arc::strong_count(&host.state) == 1);
            let mut idle: Vec<_> = idle.map(|(name, host)| (host.state.own().changed_at, name.clone())).collect();
            idle.sort();
            let some = idle.len().div_ceil(16);
            for (at, (_, name)) in idle.into_iter().enumerate() {
                if at >= some && !crowded(&hosts) {
                    break;
                }
                hosts.remove(&name);
            }
        }
        let host = Arc::new(Host::new(Arc::clone(&self.base), Some(source)));
        hosts.insert(name.clone(), Arc::clone(&host));
        let Some(folder) = &self.folder else { return host };
        // Whoever else gets this host waits for its own lock while it is read, not for that of all hosts.
        let own = host.state.own();
        drop(hosts);
        host.state.load(own, Journal::new(folder.join(name), self.overlay.megabytes << 20));
        host
    }

    /// Removes what is kept of attackers beyond the days and the space of `[overlay]`. It reads the disk: call it now and
    /// then, where nobody waits for it.
    pub fn sweep(&self) {
        let Some(folder) = &self.folder else { return };
        journal::sweep(folder, &self.overlay, |name, path| {
            let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            !hosts.contains_key(name) && std::fs::remove_dir_all(path).is_ok()
        });
    }
}

impl Base {
    /// The same without an instance, to make one.
    fn twin(&self) -> Self {
        Self {
            persona: self.persona.clone(),
            baits: bait::Baits::default(),
            inventions: invent::Inventions::default(),
            apps: self.apps.clone(),
            web: self.web.clone(),
            processes: self.processes.clone(),
            people: self.people.clone(),
            login: self.login.clone(),
            passwords: HashMap::new(),
            hashes: HashMap::new(),
            image: self.image.clone(),
            instance: Layer::default(),
            instance_paths: HashMap::new(),
            mounts: self.mounts.clone(),
            used: AtomicU64::new(0),
            ..*self
        }
    }
}

/// The host as one attacker sees it; the same for all their sessions and protocols.
pub struct Host {
    state: Arc<State>,
}

/// What an attacker changed, over what they share; open files hold it too.
struct State {
    base: Arc<Base>,
    files: Mutex<Layer>,
    guesses: Mutex<Guesses>,
    processes: Mutex<Processes>,
    journal: Mutex<Option<Journal>>,
    /// Whose it is.
    source: Option<IpAddr>,
}

impl Host {
    fn new(base: Arc<Base>, source: Option<IpAddr>) -> Self {
        let files = Mutex::new(Layer::new(fs::FIRST_OF_ATTACKER));
        let (guesses, processes, journal) = Default::default();
        Self { state: Arc::new(State { base, files, guesses, processes, journal, source }) }
    }

    /// Who the host says it is.
    pub fn persona(&self) -> &Persona {
        &self.state.base.persona
    }

    /// Names of the programs of its web root.
    pub fn apps(&self) -> &[&'static str] {
        &self.state.base.apps
    }

    /// Whether its web server is Apache.
    pub fn runs_apache(&self) -> bool {
        self.state.base.web.apache
    }

    /// Facts that stand in the texts of apps.
    pub fn app_words(&self) -> Vec<(&'static str, String)> {
        apps::words(self.persona())
    }
}

impl State {
    fn guesses(&self) -> MutexGuard<'_, Guesses> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what was kept of this attacker, and keeps what comes.
    fn load(&self, mut own: fs::Own<'_>, mut journal: Journal) {
        let rest = journal.load(&mut own, &self.base);
        self.guesses().granted = rest.grants;
        {
            let mut own = self.processes();
            own.past = rest.past;
            own.settings = rest.settings;
        }
        own.log.on = true;
        *self.journal.lock().unwrap_or_else(PoisonError::into_inner) = Some(journal);
    }

    /// Writes down what was changed since the last time.
    fn write_down(&self, layer: &mut Layer) {
        let entries = layer.log.take();
        if entries.is_empty() {
            return;
        }
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(journal) = journal.as_mut() else { return };
        let image = self.base.image.checksum();
        let snapshot = || {
            let mut log = record::Log::new();
            log.image(image);
            layer.snapshot(&mut log);
            self.guesses().granted.iter().for_each(|(name, password)| log.grant(name, password));
            let own = self.processes();
            own.past.iter().for_each(|login| log.login(login));
            own.settings.iter().for_each(|(path, value)| log.setting(path, value));
            drop(own);
            log.take()
        };
        journal.append(&entries, layer.bytes(), snapshot, image);
    }

    fn take_layer(&self) -> Layer {
        std::mem::take(&mut *self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for State {
    fn drop(&mut self) {
        let held = self.files.get_mut().unwrap_or_else(PoisonError::into_inner).bytes();
        self.base.used.fetch_sub(held, Ordering::Relaxed);
    }
}
