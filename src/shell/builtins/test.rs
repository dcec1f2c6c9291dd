//! `test` and `[`, by the number of arguments as POSIX has it.

use crate::shell::interp::{Dialect, Exec, Interp};
use crate::shell::kernel::Status;

pub(super) async fn bracket(s: &mut Interp, args: &[String]) -> Exec<Status> {
    match args.split_last() {
        Some((last, rest)) if last == "]" => run(s, "[", rest).await,
        _ => {
            let message = if s.dialect == Dialect::Bash { "[: missing `]'" } else { "[: missing ]" };
            s.complain(message).await?;
            Ok(2)
        }
    }
}

pub(super) async fn test(s: &mut Interp, args: &[String]) -> Exec<Status> {
    run(s, "test", args).await
}

async fn run(s: &mut Interp, name: &str, args: &[String]) -> Exec<Status> {
    let mut parser = Parser { shell: s, args, at: 0, depth: 0 };
    match parser.whole() {
        Ok(holds) => Ok(i32::from(!holds)),
        Err(error) => {
            let message = error.text(s.dialect);
            s.complain(&format!("{name}: {message}")).await?;
            Ok(2)
        }
    }
}

/// What is wrong with an expression.
enum Wrong {
    TooMany,
    /// An operator with one operand was expected.
    Unary(String),
    /// An operator with two operands was expected.
    Binary(String),
    Integer(String),
    Argument(String),
    Closing,
}

impl Wrong {
    fn text(&self, dialect: Dialect) -> String {
        match (self, dialect) {
            (Self::TooMany, Dialect::Bash) => "too many arguments".into(),
            (Self::TooMany, _) => "unexpected operator".into(),
            (Self::Unary(word), Dialect::Bash) => format!("{word}: unary operator expected"),
            (Self::Binary(word), Dialect::Bash) => format!("{word}: binary operator expected"),
            (Self::Unary(word) | Self::Binary(word), Dialect::Dash) => format!("{word}: unexpected operator"),
            (Self::Unary(word) | Self::Binary(word), Dialect::Ash) => format!("{word}: unknown operand"),
            (Self::Integer(word), Dialect::Bash) => format!("{word}: integer expression expected"),
            (Self::Integer(word), Dialect::Dash) => format!("Illegal number: {word}"),
            (Self::Integer(word), Dialect::Ash) => format!("{word}: bad number"),
            (Self::Argument(_), Dialect::Bash) => "argument expected".into(),
            (Self::Argument(word), _) => format!("{word}: argument expected"),
            (Self::Closing, Dialect::Bash) => "`)' expected".into(),
            (Self::Closing, _) => "closing paren expected".into(),
        }
    }
}

struct Parser<'a> {
    shell: &'a Interp,
    args: &'a [String],
    at: usize,
    depth: u32,
}

type Holds = Result<bool, Wrong>;

