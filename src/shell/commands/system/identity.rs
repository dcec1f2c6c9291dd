//! `id`, `groups`, `whoami`, `logname`, `users` (GNU coreutils 8.30).

use super::common::Names;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::world::Account;

/// Ids to tell about: of a named user, or of the process.
struct Subject {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl Subject {
    fn process(c: &Cmd) -> Self {
        let who = c.who();
        let mut groups = vec![who.gid];
        groups.extend(who.groups.iter().filter(|gid| **gid != who.gid));
        Self { uid: who.uid, gid: who.gid, groups }
    }

    fn of(account: &Account) -> Self {
        Self { uid: account.uid, gid: account.gid, groups: account.groups.to_vec() }
    }
}

fn look_up(c: &Cmd, name: &str) -> Option<Subject> {
    let host = c.host();
    if let Some(account) = host.account(name.as_bytes()) {
        return Some(Subject::of(&account));
    }
    let uid: u32 = name.strip_prefix('+').unwrap_or(name).parse().ok()?;
    let user = host.user(uid)?;
    host.account(user.name.as_bytes()).map(|account| Subject::of(&account))
}

fn no_such_user(c: &mut Cmd, name: &str) {
    let text = if c.applet() { format!("unknown user {name}") } else { format!("{}: no such user", c.quote(name)) };
    c.complain(&text);
}

pub(super) fn id(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "a Z,context g,group G,groups n,name r,real u,user z,zero", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    let kinds = ["u", "g", "G", "Z"].iter().filter(|kind| found.has(kind)).count();
    if kinds > 1 {
        c.complain("cannot print \"only\" of more than one choice");
        return 1;
    }
    if kinds == 0 && (found.has("n") || found.has("r")) {
        c.complain("cannot print only names or real IDs in default format");
        return 1;
    }
    if kinds == 0 && found.has("z") {
        c.complain("option --zero not permitted in default format");
        return 1;
    }
    if found.has("Z") {
        c.complain("--context (-Z) works only on an SELinux-enabled kernel");
        return 1;
    }
    let names = Names::of(c.host());
    let end = if found.has("z") { "\0" } else { "\n" };
    let mut status = 0;
    let operands: Vec<Option<String>> =
        if found.rest.is_empty() { vec![None] } else { found.rest.iter().cloned().map(Some).collect() };
    for operand in operands {
        let subject = match &operand {
            None => Subject::process(c),
            Some(name) => match look_up(c, name) {
                Some(subject) => subject,
                None => {
                    no_such_user(c, name);
                    status = 1;
                    continue;
                }
            },
        };
        let named = found.has("n");
        let user = |uid: u32| if named { names.user_or_number(uid) } else { uid.to_string() };
        let group = |gid: u32| if named { names.group_or_number(gid) } else { gid.to_string() };
        let line = match found.last(&["u", "g", "G"]) {
            Some("u") => user(subject.uid),
            Some("g") => group(subject.gid),
            Some(_) => {
                let all: Vec<String> = subject.groups.iter().map(|gid| group(*gid)).collect();
                all.join(if found.has("z") { "\0" } else { " " })
            }
            None => describe(&names, &subject),
        };
        c.out(&format!("{line}{end}"));
    }
    status
}

fn describe(names: &Names, subject: &Subject) -> String {
    let put = |id: u32, name: Option<&str>| name.map_or_else(|| id.to_string(), |name| format!("{id}({name})"));
    let groups: Vec<String> = subject.groups.iter().map(|gid| put(*gid, names.group(*gid))).collect();
    format!(
        "uid={} gid={} groups={}",
        put(subject.uid, names.user(subject.uid)),
        put(subject.gid, names.group(subject.gid)),
        groups.join(",")
    )
}

pub(super) fn groups(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    let names = Names::of(c.host());
    let list = |subject: &Subject| {
        let all: Vec<String> = subject.groups.iter().map(|gid| names.group_or_number(*gid)).collect();
        all.join(" ")
    };
    if found.rest.is_empty() {
        let line = format!("{}\n", list(&Subject::process(c)));
        c.out(&line);
        return 0;
    }
    let mut status = 0;
    for name in &found.rest {
        match look_up(c, name) {
            Some(subject) if c.applet() => c.out(&format!("{}\n", list(&subject))),
            Some(subject) => c.out(&format!("{name} : {}\n", list(&subject))),
            None => {
                no_such_user(c, name);
                status = 1;
            }
        }
    }
    status
}

/// A mistake when there are operands and none is wanted.
fn extra(c: &mut Cmd, rest: &[String]) -> Option<i32> {
    let first = rest.first()?;
    let text = format!("extra operand {}", c.quote(first));
    Some(options::misuse(c, &text, 1))
}

pub(super) fn whoami(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if let Some(status) = extra(c, &found.rest) {
        return status;
    }
    let uid = c.who().uid;
    let name = Names::of(c.host()).user(uid).map(str::to_string);
    match name {
        Some(name) => c.out(&format!("{name}\n")),
        None if c.applet() => {
            c.complain(&format!("unknown uid {uid}"));
            return 1;
        }
        None => {
            c.complain(&format!("cannot find name for user ID {uid}"));
            return 1;
        }
    }
    0
}

pub(super) fn logname(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if let Some(status) = extra(c, &found.rest) {
        return status;
    }
    let tty = c.spec.tty;
    let seen = c.host().visitors().into_iter().find(|seen| seen.tty.is_some() && seen.tty == tty);
    match seen {
        Some(seen) => c.out(&format!("{}\n", seen.user)),
        None if c.applet() => {
            c.complain("getlogin: No such file or directory");
            return 1;
        }
        None => {
            c.complain("no login name");
            return 1;
        }
    }
    0
}

pub(super) fn users(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if let Some(second) = found.rest.get(1) {
        let text = format!("extra operand {}", c.quote(second));
        return options::misuse(c, &text, 1);
    }
    let mut names: Vec<String> =
        c.host().visitors().into_iter().filter(|seen| seen.tty.is_some()).map(|seen| seen.user).collect();
    names.sort();
    if !names.is_empty() {
        c.out(&format!("{}\n", names.join(" ")));
    }
    0
}
