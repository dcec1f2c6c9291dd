//! Who may log in.

use super::persona::{AccountConfig, Config};

/// One user of the simulated host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Login name.
    pub name: String,
    /// Numeric user id; the group has the same number.
    pub uid: u32,
    /// Home folder.
    pub home: String,
    /// Login shell; `/usr/sbin/nologin` for accounts of services.
    pub shell: String,
    passwords: Vec<String>,
}

impl Account {
    /// Whether these credentials open the account.
    pub fn opens(&self, name: &[u8], password: &[u8]) -> bool {
        self.name.as_bytes() == name && self.passwords.iter().any(|known| known.as_bytes() == password)
    }
}

/// Accounts that every Ubuntu 20.04 server has and nobody logs in to: name, id, home.
const SERVICES: &[(&str, u32, &str)] = &[
    ("daemon", 1, "/usr/sbin"),
    ("bin", 2, "/bin"),
    ("sys", 3, "/dev"),
    ("mail", 8, "/var/mail"),
    ("www-data", 33, "/var/www"),
    ("backup", 34, "/var/backups"),
    ("nobody", 65534, "/nonexistent"),
    ("systemd-network", 100, "/run/systemd"),
    ("systemd-resolve", 101, "/run/systemd"),
    ("syslog", 104, "/home/syslog"),
    ("sshd", 110, "/run/sshd"),
    ("ftp", 113, "/srv/ftp"),
    ("postfix", 115, "/var/spool/postfix"),
];

pub(super) fn of(config: &Config) -> Vec<Account> {
    let mut accounts: Vec<Account> = Vec::new();
    let mut next_uid = 1000;
    for AccountConfig { name, passwords } in &config.accounts {
        let root = name == "root";
        let uid = if root { 0 } else { next_uid };
        next_uid += u32::from(!root);
        let home = if root { "/root".into() } else { format!("/home/{name}") };
        accounts.push(Account {
            name: name.clone(),
            uid,
            home,
            shell: "/bin/bash".into(),
            passwords: passwords.clone(),
        });
    }
    let listed = |accounts: &[Account], name: &str| accounts.iter().any(|account| account.name == name);
    if !listed(&accounts, "root") {
        let root = Account {
            name: "root".into(),
            uid: 0,
            home: "/root".into(),
            shell: "/bin/bash".into(),
            passwords: Vec::new(),
        };
        accounts.push(root);
    }
    for &(name, uid, home) in SERVICES {
        if !listed(&accounts, name) {
            let shell = "/usr/sbin/nologin".into();
            accounts.push(Account { name: name.into(), uid, home: home.into(), shell, passwords: Vec::new() });
        }
    }
    accounts.sort_by_key(|account| account.uid);
    accounts
}
