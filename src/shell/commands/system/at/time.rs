//! The times that `at` understands (its `timespec`): `now + 5 minutes`, `16:30 tomorrow`, `noon Jan 5`, `next week`.

use crate::shell::commands::times::{Moment, days_of};
use crate::world::Time;

const MONTHS: [&str; 12] = [
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
const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// Seconds since 1970 of a time that is told relative to `now`; the error is what `at` says of it.
pub(super) fn parse(words: &str, now: i64) -> Result<i64, String> {
    let tokens = tokens(words);
    let mut parser = Parser { tokens: &tokens, at: 0, now: Moment::of(Time::at(now.div_euclid(60) * 60)), last: "" };
    parser.whole().map_err(|fault| match fault {
        Fault::Nothing => "Garbled time".to_string(),
        Fault::Syntax => format!("syntax error. Last token seen: {}\nGarbled time", parser.last),
        Fault::Value(what) => format!("{what}. Last token seen: {}\nGarbled time", parser.last),
        Fault::Past => "at: refusing to create job destined in the past".to_string(),
    })
}

enum Fault {
    Nothing,
    Syntax,
    Value(&'static str),
    Past,
}

/// Words, numbers and dates with their signs; anything else letter by letter.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_digit() {
            // `16:30`, `31.12.2026`, `12/31/26`, `2026-12-31`: signs between digits belong to the number.
            let bytes = rest.as_bytes();
            let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
            let mut end = 1;
            let mut sign = None;
            let mut signs = 0;
            while let Some(byte) = bytes.get(end) {
                let joins = match byte {
                    b':' => signs < 1,
                    b'.' | b'/' | b'-' => signs < 2,
                    _ => false,
                };
                if digit(end) {
                    end += 1;
                } else if joins && digit(end + 1) && sign.is_none_or(|sign| sign == *byte) {
                    sign = Some(*byte);
                    signs += 1;
                    end += 1;
                } else {
                    break;
                }
            }
            end
        } else if first.is_ascii_alphabetic() {
            let word = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            if known(rest.get(..word).unwrap_or_default()) { word } else { 1 }
        } else {
            first.len_utf8()
        };
        let (token, next) = rest.split_at_checked(length).unwrap_or((rest, ""));
        tokens.push(token.to_string());
        rest = next.trim_start();
    }
    tokens
}

/// Whether the word means anything at all.
fn known(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let plain = ["now", "noon", "midnight", "teatime", "today", "tomorrow", "am", "pm", "next", "utc"];
    plain.contains(&word.as_str()) || period(&word).is_some() || month(&word).is_some() || weekday(&word).is_some()
}

/// Minutes of a period, or months.
fn period(word: &str) -> Option<(i64, bool)> {
    Some(match word.strip_suffix('s').unwrap_or(word) {
        "min" | "minute" => (1, false),
        "hour" => (60, false),
        "day" => (1440, false),
        "week" => (10_080, false),
        "month" => (1, true),
        "year" => (12, true),
        _ => return None,
    })
}

fn month(word: &str) -> Option<i64> {
    let at = MONTHS.iter().position(|name| *name == word || name.get(..3) == Some(word))?;
    i64::try_from(at + 1).ok()
}

fn weekday(word: &str) -> Option<i64> {
    let at = DAYS.iter().position(|name| *name == word || name.get(..3) == Some(word))?;
    i64::try_from(at).ok()
}

struct Parser<'a> {
    tokens: &'a [String],
    at: usize,
    /// The current minute.
    now: Moment,
    last: &'a str,
}

/// What a time was built of.
#[derive(Default)]
struct Found {
    /// Minutes of the day.
    clock: Option<i64>,
    date: Option<(i64, i64, i64)>,
    /// The date had no year.
    no_year: bool,
    weekday: Option<i64>,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<String> {
        self.tokens.get(self.at).map(|token| token.to_ascii_lowercase())
    }

    fn take(&mut self) {
        if let Some(token) = self.tokens.get(self.at) {
            self.last = token;
            self.at += 1;
        }
    }

