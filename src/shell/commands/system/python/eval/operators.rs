//! Operators, indices and slices.

use super::*;

impl Vm<'_> {
    pub(in crate::shell::commands::system) fn compare(&mut self, op: &str, left: &V, right: &V) -> Run<bool> {
        Ok(match op {
            "==" => left.equals(right),
            "!=" => !left.equals(right),
            "is" => left.kind() == right.kind() && left.equals(right),
            "is not" => !(left.kind() == right.kind() && left.equals(right)),
            "in" | "not in" => {
                let inside = match (left, right) {
                    (V::Str(part), V::Str(whole)) => whole.contains(&**part),
                    (_, V::Str(_)) => {
                        return raise(
                            "TypeError",
                            format!("'in <string>' requires string as left operand, not {}", left.kind()),
                        );
                    }
                    (V::Bytes(part), V::Bytes(whole)) => {
                        part.is_empty() || whole.windows(part.len()).any(|window| window == part.as_slice())
                    }
                    _ => self.items(right)?.iter().any(|item| item.equals(left)),
                };
                inside == (op == "in")
            }
            op => {
                use std::cmp::Ordering::{Equal, Greater, Less};
                let Some(order) = left.compare(right) else {
                    return raise(
                        "TypeError",
                        format!("'{op}' not supported between instances of '{}' and '{}'", left.kind(), right.kind()),
                    );
                };
                match op {
                    "<" => order == Less,
                    ">" => order == Greater,
                    "<=" => matches!(order, Less | Equal),
                    _ => matches!(order, Greater | Equal),
                }
            }
        })
    }

    pub fn binary(&mut self, op: &str, left: &V, right: &V) -> Run<V> {
        let many = |n: i128, len: usize| usize::try_from(n.max(0)).ok().filter(|n| n.saturating_mul(len) <= MOST);
        match (op, left, right) {
            ("%", V::Str(template), values) => {
                return percent(template, values).map(text).or_else(|(kind, error)| raise(&kind, error));
            }
            ("+", V::Str(a), V::Str(b)) => {
                self.step(a.len() / 16 + b.len() / 16)?;
                if a.len() + b.len() > MOST {
                    return Err(Halt::Endless);
                }
                return Ok(text(format!("{a}{b}")));
            }
            ("+", V::Bytes(a), V::Bytes(b)) => return Ok(V::Bytes(Rc::new([a.as_slice(), b.as_slice()].concat()))),
            ("+", V::List(a), V::List(b)) => {
                self.step(a.borrow().len() + b.borrow().len())?;
                return Ok(list([a.borrow().as_slice(), b.borrow().as_slice()].concat()));
            }
            ("+", V::Tuple(a), V::Tuple(b)) => return Ok(tuple([a.as_slice(), b.as_slice()].concat())),
            ("*", V::Str(s), n) | ("*", n, V::Str(s)) if n.int().is_some() => {
                return match many(n.int().unwrap_or(0), s.len()) {
                    Some(n) => Ok(text(s.repeat(n))),
                    None => Err(Halt::Endless),
                };
            }
            ("*", V::Bytes(s), n) | ("*", n, V::Bytes(s)) if n.int().is_some() => {
                return match many(n.int().unwrap_or(0), s.len()) {
                    Some(n) => Ok(V::Bytes(Rc::new(s.repeat(n)))),
                    None => Err(Halt::Endless),
                };
            }
            ("*", V::List(l), n) | ("*", n, V::List(l)) if n.int().is_some() => {
                return match many(n.int().unwrap_or(0), l.borrow().len()) {
                    Some(n) => {
                        self.step(n * l.borrow().len())?;
                        Ok(list((0..n).flat_map(|_| l.borrow().clone()).collect()))
                    }
                    None => Err(Halt::Endless),
                };
            }
            ("-", V::Set(a), V::Set(b)) => {
                let b = b.borrow();
                let kept = a.borrow().iter().filter(|x| !b.iter().any(|y| y.equals(x))).cloned().collect();
                return Ok(V::Set(Rc::new(std::cell::RefCell::new(kept))));
            }
            _ => {}
        }
        let wrong = || {
            let shown = if op == "**" { "** or pow()" } else { op };
            match (op, left, right) {
                ("+", V::Str(_), other) => format!("can only concatenate str (not \"{}\") to str", other.kind()),
                ("+", V::List(_), other) => format!("can only concatenate list (not \"{}\") to list", other.kind()),
                _ => format!("unsupported operand type(s) for {shown}: '{}' and '{}'", left.kind(), right.kind()),
            }
        };
        if let (Some(a), Some(b)) = (left.int(), right.int()) {
            let value = match op {
                "+" => a.checked_add(b),
                "-" => a.checked_sub(b),
                "*" => a.checked_mul(b),
                "/" if b == 0 => return raise("ZeroDivisionError", "division by zero"),
                "/" => return Ok(V::Float(a as f64 / b as f64)),
                "//" | "%" if b == 0 => {
                    return raise(
                        "ZeroDivisionError",
                        if op == "%" { "integer modulo by zero" } else { "integer division or modulo by zero" },
                    );
                }
                "//" => a.checked_div_euclid(b).map(|q| if b < 0 && a.rem_euclid(b) != 0 { q - 1 } else { q }),
                "%" => a.checked_rem_euclid(b).map(|r| if b < 0 && r != 0 { r + b } else { r }),
                "**" if b < 0 => return Ok(V::Float((a as f64).powf(b as f64))),
                "**" => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
                "&" => Some(a & b),
                "|" => Some(a | b),
                "^" => Some(a ^ b),
                "<<" => u32::try_from(b)
                    .ok()
                    .filter(|b| *b < 120 && a.unsigned_abs() < 1 << (126 - b).min(126))
                    .map(|b| a << b),
                ">>" => Some(a >> b.clamp(0, 127)),
                _ => return raise("TypeError", wrong()),
            };
            // Bigger numbers than these are not acted.
            let both = matches!((left, right), (V::Bool(_), V::Bool(_))) && matches!(op, "&" | "|" | "^");
            return match value {
                Some(value) if both => Ok(V::Bool(value != 0)),
                Some(value) => Ok(V::Int(value)),
                None => Err(Halt::Silent),
            };
        }
        let (Some(a), Some(b)) = (left.number(), right.number()) else { return raise("TypeError", wrong()) };
        Ok(V::Float(match op {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            "/" | "//" | "%" if b == 0.0 => {
                return raise(
                    "ZeroDivisionError",
                    match op {
                        "/" => "float division by zero",
                        "%" => "float modulo",
                        _ => "float floor division by zero",
                    },
                );
            }
            "/" => a / b,
            "//" => (a / b).floor(),
            "%" => a - b * (a / b).floor(),
            "**" => a.powf(b),
            _ => return raise("TypeError", wrong()),
        }))
    }

    pub(in crate::shell::commands::system) fn index(&mut self, object: &V, index: &V) -> Run<V> {
        let what = object.kind();
        let pick = |items: &[V]| -> Run<V> {
            let Some(n) = index.int() else {
                return raise("TypeError", format!("{what} indices must be integers or slices, not {}", index.kind()));
            };
            match position(n, items.len()).and_then(|at| items.get(at)) {
                Some(item) => Ok(item.clone()),
                None => raise("IndexError", format!("{what} index out of range")),
            }
        };
        match object {
            V::List(l) => pick(&l.borrow()),
            V::Tuple(t) => pick(t),
            V::Str(s) => {
                let Some(n) = index.int() else {
                    return raise("TypeError", format!("string indices must be integers, not '{}'", index.kind()));
                };
                let len = s.chars().count();
                self.step(len / 16)?;
                match position(n, len).and_then(|at| s.chars().nth(at)) {
                    Some(c) => Ok(text(c.to_string())),
                    None => raise("IndexError", "string index out of range"),
                }
            }
            V::Bytes(b) => match index.int().and_then(|n| position(n, b.len())).and_then(|at| b.get(at)) {
                Some(byte) => Ok(V::Int(i128::from(*byte))),
                None => raise("IndexError", "index out of range"),
            },
            V::Dict(d) => {
                self.step(d.borrow().len() / 8)?;
                let found = d.borrow().iter().find(|(key, _)| key.equals(index)).map(|(_, value)| value.clone());
                found.map_or_else(|| raise_key(index.clone()), Ok)
            }
            V::Record(record) => {
                let at = index.int().and_then(|n| position(n, record.1.len()));
                match at.and_then(|at| record.1.get(at)) {
                    Some((_, value)) => Ok(value.clone()),
                    None => raise("IndexError", "tuple index out of range"),
                }
            }
            other => raise("TypeError", format!("'{}' object is not subscriptable", other.kind())),
        }
    }

    pub(in crate::shell::commands::system) fn slice(
        &mut self,
        object: &V,
        [from, to, step]: [Option<i128>; 3],
    ) -> Run<V> {
        let len = match object {
            V::Str(s) => s.chars().count(),
            V::Bytes(b) => b.len(),
            V::List(l) => l.borrow().len(),
            V::Tuple(t) => t.len(),
            other => return raise("TypeError", format!("'{}' object is not subscriptable", other.kind())),
        };
        self.step(len / 8)?;
        let step = step.unwrap_or(1);
        if step == 0 {
            return raise("ValueError", "slice step cannot be zero");
        }
        let size = i128::try_from(len).unwrap_or(0);
        let fix = |n: i128, low: i128, high: i128| if n < 0 { (n + size).max(low) } else { n.min(high) };
        let (from, to) = match step > 0 {
            true => (from.map_or(0, |n| fix(n, 0, size)), to.map_or(size, |n| fix(n, 0, size))),
            false => (from.map_or(size - 1, |n| fix(n, -1, size - 1)), to.map_or(-1, |n| fix(n, -1, size - 1))),
        };
        let mut picks = Vec::new();
        let mut at = from;
        while (step > 0 && at < to) || (step < 0 && at > to) {
            picks.extend(usize::try_from(at));
            at = at.saturating_add(step);
        }
        let take = |items: &[V]| picks.iter().filter_map(|at| items.get(*at)).cloned().collect::<Vec<V>>();
        Ok(match object {
            V::Str(s) => {
                let chars: Vec<char> = s.chars().collect();
                text(picks.iter().filter_map(|at| chars.get(*at)).collect::<String>())
            }
            V::Bytes(b) => V::Bytes(Rc::new(picks.iter().filter_map(|at| b.get(*at)).copied().collect())),
            V::List(l) => list(take(&l.borrow())),
            V::Tuple(t) => tuple(take(t)),
            _ => V::None,
        })
    }
}
