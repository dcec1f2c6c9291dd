//! Calls that change the tree: make, remove, link, and what the inode says. Each checks what Linux checks, in its order.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::content::Content;
use super::layer::{KERNEL, Layer, Node};
use super::types::{APPEND_ONLY, FileKind, IMMUTABLE, Open, Time, Who};
use super::walk::{Last, Place, Walk, may};
use super::{DEPTH_MAX, Errno, File, PATH_MAX};
use crate::base::clock;
use crate::world::{Host, State};

/// Bytes that one more inode with its name takes at most.
const ENTRY_BYTES: u64 = 1024;

impl State {
    /// Memory that may still be taken.
    pub(super) fn room(&self, own: &Layer) -> u64 {
        let left = self.base.overlay_bytes.saturating_sub(own.bytes());
        left.min(self.base.total_bytes.saturating_sub(self.base.used.load(Ordering::Relaxed)))
    }

    fn room_for_entry(&self, own: &Layer) -> Result<(), Errno> {
        let fits = self.room(own) >= ENTRY_BYTES && own.files() + 2 < self.base.overlay_files;
        if fits { Ok(()) } else { Err(Errno::ENOSPC) }
    }

    /// Makes sure that the attacker's layer holds the inode, so that it can be changed.
    pub(super) fn hold(&self, own: &mut Layer, ino: u64) -> Result<(), Errno> {
        if own.node(ino).is_none() {
            self.room_for_entry(own)?;
            let node = self.node(own, ino).ok_or(Errno::ENOENT)?;
            self.writable(&node)?;
            own.put_node(ino, node);
        }
        Ok(())
    }

    /// Whether the file system that an inode lies on is mounted for writing.
    fn writable(&self, node: &Node) -> Result<(), Errno> {
        let root = || self.base.mounts.iter().rfind(|mount| mount.point == "/");
        let fixed = node.dev == 0 && !self.base.building && root().is_some_and(|root| root.options.starts_with("ro"));
        if fixed { Err(Errno::EROFS) } else { Ok(()) }
    }

    /// Changes an inode, copied up first.
    pub(super) fn alter(&self, own: &mut Layer, ino: u64, apply: impl FnOnce(&mut Node)) -> Result<(), Errno> {
        self.hold(own, ino)?;
        own.change(ino, apply);
        own.changed_at = clock::unix_seconds();
        Ok(())
    }

    /// The folder of a new name, when it may be made there.
    pub(super) fn place(&self, own: &Layer, who: &Who, walk: &Walk, error_of_kernel: Errno) -> Result<u64, Errno> {
        let folder = match walk.folder {
            Place::Real(_) if super::kernel::is_root(super::parent(&walk.path)) => None,
            Place::Real(folder) => Some(folder),
            Place::Kernel => None,
        };
        let Some(folder) = folder else {
            return Err(if walk.path.starts_with(b"/proc/") { Errno::ENOENT } else { error_of_kernel });
        };
        self.writable(&walk.folder_node)?;
        may(who, &walk.folder_node, 3)?;
        if walk.path.len() >= PATH_MAX * 2 || walk.path.iter().filter(|&&b| b == b'/').count() > DEPTH_MAX {
            return Err(Errno::ENOSPC);
        }
        self.room_for_entry(own)?;
        Ok(folder)
    }

    /// Puts a new inode under a name.
    pub(super) fn add(&self, own: &mut Layer, folder: u64, walk: &Walk, mut node: Node) -> Result<u64, Errno> {
        let above = &walk.folder_node;
        if above.mode & 0o2000 != 0 {
            node.gid = above.gid;
            node.mode |= if node.is_folder() { 0o2000 } else { 0 };
        }
        node.dev = above.dev;
        let is_folder = node.is_folder();
        if node.content.memory() > self.room(own).saturating_sub(ENTRY_BYTES) {
            return Err(Errno::ENOSPC);
        }
        let at = node.changed;
        let ino = self.new_number(own, &walk.path);
        self.alter(own, folder, |above| {
            above.modified = at;
            above.changed = at;
            above.nlink += u32::from(is_folder);
        })?;
        own.put_node(ino, node);
        own.put_name(folder, &walk.name, Some(ino));
        Ok(ino)
    }

