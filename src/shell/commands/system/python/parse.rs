//! Python's grammar, as far as short programs use it.

mod expressions;

mod lex;

use lex::{OPS, Spot, Token, fault, lex};

/// An expression.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(String),
    Bytes(Vec<u8>),
    /// Pieces of an f-string: text, or an expression with its format.
    Format(Vec<(Option<Expr>, String, bool)>),
    Name(String),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Set(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    /// Element (and value for a dictionary), then the loops and conditions.
    Comprehension(Box<Expr>, Option<Box<Expr>>, Vec<Clause>),
    Attr(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    Slice(Box<Expr>, [Option<Box<Expr>>; 3]),
    Call(Box<Expr>, Vec<Expr>, Vec<(String, Expr)>),
    Unary(&'static str, Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Compare(Box<Expr>, Vec<(&'static str, Expr)>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    Lambda(Vec<(String, Option<Expr>)>, Box<Expr>),
    Star(Box<Expr>),
}

#[derive(Clone, Debug)]
pub(super) enum Clause {
    For(Expr, Expr),
    If(Expr),
}

/// A statement and the line it stands on.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub line: usize,
    pub kind: Kind,
}

pub(super) type Block = Vec<Statement>;

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Expr(Expr),
    Assign(Vec<Expr>, Expr),
    Change(Expr, &'static str, Expr),
    If(Vec<(Expr, Block)>, Block),
    While(Expr, Block, Block),
    For(Expr, Expr, Block, Block),
    Def(String, Vec<(String, Option<Expr>)>, Block),
    Return(Option<Expr>),
    Break,
    Continue,
    Pass,
    Global(Vec<String>),
    Import(Vec<(String, String)>),
    From(String, Vec<(String, String)>),
    Try(Block, Vec<(Option<Expr>, Option<String>, Block)>, Block, Block),
    Raise(Option<Expr>),
    With(Expr, Option<Expr>, Block),
    Del(Vec<Expr>),
    Assert(Expr, Option<Expr>),
    /// Something that is not acted.
    Other,
}

/// What is wrong with a program: message, line, column of the mark (from 0).
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub text: String,
    pub line: usize,
    pub column: usize,
    pub kind: &'static str,
}

struct Parser {
    spots: Vec<Spot>,
    at: usize,
    depth: usize,
}

/// Depth of nested expressions and blocks.
const DEPTH: usize = 60;

/// A program as statements.
pub(super) fn parse(source: &str) -> Result<Block, Fault> {
    let mut parser = Parser { spots: lex(source)?, at: 0, depth: 0 };
    let mut block = Vec::new();
    while *parser.peek() != Token::End {
        if parser.eat_newline() {
            continue;
        }
        if *parser.peek() == Token::Indent {
            return parser.indentation("unexpected indent");
        }
        parser.statement(&mut block)?;
    }
    Ok(block)
}

/// A single expression.
pub(super) fn expression(source: &str) -> Result<Expr, Fault> {
    let mut parser = Parser { spots: lex(source.trim())?, at: 0, depth: 0 };
    parser.tuple()
}

type Done<T> = Result<T, Fault>;

impl Parser {
    fn peek(&self) -> &Token {
        self.spots.get(self.at).map_or(&Token::End, |spot| &spot.token)
    }

