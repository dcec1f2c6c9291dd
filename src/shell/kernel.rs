//! What runs the processes of one session: they are futures that are polled in turn by [`super::Shell::step`], wait
//! for pipes, for the terminal and for time, and have a common budget. No runtime and no thread belongs to it.

use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::Question;
use super::note::Note;
use super::tty::{Mode, Tty};
use crate::world::Host;

/// A future that can be moved between threads.
pub(super) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The end of a process from outside, or of what an interactive shell is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Killed by that signal.
    Signal(i32),
    /// ^C at the interactive shell itself.
    Interrupt,
}

/// How a process ended: 0 to 255, or 128 and the signal.
pub(super) type Status = i32;

/// A process that was started and not yet taken up by the loop.
pub(super) struct Started {
    pub pid: u32,
    pub group: u32,
    pub future: Boxed<'static, Status>,
}

/// Steps that one call of [`super::Shell::step`] may take before others have their turn; some tenths of a millisecond.
const SLICE: u64 = 4_000;
/// Steps that a session may take, some seconds of work: then its processes are killed, and its shell is let run only
/// now and then.
const TOTAL: u64 = 4_000_000;
/// Steps that come back per second.
const REFILL: u64 = 10_000;
/// How long a shell that has used up its budget waits between its shares.
const CHOKED: Duration = Duration::from_millis(400);
/// Output that waits for the client; who prints more waits with it.
const WAITING: usize = 256 * 1024;
/// Processes of one session at a time; above, fork(2) fails.
const PROCESSES: usize = 256;

/// Stack that nested futures may use, of the 16 MiB that the threads have; the rest is for what does not nest.
const STACK: usize = 9 << 20;

/// About where the stack is.
fn stack_pointer() -> usize {
    let marker = 0_u8;
    std::hint::black_box(&raw const marker) as usize
}

/// Ends of processes that are remembered, and how far back their pids reach when there are more.
const ENDS: usize = 4096;
const RECENT: u32 = 1024;

/// The shared state of all processes of a session.
pub(crate) struct Kernel {
    pub host: Arc<Host>,
    moved: Arc<AtomicBool>,
    /// Where the stack was when [`super::Shell::step`] began.
    stack: AtomicUsize,
    inner: Mutex<Inner>,
}

struct Inner {
    now: Instant,
    wake_at: Option<Instant>,
    wants_input: bool,
    started: Vec<Started>,
    alive: usize,
    exits: HashMap<u32, Status>,
    stopped: HashMap<u32, bool>,
    kills: Vec<(u32, i32)>,
    current: u32,
    foreground: Option<u32>,
    interrupt: bool,
    leader: u32,
    console: Console,
    slice: u64,
    total: u64,
    paused: bool,
    question: Option<Question>,
    asked: bool,
    line: LineRecord,
    answer: Option<Option<Vec<u8>>>,
    notes: Vec<Note>,
}

/// What a line has done so far, for the record.
#[derive(Default)]
struct LineRecord {
    sample: Vec<u8>,
    bytes: u64,
    asked: bool,
}

/// The beginning of a line's output that is recorded.
const SAMPLE: usize = 16 * 1024;

enum Console {
    Terminal(Tty),
    Pipes { input: VecDeque<u8>, ended: bool, out: Vec<u8>, err: Vec<u8> },
}

