//! Users and groups: the files `/etc/passwd`, `/etc/shadow` and `/etc/group` of the host are the truth, as the attacker
//! left them; whatever way they were changed, the next login sees it.

use std::collections::HashMap;
use std::sync::Arc;

use sha_crypt::{PasswordHasher, PasswordVerifier, ShaCrypt};

use super::persona::Config;
use super::{Errno, Host, Who};
use super::{names, texts};
use crate::base::rng::{self, Rng};

/// One line of `/etc/passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Real name and the like.
    pub gecos: String,
    /// Home folder.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// One line of `/etc/group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Group id.
    pub gid: u32,
    /// Names of users for whom it is a supplementary group.
    pub members: Vec<String>,
}

/// A user with their groups, who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// All groups, the primary one first.
    pub groups: Arc<[u32]>,
    /// Home folder.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// Numbers of the users and groups that a host of these sets has before anybody adds some, by name.
pub(super) fn standard_ids(sets: &[String]) -> (HashMap<String, u32>, HashMap<String, u32>) {
    let entry = |line: &str| {
        let mut parts = line.split(':');
        Some((parts.next()?.to_string(), parts.nth(1)?.parse().ok()?))
    };
    let ids = |path: &str| texts::text(sets, path).lines().filter_map(entry).collect();
    (ids("/etc/passwd"), ids("/etc/group"))
}

/// Somebody who can log in, beside root.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub name: String,
    /// Number of the user and of the group of the same name.
    pub uid: u32,
    pub gecos: String,
    /// May become root.
    pub admin: bool,
    /// What stands in `/etc/shadow`.
    pub hash: String,
    /// Days between the installation and the account.
    pub days: i64,
    /// Invented, not from the configuration.
    pub staff: bool,
}

impl Person {
    pub(super) fn home(&self) -> String {
        format!("/home/{}", self.name)
    }
}

/// The people of the host.
pub(super) struct People {
    /// All but root.
    pub all: Vec<Person>,
    pub root_hash: String,
    /// Passwords from the configuration, by name.
    pub passwords: HashMap<String, Vec<String>>,
    /// Hashes of system users that the configuration lets in.
    pub system: Vec<(String, String)>,
}

impl People {
    pub(super) fn new(config: &Config, sets: &[String], seed: u64) -> Self {
        let passwords: HashMap<String, Vec<String>> =
            config.accounts.iter().map(|account| (account.name.clone(), account.passwords.clone())).collect();
        let mut rng = Rng::new(seed, "shadow");
        // The hash of a password that nobody knows: what opens the account is the configuration's.
        let mut hash = |name: &str| match passwords.get(name) {
            Some(known) if !known.is_empty() => unknown_hash(&mut rng),
            _ => "*".into(),
        };
        let root_hash = hash("root");
        let (taken, _) = standard_ids(sets);
        let (mut all, mut system): (Vec<Person>, Vec<(String, String)>) = Default::default();
        let many = texts::text(sets, "/etc/passwd").contains("{accounts}");
        for account in config.accounts.iter().filter(|account| many && account.name != "root") {
            let name = account.name.clone();
            if taken.contains_key(&name) {
                system.push((name.clone(), hash(&name)));
            } else if all.iter().all(|person| person.name != name) {
                let uid = 1000 + u32::try_from(all.len()).unwrap_or(0);
                let gecos = format!("{name},,,");
                all.push(Person { uid, gecos, admin: uid == 1000, hash: hash(&name), days: 0, staff: false, name });
            }
        }
        if many {
            let known = all.clone();
            for person in names::staff(seed, |name| taken.contains_key(name) || known.iter().any(|p| p.name == name)) {
                let uid = 1000 + u32::try_from(all.len()).unwrap_or(0);
                all.push(Person { uid, ..person });
            }
        }
        Self { all, root_hash, passwords, system }
    }

    /// `/etc/shadow` with the hashes of system users that are let in.
    pub(super) fn shadow(&self, filled: &str) -> String {
        let line = |line: &str| {
            let (name, rest) = line.split_once(':').unwrap_or((line, ""));
            let own = self.system.iter().find(|(system, _)| system == name);
            match (own, rest.split_once(':')) {
                (Some((_, hash)), Some((_, days))) => format!("{name}:{hash}:{days}\n"),
                _ => format!("{line}\n"),
            }
        };
        filled.lines().map(line).collect()
    }
}

