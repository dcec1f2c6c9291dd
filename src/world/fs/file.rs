//! Open files.

use std::sync::Arc;

use super::Errno;
use super::change::FILE_MAX;
use super::content::Content;
use super::layer::{Layer, Node};
use super::types::{Device, FileKind, Open, Stat, Time};
use crate::base::rng;
use crate::world::State;

/// An open file. A copy is the same open file; it has no offset of its own. It stays readable after its name is gone.
#[derive(Clone, Debug)]
pub struct File {
    handle: Arc<Handle>,
}

struct Handle {
    state: Arc<State>,
    target: Target,
    path: Vec<u8>,
    how: Open,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", String::from_utf8_lossy(&self.path))
    }
}

enum Target {
    Real(u64),
    /// Made up by the kernel when it was opened.
    Kernel(Box<Node>),
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Target::Real(ino) = self.target {
            self.state.own().closed(ino);
        }
    }
}

/// The most that one read gives, in bytes.
const READ_MAX: usize = 16 << 20;

impl File {
    pub(super) fn real(state: &Arc<State>, own: &mut Layer, ino: u64, path: Vec<u8>, how: Open) -> Self {
        own.opened(ino);
        Self { handle: Arc::new(Handle { state: Arc::clone(state), target: Target::Real(ino), path, how }) }
    }

    pub(super) fn kernel(state: &Arc<State>, node: Node, path: Vec<u8>, how: Open) -> Self {
        let target = Target::Kernel(Box::new(node));
        Self { handle: Arc::new(Handle { state: Arc::clone(state), target, path, how }) }
    }

    pub(super) fn node(&self) -> Option<Node> {
        match &self.handle.target {
            Target::Real(ino) => self.handle.state.node(&self.handle.state.own(), *ino),
            Target::Kernel(node) => Some((**node).clone()),
        }
    }

    fn content(&self) -> Content {
        self.node().map_or_else(Content::empty, |node| node.content)
    }

    /// What `fstat(2)` says.
    pub fn stat(&self) -> Stat {
        let ino = match self.handle.target {
            Target::Real(ino) => ino,
            Target::Kernel(_) => super::kernel::number(&self.handle.path),
        };
        let node = self.node().unwrap_or_else(|| Node::new(FileKind::File, 0, 0, 0, Time::default()));
        node.stat(ino)
    }

    /// The device that it is, if it is one.
    pub fn device(&self) -> Option<Device> {
        let node = self.node()?;
        Device::of(node.kind, node.rdev)
    }

    /// Size in bytes.
    pub fn len(&self) -> u64 {
        self.content().len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// False when the bytes are not known, only how many there are: ask elsewhere what is in it.
    pub fn known(&self) -> bool {
        self.content().known()
    }

    /// The name by which it was opened, without links.
    pub fn path(&self) -> Vec<u8> {
        self.handle.path.clone()
    }

    /// At most `max` bytes from `offset` on; nothing at the end of the file. Some devices always give `max` bytes.
    ///
    /// # Errors
    /// As `pread(2)`.
    pub fn read_at(&self, offset: u64, max: usize) -> Result<Vec<u8>, Errno> {
        if !self.handle.how.read {
            return Err(Errno::EBADF);
        }
        let max = max.min(READ_MAX);
        let node = self.node().ok_or(Errno::EIO)?;
        if node.is_folder() {
            return Err(Errno::EISDIR);
        }
        match Device::of(node.kind, node.rdev) {
            None => {
                if node.is_kernel() && node.mode & 0o444 == 0 {
                    return Err(Errno::EIO);
                }
                if let (false, Some(origin)) = (node.content.known(), node.content.origin()) {
                    self.handle.state.base.inventions.wish(origin);
                }
                Ok(node.content.read_at(offset, max))
            }
            Some(Device::Zero | Device::Full) => Ok(vec![0; max]),
            Some(Device::Random) => Ok(rng::noise(max)),
            Some(Device::Other) if node.kind == FileKind::BlockDevice => Ok(Vec::new()),
            Some(Device::Other) => Err(Errno::EIO),
            Some(Device::Null | Device::Tty | Device::Pts(_)) => Ok(Vec::new()),
        }
    }

    /// For the record: what is in a regular file, in whatever way it was opened; nothing of others.
    pub fn content_at(&self, offset: u64, max: usize) -> Vec<u8> {
        let node = self.node().filter(|node| node.kind == FileKind::File);
        node.map(|node| node.content.read_at(offset, max.min(READ_MAX))).unwrap_or_default()
    }

    /// Writes at a place, or at the end when it was opened for appending; how many bytes were taken.
    ///
    /// # Errors
    /// As `pwrite(2)`; ENOSPC when a quota is used up and nothing fits.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        self.put(if self.handle.how.append { None } else { Some(offset) }, bytes).map(|(taken, _)| taken)
    }

