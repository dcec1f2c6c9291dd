//! What an attacker changes stays changed: asked 1, 5, 20 and 50 lines later, in a new session, after the sensor was
//! killed and started again, and over FTP. What a host forgets is forgotten: aliases, variables, what runs.

use super::bench::{Bench, host};
use super::sensor::{Sensor, Setup, Talk};

/// What one line changed.
struct Change {
    does: &'static str,
    question: &'static str,
    /// The answer in the same session, in another one, and after the host was started again; `None` where it depends.
    here: &'static str,
    elsewhere: &'static str,
    restarted: Option<&'static str>,
}

/// A change of what lies on the disk.
const fn kept(does: &'static str, question: &'static str, answer: &'static str) -> Change {
    Change { does, question, here: answer, elsewhere: answer, restarted: Some(answer) }
}

/// A change of one shell.
const fn shells(does: &'static str, question: &'static str, here: &'static str, elsewhere: &'static str) -> Change {
    Change { does, question, here, elsewhere, restarted: Some(elsewhere) }
}

/// A change of the running kernel.
const fn kernels(does: &'static str, question: &'static str, answer: &'static str) -> Change {
    Change { does, question, here: answer, elsewhere: answer, restarted: None }
}

const CHANGES: &[Change] = &[
    // Files, folders, links.
    kept("echo alpha > /tmp/s1", "cat /tmp/s1", "alpha"),
    kept("echo one > /tmp/s2; echo two >> /tmp/s2", "wc -l < /tmp/s2", "2"),
    kept("mkdir -p /var/tmp/.x/y", "ls -A /var/tmp/.x | cat", "y"),
    kept("cp /etc/passwd /tmp/s3; rm /tmp/s3", "ls /tmp/s3", "ls: cannot access '/tmp/s3': No such file or directory"),
    kept("ln -s /etc/os-release /tmp/link", "readlink /tmp/link", "/etc/os-release"),
    kept("echo data > /tmp/h1; ln /tmp/h1 /tmp/h2; rm /tmp/h1", "cat /tmp/h2", "data"),
    kept("echo old > /tmp/r1; echo new > /tmp/r2; mv -f /tmp/r2 /tmp/r1", "cat /tmp/r1", "new"),
    kept("mkdir -p /tmp/q/w/e; echo z > /tmp/q/w/e/f; mv /tmp/q/w /tmp/moved", "cat /tmp/moved/e/f", "z"),
    kept("mkdir -p /opt/a/b; touch /opt/a/b/{1,2,3}; find /opt/a -name 2 -delete", "ls /opt/a/b | xargs", "1 3"),
    kept("touch '/tmp/sp ace' /tmp/-dash", "ls -b /tmp | grep -c -e 'sp. ace' -e -dash", "2"),
    kept("mkfifo /tmp/pipe", "stat -c %F /tmp/pipe", "fifo"),
    kept("mkdir -m 1777 /srv/drop", "stat -c %a /srv/drop", "1777"),
    kept("seq 100 > /tmp/tr; truncate -s 10 /tmp/tr", "wc -c < /tmp/tr", "10"),
    kept("truncate -s 5G /tmp/sparse", "stat -c %s /tmp/sparse", "5368709120"),
    kept("dd if=/dev/zero of=/tmp/z bs=1024 count=3 2>/dev/null", "stat -c %s /tmp/z", "3072"),
    kept(
        "dd if=/dev/urandom of=/tmp/rnd bs=1k count=4 2>/dev/null; sha256sum /tmp/rnd > /tmp/rnd.sum",
        "sha256sum -c /tmp/rnd.sum",
        "/tmp/rnd: OK",
    ),
    kept("echo -ne '\\x7f\\x45' > /tmp/e", "od -An -tx1 /tmp/e", " 7f 45"),
    kept("base64 -d <<< aGVsbG8K > /tmp/b64", "cat /tmp/b64", "hello"),
    kept("echo abc | tee /tmp/t1 /tmp/t2 > /dev/null", "cmp /tmp/t1 /tmp/t2 && echo same", "same"),
    kept("printf '%s\\n' a b c > /tmp/pf; sed -i 2d /tmp/pf", "tr '\\n' , < /tmp/pf; echo", "a,c,"),
    kept("awk 'BEGIN { for (i = 1; i <= 4; i++) print i * i }' > /tmp/aw", "paste -sd+ /tmp/aw", "1+4+9+16"),
    kept("sort -rn /tmp/aw -o /tmp/aw2", "head -1 /tmp/aw2", "16"),
    kept("python3 -c \"open('/tmp/py', 'w').write('py')\"", "cat /tmp/py; echo", "py"),
    // Attributes.
    kept("touch /root/mark; chmod 4711 /root/mark", "stat -c %a /root/mark", "4711"),
    kept("umask 077; echo x > /tmp/um; umask 022", "stat -c %a /tmp/um", "600"),
    kept("echo y > /tmp/ow; chown daemon:adm /tmp/ow", "stat -c %U:%G /tmp/ow", "daemon:adm"),
    kept("touch /tmp/i; chattr +i /tmp/i", "rm -f /tmp/i", "rm: cannot remove '/tmp/i': Operation not permitted"),
    kept("echo 1 > /tmp/ap; chattr +a /tmp/ap", "echo 2 > /tmp/ap", "-bash: /tmp/ap: Operation not permitted"),
    kept("touch -d '2020-02-03 04:05:06' /tmp/t", "date -r /tmp/t +%F", "2020-02-03"),
    kept(
        "echo x > /tmp/d; touch -r /etc/os-release /tmp/d",
        "[ /tmp/d -nt /etc/os-release ] || [ /tmp/d -ot /etc/os-release ] || echo same",
        "same",
    ),
    kept("chmod 000 /usr/bin/uptime", "/usr/bin/uptime", "-bash: /usr/bin/uptime: Permission denied"),
    // Programs.
    kept("printf '#!/bin/sh\\necho ran $1\\n' > /tmp/run.sh; chmod +x /tmp/run.sh", "/tmp/run.sh now", "ran now"),
    kept("cp /bin/ls /tmp/myls", "/tmp/myls -d /etc", "/etc"),
    kept("ln -sf /bin/bash /tmp/sh0", "/tmp/sh0 -c 'echo $0'", "/tmp/sh0"),
    kept("mv /usr/bin/top /usr/bin/top.bak", "which top || echo none", "none"),
    // What the system has.
    kept("mv /etc/motd /etc/motd.old 2>/dev/null; echo mine > /etc/motd", "cat /etc/motd", "mine"),
    kept("rm -f /usr/bin/curl", "ls /usr/bin/curl", "ls: cannot access '/usr/bin/curl': No such file or directory"),
    kept("rm -rf /etc/cron.weekly", "test -d /etc/cron.weekly || echo gone", "gone"),
    kept("> /var/log/dpkg.log", "wc -c < /var/log/dpkg.log", "0"),
    kept("echo > /etc/hosts.deny", "wc -c < /etc/hosts.deny", "1"),
    kept("echo '10.9.8.7 c2.invalid' >> /etc/hosts", "getent hosts c2.invalid | xargs", "10.9.8.7 c2.invalid"),
    kept("echo 'nameserver 192.0.2.53' > /etc/resolv.conf", "cat /etc/resolv.conf", "nameserver 192.0.2.53"),
    kept(
        "sed -i 's/^#Port 22/Port 2222/' /etc/ssh/sshd_config",
        "grep ^Port /etc/ssh/sshd_config | cut -d' ' -f2",
        "2222",
    ),
    kept(
        "echo 'deb http://r.invalid/ x main' >> /etc/apt/sources.list",
        "grep -c r.invalid /etc/apt/sources.list",
        "1",
    ),
    kept("hostnamectl set-hostname toaster", "cat /etc/hostname", "toaster"),
    // Accounts.
    kept("useradd -m -s /bin/bash builder", "id -un builder", "builder"),
    kept(
        "useradd -m -s /bin/sh mallory; echo mallory:s3cr3t-Zx81 | chpasswd",
        "getent passwd mallory | cut -d: -f6,7",
        "/home/mallory:/bin/sh",
    ),
    kept("usermod -aG sudo mallory", "id -nG mallory", "mallory sudo"),
    kept("echo ubuntu:n3w-Zx81 | chpasswd", "passwd -S ubuntu | cut -d' ' -f2", "P"),
    kept("passwd -l news > /dev/null", "passwd -S news | cut -d' ' -f2", "L"),
    kept("chsh -s /bin/dash backup", "getent passwd backup | cut -d: -f7", "/bin/dash"),
    kept("userdel games", "id games", "id: ‘games’: no such user"),
    kept("groupadd gang", "getent group gang | cut -d: -f1", "gang"),
    kept("groupadd -g 4242 crew; gpasswd -a ubuntu crew", "getent group crew", "crew:x:4242:ubuntu"),
    kept(
        "echo 'mallory ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/m; chmod 440 /etc/sudoers.d/m",
        "stat -c '%a %s' /etc/sudoers.d/m",
        "440 31",
    ),
    kept(
        "echo secret > /home/ubuntu/notes.txt; chown ubuntu: /home/ubuntu/notes.txt; chmod 600 /home/ubuntu/notes.txt",
        "stat -c '%U %a' /home/ubuntu/notes.txt",
        "ubuntu 600",
    ),
    // What comes back by itself.
    kept("(crontab -l 2>/dev/null; echo '* * * * * /tmp/x') | crontab -", "crontab -l | grep -c /tmp/x", "1"),
    kept("echo '@reboot /tmp/z' | crontab -u ubuntu -", "crontab -l -u ubuntu", "@reboot /tmp/z"),
    kept("echo '*/5 * * * * root /tmp/y' > /etc/cron.d/upd", "cut -d' ' -f6,7 /etc/cron.d/upd", "root /tmp/y"),
    kept(
        "printf '[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n' \
         > /etc/systemd/system/upd.service; systemctl enable upd 2>/dev/null",
        "readlink /etc/systemd/system/multi-user.target.wants/upd.service; systemctl is-enabled upd",
        "/etc/systemd/system/upd.service\nenabled",
    ),
    kept("systemctl disable cron 2>/dev/null", "systemctl is-enabled cron", "disabled"),
    kept("systemctl mask rsyslog 2>/dev/null", "systemctl is-enabled rsyslog", "masked"),
    kept(
        "mkdir -p ~/.ssh && echo 'ssh-rsa AAAA k' >> ~/.ssh/authorized_keys",
        "tail -n 1 ~/.ssh/authorized_keys | cut -d' ' -f3",
        "k",
    ),
    kept("ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519", "cut -d' ' -f1 ~/.ssh/id_ed25519.pub", "ssh-ed25519"),
    kept(": marker-7716; history -a", "grep -c '^: marker-7716' ~/.bash_history", "1"),
    // Archives.
    kept("seq 10 | gzip > /tmp/n.gz", "zcat /tmp/n.gz | tail -1", "10"),
    kept("gzip -9 < /etc/services > /tmp/sv.gz", "zcat /tmp/sv.gz | cmp - /etc/services && echo equal", "equal"),
    kept("tar cf /tmp/a.tar -C /etc os-release hosts", "tar tf /tmp/a.tar | wc -l", "2"),
    kept(
        "mkdir /tmp/tz; echo q > /tmp/tz/f; tar czf /tmp/t.tgz -C /tmp tz; rm -rf /tmp/tz",
        "tar xzOf /tmp/t.tgz tz/f",
        "q",
    ),
    // What one shell knows.
    shells("alias zz='echo aliased'", "zz", "aliased", "-bash: zz: command not found"),
    shells("fun() { echo function; }", "fun", "function", "-bash: fun: command not found"),
    shells("export ROOM=kitchen", "echo \"<$ROOM>\"", "<kitchen>", "<>"),
    shells("echo 'export EDITOR=ed' > /etc/profile.d/zz.sh", "echo \"<$EDITOR>\"", "<>", "<ed>"),
    shells("ulimit -n 512", "ulimit -n", "512", "1024"),
    shells("set -- a b c", "echo $#", "3", "0"),
    // What the running kernel knows.
    Change {
        does: "sleep 86401 &",
        question: "pgrep -c -f 'sleep 8640[1]'",
        here: "1",
        elsewhere: "1",
        restarted: Some("0"),
    },
    kernels("systemctl stop cron", "systemctl is-active cron", "inactive"),
];

