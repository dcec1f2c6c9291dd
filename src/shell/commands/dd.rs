//! `dd` (coreutils 8.30).

use super::head::count;
use crate::shell::cmd::{Cmd, Source};
use crate::shell::io::kept;
use crate::shell::kernel::Stop;
use crate::world::{Errno, File, Open};

/// Blocks that are larger are refused, as if memory had run out.
const LARGEST: u64 = 1 << 30;

#[derive(Default)]
struct Plan {
    input: Option<String>,
    output: Option<String>,
    ibs: u64,
    obs: u64,
    count: Option<u64>,
    skip: u64,
    seek: u64,
    conv: Vec<String>,
    iflag: Vec<String>,
    oflag: Vec<String>,
    status: String,
}

/// `2k`, `1M`, `3x512`
fn number(text: &str) -> Option<u64> {
    let mut product = 1u64;
    for part in text.split('x') {
        let part = part.strip_suffix('c').unwrap_or(part);
        let value = match part.strip_suffix('w') {
            Some(words) => count(words)?.saturating_mul(2),
            None => count(part)?,
        };
        if !part.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        product = product.saturating_mul(value);
    }
    Some(product)
}

fn plan(c: &Cmd, args: &[String]) -> Result<Plan, String> {
    let mut plan = Plan { ibs: 512, obs: 512, ..Plan::default() };
    for arg in args {
        if arg == "--" {
            continue;
        }
        let Some((key, value)) = arg.split_once('=') else {
            return Err(format!("unrecognized operand {}\u{0}", c.quote(arg)));
        };
        let size = || number(value).ok_or_else(|| format!("invalid number: {}", c.quote(value)));
        let block = || match size()? {
            0 => Err(format!("invalid number: {}", c.quote(value))),
            size => Ok(size),
        };
        let list = || value.split(',').map(str::to_string).collect::<Vec<_>>();
        match key {
            "if" => plan.input = Some(value.to_string()),
            "of" => plan.output = Some(value.to_string()),
            "bs" => (plan.ibs, plan.obs) = (block()?, block()?),
            "ibs" => plan.ibs = block()?,
            "obs" => plan.obs = block()?,
            "cbs" => {
                block()?;
            }
            "count" => plan.count = Some(size()?),
            "skip" | "iseek" => plan.skip = size()?,
            "seek" | "oseek" => plan.seek = size()?,
            "conv" => plan.conv = list(),
            "iflag" => plan.iflag = list(),
            "oflag" => plan.oflag = list(),
            "status" => {
                if !matches!(value, "none" | "noxfer" | "progress") {
                    return Err(format!("invalid status level: {}\u{0}", c.quote(value)));
                }
                plan.status = value.to_string();
            }
            _ => return Err(format!("unrecognized operand {}\u{0}", c.quote(arg))),
        }
    }
    let known = [
        "ucase",
        "lcase",
        "swab",
        "noerror",
        "notrunc",
        "sync",
        "fdatasync",
        "fsync",
        "nocreat",
        "excl",
        "sparse",
        "block",
        "unblock",
        "ascii",
        "ebcdic",
        "ibm",
    ];
    if let Some(bad) = plan.conv.iter().find(|conv| !known.contains(&conv.as_str())) {
        return Err(format!("invalid conversion: {}\u{0}", c.quote(bad)));
    }
    Ok(plan)
}

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let args = c.args.clone();
    let plan = match plan(c, &args) {
        Ok(plan) => plan,
        Err(error) => {
            let usage = error.ends_with('\0');
            c.complain(error.trim_end_matches('\0'));
            return Ok(if usage { super::options::help(c, 1) } else { 1 });
        }
    };
    if plan.ibs > LARGEST || plan.obs > LARGEST {
        c.complain(&format!("memory exhausted by input buffer of size {} bytes", plan.ibs.max(plan.obs)));
        return Ok(1);
    }
    let mut source = match c.source(plan.input.as_deref().unwrap_or("-")).await? {
        Ok(source) => source,
        Err(error) => {
            let name = plan.input.clone().unwrap_or_default();
            let text = match error {
                Errno::EISDIR => format!("error reading {}: {}", c.shell_quote(&name), error.text()),
                _ if c.applet() => format!("can't open '{name}': {}", error.text()),
                _ => format!("failed to open {}: {}", c.shell_quote(&name), error.text()),
            };
            c.complain(&text);
            if error == Errno::EISDIR {
                return Ok(report(c, &plan, [0; 4], 0, 0.000_138_74));
            }
            return Ok(1);
        }
    };
    let has = |list: &[String], name: &str| list.iter().any(|known| known == name);
    let mut target = None;
    let mut at = 0;
    if let Some(name) = &plan.output {
        let how = Open {
            write: true,
            create: (!has(&plan.conv, "nocreat")).then_some(0o666),
            exclusive: has(&plan.conv, "excl"),
            truncate: plan.seek == 0 && !has(&plan.conv, "notrunc") && !has(&plan.oflag, "append"),
            ..Open::default()
        };
        match c.host().open(c.who(), &c.path(name), how) {
            Ok(file) => {
                c.note_written(name);
                let bytes = if has(&plan.oflag, "seek_bytes") { plan.seek } else { plan.seek.saturating_mul(plan.obs) };
                at = if has(&plan.oflag, "append") { file.stat().size } else { bytes };
                if plan.seek > 0 && !has(&plan.conv, "notrunc") {
                    let _ = file.set_len(at.min(1 << 40));
                }
                target = Some(file);
            }
            Err(error) => {
                let text = if c.applet() {
                    format!("can't open '{name}': {}", error.text())
                } else {
                    format!("failed to open {}: {}", c.shell_quote(name), error.text())
                };
                c.complain(&text);
                return Ok(1);
            }
        }
    }
    let start = c.now();
    let mut skip = if has(&plan.iflag, "skip_bytes") { plan.skip } else { plan.skip.saturating_mul(plan.ibs) };
    let unsized_input =
        plan.input.as_deref().is_some_and(|name| matches!(name, "/dev/zero" | "/dev/urandom" | "/dev/random"));
    while skip > 0 && !unsized_input {
        let piece = source.read(c, usize::try_from(skip.min(65536)).unwrap_or(65536)).await?;
        c.spend(1 + piece.len() as u64 / 2048).await?;
        if piece.is_empty() {
            let name = plan.input.clone().unwrap_or_else(|| "standard input".into());
            c.complain(&format!("{}: cannot skip to specified offset", crate::shell::quote::if_needed(&name)));
            break;
        }
        skip = skip.saturating_sub(piece.len() as u64);
    }
    // Full and partial records in and out.
    let mut records = [0u64; 4];
    let mut total = 0u64;
    let mut status = 0;
    let mut held: Vec<u8> = Vec::new();
    let same = plan.ibs == plan.obs;
    let by_bytes = has(&plan.iflag, "count_bytes");
    let mut left = plan.count;
    let full = has(&plan.iflag, "fullblock");
    'copy: while left != Some(0) {
        let want = if by_bytes { left.unwrap_or(u64::MAX).min(plan.ibs) } else { plan.ibs };
        let mut block = read_block(c, &mut source, want, full || plan.input.is_some()).await?;
        if block.is_empty() {
            break;
        }
        c.spend(30 + block.len() as u64 / 2048).await?;
        let got = block.len() as u64;
        if got == plan.ibs {
            records[0] += 1
        } else {
            records[1] += 1
        }
        left = left.map(|left| left.saturating_sub(if by_bytes { got } else { 1 }));
        if has(&plan.conv, "ucase") {
            block.make_ascii_uppercase();
        }
        if has(&plan.conv, "lcase") {
            block.make_ascii_lowercase();
        }
        if has(&plan.conv, "swab") {
            block.chunks_exact_mut(2).for_each(|pair| pair.reverse());
        }
        if has(&plan.conv, "sync") && got < plan.ibs {
            block.resize(usize::try_from(plan.ibs).unwrap_or(0), 0);
        }
        if same {
            if !write(c, target.as_ref(), &mut at, &block, &plan, &mut records, &mut total).await? {
                status = 1;
                break;
            }
            continue;
        }
        held.extend(block);
        let size = usize::try_from(plan.obs).unwrap_or(usize::MAX);
        while held.len() >= size {
            let rest = held.split_off(held.len().min(size));
            let out = std::mem::replace(&mut held, rest);
            if !write(c, target.as_ref(), &mut at, &out, &plan, &mut records, &mut total).await? {
                status = 1;
                held.clear();
                break 'copy;
            }
        }
    }
    if !held.is_empty() && !write(c, target.as_ref(), &mut at, &held, &plan, &mut records, &mut total).await? {
        status = 1;
    }
    c.flush().await?;
    // No disk copies faster than this.
    let elapsed = (c.now().as_nanosecond() - start.as_nanosecond()) as f64 / 1e9;
    let calls = (records[0] + records[1]) as f64;
    let plausible = 4.1e-5 + calls * 1.3e-6 + total as f64 / 1.4e9;
    let seconds = elapsed.max(plausible * (0.9 + f64::from(rand::random::<u16>()) / 327_675.0));
    report(c, &plan, records, total, seconds);
    Ok(status)
}

