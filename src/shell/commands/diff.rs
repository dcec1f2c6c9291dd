//! `diff` and `cmp` (GNU diffutils 3.7).

use std::collections::HashMap;

use super::options;
use super::times::Moment;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;

/// Steps that the search for the shortest difference may take; beyond, what differs is replaced as a whole.
const STEPS: usize = 4_000_000;

/// A run of lines that differ: `a` from..to, `b` from..to.
type Hunk = (usize, usize, usize, usize);

/// The differences of two lists (Myers' algorithm between the common ends).
fn hunks(a: &[u32], b: &[u32]) -> Vec<Hunk> {
    let start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let rest = a.len().min(b.len()) - start;
    let end = a.iter().rev().zip(b.iter().rev()).take(rest).take_while(|(x, y)| x == y).count();
    let (a_mid, b_mid) =
        (a.get(start..a.len() - end).unwrap_or_default(), b.get(start..b.len() - end).unwrap_or_default());
    let mut matched = pairs(a_mid, b_mid);
    matched.push((a_mid.len(), b_mid.len()));
    let mut list = Vec::new();
    let (mut i, mut j) = (0, 0);
    for (x, y) in matched {
        if x > i || y > j {
            list.push((start + i, start + x, start + j, start + y));
        }
        (i, j) = (x + 1, y + 1);
    }
    slide(a, b, &mut list);
    list
}

/// Moves each hunk as far down as it goes, as diff shows it.
fn slide(a: &[u32], b: &[u32], list: &mut [Hunk]) {
    let limits: Vec<(usize, usize)> =
        (0..list.len()).map(|at| list.get(at + 1).map_or((a.len(), b.len()), |next| (next.0, next.2))).collect();
    for (hunk, (a_end, b_end)) in list.iter_mut().zip(limits) {
        if hunk.0 == hunk.1 {
            while hunk.3 < b_end && b.get(hunk.2) == b.get(hunk.3) && hunk.1 < a_end {
                *hunk = (hunk.0 + 1, hunk.1 + 1, hunk.2 + 1, hunk.3 + 1);
            }
        } else if hunk.2 == hunk.3 {
            while hunk.1 < a_end && a.get(hunk.0) == a.get(hunk.1) && hunk.3 < b_end {
                *hunk = (hunk.0 + 1, hunk.1 + 1, hunk.2 + 1, hunk.3 + 1);
            }
        }
    }
}

/// Lines that the two have in common, in order.
fn pairs(a: &[u32], b: &[u32]) -> Vec<(usize, usize)> {
    let (n, m) = (a.len(), b.len());
    let most = n + m;
    let offset = most + 1;
    let mut furthest = vec![0usize; 2 * most + 3];
    let mut trace: Vec<Vec<usize>> = Vec::new();
    let mut steps = 0;
    let get = |list: &[usize], at: usize| list.get(at).copied().unwrap_or(0);
    for d in 0..=most {
        steps += 2 * d + 1;
        if steps > STEPS {
            return Vec::new();
        }
        let low = offset - d.min(offset);
        trace.push(furthest.get(low..=(offset + d).min(2 * most + 2)).unwrap_or_default().to_vec());
        let mut k = offset - d;
        while k <= offset + d {
            let down = k == offset - d || k != offset + d && get(&furthest, k - 1) < get(&furthest, k + 1);
            let mut x = if down { get(&furthest, k + 1) } else { get(&furthest, k - 1) + 1 };
            let mut y = (x + offset).saturating_sub(k);
            while x < n && y < m && a.get(x) == b.get(y) {
                x += 1;
                y += 1;
            }
            if let Some(slot) = furthest.get_mut(k) {
                *slot = x;
            }
            if x >= n && y >= m {
                return back(&trace, d, n, m, offset);
            }
            k += 2;
        }
    }
    Vec::new()
}

fn back(trace: &[Vec<usize>], d: usize, n: usize, m: usize, offset: usize) -> Vec<(usize, usize)> {
    let (mut x, mut y) = (n, m);
    let mut found = Vec::new();
    for d in (0..=d).rev() {
        let row = trace.get(d).map_or(&[][..], |row| row);
        let at = |k: usize| (k + d).checked_sub(offset).and_then(|at| row.get(at)).copied().unwrap_or(0);
        let k = x + offset - y;
        let down = k == offset - d || k != offset + d && at(k - 1) < at(k + 1);
        let before = if down { k + 1 } else { k - 1 };
        let (from_x, from_y) = if d == 0 { (0, 0) } else { (at(before), (at(before) + offset).saturating_sub(before)) };
        let (mid_x, mid_y) = match (d, down) {
            (0, _) => (0, 0),
            (_, true) => (from_x, from_y + 1),
            _ => (from_x + 1, from_y),
        };
        while x > mid_x && y > mid_y {
            x -= 1;
            y -= 1;
            found.push((x, y));
        }
        (x, y) = (from_x, from_y);
    }
    found.reverse();
    found
}

