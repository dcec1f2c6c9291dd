//! `tar` (GNU tar 1.30): ustar and GNU headers, compression by gzip, bzip2, xz.

use super::accounts::Names;
use super::packed::{self, Fault, Format};
use super::times::Moment;
use super::{bzip2, gzip, options};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::{FileKind, Stat, Time};

const OPTIONS: &str = "A,catenate c,create d,diff delete r,append t,list test-label u,update x,extract,get C,directory= \
                       f,file= z,gzip,gunzip j,bzip2 J,xz Z,compress a,auto-compress v,verbose k,keep-old-files \
                       keep-newer-files overwrite m,touch O,to-stdout o,no-same-owner p,preserve-permissions,same-permissions \
                       same-owner no-same-permissions P,absolute-names h,dereference exclude= X,exclude-from= \
                       strip-components= T,files-from= S,sparse w,interactive W,verify numeric-owner owner= group= mode= \
                       wildcards no-recursion one-file-system totals checkpoint? transform= xform= s no-overwrite-dir \
                       b,blocking-factor= i,ignore-zeros U,unlink-first l,check-links lzma zstd full-time remove-files";
/// Members of an archive.
const MEMBERS: usize = 100_000;

struct Member {
    name: String,
    stat: Stat,
    link: String,
    data: (usize, usize),
    user: String,
    group: String,
}

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    // `tar xzf FILE`: letters without a dash; their values follow in order.
    if let Some(first) = c.args.first().filter(|first| !first.starts_with('-') && !first.is_empty()).cloned() {
        let mut rest = c.args.split_off(1).into_iter();
        let mut args = Vec::new();
        for letter in first.chars() {
            args.push(format!("-{letter}"));
            if "CfbTXg".contains(letter) {
                args.extend(rest.next());
            }
        }
        args.extend(rest);
        c.args = args;
    }
    let found = match options::parse(OPTIONS, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return Ok(hint(c, 64));
        }
    };
    let modes: Vec<&str> = found.list.iter().map(|(key, _)| *key).filter(|key| "ctxrud".contains(key)).collect();
    let Some(&which) = modes.first() else {
        c.complain("You must specify one of the '-Acdtrux', '--delete' or '--test-label' options");
        return Ok(hint(c, 2));
    };
    if modes.iter().any(|other| *other != which) {
        c.complain("You may not specify more than one '-Acdtrux', '--delete' or  '--test-label' option");
        return Ok(hint(c, 2));
    }
    let folder = found.value("C").map(str::to_string);
    if let Some(folder) = &folder
        && let Err(error) = c.stat(folder)
    {
        c.complain(&format!("{folder}: Cannot open: {}", error.text()));
        c.complain("Error is not recoverable: exiting now");
        return Ok(2);
    }
    match which {
        "c" => create(c, &found, folder.as_deref()).await,
        "x" | "t" => extract(c, &found, folder.as_deref(), which == "t").await,
        _ => {
            c.complain("Cannot update compressed archives");
            Ok(2)
        }
    }
}

fn hint(c: &mut Cmd, status: i32) -> i32 {
    let name = c.name.clone();
    c.err(&format!("Try '{name} --help' or '{name} --usage' for more information.\n"));
    status
}

fn inside(folder: Option<&str>, path: &str) -> String {
    match folder {
        Some(folder) if !path.starts_with('/') => format!("{}/{path}", folder.trim_end_matches('/')),
        _ => path.to_string(),
    }
}

fn octal(value: u64, width: usize) -> Vec<u8> {
    format!("{value:0width$o}\0").into_bytes()
}

/// A header block.
fn header(name: &[u8], stat: &Stat, size: u64, kind: u8, link: &[u8], user: &str, group: &str) -> Vec<u8> {
    let mut block = vec![0u8; 512];
    let mut put = |at: usize, bytes: &[u8], most: usize| {
        for (slot, byte) in block.iter_mut().skip(at).zip(bytes.iter().take(most)) {
            *slot = *byte;
        }
    };
    put(0, name, 100);
    put(100, &octal(u64::from(stat.mode), 7), 8);
    put(108, &octal(u64::from(stat.uid), 7), 8);
    put(116, &octal(u64::from(stat.gid), 7), 8);
    put(124, &octal(size, 11), 12);
    put(136, &octal(u64::try_from(stat.modified.secs).unwrap_or(0), 11), 12);
    put(148, b"        ", 8);
    put(156, &[kind], 1);
    put(157, link, 100);
    put(257, b"ustar  \0", 8);
    put(265, user.as_bytes(), 31);
    put(297, group.as_bytes(), 31);
    let sum: u64 = block.iter().map(|b| u64::from(*b)).sum();
    let sum = format!("{sum:06o}\0 ");
    for (slot, byte) in block.iter_mut().skip(148).zip(sum.bytes()) {
        *slot = byte;
    }
    block
}

