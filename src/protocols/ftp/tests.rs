//! Recorded conversations played against the dialog, and garbage.

use proptest::prelude::*;

use std::net::IpAddr;

use super::data::PIECE;
use super::dialog::{Download, Upload};
use super::*;
use crate::protocols::transcript::{Turn, play_all};
use crate::world::{self, AccountConfig, FileConfig, World};

fn world() -> Arc<World> {
    let account = |name: &str, password: &str| AccountConfig { name: name.into(), passwords: vec![password.into()] };
    let file = |path: &str, content: &str, owner: &str| FileConfig {
        path: path.into(),
        content: content.into(),
        owner: owner.into(),
        mode: String::new(),
        modified: "2024-01-15T10:30:00Z".into(),
        invent: String::new(),
    };
    let config = world::Config {
        accounts: vec![account("root", "x9"), account("first", "x9"), account("ftpuser", "ftppass")],
        files: vec![
            file("/home/ftpuser/backup.tar.gz", "backup backup\n", "ftpuser"),
            file("/home/ftpuser/docs/", "", "ftpuser"),
            file("/home/ftpuser/docs/plan.txt", "plan\n", "ftpuser"),
            file("/home/ftpuser/notes.txt", "remember the notes..", "ftpuser"),
            file("/srv/ftp/", "", "root"),
            file("/srv/ftp/pub/", "", "root"),
            file("/srv/ftp/welcome.txt", "welcome to the ftp server...", "root"),
        ],
        ..world::Config::default()
    };
    World::new(&config, 7, 1 << 20, 1 << 20)
}

/// The loop's part, without a network.
struct Stage {
    world: Arc<World>,
    dialog: Dialog,
    anonymous: bool,
}

impl Stage {
    fn new(profile: &str) -> Self {
        let world = world();
        let visitor = IpAddr::from([127, 0, 0, 1]);
        let rules = Rules { write: profile == "write", idle: 300, ..Rules::default() };
        let dialog = Dialog::new(world.host_for(visitor), visitor, rules);
        Self { world, dialog, anonymous: profile == "anonymous" }
    }

    /// Answer, what went out over the data connection, and whether the conversation is over.
    fn line(&mut self, line: &[u8], turn: &Turn) -> (Vec<u8>, Vec<u8>, bool) {
        let step = if line.len() > LONGEST { Dialog::too_long() } else { self.dialog.line(line) };
        let step = match step {
            Step::Login { user, .. } if self.anonymous && Dialog::is_guest(&user) => self.dialog.anonymous(),
            Step::Login { user, password } => {
                match self.world.host_for([127, 0, 0, 1].into()).login(&user, &password) {
                    Some(account) => self.dialog.local(&account),
                    None => self.dialog.refused(),
                }
            }
            Step::Listen { extended } => self.dialog.listening(extended, Some(turn.passive_address())),
            step => step,
        };
        let transfers = matches!(step, Step::List { .. } | Step::Send(_) | Step::Receive(_));
        if transfers && self.dialog.take_channel().is_some() {
            return (b"425 Failed to establish connection.\r\n".to_vec(), Vec::new(), false);
        }
        let words = |first: &str, last: &str| format!("{first}\r\n{last}\r\n").into_bytes();
        match step {
            Step::Reply(text) => (text, Vec::new(), false),
            Step::Close(text) => (text, Vec::new(), true),
            Step::List { lines, done } => (words("150 Here comes the directory listing.", done), lines, false),
            Step::Send(Download { opening, content, offset, .. }) => {
                (words(&opening, "226 Transfer complete."), content.read_at(offset, PIECE).unwrap(), false)
            }
            Step::Receive(Upload { opening, path, who, old, keep, mode, .. }) => {
                let old = old.unwrap();
                let mut new = old.read_at(0, keep as usize).unwrap();
                new.extend_from_slice(&turn.uploaded);
                new.extend(old.read_at(new.len() as u64, PIECE).unwrap());
                let host = self.world.host_for(IpAddr::from([127, 0, 0, 1]));
                host.write_file(&who, &path, &new, mode).unwrap();
                (words(&opening, "226 Transfer complete."), Vec::new(), false)
            }
            _ => (Vec::new(), Vec::new(), false),
        }
    }
}

