//! `exit`, `logout` (bash 5.0 builtins).

use super::Io;
use crate::shell::Shell;

/// `exit` of a login shell says so.
pub(super) fn exit(shell: &mut Shell, args: &[Vec<u8>], io: &mut Io) -> i32 {
    io.out = b"logout\n".to_vec();
    logout(shell, args, io)
}

/// `logout` ends it without a word.
pub(super) fn logout(shell: &mut Shell, args: &[Vec<u8>], _io: &mut Io) -> i32 {
    shell.ended = true;
    let given = args.first().and_then(|arg| std::str::from_utf8(arg).ok()).and_then(|arg| arg.parse::<i32>().ok());
    given.map_or(shell.status, |status| status & 0xff)
}
