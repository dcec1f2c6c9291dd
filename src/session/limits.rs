//! Everything that a peer can make grow has its bound here.

use serde::Deserialize;

/// `[limits]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections at once, all ports together.
    pub connections: usize,
    /// Connections at once from one address.
    pub per_source: u32,
    /// Connections at once from one /24 (IPv4) or /64 (IPv6).
    pub per_network: u32,
    /// Seconds of silence after which a visit ends, where the real daemon has no shorter time of its own.
    pub idle_seconds: u64,
    /// Seconds that a visit may last.
    pub visit_seconds: u64,
    /// Bytes that a visit may send.
    pub bytes_in: u64,
    /// Bytes that a visit may fetch.
    pub bytes_out: u64,
    /// Bytes of one uploaded file or mail that are kept.
    pub capture_bytes: u64,
    /// Bytes of all kept files and mails together; what comes later is counted and hashed, not kept.
    pub captures_total_bytes: u64,
    /// Bytes that one attacker's changes to the simulated host may hold in memory.
    pub overlay_bytes: u64,
    /// Bytes that the changes of all attackers may hold in memory together.
    pub overlays_total_bytes: u64,
    /// Seconds that a stop waits for answers that are under way.
    pub drain_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            per_source: 1024,
            per_network: 4096,
            idle_seconds: 300,
            visit_seconds: 3600,
            bytes_in: 256 << 20,
            bytes_out: 256 << 20,
            capture_bytes: 32 << 20,
            captures_total_bytes: 2 << 30,
            overlay_bytes: 16 << 20,
            overlays_total_bytes: 256 << 20,
            drain_seconds: 5,
        }
    }
}
