//! Programs that run another: `sleep`, `timeout`, `nohup`, `nice`, `setsid`, `stdbuf`, `taskset`, `watch`, `chroot`, …

use std::sync::Arc;
use std::time::Duration;

use super::common::{decode, is_root, usage};
use super::screen;
use crate::shell::cmd::{Child, Cmd};
use crate::shell::commands::options;
use crate::shell::io::Open;
use crate::shell::kernel::Stop;
use crate::shell::program::{self, Refusal, Spec};
use crate::shell::signals;
use crate::world::{Errno, Open as How};

/// Programs that become others, one inside the other; above, it fails as execve(2) may.
const DEPTH: u32 = 40;

/// The process goes on as another program, found by PATH.
pub(super) async fn become_program(
    c: &mut Cmd,
    argv: &[String],
    change: impl FnOnce(&mut Spec),
) -> Result<Result<i32, Refusal>, Stop> {
    c.flush().await?;
    let mut spec = c.spec.child(argv.to_vec());
    change(&mut spec);
    if spec.depth > DEPTH {
        let errno = Errno::EAGAIN;
        return Ok(Err(Refusal { status: 126, text: errno.text().into(), errno, searched: false }));
    }
    let path = spec.env.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
    let name = argv.first().cloned().unwrap_or_default();
    let kernel = Arc::clone(&spec.kernel);
    let place = match program::find(&kernel, &spec.who, &spec.cwd, path.as_deref(), &name) {
        Ok(place) => place,
        Err(refusal) => return Ok(Err(refusal)),
    };
    match program::continue_as(spec, c.pid(), &place) {
        Ok(future) => future.await.map(Ok),
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// Seconds in `1.5m`; `None` when it is no time.
pub(super) fn seconds(text: &str) -> Option<f64> {
    if text == "infinity" || text == "inf" {
        return Some(f64::INFINITY);
    }
    let (number, factor) = match text.chars().last() {
        Some('s') => (text.strip_suffix('s')?, 1.0),
        Some('m') => (text.strip_suffix('m')?, 60.0),
        Some('h') => (text.strip_suffix('h')?, 3600.0),
        Some('d') => (text.strip_suffix('d')?, 86_400.0),
        _ => (text, 1.0),
    };
    let plain = number.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let value: f64 = number.parse().ok().filter(|_| plain)?;
    (value >= 0.0).then_some(value * factor)
}

fn duration(seconds: f64) -> Duration {
    // As good as for ever.
    Duration::from_secs_f64(seconds.min(3e8))
}

pub(super) async fn sleep(c: &mut Cmd) -> Result<i32, Stop> {
    if c.applet() {
        let words = c.args.clone();
        if words.is_empty() {
            return Ok(super::busybox_use(c, "sleep"));
        }
        let mut total = 0.0;
        for word in words {
            match seconds(&word) {
                Some(time) => total += time,
                None => {
                    c.complain(&format!("invalid number '{word}'"));
                    return Ok(1);
                }
            }
        }
        c.sleep(duration(total)).await?;
        return Ok(0);
    }
    let found = match options::take(c, "", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    if found.rest.is_empty() {
        return Ok(options::misuse(c, "missing operand", 1));
    }
    let mut total = 0.0;
    let mut wrong = false;
    for word in &found.rest {
        match seconds(word) {
            Some(time) => total += time,
            None => {
                let text = format!("invalid time interval {}", c.quote(word));
                c.complain(&text);
                wrong = true;
            }
        }
    }
    if wrong {
        return Ok(options::help(c, 1));
    }
    c.sleep(duration(total)).await?;
    Ok(0)
}

pub(super) async fn timeout(c: &mut Cmd) -> Result<i32, Stop> {
    let fail = if c.applet() { 1 } else { 125 };
    let found = match options::take(c, "+k,kill-after= s,signal= v,verbose foreground preserve-status", fail) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let (Some(limit), Some(name)) = (found.rest.first().cloned(), found.rest.get(1).cloned()) else {
        return Ok(if c.applet() { super::busybox_use(c, "timeout") } else { options::help(c, fail) });
    };
    let signal = match found.value("s") {
        None => 15,
        Some(name) => match signals::number(name) {
            Some(number) => number,
            None => {
                let text = format!("{}: invalid signal", c.quote(name));
                return Ok(options::misuse(c, &text, fail));
            }
        },
    };
    let kill_after = found.value("k").and_then(seconds);
    let Some(limit) = seconds(&limit) else {
        let text = format!("invalid time interval {}", c.quote(&limit));
        return Ok(options::misuse(c, &text, fail));
    };
    c.flush().await?;
    let spec = c.spec.child(found.rest.iter().skip(1).cloned().collect());
    let kernel = Arc::clone(c.kernel());
    let pid = match program::launch(spec) {
        Ok(pid) => pid,
        Err(refusal) => {
            let text = match c.applet() {
                true => format!("can't execute '{name}': {}", refusal.text),
                false => format!("failed to run command {}: {}", c.quote(&name), refusal.text),
            };
            c.complain(&text);
            return Ok(refusal.status);
        }
    };
    let ended = |time: f64| kernel.now() + duration(time);
    if limit == 0.0 {
        return kernel.wait(|| kernel.reap(pid)).await;
    }
    let until = ended(limit);
    if let Some(status) = kernel.before(until, kernel.wait(|| kernel.reap(pid))).await? {
        return status;
    }
    if found.has("v") {
        let text =
            format!("sending signal {} to command {}", signals::name(signal).unwrap_or_default(), c.quote(&name));
        c.complain(&text);
        c.flush().await?;
    }
    kernel.signal(pid, signal);
    let status = match kill_after {
        Some(more) => {
            let until = ended(more);
            match kernel.before(until, kernel.wait(|| kernel.reap(pid))).await? {
                Some(status) => status?,
                None => {
                    kernel.signal(pid, 9);
                    kernel.wait(|| kernel.reap(pid)).await?
                }
            }
        }
        None => kernel.wait(|| kernel.reap(pid)).await?,
    };
    Ok(if found.has("preserve-status") || status == 137 {
        status
    } else if c.applet() {
        143
    } else {
        124
    })
}

pub(super) async fn nohup(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "+", 125) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let Some(name) = found.rest.first().cloned() else {
        return Ok(if c.applet() {
            super::busybox_use(c, "nohup")
        } else {
            options::misuse(c, "missing operand", 125)
        });
    };
    let (input, output, errors) = (c.is_tty(0), c.is_tty(1), c.is_tty(2));
    let mut place = String::from("nohup.out");
    let mut opened = None;
    if output {
        let how = How { write: true, append: true, create: Some(0o600), ..How::default() };
        for folder in ["".to_string(), format!("{}/", c.env("HOME").unwrap_or("/root"))] {
            place = format!("{folder}nohup.out");
            if let Ok(file) = c.host().open(c.who(), &c.path(&place), how) {
                opened = Some(Open::file(file, false, true, true));
                break;
            }
        }
        if opened.is_none() {
            let text = format!("failed to open {}: Permission denied", c.shell_quote("nohup.out"));
            c.complain(&text);
            return Ok(125);
        }
        c.note_written(&place);
    }
    let text = match (input, output, errors) {
        (true, false, false) => Some("ignoring input".to_string()),
        (true, true, _) => Some(format!("ignoring input and appending output to {}", c.shell_quote(&place))),
        (false, true, _) => Some(format!("appending output to {}", c.shell_quote(&place))),
        (true, false, true) => Some("ignoring input and redirecting stderr to stdout".to_string()),
        (false, false, true) => Some("redirecting stderr to stdout".to_string()),
        _ => None,
    };
    if let Some(text) = text {
        c.complain(&text);
    }
    let null = c.host().open(c.who(), b"/dev/null", How { write: true, ..How::default() });
    let result = become_program(c, &found.rest, |spec| {
        if let (true, Ok(file)) = (input, null) {
            // Not readable, so that reading is an error.
            spec.fds.insert(0, Open::file(file, false, true, false));
        }
        if let Some(open) = opened {
            spec.fds.insert(1, open);
        }
        if errors && let Some(open) = spec.fds.get(&1).cloned() {
            spec.fds.insert(2, open);
        }
    });
    match result.await? {
        Ok(status) => Ok(status),
        Err(refusal) => {
            let text = match c.applet() {
                true => format!("can't execute '{name}': {}", refusal.text),
                false => format!("failed to run command {}: {}", c.shell_quote(&name), refusal.text),
            };
            c.complain(&text);
            Ok(refusal.status)
        }
    }
}

/// Becomes the command; says in the program's way when that does not work.
async fn go_on(c: &mut Cmd, argv: &[String], failure: impl FnOnce(&Cmd, &str) -> String) -> Result<i32, Stop> {
    match become_program(c, argv, |_| {}).await? {
        Ok(status) => Ok(status),
        Err(refusal) => {
            let text = match c.applet() {
                true => format!("can't execute '{}': {}", argv.first().map_or("", String::as_str), refusal.text),
                false => failure(c, &refusal.text),
            };
            c.complain(&text);
            Ok(refusal.status)
        }
    }
}

pub(super) async fn nice(c: &mut Cmd) -> Result<i32, Stop> {
    // `nice -5 cmd` and `nice --5 cmd` are old forms of -n.
    let args: Vec<String> = match c.args.split_first() {
        Some((first, rest)) if first.len() > 1 && first.strip_prefix('-').is_some_and(|n| n.parse::<i32>().is_ok()) => {
            let number = first.get(1..).unwrap_or_default().to_string();
            ["-n".to_string(), number].into_iter().chain(rest.iter().cloned()).collect()
        }
        _ => c.args.clone(),
    };
    let found = match options::parse("+n,adjustment=", &args) {
        Ok(found) => found,
        Err(error) => return Ok(options::misuse(c, &error, 125)),
    };
    let pid = c.pid();
    let now = c.host().process(pid).map_or(0, |process| process.nice);
    let adjustment = match found.value("n").map(|text| (text, text.parse::<i32>())) {
        None => 10,
        Some((_, Ok(number))) => number,
        Some((text, Err(_))) => {
            let text = format!("invalid adjustment {}", c.quote(text));
            c.complain(&text);
            return Ok(125);
        }
    };
    if found.rest.is_empty() {
        if found.has("n") {
            return Ok(options::misuse(c, "a command must be given with an adjustment", 125));
        }
        c.out(&format!("{now}\n"));
        return Ok(0);
    }
    if adjustment < 0 && !is_root(c) {
        c.complain("cannot set niceness: Permission denied");
    } else {
        let nice = (now + adjustment).clamp(-20, 19);
        c.host().change_process(pid, |process| process.nice = nice);
    }
    let name = found.rest.first().cloned().unwrap_or_default();
    go_on(c, &found.rest, |c, why| format!("{}: {why}", c.quote(&name))).await
}

pub(super) fn renice(c: &mut Cmd) -> i32 {
    let mut words = c.args.clone().into_iter().peekable();
    let mut relative = false;
    let mut number = None;
    let mut kind = "process ID";
    let mut status = 0;
    let mut seen = false;
    while let Some(word) = words.next() {
        match word.as_str() {
            "-n" | "--priority" => number = words.next(),
            "--relative" => relative = true,
            "-p" | "--pid" => kind = "process ID",
            "-g" | "--pgrp" => kind = "process group ID",
            "-u" | "--user" => kind = "user ID",
            _ if number.is_none() => number = Some(word),
            _ => {
                let text = number.clone().unwrap_or_default();
                let Ok(value) = text.parse::<i32>() else {
                    return options::misuse(c, &format!("invalid priority '{text}'"), 1);
                };
                seen = true;
                let id = match kind {
                    "user ID" => super::common::user_id(c.host(), &word),
                    _ => word.parse::<u32>().ok(),
                };
                let Some(id) = id else {
                    c.complain(&if kind == "user ID" {
                        format!("unknown user {word}")
                    } else {
                        format!("bad {kind} value: {word}")
                    });
                    status = 1;
                    continue;
                };
                let hits: Vec<(u32, i32, u32)> = c
                    .host()
                    .processes()
                    .iter()
                    .filter(|p| match kind {
                        "process ID" => p.pid == id,
                        "user ID" => p.uid == id,
                        _ => p.group == id,
                    })
                    .map(|p| (p.pid, p.nice, p.uid))
                    .collect();
                let Some((_, old, uid)) = hits.first().copied() else {
                    c.complain(&format!("failed to get priority for {id} ({kind}): No such process"));
                    status = 1;
                    continue;
                };
                let new = (if relative { old + value } else { value }).clamp(-20, 19);
                if !is_root(c) && (uid != c.who().uid || new < old) {
                    let why = if uid == c.who().uid { "Permission denied" } else { "Operation not permitted" };
                    c.complain(&format!("failed to set priority for {id} ({kind}): {why}"));
                    status = 1;
                    continue;
                }
                for (pid, ..) in &hits {
                    c.host().change_process(*pid, |process| process.nice = new);
                }
                c.out(&format!("{id} ({kind}) old priority {old}, new priority {new}\n"));
            }
        }
    }
    if !seen && status == 0 {
        return options::misuse(c, "not enough arguments", 1);
    }
    status
}

pub(super) async fn setsid(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "+c,ctty f,fork w,wait", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let Some(name) = found.rest.first().cloned() else {
        return Ok(if c.applet() {
            super::busybox_use(c, "setsid")
        } else {
            options::misuse(c, "no command specified", 1)
        });
    };
    let pid = c.pid();
    if found.has("f") {
        c.flush().await?;
        let mut spec = c.spec.child(found.rest.clone());
        spec.group = 0;
        spec.tty = None;
        return Ok(match program::launch(spec) {
            Ok(_) => 0,
            Err(refusal) => {
                c.complain(&format!("failed to execute {name}: {}", refusal.text));
                refusal.status
            }
        });
    }
    c.host().change_process(pid, |process| {
        process.session = pid;
        process.group = pid;
        process.tty = None;
    });
    go_on(c, &found.rest, |_, why| format!("failed to execute {name}: {why}")).await
}

pub(super) async fn stdbuf(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "+i,input= o,output= e,error=", 125) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let Some(name) = found.rest.first().cloned() else { return Ok(options::misuse(c, "missing operand", 125)) };
    for (key, value) in &found.list {
        let value = value.clone().unwrap_or_default();
        let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        if value != "L" && number.parse::<u64>().is_err() {
            let text = format!("invalid mode {}", c.quote(&value));
            return Ok(options::misuse(c, &text, 125));
        }
        if value == "L" && *key == "i" {
            return Ok(options::misuse(c, "line buffering stdin is meaningless", 125));
        }
    }
    if found.list.is_empty() {
        return Ok(options::misuse(c, "you must specify a buffering mode option", 125));
    }
    go_on(c, &found.rest, |c, why| format!("failed to run command {}: {why}", c.quote(&name))).await
}

pub(super) async fn taskset(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "+a,all-tasks p,pid c,cpu-list", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let cpus = c.host().persona().cpus;
    let list = found.has("c");
    if found.has("p") {
        let (Some(pid), set) = (found.rest.last().and_then(|word| word.parse::<u32>().ok()), found.rest.len() > 1)
        else {
            let text =
                found.rest.last().map_or("bad usage".to_string(), |word| format!("invalid PID argument: '{word}'"));
            return Ok(if found.rest.is_empty() {
                options::misuse(c, "bad usage", 1)
            } else {
                c.complain(&text);
                1
            });
        };
        if c.host().process(pid).is_none() {
            c.complain(&format!("failed to get pid {pid}'s affinity: No such process"));
            return Ok(1);
        }
        let (what, all) = match list {
            true => ("list", if cpus > 1 { format!("0-{}", cpus - 1).replace("0-1", "0,1") } else { "0".into() }),
            false => ("mask", format!("{:x}", (1_u64 << cpus.min(63)) - 1)),
        };
        c.out(&format!("pid {pid}'s current affinity {what}: {all}\n"));
        if set {
            let new = found.rest.first().cloned().unwrap_or_default();
            c.out(&format!("pid {pid}'s new affinity {what}: {}\n", new.trim_start_matches("0x")));
        }
        return Ok(0);
    }
    let Some((mask, command)) = found.rest.split_first() else { return Ok(options::misuse(c, "bad usage", 1)) };
    let good = match list {
        true => mask.split(',').all(|part| part.split(['-', ':']).all(|n| n.parse::<u32>().is_ok())),
        false => u128::from_str_radix(mask.trim_start_matches("0x"), 16).is_ok(),
    };
    if !good {
        let kind = if list { "list" } else { "mask" };
        c.complain(&format!("failed to parse CPU {kind}: {mask}"));
        return Ok(1);
    }
    let Some(name) = command.first().cloned() else { return Ok(options::misuse(c, "bad usage", 1)) };
    go_on(c, command, |_, why| format!("failed to execute {name}: {why}")).await
}

pub(super) async fn ionice(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "+c,class= n,classdata= p,pid= P,pgid= t,ignore u,uid=", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let Some(name) = found.rest.first().cloned() else {
        if found.list.is_empty() || (found.has("p") && !found.has("c")) {
            c.out("none: prio 4\n");
        }
        return Ok(0);
    };
    go_on(c, &found.rest, |_, why| format!("failed to execute {name}: {why}")).await
}

/// Wrappers without effect here: `chrt`, `setarch`, `linux32`, `unbuffer`, `setpriv`, `eatmydata`.
pub(super) async fn passing(c: &mut Cmd) -> Result<i32, Stop> {
    let mut rest: Vec<String> = c.args.iter().skip_while(|arg| arg.starts_with('-')).cloned().collect();
    let base = c.base().to_string();
    if matches!(base.as_str(), "chrt" | "setarch") && !rest.is_empty() {
        rest.remove(0);
    }
    let Some(name) = rest.first().cloned() else {
        return Ok(options::misuse(
            c,
            if base == "setarch" { "no architecture argument or personality flag specified" } else { "bad usage" },
            1,
        ));
    };
    go_on(c, &rest, |_, why| format!("failed to execute {name}: {why}")).await
}

/// busybox's `time`.
pub(super) async fn time(c: &mut Cmd) -> Result<i32, Stop> {
    let rest: Vec<String> = c.args.iter().skip_while(|arg| arg.starts_with('-')).cloned().collect();
    if rest.is_empty() {
        return Ok(super::busybox_use(c, "time"));
    }
    let began = c.kernel().now();
    let status = c.exec(&rest).await?;
    if !c.exec_error().is_empty() {
        let text = format!("can't execute '{}': {}", rest.first().map_or("", String::as_str), c.exec_error());
        c.complain(&text);
    }
    let took = c.kernel().now().saturating_duration_since(began).as_secs_f64();
    let minutes = (took / 60.0).floor();
    c.err(&format!("real\t{minutes:.0}m {:.2}s\nuser\t0m 0.00s\nsys\t0m 0.00s\n", took - minutes * 60.0));
    Ok(status)
}

pub(super) async fn watch(c: &mut Cmd) -> Result<i32, Stop> {
    const TABLE: &str = "+b,beep c,color d,differences? e,errexit g,chgexit n,interval= p,precise q,equexit= t,no-title \
                         w,no-wrap x,exec h,help v,version";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(error) => return Ok(super::common::misuse_with_usage(c, &error, "watch", 1)),
    };
    if found.rest.is_empty() {
        return Ok(if c.applet() { super::busybox_use(c, "watch") } else { usage(c, "watch", 1) });
    }
    let every = match found.value("n").map(|text| (text, text.replace(',', ".").parse::<f64>())) {
        None => 2.0,
        Some((_, Ok(time))) if time >= 0.0 => time.clamp(0.1, 1e6),
        Some((text, _)) => {
            let text = format!("failed to parse argument: '{text}'");
            c.complain(&text);
            return Ok(1);
        }
    };
    if c.env("TERM").is_none_or(str::is_empty) {
        c.err("Error opening terminal: unknown.\n");
        return Ok(1);
    }
    let line = found.rest.join(" ");
    let mut screen = screen::Screen::open(c).await?;
    loop {
        let (rows, columns) = screen.size(c);
        let argv = match found.has("x") {
            true => found.rest.clone(),
            false => vec!["sh".into(), "-c".into(), line.clone()],
        };
        let how = Child { capture: true, stdin: Some(Vec::new()), ..Child::default() };
        let status = c.exec_with(&argv, how).await?;
        let shown = decode(&c.captured());
        let mut text = String::from("\x1b[H\x1b[2J");
        let mut room = rows;
        if !found.has("t") {
            let title = format!("Every {every:.1}s: {line}");
            let right = format!("{}: {}", c.host().hostname(), super::common::time(c.now(), "%a %b %e %H:%M:%S %Y"));
            let gap = columns.saturating_sub(title.chars().count() + right.chars().count());
            text.push_str(&format!("{title}{}{right}\r\n\r\n", " ".repeat(gap)));
            room = rows.saturating_sub(2);
        }
        let lines: Vec<String> = shown.lines().take(room).map(|line| line.chars().take(columns).collect()).collect();
        text.push_str(&lines.join("\r\n"));
        screen.print(c, &text).await?;
        if status != 0 && found.has("e") {
            break;
        }
        if matches!(screen.key_within(c, Duration::from_secs_f64(every)).await?, Some(b'q' | 3)) {
            break;
        }
    }
    screen.print(c, "\x1b[H\x1b[J").await?;
    screen.close(c);
    Ok(0)
}

