//! For `fuzz/`: file system calls decoded from any bytes, their journal torn and read again.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::fs::{File, FileKind, IMMUTABLE, Open, Time, Who};
use super::journal::Journal;
use super::{Config, Host, Layer, Visitor, World};

/// Calls of one input.
const CALLS: usize = 80;
/// Bytes of a file that are compared.
const COMPARED: usize = 1 << 17;
/// Files that an input may hold open.
const OPEN: usize = 8;

/// What an input says, read from its beginning; zeros after its end.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// One of these.
    fn one<T: Copy>(&mut self, of: &[T], other: T) -> T {
        let at = usize::from(self.byte()) % of.len().max(1);
        of.get(at).copied().unwrap_or(other)
    }

    fn path(&mut self) -> Vec<u8> {
        const SYSTEM: &[&str] = &[
            "/etc/passwd",
            "/usr/bin/wget",
            "/etc/hostname",
            "/var/log/syslog",
            "/bin/cat",
            "/dev/null",
            "/etc",
            "/root/.ssh/authorized_keys",
            "/proc/self/status",
            "/tmp",
            "/var/spool/cron/crontabs",
            "/usr/bin",
            "/",
        ];
        const BASES: &[&str] = &["/tmp", "/root", "/dev/shm", "/var/tmp", "/etc", "/home"];
        const PARTS: &[&str] = &["a", "b", "c", "..", ".", "a\n", "\u{e9}"];
        let kind = self.byte();
        if kind < 40 {
            return self.one(SYSTEM, "/").as_bytes().to_vec();
        }
        let mut path = self.one(BASES, "/tmp").to_string();
        for _ in 0..=kind % 4 {
            path.push('/');
            path.push_str(self.one(PARTS, "a"));
        }
        if kind % 16 == 15 {
            path.push('/');
        }
        path.into_bytes()
    }

    fn who(&mut self) -> Who {
        if self.byte().is_multiple_of(8) {
            Who { uid: 1000, gid: 1000, groups: Arc::from([1000]), ..Who::root() }
        } else {
            Who::root()
        }
    }

    fn mode(&mut self) -> u32 {
        u32::from(self.byte()) << 4 | u32::from(self.byte() & 15)
    }

    fn data(&mut self) -> Vec<u8> {
        let len = self.one(&[0, 1, 3, 100, 4096, 5000, 65_536], 1);
        vec![self.byte(); len]
    }

    fn offset(&mut self) -> u64 {
        let small = u64::from(self.byte());
        self.one(&[0, small, small << 8, 4096, small << 16, 16 << 40, u64::MAX], 0)
    }

    fn time(&mut self) -> Option<Time> {
        let secs = i64::from(self.byte()) << 24;
        (secs != 0).then(|| Time { secs: secs - (1 << 30), nanos: u32::from(self.byte()) })
    }
}

fn world() -> &'static World {
    static WORLD: OnceLock<Arc<World>> = OnceLock::new();
    WORLD.get_or_init(|| World::new(&Config::default(), 7, 1 << 20, 1 << 30))
}

/// The host of an attacker whose journal lies in that folder.
fn host(folder: &Path) -> Arc<Host> {
    let host = Arc::new(Host::new(Arc::clone(&world().base), None));
    host.state.load(host.state.own(), Journal::new(folder.to_path_buf(), 64 << 20));
    host
}

/// All that is different from the image, as text; what no name leads to is left out.
fn drawn(layer: &Layer) -> Vec<String> {
    let mut lines = Vec::new();
    for (ino, node) in layer.nodes().filter(|(_, node)| node.nlink > 0) {
        let stat = node.stat(ino);
        let content = match node.content.origin() {
            _ if !matches!(node.kind, FileKind::File | FileKind::Link) => String::new(),
            Some(origin) => format!("as {origin}"),
            None => format!("{:x?}", squeezed(&node.content.read_at(0, COMPARED))),
        };
        lines.push(format!("{ino} {stat:?} {content}"));
    }
    for (folder, names) in layer.all_names() {
        for (name, ino) in names {
            lines.push(format!("{folder}/{} {ino}", name.escape_ascii()));
        }
    }
    lines.sort();
    lines
}

/// Runs of the same byte.
fn squeezed(bytes: &[u8]) -> Vec<(u8, usize)> {
    bytes.chunk_by(|a, b| a == b).map(|run| (run.first().copied().unwrap_or_default(), run.len())).collect()
}

