//! Methods of values of the small Python.

use std::cell::RefCell;
use std::rc::Rc;

use super::eval::{Halt, Run, Vm, position, raise};
use super::value::{OpenFile, V, format_value, list, text, tuple};

const STR: &str = " upper lower strip lstrip rstrip split rsplit splitlines join replace startswith endswith find rfind index count format encode isdigit isalpha \
                   isalnum isspace isupper islower title capitalize swapcase center ljust rjust zfill partition rpartition isnumeric casefold translate ";
const LIST: &str = " append extend insert pop remove index count sort reverse copy clear ";
const DICT: &str = " get keys values items pop update setdefault copy clear popitem ";
const SET: &str = " add discard remove union intersection difference update copy pop clear issubset issuperset ";
const BYTES: &str = " decode hex startswith endswith split strip replace join find ";
const FILE: &str = " read readline readlines write writelines close flush seek fileno ";

/// Whether values of this kind have the method.
pub(super) fn has(object: &V, name: &str) -> bool {
    let names = match object {
        V::Str(_) => STR,
        V::List(_) => LIST,
        V::Dict(_) => DICT,
        V::Set(_) => SET,
        V::Bytes(_) => BYTES,
        V::File(_) => FILE,
        V::Tuple(_) => " index count ",
        V::Int(_) | V::Bool(_) => " bit_length to_bytes real ",
        V::Float(_) => " is_integer real ",
        V::Record(_) | V::Module(_) | V::Member(..) => return true,
        _ => "",
    };
    names.contains(&format!(" {name} "))
}

pub(super) fn sort(vm: &mut Vm<'_>, items: Vec<V>, key: Option<V>, reverse: bool) -> Run<Vec<V>> {
    let mut ranked = Vec::new();
    for item in items {
        let rank = match &key {
            Some(key) if !matches!(key, V::None) => vm.call(key, vec![item.clone()], Vec::new())?,
            _ => item.clone(),
        };
        ranked.push((rank, item));
    }
    vm.step(ranked.len() * 4)?;
    if let Some((first, _)) = ranked.first()
        && let Some((other, _)) = ranked.iter().find(|(rank, _)| rank.compare(first).is_none())
    {
        return raise(
            "TypeError",
            format!("'<' not supported between instances of '{}' and '{}'", other.kind(), first.kind()),
        );
    }
    ranked.sort_by(|(a, _), (b, _)| a.compare(b).unwrap_or(std::cmp::Ordering::Equal));
    if reverse {
        ranked.reverse();
    }
    Ok(ranked.into_iter().map(|(_, item)| item).collect())
}

/// Gives what was written to the host's file.
pub(super) fn close(vm: &mut Vm<'_>, file: &Rc<RefCell<OpenFile>>) {
    let mut file = file.borrow_mut();
    if file.write && !file.closed {
        let path = file.path.clone();
        let bytes = crate::shell::text::encode(&file.text);
        vm.writes.retain(|(known, ..)| *known != path);
        vm.writes.push((path, bytes, true));
    }
    file.closed = true;
}

