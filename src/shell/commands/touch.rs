//! `touch` (coreutils 8.30).

use super::{Io, options};
use crate::base::clock;
use crate::shell::Shell;
use crate::world::FsError;
use crate::world::fs::Content;

pub(super) fn run(shell: &mut Shell, args: &[Vec<u8>], io: &mut Io) -> i32 {
    let (_, files) = options(args);
    if files.is_empty() {
        io.complain(&[b"touch: missing file operand\nTry 'touch --help' for more information."]);
        return 1;
    }
    let mut status = 0;
    for file in files {
        let path = shell.path(file);
        let touched = match shell.host.set_modified(shell.who(), &path, clock::unix_seconds()) {
            Err(FsError::NotFound) => shell.host.write(shell.who(), &path, Content::of([]), 0o644),
            other => other,
        };
        if let Err(error) = touched {
            io.complain(&[b"touch: cannot touch '", file, b"': ", error.text().as_bytes()]);
            status = 1;
        }
    }
    status
}
