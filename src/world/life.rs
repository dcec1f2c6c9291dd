//! What people did on the host before anybody came: their jobs, files and mails, invented from the instance's seed.

use super::accounts::{People, Person};
use super::bait::Baits;
use super::instance::{Put, Writer};
use super::names;
use super::persona::Persona;
use crate::base::clock::{self, Timestamp};
use crate::base::rng::Rng;

/// One line of a table of cron.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Minute, hour, day of the month, month, day of the week, as crontab(5) writes them.
    pub when: String,
    pub user: String,
    pub command: String,
    /// How long it takes.
    pub seconds: u8,
}

impl Job {
    /// Whether it is started in the minute that begins then.
    pub(super) fn runs_at(&self, minute: i64) -> bool {
        let number = |text: &str| text.parse::<i64>().unwrap_or(0);
        let fits = |field: &str, value: i64| match field.strip_prefix("*/") {
            Some(step) => value % number(step).max(1) == 0,
            None => field == "*" || number(field) == value || (field == "7" && value == 0),
        };
        let fields: Vec<&str> = self.when.split(' ').collect();
        let [minutes, hours, date, month, weekday] = fields.as_slice() else { return false };
        let dated =
            |format: &str| number(&Timestamp::from_second(minute).unwrap_or_default().strftime(format).to_string());
        fits(minutes, minute.div_euclid(60).rem_euclid(60))
            && fits(hours, minute.div_euclid(3_600).rem_euclid(24))
            && fits(weekday, (minute.div_euclid(86_400) + 4).rem_euclid(7))
            && (*date == "*" || fits(date, dated("%d")))
            && (*month == "*" || fits(month, dated("%m")))
    }
}

/// All that cron runs, of the distribution's own tables and of the people's.
pub(super) fn jobs(persona: &Persona, people: &[String]) -> Vec<Job> {
    let job = |when: &str, command: &str, seconds| Job {
        when: when.into(),
        user: "root".into(),
        command: command.into(),
        seconds,
    };
    let parts = |name: &str| format!("test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.{name} )");
    let mut all = vec![
        job("17 * * * *", "   cd / && run-parts --report /etc/cron.hourly", 0),
        job("25 6 * * *", &parts("daily"), 3),
        job("47 6 * * 7", &parts("weekly"), 1),
        job("52 6 1 * *", &parts("monthly"), 0),
        job("10 3 * * *", "test -e /run/systemd/system || SERVICE_MODE=1 /sbin/e2scrub_all -A -r", 0),
        backup_job(persona),
    ];
    all.extend(people.get(1..).and_then(<[String]>::last).map(|user| own_job(persona, user)));
    all
}

fn backup_job(persona: &Persona) -> Job {
    let mut rng = Rng::new(persona.seed, "backup job");
    let when = format!("{} {} * * *", rng.between(1, 58), rng.between(1, 4));
    let command = format!("/usr/local/sbin/backup-{} >/dev/null 2>&1", names::company(persona.seed).0);
    Job { when, user: "root".into(), command, seconds: u8::try_from(rng.between(4, 50)).unwrap_or(9) }
}

fn own_job(persona: &Persona, user: &str) -> Job {
    let mut rng = Rng::new(persona.seed, "own job");
    let when = format!("{} {} * * {}", rng.between(0, 59), rng.between(6, 8), rng.between(1, 5));
    Job { when, user: user.into(), command: format!("/home/{user}/bin/disk-report.sh"), seconds: 1 }
}

