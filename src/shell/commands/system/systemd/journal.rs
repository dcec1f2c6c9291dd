//! The journal, sessions, the run level.

use super::*;

/// The lines of the log: what the file has, else what the services wrote when they were started.
pub(in crate::shell::commands::system) fn journal(c: &Cmd) -> Vec<String> {
    let host = c.host();
    let text = file(host, "/var/log/syslog");
    if !text.is_empty() {
        return text.lines().map(str::to_string).collect();
    }
    let name = host.hostname();
    let mut lines: Vec<(Timestamp, String)> = Vec::new();
    for service in &host.persona().services {
        let Some(process) = host.process(service.pid) else { continue };
        let at = time(process.started, "%b %d %H:%M:%S");
        lines.push((process.started, format!("{at} {name} systemd[1]: Started {}.", service.description)));
        if service.unit == "ssh.service" {
            lines.push((
                process.started,
                format!("{at} {name} sshd[{}]: Server listening on 0.0.0.0 port 22.", service.pid),
            ));
            lines
                .push((process.started, format!("{at} {name} sshd[{}]: Server listening on :: port 22.", service.pid)));
        }
    }
    for seen in host.visitors() {
        let at = time(seen.since, "%b %d %H:%M:%S");
        let user = &seen.user;
        if seen.protocol == "ssh" {
            let from = format!("{} port {}", seen.from.ip(), seen.from.port());
            lines.push((
                seen.since,
                format!("{at} {name} sshd[{}]: Accepted password for {user} from {from} ssh2", seen.pid),
            ));
            let uid = host.account(user.as_bytes()).map_or(0, |account| account.uid);
            lines.push((
                seen.since,
                format!(
                    "{at} {name} sshd[{}]: pam_unix(sshd:session): session opened for user {user} by (uid={uid})",
                    seen.pid
                ),
            ));
        }
        let logind = host.persona().services.iter().find(|s| s.unit == "systemd-logind.service").map_or(0, |s| s.pid);
        lines.push((
            seen.since,
            format!("{at} {name} systemd-logind[{logind}]: New session {} of user {user}.", seen.pid % 9000),
        ));
        lines
            .push((seen.since, format!("{at} {name} systemd[1]: Started Session {} of user {user}.", seen.pid % 9000)));
    }
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(_, line)| line).collect()
}

