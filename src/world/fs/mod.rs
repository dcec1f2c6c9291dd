//! Files of the simulated host as Linux has them: inodes, links, permissions, devices. Three layers: an immutable
//! image, the instance's own files, and per attacker what they changed. Paths are bytes; attackers choose any.

mod builder;
mod change;
mod content;
mod elf;
mod errno;
mod file;
mod image;
mod kernel;
mod layer;
mod listing;
mod look;
mod rename;
#[cfg(test)]
mod tests;
mod types;
mod walk;

pub use builder::{Builder, Entry, What};
pub use elf::Machine;
pub use errno::Errno;
pub use file::File;
pub use image::Image;
pub use listing::Reading;
pub use types::{APPEND_ONLY, Device, FileKind, IMMUTABLE, Mount, Open, Stat, StatFs, Time, Who};

pub(super) use change::FIRST_OF_ATTACKER;
pub(super) use content::{Content, Source};
pub(super) use image::{kind_of, letter};
pub(super) use layer::{Layer, Node};
pub(super) use walk::Own;

/// Longest name of a file, in bytes.
pub const NAME_MAX: usize = 255;
/// Longest path, in bytes, with the NUL at its end that C puts there.
pub const PATH_MAX: usize = 4096;
/// Links that are followed on one walk.
const LINKS_MAX: u32 = 40;
/// Folders in folders that an attacker may make.
const DEPTH_MAX: usize = 512;

/// `path` as seen from the folder `cwd`: absolute, without `.`, `..` and doubled slashes. Only text: links are not
/// followed, so that `..` after a link is not what the kernel makes of it.
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
