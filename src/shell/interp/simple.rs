//! Simple commands: assignments, redirections, and finding out whether the name is a function, a builtin, a program.

use std::sync::Arc;

use brush_parser::ast::{
    Assignment, AssignmentName, AssignmentValue, CommandPrefixOrSuffixItem as Item, IoRedirect, SimpleCommand,
};

use super::{Dialect, Exec, Flow, Interp};
use crate::shell::builtins::{self, Builtin};
use crate::shell::kernel::{Boxed, Status, Stop};
use crate::shell::program::{self, Refusal, Spec};
use crate::shell::vars::{Key, Value};
use crate::world::Errno;

/// A command after its expansions.
struct Ready<'a> {
    words: Vec<String>,
    redirects: Vec<IoRedirect>,
    assignments: Vec<&'a Assignment>,
    /// Array assignments among the arguments of `declare` and its kin.
    declared: Vec<&'a Assignment>,
}

impl Interp {
    pub(super) async fn simple(&mut self, command: &SimpleCommand) -> Exec<Status> {
        let ready = self.prepare(command).await?;
        self.perform(ready, false).await
    }

    /// The same in a process that ends with it: a program takes the shell's place.
    pub(super) async fn simple_in_place(&mut self, command: &SimpleCommand) -> Exec<Status> {
        let ready = self.prepare(command).await?;
        self.perform(ready, true).await
    }

