//! The patterns of vsftpd's listings: `*`, `?`, `{a,b}` (not nested), by its own search, which never goes back: text
//! after a `*` is taken where it stands last.

/// `VSFTP_MATCHITERS_MAX`: the parts of patterns that one name may take.
const STEPS: u32 = 1000;

/// The same for all names of a folder: a bound of our own.
pub const BUDGET: u32 = 400_000;

/// Whether a name fits a pattern. What that took goes off the budget; without one nothing fits.
pub fn fits(name: &[u8], pattern: &[u8], budget: &mut u32) -> bool {
    // A brace that is never closed stands for itself, but not as the first of a pattern.
    let open = pattern.starts_with(b"{") && !pattern.contains(&b'}');
    let mut steps = 0;
    let fits = *budget > 0 && !open && part(name, pattern, &mut steps);
    *budget = budget.saturating_sub(steps);
    fits
}

fn part(mut name: &[u8], mut pattern: &[u8], steps: &mut u32) -> bool {
    let (mut here, mut token) = (true, None);
    while !pattern.is_empty() {
        *steps += 1;
        if *steps >= STEPS {
            return false;
        }
        let at = pattern.iter().position(|byte| b"*?{".contains(byte)).unwrap_or(pattern.len());
        let (text, rest) = pattern.split_at(at);
        token = rest.first().copied();
        pattern = rest.get(1..).unwrap_or_default();
        if !text.is_empty() {
            let from = if here { name.starts_with(text).then_some(0) } else { last(name, text) };
            let Some(from) = from else { return false };
            name = name.get(from + text.len()..).unwrap_or_default();
        }
        here = token != Some(b'*');
        match token {
            Some(b'?') => match name.split_first() {
                Some((_, rest)) => name = rest,
                None => return false,
            },
            Some(b'{') => match pattern.iter().position(|&byte| byte == b'}') {
                Some(end) => {
                    let (choices, after) = pattern.split_at(end);
                    let after = after.get(1..).unwrap_or_default();
                    // The first empty choice is the last that counts. One level: no choice holds a closing brace.
                    let mut choices = choices.split(|&byte| byte == b',').take_while(|choice| !choice.is_empty());
                    return choices.any(|choice| *steps < STEPS && part(name, &[choice, after].concat(), steps));
                }
                None => match name.strip_prefix(b"{") {
                    Some(rest) => name = rest,
                    None => return false,
                },
            },
            _ => {}
        }
    }
    name.is_empty() || token == Some(b'*')
}

/// Where a text stands last.
fn last(name: &[u8], text: &[u8]) -> Option<usize> {
    name.windows(text.len()).rposition(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of vsftpd 3.0.3 in a folder of these names.
    #[test]
    fn patterns_as_the_daemon_takes_them() {
        const NAMES: [&str; 10] = ["a.gz.gz", "aXa", "ab", "aba", "abc", "b.txt.gz", "c*d", "plan.txt", "q?", "{x"];
        for (pattern, wanted) in [
            ("*a", "aXa aba"),
            ("*.gz", "a.gz.gz b.txt.gz"),
            ("?b*", "ab aba abc"),
            ("{ab,abc}", "ab abc"),
            ("*{gz,txt}", ""),
            ("*.{gz,txt}", "a.gz.gz b.txt.gz plan.txt"),
            ("{a}*", "a.gz.gz aXa ab aba abc"),
            ("{", ""),
            ("{x", ""),
            ("{x}", ""),
            ("{,a}b", ""),
            ("a{b,}", "ab"),
            ("ab{,c}", ""),
            ("*{x", "{x"),
            ("a{b,c", ""),
            ("a**c", "abc"),
            ("*?", ""),
            ("?*?", "ab q? {x"),
            ("{*a,b*}", "aXa aba b.txt.gz"),
            ("*t*t", ""),
            ("[a]*", ""),
            ("{b.txt,plan}.{gz,txt}", "b.txt.gz plan.txt"),
        ] {
            let found: Vec<&str> =
                NAMES.into_iter().filter(|name| fits(name.as_bytes(), pattern.as_bytes(), &mut { BUDGET })).collect();
            assert_eq!(found.join(" "), wanted, "{pattern}");
        }
    }

    #[test]
    fn a_long_pattern_ends() {
        let pattern = b"{a,b,c,d,e,f,g,h}*".repeat(200);
        assert!(!fits(&b"abcdefgh".repeat(30), &pattern, &mut { BUDGET }));
    }
}
