//! `file` (file 5.38): what is in a file, by its first bytes.

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::FileKind;

/// Bytes that are looked at.
const HEAD: usize = 1 << 20;

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "b,brief i,mime mime-type mime-encoding L,dereference h,no-dereference z s,special-files f= F,separator= \
                 N,no-pad 0,print0 k,keep-going m= e= p r v c l n P= d C E";
    let Ok(found) = options::parse(table, &c.args) else {
        c.err("Usage: file [-bcCdEhikLlNnprsSvzZ0] [--apple] [--extension] [--mime-encoding]\n            [--mime-type] [-e <testname>] [-F <separator>]  [-f <namefile>]\n            [-m <magicfiles>] [-P <parameter=value>] <file> ...\n       file -C [-m <magicfiles>]\n       file [--help]\n");
        return Ok(1);
    };
    if found.rest.is_empty() {
        c.err("Usage: file [-bcCdEhikLlNnprsSvzZ0] [--apple] [--extension] [--mime-encoding]\n            [--mime-type] [-e <testname>] [-F <separator>]  [-f <namefile>]\n            [-m <magicfiles>] [-P <parameter=value>] <file> ...\n       file -C [-m <magicfiles>]\n       file [--help]\n");
        return Ok(1);
    }
    let longest = found.rest.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mime = found.has("i") || found.has("mime-type");
    for operand in &found.rest {
        let kind = describe(c, operand, found.has("L"), mime).await?;
        let kind = if found.has("mime-type") { kind.split(';').next().unwrap_or_default().to_string() } else { kind };
        if found.has("b") {
            c.out(&format!("{kind}\n"));
        } else {
            let gap = if found.has("N") { 1 } else { longest - operand.chars().count() + 1 };
            let name = if operand == "-" { "/dev/stdin" } else { operand };
            c.out(&format!("{name}{}{}{kind}\n", found.value("F").unwrap_or(":"), " ".repeat(gap)));
        }
    }
    Ok(0)
}

async fn describe(c: &mut Cmd, operand: &str, follow: bool, mime: bool) -> Result<String, Stop> {
    if operand == "-" {
        let bytes = c.read_all().await?;
        return Ok(content(&bytes, mime, 0o644));
    }
    let stat = match if follow { c.stat(operand) } else { c.lstat(operand) } {
        Ok(stat) => stat,
        Err(error) => return Ok(format!("cannot open `{operand}' ({})", error.text())),
    };
    let special = |name: &str| format!("inode/{name}; charset=binary");
    Ok(match stat.kind {
        FileKind::Folder if mime => special("directory"),
        FileKind::Link if mime => special("symlink"),
        FileKind::CharDevice if mime => special("chardevice"),
        FileKind::BlockDevice if mime => special("blockdevice"),
        FileKind::Folder => {
            let marks = [(0o4000, "setuid "), (0o2000, "setgid "), (0o1000, "sticky, ")];
            let marks: String = marks.iter().filter(|(bit, _)| stat.mode & bit != 0).map(|(_, mark)| *mark).collect();
            format!("{marks}directory")
        }
        FileKind::Link => {
            let target = text::decode(&c.host().read_link(c.who(), &c.path(operand)).unwrap_or_default());
            if c.stat(operand).is_err() {
                format!("broken symbolic link to {target}")
            } else {
                format!("symbolic link to {target}")
            }
        }
        FileKind::CharDevice => format!("character special ({}/{})", stat.rdev.0, stat.rdev.1),
        FileKind::BlockDevice => format!("block special ({}/{})", stat.rdev.0, stat.rdev.1),
        FileKind::Fifo => "fifo (named pipe)".into(),
        FileKind::Socket => "socket".into(),
        FileKind::File => match c.host().read_file(c.who(), &c.path(operand), HEAD) {
            Ok(bytes) => {
                c.spend(bytes.len() as u64 / 64).await?;
                content(&bytes, mime, stat.mode)
            }
            Err(error) => {
                let how = if error == crate::world::Errno::EACCES {
                    "regular file, no read permission"
                } else {
                    "cannot open"
                };
                how.to_string()
            }
        },
    })
}

