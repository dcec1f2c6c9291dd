//! Builtins that tell about the shell: `type`, `command`, `alias`, `history`, `enable`, `help`, …

use super::{find, names};
use crate::shell::interp::{Dialect, Exec, Interp, function_text, quoted};
use crate::shell::kernel::Status;
use crate::shell::{program, text};

/// Reserved words of bash.
const KEYWORDS: [&str; 22] = [
    "if", "then", "else", "elif", "fi", "case", "esac", "for", "select", "while", "until", "do", "done", "in",
    "function", "time", "{", "}", "!", "[[", "]]", "coproc",
];

fn on_path(s: &Interp, name: &str) -> Option<String> {
    let path = s.vars.scalar("PATH").map(str::to_string);
    let place = program::find(s.kernel(), s.who(), &s.cwd, path.as_deref(), name).ok()?;
    let known = s.kernel().host.access(s.who(), &place, 1).is_ok();
    known.then(|| if name.contains('/') { name.to_string() } else { text::decode(&place) })
}

pub(super) async fn type_of(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let mut flags = String::new();
    let mut status = 0;
    let mut out = String::new();
    for name in args {
        if let Some(letters) =
            name.strip_prefix('-').filter(|letters| !letters.is_empty() && s.dialect == Dialect::Bash)
        {
            if let Some(bad) = letters.chars().find(|letter| !"afptP".contains(*letter)) {
                return s.bad_option("type", &format!("-{bad}"), "type [-afptP] name [name ...]").await;
            }
            flags.push_str(letters);
            continue;
        }
        let lines = describe(s, name, &flags);
        if lines.is_empty() {
            status = 1;
            if !flags.contains(['t', 'p', 'P']) {
                s.print("type", &std::mem::take(&mut out)).await?;
                match s.dialect {
                    Dialect::Bash => {
                        s.fail("type", &format!("{name}: not found")).await?;
                    }
                    _ => out.push_str(&format!("{name}: not found\n")),
                }
                status = if s.dialect == Dialect::Bash { 1 } else { 127 };
            }
        }
        let shown = if flags.contains('a') { lines.len() } else { 1 };
        out.extend(lines.into_iter().take(shown));
    }
    s.print("type", &out).await?;
    Ok(status)
}

fn describe(s: &Interp, name: &str, flags: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let kind = flags.contains('t');
    let path_only = flags.contains('p') || flags.contains('P');
    let bash = s.dialect == Dialect::Bash;
    let mut add = |word: &str, line: String| {
        if kind {
            lines.push(format!("{word}\n"));
        } else if !path_only {
            lines.push(line);
        }
    };
    let mut found = false;
    if let Some(value) = s.aliases.get(name) {
        let line = if bash {
            format!("{name} is aliased to `{value}'\n")
        } else {
            format!("{name} is an alias for {value}\n")
        };
        add("alias", line);
        found = true;
    }
    if KEYWORDS.contains(&name) {
        add("keyword", format!("{name} is a shell keyword\n"));
        found = true;
    }
    if let Some(function) = s.functions.get(name) {
        let line = if bash {
            format!("{name} is a function\n{}", function_text(function))
        } else {
            format!("{name} is a shell function\n")
        };
        add("function", line);
        found = true;
    }
    if let Some(builtin) = find(name, s.dialect) {
        let special = if builtin.special && !bash { "special " } else { "" };
        add("builtin", format!("{name} is a {special}shell builtin\n"));
        found = true;
    }
    if (!found || flags.contains('a') || flags.contains('P'))
        && let Some(place) = on_path(s, name)
    {
        if kind {
            lines.push("file\n".into());
        } else if path_only {
            lines.push(format!("{place}\n"));
        } else if bash && s.hashed.iter().any(|(known, _, _)| known == name) {
            lines.push(format!("{name} is hashed ({place})\n"));
        } else {
            lines.push(format!("{name} is {place}\n"));
        }
    }
    lines
}

