//! Groups, and what users may change of themselves.

use super::*;

pub(in crate::shell::commands::system) fn groupadd(c: &mut Cmd) -> i32 {
    let found = match options::parse(
        "f,force g,gid= h,help K,key= o,non-unique p,password= r,system R,root= P,prefix= extrausers",
        &c.args,
    ) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return usage(c, "groupadd", 2);
        }
    };
    let Some(name) = found.rest.first().cloned() else { return usage(c, "groupadd", 2) };
    if has_group(c, &name) {
        if found.has("f") {
            return 0;
        }
        c.complain(&format!("group '{name}' already exists"));
        return 9;
    }
    if !is_name(&name) {
        c.complain(&format!("'{name}' is not a valid group name"));
        return 3;
    }
    let taken: Vec<u32> = c.host().groups().iter().map(|group| group.gid).collect();
    let gid = match found.value("g").map(|word| (word, word.parse::<u32>())) {
        Some((word, Err(_))) => {
            c.complain(&format!("invalid group ID '{word}'"));
            return 3;
        }
        Some((_, Ok(gid))) if taken.contains(&gid) && !found.has("o") => {
            c.complain(&format!("GID '{gid}' already exists"));
            return 4;
        }
        Some((_, Ok(gid))) => gid,
        None => free_id(&taken, 1000),
    };
    if !is_root(c) {
        return locked(c, "/etc/group", 10);
    }
    add_line(c, "/etc/group", &format!("{name}:x:{gid}:"));
    add_line(c, "/etc/gshadow", &format!("{name}:!::"));
    0
}

pub(in crate::shell::commands::system) fn groupdel(c: &mut Cmd) -> i32 {
    let Some(name) = c.args.iter().find(|arg| !arg.starts_with('-')).cloned() else { return usage(c, "groupdel", 2) };
    let groups = c.host().groups();
    let Some(group) = groups.iter().find(|group| group.name == name) else {
        c.complain(&format!("group '{name}' does not exist"));
        return 6;
    };
    if let Some(user) = c.host().users().into_iter().find(|user| user.gid == group.gid) {
        c.complain(&format!("cannot remove the primary group of user '{}'", user.name));
        return 8;
    }
    if !is_root(c) {
        return locked(c, "/etc/group", 10);
    }
    remove_line(c, "/etc/group", &name);
    remove_line(c, "/etc/gshadow", &name);
    0
}

pub(in crate::shell::commands::system) fn groupmod(c: &mut Cmd) -> i32 {
    let found = match options::parse(
        "a,append g,gid= h,help n,new-name= o,non-unique p,password= R,root= U,users= P,prefix=",
        &c.args,
    ) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return usage(c, "groupmod", 2);
        }
    };
    let Some(name) = found.rest.first().cloned() else { return usage(c, "groupmod", 2) };
    if !has_group(c, &name) {
        c.complain(&format!("group '{name}' does not exist"));
        return 6;
    }
    if !is_root(c) {
        return locked(c, "/etc/group", 10);
    }
    edit(c, "/etc/group", &name, |fields| {
        if let Some(gid) = found.value("g") {
            set_field(fields, 2, gid);
        }
        if let Some(new) = found.value("n") {
            set_field(fields, 0, new);
        }
    });
    0
}

pub(in crate::shell::commands::system) async fn gpasswd(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::parse(
        "a,add= d,delete= h,help Q,root= r,delete-password R,restrict M,members= A,administrators=",
        &c.args,
    ) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return Ok(usage(c, "gpasswd", 2));
        }
    };
    let Some(group) = found.rest.first().cloned() else { return Ok(usage(c, "gpasswd", 2)) };
    if let Some(user) = found.value("a").or(found.value("d")).map(str::to_string)
        && !has_user(c, &user)
    {
        c.complain(&format!("user '{user}' does not exist"));
        return Ok(3);
    }
    if !has_group(c, &group) {
        c.complain(&format!("group '{group}' does not exist in /etc/group"));
        return Ok(3);
    }
    if !is_root(c) {
        c.complain("Permission denied.");
        return Ok(1);
    }
    if let Some(user) = found.value("a").map(str::to_string) {
        c.out(&format!("Adding user {user} to group {group}\n"));
        join(c, &group, &user);
    } else if let Some(user) = found.value("d").map(str::to_string) {
        let member = c.host().groups().iter().any(|known| known.name == group && known.members.contains(&user));
        if !member {
            c.complain(&format!("user '{user}' is not a member of '{group}'"));
            return Ok(3);
        }
        c.out(&format!("Removing user {user} from group {group}\n"));
        leave(c, &group, &user);
    } else if let Some(members) = found.value("M") {
        edit(c, "/etc/group", &group, |fields| set_field(fields, 3, members));
    } else if !found.has("r") && !found.has("R") {
        c.out(&format!("Changing the password for group {group}\n"));
        let first = screen::ask(c, "New Password: ", false).await?.unwrap_or_default();
        let again = screen::ask(c, "Re-enter new password: ", false).await?.unwrap_or_default();
        if first != again {
            c.err("They don't match; try again\n");
            return Ok(1);
        }
        let hash = hash_of(&text::encode(&first));
        edit(c, "/etc/gshadow", &group, |fields| set_field(fields, 1, &hash));
    }
    Ok(0)
}