#[test]
fn recorded_conversations() {
    play_all("ftp", 15, |profile| {
        let mut stage = Stage::new(profile);
        let mut greeted = false;
        move |turn| {
            let mut said = if std::mem::replace(&mut greeted, true) { Vec::new() } else { BANNER.to_vec() };
            let (mut sent, mut over) = (Vec::new(), false);
            for line in &turn.lines {
                let (answer, data, last) = stage.line(line, turn);
                said.extend(answer);
                sent.extend(data);
                over = last;
                if over {
                    break;
                }
            }
            (said, sent, over)
        }
    });
}

/// Sends a line and reads up to the end of the answer's last line.
async fn ask(control: &mut tokio::io::DuplexStream, line: &str, answers: usize) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    control.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    let mut said = String::new();
    while said.matches("\r\n").count() < answers {
        said.push(char::from(control.read_u8().await.unwrap()));
    }
    said
}

/// PASV, a connection to it, and the command with its first answer.
async fn transfer(control: &mut tokio::io::DuplexStream, line: &str) -> tokio::net::TcpStream {
    let turn = Turn::said(&ask(control, "PASV", 1).await);
    #[expect(clippy::disallowed_methods, reason = "the test is the visitor")]
    let data = tokio::net::TcpStream::connect(turn.passive_address()).await.unwrap();
    assert!(ask(control, line, 1).await.starts_with("150 "));
    data
}

#[tokio::test]
async fn a_file_comes_and_goes_over_data_connections() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let state = tempfile::tempdir().unwrap();
    let (session, seen) = crate::protocols::transcript::visit(world(), state.path());
    let (mut control, server) = tokio::io::duplex(64 << 10);
    let mut wire = Wire::new(Box::new(server), Arc::clone(&session));
    let ftp = Ftp::new(&Config::default());
    let visit = Visit::new(&ftp, Arc::clone(&session), &mut wire).converse();
    let (reason, ()) = tokio::join!(visit, async {
        ask(&mut control, "USER ftpuser", 1).await;
        assert_eq!(ask(&mut control, "PASS ftppass", 1).await, "230 Login successful.\r\n");
        for (line, sent) in [("STOR a.bin", b"hello ".as_slice()), ("APPE a.bin", b"world")] {
            let mut data = transfer(&mut control, line).await;
            data.write_all(sent).await.unwrap();
            drop(data);
            assert_eq!(ask(&mut control, "", 1).await, "226 Transfer complete.\r\n");
        }
        assert_eq!(ask(&mut control, "SIZE a.bin", 1).await, "213 11\r\n");
        let mut got = String::new();
        transfer(&mut control, "RETR a.bin").await.read_to_string(&mut got).await.unwrap();
        assert_eq!(got, "hello world");
        ask(&mut control, "", 1).await;
        got.clear();
        transfer(&mut control, "LIST a*").await.read_to_string(&mut got).await.unwrap();
        assert!(got.starts_with("-rw-------    1 1001     1001           11 ") && got.ends_with(" a.bin\r\n"), "{got}");
        ask(&mut control, "", 1).await;
        assert_eq!(ask(&mut control, "PORT 127,0,0,1,200,1", 1).await.split(' ').next(), Some("200"));
        assert_eq!(ask(&mut control, "LIST", 1).await, "425 Failed to establish connection.\r\n");
        ask(&mut control, "QUIT", 1).await;
        drop(control);
    });
    assert_eq!(reason, CloseReason::DialogEnded);
    let kinds = seen.kinds();
    let uploads = kinds.iter().filter(|kind| matches!(kind, Kind::FileUploaded { stored: Some(_), .. })).count();
    let downloads = kinds.iter().filter(|kind| matches!(kind, Kind::FileDownloaded { bytes: 11, .. })).count();
    assert_eq!((uploads, downloads), (2, 1));
}

proptest! {
    #[test]
    fn no_line_panics(lines in proptest::collection::vec(any::<Vec<u8>>(), 0..8), verb in 0..40_usize) {
        const VERBS: [&str; 20] = ["LIST", "NLST", "RETR", "STOR", "APPE", "STOU", "CWD", "EPRT", "PORT", "MDTM", "SITE CHMOD",
            "SITE UMASK", "REST", "SIZE", "STAT", "EPSV", "TYPE", "RNFR", "RNTO", "MKD"];
        let mut stage = Stage::new("write");
        let turn = Turn::default();
        stage.line(b"USER ftpuser", &turn);
        stage.line(b"PASS ftppass", &turn);
        for line in lines {
            stage.line(b"PASV", &turn);
            let verb = VERBS.get(verb).copied().unwrap_or_default().as_bytes();
            stage.line(&[verb, b" ", &line].concat(), &turn);
            stage.line(&line, &turn);
        }
    }
}
