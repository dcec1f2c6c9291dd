//! `systemctl`, `service`, `journalctl`, `loginctl`, `runlevel` (systemd 245).

mod journal;

use journal::journal;
pub(super) use journal::{journalctl, loginctl, runlevel};

use super::common::{decode, file, is_root, own_name, time};
use super::recorded;
use super::who::command_line;
use crate::base::clock::Timestamp;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::world::{Process, Service, Who};
use std::time::Duration;

const UNIT_FOLDERS: [&str; 3] = ["/etc/systemd/system", "/run/systemd/system", "/lib/systemd/system"];

/// An error as systemd's programs log it: red on a terminal.
fn error(c: &mut Cmd, text: &str) {
    let line = if c.is_tty(2) { format!("\x1b[0;1;31m{text}\x1b[0m\r\n") } else { format!("{text}\n") };
    c.err(&line);
}

/// A unit as its file and its process say.
struct Unit {
    name: String,
    description: String,
    file: Option<String>,
    service: Option<Service>,
    main: Option<Process>,
}

/// The name with its kind.
fn full(name: &str) -> String {
    let kinds = [".service", ".socket", ".target", ".timer", ".mount", ".path", ".slice", ".scope", ".device", ".swap"];
    if kinds.iter().any(|kind| name.ends_with(kind)) { name.to_string() } else { format!("{name}.service") }
}

fn unit(c: &Cmd, name: &str) -> Unit {
    let name = full(name);
    let root = Who::root();
    let host = c.host();
    let alias = match name.as_str() {
        "sshd.service" => "ssh.service",
        "postfix.service" => "postfix@-.service",
        "syslog.service" => "rsyslog.service",
        name => name,
    };
    let service = host.persona().services.iter().find(|service| service.unit == alias).cloned();
    let processes = host.processes();
    let main = service.as_ref().and_then(|service| {
        let is = |process: &&Process| {
            process.pid == service.pid || (process.ppid == 1 && process.exe == service.program.as_bytes())
        };
        processes.iter().find(is).cloned()
    });
    let base = match (name.split_once('@'), name.rsplit_once('.')) {
        (Some((stem, _)), Some((_, kind))) => format!("{stem}@.{kind}"),
        _ => name.clone(),
    };
    let found = UNIT_FOLDERS
        .iter()
        .flat_map(|folder| [format!("{folder}/{name}"), format!("{folder}/{base}")])
        .find(|path| host.stat(&root, path.as_bytes(), true).is_ok());
    let file = found.or_else(|| service.as_ref().map(|service| format!("/lib/systemd/system/{}", service.unit)));
    let text = file.as_deref().map(|path| super::common::file(host, path)).unwrap_or_default();
    let own = text.lines().find_map(|line| line.strip_prefix("Description=")).map(str::to_string);
    let description =
        own.or_else(|| service.as_ref().map(|service| service.description.clone())).unwrap_or_else(|| name.clone());
    Unit { name, description, file, service, main }
}

impl Unit {
    fn exists(&self) -> bool {
        self.file.is_some() || self.is_built_in()
    }

    fn is_built_in(&self) -> bool {
        self.name.ends_with(".target") || self.name.ends_with(".slice") || self.name == "-.mount"
    }

    fn is_active(&self) -> bool {
        self.main.is_some() || (self.name.ends_with(".target") && self.exists() && !self.name.contains("rescue"))
    }

    /// `enabled`, `disabled`, `static`, `masked`.
    fn state(&self, c: &Cmd) -> &'static str {
        let root = Who::root();
        let here = |path: String| c.host().read_link(&root, path.as_bytes()).ok();
        if here(format!("/etc/systemd/system/{}", self.name)).is_some_and(|target| target == b"/dev/null") {
            return "masked";
        }
        let wants = ["multi-user", "sysinit", "sockets", "timers", "getty", "graphical", "network-online"];
        if wants.iter().any(|target| here(format!("/etc/systemd/system/{target}.target.wants/{}", self.name)).is_some())
        {
            return "enabled";
        }
        let disabled = super::common::file(c.host(), STATES);
        if disabled.lines().any(|line| line == self.name) {
            return "disabled";
        }
        match &self.service {
            Some(service) if service.enabled => "enabled",
            _ if self.is_built_in() => "static",
            _ => "disabled",
        }
    }
}

