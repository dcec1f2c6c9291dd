//! Arithmetic of the shell, `$(( ))`, `(( ))`, `let`: 64-bit integers, C's operators, bash's errors.

use super::vars::Key;

/// Where variables come from.
pub(super) trait Names {
    /// The value of a variable or element.
    fn value(&mut self, name: &str, key: Option<&Key>) -> Option<String>;
    /// Sets it; `false` when it cannot be.
    fn assign(&mut self, name: &str, key: Option<&Key>, value: i64) -> bool;
    /// Whether its subscripts are names.
    fn is_map(&self, name: &str) -> bool;
}

/// Nested brackets, and variables that hold expressions.
const DEPTH: u32 = 64;

/// Evaluates an expression whose `$` are expanded; an empty one is 0. The error is bash's text after the expression.
pub(super) fn evaluate(text: &str, names: &mut dyn Names) -> Result<i64, String> {
    evaluate_at(text, names, 0)
}

fn evaluate_at(text: &str, names: &mut dyn Names, depth: u32) -> Result<i64, String> {
    if depth > DEPTH {
        return Err(format!("{}: expression recursion level exceeded (error token is \"{text}\")", text.trim_start()));
    }
    if text.trim().is_empty() {
        return Ok(0);
    }
    let mut parser = Parser { text, at: 0, names, depth, skip: false };
    let value = parser.comma().map_err(|error| parser.report(&error))?;
    parser.blank();
    if parser.at < text.len() {
        let error = Error { what: "syntax error in expression", at: parser.at };
        return Err(parser.report(&error));
    }
    Ok(value)
}

struct Error {
    what: &'static str,
    at: usize,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    names: &'a mut dyn Names,
    depth: u32,
    /// The other branch of `&&`, `||`, `?:`: parsed, but nothing is assigned.
    skip: bool,
}

/// Something that can be assigned to.
struct Place {
    name: String,
    key: Option<Key>,
}

type Parse<T> = Result<T, Error>;

