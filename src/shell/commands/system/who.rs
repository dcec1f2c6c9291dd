//! `who`, `w`, `uptime`, `last`, `lastb`, `lastlog`: who is and was logged in.

use super::common::{misuse_with_usage, time, uptime_line};
use crate::base::clock::Timestamp;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::world::{PastLogin, Process, Seen, Stat};

/// Visitors that have a terminal.
fn on_terminals(c: &Cmd) -> Vec<(u32, Seen)> {
    c.host().visitors().into_iter().filter_map(|seen| seen.tty.map(|tty| (tty, seen))).collect()
}

fn booted(c: &Cmd) -> Timestamp {
    Timestamp::from_second(c.host().persona().booted).unwrap_or_default()
}

const MINUTE: &str = "%Y-%m-%d %H:%M";

pub(super) fn who(c: &mut Cmd) -> i32 {
    const TABLE: &str = "a,all b,boot d,dead H,heading l,login lookup m p,process q,count r,runlevel s,short t,time \
                         T,w,mesg,message,writable u,users ips";
    let mut found = match options::take(c, TABLE, 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if found.rest.len() > 2 {
        let text = format!("extra operand {}", c.quote(found.rest.get(2).map_or("", String::as_str)));
        return options::misuse(c, &text, 1);
    }
    if found.rest.len() == 2 {
        found.list.push(("m", None));
    }
    let seen = on_terminals(c);
    if found.has("q") {
        let names: Vec<&str> = seen.iter().map(|(_, seen)| seen.user.as_str()).collect();
        let text = format!("{}\n# users={}\n", names.join(" "), names.len());
        c.out(&text);
        return 0;
    }
    let all = found.has("a");
    let long = all || found.has("u");
    let state = all || found.has("T");
    let mark = if state { " -" } else { "" };
    if found.has("H") {
        let idle = if long { "IDLE          PID " } else { "" };
        let exit = if all { " EXIT" } else { "" };
        c.out(&format!("NAME    {mark} LINE         TIME             {idle}COMMENT{exit}\n").replace(" - ", "   "));
    }
    let only_others = ["b", "r", "l", "t", "p", "d"].iter().any(|kind| found.has(kind)) && !long;
    let blank = if state { "           " } else { "         " };
    let at = time(booted(c), MINUTE);
    if all || found.has("b") {
        c.out(&format!("{blank}system boot  {at}\n"));
    }
    if all || found.has("l") {
        let getty = c.host().processes().into_iter().find(|process| process.comm == b"agetty");
        if let Some(getty) = getty {
            let since = time(getty.started, MINUTE);
            let user = if state { "LOGIN      " } else { "LOGIN    " };
            c.out(&format!("{user}tty1         {since}             {:5} id=tty1\n", getty.pid));
        }
    }
    if all || found.has("r") {
        c.out(&format!("{blank}run-level 3  {at}\n"));
    }
    if only_others {
        return 0;
    }
    let own = c.spec.tty;
    for (tty, seen) in seen {
        if found.has("m") && (Some(tty) != own || !c.is_tty(0)) {
            continue;
        }
        let mark = if state { " +" } else { "" };
        let idle = if long { format!("   .      {:>10}", seen.pid) } else { String::new() };
        let since = time(seen.since, MINUTE);
        let line = format!("{:<8}{mark} {:<12} {since}{idle} ({})\n", seen.user, format!("pts/{tty}"), seen.from.ip());
        c.out(&line);
    }
    0
}

pub(super) fn uptime(c: &mut Cmd) -> i32 {
    if c.applet() {
        let line = format!(" {}\n", uptime_line(c));
        c.out(&line);
        return 0;
    }
    let found = match options::parse("p,pretty s,since h,help V,version", &c.args) {
        Ok(found) => found,
        Err(error) => return misuse_with_usage(c, &error, "uptime", 1),
    };
    if found.has("p") {
        let seconds = c.host().uptime().as_secs();
        let text = format!("up {}\n", pretty(seconds));
        c.out(&text);
    } else if found.has("s") {
        let line = format!("{}\n", time(booted(c), "%Y-%m-%d %H:%M:%S"));
        c.out(&line);
    } else {
        let line = format!(" {}\n", uptime_line(c));
        c.out(&line);
    }
    0
}

/// `2 weeks, 1 day, 3 hours, 5 minutes`
pub(super) fn pretty(seconds: u64) -> String {
    let parts = [
        (seconds / (365 * 86_400), "year"),
        (seconds / (7 * 86_400) % 52, "week"),
        (seconds / 86_400 % 7, "day"),
        (seconds / 3600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
    ];
    let words: Vec<String> = parts
        .iter()
        .filter(|(count, unit)| *count > 0 || (*unit == "minute" && seconds < 3600))
        .map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    words.join(", ")
}

/// Seven columns of time, as `w` writes them.
fn interval(seconds: u64) -> String {
    match seconds {
        172_800.. => format!(" {:2}days", seconds / 86_400),
        3600.. => format!(" {:2}:{:02}m", seconds / 3600, seconds / 60 % 60),
        61.. => format!(" {:2}:{:02} ", seconds / 60, seconds % 60),
        _ => format!(" {seconds:2}.00s"),
    }
}

fn cpu(ms: u64) -> String {
    if ms > 60_000 { interval(ms / 1000) } else { format!(" {:2}.{:02}s", ms / 1000, ms / 10 % 100) }
}

fn login_at(now: Timestamp, since: Timestamp) -> String {
    let age = now.as_second() - since.as_second();
    if age > 6 * 86_400 {
        time(since, " %d%b%y")
    } else if age > 12 * 3600 && time(now, "%j") != time(since, "%j") {
        time(since, " %a%H  ")
    } else {
        time(since, " %H:%M  ")
    }
}

/// The words of a command line, as `ps` joins them.
pub(super) fn command_line(process: &Process) -> String {
    if process.argv.is_empty() {
        return format!("[{}]", super::common::decode(&process.comm));
    }
    let words: Vec<String> = process.argv.iter().map(|word| super::common::decode(word)).collect();
    words.join(" ")
}

pub(super) fn w(c: &mut Cmd) -> i32 {
    let found =
        match options::parse("h,no-header u,no-current s,short f,from o,old-style i,ip-addr p,pids V,version", &c.args)
        {
            Ok(found) => found,
            Err(error) => return misuse_with_usage(c, &error, "w", 1),
        };
    let (from, short) = (!found.has("f"), found.has("s"));
    if !found.has("h") {
        let line = format!(" {}\n", uptime_line(c));
        c.out(&line);
        let from = if from { "FROM             " } else { "" };
        let middle = if short { "  IDLE" } else { "LOGIN@   IDLE   JCPU   PCPU" };
        c.out(&format!("USER     TTY      {from}{middle} WHAT\n"));
    }
    let processes = c.host().processes();
    let now = c.now();
    let own = c.spec.tty;
    for (tty, seen) in on_terminals(c) {
        if found.rest.first().is_some_and(|name| *name != seen.user) {
            continue;
        }
        let here: Vec<&Process> = processes.iter().filter(|process| process.tty == Some(tty)).collect();
        let newest = here.iter().max_by_key(|process| process.pid);
        let what = newest.map_or_else(|| "-bash".into(), |process| command_line(process));
        let used: u64 = here.iter().map(|process| process.cpu_ms).sum();
        let idle =
            if own == Some(tty) { 0 } else { u64::try_from(now.as_second() - seen.since.as_second()).unwrap_or(0) / 3 };
        let origin = seen.from.ip().to_string();
        let mut line = format!("{:<8.8} {:<9.8}", seen.user, format!("pts/{tty}"));
        if from {
            line.push_str(&format!("{origin:<16.16}"));
        }
        if short {
            line.push_str(&format!("{} ", interval(idle)));
        } else {
            line.push_str(&login_at(now, seen.since));
            line.push_str(&format!(
                "{}{}{} ",
                interval(idle),
                cpu(used + 20),
                cpu(newest.map_or(0, |process| process.cpu_ms))
            ));
        }
        let room = c.columns().max(60).saturating_sub(line.len());
        line.extend(what.chars().take(if c.is_tty(1) { room } else { 512 }));
        line.push('\n');
        c.out(&line);
    }
    0
}

/// One record of wtmp or btmp and whether it is the kernel's.
fn between(login: &PastLogin) -> (String, String) {
    let Some(until) = login.until else {
        return match login.user.as_str() {
            "reboot" => ("  still".into(), "running".into()),
            _ => ("  still".into(), "logged in".into()),
        };
    };
    let seconds = u64::try_from(until.as_second() - login.since.as_second()).unwrap_or(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let length =
        if days > 0 { format!("({days}+{hours:02}:{minutes:02})") } else { format!(" ({hours:02}:{minutes:02})") };
    (time(until, "- %H:%M"), length)
}

pub(super) fn last(c: &mut Cmd) -> i32 {
    const TABLE: &str = "a,hostlast d,dns f,file= F,fulltimes h,help i,ip n,limit= p,present= R,nohostname s,since= \
                         t,until= time-format= V,version w,fullnames x,system";
    // -N stands for -n N.
    let args: Vec<String> = c
        .args
        .iter()
        .map(|arg| match arg.strip_prefix('-') {
            Some(number) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => format!("-n{number}"),
            _ => arg.clone(),
        })
        .collect();
    let found = match options::parse(TABLE, &args) {
        Ok(found) => found,
        Err(error) => return options::misuse(c, &error, 1),
    };
    let limit = match found.value("n").map(str::parse::<usize>) {
        Some(Ok(limit)) => limit,
        Some(Err(_)) => {
            let text = format!("failed to parse number: '{}'", found.value("n").unwrap_or_default());
            c.complain(&text);
            return 1;
        }
        None => usize::MAX,
    };
    let bad = c.base() == "lastb";
    let default = if bad { "/var/log/btmp" } else { "/var/log/wtmp" };
    let path = found.value("f").unwrap_or(default).to_string();
    let stat = match c.stat(&path).and_then(|stat| c.read_file(&path).map(|_| stat)) {
        Ok(stat) => stat,
        Err(errno) => {
            c.complain(&format!("cannot open {path}: {}", errno.text()));
            return 1;
        }
    };
    // What was written over the file took the records with it.
    let kept = path == "/var/log/wtmp" && stat.size >= 384 && stat.size % 384 == 0;
    let logins = if kept { c.host().logins() } else { Vec::new() };
    let begins = begins(&logins, &stat, c);
    let mut shown = 0;
    for login in logins {
        let wanted = found.rest.is_empty()
            || found.rest.iter().any(|name| {
                *name == login.user || *name == login.tty || login.tty.strip_prefix("tty") == Some(name.as_str())
            });
        if !wanted || shown >= limit {
            continue;
        }
        shown += 1;
        c.out(&login_line(&found, &login));
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    c.out(&format!("\n{name} begins {}\n", time(begins, "%a %b %e %H:%M:%S %Y")));
    0
}

fn begins(logins: &[PastLogin], stat: &Stat, c: &Cmd) -> Timestamp {
    let oldest = logins.iter().map(|login| login.since).min();
    oldest.or_else(|| Timestamp::from_second(stat.changed.secs).ok()).unwrap_or_else(|| c.now())
}

fn login_line(found: &options::Options, login: &PastLogin) -> String {
    let (end, length) = between(login);
    let full = found.has("F");
    let since = time(login.since, if full { "%a %b %e %H:%M:%S %Y" } else { "%a %b %e %H:%M" });
    let end = match login.until {
        Some(until) if full => time(until, "- %a %b %e %H:%M:%S %Y"),
        _ => end,
    };
    let width = if full { 26 } else { 7 };
    let wide = found.has("w");
    let user: String = login.user.chars().take(if wide { 64 } else { 8 }).collect();
    let from: String = login.from.chars().take(if wide { 64 } else { 16 }).collect();
    let middle = format!("{since} {end:<width$} {length}");
    if found.has("a") {
        format!("{user:<8} {:<12} {middle:<38} {from}\n", login.tty)
    } else if found.has("R") {
        format!("{user:<8} {:<12} {middle}\n", login.tty)
    } else {
        format!("{user:<8} {:<12} {from:<16} {middle}\n", login.tty)
    }
}

pub(super) fn lastlog(c: &mut Cmd) -> i32 {
    let found = match options::parse("b,before= C,clear h,help R,root= S,set t,time= u,user=", &c.args) {
        Ok(found) => found,
        Err(error) => return misuse_with_usage(c, &error, "lastlog", 1),
    };
    if let Some(name) = found.rest.first() {
        let text = format!("unexpected argument: {name}");
        return misuse_with_usage(c, &text, "lastlog", 1);
    }
    let host = c.host().clone();
    let users = host.users();
    let wanted = found.value("u").map(str::to_string);
    if let Some(name) = &wanted
        && !users.iter().any(|user| user.name == *name || user.uid.to_string() == *name)
    {
        c.complain(&format!("Unknown user or range: {name}"));
        return 1;
    }
    let logins = host.logins();
    c.out("Username         Port     From                                       Latest\n");
    for user in users {
        if wanted.as_ref().is_some_and(|name| *name != user.name && *name != user.uid.to_string()) {
            continue;
        }
        let latest = logins.iter().find(|login| login.user == user.name);
        let line = match latest {
            Some(login) => {
                let at = time(login.since, "%a %b %e %H:%M:%S +0000 %Y");
                format!("{:<16} {:<8.8} {:<42} {at}\n", user.name, login.tty, login.from)
            }
            None if found.has("t") => continue,
            None => format!("{:<16} {:<8} {:<42} **Never logged in**\n", user.name, "", ""),
        };
        c.out(&line);
    }
    0
}
