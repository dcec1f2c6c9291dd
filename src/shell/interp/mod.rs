//! The shell itself: bash, dash and ash as dialects of one interpreter.

mod brace;
mod compound;
mod doors;
mod exec;
mod expand;
mod glob;
mod jobs;
mod param;
mod print;
mod redirect;
mod repl;
mod simple;
mod test;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use brush_parser::ast;

use super::history::History;
use super::io::{Fail, Fds};
use super::kernel::{Boxed, Kernel, Status, Stop};
use super::program::Spec;
use super::text;
use super::vars::{Refused, Vars};
use crate::base::rng::Rng;
use crate::world::Who;
pub(super) use jobs::{Job, Jobs, State};
pub(super) use print::function as function_text;
pub(super) use repl::{login, run_shell, run_text};

/// Whose wording and rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// GNU bash 5.
    Bash,
    /// dash 0.5, Debian's `/bin/sh`.
    Dash,
    /// busybox ash.
    Ash,
}

impl Dialect {
    fn has_braces(self) -> bool {
        self == Self::Bash
    }
}

/// What interrupts the ordinary flow.
#[derive(Debug)]
pub(super) enum Flow {
    Break(u32),
    Continue(u32),
    Return(Status),
    /// The shell ends.
    Exit(Status),
    /// An error ends what was read at once: the line of an interactive shell, the whole of a script.
    Abort(Status),
    /// No more memory.
    Memory,
    Stop(Stop),
}

impl From<Stop> for Flow {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

pub(super) type Exec<T> = Result<T, Flow>;

/// `set -o` and `shopt` as far as they do something.
#[derive(Clone, Default)]
pub(super) struct Options {
    pub errexit: bool,
    pub nounset: bool,
    pub xtrace: bool,
    pub verbose: bool,
    pub noglob: bool,
    pub noclobber: bool,
    pub noexec: bool,
    pub pipefail: bool,
    pub allexport: bool,
    pub monitor: bool,
    pub braces_off: bool,
    pub nullglob: bool,
    pub failglob: bool,
    pub dotglob: bool,
    pub nocaseglob: bool,
    pub globstar: bool,
    pub extglob: bool,
    pub nocasematch: bool,
    pub expand_aliases: bool,
    pub lastpipe: bool,
    /// `globskipdots`, on since bash 5.2.
    pub skips_dots: bool,
    /// Names that were switched but do nothing here.
    pub others: Vec<(String, bool)>,
}

/// A function: its body, and its text for `type` and `declare -f`.
pub(super) type Function = ast::FunctionDefinition;

/// Nested constructs, function calls and substitutions; above, the stack of the real shell would be gone.
const DEPTH: u32 = 220;

/// One shell process.
pub(super) struct Interp {
    pub spec: Spec,
    pub dialect: Dialect,
    pub vars: Vars,
    pub functions: HashMap<String, Arc<Function>>,
    pub aliases: HashMap<String, String>,
    pub options: Options,
    pub positional: Vec<String>,
    /// `$0`
    pub name0: String,
    /// What stands before the messages: `-bash`, `bash`, `./x.sh`.
    pub label: String,
    /// `$$`
    pub shell_pid: u32,
    pub cwd: Vec<u8>,
    pub fds: Fds,
    pub status: Status,
    /// Of each command of the last pipeline.
    pub pipe_status: Vec<Status>,
    pub last_background: Option<u32>,
    pub last_argument: String,
    pub jobs: Jobs,
    pub traps: HashMap<String, String>,
    pub history: History,
    interactive: bool,
    pub login: bool,
    /// A subshell of the shell that was started.
    pub subshell: u32,
    /// Loops around the running command.
    pub loops: u32,
    depth: u32,
    sourced: u32,
    /// The line that runs, for messages of scripts; 0 shows none.
    pub line: usize,
    /// Commands in conditions, where `set -e` does not count.
    pub unchecked: u32,
    pub folders: Vec<String>,
    pub getopts: (usize, usize),
    pub rng: Rng,
    pub began: Instant,
    /// Status of the last command substitution of an assignment.
    pub substituted: Option<Status>,
    /// Hashed commands: where they lie and how often they were run.
    pub hashed: Vec<(String, String, u32)>,
    /// A model was asked for the running line.
    pub command_text: Option<String>,
    /// The host's name when the shell began, as its prompt shows it.
    pub hostname: String,
}

impl Interp {
    /// A shell from the process that it is.
    pub fn new(spec: Spec, dialect: Dialect) -> Self {
        let mut vars = Vars::default();
        for (name, value) in &spec.env {
            if super::grammar::is_name(name) {
                let _ = vars.export(name, Some(value));
            }
        }
        let name0 = spec.argv.first().cloned().unwrap_or_default();
        let kernel = Arc::clone(&spec.kernel);
        let mut shell = Self {
            dialect,
            vars,
            functions: HashMap::new(),
            aliases: HashMap::new(),
            options: Options::default(),
            positional: Vec::new(),
            label: name0.clone(),
            name0,
            shell_pid: spec.who.pid,
            cwd: spec.cwd.clone(),
            fds: spec.fds.clone(),
            status: 0,
            pipe_status: vec![0],
            last_background: None,
            last_argument: String::new(),
            jobs: Jobs::default(),
            traps: HashMap::new(),
            history: History::default(),
            interactive: false,
            login: false,
            subshell: 0,
            loops: 0,
            depth: 0,
            sourced: 0,
            line: 0,
            unchecked: 0,
            folders: Vec::new(),
            getopts: (1, 0),
            rng: Rng::new(u64::from(spec.who.pid) ^ crate::base::rng::fresh_seed(), "random"),
            began: kernel.now(),
            substituted: None,
            hashed: Vec::new(),
            command_text: None,
            hostname: kernel.host.hostname(),
            spec,
        };
        shell.defaults();
        shell
    }

