//! File system calls decoded from the bytes; their journal, whole, torn and damaged, is read again.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

fuzz_target!(|bytes: &[u8]| {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().unwrap());
    rustbucket::world::fuzz::overlay(folder.path(), bytes);
});