/// Units that were disabled though the image has no link for them.
const STATES: &str = "/var/lib/systemd/deb-systemd-helper-disabled";

pub(super) async fn systemctl(c: &mut Cmd) -> Result<i32, Stop> {
    // Several programs are links to this one.
    match c.base() {
        "halt" | "reboot" | "poweroff" => return super::power::reboot(c).await,
        "shutdown" => return super::power::shutdown(c).await,
        "init" | "telinit" => return super::power::init(c).await,
        "runlevel" => return Ok(runlevel(c)),
        _ => {}
    }
    const TABLE: &str = "t,type= state= p,property= a,all failed value no-legend no-pager no-block wait q,quiet now f,force \
                         l,full n,lines= o,output= system user global r,recursive reverse s,signal= kill-who= H,host= \
                         M,machine= i,ignore-inhibitors no-wall no-reload runtime plain show-types job-mode= h,help version \
                         no-ask-password with-dependencies";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            return Ok(1);
        }
    };
    if found.has("failed") {
        c.out("  UNIT LOAD ACTIVE SUB DESCRIPTION\n0 loaded units listed.\n");
        return Ok(0);
    }
    let Some((verb, rest)) = found.rest.split_first().map(|(verb, rest)| (verb.clone(), rest.to_vec())) else {
        return Ok(list_units(c, &found));
    };
    let quiet = found.has("q");
    let need = [
        "start",
        "stop",
        "restart",
        "reload",
        "try-restart",
        "reload-or-restart",
        "enable",
        "disable",
        "mask",
        "unmask",
        "kill",
        "is-active",
        "is-enabled",
        "is-failed",
        "cat",
        "reenable",
        "preset",
        "edit",
        "isolate",
        "set-default",
    ];
    if need.contains(&verb.as_str()) && rest.is_empty() {
        error(c, "Too few arguments.");
        return Ok(1);
    }
    let mut status = 0;
    match verb.as_str() {
        "list-units" => return Ok(list_units(c, &found)),
        "list-unit-files" => return Ok(list_files(c, &found)),
        "list-timers" | "list-sockets" | "list-jobs" | "list-dependencies" | "list-machines" => {
            c.out(match verb.as_str() {
                "list-jobs" => "No jobs running.\n",
                "list-timers" => "NEXT LEFT LAST PASSED UNIT ACTIVATES\n\n0 timers listed.\n",
                _ => "\n0 units listed.\n",
            });
        }
        "status" if rest.is_empty() => system_status(c),
        "status" => {
            for name in &rest {
                status = status.max(show_status(c, name));
            }
        }
        "is-active" | "is-failed" => {
            let mut good = false;
            for name in &rest {
                let active = unit(c, name).is_active();
                good |= active == (verb == "is-active");
                if !quiet {
                    c.out(if active { "active\n" } else { "inactive\n" });
                }
            }
            let failed = if verb == "is-active" { 3 } else { 1 };
            status = if good && verb == "is-active" { 0 } else { failed };
        }
        "is-enabled" => {
            for name in &rest {
                let unit = unit(c, name);
                if !unit.exists() {
                    error(c, &format!("Failed to get unit file state for {}: No such file or directory", unit.name));
                    status = 1;
                    continue;
                }
                let state = unit.state(c);
                status = if matches!(state, "enabled" | "static") { status } else { 1 };
                if !quiet {
                    c.out(&format!("{state}\n"));
                }
            }
        }
        "is-system-running" => c.out("running\n"),
        "get-default" => c.out("multi-user.target\n"),
        "set-default" => {
            let target = rest.first().cloned().unwrap_or_default();
            c.err("Removed /etc/systemd/system/default.target.\n");
            c.err(&format!(
                "Created symlink /etc/systemd/system/default.target \u{2192} /lib/systemd/system/{target}.\n"
            ));
        }
        "daemon-reload" | "daemon-reexec" | "reset-failed" | "import-environment" | "set-environment" => {
            if !is_root(c) {
                error(c, "Failed to reload daemon: Interactive authentication required.");
                status = 1;
            }
            c.sleep(Duration::from_millis(180)).await?;
        }
        "show-environment" => {
            c.out("LANG=en_US.UTF-8\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n")
        }
        "start" | "stop" | "restart" | "reload" | "try-restart" | "reload-or-restart" | "condrestart"
        | "force-reload" | "kill" | "isolate" => {
            for name in &rest {
                status = status.max(operate(c, &verb, name).await?);
            }
        }
        "enable" | "disable" | "mask" | "unmask" | "reenable" | "preset" => {
            for name in &rest {
                status = status.max(install(c, &verb, name).await?);
                if found.has("now") && status == 0 {
                    operate(c, if verb == "enable" { "start" } else { "stop" }, name).await?;
                }
            }
        }
        "cat" => {
            for name in &rest {
                let unit = unit(c, name);
                let text = unit.file.as_deref().map(|path| file(c.host(), path)).unwrap_or_default();
                match &unit.file {
                    Some(path) if !text.is_empty() => c.out(&format!("# {path}\n{text}")),
                    Some(path) => c.out(&format!("# {path}\n[Unit]\nDescription={}\n", unit.description)),
                    None => {
                        c.err(&format!("No files found for {}.\n", unit.name));
                        status = 1;
                    }
                }
            }
        }
        "show" => show(c, &found, &rest),
        "reboot" | "poweroff" | "halt" | "suspend" | "hibernate" | "rescue" | "emergency" | "kexec" => {
            return super::power::end(c, &verb).await;
        }
        "edit" => {
            c.err("Failed to create directory: Permission denied\n");
            status = 1;
        }
        other => {
            error(c, &format!("Unknown command verb {other}."));
            status = 1;
        }
    }
    Ok(status)
}

