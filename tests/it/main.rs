//! Integration tests: the real binary on loopback, real clients, scripted servers. One binary, no fixed ports.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests may fail loudly, start programs and dial the sensor that they started"
)]

mod bad_input;
mod bench;
mod bombs;
mod campaigns;
mod clients;
mod conversations;
mod events;
mod flood;
mod forwarding;
mod ftp;
mod https;
mod injections;
mod layers;
mod local_model;
mod mail;
mod model;
mod one_world;
mod recordings;
mod registration;
mod replay;
mod sandbox;
mod scanners;
mod scripted;
mod sensor;
mod shutdown;
mod ssh;
mod start;
mod state;
mod views;
