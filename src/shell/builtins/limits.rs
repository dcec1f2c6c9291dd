//! `ulimit`: the limits of /proc/self/limits, and those that were set in this shell.

use crate::shell::interp::{Dialect, Exec, Interp};
use crate::shell::kernel::Status;
use crate::shell::text;

/// A limit: its letter, its name and unit in bash, its row in /proc/PID/limits and how many of that are one unit.
struct Limit {
    letter: char,
    name: &'static str,
    unit: &'static str,
    row: &'static str,
    size: u64,
}

const fn limit(letter: char, name: &'static str, unit: &'static str, row: &'static str, size: u64) -> Limit {
    Limit { letter, name, unit, row, size }
}

static LIMITS: [Limit; 17] = [
    limit('R', "real-time non-blocking time", "microseconds", "Max realtime timeout", 1),
    limit('c', "core file size", "blocks", "Max core file size", 1024),
    limit('d', "data seg size", "kbytes", "Max data size", 1024),
    limit('e', "scheduling priority", "", "Max nice priority", 1),
    limit('f', "file size", "blocks", "Max file size", 1024),
    limit('i', "pending signals", "", "Max pending signals", 1),
    limit('l', "max locked memory", "kbytes", "Max locked memory", 1024),
    limit('m', "max memory size", "kbytes", "Max resident set", 1024),
    limit('n', "open files", "", "Max open files", 1),
    limit('p', "pipe size", "512 bytes", "", 1),
    limit('q', "POSIX message queues", "bytes", "Max msgqueue size", 1),
    limit('r', "real-time priority", "", "Max realtime priority", 1),
    limit('s', "stack size", "kbytes", "Max stack size", 1024),
    limit('t', "cpu time", "seconds", "Max cpu time", 1),
    limit('u', "max user processes", "", "Max processes", 1),
    limit('v', "virtual memory", "kbytes", "Max address space", 1024),
    limit('x', "file locks", "", "Max file locks", 1),
];

/// dash's limits: letters and names.
const DASH: [(char, &str); 12] = [
    ('t', "time(seconds)"),
    ('f', "file(blocks)"),
    ('d', "data(kbytes)"),
    ('s', "stack(kbytes)"),
    ('c', "coredump(blocks)"),
    ('m', "memory(kbytes)"),
    ('l', "locked memory(kbytes)"),
    ('p', "process"),
    ('n', "nofiles"),
    ('v', "vmemory(kbytes)"),
    ('w', "locks"),
    ('r', "rtprio"),
];

/// The letter that bash has for one of dash's.
fn bash_letter(letter: char) -> char {
    match letter {
        'p' => 'u',
        'w' => 'x',
        other => other,
    }
}

/// The key of a limit that was set in this shell.
fn key(letter: char, hard: bool) -> String {
    format!("ulimit {letter}{} ", if hard { 'H' } else { 'S' })
}

/// A limit in the units of the shell; `None` is unlimited.
fn current(s: &Interp, limit: &Limit, hard: bool) -> Option<u64> {
    let key = key(limit.letter, hard);
    if let Some(set) = s.options.others.iter().find_map(|(known, _)| known.strip_prefix(&key)) {
        return set.parse().ok();
    }
    if limit.row.is_empty() {
        return Some(8);
    }
    let root = crate::world::Who::root();
    let path = format!("/proc/{}/limits", s.who().pid);
    let host = &s.kernel().host;
    let table = host
        .read_file(&root, path.as_bytes(), 1 << 16)
        .or_else(|_| host.read_file(&root, b"/proc/1/limits", 1 << 16))
        .unwrap_or_default();
    let table = text::decode(&table);
    let row = table.lines().find_map(|line| line.strip_prefix(limit.row)).unwrap_or_default();
    let value = row.split_whitespace().nth(usize::from(hard)).unwrap_or("unlimited");
    let scale = if limit.letter == 'c' && s.dialect == Dialect::Dash { 512 } else { limit.size };
    value.parse::<u64>().ok().map(|value| value / scale)
}

fn shown(value: Option<u64>) -> String {
    value.map_or_else(|| "unlimited".to_string(), |value| value.to_string())
}

/// `NAME (UNIT, -x) `, as wide as the release has it.
fn label(s: &Interp, limit: &Limit) -> String {
    let old = s.kernel().host.persona().bash_version.starts_with("5.0");
    let width = if old { 16 } else { 20 };
    let unit = match limit.unit {
        "" => format!("(-{})", limit.letter),
        unit => format!("({unit}, -{})", limit.letter),
    };
    format!("{:<20}{unit:>width$} ", limit.name)
}

