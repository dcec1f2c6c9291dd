//! For `fuzz/`: any bytes as the lines and mails of a visitor.

use std::sync::OnceLock;

use super::body::Body;
use super::dialog::{Dialog, Policy, Step};
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
    let policy =
        Policy { destinations: vec!["localhost".into()], keeps_all: bytes.len().is_multiple_of(2), size_limit: 1000 };
    let mut dialog = Dialog::new(world().host_for([192, 0, 2, 7].into()), policy);
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let step = dialog.line(line.get(..LONGEST.min(line.len())).unwrap_or_default());
        let answer = match step {
            Step::Reply(text) => text,
            Step::Close(_) => return,
            Step::Data(text) => {
                let (mut body, mut kept) = (Body::default(), Vec::new());
                match body.push(rest, &mut kept) {
                    Some(used) => rest = rest.get(used..).unwrap_or_default(),
                    None => return,
                }
                assert!(kept.len() <= bytes.len());
                let _ = (dialog.envelope(), dialog.delivered((kept.len() < 1000).then_some("AB12")));
                text
            }
            Step::Chunk { bytes, last } => {
                let taken = usize::try_from(bytes).unwrap_or(usize::MAX).min(rest.len());
                rest = rest.get(taken..).unwrap_or_default();
                let step = if last { dialog.delivered(Some("AB12")) } else { dialog.chunk(bytes) };
                if let Step::Reply(text) = step { text } else { Vec::new() }
            }
        };
        assert!(answer.len() < ANSWER, "{} bytes for {}", answer.len(), line.escape_ascii());
        let _ = dialog.is_slow(&answer);
        if dialog.exhausted().is_some() {
            return;
        }
    }
}

#[test]
fn seeds_talk() {
    talk(b"EHLO x\r\nMAIL FROM:<a@b.invalid> SIZE=9\r\nRCPT TO:<root@localhost>\r\nDATA\r\nhi\r\n..\r\n.\r\nQUIT\r\n");
    talk(b"HELO\nMAIL FROM:<\xff\"@\nRCPT TO:<@a,@b:c@d>\nBDAT 99999999999999999999 LAST\nVRFY \x00\n\n\n");
}
