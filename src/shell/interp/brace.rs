//! Brace expansion: `a{b,c}d`, `{1..5}`, `{a..e..2}`, before any other expansion and on the text of the word.

/// Words that one word may become, and characters of all of them together; above, bash runs out of memory.
const WORDS: usize = 500_000;
const CHARS: usize = 4 * 1024 * 1024;

/// What a word stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expansion {
    pub words: Vec<String>,
    /// Elements of a range that are too many: bash says so and leaves it as it is.
    pub excess: Option<u64>,
}

struct Budget {
    chars: usize,
    excess: Option<u64>,
}

/// The words that a word stands for; `None` when they would be too many.
pub(super) fn expand(word: &str) -> Option<Expansion> {
    if !word.contains('{') {
        return Some(Expansion { words: vec![word.to_string()], excess: None });
    }
    let chars: Vec<char> = word.chars().collect();
    let mut budget = Budget { chars: CHARS, excess: None };
    let words = words(&chars, &mut budget, 0)?;
    Some(Expansion { words, excess: budget.excess })
}

fn words(chars: &[char], budget: &mut Budget, depth: u32) -> Option<Vec<String>> {
    let plain = |chars: &[char]| Some(vec![chars.iter().collect::<String>()]);
    if depth > 100 {
        return plain(chars);
    }
    let Some((begin, end, parts)) = find(chars) else { return plain(chars) };
    let before: String = chars.get(..begin)?.iter().collect();
    let mut middle = Vec::new();
    match parts {
        Parts::List(parts) => {
            for part in parts {
                middle.extend(words(part, budget, depth + 1)?);
            }
        }
        Parts::Range(Ok(range)) => middle = range,
        Parts::Range(Err(count)) => {
            budget.excess = Some(count);
            middle.push(chars.get(begin..end)?.iter().collect());
        }
    }
    let after = words(chars.get(end..)?, budget, depth + 1)?;
    if middle.len().saturating_mul(after.len()) > WORDS {
        return None;
    }
    let mut all = Vec::with_capacity(middle.len() * after.len());
    for middle in &middle {
        for after in &after {
            let size = before.len() + middle.len() + after.len();
            budget.chars = budget.chars.checked_sub(size + 1)?;
            all.push(format!("{before}{middle}{after}"));
        }
    }
    Some(all)
}

enum Parts<'a> {
    List(Vec<&'a [char]>),
    Range(Result<Vec<String>, u64>),
}

