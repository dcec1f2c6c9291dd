//! `id` (coreutils 8.30): `-u`, `-g`, `-G`, `-n`, and a user's name.

use super::{Io, options};
use crate::shell::Shell;

pub(super) fn run(shell: &mut Shell, args: &[Vec<u8>], io: &mut Io) -> i32 {
    let (letters, names) = options(args);
    let account = match names.first() {
        None => &shell.account,
        Some(name) => match shell.host.accounts().iter().find(|account| account.name.as_bytes() == *name) {
            Some(account) => account,
            None => {
                io.complain(&[b"id: \xe2\x80\x98", name, b"\xe2\x80\x99: no such user"]);
                return 1;
            }
        },
    };
    let (name, uid) = (&account.name, account.uid);
    let text = match (letters.iter().any(|b| b"ugG".contains(b)), letters.contains(&b'n')) {
        (true, true) => name.clone(),
        (true, false) => uid.to_string(),
        _ => format!("uid={uid}({name}) gid={uid}({name}) groups={uid}({name})"),
    };
    io.out = format!("{text}\n").into_bytes();
    0
}
