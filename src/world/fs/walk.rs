//! How the kernel walks a path (path_resolution(7)): folder by folder, through links, with the right to search checked
//! on the way. What lies under a name is asked of the attacker's layer, the instance's, and the image.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use super::content::Content;
use super::image::ROOT;
use super::layer::{Layer, Node};
use super::types::{FileKind, IMMUTABLE, Who};
use super::{Errno, LINKS_MAX, NAME_MAX, PATH_MAX};
use crate::world::State;

/// Where something lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum Place {
    /// An inode of image or layers.
    Real(u64),
    /// Made up by the kernel when somebody looks: the path says what.
    Kernel,
}

/// What becomes of a link in the last place; those before it are always followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum Last {
    /// Followed.
    Follow,
    /// Itself, unless a slash comes after it.
    Link,
    /// Itself: the caller makes or removes the name.
    Name,
    /// Followed to where a file may be made; no slash may come after it.
    Create,
    /// Itself, as `O_EXCL` wants it; no slash may come after it.
    CreateNew,
}

impl Last {
    pub fn follow(follow: bool) -> Self {
        if follow { Self::Follow } else { Self::Link }
    }
}

/// The end of a walk.
#[derive(Debug)]
pub(in crate::world) struct Walk {
    /// The folder that holds the last name.
    pub folder: Place,
    pub folder_node: Node,
    /// The last name; empty, `.` or `..` when the path has no name at its end.
    pub name: Vec<u8>,
    /// What lies there.
    pub found: Option<(Place, Node)>,
    /// Real path of it.
    pub path: Vec<u8>,
    /// The path ended in a slash.
    pub slash: bool,
}

impl Walk {
    /// What was found.
    pub fn get(self) -> Result<(Place, Node, Vec<u8>), Errno> {
        let (place, node) = self.found.ok_or(Errno::ENOENT)?;
        if self.slash && !node.is_folder() { Err(Errno::ENOTDIR) } else { Ok((place, node, self.path)) }
    }

    /// Whether the last part is a name, not `.`, `..` or the root folder.
    pub fn is_named(&self) -> bool {
        !matches!(self.name.as_slice(), b"" | b"." | b"..")
    }
}

/// Checks the `wanted` bits (4 read, 2 write, 1 execute or search) as the kernel's inode_permission does.
pub(in crate::world) fn may(who: &Who, node: &Node, wanted: u32) -> Result<(), Errno> {
    if wanted & 2 != 0 && node.flags & IMMUTABLE != 0 {
        return Err(Errno::EPERM);
    }
    let allowed = if who.uid == 0 {
        wanted & 1 == 0 || node.is_folder() || node.mode & 0o111 != 0
    } else {
        let shift = if who.uid == node.uid {
            6
        } else if who.in_group(node.gid) {
            3
        } else {
            0
        };
        (node.mode >> shift) & wanted == wanted
    };
    if allowed { Ok(()) } else { Err(Errno::EACCES) }
}

/// The attacker's layer under its lock. When it is let go, what it holds is counted.
pub(in crate::world) struct Own<'a> {
    layer: MutexGuard<'a, Layer>,
    state: &'a State,
    before: u64,
}

impl std::ops::Deref for Own<'_> {
    type Target = Layer;
    fn deref(&self) -> &Layer {
        &self.layer
    }
}

impl std::ops::DerefMut for Own<'_> {
    fn deref_mut(&mut self) -> &mut Layer {
        &mut self.layer
    }
}

impl Drop for Own<'_> {
    fn drop(&mut self) {
        self.state.write_down(&mut self.layer);
        let after = self.layer.bytes();
        if after > self.before {
            self.state.base.used.fetch_add(after - self.before, Ordering::Relaxed);
        } else {
            self.state.base.used.fetch_sub(self.before - after, Ordering::Relaxed);
        }
    }
}