impl Kernel {
    /// Processes of a login on a terminal, or (`None`) of a command over a connection without one.
    pub fn new(host: Arc<Host>, tty: Option<Tty>) -> Arc<Self> {
        let console = tty.map_or_else(
            || Console::Pipes { input: VecDeque::new(), ended: false, out: Vec::new(), err: Vec::new() },
            Console::Terminal,
        );
        let inner = Inner {
            now: Instant::now(),
            wake_at: None,
            wants_input: false,
            started: Vec::new(),
            alive: 0,
            exits: HashMap::new(),
            stopped: HashMap::new(),
            kills: Vec::new(),
            current: 0,
            foreground: None,
            interrupt: false,
            leader: 0,
            console,
            slice: 0,
            total: 0,
            paused: false,
            question: None,
            asked: false,
            line: LineRecord::default(),
            answer: None,
            notes: Vec::new(),
        };
        Arc::new(Self { host, moved: Arc::default(), stack: AtomicUsize::new(0), inner: Mutex::new(inner) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The flag that says that something moved, so that those who wait must look again.
    pub fn moves(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.moved)
    }

    fn moved(&self) {
        self.moved.store(true, Ordering::Relaxed);
    }

    /// Whether futures nest so deeply that the thread's stack is nearly used up.
    pub fn is_deep(&self) -> bool {
        self.stack.load(Ordering::Relaxed).abs_diff(stack_pointer()) > STACK
    }

    // ---- what processes call -------------------------------------------------------------------------------------

    /// Waits until `ready` has something.
    pub async fn wait<T>(&self, mut ready: impl FnMut() -> Option<T> + Send) -> Result<T, Stop> {
        poll_fn(|_| {
            if self.interrupted() {
                return Poll::Ready(Err(Stop::Interrupt));
            }
            ready().map_or(Poll::Pending, |value| Poll::Ready(Ok(value)))
        })
        .await
    }

    fn interrupted(&self) -> bool {
        let mut inner = self.inner();
        inner.current == inner.leader && std::mem::take(&mut inner.interrupt)
    }

    /// Waits for something that never comes.
    pub async fn forever<T: Send>(&self) -> Result<T, Stop> {
        self.wait(|| None::<T>).await
    }

    /// One step of work.
    pub async fn checkpoint(&self) -> Result<(), Stop> {
        self.spend(1).await
    }

    /// That many steps of work: lets others have their turn, and ends the process when the session's budget is gone.
    pub async fn spend(&self, steps: u64) -> Result<(), Stop> {
        let mut first = true;
        poll_fn(|_| {
            if self.interrupted() {
                return Poll::Ready(Err(Stop::Interrupt));
            }
            let mut inner = self.inner();
            if std::mem::take(&mut first) {
                inner.slice += steps;
                inner.total += steps;
                if inner.total > TOTAL && inner.current != inner.leader {
                    return Poll::Ready(Err(Stop::Signal(9)));
                }
            } else {
                return Poll::Ready(Ok(()));
            }
            if inner.slice < SLICE {
                return Poll::Ready(Ok(()));
            }
            if inner.total > TOTAL {
                let until = inner.now + CHOKED;
                inner.wake_at = Some(inner.wake_at.map_or(until, |at| at.min(until)));
            } else {
                inner.paused = true;
            }
            Poll::Pending
        })
        .await
    }

    /// Waits that long.
    pub async fn sleep(&self, time: Duration) -> Result<(), Stop> {
        let until = self.now() + time;
        self.wait(|| {
            let mut inner = self.inner();
            if inner.now >= until {
                return Some(());
            }
            inner.wake_at = Some(inner.wake_at.map_or(until, |at| at.min(until)));
            None
        })
        .await
    }

    /// The session's clock.
    pub fn now(&self) -> Instant {
        self.inner().now
    }

    /// Reads what the client typed or sent; empty at its end.
    pub async fn read_console(&self, max: usize) -> Result<Vec<u8>, Stop> {
        self.wait(|| {
            let mut inner = self.inner();
            let found = match &mut inner.console {
                Console::Terminal(tty) => tty.read(max),
                Console::Pipes { input, ended, .. } if !input.is_empty() || *ended => {
                    let count = input.len().min(max);
                    Some(input.drain(..count).collect())
                }
                Console::Pipes { .. } => None,
            };
            inner.wants_input |= found.is_none();
            found
        })
        .await
    }

    /// Prints on the terminal, or to the client's standard output or error.
    pub async fn write_console(&self, bytes: &[u8], error: bool) -> Result<(), Stop> {
        self.spend(bytes.len() as u64 / 64).await?;
        self.wait(|| {
            let mut inner = self.inner();
            let waiting = match &inner.console {
                Console::Terminal(tty) => tty.waiting(),
                Console::Pipes { out, err, .. } => out.len() + err.len(),
            };
            (waiting < WAITING).then(|| inner.paused = false).or_else(|| {
                inner.paused = true;
                None
            })
        })
        .await?;
        let mut inner = self.inner();
        inner.line.bytes += bytes.len() as u64;
        let room = SAMPLE.saturating_sub(inner.line.sample.len()).min(bytes.len());
        inner.line.sample.extend_from_slice(bytes.get(..room).unwrap_or_default());
        match &mut inner.console {
            Console::Terminal(tty) => tty.print(bytes),
            Console::Pipes { err, .. } if error => err.extend_from_slice(bytes),
            Console::Pipes { out, .. } => out.extend_from_slice(bytes),
        }
        Ok(())
    }

    /// A line begins: what is printed from now on is its answer.
    pub fn begin_line(&self) {
        self.inner().line = LineRecord::default();
    }

    /// A line has ended.
    pub fn end_line(&self, line: Vec<u8>, status: Status, took: Duration) {
        let record = std::mem::take(&mut self.inner().line);
        self.note(Note::Line { line, output: record.sample, bytes: record.bytes, status, took, asked: record.asked });
    }

    /// Waits for a future, but only until `deadline`; `None` when it came first.
    pub async fn before<T>(
        &self,
        deadline: Instant,
        future: impl Future<Output = T> + Send,
    ) -> Result<Option<T>, Stop> {
        let mut future = std::pin::pin!(future);
        poll_fn(|context| {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(Some(value)));
            }
            let mut inner = self.inner();
            if inner.now >= deadline {
                return Poll::Ready(Ok(None));
            }
            inner.wake_at = Some(inner.wake_at.map_or(deadline, |at| at.min(deadline)));
            Poll::Pending
        })
        .await
    }

