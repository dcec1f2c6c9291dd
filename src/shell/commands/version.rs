//! The order of version numbers in names (GNU filevercmp), for `sort -V` and `ls -v`.

use std::cmp::Ordering;

/// Compares names with numbers in them: `a9` before `a10`.
pub(super) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let special = |text: &[u8]| match text {
        b"" => 0,
        b"." => 1,
        b".." => 2,
        [b'.', ..] => 3,
        _ => 4,
    };
    if a == b {
        return Ordering::Equal;
    }
    let order = special(a).cmp(&special(b));
    if order != Ordering::Equal {
        return order;
    }
    let (a_stem, b_stem) = (stem(a), stem(b));
    let order = parts(a_stem, b_stem);
    if order == Ordering::Equal { parts(a, b).then_with(|| a.cmp(b)) } else { order }
}

/// The name without its endings such as `.tar.gz`.
fn stem(name: &[u8]) -> &[u8] {
    let mut end = name.len();
    loop {
        let head = name.get(..end).unwrap_or_default();
        let Some(dot) = head.iter().rposition(|&b| b == b'.') else { break };
        let ending = head.get(dot + 1..).unwrap_or_default();
        let good = ending.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'~')
            && ending.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'~');
        if !good || dot == 0 {
            break;
        }
        end = dot;
    }
    name.get(..end).unwrap_or(name)
}

fn rank(byte: Option<&u8>) -> i32 {
    match byte {
        None => 0,
        Some(b'~') => -1,
        Some(b) if b.is_ascii_digit() => 0,
        Some(b) if b.is_ascii_alphabetic() => i32::from(*b),
        Some(b) => i32::from(*b) + 256,
    }
}

fn parts(mut a: &[u8], mut b: &[u8]) -> Ordering {
    let digit = |text: &[u8]| text.first().is_some_and(u8::is_ascii_digit);
    while !a.is_empty() || !b.is_empty() {
        while !a.is_empty() && !digit(a) || !b.is_empty() && !digit(b) {
            let order = rank(a.first()).cmp(&rank(b.first()));
            if order != Ordering::Equal {
                return order;
            }
            a = a.get(1..).unwrap_or_default();
            b = b.get(1..).unwrap_or_default();
        }
        let number = |text: &mut &[u8]| {
            let zeros = text.iter().take_while(|b| **b == b'0').count();
            *text = text.get(zeros..).unwrap_or_default();
            let len = text.iter().take_while(|b| b.is_ascii_digit()).count();
            let (number, rest) = text.split_at(len);
            *text = rest;
            number.to_vec()
        };
        let (x, y) = (number(&mut a), number(&mut b));
        let order = x.len().cmp(&y.len()).then_with(|| x.cmp(&y));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}
