//! Functions, modules and exceptions of the small Python.

mod library;

mod modules;

pub(super) mod patterns;

use library::open;
pub(super) use library::{call_member, connect};
pub(super) use modules::member;

use std::rc::Rc;

use super::eval::{Halt, Need, Run, Vm, number, raise};
use super::methods;
use super::value::{OpenFile, V, float, format_value, list, text, tuple};

const NAMES: &[&str] = &[
    "print",
    "len",
    "range",
    "str",
    "int",
    "float",
    "bool",
    "list",
    "tuple",
    "dict",
    "set",
    "sum",
    "min",
    "max",
    "abs",
    "sorted",
    "reversed",
    "enumerate",
    "zip",
    "map",
    "filter",
    "any",
    "all",
    "chr",
    "ord",
    "hex",
    "oct",
    "bin",
    "repr",
    "round",
    "type",
    "isinstance",
    "input",
    "open",
    "exit",
    "quit",
    "pow",
    "divmod",
    "format",
    "exec",
    "eval",
    "bytes",
    "bytearray",
    "iter",
    "next",
    "getattr",
    "hasattr",
    "callable",
    "id",
    "hash",
    "globals",
    "locals",
    "dir",
    "help",
    "vars",
    "__import__",
    "frozenset",
    "ascii",
    "object",
    "super",
    "compile",
];

const CLASSES: &[(&str, &str)] = &[
    ("BaseException", ""),
    ("Exception", "BaseException"),
    ("ValueError", "Exception"),
    ("TypeError", "Exception"),
    ("KeyError", "LookupError"),
    ("IndexError", "LookupError"),
    ("LookupError", "Exception"),
    ("NameError", "Exception"),
    ("ZeroDivisionError", "ArithmeticError"),
    ("ArithmeticError", "Exception"),
    ("OverflowError", "ArithmeticError"),
    ("AttributeError", "Exception"),
    ("RuntimeError", "Exception"),
    ("RecursionError", "RuntimeError"),
    ("NotImplementedError", "RuntimeError"),
    ("ImportError", "Exception"),
    ("ModuleNotFoundError", "ImportError"),
    ("OSError", "Exception"),
    ("IOError", "Exception"),
    ("FileNotFoundError", "OSError"),
    ("PermissionError", "OSError"),
    ("ConnectionError", "OSError"),
    ("ConnectionRefusedError", "ConnectionError"),
    ("TimeoutError", "OSError"),
    ("IsADirectoryError", "OSError"),
    ("StopIteration", "Exception"),
    ("AssertionError", "Exception"),
    ("KeyboardInterrupt", "BaseException"),
    ("SystemExit", "BaseException"),
    ("EOFError", "Exception"),
    ("UnicodeDecodeError", "ValueError"),
    ("SyntaxError", "Exception"),
    ("NotADirectoryError", "OSError"),
    ("FileExistsError", "OSError"),
    ("MemoryError", "Exception"),
    ("CalledProcessError", "Exception"),
    ("gaierror", "OSError"),
    ("URLError", "OSError"),
];

const MODULES: &[&str] = &[
    "sys",
    "os",
    "os.path",
    "time",
    "math",
    "random",
    "socket",
    "subprocess",
    "platform",
    "json",
    "re",
    "base64",
    "hashlib",
    "datetime",
    "string",
    "struct",
    "pty",
    "getpass",
    "shutil",
    "urllib",
    "urllib.request",
    "urllib.parse",
    "threading",
    "collections",
    "itertools",
    "functools",
    "signal",
    "glob",
    "tempfile",
    "io",
    "argparse",
    "binascii",
    "codecs",
    "uuid",
    "pwd",
    "logging",
    "traceback",
    "copy",
    "operator",
    "http",
    "http.server",
    "http.client",
    "ssl",
    "select",
    "stat",
    "errno",
    "fcntl",
    "ctypes",
    "resource",
    "zlib",
    "gzip",
    "csv",
    "configparser",
    "decimal",
    "fractions",
    "statistics",
    "textwrap",
    "types",
    "typing",
    "inspect",
    "locale",
    "multiprocessing",
    "queue",
    "secrets",
    "smtplib",
    "ftplib",
    "telnetlib",
    "termios",
    "tty",
    "crypt",
    "spwd",
    "grp",
    "this",
    "antigravity",
    "unittest",
    "warnings",
    "weakref",
    "zipfile",
    "tarfile",
    "enum",
    "dataclasses",
    "pathlib",
    "pprint",
    "heapq",
    "bisect",
    "array",
    "asyncio",
    "contextlib",
    "abc",
    "pickle",
    "sqlite3",
    "xml",
    "html",
    "email",
    "ipaddress",
    "shlex",
    "sched",
    "venv",
    "site",
    "builtins",
    "__future__",
];

