//! `chmod`, `chown`, `chgrp` (coreutils 8.30), `chattr`, `lsattr` (e2fsprogs 1.45).

use super::accounts::Names;
use super::{mode, options};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::Stat;

/// Files that one call changes.
const FILES: usize = 100_000;

/// An operand and, with `-R`, all below it, each with what lstat(2) says.
async fn walk(c: &mut Cmd, operand: &str, recursive: bool) -> Result<Vec<(String, Stat)>, Stop> {
    let Ok(stat) = c.lstat(operand) else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    let mut todo = vec![(operand.to_string(), stat)];
    while let Some((path, stat)) = todo.pop() {
        c.spend(4).await?;
        if recursive && stat.is_folder() {
            let base = if path.ends_with('/') { path.clone() } else { format!("{path}/") };
            for (name, stat) in c.list(&path).unwrap_or_default().into_iter().rev() {
                todo.push((format!("{base}{}", text::decode(&name)), stat));
            }
        }
        all.push((path, stat));
        if all.len() > FILES {
            break;
        }
    }
    Ok(all)
}

pub(super) async fn chmod(c: &mut Cmd) -> Result<i32, Stop> {
    // A mode such as -x or -rwx is no option.
    let mut own = None;
    let mut args = Vec::new();
    let mut ended = false;
    for arg in std::mem::take(&mut c.args) {
        ended |= arg == "--";
        let looks = arg.strip_prefix('-').is_some_and(|rest| {
            rest.starts_with(|c: char| "rwxXstugoa=+,".contains(c) || c.is_ascii_digit())
                && rest.chars().all(|c| "rwxXstugoa=+-,".contains(c) || c.is_ascii_digit())
        });
        if !ended && own.is_none() && looks { own = Some(arg) } else { args.push(arg) }
    }
    c.args = args;
    let table = "c,changes f,silent,quiet v,verbose no-preserve-root preserve-root reference= R,recursive";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let mut rest = found.rest.clone();
    let mut fixed = None;
    if let Some(reference) = found.value("reference") {
        match c.stat(reference) {
            Ok(stat) => fixed = Some(format!("{:o}", stat.mode)),
            Err(error) => {
                c.complain(&format!("failed to get attributes of {}: {}", c.shell_quote(reference), error.text()));
                return Ok(1);
            }
        }
    }
    let wanted = match fixed.or(own) {
        Some(wanted) => wanted,
        None if rest.is_empty() => return Ok(options::misuse(c, "missing operand", 1)),
        None => rest.remove(0),
    };
    if rest.is_empty() {
        let text = format!("missing operand after {}", c.quote(&wanted));
        return Ok(options::misuse(c, &text, 1));
    }
    if mode::apply(&wanted, 0, false, 0).is_none() {
        let text = format!("invalid mode: {}", c.quote(&wanted));
        return Ok(if c.applet() {
            c.complain(&format!("invalid mode '{wanted}'"));
            1
        } else {
            options::misuse(c, &text, 1)
        });
    }
    let mut status = 0;
    for operand in &rest {
        if let Err(error) = c.stat(operand) {
            if !found.has("f") {
                let dangling = c.lstat(operand).is_ok();
                let text = if c.applet() {
                    format!("{operand}: {}", error.text())
                } else if dangling {
                    format!("cannot operate on dangling symlink {}", c.shell_quote(operand))
                } else {
                    format!("cannot access {}: {}", c.shell_quote(operand), error.text())
                };
                c.complain(&text);
                if found.has("v") {
                    let line = format!(
                        "failed to change mode of {} from 0000 (---------) to 0000 (---------)\n",
                        c.shell_quote(operand)
                    );
                    c.out(&line);
                }
            }
            status = 1;
            continue;
        }
        for (path, stat) in walk(c, operand, found.has("R")).await? {
            c.spend(8).await?;
            if stat.is_link() && path != *operand {
                continue;
            }
            let Ok(stat) = c.stat(&path) else { continue };
            let new = mode::apply(&wanted, stat.mode, stat.is_folder(), c.who().umask).unwrap_or(stat.mode);
            if let Err(error) = c.host().set_mode(c.who(), &c.path(&path), new) {
                if !found.has("f") {
                    let text = if c.applet() {
                        format!("{path}: {}", error.text())
                    } else {
                        format!("changing permissions of {}: {}", c.shell_quote(&path), error.text())
                    };
                    c.complain(&text);
                }
                status = 1;
                continue;
            }
            let changed = new != stat.mode;
            if found.has("v") || found.has("c") && changed {
                let perms =
                    |mode: u32| Stat { mode, ..stat.clone() }.permissions().get(1..).unwrap_or_default().to_string();
                let quoted = c.shell_quote(&path);
                let line = if changed {
                    format!(
                        "mode of {quoted} changed from {:04o} ({}) to {new:04o} ({})\n",
                        stat.mode,
                        perms(stat.mode),
                        perms(new)
                    )
                } else {
                    format!("mode of {quoted} retained as {new:04o} ({})\n", perms(new))
                };
                c.out(&line);
            }
            c.tick().await?;
        }
    }
    Ok(status)
}