    /// Does something with the terminal; `None` when there is none.
    pub fn tty<T>(&self, act: impl FnOnce(&mut Tty) -> T) -> Option<T> {
        match &mut self.inner().console {
            Console::Terminal(tty) => Some(act(tty)),
            Console::Pipes { .. } => None,
        }
    }

    /// Sets the terminal's mode.
    pub fn set_mode(&self, mode: Mode) {
        self.tty(|tty| tty.set_mode(mode));
    }

    /// Starts a process; `false` when there are too many.
    pub fn start(&self, pid: u32, group: u32, future: Boxed<'static, Status>) -> bool {
        let mut inner = self.inner();
        if inner.alive >= PROCESSES {
            return false;
        }
        inner.alive += 1;
        inner.started.push(Started { pid, group, future });
        drop(inner);
        self.moved();
        true
    }

    /// Whether one more process would be refused.
    pub fn is_full(&self) -> bool {
        self.inner().alive >= PROCESSES
    }

    /// How a process ended; takes the record away. `None` while it lives.
    pub fn reap(&self, pid: u32) -> Option<Status> {
        self.inner().exits.remove(&pid)
    }

    /// How a process ended, without taking the record away.
    pub fn exited(&self, pid: u32) -> Option<Status> {
        self.inner().exits.get(&pid).copied()
    }

    /// Whether a process has just been stopped; says so once.
    pub fn newly_stopped(&self, pid: u32) -> bool {
        self.inner().stopped.get_mut(&pid).is_some_and(|told| !std::mem::replace(told, true))
    }

    /// Whether a process is stopped.
    pub fn is_stopped(&self, pid: u32) -> bool {
        self.inner().stopped.contains_key(&pid)
    }

    /// Sends a signal to a process of this session.
    pub fn signal(&self, pid: u32, signal: i32) {
        self.inner().kills.push((pid, signal));
        self.moved();
    }

    /// The process group that ^C and ^Z go to.
    pub fn set_foreground(&self, group: Option<u32>) {
        self.inner().foreground = group;
    }

    /// Puts a question to whoever stands behind the emulator; `None` when nobody answers.
    pub async fn ask(&self, question: Question) -> Result<Option<Vec<u8>>, Stop> {
        let mut question = Some(question);
        self.wait(|| {
            let mut inner = self.inner();
            let free = inner.question.is_none() && !inner.asked && inner.answer.is_none();
            free.then(|| inner.question = question.take())
        })
        .await?;
        let _asking = Asking(self);
        self.wait(|| self.inner().answer.take()).await
    }

    /// Adds to the record of this session.
    pub fn note(&self, note: Note) {
        let mut inner = self.inner();
        if inner.notes.len() < super::note::MOST {
            inner.notes.push(note);
        }
    }

    // ---- what the loop calls -------------------------------------------------------------------------------------

    pub fn set_leader(&self, pid: u32) {
        self.inner().leader = pid;
    }

