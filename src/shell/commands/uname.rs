//! `uname` (coreutils 8.30).

use super::{Io, options};
use crate::shell::Shell;

pub(super) fn run(shell: &mut Shell, args: &[Vec<u8>], io: &mut Io) -> i32 {
    let persona = shell.host.persona();
    let (letters, _) = options(args);
    if let Some(bad) = letters.iter().find(|b| !b"asnrvmpio".contains(b)) {
        io.complain(&[b"uname: invalid option -- '", &[*bad], b"'\nTry 'uname --help' for more information."]);
        return 1;
    }
    let all = letters.contains(&b'a');
    let wanted = |letter| all || letters.contains(&letter) || (letters.is_empty() && letter == b's');
    let fields = [
        (b's', "Linux"),
        (b'n', persona.hostname.as_str()),
        (b'r', persona.kernel),
        (b'v', persona.kernel_version),
        (b'm', persona.machine),
        (b'p', persona.machine),
        (b'i', persona.machine),
        (b'o', "GNU/Linux"),
    ];
    let shown: Vec<&str> = fields.iter().filter(|(letter, _)| wanted(*letter)).map(|(_, text)| *text).collect();
    io.out = format!("{}\n", shown.join(" ")).into_bytes();
    0
}
