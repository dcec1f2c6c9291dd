//! `at`, `atq`, `atrm`, `batch` (at 3.1.23 and 3.2.5): jobs are files in /var/spool/cron/atjobs.

mod time;

use super::common::{Names, file, own_name, user_id};
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::commands::times::Moment;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::{Time, Who};

const FOLDER: &str = "/var/spool/cron/atjobs";
const OPTIONS: &str = "+V q= f= u= m M l b t= c d r v o=";
const USAGE: &str = "Usage: at [-V] [-q x] [-f file] [-u username] [-mMlbv] timespec ...\n       at [-V] [-q x] [-f file] [-u username] [-mMlbv] -t time\n       at -c job ...\n       at [-V] -l [-o timeformat] [job ...]\n       atq [-V] [-q x] [-o timeformat] [job ...]\n       at [ -rd ] job ...\n       atrm [-V] job ...\n       batch\n";
/// Variables that a job does not inherit.
const OWN: [&str; 9] = ["TERM", "DISPLAY", "_", "SHELLOPTS", "BASH_VERSINFO", "EUID", "GROUPS", "PPID", "UID"];
/// Jobs of the whole host.
const JOBS: usize = 1000;

/// A job that waits: its file's name says all of it.
struct Job {
    file: String,
    queue: char,
    number: u32,
    at: i64,
    uid: u32,
}

/// Whether the daemon runs that starts the jobs.
fn daemon(c: &Cmd) -> bool {
    c.host().processes().iter().any(|process| process.comm == b"atd")
}

/// The jobs that wait; those whose time has come are gone where there is a daemon.
fn jobs(c: &mut Cmd) -> Vec<Job> {
    let due = daemon(c).then(|| c.now().as_second());
    let listing = c.host().list(&Who::root(), FOLDER.as_bytes()).unwrap_or_default();
    let mut jobs = Vec::new();
    for (name, stat) in listing {
        let name = text::decode(&name);
        let parts = name.is_char_boundary(1) && name.len() == 14 && name.is_ascii();
        let Some((queue, number, minutes)) = parts
            .then(|| {
                let number = u32::from_str_radix(name.get(1..6).unwrap_or_default(), 16).ok()?;
                let minutes = i64::from_str_radix(name.get(6..).unwrap_or_default(), 16).ok()?;
                Some((name.chars().next()?, number, minutes))
            })
            .flatten()
        else {
            continue;
        };
        if due.is_some_and(|now| minutes * 60 <= now) {
            let _ = c.host().remove_file(&Who::root(), format!("{FOLDER}/{name}").as_bytes());
            continue;
        }
        jobs.push(Job { file: name, queue, number, at: minutes * 60, uid: stat.uid });
    }
    jobs
}

fn line(c: &Cmd, job: &Job, format: &str) -> String {
    let when = Moment::of(Time::at(job.at)).format(format);
    format!("{}\t{when} {} {}\n", job.number, job.queue, Names::of(c.host()).user_or_number(job.uid))
}

