//! Files that a model writes: the operator's, that say what is in them, and those of the image of which only the size is
//! known. Until one is written it is empty, or reads as empty; then it is a fact for everybody who has not changed it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::fs::{Who, name};
use super::{Host, World};

/// A file that waits for its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Its path.
    pub path: String,
    /// What is in it, in the operator's words; empty when only the path is known.
    pub about: String,
    /// Its size in bytes when that is known already; else 0.
    pub size: u64,
    /// Login name of its owner.
    pub owner: String,
}

/// Files that may be written, and bytes of all of them.
const MOST_FILES: usize = 500;
const MOST_BYTES: usize = 4 << 20;
/// The largest file of known size that is written.
const LARGEST: u64 = 8 << 10;
/// Wishes that wait to be looked at, and files that are tried in one run.
const WAITING: usize = 64;
const TRIED: usize = 2048;
/// Where people look into files that no package brought.
const PLACES: &[&[u8]] =
    &[b"/etc/", b"/home/", b"/opt/", b"/root/", b"/srv/", b"/usr/local/", b"/var/backups/", b"/var/www/"];

/// What was written, and what is wanted.
#[derive(Debug, Default)]
pub(super) struct Inventions {
    written: RwLock<HashMap<u64, Arc<Vec<u8>>>>,
    any: AtomicBool,
    /// Those of the operator: path and what is in it, by inode.
    declared: HashMap<u64, (String, String)>,
    wishes: Mutex<VecDeque<u64>>,
    /// Those that somebody tries to write, or has given up.
    tried: Mutex<HashSet<u64>>,
}

impl Inventions {
    pub fn new(declared: HashMap<u64, (String, String)>) -> Self {
        let wishes = Mutex::new(declared.keys().copied().collect());
        Self { declared, wishes, ..Self::default() }
    }

    /// What was written into the file of this inode.
    pub fn content(&self, ino: u64) -> Option<Arc<Vec<u8>>> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        self.written.read().unwrap_or_else(PoisonError::into_inner).get(&ino).cloned()
    }

    /// Somebody reads a file that nobody has written.
    pub fn wish(&self, ino: u64) {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        if wishes.len() < WAITING && !wishes.contains(&ino) {
            wishes.push_back(ino);
        }
    }

    fn write(&self, ino: u64, bytes: Vec<u8>) -> bool {
        let mut written = self.written.write().unwrap_or_else(PoisonError::into_inner);
        let held: usize = written.values().map(|bytes| bytes.len()).sum();
        if written.contains_key(&ino) || written.len() >= MOST_FILES || held + bytes.len() > MOST_BYTES {
            return false;
        }
        written.insert(ino, Arc::new(bytes));
        self.any.store(true, Ordering::Release);
        true
    }
}

impl World {
    /// Files that wait for their content, since the last call; each is named once in a run.
    pub fn wishes(&self) -> Vec<Wish> {
        let base = &self.base;
        let inodes: Vec<u64> = {
            let mut wishes = base.inventions.wishes.lock().unwrap_or_else(PoisonError::into_inner);
            wishes.drain(..).collect()
        };
        let mut tried = base.inventions.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let found = inodes.into_iter().filter_map(|ino| Some((ino, self.wish(ino)?)));
        found.filter(|(ino, _)| tried.len() < TRIED && tried.insert(*ino)).map(|(_, wish)| wish).collect()
    }

    fn wish(&self, ino: u64) -> Option<Wish> {
        let base = &self.base;
        if base.inventions.content(ino).is_some() {
            return None;
        }
        let (path, about, size) = match base.inventions.declared.get(&ino) {
            Some((path, about)) => (path.clone(), about.clone(), 0),
            None => {
                let path = base.image.path_of(ino)?;
                let size = base.image.node(ino)?.content.len();
                let looked_at = PLACES.iter().any(|place| path.starts_with(place)) && !name(&path).starts_with(b".");
                if !looked_at || size == 0 || size > LARGEST {
                    return None;
                }
                (String::from_utf8(path).ok()?, String::new(), size)
            }
        };
        let host = Host::new(Arc::clone(base), None);
        let stat = host.stat(&Who::root(), path.as_bytes(), true).ok()?;
        let owner = host.user(stat.uid).map_or_else(|| stat.uid.to_string(), |user| user.name);
        Some(Wish { path, about, size, owner })
    }

    /// Writes a file that waits for its content; one of known size is cut, or filled up with line ends, to that size. False
    /// when it does not wait for any, or there is no more room.
    pub fn invent(&self, path: &str, mut bytes: Vec<u8>) -> bool {
        let host = Host::new(Arc::clone(&self.base), None);
        let Ok(file) = host.open(&Who::root(), path.as_bytes(), super::Open::READ) else { return false };
        if file.known() {
            return false;
        }
        let size = usize::try_from(file.len()).unwrap_or(0);
        if size > 0 {
            bytes.resize(size, b'\n');
            if let Some(last) = bytes.last_mut() {
                *last = b'\n';
            }
        }
        self.base.inventions.write(file.stat().ino, bytes)
    }

    /// What the file has that a model wrote; for the record.
    pub fn invented(&self, path: &str) -> Option<Vec<u8>> {
        let host = Host::new(Arc::clone(&self.base), None);
        let file = host.open(&Who::root(), path.as_bytes(), super::Open::READ).ok()?;
        self.base.inventions.content(file.stat().ino).map(|bytes| bytes.to_vec())
    }

    /// Login names of the people of this host, and the domain of their firm.
    pub fn people(&self) -> (&[String], &str) {
        (&self.base.people, &self.base.persona.domain)
    }
}
