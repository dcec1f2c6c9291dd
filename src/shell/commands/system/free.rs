//! `free` and `vmstat` (procps-ng 3.3.16), and busybox's `free`.

use std::time::Duration;

use super::common::misuse_with_usage;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::world::Memory;

/// How sizes are written.
#[derive(Clone, Copy)]
enum Unit {
    /// Bytes that make one.
    Of(u64),
    Human {
        si: bool,
    },
}

fn size(kib: u64, unit: Unit) -> String {
    match unit {
        Unit::Of(bytes) => (kib * 1024 / bytes.max(1)).to_string(),
        Unit::Human { si } => human(kib * 1024, si),
    }
}

/// At most four characters before the unit, as procps scales.
fn human(bytes: u64, si: bool) -> String {
    let base = if si { 1000.0 } else { 1024.0 };
    let end = if si { "" } else { "i" };
    let mut value = bytes as f64;
    for unit in ["B", "K", "M", "G", "T", "P"] {
        let suffix = if unit == "B" { "B".to_string() } else { format!("{unit}{end}") };
        if unit == "B" && value < 1000.0 {
            return format!("{value:.0}{suffix}");
        }
        if unit != "B" && value < 9.95 {
            return format!("{value:.1}{suffix}");
        }
        if unit != "B" && value < 999.5 {
            return format!("{value:.0}{suffix}");
        }
        value /= base;
    }
    format!("{value:.0}E")
}

pub(super) async fn free(c: &mut Cmd) -> Result<i32, Stop> {
    const TABLE: &str = "b,bytes kilo mega giga tera peta k,kibi m,mebi g,gibi tebi pebi h,human si l,lohi t,total \
                         s,seconds= c,count= w,wide v,committed L,line help V,version";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(error) if c.applet() => {
            c.complain(&error);
            return Ok(super::busybox_use(c, "free"));
        }
        Err(error) => return Ok(misuse_with_usage(c, &error, "free", 1)),
    };
    let k: u64 = if found.has("si") { 1000 } else { 1024 };
    let kinds = ["b", "kilo", "mega", "giga", "tera", "peta", "k", "m", "g", "tebi", "pebi", "h"];
    let unit = match found.last(&kinds).unwrap_or("k") {
        "b" => Unit::Of(1),
        "kilo" => Unit::Of(1000),
        "mega" => Unit::Of(1_000_000),
        "giga" => Unit::Of(1_000_000_000),
        "tera" => Unit::Of(1_000_000_000_000),
        "peta" => Unit::Of(1_000_000_000_000_000),
        "m" => Unit::Of(k * k),
        "g" => Unit::Of(k * k * k),
        "tebi" => Unit::Of(1 << 40),
        "pebi" => Unit::Of(1 << 50),
        "h" => Unit::Human { si: found.has("si") },
        _ => Unit::Of(k),
    };
    let seconds = match found.value("s").map(|text| (text, text.parse::<f64>())) {
        None => None,
        Some((_, Ok(seconds))) if seconds > 0.0 => Some(seconds.min(1e6)),
        Some((text, _)) => {
            let text = format!("seconds argument `{text}' failed");
            c.complain(&text);
            return Ok(1);
        }
    };
    let mut count = match found.value("c").map(|text| (text, text.parse::<u64>())) {
        None if seconds.is_some() => u64::MAX,
        None => 1,
        Some((_, Ok(count))) if count > 0 => count,
        Some((text, _)) => {
            let text = format!("failed to parse count argument: '{text}'");
            c.complain(&text);
            return Ok(1);
        }
    };
    loop {
        let memory = c.host().memory();
        let text = if c.applet() { applet(&memory, unit) } else { table(&memory, unit, &found) };
        c.out(&text);
        count = count.saturating_sub(1);
        if count == 0 {
            return Ok(0);
        }
        c.out("\n");
        c.sleep(Duration::from_secs_f64(seconds.unwrap_or(1.0))).await?;
    }
}

