//! The lines of one hour of a log.

use super::{DAY, HOUR, Log, Which};
use crate::base::clock::Timestamp;
use crate::base::rng::Rng;
use crate::world::life::{self, Job};
use crate::world::visitors::past_logins;

/// A time, seconds since 1970, and the line with its end.
type Line = (i64, String);

/// The lines of the hour that begins then, in their order.
pub(super) fn of_hour(log: &Log, hour: i64) -> Vec<Line> {
    let mut lines = match log.which {
        Which::Auth => auth(log, hour),
        Which::System => [system(log, hour), mail(log, hour), kernel(log)].concat(),
        Which::Kernel => kernel(log),
        Which::Mail => mail(log, hour),
        Which::Web => web(log, hour),
    };
    lines.retain(|(at, _)| (hour..hour + HOUR).contains(at));
    lines.sort_by_key(|(at, _)| *at);
    lines
}

fn rng(log: &Log, hour: i64, purpose: &str) -> Rng {
    Rng::new(log.persona.seed ^ hour.unsigned_abs(), purpose)
}

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    let last = (from.len() as u64).saturating_sub(1);
    from.get(usize::try_from(rng.between(0, last)).unwrap_or(0)).copied().unwrap_or_default()
}

fn seconds(rng: &mut Rng, low: u64, high: u64) -> i64 {
    i64::try_from(rng.between(low, high)).unwrap_or(0)
}

/// An address somewhere in the world.
fn stranger(rng: &mut Rng) -> String {
    const FIRST: [u64; 16] = [5, 37, 43, 45, 61, 77, 80, 92, 103, 117, 139, 146, 159, 180, 193, 218];
    let first = FIRST.get(usize::try_from(rng.between(0, 15)).unwrap_or(0)).copied().unwrap_or(45);
    format!("{first}.{}.{}.{}", rng.between(1, 250), rng.between(0, 255), rng.between(1, 254))
}

/// Runs of cron in that hour: when, which job, its number.
fn runs(log: &Log, hour: i64) -> Vec<(i64, Job, u32)> {
    let mut all: Vec<(i64, Job, u32)> = Vec::new();
    for job in life::jobs(&log.persona, &log.people) {
        for minute in 0..60 {
            if job.runs_at(hour + minute * 60) {
                let at = hour + minute * 60 + 1;
                let before = u32::try_from(all.iter().filter(|(time, ..)| *time == at).count()).unwrap_or(0);
                all.push((at, job.clone(), log.pid(at) + before * 2));
            }
        }
    }
    all
}

fn auth(log: &Log, hour: i64) -> Vec<Line> {
    let mut lines = Vec::new();
    for (at, job, pid) in runs(log, hour) {
        let user = &job.user;
        let say =
            |at, what: &str| (at, format!("{} CRON[{pid}]: pam_unix(cron:session): session {what}\n", log.head(at)));
        lines.push(say(at, &format!("opened for user {user} by (uid=0)")));
        lines.push(say(at + i64::from(job.seconds), &format!("closed for user {user}")));
    }
    const NAMES: &[&str] = &[
        "admin",
        "test",
        "user",
        "oracle",
        "postgres",
        "ftpuser",
        "git",
        "pi",
        "hadoop",
        "guest",
        "deploy",
        "minecraft",
    ];
    let mut rng = rng(log, hour, "ssh guesses");
    for _ in 0..rng.between(0, 5) {
        let (from, port) = (stranger(&mut rng), rng.between(32_800, 60_900));
        let mut at = hour + seconds(&mut rng, 0, 3_500);
        let pid = log.pid(at);
        let say = |at: i64, what: String| (at, format!("{} sshd[{pid}]: {what}\n", log.head(at)));
        let about = format!("logname= uid=0 euid=0 tty=ssh ruser= rhost={from} ");
        if rng.between(0, 2) == 0 {
            lines.push(say(at, format!("pam_unix(sshd:auth): authentication failure; {about} user=root")));
            at += 2;
            lines.push(say(at, format!("Failed password for root from {from} port {port} ssh2")));
            let end = format!("authenticating user root {from} port {port} [preauth]");
            lines.push(say(at + 1, format!("Received disconnect from {from} port {port}:11: Bye Bye [preauth]")));
            lines.push(say(at + 1, format!("Disconnected from {end}")));
        } else {
            let name = pick(&mut rng, NAMES);
            lines.push(say(at, format!("Invalid user {name} from {from} port {port}")));
            lines.push(say(at, "pam_unix(sshd:auth): check pass; user unknown".into()));
            lines.push(say(at, format!("pam_unix(sshd:auth): authentication failure; {about}")));
            at += 2;
            lines.push(say(at, format!("Failed password for invalid user {name} from {from} port {port} ssh2")));
            lines.push(say(at + 1, format!("Connection closed by invalid user {name} {from} port {port} [preauth]")));
        }
    }
    for login in past_logins(&log.persona, &log.people).into_iter().filter(|login| login.user != "reboot") {
        let (start, end) = (login.since.as_second(), login.until.map_or(i64::MAX, |until| until.as_second()));
        let (user, from, pid) = (&login.user, &login.from, log.pid(start));
        let say = |at: i64, what: String| (at, format!("{} {what}\n", log.head(at)));
        let port = 40_000 + pid % 20_000;
        let key = format!("{:043}", (u64::from(pid) * 7_919) ^ log.persona.seed);
        let key: String = key.bytes().zip(0_u8..).map(|(b, n)| char::from(b'a' + (b ^ n) % 26)).collect();
        let opened = format!("sshd[{pid}]: pam_unix(sshd:session): session opened for user {user} by (uid=0)");
        lines.push(say(
            start,
            format!("sshd[{pid}]: Accepted publickey for {user} from {from} port {port} ssh2: RSA SHA256:{key}"),
        ));
        lines.push(say(start, opened));
        lines.push(say(start, format!("systemd-logind[{}]: New session {} of user {user}.", logind(log), pid % 9_000)));
        lines.push(say(end, format!("sshd[{pid}]: pam_unix(sshd:session): session closed for user {user}")));
    }
    lines
}

