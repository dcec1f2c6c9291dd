//! Dates as strftime(3) of glibc writes them, in the host's time zone.

use crate::base::clock::Timestamp;
use crate::world::Time;

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A moment's calendar fields in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub nanos: u32,
    pub secs: i64,
}

/// Days since 1970-01-01 of a date of the Gregorian calendar; months and days may lie outside their ranges.
pub(super) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year + (month - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year + day - 1 - 719_468
}

impl Moment {
    pub fn of(time: Time) -> Self {
        let secs = time.secs.clamp(-60_000_000_000_000, 60_000_000_000_000);
        let (days, rest) = (secs.div_euclid(86400), secs.rem_euclid(86400));
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let of_era = z - era * 146_097;
        let year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: of_year - (153 * shifted + 2) / 5 + 1,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
            nanos: time.nanos,
            secs,
        }
    }

    pub fn now(now: Timestamp) -> Self {
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        Self::of(Time { secs: now.as_second(), nanos })
    }

    /// 0 = Sunday.
    pub fn weekday(&self) -> i64 {
        (days_of(self.year, self.month, self.day) + 4).rem_euclid(7)
    }

    /// 1 = the first of January.
    pub fn day_of_year(&self) -> i64 {
        days_of(self.year, self.month, self.day) - days_of(self.year, 1, 1) + 1
    }

    /// ISO 8601 week and its year.
    fn iso_week(&self) -> (i64, i64) {
        let weekday = (self.weekday() + 6) % 7;
        let thursday = Self::of(Time { secs: (self.secs.div_euclid(86400) - weekday + 3) * 86400, nanos: 0 });
        (thursday.year, (thursday.day_of_year() - 1) / 7 + 1)
    }

    fn name<const N: usize>(list: [&'static str; N], at: i64) -> &'static str {
        usize::try_from(at).ok().and_then(|at| list.get(at)).copied().unwrap_or_default()
    }

    /// strftime(3) with GNU's flags `-`, `_`, `0`, `^`, `#` and widths.
    pub fn format(&self, format: &str) -> String {
        let mut out = String::new();
        let mut chars = format.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut raw = String::from("%");
            let (mut flag, mut upper, mut swap, mut width, mut colons) = (' ', false, false, 0usize, 0usize);
            let letter = loop {
                let Some(c) = chars.next() else { break '\0' };
                raw.push(c);
                match c {
                    '-' | '_' => flag = c,
                    '0' if width == 0 => flag = '0',
                    '^' => upper = true,
                    '#' => swap = true,
                    '0'..='9' => {
                        width = (width * 10 + usize::try_from(u32::from(c) - 48).unwrap_or(0)).min(1000);
                    }
                    ':' => colons += 1,
                    'E' | 'O' => {}
                    other => break other,
                }
            };
            let number = |value: i64, digits: usize, fill: char| {
                let fill = match flag {
                    '-' => return value.to_string(),
                    '_' => ' ',
                    '0' => '0',
                    _ => fill,
                };
                let digits = digits.max(width);
                let text = value.abs().to_string();
                let sign = if value < 0 { "-" } else { "" };
                format!("{sign}{}{text}", fill.to_string().repeat(digits.saturating_sub(text.len())))
            };
            let twelve = (self.hour + 11) % 12 + 1;
            let piece = match letter {
                'a' => Self::name(DAYS, self.weekday()).chars().take(3).collect(),
                'A' => Self::name(DAYS, self.weekday()).to_string(),
                'b' | 'h' => Self::name(MONTHS, self.month - 1).chars().take(3).collect(),
                'B' => Self::name(MONTHS, self.month - 1).to_string(),
                'c' => self.format("%a %b %e %H:%M:%S %Y"),
                'C' => number(self.year.div_euclid(100), 2, '0'),
                'd' => number(self.day, 2, '0'),
                'D' | 'x' => self.format("%m/%d/%y"),
                'e' => number(self.day, 2, ' '),
                'F' => self.format("%Y-%m-%d"),
                'g' => number(self.iso_week().0.rem_euclid(100), 2, '0'),
                'G' => number(self.iso_week().0, 4, '0'),
                'H' => number(self.hour, 2, '0'),
                'I' => number(twelve, 2, '0'),
                'j' => number(self.day_of_year(), 3, '0'),
                'k' => number(self.hour, 2, ' '),
                'l' => number(twelve, 2, ' '),
                'm' => number(self.month, 2, '0'),
                'M' => number(self.minute, 2, '0'),
                'n' => "\n".into(),
                'N' if flag == '-' => format!("{:09}", self.nanos).trim_end_matches('0').to_string(),
                'N' => format!("{:09}", self.nanos).chars().take(if width == 0 { 9 } else { width }).collect(),
                'p' if swap => if self.hour < 12 { "am" } else { "pm" }.into(),
                'p' => if self.hour < 12 { "AM" } else { "PM" }.into(),
                'P' => if self.hour < 12 { "am" } else { "pm" }.into(),
                'q' => number((self.month - 1) / 3 + 1, 1, '0'),
                'r' => self.format("%I:%M:%S %p"),
                'R' => self.format("%H:%M"),
                's' => self.secs.to_string(),
                'S' => number(self.second, 2, '0'),
                't' => "\t".into(),
                'T' | 'X' => self.format("%H:%M:%S"),
                'u' => number((self.weekday() + 6) % 7 + 1, 1, '0'),
                'U' => number((self.day_of_year() + 6 - self.weekday()) / 7, 2, '0'),
                'V' => number(self.iso_week().1, 2, '0'),
                'w' => number(self.weekday(), 1, '0'),
                'W' => number((self.day_of_year() + 6 - (self.weekday() + 6) % 7) / 7, 2, '0'),
                'y' => number(self.year.rem_euclid(100), 2, '0'),
                'Y' => number(self.year, 1, '0'),
                'z' => ["+0000", "+00:00", "+00:00:00", "+00"].get(colons).unwrap_or(&"+0000").to_string(),
                'Z' if swap => "utc".into(),
                'Z' => "UTC".into(),
                '%' => "%".into(),
                _ => raw,
            };
            let piece = if upper || swap && letter != 'p' && letter != 'Z' { piece.to_uppercase() } else { piece };
            if piece.len() < width {
                let fill = if flag == '0' || letter.is_ascii_digit() { "0" } else { " " };
                out.push_str(&fill.repeat(width - piece.len()));
            }
            out.push_str(&piece);
        }
        out
    }
}
