//! Names of users and groups, from the host's `/etc/passwd` and `/etc/group`.

use crate::shell::cmd::Cmd;
use crate::shell::text;

/// Both tables as they are now.
pub(super) struct Names {
    users: Vec<(String, u32, u32)>,
    groups: Vec<(String, u32)>,
}

/// Bytes of each table that are read.
const TABLE: usize = 1 << 20;

impl Names {
    pub fn read(c: &Cmd) -> Self {
        let rows = |path: &[u8]| {
            let bytes = c.host().read_file(&crate::world::Who::root(), path, TABLE).unwrap_or_default();
            let lines: Vec<Vec<String>> =
                text::decode(&bytes).lines().map(|line| line.split(':').map(str::to_string).collect()).collect();
            lines
        };
        let number = |row: &[String], at: usize| row.get(at).and_then(|field| field.parse::<u32>().ok());
        let user = |row: Vec<String>| Some((row.first()?.clone(), number(&row, 2)?, number(&row, 3)?));
        let group = |row: Vec<String>| Some((row.first()?.clone(), number(&row, 2)?));
        Self {
            users: rows(b"/etc/passwd").into_iter().filter_map(user).collect(),
            groups: rows(b"/etc/group").into_iter().filter_map(group).collect(),
        }
    }

    /// The user's name, if there is one.
    pub fn user(&self, uid: u32) -> Option<&str> {
        self.users.iter().find(|(_, known, _)| *known == uid).map(|(name, _, _)| name.as_str())
    }

    /// The group's name, if there is one.
    pub fn group(&self, gid: u32) -> Option<&str> {
        self.groups.iter().find(|(_, known)| *known == gid).map(|(name, _)| name.as_str())
    }

    /// User and login group ids of a user's name.
    pub fn uid(&self, name: &str) -> Option<(u32, u32)> {
        self.users.iter().find(|(known, _, _)| known == name).map(|(_, uid, gid)| (*uid, *gid))
    }

    pub fn gid(&self, name: &str) -> Option<u32> {
        self.groups.iter().find(|(known, _)| known == name).map(|(_, gid)| *gid)
    }
}
