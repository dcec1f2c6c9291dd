//! The same question asked in several ways: what commands, files and facts of one host say must agree, on three seeds.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustbucket::world::{Host, Who};

use super::bench::{Bench, world};

/// What disagreed, by the name of the view; and programs that nobody acts yet.
#[derive(Default)]
struct Findings {
    checks: u32,
    failed: BTreeMap<String, Vec<String>>,
    missing: BTreeMap<String, u32>,
}

/// One session and what it found.
struct View<'a> {
    bench: Bench,
    host: Arc<Host>,
    seed: u64,
    found: &'a mut Findings,
}

impl View<'_> {
    /// What a line prints, without blanks at its ends; which programs were asked of nobody is noted.
    fn ask(&mut self, line: &str) -> String {
        let before = self.bench.asked.len();
        let said = self.bench.line(line).trim().to_string();
        for question in &self.bench.asked[before..] {
            let name = question.split(' ').next().unwrap_or_default().to_string();
            *self.found.missing.entry(name).or_default() += 1;
        }
        if let Some((name, _)) = said.split_once(": command not found") {
            let name = name.rsplit(": ").next().unwrap_or_default().trim_start_matches("-bash").to_string();
            *self.found.missing.entry(name).or_default() += 1;
        }
        said
    }

    fn check(&mut self, what: &str, right: bool, detail: impl std::fmt::Display) {
        self.found.checks += 1;
        if !right {
            let line: String = format!("seed {}: {detail}", self.seed).chars().take(400).collect();
            self.found.failed.entry(what.to_string()).or_default().push(line);
        }
    }

    /// All of these lines print the same, and something.
    fn same(&mut self, what: &str, lines: &[&str]) {
        let said: Vec<String> = lines.iter().map(|line| self.ask(line)).collect();
        let right = said.iter().all(|text| !text.is_empty() && *text == said[0]);
        let pairs: Vec<String> = lines.iter().zip(&said).map(|(line, text)| format!("{line} → {text:?}")).collect();
        self.check(what, right, pairs.join("; "));
    }

    /// What a line prints is this.
    fn is(&mut self, what: &str, line: &str, wanted: &str) {
        let said = self.ask(line);
        self.check(what, said == wanted, format!("{line} → {said:?}, not {wanted:?}"));
    }

    /// What a line prints has this in it.
    fn has(&mut self, what: &str, line: &str, wanted: &str) {
        let said = self.ask(line);
        self.check(what, !wanted.is_empty() && said.contains(wanted), format!("{line} → {said:?}, without {wanted:?}"));
    }

    fn number(&mut self, line: &str) -> i64 {
        self.ask(line).split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(-1)
    }

    fn names(&mut self) {
        let persona = self.host.persona().clone();
        self.same(
            "host name",
            &["hostname", "cat /etc/hostname", "uname -n", "cat /proc/sys/kernel/hostname", "echo $HOSTNAME"],
        );
        self.is("host name of the facts", "hostname", &persona.hostname);
        self.same("full host name", &["hostname -f", "cat /etc/mailname", "grep 127.0.1.1 /etc/hosts | cut -d' ' -f2"]);
        let (out, _) = self.bench.keys(b"\r");
        let prompt = String::from_utf8_lossy(&out).into_owned();
        self.check("prompt", prompt.ends_with(&format!("root@{}:~# ", persona.hostname)), format!("{prompt:?}"));
        self.same("kernel", &["uname -r", "cat /proc/sys/kernel/osrelease", "cut -d' ' -f3 /proc/version"]);
        self.same("kernel version", &["uname -v", "cat /proc/sys/kernel/version"]);
        self.has("uname -a", "uname -a", &format!("Linux {} {}", persona.hostname, persona.kernel));
        self.has("kernel's package", "dpkg -l | grep linux-image", &persona.kernel);
        self.has("kernel's modules", "ls /lib/modules", &persona.kernel);
        self.has("kernel's image", "ls /boot", &format!("vmlinuz-{}", persona.kernel));
        let machine = persona.machine.clone();
        self.is("machine", "uname -m", &machine);
        self.is("machine of arch", "arch", &machine);
        self.is("machine of dpkg", "dpkg --print-architecture", &persona.arch_dpkg);
        self.has("machine of lscpu", "lscpu | grep Architecture", &machine);
        self.same(
            "release",
            &[
                "lsb_release -ds 2>/dev/null",
                "grep PRETTY_NAME /etc/os-release | cut -d'\"' -f2",
                "sed 's/ .n .l//' /etc/issue",
            ],
        );
        self.same(
            "release number",
            &[
                "lsb_release -rs 2>/dev/null",
                "grep VERSION_ID /etc/os-release | cut -d'\"' -f2",
                "grep RELEASE /etc/lsb-release | cut -d= -f2",
            ],
        );
        self.same(
            "code name",
            &[
                "lsb_release -cs 2>/dev/null",
                "grep VERSION_CODENAME /etc/os-release | cut -d= -f2",
                "grep -m1 '^deb ' /etc/apt/sources.list | cut -d' ' -f3",
            ],
        );
        self.same("issue", &["cat /etc/issue.net", "lsb_release -ds 2>/dev/null"]);
        self.has("ssh's banner", "ssh -V 2>&1", persona.ssh_version.split(' ').next().unwrap());
        let package = persona.packages.iter().find(|package| package.name == "openssh-server").unwrap();
        let banner = persona.ssh_version.replace("OpenSSH_", "").replace(" Ubuntu", "").replace(" Debian", "");
        let fits = package.version.contains(&banner);
        self.check("ssh's package", fits, format!("{} and {banner}", package.version));
        self.has("bash", "echo $BASH_VERSION", &persona.bash_version);
        self.has("bash's package", "dpkg -l bash", "5.0-6ubuntu1");
        self.is("machine id", "cat /etc/machine-id", &persona.machine_id);
        self.is("boot id", "cat /proc/sys/kernel/random/boot_id", &persona.boot_id);
        self.has("hostnamectl", "hostnamectl", &persona.machine_id);
    }

    fn hardware(&mut self) {
        self.same(
            "processors",
            &[
                "nproc",
                "grep -c ^processor /proc/cpuinfo",
                "lscpu | awk '/^CPU.s.:/{print $2}'",
                "getconf _NPROCESSORS_ONLN",
            ],
        );
        self.same(
            "processor's name",
            &["grep -m1 'model name' /proc/cpuinfo | cut -d: -f2", "lscpu | grep 'Model name' | cut -d: -f2"],
        );
        self.same("all memory", &["free | awk '/Mem/{print $2}'", "awk '/MemTotal/{print $2}' /proc/meminfo"]);
        self.same("swap", &["free | awk '/Swap/{print $2}'", "awk '/SwapTotal/{print $2}' /proc/meminfo"]);
        let free = self.number("free | awk '/Mem/{print $4}'");
        let file = self.number("awk '/MemFree/{print $2}' /proc/meminfo");
        self.check("free memory", free > 0 && (free - file).abs() < free / 10, format!("{free} and {file}"));
        self.same(
            "root's device",
            &[
                "df / | awk 'NR==2{print $1}'",
                "mount | awk '$3==\"/\"{print $1}'",
                "awk '$2==\"/\"{print $1}' /proc/mounts",
            ],
        );
        self.same(
            "root's kind",
            &[
                "df -T / | awk 'NR==2{print $2}'",
                "mount | awk '$3==\"/\"{print $5}'",
                "stat -f -c %T / | cut -d/ -f1 | sed 's/ext2/ext4/'",
            ],
        );
        self.same("mounts", &["mount | wc -l", "wc -l < /proc/mounts"]);
        for place in ["/dev", "/run", "/run/lock"] {
            let options = format!(
                "awk '$2==\"{place}\"{{print $4}}' /proc/mounts | tr , '\\n' | awk -F= '/^size/{{print $2+0}}'"
            );
            self.same("size of a mount", &[&options, &format!("df -k {place} | awk 'NR==2{{print $2}}'")]);
        }
        let uuid = self.host.persona().disk.uuid.clone();
        self.has("root's uuid in fstab", "cat /etc/fstab", &uuid);
        self.has("root's uuid of blkid", "blkid", &uuid);
        self.has("root's uuid of the kernel", "cat /proc/cmdline", &uuid);
        let size = self.number("df -k / | awk 'NR==2{print $2}'");
        let parts = self.ask("df -k / | awk 'NR==2{print $3, $4}'");
        let parts: i64 = parts.split_whitespace().filter_map(|word| word.parse::<i64>().ok()).sum();
        self.check("df adds up", size > 0 && parts <= size && parts > size * 9 / 10, format!("{size} and {parts}"));
        self.has("disk of lsblk", "lsblk", "sda");
        let persona = self.host.persona().clone();
        self.has("address of ip", "ip a", &persona.address);
        self.has("mac of ip", "ip link", &persona.mac);
        self.is("mac of the kernel", &format!("cat /sys/class/net/{}/address", persona.iface), &persona.mac);
        self.has("address of ifconfig", "ifconfig", &persona.address);
        self.has("address of hostname", "hostname -I", &persona.address);
        self.has("address of netplan", "cat /etc/netplan/*", &persona.address);
        self.has("gateway", "ip route", &format!("default via {}", persona.gateway));
        self.has("gateway of arp", "cat /proc/net/arp", &persona.gateway);
    }

    fn people(&mut self) {
        self.has("id", "id", "uid=0(root) gid=0(root)");
        self.same("user", &["whoami", "id -un", "echo $USER", "head -1 /etc/passwd | cut -d: -f1"]);
        self.same("home", &["echo $HOME", "pwd", "head -1 /etc/passwd | cut -d: -f6"]);
        self.same("shell", &["echo $SHELL", "head -1 /etc/passwd | cut -d: -f7"]);
        self.same("users", &["wc -l < /etc/passwd", "wc -l < /etc/shadow", "getent passwd | wc -l"]);
        self.same("groups", &["wc -l < /etc/group", "wc -l < /etc/gshadow"]);
        for user in self.host.users().into_iter().filter(|user| user.uid >= 1000 && user.uid < 60_000) {
            let (name, home) = (user.name.as_str(), user.home.as_str());
            self.is("owner of a home", &format!("stat -c '%U %G %u' {home}"), &format!("{name} {name} {}", user.uid));
            self.has("id of somebody", &format!("id {name}"), &format!("uid={}({name})", user.uid));
            self.has("home of somebody", "ls /home", name);
        }
        for line in ["who", "w", "last", "ss -tn", "netstat -tn"] {
            self.has(&format!("visitor in {line}"), line, "192.0.2.7");
        }
        self.same("terminal", &["tty | sed 's,/dev/,,'", "ps -o tty= -p $$", "who | awk '{print $2}'"]);
        self.same(
            "own process",
            &["echo $$", "ps -o pid= -p $$", "readlink /proc/$$ || echo $$", "awk '/^Pid/{print $2}' /proc/$$/status"],
        );
        self.has("own shell", "ps aux", "-bash");
        self.same("own parent", &["echo $PPID", "awk '/^PPid/{print $2}' /proc/$$/status"]);
    }

    fn processes(&mut self) {
        let said = self.ask("ps -e -o pid=");
        let listed: Vec<u32> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let gone =
            listed.iter().filter(|pid| self.host.stat(&Who::root(), format!("/proc/{pid}").as_bytes(), true).is_err());
        let gone = gone.count();
        // ps itself is over by now.
        self.check(
            "ps and /proc",
            listed.len() > 60 && gone <= 1,
            format!("{} listed, {gone} not there", listed.len()),
        );
        let packages = [
            ("ssh.service", "openssh-server"),
            ("nginx.service", "nginx"),
            ("vsftpd.service", "vsftpd"),
            ("postfix@-.service", "postfix"),
            ("cron.service", "cron"),
            ("inetd.service", "openbsd-inetd"),
            ("rsyslog.service", "rsyslog"),
            ("dbus.service", "dbus"),
            ("irqbalance.service", "irqbalance"),
            ("atd.service", "at"),
            ("polkit.service", "policykit-1"),
            ("multipathd.service", "multipath-tools"),
            ("accounts-daemon.service", "accountsservice"),
            ("networkd-dispatcher.service", "networkd-dispatcher"),
            ("unattended-upgrades.service", "unattended-upgrades"),
        ];
        for service in &self.host.persona().services.clone() {
            let package = packages.iter().find(|(unit, _)| *unit == service.unit).map_or("systemd", |(_, name)| name);
            let package = if service.unit.starts_with("getty") { "util-linux" } else { package };
            let there = self.host.persona().packages.iter().any(|known| known.name == package);
            self.check("package of a service", there, format!("{} of {package}", service.unit));
            let known = self.host.persona().packages.iter().find(|known| known.name == package).cloned();
            if let Some(known) = known.filter(|_| package != "systemd") {
                self.is(
                    "version of a service",
                    &format!("dpkg-query -W -f '${{Version}}\\n' {package}"),
                    &known.version,
                );
                // The columns of dpkg -l cut long versions off.
                let start: String = known.version.chars().take(8).collect();
                self.has("dpkg -l of a service", &format!("dpkg -l {package}"), &start);
            }
            let exe = self.ask(&format!("readlink -f /proc/{}/exe", service.pid));
            let there = self.host.access(&Who::root(), exe.as_bytes(), 1).is_ok();
            self.check("program of a service", there, format!("{} runs {exe:?}", service.unit));
            for (proto, _, port) in service.ports.iter().filter(|(proto, ..)| *proto == "tcp") {
                let port = *port;
                self.has("listening socket", "ss -tln", &format!(":{port} "));
                let hex = format!(":{port:04X} 00000000:0000 0A");
                self.has("socket of the kernel", &format!("cat /proc/net/{proto}"), &hex);
            }
        }
        self.has("dpkg's status", "grep -A1 '^Package: nginx$' /var/lib/dpkg/status", "install ok installed");
        let listed = self.number("dpkg -l | grep -c ^ii");
        let kept = self.number("grep -c ^Package: /var/lib/dpkg/status");
        self.check("number of packages", listed == kept && kept > 200, format!("{listed} and {kept}"));
    }

    fn files(&mut self) {
        for path in ["/etc/passwd", "/bin/bash", "/usr/bin/lesspipe", "/var/log/dpkg.log", "/root/.bash_history"] {
            let lines = [
                format!("stat -Lc %s {path}"),
                format!("wc -c < {path}"),
                format!("ls -lL {path} | awk '{{print $5}}'"),
            ];
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            self.same("size of a file", &lines);
        }
        for path in ["/etc/shadow", "/usr/bin/passwd", "/tmp", "/var/mail"] {
            let lines =
                [format!("stat -c '%A %h %U %G' {path}"), format!("ls -ld {path} | awk '{{print $1, $2, $3, $4}}'")];
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            self.same("inode of a file", &lines);
        }
        self.same(
            "links of a folder",
            &["stat -c %h /etc/cron.d/..", "ls -ld /etc | awk '{print $2}'", "echo $(($(ls -lA /etc | grep -c ^d)+2))"],
        );
        let now = self.number("date +%s");
        for path in ["/var/log/auth.log", "/var/log/syslog"] {
            let at = self.number(&format!("stat -c %Y {path}"));
            self.check("time of a log", at <= now && at > now - 86_400, format!("{path}: {at}, now {now}"));
            self.same("name in a log", &["hostname", &format!("tail -1 {path} | awk '{{print $4}}'")]);
        }
        let young = self.ask("find /etc /root /home /usr/bin /var/www -newermt tomorrow");
        self.check("files of the future", young.is_empty(), young);
        self.same("clock", &["date +%s | cut -c1-8", "stat -c %Y /proc/self | cut -c1-8"]);
        let up = self.number("cut -d. -f1 /proc/uptime");
        let booted = self.number("awk '/btime/{print $2}' /proc/stat");
        self.check("uptime and boot", (now - up - booted).abs() < 5, format!("{now} - {up} and {booted}"));
        self.ask("sleep 3");
        let later = self.host.uptime().as_secs_f64();
        self.check("uptime grows", later >= up as f64, format!("{up} {later}"));
        self.has("uptime", "uptime", " up ");
        self.has("history", "tail -3 /root/.bash_history | head -1 | grep -c .", "1");
        self.has("aliases", "alias", "alias ll='ls -alF'");
    }
}

#[test]
fn all_views_of_a_host_agree() {
    let mut found = Findings::default();
    for seed in [7, 20_040_612, 0x5eed_cafe] {
        let host = world(seed).host_for([192, 0, 2, 7].into());
        let mut view = View { bench: Bench::login(&host), host, seed, found: &mut found };
        view.names();
        view.hardware();
        view.people();
        view.processes();
        view.files();
    }
    println!("{} assertions, {} kinds failed", found.checks, found.failed.len());
    // What the start files of a login shell ask must be acted, or each login costs a question.
    assert!(!found.missing.contains_key("lesspipe") && !found.missing.contains_key("dircolors"));
    println!("asked of nobody: {:?}", found.missing);
    for (what, lines) in &found.failed {
        println!("FAILED {what}: {} times, first: {}", lines.len(), lines[0]);
    }
    // Programs that are not acted yet make their views fail; the table says which.
    assert!(found.checks >= 120);
    assert!(found.failed.is_empty() || !found.missing.is_empty(), "{:#?}", found.failed);
}