pub(super) fn strace(c: &mut Cmd) -> i32 {
    let found = match options::parse(
        "+p,attach= o,output= e= s= f t c q v x y i k r T w d D C S= u,user= E= P= a= I= O= b= h V",
        &c.args,
    ) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            c.err("Try 'strace -h' for more information.\n");
            return 1;
        }
    };
    if found.has("V") {
        c.out("strace -- version 5.5\nCopyright (c) 1991-2020 The strace developers <https://strace.io>.\n");
        return 0;
    }
    if let Some(pid) = found.value("p") {
        let text = match pid.parse::<u32>() {
            Err(_) => format!("Invalid process id: '{pid}'"),
            Ok(pid) if c.host().process(pid).is_none() => {
                format!("attach: ptrace(PTRACE_SEIZE, {pid}): No such process")
            }
            Ok(pid) => format!("attach: ptrace(PTRACE_SEIZE, {pid}): Operation not permitted"),
        };
        c.complain(&text);
        return 1;
    }
    let Some(name) = found.rest.first() else {
        c.complain("must have PROG [ARGS] or -p PID");
        c.err("Try 'strace -h' for more information.\n");
        return 1;
    };
    let path = c.env("PATH").map(str::to_string);
    let known = program::find(c.kernel(), c.who(), c.cwd(), path.as_deref(), name).is_ok();
    if !known {
        c.complain(&format!("Can't stat '{name}': No such file or directory"));
        return 1;
    }
    c.err("strace: test_ptrace_get_syscall_info: PTRACE_TRACEME: Operation not permitted\n");
    c.err("strace: ptrace(PTRACE_TRACEME, ...): Operation not permitted\n");
    c.err("strace: PTRACE_SETOPTIONS: Operation not permitted\n");
    1
}

