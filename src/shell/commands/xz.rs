//! `xz`, `unxz`, `xzcat`, `lzma`, `unlzma`, `lzcat` (XZ Utils 5.2 and 5.4).

use super::packed::{self, Fault, Format};
use super::{help, options};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::world::FileKind;

const OPTIONS: &str = "z,compress d,decompress,uncompress t,test l,list k,keep f,force c,stdout,to-stdout S,suffix= \
                       F,format= C,check= T,threads= M,memory,memlimit= Q,no-warn q,quiet v,verbose h,help H,long-help \
                       V,version e,extreme 0 1 2 3 4 5 6 7 8 9 fast best robot single-stream no-sparse ignore-check \
                       no-adjust files? files0? block-size= flush-timeout= memlimit-compress= memlimit-decompress= \
                       lzma1? lzma2? x86? arm? delta?";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Pack,
    Unpack,
    Test,
    List,
}

struct Plan {
    mode: Mode,
    /// `None`: whatever it is.
    format: Option<Format>,
    to_out: bool,
    keep: bool,
    force: bool,
    verbose: usize,
    quiet: usize,
    level: u32,
    suffix: Option<String>,
    warn: i32,
}

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let base = c.base().to_string();
    let found = match options::parse(OPTIONS, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return Ok(hint(c));
        }
    };
    for (key, question) in [("h", "xz --help"), ("H", "xz --long-help"), ("V", "xz --version")] {
        if found.has(key) {
            let text = help::find(c.host(), question).or_else(|| help::find(c.host(), "xz --help"));
            let text = text.map_or("", |found| found.bytes).replacen("Usage: xz ", &format!("Usage: {base} "), 1);
            c.out(&text);
            return Ok(0);
        }
    }
    let lzma = base.starts_with("lz") || base.starts_with("unlz");
    let usual = if base.starts_with("un") || base.ends_with("cat") { Mode::Unpack } else { Mode::Pack };
    let count = |key: &str| found.list.iter().filter(|(known, _)| *known == key).count();
    let format = match found.value("F") {
        None if lzma => Some(Format::Lzma),
        None | Some("auto") => None,
        Some("xz") => Some(Format::Xz),
        Some("lzma" | "alone") => Some(Format::Lzma),
        Some(other) => {
            c.complain(&format!("{other}: Unknown file format type"));
            return Ok(1);
        }
    };
    let level = found.list.iter().rev().find_map(|(key, _)| match *key {
        "fast" => Some(0),
        "best" => Some(9),
        key => key.parse().ok(),
    });
    let plan = Plan {
        mode: match found.last(&["z", "d", "t", "l"]) {
            Some("z") => Mode::Pack,
            Some("d") => Mode::Unpack,
            Some("t") => Mode::Test,
            Some("l") => Mode::List,
            _ => usual,
        },
        format,
        to_out: found.has("c") || base.ends_with("cat"),
        keep: found.has("k"),
        force: found.has("f"),
        verbose: count("v"),
        quiet: count("q"),
        level: level.unwrap_or(6),
        suffix: found.value("S").map(str::to_string),
        warn: if found.has("Q") { 0 } else { 2 },
    };
    if plan.mode == Mode::List {
        return list(c, &found.rest, found.has("robot"), plan.verbose > 0).await;
    }
    let mut status = 0;
    for name in found.inputs() {
        let own = if name == "-" { stream(c, &plan).await? } else { file(c, &plan, &name).await? };
        // An error outweighs a warning.
        status = if status == 1 || own == 1 { 1 } else { status.max(own) };
        c.tick().await?;
    }
    Ok(status)
}

fn hint(c: &mut Cmd) -> i32 {
    if !c.applet() {
        let name = c.name.clone();
        c.err(&format!("{name}: Try `{name} --help' for more information.\n"));
    }
    1
}

fn error(c: &mut Cmd, plan: &Plan, text: &str) -> i32 {
    if plan.quiet < 2 {
        c.complain(text);
    }
    1
}

