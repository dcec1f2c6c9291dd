//! A running program as its author sees it: arguments, streams, the host, other programs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::io::{Fail, Open};
use super::kernel::{Boxed, Kernel, Stop};
use super::net::{NetError, Peer};
use super::note::Note;
use super::program::{self, Spec};
use super::text;
use crate::base::clock::{self, Timestamp};
use crate::world::{Errno, Host, Open as How, Stat, Who};

/// Most bytes of one input that a program holds.
pub(super) const INPUT_LIMIT: usize = 16 * 1024 * 1024;
/// Buffered output that is written before the program ends.
const BUFFER: usize = 64 * 1024;
/// Steps of work that opening a file is, and starting a program.
const OPENING: u64 = 100;
const STARTING: u64 = 800;

/// Steps of work that a program has with a line.
fn work(bytes: usize) -> u64 {
    1 + bytes as u64 / 16
}

/// Where the line ends of which the first bytes were looked at before.
fn line_end(bytes: &[u8], searched: usize) -> Option<usize> {
    bytes.get(searched..)?.iter().position(|&b| b == b'\n').map(|at| searched + at)
}

/// How a command is written.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// Reads no standard input and never waits.
    Plain(fn(&mut Cmd) -> i32),
    /// Reads, streams, sleeps, or runs others.
    Flow(for<'a> fn(&'a mut Cmd) -> Boxed<'a, Result<i32, Stop>>),
}

/// A program that runs.
pub(crate) struct Cmd {
    /// `argv[0]` as it was typed.
    pub name: String,
    /// `argv[1..]`.
    pub args: Vec<String>,
    pub(super) spec: Spec,
    applet: bool,
    out: Vec<u8>,
    /// Pieces on their way: `true` is standard error.
    queue: VecDeque<(bool, Vec<u8>)>,
    line_buffered: bool,
    input: Vec<u8>,
    input_at: usize,
    captured: Vec<u8>,
    exec_error: String,
    /// Standard output could not be written to: the program is at its end.
    failed: bool,
}

/// What a program that is run by another gets beside what it inherits.
#[derive(Default)]
pub(super) struct Child {
    /// Its environment instead of the parent's.
    pub env: Option<Vec<(String, String)>>,
    /// Its standard input instead of the parent's.
    pub stdin: Option<Vec<u8>>,
    /// Keep its standard output for [`Cmd::captured`].
    pub capture: bool,
    /// Whom it runs as.
    pub user: Option<Who>,
    /// Where it runs.
    pub cwd: Option<Vec<u8>>,
}

/// An operand that is read piece by piece.
pub(super) struct Source {
    open: Arc<Open>,
    buffer: Vec<u8>,
    at: usize,
}

impl Cmd {
    pub(super) fn new(spec: Spec, applet: bool) -> Self {
        let mut argv = spec.argv.iter().cloned();
        let name = argv.next().unwrap_or_default();
        let args = argv.collect();
        let line_buffered = spec.fds.get(&1).is_some_and(|open| open.is_tty());
        Self {
            name,
            args,
            spec,
            applet,
            out: Vec::new(),
            queue: VecDeque::new(),
            line_buffered,
            input: Vec::new(),
            input_at: 0,
            captured: Vec::new(),
            exec_error: String::new(),
            failed: false,
        }
    }

    /// Runs the command to its end and writes what it printed.
    pub(super) async fn main(mut self, run: Run) -> Result<i32, Stop> {
        let status = match run {
            Run::Plain(run) => Ok(run(&mut self)),
            Run::Flow(run) => {
                let status = run(&mut self).await;
                self.give_back_input();
                status
            }
        };
        let flushed = match &status {
            Ok(_) => self.flush().await,
            Err(_) => Ok(()),
        };
        if self.failed {
            return Ok(if matches!(self.base(), "sort" | "grep" | "tar") { 2 } else { 1 });
        }
        flushed.and(status)
    }

    /// The last part of the name.
    pub fn base(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }

    pub fn host(&self) -> &Arc<Host> {
        &self.spec.kernel.host
    }

    pub(super) fn kernel(&self) -> &Arc<Kernel> {
        &self.spec.kernel
    }

