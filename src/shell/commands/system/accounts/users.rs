//! Making, changing and removing users.

use super::*;

/// The first free number in a range.
pub(in crate::shell::commands::system) fn free_id(taken: &[u32], from: u32) -> u32 {
    (from..60_000).find(|id| !taken.contains(id)).unwrap_or(60_000)
}

pub(in crate::shell::commands::system) fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_');
    first
        && name.len() <= 32
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '$'))
}

/// What a new user needs.
pub(in crate::shell::commands::system) struct New {
    name: String,
    uid: u32,
    gid: u32,
    comment: String,
    home: String,
    shell: String,
    make_home: bool,
}

/// Writes the lines and makes the home.
pub(in crate::shell::commands::system) fn create(c: &Cmd, new: &New, hash: &str) {
    let New { name, uid, gid, comment, home, shell, .. } = new;
    add_line(c, "/etc/passwd", &format!("{name}:x:{uid}:{gid}:{comment}:{home}:{shell}"));
    add_line(c, "/etc/shadow", &format!("{name}:{hash}:{}:0:99999:7:::", today(c)));
    if !new.make_home {
        return;
    }
    let root = Who::root();
    let host = c.host();
    if host.make_folder(&root, home.as_bytes(), 0o755).is_err() {
        return;
    }
    let _ = host.set_owner(&root, home.as_bytes(), Some(*uid), Some(*gid), false);
    for (entry, stat) in host.list(&root, b"/etc/skel").unwrap_or_default() {
        if stat.is_folder() {
            continue;
        }
        let from = [b"/etc/skel/".as_slice(), &entry].concat();
        let to = [home.as_bytes(), b"/", &entry].concat();
        let bytes = host.read_file(&root, &from, 1 << 20).unwrap_or_default();
        if host.write_file(&root, &to, &bytes, 0o644).is_ok() {
            let _ = host.set_owner(&root, &to, Some(*uid), Some(*gid), false);
        }
    }
}

pub(in crate::shell::commands::system) fn locked(c: &mut Cmd, path: &str, status: i32) -> i32 {
    c.err(&format!("{0}: Permission denied.\n{0}: cannot lock {path}; try again later.\n", c.name.clone()));
    status
}