fn warning(c: &mut Cmd, plan: &Plan, text: &str) -> i32 {
    if plan.quiet < 1 {
        c.complain(text);
    }
    plan.warn
}

fn fault_text(c: &Cmd, fault: Fault, format: Format) -> &'static str {
    match fault {
        _ if c.applet() => match (fault, format) {
            (_, Format::Lzma) => "bad lzma header",
            (Fault::Foreign | Fault::Short, _) => "invalid magic",
            _ => "corrupted data",
        },
        Fault::Foreign => "File format not recognized",
        Fault::Short => "Unexpected end of input",
        Fault::Memory => "Cannot allocate memory",
        Fault::Sum | Fault::Corrupt | Fault::Trailing => "Compressed data is corrupt",
    }
}

/// Decompresses in the format that was asked for, or the one that it has.
async fn unpack(c: &mut Cmd, plan: &Plan, input: &[u8]) -> Result<(Vec<u8>, Option<&'static str>), Stop> {
    let own = Format::of(input).filter(|own| matches!(own, Format::Xz | Format::Lzma));
    let format = plan.format.or(own).unwrap_or(Format::Xz);
    let known = own == Some(format) || input.is_empty() && format == Format::Lzma;
    let (out, fault) =
        if known { packed::decompress(c, format, input).await? } else { (Vec::new(), Some(Fault::Foreign)) };
    let text = fault.map(|fault| fault_text(c, fault, format));
    Ok((out, text))
}

async fn stream(c: &mut Cmd, plan: &Plan) -> Result<i32, Stop> {
    let refused = match plan.mode {
        Mode::Pack => c.is_tty(1).then_some("written to"),
        _ => c.is_tty(0).then_some("read from"),
    };
    if let Some(what) = refused.filter(|_| !c.applet()) {
        let reading = plan.mode != Mode::Pack;
        let status = error(c, plan, &format!("Compressed data cannot be {what} a terminal"));
        return Ok(if reading { status } else { hint(c) });
    }
    let input = c.read_all().await?;
    if plan.mode == Mode::Pack {
        let out = packed::compress(c, plan.format.unwrap_or(Format::Xz), plan.level, &input).await?;
        c.out_bytes(&out);
        return Ok(0);
    }
    let (out, fault) = unpack(c, plan, &input).await?;
    if fault.is_some_and(|text| text.ends_with("recognized")) && plan.force && plan.to_out {
        c.out_bytes(&input);
        return Ok(0);
    }
    if plan.mode != Mode::Test {
        c.out_bytes(&out);
        c.flush().await?;
    }
    Ok(match fault {
        Some(text) if c.applet() => error(c, plan, text),
        Some(text) => error(c, plan, &format!("(stdin): {text}")),
        None => 0,
    })
}

/// The name of the decompressed file.
fn shorter(plan: &Plan, path: &str) -> Option<String> {
    let mut endings = vec![(".xz", ""), (".txz", ".tar"), (".lzma", ""), (".tlz", ".tar")];
    match plan.format {
        Some(Format::Lzma) => drop(endings.drain(..2)),
        Some(_) => endings.truncate(2),
        None => {}
    }
    let own = plan.suffix.as_deref().map(|suffix| (suffix, ""));
    let fit = |(end, new): (&str, &str)| path.strip_suffix(end).map(|stem| (stem.to_string(), new.to_string()));
    let (stem, new) = endings.into_iter().chain(own).find_map(fit)?;
    (!stem.is_empty() && !stem.ends_with('/')).then(|| format!("{stem}{new}"))
}