fn call(host: &Arc<Host>, input: &mut Input<'_>, open: &mut Vec<File>) {
    let who = input.who();
    let path = input.path();
    match input.byte() % 22 {
        0..=2 => {
            let data = input.data();
            let _ = host.write_file(&who, &path, &data, input.mode());
        }
        3 | 4 => drop(host.make_folder(&who, &path, input.mode())),
        5 => drop(host.symlink(&who, &input.path(), &path)),
        6 => drop(host.link(&who, &input.path(), &path)),
        7 => drop(host.remove_file(&who, &path)),
        8 => drop(host.remove_folder(&who, &path)),
        9 | 10 => drop(host.rename(&who, &path, &input.path())),
        11 => drop(host.set_mode(&who, &path, input.mode())),
        12 => {
            let uid = u32::from(input.byte());
            let _ = host.set_owner(&who, &path, Some(uid), Some(uid / 2), uid.is_multiple_of(2));
        }
        13 => {
            let (accessed, modified) = (input.time(), input.time());
            let _ = host.set_times(&who, &path, accessed, modified, true);
        }
        14 => drop(host.set_flags(&who, &path, input.one(&[0, IMMUTABLE, super::fs::APPEND_ONLY, 0x40], 0))),
        15 => drop(host.set_size(&who, &path, input.offset())),
        16 => {
            let kind = input.one(&[FileKind::Fifo, FileKind::CharDevice, FileKind::Socket], FileKind::Fifo);
            let _ = host.make_device(&who, &path, kind, input.mode(), (u32::from(input.byte()), 3));
        }
        17 => {
            let bits = input.byte();
            let how = Open {
                read: bits & 1 != 0,
                write: bits & 2 != 0,
                append: bits & 4 != 0,
                create: (bits & 8 != 0).then_some(0o640),
                truncate: bits & 16 != 0,
                exclusive: bits & 32 != 0,
                nofollow: bits & 64 != 0,
                unseen: false,
            };
            if let Ok(file) = host.open(&who, &path, how)
                && open.len() < OPEN
            {
                open.push(file);
            }
        }
        18 => {
            let at = usize::from(input.byte());
            if at < open.len() {
                drop(open.swap_remove(at));
            }
        }
        19 => write(input, open),
        20 => drop(host.login(b"root", &[b'a' + input.byte() % 26; 6])),
        _ => {
            let (from, local) = (([192, 0, 2, 7], 40_000).into(), ([10, 0, 0, 1], 23).into());
            drop(host.enter(Visitor {
                user: "root".into(),
                protocol: "telnet",
                terminal: true,
                command: None,
                from,
                local,
            }));
        }
    }
}

fn write(input: &mut Input<'_>, open: &[File]) {
    let Some(file) = open.get(usize::from(input.byte()) % OPEN) else { return };
    match input.byte() % 4 {
        0 => drop(file.write_at(input.offset(), &input.data())),
        1 => drop(file.append(&input.data())),
        2 => drop(file.set_len(input.offset())),
        _ => {
            if let Some(other) = open.get(usize::from(input.byte()) % OPEN) {
                let _ = file.copy_from(other);
            }
        }
    }
}

/// Makes the calls that the bytes say, with the journal in an empty folder; panics when what is read again is not what
/// was there, at its end or where it was torn.
pub fn overlay(folder: &Path, bytes: &[u8]) {
    let journal = folder.join("journal");
    let _ = std::fs::remove_file(&journal);
    let len = || std::fs::metadata(&journal).map_or(0, |meta| meta.len());
    let mut input = Input(bytes);
    let (tear_after, tear) = (usize::from(input.byte()) % CALLS, u64::from(input.byte()));
    let alive = host(folder);
    let mut open = Vec::new();
    let mut torn = None;
    for count in 0..CALLS {
        if input.0.is_empty() {
            break;
        }
        call(&alive, &mut input, &mut open);
        if count == tear_after {
            torn = Some((len(), drawn(&alive.state.own())));
        }
    }
    drop(open);
    let (live, held) = picture(&alive);
    drop(alive);
    let read = picture(&host(folder));
    assert_eq!(live, read.0, "read again");
    assert_eq!(held, read.1, "counts, read again");
    // Torn within the frame after that call, unless the journal was rewritten since.
    let whole = std::fs::read(&journal).unwrap_or_default();
    if let Some((at, then)) = torn
        && at <= whole.len() as u64
        && let Some(frame) = whole.get(usize::try_from(at).unwrap_or(usize::MAX)..)
        && frame.len() > 1
        && tear < frame_len(frame)
        && is_boundary(&whole, at)
    {
        let kept = whole.get(..usize::try_from(at + tear).unwrap_or(0)).unwrap_or_default();
        let _ = std::fs::write(&journal, kept);
        assert_eq!(then, picture(&host(folder)).0, "torn {tear} bytes after {at}");
    }
    // Damaged: read without a fault, and what is written then is read again.
    let mut damaged = whole;
    let at = (tear_after * 131 + usize::try_from(tear).unwrap_or(0)) % damaged.len().max(1);
    if let Some(byte) = damaged.get_mut(at) {
        *byte ^= 0x55;
        let _ = std::fs::write(&journal, &damaged);
        let after = host(folder);
        let _ = after.write_file(&Who::root(), b"/tmp/after", b"after", 0o644);
        let (live, held) = picture(&after);
        drop(after);
        assert_eq!((live, held), picture(&host(folder)), "after damage");
    }
}

/// What is there, and what it counts: bytes of memory, names and inodes, bytes of the disk.
fn picture(host: &Host) -> (Vec<String>, (u64, u64, u64)) {
    let own = host.state.own();
    (drawn(&own), (own.bytes(), own.files(), own.disk()))
}

fn frame_len(frame: &[u8]) -> u64 {
    let len = frame.first_chunk().map_or(0, |len| u32::from_le_bytes(*len));
    u64::from(len) + super::record::FRAME_HEAD as u64
}

/// Whether frames end there: not so when the journal was rewritten.
fn is_boundary(journal: &[u8], at: u64) -> bool {
    let mut reached = 0;
    while reached < at {
        let Some(rest) = journal.get(usize::try_from(reached).unwrap_or(usize::MAX)..) else { return false };
        reached += frame_len(rest);
    }
    reached == at
}

#[cfg(test)]
mod tests {
    /// Bytes from a seed.
    fn noise(seed: u64, len: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn any_calls_are_read_again_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        for seed in 0..300 {
            super::overlay(folder.path(), &noise(seed, 40 + seed as usize * 3));
        }
    }
}
