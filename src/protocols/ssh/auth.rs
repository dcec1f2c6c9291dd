//! Who is let in with a key, and how long sshd takes to say no.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::base::rng::{Rng, pam_delay};
use crate::world::{Account, Host, Stat, Who, parent, resolve};

/// `pam_unix` asks for two seconds.
const WRONG_PASSWORD: Duration = Duration::from_secs(2);
/// Bytes of `authorized_keys` that are read.
const FILE: usize = 256 << 10;
/// Where keys are looked for below the home (`AuthorizedKeysFile`).
const FILES: [&[u8]; 2] = [b".ssh/authorized_keys", b".ssh/authorized_keys2"];

/// When a refusal is said that began to be worked on at `begun`: a time of the user's own, doubled until it has not
/// passed yet (`ensure_minimum_time_since` of auth2.c).
pub(super) fn refusal(seed: u64, user: &[u8], begun: Instant, password: bool) -> Duration {
    let own = Rng::new(seed, &format!("auth {}", user.escape_ascii())).between(5_000, 9_200);
    let worked = begun.elapsed() + if password { pam_delay(WRONG_PASSWORD) } else { Duration::ZERO };
    let mut until = Duration::from_micros(own);
    while until < worked && until < Duration::from_secs(30) {
        until *= 2;
    }
    until
}

/// What a line of `authorized_keys` allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grant {
    /// What sshd says of it in a DEBUG message: file and line.
    pub place: String,
    /// Runs instead of what is asked for.
    pub command: Option<String>,
    /// No terminal.
    pub no_pty: bool,
    /// Its options restrict more than what is told apart here.
    pub options: Vec<String>,
}

impl Grant {
    /// Whether an option of this name is not taken away.
    pub fn allows(&self, name: &str) -> bool {
        let last = self.options.iter().rfind(|option| {
            option.as_str() == "restrict" || option.as_str() == name || option.strip_prefix("no-") == Some(name)
        });
        last.is_none_or(|option| option == name)
    }

    /// Whether connections may be forwarded at all.
    pub fn may_forward(&self) -> bool {
        self.allows("port-forwarding")
    }

    /// Whether `permitopen` lets connections to this host and port pass.
    pub fn may_reach(&self, host: &str, port: u32) -> bool {
        self.permits("permitopen=", |known, number| {
            (known == "*" || known == host) && number.is_none_or(|is| is == port)
        })
    }

    /// Whether `permitlisten` lets the host listen there; an address that it does not name is any.
    pub fn may_listen(&self, address: &str, port: u32) -> bool {
        self.permits("permitlisten=", |known, number| {
            (known.is_empty() || known == "*" || known == address) && number.is_none_or(|is| is == port)
        })
    }

    /// Whether one of the options of a kind fits, where there are any; each is `NAME="[HOST:]PORT"`, `*` any port.
    fn permits(&self, name: &str, fits: impl Fn(&str, Option<u32>) -> bool) -> bool {
        let mut all = self.options.iter().filter_map(|option| option.strip_prefix(name)).peekable();
        all.peek().is_none()
            || all.any(|value| {
                let value = value.trim_matches('"');
                let (host, port) = value.rsplit_once(':').unwrap_or(("", value));
                let host = host.trim_start_matches('[').trim_end_matches(']');
                if port == "*" { fits(host, None) } else { port.parse().is_ok_and(|port| fits(host, Some(port))) }
            })
    }

    /// As `sshauthopt_merge` and `auth_log_authopts` tell the client.
    pub fn remark(&self) -> String {
        let mut words: Vec<&str> = ["agent-forwarding", "port-forwarding", "pty", "user-rc", "x11-forwarding"]
            .into_iter()
            .filter(|word| {
                !self.options.iter().any(|option| option == "restrict" || option.strip_prefix("no-") == Some(*word))
            })
            .collect();
        if self.command.is_some() {
            words.insert(words.iter().position(|word| *word > "command").unwrap_or(words.len()), "command");
        }
        format!("{}: key options: {}", self.place, words.join(" "))
    }
}

/// The line of the account's files that has this key.
pub(super) fn authorized(host: &Host, account: &Account, key: &[u8]) -> Option<Grant> {
    FILES.iter().find_map(|name| {
        let path = resolve(account.home.as_bytes(), name);
        let text = host.read_unseen(&Who::of(account), &path, FILE).ok()?;
        if !strict(host, account, &path) {
            return None;
        }
        let lines = text.split(|&byte| byte == b'\n').enumerate();
        lines.filter_map(|(number, line)| line_of(line, key).map(|grant| (number, grant))).next().map(
            |(number, grant)| Grant { place: format!("{}:{}", String::from_utf8_lossy(&path), number + 1), ..grant },
        )
    })
}

