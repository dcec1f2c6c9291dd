//! Shell patterns: `*`, `?`, `[…]`, and with `extglob` `?(…) *(…) +(…) @(…) !(…)`. A backslash takes the next
//! character as it is.

use super::kernel::Stop;

/// Comparisons that one match may take; a pattern that needs more does not match.
const FUEL: u32 = 200_000;

/// Comparisons that all matches of one cutting or replacing may take together.
const FUEL_OF_ALL: u32 = 400_000;

/// Whether the whole of `text` matches.
pub(super) fn matches(pattern: &str, text: &str, extended: bool) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    whole(&pattern, &text, extended)
}

/// The same on characters.
pub(super) fn whole(pattern: &[char], text: &[char], extended: bool) -> bool {
    let mut left = FUEL_OF_ALL;
    whole_within(pattern, text, extended, &mut left)
}

/// The same, with what is left of the comparisons for several matches.
fn whole_within(pattern: &[char], text: &[char], extended: bool, left: &mut u32) -> bool {
    let mut fuel = FUEL.min(*left);
    let before = fuel;
    let found = if extended && has_group(pattern) {
        extended_match(pattern, text, &mut fuel, 0)
    } else {
        simple_match(pattern, text, &mut fuel)
    };
    *left = left.saturating_sub(before - fuel);
    found
}

/// Whether there is anything in it but plain characters.
pub(super) fn is_pattern(pattern: &str, extended: bool) -> bool {
    let mut escaped = false;
    let mut previous = ' ';
    for c in pattern.chars() {
        if std::mem::take(&mut escaped) {
            previous = ' ';
            continue;
        }
        match c {
            '\\' => escaped = true,
            '*' | '?' | '[' => return true,
            '(' if extended && "@+!".contains(previous) => return true,
            _ => {}
        }
        previous = c;
    }
    false
}

/// The characters that a pattern without wildcards stands for.
pub(super) fn unescape(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    text
}

/// A text as a pattern that matches only it.
pub(super) fn escape(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if "*?[]\\()|@+!^-".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// Matches without groups: linear but for the last star.
fn simple_match(pattern: &[char], text: &[char], fuel: &mut u32) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if *fuel == 0 {
            return false;
        }
        *fuel -= 1;
        if pattern.get(p) == Some(&'*') {
            p += 1;
            star = Some((p, t));
            continue;
        }
        let Some(&c) = text.get(t) else {
            return p >= pattern.len();
        };
        if let Some(next) = one(pattern, p, c) {
            p = next;
            t += 1;
            continue;
        }
        let Some((after, from)) = star else { return false };
        star = Some((after, from + 1));
        p = after;
        t = from + 1;
    }
}

/// Where the pattern goes on when its next element takes `c`.
fn one(pattern: &[char], at: usize, c: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(at + 1),
        '\\' => match pattern.get(at + 1) {
            Some(&escaped) => (escaped == c).then_some(at + 2),
            None => (c == '\\').then_some(at + 1),
        },
        '[' => match bracket(pattern, at, c) {
            Some((end, inside)) => inside.then_some(end),
            None => (c == '[').then_some(at + 1),
        },
        &plain => (plain == c).then_some(at + 1),
    }
}

/// A bracket expression: where it ends and whether `c` is in it; `None` when it has no end.
fn bracket(pattern: &[char], start: usize, c: char) -> Option<(usize, bool)> {
    let mut at = start + 1;
    let negated = matches!(pattern.get(at), Some('!' | '^'));
    at += usize::from(negated);
    let first = at;
    let mut inside = false;
    loop {
        let mut low = *pattern.get(at)?;
        if low == ']' && at > first {
            return Some((at + 1, inside != negated));
        }
        if low == '[' && pattern.get(at + 1) == Some(&':') {
            let rest = pattern.get(at + 2..)?;
            if let Some(end) = rest.windows(2).position(|two| two == [':', ']']) {
                let name: String = rest.get(..end)?.iter().collect();
                inside |= class(&name, c);
                at += end + 4;
                continue;
            }
        }
        if low == '\\' {
            at += 1;
            low = *pattern.get(at)?;
        }
        let is_range = pattern.get(at + 1) == Some(&'-') && pattern.get(at + 2).is_some_and(|&next| next != ']');
        if is_range {
            let mut high = *pattern.get(at + 2)?;
            at += 3;
            if high == '\\' {
                high = *pattern.get(at)?;
                at += 1;
            }
            inside |= (low..=high).contains(&c);
        } else {
            inside |= low == c;
            at += 1;
        }
    }
}

