//! Bytes of a file: stored in the image, held in memory, captured on the disk, or known by size only.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::elf::Program;
use super::image::Blob;

/// Bytes that are made when somebody looks.
pub(in crate::world) trait Source: Send + Sync + std::fmt::Debug {
    /// All of them as they are now.
    fn bytes(&self) -> Arc<Vec<u8>>;

    /// When they changed last, seconds since 1970; `None` when the inode knows.
    fn modified(&self) -> Option<i64>;
}

/// Bytes of a file. Cheap to clone: what is held is shared until somebody changes it.
#[derive(Clone, Debug)]
pub(in crate::world) struct Content {
    data: Data,
    /// Size in bytes; what lies behind the held bytes reads as zeros.
    len: u64,
    /// The inode of image or instance whose unchanged content this is.
    origin: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) enum Data {
    /// Part of an image.
    Stored(Blob),
    /// Held in memory; shorter than the file when that ends in a hole.
    Held(Arc<Vec<u8>>),
    /// A captured upload.
    Disk(Arc<PathBuf>),
    /// A program of which only the size is known.
    Program(Program),
    /// Made when somebody looks, and growing by itself.
    Made(Arc<dyn Source>),
    /// Nothing but the size is known. It reads as empty, and is empty once somebody writes to it.
    Unknown,
}

impl Content {
    pub fn empty() -> Self {
        Self::held(Vec::new())
    }

    pub fn held(bytes: Vec<u8>) -> Self {
        Self { len: bytes.len() as u64, data: Data::Held(Arc::new(bytes)), origin: None }
    }

    pub(super) fn shared(bytes: Arc<Vec<u8>>) -> Self {
        Self { len: bytes.len() as u64, data: Data::Held(bytes), origin: None }
    }

    pub fn disk(path: PathBuf, len: u64) -> Self {
        Self { data: Data::Disk(Arc::new(path)), len, origin: None }
    }

    pub(super) fn stored(blob: Blob) -> Self {
        Self { len: blob.len() as u64, data: Data::Stored(blob), origin: None }
    }

    pub(super) fn program(program: Program, len: u64) -> Self {
        Self { data: Data::Program(program), len, origin: None }
    }

    pub(super) fn unknown(len: u64) -> Self {
        Self { data: Data::Unknown, len, origin: None }
    }

    pub fn made(source: Arc<dyn Source>) -> Self {
        Self { len: 0, data: Data::Made(source), origin: None }
    }

    /// When it changed by itself.
    pub fn modified(&self) -> Option<i64> {
        match &self.data {
            Data::Made(source) => source.modified(),
            _ => None,
        }
    }

    /// The captured file that it is.
    pub fn disk_path(&self) -> Option<&std::path::Path> {
        match &self.data {
            Data::Disk(path) => Some(path),
            _ => None,
        }
    }

    /// What is held in memory.
    pub fn held_bytes(&self) -> &[u8] {
        match &self.data {
            Data::Held(bytes) => bytes,
            _ => &[],
        }
    }

    pub(super) fn from(mut self, ino: u64) -> Self {
        self.origin = Some(ino);
        self
    }

    pub fn len(&self) -> u64 {
        match &self.data {
            Data::Made(source) => source.bytes().len() as u64,
            _ => self.len,
        }
    }

    /// Where something that is appended goes.
    pub fn end(&self) -> u64 {
        if self.known() { self.len() } else { 0 }
    }

    pub fn origin(&self) -> Option<u64> {
        self.origin
    }

    /// False when the bytes are made up because nobody stored the real ones.
    pub fn known(&self) -> bool {
        !matches!(self.data, Data::Unknown)
    }

    /// Memory that it takes from the quota.
    pub fn memory(&self) -> u64 {
        match &self.data {
            Data::Held(bytes) => bytes.len() as u64,
            _ => 0,
        }
    }

