//! The shell over the simulated host: grammar, interpreter, commands. Nothing here runs a real program.
//! Knows no async runtime, no model, no events: bytes in, [`Outcome`] out.

mod commands;
mod parse;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::world::fs::{Content, resolve};
use crate::world::{Account, FsError, Host, Who};
use commands::Io;
use parse::{Joint, Pipeline, Redirect, Simple};

/// One login's shell: where it is and what it knows.
pub struct Shell {
    host: Arc<Host>,
    account: Account,
    cwd: Vec<u8>,
    variables: BTreeMap<Vec<u8>, Vec<u8>>,
    status: i32,
    ended: bool,
}

/// What became of a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it ran.
    Done(Ran),
    /// It needs a program that is on the host but can't be acted here: ask elsewhere, then [`Shell::resume`].
    NotMine {
        /// What ran before it.
        before: Ran,
        /// The pipeline to answer, as a command line.
        question: Vec<u8>,
        /// What is still to do.
        rest: Rest,
    },
}

/// Output and exit status; lines end with `\n`, the terminal adds its `\r`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// What was printed, standard output and standard error in order.
    pub output: Vec<u8>,
    /// `$?`
    pub status: i32,
    /// The shell has ended (`exit`).
    pub ended: bool,
}

/// The part of a line that waits for an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Rest {
    redirects: Vec<Redirect>,
    todo: VecDeque<(Joint, Pipeline)>,
}

/// Bytes of all variables of a shell together.
const VARIABLES_HELD: usize = 512 << 10;
/// The most that one line may print, in bytes.
const OUTPUT_LIMIT: usize = 1 << 20;

impl Shell {
    /// The shell of a login, in its home folder.
    pub fn new(host: Arc<Host>, account: &Account) -> Self {
        let text = |value: &str| value.as_bytes().to_vec();
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let variables = [
            ("HOME", account.home.as_str()),
            ("USER", &account.name),
            ("LOGNAME", &account.name),
            ("SHELL", "/bin/bash"),
            ("PATH", path),
        ];
        Self {
            cwd: text(&account.home),
            variables: variables.into_iter().map(|(name, value)| (text(name), text(value))).collect(),
            host,
            account: account.clone(),
            status: 0,
            ended: false,
        }
    }

    /// `user@host:folder# ` as Ubuntu's root and users have it.
    pub fn prompt(&self) -> Vec<u8> {
        let home = self.account.home.as_bytes();
        let folder = match self.cwd.strip_prefix(home) {
            Some(rest) if rest.is_empty() || rest.starts_with(b"/") => [b"~", rest].concat(),
            _ => self.cwd.clone(),
        };
        let mark: &[u8] = if self.account.uid == 0 { b"# " } else { b"$ " };
        let name = self.account.name.as_bytes();
        [name, b"@", self.host.persona().hostname.as_bytes(), b":", &folder, mark].concat()
    }

    /// Runs a line.
    pub fn run(&mut self, line: &[u8]) -> Outcome {
        match parse::line(line) {
            Ok(todo) => self.go(todo.into(), Ran::default()),
            Err(near) => {
                self.status = 2;
                let output = [b"-bash: syntax error near unexpected token `", near.as_slice(), b"'\n"].concat();
                Outcome::Done(Ran { output, status: 2, ended: false })
            }
        }
    }

    /// Goes on with a line whose program was answered elsewhere.
    pub fn resume(&mut self, rest: Rest, answer: Vec<u8>, status: i32) -> Outcome {
        let mut ran = Ran { output: Vec::new(), status, ended: false };
        self.status = status;
        self.deliver(&rest.redirects, answer, Vec::new(), &mut ran.output);
        self.go(rest.todo, ran)
    }

    fn go(&mut self, mut todo: VecDeque<(Joint, Pipeline)>, mut ran: Ran) -> Outcome {
        while let Some((joint, pipeline)) = todo.pop_front() {
            let wanted = match joint {
                Joint::Always => true,
                Joint::And => self.status == 0,
                Joint::Or => self.status != 0,
            };
            if !wanted {
                continue;
            }
            if self.pipeline(&pipeline, &mut ran.output).is_none() {
                let redirects = pipeline.commands.last().map(|last| last.redirects.clone()).unwrap_or_default();
                return Outcome::NotMine { before: ran, question: pipeline.text, rest: Rest { redirects, todo } };
            }
            ran.status = self.status;
            ran.ended = self.ended;
            if self.ended || ran.output.len() > OUTPUT_LIMIT {
                break;
            }
        }
        ran.output.truncate(OUTPUT_LIMIT);
        ran.status = self.status;
        Outcome::Done(ran)
    }

    /// Runs a pipeline; `None` when one of its programs is not ours. In that case nothing of it has run.
    fn pipeline(&mut self, pipeline: &Pipeline, output: &mut Vec<u8>) -> Option<()> {
        let mut room = parse::VARIABLES;
        let expanded: Vec<(Vec<Vec<u8>>, &Simple)> =
            pipeline.commands.iter().map(|command| (command.expand(self, &mut room), command)).collect();
        let mine = |(words, _): &(Vec<Vec<u8>>, &Simple)| {
            words.first().is_none_or(|name| !matches!(self.find(name), Found::NotMine))
        };
        if !expanded.iter().all(mine) {
            return None;
        }
        let mut input = Vec::new();
        let last = expanded.len().saturating_sub(1);
        for (at, (words, command)) in expanded.iter().enumerate() {
            let mut io = Io { input: std::mem::take(&mut input), out: Vec::new(), err: Vec::new() };
            for redirect in command.redirects.iter().filter(|redirect| redirect.fd == 0) {
                match self.host.open(self.who(), &self.path(&redirect.target)) {
                    Ok(content) => io.input = content.read_at(0, OUTPUT_LIMIT),
                    Err(error) => io.err = self.complaint(&redirect.target, error.text()),
                }
            }
            self.status = if io.err.is_empty() { self.simple(words, command, &mut io) } else { 1 };
            let mut shown = Vec::new();
            self.deliver(&command.redirects, io.out, io.err, &mut shown);
            if at == last { output.extend(shown) } else { input = shown }
        }
        Some(())
    }

