//! Builtins that change where the shell goes on.

use crate::shell::interp::{Dialect, Exec, Flow, Interp};
use crate::shell::kernel::Status;
use crate::shell::{program, signals, text};
use crate::world::FileKind;

pub(super) async fn exit(s: &mut Interp, args: &[String]) -> Exec<Status> {
    end(s, args, true).await
}

async fn end(s: &mut Interp, args: &[String], announced: bool) -> Exec<Status> {
    let status = match args.first() {
        None => s.status,
        Some(arg) => match arg.trim().parse::<i64>() {
            Ok(number) => Status::from(number.to_le_bytes()[0]),
            Err(_) => {
                let message = match s.dialect {
                    Dialect::Bash => format!("exit: {arg}: numeric argument required"),
                    _ => format!("exit: Illegal number: {arg}"),
                };
                s.complain(&message).await?;
                2
            }
        },
    };
    if announced && s.is_interactive() && s.subshell == 0 && s.dialect == Dialect::Bash {
        s.print_error(if s.login { "logout\n" } else { "exit\n" }).await?;
    }
    if args.len() > 1 && s.dialect == Dialect::Bash && args.first().is_some_and(|arg| arg.parse::<i64>().is_ok()) {
        s.complain("exit: too many arguments").await?;
        return Ok(1);
    }
    Err(Flow::Exit(status))
}

pub(super) async fn logout(s: &mut Interp, args: &[String]) -> Exec<Status> {
    if !s.login {
        return s.fail("logout", "not login shell: use `exit'").await;
    }
    end(s, args, false).await
}

pub(super) async fn return_from(s: &mut Interp, args: &[String]) -> Exec<Status> {
    if !s.vars.in_function() && !s.is_sourced() {
        if s.dialect == Dialect::Bash {
            let message = "can only `return' from a function or sourced script";
            s.fail("return", message).await?;
            return Ok(1);
        }
        return exit(s, args).await;
    }
    let status = match args.first() {
        None => s.status,
        Some(arg) => match arg.trim().parse::<i64>() {
            Ok(number) => Status::from(number.to_le_bytes()[0]),
            Err(_) => {
                s.fail("return", &format!("{arg}: numeric argument required")).await?;
                2
            }
        },
    };
    Err(Flow::Return(status))
}

async fn levels(s: &mut Interp, name: &str, args: &[String]) -> Exec<Option<u32>> {
    if s.loops == 0 {
        if s.dialect == Dialect::Bash {
            s.fail(name, "only meaningful in a `for', `while', or `until' loop").await?;
        }
        return Ok(None);
    }
    let levels = match args.first() {
        None => 1,
        Some(arg) => match arg.parse::<u32>() {
            Ok(0) => {
                s.fail(name, &format!("{arg}: loop count out of range")).await?;
                return Err(Flow::Break(s.loops));
            }
            Ok(levels) => levels,
            Err(_) => {
                s.fail(name, &format!("{arg}: numeric argument required")).await?;
                return Err(Flow::Exit(128));
            }
        },
    };
    Ok(Some(levels.min(s.loops)))
}

pub(super) async fn break_loop(s: &mut Interp, args: &[String]) -> Exec<Status> {
    match levels(s, "break", args).await? {
        Some(levels) => Err(Flow::Break(levels)),
        None => Ok(0),
    }
}

pub(super) async fn continue_loop(s: &mut Interp, args: &[String]) -> Exec<Status> {
    match levels(s, "continue", args).await? {
        Some(levels) => Err(Flow::Continue(levels)),
        None => Ok(0),
    }
}

pub(super) async fn shift(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let count = match args.first().map(|arg| arg.parse::<usize>()) {
        None => 1,
        Some(Ok(count)) => count,
        Some(Err(_)) => {
            let arg = args.first().cloned().unwrap_or_default();
            return s.fail("shift", &format!("{arg}: numeric argument required")).await;
        }
    };
    if count > s.positional.len() {
        if s.dialect != Dialect::Bash {
            s.complain("shift: can't shift that many").await?;
            return Err(Flow::Exit(2));
        }
        return Ok(1);
    }
    s.positional.drain(..count);
    Ok(0)
}

pub(super) async fn eval(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let command = args.join(" ");
    if command.trim().is_empty() {
        return Ok(0);
    }
    s.run_string(&command).await
}

