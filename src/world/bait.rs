//! Credentials that lie around on the host and open an account of it. One table per instance says where each lies; who
//! reads such a file is noted, so that a later login with what stands there can be told from a guess.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::World;
use super::accounts::{People, Person};
use super::names;
use super::persona::Persona;
use crate::base::clock::{self, Timestamp};
use crate::base::rng::Rng;

/// A user and a password in a file of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bait {
    /// Where it lies.
    pub path: String,
    /// The user, of the host or of its database.
    pub user: String,
    /// Their password, or the public half of their key in base64; no two places have the same.
    pub password: String,
    /// Protocols on which it is a login: `ftp`, `telnet`, `smtp`, `ssh`, or `http` for the programs of the web root.
    pub opens: &'static [&'static str],
}

/// Somebody read a bait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaitRead {
    /// Their address; none when each visit has a host of its own.
    pub source: Option<IpAddr>,
    /// The user as whom it was read: the web server's is 33.
    pub uid: u32,
    /// When they did so first.
    pub at: Timestamp,
}

/// Readers of one bait that are remembered.
const READERS: usize = 256;
/// What opens an account of the host.
const HOST: &[&str] = &["ftp", "telnet", "smtp", "ssh"];
/// Readings of all baits that the file of an earlier run may tell.
const REMEMBERED: usize = 4096;

/// All baits of an instance.
#[derive(Default)]
pub(super) struct Baits {
    all: Vec<Bait>,
    /// Lines of histories with a password in them, by path.
    pub lines: Vec<(String, String)>,
    /// Files of keys: path, text, mode, owner.
    pub keys: Vec<(String, String, u32, String)>,
    reads: Mutex<Reads>,
}

/// Who has read what; new readings are also lines of a file.
#[derive(Default)]
struct Reads {
    all: Vec<(usize, BaitRead)>,
    file: Option<File>,
}

impl Baits {
    /// One for each of the paths, and the database's for those that name it; then those that people left in histories,
    /// and a key. The accounts are those of the company's people, whose passwords nobody else knows; without any there
    /// is no bait.
    pub fn new(persona: &Persona, people: &mut People, paths: &[(String, bool)]) -> Self {
        let staff: Vec<Person> = people.all.iter().filter(|person| person.staff).cloned().collect();
        let mut baits = Self::default();
        for (number, (path, database)) in paths.iter().enumerate() {
            if *database {
                let (user, password) = database_login(persona.seed);
                baits.all.push(Bait { path: path.clone(), user, password, opens: &["http"] });
            }
            let Some(person) = staff.iter().cycle().nth(number) else { continue };
            baits.account(persona, people, path, &person.name);
        }
        if persona.profile.is_server() && !staff.is_empty() {
            baits.histories(persona, people, &staff, paths.iter().any(|(_, database)| *database));
            baits.key(persona, &staff);
        }
        baits
    }

    /// A password of an account that stands in a file.
    fn account(&mut self, persona: &Persona, people: &mut People, path: &str, user: &str) -> String {
        let password = password(persona.seed, path);
        people.passwords.entry(user.into()).or_default().push(password.clone());
        self.all.push(Bait { path: path.into(), user: user.into(), password: password.clone(), opens: HOST });
        password
    }

    /// One or two of the people typed a password on a command line, root perhaps that of the database.
    fn histories(&mut self, persona: &Persona, people: &mut People, staff: &[Person], database: bool) {
        let mut rng = Rng::new(persona.seed, "histories");
        let root = rng.between(0, 1) == 0;
        let first = usize::try_from(rng.between(0, staff.len() as u64 - 1)).unwrap_or(0);
        let writer = staff.get(first).map_or_else(|| "/root".into(), Person::home);
        let mut places = vec![format!("{writer}/.bash_history")];
        if root {
            places.push("/root/.bash_history".into());
        }
        for (number, path) in places.into_iter().enumerate() {
            if number == 1 && database && rng.between(0, 1) == 0 {
                let (user, password) = database_login(persona.seed);
                self.lines.push((
                    path.clone(),
                    format!("mysql -u {user} -p{password} {}_web", names::company(persona.seed).0),
                ));
                self.all.push(Bait { path, user, password, opens: &["http"] });
                continue;
            }
            let Some(person) = staff.iter().cycle().nth(first + number) else { continue };
            let (user, host) = (&person.name, &persona.hostname);
            let password = self.account(persona, people, &path, user);
            let line = match rng.between(0, 4) {
                0 => format!("curl -T export.csv ftp://{user}:{password}@localhost/"),
                1 => format!("curl -u {user}:{password} ftp://{host}/"),
                2 => format!("sshpass -p '{password}' ssh {user}@{host} uptime"),
                3 => format!("lftp -u {user},{password} -e 'mirror -R pages; quit' {host}"),
                _ => format!(
                    "swaks --to {user}@{} --server {host} --auth-user {user} --auth-password '{password}'",
                    persona.domain
                ),
            };
            self.lines.push((path, line));
        }
    }

