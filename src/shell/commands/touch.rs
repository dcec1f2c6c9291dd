//! `touch`, `truncate`, `mkfifo`, `mknod`, `sync` (coreutils 8.30).

use super::times::Moment;
use super::{date_text, mode, options};
use crate::shell::cmd::Cmd;
use crate::world::{Errno, FileKind, Open, Time};

pub(super) fn touch(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "a c,no-create d,date= f h,no-dereference m r,reference= t= time=", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    let now = c.now();
    let now = Time { secs: now.as_second(), nanos: u32::try_from(now.subsec_nanosecond()).unwrap_or(0) };
    let mut times = (now, now);
    if let Some(reference) = found.value("r") {
        match c.stat(reference) {
            Ok(stat) => times = (stat.accessed, stat.modified),
            Err(error) => {
                c.complain(&format!("failed to get attributes of {}: {}", c.shell_quote(reference), error.text()));
                return 1;
            }
        }
    }
    if let Some(text) = found.value("d") {
        let base = if found.has("r") { times.1 } else { now };
        match date_text::parse(text, base) {
            Some(time) => times = (time, time),
            None => {
                let text = format!("invalid date format {}", c.quote(text));
                c.complain(&text);
                return 1;
            }
        }
    }
    if let Some(text) = found.value("t") {
        match stamp(text, now) {
            Some(time) => times = (time, time),
            None => {
                let text = format!("invalid date format {}", c.quote(text));
                c.complain(&text);
                return 1;
            }
        }
    }
    if found.rest.is_empty() {
        return options::misuse(c, "missing file operand", 1);
    }
    let accessed = found.has("a") || matches!(found.value("time"), Some("access" | "atime" | "use"));
    let modified = found.has("m") || matches!(found.value("time"), Some("modify" | "mtime"));
    let (accessed, modified) = if accessed || modified { (accessed, modified) } else { (true, true) };
    let mut status = 0;
    for operand in &found.rest {
        if operand == "-" {
            continue;
        }
        let full = c.path(operand);
        let follow = !found.has("h");
        if c.host().stat(c.who(), &full, follow).is_err() {
            if found.has("c") || found.has("h") {
                continue;
            }
            let how = Open { write: true, create: Some(0o666), ..Open::default() };
            if let Err(error) = c.host().open(c.who(), &full, how) {
                let error = if error == Errno::EISDIR { Errno::ENOENT } else { error };
                let text = if c.applet() {
                    format!("{operand}: {}", error.text())
                } else {
                    format!("cannot touch {}: {}", c.shell_quote(operand), error.text())
                };
                c.complain(&text);
                status = 1;
                continue;
            }
            c.note_written(operand);
        }
        let set = c.host().set_times(c.who(), &full, accessed.then_some(times.0), modified.then_some(times.1), follow);
        if let Err(error) = set {
            let text = if c.applet() {
                format!("{operand}: {}", error.text())
            } else {
                format!("setting times of {}: {}", c.shell_quote(operand), error.text())
            };
            let text = if matches!(error, Errno::EACCES | Errno::EPERM) && !found.has("d") && !found.has("t") {
                text.replace("setting times of", "cannot touch")
            } else {
                text
            };
            c.complain(&text);
            status = 1;
        }
    }
    status
}

/// `[[CC]YY]MMDDhhmm[.ss]`
fn stamp(text: &str, now: Time) -> Option<Time> {
    let (digits, seconds) = text.split_once('.').map_or((text, "00"), |(digits, seconds)| (digits, seconds));
    if !digits.chars().chain(seconds.chars()).all(|c| c.is_ascii_digit()) || seconds.len() != 2 {
        return None;
    }
    let number = |from: usize, len: usize| digits.get(from..from + len).and_then(|part| part.parse::<i64>().ok());
    let (year, at) = match digits.len() {
        8 => (Moment::of(now).year, 0),
        10 => {
            let year = number(0, 2)?;
            (if year < 69 { 2000 + year } else { 1900 + year }, 2)
        }
        12 => (number(0, 4)?, 4),
        _ => return None,
    };
    let (month, day, hour, minute) = (number(at, 2)?, number(at + 2, 2)?, number(at + 4, 2)?, number(at + 6, 2)?);
    let second: i64 = seconds.parse().ok()?;
    date_text::moment(year, month, day, hour, minute, second)
}

