//! Rustbucket, a honeypot that passes for an ordinary Ubuntu server. `ARCHITECTURE.md` is the map.

pub mod prelude;

pub mod base;
pub mod chatgpt;
pub mod event;
pub mod handler;
pub mod protocols;
pub mod respond;
pub mod session;
pub mod shell;
pub mod world;

pub mod sinks;

pub mod sandbox;