pub(in crate::shell::commands::system) fn useradd(c: &mut Cmd) -> i32 {
    const TABLE: &str = "b,base-dir= c,comment= d,home-dir= D,defaults e,expiredate= f,inactive= g,gid= G,groups= h,help k,skel= K,key= \
                         l,no-log-init m,create-home M,no-create-home N,no-user-group o,non-unique p,password= r,system R,root= s,shell= \
                         P,prefix= u,uid= U,user-group Z,selinux-user= extrausers badname btrfs-subvolume-home F";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return usage(c, "useradd", 2);
        }
    };
    if found.has("D") {
        c.out("GROUP=100\nHOME=/home\nINACTIVE=-1\nEXPIRE=\nSHELL=/bin/sh\nSKEL=/etc/skel\nCREATE_MAIL_SPOOL=no\n");
        return 0;
    }
    let Some(name) = found.rest.first().cloned() else { return usage(c, "useradd", 2) };
    let users = c.host().users();
    let groups = c.host().groups();
    if !is_name(&name) {
        c.complain(&format!("invalid user name '{name}'"));
        return 3;
    }
    if users.iter().any(|user| user.name == name) {
        c.complain(&format!("user '{name}' already exists"));
        return 9;
    }
    let find = |word: &str| {
        groups.iter().find(|group| group.name == word || group.gid.to_string() == word).map(|group| group.gid)
    };
    let chosen = match found.value("g").map(|word| (word, find(word))) {
        Some((word, None)) => {
            c.complain(&format!("group '{word}' does not exist"));
            return 6;
        }
        Some((_, gid)) => gid,
        None => None,
    };
    let mut more = Vec::new();
    for word in found.value("G").unwrap_or_default().split(',').filter(|word| !word.is_empty()) {
        match groups.iter().find(|group| group.name == word || group.gid.to_string() == word) {
            Some(group) => more.push(group.name.clone()),
            None => {
                c.complain(&format!("group '{word}' does not exist"));
                return 6;
            }
        }
    }
    let uid = match found.value("u").map(|word| (word, word.parse::<u32>())) {
        Some((word, Err(_))) => {
            c.complain(&format!("invalid user ID '{word}'"));
            return 3;
        }
        Some((_, Ok(uid))) if users.iter().any(|user| user.uid == uid) && !found.has("o") => {
            c.complain(&format!("UID {uid} is not unique"));
            return 4;
        }
        Some((_, Ok(uid))) => uid,
        None => {
            let taken: Vec<u32> = users.iter().map(|user| user.uid).collect();
            if found.has("r") {
                (100..999).rev().find(|id| !taken.contains(id)).unwrap_or(998)
            } else {
                free_id(&taken, 1000)
            }
        }
    };
    if let Some(shell) = found.value("s").filter(|shell| !shell.starts_with('/') && !shell.is_empty()) {
        c.complain(&format!("invalid shell '{shell}'"));
        return 3;
    }
    if !is_root(c) {
        return locked(c, "/etc/passwd", 1);
    }
    if chosen.is_none() && !found.has("N") && groups.iter().any(|group| group.name == name) {
        c.complain(&format!("group {name} exists - if you want to add this user to that group, use -g."));
        return 9;
    }
    let gid = match chosen {
        Some(gid) => gid,
        None if found.has("N") => 100,
        None => {
            let taken: Vec<u32> = groups.iter().map(|group| group.gid).collect();
            let gid = if taken.contains(&uid) { free_id(&taken, 1000) } else { uid };
            add_line(c, "/etc/group", &format!("{name}:x:{gid}:"));
            add_line(c, "/etc/gshadow", &format!("{name}:!::"));
            gid
        }
    };
    let new = New {
        home: found
            .value("d")
            .map_or_else(|| format!("{}/{name}", found.value("b").unwrap_or("/home")), str::to_string),
        shell: found.value("s").unwrap_or("/bin/sh").to_string(),
        comment: found.value("c").unwrap_or_default().to_string(),
        make_home: found.has("m"),
        name: name.clone(),
        uid,
        gid,
    };
    create(c, &new, found.value("p").unwrap_or("!"));
    for group in more {
        join(c, &group, &name);
    }
    0
}

/// Makes a user a member of a group.
pub(in crate::shell::commands::system) fn join(c: &Cmd, group: &str, user: &str) {
    edit(c, "/etc/group", group, |fields| {
        let members = fields.get(3).cloned().unwrap_or_default();
        if !members.split(',').any(|member| member == user) {
            let members = if members.is_empty() { user.to_string() } else { format!("{members},{user}") };
            set_field(fields, 3, &members);
        }
    });
}

pub(in crate::shell::commands::system) fn leave(c: &Cmd, group: &str, user: &str) {
    edit(c, "/etc/group", group, |fields| {
        let members = fields.get(3).cloned().unwrap_or_default();
        let kept: Vec<&str> = members.split(',').filter(|member| *member != user).collect();
        set_field(fields, 3, &kept.join(","));
    });
}

