//! One visit: who is calling, which host they see, what they may spend, where their events go.

mod capture;
pub mod injection;
mod limits;
pub mod recording;
pub mod tls;
pub mod turns;
mod wire;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::base::rng;
use crate::event::{BaitReader, CloseReason, EventLog, Kind, Raw};
use crate::world::{BaitRead, Host, World};
pub use capture::{Capture, Captures, Stored};
pub use limits::Limits;
pub use recording::{Recording, Recordings};
pub use tls::Tls;
pub use wire::{Line, Stream, Wire};

/// What every visit shares; made once at the start.
pub struct Shared {
    /// The simulated host.
    pub world: Arc<World>,
    /// Where files and mails of visitors are kept.
    pub captures: Arc<Captures>,
    /// Where interactive sessions are recorded; none are without it.
    pub recordings: Option<Arc<Recordings>>,
    /// What handshakes need; without it no protocol offers TLS.
    pub tls: Option<Arc<Tls>>,
    /// What one visit may spend.
    pub limits: Limits,
    /// Fires when the sensor stops.
    pub stop: CancellationToken,
}

/// One visit. Engines hold it in an `Arc`; when it is dropped, the end of the visit is recorded,
/// so that no visit ends without its event, not even one whose task panicked.
pub struct Session {
    log: Arc<EventLog>,
    shared: Arc<Shared>,
    local_ip: IpAddr,
    started: Instant,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    ended: std::sync::OnceLock<(CloseReason, Instant)>,
    /// Recordings of this visit so far.
    recordings: Arc<AtomicU32>,
    /// The host of this visit alone, where each has its own.
    own: std::sync::OnceLock<Arc<Host>>,
    /// The visit that this one is a part of.
    outer: Option<Arc<Session>>,
    called_port: u16,
    /// The visitor's end.
    peer: SocketAddr,
}

impl Session {
    /// Begins a visit; the caller records `connection_opened`.
    pub fn new(log: EventLog, shared: Arc<Shared>, local_ip: IpAddr) -> Arc<Self> {
        let world = Arc::clone(&shared.world);
        let log = log.followed(Box::new(move |kind| bait(&world, kind).into_iter().chain(attempt(kind)).collect()));
        Arc::new(Self {
            called_port: log.visit().dst_port,
            peer: log.visit().peer(),
            log: Arc::new(log),
            shared,
            local_ip,
            started: Instant::now(),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            ended: std::sync::OnceLock::new(),
            recordings: Arc::default(),
            own: std::sync::OnceLock::new(),
            outer: None,
        })
    }

    /// A connection inside this visit, over the loopback to another port of the same host: its events are this visit's,
    /// its bytes have been counted, its end is not the visit's.
    pub fn inside(self: &Arc<Self>, port: u16) -> Arc<Self> {
        // As the kernel chooses ports (`ip_local_port_range`).
        let own = u16::try_from(32_768 + rng::fresh_seed() % 28_232).unwrap_or(32_768);
        Arc::new(Self {
            called_port: port,
            peer: (Ipv4Addr::LOCALHOST, own).into(),
            log: Arc::clone(&self.log),
            shared: Arc::clone(&self.shared),
            local_ip: Ipv4Addr::LOCALHOST.into(),
            started: self.started,
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            recordings: Arc::clone(&self.recordings),
            ended: std::sync::OnceLock::new(),
            own: std::sync::OnceLock::new(),
            outer: Some(Arc::clone(self)),
        })
    }

    /// Address and port that the host sees the visitor at: the visit's, but for a connection inside of it.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The port of the host that was called: the visit's, but for a connection inside of it.
    pub fn called_port(&self) -> u16 {
        self.called_port
    }

    /// Where the visit's events go; its identity is `log().visit()`.
    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// The simulated host as this attacker left it. Hold the `Arc` for as long as the visit needs it.
    pub fn host(&self) -> Arc<Host> {
        self.own_host().unwrap_or_else(|| self.shared.world.host_for(self.log.visit().src_ip))
    }

    /// The same when they have logged in: an account may have a host of its own.
    pub fn host_of(&self, account: &str) -> Arc<Host> {
        let source = self.log.visit().src_ip;
        self.own_host().unwrap_or_else(|| self.shared.world.host_of(source, Some(account)))
    }

