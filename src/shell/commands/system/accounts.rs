//! Editing the files of accounts: `passwd`, `chpasswd`, `useradd`, `adduser`, `usermod`, `userdel`, `groupadd`,
//! `groupdel`, `gpasswd`, `chage`, `chsh`, `chfn` (shadow 4.8.1).

mod groups;

pub(super) use groups::{chage, chsh, gpasswd, groupadd, groupdel, groupmod};
pub(super) use users::{adduser, useradd, userdel, usermod};
use users::{free_id, is_name, join, leave, locked};

mod users;

use std::time::Duration;

use super::common::{decode, file, is_password, is_root, own_name, put_file, time, usage};
use super::{recorded, screen};
use crate::base::clock::Timestamp;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::{Who, hash_of};

/// Changes the fields of a line of a file such as /etc/passwd; `false` when there is none of that name.
fn edit(c: &Cmd, path: &str, name: &str, change: impl Fn(&mut Vec<String>)) -> bool {
    let old = file(c.host(), path);
    let mut found = false;
    let mut new = String::new();
    for line in old.lines() {
        let mut fields: Vec<String> = line.split(':').map(str::to_string).collect();
        if fields.first().is_some_and(|first| first == name) {
            found = true;
            change(&mut fields);
        }
        new.push_str(&fields.join(":"));
        new.push('\n');
    }
    if found {
        put_file(c.host(), path, &new, 0o644);
    }
    found
}

fn add_line(c: &Cmd, path: &str, line: &str) {
    let old = file(c.host(), path);
    put_file(c.host(), path, &format!("{old}{line}\n"), 0o644);
}

fn remove_line(c: &Cmd, path: &str, name: &str) -> bool {
    let old = file(c.host(), path);
    let kept: String =
        old.lines().filter(|line| line.split(':').next() != Some(name)).map(|line| format!("{line}\n")).collect();
    let found = kept.len() != old.len();
    if found {
        put_file(c.host(), path, &kept, 0o644);
    }
    found
}

fn field(c: &Cmd, path: &str, name: &str, at: usize) -> Option<String> {
    let text = file(c.host(), path);
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(at).map(str::to_string)
}

fn set_field(fields: &mut [String], at: usize, value: &str) {
    if let Some(field) = fields.get_mut(at) {
        *field = value.to_string();
    }
}

fn today(c: &Cmd) -> i64 {
    c.now().as_second() / 86_400
}

fn has_user(c: &Cmd, name: &str) -> bool {
    c.host().users().iter().any(|user| user.name == name)
}

fn has_group(c: &Cmd, name: &str) -> bool {
    c.host().groups().iter().any(|group| group.name == name)
}

pub(super) async fn passwd(c: &mut Cmd) -> Result<i32, Stop> {
    if c.applet() {
        return applet_passwd(c).await;
    }
    const TABLE: &str = "a,all d,delete e,expire h,help k,keep-tokens i,inactive= l,lock n,mindays= q,quiet r,repository= R,root= \
                         S,status u,unlock w,warndays= x,maxdays= stdin";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return Ok(usage(c, "passwd", 2));
        }
    };
    if found.has("stdin") {
        c.err("passwd: unrecognized option '--stdin'\n");
        return Ok(usage(c, "passwd", 2));
    }
    let me = own_name(c);
    let name = found.rest.first().cloned().unwrap_or_else(|| me.clone());
    if found.has("S") {
        return Ok(status(c, &found, &name));
    }
    if !has_user(c, &name) {
        c.complain(&format!("user '{name}' does not exist"));
        return Ok(1);
    }
    if !is_root(c) && name != me {
        c.complain(&format!("You may not view or modify password information for {name}."));
        return Ok(1);
    }
    let aged = ["d", "e", "l", "u", "n", "x", "w", "i"].iter().any(|key| found.has(key));
    if aged {
        if !is_root(c) {
            c.complain("Permission denied.");
            return Ok(1);
        }
        let day = today(c);
        edit(c, "/etc/shadow", &name, |fields| {
            let hash = fields.get(1).cloned().unwrap_or_default();
            for (key, value) in &found.list {
                match (*key, value) {
                    ("d", _) => set_field(fields, 1, ""),
                    ("l", _) if !hash.starts_with('!') => set_field(fields, 1, &format!("!{hash}")),
                    ("u", _) => set_field(fields, 1, hash.trim_start_matches('!')),
                    ("e", _) => set_field(fields, 2, "0"),
                    ("n", Some(value)) => set_field(fields, 3, value),
                    ("x", Some(value)) => set_field(fields, 4, value),
                    ("w", Some(value)) => set_field(fields, 5, value),
                    ("i", Some(value)) => set_field(fields, 6, value),
                    _ => {}
                }
            }
            let _ = day;
        });
        if !found.has("q") {
            c.out("passwd: password expiry information changed.\n");
        }
        return Ok(0);
    }
    const FAILED: &str = "passwd: Authentication token manipulation error\npasswd: password unchanged\n";
    if !is_root(c) {
        c.out(&format!("Changing password for {name}.\n"));
        let old = screen::ask(c, "Current password: ", false).await?.unwrap_or_default();
        if !is_password(c.host(), &name, &text::encode(&old)) {
            c.sleep(Duration::from_millis(1800)).await?;
            c.err(FAILED);
            return Ok(10);
        }
    }
    for round in 0..3 {
        let first = screen::ask(c, "New password: ", false).await?;
        let again = match first {
            Some(_) => screen::ask(c, "Retype new password: ", false).await?,
            None => None,
        };
        let (Some(first), Some(again)) = (first, again) else {
            c.err("\n".repeat(usize::from(c.is_tty(0))).as_str());
            c.err("Password change has been aborted.\n");
            c.err(FAILED);
            return Ok(10);
        };
        if first != again {
            c.err("Sorry, passwords do not match.\n");
            c.err(FAILED);
            return Ok(10);
        }
        if first.is_empty() {
            c.err("No password has been supplied.\n");
        } else if !is_root(c) && first.chars().count() < 6 {
            c.err("You must choose a longer password.\n");
        } else {
            if c.host().set_password(name.as_bytes(), &text::encode(&first)).is_err() {
                c.err(FAILED);
                return Ok(10);
            }
            c.err("passwd: password updated successfully\n");
            return Ok(0);
        }
        if round == 2 {
            c.err("passwd: Have exhausted maximum number of retries for service\n");
            c.err("passwd: password unchanged\n");
            return Ok(10);
        }
    }
    Ok(10)
}