pub(super) fn truncate(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "c,no-create o,io-blocks r,reference= s,size=", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if !found.has("s") && !found.has("r") {
        let text = format!("you must specify either {} or {}", c.quote("--size"), c.quote("--reference"));
        return options::misuse(c, &text, 1);
    }
    if found.rest.is_empty() {
        return options::misuse(c, "missing file operand", 1);
    }
    let mut base = 0;
    if let Some(reference) = found.value("r") {
        match c.stat(reference) {
            Ok(stat) => base = stat.size,
            Err(error) => {
                c.complain(&format!("cannot stat {}: {}", c.shell_quote(reference), error.text()));
                return 1;
            }
        }
    }
    let text = found.value("s").unwrap_or("+0");
    let sign = text.chars().next().filter(|c| "+-<>/%".contains(*c));
    let digits = text.trim_start_matches(['+', '-', '<', '>', '/', '%']);
    let Some(size) = super::head::count(digits) else {
        let text = format!("Invalid number: {}", c.quote(text));
        c.complain(&text);
        return 1;
    };
    let mut status = 0;
    for operand in &found.rest {
        let full = c.path(operand);
        if c.stat(operand).is_err() {
            if found.has("c") {
                continue;
            }
            let how = Open { write: true, create: Some(0o666), ..Open::default() };
            if let Err(error) = c.host().open(c.who(), &full, how) {
                c.complain(&format!("cannot open {} for writing: {}", c.shell_quote(operand), error.text()));
                status = 1;
                continue;
            }
        }
        let old = if found.has("r") { base } else { c.stat(operand).map_or(0, |stat| stat.size) };
        let new = match sign {
            Some('+') => old.saturating_add(size),
            Some('-') => old.saturating_sub(size),
            Some('<') => old.min(size),
            Some('>') => old.max(size),
            Some('/') => old.checked_div(size).unwrap_or(0) * size,
            Some('%') => {
                if size == 0 {
                    old
                } else {
                    old.div_ceil(size).saturating_mul(size)
                }
            }
            _ => size,
        };
        if let Err(error) = c.host().set_size(c.who(), &full, new) {
            let text = if error == Errno::EISDIR {
                format!("cannot open {} for writing: {}", c.shell_quote(operand), error.text())
            } else {
                format!("failed to truncate {} at {new} bytes: {}", c.shell_quote(operand), error.text())
            };
            c.complain(&text);
            status = 1;
        } else {
            c.note_written(operand);
        }
    }
    status
}

pub(super) fn mkfifo(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "m,mode= Z context?", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if found.rest.is_empty() {
        return options::misuse(c, "missing operand", 1);
    }
    let wanted = found.value("m").and_then(|text| mode::apply(text, 0o666, false, c.who().umask)).unwrap_or(0o666);
    let mut status = 0;
    for operand in &found.rest {
        if let Err(error) = c.host().make_node(c.who(), &c.path(operand), FileKind::Fifo, wanted) {
            c.complain(&format!("cannot create fifo {}: {}", c.shell_quote(operand), error.text()));
            status = 1;
        }
    }
    status
}

pub(super) fn mknod(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "m,mode= Z context?", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    let wanted = found.value("m").and_then(|text| mode::apply(text, 0o666, false, c.who().umask)).unwrap_or(0o666);
    let [name, kind, numbers @ ..] = found.rest.as_slice() else {
        return super::uniq::operands(c, &found.rest, 2);
    };
    let made = match (kind.as_str(), numbers) {
        ("p", []) => c.host().make_node(c.who(), &c.path(name), FileKind::Fifo, wanted),
        ("p", [extra, ..]) => {
            let text = format!("extra operand {}\nFifos do not have major and minor device numbers.", c.quote(extra));
            return options::misuse(c, &text, 1);
        }
        ("b" | "c" | "u", [major, minor]) => {
            let (Ok(major), Ok(minor)) = (major.parse::<u32>(), minor.parse::<u32>()) else {
                let text = format!("invalid major device number {}", c.quote(major));
                c.complain(&text);
                return 1;
            };
            let kind = if kind == "b" { FileKind::BlockDevice } else { FileKind::CharDevice };
            c.host().make_device(c.who(), &c.path(name), kind, wanted, (major, minor))
        }
        ("b" | "c" | "u", _) => {
            let text = format!(
                "missing operand after {}\nSpecial files require major and minor device numbers.",
                c.quote(found.rest.last().map_or("", |x| x))
            );
            return options::misuse(c, &text, 1);
        }
        _ => {
            let text = format!("invalid device type {}", c.quote(kind));
            return options::misuse(c, &text, 1);
        }
    };
    if let Err(error) = made {
        c.complain(&format!("{}: {}", crate::shell::quote::if_needed(name), error.text()));
        return 1;
    }
    0
}

pub(super) fn sync(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "d,data f,file-system", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    let mut status = 0;
    for operand in &found.rest {
        if let Err(error) = c.stat(operand) {
            c.complain(&format!("error opening {}: {}", c.shell_quote(operand), error.text()));
            status = 1;
        }
    }
    status
}
