//! Credentials that lie around on the host and open an account of it. One table per instance says where each lies; who
//! reads such a file is noted, so that a later login with what stands there can be told from a guess.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::World;
use super::accounts::People;
use super::names;
use super::persona::Persona;
use crate::base::clock::{self, Timestamp};
use crate::base::rng::Rng;

/// A user and a password in a file of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bait {
    /// Where it lies.
    pub path: String,
    /// The user, of the host or of its database.
    pub user: String,
    /// Their password; no two places have the same.
    pub password: String,
    /// Protocols on which it is a login: `ftp`, `telnet`, `ssh`, or `http` for the programs of the web root.
    pub opens: &'static [&'static str],
}

/// Somebody read a bait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaitRead {
    /// Their address; none when each visit has a host of its own.
    pub source: Option<IpAddr>,
    /// The user as whom it was read: the web server's is 33.
    pub uid: u32,
    /// When they did so first.
    pub at: Timestamp,
}

/// Readers of one bait that are remembered.
const READERS: usize = 256;
/// What opens an account of the host.
const HOST: &[&str] = &["ftp", "telnet", "ssh"];

/// All baits of an instance.
#[derive(Default)]
pub(super) struct Baits {
    all: Vec<Bait>,
    reads: Mutex<Vec<(usize, BaitRead)>>,
}

impl Baits {
    /// One for each of the paths, and the database's for those that name it. The accounts are those of the company's
    /// people, whose passwords nobody else knows; without any there is no bait.
    pub fn new(persona: &Persona, people: &mut People, paths: &[(String, bool)]) -> Self {
        let staff: Vec<String> = people.all.iter().filter(|p| p.staff).map(|p| p.name.clone()).collect();
        let mut all = Vec::new();
        for (number, (path, database)) in paths.iter().enumerate() {
            if *database {
                let (user, password) = database_login(persona.seed);
                all.push(Bait { path: path.clone(), user, password, opens: &["http"] });
            }
            let Some(user) = staff.iter().cycle().nth(number) else { continue };
            let password = password(persona.seed, path);
            people.passwords.entry(user.clone()).or_default().push(password.clone());
            all.push(Bait { path: path.clone(), user: user.clone(), password, opens: HOST });
        }
        Self { all, reads: Mutex::default() }
    }

    /// Notes that a file was opened for reading.
    pub fn opened(&self, path: &[u8], uid: u32, source: Option<IpAddr>) {
        for (number, bait) in self.all.iter().enumerate().filter(|(_, bait)| bait.path.as_bytes() == path) {
            let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
            let known = reads.iter().any(|(of, read)| *of == number && read.source == source && read.uid == uid);
            if known || reads.iter().filter(|(of, _)| *of == number).count() >= READERS {
                continue;
            }
            tracing::debug!("the bait {} was read", bait.path);
            reads.push((number, BaitRead { source, uid, at: clock::now() }));
        }
    }

    /// The bait for a path, of the host's account (`database` false) or of the database.
    pub fn of(&self, path: &str, database: bool) -> Option<&Bait> {
        self.all.iter().find(|bait| bait.path == path && (bait.opens == ["http"]) == database)
    }
}

/// User and password of the database that the company's web programs use.
pub(super) fn database_login(seed: u64) -> (String, String) {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut rng = Rng::new(seed, "database");
    let letter = |rng: &mut Rng| {
        let at = usize::try_from(rng.between(0, LETTERS.len() as u64 - 1)).unwrap_or(0);
        char::from(LETTERS.get(at).copied().unwrap_or(b'x'))
    };
    let password = (0..14).map(|_| letter(&mut rng)).collect();
    (format!("{}_web", names::company(seed).0), password)
}

/// A password as people think of one.
fn password(seed: u64, path: &str) -> String {
    let mut rng = Rng::new(seed, path);
    let (name, trade) = names::company(seed);
    let mut word = if rng.between(0, 1) == 0 { name } else { trade.to_string() };
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let sign =
        ["!", "#", "-", "_", ".", "+"].get(usize::try_from(rng.between(0, 5)).unwrap_or(0)).copied().unwrap_or("!");
    format!("{word}{sign}{:04}", rng.between(1000, 9999))
}

impl World {
    /// All credentials that lie around.
    pub fn baits(&self) -> &[Bait] {
        &self.base.baits.all
    }

    /// The bait that has these credentials, and who read it, the first reader first.
    pub fn bait_of(&self, user: &[u8], password: &[u8]) -> Option<(&Bait, Vec<BaitRead>)> {
        let baits = &self.base.baits;
        let (number, bait) = baits
            .all
            .iter()
            .enumerate()
            .find(|(_, bait)| bait.user.as_bytes() == user && bait.password.as_bytes() == password)?;
        // The same login may stand in several files: whoever read one of them knows it.
        let same = |of: usize| {
            baits.all.get(of).is_some_and(|other| other.user == bait.user && other.password == bait.password)
        };
        let reads = baits.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let place = reads.iter().map(|(of, _)| *of).find(|of| same(*of)).unwrap_or(number);
        let readers = reads.iter().filter(|(of, _)| same(*of)).map(|(_, read)| read.clone()).collect();
        Some((baits.all.get(place)?, readers))
    }
}