    pub fn begin(&self, now: Instant) {
        self.stack.store(stack_pointer(), Ordering::Relaxed);
        let mut inner = self.inner();
        let passed = now.saturating_duration_since(inner.now).as_millis();
        let back = u64::try_from(passed).unwrap_or(u64::MAX).saturating_mul(REFILL) / 1000;
        inner.total = inner.total.saturating_sub(back);
        inner.now = now;
        inner.slice = 0;
        inner.paused = false;
    }

    pub fn begin_round(&self) {
        let mut inner = self.inner();
        inner.wake_at = None;
        inner.wants_input = false;
        drop(inner);
        self.moved.store(false, Ordering::Relaxed);
    }

    pub fn has_moved(&self) -> bool {
        self.moved.load(Ordering::Relaxed)
    }

    pub fn is_paused(&self) -> bool {
        self.inner().paused
    }

    pub fn set_current(&self, pid: u32) {
        self.inner().current = pid;
    }

    pub fn take_started(&self) -> Vec<Started> {
        std::mem::take(&mut self.inner().started)
    }

    pub fn take_kills(&self) -> Vec<(u32, i32)> {
        std::mem::take(&mut self.inner().kills)
    }

    pub fn set_exited(&self, pid: u32, status: Status) {
        let mut inner = self.inner();
        inner.alive = inner.alive.saturating_sub(1);
        inner.stopped.remove(&pid);
        // Nobody waits for most of what ran in the background: old ends are forgotten.
        if inner.exits.len() >= ENDS {
            let leader = inner.leader;
            inner.exits.retain(|known, _| *known == leader || pid.abs_diff(*known) < RECENT);
        }
        inner.exits.insert(pid, status);
        drop(inner);
        self.moved();
    }

    pub fn set_stopped(&self, pid: u32, stopped: bool) {
        let mut inner = self.inner();
        if stopped {
            inner.stopped.insert(pid, false);
        } else {
            inner.stopped.remove(&pid);
        }
        drop(inner);
        self.moved();
    }

    pub fn foreground(&self) -> Option<u32> {
        self.inner().foreground
    }

    pub fn interrupt(&self) {
        self.inner().interrupt = true;
        self.moved();
    }

    pub fn wants_input(&self) -> bool {
        self.inner().wants_input
    }

    pub fn wake_at(&self) -> Option<Instant> {
        self.inner().wake_at
    }

    pub fn take_question(&self) -> Option<Question> {
        let mut inner = self.inner();
        let question = inner.question.take();
        inner.asked |= question.is_some();
        inner.line.asked |= question.is_some();
        question
    }

    pub fn answer(&self, answer: Option<Vec<u8>>) {
        let mut inner = self.inner();
        if std::mem::take(&mut inner.asked) {
            inner.answer = Some(answer);
        }
    }

    pub fn take_notes(&self) -> Vec<Note> {
        std::mem::take(&mut self.inner().notes)
    }

    /// Standard output (or the terminal's output) and standard error, up to now.
    pub fn take_output(&self) -> (Vec<u8>, Vec<u8>) {
        match &mut self.inner().console {
            Console::Terminal(tty) => (tty.take_output(), Vec::new()),
            Console::Pipes { out, err, .. } => (std::mem::take(out), std::mem::take(err)),
        }
    }

    /// What the client typed or sent.
    pub fn feed(&self, bytes: &[u8]) {
        match &mut self.inner().console {
            Console::Terminal(tty) => tty.feed(bytes),
            Console::Pipes { input, .. } => {
                let room = WAITING.saturating_sub(input.len());
                input.extend(bytes.iter().take(room));
            }
        }
    }

    /// How many bytes of input there is room for.
    pub fn input_room(&self) -> usize {
        match &self.inner().console {
            Console::Terminal(_) => WAITING,
            Console::Pipes { input, .. } => WAITING.saturating_sub(input.len()),
        }
    }

    /// The client sends nothing more.
    pub fn end_input(&self) {
        match &mut self.inner().console {
            Console::Terminal(tty) => tty.feed(&[4]),
            Console::Pipes { ended, .. } => *ended = true,
        }
    }
}

/// Whoever asks may be killed: then nobody waits for the answer any more.
struct Asking<'k>(&'k Kernel);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut inner = self.0.inner();
        (inner.question, inner.asked, inner.answer) = (None, false, None);
    }
}