/// `USER[:GROUP]`; the error is chown's.
fn owner(c: &Cmd, names: &Names, text: &str, group_only: bool) -> Result<(Option<u32>, Option<u32>), String> {
    let number = |text: &str| text.strip_prefix('+').unwrap_or(text).parse::<u32>().ok();
    let group = |text: &str| names.gid(text).or_else(|| number(text));
    if group_only {
        return match group(text) {
            _ if text.is_empty() => Ok((None, None)),
            Some(gid) => Ok((None, Some(gid))),
            None => Err(format!("invalid group: {}", c.quote(text))),
        };
    }
    let (user, own_group) =
        match text.split_once(':').or_else(|| text.split_once('.').filter(|_| names.uid(text).is_none())) {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
    let mut login = None;
    let uid = if user.is_empty() {
        None
    } else {
        match names.uid(user) {
            Some((uid, gid)) => {
                login = Some(gid);
                Some(uid)
            }
            None => match number(user) {
                Some(uid) => Some(uid),
                None => return Err(format!("invalid user: {}", c.quote(text))),
            },
        }
    };
    let gid = match own_group {
        None => None,
        Some("") => login,
        Some(name) => match group(name) {
            Some(gid) => Some(gid),
            None => return Err(format!("invalid group: {}", c.quote(text))),
        },
    };
    Ok((uid, gid))
}

pub(super) async fn chown(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "c,changes f,silent,quiet v,verbose dereference h,no-dereference from= no-preserve-root preserve-root \
                 reference= R,recursive H L P";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let group_only = c.base() == "chgrp";
    let names = Names::read(c);
    let mut rest = found.rest.clone();
    let (uid, gid, shown) = if let Some(reference) = found.value("reference") {
        match c.stat(reference) {
            Ok(stat) => ((!group_only).then_some(stat.uid), Some(stat.gid), String::new()),
            Err(error) => {
                c.complain(&format!("failed to get attributes of {}: {}", c.shell_quote(reference), error.text()));
                return Ok(1);
            }
        }
    } else {
        if rest.is_empty() {
            return Ok(options::misuse(c, "missing operand", 1));
        }
        let wanted = rest.remove(0);
        if rest.is_empty() {
            let text = format!("missing operand after {}", c.quote(&wanted));
            return Ok(options::misuse(c, &text, 1));
        }
        match owner(c, &names, &wanted, group_only) {
            Ok((uid, gid)) => (uid, gid, wanted),
            Err(error) => {
                let error = if c.applet() { format!("unknown user {wanted}") } else { error };
                c.complain(&error);
                return Ok(1);
            }
        }
    };
    let mut status = 0;
    for operand in &rest {
        let there = if found.has("h") { c.lstat(operand) } else { c.stat(operand) };
        if let Err(error) = there {
            if !found.has("f") {
                let text = if c.applet() {
                    format!("{operand}: {}", error.text())
                } else if c.lstat(operand).is_ok() {
                    format!("cannot dereference {}: {}", c.shell_quote(operand), error.text())
                } else {
                    format!("cannot access {}: {}", c.shell_quote(operand), error.text())
                };
                c.complain(&text);
            }
            status = 1;
            continue;
        }
        for (path, stat) in walk(c, operand, found.has("R")).await? {
            c.spend(8).await?;
            let follow = !(found.has("h") || found.has("R") && stat.is_link());
            if let Err(error) = c.host().set_owner(c.who(), &c.path(&path), uid, gid, follow) {
                if !found.has("f") {
                    let what = if group_only || uid.is_none() { "group" } else { "ownership" };
                    let text = if c.applet() {
                        format!("{path}: {}", error.text())
                    } else {
                        format!("changing {what} of {}: {}", c.shell_quote(&path), error.text())
                    };
                    c.complain(&text);
                }
                status = 1;
                continue;
            }
            let changed = uid.is_some_and(|uid| uid != stat.uid) || gid.is_some_and(|gid| gid != stat.gid);
            if found.has("v") || found.has("c") && changed {
                let what = if group_only || uid.is_none() { "group" } else { "ownership" };
                let user = names.user(stat.uid).map_or_else(|| stat.uid.to_string(), str::to_string);
                let group = names.group(stat.gid).map_or_else(|| stat.gid.to_string(), str::to_string);
                let old = match (uid, gid) {
                    (Some(_), Some(_)) => format!("{user}:{group}"),
                    (Some(_), None) => user,
                    _ => group,
                };
                let quoted = c.shell_quote(&path);
                let line = if changed {
                    format!("changed {what} of {quoted} from {old} to {shown}\n")
                } else {
                    format!("{what} of {quoted} retained as {old}\n")
                };
                c.out(&line);
            }
            c.tick().await?;
        }
    }
    Ok(status)
}

/// Attribute letters in lsattr's order, with their bits.
const ATTRIBUTES: [(char, u32); 20] = [
    ('s', 0x1),
    ('u', 0x2),
    ('S', 0x8),
    ('D', 0x10000),
    ('i', 0x10),
    ('a', 0x20),
    ('d', 0x40),
    ('A', 0x80),
    ('c', 0x4),
    ('E', 0x800),
    ('j', 0x4000),
    ('I', 0x1000),
    ('t', 0x8000),
    ('T', 0x20000),
    ('e', 0x80000),
    ('C', 0x800000),
    ('x', 0x0200_0000),
    ('F', 0x4000_0000),
    ('N', 0x1000_0000),
    ('P', 0x2000_0000),
];
/// Extents: every file of ext4 has it.
const EXTENTS: u32 = 0x80000;

pub(super) async fn chattr(c: &mut Cmd) -> Result<i32, Stop> {
    let (mut add, mut remove, mut set) = (0u32, 0u32, None);
    let (mut recursive, mut verbose, mut quiet) = (false, false, false);
    let mut files = Vec::new();
    let mut args = std::mem::take(&mut c.args).into_iter();
    while let Some(arg) = args.next() {
        let mut letters = arg.chars();
        match letters.next() {
            Some('-') if arg == "--" => {
                files.extend(args.by_ref());
            }
            Some(sign @ ('-' | '+' | '=')) if arg.len() > 1 && files.is_empty() => {
                let mut bits = 0;
                for letter in letters {
                    match (sign, letter, ATTRIBUTES.iter().find(|(known, _)| *known == letter)) {
                        ('-', 'R', _) => recursive = true,
                        ('-', 'V', _) => verbose = true,
                        ('-', 'f', _) => quiet = true,
                        ('-', 'v' | 'p', _) => {
                            args.next();
                        }
                        (_, _, Some((_, bit))) => bits |= bit,
                        _ => return Ok(chattr_usage(c)),
                    }
                }
                match sign {
                    '+' => add |= bits,
                    '-' => remove |= bits,
                    _ => set = Some(set.unwrap_or(0) | bits),
                }
            }
            _ => files.push(arg),
        }
    }
    if files.is_empty() {
        return Ok(chattr_usage(c));
    }
    if add == 0 && remove == 0 && set.is_none() {
        c.err("Must use '-v', =, - or +\n");
        return Ok(1);
    }
    if set.is_some() && (add | remove) != 0 {
        c.err("= is incompatible with - and +\n");
        return Ok(1);
    }
    if add & remove != 0 {
        c.err("Can't both set and unset same flag.\n");
        return Ok(1);
    }
    let name = c.base().to_string();
    let mut status = 0;
    for file in &files {
        if let Err(error) = c.lstat(file) {
            if !quiet {
                c.err(&format!("{name}: {} while trying to stat {file}\n", error.text()));
            }
            status = 1;
            continue;
        }
        for (path, stat) in walk(c, file, recursive).await? {
            c.spend(8).await?;
            if stat.is_link() || !matches!(stat.kind, crate::world::FileKind::File | crate::world::FileKind::Folder) {
                if !quiet && path == *file {
                    c.err(&format!("{name}: Operation not supported while reading flags on {path}\n"));
                    status = 1;
                }
                continue;
            }
            let old = stat.flags;
            let new = set.unwrap_or((old | add) & !remove);
            if let Err(error) = c.host().set_flags(c.who(), &c.path(&path), new) {
                if !quiet {
                    c.err(&format!("{name}: {} while setting flags on {path}\n", error.text()));
                }
                status = 1;
                continue;
            }
            if verbose {
                let line = format!("Flags of {path} set as {}\n", flags(new));
                c.out(&line);
            }
        }
    }
    Ok(status)
}

fn chattr_usage(c: &mut Cmd) -> i32 {
    let name = c.base().to_string();
    c.err(&format!("Usage: {name} [-pRVf] [-+=aAcCdDeijPsStTuF] [-v version] files...\n"));
    1
}

fn flags(bits: u32) -> String {
    let bits = bits | EXTENTS;
    ATTRIBUTES.iter().map(|(letter, bit)| if bits & bit != 0 { *letter } else { '-' }).collect()
}

pub(super) async fn lsattr(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::parse("R V a d l p v", &c.args) {
        Ok(found) => found,
        Err(error) => {
            let name = c.base().to_string();
            c.complain(&error);
            c.err(&format!("Usage: {name} [-RVadlpv] [files...]\n"));
            return Ok(1);
        }
    };
    let inputs = if found.rest.is_empty() { vec![".".to_string()] } else { found.rest.clone() };
    let mut status = 0;
    for operand in &inputs {
        let stat = match c.lstat(operand) {
            Ok(stat) => stat,
            Err(error) => {
                let name = c.base().to_string();
                c.err(&format!("{name}: {} while trying to stat {operand}\n", error.text()));
                status = 1;
                continue;
            }
        };
        if !stat.is_folder() || found.has("d") {
            let line = format!("{} {operand}\n", flags(stat.flags));
            c.out(&line);
            continue;
        }
        let mut queue = vec![operand.clone()];
        let mut count = 0;
        while let Some(folder) = queue.pop() {
            if count > 0 {
                c.out(&format!("\n{folder}:\n"));
            }
            count += 1;
            if count > FILES {
                break;
            }
            let mut entries = c.list(&folder).unwrap_or_default();
            c.spend(entries.len() as u64 + 1).await?;
            if found.has("a")
                && let Ok(stat) = c.lstat(&folder)
            {
                entries.insert(0, (b".".to_vec(), stat.clone()));
                entries.insert(1, (b"..".to_vec(), stat));
            }
            let mut inner = Vec::new();
            for (name, stat) in entries {
                let plain = matches!(stat.kind, crate::world::FileKind::File | crate::world::FileKind::Folder);
                if name.starts_with(b".") && !found.has("a") || !plain {
                    continue;
                }
                let base = folder.trim_end_matches('/');
                let path = format!("{base}/{}", text::decode(&name));
                c.out(&format!("{} {path}\n", flags(stat.flags)));
                if stat.is_folder() && found.has("R") && name != b"." && name != b".." {
                    inner.push(path);
                }
            }
            queue.extend(inner.into_iter().rev());
        }
    }
    Ok(status)
}
