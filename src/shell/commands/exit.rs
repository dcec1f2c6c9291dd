//! `exit`, `logout` (bash 5.0 builtins).

use super::Io;
use crate::shell::Shell;

pub(super) fn run(shell: &mut Shell, args: &[Vec<u8>], io: &mut Io) -> i32 {
    io.out = b"logout\n".to_vec();
    shell.ended = true;
    let given = args.first().and_then(|arg| std::str::from_utf8(arg).ok()).and_then(|arg| arg.parse::<i32>().ok());
    given.map_or(shell.status, |status| status & 0xff)
}
