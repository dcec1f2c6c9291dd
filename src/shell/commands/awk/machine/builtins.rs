//! The functions of the language that are called with values.

use std::sync::Arc;

use super::super::functions;
use super::super::value::Value;
use super::{Machine, RLENGTH, RSTART, bad_pattern, entries, run_command};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;

impl Machine {
    /// A function of the language; `None` after a fatal error.
    pub(super) async fn builtin(&mut self, c: &mut Cmd, name: &str, args: Vec<Value>) -> Result<Option<Value>, Stop> {
        let number = |at: usize| args.get(at).map_or(0.0, Value::number);
        let bytes =
            |machine: &Self, at: usize| args.get(at).map_or_else(|| Arc::from(&b""[..]), |arg| machine.bytes(arg));
        let value = match name {
            "length" => {
                let len = match args.first() {
                    None => {
                        self.join();
                        self.record.len()
                    }
                    Some(Value::Array(array)) => entries(array).len(),
                    Some(value) => self.bytes(value).len(),
                };
                Value::Number(len as f64)
            }
            "substr" => {
                let len = args.get(2).map(Value::number);
                Value::text(functions::substr(&bytes(self, 0), number(1), len))
            }
            "index" => {
                let (text, part) = (bytes(self, 0), bytes(self, 1));
                c.spend(text.len() as u64 / 16).await?;
                let found = if part.is_empty() { Some(0) } else { text.windows(part.len()).position(|w| *w == *part) };
                Value::Number(found.map_or(0.0, |at| at as f64 + 1.0))
            }
            "match" => {
                let text = bytes(self, 0);
                let Some(pattern) = self.value_pattern(args.get(1).unwrap_or(&Value::Nothing)) else {
                    bad_pattern(c);
                    return Ok(None);
                };
                let (start, len) =
                    pattern.find_at(&text, 0).map_or((0.0, -1.0), |(from, to)| (from as f64 + 1.0, (to - from) as f64));
                self.set_global(RSTART, Value::Number(start));
                self.set_global(RLENGTH, Value::Number(len));
                Value::Number(start)
            }
            "sprintf" => {
                let format = bytes(self, 0);
                match functions::format(&format, args.get(1..).unwrap_or_default(), &self.convfmt(), c.bound()) {
                    Ok(text) => Value::text(text),
                    Err(error) => {
                        c.complain(&format!("run time error: {error}"));
                        self.where_it_was(c);
                        return Ok(None);
                    }
                }
            }
            "tolower" => Value::text(bytes(self, 0).to_ascii_lowercase()),
            "toupper" => Value::text(bytes(self, 0).to_ascii_uppercase()),
            "sin" => Value::Number(number(0).sin()),
            "cos" => Value::Number(number(0).cos()),
            "atan2" => Value::Number(number(0).atan2(number(1))),
            "exp" => Value::Number(number(0).exp()),
            "log" => Value::Number(number(0).ln()),
            "sqrt" => Value::Number(number(0).sqrt()),
            "int" => Value::Number(number(0).trunc()),
            "rand" => {
                // A linear congruential generator; its upper bits are used.
                self.seed.1 =
                    self.seed.1.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                Value::Number((self.seed.1 >> 11) as f64 / (1u64 << 53) as f64)
            }
            "srand" => {
                let old = self.seed.0;
                let new = if args.is_empty() { c.now().as_second().unsigned_abs() } else { number(0) as i64 as u64 };
                self.seed = (new, new);
                Value::Number(old as f64)
            }
            "systime" => Value::Number(c.now().as_second() as f64),
            "system" => {
                let command = bytes(self, 0);
                self.flush(c);
                let (status, _) = run_command(c, &command, None, false).await?;
                Value::Number(f64::from(status))
            }
            "close" => {
                let name = bytes(self, 0);
                Value::Number(self.close(c, &name).await?)
            }
            _ => {
                self.flush(c);
                c.flush().await?;
                Value::Number(0.0)
            }
        };
        Ok(Some(value))
    }
}
