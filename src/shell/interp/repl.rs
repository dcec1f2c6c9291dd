//! How a shell gets its commands: from `-c`, from a script, from its standard input, from somebody at a terminal.

use std::sync::Arc;

use super::{Dialect, Exec, Flow, Interp};
use crate::shell::grammar::{self, Missing, Parsed};
use crate::shell::history::History;
use crate::shell::io::Fail;
use crate::shell::kernel::{Boxed, Status, Stop};
use crate::shell::note::Note;
use crate::shell::program::{self, Spec};
use crate::shell::readline::{self, Read};
use crate::shell::text;
use crate::world::{File, FileKind, Open as How};

/// Longest script that is run.
const SCRIPT: usize = 1024 * 1024;

/// A process that is a shell: `bash x.sh`, `sh -c …`, `bash` alone.
pub(in crate::shell) async fn run_shell(spec: Spec) -> Result<Status, Stop> {
    let name = spec.argv.first().cloned().unwrap_or_default();
    let dialect = dialect_of(&spec, &name);
    let mut shell = Interp::new(spec, dialect);
    shell.login = name.starts_with('-');
    shell.label = if dialect == Dialect::Bash { base(&name).to_string() } else { name.clone() };
    let args: Vec<String> = shell.spec.argv.iter().skip(1).cloned().collect();
    let result = shell.begin(&args).await;
    Box::pin(finish(&mut shell, result)).await
}

fn dialect_of(spec: &Spec, name: &str) -> Dialect {
    match base(name).trim_start_matches('-') {
        "bash" | "rbash" => Dialect::Bash,
        "ash" => Dialect::Ash,
        "dash" => Dialect::Dash,
        // `sh` is what the profile's /bin/sh leads to.
        _ => {
            let host = &spec.kernel.host;
            let real = host.real_path(&spec.who, b"/bin/sh").unwrap_or_default();
            match crate::world::name(&real) {
                b"bash" => Dialect::Bash,
                b"busybox" => Dialect::Ash,
                _ => Dialect::Dash,
            }
        }
    }
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// A script without a first line that names its interpreter: the calling shell runs it.
pub(in crate::shell) async fn run_text(spec: Spec, file: &File) -> Result<Status, Stop> {
    let mut shell = Interp::new(spec, Dialect::Bash);
    shell.positional = shell.spec.argv.iter().skip(1).cloned().collect();
    shell.label = shell.name0.clone();
    let script = file.read_at(0, SCRIPT).unwrap_or_default();
    let result = run_script(&mut shell, &script).await;
    Box::pin(finish(&mut shell, result)).await
}

/// The login shell of a session: ends with it. What is not on while it waits for a line is boxed, to keep it small.
pub(in crate::shell) fn login(spec: Spec, command: Option<String>) -> Boxed<'static, Result<Status, Stop>> {
    let name = spec.argv.first().cloned().unwrap_or_default();
    let dialect = dialect_of(&spec, &name);
    let mut shell = Box::new(Interp::new(spec, dialect));
    shell.login = command.is_none();
    shell.label = if command.is_some() { base(&name).trim_start_matches('-').to_string() } else { name };
    shell.command_text = command;
    Box::pin(run_login(shell))
}

async fn run_login(mut shell: Box<Interp>) -> Result<Status, Stop> {
    let result = match shell.command_text.clone() {
        Some(command) => Box::pin(run_lines(&mut shell, &command, true)).await,
        None if shell.spec.tty.is_some() || shell.fds.get(&0).is_some_and(|open| open.is_tty()) => {
            shell.interactive().await
        }
        // Without a terminal it reads its commands as a script, and prompts nobody.
        None => Box::pin(shell.script_of_input()).await,
    };
    Box::pin(finish(&mut shell, result)).await
}

async fn finish(shell: &mut Interp, result: Exec<Status>) -> Result<Status, Stop> {
    if matches!(result, Err(Flow::Memory)) {
        return Ok(2);
    }
    let result = shell.run_exit_trap(result).await;
    if shell.interactive && shell.dialect == Dialect::Bash {
        shell.write_history();
    }
    match result {
        Err(Flow::Stop(stop)) => Err(stop),
        other => Ok(super::exec::ended(other)),
    }
}

