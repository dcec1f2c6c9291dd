//! Recorded conversations played against the dialog, and garbage.

use proptest::prelude::*;

use super::*;
use crate::protocols::transcript::{Turn, play_all};
use crate::world;

fn persona() -> world::Config {
    world::Config { hostname: "mail".into(), domain: "example.com".into(), ..world::Config::default() }
}

/// The loop's part, without a network.
struct Stage {
    dialog: Dialog,
    body: Option<Body>,
    /// Size of the chunks so far, as Postfix counts it.
    size: u64,
}

impl Stage {
    fn new(config: &Config, role: Role) -> Self {
        let world = World::new(&persona(), 7, 1 << 20, 1 << 20);
        let policy = Smtp::new(config, role).policy(&world, true);
        let host = world.host_for(std::net::IpAddr::from([127, 0, 0, 1]));
        let name = host.persona().fqdn.clone();
        let dialog = Dialog::new(host, policy, &name);
        Self { dialog, body: None, size: 0 }
    }

    fn bytes(&mut self, mut bytes: &[u8], queue_id: &str) -> (Vec<u8>, bool) {
        let mut said = Vec::new();
        while !bytes.is_empty() {
            if let Some(body) = &mut self.body {
                let end = body.push(bytes, &mut Vec::new());
                bytes = &bytes[end.unwrap_or(bytes.len())..];
                if end.is_some() {
                    self.body = None;
                    said.extend(text_of(self.dialog.delivered(Some(queue_id), 0)));
                }
                continue;
            }
            let Some(end) = bytes.iter().position(|&b| b == b'\n') else { break };
            let mut line = &bytes[..end];
            line = line.strip_suffix(b"\r").unwrap_or(line);
            bytes = &bytes[end + 1..];
            let longest = self.dialog.longest();
            let step =
                if line.len() > longest { self.dialog.long_line(&line[..longest]) } else { self.dialog.line(line) };
            match step {
                Step::Reply(text) => said.extend(text),
                Step::Close(text) => return ([said, text].concat(), true),
                Step::Data(text) => {
                    said.extend(text);
                    self.body = Some(Body::default());
                }
                Step::StartTls(text) => {
                    said.extend(text);
                    self.dialog.secured();
                    bytes = &[];
                }
                Step::Login { user, password } => {
                    let accepted = self.dialog.account_of(&user) == b"mailuser" && password == b"mailpass";
                    said.extend(text_of(self.dialog.logged_in(accepted)));
                }
                Step::Chunk { bytes: count, last } => {
                    let (chunk, rest) = bytes.split_at(bytes.len().min(count as usize));
                    bytes = rest;
                    let takes = self.dialog.takes_chunk(count, last);
                    let lines = chunk.split(|&b| b == b'\n').filter(|line| !line.is_empty());
                    self.size +=
                        lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line).len() as u64 + 2).sum::<u64>();
                    let step = if takes && last {
                        self.dialog.delivered(Some(queue_id), std::mem::take(&mut self.size))
                    } else {
                        self.dialog.chunk(count, last)
                    };
                    said.extend(text_of(step));
                }
            }
            if let Some(last) = self.dialog.exhausted() {
                return ([said, last].concat(), true);
            }
        }
        (said, false)
    }
}

#[test]
fn recorded_conversations() {
    play_all("smtp", 80, |profile| {
        let config = Config { auth: if profile == "auth" { Auth::Always } else { Auth::Off }, ..Config::default() };
        let mut stage = Stage::new(&config, if profile == "submission" { Role::Submission } else { Role::Relay });
        let mut greeted = false;
        move |turn: &Turn| {
            let mut said = Vec::new();
            if !std::mem::replace(&mut greeted, true) {
                said.extend_from_slice(b"220 mail.example.com ESMTP Postfix (Ubuntu)\r\n");
            }
            let sent: Vec<u8> = turn.lines.iter().flat_map(|line| [line.as_slice(), b"\r\n"].concat()).collect();
            let (answer, over) = stage.bytes(&sent, &turn.queue_id());
            said.extend(answer);
            (said, Vec::new(), over)
        }
    });
}

