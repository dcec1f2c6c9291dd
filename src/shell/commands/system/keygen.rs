//! `ssh-keygen` (OpenSSH 8.2p1): makes key files of the right form, shows fingerprints.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

use super::common::{decode, own_name};
use super::{recorded, screen};
use crate::base::rng::noise;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::world::Who;

/// A string of the SSH wire format.
fn wire(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(u32::try_from(part.len()).unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// A positive number of so many bits, odd, as a prime would look.
fn number(bits: usize) -> Vec<u8> {
    let mut bytes = noise(bits / 8);
    if let Some(first) = bytes.first_mut() {
        *first |= 0x80;
    }
    if let Some(last) = bytes.last_mut() {
        *last |= 1;
    }
    bytes.insert(0, 0);
    bytes
}

struct Pair {
    public: Vec<u8>,
    private: String,
    kind: &'static str,
    bits: usize,
    label: &'static str,
}

fn make(kind: &str, bits: Option<usize>, comment: &str) -> Option<Pair> {
    let check = noise(4);
    let check = [check.clone(), check].concat();
    let (name, label, bits, public, secret): (&'static str, &'static str, usize, Vec<u8>, Vec<u8>) = match kind {
        "ed25519" => {
            let point = noise(32);
            let seed = noise(32);
            let public = wire(&[b"ssh-ed25519", &point]);
            let secret = wire(&[b"ssh-ed25519", &point, &[seed, point.clone()].concat()]);
            ("ssh-ed25519", "ED25519", 256, public, secret)
        }
        "rsa" => {
            let bits = bits.unwrap_or(3072).clamp(1024, 16_384);
            let (n, e) = (number(bits), vec![1, 0, 1]);
            let public = wire(&[b"ssh-rsa", &e, &n]);
            let secret =
                wire(&[b"ssh-rsa", &n, &e, &number(bits), &number(bits / 2), &number(bits / 2), &number(bits / 2)]);
            ("ssh-rsa", "RSA", bits, public, secret)
        }
        "ecdsa" => {
            let mut point = vec![4];
            point.extend(noise(64));
            let public = wire(&[b"ecdsa-sha2-nistp256", b"nistp256", &point]);
            let secret = wire(&[b"ecdsa-sha2-nistp256", b"nistp256", &point, &noise(32)]);
            ("ecdsa-sha2-nistp256", "ECDSA", 256, public, secret)
        }
        "dsa" => {
            let numbers: Vec<Vec<u8>> = [1024, 160, 1024, 1024].iter().map(|bits| number(*bits)).collect();
            let parts: Vec<&[u8]> = std::iter::once(&b"ssh-dss"[..]).chain(numbers.iter().map(Vec::as_slice)).collect();
            let public = wire(&parts);
            let secret = [public.clone(), wire(&[&number(160)])].concat();
            ("ssh-dss", "DSA", 1024, public, secret)
        }
        _ => return None,
    };
    let mut inner = [check, secret, wire(&[comment.as_bytes()])].concat();
    let mut pad = 1;
    while inner.len() % 8 != 0 {
        inner.push(pad);
        pad += 1;
    }
    let body = [
        b"openssh-key-v1\0".to_vec(),
        wire(&[b"none", b"none", b""]),
        1_u32.to_be_bytes().to_vec(),
        wire(&[&public, &inner]),
    ]
    .concat();
    let text = STANDARD.encode(body);
    let mut private = String::from("-----BEGIN OPENSSH PRIVATE KEY-----\n");
    for line in text.as_bytes().chunks(70) {
        private.push_str(&String::from_utf8_lossy(line));
        private.push('\n');
    }
    private.push_str("-----END OPENSSH PRIVATE KEY-----\n");
    Some(Pair { public, private, kind: name, bits, label })
}

fn fingerprint(public: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(public)))
}

/// The picture that OpenSSH draws of a fingerprint ("drunken bishop").
fn picture(public: &[u8], label: &str, bits: usize) -> String {
    const MARKS: &[u8] = b" .o+=*BOX@%&#/^SE";
    let mut field = [[0_usize; 9]; 17];
    let (mut x, mut y) = (8_usize, 4_usize);
    for byte in Sha256::digest(public) {
        for step in 0..4 {
            let two = byte >> (2 * step) & 3;
            x = if two & 1 == 1 { (x + 1).min(16) } else { x.saturating_sub(1) };
            y = if two & 2 == 2 { (y + 1).min(8) } else { y.saturating_sub(1) };
            if let Some(cell) = field.get_mut(x).and_then(|column| column.get_mut(y)) {
                *cell = (*cell + 1).min(14);
            }
        }
    }
    if let Some(cell) = field.get_mut(8).and_then(|column| column.get_mut(4)) {
        *cell = 15;
    }
    if let Some(cell) = field.get_mut(x).and_then(|column| column.get_mut(y)) {
        *cell = 16;
    }
    let frame = |title: String| {
        let left = (17 - title.len().min(17)) / 2;
        format!("+{}{title}{}+\n", "-".repeat(left), "-".repeat(17 - left - title.len().min(17)))
    };
    let mut text = frame(format!("[{label} {bits}]"));
    for y in 0..9 {
        text.push('|');
        for column in &field {
            let mark = column.get(y).and_then(|count| MARKS.get(*count)).copied().unwrap_or(b' ');
            text.push(char::from(mark));
        }
        text.push_str("|\n");
    }
    text.push_str(&frame("[SHA256]".into()));
    text
}

