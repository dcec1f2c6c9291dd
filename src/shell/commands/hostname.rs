//! `hostname` (3.23): `-f`, `-i`, `-I`, `-d`.

use super::{Io, options};
use crate::shell::Shell;

pub(super) fn run(shell: &mut Shell, args: &[Vec<u8>], io: &mut Io) -> i32 {
    let persona = shell.host.persona();
    let (letters, _) = options(args);
    let text = match letters.first() {
        Some(b'f') => persona.fqdn.clone(),
        Some(b'd') => persona.domain.clone(),
        Some(b'i') => "127.0.1.1".into(),
        Some(b'I') => format!("{} ", persona.address),
        _ => persona.hostname.clone(),
    };
    io.out = format!("{text}\n").into_bytes();
    0
}
