//! Dates as people write them, as GNU tools read them (`date -d`, `touch -d`, `find -newermt`).

use super::times::{Moment, days_of};
use crate::world::Time;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A time by its calendar fields, if they are valid.
pub(super) fn moment(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<Time> {
    let lengths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month - 1).ok()?)?;
    let leap = days_of(year, 3, 1) - days_of(year, 2, 1);
    let length = if month == 2 { leap } else { length };
    if !(1..=length).contains(&day)
        || !(0..24).contains(&hour)
        || !(0..60).contains(&minute)
        || !(0..=60).contains(&second)
    {
        return None;
    }
    Some(Time::at(days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second))
}

/// What a text means, relative to `now`.
pub(super) fn parse(text: &str, now: Time) -> Option<Time> {
    let text = text.trim();
    if text.len() > 200 {
        return None;
    }
    if let Some(stamp) = text.strip_prefix('@') {
        let (whole, part) = stamp.split_once('.').unwrap_or((stamp, ""));
        let nanos = format!("{part:0<9}").get(..9)?.parse().ok()?;
        return Some(Time { secs: whole.parse().ok()?, nanos });
    }
    let m = Moment::of(now);
    let mut date: Option<(i64, i64, i64)> = None;
    let mut clock: Option<(i64, i64, i64, u32)> = None;
    let mut zone: Option<i64> = None;
    let mut weekday: Option<(i64, i64)> = None;
    // Years, months, days, seconds to add.
    let mut add = [0i64; 4];
    let mut relative = false;
    let lower = text.to_ascii_lowercase().replace(',', " ");
    // 2024-01-15T10:30:00
    let spaced: String = lower
        .char_indices()
        .map(|(at, c)| {
            let between = at > 0
                && lower.as_bytes().get(at - 1).is_some_and(u8::is_ascii_digit)
                && lower.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit);
            if c == 't' && between { ' ' } else { c }
        })
        .collect();
    let words = split(&spaced);
    let mut at = 0;
    while let Some(word) = words.get(at).map(String::as_str) {
        at += 1;
        let next = words.get(at).map(String::as_str).unwrap_or_default();
        if word.contains(':') {
            clock = Some(time_of_day(word)?);
            if matches!(next, "am" | "pm" | "a.m." | "p.m.") {
                let (hour, minute, second, nanos) = clock?;
                let hour = hour % 12 + if next.starts_with('p') { 12 } else { 0 };
                clock = Some((hour, minute, second, nanos));
                at += 1;
            }
            continue;
        }
        if let Some(hour) = word.strip_suffix("am").or(word.strip_suffix("pm")).and_then(|h| h.parse::<i64>().ok()) {
            clock = Some((hour % 12 + if word.ends_with("pm") { 12 } else { 0 }, 0, 0, 0));
            continue;
        }
        if clock.is_some() && (word.starts_with('+') || word.starts_with('-')) && unit(next).is_none() {
            let digits = word.get(1..)?;
            let (hours, minutes): (i64, i64) = match digits.len() {
                1 | 2 => (digits.parse().ok()?, 0),
                4 => (digits.get(..2)?.parse().ok()?, digits.get(2..)?.parse().ok()?),
                _ => return None,
            };
            let offset = hours * 3600 + minutes * 60;
            zone = Some(if word.starts_with('-') { -offset } else { offset });
            continue;
        }
        if word.matches('-').count() == 2 && word.starts_with(|c: char| c.is_ascii_digit()) {
            let mut parts = word.split('-');
            let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
            date = match month_number(b) {
                Some(month) => Some((year_of(c)?, month, a.parse().ok()?)),
                None => Some((year_of(a)?, b.parse().ok()?, c.parse().ok()?)),
            };
            continue;
        }
        if word.contains('/') {
            let parts: Vec<&str> = word.split('/').collect();
            date = match parts.as_slice() {
                [a, b, c] if a.len() == 4 => Some((a.parse().ok()?, b.parse().ok()?, c.parse().ok()?)),
                [a, b, c] => Some((year_of(c)?, a.parse().ok()?, b.parse().ok()?)),
                [a, b] => Some((m.year, a.parse().ok()?, b.parse().ok()?)),
                _ => return None,
            };
            continue;
        }
        if let Some(month) = month_number(word) {
            let (mut year, mut day) = (m.year, date.map_or(1, |(_, _, day)| day));
            let before = at.checked_sub(2).and_then(|b| words.get(b)).and_then(|w| w.parse::<i64>().ok());
            let mut used = 0;
            if let Some(before) = before {
                day = before;
                if let Ok(value) = next.parse::<i64>() {
                    year = if next.len() <= 2 { year_of(next)? } else { value };
                    used = 1;
                }
            } else if let Ok(value) = next.parse::<i64>() {
                day = value;
                used = 1;
                if let Some(value) = words.get(at + 1).filter(|w| w.len() == 4).and_then(|w| w.parse::<i64>().ok()) {
                    year = value;
                    used = 2;
                }
            }
            at += used;
            date = Some((year, month, day));
            continue;
        }
        if let Some(day) =
            DAYS.iter().position(|day| word.len() >= 3 && word.starts_with(day) && !word.contains(char::is_numeric))
        {
            weekday = Some((i64::try_from(day).ok()?, 0));
            continue;
        }
        match word {
            "now" | "today" | "at" | "of" | "on" => {
                relative = true;
                continue;
            }
            "yesterday" | "tomorrow" => {
                add[2] += if word == "tomorrow" { 1 } else { -1 };
                relative = true;
                continue;
            }
            "noon" => {
                clock = Some((12, 0, 0, 0));
                continue;
            }
            "midnight" => {
                clock = Some((0, 0, 0, 0));
                continue;
            }
            "utc" | "gmt" | "z" | "ut" => {
                zone = Some(0);
                continue;
            }
            "ago" => {
                add = add.map(|value| -value);
                continue;
            }
            "next" | "last" => {
                let sign = if word == "next" { 1 } else { -1 };
                if let Some(day) = DAYS.iter().position(|day| next.starts_with(day)) {
                    weekday = Some((i64::try_from(day).ok()?, sign));
                } else {
                    let (slot, factor) = unit(next)?;
                    *add.get_mut(slot)? += sign * factor;
                    relative = true;
                }
                at += 1;
                continue;
            }
            _ => {}
        }
        if let Some((slot, factor)) = unit(word) {
            *add.get_mut(slot)? += factor;
            relative = true;
            continue;
        }
        let value: i64 = word.strip_prefix('+').unwrap_or(word).parse().ok()?;
        if let Some((slot, factor)) = unit(next) {
            *add.get_mut(slot)? += value.checked_mul(factor)?;
            relative = true;
            at += 1;
        } else if month_number(next).is_some() {
            // A day before its month.
        } else if word.len() == 8 && date.is_none() {
            date = Some((value / 10000, value / 100 % 100, value % 100));
        } else if word.len() == 4 && date.is_some() && clock.is_some() {
            let (_, month, day) = date?;
            date = Some((value, month, day));
        } else if word.len() == 4 || word.len() <= 2 {
            let (hour, minute) = if word.len() == 4 { (value / 100, value % 100) } else { (value, 0) };
            clock = Some((hour, minute, 0, 0));
        } else {
            return None;
        }
    }
    let absolute = date.is_some() || weekday.is_some();
    let (year, month, mut day) = date.unwrap_or((m.year, m.month, m.day));
    let (hour, minute, second, nanos) = match clock {
        Some(clock) => clock,
        None if absolute || words.is_empty() => (0, 0, 0, 0),
        None => (m.hour, m.minute, m.second, now.nanos),
    };
    let _ = relative;
    moment(year, month, day, hour, minute, second)?;
    if let Some((wanted, sign)) = weekday.filter(|_| date.is_none()) {
        let today = m.weekday();
        day += (wanted - today).rem_euclid(7);
        if sign > 0 && wanted == today {
            day += 7;
        } else if sign < 0 {
            day -= 7;
        }
    }
    let [years, months, days, seconds] = add;
    let days =
        days_of(year.checked_add(years)?, month.checked_add(months)?, 1).checked_add(day - 1)?.checked_add(days)?;
    let secs = days.checked_mul(86400)?.checked_add(hour * 3600 + minute * 60 + second)?.checked_add(seconds)?;
    Some(Time { secs: secs.checked_sub(zone.unwrap_or(0))?, nanos })
}

