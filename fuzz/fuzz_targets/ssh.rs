//! Any bytes of a visitor who speaks this protocol.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| rustbucket::protocols::ssh::fuzz::talk(bytes));
