//! Rustbucket, a honeypot that passes for an ordinary Ubuntu server. `ARCHITECTURE.md` is the map.

pub mod prelude;

// What every room uses.
pub mod base;
pub mod event;

// The conversation.
pub mod chatgpt;
pub mod handler;
pub mod listen;
pub mod protocols;
pub mod respond;
pub mod session;
pub mod shell;
pub mod world;

// The record.
pub mod sinks;

// What others may know of us.
pub mod registration;
pub mod registry;

// The program.
pub mod cli;
pub mod config;
pub mod logging;
pub mod sandbox;