/// Starts, stops, restarts.
async fn operate(c: &mut Cmd, verb: &str, name: &str) -> Result<i32, Stop> {
    let unit = unit(c, name);
    let shown = match verb {
        "condrestart" => "try-restart",
        "kill" => "kill unit",
        verb => verb,
    };
    if !unit.exists() {
        let why = if matches!(verb, "stop" | "kill") { "loaded" } else { "found" };
        error(c, &format!("Failed to {shown} {}: Unit {} not {why}.", unit.name, unit.name));
        return Ok(5);
    }
    if unit.state(c) == "masked" && verb != "stop" {
        error(c, &format!("Failed to {shown} {}: Unit {} is masked.", unit.name, unit.name));
        return Ok(1);
    }
    if !is_root(c) {
        error(c, &format!("Failed to {shown} {}: Interactive authentication required.", unit.name));
        error(c, &format!("See system logs and 'systemctl status {}' for details.", unit.name));
        return Ok(1);
    }
    c.sleep(Duration::from_millis(if verb == "reload" { 40 } else { 160 })).await?;
    if matches!(verb, "stop" | "restart" | "try-restart" | "condrestart" | "kill")
        && let Some(main) = &unit.main
    {
        // The daemon that serves this very session goes on for it.
        let children = c.host().processes();
        let mine = |process: &Process| {
            process.tty.is_none() && process.ppid == main.pid && !has_session(&children, process.pid)
        };
        for process in children.iter().filter(|process| mine(process)) {
            let _ = c.host().signal(&Who::root(), process.pid, 15);
        }
        if verb == "stop" || verb == "kill" {
            let _ = c.host().signal(&Who::root(), main.pid, 15);
        }
    }
    if matches!(verb, "start" | "restart" | "reload-or-restart")
        && unit.main.is_none()
        && let Some(service) = &unit.service
    {
        let argv = service.argv.iter().map(|word| word.clone().into_bytes()).collect();
        let _ = c.host().start_process(crate::world::NewProcess {
            ppid: 1,
            argv,
            exe: service.program.clone().into_bytes(),
            cwd: b"/".to_vec(),
            ..Default::default()
        });
    }
    Ok(0)
}

