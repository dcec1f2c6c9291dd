//! Runs the small Python. It runs without waiting; when it needs the world (another program, a line of input, time) it
//! stops, and is run again from the start with the answer, which comes out the same.

mod calls;

mod operators;

use std::collections::HashMap;
use std::rc::Rc;

use super::parse::{Block, Clause, Expr, Kind, Statement};
use super::value::{Func, V, format_value, list, percent, text, tuple};
use super::{builtins, methods};

/// Why running stopped.
pub(super) enum Halt {
    /// An exception, and the lines that it came through with the function names.
    Raise(V, Vec<(usize, String)>),
    Return(V),
    Break,
    Continue,
    Exit(i32),
    Need(Need),
    /// Not acted, or too long.
    Silent,
    Endless,
}

/// What only the world can answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Need {
    /// A command of the shell; whether its output is wanted.
    Run(String, bool),
    Line,
    All,
    Sleep(f64),
    Connect(String, u16),
    Url(String),
}

/// What it answered: a status and bytes.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub status: i32,
    pub bytes: Vec<u8>,
    pub none: bool,
}

pub(super) type Run<T> = Result<T, Halt>;

/// Steps of one run.
const STEPS: u64 = 400_000;
/// Calls inside of calls.
const CALLS: usize = 70;
/// Most bytes that it prints, and most items of a list.
const MOST: usize = 1 << 20;

/// The world of a running program.
pub(super) struct Vm<'a> {
    pub facts: &'a super::Facts,
    pub out: Vec<(bool, String)>,
    pub printed: usize,
    pub globals: HashMap<String, V>,
    locals: Vec<HashMap<String, V>>,
    declared: Vec<Vec<String>>,
    names: Vec<String>,
    pub answers: &'a [Answer],
    pub asked: usize,
    steps: u64,
    line: usize,
    /// Depth of the outermost call that a trace has so far.
    recorded: usize,
    pub random: crate::base::rng::Rng,
    pub writes: Vec<(String, Vec<u8>, bool)>,
}

pub(super) fn raise<T>(kind: &str, message: impl Into<String>) -> Run<T> {
    Err(Halt::Raise(V::Raised(kind.into(), Rc::new(vec![text(message.into())])), Vec::new()))
}

impl<'a> Vm<'a> {
    pub fn new(facts: &'a super::Facts, answers: &'a [Answer]) -> Self {
        let mut globals = HashMap::new();
        globals.insert("__name__".to_string(), text("__main__"));
        globals.insert("__file__".to_string(), text(facts.script.clone()));
        Self {
            facts,
            out: Vec::new(),
            printed: 0,
            globals,
            locals: Vec::new(),
            declared: Vec::new(),
            names: Vec::new(),
            answers,
            asked: 0,
            steps: 0,
            line: 1,
            recorded: 0,
            random: crate::base::rng::Rng::new(facts.seed, "python"),
            writes: Vec::new(),
        }
    }

    pub fn print(&mut self, error: bool, text: &str) -> Run<()> {
        self.printed += text.len();
        if self.printed > MOST {
            return Err(Halt::Endless);
        }
        self.out.push((error, text.to_string()));
        Ok(())
    }

    pub fn step(&mut self, count: usize) -> Run<()> {
        self.steps += count as u64;
        if self.steps > STEPS { Err(Halt::Endless) } else { Ok(()) }
    }

    /// The world's answer, or a stop to get it.
    pub fn need(&mut self, need: Need) -> Run<Answer> {
        let at = self.asked;
        self.asked += 1;
        self.answers.get(at).cloned().ok_or(Halt::Need(need))
    }

