//! `bzip2`, `bunzip2`, `bzcat` (bzip2 1.0.8).

use super::help;
use super::packed::{self, Fault, Format};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::world::FileKind;

const ENDINGS: [(&str, &str); 4] = [(".bz2", ""), (".bz", ""), (".tbz2", ".tar"), (".tbz", ".tar")];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Pack,
    Unpack,
    Test,
}

struct Plan {
    mode: Mode,
    to_out: bool,
    keep: bool,
    force: bool,
    quiet: bool,
    verbose: bool,
    level: u32,
    /// Names are shown as wide as the longest one.
    width: usize,
}

fn usage(c: &Cmd) -> String {
    let text = help::find(c.host(), "bzip2 --help").map_or("", |found| found.bytes);
    text.replacen("usage: bzip2 ", &format!("usage: {} ", c.base()), 1)
}

/// Reads the flags; `Err` is the status when all is said.
fn plan(c: &mut Cmd) -> Result<(Plan, Vec<String>), i32> {
    let base = c.base().to_string();
    let mut plan = Plan {
        mode: if base.contains("unzip") || base.contains("zcat") { Mode::Unpack } else { Mode::Pack },
        to_out: base.contains("zcat"),
        keep: false,
        force: false,
        quiet: false,
        verbose: false,
        level: 9,
        width: 7,
    };
    let mut names = Vec::new();
    let args: Vec<String> = c.env("BZIP2").unwrap_or_default().split_whitespace().map(str::to_string).collect();
    let args = [args, c.args.clone()].concat();
    let mut flags = true;
    for arg in args {
        if !flags || !arg.starts_with('-') || arg.len() < 2 {
            names.push(arg);
            continue;
        }
        if arg == "--" {
            flags = false;
            continue;
        }
        let long = |name: &str| match name {
            "decompress" => 'd',
            "compress" => 'z',
            "keep" => 'k',
            "force" => 'f',
            "test" => 't',
            "stdout" => 'c',
            "quiet" => 'q',
            "verbose" => 'v',
            "license" | "version" => 'V',
            "small" => 's',
            "fast" => '1',
            "best" => '9',
            "help" => 'h',
            _ => '?',
        };
        let letters: Vec<char> = match arg.strip_prefix("--") {
            Some(name) => vec![long(name)],
            None => arg.chars().skip(1).collect(),
        };
        for letter in letters {
            match letter {
                'd' => plan.mode = Mode::Unpack,
                'z' => plan.mode = Mode::Pack,
                't' => plan.mode = Mode::Test,
                'k' => plan.keep = true,
                'f' => plan.force = true,
                'c' => plan.to_out = true,
                'q' => plan.quiet = true,
                'v' => plan.verbose = true,
                's' => {}
                '1'..='9' => plan.level = letter.to_digit(10).unwrap_or(9),
                'L' | 'V' => {
                    let text = help::find(c.host(), "bzip2 --version").map_or("", |found| found.bytes).to_string();
                    c.err(&text);
                    return Err(0);
                }
                'h' => {
                    let text = usage(c);
                    c.err(&text);
                    return Err(0);
                }
                _ => {
                    let text = format!("{}: Bad flag `{arg}'\n{}", c.name, usage(c));
                    c.err(&text);
                    return Err(1);
                }
            }
        }
    }
    plan.width = names.iter().map(String::len).max().unwrap_or(0).max(plan.width);
    Ok((plan, names))
}

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let (plan, names) = match plan(c) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    if names.is_empty() {
        return stream(c, &plan).await;
    }
    let mut status = 0;
    for name in names {
        status = status.max(if name == "-" { stream(c, &plan).await? } else { file(c, &plan, &name).await? });
        c.tick().await?;
    }
    Ok(status)
}

/// From standard input to standard output.
async fn stream(c: &mut Cmd, plan: &Plan) -> Result<i32, Stop> {
    let name = c.name.clone();
    let refused = match plan.mode {
        Mode::Pack => c.is_tty(1).then_some("write compressed data to"),
        _ => c.is_tty(0).then_some("read compressed data from"),
    };
    if let Some(what) = refused.filter(|_| !c.applet()) {
        c.err(&format!("{name}: I won't {what} a terminal.\n{name}: For help, type: `{name} --help'.\n"));
        return Ok(1);
    }
    let input = c.read_all().await?;
    if plan.mode == Mode::Pack {
        let out = packed::compress(c, Format::Bzip2, plan.level, &input).await?;
        c.out_bytes(&out);
        return Ok(0);
    }
    let (out, fault) = packed::decompress(c, Format::Bzip2, &input).await?;
    if plan.mode == Mode::Test {
        return Ok(tested(c, plan, "(stdin)", fault));
    }
    if fault == Some(Fault::Foreign) && plan.force {
        c.out_bytes(&input);
        return Ok(0);
    }
    c.out_bytes(&out);
    c.flush().await?;
    Ok(failed(c, plan, "(stdin)", "(stdout)", fault, false))
}

