//! Job control: `jobs`, `fg`, `bg`, `wait`, `kill`, `disown`.

use std::sync::Arc;

use crate::shell::interp::{Dialect, Exec, Interp, Job, State};
use crate::shell::kernel::Status;
use crate::shell::signals;

pub(super) async fn jobs(s: &mut Interp, args: &[String]) -> Exec<Status> {
    s.look_after_jobs();
    let flags: String = args.iter().filter(|arg| arg.starts_with('-')).flat_map(|arg| arg.chars().skip(1)).collect();
    if let Some(bad) = flags.chars().find(|flag| !"lnprsx".contains(*flag)) {
        return s.bad_option("jobs", &format!("-{bad}"), "jobs [-lnprs] [jobspec ...] or jobs -x command [args]").await;
    }
    let mut text = String::new();
    let mut done = Vec::new();
    for job in s.jobs.all() {
        if (flags.contains('r') && job.state != State::Running) || (flags.contains('s') && job.state != State::Stopped)
        {
            continue;
        }
        if flags.contains('p') {
            text.push_str(&format!("{}\n", job.pid));
        } else {
            text.push_str(&s.jobs.line(job, flags.contains('l')));
        }
        if matches!(job.state, State::Done(_)) {
            done.push(job.number);
        }
    }
    for number in done {
        s.jobs.remove(number);
    }
    s.print("jobs", &text).await
}

async fn chosen(s: &mut Interp, builtin: &str, args: &[String]) -> Exec<Option<Job>> {
    s.look_after_jobs();
    let name = args.first().cloned();
    let found = match &name {
        None => s.jobs.current().cloned(),
        Some(name) if name.starts_with('%') => s.jobs.find(name).cloned(),
        Some(name) => s.jobs.find(&format!("%{name}")).cloned(),
    };
    if found.is_none() {
        let name = name.unwrap_or_else(|| "current".into());
        let message = match s.dialect {
            Dialect::Bash => format!("{name}: no such job"),
            Dialect::Dash => "No current job".to_string(),
            Dialect::Ash => format!("{name}: no such job"),
        };
        s.fail(builtin, &message).await?;
    }
    Ok(found)
}

pub(super) async fn fg(s: &mut Interp, args: &[String]) -> Exec<Status> {
    if !s.options.monitor {
        return s.fail("fg", "no job control").await;
    }
    let Some(job) = chosen(s, "fg", args).await? else { return Ok(1) };
    s.print("fg", &format!("{}\n", job.text)).await?;
    for pid in &job.pids {
        s.kernel().signal(*pid, 18);
    }
    s.jobs.remove(job.number);
    s.wait_in_foreground(&job).await
}

pub(super) async fn bg(s: &mut Interp, args: &[String]) -> Exec<Status> {
    if !s.options.monitor {
        return s.fail("bg", "no job control").await;
    }
    let Some(job) = chosen(s, "bg", args).await? else { return Ok(1) };
    if job.state != State::Stopped {
        s.complain(&format!("bg: job {} already in background", job.number)).await?;
        return Ok(0);
    }
    for pid in &job.pids {
        s.kernel().signal(*pid, 18);
    }
    s.jobs.set(job.number, State::Running);
    s.print("bg", &format!("[{}]+ {} &\n", job.number, job.text)).await
}

pub(super) async fn disown(s: &mut Interp, args: &[String]) -> Exec<Status> {
    if args.iter().any(|arg| arg == "-a") {
        let all: Vec<u32> = s.jobs.all().iter().map(|job| job.number).collect();
        for number in all {
            s.jobs.remove(number);
        }
        return Ok(0);
    }
    let args: Vec<String> = args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    let Some(job) = chosen(s, "disown", &args).await? else { return Ok(1) };
    s.jobs.remove(job.number);
    Ok(0)
}

pub(super) async fn suspend(s: &mut Interp, _args: &[String]) -> Exec<Status> {
    let message = if s.login { "cannot suspend a login shell" } else { "cannot suspend" };
    s.fail("suspend", message).await
}

pub(super) async fn wait(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let names: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let any = args.iter().any(|arg| arg == "-n");
    s.look_after_jobs();
    let kernel = Arc::clone(s.kernel());
    if names.is_empty() {
        forget_done(s);
        let running: Vec<(u32, u32)> =
            s.jobs.all().iter().filter(|job| job.state == State::Running).map(|job| (job.number, job.pid)).collect();
        let mut last = 0;
        for (number, pid) in running {
            let status = kernel.wait(|| kernel.reap(pid)).await?;
            s.jobs.set(number, State::Done(status));
            last = status;
            if any {
                break;
            }
        }
        if !s.is_interactive() {
            forget_done(s);
        }
        return Ok(if any { last } else { 0 });
    }
    let mut status = 0;
    for name in names {
        let job = if name.starts_with('%') {
            s.jobs.find(name).cloned()
        } else {
            let pid = name.parse::<u32>().ok();
            if pid.is_none() {
                let message = format!("`{name}': not a pid or valid job spec");
                s.fail("wait", &message).await?;
                status = 1;
                continue;
            }
            s.jobs.all().iter().find(|job| Some(job.pid) == pid).cloned()
        };
        status = match job {
            Some(Job { state: State::Done(status), number, .. }) => {
                s.jobs.remove(number);
                status
            }
            Some(job) => {
                let status = kernel.wait(|| kernel.reap(job.pid)).await?;
                s.jobs.set(job.number, State::Done(status));
                if !s.is_interactive() {
                    s.jobs.remove(job.number);
                }
                status
            }
            None if name.starts_with('%') => {
                s.fail("wait", &format!("{name}: no such job")).await?;
                127
            }
            None => match name.parse().ok().and_then(|pid| s.jobs.ended(pid)) {
                Some(status) => status,
                None => {
                    s.fail("wait", &format!("pid {name} is not a child of this shell")).await?;
                    127
                }
            },
        };
    }
    Ok(status)
}

