//! Values of the small Python: printing, comparing, formatting.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

use super::parse::{Block, Expr};

/// A value.
#[derive(Clone)]
pub(super) enum V {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(Rc<str>),
    Bytes(Rc<Vec<u8>>),
    List(Rc<RefCell<Vec<V>>>),
    Tuple(Rc<Vec<V>>),
    /// Pairs in the order of insertion.
    Dict(Rc<RefCell<Vec<(V, V)>>>),
    Set(Rc<RefCell<Vec<V>>>),
    Func(Rc<Func>),
    Builtin(&'static str),
    Module(String),
    /// A function of a module, `os.getcwd`.
    Member(String, String),
    Method(Rc<V>, String),
    /// A class of exceptions.
    Class(String),
    /// An exception that was made, with its arguments.
    Raised(String, Rc<Vec<V>>),
    /// An open file: path, content, whether it is written.
    File(Rc<RefCell<OpenFile>>),
    /// A thing with attributes, such as the result of `os.uname()`.
    Record(Rc<(String, Vec<(String, V)>)>),
}

pub(super) struct Func {
    pub name: String,
    pub params: Vec<(String, Option<V>)>,
    pub body: Block,
    /// Body of a lambda.
    pub value: Option<Expr>,
    /// Variables of the functions around it.
    pub closure: Vec<(String, V)>,
}

pub(super) struct OpenFile {
    pub path: String,
    pub text: String,
    pub at: usize,
    pub write: bool,
    pub closed: bool,
    pub bytes: bool,
}

pub(super) fn text(text: impl Into<Rc<str>>) -> V {
    V::Str(text.into())
}

pub(super) fn list(items: Vec<V>) -> V {
    V::List(Rc::new(RefCell::new(items)))
}

pub(super) fn tuple(items: Vec<V>) -> V {
    V::Tuple(Rc::new(items))
}

/// Depth to which nested values are printed.
const DEPTH: usize = 20;

impl V {
    pub fn kind(&self) -> String {
        match self {
            V::None => "NoneType".into(),
            V::Bool(_) => "bool".into(),
            V::Int(_) => "int".into(),
            V::Float(_) => "float".into(),
            V::Str(_) => "str".into(),
            V::Bytes(_) => "bytes".into(),
            V::List(_) => "list".into(),
            V::Tuple(_) => "tuple".into(),
            V::Dict(_) => "dict".into(),
            V::Set(_) => "set".into(),
            V::Func(_) => "function".into(),
            V::Builtin(_) | V::Member(..) | V::Method(..) => "builtin_function_or_method".into(),
            V::Module(_) => "module".into(),
            V::Class(_) => "type".into(),
            V::Raised(name, _) => name.clone(),
            V::File(_) => "_io.TextIOWrapper".into(),
            V::Record(record) => record.0.clone(),
        }
    }

    pub fn truth(&self) -> bool {
        match self {
            V::None => false,
            V::Bool(b) => *b,
            V::Int(n) => *n != 0,
            V::Float(f) => *f != 0.0,
            V::Str(s) => !s.is_empty(),
            V::Bytes(b) => !b.is_empty(),
            V::List(l) | V::Set(l) => !l.borrow().is_empty(),
            V::Tuple(t) => !t.is_empty(),
            V::Dict(d) => !d.borrow().is_empty(),
            _ => true,
        }
    }

    /// As `str()` gives it.
    pub fn show(&self) -> String {
        match self {
            V::Str(s) => s.to_string(),
            V::Raised(_, args) => match args.as_slice() {
                [] => String::new(),
                [one] => one.show(),
                _ => self::tuple(args.to_vec()).repr(0),
            },
            _ => self.repr(0),
        }
    }