fn padded(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(512), 0);
}

/// The compression that was asked for by an option.
fn asked(found: &options::Options) -> Option<Format> {
    match found.last(&["z", "j", "J", "lzma"])? {
        "z" => Some(Format::Gzip),
        "j" => Some(Format::Bzip2),
        "J" => Some(Format::Xz),
        _ => Some(Format::Lzma),
    }
}

/// The compression that the name of an archive stands for.
fn by_suffix(archive: &str) -> Option<Format> {
    let ends = |list: &[&str]| list.iter().any(|end| archive.ends_with(end));
    [
        (&[".gz", ".tgz", ".taz"][..], Format::Gzip),
        (&[".bz2", ".tbz", ".tbz2", ".tz2"], Format::Bzip2),
        (&[".xz", ".txz"], Format::Xz),
        (&[".lzma", ".tlz"], Format::Lzma),
    ]
    .into_iter()
    .find_map(|(list, format)| ends(list).then_some(format))
}

/// What the program that tar has its archives unpacked by says of a fault, and its status.
fn complaint(format: Format, fault: Fault) -> (String, i32) {
    match (format, fault) {
        (Format::Gzip, _) => (format!("\ngzip: stdin: {}\n", gzip::fault(fault)), 1),
        (Format::Bzip2, Fault::Foreign) => ("bzip2: (stdin) is not a bzip2 file.\n".into(), 2),
        (Format::Bzip2, Fault::Trailing) => ("\nbzip2: (stdin): trailing garbage after EOF ignored\n".into(), 0),
        (Format::Bzip2, _) => {
            let reason = if fault == Fault::Short {
                "Compressed file ends unexpectedly;\n\tperhaps it is corrupted?  *Possible* reason follows.\nbzip2: \
                 Inappropriate ioctl for device"
            } else {
                "Data integrity error when decompressing."
            };
            let text =
                format!("\nbzip2: {reason}\n\tInput file = (stdin), output file = (stdout)\n{}", bzip2::CORRUPTED);
            (text, 2)
        }
        (_, Fault::Foreign) => ("xz: (stdin): File format not recognized\n".into(), 1),
        (_, Fault::Short) => ("xz: (stdin): Unexpected end of input\n".into(), 1),
        (_, Fault::Memory) => ("xz: (stdin): Cannot allocate memory\n".into(), 1),
        _ => ("xz: (stdin): Compressed data is corrupt\n".into(), 1),
    }
}

