//! `numfmt` (coreutils): numbers to and from units for people.

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;

const TABLE: &str = "from= from-unit= to= to-unit= round= suffix= grouping padding= field= d,delimiter= header? format= \
                     invalid= debug z,zero-terminated devdebug";
const LETTERS: &str = "KMGTPEZY";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    None,
    Auto,
    Si,
    Iec,
    IecI,
}

struct Plan {
    from: Scale,
    to: Scale,
    from_unit: f64,
    to_unit: f64,
    round: String,
    suffix: String,
    padding: i64,
    zeros: bool,
    precision: Option<usize>,
    before: String,
    after: String,
    fields: Vec<(usize, usize)>,
    delimiter: Option<char>,
    invalid: String,
}

/// The unit sizes of `--from-unit` and `--to-unit`.
fn unit(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, letters) = text.split_at(end);
    let number: f64 = if number.is_empty() { 1.0 } else { number.parse().ok()? };
    let mut letters = letters.chars();
    let Some(letter) = letters.next() else { return Some(number).filter(|n| *n > 0.0) };
    let power = i32::try_from(LETTERS.find(letter)?).ok()? + 1;
    let base: f64 = if letters.as_str() == "i" { 1024.0 } else { 1000.0 };
    Some(number * base.powi(power))
}

/// `1,3-5,-2`
fn fields(text: &str) -> Option<Vec<(usize, usize)>> {
    let one = |part: &str| {
        if part == "-" {
            return Some((1, usize::MAX));
        }
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let from = if from.is_empty() { 1 } else { from.parse().ok()? };
        let to = if to.is_empty() { usize::MAX } else { to.parse().ok()? };
        (from > 0 && from <= to).then_some((from, to))
    };
    text.split(',').map(one).collect()
}

fn scale(c: &mut Cmd, option: &str, word: Option<&str>, auto: bool) -> Result<Scale, i32> {
    let known: &[(&str, Scale)] =
        &[("none", Scale::None), ("auto", Scale::Auto), ("si", Scale::Si), ("iec", Scale::Iec), ("iec-i", Scale::IecI)];
    let known = known.iter().filter(|(_, scale)| auto || *scale != Scale::Auto);
    let Some(word) = word else { return Ok(Scale::None) };
    if let Some((_, scale)) = known.clone().find(|(name, _)| *name == word) {
        return Ok(*scale);
    }
    let mut text = format!("invalid argument {} for {}\nValid arguments are:", c.quote(word), c.quote(option));
    for (name, _) in known {
        text.push_str(&format!("\n  - {}", c.quote(name)));
    }
    Err(options::misuse(c, &text, 1))
}

/// Takes `--format` apart: what is before and behind, zeros, padding, precision.
fn format(c: &mut Cmd, plan: &mut Plan, format: &str) -> Result<(), i32> {
    let bad = |c: &mut Cmd, text: &str| {
        c.complain(text);
        Err(1)
    };
    let mut chars = format.chars().peekable();
    let mut found = false;
    while let Some(letter) = chars.next() {
        if letter != '%' || chars.next_if_eq(&'%').is_some() {
            if found {
                plan.after.push(letter)
            } else {
                plan.before.push(letter)
            }
            continue;
        }
        if found {
            let text = format!("format {} has too many % directives", c.quote(format));
            return bad(c, &text);
        }
        found = true;
        let (mut left, mut width) = (false, String::new());
        while let Some(flag) = chars.next_if(|flag| matches!(flag, '0' | '\'' | '-' | ' ')) {
            left |= flag == '-';
            plan.zeros |= flag == '0';
        }
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            width.push(digit);
        }
        if chars.next_if_eq(&'.').is_some() {
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            plan.precision = Some(digits.parse().unwrap_or(0).min(40));
        }
        if chars.next() != Some('f') {
            let text = format!("invalid format {}, directive must be %[0]['][-][N][.][N]f", c.quote(format));
            return bad(c, &text);
        }
        let width = width.parse::<i64>().unwrap_or(0).min(10_000);
        if width > 0 {
            plan.padding = if left { -width } else { width };
        }
    }
    if !found {
        let text = format!("format {} has no % directive", c.quote(format));
        return bad(c, &text);
    }
    Ok(())
}

