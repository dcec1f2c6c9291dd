//! Recordings of interactive sessions: what an attacker saw and typed, when, as asciicast v2 ([`cast`]).
//!
//! A [`Recording`] belongs to one terminal. It is held in memory until somebody has logged in and done something, so
//! that who stays silent costs neither a file nor more than what they were shown; from then on its lines go to the
//! writer ([`Recordings`], `store.rs`) at once.

pub mod cast;
mod store;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Deserialize;
use tokio::time::Instant;

use super::Session;
use crate::base::clock;
use cast::{About, Decoder, Env, Header};
use store::{Ended, Entry};
pub use store::{FOLDER, Recordings};

/// `[recordings]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether sessions are recorded.
    pub enabled: bool,
    /// Whether what was typed is recorded beside what was shown.
    pub input: bool,
    /// Whether visits over Telnet are kept that never got beyond the login.
    pub logins: bool,
    /// Bytes of one recording.
    pub max_file_bytes: u64,
    /// Bytes on disk of all of them; the oldest go.
    pub max_total_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { enabled: true, input: true, logins: true, max_file_bytes: 8 << 20, max_total_bytes: 1 << 30 }
    }
}

/// The smallest `max_file_bytes`.
const SMALLEST: u64 = 4096;

impl Config {
    /// What is wrong: the key, and why.
    ///
    /// # Errors
    /// A bound that leaves no room for a recording.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.max_file_bytes < SMALLEST {
            let reason = format!("less than {SMALLEST} bytes hold no session; to record none set `enabled = false`");
            return Err(("max_file_bytes", reason));
        }
        if self.max_total_bytes < self.max_file_bytes {
            return Err(("max_total_bytes", "less than one recording may have (`max_file_bytes`)".into()));
        }
        Ok(())
    }
}

/// Bytes of lines that are held in memory while nobody has logged in; with more the file is begun.
const HELD: usize = 8 << 10;
/// Recordings of one visit: nobody is to push out those of others by a flood of channels.
const MOST: u32 = 128;
/// Characters of a command that the header names.
const COMMAND: usize = 1024;
/// Size of a terminal that did not say.
const SIZE: (usize, usize) = (80, 24);

/// The recording of one terminal; its end is when it is dropped.
pub struct Recording {
    session: Arc<Session>,
    /// What is recorded so far; nothing before there was anything.
    tape: Option<Box<Tape>>,
    /// Nothing is recorded.
    off: bool,
}

struct Tape {
    begun: Instant,
    shown: Decoder,
    typed: Decoder,
    /// Columns and rows now.
    size: (usize, usize),
    /// The visitor has sent something.
    said: bool,
    /// What is shown is recorded no longer: a bound was reached.
    output_over: bool,
    /// Nothing is.
    over: bool,
    /// Bytes of the file, with those that are still held.
    bytes: u64,
    stage: Stage,
}

enum Stage {
    /// In memory: what the header will say, and the lines.
    Held(Box<Header>, Vec<u8>),
    /// On the disk, or on its way.
    Kept(Arc<Entry>),
}

impl Recording {
    /// The recording of a terminal of this visit; with `off` of none.
    pub(super) fn new(session: &Arc<Session>, off: bool) -> Self {
        let off = off || session.recordings.load(Ordering::Relaxed) >= MOST;
        Self { session: Arc::clone(session), tape: None, off }
    }

    /// What the client's terminal is: `TERM`, columns and rows; 0 when it did not say. Later another size is a resize.
    pub fn terminal(&mut self, name: &str, columns: usize, rows: usize) {
        let Some(tape) = self.tape() else { return };
        if let Stage::Held(header, _) = &mut tape.stage
            && !name.is_empty()
        {
            header.env.get_or_insert_default().term = Some(name.into());
        }
        self.resize(columns, rows);
    }

    /// The terminal has another size.
    pub fn resize(&mut self, columns: usize, rows: usize) {
        let Some(tape) = self.tape().filter(|tape| tape.size != (columns, rows) && columns > 0 && rows > 0) else {
            return;
        };
        tape.size = (columns, rows);
        match &mut tape.stage {
            // Nothing was shown yet: it has always been so.
            Stage::Held(header, lines) if lines.is_empty() => (header.width, header.height) = (columns, rows),
            _ => self.add('r', &format!("{columns}x{rows}")),
        }
    }

    /// Somebody has logged in and has this shell; `command` is what an SSH client wants to run in it.
    pub fn entered(&mut self, user: &str, shell: &str, command: Option<&str>) {
        let Some(tape) = self.tape() else { return };
        let Stage::Held(header, _) = &mut tape.stage else { return };
        header.env.get_or_insert_default().shell = Some(shell.into());
        header.command = command.map(|command| command.chars().take(COMMAND).collect());
        if let Some(about) = &mut header.rustbucket {
            about.user = Some(user.into());
        }
        tape.said |= command.is_some();
        self.go_on();
    }