    fn line(&self) -> usize {
        self.spots.get(self.at).map_or(1, |spot| spot.line)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn eat_newline(&mut self) -> bool {
        let is = *self.peek() == Token::Newline;
        self.at += usize::from(is);
        is
    }

    fn is(&self, op: &str) -> bool {
        matches!(self.peek(), Token::Op(known) if *known == op)
    }

    fn eat(&mut self, op: &str) -> bool {
        let is = self.is(op);
        self.at += usize::from(is);
        is
    }

    fn word(&self) -> &str {
        match self.peek() {
            Token::Name(name) => name,
            _ => "",
        }
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let is = self.word() == word;
        self.at += usize::from(is);
        is
    }

    fn wrong<T>(&self, text: &str) -> Done<T> {
        let spot = self.spots.get(self.at.min(self.spots.len().saturating_sub(1)));
        fault(text, spot.map_or(1, |spot| spot.line), spot.map_or(0, |spot| spot.column))
    }

    fn indentation<T>(&self, text: &str) -> Done<T> {
        let spot = self.spots.get(self.at);
        Err(Fault {
            text: text.into(),
            line: spot.map_or(1, |s| s.line),
            column: spot.map_or(0, |s| s.column),
            kind: "IndentationError",
        })
    }

    fn expect(&mut self, op: &str) -> Done<()> {
        if self.eat(op) {
            return Ok(());
        }
        if op == ":" {
            return self.wrong("expected ':'");
        }
        self.wrong("invalid syntax")
    }

    fn name(&mut self) -> Done<String> {
        match self.peek().clone() {
            Token::Name(name) => {
                self.at += 1;
                Ok(name)
            }
            _ => self.wrong("invalid syntax"),
        }
    }

    fn dotted(&mut self) -> Done<String> {
        let mut name = self.name()?;
        while self.eat(".") {
            name.push('.');
            name.push_str(&self.name()?);
        }
        Ok(name)
    }

    fn block(&mut self, what: &str, line: usize) -> Done<Block> {
        self.expect(":")?;
        let mut block = Vec::new();
        if !self.eat_newline() {
            self.simple_line(&mut block)?;
            return Ok(block);
        }
        while self.eat_newline() {}
        if *self.peek() != Token::Indent {
            return self.indentation(&format!("expected an indented block after {what} on line {line}"));
        }
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH {
            return self.wrong("too many statically nested blocks");
        }
        while *self.peek() != Token::Dedent && *self.peek() != Token::End {
            if !self.eat_newline() {
                self.statement(&mut block)?;
            }
        }
        self.depth -= 1;
        if *self.peek() == Token::Dedent {
            self.at += 1;
        }
        Ok(block)
    }

    fn statement(&mut self, block: &mut Block) -> Done<()> {
        let line = self.line();
        if *self.peek() == Token::Indent {
            return self.indentation("unexpected indent");
        }
        let kind = match self.word().to_string().as_str() {
            "if" => {
                self.at += 1;
                let mut arms = Vec::new();
                let test = self.test()?;
                arms.push((test, self.block("'if' statement", line)?));
                let mut other = Vec::new();
                loop {
                    let line = self.line();
                    if self.eat_word("elif") {
                        let test = self.test()?;
                        arms.push((test, self.block("'elif' statement", line)?));
                    } else {
                        if self.eat_word("else") {
                            other = self.block("'else' statement", line)?;
                        }
                        break;
                    }
                }
                Kind::If(arms, other)
            }
            "while" => {
                self.at += 1;
                let test = self.test()?;
                let body = self.block("'while' statement", line)?;
                let other = self.otherwise()?;
                Kind::While(test, body, other)
            }
            "for" => {
                self.at += 1;
                let target = self.targets()?;
                if !self.eat_word("in") {
                    return self.wrong("invalid syntax");
                }
                let over = self.tuple()?;
                let body = self.block("'for' statement", line)?;
                let other = self.otherwise()?;
                Kind::For(target, over, body, other)
            }
            "def" => {
                self.at += 1;
                let name = self.name()?;
                self.expect("(")?;
                let params = self.params(")")?;
                self.expect(")")?;
                if self.eat("->") {
                    self.test()?;
                }
                Kind::Def(name, params, self.block("function definition", line)?)
            }
            "try" => {
                self.at += 1;
                let body = self.block("'try' statement", line)?;
                let mut handlers = Vec::new();
                while self.eat_word("except") {
                    let what = if self.is(":") { None } else { Some(self.test()?) };
                    let name = if self.eat_word("as") { Some(self.name()?) } else { None };
                    handlers.push((what, name, self.block("'except' statement", line)?));
                }
                let other = self.otherwise()?;
                let last = if self.eat_word("finally") { self.block("'finally' statement", line)? } else { Vec::new() };
                if handlers.is_empty() && last.is_empty() {
                    return self.wrong("expected 'except' or 'finally' block");
                }
                Kind::Try(body, handlers, other, last)
            }
            "with" => {
                self.at += 1;
                let value = self.test()?;
                let target = if self.eat_word("as") { Some(self.atom_with_trailers()?) } else { None };
                Kind::With(value, target, self.block("'with' statement", line)?)
            }
            "class" | "async" => {
                while !self.is(":") && *self.peek() != Token::Newline && *self.peek() != Token::End {
                    self.at += 1;
                }
                self.block("class definition", line)?;
                Kind::Other
            }
            _ => return self.simple_line(block),
        };
        block.push(Statement { line, kind });
        Ok(())
    }

    fn otherwise(&mut self) -> Done<Block> {
        let line = self.line();
        if self.eat_word("else") { self.block("'else' statement", line) } else { Ok(Vec::new()) }
    }

    fn params(&mut self, end: &str) -> Done<Vec<(String, Option<Expr>)>> {
        let mut params = Vec::new();
        while !self.is(end) {
            let stars = if self.eat("**") {
                "**"
            } else if self.eat("*") {
                "*"
            } else {
                ""
            };
            let name = format!("{stars}{}", self.name()?);
            if end == ")" && self.eat(":") {
                self.test()?;
            }
            let default = if self.eat("=") { Some(self.test()?) } else { None };
            params.push((name, default));
            if !self.eat(",") {
                break;
            }
        }
        Ok(params)
    }

    fn simple_line(&mut self, block: &mut Block) -> Done<()> {
        loop {
            let line = self.line();
            let kind = self.simple()?;
            block.push(Statement { line, kind });
            if !self.eat(";") {
                break;
            }
            if matches!(self.peek(), Token::Newline | Token::End) {
                break;
            }
        }
        if self.eat_newline() || *self.peek() == Token::End { Ok(()) } else { self.wrong("invalid syntax") }
    }

    fn list_of_names(&mut self, dotted: bool) -> Done<Vec<(String, String)>> {
        let mut names = Vec::new();
        let paren = self.eat("(");
        loop {
            if self.eat("*") {
                names.push(("*".into(), "*".into()));
                break;
            }
            let name = if dotted { self.dotted()? } else { self.name()? };
            let own =
                if self.eat_word("as") { self.name()? } else { name.split('.').next().unwrap_or_default().to_string() };
            names.push((name, own));
            if !self.eat(",") {
                break;
            }
        }
        if paren {
            self.expect(")")?;
        }
        Ok(names)
    }

    fn simple(&mut self) -> Done<Kind> {
        let word = self.word().to_string();
        let ends = |parser: &Self| matches!(parser.peek(), Token::Newline | Token::End) || parser.is(";");
        match word.as_str() {
            "pass" => self.at += 1,
            "break" => {
                self.at += 1;
                return Ok(Kind::Break);
            }
            "continue" => {
                self.at += 1;
                return Ok(Kind::Continue);
            }
            "return" => {
                self.at += 1;
                return Ok(Kind::Return(if ends(self) { None } else { Some(self.tuple()?) }));
            }
            "raise" => {
                self.at += 1;
                return Ok(Kind::Raise(if ends(self) { None } else { Some(self.test()?) }));
            }
            "global" | "nonlocal" => {
                self.at += 1;
                let names = self.list_of_names(false)?;
                return Ok(Kind::Global(names.into_iter().map(|(name, _)| name).collect()));
            }
            "import" => {
                self.at += 1;
                return Ok(Kind::Import(self.list_of_names(true)?));
            }
            "from" => {
                self.at += 1;
                let module = self.dotted()?;
                if !self.eat_word("import") {
                    return self.wrong("invalid syntax");
                }
                return Ok(Kind::From(module, self.list_of_names(false)?));
            }
            "del" => {
                self.at += 1;
                let target = self.tuple()?;
                return Ok(Kind::Del(match target {
                    Expr::Tuple(list) => list,
                    one => vec![one],
                }));
            }
            "assert" => {
                self.at += 1;
                let test = self.test()?;
                let text = if self.eat(",") { Some(self.test()?) } else { None };
                return Ok(Kind::Assert(test, text));
            }
            "print"
                if matches!(
                    self.spots.get(self.at + 1).map(|spot| &spot.token),
                    Some(Token::Str(..) | Token::Int(_) | Token::Name(_))
                ) =>
            {
                return self.wrong("Missing parentheses in call to 'print'. Did you mean print(...)?");
            }
            _ => {
                let first = self.tuple()?;
                if let Token::Op(op) = *self.peek() {
                    if op == "=" {
                        let mut targets = vec![first];
                        while self.eat("=") {
                            targets.push(self.tuple()?);
                        }
                        let value = targets.pop().unwrap_or(Expr::None);
                        if targets.iter().any(|target| !is_target(target)) {
                            return self
                                .wrong("cannot assign to expression here. Maybe you meant '==' instead of '='?");
                        }
                        return Ok(Kind::Assign(targets, value));
                    }
                    if let Some(plain) = op
                        .strip_suffix('=')
                        .filter(|plain| OPS.contains(plain) && !matches!(*plain, "<" | ">" | "=" | "!" | ":" | ""))
                    {
                        self.at += 1;
                        let value = self.tuple()?;
                        return Ok(Kind::Change(first, plain, value));
                    }
                    if op == ":" && is_target(&first) {
                        // An annotation.
                        self.at += 1;
                        self.test()?;
                        if self.eat("=") {
                            return Ok(Kind::Assign(vec![first], self.tuple()?));
                        }
                        return Ok(Kind::Pass);
                    }
                }
                return Ok(Kind::Expr(first));
            }
        }
        Ok(Kind::Pass)
    }
}

fn is_target(expr: &Expr) -> bool {
    match expr {
        Expr::Name(_) | Expr::Attr(..) | Expr::Index(..) | Expr::Slice(..) => true,
        Expr::Tuple(list) | Expr::List(list) => list.iter().all(is_target),
        Expr::Star(inner) => is_target(inner),
        _ => false,
    }
}

/// The pieces of an f-string; the flag says that `repr` is wanted.
fn pieces(text: &str) -> Done<Vec<(Option<Expr>, String, bool)>> {
    let mut found = Vec::new();
    let mut plain = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' if chars.peek() == Some(&'{') => {
                chars.next();
                plain.push('{');
            }
            '}' if chars.peek() == Some(&'}') => {
                chars.next();
                plain.push('}');
            }
            '{' => {
                found.push((None, std::mem::take(&mut plain), false));
                let mut inner = String::new();
                let mut depth = 0;
                let mut closed = false;
                for c in chars.by_ref() {
                    match c {
                        '(' | '[' | '{' => depth += 1,
                        ')' | ']' => depth -= 1,
                        '}' if depth == 0 => {
                            closed = true;
                            break;
                        }
                        '}' => depth -= 1,
                        _ => {}
                    }
                    inner.push(c);
                }
                if !closed || inner.trim().is_empty() {
                    return fault(
                        if closed { "f-string: empty expression not allowed" } else { "f-string: expecting '}'" },
                        1,
                        0,
                    );
                }
                let mut split = None;
                let mut depth = 0;
                for (at, c) in inner.char_indices() {
                    match c {
                        '(' | '[' | '{' => depth += 1,
                        ')' | ']' | '}' => depth -= 1,
                        ':' if depth == 0 => {
                            split = Some(at);
                            break;
                        }
                        _ => {}
                    }
                }
                let (code, spec) = split.map_or((inner.as_str(), ""), |at| {
                    (inner.get(..at).unwrap_or_default(), inner.get(at + 1..).unwrap_or_default())
                });
                let (code, repr) = code
                    .strip_suffix("!r")
                    .map_or((code.strip_suffix("!s").unwrap_or(code), false), |code| (code, true));
                let code = if let Some(bare) = code.strip_suffix('=') {
                    found.push((None, code.to_string(), false));
                    bare
                } else {
                    code
                };
                found.push((Some(expression(code)?), spec.to_string(), repr));
            }
            c => plain.push(c),
        }
    }
    found.push((None, plain, false));
    Ok(found)
}
