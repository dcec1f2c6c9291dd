//! `env`, `printenv`, `tty`, `getent`, `getconf`, `locale`.

use super::common::file;
use crate::shell::cmd::{Child, Cmd};
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::shell::net;

pub(super) async fn env(c: &mut Cmd) -> Result<i32, Stop> {
    const TABLE: &str = "+i,ignore-environment 0,null u,unset= C,chdir= S,split-string= v,debug block-signal? \
                         default-signal? ignore-signal?";
    let found = match options::take(c, TABLE, if c.applet() { 1 } else { 125 }) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let mut rest = found.rest.clone();
    if let Some(split) = found.value("S") {
        let mut words: Vec<String> = split.split_whitespace().map(str::to_string).collect();
        words.append(&mut rest);
        rest = words;
    }
    let mut list: Vec<(String, String)> = if found.has("i") { Vec::new() } else { c.environ().to_vec() };
    let mut at = 0;
    if rest.first().is_some_and(|word| word == "-") {
        list.clear();
        at = 1;
    }
    for (key, value) in &found.list {
        if let ("u", Some(name)) = (*key, value) {
            if name.is_empty() || name.contains('=') {
                let text = format!("cannot unset {}: Invalid argument", c.quote(name));
                c.complain(&text);
                return Ok(125);
            }
            list.retain(|(known, _)| known != name);
        }
    }
    while let Some((name, value)) = rest.get(at).and_then(|word| word.split_once('=')) {
        match list.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value.to_string(),
            None => list.push((name.to_string(), value.to_string())),
        }
        at += 1;
    }
    let command: Vec<String> = rest.get(at..).unwrap_or_default().to_vec();
    let cwd = match found.value("C") {
        None => None,
        Some(_) if command.is_empty() => {
            return Ok(options::misuse(c, "must specify command with --chdir (-C)", 125));
        }
        Some(folder) => match c.stat(folder) {
            Ok(_) => Some(c.path(folder)),
            Err(errno) => {
                let text = format!("cannot change directory to {}: {}", c.quote(folder), errno.text());
                c.complain(&text);
                return Ok(125);
            }
        },
    };
    let Some(name) = command.first().cloned() else {
        let end = if found.has("0") { '\0' } else { '\n' };
        for (name, value) in list {
            c.out(&format!("{name}={value}{end}"));
        }
        return Ok(0);
    };
    let status = c.exec_with(&command, Child { env: Some(list), cwd, ..Child::default() }).await?;
    if !c.exec_error().is_empty() {
        let error = c.exec_error().to_string();
        let text = if c.applet() {
            format!("can't execute '{name}': {error}")
        } else {
            format!("{}: {error}", c.quote(&name))
        };
        c.complain(&text);
        if !c.applet() && status == 127 && name.contains(' ') {
            c.err("env: use -[v]S to pass options in shebang lines\n");
        }
    }
    Ok(status)
}

pub(super) fn printenv(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "+0,null", 2) {
        Ok(found) => found,
        Err(status) => return status,
    };
    let end = if found.has("0") { '\0' } else { '\n' };
    if found.rest.is_empty() {
        for (name, value) in c.environ().to_vec() {
            c.out(&format!("{name}={value}{end}"));
        }
        return 0;
    }
    let mut status = 0;
    for name in &found.rest {
        match c.env(name).map(str::to_string) {
            Some(value) => c.out(&format!("{value}{end}")),
            None => status = 1,
        }
    }
    status
}

pub(super) fn tty(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "s,silent,quiet", 2) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if let Some(first) = found.rest.first() {
        let text = format!("extra operand {}", c.quote(first));
        return options::misuse(c, &text, 2);
    }
    let name = match c.spec.tty {
        Some(tty) if c.is_tty(0) => Some(format!("/dev/pts/{tty}\n")),
        _ => None,
    };
    if !found.has("s") {
        c.out(name.as_deref().unwrap_or("not a tty\n"));
    }
    i32::from(name.is_none())
}

