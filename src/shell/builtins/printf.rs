//! `printf`, with `-v`.

use crate::shell::format::{self, Trouble};
use crate::shell::interp::{Dialect, Exec, Interp, quoted};
use crate::shell::kernel::Status;
use crate::shell::text;

/// What `%(FORMAT)T` prints of seconds, or of now.
type Time<'a> = dyn Fn(&[u8], Option<i64>) -> Vec<u8> + 'a;

/// Bytes that one call may print.
const BOUND: usize = 8 * 1024 * 1024;

pub(super) async fn printf(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let mut rest = args;
    let mut variable = None;
    while let Some((arg, after)) = rest.split_first().filter(|(arg, _)| arg.starts_with('-') && arg.len() > 1) {
        match arg.as_str() {
            "--" => {
                rest = after;
                break;
            }
            "-v" if s.dialect == Dialect::Bash => {
                variable = after.first().cloned();
                rest = after.get(1..).unwrap_or_default();
            }
            option if s.dialect == Dialect::Bash => {
                return s
                    .bad_option("printf", option.get(..2).unwrap_or(option), "printf [-v var] format [arguments]")
                    .await;
            }
            _ => break,
        }
    }
    let Some((pattern, args)) = rest.split_first() else {
        match s.dialect {
            Dialect::Bash => s.print_error("printf: usage: printf [-v var] format [arguments]\n").await?,
            _ => s.complain("printf: usage: printf format [arg ...]").await?,
        }
        return Ok(2);
    };
    let pattern = text::encode(pattern);
    let args: Vec<Vec<u8>> = args.iter().map(|arg| text::encode(arg)).collect();
    s.kernel().spend(1 + (pattern.len() + args.iter().map(Vec::len).sum::<usize>()) as u64 / 32).await?;
    let quote = |bytes: &[u8]| text::encode(&bare_quoted(&text::decode(bytes)));
    let time = |layout: &[u8], seconds: Option<i64>| {
        let now = crate::base::clock::now();
        let at =
            seconds.filter(|seconds| *seconds >= 0).and_then(|s| crate::base::clock::Timestamp::from_second(s).ok());
        at.unwrap_or(now).strftime(&text::decode(layout)).to_string().into_bytes()
    };
    let dated: Option<&Time> = if s.dialect == Dialect::Bash { Some(&time) } else { None };
    let printed = format::printf(&pattern, &args, BOUND, &quote, dated);
    let (out, troubles) = (printed.out, printed.troubles);
    let mut status = 0;
    for trouble in troubles {
        status = 1;
        let message = match (trouble, s.dialect) {
            (Trouble::NotNumber(arg) | Trouble::Trailing(arg), Dialect::Bash) => {
                format!("{}: invalid number", text::decode(&arg))
            }
            (Trouble::NotNumber(arg) | Trouble::Trailing(arg), Dialect::Dash) => {
                format!("{}: expected numeric value", text::decode(&arg))
            }
            (Trouble::NotNumber(arg) | Trouble::Trailing(arg), Dialect::Ash) => {
                format!("invalid number '{}'", text::decode(&arg))
            }
            (Trouble::Range(arg), _) => format!("warning: {}: Numerical result out of range", text::decode(&arg)),
            (Trouble::Conversion(letter), Dialect::Bash) => {
                format!("`{}': invalid format character", text::decode(&letter).chars().last().unwrap_or('%'))
            }
            (Trouble::Conversion(letter), _) => format!("{}: invalid directive", text::decode(&letter)),
        };
        s.fail("printf", &message).await?;
    }
    match variable {
        Some(name) => match name.split_once('[') {
            Some((base, index)) => {
                let key = s.key_of(base, index.trim_end_matches(']')).await?;
                s.assign_element(base, &key, &text::decode(&out)).await?;
            }
            None => s.assign(&name, &text::decode(&out)).await?,
        },
        None => {
            let failed = s.print_bytes("printf", &out).await?;
            status = status.max(failed);
        }
    }
    Ok(status)
}

/// `%q`: backslashes rather than quotes.
fn bare_quoted(value: &str) -> String {
    if value.is_empty() {
        return "''".into();
    }
    if value.chars().any(char::is_control) {
        return quoted(value);
    }
    let mut out = String::new();
    for c in value.chars() {
        if " \t!\"#$&'()*,;<>?[\\]^`{|}~".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