async fn read_block(c: &mut Cmd, source: &mut Source, want: u64, full: bool) -> Result<Vec<u8>, Stop> {
    let want = usize::try_from(want).unwrap_or(usize::MAX).min(16 << 20);
    let mut block = Vec::new();
    loop {
        let piece = source.read(c, (want - block.len()).min(1 << 20)).await?;
        let ended = piece.is_empty();
        if block.is_empty() {
            block = piece;
        } else {
            block.extend(piece);
        }
        if ended || block.len() >= want || !full {
            return Ok(block);
        }
    }
}

async fn write(
    c: &mut Cmd,
    target: Option<&File>,
    at: &mut u64,
    block: &[u8],
    plan: &Plan,
    records: &mut [u64; 4],
    total: &mut u64,
) -> Result<bool, Stop> {
    let [_, _, whole, part] = records;
    match target {
        Some(file) => {
            if file.device().is_none() {
                c.spend(kept(block.len())).await?;
            }
            if let Err(error) = file.write_at(*at, block) {
                let name = plan.output.clone().unwrap_or_default();
                c.complain(&format!("error writing {}: {}", c.shell_quote(&name), error.text()));
                return Ok(false);
            }
            *at += block.len() as u64;
        }
        None => {
            c.out_bytes(block);
            c.flush().await?;
        }
    }
    if block.len() as u64 == plan.obs {
        *whole += 1
    } else {
        *part += 1
    }
    *total += block.len() as u64;
    Ok(true)
}