/// Answers that were not what they should be.
#[derive(Default)]
struct Wrong {
    checks: u32,
    lines: Vec<String>,
}

impl Wrong {
    fn check(&mut self, place: &str, change: &Change, said: &str, wanted: &str) {
        self.checks += 1;
        if said.trim_end() != wanted {
            self.lines.push(format!("{} | {} | {place}: {said:?}, not {wanted:?}", change.does, change.question));
        }
    }

    fn report(&self, what: &str) {
        println!("{what}: {} checks, {} wrong", self.checks, self.lines.len());
        assert!(self.lines.is_empty(), "{} of {}:\n{}", self.lines.len(), self.checks, self.lines.join("\n"));
    }
}

#[test]
fn changes_are_there_later_and_in_a_new_session() {
    let mut wrong = Wrong::default();
    for distance in [1, 5, 20, 50] {
        let host = host(7);
        let mut bench = Bench::login(&host);
        for change in CHANGES {
            bench.line(change.does);
        }
        for _ in 1..distance {
            bench.line("true");
        }
        let mut again = Bench::login(&host);
        for change in CHANGES {
            wrong.check(&format!("{distance} later"), change, &bench.line(change.question), change.here);
            wrong.check("a new session", change, &again.line(change.question), change.elsewhere);
        }
        assert!(bench.asked.is_empty() && again.asked.is_empty(), "{:?} {:?}", bench.asked, again.asked);
    }
    wrong.report("in memory");
}