/// The first brace that is expanded: where it begins, where the text after it begins, and its parts.
fn find(chars: &[char]) -> Option<(usize, usize, Parts<'_>)> {
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        match c {
            '\'' | '"' | '`' | '\\' => at = skip(chars, at),
            '$' if chars.get(at + 1) == Some(&'{') => at = close(chars, at + 1, '{', '}'),
            '$' if chars.get(at + 1) == Some(&'(') => at = close(chars, at + 1, '(', ')'),
            '{' => {
                if let Some(found) = brace(chars, at) {
                    return Some(found);
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
    None
}

/// Past a quoted part.
fn skip(chars: &[char], at: usize) -> usize {
    let quote = chars.get(at).copied().unwrap_or_default();
    if quote == '\\' {
        return at + 2;
    }
    let mut next = at + 1;
    while let Some(&c) = chars.get(next) {
        if c == quote {
            return next + 1;
        }
        next += if c == '\\' && quote != '\'' { 2 } else { 1 };
    }
    next
}

fn close(chars: &[char], at: usize, open: char, end: char) -> usize {
    let mut depth = 0;
    let mut next = at;
    while let Some(&c) = chars.get(next) {
        match c {
            '\'' | '"' | '\\' => {
                next = skip(chars, next);
                continue;
            }
            c if c == open => depth += 1,
            c if c == end => {
                depth -= 1;
                if depth == 0 {
                    return next + 1;
                }
            }
            _ => {}
        }
        next += 1;
    }
    next
}

fn brace(chars: &[char], begin: usize) -> Option<(usize, usize, Parts<'_>)> {
    let mut depth = 0;
    let mut commas = Vec::new();
    let mut at = begin;
    let end = loop {
        match *chars.get(at)? {
            '\'' | '"' | '`' | '\\' => {
                at = skip(chars, at);
                continue;
            }
            '$' if chars.get(at + 1) == Some(&'{') => {
                at = close(chars, at + 1, '{', '}');
                continue;
            }
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    break at;
                }
            }
            ',' if depth == 1 => commas.push(at),
            _ => {}
        }
        at += 1;
    };
    if commas.is_empty() {
        let inner: String = chars.get(begin + 1..end)?.iter().collect();
        return Some((begin, end + 1, Parts::Range(range(&inner)?)));
    }
    let mut parts = Vec::new();
    let mut from = begin + 1;
    for comma in commas {
        parts.push(chars.get(from..comma)?);
        from = comma + 1;
    }
    parts.push(chars.get(from..end)?);
    Some((begin, end + 1, Parts::List(parts)))
}

/// `1..5`, `01..10..2`, `a..e`; an error for a range that is too long, with its number of elements.
fn range(inner: &str) -> Option<Result<Vec<String>, u64>> {
    let mut parts = inner.split("..");
    let (first, last, step) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() {
        return None;
    }
    let step: i64 = match step {
        Some(step) => step.parse().ok()?,
        None => 1,
    };
    let step = i64::try_from(step.unsigned_abs()).ok()?.max(1);
    if let (Ok(from), Ok(to)) = (first.parse::<i64>(), last.parse::<i64>()) {
        let count = from.abs_diff(to) / step.unsigned_abs();
        if count >= WORDS as u64 {
            return Some(Err(count.saturating_add(1)));
        }
        let padded =
            |text: &str| text.trim_start_matches('-').starts_with('0') && text.trim_start_matches('-').len() > 1;
        let width = if padded(first) || padded(last) { first.len().max(last.len()) } else { 0 };
        let mut all = Vec::new();
        let mut value = from;
        for _ in 0..=count {
            all.push(format!("{value:0width$}"));
            value = if from <= to { value.saturating_add(step) } else { value.saturating_sub(step) };
        }
        return Some(Ok(all));
    }
    let one = |text: &str| {
        let mut chars = text.chars();
        chars.next().filter(|c| c.is_ascii_alphabetic() && chars.next().is_none())
    };
    let (from, to) = (i64::from(u32::from(one(first)?)), i64::from(u32::from(one(last)?)));
    let mut all = Vec::new();
    let mut value = from;
    while (from <= to && value <= to) || (from > to && value >= to) {
        all.push(u32::try_from(value).ok().and_then(char::from_u32)?.to_string());
        value += if from <= to { step } else { -step };
    }
    Some(Ok(all))
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn as_bash_expands() {
        let cases = [
            ("{a,b}c", "ac bc"),
            ("x{1,{2,3}}y", "x1y x2y x3y"),
            ("{1..3}", "1 2 3"),
            ("{01..03}", "01 02 03"),
            ("{3..1}", "3 2 1"),
            ("{a..e..2}", "a c e"),
            ("{a}", "{a}"),
            ("a{,b}", "a ab"),
            ("'{a,b}'", "'{a,b}'"),
            ("${x}{1,2}", "${x}1 ${x}2"),
            ("{a,b}{c,d}", "ac ad bc bd"),
            ("{a,b", "{a,b"),
            ("\\{a,b}", "\\{a,b}"),
            ("{echo,YmFz}", "echo YmFz"),
            ("a{b}c{d,e}", "a{b}cd a{b}ce"),
            ("{-1..1}", "-1 0 1"),
        ];
        for (word, wanted) in cases {
            assert_eq!(expand(word).unwrap().words.join(" "), wanted, "{word}");
        }
        let long = expand("x{1..1000000000}{a,b}").unwrap();
        assert_eq!(
            (long.words.join(" ").as_str(), long.excess),
            ("x{1..1000000000}a x{1..1000000000}b", Some(1_000_000_000))
        );
        assert_eq!(expand(&"{a,b}".repeat(40)), None);
    }
}
