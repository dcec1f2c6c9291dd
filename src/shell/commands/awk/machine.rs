//! Runs compiled awk programs.

mod builtins;
mod streams;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::regexp::{Flags, Regexp, Syntax};
use super::compile::{Place, Program, SPECIAL, Slot, Step, Target};
use super::functions::{self, Separator};
use super::input::Input;
use super::value::{Array, Table, Value};
use crate::shell::cmd::{Child, Cmd};
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::File;

// Slots of the special variables.
const NF: usize = 0;
const NR: usize = 1;
const FNR: usize = 2;
const FS: usize = 3;
const OFS: usize = 4;
const ORS: usize = 5;
const RS: usize = 6;
const FILENAME: usize = 7;
const SUBSEP: usize = 8;
const RSTART: usize = 9;
const RLENGTH: usize = 10;
const CONVFMT: usize = 11;
const OFMT: usize = 12;
const ENVIRON: usize = 13;
const ARGC: usize = 14;
const ARGV: usize = 15;

/// Calls within calls, values on the stack, fields of a record, bytes of all array elements' keys and values (about).
const CALLS: usize = 2000;
const STACK: usize = 100_000;
const FIELDS: usize = 1 << 20;
const ELEMENTS: usize = 1 << 20;
/// Compiled dynamic patterns that are kept.
const PATTERNS: usize = 200;
/// Output that gathers before it is written.
const BUFFER: usize = 4096;

struct Frame {
    back: usize,
    locals: Vec<Value>,
    stack: usize,
    loops: usize,
}

enum Output {
    File(File),
    Pipe(Vec<u8>),
    Standard(bool),
}

pub(super) struct Machine {
    program: Arc<Program>,
    globals: Vec<Value>,
    stack: Vec<Value>,
    frames: Vec<Frame>,
    loops: Vec<VecDeque<Vec<u8>>>,
    inside: Vec<bool>,
    record: Arc<[u8]>,
    fields: Vec<Value>,
    /// The fields are those of the record.
    split: bool,
    /// The record is made of the fields.
    joined: bool,
    main: Option<Input>,
    arg: usize,
    opened: bool,
    inputs: HashMap<Vec<u8>, Input>,
    outputs: Vec<(Vec<u8>, Output)>,
    patterns: HashMap<Vec<u8>, Arc<Regexp>>,
    names: HashMap<String, usize>,
    seed: (u64, u64),
    elements: usize,
    status: i32,
    /// Standard output that is not yet written.
    out: Vec<u8>,
}

enum Ended {
    Halt,
    Next,
    Exit,
    Fatal,
}

