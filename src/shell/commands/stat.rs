//! `stat` (coreutils 8.30).

use super::accounts::Names;
use super::times::Moment;
use super::{mode, options, remove};
use crate::shell::cmd::Cmd;
use crate::shell::format::{Escapes, Spec, escape};
use crate::shell::quote;
use crate::shell::text;
use crate::world::{FileKind, Stat, StatFs, Time};

pub(super) fn run(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "L,dereference f,file-system cached= c,format= printf= t,terse", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if found.rest.is_empty() {
        return options::misuse(c, "missing operand", 1);
    }
    let names = Names::read(c);
    let printf = found.last(&["c", "printf"]) == Some("printf");
    let own = found.value(if printf { "printf" } else { "c" }).map(str::to_string);
    let mut status = 0;
    for operand in &found.rest {
        if found.has("f") {
            status |= file_system(c, operand, own.as_deref(), found.has("t"), printf);
            continue;
        }
        let looked = if found.has("L") { c.stat(operand) } else { c.lstat(operand) };
        let stat = match looked {
            Ok(stat) => stat,
            Err(error) => {
                let text = if c.applet() {
                    format!("can't stat '{operand}': {}", error.text())
                } else {
                    format!("cannot statx {}: {}", c.shell_quote(operand), error.text())
                };
                c.complain(&text);
                status = 1;
                continue;
            }
        };
        let device = matches!(stat.kind, FileKind::CharDevice | FileKind::BlockDevice);
        let format = match (&own, found.has("t"), device) {
            (Some(own), _, _) => own.clone(),
            (None, true, _) => "%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %W %o".into(),
            (None, _, true) => DEFAULT.replace("%-5h", "%-5h Device type: %t,%T"),
            _ => DEFAULT.to_string(),
        };
        let line = fill(c, &names, operand, &stat, &format, printf);
        c.out_bytes(&line);
        if !printf {
            c.out("\n");
        }
    }
    status
}

const DEFAULT: &str = "  File: %N\n  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\nDevice: %Dh/%dd\tInode: %-10i  Links: %-5h\n\
                       Access: (%04a/%10.10A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\nAccess: %x\nModify: %y\nChange: %z\n Birth: -";

fn fill(c: &Cmd, names: &Names, operand: &str, stat: &Stat, format: &str, printf: bool) -> Vec<u8> {
    let bytes = text::encode(format);
    let mut out = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'\\' && printf {
            let (taken, _) = escape(rest, Escapes::Format, &mut out);
            rest = rest.get(taken..).unwrap_or_default();
            continue;
        }
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        if rest.first() == Some(&b'%') {
            out.push(b'%');
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let (mut spec, taken) = Spec::read_bare(rest);
        let letter = spec.letter;
        let raw = [b"%", rest.get(..taken).unwrap_or_default()].concat();
        rest = rest.get(taken..).unwrap_or_default();
        let when = |time: Time| Moment::of(time).format("%Y-%m-%d %H:%M:%S.%N %z");
        let number = |value: u64, spec: &mut Spec, letter: char, out: &mut Vec<u8>| {
            spec.letter = letter;
            spec.integer(i128::from(value), out);
        };
        let seconds = |time: Time| u64::try_from(time.secs).unwrap_or(0);
        match letter {
            'a' => number(u64::from(stat.mode), &mut spec, 'o', &mut out),
            'A' => spec.string(stat.permissions().as_bytes(), &mut out),
            'b' => number(mode::kib(stat) * 2, &mut spec, 'u', &mut out),
            'B' => number(512, &mut spec, 'u', &mut out),
            'd' => number(u64::from(stat.dev), &mut spec, 'u', &mut out),
            'D' => number(u64::from(stat.dev), &mut spec, 'x', &mut out),
            'f' => number(u64::from(stat.kind.bits() | stat.mode), &mut spec, 'x', &mut out),
            'F' => spec.string(remove::kind_name(stat).as_bytes(), &mut out),
            'g' => number(u64::from(stat.gid), &mut spec, 'u', &mut out),
            'G' => spec.string(names.group(stat.gid).unwrap_or("UNKNOWN").as_bytes(), &mut out),
            'h' => number(u64::from(stat.nlink), &mut spec, 'u', &mut out),
            'i' => number(stat.ino, &mut spec, 'u', &mut out),
            'm' => {
                let mount = c.host().statfs(&c.path(operand)).map(|fs| fs.mount_point).unwrap_or(b"/".to_vec());
                spec.string(&mount, &mut out);
            }
            'n' => spec.string(&text::encode(operand), &mut out),
            'N' => {
                let mut name =
                    if printf || format != DEFAULT { c.shell_quote(operand) } else { quote::if_needed(operand) };
                if let (FileKind::Link, Ok(link)) = (stat.kind, c.host().read_link(c.who(), &c.path(operand))) {
                    let link = text::decode(&link);
                    let link = if format == DEFAULT { quote::if_needed(&link) } else { c.shell_quote(&link) };
                    name = format!("{name} -> {link}");
                }
                spec.string(&text::encode(&name), &mut out);
            }
            'o' => number(4096, &mut spec, 'u', &mut out),
            's' => number(stat.size, &mut spec, 'u', &mut out),
            't' => number(u64::from(stat.rdev.0), &mut spec, 'x', &mut out),
            'T' => number(u64::from(stat.rdev.1), &mut spec, 'x', &mut out),
            'u' => number(u64::from(stat.uid), &mut spec, 'u', &mut out),
            'U' => spec.string(names.user(stat.uid).unwrap_or("UNKNOWN").as_bytes(), &mut out),
            'w' => spec.string(b"-", &mut out),
            'W' => number(0, &mut spec, 'u', &mut out),
            'x' => spec.string(when(stat.accessed).as_bytes(), &mut out),
            'X' => number(seconds(stat.accessed), &mut spec, 'd', &mut out),
            'y' => spec.string(when(stat.modified).as_bytes(), &mut out),
            'Y' => number(seconds(stat.modified), &mut spec, 'd', &mut out),
            'z' => spec.string(when(stat.changed).as_bytes(), &mut out),
            'Z' => number(seconds(stat.changed), &mut spec, 'd', &mut out),
            'C' => spec.string(b"?", &mut out),
            _ => out.extend_from_slice(&raw.iter().map(|_| b'?').take(1).collect::<Vec<u8>>()),
        }
    }
    out
}

