//! fnmatch(3) patterns of find, locate and friends: `*`, `?`, `[...]`, backslash.

/// Whether the whole of `text` matches; `*` matches `/` too.
pub(super) fn matches(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        let rest = pattern.get(p..).unwrap_or_default();
        if rest.first() == Some(&b'*') {
            back = Some((p + 1, t));
            p += 1;
            continue;
        }
        let step = text.get(t).and_then(|&byte| one(rest, byte, ignore_case));
        match step {
            Some(len) => {
                p += len;
                t += 1;
            }
            None if rest.is_empty() && t >= text.len() => return true,
            None => {
                let Some((star, from)) = back else { return false };
                if from >= text.len() {
                    return false;
                }
                back = Some((star, from + 1));
                p = star;
                t = from + 1;
            }
        }
    }
}

/// Length of the pattern's first element if it matches the byte.
fn one(pattern: &[u8], byte: u8, ignore_case: bool) -> Option<usize> {
    let same = |a: u8| if ignore_case { a.eq_ignore_ascii_case(&byte) } else { a == byte };
    match *pattern.first()? {
        b'?' => Some(1),
        b'\\' => pattern.get(1).filter(|&&next| same(next)).map(|_| 2),
        b'[' => match set(pattern, byte, ignore_case) {
            Some((true, len)) => Some(len),
            Some((false, _)) => None,
            None => same(b'[').then_some(1),
        },
        other => same(other).then_some(1),
    }
}

fn set(pattern: &[u8], byte: u8, ignore_case: bool) -> Option<(bool, usize)> {
    let mut at = 1;
    let negated = matches!(pattern.get(at), Some(b'!' | b'^'));
    at += usize::from(negated);
    let first = at;
    let mut found = false;
    loop {
        let c = *pattern.get(at)?;
        if c == b']' && at > first {
            return Some((found != negated, at + 1));
        }
        if c == b'[' && pattern.get(at + 1) == Some(&b':') {
            let rest = pattern.get(at + 2..)?;
            let end = rest.windows(2).position(|pair| pair == b":]")?;
            let class = std::str::from_utf8(rest.get(..end)?).unwrap_or_default();
            found |= super::regexp::in_class(class, char::from(byte)) && byte < 128;
            at += end + 4;
            continue;
        }
        at += usize::from(c == b'\\');
        let low = *pattern.get(at)?;
        let mut high = low;
        at += 1;
        if pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_some_and(|&next| next != b']') {
            high = *pattern.get(at + 1)?;
            at += 2;
        }
        let inside = |byte: u8| low <= byte && byte <= high;
        found |=
            inside(byte) || ignore_case && (inside(byte.to_ascii_lowercase()) || inside(byte.to_ascii_uppercase()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let m = |pattern: &str, text: &str| matches(pattern.as_bytes(), text.as_bytes(), false);
        assert!(m("*.txt", "a.txt") && m("a?c", "abc") && m("[!a]*", "b1") && m("*a*b", "xaxb"));
        assert!(!m("*.txt", "a.tx") && !m("[a-c]", "d") && m("\\*", "*") && m("[[:digit:]]x", "5x"));
        assert!(m("[", "[") && matches(b"A*", b"abc", true));
    }
}