    fn defaults(&mut self) {
        let _ = self.vars.set("IFS", " \t\n");
        let level = self.vars.scalar("SHLVL").and_then(|text| text.trim().parse::<i64>().ok()).unwrap_or(0);
        if self.dialect == Dialect::Bash {
            let _ = self.vars.export("SHLVL", Some(&(level + 1).to_string()));
            let version = self.kernel().host.persona().bash_version.clone();
            let _ = self.vars.set("BASH_VERSION", &format!("{version}(1)-release"));
            let _ = self.vars.set("BASH", "/bin/bash");
            let _ = self.vars.set("OSTYPE", "linux-gnu");
            let machine = self.kernel().host.persona().machine.clone();
            let _ = self.vars.set("MACHTYPE", &format!("{machine}-pc-linux-gnu"));
            let _ = self.vars.set("HOSTTYPE", &machine);
            let hostname = self.kernel().host.hostname();
            let _ = self.vars.set("HOSTNAME", &hostname);
            self.options.extglob = true;
            let mut version =
                self.kernel().host.persona().bash_version.split('.').map(|part| part.parse().unwrap_or(0));
            self.options.skips_dots = (version.next().unwrap_or(5), version.next().unwrap_or(0)) >= (5, 2);
        }
        let _ = self.vars.set("OPTIND", "1");
        let _ = self.vars.set("PS4", "+ ");
        let folder = text::decode(&self.cwd);
        let _ = self.vars.export("PWD", Some(&folder));
        if self.vars.scalar("PATH").is_none() {
            let _ = self.vars.set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        }
    }

    /// A copy as fork(2) makes it, for a subshell.
    pub fn fork(&self) -> Self {
        let mut spec = self.spec.child(self.spec.argv.clone());
        spec.fds = self.fds.clone();
        spec.cwd = self.cwd.clone();
        Self {
            spec,
            dialect: self.dialect,
            vars: self.vars.clone(),
            functions: self.functions.clone(),
            aliases: self.aliases.clone(),
            options: Options { monitor: false, ..self.options.clone() },
            positional: self.positional.clone(),
            name0: self.name0.clone(),
            label: self.label.clone(),
            shell_pid: self.shell_pid,
            cwd: self.cwd.clone(),
            fds: self.fds.clone(),
            status: self.status,
            pipe_status: self.pipe_status.clone(),
            last_background: self.last_background,
            last_argument: self.last_argument.clone(),
            jobs: Jobs::default(),
            traps: HashMap::new(),
            history: self.history.clone(),
            interactive: false,
            login: false,
            subshell: self.subshell + 1,
            loops: self.loops,
            depth: self.depth,
            sourced: self.sourced,
            line: self.line,
            unchecked: self.unchecked,
            folders: self.folders.clone(),
            getopts: self.getopts,
            rng: Rng::new(crate::base::rng::fresh_seed(), "random"),
            began: self.began,
            substituted: None,
            hashed: self.hashed.clone(),
            command_text: None,
            hostname: self.hostname.clone(),
        }
    }

