//! `declare`, `export`, `readonly`, `local`, `unset`, `let`.

use crate::shell::grammar::is_name;
use crate::shell::interp::{Dialect, Exec, Flow, Interp, quoted};
use crate::shell::kernel::Status;
use crate::shell::vars::{Value, Var};

/// `name`, and the value after `=` or `+=`.
fn split(arg: &str) -> (&str, Option<(&str, bool)>) {
    match arg.split_once('=') {
        Some((name, value)) => match name.strip_suffix('+') {
            Some(name) => (name, Some((value, true))),
            None => (name, Some((value, false))),
        },
        None => (arg, None),
    }
}

fn declaration(name: &str, var: &Var) -> String {
    let mut flags = String::new();
    for (on, flag) in [
        (matches!(var.value, Value::Array(_)), 'a'),
        (matches!(var.value, Value::Map(_)), 'A'),
        (var.integer, 'i'),
        (var.lower, 'l'),
        (var.reference, 'n'),
        (var.readonly, 'r'),
        (var.upper, 'u'),
        (var.exported, 'x'),
    ] {
        if on {
            flags.push(flag);
        }
    }
    if flags.is_empty() {
        flags.push('-');
    }
    match &var.value {
        Value::Unset => format!("declare -{flags} {name}\n"),
        Value::Scalar(text) => format!("declare -{flags} {name}={}\n", double(text)),
        Value::Array(all) => {
            let all: Vec<String> = all.iter().map(|(at, text)| format!("[{at}]={}", double(text))).collect();
            format!("declare -{flags} {name}=({})\n", all.join(" "))
        }
        Value::Map(all) => {
            let all: String = all.iter().map(|(key, text)| format!("[{key}]={} ", double(text))).collect();
            format!("declare -{flags} {name}=({all})\n")
        }
    }
}

