//! Python's `re`: patterns without look-around and back references; those are not acted.

use super::*;

/// Bytes that a compiled pattern may take.
const SIZE: usize = 1 << 20;
const IGNORECASE: i128 = 2;
const MULTILINE: i128 = 8;
const DOTALL: i128 = 16;
const VERBOSE: i128 = 64;

/// The flags by their names.
pub(in crate::shell::commands::system::python) fn flag(name: &str) -> Option<V> {
    Some(V::Int(match name {
        "I" | "IGNORECASE" => IGNORECASE,
        "M" | "MULTILINE" => MULTILINE,
        "S" | "DOTALL" => DOTALL,
        "X" | "VERBOSE" => VERBOSE,
        "A" | "ASCII" => 256,
        "U" | "UNICODE" => 32,
        _ => return None,
    }))
}

fn compile(pattern: &str, flags: i128) -> Run<regex::Regex> {
    regex::RegexBuilder::new(&pattern.replace("\\Z", "\\z").replace("(?P=", "(?P\\="))
        .case_insensitive(flags & IGNORECASE != 0)
        .multi_line(flags & MULTILINE != 0)
        .dot_matches_new_line(flags & DOTALL != 0)
        .ignore_whitespace(flags & VERBOSE != 0)
        .size_limit(SIZE)
        .dfa_size_limit(SIZE)
        .build()
        .map_err(|_| Halt::Silent)
}

/// Bytes are matched as text and come out as bytes.
fn piece(text_of: &str, bytes: bool) -> V {
    if bytes { V::Bytes(Rc::new(crate::shell::text::encode(text_of))) } else { text(text_of) }
}

fn subject(value: &V) -> Run<(String, bool)> {
    match value {
        V::Str(text) => Ok((text.to_string(), false)),
        V::Bytes(bytes) => Ok((crate::shell::text::decode(bytes), true)),
        other => raise("TypeError", format!("expected string or bytes-like object, got '{}'", other.kind())),
    }
}

/// A match as a thing with attributes: `#` groups, `@` names, where it lies.
fn matched(regex: &regex::Regex, found: &regex::Captures<'_>, whole: &str, bytes: bool) -> V {
    let groups = found.iter().map(|group| group.map_or(V::None, |group| piece(group.as_str(), bytes))).collect();
    let place = |at: usize| V::Int(i128::try_from(whole.get(..at).unwrap_or_default().chars().count()).unwrap_or(0));
    let spans = found.iter().map(|group| {
        group.map_or(tuple(vec![V::Int(-1), V::Int(-1)]), |group| tuple(vec![place(group.start()), place(group.end())]))
    });
    let names = regex.capture_names().map(|name| name.map_or(V::None, text)).collect();
    V::Record(Rc::new((
        "re.Match".into(),
        vec![("#".into(), tuple(groups)), ("@".into(), tuple(names)), ("%".into(), tuple(spans.collect()))],
    )))
}

/// `\1` and `\g<name>` of a replacement as the regex crate writes them.
fn template(replacement: &str) -> String {
    let mut out = String::new();
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek().copied()) {
            ('$', _) => out.push_str("$$"),
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                chars.next();
                out.push_str(&format!("${{{digit}}}"));
            }
            ('\\', Some('g')) => {
                let rest: String = chars.clone().skip(1).collect();
                match rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
                    Some((name, _)) => {
                        out.push_str(&format!("${{{name}}}"));
                        chars.by_ref().take(name.chars().count() + 3).for_each(|_| ());
                    }
                    None => out.push('\\'),
                }
            }
            ('\\', Some(next)) => {
                chars.next();
                match next {
                    'n' => out.push('\n'),
                    't' => out.push('\t'),
                    '\\' => out.push('\\'),
                    other => out.extend(['\\', other]),
                }
            }
            (c, _) => out.push(c),
        }
    }
    out
}

