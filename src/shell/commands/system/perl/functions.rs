//! Perl's functions.

use super::*;

impl Vm<'_> {
    /// Arguments, in parentheses or up to the end of the statement.
    pub(super) fn arguments(&mut self, one: bool) -> Run<Vec<P>> {
        let ends = |vm: &Self| {
            matches!(vm.peek(), T::End | T::Op(";" | ")" | "}" | "]" | ":" | "?" | "=" | "==" | "," | "<" | ">"))
                || matches!(vm.word(), "if" | "unless" | "for" | "foreach" | "or" | "and" | "while")
        };
        if self.eat("(") {
            if self.eat(")") {
                return Ok(Vec::new());
            }
            let value = self.expr(0)?;
            self.expect(")")?;
            return Ok(value.flat());
        }
        if ends(self) {
            return Ok(Vec::new());
        }
        Ok(self.expr(if one { 14 } else { 1 })?.flat())
    }

    pub(super) fn function(&mut self, name: &str) -> Run<P> {
        if self.is("=>") {
            return Ok(P::Str(name.into()));
        }
        match name {
            "print" | "say" | "printf" => {
                let mut error = false;
                let paren = self.is("(")
                    && matches!(self.tokens.get(self.at + 1), Some(T::Word(word)) if matches!(word.as_str(), "STDERR" | "STDOUT"));
                self.at += usize::from(paren);
                if matches!(self.word(), "STDERR" | "STDOUT") {
                    error = self.word() == "STDERR";
                    self.at += 1;
                }
                let list = if paren {
                    let value = self.expr(0)?;
                    self.expect(")")?;
                    value.flat()
                } else {
                    self.arguments(false)?
                };
                let list =
                    if list.is_empty() { vec![self.scalars.get("_").cloned().unwrap_or(P::Undef)] } else { list };
                let text = match name {
                    "printf" => sprintf(&list),
                    _ => {
                        let comma = self.scalars.get(",").map_or_else(String::new, P::str);
                        list.iter().map(P::str).collect::<Vec<_>>().join(&comma)
                    }
                };
                let end = if name == "say" || (self.newline && name == "print") {
                    "\n".to_string()
                } else {
                    self.scalars.get("\\").map_or_else(String::new, P::str)
                };
                self.print(error, format!("{text}{end}"));
                return Ok(P::Num(1.0));
            }
            "push" | "unshift" | "pop" | "shift" | "scalar" | "keys" | "values" | "exists" | "delete" | "defined"
            | "chomp" => return self.on_variable(name),
            "time" => return Ok(P::Num(self.now.floor())),
            "STDIN" | "STDERR" | "STDOUT" | "sub" | "open" | "socket" | "connect" | "do" | "eval" | "map" | "grep"
            | "require" => return Err(Halt::Silent),
            _ => {}
        }
        let single = matches!(
            name,
            "length"
                | "uc"
                | "lc"
                | "ucfirst"
                | "lcfirst"
                | "chr"
                | "ord"
                | "hex"
                | "oct"
                | "abs"
                | "int"
                | "sqrt"
                | "exit"
                | "sin"
                | "cos"
                | "exp"
                | "log"
                | "rand"
                | "sleep"
        );
        let args = self.arguments(single)?;
        let default = self.scalars.get("_").cloned().unwrap_or(P::Undef);
        let first = args.first().cloned().unwrap_or(default);
        let arg = |at: usize| args.get(at).cloned().unwrap_or(P::Undef);
        Ok(match name {
            "length" => P::Num(first.str().chars().count() as f64),
            "uc" => P::Str(first.str().to_uppercase()),
            "lc" => P::Str(first.str().to_lowercase()),
            "ucfirst" => {
                let text = first.str();
                let mut chars = text.chars();
                P::Str(chars.next().map_or_else(String::new, |c| format!("{}{}", c.to_uppercase(), chars.as_str())))
            }
            "chr" => match u8::try_from(first.num() as i64) {
                Ok(byte) => P::Str(decode(&[byte])),
                Err(_) => P::Str(char::from_u32(first.num() as u32).map_or_else(String::new, |c| c.to_string())),
            },
            "ord" => P::Num(first.str().chars().next().map_or(0.0, |c| f64::from(u32::from(c)))),
            "hex" => P::Num(u64::from_str_radix(first.str().trim_start_matches("0x"), 16).unwrap_or(0) as f64),
            "oct" => P::Num(u64::from_str_radix(first.str().trim_start_matches('0'), 8).unwrap_or(0) as f64),
            "abs" => P::Num(first.num().abs()),
            "int" => P::Num(first.num().trunc()),
            "sqrt" => P::Num(first.num().sqrt()),
            "sin" => P::Num(first.num().sin()),
            "cos" => P::Num(first.num().cos()),
            "exp" => P::Num(first.num().exp()),
            "log" => P::Num(first.num().ln()),
            "rand" => P::Num(0.437_218_9 * if args.is_empty() { 1.0 } else { first.num() }),
            "join" => P::Str(args.iter().skip(1).map(P::str).collect::<Vec<_>>().join(&first.str())),
            "reverse" => match args.len() {
                1 => P::Str(first.str().chars().rev().collect()),
                _ => P::List(args.into_iter().rev().collect()),
            },
            "sort" => {
                let mut list = args;
                list.sort_by_key(P::str);
                P::List(list)
            }
            "sprintf" => P::Str(sprintf(&args)),
            "substr" => {
                let text: Vec<char> = first.str().chars().collect();
                let from = arg(1).num();
                let from = if from < 0.0 { text.len().saturating_sub(from.abs() as usize) } else { from as usize };
                let count = args.get(2).map_or(text.len(), |count| {
                    if count.num() < 0.0 {
                        text.len().saturating_sub(from + count.num().abs() as usize)
                    } else {
                        count.num() as usize
                    }
                });
                P::Str(text.iter().skip(from).take(count).collect())
            }
            "index" => P::Num(first.str().find(&arg(1).str()).map_or(-1.0, |at| at as f64)),
            "rindex" => P::Num(first.str().rfind(&arg(1).str()).map_or(-1.0, |at| at as f64)),
            "split" => {
                let (mark, text) = (first.str(), arg(1).str());
                P::List(match mark.as_str() {
                    " " => text.split_whitespace().map(|part| P::Str(part.into())).collect(),
                    "" => text.chars().map(|c| P::Str(c.to_string())).collect(),
                    mark => text.split(mark).map(|part| P::Str(part.into())).collect(),
                })
            }
            "exit" => {
                return Err(Halt::Exit(if args.is_empty() { 0 } else { (first.num() as i64).rem_euclid(256) as i32 }));
            }
            "die" => return Err(Halt::Die(args.iter().map(P::str).collect())),
            "warn" => {
                let text: String = args.iter().map(P::str).collect();
                let text = if text.ends_with('\n') { text } else { format!("{text} at -e line 1.\n") };
                self.print(true, text);
                P::Num(1.0)
            }
            "system" | "exec" => {
                let line = match args.as_slice() {
                    [one] => one.str(),
                    words => words
                        .iter()
                        .map(|word| crate::shell::quote::if_needed(&word.str()))
                        .collect::<Vec<_>>()
                        .join(" "),
                };
                let (status, _) = self.need(Halt::System(line, false))?;
                if name == "exec" {
                    return Err(Halt::Exit(status));
                }
                P::Num(f64::from(status * 256))
            }
            "sleep" => {
                self.need(Halt::Sleep(first.num()))?;
                first
            }
            _ => return Err(Halt::Silent),
        })
    }

    pub(super) fn on_variable(&mut self, name: &str) -> Run<P> {
        let paren = self.eat("(");
        let T::Var(sigil, own) = self.peek().clone() else {
            if name == "shift" && !paren || (paren && self.is(")")) {
                if paren {
                    self.at += 1;
                }
                let array = self.arrays.entry("ARGV".into()).or_default();
                return Ok(if array.is_empty() { P::Undef } else { array.remove(0) });
            }
            return Err(Halt::Silent);
        };
        let place = self.at;
        let result = match (name, sigil) {
            ("push" | "unshift", '@') => {
                self.at += 1;
                self.expect(",")?;
                let more = self.expr(1)?.flat();
                let array = self.arrays.entry(own).or_default();
                if array.len() + more.len() > 100_000 {
                    return Err(Halt::Endless);
                }
                if name == "push" {
                    array.extend(more);
                } else {
                    array.splice(0..0, more);
                }
                P::Num(array.len() as f64)
            }
            ("pop" | "shift", '@') => {
                self.at += 1;
                let array = self.arrays.entry(own).or_default();
                if name == "pop" {
                    array.pop().unwrap_or(P::Undef)
                } else if array.is_empty() {
                    P::Undef
                } else {
                    array.remove(0)
                }
            }
            ("scalar", '@') => {
                self.at += 1;
                P::Num(self.arrays.get(&own).map_or(0, Vec::len) as f64)
            }
            ("keys" | "values", '%') => {
                self.at += 1;
                let pairs = self.hashes.get(&own).cloned().unwrap_or_default();
                P::List(
                    pairs.into_iter().map(|(key, value)| if name == "keys" { P::Str(key) } else { value }).collect(),
                )
            }
            ("defined" | "exists", _) => {
                let value = self.atom()?;
                P::Str(if matches!(value, P::Undef) { "" } else { "1" }.into())
            }
            ("chomp", '$') => {
                let value = self.atom()?.str();
                self.assign(place, P::Str(value.trim_end_matches('\n').into()))?;
                P::Num(1.0)
            }
            _ => return Err(Halt::Silent),
        };
        if paren {
            self.expect(")")?;
        }
        Ok(result)
    }
}