fn logind(log: &Log) -> u32 {
    log.persona.services.iter().find(|service| service.unit.contains("logind")).map_or(712, |service| service.pid)
}

/// What systemd does every day: second of the day (spread by an hour), name of the unit, what it says of it.
const TIMERS: &[(i64, &str, &str)] = &[
    (600, "man-db.service", "Daily man-db regeneration"),
    (5, "logrotate.service", "Rotate log files"),
    (9_000, "fstrim.service", "Discard unused blocks on filesystems from /etc/fstab"),
    (21_700, "apt-daily-upgrade.service", "Daily apt upgrade and clean activities"),
    (30_100, "motd-news.service", "Message of the Day"),
    (44_000, "apt-daily.service", "Daily apt download activities"),
    (52_000, "systemd-tmpfiles-clean.service", "Cleanup of Temporary Directories"),
    (73_000, "motd-news.service", "Message of the Day"),
];

fn system(log: &Log, hour: i64) -> Vec<Line> {
    let mut lines = Vec::new();
    for (at, job, pid) in runs(log, hour) {
        let (user, command) = (&job.user, &job.command);
        lines.push((at, format!("{} CRON[{}]: ({user}) CMD ({command})\n", log.head(at), pid + 1)));
    }
    let day = hour.div_euclid(DAY) * DAY;
    let mut rng = rng(log, day, "timers");
    for (second, unit, about) in TIMERS {
        let at = day + second + seconds(&mut rng, 0, if *second < 60 { 5 } else { 3_000 });
        if unit.starts_with("fstrim") && day.div_euclid(DAY).rem_euclid(7) != 4 {
            continue;
        }
        let took = seconds(&mut rng, 0, 4);
        let mut say = |at: i64, what: String| lines.push((at, format!("{} systemd[1]: {what}\n", log.head(at))));
        say(at, format!("Starting {about}..."));
        say(at + took, format!("{unit}: Succeeded."));
        say(at + took, format!("Finished {about}."));
    }
    if hour == day {
        let pid = log.persona.services.iter().find(|s| s.unit.starts_with("rsyslog")).map_or(640, |s| s.pid);
        let from = format!("[origin software=\"rsyslogd\" swVersion=\"8.2001.0\" x-pid=\"{pid}\"");
        let what = format!("{from} x-info=\"https://www.rsyslog.com\"] rsyslogd was HUPed");
        lines.push((day, format!("{} rsyslogd: {what}\n", log.head(day))));
    }
    lines
}

fn mail(log: &Log, hour: i64) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut rng = rng(log, hour, "mail guesses");
    for _ in 0..rng.between(0, 3) {
        let from = stranger(&mut rng);
        let at = hour + seconds(&mut rng, 0, 3_300);
        let pid = log.pid(at);
        let mut say =
            |at: i64, who: &str, what: String| lines.push((at, format!("{} postfix/{who}: {what}\n", log.head(at))));
        let (smtpd, anvil) = (format!("smtpd[{pid}]"), format!("anvil[{}]", pid + 2));
        let (last, counts) = if rng.between(0, 1) == 0 {
            ("lost connection after AUTH", "ehlo=1 auth=0/1 commands=1/2")
        } else {
            ("lost connection after CONNECT", "commands=0/0")
        };
        say(at, &smtpd, format!("connect from unknown[{from}]"));
        say(at + 1, &smtpd, format!("{last} from unknown[{from}]"));
        say(at + 1, &smtpd, format!("disconnect from unknown[{from}] {counts}"));
        let time = Timestamp::from_second(at).unwrap_or_default().strftime("%b %e %H:%M:%S");
        for what in ["max connection rate 1/60s", "max connection count 1"] {
            say(at + 201, &anvil, format!("statistics: {what} for (smtp:{from}) at {time}"));
        }
        say(at + 201, &anvil, format!("statistics: max cache size 1 at {time}"));
    }
    lines
}

