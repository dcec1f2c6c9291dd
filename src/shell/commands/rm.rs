//! `rm` (coreutils 8.30): `-r`, `-f`.

use super::{Io, options};
use crate::shell::Shell;
use crate::world::FsError;
use crate::world::fs::resolve;

pub(super) fn run(shell: &mut Shell, args: &[Vec<u8>], io: &mut Io) -> i32 {
    let (letters, files) = options(args);
    let force = letters.contains(&b'f');
    let deep = letters.iter().any(|b| b"rR".contains(b));
    if files.is_empty() && !force {
        io.complain(&[b"rm: missing operand\nTry 'rm --help' for more information."]);
        return 1;
    }
    let mut status = 0;
    for file in files {
        let path = shell.path(file);
        if deep && path == b"/" {
            io.complain(&[b"rm: it is dangerous to operate recursively on '/'\nrm: use --no-preserve-root to override this failsafe"]);
            status = 1;
            continue;
        }
        match remove(shell, &path, deep, 0) {
            Ok(()) => {}
            Err(FsError::NotFound) if force => {}
            Err(error) => {
                io.complain(&[b"rm: cannot remove '", file, b"': ", error.text().as_bytes()]);
                status = 1;
            }
        }
    }
    status
}

/// Folders nest at most as deep as a path is long.
fn remove(shell: &Shell, path: &[u8], deep: bool, depth: usize) -> Result<(), FsError> {
    let who = shell.who();
    let folder = shell.host.stat(who, path, false)?.folder;
    if folder && deep && depth < 128 {
        for (name, _) in shell.host.list(who, path)? {
            remove(shell, &resolve(path, &name), deep, depth + 1)?;
        }
    }
    shell.host.remove(who, path, folder && deep)
}