/// Words that the texts below are filled with.
struct Story {
    pairs: Vec<(&'static str, String)>,
}

impl Story {
    fn fill(&self, text: &str) -> String {
        self.pairs.iter().fold(text.to_string(), |text, (word, fact)| text.replace(word, fact))
    }
}

/// Apache's first site.
const WEB_SITE: &str = "sites-available/000-default.conf";

/// Things that an administrator does in a row.
const CHORES: &[&str] = &[
    "systemctl status nginx\nvi /etc/nginx/sites-available/default\nnginx -t\nsystemctl reload nginx\ncurl -I localhost",
    "tail -f /var/log/nginx/access.log\ngrep -c 404 /var/log/nginx/access.log",
    "cd /etc/nginx/sites-available/\nls -l\ncp default NAME\nvi NAME\ncd",
    "postqueue -p\ntail -n 50 /var/log/mail.log\npostconf -n\nsystemctl restart postfix",
    "mailq\npostsuper -d ALL deferred",
    "vi /etc/postfix/main.cf\npostfix check\nsystemctl reload postfix",
    "vi /etc/vsftpd.conf\nsystemctl restart vsftpd\nsystemctl status vsftpd\nftp localhost",
    "adduser USER\nusermod -aG sudo USER\nid USER",
    "passwd USER\nlast | head",
    "apt update\napt list --upgradable\napt upgrade\nreboot",
    "apt install htop tmux\nhtop",
    "apt autoremove\ndf -h /",
    "df -h\ndu -sh /var/* | sort -h\njournalctl --disk-usage\njournalctl --vacuum-time=14d",
    "free -m\nuptime\ntop",
    "ss -tlnp\nufw status verbose",
    "vi /usr/local/sbin/backup-NAME\nchmod 750 /usr/local/sbin/backup-NAME\n/usr/local/sbin/backup-NAME\nls -l /etc/cron.d",
    "cat /etc/cron.d/backup-NAME\ngrep CRON /var/log/syslog | tail",
    "rsync -avn /srv/NAME/ PEER:/backup/HOST/\nssh PEER",
    "ping -c 3 GATEWAY\nip a\nip r",
    "cat /etc/netplan/00-installer-config.yaml\nnetplan try\nresolvectl status",
    "vi /etc/ssh/sshd_config\nsshd -t\nsystemctl restart ssh",
    "tail -n 100 /var/log/auth.log\ngrep Failed /var/log/auth.log | wc -l",
    "less /var/log/syslog\ndmesg | tail",
    "cd /opt/NAME\nls -la\ncat VERSION\n./deploy.sh\ncd",
    "ls -l /srv/NAME\nchown -R www-data: /var/www/NAME\nls -la /var/www",
    "hostnamectl\ntimedatectl\ndate",
    "systemctl list-units --failed\nsystemctl list-timers",
    "who\nw\nexit",
];

/// Things that others do.
const ERRANDS: &[&str] = &[
    "ls\ncd /var/www/NAME\nls -l\nless index.html\ncd",
    "sudo tail -f /var/log/nginx/access.log",
    "sudo systemctl status nginx",
    "vi notes.txt",
    "df -h\nfree -h",
    "./bin/disk-report.sh\nvi bin/disk-report.sh",
    "scp PEER:/tmp/export.csv .\nhead export.csv\nrm export.csv",
    "ssh PEER\nexit",
    "crontab -l",
    "cd /srv/NAME\nls -lt | head\ncd -",
    "sudo apt update",
    "history | grep rsync",
];

const SITE: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>TITLE</title>\n\
    <link rel=\"stylesheet\" href=\"style.css\">\n</head>\n<body>\n<h1>TITLE</h1>\n<p>Internal pages of TITLE, SITEWORD. \
    Price lists and delivery notes are on the share, forms are with the office.</p>\n<ul>\n\
    <li><a href=\"contact.html\">Who to ask</a></li>\n</ul>\n<p><small>Host: FQDN</small></p>\n</body>\n</html>\n";

const STYLE: &str = "body { font-family: sans-serif; margin: 2em auto; max-width: 40em; color: #COLOR; }\n\
    h1 { font-size: 1.4em; border-bottom: 1px solid #ccc; }\na { color: #COLOR; }\n";

const BACKUP: &str = "#!/bin/sh\n# nightly copy of the share and the configuration to PEER\nset -e\n\n\
    SRC=\"/etc /srv/NAME /var/www/NAME\"\nDST=PEER:/backup/HOST\n\nfor dir in $SRC; do\n    \
    rsync -a --delete -e 'ssh -o BatchMode=yes' \"$dir\" \"$DST/\"\ndone\nlogger -t backup-NAME \"done\"\n";

const REPORT: &str = "#!/bin/sh\n# warns when the disk runs full\nLIMIT=LIMITNUMBER\n\n\
    USED=$(df -P / | awk 'NR == 2 {print $5}' | tr -dc '0-9')\nif [ \"$USED\" -ge \"$LIMIT\" ]; then\n    \
    echo \"HOST: / is at $USED%\" | mail -s 'disk' USER\nfi\n";

const DEPLOY: &str = "#!/bin/bash\n# puts the pages that were built in place\nset -euo pipefail\n\nFROM=/opt/NAME/htdocs\n\
    TO=/var/www/NAME\n\nrsync -a --delete \"$FROM/\" \"$TO/\"\nchown -R www-data:www-data \"$TO\"\n\
    date '+%F %T' >> /opt/NAME/deploy.log\n";

/// Lines of notes; some of them are on the host.
const NOTES: &[&str] = &[
    "- ask OTHER about the new printer on the second floor",
    "- price list DONE, send to office",
    "- PEER: disk 2 replaced, raid rebuilt",
    "- certificate for intranet: runs out in spring",
    "- backup runs at night, log is in syslog (backup-NAME)",
    "- HOST: move /srv/NAME to the new volume?",
    "- scanner can't do ftps, keep vsftpd for now",
    "- old telnet box in the warehouse still needs port 23, ask before closing",
    "- nginx: default site stays until the new pages are ready",
    "- switch in the rack: port 14 dead",
    "- order: 2x 4 TB, 1x UPS battery",
    "- GATEWAY is the firewall, support contract number is in the folder",
];

/// Pieces picked from a list, no one again before all were there, joined.
fn some(rng: &mut Rng, from: &[&str], least: usize) -> String {
    let (mut lines, mut left): (Vec<&str>, Vec<&str>) = Default::default();
    while lines.len() < least {
        if left.is_empty() {
            left.extend(from);
        }
        let place = usize::try_from(rng.between(0, (left.len() as u64).saturating_sub(1))).unwrap_or(0);
        if place >= left.len() {
            break;
        }
        lines.extend(left.swap_remove(place).split('\n'));
    }
    lines.push("");
    lines.join("\n")
}

/// Writes it all.
pub(super) fn live(writer: &Writer<'_>, people: &People, baits: &Baits) {
    let persona = writer.host.persona();
    if !persona.profile.is_server() {
        return;
    }
    let (name, trade) = names::company(persona.seed);
    let mut rng = Rng::new(persona.seed, "life");
    let staff: Vec<&Person> = people.all.iter().filter(|person| person.staff).collect();
    let first = staff.first().map_or("root", |person| person.name.as_str());
    let mut title = name.clone();
    if let Some(letter) = title.get_mut(..1) {
        letter.make_ascii_uppercase();
    }
    let peer = format!("{}.{}", names::host(persona.seed ^ 0x5eed), persona.domain);
    let story = Story {
        pairs: vec![
            ("LIMITNUMBER", rng.between(78, 92).to_string()),
            ("SITEWORD", trade.into()),
            ("TITLE", format!("{title} {trade}")),
            ("NAME", name.clone()),
            ("PEER", peer),
            ("FQDN", persona.fqdn.clone()),
            ("HOST", persona.hostname.clone()),
            ("GATEWAY", persona.gateway.clone()),
            ("USER", first.into()),
            ("OTHER", staff.last().map_or("the office", |person| person.gecos.split(' ').next().unwrap_or("")).into()),
            ("DONE", rng.between(2, 9).to_string()),
            ("COLOR", format!("{:06x}", rng.between(0x10_1010, 0x44_4444))),
        ],
    };
    let since = persona.installed.max(persona.booted - 700 * 86_400);
    let at = |rng: &mut Rng| {
        let span = u64::try_from(persona.booted - since).unwrap_or(1);
        since + i64::try_from(rng.between(0, span)).unwrap_or(0)
    };
    let file = |path: String, text: &str, mode: u32, owner: (&str, &str), at: i64| {
        let mut text = story.fill(text);
        if persona.apache {
            text = text.replace("nginx -t", "apache2ctl configtest").replace("sites-available/default", WEB_SITE);
            text = text.replace("nginx", "apache2");
        }
        writer.file(&path, text.as_bytes(), Put { mode, owner, at });
    };
    let root = ("root", "root");
    let lines = usize::try_from(rng.between(60, 120)).unwrap_or(60);
    let recent = (clock::unix_seconds() - persona.booted).min(86_400) / 2 + persona.booted;
    let chores = some(&mut rng, CHORES, lines);
    file("/root/.bash_history".into(), &with_password(chores, "/root/.bash_history", baits), 0o600, root, recent);
    file("/root/.lesshst".into(), ".less-history-file:\n.search\n\"error\n\"HOST\n", 0o600, root, at(&mut rng));
    // The backup, the company's pages and share.
    let job = backup_job(persona);
    let table = format!("# copies to another host; see the script\n{} {}\t{}\n", job.when, job.user, job.command);
    file(format!("/etc/cron.d/backup-{name}"), &table, 0o644, root, at(&mut rng));
    file(format!("/usr/local/sbin/backup-{name}"), BACKUP, 0o750, root, at(&mut rng));
    let web = ("www-data", "www-data");
    let built = at(&mut rng);
    for folder in [format!("/var/www/{name}"), format!("/opt/{name}/htdocs")] {
        let owner = if folder.starts_with("/var") { web } else { root };
        file(format!("{folder}/index.html"), SITE, 0o644, owner, built);
        file(format!("{folder}/style.css"), STYLE, 0o644, owner, built);
        file(format!("{folder}/contact.html"), &contacts(people, persona), 0o644, owner, built);
    }
    file(format!("/opt/{name}/deploy.sh"), DEPLOY, 0o755, root, built);
    file(
        format!("/opt/{name}/VERSION"),
        &format!("1.{}.{}\n", rng.between(0, 9), rng.between(0, 30)),
        0o644,
        root,
        built,
    );
    let deployed = Timestamp::from_second(built + 40).unwrap_or_default().strftime("%F %T\n").to_string();
    file(format!("/opt/{name}/deploy.log"), &deployed, 0o644, root, built + 40);
    let owner = (first, first);
    let office = some(&mut rng, NOTES, 4);
    file(format!("/srv/{name}/office/notes.txt"), &office, 0o664, owner, at(&mut rng));
    let list: String = (0..rng.between(8, 30))
        .map(|_| {
            format!("{:05};{};{}.{:02}\n", rng.between(10_000, 99_999), trade, rng.between(3, 900), rng.between(0, 99))
        })
        .collect();
    file(
        format!("/srv/{name}/office/price-list.csv"),
        &format!("article;group;price\n{list}"),
        0o664,
        owner,
        at(&mut rng),
    );
    for person in &staff {
        let (home, owner) = (person.home(), (person.name.as_str(), person.name.as_str()));
        let lines = usize::try_from(rng.between(12, 40)).unwrap_or(12);
        let come = at(&mut rng);
        let path = format!("{home}/.bash_history");
        let errands = with_password(some(&mut rng, ERRANDS, lines), &path, baits);
        file(path, &errands, 0o600, owner, come);
        let lines = usize::try_from(rng.between(3, 7)).unwrap_or(3);
        file(format!("{home}/notes.txt"), &some(&mut rng, NOTES, lines), 0o664, owner, at(&mut rng));
        writer.folder(&format!("{home}/.cache"), Put { mode: 0o700, owner, at: come });
        file(format!("{home}/.cache/motd.legal-displayed"), "", 0o644, owner, come);
        if person.admin {
            file(format!("{home}/.sudo_as_admin_successful"), "", 0o644, owner, come);
        }
    }
    for (path, text, mode, owner) in &baits.keys {
        let (owner, folder) =
            ((owner.as_str(), owner.as_str()), path.rsplit_once('/').map_or("", |(folder, _)| folder));
        writer.folder(folder, Put { mode: 0o700, owner, at: built });
        writer.file(path, text.as_bytes(), Put { mode: *mode, owner, at: built });
    }
    if let Some(person) = people.all.last() {
        let (home, owner) = (person.home(), (person.name.as_str(), person.name.as_str()));
        let job = own_job(persona, &person.name);
        let made = at(&mut rng);
        file(format!("{home}/bin/disk-report.sh"), REPORT, 0o755, owner, made);
        let table = format!("# m h  dom mon dow   command\n{} {}\n", job.when, job.command);
        let path = format!("/var/spool/cron/crontabs/{}", person.name);
        file(path, &table, 0o600, (person.name.as_str(), "crontab"), made);
    }
    if let Some(person) = staff.first() {
        let text = story.fill(&mails(persona, person, &mut rng));
        let put = Put { mode: 0o660, owner: (person.name.as_str(), "mail"), at: persona.booted - 1_800 };
        writer.file(&format!("/var/mail/{}", person.name), text.as_bytes(), put);
    }
}

/// A history with the line in it that has a password, if it is one of those: past its middle.
fn with_password(history: String, path: &str, baits: &Baits) -> String {
    let mut lines: Vec<&str> = history.split('\n').collect();
    for (_, line) in baits.lines.iter().filter(|(of, _)| of == path) {
        lines.insert(lines.len() * 2 / 3, line);
    }
    lines.join("\n")
}

fn contacts(people: &People, persona: &Persona) -> String {
    let row = |person: &Person| {
        let full = person.gecos.trim_end_matches(',');
        format!("<li>{full}, {}@{}</li>\n", person.name, persona.domain)
    };
    let rows: String = people.all.iter().filter(|person| person.staff).map(row).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>TITLE</title></head>\n<body>\n<ul>\n{rows}</ul>\n</body>\n</html>\n"
    )
}

