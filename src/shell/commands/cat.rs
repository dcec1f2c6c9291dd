//! `cat` (coreutils 8.30).

use super::{Io, options};
use crate::shell::Shell;

const MOST: usize = 1 << 20;

pub(super) fn run(shell: &mut Shell, args: &[Vec<u8>], io: &mut Io) -> i32 {
    let (_, files) = options(args);
    if files.is_empty() {
        io.out = std::mem::take(&mut io.input);
        return 0;
    }
    let mut status = 0;
    for file in files {
        if io.out.len() > MOST {
            break;
        }
        if file == b"-" {
            io.out.append(&mut io.input);
            continue;
        }
        match shell.host.open(shell.who(), &shell.path(file)) {
            Ok(content) => io.out.extend(content.read_at(0, MOST)),
            Err(error) => {
                io.complain(&[b"cat: ", file, b": ", error.text().as_bytes()]);
                status = 1;
            }
        }
    }
    status
}