    pub fn who(&self) -> &Who {
        &self.spec.who
    }

    /// Whether busybox runs it, with its wording.
    pub fn applet(&self) -> bool {
        self.applet
    }

    pub fn cwd(&self) -> &[u8] {
        &self.spec.cwd
    }

    pub fn env(&self, name: &str) -> Option<&str> {
        self.spec.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn environ(&self) -> &[(String, String)] {
        &self.spec.env
    }

    pub fn pid(&self) -> u32 {
        self.spec.who.pid
    }

    // ---- output --------------------------------------------------------------------------------------------------

    pub fn out(&mut self, text: &str) {
        if text.is_ascii() {
            self.out_bytes(text.as_bytes());
        } else {
            self.out_bytes(&text::encode(text));
        }
    }

    pub fn out_bytes(&mut self, bytes: &[u8]) {
        if self.out.len() < INPUT_LIMIT {
            self.out.extend_from_slice(bytes);
        }
    }

    pub fn err(&mut self, text: &str) {
        if self.line_buffered {
            self.queue_out();
        }
        self.queue.push_back((true, text::encode(text)));
    }

    /// `NAME: TEXT` on standard error.
    pub fn complain(&mut self, text: &str) {
        let line = format!("{}: {text}\n", if self.applet { self.base() } else { &self.name });
        self.err(&line);
    }

    fn queue_out(&mut self) {
        if !self.out.is_empty() {
            let out = std::mem::take(&mut self.out);
            self.queue.push_back((false, out));
        }
    }

    /// Writes what waits, if the program prints to a terminal or much has gathered; call it in loops.
    pub async fn tick(&mut self) -> Result<(), Stop> {
        if self.out.len() >= BUFFER || (self.line_buffered && !self.out.is_empty()) || !self.queue.is_empty() {
            self.flush().await?;
        }
        self.spec.kernel.checkpoint().await
    }

    /// Writes what waits. After an error of the output that was told, the program ends as by [`Stop`].
    pub async fn flush(&mut self) -> Result<(), Stop> {
        self.queue_out();
        while let Some((error, bytes)) = self.queue.pop_front() {
            let fd = if error { 2 } else { 1 };
            let Some(open) = self.spec.fds.get(&fd).cloned() else { continue };
            match open.write(&self.spec.kernel, &bytes).await {
                Ok(()) => {}
                Err(Fail::Stop(stop)) => return Err(stop),
                Err(Fail::Errno(errno)) if !error => {
                    // As GNU programs end when their output cannot be written.
                    let line = format!("{}: write error: {}\n", self.name, errno.text());
                    self.queue.clear();
                    self.failed = true;
                    if let Some(open) = self.spec.fds.get(&2).cloned()
                        && let Err(Fail::Stop(stop)) = open.write(&self.spec.kernel, &text::encode(&line)).await
                    {
                        return Err(stop);
                    }
                    return Err(Stop::Signal(13));
                }
                Err(Fail::Errno(_)) => {}
            }
        }
        Ok(())
    }

    // ---- input ---------------------------------------------------------------------------------------------------

    fn stdin(&self) -> Option<Arc<Open>> {
        self.spec.fds.get(&0).cloned()
    }

    /// Standard input; empty at its end. A closed or unreadable one is at its end.
    pub async fn read(&mut self, max: usize) -> Result<Vec<u8>, Stop> {
        if self.input_at < self.input.len() {
            let end = self.input.len().min(self.input_at + max);
            let piece = self.input.get(self.input_at..end).unwrap_or_default().to_vec();
            self.input_at = end;
            return Ok(piece);
        }
        if self.line_buffered {
            self.flush().await?;
        }
        let Some(open) = self.stdin() else { return Ok(Vec::new()) };
        match open.read(&self.spec.kernel, max).await {
            Ok(bytes) => Ok(bytes),
            Err(Fail::Stop(stop)) => Err(stop),
            Err(Fail::Errno(_)) => Ok(Vec::new()),
        }
    }

    /// All of standard input, up to [`INPUT_LIMIT`].
    pub async fn read_all(&mut self) -> Result<Vec<u8>, Stop> {
        let mut all = Vec::new();
        loop {
            let piece = self.read(BUFFER).await?;
            if piece.is_empty() || all.len() >= INPUT_LIMIT {
                return Ok(all);
            }
            self.spend(piece.len() as u64 / 32).await?;
            all.extend(piece);
        }
    }

    /// A line of standard input with its `\n`, if there was one.
    pub async fn read_line(&mut self) -> Result<Option<Vec<u8>>, Stop> {
        let mut searched = 0;
        loop {
            let rest = self.input.get(self.input_at..).unwrap_or_default();
            if let Some(end) = line_end(rest, searched) {
                let line = rest.get(..=end).unwrap_or_default().to_vec();
                self.input_at += end + 1;
                self.spend(work(line.len())).await?;
                return Ok(Some(line));
            }
            searched = rest.len();
            if self.line_buffered {
                self.flush().await?;
            }
            let Some(open) = self.stdin() else { return Ok(None) };
            let piece = match open.read(&self.spec.kernel, 4096).await {
                Ok(piece) => piece,
                Err(Fail::Stop(stop)) => return Err(stop),
                Err(Fail::Errno(_)) => Vec::new(),
            };
            self.input.drain(..self.input_at);
            self.input_at = 0;
            if piece.is_empty() || self.input.len() > INPUT_LIMIT {
                let rest = std::mem::take(&mut self.input);
                return Ok((!rest.is_empty()).then_some(rest));
            }
            self.spend(piece.len() as u64 / 64).await?;
            self.input.extend(piece);
        }
    }

    /// What was read ahead of a file goes back to whoever reads it next.
    fn give_back_input(&mut self) {
        let ahead = self.input.len() - self.input_at;
        if let Some(open) = self.stdin().filter(|open| ahead > 0 && open.can_unread()) {
            open.unread(ahead);
        }
    }

    /// The whole of a file, or of standard input for `-`.
    pub async fn slurp(&mut self, operand: &str) -> Result<Result<Vec<u8>, Errno>, Stop> {
        if operand == "-" {
            return self.read_all().await.map(Ok);
        }
        let mut source = match self.source(operand).await? {
            Ok(source) => source,
            Err(errno) => return Ok(Err(errno)),
        };
        let mut all = Vec::new();
        loop {
            let piece = source.read(self, BUFFER).await?;
            if piece.is_empty() || all.len() >= INPUT_LIMIT {
                return Ok(Ok(all));
            }
            self.spend(piece.len() as u64 / 32).await?;
            all.extend(piece);
        }
    }

    /// A file, or standard input for `-`, piece by piece.
    pub async fn source(&mut self, operand: &str) -> Result<Result<Source, Errno>, Stop> {
        if operand == "-" {
            let open = self.stdin().unwrap_or_else(Open::nothing);
            let buffer = self.input.split_off(self.input_at.min(self.input.len()));
            return Ok(Ok(Source { open, buffer, at: 0 }));
        }
        self.spend(OPENING).await?;
        let how = How { read: true, ..How::default() };
        Ok(match self.host().open(self.who(), &self.path(operand), how) {
            Ok(file) if file.stat().kind == crate::world::FileKind::Folder => Err(Errno::EISDIR),
            Ok(file) => self.known(file, operand).await?.map(|open| Source { open, buffer: Vec::new(), at: 0 }),
            Err(errno) => Err(errno),
        })
    }

    async fn known(&mut self, file: crate::world::File, _operand: &str) -> Result<Result<Arc<Open>, Errno>, Stop> {
        self.spec.kernel.checkpoint().await?;
        Ok(Ok(Open::file(file, true, false, false)))
    }

    // ---- files ---------------------------------------------------------------------------------------------------

    /// The path as the kernel would be given it.
    pub fn path(&self, operand: &str) -> Vec<u8> {
        program::join(&self.spec.cwd, operand)
    }

    pub fn stat(&self, operand: &str) -> Result<Stat, Errno> {
        self.host().stat(self.who(), &self.path(operand), true)
    }

    pub fn lstat(&self, operand: &str) -> Result<Stat, Errno> {
        self.host().stat(self.who(), &self.path(operand), false)
    }

    pub fn list(&self, operand: &str) -> Result<Vec<(Vec<u8>, Stat)>, Errno> {
        self.host().list(self.who(), &self.path(operand))
    }

    pub fn read_file(&self, operand: &str) -> Result<Vec<u8>, Errno> {
        self.host().read_file(self.who(), &self.path(operand), INPUT_LIMIT)
    }

    pub fn write_file(&mut self, operand: &str, bytes: &[u8]) -> Result<(), Errno> {
        self.host().write_file(self.who(), &self.path(operand), bytes, 0o666)?;
        self.note_written(operand);
        Ok(())
    }

    /// Tells the record that this command wrote a file.
    pub fn note_written(&mut self, operand: &str) {
        let path = crate::world::resolve(&self.spec.cwd, &text::encode(operand));
        let how = How { read: true, ..How::default() };
        if let Ok(file) = self.host().open(&Who::root(), &path, how) {
            self.spec.kernel.note(Note::Written { path, file });
        }
    }

    // ---- terminal, time, limits ----------------------------------------------------------------------------------

    pub fn is_tty(&self, fd: i32) -> bool {
        self.spec.fds.get(&fd).is_some_and(|open| open.is_tty())
    }

    /// Columns of the terminal, or of `COLUMNS`, or 80.
    pub fn columns(&self) -> usize {
        let own = self.env("COLUMNS").and_then(|text| text.parse().ok());
        own.or_else(|| self.spec.kernel.tty(|tty| tty.columns)).filter(|&columns| columns > 0).unwrap_or(80)
    }

    pub async fn sleep(&mut self, time: Duration) -> Result<(), Stop> {
        self.flush().await?;
        let pid = self.pid();
        self.host().change_process(pid, |process| process.state = 'S');
        self.spec.kernel.sleep(time).await?;
        self.host().change_process(pid, |process| process.state = 'R');
        Ok(())
    }

    /// The host's wall clock.
    pub fn now(&self) -> Timestamp {
        clock::now()
    }

    /// Steps of work; call it in every loop whose length an attacker chooses.
    pub async fn spend(&mut self, steps: u64) -> Result<(), Stop> {
        self.spec.kernel.spend(steps).await
    }

    /// Most bytes that one value or buffer may hold.
    pub fn bound(&self) -> usize {
        INPUT_LIMIT
    }

    /// Whether messages have typographic quotes: the locale is UTF-8.
    pub fn is_utf8(&self) -> bool {
        let named = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| self.env(name).filter(|v| !v.is_empty()));
        named.is_some_and(|locale| locale.to_ascii_lowercase().replace('-', "").contains("utf8"))
    }

