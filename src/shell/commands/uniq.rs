//! `uniq`, `comm`, `join` (coreutils 8.30).

use std::cmp::Ordering;

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::quote;
use crate::shell::text;

/// The whole of an operand as lines without their ends; complaints are coreutils'.
pub(super) async fn lines(c: &mut Cmd, operand: &str, end: u8) -> Result<Result<Vec<Vec<u8>>, i32>, Stop> {
    match c.slurp(operand).await? {
        Ok(bytes) => {
            c.spend(bytes.len() as u64 / 32).await?;
            let lines = bytes.split_inclusive(|&b| b == end);
            Ok(Ok(lines.map(|line| line.strip_suffix(&[end]).unwrap_or(line).to_vec()).collect()))
        }
        Err(error) => {
            if c.applet() {
                super::cat::cannot_open(c, operand, error);
            } else if error == crate::world::Errno::EISDIR {
                c.complain(
                    &format!("error reading '{operand}': Is a directory").replace("error reading", "read error:"),
                );
            } else {
                c.complain(&format!("{}: {}", quote::if_needed(operand), error.text()));
            }
            Ok(Err(1))
        }
    }
}

pub(super) async fn uniq(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "c,count d,repeated D f,skip-fields= i,ignore-case s,skip-chars= u,unique z,zero-terminated \
                 w,check-chars= all-repeated? group?";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    if let Some(extra) = found.rest.get(2) {
        let text = format!("extra operand {}", c.quote(extra));
        return Ok(options::misuse(c, &text, 1));
    }
    let mut sizes = [0usize, 0, usize::MAX];
    for (slot, (key, what)) in
        sizes.iter_mut().zip([("f", "fields to skip"), ("s", "bytes to skip"), ("w", "bytes to compare")])
    {
        if let Some(value) = found.value(key) {
            match value.parse() {
                Ok(size) => *slot = size,
                Err(_) => {
                    c.complain(&format!("{value}: invalid number of {what}"));
                    return Ok(1);
                }
            }
        }
    }
    let [fields, chars, compared] = sizes;
    let end = if found.has("z") { 0 } else { b'\n' };
    let input = found.rest.first().map_or("-", |x| x).to_string();
    let lines = match lines(c, &input, end).await? {
        Ok(lines) => lines,
        Err(status) => return Ok(status),
    };
    let ignore_case = found.has("i");
    let key = |line: &[u8]| {
        let mut rest = line;
        for _ in 0..fields {
            let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            let word = rest.iter().skip(blanks).take_while(|b| !matches!(b, b' ' | b'\t')).count();
            rest = rest.get(blanks + word..).unwrap_or_default();
        }
        let rest = rest.get(chars.min(rest.len())..).unwrap_or_default();
        let rest = rest.get(..compared.min(rest.len())).unwrap_or_default();
        if ignore_case { rest.to_ascii_lowercase() } else { rest.to_vec() }
    };
    let mut groups: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut last = None;
    for line in lines {
        let this = key(&line);
        match groups.last_mut() {
            Some(group) if last.as_ref() == Some(&this) => group.push(line),
            _ => groups.push(vec![line]),
        }
        last = Some(this);
    }
    let mut out = Vec::new();
    let all = found.has("D") || found.has("all-repeated");
    for (number, group) in groups.iter().enumerate() {
        if (found.has("d") || all) && group.len() < 2 || found.has("u") && group.len() > 1 {
            continue;
        }
        let shown = if all || found.has("group") { group.len() } else { 1 };
        if found.has("group") && number > 0 {
            out.push(end);
        }
        for line in group.iter().take(shown) {
            if found.has("c") {
                out.extend_from_slice(format!("{:7} ", group.len()).as_bytes());
            }
            out.extend_from_slice(line);
            out.push(end);
        }
    }
    if let Some(target) = found.rest.get(1).filter(|target| *target != "-") {
        if let Err(error) = c.write_file(target, &out) {
            c.complain(&format!("{target}: {}", error.text()));
            return Ok(1);
        }
        return Ok(0);
    }
    c.out_bytes(&out);
    Ok(0)
}

