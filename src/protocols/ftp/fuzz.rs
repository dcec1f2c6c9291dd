//! For `fuzz/`: any bytes as the lines of a visitor. How many there are decides whether there is TLS.

use std::net::IpAddr;
use std::sync::OnceLock;

use super::dialog::{Dialog, Step};
use super::*;
use crate::world::{self, World};

/// Bytes that one line may be answered with.
const ANSWER: usize = 8 << 20;

fn world() -> &'static World {
    static WORLD: OnceLock<Arc<World>> = OnceLock::new();
    WORLD.get_or_init(|| World::new(&world::Config::default(), 7, 1 << 22, 1 << 30))
}

/// Says each line of the bytes to a dialog that writes and lets everybody in; panics when an answer is too long.
pub fn talk(bytes: &[u8]) {
    let visitor = IpAddr::from([192, 0, 2, 7]);
    let host = world().host_for(visitor);
    let tls = match bytes.len() % 3 {
        0 => Secure::Off,
        1 => Secure::Offered,
        _ => Secure::Required,
    };
    let rules = Rules { write: true, guest_write: true, tls, idle: 300 };
    let mut dialog = Dialog::new(Arc::clone(&host), visitor, rules);
    for line in bytes.split(|&byte| byte == b'\n').take(200) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let step = if line.len() > LONGEST { Dialog::too_long() } else { dialog.line(line) };
        let step = match step {
            Step::Login { user, .. } if Dialog::is_guest(&user) => dialog.anonymous(),
            Step::Login { user, .. } => match host.account(&user) {
                Some(account) => dialog.local(&account),
                None => dialog.refused(),
            },
            Step::Listen { extended } => dialog.listening(extended, Some(([127, 0, 0, 1], 4000).into())),
            step => step,
        };
        let answered = match step {
            Step::Reply(text) => text.len(),
            Step::Close(_) => return,
            Step::List { lines, .. } => lines.len(),
            Step::Send(download) => download.content.read_at(download.offset, 1 << 16).map_or(0, |bytes| bytes.len()),
            Step::Receive(upload) => {
                let _ = host.write_file(&upload.who, &upload.path, line, upload.mode);
                0
            }
            Step::Silent | Step::Login { .. } | Step::Listen { .. } | Step::StartTls(_) => 0,
        };
        assert!(answered < ANSWER, "{answered} bytes for {}", line.escape_ascii());
    }
}

#[test]
fn seeds_talk() {
    talk(
        b"USER root\r\nPASS x\r\nPASV\r\nLIST -la /etc\r\nRETR /etc/passwd\r\nSTOR a\r\nREST 99999999999999999999\r\n",
    );
    for seed in [
        b"AUTH TLS\r\nPBSZ 0\r\nPROT P\r\nUSER root\r\nPASS x\r\nEPRT |2|::1|40|\r\nLIST {a,b*}?[\r\n".as_slice(),
        b"USER root\nPASS x\nSTAT /etc/*.{c,conf}\nNLST ?*{\nSITE CHMOD 0777 a\nMDTM 20200101000000 /etc/passwd",
    ] {
        // With TLS off, offered, required.
        for blanks in 0..3 {
            talk(&[seed, &b"\n\n"[..blanks]].concat());
        }
    }
    talk(b"USER ftp\nPASS\nEPSV\nNLST ../../*\nMDTM \xff\nSIZE .\n\xff\xf4ABOR\nQUIT");
}