/// Whether a visitor's shell descends from the process.
fn has_session(all: &[Process], pid: u32) -> bool {
    let below: Vec<u32> = all.iter().filter(|process| process.ppid == pid).map(|process| process.pid).collect();
    all.iter().any(|process| process.tty.is_some() && (process.ppid == pid || below.contains(&process.ppid)))
}

/// Enables, disables, masks.
async fn install(c: &mut Cmd, verb: &str, name: &str) -> Result<i32, Stop> {
    let unit = unit(c, name);
    let shown = if verb == "reenable" { "re-enable" } else { verb };
    if !unit.exists() && !matches!(verb, "mask" | "unmask") {
        error(c, &format!("Failed to {shown} unit: Unit file {} does not exist.", unit.name));
        return Ok(1);
    }
    if !is_root(c) {
        error(c, &format!("Failed to {shown} unit: Interactive authentication required."));
        return Ok(1);
    }
    let root = Who::root();
    let link = format!("/etc/systemd/system/multi-user.target.wants/{}", unit.name);
    let mask = format!("/etc/systemd/system/{}", unit.name);
    let target = unit.file.clone().unwrap_or_default();
    let states = file(c.host(), STATES);
    let legacy = c.stat(&format!("/etc/init.d/{}", unit.name.trim_end_matches(".service"))).is_ok();
    if legacy && matches!(verb, "enable" | "disable") {
        c.err(&format!(
            "Synchronizing state of {} with SysV service script with /lib/systemd/systemd-sysv-install.\nExecuting: \
             /lib/systemd/systemd-sysv-install {verb} {}\n",
            unit.name,
            unit.name.trim_end_matches(".service")
        ));
    }
    match verb {
        "enable" | "reenable" => {
            let kept: Vec<&str> = states.lines().filter(|line| *line != unit.name).collect();
            if !states.is_empty() {
                super::common::put_file(c.host(), STATES, &format!("{}\n", kept.join("\n")), 0o644);
            }
            if c.host().symlink(&root, target.as_bytes(), link.as_bytes()).is_ok() {
                c.err(&format!("Created symlink {link} \u{2192} {target}.\n"));
            }
        }
        "disable" => {
            if c.host().remove_file(&root, link.as_bytes()).is_ok() {
                c.err(&format!("Removed {link}.\n"));
            }
            if unit.service.is_some() && !states.lines().any(|line| line == unit.name) {
                super::common::put_file(c.host(), STATES, &format!("{states}{}\n", unit.name), 0o644);
            }
        }
        "mask" => {
            if c.host().symlink(&root, b"/dev/null", mask.as_bytes()).is_ok() {
                c.err(&format!("Created symlink {mask} \u{2192} /dev/null.\n"));
            }
            if !unit.exists() {
                c.err(&format!("Unit {} does not exist, proceeding anyway.\n", unit.name));
            }
        }
        "unmask"
            if c.host().read_link(&root, mask.as_bytes()).is_ok_and(|target| target == b"/dev/null")
                && c.host().remove_file(&root, mask.as_bytes()).is_ok() =>
        {
            c.err(&format!("Removed {mask}.\n"));
        }
        _ => {}
    }
    c.sleep(Duration::from_millis(250)).await?;
    Ok(0)
}

/// `2h 5min` as systemd rounds it.
fn ago(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (60.., ..) => format!("{} months {} days ago", days / 30, days % 30),
        (2.., ..) => format!("{days} days ago"),
        (1, ..) => format!("1 day {hours}h ago"),
        (0, 1.., _) => format!("{hours}h {minutes}min ago"),
        (0, 0, 1..) => format!("{minutes}min {}s ago", seconds % 60),
        _ => format!("{seconds}s ago"),
    }
}