/// A prompt that no program prints.
const PROMPT: &str = "@@> ";

pub fn login(sensor: &Sensor, name: &str, password: &str) -> Talk {
    let mut talk = sensor.connect("telnet");
    talk.refuse_options();
    talk.until("login: ");
    talk.ask(name, "Password: ");
    talk.send(format!("{password}\r\n"));
    talk.until(if name == "root" { "# " } else { "$ " });
    talk.ask("PS1='@''@> '", PROMPT);
    talk
}

/// What a line prints.
pub fn line(talk: &mut Talk, line: &str) -> String {
    let said = talk.ask(line, PROMPT).replace("\r\n", "\n");
    let body = said.split_once('\n').map_or("", |(_, body)| body);
    body.strip_suffix(PROMPT).unwrap_or(body).to_string()
}

#[test]
fn changes_survive_a_kill_and_are_seen_over_ftp() {
    let mut wrong = Wrong::default();
    let sensor = Sensor::start(&Setup::default());
    let mut talk = login(&sensor, "root", "toor");
    for change in CHANGES {
        line(&mut talk, change.does);
    }
    let mut again = login(&sensor, "root", "toor");
    for change in CHANGES {
        wrong.check("a new connection", change, &line(&mut again, change.question), change.elsewhere);
    }
    over_ftp(&sensor, &mut wrong, "over FTP");
    let sensor = sensor.kill_and_restart();
    let mut after = login(&sensor, "root", "toor");
    for change in CHANGES {
        if let Some(wanted) = change.restarted {
            wrong.check("after a kill", change, &line(&mut after, change.question), wanted);
        }
    }
    over_ftp(&sensor, &mut wrong, "over FTP after a kill");
    // The accounts are those of logins.
    let mut mallory = login(&sensor, "mallory", "s3cr3t-Zx81");
    let who = Change { does: "useradd mallory", question: "id -un", here: "", elsewhere: "", restarted: None };
    wrong.check("her own login", &who, &line(&mut mallory, "id -un"), "mallory");
    wrong.report("over the network");
}