    /// As `repr()` gives it.
    pub fn repr(&self, depth: usize) -> String {
        if depth > DEPTH {
            return "...".into();
        }
        let join = |items: &[V]| items.iter().map(|item| item.repr(depth + 1)).collect::<Vec<_>>().join(", ");
        match self {
            V::None => "None".into(),
            V::Bool(true) => "True".into(),
            V::Bool(false) => "False".into(),
            V::Int(n) => n.to_string(),
            V::Float(f) => float(*f),
            V::Str(s) => quote(s, ""),
            V::Bytes(b) => bytes(b),
            V::List(l) => format!("[{}]", join(&l.borrow())),
            V::Tuple(t) if t.len() == 1 => format!("({},)", join(t)),
            V::Tuple(t) => format!("({})", join(t)),
            V::Set(s) if s.borrow().is_empty() => "set()".into(),
            V::Set(s) => format!("{{{}}}", join(&s.borrow())),
            V::Dict(d) => {
                let pairs: Vec<String> =
                    d.borrow().iter().map(|(k, v)| format!("{}: {}", k.repr(depth + 1), v.repr(depth + 1))).collect();
                format!("{{{}}}", pairs.join(", "))
            }
            V::Func(f) => format!("<function {} at 0x7f3c1a2b5d30>", f.name),
            V::Builtin(name) => format!("<built-in function {name}>"),
            V::Member(_, name) | V::Method(_, name) => format!("<built-in function {name}>"),
            V::Module(name) => format!("<module '{name}' (built-in)>"),
            V::Class(name) => format!("<class '{name}'>"),
            V::Raised(name, args) => match args.as_slice() {
                [one] => format!("{name}({})", one.repr(depth + 1)),
                args => format!("{name}({})", join(args)),
            },
            V::File(f) => format!(
                "<_io.TextIOWrapper name='{}' mode='{}' encoding='UTF-8'>",
                f.borrow().path,
                if f.borrow().write { "w" } else { "r" }
            ),
            V::Record(record) => {
                let parts: Vec<String> =
                    record.1.iter().map(|(name, value)| format!("{name}={}", value.repr(depth + 1))).collect();
                format!("{}({})", record.0, parts.join(", "))
            }
        }
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            V::Bool(b) => Some(f64::from(u8::from(*b))),
            V::Int(n) => Some(*n as f64),
            V::Float(f) => Some(*f),
            _ => None,
        }
    }

    pub fn int(&self) -> Option<i128> {
        match self {
            V::Bool(b) => Some(i128::from(*b)),
            V::Int(n) => Some(*n),
            _ => None,
        }
    }

    pub fn equals(&self, other: &V) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }

    /// The order of two values, when they have one; sets, dictionaries and the like are only equal or not.
    pub fn compare(&self, other: &V) -> Option<Ordering> {
        match (self, other) {
            (V::Str(a), V::Str(b)) => Some(a.chars().cmp(b.chars())),
            (V::Bytes(a), V::Bytes(b)) => Some(a.cmp(b)),
            (V::None, V::None) => Some(Ordering::Equal),
            (V::List(a), V::List(b)) => sequence(&a.borrow(), &b.borrow()),
            (V::Tuple(a), V::Tuple(b)) => sequence(a, b),
            (V::Set(a), V::Set(b)) => {
                let (a, b) = (a.borrow(), b.borrow());
                (a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| x.equals(y)))).then_some(Ordering::Equal)
            }
            (V::Dict(a), V::Dict(b)) => {
                let (a, b) = (a.borrow(), b.borrow());
                let inside = |(k, v): &(V, V)| b.iter().any(|(x, y)| x.equals(k) && y.equals(v));
                (a.len() == b.len() && a.iter().all(inside)).then_some(Ordering::Equal)
            }
            (V::Class(a), V::Class(b)) => (a == b).then_some(Ordering::Equal),
            _ => match (self.int(), other.int()) {
                (Some(a), Some(b)) => Some(a.cmp(&b)),
                _ => self.number()?.partial_cmp(&other.number()?),
            },
        }
    }
}

fn sequence(a: &[V], b: &[V]) -> Option<Ordering> {
    for (x, y) in a.iter().zip(b) {
        match x.compare(y) {
            Some(Ordering::Equal) => {}
            other => return other,
        }
    }
    Some(a.len().cmp(&b.len()))
}

/// The shortest digits that give the same number, as Python writes them.
pub(super) fn float(f: f64) -> String {
    if f.is_nan() {
        return "nan".into();
    }
    if f.is_infinite() {
        return if f > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let size = f.abs();
    if f != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{f:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |rest| ("-", rest));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    if f.fract() == 0.0 { format!("{f:.1}") } else { format!("{f}") }
}

fn quote(s: &str, prefix: &str) -> String {
    let mark = if s.contains('\'') && !s.contains('"') { '"' } else { '\'' };
    let mut text = format!("{prefix}{mark}");
    for c in s.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if c == mark => {
                text.push('\\');
                text.push(c);
            }
            c if c.is_control() => text.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push(mark);
    text
}

fn bytes(b: &[u8]) -> String {
    let mark = if b.contains(&b'\'') && !b.contains(&b'"') { '"' } else { '\'' };
    let mut text = format!("b{mark}");
    for byte in b {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'\r' => text.push_str("\\r"),
            32..=126 if char::from(*byte) != mark => text.push(char::from(*byte)),
            32..=126 => {
                text.push('\\');
                text.push(mark);
            }
            other => text.push_str(&format!("\\x{other:02x}")),
        }
    }
    text.push(mark);
    text
}

