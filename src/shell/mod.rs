//! The shell of the simulated host: grammar, interpreter, builtins, commands. It knows no runtime, no model and no
//! events: whoever holds a [`Shell`] feeds it what the client types, calls [`Shell::step`], and sends what it printed.
//!
//! All processes of a session are futures of this one thread of control ([`kernel`]); a session that waits costs
//! nothing but its memory, and one that computes is interrupted after some tenths of a millisecond.

mod arith;
mod builtins;
mod cmd;
mod commands;
mod escape;
mod format;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod grammar;
mod history;
mod interp;
mod io;
mod kernel;
mod modes;
mod net;
mod note;
mod pattern;
mod program;
mod question;
mod quote;
mod readline;
mod signals;
pub mod text;
mod tty;
mod vars;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use io::{Open, Stream};
use kernel::{Boxed, Kernel, Status, Stop};
pub use modes::Modes;
pub use note::Note;
use program::Spec;
pub use question::Question;
pub use tty::Key;
use tty::Tty;

use crate::world::{Account, Host, Presence, Who};

/// A session's shell and everything that it started.
pub struct Shell {
    kernel: Arc<Kernel>,
    tasks: Vec<Task>,
    leader: u32,
    ended: Option<Status>,
    /// The signal that has ended the leader; 0: none.
    killed: Arc<AtomicI32>,
    /// Who is logged in, as the host's other views show it; gone with the shell.
    _presence: Option<Presence>,
}

struct Task {
    pid: u32,
    group: u32,
    stopped: bool,
    future: Boxed<'static, Status>,
}

/// What a session waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// For the client, or for that moment.
    Wait(Option<Instant>),
    /// It has more to do; others first.
    Busy,
    /// A program of the host that nobody emulates. Goes on after [`Shell::answer`].
    Ask(Question),
    /// The shell has ended with that status.
    Ended(i32),
}

/// What was printed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The terminal's output as it goes over the line, or standard output of a session without one.
    pub out: Vec<u8>,
    /// Standard error of a session without a terminal.
    pub err: Vec<u8>,
}

/// The terminal at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// `TERM`
    pub name: String,
    /// Width in characters; 0 is unknown.
    pub columns: usize,
    /// Height in lines; 0 is unknown.
    pub rows: usize,
    /// Its settings.
    pub modes: Modes,
}

impl Terminal {
    /// One with the usual settings.
    pub fn new(name: String, columns: usize, rows: usize) -> Self {
        Self { name, columns, rows, modes: Modes::default() }
    }
}

/// What a session begins with.
pub struct Login {
    /// The host as this attacker left it.
    pub host: Arc<Host>,
    /// Whose shell.
    pub account: Account,
    /// The session as `who` and `ss` show it.
    pub presence: Option<Presence>,
    /// The terminal; `None` for a command over SSH without one.
    pub terminal: Option<Terminal>,
    /// The command to run instead of an interactive shell.
    pub command: Option<String>,
    /// Variables beside those that every login has, in order.
    pub environment: Vec<(String, String)>,
}