fn file_system(c: &mut Cmd, operand: &str, own: Option<&str>, terse: bool, printf: bool) -> i32 {
    let fs = c.stat(operand).and_then(|_| c.host().statfs(&c.path(operand)));
    let fs = match fs {
        Ok(fs) => fs,
        Err(error) => {
            c.complain(&format!(
                "cannot read file system information for {}: {}",
                c.shell_quote(operand),
                error.text()
            ));
            return 1;
        }
    };
    let text = match (own, terse) {
        (Some(own), _) => own.to_string(),
        (None, true) => "%n %i %l %t %s %S %b %f %a %c %d".into(),
        _ => "  File: \"%n\"\n    ID: %-8i Namelen: %-7l Type: %T\nBlock size: %-10s Fundamental block size: %S\n\
              Blocks: Total: %-10b Free: %-10f Available: %a\nInodes: Total: %-10c Free: %d"
            .into(),
    };
    let line = fs_fill(operand, &fs, &text);
    c.out(&line);
    if !printf {
        c.out("\n");
    }
    0
}

fn fs_fill(operand: &str, fs: &StatFs, format: &str) -> String {
    let mut out = Vec::new();
    let bytes = text::encode(format);
    let mut rest = bytes.as_slice();
    let magic = match fs.kind.as_str() {
        "tmpfs" => 0x0102_1994,
        "proc" => 0x9fa0,
        "sysfs" => 0x6265_6572,
        "overlay" => 0x794c_7630,
        _ => 0xef53,
    };
    let kind = if fs.kind == "ext4" { "ext2/ext3" } else { &fs.kind };
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let (mut spec, taken) = Spec::read_bare(rest);
        let letter = spec.letter;
        rest = rest.get(taken..).unwrap_or_default();
        let mut number = |value: u64, letter: char| {
            spec.letter = letter;
            spec.integer(i128::from(value), &mut out);
        };
        match letter {
            'a' => number(fs.available / 4, 'u'),
            'b' => number(fs.total / 4, 'u'),
            'c' => number(fs.inodes, 'u'),
            'd' => number(fs.inodes.saturating_sub(fs.inodes_used), 'u'),
            'f' => number(fs.total.saturating_sub(fs.used) / 4, 'u'),
            'i' => number(
                fs.device.bytes().fold(0x5a17, |id: u64, b| id.wrapping_mul(131).wrapping_add(u64::from(b))),
                'x',
            ),
            'l' => number(255, 'u'),
            's' | 'S' => number(4096, 'u'),
            't' => number(magic, 'x'),
            'n' => spec.string(&text::encode(operand), &mut out),
            'T' => spec.string(kind.as_bytes(), &mut out),
            '%' => out.push(b'%'),
            _ => out.push(b'?'),
        }
    }
    text::decode(&out)
}
