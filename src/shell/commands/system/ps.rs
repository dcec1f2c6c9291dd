//! `ps` (procps-ng 3.3.16): the three families of options, selection, columns, sorting.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::common::{Names, decode, user_id};
use super::ps_column::{self, Column, Context};
use super::recorded;
use crate::shell::cmd::Cmd;
use crate::world::Process;

/// What was asked for.
#[derive(Default)]
struct Wish {
    /// All processes (`-A`), or all with (`a`) or without (`x`) a terminal.
    all: bool,
    with_tty: bool,
    without_tty: bool,
    no_leaders: bool,
    negate: bool,
    lists: Vec<List>,
    columns: Vec<Column>,
    user_format: bool,
    sort: Vec<(bool, String)>,
    full: bool,
    extra_full: bool,
    long: bool,
    jobs: bool,
    bsd: Option<char>,
    bsd_style: bool,
    forest: bool,
    no_header: bool,
    wide: u32,
    width: Option<usize>,
    threads: bool,
    environment: bool,
    only_command: bool,
}

/// A list that selects.
enum List {
    Pids(Vec<u32>),
    Parents(Vec<u32>),
    Users(Vec<u32>),
    Groups(Vec<u32>),
    Names(Vec<String>),
    Ttys(Vec<Option<u32>>),
    Sessions(Vec<u32>),
}

/// What `ps` says about a mistake, always followed by where to find help.
fn mistake(c: &mut Cmd, text: &str) -> i32 {
    c.err(&format!("error: {text}\n"));
    c.err(USAGE);
    1
}

const USAGE: &str = "\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n  or \
                     'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n";

pub(super) fn run(c: &mut Cmd) -> i32 {
    if c.applet() {
        return applet(c);
    }
    let mut wish = Wish::default();
    if let Err(text) = parse(c, &mut wish) {
        return match text {
            Told::Mistake(text) => mistake(c, &text),
            Told::Done(text) => {
                c.out(&text);
                0
            }
        };
    }
    show(c, &wish)
}

/// Why `ps` does not list anything.
enum Told {
    Mistake(String),
    Done(String),
}

fn bad<T>(text: impl Into<String>) -> Result<T, Told> {
    Err(Told::Mistake(text.into()))
}