/// `re.NAME(…)`
pub(in crate::shell::commands::system::python) fn call(
    vm: &mut Vm<'_>,
    name: &str,
    args: &[V],
    named: &[(String, V)],
) -> Run<V> {
    let get = |at: usize| args.get(at).cloned().unwrap_or(V::None);
    let option = |key: &str| named.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    if name == "escape" {
        let special = |c: char| !c.is_ascii_alphanumeric() && c != '_' && c.is_ascii() && !"!\"%',/:;<=>@`".contains(c);
        let (source, bytes) = subject(&get(0))?;
        let escaped: String = source.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect();
        return Ok(piece(&escaped, bytes));
    }
    // A compiled pattern may stand for its source.
    let (source, own) = match get(0) {
        V::Record(record) if record.0 == "re.Pattern" => {
            let field = |key: &str| record.1.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
            (field("pattern").unwrap_or(V::None), field("flags").and_then(|flags| flags.int()).unwrap_or(0))
        }
        other => (other, 0),
    };
    let (pattern, _) = subject(&source)?;
    let last = match name {
        "sub" | "subn" => 4,
        "split" => 3,
        "compile" => 1,
        _ => 2,
    };
    let flags = own | option("flags").or_else(|| args.get(last).cloned()).and_then(|flags| flags.int()).unwrap_or(0);
    if name == "compile" {
        compile(&pattern, flags)?;
        let fields = vec![("pattern".to_string(), source), ("flags".to_string(), V::Int(flags))];
        return Ok(V::Record(Rc::new(("re.Pattern".into(), fields))));
    }
    let anchored = match name {
        "match" => format!("\\A(?:{pattern})"),
        "fullmatch" => format!("\\A(?:{pattern})\\z"),
        _ => pattern,
    };
    let regex = compile(&anchored, flags)?;
    let (whole, bytes) = subject(&get(if name.starts_with("sub") { 2 } else { 1 }))?;
    vm.step(10 + whole.len() / 16)?;
    Ok(match name {
        "match" | "search" | "fullmatch" => {
            regex.captures(&whole).map_or(V::None, |found| matched(&regex, &found, &whole, bytes))
        }
        "findall" => {
            let one = |found: regex::Captures<'_>| {
                let groups: Vec<V> =
                    found.iter().map(|group| piece(group.map_or("", |group| group.as_str()), bytes)).collect();
                match groups.as_slice() {
                    [whole] => whole.clone(),
                    [_, only] => only.clone(),
                    [_, rest @ ..] => tuple(rest.to_vec()),
                    [] => V::None,
                }
            };
            list(regex.captures_iter(&whole).map(one).collect())
        }
        "finditer" => list(regex.captures_iter(&whole).map(|found| matched(&regex, &found, &whole, bytes)).collect()),
        "split" => {
            let most = option("maxsplit").or_else(|| args.get(2).cloned()).and_then(|most| most.int()).unwrap_or(0);
            let most = usize::try_from(most).ok().filter(|most| *most > 0).unwrap_or(usize::MAX);
            let (mut parts, mut from) = (Vec::new(), 0);
            for found in regex.captures_iter(&whole).take(most) {
                let Some(all) = found.get(0) else { continue };
                parts.push(piece(whole.get(from..all.start()).unwrap_or_default(), bytes));
                let groups = found.iter().skip(1);
                parts.extend(groups.map(|group| group.map_or(V::None, |group| piece(group.as_str(), bytes))));
                from = all.end();
            }
            parts.push(piece(whole.get(from..).unwrap_or_default(), bytes));
            list(parts)
        }
        "sub" | "subn" => {
            let most = option("count").or_else(|| args.get(3).cloned()).and_then(|most| most.int()).unwrap_or(0);
            let most = usize::try_from(most).unwrap_or(0);
            let count = regex.find_iter(&whole).take(if most == 0 { usize::MAX } else { most }).count();
            let new = match get(1) {
                V::Str(_) | V::Bytes(_) => {
                    let by = template(&subject(&get(1))?.0);
                    regex.replacen(&whole, most, by.as_str()).into_owned()
                }
                function => {
                    let (mut out, mut from) = (String::new(), 0);
                    for found in regex.captures_iter(&whole).take(count) {
                        let Some(all) = found.get(0) else { continue };
                        out.push_str(whole.get(from..all.start()).unwrap_or_default());
                        let value = vm.call(&function, vec![matched(&regex, &found, &whole, bytes)], Vec::new())?;
                        out.push_str(&subject(&value)?.0);
                        from = all.end();
                    }
                    out.push_str(whole.get(from..).unwrap_or_default());
                    out
                }
            };
            if new.len() > SIZE {
                return raise("MemoryError", "");
            }
            let count = V::Int(i128::try_from(count).unwrap_or(0));
            if name == "subn" { tuple(vec![piece(&new, bytes), count]) } else { piece(&new, bytes) }
        }
        _ => return Err(Halt::Silent),
    })
}