pub(super) async fn comm(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "1 2 3 check-order nocheck-order output-delimiter= total z,zero-terminated", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let [a, b] = found.rest.as_slice() else { return Ok(operands(c, &found.rest, 2)) };
    let end = if found.has("z") { 0 } else { b'\n' };
    let first = match lines(c, a, end).await? {
        Ok(lines) => lines,
        Err(status) => return Ok(status),
    };
    let second = match lines(c, b, end).await? {
        Ok(lines) => lines,
        Err(status) => return Ok(status),
    };
    let gap = found.value("output-delimiter").map_or(b"\t".to_vec(), text::encode);
    let shown = [!found.has("1"), !found.has("2"), !found.has("3")];
    let (mut i, mut j) = (0, 0);
    let mut disordered = false;
    let mut counts = [0u64; 3];
    loop {
        let (column, line) = match (first.get(i), second.get(j)) {
            (None, None) => break,
            (Some(x), None) => (0, x),
            (None, Some(y)) => (1, y),
            (Some(x), Some(y)) => match x.cmp(y) {
                Ordering::Less => (0, x),
                Ordering::Greater => (1, y),
                Ordering::Equal => (2, x),
            },
        };
        if !disordered {
            let (before_i, before_j) = (i, j);
            for (number, list, at) in [(1, &first, before_i), (2, &second, before_j)] {
                if let (Some(a), Some(b)) = (list.get(at), list.get(at + 1)) {
                    let used = number == 1 && column != 1 || number == 2 && column != 0;
                    if used && b < a && !found.has("nocheck-order") {
                        c.complain(&format!("file {number} is not in sorted order"));
                        disordered = true;
                    }
                }
            }
        }
        i += usize::from(column != 1);
        j += usize::from(column != 0);
        if let Some(count) = counts.get_mut(column) {
            *count += 1;
        }
        if shown.get(column).copied().unwrap_or(false) {
            let before = shown.iter().take(column).filter(|shown| **shown).count();
            c.out_bytes(&gap.repeat(before));
            c.out_bytes(line);
            c.out_bytes(&[end]);
        }
    }
    if disordered {
        c.complain("input is not in sorted order");
    }
    if found.has("total") {
        let [a, b, both] = counts;
        c.out(&format!("{a}\t{b}\t{both}\ttotal\n"));
    }
    Ok(i32::from(disordered))
}

/// Too few or too many operands.
pub(super) fn operands(c: &mut Cmd, rest: &[String], wanted: usize) -> i32 {
    let text = match (rest.last(), rest.get(wanted)) {
        (None, _) => "missing operand".to_string(),
        (_, Some(extra)) => format!("extra operand {}", c.quote(extra)),
        (Some(last), None) => format!("missing operand after {}", c.quote(last)),
    };
    options::misuse(c, &text, 1)
}

