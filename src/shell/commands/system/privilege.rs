//! `sudo`, `su`, `runuser`, `visudo`: becoming somebody else.

use std::time::Duration;

use super::common::{file, is_password, is_root, own_name, user_id};
use super::{recorded, screen};
use crate::shell::cmd::{Child, Cmd};
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::{Account, Who};

/// The rights of an account for a process of this session.
fn who_of(c: &Cmd, account: &Account) -> Who {
    Who { pid: c.pid(), umask: c.who().umask, ..Who::of(account) }
}

/// Sets variables in an environment.
fn set(env: &mut Vec<(String, String)>, name: &str, value: &str) {
    match env.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => *old = value.to_string(),
        None => env.push((name.to_string(), value.to_string())),
    }
}

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Whether sudoers let the user do anything, and whether without a password.
fn rights(c: &Cmd, name: &str) -> Option<bool> {
    let mut text = file(c.host(), "/etc/sudoers");
    for (entry, _) in c.host().list(&Who::root(), b"/etc/sudoers.d").unwrap_or_default() {
        text.push_str(&file(c.host(), &format!("/etc/sudoers.d/{}", super::common::decode(&entry))));
    }
    let groups: Vec<String> = c
        .host()
        .groups()
        .into_iter()
        .filter(|group| group.members.iter().any(|member| member == name))
        .map(|group| group.name)
        .collect();
    let mut found = None;
    for line in text.lines() {
        let Some(first) = line.split_whitespace().next() else { continue };
        let hit = first == name
            || first == "ALL"
            || first.strip_prefix('%').is_some_and(|group| groups.iter().any(|own| own == group));
        if hit && line.contains('=') {
            found = Some(line.contains("NOPASSWD:"));
        }
    }
    found
}

const SUDO: &str = "+A,askpass b,background B,bell C,close-from= E,preserve-env? D,chdir= e,edit g,group= H,set-home h,help= i,login K,remove-timestamp \
                    k,reset-timestamp l,list n,non-interactive P,preserve-groups p,prompt= R,chroot= r,role= S,stdin s,shell t,type= T,command-timeout= \
                    U,other-user= u,user= V,version v,validate N,no-update host=";

fn sudo_usage(c: &mut Cmd) -> i32 {
    let text = recorded::text(c.host(), "sudo", "--help");
    if let Some(at) = text.find("usage:") {
        let end = text.find("\n\nOptions").unwrap_or(text.len());
        c.err(&format!("{}\n", text.get(at..end).unwrap_or_default().trim_end()));
    }
    1
}

