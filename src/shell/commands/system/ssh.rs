//! `ssh`, `scp`, `sftp`, `ssh-copy-id`, `rsync` (OpenSSH 8.2p1): they never reach anybody.

use std::time::Duration;

use super::url::reach;
use super::{recorded, screen};
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::shell::net::NetError;
use crate::shell::text;

const LETTERS: &str =
    "+1 2 4 6 A a C f G g K k M N n q s T t V v X x Y y B= b= c= D= E= e= F= I= i= J= L= l= m= O= o= p= Q= R= S= W= w=";

/// What ssh prints when the command line is wrong.
fn usage(c: &mut Cmd, program: &str, status: i32) -> i32 {
    for args in ["", "--help"] {
        let text = recorded::text(c.host(), program, args);
        if let Some(at) = text.find("usage: ") {
            let text = text.get(at..).unwrap_or_default();
            c.err(&format!("{}\n", text.trim_end()));
            return status;
        }
    }
    status
}

struct Target {
    user: Option<String>,
    host: String,
    port: u16,
}

fn target(word: &str, port: Option<u16>) -> Target {
    let (word, port) = match word.strip_prefix("ssh://") {
        Some(rest) => match rest.rsplit_once(':') {
            Some((host, number)) => (host, number.parse().ok().or(port)),
            None => (rest, port),
        },
        None => (word, port),
    };
    let (user, host) = word.rsplit_once('@').map_or((None, word), |(user, host)| (Some(user.to_string()), host));
    Target { user, host: host.to_string(), port: port.unwrap_or(22) }
}

/// Goes as far as a connection goes: `false` when it failed (and said why).
async fn session(c: &mut Cmd, to: &Target, limit: Option<Duration>, batch: bool, quiet: bool) -> Result<bool, Stop> {
    c.note_url(&format!(
        "ssh://{}{}:{}",
        to.user.as_ref().map_or(String::new(), |user| format!("{user}@")),
        to.host,
        to.port
    ));
    let result = reach(c, &to.host, to.port, limit).await?;
    let text = match result {
        Err(NetError::NoName) => {
            format!("ssh: Could not resolve hostname {}: Temporary failure in name resolution\r\n", to.host)
        }
        Err(NetError::Refused) => format!("ssh: connect to host {} port {}: Connection refused\r\n", to.host, to.port),
        Err(NetError::Unreachable) => {
            format!("ssh: connect to host {} port {}: Network is unreachable\r\n", to.host, to.port)
        }
        Err(NetError::TimedOut) => {
            format!("ssh: connect to host {} port {}: Connection timed out\r\n", to.host, to.port)
        }
        Ok(_) => {
            // The host's own daemon: nobody gets in that way.
            let user = to.user.clone().unwrap_or_else(|| super::common::own_name(c));
            c.sleep(Duration::from_millis(220)).await?;
            if !batch {
                for round in 0..3 {
                    let prompt = format!("{user}@{}'s password: ", to.host);
                    if screen::ask(c, &prompt, false).await?.is_none() {
                        break;
                    }
                    c.sleep(Duration::from_millis(1900)).await?;
                    if round < 2 {
                        c.err("Permission denied, please try again.\r\n");
                    }
                }
            }
            format!("{user}@{}: Permission denied (publickey,password).\r\n", to.host)
        }
    };
    if !quiet {
        c.err(&text);
    }
    Ok(false)
}

fn option_of(found: &options::Options, name: &str) -> Option<String> {
    found.list.iter().filter(|(key, _)| *key == "o").filter_map(|(_, value)| value.as_deref()).find_map(|setting| {
        let (key, value) = setting.split_once(['=', ' '])?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_string())
    })
}

/// The options up to the first operand; a mistake is told.
fn parsed(c: &mut Cmd, args: &[String]) -> Result<options::Options, i32> {
    options::parse(LETTERS, args).map_err(|error| {
        let letter = error.rsplit(' ').next().unwrap_or_default().trim_matches('\'').to_string();
        let text = match error.starts_with("option requires") {
            true => format!("option requires an argument -- {letter}\n"),
            false => format!("unknown option -- {}\n", if letter.len() > 1 { "-" } else { &letter }),
        };
        c.err(&text);
        usage(c, "ssh", 255)
    })
}

