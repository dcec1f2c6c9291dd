//! The columns of `ps`: names, headings, widths, and how each is filled.

use std::cmp::Ordering;

use super::common::{Names, decode, time};
use crate::base::clock::Timestamp;
use crate::world::Process;

/// What columns need beside the process.
pub(super) struct Context<'a> {
    pub names: &'a Names,
    pub now: Timestamp,
    pub memory_kib: u64,
    pub cpus: u32,
    /// `ps` itself, which runs.
    pub own: u32,
    pub own_tty: Option<u32>,
    pub environment: bool,
    pub only_command: bool,
}

/// One column as it is to be printed.
pub(super) struct Column {
    kind: &'static str,
    pub header: String,
    pub width: usize,
    pub right: bool,
    pub cut: bool,
}

/// Names that mean the same; kind, heading, width; `>` right, `<` left, `!` left and cut to the width.
static COLUMNS: &[(&str, &str, usize, char)] = &[
    ("pid,tgid", "PID", 7, '>'),
    ("ppid", "PPID", 7, '>'),
    ("pgid,pgrp", "PGID", 7, '>'),
    ("sid,sess,session", "SID", 7, '>'),
    ("tpgid", "TPGID", 7, '>'),
    ("lwp,tid,spid", "LWP", 7, '>'),
    ("nlwp,thcount", "NLWP", 4, '>'),
    ("user,uname,euser,ruser,suser,fuser,uname", "USER", 8, '<'),
    ("user_f", "UID", 8, '<'),
    ("uid,euid,ruid", "UID", 5, '>'),
    ("gid,egid,rgid", "GID", 5, '>'),
    ("group,egroup,rgroup", "GROUP", 8, '<'),
    ("pcpu,%cpu", "%CPU", 4, '>'),
    ("pmem,%mem", "%MEM", 4, '>'),
    ("vsz,vsize", "VSZ", 6, '>'),
    ("rss,rssize,rsz", "RSS", 5, '>'),
    ("sz", "SZ", 5, '>'),
    ("size", "SIZE", 5, '>'),
    ("trs", "TRS", 5, '>'),
    ("drs", "DRS", 5, '>'),
    ("maj_flt,majflt", "MAJFL", 6, '>'),
    ("min_flt,minflt", "MINFL", 6, '>'),
    ("tname", "TTY", 8, '<'),
    ("tty,tt", "TT", 8, '<'),
    ("stat", "STAT", 4, '<'),
    ("state,s", "S", 1, '<'),
    ("start_time,stime", "START", 5, '>'),
    ("start", "STARTED", 8, '>'),
    ("lstart", "STARTED", 24, '>'),
    ("bsdstart", "START", 6, '>'),
    ("etime", "ELAPSED", 11, '>'),
    ("etimes", "ELAPSED", 7, '>'),
    ("time,cputime", "TIME", 8, '>'),
    ("times,cputimes", "TIME", 8, '>'),
    ("bsdtime", "TIME", 6, '>'),
    ("args,command,cmd", "COMMAND", 27, '<'),
    ("args_f", "CMD", 27, '<'),
    ("comm,ucomm", "COMMAND", 15, '<'),
    ("ucmd", "CMD", 15, '<'),
    ("exe", "EXE", 27, '<'),
    ("ni,nice", "NI", 3, '>'),
    ("pri", "PRI", 3, '>'),
    ("opri,priority,intpri", "PRI", 3, '>'),
    ("pri_bsd", "PRI", 3, '>'),
    ("rtprio", "RTPRIO", 6, '>'),
    ("cls,class,policy", "CLS", 3, '>'),
    ("psr,cpuid,sgi_p", "PSR", 3, '>'),
    ("c,cp", "C", 2, '>'),
    ("f,flag,flags", "F", 1, '>'),
    ("addr", "ADDR", 4, '<'),
    ("wchan,wname", "WCHAN", 6, '<'),
    ("pending", "PENDING", 16, '>'),
    ("blocked,sigmask", "BLOCKED", 16, '>'),
    ("ignored,sigignore", "IGNORED", 16, '>'),
    ("caught,sigcatch", "CAUGHT", 16, '>'),
    ("label,context", "LABEL", 31, '<'),
    ("stackp", "STACKP", 8, '>'),
    ("esp", "ESP", 8, '>'),
    ("eip", "EIP", 8, '>'),
    ("tmout", "TMOUT", 5, '>'),
    ("alarm", "ALARM", 5, '>'),
];