#[test]
fn chunks_make_a_mail() {
    let mut stage = Stage::new(&Config::default(), Role::Relay);
    let (said, _) = stage.bytes(b"MAIL FROM:<>\r\nRCPT TO:<root>\r\nBDAT 3\r\nabcBDAT 2 LAST\r\nxyNOOP\r\n", "A1");
    let wanted = "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.0.0 Ok: 3 bytes\r\n250 2.0.0 Ok: 9 bytes queued as A1\r\n250 2.0.0 Ok\r\n";
    assert_eq!(String::from_utf8(said).unwrap(), wanted);
}

#[tokio::test(start_paused = true)]
async fn a_mail_is_kept_recorded_and_in_the_mailbox() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let state = tempfile::tempdir().unwrap();
    let world = World::new(&persona(), 7, 1 << 20, 1 << 20);
    let (session, seen) = crate::protocols::transcript::visit(Arc::clone(&world), state.path());
    let (mut client, server) = tokio::io::duplex(64 << 10);
    let mut wire = Wire::new(Box::new(server), Arc::clone(&session));
    let smtp = Smtp::new(&Config::default(), Role::Relay);
    client
        .write_all(
            b"EHLO me\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<ubuntu@localhost>\r\nDATA\r\n\
              Subject: x\r\n\r\nFrom here\r\n..\r\n.\r\nQUIT\r\n",
        )
        .await
        .unwrap();
    let (reason, ()) = tokio::join!(Visit::new(&smtp, Arc::clone(&session), &mut wire).converse(), async {
        let mut said = String::new();
        client.read_to_string(&mut said).await.unwrap();
        assert!(said.contains("\r\n354 End data with <CR><LF>.<CR><LF>\r\n250 2.0.0 Ok: queued as "), "{said}");
        assert!(said.ends_with("\r\n221 2.0.0 Bye\r\n"), "{said}");
        drop(client);
    });
    assert_eq!(reason, CloseReason::DialogEnded);
    let kinds = seen.kinds();
    assert_eq!(kinds.iter().filter(|kind| matches!(kind, Kind::Command { .. })).count(), 5);
    let stored = kinds.iter().find_map(|kind| match kind {
        Kind::MailReceived { queue_id, stored, bytes, .. } => {
            assert_eq!((queue_id.len(), *bytes), (10, 28));
            stored.clone()
        }
        _ => None,
    });
    let kept = std::fs::read_to_string(state.path().join("captures").join(stored.unwrap())).unwrap();
    assert!(kept.starts_with("Return-Path: <a@b.c>\r\nReceived: from me (unknown [127.0.0.1])\r\n"), "{kept}");
    assert!(kept.ends_with("\r\nSubject: x\r\n\r\nFrom here\r\n.\r\n"), "{kept}");
    let mailbox = session.host().read_file(&crate::world::Who::root(), b"/var/mail/ubuntu", 4096).unwrap();
    let mailbox = String::from_utf8(mailbox).unwrap();
    assert!(mailbox.starts_with("From a@b.c  ") && mailbox.ends_with("\n\n>From here\n.\n\n"), "{mailbox}");
}

#[tokio::test(start_paused = true)]
async fn a_mail_that_breaks_off_is_evidence() {
    use tokio::io::AsyncWriteExt;
    let state = tempfile::tempdir().unwrap();
    let world = World::new(&persona(), 7, 1 << 20, 1 << 20);
    let (session, seen) = crate::protocols::transcript::visit(world, state.path());
    let (mut client, server) = tokio::io::duplex(64 << 10);
    let mut wire = Wire::new(Box::new(server), Arc::clone(&session));
    client.write_all(b"MAIL FROM:<>\r\nRCPT TO:<root>\r\nDATA\r\nQUIT\r\n").await.unwrap();
    client.shutdown().await.unwrap();
    let smtp = Smtp::new(&Config::default(), Role::Relay);
    let reason = Visit::new(&smtp, session, &mut wire).converse().await;
    assert_eq!(reason, CloseReason::PeerClosed);
    let broken = |kind: &Kind| matches!(kind, Kind::MailReceived { queue_id, bytes: 6, .. } if queue_id.is_empty());
    assert!(seen.kinds().iter().any(broken));
}