struct How {
    brief: bool,
    same: bool,
    unified: Option<usize>,
    ignore_case: bool,
    blanks: char,
    blank_lines: bool,
    recursive: bool,
    new: bool,
    /// The options as they are repeated in front of names with `-r`.
    shown: String,
}

pub(super) async fn diff(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "q,brief s,report-identical-files c C,context? u U,unified= e,ed y,side-by-side i,ignore-case \
                 b,ignore-space-change w,ignore-all-space B,ignore-blank-lines E,ignore-tab-expansion Z a,text r,recursive \
                 N,new-file strip-trailing-cr color? normal L,label= W= x,exclude= t d minimal";
    let shown: String =
        c.args.iter().filter(|arg| arg.starts_with('-') && arg.len() > 1).map(|arg| format!(" {arg}")).collect();
    let found = match options::take(c, table, 2) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let [a, b] = found.rest.as_slice() else {
        let text = match found.rest.as_slice() {
            [] => format!("missing operand after {}", c.quote("diff").replace(['‘', '’'], "'")),
            [one] => format!("missing operand after '{one}'"),
            [_, _, extra, ..] => format!("extra operand '{extra}'"),
            _ => String::new(),
        };
        c.complain(&text);
        let name = c.name.clone();
        c.err(&format!("{name}: Try '{name} --help' for more information.\n"));
        return Ok(2);
    };
    let how = How {
        brief: found.has("q"),
        same: found.has("s"),
        unified: found.value("U").and_then(|u| u.parse().ok()).or(found.has("u").then_some(3)),
        ignore_case: found.has("i"),
        blanks: if found.has("w") {
            'w'
        } else if found.has("b") {
            'b'
        } else {
            ' '
        },
        blank_lines: found.has("B"),
        recursive: found.has("r"),
        new: found.has("N"),
        shown,
    };
    let (a, b) = (a.clone(), b.clone());
    let folder = |c: &Cmd, path: &str| path != "-" && c.stat(path).is_ok_and(|stat| stat.is_folder());
    match (folder(c, &a), folder(c, &b)) {
        (true, true) => folders(c, &how, &a, &b).await,
        (true, false) => {
            let path = format!("{}/{}", a.trim_end_matches('/'), b.rsplit('/').next().unwrap_or_default());
            files(c, &how, &path, &b).await
        }
        (false, true) => {
            let path = format!("{}/{}", b.trim_end_matches('/'), a.rsplit('/').next().unwrap_or_default());
            files(c, &how, &a, &path).await
        }
        _ => files(c, &how, &a, &b).await,
    }
}

async fn folders(c: &mut Cmd, how: &How, a: &str, b: &str) -> Result<i32, Stop> {
    let mut todo = vec![(a.to_string(), b.to_string())];
    let mut status = 0;
    let mut count = 0;
    while let Some((a, b)) = todo.pop() {
        let left = c.list(&a).unwrap_or_default();
        let right = c.list(&b).unwrap_or_default();
        let mut names: Vec<Vec<u8>> = left.iter().chain(&right).map(|(name, _)| name.clone()).collect();
        names.sort();
        names.dedup();
        let mut inner = Vec::new();
        for name in names {
            c.spend(20).await?;
            count += 1;
            if count > 20_000 {
                return Ok(2);
            }
            let (x, y) = (left.iter().find(|(n, _)| *n == name), right.iter().find(|(n, _)| *n == name));
            let name = text::decode(&name);
            let path = |base: &str| format!("{}/{name}", base.trim_end_matches('/'));
            match (x, y) {
                (Some((_, x)), Some((_, y))) if x.is_folder() && y.is_folder() => {
                    if how.recursive {
                        inner.push((path(&a), path(&b)));
                    } else {
                        c.out(&format!("Common subdirectories: {} and {}\n", path(&a), path(&b)));
                    }
                }
                (Some(_), Some(_)) => {
                    let same = c.read_file(&path(&a)).ok() == c.read_file(&path(&b)).ok();
                    if !same && !how.brief {
                        c.out(&format!("diff{} {} {}\n", how.shown, path(&a), path(&b)));
                    }
                    status = status.max(files(c, how, &path(&a), &path(&b)).await?);
                }
                (Some(_), None) => {
                    c.out(&format!("Only in {}: {name}\n", a.trim_end_matches('/')));
                    status = status.max(1);
                }
                _ => {
                    c.out(&format!("Only in {}: {name}\n", b.trim_end_matches('/')));
                    status = status.max(1);
                }
            }
        }
        todo.extend(inner.into_iter().rev());
    }
    Ok(status)
}