impl Interp {
    /// Reads the options of a shell and does what they say.
    async fn begin(&mut self, args: &[String]) -> Exec<Status> {
        let mut rest = args;
        let mut command = false;
        let mut from_input = false;
        let mut interactive = false;
        while let Some((arg, after)) = rest.split_first() {
            if arg == "--" || arg == "-" {
                rest = after;
                break;
            }
            if let Some(long) = arg.strip_prefix("--") {
                match long {
                    "login" => self.login = true,
                    "norc" | "noprofile" | "noediting" | "posix" | "restricted" | "verbose" => {}
                    "version" if self.dialect == Dialect::Bash => {
                        let text = crate::shell::builtins::version(self);
                        let _ = self.print_to(1, text.as_bytes()).await?;
                        return Ok(0);
                    }
                    "help" if self.dialect == Dialect::Bash => {
                        let text = crate::shell::builtins::usage(self);
                        let _ = self.print_to(1, text.as_bytes()).await?;
                        return Ok(0);
                    }
                    "rcfile" | "init-file" => {
                        rest = after.get(1..).unwrap_or_default();
                        continue;
                    }
                    _ => {
                        let text = match self.dialect {
                            Dialect::Bash => format!("{}: {arg}: invalid option\n", self.label),
                            Dialect::Dash => format!("{}: 0: Illegal option --\n", self.label),
                            Dialect::Ash => format!("{}: bad option '{arg}'\n", self.label),
                        };
                        self.print_error(&text).await?;
                        if self.dialect == Dialect::Bash {
                            let text = crate::shell::builtins::usage(self);
                            let first: String = text.lines().skip(1).map(|line| format!("{line}\n")).collect();
                            self.print_error(&first).await?;
                        }
                        return Ok(2);
                    }
                }
                rest = after;
                continue;
            }
            let on = arg.starts_with('-');
            if !(on || arg.starts_with('+')) || arg.len() < 2 {
                break;
            }
            rest = after;
            for letter in arg.chars().skip(1) {
                match letter {
                    'c' => command = true,
                    's' => from_input = true,
                    'i' => interactive = true,
                    'l' => self.login = true,
                    'o' | 'O' => {
                        let name = rest.first().cloned().unwrap_or_default();
                        rest = rest.get(1..).unwrap_or_default();
                        self.set_option(&name, on);
                    }
                    letter => {
                        if !self.set_letter(letter, on) {
                            let text = match self.dialect {
                                Dialect::Bash => format!("{}: -{letter}: invalid option\n", self.label),
                                Dialect::Dash => format!("{}: 0: Illegal option -{letter}\n", self.label),
                                Dialect::Ash => format!("{}: illegal option -{letter}\n", self.label),
                            };
                            self.print_error(&text).await?;
                            return Ok(2);
                        }
                    }
                }
            }
        }
        if command {
            let Some((text, rest)) = rest.split_first() else {
                let text = match self.dialect {
                    Dialect::Bash => format!("{}: -c: option requires an argument\n", self.label),
                    Dialect::Dash => format!("{}: 0: -c requires an argument\n", self.label),
                    Dialect::Ash => format!("{}: -c requires an argument\n", self.label),
                };
                self.print_error(&text).await?;
                return Ok(2);
            };
            if let Some((name, args)) = rest.split_first() {
                self.name0.clone_from(name);
                self.label.clone_from(name);
                self.positional = args.to_vec();
            }
            self.command_text = Some(text.clone());
            return Box::pin(run_lines(self, text, true)).await;
        }
        if let (Some((script, args)), false) = (rest.split_first(), from_input) {
            self.name0.clone_from(script);
            self.positional = args.to_vec();
            return Box::pin(self.script(script)).await;
        }
        self.positional = rest.to_vec();
        let terminal = self.fds.get(&0).is_some_and(|open| open.is_tty());
        if interactive || terminal {
            return self.interactive().await;
        }
        Box::pin(self.script_of_input()).await
    }

