//! File systems that the kernel makes up: `/proc`, `/sys`, `/dev/pts`. Nothing can be made or removed in them.

mod network;
mod proc;
mod process;
mod sys;

use std::sync::Arc;

use super::content::Content;
use super::layer::{KERNEL, Layer, Node};
use super::types::{FileKind, Mount, Open, Stat, Time, Who};
use super::{Errno, File};
use crate::world::{Host, State};

/// Where such a file system is mounted.
const ROOTS: [&[u8]; 3] = [b"/proc", b"/sys", b"/dev/pts"];

pub(super) fn is_root(path: &[u8]) -> bool {
    ROOTS.contains(&path)
}

/// Inode number of what lies at a path.
pub(super) fn number(path: &[u8]) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    0xf000_0000 | (path.iter().fold(0xcbf2_9ce4_8422_2325, fnv) >> 36)
}

/// What lies at a path there.
enum Thing {
    /// A folder with these names.
    Folder(Vec<String>),
    /// A file with this text and mode.
    Text(Vec<u8>, u32),
    /// A link.
    Link(Vec<u8>),
    /// A terminal of a user.
    Terminal(u32, u32),
}

/// Whose it is, and since when it is there.
struct Owner {
    uid: u32,
    gid: u32,
    since: i64,
}

fn text(text: impl Into<Vec<u8>>) -> Option<Thing> {
    Some(Thing::Text(text.into(), 0o444))
}

fn folder(names: &[&str]) -> Option<Thing> {
    Some(Thing::Folder(names.iter().map(|&name| name.into()).collect()))
}

/// What a file says after something was written to it; `None` when the kernel takes it for invalid.
fn accepted(path: &str, now: &str, value: &str, memory_kib: u64) -> Option<String> {
    if now.contains('[') {
        // One of several words.
        let words: Vec<&str> = now.split_whitespace().map(|word| word.trim_matches(['[', ']'])).collect();
        let shown = |word: &&str| if *word == value { format!("[{word}]") } else { (*word).to_string() };
        return words.contains(&value).then(|| words.iter().map(shown).collect::<Vec<String>>().join(" "));
    }
    let fields: Vec<&str> = value.split_whitespace().collect();
    let numbers =
        |text: &str| text.split_whitespace().all(|field| field.parse::<i64>().is_ok() || field.parse::<u64>().is_ok());
    if numbers(now) && !now.is_empty() {
        let count = now.split_whitespace().count();
        if fields.is_empty() || !numbers(value) || fields.len() > count {
            return None;
        }
        if path.ends_with("/nr_hugepages") {
            // As many as there is memory for.
            return Some(value.parse::<u64>().ok()?.min(memory_kib / 2048 / 10 * 7).to_string());
        }
        let rest = now.split_whitespace().skip(fields.len());
        return Some(fields.into_iter().chain(rest).collect::<Vec<&str>>().join("\t"));
    }
    // CORENAME_MAX_SIZE; names of hosts and domains are shorter.
    let most = if path.ends_with("name") { 64 } else { 128 };
    Some(value.chars().take(most).collect())
}

impl State {
    /// The host as its own calls see it; they take no lock of the files.
    fn as_host(self: &Arc<Self>) -> Host {
        Host { state: Arc::clone(self) }
    }

    fn thing(self: &Arc<Self>, who: &Who, path: &[u8], content: bool) -> Option<(Thing, Owner)> {
        let host = self.as_host();
        let booted = self.base.persona.booted;
        let root = Owner { uid: 0, gid: 0, since: booted };
        let path = std::str::from_utf8(path).ok()?;
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let changed = |found: (Thing, Owner)| match found {
            (Thing::Text(text, mode), owner) if mode & 0o200 != 0 => {
                let text = self.setting(path).map_or(text, |value| format!("{value}\n").into_bytes());
                (Thing::Text(text, mode), owner)
            }
            other => other,
        };
        match parts.as_slice() {
            ["proc", rest @ ..] => proc::look(&host, who, rest, content).map(changed),
            ["sys", rest @ ..] => Some(changed((sys::look(&host, rest)?, root))),
            ["dev", "pts"] => {
                let ttys = host.visitors().into_iter().filter_map(|seen| seen.tty).map(|tty| tty.to_string());
                Some((Thing::Folder(ttys.chain(["ptmx".to_string()]).collect()), root))
            }
            ["dev", "pts", "ptmx"] => Some((Thing::Terminal(5, 2), root)),
            ["dev", "pts", tty] => {
                let tty: u32 = tty.parse().ok()?;
                let seen = host.visitors().into_iter().find(|seen| seen.tty == Some(tty))?;
                let uid = host.process(seen.pid).map_or(0, |process| process.uid);
                Some((Thing::Terminal(136, tty), Owner { uid, gid: 5, since: seen.since.as_second() }))
            }
            _ => None,
        }
    }

    /// What lies at a path below one of the roots.
    pub(super) fn kernel_node(self: &Arc<Self>, who: &Who, path: &[u8]) -> Option<Node> {
        let (thing, owner) = self.thing(who, path, false)?;
        Some(node(thing, &owner, path))
    }