async fn file(c: &mut Cmd, plan: &Plan, path: &str) -> Result<i32, Stop> {
    let say = |c: &mut Cmd, text: &str| {
        c.complain(text);
        Ok(1)
    };
    let stat = match c.stat(path) {
        Ok(stat) => stat,
        Err(error) if c.applet() => return say(c, &format!("{path}: {}", error.text())),
        Err(error) => return say(c, &format!("Can't open input file {path}: {}.", error.text())),
    };
    if stat.is_folder() {
        return say(c, &format!("Input file {path} is a directory."));
    }
    let ending = ENDINGS.iter().find(|(end, _)| path.ends_with(end));
    if plan.mode == Mode::Pack
        && let Some((end, _)) = ending.filter(|_| !plan.force || !plan.to_out)
    {
        return say(c, &format!("Input file {path} already has {end} suffix."));
    }
    let in_place = !plan.to_out && plan.mode != Mode::Test;
    if in_place && !plan.force && c.lstat(path).is_ok_and(|stat| stat.kind != FileKind::File) {
        return say(c, &format!("Input file {path} is not a normal file."));
    }
    let target = match (plan.mode, ending) {
        (Mode::Pack, _) => format!("{path}.bz2"),
        (_, Some((end, new))) => format!("{}{new}", path.strip_suffix(end).unwrap_or(path)),
        (_, None) if c.applet() && in_place => return say(c, &format!("{path}: unknown suffix - ignored")),
        (_, None) => {
            if in_place && !plan.quiet {
                c.complain(&format!("Can't guess original name for {path} -- using {path}.out"));
            }
            format!("{path}.out")
        }
    };
    if in_place && c.lstat(&target).is_ok() && !plan.force {
        if c.applet() {
            return say(c, &format!("can't open '{target}': File exists"));
        }
        return say(c, &format!("Output file {target} already exists."));
    }
    if in_place && stat.nlink > 1 && !plan.force {
        let links = stat.nlink - 1;
        let plural = if links > 1 { "s" } else { "" };
        return say(c, &format!("Input file {path} has {links} other link{plural}."));
    }
    let input = match c.slurp(path).await? {
        Ok(input) => input,
        Err(error) => return say(c, &format!("Can't open input file {path}: {}.", error.text())),
    };
    if plan.verbose && !c.applet() {
        let pad = plan.width.saturating_sub(path.len());
        c.err(&format!("  {path}: {}", " ".repeat(pad)));
    }
    let out = if plan.mode == Mode::Pack {
        let out = packed::compress(c, Format::Bzip2, plan.level, &input).await?;
        if plan.verbose && !c.applet() {
            c.err(&gain(input.len(), out.len()));
        }
        out
    } else {
        let (out, fault) = packed::decompress(c, Format::Bzip2, &input).await?;
        if plan.mode == Mode::Test {
            return Ok(tested(c, plan, path, fault));
        }
        if fault == Some(Fault::Foreign) && plan.force && plan.to_out {
            c.out_bytes(&input);
            return Ok(0);
        }
        if !in_place {
            c.out_bytes(&out);
            c.flush().await?;
        }
        let shown = if in_place { target.as_str() } else { "(stdout)" };
        let status = failed(c, plan, path, shown, fault, in_place);
        if status != 0 {
            return Ok(status);
        }
        if plan.verbose && fault.is_none() {
            c.err("done\n");
        }
        out
    };
    if !in_place {
        if plan.mode == Mode::Pack {
            c.out_bytes(&out);
        }
        return Ok(0);
    }
    if let Err(error) = packed::put(c, path, &target, &out, plan.keep) {
        return say(c, &format!("Can't create output file {target}: {}.", error.text()));
    }
    Ok(0)
}