    async fn script(&mut self, name: &str) -> Exec<Status> {
        let mut path = program::join(&self.cwd, name);
        let host = Arc::clone(&self.kernel().host);
        if !name.contains('/') && host.stat(self.who(), &path, true).is_err() {
            let search = self.vars.scalar("PATH").map(str::to_string);
            if let Ok(found) = program::find(self.kernel(), self.who(), &self.cwd, search.as_deref(), name) {
                path = found;
            }
        }
        let bash = self.dialect == Dialect::Bash;
        let how = How { read: true, ..How::default() };
        let file = match host.open(self.who(), &path, how) {
            Ok(file) if file.stat().kind == FileKind::Folder => {
                let text = match self.dialect {
                    Dialect::Bash => format!("{name}: {name}: Is a directory\n"),
                    _ => format!("{}: read error: Is a directory\n", self.label),
                };
                self.print_error(&text).await?;
                return Ok(126);
            }
            Ok(file) => file,
            Err(errno) => {
                let text = match self.dialect {
                    Dialect::Bash => format!("{}: {name}: {}\n", self.label, errno.text()),
                    Dialect::Dash => {
                        let what = if errno == crate::world::Errno::ENOENT { "No such file" } else { errno.text() };
                        format!("{}: 0: cannot open {name}: {what}\n", self.label)
                    }
                    Dialect::Ash => format!("{}: can't open '{name}': {}\n", self.label, errno.text()),
                };
                self.print_error(&text).await?;
                return Ok(if bash && errno == crate::world::Errno::EACCES {
                    126
                } else if bash {
                    127
                } else {
                    2
                });
            }
        };
        self.label = name.to_string();
        let script = file.read_at(0, SCRIPT).unwrap_or_default();
        let original = host.program_of(&file).is_some();
        if original && !file.known() || is_binary(&script) {
            let text = match self.dialect {
                Dialect::Bash => format!("{name}: {name}: cannot execute binary file\n"),
                _ => format!("{name}: 1: {name}: Syntax error: \"(\" unexpected\n"),
            };
            self.print_error(&text).await?;
            return Ok(if bash { 126 } else { 2 });
        }
        if !original {
            program::note_script(self.kernel(), &path, &file);
        }
        run_script(self, &script).await
    }

    /// Commands from standard input: read no further than each needs, so that commands can read the rest.
    async fn script_of_input(&mut self) -> Exec<Status> {
        let mut pending = String::new();
        let mut all = Vec::new();
        let begin = self.line;
        let mut lacks: Option<Missing> = None;
        loop {
            let line = self.read_line_of(0).await?;
            let ended = line.is_none();
            if let Some(line) = line {
                if all.len() < SCRIPT {
                    all.extend(text::encode(&line));
                }
                let hopeless = lacks.as_ref().is_some_and(|lacks| !lacks.may_end_with(&line, &pending));
                pending.push_str(&line);
                if hopeless && pending.len() < grammar::TEXT {
                    continue;
                }
            }
            if pending.is_empty() && ended {
                break;
            }
            self.kernel().spend(pending.len() as u64).await?;
            match grammar::parse(&pending, &self.usable_aliases()) {
                Parsed::Incomplete(missing) if !ended => {
                    lacks = Some(missing);
                    continue;
                }
                Parsed::Program(program) => {
                    pending.clear();
                    lacks = None;
                    self.line = begin;
                    match self.program(&program).await {
                        Ok(_) => {}
                        Err(Flow::Abort(status)) => self.status = status,
                        Err(flow) => {
                            self.note_input(all);
                            return Err(flow);
                        }
                    }
                }
                other => {
                    self.syntax_error(&pending, &other).await?;
                    pending.clear();
                    lacks = None;
                    if self.dialect != Dialect::Bash {
                        self.note_input(all);
                        return Ok(2);
                    }
                }
            }
            if ended {
                break;
            }
        }
        self.note_input(all);
        Ok(self.status)
    }

    fn note_input(&self, text: Vec<u8>) {
        if !text.is_empty() {
            self.kernel().note(Note::Script { path: text::encode(&self.name0), text });
        }
    }

    /// A line of an open file with its `\n`; `None` at the end.
    pub(in crate::shell) async fn read_line_of(&mut self, fd: i32) -> Exec<Option<String>> {
        let Some(open) = self.fds.get(&fd).cloned() else { return Ok(None) };
        let mut line = Vec::new();
        let ahead = if open.can_unread() || open.is_tty() { 4096 } else { 1 };
        loop {
            let piece = match open.read(self.kernel(), ahead).await {
                Ok(piece) => piece,
                Err(Fail::Stop(stop)) => return Err(stop.into()),
                Err(Fail::Errno(_)) => Vec::new(),
            };
            if piece.is_empty() {
                return Ok((!line.is_empty()).then(|| text::decode(&line)));
            }
            if let Some(end) = piece.iter().position(|&b| b == b'\n') {
                line.extend(piece.iter().take(end + 1));
                if open.can_unread() {
                    open.unread(piece.len() - end - 1);
                }
                return Ok(Some(text::decode(&line)));
            }
            line.extend(piece);
            if line.len() > SCRIPT {
                return Ok(Some(text::decode(&line)));
            }
        }
    }

