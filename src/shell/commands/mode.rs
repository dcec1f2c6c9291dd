//! Permission bits as text and from text.

use crate::world::{FileKind, Stat};

/// KiB that a file takes on the disk; sizes only, as ext4 allots blocks of 4 KiB.
pub(super) fn kib(stat: &Stat) -> u64 {
    match stat.kind {
        FileKind::File | FileKind::Folder => stat.size.div_ceil(4096) * 4,
        FileKind::Link if stat.size >= 60 => 4,
        _ => 0,
    }
}

/// A mode as chmod(1) takes it, octal or symbolic, applied to `old`; `None` if it is none.
pub(super) fn apply(text: &str, old: u32, folder: bool, umask: u32) -> Option<u32> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        let value = u32::from_str_radix(text, 8).ok().filter(|value| *value <= 0o7777)?;
        // A folder keeps its set-id bits unless they are named.
        let kept = if folder && text.len() < 5 { old & 0o6000 & !value } else { 0 };
        return Some(value | kept);
    }
    if let Some(digits) =
        text.strip_prefix(['=', '+', '-']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    {
        let value = u32::from_str_radix(digits, 8).ok().filter(|value| *value <= 0o7777)?;
        return Some(match text.chars().next() {
            Some('+') => old | value,
            Some('-') => old & !value,
            _ => value,
        });
    }
    let mut mode = old;
    for clause in text.split(',') {
        let ops = clause.find(['+', '-', '='])?;
        let (who, mut rest) = clause.split_at(ops);
        let mut mask = 0u32;
        for letter in who.chars() {
            mask |= match letter {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o1007,
                'a' => 0o7777,
                _ => return None,
            };
        }
        let (mask, shy) = if who.is_empty() { (0o7777, umask) } else { (mask, 0) };
        while let Some(op) = rest.chars().next() {
            if !matches!(op, '+' | '-' | '=') {
                return None;
            }
            rest = rest.get(1..)?;
            let end = rest.find(['+', '-', '=']).unwrap_or(rest.len());
            let (perms, after) = rest.split_at(end);
            rest = after;
            let mut bits = 0;
            let copy = |shift: u32| (mode >> shift & 7) * 0o111;
            for letter in perms.chars() {
                bits |= match letter {
                    'r' => 0o444,
                    'w' => 0o222,
                    'x' => 0o111,
                    'X' if folder || mode & 0o111 != 0 => 0o111,
                    'X' => 0,
                    's' => 0o6000,
                    't' => 0o1000,
                    'u' if perms.len() == 1 => copy(6),
                    'g' if perms.len() == 1 => copy(3),
                    'o' if perms.len() == 1 => copy(0),
                    _ => return None,
                };
            }
            let bits = bits & mask & !shy;
            mode = match op {
                '+' => mode | bits,
                '-' => mode & !bits,
                _ => {
                    let special = if folder { 0o6000 & !bits } else { 0 };
                    mode & (!mask | special) | bits
                }
            };
        }
    }
    Some(mode)
}

#[cfg(test)]
mod tests {
    use super::apply;

    #[test]
    fn modes() {
        assert_eq!(apply("755", 0, false, 0), Some(0o755));
        assert_eq!(apply("+x", 0o644, false, 0o022), Some(0o755));
        assert_eq!(apply("u+x,go-r", 0o644, false, 0o022), Some(0o700));
        assert_eq!(apply("a=rX", 0o700, false, 0o022), Some(0o555));
        assert_eq!(apply("g=u", 0o640, false, 0), Some(0o660));
        assert_eq!(apply("go=", 0o755, true, 0o022), Some(0o700));
        assert_eq!(apply("u+s", 0o755, false, 0), Some(0o4755));
        assert_eq!(apply("x", 0, false, 0), None);
        assert_eq!(apply("888", 0, false, 0), None);
    }
}