fn report(c: &mut Cmd, plan: &Plan, records: [u64; 4], total: u64, seconds: f64) -> i32 {
    if plan.status == "none" {
        return 1;
    }
    let [a, b, whole, part] = records;
    c.err(&format!("{a}+{b} records in\n{whole}+{part} records out\n"));
    if plan.status == "noxfer" {
        return 1;
    }
    let plain = if total == 1 { "1 byte".to_string() } else { format!("{total} bytes") };
    let (si, iec) = (scaled(total, 1000.0), scaled(total, 1024.0));
    let sizes = if c.applet() {
        format!(
            "{total} bytes ({}) copied, {seconds:.6} seconds, {}/s",
            iec.replace("iB", "B").replace(' ', ""),
            rate(total, seconds).replace(' ', "")
        )
    } else {
        let sizes = match (total < 1000, total < 1024) {
            (true, _) => plain,
            (_, true) => format!("{plain} ({si})"),
            _ => format!("{plain} ({si}, {iec})"),
        };
        let mut time = Vec::new();
        let mut spec = crate::shell::format::Spec::plain('g');
        spec.set_precision(6);
        spec.float(seconds, &mut time);
        format!("{sizes} copied, {} s, {}/s", String::from_utf8_lossy(&time), rate(total, seconds))
    };
    c.err(&format!("{sizes}\n"));
    1
}

/// Two or three digits and a unit: `5.2 MB`, `12 kB`.
fn scaled(size: u64, base: f64) -> String {
    let units =
        if base == 1000.0 { ["B", "kB", "MB", "GB", "TB", "PB"] } else { ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] };
    let mut value = size as f64;
    let mut unit = 0;
    while value >= base && unit + 1 < units.len() {
        value /= base;
        unit += 1;
    }
    let text = if value < 9.95 && unit > 0 { format!("{value:.1}") } else { format!("{value:.0}") };
    format!("{text} {}", units.get(unit).unwrap_or(&"B"))
}

fn rate(total: u64, seconds: f64) -> String {
    let speed = total as f64 / seconds.max(1e-9);
    if speed < 1000.0 { format!("{:.1} kB", speed / 1000.0) } else { scaled(speed as u64, 1000.0) }
}
