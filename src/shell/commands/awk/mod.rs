//! `awk` (mawk 1.3.4, which is Ubuntu's awk).

mod compile;
mod functions;
mod input;
mod lex;
mod machine;
mod value;

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;

const OPTIONS: &str = "+F= v= f= W= version";

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let mut found = match options::parse(OPTIONS, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(error.replace("invalid option -- '", "not an option: -").trim_end_matches('\''));
            return Ok(2);
        }
    };
    let mut source = String::new();
    for (key, value) in &found.list {
        let file = value.clone().unwrap_or_default();
        if *key == "f" {
            match c.slurp(&file).await? {
                Ok(bytes) => {
                    source.push_str(&crate::shell::text::decode(&bytes));
                    source.push('\n');
                }
                Err(error) => {
                    c.complain(&format!("cannot open {file} ({})", error.text()));
                    return Ok(2);
                }
            }
        }
    }
    if !found.has("f") {
        if found.rest.is_empty() {
            c.err(USAGE);
            return Ok(0);
        }
        source = found.rest.remove(0);
    }
    let program = lex::tokens(&source).and_then(compile::compile);
    let program = match program {
        Ok(program) => program,
        Err((line, error)) => {
            c.complain(&if line == 0 { error } else { format!("line {line}: {error}") });
            return Ok(2);
        }
    };
    let mut machine = machine::Machine::new(c, program, &found.rest);
    for (key, value) in &found.list {
        let value = value.clone().unwrap_or_default();
        match *key {
            "F" => {
                let separator = lex::unescape(&value);
                machine.assign("FS", &separator);
            }
            "v" => match value.split_once('=').filter(|(name, _)| machine::is_name(name)) {
                Some((name, value)) => machine.assign(name, &lex::unescape(value)),
                None => {
                    c.complain(&format!("improper assignment: -v {value}"));
                    return Ok(2);
                }
            },
            _ => {}
        }
    }
    machine.run(c).await
}

const USAGE: &str = "Usage: mawk [Options] [Program] [file ...]\n\nProgram:\n    The -f option value is the name of a file containing program text.\n    If no -f option is given, a \"--\" ends option processing; the following\n    parameters are the program text.\n\nOptions:\n    -f program-file  Program  text is read from file instead of from the\n                     command-line.  Multiple -f options are accepted.\n    -F value         sets the field separator, FS, to value.\n    -v var=value     assigns value to program variable var.\n    --               unambiguous end of options.\n\n    Implementation-specific options are prefixed with \"-W\".  They can be\n    abbreviated:\n\n    -W version       show version information and exit.\n    -W dump          show assembler-like listing of program and exit.\n    -W help          show this message and exit.\n    -W interactive   set unbuffered output, line-buffered input.\n    -W exec file     use file as program as well as last option.\n    -W random=number set initial random seed.\n    -W sprintf=number adjust size of sprintf buffer.\n    -W posix_space   do not consider \"\\n\" a space.\n    -W usage         show this message and exit.\n";
