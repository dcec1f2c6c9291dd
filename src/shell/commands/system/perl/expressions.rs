//! Perl's expressions.

use super::*;

impl Vm<'_> {
    pub(super) fn level(token: &T) -> Option<(&'static str, u8)> {
        Some(match token {
            T::Op(op) => match *op {
                "," | "=>" => (op, 1),
                "=" | "+=" | "-=" | "*=" | "/=" | ".=" | "%=" | "**=" | "||=" | "//=" | "x=" => (op, 2),
                "?" => (op, 3),
                ".." => (op, 4),
                "||" | "//" => (op, 5),
                "&&" => (op, 6),
                "|" | "^" => (op, 7),
                "&" => (op, 8),
                "==" | "!=" | "<=>" => (op, 9),
                "<" | ">" | "<=" | ">=" => (op, 10),
                "<<" | ">>" => (op, 11),
                "+" | "-" | "." => (op, 12),
                "*" | "/" | "%" => (op, 13),
                "**" => (op, 15),
                _ => return None,
            },
            T::Word(word) => match word.as_str() {
                "or" => ("or", 0),
                "and" => ("and", 0),
                "eq" => ("eq", 9),
                "ne" => ("ne", 9),
                "cmp" => ("cmp", 9),
                "lt" => ("lt", 10),
                "gt" => ("gt", 10),
                "le" => ("le", 10),
                "ge" => ("ge", 10),
                "x" => ("x", 13),
                _ => return None,
            },
            _ => return None,
        })
    }

    pub(super) fn expr(&mut self, least: u8) -> Run<P> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Halt::Silent);
        }
        let place = self.at;
        let mut left = self.unary()?;
        while let Some((op, level)) = Self::level(self.peek()) {
            if level < least {
                break;
            }
            self.step()?;
            self.at += 1;
            left = match op {
                "," | "=>" => {
                    let mut list = match left {
                        P::List(list) => list,
                        one => vec![one],
                    };
                    let ends = self.is(")") || self.is(";") || self.is("]") || self.is("}") || *self.peek() == T::End;
                    if !ends {
                        list.extend(self.expr(2)?.flat());
                    }
                    P::List(list)
                }
                "&&" | "and" => {
                    let right = self.lazily(level + 1, left.truth())?;
                    right.unwrap_or(left)
                }
                "||" | "or" => {
                    let right = self.lazily(level + 1, !left.truth())?;
                    right.unwrap_or(left)
                }
                "//" => {
                    let right = self.lazily(level + 1, matches!(left, P::Undef))?;
                    right.unwrap_or(left)
                }
                "?" => {
                    let yes = self.lazily(2, left.truth())?;
                    self.expect(":")?;
                    let no = self.lazily(2, !left.truth())?;
                    yes.or(no).unwrap_or(P::Undef)
                }
                "=" => {
                    let value = self.expr(2)?;
                    self.assign(place, value)?
                }
                op if level == 2 => {
                    let value = self.expr(2)?;
                    let plain = op.trim_end_matches('=');
                    let new = match plain {
                        "||" => {
                            if left.truth() {
                                left
                            } else {
                                value
                            }
                        }
                        "//" => {
                            if matches!(left, P::Undef) {
                                value
                            } else {
                                left
                            }
                        }
                        plain => self.binary(plain, &left, &value)?,
                    };
                    self.assign(place, new)?
                }
                "**" => {
                    let right = self.expr(14)?;
                    P::Num(left.num().powf(right.num()))
                }
                ".." => {
                    let right = self.expr(level + 1)?;
                    let (from, to) = (left.num() as i64, right.num() as i64);
                    if to.saturating_sub(from) > 100_000 {
                        return Err(Halt::Endless);
                    }
                    P::List((from..=to).map(|n| P::Num(n as f64)).collect())
                }
                op => {
                    let right = self.expr(level + 1)?;
                    self.binary(op, &left, &right)?
                }
            };
        }
        self.depth -= 1;
        Ok(left)
    }

    /// An operand that may not be wanted: then it is passed over without effect.
    pub(super) fn lazily(&mut self, level: u8, wanted: bool) -> Run<Option<P>> {
        if wanted {
            return self.expr(level).map(Some);
        }
        let mut depth = 0;
        loop {
            match self.peek() {
                T::End => return Ok(None),
                T::Op("(" | "[" | "{") => depth += 1,
                T::Op(")" | "]" | "}") if depth == 0 => return Ok(None),
                T::Op(")" | "]" | "}") => depth -= 1,
                T::Op(";" | ":") if depth == 0 => return Ok(None),
                token if depth == 0 && Self::level(token).is_some_and(|(_, own)| own < level) => return Ok(None),
                T::Word(word)
                    if depth == 0 && matches!(word.as_str(), "if" | "unless" | "for" | "foreach" | "while") =>
                {
                    return Ok(None);
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    pub(super) fn binary(&mut self, op: &str, left: &P, right: &P) -> Run<P> {
        let (a, b) = (left.num(), right.num());
        let flag = |test: bool| P::Str(if test { "1" } else { "" }.into());
        Ok(match op {
            "+" => P::Num(a + b),
            "-" => P::Num(a - b),
            "*" => P::Num(a * b),
            "/" if b == 0.0 => return Err(Halt::Die("Illegal division by zero".into())),
            "/" => P::Num(a / b),
            "%" if b.trunc() == 0.0 => return Err(Halt::Die("Illegal modulus zero".into())),
            "%" => {
                let (a, b) = (a.trunc(), b.trunc());
                P::Num(a - b * (a / b).floor())
            }
            "**" => P::Num(a.powf(b)),
            "." => {
                let text = format!("{}{}", left.str(), right.str());
                if text.len() > MOST {
                    return Err(Halt::Endless);
                }
                P::Str(text)
            }
            "x" => {
                let count = b.max(0.0) as usize;
                if left.str().len().saturating_mul(count) > MOST {
                    return Err(Halt::Endless);
                }
                P::Str(left.str().repeat(count))
            }
            "==" => flag(a == b),
            "!=" => flag(a != b),
            "<" => flag(a < b),
            ">" => flag(a > b),
            "<=" => flag(a <= b),
            ">=" => flag(a >= b),
            "<=>" => P::Num(a.partial_cmp(&b).map_or(0.0, |order| f64::from(order as i8))),
            "cmp" => P::Num(f64::from(left.str().cmp(&right.str()) as i8)),
            "eq" => flag(left.str() == right.str()),
            "ne" => flag(left.str() != right.str()),
            "lt" => flag(left.str() < right.str()),
            "gt" => flag(left.str() > right.str()),
            "le" => flag(left.str() <= right.str()),
            "ge" => flag(left.str() >= right.str()),
            "&" => P::Num(((a as i64) & (b as i64)) as f64),
            "|" => P::Num(((a as i64) | (b as i64)) as f64),
            "^" => P::Num(((a as i64) ^ (b as i64)) as f64),
            "<<" => P::Num((a as i64).checked_shl(b as u32).unwrap_or(0) as f64),
            ">>" => P::Num((a as i64).checked_shr(b as u32).unwrap_or(0) as f64),
            _ => return Err(Halt::Silent),
        })
    }

    /// Gives a value to the variable that stands at a place.
    pub(super) fn assign(&mut self, place: usize, value: P) -> Run<P> {
        let after = self.at;
        self.at = place;
        if matches!(self.word(), "my" | "our" | "local") {
            self.at += 1;
        }
        let mut targets = Vec::new();
        let list = self.eat("(");
        while let T::Var(sigil, name) = self.peek().clone() {
            self.at += 1;
            let key = match (sigil, self.peek().clone()) {
                ('$', T::Op("[")) => {
                    self.at += 1;
                    let key = self.expr(0)?;
                    self.expect("]")?;
                    Some(('@', key))
                }
                ('$', T::Op("{")) => Some(('%', self.key()?)),
                _ => None,
            };
            targets.push((sigil, name, key));
            if !list || !self.eat(",") {
                break;
            }
        }
        self.at = after;
        if targets.is_empty() {
            return Err(Halt::Silent);
        }
        let mut values = if list || targets.first().is_some_and(|(sigil, _, key)| *sigil != '$' && key.is_none()) {
            value.clone().flat().into_iter()
        } else {
            vec![value.clone()].into_iter()
        };
        for (sigil, name, key) in targets {
            match (sigil, key) {
                ('$', None) => drop(self.scalars.insert(name, values.next().unwrap_or(P::Undef))),
                ('$', Some(('@', key))) => {
                    let array = self.arrays.entry(name).or_default();
                    let at = if key.num() < 0.0 {
                        array.len().saturating_sub(key.num().abs() as usize)
                    } else {
                        key.num() as usize
                    };
                    if at > 100_000 {
                        return Err(Halt::Endless);
                    }
                    if array.len() <= at {
                        array.resize(at + 1, P::Undef);
                    }
                    if let Some(slot) = array.get_mut(at) {
                        *slot = values.next().unwrap_or(P::Undef);
                    }
                }
                ('$', Some((_, key))) => {
                    let hash = self.hashes.entry(name).or_default();
                    let value = values.next().unwrap_or(P::Undef);
                    hash.insert(key.str(), value);
                }
                ('@', _) => drop(self.arrays.insert(name, values.by_ref().collect())),
                _ => {
                    let mut pairs = BTreeMap::new();
                    while let Some(key) = values.next() {
                        pairs.insert(key.str(), values.next().unwrap_or(P::Undef));
                    }
                    self.hashes.insert(name, pairs);
                }
            }
        }
        Ok(value)
    }

    /// `{key}` of a hash, with or without quotes.
    pub(super) fn key(&mut self) -> Run<P> {
        self.expect("{")?;
        if let (T::Word(word), Some(T::Op("}"))) = (self.peek().clone(), self.tokens.get(self.at + 1)) {
            self.at += 2;
            return Ok(P::Str(word));
        }
        let key = self.expr(0)?;
        self.expect("}")?;
        Ok(key)
    }

    pub(super) fn unary(&mut self) -> Run<P> {
        self.step()?;
        let place = self.at;
        match self.peek().clone() {
            T::Op(op @ ("!" | "-" | "+" | "\\")) => {
                self.at += 1;
                let value = self.expr(14)?;
                Ok(match op {
                    "!" => P::Str(if value.truth() { "" } else { "1" }.into()),
                    "-" => P::Num(-value.num()),
                    _ => value,
                })
            }
            T::Op(op @ ("++" | "--")) => {
                self.at += 1;
                let place = self.at;
                let value = self.unary()?;
                self.assign(place, P::Num(value.num() + if op == "++" { 1.0 } else { -1.0 }))
            }
            T::Word(word) if matches!(word.as_str(), "my" | "our" | "local") => {
                self.at += 1;
                match self.peek() {
                    T::Var('$', _) | T::Op("(") | T::Var(..) => self.atom(),
                    _ => Err(Halt::Silent),
                }
            }
            T::Word(word) if word == "not" => {
                self.at += 1;
                let value = self.expr(1)?;
                Ok(P::Str(if value.truth() { "" } else { "1" }.into()))
            }
            _ => {
                let value = self.atom()?;
                if self.is("++") || self.is("--") {
                    let up = self.is("++");
                    self.at += 1;
                    self.assign(place, P::Num(value.num() + if up { 1.0 } else { -1.0 }))?;
                    return Ok(P::Num(value.num()));
                }
                Ok(value)
            }
        }
    }

    pub(super) fn atom(&mut self) -> Run<P> {
        let token = self.peek().clone();
        self.at += 1;
        match token {
            T::Num(n) => Ok(P::Num(n)),
            T::Str(text, true) => Ok(P::Str(self.fill(&text))),
            T::Str(text, false) => Ok(P::Str(text)),
            T::Words(words) => Ok(P::List(words.into_iter().map(P::Str).collect())),
            T::Back(line) => {
                let line = self.fill(&line);
                let (_, bytes) = self.need(Halt::System(line, true))?;
                Ok(P::Str(decode(&bytes)))
            }
            T::Var('$', name) => {
                if self.is("[") {
                    self.at += 1;
                    let at = self.expr(0)?.num();
                    self.expect("]")?;
                    return Ok(self.element(&name, at));
                }
                if self.is("{") {
                    let key = self.key()?.str();
                    return Ok(self.hashes.get(&name).and_then(|hash| hash.get(&key)).cloned().unwrap_or(P::Undef));
                }
                Ok(self.scalars.get(&name).cloned().unwrap_or(P::Undef))
            }
            T::Var('@', name) => Ok(P::List(self.arrays.get(&name).cloned().unwrap_or_default())),
            T::Var(_, name) => {
                let pairs = self.hashes.get(&name).cloned().unwrap_or_default();
                Ok(P::List(pairs.into_iter().flat_map(|(key, value)| [P::Str(key), value]).collect()))
            }
            T::Op("(") => {
                if self.eat(")") {
                    return Ok(P::List(Vec::new()));
                }
                let value = self.expr(0)?;
                self.expect(")")?;
                Ok(value)
            }
            T::Op("<") if self.word() == "STDIN" => {
                self.at += 1;
                self.expect(">")?;
                let (status, bytes) = self.need(Halt::Line)?;
                Ok(if status == 0 { P::Str(decode(&bytes)) } else { P::Undef })
            }
            T::Word(word) => self.function(&word),
            _ => Err(Halt::Silent),
        }
    }

    pub(super) fn element(&self, name: &str, at: f64) -> P {
        let array = self.arrays.get(name).map_or(&[][..], Vec::as_slice);
        let at = if at < 0.0 { array.len().checked_sub(at.abs() as usize) } else { Some(at as usize) };
        at.and_then(|at| array.get(at)).cloned().unwrap_or(P::Undef)
    }

    /// Fills in variables and backslash sequences.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut whole = String::new();
        let chars: Vec<char> = text.chars().collect();
        let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
        let mut i = 0;
        while i < chars.len() {
            let c = at(i);
            if c == '\\' {
                i += 2;
                match at(i - 1) {
                    'n' => whole.push('\n'),
                    't' => whole.push('\t'),
                    'r' => whole.push('\r'),
                    '0' => whole.push('\0'),
                    'a' => whole.push('\x07'),
                    'e' => whole.push('\x1b'),
                    'x' => {
                        let brace = at(i) == '{';
                        let digits: String = chars
                            .iter()
                            .skip(i + usize::from(brace))
                            .take(if brace { 6 } else { 2 })
                            .take_while(|c| c.is_ascii_hexdigit())
                            .collect();
                        i += digits.len() + if brace { 2 } else { 0 };
                        let value = u32::from_str_radix(&digits, 16).unwrap_or(0);
                        match u8::try_from(value) {
                            Ok(byte) => whole.push_str(&decode(&[byte])),
                            Err(_) => whole.extend(char::from_u32(value)),
                        }
                    }
                    other => whole.push(other),
                }
                continue;
            }
            let starts = at(i + 1).is_alphabetic()
                || at(i + 1) == '_'
                || (at(i + 1) == '{' && at(i + 2).is_alphabetic())
                || (c == '$' && at(i + 1).is_ascii_digit());
            if !matches!(c, '$' | '@') || !starts {
                whole.push(c);
                i += 1;
                continue;
            }
            let brace = at(i + 1) == '{';
            let from = i + 1 + usize::from(brace);
            let mut end = from;
            while at(end).is_alphanumeric() || at(end) == '_' {
                end += 1;
            }
            let name: String = chars.get(from..end).unwrap_or_default().iter().collect();
            i = end + usize::from(brace);
            let close = match (c, at(i)) {
                ('$', '[') if at(i + 1).is_ascii_digit() || matches!(at(i + 1), '-' | '$') => ']',
                ('$', '{') => '}',
                _ => '\0',
            };
            if close == '\0' {
                whole.push_str(&match c {
                    '$' => self.scalars.get(&name).map_or_else(String::new, P::str),
                    _ => self.arrays.get(&name).map_or_else(
                        || format!("@{name}"),
                        |list| list.iter().map(P::str).collect::<Vec<_>>().join(" "),
                    ),
                });
                continue;
            }
            let key: String = chars.iter().skip(i + 1).take_while(|c| **c != close).collect();
            i += key.chars().count() + 2;
            let key = key.trim_matches(['"', '\'']).to_string();
            let key = key
                .strip_prefix('$')
                .map_or(key.clone(), |name| self.scalars.get(name).map_or_else(String::new, P::str));
            whole.push_str(&match close {
                ']' => self.element(&name, leading(&key)).str(),
                _ => self.hashes.get(&name).and_then(|hash| hash.get(&key)).map_or_else(String::new, P::str),
            });
        }
        whole
    }
}
