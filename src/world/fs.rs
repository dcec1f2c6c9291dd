//! Files of the simulated host: an immutable tree for all, and per attacker an overlay that is copied on write.
//! Paths are bytes, absolute and normalised ([`resolve`]); attackers choose any bytes but `/` and NUL.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Host;
use crate::base::clock;

/// What lies at a path.
#[derive(Clone, Debug)]
pub struct Node {
    /// File, folder or link, with its content.
    pub kind: Kind,
    /// Permission bits, `0o7777`.
    pub mode: u32,
    /// Owner; the group has the same number.
    pub uid: u32,
    /// Last change, seconds since 1970.
    pub modified: i64,
}

/// The three kinds of node.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A file.
    File(Content),
    /// A folder.
    Folder,
    /// A symbolic link and where it leads.
    Link(Vec<u8>),
}

/// Bytes of a file.
#[derive(Clone, Debug)]
pub enum Content {
    /// Held in memory.
    Memory(Arc<[u8]>),
    /// A captured upload, read from the disk piece by piece.
    Disk {
        /// The captured file.
        path: Arc<PathBuf>,
        /// Its size in bytes.
        len: u64,
    },
}

impl Content {
    /// Content that is held in memory.
    pub fn of(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Memory(Arc::from(bytes.into()))
    }

    /// Size in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Disk { len, .. } => *len,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// At most `max` bytes from `offset` on; nothing past the end.
    pub fn read_at(&self, offset: u64, max: usize) -> Vec<u8> {
        let rest = usize::try_from(self.len().saturating_sub(offset)).unwrap_or(usize::MAX).min(max);
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                bytes.get(start..start.saturating_add(rest)).unwrap_or_default().to_vec()
            }
            Self::Disk { path, .. } => {
                let mut piece = vec![0; rest];
                let read = File::open(path.as_path()).and_then(|file| file.read_at(&mut piece, offset)).unwrap_or(0);
                piece.truncate(read);
                piece
            }
        }
    }

    fn held(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Disk { .. } => 0,
        }
    }
}

/// What `stat` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// A folder.
    pub folder: bool,
    /// Where it leads, when it is a symbolic link.
    pub link: Option<Vec<u8>>,
    /// Size in bytes; 4096 for a folder.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Last change, seconds since 1970.
    pub modified: i64,
}

/// On whose behalf something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// User id; 0 may do everything.
    pub uid: u32,
}

/// Why it could not be done; the wording is that of `strerror(3)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsError {
    /// ENOENT
    NotFound,
    /// ENOTDIR
    NotFolder,
    /// EISDIR
    IsFolder,
    /// EEXIST
    Exists,
    /// ENOTEMPTY
    NotEmpty,
    /// EACCES
    Denied,
    /// ENOSPC
    NoSpace,
    /// ENAMETOOLONG
    NameTooLong,
    /// EBUSY, EINVAL: the root folder, a folder into itself
    Busy,
}

impl FsError {
    /// The text that C programs print for it.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotFound => "No such file or directory",
            Self::NotFolder => "Not a directory",
            Self::IsFolder => "Is a directory",
            Self::Exists => "File exists",
            Self::NotEmpty => "Directory not empty",
            Self::Denied => "Permission denied",
            Self::NoSpace => "No space left on device",
            Self::NameTooLong => "File name too long",
            Self::Busy => "Device or resource busy",
        }
    }
}

