//! `gzip`, `gunzip`, `zcat` (GNU gzip 1.10).

use super::options;
use super::packed::{self, Fault, Format};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::world::{Errno, FileKind, Time};

const OPTIONS: &str = "a,ascii c,stdout,to-stdout d,decompress,uncompress f,force k,keep l,list n,no-name N,name q,quiet \
                       r,recursive S,suffix= t,test v,verbose 1,fast 2 3 4 5 6 7 8 9,best rsyncable";

/// What is wrong with compressed data, in gzip's words.
pub(super) fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Foreign => "not in gzip format",
        Fault::Short => "unexpected end of file",
        Fault::Sum => "invalid compressed data--crc error",
        _ => "invalid compressed data--format violated",
    }
}

/// A file's name and time go into the header (RFC 1952).
fn label(packed: &mut Vec<u8>, name: Option<&[u8]>, time: u32) {
    packed.iter_mut().skip(4).zip(time.to_le_bytes()).for_each(|(slot, byte)| *slot = byte);
    if let Some(name) = name.filter(|_| packed.len() > 10) {
        if let Some(flags) = packed.get_mut(3) {
            *flags |= 8;
        }
        packed.splice(10..10, name.iter().copied().chain([0]));
    }
}

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let base = c.base().to_string();
    // The scripts around gzip report under its own name.
    let name = if c.applet() { base.clone() } else { "gzip".to_string() };
    let found = match options::parse(OPTIONS, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.err(&format!("{name}: {error}\nTry `{name} --help' for more information.\n"));
            return Ok(1);
        }
    };
    let back = found.has("d") || base != "gzip" || found.has("t") || found.has("l");
    let to_out = found.has("c") || base == "zcat";
    let level = found.list.iter().rev().find_map(|(key, _)| key.parse::<u32>().ok()).unwrap_or(6);
    let suffix = found.value("S").unwrap_or(".gz").to_string();
    let mut status = 0;
    for operand in found.inputs() {
        let say = |c: &mut Cmd, text: &str| c.err(&format!("{name}: {text}\n"));
        if operand == "-" {
            if !back && c.is_tty(1) && !found.has("f") {
                say(
                    c,
                    &format!(
                        "compressed data not written to a terminal. Use -f to force compression.\nFor help, type: {name} -h"
                    ),
                );
                return Ok(1);
            }
            let input = c.read_all().await?;
            if !back {
                let out = packed::compress(c, Format::Gzip, level, &input).await?;
                c.out_bytes(&out);
                continue;
            }
            let (out, error) = packed::decompress(c, Format::Gzip, &input).await?;
            match error {
                Some(Fault::Foreign) if found.has("f") && to_out => c.out_bytes(&input),
                _ if !found.has("t") => c.out_bytes(&out),
                _ => {}
            }
            if let Some(error) = error.filter(|error| *error != Fault::Foreign || !found.has("f") || !to_out) {
                c.flush().await?;
                c.err(&format!("\n{name}: stdin: {}\n", fault(error)));
                status = 1;
            }
            continue;
        }
        let mut path = operand.clone();
        let mut stat = c.stat(&path);
        if back && stat == Err(Errno::ENOENT) && c.stat(&format!("{path}{suffix}")).is_ok() {
            path = format!("{path}{suffix}");
            stat = c.stat(&path);
        }
        let stat = match stat {
            Ok(stat) => stat,
            Err(error) => {
                let shown = if back && error == Errno::ENOENT && !path.ends_with(&suffix) {
                    format!("{path}{suffix}")
                } else {
                    path
                };
                say(c, &format!("{shown}: {}", error.text()));
                status = 1;
                continue;
            }
        };
        if stat.is_folder() {
            say(c, &format!("{path} is a directory -- ignored"));
            status = 2;
            continue;
        }
        if stat.kind != FileKind::File {
            say(c, &format!("{path} is not a directory or a regular file - ignored"));
            status = 2;
            continue;
        }
        let target = if back {
            let known = [suffix.as_str(), ".z", "-gz", "-z", "_z", ".Z"];
            let short = known.iter().find_map(|end| path.strip_suffix(end)).map(str::to_string);
            match (short, path.strip_suffix(".tgz")) {
                (_, Some(stem)) => format!("{stem}.tar"),
                (Some(short), _) if !short.is_empty() => short,
                _ if to_out || found.has("t") || found.has("l") => path.clone(),
                _ => {
                    say(c, &format!("{path}: unknown suffix -- ignored"));
                    status = 2;
                    continue;
                }
            }
        } else {
            if path.ends_with(&suffix) && !found.has("f") && !to_out {
                say(c, &format!("{path} already has {suffix} suffix -- unchanged"));
                continue;
            }
            format!("{path}{suffix}")
        };
        let input = match c.slurp(&path).await? {
            Ok(input) => input,
            Err(error) => {
                say(c, &format!("{path}: {}", error.text()));
                status = 1;
                continue;
            }
        };
        let out = if back {
            let (out, error) = packed::decompress(c, Format::Gzip, &input).await?;
            if error == Some(Fault::Foreign) && found.has("f") && to_out {
                c.out_bytes(&input);
                continue;
            }
            if let Some(error) = error {
                if to_out && !found.has("t") {
                    c.out_bytes(&out);
                }
                c.flush().await?;
                c.err(&format!("\n{name}: {path}: {}\n", fault(error)));
                status = 1;
                continue;
            }
            out
        } else {
            let own = path.rsplit('/').next().unwrap_or_default();
            let stored = (!found.has("n")).then(|| crate::shell::text::encode(own));
            let time = if found.has("n") { 0 } else { u32::try_from(stat.modified.secs).unwrap_or(0) };
            let mut out = packed::compress(c, Format::Gzip, level, &input).await?;
            label(&mut out, stored.as_deref(), time);
            out
        };
        if found.has("l") {
            let (small, large) = (input.len(), out.len());
            let ratio = if large == 0 {
                0.0
            } else {
                100.0 * (1.0 - (small as f64 - 18.0 - target.len() as f64 - 1.0) / large as f64)
            };
            c.out("         compressed        uncompressed  ratio uncompressed_name\n");
            c.out(&format!("{small:>19} {large:>19} {ratio:>5.1}% {target}\n"));
            continue;
        }
        if found.has("t") {
            continue;
        }
        if to_out {
            c.out_bytes(&out);
            c.tick().await?;
            continue;
        }
        if c.lstat(&target).is_ok() && !found.has("f") {
            let question = format!("{name}: {target} already exists; do you wish to overwrite (y or n)? ");
            c.err(&question);
            c.flush().await?;
            let answer = if c.is_tty(0) { c.read_line().await?.unwrap_or_default() } else { Vec::new() };
            if !matches!(answer.first(), Some(b'y' | b'Y')) {
                c.err("\tnot overwritten\n");
                status = 2;
                continue;
            }
        }
        if let Err(error) = c.write_file(&target, &out) {
            say(c, &format!("{target}: {}", error.text()));
            status = 1;
            continue;
        }
        let full = c.path(&target);
        let _ = c.host().set_mode(c.who(), &full, stat.mode & 0o777);
        let _ = c.host().set_times(
            c.who(),
            &full,
            Some(stat.accessed),
            Some(Time { nanos: stat.modified.nanos, ..stat.modified }),
            true,
        );
        if found.has("v") {
            let (small, large) = if back { (input.len(), out.len()) } else { (out.len(), input.len()) };
            let ratio = if large == 0 { 0.0 } else { 100.0 * (1.0 - (small as f64) / large as f64) };
            let what = if found.has("k") { "created" } else { "replaced with" };
            c.err(&format!("{path}:\t{ratio:5.1}% -- {what} {target}\n"));
        }
        if !found.has("k") {
            let _ = c.host().remove_file(c.who(), &c.path(&path));
        }
    }
    Ok(status)
}
