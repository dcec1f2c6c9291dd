//! The thread that writes recordings: whole lines at the end of their files, a bound on all of them together.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Entry, Recordings, file_name};
use crate::event::Kind;

/// How long the writer collects lines before it writes them: one wake-up for all sessions of that time.
const PAUSE: Duration = Duration::from_millis(250);
/// The same when a recording has ended, whose visit waits for its event.
const PAUSE_AT_END: Duration = Duration::from_millis(20);
/// What a file costs at least, in bytes of disk.
const BLOCK: u64 = 4096;

pub(super) struct Writer {
    all: Arc<Recordings>,
    /// Bytes on disk of all recordings.
    used: u64,
    /// Visit and number of those that have not ended.
    running: HashSet<(Uuid, u32)>,
}

impl Writer {
    /// A writer for a folder in which so many bytes were found.
    pub fn new(all: Arc<Recordings>, used: u64) -> Self {
        Self { all, used, running: HashSet::new() }
    }

    /// Writes until the recordings are closed.
    pub fn run(mut self) {
        loop {
            let (dirty, closing) = self.collect();
            let idle = dirty.is_empty();
            for entry in dirty {
                self.serve(&entry);
            }
            if closing && idle {
                return;
            }
        }
    }

    /// Waits for the first, then a moment for more, and takes them all.
    fn collect(&self) -> (Vec<Arc<Entry>>, bool) {
        let mut queue = self.all.queue();
        while queue.dirty.is_empty() && !queue.closing {
            queue = self.all.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if !queue.closing {
            let waited = self.all.wake.wait_timeout_while(queue, PAUSE, |queue| !queue.closing && !queue.ending);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if queue.ending {
            let waited = self.all.wake.wait_timeout_while(queue, PAUSE_AT_END, |queue| !queue.closing);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            queue.ending = false;
        }
        (std::mem::take(&mut queue.dirty), queue.closing)
    }

    fn serve(&mut self, entry: &Entry) {
        let (lines, ended, failed) = {
            let mut pending = entry.pending();
            (std::mem::take(&mut pending.lines), pending.ended.take(), pending.failed)
        };
        self.all.waiting.fetch_sub(lines.len(), Ordering::Relaxed);
        let mut failed = failed;
        if !failed && !lines.is_empty() {
            match self.append(entry, &lines) {
                Ok(()) => self.all.complained.store(false, Ordering::Relaxed),
                Err(error) => {
                    failed = true;
                    entry.pending().failed = true;
                    self.all.complain(&error.to_string());
                }
            }
        }
        if let Some(ended) = ended {
            let name = entry.name();
            let path = self.all.dir.join(&name);
            let kept = self.running.remove(&entry.key()).then(|| digest(&path).ok()).flatten();
            let (bytes, sha256) = kept.map_or((0, None), |(bytes, sha256)| (bytes, Some(sha256)));
            entry.session.log().record(Kind::RecordingStored {
                file: sha256.is_some().then_some(name),
                bytes,
                sha256,
                duration_ms: u64::try_from(ended.duration.as_millis()).unwrap_or(u64::MAX),
                truncated: ended.truncated || failed,
            });
        }
    }

    /// Adds lines to a file; a failure leaves it as it was.
    fn append(&mut self, entry: &Entry, lines: &[u8]) -> io::Result<()> {
        let path = self.all.dir.join(entry.name());
        let mut file = match append_to(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&self.all.dir)?;
                self.used = 0;
                append_to(&path)?
            }
            opened => opened?,
        };
        let before = file.metadata()?.len();
        let fresh = self.running.insert(entry.key());
        let more = on_disk(before + lines.len() as u64) - if fresh { 0 } else { on_disk(before) };
        let result = self.make_room(more).and_then(|()| file.write_all(lines));
        match result {
            Ok(()) => self.used += more,
            Err(error) if fresh => {
                self.running.remove(&entry.key());
                let _ = fs::remove_file(&path);
                return Err(error);
            }
            Err(error) => {
                let _ = file.set_len(before);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Removes the oldest recordings until so many bytes more are within the bound, with some to spare, so that the
    /// folder is not read for each file. Names begin with the time of the visit.
    fn make_room(&mut self, more: u64) -> io::Result<()> {
        let most = self.all.config.max_total_bytes;
        if self.used + more <= most {
            return Ok(());
        }
        let mut found = files(&self.all.dir)?;
        found.sort();
        self.used = found.iter().map(|(_, bytes)| on_disk(*bytes)).sum();
        let running: HashSet<String> = self.running.iter().map(|(id, number)| file_name(*id, *number)).collect();
        for (name, bytes) in found {
            if self.used + more <= most - most / 16 {
                break;
            }
            if !running.contains(&name) && fs::remove_file(self.all.dir.join(&name)).is_ok() {
                self.used = self.used.saturating_sub(on_disk(bytes));
            }
        }
        if self.used + more <= most { Ok(()) } else { Err(io::Error::other("max_total_bytes is reached")) }
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Bytes on disk of all recordings.
pub(super) fn used(dir: &Path) -> io::Result<u64> {
    Ok(files(dir)?.iter().map(|(_, bytes)| on_disk(*bytes)).sum())
}

/// Names and lengths of all recordings.
fn files(dir: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)?.flatten() {
        if let (Ok(name), Ok(data)) = (entry.file_name().into_string(), entry.metadata())
            && name.ends_with(".cast")
        {
            found.push((name, data.len()));
        }
    }
    Ok(found)
}

/// Bytes of disk that a file of this length takes.
fn on_disk(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK)
}

/// Length and SHA-256 of a file.
fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut hash, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; 16 << 10]);
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hash.update(piece.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
    Ok((bytes, hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}
