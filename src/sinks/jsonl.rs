//! The local daily files: one JSON object per line. The one sink that is never dropped silently.
//!
//! Writing is done by a thread of its own in batches, at most [`PAUSE`] after the event: one wake-up and one write
//! for all events of that time, whatever the load. When the disk refuses, events wait in memory up to
//! [`QUEUE_BYTES`]; what does not fit is counted and reported by an `events_lost` event once writing works again.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Deserialize;

use crate::base::daily::{DailyFile, Keep};
use crate::event::{Event, Kind, SCHEMA, Sink};

/// `[events]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the files; empty: the log folder.
    pub directory: PathBuf,
    /// Days to keep; 0 keeps all.
    pub max_age_days: u32,
    /// Bytes to keep in all files together; 0 is no bound.
    pub max_total_bytes: u64,
    /// Bytes after which a day goes on in a second file; 0 is no bound.
    pub max_file_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { directory: PathBuf::new(), max_age_days: 90, max_total_bytes: 4 << 30, max_file_bytes: 256 << 20 }
    }
}

/// How long the writer collects events before it writes them.
pub const PAUSE: Duration = Duration::from_millis(20);

/// Bytes of events (roughly) that may wait while the disk does not take them.
pub const QUEUE_BYTES: usize = 64 << 20;

/// How often a disk that refused is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The sink; clone the `Arc`, keep one for [`Jsonl::close`].
pub struct Jsonl {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    lost: u64,
    closing: bool,
}

/// Today's file, opened before the sandbox closes; [`OpenFile::start`] makes the sink of it.
pub struct OpenFile {
    file: DailyFile,
    /// The folder in which the files lie.
    pub directory: PathBuf,
}

/// Opens today's file in the configured folder, or in `log_directory`.
///
/// # Errors
/// The folder can't be made or written.
pub fn open(config: &Config, log_directory: &Path) -> io::Result<OpenFile> {
    let directory = if config.directory.as_os_str().is_empty() { log_directory } else { &config.directory };
    let keep =
        Keep { days: config.max_age_days, total_bytes: config.max_total_bytes, file_bytes: config.max_file_bytes };
    let file = DailyFile::open(directory, "events-", ".jsonl", keep)?;
    Ok(OpenFile { file, directory: directory.into() })
}

impl OpenFile {
    /// Starts the writer.
    ///
    /// # Errors
    /// The thread can't be made.
    pub fn start(self) -> io::Result<Arc<Jsonl>> {
        let shared = Arc::new(Shared { queue: Mutex::default(), wake: Condvar::new() });
        let writer = Arc::clone(&shared);
        let handle = std::thread::Builder::new()
            .name("events".into())
            .spawn(move || Writer { file: self.file, shared: writer, batch: Vec::new(), complained: false }.run())?;
        Ok(Arc::new(Jsonl { shared, writer: Mutex::new(Some(handle)) }))
    }
}

impl Jsonl {
    /// Writes what is still waiting, hands it to the disk and ends the writer.
    pub fn close(&self) {
        self.shared.lock().closing = true;
        self.shared.wake.notify_one();
        let handle = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(handle) = handle {
            let _ = handle.join();
        }
    }
}

impl Sink for Jsonl {
    fn offer(&self, event: &Arc<Event>) {
        let mut queue = self.shared.lock();
        let weight = event.kind().weight();
        if queue.bytes + weight > QUEUE_BYTES {
            queue.lost += 1;
            return;
        }
        queue.bytes += weight;
        queue.events.push_back(Arc::clone(event));
        if queue.events.len() == 1 {
            self.shared.wake.notify_one();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Writer {
    file: DailyFile,
    shared: Arc<Shared>,
    batch: Vec<u8>,
    complained: bool,
}

impl Writer {
    fn run(mut self) {
        loop {
            let (events, lost, closing) = self.collect();
            self.fill(&events, lost);
            let failed = self.write(closing);
            if closing && (failed || self.shared.lock().events.is_empty()) {
                let _ = self.file.sync();
                return;
            }
        }
    }

    /// Waits for the first event, then a moment for more, and takes them all.
    fn collect(&self) -> (VecDeque<Arc<Event>>, u64, bool) {
        let mut queue = self.shared.lock();
        while queue.events.is_empty() && queue.lost == 0 && !queue.closing {
            queue = self.shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if !queue.closing {
            let waited = self.shared.wake.wait_timeout_while(queue, PAUSE, |queue| !queue.closing);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let queue = &mut *queue;
        queue.bytes = 0;
        (std::mem::take(&mut queue.events), std::mem::take(&mut queue.lost), queue.closing)
    }

    fn fill(&mut self, events: &VecDeque<Arc<Event>>, lost: u64) {
        self.batch.clear();
        for event in events {
            let start = self.batch.len();
            match serde_json::to_writer(&mut self.batch, &**event) {
                Ok(()) => self.batch.push(b'\n'),
                Err(_) => self.batch.truncate(start),
            }
        }
        if lost > 0 {
            let line = serde_json::json!({
                "schema": SCHEMA, "ts": format!("{:.6}", crate::base::clock::now()), "sensor": "", "kind": "events_lost", "count": lost,
            });
            debug_assert!(matches!(serde_json::from_value::<Kind>(line.clone()), Ok(Kind::EventsLost { .. })));
            self.batch.extend_from_slice(line.to_string().as_bytes());
            self.batch.push(b'\n');
        }
        // A burst must not keep its memory for ever.
        if self.batch.capacity() > (1 << 20) && self.batch.len() < (1 << 16) {
            self.batch.shrink_to(1 << 16);
        }
    }

    /// Writes the batch, waiting for the disk as long as it refuses; while closing it tries for a few seconds.
    /// True when the batch had to be given up.
    fn write(&mut self, closing: bool) -> bool {
        let mut tries = 0;
        while let Err(error) = self.file.append(&self.batch) {
            if !self.complained {
                tracing::error!(%error, "events can't be written; they wait in memory. Make room on the disk");
                self.complained = true;
            }
            tries += 1;
            if tries >= 3 && (closing || self.shared.lock().closing) {
                tracing::error!("the last events could not be written and are lost");
                return true;
            }
            std::thread::sleep(RETRY);
        }
        if self.complained {
            tracing::info!("events are written again");
            self.complained = false;
        }
        false
    }
}
