//! What is built into the shells.

mod dirs;
mod flow;
mod info;
mod io;
mod job;
mod limits;
mod options;
mod printf;
mod test;
mod vars;

use super::interp::{Dialect, Exec, Interp};
use super::kernel::{Boxed, Status};
pub(super) use info::{usage, version};

type Run = for<'a> fn(&'a mut Interp, &'a [String]) -> Boxed<'a, Exec<Status>>;

/// One builtin.
pub(super) struct Builtin {
    pub name: &'static str,
    /// POSIX calls it special: found before functions, its errors end a script.
    pub special: bool,
    /// Only bash has it.
    bash: bool,
    pub run: Run,
}

const fn both(name: &'static str, run: Run) -> Builtin {
    Builtin { name, special: false, bash: false, run }
}

const fn special(name: &'static str, run: Run) -> Builtin {
    Builtin { name, special: true, bash: false, run }
}

const fn bash(name: &'static str, run: Run) -> Builtin {
    Builtin { name, special: false, bash: true, run }
}

/// All of them, in the order of `enable`.
static ALL: &[Builtin] = &[
    special(".", |s, a| Box::pin(flow::source(s, a))),
    special(":", |_, _| Box::pin(async { Ok(0) })),
    both("[", |s, a| Box::pin(test::bracket(s, a))),
    both("alias", |s, a| Box::pin(info::alias(s, a))),
    both("bg", |s, a| Box::pin(job::bg(s, a))),
    bash("bind", |_, _| Box::pin(async { Ok(0) })),
    special("break", |s, a| Box::pin(flow::break_loop(s, a))),
    bash("builtin", |s, a| Box::pin(info::builtin(s, a))),
    bash("caller", |_, _| Box::pin(async { Ok(1) })),
    both("cd", |s, a| Box::pin(dirs::cd(s, a))),
    both("command", |s, a| Box::pin(info::command(s, a))),
    bash("compgen", |s, a| Box::pin(info::compgen(s, a))),
    bash("complete", |_, _| Box::pin(async { Ok(0) })),
    bash("compopt", |_, _| Box::pin(async { Ok(0) })),
    special("continue", |s, a| Box::pin(flow::continue_loop(s, a))),
    bash("declare", |s, a| Box::pin(vars::declare(s, a))),
    bash("dirs", |s, a| Box::pin(dirs::dirs(s, a))),
    bash("disown", |s, a| Box::pin(job::disown(s, a))),
    both("echo", |s, a| Box::pin(io::echo(s, a))),
    bash("enable", |s, a| Box::pin(info::enable(s, a))),
    special("eval", |s, a| Box::pin(flow::eval(s, a))),
    special("exec", |s, a| Box::pin(flow::exec(s, a))),
    special("exit", |s, a| Box::pin(flow::exit(s, a))),
    special("export", |s, a| Box::pin(vars::export(s, a))),
    both("false", |_, _| Box::pin(async { Ok(1) })),
    both("fc", |s, a| Box::pin(info::fc(s, a))),
    both("fg", |s, a| Box::pin(job::fg(s, a))),
    both("getopts", |s, a| Box::pin(flow::getopts(s, a))),
    both("hash", |s, a| Box::pin(info::hash(s, a))),
    bash("help", |s, a| Box::pin(info::help(s, a))),
    bash("history", |s, a| Box::pin(info::history(s, a))),
    both("jobs", |s, a| Box::pin(job::jobs(s, a))),
    both("kill", |s, a| Box::pin(job::kill(s, a))),
    bash("let", |s, a| Box::pin(vars::let_(s, a))),
    both("local", |s, a| Box::pin(vars::local(s, a))),
    bash("logout", |s, a| Box::pin(flow::logout(s, a))),
    bash("mapfile", |s, a| Box::pin(io::mapfile(s, a))),
    bash("popd", |s, a| Box::pin(dirs::popd(s, a))),
    both("printf", |s, a| Box::pin(printf::printf(s, a))),
    bash("pushd", |s, a| Box::pin(dirs::pushd(s, a))),
    both("pwd", |s, a| Box::pin(dirs::pwd(s, a))),
    both("read", |s, a| Box::pin(io::read(s, a))),
    bash("readarray", |s, a| Box::pin(io::mapfile(s, a))),
    special("readonly", |s, a| Box::pin(vars::readonly(s, a))),
    special("return", |s, a| Box::pin(flow::return_from(s, a))),
    special("set", |s, a| Box::pin(options::set(s, a))),
    special("shift", |s, a| Box::pin(flow::shift(s, a))),
    bash("shopt", |s, a| Box::pin(options::shopt(s, a))),
    bash("source", |s, a| Box::pin(flow::source(s, a))),
    bash("suspend", |s, a| Box::pin(job::suspend(s, a))),
    both("test", |s, a| Box::pin(test::test(s, a))),
    special("times", |s, a| Box::pin(info::times(s, a))),
    special("trap", |s, a| Box::pin(flow::trap(s, a))),
    both("true", |_, _| Box::pin(async { Ok(0) })),
    both("type", |s, a| Box::pin(info::type_of(s, a))),
    bash("typeset", |s, a| Box::pin(vars::declare(s, a))),
    both("ulimit", |s, a| Box::pin(limits::ulimit(s, a))),
    both("umask", |s, a| Box::pin(info::umask(s, a))),
    both("unalias", |s, a| Box::pin(info::unalias(s, a))),
    special("unset", |s, a| Box::pin(vars::unset(s, a))),
    both("wait", |s, a| Box::pin(job::wait(s, a))),
];

/// The builtin of that name, if this shell has it.
pub(super) fn find(name: &str, dialect: Dialect) -> Option<&'static Builtin> {
    ALL.iter().find(|builtin| builtin.name == name && (!builtin.bash || dialect == Dialect::Bash))
}

/// All names, for completion.
pub(super) fn all_names() -> impl Iterator<Item = &'static str> {
    names()
}

fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|builtin| builtin.name)
}

impl Interp {
    /// Prints to standard output; a failure is said, as `echo: write error: …`.
    async fn print(&mut self, builtin: &str, text: &str) -> Exec<Status> {
        self.print_bytes(builtin, &super::text::encode(text)).await
    }

    async fn print_bytes(&mut self, builtin: &str, bytes: &[u8]) -> Exec<Status> {
        if let Err(errno) = self.print_to(1, bytes).await? {
            let message = match self.dialect {
                Dialect::Dash => format!("{builtin}: I/O error"),
                _ => format!("{builtin}: write error: {}", errno.text()),
            };
            self.complain(&message).await?;
            return Ok(1);
        }
        Ok(0)
    }

    /// `LABEL: BUILTIN: TEXT`, status 1.
    async fn fail(&mut self, builtin: &str, message: &str) -> Exec<Status> {
        self.complain(&format!("{builtin}: {message}")).await?;
        Ok(1)
    }

    /// An option that there is not, and how the builtin is used; status 2.
    async fn bad_option(&mut self, builtin: &str, option: &str, usage: &str) -> Exec<Status> {
        match self.dialect {
            Dialect::Bash => {
                self.complain(&format!("{builtin}: {option}: invalid option")).await?;
                self.print_error(&format!("{builtin}: usage: {usage}\n")).await?;
            }
            Dialect::Dash => self.complain(&format!("{builtin}: Illegal option {option}")).await?,
            Dialect::Ash => self.complain(&format!("{builtin}: illegal option {option}")).await?,
        }
        Ok(2)
    }
}