/// `path` as seen from the folder `cwd`: absolute, without `.`, `..` and doubled slashes. Links are not followed.
pub fn resolve(cwd: &[u8], path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let start: &[u8] = if path.starts_with(b"/") { b"" } else { cwd };
    for part in start.split(|&b| b == b'/').chain(path.split(|&b| b == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    let mut whole = Vec::with_capacity(path.len() + 1);
    for part in parts {
        whole.push(b'/');
        whole.extend_from_slice(part);
    }
    if whole.is_empty() {
        whole.push(b'/');
    }
    whole
}

/// The folder that a resolved path lies in.
pub fn parent(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|&b| b == b'/') {
        Some(0) | None => b"/",
        Some(at) => path.get(..at).unwrap_or(b"/"),
    }
}

/// The last part of a resolved path; empty for the root folder.
pub fn name(path: &[u8]) -> &[u8] {
    path.rsplit(|&b| b == b'/').next().unwrap_or_default()
}

/// The immutable base image.
pub(super) type Tree = BTreeMap<Vec<u8>, Node>;

/// What one attacker changed: `None` is a file that they removed.
#[derive(Default)]
pub(super) struct Overlay {
    nodes: BTreeMap<Vec<u8>, Option<Node>>,
    bytes: u64,
    changed_at: i64,
}

impl Overlay {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn changed_at(&self) -> i64 {
        self.changed_at
    }
}

/// What an entry costs beside its content.
const NODE_BYTES: u64 = 256;
const NAME_MAX: usize = 255;
const PATH_MAX: usize = 4096;
const LINKS_MAX: usize = 40;

impl Host {
    /// What lies at a resolved path; `follow` follows a link in the last place as well (those before it always are).
    ///
    /// # Errors
    /// [`FsError::NotFound`] and [`FsError::NotFolder`] as `stat(2)`; [`FsError::Denied`] when a folder on the way
    /// may not be searched.
    pub fn stat(&self, who: Who, path: &[u8], follow: bool) -> Result<Meta, FsError> {
        let (_, node) = self.walk(&self.overlay(), who, path, follow)?;
        Ok(meta(&node))
    }

    /// The content of a file.
    ///
    /// # Errors
    /// As `open(2)` for reading.
    pub fn open(&self, who: Who, path: &[u8]) -> Result<Content, FsError> {
        let (_, node) = self.walk(&self.overlay(), who, path, true)?;
        match &node.kind {
            Kind::Folder => Err(FsError::IsFolder),
            Kind::File(content) if may(who, &node, 4) => Ok(content.clone()),
            _ => Err(FsError::Denied),
        }
    }

    /// Names in a folder, sorted by byte, without `.` and `..`; links as such.
    ///
    /// # Errors
    /// As `opendir(3)`.
    pub fn list(&self, who: Who, path: &[u8]) -> Result<Vec<(Vec<u8>, Meta)>, FsError> {
        let overlay = self.overlay();
        let (path, node) = self.walk(&overlay, who, path, true)?;
        if !matches!(node.kind, Kind::Folder) {
            return Err(FsError::NotFolder);
        }
        if !may(who, &node, 4) {
            return Err(FsError::Denied);
        }
        let mut found: BTreeMap<&[u8], Option<&Node>> = BTreeMap::new();
        found.extend(children(&self.base.image, &path).map(|(name, node)| (name, Some(node))));
        found.extend(children(&overlay.nodes, &path).map(|(name, node)| (name, node.as_ref())));
        Ok(found.into_iter().filter_map(|(name, node)| Some((name.to_vec(), meta(node?)))).collect())
    }

    /// Writes a whole file: makes it with `mode`, or replaces what is in it.
    ///
    /// # Errors
    /// As `open(2)` for writing; [`FsError::NoSpace`] when the attacker's or everybody's quota is used up.
    pub fn write(&self, who: Who, path: &[u8], content: Content, mode: u32) -> Result<(), FsError> {
        let mut overlay = self.overlay();
        let now = clock::unix_seconds();
        match self.walk(&overlay, who, path, true) {
            Ok((_, Node { kind: Kind::Folder, .. })) => Err(FsError::IsFolder),
            Ok((path, old)) => {
                if !may(who, &old, 2) {
                    return Err(FsError::Denied);
                }
                self.put(&mut overlay, path, Some(Node { kind: Kind::File(content), modified: now, ..old }))
            }
            Err(FsError::NotFound) => {
                let path = self.place(&overlay, who, path)?;
                let node = Node { kind: Kind::File(content), mode, uid: who.uid, modified: now };
                self.put(&mut overlay, path, Some(node))
            }
            Err(error) => Err(error),
        }
    }

    /// Makes a folder.
    ///
    /// # Errors
    /// As `mkdir(2)`.
    pub fn make_folder(&self, who: Who, path: &[u8], mode: u32) -> Result<(), FsError> {
        let mut overlay = self.overlay();
        match self.walk(&overlay, who, path, false) {
            Ok(_) => Err(FsError::Exists),
            Err(FsError::NotFound) => {
                let path = self.place(&overlay, who, path)?;
                let node = Node { kind: Kind::Folder, mode, uid: who.uid, modified: clock::unix_seconds() };
                self.put(&mut overlay, path, Some(node))
            }
            Err(error) => Err(error),
        }
    }

    /// Removes a file or link, or (`folder`) an empty folder.
    ///
    /// # Errors
    /// As `unlink(2)` and `rmdir(2)`.
    pub fn remove(&self, who: Who, path: &[u8], folder: bool) -> Result<(), FsError> {
        let mut overlay = self.overlay();
        let (path, node) = self.walk(&overlay, who, path, false)?;
        match (&node.kind, folder) {
            (Kind::Folder, false) => return Err(FsError::IsFolder),
            (Kind::File(_) | Kind::Link(_), true) => return Err(FsError::NotFolder),
            (Kind::Folder, true) if path == b"/" => return Err(FsError::Busy),
            (Kind::Folder, true) if self.has_children(&overlay, &path) => return Err(FsError::NotEmpty),
            _ => {}
        }
        let path = self.place(&overlay, who, &path)?;
        self.put(&mut overlay, path, None)
    }

    /// Moves a file, or a folder with all that is in it.
    ///
    /// # Errors
    /// As `rename(2)`.
    pub fn rename(&self, who: Who, from: &[u8], to: &[u8]) -> Result<(), FsError> {
        let mut overlay = self.overlay();
        let (from, node) = self.walk(&overlay, who, from, false)?;
        let from = self.place(&overlay, who, &from)?;
        let to = self.place(&overlay, who, to)?;
        if from == to {
            return Ok(());
        }
        let mut inside = from.clone();
        inside.push(b'/');
        if from == b"/" || to.starts_with(&inside) {
            return Err(FsError::Busy);
        }
        match (self.node(&overlay, &to).map(|node| &node.kind), &node.kind) {
            (Some(Kind::Folder), Kind::Folder) if self.has_children(&overlay, &to) => return Err(FsError::NotEmpty),
            (Some(Kind::Folder), Kind::File(_) | Kind::Link(_)) => return Err(FsError::IsFolder),
            (Some(Kind::File(_) | Kind::Link(_)), Kind::Folder) => return Err(FsError::NotFolder),
            _ => {}
        }
        let mut moved: Vec<Vec<u8>> = vec![from.clone()];
        moved.extend(below(&self.base.image, &inside).chain(below(&overlay.nodes, &inside)).cloned());
        moved.sort();
        moved.dedup();
        for old in moved {
            let Some(node) = self.node(&overlay, &old).cloned() else { continue };
            let new = [to.as_slice(), old.get(from.len()..).unwrap_or_default()].concat();
            self.put(&mut overlay, new, Some(node))?;
            self.put(&mut overlay, old, None)?;
        }
        Ok(())
    }

    /// Changes permission bits.
    ///
    /// # Errors
    /// As `chmod(2)`; only the owner and root may.
    pub fn set_mode(&self, who: Who, path: &[u8], mode: u32) -> Result<(), FsError> {
        self.change(who, path, |node| node.mode = mode & 0o7777)
    }

    /// Changes the time of the last change, seconds since 1970.
    ///
    /// # Errors
    /// As `utimensat(2)`; only the owner and root may.
    pub fn set_modified(&self, who: Who, path: &[u8], at: i64) -> Result<(), FsError> {
        self.change(who, path, |node| node.modified = at)
    }

    fn change(&self, who: Who, path: &[u8], apply: impl FnOnce(&mut Node)) -> Result<(), FsError> {
        let mut overlay = self.overlay();
        let (path, mut node) = self.walk(&overlay, who, path, true)?;
        if who.uid != 0 && who.uid != node.uid {
            return Err(FsError::Denied);
        }
        apply(&mut node);
        self.put(&mut overlay, path, Some(node))
    }

    /// Whether a resolved path still leads to what the host came with: neither written nor replaced by the attacker.
    pub fn is_original(&self, path: &[u8]) -> bool {
        let overlay = self.overlay();
        let walked = self.walk(&overlay, Who { uid: 0 }, path, true);
        walked.is_ok_and(|(path, _)| !overlay.nodes.contains_key(&path))
    }

    /// Follows a path from the root folder, links included; returns where it really leads and a copy of the node
    /// (contents are shared, not copied).
    fn walk(&self, overlay: &Overlay, who: Who, path: &[u8], follow: bool) -> Result<(Vec<u8>, Node), FsError> {
        let mut todo: Vec<Vec<u8>> = split(path)?;
        let mut at = b"/".to_vec();
        let mut node = self.node(overlay, &at).ok_or(FsError::NotFound)?;
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if !matches!(node.kind, Kind::Folder) {
                return Err(FsError::NotFolder);
            }
            if !may(who, node, 1) {
                return Err(FsError::Denied);
            }
            let next = resolve(&at, &part);
            node = self.node(overlay, &next).ok_or(FsError::NotFound)?;
            match &node.kind {
                Kind::Link(target) if follow || !todo.is_empty() => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(FsError::NotFound);
                    }
                    todo.extend(split(&resolve(&at, target))?);
                    at = b"/".to_vec();
                    node = self.node(overlay, &at).ok_or(FsError::NotFound)?;
                }
                _ => at = next,
            }
        }
        Ok((at, node.clone()))
    }

    /// Where a new entry really lies; an error when its folder may not be written.
    fn place(&self, overlay: &Overlay, who: Who, path: &[u8]) -> Result<Vec<u8>, FsError> {
        let (folder, node) = self.walk(overlay, who, parent(path), true)?;
        if !matches!(node.kind, Kind::Folder) {
            return Err(FsError::NotFolder);
        }
        if !may(who, &node, 3) {
            return Err(FsError::Denied);
        }
        Ok(resolve(&folder, name(path)))
    }

    fn node<'a>(&'a self, overlay: &'a Overlay, path: &[u8]) -> Option<&'a Node> {
        match overlay.nodes.get(path) {
            Some(changed) => changed.as_ref(),
            None => self.base.image.get(path),
        }
    }

    fn has_children(&self, overlay: &Overlay, path: &[u8]) -> bool {
        let own = children(&overlay.nodes, path).any(|(_, node)| node.is_some());
        own || children(&self.base.image, path).any(|(name, _)| self.node(overlay, &resolve(path, name)).is_some())
    }

    fn put(&self, overlay: &mut Overlay, path: Vec<u8>, node: Option<Node>) -> Result<(), FsError> {
        let cost = |path: &[u8], node: Option<&Node>| {
            let content = match node.map(|node| &node.kind) {
                Some(Kind::File(content)) => content.held(),
                Some(Kind::Link(target)) => target.len() as u64,
                _ => 0,
            };
            NODE_BYTES + path.len() as u64 + content
        };
        let before = overlay.nodes.get(&path).map_or(0, |old| cost(&path, old.as_ref()));
        let after = cost(&path, node.as_ref());
        let grows = after.saturating_sub(before);
        let own_full = overlay.bytes + grows > self.base.overlay_bytes;
        let all_full = self.base.used.load(Ordering::Relaxed) + grows > self.base.total_bytes;
        if grows > 0 && (own_full || all_full) && node.is_some() {
            return Err(FsError::NoSpace);
        }
        overlay.bytes = overlay.bytes + after - before;
        if after >= before {
            self.base.used.fetch_add(grows, Ordering::Relaxed);
        } else {
            self.base.used.fetch_sub(before - after, Ordering::Relaxed);
        }
        overlay.changed_at = clock::unix_seconds();
        overlay.nodes.insert(path, node);
        Ok(())
    }
}

