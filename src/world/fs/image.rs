//! The base image: one immutable blob that is read in place, so that an embedded one costs neither time nor memory at
//! the start. All numbers are little endian:
//!
//! * header, 64 bytes: magic, then counts and places of the parts, then a checksum (FNV-1a, 64 bit) of all that follows
//! * inodes, 48 bytes each: number 0 is the root folder
//! * directory entries, 12 bytes each; those of one folder lie together, sorted by name
//! * names
//! * contents: of files, and targets of links

use std::sync::Arc;

use super::content::Content;
use super::elf::{Machine, Program};
use super::layer::Node;
use super::types::{FileKind, Time};

pub(super) const MAGIC: [u8; 8] = *b"RBIMAGE1";
pub(super) const HEADER: usize = 64;
pub(super) const INODE: usize = 48;
pub(super) const ENTRY: usize = 12;

/// Content kinds of an inode record.
pub(super) const STORED: u8 = 0;
pub(super) const PROGRAM: u8 = 1;
pub(super) const UNKNOWN: u8 = 2;

/// The largest file, in bytes.
const SIZE_MAX: u64 = 1 << 40;

/// Inode numbers of an image: the root folder has 2 as on ext4, the others begin here.
const FIRST: u64 = 131_072;

/// Bytes that are built in or shared.
#[derive(Clone, Debug)]
pub(in crate::world) enum Bytes {
    Static(&'static [u8]),
    Shared(Arc<[u8]>),
}

impl Bytes {
    fn all(&self) -> &[u8] {
        match self {
            Self::Static(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// A part of an image.
#[derive(Clone, Debug)]
pub(in crate::world) struct Blob {
    bytes: Bytes,
    start: usize,
    len: usize,
}

impl Blob {
    pub fn bytes(&self) -> &[u8] {
        self.bytes.all().get(self.start..self.start + self.len).unwrap_or_default()
    }

    pub fn len(&self) -> usize {
        self.len
    }
}

/// A whole image.
#[derive(Clone, Debug)]
pub struct Image {
    bytes: Bytes,
    inodes: Part,
    entries: Part,
    names: Part,
    contents: Part,
    machine: Machine,
    /// What times 0 and 1 of a record stand for: when the host was installed, and last started.
    times: (i64, i64),
}

#[derive(Clone, Copy, Debug)]
struct Part {
    start: usize,
    len: usize,
}

/// One inode record.
struct Record {
    kind: FileKind,
    content: u8,
    mode: u32,
    uid: u32,
    gid: u32,
    nlink: u32,
    modified: i64,
    size: u64,
    a: u32,
    b: u32,
    parent: u32,
    entry: u32,
}

impl Image {
    /// An image that is built into the program.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_static(bytes: &'static [u8], machine: Machine) -> Result<Self, String> {
        Self::open(Bytes::Static(bytes), machine)
    }

    /// An image that was read from somewhere.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>, machine: Machine) -> Result<Self, String> {
        Self::open(Bytes::Shared(bytes.into()), machine)
    }

    /// An image with nothing but a root folder.
    pub(in crate::world) fn empty() -> Self {
        let mut root = vec![0; INODE];
        for (at, byte) in root.iter_mut().enumerate() {
            *byte = match at {
                0 => b'd',
                2 => 0xed,
                3 => 0x01,
                12 => 2,
                _ => 0,
            };
        }
        let len = root.len();
        let none = Part { start: len, len: 0 };
        Self {
            bytes: Bytes::Shared(root.into()),
            inodes: Part { start: 0, len },
            entries: none,
            names: none,
            contents: none,
            machine: Machine::X86_64,
            times: (0, 1),
        }
    }

    /// The same on a host that was installed and started at these times.
    pub(in crate::world) fn dated(self, installed: i64, booted: i64) -> Self {
        Self { times: (installed, booted), ..self }
    }

    /// A package may be younger than the host that has it: then it came some time before the host was set up.
    fn time(&self, recorded: i64) -> i64 {
        let (installed, booted) = self.times;
        match recorded {
            0 => installed,
            1 => booted,
            time if installed > 1 && time > installed => installed - time % (300 * 86_400),
            time => time,
        }
    }

    fn open(bytes: Bytes, machine: Machine) -> Result<Self, String> {
        let all = bytes.all();
        if all.get(..8) != Some(&MAGIC) {
            return Err("this is no image (or one of another version)".into());
        }
        let field = |at: usize| u32_at(all, at).map(|value| value as usize).ok_or("the header is cut off");
        let part = |count: usize, start: usize, size: usize| {
            let (count, start) = (field(count)?, field(start)?);
            let len = count.checked_mul(size).ok_or("a part is too large")?;
            let end = start.checked_add(len).filter(|end| *end <= all.len()).ok_or("a part lies behind the end")?;
            Ok::<_, &str>(Part { start, len: end - start })
        };
        let image = Self {
            inodes: part(8, 12, INODE)?,
            entries: part(16, 20, ENTRY)?,
            names: part(24, 28, 1)?,
            contents: part(32, 36, 1)?,
            bytes: bytes.clone(),
            machine,
            times: (0, 1),
        };
        image.check()?;
        Ok(image)
    }

    /// Looks at every record once, so that nothing can surprise later.
    fn check(&self) -> Result<(), String> {
        let count = self.count();
        let entries = self.entries.len / ENTRY;
        let mut next = 0;
        let mut links = vec![0_u32; count];
        for number in 0..count {
            let bad = |what: &str| format!("inode {number}: {what}");
            let record = self.record(number).ok_or_else(|| bad("unknown kind"))?;
            match record.kind {
                FileKind::Folder => {
                    let (first, many) = (record.a as usize, record.b as usize);
                    if first != next || first + many > entries {
                        return Err(bad("its entries are not where they belong"));
                    }
                    next = first + many;
                    let mut before: Option<&[u8]> = None;
                    for at in first..next {
                        let (name, to) = self.entry(at).ok_or_else(|| bad("a name lies behind the end"))?;
                        if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') {
                            return Err(bad("a name that no file can have"));
                        }
                        if before.is_some_and(|before| before >= name) {
                            return Err(bad("its names are not sorted"));
                        }
                        before = Some(name);
                        let child = self.record(to as usize).ok_or_else(|| bad("an entry leads nowhere"))?;
                        // Folders are numbered after the folder that they lie in: there can be no circle.
                        if child.kind == FileKind::Folder && (child.parent as usize != number || to as usize <= number)
                        {
                            return Err(bad("a folder in two places"));
                        }
                        if let Some(links) = links.get_mut(to as usize) {
                            *links += 1;
                        }
                    }
                }
                FileKind::File if record.content == STORED => {
                    self.blob(&record).ok_or_else(|| bad("its content lies behind the end"))?;
                }
                FileKind::Link => {
                    self.blob(&record).ok_or_else(|| bad("its target lies behind the end"))?;
                }
                _ => {}
            }
            if record.size > SIZE_MAX {
                return Err(bad("it is too large"));
            }
            if number > 0 && record.entry as usize >= entries {
                return Err(bad("it has no name"));
            }
            if number == 0 && record.kind != FileKind::Folder {
                return Err(bad("the root is no folder"));
            }
        }
        if links.iter().skip(1).any(|&links| links == 0) || links.first() != Some(&0) {
            return Err("an inode that no folder holds".into());
        }
        if next != entries {
            return Err("entries that belong to no folder".into());
        }
        Ok(())
    }

    /// How many inodes it has.
    pub fn count(&self) -> usize {
        self.inodes.len / INODE
    }

    /// Tells one image from another.
    pub fn checksum(&self) -> u64 {
        u64_at(self.bytes.all(), 40).unwrap_or(0)
    }

    /// The inode number in this image, when it is one of this image's.
    fn number(&self, ino: u64) -> Option<usize> {
        if ino == ROOT {
            return Some(0);
        }
        let number = usize::try_from(ino.checked_sub(FIRST)?).ok()?;
        (number > 0 && number < self.count()).then_some(number)
    }

    pub(in crate::world) fn node(&self, ino: u64) -> Option<Node> {
        let record = self.record(self.number(ino)?)?;
        let content = match (record.kind, record.content) {
            (FileKind::File, STORED) | (FileKind::Link, _) => Content::stored(self.blob(&record)?),
            (FileKind::File, PROGRAM) => {
                let seed = ino.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ record.size;
                Content::program(Program { machine: self.machine, seed }, record.size)
            }
            (FileKind::File, _) => Content::unknown(record.size),
            _ => Content::empty(),
        };
        let device = matches!(record.kind, FileKind::CharDevice | FileKind::BlockDevice);
        let at = Time { secs: self.time(record.modified), nanos: 0 };
        Some(Node {
            kind: record.kind,
            mode: record.mode,
            nlink: record.nlink,
            uid: record.uid,
            gid: record.gid,
            rdev: if device { (record.a, record.b) } else { (0, 0) },
            accessed: at,
            modified: at,
            changed: at,
            flags: 0,
            dev: 0,
            content: content.from(ino),
        })
    }

    pub(in crate::world) fn child(&self, folder: u64, name: &[u8]) -> Option<u64> {
        let (mut low, mut high) = self.range(folder)?;
        while low < high {
            let middle = low + (high - low) / 2;
            let (found, to) = self.entry(middle)?;
            match found.cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(ino_of(to as usize)),
            }
        }
        None
    }