pub(super) fn call(vm: &mut Vm<'_>, object: &V, name: &str, args: Vec<V>, named: Vec<(String, V)>) -> Run<V> {
    let arg = |at: usize| args.get(at).cloned().unwrap_or(V::None);
    match object {
        V::Str(s) => {
            vm.step(s.len() / 16)?;
            string(vm, s, name, &args, &named)
        }
        V::List(l) => {
            match name {
                "append" => l.borrow_mut().push(arg(0)),
                "extend" => {
                    let more = vm.items(&arg(0))?;
                    l.borrow_mut().extend(more);
                }
                "insert" => {
                    let len = l.borrow().len();
                    let at = usize::try_from(arg(0).int().unwrap_or(0).max(0)).unwrap_or(0).min(len);
                    l.borrow_mut().insert(at, arg(1));
                }
                "pop" => {
                    let len = l.borrow().len();
                    if len == 0 {
                        return raise("IndexError", "pop from empty list");
                    }
                    let Some(at) = position(args.first().and_then(V::int).unwrap_or(-1), len) else {
                        return raise("IndexError", "pop index out of range");
                    };
                    return Ok(l.borrow_mut().remove(at));
                }
                "remove" | "index" => {
                    let at = l.borrow().iter().position(|item| item.equals(&arg(0)));
                    match (at, name) {
                        (Some(at), "index") => return Ok(V::Int(i128::try_from(at).unwrap_or(0))),
                        (Some(at), _) => drop(l.borrow_mut().remove(at)),
                        (None, "index") => return raise("ValueError", format!("{} is not in list", arg(0).repr(0))),
                        (None, _) => return raise("ValueError", "list.remove(x): x not in list"),
                    }
                }
                "count" => {
                    return Ok(V::Int(
                        i128::try_from(l.borrow().iter().filter(|item| item.equals(&arg(0))).count()).unwrap_or(0),
                    ));
                }
                "sort" => {
                    let option =
                        |key: &str| named.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
                    let items = l.borrow().clone();
                    let sorted = sort(vm, items, option("key"), option("reverse").is_some_and(|v| v.truth()))?;
                    *l.borrow_mut() = sorted;
                }
                "reverse" => l.borrow_mut().reverse(),
                "copy" => return Ok(list(l.borrow().clone())),
                "clear" => l.borrow_mut().clear(),
                _ => return Err(Halt::Silent),
            }
            Ok(V::None)
        }
        V::Dict(d) => {
            let find = |key: &V| d.borrow().iter().position(|(known, _)| known.equals(key));
            Ok(match name {
                "get" => {
                    let at = find(&arg(0));
                    at.and_then(|at| d.borrow().get(at).map(|(_, value)| value.clone())).unwrap_or_else(|| arg(1))
                }
                "keys" => list(d.borrow().iter().map(|(key, _)| key.clone()).collect()),
                "values" => list(d.borrow().iter().map(|(_, value)| value.clone()).collect()),
                "items" => {
                    list(d.borrow().iter().map(|(key, value)| tuple(vec![key.clone(), value.clone()])).collect())
                }
                "pop" => match find(&arg(0)) {
                    Some(at) => d.borrow_mut().remove(at).1,
                    None if args.len() > 1 => arg(1),
                    None => return super::eval::raise_key(arg(0)),
                },
                "setdefault" => match find(&arg(0)) {
                    Some(at) => d.borrow().get(at).map_or(V::None, |(_, value)| value.clone()),
                    None => {
                        d.borrow_mut().push((arg(0), arg(1)));
                        arg(1)
                    }
                },
                "update" => {
                    if let V::Dict(more) = arg(0) {
                        let more = more.borrow().clone();
                        for (key, value) in more {
                            let at = find(&key);
                            let mut pairs = d.borrow_mut();
                            match at.and_then(|at| pairs.get_mut(at)) {
                                Some(pair) => pair.1 = value,
                                None => pairs.push((key, value)),
                            }
                        }
                    }
                    V::None
                }
                "copy" => V::Dict(Rc::new(RefCell::new(d.borrow().clone()))),
                "clear" => {
                    d.borrow_mut().clear();
                    V::None
                }
                _ => return Err(Halt::Silent),
            })
        }
        V::Set(s) => {
            let at = s.borrow().iter().position(|item| item.equals(&arg(0)));
            match (name, at) {
                ("add", None) => s.borrow_mut().push(arg(0)),
                ("discard" | "remove", Some(at)) => drop(s.borrow_mut().remove(at)),
                ("remove", None) => return super::eval::raise_key(arg(0)),
                ("add" | "discard", _) => {}
                _ => return Err(Halt::Silent),
            }
            Ok(V::None)
        }
        V::Bytes(b) => Ok(match name {
            "decode" => text(crate::shell::text::decode(b)),
            "hex" => text(b.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
            "strip" => V::Bytes(Rc::new(b.trim_ascii().to_vec())),
            "startswith" => V::Bool(matches!(arg(0), V::Bytes(start) if b.starts_with(&start))),
            "endswith" => V::Bool(matches!(arg(0), V::Bytes(end) if b.ends_with(&end))),
            "split" => {
                let whole = crate::shell::text::decode(b);
                list(whole.split_whitespace().map(|word| V::Bytes(Rc::new(crate::shell::text::encode(word)))).collect())
            }
            _ => return Err(Halt::Silent),
        }),
        V::File(file) => self::file(vm, file, name, &args),
        V::Tuple(t) if name == "index" => match t.iter().position(|item| item.equals(&arg(0))) {
            Some(at) => Ok(V::Int(i128::try_from(at).unwrap_or(0))),
            None => raise("ValueError", "tuple.index(x): x not in tuple"),
        },
        V::Tuple(t) if name == "count" => {
            Ok(V::Int(i128::try_from(t.iter().filter(|item| item.equals(&arg(0))).count()).unwrap_or(0)))
        }
        V::Int(n) if name == "bit_length" => Ok(V::Int(i128::from(128 - n.unsigned_abs().leading_zeros()))),
        V::Record(record) if record.0.starts_with("re.") => {
            super::builtins::patterns::method(vm, object, name, &args, &named)
        }
        V::Record(record) if record.0 == "socket" => match (name, args.first()) {
            ("connect", Some(V::Tuple(pair))) => {
                let host = pair.first().map_or_else(String::new, V::show);
                let port = pair.get(1).and_then(V::int).and_then(|n| u16::try_from(n).ok()).unwrap_or(0);
                super::builtins::connect(vm, &host, port)?;
                Ok(V::None)
            }
            ("connect_ex", Some(V::Tuple(pair))) => {
                let host = pair.first().map_or_else(String::new, V::show);
                let port = pair.get(1).and_then(V::int).and_then(|n| u16::try_from(n).ok()).unwrap_or(0);
                Ok(V::Int(if super::builtins::connect(vm, &host, port).is_ok() { 0 } else { 111 }))
            }
            ("recv", _) => Ok(V::Bytes(Rc::new(Vec::new()))),
            ("fileno", _) => Ok(V::Int(3)),
            ("accept", _) => Err(Halt::Endless),
            _ => Ok(V::None),
        },
        V::Record(record) if record.0 == "CompletedProcess" => match name {
            "communicate" => {
                let part = |key: &str| {
                    record.1.iter().find(|(known, _)| known == key).map_or(V::None, |(_, value)| value.clone())
                };
                Ok(tuple(vec![part("stdout"), part("stderr")]))
            }
            "wait" | "poll" => {
                Ok(record.1.iter().find(|(known, _)| known == "returncode").map_or(V::None, |(_, value)| value.clone()))
            }
            _ => Err(Halt::Silent),
        },
        _ => Err(Halt::Silent),
    }
}

fn file(vm: &mut Vm<'_>, file: &Rc<RefCell<OpenFile>>, name: &str, args: &[V]) -> Run<V> {
    if name == "close" {
        close(vm, file);
        return Ok(V::None);
    }
    if file.borrow().closed && !matches!(name, "flush") {
        return raise("ValueError", "I/O operation on closed file.");
    }
    let mut f = file.borrow_mut();
    let as_value = |part: String, bytes: bool| {
        if bytes { V::Bytes(Rc::new(crate::shell::text::encode(&part))) } else { text(part) }
    };
    Ok(match name {
        "read" => {
            let rest = f.text.get(f.at..).unwrap_or_default().to_string();
            let part: String = match args.first().and_then(V::int).filter(|n| *n >= 0) {
                Some(n) => rest.chars().take(usize::try_from(n).unwrap_or(usize::MAX)).collect(),
                None => rest,
            };
            f.at += part.len();
            vm.step(part.len() / 64)?;
            as_value(part, f.bytes)
        }
        "readline" => {
            let rest = f.text.get(f.at..).unwrap_or_default();
            let line = rest.split_inclusive('\n').next().unwrap_or_default().to_string();
            f.at += line.len();
            as_value(line, f.bytes)
        }
        "readlines" => {
            let rest = f.text.get(f.at..).unwrap_or_default().to_string();
            f.at = f.text.len();
            let bytes = f.bytes;
            list(rest.split_inclusive('\n').map(|line| as_value(line.to_string(), bytes)).collect())
        }
        "write" => {
            let part = match args.first() {
                Some(V::Bytes(bytes)) => crate::shell::text::decode(bytes),
                Some(V::Str(s)) => s.to_string(),
                other => {
                    return raise(
                        "TypeError",
                        format!(
                            "write() argument must be str, not {}",
                            other.map_or_else(|| "NoneType".into(), V::kind)
                        ),
                    );
                }
            };
            if !f.write {
                return raise("OSError", "not writable");
            }
            if f.text.len() + part.len() > 1 << 20 {
                return Err(Halt::Endless);
            }
            f.text.push_str(&part);
            let (path, bytes) = (f.path.clone(), crate::shell::text::encode(&f.text));
            // Not closed files are written at the end too.
            vm.writes.retain(|(known, ..)| *known != path);
            vm.writes.push((path, bytes, false));
            V::Int(i128::try_from(part.chars().count()).unwrap_or(0))
        }
        "writelines" | "seek" | "flush" => V::None,
        "fileno" => V::Int(3),
        _ => return Err(Halt::Silent),
    })
}

fn string(vm: &mut Vm<'_>, s: &Rc<str>, name: &str, args: &[V], named: &[(String, V)]) -> Run<V> {
    let word = |at: usize| args.get(at).map_or_else(String::new, V::show);
    let given = |at: usize| args.get(at).is_some_and(|value| !matches!(value, V::None));
    let set = |at: usize| {
        if given(at) { word(at).chars().collect::<Vec<char>>() } else { vec![' ', '\t', '\n', '\r', '\x0b', '\x0c'] }
    };
    let width = || usize::try_from(args.first().and_then(V::int).unwrap_or(0)).unwrap_or(0).min(100_000);
    let fill = || if given(1) { word(1).chars().next().unwrap_or(' ') } else { ' ' };
    let missing = |width: usize| width.saturating_sub(s.chars().count());
    let at_char = |at: Option<usize>| {
        at.map_or(V::Int(-1), |at| {
            V::Int(i128::try_from(s.get(..at).map_or(0, |head| head.chars().count())).unwrap_or(0))
        })
    };
    let all = |test: fn(char) -> bool| V::Bool(!s.is_empty() && s.chars().all(test));
    Ok(match name {
        "upper" => text(s.to_uppercase()),
        "lower" | "casefold" => text(s.to_lowercase()),
        "strip" => text(s.trim_matches(set(0).as_slice()).to_string()),
        "lstrip" => text(s.trim_start_matches(set(0).as_slice()).to_string()),
        "rstrip" => text(s.trim_end_matches(set(0).as_slice()).to_string()),
        "split" | "rsplit" => {
            let most = args
                .get(1)
                .or(named.iter().find(|(key, _)| key == "maxsplit").map(|(_, v)| v))
                .and_then(V::int)
                .filter(|n| *n >= 0);
            let most = most.and_then(|n| usize::try_from(n).ok());
            let parts: Vec<String> = match (given(0), most, name) {
                (false, None, _) => s.split_whitespace().map(str::to_string).collect(),
                (false, Some(most), _) => {
                    let mut parts = Vec::new();
                    let mut rest = s.trim_start();
                    while !rest.is_empty() && parts.len() < most {
                        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                        parts.push(rest.get(..end).unwrap_or_default().to_string());
                        rest = rest.get(end..).unwrap_or_default().trim_start();
                    }
                    if !rest.is_empty() {
                        parts.push(rest.trim_end().to_string());
                    }
                    parts
                }
                (true, ..) if word(0).is_empty() => return raise("ValueError", "empty separator"),
                (true, None, _) => s.split(word(0).as_str()).map(str::to_string).collect(),
                (true, Some(most), "split") => s.splitn(most + 1, word(0).as_str()).map(str::to_string).collect(),
                (true, Some(most), _) => {
                    let mut parts: Vec<String> = s.rsplitn(most + 1, word(0).as_str()).map(str::to_string).collect();
                    parts.reverse();
                    parts
                }
            };
            vm.step(parts.len())?;
            list(parts.into_iter().map(text).collect())
        }
        "splitlines" => list(s.lines().map(text).collect()),
        "join" => {
            let mut words = Vec::new();
            for (at, item) in vm.items(&args.first().cloned().unwrap_or(V::None))?.iter().enumerate() {
                match item {
                    V::Str(word) => words.push(word.to_string()),
                    other => {
                        return raise(
                            "TypeError",
                            format!("sequence item {at}: expected str instance, {} found", other.kind()),
                        );
                    }
                }
            }
            text(words.join(s))
        }
        "replace" => {
            let result = match args.get(2).and_then(V::int).and_then(|n| usize::try_from(n).ok()) {
                Some(count) => s.replacen(&word(0), &word(1), count),
                None => s.replace(&word(0), &word(1)),
            };
            if result.len() > 1 << 20 {
                return Err(Halt::Endless);
            }
            text(result)
        }
        "startswith" | "endswith" => {
            let options = match args.first() {
                Some(V::Tuple(list)) => list.iter().map(V::show).collect(),
                _ => vec![word(0)],
            };
            V::Bool(options.iter().any(|part| {
                if name == "startswith" { s.starts_with(part.as_str()) } else { s.ends_with(part.as_str()) }
            }))
        }
        "find" => at_char(s.find(word(0).as_str())),
        "rfind" => at_char(s.rfind(word(0).as_str())),
        "index" => match s.find(word(0).as_str()) {
            Some(at) => at_char(Some(at)),
            None => return raise("ValueError", "substring not found"),
        },
        "count" => V::Int(
            i128::try_from(if word(0).is_empty() {
                s.chars().count() + 1
            } else {
                s.matches(word(0).as_str()).count()
            })
            .unwrap_or(0),
        ),
        "format" => return format(vm, s, args, named),
        "encode" => V::Bytes(Rc::new(crate::shell::text::encode(s))),
        "isdigit" | "isnumeric" => all(|c| c.is_numeric()),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isspace" => all(char::is_whitespace),
        "isupper" => V::Bool(s.chars().any(char::is_uppercase) && !s.chars().any(char::is_lowercase)),
        "islower" => V::Bool(s.chars().any(char::is_lowercase) && !s.chars().any(char::is_uppercase)),
        "title" | "capitalize" => {
            let mut start = true;
            let shown: String = s
                .chars()
                .map(|c| {
                    let shown = if start { c.to_uppercase().to_string() } else { c.to_lowercase().to_string() };
                    start = name == "title" && !c.is_alphabetic();
                    shown
                })
                .collect();
            text(shown)
        }
        "swapcase" => text(
            s.chars()
                .map(|c| if c.is_uppercase() { c.to_lowercase().to_string() } else { c.to_uppercase().to_string() })
                .collect::<String>(),
        ),
        "center" => {
            let gap = missing(width());
            text(format!("{}{s}{}", fill().to_string().repeat(gap / 2), fill().to_string().repeat(gap - gap / 2)))
        }
        "ljust" => text(format!("{s}{}", fill().to_string().repeat(missing(width())))),
        "rjust" => text(format!("{}{s}", fill().to_string().repeat(missing(width())))),
        "zfill" => {
            let (sign, digits) = s.strip_prefix('-').map_or(("", &**s), |digits| ("-", digits));
            text(format!("{sign}{}{digits}", "0".repeat(missing(width()))))
        }
        "partition" => match s.split_once(word(0).as_str()) {
            Some((a, b)) => tuple(vec![text(a), text(word(0)), text(b)]),
            None => tuple(vec![V::Str(Rc::clone(s)), text(""), text("")]),
        },
        "rpartition" => match s.rsplit_once(word(0).as_str()) {
            Some((a, b)) => tuple(vec![text(a), text(word(0)), text(b)]),
            None => tuple(vec![text(""), text(""), V::Str(Rc::clone(s))]),
        },
        _ => return Err(Halt::Silent),
    })
}

/// `"{} {name:>5}".format(…)`
fn format(vm: &mut Vm<'_>, template: &str, args: &[V], named: &[(String, V)]) -> Run<V> {
    let mut shown = String::new();
    let mut chars = template.chars().peekable();
    let mut next = 0;
    while let Some(c) = chars.next() {
        match c {
            '{' if chars.peek() == Some(&'{') => {
                chars.next();
                shown.push('{');
            }
            '}' if chars.peek() == Some(&'}') => {
                chars.next();
                shown.push('}');
            }
            '}' => return raise("ValueError", "Single '}' encountered in format string"),
            '{' => {
                let inner: String = chars.by_ref().take_while(|c| *c != '}').collect();
                let (field, spec) = inner.split_once(':').unwrap_or((&inner, ""));
                let (field, repr) = field.strip_suffix("!r").map_or((field, false), |field| (field, true));
                let (base, rest) = field.split_at(field.find(['.', '[']).unwrap_or(field.len()));
                let mut value = if base.is_empty() {
                    next += 1;
                    args.get(next - 1).cloned()
                } else if let Ok(at) = base.parse::<usize>() {
                    args.get(at).cloned()
                } else {
                    named.iter().find(|(key, _)| key == base).map(|(_, value)| value.clone())
                };
                if let (Some(V::Dict(d)), true) = (&value, rest.starts_with('[')) {
                    let key = rest.trim_matches(['[', ']']);
                    let found =
                        d.borrow().iter().find(|(known, _)| known.show() == key).map(|(_, value)| value.clone());
                    value = found;
                }
                let Some(value) = value else {
                    return match base.is_empty() || base.parse::<usize>().is_ok() {
                        true => raise("IndexError", "Replacement index 0 out of range for positional args tuple"),
                        false => super::eval::raise_key(text(base)),
                    };
                };
                let value = if repr { text(value.repr(0)) } else { value };
                match format_value(&value, spec) {
                    Ok(part) => shown.push_str(&part),
                    Err(error) => return raise("ValueError", error),
                }
            }
            c => shown.push(c),
        }
        vm.step(1)?;
    }
    Ok(text(shown))
}
