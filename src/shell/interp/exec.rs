//! Lists, pipelines, and what runs beside the shell: subshells, substitutions, background commands.

use std::sync::Arc;

use brush_parser::ast::{self, AndOr, Command, CompoundList, Pipeline, SeparatorOperator};

use super::{Exec, Flow, Interp};
use crate::shell::grammar::{self, Parsed};
use crate::shell::io::{Fail, Open};
use crate::shell::kernel::{Boxed, Status, Stop};
use crate::shell::text;

/// Bytes that one command substitution may give.
const SUBSTITUTED: usize = 4 * 1024 * 1024;

impl Interp {
    /// Runs all commands of a text that was parsed.
    pub(super) async fn program(&mut self, program: &ast::Program) -> Exec<Status> {
        for list in &program.complete_commands {
            self.list(list).await?;
        }
        Ok(self.status)
    }

    /// Runs a list; boxed, because everything in it may be nested.
    pub(super) fn list<'a>(&'a mut self, list: &'a CompoundList) -> Boxed<'a, Exec<Status>> {
        Box::pin(async move {
            self.enter()?;
            for item in &list.0 {
                self.kernel().checkpoint().await?;
                self.pending_traps().await?;
                match item.1 {
                    SeparatorOperator::Sequence => {
                        self.and_or(&item.0).await?;
                    }
                    SeparatorOperator::Async => self.background(&item.0).await?,
                }
            }
            self.exit_depth();
            Ok(self.status)
        })
    }

    async fn and_or(&mut self, list: &ast::AndOrList) -> Exec<Status> {
        let last = list.additional.len();
        self.unchecked += u32::from(last > 0);
        let mut status = self.pipeline(&list.first).await;
        for (at, next) in list.additional.iter().enumerate() {
            if status.is_err() {
                break;
            }
            let (wanted, pipeline) = match next {
                AndOr::And(pipeline) => (self.status == 0, pipeline),
                AndOr::Or(pipeline) => (self.status != 0, pipeline),
            };
            if at + 1 == last {
                self.unchecked -= 1;
            }
            if wanted {
                status = self.pipeline(pipeline).await;
            } else if at + 1 == last {
                return Ok(self.status);
            }
            if at + 1 == last {
                return status;
            }
        }
        self.unchecked -= u32::from(last > 0);
        status
    }

    async fn pipeline(&mut self, pipeline: &Pipeline) -> Exec<Status> {
        let began = self.kernel().now();
        let checked = self.unchecked == 0 && !pipeline.bang;
        self.unchecked += u32::from(pipeline.bang);
        let result = match pipeline.seq.as_slice() {
            [] => Ok(0),
            [command] => self.command(command).await,
            commands => self.pipe(commands).await,
        };
        self.unchecked -= u32::from(pipeline.bang);
        let mut status = result?;
        if pipeline.seq.len() == 1 {
            self.pipe_status = vec![status];
        }
        if pipeline.bang {
            status = i32::from(status == 0);
        }
        self.status = status;
        if let Some(timed) = &pipeline.timed {
            let took = (self.kernel().now() - began).as_secs_f64();
            self.print_error(&times(took, timed.is_posix_output())).await?;
        }
        if checked && status != 0 && self.options.errexit && !is_compound_test(pipeline) {
            return Err(Flow::Exit(status));
        }
        Ok(status)
    }

    pub(super) fn command<'a>(&'a mut self, command: &'a Command) -> Boxed<'a, Exec<Status>> {
        Box::pin(async move {
            match command {
                Command::Simple(simple) => self.simple(simple).await,
                Command::Compound(compound, redirects) => {
                    let items = redirects.as_ref().map_or(&[][..], |list| list.0.as_slice());
                    let Some(before) = self.begin_redirects(items).await? else { return Ok(1) };
                    let result = self.compound(compound).await;
                    self.fds = before;
                    result
                }
                Command::Function(function) => {
                    let name = function.fname.value.clone();
                    self.functions.insert(name, Arc::new(function.clone()));
                    self.status = 0;
                    Ok(0)
                }
                Command::ExtendedTest(test, redirects) => {
                    let items = redirects.as_ref().map_or(&[][..], |list| list.0.as_slice());
                    let Some(before) = self.begin_redirects(items).await? else { return Ok(1) };
                    let result = self.extended_test(&test.expr).await;
                    self.fds = before;
                    result
                }
            }
        })
    }