    fn usable_aliases(&self) -> std::collections::HashMap<String, String> {
        if self.options.expand_aliases || self.dialect != Dialect::Bash {
            self.aliases.clone()
        } else {
            Default::default()
        }
    }

    /// Somebody at a terminal.
    async fn interactive(&mut self) -> Exec<Status> {
        self.interactive = true;
        self.options.monitor = true;
        self.options.expand_aliases = true;
        let prompts = match self.dialect {
            Dialect::Bash => ("\\s-\\v\\$ ", "> "),
            Dialect::Dash | Dialect::Ash if self.who().uid == 0 => ("# ", "> "),
            _ => ("$ ", "> "),
        };
        if self.vars.scalar("PS1").is_none() {
            let _ = self.vars.set("PS1", prompts.0);
        }
        let _ = self.vars.set("PS2", prompts.1);
        if self.dialect == Dialect::Bash {
            Box::pin(self.start_up_files()).await?;
        }
        if self.dialect != Dialect::Bash {
            self.options.others.push(("stdin".into(), true));
        }
        loop {
            match self.turn().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(Flow::Abort(status)) => self.status = status,
                Err(Flow::Stop(Stop::Interrupt)) => {
                    self.status = 130;
                    self.unchecked = 0;
                    self.print_error("\n").await?;
                }
                Err(Flow::Break(_) | Flow::Continue(_) | Flow::Return(_)) => {}
                Err(flow) => return Err(flow),
            }
            self.depth = 0;
            self.loops = 0;
            self.line = 0;
        }
        if self.dialect == Dialect::Bash {
            let farewell = if self.login { "logout\n" } else { "exit\n" };
            self.print_error(farewell).await?;
        } else {
            self.print_error("\n").await?;
        }
        Ok(self.status)
    }

    /// Prompts, reads and runs one command; `false` at the end of the input.
    async fn turn(&mut self) -> Exec<bool> {
        self.notify().await?;
        if let Some(command) = self.vars.scalar("PROMPT_COMMAND").filter(|text| !text.is_empty()).map(str::to_string) {
            let status = self.status;
            self.run_string(&command).await?;
            self.status = status;
        }
        let mut whole = String::new();
        let mut begun = None;
        let mut lacks: Option<Missing> = None;
        loop {
            let quoting = matches!(lacks, Some(Missing::HereDocument(_) | Missing::Quote('\'')));
            let variable = if whole.is_empty() { "PS1" } else { "PS2" };
            let prompt = self.vars.scalar(variable).unwrap_or_default().to_string();
            let prompt = self.prompt(&prompt).await?;
            let line = match readline::read(self, &prompt).await? {
                Read::Line(line) => line,
                Read::Interrupted => {
                    self.status = 130;
                    return Ok(true);
                }
                Read::End if whole.is_empty() => return Ok(false),
                Read::End => {
                    let parsed = grammar::parse(&whole, &self.usable_aliases());
                    self.syntax_error(&whole, &parsed).await?;
                    self.status = 2;
                    return Ok(true);
                }
            };
            begun.get_or_insert_with(|| self.kernel().now());
            let line = match self.history.expand(&line).filter(|_| self.dialect == Dialect::Bash && !quoting) {
                None => line,
                Some(Ok(expanded)) => {
                    self.print_error(&format!("{expanded}\n")).await?;
                    expanded
                }
                Some(Err(message)) => {
                    let label = self.label.clone();
                    self.print_error(&format!("{label}: {message}\n")).await?;
                    self.note_line(&line, begun);
                    return Ok(true);
                }
            };
            let hopeless = lacks.as_ref().is_some_and(|lacks| !lacks.may_end_with(&line, &whole));
            whole.push_str(&line);
            whole.push('\n');
            if hopeless && whole.len() < grammar::TEXT {
                continue;
            }
            self.kernel().spend(whole.len() as u64).await?;
            match grammar::parse(&whole, &self.usable_aliases()) {
                // The newline is escaped: the line goes on.
                Parsed::Program(_) if line.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1 => continue,
                Parsed::Incomplete(missing) => {
                    lacks = Some(missing);
                    continue;
                }
                Parsed::Program(program) => {
                    let entry = whole.trim_end_matches('\n').to_string();
                    if self.dialect == Dialect::Bash {
                        self.history.add(&entry);
                    }
                    self.kernel().begin_line();
                    let result = self.program(&program).await;
                    let status = match &result {
                        Ok(status) | Err(Flow::Abort(status) | Flow::Exit(status)) => *status,
                        Err(Flow::Stop(_)) => 130,
                        Err(_) => self.status,
                    };
                    self.status = status;
                    self.note_line(&entry, begun);
                    result?;
                    return Ok(true);
                }
                other => {
                    let entry = whole.trim_end_matches('\n').to_string();
                    self.history.add(&entry);
                    self.kernel().begin_line();
                    self.syntax_error(&whole, &other).await?;
                    self.status = 2;
                    self.note_line(&entry, begun);
                    return Ok(true);
                }
            }
        }
    }

    /// Tells the record of a line that has ended.
    fn note_line(&self, line: &str, begun: Option<std::time::Instant>) {
        // Inner shells of a session are told by their own lines.
        if line.trim().is_empty() {
            return;
        }
        let took = begun.map(|begun| self.kernel().now() - begun).unwrap_or_default();
        self.kernel().end_line(text::encode(line), self.status, took);
    }

    /// What bash runs when it starts: profile files of login shells, `.bashrc` of others.
    async fn start_up_files(&mut self) -> Exec<()> {
        let home = self.home_of(None).unwrap_or_else(|| "/".into());
        let host = Arc::clone(&self.kernel().host);
        let files: Vec<String> = if self.login {
            let own = [".bash_profile", ".bash_login", ".profile"].map(|name| format!("{home}/{name}"));
            let own = own.into_iter().find(|path| host.access(self.who(), path.as_bytes(), 4).is_ok());
            ["/etc/profile".to_string()].into_iter().chain(own).collect()
        } else {
            vec!["/etc/bash.bashrc".to_string(), format!("{home}/.bashrc")]
        };
        for path in files {
            if let Ok(text) = host.read_file(self.who(), path.as_bytes(), SCRIPT) {
                self.sourced += 1;
                let label = std::mem::replace(&mut self.label, path.clone());
                let interactive = self.interactive;
                let result = run_lines(self, &text::decode(&text), false).await;
                self.interactive = interactive;
                self.label = label;
                self.sourced -= 1;
                match result {
                    Err(Flow::Return(_) | Flow::Abort(_)) | Ok(_) => {}
                    Err(flow) => return Err(flow),
                }
            }
        }
        let history = format!("{home}/.bash_history");
        if let Ok(lines) = host.read_unseen(self.who(), history.as_bytes(), 256 * 1024) {
            self.history = History::from_file(&text::decode(&lines));
        }
        self.line = 0;
        self.status = 0;
        Ok(())
    }

    /// What a shell says about a text that it cannot parse.
    pub(in crate::shell) async fn syntax_error(&mut self, source: &str, parsed: &Parsed) -> Exec<()> {
        let last_line = source.lines().count().max(1);
        let interactive = self.interactive && self.subshell == 0;
        let at = |line: usize| match (&self.dialect, interactive) {
            (Dialect::Bash, true) => format!("{}: ", self.label),
            (Dialect::Bash, false) if self.command_text.is_some() => format!("{}: -c: line {line}: ", self.label),
            (Dialect::Bash, false) => format!("{}: line {}: ", self.label, self.line.max(1) - 1 + line),
            (Dialect::Dash, _) => format!("{}: {line}: ", self.label),
            (Dialect::Ash, true) => format!("{}: ", self.label),
            (Dialect::Ash, false) => format!("{}: line {line}: ", self.label),
        };
        let bash = self.dialect == Dialect::Bash;
        let mut text = String::new();
        match parsed {
            Parsed::Unexpected { token, line } if bash => {
                text = format!("{}syntax error near unexpected token `{token}'\n", at(*line));
                if !interactive {
                    let shown = source.lines().nth(line.saturating_sub(1)).unwrap_or_default();
                    text.push_str(&format!("{}`{shown}'\n", at(*line)));
                }
            }
            Parsed::Unexpected { token, line } if self.dialect == Dialect::Dash => {
                let shown = if token == "newline" { "newline".to_string() } else { format!("\"{token}\"") };
                text = format!("{}Syntax error: {shown} unexpected\n", at(*line));
            }
            Parsed::Unexpected { token, line } => {
                let shown = if token == "newline" { "newline".to_string() } else { format!("\"{token}\"") };
                text = format!("{}syntax error: unexpected {shown}\n", at(*line));
            }
            Parsed::Incomplete(Missing::Quote(quote)) if bash => {
                text.push_str(&format!("{}unexpected EOF while looking for matching `{quote}'\n", at(last_line)));
                // Bash 5.2 leaves it at that.
                if !self.spec.kernel.host.persona().bash_version.starts_with("5.2") {
                    text.push_str(&format!("{}syntax error: unexpected end of file\n", at(last_line + 1)));
                }
            }
            Parsed::Incomplete(Missing::Quote(_)) if self.dialect == Dialect::Dash => {
                text = format!("{}Syntax error: Unterminated quoted string\n", at(last_line));
            }
            Parsed::Incomplete(Missing::Quote(_)) => {
                text = format!("{}syntax error: unterminated quoted string\n", at(last_line));
            }
            Parsed::Incomplete(_) if bash => {
                text = format!("{}syntax error: unexpected end of file\n", at(last_line + 1));
            }
            Parsed::Incomplete(_) if self.dialect == Dialect::Dash => {
                text = format!("{}Syntax error: end of file unexpected\n", at(last_line));
            }
            Parsed::Incomplete(_) => {
                text = format!("{}syntax error: unexpected end of file\n", at(last_line));
            }
            Parsed::TooDeep if bash => {
                text = format!("{}memory exhausted\n", at(last_line));
            }
            Parsed::TooDeep | Parsed::Program(_) => {}
        }
        self.status = 2;
        self.print_error(&text).await?;
        Ok(())
    }
}