async fn files(c: &mut Cmd, how: &How, a: &str, b: &str) -> Result<i32, Stop> {
    let mut bytes = Vec::new();
    for path in [a, b] {
        match c.slurp(path).await? {
            Ok(read) => bytes.push(read),
            Err(crate::world::Errno::ENOENT) if how.new => bytes.push(Vec::new()),
            Err(error) => c.complain(&format!("{path}: {}", error.text())),
        }
    }
    let [left, right] = bytes.as_slice() else { return Ok(2) };
    if left == right {
        if how.same {
            c.out(&format!("Files {a} and {b} are identical\n"));
        }
        return Ok(0);
    }
    let binary = |bytes: &[u8]| bytes.iter().take(4096).any(|b| *b == 0);
    if binary(left) || binary(right) {
        c.out(&format!("{} {a} and {b} differ\n", if how.brief { "Files" } else { "Binary files" }));
        return Ok(1);
    }
    let x: Vec<&[u8]> = left.split_inclusive(|&b| b == b'\n').collect();
    let y: Vec<&[u8]> = right.split_inclusive(|&b| b == b'\n').collect();
    c.spend((x.len() + y.len()) as u64 * 4).await?;
    let mut numbers: HashMap<Vec<u8>, u32> = HashMap::new();
    let mut key = |line: &&[u8]| {
        let mut line = line.to_vec();
        if how.ignore_case {
            line.make_ascii_lowercase();
        }
        match how.blanks {
            'w' => line.retain(|b| !b.is_ascii_whitespace()),
            'b' => {
                let words: Vec<&[u8]> = line.split(|b| b.is_ascii_whitespace()).collect();
                let lead = words.first().is_some_and(|word| word.is_empty());
                let kept: Vec<&[u8]> = words.into_iter().filter(|word| !word.is_empty()).collect();
                line = [if lead { &b" "[..] } else { b"" }, &kept.join(&b' ')].concat();
            }
            _ => {}
        }
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        *numbers.entry(line).or_insert(next)
    };
    let (p, q): (Vec<u32>, Vec<u32>) = (x.iter().map(&mut key).collect(), y.iter().map(&mut key).collect());
    let mut list = hunks(&p, &q);
    if how.blank_lines {
        let blank = |lines: &[&[u8]], from: usize, to: usize| {
            lines.get(from..to).unwrap_or_default().iter().all(|line| line.trim_ascii().is_empty())
        };
        list.retain(|h| !(blank(&x, h.0, h.1) && blank(&y, h.2, h.3)));
    }
    c.spend(list.len() as u64 * 16).await?;
    if list.is_empty() {
        return Ok(0);
    }
    if how.brief {
        c.out(&format!("Files {a} and {b} differ\n"));
        return Ok(1);
    }
    match how.unified {
        Some(context) => {
            for (mark, path) in [("---", a), ("+++", b)] {
                let time = c.stat(path).map(|stat| stat.modified).unwrap_or_default();
                c.out(&format!("{mark} {path}\t{}\n", Moment::of(time).format("%Y-%m-%d %H:%M:%S.%N %z")));
            }
            unified(c, &x, &y, &list, context);
        }
        None => normal(c, &x, &y, &list),
    }
    Ok(1)
}

fn put(c: &mut Cmd, mark: &str, line: &[u8]) {
    c.out(mark);
    c.out_bytes(line);
    if line.last() != Some(&b'\n') {
        c.out("\n\\ No newline at end of file\n");
    }
}

fn normal(c: &mut Cmd, x: &[&[u8]], y: &[&[u8]], list: &[Hunk]) {
    let range = |from: usize, to: usize| if to - from > 1 { format!("{},{to}", from + 1) } else { to.to_string() };
    for &(a, b, p, q) in list {
        let letter = if a == b {
            'a'
        } else if p == q {
            'd'
        } else {
            'c'
        };
        let left = if a == b { a.to_string() } else { range(a, b) };
        let right = if p == q { p.to_string() } else { range(p, q) };
        c.out(&format!("{left}{letter}{right}\n"));
        for line in x.get(a..b).unwrap_or_default() {
            put(c, "< ", line);
        }
        if letter == 'c' {
            c.out("---\n");
        }
        for line in y.get(p..q).unwrap_or_default() {
            put(c, "> ", line);
        }
    }
}

