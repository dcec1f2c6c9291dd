//! The one place that asks the operating system for the time.

use std::time::{Duration, SystemTime};

pub use jiff::Timestamp;

/// The wall clock in UTC, to the microsecond.
///
/// Nanoseconds are cut off so that a time stamp survives being written and read back.
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this module owns the wall clock")]
    let now = SystemTime::now();
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_microsecond(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)).unwrap_or_default()
}

/// Seconds since 1970-01-01 UTC.
pub fn unix_seconds() -> i64 {
    now().as_second()
}

/// `YYYY-MM-DD` in UTC, the day that daily files are named after.
pub fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