fn double(text: &str) -> String {
    if text.chars().any(char::is_control) {
        return quoted(text);
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        if "\"\\$`".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out + "\""
}

pub(super) async fn declare(s: &mut Interp, args: &[String]) -> Exec<Status> {
    const USAGE: &str = "declare [-aAfFgilnrtux] [-p] [name[=value] ...]";
    let mut on = String::new();
    let mut off = String::new();
    let mut rest = args;
    while let Some((arg, after)) = rest.split_first() {
        let Some(sign) = arg.chars().next().filter(|sign| matches!(sign, '-' | '+') && arg.len() > 1) else { break };
        rest = after;
        if arg == "--" {
            break;
        }
        let letters: String = arg.chars().skip(1).collect();
        if let Some(bad) = letters.chars().find(|letter| !"aAfFgiIlnrtuxp".contains(*letter)) {
            return s.bad_option("declare", &format!("{sign}{bad}"), USAGE).await;
        }
        if sign == '-' { on.push_str(&letters) } else { off.push_str(&letters) }
    }
    if on.contains(['f', 'F']) {
        return functions(s, on.contains('F'), rest).await;
    }
    if rest.is_empty() {
        let prints = on.contains('p') || !on.is_empty();
        let wanted = |var: &Var| {
            on.chars().all(|flag| match flag {
                'x' => var.exported,
                'r' => var.readonly,
                'i' => var.integer,
                'a' => matches!(var.value, Value::Array(_)),
                'A' => matches!(var.value, Value::Map(_)),
                'n' => var.reference,
                _ => true,
            })
        };
        let text: String = if prints {
            s.vars
                .sorted()
                .into_iter()
                .filter(|(_, var)| wanted(var))
                .map(|(name, var)| declaration(name, var))
                .collect()
        } else {
            all_variables(s)
        };
        return s.print("declare", &text).await;
    }
    if on.contains('p') {
        let mut status = 0;
        for name in rest {
            let text = s.vars.get(name).map(|var| declaration(name, var));
            match text {
                Some(text) => status |= s.print("declare", &text).await?,
                None => status = s.fail("declare", &format!("{name}: not found")).await?,
            }
        }
        return Ok(status);
    }
    let local = s.vars.in_function() && !on.contains('g');
    let mut status = 0;
    for arg in rest {
        status |= one(s, "declare", arg, &on, &off, local).await?;
    }
    Ok(status)
}

async fn one(s: &mut Interp, builtin: &str, arg: &str, on: &str, off: &str, local: bool) -> Exec<Status> {
    let (name, value) = split(arg);
    let (base, index) = match name.split_once('[') {
        Some((base, index)) => (base, Some(index.trim_end_matches(']'))),
        None => (name, None),
    };
    if !is_name(base) {
        return s.fail(builtin, &format!("`{arg}': not a valid identifier")).await;
    }
    if local && s.vars.keep(base).is_none_or(|var| !var.readonly) {
        s.vars.make_local(base);
    }
    if s.vars.get(base).is_some_and(|var| var.readonly) && (value.is_some() || off.contains('r')) {
        return s.fail(builtin, &format!("{base}: readonly variable")).await;
    }
    let attributes = |var: &mut Var| {
        for (flags, state) in [(on, true), (off, false)] {
            for flag in flags.chars() {
                match flag {
                    'x' => var.exported = state,
                    'i' => var.integer = state,
                    'l' => var.lower = state,
                    'u' => var.upper = state,
                    'n' => var.reference = state,
                    'a' if state && !matches!(var.value, Value::Array(_)) => {
                        let first = var.value.scalar().map(|text| (0, text.to_string()));
                        var.value = Value::Array(first.into_iter().collect());
                    }
                    'A' if state && !matches!(var.value, Value::Map(_)) => var.value = Value::Map(Default::default()),
                    _ => {}
                }
            }
        }
    };
    if let Err(refused) = s.vars.change(base, attributes) {
        return s.refused(base, refused).await;
    }
    if let Some((value, append)) = value {
        let mut value = value.to_string();
        if append {
            value = s.vars.scalar(base).unwrap_or_default().to_string() + &value;
        }
        match index {
            Some(index) => {
                let key = s.key_of(base, index).await?;
                s.assign_element(base, &key, &value).await?;
            }
            None => s.assign(base, &value).await?,
        }
    }
    if on.contains('r') {
        let _ = s.vars.change(base, |var| var.readonly = true);
    }
    Ok(0)
}

async fn functions(s: &mut Interp, only_names: bool, names: &[String]) -> Exec<Status> {
    let mut status = 0;
    let mut text = String::new();
    if names.is_empty() {
        let mut all: Vec<_> = s.functions.iter().collect();
        all.sort_by_key(|(name, _)| *name);
        for (name, function) in all {
            if only_names {
                text.push_str(&format!("declare -f {name}\n"));
            } else {
                text.push_str(&crate::shell::interp::function_text(function));
            }
        }
    }
    for name in names {
        match s.functions.get(name) {
            Some(_) if only_names => text.push_str(&format!("{name}\n")),
            Some(function) => text.push_str(&crate::shell::interp::function_text(function)),
            None => status = 1,
        }
    }
    s.print("declare", &text).await?;
    Ok(status)
}

/// All variables as `set` shows them.
pub(super) fn all_variables(s: &Interp) -> String {
    let mut text = String::new();
    for (name, var) in s.vars.sorted() {
        match &var.value {
            Value::Unset => {}
            Value::Scalar(value) => {
                let plain = value.chars().all(|c| c.is_alphanumeric() || "_-+=./,:@%^~".contains(c));
                let shown = if s.dialect != Dialect::Bash || (!plain && !value.is_empty()) {
                    quoted(value)
                } else {
                    value.to_string()
                };
                text.push_str(&format!("{name}={shown}\n"));
            }
            Value::Array(all) => {
                let all: Vec<String> = all.iter().map(|(at, value)| format!("[{at}]={}", double(value))).collect();
                text.push_str(&format!("{name}=({})\n", all.join(" ")));
            }
            Value::Map(all) => {
                let all: String = all.iter().map(|(key, value)| format!("[{key}]={} ", double(value))).collect();
                text.push_str(&format!("{name}=({all})\n"));
            }
        }
    }
    text
}

async fn marking(s: &mut Interp, builtin: &str, flag: &str, args: &[String]) -> Exec<Status> {
    let mut rest = args;
    let mut off = "";
    let mut is_function = false;
    while let Some((arg, after)) = rest.split_first().filter(|(arg, _)| arg.starts_with('-') && arg.len() > 1) {
        rest = after;
        match arg.as_str() {
            "--" => break,
            "-n" if builtin == "export" => off = "x",
            "-f" => is_function = true,
            "-p" | "-a" | "-A" => {}
            other => {
                let usage = format!("{builtin} [-fn] [name[=value] ...] or {builtin} -p");
                return s.bad_option(builtin, other, &usage).await;
            }
        }
    }
    if is_function {
        return Ok(0);
    }
    if rest.is_empty() {
        let wanted = |var: &Var| if flag == "x" { var.exported } else { var.readonly };
        let text: String = s
            .vars
            .sorted()
            .into_iter()
            .filter(|(_, var)| wanted(var))
            .map(|(name, var)| match s.dialect {
                Dialect::Bash => declaration(name, var),
                _ => format!("{builtin} {name}={}\n", quoted(var.value.scalar().unwrap_or_default())),
            })
            .collect();
        return s.print(builtin, &text).await;
    }
    let mut status = 0;
    for arg in rest {
        let (name, _) = split(arg);
        if s.dialect != Dialect::Bash && !is_name(name) {
            s.complain(&format!("{builtin}: {name}: bad variable name")).await?;
            return Err(Flow::Exit(2));
        }
        status |= one(s, builtin, arg, if off.is_empty() { flag } else { "" }, off, false).await?;
    }
    Ok(status)
}

pub(super) async fn export(s: &mut Interp, args: &[String]) -> Exec<Status> {
    marking(s, "export", "x", args).await
}

pub(super) async fn readonly(s: &mut Interp, args: &[String]) -> Exec<Status> {
    marking(s, "readonly", "r", args).await
}

pub(super) async fn local(s: &mut Interp, args: &[String]) -> Exec<Status> {
    if !s.vars.in_function() {
        let message = if s.dialect == Dialect::Bash { "can only be used in a function" } else { "not in a function" };
        return s.fail("local", message).await;
    }
    let mut on = String::new();
    let mut status = 0;
    for arg in args {
        match arg.strip_prefix('-') {
            Some(letters) if !letters.is_empty() => on.push_str(letters),
            _ => status |= one(s, "local", arg, &on, "", true).await?,
        }
    }
    Ok(status)
}

pub(super) async fn unset(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let mut status = 0;
    let mut only = ' ';
    for arg in args {
        match arg.as_str() {
            "-f" | "-v" | "-n" => {
                only = arg.chars().nth(1).unwrap_or(' ');
                continue;
            }
            other if other.starts_with('-') && other.len() > 1 => {
                return s.bad_option("unset", other, "unset [-f] [-v] [-n] [name ...]").await;
            }
            _ => {}
        }
        if only == 'f' {
            s.functions.remove(arg);
            continue;
        }
        if let Some((name, index)) = arg.split_once('[') {
            let index = index.trim_end_matches(']').to_string();
            if index == "@" || index == "*" {
                let _ = s.vars.unset(name);
            } else {
                let key = s.key_of(name, &index).await?;
                s.vars.unset_element(name, &key);
            }
            continue;
        }
        if !is_name(arg) {
            status = s.fail("unset", &format!("`{arg}': not a valid identifier")).await?;
            continue;
        }
        let known = s.vars.get(arg).is_some();
        if s.vars.unset(arg).is_err() {
            status = s.fail("unset", &format!("{arg}: cannot unset: readonly variable")).await?;
        } else if !known && only == ' ' {
            s.functions.remove(arg);
        }
    }
    Ok(status)
}

pub(super) async fn let_(s: &mut Interp, args: &[String]) -> Exec<Status> {
    if args.is_empty() {
        return s.fail("let", "expression expected").await;
    }
    let mut value = 0;
    for arg in args {
        match crate::shell::arith::evaluate(arg, s) {
            Ok(result) => value = result,
            Err(error) => return s.fail("let", &error).await,
        }
    }
    Ok(i32::from(value == 0))
}
