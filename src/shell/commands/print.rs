//! `echo`, `printf`, `test` and `[` as programs (coreutils 8.30) and as busybox' applets.

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::format::{Escapes, Trouble, printf as formatted, unescape};
use crate::shell::text;
use crate::world::{FileKind, Stat};

pub(super) fn echo(c: &mut Cmd) -> i32 {
    let args = c.args.clone();
    let mut rest = args.as_slice();
    let (mut newline, mut escapes) = (true, false);
    while let Some((first, after)) = rest.split_first() {
        let letters = first.strip_prefix('-').unwrap_or_default();
        if letters.is_empty() || !letters.chars().all(|c| "neE".contains(c)) {
            break;
        }
        for letter in letters.chars() {
            match letter {
                'n' => newline = false,
                'e' => escapes = true,
                _ => escapes = false,
            }
        }
        rest = after;
    }
    let line = text::encode(&rest.join(" "));
    if !escapes {
        c.out_bytes(&line);
    } else {
        let (line, more) = unescape(&line, Escapes::Argument);
        c.out_bytes(&line);
        newline &= more;
    }
    if newline {
        c.out("\n");
    }
    0
}

pub(super) fn printf(c: &mut Cmd) -> i32 {
    let mut args = c.args.clone();
    if args.first().is_some_and(|arg| arg == "--") {
        args.remove(0);
    }
    if args.is_empty() {
        return options::misuse(c, "missing operand", 1);
    }
    let format = text::encode(&args.remove(0));
    let args: Vec<Vec<u8>> = args.iter().map(|arg| text::encode(arg)).collect();
    let quote = |bytes: &[u8]| text::encode(&crate::shell::quote::if_needed(&text::decode(bytes)));
    let printed = formatted(&format, &args, c.bound(), &quote, None);
    c.out_bytes(&printed.out);
    let mut status = 0;
    for trouble in &printed.troubles {
        let (what, arg) = match trouble {
            Trouble::NotNumber(arg) => ("expected a numeric value", arg),
            Trouble::Trailing(arg) => ("value not completely converted", arg),
            Trouble::Range(arg) => ("Numerical result out of range", arg),
            Trouble::Conversion(arg) => {
                let text = format!("{}: invalid conversion specification", text::decode(arg));
                c.complain(&text);
                return 1;
            }
        };
        let text = format!("{}: {what}", c.quote(&text::decode(arg)));
        c.complain(&text);
        status = 1;
    }
    if printed.used == 0 && !args.is_empty() {
        let first = c.quote(&text::decode(args.first().map_or(&[][..], |arg| arg)));
        c.complain(&format!("warning: ignoring excess arguments, starting with {first}"));
    }
    status
}

/// An expression of test(1).
struct Test<'a> {
    c: &'a Cmd,
    args: &'a [String],
    at: usize,
    depth: usize,
}

type Judged = Result<bool, String>;