    /// `x` in the quotes that GNU programs put around names in messages.
    pub fn quote(&self, name: &str) -> String {
        if self.is_utf8() { format!("\u{2018}{name}\u{2019}") } else { format!("'{name}'") }
    }

    /// `x` as `ls` and `rm` put names into messages (`shell-escape-always`).
    pub fn shell_quote(&self, name: &str) -> String {
        super::quote::always(name)
    }

    // ---- other programs ------------------------------------------------------------------------------------------

    /// Runs a program with this one's streams.
    pub async fn exec(&mut self, argv: &[String]) -> Result<i32, Stop> {
        self.exec_with(argv, Child::default()).await
    }

    /// Runs a program. 126 and 127 with [`Cmd::exec_error`] when it cannot be run.
    pub async fn exec_with(&mut self, argv: &[String], how: Child) -> Result<i32, Stop> {
        self.flush().await?;
        self.spend(STARTING).await?;
        self.exec_error.clear();
        let mut spec = self.spec.child(argv.to_vec());
        if let Some(env) = how.env {
            spec.env = env;
        }
        if let Some(user) = how.user {
            spec.who = Who { pid: spec.who.pid, ..user };
        }
        if let Some(cwd) = how.cwd {
            spec.cwd = cwd;
        }
        if let Some(input) = how.stdin {
            spec.fds.insert(0, Open::filled(&spec.kernel, &input));
        }
        let mut reader = None;
        if how.capture {
            let (read, write) = Open::pipe(&spec.kernel);
            spec.fds.insert(1, write);
            reader = Some(read);
        }
        let kernel = Arc::clone(&spec.kernel);
        let pid = match program::launch(spec) {
            Ok(pid) => pid,
            Err(refusal) => {
                self.exec_error = refusal.text;
                return Ok(refusal.status);
            }
        };
        self.captured.clear();
        if let Some(reader) = reader {
            loop {
                match reader.read(&kernel, BUFFER).await {
                    Ok(piece) if !piece.is_empty() && self.captured.len() < INPUT_LIMIT => self.captured.extend(piece),
                    Err(Fail::Stop(stop)) => return Err(stop),
                    _ => break,
                }
            }
        }
        kernel.wait(|| kernel.reap(pid)).await
    }