fn forget_done(s: &mut Interp) {
    let done: Vec<u32> =
        s.jobs.all().iter().filter(|job| matches!(job.state, State::Done(_))).map(|job| job.number).collect();
    for number in done {
        s.jobs.remove(number);
    }
}

pub(super) async fn kill(s: &mut Interp, args: &[String]) -> Exec<Status> {
    const USAGE: &str = "kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]";
    let mut signal = 15;
    let mut rest = args;
    if let Some((first, after)) = args.split_first() {
        match first.as_str() {
            "-l" | "-L" => return list(s, after).await,
            "-s" | "-n" => {
                let name = after.first().cloned().unwrap_or_default();
                let Some(number) = signals::number(&name) else { return bad_signal(s, &name).await };
                signal = number;
                rest = after.get(1..).unwrap_or_default();
            }
            "--" => rest = after,
            option if option.starts_with('-') && option.len() > 1 => {
                let name = option.get(1..).unwrap_or_default();
                let Some(number) = signals::number(name) else { return bad_signal(s, name).await };
                signal = number;
                rest = after;
            }
            _ => {}
        }
    }
    if rest.first().is_some_and(|arg| arg == "--") {
        rest = rest.get(1..).unwrap_or_default();
    }
    if rest.is_empty() {
        match s.dialect {
            Dialect::Bash => s.print_error(&format!("kill: usage: {USAGE}\n")).await?,
            _ => {
                s.complain(
                    "kill: Usage: kill [-s sigspec | -signum | -sigspec] [pid | job]... or\nkill -l [exitstatus]",
                )
                .await?
            }
        }
        return Ok(2);
    }
    let mut status = 0;
    for target in rest {
        if target.starts_with('%') {
            s.look_after_jobs();
            match s.jobs.find(target).cloned() {
                Some(job) => {
                    for pid in &job.pids {
                        s.deliver(*pid, signal);
                    }
                    if job.state == State::Stopped && s.dialect == Dialect::Bash {
                        s.jobs.tell_again(job.number);
                    }
                }
                None => status = s.fail("kill", &format!("{target}: no such job")).await?,
            }
            continue;
        }
        let Ok(pid) = target.parse::<i64>() else {
            let message = match s.dialect {
                Dialect::Bash => format!("{target}: arguments must be process or job IDs"),
                Dialect::Dash => format!("Illegal number: {target}"),
                Dialect::Ash => format!("invalid number '{target}'"),
            };
            status = s.fail("kill", &message).await?;
            continue;
        };
        let number = u32::try_from(pid.unsigned_abs()).unwrap_or(u32::MAX);
        if let Err(errno) = s.send_signal(number, signal) {
            let message = match s.dialect {
                Dialect::Bash => format!("({pid}) - {}", errno.text()),
                Dialect::Dash => errno.text().to_string(),
                Dialect::Ash => format!("can't kill pid {pid}: {}", errno.text()),
            };
            status = s.fail("kill", &message).await?;
        }
    }
    s.kernel().checkpoint().await?;
    s.after_signals().await?;
    Ok(status)
}

async fn bad_signal(s: &mut Interp, name: &str) -> Exec<Status> {
    let message = match s.dialect {
        Dialect::Bash => format!("{name}: invalid signal specification"),
        Dialect::Dash => format!("Illegal option -{name}"),
        Dialect::Ash => format!("bad signal name '{name}'"),
    };
    s.fail("kill", &message).await
}

async fn list(s: &mut Interp, args: &[String]) -> Exec<Status> {
    if args.is_empty() {
        let table = if s.dialect == Dialect::Bash {
            signals::table()
        } else {
            (1..=64).filter_map(signals::name).map(|name| name + "\n").collect()
        };
        return s.print("kill", &table).await;
    }
    let mut status = 0;
    let mut text = String::new();
    for arg in args {
        let shown = match arg.parse::<i32>() {
            Ok(number) => signals::name(if number > 128 { number - 128 } else { number }),
            Err(_) => signals::number(arg).map(|number| number.to_string()),
        };
        match shown {
            Some(shown) => text.push_str(&(shown + "\n")),
            None => {
                status = s.fail("kill", &format!("{arg}: invalid signal specification")).await?;
            }
        }
    }
    s.print("kill", &text).await?;
    Ok(status)
}
