//! `kill`, `killall`, `pkill`, `pgrep`, `pidof`: finding processes and sending signals.

use super::common::{decode, misuse_with_usage, usage, user_id};
use super::recorded;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::commands::regexp::{Flags, Regexp, Syntax};
use crate::shell::signals;
use crate::world::Process;

const NAMES: &str = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT\n\
                     CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH POLL PWR SYS\n";

fn signal_number(name: &str) -> Option<i32> {
    match name {
        "POLL" | "SIGPOLL" => Some(29),
        "" | "EXIT" => None,
        name => signals::number(name),
    }
}

/// Sends it, to processes of this session through their kernel too.
pub(super) fn send(c: &Cmd, pid: u32, signal: i32) -> Result<(), crate::world::Errno> {
    c.signal(pid, signal)
}

pub(super) fn kill(c: &mut Cmd) -> i32 {
    let args = c.args.clone();
    let mut signal = 15;
    let mut rest = args.iter().peekable();
    let mut pids = Vec::new();
    if args.is_empty() {
        return if c.applet() { super::busybox_use(c, "kill") } else { usage(c, "kill", 1) };
    }
    let mut only_pids = false;
    while let Some(arg) = rest.next() {
        let Some(option) = arg.strip_prefix('-').filter(|option| !only_pids && !option.is_empty()) else {
            pids.push(arg.clone());
            continue;
        };
        match option {
            "-" => only_pids = true,
            "l" | "-list" => return list(c, rest.next()),
            "L" | "-table" => {
                c.out(&table());
                return 0;
            }
            "s" | "-signal" | "n" => {
                let name = rest.next().cloned().unwrap_or_default();
                match signal_number(&name) {
                    Some(number) => signal = number,
                    None => return bad_signal(c, &name),
                }
            }
            "V" | "-version" => {
                c.out(recorded::text(c.host(), "kill", "--version"));
                return 0;
            }
            "a" | "q" | "p" => {}
            name if pids.is_empty() => {
                match signal_number(name.strip_prefix('s').filter(|n| signal_number(n).is_some()).unwrap_or(name)) {
                    Some(number) => signal = number,
                    None => return bad_signal(c, name),
                }
            }
            _ => pids.push(arg.clone()),
        }
    }
    if pids.is_empty() {
        return if c.applet() { super::busybox_use(c, "kill") } else { usage(c, "kill", 1) };
    }
    let mut status = 0;
    for word in pids {
        let Ok(number) = word.parse::<i64>() else {
            let text = match c.applet() {
                true => format!("invalid number '{word}'"),
                false => format!("failed to parse argument: '{word}'"),
            };
            c.complain(&text);
            status = 1;
            continue;
        };
        let result = group_of(c, number).into_iter().map(|pid| send(c, pid, signal)).collect::<Vec<_>>();
        let failed = result.iter().filter_map(|result| result.err()).next();
        let errno = if result.is_empty() { Some(crate::world::Errno::ESRCH) } else { failed };
        if let Some(errno) = errno {
            let text = match c.applet() {
                true => format!("can't kill pid {number}: {}", errno.text()),
                false => format!("({number}): {}", errno.text()),
            };
            c.complain(&text);
            status = 1;
        }
    }
    status
}

fn bad_signal(c: &mut Cmd, name: &str) -> i32 {
    if c.applet() {
        c.complain(&format!("bad signal name '{name}'"));
        return 1;
    }
    let first: String = name.chars().take(1).collect();
    misuse_with_usage(c, &format!("invalid argument {first}"), "kill", 1)
}

/// The processes that a number means: one, a group, or nearly all.
fn group_of(c: &Cmd, number: i64) -> Vec<u32> {
    let own = c.pid();
    match number {
        -1 => c.host().processes().iter().filter(|p| p.pid > 1 && p.pid != own && !p.kernel).map(|p| p.pid).collect(),
        ..0 => {
            let group = u32::try_from(-number).unwrap_or(0);
            c.host().processes().iter().filter(|p| p.group == group && !p.kernel).map(|p| p.pid).collect()
        }
        _ => u32::try_from(number).ok().into_iter().collect(),
    }
}

