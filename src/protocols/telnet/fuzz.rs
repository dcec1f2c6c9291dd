//! For `fuzz/`: any bytes of a visitor, in pieces.

use super::dialog::{Dialog, Step};
use crate::world::{LoginProgram, TelnetDaemon};

/// Feeds the bytes to each daemon in pieces whose length the first byte says; panics when far more comes back than went
/// in.
pub fn talk(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    for daemon in [TelnetDaemon::Netkit, TelnetDaemon::Inetutils, TelnetDaemon::Busybox] {
        for login in [LoginProgram::Shadow, LoginProgram::Busybox] {
            let dialog = Dialog::new(daemon, login, ("mail", "mail.example.com"), 5);
            with(dialog, usize::from(*first) + 1, rest);
        }
    }
}

fn with(mut dialog: Dialog, piece: usize, bytes: &[u8]) {
    let (mut sent, mut handed) = (0, 0);
    for piece in bytes.chunks(piece) {
        dialog.feed(piece);
        while let Some(step) = dialog.next_step() {
            match step {
                Step::Send(bytes) => sent += bytes.len(),
                Step::Start => dialog.started(),
                Step::Login { name, .. } if name.len().is_multiple_of(2) => dialog.logged_in(),
                Step::Login { .. } | Step::Refuse { .. } => {
                    sent += dialog.meanwhile().len();
                    dialog.login_failed();
                }
                Step::Keys(keys) => handed += keys.len(),
                Step::Signal(_) => {}
                Step::Environ(variable) => assert!(variable.name.len() + variable.value.len() <= bytes.len()),
                Step::TooLong(line) => assert!(line.len() <= bytes.len()),
                Step::Close(_) => return,
            }
        }
        assert!(dialog.unfinished().len() <= bytes.len());
    }
    let _ = (dialog.terminal(), dialog.take_option_bytes());
    assert!(handed <= bytes.len(), "{handed} keys of {} bytes", bytes.len());
    assert!(sent <= 1000 + 600 * bytes.len(), "{sent} bytes for {}", bytes.len());
}

#[test]
fn seeds_talk() {
    talk(b"\x03\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27root\r\nx\r\nls\r\n\x03\x7f\x15\xff\xf4\xff\xf6");
    talk(b"\xff\xff\xfa\x18\x00vt100\xff\xf0\xff\xfa\x1f\xff\xff\x00\x00\x00\xff\xf0\xff");
}
