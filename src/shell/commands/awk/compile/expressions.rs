//! The expressions of awk, from the loosest binding operator to the tightest.

use std::sync::Arc;

use super::super::super::regexp::{Flags, Regexp, Syntax};
use super::super::lex::Token;
use super::{Compiler, DEPTH, From, Place, Result, STEPS, Step};

impl Compiler {
    pub(super) fn expression(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH || self.here() > STEPS {
            return self.fail();
        }
        let result = self.ternary();
        self.depth -= 1;
        result
    }

    pub(super) fn ternary(&mut self) -> Result<()> {
        self.or()?;
        if self.accept("?") {
            self.newlines();
            let other = self.emit(Step::IfNot(0));
            self.expression()?;
            self.newlines();
            self.expect(":")?;
            self.newlines();
            let end = self.emit(Step::Jump(0));
            let here = self.here();
            self.patch(other, here);
            self.expression()?;
            let here = self.here();
            self.patch(end, here);
        }
        Ok(())
    }

    pub(super) fn or(&mut self) -> Result<()> {
        self.and()?;
        while self.accept("||") {
            self.newlines();
            let jump = self.emit(Step::OrJump(0));
            self.and()?;
            self.emit(Step::ToBool);
            let here = self.here();
            self.patch(jump, here);
        }
        Ok(())
    }

    pub(super) fn and(&mut self) -> Result<()> {
        self.membership()?;
        while self.accept("&&") {
            self.newlines();
            let jump = self.emit(Step::AndJump(0));
            self.membership()?;
            self.emit(Step::ToBool);
            let here = self.here();
            self.patch(jump, here);
        }
        Ok(())
    }

    pub(super) fn membership(&mut self) -> Result<()> {
        self.matching()?;
        while !self.no_in && self.is_word("in") {
            self.at += 1;
            let Token::Name(name) = self.token().clone() else { return self.fail() };
            self.at += 1;
            let slot = self.slot(&name);
            self.emit(Step::In(slot));
        }
        Ok(())
    }

    pub(super) fn matching(&mut self) -> Result<()> {
        self.comparison()?;
        loop {
            let negated = self.is("!~");
            if !negated && !self.is("~") {
                return Ok(());
            }
            self.at += 1;
            if let Token::Pattern(source) = self.token().clone() {
                self.at += 1;
                let pattern = self.pattern(&source)?;
                self.emit(Step::Pattern(pattern));
            } else {
                self.comparison()?;
            }
            self.emit(Step::Match(negated));
        }
    }

    pub(super) fn comparison(&mut self) -> Result<()> {
        self.piped()?;
        if let Token::Op(op @ ("<" | "<=" | "==" | "!=" | ">" | ">=")) = *self.token() {
            if op == ">" && self.no_greater {
                return Ok(());
            }
            self.at += 1;
            self.piped()?;
            self.emit(Step::Compare(op));
        }
        Ok(())
    }

    pub(super) fn piped(&mut self) -> Result<()> {
        self.concatenation()?;
        while !self.no_pipe && self.is("|") && *self.ahead(1) == Token::Word("getline") {
            self.at += 2;
            let place = self.optional_place()?;
            self.emit(Step::Getline(From::Command, place));
        }
        Ok(())
    }

    pub(super) fn concatenation(&mut self) -> Result<()> {
        self.additive()?;
        loop {
            let starts = match self.token() {
                Token::Number(_) | Token::Text(_) | Token::Pattern(_) | Token::Name(_) | Token::Call(_) => true,
                Token::Builtin(_) => true,
                Token::Op(op) => matches!(*op, "$" | "(" | "-" | "+" | "++" | "--" | "!"),
                _ => false,
            };
            if !starts || self.is("!") {
                return Ok(());
            }
            self.additive()?;
            self.emit(Step::Concat);
        }
    }

    pub(super) fn additive(&mut self) -> Result<()> {
        self.multiplicative()?;
        while let Token::Op(op @ ("+" | "-")) = *self.token() {
            self.at += 1;
            self.multiplicative()?;
            self.emit(Step::Binary(op.chars().next().unwrap_or('+')));
        }
        Ok(())
    }

    pub(super) fn multiplicative(&mut self) -> Result<()> {
        self.unary()?;
        while let Token::Op(op @ ("*" | "/" | "%")) = *self.token() {
            self.at += 1;
            self.unary()?;
            self.emit(Step::Binary(op.chars().next().unwrap_or('*')));
        }
        Ok(())
    }

    pub(super) fn unary(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH {
            return self.fail();
        }
        let result = match self.token() {
            Token::Op("!") => {
                self.at += 1;
                self.unary().map(|()| self.emit(Step::Not))
            }
            Token::Op("-") => {
                self.at += 1;
                self.unary().map(|()| self.emit(Step::Negate))
            }
            Token::Op("+") => {
                self.at += 1;
                self.unary().map(|()| self.emit(Step::ToNumber))
            }
            _ => self.power().map(|()| 0),
        };
        self.depth -= 1;
        result.map(|_| ())
    }