/// Debian's `adduser` and `addgroup`, and busybox's.
pub(in crate::shell::commands::system) async fn adduser(c: &mut Cmd) -> Result<i32, Stop> {
    const TABLE: &str = "q,quiet system group gid= ingroup= uid= home= shell= gecos= no-create-home disabled-login disabled-password firstuid= lastuid= \
                         conf= add_extra_groups force-badname debug h= g= s= G= u= D S H k=";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(error) => {
            let option = error.rsplit([' ', '\'']).find(|word| !word.is_empty()).unwrap_or_default().to_string();
            c.err(&format!("Unknown option: {}\n", option.trim_start_matches('-')));
            c.err(recorded::text(c.host(), "adduser", "--help"));
            return Ok(1);
        }
    };
    let group_only = c.base() == "addgroup" || found.has("group") && !found.has("system");
    if !is_root(c) {
        c.err(if group_only {
            "addgroup: Only root may add a user or group to the system.\n"
        } else {
            "adduser: Only root may add a user or group to the system.\n"
        });
        return Ok(1);
    }
    let Some(name) = found.rest.first().cloned() else {
        c.err(&format!("{}: Only one or two names allowed.\n", c.base()));
        return Ok(1);
    };
    let quiet = found.has("q");
    if let Some(group) = found.rest.get(1).cloned() {
        return Ok(add_to(c, &name, &group));
    }
    if !is_name(&name) && !found.has("force-badname") {
        c.err("adduser: Please enter a username matching the regular expression configured\nvia the NAME_REGEX[_SYSTEM] configuration variable.  Use the `--force-badname'\noption to relax this check or reconfigure NAME_REGEX.\n");
        return Ok(1);
    }
    let taken_groups: Vec<u32> = c.host().groups().iter().map(|group| group.gid).collect();
    if group_only {
        if has_group(c, &name) {
            c.err(&format!("addgroup: The group `{name}' already exists.\n"));
            return Ok(1);
        }
        let gid = found.value("gid").and_then(|text| text.parse().ok()).unwrap_or_else(|| free_id(&taken_groups, 1000));
        if !quiet {
            c.out(&format!("Adding group `{name}' (GID {gid}) ...\n"));
        }
        add_line(c, "/etc/group", &format!("{name}:x:{gid}:"));
        if !quiet {
            c.out("Done.\n");
        }
        return Ok(0);
    }
    if has_user(c, &name) {
        c.err(&format!("adduser: The user `{name}' already exists.\n"));
        return Ok(1);
    }
    let taken: Vec<u32> = c.host().users().iter().map(|user| user.uid).collect();
    let uid = found
        .value("uid")
        .or(found.value("u"))
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| free_id(&taken, 1000));
    let gid = if taken_groups.contains(&uid) { free_id(&taken_groups, 1000) } else { uid };
    let home = found.value("home").or(found.value("h")).map_or_else(|| format!("/home/{name}"), str::to_string);
    let make_home = !found.has("no-create-home") && !found.has("H");
    let mut new = New {
        name: name.clone(),
        uid,
        gid,
        comment: found.value("gecos").or(found.value("g")).unwrap_or_default().to_string(),
        home: home.clone(),
        shell: found
            .value("shell")
            .or(found.value("s"))
            .unwrap_or(if c.applet() { "/bin/sh" } else { "/bin/bash" })
            .to_string(),
        make_home,
    };
    add_line(c, "/etc/group", &format!("{name}:x:{gid}:"));
    if !quiet && !c.applet() {
        c.out(&format!("Adding user `{name}' ...\nAdding new group `{name}' ({gid}) ...\nAdding new user `{name}' ({uid}) with group `{name}' ...\n"));
        if make_home {
            c.out(&format!("Creating home directory `{home}' ...\nCopying files from `/etc/skel' ...\n"));
        }
    }
    create(c, &new, "!");
    if found.has("disabled-password") || found.has("disabled-login") || found.has("D") || found.has("system") {
        if found.value("gecos").is_some() || found.has("system") || c.applet() {
            return Ok(0);
        }
    } else {
        c.sleep(Duration::from_millis(150)).await?;
        for _ in 0..3 {
            let first = screen::ask(c, "New password: ", false).await?;
            let again = screen::ask(c, "Retype new password: ", false).await?;
            match (first, again) {
                (Some(first), Some(again)) if first == again && !first.is_empty() => {
                    let _ = c.host().set_password(name.as_bytes(), &text::encode(&first));
                    c.err("passwd: password updated successfully\n");
                    break;
                }
                (Some(first), Some(again)) if first == again => c.err("No password has been supplied.\n"),
                (Some(_), Some(_)) => c.err("Sorry, passwords do not match.\n"),
                _ => {
                    c.err("passwd: Authentication token manipulation error\npasswd: password unchanged\n");
                    break;
                }
            }
            c.err("passwd: Authentication token manipulation error\npasswd: password unchanged\n");
            let more = screen::ask(c, "Try again? [y/N] ", true).await?.unwrap_or_default();
            if !more.starts_with(['y', 'Y']) {
                break;
            }
        }
    }
    if c.applet() {
        return Ok(0);
    }
    if found.value("gecos").is_none() {
        c.out(&format!(
            "Changing the user information for {name}\nEnter the new value, or press ENTER for the default\n"
        ));
        let mut parts = Vec::new();
        for label in ["Full Name", "Room Number", "Work Phone", "Home Phone", "Other"] {
            c.out(&format!("\t{label} []: "));
            c.flush().await?;
            let line = c.read_line().await?.map(|line| decode(&line).trim().to_string()).unwrap_or_default();
            parts.push(line.replace([':', ',', '\n'], ""));
        }
        c.out("Is the information correct? [Y/n] ");
        c.flush().await?;
        let _ = c.read_line().await?;
        new.comment = parts.join(",");
        let comment = new.comment.clone();
        edit(c, "/etc/passwd", &name, |fields| set_field(fields, 4, &comment));
    }
    Ok(0)
}