    fn simple(&mut self, words: &[Vec<u8>], command: &Simple, io: &mut Io) -> i32 {
        let Some((name, args)) = words.split_first() else {
            for (name, value) in command.assignments(self) {
                // One over the bound is not kept, as if memory had run out.
                let held: usize = self.variables.iter().map(|(name, value)| name.len() + value.len()).sum();
                if held + name.len() + value.len() <= VARIABLES_HELD {
                    self.variables.insert(name, value);
                }
            }
            return 0;
        };
        match self.find(name) {
            Found::Command(run) => run(self, args, io),
            Found::NotMine => 0,
            Found::Failed(status, text) => {
                io.err.extend(self.complaint(name, text));
                status
            }
        }
    }

    /// What a command name stands for, as bash looks it up: builtins, then `PATH`, or the path itself.
    fn find(&self, name: &[u8]) -> Found {
        if !name.contains(&b'/') {
            if let Some(run) = commands::builtin(name) {
                return Found::Command(run);
            }
            let path = self.variable(b"PATH");
            let at = path.split(|&b| b == b':').map(|folder| resolve(folder, name));
            let on_path =
                at.into_iter().find(|path| self.host.stat(self.who(), path, true).is_ok_and(|meta| !meta.folder));
            return on_path.map_or(Found::Failed(127, "command not found"), |_| named(name));
        }
        let path = self.path(name);
        match self.host.stat(self.who(), &path, true) {
            Err(error) => Found::Failed(if error == FsError::NotFound { 127 } else { 126 }, error.text()),
            Ok(meta) if meta.folder => Found::Failed(126, FsError::IsFolder.text()),
            Ok(meta) if meta.mode & 0o111 == 0 => Found::Failed(126, FsError::Denied.text()),
            Ok(_) if self.host.is_original(&path) => named(crate::world::fs::name(&path)),
            Ok(_) => Found::Failed(126, "cannot execute binary file: Exec format error"),
        }
    }

    /// Hands what a command printed to where its redirections say; what is left is shown.
    fn deliver(&self, redirects: &[Redirect], out: Vec<u8>, err: Vec<u8>, shown: &mut Vec<u8>) {
        let mut streams = [Some(out), Some(err)];
        for redirect in redirects.iter().filter(|redirect| redirect.fd > 0) {
            let both = redirect.fd == 3;
            let mut bytes = Vec::new();
            for (fd, stream) in streams.iter_mut().enumerate() {
                if (both || redirect.fd == fd + 1) && !redirect.join {
                    bytes.extend(stream.take().unwrap_or_default());
                }
            }
            if redirect.join {
                continue;
            }
            if let Err(error) = self.store(&redirect.target, bytes, redirect.append) {
                shown.extend(self.complaint(&redirect.target, error.text()));
            }
        }
        // `2>&1` sends errors to where standard output goes: if that was a file, they are not shown.
        let joined = redirects.iter().any(|redirect| redirect.join);
        let [out, err] = streams;
        if !(joined && out.is_none()) {
            shown.extend(err.unwrap_or_default());
        }
        shown.extend(out.unwrap_or_default());
    }

    fn store(&self, target: &[u8], bytes: Vec<u8>, append: bool) -> Result<(), FsError> {
        if target == b"/dev/null" {
            return Ok(());
        }
        let path = self.path(target);
        let whole = if append {
            // An append copies the file, so only files of some size are appended to.
            let old = self.host.open(self.who(), &path);
            if old.as_ref().is_ok_and(|old| old.len() > OUTPUT_LIMIT as u64) {
                return Err(FsError::NoSpace);
            }
            let before = old.map(|old| old.read_at(0, OUTPUT_LIMIT)).unwrap_or_default();
            [before, bytes].concat()
        } else {
            bytes
        };
        self.host.write(self.who(), &path, Content::of(whole), 0o644)
    }

    fn complaint(&self, about: &[u8], text: &str) -> Vec<u8> {
        [b"-bash: ", about, b": ", text.as_bytes(), b"\n"].concat()
    }

    fn who(&self) -> Who {
        Who { uid: self.account.uid }
    }

    fn path(&self, path: &[u8]) -> Vec<u8> {
        resolve(&self.cwd, path)
    }

    fn variable(&self, name: &[u8]) -> Vec<u8> {
        match name {
            b"?" => self.status.to_string().into_bytes(),
            b"PWD" => self.cwd.clone(),
            name => self.variables.get(name).cloned().unwrap_or_default(),
        }
    }
}

enum Found {
    Command(commands::Run),
    /// On the host, but not in our table.
    NotMine,
    /// Exit status and text.
    Failed(i32, &'static str),
}

fn named(name: &[u8]) -> Found {
    commands::find(name).map_or(Found::NotMine, Found::Command)
}

#[cfg(test)]
mod tests;
