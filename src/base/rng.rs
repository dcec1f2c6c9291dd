//! Numbers: reproducible ones for the host we pretend to be, random ones for delays.

use std::time::Duration;

use rand::RngExt;

/// A small reproducible generator (SplitMix64): the same seed gives the same host on every version of Rustbucket,
/// which a library's generator does not promise.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator for one purpose: the same `seed` and `purpose` give the same numbers.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
        for byte in purpose.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self(state)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `low..=high`; `low` when the range is empty.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        match high.checked_sub(low).and_then(|span| span.checked_add(1)) {
            Some(span) => low + self.next_u64() % span,
            None => low,
        }
    }
}

/// A random duration between two others, for delays that must not be a constant.
pub fn spread(low: Duration, high: Duration) -> Duration {
    if low >= high { low } else { rand::rng().random_range(low..=high) }
}

/// How long PAM waits after a wrong login whose modules asked for `base`: its three random numbers between half and one
/// and a half of it, most often about the middle (`pam_fail_delay(3)`).
pub fn pam_delay(base: Duration) -> Duration {
    let sum: f64 = (0..3).map(|_| rand::rng().random_range(0.0..1.0)).sum();
    base.mul_f64(0.5 + sum / 3.0)
}

/// A seed for an instance that has none yet.
pub fn fresh_seed() -> u64 {
    rand::rng().random()
}

/// Random bytes, as `/dev/urandom` gives them.
pub fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rand::rng().fill(bytes.as_mut_slice());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_numbers_other_purpose_other_numbers() {
        let take = |seed, purpose| Rng::new(seed, purpose).next_u64();
        assert_eq!(take(7, "hostname"), take(7, "hostname"));
        assert_ne!(take(7, "hostname"), take(7, "mac"));
        assert_ne!(take(7, "hostname"), take(8, "hostname"));
    }

    #[test]
    fn ranges_are_kept() {
        let mut rng = Rng::new(1, "range");
        assert!((0..1000).all(|_| (3..=9).contains(&rng.between(3, 9))));
        assert_eq!(rng.between(5, 5), 5);
        assert_eq!(rng.between(5, 4), 5);
    }
}