pub(super) fn named(name: &str) -> Option<V> {
    if let Some(name) = NAMES.iter().find(|known| **known == name) {
        return Some(V::Builtin(name));
    }
    CLASSES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(name, _)| V::Class(if *name == "IOError" { "OSError".into() } else { (*name).into() }))
}

pub(super) fn is_subclass(kind: &str, of: &str) -> bool {
    let mut kind = kind;
    for _ in 0..8 {
        if kind == of {
            return true;
        }
        match CLASSES.iter().find(|(known, _)| *known == kind) {
            Some((_, parent)) => kind = parent,
            None => return of == "Exception" || of == "BaseException",
        }
    }
    false
}

/// A known name that differs in one letter.
pub(super) fn near<'a>(name: &str, own: impl Iterator<Item = &'a String>) -> Option<String> {
    let close = |known: &str| {
        let (a, b): (Vec<char>, Vec<char>) = (name.chars().collect(), known.chars().collect());
        if a.len() < 3 || a.len().abs_diff(b.len()) > 1 || a == b {
            return false;
        }
        let same = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
        let end = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
        same + end + 1 >= a.len().max(b.len())
    };
    let mut own: Vec<&String> = own.filter(|known| close(known)).collect();
    own.sort();
    own.first()
        .map(|known| (*known).clone())
        .or_else(|| NAMES.iter().find(|known| close(known)).map(|known| (*known).to_string()))
}

pub(super) fn import(name: &str) -> Run<()> {
    if MODULES.contains(&name) {
        return Ok(());
    }
    let kind = "ModuleNotFoundError";
    match name.split_once('.') {
        Some((parent, _)) if MODULES.contains(&parent) => raise(kind, format!("No module named '{name}'")),
        Some((parent, _)) => raise(kind, format!("No module named '{parent}'")),
        None => raise(kind, format!("No module named '{name}'")),
    }
}

fn arg(args: &[V], at: usize) -> V {
    args.get(at).cloned().unwrap_or(V::None)
}

fn int_of(value: &V, base: Option<i128>) -> Run<V> {
    match value {
        V::Int(_) | V::Bool(_) => Ok(V::Int(value.int().unwrap_or(0))),
        V::Float(f) if f.is_finite() => Ok(V::Int(*f as i128)),
        V::Float(_) => raise("OverflowError", "cannot convert float infinity to integer"),
        V::Str(s) => {
            let base = base.unwrap_or(10);
            let bare = s.trim().replace('_', "");
            let (sign, digits) =
                bare.strip_prefix('-').map_or((1, bare.strip_prefix('+').unwrap_or(&bare)), |digits| (-1, digits));
            let digits = match base {
                16 => digits.trim_start_matches("0x"),
                8 => digits.trim_start_matches("0o"),
                2 => digits.trim_start_matches("0b"),
                _ => digits,
            };
            match u32::try_from(base)
                .ok()
                .filter(|base| (2..=36).contains(base))
                .and_then(|base| i128::from_str_radix(digits, base).ok())
            {
                Some(n) => Ok(V::Int(sign * n)),
                None => raise("ValueError", format!("invalid literal for int() with base {base}: {}", value.repr(0))),
            }
        }
        other => raise(
            "TypeError",
            format!("int() argument must be a string, a bytes-like object or a real number, not '{}'", other.kind()),
        ),
    }
}