async fn create(c: &mut Cmd, found: &options::Options, folder: Option<&str>) -> Result<i32, Stop> {
    let archive = found.value("f").unwrap_or("-").to_string();
    let mut rest = found.rest.clone();
    if let Some(list) = found.value("T")
        && let Ok(bytes) = c.slurp(list).await?
    {
        rest.extend(text::decode(&bytes).lines().map(str::to_string));
    }
    if rest.is_empty() {
        c.complain("Cowardly refusing to create an empty archive");
        return Ok(hint(c, 2));
    }
    if archive == "-" && c.is_tty(1) {
        c.complain("Refusing to write archive contents to terminal (missing -f option?)");
        c.complain("Error is not recoverable: exiting now");
        return Ok(2);
    }
    let names = Names::read(c);
    let excluded: Vec<Vec<u8>> = found
        .list
        .iter()
        .filter(|(key, _)| *key == "exclude")
        .filter_map(|(_, v)| v.as_deref().map(text::encode))
        .collect();
    let mut out = Vec::new();
    let mut status = 0;
    let mut stripped = false;
    let own = c.path(&archive);
    let own = crate::world::resolve(c.cwd(), &own);
    let mut count = 0;
    let mut seen: Vec<(u64, u32, String)> = Vec::new();
    for operand in rest {
        let mut todo = vec![operand];
        while let Some(path) = todo.pop() {
            c.spend(10).await?;
            count += 1;
            if count > MEMBERS || out.len() > c.bound() {
                break;
            }
            let bytes = text::encode(path.trim_end_matches('/'));
            if excluded.iter().any(|glob| {
                super::glob::matches(glob, &bytes, false)
                    || super::glob::matches(glob, crate::world::name(&bytes), false)
            }) {
                continue;
            }
            let real = inside(folder, &path);
            let stat = match if found.has("h") { c.stat(&real) } else { c.lstat(&real) } {
                Ok(stat) => stat,
                Err(error) => {
                    c.complain(&format!("{path}: Cannot stat: {}", error.text()));
                    status = 2;
                    continue;
                }
            };
            if crate::world::resolve(c.cwd(), &c.path(&real)) == own && archive != "-" {
                c.complain(&format!("{path}: file is the archive; not dumped"));
                continue;
            }
            let mut shown = path.clone();
            if path.starts_with('/') && !found.has("P") {
                if !stripped {
                    c.complain("Removing leading `/' from member names");
                    stripped = true;
                }
                shown = path.trim_start_matches('/').to_string();
                if shown.is_empty() {
                    shown = ".".into();
                }
            }
            let (user, group) = (names.user(stat.uid).unwrap_or_default(), names.group(stat.gid).unwrap_or_default());
            let mut link = String::new();
            let mut data = Vec::new();
            let kind = match stat.kind {
                FileKind::Folder => {
                    if !shown.ends_with('/') {
                        shown.push('/');
                    }
                    b'5'
                }
                FileKind::Link => {
                    link = text::decode(&c.host().read_link(c.who(), &c.path(&real)).unwrap_or_default());
                    b'2'
                }
                FileKind::CharDevice => b'3',
                FileKind::BlockDevice => b'4',
                FileKind::Fifo => b'6',
                FileKind::Socket => {
                    c.complain(&format!("{path}: socket ignored"));
                    continue;
                }
                FileKind::File => {
                    let known = seen.iter().find(|(ino, dev, _)| *ino == stat.ino && *dev == stat.dev);
                    if let Some((_, _, first)) = known.filter(|_| stat.nlink > 1) {
                        link = first.clone();
                        b'1'
                    } else {
                        match c.slurp(&real).await? {
                            Ok(bytes) => data = bytes,
                            Err(error) => {
                                c.complain(&format!("{path}: Cannot open: {}", error.text()));
                                status = 2;
                                continue;
                            }
                        }
                        seen.push((stat.ino, stat.dev, shown.clone()));
                        b'0'
                    }
                }
            };
            let (name, target) = (text::encode(&shown), text::encode(&link));
            for (long, letter) in [(&target, b'K'), (&name, b'L')] {
                if long.len() > 100 {
                    let plain = Stat { mode: 0, uid: 0, gid: 0, modified: Time::at(0), ..stat.clone() };
                    out.extend(header(b"././@LongLink", &plain, long.len() as u64 + 1, letter, b"", "root", "root"));
                    padded(&mut out, &[long.as_slice(), &[0]].concat());
                }
            }
            out.extend(header(&name, &stat, data.len() as u64, kind, &target, user, group));
            padded(&mut out, &data);
            if found.has("v") {
                let line = line(
                    found,
                    &Member {
                        name: shown,
                        stat: stat.clone(),
                        link,
                        data: (0, data.len()),
                        user: user.into(),
                        group: group.into(),
                    },
                    kind,
                );
                if archive == "-" { c.err(&line) } else { c.out(&line) }
            }
            if stat.is_folder() && !found.has("no-recursion") {
                let base = if path.ends_with('/') { path } else { format!("{path}/") };
                for (name, _) in c.list(&real).unwrap_or_default().into_iter().rev() {
                    todo.push(format!("{base}{}", text::decode(&name)));
                }
            }
        }
    }
    out.resize((out.len() + 1024).next_multiple_of(10240), 0);
    let packer = asked(found).or_else(|| found.has("a").then(|| by_suffix(&archive)).flatten());
    let packed = packer.is_some();
    let out = match packer {
        Some(format) => {
            let level = if format == Format::Bzip2 { 9 } else { 6 };
            packed::compress(c, format, level, &out).await?
        }
        None => out,
    };
    if archive == "-" {
        c.out_bytes(&out);
    } else if let Err(error) = c.write_file(&archive, &out) {
        let name = c.name.clone();
        c.err(
            &format!("{name} (child): {archive}: Cannot open: {}\n", error.text())
                .replace(" (child)", if packed { " (child)" } else { "" }),
        );
        c.complain("Error is not recoverable: exiting now");
        return Ok(2);
    }
    if status != 0 {
        c.complain("Exiting with failure status due to previous errors");
    }
    Ok(status)
}

