//! Diagnostics: what *we* did. JSON lines in `rustbucket.log.YYYY-MM-DD`, readable text on standard error.
//! What attackers did are events and never come through here; what attackers can trigger is `debug` or rate-limited.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::base::daily::{DailyFile, Keep};

/// Opens today's file.
///
/// # Errors
/// The folder can't be made or written.
pub fn open(directory: &Path, keep: Keep) -> io::Result<DailyFile> {
    DailyFile::open(directory, "rustbucket.log.", "", keep)
}

/// Whether `level` is a level, or a filter in `tracing`'s own notation.
///
/// # Errors
/// What is wrong with it.
pub fn check_level(level: &str) -> Result<(), String> {
    EnvFilter::try_new(level).map(|_| ()).map_err(|error| error.to_string())
}

/// Begins to log at `level` (already checked) to standard error and, when there is one, to the file.
pub fn start(level: &str, file: Option<DailyFile>) {
    let mut filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    // The model's library says whole answers of its servers, as often as a visitor makes it ask.
    if let Ok(quiet) = "genai=off".parse() {
        filter = filter.add_directive(quiet);
    }
    let terminal = std::io::IsTerminal::is_terminal(&io::stderr());
    let text = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(terminal).with_target(false);
    let json = file.map(|file| {
        let writer = Lines(Arc::new(Mutex::new(Log { file, failed: false })));
        tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(writer)
    });
    let _ = tracing_subscriber::registry().with(filter).with(text).with(json).try_init();
    std::panic::set_hook(Box::new(|info| {
        // The shell's grammar is read by a library that fails on some texts; that is expected, and attackers choose when.
        if info.location().is_some_and(|place| place.file().contains("brush-parser")) {
            tracing::debug!("the grammar's library failed: {info}");
            return;
        }
        tracing::error!("a failure of ours, please report it: {info}");
    }));
}

struct Log {
    file: DailyFile,
    failed: bool,
}

/// Writes each line at once: diagnostics are few, and what a crash is preceded by must not be lost.
#[derive(Clone)]
struct Lines(Arc<Mutex<Log>>);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = log.file.append(line).err();
        if let Some(error) = &failed
            && !log.failed
        {
            let _ = writeln!(io::stderr(), "the log file can't be written: {error}; make room on the disk");
        }
        log.failed = failed.is_some();
        // A line that can't be kept is not worth a second complaint by the subscriber.
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
