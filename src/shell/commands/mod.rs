//! The commands: one file each, one line in a table.

mod cat;
mod cd;
mod echo;
mod exit;
mod hostname;
mod id;
mod ls;
mod mkdir;
mod pwd;
mod rm;
mod touch;
mod truth;
mod uname;
mod whoami;

use super::Shell;

/// What a command reads and writes; it never touches anything else of the machine it really runs on.
pub(super) struct Io {
    pub input: Vec<u8>,
    pub out: Vec<u8>,
    pub err: Vec<u8>,
}

impl Io {
    /// `NAME: TEXT` on standard error.
    fn complain(&mut self, parts: &[&[u8]]) {
        self.err.extend(parts.concat());
        self.err.push(b'\n');
    }
}

/// Runs a command: arguments without its name; returns its exit status.
pub(super) type Run = fn(&mut Shell, &[Vec<u8>], &mut Io) -> i32;

/// Built into the shell: there whatever `PATH` says.
static BUILTINS: &[(&str, Run)] = &[
    ("cd", cd::run),
    ("echo", echo::run),
    ("exit", exit::exit),
    ("false", truth::no),
    ("logout", exit::logout),
    ("pwd", pwd::run),
    ("true", truth::yes),
];

/// Programs of the image that are acted here; those that are not go to the model.
static PROGRAMS: &[(&str, Run)] = &[
    ("cat", cat::run),
    ("hostname", hostname::run),
    ("id", id::run),
    ("ls", ls::run),
    ("mkdir", mkdir::run),
    ("rm", rm::run),
    ("touch", touch::run),
    ("uname", uname::run),
    ("whoami", whoami::run),
];

pub(super) fn builtin(name: &[u8]) -> Option<Run> {
    look_up(BUILTINS, name)
}

pub(super) fn find(name: &[u8]) -> Option<Run> {
    look_up(PROGRAMS, name)
}

fn look_up(table: &[(&str, Run)], name: &[u8]) -> Option<Run> {
    table.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, run)| *run)
}

/// Splits arguments into option letters and the rest; `--` ends the options.
fn options(args: &[Vec<u8>]) -> (Vec<u8>, Vec<&[u8]>) {
    let mut letters = Vec::new();
    let mut rest = Vec::new();
    let mut only_rest = false;
    for arg in args {
        match arg.as_slice() {
            b"--" if !only_rest => only_rest = true,
            [b'-', flags @ ..] if !only_rest && !flags.is_empty() => letters.extend_from_slice(flags),
            other => rest.push(other),
        }
    }
    (letters, rest)
}
