//! `sed` (GNU sed 4.7).

mod run;
mod script;

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;

const OPTIONS: &str = "n,quiet,silent e,expression= f,file= E,r,regexp-extended i,in-place? s,separate u,unbuffered \
                       z,null-data l,line-length= b,binary posix debug sandbox follow-symlinks";

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let mut found = match options::parse(OPTIONS, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            usage(c);
            return Ok(1);
        }
    };
    let mut pieces: Vec<String> = Vec::new();
    for (key, value) in &found.list {
        let value = value.clone().unwrap_or_default();
        match *key {
            "e" => pieces.push(value),
            "f" => match c.slurp(&value).await? {
                Ok(bytes) => {
                    let text = crate::shell::text::decode(&bytes);
                    let text = if text.starts_with("#!") { text.split_once('\n').unwrap_or_default().1 } else { &text };
                    pieces.push(text.strip_suffix('\n').unwrap_or(text).to_string());
                }
                Err(error) => {
                    c.complain(&format!("couldn't open file {value}: {}", error.text()));
                    return Ok(1);
                }
            },
            _ => {}
        }
    }
    if pieces.is_empty() {
        if found.rest.is_empty() {
            usage(c);
            return Ok(1);
        }
        pieces.push(found.rest.remove(0));
    }
    let whole = pieces.join("\n");
    let commands = match script::parse(&whole, found.has("E")) {
        Ok(commands) => commands,
        Err((None, error)) => {
            c.complain(&error);
            return Ok(4);
        }
        Err((Some(at), error)) => {
            let (number, at) = place(&pieces, at.min(whole.chars().count()));
            c.complain(&format!("-e expression #{number}, char {at}: {error}"));
            return Ok(1);
        }
    };
    let settings = run::Settings {
        quiet: found.has("n") || whole.starts_with("#n\n"),
        separate: found.has("s") || found.has("i"),
        in_place: found.has("i").then(|| found.value("i").unwrap_or_default().to_string()),
        end: if found.has("z") { 0 } else { b'\n' },
    };
    let files = found.inputs();
    run::Machine::new(commands, settings, files).run(c).await
}

/// Number of the expression and the place in it.
fn place(pieces: &[String], at: usize) -> (usize, usize) {
    let mut at = at;
    for (number, piece) in pieces.iter().enumerate() {
        let len = piece.chars().count();
        if at <= len || number + 1 == pieces.len() {
            return (number + 1, at);
        }
        at -= len + 1;
    }
    (1, at)
}

fn usage(c: &mut Cmd) {
    let line = format!("Usage: {} [OPTION]... {{script-only-if-no-other-script}} [input-file]...\n\n", c.name);
    c.err(&line);
}
