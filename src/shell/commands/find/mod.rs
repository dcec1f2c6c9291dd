//! `find` (GNU findutils 4.7).

mod parse;
mod run;

use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let args = c.args.clone();
    let mut rest = args.as_slice();
    let mut follow = false;
    while let Some((first, after)) = rest.split_first() {
        match first.as_str() {
            "-L" => follow = true,
            "-H" | "-P" => {}
            other if other.starts_with("-O") && other.len() > 2 => {}
            _ => break,
        }
        rest = after;
    }
    let begins = |arg: &String| arg.starts_with('-') && arg.len() > 1 || matches!(arg.as_str(), "(" | ")" | "!" | ",");
    let count = rest.iter().position(begins).unwrap_or(rest.len());
    let (paths, expression) = rest.split_at(count);
    let paths = if paths.is_empty() { vec![".".to_string()] } else { paths.to_vec() };
    let plan = match parse::parse(c, expression) {
        Ok(plan) => plan,
        Err(error) => {
            c.complain(&error);
            return Ok(1);
        }
    };
    run::run(c, plan, paths, follow).await
}
