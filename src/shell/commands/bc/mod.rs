//! `bc` (GNU bc 1.07): arithmetic, variables, comparisons, `if`, `while`, `for`, `sqrt`, `length`, `scale`.

mod number;

use std::collections::HashMap;

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use number::{LONGEST, Number};

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::take(c, "h i,interactive l,mathlib q,quiet s,standard w,warn v", 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let mut bc = Bc::default();
    if found.has("l") {
        bc.scale = 20;
    }
    for file in &found.rest {
        match c.slurp(file).await? {
            Ok(bytes) => {
                if !bc.program(c, &text::decode(&bytes)).await? {
                    return Ok(0);
                }
            }
            Err(_) => {
                c.err(&format!("File {file} is unavailable.\n"));
                return Ok(1);
            }
        }
    }
    let mut held = String::new();
    while let Some(line) = c.read_line().await? {
        held.push_str(&text::decode(&line));
        // A block or a continued line is read to its end first.
        let open = held.matches('{').count() > held.matches('}').count() || held.ends_with("\\\n");
        if open && held.len() < LONGEST {
            continue;
        }
        let text = std::mem::take(&mut held);
        if !bc.program(c, &text).await? {
            return Ok(0);
        }
        c.tick().await?;
    }
    if !held.is_empty() {
        bc.program(c, &held).await?;
    }
    Ok(0)
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(String),
    Name(String),
    Text(String),
    Op(&'static str),
    Line,
}

const OPS: [&str; 35] = [
    "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "==", "!=", "<=", ">=", "&&", "||", "+", "-", "*", "/", "%", "^",
    "=", "<", ">", "!", "(", ")", "{", "}", ";", ",", "[", "]", "?", ":", "&",
];
/// Expressions within expressions.
const DEPTH: usize = 100;

fn tokens(source: &str) -> Result<Vec<Token>, char> {
    let mut list = Vec::new();
    let source = source.replace("\\\n", "");
    let mut rest = source.as_str();
    while let Some(c) = rest.chars().next() {
        let span = |test: &dyn Fn(char) -> bool| rest.find(|c: char| !test(c)).unwrap_or(rest.len());
        let len = match c {
            '\n' => {
                list.push(Token::Line);
                1
            }
            ' ' | '\t' | '\r' => 1,
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => {
                let end = rest.get(1..).and_then(|after| after.find('"')).map_or(rest.len(), |end| end + 2);
                list.push(Token::Text(rest.get(1..end.max(2) - 1).unwrap_or_default().to_string()));
                end
            }
            '0'..='9' | 'A'..='F' | '.' => {
                let len = span(&|c| c.is_ascii_digit() || ('A'..='F').contains(&c) || c == '.');
                list.push(Token::Number(rest.get(..len).unwrap_or_default().to_string()));
                len
            }
            'a'..='z' => {
                let len = span(&|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
                list.push(Token::Name(rest.get(..len).unwrap_or_default().to_string()));
                len
            }
            other => {
                let Some(op) = OPS.iter().find(|op| rest.starts_with(**op)) else { return Err(other) };
                list.push(Token::Op(op));
                op.len()
            }
        };
        rest = rest.get(len.max(1)..).unwrap_or_default();
    }
    Ok(list)
}

struct Bc {
    scale: usize,
    ibase: u32,
    obase: u32,
    variables: HashMap<String, Number>,
    last: Number,
    list: Vec<Token>,
    at: usize,
    depth: usize,
    steps: u64,
    out: String,
    warnings: String,
    ended: bool,
    stop: Flow,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Go,
    Break,
    Continue,
}

impl Default for Bc {
    fn default() -> Self {
        Self {
            scale: 0,
            ibase: 10,
            obase: 10,
            variables: HashMap::new(),
            last: Number::default(),
            list: Vec::new(),
            at: 0,
            depth: 0,
            steps: 0,
            out: String::new(),
            warnings: String::new(),
            ended: false,
            stop: Flow::Go,
        }
    }
}

/// What went wrong: in the syntax, or while it ran.
enum Fault {
    Syntax,
    Runtime(&'static str),
}

type Done<T> = Result<T, Fault>;

/// Steps (about digits touched) that one piece of input may take.
const STEPS: u64 = 50_000_000;

impl Bc {
    /// Runs a piece of input; `false` after `quit`.
    async fn program(&mut self, c: &mut Cmd, source: &str) -> Result<bool, Stop> {
        let lines = source.lines().count();
        match tokens(source) {
            Ok(list) => self.list = list,
            Err(bad) => {
                c.err(&format!("(standard_in) {}: illegal character: {bad}\n", lines.max(1)));
                return Ok(true);
            }
        }
        self.at = 0;
        self.steps = 0;
        while self.at < self.list.len() && !self.ended {
            let result = self.statement(true);
            c.out(&std::mem::take(&mut self.out));
            if !self.warnings.is_empty() {
                c.err(&std::mem::take(&mut self.warnings));
            }
            c.spend(self.steps / 16).await?;
            match result {
                Ok(()) => {}
                Err(Fault::Syntax) => {
                    let ahead = usize::from(matches!(self.peek(), None | Some(Token::Line)));
                    c.err(&format!("(standard_in) {}: syntax error\n", lines.max(1) + ahead));
                    break;
                }
                Err(Fault::Runtime(text)) => {
                    c.err(&format!("Runtime error (func=(main), adr=3): {text}\n"));
                    break;
                }
            }
        }
        Ok(!self.ended)
    }

    fn peek(&self) -> Option<&Token> {
        self.list.get(self.at)
    }

    fn accept(&mut self, op: &'static str) -> bool {
        let found = self.peek() == Some(&Token::Op(op));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, op: &'static str) -> Done<()> {
        if self.accept(op) { Ok(()) } else { Err(Fault::Syntax) }
    }

    fn spend(&mut self, number: &Number) -> Done<()> {
        self.steps += 1 + number.len() as u64;
        if self.steps > STEPS || number.len() > LONGEST { Err(Fault::Runtime("Out of memory")) } else { Ok(()) }
    }

    fn lines(&mut self) {
        while self.peek() == Some(&Token::Line) {
            self.at += 1;
        }
    }

    /// A statement; skipped over if not `run`.
    fn statement(&mut self, run: bool) -> Done<()> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Fault::Syntax);
        }
        let result = self.statement_inner(run && self.stop == Flow::Go && !self.ended);
        self.depth -= 1;
        result
    }

    fn statement_inner(&mut self, run: bool) -> Done<()> {
        match self.peek().cloned() {
            None => {}
            Some(Token::Line | Token::Op(";")) => self.at += 1,
            Some(Token::Op("{")) => {
                self.at += 1;
                while !self.accept("}") {
                    if self.peek().is_none() {
                        return Err(Fault::Syntax);
                    }
                    self.statement(run)?;
                }
            }
            Some(Token::Text(text)) => {
                self.at += 1;
                if run {
                    self.out.push_str(&text);
                }
            }
            Some(Token::Name(word)) => match word.as_str() {
                "quit" | "halt" => {
                    self.at += 1;
                    self.ended = run || word == "quit";
                }
                "break" | "continue" => {
                    self.at += 1;
                    if run {
                        self.stop = if word == "break" { Flow::Break } else { Flow::Continue };
                    }
                }
                "if" => {
                    self.at += 1;
                    self.expect("(")?;
                    let holds = !self.expression()?.is_zero();
                    self.expect(")")?;
                    self.lines();
                    self.statement(run && holds)?;
                    let back = self.at;
                    self.lines();
                    if self.peek() == Some(&Token::Name("else".into())) {
                        self.at += 1;
                        self.lines();
                        self.statement(run && !holds)?;
                    } else {
                        self.at = back;
                    }
                }
                "while" => {
                    self.at += 1;
                    self.expect("(")?;
                    let top = self.at;
                    self.repeat(run, top, None)?;
                }
                "for" => {
                    self.at += 1;
                    self.expect("(")?;
                    self.optional(";", run)?;
                    let test = self.at;
                    self.skip_to(";")?;
                    let step = self.at;
                    self.skip_to(")")?;
                    self.repeat(run, test, Some(step))?;
                }
                "print" => {
                    self.at += 1;
                    loop {
                        match self.peek().cloned() {
                            Some(Token::Text(text)) => {
                                self.at += 1;
                                if run {
                                    self.out.push_str(&text.replace("\\n", "\n").replace("\\t", "\t"));
                                }
                            }
                            _ => {
                                let value = self.expression()?;
                                if run {
                                    let text = value.show(self.obase);
                                    self.out.push_str(&text);
                                }
                            }
                        }
                        if !self.accept(",") {
                            break;
                        }
                    }
                }
                _ => self.shown(run)?,
            },
            Some(_) => self.shown(run)?,
        }
        Ok(())
    }

    /// An expression as a statement: printed unless it is an assignment.
    fn shown(&mut self, run: bool) -> Done<()> {
        // The token behind the name, or behind the name's subscript.
        let mut behind = self.at + 1;
        if self.list.get(behind) == Some(&Token::Op("[")) {
            let close = self.list.iter().skip(behind).position(|token| *token == Token::Op("]"));
            behind += close.map_or(0, |close| close + 1);
        }
        let assigns = matches!(
            (self.peek(), self.list.get(behind)),
            (Some(Token::Name(_)), Some(Token::Op("=" | "+=" | "-=" | "*=" | "/=" | "%=" | "^=")))
        );
        if !run {
            // Skipped: nothing may change.
            let saved = (self.variables.clone(), self.scale, self.ibase, self.obase, self.last.clone());
            let _ = self.expression();
            (self.variables, self.scale, self.ibase, self.obase, self.last) = saved;
        } else {
            let value = self.expression()?;
            if !assigns {
                let text = value.show(self.obase);
                self.out.push_str(&text);
                self.out.push('\n');
                self.last = value;
            }
        }
        match self.peek() {
            None | Some(Token::Line | Token::Op(";" | "}")) => Ok(()),
            Some(Token::Name(word)) if word == "else" => Ok(()),
            _ => Err(Fault::Syntax),
        }
    }

    fn optional(&mut self, end: &'static str, run: bool) -> Done<()> {
        if self.accept(end) {
            return Ok(());
        }
        if run {
            self.expression()?;
        }
        self.skip_to(end)
    }

    fn skip_to(&mut self, end: &'static str) -> Done<()> {
        let mut open = 0;
        loop {
            match self.peek() {
                None => return Err(Fault::Syntax),
                Some(Token::Op(op)) if *op == end && open == 0 => {
                    self.at += 1;
                    return Ok(());
                }
                Some(Token::Op("(")) => open += 1,
                Some(Token::Op(")")) => open -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// The body of a loop, as long as what stands at `test` holds.
    fn repeat(&mut self, run: bool, test: usize, step: Option<usize>) -> Done<()> {
        if step.is_none() {
            self.skip_to(")")?;
        }
        let body = self.at;
        self.lines();
        self.statement(false)?;
        let end = self.at;
        while run && !self.ended {
            self.spend(&Number::default())?;
            self.at = test;
            let empty = matches!(self.peek(), Some(Token::Op(";")));
            if !empty && self.expression()?.is_zero() {
                break;
            }
            self.at = body;
            self.lines();
            self.statement(true)?;
            let stop = std::mem::replace(&mut self.stop, Flow::Go);
            if stop == Flow::Break {
                break;
            }
            if let Some(step) = step {
                self.at = step;
                if !matches!(self.peek(), Some(Token::Op(")"))) {
                    self.expression()?;
                }
            }
        }
        self.at = end;
        Ok(())
    }

    // ---- expressions ---------------------------------------------------------------------------------------------

    fn expression(&mut self) -> Done<Number> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Fault::Syntax);
        }
        let mut left = self.both()?;
        while self.accept("||") {
            let right = self.both()?;
            left = Number::of(i64::from(!left.is_zero() || !right.is_zero()));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn both(&mut self) -> Done<Number> {
        let mut left = self.negation()?;
        while self.accept("&&") {
            let right = self.negation()?;
            left = Number::of(i64::from(!left.is_zero() && !right.is_zero()));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Done<Number> {
        if self.accept("!") {
            return Ok(Number::of(i64::from(self.compared()?.is_zero())));
        }
        self.compared()
    }

    fn compared(&mut self) -> Done<Number> {
        let mut left = self.sum()?;
        while let Some(&Token::Op(op @ ("<" | "<=" | ">" | ">=" | "==" | "!="))) = self.peek() {
            self.at += 1;
            let order = left.compare(&self.sum()?);
            let holds = match op {
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                ">=" => order.is_ge(),
                "==" => order.is_eq(),
                _ => order.is_ne(),
            };
            left = Number::of(i64::from(holds));
        }
        Ok(left)
    }

    fn sum(&mut self) -> Done<Number> {
        let mut left = self.product()?;
        while let Some(&Token::Op(op @ ("+" | "-"))) = self.peek() {
            self.at += 1;
            let right = self.product()?;
            left = if op == "+" { left.plus(&right) } else { left.minus(&right) };
            self.spend(&left)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Done<Number> {
        let mut left = self.power()?;
        while let Some(&Token::Op(op @ ("*" | "/" | "%"))) = self.peek() {
            self.at += 1;
            let right = self.power()?;
            left = self.calculate(op, &left, &right)?;
        }
        Ok(left)
    }

    fn calculate(&mut self, op: &str, left: &Number, right: &Number) -> Done<Number> {
        self.steps += (left.len() as u64 + self.scale as u64) * (right.len() as u64 + 1);
        let result = match op {
            "+" => Some(left.plus(right)),
            "-" => Some(left.minus(right)),
            "*" => Some(left.times(right, self.scale)),
            "/" => left.over(right, self.scale),
            "%" => left.rest(right, self.scale),
            _ => return self.raise(left, right),
        };
        let result = result.ok_or(Fault::Runtime("Divide by zero"))?;
        self.spend(&result)?;
        Ok(result)
    }

    fn raise(&mut self, base: &Number, power: &Number) -> Done<Number> {
        if power.scale > 0 && power.minus(&power.with_scale(0)).compare(&Number::default()).is_ne() {
            self.warnings.push_str("Runtime warning (func=(main), adr=8): non-zero scale in exponent\n");
        }
        let exponent = power.whole().ok_or(Fault::Runtime("exponent too large in raise"))?;
        let scale = if exponent < 0 {
            self.scale
        } else {
            let count = usize::try_from(exponent).unwrap_or(usize::MAX);
            base.scale.saturating_mul(count).min(self.scale.max(base.scale))
        };
        let (mut result, mut square, mut left) = (Number::of(1), base.clone(), exponent.unsigned_abs());
        while left > 0 {
            self.steps += (square.len() * square.len()) as u64;
            if left & 1 == 1 {
                result = result.times(&square, LONGEST);
                self.spend(&result)?;
            }
            left >>= 1;
            if left > 0 {
                square = square.times(&square, LONGEST);
                self.spend(&square)?;
            }
        }
        if exponent < 0 {
            return Number::of(1).over(&result, scale).ok_or(Fault::Runtime("Divide by zero"));
        }
        Ok(if result.scale > scale { result.with_scale(scale) } else { result })
    }

    fn power(&mut self) -> Done<Number> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Fault::Syntax);
        }
        let result = if self.accept("-") {
            // The sign binds closer than `^`.
            let base = self.primary()?.negate();
            if self.accept("^") {
                let power = self.power()?;
                self.raise(&base, &power)
            } else {
                Ok(base)
            }
        } else {
            let base = self.primary()?;
            if self.accept("^") {
                let power = self.power()?;
                self.raise(&base, &power)
            } else {
                Ok(base)
            }
        };
        self.depth -= 1;
        result
    }

    fn get(&self, name: &str) -> Number {
        match name {
            "scale" => Number::of(i64::try_from(self.scale).unwrap_or(0)),
            "ibase" => Number::of(i64::from(self.ibase)),
            "obase" => Number::of(i64::from(self.obase)),
            "last" => self.last.clone(),
            name => self.variables.get(name).cloned().unwrap_or_default(),
        }
    }

    fn set(&mut self, name: &str, value: Number) {
        let whole = value.whole().unwrap_or(0);
        match name {
            "scale" => self.scale = usize::try_from(whole).unwrap_or(0).min(1000),
            "ibase" => self.ibase = u32::try_from(whole.clamp(2, 16)).unwrap_or(10),
            "obase" => self.obase = u32::try_from(whole.clamp(2, 16)).unwrap_or(10),
            name if self.variables.len() < 10_000 => {
                self.variables.insert(name.to_string(), value);
            }
            _ => {}
        }
    }

    fn primary(&mut self) -> Done<Number> {
        let token = self.peek().cloned().ok_or(Fault::Syntax)?;
        self.at += 1;
        match token {
            Token::Number(text) => {
                let value = Number::parse(&text, self.ibase);
                self.spend(&value)?;
                Ok(value)
            }
            Token::Op("(") => {
                let value = self.expression()?;
                self.expect(")")?;
                Ok(value)
            }
            Token::Op("-") => Ok(self.primary()?.negate()),
            Token::Op(op @ ("++" | "--")) => {
                let Some(Token::Name(name)) = self.peek().cloned() else { return Err(Fault::Syntax) };
                self.at += 1;
                let value = self.get(&name).plus(&Number::of(if op == "++" { 1 } else { -1 }));
                self.set(&name, value.clone());
                Ok(value)
            }
            Token::Name(name) if self.peek() == Some(&Token::Op("(")) => self.function(&name),
            Token::Name(mut name) => {
                if self.accept("[") {
                    let index = self.expression()?;
                    self.expect("]")?;
                    name = format!("{name}[{}]", index.whole().unwrap_or(0));
                }
                let Some(&Token::Op(op)) = self.peek() else { return Ok(self.get(&name)) };
                match op {
                    "=" => {
                        self.at += 1;
                        let value = self.expression()?;
                        self.set(&name, value.clone());
                        Ok(value)
                    }
                    "+=" | "-=" | "*=" | "/=" | "%=" | "^=" => {
                        self.at += 1;
                        let right = self.expression()?;
                        let value = self.calculate(op.trim_end_matches('='), &self.get(&name), &right)?;
                        self.set(&name, value.clone());
                        Ok(value)
                    }
                    "++" | "--" => {
                        self.at += 1;
                        let old = self.get(&name);
                        self.set(&name, old.plus(&Number::of(if op == "++" { 1 } else { -1 })));
                        Ok(old)
                    }
                    _ => Ok(self.get(&name)),
                }
            }
            _ => Err(Fault::Syntax),
        }
    }

    fn function(&mut self, name: &str) -> Done<Number> {
        self.expect("(")?;
        let value = self.expression()?;
        self.expect(")")?;
        Ok(match name {
            "sqrt" => {
                self.steps += (value.len() as u64 + self.scale as u64).pow(2) * 8;
                self.spend(&value)?;
                value.root(self.scale).ok_or(Fault::Runtime("Square root of a negative number"))?
            }
            "length" => Number::of(i64::try_from(value.len().max(1)).unwrap_or(0)),
            "scale" => Number::of(i64::try_from(value.scale).unwrap_or(0)),
            "s" | "c" | "a" | "l" | "e" => {
                let input: f64 = value.show(10).replace("\\\n", "").parse().unwrap_or(0.0);
                let result = match name {
                    "s" => input.sin(),
                    "c" => input.cos(),
                    "a" => input.atan(),
                    "l" => input.ln(),
                    _ => input.exp(),
                };
                let text = format!("{:.*}", self.scale.min(17), result.abs());
                let result_number = Number::parse(&text, 10).with_scale(self.scale);
                if result < 0.0 { result_number.negate() } else { result_number }
            }
            _ => return Err(Fault::Runtime("Function not defined.")),
        })
    }
}
