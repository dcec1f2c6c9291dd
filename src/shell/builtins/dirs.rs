//! `cd`, `pwd`, `pushd`, `popd`, `dirs`.

use crate::shell::interp::{Dialect, Exec, Interp};
use crate::shell::kernel::Status;
use crate::shell::{program, text};
use crate::world::{Errno, FileKind, resolve};

pub(super) async fn cd(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let mut physical = false;
    let mut rest = args;
    while let Some((arg, after)) = rest.split_first().filter(|(arg, _)| arg.starts_with('-') && arg.len() > 1) {
        rest = after;
        match arg.as_str() {
            "--" => break,
            letters if letters.chars().skip(1).all(|c| "LPe@".contains(c)) => physical = letters.contains('P'),
            other => return s.bad_option("cd", other, "cd [-L|[-P [-e]] [-@]] [dir]").await,
        }
    }
    if rest.len() > 1 && s.dialect == Dialect::Bash {
        return s.fail("cd", "too many arguments").await;
    }
    let mut shows = false;
    let target = match rest.first().map(String::as_str) {
        None => match s.vars.scalar("HOME") {
            Some(home) => home.to_string(),
            None => return s.fail("cd", "HOME not set").await,
        },
        Some("-") => {
            shows = true;
            match s.vars.scalar("OLDPWD") {
                Some(old) => old.to_string(),
                None => return s.fail("cd", "OLDPWD not set").await,
            }
        }
        Some(target) => target.to_string(),
    };
    if target.is_empty() {
        return Ok(0);
    }
    let mut place = target.clone();
    if !target.starts_with(['/', '.']) {
        let search = s.vars.scalar("CDPATH").unwrap_or_default().to_string();
        for folder in search.split(':').filter(|folder| !folder.is_empty()) {
            let candidate = format!("{folder}/{target}");
            if go(s, &candidate, physical).is_ok() {
                place = text::decode(&s.cwd);
                shows = true;
                break;
            }
        }
    }
    if let Err(errno) = go(s, &place, physical) {
        let message = match s.dialect {
            Dialect::Dash => format!("can't cd to {target}"),
            Dialect::Ash => format!("can't cd to {target}: {}", errno.text()),
            Dialect::Bash => format!("{target}: {}", errno.text()),
        };
        s.complain(&format!("cd: {message}")).await?;
        return Ok(if s.dialect == Dialect::Bash { 1 } else { 2 });
    }
    if shows {
        let here = text::decode(&s.cwd) + "\n";
        return s.print("cd", &here).await;
    }
    Ok(0)
}

/// Goes there and says so in `PWD` and `OLDPWD`.
fn go(s: &mut Interp, target: &str, physical: bool) -> Result<(), Errno> {
    let host = std::sync::Arc::clone(&s.kernel().host);
    let whole = program::join(&s.cwd, target);
    if whole.len() >= 4096 {
        return Err(Errno::ENAMETOOLONG);
    }
    let logical = resolve(&s.cwd, &text::encode(target));
    // What is before a `..` must be there, although it is taken away again.
    let stat = host
        .stat(s.who(), &whole, true)
        .or_else(|error| if target.contains("..") { host.stat(s.who(), &logical, true) } else { Err(error) })?;
    if stat.kind != FileKind::Folder {
        return Err(Errno::ENOTDIR);
    }
    host.access(s.who(), &logical, 1)?;
    let place = if physical { host.real_path(s.who(), &logical)? } else { logical };
    s.change_folder(place);
    Ok(())
}

pub(super) async fn pwd(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let mut here = s.cwd.clone();
    for arg in args.iter().filter(|arg| arg.starts_with('-')) {
        match arg.as_str() {
            "-P" => here = s.kernel().host.real_path(s.who(), &here).unwrap_or(here),
            "-L" | "--" | "-" => {}
            other => return s.bad_option("pwd", other, "pwd [-LP]").await,
        }
    }
    let here = text::decode(&here) + "\n";
    s.print("pwd", &here).await
}

fn shown(s: &Interp, folder: &str) -> String {
    let home = s.vars.scalar("HOME").unwrap_or_default();
    match folder.strip_prefix(home) {
        Some(rest) if !home.is_empty() && (rest.is_empty() || rest.starts_with('/')) => format!("~{rest}"),
        _ => folder.to_string(),
    }
}

pub(super) async fn dirs(s: &mut Interp, args: &[String]) -> Exec<Status> {
    if args.first().is_some_and(|arg| arg == "-c") {
        s.folders.clear();
        return Ok(0);
    }
    let mut all = vec![text::decode(&s.cwd)];
    all.extend(s.folders.iter().cloned());
    let all: Vec<String> = all.iter().map(|folder| shown(s, folder)).collect();
    let lines = args.first().map(String::as_str);
    let text = match lines {
        Some("-p") => all.join("\n"),
        Some("-v") => {
            all.iter().enumerate().map(|(at, folder)| format!("{at:2}  {folder}")).collect::<Vec<_>>().join("\n")
        }
        _ => all.join(" "),
    };
    s.print("dirs", &(text + "\n")).await
}

pub(super) async fn pushd(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let here = text::decode(&s.cwd);
    let target = match args.first() {
        Some(target) => target.clone(),
        None => match s.folders.first() {
            Some(top) => {
                let top = top.clone();
                s.folders.remove(0);
                top
            }
            None => return s.fail("pushd", "no other directory").await,
        },
    };
    if let Err(errno) = go(s, &target, false) {
        return s.fail("pushd", &format!("{target}: {}", errno.text())).await;
    }
    if s.folders.len() < 1000 {
        s.folders.insert(0, here);
    }
    dirs(s, &[]).await
}

pub(super) async fn popd(s: &mut Interp, _args: &[String]) -> Exec<Status> {
    if s.folders.is_empty() {
        return s.fail("popd", "directory stack empty").await;
    }
    let target = s.folders.remove(0);
    if let Err(errno) = go(s, &target, false) {
        return s.fail("popd", &format!("{target}: {}", errno.text())).await;
    }
    dirs(s, &[]).await
}