    /// Names in a folder of these file systems.
    pub(super) fn kernel_list(self: &Arc<Self>, who: &Who, path: &[u8]) -> Vec<(Vec<u8>, Stat)> {
        let Some((Thing::Folder(mut names), _)) = self.thing(who, path, false) else { return Vec::new() };
        names.sort();
        let stat = |name: String| {
            let path = [path, b"/", name.as_bytes()].concat();
            Some((name.into_bytes(), self.kernel_node(who, &path)?.stat(number(&path))))
        };
        names.into_iter().filter_map(stat).collect()
    }

    /// Opens what lies there: its text is made now.
    pub(super) fn kernel_open(
        self: &Arc<Self>,
        who: &Who,
        node: Node,
        path: Vec<u8>,
        how: Open,
    ) -> Result<File, Errno> {
        let node = match self.thing(who, &path, true) {
            Some((Thing::Text(text, _), _)) => Node { content: Content::held(text), ..node },
            _ => node,
        };
        Ok(File::kernel(self, node, path, how))
    }

    /// Takes what is written to a setting of the kernel.
    pub(super) fn kernel_write(self: &Arc<Self>, node: &Node, path: &[u8], bytes: &[u8]) -> Result<(), Errno> {
        if node.mode & 0o222 == 0 {
            return Err(Errno::EIO);
        }
        let (Ok(path), Ok(value)) = (std::str::from_utf8(path), std::str::from_utf8(bytes.trim_ascii())) else {
            return Err(Errno::EINVAL);
        };
        if !path.starts_with("/proc/sys/") && !path.starts_with("/sys/") {
            return Ok(());
        }
        let now = match self.thing(&Who::root(), path.as_bytes(), true) {
            Some((Thing::Text(text, _), _)) => String::from_utf8_lossy(&text).trim_end().to_owned(),
            _ => return Err(Errno::EIO),
        };
        let value = accepted(path, &now, value, self.base.persona.memory_kib).ok_or(Errno::EINVAL)?;
        self.set(path, value);
        Ok(())
    }

    /// Total and used KiB, all and used inodes of a mounted file system.
    pub(super) fn space(&self, own: &Layer, mount: &Mount) -> (u64, u64, u64, u64) {
        let persona = &self.base.persona;
        let half = persona.memory_kib / 2;
        let limit = mount.options.split(',').find_map(|option| option.strip_prefix("size=")?.strip_suffix('k'));
        let limit = limit.and_then(|kib| kib.parse().ok()).unwrap_or(half);
        match (mount.kind.as_str(), mount.point.as_str()) {
            ("ext4", _) => {
                let (used, inodes) = (persona.disk.used_kib + own.disk() / 1024, persona.disk.size_kib / 16);
                (persona.disk.kib, used, inodes, 98_304 + persona.seed % 60_000 + own.files())
            }
            ("squashfs" | "rootfs", _) => (persona.disk.kib, persona.disk.kib, 1_200, 1_200),
            ("ramfs", _) => (0, 0, 0, 0),
            ("devtmpfs", _) => (limit, 0, half / 4, 402),
            ("tmpfs", "/run") => (limit, 820 + persona.seed % 500, half / 2, 680),
            ("tmpfs", "/run/lock") => (limit, 0, half / 2, 3),
            ("tmpfs", _) => (limit, 0, half / 2, 1),
            _ => (0, 0, 0, 0),
        }
    }

    /// Bytes that the root disk still takes.
    pub(super) fn disk_room(&self, own: &Layer) -> u64 {
        let persona = &self.base.persona;
        if self.base.building {
            return u64::MAX / 2;
        }
        if !persona.profile.is_server() {
            // All that can be written to lies in memory.
            return (persona.memory_kib / 4 * 1024).saturating_sub(own.disk());
        }
        let disk = &persona.disk;
        (disk.kib.saturating_sub(disk.kib / 20 + disk.used_kib) * 1024).saturating_sub(own.disk())
    }
}

fn node(thing: Thing, owner: &Owner, path: &[u8]) -> Node {
    let at = Time::at(owner.since);
    let new = |kind, mode| Node { dev: KERNEL, ..Node::new(kind, mode, owner.uid, owner.gid, at) };
    match thing {
        Thing::Folder(names) => {
            let private = path.ends_with(b"/fd") || path.ends_with(b"/fdinfo");
            let folder = new(FileKind::Folder, if private { 0o500 } else { 0o555 });
            Node { nlink: 2 + u32::try_from(names.len() / 8).unwrap_or(0), ..folder }
        }
        // Sizes are not known before somebody reads: they are 0, in /sys one page.
        Thing::Text(_, mode) => {
            let file = new(FileKind::File, mode);
            if path.starts_with(b"/sys/") { Node { content: Content::unknown(4096), ..file } } else { file }
        }
        Thing::Link(target) => Node { content: Content::held(target), ..new(FileKind::Link, 0o777) },
        Thing::Terminal(major, minor) => {
            let mode = if major == 5 { 0o000 } else { 0o620 };
            Node { rdev: (major, minor), ..new(FileKind::CharDevice, mode) }
        }
    }
}