    fn syntax<T>(&mut self) -> Result<T, Fault> {
        self.take();
        Err(Fault::Syntax)
    }

    fn whole(&mut self) -> Result<i64, Fault> {
        if self.tokens.is_empty() {
            return Err(Fault::Nothing);
        }
        let mut found = Found::default();
        let mut base = None;
        if self.peek().as_deref() == Some("now") {
            self.take();
            base = Some(self.now.secs);
        } else if self.peek().as_deref() == Some("next") {
            base = Some(self.now.secs);
        } else {
            let timed = self.clock(&mut found)?;
            if !timed || self.peek().is_some_and(|word| !matches!(word.as_str(), "+" | "-" | "next")) {
                let dated = self.date(&mut found)?;
                if !dated {
                    return self.syntax();
                }
            }
        }
        let base = match base {
            Some(base) => base,
            None => self.moment(&found)?,
        };
        let end = match self.peek().as_deref() {
            None => base,
            Some("+" | "-") => self.shift(base)?,
            Some("next") => {
                self.take();
                let Some((size, months)) = self.peek().and_then(|word| period(&word)) else { return self.syntax() };
                self.take();
                add(base, size, months)
            }
            Some(_) => return self.syntax(),
        };
        if self.at < self.tokens.len() {
            return self.syntax();
        }
        if end < self.now.secs { Err(Fault::Past) } else { Ok(end) }
    }

    /// `+ 5 minutes`
    fn shift(&mut self, base: i64) -> Result<i64, Fault> {
        let sign = if self.peek().as_deref() == Some("-") { -1 } else { 1 };
        self.take();
        let Some(count) = self.peek().and_then(|word| word.parse::<i64>().ok()).filter(|n| *n < 10_000_000) else {
            return self.syntax();
        };
        self.take();
        let Some((size, months)) = self.peek().and_then(|word| period(&word)) else { return self.syntax() };
        self.take();
        Ok(add(base, sign * count * size, months))
    }