/// The public key in a line `TYPE BASE64 COMMENT`, or in a private key's file.
fn public_of(text: &str) -> Option<(Vec<u8>, String)> {
    if text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----") {
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        let bytes = STANDARD.decode(body).ok()?;
        let take = |at: usize| {
            let len = bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)? as usize;
            Some((bytes.get(at + 4..(at + 4).checked_add(len)?)?.to_vec(), at + 4 + len))
        };
        let (_, at) = take(15)?;
        let (_, at) = take(at)?;
        let (_, at) = take(at)?;
        let (public, _) = take(at + 4)?;
        return Some((public, "no comment".into()));
    }
    text.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| word.starts_with("ssh-") || word.starts_with("ecdsa-"))?;
        let bytes = STANDARD.decode(words.get(at + 1)?).ok()?;
        let comment = words.get(at + 2..).unwrap_or_default().join(" ");
        Some((bytes, if comment.is_empty() { "no comment".into() } else { comment }))
    })
}

/// Label and size of a public key.
fn kind_of(public: &[u8]) -> (&'static str, usize) {
    let len = public.get(..4).and_then(|head| head.try_into().ok()).map_or(0, u32::from_be_bytes) as usize;
    match public.get(4..4 + len.min(64)).unwrap_or_default() {
        b"ssh-ed25519" => ("ED25519", 256),
        b"ssh-dss" => ("DSA", 1024),
        b"ssh-rsa" => ("RSA", public.len().saturating_sub(23) * 8 / 1024 * 1024),
        _ => ("ECDSA", 256),
    }
}

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    const TABLE: &str = "A B c D= e E= F= f= G= g H h I= i K= k L l M= m= N= n= O= o P= p Q q R= r= s= T= t= U u V= v W= w= X x Y= y Z= z= a= b= C= S=";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(error) => {
            let letter = error.rsplit(' ').next().unwrap_or_default().trim_matches('\'').to_string();
            c.err(&format!("unknown option -- {letter}\n"));
            let text = recorded::text(c.host(), "ssh-keygen", "--help");
            c.err(text.split_once('\n').map_or(text, |(_, rest)| rest));
            return Ok(1);
        }
    };
    let home = c.env("HOME").unwrap_or("/root").to_string();
    if found.has("A") {
        return Ok(0);
    }
    if found.has("l") || found.has("y") || found.has("B") {
        return Ok(show(c, &found, &home));
    }
    if let Some(host) = found.value("R") {
        let path = format!("{home}/.ssh/known_hosts");
        let Ok(bytes) = c.read_file(&path) else {
            c.err("do_known_hosts: hostkeys_foreach failed: No such file or directory\r\n");
            return Ok(255);
        };
        let kept: String =
            decode(&bytes).lines().filter(|line| !line.starts_with(host)).map(|line| format!("{line}\n")).collect();
        if kept.len() == decode(&bytes).len() {
            c.err(&format!("Host {host} not found in {path}\n"));
            return Ok(0);
        }
        let _ = c.write_file(&path, kept.as_bytes());
        c.out(&format!("# Host {host} found: line 1\n{path} updated.\nOriginal contents retained as {path}.old\n"));
        return Ok(0);
    }
    generate(c, &found, &home).await
}