fn table(m: &Memory, unit: Unit, found: &options::Options) -> String {
    let cache = m.cached + m.slab;
    let mut text = String::from("               total        used        free      shared");
    text.push_str(if found.has("w") { "     buffers       cache   available\n" } else { "  buff/cache   available\n" });
    let cell = |kib: u64| format!("{:>12}", size(kib, unit));
    let row = |name: &str, cells: &[u64]| {
        let cells: Vec<String> = cells.iter().map(|kib| cell(*kib)).collect();
        format!("{name:<8}{}\n", cells.concat())
    };
    let used = m.used();
    match found.has("w") {
        true => text.push_str(&row("Mem:", &[m.total, used, m.free, m.shared, m.buffers, cache, m.available])),
        false => text.push_str(&row("Mem:", &[m.total, used, m.free, m.shared, m.buffers + cache, m.available])),
    }
    if found.has("l") {
        text.push_str(&row("Low:", &[m.total, m.total - m.free, m.free]));
        text.push_str(&row("High:", &[0, 0, 0]));
    }
    let swap_used = m.swap_total - m.swap_free.min(m.swap_total);
    text.push_str(&row("Swap:", &[m.swap_total, swap_used, m.swap_free]));
    if found.has("t") {
        text.push_str(&row("Total:", &[m.total + m.swap_total, used + swap_used, m.free + m.swap_free]));
    }
    text
}

fn applet(m: &Memory, unit: Unit) -> String {
    let mut text = String::from("              total        used        free      shared  buff/cache   available\n");
    let cell = |kib: u64| format!("{:>12}", size(kib, unit));
    let cache = m.buffers + m.cached + m.slab;
    let used = m.total.saturating_sub(m.free + cache);
    text.push_str("Mem:   ");
    for kib in [m.total, used, m.free, m.shared, cache, m.available] {
        text.push_str(&cell(kib));
    }
    text.push_str("\nSwap:  ");
    for kib in [m.swap_total, m.swap_total - m.swap_free.min(m.swap_total), m.swap_free] {
        text.push_str(&cell(kib));
    }
    text.push('\n');
    text
}

pub(super) async fn vmstat(c: &mut Cmd) -> Result<i32, Stop> {
    const TABLE: &str = "a,active f,forks m,slabs n,one-header s,stats d,disk D,disk-sum p,partition= S,unit= w,wide \
                         t,timestamp y,no-first h,help V,version";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(error) => return Ok(misuse_with_usage(c, &error, "vmstat", 1)),
    };
    let mut numbers = Vec::new();
    for word in found.rest.clone() {
        match word.parse::<u64>() {
            Ok(number) => numbers.push(number),
            Err(_) => {
                c.complain(&format!("failed to parse argument: '{word}'"));
                return Ok(1);
            }
        }
    }
    let delay = numbers.first().copied();
    let mut count = numbers.get(1).copied().unwrap_or(if delay.is_some() { u64::MAX } else { 1 });
    c.out("procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----\n");
    c.out(" r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st\n");
    let mut round = 0_u64;
    while count > 0 {
        let m = c.host().memory();
        let busy = u64::from(c.host().load().one > 0.3);
        let (read, written) = if round == 0 { (3, 14) } else { (0, round * 7 % 23) };
        let line = format!(
            "{:2}  0 {:6} {:6} {:6} {:6}    0    0 {read:5} {written:5} {:4} {:4}  {busy}  0 {:2}  0  0\n",
            busy,
            m.swap_total.saturating_sub(m.swap_free),
            m.free,
            m.buffers,
            m.cached + m.slab,
            60 + m.free % 60,
            90 + m.free % 77,
            100 - busy
        );
        c.out(&line);
        round += 1;
        count -= 1;
        if count > 0 {
            c.sleep(Duration::from_secs(delay.unwrap_or(1).min(1_000_000))).await?;
        }
    }
    Ok(0)
}