    pub fn kernel(&self) -> &Arc<Kernel> {
        &self.spec.kernel
    }

    pub fn who(&self) -> &Who {
        &self.spec.who
    }

    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// One construct deeper.
    fn enter(&mut self) -> Exec<()> {
        self.depth += 1;
        if self.depth > DEPTH || self.kernel().is_deep() {
            // The real shell's stack is gone: SIGSEGV.
            return Err(Flow::Stop(Stop::Signal(11)));
        }
        Ok(())
    }

    fn exit_depth(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// The letters of `$-`.
    fn flags(&self) -> String {
        let options = &self.options;
        let all = [
            (options.allexport, 'a'),
            (options.errexit, 'e'),
            (options.noglob, 'f'),
            (self.dialect == Dialect::Bash, 'h'),
            (self.interactive, 'i'),
            (options.monitor, 'm'),
            (options.noexec, 'n'),
            (options.nounset, 'u'),
            (options.verbose, 'v'),
            (options.xtrace, 'x'),
            (self.dialect == Dialect::Bash && !options.braces_off, 'B'),
            (options.noclobber, 'C'),
            (self.dialect == Dialect::Bash && self.interactive, 'H'),
            (self.command_text.is_some(), 'c'),
            (!self.interactive && self.command_text.is_none() && self.label == self.name0 && self.sourced == 0, 's'),
        ];
        all.iter().filter(|(on, _)| *on).map(|(_, letter)| letter).filter(|letter| **letter != 's').collect()
    }

    /// Values that are computed when they are asked for.
    fn dynamic(&mut self, name: &str) -> Option<String> {
        if self.dialect != Dialect::Bash {
            return match name {
                "PPID" => self.parent().map(|pid| pid.to_string()),
                _ => None,
            };
        }
        Some(match name {
            "RANDOM" => self.rng.between(0, 32_767).to_string(),
            "SECONDS" => (self.kernel().now() - self.began).as_secs().to_string(),
            "EPOCHSECONDS" => crate::base::clock::unix_seconds().to_string(),
            "BASHPID" => self.spec.who.pid.to_string(),
            "PPID" => self.parent()?.to_string(),
            "UID" | "EUID" => self.who().uid.to_string(),
            "LINENO" => self.line.max(1).to_string(),
            "BASH_SUBSHELL" => self.subshell.to_string(),
            "COLUMNS" if self.interactive => self.kernel().tty(|tty| known(tty.columns, 80))?.to_string(),
            "LINES" if self.interactive => self.kernel().tty(|tty| known(tty.rows, 24))?.to_string(),
            "HISTCMD" => (self.history.len() + 1).to_string(),
            "GROUPS" => self.who().gid.to_string(),
            "PIPESTATUS" => self.pipe_status.first()?.to_string(),
            "BASH_VERSINFO" => self.kernel().host.persona().bash_version.split('.').next()?.to_string(),
            _ => return None,
        })
    }

    fn parent(&self) -> Option<u32> {
        self.kernel().host.process(self.shell_pid).map(|process| process.ppid)
    }

    /// The home folder of a user, or of whoever this is.
    fn home_of(&self, name: Option<&str>) -> Option<String> {
        let host = &self.kernel().host;
        let user = name.map_or_else(|| host.user(self.who().uid), |name| host.user_named(name.as_bytes()));
        user.map(|user| user.home)
    }

    /// `LABEL: TEXT` on standard error, with the line in scripts.
    pub async fn complain(&mut self, message: &str) -> Result<(), Stop> {
        let line = self.prefix() + message + "\n";
        self.print_error(&line).await
    }

    /// What stands before a message.
    pub fn prefix(&self) -> String {
        let line = self.line.max(1);
        match self.dialect {
            Dialect::Bash if self.interactive || self.label.starts_with('-') => format!("{}: ", self.label),
            Dialect::Bash => format!("{}: line {line}: ", self.label),
            Dialect::Dash => format!("{}: {line}: ", self.label),
            Dialect::Ash if self.interactive => format!("{}: ", self.label),
            Dialect::Ash => format!("{}: line {line}: ", self.label),
        }
    }

    pub async fn print_error(&self, message: &str) -> Result<(), Stop> {
        self.print_to(2, &text::encode(message)).await.map(|_| ())
    }

    /// Writes to a descriptor; the error is that of write(2).
    pub async fn print_to(&self, fd: i32, bytes: &[u8]) -> Result<Result<(), crate::world::Errno>, Stop> {
        let Some(open) = self.fds.get(&fd).cloned() else { return Ok(Err(crate::world::Errno::EBADF)) };
        match open.write(self.kernel(), bytes).await {
            Ok(()) => Ok(Ok(())),
            Err(Fail::Errno(errno)) => Ok(Err(errno)),
            Err(Fail::Stop(stop)) => Err(stop),
        }
    }

    /// Sets a variable; a refusal is said and ends the command.
    pub async fn assign(&mut self, name: &str, value: &str) -> Exec<()> {
        let value = self.integer_value(name, value).await?;
        if name == "RANDOM" || name == "SECONDS" && self.dialect == Dialect::Bash {
            if name == "SECONDS" {
                self.began = self.kernel().now();
            }
            return Ok(());
        }
        match self.vars.set(name, &value) {
            Ok(()) => {
                if self.options.allexport {
                    let _ = self.vars.export(name, None);
                }
                Ok(())
            }
            Err(refused) => self.refused(name, refused).await,
        }
    }

    /// What `declare -i` makes of a value.
    async fn integer_value(&mut self, name: &str, value: &str) -> Exec<String> {
        if self.vars.get(name).is_some_and(|var| var.integer) {
            return self.arithmetic_text(value).await.map(|value| value.to_string());
        }
        Ok(value.to_string())
    }

    pub async fn assign_element(&mut self, name: &str, key: &super::vars::Key, value: &str) -> Exec<()> {
        let value = self.integer_value(name, value).await?;
        match self.vars.set_element(name, key, &value) {
            Ok(()) => Ok(()),
            Err(refused) => self.refused(name, refused).await,
        }
    }

    pub async fn refused<T>(&mut self, name: &str, refused: Refused) -> Exec<T> {
        match refused {
            Refused::Readonly => {
                let message = match self.dialect {
                    Dialect::Bash => format!("{name}: readonly variable"),
                    _ => format!("{name}: is read only"),
                };
                self.complain(&message).await?;
                Err(if self.dialect == Dialect::Bash { Flow::Abort(1) } else { Flow::Exit(2) })
            }
            Refused::Full => Err(self.out_of_memory().await),
        }
    }

    /// What happens when there is no more memory: the shell says so and ends.
    pub async fn out_of_memory(&mut self) -> Flow {
        let told = self.complain("xrealloc: cannot allocate 18446744071562067968 bytes").await;
        told.map_or_else(Flow::from, |()| Flow::Memory)
    }

    /// Runs a text in this shell, as `eval` does.
    pub fn run_string<'a>(&'a mut self, command: &'a str) -> Boxed<'a, Exec<Status>> {
        Box::pin(repl::run_lines(self, command, false))
    }
}

/// A value in quotes that give it back: as `declare -p`, `set` and `${x@Q}` print it.
pub(super) fn quoted(value: &str) -> String {
    let strange = |c: char| c.is_control() || text::carried(c).is_some();
    if !value.chars().any(strange) {
        return format!("'{}'", value.replace('\'', "'\\''"));
    }
    let mut out = String::from("$'");
    for c in value.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\x1b' => out.push_str("\\E"),
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            c if strange(c) => {
                for byte in text::encode(&c.to_string()) {
                    out.push_str(&format!("\\{byte:03o}"));
                }
            }
            c => out.push(c),
        }
    }
    out + "'"
}

/// A size of the terminal, or what termcap says where the terminal does not know.
fn known(size: usize, usual: usize) -> usize {
    if size == 0 { usual } else { size }
}