pub(super) fn getent(c: &mut Cmd) -> i32 {
    let found = match options::parse("+s,service= i,no-idn ?,help usage V,version", &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            c.err("Try `getent --help' or `getent --usage' for more information.\n");
            return 64;
        }
    };
    let Some((database, keys)) = found.rest.split_first() else {
        c.complain("wrong number of arguments");
        c.err("Try `getent --help' or `getent --usage' for more information.\n");
        return 1;
    };
    let lines = |path: &str| -> Vec<String> {
        let text = file(c.host(), path);
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_string).collect()
    };
    match database.as_str() {
        "passwd" | "group" | "shadow" | "gshadow" => {
            if database.ends_with("shadow") && c.who().uid != 0 {
                return 2;
            }
            let all = lines(&format!("/etc/{database}"));
            by_key(c, &all, keys, |line, key| {
                let mut fields = line.split(':');
                let number = key.parse::<u32>().is_ok() && !line.starts_with(&format!("{key}:"));
                if number { fields.nth(2) == Some(key) } else { fields.next() == Some(key) }
            })
        }
        "hosts" | "ahosts" | "ahostsv4" | "ahostsv6" => hosts(c, database, keys, &lines("/etc/hosts")),
        "services" | "protocols" | "networks" | "rpc" => {
            let all = lines(&format!("/etc/{database}"));
            let mut shown = Vec::new();
            for line in &all {
                let bare = line.split('#').next().unwrap_or_default();
                let mut words = bare.split_whitespace();
                let (Some(name), Some(number)) = (words.next(), words.next()) else { continue };
                let aliases: Vec<&str> = words.collect();
                let mut text = format!("{name:<21} {number}");
                if !aliases.is_empty() {
                    text.push_str(&format!(" {}", aliases.join(" ")));
                }
                shown.push(text);
            }
            by_key(c, &shown, keys, |line, key| {
                let (key, proto) = key.split_once('/').map_or((key, None), |(key, proto)| (key, Some(proto)));
                let mut words = line.split_whitespace();
                let name = words.next().unwrap_or_default();
                let number = words.next().unwrap_or_default();
                let (port, kind) = number.split_once('/').map_or((number, None), |(port, kind)| (port, Some(kind)));
                (name == key || port == key || words.any(|alias| alias == key)) && (proto.is_none() || proto == kind)
            })
        }
        "initgroups" => {
            let mut status = 0;
            for key in keys {
                let account = c.host().account(key.as_bytes());
                let groups: Vec<String> =
                    account.iter().flat_map(|account| account.groups.iter().skip(1)).map(u32::to_string).collect();
                status = if account.is_none() { 2 } else { status };
                c.out(&format!("{key:<21} {}\n", groups.join(" ")));
            }
            status
        }
        "aliases" | "ethers" | "netgroup" | "gshadow+" => 2,
        other => {
            c.err(&format!(
                "Unknown database: {other}\nTry `getent --help' or `getent --usage' for more information.\n"
            ));
            1
        }
    }
}

fn by_key(c: &mut Cmd, all: &[String], keys: &[String], is: impl Fn(&str, &str) -> bool) -> i32 {
    if keys.is_empty() {
        for line in all {
            c.out(&format!("{line}\n"));
        }
        return 0;
    }
    let mut status = 0;
    for key in keys {
        match all.iter().find(|line| is(line, key)) {
            Some(line) => c.out(&format!("{line}\n")),
            None => status = 2,
        }
    }
    status
}

fn hosts(c: &mut Cmd, database: &str, keys: &[String], lines: &[String]) -> i32 {
    if keys.is_empty() {
        for line in lines {
            let mut words = line.split_whitespace();
            let address = words.next().unwrap_or_default().to_string();
            let names: Vec<&str> = words.collect();
            c.out(&format!("{address:<15} {}\n", names.join(" ")));
        }
        return 0;
    }
    let mut status = 0;
    for key in keys {
        let row = lines.iter().find(|line| line.split_whitespace().any(|word| word == key));
        let found: Option<(String, String)> = match row {
            Some(row) => {
                let mut words = row.split_whitespace();
                let address = words.next().unwrap_or_default().to_string();
                Some((address, words.collect::<Vec<&str>>().join(" ")))
            }
            None => net::look_up(c.kernel(), key).map(|address| (address.to_string(), key.clone())),
        };
        match found {
            None => status = 2,
            Some((address, names)) if database == "hosts" => c.out(&format!("{address:<15} {names}\n")),
            Some((address, names)) => {
                let first = names.split(' ').next().unwrap_or_default();
                c.out(&format!("{address:<15} STREAM {first}\n{address:<15} DGRAM  \n{address:<15} RAW    \n"));
            }
        }
    }
    status
}

