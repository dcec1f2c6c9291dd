//! `hostname` and its other names, `uname`, `arch`, `nproc`, `lsb_release`, `hostnamectl`, `timedatectl`,
//! `systemd-detect-virt`: what the host calls itself.

use super::common::{file, is_root, put_file, time};
use super::recorded;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;

/// The domain that /etc/hosts gives the host.
fn domain(c: &Cmd) -> String {
    let name = c.host().hostname();
    let persona = c.host().persona();
    if name == persona.hostname { persona.domain.clone() } else { String::new() }
}

fn full_name(c: &Cmd) -> String {
    let (name, domain) = (c.host().hostname(), domain(c));
    if domain.is_empty() || name.contains('.') { name } else { format!("{name}.{domain}") }
}

pub(super) fn hostname(c: &mut Cmd) -> i32 {
    const TABLE: &str = "a,alias A,all-fqdns b,boot d,domain f,fqdn,long F,file= i,ip-address I,all-ip-addresses s,short \
                         y,yp,nis";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            c.err(recorded::text(c.host(), "hostname", "--help"));
            return if c.applet() { 1 } else { 255 };
        }
    };
    let new = match found.value("F") {
        Some(path) => match c.read_file(path) {
            Ok(bytes) => {
                let text = super::common::decode(&bytes);
                text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_string)
            }
            Err(errno) => {
                let text = format!("{path}: {}", errno.text());
                c.complain(&text);
                return 1;
            }
        },
        None => found.rest.first().cloned(),
    };
    if let Some(new) = new {
        return set(c, &new);
    }
    let name = c.host().hostname();
    let address = c.host().persona().address.clone();
    let base = c.base().to_string();
    let line = match found.list.last().map(|(key, _)| *key) {
        Some("d") => domain(c),
        _ if base == "dnsdomainname" => domain(c),
        _ if matches!(base.as_str(), "domainname" | "nisdomainname" | "ypdomainname") => "(none)".into(),
        Some("f") => full_name(c),
        Some("A") => format!("{} ", full_name(c)),
        Some("I") => format!("{address} "),
        Some("i") => "127.0.1.1".into(),
        Some("a") => name.clone(),
        Some("s") => name.split('.').next().unwrap_or_default().to_string(),
        Some("y") => {
            c.complain("Local domain name not set");
            return 1;
        }
        _ => name,
    };
    let quiet = base == "dnsdomainname" || found.has("d");
    if !(line.is_empty() && quiet) {
        c.out(&format!("{line}\n"));
    }
    0
}

fn set(c: &mut Cmd, new: &str) -> i32 {
    if !is_root(c) {
        c.complain("you must be root to change the host name");
        return 1;
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if new.is_empty() || new.len() > 64 || !new.chars().all(fits) || new.starts_with(['-', '.']) || new.ends_with('-') {
        c.complain("the specified hostname is invalid");
        return 1;
    }
    c.host().set_hostname(new.as_bytes());
    0
}

pub(super) fn uname(c: &mut Cmd) -> i32 {
    const TABLE: &str = "a,all s,kernel-name,sysname n,nodename r,kernel-release,release v,kernel-version m,machine \
                         p,processor i,hardware-platform o,operating-system";
    let found = match options::take(c, TABLE, 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if let Some(first) = found.rest.first() {
        let text = format!("extra operand {}", c.quote(first));
        return options::misuse(c, &text, 1);
    }
    let host = c.host();
    let persona = host.persona();
    let machine = &persona.machine;
    // Ubuntu's coreutils know the processor and the platform; Debian's and busybox do not.
    let known = persona.os_id == "ubuntu" && !c.applet();
    let other = if known { machine.as_str() } else { "unknown" };
    let parts = [
        ("s", "Linux"),
        ("n", &host.hostname()),
        ("r", &persona.kernel),
        ("v", &persona.kernel_version),
        ("m", machine),
        ("p", other),
        ("i", other),
        ("o", "GNU/Linux"),
    ];
    let all = found.has("a");
    let wanted = |key: &str| if found.list.is_empty() { key == "s" } else { all || found.has(key) };
    let words: Vec<&str> =
        parts.iter().filter(|(key, word)| wanted(key) && !(all && *word == "unknown")).map(|(_, word)| *word).collect();
    let line = format!("{}\n", words.join(" "));
    c.out(&line);
    0
}

pub(super) fn arch(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if let Some(first) = found.rest.first() {
        let text = format!("extra operand {}", c.quote(first));
        return options::misuse(c, &text, 1);
    }
    let line = format!("{}\n", c.host().persona().machine);
    c.out(&line);
    0
}

pub(super) fn nproc(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "all ignore=", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if let Some(first) = found.rest.first() {
        let text = format!("extra operand {}", c.quote(first));
        return options::misuse(c, &text, 1);
    }
    let ignored = match found.value("ignore").map(|text| (text, text.parse::<u32>())) {
        None => 0,
        Some((_, Ok(number))) => number,
        Some((text, Err(_))) => {
            let text = format!("invalid number: {}", c.quote(text));
            c.complain(&text);
            return 1;
        }
    };
    let mut count = c.host().persona().cpus;
    if !found.has("all")
        && let Some(limit) =
            c.env("OMP_NUM_THREADS").and_then(|text| text.parse::<u32>().ok()).filter(|limit| *limit > 0)
    {
        count = limit;
    }
    let line = format!("{}\n", count.saturating_sub(ignored).max(1));
    c.out(&line);
    0
}

pub(super) fn lsb_release(c: &mut Cmd) -> i32 {
    const TABLE: &str = "h,help v,version i,id d,description r,release c,codename a,all s,short";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return 2;
        }
    };
    if !found.rest.is_empty() {
        c.err("lsb_release: No arguments are permitted\n");
        return 2;
    }
    // The files decide, as they do for the real one.
    let release = file(c.host(), "/etc/os-release");
    let value = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or("n/a").trim_matches('"').to_string()
    };
    let all = found.has("a");
    let short = found.has("s");
    if (all || found.has("v") || found.list.is_empty()) && !short || c.is_tty(1) {
        c.err("No LSB modules are available.\n");
    }
    let rows = [
        ("i", "Distributor ID:\t", value("NAME")),
        ("d", "Description:\t", value("PRETTY_NAME")),
        ("r", "Release:\t", value("VERSION_ID")),
        ("c", "Codename:\t", value("VERSION_CODENAME")),
    ];
    for (key, label, value) in rows {
        if !all && !found.has(key) {
            continue;
        }
        let value = if key == "i" && value.starts_with("Debian") { "Debian".to_string() } else { value };
        match short {
            true => c.out(&format!("{value}\n")),
            false => c.out(&format!("{label}{value}\n")),
        }
    }
    0
}