pub(in crate::shell::commands::system) async fn journalctl(c: &mut Cmd) -> Result<i32, Stop> {
    const TABLE: &str = "f,follow n,lines? no-tail r,reverse o,output= u,unit= user-unit= p,priority= S,since= U,until= \
                         b,boot? k,dmesg x,catalog e,pager-end a,all q,quiet no-pager no-full l,full system user m,merge \
                         D,directory= file= root= t,identifier= g,grep= case-sensitive? c,cursor= no-hostname utc F,field= \
                         N,fields disk-usage vacuum-size= vacuum-files= vacuum-time= verify sync flush rotate list-boots header \
                         h,help version setup-keys list-catalog";
    // `-n 5` and `-n5` alike, though the number may be missing.
    let mut args = Vec::new();
    let own = c.args.clone();
    let mut words = own.into_iter().peekable();
    while let Some(word) = words.next() {
        let bare = matches!(word.as_str(), "-n" | "-b" | "--lines");
        let number =
            words.peek().is_some_and(|next| next.trim_start_matches('-').parse::<i64>().is_ok() || next == "all");
        let plain = word.starts_with('-') && !word.starts_with("--") && word.ends_with('n');
        if (bare || plain) && number && word != "--lines" {
            args.push(format!("{word}{}", words.next().unwrap_or_default()));
        } else {
            args.push(word);
        }
    }
    let found = match options::parse(TABLE, &args) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            return Ok(1);
        }
    };
    let booted = Timestamp::from_second(c.host().persona().booted).unwrap_or_default();
    let range = |end: Timestamp| {
        format!("{} UTC, end at {} UTC.", time(booted, "%a %Y-%m-%d %H:%M:%S"), time(end, "%a %Y-%m-%d %H:%M:%S"))
    };
    if found.has("disk-usage") {
        c.out("Archived and active journals take up 56.0M in the file system.\n");
        return Ok(0);
    }
    if found.list.iter().any(|(key, _)| key.starts_with("vacuum")) {
        c.err("Vacuuming done, freed 0B of archived journals from /run/log/journal.\n");
        c.err("Vacuuming done, freed 0B of archived journals from /var/log/journal.\n");
        return Ok(0);
    }
    if ["rotate", "flush", "sync", "verify"].iter().any(|key| found.has(key)) {
        return Ok(0);
    }
    if found.has("list-boots") {
        let id = c.host().persona().boot_id.replace('-', "");
        let line = format!(
            " 0 {id} {} UTC\u{2014}{} UTC\n",
            time(booted, "%a %Y-%m-%d %H:%M:%S"),
            time(c.now(), "%a %Y-%m-%d %H:%M:%S")
        );
        c.out(&line);
        return Ok(0);
    }
    let mut lines = if found.has("k") {
        crate::shell::commands::system::kernel::messages(c).into_iter().map(|(_, line)| line).collect()
    } else {
        journal(c)
    };
    if let Some(name) = found.value("u") {
        let unit = unit(c, name);
        let pid = unit.main.as_ref().map_or(0, |main| main.pid);
        let about = unit.description.clone();
        lines.retain(|line| line.contains(&format!("[{pid}]:")) || line.ends_with(&format!("Started {about}.")));
    }
    if let Some(name) = found.value("t") {
        lines.retain(|line| line.contains(&format!(" {name}[")));
    }
    if let Some(text) = found.value("g") {
        lines.retain(|line| line.contains(text));
    }
    if !is_root(c) && !found.has("q") {
        c.err(
            "Hint: You are currently not seeing messages from other users and the system.\n      Users in groups 'adm', \
             'systemd-journal' can see all messages.\n      Pass -q to turn off this notice.\n",
        );
        let own = own_name(c);
        lines.retain(|line| line.contains(&format!("user {own}")));
    }
    let default = if found.has("f") || found.has("e") { if found.has("e") { 1000 } else { 10 } } else { usize::MAX };
    let count = match found.list.iter().rev().find(|(key, _)| *key == "n") {
        Some((_, Some(text))) => text.parse().unwrap_or(usize::MAX),
        Some((_, None)) => 10,
        None => default,
    };
    let skip = lines.len().saturating_sub(count);
    let mut lines: Vec<String> = lines.into_iter().skip(skip).collect();
    if found.has("r") {
        lines.reverse();
    }
    if !found.has("q") && !matches!(found.value("o"), Some("cat" | "json" | "export")) {
        let line = format!("-- Logs begin at {}  --\n", range(c.now())).replace(".  --", ". --");
        c.out(&line);
    }
    if lines.is_empty() {
        c.out("-- No entries --\n");
    }
    for line in lines {
        let line = match found.value("o") {
            Some("cat") => line.split_once(": ").map_or(line.clone(), |(_, text)| text.to_string()),
            _ => line,
        };
        c.out(&format!("{line}\n"));
        c.tick().await?;
    }
    while found.has("f") {
        c.sleep(Duration::from_secs(3600)).await?;
    }
    Ok(0)
}

pub(in crate::shell::commands::system) fn loginctl(c: &mut Cmd) -> i32 {
    let legend = !c.args.iter().any(|arg| arg == "--no-legend");
    let args: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    let host = c.host().clone();
    let seen: Vec<_> = host.visitors().into_iter().filter(|seen| seen.tty.is_some()).collect();
    let uid = |name: &str| host.account(name.as_bytes()).map_or(0, |account| account.uid);
    match args.first().map(String::as_str).unwrap_or("list-sessions") {
        "list-sessions" => {
            if seen.is_empty() {
                c.out("No sessions.\n");
                return 0;
            }
            if legend {
                c.out("SESSION  UID USER SEAT TTY  \n");
            }
            for visitor in &seen {
                let tty = visitor.tty.map_or_else(String::new, |tty| format!("pts/{tty}"));
                let line =
                    format!("{:>7} {:>4} {:<4}      {tty}\n", visitor.pid % 9000, uid(&visitor.user), visitor.user);
                c.out(&line);
            }
            if legend {
                c.out(&format!("\n{} sessions listed.\n", seen.len()));
            }
            0
        }
        "list-users" => {
            let mut users: Vec<(u32, String)> =
                seen.iter().map(|visitor| (uid(&visitor.user), visitor.user.clone())).collect();
            users.sort();
            users.dedup();
            if legend {
                c.out(" UID USER\n");
            }
            for (uid, name) in &users {
                c.out(&format!("{uid:>4} {name}\n"));
            }
            if legend {
                c.out(&format!("\n{} users listed.\n", users.len()));
            }
            0
        }
        "list-seats" => {
            c.out("SEAT \nseat0\n\n1 seats listed.\n");
            0
        }
        "session-status" | "user-status" | "show-session" | "show-user" | "show-seat" | "seat-status" => 0,
        "enable-linger" | "disable-linger" | "lock-session" | "kill-session" | "kill-user" | "terminate-session" => 0,
        other => {
            let text = format!("Unknown command verb {other}.");
            error(c, &text);
            1
        }
    }
}

pub(in crate::shell::commands::system) fn runlevel(c: &mut Cmd) -> i32 {
    c.out("N 3\n");
    0
}