    pub fn block(&mut self, block: &Block) -> Run<()> {
        for statement in block {
            self.step(1)?;
            self.line = statement.line;
            if let Err(halt) = self.statement(statement) {
                return Err(match halt {
                    Halt::Raise(value, mut trace) => {
                        let place = self.names.last().cloned().unwrap_or_else(|| "<module>".into());
                        if trace.is_empty() || self.names.len() < self.recorded {
                            trace.push((statement.line, place));
                            self.recorded = self.names.len();
                        }
                        Halt::Raise(value, trace)
                    }
                    other => other,
                });
            }
        }
        Ok(())
    }

    fn loop_body(&mut self, body: &Block) -> Run<bool> {
        match self.block(body) {
            Ok(()) | Err(Halt::Continue) => Ok(true),
            Err(Halt::Break) => Ok(false),
            Err(halt) => Err(halt),
        }
    }

    fn statement(&mut self, statement: &Statement) -> Run<()> {
        match &statement.kind {
            Kind::Expr(expr) => {
                self.eval(expr)?;
            }
            Kind::Assign(targets, value) => {
                let value = self.eval(value)?;
                for target in targets {
                    self.assign(target, value.clone())?;
                }
            }
            Kind::Change(target, op, value) => {
                let old = self.eval(target)?;
                let value = self.eval(value)?;
                if let (V::List(l), "+") = (&old, *op) {
                    let more = self.items(&value)?;
                    self.step(more.len())?;
                    l.borrow_mut().extend(more);
                    return Ok(());
                }
                let new = self.binary(op, &old, &value)?;
                self.assign(target, new)?;
            }
            Kind::If(arms, other) => {
                for (test, body) in arms {
                    if self.eval(test)?.truth() {
                        return self.block(body);
                    }
                }
                self.block(other)?;
            }
            Kind::While(test, body, other) => {
                while self.eval(test)?.truth() {
                    self.step(1)?;
                    if !self.loop_body(body)? {
                        return Ok(());
                    }
                }
                self.block(other)?;
            }
            Kind::For(target, over, body, other) => {
                let over = self.eval(over)?;
                for item in self.items(&over)? {
                    self.step(1)?;
                    self.assign(target, item)?;
                    if !self.loop_body(body)? {
                        return Ok(());
                    }
                }
                self.block(other)?;
            }
            Kind::Def(name, params, body) => {
                let func = self.function(name, params, body.clone(), None)?;
                self.set(name, func);
            }
            Kind::Return(value) => {
                let value = value.as_ref().map_or(Ok(V::None), |value| self.eval(value))?;
                return Err(Halt::Return(value));
            }
            Kind::Break => return Err(Halt::Break),
            Kind::Continue => return Err(Halt::Continue),
            Kind::Pass => {}
            Kind::Other => return Err(Halt::Silent),
            Kind::Global(names) => {
                if let Some(declared) = self.declared.last_mut() {
                    declared.extend(names.iter().cloned());
                }
            }
            Kind::Import(names) => {
                for (name, own) in names {
                    builtins::import(name)?;
                    let short = if name.contains('.') && *own == name.split('.').next().unwrap_or_default() {
                        own.clone()
                    } else {
                        name.clone()
                    };
                    self.set(own, V::Module(short));
                }
            }
            Kind::From(module, names) => {
                builtins::import(module)?;
                for (name, own) in names {
                    let value = builtins::member(self, module, name)?;
                    self.set(own, value);
                }
            }
            Kind::Try(body, handlers, other, last) => {
                let result = self.handled(body, handlers, other);
                self.block(last)?;
                return result;
            }
            Kind::Raise(value) => {
                let value = match value {
                    Some(value) => self.eval(value)?,
                    None => self.lookup("__exception__").unwrap_or(V::Raised(
                        "RuntimeError".into(),
                        Rc::new(vec![text("No active exception to reraise")]),
                    )),
                };
                let value = match value {
                    V::Class(name) => V::Raised(name, Rc::new(Vec::new())),
                    value => value,
                };
                return Err(Halt::Raise(value, Vec::new()));
            }
            Kind::With(value, target, body) => {
                let value = self.eval(value)?;
                if let Some(target) = target {
                    self.assign(target, value.clone())?;
                }
                let result = self.block(body);
                if let V::File(file) = &value {
                    methods::close(self, file);
                }
                return result;
            }
            Kind::Del(targets) => {
                for target in targets {
                    self.delete(target)?;
                }
            }
            Kind::Assert(test, message) => {
                if !self.eval(test)?.truth() {
                    let args = match message {
                        Some(message) => vec![self.eval(message)?],
                        None => Vec::new(),
                    };
                    return Err(Halt::Raise(V::Raised("AssertionError".into(), Rc::new(args)), Vec::new()));
                }
            }
        }
        Ok(())
    }

