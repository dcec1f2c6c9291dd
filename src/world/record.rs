//! What is written down of an attacker's changes: entries of a journal, each of which changes a layer in one place.
//! Several entries that belong together lie in one frame: its length, a checksum (FNV-1a), the bytes.

use std::collections::BTreeMap;

use super::fs::{Content, Layer, Node, Time, kind_of, letter};
use super::{Base, PastLogin};
use crate::base::clock::Timestamp;

/// Bytes before a frame's own.
pub(super) const FRAME_HEAD: usize = 12;
/// The longest frame, in bytes.
const FRAME_MAX: usize = 256 << 20;

/// Writes entries.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Whether somebody wants them.
    pub on: bool,
    bytes: Vec<u8>,
}

impl Log {
    /// One that wants entries.
    pub fn new() -> Self {
        Self { on: true, bytes: Vec::new() }
    }

    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    fn entry(&mut self, kind: u8, ino: u64) -> Option<&mut Vec<u8>> {
        if !self.on {
            return None;
        }
        self.bytes.push(kind);
        self.bytes.extend(ino.to_le_bytes());
        Some(&mut self.bytes)
    }

    /// All of an inode but its content.
    pub fn node(&mut self, ino: u64, node: &Node) {
        let Some(out) = self.entry(b'N', ino) else { return };
        out.push(letter(node.kind));
        let (major, minor) = node.rdev;
        for field in [node.mode, node.nlink, node.uid, node.gid, major, minor, node.flags, node.dev] {
            out.extend(field.to_le_bytes());
        }
        for time in [node.accessed, node.modified, node.changed] {
            out.extend(time.secs.to_le_bytes());
            out.extend(time.nanos.to_le_bytes());
        }
    }

    /// All of its content.
    pub fn content(&mut self, ino: u64, content: &Content) {
        let Some(out) = self.entry(b'C', ino) else { return };
        match (content.origin(), content.disk_path()) {
            (Some(origin), _) => {
                out.push(b'o');
                out.extend(origin.to_le_bytes());
            }
            (None, Some(path)) => {
                out.push(b'd');
                out.extend(content.len().to_le_bytes());
                bytes(out, path.as_os_str().as_encoded_bytes());
            }
            (None, None) => {
                out.push(b'h');
                out.extend(content.len().to_le_bytes());
                bytes(out, content.held_bytes());
            }
        }
    }

    /// A part of its content.
    pub fn write(&mut self, ino: u64, at: u64, part: &[u8]) {
        let Some(out) = self.entry(b'W', ino) else { return };
        out.extend(at.to_le_bytes());
        bytes(out, part);
    }

    pub fn length(&mut self, ino: u64, len: u64) {
        if let Some(out) = self.entry(b'L', ino) {
            out.extend(len.to_le_bytes());
        }
    }

    pub fn gone(&mut self, ino: u64) {
        self.entry(b'D', ino);
    }

    pub fn name(&mut self, folder: u64, name: &[u8], ino: Option<u64>) {
        let Some(out) = self.entry(b'M', folder) else { return };
        out.extend(ino.unwrap_or(u64::MAX).to_le_bytes());
        bytes(out, name);
    }

    pub fn names_gone(&mut self, folder: u64) {
        self.entry(b'X', folder);
    }

    /// The number of the next inode.
    pub fn next(&mut self, number: u64) {
        self.entry(b'T', number);
    }

    /// Which image the numbers below the attacker's own belong to.
    pub fn image(&mut self, checksum: u64) {
        self.entry(b'I', checksum);
    }

    /// A password that was granted.
    pub fn grant(&mut self, name: &str, password: &[u8]) {
        let Some(out) = self.entry(b'G', 0) else { return };
        bytes(out, name.as_bytes());
        bytes(out, password);
    }

    /// A setting of the kernel: the path of its file, and its value.
    pub fn setting(&mut self, path: &str, value: &str) {
        let Some(out) = self.entry(b'K', 0) else { return };
        bytes(out, path.as_bytes());
        bytes(out, value.as_bytes());
    }

    /// A session that is over.
    pub fn login(&mut self, login: &PastLogin) {
        let since = u64::try_from(login.since.as_second()).unwrap_or(0);
        let Some(out) = self.entry(b'P', since) else { return };
        let until = login.until.map_or(0, |until| until.as_second());
        out.extend(until.to_le_bytes());
        for text in [&login.user, &login.tty, &login.from] {
            bytes(out, text.as_bytes());
        }
    }
}

fn bytes(out: &mut Vec<u8>, part: &[u8]) {
    out.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(part);
}