/// What `-v` tells of a compressed file.
fn gain(input: usize, output: usize) -> String {
    if input == 0 {
        return " no data compressed.\n".into();
    }
    let (from, to) = (input as f64, output as f64);
    format!(
        "{:6.3}:1, {:6.3} bits/byte, {:5.2}% saved, {input} in, {output} out.\n",
        from / to,
        8.0 * to / from,
        100.0 * (1.0 - to / from)
    )
}

/// The result of `-t`.
fn tested(c: &mut Cmd, plan: &Plan, shown: &str, fault: Option<Fault>) -> i32 {
    let name = c.name.clone();
    let head = if plan.verbose { String::new() } else { format!("{name}: {shown}: ") };
    let text = match fault {
        None if plan.verbose => "ok\n",
        None => return 0,
        Some(Fault::Trailing) => {
            c.err(&format!("{head}trailing garbage after EOF ignored\n"));
            return 0;
        }
        Some(Fault::Foreign) => {
            c.err(&format!("{head}bad magic number (file not created by bzip2)\n"));
            c.err(ADVICE);
            return 2;
        }
        Some(Fault::Short) => "file ends unexpectedly\n",
        Some(_) => "data integrity (CRC) error in data\n",
    };
    c.err(&format!("{head}{text}"));
    if fault.is_none() {
        return 0;
    }
    c.err(ADVICE);
    2
}

const ADVICE: &str = "\nYou can use the `bzip2recover' program to attempt to recover\ndata from undamaged sections of corrupted files.\n\n";

/// What is said after a fault while decompressing.
pub(super) const CORRUPTED: &str = "\nIt is possible that the compressed file(s) have become corrupted.\nYou can use \
                                    the -tvv option to test integrity of such files.\n\nYou can use the \
                                    `bzip2recover' program to attempt to recover\ndata from undamaged sections of \
                                    corrupted files.\n\n";

/// Tells what is wrong with compressed data; the status.
fn failed(c: &mut Cmd, plan: &Plan, from: &str, to: &str, fault: Option<Fault>, deletes: bool) -> i32 {
    let name = c.name.clone();
    let Some(fault) = fault else { return 0 };
    if c.applet() {
        if fault == Fault::Trailing {
            return 0;
        }
        c.complain(if fault == Fault::Foreign { "invalid magic" } else { "corrupted data" });
        return 1;
    }
    let reason = match fault {
        Fault::Trailing => {
            if !plan.quiet {
                let head = if plan.verbose { String::new() } else { format!("\n{name}: {from}: ") };
                c.err(&format!("{head}trailing garbage after EOF ignored\n"));
            }
            return 0;
        }
        Fault::Foreign => {
            let text = if plan.verbose {
                "not a bzip2 file.\n".to_string()
            } else {
                format!("{name}: {from} is not a bzip2 file.\n")
            };
            c.err(&text);
            return 2;
        }
        Fault::Short => {
            let cause = if from == "(stdin)" { "Inappropriate ioctl for device" } else { "No such file or directory" };
            format!(
                "\n{name}: Compressed file ends unexpectedly;\n\tperhaps it is corrupted?  *Possible* reason follows.\n{name}: {cause}\n"
            )
        }
        _ => format!("\n{name}: Data integrity error when decompressing.\n"),
    };
    c.err(&format!("{reason}\tInput file = {from}, output file = {to}\n{CORRUPTED}"));
    if deletes {
        c.err(&format!("{name}: Deleting output file {to}, if it exists.\n"));
    }
    2
}

#[cfg(test)]
mod tests {
    use crate::shell::tests::run;

    #[test]
    fn there_and_back() {
        let (out, err, status) = run(
            "cd /tmp; seq 1000 > a; cp a b; bzip2 -v a; bunzip2 -t a.bz2; bunzip2 a.bz2; cmp a b && bzip2 < a | bzcat | cmp - b && echo same",
        );
        assert_eq!((out.as_str(), status), ("same\n", 0));
        assert_eq!(err, "  a:        4.241:1,  1.886 bits/byte, 76.42% saved, 3893 in, 918 out.\n");
    }

    #[test]
    fn mistakes() {
        let (_, err, status) = run("cd /tmp; echo x > b; bzip2 nosuch; bunzip2 b");
        assert_eq!(status, 2);
        assert_eq!(
            err,
            "bzip2: Can't open input file nosuch: No such file or directory.\nbunzip2: Can't guess original name for b -- \
             using b.out\nbunzip2: b is not a bzip2 file.\n"
        );
        assert_eq!(run("echo hello | busybox bzcat").1, "bzcat: invalid magic\n");
    }
}
