//! For `fuzz/`: any bytes as a text of the shell.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::{Login, Shell, Step, grammar, text};
use crate::world::{Config, Login as Logins, Overlay, Per, Setup, World};

/// Shares of the processor that an input gets.
const SHARES: usize = 40;
/// Bytes that it may print in them.
const PRINTED: usize = 64 << 20;

/// Parses the bytes, with and without aliases.
pub fn parse(bytes: &[u8]) {
    let text = text::decode(bytes);
    let aliases = [("a", "b "), ("b", "a x"), ("ll", "ls -l"), ("x", "if ")];
    let aliases = aliases.map(|(name, value)| (name.to_string(), value.to_string()));
    for aliases in [HashMap::new(), HashMap::from(aliases)] {
        let _ = grammar::parse(&text, &aliases);
    }
}

fn world() -> &'static World {
    static WORLD: OnceLock<Arc<World>> = OnceLock::new();
    WORLD.get_or_init(|| {
        World::build(Setup {
            persona: &Config::default(),
            login: &Logins::default(),
            overlay: &Overlay { per: Per::Visit, ..Overlay::default() },
            state: None,
            image: None,
            seed: 7,
            overlay_bytes: 4 << 20,
            total_bytes: 1 << 30,
        })
    })
}

/// Runs the bytes as `bash -c` does, for a while; panics when a process of the shell does, or prints without bound.
pub fn run(bytes: &[u8]) {
    let Some(host) = world().host_of_visit() else { return };
    let Some(account) = host.account(b"root") else { return };
    let environment = [("HOME", "/root"), ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LANG", "C.UTF-8")];
    let environment = environment.map(|(name, value)| (name.to_string(), value.to_string())).to_vec();
    let command = Some(text::decode(bytes));
    let mut shell = Shell::new(Login { host, account, presence: None, terminal: None, command, environment });
    shell.end_input();
    let (mut now, mut printed) = (Instant::now(), 0);
    for _ in 0..SHARES {
        let step = shell.step(now);
        let output = shell.take_output();
        printed += output.out.len() + output.err.len();
        let _ = shell.take_notes();
        match step {
            Step::Ended(_) | Step::Wait(None) => break,
            Step::Wait(Some(moment)) => now = moment.max(now + Duration::from_millis(1)),
            Step::Ask(_) => shell.answer(None),
            Step::Busy => {}
        }
    }
    assert!(printed < PRINTED, "{printed} bytes in {SHARES} shares");
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_run() {
        for seed in ["echo ${x:-$((1+2))} {a..c} ~", "for i in 1 2; do echo $i; done", "((((", "${", "\u{0}\u{1}$'\\x"]
        {
            super::parse(seed.as_bytes());
            super::run(seed.as_bytes());
        }
        super::run(b"\xff\xfe$(\x80)");
    }
}
