//! Keeps what visitors leave behind: uploaded files and mails, named by their SHA-256, each once.
//!
//! Only this file writes them. They are never executed, and they are written without the executable bit.
//! What is small waits in memory until it is whole: most of it is known already, and making a file only to remove it is
//! what costs most. What is larger goes to the disk while it comes in, so that memory does not grow with it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::base::ids;

/// The folder `captures/` of the state directory, with a bound on its total size.
pub struct Captures {
    dir: PathBuf,
    used: AtomicU64,
    limit: u64,
    complained: AtomicBool,
}

/// What became of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// SHA-256 of what was kept, hexadecimal.
    pub sha256: String,
    /// File name below `captures/`; `None` when the folder is full or the disk refused.
    pub name: Option<String>,
    /// The file itself, when there is one.
    pub path: Option<PathBuf>,
    /// How many bytes came in all.
    pub bytes: u64,
    /// How many of them are in the file.
    pub kept: u64,
}

impl Stored {
    /// More came than is kept.
    pub fn truncated(&self) -> bool {
        self.kept < self.bytes
    }
}

impl Captures {
    /// Opens the folder, removes what an earlier run left half-written and counts the rest.
    ///
    /// # Errors
    /// The folder can't be made or read.
    pub fn open(state: &Path, total_limit: u64) -> io::Result<Arc<Self>> {
        let dir = state.join("captures");
        fs::create_dir_all(&dir)?;
        let mut used = 0;
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
                fs::remove_file(entry.path())?;
            } else {
                used += entry.metadata()?.len();
            }
        }
        Ok(Arc::new(Self { dir, used: AtomicU64::new(used), limit: total_limit, complained: AtomicBool::new(false) }))
    }

    /// Begins a capture that keeps at most `keep` bytes.
    pub fn begin(self: &Arc<Self>, keep: u64) -> Capture {
        Capture {
            folder: Arc::clone(self),
            keep,
            kept: 0,
            bytes: 0,
            hash: Sha256::new(),
            small: Vec::new(),
            scratch: None,
            failed: false,
        }
    }

    /// Once, until writing works again: an attacker can trigger it.
    fn complain(&self, what: &str) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::warn!("{what}");
        }
    }
}

const SCRATCH: &str = "incoming-";
/// Bytes of one capture that wait in memory.
const SMALL: usize = 16 << 10;

/// A file that is coming in. Dropped without [`Capture::store`], it leaves nothing behind.
pub struct Capture {
    folder: Arc<Captures>,
    keep: u64,
    kept: u64,
    bytes: u64,
    hash: Sha256,
    /// What is in no file yet.
    small: Vec<u8>,
    scratch: Option<(PathBuf, File)>,
    failed: bool,
}