pub(in crate::shell::commands::system) fn chage(c: &mut Cmd) -> i32 {
    let found = match options::parse(
        "d,lastday= E,expiredate= h,help i,iso8601 I,inactive= l,list m,mindays= M,maxdays= R,root= W,warndays=",
        &c.args,
    ) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return usage(c, "chage", 2);
        }
    };
    let Some(name) = found.rest.first().cloned() else { return usage(c, "chage", 2) };
    if !is_root(c) && (!found.has("l") || name != own_name(c)) {
        c.complain("Permission denied.");
        return 1;
    }
    if !has_user(c, &name) {
        c.complain(&format!("user '{name}' does not exist in /etc/passwd"));
        return 1;
    }
    if found.has("l") {
        let get = |at: usize| field(c, "/etc/shadow", &name, at).filter(|text| !text.is_empty());
        let date = |days: Option<i64>| {
            days.and_then(|days| Timestamp::from_second(days.saturating_mul(86_400)).ok()).map_or_else(
                || "never".to_string(),
                |at| time(at, if found.has("i") { "%Y-%m-%d" } else { "%b %d, %Y" }),
            )
        };
        let day = get(2).and_then(|text| text.parse::<i64>().ok());
        let most = get(4).and_then(|text| text.parse::<i64>().ok()).filter(|days| *days < 10_000);
        let last = if day == Some(0) { "password must be changed".to_string() } else { date(day) };
        let expires = date(day.zip(most).map(|(day, most)| day + most));
        let account = date(get(7).and_then(|text| text.parse::<i64>().ok()));
        let text = format!(
            "Last password change\t\t\t\t\t: {last}\nPassword expires\t\t\t\t\t: {expires}\nPassword inactive\t\t\t\t\t: never\nAccount \
             expires\t\t\t\t\t\t: {account}\nMinimum number of days between password change\t\t: {}\nMaximum number of days between password \
             change\t\t: {}\nNumber of days of warning before password expires\t: {}\n",
            get(3).unwrap_or_else(|| "0".into()),
            get(4).unwrap_or_else(|| "99999".into()),
            get(5).unwrap_or_else(|| "7".into())
        );
        c.out(&text);
        return 0;
    }
    edit(c, "/etc/shadow", &name, |fields| {
        for (key, at) in [("d", 2), ("m", 3), ("M", 4), ("W", 5), ("I", 6), ("E", 7)] {
            if let Some(value) = found.value(key) {
                let value = if value == "-1" { String::new() } else { value.to_string() };
                set_field(fields, at, &value);
            }
        }
    });
    0
}

pub(in crate::shell::commands::system) async fn chsh(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::parse("s,shell= h,help R,root= f,full-name= r,room= w,work-phone= o,other= u", &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            let name = c.base().to_string();
            return Ok(usage(c, &name, 1));
        }
    };
    let me = own_name(c);
    let name = found.rest.first().cloned().unwrap_or_else(|| me.clone());
    if !has_user(c, &name) {
        c.complain(&format!("user '{name}' does not exist"));
        return Ok(1);
    }
    if !is_root(c) && name != me {
        c.complain("Permission denied.".to_string().as_str());
        return Ok(1);
    }
    if c.base() == "chfn" {
        if let Some(full) = found.value("f") {
            edit(c, "/etc/passwd", &name, |fields| set_field(fields, 4, &format!("{full},,,")));
        }
        return Ok(0);
    }
    let old = field(c, "/etc/passwd", &name, 6).unwrap_or_default();
    let shell = match found.value("s") {
        Some(shell) => shell.to_string(),
        None => {
            c.out(&format!("Changing the login shell for {name}\nEnter the new value, or press ENTER for the default\n\tLogin Shell [{old}]: "));
            c.flush().await?;
            let line = c.read_line().await?.map(|line| decode(&line).trim().to_string()).unwrap_or_default();
            if line.is_empty() { old } else { line }
        }
    };
    let shells = file(c.host(), "/etc/shells");
    if !shells.lines().any(|line| line == shell) {
        if !is_root(c) || !shell.starts_with('/') {
            c.complain(&format!("{shell} is an invalid shell"));
            return Ok(1);
        }
        if c.stat(&shell).is_err() {
            c.complain(&format!("Warning: {shell} does not exist"));
        }
    }
    edit(c, "/etc/passwd", &name, |fields| set_field(fields, 6, &shell));
    Ok(0)
}