pub(super) async fn ssh(c: &mut Cmd) -> Result<i32, Stop> {
    let mut found = match parsed(c, &c.args.clone()) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    // Options may also follow the destination.
    if let Some((host, more)) =
        found.rest.split_first().filter(|(_, more)| more.first().is_some_and(|word| word.starts_with('-')))
    {
        let host = host.clone();
        let after = match parsed(c, more) {
            Ok(after) => after,
            Err(status) => return Ok(status),
        };
        found.list.extend(after.list);
        found.rest = std::iter::once(host).chain(after.rest).collect();
    }
    if found.has("V") {
        let version = c.host().persona().ssh_version.clone();
        c.err(&format!("{version}, OpenSSL 1.1.1f  31 Mar 2020\n"));
        return Ok(0);
    }
    if let Some(query) = found.value("Q") {
        let text = match query {
            "cipher" => {
                "3des-cbc\naes128-cbc\naes192-cbc\naes256-cbc\nrijndael-cbc@lysator.liu.se\naes128-ctr\naes192-ctr\naes256-ctr\naes128-gcm@openssh.com\naes256-gcm@openssh.com\nchacha20-poly1305@openssh.com\n"
            }
            "key" => {
                "ssh-ed25519\nssh-ed25519-cert-v01@openssh.com\nssh-rsa\nssh-dss\necdsa-sha2-nistp256\necdsa-sha2-nistp384\necdsa-sha2-nistp521\n"
            }
            _ => "",
        };
        c.out(text);
        return Ok(0);
    }
    let Some(host) = found.rest.first().cloned() else { return Ok(usage(c, "ssh", 255)) };
    let port = match found.value("p").map(str::to_string).or_else(|| option_of(&found, "Port")) {
        None => None,
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => {
                c.err(&format!("Bad port '{text}'\n"));
                return Ok(255);
            }
        },
    };
    let mut to = target(&host, port);
    if let Some(user) = found.value("l") {
        to.user = Some(user.to_string());
    }
    if let Some(path) = found.value("i")
        && c.stat(path).is_err()
    {
        c.err(&format!("Warning: Identity file {path} not accessible: No such file or directory.\n"));
    }
    if found.rest.len() == 1 && !c.is_tty(0) && !found.has("T") && !found.has("N") {
        c.err("Pseudo-terminal will not be allocated because stdin is not a terminal.\r\n");
    }
    let limit = option_of(&found, "ConnectTimeout").and_then(|text| text.parse::<u64>().ok()).filter(|time| *time > 0);
    let batch = option_of(&found, "BatchMode").is_some_and(|value| value == "yes");
    session(c, &to, limit.map(|time| Duration::from_secs(time.min(1_000_000))), batch, found.has("q")).await?;
    Ok(255)
}

/// The remote part of `[user@]host:path`.
fn remote(word: &str) -> Option<&str> {
    let (host, _) = word.split_once(':')?;
    (!host.contains('/') && !host.is_empty()).then_some(host)
}

pub(super) async fn scp(c: &mut Cmd) -> Result<i32, Stop> {
    // What sshd is asked to run for a client: -t takes files, -f gives them, -d wants a folder.
    let found = match options::parse("3 4 6 A B C d f O p q R r s T t v c= D= F= i= J= l= o= P= S= X=", &c.args) {
        Ok(found) => found,
        Err(error) => {
            let letter = error.rsplit(' ').next().unwrap_or_default().trim_matches('\'').to_string();
            c.err(&format!("unknown option -- {letter}\n"));
            return Ok(usage(c, "scp", 1));
        }
    };
    if found.has("t") || found.has("f") {
        return super::scp::far(c, &found).await;
    }
    if found.rest.len() < 2 {
        return Ok(usage(c, "scp", 1));
    }
    let port = found.value("P").and_then(|text| text.parse().ok());
    if let Some(host) = found.rest.iter().find_map(|word| remote(word)) {
        for word in found.rest.iter().filter(|word| remote(word).is_none()).take(found.rest.len() - 1) {
            if remote(found.rest.last().map_or("", String::as_str)).is_some() && c.stat(word).is_err() {
                c.err(&format!("{word}: No such file or directory\n"));
            }
        }
        let to = target(host, port);
        session(c, &to, None, found.has("B"), found.has("q")).await?;
        if found.rest.last().is_some_and(|word| remote(word).is_some()) {
            c.err("lost connection\n");
        }
        return Ok(1);
    }
    let argv: Vec<String> = std::iter::once("cp".to_string())
        .chain(found.has("r").then(|| "-r".to_string()))
        .chain(std::iter::once("--".to_string()))
        .chain(found.rest.iter().cloned())
        .collect();
    c.exec(&argv).await
}