    pub(super) fn power(&mut self) -> Result<()> {
        self.primary()?;
        if self.accept("^") {
            // Right-associative; a sign may follow.
            self.unary()?;
            self.emit(Step::Binary('^'));
        }
        Ok(())
    }

    pub(super) fn pattern(&mut self, source: &str) -> Result<Arc<Regexp>> {
        let line = self.tokens.get(self.at).map_or(1, |(_, line)| *line);
        let compiled = Regexp::new(source, Syntax::Awk, Flags::default());
        let reason = |error: &str| match error {
            "Unmatched ( or \\(" => "missing ')'".to_string(),
            "Invalid preceding regular expression" => "missing operand".to_string(),
            error if error.starts_with("Unmatched [") => "bad class -- [], [^] or [".to_string(),
            other => other.to_string(),
        };
        compiled
            .map(Arc::new)
            .map_err(|error| (line, format!("regular expression compile failed ({})\n{source}", reason(&error))))
    }

    /// A place to read or write, if one begins here; its subscript or number is put on the stack.
    pub(super) fn place(&mut self) -> Result<Option<Place>> {
        match self.token().clone() {
            Token::Op("$") => {
                self.at += 1;
                self.depth += 1;
                if self.depth > DEPTH {
                    return self.fail();
                }
                match self.token() {
                    Token::Op("-") => {
                        self.at += 1;
                        self.operand()?;
                        self.emit(Step::Negate);
                    }
                    Token::Op("++" | "--") => self.primary()?,
                    _ => self.operand()?,
                }
                self.depth -= 1;
                Ok(Some(Place::Field))
            }
            Token::Name(name) => {
                self.at += 1;
                let slot = self.slot(&name);
                if self.accept("[") {
                    self.subscript()?;
                    return Ok(Some(Place::Element(slot)));
                }
                Ok(Some(Place::Var(slot)))
            }
            _ => Ok(None),
        }
    }

    /// What may follow `$`: no `++` behind it is taken.
    pub(super) fn operand(&mut self) -> Result<()> {
        if let Some(place) = self.place()? {
            self.emit(Step::Load(place));
            return Ok(());
        }
        self.primary()
    }

    pub(super) fn subscript(&mut self) -> Result<()> {
        let mut count = 0;
        let (no_greater, no_in) = (self.no_greater, self.no_in);
        self.no_greater = false;
        self.no_in = false;
        loop {
            self.expression()?;
            count += 1;
            if !self.accept(",") {
                break;
            }
            self.newlines();
        }
        self.no_greater = no_greater;
        self.no_in = no_in;
        self.expect("]")?;
        if count > 1 {
            self.emit(Step::Subscript(count));
        }
        Ok(())
    }

    pub(super) fn optional_place(&mut self) -> Result<Option<Place>> {
        if matches!(self.token(), Token::Op("$") | Token::Name(_)) { self.place() } else { Ok(None) }
    }

    pub(super) fn primary(&mut self) -> Result<()> {
        if let Some(place) = self.place()? {
            return self.after_place(place);
        }
        let token = self.token().clone();
        self.at += 1;
        match token {
            Token::Number(value) => {
                self.emit(Step::Number(value));
            }
            Token::Text(bytes) => {
                self.emit(Step::Text(bytes.into()));
            }
            Token::Pattern(source) => {
                let pattern = self.pattern(&source)?;
                self.emit(Step::MatchRecord(pattern));
            }
            Token::Op("(") => self.parenthesis()?,
            Token::Op("++" | "--") => {
                let by = if token == Token::Op("++") { 1.0 } else { -1.0 };
                let Some(place) = self.place()? else { return self.fail() };
                self.emit(Step::Add(place, by, false));
            }
            Token::Op("-") => {
                self.unary()?;
                self.emit(Step::Negate);
            }
            Token::Op("+") => {
                self.unary()?;
                self.emit(Step::ToNumber);
            }
            Token::Op("!") => {
                self.unary()?;
                self.emit(Step::Not);
            }
            Token::Word("getline") => {
                let place = self.optional_place()?;
                if self.accept("<") {
                    self.operand()?;
                    self.emit(Step::Getline(From::File, place));
                } else {
                    self.emit(Step::Getline(From::Main, place));
                }
            }
            Token::Builtin(name) => self.builtin(name)?,
            Token::Call(name) => {
                let number = self.function_number(&name);
                self.expect("(")?;
                let count = self.arguments(true)?;
                self.emit(Step::Call(number, count));
            }
            _ => {
                self.at -= 1;
                return self.fail();
            }
        }
        Ok(())
    }