fn show_status(c: &mut Cmd, name: &str) -> i32 {
    let by_pid = name.parse::<u32>().ok();
    let services = c.host().persona().services.clone();
    let name = match by_pid.and_then(|pid| services.iter().find(|service| service.pid == pid)) {
        Some(service) => service.unit.clone(),
        None => name.to_string(),
    };
    let unit = unit(c, &name);
    if !unit.exists() {
        c.err(&format!("Unit {} could not be found.\n", unit.name));
        return 4;
    }
    let color = c.is_tty(1);
    let paint = |text: &str, code: &str| if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() };
    let state = unit.state(c);
    let path = unit.file.clone().unwrap_or_default();
    let loaded = match state {
        "static" => format!("loaded ({path}; static; vendor preset: enabled)"),
        "masked" => format!("masked (Reason: Unit {} is masked.)", unit.name),
        state => format!("loaded ({path}; {state}; vendor preset: enabled)"),
    };
    let Some(main) = unit.main.clone() else {
        let line = if unit.is_active() { "active" } else { "inactive (dead)" };
        c.out(&format!("\u{25cf} {} - {}\n     Loaded: {loaded}\n     Active: {line}\n", unit.name, unit.description));
        return if unit.is_active() { 0 } else { 3 };
    };
    let processes = c.host().processes();
    let mut family = vec![main.clone()];
    family.extend(processes.iter().filter(|process| process.ppid == main.pid && process.tty.is_none()).cloned());
    let since = time(main.started, "%a %Y-%m-%d %H:%M:%S UTC");
    let tasks: u32 = family.iter().map(|process| process.threads.max(1)).sum();
    let memory: u64 = family.iter().map(|process| process.rss_kib).sum();
    let mut text = format!(
        "{} {} - {}\n     Loaded: {loaded}\n     Active: {} since {since}; {}\n   Main PID: {} ({})\n      Tasks: {tasks} (limit: \
         {})\n     Memory: {:.1}M\n     CGroup: /system.slice/{}\n",
        paint("\u{25cf}", "0;1;32"),
        unit.name,
        unit.description,
        paint("active (running)", "0;1;32"),
        ago(c.now().as_second() - main.started.as_second()),
        main.pid,
        decode(&main.comm),
        c.host().persona().memory_kib / 3500,
        memory as f64 / 1024.0,
        unit.name
    );
    for (at, process) in family.iter().enumerate() {
        let mark = if at + 1 == family.len() { "\u{2514}\u{2500}" } else { "\u{251c}\u{2500}" };
        text.push_str(&format!("             {mark}{} {}\n", process.pid, command_line(process)));
    }
    let lines: Vec<String> = journal(c).into_iter().filter(|line| line.contains(&format!("[{}]", main.pid))).collect();
    if is_root(c) && !lines.is_empty() {
        text.push('\n');
        for line in lines.iter().rev().take(10).rev() {
            text.push_str(&format!("{line}\n"));
        }
    }
    c.out(&text);
    0
}

fn system_status(c: &mut Cmd) {
    let host = c.host().clone();
    let booted = Timestamp::from_second(host.persona().booted).unwrap_or_default();
    let mut text = format!(
        "\u{25cf} {}\n    State: running\n     Jobs: 0 queued\n   Failed: 0 units\n    Since: {}; {}\n   CGroup: /\n",
        host.hostname(),
        time(booted, "%a %Y-%m-%d %H:%M:%S UTC"),
        ago(c.now().as_second() - booted.as_second())
    );
    text.push_str("           \u{251c}\u{2500}init.scope\n           \u{2502} \u{2514}\u{2500}1 /sbin/init\n");
    text.push_str("           \u{2514}\u{2500}system.slice\n");
    let active: Vec<Unit> = host.persona().services.iter().map(|service| unit(c, &service.unit)).collect();
    let active: Vec<&Unit> = active.iter().filter(|unit| unit.main.is_some()).collect();
    for (at, unit) in active.iter().enumerate() {
        let (mark, pass) =
            if at + 1 == active.len() { ("\u{2514}\u{2500}", "  ") } else { ("\u{251c}\u{2500}", "\u{2502} ") };
        if let Some(main) = &unit.main {
            text.push_str(&format!(
                "             {mark}{}\n             {pass}\u{2514}\u{2500}{} {}\n",
                unit.name,
                main.pid,
                command_line(main)
            ));
        }
    }
    c.out(&text);
}