const BINARY: [&str; 14] = ["=", "==", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", "<", ">"];
const UNARY: &str = "bcdefgGhkLnNoOprsStuwxz";

impl Test<'_> {
    fn peek(&self, ahead: usize) -> Option<&str> {
        self.args.get(self.at + ahead).map(String::as_str)
    }

    fn all(&mut self) -> Judged {
        let args = self.args;
        match args {
            [] => Ok(false),
            [one] => Ok(!one.is_empty()),
            [not, one] if not == "!" => Ok(one.is_empty()),
            [op, one] => match unary_letter(op) {
                Some(letter) => self.unary(letter, one),
                None => Err(format!("missing argument after {}", self.c.quote(one))),
            },
            [left, op, right] if BINARY.contains(&op.as_str()) => self.binary(left, op, right),
            [not, ..] if not == "!" && args.len() <= 4 => {
                let rest = args.get(1..).unwrap_or_default();
                let mut inner = Test { c: self.c, args: rest, at: 0, depth: self.depth + 1 };
                inner.all().map(|value| !value)
            }
            [open, inner, close] if open == "(" && close == ")" => Ok(!inner.is_empty()),
            [_, op, _] if op != "-a" && op != "-o" => Err(format!("{}: binary operator expected", self.c.quote(op))),
            _ => {
                let value = self.or()?;
                match self.peek(0) {
                    Some(extra) => Err(format!("extra argument {}", self.c.quote(extra))),
                    None => Ok(value),
                }
            }
        }
    }

    fn or(&mut self) -> Judged {
        let mut value = self.and()?;
        while self.peek(0) == Some("-o") {
            self.at += 1;
            value |= self.and()?;
        }
        Ok(value)
    }

    fn and(&mut self) -> Judged {
        let mut value = self.term()?;
        while self.peek(0) == Some("-a") {
            self.at += 1;
            value &= self.term()?;
        }
        Ok(value)
    }

    fn term(&mut self) -> Judged {
        self.depth += 1;
        if self.depth > 200 {
            return Err("too many arguments".into());
        }
        let last = self.args.last().cloned().unwrap_or_default();
        let Some(first) = self.peek(0).map(str::to_string) else {
            return Err(format!("missing argument after {}", self.c.quote(&last)));
        };
        let result = if first == "!" {
            self.at += 1;
            self.term().map(|value| !value)
        } else if first == "(" {
            self.at += 1;
            let value = self.or()?;
            if self.peek(0) != Some(")") {
                return Err("')' expected".into());
            }
            self.at += 1;
            Ok(value)
        } else if let (Some(op), Some(right)) = (self.peek(1).filter(|op| BINARY.contains(op)), self.peek(2)) {
            let (op, right) = (op.to_string(), right.to_string());
            self.at += 3;
            self.binary(&first, &op, &right)
        } else if let (Some(letter), Some(operand)) = (unary_letter(&first), self.peek(1).map(str::to_string)) {
            self.at += 2;
            self.unary(letter, &operand)
        } else {
            self.at += 1;
            Ok(!first.is_empty())
        };
        self.depth -= 1;
        result
    }

    fn binary(&self, left: &str, op: &str, right: &str) -> Judged {
        let number = |text: &str| {
            let trimmed = text.trim();
            let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
            if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
                return Err(format!("invalid integer {}", self.c.quote(text)));
            }
            Ok(trimmed.trim_start_matches('+').parse::<i128>().unwrap_or(i128::MAX))
        };
        let stats = || (self.c.stat(left).ok(), self.c.stat(right).ok());
        Ok(match op {
            "=" | "==" => left == right,
            "!=" => left != right,
            "<" => left < right,
            ">" => left > right,
            "-nt" => match stats() {
                (Some(a), Some(b)) => a.modified > b.modified,
                (a, _) => a.is_some(),
            },
            "-ot" => match stats() {
                (Some(a), Some(b)) => a.modified < b.modified,
                (_, b) => b.is_some(),
            },
            "-ef" => matches!(stats(), (Some(a), Some(b)) if a.ino == b.ino && a.dev == b.dev),
            op => {
                let (a, b) = (number(left)?, number(right)?);
                match op {
                    "-eq" => a == b,
                    "-ne" => a != b,
                    "-lt" => a < b,
                    "-le" => a <= b,
                    "-gt" => a > b,
                    _ => a >= b,
                }
            }
        })
    }

    fn unary(&self, letter: char, operand: &str) -> Judged {
        let c = self.c;
        let stat = || c.stat(operand).ok();
        let is = |kind: FileKind| stat().is_some_and(|stat| stat.kind == kind);
        let has = |check: &dyn Fn(&Stat) -> bool| stat().is_some_and(|stat| check(&stat));
        let may = |mask| c.host().access(c.who(), &c.path(operand), mask).is_ok();
        Ok(match letter {
            'b' => is(FileKind::BlockDevice),
            'c' => is(FileKind::CharDevice),
            'd' => is(FileKind::Folder),
            'e' => stat().is_some(),
            'f' => is(FileKind::File),
            'p' => is(FileKind::Fifo),
            'S' => is(FileKind::Socket),
            'h' | 'L' => c.lstat(operand).is_ok_and(|stat| stat.is_link()),
            'g' => has(&|stat| stat.mode & 0o2000 != 0),
            'u' => has(&|stat| stat.mode & 0o4000 != 0),
            'k' => has(&|stat| stat.mode & 0o1000 != 0),
            's' => has(&|stat| stat.size > 0),
            'G' => has(&|stat| stat.gid == c.who().gid),
            'O' => has(&|stat| stat.uid == c.who().uid),
            'N' => has(&|stat| stat.modified > stat.accessed),
            'r' => may(4),
            'w' => may(2),
            'x' => may(1),
            't' => c.is_tty(operand.trim().parse().unwrap_or(-1)),
            'n' => !operand.is_empty(),
            _ => operand.is_empty(),
        })
    }
}

fn unary_letter(op: &str) -> Option<char> {
    let mut chars = op.strip_prefix('-')?.chars();
    chars.next().filter(|letter| UNARY.contains(*letter) && chars.next().is_none())
}

pub(super) fn test(c: &mut Cmd) -> i32 {
    let mut args = c.args.clone();
    if c.base() == "[" && args.pop().is_none_or(|last| last != "]") {
        let text = format!("missing {}", c.quote("]"));
        c.complain(&text);
        return 2;
    }
    match (Test { c, args: &args, at: 0, depth: 0 }).all() {
        Ok(value) => i32::from(!value),
        Err(error) => {
            c.complain(&error);
            2
        }
    }
}
