//! The folder `recordings/` of the state directory, and the thread that writes there. Whoever is recorded never waits
//! for the disk: lines wait in memory, bounded for all together, and what finds no room ends its recording.
//!
//! When all recordings are too much, the oldest go: whoever keeps them elsewhere has taken them by then, and an
//! attacker can't have the sensor stop recording by filling the folder. Those that are still running stay.

mod writer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use uuid::Uuid;

use super::Config;
use crate::session::Session;
use writer::Writer;

/// Name of the folder below the state directory.
pub const FOLDER: &str = "recordings";

/// Bytes of lines that wait for the disk, of all sessions.
const WAITING: usize = 16 << 20;

/// The recordings of a sensor.
pub struct Recordings {
    config: Config,
    dir: PathBuf,
    /// Bytes on disk that were there at the start.
    found: u64,
    waiting: AtomicUsize,
    queue: Mutex<Queue>,
    wake: Condvar,
    writer: Mutex<Option<JoinHandle<()>>>,
    complained: AtomicBool,
}

#[derive(Default)]
struct Queue {
    /// Recordings with something to write or to end, each once or twice.
    dirty: Vec<Arc<Entry>>,
    /// One of them has ended.
    ending: bool,
    closing: bool,
}

/// A recording that is kept.
pub(super) struct Entry {
    /// Which recording of its visit, from 0.
    number: u32,
    /// Whose it is; while it is here, the visit has not ended.
    session: Arc<Session>,
    pending: Mutex<Pending>,
}

#[derive(Default)]
struct Pending {
    lines: Vec<u8>,
    ended: Option<Ended>,
    /// The disk refused it: it is not gone on with.
    failed: bool,
}

/// How a recording ended.
#[derive(Clone, Copy)]
pub(super) struct Ended {
    pub duration: Duration,
    pub truncated: bool,
}

impl Entry {
    /// The next recording of a visit.
    pub fn new(session: &Arc<Session>) -> Arc<Self> {
        let number = session.recordings.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { number, session: Arc::clone(session), pending: Mutex::default() })
    }

    /// File name below the folder: `SESSION.cast`, then `SESSION-2.cast` and so on.
    fn name(&self) -> String {
        let (id, number) = self.key();
        file_name(id, number)
    }

    fn key(&self) -> (Uuid, u32) {
        (self.session.log().visit().session, self.number)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recordings {
    /// Opens the folder and counts what is there; [`Recordings::start`] comes next.
    ///
    /// # Errors
    /// The folder can't be made or read.
    pub fn open(state: &Path, config: &Config) -> io::Result<Arc<Self>> {
        let dir = state.join(FOLDER);
        fs::create_dir_all(&dir)?;
        let found = writer::used(&dir)?;
        Ok(Arc::new(Self {
            config: config.clone(),
            dir,
            found,
            waiting: AtomicUsize::new(0),
            queue: Mutex::default(),
            wake: Condvar::new(),
            writer: Mutex::default(),
            complained: AtomicBool::new(false),
        }))
    }

    /// Starts the thread that writes.
    ///
    /// # Errors
    /// There are no more threads.
    pub fn start(self: &Arc<Self>) -> io::Result<()> {
        let writer = Writer::new(Arc::clone(self), self.found);
        let handle = std::thread::Builder::new().name("recordings".into()).spawn(move || writer.run())?;
        *self.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
        Ok(())
    }

    /// Writes what is still waiting, records the ends and stops the writer.
    pub fn close(&self) {
        self.queue().closing = true;
        self.wake.notify_one();
        let handle = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(handle) = handle {
            let _ = handle.join();
        }
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Adds whole lines; false when they are not kept and nothing after them is to come.
    pub(super) fn add(&self, entry: &Arc<Entry>, mut lines: Vec<u8>) -> bool {
        let bytes = lines.len();
        if self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes > WAITING {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.complain("the disk is too slow");
            return false;
        }
        let mut pending = entry.pending();
        if pending.failed {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        let known = !pending.lines.is_empty();
        if known {
            pending.lines.append(&mut lines);
        } else {
            pending.lines = lines;
        }
        drop(pending);
        if !known {
            self.wake(entry);
        }
        true
    }

    /// Nothing more is to come.
    pub(super) fn end(&self, entry: &Arc<Entry>, ended: Ended) {
        entry.pending().ended = Some(ended);
        let mut queue = self.queue();
        queue.dirty.push(Arc::clone(entry));
        queue.ending = true;
        self.wake.notify_one();
    }

    /// Bytes that wait for the disk.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn wake(&self, entry: &Arc<Entry>) {
        let mut queue = self.queue();
        queue.dirty.push(Arc::clone(entry));
        if queue.dirty.len() == 1 {
            self.wake.notify_one();
        }
    }

    /// Once, until writing works again: an attacker can trigger it.
    fn complain(&self, why: &str) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::warn!("sessions can't be recorded in {}: {why}", self.dir.display());
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn file_name(session: Uuid, number: u32) -> String {
    match number {
        0 => format!("{session}.cast"),
        before => format!("{session}-{}.cast", before.saturating_add(1)),
    }
}
