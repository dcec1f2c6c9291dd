//! Tries what the sandbox must forbid and what it must leave: one `check=result` line each. Run by `tests/it/sandbox.rs`.
//!
//! `sandbox_probe free|confined FOLDER USER ALLOWED_PORT OTHER_PORT`; the folder holds `in/` and `out/`; an empty USER
//! stays who we are.

use std::io;
use std::path::Path;

fn main() -> Result<(), String> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [mode, folder, user, allowed, other] = args.as_slice() else { return Err("five arguments".into()) };
    let port = |text: &str| text.parse::<u16>().map_err(|error| error.to_string());
    let (allowed, other) = (port(allowed)?, port(other)?);
    let folder = Path::new(folder);
    if mode == "confined" {
        let plan = rustbucket::sandbox::Plan {
            user: Some(user.clone()).filter(|user| !user.is_empty()),
            write: vec![folder.join("in")],
            read: vec![folder.join("read"), "/proc/self/status".into()],
            connect_ports: vec![allowed],
            required: false,
        };
        let report = rustbucket::sandbox::enter(&plan).map_err(|error| error.to_string())?;
        println!("done={}", report.done.join(","));
    }
    try_all("", folder, allowed, other);
    let inner = folder.to_owned();
    std::thread::spawn(move || try_all("thread_", &inner, allowed, other)).join().map_err(|_| "the thread failed")?;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines() {
        if let Some((name @ ("Uid" | "CapEff"), value)) = line.split_once(':') {
            println!("{name}={}", value.split_whitespace().next().unwrap_or_default());
        }
    }
    Ok(())
}

fn try_all(who: &str, folder: &Path, allowed: u16, other: u16) {
    let say = |check: &str, result: io::Result<()>| {
        let result = result.map_or_else(|error| format!("{:?}", error.kind()), |()| "ok".into());
        println!("{who}{check}={result}");
    };
    say("exec", exec());
    say("connect_other", connect(other));
    say("connect_allowed", connect(allowed));
    say("bind", std::net::TcpListener::bind(("127.0.0.1", 0)).map(drop));
    say("read_inside", std::fs::read(folder.join("read/file")).map(drop));
    say("read_outside", std::fs::read(folder.join("out/file")).map(drop));
    say("write_inside", std::fs::write(folder.join("in/new"), "x"));
    say("write_outside", std::fs::write(folder.join("out/new"), "x"));
}

#[expect(clippy::disallowed_types, reason = "checks that no program can be started")]
fn exec() -> io::Result<()> {
    std::process::Command::new("/bin/true").status().map(drop)
}

#[expect(clippy::disallowed_methods, reason = "checks which ports can be dialled")]
fn connect(port: u16) -> io::Result<()> {
    std::net::TcpStream::connect(("127.0.0.1", port)).map(drop)
}