impl Parser<'_> {
    fn report(&self, error: &Error) -> String {
        let token = self.text.get(error.at..).unwrap_or_default();
        format!("{}: {} (error token is \"{token}\")", self.text.trim_start(), error.what)
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blank(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes the operator if it comes next, and is not the beginning of one in `not`.
    fn takes(&mut self, operator: &str, not: &[&str]) -> bool {
        self.blank();
        let rest = self.rest();
        if !rest.starts_with(operator) || not.iter().any(|longer| rest.starts_with(longer)) {
            return false;
        }
        self.at += operator.len();
        true
    }

    fn fail<T>(&self, what: &'static str) -> Parse<T> {
        Err(Error { what, at: self.at })
    }

    fn comma(&mut self) -> Parse<i64> {
        let mut value = self.assignment()?;
        while self.takes(",", &[]) {
            value = self.assignment()?;
        }
        Ok(value)
    }

    fn assignment(&mut self) -> Parse<i64> {
        self.depth += 1;
        if self.depth > DEPTH {
            return self.fail("expression recursion level exceeded");
        }
        let start = self.at;
        if let Some(place) = self.place()? {
            const OPERATORS: [&str; 11] = ["=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "^=", "|="];
            for operator in OPERATORS {
                if self.takes(operator, if operator == "=" { &["=="] } else { &[] }) {
                    let right_at = self.at;
                    let right = self.assignment()?;
                    let value = match operator {
                        "=" => right,
                        _ => {
                            let left = self.value_of(&place)?;
                            self.apply(operator.trim_end_matches('='), left, right, right_at)?
                        }
                    };
                    self.depth -= 1;
                    return self.store(&place, value);
                }
            }
        }
        self.at = start;
        let value = self.conditional();
        self.depth -= 1;
        value
    }

    fn conditional(&mut self) -> Parse<i64> {
        let condition = self.binary(0)?;
        if !self.takes("?", &[]) {
            return Ok(condition);
        }
        let yes = self.branch(condition != 0, Self::assignment)?;
        if !self.takes(":", &[]) {
            return self.fail("`:' expected for conditional expression");
        }
        let no = self.branch(condition == 0, Self::assignment)?;
        Ok(if condition != 0 { yes } else { no })
    }

    fn branch(&mut self, wanted: bool, parse: impl FnOnce(&mut Self) -> Parse<i64>) -> Parse<i64> {
        let before = self.skip;
        self.skip |= !wanted;
        let value = parse(self);
        self.skip = before;
        value
    }

    fn binary(&mut self, level: usize) -> Parse<i64> {
        const LEVELS: [&[(&str, &[&str])]; 10] = [
            &[("||", &[])],
            &[("&&", &[])],
            &[("|", &["||", "|="])],
            &[("^", &["^="])],
            &[("&", &["&&", "&="])],
            &[("==", &[]), ("!=", &[])],
            &[("<=", &[]), (">=", &[]), ("<", &["<<", "<="]), (">", &[">>", ">="])],
            &[("<<", &["<<="]), (">>", &[">>="])],
            &[("+", &["+=", "++"]), ("-", &["-=", "--"])],
            &[("*", &["*=", "**"]), ("/", &["/="]), ("%", &["%="])],
        ];
        let Some(operators) = LEVELS.get(level) else { return self.power() };
        let mut left = self.binary(level + 1)?;
        'next: loop {
            for (operator, not) in *operators {
                if !self.takes(operator, not) {
                    continue;
                }
                self.blank();
                let at = self.at;
                left = match *operator {
                    "||" => i64::from(self.branch(left == 0, |p| p.binary(level + 1))? != 0 || left != 0),
                    "&&" => i64::from(self.branch(left != 0, |p| p.binary(level + 1))? != 0 && left != 0),
                    operator => {
                        let right = self.binary(level + 1)?;
                        self.apply(operator, left, right, at)?
                    }
                };
                continue 'next;
            }
            return Ok(left);
        }
    }

    fn power(&mut self) -> Parse<i64> {
        let base = self.unary()?;
        if !self.takes("**", &[]) {
            return Ok(base);
        }
        let at = self.at;
        self.depth += 1;
        if self.depth > DEPTH {
            return self.fail("expression recursion level exceeded");
        }
        let exponent = self.power()?;
        self.depth -= 1;
        let Ok(exponent) = u64::try_from(exponent) else { return Err(Error { what: "exponent less than 0", at }) };
        let mut result: i64 = 1;
        let (mut base, mut exponent) = (base, exponent);
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = result.wrapping_mul(base);
            }
            base = base.wrapping_mul(base);
            exponent >>= 1;
        }
        Ok(result)
    }

    fn unary(&mut self) -> Parse<i64> {
        self.depth += 1;
        if self.depth > DEPTH {
            return self.fail("expression recursion level exceeded");
        }
        let value = self.unary_inner();
        self.depth -= 1;
        value
    }

    fn unary_inner(&mut self) -> Parse<i64> {
        for (operator, step) in [("++", 1), ("--", -1)] {
            let start = self.at;
            if self.takes(operator, &[]) {
                if let Some(place) = self.place()? {
                    let value = self.value_of(&place)?.wrapping_add(step);
                    return self.store(&place, value);
                }
                self.at = start;
            }
        }
        if self.takes("!", &["!="]) {
            return Ok(i64::from(self.unary()? == 0));
        }
        if self.takes("~", &[]) {
            return Ok(!self.unary()?);
        }
        if self.takes("-", &[]) {
            return Ok(self.unary()?.wrapping_neg());
        }
        if self.takes("+", &[]) {
            return self.unary();
        }
        self.primary()
    }

    fn primary(&mut self) -> Parse<i64> {
        if self.takes("(", &[]) {
            let value = self.comma()?;
            if !self.takes(")", &[]) {
                return self.fail("missing `)'");
            }
            return Ok(value);
        }
        self.blank();
        if self.rest().starts_with(|c: char| c.is_ascii_digit()) {
            return self.number();
        }
        let Some(place) = self.place()? else {
            return self.fail("syntax error: operand expected");
        };
        for (operator, step) in [("++", 1), ("--", -1)] {
            if self.takes(operator, &[]) {
                let value = self.value_of(&place)?;
                self.store(&place, value.wrapping_add(step))?;
                return Ok(value);
            }
        }
        self.value_of(&place)
    }

    fn number(&mut self) -> Parse<i64> {
        let start = self.at;
        let rest = self.rest();
        let len = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "#@_".contains(c))).unwrap_or(rest.len());
        let word = rest.get(..len).unwrap_or_default().to_string();
        self.at += len;
        let blame = |what| Error { what, at: start };
        let (base, digits) = match word.split_once('#') {
            Some((base, digits)) => {
                let base: u32 = base.parse().map_err(|_| blame("invalid number"))?;
                if !(2..=64).contains(&base) {
                    return Err(blame("invalid arithmetic base"));
                }
                (base, digits)
            }
            None if word.starts_with("0x") || word.starts_with("0X") => (16, word.get(2..).unwrap_or_default()),
            None if word.len() > 1 && word.starts_with('0') => (8, word.get(1..).unwrap_or_default()),
            None => (10, word.as_str()),
        };
        let mut value: i64 = 0;
        for c in digits.chars() {
            let digit = match c {
                '0'..='9' => u32::from(c) - 48,
                'a'..='z' => u32::from(c) - 87,
                'A'..='Z' if base <= 36 => u32::from(c) - 55,
                'A'..='Z' => u32::from(c) - 29,
                '@' => 62,
                '_' => 63,
                _ => return Err(blame("invalid number")),
            };
            if digit >= base {
                return Err(blame("value too great for base"));
            }
            value = value.wrapping_mul(i64::from(base)).wrapping_add(i64::from(digit));
        }
        Ok(value)
    }

    fn place(&mut self) -> Parse<Option<Place>> {
        self.blank();
        let rest = self.rest();
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return Ok(None);
        }
        let len = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let name = rest.get(..len).unwrap_or_default().to_string();
        self.at += len;
        if !self.rest().starts_with('[') {
            return Ok(Some(Place { name, key: None }));
        }
        let mut depth = 0;
        let mut end = None;
        for (at, c) in self.rest().char_indices() {
            match c {
                '[' => depth += 1,
                ']' => {
                    depth -= 1;
                    if depth == 0 {
                        end = Some(at);
                        break;
                    }
                }
                _ => {}
            }
        }
        let Some(end) = end else { return self.fail("bad array subscript") };
        let subscript = self.rest().get(1..end).unwrap_or_default().to_string();
        self.at += end + 1;
        let key = if self.names.is_map(&name) {
            Key::Name(subscript)
        } else {
            let at = self.at;
            let value = evaluate_at(&subscript, self.names, self.depth + 1);
            Key::Index(value.map_err(|_| Error { what: "bad array subscript", at })?)
        };
        Ok(Some(Place { name, key: Some(key) }))
    }

    fn value_of(&mut self, place: &Place) -> Parse<i64> {
        if self.skip {
            return Ok(0);
        }
        let Some(text) = self.names.value(&place.name, place.key.as_ref()) else { return Ok(0) };
        if let Ok(value) = text.trim().parse()
            && !text.trim_start_matches(['-', '+', ' ']).starts_with('0')
        {
            return Ok(value);
        }
        let at = self.at;
        evaluate_at(&text, self.names, self.depth + 1).map_err(|_| Error { what: "syntax error in expression", at })
    }

    fn store(&mut self, place: &Place, value: i64) -> Parse<i64> {
        if !self.skip && !self.names.assign(&place.name, place.key.as_ref(), value) {
            return self.fail("readonly variable");
        }
        Ok(value)
    }

    fn apply(&self, operator: &str, left: i64, right: i64, at: usize) -> Parse<i64> {
        let shift = u32::try_from(right & 63).unwrap_or_default();
        Ok(match operator {
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            "/" | "%" => {
                if right == 0 {
                    if self.skip {
                        return Ok(0);
                    }
                    return Err(Error { what: "division by 0", at });
                }
                if operator == "/" { left.wrapping_div(right) } else { left.wrapping_rem(right) }
            }
            "<<" => left.wrapping_shl(shift),
            ">>" => left.wrapping_shr(shift),
            "&" => left & right,
            "|" => left | right,
            "^" => left ^ right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<=" => i64::from(left <= right),
            _ => i64::from(left >= right),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    struct Map(HashMap<String, String>);

    impl Names for Map {
        fn value(&mut self, name: &str, _key: Option<&Key>) -> Option<String> {
            self.0.get(name).cloned()
        }
        fn assign(&mut self, name: &str, _key: Option<&Key>, value: i64) -> bool {
            self.0.insert(name.into(), value.to_string());
            true
        }
        fn is_map(&self, _name: &str) -> bool {
            false
        }
    }

    #[test]
    fn as_bash_computes() {
        let mut names = Map(HashMap::from([("i".into(), "5".into()), ("e".into(), "i+1".into())]));
        let cases = [
            ("1+2*3", 7),
            ("7/2", 3),
            ("-7/2", -3),
            ("2**10", 1024),
            ("0x1f", 31),
            ("1<<4", 16),
            ("10#08", 8),
            ("2#1010", 10),
            ("16#ff", 255),
            ("i>3 && i<10", 1),
            ("e*2", 12),
            ("i++ + i", 11),
            ("i", 6),
            ("x=3, x*2", 6),
            ("i > 10 ? 1 : 0", 0),
            ("!0", 1),
            ("~0", -1),
            ("1||1/0", 1),
            ("2**3**2", 512),
            ("(1+2)*3", 9),
            ("-2**2", 4),
            ("i+=2", 8),
            ("a=b=3", 3),
        ];
        for (text, wanted) in cases {
            assert_eq!(evaluate(text, &mut names), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn errors_are_bashs() {
        let mut names = Map(HashMap::new());
        let error = |text: &str, names: &mut Map| evaluate(text, names).unwrap_err();
        assert_eq!(error("1/0", &mut names), "1/0: division by 0 (error token is \"0\")");
        assert_eq!(error("1+", &mut names), "1+: syntax error: operand expected (error token is \"\")");
        assert_eq!(error("08", &mut names), "08: value too great for base (error token is \"08\")");
        names.0.insert("x".into(), "x".into());
        assert!(evaluate("x", &mut names).is_err());
        assert!(evaluate(&"(".repeat(100_000), &mut names).is_err());
    }
}
