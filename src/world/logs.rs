//! Logs that daemons keep: the lines of an hour follow from the instance's seed, so that a log grows with the clock,
//! says the same to everybody, and is rotated. Nothing is made before somebody looks.

mod lines;

use std::sync::{Arc, Mutex, PoisonError};

use super::fs::Source;
use super::persona::Persona;
use crate::base::clock::{self, Timestamp};

/// Files below `/var/log` that grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// `auth.log`: logins and guesses.
    Auth,
    /// `syslog`: all but those.
    System,
    /// `kern.log`
    Kernel,
    /// `mail.log`
    Mail,
    /// `nginx/access.log`
    Web,
}

/// Path, what it is, and how many rotations ago it was the current one.
pub(super) const FILES: [(&str, Which, i64); 10] = [
    ("/var/log/auth.log", Which::Auth, 0),
    ("/var/log/auth.log.1", Which::Auth, 1),
    ("/var/log/syslog", Which::System, 0),
    ("/var/log/syslog.1", Which::System, 1),
    ("/var/log/kern.log", Which::Kernel, 0),
    ("/var/log/kern.log.1", Which::Kernel, 1),
    ("/var/log/mail.log", Which::Mail, 0),
    ("/var/log/mail.log.1", Which::Mail, 1),
    ("/var/log/nginx/access.log", Which::Web, 0),
    ("/var/log/nginx/access.log.1", Which::Web, 1),
];

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// One of these files.
pub(super) struct Log {
    persona: Arc<Persona>,
    people: Arc<[String]>,
    which: Which,
    back: i64,
    held: Mutex<Held>,
}

/// What was made so far.
#[derive(Default)]
struct Held {
    /// When the file was begun.
    start: i64,
    /// The first hour that is not in `whole`.
    next: i64,
    /// The lines of whole hours.
    whole: Vec<u8>,
    /// All lines up to `now`, and when the last was written.
    now: i64,
    all: Arc<Vec<u8>>,
    last: i64,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.which, self.back)
    }
}

impl Log {
    pub(super) fn new(persona: &Arc<Persona>, people: &Arc<[String]>, which: Which, back: i64) -> Self {
        Self { persona: Arc::clone(persona), people: Arc::clone(people), which, back, held: Mutex::default() }
    }

    /// Begin and end of the time that the file is about.
    fn window(&self, now: i64) -> (i64, i64) {
        // Rotated at midnight, weekly ones on Sunday: day 0 was a Thursday.
        let (length, phase) = match self.which {
            Which::System | Which::Web => (DAY, 0),
            _ => (7 * DAY, 3 * DAY),
        };
        let start = now - (now - phase).rem_euclid(length) - self.back * length;
        (start, if self.back == 0 { now } else { start + length - 1 })
    }

    fn update(&self) -> (Arc<Vec<u8>>, i64) {
        let now = clock::unix_seconds();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, end) = self.window(now);
        if held.start != start || end < held.now {
            *held = Held { start, next: start, last: start, ..Held::default() };
        }
        if held.now == end {
            return (Arc::clone(&held.all), held.last);
        }
        while held.next + HOUR <= end + 1 {
            for (at, line) in lines::of_hour(self, held.next) {
                held.whole.extend_from_slice(line.as_bytes());
                held.last = held.last.max(at);
            }
            held.next += HOUR;
        }
        let mut all = held.whole.clone();
        for (at, line) in lines::of_hour(self, held.next).into_iter().filter(|(at, _)| *at <= end) {
            all.extend_from_slice(line.as_bytes());
            held.last = held.last.max(at);
        }
        held.all = Arc::new(all);
        held.now = end;
        (Arc::clone(&held.all), held.last)
    }

    /// Time and host at the head of a line of syslog (RFC 3164).
    fn head(&self, at: i64) -> String {
        let time = Timestamp::from_second(at).unwrap_or_default().strftime("%b %e %H:%M:%S");
        format!("{time} {}", self.persona.hostname)
    }

    /// The number that a process has that is started at that time.
    fn pid(&self, at: i64) -> u32 {
        let since = u64::try_from(at - self.persona.booted).unwrap_or_else(|_| at.unsigned_abs() % (30 * 86_400));
        super::processes::pid_at(&self.persona, since)
    }
}

impl Source for Log {
    fn bytes(&self) -> Arc<Vec<u8>> {
        self.update().0
    }

    fn modified(&self) -> Option<i64> {
        Some(self.update().1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Config;

    #[test]
    fn logs_end_now_and_stay_what_they_were() {
        let persona = Arc::new(Persona::new(&Config::default(), 7));
        let people: Arc<[String]> = Arc::from(["root".to_string(), "ubuntu".to_string()]);
        for (path, which, back) in FILES {
            let log = Log::new(&persona, &people, which, back);
            let (bytes, last) = (log.bytes(), log.modified().unwrap());
            assert!(last <= clock::unix_seconds() && bytes.len() < 2 << 20, "{path}: {}", bytes.len());
            assert_eq!(bytes, Log::new(&persona, &people, which, back).bytes(), "{path}");
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            assert!(which == Which::Kernel || text.lines().count() > back as usize * 20, "{path}: {text}");
            if which == Which::System {
                let times: Vec<&str> = text.lines().filter_map(|line| line.get(7..15)).collect();
                assert!(times.is_sorted(), "{path}");
            }
        }
    }
}
