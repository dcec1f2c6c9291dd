//! What several of these commands share: names of users, times, recorded usage texts.

use std::collections::HashMap;

use crate::base::clock::Timestamp;
use crate::shell::cmd::Cmd;
use crate::shell::text;
use crate::world::{Host, Who};

use super::recorded;

/// A time in the format of `strftime(3)`.
pub(super) fn time(at: Timestamp, format: &str) -> String {
    at.strftime(format).to_string()
}

/// Bytes as the shell carries text.
pub(super) fn decode(bytes: &[u8]) -> String {
    text::decode(bytes)
}

/// Names of users and groups by number, read once.
pub(super) struct Names {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Names {
    pub fn of(host: &Host) -> Self {
        let mut users = HashMap::new();
        for user in host.users() {
            users.entry(user.uid).or_insert(user.name);
        }
        let mut groups = HashMap::new();
        for group in host.groups() {
            groups.entry(group.gid).or_insert(group.name);
        }
        Self { users, groups }
    }

    /// The user's name.
    pub fn user(&self, uid: u32) -> Option<&str> {
        self.users.get(&uid).map(String::as_str)
    }

    /// The user's name, or the number.
    pub fn user_or_number(&self, uid: u32) -> String {
        self.user(uid).map_or_else(|| uid.to_string(), str::to_string)
    }

    /// The group's name.
    pub fn group(&self, gid: u32) -> Option<&str> {
        self.groups.get(&gid).map(String::as_str)
    }

    /// The group's name, or the number.
    pub fn group_or_number(&self, gid: u32) -> String {
        self.group(gid).map_or_else(|| gid.to_string(), str::to_string)
    }
}

/// The user that a name or number means.
pub(super) fn user_id(host: &Host, name: &str) -> Option<u32> {
    let known = host.user_named(name.as_bytes()).map(|user| user.uid);
    known.or_else(|| name.parse().ok())
}

/// The name of the user that runs the command.
pub(super) fn own_name(c: &Cmd) -> String {
    c.host().user(c.who().uid).map_or_else(|| c.who().uid.to_string(), |user| user.name)
}

/// Prints what the program prints for `--help` to standard error.
pub(super) fn usage(c: &mut Cmd, program: &str, status: i32) -> i32 {
    c.err(recorded::text(c.host(), program, "--help"));
    status
}

/// A mistake as procps tools report it: the message and the whole usage.
pub(super) fn misuse_with_usage(c: &mut Cmd, message: &str, program: &str, status: i32) -> i32 {
    c.complain(message);
    usage(c, program, status)
}

/// Reads a file of the host as root.
pub(super) fn file(host: &Host, path: &str) -> String {
    decode(&host.read_file(&Who::root(), path.as_bytes(), 1 << 20).unwrap_or_default())
}

/// Writes a file of the host as root, keeping its mode and owner.
pub(super) fn put_file(host: &Host, path: &str, content: &str, mode: u32) -> bool {
    host.write_file(&Who { umask: 0, ..Who::root() }, path.as_bytes(), &text::encode(content), mode).is_ok()
}

/// Whether the command has root's rights.
pub(super) fn is_root(c: &Cmd) -> bool {
    c.who().uid == 0
}

/// `1 day, 2:03` and the like, as `uptime` and `w` have it.
pub(super) fn up_for(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let mut text = String::new();
    if days > 0 {
        text.push_str(&format!("{days} {}, ", if days == 1 { "day" } else { "days" }));
    }
    if hours > 0 {
        text.push_str(&format!("{hours:2}:{minutes:02}, "));
    } else {
        text.push_str(&format!("{minutes} min, "));
    }
    text
}

/// The first line of `w`, `top` and all of `uptime`.
pub(super) fn uptime_line(c: &Cmd) -> String {
    let host = c.host();
    let users = host.visitors().iter().filter(|seen| seen.tty.is_some()).count();
    let load = host.load();
    format!(
        "{} up {}{users:2} {},  load average: {:.2}, {:.2}, {:.2}",
        time(c.now(), "%H:%M:%S"),
        up_for(host.uptime().as_secs()),
        if users == 1 { "user" } else { "users" },
        load.one,
        load.five,
        load.fifteen
    )
}

/// Whether an account has this password.
pub(super) fn is_password(host: &Host, name: &str, password: &[u8]) -> bool {
    host.login(name.as_bytes(), password).is_some()
}