/// The hash of a password that nobody knows.
pub(super) fn unknown_hash(rng: &mut Rng) -> String {
    format!("$6${}${}", scramble(rng, 16), scramble(rng, 86))
}

fn scramble(rng: &mut Rng, len: usize) -> String {
    const LETTERS: &[u8] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let letter = |rng: &mut Rng| LETTERS.get(usize::try_from(rng.between(0, 63)).unwrap_or(0)).copied().unwrap_or(b'.');
    (0..len).map(|_| char::from(letter(rng))).collect()
}

/// Bytes of one of the files that are looked at.
const FILE_MAX: usize = 256 << 10;

/// The lines of a file that have so many fields at least, in their first `N`.
fn lines<const N: usize>(text: &str) -> impl Iterator<Item = [&str; N]> {
    text.split('\n').filter_map(|line| {
        let (mut parts, mut fields) = (line.split(':'), [""; N]);
        for field in &mut fields {
            *field = parts.next()?;
        }
        (line.len() >= N).then_some(fields)
    })
}

/// The user that a line of `/etc/passwd` describes.
fn user_of([name, _, uid, gid, gecos, home, shell]: [&str; 7]) -> Option<User> {
    let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
    Some(User { name: name.into(), uid, gid, gecos: gecos.into(), home: home.into(), shell: shell.into() })
}

impl Host {
    /// The users in `/etc/passwd`, in its order.
    pub fn users(&self) -> Vec<User> {
        lines(&self.text_of(b"/etc/passwd")).filter_map(user_of).collect()
    }

    /// The first user with that number.
    pub fn user(&self, uid: u32) -> Option<User> {
        lines(&self.text_of(b"/etc/passwd")).filter(|line| line[2].parse() == Ok(uid)).find_map(user_of)
    }

    /// The first user with that name.
    pub fn user_named(&self, name: &[u8]) -> Option<User> {
        lines(&self.text_of(b"/etc/passwd")).filter(|line| line[0].as_bytes() == name).find_map(user_of)
    }

