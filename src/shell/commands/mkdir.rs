//! `mkdir` (coreutils 8.30): `-p`.

use super::{Io, options};
use crate::shell::Shell;
use crate::world::FsError;

pub(super) fn run(shell: &mut Shell, args: &[Vec<u8>], io: &mut Io) -> i32 {
    let (letters, folders) = options(args);
    if folders.is_empty() {
        io.complain(&[b"mkdir: missing operand\nTry 'mkdir --help' for more information."]);
        return 1;
    }
    let parents = letters.contains(&b'p');
    let mut status = 0;
    for folder in folders {
        let path = shell.path(folder);
        let ends = path.iter().enumerate().skip(1).filter(|(_, b)| **b == b'/').map(|(at, _)| at);
        let steps: Vec<usize> = if parents { ends.chain([path.len()]).collect() } else { vec![path.len()] };
        let made = steps.into_iter().try_for_each(|end| {
            let made = shell.host.make_folder(shell.who(), path.get(..end).unwrap_or(&path), 0o755);
            if parents && made == Err(FsError::Exists) { Ok(()) } else { made }
        });
        if let Err(error) = made {
            io.complain(&[
                b"mkdir: cannot create directory \xe2\x80\x98",
                folder,
                b"\xe2\x80\x99: ",
                error.text().as_bytes(),
            ]);
            status = 1;
        }
    }
    status
}
