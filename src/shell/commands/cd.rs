//! `cd` (bash 5.0 builtin).

use super::Io;
use crate::shell::Shell;
use crate::world::FsError;

pub(super) fn run(shell: &mut Shell, args: &[Vec<u8>], io: &mut Io) -> i32 {
    let target = match args {
        [] => shell.variable(b"HOME"),
        [dash] if dash == b"-" => {
            let old = shell.variable(b"OLDPWD");
            if old.is_empty() {
                io.complain(&[b"-bash: cd: OLDPWD not set"]);
                return 1;
            }
            io.out = [old.as_slice(), b"\n"].concat();
            old
        }
        [target] => target.clone(),
        _ => {
            io.complain(&[b"-bash: cd: too many arguments"]);
            return 1;
        }
    };
    let path = shell.path(&target);
    let error = match shell.host.stat(shell.who(), &path, true) {
        Ok(meta) if !meta.folder => FsError::NotFolder,
        Ok(meta) if meta.mode & 0o111 == 0 => FsError::Denied,
        Ok(_) => {
            let old = std::mem::replace(&mut shell.cwd, path);
            shell.variables.insert(b"OLDPWD".to_vec(), old);
            return 0;
        }
        Err(error) => error,
    };
    io.complain(&[b"-bash: cd: ", &target, b": ", error.text().as_bytes()]);
    1
}