    /// What the terminal shows from now on.
    pub fn output(&mut self, bytes: &[u8]) {
        if !bytes.is_empty()
            && let Some(tape) = self.tape().filter(|tape| !tape.over && !tape.output_over)
        {
            let text = tape.shown.feed(bytes);
            self.add('o', &text);
        }
    }

    /// What was typed.
    pub fn input(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let Some(tape) = self.tape() else { return };
        tape.said = true;
        let text = tape.typed.feed(bytes);
        if self.session.shared.recordings.as_ref().is_some_and(|all| all.config().input) {
            self.add('i', &text);
        }
        self.go_on();
    }

    /// The tape, if anything is recorded.
    fn tape(&mut self) -> Option<&mut Tape> {
        if self.off {
            return None;
        }
        Some(self.tape.get_or_insert_with(|| Box::new(Tape::new(&self.session))))
    }

    fn add(&mut self, code: char, text: &str) {
        let shown = code == 'o';
        let over = |tape: &Tape| tape.over || (shown && tape.output_over);
        let Some(tape) = self.tape.as_mut().filter(|tape| !over(tape) && !text.is_empty()) else { return };
        let Some(all) = &self.session.shared.recordings else { return };
        let most = all.config().max_file_bytes;
        // What floods a terminal must not hide what is typed later.
        let most = if shown { most - most / 8 } else { most };
        let mut line = Vec::new();
        cast::event(tape.begun.elapsed(), code, text, &mut line);
        let full = tape.bytes + line.len() as u64 > most;
        tape.output_over |= full;
        tape.over |= full && !shown;
        if full {
            return;
        }
        tape.bytes += line.len() as u64;
        match &mut tape.stage {
            Stage::Held(_, lines) => {
                lines.reserve_exact(line.len());
                lines.append(&mut line);
            }
            Stage::Kept(entry) => tape.over |= !all.add(entry, line),
        }
        self.go_on();
    }

    /// Begins the file when there is reason to.
    fn go_on(&mut self) {
        if let Some(tape) = &self.tape
            && let Stage::Held(header, lines) = &tape.stage
            && (lines.len() > HELD || (tape.said && entered(header)))
        {
            self.keep();
        }
    }

    fn keep(&mut self) {
        let (Some(all), Some(tape)) = (&self.session.shared.recordings, &mut self.tape) else { return };
        let Stage::Held(header, lines) = &mut tape.stage else { return };
        let mut begin = Vec::with_capacity(512 + lines.len());
        let _ = serde_json::to_writer(&mut begin, header);
        begin.push(b'\n');
        tape.bytes += begin.len() as u64;
        begin.append(lines);
        let entry = Entry::new(&self.session);
        tape.over |= !all.add(&entry, begin);
        tape.stage = Stage::Kept(entry);
    }
}

/// Whether somebody has logged in.
fn entered(header: &Header) -> bool {
    header.rustbucket.as_ref().is_some_and(|about| about.user.is_some())
}

impl Tape {
    fn new(session: &Session) -> Self {
        let visit = session.log().visit();
        let about = About {
            session: visit.session,
            protocol: visit.protocol.to_string(),
            src_ip: visit.src_ip,
            src_port: visit.src_port,
            dst_port: visit.dst_port,
            user: None,
        };
        let header = Header {
            version: 2,
            width: SIZE.0,
            height: SIZE.1,
            timestamp: Some(clock::unix_seconds()),
            command: None,
            env: Some(Env::default()),
            rustbucket: Some(about),
        };
        Self {
            begun: Instant::now(),
            shown: Decoder::default(),
            typed: Decoder::default(),
            size: SIZE,
            said: false,
            output_over: false,
            over: false,
            bytes: 0,
            stage: Stage::Held(Box::new(header), Vec::new()),
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let (Some(all), Some(tape)) = (self.session.shared.recordings.clone(), &mut self.tape) else { return };
        let (shown, typed) = (tape.shown.finish(), tape.typed.finish());
        let keep =
            tape.said && (all.config().logins || matches!(&tape.stage, Stage::Held(header, _) if entered(header)));
        self.add('o', &shown);
        if all.config().input {
            self.add('i', &typed);
        }
        if keep {
            self.keep();
        }
        if let Some(tape) = &self.tape
            && let Stage::Kept(entry) = &tape.stage
        {
            all.end(entry, Ended { duration: tape.begun.elapsed(), truncated: tape.over || tape.output_over });
        }
    }
}

#[cfg(test)]
mod tests;
