//! Command-line options as getopt_long(3) of glibc takes them: bundled letters, `-n5`, `-n 5`, `--long=value`,
//! unambiguous abbreviations, options after operands, `--`.

use crate::shell::cmd::Cmd;

/// What was found: options in order, each by the first name of its entry, and the operands.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub list: Vec<(&'static str, Option<String>)>,
    pub rest: Vec<String>,
}

impl Options {
    /// Whether the option was given.
    pub fn has(&self, key: &str) -> bool {
        self.list.iter().any(|(known, _)| *known == key)
    }

    /// The last value that was given for the option.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.list.iter().rev().find(|(known, _)| *known == key).and_then(|(_, value)| value.as_deref())
    }

    /// Which of some options was given last.
    pub fn last(&self, keys: &[&str]) -> Option<&'static str> {
        self.list.iter().rev().find(|(known, _)| keys.contains(known)).map(|(known, _)| *known)
    }

    /// The operands, or `-` for standard input.
    pub fn inputs(&self) -> Vec<String> {
        if self.rest.is_empty() { vec!["-".to_string()] } else { self.rest.clone() }
    }
}

/// Whether an option takes a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Value,
    Maybe,
}

struct Entry {
    names: Vec<&'static str>,
    takes: Takes,
}

/// Parses `args` by a table: entries parted by blanks, each the option's names parted by commas (one letter = short),
/// with `=` behind it if it takes a value and `?` if it may take one. A table that begins with `+` ends the options at
/// the first operand. The error is the message without the program's name.
pub(super) fn parse(table: &'static str, args: &[String]) -> Result<Options, String> {
    let (table, in_order) = table.strip_prefix('+').map_or((table, false), |rest| (rest, true));
    let entries: Vec<Entry> = table.split_whitespace().map(entry).collect();
    let mut found = Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            found.rest.extend(args.by_ref().cloned());
        } else if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            let (full, entry) = look_up(&entries, name)?;
            let value = match (entry.takes, value) {
                (Takes::Nothing, Some(_)) => return Err(format!("option '--{full}' doesn't allow an argument")),
                (Takes::Value, None) => {
                    Some(args.next().cloned().ok_or_else(|| format!("option '--{full}' requires an argument"))?)
                }
                (_, value) => value.map(str::to_string),
            };
            found.list.push((entry.names.first().copied().unwrap_or_default(), value));
        } else if arg.len() > 1 && arg.starts_with('-') {
            let mut letters = arg.chars();
            letters.next();
            while let Some(letter) = letters.next() {
                let mut buffer = [0; 4];
                let name: &str = letter.encode_utf8(&mut buffer);
                let Some(entry) = entries.iter().find(|entry| entry.names.contains(&name)) else {
                    return Err(format!("invalid option -- '{letter}'"));
                };
                let key = entry.names.first().copied().unwrap_or_default();
                let rest = letters.as_str().to_string();
                let value = match entry.takes {
                    Takes::Nothing => {
                        found.list.push((key, None));
                        continue;
                    }
                    Takes::Value if rest.is_empty() => {
                        Some(args.next().cloned().ok_or_else(|| format!("option requires an argument -- '{letter}'"))?)
                    }
                    _ => Some(rest).filter(|rest| !rest.is_empty()),
                };
                found.list.push((key, value));
                break;
            }
        } else {
            found.rest.push(arg.clone());
            if in_order {
                found.rest.extend(args.by_ref().cloned());
            }
        }
    }
    Ok(found)
}

fn entry(text: &'static str) -> Entry {
    let (names, takes) = match (text.strip_suffix('='), text.strip_suffix('?')) {
        (Some(names), _) => (names, Takes::Value),
        (None, Some(names)) => (names, Takes::Maybe),
        _ => (text, Takes::Nothing),
    };
    Entry { names: names.split(',').collect(), takes }
}

/// The entry that a long name or its beginning stands for, and its full name.
fn look_up<'a>(entries: &'a [Entry], name: &str) -> Result<(&'static str, &'a Entry), String> {
    let long = || entries.iter().flat_map(|entry| entry.names.iter().map(move |known| (*known, entry)));
    let long = || long().filter(|(known, _)| known.len() > 1);
    if let Some(exact) = long().find(|(known, _)| *known == name) {
        return Ok(exact);
    }
    let near: Vec<(&'static str, &Entry)> = long().filter(|(known, _)| known.starts_with(name)).collect();
    match near.as_slice() {
        [] => Err(format!("unrecognized option '--{name}'")),
        [first, rest @ ..] => {
            if rest.iter().all(|(_, entry)| std::ptr::eq(*entry, first.1)) {
                return Ok(*first);
            }
            let names: Vec<String> = near.iter().map(|(known, _)| format!(" '--{known}'")).collect();
            Err(format!("option '--{name}' is ambiguous; possibilities:{}", names.concat()))
        }
    }
}

/// Parses this command's arguments; a mistake is reported as coreutils do, with where to find help.
pub(super) fn take(c: &mut Cmd, table: &'static str, status: i32) -> Result<Options, i32> {
    parse(table, &c.args).map_err(|error| {
        c.complain(&error);
        help(c, status)
    })
}

/// `Try 'NAME --help' for more information.`
pub(super) fn help(c: &mut Cmd, status: i32) -> i32 {
    if !c.applet() {
        let line = format!("Try '{} --help' for more information.\n", c.name);
        c.err(&line);
    }
    status
}

/// A mistake in the use of the command: the message, then where to find help.
pub(super) fn misuse(c: &mut Cmd, text: &str, status: i32) -> i32 {
    c.complain(text);
    help(c, status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_string).collect()
    }

    #[test]
    fn letters_and_long_names() {
        let found = parse("n,lines= q,quiet color?", &args("-qn5 a --li 6 --color=no --color b -- -q")).unwrap();
        assert_eq!(found.rest, ["a", "b", "-q"]);
        assert_eq!(found.value("n"), Some("6"));
        assert_eq!(found.list.len(), 5);
        assert!(found.has("q"));
    }

    #[test]
    fn errors_as_glibc_words_them() {
        let error = |line| parse("n,lines= all almost-all", &args(line)).unwrap_err();
        assert_eq!(error("-x"), "invalid option -- 'x'");
        assert_eq!(error("--foo=1"), "unrecognized option '--foo'");
        assert_eq!(error("-n"), "option requires an argument -- 'n'");
        assert_eq!(error("--lines"), "option '--lines' requires an argument");
        assert_eq!(error("--all=2"), "option '--all' doesn't allow an argument");
        assert_eq!(error("--al"), "option '--al' is ambiguous; possibilities: '--all' '--almost-all'");
    }
}
