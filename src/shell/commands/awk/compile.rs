//! Makes steps for the machine out of an awk program: one pass, recursive descent.

mod expressions;

use std::collections::HashMap;
use std::sync::Arc;

use super::super::regexp::Regexp;
use super::lex::{Placed, Token};

/// Where a value lies; subscripts and field numbers are on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Global(usize),
    Local(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Var(Slot),
    Field,
    Element(Slot),
}

/// Where print writes; the name is on top of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Out,
    File,
    Append,
    Pipe,
}

/// Where getline reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Main,
    File,
    Command,
}

/// One step of the machine.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Number(f64),
    Text(Arc<[u8]>),
    Pattern(Arc<Regexp>),
    /// `/x/` as a condition.
    MatchRecord(Arc<Regexp>),
    Load(Place),
    /// A variable that is handed to a function, which may make an array of it.
    LoadArgument(Slot),
    Store(Place),
    /// `op=`: below the value lies the subscript, if any.
    Update(Place, char),
    /// `++` and `--`: by how much, and whether the old value is the result.
    Add(Place, f64, bool),
    Binary(char),
    Compare(&'static str),
    Match(bool),
    Not,
    Negate,
    ToNumber,
    ToBool,
    Concat,
    Subscript(usize),
    In(Slot),
    Delete(Slot),
    Clear(Slot),
    Jump(usize),
    IfNot(usize),
    /// `&&`, `||`: the value stays if the jump is taken.
    AndJump(usize),
    OrJump(usize),
    Pop,
    Call(usize, usize),
    Builtin(&'static str, usize),
    Substitute(bool, Place),
    Split(Slot, bool),
    Return,
    Getline(From, Option<Place>),
    Print(usize, Target),
    Printf(usize, Target),
    Next,
    NextFile,
    Exit,
    LoopStart(Slot),
    LoopNext(Place, usize),
    LoopEnd,
    /// A range pattern: jumps if inside.
    IfInside(usize, usize),
    SetInside(usize, bool),
    Halt,
}

/// A function's parameters and where it begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Function {
    pub params: usize,
    pub entry: Option<usize>,
}

/// A whole program.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub steps: Vec<Step>,
    pub begin: Vec<usize>,
    pub main: Option<usize>,
    pub end: Vec<usize>,
    pub globals: HashMap<String, usize>,
    pub functions: Vec<Function>,
    pub ranges: usize,
}

/// Variables that mean something, in the order of their slots.
pub(super) const SPECIAL: [&str; 16] = [
    "NF", "NR", "FNR", "FS", "OFS", "ORS", "RS", "FILENAME", "SUBSEP", "RSTART", "RLENGTH", "CONVFMT", "OFMT",
    "ENVIRON", "ARGC", "ARGV",
];

const DEPTH: usize = 120;
const STEPS: usize = 200_000;

struct Loop {
    breaks: Vec<usize>,
    continues: Vec<usize>,
    each: bool,
}

struct Compiler {
    tokens: Vec<Placed>,
    at: usize,
    program: Program,
    locals: Vec<String>,
    in_function: bool,
    names: HashMap<String, usize>,
    loops: Vec<Loop>,
    depth: usize,
    no_in: bool,
    no_greater: bool,
    no_pipe: bool,
}

type Result<T> = std::result::Result<T, (usize, String)>;

pub(super) fn compile(tokens: Vec<Placed>) -> Result<Program> {
    let mut compiler = Compiler {
        tokens,
        at: 0,
        program: Program::default(),
        locals: Vec::new(),
        in_function: false,
        names: HashMap::new(),
        loops: Vec::new(),
        depth: 0,
        no_in: false,
        no_greater: false,
        no_pipe: false,
    };
    for name in SPECIAL {
        compiler.global(name);
    }
    compiler.rules()?;
    for (name, number) in &compiler.names {
        if compiler.program.functions.get(*number).is_some_and(|function| function.entry.is_none()) {
            let line = compiler.tokens.last().map_or(1, |(_, line)| *line);
            return Err((line, format!("function {name} never defined")));
        }
    }
    Ok(compiler.program)
}

