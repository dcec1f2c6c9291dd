//! busybox as a program: the banner, the list of applets, and running one of them.

use std::sync::Arc;

use super::recorded;
use crate::shell::cmd::Cmd;
use crate::shell::commands::help;
use crate::shell::interp;
use crate::shell::kernel::{Status, Stop};
use crate::shell::program::Spec;
use crate::world::Host;

/// The first lines of everything that busybox says about its use.
pub(super) fn version(host: &Host) -> String {
    let text = help::find(host, "busybox").map_or("", |found| found.bytes);
    format!("{}\n\n", text.lines().next().unwrap_or_default())
}

/// Whether busybox was built with the applet.
pub(in crate::shell) fn is_applet(host: &Host, name: &str) -> bool {
    recorded::text(host, "busybox", "--list").lines().any(|known| known == name)
}

/// `busybox [APPLET [ARGUMENT …]]`, or an applet under its own name.
pub(in crate::shell) async fn main(mut spec: Spec) -> Result<Status, Stop> {
    let own = spec.argv.first().map(|name| name.rsplit('/').next().unwrap_or_default().to_string()).unwrap_or_default();
    // A copy with another name looks for an applet of that name, unless the name begins with busybox.
    if own.starts_with("busybox") || own.is_empty() {
        spec.argv.drain(..1.min(spec.argv.len()));
    }
    let host = Arc::clone(&spec.kernel.host);
    let Some(first) = spec.argv.first().cloned() else {
        return print(spec, false, recorded::text(&host, "busybox", ""), 0).await;
    };
    match first.as_str() {
        "--list" => return print(spec, false, recorded::text(&host, "busybox", "--list"), 0).await,
        "--list-full" => return print(spec, false, recorded::text(&host, "busybox", "--list-full"), 0).await,
        "--help" => {
            let Some(name) = spec.argv.get(1).cloned().filter(|name| is_applet(&host, name)) else {
                return print(spec, false, recorded::text(&host, "busybox", ""), 0).await;
            };
            let text = format!("{}{}", version(&spec.kernel.host), recorded::applet(&name).unwrap_or_default());
            return print(spec, true, &text, 0).await;
        }
        "--install" => return Ok(0),
        _ => {}
    }
    let name = first.rsplit('/').next().unwrap_or_default().to_string();
    if !is_applet(&host, &name) {
        return print(spec, true, &format!("{name}: applet not found\n"), 127).await;
    }
    if spec.argv.len() == 2
        && spec.argv.get(1).is_some_and(|word| word == "--help")
        && !matches!(name.as_str(), "echo" | "test" | "true" | "false" | "[" | "[[")
    {
        let text = format!("{}{}", version(&spec.kernel.host), recorded::applet(&name).unwrap_or_default());
        return print(spec, true, &text, 0).await;
    }
    if matches!(name.as_str(), "sh" | "ash" | "hush") {
        if let Some(first) = spec.argv.first_mut() {
            *first = if name == "hush" { "ash".into() } else { name };
        }
        return interp::run_shell(spec).await;
    }
    if let Some(first) = spec.argv.first_mut() {
        first.clone_from(&name);
    }
    let pid = spec.who.pid;
    let host = Arc::clone(&spec.kernel.host);
    let comm: Vec<u8> = b"busybox".to_vec();
    host.change_process(pid, |process| process.comm = comm);
    match crate::shell::commands::program(&name) {
        Some(run) => Cmd::new(spec, true).main(run).await,
        // Applets that nobody wrote: they print how they are used when they get no arguments, else nothing.
        None if spec.argv.len() == 1 => {
            let text = format!("{}{}", version(&spec.kernel.host), recorded::applet(&name).unwrap_or_default());
            print(spec, true, &text, 1).await
        }
        None => Ok(0),
    }
}

async fn print(spec: Spec, error: bool, text: &str, status: i32) -> Result<Status, Stop> {
    let mut c = Cmd::new(spec, true);
    if error {
        c.err(text);
    } else {
        c.out(text);
    }
    c.flush().await?;
    Ok(status)
}