/// Entries as one frame.
pub(super) fn frame(entries: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() + FRAME_HEAD);
    out.extend(u32::try_from(entries.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(sum(entries).to_le_bytes());
    out.extend_from_slice(entries);
    out
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The whole frames at the beginning of a journal, and how many bytes they are.
pub(super) fn frames(journal: &[u8]) -> (Vec<&[u8]>, usize) {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = journal.get(at..) {
        let mut reader = Reader { rest };
        let (Some(len), Some(check)) = (reader.u32(), reader.u64()) else { break };
        let len = len as usize;
        let Some(entries) = reader.rest.get(..len).filter(|entries| len <= FRAME_MAX && sum(entries) == check) else {
            break;
        };
        found.push(entries);
        at += FRAME_HEAD + len;
    }
    (found, at)
}

/// What a journal says beside the layer.
#[derive(Debug, Default)]
pub(super) struct Rest {
    pub image: u64,
    pub grants: Vec<(String, Vec<u8>)>,
    pub past: Vec<PastLogin>,
    pub settings: BTreeMap<String, String>,
}

/// Does what the entries of a frame say; stops at one that it can't read.
pub(super) fn replay(entries: &[u8], layer: &mut Layer, base: &Base, rest: &mut Rest) {
    let mut reader = Reader { rest: entries };
    while !reader.rest.is_empty() && entry(&mut reader, layer, base, rest).is_some() {}
}

fn entry(reader: &mut Reader<'_>, layer: &mut Layer, base: &Base, rest: &mut Rest) -> Option<()> {
    let kind = *reader.take(1)?.first()?;
    let ino = reader.u64()?;
    match kind {
        b'N' => {
            let node = reader.node()?;
            let content = layer.node(ino).map_or_else(Content::empty, |old| old.content.clone());
            layer.put_node(ino, Node { content, ..node });
        }
        b'C' => {
            let content = reader.content(base)?;
            layer.set_content(ino, content);
        }
        b'W' => {
            let at = reader.u64()?;
            let part = reader.bytes()?;
            layer.write(ino, at, part);
        }
        b'L' => {
            let len = reader.u64()?;
            layer.set_len(ino, len);
        }
        b'D' => layer.drop_node(ino),
        b'M' => {
            let to = reader.u64()?;
            let name = reader.bytes()?;
            layer.put_name(ino, name, Some(to).filter(|to| *to != u64::MAX));
        }
        b'X' => layer.drop_names(ino),
        b'T' => layer.reach_number(ino),
        b'I' => rest.image = ino,
        b'G' => {
            let name = String::from_utf8_lossy(reader.bytes()?).into_owned();
            rest.grants.push((name, reader.bytes()?.to_vec()));
        }
        b'K' => {
            let mut text = || Some(String::from_utf8_lossy(reader.bytes()?).into_owned());
            let (path, value) = (text()?, text()?);
            rest.settings.insert(path, value);
        }
        b'P' => {
            let until = i64::from_le_bytes(reader.u64()?.to_le_bytes());
            let mut text = || Some(String::from_utf8_lossy(reader.bytes()?).into_owned());
            let (user, tty, from) = (text()?, text()?, text()?);
            let at = |secs: i64| Timestamp::from_second(secs).unwrap_or_default();
            let since = at(i64::try_from(ino).unwrap_or(0));
            rest.past.push(PastLogin { user, tty, from, since, until: Some(until).filter(|u| *u != 0).map(at) });
        }
        _ => return None,
    }
    Some(())
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (part, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(part)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(*self.take(8)?.first_chunk()?))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()? as usize;
        self.take(len)
    }

    fn time(&mut self) -> Option<Time> {
        Some(Time { secs: i64::from_le_bytes(self.u64()?.to_le_bytes()), nanos: self.u32()? })
    }

    fn node(&mut self) -> Option<Node> {
        let kind = kind_of(*self.take(1)?.first()?)?;
        let (mode, nlink, uid, gid) = (self.u32()?, self.u32()?, self.u32()?, self.u32()?);
        let rdev = (self.u32()?, self.u32()?);
        let (flags, dev) = (self.u32()?, self.u32()?);
        let (accessed, modified, changed) = (self.time()?, self.time()?, self.time()?);
        let content = Content::empty();
        Some(Node { kind, mode, nlink, uid, gid, rdev, accessed, modified, changed, flags, dev, content })
    }

    fn content(&mut self, base: &Base) -> Option<Content> {
        match self.take(1)?.first()? {
            b'o' => {
                let origin = self.u64()?;
                let node = base.instance.node(origin).cloned().or_else(|| base.image.node(origin));
                Some(node.map_or_else(Content::empty, |node| node.content))
            }
            b'd' => {
                let len = self.u64()?;
                let path = String::from_utf8_lossy(self.bytes()?).into_owned();
                Some(Content::disk(path.into(), len))
            }
            _ => {
                let len = self.u64()?;
                let mut content = Content::held(self.bytes()?.to_vec());
                if len > content.len() {
                    content.set_len(len);
                }
                Some(content)
            }
        }
    }
}