pub(super) fn call(vm: &mut Vm<'_>, name: &str, args: Vec<V>, named: Vec<(String, V)>) -> Run<V> {
    let option = |key: &str| named.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    let first = arg(&args, 0);
    if args.is_empty()
        && matches!(name, "len" | "chr" | "ord" | "abs" | "hex" | "bin" | "oct" | "sorted" | "sum" | "repr" | "open")
    {
        return raise("TypeError", format!("{name}() takes exactly one argument (0 given)"));
    }
    Ok(match name {
        "print" => {
            let words: Vec<String> = args.iter().map(V::show).collect();
            let sep = option("sep").filter(|v| !matches!(v, V::None)).map_or_else(|| " ".to_string(), |v| v.show());
            let end = option("end").filter(|v| !matches!(v, V::None)).map_or_else(|| "\n".to_string(), |v| v.show());
            let line = format!("{}{end}", words.join(&sep));
            match option("file") {
                Some(V::Module(stream)) => vm.print(stream == "sys.stderr", &line)?,
                Some(V::File(file)) => file.borrow_mut().text.push_str(&line),
                _ => vm.print(false, &line)?,
            }
            V::None
        }
        "len" => match &first {
            V::Record(record) => V::Int(i128::try_from(record.1.len()).unwrap_or(0)),
            V::Str(s) => V::Int(i128::try_from(s.chars().count()).unwrap_or(0)),
            V::List(_) | V::Tuple(_) | V::Dict(_) | V::Set(_) | V::Bytes(_) => {
                V::Int(i128::try_from(vm.items(&first)?.len()).unwrap_or(0))
            }
            other => return raise("TypeError", format!("object of type '{}' has no len()", other.kind())),
        },
        "range" => {
            let mut numbers = Vec::new();
            for value in &args {
                match value.int() {
                    Some(n) => numbers.push(n),
                    None => {
                        return raise(
                            "TypeError",
                            format!("'{}' object cannot be interpreted as an integer", value.kind()),
                        );
                    }
                }
            }
            let (from, to, step) = match numbers.as_slice() {
                [to] => (0, *to, 1),
                [from, to] => (*from, *to, 1),
                [from, to, step, ..] => (*from, *to, *step),
                [] => return raise("TypeError", "range expected at least 1 argument, got 0"),
            };
            if step == 0 {
                return raise("ValueError", "range() arg 3 must not be zero");
            }
            let mut items = Vec::new();
            let mut at = from;
            while (step > 0 && at < to) || (step < 0 && at > to) {
                vm.step(1)?;
                items.push(V::Int(at));
                at = at.saturating_add(step);
            }
            list(items)
        }
        "str" => match &first {
            V::Bytes(bytes) if args.len() > 1 => text(String::from_utf8_lossy(bytes).into_owned()),
            _ if args.is_empty() => text(""),
            value => text(value.show()),
        },
        "ascii" | "repr" => text(first.repr(0)),
        "int" if args.is_empty() => V::Int(0),
        "int" => return int_of(&first, args.get(1).and_then(V::int)),
        "float" => match &first {
            V::Str(s) => match s.trim().parse::<f64>() {
                Ok(f) => V::Float(f),
                Err(_) => return raise("ValueError", format!("could not convert string to float: {}", first.repr(0))),
            },
            value => V::Float(number(Some(value))),
        },
        "bool" => V::Bool(!args.is_empty() && first.truth()),
        "list" => list(if args.is_empty() { Vec::new() } else { vm.items(&first)? }),
        "tuple" => tuple(if args.is_empty() { Vec::new() } else { vm.items(&first)? }),
        "set" | "frozenset" => {
            let mut items: Vec<V> = Vec::new();
            if !args.is_empty() {
                for item in vm.items(&first)? {
                    vm.step(items.len() / 8)?;
                    if !items.iter().any(|known| known.equals(&item)) {
                        items.push(item);
                    }
                }
            }
            V::Set(Rc::new(std::cell::RefCell::new(items)))
        }
        "dict" => {
            let mut pairs: Vec<(V, V)> = match &first {
                V::Dict(d) => d.borrow().clone(),
                V::None => Vec::new(),
                other => {
                    let mut pairs = Vec::new();
                    for item in vm.items(other)? {
                        let item = vm.items(&item)?;
                        pairs.push((arg(&item, 0), arg(&item, 1)));
                    }
                    pairs
                }
            };
            pairs.extend(named.into_iter().map(|(name, value)| (text(name), value)));
            V::Dict(Rc::new(std::cell::RefCell::new(pairs)))
        }
        "sum" => {
            let mut total = args.get(1).cloned().unwrap_or(V::Int(0));
            for item in vm.items(&first)? {
                total = vm.binary("+", &total, &item)?;
            }
            total
        }
        "min" | "max" => {
            let items = if args.len() > 1 { args.clone() } else { vm.items(&first)? };
            let key = option("key");
            let mut best: Option<(V, V)> = None;
            for item in items {
                let rank = match &key {
                    Some(key) => vm.call(key, vec![item.clone()], Vec::new())?,
                    None => item.clone(),
                };
                let order = best.as_ref().and_then(|(known, _)| rank.compare(known));
                let better = best.is_none()
                    || order
                        == Some(if name == "min" { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater });
                if better {
                    best = Some((rank, item));
                }
            }
            match best {
                Some((_, item)) => item,
                None => return raise("ValueError", format!("{name}() arg is an empty sequence")),
            }
        }
        "abs" => match first.int() {
            Some(n) => V::Int(n.abs()),
            None => V::Float(number(Some(&first)).abs()),
        },
        "sorted" => {
            let items = vm.items(&first)?;
            list(methods::sort(vm, items, option("key"), option("reverse").is_some_and(|v| v.truth()))?)
        }
        "reversed" => {
            let mut items = vm.items(&first)?;
            items.reverse();
            list(items)
        }
        "enumerate" => {
            let start = args.get(1).cloned().or(option("start")).and_then(|v| v.int()).unwrap_or(0);
            let items = vm.items(&first)?;
            list(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(at, item)| tuple(vec![V::Int(start + i128::try_from(at).unwrap_or(0)), item]))
                    .collect(),
            )
        }
        "zip" => {
            let mut columns = Vec::new();
            for column in &args {
                columns.push(vm.items(column)?);
            }
            let len = columns.iter().map(Vec::len).min().unwrap_or(0);
            list(
                (0..len)
                    .map(|at| tuple(columns.iter().filter_map(|column| column.get(at)).cloned().collect()))
                    .collect(),
            )
        }
        "map" | "filter" => {
            let items = vm.items(&arg(&args, 1))?;
            let mut found = Vec::new();
            for item in items {
                let value = if matches!(first, V::None) {
                    item.clone()
                } else {
                    vm.call(&first, vec![item.clone()], Vec::new())?
                };
                if name == "map" {
                    found.push(value);
                } else if value.truth() {
                    found.push(item);
                }
            }
            list(found)
        }
        "any" => V::Bool(vm.items(&first)?.iter().any(V::truth)),
        "all" => V::Bool(vm.items(&first)?.iter().all(V::truth)),
        "chr" => match first.int().and_then(|n| u32::try_from(n).ok()).and_then(char::from_u32) {
            Some(c) => text(c.to_string()),
            None => return raise("ValueError", "chr() arg not in range(0x110000)"),
        },
        "ord" => match &first {
            V::Str(s) if s.chars().count() == 1 => V::Int(s.chars().next().map_or(0, |c| i128::from(u32::from(c)))),
            V::Str(s) => {
                return raise(
                    "TypeError",
                    format!("ord() expected a character, but string of length {} found", s.chars().count()),
                );
            }
            other => {
                return raise("TypeError", format!("ord() expected string of length 1, but {} found", other.kind()));
            }
        },
        "hex" | "oct" | "bin" => {
            let spec = match name {
                "hex" => "#x",
                "oct" => "#o",
                _ => "#b",
            };
            text(format_value(&first, spec).unwrap_or_default())
        }
        "round" => match (args.get(1).and_then(V::int), &first) {
            (None, V::Float(f)) => V::Int(f.round_ties_even() as i128),
            (Some(digits), V::Float(f)) => {
                let digits = usize::try_from(digits.clamp(0, 20)).unwrap_or(0);
                V::Float(format!("{f:.digits$}").parse().unwrap_or(*f))
            }
            _ => first,
        },
        "type" => V::Class(first.kind()),
        "isinstance" => {
            let kinds = match arg(&args, 1) {
                V::Tuple(list) => list.to_vec(),
                one => vec![one],
            };
            let kind = first.kind();
            V::Bool(kinds.iter().any(|class| match class {
                V::Builtin(name) => kind == *name || (*name == "int" && kind == "bool"),
                V::Class(name) => is_subclass(&kind, name) && matches!(first, V::Raised(..)),
                _ => false,
            }))
        }
        "input" => {
            vm.print(false, &if args.is_empty() { String::new() } else { first.show() })?;
            let answer = vm.need(Need::Line)?;
            if answer.none {
                return raise("EOFError", "EOF when reading a line");
            }
            text(super::super::common::decode(&answer.bytes).trim_end_matches('\n').to_string())
        }
        "open" => {
            let mode = args.get(1).cloned().or(option("mode")).map_or_else(|| "r".to_string(), |v| v.show());
            return open(vm, &first.show(), &mode);
        }
        "exit" | "quit" => return exit(vm, &args),
        "pow" => {
            let value = vm.binary("**", &first, &arg(&args, 1))?;
            if args.len() > 2 { vm.binary("%", &value, &arg(&args, 2))? } else { value }
        }
        "divmod" => tuple(vec![vm.binary("//", &first, &arg(&args, 1))?, vm.binary("%", &first, &arg(&args, 1))?]),
        "format" => text(format_value(&first, &args.get(1).map_or_else(String::new, V::show)).unwrap_or_default()),
        "exec" | "eval" => {
            let source = match &first {
                V::Bytes(bytes) => super::super::common::decode(bytes),
                value => value.show(),
            };
            let wrong = |fault: super::parse::Fault| {
                raise(fault.kind, format!("{} (<string>, line {})", fault.text, fault.line))
            };
            if name == "eval" {
                let expr = match super::parse::expression(&source) {
                    Ok(expr) => expr,
                    Err(fault) => return wrong(fault),
                };
                return vm.eval(&expr);
            }
            let block = match super::parse::parse(&source) {
                Ok(block) => block,
                Err(fault) => return wrong(fault),
            };
            vm.step(1000)?;
            vm.block(&block)?;
            V::None
        }
        "compile" => first,
        "bytes" | "bytearray" => match &first {
            V::Str(s) => V::Bytes(Rc::new(s.as_bytes().to_vec())),
            V::Int(n) => V::Bytes(Rc::new(vec![0; usize::try_from(*n).unwrap_or(0).min(1 << 20)])),
            V::None => V::Bytes(Rc::new(Vec::new())),
            other => {
                let items = vm.items(other)?;
                V::Bytes(Rc::new(items.iter().map(|item| u8::try_from(item.int().unwrap_or(0)).unwrap_or(0)).collect()))
            }
        },
        "iter" => first,
        "getattr" => return member_of(vm, &first, &arg(&args, 1).show(), args.get(2).cloned()),
        "hasattr" => V::Bool(methods::has(&first, &arg(&args, 1).show()) || matches!(first, V::Module(_))),
        "callable" => {
            V::Bool(matches!(first, V::Func(_) | V::Builtin(_) | V::Member(..) | V::Method(..) | V::Class(_)))
        }
        "id" => V::Int(140_338_502_811_584),
        "__import__" => {
            let name = first.show();
            import(&name)?;
            V::Module(name)
        }
        "help" | "dir" | "vars" | "globals" | "locals" | "hash" | "next" | "object" | "super" => {
            return Err(Halt::Silent);
        }
        _ => return Err(Halt::Silent),
    })
}

fn member_of(vm: &mut Vm<'_>, object: &V, name: &str, default: Option<V>) -> Run<V> {
    match object {
        V::Module(module) => member(vm, module, name),
        object if methods::has(object, name) => Ok(V::Method(Rc::new(object.clone()), name.into())),
        _ => default.map_or_else(
            || raise("AttributeError", format!("'{}' object has no attribute '{name}'", object.kind())),
            Ok,
        ),
    }
}

fn exit(vm: &mut Vm<'_>, args: &[V]) -> Run<V> {
    Err(Halt::Exit(match args.first() {
        None | Some(V::None) => 0,
        Some(value) => match value.int() {
            Some(n) => i32::try_from(n.rem_euclid(256)).unwrap_or(0),
            None => {
                vm.print(true, &format!("{}\n", value.show()))?;
                1
            }
        },
    }))
}

pub(super) fn construct(vm: &mut Vm<'_>, name: &str, args: Vec<V>) -> Run<V> {
    if let Some(builtin) = NAMES.iter().find(|known| **known == name) {
        return call(vm, builtin, args, Vec::new());
    }
    Ok(V::Raised(name.into(), Rc::new(args)))
}
