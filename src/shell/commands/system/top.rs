//! `top` (procps-ng 3.3.16): batch mode, and full screen until `q`.

use std::time::Duration;

use super::common::{Names, decode, uptime_line};
use super::screen;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::world::Process;

/// The lines above the list.
fn summary(c: &Cmd, processes: &[Process]) -> Vec<String> {
    let count = |state: &[char]| processes.iter().filter(|process| state.contains(&process.state)).count();
    let m = c.host().memory();
    let mib = |kib: u64| format!("{:8.1}", kib as f64 / 1024.0);
    let busy = (c.host().load().one * 3.0).min(9.0);
    let user = busy * 0.6;
    let total = processes.len();
    let stopped = count(&['T']);
    let zombies = count(&['Z']);
    vec![
        format!("top - {}", uptime_line(c)),
        format!(
            "Tasks: {total:3} total, {:3} running, {:3} sleeping, {stopped:3} stopped, {zombies:3} zombie",
            1,
            total.saturating_sub(1 + stopped + zombies)
        ),
        format!(
            "%Cpu(s): {user:4.1} us, {:4.1} sy,  0.0 ni,{:5.1} id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st",
            busy - user,
            100.0 - busy
        ),
        format!(
            "MiB Mem : {} total, {} free, {} used, {} buff/cache",
            mib(m.total),
            mib(m.free),
            mib(m.used()),
            mib(m.buffers + m.cached + m.slab)
        ),
        format!(
            "MiB Swap: {} total, {} free, {} used. {} avail Mem ",
            mib(m.swap_total),
            mib(m.swap_free),
            mib(m.swap_total.saturating_sub(m.swap_free)),
            mib(m.available)
        ),
    ]
}

const HEADER: &str = "    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND";

fn amount(kib: u64, width: usize) -> String {
    let text = kib.to_string();
    if text.len() <= width {
        return text;
    }
    let mib = format!("{:.1}m", kib as f64 / 1024.0);
    if mib.len() <= width { mib } else { format!("{:.1}g", kib as f64 / 1_048_576.0) }
}

fn row(c: &Cmd, names: &Names, process: &Process, full: bool, wide: bool) -> String {
    let user: String = names.user_or_number(process.uid);
    let user = if user.len() > 8 { format!("{}+", user.chars().take(7).collect::<String>()) } else { user };
    let memory = process.rss_kib as f64 * 100.0 / c.host().persona().memory_kib.max(1) as f64;
    let own = process.pid == c.pid();
    let state = if own { 'R' } else { process.state };
    let share = process.rss_kib - process.rss_kib / 3;
    let name = decode(&process.comm);
    let command = match (full, wide) {
        (true, _) => super::who::command_line(process),
        (false, true) => name,
        (false, false) => name,
    };
    let priority = 20 + process.nice;
    format!(
        "{:>7} {user:<8} {priority:>3} {:>3} {:>7} {:>6} {:>6} {state} {:>5.1} {memory:>5.1} {:>3}:{:02}.{:02} {command}",
        process.pid,
        process.nice,
        amount(process.vsz_kib, 7),
        amount(process.rss_kib, 6),
        amount(if process.kernel { 0 } else { share }, 6),
        if own { 5.9 } else { 0.0 },
        process.cpu_ms / 60_000,
        process.cpu_ms / 1000 % 60,
        process.cpu_ms / 10 % 100,
    )
}

struct Wish {
    batch: bool,
    delay: f64,
    rounds: u64,
    pids: Vec<u32>,
    user: Option<u32>,
    full: bool,
    threads: bool,
    columns: usize,
    by_memory: bool,
}

fn frame(c: &Cmd, wish: &Wish, names: &Names) -> (Vec<String>, Vec<String>) {
    let mut processes = c.host().processes();
    let head = summary(c, &processes);
    processes.retain(|process| {
        (wish.pids.is_empty() || wish.pids.contains(&process.pid)) && wish.user.is_none_or(|uid| process.uid == uid)
    });
    let own = c.pid();
    processes.sort_by_key(|process| {
        let weight = if wish.by_memory { process.rss_kib } else { u64::from(process.pid == own) };
        (std::cmp::Reverse(weight), process.pid)
    });
    let rows = processes.iter().map(|process| row(c, names, process, wish.full, wish.batch)).collect();
    (head, rows)
}

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    const TABLE: &str = "b c d= e= E= H h i n= o= O p= s S u= U= v w? 1";
    // `top -bn1`, also without the dash.
    let args: Vec<String> = c
        .args
        .iter()
        .map(|arg| if arg.starts_with('-') || arg.is_empty() { arg.clone() } else { format!("-{arg}") })
        .collect();
    let args = if c.args.iter().zip(c.args.iter().skip(1)).any(|(a, _)| a.ends_with(['n', 'd', 'p', 'u', 'o', 'U'])) {
        c.args.clone()
    } else {
        args
    };
    let found = match options::parse(TABLE, &args) {
        Ok(found) => found,
        Err(error) => {
            let text = match error.split_once("requires an argument -- ") {
                Some((_, letter)) => format!("-{} requires argument", letter.trim_matches('\'')),
                None => error,
            };
            c.err(&format!("top: {text}\n"));
            if !text.contains("requires argument") {
                c.err("Usage:\n  top -hv | -bcEeHiOSs1 -d secs -n max -u|U user -p pid(s) -o field -w [cols]\n");
            }
            return Ok(1);
        }
    };
    if found.has("h") || found.has("v") {
        c.out("  procps-ng 3.3.16\nUsage:\n  top -hv | -bcEHiOSs1 -d secs -n max -u|U user -p pid(s) -o field -w [cols]\n");
        return Ok(0);
    }
    let Some(wish) = wish(c, &found) else { return Ok(1) };
    let names = Names::of(&c.host().clone());
    if !(wish.batch || c.is_tty(0) && c.is_tty(1)) {
        c.err("top: failed tty get\n");
        return Ok(1);
    }
    if !wish.batch {
        return full_screen(c, wish, &names).await;
    }
    let mut round = 0;
    loop {
        let (head, rows) = frame(c, &wish, &names);
        let mut text = String::new();
        for line in head.iter().map(String::as_str).chain(["", HEADER]).chain(rows.iter().map(String::as_str)) {
            text.extend(line.chars().take(wish.columns));
            text.push('\n');
        }
        c.out(&text);
        round += 1;
        if round >= wish.rounds {
            return Ok(0);
        }
        c.out("\n");
        c.sleep(Duration::from_secs_f64(wish.delay)).await?;
    }
}