fn list(c: &mut Cmd, word: Option<&String>) -> i32 {
    let Some(word) = word else {
        c.out(NAMES);
        return 0;
    };
    let text = match word.parse::<i32>() {
        Ok(number) => signals::name(if number > 128 { number - 128 } else { number }).filter(|_| number != 0),
        Err(_) => signal_number(word).map(|number| number.to_string()),
    };
    match text {
        Some(text) => {
            c.out(&format!("{}\n", if text == "IO" { "POLL" } else { &text }));
            0
        }
        None => {
            c.complain(&format!("unknown signal name {word}"));
            1
        }
    }
}

fn table() -> String {
    let mut text = String::new();
    for number in 1..=31 {
        let name = signals::name(number).unwrap_or_default();
        let name = if name == "IO" { "POLL".into() } else { name };
        let cell = format!("{number:2} {name}");
        if number % 7 == 0 {
            text.push_str(&format!("{cell}\n"));
        } else {
            text.push_str(&format!("{cell:<11}"));
        }
    }
    text.push('\n');
    text
}

pub(super) fn killall(c: &mut Cmd) -> i32 {
    // A signal may stand as -9, -KILL or -SIGKILL.
    let mut args = Vec::new();
    let mut signal = 15;
    let own = c.args.clone();
    let mut list = own.iter();
    while let Some(arg) = list.next() {
        let name = match arg.strip_prefix('-') {
            Some("s") => list.next().map(String::as_str),
            Some("-signal") => list.next().map(String::as_str),
            Some(name) if name.len() > 1 || name.chars().all(|c| c.is_ascii_digit()) => {
                let bare = name.strip_prefix("s").filter(|rest| signal_number(rest).is_some()).unwrap_or(name);
                let known = signal_number(bare).is_some() && !name.starts_with('-');
                known.then_some(bare)
            }
            _ => None,
        };
        match name {
            Some(name) => match signal_number(name) {
                Some(number) => signal = number,
                None if c.applet() => {
                    c.complain(&format!("bad signal name '{name}'"));
                    return 1;
                }
                None => {
                    c.err(&format!("{name}: unknown signal; killall -l lists signals.\n"));
                    return 1;
                }
            },
            None => args.push(arg.clone()),
        }
    }
    const TABLE: &str = "e,exact I,ignore-case g,process-group y,younger-than= o,older-than= i,interactive l,list \
                         q,quiet r,regexp u,user= v,verbose V,version w,wait n,ns= Z,context=";
    let found = match options::parse(TABLE, &args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return usage(c, "killall", 1);
        }
    };
    if found.has("l") {
        c.out(NAMES);
        return 0;
    }
    if found.has("V") {
        c.err(recorded::text(c.host(), "killall", "--version"));
        return 0;
    }
    if found.rest.is_empty() && found.value("u").is_none() {
        return if c.applet() { super::busybox_use(c, "killall") } else { usage(c, "killall", 1) };
    }
    let uid = match found.value("u").map(|name| (name, user_id(c.host(), name))) {
        None => None,
        Some((_, Some(uid))) => Some(uid),
        Some((name, None)) => {
            c.err(&format!("Cannot find user {name}\n"));
            return 1;
        }
    };
    let own = c.pid();
    let processes = c.host().processes();
    let mut status = 0;
    let names = if found.rest.is_empty() { vec![String::new()] } else { found.rest.clone() };
    for name in names {
        let hits: Vec<&Process> = processes
            .iter()
            .filter(|process| process.pid != own && uid.is_none_or(|uid| process.uid == uid))
            .filter(|process| name.is_empty() || is_named(process, &name, found.has("I")))
            .collect();
        let mut killed = 0;
        for process in &hits {
            match send(c, process.pid, signal) {
                Ok(()) => {
                    killed += 1;
                    if found.has("v") {
                        c.err(&format!("Killed {}({}) with signal {signal}\n", decode(&process.comm), process.pid));
                    }
                }
                Err(errno) => {
                    let text = format!("{}({}): {}\n", decode(&process.comm), process.pid, errno.text());
                    c.err(&text);
                }
            }
        }
        if killed == 0 {
            status = 1;
        }
        if hits.is_empty() && !found.has("q") {
            let text = if c.applet() {
                format!("killall: {name}: no process killed\n")
            } else {
                format!("{name}: no process found\n")
            };
            c.err(&text);
        }
    }
    status
}