    /// Names and inode numbers in a folder, sorted.
    pub(in crate::world) fn children(&self, folder: u64) -> impl Iterator<Item = (&[u8], u64)> {
        let (low, high) = self.range(folder).unwrap_or((0, 0));
        (low..high).filter_map(|at| self.entry(at)).map(|(name, to)| (name, ino_of(to as usize)))
    }

    /// The first name of an inode.
    pub(in crate::world) fn path_of(&self, ino: u64) -> Option<Vec<u8>> {
        let mut number = self.number(ino)?;
        let mut parts: Vec<&[u8]> = Vec::new();
        while number > 0 {
            let record = self.record(number)?;
            parts.push(self.entry(record.entry as usize)?.0);
            number = record.parent as usize;
            if parts.len() > 4096 {
                return None;
            }
        }
        let mut path = Vec::new();
        for part in parts.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(part);
        }
        Some(path)
    }

    fn range(&self, folder: u64) -> Option<(usize, usize)> {
        let record = self.record(self.number(folder)?).filter(|record| record.kind == FileKind::Folder)?;
        Some((record.a as usize, record.a as usize + record.b as usize))
    }

    fn record(&self, number: usize) -> Option<Record> {
        let start = number.checked_mul(INODE)?;
        if start >= self.inodes.len {
            return None;
        }
        let raw = self.bytes.all().get(self.inodes.start + start..)?.get(..INODE)?;
        Some(Record {
            kind: kind_of(*raw.first()?)?,
            content: *raw.get(1)?,
            mode: u32::from(u16::from_le_bytes([*raw.get(2)?, *raw.get(3)?])),
            uid: u32_at(raw, 4)?,
            gid: u32_at(raw, 8)?,
            nlink: u32_at(raw, 12)?,
            modified: i64::from_le_bytes(u64_at(raw, 16)?.to_le_bytes()),
            size: u64_at(raw, 24)?,
            a: u32_at(raw, 32)?,
            b: u32_at(raw, 36)?,
            parent: u32_at(raw, 40)?,
            entry: u32_at(raw, 44)?,
        })
    }

