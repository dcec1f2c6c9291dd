//! A mail that comes in: kept as a capture, and put in the mailboxes of the simulated host's users.

use std::sync::atomic::{AtomicU32, Ordering};

use super::dialog::Envelope;
use crate::base::clock::{self, Timestamp};
use crate::base::rng::Rng;
use crate::prelude::*;
use crate::session::Capture;
use crate::world::{Open, Who};

/// How much of a mail goes into a mailbox, and how big a mailbox may become.
const MAILBOX_PART: usize = 64 << 10;
const MAILBOX: u64 = 1 << 20;

/// One mail.
pub struct Incoming {
    capture: Capture,
    envelope: Envelope,
    queue_id: String,
    at: Timestamp,
    limit: u64,
    bytes: u64,
    head: Vec<u8>,
    start: Vec<u8>,
}

impl Incoming {
    /// Begins a mail with the headers that Postfix puts before it.
    pub fn begin(session: &Session, envelope: Envelope, limit: u64) -> Self {
        let at = clock::now();
        let queue_id = queue_id(at);
        let head = headers(session, &envelope, &queue_id, at);
        let mut capture = session.captures().begin(session.limits().capture_bytes);
        capture.push(&head);
        Self { capture, envelope, queue_id, at, limit, bytes: 0, head, start: Vec::new() }
    }

    /// Adds what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.capture.push(bytes);
        let room = MAILBOX_PART.saturating_sub(self.start.len());
        self.start.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Keeps the mail, records it, and gives its queue id; `None` when it is too big to be accepted.
    pub fn finish(self, session: &Session) -> Option<String> {
        let accepted = self.bytes <= self.limit;
        if accepted {
            self.file(session);
        }
        self.keep(session, accepted)
    }

    /// Keeps what came of a mail whose sender went away in the middle of it; its queue id is empty.
    pub fn abandon(self, session: &Session) {
        if self.bytes > 0 {
            self.keep(session, false);
        }
    }

    fn keep(self, session: &Session, accepted: bool) -> Option<String> {
        let stored = self.capture.store();
        let Envelope { helo, from, to, .. } = self.envelope;
        let queue_id = if accepted { self.queue_id } else { String::new() };
        session.log().record(Kind::MailReceived {
            helo: Raw::from(helo),
            mail_from: Raw::from(from),
            rcpt_to: to.into_iter().map(Raw::from).collect(),
            queue_id: queue_id.clone(),
            bytes: self.bytes,
            sha256: stored.sha256,
            stored: stored.name,
        });
        accepted.then_some(queue_id)
    }

    /// Appends to `/var/mail/USER` of each recipient, in the form of mbox.
    fn file(&self, session: &Session) {
        let host = session.host();
        let root = Who::root();
        let sender = if self.envelope.from.is_empty() { b"MAILER-DAEMON".as_slice() } else { &self.envelope.from };
        let date = self.at.strftime("%a %b %e %H:%M:%S %Y").to_string();
        for user in &self.envelope.users {
            let path = format!("/var/mail/{user}").into_bytes();
            let mut mailbox = [b"From ", sender, b"  ", date.as_bytes(), b"\n"].concat();
            for line in [self.head.as_slice(), &self.start].concat().split_inclusive(|&b| b == b'\n') {
                if line.starts_with(b"From ") {
                    mailbox.push(b'>');
                }
                match line.strip_suffix(b"\r\n") {
                    Some(text) => mailbox.extend([text, b"\n"].concat()),
                    None => mailbox.extend_from_slice(line),
                }
            }
            mailbox.push(b'\n');
            if let Ok(file) = host.open(&root, &path, Open::append(0o600))
                && file.len() + mailbox.len() as u64 <= MAILBOX
            {
                let _ = file.append(&mailbox);
            }
        }
    }
}

fn headers(session: &Session, envelope: &Envelope, queue_id: &str, at: Timestamp) -> Vec<u8> {
    let ip = session.log().visit().src_ip.to_canonical();
    let ip = if ip.is_ipv6() { format!("IPv6:{ip}") } else { ip.to_string() };
    let with = if envelope.esmtp { "ESMTP" } else { "SMTP" };
    let name = &session.world().persona().fqdn;
    let date = at.strftime("%a, %e %b %Y %H:%M:%S +0000 (UTC)").to_string();
    let mut head = [b"Return-Path: <", envelope.from.as_slice(), b">\r\n"].concat();
    let helo: &[u8] = if envelope.helo.is_empty() { b"unknown" } else { &envelope.helo };
    head.extend([b"Received: from ", helo].concat());
    head.extend(format!(" (unknown [{ip}])\r\n\tby {name} (Postfix) with {with} id {queue_id}").into_bytes());
    if let [only] = envelope.to.as_slice() {
        head.extend([b"\r\n\tfor <", only.as_slice(), b">"].concat());
    }
    head.extend(format!("; {date}\r\n").into_bytes());
    head
}

/// As Postfix makes them: the microseconds of the moment, then the number of the queue file's inode.
fn queue_id(at: Timestamp) -> String {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let step = 1 + Rng::new(at.as_microsecond().unsigned_abs(), "inode").between(0, 2);
    let files = FILES.fetch_add(u32::try_from(step).unwrap_or(1), Ordering::Relaxed);
    format!("{:05X}{:05X}", at.subsec_microsecond(), 0x4_0000 + files % 0xB_0000)
}