/// `format(value, spec)`.
pub(super) fn format_value(value: &V, spec: &str) -> Result<String, String> {
    if spec.is_empty() {
        return Ok(value.show());
    }
    let chars: Vec<char> = spec.chars().collect();
    let mut at = 0;
    let (mut fill, mut align) = (' ', None);
    if let Some(mark) = chars.get(1).filter(|c| "<>^=".contains(**c)) {
        fill = chars.first().copied().unwrap_or(' ');
        align = Some(*mark);
        at = 2;
    } else if let Some(mark) = chars.first().filter(|c| "<>^=".contains(**c)) {
        align = Some(*mark);
        at = 1;
    }
    let mut sign = '-';
    if let Some(c) = chars.get(at).filter(|c| "+- ".contains(**c)) {
        sign = *c;
        at += 1;
    }
    let alternate = chars.get(at) == Some(&'#');
    at += usize::from(alternate);
    if chars.get(at) == Some(&'0') {
        if align.is_none() {
            (fill, align) = ('0', Some('='));
        }
        at += 1;
    }
    let number = |at: &mut usize| {
        let mut value = None;
        while let Some(digit) = chars.get(*at).and_then(|c| c.to_digit(10)) {
            value = Some((value.unwrap_or(0_usize) * 10 + digit as usize).min(10_000));
            *at += 1;
        }
        value
    };
    let width = number(&mut at).unwrap_or(0);
    let comma = chars.get(at).copied().filter(|c| matches!(c, ',' | '_'));
    at += usize::from(comma.is_some());
    let precision = if chars.get(at) == Some(&'.') {
        at += 1;
        number(&mut at)
    } else {
        None
    };
    let kind = chars.get(at).copied();
    let (body, numeric) = match (value, kind) {
        (V::Str(s), None | Some('s')) => (s.chars().take(precision.unwrap_or(usize::MAX)).collect(), false),
        (value, Some('d' | 'x' | 'X' | 'o' | 'b' | 'c' | 'n')) | (value @ (V::Int(_) | V::Bool(_)), None) => {
            let Some(n) = value.int() else {
                return Err(format!(
                    "Unknown format code '{}' for object of type '{}'",
                    kind.unwrap_or('d'),
                    value.kind()
                ));
            };
            let digits = match kind {
                Some('x') => format!("{}{:x}", if alternate { "0x" } else { "" }, n.unsigned_abs()),
                Some('X') => format!("{}{:X}", if alternate { "0X" } else { "" }, n.unsigned_abs()),
                Some('o') => format!("{}{:o}", if alternate { "0o" } else { "" }, n.unsigned_abs()),
                Some('b') => format!("{}{:b}", if alternate { "0b" } else { "" }, n.unsigned_abs()),
                Some('c') => u32::try_from(n).ok().and_then(char::from_u32).unwrap_or('?').to_string(),
                _ => n.unsigned_abs().to_string(),
            };
            (format!("{}{digits}", if n < 0 { "-" } else { "" }), true)
        }
        (value, Some('f' | 'F' | 'e' | 'E' | 'g' | 'G' | '%')) | (value @ V::Float(_), None) => {
            let Some(f) = value.number() else {
                return Err(format!(
                    "Unknown format code '{}' for object of type '{}'",
                    kind.unwrap_or('f'),
                    value.kind()
                ));
            };
            let digits = precision.unwrap_or(6).min(300);
            let text = match kind {
                Some('e' | 'E') => {
                    let text = format!("{f:.digits$e}");
                    let (head, exponent) = text.split_once('e').unwrap_or((&text, "0"));
                    let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |rest| ("-", rest));
                    format!("{head}e{sign}{exponent:0>2}")
                }
                Some('%') => format!("{:.digits$}%", f * 100.0),
                Some('g' | 'G') | None => match precision {
                    None => float(f),
                    Some(precision) => general(f, precision.max(1)),
                },
                _ => format!("{f:.digits$}"),
            };
            (text, true)
        }
        (value, _) => (value.show(), false),
    };
    let mut body: String = body;
    if let Some(mark) = comma {
        let (head, tail) = body.split_at(body.find('.').unwrap_or(body.len()));
        let (minus, digits) = head.strip_prefix('-').map_or(("", head), |digits| ("-", digits));
        let mut grouped = String::new();
        for (index, c) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index) % 3 == 0 {
                grouped.push(mark);
            }
            grouped.push(c);
        }
        body = format!("{minus}{grouped}{tail}");
    }
    if numeric && sign != '-' && !body.starts_with('-') {
        body.insert(0, sign);
    }
    let missing = width.saturating_sub(body.chars().count());
    let pad = |count: usize| fill.to_string().repeat(count);
    Ok(match align.unwrap_or(if numeric { '>' } else { '<' }) {
        '<' => format!("{body}{}", pad(missing)),
        '^' => format!("{}{body}{}", pad(missing / 2), pad(missing - missing / 2)),
        '=' => {
            let (head, tail) = body.split_at(usize::from(body.starts_with(['-', '+', ' '])));
            format!("{head}{}{tail}", pad(missing))
        }
        _ => format!("{}{body}", pad(missing)),
    })
}

