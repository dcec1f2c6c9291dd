//! Forwarded connections (RFC 4254, section 7). Nothing is ever dialled, and nothing ever listens: what a client wants to
//! reach is a service of the host itself, which is one of our own engines over a pipe in memory, a played peer, or
//! nobody, as connect(2) would say it.

mod first;
mod listeners;
mod peer;
mod target;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use russh::ChannelOpenFailure;
use russh::server::ChannelOpenHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::Ssh;
use super::config::Forwarding;
use super::lists::WINDOW;
use super::mailbox::Input;
use super::shell::{Inbox, Job};
use crate::base::rng::spread;
use crate::prelude::*;
use crate::protocols::smtp::Smtp;
use crate::protocols::{self, ALL, Protocol};
use crate::session::Stream;
pub(super) use listeners::Listeners;
use target::{AT_ONCE, Peer, Speaks, Target};

/// Connections of one client that are open, and those that will fail later.
pub(super) const OPEN_AT_ONCE: usize = 64;
pub(super) const FAILING: usize = 512;
/// The same of all clients.
const OF_ALL: usize = 4096;
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Bytes that wait between a channel and what answers it, in each direction.
const PIPE: usize = 64 << 10;
/// Bytes of one message.
const PIECE: usize = 16 << 10;
/// Bytes of the beginning that an event keeps.
const KEPT: usize = 4096;
/// How long the host takes to reach itself.
const NEAR: (Duration, Duration) = (Duration::from_micros(60), Duration::from_micros(250));

/// What engines need to answer on the host's own ports; shared by all visits.
pub(super) struct Services {
    config: protocols::Config,
    /// These visits are forwarded themselves: they can't go on to SSH again.
    inside: bool,
    engines: Mutex<HashMap<u16, Arc<dyn Protocol>>>,
}

impl Services {
    pub fn new(config: &protocols::Config, inside: bool) -> Arc<Self> {
        Arc::new(Self { config: config.clone(), inside, engines: Mutex::default() })
    }

    /// What may be forwarded.
    pub fn policy(&self) -> Forwarding {
        self.config.ssh.forwarding
    }

    /// The engine of a port of the host; `None` for services that nobody plays.
    fn engine(&self, port: u16) -> Option<Arc<dyn Protocol>> {
        let entry = ALL.iter().find(|entry| entry.port == port)?;
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || match entry.name {
            "ssh" => Arc::new(Ssh::inside(&self.config)),
            _ => (entry.build)(&self.config),
        };
        Some(Arc::clone(engines.entry(port).or_insert_with(made)))
    }
}

/// A request for a connection.
pub(super) struct Request {
    pub host: String,
    pub port: u16,
}

/// What becomes of a request that is not prohibited: the answer in the words of the event, and what is left to do.
pub(super) fn decide(services: &Services, session: &Session, request: &Request) -> (String, Way) {
    let silent = services.policy() == Forwarding::Timeout;
    let host = session.host();
    let target = target::find(&host, session.local_ip(), &request.host, request.port, silent);
    match target {
        Target::Own(22) if services.inside => ("Connection refused".into(), Way::Fails("Connection refused", NEAR.0)),
        Target::Failed(words, after) => (words.into(), Way::Fails(words, after)),
        target => match Place::take() {
            Some(place) => ("opened".into(), Way::Opens(target, place)),
            None => (AT_ONCE.into(), Way::Fails(AT_ONCE, Duration::ZERO)),
        },
    }
}