fn show(c: &mut Cmd, found: &options::Options, home: &str) -> i32 {
    let path = found.value("f").map_or_else(|| format!("{home}/.ssh/id_rsa"), str::to_string);
    let stat = match c.stat(&path) {
        Ok(stat) => stat,
        Err(errno) => {
            let text = match found.has("l") {
                true => format!("ssh-keygen: {path}: {}\r\n", errno.text()),
                false => format!("{path}: {}\r\n", errno.text()),
            };
            c.err(&text);
            return 255;
        }
    };
    let text = decode(&c.read_file(&path).unwrap_or_default());
    if found.has("y") {
        if stat.mode & 0o077 != 0 {
            let line = "@".repeat(59);
            c.err(&format!(
                "{line}\r\n@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\r\n{line}\r\nPermissions 0{:o} for '{path}' are too \
                 open.\r\nIt is required that your private key files are NOT accessible by others.\r\nThis private key will be \
                 ignored.\r\nLoad key \"{path}\": bad permissions\r\n",
                stat.mode & 0o777
            ));
            return 255;
        }
        return match public_of(&text).filter(|_| text.starts_with("-----BEGIN")) {
            Some((public, _)) => {
                let len = public.get(..4).and_then(|head| head.try_into().ok()).map_or(0, u32::from_be_bytes) as usize;
                let kind = String::from_utf8_lossy(public.get(4..4 + len.min(64)).unwrap_or_default()).into_owned();
                c.out(&format!("{kind} {}\n", STANDARD.encode(public)));
                0
            }
            None => {
                c.err(&format!("Load key \"{path}\": invalid format\r\n"));
                255
            }
        };
    }
    match public_of(&text) {
        Some((public, comment)) => {
            let (label, bits) = kind_of(&public);
            c.out(&format!("{bits} {} {comment} ({label})\n", fingerprint(&public)));
            if found.has("v") {
                let picture = picture(&public, label, bits);
                c.out(&picture);
            }
            0
        }
        None => {
            c.err(&format!("{path} is not a public key file.\r\n"));
            255
        }
    }
}

async fn generate(c: &mut Cmd, found: &options::Options, home: &str) -> Result<i32, Stop> {
    let kind = found.value("t").unwrap_or("rsa").to_ascii_lowercase();
    let quiet = found.has("q");
    let host = c.host().hostname();
    let comment = found.value("C").map_or_else(|| format!("{}@{host}", own_name(c)), str::to_string);
    let bits = match found.value("b").map(str::parse::<usize>) {
        None => None,
        Some(Ok(bits)) if (1024..=16_384).contains(&bits) || kind != "rsa" => Some(bits),
        _ => {
            c.err("Invalid RSA key length: minimum is 1024 bits\r\n");
            return Ok(255);
        }
    };
    let Some(pair) = make(&kind, bits, &comment) else {
        c.err(&format!("unknown key type {kind}\r\n"));
        return Ok(255);
    };
    if !quiet {
        c.out(&format!("Generating public/private {kind} key pair.\n"));
    }
    c.sleep(std::time::Duration::from_millis(if kind == "rsa" { 400 } else { 5 })).await?;
    let path = match found.value("f") {
        Some(path) => path.to_string(),
        None => {
            let default = format!("{home}/.ssh/id_{kind}");
            let question = format!("Enter file in which to save the key ({default}): ");
            c.out(&question);
            c.flush().await?;
            let answer = c.read_line().await?.map(|line| decode(&line).trim().to_string()).unwrap_or_default();
            if answer.is_empty() { default } else { answer }
        }
    };
    let folder = path.rsplit_once('/').map(|(folder, _)| folder.to_string()).unwrap_or_default();
    if found.value("f").is_none() && c.stat(&folder).is_err() {
        let made = c.host().make_folder(c.who(), &c.path(&folder), 0o700);
        if made.is_ok() && !quiet {
            c.out(&format!("Created directory '{folder}'.\n"));
        }
    }
    if c.stat(&path).is_ok() {
        c.out(&format!("{path} already exists.\nOverwrite (y/n)? "));
        c.flush().await?;
        let answer = c.read_line().await?.map(|line| decode(&line)).unwrap_or_default();
        if !answer.starts_with(['y', 'Y']) {
            return Ok(1);
        }
    }
    if found.value("N").is_none() {
        let first = screen::ask(c, "Enter passphrase (empty for no passphrase): ", false).await?;
        let again = screen::ask(c, "Enter same passphrase again: ", false).await?;
        if first != again {
            c.out("Passphrases do not match.  Try again.\n");
            return Ok(1);
        }
    } else if found.value("N").is_some_and(|phrase| !phrase.is_empty() && phrase.len() < 5) {
        c.err("Saving key failed: passphrase is too short (minimum five characters)\r\n");
        return Ok(1);
    }
    let who = Who { umask: 0o077, ..c.who().clone() };
    if let Err(errno) = c.host().write_file(&who, &c.path(&path), pair.private.as_bytes(), 0o600) {
        c.err(&format!("Saving key \"{path}\" failed: {}\r\n", errno.text()));
        return Ok(1);
    }
    c.note_written(&path);
    let line = format!("{} {} {comment}\n", pair.kind, STANDARD.encode(&pair.public));
    let who = Who { umask: 0o022, ..c.who().clone() };
    let _ = c.host().write_file(&who, &c.path(&format!("{path}.pub")), line.as_bytes(), 0o644);
    if !quiet {
        c.out(&format!(
            "Your identification has been saved in {path}\nYour public key has been saved in {path}.pub\nThe key fingerprint is:\n{} \
             {comment}\nThe key's randomart image is:\n{}",
            fingerprint(&pair.public),
            picture(&pair.public, pair.label, pair.bits)
        ));
    }
    Ok(0)
}