/// busybox asks the same with other words.
async fn applet_passwd(c: &mut Cmd) -> Result<i32, Stop> {
    let me = own_name(c);
    let name = c.args.iter().find(|arg| !arg.starts_with('-')).cloned().unwrap_or_else(|| me.clone());
    if !has_user(c, &name) {
        c.complain(&format!("unknown user {name}"));
        return Ok(1);
    }
    if !is_root(c) && name != me {
        c.complain(&format!("{me} can't change password for {name}"));
        return Ok(1);
    }
    c.out(&format!("Changing password for {name}\n"));
    let first = screen::ask(c, "New password: ", false).await?.unwrap_or_default();
    if first.is_empty() {
        c.complain("password for root is unchanged".replace("root", &name).as_str());
        return Ok(1);
    }
    let again = screen::ask(c, "Retype password: ", false).await?.unwrap_or_default();
    if first != again {
        c.err("Passwords don't match\n");
        c.complain(&format!("password for {name} is unchanged"));
        return Ok(1);
    }
    let _ = c.host().set_password(name.as_bytes(), &text::encode(&first));
    c.out(&format!("passwd: password for {name} changed by {me}\n"));
    Ok(0)
}

fn status(c: &mut Cmd, found: &options::Options, name: &str) -> i32 {
    if !has_user(c, name) {
        c.complain(&format!("user '{name}' does not exist"));
        return 1;
    }
    if !is_root(c) && name != own_name(c) {
        c.complain("You may not view or modify password information for ".to_string().as_str());
        return 1;
    }
    let names: Vec<String> = if found.has("a") {
        c.host().users().into_iter().map(|user| user.name).collect()
    } else {
        vec![name.to_string()]
    };
    for name in names {
        let get = |at: usize, default: &str| {
            field(c, "/etc/shadow", &name, at).filter(|text| !text.is_empty()).unwrap_or_else(|| default.to_string())
        };
        let hash = field(c, "/etc/shadow", &name, 1).unwrap_or_default();
        let kind = if hash.is_empty() {
            "NP"
        } else if hash.starts_with(['!', '*']) {
            "L"
        } else {
            "P"
        };
        let day: i64 = get(2, "0").parse().unwrap_or(0);
        let date = Timestamp::from_second(day * 86_400).unwrap_or_default();
        let line = format!(
            "{name} {kind} {} {} {} {} {}\n",
            time(date, "%m/%d/%Y"),
            get(3, "0"),
            get(4, "99999"),
            get(5, "7"),
            get(6, "-1")
        );
        c.out(&line);
    }
    0
}

pub(super) async fn chpasswd(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::parse("c,crypt-method= e,encrypted h,help m,md5 R,root= s,sha-rounds=", &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return Ok(if c.applet() { super::busybox_use(c, "chpasswd") } else { usage(c, "chpasswd", 2) });
        }
    };
    if !is_root(c) {
        c.err(
            "chpasswd: Permission denied.\nchpasswd: cannot lock /etc/passwd; try again later.\n"
                .split_once('\n')
                .map_or("", |(_, rest)| rest),
        );
        return Ok(1);
    }
    let mut failed = false;
    let mut number = 0;
    while let Some(line) = c.read_line().await? {
        number += 1;
        let line = decode(&line);
        let line = line.trim_end_matches(['\n', '\r']);
        let Some((name, password)) = line.split_once(':') else {
            c.complain(&if c.applet() {
                "missing new password".to_string()
            } else {
                format!("line {number}: missing new password")
            });
            failed = true;
            continue;
        };
        if !has_user(c, name) {
            if c.applet() {
                c.complain(&format!("unknown user {name}"));
                return Ok(1);
            }
            c.err(&format!(
                "chpasswd: (user {name}) pam_chauthtok() failed, error:\nAuthentication token manipulation error\nchpasswd: (line {number}, \
                 user {name}) password not changed\n"
            ));
            failed = true;
            continue;
        }
        if found.has("e") {
            let day = today(c).to_string();
            edit(c, "/etc/shadow", name, |fields| {
                set_field(fields, 1, password);
                set_field(fields, 2, &day);
            });
        } else if password.is_empty() && !c.applet() {
            c.err(&format!(
                "No password has been supplied.\nNo password has been supplied.\nNo password has been supplied.\nchpasswd: (user {name}) pam_chauthtok() \
                 failed, error:\nHave exhausted maximum number of retries for service\nchpasswd: (line {number}, user {name}) password not changed\n"
            ));
            failed = true;
            continue;
        } else {
            let _ = c.host().set_password(name.as_bytes(), &text::encode(password));
        }
        if c.applet() {
            c.out(&format!("chpasswd: password for '{name}' changed\n"));
        }
        c.spend(4000).await?;
    }
    Ok(i32::from(failed))
}