impl<'a> Parser<'a> {
    fn arg(&self, at: usize) -> &'a str {
        self.args.get(at).map_or("", String::as_str)
    }

    fn whole(&mut self) -> Holds {
        match self.args.len() {
            0 => Ok(false),
            1 => Ok(!self.arg(0).is_empty()),
            2 => self.two(0),
            3 => self.three(0),
            4 if self.arg(0) == "!" => self.three(1).map(|holds| !holds),
            4 if self.arg(0) == "(" && self.arg(3) == ")" => self.two(1),
            _ => {
                let holds = self.or()?;
                if self.at < self.args.len() {
                    return Err(Wrong::TooMany);
                }
                Ok(holds)
            }
        }
    }

    fn two(&self, from: usize) -> Holds {
        let (operator, operand) = (self.arg(from), self.arg(from + 1));
        if operator == "!" {
            return Ok(operand.is_empty());
        }
        match unary(operator) {
            Some(letter) => Ok(self.shell.primary(letter, operand)),
            None => Err(Wrong::Unary(operator.to_string())),
        }
    }

    fn three(&self, from: usize) -> Holds {
        let (left, operator, right) = (self.arg(from), self.arg(from + 1), self.arg(from + 2));
        if let Some(result) = self.binary(left, operator, right) {
            return result;
        }
        match operator {
            "-a" => return Ok(!left.is_empty() && !right.is_empty()),
            "-o" => return Ok(!left.is_empty() || !right.is_empty()),
            _ => {}
        }
        if left == "!" {
            return self.two(from + 1).map(|holds| !holds);
        }
        if left == "(" && right == ")" {
            return Ok(!operator.is_empty());
        }
        // dash names the word before the operator.
        let word = if self.shell.dialect == Dialect::Dash { left } else { operator };
        Err(Wrong::Binary(word.to_string()))
    }

    fn binary(&self, left: &str, operator: &str, right: &str) -> Option<Holds> {
        Some(match operator {
            "=" => Ok(left == right),
            "==" if self.shell.dialect != Dialect::Dash => Ok(left == right),
            "!=" => Ok(left != right),
            "<" => Ok(left < right),
            ">" => Ok(left > right),
            "=~" if self.shell.dialect == Dialect::Ash => {
                Ok(regex::Regex::new(right).is_ok_and(|regex| regex.is_match(left)))
            }
            "-nt" | "-ot" | "-ef" => Ok(self.shell.files(operator, left, right)),
            "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" => self.numbers(left, operator, right),
            _ => return None,
        })
    }

    fn numbers(&self, left: &str, operator: &str, right: &str) -> Holds {
        let number = |text: &str| text.trim().parse::<i64>().map_err(|_| Wrong::Integer(text.to_string()));
        let (left, right) = (number(left)?, number(right)?);
        Ok(match operator {
            "-eq" => left == right,
            "-ne" => left != right,
            "-lt" => left < right,
            "-le" => left <= right,
            "-gt" => left > right,
            _ => left >= right,
        })
    }

    fn or(&mut self) -> Holds {
        let mut holds = self.and()?;
        while self.arg(self.at) == "-o" {
            self.at += 1;
            holds |= self.and()?;
        }
        Ok(holds)
    }

    fn and(&mut self) -> Holds {
        let mut holds = self.not()?;
        while self.arg(self.at) == "-a" {
            self.at += 1;
            holds &= self.not()?;
        }
        Ok(holds)
    }

    fn not(&mut self) -> Holds {
        let mut negated = false;
        while self.arg(self.at) == "!" && self.at + 1 < self.args.len() {
            negated = !negated;
            self.at += 1;
        }
        self.primary().map(|holds| holds != negated)
    }

    fn primary(&mut self) -> Holds {
        if self.at >= self.args.len() {
            return Err(Wrong::Argument(self.arg(self.at.saturating_sub(1)).to_string()));
        }
        let (first, second, third) = (self.arg(self.at), self.arg(self.at + 1), self.arg(self.at + 2));
        if self.at + 2 < self.args.len()
            && let Some(result) = self.binary(first, second, third)
        {
            self.at += 3;
            return result;
        }
        if first == "(" {
            self.depth += 1;
            if self.depth > 50 {
                return Err(Wrong::TooMany);
            }
            self.at += 1;
            let holds = self.or()?;
            if self.arg(self.at) != ")" {
                return Err(Wrong::Closing);
            }
            self.at += 1;
            self.depth -= 1;
            return Ok(holds);
        }
        if let Some(letter) = unary(first)
            && self.at + 1 < self.args.len()
        {
            self.at += 2;
            return Ok(self.shell.primary(letter, second));
        }
        self.at += 1;
        Ok(!first.is_empty())
    }
}

fn unary(operator: &str) -> Option<char> {
    let mut chars = operator.strip_prefix('-')?.chars();
    chars.next().filter(|letter| chars.next().is_none() && "abcdefghknoprstuvwxzGLNORS".contains(*letter))
}