async fn file(c: &mut Cmd, plan: &Plan, path: &str) -> Result<i32, Stop> {
    let in_place = !plan.to_out && plan.mode != Mode::Test;
    let stat = match c.stat(path) {
        Ok(stat) => stat,
        Err(errno) => return Ok(error(c, plan, &format!("{path}: {}", errno.text()))),
    };
    if in_place && !plan.force && c.lstat(path).is_ok_and(|stat| stat.kind == FileKind::Link) {
        return Ok(warning(c, plan, &format!("{path}: Is a symbolic link, skipping")));
    }
    if stat.is_folder() {
        return Ok(warning(c, plan, &format!("{path}: Is a directory, skipping")));
    }
    if in_place && stat.kind != FileKind::File {
        return Ok(warning(c, plan, &format!("{path}: Not a regular file, skipping")));
    }
    if in_place && !plan.force && !plan.keep {
        if stat.mode & 0o6000 != 0 {
            return Ok(warning(c, plan, &format!("{path}: File has setuid or setgid bit set, skipping")));
        }
        if stat.nlink > 1 {
            return Ok(warning(c, plan, &format!("{path}: Input file has more than one hard link, skipping")));
        }
    }
    let target = if plan.mode == Mode::Pack {
        let usual = if plan.format == Some(Format::Lzma) { ".lzma" } else { ".xz" };
        let known: &[&str] = if usual == ".lzma" { &[".lzma", ".tlz"] } else { &[".xz", ".txz"] };
        let own = plan.suffix.as_deref().unwrap_or(usual);
        if let Some(end) = known.iter().copied().chain([own]).find(|end| path.ends_with(end)).filter(|_| in_place) {
            return Ok(warning(c, plan, &format!("{path}: File already has `{end}' suffix, skipping")));
        }
        format!("{path}{own}")
    } else {
        match shorter(plan, path) {
            Some(target) => target,
            None if in_place && c.applet() => return Ok(error(c, plan, &format!("{path}: unknown suffix - ignored"))),
            None if in_place => {
                // The content is looked at first.
                if let Ok(input) = c.slurp(path).await?
                    && let (_, Some(text)) = unpack(c, plan, &input).await?
                    && text.ends_with("recognized")
                {
                    return Ok(error(c, plan, &format!("{path}: {text}")));
                }
                return Ok(warning(c, plan, &format!("{path}: Filename has an unknown suffix, skipping")));
            }
            None => String::new(),
        }
    };
    let input = match c.slurp(path).await? {
        Ok(input) => input,
        Err(errno) => return Ok(error(c, plan, &format!("{path}: {}", errno.text()))),
    };
    let there = in_place && c.lstat(&target).is_ok() && !plan.force;
    let exists = |c: &mut Cmd| {
        if c.applet() {
            return error(c, plan, &format!("can't open '{target}': File exists"));
        }
        error(c, plan, &format!("{target}: File exists"))
    };
    let out = if plan.mode == Mode::Pack {
        if there {
            return Ok(exists(c));
        }
        packed::compress(c, plan.format.unwrap_or(Format::Xz), plan.level, &input).await?
    } else {
        let (out, fault) = unpack(c, plan, &input).await?;
        if fault.is_some_and(|text| text.ends_with("recognized")) && plan.force && plan.to_out {
            c.out_bytes(&input);
            return Ok(0);
        }
        if there && fault.is_none_or(|text| !text.ends_with("recognized")) {
            return Ok(exists(c));
        }
        if let Some(text) = fault {
            if plan.to_out {
                c.out_bytes(&out);
                c.flush().await?;
            }
            return Ok(error(c, plan, &format!("{path}: {text}")));
        }
        out
    };
    if plan.verbose > 0 && plan.quiet == 0 && !c.applet() {
        let (small, large) = if plan.mode == Mode::Pack { (out.len(), input.len()) } else { (input.len(), out.len()) };
        progress(c, path, small, large);
    }
    if plan.mode == Mode::Test {
        return Ok(0);
    }
    if !in_place {
        c.out_bytes(&out);
        return Ok(0);
    }
    Ok(match packed::put(c, path, &target, &out, plan.keep) {
        Ok(()) => 0,
        Err(errno) => error(c, plan, &format!("{target}: {}", errno.text())),
    })
}