const WHEN: &str = "%a %b %e %H:%M:%S %Y";

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let base = c.base().to_string();
    if base == "batch" && !c.args.is_empty() {
        c.out("batch accepts no parameters\n");
        return Ok(1);
    }
    let found = match options::parse(OPTIONS, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            c.err(USAGE);
            return Ok(1);
        }
    };
    if found.has("V") {
        let version = if c.host().persona().debian_userland { "3.2.5" } else { "3.1.23" };
        c.err(&format!(
            "at version {version}\nPlease report bugs to the Debian bug tracking system (http://bugs.debian.org/)\nor \
             contact the maintainers (at@packages.debian.org).\n"
        ));
        return Ok(0);
    }
    if c.who().uid != 0 && denied(c) {
        c.err(&format!("You do not have permission to use {base}.\n"));
        return Ok(1);
    }
    let queue = found.value("q").and_then(|queue| queue.chars().next());
    if base == "atq" || found.has("l") {
        let format = found.value("o").unwrap_or(WHEN).to_string();
        let me = c.who().uid;
        for job in jobs(c) {
            let asked = found.rest.is_empty() || found.rest.iter().any(|number| *number == job.number.to_string());
            if asked && (me == 0 || job.uid == me) && queue.is_none_or(|queue| queue == job.queue) {
                let line = line(c, &job, &format);
                c.out(&line);
            }
        }
        return Ok(0);
    }
    if base == "atrm" || found.has("r") || found.has("d") || found.has("c") {
        return Ok(each(c, &found.rest, found.has("c")));
    }
    let now = c.now().as_second();
    let at = match found.value("t") {
        Some(stamp) => match time::stamp(stamp, now) {
            Some(at) => Ok(at),
            None => Err(format!("invalid date format: {stamp}")),
        },
        None if base == "batch" || found.has("b") => Ok(now.div_euclid(60) * 60),
        None => time::parse(&found.rest.join(" "), now),
    };
    let at = match at {
        Ok(at) if at < now.div_euclid(60) * 60 => Err("at: refusing to create job destined in the past".to_string()),
        other => other,
    };
    let at = match at {
        Ok(at) => at,
        Err(error) => {
            c.err(&format!("{error}\n"));
            return Ok(1);
        }
    };
    let usual = if base == "batch" || found.has("b") { 'b' } else { 'a' };
    let queue = queue.unwrap_or(usual);
    if !queue.is_ascii_alphabetic() {
        c.err(USAGE);
        return Ok(1);
    }
    let owner = found.value("u").map_or_else(|| own_name(c), str::to_string);
    submit(c, at, queue, found.value("f"), &owner, found.has("m")).await
}

/// Whether /etc/at.allow or /etc/at.deny keep this user out.
fn denied(c: &Cmd) -> bool {
    let me = own_name(c);
    let names = |path: &str| file(c.host(), path).lines().any(|line| line.trim() == me);
    if c.host().stat(&Who::root(), b"/etc/at.allow", true).is_ok() {
        return !names("/etc/at.allow");
    }
    names("/etc/at.deny")
}

/// Removes jobs, or shows them.
fn each(c: &mut Cmd, numbers: &[String], show: bool) -> i32 {
    if numbers.is_empty() {
        c.err(USAGE);
        return 1;
    }
    let waiting = jobs(c);
    let mut status = 0;
    for number in numbers {
        let job = waiting.iter().find(|job| *number == job.number.to_string());
        let Some(job) = job else {
            c.err(&format!("Cannot find jobid {number}\n"));
            status = 1;
            continue;
        };
        if c.who().uid != 0 && c.who().uid != job.uid {
            c.err(&format!("{number}: Not owner\n"));
            return 1;
        }
        let path = format!("{FOLDER}/{}", job.file);
        if show {
            let content = file(c.host(), &path);
            c.out(&content);
        } else {
            let _ = c.host().remove_file(&Who::root(), path.as_bytes());
        }
    }
    status
}