    /// Writes at the end; the new length.
    ///
    /// # Errors
    /// As [`File::write_at`].
    pub fn append(&self, bytes: &[u8]) -> Result<u64, Errno> {
        let (taken, len) = self.put(None, bytes)?;
        if taken == bytes.len() { Ok(len) } else { Err(Errno::ENOSPC) }
    }

    /// Cuts the file, or lengthens it by a hole.
    ///
    /// # Errors
    /// As `ftruncate(2)`.
    pub fn set_len(&self, len: u64) -> Result<(), Errno> {
        let Handle { state, target: Target::Real(ino), how: Open { write: true, .. }, .. } = &*self.handle else {
            return Err(Errno::EINVAL);
        };
        if self.device().is_some() {
            return Err(Errno::EINVAL);
        }
        state.cut(&mut state.own(), *ino, len)
    }

    /// Gives the file the content of another, shared until one of them changes; a copy of a program stays known as it.
    ///
    /// # Errors
    /// EBADF when it can't be written, ENOSPC when a quota is used up.
    pub fn copy_from(&self, source: &Self) -> Result<(), Errno> {
        self.replace(source.content())
    }

    pub(super) fn replace(&self, content: Content) -> Result<(), Errno> {
        let Handle { state, target, how, .. } = &*self.handle;
        if !how.write {
            return Err(Errno::EBADF);
        }
        let Target::Real(ino) = *target else { return Err(Errno::EIO) };
        let mut own = state.own();
        let node = state.node(&own, ino).ok_or(Errno::EIO)?;
        if node.kind != FileKind::File {
            return Ok(());
        }
        let grows = content.memory().saturating_sub(node.content.memory());
        let more = content.len().saturating_sub(node.content.len());
        if grows > state.room(&own) || more > state.disk_room(&own) {
            return Err(Errno::ENOSPC);
        }
        let at = Time::now();
        drop(node);
        state.hold(&mut own, ino)?;
        own.set_content(ino, content);
        state.alter(&mut own, ino, |node| {
            node.modified = at;
            node.changed = at;
        })
    }

    fn put(&self, offset: Option<u64>, bytes: &[u8]) -> Result<(usize, u64), Errno> {
        let Handle { state, target, how, path } = &*self.handle;
        if !how.write {
            return Err(Errno::EBADF);
        }
        let ino = match target {
            Target::Real(ino) => *ino,
            Target::Kernel(node) => {
                if Device::of(node.kind, node.rdev).is_some() {
                    return Ok((bytes.len(), 0));
                }
                return state.kernel_write(node, path, bytes).map(|()| (bytes.len(), 0));
            }
        };
        let mut own = state.own();
        let (kind, rdev, len, growth, at) = {
            // No copy of the content may live on while it is changed: it would be cloned.
            let lower;
            let node = match own.node(ino) {
                Some(node) => node,
                None => {
                    lower = state.node(&own, ino).ok_or(Errno::EIO)?;
                    &lower
                }
            };
            let at = offset.unwrap_or(node.content.end());
            (node.kind, node.rdev, node.content.end(), node.content.growth(at, bytes), at)
        };
        match Device::of(kind, rdev) {
            Some(Device::Full) => return Err(Errno::ENOSPC),
            Some(_) => return Ok((bytes.len(), 0)),
            None if kind != FileKind::File => return Ok((bytes.len(), 0)),
            None => {}
        }
        if bytes.is_empty() {
            return Ok((0, len));
        }
        if at.saturating_add(bytes.len() as u64) > FILE_MAX {
            return Err(Errno::EFBIG);
        }
        // What fits: a disk that runs full takes the first part of a write.
        let over_memory = growth.saturating_sub(state.room(&own));
        let over_disk = (at + bytes.len() as u64).saturating_sub(len).saturating_sub(state.disk_room(&own));
        let over = usize::try_from(over_memory.max(over_disk)).unwrap_or(usize::MAX);
        let Some(bytes) = bytes.get(..bytes.len().saturating_sub(over)).filter(|bytes| !bytes.is_empty()) else {
            return Err(Errno::ENOSPC);
        };
        let now = Time::now();
        state.hold(&mut own, ino)?;
        own.write(ino, at, bytes);
        state.alter(&mut own, ino, |node| {
            node.modified = now;
            node.changed = now;
        })?;
        Ok((bytes.len(), len.max(at + bytes.len() as u64)))
    }
}
