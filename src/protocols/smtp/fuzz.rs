//! For `fuzz/`: any bytes as the lines and mails of a visitor.

use std::sync::OnceLock;

use super::body::Body;
use super::dialog::{Auth, Dialog, Policy, Step};
use super::*;
use crate::world::{self, World};

/// Bytes that one line may be answered with.
const ANSWER: usize = 64 << 10;

fn world() -> &'static World {
    static WORLD: OnceLock<Arc<World>> = OnceLock::new();
    WORLD.get_or_init(|| World::new(&world::Config::default(), 7, 1 << 22, 1 << 30))
}

/// Says the bytes to a dialog; panics when an answer is too long, or more of a mail is used than came.
pub fn talk(bytes: &[u8]) {
    let odd = !bytes.len().is_multiple_of(2);
    let policy = Policy {
        destinations: vec!["localhost".into()],
        keeps_all: !odd,
        size_limit: 1000,
        starttls: true,
        needs_tls: false,
        auth: Auth::Always,
        submission: odd,
    };
    let host = world().host_for([192, 0, 2, 7].into());
    let name = host.persona().fqdn.clone();
    let mut dialog = Dialog::new(host, policy, &name);
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let step = dialog.line(line.get(..dialog.longest().min(line.len())).unwrap_or_default());
        let answer = match step {
            Step::Reply(text) => text,
            Step::Close(_) => return,
            Step::StartTls(text) => {
                dialog.secured();
                text
            }
            Step::Login { user, password } => {
                let _ = dialog.account_of(&user).len();
                match dialog.logged_in(password.len() > 4) {
                    Step::Reply(text) => text,
                    _ => return,
                }
            }
            Step::Data(text) => {
                let (mut body, mut kept) = (Body::default(), Vec::new());
                match body.push(rest, &mut kept) {
                    Some(used) => rest = rest.get(used..).unwrap_or_default(),
                    None => return,
                }
                assert!(kept.len() <= bytes.len());
                look_into(&kept);
                let _ = (dialog.envelope(), dialog.delivered((kept.len() < 1000).then_some("AB12"), kept.len() as u64));
                text
            }
            Step::Chunk { bytes, last } => {
                let taken = usize::try_from(bytes).unwrap_or(usize::MAX).min(rest.len());
                look_into(rest.get(..taken).unwrap_or_default());
                rest = rest.get(taken..).unwrap_or_default();
                let whole = last && dialog.takes_chunk(bytes, last);
                let step = if whole { dialog.delivered(Some("AB12"), bytes) } else { dialog.chunk(bytes, last) };
                if let Step::Reply(text) = step { text } else { Vec::new() }
            }
        };
        assert!(answer.len() < ANSWER, "{} bytes for {}", answer.len(), line.escape_ascii());
        let _ = dialog.is_slow();
        if dialog.exhausted().is_some() {
            return;
        }
    }
}

/// Reads a mail; panics when its parts are out of proportion to it.
fn look_into(mail: &[u8]) {
    let content = mime::read(mail);
    // Each of a hundred attachments may be the mails in it as well.
    let attached: usize = content.attachments.iter().map(|part| part.bytes.len()).sum();
    assert!(attached <= 300 * mail.len(), "{attached} bytes of {}", mail.len());
}

#[test]
fn seeds_talk() {
    talk(b"EHLO x\r\nMAIL FROM:<a@b.invalid> SIZE=9\r\nRCPT TO:<root@localhost>\r\nDATA\r\nhi\r\n..\r\n.\r\nQUIT\r\n");
    talk(b"HELO\nMAIL FROM:<\xff\"@\nRCPT TO:<@a,@b:c@d>\nBDAT 99999999999999999999 LAST\nVRFY \x00\n\n\n");
}