    /// Standard output of the last program that was run with `capture`.
    pub fn captured(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.captured)
    }

    /// Why the last program could not be run.
    pub fn exec_error(&self) -> &str {
        &self.exec_error
    }

    /// kill(2): to processes of this session, or others of the host.
    pub fn signal(&self, pid: u32, signal: i32) -> Result<(), Errno> {
        self.host().signal(self.who(), pid, signal)?;
        if pid != self.pid() {
            self.spec.kernel.signal(pid, signal);
        }
        Ok(())
    }

    /// What standard input is, when it is a file of the host.
    pub fn stdin_stat(&self) -> Option<Stat> {
        self.stdin()?.as_file().map(crate::world::File::stat)
    }

    /// The command is beyond what is acted here: whoever is asked for programs without emulation answers, and when
    /// nobody does it says nothing. To be called before anything was printed.
    pub async fn ask_elsewhere(&mut self) -> Result<i32, Stop> {
        if let Some(answer) = self.spec.kernel.ask(super::Question::of(&self.spec).await?).await? {
            self.out_bytes(&answer);
        }
        Ok(0)
    }

    // ---- network -------------------------------------------------------------------------------------------------

    /// Tells the record of a URL.
    pub fn note_url(&mut self, url: &str) {
        self.spec.kernel.note(Note::Url { url: url.to_string() });
    }

    /// Tries to reach a peer; records it, dials nothing.
    pub async fn connect(&mut self, host: &str, port: u16) -> Result<Result<Peer, NetError>, Stop> {
        self.flush().await?;
        super::net::connect(&self.spec.kernel, host, port).await
    }
}