pub(super) async fn sudo(c: &mut Cmd) -> Result<i32, Stop> {
    if c.base() == "sudoedit" {
        c.args.insert(0, "-e".into());
    }
    let found = match options::parse(SUDO, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return Ok(sudo_usage(c));
        }
    };
    if found.has("V") {
        c.out("Sudo version 1.8.31\nSudoers policy plugin version 1.8.31\nSudoers file grammar version 46\nSudoers I/O plugin version 1.8.31\n");
        return Ok(0);
    }
    if found.has("K") || (found.has("k") && found.rest.is_empty()) {
        return Ok(0);
    }
    let me = own_name(c);
    let target = found.value("u").unwrap_or("root").trim_start_matches('#').to_string();
    let name = user_id(c.host(), &target).and_then(|uid| c.host().user(uid)).map(|user| user.name);
    let mut rest = found.rest.clone();
    let mut given = Vec::new();
    while let Some((name, value)) =
        rest.first().and_then(|word| word.split_once('=')).filter(|(name, _)| crate::shell::grammar::is_name(name))
    {
        given.push((name.to_string(), value.to_string()));
        rest.remove(0);
    }
    let shell = found.has("i") || found.has("s");
    if rest.is_empty() && !shell && !found.has("l") && !found.has("v") && !found.has("e") {
        return Ok(sudo_usage(c));
    }
    let Some(account) = name.and_then(|name| c.host().account(name.as_bytes())) else {
        c.complain(&format!("unknown user: {target}"));
        c.err("sudo: unable to initialize policy plugin\n");
        return Ok(1);
    };
    if !is_root(c) && !allowed(c, &found, &me).await? {
        return Ok(1);
    }
    if found.has("v") {
        return Ok(0);
    }
    if found.has("l") {
        let host = c.host().hostname();
        c.out(&format!(
            "Matching Defaults entries for {me} on {host}:\n    env_reset, mail_badpass, \
             secure_path=/usr/local/sbin\\:/usr/local/bin\\:/usr/sbin\\:/usr/bin\\:/sbin\\:/bin\\:/snap/bin\n\nUser {me} may run the following \
             commands on {host}:\n    (ALL : ALL) {}ALL\n",
            if rights(c, &me) == Some(true) { "NOPASSWD: " } else { "" }
        ));
        return Ok(0);
    }
    let mut env: Vec<(String, String)> = if found.has("E") && !found.has("i") {
        c.environ().to_vec()
    } else {
        let keep = ["TERM", "LANG", "LC_ALL", "LANGUAGE", "LS_COLORS", "DISPLAY", "COLORTERM", "XAUTHORITY"];
        c.environ().iter().filter(|(name, _)| keep.contains(&name.as_str())).cloned().collect()
    };
    let line = if rest.is_empty() { account.shell.clone() } else { rest.join(" ") };
    let uid = c.who().uid;
    for (name, value) in [
        ("PATH", format!("{PATH}:/snap/bin")),
        ("MAIL", format!("/var/mail/{}", account.name)),
        ("LOGNAME", account.name.clone()),
        ("USER", account.name.clone()),
        ("HOME", account.home.clone()),
        ("SHELL", account.shell.clone()),
        ("SUDO_COMMAND", line),
        ("SUDO_USER", me.clone()),
        ("SUDO_UID", uid.to_string()),
        ("SUDO_GID", c.who().gid.to_string()),
    ] {
        set(&mut env, name, &value);
    }
    for (name, value) in given {
        set(&mut env, &name, &value);
    }
    let mut cwd = None;
    let argv = match (shell, found.has("e")) {
        (_, true) => [vec!["/usr/bin/editor".to_string()], rest.clone()].concat(),
        (true, _) => {
            let program = if account.shell.is_empty() { "/bin/sh".to_string() } else { account.shell.clone() };
            let mut argv = vec![program];
            if found.has("i") {
                cwd = Some(account.home.clone().into_bytes());
                argv.push("-l".into());
            }
            if !rest.is_empty() {
                argv.push("-c".into());
                argv.push(rest.join(" "));
            }
            argv
        }
        _ => rest.clone(),
    };
    let user = who_of(c, &account);
    let how = Child { env: Some(env), user: Some(user), cwd, ..Child::default() };
    let status = c.exec_with(&argv, how).await?;
    let word = argv.first().cloned().unwrap_or_default();
    if !c.exec_error().is_empty() {
        let text = match (status, word.contains('/')) {
            (127, false) => format!("{word}: command not found"),
            (127, true) => format!("{word}: command not found"),
            _ => format!("unable to execute {word}: {}", c.exec_error()),
        };
        c.complain(&text);
        return Ok(1);
    }
    Ok(status)
}

/// Asks for the password, as sudoers have it.
async fn allowed(c: &mut Cmd, found: &options::Options, me: &str) -> Result<bool, Stop> {
    let rights = rights(c, me);
    if rights == Some(true) {
        return Ok(true);
    }
    let given = format!("/run/sudo/ts/{me}");
    if rights.is_some()
        && c.host()
            .stat(&Who::root(), given.as_bytes(), true)
            .is_ok_and(|stat| c.now().as_second() - stat.modified.secs < 900)
    {
        return Ok(true);
    }
    if found.has("n") {
        c.complain("a password is required");
        return Ok(false);
    }
    if !c.is_tty(0) && !found.has("S") && !c.is_tty(2) {
        c.complain("a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper");
        return Ok(false);
    }
    let prompt = found.value("p").map_or_else(|| format!("[sudo] password for {me}: "), str::to_string);
    for round in 1..=3 {
        let Some(password) = screen::ask(c, &prompt, false).await? else {
            c.complain(&if round == 1 {
                "no password was provided".to_string()
            } else {
                format!("{} incorrect password attempts", round - 1)
            });
            return Ok(false);
        };
        if is_password(c.host(), me, &text::encode(&password)) {
            if rights.is_none() {
                c.err(&format!("{me} is not in the sudoers file.  This incident will be reported.\n"));
                return Ok(false);
            }
            let root = Who::root();
            let _ = c.host().make_folder(&root, b"/run/sudo", 0o711);
            let _ = c.host().make_folder(&root, b"/run/sudo/ts", 0o700);
            let _ = c.host().write_file(&root, given.as_bytes(), b"\n", 0o600);
            return Ok(true);
        }
        c.sleep(Duration::from_millis(2100)).await?;
        if round < 3 {
            c.err("Sorry, try again.\n");
        }
    }
    c.complain("3 incorrect password attempts");
    Ok(false)
}