    /// More than every second host has somebody's key, which opens their account, and root's with every third.
    fn key(&mut self, persona: &Persona, staff: &[Person]) {
        let mut rng = Rng::new(persona.seed, "key");
        let (has, root) = (rng.between(0, 9) < 6, rng.between(0, 2) == 0);
        let Some(person) = staff.first().filter(|_| has) else { return };
        let seed: Vec<u8> = (0..4).flat_map(|_| rng.next_u64().to_be_bytes()).collect();
        let comment = format!("{}@{}", person.name, persona.hostname);
        let Some((private, public)) = key_files(&seed, rng.next_u64(), &comment) else { return };
        let (folder, name) = (format!("{}/.ssh", person.home()), person.name.clone());
        let line = format!("ssh-ed25519 {public} {comment}\n");
        let path = format!("{folder}/id_ed25519");
        self.keys.push((path.clone(), private, 0o600, name.clone()));
        self.keys.push((format!("{folder}/id_ed25519.pub"), line.clone(), 0o644, name.clone()));
        self.keys.push((format!("{folder}/authorized_keys"), line.clone(), 0o600, name.clone()));
        if root {
            self.keys.push(("/root/.ssh/authorized_keys".into(), line, 0o600, "root".into()));
        }
        self.all.push(Bait { path, user: name, password: public, opens: &["ssh"] });
    }

    /// Keeps who reads what in a file, and takes over what an earlier run noted there.
    pub fn kept(&self, path: &Path) {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let text = fs::read_to_string(path).unwrap_or_default();
        let known = text.lines().filter_map(|line| self.read_line(line)).take(REMEMBERED);
        reads.all = known.collect();
        // Torn lines, and those of baits that are gone, are left out.
        let whole: String = reads.all.iter().filter_map(|(of, read)| self.line(*of, read)).collect();
        let mut how = OpenOptions::new();
        let opened = how.create(true).append(true).mode(0o600).open(path);
        let rewritten = if whole == text { Ok(()) } else { fs::write(path, &whole) };
        match opened.and_then(|file| rewritten.map(|()| file)) {
            Ok(file) => reads.file = Some(file),
            Err(error) => tracing::warn!("who reads baits is not kept: {}: {error}", path.display()),
        }
    }

    /// `TIME UID ADDRESS PATH`, the address `-` when there is none.
    fn line(&self, of: usize, read: &BaitRead) -> Option<String> {
        let mut line = format!("{} {} ", read.at, read.uid);
        let written = match read.source {
            Some(source) => write!(line, "{source}"),
            None => write!(line, "-"),
        };
        written.ok()?;
        Some(format!("{line} {}\n", self.all.get(of)?.path))
    }

    fn read_line(&self, line: &str) -> Option<(usize, BaitRead)> {
        let mut parts = line.splitn(4, ' ');
        let (at, uid) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let source = match parts.next()? {
            "-" => None,
            address => Some(address.parse().ok()?),
        };
        let path = parts.next()?;
        let of = self.all.iter().position(|bait| bait.path == path)?;
        Some((of, BaitRead { source, uid, at }))
    }

    /// Whether nothing lies around.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Notes that a file was opened for reading.
    pub fn opened(&self, path: &[u8], uid: u32, source: Option<IpAddr>) {
        // One line for a file: who reads it has all that stands in it.
        let Some(number) = self.all.iter().position(|bait| bait.path.as_bytes() == path) else { return };
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let known = reads.all.iter().any(|(of, read)| *of == number && read.source == source && read.uid == uid);
        if known || reads.all.iter().filter(|(of, _)| *of == number).count() >= READERS {
            return;
        }
        tracing::debug!("{} was read: it is a bait", String::from_utf8_lossy(path));
        let read = BaitRead { source, uid, at: clock::now() };
        if let (Some(file), Some(line)) = (&mut reads.file, self.line(number, &read)) {
            let _ = file.write_all(line.as_bytes());
        }
        reads.all.push((number, read));
    }

    /// The bait for a path, of the host's account (`database` false) or of the database.
    pub fn of(&self, path: &str, database: bool) -> Option<&Bait> {
        self.all.iter().find(|bait| bait.path == path && (bait.opens == ["http"]) == database)
    }
}

/// User and password of the database that the company's web programs use.
pub(super) fn database_login(seed: u64) -> (String, String) {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut rng = Rng::new(seed, "database");
    let letter = |rng: &mut Rng| {
        let at = usize::try_from(rng.between(0, LETTERS.len() as u64 - 1)).unwrap_or(0);
        char::from(LETTERS.get(at).copied().unwrap_or(b'x'))
    };
    let password = (0..14).map(|_| letter(&mut rng)).collect();
    (format!("{}_web", names::company(seed).0), password)
}