    pub(super) fn after_place(&mut self, place: Place) -> Result<()> {
        let Token::Op(op) = *self.token() else {
            self.emit(Step::Load(place));
            return Ok(());
        };
        match op {
            "=" => {
                self.at += 1;
                self.newlines();
                self.expression()?;
                self.emit(Step::Store(place));
            }
            "+=" | "-=" | "*=" | "/=" | "%=" | "^=" => {
                self.at += 1;
                self.newlines();
                self.expression()?;
                self.emit(Step::Update(place, op.chars().next().unwrap_or('+')));
            }
            "++" | "--" => {
                self.at += 1;
                self.emit(Step::Add(place, if op == "++" { 1.0 } else { -1.0 }, true));
            }
            _ => {
                self.emit(Step::Load(place));
            }
        }
        Ok(())
    }

    pub(super) fn parenthesis(&mut self) -> Result<()> {
        let saved = (self.no_greater, self.no_in, self.no_pipe);
        (self.no_greater, self.no_in, self.no_pipe) = (false, false, false);
        self.newlines();
        self.expression()?;
        let mut count = 1;
        self.newlines();
        while self.accept(",") {
            self.newlines();
            self.expression()?;
            count += 1;
        }
        self.newlines();
        (self.no_greater, self.no_in, self.no_pipe) = saved;
        self.expect(")")?;
        if count > 1 {
            if !self.is_word("in") {
                return self.fail();
            }
            self.emit(Step::Subscript(count));
        }
        Ok(())
    }

    /// Arguments up to the closing parenthesis.
    pub(super) fn arguments(&mut self, own: bool) -> Result<usize> {
        let saved = (self.no_greater, self.no_in, self.no_pipe);
        (self.no_greater, self.no_in, self.no_pipe) = (false, false, false);
        let mut count = 0;
        self.newlines();
        while !self.is(")") {
            let bare = matches!(self.ahead(1), Token::Op("," | ")"));
            match self.token().clone() {
                Token::Name(name) if own && bare => {
                    self.at += 1;
                    let slot = self.slot(&name);
                    self.emit(Step::LoadArgument(slot));
                }
                Token::Pattern(source) if !own && bare => {
                    self.at += 1;
                    let pattern = self.pattern(&source)?;
                    self.emit(Step::Pattern(pattern));
                }
                _ => self.expression()?,
            }
            count += 1;
            self.newlines();
            if !self.accept(",") {
                break;
            }
            self.newlines();
        }
        (self.no_greater, self.no_in, self.no_pipe) = saved;
        self.expect(")")?;
        Ok(count)
    }

    pub(super) fn builtin(&mut self, name: &'static str) -> Result<()> {
        if !self.is("(") {
            if name != "length" {
                return self.fail();
            }
            self.emit(Step::Builtin("length", 0));
            return Ok(());
        }
        self.at += 1;
        match name {
            "sub" | "gsub" => {
                self.pattern_argument()?;
                self.expect(",")?;
                self.newlines();
                self.expression()?;
                let mut place = Place::Field;
                if self.accept(",") {
                    self.newlines();
                    match self.place()? {
                        Some(found) => place = found,
                        None => {
                            self.expression()?;
                            let slot = self.slot(" scratch");
                            place = Place::Var(slot);
                            self.emit(Step::Store(place));
                            self.emit(Step::Pop);
                        }
                    }
                } else {
                    self.emit(Step::Number(0.0));
                }
                self.expect(")")?;
                self.emit(Step::Substitute(name == "gsub", place));
            }
            "split" => {
                self.expression()?;
                self.expect(",")?;
                self.newlines();
                let Token::Name(array) = self.token().clone() else { return self.fail() };
                self.at += 1;
                let slot = self.slot(&array);
                let own = self.accept(",");
                if own {
                    self.newlines();
                    self.pattern_argument()?;
                }
                self.expect(")")?;
                self.emit(Step::Split(slot, own));
            }
            "match" => {
                self.expression()?;
                self.expect(",")?;
                self.newlines();
                self.pattern_argument()?;
                self.expect(")")?;
                self.emit(Step::Builtin("match", 2));
            }
            "length" if matches!((self.token(), self.ahead(1)), (Token::Name(_), Token::Op(")"))) => {
                let count = self.arguments(true)?;
                self.emit(Step::Builtin(name, count));
            }
            _ => {
                let count = self.arguments(false)?;
                let allowed = match name {
                    "rand" | "systime" => 0..=0,
                    "length" | "srand" | "fflush" => 0..=1,
                    "substr" => 2..=3,
                    "index" | "atan2" => 2..=2,
                    "sprintf" => 1..=usize::MAX,
                    _ => 1..=1,
                };
                if !allowed.contains(&count) {
                    let line = self.tokens.get(self.at).map_or(1, |(_, line)| *line);
                    return Err((line, format!("wrong number of arguments in call to {name}")));
                }
                self.emit(Step::Builtin(name, count));
            }
        }
        Ok(())
    }

    pub(super) fn pattern_argument(&mut self) -> Result<()> {
        if let (Token::Pattern(source), Token::Op("," | ")")) = (self.token().clone(), self.ahead(1)) {
            self.at += 1;
            let pattern = self.pattern(&source)?;
            self.emit(Step::Pattern(pattern));
            return Ok(());
        }
        self.expression()
    }
}