    /// At most `max` bytes from `offset` on; nothing past the end.
    pub fn read_at(&self, offset: u64, max: usize) -> Vec<u8> {
        if let Data::Made(source) = &self.data {
            let bytes = source.bytes();
            let want = (bytes.len() as u64).saturating_sub(offset).min(max as u64);
            return part(&bytes, offset, usize::try_from(want).unwrap_or(0));
        }
        let want = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX).min(max);
        if want == 0 {
            return Vec::new();
        }
        match &self.data {
            Data::Stored(blob) => part(blob.bytes(), offset, want),
            Data::Held(bytes) => part(bytes, offset, want),
            Data::Program(program) => program.read_at(self.len, offset, want),
            Data::Unknown | Data::Made(_) => Vec::new(),
            Data::Disk(path) => {
                let mut piece = vec![0; want];
                let read = File::open(path.as_path()).and_then(|file| file.read_at(&mut piece, offset)).unwrap_or(0);
                piece.truncate(read);
                piece
            }
        }
    }

    /// How much memory [`Content::write_at`] would take on top of what is held now.
    pub fn growth(&self, offset: u64, bytes: &[u8]) -> u64 {
        let solid = solid_end(offset, bytes);
        match &self.data {
            Data::Held(held) => solid.saturating_sub(held.len() as u64),
            Data::Unknown => solid,
            _ => self.len().max(solid),
        }
    }

    /// Writes, with a hole before `offset` when it lies behind the end. Zeros at the end of the file cost nothing.
    /// The caller has asked [`Content::growth`] and bounded it.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) {
        let end = offset.saturating_add(bytes.len() as u64);
        let solid = usize::try_from(solid_end(offset, bytes)).unwrap_or(usize::MAX);
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        self.alter(|held| {
            // What is held already is overwritten, zeros or not.
            let stop = solid.max(held.len().min(start.saturating_add(bytes.len())));
            if stop > start {
                if held.len() < stop {
                    held.resize(stop, 0);
                }
                let piece = bytes.get(..stop - start).unwrap_or(bytes);
                if let Some(room) = held.get_mut(start..start + piece.len()) {
                    room.copy_from_slice(piece);
                }
            }
        });
        self.len = self.len.max(end);
    }

    /// Cuts, or adds a hole at the end.
    pub fn set_len(&mut self, len: u64) {
        if len == 0 {
            *self = Self::empty();
            return;
        }
        let keep = usize::try_from(len).unwrap_or(usize::MAX);
        self.alter(|held| held.truncate(keep));
        self.len = len;
    }

    /// The memory that [`Content::set_len`] would take on top.
    pub fn growth_of_len(&self, len: u64) -> u64 {
        match &self.data {
            Data::Held(_) | Data::Unknown => 0,
            _ => self.len().min(len),
        }
    }

    /// Changes the bytes, brought to memory first.
    fn alter(&mut self, apply: impl FnOnce(&mut Vec<u8>)) {
        let mut held = match std::mem::replace(&mut self.data, Data::Unknown) {
            Data::Held(bytes) => bytes,
            Data::Unknown => {
                self.len = 0;
                Arc::default()
            }
            other => {
                self.data = other;
                self.len = self.len();
                Arc::new(self.read_at(0, usize::try_from(self.len).unwrap_or(usize::MAX)))
            }
        };
        apply(Arc::make_mut(&mut held));
        self.data = Data::Held(held);
        self.origin = None;
    }
}

/// Where the last byte that is not zero ends up; 0 when there is none.
fn solid_end(offset: u64, bytes: &[u8]) -> u64 {
    bytes.iter().rposition(|&b| b != 0).map_or(0, |last| offset.saturating_add(last as u64 + 1))
}

fn part(bytes: &[u8], offset: u64, want: usize) -> Vec<u8> {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let end = start.saturating_add(want).min(bytes.len());
    let mut piece = bytes.get(start..end).unwrap_or_default().to_vec();
    piece.resize(want, 0);
    piece
}