pub(super) fn hostnamectl(c: &mut Cmd) -> i32 {
    let args: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    match args.first().map(String::as_str) {
        None | Some("status") => {
            let host = c.host();
            let p = host.persona();
            let name = host.hostname();
            let stored = file(host, "/etc/hostname");
            let stored = stored.trim();
            let mut text = format!("   Static hostname: {stored}\n");
            if stored != name {
                text.push_str(&format!("Transient hostname: {name}\n"));
            }
            text.push_str(&format!(
                "         Icon name: computer-vm\n           Chassis: vm\n        Machine ID: {}\n           Boot ID: {}\n    \
                 Virtualization: {}\n  Operating System: {}\n            Kernel: Linux {}\n      Architecture: {}\n",
                p.machine_id,
                p.boot_id.replace('-', ""),
                p.virt,
                p.os_pretty,
                p.kernel,
                p.machine.replace('_', "-"),
            ));
            c.out(&text);
            0
        }
        Some("hostname") if args.len() == 1 => {
            let line = format!("{}\n", c.host().hostname());
            c.out(&line);
            0
        }
        Some("set-hostname" | "hostname") => {
            let Some(name) = args.get(1) else {
                c.err("Too few arguments.\n");
                return 1;
            };
            if !is_root(c) {
                c.err("Could not set property: Interactive authentication required.\n");
                return 1;
            }
            c.host().set_hostname(name.as_bytes());
            put_file(c.host(), "/etc/hostname", &format!("{name}\n"), 0o644);
            0
        }
        Some("set-icon-name" | "set-chassis" | "set-deployment" | "set-location") => 0,
        Some(other) => {
            let text = format!("Unknown command verb {other}.\n");
            c.err(&text);
            1
        }
    }
}

pub(super) fn timedatectl(c: &mut Cmd) -> i32 {
    let args: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    let now = c.now();
    let zone = c.host().persona().timezone.clone();
    match args.first().map(String::as_str) {
        None | Some("status") => {
            let local = time(now, "%a %Y-%m-%d %H:%M:%S");
            c.out(&format!(
                "               Local time: {local} UTC\n           Universal time: {local} UTC\n                 \
                 RTC time: {local}\n                Time zone: {zone} (UTC, +0000)\nSystem clock synchronized: yes\n              \
                 NTP service: active\n          RTC in local TZ: no\n"
            ));
            0
        }
        Some("show") => {
            let at = time(now, "%a %Y-%m-%d %H:%M:%S UTC");
            c.out(&format!(
                "Timezone={zone}\nLocalRTC=no\nCanNTP=yes\nNTP=yes\nNTPSynchronized=yes\nTimeUSec={at}\nRTCTimeUSec={at}\n"
            ));
            0
        }
        Some("list-timezones") => {
            c.out("Africa/Abidjan\nAmerica/New_York\nAsia/Tokyo\nEurope/Berlin\nEurope/London\nUTC\n");
            0
        }
        Some("set-timezone" | "set-ntp" | "set-time" | "set-local-rtc") => {
            if is_root(c) {
                return 0;
            }
            c.err("Failed to set time: Interactive authentication required.\n");
            1
        }
        Some(other) => {
            let text = format!("Unknown command verb {other}.\n");
            c.err(&text);
            1
        }
    }
}

pub(super) fn detect_virt(c: &mut Cmd) -> i32 {
    let found = match options::parse("c,container v,vm r,chroot q,quiet h,help version list private-users", &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return 1;
        }
    };
    let quiet = found.has("q");
    if found.has("r") {
        return 1;
    }
    if found.has("c") {
        if !quiet {
            c.out("none\n");
        }
        return 1;
    }
    if !quiet {
        let line = format!("{}\n", c.host().persona().virt);
        c.out(&line);
    }
    0
}