pub(super) async fn command(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let mut rest = args;
    let mut tells = ' ';
    while let Some((arg, after)) = rest.split_first().filter(|(arg, _)| arg.starts_with('-') && arg.len() > 1) {
        rest = after;
        match arg.as_str() {
            "--" => break,
            "-p" => {}
            "-v" | "-V" => tells = arg.chars().nth(1).unwrap_or(' '),
            other => return s.bad_option("command", other, "command [-pVv] command [arg ...]").await,
        }
    }
    if tells == ' ' {
        let Some(name) = rest.first() else { return Ok(0) };
        if let Some(builtin) = find(name, s.dialect) {
            return (builtin.run)(s, rest.get(1..).unwrap_or_default()).await;
        }
        return s.run_program(rest.to_vec()).await;
    }
    let mut status = 0;
    let mut out = String::new();
    for name in rest {
        let line = if tells == 'V' {
            describe(s, name, "").into_iter().next()
        } else if let Some(value) = s.aliases.get(name) {
            Some(format!("alias {name}={}\n", quoted(value)))
        } else if KEYWORDS.contains(&name.as_str()) || s.functions.contains_key(name) || find(name, s.dialect).is_some()
        {
            Some(format!("{name}\n"))
        } else {
            on_path(s, name).map(|place| place + "\n")
        };
        match line {
            Some(line) => out.push_str(&line),
            None => {
                status = if s.dialect == Dialect::Bash { 1 } else { 127 };
                if tells == 'V' {
                    s.fail("command", &format!("{name}: not found")).await?;
                }
            }
        }
    }
    s.print("command", &out).await?;
    Ok(status)
}

pub(super) async fn builtin(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let Some((name, rest)) = args.split_first() else { return Ok(0) };
    match find(name, s.dialect) {
        Some(builtin) => (builtin.run)(s, rest).await,
        None => s.fail("builtin", &format!("{name}: not a shell builtin")).await,
    }
}

pub(super) async fn alias(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let line = |name: &str, value: &str, bash: bool| {
        let word = if bash { "alias " } else { "" };
        format!("{word}{name}={}\n", quoted(value))
    };
    let bash = s.dialect == Dialect::Bash;
    let names: Vec<&String> = args.iter().filter(|arg| *arg != "-p").collect();
    if names.is_empty() {
        let mut all: Vec<(&String, &String)> = s.aliases.iter().collect();
        all.sort();
        let text: String = all.into_iter().map(|(name, value)| line(name, value, bash)).collect();
        return s.print("alias", &text).await;
    }
    let mut status = 0;
    for arg in names {
        match arg.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                if s.aliases.len() < 1000 && value.len() < 65_536 {
                    s.aliases.insert(name.to_string(), value.to_string());
                }
            }
            _ => match s.aliases.get(arg.as_str()).cloned() {
                Some(value) => {
                    s.print("alias", &line(arg, &value, bash)).await?;
                }
                None => status = s.fail("alias", &format!("{arg}: not found")).await?,
            },
        }
    }
    Ok(status)
}

pub(super) async fn unalias(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let mut status = 0;
    for name in args {
        if name == "-a" {
            s.aliases.clear();
        } else if s.aliases.remove(name).is_none() {
            status = s.fail("unalias", &format!("{name}: not found")).await?;
        }
    }
    Ok(status)
}

pub(super) async fn hash(s: &mut Interp, args: &[String]) -> Exec<Status> {
    if args.first().is_some_and(|arg| arg == "-r") {
        s.hashed.clear();
        return Ok(0);
    }
    if args.is_empty() {
        if s.hashed.is_empty() {
            return if s.dialect == Dialect::Bash { s.print("hash", "hash: hash table empty\n").await } else { Ok(0) };
        }
        let mut text = String::from("hits\tcommand\n");
        for (_, place, hits) in &s.hashed {
            text.push_str(&format!("{hits:4}\t{place}\n"));
        }
        return s.print("hash", &text).await;
    }
    let mut status = 0;
    for name in args.iter().filter(|arg| !arg.starts_with('-')) {
        match on_path(s, name) {
            Some(place) if s.hashed.len() < 500 => s.hashed.push((name.clone(), place, 0)),
            Some(_) => {}
            None if find(name, s.dialect).is_some() => {}
            None => status = s.fail("hash", &format!("{name}: not found")).await?,
        }
    }
    Ok(status)
}

pub(super) async fn enable(s: &mut Interp, args: &[String]) -> Exec<Status> {
    if args.iter().all(|arg| arg == "-a" || arg == "-p") {
        let text: String = names().map(|name| format!("enable {name}\n")).collect();
        return s.print("enable", &text).await;
    }
    let mut status = 0;
    let mut off = false;
    for name in args {
        if name == "-n" {
            off = true;
            continue;
        }
        if name == "-s" {
            let text: String = names()
                .filter(|name| find(name, s.dialect).is_some_and(|b| b.special))
                .map(|name| format!("enable {name}\n"))
                .collect();
            return s.print("enable", &text).await;
        }
        if find(name, s.dialect).is_none() {
            status = s.fail("enable", &format!("{name}: not a shell builtin")).await?;
        }
    }
    let _ = off;
    Ok(status)
}