impl Shell {
    /// The shell of a login; runs nothing before the first [`Shell::step`].
    pub fn new(login: Login) -> Self {
        let Login { host, account, presence, terminal, command, environment } = login;
        let tty = terminal.as_ref().map(|terminal| Tty::new(terminal.columns, terminal.rows, terminal.modes.clone()));
        let kernel = Kernel::new(Arc::clone(&host), tty);
        let open = |stream| if terminal.is_some() { Open::tty() } else { Open::client(stream) };
        let fds = BTreeMap::from([(0, open(Stream::In)), (1, open(Stream::Out)), (2, open(Stream::Err))]);
        let number = presence.as_ref().map(Presence::tty).filter(|_| terminal.is_some());
        let shell = account.shell.clone();
        let short = shell.rsplit('/').next().unwrap_or_default().to_string();
        let name = if command.is_some() { short } else { format!("-{short}") };
        let home = account.home.as_bytes().to_vec();
        let who = Who::of(&account);
        let cwd = if host.access(&who, &home, 1).is_ok() { home } else { b"/".to_vec() };
        let mut spec = Spec {
            kernel: Arc::clone(&kernel),
            argv: vec![name],
            env: environment,
            fds,
            who: Who { pid: 1, ..who },
            cwd,
            group: 0,
            tty: number,
            depth: 0,
        };
        let pid = match &presence {
            Some(presence) => presence.shell_pid(),
            None => program::begin(&mut spec, shell.as_bytes()).unwrap_or_else(|_| host.next_pid()),
        };
        spec.who.pid = pid;
        spec.group = pid;
        kernel.set_leader(pid);
        let login = interp::login(spec, command);
        let killed = Arc::<AtomicI32>::default();
        let by = Arc::clone(&killed);
        let future: Boxed<'static, Status> = Box::pin(async move {
            let signal = match login.await {
                Ok(status) => return status,
                Err(Stop::Signal(signal)) => signal,
                Err(Stop::Interrupt) => 2,
            };
            by.store(signal, Ordering::Relaxed);
            128 + signal
        });
        let task = Task { pid, group: pid, stopped: false, future };
        Self { kernel, tasks: vec![task], leader: pid, ended: None, killed, _presence: presence }
    }

    /// The name of the signal that has ended it, without `SIG`, where one has.
    pub fn killed_by(&self) -> Option<String> {
        let signal = self.killed.load(Ordering::Relaxed);
        if signal == 0 { None } else { signals::name(signal) }
    }

    /// What the client typed or sent.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.kernel.feed(bytes);
        let keys = self.kernel.tty(Tty::take_signals).unwrap_or_default();
        for key in keys {
            self.press(key);
        }
    }

    /// A signal that comes without its key, as Telnet's IP and BRK make it: nothing is echoed or thrown away.
    pub fn signal(&mut self, key: Key) {
        if key == Key::Interrupt && self.kernel.tty(|tty| tty.is_editing()) == Some(true) {
            self.kernel.feed(&[3]);
        } else {
            self.press(key);
        }
    }

    /// How many bytes may be fed now; of more, a session without a terminal loses the rest.
    pub fn input_room(&self) -> usize {
        self.kernel.input_room()
    }

    /// The client has closed its side.
    pub fn end_input(&mut self) {
        self.kernel.end_input();
    }

    /// The terminal has another size.
    pub fn resize(&mut self, columns: usize, rows: usize) {
        self.kernel.tty(|tty| {
            tty.columns = columns;
            tty.rows = rows;
        });
    }

    /// The answer to [`Step::Ask`]; `None` when nobody knows it.
    pub fn answer(&mut self, answer: Option<Vec<u8>>) {
        self.kernel.answer(answer);
    }

    /// Whether something waits for what the client types.
    pub fn wants_input(&self) -> bool {
        self.kernel.wants_input()
    }

    /// What was printed since the last call.
    pub fn take_output(&mut self) -> Output {
        let (out, err) = self.kernel.take_output();
        Output { out, err }
    }

    /// What the record should tell, since the last call.
    pub fn take_notes(&mut self) -> Vec<Note> {
        self.kernel.take_notes()
    }

    /// A key that makes a signal: to the program in the foreground, or to the shell.
    fn press(&mut self, key: Key) {
        let Some(group) = self.kernel.foreground() else {
            if key == Key::Interrupt {
                self.kernel.interrupt();
            }
            return;
        };
        let signal = match key {
            Key::Interrupt => 2,
            Key::Quit => 3,
            Key::Suspend => 20,
        };
        for task in self.tasks.iter().filter(|task| task.group == group) {
            self.kernel.signal(task.pid, signal);
        }
    }

    /// Lets everything run until it waits, or has had its share.
    pub fn step(&mut self, now: Instant) -> Step {
        if let Some(status) = self.ended {
            return Step::Ended(status);
        }
        self.kernel.begin(now);
        loop {
            self.kernel.begin_round();
            self.deliver_signals();
            self.poll_all();
            if let Some(status) = self.kernel.exited(self.leader) {
                self.tasks.clear();
                self.ended = Some(status);
                return Step::Ended(status);
            }
            if let Some(question) = self.kernel.take_question() {
                return Step::Ask(question);
            }
            if self.kernel.is_paused() {
                return Step::Busy;
            }
            if !self.kernel.has_moved() {
                return Step::Wait(self.kernel.wake_at());
            }
        }
    }

    fn poll_all(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        let mut at = 0;
        loop {
            for started in self.kernel.take_started() {
                let (pid, group, future) = (started.pid, started.group, started.future);
                self.tasks.push(Task { pid, group, stopped: false, future });
            }
            let Some(task) = self.tasks.get_mut(at) else { break };
            if task.stopped {
                at += 1;
                continue;
            }
            self.kernel.set_current(task.pid);
            // A fault of ours in one command must not end the visit: it ends like a crash of the real program.
            let polled = std::panic::catch_unwind(AssertUnwindSafe(|| task.future.as_mut().poll(&mut context)));
            match polled {
                Ok(Poll::Pending) => at += 1,
                Ok(Poll::Ready(status)) => {
                    let pid = task.pid;
                    self.tasks.swap_remove(at);
                    self.finish(pid, status);
                }
                Err(_) => {
                    let pid = task.pid;
                    // What it held may be in any state: it is forgotten rather than dropped.
                    std::mem::forget(self.tasks.swap_remove(at));
                    self.killed(pid, 11);
                }
            }
        }
    }

    /// A process that a signal has ended.
    fn killed(&mut self, pid: u32, signal: i32) {
        if pid == self.leader {
            self.killed.store(signal, Ordering::Relaxed);
        }
        self.finish(pid, 128 + signal);
    }

    fn finish(&mut self, pid: u32, status: Status) {
        self.kernel.host.end_process(pid);
        self.kernel.set_exited(pid, status);
    }

    fn deliver_signals(&mut self) {
        for (pid, signal) in self.kernel.take_kills() {
            let Some(at) = self.tasks.iter().position(|task| task.pid == pid) else { continue };
            let Some(task) = self.tasks.get_mut(at) else { continue };
            match signal {
                0 | 17 | 23 | 28 => {}
                18 => {
                    task.stopped = false;
                    self.kernel.set_stopped(pid, false);
                }
                19..=22 if pid != self.leader => {
                    task.stopped = true;
                    self.kernel.set_stopped(pid, true);
                }
                19..=22 => {}
                1..=15 if pid == self.leader && signal != 9 && signal != 1 => {}
                signal => {
                    self.tasks.swap_remove(at);
                    self.killed(pid, signal);
                }
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        for task in &self.tasks {
            self.kernel.host.end_process(task.pid);
        }
    }
}

#[cfg(test)]
mod tests;
