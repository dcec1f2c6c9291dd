//! What attackers did, as typed events: the public contract of Rustbucket.
//!
//! An [`EventLog`] is made at accept and stamps who is calling; guest text can never pose as it.
//! A [`Bus`] hands each event to every [`Sink`]. Nothing behind the bus can slow or change a conversation.
//! Diagnostics (what *we* did) are `tracing`'s business and never come through here.

mod kind;
mod raw;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::base::clock::{self, Timestamp};
pub use kind::{AnsweredBy, Attachment, BaitReader, CloseReason, KINDS, Kind, Refused};
pub use raw::Raw;

/// The version of the line format; it grows when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// One thing that happened. As JSON it is one flat object per line; `docs/events.md` describes every field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    schema: u32,
    #[serde(serialize_with = "six_digits")]
    ts: Timestamp,
    sensor: Arc<str>,
    #[serde(flatten)]
    visit: Option<Arc<Visit>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    seq: Option<u64>,
    #[serde(flatten)]
    kind: Kind,
}

impl Event {
    /// When it happened, UTC, to the microsecond.
    pub fn ts(&self) -> Timestamp {
        self.ts
    }

    /// Which visit it belongs to; `None` for events of the sensor itself.
    pub fn visit(&self) -> Option<&Visit> {
        self.visit.as_deref()
    }

    /// What happened.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }
}

/// Always six digits of a second, so that time stamps sort as text.
fn six_digits<S: Serializer>(ts: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{ts:.6}"))
}

/// Who is calling: fixed at accept, shared by all events of a visit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// UUIDv7 of the visit.
    pub session: Uuid,
    /// `ftp`, `telnet`, `smtp`, `http`, or the name of a `[[services]]` entry.
    pub protocol: Arc<str>,
    /// The attacker's address (from the PROXY header where one is expected).
    pub src_ip: IpAddr,
    /// The attacker's port.
    pub src_port: u16,
    /// Our port that was called.
    pub dst_port: u16,
}

impl Visit {
    /// The attacker's address and port.
    pub fn peer(&self) -> SocketAddr {
        SocketAddr::new(self.src_ip, self.src_port)
    }
}

/// Where events go. Implementations must not block: they queue, and when the queue is full they drop and count.
pub trait Sink: Send + Sync {
    /// Takes an event, at once.
    fn offer(&self, event: &Arc<Event>);
}

/// Hands every event to all sinks, in the order in which it is published.
pub struct Bus {
    sensor: Arc<str>,
    sinks: Vec<Arc<dyn Sink>>,
}

impl Bus {
    /// A bus whose events bear the name `sensor`.
    pub fn new(sensor: &str, sinks: Vec<Arc<dyn Sink>>) -> Arc<Self> {
        Arc::new(Self { sensor: sensor.into(), sinks })
    }

    /// Publishes an event of the sensor itself (start, stop, refused connections).
    pub fn sensor_event(&self, kind: Kind) {
        self.publish(Event {
            schema: SCHEMA,
            ts: clock::now(),
            sensor: Arc::clone(&self.sensor),
            visit: None,
            seq: None,
            kind,
        });
    }

    fn publish(&self, event: Event) {
        let event = Arc::new(event);
        for sink in &self.sinks {
            sink.offer(&event);
        }
    }
}

/// The event log of one visit: identity is bound here, callers supply only what happened.
pub struct EventLog {
    bus: Arc<Bus>,
    visit: Arc<Visit>,
    next: AtomicU64,
    follows: Option<Follows>,
}

/// What follows from an event: recorded right after it.
pub type Follows = Box<dyn Fn(&Kind) -> Vec<Kind> + Send + Sync>;

impl EventLog {
    /// Binds the identity of a visit.
    pub fn new(bus: Arc<Bus>, visit: Visit) -> Self {
        Self { bus, visit: Arc::new(visit), next: AtomicU64::new(0), follows: None }
    }

    /// The same, with a look at each event for what follows from it.
    pub fn followed(self, follows: Follows) -> Self {
        Self { follows: Some(follows), ..self }
    }

    /// Who is calling.
    pub fn visit(&self) -> &Visit {
        &self.visit
    }

    /// Records what happened, now. Events of a visit are numbered from 0 without gaps.
    pub fn record(&self, kind: Kind) {
        let next = self.follows.as_ref().map(|follows| follows(&kind)).unwrap_or_default();
        self.publish(kind);
        for kind in next {
            self.publish(kind);
        }
    }

    fn publish(&self, kind: Kind) {
        let event = Event {
            schema: SCHEMA,
            ts: clock::now(),
            sensor: Arc::clone(&self.bus.sensor),
            visit: Some(Arc::clone(&self.visit)),
            seq: Some(self.next.fetch_add(1, Ordering::Relaxed)),
            kind,
        };
        self.bus.publish(event);
    }
}