/// The parts of a path, last first.
fn split(path: &[u8]) -> Result<Vec<Vec<u8>>, FsError> {
    if path.len() >= PATH_MAX {
        return Err(FsError::NameTooLong);
    }
    let parts: Vec<Vec<u8>> =
        path.split(|&b| b == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec).rev().collect();
    if parts.iter().any(|part| part.len() > NAME_MAX) { Err(FsError::NameTooLong) } else { Ok(parts) }
}

/// Whether `who` has all the `wanted` bits (4 read, 2 write, 1 search); the group counts as the owner's own.
fn may(who: Who, node: &Node, wanted: u32) -> bool {
    let shift = if who.uid == node.uid { 6 } else { 0 };
    who.uid == 0 || (node.mode >> shift) & wanted == wanted
}

fn meta(node: &Node) -> Meta {
    let (folder, link, size) = match &node.kind {
        Kind::Folder => (true, None, 4096),
        Kind::File(content) => (false, None, content.len()),
        Kind::Link(target) => (false, Some(target.clone()), target.len() as u64),
    };
    Meta { folder, link, size, mode: node.mode, uid: node.uid, modified: node.modified }
}

/// Entries of a folder: name and node.
fn children<'a, T>(tree: &'a BTreeMap<Vec<u8>, T>, folder: &[u8]) -> impl Iterator<Item = (&'a [u8], &'a T)> {
    let mut prefix = folder.to_vec();
    if prefix != b"/" {
        prefix.push(b'/');
    }
    let start = prefix.clone();
    tree.range(start..)
        .map_while(move |(path, node)| Some((path.strip_prefix(prefix.as_slice())?, node)))
        .filter(|(name, _)| !name.is_empty() && !name.contains(&b'/'))
}

/// Paths that begin with `prefix`.
fn below<'a, T>(tree: &'a BTreeMap<Vec<u8>, T>, prefix: &'a [u8]) -> impl Iterator<Item = &'a Vec<u8>> {
    tree.range(prefix.to_vec()..).map(|(path, _)| path).take_while(move |path| path.starts_with(prefix))
}
