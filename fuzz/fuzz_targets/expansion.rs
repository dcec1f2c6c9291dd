//! Any bytes run as `bash -c` would.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| rustbucket::shell::fuzz::run(bytes));
