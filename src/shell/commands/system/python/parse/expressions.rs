//! Expressions of Python.

use super::*;

impl Parser {
    pub(in crate::shell::commands::system::python) fn targets(&mut self) -> Done<Expr> {
        let mut list = vec![self.atom_with_trailers()?];
        let mut many = false;
        while self.eat(",") {
            many = true;
            if self.word() == "in" {
                break;
            }
            list.push(self.atom_with_trailers()?);
        }
        Ok(if many { Expr::Tuple(list) } else { list.pop().unwrap_or(Expr::None) })
    }

    /// Expressions with commas between.
    pub(in crate::shell::commands::system::python) fn tuple(&mut self) -> Done<Expr> {
        let first = self.starred()?;
        if !self.is(",") {
            return Ok(first);
        }
        let mut list = vec![first];
        while self.eat(",") {
            if matches!(self.peek(), Token::Newline | Token::End)
                || ["=", ")", "]", "}", ":", ";"].iter().any(|op| self.is(op))
            {
                break;
            }
            list.push(self.starred()?);
        }
        Ok(Expr::Tuple(list))
    }

    pub(in crate::shell::commands::system::python) fn starred(&mut self) -> Done<Expr> {
        if self.eat("*") { Ok(Expr::Star(Box::new(self.binary(0)?))) } else { self.test() }
    }

    pub(in crate::shell::commands::system::python) fn test(&mut self) -> Done<Expr> {
        self.depth += 1;
        if self.depth > DEPTH {
            return self.wrong("too many nested parentheses");
        }
        let result = self.test_inside();
        self.depth -= 1;
        result
    }

    pub(in crate::shell::commands::system::python) fn test_inside(&mut self) -> Done<Expr> {
        if self.eat_word("lambda") {
            let params = self.params(":")?;
            self.expect(":")?;
            return Ok(Expr::Lambda(params, Box::new(self.test()?)));
        }
        let value = self.or()?;
        if self.eat_word("if") {
            let test = self.or()?;
            if !self.eat_word("else") {
                return self.wrong("expected 'else' after 'if' expression");
            }
            let other = self.test()?;
            return Ok(Expr::If(Box::new(test), Box::new(value), Box::new(other)));
        }
        Ok(value)
    }