pub(super) async fn source(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let Some((name, rest)) = args.split_first() else {
        if s.dialect == Dialect::Bash {
            s.complain(".: filename argument required").await?;
            s.print_error(".: usage: . filename [arguments]\n").await?;
            return Ok(2);
        }
        return Ok(0);
    };
    let host = std::sync::Arc::clone(&s.kernel().host);
    let mut path = program::join(&s.cwd, name);
    if !name.contains('/') {
        let search = s.vars.scalar("PATH").unwrap_or_default().to_string();
        let on_path = search.split(':').map(|folder| program::join(&s.cwd, &format!("{folder}/{name}")));
        let found = on_path
            .into_iter()
            .find(|path| host.stat(s.who(), path, true).is_ok_and(|stat| stat.kind == FileKind::File));
        if let Some(found) = found {
            path = found;
        }
    }
    let content = match host.stat(s.who(), &path, true) {
        Ok(stat) if stat.kind == FileKind::Folder => {
            return s.fail(".", &format!("{name}: is a directory")).await;
        }
        _ => host.read_file(s.who(), &path, 1 << 20),
    };
    let content = match content {
        Ok(content) => content,
        Err(errno) => {
            let message = match s.dialect {
                Dialect::Bash => format!("{name}: {}", errno.text()),
                Dialect::Dash => format!(".: cannot open {name}: No such file"),
                Dialect::Ash => format!(".: can't open '{name}': {}", errno.text()),
            };
            s.complain(&message).await?;
            return if s.dialect == Dialect::Bash || s.is_interactive() { Ok(1) } else { Err(Flow::Exit(2)) };
        }
    };
    let positional = (!rest.is_empty()).then(|| std::mem::replace(&mut s.positional, rest.to_vec()));
    let line = std::mem::take(&mut s.line);
    s.source_begins();
    let result = s.run_string(&text::decode(&content)).await;
    s.source_ends();
    s.line = line;
    if let Some(positional) = positional {
        s.positional = positional;
    }
    match result {
        Err(Flow::Return(status)) => Ok(status),
        other => other,
    }
}

pub(super) async fn exec(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let mut rest = args;
    let mut name0 = None;
    let mut clean = false;
    while let Some((arg, after)) = rest.split_first().filter(|(arg, _)| arg.starts_with('-') && arg.len() > 1) {
        rest = after;
        match arg.as_str() {
            "--" => break,
            "-a" => {
                name0 = rest.first().cloned();
                rest = rest.get(1..).unwrap_or_default();
            }
            "-c" => clean = true,
            "-l" => name0 = Some("-".into()),
            other => {
                return s
                    .bad_option("exec", other, "exec [-cl] [-a name] [command [argument ...]] [redirection ...]")
                    .await;
            }
        }
    }
    let Some(name) = rest.first().cloned() else { return Ok(0) };
    if clean {
        let names: Vec<String> = s.vars.environment().into_iter().map(|(name, _)| name).collect();
        for name in names {
            let _ = s.vars.change(&name, |var| var.exported = false);
        }
    }
    let mut words = rest.to_vec();
    if let (Some(name0), Some(first)) = (name0, words.first_mut()) {
        *first = if name0 == "-" { format!("-{first}") } else { name0 };
    }
    let status = s.exec_program(&name, words).await?;
    match status {
        Some(status) => Err(Flow::Exit(status)),
        None if s.is_interactive() => Ok(s.status),
        None => Err(Flow::Exit(s.status)),
    }
}