impl State {
    /// Takes the lock of the attacker's layer.
    pub(in crate::world) fn own(&self) -> Own<'_> {
        let layer = self.files.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = layer.bytes();
        Own { layer, state: self, before }
    }

    pub(super) fn node(&self, own: &Layer, ino: u64) -> Option<Node> {
        let node = own.node(ino).or_else(|| self.base.instance.node(ino));
        let mut node = node.cloned().or_else(|| self.base.image.node(ino))?;
        if !node.content.known()
            && let Some(origin) = node.content.origin()
            && let Some(bytes) = self.base.inventions.content(origin)
        {
            node.content = Content::shared(bytes).from(origin);
        }
        Some(node)
    }

    pub(super) fn child(&self, own: &Layer, folder: u64, name: &[u8]) -> Option<u64> {
        let said = own.name(folder, name).or_else(|| self.base.instance.name(folder, name));
        said.map_or_else(|| self.base.image.child(folder, name), |ino| Some(ino).filter(|ino| *ino != 0))
    }

    /// Whether a lower layer has the name, so that removing it takes a mark.
    pub(super) fn below(&self, folder: u64, name: &[u8]) -> bool {
        match self.base.instance.name(folder, name) {
            Some(ino) => ino != 0,
            None => self.base.image.child(folder, name).is_some(),
        }
    }

    pub(super) fn children(&self, own: &Layer, folder: u64) -> BTreeMap<Vec<u8>, u64> {
        let mut found: BTreeMap<Vec<u8>, u64> =
            self.base.image.children(folder).map(|(name, ino)| (name.to_vec(), ino)).collect();
        for names in [self.base.instance.names(folder), own.names(folder)].into_iter().flatten() {
            for (name, ino) in names {
                if *ino == 0 {
                    found.remove(name);
                } else {
                    found.insert(name.clone(), *ino);
                }
            }
        }
        found
    }

    pub(super) fn has_children(&self, own: &Layer, folder: u64) -> bool {
        let mark = |names: &BTreeMap<Vec<u8>, u64>| names.values().any(|ino| *ino != 0);
        if own.names(folder).is_some_and(mark) {
            return true;
        }
        let visible = |name: &[u8]| self.child(own, folder, name).is_some();
        self.base.image.children(folder).any(|(name, _)| visible(name))
            || self.base.instance.names(folder).is_some_and(|names| names.keys().any(|name| visible(name)))
    }

    /// Walks a path from the root folder.
    pub(super) fn walk(self: &Arc<Self>, own: &Layer, who: &Who, path: &[u8], last_link: Last) -> Result<Walk, Errno> {
        if path.is_empty() || path.contains(&0) {
            return Err(Errno::ENOENT);
        }
        if path.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let root = self.node(own, ROOT).ok_or(Errno::ENOENT)?;
        // Folders that we are in, each with the length of its path.
        let mut trail: Vec<(Place, Node, usize)> = vec![(Place::Real(ROOT), root, 0)];
        let mut real: Vec<u8> = Vec::new();
        let mut rest = path.to_vec();
        let mut at = 0;
        let mut links = 0;
        loop {
            at += rest.iter().skip(at).take_while(|&&b| b == b'/').count();
            let end = rest.iter().skip(at).position(|&b| b == b'/').map_or(rest.len(), |len| at + len);
            let name = rest.get(at..end).unwrap_or_default().to_vec();
            at = end;
            let last = rest.iter().skip(end).all(|&b| b == b'/');
            let slash = last && end < rest.len();
            let Some((place, node, len)) = trail.last() else { return Err(Errno::ENOENT) };
            let (place, len) = (*place, *len);
            if !node.is_folder() {
                return Err(Errno::ENOTDIR);
            }
            if !name.is_empty() {
                may(who, node, 1)?;
            }
            if matches!(name.as_slice(), b"" | b"." | b"..") {
                if name == b".." && trail.len() > 1 {
                    trail.pop();
                    real.truncate(trail.last().map_or(0, |(_, _, len)| *len));
                }
                if last {
                    let (place, node, _) = trail.pop().ok_or(Errno::ENOENT)?;
                    let path = if real.is_empty() { b"/".to_vec() } else { real };
                    let found = Some((place, node.clone()));
                    return Ok(Walk { folder: place, folder_node: node, name, found, path, slash });
                }
                continue;
            }
            if name.len() > NAME_MAX {
                return Err(Errno::ENAMETOOLONG);
            }
            if slash && matches!(last_link, Last::Create | Last::CreateNew) {
                return Err(Errno::EISDIR);
            }
            real.truncate(len);
            let inside_kernel = place == Place::Kernel || super::kernel::is_root(&real);
            real.push(b'/');
            real.extend_from_slice(&name);
            let found = if inside_kernel {
                self.kernel_node(who, &real).map(|node| (Place::Kernel, node))
            } else {
                let Place::Real(folder) = place else { return Err(Errno::ENOENT) };
                let ino = self.child(own, folder, &name);
                ino.and_then(|ino| Some((Place::Real(ino), self.node(own, ino)?)))
            };
            match found {
                Some((_, node)) if node.kind == FileKind::Link && (!last || follows(last_link, slash)) => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(Errno::ELOOP);
                    }
                    let mut target = node.content.read_at(0, PATH_MAX);
                    if target.is_empty() {
                        return Err(Errno::ENOENT);
                    }
                    if target.starts_with(b"/") {
                        trail.truncate(1);
                    }
                    real.truncate(trail.last().map_or(0, |(_, _, len)| *len));
                    target.extend_from_slice(rest.get(end..).unwrap_or_default());
                    rest = target;
                    at = 0;
                }
                None if !last => return Err(Errno::ENOENT),
                Some((place, node)) if !last => trail.push((place, node, real.len())),
                found => {
                    let (folder, folder_node, _) = trail.pop().ok_or(Errno::ENOENT)?;
                    return Ok(Walk { folder, folder_node, name, found, path: real, slash });
                }
            }
        }
    }

    /// Walks to something that is there.
    pub(super) fn find(
        self: &Arc<Self>,
        own: &Layer,
        who: &Who,
        path: &[u8],
        follow: bool,
    ) -> Result<(Place, Node, Vec<u8>), Errno> {
        self.walk(own, who, path, Last::follow(follow))?.get()
    }
}

fn follows(last: Last, slash: bool) -> bool {
    matches!(last, Last::Follow | Last::Create) || (last == Last::Link && slash)
}