/// A line of `-t` or `-v`.
fn line(found: &options::Options, m: &Member, kind: u8) -> String {
    let detailed = found.list.iter().filter(|(key, _)| *key == "v").count() + usize::from(found.has("t")) > 1;
    if !detailed {
        return format!("{}\n", m.name);
    }
    let perms = m.stat.permissions();
    let perms = if kind == b'1' { format!("h{}", perms.get(1..).unwrap_or_default()) } else { perms };
    let owner = if found.has("numeric-owner") || m.user.is_empty() {
        format!("{}/{}", m.stat.uid, m.stat.gid)
    } else {
        format!("{}/{}", m.user, m.group)
    };
    let size = m.data.1.to_string();
    let pad = 18usize.saturating_sub(owner.len());
    let when = Moment::of(m.stat.modified).format("%Y-%m-%d %H:%M");
    let arrow = match kind {
        b'2' => format!(" -> {}", m.link),
        b'1' => format!(" link to {}", m.link),
        _ => String::new(),
    };
    format!("{perms} {owner} {size:>pad$} {when} {}{arrow}\n", m.name)
}

fn field(block: &[u8], at: usize, len: usize) -> &[u8] {
    let bytes = block.get(at..at + len).unwrap_or_default();
    bytes.split(|b| *b == 0).next().unwrap_or_default()
}

fn value(block: &[u8], at: usize, len: usize) -> u64 {
    let raw = block.get(at..at + len).unwrap_or_default();
    if raw.first().is_some_and(|b| b & 0x80 != 0) {
        return raw.iter().skip(1).fold(0u64, |value, b| value.wrapping_shl(8) | u64::from(*b));
    }
    let text: String = raw.iter().map(|b| char::from(*b)).collect();
    u64::from_str_radix(text.trim_matches([' ', '\0']), 8).unwrap_or(0)
}

/// The members, and whether the archive was whole; `None` if it is none.
fn members(bytes: &[u8]) -> Option<(Vec<(Member, u8)>, bool)> {
    let mut list = Vec::new();
    let mut at = 0;
    let (mut long_name, mut long_link) = (None, None);
    while let Some(block) = bytes.get(at..at + 512) {
        if block.iter().all(|b| *b == 0) {
            return Some((list, true));
        }
        let sum: u64 =
            block.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { u64::from(*b) }).sum();
        if sum != value(block, 148, 8) {
            return if list.is_empty() { None } else { Some((list, false)) };
        }
        at += 512;
        let size = usize::try_from(value(block, 124, 12)).unwrap_or(usize::MAX);
        let kind = block.get(156).copied().unwrap_or(b'0');
        let body = if matches!(kind, b'1' | b'2' | b'3' | b'4' | b'5' | b'6') { 0 } else { size };
        let end = at.saturating_add(body);
        let data = bytes.get(at..end.min(bytes.len())).unwrap_or_default();
        let clean = || text::decode(data.strip_suffix(&[0]).unwrap_or(data));
        match kind {
            b'L' => long_name = Some(clean()),
            b'K' => long_link = Some(clean()),
            b'x' => {
                for record in text::decode(data).lines() {
                    match record.split_once(' ').and_then(|(_, pair)| pair.split_once('=')) {
                        Some(("path", value)) => long_name = Some(value.to_string()),
                        Some(("linkpath", value)) => long_link = Some(value.to_string()),
                        _ => {}
                    }
                }
            }
            b'g' => {}
            _ => {
                let prefix = field(block, 345, 155);
                let posix = field(block, 257, 8) == b"ustar";
                let mut name = text::decode(field(block, 0, 100));
                if posix && !prefix.is_empty() {
                    name = format!("{}/{name}", text::decode(prefix));
                }
                let small = |at: usize| u32::try_from(value(block, at, 8) & 0xffff_ffff).unwrap_or(0);
                let file_kind = match kind {
                    b'2' => FileKind::Link,
                    b'3' => FileKind::CharDevice,
                    b'4' => FileKind::BlockDevice,
                    b'5' => FileKind::Folder,
                    b'6' => FileKind::Fifo,
                    _ if name.ends_with('/') => FileKind::Folder,
                    _ => FileKind::File,
                };
                let time = Time::at(i64::try_from(value(block, 136, 12)).unwrap_or(0));
                let stat = Stat {
                    ino: 0,
                    kind: file_kind,
                    mode: small(100) & 0o7777,
                    nlink: 1,
                    uid: small(108),
                    gid: small(116),
                    size: body as u64,
                    rdev: (0, 0),
                    accessed: time,
                    modified: time,
                    changed: time,
                    flags: 0,
                    dev: 0,
                };
                let member = Member {
                    name: long_name.take().unwrap_or(name),
                    stat,
                    link: long_link.take().unwrap_or_else(|| text::decode(field(block, 157, 100))),
                    data: (at, body),
                    user: text::decode(field(block, 265, 32)),
                    group: text::decode(field(block, 297, 32)),
                };
                list.push((member, kind));
                if list.len() > MEMBERS {
                    return Some((list, true));
                }
            }
        }
        if end > bytes.len() {
            return Some((list, false));
        }
        at = end.next_multiple_of(512);
    }
    if list.is_empty() { None } else { Some((list, false)) }
}