fn plan(c: &mut Cmd, found: &options::Options) -> Result<Plan, i32> {
    let mut plan = Plan {
        from: scale(c, "--from", found.value("from"), true)?,
        to: scale(c, "--to", found.value("to"), false)?,
        from_unit: 1.0,
        to_unit: 1.0,
        round: found.value("round").unwrap_or("from-zero").to_string(),
        suffix: found.value("suffix").unwrap_or_default().to_string(),
        padding: 0,
        zeros: false,
        precision: None,
        before: String::new(),
        after: String::new(),
        fields: vec![(1, 1)],
        delimiter: found.value("d").and_then(|text| text.chars().next()),
        invalid: found.value("invalid").unwrap_or("abort").to_string(),
    };
    for (key, slot) in [("from-unit", 0), ("to-unit", 1)] {
        let Some(word) = found.value(key) else { continue };
        let Some(size) = unit(word) else {
            let text = format!("invalid unit size: {}", c.quote(word));
            c.complain(&text);
            return Err(1);
        };
        if slot == 0 { plan.from_unit = size } else { plan.to_unit = size }
    }
    if let Some(word) = found.value("padding") {
        match word.parse::<i64>() {
            Ok(width) if width != 0 => plan.padding = width.clamp(-10_000, 10_000),
            _ => {
                let text = format!("invalid padding value {}", c.quote(word));
                c.complain(&text);
                return Err(1);
            }
        }
    }
    if let Some(list) = found.value("field") {
        let Some(list) = fields(list) else {
            let text = format!("invalid field value {}", c.quote(list));
            return Err(options::misuse(c, &text, 1));
        };
        plan.fields = list;
    }
    if let Some(word) = found.value("format").map(str::to_string) {
        format(c, &mut plan, &word)?;
    }
    Ok(plan)
}

/// A number in its unit, as a value; the error is what is said of it.
fn read(c: &Cmd, plan: &Plan, word: &str) -> Result<(f64, usize), String> {
    let body = word.strip_suffix(plan.suffix.as_str()).filter(|_| !plan.suffix.is_empty()).unwrap_or(word);
    let digits = body.strip_prefix('-').unwrap_or(body);
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    let (number, rest) = digits.split_at(end);
    if number.is_empty() || number.matches('.').count() > 1 || number == "." {
        return Err(format!("invalid number: {}", c.quote(word)));
    }
    let value: f64 = number.parse().unwrap_or(0.0);
    let value = if body.starts_with('-') { -value } else { value };
    let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let mut letters = rest.chars();
    let Some(letter) = letters.next() else { return Ok((value * plan.from_unit, decimals)) };
    let Some(power) = LETTERS.find(letter) else {
        return Err(format!("invalid suffix in input: {}", c.quote(word)));
    };
    if plan.from == Scale::None {
        return Err(format!("rejecting suffix in input: {} (consider using --from)", c.quote(word)));
    }
    let mut tail = letters.as_str();
    let mut base: f64 = if plan.from == Scale::Si { 1000.0 } else { 1024.0 };
    match plan.from {
        Scale::Auto => match tail.strip_prefix('i') {
            Some(rest) => tail = rest,
            None => base = 1000.0,
        },
        Scale::IecI => match tail.strip_prefix('i') {
            Some(rest) => tail = rest,
            None => return Err(format!("missing 'i' suffix in input: {} (e.g Ki/Mi/Gi)", c.quote(word))),
        },
        _ => {}
    }
    if !tail.is_empty() {
        return Err(format!("invalid suffix in input {}: {}", c.quote(word), c.quote(tail)));
    }
    let power = i32::try_from(power).unwrap_or(0) + 1;
    Ok((value * base.powi(power) * plan.from_unit, 0))
}

/// Rounds to a whole number.
fn rounded(value: f64, how: &str) -> f64 {
    match how {
        "up" => value.ceil(),
        "down" => value.floor(),
        "towards-zero" => value.trunc(),
        "nearest" => value.round(),
        _ if value < 0.0 => value.floor(),
        _ => value.ceil(),
    }
}