    /// A time of the day.
    fn clock(&mut self, found: &mut Found) -> Result<bool, Fault> {
        let Some(word) = self.peek() else { return Ok(false) };
        let named = match word.as_str() {
            "noon" => Some(720),
            "midnight" => Some(0),
            "teatime" => Some(960),
            _ => None,
        };
        if named.is_some() {
            self.take();
            found.clock = named;
            return Ok(true);
        }
        let (hour, minute, short) = if let Some((hour, minute)) = word.split_once(':') {
            (hour.to_string(), minute.to_string(), false)
        } else if word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit()) {
            {
                let (hour, minute) = word.split_at(2);
                (hour.to_string(), minute.to_string(), false)
            }
        } else if word.len() <= 2 && word.bytes().all(|b| b.is_ascii_digit()) {
            // A number of one or two digits may begin a date: `5 jan`.
            let next = self.tokens.get(self.at + 1).map(|token| token.to_ascii_lowercase()).unwrap_or_default();
            if month(&next).is_some() {
                return Ok(false);
            }
            (word.clone(), "0".to_string(), true)
        } else {
            return Ok(false);
        };
        self.take();
        let (mut hour, minute) = (hour.parse::<i64>().unwrap_or(99), minute.parse::<i64>().unwrap_or(99));
        if hour > 24 {
            return Err(Fault::Value("Problem in hours specification"));
        }
        if minute > 60 {
            return Err(Fault::Value("Problem in minutes specification"));
        }
        match self.peek().as_deref() {
            Some(half @ ("am" | "pm")) => {
                let afternoon = half == "pm";
                self.take();
                if hour > 12 {
                    let what = if afternoon { "Hour too large for PM" } else { "Hour too large for AM" };
                    return Err(Fault::Value(what));
                }
                hour = hour % 12 + if afternoon { 12 } else { 0 };
            }
            _ if short => {
                // What follows is what was not expected.
                return if self.at < self.tokens.len() { self.syntax() } else { Err(Fault::Syntax) };
            }
            _ => {}
        }
        if self.peek().as_deref() == Some("utc") {
            self.take();
        }
        found.clock = Some(hour * 60 + minute);
        Ok(true)
    }

    /// A date.
    fn date(&mut self, found: &mut Found) -> Result<bool, Fault> {
        let Some(word) = self.peek() else { return Ok(false) };
        let now = self.now;
        let today = days_of(now.year, now.month, now.day);
        let from_days = |days: i64| {
            let moment = Moment::of(Time::at(days * 86_400));
            (moment.year, moment.month, moment.day)
        };
        if let Some(day) = weekday(&word) {
            self.take();
            found.weekday = Some(day);
            return Ok(true);
        }
        if matches!(word.as_str(), "today" | "tomorrow") {
            self.take();
            found.date = Some(from_days(today + i64::from(word == "tomorrow")));
            return Ok(true);
        }
        let number = |text: &str| text.parse::<i64>().unwrap_or(0);
        let (year, month_of, day) = if let Some(named) = month(&word) {
            self.take();
            let Some(day) = self.peek().filter(|day| day.bytes().all(|b| b.is_ascii_digit())) else {
                return self.syntax();
            };
            self.take();
            if self.peek().as_deref() == Some(",") {
                self.take();
            }
            (self.year(), named, number(&day))
        } else if word.len() <= 2 && word.bytes().all(|b| b.is_ascii_digit()) {
            self.take();
            let Some(named) = self.peek().and_then(|next| month(&next)) else { return self.syntax() };
            self.take();
            (self.year(), named, number(&word))
        } else {
            let parts = |sign: char| word.split(sign).map(number).collect::<Vec<_>>();
            let full = |year: i64| if year < 100 { year + 2000 } else { year };
            let found = match (parts('-').as_slice(), parts('.').as_slice(), parts('/').as_slice()) {
                ([year, month, day], _, _) => (Some(*year), *month, *day),
                (_, [day, month], _) => (None, *month, *day),
                (_, [day, month, year], _) => (Some(full(*year)), *month, *day),
                (_, _, [month, day]) => (None, *month, *day),
                (_, _, [month, day, year]) => (Some(full(*year)), *month, *day),
                _ => return Ok(false),
            };
            self.take();
            found
        };
        if !(1..=12).contains(&month_of) {
            return Err(Fault::Value("Error in month number"));
        }
        let real_year = year.unwrap_or(now.year);
        let length = days_of(real_year, month_of + 1, 1) - days_of(real_year, month_of, 1);
        if !(1..=length).contains(&day) {
            return Err(Fault::Value("Error in day of month"));
        }
        found.no_year = year.is_none();
        found.date = Some((real_year.clamp(1900, 9999), month_of, day));
        Ok(true)
    }

    fn year(&mut self) -> Option<i64> {
        let year = self.peek().filter(|year| matches!(year.len(), 2 | 4)).and_then(|year| year.parse::<i64>().ok())?;
        self.take();
        Some(if year < 100 { year + 2000 } else { year })
    }

    fn moment(&self, found: &Found) -> Result<i64, Fault> {
        let now = self.now;
        let today = days_of(now.year, now.month, now.day);
        let current = now.hour * 60 + now.minute;
        let clock = found.clock.unwrap_or(current);
        if let Some(day) = found.weekday {
            let mut ahead = (day - now.weekday()).rem_euclid(7);
            if ahead == 0 && clock <= current {
                ahead = 7;
            }
            return Ok((today + ahead) * 86_400 + clock * 60);
        }
        if let Some((year, month, day)) = found.date {
            let at = |year: i64| days_of(year, month, day) * 86_400 + clock * 60;
            return Ok(if found.no_year && at(year) < now.secs { at(year + 1) } else { at(year) });
        }
        let at = today * 86_400 + clock * 60;
        Ok(if at <= now.secs { at + 86_400 } else { at })
    }
}

fn add(base: i64, count: i64, months: bool) -> i64 {
    if !months {
        return base + count * 60;
    }
    let moment = Moment::of(Time::at(base));
    days_of(moment.year, moment.month + count, moment.day) * 86_400 + base.rem_euclid(86_400)
}

