//! Where events are kept. One file per sink, each with its own configuration, queue and drop policy.

pub mod jsonl;