pub(super) async fn ulimit(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let old = s.kernel().host.persona().bash_version.starts_with("5.0");
    let dash = s.dialect != Dialect::Bash;
    let mut letters = Vec::new();
    let (mut soft, mut hard, mut all) = (false, false, false);
    let mut value = None;
    for arg in args {
        let Some(flags) = arg.strip_prefix('-').filter(|flags| !flags.is_empty() && value.is_none()) else {
            value.get_or_insert_with(|| arg.clone());
            continue;
        };
        for letter in flags.chars() {
            match letter {
                'S' => soft = true,
                'H' => hard = true,
                'a' => all = true,
                'R' if old && !dash => return unknown(s, letter, old).await,
                _ if dash && !DASH.iter().any(|(known, _)| *known == letter) => {
                    return s.fail("ulimit", &format!("Illegal option -{letter}")).await.map(|_| 2);
                }
                _ => {
                    match LIMITS.iter().find(|limit| limit.letter == if dash { bash_letter(letter) } else { letter }) {
                        Some(limit) => letters.push(limit),
                        None => return unknown(s, letter, old).await,
                    }
                }
            }
        }
    }
    if all {
        let text: String = if dash {
            let row = |(letter, name): &(char, &str)| {
                let limit = LIMITS.iter().find(|limit| limit.letter == bash_letter(*letter))?;
                Some(format!("{name:<20} {}\n", shown(current(s, limit, hard && !soft))))
            };
            DASH.iter().filter_map(row).collect()
        } else {
            let known = LIMITS.iter().filter(|limit| !old || limit.letter != 'R');
            known.map(|limit| format!("{}{}\n", label(s, limit), shown(current(s, limit, hard && !soft)))).collect()
        };
        return s.print("ulimit", &text).await;
    }
    if letters.is_empty() {
        letters.extend(LIMITS.iter().find(|limit| limit.letter == 'f'));
    }
    let Some(value) = value else {
        let many = letters.len() > 1 && !dash;
        let line = |limit: &&Limit| {
            let label = if many { label(s, limit) } else { String::new() };
            format!("{label}{}\n", shown(current(s, limit, hard && !soft)))
        };
        let text: String = letters.iter().map(line).collect();
        return s.print("ulimit", &text).await;
    };
    let Some(limit) = letters.last() else { return Ok(0) };
    let most = current(s, limit, true);
    let wanted = match value.as_str() {
        "unlimited" => None,
        "hard" if !dash => most,
        "soft" if !dash => current(s, limit, false),
        text => match text.parse::<u64>() {
            Ok(number) => Some(number),
            Err(_) if dash => return s.fail("ulimit", "bad number").await.map(|_| 2),
            Err(_) => return s.fail("ulimit", &format!("{text}: invalid number")).await,
        },
    };
    let above = match (wanted, most) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(wanted), Some(most)) => wanted > most,
    };
    let (sets_soft, sets_hard) = if soft || hard { (soft, hard) } else { (true, true) };
    let fault = match (limit.letter, above, sets_hard) {
        ('p', _, _) => Some("Invalid argument"),
        (_, true, true) => Some("Operation not permitted"),
        (_, true, false) => Some("Invalid argument"),
        _ => None,
    };
    if let Some(fault) = fault {
        let message = if dash {
            format!("error setting limit ({fault})")
        } else {
            format!("{}: cannot modify limit: {fault}", limit.name)
        };
        return s.fail("ulimit", &message).await;
    }
    for (sets, key) in [(sets_soft, key(limit.letter, false)), (sets_hard, key(limit.letter, true))] {
        if sets {
            s.options.others.retain(|(known, _)| !known.starts_with(&key));
            s.options.others.push((format!("{key}{}", shown(wanted)), true));
        }
    }
    Ok(0)
}

async fn unknown(s: &mut Interp, letter: char, old: bool) -> Exec<Status> {
    let usage =
        if old { "ulimit [-SHabcdefiklmnpqrstuvxPT] [limit]" } else { "ulimit [-SHabcdefiklmnpqrstuvxPRT] [limit]" };
    s.bad_option("ulimit", &format!("-{letter}"), usage).await
}

#[cfg(test)]
mod tests {
    use crate::shell::tests::run;

    #[test]
    fn limits_are_those_of_the_host() {
        let out = |line: &str| run(line).0;
        assert_eq!(out("ulimit -n; ulimit -Hn; ulimit -s; ulimit"), "1024\n1048576\n8192\nunlimited\n");
        assert_eq!(out("ulimit -u"), out("grep processes /proc/self/limits | tr -s ' ' | cut -d' ' -f3"));
        assert_eq!(
            out("ulimit -a | grep processes"),
            format!("max user processes              (-u) {}", out("ulimit -u"))
        );
        assert_eq!(
            out("ulimit -n 4096; ulimit -n; ulimit -Hn; ulimit -c unlimited; ulimit -c"),
            "4096\n4096\nunlimited\n"
        );
        let (_, err, status) = run("ulimit -u unlimited");
        let refused = "bash: line 1: ulimit: max user processes: cannot modify limit: Operation not permitted\n";
        assert_eq!((err.as_str(), status), (refused, 1));
        assert!(run("sh -c 'ulimit -u'").1.contains("ulimit: Illegal option -u"));
        assert_eq!(out("sh -c 'ulimit -a | head -1'"), "time(seconds)        unlimited\n");
    }
}
