//! `crontab` (Debian's cron 3.0): tables in /var/spool/cron/crontabs.

use super::common::{decode, file, is_root, own_name};
use crate::shell::cmd::{Child, Cmd};
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::Who;

const FOLDER: &str = "/var/spool/cron/crontabs";
const USAGE: &str = "usage:\tcrontab [ -u user ] file\n\tcrontab [ -u user ] [ -i ] { -e | -l | -r }\n\t\t(default operation is replace, per 1003.2)\n\t-e\t(edit user's crontab)\n\t-l\t(list user's crontab)\n\t-r\t(delete user's crontab)\n\t-i\t(prompt before deleting user's crontab)\n";
const HEAD: &str = "# Edit this file to introduce tasks to be run by cron.\n# \n# m h  dom mon dow   command\n";

fn bad(c: &mut Cmd, text: &str) -> i32 {
    c.err(text);
    c.err(USAGE);
    1
}

/// What is wrong with a line, in cron's words.
fn fault(line: &str) -> Option<&'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    if let Some(word) = line.strip_prefix('@') {
        let name = word.split_whitespace().next().unwrap_or_default();
        let known =
            ["reboot", "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly"].contains(&name);
        return if known { None } else { Some("bad time specifier") };
    }
    let name = line.split('=').next().unwrap_or_default().trim();
    if line.contains('=') && crate::shell::grammar::is_name(name) {
        return None;
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    const KINDS: [(&str, u32); 5] =
        [("bad minute", 59), ("bad hour", 23), ("bad day-of-month", 31), ("bad month", 12), ("bad day-of-week", 7)];
    for (at, (what, most)) in KINDS.iter().enumerate() {
        let Some(word) = words.get(at) else { return Some(what) };
        let good = word.split(',').all(|part| {
            let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
            let number = |text: &str| {
                text.parse::<u32>().is_ok_and(|n| n <= *most)
                    || (at > 2 && text.len() == 3 && text.chars().all(char::is_alphabetic))
            };
            let range =
                range == "*" || range.split_once('-').map_or_else(|| number(range), |(a, b)| number(a) && number(b));
            range && step.is_none_or(|step| step.parse::<u32>().is_ok_and(|n| n > 0))
        });
        if !good {
            return Some(what);
        }
    }
    if words.len() < 6 { Some("bad command") } else { None }
}

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let me = own_name(c);
    let (mut user, mut action, mut prompt, mut files) = (me.clone(), None, false, Vec::new());
    let mut words = c.args.clone().into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-u" => match words.next() {
                Some(name) if !is_root(c) && name != me => {
                    return Ok(bad(c, "must be privileged to use -u\n"));
                }
                Some(name) => user = name,
                None => {
                    return Ok(bad(
                        c,
                        "crontab: option requires an argument -- 'u'\ncrontab: usage error: unrecognized option\n",
                    ));
                }
            },
            "-l" | "-r" | "-e" if action.is_none() => action = word.chars().nth(1),
            "-l" | "-r" | "-e" => return Ok(bad(c, "crontab: usage error: only one operation permitted\n")),
            "-i" => prompt = true,
            "-ri" | "-ir" => (action, prompt) = (Some('r'), true),
            "-" => files.push(word),
            word if word.starts_with('-') => {
                let letter = word.chars().nth(1).unwrap_or('-');
                return Ok(bad(
                    c,
                    &format!("crontab: invalid option -- '{letter}'\ncrontab: usage error: unrecognized option\n"),
                ));
            }
            _ => files.push(word),
        }
    }
    if c.host().account(user.as_bytes()).is_none() {
        c.err(&format!("crontab:  user `{user}' unknown\n"));
        return Ok(1);
    }
    let path = format!("{FOLDER}/{user}");
    let kept = c.host().read_file(&Who::root(), path.as_bytes(), 1 << 20);
    match action {
        Some('l') => match kept {
            Ok(bytes) => {
                c.out_bytes(&bytes);
                Ok(0)
            }
            Err(_) => {
                c.err(&if c.applet() {
                    format!("crontab: can't open '{user}': No such file or directory\n")
                } else {
                    format!("no crontab for {user}\n")
                });
                Ok(1)
            }
        },
        Some('r') => {
            if prompt {
                c.err(&format!("crontab: really delete {user}'s crontab? (y/n) "));
                let answer = c.read_line().await?.unwrap_or_default();
                if !answer.starts_with(b"y") && !answer.starts_with(b"Y") {
                    return Ok(0);
                }
            }
            if kept.is_err() {
                if !c.applet() {
                    c.err(&format!("no crontab for {user}\n"));
                    return Ok(1);
                }
                return Ok(0);
            }
            let _ = c.host().remove_file(&Who::root(), path.as_bytes());
            Ok(0)
        }
        Some(_) => edit(c, &user, &path).await,
        None => {
            let Some(name) = files.first().cloned() else {
                if c.applet() {
                    return Ok(super::busybox_use(c, "crontab"));
                }
                // Debian reads standard input then.
                let bytes = c.read_all().await?;
                return Ok(install(c, &user, "-", &bytes));
            };
            let bytes = match c.slurp(&name).await? {
                Ok(bytes) => bytes,
                Err(errno) => {
                    c.err(&format!("{name}: {}\n", errno.text()));
                    return Ok(1);
                }
            };
            Ok(install(c, &user, &name, &bytes))
        }
    }
}

