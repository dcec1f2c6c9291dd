//! `rename(2)`.

use super::layer::Layer;
use super::types::{Time, Who};
use super::walk::{Last, Place, may};
use super::{DEPTH_MAX, Errno};
use crate::world::{Host, State};

impl Host {
    /// Moves a file or folder to another name, replacing what lies there.
    ///
    /// # Errors
    /// As `rename(2)`.
    pub fn rename(&self, who: &Who, from: &[u8], to: &[u8]) -> Result<(), Errno> {
        let mut own = self.state.own();
        let old = self.state.walk(&own, who, from, Last::Name)?;
        let new = self.state.walk(&own, who, to, Last::Name)?;
        if old.folder_node.dev != new.folder_node.dev && old.is_named() && new.is_named() {
            return Err(Errno::EXDEV);
        }
        if !old.is_named() || !new.is_named() {
            return Err(Errno::EBUSY);
        }
        let Some((place, node)) = &old.found else { return Err(Errno::ENOENT) };
        if !node.is_folder() && (old.slash || new.slash) {
            return Err(Errno::ENOTDIR);
        }
        let inside = |path: &[u8], folder: &[u8]| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with(b"/"));
        if node.is_folder() && inside(&new.path, &old.path) {
            return Err(Errno::EINVAL);
        }
        if inside(&old.path, &new.path) {
            return Err(Errno::ENOTEMPTY);
        }
        if let Some((found, _)) = &new.found
            && found == place
            && *place != Place::Kernel
        {
            return Ok(());
        }
        let from_folder = self.state.may_delete(who, &old, node)?;
        let Place::Real(ino) = *place else { return Err(Errno::EPERM) };
        let to_folder = match &new.found {
            None => self.state.place(&own, who, &new, Errno::EPERM)?,
            Some((_, victim)) => {
                let folder = self.state.may_delete(who, &new, victim)?;
                match (node.is_folder(), victim.is_folder()) {
                    (true, false) => return Err(Errno::ENOTDIR),
                    (false, true) => return Err(Errno::EISDIR),
                    _ => folder,
                }
            }
        };
        if node.is_folder() && from_folder != to_folder {
            // Its own `..` is rewritten.
            may(who, node, 2)?;
        }
        let mounted = |walk: &super::walk::Walk| {
            let dev = walk.found.as_ref().map_or(walk.folder_node.dev, |(_, node)| node.dev);
            dev != walk.folder_node.dev || super::kernel::is_root(&walk.path)
        };
        if mounted(&old) || mounted(&new) {
            return Err(Errno::EBUSY);
        }
        if node.is_folder() {
            let depth = new.path.iter().filter(|&&b| b == b'/').count();
            if depth + self.state.height(&own, ino, DEPTH_MAX - depth.min(DEPTH_MAX)) > DEPTH_MAX {
                return Err(Errno::ENOSPC);
            }
        }
        for needed in [from_folder, to_folder, ino] {
            self.state.hold(&mut own, needed)?;
        }
        if let Some((Place::Real(victim), victim_node)) = &new.found {
            if victim_node.is_folder() && self.state.has_children(&own, *victim) {
                return Err(Errno::ENOTEMPTY);
            }
            self.state.take(&mut own, to_folder, &new, *victim, victim_node)?;
        }
        let hidden = self.state.below(from_folder, &old.name).then_some(0);
        own.put_name(from_folder, &old.name, hidden);
        own.put_name(to_folder, &new.name, Some(ino));
        let at = Time::now();
        let moved = u32::from(node.is_folder() && from_folder != to_folder);
        self.state.alter(&mut own, ino, |node| node.changed = at)?;
        self.state.alter(&mut own, from_folder, |folder| {
            folder.nlink = folder.nlink.saturating_sub(moved);
            folder.modified = at;
            folder.changed = at;
        })?;
        self.state.alter(&mut own, to_folder, |folder| {
            folder.nlink += moved;
            folder.modified = at;
            folder.changed = at;
        })
    }
}

impl State {
    /// Levels of folders below a folder; looks no deeper than `bound`.
    fn height(&self, own: &Layer, folder: u64, bound: usize) -> usize {
        let mut level = vec![folder];
        for height in 0..=bound {
            let mut next = Vec::new();
            for folder in level {
                let children = self.children(own, folder).into_values();
                next.extend(children.filter(|ino| self.node(own, *ino).is_some_and(|node| node.is_folder())));
            }
            if next.is_empty() {
                return height;
            }
            level = next;
        }
        bound + 1
    }
}