    fn entry(&self, at: usize) -> Option<(&[u8], u32)> {
        let start = at.checked_mul(ENTRY).filter(|start| *start < self.entries.len)?;
        let raw = self.bytes.all().get(self.entries.start + start..)?.get(..ENTRY)?;
        let (from, len) = (u32_at(raw, 0)? as usize, usize::from(*raw.get(8)?));
        let end = from.checked_add(len).filter(|end| *end <= self.names.len)?;
        let name = self.bytes.all().get(self.names.start + from..self.names.start + end)?;
        Some((name, u32_at(raw, 4)?))
    }

    fn blob(&self, record: &Record) -> Option<Blob> {
        let (start, len) = (record.a as usize, record.b as usize);
        start.checked_add(len).filter(|end| *end <= self.contents.len)?;
        Some(Blob { bytes: self.bytes.clone(), start: self.contents.start + start, len })
    }
}

/// Inode number of the root folder.
pub(in crate::world) const ROOT: u64 = 2;

fn ino_of(number: usize) -> u64 {
    if number == 0 { ROOT } else { FIRST + number as u64 }
}

pub(in crate::world) fn kind_of(byte: u8) -> Option<FileKind> {
    Some(match byte {
        b'f' => FileKind::File,
        b'd' => FileKind::Folder,
        b'l' => FileKind::Link,
        b'c' => FileKind::CharDevice,
        b'b' => FileKind::BlockDevice,
        b'p' => FileKind::Fifo,
        b's' => FileKind::Socket,
        _ => return None,
    })
}

pub(in crate::world) fn letter(kind: FileKind) -> u8 {
    match kind {
        FileKind::File => b'f',
        FileKind::Folder => b'd',
        FileKind::Link => b'l',
        FileKind::CharDevice => b'c',
        FileKind::BlockDevice => b'b',
        FileKind::Fifo => b'p',
        FileKind::Socket => b's',
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