    /// A number for a new inode. While the instance is built it depends on the path alone, so that another file of the
    /// operator does not renumber all others.
    fn new_number(&self, own: &mut Layer, path: &[u8]) -> u64 {
        if !self.base.building {
            return own.take_number();
        }
        let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let hash = path.iter().fold(0xcbf2_9ce4_8422_2325, fnv);
        let mut number = FIRST_OF_INSTANCE + (hash ^ hash >> 32) % INSTANCE_NUMBERS;
        while own.node(number).is_some() {
            number = FIRST_OF_INSTANCE + (number + 1 - FIRST_OF_INSTANCE) % INSTANCE_NUMBERS;
        }
        number
    }

    /// Whether `who` may take `node` out of `folder` (the kernel's may_delete).
    pub(super) fn may_delete(&self, who: &Who, walk: &Walk, node: &Node) -> Result<u64, Errno> {
        let folder = match walk.folder {
            Place::Real(folder) if !super::kernel::is_root(super::parent(&walk.path)) => folder,
            _ => return Err(Errno::EPERM),
        };
        let above = &walk.folder_node;
        may(who, above, 3)?;
        let sticky = above.mode & 0o1000 != 0 && who.uid != 0 && who.uid != node.uid && who.uid != above.uid;
        if above.flags & APPEND_ONLY != 0 || sticky || node.flags & (APPEND_ONLY | IMMUTABLE) != 0 {
            return Err(Errno::EPERM);
        }
        Ok(folder)
    }

    /// Takes a name away; the inode goes with its last name when nobody has it open.
    pub(super) fn take(&self, own: &mut Layer, folder: u64, walk: &Walk, ino: u64, node: &Node) -> Result<(), Errno> {
        let at = Time::now();
        let is_folder = node.is_folder();
        self.alter(own, folder, |above| {
            above.modified = at;
            above.changed = at;
            above.nlink = above.nlink.saturating_sub(u32::from(is_folder));
        })?;
        let hidden = self.below(folder, &walk.name).then_some(0);
        own.put_name(folder, &walk.name, hidden);
        self.alter(own, ino, |node| {
            node.changed = at;
            node.nlink = if is_folder { 0 } else { node.nlink.saturating_sub(1) };
        })?;
        if is_folder {
            own.drop_names(ino);
        } else {
            self.processes().lost_program(&walk.path);
        }
        own.forget_unnamed(ino);
        Ok(())
    }

    /// An inode whose description `who` may change: only its owner and root.
    fn owned(self: &Arc<Self>, own: &Layer, who: &Who, path: &[u8], follow: bool) -> Result<(u64, Node), Errno> {
        let (place, node, _) = self.find(own, who, path, follow)?;
        let Place::Real(ino) = place else { return Err(Errno::EPERM) };
        if node.flags & (IMMUTABLE | APPEND_ONLY) != 0 {
            return Err(Errno::EPERM);
        }
        Ok((ino, node))
    }
}

const FIRST_OF_INSTANCE: u64 = 262_144;
const INSTANCE_NUMBERS: u64 = 1_048_576;
/// The first number that attackers' files get.
pub(in crate::world) const FIRST_OF_ATTACKER: u64 = FIRST_OF_INSTANCE + INSTANCE_NUMBERS;