fn content(bytes: &[u8], mime: bool, mode: u32) -> String {
    if bytes.is_empty() {
        return if mime { "inode/x-empty; charset=binary" } else { "empty" }.into();
    }
    let known: [(&[u8], &str, &str); 14] = [
        (b"\x89PNG\r\n\x1a\n", "PNG image data", "image/png"),
        (b"GIF8", "GIF image data", "image/gif"),
        (b"\xff\xd8\xff", "JPEG image data", "image/jpeg"),
        (b"%PDF-", "PDF document, version", "application/pdf"),
        (b"PK\x03\x04", "Zip archive data, at least v2.0 to extract", "application/zip"),
        (b"BZh", "bzip2 compressed data, block size = 900k", "application/x-bzip2"),
        (b"\xfd7zXZ\0", "XZ compressed data", "application/x-xz"),
        (b"7z\xbc\xaf\x27\x1c", "7-zip archive data, version 0.4", "application/x-7z-compressed"),
        (b"MZ", "MS-DOS executable", "application/x-dosexec"),
        (b"!<arch>\ndebian-binary", "Debian binary package (format 2.0)", "application/vnd.debian.binary-package"),
        (b"!<arch>\n", "current ar archive", "application/x-archive"),
        (b"\xca\xfe\xba\xbe", "compiled Java class data", "application/x-java-applet"),
        (b"-----BEGIN OPENSSH PRIVATE KEY", "OpenSSH private key", "text/plain"),
        (b"-----BEGIN RSA PRIVATE KEY", "PEM RSA private key", "text/plain"),
    ];
    if bytes.starts_with(b"\x7fELF") {
        return if mime { elf_mime(bytes) } else { elf(bytes) };
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return if mime { "application/gzip; charset=binary".into() } else { gzip(bytes) };
    }
    if bytes.get(257..262) == Some(b"ustar") {
        let gnu = bytes.get(257..265) == Some(b"ustar  \0");
        let text = if gnu { "POSIX tar archive (GNU)" } else { "POSIX tar archive" };
        return if mime { "application/x-tar; charset=binary".into() } else { text.into() };
    }
    if let Some((_, name, kind)) = known.iter().find(|(magic, ..)| bytes.starts_with(magic)) {
        return if mime { format!("{kind}; charset=binary") } else { (*name).to_string() };
    }
    let _ = mode;
    words(bytes, mime)
}

fn gzip(bytes: &[u8]) -> String {
    let flags = bytes.get(3).copied().unwrap_or(0);
    let mut line = String::from("gzip compressed data");
    if flags & 8 != 0 {
        let name = bytes.get(10..).unwrap_or_default().split(|b| *b == 0).next().unwrap_or_default();
        line += &format!(", was \"{}\"", text::decode(name));
    }
    let time = bytes.get(4..8).map_or(0, |t| t.iter().rev().fold(0u32, |v, b| v << 8 | u32::from(*b)));
    if time != 0 {
        let at = crate::world::Time::at(i64::from(time));
        line += &format!(", last modified: {}", super::times::Moment::of(at).format("%a %b %e %H:%M:%S %Y"));
    }
    match bytes.get(8) {
        Some(2) => line += ", max compression",
        Some(4) => line += ", max speed",
        _ => {}
    }
    if bytes.get(9) == Some(&3) {
        line += ", from Unix";
    }
    let size = bytes.iter().rev().take(4).fold(0u32, |v, b| v << 8 | u32::from(*b));
    format!("{line}, original size modulo 2^32 {size}")
}

struct Elf<'a> {
    bytes: &'a [u8],
    wide: bool,
    big: bool,
}

impl Elf<'_> {
    fn get(&self, at: usize, len: usize) -> u64 {
        let raw = self.bytes.get(at..at.saturating_add(len)).unwrap_or_default();
        let step = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        if self.big { raw.iter().fold(0, step) } else { raw.iter().rev().fold(0, step) }
    }

    /// Program headers: type, offset, size.
    fn segments(&self) -> Vec<(u64, usize, usize)> {
        let (table, size, count) = if self.wide {
            (self.get(32, 8), self.get(54, 2), self.get(56, 2))
        } else {
            (self.get(28, 4), self.get(42, 2), self.get(44, 2))
        };
        let place = |value: u64| usize::try_from(value).unwrap_or(usize::MAX / 2).min(usize::MAX / 2);
        (0..count.min(64))
            .map(|number| {
                let at = place(table.saturating_add(number * size));
                let (offset, len) = if self.wide {
                    (self.get(at + 8, 8), self.get(at + 32, 8))
                } else {
                    (self.get(at + 4, 4), self.get(at + 16, 4))
                };
                (self.get(at, 4), place(offset), place(len))
            })
            .collect()
    }
}

fn elf_mime(bytes: &[u8]) -> String {
    let kind = match bytes.get(16) {
        Some(1) => "application/x-object",
        Some(3) => "application/x-pie-executable",
        Some(4) => "application/x-coredump",
        _ => "application/x-executable",
    };
    format!("{kind}; charset=binary")
}