pub(super) fn getconf(c: &mut Cmd) -> i32 {
    let mut args = c.args.clone();
    if args.first().is_some_and(|arg| arg == "-v") {
        args.drain(..args.len().min(2));
    }
    let cpus = c.host().persona().cpus.to_string();
    let pages = (c.host().persona().memory_kib / 4).to_string();
    let free = (c.host().memory().free / 4).to_string();
    let known: &[(&str, &str)] = &[
        ("LINK_MAX", "65000"),
        ("NAME_MAX", "255"),
        ("PATH_MAX", "4096"),
        ("PIPE_BUF", "4096"),
        ("ARG_MAX", "2097152"),
        ("CHILD_MAX", "31390"),
        ("CLK_TCK", "100"),
        ("HOST_NAME_MAX", "64"),
        ("LOGIN_NAME_MAX", "256"),
        ("NGROUPS_MAX", "65536"),
        ("OPEN_MAX", "1024"),
        ("PAGESIZE", "4096"),
        ("PAGE_SIZE", "4096"),
        ("INT_MAX", "2147483647"),
        ("INT_MIN", "-2147483648"),
        ("UINT_MAX", "4294967295"),
        ("LONG_BIT", "64"),
        ("WORD_BIT", "32"),
        ("CHAR_BIT", "8"),
        ("SSIZE_MAX", "32767"),
        ("ULONG_MAX", "18446744073709551615"),
        ("LONG_MAX", "9223372036854775807"),
        ("_NPROCESSORS_CONF", &cpus),
        ("_NPROCESSORS_ONLN", &cpus),
        ("_PHYS_PAGES", &pages),
        ("_AVPHYS_PAGES", &free),
        ("_POSIX_VERSION", "200809"),
        ("POSIX2_VERSION", "200809"),
        ("LINE_MAX", "2048"),
        ("IOV_MAX", "1024"),
        ("PTHREAD_STACK_MIN", "16384"),
        ("TTY_NAME_MAX", "32"),
        ("SYMLOOP_MAX", ""),
        ("PATH", "/bin:/usr/bin"),
        ("CS_PATH", "/bin:/usr/bin"),
        ("GNU_LIBC_VERSION", "glibc 2.31"),
        ("GNU_LIBPTHREAD_VERSION", "NPTL 2.31"),
        ("LEVEL1_DCACHE_SIZE", "32768"),
        ("LEVEL1_DCACHE_LINESIZE", "64"),
        ("LEVEL2_CACHE_SIZE", "1048576"),
        ("LFS_CFLAGS", ""),
    ];
    match args.first().map(String::as_str) {
        None => {
            c.err("Usage: getconf [-v specification] variable_name [pathname]\n       getconf -a [pathname]\n");
            2
        }
        Some("-a") => {
            for (name, value) in known {
                c.out(&format!("{name:<34} {value}\n"));
            }
            0
        }
        Some(name) => match known.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => {
                c.out(&format!("{value}\n"));
                0
            }
            None => {
                c.complain(&format!("Unrecognized variable `{name}'"));
                2
            }
        },
    }
}

pub(super) fn locale(c: &mut Cmd) -> i32 {
    let found =
        match options::parse("a,all-locales m,charmaps c,category-name k,keyword-name v,verbose V,version", &c.args) {
            Ok(found) => found,
            Err(error) => {
                c.complain(&error);
                c.err("Try `locale --help' or `locale --usage' for more information.\n");
                return 64;
            }
        };
    if found.has("a") {
        c.out("C\nC.UTF-8\nPOSIX\nen_US.utf8\n");
        return 0;
    }
    if found.has("m") {
        c.out("ANSI_X3.4-1968\nISO-8859-1\nISO-8859-15\nUTF-8\n");
        return 0;
    }
    let mut status = 0;
    for name in &found.rest {
        match name.as_str() {
            "charmap" => {
                let map = if c.is_utf8() { "UTF-8" } else { "ANSI_X3.4-1968" };
                c.out(&format!("{map}\n"));
            }
            "decimal_point" => c.out(".\n"),
            "LC_CTYPE" | "LC_ALL" => {}
            other => {
                c.complain(&format!("unknown name \"{other}\""));
                status = 1;
            }
        }
    }
    if !found.rest.is_empty() {
        return status;
    }
    const KINDS: &[&str] = &[
        "LC_CTYPE",
        "LC_NUMERIC",
        "LC_TIME",
        "LC_COLLATE",
        "LC_MONETARY",
        "LC_MESSAGES",
        "LC_PAPER",
        "LC_NAME",
        "LC_ADDRESS",
        "LC_TELEPHONE",
        "LC_MEASUREMENT",
        "LC_IDENTIFICATION",
    ];
    let value = |name: &str| c.env(name).unwrap_or_default().to_string();
    let (lang, all) = (value("LANG"), value("LC_ALL"));
    let mut text = format!("LANG={lang}\nLANGUAGE={}\n", value("LANGUAGE"));
    for kind in KINDS {
        let own = value(kind);
        if !own.is_empty() && all.is_empty() {
            text.push_str(&format!("{kind}={own}\n"));
        } else {
            let implied = if all.is_empty() { &lang } else { &all };
            let implied = if implied.is_empty() { "POSIX" } else { implied };
            text.push_str(&format!("{kind}=\"{implied}\"\n"));
        }
    }
    text.push_str(&format!("LC_ALL={all}\n"));
    c.out(&text);
    0
}
