//! `pwd` (bash 5.0 builtin).

use super::Io;
use crate::shell::Shell;

pub(super) fn run(shell: &mut Shell, _args: &[Vec<u8>], io: &mut Io) -> i32 {
    io.out = [shell.cwd.as_slice(), b"\n"].concat();
    0
}