fn write(plan: &Plan, value: f64, decimals: usize) -> Result<String, String> {
    let value = value / plan.to_unit;
    if plan.to == Scale::None {
        let precision = plan.precision.unwrap_or(decimals);
        if value.abs() >= 1e18 {
            let mut shown = Vec::new();
            let mut spec = crate::shell::format::Spec::plain('g');
            spec.set_precision(6);
            spec.float(value, &mut shown);
            let shown = String::from_utf8_lossy(&shown).into_owned();
            return Err(format!("value too large to be printed: '{shown}' (consider using --to)"));
        }
        let factor = 10f64.powi(i32::try_from(precision).unwrap_or(0));
        return Ok(format!("{:.precision$}", rounded(value * factor, &plan.round) / factor));
    }
    let base: f64 = if plan.to == Scale::Si { 1000.0 } else { 1024.0 };
    let (mut value, mut power) = (value, 0usize);
    while value.abs() >= base && power < 8 {
        value /= base;
        power += 1;
    }
    let shown = match plan.precision {
        Some(precision) => {
            let factor = 10f64.powi(i32::try_from(precision).unwrap_or(0));
            let fine = rounded(value * factor, &plan.round) / factor;
            if fine.abs() >= base && power < 8 {
                value = fine / base;
                power += 1;
                format!("{:.precision$}", value)
            } else {
                format!("{fine:.precision$}")
            }
        }
        None => {
            // One decimal below ten, where there is a unit.
            let fine = |value: f64, power: usize| {
                if power > 0 && value.abs() < 10.0 {
                    rounded(value * 10.0, &plan.round) / 10.0
                } else {
                    rounded(value, &plan.round)
                }
            };
            let mut short = fine(value, power);
            if short.abs() >= base && power < 8 {
                value = short / base;
                power += 1;
                short = fine(value, power);
            }
            if power > 0 && short.abs() < 10.0 { format!("{short:.1}") } else { format!("{short:.0}") }
        }
    };
    let letter = power.checked_sub(1).and_then(|at| LETTERS.get(at..=at)).unwrap_or_default();
    let small = if plan.to == Scale::IecI && power > 0 { "i" } else { "" };
    Ok(format!("{shown}{letter}{small}"))
}

/// A field in its new form; the old one where it is no number, with what is said of it.
fn convert(c: &Cmd, plan: &Plan, word: &str, auto: i64) -> Result<String, String> {
    let (value, decimals) = read(c, plan, word)?;
    let mut shown = format!("{}{}", write(plan, value, decimals)?, plan.suffix);
    let padding = if plan.padding == 0 { auto } else { plan.padding };
    let width = usize::try_from(padding.unsigned_abs()).unwrap_or(0);
    if padding < 0 {
        shown = format!("{shown:<width$}");
    } else if plan.zeros {
        let sign = if shown.starts_with('-') { "-" } else { "" };
        let digits = shown.trim_start_matches('-').to_string();
        shown = format!("{sign}{digits:0>fill$}", fill = width.saturating_sub(sign.len()));
    } else {
        shown = format!("{shown:>width$}");
    }
    Ok(format!("{}{shown}{}", plan.before, plan.after))
}