impl Host {
    /// Opens a file, made first when `how` says so.
    ///
    /// # Errors
    /// As `open(2)`; ENOSPC when a quota is used up.
    pub fn open(&self, who: &Who, path: &[u8], how: Open) -> Result<File, Errno> {
        let mut own = self.state.own();
        let last = match how.create {
            Some(_) if how.exclusive || how.nofollow => Last::CreateNew,
            Some(_) => Last::Create,
            None => Last::follow(!how.nofollow),
        };
        let walk = self.state.walk(&own, who, path, last)?;
        let Some((place, node)) = &walk.found else {
            let Some(mode) = how.create else { return Err(Errno::ENOENT) };
            if walk.slash {
                return Err(Errno::EISDIR);
            }
            let folder = self.state.place(&own, who, &walk, Errno::EACCES)?;
            let made = Node::new(FileKind::File, mode & !who.umask & 0o7777, who.uid, who.gid, Time::now());
            let ino = self.state.add(&mut own, folder, &walk, made)?;
            return Ok(File::real(&self.state, &mut own, ino, walk.path, how));
        };
        if how.create.is_some() && how.exclusive {
            return Err(Errno::EEXIST);
        }
        let writes = how.write || how.truncate;
        match node.kind {
            FileKind::Link => return Err(Errno::ELOOP),
            FileKind::Folder if writes || how.create.is_some() => return Err(Errno::EISDIR),
            _ if walk.slash && how.create.is_some() => return Err(Errno::EISDIR),
            FileKind::Folder => {}
            _ if walk.slash => return Err(Errno::ENOTDIR),
            FileKind::Socket => return Err(Errno::ENXIO),
            _ => {}
        }
        may(who, node, if how.read { 4 } else { 0 } | if writes { 2 } else { 0 })?;
        if node.flags & APPEND_ONLY != 0 && writes && (!how.append || how.truncate) {
            return Err(Errno::EPERM);
        }
        if how.read && !how.unseen && !self.state.base.building {
            self.state.base.baits.opened(&walk.path, who.uid, self.state.source);
        }
        match *place {
            Place::Real(ino) => {
                if how.truncate && node.kind == FileKind::File {
                    let at = Time::now();
                    self.state.hold(&mut own, ino)?;
                    own.set_len(ino, 0);
                    self.state.alter(&mut own, ino, |node| {
                        node.modified = at;
                        node.changed = at;
                    })?;
                }
                Ok(File::real(&self.state, &mut own, ino, walk.path, how))
            }
            Place::Kernel => {
                if writes && walk.path.starts_with(b"/sys/") && node.mode & 0o222 == 0 {
                    return Err(Errno::EACCES);
                }
                drop(own);
                let Walk { found, path, .. } = walk;
                let (_, node) = found.ok_or(Errno::ENOENT)?;
                self.state.kernel_open(who, node, path, how)
            }
        }
    }

    /// Makes a folder; `mode` is before the umask.
    ///
    /// # Errors
    /// As `mkdir(2)`; ENOSPC when a quota is used up.
    pub fn make_folder(&self, who: &Who, path: &[u8], mode: u32) -> Result<(), Errno> {
        let node = Node::new(FileKind::Folder, mode & !who.umask & 0o1777, who.uid, who.gid, Time::now());
        self.make(who, path, node, Errno::EPERM)
    }

    /// Makes a pipe, a socket or a device; `mode` is before the umask.
    ///
    /// # Errors
    /// As `mknod(2)`: only root makes devices.
    pub fn make_node(&self, who: &Who, path: &[u8], kind: FileKind, mode: u32) -> Result<(), Errno> {
        self.make_device(who, path, kind, mode, (0, 0))
    }