/// Whether it may name a variable.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn entries(array: &Array) -> std::sync::MutexGuard<'_, Table> {
    array.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Machine {
    pub fn new(c: &Cmd, program: Program, operands: &[String]) -> Self {
        let mut globals = vec![Value::Nothing; program.globals.len()];
        let mut set = |slot: usize, value: Value| {
            if let Some(place) = globals.get_mut(slot) {
                *place = value;
            }
        };
        for (slot, value) in
            [(FS, " "), (OFS, " "), (ORS, "\n"), (RS, "\n"), (SUBSEP, "\x1c"), (CONVFMT, "%.6g"), (OFMT, "%.6g")]
        {
            set(slot, Value::text(value));
        }
        for slot in [NF, NR, FNR, RSTART] {
            set(slot, Value::Number(0.0));
        }
        set(RLENGTH, Value::Number(-1.0));
        let mut environ = Table::default();
        for (name, value) in c.environ() {
            environ.insert(text::encode(name), Value::input(&text::encode(value)));
        }
        set(ENVIRON, Value::Array(Arc::new(Mutex::new(environ))));
        let mut argv = Table::default();
        argv.insert(b"0".to_vec(), Value::text("awk"));
        for (at, operand) in operands.iter().enumerate() {
            argv.insert((at + 1).to_string().into_bytes(), Value::input(&text::encode(operand)));
        }
        set(ARGC, Value::Number(argv.len() as f64));
        set(ARGV, Value::Array(Arc::new(Mutex::new(argv))));
        debug_assert!(SPECIAL.len() == ARGV + 1);
        let seed = c.now().as_second().unsigned_abs();
        Self {
            names: program.globals.clone(),
            inside: vec![false; program.ranges],
            program: Arc::new(program),
            globals,
            stack: Vec::new(),
            frames: Vec::new(),
            loops: Vec::new(),
            record: Arc::from(&b""[..]),
            fields: Vec::new(),
            split: true,
            joined: true,
            main: None,
            arg: 1,
            opened: false,
            inputs: HashMap::new(),
            outputs: Vec::new(),
            patterns: HashMap::new(),
            seed: (seed, seed),
            elements: 0,
            status: 0,
            out: Vec::new(),
        }
    }

    /// Sets a variable from outside (`-v`, an operand).
    pub fn assign(&mut self, name: &str, value: &[u8]) {
        let next = self.globals.len();
        let slot = *self.names.entry(name.to_string()).or_insert(next);
        if slot == next {
            self.globals.push(Value::Nothing);
        }
        self.set_global(slot, Value::input(value));
    }

    pub async fn run(mut self, c: &mut Cmd) -> Result<i32, Stop> {
        let program = Arc::clone(&self.program);
        let mut exiting = false;
        for &entry in &program.begin {
            match self.execute(c, entry).await? {
                Ended::Exit => {
                    exiting = true;
                    break;
                }
                Ended::Fatal => return self.finish(c, 2).await,
                _ => {}
            }
        }
        if !exiting && (program.main.is_some() || !program.end.is_empty()) {
            loop {
                match self.main_record(c).await? {
                    Err(()) => return self.finish(c, 2).await,
                    Ok(None) => break,
                    Ok(Some(record)) => self.set_record(record),
                }
                if let Some(entry) = program.main {
                    match self.execute(c, entry).await? {
                        Ended::Exit => {
                            exiting = true;
                            break;
                        }
                        Ended::Fatal => return self.finish(c, 2).await,
                        _ => {}
                    }
                }
                c.spend(6).await?;
                c.tick().await?;
            }
        }
        let _ = exiting;
        for &entry in &program.end {
            match self.execute(c, entry).await? {
                Ended::Exit => break,
                Ended::Fatal => return self.finish(c, 2).await,
                _ => {}
            }
        }
        let status = self.status;
        self.finish(c, status).await
    }

    async fn finish(&mut self, c: &mut Cmd, status: i32) -> Result<i32, Stop> {
        for (name, output) in std::mem::take(&mut self.outputs) {
            if let Output::Pipe(bytes) = output {
                run_command(c, &name, Some(bytes), false).await?;
            }
        }
        self.flush(c);
        Ok(status)
    }

    // ---- variables -----------------------------------------------------------------------------------------------

    fn convfmt(&self) -> String {
        String::from_utf8_lossy(&self.global(CONVFMT).bytes("%.6g")).into_owned()
    }

    fn bytes(&self, value: &Value) -> Arc<[u8]> {
        match value {
            Value::Number(_) => value.bytes(&self.convfmt()),
            other => other.bytes(""),
        }
    }

    fn global(&self, slot: usize) -> Value {
        self.globals.get(slot).cloned().unwrap_or_default()
    }

    fn set_global(&mut self, slot: usize, value: Value) {
        if slot == FS {
            self.split_fields();
        }
        if slot == NF {
            self.split_fields();
            let count = value.number().clamp(0.0, FIELDS as f64) as usize;
            self.fields.resize(count, Value::Nothing);
            self.joined = false;
        }
        if let Some(place) = self.globals.get_mut(slot) {
            *place = value;
        }
    }

    fn get(&mut self, slot: Slot) -> Value {
        match slot {
            Slot::Global(slot) => {
                if slot == NF {
                    self.split_fields();
                }
                self.global(slot)
            }
            Slot::Local(slot) => {
                self.frames.last().and_then(|frame| frame.locals.get(slot)).cloned().unwrap_or_default()
            }
        }
    }

    fn set(&mut self, slot: Slot, value: Value) {
        match slot {
            Slot::Global(slot) => self.set_global(slot, value),
            Slot::Local(slot) => {
                if let Some(place) = self.frames.last_mut().and_then(|frame| frame.locals.get_mut(slot)) {
                    *place = value;
                }
            }
        }
    }

    /// The array of a variable, which becomes one if it was nothing.
    fn array(&mut self, slot: Slot) -> Array {
        if let Value::Array(array) = self.get(slot) {
            return array;
        }
        let array: Array = Arc::default();
        self.set(slot, Value::Array(Arc::clone(&array)));
        array
    }

    fn load(&mut self, place: Place) -> Value {
        match place {
            Place::Var(slot) => match self.get(slot) {
                Value::Array(_) => Value::Nothing,
                value => value,
            },
            Place::Field => {
                let index = self.pop().number();
                self.field(index)
            }
            Place::Element(slot) => {
                let key = self.pop_key();
                let array = self.array(slot);
                let known = entries(&array).get(&key);
                if known.is_none() && self.elements < ELEMENTS {
                    self.elements += 1;
                    entries(&array).insert(key, Value::Nothing);
                }
                known.unwrap_or_default()
            }
        }
    }

    /// Stores with the subscript on top of the stack.
    fn store(&mut self, place: Place, value: Value) {
        let value = match value {
            Value::Pattern(_) => Value::Nothing,
            value => value,
        };
        match place {
            Place::Var(slot) => self.set(slot, value),
            Place::Field => {
                let index = self.pop().number();
                self.set_field(index, value);
            }
            Place::Element(slot) => {
                let key = self.pop_key();
                let array = self.array(slot);
                let mut entries = entries(&array);
                if self.elements < ELEMENTS || entries.get(&key).is_some() {
                    self.elements += usize::from(entries.insert(key, value));
                }
            }
        }
    }

    fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or_default()
    }

    fn pop_key(&mut self) -> Vec<u8> {
        let value = self.pop();
        self.bytes(&value).to_vec()
    }

    fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    // ---- the record ----------------------------------------------------------------------------------------------

    fn set_record(&mut self, record: Vec<u8>) {
        self.record = record.into();
        self.split = false;
        self.joined = true;
    }

    fn separator_split(&mut self, text: &[u8], separator: &Value) -> Vec<Vec<u8>> {
        if let Value::Pattern(pattern) = separator {
            return functions::split(text, &Separator::Pattern(pattern), false);
        }
        let source = self.bytes(separator);
        let paragraph = self.bytes(&self.global(RS)).is_empty();
        match *source {
            [] => functions::split(text, &Separator::Each, false),
            [b' '] => functions::split(text, &Separator::Blanks, false),
            [byte] => functions::split(text, &Separator::Byte(byte), paragraph),
            _ => match self.pattern(&source) {
                Some(pattern) => functions::split(text, &Separator::Pattern(&pattern), false),
                None => vec![text.to_vec()],
            },
        }
    }

    fn split_fields(&mut self) {
        if self.split {
            return;
        }
        self.split = true;
        let separator = self.global(FS);
        let record = Arc::clone(&self.record);
        let mut fields = self.separator_split(&record, &separator);
        fields.truncate(FIELDS);
        self.fields = fields.iter().map(|field| Value::input(field)).collect();
        if let Some(nf) = self.globals.get_mut(NF) {
            *nf = Value::Number(self.fields.len() as f64);
        }
    }

    fn join(&mut self) {
        if self.joined {
            return;
        }
        self.joined = true;
        let separator = self.bytes(&self.global(OFS));
        let parts: Vec<Arc<[u8]>> = self.fields.iter().map(|field| self.bytes(field)).collect();
        self.record = parts.join(&separator[..]).into();
    }

    fn field(&mut self, index: f64) -> Value {
        if index < 1.0 {
            self.join();
            return Value::input(&self.record);
        }
        self.split_fields();
        self.fields.get(index as usize - 1).cloned().unwrap_or_default()
    }

    fn set_field(&mut self, index: f64, value: Value) {
        if index < 1.0 {
            let bytes = self.bytes(&value).to_vec();
            return self.set_record(bytes);
        }
        self.split_fields();
        let index = index as usize;
        if index > FIELDS {
            return;
        }
        if index > self.fields.len() {
            self.fields.resize(index, Value::Nothing);
            if let Some(nf) = self.globals.get_mut(NF) {
                *nf = Value::Number(index as f64);
            }
        }
        if let Some(field) = self.fields.get_mut(index - 1) {
            *field = value;
        }
        self.joined = false;
    }

    fn pattern(&mut self, source: &[u8]) -> Option<Arc<Regexp>> {
        if let Some(pattern) = self.patterns.get(source) {
            return Some(Arc::clone(pattern));
        }
        let pattern = Arc::new(Regexp::new(&text::decode(source), Syntax::Awk, Flags::default()).ok()?);
        if self.patterns.len() >= PATTERNS {
            self.patterns.clear();
        }
        self.patterns.insert(source.to_vec(), Arc::clone(&pattern));
        Some(pattern)
    }

    fn value_pattern(&mut self, value: &Value) -> Option<Arc<Regexp>> {
        if let Value::Pattern(pattern) = value {
            return Some(Arc::clone(pattern));
        }
        let source = self.bytes(value);
        self.pattern(&source)
    }

    // ---- the machine ---------------------------------------------------------------------------------------------

    async fn execute(&mut self, c: &mut Cmd, entry: usize) -> Result<Ended, Stop> {
        let program = Arc::clone(&self.program);
        self.stack.clear();
        self.frames.clear();
        self.loops.clear();
        let mut at = entry;
        let mut steps = 0u64;
        while let Some(step) = program.steps.get(at) {
            at += 1;
            steps += 1;
            if steps >= 64 {
                c.spend(steps).await?;
                steps = 0;
                c.tick().await?;
            }
            if self.stack.len() > STACK {
                c.complain("program limit exceeded: evaluation stack");
                return Ok(Ended::Fatal);
            }
            match step {
                Step::Number(value) => self.push(Value::Number(*value)),
                Step::Text(bytes) => self.push(Value::Text(Arc::clone(bytes))),
                Step::Pattern(pattern) => self.push(Value::Pattern(Arc::clone(pattern))),
                Step::MatchRecord(pattern) => {
                    self.join();
                    let found = pattern.is_match(&self.record);
                    self.push(Value::truth(found));
                }
                Step::Load(place) => {
                    let value = self.load(*place);
                    self.push(value);
                }
                Step::LoadArgument(slot) => {
                    let mut value = self.get(*slot);
                    if matches!(value, Value::Nothing) {
                        value = Value::Array(self.array(*slot));
                    }
                    self.push(value);
                }
                Step::Store(place) => {
                    let value = self.pop();
                    self.store(*place, value.clone());
                    self.push(value);
                }
                Step::Update(place, op) => {
                    let value = self.pop().number();
                    let key = if matches!(place, Place::Var(_)) { None } else { Some(self.pop()) };
                    self.stack.extend(key.clone());
                    let old = self.load(*place).number();
                    self.stack.extend(key);
                    let new = Value::Number(calculate(*op, old, value));
                    self.store(*place, new.clone());
                    self.push(new);
                }
                Step::Add(place, by, old_value) => {
                    let key = if matches!(place, Place::Var(_)) { None } else { Some(self.pop()) };
                    self.stack.extend(key.clone());
                    let old = self.load(*place).number();
                    self.stack.extend(key);
                    self.store(*place, Value::Number(old + by));
                    self.push(Value::Number(if *old_value { old } else { old + by }));
                }
                Step::Binary(op) => {
                    let right = self.pop().number();
                    let left = self.pop().number();
                    self.push(Value::Number(calculate(*op, left, right)));
                }
                Step::Compare(op) => {
                    let right = self.pop();
                    let left = self.pop();
                    let result = self.compare(op, &left, &right);
                    self.push(Value::truth(result));
                }
                Step::Match(negated) => {
                    let pattern = self.pop();
                    let value = self.pop();
                    let bytes = self.bytes(&value);
                    let Some(pattern) = self.value_pattern(&pattern) else { return Ok(bad_pattern(c)) };
                    self.push(Value::truth(pattern.is_match(&bytes) != *negated));
                }
                Step::Not => {
                    let value = self.pop();
                    self.push(Value::truth(!value.is_true()));
                }
                Step::Negate => {
                    let value = self.pop().number();
                    self.push(Value::Number(-value));
                }
                Step::ToNumber => {
                    let value = self.pop().number();
                    self.push(Value::Number(value));
                }
                Step::ToBool => {
                    let value = self.pop();
                    self.push(Value::truth(value.is_true()));
                }
                Step::Concat => {
                    let right = self.pop();
                    let left = self.pop();
                    let (left, right) = (self.bytes(&left), self.bytes(&right));
                    if left.len() + right.len() > c.bound() {
                        c.complain("out of memory");
                        return Ok(Ended::Fatal);
                    }
                    c.spend((left.len() + right.len()) as u64 / 256).await?;
                    self.push(Value::text([&left[..], &right[..]].concat()));
                }
                Step::Subscript(count) => {
                    let from = self.stack.len().saturating_sub(*count);
                    let parts: Vec<Value> = self.stack.drain(from..).collect();
                    let parts: Vec<Arc<[u8]>> = parts.iter().map(|part| self.bytes(part)).collect();
                    let separator = self.bytes(&self.global(SUBSEP));
                    self.push(Value::text(parts.join(&separator[..])));
                }
                Step::In(slot) => {
                    let key = self.pop_key();
                    let array = self.array(*slot);
                    let found = entries(&array).get(&key).is_some();
                    self.push(Value::truth(found));
                }
                Step::Delete(slot) => {
                    let key = self.pop_key();
                    let array = self.array(*slot);
                    if entries(&array).remove(&key) {
                        self.elements = self.elements.saturating_sub(1);
                    }
                }
                Step::Clear(slot) => {
                    let array = self.array(*slot);
                    self.elements = self.elements.saturating_sub(entries(&array).len());
                    entries(&array).clear();
                }
                Step::Jump(to) => at = *to,
                Step::IfNot(to) => {
                    if !self.pop().is_true() {
                        at = *to;
                    }
                }
                Step::AndJump(to) | Step::OrJump(to) => {
                    let value = self.pop().is_true();
                    if value == matches!(step, Step::OrJump(_)) {
                        self.push(Value::truth(value));
                        at = *to;
                    }
                }
                Step::Pop => {
                    self.pop();
                }
                Step::Call(number, count) => {
                    let Some(function) = program.functions.get(*number) else { return Ok(Ended::Fatal) };
                    let from = self.stack.len().saturating_sub(*count);
                    let mut locals: Vec<Value> = self.stack.drain(from..).collect();
                    if *count > function.params || self.frames.len() >= CALLS {
                        c.complain("function call nested too deeply or with too many arguments");
                        return Ok(Ended::Fatal);
                    }
                    locals.resize(function.params, Value::Nothing);
                    let frame = Frame { back: at, locals, stack: self.stack.len(), loops: self.loops.len() };
                    self.frames.push(frame);
                    at = function.entry.unwrap_or(usize::MAX);
                }
                Step::Return => {
                    let value = self.pop();
                    let Some(frame) = self.frames.pop() else { return Ok(Ended::Halt) };
                    self.stack.truncate(frame.stack);
                    self.loops.truncate(frame.loops);
                    at = frame.back;
                    self.push(value);
                }
                Step::Builtin(name, count) => {
                    let from = self.stack.len().saturating_sub(*count);
                    let args: Vec<Value> = self.stack.drain(from..).collect();
                    let Some(value) = self.builtin(c, name, args).await? else { return Ok(Ended::Fatal) };
                    self.push(value);
                }
                Step::Substitute(all, place) => {
                    let key = if matches!(place, Place::Var(_)) { None } else { Some(self.pop()) };
                    // sub(/a/, "b") has the record's number on top even for a plain variable's absence.
                    let replacement = self.pop();
                    let pattern = self.pop();
                    let replacement = self.bytes(&replacement);
                    let Some(pattern) = self.value_pattern(&pattern) else { return Ok(bad_pattern(c)) };
                    self.stack.extend(key.clone());
                    let old = self.load(*place);
                    let old = self.bytes(&old);
                    c.spend(old.len() as u64 / 32).await?;
                    let (new, count) = functions::substitute(&pattern, &replacement, &old, *all, c.bound());
                    if count > 0 {
                        self.stack.extend(key);
                        self.store(*place, Value::text(new));
                    }
                    self.push(Value::Number(count as f64));
                }
                Step::Split(slot, own) => {
                    let separator = if *own { self.pop() } else { self.global(FS) };
                    let value = self.pop();
                    let bytes = self.bytes(&value);
                    c.spend(bytes.len() as u64 / 16).await?;
                    let parts = self.separator_split(&bytes, &separator);
                    let array = self.array(*slot);
                    self.elements = self.elements.saturating_sub(entries(&array).len()) + parts.len();
                    let mut entries = entries(&array);
                    entries.clear();
                    for (at, part) in parts.iter().enumerate() {
                        entries.insert((at + 1).to_string().into_bytes(), Value::input(part));
                    }
                    drop(entries);
                    self.push(Value::Number(parts.len() as f64));
                }
                Step::Getline(from, place) => {
                    let result = self.getline(c, *from, *place).await?;
                    self.push(Value::Number(result));
                }
                Step::Print(count, target) | Step::Printf(count, target) => {
                    let name = if *target == Target::Out { Vec::new() } else { self.pop_key() };
                    let from = self.stack.len().saturating_sub(*count);
                    let args: Vec<Value> = self.stack.drain(from..).collect();
                    let line = if matches!(step, Step::Print(..)) {
                        self.printed(&args)
                    } else {
                        let (format, args) =
                            args.split_first().map_or((Value::Nothing, &[][..]), |(f, a)| (f.clone(), a));
                        let format = self.bytes(&format);
                        match functions::format(&format, args, &self.convfmt(), c.bound()) {
                            Ok(line) => line,
                            Err(error) => {
                                c.complain(&format!("run time error: {}", error.replace("sprintf", "printf")));
                                self.where_it_was(c);
                                return Ok(Ended::Fatal);
                            }
                        }
                    };
                    if !self.write(c, *target, &name, &line) {
                        return Ok(Ended::Fatal);
                    }
                }
                Step::Next => return Ok(Ended::Next),
                Step::NextFile => {
                    self.main = None;
                    return Ok(Ended::Next);
                }
                Step::Exit => {
                    let code = self.pop().number();
                    if code >= 0.0 {
                        self.status = (code as i64 & 0xff) as i32;
                    }
                    return Ok(Ended::Exit);
                }
                Step::LoopStart(slot) => {
                    let array = self.array(*slot);
                    let keys: VecDeque<Vec<u8>> = entries(&array).keys().into();
                    c.spend(keys.len() as u64).await?;
                    self.loops.push(keys);
                }
                Step::LoopNext(place, end) => match self.loops.last_mut().and_then(VecDeque::pop_front) {
                    Some(key) => self.store(*place, Value::input(&key)),
                    None => at = *end,
                },
                Step::LoopEnd => {
                    self.loops.pop();
                }
                Step::IfInside(range, to) => {
                    if self.inside.get(*range).copied().unwrap_or(false) {
                        at = *to;
                    }
                }
                Step::SetInside(range, inside) => {
                    if let Some(flag) = self.inside.get_mut(*range) {
                        *flag = *inside;
                    }
                }
                Step::Halt => return Ok(Ended::Halt),
            }
        }
        Ok(Ended::Halt)
    }

    fn compare(&self, op: &str, left: &Value, right: &Value) -> bool {
        let order = if left.is_numeric() && right.is_numeric() {
            left.number().partial_cmp(&right.number())
        } else {
            Some(self.bytes(left).cmp(&self.bytes(right)))
        };
        use std::cmp::Ordering::{Equal, Greater, Less};
        match op {
            "<" => order == Some(Less),
            "<=" => matches!(order, Some(Less | Equal)),
            "==" => order == Some(Equal),
            "!=" => order != Some(Equal),
            ">" => order == Some(Greater),
            _ => matches!(order, Some(Greater | Equal)),
        }
    }
}

fn bad_pattern(c: &mut Cmd) -> Ended {
    c.complain("regular expression compile failed");
    Ended::Fatal
}

fn calculate(op: char, left: f64, right: f64) -> f64 {
    match op {
        '+' => left + right,
        '-' => left - right,
        '*' => left * right,
        '/' => left / right,
        '%' => left % right,
        _ => left.powf(right),
    }
}

/// Runs `sh -c COMMAND`; with `capture` its output comes back.
async fn run_command(
    c: &mut Cmd,
    command: &[u8],
    input: Option<Vec<u8>>,
    capture: bool,
) -> Result<(i32, Vec<u8>), Stop> {
    let argv = ["sh".to_string(), "-c".to_string(), text::decode(command)];
    let child = Child { stdin: input, capture, ..Child::default() };
    let future: crate::shell::kernel::Boxed<'_, Result<i32, Stop>> = Box::pin(c.exec_with(&argv, child));
    let status = future.await?;
    Ok((status, if capture { c.captured() } else { Vec::new() }))
}