    fn handled(&mut self, body: &Block, handlers: &[(Option<Expr>, Option<String>, Block)], other: &Block) -> Run<()> {
        let depth = (self.locals.len(), self.names.len());
        match self.block(body) {
            Ok(()) => self.block(other),
            Err(Halt::Raise(value, trace)) => {
                self.locals.truncate(depth.0);
                self.names.truncate(depth.1);
                for (what, name, handler) in handlers {
                    let fits = match what {
                        None => true,
                        Some(what) => {
                            let what = self.eval(what)?;
                            let kinds: Vec<V> = match &what {
                                V::Tuple(list) => list.to_vec(),
                                one => vec![one.clone()],
                            };
                            let kind = value.kind();
                            kinds
                                .iter()
                                .any(|class| matches!(class, V::Class(name) if builtins::is_subclass(&kind, name)))
                        }
                    };
                    if fits {
                        self.set("__exception__", value.clone());
                        if let Some(name) = name {
                            self.set(name, value);
                        }
                        return self.block(handler);
                    }
                }
                Err(Halt::Raise(value, trace))
            }
            Err(halt) => Err(halt),
        }
    }

    fn function(&mut self, name: &str, params: &[(String, Option<Expr>)], body: Block, value: Option<Expr>) -> Run<V> {
        let mut list = Vec::new();
        for (name, default) in params {
            let default = match default {
                Some(default) => Some(self.eval(default)?),
                None => None,
            };
            list.push((name.clone(), default));
        }
        let closure = self
            .locals
            .last()
            .map(|locals| locals.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
            .unwrap_or_default();
        Ok(V::Func(Rc::new(Func { name: name.into(), params: list, body, value, closure })))
    }

    pub fn set(&mut self, name: &str, value: V) {
        let global = self.declared.last().is_some_and(|declared| declared.iter().any(|known| known == name));
        match self.locals.last_mut() {
            Some(locals) if !global => locals.insert(name.into(), value),
            _ => self.globals.insert(name.into(), value),
        };
    }

    pub fn lookup(&self, name: &str) -> Option<V> {
        self.locals.last().and_then(|locals| locals.get(name)).or_else(|| self.globals.get(name)).cloned()
    }

    pub fn assign(&mut self, target: &Expr, value: V) -> Run<()> {
        match target {
            Expr::Name(name) => self.set(name, value),
            Expr::Tuple(targets) | Expr::List(targets) => {
                let items = self.items(&value)?;
                if let Some(star) = targets.iter().position(|target| matches!(target, Expr::Star(_))) {
                    let after = targets.len() - star - 1;
                    if items.len() < star + after {
                        return raise(
                            "ValueError",
                            format!(
                                "not enough values to unpack (expected at least {}, got {})",
                                star + after,
                                items.len()
                            ),
                        );
                    }
                    let middle = items.len() - after;
                    for (at, target) in targets.iter().enumerate() {
                        let value = match at.cmp(&star) {
                            std::cmp::Ordering::Less => items.get(at).cloned(),
                            std::cmp::Ordering::Equal => {
                                Some(list(items.get(star..middle).unwrap_or_default().to_vec()))
                            }
                            std::cmp::Ordering::Greater => items.get(middle + at - star - 1).cloned(),
                        };
                        let target = if let Expr::Star(inner) = target { inner } else { target };
                        self.assign(target, value.unwrap_or(V::None))?;
                    }
                    return Ok(());
                }
                if items.len() != targets.len() {
                    let text = match items.len() > targets.len() {
                        true => format!("too many values to unpack (expected {})", targets.len()),
                        false => {
                            format!("not enough values to unpack (expected {}, got {})", targets.len(), items.len())
                        }
                    };
                    return raise("ValueError", text);
                }
                for (target, item) in targets.iter().zip(items) {
                    self.assign(target, item)?;
                }
            }
            Expr::Index(object, index) => {
                let object = self.eval(object)?;
                let index = self.eval(index)?;
                match &object {
                    V::List(l) => {
                        let Some(n) = index.int() else {
                            return raise(
                                "TypeError",
                                format!("list indices must be integers or slices, not {}", index.kind()),
                            );
                        };
                        let len = l.borrow().len();
                        match position(n, len) {
                            Some(at) => {
                                if let Some(slot) = l.borrow_mut().get_mut(at) {
                                    *slot = value;
                                }
                            }
                            None => return raise("IndexError", "list assignment index out of range"),
                        }
                    }
                    V::Dict(d) => {
                        let at = d.borrow().iter().position(|(key, _)| key.equals(&index));
                        self.step(d.borrow().len() / 8)?;
                        let mut pairs = d.borrow_mut();
                        match at.and_then(|at| pairs.get_mut(at)) {
                            Some(pair) => pair.1 = value,
                            None => pairs.push((index, value)),
                        }
                    }
                    other => {
                        return raise(
                            "TypeError",
                            format!("'{}' object does not support item assignment", other.kind()),
                        );
                    }
                }
            }
            Expr::Attr(object, _) => {
                self.eval(object)?;
            }
            _ => return Err(Halt::Silent),
        }
        Ok(())
    }

    fn delete(&mut self, target: &Expr) -> Run<()> {
        match target {
            Expr::Name(name) => {
                let gone =
                    self.locals.last_mut().and_then(|locals| locals.remove(name)).or_else(|| self.globals.remove(name));
                if gone.is_none() {
                    return raise("NameError", format!("name '{name}' is not defined"));
                }
            }
            Expr::Index(object, index) => {
                let (object, index) = (self.eval(object)?, self.eval(index)?);
                match &object {
                    V::List(l) => {
                        let at = index.int().and_then(|n| position(n, l.borrow().len()));
                        match at {
                            Some(at) => drop(l.borrow_mut().remove(at)),
                            None => return raise("IndexError", "list assignment index out of range"),
                        }
                    }
                    V::Dict(d) => {
                        let at = d.borrow().iter().position(|(key, _)| key.equals(&index));
                        match at {
                            Some(at) => drop(d.borrow_mut().remove(at)),
                            None => return raise_key(index),
                        }
                    }
                    _ => return Err(Halt::Silent),
                }
            }
            _ => return Err(Halt::Silent),
        }
        Ok(())
    }

    /// The items of what can be looped over.
    pub fn items(&mut self, value: &V) -> Run<Vec<V>> {
        let items: Vec<V> = match value {
            V::List(l) | V::Set(l) => l.borrow().clone(),
            V::Tuple(t) => t.to_vec(),
            V::Str(s) => s.chars().map(|c| text(c.to_string())).collect(),
            V::Bytes(b) => b.iter().map(|byte| V::Int(i128::from(*byte))).collect(),
            V::Dict(d) => d.borrow().iter().map(|(key, _)| key.clone()).collect(),
            V::File(file) => {
                let mut file = file.borrow_mut();
                let rest = file.text.get(file.at..).unwrap_or_default().to_string();
                file.at = file.text.len();
                rest.split_inclusive('\n').map(text).collect()
            }
            other => return raise("TypeError", format!("'{}' object is not iterable", other.kind())),
        };
        self.step(items.len())?;
        Ok(items)
    }

    pub fn eval(&mut self, expr: &Expr) -> Run<V> {
        self.step(1)?;
        Ok(match expr {
            Expr::None => V::None,
            Expr::Bool(b) => V::Bool(*b),
            Expr::Int(n) => V::Int(*n),
            Expr::Float(f) => V::Float(*f),
            Expr::Str(s) => text(s.as_str()),
            Expr::Bytes(b) => V::Bytes(Rc::new(b.clone())),
            Expr::Format(pieces) => {
                let mut whole = String::new();
                for (value, plain, repr) in pieces {
                    let Some(value) = value else {
                        whole.push_str(plain);
                        continue;
                    };
                    let value = self.eval(value)?;
                    let value = if *repr { text(value.repr(0)) } else { value };
                    // Widths may be expressions themselves.
                    let spec = match plain.contains('{') {
                        true => {
                            let name = plain.trim_matches(['{', '}']);
                            self.lookup(name.trim_start_matches(['<', '>', '^']).trim_matches(['{', '}']))
                                .map_or_else(String::new, |value| value.show())
                        }
                        false => plain.clone(),
                    };
                    match format_value(&value, &spec) {
                        Ok(shown) => whole.push_str(&shown),
                        Err(error) => return raise("ValueError", error),
                    }
                }
                text(whole)
            }
            Expr::Name(name) => match self.lookup(name) {
                Some(value) => value,
                None => match builtins::named(name) {
                    Some(value) => value,
                    None => {
                        let hint = builtins::near(name, self.globals.keys())
                            .map_or_else(String::new, |near| format!(". Did you mean: '{near}'?"));
                        return raise("NameError", format!("name '{name}' is not defined{hint}"));
                    }
                },
            },
            Expr::List(parts) => list(self.spread(parts)?),
            Expr::Tuple(parts) => tuple(self.spread(parts)?),
            Expr::Set(parts) => {
                let mut items: Vec<V> = Vec::new();
                for item in self.spread(parts)? {
                    self.step(items.len() / 8)?;
                    if !items.iter().any(|known| known.equals(&item)) {
                        items.push(item);
                    }
                }
                V::Set(Rc::new(std::cell::RefCell::new(items)))
            }
            Expr::Dict(pairs) => {
                let mut found: Vec<(V, V)> = Vec::new();
                for (key, value) in pairs {
                    let (key, value) = (self.eval(key)?, self.eval(value)?);
                    match found.iter_mut().find(|(known, _)| known.equals(&key)) {
                        Some(pair) => pair.1 = value,
                        None => found.push((key, value)),
                    }
                }
                V::Dict(Rc::new(std::cell::RefCell::new(found)))
            }
            Expr::Comprehension(element, value, clauses) => {
                let mut found = Vec::new();
                self.comprehend(element, value.as_deref(), clauses, &mut found)?;
                match value {
                    Some(_) => V::Dict(Rc::new(std::cell::RefCell::new(found))),
                    None => list(found.into_iter().map(|(item, _)| item).collect()),
                }
            }
            Expr::Attr(object, name) => {
                let object = self.eval(object)?;
                self.attribute(&object, name)?
            }
            Expr::Index(object, index) => {
                let object = self.eval(object)?;
                let index = self.eval(index)?;
                self.index(&object, &index)?
            }
            Expr::Slice(object, parts) => {
                let object = self.eval(object)?;
                let mut numbers = [None; 3];
                for (slot, part) in numbers.iter_mut().zip(parts) {
                    if let Some(part) = part {
                        *slot = self.eval(part)?.int();
                    }
                }
                self.slice(&object, numbers)?
            }
            Expr::Call(callee, plain, named) => {
                let callee = self.eval(callee)?;
                let args = self.spread(plain)?;
                let mut pairs = Vec::new();
                for (name, value) in named {
                    pairs.push((name.clone(), self.eval(value)?));
                }
                self.call(&callee, args, pairs)?
            }
            Expr::Unary(op, value) => {
                let value = self.eval(value)?;
                match (*op, &value) {
                    ("not", value) => V::Bool(!value.truth()),
                    ("-", V::Float(f)) => V::Float(-f),
                    ("-", value) if value.int().is_some() => V::Int(-value.int().unwrap_or(0)),
                    ("+", value) if value.number().is_some() => value.clone(),
                    ("~", value) if value.int().is_some() => V::Int(!value.int().unwrap_or(0)),
                    (op, value) => {
                        return raise("TypeError", format!("bad operand type for unary {op}: '{}'", value.kind()));
                    }
                }
            }
            Expr::Binary(op, left, right) => {
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                self.binary(op, &left, &right)?
            }
            Expr::Compare(left, rest) => {
                let mut left = self.eval(left)?;
                for (op, right) in rest {
                    let right = self.eval(right)?;
                    if !self.compare(op, &left, &right)? {
                        return Ok(V::Bool(false));
                    }
                    left = right;
                }
                V::Bool(true)
            }
            Expr::And(left, right) => {
                let left = self.eval(left)?;
                if left.truth() { self.eval(right)? } else { left }
            }
            Expr::Or(left, right) => {
                let left = self.eval(left)?;
                if left.truth() { left } else { self.eval(right)? }
            }
            Expr::If(test, value, other) => {
                if self.eval(test)?.truth() {
                    self.eval(value)?
                } else {
                    self.eval(other)?
                }
            }
            Expr::Lambda(params, value) => self.function("<lambda>", params, Vec::new(), Some((**value).clone()))?,
            Expr::Star(inner) => self.eval(inner)?,
        })
    }

    fn spread(&mut self, parts: &[Expr]) -> Run<Vec<V>> {
        let mut items = Vec::new();
        for part in parts {
            match part {
                Expr::Star(inner) => {
                    let value = self.eval(inner)?;
                    items.extend(self.items(&value)?);
                }
                part => items.push(self.eval(part)?),
            }
        }
        Ok(items)
    }

    fn comprehend(
        &mut self,
        element: &Expr,
        value: Option<&Expr>,
        clauses: &[Clause],
        found: &mut Vec<(V, V)>,
    ) -> Run<()> {
        self.step(1)?;
        match clauses.split_first() {
            None => {
                let item = self.eval(element)?;
                match value {
                    Some(value) => {
                        let value = self.eval(value)?;
                        match found.iter_mut().find(|(key, _)| key.equals(&item)) {
                            Some(pair) => pair.1 = value,
                            None => found.push((item, value)),
                        }
                    }
                    None => found.push((item, V::None)),
                }
            }
            Some((Clause::If(test), rest)) => {
                if self.eval(test)?.truth() {
                    self.comprehend(element, value, rest, found)?;
                }
            }
            Some((Clause::For(target, over), rest)) => {
                let over = self.eval(over)?;
                for item in self.items(&over)? {
                    self.assign(target, item)?;
                    self.comprehend(element, value, rest, found)?;
                }
            }
        }
        Ok(())
    }
}

/// Where an index, perhaps from the end, points.
pub(super) fn position(n: i128, len: usize) -> Option<usize> {
    let size = i128::try_from(len).ok()?;
    let at = if n < 0 { n + size } else { n };
    usize::try_from(at).ok().filter(|at| *at < len)
}

pub(super) fn raise_key<T>(key: V) -> Run<T> {
    Err(Halt::Raise(V::Raised("KeyError".into(), Rc::new(vec![text(key.repr(0))])), Vec::new()))
}

/// Floats for those who want a number.
pub(super) fn number(value: Option<&V>) -> f64 {
    value.and_then(V::number).unwrap_or(0.0)
}