/// Puts a table in its place, if every line is good.
fn install(c: &mut Cmd, user: &str, name: &str, bytes: &[u8]) -> i32 {
    let table = decode(bytes);
    for (number, line) in table.lines().enumerate() {
        if let Some(fault) = fault(line) {
            c.err(&format!("\"{name}\":{number}: {fault}\nerrors in crontab file, can't install.\n"));
            return 1;
        }
    }
    if !table.is_empty() && !table.ends_with('\n') {
        c.err("new crontab file is missing newline before EOF, can't install.\n");
        return 1;
    }
    let root = Who { umask: 0o077, ..Who::root() };
    let path = format!("{FOLDER}/{user}");
    for folder in ["/var/spool/cron", FOLDER] {
        let _ = c.host().make_folder(&root, folder.as_bytes(), 0o755);
    }
    if let Err(errno) = c.host().write_file(&root, path.as_bytes(), bytes, 0o600) {
        c.err(&format!("{FOLDER}/: mkstemp: {}\n", errno.text()));
        return 1;
    }
    if let Some(account) = c.host().account(user.as_bytes()) {
        let _ = c.host().set_owner(&Who::root(), path.as_bytes(), Some(account.uid), None, false);
    }
    c.note_written(&path);
    0
}

async fn edit(c: &mut Cmd, user: &str, path: &str) -> Result<i32, Stop> {
    let old = file(c.host(), path);
    if old.is_empty() {
        c.err(&format!("no crontab for {user} - using an empty one\n"));
    }
    let start = if old.is_empty() { HEAD.to_string() } else { old.clone() };
    let place = format!("/tmp/crontab.{}", c.pid());
    let _ = c.host().write_file(c.who(), place.as_bytes(), &text::encode(&start), 0o600);
    let editor = c.env("VISUAL").or(c.env("EDITOR")).unwrap_or("/usr/bin/editor").to_string();
    let argv: Vec<String> =
        editor.split_whitespace().map(str::to_string).chain(std::iter::once(place.clone())).collect();
    let status = c.exec_with(&argv, Child::default()).await?;
    let new = c.host().read_file(c.who(), place.as_bytes(), 1 << 20).unwrap_or_default();
    let _ = c.host().remove_file(c.who(), place.as_bytes());
    if status != 0 {
        c.err(&format!("crontab: \"{editor}\" exited with status {status}\n"));
        return Ok(1);
    }
    if new == text::encode(&start) {
        c.err("No modification made\n");
        return Ok(0);
    }
    c.err("crontab: installing new crontab\n");
    Ok(install(c, user, &place, &new))
}