/// `-t [[CC]YY]MMDDhhmm[.ss]`
pub(super) fn stamp(text: &str, now: i64) -> Option<i64> {
    let (digits, seconds) = text.split_once('.').unwrap_or((text, "0"));
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match digits.len() {
        8 => (Moment::of(Time::at(now)).year, digits),
        10 => (2000 + digits.get(..2)?.parse::<i64>().ok()?, digits.get(2..)?),
        12 => (digits.get(..4)?.parse().ok()?, digits.get(4..)?),
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
    let (month, day, hour, minute) = (part(0)?, part(2)?, part(4)?, part(6)?);
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    let seconds: i64 = seconds.parse().ok().filter(|seconds| (0..=60).contains(seconds))?;
    fits.then(|| days_of(year, month, day) * 86_400 + hour * 3600 + minute * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_at_reads_them() {
        // Monday, 2026-11-23 15:44:30.
        let now = days_of(2026, 11, 23) * 86_400 + 15 * 3600 + 44 * 60 + 30;
        let at = |words: &str| parse(words, now).map(|secs| Moment::of(Time::at(secs)).format("%a %b %e %H:%M:%S %Y"));
        let cases = [
            ("now + 1 minute", "Mon Nov 23 15:45:00 2026"),
            ("10:00", "Tue Nov 24 10:00:00 2026"),
            ("noon tomorrow", "Tue Nov 24 12:00:00 2026"),
            ("1630 12/25/26", "Fri Dec 25 16:30:00 2026"),
            ("teatime", "Mon Nov 23 16:00:00 2026"),
            ("midnight Friday", "Fri Nov 27 00:00:00 2026"),
            ("5pm + 2 days", "Wed Nov 25 17:00:00 2026"),
            ("next week", "Mon Nov 30 15:44:00 2026"),
            ("Jan 5", "Tue Jan  5 15:44:00 2027"),
            ("4am Jan 5 2027", "Tue Jan  5 04:00:00 2027"),
            ("now+2hours", "Mon Nov 23 17:44:00 2026"),
            ("monday", "Mon Nov 30 15:44:00 2026"),
            ("12am", "Tue Nov 24 00:00:00 2026"),
            ("5 jan 2027", "Tue Jan  5 15:44:00 2027"),
            ("2460", "Tue Nov 24 01:00:00 2026"),
            ("2026-12-01", "Tue Dec  1 15:44:00 2026"),
        ];
        for (words, expected) in cases {
            assert_eq!(at(words).as_deref(), Ok(expected), "{words}");
        }
        let mistakes = [
            ("foo", "syntax error. Last token seen: f\nGarbled time"),
            ("", "Garbled time"),
            ("25:00", "Problem in hours specification. Last token seen: 25:00\nGarbled time"),
            ("now +", "syntax error. Last token seen: +\nGarbled time"),
            ("now + 5", "syntax error. Last token seen: 5\nGarbled time"),
            ("10 10", "syntax error. Last token seen: 10\nGarbled time"),
            ("tomorrow noon", "syntax error. Last token seen: noon\nGarbled time"),
            ("13pm", "Hour too large for PM. Last token seen: pm\nGarbled time"),
            ("10:00:00", "syntax error. Last token seen: :\nGarbled time"),
            ("now - 1 minute", "at: refusing to create job destined in the past"),
            ("31.02.2027", "Error in day of month. Last token seen: 31.02.2027\nGarbled time"),
            ("930", "syntax error. Last token seen: 930\nGarbled time"),
            ("now + 5m", "syntax error. Last token seen: m\nGarbled time"),
        ];
        for (words, expected) in mistakes {
            assert_eq!(at(words), Err(expected.to_string()), "{words}");
        }
        assert_eq!(
            stamp("202701011200", now).map(|s| Moment::of(Time::at(s)).format("%F %R")).as_deref(),
            Some("2027-01-01 12:00")
        );
        assert_eq!(stamp("2020", now), None);
    }
}