    fn text_of(&self, path: &[u8]) -> String {
        let bytes = self.read_file(&Who::root(), path, FILE_MAX).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// The groups in `/etc/group`, in its order.
    pub fn groups(&self) -> Vec<Group> {
        let group = |[name, _, gid, members]: [&str; 4]| {
            let members = members.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            Some(Group { name: name.into(), gid: gid.parse().ok()?, members })
        };
        lines(&self.text_of(b"/etc/group")).filter_map(group).collect()
    }

    /// A user with their groups.
    pub fn account(&self, name: &[u8]) -> Option<Account> {
        let user = self.user_named(name)?;
        let mut groups = vec![user.gid];
        for [_, _, gid, members] in lines(&self.text_of(b"/etc/group")) {
            let gid: Option<u32> = gid.parse().ok().filter(|gid| *gid != user.gid);
            groups.extend(gid.filter(|_| members.split(',').any(|member| member == user.name)));
        }
        let User { name, uid, gid, home, shell, .. } = user;
        Some(Account { name, uid, gid, groups: groups.into(), home, shell })
    }

    /// The account that these credentials open. A refused password is one more wrong guess of this attacker.
    pub fn login(&self, name: &[u8], password: &[u8]) -> Option<Account> {
        let opened = !self.state.base.login.refuses(name, password) && self.opens(name, password);
        if opened { self.account(name) } else { None }
    }

    fn opens(&self, name: &[u8], password: &[u8]) -> bool {
        let Some(hash) = self.hash(name) else {
            self.state.guesses().wrong();
            return false;
        };
        let name = String::from_utf8_lossy(name);
        let base = &self.state.base;
        if base.hashes.get(name.as_ref()) != Some(&hash) {
            return verify(&hash, password);
        }
        let known = base.passwords.get(name.as_ref());
        if known.is_some_and(|known| known.iter().any(|known| known.as_bytes() == password)) {
            return true;
        }
        let may_enter = self.account(name.as_bytes()).is_some_and(|account| account.shell.ends_with("sh"));
        let (open, new) = {
            let mut guesses = self.state.guesses();
            let before = guesses.granted.len();
            let open = guesses.grant(&base.login, &name, password, may_enter);
            (open, guesses.granted.len() > before)
        };
        if new {
            self.state.own().log.grant(&name, password);
        }
        open
    }

    /// What stands in `/etc/shadow` for every user's password.
    pub(super) fn hashes(&self) -> HashMap<String, String> {
        let entry = |[name, hash]: [&str; 2]| (name.into(), hash.into());
        lines(&self.text_of(b"/etc/shadow")).map(entry).collect()
    }

    /// What stands for the password: from `/etc/shadow`, or from `/etc/passwd` when it has one there.
    fn hash(&self, name: &[u8]) -> Option<String> {
        let passwd = self.text_of(b"/etc/passwd");
        let [_, own, ..] = lines::<7>(&passwd).find(|line| line[0].as_bytes() == name)?;
        if own != "x" {
            return Some(own.into());
        }
        let shadow = self.text_of(b"/etc/shadow");
        let [_, hash] = lines(&shadow).find(|line: &[&str; 2]| line[0].as_bytes() == name)?;
        Some(hash.into())
    }

    /// Sets a password as `passwd(1)` does: a SHA-512 hash in `/etc/shadow`.
    ///
    /// # Errors
    /// ENOENT when there is no such user, EINVAL for a password of more than 512 bytes, else as writing the file.
    pub fn set_password(&self, name: &[u8], plain: &[u8]) -> Result<(), Errno> {
        let root = Who::root();
        if self.account(name).is_none() {
            return Err(Errno::ENOENT);
        }
        if plain.len() > 512 {
            return Err(Errno::EINVAL);
        }
        let hash = hash_of(plain);
        let day = crate::base::clock::unix_seconds() / 86_400;
        let old = self.read_file(&root, b"/etc/shadow", FILE_MAX)?;
        let mut new = Vec::with_capacity(old.len() + 128);
        let mut found = false;
        for line in old.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            let parts: Vec<&[u8]> = line.split(|&b| b == b':').collect();
            if parts.first() == Some(&name) && !found {
                found = true;
                let rest = parts.get(3..).map(|rest| rest.join(&b':')).unwrap_or_else(|| b"0:99999:7:::".to_vec());
                new.extend([name, b":", hash.as_bytes(), b":", day.to_string().as_bytes(), b":", &rest].concat());
            } else {
                new.extend_from_slice(line);
            }
            new.push(b'\n');
        }
        if !found {
            new.extend([name, b":", hash.as_bytes(), format!(":{day}:0:99999:7:::\n").as_bytes()].concat());
        }
        self.write_file(&root, b"/etc/shadow", &new, 0o640)
    }
}

/// A SHA-512 hash with a random salt, as crypt(5) writes it.
pub fn hash_of(plain: &[u8]) -> String {
    let hash = ShaCrypt::SHA512.hash_password_with_salt(plain, &rng::noise(12));
    hash.map_or_else(|_| "!".into(), |hash| hash.to_string().replacen("$rounds=5000$", "$", 1))
}

/// The most rounds that a hash may ask for: attackers write their own.
const ROUNDS_MAX: u32 = 50_000;

/// Whether a hash of crypt(5) is that of a password; an empty one opens to everybody, as PAM's nullok has it.
fn verify(hash: &str, password: &[u8]) -> bool {
    if hash.is_empty() {
        return true;
    }
    if !(hash.starts_with("$6$") || hash.starts_with("$5$")) {
        return false;
    }
    let rounds = hash.split('$').nth(2).and_then(|part| part.strip_prefix("rounds="));
    if rounds.is_some_and(|rounds| rounds.parse::<u32>().map_or(true, |rounds| rounds > ROUNDS_MAX)) {
        return false;
    }
    ShaCrypt::SHA512.verify_password(password, hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_glibc() {
        // From Drepper's specification of SHA-crypt.
        let known =
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
        assert!(verify(known, b"Hello world!"));
        assert!(!verify(known, b"hello world!"));
        let own = hash_of(b"pass");
        assert!(own.starts_with("$6$") && !own.contains("rounds") && own.len() == 3 + 16 + 1 + 86, "{own}");
        assert!(verify(&own, b"pass") && !verify(&own, b"pasS"));
        assert!(!verify("$6$rounds=999999999$aa$bb", b"x"));
        assert!(verify("", b"anything") && !verify("*", b"*") && !verify("!", b"!"));
    }
}