/// Methods of patterns and of matches.
pub(in crate::shell::commands::system::python) fn method(
    vm: &mut Vm<'_>,
    object: &V,
    name: &str,
    args: &[V],
    named: &[(String, V)],
) -> Run<V> {
    let V::Record(record) = object else { return Err(Halt::Silent) };
    if record.0 == "re.Pattern" {
        let all: Vec<V> = std::iter::once(object.clone()).chain(args.iter().cloned()).collect();
        return call(vm, name, &all, named);
    }
    let items = |key: &str| match record.1.iter().find(|(known, _)| known == key) {
        Some((_, V::Tuple(items))) => items.to_vec(),
        _ => Vec::new(),
    };
    let (groups, names, spans) = (items("#"), items("@"), items("%"));
    let place = |wanted: &V| match wanted {
        V::Str(_) => names.iter().position(|name| name.equals(wanted)),
        wanted => wanted.int().and_then(|at| usize::try_from(at).ok()).filter(|at| *at < groups.len()),
    };
    let zero = V::Int(0);
    let first = args.first().unwrap_or(&zero);
    Ok(match name {
        "group" | "__getitem__" if args.len() < 2 => match place(first).and_then(|at| groups.get(at)) {
            Some(group) => group.clone(),
            None => return raise("IndexError", "no such group"),
        },
        "group" => {
            let all = args.iter().map(|wanted| place(wanted).and_then(|at| groups.get(at)).cloned());
            tuple(all.map(|group| group.unwrap_or(V::None)).collect())
        }
        "groups" => tuple(groups.into_iter().skip(1).collect()),
        "groupdict" => {
            let pairs = names.iter().zip(groups).filter(|(name, _)| !matches!(name, V::None));
            V::Dict(Rc::new(std::cell::RefCell::new(pairs.map(|(name, group)| (name.clone(), group)).collect())))
        }
        "span" => place(first).and_then(|at| spans.get(at)).cloned().unwrap_or(V::None),
        "start" | "end" => match place(first).and_then(|at| spans.get(at)) {
            Some(V::Tuple(pair)) => pair.get(usize::from(name == "end")).cloned().unwrap_or(V::None),
            _ => V::None,
        },
        _ => return Err(Halt::Silent),
    })
}

#[cfg(test)]
mod tests {
    use crate::shell::tests::run;

    #[test]
    fn patterns() {
        let out = |code: &str| run(&format!("python3 -c '{code}'")).0;
        assert_eq!(
            out("import re; print(re.sub(\"(a)(t)\", r\"\\2\\1\", \"cat\"), re.findall(r\"\\d+\", \"a1b22\"))"),
            "cta ['1', '22']\n"
        );
        assert_eq!(
            out(
                "import re\nm = re.search(r\"(?P<x>\\w)=(\\d)\", \" k=5\")\nprint(m.group(1), m.group(\"x\"), m.groups(), m.start(), m.span(2))"
            ),
            "k k ('k', '5') 1 (3, 4)\n"
        );
        assert_eq!(
            out(
                "import re\np = re.compile(\"A\", re.I)\nprint(p.split(\"1a2A3\"), bool(p.match(\"b\")), p.sub(lambda m: m.group().upper() + \"!\", \"aa\"))"
            ),
            "['1', '2', '3'] False A!A!\n"
        );
        // Look-behind is not acted: nothing is printed.
        assert_eq!(out("import re; print(1); re.search(\"(?<=a)b\", \"ab\")"), "");
    }
}