/// Whether the name is the process's: its own one, or its program's.
fn is_named(process: &Process, name: &str, ignore_case: bool) -> bool {
    let base = name.rsplit('/').next().unwrap_or_default();
    let own = decode(&process.comm);
    let short: String = base.chars().take(15).collect();
    if name.contains('/') {
        return decode(&process.exe) == name;
    }
    if ignore_case { own.eq_ignore_ascii_case(&short) } else { own == short }
}

pub(super) fn pidof(c: &mut Cmd) -> i32 {
    let found = match options::parse("s c q n w x o= S=,d=", &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return 1;
        }
    };
    let omitted: Vec<u32> = found
        .list
        .iter()
        .filter(|(key, _)| *key == "o")
        .filter_map(|(_, value)| value.as_deref())
        .flat_map(|text| text.split(','))
        .filter_map(|text| if text == "%PPID" { None } else { text.parse().ok() })
        .collect();
    let mut pids = Vec::new();
    let processes = c.host().processes();
    for name in &found.rest {
        let base = name.rsplit('/').next().unwrap_or_default();
        let mut hits: Vec<u32> = processes
            .iter()
            .filter(|process| !process.kernel && process.pid != c.pid())
            .filter(|process| {
                let first = process.argv.first().map(|word| decode(word)).unwrap_or_default();
                let first = first.trim_start_matches('-').trim_end_matches(':').to_string();
                let program = first.rsplit('/').next().unwrap_or_default();
                let script = found.has("x")
                    && process.argv.get(1).is_some_and(|word| decode(word).rsplit('/').next() == Some(base));
                program == base || first == *name || decode(&process.exe).rsplit('/').next() == Some(base) || script
            })
            .map(|process| process.pid)
            .collect();
        hits.reverse();
        pids.extend(hits.into_iter().filter(|pid| !omitted.contains(pid)));
    }
    if found.has("s") {
        pids.truncate(1);
    }
    if pids.is_empty() {
        return 1;
    }
    if !found.has("q") {
        let words: Vec<String> = pids.iter().map(u32::to_string).collect();
        c.out(&format!("{}\n", words.join(" ")));
    }
    0
}

/// A pattern of `pgrep`: an extended regular expression.
struct Pattern(Regexp);

impl Pattern {
    fn new(text: &str, exact: bool, ignore_case: bool) -> Option<Self> {
        let text = if exact { format!("^({text})$") } else { text.to_string() };
        Regexp::new(&text, Syntax::Extended, Flags { ignore_case, ..Flags::default() }).ok().map(Self)
    }

    fn is_in(&self, text: &str) -> bool {
        self.0.is_match(&crate::shell::text::encode(text))
    }
}