async fn extract(c: &mut Cmd, found: &options::Options, folder: Option<&str>, only_list: bool) -> Result<i32, Stop> {
    let archive = found.value("f").unwrap_or("-").to_string();
    if archive == "-" && c.is_tty(0) {
        c.complain("Refusing to read archive contents from terminal (missing -f option?)");
        c.complain("Error is not recoverable: exiting now");
        return Ok(2);
    }
    let fatal = |c: &mut Cmd| {
        c.complain("Error is not recoverable: exiting now");
        2
    };
    let child = |c: &mut Cmd, lines: &[&str]| {
        let name = c.name.clone();
        for line in lines {
            c.err(&format!("{name} (child): {line}\n"));
        }
        c.complain("Child returned status 2");
        c.complain("Error is not recoverable: exiting now");
        2
    };
    let mut bytes = match c.slurp(&archive).await? {
        Ok(bytes) => bytes,
        Err(error) => {
            let line = format!("{archive}: Cannot open: {}", error.text());
            if asked(found).is_some() {
                return Ok(child(c, &[&line, "Error is not recoverable: exiting now"]));
            }
            if error == crate::world::Errno::EISDIR {
                c.complain(&format!("{archive}: Cannot read: Is a directory"));
                c.complain("At beginning of tape, quitting now");
                return Ok(fatal(c));
            }
            c.complain(&line);
            return Ok(fatal(c));
        }
    };
    let own = Format::of(&bytes);
    if archive == "-"
        && asked(found).is_none()
        && let Some(format) = own
    {
        let option = match format {
            Format::Gzip => "-z",
            Format::Bzip2 => "-j",
            Format::Xz => "-J",
            Format::Lzma => "--lzma",
        };
        c.complain(&format!("Archive is compressed. Use {option} option"));
        return Ok(fatal(c));
    }
    // A compressed file needs no option; a wrong one is a mistake.
    if let Some(format) = asked(found).or(own) {
        let (out, fault) = packed::decompress(c, format, &bytes).await?;
        let (text, status) = fault.map_or((String::new(), 0), |fault| complaint(format, fault));
        c.err(&text);
        if status != 0 {
            c.complain(&format!("Child returned status {status}"));
            return Ok(fatal(c));
        }
        bytes = out;
    }
    c.spend(bytes.len() as u64 / 2000).await?;
    let Some((list, whole)) = members(&bytes) else {
        if bytes.len() < 512 && !bytes.is_empty() || bytes.is_empty() && archive != "-" {
            if bytes.is_empty() {
                return Ok(0);
            }
            c.complain("This does not look like a tar archive");
            c.complain("Exiting with failure status due to previous errors");
            return Ok(2);
        }
        c.complain("This does not look like a tar archive");
        if bytes.len() >= 1024 {
            c.complain("Skipping to next header");
        }
        c.complain("Exiting with failure status due to previous errors");
        return Ok(2);
    };
    let wanted: Vec<String> = found.rest.iter().map(|name| name.trim_end_matches('/').to_string()).collect();
    let mut used = vec![false; wanted.len()];
    let strip: usize = found.value("strip-components").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut status = 0;
    let (mut told, mut folders): (bool, Vec<(String, Stat)>) = (false, Vec::new());
    for (member, kind) in &list {
        c.spend(10).await?;
        c.tick().await?;
        let bare = member.name.trim_end_matches('/');
        if !wanted.is_empty() {
            let fits = |name: &String| {
                bare == name || bare.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('/'))
            };
            let Some(at) = wanted.iter().position(fits) else { continue };
            if let Some(flag) = used.get_mut(at) {
                *flag = true;
            }
        }
        if only_list || found.has("v") {
            let line = line(found, member, *kind);
            if found.has("O") { c.err(&line) } else { c.out(&line) }
        }
        if only_list {
            continue;
        }
        let data = bytes.get(member.data.0..(member.data.0 + member.data.1).min(bytes.len())).unwrap_or_default();
        if found.has("O") {
            c.out_bytes(data);
            continue;
        }
        let mut name = member.name.clone();
        if name.starts_with('/') && !found.has("P") {
            if !told {
                c.complain("Removing leading `/' from member names");
                told = true;
            }
            name = name.trim_start_matches('/').to_string();
        }
        if name.split('/').any(|part| part == "..") && !found.has("P") {
            c.complain(&format!("{name}: Member name contains '..'"));
            status = 2;
            continue;
        }
        let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).skip(strip).collect();
        if parts.is_empty() {
            continue;
        }
        let lead = if name.starts_with('/') { "/" } else { "" };
        let path = inside(folder, &format!("{lead}{}", parts.join("/")));
        if let Err(error) = unpack(c, found, member, *kind, &path, data, folder) {
            let what = match kind {
                b'5' => "Cannot mkdir",
                b'2' => "Cannot create symlink",
                b'1' => "Cannot hard link",
                _ => "Cannot open",
            };
            c.complain(&format!("{name}: {what}: {error}"));
            status = 2;
        } else if member.stat.is_folder() {
            folders.push((path, member.stat.clone()));
        }
    }
    for (path, stat) in folders.into_iter().rev() {
        if !found.has("m") {
            let _ = c.host().set_times(c.who(), &c.path(&path), None, Some(stat.modified), true);
        }
    }
    for (name, used) in wanted.iter().zip(used) {
        if !used {
            c.complain(&format!("{name}: Not found in archive"));
            status = 2;
        }
    }
    if !whole {
        c.complain("Unexpected EOF in archive");
        return Ok(fatal(c));
    }
    if status != 0 {
        c.complain("Exiting with failure status due to previous errors");
    }
    Ok(status)
}