fn show(c: &mut Cmd, found: &options::Options, names: &[String]) {
    let wanted: Vec<String> =
        found.value("p").map(|list| list.split(',').map(str::to_string).collect()).unwrap_or_default();
    for name in names {
        let unit = unit(c, name);
        let active = unit.is_active();
        let pid = unit.main.as_ref().map_or(0, |main| main.pid).to_string();
        let state = unit.state(c).to_string();
        let rows: [(&str, String); 9] = [
            ("Id", unit.name.clone()),
            ("Names", unit.name.clone()),
            ("Description", unit.description.clone()),
            ("LoadState", if unit.exists() { "loaded".into() } else { "not-found".into() }),
            ("ActiveState", if active { "active".into() } else { "inactive".into() }),
            ("SubState", if active { "running".into() } else { "dead".into() }),
            ("MainPID", pid),
            ("UnitFileState", if unit.exists() { state } else { String::new() }),
            ("FragmentPath", unit.file.clone().unwrap_or_default()),
        ];
        for (key, value) in rows {
            if wanted.is_empty() || wanted.iter().any(|name| name == key) {
                c.out(&if found.has("value") { format!("{value}\n") } else { format!("{key}={value}\n") });
            }
        }
    }
}

/// Units beside services that a server of this kind has loaded.
const OTHERS: &[(&str, &str, &str, &str)] = &[
    ("-.mount", "mounted", "mount", "Root Mount"),
    ("init.scope", "running", "scope", "System and Service Manager"),
    ("basic.target", "active", "target", "Basic System"),
    ("cryptsetup.target", "active", "target", "Local Encrypted Volumes"),
    ("getty.target", "active", "target", "Login Prompts"),
    ("local-fs.target", "active", "target", "Local File Systems"),
    ("multi-user.target", "active", "target", "Multi-User System"),
    ("network.target", "active", "target", "Network"),
    ("network-online.target", "active", "target", "Network is Online"),
    ("sysinit.target", "active", "target", "System Initialization"),
    ("timers.target", "active", "target", "Timers"),
    ("apt-daily.timer", "waiting", "timer", "Daily apt download activities"),
    ("logrotate.timer", "waiting", "timer", "Daily rotation of log files"),
    ("man-db.timer", "waiting", "timer", "Daily man-db regeneration"),
];

fn list_units(c: &mut Cmd, found: &options::Options) -> i32 {
    let kind = found.value("t").map(str::to_string);
    let wanted =
        |name: &str| kind.as_deref().is_none_or(|kind| kind.split(',').any(|kind| name.ends_with(&format!(".{kind}"))));
    let pattern = found.rest.get(1).cloned();
    let services = c.host().persona().services.clone();
    let mut rows: Vec<(String, &str, &str, String)> = Vec::new();
    for service in &services {
        let unit = unit(c, &service.unit);
        let state = found.value("state").unwrap_or_default();
        if unit.main.is_some() && matches!(state, "" | "running" | "active") {
            rows.push((service.unit.clone(), "active", "running", service.description.clone()));
        } else if found.has("a") && unit.main.is_none() {
            rows.push((service.unit.clone(), "inactive", "dead", service.description.clone()));
        }
    }
    for (name, sub, _, about) in OTHERS {
        if found.value("state").is_none_or(|state| state == "active" || state == *sub) {
            rows.push((name.to_string(), "active", sub, about.to_string()));
        }
    }
    rows.retain(|(name, ..)| wanted(name));
    if let Some(pattern) = pattern {
        let stem = pattern.trim_matches('*').to_string();
        rows.retain(|(name, ..)| name.contains(&stem));
    }
    rows.sort();
    let wide = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(4).max(4);
    let mut text = String::new();
    if !found.has("no-legend") {
        text.push_str(&format!("  {:<wide$} LOAD   ACTIVE SUB     DESCRIPTION\n", "UNIT"));
    }
    for (name, active, sub, about) in &rows {
        text.push_str(&format!("  {name:<wide$} loaded {active:<6} {sub:<7} {about}\n"));
    }
    if !found.has("no-legend") {
        text.push_str(&format!(
            "\nLOAD   = Reflects whether the unit definition was properly loaded.\nACTIVE = The high-level unit activation \
             state, i.e. generalization of SUB.\nSUB    = The low-level unit activation state, values depend on unit type.\n\n{} \
             loaded units listed.",
            rows.len()
        ));
        text.push_str(match found.has("a") {
            true => "\nTo show all installed unit files use 'systemctl list-unit-files'.\n",
            false => {
                " Pass --all to see loaded but inactive units, too.\nTo show all installed unit files use 'systemctl list-unit-files'.\n"
            }
        });
    }
    c.out(&text);
    0
}

