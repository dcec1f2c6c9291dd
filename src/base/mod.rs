//! What every room may use: clock, ids, seeded numbers, secrets, escaping, daily files.
//! Knows no protocol, no event, no async runtime.

pub mod clock;
pub mod daily;
pub mod ids;
pub mod rng;
pub mod secret;
pub mod text;

pub use secret::Secret;