pub(super) async fn history(s: &mut Interp, args: &[String]) -> Exec<Status> {
    match args.first().map(String::as_str) {
        Some("-c") => {
            s.history.clear();
            Ok(0)
        }
        Some("-d") => {
            let number = args.get(1).cloned().unwrap_or_default();
            match number.parse::<usize>() {
                Ok(at) if s.history.delete(at) => Ok(0),
                _ => s.fail("history", &format!("{number}: history position out of range")).await,
            }
        }
        Some("-w" | "-a") => {
            s.write_history();
            Ok(0)
        }
        Some("-r" | "-n" | "-p" | "-s") => Ok(0),
        Some(option) if option.starts_with('-') => {
            let usage = "history [-c] [-d offset] [n] or history -anrw [filename] or history -ps arg [arg...]";
            s.bad_option("history", option, usage).await
        }
        count => {
            let count = match count.map(str::parse::<usize>) {
                None => usize::MAX,
                Some(Ok(count)) => count,
                Some(Err(_)) => {
                    let word = args.first().cloned().unwrap_or_default();
                    return s.fail("history", &format!("{word}: numeric argument required")).await;
                }
            };
            let all: Vec<(usize, &str)> = s.history.all().collect();
            let from = all.len().saturating_sub(count);
            let text: String = all
                .get(from..)
                .unwrap_or_default()
                .iter()
                .map(|(number, line)| format!("{number:5}  {line}\n"))
                .collect();
            s.history_shown();
            s.print("history", &text).await
        }
    }
}

pub(super) async fn fc(s: &mut Interp, args: &[String]) -> Exec<Status> {
    if args.first().is_some_and(|arg| arg.starts_with("-l")) {
        s.history_shown();
        let all: Vec<(usize, &str)> = s.history.all().collect();
        let from = all.len().saturating_sub(16);
        let text: String =
            all.get(from..).unwrap_or_default().iter().map(|(number, line)| format!("{number}\t {line}\n")).collect();
        return s.print("fc", &text).await;
    }
    s.fail("fc", "no command found").await
}

pub(super) async fn compgen(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let word = args.get(1).cloned().unwrap_or_default();
    let mut found: Vec<String> = match args.first().map(String::as_str) {
        Some("-b") => names().map(str::to_string).collect(),
        Some("-k") => KEYWORDS.iter().map(|word| (*word).to_string()).collect(),
        Some("-a") => s.aliases.keys().cloned().collect(),
        Some("-v") => s.vars.sorted().into_iter().map(|(name, _)| name.to_string()).collect(),
        Some("-u") => s.kernel().host.users().into_iter().map(|user| user.name.to_string()).collect(),
        Some("-c") => crate::shell::readline::commands(s, &word),
        Some("-f") => crate::shell::readline::files(s, &word).into_iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    };
    found.retain(|name| name.starts_with(&word));
    let status = i32::from(found.is_empty());
    let text: String = found.into_iter().map(|name| name + "\n").collect();
    s.print("compgen", &text).await?;
    Ok(status)
}

pub(super) async fn times(s: &mut Interp, _args: &[String]) -> Exec<Status> {
    s.print("times", "0m0.013s 0m0.008s\n0m0.021s 0m0.034s\n").await
}

pub(super) async fn umask(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let mask = s.who().umask;
    match args.first().map(String::as_str) {
        None => s.print("umask", &format!("{mask:04o}\n")).await,
        Some("-p") => s.print("umask", &format!("umask {mask:04o}\n")).await,
        Some("-S") => {
            let part = |shift: u32| {
                let bits = !mask >> shift & 7;
                [(4, 'r'), (2, 'w'), (1, 'x')]
                    .iter()
                    .filter(|(bit, _)| bits & bit != 0)
                    .map(|(_, c)| *c)
                    .collect::<String>()
            };
            s.print("umask", &format!("u={},g={},o={}\n", part(6), part(3), part(0))).await
        }
        Some(text) => match u32::from_str_radix(text, 8) {
            Ok(mask) if mask <= 0o777 => {
                s.spec.who.umask = mask;
                Ok(0)
            }
            _ if text.contains(['=', '+', '-']) => {
                let mut bits = !mask & 0o777;
                for clause in text.split(',') {
                    let Some(at) = clause.find(['=', '+', '-']) else { continue };
                    let (who, rest) = clause.split_at(at);
                    let value = rest.chars().skip(1).fold(0, |all, c| {
                        all | match c {
                            'r' => 4,
                            'w' => 2,
                            'x' => 1,
                            _ => 0,
                        }
                    });
                    for (letter, shift) in [('u', 6), ('g', 3), ('o', 0)] {
                        if who.is_empty() || who.contains(letter) || who.contains('a') {
                            bits = match rest.chars().next() {
                                Some('=') => (bits & !(7 << shift)) | (value << shift),
                                Some('+') => bits | (value << shift),
                                _ => bits & !(value << shift),
                            };
                        }
                    }
                }
                s.spec.who.umask = !bits & 0o777;
                Ok(0)
            }
            _ => s.fail("umask", &format!("{text}: octal number out of range")).await,
        },
    }
}

