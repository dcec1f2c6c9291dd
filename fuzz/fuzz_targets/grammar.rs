//! Any bytes are parsed as a text of the shell.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| rustbucket::shell::fuzz::parse(bytes));