fn unpack(
    c: &mut Cmd,
    found: &options::Options,
    member: &Member,
    kind: u8,
    path: &str,
    data: &[u8],
    folder: Option<&str>,
) -> Result<(), &'static str> {
    let host = std::sync::Arc::clone(c.host());
    let who = c.who().clone();
    let full = c.path(path);
    // The folders on the way are made.
    let mut at = String::new();
    let parents: Vec<&str> = path.split('/').collect();
    for part in parents.iter().take(parents.len().saturating_sub(1)) {
        at.push_str(part);
        if !at.is_empty() {
            let _ = host.make_folder(&who, &c.path(&at), 0o777);
        }
        at.push('/');
    }
    let there = host.stat(&who, &full, false).ok();
    if there.as_ref().is_some_and(|there| !there.is_folder()) {
        if found.has("k") {
            return Err("File exists");
        }
        let _ = host.remove_file(&who, &full);
    }
    let mode = if who.uid == 0 || found.has("p") { member.stat.mode } else { member.stat.mode & 0o777 & !who.umask };
    let text = |error: crate::world::Errno| error.text();
    match kind {
        _ if member.stat.is_folder() => {
            if there.is_none_or(|there| !there.is_folder()) {
                host.make_folder(&who, &full, mode).map_err(text)?;
            }
            let _ = host.set_mode(&who, &full, mode);
        }
        b'2' => host.symlink(&who, &crate::shell::text::encode(&member.link), &full).map_err(text)?,
        b'1' => {
            let old = c.path(&inside(folder, &member.link));
            host.link(&who, &old, &full).map_err(text)?;
        }
        b'6' => host.make_node(&who, &full, FileKind::Fifo, mode).map_err(text)?,
        b'3' | b'4' => host.make_node(&who, &full, member.stat.kind, mode).map_err(text)?,
        _ => {
            host.write_file(&who, &full, data, mode).map_err(text)?;
            let _ = host.set_mode(&who, &full, mode);
            c.note_written(path);
        }
    }
    if who.uid == 0 && !found.has("o") {
        let _ = host.set_owner(&who, &full, Some(member.stat.uid), Some(member.stat.gid), false);
    }
    if !found.has("m") && !member.stat.is_folder() && kind != b'2' {
        let _ = host.set_times(&who, &full, None, Some(member.stat.modified), false);
    }
    Ok(())
}
