//! A mail that comes in: kept as a capture, and put in the mailboxes of the simulated host's users.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Semaphore;

use super::dialog::Envelope;
use super::mime;
use crate::base::clock::{self, Timestamp};
use crate::base::rng::Rng;
use crate::prelude::*;
use crate::session::Capture;
use crate::world::{Open, Who};

const RETURN_PATH: &[u8] = b"Return-Path: <";
/// How much of a mail goes into a mailbox, and how big a mailbox may become.
const MAILBOX_PART: usize = 64 << 10;
const MAILBOX: u64 = 1 << 20;
/// A mail that is parsed at once, in less time than it takes to hand it to somebody else.
const SMALL: usize = 8 << 10;

/// One mail.
pub struct Incoming {
    capture: Capture,
    envelope: Envelope,
    queue_id: String,
    at: Timestamp,
    limit: u64,
    bytes: u64,
    /// As Postfix counts: each line's end two bytes, CRs before it none.
    size: u64,
    /// CRs that may belong to a line's end.
    returns: u64,
    /// The last line has no end yet.
    in_line: bool,
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
        Self {
            capture,
            envelope,
            queue_id,
            at,
            limit,
            bytes: 0,
            size: 0,
            returns: 0,
            in_line: false,
            head,
            start: Vec::new(),
        }
    }

    /// Adds what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.capture.push(bytes);
        for &byte in bytes {
            match byte {
                b'\r' => self.returns += 1,
                b'\n' => (self.size, self.returns, self.in_line) = (self.size + 2, 0, false),
                _ => (self.size, self.returns, self.in_line) = (self.size + self.returns + 1, 0, true),
            }
        }
        let room = MAILBOX_PART.saturating_sub(self.start.len());
        self.start.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Its size as Postfix counts it: the last line has an end.
    pub fn size(&self) -> u64 {
        self.size + if self.in_line { 2 } else { 0 }
    }

    /// Keeps the mail, records it, and gives its queue id; `None` when it is too big to be accepted.
    pub fn finish(self, session: &Arc<Session>) -> Option<String> {
        let accepted = self.bytes <= self.limit;
        if accepted {
            self.file(session);
        }
        self.keep(session, accepted)
    }

    /// Keeps what came of a mail whose sender went away in the middle of it; its queue id is empty.
    pub fn abandon(self, session: &Arc<Session>) {
        if self.bytes > 0 {
            self.keep(session, false);
        }
    }

    fn keep(self, session: &Arc<Session>, accepted: bool) -> Option<String> {
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
        if self.bytes == self.start.len() as u64 && self.start.len() <= SMALL {
            mime::record(session, &queue_id, &self.start);
        } else if let Some(path) = stored.path {
            look_into(Arc::clone(session), queue_id.clone(), path, self.head.len());
        }
        accepted.then_some(queue_id)
    }

    /// Appends to `/var/mail/USER` of each recipient, in the form of mbox.
    fn file(&self, session: &Session) {
        let host = session.host();
        let root = Who::root();
        let sender = if self.envelope.from.is_empty() { b"MAILER-DAEMON".as_slice() } else { &self.envelope.from };
        let date = self.at.strftime("%a %b %e %H:%M:%S %Y").to_string();
        // A mail that does not begin with a header gets the empty line that ends headers.
        let first = self.start.split(|&b| b == b'\n').next().unwrap_or_default();
        let name = first.iter().position(|&b| b == b':').and_then(|at| first.get(..at)).unwrap_or_default();
        let has_header = !name.is_empty() && name.iter().all(u8::is_ascii_graphic) || first == b"\r";
        let blank: &[u8] = if has_header { b"" } else { b"\n" };
        let head = self.head.strip_prefix(RETURN_PATH).unwrap_or(&self.head);
        let head = head.get(head.iter().position(|&b| b == b'\n').map_or(0, |end| end + 1)..).unwrap_or_default();
        for (user, to) in &self.envelope.users {
            let path = format!("/var/mail/{user}").into_bytes();
            let mut mailbox = [b"From ", sender, b"  ", date.as_bytes(), b"\n"].concat();
            mailbox.extend([RETURN_PATH, self.envelope.from.as_slice(), b">\nX-Original-To: ", to].concat());
            let delivered = if to.contains(&b'@') { to.clone() } else { full(to, session) };
            mailbox.extend([b"\nDelivered-To: ", delivered.as_slice(), b"\n"].concat());
            for line in [head, blank, &self.start].concat().split_inclusive(|&b| b == b'\n') {
                if line.starts_with(b"From ") {
                    mailbox.push(b'>');
                }
                match line.strip_suffix(b"\r\n") {
                    Some(text) => mailbox.extend([text, b"\n"].concat()),
                    None => mailbox.extend_from_slice(line),
                }
            }
            if !mailbox.ends_with(b"\n") {
                mailbox.push(b'\n');
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
    let with = match (envelope.esmtp, envelope.secure, envelope.authenticated) {
        (false, _, _) => "SMTP",
        (true, false, false) => "ESMTP",
        (true, false, true) => "ESMTPA",
        (true, true, false) => "ESMTPS",
        (true, true, true) => "ESMTPSA",
    };
    let name = &session.world().persona().fqdn;
    let date = at.strftime("%a, %e %b %Y %H:%M:%S +0000 (UTC)").to_string();
    let mut head = [RETURN_PATH, envelope.from.as_slice(), b">\r\n"].concat();
    let helo: &[u8] = if envelope.helo.is_empty() { b"unknown" } else { &envelope.helo };
    head.extend([b"Received: from ", helo].concat());
    head.extend(format!(" (unknown [{ip}])\r\n").into_bytes());
    head.extend(format!("\tby {name} (Postfix) with {with} id {queue_id}").into_bytes());
    match envelope.to.as_slice() {
        [only] => head.extend([b"\r\n\tfor <", only.as_slice(), b">; "].concat()),
        _ => head.extend_from_slice(b";\r\n\t"),
    }
    head.extend(format!("{date}\r\n").into_bytes());
    head
}

/// A name of the host with its domain, as Postfix completes it (`myorigin`).
fn full(local: &[u8], session: &Session) -> Vec<u8> {
    [local, b"@", session.world().persona().fqdn.as_bytes()].concat()
}

/// Parses a kept mail beside the conversation, a few at a time: each may need several times its size.
fn look_into(session: Arc<Session>, queue_id: String, path: PathBuf, head: usize) {
    static AT_ONCE: Semaphore = Semaphore::const_new(4);
    tokio::spawn(async move {
        let Ok(_turn) = AT_ONCE.acquire().await else { return };
        let look = move || {
            let Ok(mail) = std::fs::read(path) else { return };
            mime::record(&session, &queue_id, mail.get(head..).unwrap_or_default());
        };
        let _ = tokio::task::spawn_blocking(look).await;
    });
}

/// As Postfix makes them: the microseconds of the moment, then the number of the queue file's inode.
fn queue_id(at: Timestamp) -> String {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let step = 1 + Rng::new(at.as_microsecond().unsigned_abs(), "inode").between(0, 2);
    let files = FILES.fetch_add(u32::try_from(step).unwrap_or(1), Ordering::Relaxed);
    format!("{:05X}{:05X}", at.subsec_microsecond(), 0x4_0000 + files % 0xB_0000)
}