pub(in crate::shell::commands::system) fn add_to(c: &mut Cmd, user: &str, group: &str) -> i32 {
    if !has_user(c, user) {
        c.err(&format!("adduser: The user `{user}' does not exist.\n"));
        return 1;
    }
    let Some(found) = c.host().groups().into_iter().find(|known| known.name == group) else {
        c.err(&format!("adduser: The group `{group}' does not exist.\n"));
        return 1;
    };
    if found.members.iter().any(|member| member == user) {
        c.out(&format!("The user `{user}' is already a member of `{group}'.\n"));
        return 0;
    }
    join(c, group, user);
    c.out(&format!("Adding user `{user}' to group `{group}' ...\nAdding user {user} to group {group}\nDone.\n"));
    0
}

pub(in crate::shell::commands::system) fn usermod(c: &mut Cmd) -> i32 {
    const TABLE: &str = "b,badnames c,comment= d,home= e,expiredate= f,inactive= g,gid= G,groups= a,append h,help l,login= L,lock m,move-home \
                         o,non-unique p,password= R,root= s,shell= u,uid= U,unlock v,add-subuids= V,del-subuids= w,add-subgids= W,del-subgids= \
                         Z,selinux-user= r,remove P,prefix=";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return usage(c, "usermod", 2);
        }
    };
    let Some(name) = found.rest.first().cloned() else { return usage(c, "usermod", 2) };
    if !has_user(c, &name) {
        c.complain(&format!("user '{name}' does not exist"));
        return 6;
    }
    if found.list.is_empty() {
        c.complain("no options");
        return usage(c, "usermod", 2);
    }
    let groups = c.host().groups();
    let wanted: Vec<String> =
        found.value("G").unwrap_or_default().split(',').filter(|word| !word.is_empty()).map(str::to_string).collect();
    for word in wanted.iter().map(String::as_str).chain(found.value("g")) {
        if !groups.iter().any(|group| group.name == word || group.gid.to_string() == word) {
            c.complain(&format!("group '{word}' does not exist"));
            return 6;
        }
    }
    if !is_root(c) {
        return locked(c, "/etc/passwd", 1);
    }
    if found.value("G").is_some() {
        for group in &groups {
            let want = wanted.iter().any(|word| *word == group.name || *word == group.gid.to_string());
            match (want, group.members.contains(&name)) {
                (true, false) => join(c, &group.name, &name),
                (false, true) if !found.has("a") => leave(c, &group.name, &name),
                _ => {}
            }
        }
    }
    let gid = found
        .value("g")
        .and_then(|word| groups.iter().find(|group| group.name == word || group.gid.to_string() == word))
        .map(|group| group.gid);
    let old_home = field(c, "/etc/passwd", &name, 5).unwrap_or_default();
    edit(c, "/etc/passwd", &name, |fields| {
        let mut put = |at: usize, value: Option<&str>| {
            if let Some(value) = value {
                set_field(fields, at, value);
            }
        };
        put(2, found.value("u"));
        put(3, gid.map(|gid| gid.to_string()).as_deref());
        put(4, found.value("c"));
        put(5, found.value("d"));
        put(6, found.value("s"));
    });
    if let Some(home) = found.value("d").filter(|_| found.has("m")) {
        let _ = c.host().rename(&Who::root(), old_home.as_bytes(), home.as_bytes());
    }
    edit(c, "/etc/shadow", &name, |fields| {
        let hash = fields.get(1).cloned().unwrap_or_default();
        if let Some(hash) = found.value("p") {
            set_field(fields, 1, hash);
        } else if found.has("L") && !hash.starts_with('!') {
            set_field(fields, 1, &format!("!{hash}"));
        } else if found.has("U") {
            set_field(fields, 1, hash.trim_start_matches('!'));
        }
    });
    if let Some(new) = found.value("l").map(str::to_string) {
        for path in ["/etc/passwd", "/etc/shadow"] {
            edit(c, path, &name, |fields| set_field(fields, 0, &new));
        }
    }
    0
}