/// A text that is run at once: all of it is parsed first, and if that fails, what stands before the fault runs.
pub(super) async fn run_lines(shell: &mut Interp, source: &str, last: bool) -> Exec<Status> {
    shell.enter()?;
    let result = run_lines_inner(shell, source, last).await;
    shell.exit_depth();
    result
}

async fn run_lines_inner(shell: &mut Interp, source: &str, last: bool) -> Exec<Status> {
    match grammar::parse_script(source, &shell.usable_aliases()) {
        Parsed::Program(program) => {
            if last {
                return shell.last_program(&program).await;
            }
            shell.program(&program).await
        }
        _ => run_pieces(shell, source).await,
    }
}

/// Command by command, as shells read scripts.
async fn run_pieces(shell: &mut Interp, source: &str) -> Exec<Status> {
    let mut pending = String::new();
    let mut lines = source.split_inclusive('\n').peekable();
    let first = shell.line;
    let mut read = 0;
    while let Some(line) = lines.next() {
        pending.push_str(line);
        read += 1;
        // Long unfinished pieces are tried at growing distances, so that the work stays linear.
        let tries = pending.lines().count();
        if tries > 64 && !tries.is_multiple_of(tries / 32) && lines.peek().is_some() {
            continue;
        }
        shell.kernel().spend(pending.len() as u64).await?;
        match grammar::parse(&pending, &shell.usable_aliases()) {
            Parsed::Incomplete(_) if lines.peek().is_some() => continue,
            Parsed::Incomplete(Missing::HereDocument(word)) => {
                let count = pending.lines().count();
                if shell.dialect == Dialect::Bash {
                    let message =
                        format!("warning: here-document at line 1 delimited by end-of-file (wanted `{word}')");
                    shell.line = first + count;
                    shell.complain(&message).await?;
                }
                let closed = format!("{}\n{word}\n", pending.trim_end_matches('\n'));
                if let Parsed::Program(program) = grammar::parse(&closed, &shell.usable_aliases()) {
                    return shell.program(&program).await;
                }
            }
            Parsed::Program(program) => {
                pending.clear();
                shell.program(&program).await?;
            }
            other => {
                let before = shell.line;
                shell.line = first + read + 1 - pending.lines().count().max(1);
                shell.syntax_error(&pending, &other).await?;
                shell.line = before;
                return Err(if shell.interactive { Flow::Abort(2) } else { Flow::Exit(2) });
            }
        }
    }
    Ok(shell.status)
}

/// A script from a file.
async fn run_script(shell: &mut Interp, script: &[u8]) -> Exec<Status> {
    let source = text::decode(script);
    if source.len() > grammar::TEXT {
        return run_pieces(shell, &source).await;
    }
    run_lines(shell, &source, false).await
}

/// Bash takes a file for a binary when its first line has a NUL.
fn is_binary(bytes: &[u8]) -> bool {
    let first = bytes.iter().take(80).take_while(|&&b| b != b'\n');
    bytes.starts_with(b"\x7fELF") || first.into_iter().any(|&b| b == 0)
}