#[tokio::test(start_paused = true)]
async fn errors_wait_and_end_the_visit() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let state = tempfile::tempdir().unwrap();
    let world = World::new(&persona(), 7, 1 << 20, 1 << 20);
    let (session, _) = crate::protocols::transcript::visit(world, state.path());
    let (mut client, server) = tokio::io::duplex(64 << 10);
    let mut wire = Wire::new(Box::new(server), Arc::clone(&session));
    client.write_all(&b"FOO\r\n".repeat(22)).await.unwrap();
    let started = Instant::now();
    let smtp = Smtp::new(&Config::default(), Role::Relay);
    let visit = Visit::new(&smtp, session, &mut wire).converse();
    let (_, took) = tokio::join!(visit, async {
        let mut said = String::new();
        client.read_to_string(&mut said).await.unwrap();
        assert!(said.ends_with("421 4.7.0 mail.example.com Error: too many errors\r\n"), "{said}");
        assert_eq!(said.lines().count(), 21);
        drop(client);
        started.elapsed().as_secs()
    });
    assert_eq!(took, 11);
}

/// Silence, what is no TLS, and what only begins as it: each ends in its time, unanswered, and is on record.
#[tokio::test(start_paused = true)]
async fn handshakes_that_never_come_end() {
    use crate::session::tls;
    use tokio::io::AsyncWriteExt;

    let state = tempfile::tempdir().unwrap();
    let world = World::new(&persona(), 7, 1 << 20, 1 << 20);
    let (session, seen) = crate::protocols::transcript::visit(world, state.path());
    let tls = tls::Tls::open(&tls::Config::default(), &tls::Snakeoil::make("a.example", 0).unwrap()).unwrap();
    for (sent, reason) in [
        (b"".as_slice(), CloseReason::Idle),
        (b"\x16\x03", CloseReason::Idle),
        (b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc", CloseReason::Idle),
        (b"NOOP\r\n", CloseReason::DialogEnded),
        (b"\x16\x03\x01\x00\x05hello", CloseReason::DialogEnded),
    ] {
        let (mut client, server) = tokio::io::duplex(1 << 10);
        client.write_all(sent).await.unwrap();
        let mut wire = Wire::new(Box::new(server), Arc::clone(&session));
        wire.set_idle(Duration::from_secs(5));
        let began = Instant::now();
        assert_eq!(wire.start_tls(&tls).await, Err(reason), "{sent:?}");
        assert_eq!(began.elapsed().as_secs(), if reason == CloseReason::Idle { 5 } else { 0 });
        let last = seen.kinds().pop().unwrap();
        let Kind::TlsHello { error: Some(_), ja3: None, bytes, .. } = last else { panic!("{last:?}") };
        assert_eq!(
            bytes.0,
            sent.get(..sent.len().min(if reason == CloseReason::Idle { 99 } else { bytes.0.len() })).unwrap()
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(lines in proptest::collection::vec(any::<Vec<u8>>(), 0..8), verb in 0..10_usize) {
        const VERBS: [&str; 8] = ["EHLO", "MAIL FROM:", "RCPT TO:", "BDAT", "VRFY", "ETRN", "MAIL FROM:<> ", "DATA"];
        let mut stage = Stage::new(&Config::default(), Role::Relay);
        for line in lines {
            let verb = VERBS.get(verb).copied().unwrap_or_default().as_bytes();
            stage.bytes(&[b"RSET\r\nMAIL FROM:<a>\r\n", verb, b" ", &line, b"\r\n"].concat(), "A1");
            stage.bytes(&line, "A1");
        }
    }
}