fn elf(bytes: &[u8]) -> String {
    let elf = Elf { bytes, wide: bytes.get(4) == Some(&2), big: bytes.get(5) == Some(&2) };
    let machine = match elf.get(18, 2) {
        2 => "SPARC",
        3 => "Intel 80386",
        4 => "Motorola m68k, 68020",
        8 => "MIPS, MIPS-I",
        20 => "PowerPC or cisco 4500",
        21 => "64-bit PowerPC or cisco 7500",
        22 => "IBM S/390",
        40 => "ARM, EABI5",
        42 => "Renesas SH",
        62 => "x86-64",
        183 => "ARM aarch64",
        243 => "UCB RISC-V",
        _ => "*unknown arch*",
    };
    let segments = elf.segments();
    let interpreter = segments.iter().find(|(kind, ..)| *kind == 3).map(|(_, at, len)| {
        let raw = bytes.get(*at..at.saturating_add(*len)).unwrap_or_default();
        text::decode(raw.split(|b| *b == 0).next().unwrap_or_default())
    });
    let dynamic = segments.iter().any(|(kind, ..)| *kind == 2);
    let kind = match (elf.get(16, 2), &interpreter) {
        (1, _) => "relocatable",
        (2, _) => "executable",
        (3, _) => "shared object",
        (4, _) => "core file",
        _ => "no file type",
    };
    let mut line = format!(
        "ELF {}-bit {} {kind}, {machine}, version 1 ({})",
        if elf.wide { 64 } else { 32 },
        if elf.big { "MSB" } else { "LSB" },
        if bytes.get(7) == Some(&3) { "GNU/Linux" } else { "SYSV" }
    );
    if elf.get(16, 2) == 1 {
        return line + ", not stripped";
    }
    line += if dynamic { ", dynamically linked" } else { ", statically linked" };
    if let Some(path) = interpreter.filter(|path| !path.is_empty()) {
        line += &format!(", interpreter {path}");
    }
    for (_, at, len) in segments.iter().filter(|(kind, ..)| *kind == 4) {
        let end = at.saturating_add(*len);
        let mut at = *at;
        while at + 12 <= end && at < bytes.len() {
            let (names, size, kind) = (elf.get(at, 4), elf.get(at + 4, 4), elf.get(at + 8, 4));
            let round = |value: u64| usize::try_from(value.min(1 << 20)).unwrap_or(0).next_multiple_of(4);
            let data = at + 12 + round(names);
            if bytes.get(at + 12..at + 15) == Some(b"GNU") && kind == 3 {
                let id = bytes.get(data..data + round(size)).unwrap_or_default();
                let id: String = id.iter().map(|b| format!("{b:02x}")).collect();
                line += &format!(", BuildID[sha1]={id}");
            } else if bytes.get(at + 12..at + 15) == Some(b"GNU") && kind == 1 {
                let numbers: Vec<String> = (1..4).map(|n| elf.get(data + 4 * n, 4).to_string()).collect();
                line += &format!(", for GNU/Linux {}", numbers.join("."));
            }
            at = data + round(size);
        }
    }
    let sections = if elf.wide { elf.get(60, 2) } else { elf.get(48, 2) };
    if sections == 0 { line + ", no section header" } else { line + ", stripped" }
}

fn words(bytes: &[u8], mime: bool) -> String {
    let control = bytes.iter().any(|b| matches!(b, 0..=6 | 14..=26 | 28..=31 | 127));
    let ascii = bytes.is_ascii();
    let cut = bytes.len() - bytes.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len()).min(3);
    let utf8 = std::str::from_utf8(bytes.get(..cut).unwrap_or(bytes)).is_ok();
    let latin = !bytes.iter().any(|b| (0x80..0xa0).contains(b));
    if control || !(ascii || utf8 || latin) {
        return if mime { "application/octet-stream; charset=binary" } else { "data" }.into();
    }
    let (charset, name) = match (ascii, utf8) {
        (true, _) => ("us-ascii", "ASCII text"),
        (_, true) => ("utf-8", "Unicode text, UTF-8 text"),
        _ => ("iso-8859-1", "ISO-8859 text"),
    };
    let text = text::decode(bytes);
    let first = text.lines().next().unwrap_or_default();
    let script = first.strip_prefix("#!").map(|rest| rest.trim().to_string());
    let (what, kind) = match script.as_deref() {
        Some(line) => {
            let program = line.split_whitespace().next().unwrap_or_default();
            let program =
                if program.ends_with("/env") { line.split_whitespace().nth(1).unwrap_or_default() } else { program };
            match program.rsplit('/').next().unwrap_or_default() {
                "sh" | "dash" => ("POSIX shell script, ".to_string(), "text/x-shellscript"),
                "bash" => ("Bourne-Again shell script, ".into(), "text/x-shellscript"),
                name if name.starts_with("python") => ("Python script, ".into(), "text/x-script.python"),
                "perl" => ("Perl script text executable, ".into(), "text/x-perl"),
                _ => (format!("a {line} script, "), "text/plain"),
            }
        }
        None if first.starts_with("<!DOCTYPE html") || first.starts_with("<html") => {
            ("HTML document, ".into(), "text/html")
        }
        None if first.starts_with("<?xml") => ("XML 1.0 document, ".into(), "text/xml"),
        None if first.starts_with("<?php") => ("PHP script, ".into(), "text/x-php"),
        None => (String::new(), "text/plain"),
    };
    if mime {
        return format!("{kind}; charset={charset}");
    }
    let longest = text.lines().map(str::len).max().unwrap_or(0);
    let mut line = format!("{what}{name}");
    if script.is_some() && !what.starts_with("Perl") {
        line += " executable";
    }
    if longest > 300 {
        line += ", with very long lines";
    }
    let (crlf, lf) = (text.matches("\r\n").count(), text.matches('\n').count());
    if crlf > 0 {
        line += if crlf == lf { ", with CRLF line terminators" } else { ", with CRLF, LF line terminators" };
    } else if lf == 0 {
        line += ", with no line terminators";
    }
    if bytes.contains(&27) {
        line += ", with escape sequences";
    }
    line
}
