//! `seq`, `factor`, `shuf`, `numfmt`, `expr`, `true`, `false` (coreutils 8.30).

use super::options;
use super::regexp::{Flags, Regexp, Syntax};
use crate::shell::cmd::Cmd;
use crate::shell::format::{Spec, leading_float};
use crate::shell::kernel::Stop;
use crate::shell::text;

pub(super) fn yes(_: &mut Cmd) -> i32 {
    0
}

pub(super) fn no(_: &mut Cmd) -> i32 {
    1
}

pub(super) async fn seq(c: &mut Cmd) -> Result<i32, Stop> {
    // Negative numbers are no options.
    let numeric = |arg: &String| {
        arg.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
    };
    let first = c.args.iter().position(numeric);
    if let Some(at) = first {
        c.args.insert(at, "--".into());
    }
    let found = match options::take(c, "+f,format= s,separator= w,equal-width", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let rest: Vec<String> = found.rest.iter().filter(|arg| *arg != "--").cloned().collect();
    if rest.is_empty() {
        return Ok(options::misuse(c, "missing operand", 1));
    }
    if let Some(extra) = rest.get(3) {
        let text = format!("extra operand {}", c.quote(extra));
        return Ok(options::misuse(c, &text, 1));
    }
    let mut values = Vec::new();
    for text in &rest {
        let (value, len) = leading_float(text.as_bytes(), true);
        if len != text.len() || text.is_empty() || value.is_nan() {
            let text = format!("invalid floating point argument: {}", c.quote(text));
            return Ok(options::misuse(c, &text, 1));
        }
        values.push(value);
    }
    let (from, step, to) = match values.as_slice() {
        [to] => (1.0, 1.0, *to),
        [from, to] => (*from, 1.0, *to),
        [from, step, to] => (*from, *step, *to),
        _ => return Ok(1),
    };
    if step == 0.0 {
        let text = format!("invalid Zero increment value: {}", c.quote(rest.get(1).map_or("0", |x| x)));
        return Ok(options::misuse(c, &text, 1));
    }
    let decimals = |text: &String| text.split_once('.').map_or(0, |(_, part)| part.len());
    let precision = rest.iter().take(rest.len().max(2) - 1).map(decimals).max().unwrap_or(0);
    let precision = if rest.len() == 1 { 0 } else { precision };
    let shape = match found.value("f") {
        Some(format) => {
            let Some(at) = format.find('%') else {
                let text = format!("format {} has no % directive", c.quote(format));
                c.complain(&text);
                return Ok(1);
            };
            let (before, rest) = format.split_at(at);
            let (spec, taken) = Spec::read(rest.get(1..).unwrap_or_default().as_bytes());
            if !"efgaEFGA".contains(spec.letter) {
                let text = format!("format {} has unknown %{} directive", c.quote(format), spec.letter);
                c.complain(&text);
                return Ok(1);
            }
            Some((before.to_string(), spec, rest.get(1 + taken..).unwrap_or_default().to_string()))
        }
        None => None,
    };
    let show = |value: f64, width: usize| -> Vec<u8> {
        let mut out = Vec::new();
        match &shape {
            Some((before, spec, after)) => {
                out.extend(text::encode(before));
                spec.float(value, &mut out);
                out.extend(text::encode(after));
            }
            None => {
                let value = if value == 0.0 { 0.0 } else { value };
                let plain = format!("{value:.precision$}");
                let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
                out.extend_from_slice(
                    format!("{sign}{digits:0>width$}", width = width.saturating_sub(sign.len())).as_bytes(),
                );
            }
        }
        out
    };
    let last = from + ((to - from) / step + 1e-10).floor() * step;
    let width = if found.has("w") { show(from, 0).len().max(show(last, 0).len()) } else { 0 };
    let separator = found.value("s").map_or(b"\n".to_vec(), text::encode);
    let mut at = 0u64;
    loop {
        let value = from + at as f64 * step;
        let slack = step.abs() * 1e-10;
        if step > 0.0 && value > to + slack || step < 0.0 && value < to - slack {
            break;
        }
        if at > 0 {
            c.out_bytes(&separator);
        }
        c.out_bytes(&show(value, width));
        at += 1;
        c.spend(1).await?;
        c.tick().await?;
    }
    if at > 0 {
        c.out("\n");
    }
    Ok(0)
}

pub(super) async fn factor(c: &mut Cmd) -> Result<i32, Stop> {
    let mut words = c.args.clone();
    if words.is_empty() {
        let input = c.read_all().await?;
        words = text::decode(&input).split_whitespace().map(str::to_string).collect();
    }
    let mut status = 0;
    for word in words {
        let Ok(number) = word.trim().trim_start_matches('+').parse::<u64>() else {
            let text = format!("{} is not a valid positive integer", c.quote(&word));
            c.complain(&text);
            status = 1;
            continue;
        };
        let mut line = format!("{number}:");
        let mut rest = number;
        let mut divisor = 2u64;
        while rest > 1 && divisor.saturating_mul(divisor) <= rest {
            if rest.is_multiple_of(divisor) {
                line += &format!(" {divisor}");
                rest /= divisor;
                continue;
            }
            divisor += 1 + divisor % 2;
            if divisor & 0xfff == 1 {
                c.spend(256).await?;
            }
        }
        if rest > 1 {
            line += &format!(" {rest}");
        }
        c.out(&(line + "\n"));
    }
    Ok(status)
}

pub(super) async fn shuf(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(
        c,
        "e,echo i,input-range= n,head-count= o,output= random-source= r,repeat z,zero-terminated",
        1,
    ) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let mut lines: Vec<Vec<u8>> = if found.has("e") {
        found.rest.iter().map(|arg| text::encode(arg)).collect()
    } else if let Some(range) = found.value("i") {
        let bounds = range.split_once('-').and_then(|(a, b)| Some((a.parse::<u64>().ok()?, b.parse::<u64>().ok()?)));
        match bounds.filter(|(a, b)| a <= &b.saturating_add(1) && b.saturating_sub(*a) < 1_000_000) {
            Some((a, b)) => (a..=b).map(|number| number.to_string().into_bytes()).collect(),
            None => {
                let text = format!("invalid input range: {}", c.quote(range));
                c.complain(&text);
                return Ok(1);
            }
        }
    } else {
        let operand = found.rest.first().map_or("-", |x| x).to_string();
        match super::uniq::lines(c, &operand, b'\n').await? {
            Ok(lines) => lines,
            Err(status) => return Ok(status),
        }
    };
    c.spend(lines.len() as u64).await?;
    let most = found.value("n").and_then(|n| n.parse::<usize>().ok()).unwrap_or(if found.has("r") {
        100_000
    } else {
        lines.len()
    });
    let mut out = Vec::new();
    for _ in 0..most {
        if lines.is_empty() || out.len() > c.bound() {
            break;
        }
        let at = rand::random_range(0..lines.len());
        let line = if found.has("r") { lines.get(at).cloned().unwrap_or_default() } else { lines.swap_remove(at) };
        out.extend(line);
        out.push(b'\n');
    }
    match found.value("o") {
        Some(file) => {
            if let Err(error) = c.write_file(file, &out) {
                c.complain(&format!("{file}: {}", error.text()));
                return Ok(1);
            }
        }
        None => c.out_bytes(&out),
    }
    Ok(0)
}

/// An expression of expr(1), read from its arguments.
struct Expr<'a> {
    args: &'a [String],
    at: usize,
    depth: usize,
}