pub(super) async fn sftp(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::parse("4 6 A a C f N p q r v B= b= c= D= F= i= J= l= o= P= R= S= s= X=", &c.args) {
        Ok(found) => found,
        Err(_) => return Ok(usage(c, "sftp", 1)),
    };
    let Some(host) = found.rest.first().cloned() else { return Ok(usage(c, "sftp", 1)) };
    let host = host.split(':').next().unwrap_or_default().to_string();
    let to = target(&host, found.value("P").and_then(|text| text.parse().ok()));
    session(c, &to, None, found.has("b"), false).await?;
    c.err("Connection closed.  \r\nConnection closed\r\n");
    Ok(255)
}

pub(super) async fn copy_id(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::parse("f n s h ? i? p= F= o=", &c.args) {
        Ok(found) => found,
        Err(_) => return Ok(1),
    };
    let Some(host) = found.rest.last().cloned() else {
        c.err("Usage: /usr/bin/ssh-copy-id [-h|-?|-f|-n] [-i [identity_file]] [-p port] [[-o <ssh -o options>] ...] [user@]hostname\n\t-f: force mode -- copy keys without trying to check if they are already installed\n\t-n: dry run    -- no keys are actually copied\n\t-h|-?: print this help\n");
        return Ok(1);
    };
    let home = c.env("HOME").unwrap_or("/root").to_string();
    let has_key = ["id_rsa", "id_ed25519", "id_ecdsa", "id_dsa"]
        .iter()
        .any(|name| c.stat(&format!("{home}/.ssh/{name}.pub")).is_ok());
    if !has_key && !found.has("i") {
        c.err("/usr/bin/ssh-copy-id: ERROR: No identities found\n");
        return Ok(1);
    }
    let to = target(&host, found.value("p").and_then(|text| text.parse().ok()));
    session(c, &to, None, false, false).await?;
    Ok(1)
}

pub(super) async fn rsync(c: &mut Cmd) -> Result<i32, Stop> {
    if c.args.first().is_some_and(|arg| arg == "--server") {
        return super::rsync::serve(c).await;
    }
    let words: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    if c.args.iter().any(|arg| arg == "--version") {
        c.out("rsync  version 3.1.3  protocol version 31\n");
        return Ok(0);
    }
    if words.len() < 2 {
        c.err("rsync error: syntax or usage error (code 1) at main.c(1580) [client=3.1.3]\n");
        return Ok(1);
    }
    if let Some(host) = words.iter().find_map(|word| remote(word)) {
        let to = target(host, None);
        session(c, &to, None, false, false).await?;
        c.err("rsync: connection unexpectedly closed (0 bytes received so far) [sender]\nrsync error: unexplained error (code 255) at io.c(235) [sender=3.1.3]\n");
        return Ok(255);
    }
    let mut argv: Vec<String> = vec!["cp".into(), "-a".into(), "--".into()];
    for word in &words {
        let word = word.clone();
        if c.stat(&word).is_err() && Some(&word) != words.last() {
            let full = super::common::decode(&crate::world::resolve(c.cwd(), &text::encode(&word)));
            c.err(&format!("rsync: link_stat \"{full}\" failed: No such file or directory (2)\nrsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1207) [sender=3.1.3]\n"));
            return Ok(23);
        }
        argv.push(word);
    }
    c.exec(&argv).await
}