/// A POSIX character class.
pub(super) fn class(name: &str, c: char) -> bool {
    match name {
        "alnum" => c.is_alphanumeric(),
        "alpha" => c.is_alphabetic(),
        "blank" => matches!(c, ' ' | '\t'),
        "cntrl" => c.is_control(),
        "digit" => c.is_ascii_digit(),
        "graph" => !c.is_control() && !c.is_whitespace(),
        "lower" => c.is_lowercase(),
        "print" => !c.is_control(),
        "punct" => c.is_ascii_punctuation(),
        "space" => c.is_whitespace(),
        "upper" => c.is_uppercase(),
        "xdigit" => c.is_ascii_hexdigit(),
        "word" => c.is_alphanumeric() || c == '_',
        _ => false,
    }
}

fn has_group(pattern: &[char]) -> bool {
    pattern.windows(2).any(|two| matches!(two, ['?' | '*' | '+' | '@' | '!', '(']))
}

/// Matches with groups, by trying; the fuel bounds it, and groups nest at most 16 deep.
fn extended_match(pattern: &[char], text: &[char], fuel: &mut u32, depth: u32) -> bool {
    if *fuel == 0 || depth > 200 {
        return false;
    }
    *fuel -= 1;
    let Some(&first) = pattern.first() else { return text.is_empty() };
    if matches!(first, '?' | '*' | '+' | '@' | '!')
        && pattern.get(1) == Some(&'(')
        && let Some((branches, rest)) = group(pattern)
    {
        return match first {
            '@' | '?' => {
                (first == '?' && extended_match(rest, text, fuel, depth + 1))
                    || splits(text).any(|(head, tail)| {
                        branches.iter().any(|branch| extended_match(branch, head, fuel, depth + 1))
                            && extended_match(rest, tail, fuel, depth + 1)
                    })
            }
            '*' | '+' => {
                (first == '*' && extended_match(rest, text, fuel, depth + 1))
                    || splits(text).any(|(head, tail)| {
                        branches.iter().any(|branch| extended_match(branch, head, fuel, depth + 1))
                            && (extended_match(rest, tail, fuel, depth + 1)
                                || (!head.is_empty() && {
                                    let mut again = vec!['*'];
                                    again.extend(pattern.get(1..).unwrap_or_default());
                                    extended_match(&again, tail, fuel, depth + 1)
                                }))
                    })
            }
            _ => splits(text).any(|(head, tail)| {
                !branches.iter().any(|branch| extended_match(branch, head, fuel, depth + 1))
                    && extended_match(rest, tail, fuel, depth + 1)
            }),
        };
    }
    if first == '*' {
        let rest = pattern.get(1..).unwrap_or_default();
        return splits(text).any(|(_, tail)| extended_match(rest, tail, fuel, depth + 1));
    }
    let Some(&c) = text.first() else { return false };
    one(pattern, 0, c).is_some_and(|next| {
        extended_match(pattern.get(next..).unwrap_or_default(), text.get(1..).unwrap_or_default(), fuel, depth + 1)
    })
}

fn splits(text: &[char]) -> impl Iterator<Item = (&[char], &[char])> {
    (0..=text.len()).map(|at| text.split_at(at))
}