fn line(c: &Cmd, plan: &Plan, line: &str) -> (String, Option<String>) {
    let mut out = String::new();
    let mut fault = None;
    let mut number = 0;
    let mut rest = line;
    loop {
        number += 1;
        let (space, word, next) = match plan.delimiter {
            Some(delimiter) => {
                let end = rest.find(delimiter).unwrap_or(rest.len());
                ("", rest.get(..end).unwrap_or_default(), rest.get(end..).unwrap_or_default())
            }
            None => {
                let start = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
                let body = rest.get(start..).unwrap_or_default();
                let end = body.find(char::is_whitespace).unwrap_or(body.len());
                (
                    rest.get(..start).unwrap_or_default(),
                    body.get(..end).unwrap_or_default(),
                    body.get(end..).unwrap_or_default(),
                )
            }
        };
        let wanted = plan.fields.iter().any(|(from, to)| (*from..=*to).contains(&number));
        // White space in front of a field is part of its width.
        let auto = if plan.delimiter.is_none() && number > 1 && space.chars().count() > 1 {
            i64::try_from(space.chars().count() - 1 + word.chars().count()).unwrap_or(0)
        } else {
            0
        };
        match if wanted { convert(c, plan, word, auto).map(Some) } else { Ok(None) } {
            Ok(Some(new)) => {
                out.push_str(if auto > 0 { space.get(..1).unwrap_or_default() } else { space });
                out.push_str(&new);
            }
            Ok(None) => {
                out.push_str(space);
                out.push_str(word);
            }
            Err(text) => {
                out.push_str(space);
                out.push_str(word);
                fault = fault.or(Some(text));
            }
        }
        if next.is_empty() {
            return (out, fault);
        }
        match plan.delimiter {
            Some(delimiter) => {
                out.push(delimiter);
                rest = next.get(delimiter.len_utf8()..).unwrap_or_default();
            }
            None => rest = next,
        }
        if number > 100_000 {
            return (out, fault);
        }
    }
}

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, TABLE, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let plan = match plan(c, &found) {
        Ok(plan) => plan,
        Err(status) => return Ok(status),
    };
    let end = if found.has("z") { '\0' } else { '\n' };
    let mut status = 0;
    let mut each = |c: &mut Cmd, text: &str| {
        let (out, fault) = line(c, &plan, text);
        let fault = fault.filter(|_| plan.invalid != "ignore");
        if let Some(fault) = &fault {
            c.complain(fault);
        }
        let ends = fault.is_some() && plan.invalid == "abort";
        if fault.is_some() && plan.invalid != "warn" {
            status = 2;
        }
        if !ends {
            c.out(&out);
            c.out(end.encode_utf8(&mut [0; 4]));
        }
        ends
    };
    if !found.rest.is_empty() {
        for word in &found.rest {
            c.spend(2).await?;
            if each(c, word) {
                break;
            }
        }
        return Ok(status);
    }
    let mut header = match found.list.iter().find(|(key, _)| *key == "header") {
        Some((_, count)) => count.as_deref().unwrap_or("1").parse::<u64>().unwrap_or(1),
        None => 0,
    };
    while let Some(bytes) = c.read_line().await? {
        c.spend(2 + bytes.len() as u64 / 20).await?;
        let text = text::decode(bytes.strip_suffix(b"\n").unwrap_or(&bytes));
        if header > 0 {
            header -= 1;
            c.out(&format!("{text}\n"));
        } else if each(c, &text) {
            break;
        }
        c.tick().await?;
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use crate::shell::tests::run;

    #[test]
    fn numbers_for_people() {
        let cases = [
            ("numfmt --to=iec 1024 2048576 1500000 9999 10239 999999999", "1.0K\n2.0M\n1.5M\n9.8K\n10K\n954M\n"),
            ("numfmt --to=si 1000 999999 0 1 999 1.5", "1.0K\n1.0M\n0\n1\n999\n2\n"),
            ("numfmt --from=iec 1K 1.5M 2G", "1024\n1572864\n2147483648\n"),
            ("numfmt --to=iec-i --suffix=B 123456789", "118MiB\n"),
            ("numfmt --from=auto 1Ki 1K", "1024\n1000\n"),
            ("echo 1000 foo 2000 | numfmt --field=3 --to=si", "1000 foo 2.0K\n"),
            ("numfmt --format=%8.2f 1234.567", " 1234.57\n"),
            ("numfmt --to=iec --format='%10f|' 5000000", "      4.8M|\n"),
            ("numfmt --padding=-10 --to=si 5000", "5.0K      \n"),
            ("numfmt --round=down --to=iec 1999", "1.9K\n"),
            ("numfmt --from-unit=1024 10; numfmt --to-unit=1024 10240", "10240\n10\n"),
            ("numfmt --to=iec -- -5000; numfmt --suffix=B 10B 20; numfmt --format=%05f 42", "-4.9K\n10B\n20B\n00042\n"),
        ];
        for (line, expected) in cases {
            assert_eq!(run(line).0, expected, "{line}");
        }
        let (_, err, status) = run("numfmt 1K");
        assert_eq!(
            (err.as_str(), status),
            ("numfmt: rejecting suffix in input: \u{2018}1K\u{2019} (consider using --from)\n", 2)
        );
    }
}
