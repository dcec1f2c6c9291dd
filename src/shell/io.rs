//! Open files of the simulated processes: files of the world, pipes, the terminal, the ends of a connection.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::kernel::{Kernel, Stop};
use crate::world::{Device, Errno, File};

/// Bytes that a pipe holds, as Linux's.
pub(super) const PIPE: usize = 65_536;

/// Open files of a process by number; a clone shares them, as after fork(2).
pub(super) type Fds = BTreeMap<i32, Arc<Open>>;

/// An open file description: what `dup(2)` shares, offset included.
pub(super) struct Open {
    kind: Kind,
    offset: Mutex<u64>,
}

enum Kind {
    File {
        file: File,
        append: bool,
        read: bool,
        write: bool,
    },
    PipeReader(Arc<Pipe>),
    PipeWriter(Arc<Pipe>),
    /// The controlling terminal.
    Tty,
    /// What the client of a session without terminal sends, and its two outputs.
    Client(Stream),
    /// A network peer that says nothing; what is written is kept by the kernel's record.
    Nothing,
}

/// Standard input, output or error of a session without terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    In,
    Out,
    Err,
}

struct Pipe {
    inner: Mutex<PipeState>,
    moved: Arc<AtomicBool>,
}

#[derive(Default)]
struct PipeState {
    bytes: VecDeque<u8>,
    no_writer: bool,
    no_reader: bool,
}

impl Pipe {
    fn state(&self) -> MutexGuard<'_, PipeState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a read or write did not work: an error of the file, or the end of the process.
pub(super) enum Fail {
    Errno(Errno),
    Stop(Stop),
}

impl From<Stop> for Fail {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Steps of work that moving so many bytes is.
fn work(bytes: usize) -> u64 {
    1 + bytes as u64 / 1024
}

/// Steps of work that keeping so many bytes in a file is.
pub(super) fn kept(bytes: usize) -> u64 {
    1 + bytes as u64 / 64
}

impl Open {
    fn of(kind: Kind) -> Arc<Self> {
        Arc::new(Self { kind, offset: Mutex::new(0) })
    }

    pub fn file(file: File, read: bool, write: bool, append: bool) -> Arc<Self> {
        match file.device() {
            Some(Device::Tty | Device::Pts(_)) => Self::tty(),
            _ => Self::of(Kind::File { file, append, read, write }),
        }
    }

    pub fn tty() -> Arc<Self> {
        Self::of(Kind::Tty)
    }

    pub fn client(stream: Stream) -> Arc<Self> {
        Self::of(Kind::Client(stream))
    }

    pub fn nothing() -> Arc<Self> {
        Self::of(Kind::Nothing)
    }

    /// Read end and write end.
    pub fn pipe(kernel: &Kernel) -> (Arc<Self>, Arc<Self>) {
        let pipe = Arc::new(Pipe { inner: Mutex::default(), moved: kernel.moves() });
        (Self::of(Kind::PipeReader(Arc::clone(&pipe))), Self::of(Kind::PipeWriter(pipe)))
    }

    /// A pipe that holds `bytes` and has no writer: a here-document.
    pub fn filled(kernel: &Kernel, bytes: &[u8]) -> Arc<Self> {
        let state = PipeState { bytes: bytes.iter().copied().collect(), no_writer: true, no_reader: false };
        Self::of(Kind::PipeReader(Arc::new(Pipe { inner: Mutex::new(state), moved: kernel.moves() })))
    }

    pub fn is_tty(&self) -> bool {
        matches!(self.kind, Kind::Tty)
    }

    /// The file of the world behind it.
    pub fn as_file(&self) -> Option<&File> {
        match &self.kind {
            Kind::File { file, .. } => Some(file),
            _ => None,
        }
    }

    fn offset(&self) -> MutexGuard<'_, u64> {
        self.offset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts back what a reader took too much of; only files can.
    pub fn unread(&self, count: usize) {
        match &self.kind {
            Kind::File { .. } => {
                let mut offset = self.offset();
                *offset = offset.saturating_sub(count as u64);
            }
            _ => debug_assert_eq!(count, 0),
        }
    }