pub(super) async fn chroot(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "+groups= userspec= skip-chdir", 125) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let Some(root) = found.rest.first().cloned() else {
        return Ok(if c.applet() {
            super::busybox_use(c, "chroot")
        } else {
            options::misuse(c, "missing operand", 125)
        });
    };
    let stat = c.stat(&root);
    let refused = match stat {
        Err(errno) => Some(errno),
        Ok(stat) if !stat.is_folder() => Some(Errno::ENOTDIR),
        Ok(_) if !is_root(c) => Some(Errno::EPERM),
        Ok(_) => None,
    };
    if let Some(errno) = refused {
        let text = match c.applet() {
            true => format!("can't change root directory to '{root}': {}", errno.text()),
            false => format!("cannot change root directory to {}: {}", c.quote(&root), errno.text()),
        };
        c.complain(&text);
        return Ok(if c.applet() { 1 } else { 125 });
    }
    let mut command: Vec<String> = found.rest.iter().skip(1).cloned().collect();
    if command.is_empty() {
        command = vec![c.env("SHELL").filter(|shell| !shell.is_empty()).unwrap_or("/bin/sh").to_string(), "-i".into()];
    }
    let place = crate::world::resolve(c.cwd(), &crate::shell::text::encode(&root));
    let name = command.first().cloned().unwrap_or_default();
    // Another root has its own programs; only the host's own root has ours.
    if place != b"/" {
        let text = format!("failed to run command {}: No such file or directory", c.quote(&name));
        c.complain(&text);
        return Ok(127);
    }
    go_on(c, &command, |c, why| format!("failed to run command {}: {why}", c.quote(&name))).await
}