fn parse(c: &Cmd, wish: &mut Wish) -> Result<(), Told> {
    let args = c.args.clone();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if let Some(long) = arg.strip_prefix("--") {
            let (name, value) =
                long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value.to_string())));
            let mut value = || value.clone().or_else(|| args.next().cloned());
            match name {
                "help" => {
                    let kind = value().unwrap_or_default();
                    let kind = ["simple", "list", "output", "threads", "misc", "all"]
                        .into_iter()
                        .find(|known| !kind.is_empty() && known.starts_with(kind.as_str()));
                    let text = kind.map_or("", |kind| recorded::text(c.host(), "ps", &format!("--help {kind}")));
                    return Err(Told::Done(if text.is_empty() {
                        recorded::text(c.host(), "ps", "--help").into()
                    } else {
                        text.into()
                    }));
                }
                "version" => return Err(Told::Done(recorded::text(c.host(), "ps", "--version").into())),
                "forest" => wish.forest = true,
                "headers" => {}
                "no-headers" | "no-heading" | "noheader" | "noheaders" | "no-heading-line" => wish.no_header = true,
                "cols" | "columns" | "width" => wish.width = value().and_then(|text| text.parse().ok()),
                "rows" | "lines" => drop(value()),
                "cumulative" | "deselect" => wish.negate |= name == "deselect",
                "format" => format(c, wish, value())?,
                "sort" => sort(wish, &value().unwrap_or_default())?,
                "pid" => wish.lists.push(List::Pids(numbers(
                    "process ID",
                    value(),
                    "list of process IDs must follow --pid",
                )?)),
                "ppid" => wish.lists.push(List::Parents(numbers(
                    "process ID",
                    value(),
                    "list of process IDs must follow --ppid",
                )?)),
                "user" | "User" => wish.lists.push(List::Users(users(c, value())?)),
                "group" | "Group" => wish.lists.push(List::Groups(groups(c, value())?)),
                "tty" => wish.lists.push(List::Ttys(ttys(value())?)),
                "sid" => {
                    wish.lists.push(List::Sessions(numbers("session", value(), "some sid thing(s) must follow --sid")?))
                }
                _ => return bad("unknown gnu long option"),
            }
        } else if let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            let mut letters = letters.chars();
            while let Some(letter) = letters.next() {
                let mut value = || {
                    let rest: String = letters.by_ref().collect();
                    if rest.is_empty() { args.next().cloned() } else { Some(rest) }
                };
                match letter {
                    'A' | 'e' => wish.all = true,
                    'a' => (wish.with_tty, wish.no_leaders) = (true, true),
                    'd' => (wish.all, wish.no_leaders) = (true, true),
                    'N' => wish.negate = true,
                    'f' => wish.full = true,
                    'F' => (wish.full, wish.extra_full) = (true, true),
                    'l' => wish.long = true,
                    'j' => wish.jobs = true,
                    'H' => wish.forest = true,
                    'w' => wish.wide += 1,
                    'L' | 'T' | 'm' => wish.threads = true,
                    'y' | 'c' | 'M' | 'P' | 'Z' => {}
                    'o' => format(c, wish, value())?,
                    'O' => {
                        let text = value().unwrap_or_default();
                        format(c, wish, Some(format!("pid,{text},state,tname,time,command")))?;
                    }
                    'p' => wish.lists.push(List::Pids(numbers(
                        "process ID",
                        value(),
                        "list of process IDs must follow -p",
                    )?)),
                    'q' => wish.lists.push(List::Pids(numbers(
                        "process ID",
                        value(),
                        "List of process IDs must follow -q.",
                    )?)),
                    'u' | 'U' => {
                        let text = value();
                        if text.is_none() {
                            return bad(format!("list of users must follow -{letter}"));
                        }
                        wish.lists.push(List::Users(users(c, text)?));
                    }
                    'g' | 's' => {
                        wish.lists.push(List::Sessions(numbers("session", value(), "list of sessions must follow -s")?))
                    }
                    'G' => wish.lists.push(List::Groups(groups(c, value())?)),
                    'C' => {
                        let Some(text) = value() else { return bad("list of command names must follow -C") };
                        wish.lists.push(List::Names(split(&text).map(str::to_string).collect()));
                    }
                    't' => wish.lists.push(List::Ttys(ttys(value())?)),
                    'n' => drop(value()),
                    'V' => return Err(Told::Done(recorded::text(c.host(), "ps", "--version").into())),
                    'x' => return bad("must set personality to get -x option"),
                    _ => return bad("unsupported SysV option"),
                }
            }
        } else if arg.chars().all(|c| c.is_ascii_digit() || c == ',') && !arg.is_empty() {
            wish.lists.push(List::Pids(numbers("process ID", Some(arg.clone()), "")?));
        } else {
            bsd(c, wish, arg, &mut args)?;
        }
    }
    Ok(())
}

/// A word of letters without a dash.
fn bsd(c: &Cmd, wish: &mut Wish, word: &str, args: &mut std::slice::Iter<'_, String>) -> Result<(), Told> {
    wish.bsd_style = true;
    let mut letters = word.chars();
    while let Some(letter) = letters.next() {
        let mut value = || {
            let rest: String = letters.by_ref().collect();
            if rest.is_empty() { args.next().cloned() } else { Some(rest) }
        };
        match letter {
            'a' => wish.with_tty = true,
            'x' => wish.without_tty = true,
            'u' | 'l' | 'j' | 'v' | 's' | 'X' => wish.bsd = Some(letter),
            'e' => wish.environment = true,
            'f' => wish.forest = true,
            'w' => wish.wide += 1,
            'h' => wish.no_header = true,
            'c' => wish.only_command = true,
            'r' | 'g' | 'S' | 'n' | 'Z' => {}
            'm' | 'H' => wish.threads = true,
            'T' => {
                let own = c.spec.tty;
                wish.lists.push(List::Ttys(vec![own]));
            }
            'o' => format(c, wish, value())?,
            'O' => {
                let text = value().unwrap_or_default();
                format(c, wish, Some(format!("pid,{text},state,tname,time,command")))?;
            }
            'k' => sort(wish, &value().unwrap_or_default())?,
            'p' => wish.lists.push(List::Pids(numbers("process ID", value(), "list of process IDs must follow p")?)),
            't' => wish.lists.push(List::Ttys(ttys(value())?)),
            'U' => wish.lists.push(List::Users(users(c, value())?)),
            'V' => return Err(Told::Done(recorded::text(c.host(), "ps", "--version").into())),
            'L' => return Err(Told::Done(ps_column::list())),
            _ => return bad("unsupported option (BSD syntax)"),
        }
    }
    Ok(())
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\t']).filter(|part| !part.is_empty())
}