/// Words; a sign begins one, a number and letters behind it are two.
fn split(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let mut current = String::new();
        let mut date = word.matches(['-', '/']).count() >= 2 && !word.contains(':');
        date |= word.contains('/');
        for c in word.chars() {
            let sign = (c == '+' || c == '-') && !date && !current.is_empty();
            let joint = current.ends_with(|c: char| c.is_ascii_digit()) && c.is_ascii_alphabetic() && !date;
            let meridian = joint && (word.ends_with("am") || word.ends_with("pm")) && !current.contains(':');
            if sign || joint && !meridian {
                words.push(std::mem::take(&mut current));
            }
            current.push(c);
        }
        // A sign alone belongs to the number that follows.
        if matches!(words.last().map(String::as_str), Some("+" | "-")) {
            let sign = words.pop().unwrap_or_default();
            current = format!("{sign}{current}");
        }
        words.push(current);
    }
    words
}

fn year_of(text: &str) -> Option<i64> {
    let value: i64 = text.parse().ok()?;
    Some(if text.len() <= 2 { if value < 69 { 2000 + value } else { 1900 + value } } else { value })
}

fn month_number(word: &str) -> Option<i64> {
    if word.len() < 3 || !word.chars().all(|c| c.is_ascii_alphabetic() || c == '.') {
        return None;
    }
    let full = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let word = word.trim_end_matches('.');
    let at = MONTHS
        .iter()
        .zip(full)
        .position(|(short, full)| word == *short || word == full || word == "sept" && *short == "sep")?;
    i64::try_from(at + 1).ok()
}

/// Which field a unit adds to, and how much.
fn unit(word: &str) -> Option<(usize, i64)> {
    Some(match word.strip_suffix('s').unwrap_or(word) {
        "year" => (0, 1),
        "month" => (1, 1),
        "fortnight" => (2, 14),
        "week" => (2, 7),
        "day" => (2, 1),
        "hour" => (3, 3600),
        "minute" | "min" => (3, 60),
        "second" | "sec" => (3, 1),
        _ => return None,
    })
}

fn time_of_day(word: &str) -> Option<(i64, i64, i64, u32)> {
    let (word, plus) = match word.strip_suffix("pm") {
        Some(word) => (word, 12),
        None => (word.strip_suffix("am").unwrap_or(word), if word.ends_with("am") { 0 } else { -1 }),
    };
    let word = word.strip_suffix('z').unwrap_or(word);
    let mut parts = word.split(':');
    let mut hour: i64 = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let seconds = parts.next().unwrap_or("0");
    let (second, part) = seconds.split_once('.').unwrap_or((seconds, ""));
    if plus >= 0 {
        hour = hour % 12 + plus;
    }
    Some((hour, minute, second.parse().ok()?, format!("{part:0<9}").get(..9)?.parse().ok()?))
}