/// Headings that follow the name that was asked for.
fn heading(name: &str, usual: &str) -> String {
    match name {
        "cmd" => "CMD".into(),
        "euser" | "ruser" | "suser" | "fuser" => name.to_ascii_uppercase(),
        "euid" | "ruid" | "egid" | "rgid" | "egroup" | "rgroup" => name.to_ascii_uppercase(),
        "rsz" | "pgrp" | "sess" | "tgid" | "tid" | "spid" | "cpuid" | "policy" => match name {
            "policy" => "POL".into(),
            "sess" => "SESS".into(),
            name => name.to_ascii_uppercase(),
        },
        "thcount" => "THCNT".into(),
        "stime" => "STIME".into(),
        "tt" | "tty" => "TT".into(),
        _ => usual.into(),
    }
}

impl Column {
    /// The column of that name, with a heading of one's own.
    pub fn named(name: &str, header: Option<String>) -> Option<Self> {
        let (kinds, usual, width, how) =
            COLUMNS.iter().find(|(names, ..)| names.split(',').any(|known| known == name))?;
        let kind = kinds.split(',').next().unwrap_or_default();
        let header = header.unwrap_or_else(|| heading(name, usual));
        let width = match name {
            "thcount" => 5,
            _ => *width,
        };
        let width = if kind == "args" || kind == "comm" || kind == "ucmd" { width } else { width.max(header.len()) };
        Some(Self {
            kind,
            header,
            width,
            right: *how == '>',
            cut: *how == '!' || matches!(kind, "args" | "args_f" | "exe"),
        })
    }

    /// What stands in the column for a process; `indent` before its command in a tree.
    pub fn cell(&self, process: &Process, x: &Context<'_>, indent: &str) -> String {
        let age = age(process, x);
        let user = || {
            let name = x.names.user_or_number(process.uid);
            match name.len() > 8 {
                true => format!("{}+", name.chars().take(7).collect::<String>()),
                false => name,
            }
        };
        match self.kind {
            "pid" | "lwp" => process.pid.to_string(),
            "ppid" => process.ppid.to_string(),
            "pgid" => process.group.to_string(),
            "sid" => process.session.to_string(),
            "tpgid" => {
                if process.tty.is_some() {
                    process.group.to_string()
                } else {
                    "-1".into()
                }
            }
            "nlwp" => process.threads.max(1).to_string(),
            "user" | "user_f" => user(),
            "uid" => process.uid.to_string(),
            "gid" => process.gid.to_string(),
            "group" => x.names.group_or_number(process.gid),
            "pcpu" => tenths(cpu_permille(process, x)),
            "pmem" => tenths(process.rss_kib * 1000 / x.memory_kib),
            "vsz" => process.vsz_kib.to_string(),
            "rss" => process.rss_kib.to_string(),
            "sz" => (process.vsz_kib / 4).to_string(),
            "size" => (process.rss_kib / 3).to_string(),
            "trs" => (process.vsz_kib / 40).to_string(),
            "drs" => (process.vsz_kib - process.vsz_kib / 40).to_string(),
            "maj_flt" => "0".into(),
            "min_flt" => (process.rss_kib / 2).to_string(),
            "tname" | "tty" => process.tty.map_or_else(|| "?".into(), |tty| format!("pts/{tty}")),
            "stat" => stat(process, x),
            "state" => state(process, x).to_string(),
            "start_time" => start(process, x),
            "start" => {
                if age < 86_400 {
                    time(process.started, "%H:%M:%S")
                } else {
                    time(process.started, "  %b %d")
                }
            }
            "lstart" => time(process.started, "%a %b %e %H:%M:%S %Y"),
            "bsdstart" => {
                if age < 86_400 {
                    time(process.started, " %H:%M")
                } else {
                    time(process.started, "%b %e")
                }
            }
            "etime" => elapsed(age),
            "etimes" => age.to_string(),
            "time" => clock(process.cpu_ms / 1000),
            "times" => (process.cpu_ms / 1000).to_string(),
            "bsdtime" => format!("{}:{:02}", process.cpu_ms / 60_000, process.cpu_ms / 1000 % 60),
            "args" | "args_f" => {
                let mut text = format!("{indent}{}", arguments(process, x));
                if x.environment && !process.environ.is_empty() {
                    for word in process.environ.split(|&b| b == 0).filter(|word| !word.is_empty()) {
                        text.push(' ');
                        text.push_str(&decode(word));
                    }
                }
                text
            }
            "comm" | "ucmd" => format!("{indent}{}", decode(&process.comm)),
            "exe" => decode(&process.exe),
            "ni" => process.nice.to_string(),
            "pri" => (19 - process.nice).to_string(),
            "opri" => (80 + process.nice).to_string(),
            "pri_bsd" => (20 + process.nice).to_string(),
            "rtprio" => "-".into(),
            "cls" => "TS".into(),
            "psr" => (process.pid % x.cpus.max(1)).to_string(),
            "c" => (cpu_permille(process, x) / 10).min(99).to_string(),
            "f" => (if process.kernel {
                "1"
            } else if process.uid == 0 {
                "4"
            } else {
                "0"
            })
            .into(),
            "pending" | "blocked" | "ignored" | "caught" => "0000000000000000".into(),
            "stackp" | "esp" | "eip" => "00000000".into(),
            _ => "-".into(),
        }
    }
}