pub(super) async fn trap(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let args: &[String] =
        if args.first().is_some_and(|arg| arg == "--") { args.get(1..).unwrap_or_default() } else { args };
    match args {
        [] => return list_traps(s, &[]).await,
        [first, rest @ ..] if first == "-p" => return list_traps(s, rest).await,
        [first, ..] if first == "-l" => {
            let table = signals::table();
            return s.print("trap", &table).await;
        }
        _ => {}
    }
    let (action, names) = match args.split_first() {
        Some((only, [])) => (None, std::slice::from_ref(only)),
        Some((action, names)) if action == "-" || action.parse::<u32>().is_ok() && names.is_empty() => (None, names),
        Some((action, names)) => (Some(action.clone()), names),
        None => return Ok(0),
    };
    let mut status = 0;
    for name in names {
        let upper = name.to_ascii_uppercase();
        let known = match upper.strip_prefix("SIG").unwrap_or(&upper) {
            special @ ("EXIT" | "ERR" | "DEBUG" | "RETURN") => Some(special.to_string()),
            _ => signals::number(name).and_then(signals::name),
        };
        let Some(known) = known else {
            let message = match s.dialect {
                Dialect::Bash => format!("{name}: invalid signal specification"),
                Dialect::Dash => format!("{name}: bad trap"),
                Dialect::Ash => format!("{name}: invalid signal specification"),
            };
            status = s.fail("trap", &message).await?;
            continue;
        };
        match &action {
            None => {
                s.traps.remove(&known);
            }
            Some(action) if s.traps.len() < 100 => {
                s.traps.insert(known, action.clone());
            }
            Some(_) => {}
        }
    }
    Ok(status)
}

async fn list_traps(s: &mut Interp, names: &[String]) -> Exec<Status> {
    let mut all: Vec<(i32, String)> = Vec::new();
    for (name, action) in &s.traps {
        let number = signals::number(name).unwrap_or(100);
        let shown = if matches!(name.as_str(), "EXIT" | "ERR" | "DEBUG" | "RETURN") || s.dialect != Dialect::Bash {
            name.clone()
        } else {
            format!("SIG{name}")
        };
        let wanted = names.is_empty() || names.iter().any(|wanted| signals::number(wanted) == Some(number));
        if wanted {
            all.push((number, format!("trap -- {} {shown}\n", crate::shell::interp::quoted(action))));
        }
    }
    all.sort();
    let text: String = all.into_iter().map(|(_, line)| line).collect();
    s.print("trap", &text).await
}

pub(super) async fn getopts(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let [letters, name, rest @ ..] = args else {
        s.print_error("getopts: usage: getopts optstring name [arg ...]\n").await?;
        return Ok(2);
    };
    let args = if rest.is_empty() { s.positional.clone() } else { rest.to_vec() };
    let index = s.vars.scalar("OPTIND").and_then(|text| text.parse::<usize>().ok()).unwrap_or(1).max(1);
    if index != s.getopts.0 {
        s.getopts = (index, 0);
    }
    let (mut index, mut at) = s.getopts;
    let quiet = letters.starts_with(':');
    let arg = args.get(index - 1).cloned().unwrap_or_default();
    let chars: Vec<char> = arg.chars().collect();
    if at == 0 {
        if chars.first() != Some(&'-') || chars.len() < 2 || arg == "--" {
            if arg == "--" {
                index += 1;
            }
            s.getopts = (index, 0);
            s.assign("OPTIND", &index.to_string()).await?;
            s.assign(name, "?").await?;
            return Ok(1);
        }
        at = 1;
    }
    let letter = chars.get(at).copied().unwrap_or('?');
    at += 1;
    let place = letters.find(letter).filter(|_| letter != ':');
    let takes =
        place.is_some_and(|place| letters.get(place + letter.len_utf8()..).is_some_and(|rest| rest.starts_with(':')));
    let mut value = letter.to_string();
    let mut argument = None;
    if place.is_none() {
        value = "?".into();
        if quiet {
            argument = Some(letter.to_string());
        } else {
            let label = s.name0.clone();
            s.print_error(&format!("{label}: illegal option -- {letter}\n")).await?;
        }
    } else if takes {
        let rest: String = chars.get(at..).unwrap_or_default().iter().collect();
        if !rest.is_empty() {
            argument = Some(rest);
        } else if let Some(next) = args.get(index) {
            argument = Some(next.clone());
            index += 1;
        } else if quiet {
            value = ":".into();
            argument = Some(letter.to_string());
        } else {
            value = "?".into();
            let label = s.name0.clone();
            s.print_error(&format!("{label}: option requires an argument -- {letter}\n")).await?;
        }
        at = chars.len();
    }
    if at >= chars.len() {
        index += 1;
        at = 0;
    }
    s.getopts = (index, at);
    s.assign("OPTIND", &index.to_string()).await?;
    s.assign(name, &value).await?;
    match argument {
        Some(argument) => s.assign("OPTARG", &argument).await?,
        None => {
            let _ = s.vars.unset("OPTARG");
        }
    }
    Ok(0)
}