    /// A pipeline of several commands: each in a process of its own, all at once.
    async fn pipe(&mut self, commands: &[Command]) -> Exec<Status> {
        let mut pids = Vec::new();
        let mut group = 0;
        let mut input: Option<Arc<Open>> = None;
        for (at, command) in commands.iter().enumerate() {
            let mut stage = self.fork();
            if let Some(input) = input.take() {
                stage.fds.insert(0, input);
            }
            if at + 1 < commands.len() {
                let (read, write) = Open::pipe(self.kernel());
                stage.fds.insert(1, Arc::clone(&write));
                if redirects_errors(command) {
                    stage.fds.insert(2, write);
                }
                input = Some(read);
            }
            let command = command.clone();
            let body = move |mut shell: Self| -> Boxed<'static, Exec<Status>> {
                Box::pin(async move { shell.in_place(&command).await })
            };
            let Some(pid) = self.start(stage, group, body) else {
                self.fork_failed().await?;
                return Err(Flow::Abort(254));
            };
            group = if group == 0 { pid } else { group };
            pids.push(pid);
        }
        drop(input);
        let statuses = self.wait_for(&pids, group, commands).await?;
        let failed = statuses.iter().rev().find(|status| **status != 0).copied();
        let last = statuses.last().copied().unwrap_or_default();
        self.pipe_status = statuses;
        self.status = if self.options.pipefail { failed.unwrap_or(0) } else { last };
        Ok(self.status)
    }

    /// Starts a copy of this shell as a process that runs `body`.
    pub(super) fn start(
        &self,
        mut shell: Self,
        group: u32,
        body: impl FnOnce(Self) -> Boxed<'static, Exec<Status>> + Send + 'static,
    ) -> Option<u32> {
        if self.kernel().is_full() || shell.spec.depth > 200 {
            return None;
        }
        let exe: &[u8] = if self.dialect == super::Dialect::Bash { b"/usr/bin/bash" } else { b"/usr/bin/dash" };
        let pid = crate::shell::program::begin(&mut shell.spec, exe).ok()?;
        // Without job control, and in subshells, everything stays in the shell's own group.
        let own = self.options.monitor && self.subshell == 0;
        let group = match group {
            0 if own => pid,
            0 => self.spec.group,
            group => group,
        };
        shell.spec.group = group;
        let kernel = Arc::clone(self.kernel());
        let inner = Arc::clone(&kernel);
        let future = Box::pin(async move {
            let status = ended(body(shell).await);
            inner.host.end_process(pid);
            status
        });
        kernel.start(pid, group, future).then_some(pid)
    }

    pub(super) async fn fork_failed(&mut self) -> Exec<()> {
        let message = match self.dialect {
            super::Dialect::Bash => "fork: retry: Resource temporarily unavailable",
            super::Dialect::Dash => "Cannot fork",
            super::Dialect::Ash => "can't fork: Resource temporarily unavailable",
        };
        self.complain(message).await?;
        if self.dialect == super::Dialect::Bash {
            self.kernel().sleep(std::time::Duration::from_secs(1)).await?;
            self.complain("fork: Resource temporarily unavailable").await?;
        }
        Ok(())
    }

    /// `( … )`
    pub(super) async fn subshell(&mut self, list: &CompoundList) -> Exec<Status> {
        let list = list.clone();
        let stage = self.fork();
        let body = move |mut shell: Self| -> Boxed<'static, Exec<Status>> {
            Box::pin(async move {
                let result = shell.list(&list).await;
                shell.run_exit_trap(result).await
            })
        };
        let Some(pid) = self.start(stage, 0, body) else {
            self.fork_failed().await?;
            return Err(Flow::Abort(254));
        };
        let statuses = self.wait_for(&[pid], pid, &[]).await?;
        self.status = statuses.last().copied().unwrap_or_default();
        Ok(self.status)
    }

    /// `$( … )`: what it prints, without the newlines at the end.
    pub(super) async fn substitute(&mut self, command: &str) -> Exec<String> {
        let aliases = if self.options.expand_aliases { self.aliases.clone() } else { Default::default() };
        let program = match grammar::parse(command, &aliases) {
            Parsed::Program(program) => program,
            other => {
                self.syntax_error(command, &other).await?;
                self.substituted = Some(2);
                return Ok(String::new());
            }
        };
        // `$(< file)` reads the file.
        let mut stage = self.fork();
        let (read, write) = Open::pipe(self.kernel());
        stage.fds.insert(1, write);
        let kernel = Arc::clone(self.kernel());
        let body = move |mut shell: Self| -> Boxed<'static, Exec<Status>> {
            Box::pin(async move {
                let result = match shell.reads_only(&program).await {
                    Some(result) => result,
                    None => shell.program_in_place(&program).await,
                };
                shell.run_exit_trap(result).await
            })
        };
        let Some(pid) = self.start(stage, self.spec.group, body) else {
            self.fork_failed().await?;
            return Err(Flow::Abort(254));
        };
        let mut output = Vec::new();
        loop {
            match read.read(&kernel, 65_536).await {
                Ok(piece) if !piece.is_empty() && output.len() < SUBSTITUTED => output.extend(piece),
                Err(Fail::Stop(stop)) => return Err(stop.into()),
                _ => break,
            }
        }
        drop(read);
        let status = kernel.wait(|| kernel.reap(pid)).await?;
        self.substituted = Some(status);
        if output.contains(&0) {
            output.retain(|&byte| byte != 0);
            if self.dialect == super::Dialect::Bash {
                self.complain("warning: command substitution: ignored null byte in input").await?;
            }
        }
        while output.last() == Some(&b'\n') {
            output.pop();
        }
        Ok(text::decode(&output))
    }

    /// `$(< file)`: no command at all, only a redirection of the input.
    async fn reads_only(&mut self, program: &ast::Program) -> Option<Exec<Status>> {
        let [list] = program.complete_commands.as_slice() else { return None };
        let [item] = list.0.as_slice() else { return None };
        let [Command::Simple(simple)] = item.0.first.seq.as_slice() else { return None };
        if simple.word_or_name.is_some() || !item.0.additional.is_empty() {
            return None;
        }
        let items = &simple.prefix.as_ref()?.0;
        let [ast::CommandPrefixOrSuffixItem::IoRedirect(redirect)] = items.as_slice() else { return None };
        let ast::IoRedirect::File(None, ast::IoFileRedirectKind::Read, _) = redirect else { return None };
        let redirect = redirect.clone();
        Some(self.print_file(&redirect).await)
    }

    async fn print_file(&mut self, redirect: &ast::IoRedirect) -> Exec<Status> {
        if self.begin_redirects(std::slice::from_ref(redirect)).await?.is_none() {
            return Ok(1);
        }
        let Some(open) = self.fds.get(&0).cloned() else { return Ok(1) };
        loop {
            match open.read(self.kernel(), 65_536).await {
                Ok(piece) if !piece.is_empty() => {
                    let _ = self.print_to(1, &piece).await?;
                }
                Err(Fail::Stop(stop)) => return Err(stop.into()),
                _ => return Ok(0),
            }
        }
    }

    /// The last process of a chain: a single command of it needs no process of its own.
    pub(super) async fn program_in_place(&mut self, program: &ast::Program) -> Exec<Status> {
        if let [list] = program.complete_commands.as_slice()
            && let [item] = list.0.as_slice()
            && item.0.additional.is_empty()
            && matches!(item.1, SeparatorOperator::Sequence)
            && !item.0.first.bang
            && item.0.first.timed.is_none()
            && let [command] = item.0.first.seq.as_slice()
        {
            return self.in_place(command).await;
        }
        self.program(program).await
    }

    /// Runs a command in a process that ends with it.
    async fn in_place(&mut self, command: &Command) -> Exec<Status> {
        let result = match command {
            Command::Simple(simple) => self.simple_in_place(simple).await,
            other => self.command(other).await,
        };
        self.run_exit_trap(result).await
    }

    /// `… &`
    async fn background(&mut self, list: &ast::AndOrList) -> Exec<()> {
        let mut stage = self.fork();
        if !self.options.monitor {
            // Without job control its input is empty.
            stage.fds.insert(0, Open::filled(self.kernel(), b""));
        }
        let text = super::print::and_or(list);
        let list = list.clone();
        let body = move |mut shell: Self| -> Boxed<'static, Exec<Status>> {
            Box::pin(async move {
                let result = match (list.additional.as_slice(), list.first.seq.as_slice()) {
                    ([], [command]) if !list.first.bang => shell.in_place(command).await,
                    _ => shell.and_or(&list).await,
                };
                shell.run_exit_trap(result).await
            })
        };
        let Some(pid) = self.start(stage, 0, body) else {
            return self.fork_failed().await;
        };
        self.last_background = Some(pid);
        let number = self.jobs.add(pid, text);
        if self.interactive && self.subshell == 0 {
            self.print_error(&format!("[{number}] {pid}\n")).await?;
        }
        self.status = 0;
        Ok(())
    }

    /// Waits in the foreground until all of them have ended, or been stopped.
    pub(super) async fn wait_for(&mut self, pids: &[u32], group: u32, commands: &[Command]) -> Exec<Vec<Status>> {
        let kernel = Arc::clone(self.kernel());
        let controls = self.options.monitor && self.subshell == 0;
        if controls {
            kernel.set_foreground(Some(group));
        }
        let mut statuses: Vec<Option<Status>> = vec![None; pids.len()];
        let stopped = kernel
            .wait(|| {
                for (pid, status) in pids.iter().zip(statuses.iter_mut()) {
                    if status.is_none() {
                        *status = kernel.reap(*pid);
                    }
                }
                if statuses.iter().all(Option::is_some) {
                    return Some(false);
                }
                (controls && pids.iter().any(|pid| kernel.newly_stopped(*pid))).then_some(true)
            })
            .await;
        if controls {
            kernel.set_foreground(None);
        }
        let stopped = stopped?;
        if stopped {
            let text = commands.iter().map(super::print::command).collect::<Vec<_>>().join(" | ");
            let last = pids.last().copied().unwrap_or_default();
            let number = self.jobs.add_stopped(last, pids.to_vec(), text.clone());
            self.print_error(&format!("\n[{number}]+  Stopped                 {text}\n")).await?;
            return Ok(vec![148]);
        }
        let statuses: Vec<Status> = statuses.into_iter().map(Option::unwrap_or_default).collect();
        if let Some(&status) = statuses.last() {
            self.report_signal(status, commands).await?;
        }
        Ok(statuses)
    }

    /// What a shell says about a child that a signal ended.
    async fn report_signal(&mut self, status: Status, commands: &[Command]) -> Exec<()> {
        let Some(text) = crate::shell::signals::report(status - 128) else { return Ok(()) };
        if status == 130 {
            if self.interactive {
                // ^C ends the whole line, not only the program that ran.
                self.print_error("\n").await?;
                return Err(Flow::Abort(130));
            }
            return Ok(());
        }
        if self.interactive {
            self.print_error(&format!("{text}\n")).await?;
        } else if self.dialect == super::Dialect::Bash {
            let pid = self.last_child_pid();
            let command = commands.iter().map(super::print::command).collect::<Vec<_>>().join(" | ");
            let message = format!("{pid} {text:<24}{command}");
            self.complain(&message).await?;
        } else {
            self.print_error(&format!("{text}\n")).await?;
        }
        Ok(())
    }

    fn last_child_pid(&self) -> u32 {
        self.kernel().host.next_pid().saturating_sub(1)
    }
}

