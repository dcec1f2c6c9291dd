//! `shutdown`, `reboot`, `poweroff`, `halt`, `init`, `telinit`: what they print; the connection ends later.

use std::time::Duration;

use super::common::{is_root, time};
use crate::base::clock::Timestamp;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::kernel::Stop;

/// Ends the host as far as this session sees it: its shell is hung up.
pub(super) async fn end(c: &mut Cmd, verb: &str) -> Result<i32, Stop> {
    if !is_root(c) {
        let what = match verb {
            "reboot" => "reboot",
            "halt" => "halt",
            _ => "power off",
        };
        c.err(&format!(
            "Failed to set wall message, ignoring: Interactive authentication required.\nFailed to {what} system via logind: \
             Interactive authentication required.\nFailed to open initctl fifo: Permission denied\nFailed to talk to init daemon.\n"
        ));
        return Ok(1);
    }
    if matches!(verb, "suspend" | "hibernate") {
        c.err(&format!("Failed to {verb} system via logind: Sleep verb \"{verb}\" not supported\n"));
        return Ok(1);
    }
    c.flush().await?;
    // Sessions are closed a moment later.
    c.sleep(Duration::from_millis(900)).await?;
    let tty = c.spec.tty;
    let own = c.pid();
    let shells: Vec<u32> = c
        .host()
        .processes()
        .iter()
        .filter(|process| process.pid != own && tty.is_some() && process.tty == tty)
        .map(|process| process.pid)
        .collect();
    for pid in shells {
        let _ = c.host().signal(c.who(), pid, 1);
        c.kernel().signal(pid, 1);
    }
    Ok(0)
}

pub(super) async fn reboot(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "halt p,poweroff reboot f,force w,wtmp-only d,no-wtmp n,no-sync no-wall help i h";
    let found = match options::parse(table, &c.args) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            return Ok(1);
        }
    };
    if found.has("w") {
        return Ok(0);
    }
    let verb = match (c.base(), found.last(&["halt", "p", "reboot"])) {
        (_, Some("halt")) => "halt",
        (_, Some("p")) => "poweroff",
        (_, Some(_)) => "reboot",
        ("halt", _) => "halt",
        ("reboot", _) => "reboot",
        _ => "poweroff",
    };
    end(c, verb).await
}

pub(super) async fn shutdown(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::parse("help H,halt P,poweroff r,reboot h k no-wall c f F t= n", &c.args) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            return Ok(1);
        }
    };
    if found.has("c") {
        return Ok(0);
    }
    if !is_root(c) {
        return end(c, "poweroff").await;
    }
    let verb = match found.last(&["H", "P", "r", "h"]) {
        Some("r") => "reboot",
        Some("H") => "halt",
        _ => "poweroff",
    };
    let when = found.rest.first().map_or("+1", String::as_str);
    let minutes = match when.strip_prefix('+').unwrap_or(when) {
        "now" => 0,
        word if word.contains(':') => 60,
        word => match word.parse::<i64>() {
            Ok(minutes) if (0..1_000_000).contains(&minutes) => minutes,
            _ => {
                c.err(&format!("Failed to parse time specification: {when}\n"));
                return Ok(1);
            }
        },
    };
    if minutes == 0 {
        return end(c, verb).await;
    }
    let at = Timestamp::from_second(c.now().as_second() + minutes * 60).unwrap_or_default();
    let what = match verb {
        "reboot" => "Reboot",
        _ => "Shutdown",
    };
    c.err(&format!("{what} scheduled for {} UTC, use 'shutdown -c' to cancel.\n", time(at, "%a %Y-%m-%d %H:%M:%S")));
    Ok(0)
}

pub(super) async fn init(c: &mut Cmd) -> Result<i32, Stop> {
    match c.args.first().map(String::as_str) {
        Some("0") => end(c, "poweroff").await,
        Some("6") => end(c, "reboot").await,
        Some("1" | "2" | "3" | "4" | "5" | "q" | "Q" | "s" | "S" | "u" | "U") => Ok(0),
        Some(other) => {
            let name = c.base().to_string();
            c.err(&format!("{name}: Unknown argument '{other}'.\n"));
            Ok(1)
        }
        None => {
            let name = c.base().to_string();
            c.err(&format!("{name}: required argument missing.\n"));
            Ok(1)
        }
    }
}