    /// Whether [`Open::unread`] works.
    pub fn can_unread(&self) -> bool {
        matches!(self.kind, Kind::File { .. })
    }

    /// At least one byte and at most `max`; empty at the end of the file.
    pub async fn read(&self, kernel: &Kernel, max: usize) -> Result<Vec<u8>, Fail> {
        let bytes = self.read_now(kernel, max).await?;
        kernel.spend(work(bytes.len())).await?;
        Ok(bytes)
    }

    async fn read_now(&self, kernel: &Kernel, max: usize) -> Result<Vec<u8>, Fail> {
        match &self.kind {
            Kind::File { file, read: true, .. } => {
                let mut offset = self.offset();
                let bytes = file.read_at(*offset, max).map_err(Fail::Errno)?;
                *offset += bytes.len() as u64;
                Ok(bytes)
            }
            Kind::File { .. } | Kind::PipeWriter(_) | Kind::Client(Stream::Out | Stream::Err) => {
                Err(Fail::Errno(Errno::EBADF))
            }
            Kind::PipeReader(pipe) => Ok(kernel.wait(|| pipe.take(max)).await?),
            Kind::Tty | Kind::Client(Stream::In) => Ok(kernel.read_console(max).await?),
            Kind::Nothing => kernel.forever().await.map_err(Fail::Stop),
        }
    }

    /// Writes all of it.
    pub async fn write(&self, kernel: &Kernel, bytes: &[u8]) -> Result<(), Fail> {
        let stored = matches!(&self.kind, Kind::File { file, .. } if file.device().is_none());
        kernel.spend(if stored { kept(bytes.len()) } else { work(bytes.len()) }).await?;
        match &self.kind {
            Kind::File { file, write: true, append, .. } => {
                let mut offset = self.offset();
                if *append {
                    *offset = file.append(bytes).map_err(Fail::Errno)?;
                } else {
                    let written = file.write_at(*offset, bytes).map_err(Fail::Errno)?;
                    *offset += written as u64;
                }
                Ok(())
            }
            Kind::File { .. } | Kind::PipeReader(_) | Kind::Client(Stream::In) => Err(Fail::Errno(Errno::EBADF)),
            Kind::PipeWriter(pipe) => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    let written = kernel.wait(|| pipe.put(rest)).await?;
                    let Some(written) = written else { return Err(Fail::Stop(Stop::Signal(13))) };
                    rest = rest.get(written..).unwrap_or_default();
                }
                Ok(())
            }
            Kind::Tty => Ok(kernel.write_console(bytes, false).await?),
            Kind::Client(stream) => Ok(kernel.write_console(bytes, *stream == Stream::Err).await?),
            Kind::Nothing => Ok(()),
        }
    }
}

impl Pipe {
    fn take(&self, max: usize) -> Option<Vec<u8>> {
        let mut state = self.state();
        if state.bytes.is_empty() && !state.no_writer {
            return None;
        }
        self.moved.store(true, Ordering::Relaxed);
        let count = state.bytes.len().min(max);
        let (front, back) = state.bytes.as_slices();
        let mut taken = Vec::with_capacity(count);
        taken.extend_from_slice(front.get(..count.min(front.len())).unwrap_or_default());
        taken.extend_from_slice(back.get(..count - taken.len()).unwrap_or_default());
        state.bytes.drain(..count);
        Some(taken)
    }

    /// Bytes that found room; `Some(None)` when nobody will ever read them.
    fn put(&self, bytes: &[u8]) -> Option<Option<usize>> {
        let mut state = self.state();
        if state.no_reader {
            return Some(None);
        }
        let room = PIPE.saturating_sub(state.bytes.len()).min(bytes.len());
        if room == 0 {
            return None;
        }
        self.moved.store(true, Ordering::Relaxed);
        state.bytes.extend(bytes.get(..room).unwrap_or_default());
        Some(Some(room))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        match &self.kind {
            Kind::PipeReader(pipe) => {
                let mut state = pipe.state();
                state.no_reader = true;
                state.bytes = VecDeque::new();
                pipe.moved.store(true, Ordering::Relaxed);
            }
            Kind::PipeWriter(pipe) => {
                pipe.state().no_writer = true;
                pipe.moved.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}