    async fn prepare<'a>(&mut self, command: &'a SimpleCommand) -> Exec<Ready<'a>> {
        self.substituted = None;
        self.kernel().spend(2).await?;
        if let Some(line) = line_of(command) {
            self.line = self.line.max(line);
        }
        let mut ready =
            Ready { words: Vec::new(), redirects: Vec::new(), assignments: Vec::new(), declared: Vec::new() };
        let prefix = command.prefix.iter().flat_map(|prefix| &prefix.0);
        for item in prefix {
            match item {
                Item::AssignmentWord(assignment, _) => ready.assignments.push(assignment),
                Item::IoRedirect(redirect) => ready.redirects.push(redirect.clone()),
                Item::Word(word) => ready.words.extend(self.words(&[word.value.as_str()]).await?),
                Item::ProcessSubstitution(..) => {}
            }
        }
        if let Some(name) = &command.word_or_name {
            ready.words.extend(self.words(&[name.value.as_str()]).await?);
        }
        let declares = ready.words.first().is_some_and(|name| {
            matches!(name.as_str(), "declare" | "typeset" | "local" | "export" | "readonly" | "alias" | "eval")
        });
        for item in command.suffix.iter().flat_map(|suffix| &suffix.0) {
            match item {
                Item::Word(word) => ready.words.extend(self.words(&[word.value.as_str()]).await?),
                Item::AssignmentWord(assignment, word) => match &assignment.value {
                    AssignmentValue::Array(_) if declares => {
                        ready.words.push(name_of(assignment));
                        ready.declared.push(assignment);
                    }
                    AssignmentValue::Scalar(value) if declares => {
                        let value = self.single(&value.value).await?;
                        let plus = if assignment.append { "+" } else { "" };
                        ready.words.push(format!("{}{plus}={value}", name_of(assignment)));
                    }
                    _ => ready.words.extend(self.words(&[word.value.as_str()]).await?),
                },
                Item::IoRedirect(redirect) => ready.redirects.push(redirect.clone()),
                Item::ProcessSubstitution(kind, subshell) => {
                    let open = self.process_end(kind, &subshell.list).await?;
                    let fd = self.free_fd(&self.fds);
                    self.fds.insert(fd, open);
                    ready.words.push(format!("/dev/fd/{fd}"));
                }
            }
        }
        Ok(ready)
    }

    async fn perform(&mut self, ready: Ready<'_>, in_place: bool) -> Exec<Status> {
        if self.options.xtrace && !ready.words.is_empty() {
            let words: Vec<String> = ready.words.iter().map(|word| traced(word)).collect();
            self.trace(&words.join(" ")).await?;
        }
        let Some(name) = ready.words.first().cloned() else {
            return self.only_assignments(ready).await;
        };
        // Every path that does not begin at the root is walked from there.
        self.kernel().spend(self.cwd.len() as u64 / 16).await?;
        if let Some(last) = ready.words.last() {
            self.last_argument.clone_from(last);
            self.last_argument.shrink_to(32);
        }
        let function = self.functions.get(&name).cloned();
        let builtin = builtins::find(&name, self.dialect);
        if let Some(builtin) = builtin.filter(|builtin| builtin.special && self.dialect != Dialect::Bash) {
            return self.builtin(builtin, ready).await;
        }
        if let Some(function) = function {
            return self.function(&function, ready).await;
        }
        if let Some(builtin) = builtin {
            return self.builtin(builtin, ready).await;
        }
        if in_place {
            return self.replace(ready).await;
        }
        self.external(ready).await
    }

    pub(super) async fn trace(&mut self, text: &str) -> Exec<()> {
        let mark = self.vars.scalar("PS4").unwrap_or("+ ").to_string();
        let mark = self.here_document(&mark).await?;
        self.print_error(&format!("{mark}{text}\n")).await?;
        Ok(())
    }

    async fn only_assignments(&mut self, ready: Ready<'_>) -> Exec<Status> {
        for assignment in &ready.assignments {
            let traced = self.options.xtrace;
            self.assignment(assignment, false).await?;
            if traced {
                let value = match &assignment.name {
                    AssignmentName::VariableName(name) => self.vars.scalar(name).unwrap_or_default().to_string(),
                    AssignmentName::ArrayElementName(..) => String::new(),
                };
                self.trace(&format!("{}={}", name_of(assignment), traced_value(&value))).await?;
            }
        }
        let status = self.substituted.take().unwrap_or(0);
        let Some(before) = self.begin_redirects(&ready.redirects).await? else { return Ok(1) };
        self.fds = before;
        self.status = status;
        Ok(status)
    }

    /// `NAME=value`, `NAME+=value`, `NAME[i]=value`, `NAME=(…)`.
    pub(super) async fn assignment(&mut self, assignment: &Assignment, local: bool) -> Exec<()> {
        match (&assignment.name, &assignment.value) {
            (AssignmentName::VariableName(name), AssignmentValue::Scalar(word)) => {
                let mut value = self.single(&word.value).await?;
                if assignment.append {
                    let old = self.vars.scalar(name).unwrap_or_default().to_string();
                    if self.vars.get(name).is_some_and(|var| var.integer) {
                        let sum = self.arithmetic_text(&old).await?.wrapping_add(self.arithmetic_text(&value).await?);
                        value = sum.to_string();
                    } else {
                        value = old + &value;
                    }
                }
                if local {
                    self.vars.make_local(name);
                }
                self.assign(name, &value).await
            }
            (AssignmentName::ArrayElementName(name, index), AssignmentValue::Scalar(word)) => {
                let key = self.key(name, index).await?;
                let mut value = self.single(&word.value).await?;
                if assignment.append {
                    use crate::shell::arith::Names;
                    let old = self.value(name, Some(&key)).unwrap_or_default();
                    value = old + &value;
                }
                if matches!(key, Key::Index(at) if at < 0) {
                    self.complain(&format!("{name}[{index}]: bad array subscript")).await?;
                    return Err(Flow::Abort(1));
                }
                self.assign_element(name, &key, &value).await
            }
            (AssignmentName::VariableName(name), AssignmentValue::Array(items)) => {
                self.assign_array(name, items, assignment.append).await
            }
            (AssignmentName::ArrayElementName(name, _), AssignmentValue::Array(_)) => {
                self.complain(&format!("{name}: cannot assign list to array member")).await?;
                Err(Flow::Abort(1))
            }
        }
    }

    async fn assign_array(
        &mut self,
        name: &str,
        items: &[(Option<brush_parser::ast::Word>, brush_parser::ast::Word)],
        append: bool,
    ) -> Exec<()> {
        if self.vars.get(name).is_some_and(|var| var.readonly) {
            return self.refused(name, crate::shell::vars::Refused::Readonly).await;
        }
        let map = matches!(self.vars.get(name).map(|var| &var.value), Some(Value::Map(_)));
        let mut values: Vec<(Key, String)> = Vec::new();
        let mut at = match self.vars.get(name).map(|var| &var.value) {
            Some(Value::Array(all)) if append => all.keys().next_back().map_or(0, |last| last + 1),
            Some(Value::Scalar(_)) if append => 1,
            _ => 0,
        };
        for (index, word) in items {
            match index {
                Some(index) => {
                    let key = self.key(name, &index.value).await?;
                    if let Key::Index(index) = key {
                        at = index;
                    }
                    values.push((key, self.single(&word.value).await?));
                    at = at.saturating_add(1);
                }
                None if map => {
                    for word in self.words(&[word.value.as_str()]).await? {
                        values.push((Key::Name(word), String::new()));
                    }
                }
                None => {
                    for word in self.words(&[word.value.as_str()]).await? {
                        values.push((Key::Index(at), word));
                        at = at.saturating_add(1);
                    }
                }
            }
        }
        let changed = self.vars.change(name, |var| {
            if !append || matches!(var.value, Value::Unset) {
                var.value = if map { Value::Map(Default::default()) } else { Value::Array(Default::default()) };
            }
        });
        if let Err(refused) = changed {
            return self.refused(name, refused).await;
        }
        for (key, value) in values {
            self.kernel().spend(1).await?;
            self.assign_element(name, &key, &value).await?;
        }
        Ok(())
    }

    /// Variables before a command, for as long as it runs.
    async fn with_variables(
        &mut self,
        assignments: &[&Assignment],
    ) -> Exec<Vec<(String, Option<crate::shell::vars::Var>)>> {
        let mut kept = Vec::new();
        for assignment in assignments {
            let name = match &assignment.name {
                AssignmentName::VariableName(name) | AssignmentName::ArrayElementName(name, _) => name.clone(),
            };
            kept.push((name.clone(), self.vars.keep(&name)));
            self.assignment(assignment, false).await?;
            let _ = self.vars.export(&name, None);
        }
        Ok(kept)
    }

    fn without_variables(&mut self, kept: Vec<(String, Option<crate::shell::vars::Var>)>) {
        for (name, var) in kept.into_iter().rev() {
            self.vars.restore(&name, var);
        }
    }

    async fn builtin(&mut self, builtin: &'static Builtin, ready: Ready<'_>) -> Exec<Status> {
        let keeps = builtin.name == "exec";
        let before = self.fds.clone();
        if !self.redirect(&ready.redirects).await? {
            self.fds = before;
            self.status = 1;
            if builtin.special && self.dialect != Dialect::Bash && !self.is_interactive() {
                return Err(Flow::Exit(2));
            }
            return Ok(1);
        }
        let kept = self.with_variables(&ready.assignments).await?;
        for assignment in &ready.declared {
            self.declare_array(builtin.name, &ready.words, assignment).await?;
        }
        let (_, args) = ready.words.split_first().map_or((None, &[][..]), |(name, args)| (Some(name), args));
        let result = match self.recorded_help(builtin.name, args).await {
            Ok(Some(status)) => Ok(status),
            Ok(None) => (builtin.run)(self, args).await,
            Err(flow) => Err(flow),
        };
        // Special builtins of POSIX shells keep what was assigned before them.
        if !(builtin.special && self.dialect != Dialect::Bash) {
            self.without_variables(kept);
        }
        if !keeps || matches!(result, Ok(status) if status != 0) {
            self.fds = before;
        }
        self.status = result?;
        Ok(self.status)
    }

    async fn declare_array(&mut self, builtin: &str, words: &[String], assignment: &Assignment) -> Exec<()> {
        let name = name_of(assignment);
        let map = words.iter().any(|word| word.starts_with('-') && word.contains('A'));
        if self.vars.in_function() && matches!(builtin, "declare" | "typeset" | "local") {
            self.vars.make_local(&name);
        }
        if map {
            let _ = self.vars.change(&name, |var| {
                if !matches!(var.value, Value::Map(_)) {
                    var.value = Value::Map(Default::default());
                }
            });
        }
        self.assignment(assignment, false).await
    }

    async fn function(&mut self, function: &Arc<super::Function>, ready: Ready<'_>) -> Exec<Status> {
        let before = self.fds.clone();
        if !self.redirect(&ready.redirects).await? {
            self.fds = before;
            self.status = 1;
            return Ok(1);
        }
        let kept = self.with_variables(&ready.assignments).await?;
        let args = ready.words.into_iter().skip(1).collect();
        let positional = std::mem::replace(&mut self.positional, args);
        let loops = std::mem::take(&mut self.loops);
        let depth = self.depth;
        self.vars.enter();
        let result = self.call(function).await;
        self.vars.leave();
        self.depth = depth;
        self.loops = loops;
        self.positional = positional;
        self.without_variables(kept);
        self.fds = before;
        self.status = match result {
            Err(Flow::Return(status)) => status,
            other => other?,
        };
        Ok(self.status)
    }

    fn call<'a>(&'a mut self, function: &'a Arc<super::Function>) -> Boxed<'a, Exec<Status>> {
        Box::pin(async move {
            self.enter()?;
            let redirects = function.body.1.as_ref().map_or(&[][..], |list| list.0.as_slice());
            let Some(before) = self.begin_redirects(redirects).await? else { return Ok(1) };
            let result = self.compound(&function.body.0).await;
            self.fds = before;
            let status = result?;
            self.exit_depth();
            Ok(status)
        })
    }

    /// The process that a program gets from this shell.
    fn process(&self, words: Vec<String>) -> Spec {
        let mut spec = self.spec.child(words);
        spec.env = self.vars.environment();
        spec.fds = self.fds.clone();
        spec.cwd = self.cwd.clone();
        spec
    }

    async fn external(&mut self, ready: Ready<'_>) -> Exec<Status> {
        let before = self.fds.clone();
        if !self.redirect(&ready.redirects).await? {
            self.fds = before;
            self.status = 1;
            return Ok(1);
        }
        // What fork(2), execve(2) and the search for the program cost.
        self.kernel().spend(60).await?;
        let kept = self.with_variables(&ready.assignments).await?;
        let name = ready.words.first().cloned().unwrap_or_default();
        let shown = ready.words.join(" ");
        let mut spec = self.process(ready.words);
        spec.env.push(("_".into(), String::new()));
        self.without_variables(kept);
        let own_group = self.options.monitor && self.subshell == 0;
        spec.group = if own_group { 0 } else { self.spec.group };
        let launched = self.place_of(&name, &mut spec).and_then(|place| program::launch_at(spec, &place));
        // What the shell says about a command that cannot be run goes where the command's errors would.
        let pid = match launched {
            Ok(pid) => Ok(pid),
            Err(refusal) if refusal.errno == Errno::EAGAIN => {
                self.fork_failed().await?;
                self.status = 254;
                Err(Flow::Abort(254))
            }
            Err(refusal) => Err(match self.refusal(&name, &refusal).await {
                Ok(status) => Flow::Return(status),
                Err(flow) => flow,
            }),
        };
        self.fds = before;
        let pid = match pid {
            Ok(pid) => pid,
            Err(Flow::Return(status)) => return Ok(status),
            Err(flow) => return Err(flow),
        };
        let statuses = self.wait_for_program(pid, &shown).await?;
        self.status = statuses;
        Ok(statuses)
    }

    /// A program by its words alone.
    pub(super) async fn external_words(&mut self, words: Vec<String>) -> Exec<Status> {
        let ready = Ready { words, redirects: Vec::new(), assignments: Vec::new(), declared: Vec::new() };
        self.external(ready).await
    }

    async fn wait_for_program(&mut self, pid: u32, shown: &str) -> Exec<Status> {
        let command = super::print::plain(shown);
        let statuses = self.wait_for(&[pid], pid, std::slice::from_ref(&command)).await?;
        Ok(statuses.last().copied().unwrap_or_default())
    }

    /// A program in this process' place.
    async fn replace(&mut self, ready: Ready<'_>) -> Exec<Status> {
        if !self.redirect(&ready.redirects).await? {
            self.status = 1;
            return Ok(1);
        }
        self.with_variables(&ready.assignments).await?;
        let name = ready.words.first().cloned().unwrap_or_default();
        self.become_program(&name, ready.words).await
    }

    /// execve(2): the process goes on as another program.
    pub(in crate::shell) async fn become_program(&mut self, name: &str, words: Vec<String>) -> Exec<Status> {
        let mut spec = self.process(words);
        spec.env.push(("_".into(), String::new()));
        let place = match self.place_of(name, &mut spec) {
            Ok(place) => place,
            Err(refusal) => return self.refusal(name, &refusal).await,
        };
        // The process keeps its pid: what it leaves behind is only its status.
        spec.group = self.spec.group;
        spec.depth = self.spec.depth;
        let kernel = Arc::clone(&spec.kernel);
        match program::continue_as(spec, self.spec.who.pid, &place) {
            Ok(future) => {
                // The shell's files are gone with it.
                self.fds.clear();
                let status = future.await?;
                let _ = kernel;
                self.status = status;
                Ok(status)
            }
            Err(refusal) => self.refusal(name, &refusal).await,
        }
    }

    /// Where the command lies; puts it into `$_` and the hash table.
    fn place_of(&mut self, name: &str, spec: &mut Spec) -> Result<Vec<u8>, Refusal> {
        let path = self.vars.scalar("PATH").map(str::to_string);
        let place = program::find(self.kernel(), self.who(), &self.cwd, path.as_deref(), name)?;
        let text = crate::shell::text::decode(&place);
        if !name.contains('/') && self.dialect == Dialect::Bash && self.hashed.len() < 500 {
            match self.hashed.iter_mut().find(|(known, _, _)| known == name) {
                Some((_, _, hits)) => *hits += 1,
                None => self.hashed.push((name.to_string(), text.clone(), 1)),
            }
        }
        if self.dialect == Dialect::Bash
            && let Some((_, value)) = spec.env.iter_mut().rev().find(|(known, _)| known == "_")
        {
            *value = text;
        } else {
            spec.env.retain(|(known, _)| known != "_");
        }
        Ok(place)
    }

    /// What the shell says about a command that cannot be run.
    pub(in crate::shell) async fn refusal(&mut self, name: &str, refusal: &Refusal) -> Exec<Status> {
        let shown = if name.is_empty() { "" } else { name };
        let message = match (self.dialect, refusal.searched, refusal.errno) {
            (Dialect::Bash, true, Errno::ENOENT) => format!("{shown}: command not found"),
            (Dialect::Bash, _, Errno::EISDIR) => format!("{shown}: Is a directory"),
            (Dialect::Bash, _, _) => format!("{shown}: {}", refusal.text),
            (_, _, Errno::ENOENT) if !refusal.text.contains("interpreter") => format!("{shown}: not found"),
            (_, _, Errno::EISDIR) => format!("{shown}: Permission denied"),
            (_, _, errno) => format!("{shown}: {}", errno.text()),
        };
        if self.dialect == Dialect::Bash && refusal.text.contains("bad interpreter") {
            let message = format!("{shown}: {}", refusal.text);
            self.complain(&message).await?;
        } else {
            self.complain(&message).await?;
        }
        self.status = refusal.status;
        Ok(refusal.status)
    }

    pub(super) fn one_piece<'a>(
        &'a mut self,
        piece: &'a brush_parser::word::WordPiece,
        how: super::expand::How,
        out: &'a mut super::expand::Fields,
    ) -> Boxed<'a, Exec<()>> {
        Box::pin(self.piece_in(piece, how, out))
    }

    /// The trap on EXIT, when a shell ends.
    pub(super) async fn run_exit_trap(&mut self, result: Exec<Status>) -> Exec<Status> {
        let Some(trap) = self.traps.remove("EXIT").filter(|trap| !trap.is_empty()) else { return result };
        if matches!(result, Err(Flow::Stop(_))) {
            return result;
        }
        let status = super::exec::ended(result);
        self.status = status;
        match self.run_string(&trap).await {
            Err(Flow::Exit(status)) => Err(Flow::Exit(status)),
            Err(Flow::Stop(stop)) => Err(Flow::Stop(stop)),
            _ => Err(Flow::Exit(status)),
        }
    }

    /// Signals that have arrived for this shell: traps run, the others end it.
    pub(super) async fn pending_traps(&mut self) -> Exec<()> {
        for signal in self.kernel().host.take_signals(self.spec.who.pid) {
            let name = crate::shell::signals::name(signal).unwrap_or_default();
            match self.traps.get(&name).cloned() {
                Some(trap) if trap.is_empty() => {}
                Some(trap) => {
                    let status = self.status;
                    self.run_string(&trap).await?;
                    self.status = status;
                }
                None if self.is_interactive() && matches!(signal, 2 | 3 | 15 | 20..=22) => {}
                None if matches!(signal, 17 | 18 | 23 | 28) => {}
                None => return Err(Flow::Stop(Stop::Signal(signal))),
            }
        }
        Ok(())
    }
}

fn name_of(assignment: &Assignment) -> String {
    match &assignment.name {
        AssignmentName::VariableName(name) => name.clone(),
        AssignmentName::ArrayElementName(name, index) => format!("{name}[{index}]"),
    }
}

fn line_of(command: &SimpleCommand) -> Option<usize> {
    command.word_or_name.as_ref()?.loc.as_ref().map(|span| span.start.line)
}

/// A word as `set -x` shows it.
fn traced(word: &str) -> String {
    let plain = !word.is_empty()
        && word.chars().all(|c| c.is_alphanumeric() || "_-+=./,:@%^~".contains(c) || !c.is_ascii() && !c.is_control());
    if plain { word.to_string() } else { super::quoted(word) }
}

fn traced_value(value: &str) -> String {
    if value.is_empty() { String::new() } else { traced(value) }
}