    pub(in crate::shell::commands::system::python) fn or(&mut self) -> Done<Expr> {
        let mut left = self.and()?;
        while self.eat_word("or") {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    pub(in crate::shell::commands::system::python) fn and(&mut self) -> Done<Expr> {
        let mut left = self.not()?;
        while self.eat_word("and") {
            left = Expr::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    pub(in crate::shell::commands::system::python) fn not(&mut self) -> Done<Expr> {
        let mut count = 0;
        while self.eat_word("not") {
            count += 1;
        }
        let mut value = self.comparison()?;
        for _ in 0..count.min(2 - count % 2) {
            value = Expr::Unary("not", Box::new(value));
        }
        Ok(value)
    }

    pub(in crate::shell::commands::system::python) fn comparison(&mut self) -> Done<Expr> {
        let left = self.binary(0)?;
        let mut rest = Vec::new();
        loop {
            let op = match self.peek() {
                Token::Op(op) if ["<", ">", "<=", ">=", "==", "!="].contains(op) => *op,
                Token::Name(name) if name == "in" => "in",
                Token::Name(name) if name == "is" => "is",
                Token::Name(name)
                    if name == "not"
                        && matches!(self.spots.get(self.at + 1).map(|spot| &spot.token), Some(Token::Name(next)) if next == "in") =>
                {
                    "not in"
                }
                _ => break,
            };
            self.at += if op == "not in" { 2 } else { 1 };
            let op = if op == "is" && self.eat_word("not") { "is not" } else { op };
            rest.push((op, self.binary(0)?));
        }
        Ok(if rest.is_empty() { left } else { Expr::Compare(Box::new(left), rest) })
    }

    pub(in crate::shell::commands::system::python) fn binary(&mut self, level: usize) -> Done<Expr> {
        const LEVELS: &[&[&str]] = &[&["|"], &["^"], &["&"], &["<<", ">>"], &["+", "-"], &["*", "/", "//", "%", "@"]];
        let Some(ops) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        loop {
            let op = match self.peek() {
                Token::Op(op) if ops.contains(op) => *op,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expr::Binary(op, Box::new(left), Box::new(self.binary(level + 1)?));
        }
    }

    pub(in crate::shell::commands::system::python) fn unary(&mut self) -> Done<Expr> {
        let op = match self.peek() {
            Token::Op(op) if ["-", "+", "~"].contains(op) => *op,
            _ => return self.power(),
        };
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH {
            return self.wrong("too many nested parentheses");
        }
        let value = self.unary()?;
        self.depth -= 1;
        Ok(Expr::Unary(op, Box::new(value)))
    }

    pub(in crate::shell::commands::system::python) fn power(&mut self) -> Done<Expr> {
        let base = self.atom_with_trailers()?;
        if self.eat("**") {
            self.depth += 1;
            if self.depth > DEPTH {
                return self.wrong("too many nested parentheses");
            }
            let exponent = self.unary()?;
            self.depth -= 1;
            return Ok(Expr::Binary("**", Box::new(base), Box::new(exponent)));
        }
        Ok(base)
    }

    pub(in crate::shell::commands::system::python) fn atom_with_trailers(&mut self) -> Done<Expr> {
        let mut value = self.atom()?;
        loop {
            if self.eat(".") {
                value = Expr::Attr(Box::new(value), self.name()?);
            } else if self.eat("(") {
                let (mut plain, mut named) = (Vec::new(), Vec::new());
                while !self.is(")") {
                    if self.eat("**") {
                        self.test()?;
                    } else if let (Token::Name(name), Some(Token::Op("="))) =
                        (self.peek().clone(), self.spots.get(self.at + 1).map(|spot| &spot.token))
                    {
                        self.at += 2;
                        named.push((name, self.test()?));
                    } else {
                        let one = self.starred()?;
                        let one = if self.word() == "for" { self.comprehension(one, None)? } else { one };
                        plain.push(one);
                    }
                    if !self.eat(",") {
                        break;
                    }
                }
                if !self.eat(")") {
                    return self.wrong("invalid syntax. Perhaps you forgot a comma?");
                }
                value = Expr::Call(Box::new(value), plain, named);
            } else if self.eat("[") {
                let mut parts: [Option<Box<Expr>>; 3] = [None, None, None];
                let mut at = 0;
                let mut colons = 0;
                while !self.is("]") {
                    if self.eat(":") {
                        colons += 1;
                        at += 1;
                        continue;
                    }
                    let one = self.tuple()?;
                    match parts.get_mut(at) {
                        Some(part) => *part = Some(Box::new(one)),
                        None => return self.wrong("invalid syntax"),
                    }
                    if !self.is("]") && !self.is(":") {
                        return self.wrong("invalid syntax");
                    }
                }
                self.expect("]")?;
                value = match (colons, parts) {
                    (0, [Some(index), ..]) => Expr::Index(Box::new(value), index),
                    (0, _) => return self.wrong("invalid syntax"),
                    (_, parts) => Expr::Slice(Box::new(value), parts),
                };
            } else {
                return Ok(value);
            }
        }
    }

    pub(in crate::shell::commands::system::python) fn comprehension(
        &mut self,
        element: Expr,
        value: Option<Expr>,
    ) -> Done<Expr> {
        let mut clauses = Vec::new();
        loop {
            if self.eat_word("for") {
                let target = self.targets()?;
                if !self.eat_word("in") {
                    return self.wrong("invalid syntax");
                }
                clauses.push(Clause::For(target, self.or()?));
            } else if self.eat_word("if") {
                clauses.push(Clause::If(self.or()?));
            } else {
                return Ok(Expr::Comprehension(Box::new(element), value.map(Box::new), clauses));
            }
        }
    }

    pub(in crate::shell::commands::system::python) fn atom(&mut self) -> Done<Expr> {
        let spot = self.at;
        match self.next() {
            Token::Int(number) => Ok(Expr::Int(number)),
            Token::Float(number) => Ok(Expr::Float(number)),
            Token::Bytes(bytes) => Ok(Expr::Bytes(bytes)),
            Token::Str(text, formatted) => {
                let mut pieces = if formatted { pieces(&text)? } else { vec![(None, text, false)] };
                let mut any = formatted;
                while let Token::Str(more, formatted) = self.peek().clone() {
                    self.at += 1;
                    any |= formatted;
                    if formatted {
                        pieces.extend(super::pieces(&more)?);
                    } else {
                        pieces.push((None, more, false));
                    }
                }
                Ok(if any {
                    Expr::Format(pieces)
                } else {
                    Expr::Str(pieces.into_iter().map(|(_, text, _)| text).collect())
                })
            }
            Token::Name(name) => match name.as_str() {
                "None" => Ok(Expr::None),
                "True" => Ok(Expr::Bool(true)),
                "False" => Ok(Expr::Bool(false)),
                "if" | "else" | "for" | "in" | "and" | "or" | "is" | "while" | "def" | "import" | "as" | "except"
                | "elif" | "finally" => {
                    self.at = spot;
                    self.wrong("invalid syntax")
                }
                _ => Ok(Expr::Name(name)),
            },
            Token::Op("(") => {
                if self.eat(")") {
                    return Ok(Expr::Tuple(Vec::new()));
                }
                let value = self.tuple()?;
                let value = if self.word() == "for" { self.comprehension(value, None)? } else { value };
                if !self.eat(")") {
                    return self.wrong("invalid syntax");
                }
                Ok(value)
            }
            Token::Op("[") => {
                if self.eat("]") {
                    return Ok(Expr::List(Vec::new()));
                }
                let value = self.tuple()?;
                if self.word() == "for" {
                    let value = self.comprehension(value, None)?;
                    self.expect("]")?;
                    return Ok(value);
                }
                self.expect("]")?;
                Ok(Expr::List(match value {
                    Expr::Tuple(list) => list,
                    one => vec![one],
                }))
            }
            Token::Op("{") => {
                let mut pairs = Vec::new();
                let mut list = Vec::new();
                while !self.is("}") {
                    let key = self.test()?;
                    if self.eat(":") {
                        let value = self.test()?;
                        if self.word() == "for" {
                            let value = self.comprehension(key, Some(value))?;
                            self.expect("}")?;
                            return Ok(value);
                        }
                        pairs.push((key, value));
                    } else {
                        list.push(key);
                    }
                    if !self.eat(",") {
                        break;
                    }
                }
                self.expect("}")?;
                Ok(if list.is_empty() { Expr::Dict(pairs) } else { Expr::Set(list) })
            }
            Token::Op("...") => Ok(Expr::None),
            _ => {
                self.at = spot;
                self.wrong("invalid syntax")
            }
        }
    }
}