fn numbers(what: &str, text: Option<String>, missing: &str) -> Result<Vec<u32>, Told> {
    let Some(text) = text else { return bad(missing) };
    let list: Result<Vec<u32>, _> = split(&text).map(str::parse::<u32>).collect();
    match list {
        Ok(list) if !list.is_empty() => Ok(list),
        _ => bad(format!("{what} list syntax error")),
    }
}

fn users(c: &Cmd, text: Option<String>) -> Result<Vec<u32>, Told> {
    let Some(text) = text else { return bad("list of users must follow -u") };
    let list: Option<Vec<u32>> = split(&text).map(|name| user_id(c.host(), name)).collect();
    list.map_or_else(|| bad("user name does not exist"), Ok)
}

fn groups(c: &Cmd, text: Option<String>) -> Result<Vec<u32>, Told> {
    let Some(text) = text else { return bad("list of real groups must follow -G") };
    let all = c.host().groups();
    let id =
        |name: &str| all.iter().find(|group| group.name == name).map(|group| group.gid).or_else(|| name.parse().ok());
    let list: Option<Vec<u32>> = split(&text).map(id).collect();
    list.map_or_else(|| bad("group name does not exist"), Ok)
}

fn ttys(text: Option<String>) -> Result<Vec<Option<u32>>, Told> {
    let Some(text) = text else { return bad("list of terminals (pty, tty...) must follow -t") };
    let one = |name: &str| match name.trim_start_matches("/dev/") {
        "-" | "?" => Some(None),
        name => name.trim_start_matches("pts/").parse().ok().map(Some),
    };
    let list: Option<Vec<Option<u32>>> = split(&text).map(one).collect();
    list.map_or_else(|| bad("TTY could not be found"), Ok)
}

fn format(c: &Cmd, wish: &mut Wish, text: Option<String>) -> Result<(), Told> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return bad("format specification must follow -o");
    };
    let _ = c;
    wish.user_format = true;
    let mut rest = text.as_str();
    while !rest.is_empty() {
        // A header of one's own takes all the rest.
        let end = rest.find([',', ' ']).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        let (name, header) = match word.split_once('=') {
            Some((name, "")) => (name, Some(String::new())),
            Some((name, _)) => {
                let header = rest.get(name.len() + 1..).unwrap_or_default().to_string();
                rest = "";
                (name, Some(header))
            }
            None => (word, None),
        };
        if !name.is_empty() {
            let Some(column) = Column::named(name, header) else {
                return bad(format!("unknown user-defined format specifier \"{name}\""));
            };
            wish.columns.push(column);
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    Ok(())
}

fn sort(wish: &mut Wish, text: &str) -> Result<(), Told> {
    for word in split(text) {
        let (reverse, name) = match word.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, word.strip_prefix('+').unwrap_or(word)),
        };
        if !ps_column::is_known(name) {
            return bad("unknown sort specifier");
        }
        wish.sort.push((reverse, name.to_string()));
    }
    Ok(())
}