/// The status of a shell that has ended.
pub(super) fn ended(result: Exec<Status>) -> Status {
    match result {
        Ok(status) | Err(Flow::Return(status) | Flow::Exit(status) | Flow::Abort(status)) => status,
        Err(Flow::Break(_) | Flow::Continue(_)) => 0,
        Err(Flow::Memory) => 2,
        Err(Flow::Stop(Stop::Signal(signal))) => 128 + signal,
        Err(Flow::Stop(Stop::Interrupt)) => 130,
    }
}

/// `|&`: the library turns it into a redirection `2>&1` of its own.
fn redirects_errors(_command: &Command) -> bool {
    false
}

/// `set -e` looks into these itself.
fn is_compound_test(pipeline: &Pipeline) -> bool {
    matches!(
        pipeline.seq.as_slice(),
        [Command::Compound(
            ast::CompoundCommand::IfClause(_)
                | ast::CompoundCommand::WhileClause(_)
                | ast::CompoundCommand::UntilClause(_)
                | ast::CompoundCommand::ForClause(_)
                | ast::CompoundCommand::CaseClause(_)
                | ast::CompoundCommand::BraceGroup(_),
            _
        )]
    )
}

/// What `time` prints.
fn times(took: f64, posix: bool) -> String {
    if posix {
        return format!("real {took:.2}\nuser 0.00\nsys 0.00\n");
    }
    let minutes = (took / 60.0).floor();
    format!("\nreal\t{minutes}m{:.3}s\nuser\t0m0.000s\nsys\t0m0.000s\n", took - minutes * 60.0)
}
