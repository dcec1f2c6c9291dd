//! What builtins ask of the interpreter.

use std::sync::Arc;

use brush_parser::ast;

use super::{Exec, Interp, Job};
use crate::shell::kernel::Status;
use crate::shell::program::{self, Refusal};
use crate::shell::text;
use crate::shell::vars::Key;
use crate::world::{Errno, resolve};

impl Interp {
    /// Whether a sourced file runs.
    pub(in crate::shell) fn is_sourced(&self) -> bool {
        self.sourced > 0
    }

    pub(in crate::shell) fn source_begins(&mut self) {
        self.sourced += 1;
    }

    pub(in crate::shell) fn source_ends(&mut self) {
        self.sourced = self.sourced.saturating_sub(1);
    }

    /// `BUILTIN --help` in bash; some, as `echo`, take it for an argument.
    pub(super) async fn recorded_help(&mut self, name: &str, args: &[String]) -> Exec<Option<Status>> {
        let asked = matches!(args, [only] if only == "--help");
        let literal = matches!(name, "echo" | "test" | "[" | ":" | "true" | "false");
        if !asked || self.dialect != super::Dialect::Bash || literal {
            return Ok(None);
        }
        let found = crate::shell::commands::help::find(&self.kernel().host, &format!("builtin {name} --help"));
        let Some(found) = found else { return Ok(None) };
        let _ = self.print_to(1, found.bytes.as_bytes()).await?;
        Ok(Some(found.status))
    }

    /// A subscript from its text.
    pub(in crate::shell) async fn key_of(&mut self, name: &str, index: &str) -> Exec<Key> {
        self.key(name, index).await
    }

    /// Goes to a folder that exists.
    pub(in crate::shell) fn change_folder(&mut self, place: Vec<u8>) {
        let old = std::mem::replace(&mut self.cwd, place);
        self.spec.cwd.clone_from(&self.cwd);
        let _ = self.vars.set("OLDPWD", &text::decode(&old));
        let _ = self.vars.set("PWD", &text::decode(&self.cwd));
        let cwd = self.cwd.clone();
        self.kernel().host.change_process(self.spec.who.pid, |process| process.cwd = cwd);
    }

    /// Expansions of a prompt.
    pub(in crate::shell) async fn prompt_expand(&mut self, source: &str) -> Exec<String> {
        let status = self.status;
        let expanded = self.here_document(source).await;
        self.status = status;
        expanded
    }

    /// The last text of a shell that was started with `-c`: its last command takes the shell's place.
    pub(super) async fn last_program(&mut self, program: &ast::Program) -> Exec<Status> {
        let alone = program.complete_commands.len() == 1
            && program.complete_commands.iter().all(|list| list.0.len() == 1)
            && !self.traps.contains_key("EXIT");
        if alone { self.program_in_place(program).await } else { self.program(program).await }
    }

    /// `exec`: the status of the program that took the shell's place; `None` when it could not be run.
    pub(in crate::shell) async fn exec_program(&mut self, name: &str, words: Vec<String>) -> Exec<Option<Status>> {
        let path = self.vars.scalar("PATH").map(str::to_string);
        let found = program::find(self.kernel(), self.who(), &self.cwd, path.as_deref(), name);
        let refusal: Refusal = match found {
            Ok(place) => match program::load(self.kernel(), self.who(), &place) {
                Ok(_) => return self.become_program(name, words).await.map(Some),
                Err(refusal) => refusal,
            },
            Err(refusal) => refusal,
        };
        let text = match (self.dialect, refusal.errno) {
            (super::Dialect::Bash, Errno::ENOENT) if refusal.searched => "not found".to_string(),
            (super::Dialect::Bash, Errno::EISDIR) => "cannot execute: Is a directory".to_string(),
            (super::Dialect::Bash, Errno::EACCES) => "cannot execute: Permission denied".to_string(),
            (super::Dialect::Bash, _) => refusal.text.clone(),
            (_, Errno::ENOENT) => "not found".to_string(),
            _ => refusal.text.clone(),
        };
        self.complain(&format!("exec: {name}: {text}")).await?;
        self.status = refusal.status;
        Ok(None)
    }

    /// A program by its words, whatever functions are called like it.
    pub(in crate::shell) async fn run_program(&mut self, words: Vec<String>) -> Exec<Status> {
        self.external_words(words).await
    }

    /// A stopped or background job goes on in the foreground.
    pub(in crate::shell) async fn wait_in_foreground(&mut self, job: &Job) -> Exec<Status> {
        let command = super::print::plain(&job.text);
        let statuses = self.wait_for(&job.pids, job.pid, std::slice::from_ref(&command)).await?;
        Ok(statuses.last().copied().unwrap_or_default())
    }

    /// A signal to one of this session's processes.
    pub(in crate::shell) fn deliver(&self, pid: u32, signal: i32) {
        self.kernel().signal(pid, signal);
    }

    /// kill(2): to the session's own processes, or to others of the host.
    pub(in crate::shell) fn send_signal(&self, pid: u32, signal: i32) -> Result<(), Errno> {
        self.kernel().host.signal(self.who(), pid, signal)?;
        let own = [self.spec.who.pid, self.shell_pid];
        if !own.contains(&pid) {
            self.kernel().signal(pid, signal);
        }
        Ok(())
    }

    /// A shell that has signalled itself.
    pub(in crate::shell) async fn after_signals(&mut self) -> Exec<()> {
        self.pending_traps().await
    }

    /// Notes that the user has been shown lines of the history file.
    pub(in crate::shell) fn history_shown(&self) {
        if let Some(home) = self.home_of(None) {
            let path = resolve(b"/", format!("{home}/.bash_history").as_bytes());
            self.kernel().host.was_shown(self.who(), &path);
        }
    }

    /// Writes the history file, as at the end of a session or by `history -w`.
    pub(in crate::shell) fn write_history(&mut self) {
        let Some(home) = self.home_of(None) else { return };
        let path = format!("{home}/.bash_history");
        let lines: String = self.history.all().map(|(_, line)| format!("{line}\n")).collect();
        let host = Arc::clone(&self.kernel().host);
        let _ = host.write_file(self.who(), &resolve(b"/", path.as_bytes()), &text::encode(&lines), 0o600);
    }
}