fn preset(wish: &Wish) -> Vec<Column> {
    let names: &str = match (wish.bsd, wish.long, wish.full, wish.jobs) {
        (Some('u'), ..) => "user,pid,pcpu,pmem,vsz,rss,tname,stat,start_time,bsdtime,args",
        (Some('l'), ..) => "flags,uid,pid,ppid,pri_bsd,nice,vsz,rss,wchan,stat,tname,bsdtime,args",
        (Some('j'), ..) => "ppid,pid,pgid,sid,tname,tpgid,stat,uid,bsdtime,args",
        (Some('v'), ..) => "pid,tname,stat,bsdtime,maj_flt,trs,drs,rss,pmem,args",
        (Some('s'), ..) => "uid,pid,pending,blocked,ignored,caught,stat,tname,bsdtime,args",
        (Some(_), ..) => "pid,stackp,esp,eip,tmout,alarm,stat,tname,bsdtime,args",
        (None, true, true, _) => "flags,state,user_f,pid,ppid,c,opri,nice,addr,sz,wchan,stime,tname,time,args_f",
        (None, true, ..) => "flags,state,uid,pid,ppid,c,opri,nice,addr,sz,wchan,tname,time,ucmd",
        (None, _, true, true) => "user_f,pid,ppid,pgid,sid,c,stime,tname,time,args_f",
        (None, _, true, _) if wish.extra_full => "user_f,pid,ppid,c,sz,rss,psr,stime,tname,time,args_f",
        (None, _, true, _) if wish.threads => "user_f,pid,ppid,lwp,c,nlwp,stime,tname,time,args_f",
        (None, _, true, _) => "user_f,pid,ppid,c,stime,tname,time,args_f",
        (None, _, _, true) => "pid,pgid,sid,tname,time,ucmd",
        _ if wish.bsd_style => "pid,tname,stat,bsdtime,args",
        _ if wish.threads => "pid,lwp,tname,time,ucmd",
        _ => "pid,tname,time,ucmd",
    };
    names.split(',').filter_map(|name| Column::named(name, None)).collect()
}

fn is_wanted(wish: &Wish, process: &Process, own: &Process) -> bool {
    let listed = wish.lists.iter().any(|list| match list {
        List::Pids(pids) => pids.contains(&process.pid),
        List::Parents(pids) => pids.contains(&process.ppid),
        List::Users(uids) => uids.contains(&process.uid),
        List::Groups(gids) => gids.contains(&process.gid),
        List::Names(names) => names.iter().any(|name| name.as_bytes() == process.comm),
        List::Ttys(ttys) => ttys.contains(&process.tty),
        List::Sessions(sids) => sids.contains(&process.session),
    });
    let leader = process.pid == process.session;
    let by_terminal = match (wish.with_tty, wish.without_tty) {
        (true, true) => true,
        (true, false) => process.tty.is_some() && !(wish.no_leaders && leader),
        (false, true) => process.uid == own.uid,
        (false, false) => false,
    };
    let simple = wish.lists.is_empty() && !wish.all && !wish.with_tty && !wish.without_tty;
    let wanted = listed
        || by_terminal
        || (wish.all && !(wish.no_leaders && leader))
        || (simple
            && process.tty == own.tty
            && process.uid == own.uid
            && (own.tty.is_some() || process.session == own.session));
    wanted != wish.negate
}

fn show(c: &mut Cmd, wish: &Wish) -> i32 {
    let host = c.host().clone();
    let columns = if wish.columns.is_empty() { preset(wish) } else { Vec::new() };
    let columns = if wish.columns.is_empty() { &columns } else { &wish.columns };
    let all = host.processes();
    let own = all.iter().find(|process| process.pid == c.pid()).cloned().unwrap_or_default();
    let names = Names::of(&host);
    let context = Context {
        names: &names,
        now: c.now(),
        memory_kib: host.persona().memory_kib.max(1),
        cpus: host.persona().cpus,
        own: c.pid(),
        own_tty: c.spec.tty,
        environment: wish.environment,
        only_command: wish.only_command,
    };
    let mut rows: Vec<&Process> = all.iter().filter(|process| is_wanted(wish, process, &own)).collect();
    if !wish.sort.is_empty() {
        rows.sort_by(|a, b| {
            let orders = wish.sort.iter().map(|(reverse, name)| {
                let order = ps_column::compare(name, a, b, &context);
                if *reverse { order.reverse() } else { order }
            });
            orders.fold(Ordering::Equal, Ordering::then)
        });
    }
    let depths = if wish.forest { arrange(&mut rows, wish.bsd_style) } else { HashMap::new() };
    let limit = limit(c, wish);
    let mut table = String::new();
    if !wish.no_header && columns.iter().any(|column| !column.header.is_empty()) {
        let cells: Vec<String> = columns.iter().map(|column| column.header.clone()).collect();
        line(&mut table, columns, &cells, limit);
    }
    let found = !rows.is_empty();
    for process in rows {
        let indent = depths.get(&process.pid).map_or("", String::as_str);
        let cells: Vec<String> = columns.iter().map(|column| column.cell(process, &context, indent)).collect();
        line(&mut table, columns, &cells, limit);
    }
    c.out(&table);
    i32::from(!found)
}