impl Capture {
    /// Adds what came. False when it is no longer kept (bound reached, disk full); it is still counted.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        self.bytes += bytes.len() as u64;
        let room = usize::try_from(self.keep.saturating_sub(self.kept)).unwrap_or(usize::MAX);
        let part = bytes.get(..room).unwrap_or(bytes);
        if self.failed || part.is_empty() {
            return bytes.is_empty();
        }
        match self.write(part) {
            Ok(()) => part.len() == bytes.len(),
            Err(error) => {
                self.folder.complain(&format!("an upload can't be kept: {error}"));
                self.failed = true;
                self.discard();
                false
            }
        }
    }

    /// Bytes that came so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives the file its name. An empty capture is a file as well.
    pub fn store(mut self) -> Stored {
        let sha256: String =
            std::mem::take(&mut self.hash).finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let path = self.folder.dir.join(&sha256);
        let named = !self.failed && (self.is_known(&path) || self.name(&path).is_ok());
        let name = named.then(|| sha256.clone());
        let path = named.then_some(path);
        let kept = if named { std::mem::take(&mut self.kept) } else { 0 };
        Stored { sha256, name, path, bytes: self.bytes, kept }
    }

    /// Whether there is such a file already; then this one is not needed.
    fn is_known(&mut self, path: &Path) -> bool {
        let known = path.exists();
        if known {
            self.folder.used.fetch_sub(self.kept, Ordering::Relaxed);
            if let Some((scratch, _)) = self.scratch.take() {
                let _ = fs::remove_file(scratch);
            }
        }
        known
    }

    fn name(&mut self, path: &Path) -> io::Result<()> {
        let named = self.spill().and_then(|()| match self.scratch.take() {
            Some((scratch, _)) => fs::rename(scratch, path),
            None => Ok(()),
        });
        if let Err(error) = &named {
            self.folder.complain(&format!("an upload can't be kept: {error}"));
        }
        named
    }

    fn write(&mut self, part: &[u8]) -> io::Result<()> {
        let size = part.len() as u64;
        if self.folder.used.fetch_add(size, Ordering::Relaxed) + size > self.folder.limit {
            self.folder.used.fetch_sub(size, Ordering::Relaxed);
            return Err(io::Error::other("captures_total_bytes is reached"));
        }
        self.kept += size;
        self.hash.update(part);
        if self.scratch.is_none() && self.small.len() + part.len() <= SMALL {
            self.small.extend_from_slice(part);
            return Ok(());
        }
        self.spill()?;
        let Some((_, file)) = &mut self.scratch else { return Ok(()) };
        file.write_all(part)?;
        self.folder.complained.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// What waits in memory goes to the file, which is made if there is none.
    fn spill(&mut self) -> io::Result<()> {
        if self.scratch.is_none() {
            self.open()?;
        }
        let small = std::mem::take(&mut self.small);
        match &mut self.scratch {
            Some((_, file)) => file.write_all(&small),
            None => Ok(()),
        }
    }

    fn open(&mut self) -> io::Result<()> {
        let path = self.folder.dir.join(format!("{SCRATCH}{}", ids::alphanumeric(16)));
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        self.scratch = Some((path, file));
        Ok(())
    }

    fn discard(&mut self) {
        if let Some((path, _)) = self.scratch.take() {
            let _ = fs::remove_file(path);
        }
        self.small = Vec::new();
        self.folder.used.fetch_sub(self.kept, Ordering::Relaxed);
        self.kept = 0;
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.discard();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(state: &Path) -> usize {
        fs::read_dir(state.join("captures")).unwrap().count()
    }

    #[test]
    fn the_same_file_twice_is_kept_once() {
        let state = tempfile::tempdir().unwrap();
        let captures = Captures::open(state.path(), 1000).unwrap();
        for _ in 0..2 {
            let mut capture = captures.begin(100);
            assert!(capture.push(b"hello ") && capture.push(b"world"));
            let stored = capture.store();
            assert_eq!(stored.sha256, "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
            assert_eq!(fs::read(stored.path.unwrap()).unwrap(), b"hello world");
        }
        assert_eq!((files(state.path()), captures.used.load(Ordering::Relaxed)), (1, 11));
    }

    #[test]
    fn what_is_large_goes_to_the_disk_as_it_comes() {
        let state = tempfile::tempdir().unwrap();
        let captures = Captures::open(state.path(), 1 << 20).unwrap();
        for _ in 0..2 {
            let mut capture = captures.begin(1 << 20);
            assert!(capture.push(&[b'a'; SMALL]) && capture.scratch.is_none());
            assert!(capture.push(b"b") && capture.scratch.is_some() && capture.push(b"c"));
            let stored = capture.store();
            let kept = fs::read(stored.path.unwrap()).unwrap();
            assert_eq!((kept.len() as u64, &kept[SMALL..], stored.kept), (stored.bytes, &b"bc"[..], stored.bytes));
        }
        assert_eq!((files(state.path()), captures.used.load(Ordering::Relaxed)), (1, SMALL as u64 + 2));
    }

    #[test]
    fn bounds_are_kept_and_nothing_is_left_behind() {
        let state = tempfile::tempdir().unwrap();
        let captures = Captures::open(state.path(), 8).unwrap();
        let mut long = captures.begin(4);
        assert!(!long.push(b"123456"));
        let stored = long.store();
        assert_eq!((stored.bytes, stored.kept, stored.truncated()), (6, 4, true));

        let mut too_much = captures.begin(100);
        assert!(!too_much.push(b"12345"));
        assert_eq!(too_much.store().name, None);
        let mut dropped = captures.begin(100);
        dropped.push(b"1");
        drop(dropped);
        assert_eq!((files(state.path()), captures.used.load(Ordering::Relaxed)), (1, 4));
    }

    #[test]
    fn an_empty_file_is_a_file() {
        let state = tempfile::tempdir().unwrap();
        let stored = Captures::open(state.path(), 8).unwrap().begin(4).store();
        assert_eq!(fs::read(stored.path.unwrap()).unwrap(), b"");
    }
}