fn list_files(c: &mut Cmd, found: &options::Options) -> i32 {
    let root = Who::root();
    let mut names: Vec<String> = Vec::new();
    for folder in UNIT_FOLDERS {
        let entries = c.host().list(&root, folder.as_bytes()).unwrap_or_default();
        names.extend(entries.iter().filter(|(_, stat)| !stat.is_folder()).map(|(name, _)| decode(name)));
    }
    names.extend(c.host().persona().services.iter().map(|service| service.unit.clone()));
    names.sort();
    names.dedup();
    let kind = found.value("t").unwrap_or_default().to_string();
    names.retain(|name| name.contains('.') && (kind.is_empty() || name.ends_with(&format!(".{kind}"))));
    let pattern = found.rest.get(1).map(|text| text.trim_matches('*').to_string()).unwrap_or_default();
    names.retain(|name| name.contains(&pattern));
    let wide = names.iter().map(String::len).max().unwrap_or(9).max(9);
    let mut text = String::new();
    if !found.has("no-legend") {
        text.push_str(&format!("{:<wide$} STATE           VENDOR PRESET\n", "UNIT FILE"));
    }
    for name in &names {
        let state = unit(c, name).state(c);
        text.push_str(&format!("{name:<wide$} {state:<15} enabled      \n"));
    }
    if !found.has("no-legend") {
        text.push_str(&format!("\n{} unit files listed.\n", names.len()));
    }
    c.out(&text);
    0
}

pub(super) async fn service(c: &mut Cmd) -> Result<i32, Stop> {
    const USE: &str = "Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]\n";
    let args = c.args.clone();
    let (Some(name), verb) = (args.first(), args.get(1).map(String::as_str)) else {
        c.err(USE);
        return Ok(1);
    };
    match name.as_str() {
        "--status-all" => {
            let mut text = String::new();
            for (script, _) in c.list("/etc/init.d").unwrap_or_default() {
                let script = decode(&script);
                let mark = match script.as_str() {
                    "hwclock.sh" | "kmod" | "networking" | "screen-cleanup" | "rsync" | "sudo" => '-',
                    script => {
                        if unit(c, script).is_active() || matches!(script, "procps" | "ufw" | "udev") {
                            '+'
                        } else {
                            '-'
                        }
                    }
                };
                text.push_str(&format!(" [ {mark} ]  {script}\n"));
            }
            c.out(&text);
            return Ok(0);
        }
        "--version" => {
            c.out(recorded::text(c.host(), "service", "--version"));
            return Ok(0);
        }
        _ => {}
    }
    let unit = unit(c, name);
    let Some(verb) = verb else {
        if unit.exists() {
            c.err(&format!(
                "Usage: /etc/init.d/{name} {{start|stop|reload|force-reload|restart|try-restart|status}}\n"
            ));
            return Ok(1);
        }
        c.err(&format!("{name}: unrecognized service\n"));
        return Ok(1);
    };
    match verb {
        "status" => Ok(show_status(c, name)),
        "--full-restart" => operate(c, "restart", name).await,
        "start" | "stop" | "restart" | "reload" | "try-restart" | "force-reload" => operate(c, verb, name).await,
        _ if unit.exists() => {
            c.err(&format!(
                "Usage: /etc/init.d/{name} {{start|stop|reload|force-reload|restart|try-restart|status}}\n"
            ));
            Ok(1)
        }
        _ => {
            c.err(&format!("{name}: unrecognized service\n"));
            Ok(1)
        }
    }
}