pub(super) async fn help(s: &mut Interp, args: &[String]) -> Exec<Status> {
    match args.iter().find(|arg| !arg.starts_with('-')) {
        None => {
            let mut text = version(s).lines().next().unwrap_or_default().to_string() + "\n";
            text.push_str(
                "These shell commands are defined internally.  Type `help' to see this list.\n\
                 Type `help name' to find out more about the function `name'.\n\
                 Use `info bash' to find out more about the shell in general.\n\
                 Use `man -k' or `info' to find out more about commands not in this list.\n\n\
                 A star (*) next to a name means that the command is disabled.\n\n",
            );
            let all: Vec<&str> = names().collect();
            for pair in all.chunks(2) {
                let (left, right) =
                    (pair.first().copied().unwrap_or_default(), pair.get(1).copied().unwrap_or_default());
                text.push_str(&format!(" {left:<38} {right}\n"));
            }
            s.print("help", &text).await
        }
        Some(name) if find(name, Dialect::Bash).is_some() || KEYWORDS.contains(&name.as_str()) => {
            let host = std::sync::Arc::clone(&s.kernel().host);
            let recorded = crate::shell::commands::help::find(&host, &format!("builtin {name} --help"));
            let text = recorded.map_or_else(|| format!("{name}: {name}\n"), |found| found.bytes.to_string());
            s.print("help", &text).await
        }
        Some(name) => {
            let message =
                format!("no help topics match `{name}'.  Try `help help' or `man -k {name}' or `info {name}'.");
            s.fail("help", &message).await
        }
    }
}

/// What `bash --version` prints.
pub(in crate::shell) fn version(s: &Interp) -> String {
    let persona = s.kernel().host.persona();
    let year = if persona.bash_version.starts_with("5.0") { 2019 } else { 2022 };
    format!(
        "GNU bash, version {}(1)-release ({}-pc-linux-gnu)\n\
         Copyright (C) {year} Free Software Foundation, Inc.\n\
         License GPLv3+: GNU GPL version 3 or later <http://gnu.org/licenses/gpl.html>\n\n\
         This is free software; you are free to change and redistribute it.\n\
         There is NO WARRANTY, to the extent permitted by law.\n",
        persona.bash_version, persona.machine
    )
}

/// What `bash --help` prints.
pub(in crate::shell) fn usage(s: &Interp) -> String {
    let first = version(s).lines().next().unwrap_or_default().replace("(1)-release", "(1)-release-");
    let first =
        first.replace("-release- ", "-release-").replace(['(', ')'], "").replacen("1-release", "(1)-release", 1);
    format!(
        "{first}\n\
         Usage:\tbash [GNU long option] [option] ...\n\tbash [GNU long option] [option] script-file ...\n\
         GNU long options:\n\t--debug\n\t--debugger\n\t--dump-po-strings\n\t--dump-strings\n\t--help\n\t--init-file\n\
         \t--login\n\t--noediting\n\t--noprofile\n\t--norc\n\t--posix\n\t--pretty-print\n\t--rcfile\n\t--restricted\n\
         \t--verbose\n\t--version\n\
         Shell options:\n\t-ilrsD or -c command or -O shopt_option\t\t(invocation only)\n\
         \t-abefhkmnptuvxBCHP or -o option\n\
         Type `bash -c \"help set\"' for more information about shell options.\n\
         Type `bash -c help' for more information about shell builtin commands.\n\
         Use the `bashbug' command to report bugs.\n\n\
         bash home page: <http://www.gnu.org/software/bash>\n\
         General help using GNU software: <http://www.gnu.org/gethelp/>\n"
    )
}
