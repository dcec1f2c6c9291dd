//! What is different from the image: inodes and names, each keyed by inode number. The instance's own files are one
//! layer that all attackers share, each attacker's changes are another.

use std::collections::{BTreeMap, HashMap};

use super::content::Content;
use super::types::{FileKind, Stat, Time};
use crate::world::record::Log;

/// An inode.
#[derive(Clone, Debug)]
pub(in crate::world) struct Node {
    pub kind: FileKind,
    pub mode: u32,
    pub nlink: u32,
    pub uid: u32,
    pub gid: u32,
    pub rdev: (u32, u32),
    pub accessed: Time,
    pub modified: Time,
    pub changed: Time,
    pub flags: u32,
    /// Number of the mounted file system.
    pub dev: u32,
    /// Bytes of a file, target of a link.
    pub content: Content,
}

impl Node {
    /// A new one without a name.
    pub fn new(kind: FileKind, mode: u32, uid: u32, gid: u32, at: Time) -> Self {
        Self {
            kind,
            mode,
            nlink: if kind == FileKind::Folder { 2 } else { 1 },
            uid,
            gid,
            rdev: (0, 0),
            accessed: at,
            modified: at,
            changed: at,
            flags: 0,
            dev: 0,
            content: Content::empty(),
        }
    }

    pub fn is_folder(&self) -> bool {
        self.kind == FileKind::Folder
    }

    pub fn stat(&self, ino: u64) -> Stat {
        Stat {
            ino,
            kind: self.kind,
            mode: if self.kind == FileKind::Link { 0o777 } else { self.mode },
            nlink: self.nlink,
            uid: self.uid,
            gid: self.gid,
            size: if self.is_folder() && self.content.len() == 0 && self.dev != KERNEL {
                4096
            } else {
                self.content.len()
            },
            rdev: self.rdev,
            accessed: self.accessed,
            modified: self.content.modified().map_or(self.modified, Time::at),
            changed: self.content.modified().map_or(self.changed, |at| self.changed.max(Time::at(at))),
            flags: self.flags,
            dev: self.dev,
        }
    }

    /// Whether there is more to write down than the inode; what is empty now may grow when it is made by a source.
    fn has_content(&self) -> bool {
        self.content.len() > 0 || (self.kind == FileKind::File && self.content.origin().is_some())
    }

    /// Bytes that it takes from the simulated disk: those that the attacker brought.
    fn disk(&self) -> u64 {
        if self.kind == FileKind::File && self.content.origin().is_none() { self.content.len() } else { 0 }
    }
}

/// `dev` of inodes of `/proc`, `/sys` and `/dev/pts`.
pub(in crate::world) const KERNEL: u32 = 100;

/// What an inode and a name cost beside content and bytes of the name.
const NODE_BYTES: u64 = 256;
const NAME_BYTES: u64 = 96;

/// Changed inodes and names.
#[derive(Debug, Default)]
pub(in crate::world) struct Layer {
    // Most attackers change one or two.
    nodes: HashMap<u64, Box<Node>>,
    /// By folder: name and inode; 0 for a name that was removed.
    names: HashMap<u64, BTreeMap<Vec<u8>, u64>>,
    /// How often inodes are open.
    open: HashMap<u64, u32>,
    next: u64,
    bytes: u64,
    files: u64,
    disk: u64,
    pub changed_at: i64,
    /// What is to be written down of the changes.
    pub log: Log,
}

impl Layer {
    pub fn new(next: u64) -> Self {
        Self { next, ..Self::default() }
    }

    /// Memory that is held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Inodes and names that are held.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// Bytes on the simulated disk.
    pub fn disk(&self) -> u64 {
        self.disk
    }

    /// A number that no other inode has.
    pub fn take_number(&mut self) -> u64 {
        self.next += 1;
        self.log.next(self.next);
        self.next
    }

    /// The next number is higher than this one.
    pub fn reach_number(&mut self, number: u64) {
        self.next = self.next.max(number);
    }

    pub fn node(&self, ino: u64) -> Option<&Node> {
        self.nodes.get(&ino).map(|node| &**node)
    }

    #[cfg(any(test, fuzzing))]
    pub fn nodes(&self) -> impl Iterator<Item = (u64, &Node)> {
        self.nodes.iter().map(|(ino, node)| (*ino, &**node))
    }

    /// The inode behind a name; `Some(0)` for a name that was removed here.
    pub fn name(&self, folder: u64, name: &[u8]) -> Option<u64> {
        self.names.get(&folder)?.get(name).copied()
    }

    pub fn names(&self, folder: u64) -> Option<&BTreeMap<Vec<u8>, u64>> {
        self.names.get(&folder)
    }

    pub fn all_names(&self) -> impl Iterator<Item = (u64, &BTreeMap<Vec<u8>, u64>)> {
        self.names.iter().map(|(folder, names)| (*folder, names))
    }

