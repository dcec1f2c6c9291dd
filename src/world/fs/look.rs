//! Calls that only look: stat, list, links, access, space.

use std::collections::HashMap;

use super::types::{FileKind, Mount, Stat, StatFs, Who};
use super::walk::{Place, may};
use super::{Errno, File, Open, PATH_MAX};
use crate::world::Host;

impl Host {
    /// What lies at a path; `follow` follows a link in the last place (`stat(2)`), else it is `lstat(2)`.
    ///
    /// # Errors
    /// As `stat(2)`.
    pub fn stat(&self, who: &Who, path: &[u8], follow: bool) -> Result<Stat, Errno> {
        let (place, node, path) = self.state.find(&self.state.own(), who, path, follow)?;
        Ok(match place {
            Place::Real(ino) => node.stat(ino),
            Place::Kernel => node.stat(super::kernel::number(&path)),
        })
    }

    /// The path without links, `.` and `..`; all of it must be there.
    ///
    /// # Errors
    /// As `realpath(3)`.
    pub fn real_path(&self, who: &Who, path: &[u8]) -> Result<Vec<u8>, Errno> {
        Ok(self.state.find(&self.state.own(), who, path, true)?.2)
    }

    /// Where a link leads.
    ///
    /// # Errors
    /// As `readlink(2)`: EINVAL for what is no link.
    pub fn read_link(&self, who: &Who, path: &[u8]) -> Result<Vec<u8>, Errno> {
        let (_, node, _) = self.state.find(&self.state.own(), who, path, false)?;
        if node.kind == FileKind::Link { Ok(node.content.read_at(0, PATH_MAX)) } else { Err(Errno::EINVAL) }
    }

    /// Names in a folder, sorted by byte, without `.` and `..`; each with its own stat (links are not followed).
    ///
    /// # Errors
    /// As `opendir(3)`.
    pub fn list(&self, who: &Who, path: &[u8]) -> Result<Vec<(Vec<u8>, Stat)>, Errno> {
        let own = self.state.own();
        let (place, node, path) = self.state.find(&own, who, path, true)?;
        if !node.is_folder() {
            return Err(Errno::ENOTDIR);
        }
        may(who, &node, 4)?;
        if place == Place::Kernel || super::kernel::is_root(&path) {
            drop(own);
            return Ok(self.state.kernel_list(who, &path));
        }
        let Place::Real(folder) = place else { return Err(Errno::ENOENT) };
        let children = self.state.children(&own, folder).into_iter();
        Ok(children.filter_map(|(name, ino)| Some((name, self.state.node(&own, ino)?.stat(ino)))).collect())
    }

    /// Whether somebody may read (4), write (2), execute or search (1) what lies at a path.
    ///
    /// # Errors
    /// As `access(2)`, asked with the effective ids.
    pub fn access(&self, who: &Who, path: &[u8], mask: u32) -> Result<(), Errno> {
        let (_, node, _) = self.state.find(&self.state.own(), who, path, true)?;
        may(who, &node, mask & 7)
    }

    /// The first `max` bytes of a file.
    ///
    /// # Errors
    /// As `open(2)` and `read(2)`.
    pub fn read_file(&self, who: &Who, path: &[u8], max: usize) -> Result<Vec<u8>, Errno> {
        self.open(who, path, Open::READ)?.read_at(0, max)
    }

    /// The same by a program for itself, such as a shell that loads its history: nobody has seen it yet.
    ///
    /// # Errors
    /// As `open(2)` and `read(2)`.
    pub fn read_unseen(&self, who: &Who, path: &[u8], max: usize) -> Result<Vec<u8>, Errno> {
        self.open(who, path, Open { unseen: true, ..Open::READ })?.read_at(0, max)
    }

    /// Notes that somebody has been shown what [`Host::read_unseen`] gave.
    pub fn was_shown(&self, who: &Who, path: &[u8]) {
        self.state.base.baits.opened(path, who.uid, self.state.source);
    }

    /// Space on the file system that a path lies on.
    ///
    /// # Errors
    /// As `statfs(2)`, asked by root.
    pub fn statfs(&self, path: &[u8]) -> Result<StatFs, Errno> {
        let own = self.state.own();
        let (_, _, path) = self.state.find(&own, &Who::root(), path, true)?;
        let mounts = self.mounts();
        let inside = |mount: &&Mount| {
            let point = mount.point.as_bytes();
            point == b"/" || path.strip_prefix(point).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        let mount = mounts.into_iter().filter(|mount| inside(&mount)).max_by_key(|mount| mount.point.len());
        let mount = mount.ok_or(Errno::ENOENT)?;
        let (total, used, inodes, inodes_used) = self.state.space(&own, &mount);
        // ext4 keeps 5 % for root.
        let kept = if mount.kind == "ext4" { total / 20 } else { 0 };
        Ok(StatFs {
            total,
            used,
            available: total.saturating_sub(used + kept),
            inodes,
            inodes_used,
            kind: mount.kind,
            device: mount.device,
            mount_point: mount.point.into_bytes(),
        })
    }

    /// What is mounted, in the order of `/proc/mounts`.
    pub fn mounts(&self) -> Vec<Mount> {
        self.state.base.mounts.clone()
    }

    /// Whether the content of what a path leads to came with the host, also as a copy of such a file.
    pub fn is_original(&self, path: &[u8]) -> bool {
        let found = self.state.find(&self.state.own(), &Who::root(), path, true);
        found.is_ok_and(|(_, node, _)| node.kind != FileKind::File || node.content.origin().is_some())
    }

    /// Path in the base image whose unchanged content this file has, such as `/usr/bin/echo`; also when it is another
    /// name of it or a copy.
    pub fn program_of(&self, file: &File) -> Option<Vec<u8>> {
        let origin = file.node()?.content.origin()?;
        let image = &self.state.base.image;
        image.path_of(origin).or_else(|| self.state.base.instance_paths.get(&origin).cloned())
    }

    /// Marks a folder, with all that is in it, as another file system.
    pub(in crate::world) fn mount(&self, path: &[u8], dev: u32) {
        let mut own = self.state.own();
        let Ok((Place::Real(ino), _, _)) = self.state.find(&own, &Who::root(), path, false) else { return };
        let mut todo = vec![ino];
        while let Some(ino) = todo.pop() {
            let _ = self.state.alter(&mut own, ino, |node| node.dev = dev);
            todo.extend(self.state.children(&own, ino).into_values());
        }
    }

    /// Paths of all inodes that have a name in the upper layer.
    pub(in crate::world) fn paths(&self) -> HashMap<u64, Vec<u8>> {
        let own = self.state.own();
        let above: HashMap<u64, (u64, &[u8])> = own
            .all_names()
            .flat_map(|(folder, names)| names.iter().map(move |(name, ino)| (*ino, (folder, name.as_slice()))))
            .collect();
        let path = |ino: u64| {
            let (mut parts, mut at) = (Vec::new(), ino);
            while let Some((folder, name)) = above.get(&at).filter(|_| parts.len() < PATH_MAX) {
                parts.push(*name);
                at = *folder;
            }
            let mut path = self.state.base.image.path_of(at)?;
            for part in parts.iter().rev() {
                path.push(b'/');
                path.extend_from_slice(part);
            }
            Some((ino, path))
        };
        above.keys().filter_map(|ino| path(*ino)).collect()
    }
}