/// A mailbox with what cron and a colleague wrote.
fn mails(persona: &Persona, person: &Person, rng: &mut Rng) -> String {
    let mut out = String::new();
    let mut at = persona.booted - 1_800 - i64::try_from(rng.between(20, 50)).unwrap_or(20) * 86_400;
    for number in 0..3 {
        let stamp = Timestamp::from_second(at).unwrap_or_default();
        let id: String = (0..10)
            .map(|_| {
                char::from(
                    b"0123456789ABCDEF".get(usize::try_from(rng.between(0, 15)).unwrap_or(0)).copied().unwrap_or(b'0'),
                )
            })
            .collect();
        let (subject, body) = match number {
            0 => (
                "price list",
                "the new price list is on the share, /srv/NAME/office. Please put it on the pages\nwhen you have time.\n",
            ),
            1 => ("disk", "HOST: / is at LIMITNUMBER%\n"),
            _ => ("backup-NAME", "rsync: connection unexpectedly closed (0 bytes received so far) [sender]\n"),
        };
        let from = format!("root@{}", persona.fqdn);
        out.push_str(&format!(
            "From {from}  {}\nReturn-Path: <{from}>\nX-Original-To: {name}\nDelivered-To: {name}@{fqdn}\n\
             Received: by {fqdn} (Postfix, from userid 0)\n\tid {id}; {date}\nTo: {name}@{fqdn}\nSubject: {subject}\n\
             Message-Id: <{}.{id}@{fqdn}>\nDate: {date}\nFrom: root <{from}>\n\n{body}\n",
            stamp.strftime("%a %b %e %H:%M:%S %Y"),
            stamp.strftime("%Y%m%d%H%M%S"),
            name = person.name,
            fqdn = persona.fqdn,
            date = stamp.strftime("%a, %e %b %Y %H:%M:%S +0000 (UTC)"),
        ));
        at += i64::try_from(rng.between(1, 9)).unwrap_or(1) * 86_400;
    }
    out
}