/// The branches of `X(a|b)` and what follows.
fn group(pattern: &[char]) -> Option<(Vec<&[char]>, &[char])> {
    let mut branches = Vec::new();
    let mut depth = 0;
    let mut begin = 2;
    let mut at = 1;
    while let Some(&c) = pattern.get(at) {
        match c {
            '\\' => at += 1,
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    branches.push(pattern.get(begin..at)?);
                    return Some((branches, pattern.get(at + 1..)?));
                }
            }
            '|' if depth == 1 => {
                branches.push(pattern.get(begin..at)?);
                begin = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Which end of a text a pattern is taken off, and how much of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    ShortestPrefix,
    LongestPrefix,
    ShortestSuffix,
    LongestSuffix,
}

/// What is left of `text` when the part that matches is taken off.
pub(super) fn cut(text: &str, pattern: &str, how: Cut, extended: bool) -> String {
    let chars: Vec<char> = text.chars().take(65_536).collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let len = chars.len();
    let at = |n: usize| match how {
        Cut::ShortestPrefix | Cut::LongestPrefix => chars.split_at(n),
        Cut::ShortestSuffix | Cut::LongestSuffix => {
            let (head, tail) = chars.split_at(len - n);
            (tail, head)
        }
    };
    let longest = matches!(how, Cut::LongestPrefix | Cut::LongestSuffix);
    let lengths: Box<dyn Iterator<Item = usize>> = if longest { Box::new((0..=len).rev()) } else { Box::new(0..=len) };
    let mut left = FUEL_OF_ALL;
    for n in lengths {
        let (candidate, rest) = at(n);
        if left == 0 {
            break;
        }
        if whole_within(&pattern, candidate, extended, &mut left) {
            return rest.iter().collect();
        }
    }
    text.to_string()
}

/// Replaces what matches: the first place, all, or only at the start or end.
pub(super) fn replace(text: &str, pattern: &str, with: &str, how: Replace, extended: bool) -> Result<String, Stop> {
    let chars: Vec<char> = text.chars().take(65_536).collect();
    let pattern: Vec<char> = pattern.chars().collect();
    if pattern.is_empty() {
        return Ok(text.to_string());
    }
    let len = chars.len();
    let mut left = FUEL_OF_ALL;
    let mut longest = |from: usize, only_end: bool| -> Option<usize> {
        if only_end {
            return whole_within(&pattern, chars.get(from..)?, extended, &mut left).then_some(len);
        }
        let mut fits = |part| left > 0 && whole_within(&pattern, part, extended, &mut left);
        (from..=len).rev().find(|&to| chars.get(from..to).is_some_and(&mut fits))
    };
    let mut out = String::new();
    let mut at = 0;
    let mut done = false;
    let mut work = 0_usize;
    while at < len {
        work += len - at;
        if work > 4_000_000 {
            break;
        }
        let allowed = match how {
            Replace::Prefix => at == 0,
            Replace::Suffix => true,
            Replace::First => !done,
            Replace::All => true,
        };
        if allowed
            && let Some(to) = longest(at, how == Replace::Suffix)
            && to > at
        {
            out.push_str(with);
            at = to;
            done = true;
            if how != Replace::All {
                break;
            }
            continue;
        }
        if how == Replace::Prefix {
            break;
        }
        out.extend(chars.get(at));
        at += 1;
    }
    out.extend(chars.get(at..).unwrap_or_default());
    Ok(out)
}

/// Where [`replace`] replaces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Replace {
    First,
    All,
    Prefix,
    Suffix,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_bash_matches() {
        let yes = [
            ("*", ""),
            ("a*c", "abbc"),
            ("[a-c]?", "bx"),
            ("[!a]*", "b"),
            ("[[:digit:]]", "7"),
            ("\\*", "*"),
            ("*'(deleted)'*".trim_matches('\''), "x'(deleted)'y"),
            ("a[", "a["),
            ("[]]", "]"),
        ];
        for (pattern, text) in yes {
            assert!(matches(pattern, text, false), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "b"), ("a*c", "abcd"), ("[!a]", "a"), ("?", "")] {
            assert!(!matches(pattern, text, false), "{pattern} {text}");
        }
        for (pattern, text) in [("@(a|b)c", "bc"), ("+(ab)", "abab"), ("!(x)", "y"), ("*(a|b)", ""), ("?(a)b", "b")] {
            assert!(matches(pattern, text, true), "{pattern} {text}");
        }
        assert!(!matches("!(x)", "x", true));
    }

    /// Hours of comparisons, if each place had its own share of them.
    #[test]
    fn groups_cost_a_bounded_time() {
        let (text, begun) = ("ab".repeat(20_000), std::time::Instant::now());
        cut(&text, "+(a|ab|b)*c", Cut::LongestPrefix, true);
        let _ = replace(&text, "*(a|b)c", "y", Replace::All, true);
        assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    }

    #[test]
    fn cutting_and_replacing() {
        assert_eq!(cut("/proc/12", "*/", Cut::LongestPrefix, false), "12");
        assert_eq!(cut("a.b.c", ".*", Cut::ShortestSuffix, false), "a.b");
        assert_eq!(replace("abcb", "b", "X", Replace::All, false), Ok("aXcX".into()));
        assert_eq!(replace("abcb", "b", "X", Replace::Suffix, false), Ok("abcX".into()));
    }
}