pub(super) fn pgrep(c: &mut Cmd) -> i32 {
    const TABLE: &str = "d,delimiter= l,list-name a,list-full v,inverse w,lightweight c,count f,full g,pgroup= G,group= \
                         i,ignore-case n,newest o,oldest O,older= P,parent= s,session= signal= t,terminal= u,euid= \
                         U,uid= x,exact F,pidfile= L,logpidfile r,runstates= ns= nslist= V,version e,echo q,queue= \
                         H,require-handler A,ignore-ancestors";
    let kill = c.base() == "pkill";
    let mut args = c.args.clone();
    let mut signal = 15;
    if kill {
        let first = args.iter().position(|arg| {
            arg.strip_prefix('-').is_some_and(|name| name.len() > 1 && signal_number(name).is_some())
                || arg.strip_prefix('-').is_some_and(|name| name.parse::<i32>().is_ok_and(|n| (1..65).contains(&n)))
        });
        if let Some(at) = first {
            let name = args.remove(at);
            signal = signal_number(name.trim_start_matches('-')).unwrap_or(15);
        }
    }
    let program = if kill { "pkill" } else { "pgrep" };
    let found = match options::parse(TABLE, &args) {
        Ok(found) => found,
        Err(error) => return misuse_with_usage(c, &error, program, 2),
    };
    if let Some(name) = found.value("signal") {
        match signal_number(name) {
            Some(number) => signal = number,
            None => return misuse_with_usage(c, &format!("Unknown signal \"{name}\"."), program, 2),
        }
    }
    let hint = format!("Try `{program} --help' for more information.\n");
    if found.rest.len() > 1 {
        c.complain("only one pattern can be provided");
        c.err(&hint);
        return 2;
    }
    let criteria = ["g", "G", "P", "s", "t", "u", "U", "F", "r", "O"];
    if found.rest.is_empty() && !criteria.iter().any(|key| found.has(key)) {
        c.complain("no matching criteria specified");
        c.err(&hint);
        return 2;
    }
    let mut uids = Vec::new();
    for name in [found.value("u"), found.value("U")].into_iter().flatten().flat_map(|list| list.split(',')) {
        match user_id(c.host(), name) {
            Some(uid) => uids.push(uid),
            None => {
                c.complain(&format!("invalid user name: {name}"));
                return 2;
            }
        }
    }
    let numbers = |key: &str| -> Option<Vec<u32>> {
        found.value(key).map(|list| list.split(',').filter_map(|word| word.parse().ok()).collect())
    };
    let (parents, groups, sessions) = (numbers("P"), numbers("g"), numbers("s"));
    let ttys: Option<Vec<String>> = found.value("t").map(|list| list.split(',').map(str::to_string).collect());
    let pattern = found.rest.first().map(|text| Pattern::new(text, found.has("x"), found.has("i")));
    if matches!(pattern, Some(None)) {
        c.complain("Unmatched ( or \\(");
        return 2;
    }
    let pattern = pattern.flatten();
    let own = c.pid();
    let mut hits: Vec<Process> = c
        .host()
        .processes()
        .into_iter()
        .filter(|process| process.pid != own)
        .filter(|process| {
            let text = if found.has("f") && !process.argv.is_empty() {
                super::who::command_line(process)
            } else {
                decode(&process.comm)
            };
            let is = pattern.as_ref().is_none_or(|pattern| pattern.is_in(&text))
                && (uids.is_empty() || uids.contains(&process.uid))
                && parents.as_ref().is_none_or(|list| list.contains(&process.ppid))
                && groups.as_ref().is_none_or(|list| list.contains(&process.group))
                && sessions.as_ref().is_none_or(|list| list.contains(&process.session))
                && ttys.as_ref().is_none_or(|list| {
                    let name = process.tty.map_or_else(|| "-".into(), |tty| format!("pts/{tty}"));
                    list.contains(&name)
                });
            is != found.has("v")
        })
        .collect();
    if found.has("n") {
        hits = hits.into_iter().max_by_key(|process| (process.started, process.pid)).into_iter().collect();
    } else if found.has("o") {
        hits = hits.into_iter().min_by_key(|process| (process.started, process.pid)).into_iter().collect();
    }
    let status = i32::from(hits.is_empty());
    if kill {
        for process in &hits {
            match send(c, process.pid, signal) {
                Ok(()) if found.has("e") => {
                    c.out(&format!("{} killed (pid {})\n", decode(&process.comm), process.pid));
                }
                Ok(()) => {}
                Err(errno) => c.complain(&format!("killing pid {} failed: {}", process.pid, errno.text())),
            }
        }
        if found.has("c") {
            c.out(&format!("{}\n", hits.len()));
        }
        return status;
    }
    if found.has("c") {
        c.out(&format!("{}\n", hits.len()));
        return status;
    }
    let lines: Vec<String> = hits
        .iter()
        .map(|process| match (found.has("a"), found.has("l")) {
            (true, _) if !process.argv.is_empty() => format!("{} {}", process.pid, super::who::command_line(process)),
            (_, true) | (true, _) => format!("{} {}", process.pid, decode(&process.comm)),
            _ => process.pid.to_string(),
        })
        .collect();
    if !lines.is_empty() {
        c.out(&format!("{}\n", lines.join(found.value("d").unwrap_or("\n"))));
    }
    status
}