/// What the kernel says when it starts, with the microseconds since.
fn boot_messages(log: &Log) -> Vec<(i64, String)> {
    let persona = &log.persona;
    vec![
        (0, format!("Linux version {} {} {}", persona.kernel, persona.kernel_builder, persona.kernel_version)),
        (0, format!("Command line: BOOT_IMAGE=/boot/vmlinuz-{} root=UUID={} ro", persona.kernel, persona.disk.uuid)),
        (0, "KERNEL supported cpus:".into()),
        (0, "Hypervisor detected: KVM".into()),
        (12, "kvm-clock: Using msrs 4b564d01 and 4b564d00".into()),
        (38_122, format!("Memory: {0}K/{0}K available", persona.memory_kib)),
        (151_004, format!("smpboot: CPU0: {}", persona.cpu.model_name)),
        (231_870, format!("smp: Brought up 1 node, {} CPUs", persona.cpus)),
        (1_204_331, format!("virtio_net virtio0 {}: renamed from eth0", persona.iface)),
        (2_387_410, "EXT4-fs (sda1): mounted filesystem with ordered data mode. Opts: (null)".into()),
        (3_610_225, "systemd[1]: Detected virtualization kvm.".into()),
        (3_612_907, format!("systemd[1]: Set hostname to <{}>.", persona.hostname)),
        (5_119_648, "EXT4-fs (sda1): re-mounted. Opts: (null)".into()),
        (8_442_190, format!("IPv6: ADDRCONF(NETDEV_CHANGE): {}: link becomes ready", persona.iface)),
    ]
}

fn kernel(log: &Log) -> Vec<Line> {
    let booted = log.persona.booted;
    let line = |micros: i64, what: &str| {
        let at = booted + micros / 1_000_000;
        let since = format!("{:>5}.{:06}", micros / 1_000_000, micros % 1_000_000);
        (at.max(booted + 4), format!("{} kernel: [{since}] {what}\n", log.head(at.max(booted + 4))))
    };
    let mut lines: Vec<Line> = boot_messages(log).iter().map(|(micros, what)| line(*micros, what)).collect();
    let mut rng = Rng::new(log.persona.seed, "perf");
    let (mut limit, mut rate) = (2_500, 79_750);
    let mut after = 0;
    for _ in 0..6 {
        after += seconds(&mut rng, 20_000, 900_000);
        let took = limit + 1 + seconds(&mut rng, 0, 9);
        let what = format!(
            "perf: interrupt took too long ({took} > {limit}), lowering kernel.perf_event_max_sample_rate to {rate}"
        );
        lines.push(line(after * 1_000_000 + seconds(&mut rng, 0, 999_999), &what));
        (limit, rate) = (took * 5 / 4, rate * 4 / 5 / 250 * 250);
    }
    lines
}

fn web(log: &Log, hour: i64) -> Vec<Line> {
    const AGENTS: &[&str] = &[
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/91.0.4472.124 Safari/537.36",
        "Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)",
        "Mozilla/5.0 zgrab/0.x",
        "python-requests/2.31.0",
        "Go-http-client/1.1",
        "-",
    ];
    // Method, path, status, size: the index page, or nginx's own page for the error.
    const ASKED: &[(&str, &str, u32, u32)] = &[
        ("GET", "/", 200, 612),
        ("GET", "/", 200, 612),
        ("GET", "/", 200, 612),
        ("HEAD", "/", 200, 0),
        ("GET", "/favicon.ico", 404, 162),
        ("GET", "/robots.txt", 404, 162),
        ("GET", "/.env", 404, 162),
        ("GET", "/wp-login.php", 404, 162),
        ("POST", "/boaform/admin/formLogin", 404, 162),
        ("GET", "/.git/config", 404, 162),
    ];
    let mut lines = Vec::new();
    let mut rng = rng(log, hour, "web");
    for _ in 0..rng.between(1, 9) {
        let at = hour + seconds(&mut rng, 0, 3_599);
        let from = stranger(&mut rng);
        let time = Timestamp::from_second(at).unwrap_or_default().strftime("%d/%b/%Y:%H:%M:%S +0000");
        let place = usize::try_from(rng.between(0, ASKED.len() as u64 - 1)).unwrap_or(0);
        let (method, path, status, size) = ASKED.get(place).copied().unwrap_or(("GET", "/", 200, 612));
        let agent = pick(&mut rng, AGENTS);
        lines.push((
            at,
            format!("{from} - - [{time}] \"{method} {path} HTTP/1.1\" {status} {size} \"-\" \"{agent}\"\n"),
        ));
    }
    lines
}
