//! Which guesses are let in beside the configured passwords. A honeypot that takes the first or any password is known
//! as one, so this is off unless it is asked for, and some pairs are never taken.

use serde::Deserialize;

/// `[login]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Login {
    /// Wrong guesses of one source after which a password of `accept` opens an account that can be logged in to.
    /// 0: never.
    pub tries: u32,
    /// Weak passwords that may be granted so.
    pub accept: Vec<String>,
    /// Pairs `NAME/PASSWORD` that are refused whatever else is configured.
    pub refuse: Vec<String>,
    /// Longest password, in bytes, that opens anything.
    pub longest: usize,
}

impl Default for Login {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|&word| word.into()).collect();
        Self {
            tries: 0,
            accept: words(&["123456", "password", "12345678", "qwerty", "abc123", "111111", "1qaz2wsx", "P@ssw0rd"]),
            refuse: words(&["345gs5662d34/345gs5662d34", "345gs5662d34/3245gs5662d34", "3245gs5662d34/3245gs5662d34"]),
            longest: 32,
        }
    }
}

impl Login {
    /// Whether a pair opens nothing, whatever the account says.
    pub(super) fn refuses(&self, name: &[u8], password: &[u8]) -> bool {
        let pair = [name, b"/", password].concat();
        password.len() > self.longest || self.refuse.iter().any(|refused| refused.as_bytes() == pair)
    }
}

/// What one attacker has guessed.
#[derive(Debug, Default)]
pub(super) struct Guesses {
    pub(super) wrong: u32,
    /// Names and passwords that were let in, and stay so.
    pub(super) granted: Vec<(String, Vec<u8>)>,
}

/// Granted pairs of one attacker.
const GRANTS: usize = 8;

impl Guesses {
    /// Counts a wrong guess.
    pub fn wrong(&mut self) {
        self.wrong = self.wrong.saturating_add(1);
    }

    /// Whether a guess is let in; if not, it was a wrong one.
    pub fn grant(&mut self, policy: &Login, name: &str, password: &[u8], may_enter: bool) -> bool {
        if self.granted.iter().any(|(n, p)| n == name && p == password) {
            return true;
        }
        let taken = self.granted.iter().any(|(granted, _)| granted == name) || self.granted.len() >= GRANTS;
        let weak = policy.accept.iter().any(|accepted| accepted.as_bytes() == password);
        if policy.tries > 0 && self.wrong >= policy.tries && weak && may_enter && !taken {
            self.granted.push((name.into(), password.to_vec()));
            return true;
        }
        self.wrong();
        false
    }
}