fn unified(c: &mut Cmd, x: &[&[u8]], y: &[&[u8]], list: &[Hunk], context: usize) {
    let mut at = 0;
    while let Some(&(first, ..)) = list.get(at) {
        let mut end = at;
        while let (Some(this), Some(next)) = (list.get(end), list.get(end + 1)) {
            if next.0 - this.1 > 2 * context {
                break;
            }
            end += 1;
        }
        let group = list.get(at..=end).unwrap_or_default();
        at = end + 1;
        let (Some(head), Some(tail)) = (group.first(), group.last()) else { continue };
        let before = context.min(first);
        let (a_from, b_from) = (head.0 - before, head.2 - before);
        let a_to = (tail.1 + context).min(x.len());
        let b_to = (tail.3 + context).min(y.len());
        let range = |from: usize, to: usize| match to - from {
            1 => (from + 1).to_string(),
            0 => format!("{from},0"),
            count => format!("{},{count}", from + 1),
        };
        c.out(&format!("@@ -{} +{} @@\n", range(a_from, a_to), range(b_from, b_to)));
        let mut line = a_from;
        for &(a, b, p, q) in group {
            for common in x.get(line..a).unwrap_or_default() {
                put(c, " ", common);
            }
            for old in x.get(a..b).unwrap_or_default() {
                put(c, "-", old);
            }
            for new in y.get(p..q).unwrap_or_default() {
                put(c, "+", new);
            }
            line = b;
        }
        for common in x.get(line..a_to).unwrap_or_default() {
            put(c, " ", common);
        }
    }
}

pub(super) async fn cmp(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::parse("b,print-bytes i,ignore-initial= l,verbose n,bytes= s,quiet,silent", &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            let name = c.name.clone();
            c.err(&format!("{name}: Try '{name} --help' for more information.\n"));
            return Ok(2);
        }
    };
    let Some(a) = found.rest.first().cloned() else {
        let name = c.name.clone();
        c.err(&format!("{name}: missing operand after '{name}'\n{name}: Try '{name} --help' for more information.\n"));
        return Ok(2);
    };
    let b = found.rest.get(1).cloned().unwrap_or_else(|| "-".into());
    let mut both = Vec::new();
    for path in [&a, &b] {
        match c.slurp(path).await? {
            Ok(bytes) => both.push(bytes),
            Err(error) => {
                if !found.has("s") {
                    c.complain(&format!("{path}: {}", error.text()));
                }
                return Ok(2);
            }
        }
    }
    let [x, y] = both.as_slice() else { return Ok(2) };
    let skip = found.value("i").and_then(super::head::count).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let most =
        found.value("n").and_then(super::head::count).and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    let cut = |bytes: &'_ [u8]| -> Vec<u8> { bytes.iter().skip(skip).take(most).copied().collect() };
    let (x, y) = (cut(x), cut(y));
    c.spend(x.len() as u64 / 16).await?;
    let mut status = 0;
    let width = x.len().max(y.len()).to_string().len();
    let printable = |byte: u8| {
        let mut out = Vec::new();
        super::cat::visible(byte, &mut out);
        text::decode(&out)
    };
    for (at, (p, q)) in x.iter().zip(&y).enumerate().filter(|(_, (p, q))| p != q) {
        status = 1;
        if found.has("s") {
            return Ok(1);
        }
        if found.has("l") {
            c.out(&format!("{:width$} {p:3o} {q:3o}\n", at + 1));
            continue;
        }
        let line = x.get(..at).unwrap_or_default().iter().filter(|b| **b == b'\n').count() + 1;
        let bytes = if found.has("b") {
            format!(" is {p:3o} {} {q:3o} {}", printable(*p), printable(*q))
        } else {
            String::new()
        };
        c.out(&format!("{a} {b} differ: byte {}, line {line}{bytes}\n", at + 1));
        return Ok(1);
    }
    if x.len() != y.len() {
        let (shorter, name) = if x.len() < y.len() { (&x, &a) } else { (&y, &b) };
        if !found.has("s") {
            let lines = shorter.iter().filter(|b| **b == b'\n').count();
            let text = if shorter.is_empty() {
                format!("EOF on {name} which is empty")
            } else if found.has("l") {
                format!("EOF on {name} after byte {}", shorter.len())
            } else if shorter.last() == Some(&b'\n') {
                format!("EOF on {name} after byte {}, line {lines}", shorter.len())
            } else {
                format!("EOF on {name} after byte {}, in line {}", shorter.len(), lines + 1)
            };
            c.complain(&text);
        }
        return Ok(1);
    }
    Ok(status)
}
