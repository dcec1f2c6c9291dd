//! A server that fails is left alone for a while, then tried with one question.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::handler::ChatError;

/// How a server has been lately.
#[derive(Default)]
pub(super) struct Breaker(Mutex<Health>);

#[derive(Default)]
struct Health {
    failures: u32,
    rest_until: Option<Instant>,
    /// Somebody tries whether it answers again.
    trying: bool,
    said: Option<Instant>,
    unsaid: u32,
}

/// How often the operator hears of failures.
const SAY_EVERY: Duration = Duration::from_secs(60);
/// The longest rest, and that of a wrong key.
const LONGEST: Duration = Duration::from_secs(60);
const WRONG_KEY: Duration = Duration::from_secs(300);

/// The right to ask; what came of it is to be told. Dropped without a word, nothing is known.
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    trial: bool,
}

impl Breaker {
    /// Whether it may be asked now. After a rest, one question at a time until it has answered.
    pub fn permit(&self) -> Option<Permit<'_>> {
        let mut health = self.health();
        let resting = health.rest_until.is_some_and(|until| Instant::now() < until);
        if resting || health.trying {
            return None;
        }
        let trial = health.failures > 0;
        health.trying = trial;
        Some(Permit { breaker: self, trial })
    }

    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// It answered.
    pub fn answered(self, name: &str) {
        let mut health = self.breaker.health();
        if health.failures > 0 {
            tracing::info!(model = name, "the model answers again");
        }
        *health = Health { trying: health.trying, said: health.said, ..Health::default() };
    }

    /// It failed: it rests 1 s, 2 s, 4 s, … up to a minute; five minutes when the key is wrong; as long as it asks for.
    pub fn failed(self, name: &str, error: &ChatError, after: Option<Duration>) {
        let mut health = self.breaker.health();
        let now = Instant::now();
        health.failures = health.failures.saturating_add(1);
        let rest = match error {
            ChatError::Status(401 | 403) => WRONG_KEY,
            _ => Duration::from_secs(1 << health.failures.saturating_sub(1).min(6)).min(LONGEST),
        };
        health.rest_until = Some(now + rest.max(after.unwrap_or_default()));
        if health.said.is_some_and(|said| now < said + SAY_EVERY) {
            health.unsaid += 1;
            return;
        }
        let unsaid = std::mem::take(&mut health.unsaid);
        health.said = Some(now);
        tracing::warn!(model = name, %error, failures_not_shown = unsaid, "visitors get the fallback if no other model answers");
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.trial {
            self.breaker.health().trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_server_rests_and_is_tried_with_one_question() {
        let breaker = Breaker::default();
        let (one, other) = (breaker.permit().unwrap(), breaker.permit().unwrap());
        one.failed("m", &ChatError::TimedOut, None);
        drop(other);
        assert!(breaker.permit().is_none());
        breaker.health().rest_until = None;
        let trial = breaker.permit().unwrap();
        assert!(breaker.permit().is_none(), "one at a time");
        drop(trial);
        breaker.permit().unwrap().answered("m");
        let (_one, _other) = (breaker.permit().unwrap(), breaker.permit().unwrap());
    }

    #[test]
    fn a_server_may_ask_for_more() {
        let breaker = Breaker::default();
        breaker.permit().unwrap().failed("m", &ChatError::Status(429), Some(Duration::from_secs(500)));
        let until = breaker.health().rest_until.unwrap();
        assert!(until > Instant::now() + Duration::from_secs(400));
    }
}