    pub fn put_node(&mut self, ino: u64, node: Node) {
        self.lose(ino);
        self.log.node(ino, &node);
        if node.has_content() {
            self.log.content(ino, &node.content);
        }
        self.bytes += NODE_BYTES + node.content.memory();
        self.disk += node.disk();
        self.files += 1;
        self.nodes.insert(ino, Box::new(node));
    }

    pub fn drop_node(&mut self, ino: u64) {
        self.lose(ino);
        self.log.gone(ino);
    }

    fn lose(&mut self, ino: u64) {
        if let Some(old) = self.nodes.remove(&ino) {
            self.bytes = self.bytes.saturating_sub(NODE_BYTES + old.content.memory());
            self.disk = self.disk.saturating_sub(old.disk());
            self.files = self.files.saturating_sub(1);
        }
    }

    /// Changes an inode that is held here, all but its content.
    pub fn change(&mut self, ino: u64, apply: impl FnOnce(&mut Node)) {
        self.apply(ino, apply);
        if let Some(node) = self.nodes.get(&ino) {
            self.log.node(ino, node);
        }
    }

    /// Writes a part of the content of an inode that is held here.
    pub fn write(&mut self, ino: u64, at: u64, bytes: &[u8]) {
        self.log.write(ino, at, bytes);
        self.apply(ino, |node| node.content.write_at(at, bytes));
    }

    /// Cuts or lengthens the content of an inode that is held here.
    pub fn set_len(&mut self, ino: u64, len: u64) {
        self.log.length(ino, len);
        self.apply(ino, |node| node.content.set_len(len));
    }

    /// Replaces the content of an inode that is held here.
    pub fn set_content(&mut self, ino: u64, content: Content) {
        self.log.content(ino, &content);
        self.apply(ino, |node| node.content = content);
    }

    /// Writes down all that is held.
    pub fn snapshot(&self, log: &mut Log) {
        log.next(self.next);
        for (ino, node) in &self.nodes {
            log.node(*ino, node);
            if node.has_content() {
                log.content(*ino, &node.content);
            }
        }
        for (folder, names) in &self.names {
            for (name, ino) in names {
                log.name(*folder, name, Some(*ino));
            }
        }
    }

    /// Lets go of inodes that no name leads to: their open files ended with the process that had them.
    pub fn drop_unnamed(&mut self) {
        let lost: Vec<u64> = self.nodes.iter().filter(|(_, node)| node.nlink == 0).map(|(ino, _)| *ino).collect();
        for ino in lost {
            self.drop_node(ino);
        }
    }

    fn apply(&mut self, ino: u64, apply: impl FnOnce(&mut Node)) {
        let Some(node) = self.nodes.get_mut(&ino) else { return };
        let before = (node.content.memory(), node.disk());
        apply(node);
        self.bytes = (self.bytes + node.content.memory()).saturating_sub(before.0);
        self.disk = (self.disk + node.disk()).saturating_sub(before.1);
    }

    /// Sets where a name leads; 0 hides one of a lower layer, `None` forgets what was said here.
    pub fn put_name(&mut self, folder: u64, name: &[u8], ino: Option<u64>) {
        self.log.name(folder, name, ino);
        let cost = NAME_BYTES + name.len() as u64;
        let names = self.names.entry(folder).or_default();
        let old = match ino {
            Some(ino) => names.insert(name.to_vec(), ino),
            None => names.remove(name),
        };
        match (old, ino) {
            (None, Some(_)) => {
                self.bytes += cost;
                self.files += 1;
            }
            (Some(_), None) => {
                self.bytes = self.bytes.saturating_sub(cost);
                self.files = self.files.saturating_sub(1);
            }
            _ => {}
        }
        if names.is_empty() {
            self.names.remove(&folder);
        }
    }

    /// Forgets all names in a folder that is gone.
    pub fn drop_names(&mut self, folder: u64) {
        self.log.names_gone(folder);
        for name in self.names.remove(&folder).unwrap_or_default().into_keys() {
            self.bytes = self.bytes.saturating_sub(NAME_BYTES + name.len() as u64);
            self.files = self.files.saturating_sub(1);
        }
    }

    pub fn opened(&mut self, ino: u64) {
        *self.open.entry(ino).or_insert(0) += 1;
    }

    /// One open file less; an inode without a name goes with the last one.
    pub fn closed(&mut self, ino: u64) {
        if let Some(count) = self.open.get_mut(&ino) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&ino);
                self.forget_unnamed(ino);
            }
        }
    }

    /// Lets go of an inode that has neither a name nor an open file.
    pub fn forget_unnamed(&mut self, ino: u64) {
        if !self.open.contains_key(&ino) && self.nodes.get(&ino).is_some_and(|node| node.nlink == 0) {
            self.drop_node(ino);
        }
    }

    /// For the instance's layer, when it is complete: its contents are originals from now on.
    pub fn make_original(&mut self) {
        for (ino, node) in &mut self.nodes {
            let content = std::mem::replace(&mut node.content, Content::empty());
            let ino = content.origin().unwrap_or(*ino);
            node.content = content.from(ino);
            // Not the moment at which this process was started.
            node.changed = node.modified;
        }
    }
}