    /// Makes a device with its major and minor number.
    ///
    /// # Errors
    /// As `mknod(2)`.
    pub fn make_device(
        &self,
        who: &Who,
        path: &[u8],
        kind: FileKind,
        mode: u32,
        rdev: (u32, u32),
    ) -> Result<(), Errno> {
        if matches!(kind, FileKind::Folder | FileKind::Link) {
            return Err(Errno::EINVAL);
        }
        if matches!(kind, FileKind::CharDevice | FileKind::BlockDevice) && who.uid != 0 {
            return Err(Errno::EPERM);
        }
        let node = Node::new(kind, mode & !who.umask & 0o7777, who.uid, who.gid, Time::now());
        self.make(who, path, Node { rdev, ..node }, Errno::EPERM)
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// As `symlink(2)`.
    pub fn symlink(&self, who: &Who, target: &[u8], path: &[u8]) -> Result<(), Errno> {
        if target.is_empty() {
            return Err(Errno::ENOENT);
        }
        if target.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let node = Node::new(FileKind::Link, 0o777, who.uid, who.gid, Time::now());
        self.make(who, path, Node { content: Content::held(target.to_vec()), ..node }, Errno::EPERM)
    }

    fn make(&self, who: &Who, path: &[u8], node: Node, error_of_kernel: Errno) -> Result<(), Errno> {
        let mut own = self.state.own();
        let walk = self.state.walk(&own, who, path, Last::Name)?;
        if walk.found.is_some() {
            return Err(Errno::EEXIST);
        }
        if walk.slash && !node.is_folder() {
            return Err(Errno::ENOENT);
        }
        let folder = self.state.place(&own, who, &walk, error_of_kernel)?;
        self.state.add(&mut own, folder, &walk, node).map(|_| ())
    }

    /// Gives a file one more name.
    ///
    /// # Errors
    /// As `link(2)`; a symbolic link at `old` is not followed.
    pub fn link(&self, who: &Who, old: &[u8], new: &[u8]) -> Result<(), Errno> {
        let mut own = self.state.own();
        let (place, node, _) = self.state.find(&own, who, old, false)?;
        let walk = self.state.walk(&own, who, new, Last::Name)?;
        if walk.found.is_some() {
            return Err(Errno::EEXIST);
        }
        if walk.slash {
            return Err(Errno::ENOENT);
        }
        let Place::Real(ino) = place else { return Err(Errno::EXDEV) };
        if node.dev != walk.folder_node.dev {
            return Err(Errno::EXDEV);
        }
        // fs.protected_hardlinks: others' files only when they could be read and written anyway.
        let plain = node.kind == FileKind::File && node.mode & 0o4000 == 0 && node.mode & 0o2010 != 0o2010;
        if who.uid != 0 && who.uid != node.uid && !(plain && may(who, &node, 6).is_ok()) {
            return Err(Errno::EPERM);
        }
        let folder = self.state.place(&own, who, &walk, Errno::EPERM)?;
        if node.is_folder() || node.flags & (APPEND_ONLY | IMMUTABLE) != 0 {
            return Err(Errno::EPERM);
        }
        if node.nlink >= 65_000 {
            return Err(Errno::EMLINK);
        }
        let at = Time::now();
        self.state.hold(&mut own, folder)?;
        self.state.alter(&mut own, ino, |node| {
            node.nlink += 1;
            node.changed = at;
        })?;
        own.put_name(folder, &walk.name, Some(ino));
        self.state.alter(&mut own, folder, |above| {
            above.modified = at;
            above.changed = at;
        })
    }

    /// Removes the name of a file, link or device.
    ///
    /// # Errors
    /// As `unlink(2)`.
    pub fn remove_file(&self, who: &Who, path: &[u8]) -> Result<(), Errno> {
        let mut own = self.state.own();
        let walk = self.state.walk(&own, who, path, Last::Name)?;
        if !walk.is_named() {
            return Err(Errno::EISDIR);
        }
        let Some((place, node)) = &walk.found else { return Err(Errno::ENOENT) };
        if walk.slash {
            return Err(if node.is_folder() { Errno::EISDIR } else { Errno::ENOTDIR });
        }
        let folder = self.state.may_delete(who, &walk, node)?;
        if node.is_folder() {
            return Err(Errno::EISDIR);
        }
        let Place::Real(ino) = *place else { return Err(Errno::EPERM) };
        self.state.take(&mut own, folder, &walk, ino, node)
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// As `rmdir(2)`.
    pub fn remove_folder(&self, who: &Who, path: &[u8]) -> Result<(), Errno> {
        let mut own = self.state.own();
        let walk = self.state.walk(&own, who, path, Last::Name)?;
        match walk.name.as_slice() {
            b"" => return Err(Errno::EBUSY),
            b"." => return Err(Errno::EINVAL),
            b".." => return Err(Errno::ENOTEMPTY),
            _ => {}
        }
        let Some((place, node)) = &walk.found else { return Err(Errno::ENOENT) };
        let folder = self.state.may_delete(who, &walk, node)?;
        let Place::Real(ino) = *place else { return Err(Errno::EPERM) };
        if !node.is_folder() {
            return Err(Errno::ENOTDIR);
        }
        if node.dev != walk.folder_node.dev || super::kernel::is_root(&walk.path) {
            return Err(Errno::EBUSY);
        }
        if self.state.has_children(&own, ino) {
            return Err(Errno::ENOTEMPTY);
        }
        self.state.take(&mut own, folder, &walk, ino, node)
    }

    /// Changes permission bits.
    ///
    /// # Errors
    /// As `chmod(2)`.
    pub fn set_mode(&self, who: &Who, path: &[u8], mode: u32) -> Result<(), Errno> {
        let mut own = self.state.own();
        let (ino, node) = self.state.owned(&own, who, path, true)?;
        if who.uid != 0 && who.uid != node.uid {
            return Err(Errno::EPERM);
        }
        let mut mode = mode & 0o7777;
        if who.uid != 0 && !who.in_group(node.gid) {
            mode &= !0o2000;
        }
        let at = Time::now();
        self.state.alter(&mut own, ino, |node| {
            node.mode = mode;
            node.changed = at;
        })
    }

    /// Changes owner and group; `None` leaves one as it is.
    ///
    /// # Errors
    /// As `chown(2)` and `lchown(2)`.
    pub fn set_owner(
        &self,
        who: &Who,
        path: &[u8],
        uid: Option<u32>,
        gid: Option<u32>,
        follow: bool,
    ) -> Result<(), Errno> {
        let mut own = self.state.own();
        let (ino, node) = self.state.owned(&own, who, path, follow)?;
        let takes = uid.is_some_and(|uid| uid != node.uid || who.uid != node.uid);
        let leaves = gid.is_some_and(|gid| who.uid != node.uid || !(who.in_group(gid) || gid == node.gid));
        if who.uid != 0 && (takes || leaves) {
            return Err(Errno::EPERM);
        }
        let at = Time::now();
        self.state.alter(&mut own, ino, |node| {
            node.uid = uid.unwrap_or(node.uid);
            node.gid = gid.unwrap_or(node.gid);
            if node.kind == FileKind::File && (uid.is_some() || gid.is_some()) {
                node.mode &= if node.mode & 0o10 != 0 { !0o6000 } else { !0o4000 };
            }
            node.changed = at;
        })
    }

    /// Changes times; `None` leaves one as it is. Somebody who may only write the file can set both to the present.
    ///
    /// # Errors
    /// As `utimensat(2)`.
    pub fn set_times(
        &self,
        who: &Who,
        path: &[u8],
        accessed: Option<Time>,
        modified: Option<Time>,
        follow: bool,
    ) -> Result<(), Errno> {
        let mut own = self.state.own();
        let (place, node, _) = self.state.find(&own, who, path, follow)?;
        let Place::Real(ino) = place else { return Err(Errno::EPERM) };
        let now = Time::now();
        let present = [accessed, modified]
            .iter()
            .all(|time| time.is_some_and(|time| (now.secs - 1..=now.secs + 1).contains(&time.secs)));
        let forbidden = if present { IMMUTABLE } else { IMMUTABLE | APPEND_ONLY };
        if node.flags & forbidden != 0 {
            return Err(Errno::EPERM);
        }
        if who.uid != 0 && who.uid != node.uid {
            if !present {
                return Err(Errno::EPERM);
            }
            may(who, &node, 2)?;
        }
        self.state.alter(&mut own, ino, |node| {
            node.accessed = accessed.unwrap_or(node.accessed);
            node.modified = modified.unwrap_or(node.modified);
            node.changed = now;
        })
    }

    /// Sets the `chattr(1)` flags.
    ///
    /// # Errors
    /// As the ioctl FS_IOC_SETFLAGS of ext4: only root makes a file immutable or append-only; other file systems and
    /// links have no flags.
    pub fn set_flags(&self, who: &Who, path: &[u8], flags: u32) -> Result<(), Errno> {
        let mut own = self.state.own();
        let (place, node, _) = self.state.find(&own, who, path, false)?;
        let Place::Real(ino) = place else { return Err(Errno::ENOTTY) };
        if !matches!(node.kind, FileKind::File | FileKind::Folder) {
            return Err(Errno::EOPNOTSUPP);
        }
        if node.dev != 0 {
            return Err(Errno::ENOTTY);
        }
        let changes = (node.flags ^ flags) & (IMMUTABLE | APPEND_ONLY) != 0;
        if who.uid != 0 && (who.uid != node.uid || changes) {
            return Err(Errno::EPERM);
        }
        let at = Time::now();
        self.state.alter(&mut own, ino, |node| {
            node.flags = flags;
            node.changed = at;
        })
    }

    /// Cuts a file, or lengthens it by a hole.
    ///
    /// # Errors
    /// As `truncate(2)`.
    pub fn set_size(&self, who: &Who, path: &[u8], len: u64) -> Result<(), Errno> {
        let mut own = self.state.own();
        let (place, node, _) = self.state.find(&own, who, path, true)?;
        match node.kind {
            FileKind::Folder => return Err(Errno::EISDIR),
            FileKind::File => {}
            _ => return Err(Errno::EINVAL),
        }
        may(who, &node, 2)?;
        let Place::Real(ino) = place else { return Err(Errno::EPERM) };
        if node.flags & APPEND_ONLY != 0 {
            return Err(Errno::EPERM);
        }
        self.state.cut(&mut own, ino, len)
    }

    /// Writes a whole file: what was in it is gone.
    ///
    /// # Errors
    /// As `open(2)` and `write(2)`; ENOSPC when only a part fits.
    pub fn write_file(&self, who: &Who, path: &[u8], bytes: &[u8], mode: u32) -> Result<(), Errno> {
        let file = self.open(who, path, Open::create(mode))?;
        if file.write_at(0, bytes)? == bytes.len() { Ok(()) } else { Err(Errno::ENOSPC) }
    }

    /// A file whose content is a captured upload on the disk, of `len` bytes.
    ///
    /// # Errors
    /// As `open(2)` for writing.
    pub fn keep_capture(&self, who: &Who, path: &[u8], disk: PathBuf, len: u64, mode: u32) -> Result<(), Errno> {
        let file = self.open(who, path, Open::create(mode))?;
        file.replace(Content::disk(disk, len))
    }
}

impl Host {
    /// Gives a file of the instance content that is made when somebody looks.
    pub(in crate::world) fn set_source(&self, path: &[u8], source: Arc<dyn super::content::Source>) {
        let mut own = self.state.own();
        let Ok((Place::Real(ino), ..)) = self.state.find(&own, &Who::root(), path, true) else { return };
        if self.state.hold(&mut own, ino).is_ok() {
            own.set_content(ino, Content::made(source).from(ino));
        }
    }
}

impl Host {
    /// Makes a file of the instance one that waits for its content.
    pub(in crate::world) fn unwritten(&self, path: &[u8]) {
        let mut own = self.state.own();
        let Ok((Place::Real(ino), ..)) = self.state.find(&own, &Who::root(), path, true) else { return };
        if self.state.hold(&mut own, ino).is_ok() {
            own.set_content(ino, Content::unknown(0));
        }
    }
}

impl State {
    /// Cuts or lengthens the content of an inode.
    pub(super) fn cut(&self, own: &mut Layer, ino: u64, len: u64) -> Result<(), Errno> {
        if len > FILE_MAX {
            return Err(Errno::EFBIG);
        }
        let node = self.node(own, ino).ok_or(Errno::ENOENT)?;
        if len > 0 && node.content.growth_of_len(len) > self.room(own).saturating_sub(ENTRY_BYTES) {
            return Err(Errno::ENOSPC);
        }
        let at = Time::now();
        drop(node);
        self.hold(own, ino)?;
        own.set_len(ino, len);
        self.alter(own, ino, |node| {
            node.modified = at;
            node.changed = at;
        })
    }
}

/// The largest file of ext4 with blocks of 4 KiB.
pub(super) const FILE_MAX: u64 = 16 << 40;

impl Node {
    /// Whether the kernel makes it up.
    pub fn is_kernel(&self) -> bool {
        self.dev == KERNEL
    }
}