/// What is left to do.
pub(super) enum Way {
    /// To wait so long, and to refuse in these words.
    Fails(&'static str, Duration),
    /// To open it.
    Opens(Target, Place),
}

/// A place among the open connections.
pub(super) struct Place(());

impl Place {
    fn take() -> Option<Self> {
        let before = OPEN.fetch_add(1, Ordering::Relaxed);
        let place = Self(());
        (before < OF_ALL).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `SSH2_OPEN_ADMINISTRATIVELY_PROHIBITED`, and sshd's words beside it.
pub(super) fn prohibited() -> ChannelOpenFailure {
    ChannelOpenFailure::Other { code: 1, reason: "open failed".into() }
}

/// `SSH2_OPEN_CONNECT_FAILED`
pub(super) fn failed(words: &str) -> ChannelOpenFailure {
    ChannelOpenFailure::Other { code: 2, reason: words.into() }
}

/// Refuses after a while.
pub(super) async fn fail(job: Job, reply: ChannelOpenHandle, words: &'static str, after: Duration) {
    tokio::time::sleep(after).await;
    reply.reject(failed(words)).await;
    drop(job);
}

/// Opens the channel and carries bytes until both sides have ended.
pub(super) async fn run(
    job: Job,
    reply: ChannelOpenHandle,
    services: Arc<Services>,
    request: Request,
    (target, place): (Target, Place),
) {
    let wait = match &target {
        Target::Peer(peer) => peer.away,
        _ => spread(NEAR.0, NEAR.1),
    };
    tokio::time::sleep(wait).await;
    reply.accept_with_window(WINDOW).await;
    let tally = Tally::new(&job.session, &request);
    let (near, far) = tokio::io::duplex(PIPE);
    let answers = async {
        serve(&job, &services, target, request.port, Box::new(far)).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = carry(&job, near, &tally) => {}
        () = Box::pin(answers) => {}
    }
    drop(tally);
    let _ = job.handle.close(job.id).await;
    drop(place);
}

/// Answers at the other end, until it is done.
async fn serve(job: &Job, services: &Services, target: Target, port: u16, stream: Box<dyn Stream>) {
    let session = job.session.inside(port);
    let responder = Arc::clone(&job.responder);
    match target {
        Target::Own(port) => match services.engine(port) {
            Some(engine) => drop(engine.serve(session, responder, stream).await),
            None => silence(&session, stream).await,
        },
        Target::Peer(Peer { name, speaks: Speaks::Smtp, away }) => {
            tokio::time::sleep(away).await;
            let named = name.chars().any(|c| c.is_ascii_alphabetic()) && !name.contains(':');
            let name = if named { name.trim_end_matches('.').to_ascii_lowercase() } else { "mail.localdomain".into() };
            Smtp::of_peer(&services.config.smtp, &name).serve(session, responder, stream).await;
        }
        Target::Peer(peer) => drop(peer::web(&session, &peer, (port, job.session.local_ip()), stream).await),
        Target::Failed(..) => {}
    }
}

/// A service that nobody plays: it hears, and says nothing.
async fn silence(session: &Session, mut stream: Box<dyn Stream>) {
    let idle = Duration::from_secs(session.limits().idle_seconds);
    let mut piece = [0; 512];
    while let Ok(Ok(1..)) = tokio::time::timeout(idle, stream.read(&mut piece)).await {}
}

/// Carries bytes in both directions: what ends on one side is ended on the other.
async fn carry(job: &Job, near: DuplexStream, tally: &Tally<'_>) {
    let (mut from, mut to) = tokio::io::split(near);
    let up = async {
        let mut inbox = Inbox::default();
        while let Some(input) = job.input.next().await {
            match input {
                Input::Data(bytes) => inbox.push(bytes),
                Input::End => inbox.end(),
                Input::Resize(..) | Input::Signal(_) => continue,
            }
            while let Some(bytes) = inbox.take(PIECE) {
                tally.came(&bytes);
                // Nobody is there any more: as a broken pipe, which ends both directions.
                if to.write_all(&bytes).await.is_err() {
                    return;
                }
                if let Some(by) = inbox.adjustment()
                    && job.handle.window_adjust(job.id, by).await.is_err()
                {
                    return;
                }
            }
            if inbox.has_ended() {
                let _ = to.shutdown().await;
                return;
            }
        }
    };
    let down = async {
        let mut piece = vec![0; PIECE];
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            tally.went(length);
            if !job.send(piece.get(..length).unwrap_or_default(), false).await {
                return;
            }
        }
        drop(piece);
        let _ = job.handle.eof(job.id).await;
    };
    // Who never ends their side, when the other has ended, is not waited for.
    let patience = Duration::from_secs(job.session.limits().idle_seconds);
    tokio::pin!(up, down);
    tokio::select! {
        () = &mut up => down.await,
        () = &mut down => drop(tokio::time::timeout(patience, up).await),
    }
}

/// Counts, and what the events tell; the last when it is dropped, whatever ended the connection.
struct Tally<'a> {
    session: &'a Session,
    host: Raw,
    port: u16,
    begun: Instant,
    /// What came until a verdict.
    first: Mutex<Option<Vec<u8>>>,
    up: AtomicU64,
    down: AtomicU64,
}

impl<'a> Tally<'a> {
    fn new(session: &'a Session, request: &Request) -> Self {
        Self {
            session,
            host: Raw::from(crate::shell::text::encode(&request.host)),
            port: request.port,
            begun: Instant::now(),
            first: Mutex::new(Some(Vec::new())),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
        }
    }

    fn came(&self, bytes: &[u8]) {
        self.up.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = first.as_mut() {
            let room = first::MOST.saturating_sub(known.len());
            known.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            if self.judge(known, false) {
                *first = None;
            }
        }
    }

    fn went(&self, bytes: usize) {
        self.down.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn judge(&self, bytes: &[u8], over: bool) -> bool {
        let Some(first) = first::judge(bytes, over || bytes.len() >= first::MOST) else { return false };
        self.session.log().record(Kind::ForwardBegan {
            host: self.host.clone(),
            port: self.port,
            what: first.what.into(),
            sni: first.sni,
            ja3: first.ja3,
            ja4: first.ja4,
            method: first.method,
            target: first.target,
            http_host: first.host,
            bytes: Raw::cut(bytes, KEPT),
        });
        true
    }
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(bytes) = first {
            self.judge(&bytes, true);
        }
        self.session.log().record(Kind::ForwardEnded {
            host: self.host.clone(),
            port: self.port,
            bytes_in: self.up.load(Ordering::Relaxed),
            bytes_out: self.down.load(Ordering::Relaxed),
            duration_ms: u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
    }
}