async fn submit(c: &mut Cmd, at: i64, queue: char, from: Option<&str>, owner: &str, mail: bool) -> Result<i32, Stop> {
    c.err("warning: commands will be executed using /bin/sh\n");
    let body = match from {
        Some(path) => match c.slurp(path).await? {
            Ok(body) => body,
            Err(error) => {
                c.err(&format!("Cannot open input file {path}: {}\n", error.text()));
                return Ok(1);
            }
        },
        None if c.is_tty(0) => {
            c.err(&format!("at {}\n", Moment::of(Time::at(at)).format(WHEN)));
            let mut body = Vec::new();
            loop {
                c.err("at> ");
                c.flush().await?;
                let Some(line) = c.read_line().await? else { break };
                body.extend(line);
                if body.len() > c.bound() {
                    break;
                }
            }
            c.err("<EOT>\n");
            body
        }
        None => c.read_all().await?,
    };
    c.spend(body.len() as u64 / 100).await?;
    if jobs(c).len() >= JOBS {
        c.err("Too many jobs\n");
        return Ok(1);
    }
    let root = Who { umask: 0, ..Who::root() };
    let daemon_ids =
        (user_id(c.host(), "daemon"), c.host().groups().into_iter().find(|g| g.name == "daemon").map(|g| g.gid));
    if c.host().stat(&root, FOLDER.as_bytes(), true).is_err() {
        for folder in ["/var/spool/cron", FOLDER] {
            let _ = c.host().make_folder(&root, folder.as_bytes(), 0o755);
        }
        let _ = c.host().set_mode(&root, FOLDER.as_bytes(), 0o1770);
        let _ = c.host().set_owner(&root, FOLDER.as_bytes(), daemon_ids.0, daemon_ids.1, false);
    }
    let counter = format!("{FOLDER}/.SEQ");
    let number = u32::from_str_radix(file(c.host(), &counter).trim(), 16).unwrap_or(0).wrapping_add(1) % 0xfffff;
    let _ = c.host().write_file(&root, counter.as_bytes(), format!("{number:05x}\n").as_bytes(), 0o600);
    let _ = c.host().set_owner(&root, counter.as_bytes(), daemon_ids.0, daemon_ids.1, false);
    let path = format!("{FOLDER}/{queue}{number:05x}{:08x}", at.div_euclid(60));
    let content = [script(c, owner, mail).into_bytes(), body, b"\n".to_vec()].concat();
    if let Err(error) = c.host().write_file(&root, path.as_bytes(), &content, 0o700) {
        c.err(&format!("Cannot create atjob file {path}: {}\n", error.text()));
        return Ok(1);
    }
    let uid = user_id(c.host(), owner).unwrap_or(c.who().uid);
    let _ = c.host().set_owner(&root, path.as_bytes(), Some(uid), daemon_ids.1, false);
    c.note_written(&path);
    c.err(&format!("job {number} at {}\n", Moment::of(Time::at(at)).format(WHEN)));
    if !daemon(c) {
        let place = if c.host().persona().debian_userland { "/run" } else { "/var/run" };
        c.err(&format!("Can't open {place}/atd.pid to signal atd. No atd running?\n"));
    }
    Ok(0)
}

/// What stands in front of a job's commands.
fn script(c: &Cmd, owner: &str, mail: bool) -> String {
    let (uid, gid) = (c.who().uid, c.who().gid);
    let mut out = format!(
        "#!/bin/sh\n# atrun uid={uid} gid={gid}\n# mail {owner} {}\numask {:o}\n",
        u8::from(mail),
        c.who().umask
    );
    let safe =
        |letter: char| letter.is_ascii_alphanumeric() || "%/{[]=}:@+#,.-_".contains(letter) || !letter.is_ascii();
    let quoted = |value: &str| {
        let mut quoted = String::new();
        for letter in value.chars() {
            match letter {
                '\n' => quoted.push_str("\"\n\""),
                letter => {
                    if !safe(letter) {
                        quoted.push('\\');
                    }
                    quoted.push(letter);
                }
            }
        }
        quoted
    };
    for (name, value) in c.environ().iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
        out.push_str(&format!("{name}={}; export {name}\n", quoted(value)));
    }
    let folder = quoted(&text::decode(c.cwd()));
    out.push_str(&format!("cd {folder} || {{\n\t echo 'Execution directory inaccessible' >&2\n\t exit 1\n}}\n"));
    String::from_utf8_lossy(&text::encode(&out)).into_owned()
}

#[cfg(test)]
mod tests {
    use crate::shell::tests::run;

    #[test]
    fn jobs_are_kept() {
        let (out, err, status) = run(
            "echo 'echo hi' | at now + 2 hours; at -l | cut -f1; ls /var/spool/cron/atjobs | cut -c1-6; at -c 1 | tail -2 | head -1; at \
             -r 1; at -l; at -d 7",
        );
        assert_eq!((out.as_str(), status), ("1\na00001\necho hi\n", 1));
        assert!(err.starts_with("warning: commands will be executed using /bin/sh\njob 1 at "), "{err}");
        assert!(err.ends_with("Cannot find jobid 7\n"), "{err}");
    }
}
