//! Names and identifiers.

use rand::RngExt;
use uuid::Uuid;

/// A session id: UUIDv7 (RFC 9562), so that ids sort by the time of the visit.
pub fn session() -> Uuid {
    Uuid::now_v7()
}

/// `len` random ASCII letters and digits, from the operating system's generator.
pub fn alphanumeric(len: usize) -> String {
    rand::rng().sample_iter(rand::distr::Alphanumeric).take(len).map(char::from).collect()
}