impl Compiler {
    fn token(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    fn ahead(&self, by: usize) -> &Token {
        self.tokens.get(self.at + by).map_or(&Token::End, |(token, _)| token)
    }

    fn is(&self, op: &str) -> bool {
        matches!(self.token(), Token::Op(known) if *known == op)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.token(), Token::Word(known) if *known == word)
    }

    fn accept(&mut self, op: &str) -> bool {
        let found = self.is(op);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, op: &str) -> Result<()> {
        if self.accept(op) { Ok(()) } else { self.fail() }
    }

    fn fail<T>(&self) -> Result<T> {
        let line = self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(_, line)| *line);
        let depth = |open: &str, close: &str| {
            self.tokens.iter().take(self.at).fold(0i64, |depth, (token, _)| match token {
                Token::Op(op) if *op == open => depth + 1,
                Token::Op(op) if *op == close => depth - 1,
                _ => depth,
            })
        };
        match self.token() {
            Token::Op("}") if depth("(", ")") > 0 => return Err((line, "missing ) near }".into())),
            Token::Op("}") if depth("{", "}") == 0 => return Err((line, "extra '}'".into())),
            Token::Op(")") if depth("(", ")") == 0 => return Err((line, "extra ')'".into())),
            Token::End if depth("{", "}") > 0 => return Err((line, "missing } near end of file".into())),
            _ => {}
        }
        let near = match self.token() {
            Token::Number(value) => super::value::number_text(*value, "%.6g"),
            Token::Text(bytes) => format!("\"{}\"", crate::shell::text::decode(bytes)),
            Token::Pattern(source) => format!("/{source}/"),
            Token::Name(name) | Token::Call(name) => name.clone(),
            Token::Builtin(name) | Token::Word(name) => (*name).to_string(),
            Token::Op(op) => (*op).to_string(),
            Token::Newline => return Err((line, "syntax error at or near end of line".into())),
            Token::End => return Err((line, "syntax error at or near end of file".into())),
        };
        Err((line, format!("syntax error at or near {near}")))
    }

    fn emit(&mut self, step: Step) -> usize {
        self.program.steps.push(step);
        self.program.steps.len() - 1
    }

    fn here(&self) -> usize {
        self.program.steps.len()
    }

    /// Sets where a jump goes to.
    fn patch(&mut self, at: usize, to: usize) {
        if let Some(
            Step::Jump(target)
            | Step::IfNot(target)
            | Step::AndJump(target)
            | Step::OrJump(target)
            | Step::LoopNext(_, target)
            | Step::IfInside(_, target),
        ) = self.program.steps.get_mut(at)
        {
            *target = to
        }
    }

    fn global(&mut self, name: &str) -> usize {
        let next = self.program.globals.len();
        *self.program.globals.entry(name.to_string()).or_insert(next)
    }

    fn slot(&mut self, name: &str) -> Slot {
        if let Some(local) = self.locals.iter().position(|known| known == name) {
            return Slot::Local(local);
        }
        Slot::Global(self.global(name))
    }

    fn newlines(&mut self) {
        while *self.token() == Token::Newline {
            self.at += 1;
        }
    }

    fn ends(&mut self) {
        while *self.token() == Token::Newline || self.is(";") {
            self.at += 1;
        }
    }

    fn rules(&mut self) -> Result<()> {
        // Main rules lie one behind the other; what lies between them is jumped over.
        let mut last_jump: Option<usize> = None;
        loop {
            self.ends();
            if *self.token() == Token::End {
                break;
            }
            if self.here() > STEPS {
                return self.fail();
            }
            if self.is_word("BEGIN") || self.is_word("END") {
                let begin = self.is_word("BEGIN");
                self.at += 1;
                self.newlines();
                let entry = self.here();
                if begin {
                    self.program.begin.push(entry)
                } else {
                    self.program.end.push(entry)
                }
                if !self.is("{") {
                    return self.fail();
                }
                self.block()?;
                self.emit(Step::Halt);
                continue;
            }
            if self.is_word("function") {
                self.function()?;
                continue;
            }
            let entry = self.here();
            if let Some(jump) = last_jump {
                self.patch(jump, entry);
            } else {
                self.program.main = Some(entry);
            }
            self.rule()?;
            last_jump = Some(self.emit(Step::Jump(0)));
        }
        let halt = self.emit(Step::Halt);
        if let Some(jump) = last_jump {
            self.patch(jump, halt);
        }
        Ok(())
    }

    fn rule(&mut self) -> Result<()> {
        let mut skip = None;
        if !self.is("{") {
            let range = self.program.ranges;
            let inside = self.emit(Step::IfInside(range, 0));
            self.expression()?;
            let over = self.emit(Step::IfNot(0));
            if self.accept(",") {
                self.newlines();
                self.program.ranges += 1;
                self.emit(Step::SetInside(range, true));
                let check = self.here();
                self.patch(inside, check);
                self.expression()?;
                let still = self.emit(Step::IfNot(0));
                self.emit(Step::SetInside(range, false));
                let body = self.here();
                self.patch(still, body);
            } else {
                // No range: the first step does nothing.
                if let Some(step) = self.program.steps.get_mut(inside) {
                    *step = Step::Jump(inside + 1);
                }
            }
            skip = Some(over);
        }
        if self.is("{") {
            self.block()?;
        } else {
            self.emit(Step::Print(0, Target::Out));
        }
        if let Some(over) = skip {
            let end = self.here();
            self.patch(over, end);
        }
        Ok(())
    }

    fn function_number(&mut self, name: &str) -> usize {
        let next = self.program.functions.len();
        let number = *self.names.entry(name.to_string()).or_insert(next);
        if number == next {
            self.program.functions.push(Function::default());
        }
        number
    }

    fn function(&mut self) -> Result<()> {
        self.at += 1;
        let (Token::Name(name) | Token::Call(name)) = self.token().clone() else { return self.fail() };
        self.at += 1;
        self.expect("(")?;
        let mut params = Vec::new();
        while let Token::Name(param) = self.token().clone() {
            self.at += 1;
            params.push(param);
            if !self.accept(",") {
                break;
            }
            self.newlines();
        }
        self.expect(")")?;
        self.newlines();
        let number = self.function_number(&name);
        let entry = self.here();
        if let Some(function) = self.program.functions.get_mut(number) {
            *function = Function { params: params.len(), entry: Some(entry) };
        }
        self.locals = params;
        self.in_function = true;
        self.block()?;
        self.locals.clear();
        self.in_function = false;
        self.emit(Step::Text(Arc::from(&b""[..])));
        self.emit(Step::Return);
        Ok(())
    }

    // ---- statements ----------------------------------------------------------------------------------------------

    fn block(&mut self) -> Result<()> {
        self.expect("{")?;
        loop {
            self.ends();
            if self.accept("}") {
                return Ok(());
            }
            self.statement()?;
        }
    }

    /// `;`, a line end, or what closes a block.
    fn end_of_simple(&mut self) -> Result<()> {
        if self.accept(";") || *self.token() == Token::Newline {
            if *self.token() == Token::Newline {
                self.newlines();
            }
            return Ok(());
        }
        if self.is("}") { Ok(()) } else { self.fail() }
    }

    fn body(&mut self) -> Result<()> {
        self.newlines();
        if self.accept(";") { Ok(()) } else { self.statement() }
    }

    fn statement(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH || self.here() > STEPS {
            return self.fail();
        }
        let result = self.statement_inner();
        self.depth -= 1;
        result
    }

    fn statement_inner(&mut self) -> Result<()> {
        if self.is("{") {
            self.block()?;
            return Ok(());
        }
        let Token::Word(word) = *self.token() else {
            self.simple()?;
            return self.end_of_simple();
        };
        match word {
            "if" => {
                self.at += 1;
                self.expect("(")?;
                self.expression()?;
                self.expect(")")?;
                let over = self.emit(Step::IfNot(0));
                self.body()?;
                let back = self.at;
                self.ends();
                if self.is_word("else") {
                    self.at += 1;
                    let end = self.emit(Step::Jump(0));
                    let here = self.here();
                    self.patch(over, here);
                    self.body()?;
                    let here = self.here();
                    self.patch(end, here);
                } else {
                    self.at = back;
                    let here = self.here();
                    self.patch(over, here);
                }
            }
            "while" => {
                self.at += 1;
                self.expect("(")?;
                let top = self.here();
                self.expression()?;
                self.expect(")")?;
                let over = self.emit(Step::IfNot(0));
                self.looped(false)?;
                self.emit(Step::Jump(top));
                let end = self.here();
                self.patch(over, end);
                self.close_loop(top, end);
            }
            "do" => {
                self.at += 1;
                let top = self.here();
                self.looped(false)?;
                self.ends();
                if !self.is_word("while") {
                    return self.fail();
                }
                self.at += 1;
                self.expect("(")?;
                let test = self.here();
                self.expression()?;
                self.expect(")")?;
                let over = self.emit(Step::IfNot(0));
                self.emit(Step::Jump(top));
                let end = self.here();
                self.patch(over, end);
                self.close_loop(test, end);
                self.end_of_simple()?;
            }
            "for" => self.for_loop()?,
            _ => {
                self.simple()?;
                self.end_of_simple()?;
            }
        }
        Ok(())
    }

    fn looped(&mut self, each: bool) -> Result<()> {
        self.loops.push(Loop { breaks: Vec::new(), continues: Vec::new(), each });
        self.body()
    }

    fn close_loop(&mut self, again: usize, end: usize) {
        let Some(closed) = self.loops.pop() else { return };
        for at in closed.breaks {
            self.patch(at, end);
        }
        for at in closed.continues {
            self.patch(at, again);
        }
    }

    fn for_loop(&mut self) -> Result<()> {
        self.at += 1;
        self.expect("(")?;
        if let (Token::Name(name), Token::Word("in"), Token::Name(array), Token::Op(")")) =
            (self.token().clone(), self.ahead(1).clone(), self.ahead(2).clone(), self.ahead(3).clone())
        {
            self.at += 4;
            let array = self.slot(&array);
            let variable = Place::Var(self.slot(&name));
            self.emit(Step::LoopStart(array));
            let top = self.emit(Step::LoopNext(variable, 0));
            self.looped(true)?;
            self.emit(Step::Jump(top));
            let end = self.emit(Step::LoopEnd);
            self.patch(top, end);
            self.close_loop(top, end);
            return Ok(());
        }
        if !self.is(";") {
            self.simple()?;
        }
        self.expect(";")?;
        self.newlines();
        let top = self.here();
        let mut over = None;
        if !self.is(";") {
            self.expression()?;
            over = Some(self.emit(Step::IfNot(0)));
        }
        self.expect(";")?;
        self.newlines();
        let to_body = self.emit(Step::Jump(0));
        let again = self.here();
        if !self.is(")") {
            self.simple()?;
        }
        self.emit(Step::Jump(top));
        self.expect(")")?;
        let here = self.here();
        self.patch(to_body, here);
        self.looped(false)?;
        self.emit(Step::Jump(again));
        let end = self.here();
        if let Some(over) = over {
            self.patch(over, end);
        }
        self.close_loop(again, end);
        Ok(())
    }

    fn simple(&mut self) -> Result<()> {
        let Token::Word(word) = *self.token() else {
            self.expression()?;
            self.emit(Step::Pop);
            return Ok(());
        };
        match word {
            "print" | "printf" => self.print(word == "printf"),
            "next" | "nextfile" => {
                self.at += 1;
                self.emit(if word == "next" { Step::Next } else { Step::NextFile });
                Ok(())
            }
            "break" | "continue" => {
                if self.loops.is_empty() {
                    return self.fail();
                }
                self.at += 1;
                let jump = self.emit(Step::Jump(0));
                if let Some(innermost) = self.loops.last_mut() {
                    let list = if word == "break" { &mut innermost.breaks } else { &mut innermost.continues };
                    list.push(jump);
                    let _ = innermost.each;
                }
                Ok(())
            }
            "exit" | "return" => {
                self.at += 1;
                let bare =
                    *self.token() == Token::Newline || self.is(";") || self.is("}") || *self.token() == Token::End;
                if word == "return" {
                    if !self.in_function {
                        self.at -= 1;
                        return self.fail();
                    }
                    if bare {
                        self.emit(Step::Text(Arc::from(&b""[..])));
                    } else {
                        self.expression()?;
                    }
                    self.emit(Step::Return);
                } else {
                    if bare {
                        self.emit(Step::Number(-1.0));
                    } else {
                        self.expression()?;
                    }
                    self.emit(Step::Exit);
                }
                Ok(())
            }
            "delete" => {
                self.at += 1;
                let Token::Name(name) = self.token().clone() else { return self.fail() };
                self.at += 1;
                let slot = self.slot(&name);
                if self.accept("[") {
                    self.subscript()?;
                    self.emit(Step::Delete(slot));
                } else {
                    self.emit(Step::Clear(slot));
                }
                Ok(())
            }
            _ => {
                self.expression()?;
                self.emit(Step::Pop);
                Ok(())
            }
        }
    }

    fn print(&mut self, formatted: bool) -> Result<()> {
        self.at += 1;
        let mut count = 0;
        let old = std::mem::replace(&mut self.no_greater, true);
        let old_pipe = std::mem::replace(&mut self.no_pipe, false);
        let nothing = matches!(self.token(), Token::Newline | Token::End | Token::Op(";" | "}" | ">" | ">>" | "|"));
        if self.is("(") && self.list_in_parentheses() {
            self.at += 1;
            self.no_greater = false;
            loop {
                self.newlines();
                self.expression()?;
                count += 1;
                if !self.accept(",") {
                    break;
                }
            }
            self.expect(")")?;
        } else if !nothing {
            loop {
                self.expression()?;
                count += 1;
                if !self.accept(",") {
                    break;
                }
                self.newlines();
            }
        }
        self.no_greater = true;
        let target = match self.token() {
            Token::Op(">") => Target::File,
            Token::Op(">>") => Target::Append,
            Token::Op("|") => Target::Pipe,
            _ => Target::Out,
        };
        if target != Target::Out {
            self.at += 1;
            self.no_pipe = true;
            self.ternary()?;
        }
        self.no_greater = old;
        self.no_pipe = old_pipe;
        if formatted && count == 0 {
            return self.fail();
        }
        self.emit(if formatted { Step::Printf(count, target) } else { Step::Print(count, target) });
        Ok(())
    }

    /// Whether the parenthesis here encloses all that is printed.
    fn list_in_parentheses(&self) -> bool {
        let mut open = 0;
        let mut ahead = 0;
        loop {
            match self.ahead(ahead) {
                Token::Op("(") => open += 1,
                Token::Op(")") => {
                    open -= 1;
                    if open == 0 {
                        return matches!(
                            self.ahead(ahead + 1),
                            Token::Newline | Token::End | Token::Op(";" | "}" | ">" | ">>" | "|")
                        );
                    }
                }
                Token::End => return false,
                _ => {}
            }
            ahead += 1;
        }
    }
}