pub(in crate::shell::commands::system) fn userdel(c: &mut Cmd) -> i32 {
    let found = match options::parse(
        "f,force r,remove R,root= P,prefix= Z,selinux-user h,help remove-home remove-all-files q,quiet",
        &c.args,
    ) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return usage(c, "userdel", 2);
        }
    };
    let debian = c.base() == "deluser";
    let Some(name) = found.rest.first().cloned() else {
        return usage(c, if debian { "deluser" } else { "userdel" }, 2);
    };
    if debian && found.rest.len() > 1 {
        let group = found.rest.get(1).cloned().unwrap_or_default();
        c.out(&format!("Removing user `{name}' from group `{group}' ...\nDone.\n"));
        leave(c, &group, &name);
        return 0;
    }
    if !has_user(c, &name) {
        let text = match (c.applet(), debian) {
            (true, _) => format!("deluser: unknown user {name}\n"),
            (_, true) => format!("/usr/sbin/deluser: The user `{name}' does not exist.\n"),
            _ => format!("{}: user '{name}' does not exist\n", c.name),
        };
        c.err(&text);
        return if debian { 2 } else { 6 };
    }
    if !is_root(c) {
        return locked(c, "/etc/passwd", 1);
    }
    let account = c.host().account(name.as_bytes());
    let uid = account.as_ref().map_or(u32::MAX, |account| account.uid);
    let process = c.host().processes().into_iter().find(|process| process.uid == uid && !process.kernel);
    if let Some(process) = process.filter(|_| !found.has("f") && !debian) {
        c.complain(&format!("user {name} is currently used by process {}", process.pid));
        return 8;
    }
    if debian && !c.applet() {
        c.out(&format!("Removing user `{name}' ...\nWarning: group `{name}' has no more members.\nDone.\n"));
    }
    for path in ["/etc/passwd", "/etc/shadow"] {
        remove_line(c, path, &name);
    }
    for group in c.host().groups() {
        if group.members.contains(&name) {
            leave(c, &group.name, &name);
        }
        if group.name == name && group.members.is_empty() {
            remove_line(c, "/etc/group", &name);
            remove_line(c, "/etc/gshadow", &name);
        }
    }
    if found.has("r") || found.has("remove-home") {
        if !debian {
            c.complain(&format!("{name} mail spool (/var/mail/{name}) not found"));
        }
        if let Some(account) = account {
            remove_tree(c, account.home.as_bytes(), 0);
        }
    }
    0
}

pub(in crate::shell::commands::system) fn remove_tree(c: &Cmd, path: &[u8], depth: usize) {
    let root = Who::root();
    if depth > 32 || path.len() < 3 {
        return;
    }
    for (name, stat) in c.host().list(&root, path).unwrap_or_default() {
        let inner = [path, b"/", &name].concat();
        if stat.is_folder() {
            remove_tree(c, &inner, depth + 1);
        } else {
            let _ = c.host().remove_file(&root, &inner);
        }
    }
    let _ = c.host().remove_folder(&root, path);
}