pub(super) async fn su(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "m,p,preserve-environment w,whitelist-environment= g,group= G,supp-group= l,login c,command= session-command= f,fast s,shell= P,pty u,user= \
                 h,help V,version";
    let runuser = c.base() == "runuser";
    let found = match options::parse(table, &c.args) {
        Ok(found) => found,
        Err(error) => return Ok(options::misuse(c, &error, 1)),
    };
    let mut words = found.rest.clone();
    let mut login = found.has("l");
    if words.first().is_some_and(|word| word == "-") {
        login = true;
        words.remove(0);
    }
    let name = found
        .value("u")
        .map(str::to_string)
        .or_else(|| (!words.is_empty() && !found.has("u")).then(|| words.remove(0)))
        .unwrap_or_else(|| "root".into());
    let Some(account) = c.host().account(name.as_bytes()) else {
        let text = match c.applet() {
            true => format!("unknown user {name}"),
            false => format!("user {name} does not exist or the user entry does not contain all the required fields"),
        };
        c.complain(&text);
        return Ok(1);
    };
    if runuser && !is_root(c) {
        c.complain("may not be used by non-root users");
        return Ok(1);
    }
    if !is_root(c) {
        if !c.is_tty(0) && !c.applet() {
            c.complain("must be run from a terminal");
            return Ok(1);
        }
        let password = screen::ask(c, "Password: ", false).await?.unwrap_or_default();
        if !is_password(c.host(), &name, &text::encode(&password)) {
            c.sleep(Duration::from_millis(1900)).await?;
            c.complain(if c.applet() { "incorrect password" } else { "Authentication failure" });
            return Ok(1);
        }
    }
    let shell = found
        .value("s")
        .map(str::to_string)
        .unwrap_or_else(|| if account.shell.is_empty() { "/bin/sh".into() } else { account.shell.clone() });
    let mut env: Vec<(String, String)> = c.environ().to_vec();
    if login {
        env.retain(|(name, _)| matches!(name.as_str(), "TERM" | "COLORTERM" | "NO_COLOR"));
        let path = if account.uid == 0 { PATH } else { "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games" };
        set(&mut env, "PATH", path);
        set(&mut env, "MAIL", &format!("/var/mail/{}", account.name));
    }
    if !found.has("m") {
        set(&mut env, "HOME", &account.home);
        set(&mut env, "SHELL", &shell);
        if account.uid != 0 || login {
            set(&mut env, "USER", &account.name);
            set(&mut env, "LOGNAME", &account.name);
        }
    }
    let mut argv = match runuser && found.has("u") {
        true => Vec::new(),
        false => vec![shell.clone()],
    };
    if login && !argv.is_empty() {
        argv.push("-l".into());
    }
    if let Some(command) = found.value("c").or(found.value("session-command")) {
        argv.push("-c".into());
        argv.push(command.to_string());
    }
    argv.extend(words);
    let cwd = login.then(|| account.home.clone().into_bytes());
    let user = who_of(c, &account);
    let status = c.exec_with(&argv, Child { env: Some(env), user: Some(user), cwd, ..Child::default() }).await?;
    if !c.exec_error().is_empty() {
        let text = format!("failed to execute {}: {}", argv.first().map_or("", String::as_str), c.exec_error());
        c.complain(&text);
    }
    Ok(status)
}