/// Whether there is such a column.
pub(super) fn is_known(name: &str) -> bool {
    COLUMNS.iter().any(|(names, ..)| names.split(',').any(|known| known == name))
}

/// What `ps L` prints: every name with its heading.
pub(super) fn list() -> String {
    let mut all: Vec<(&str, String)> = COLUMNS
        .iter()
        .flat_map(|(names, usual, ..)| names.split(',').map(|name| (name, heading(name, usual))))
        .collect();
    all.sort();
    all.iter().map(|(name, header)| format!("{name:<12} {header}\n")).collect()
}

/// The order of two processes by a column.
pub(super) fn compare(name: &str, a: &Process, b: &Process, x: &Context<'_>) -> Ordering {
    let Some(column) = Column::named(name, None) else { return Ordering::Equal };
    match column.kind {
        "pid" | "lwp" => a.pid.cmp(&b.pid),
        "ppid" => a.ppid.cmp(&b.ppid),
        "pcpu" | "c" => cpu_permille(a, x).cmp(&cpu_permille(b, x)),
        "pmem" | "rss" => a.rss_kib.cmp(&b.rss_kib),
        "vsz" | "sz" => a.vsz_kib.cmp(&b.vsz_kib),
        "time" | "bsdtime" | "times" => a.cpu_ms.cmp(&b.cpu_ms),
        "start" | "start_time" | "lstart" | "bsdstart" => a.started.cmp(&b.started),
        "etime" | "etimes" => b.started.cmp(&a.started),
        "uid" => a.uid.cmp(&b.uid),
        "ni" => a.nice.cmp(&b.nice),
        _ => column.cell(a, x, "").cmp(&column.cell(b, x, "")),
    }
}

fn age(process: &Process, x: &Context<'_>) -> u64 {
    u64::try_from(x.now.as_second() - process.started.as_second()).unwrap_or(0)
}

/// Share of one processor over the whole life, in thousandths.
fn cpu_permille(process: &Process, x: &Context<'_>) -> u64 {
    process.cpu_ms / age(process, x).max(1)
}

fn tenths(permille: u64) -> String {
    if permille > 999 { (permille / 10).to_string() } else { format!("{}.{}", permille / 10, permille % 10) }
}

fn state(process: &Process, x: &Context<'_>) -> char {
    if process.pid == x.own { 'R' } else { process.state }
}

fn stat(process: &Process, x: &Context<'_>) -> String {
    let mut text = state(process, x).to_string();
    if process.nice < 0 || (process.kernel && process.state == 'I') {
        text.push('<');
    } else if process.nice > 0 {
        text.push('N');
    }
    if !process.kernel && process.pid == process.session {
        text.push('s');
    }
    if process.threads > 1 {
        text.push('l');
    }
    // The foreground group of the terminal.
    if process.tty.is_some() && process.tty == x.own_tty && process.pid != process.session {
        text.push('+');
    }
    text
}

fn start(process: &Process, x: &Context<'_>) -> String {
    if time(process.started, "%Y") != time(x.now, "%Y") {
        time(process.started, "%Y")
    } else if time(process.started, "%j") != time(x.now, "%j") {
        time(process.started, "%b%d")
    } else {
        time(process.started, "%H:%M")
    }
}

fn clock(seconds: u64) -> String {
    let days = seconds / 86_400;
    let rest = format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    if days > 0 { format!("{days}-{rest}") } else { rest }
}

fn elapsed(seconds: u64) -> String {
    let (days, hours, minutes, rest) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes:02}:{rest:02}"),
        (0, _) => format!("{hours:02}:{minutes:02}:{rest:02}"),
        _ => format!("{days}-{hours:02}:{minutes:02}:{rest:02}"),
    }
}

fn arguments(process: &Process, x: &Context<'_>) -> String {
    if process.argv.is_empty() || x.only_command {
        let name = decode(&process.comm);
        return if x.only_command { name } else { format!("[{name}]") };
    }
    super::who::command_line(process)
}
