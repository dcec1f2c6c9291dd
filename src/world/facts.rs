//! Numbers that move with the time: uptime, load, memory. The same moment gives the same answer to whoever asks.

use std::time::Duration;

use super::Host;
use crate::base::clock;
use crate::base::rng::Rng;

/// Memory as `/proc/meminfo` has it, KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of /proc/meminfo")]
pub struct Memory {
    pub total: u64,
    pub free: u64,
    pub available: u64,
    pub buffers: u64,
    pub cached: u64,
    pub shared: u64,
    pub slab: u64,
    pub swap_total: u64,
    pub swap_free: u64,
}

impl Memory {
    /// What `free` calls used.
    pub fn used(&self) -> u64 {
        self.total.saturating_sub(self.free + self.buffers + self.cached + self.slab)
    }
}

/// Averages over 1, 5 and 15 minutes; processes that run, and all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Over the last minute.
    pub one: f64,
    /// Over five.
    pub five: f64,
    /// Over fifteen.
    pub fifteen: f64,
    /// Processes and threads that run.
    pub running: u32,
    /// All of them.
    pub total: u32,
}

impl Host {
    /// How long the host has been up.
    pub fn uptime(&self) -> Duration {
        let up = clock::now().as_microsecond() - self.persona().booted.saturating_mul(1_000_000);
        Duration::from_micros(u64::try_from(up).unwrap_or(0))
    }

    /// Idle time of all processors together.
    pub fn idle(&self) -> Duration {
        let share = 0.955 + f64::from(u32::try_from(self.persona().seed % 40).unwrap_or(0)) / 1000.0;
        self.uptime().mul_f64(f64::from(self.persona().cpus) * share)
    }

    /// Load averages.
    pub fn load(&self) -> Load {
        // Noise per step, blended between steps: a longer average has longer steps and moves less.
        let average = |step: i64, purpose: &str, height: f64| {
            let micros = clock::now().as_microsecond();
            let (number, rest) = (micros / (step * 1_000_000), micros % (step * 1_000_000));
            let noise = |number: i64| {
                let value = Rng::new(self.persona().seed ^ number.unsigned_abs(), purpose).between(0, 1000);
                let value = f64::from(u32::try_from(value).unwrap_or(0)) / 1000.0;
                value * value * height
            };
            let share =
                f64::from(u32::try_from(rest / 1000).unwrap_or(0)) / f64::from(u32::try_from(step * 1000).unwrap_or(1));
            let value = noise(number) * (1.0 - share) + noise(number + 1) * share;
            (value * 100.0).round() / 100.0
        };
        let processes = self.processes();
        let total = processes.iter().map(|process| process.threads.max(1)).sum();
        let (one, five, fifteen) = (average(60, "load1", 0.5), average(300, "load5", 0.3), average(900, "load15", 0.2));
        Load { one, five, fifteen, running: 1, total }
    }

    /// Pages of 2 MiB that are set aside (`vm.nr_hugepages`).
    pub(super) fn huge_pages(&self) -> u64 {
        self.state.setting("/proc/sys/vm/nr_hugepages").and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// Memory, with a little movement.
    pub fn memory(&self) -> Memory {
        let persona = self.persona();
        let mut fixed = Rng::new(persona.seed, "memory");
        let step = clock::unix_seconds() / 5;
        let mut moving = Rng::new(persona.seed ^ step.unsigned_abs(), "memory now");
        let total = persona.memory_kib;
        let part = |permille: u64| total / 1000 * permille;
        let wave = moving.between(0, total / 2000);
        let cached = part(fixed.between(180, 420)) + wave;
        let buffers = part(fixed.between(15, 45));
        let slab = part(fixed.between(25, 60));
        let used = part(fixed.between(70, 190)) + moving.between(0, total / 3000);
        let shared = fixed.between(900, 2_600);
        let used = used + self.huge_pages() * 2048;
        let free = total.saturating_sub(cached + buffers + slab + used);
        let available = free + (cached + buffers) / 20 * 18 + slab / 2;
        let swap_used = if fixed.between(0, 2) == 0 { fixed.between(256, 40_000) } else { 0 };
        Memory {
            total,
            free,
            available,
            buffers,
            cached,
            shared,
            slab,
            swap_total: persona.swap_kib,
            swap_free: persona.swap_kib.saturating_sub(swap_used),
        }
    }
}