impl Source {
    /// At most `max` bytes; empty at the end. An unreadable one is at its end.
    pub async fn read(&mut self, c: &mut Cmd, max: usize) -> Result<Vec<u8>, Stop> {
        if self.at < self.buffer.len() {
            let end = self.buffer.len().min(self.at + max);
            let piece = self.buffer.get(self.at..end).unwrap_or_default().to_vec();
            self.at = end;
            return Ok(piece);
        }
        c.tick().await?;
        match self.open.read(&c.spec.kernel, max).await {
            Ok(bytes) => Ok(bytes),
            Err(Fail::Stop(stop)) => Err(stop),
            Err(Fail::Errno(_)) => Ok(Vec::new()),
        }
    }

    /// A line with its `\n`, if there was one.
    pub async fn line(&mut self, c: &mut Cmd) -> Result<Option<Vec<u8>>, Stop> {
        let mut searched = 0;
        loop {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            if let Some(end) = line_end(rest, searched) {
                let line = rest.get(..=end).unwrap_or_default().to_vec();
                self.at += end + 1;
                c.spend(work(line.len())).await?;
                return Ok(Some(line));
            }
            searched = rest.len();
            self.buffer.drain(..self.at);
            self.at = 0;
            c.tick().await?;
            let piece = match self.open.read(&c.spec.kernel, 4096).await {
                Ok(piece) => piece,
                Err(Fail::Stop(stop)) => return Err(stop),
                Err(Fail::Errno(_)) => Vec::new(),
            };
            if piece.is_empty() || self.buffer.len() > INPUT_LIMIT {
                let rest = std::mem::take(&mut self.buffer);
                return Ok((!rest.is_empty()).then_some(rest));
            }
            c.spend(piece.len() as u64 / 64).await?;
            self.buffer.extend(piece);
        }
    }
}