/// `560 B`, `12.3 KiB`
fn size(bytes: u64) -> String {
    if bytes < 10_000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = "KiB";
    for larger in ["MiB", "GiB", "TiB"] {
        if value <= 9999.9 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}

fn ratio(small: u64, large: u64, empty: &str, most: &str) -> String {
    if large == 0 {
        return empty.to_string();
    }
    let ratio = small as f64 / large as f64;
    if ratio > 9.999 { most.to_string() } else { format!("{ratio:.3}") }
}

/// What `-v` tells at the end of a file.
fn progress(c: &mut Cmd, path: &str, small: usize, large: usize) {
    let (small, large) = (small as u64, large as u64);
    let ratio = ratio(small, large, "> 9.999", "> 9.999");
    let sign = if ratio.starts_with('>') { "" } else { "= " };
    let sizes = format!("{} / {} {sign}{ratio}", size(small), size(large));
    if c.is_tty(2) {
        let sizes = format!("  100 % {sizes:>35}");
        c.err(&format!("{path} (1/1)\n\r{sizes:<79}\r\n"));
    } else {
        c.err(&format!("{path}: {sizes}\n"));
    }
}

/// What the end of an xz stream says: blocks, size of the file, size of the content, the check.
struct Index {
    blocks: Vec<(u64, u64)>,
    packed: u64,
    content: u64,
    check: &'static str,
}

/// A number of the index: seven bits per byte, low ones first.
fn number(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..63).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Reads the index of a file with one stream.
fn index(bytes: &[u8]) -> Option<Index> {
    let footer = bytes.get(bytes.len().checked_sub(12)?..)?;
    if !footer.ends_with(b"YZ") {
        return None;
    }
    let back = footer.get(4..8).and_then(|raw| raw.try_into().ok()).map(u32::from_le_bytes)?;
    let length = (usize::try_from(back).ok()?.checked_add(1)?).checked_mul(4)?;
    let start = (bytes.len() - 12).checked_sub(length)?;
    let index = bytes.get(start..bytes.len() - 12)?;
    let mut at = 1;
    let count = number(index, &mut at)?;
    let mut blocks = Vec::new();
    for _ in 0..count.min(index.len() as u64) {
        blocks.push((number(index, &mut at)?, number(index, &mut at)?));
    }
    let check = match footer.get(9)? & 0x0f {
        0 => "None",
        1 => "CRC32",
        4 => "CRC64",
        10 => "SHA-256",
        _ => "Unknown",
    };
    let content = blocks.iter().fold(0u64, |sum, (_, content)| sum.saturating_add(*content));
    Some(Index { blocks, packed: bytes.len() as u64, content, check })
}

async fn list(c: &mut Cmd, names: &[String], robot: bool, verbose: bool) -> Result<i32, Stop> {
    if names.is_empty() {
        c.complain("--list does not support reading from standard input");
        return Ok(1);
    }
    let mut status = 0;
    let mut totals = (0u64, 0u64, 0u64, 0u64, "");
    let row = |streams: u64, blocks: u64, small: u64, large: u64, check: &str, name: &str| {
        let (packed, content) = (size(small), size(large));
        let ratio = ratio(small, large, "---", "---");
        format!("{streams:>5} {blocks:>7} {packed:>12} {content:>12} {ratio:>6}  {check:<7} {name}\n")
    };
    for name in names {
        c.spend(20).await?;
        let bytes = match c.slurp(name).await? {
            Ok(bytes) => bytes,
            Err(errno) => {
                c.complain(&format!("{name}: {}", errno.text()));
                status = 1;
                continue;
            }
        };
        let Some(index) = index(&bytes).filter(|_| Format::of(&bytes) == Some(Format::Xz)) else {
            let text = match Format::of(&bytes) {
                Some(Format::Xz) if bytes.len() < 32 => "File is too small to be an .xz file",
                Some(Format::Xz) => "Compressed data is corrupt",
                _ => "File format not recognized",
            };
            c.complain(&format!("{name}: {text}"));
            status = 1;
            continue;
        };
        let blocks = index.blocks.len() as u64;
        if robot {
            let ratio = ratio(index.packed, index.content, "---", "---");
            c.out(&format!(
                "name\t{name}\nfile\t1\t{blocks}\t{}\t{}\t{ratio}\t{}\t0\n",
                index.packed, index.content, index.check
            ));
        } else if verbose {
            details(c, name, &index, totals.0 + 1, names.len());
        } else {
            if totals.0 == 0 {
                c.out("Strms  Blocks   Compressed Uncompressed  Ratio  Check   Filename\n");
            }
            c.out(&row(1, blocks, index.packed, index.content, index.check, name));
        }
        totals.0 += 1;
        totals.1 += blocks;
        totals.2 = totals.2.saturating_add(index.packed);
        totals.3 = totals.3.saturating_add(index.content);
        totals.4 = if totals.4.is_empty() || totals.4 == index.check { index.check } else { "CRC32,CRC64" };
    }
    if robot {
        let ratio = ratio(totals.2, totals.3, "---", "---");
        let (files, blocks, packed, content, check) = totals;
        c.out(&format!("totals\t{files}\t{blocks}\t{packed}\t{content}\t{ratio}\t{check}\t0\t{files}\n"));
    } else if totals.0 > 1 && !verbose {
        c.out(&format!("{}\n", "-".repeat(79)));
        c.out(&row(totals.0, totals.1, totals.2, totals.3, totals.4, &format!("{} files", totals.0)));
    }
    Ok(status)
}

/// `xz -lv`
fn details(c: &mut Cmd, name: &str, index: &Index, at: u64, of: usize) {
    let ratio_of = |small, large| ratio(small, large, "---", "---");
    let blocks = index.blocks.len();
    let (packed, content, check) = (index.packed, index.content, index.check);
    let whole = ratio_of(packed, content);
    let lead = if at > 1 { "\n" } else { "" };
    c.out(&format!(
        "{lead}{name} ({at}/{of})\n  Streams:           1\n  Blocks:            {blocks}\n  Compressed size:   {}\n  \
         Uncompressed size: {}\n  Ratio:             {whole}\n  Check:             {check}\n  Stream Padding:    0 B\n  \
         Streams:\n    Stream    Blocks      CompOffset    UncompOffset        CompSize      UncompSize  Ratio  Check      \
         Padding\n{:>10}{blocks:>10}{:>16}{:>16}{packed:>16}{content:>16}{whole:>7}  {check:<10}{:>8}\n",
        size(packed),
        size(content),
        1,
        0,
        0,
        0
    ));
    if blocks > 0 {
        c.out(
            "  Blocks:\n    Stream     Block      CompOffset    UncompOffset       TotalSize      UncompSize  Ratio  Check\n",
        );
    }
    let (mut offset, mut plain) = (12u64, 0u64);
    for (number, (unpadded, content)) in index.blocks.iter().enumerate() {
        let total = unpadded.div_ceil(4).saturating_mul(4);
        c.out(&format!(
            "{:>10}{:>10}{offset:>16}{plain:>16}{total:>16}{content:>16}{:>7}  {check}\n",
            1,
            number + 1,
            ratio_of(total, *content)
        ));
        offset = offset.saturating_add(total);
        plain = plain.saturating_add(*content);
    }
}

#[cfg(test)]
mod tests {
    use crate::shell::tests::run;

    #[test]
    fn there_and_back() {
        let (out, err, status) = run(
            "cd /tmp; seq 1000 > a; cp a b; xz -v a; xz -l a.xz | tail -1; xzcat a.xz | cmp - b && unxz a.xz && lzma a && \
             unlzma a.lzma && cmp a b && tar cJf t.txz a && tar tf t.txz",
        );
        assert_eq!((out.as_str(), status), ("    1       1        560 B       3893 B  0.144  CRC64   a.xz\na\n", 0));
        assert_eq!(err, "a: 560 B / 3893 B = 0.144\n");
    }

    #[test]
    fn mistakes() {
        let (_, err, status) =
            run("cd /tmp; seq 1000 | xz > a.xz; head -c 100 a.xz > t.xz; unxz t.xz; echo x | xz -d; xz -q /tmp");
        assert_eq!(status, 2);
        assert_eq!(err, "unxz: t.xz: Unexpected end of input\nxz: (stdin): File format not recognized\n");
    }
}
