//! `date` (coreutils 8.30), `cal` (bsdmainutils).

use super::times::{Moment, days_of};
use super::{date_text, options};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::Time;

pub(super) async fn date(c: &mut Cmd) -> Result<i32, Stop> {
    let table =
        "d,date= debug f,file= I,iso-8601? R,rfc-email,rfc-2822 rfc-3339= r,reference= s,set= u,utc,universal,uct";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let now = c.now();
    let now = Time { secs: now.as_second(), nanos: u32::try_from(now.subsec_nanosecond()).unwrap_or(0) };
    let mut format = None;
    let mut set = found.value("s").map(str::to_string);
    for operand in &found.rest {
        if let Some(own) = operand.strip_prefix('+') {
            if format.is_some() {
                let text = format!("extra operand {}", c.quote(operand));
                return Ok(options::misuse(c, &text, 1));
            }
            format = Some(own.to_string());
        } else if set.is_none() && operand.len() >= 8 && operand.chars().all(|c| c.is_ascii_digit() || c == '.') {
            set = Some(operand.clone());
        } else {
            let text = if set.is_some() || format.is_some() {
                format!("extra operand {}", c.quote(operand))
            } else {
                format!("invalid date {}", c.quote(operand))
            };
            if format.is_some() {
                return Ok(options::misuse(c, &text, 1));
            }
            c.complain(&text);
            return Ok(1);
        }
    }
    let format = format.unwrap_or_else(|| {
        match found.last(&["I", "R", "rfc-3339"]) {
            Some("R") => "%a, %d %b %Y %H:%M:%S %z",
            Some("I") => match found.value("I").unwrap_or("date") {
                "hours" => "%Y-%m-%dT%H%:z",
                "minutes" => "%Y-%m-%dT%H:%M%:z",
                "seconds" => "%Y-%m-%dT%H:%M:%S%:z",
                "ns" => "%Y-%m-%dT%H:%M:%S,%N%:z",
                _ => "%Y-%m-%d",
            },
            Some("rfc-3339") => match found.value("rfc-3339").unwrap_or("date") {
                "seconds" => "%Y-%m-%d %H:%M:%S%:z",
                "ns" => "%Y-%m-%d %H:%M:%S.%N%:z",
                _ => "%Y-%m-%d",
            },
            _ => "%a %b %e %H:%M:%S %Z %Y",
        }
        .to_string()
    });
    let mut times = Vec::new();
    let mut status = 0;
    if let Some(file) = found.value("r") {
        match c.stat(file) {
            Ok(stat) => times.push(stat.modified),
            Err(error) => {
                c.complain(&format!("{}: {}", crate::shell::quote::if_needed(file), error.text()));
                return Ok(1);
            }
        }
    } else if let Some(file) = found.value("f") {
        match c.slurp(file).await? {
            Ok(bytes) => {
                for line in text::decode(&bytes).lines() {
                    match date_text::parse(line, now) {
                        Some(time) => times.push(time),
                        None => {
                            c.complain(&format!("invalid date {}", c.quote(line)));
                            status = 1;
                        }
                    }
                }
            }
            Err(error) => {
                c.complain(&format!("{file}: {}", error.text()));
                return Ok(1);
            }
        }
    } else if let Some(given) = found.value("d").map(str::to_string).or(set.clone()) {
        let parsed = if set.is_some() && given.chars().all(|c| c.is_ascii_digit() || c == '.') && given.len() >= 8 {
            clock(&given, now)
        } else {
            date_text::parse(&given, now)
        };
        match parsed {
            Some(time) => times.push(time),
            None => {
                let text = format!("invalid date {}", c.quote(&given));
                c.complain(&text);
                return Ok(1);
            }
        }
        // Root may set the clock; a virtual machine's host sets it back at once.
        if set.is_some() && c.who().uid != 0 {
            c.complain("cannot set date: Operation not permitted");
            status = 1;
        }
    } else {
        times.push(now);
    }
    for time in times {
        let line = Moment::of(time).format(&format);
        c.out(&(line + "\n"));
    }
    Ok(status)
}

/// `MMDDhhmm[[CC]YY][.ss]`
fn clock(text: &str, now: Time) -> Option<Time> {
    let (digits, second) = text.split_once('.').unwrap_or((text, "0"));
    let number = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<i64>().ok());
    let year = match digits.len() {
        8 => Moment::of(now).year,
        10 => 2000 + number(8, 10)?,
        12 => number(8, 12)?,
        _ => return None,
    };
    date_text::moment(year, number(0, 2)?, number(2, 4)?, number(4, 6)?, number(6, 8)?, second.parse().ok()?)
}

pub(super) fn cal(c: &mut Cmd) -> i32 {
    let now = Moment::now(c.now());
    let numbers: Vec<i64> = c.args.iter().filter_map(|arg| arg.parse().ok()).collect();
    let (month, year) = match numbers.as_slice() {
        [] => (now.month, now.year),
        [year] if *year > 12 => {
            for month in 1..=12 {
                page(c, month, *year, None);
            }
            return 0;
        }
        [month] => (*month, now.year),
        [month, year, ..] => (*month, *year),
    };
    if !(1..=12).contains(&month) {
        c.complain(&format!("{month} is neither a month number (1..12) nor a name"));
        return 64;
    }
    let today = (month == now.month && year == now.year && c.is_tty(1)).then_some(now.day);
    page(c, month, year, today);
    0
}

fn page(c: &mut Cmd, month: i64, year: i64, today: Option<i64>) {
    let first = days_of(year, month, 1);
    let title = Moment::of(Time::at(first * 86400)).format("%B %Y");
    let pad = (20usize.saturating_sub(title.len())) / 2;
    c.out(&format!("{}{title:width$}  \nSu Mo Tu We Th Fr Sa  \n", " ".repeat(pad), width = 20 - pad.min(20)));
    let count = days_of(year, month + 1, 1) - first;
    let mut line = "   ".repeat(usize::try_from((first + 4).rem_euclid(7)).unwrap_or(0));
    for day in 1..=count {
        let cell = if today == Some(day) { format!("\x1b[7m{day:2}\x1b[27m ") } else { format!("{day:2} ") };
        line += &cell;
        if (first + day + 3).rem_euclid(7) == 6 || day == count {
            c.out(&format!("{line:21} \n"));
            line.clear();
        }
    }
}