fn wish(c: &mut Cmd, found: &options::Options) -> Option<Wish> {
    let mut wish = Wish {
        batch: found.has("b"),
        delay: 3.0,
        rounds: u64::MAX,
        pids: Vec::new(),
        user: None,
        full: found.has("c"),
        threads: found.has("H"),
        columns: if c.is_tty(1) { c.columns() } else { 512 },
        by_memory: found.value("o").is_some_and(|field| field.trim_start_matches(['+', '-']) == "%MEM"),
    };
    if let Some(text) = found.value("n") {
        match text.parse::<u64>() {
            Ok(rounds) if rounds > 0 => wish.rounds = rounds,
            _ => {
                c.err(&format!("top: bad iterations argument '{text}'\n"));
                return None;
            }
        }
    }
    if let Some(text) = found.value("d") {
        match text.parse::<f64>() {
            Ok(delay) if (0.0..1e6).contains(&delay) => wish.delay = delay,
            _ => {
                c.err(&format!("top: bad delay interval '{text}'\n"));
                return None;
            }
        }
    }
    if let Some(text) = found.value("w") {
        wish.columns = text.parse::<usize>().ok().filter(|columns| *columns >= 3).unwrap_or(512).min(512);
    }
    if let Some(name) = found.value("u").or(found.value("U")) {
        wish.user = super::common::user_id(c.host(), name);
        if wish.user.is_none() {
            c.err("top: Invalid user\n");
            return None;
        }
    }
    for word in found
        .list
        .iter()
        .filter(|(key, _)| *key == "p")
        .flat_map(|(_, value)| value.as_deref().unwrap_or_default().split(','))
    {
        match word.parse() {
            Ok(pid) => wish.pids.push(pid),
            Err(_) => {
                c.err(&format!("top: bad pid '{word}'\n"));
                return None;
            }
        }
    }
    Some(wish)
}

async fn full_screen(c: &mut Cmd, mut wish: Wish, names: &Names) -> Result<i32, Stop> {
    let mut screen = screen::Screen::open(c).await?;
    screen.print(c, "\x1b[?1h\x1b=\x1b[?25l\x1b[H\x1b[2J\x1b(B\x1b[m").await?;
    let mut round = 0;
    'frames: while round < wish.rounds {
        round += 1;
        let (rows, columns) = screen.size(c);
        let (head, list) = frame(c, &wish, names);
        let mut text = String::from("\x1b[H");
        for line in &head {
            let line: String = line.chars().take(columns).collect();
            text.push_str(&format!("{line}\x1b[K\r\n"));
        }
        text.push_str(&format!("\x1b[K\r\n\x1b[7m{HEADER:<columns$.columns$}\x1b(B\x1b[m\x1b[K"));
        for line in list.iter().take(rows.saturating_sub(head.len() + 2)) {
            let line: String = line.chars().take(columns).collect();
            text.push_str(&format!("\r\n\x1b(B\x1b[m{line}\x1b(B\x1b[m\x1b[K"));
        }
        text.push_str("\x1b[J");
        screen.print(c, &text).await?;
        let mut left = Duration::from_secs_f64(wish.delay.max(0.1));
        loop {
            let Some(key) = screen.key_within(c, left).await? else { continue 'frames };
            match key {
                b'q' | 3 => break 'frames,
                b'c' => wish.full = !wish.full,
                b'M' => wish.by_memory = true,
                b'P' => wish.by_memory = false,
                b'H' => wish.threads = !wish.threads,
                b' ' | b'\r' | b'\n' => {}
                _ => {
                    left = Duration::from_millis(500);
                    continue;
                }
            }
            continue 'frames;
        }
    }
    let (rows, _) = screen.size(c);
    screen.print(c, &format!("\x1b[{rows};1H\x1b[?12l\x1b[?25h\x1b[?1l\x1b>\r\n")).await?;
    screen.close(c);
    Ok(0)
}