    fn own_host(&self) -> Option<Arc<Host>> {
        if let Some(outer) = &self.outer {
            return outer.own_host();
        }
        if let Some(host) = self.own.get() {
            return Some(Arc::clone(host));
        }
        let host = self.shared.world.host_of_visit()?;
        Some(Arc::clone(self.own.get_or_init(|| host)))
    }

    /// The simulated host as it is for everybody: persona, accounts.
    pub fn world(&self) -> &World {
        &self.shared.world
    }

    /// Where files and mails are kept.
    pub fn captures(&self) -> &Arc<Captures> {
        &self.shared.captures
    }

    /// The recording of one terminal of this visit; of what is no terminal nothing is recorded.
    pub fn recording(self: &Arc<Self>, is_terminal: bool) -> Recording {
        Recording::new(self, !is_terminal || self.shared.recordings.is_none())
    }

    /// What handshakes need; `None` where no protocol is to offer TLS.
    pub fn tls(&self) -> Option<&Arc<Tls>> {
        self.shared.tls.as_ref()
    }

    /// Our address that was called; data connections of FTP are offered on it.
    pub fn local_ip(&self) -> IpAddr {
        self.local_ip
    }

    /// What this visit may spend.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Fires when the sensor stops.
    pub fn stop(&self) -> &CancellationToken {
        &self.shared.stop
    }

    /// The moment at which the visit has lasted long enough.
    pub fn deadline(&self) -> Instant {
        self.started + Duration::from_secs(self.shared.limits.visit_seconds)
    }

    /// Notes bytes that came; an error when the visitor has sent more than a visit may.
    ///
    /// # Errors
    /// [`CloseReason::ByteLimit`].
    pub fn received(&self, bytes: usize) -> Result<(), CloseReason> {
        spend(&self.bytes_in, bytes, self.shared.limits.bytes_in)
    }

    /// Notes bytes that were sent; an error when the visitor has fetched more than a visit may.
    ///
    /// # Errors
    /// [`CloseReason::ByteLimit`].
    pub fn sent(&self, bytes: usize) -> Result<(), CloseReason> {
        spend(&self.bytes_out, bytes, self.shared.limits.bytes_out)
    }

    /// Says why the visit ended; the first reason counts.
    pub fn end(&self, reason: CloseReason) {
        let _ = self.ended.set((reason, Instant::now()));
    }
}

/// The event of a login with what stands in a file of the host.
fn bait(world: &World, kind: &Kind) -> Option<Kind> {
    let (username, password, accepted) = match kind {
        Kind::LoginTried { username, password, accepted } => (username, password.0.as_slice(), accepted),
        Kind::KeyTried { username, key, accepted, .. } => (username, key.as_bytes(), accepted),
        _ => return None,
    };
    let (bait, reads) = world.bait_of(&username.0, password)?;
    let reader = |read: BaitRead| BaitReader { src_ip: read.source, uid: read.uid, ts: read.at };
    Some(Kind::BaitUsed {
        path: bait.path.clone(),
        username: username.clone(),
        accepted: *accepted,
        read_by: reads.into_iter().map(reader).collect(),
    })
}

/// The event of words that are meant for a model, wherever a visitor put them.
fn attempt(kind: &Kind) -> Option<Kind> {
    let (place, texts) = kind.said()?;
    texts.into_iter().find_map(|text| {
        let rule = injection::family(&String::from_utf8_lossy(text))?;
        Some(Kind::InjectionAttempted { rule: rule.into(), place: place.into(), text: Raw::cut(text, 512) })
    })
}

fn spend(counter: &AtomicU64, bytes: usize, limit: u64) -> Result<(), CloseReason> {
    let bytes = bytes as u64;
    let before = counter.fetch_add(bytes, Ordering::Relaxed);
    if before.saturating_add(bytes) > limit { Err(CloseReason::ByteLimit) } else { Ok(()) }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.outer.is_some() {
            return;
        }
        let unsaid = if self.shared.stop.is_cancelled() { CloseReason::Shutdown } else { CloseReason::Failure };
        // What is recorded of the visit may have been written after its end.
        let (reason, end) = self.ended.get().copied().unwrap_or_else(|| (unsaid, Instant::now()));
        self.log.record(Kind::ConnectionClosed {
            reason,
            duration_ms: u64::try_from((end - self.started).as_millis()).unwrap_or(u64::MAX),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
        });
    }
}