/// An FTP login, and whether it was let in.
pub fn ftp(sensor: &Sensor, name: &str, password: &str) -> (Talk, String) {
    let mut talk = sensor.connect("ftp");
    talk.until("220 (vsFTPd 3.0.3)\r\n");
    talk.ask(&format!("USER {name}"), "\r\n");
    let said = talk.ask(&format!("PASS {password}"), "\r\n");
    (talk, said)
}

/// A data connection.
pub fn passive(talk: &mut Talk) -> Talk {
    let said = talk.ask("PASV", "\r\n");
    let numbers: Vec<u16> =
        said.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    let [.., high, low] = numbers[..] else { panic!("{said}") };
    Talk::to(high * 256 + low)
}

/// What a command sends over the data connection, and its last word.
pub fn fetched(talk: &mut Talk, command: &str) -> (String, String) {
    let data = passive(talk);
    let first = talk.ask(command, "\r\n");
    if !first.starts_with("150") {
        return (String::new(), first);
    }
    let bytes = data.rest();
    (String::from_utf8_lossy(&bytes).into_owned(), talk.until("\r\n"))
}

fn over_ftp(sensor: &Sensor, wrong: &mut Wrong, place: &str) {
    let mut check = |does: &'static str, question: &'static str, said: &str, wanted: &str| {
        wrong.check(place, &Change { does, question, here: "", elsewhere: "", restarted: None }, said, wanted);
    };
    let refused = ftp(sensor, "ubuntu", "ubuntu").1;
    check("chpasswd", "the old password", &refused, "530 Login incorrect.");
    let (_, hers) = ftp(sensor, "mallory", "s3cr3t-Zx81");
    check("useradd", "a new account", &hers, "230 Login successful.");
    let (mut talk, said) = ftp(sensor, "ubuntu", "n3w-Zx81");
    check("chpasswd", "the new password", &said, "230 Login successful.");
    talk.ask("TYPE I", "\r\n");
    for (path, wanted) in [
        ("/tmp/s1", "alpha\n"),
        ("/tmp/s2", "one\ntwo\n"),
        ("/tmp/h2", "data\n"),
        ("/tmp/moved/e/f", "z\n"),
        ("/tmp/b64", "hello\n"),
        ("/tmp/pf", "a\nc\n"),
        ("/tmp/py", "py"),
        ("/etc/motd", "mine\n"),
        ("/etc/hostname", "toaster\n"),
        ("/home/ubuntu/notes.txt", "secret\n"),
        ("/tmp/run.sh", "#!/bin/sh\necho ran $1\n"),
    ] {
        let (bytes, end) = fetched(&mut talk, &format!("RETR {path}"));
        check("a written file", "RETR", &bytes, wanted.trim_end());
        check("a written file", "the last word of RETR", &end, "226 Transfer complete.");
        check("a written file", "SIZE", &talk.ask(&format!("SIZE {path}"), "\r\n"), &format!("213 {}", wanted.len()));
    }
    for path in ["/tmp/s3", "/tmp/um", "/root/mark", "/usr/bin/curl"] {
        let said = fetched(&mut talk, &format!("RETR {path}")).1;
        check("removed, or not for others", "RETR", &said, "550 Failed to open file.");
    }
    for (path, size) in [("/tmp/z", 3072_u64), ("/tmp/sparse", 5 << 30), ("/tmp/tr", 10), ("/tmp/rnd", 4096)] {
        check("a file's length", "SIZE", &talk.ask(&format!("SIZE {path}"), "\r\n"), &format!("213 {size}"));
    }
    check("touch -d", "MDTM", &talk.ask("MDTM /tmp/t", "\r\n"), "213 20200203040506");
    let (list, _) = fetched(&mut talk, "LIST /tmp");
    for (begins, name) in [
        ("prw-r--r--", "pipe"),
        ("-rw-------", "um"),
        ("-rw-r--r--", "sp ace"),
        ("lrwxrwxrwx", "link -> /etc/os-release"),
        ("drwxr-xr-x", "moved"),
        ("-rwxr-xr-x", "run.sh"),
    ] {
        let found = list.lines().any(|line| line.starts_with(begins) && line.ends_with(&format!(" {name}")));
        check("what /tmp has", name, if found { "there" } else { &list }, "there");
    }
    check("what /tmp has not", "s3", if list.contains(" s3\r") { "there" } else { "gone" }, "gone");
    let (names, _) = fetched(&mut talk, "NLST /opt/a/b");
    check("find -delete", "NLST", &names.replace("\r\n", " "), "/opt/a/b/1 /opt/a/b/3");
}