type Parsed = Result<String, String>;

fn integer(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn is_null(text: &str) -> bool {
    text.is_empty() || integer(text) == Some(0)
}

impl Expr<'_> {
    fn peek(&self) -> Option<&str> {
        self.args.get(self.at).map(String::as_str)
    }

    fn accept(&mut self, ops: &[&'static str]) -> Option<&'static str> {
        let op = self.peek().and_then(|arg| ops.iter().find(|op| **op == arg).copied())?;
        self.at += 1;
        Some(op)
    }

    fn or(&mut self) -> Parsed {
        let mut left = self.and()?;
        while self.accept(&["|"]).is_some() {
            let right = self.and()?;
            if is_null(&left) {
                left = if is_null(&right) { "0".into() } else { right };
            }
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed {
        let mut left = self.compare()?;
        while self.accept(&["&"]).is_some() {
            let right = self.compare()?;
            if is_null(&left) || is_null(&right) {
                left = "0".into();
            }
        }
        Ok(left)
    }

    fn compare(&mut self) -> Parsed {
        let mut left = self.sum()?;
        while let Some(op) = self.accept(&["<", "<=", "=", "==", "!=", ">=", ">"]) {
            let right = self.sum()?;
            let order = match (integer(&left), integer(&right)) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => text::encode(&left).cmp(&text::encode(&right)),
            };
            let holds = match op {
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                "=" | "==" => order.is_eq(),
                "!=" => order.is_ne(),
                ">=" => order.is_ge(),
                _ => order.is_gt(),
            };
            left = u8::from(holds).to_string();
        }
        Ok(left)
    }

    fn numbers(left: &str, right: &str) -> Result<(i128, i128), String> {
        let error = || "non-integer argument".to_string();
        Ok((integer(left).ok_or_else(error)?, integer(right).ok_or_else(error)?))
    }

    fn sum(&mut self) -> Parsed {
        let mut left = self.product()?;
        while let Some(op) = self.accept(&["+", "-"]) {
            let right = self.product()?;
            let (a, b) = Self::numbers(&left, &right)?;
            left = if op == "+" { a.saturating_add(b) } else { a.saturating_sub(b) }.to_string();
        }
        Ok(left)
    }

    fn product(&mut self) -> Parsed {
        let mut left = self.matching()?;
        while let Some(op) = self.accept(&["*", "/", "%"]) {
            let right = self.matching()?;
            let (a, b) = Self::numbers(&left, &right)?;
            left = match op {
                "*" => a.saturating_mul(b),
                _ if b == 0 => return Err("division by zero".into()),
                "/" => a / b,
                _ => a % b,
            }
            .to_string();
        }
        Ok(left)
    }

    fn matching(&mut self) -> Parsed {
        let mut left = self.primary()?;
        while self.accept(&[":"]).is_some() {
            let right = self.primary()?;
            left = matched(&left, &right)?;
        }
        Ok(left)
    }

    fn primary(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > 200 {
            return Err("syntax error: too deep".into());
        }
        let result = self.primary_inner();
        self.depth -= 1;
        result
    }

    fn primary_inner(&mut self) -> Parsed {
        let Some(first) = self.peek().map(str::to_string) else {
            let last = self.args.last().cloned().unwrap_or_default();
            return Err(format!("syntax error: missing argument after \u{0}{last}\u{0}"));
        };
        self.at += 1;
        match first.as_str() {
            "(" => {
                let inner = self.or()?;
                match self.peek() {
                    Some(")") => {
                        self.at += 1;
                        Ok(inner)
                    }
                    None => {
                        let last = self.args.last().cloned().unwrap_or_default();
                        Err(format!("syntax error: expecting ')' after \u{0}{last}\u{0}"))
                    }
                    Some(other) => Err(format!("syntax error: expecting ')' instead of \u{0}{other}\u{0}")),
                }
            }
            ")" => Err("syntax error: unexpected ')'".into()),
            "+" if self.peek().is_some() => {
                let word = self.peek().unwrap_or_default().to_string();
                self.at += 1;
                Ok(word)
            }
            "length" if self.peek().is_some() => Ok(self.primary()?.chars().count().to_string()),
            "match" if self.peek().is_some() => {
                let (left, right) = (self.primary()?, self.primary()?);
                matched(&left, &right)
            }
            "index" if self.peek().is_some() => {
                let (text, set) = (self.primary()?, self.primary()?);
                let at = text.chars().position(|c| set.contains(c));
                Ok(at.map_or(0, |at| at + 1).to_string())
            }
            "substr" if self.peek().is_some() => {
                let (text, from, len) = (self.primary()?, self.primary()?, self.primary()?);
                let (Some(from), Some(len)) = (integer(&from), integer(&len)) else { return Ok(String::new()) };
                if from < 1 || len < 1 {
                    return Ok(String::new());
                }
                let skip = usize::try_from(from - 1).unwrap_or(usize::MAX);
                Ok(text.chars().skip(skip).take(usize::try_from(len).unwrap_or(usize::MAX)).collect())
            }
            _ => Ok(first),
        }
    }
}

fn matched(text: &str, pattern: &str) -> Parsed {
    let regexp = Regexp::new(pattern, Syntax::Basic, Flags::default())?;
    let bytes = text::encode(text);
    let found = regexp
        .captures_at(&bytes, 0)
        .filter(|spans| spans.first().copied().flatten().is_some_and(|(from, _)| from == 0));
    let part = |span: Option<(usize, usize)>| span.and_then(|(from, to)| bytes.get(from..to)).unwrap_or_default();
    Ok(match (found, regexp.groups) {
        (Some(spans), 0) => text::decode(part(spans.first().copied().flatten())).chars().count().to_string(),
        (Some(spans), _) => text::decode(part(spans.get(1).copied().flatten())),
        (None, 0) => "0".into(),
        (None, _) => String::new(),
    })
}

pub(super) fn expr(c: &mut Cmd) -> i32 {
    let mut args = c.args.clone();
    if args.first().is_some_and(|arg| arg == "--") {
        args.remove(0);
    }
    if args.is_empty() {
        return options::misuse(c, "missing operand", 2);
    }
    let mut expr = Expr { args: &args, at: 0, depth: 0 };
    let result = expr.or();
    let result = match (result, expr.peek()) {
        (Ok(_), Some(extra)) => Err(format!("syntax error: unexpected argument \u{0}{extra}\u{0}")),
        (result, _) => result,
    };
    match result {
        Ok(value) => {
            c.out(&format!("{value}\n"));
            i32::from(is_null(&value))
        }
        Err(error) => {
            // The argument stands between two marks.
            let mut parts = error.splitn(3, '\0');
            let (before, inner) = (parts.next().unwrap_or_default(), parts.next());
            let text = inner.map_or(before.to_string(), |inner| format!("{before}{}", c.quote(inner)));
            c.complain(&text);
            2
        }
    }
}