/// Columns of a line: those of the terminal, unlimited into a pipe.
fn limit(c: &Cmd, wish: &Wish) -> usize {
    if let Some(width) = wish.width {
        return width;
    }
    match wish.wide {
        0 if c.is_tty(1) || c.env("COLUMNS").is_some() => c.columns(),
        0 => usize::MAX,
        1 => c.columns().max(132),
        _ => usize::MAX,
    }
}

fn line(table: &mut String, columns: &[Column], cells: &[String], limit: usize) {
    let mut line = String::new();
    for (at, (column, cell)) in columns.iter().zip(cells).enumerate() {
        let last = at + 1 == columns.len();
        if at > 0 {
            line.push(' ');
        }
        let used = line.chars().count();
        // A column that is too wide eats into the blanks of the next one.
        let behind: usize = columns.iter().take(at).map(|column| column.width + 1).sum();
        let width = column.width.saturating_sub(used.saturating_sub(behind));
        if column.right {
            line.push_str(&format!("{cell:>width$}"));
        } else if last {
            line.push_str(cell);
        } else if column.cut {
            let cut: String = cell.chars().take(column.width).collect();
            line.push_str(&format!("{cut:<width$}"));
        } else {
            line.push_str(&format!("{cell:<width$}"));
        }
    }
    table.extend(line.chars().take(limit));
    table.push('\n');
}

/// Puts children below their parents; what stands before each one's command.
fn arrange(rows: &mut Vec<&Process>, bsd: bool) -> HashMap<u32, String> {
    let present: HashMap<u32, u32> = rows.iter().map(|process| (process.pid, process.ppid)).collect();
    let mut children: HashMap<u32, Vec<&Process>> = HashMap::new();
    let mut roots = Vec::new();
    for process in rows.iter() {
        if present.contains_key(&process.ppid) && process.ppid != process.pid {
            children.entry(process.ppid).or_default().push(process);
        } else {
            roots.push(*process);
        }
    }
    let mut marks = HashMap::new();
    let mut ordered = Vec::new();
    // Process, what its parent put before it, whether it is the last child, depth.
    let mut stack: Vec<(&Process, String, bool, usize)> =
        roots.into_iter().rev().map(|process| (process, String::new(), true, 0)).collect();
    while let Some((process, before, is_last, depth)) = stack.pop() {
        if ordered.len() > 100_000 {
            break;
        }
        let mark = match depth {
            0 => String::new(),
            _ => format!("{before} \\_ "),
        };
        marks.insert(process.pid, if bsd || depth == 0 { mark } else { "  ".repeat(depth) });
        ordered.push(process);
        let below = match depth {
            0 => String::new(),
            _ if is_last => format!("{before}    "),
            _ => format!("{before} |  "),
        };
        if let Some(list) = children.get(&process.pid) {
            for (at, child) in list.iter().enumerate().rev() {
                stack.push((child, below.clone(), at + 1 == list.len(), depth + 1));
            }
        }
    }
    *rows = ordered;
    marks
}

/// busybox's `ps`.
fn applet(c: &mut Cmd) -> i32 {
    let host = c.host().clone();
    let names = Names::of(&host);
    let mut table = String::from("  PID USER       VSZ STAT COMMAND\n");
    let limit = if c.is_tty(1) { c.columns().max(20) } else { 262 };
    for process in host.processes() {
        let user: String = names.user_or_number(process.uid).chars().take(8).collect();
        let size = match process.vsz_kib {
            0 => "0".to_string(),
            kib if kib < 100_000 => kib.to_string(),
            kib => format!("{}m", kib / 1024),
        };
        let command = super::who::command_line(&process);
        let command = match process.argv.is_empty() {
            true => format!("[{}]", decode(&process.comm)),
            false => command,
        };
        let state = format!("{}{}", process.state, if process.kernel { "W" } else { "" });
        let line = format!("{:>5} {user:<8} {size:>5} {state:<4} {command}", process.pid);
        table.extend(line.chars().take(limit));
        table.push('\n');
    }
    c.out(&table);
    0
}