/// `%g`
pub(in crate::shell::commands::system) fn general(f: f64, precision: usize) -> String {
    let exponent = if f == 0.0 { 0 } else { f.abs().log10().floor() as i32 };
    if exponent < -4 || exponent >= i32::try_from(precision).unwrap_or(i32::MAX) {
        let text = format!("{f:.*e}", precision - 1);
        let (head, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let head = if head.contains('.') { head.trim_end_matches('0').trim_end_matches('.') } else { head };
        let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |rest| ("-", rest));
        return format!("{head}e{sign}{exponent:0>2}");
    }
    let digits = usize::try_from(i32::try_from(precision).unwrap_or(6) - 1 - exponent).unwrap_or(0);
    let text = format!("{f:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// The `%` operator of strings.
pub(super) fn percent(template: &str, values: &V) -> Result<String, (String, String)> {
    let args: Vec<V> = match values {
        V::Tuple(list) => list.to_vec(),
        one => vec![one.clone()],
    };
    let mut args_left = args.into_iter();
    let mut text = String::new();
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let mut key = None;
        if chars.peek() == Some(&'(') {
            chars.next();
            key = Some(chars.by_ref().take_while(|c| *c != ')').collect::<String>());
        }
        let mut spec = String::new();
        while let Some(c) = chars.peek().filter(|c| "#0- +.123456789*".contains(**c)) {
            spec.push(*c);
            chars.next();
        }
        let Some(kind) = chars.next() else { return Err(("ValueError".into(), "incomplete format".into())) };
        if kind == '%' {
            text.push('%');
            continue;
        }
        let value = match (&key, values) {
            (Some(key), V::Dict(pairs)) => {
                pairs.borrow().iter().find(|(k, _)| k.show() == *key).map(|(_, v)| v.clone())
            }
            _ => args_left.next(),
        };
        let Some(value) = value else {
            return Err(("TypeError".into(), "not enough arguments for format string".into()));
        };
        let left = spec.contains('-');
        let spec: String = spec.replace('-', "");
        let shown = match kind {
            's' => text_of(&value.show(), &spec),
            'r' => text_of(&value.repr(0), &spec),
            'd' | 'i' | 'u' => match value.number() {
                Some(f) => {
                    let n = value.int().unwrap_or(f as i128);
                    format_value(&V::Int(n), &format!("{spec}d")).unwrap_or_default()
                }
                None => {
                    return Err((
                        "TypeError".into(),
                        format!("%{kind} format: a real number is required, not {}", value.kind()),
                    ));
                }
            },
            'x' | 'X' | 'o' | 'f' | 'F' | 'e' | 'E' | 'g' | 'G' | 'c' => match (&value, kind) {
                (V::Str(s), 'c') => s.to_string(),
                _ => {
                    format_value(&value, &format!("{spec}{kind}")).map_err(|error| ("TypeError".to_string(), error))?
                }
            },
            other => {
                return Err((
                    "ValueError".into(),
                    format!("unsupported format character '{other}' (0x{:x}) at index 1", u32::from(other)),
                ));
            }
        };
        let width = spec
            .trim_start_matches(['0', '+', ' ', '#'])
            .split('.')
            .next()
            .and_then(|text| text.parse::<usize>().ok())
            .unwrap_or(0)
            .min(10_000);
        text.push_str(&if left { format!("{:<width$}", shown.trim_start()) } else { shown });
    }
    if args_left.next().is_some() && !matches!(values, V::Dict(_)) {
        return Err(("TypeError".into(), "not all arguments converted during string formatting".into()));
    }
    Ok(text)
}

fn text_of(shown: &str, spec: &str) -> String {
    let (width, precision) =
        spec.split_once('.').map_or((spec, None), |(width, precision)| (width, precision.parse::<usize>().ok()));
    let width: usize = width.trim_start_matches(['0', '+', ' ', '#']).parse::<usize>().unwrap_or(0).min(10_000);
    let shown: String = shown.chars().take(precision.unwrap_or(usize::MAX)).collect();
    format!("{shown:>width$}")
}
