//! `true` and `false` (bash 5.0 builtins).

use super::Io;
use crate::shell::Shell;

pub(super) fn yes(_shell: &mut Shell, _args: &[Vec<u8>], _io: &mut Io) -> i32 {
    0
}

pub(super) fn no(_shell: &mut Shell, _args: &[Vec<u8>], _io: &mut Io) -> i32 {
    1
}
