//! Signals by number and name, and what shells say about a child that one ended.

/// Names of Linux's signals from 1 on.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];

/// The number of `9`, `KILL`, `SIGKILL`, `kill`; 0 for `EXIT`.
pub(super) fn number(name: &str) -> Option<i32> {
    if let Ok(number) = name.parse::<i32>() {
        return (0..=64).contains(&number).then_some(number);
    }
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    if bare == "EXIT" {
        return Some(0);
    }
    if let Some(offset) = bare.strip_prefix("RTMIN") {
        return if offset.is_empty() { Some(34) } else { offset.parse::<i32>().ok().map(|n| 34 + n) };
    }
    NAMES.iter().position(|known| *known == bare).and_then(|at| i32::try_from(at + 1).ok())
}

/// The name without `SIG`.
pub(super) fn name(number: i32) -> Option<String> {
    match number {
        0 => Some("EXIT".into()),
        1..=31 => NAMES.get(usize::try_from(number - 1).ok()?).map(|name| (*name).to_string()),
        34 => Some("RTMIN".into()),
        35..=49 => Some(format!("RTMIN+{}", number - 34)),
        50..=63 => Some(format!("RTMAX-{}", 64 - number)),
        64 => Some("RTMAX".into()),
        _ => None,
    }
}

/// What `strsignal(3)` says, as shells print it; nothing for those that they keep quiet about.
pub(super) fn report(number: i32) -> Option<&'static str> {
    Some(match number {
        1 => "Hangup",
        2 => "Interrupt",
        3 => "Quit",
        4 => "Illegal instruction",
        5 => "Trace/breakpoint trap",
        6 => "Aborted",
        7 => "Bus error",
        8 => "Floating point exception",
        9 => "Killed",
        10 => "User defined signal 1",
        11 => "Segmentation fault",
        12 => "User defined signal 2",
        14 => "Alarm clock",
        15 => "Terminated",
        24 => "CPU time limit exceeded",
        25 => "File size limit exceeded",
        _ => return None,
    })
}

/// The table that `kill -l` prints in bash.
pub(super) fn table() -> String {
    let mut text = String::new();
    let all: Vec<i32> = (1..=31).chain(34..=64).collect();
    for (at, number) in all.iter().enumerate() {
        let label = format!("SIG{}", name(*number).unwrap_or_default());
        let last = at % 5 == 4 || at + 1 == all.len();
        text.push_str(&format!("{number:2}) {label}"));
        text.push_str(if last { "\n" } else { "\t" });
        // Short names are followed by a blank so that the columns stand.
        if !last && label.len() < 8 {
            text.pop();
            text.push_str(" \t");
        }
    }
    text
}