pub(super) async fn join(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "a= e= i,ignore-case j= o= t= v= 1= 2= check-order nocheck-order header z,zero-terminated";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let [a, b] = found.rest.as_slice() else { return Ok(operands(c, &found.rest, 2)) };
    let field =
        |key: &str| found.value(key).or(found.value("j")).and_then(|v| v.parse::<usize>().ok()).unwrap_or(1).max(1) - 1;
    let (one, two) = (field("1"), field("2"));
    let separator = found.value("t").map(text::encode).and_then(|bytes| bytes.first().copied());
    let gap = separator.unwrap_or(b' ');
    let split = |line: &[u8]| -> Vec<Vec<u8>> {
        match separator {
            Some(separator) => line.split(|&b| b == separator).map(<[u8]>::to_vec).collect(),
            None => {
                line.split(|b| matches!(b, b' ' | b'\t')).filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect()
            }
        }
    };
    let first = match lines(c, a, b'\n').await? {
        Ok(lines) => lines,
        Err(status) => return Ok(status),
    };
    let second = match lines(c, b, b'\n').await? {
        Ok(lines) => lines,
        Err(status) => return Ok(status),
    };
    let rows = |lines: Vec<Vec<u8>>, at: usize| -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
        let keyed = lines.iter().map(|line| {
            let fields = split(line);
            let key = fields.get(at).cloned().unwrap_or_default();
            (if found.has("i") { key.to_ascii_lowercase() } else { key }, fields)
        });
        keyed.collect()
    };
    let (first, second) = (rows(first, one), rows(second, two));
    let empty = found.value("e").map(text::encode).unwrap_or_default();
    let output: Option<Vec<(u8, usize)>> = found.value("o").filter(|o| *o != "auto").map(|list| {
        let items = list.split([',', ' ']).filter(|item| !item.is_empty());
        items
            .map(|item| match item.split_once('.') {
                Some((file, field)) => (file.as_bytes().first().copied().unwrap_or(b'0'), field.parse().unwrap_or(1)),
                None => (b'0', 0),
            })
            .collect()
    });
    let line = |x: Option<&Vec<Vec<u8>>>, y: Option<&Vec<Vec<u8>>>| -> Vec<u8> {
        let key = x.and_then(|x| x.get(one)).or(y.and_then(|y| y.get(two))).cloned().unwrap_or_default();
        let fields: Vec<Vec<u8>> = match &output {
            Some(list) => list
                .iter()
                .map(|(file, field)| {
                    let from = if *file == b'1' { x } else { y };
                    let value =
                        if *file == b'0' { Some(&key) } else { from.and_then(|row| row.get(field.saturating_sub(1))) };
                    value.filter(|value| !value.is_empty()).unwrap_or(&empty).clone()
                })
                .collect(),
            None => {
                let others = |row: Option<&Vec<Vec<u8>>>, skip: usize| -> Vec<Vec<u8>> {
                    let fields = row.into_iter().flatten().enumerate();
                    fields.filter(|(at, _)| *at != skip).map(|(_, field)| field.clone()).collect()
                };
                [vec![key], others(x, one), others(y, two)].concat()
            }
        };
        [fields.join(&gap), b"\n".to_vec()].concat()
    };
    let wants = |number: &str| found.list.iter().any(|(k, v)| matches!(*k, "a" | "v") && v.as_deref() == Some(number));
    let only = found.has("v");
    let (mut i, mut j) = (0, 0);
    while i < first.len() || j < second.len() {
        let order = match (first.get(i), second.get(j)) {
            (Some((x, _)), Some((y, _))) => x.cmp(y),
            (Some(_), None) => Ordering::Less,
            _ => Ordering::Greater,
        };
        c.spend(8).await?;
        match order {
            Ordering::Less => {
                if wants("1") {
                    let out = line(first.get(i).map(|row| &row.1), None);
                    c.out_bytes(&out);
                }
                i += 1;
            }
            Ordering::Greater => {
                if wants("2") {
                    let out = line(None, second.get(j).map(|row| &row.1));
                    c.out_bytes(&out);
                }
                j += 1;
            }
            Ordering::Equal => {
                let key = first.get(i).map(|row| row.0.clone()).unwrap_or_default();
                let x: Vec<_> = first.iter().skip(i).take_while(|row| row.0 == key).collect();
                let y: Vec<_> = second.iter().skip(j).take_while(|row| row.0 == key).collect();
                i += x.len();
                j += y.len();
                if !only {
                    for a in &x {
                        for b in &y {
                            c.spend(5).await?;
                            let out = line(Some(&a.1), Some(&b.1));
                            c.out_bytes(&out);
                            c.tick().await?;
                        }
                    }
                }
            }
        }
    }
    Ok(0)
}