/// A private key in OpenSSH's form, and its public half in base64; `check` are the two numbers that show a right
/// passphrase (PROTOCOL.key of OpenSSH).
fn key_files(seed: &[u8], check: u64, comment: &str) -> Option<(String, String)> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
    let public = pair.public_key().as_ref();
    let text = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes(), bytes].concat();
    let blob = [text(b"ssh-ed25519"), text(public)].concat();
    let check = check.to_be_bytes();
    let check = check.get(..4).unwrap_or_default();
    let mut inner = [check, check, &blob, &text(&[seed, public].concat()), &text(comment.as_bytes())].concat();
    inner.extend((1..=8).take((8 - inner.len() % 8) % 8));
    let none = text(b"none");
    let count = 1_u32.to_be_bytes();
    let whole =
        [b"openssh-key-v1\0".as_slice(), &none, &none, &text(b""), &count, &text(&blob), &text(&inner)].concat();
    let encoded = STANDARD.encode(whole);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    let armoured =
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n", lines.join("\n"));
    Some((armoured, STANDARD.encode(blob)))
}

/// A password as people think of one.
fn password(seed: u64, path: &str) -> String {
    let mut rng = Rng::new(seed, path);
    let (name, trade) = names::company(seed);
    let mut word = if rng.between(0, 1) == 0 { name } else { trade.to_string() };
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let sign =
        ["!", "#", "-", "_", ".", "+"].get(usize::try_from(rng.between(0, 5)).unwrap_or(0)).copied().unwrap_or("!");
    format!("{word}{sign}{:04}", rng.between(1000, 9999))
}

impl World {
    /// All credentials that lie around.
    pub fn baits(&self) -> &[Bait] {
        &self.base.baits.all
    }

    /// The bait that has these credentials, and who read it, the first reader first.
    pub fn bait_of(&self, user: &[u8], password: &[u8]) -> Option<(&Bait, Vec<BaitRead>)> {
        let baits = &self.base.baits;
        let (number, bait) = baits
            .all
            .iter()
            .enumerate()
            .find(|(_, bait)| bait.user.as_bytes() == user && bait.password.as_bytes() == password)?;
        // The same login may stand in several files: whoever read one of them knows it.
        let has = |other: &Bait| other.user == bait.user && other.password == bait.password;
        let same = |of: usize| {
            let path = baits.all.get(of).map(|other| &other.path);
            baits.all.iter().any(|other| has(other) && Some(&other.path) == path)
        };
        let reads = baits.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let place = reads.all.iter().map(|(of, _)| *of).find(|of| same(*of)).unwrap_or(number);
        let readers = reads.all.iter().filter(|(of, _)| same(*of)).map(|(_, read)| read.clone()).collect();
        Some((baits.all.get(place)?, readers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed and the public key are the first test vector of RFC 8032, section 7.1.
    #[test]
    fn a_key_is_what_openssh_writes() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
        };
        let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let point = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let (private, public) = key_files(&seed, 7, "ann@mail").unwrap();
        let blob = STANDARD.decode(&public).unwrap();
        assert_eq!(blob[blob.len() - 32..], point);
        assert!(private.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ"));
        let body: String = private.lines().filter(|line| !line.starts_with('-')).collect();
        let whole = STANDARD.decode(body).unwrap();
        assert_eq!((whole.len() - 15 - 16 - 4 - 4 - 55 - 4) % 8, 0);
        assert!(whole.windows(8).any(|part| part == b"ann@mail"));
    }

    #[test]
    fn readers_are_kept_and_torn_lines_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baits");
        let bait = |path: &str| Bait { path: path.into(), user: "ann".into(), password: path.into(), opens: HOST };
        let make = || Baits { all: vec![bait("/a b"), bait("/c")], ..Baits::default() };
        let address: IpAddr = [192, 0, 2, 7].into();
        let first = make();
        first.kept(&path);
        first.opened(b"/a b", 33, Some(address));
        first.opened(b"/a b", 33, Some(address));
        first.opened(b"/c", 0, None);
        fs::write(&path, fs::read_to_string(&path).unwrap() + "2026-11-23T10:0").unwrap();
        for _ in 0..2 {
            let again = make();
            again.kept(&path);
            let reads = again.reads.lock().unwrap().all.clone();
            assert_eq!(
                reads.iter().map(|(of, read)| (*of, read.uid, read.source)).collect::<Vec<_>>(),
                [(0, 33, Some(address)), (1, 0, None)]
            );
        }
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    }
}