/// `StrictModes`: the file and the folders up to the home are root's or the user's, and nobody else may write there.
fn strict(host: &Host, account: &Account, path: &[u8]) -> bool {
    let safe = |stat: &Stat| (stat.uid == 0 || stat.uid == account.uid) && stat.mode & 0o022 == 0;
    let home = resolve(b"/", account.home.as_bytes());
    let mut place = path.to_vec();
    loop {
        match host.stat(&Who::root(), &place, true) {
            Ok(stat) if safe(&stat) => {}
            _ => return false,
        }
        if place == home || place == b"/" {
            return true;
        }
        place = parent(&place).to_vec();
    }
}

/// `[OPTIONS] TYPE BASE64 [COMMENT]` with this key.
fn line_of(line: &[u8], key: &[u8]) -> Option<Grant> {
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return None;
    }
    if key_of(line).as_deref() == Some(key) {
        return Some(Grant::default());
    }
    // Options end at the first blank outside of quotes.
    let mut quoted = false;
    let mut escaped = false;
    let end = line.iter().position(|&byte| {
        if byte == b'"' && !escaped {
            quoted = !quoted;
        }
        escaped = byte == b'\\' && !escaped;
        !quoted && (byte == b' ' || byte == b'\t')
    })?;
    let (options, rest) = line.split_at_checked(end)?;
    if key_of(rest.trim_ascii()).as_deref() != Some(key) {
        return None;
    }
    let options = split(&String::from_utf8_lossy(options));
    let command = options.iter().find_map(|option| {
        let value = option.get(..8).filter(|name| name.eq_ignore_ascii_case("command="))?.len();
        Some(option.get(value..)?.trim_matches('"').replace("\\\"", "\""))
    });
    let options: Vec<String> = options.into_iter().map(|option| option.to_ascii_lowercase()).collect();
    let no_pty = options.iter().any(|option| option == "no-pty" || option == "restrict")
        && !options.iter().any(|option| option == "pty");
    Some(Grant { command, no_pty, options, ..Grant::default() })
}

/// Options between commas outside of quotes.
fn split(text: &str) -> Vec<String> {
    let (mut all, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for c in text.chars() {
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
        match all.last_mut() {
            Some(last) if c != ',' || quoted => last.push(c),
            _ => all.push(String::new()),
        }
    }
    all
}

/// The key of `TYPE BASE64 [COMMENT]`; the type stands in the key as well.
fn key_of(line: &[u8]) -> Option<Vec<u8>> {
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let kind = words.next()?;
    let blob = STANDARD.decode(words.next()?).ok()?;
    let (length, rest) = blob.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    (rest.get(..length) == Some(kind)).then_some(blob)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIE8d0GyYBSCYCcUzYYrjQmkPbBxIBVQFmKS4N5vUCPpw";

    #[test]
    fn lines_of_keys() {
        let key = STANDARD.decode(KEY).unwrap();
        let grant = |line: String| line_of(line.as_bytes(), &key);
        assert_eq!(grant(format!("ssh-ed25519 {KEY} a comment")), Some(Grant::default()));
        assert_eq!(grant(format!("  ssh-ed25519\t{KEY}")), Some(Grant::default()));
        assert_eq!(grant(format!("#ssh-ed25519 {KEY}")), None);
        assert_eq!(grant(format!("ssh-rsa {KEY}")), None);
        assert_eq!(grant(format!("ssh-ed25519 {}", KEY.replace('8', "9"))), None);
        let line = format!("no-pty,command=\"echo \\\"a, b\\\"; sleep 10\",from=\"10.*\" ssh-ed25519 {KEY}");
        let found = grant(line).unwrap();
        assert_eq!((found.command.as_deref(), found.no_pty), (Some("echo \"a, b\"; sleep 10"), true));
        assert_eq!(
            Grant { place: "/root/.ssh/authorized_keys:3".into(), ..found }.remark(),
            "/root/.ssh/authorized_keys:3: key options: agent-forwarding command port-forwarding user-rc x11-forwarding"
        );
    }

    #[test]
    fn refusals_take_a_users_own_time_or_twice_it() {
        let times: Vec<u128> = (0..200).map(|_| refusal(7, b"root", Instant::now(), true).as_micros()).collect();
        let (low, high) = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
        assert!(times.iter().all(|time| *time == low || *time == 2 * low), "{times:?}");
        assert!((1_000_000..2_400_000).contains(&low) && high <= 4_800_000, "{low} {high}");
        assert!(refusal(7, b"root", Instant::now(), false) < Duration::from_millis(10));
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(line in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            line_of(&line, b"x");
            line_of(&[b"command=\"".to_vec(), line].concat(), b"x");
        }
    }
}
