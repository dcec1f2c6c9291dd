//! `whoami` (coreutils 8.30).

use super::Io;
use crate::shell::Shell;

pub(super) fn run(shell: &mut Shell, _args: &[Vec<u8>], io: &mut Io) -> i32 {
    io.out = format!("{}\n", shell.account.name).into_bytes();
    0
}
