//! `cp`, `mv`, `ln`, `install` (coreutils 8.30).

use super::{mode, options, remove};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::{Errno, FileKind, Open, Stat};

/// Files that one call copies.
const FILES: usize = 100_000;

/// Where things go: a folder that exists, or the name itself.
struct Target {
    folder: Option<String>,
    operands: Vec<String>,
    name: String,
}

/// Sorts operands into sources and target; `None` after a complaint.
fn target(c: &mut Cmd, found: &options::Options) -> Option<Target> {
    let mut rest = found.rest.clone();
    if rest.is_empty() {
        options::misuse(c, "missing file operand", 1);
        return None;
    }
    if let Some(folder) = found.value("t") {
        if !c.stat(folder).is_ok_and(|stat| stat.is_folder()) {
            let text = format!("failed to access {}: {}", c.quote(folder), Errno::ENOENT.text());
            let is = c.stat(folder).is_ok();
            let text = if is { format!("target {} is not a directory", c.quote(folder)) } else { text };
            c.complain(&text);
            return None;
        }
        return Some(Target { folder: Some(folder.to_string()), operands: rest, name: String::new() });
    }
    if rest.len() == 1 {
        let only = rest.first().map_or("", |x| x);
        let text = format!("missing destination file operand after {}", c.shell_quote(only));
        options::misuse(c, &text, 1);
        return None;
    }
    let name = rest.pop().unwrap_or_default();
    let folder = c.stat(&name).is_ok_and(|stat| stat.is_folder());
    if found.has("T") {
        if let Some(extra) = rest.get(1) {
            let text = format!("extra operand {}", c.shell_quote(extra));
            options::misuse(c, &text, 1);
            return None;
        }
        return Some(Target { folder: None, operands: rest, name });
    }
    if rest.len() > 1 && !folder {
        let text = format!("target {} is not a directory", c.shell_quote(&name));
        let text =
            if c.stat(&name).is_ok() { format!("target {}: Not a directory", c.shell_quote(&name)) } else { text };
        let text = if c.stat(&name).is_err() {
            format!("target {}: No such file or directory", c.shell_quote(&name))
        } else {
            text
        };
        c.complain(&text);
        return None;
    }
    Some(Target { folder: folder.then(|| name.clone()), operands: rest, name })
}

fn last_part(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

fn joined(folder: &str, name: &str) -> String {
    if folder.ends_with('/') { format!("{folder}{name}") } else { format!("{folder}/{name}") }
}

#[derive(Default)]
struct Cp {
    recursive: bool,
    follow: bool,
    times: bool,
    owner: bool,
    mode: bool,
    force: bool,
    ask: bool,
    no_clobber: bool,
    update: bool,
    verbose: bool,
    link: bool,
    symlink: bool,
    backup: Option<String>,
}

pub(super) async fn cp(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "a,archive attributes-only b backup? copy-contents d f,force H i,interactive l,link L,dereference \
                 n,no-clobber P,no-dereference p preserve? no-preserve= parents R,r,recursive reflink? \
                 remove-destination sparse= strip-trailing-slashes s,symbolic-link S,suffix= t,target-directory= \
                 T,no-target-directory u,update v,verbose x,one-file-system Z context?";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let Some(target) = target(c, &found) else { return Ok(1) };
    let archive = found.has("a");
    let kept = found.value("preserve").unwrap_or("mode,ownership,timestamps").to_string();
    let keeps =
        |what: &str| found.has("p") || archive || found.has("preserve") && (kept.contains(what) || kept == "all");
    let recursive = found.has("R") || archive;
    let cp = Cp {
        recursive,
        follow: found.last(&["L", "P", "d", "a"]) == Some("L") || !recursive && !found.has("P") && !found.has("d"),
        times: keeps("timestamps"),
        owner: keeps("ownership"),
        mode: keeps("mode"),
        force: found.has("f"),
        ask: found.last(&["i", "n"]) == Some("i"),
        no_clobber: found.last(&["i", "n"]) == Some("n"),
        update: found.has("u"),
        verbose: found.has("v"),
        link: found.has("l"),
        symlink: found.has("s"),
        backup: (found.has("b") || found.has("backup")).then(|| found.value("S").unwrap_or("~").to_string()),
    };
    if found.has("parents") && target.folder.is_none() {
        return Ok(options::misuse(c, "with --parents, the destination must be a directory", 1));
    }
    let mut status = 0;
    for operand in &target.operands {
        let to = match &target.folder {
            Some(folder) if found.has("parents") => joined(folder, operand),
            Some(folder) => joined(folder, last_part(operand)),
            None => target.name.clone(),
        };
        if found.has("parents")
            && let Some((parents, _)) = to.rsplit_once('/')
        {
            make_parents(c, parents);
        }
        if !cp.tree(c, operand, &to).await? {
            status = 1;
        }
    }
    Ok(status)
}

fn make_parents(c: &Cmd, path: &str) {
    let mut at = String::new();
    for part in path.split('/') {
        at.push_str(part);
        if !at.is_empty() {
            let _ = c.host().make_folder(c.who(), &c.path(&at), 0o777);
        }
        at.push('/');
    }
}

impl Cp {
    async fn tree(&self, c: &mut Cmd, from: &str, to: &str) -> Result<bool, Stop> {
        let mut good = true;
        let mut todo = vec![(from.to_string(), to.to_string(), true, true)];
        let mut finish: Vec<(String, Stat)> = Vec::new();
        let mut count = 0;
        while let Some((from, to, named, _)) = todo.pop() {
            c.spend(8).await?;
            c.tick().await?;
            count += 1;
            if count > FILES {
                break;
            }
            let stat = if self.follow { c.stat(&from) } else { c.lstat(&from) };
            let stat = match stat {
                Ok(stat) => stat,
                Err(error) => {
                    let text = if c.applet() {
                        format!("can't stat '{from}': {}", error.text())
                    } else {
                        format!("cannot stat {}: {}", c.shell_quote(&from), error.text())
                    };
                    c.complain(&text);
                    good = false;
                    continue;
                }
            };
            if stat.is_folder() {
                if !self.recursive {
                    let text = if c.applet() {
                        format!("omitting directory '{from}'")
                    } else {
                        format!("-r not specified; omitting directory {}", c.shell_quote(&from))
                    };
                    c.complain(&text);
                    good = false;
                    continue;
                }
                good &= self.folder(c, &from, &to, &stat, named, &mut todo, &mut finish);
                continue;
            }
            good &= self.file(c, &from, &to, &stat).await?;
        }
        for (path, stat) in finish.into_iter().rev() {
            self.keep(c, &path, &stat);
        }
        Ok(good)
    }

    #[allow(clippy::too_many_arguments, reason = "the state of one walk")]
    fn folder(
        &self,
        c: &mut Cmd,
        from: &str,
        to: &str,
        stat: &Stat,
        named: bool,
        todo: &mut Vec<(String, String, bool, bool)>,
        finish: &mut Vec<(String, Stat)>,
    ) -> bool {
        if named {
            let source = c.host().real_path(c.who(), &c.path(from)).unwrap_or_default();
            let target = crate::world::resolve(c.cwd(), &text::encode(to));
            let inside =
                target.strip_prefix(source.as_slice()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
            if inside {
                let text = if target == source {
                    format!("{} and {} are the same file", c.shell_quote(from), c.shell_quote(to))
                } else {
                    format!("cannot copy a directory, {}, into itself, {}", c.shell_quote(from), c.shell_quote(to))
                };
                c.complain(&text);
                return false;
            }
        }
        match c.stat(to) {
            Ok(there) if there.is_folder() => {}
            Ok(_) => {
                let text = format!(
                    "cannot overwrite non-directory {} with directory {}",
                    c.shell_quote(to),
                    c.shell_quote(from)
                );
                c.complain(&text);
                return false;
            }
            Err(_) => {
                let made = c.host().make_folder(c.who(), &c.path(to), stat.mode & 0o777 | 0o700);
                if let Err(error) = made {
                    let text = format!("cannot create directory {}: {}", c.shell_quote(to), error.text());
                    c.complain(&text);
                    return false;
                }
                if self.verbose {
                    let line = format!("{} -> {}\n", c.shell_quote(from), c.shell_quote(to));
                    c.out(&line);
                }
                finish.push((to.to_string(), stat.clone()));
            }
        }
        match c.list(from) {
            Ok(entries) => {
                for (name, _) in entries.into_iter().rev() {
                    let name = text::decode(&name);
                    todo.push((joined(from, &name), joined(to, &name), false, false));
                }
                true
            }
            Err(error) => {
                c.complain(&format!("cannot access {}: {}", c.shell_quote(from), error.text()));
                false
            }
        }
    }

    /// Mode, owner and times of the copy.
    fn keep(&self, c: &Cmd, path: &str, stat: &Stat) {
        let full = c.path(path);
        if self.owner {
            let _ = c.host().set_owner(c.who(), &full, Some(stat.uid), Some(stat.gid), false);
        }
        if self.mode && stat.kind != FileKind::Link {
            let _ = c.host().set_mode(c.who(), &full, stat.mode);
        }
        if self.times {
            let _ = c.host().set_times(c.who(), &full, Some(stat.accessed), Some(stat.modified), false);
        }
    }

    async fn file(&self, c: &mut Cmd, from: &str, to: &str, stat: &Stat) -> Result<bool, Stop> {
        let there = c.stat(to).ok();
        if let Some(there) = &there {
            if there.ino == stat.ino && there.dev == stat.dev && stat.kind == FileKind::File {
                let text = if c.applet() {
                    format!("'{from}' and '{to}' are the same file")
                } else {
                    format!("{} and {} are the same file", c.shell_quote(from), c.shell_quote(to))
                };
                c.complain(&text);
                return Ok(false);
            }
            if there.is_folder() {
                let text = format!("cannot overwrite directory {} with non-directory", c.shell_quote(to));
                c.complain(&text);
                return Ok(false);
            }
            if self.no_clobber || self.update && there.modified >= stat.modified {
                return Ok(true);
            }
            if self.ask {
                let question = format!("overwrite {}? ", c.shell_quote(to));
                if !remove::ask(c, &question).await? {
                    return Ok(true);
                }
            }
            if let Some(suffix) = &self.backup {
                let _ = c.host().rename(c.who(), &c.path(to), &c.path(&format!("{to}{suffix}")));
            }
        }
        let result = self.make(c, from, to, stat).await?;
        if let Err((what, error)) = result {
            let text = match what {
                'r' if c.applet() => format!("can't open '{from}': {}", error.text()),
                'r' => format!("cannot open {} for reading: {}", c.shell_quote(from), error.text()),
                _ if c.applet() => format!("can't create '{to}': {}", error.text()),
                'l' => format!("cannot create symbolic link {}: {}", c.shell_quote(to), error.text()),
                'h' => {
                    format!(
                        "cannot create hard link {} to {}: {}",
                        c.shell_quote(to),
                        c.shell_quote(from),
                        error.text()
                    )
                }
                'w' => format!("error writing {}: {}", c.shell_quote(to), error.text()),
                _ => format!("cannot create regular file {}: {}", c.shell_quote(to), error.text()),
            };
            c.complain(&text);
            return Ok(false);
        }
        if self.verbose {
            let line = format!("{} -> {}\n", c.shell_quote(from), c.shell_quote(to));
            c.out(&line);
        }
        self.keep(c, to, stat);
        c.note_written(to);
        Ok(true)
    }

    async fn make(&self, c: &mut Cmd, from: &str, to: &str, stat: &Stat) -> Result<Result<(), (char, Errno)>, Stop> {
        let (source, target) = (c.path(from), c.path(to));
        let host = std::sync::Arc::clone(c.host());
        let who = c.who().clone();
        if self.link {
            return Ok(host.link(&who, &source, &target).map_err(|error| ('h', error)));
        }
        if self.symlink {
            return Ok(host.symlink(&who, &text::encode(from), &target).map_err(|error| ('l', error)));
        }
        match stat.kind {
            FileKind::Link => {
                let link = host.read_link(&who, &source).unwrap_or_default();
                let _ = host.remove_file(&who, &target);
                return Ok(host.symlink(&who, &link, &target).map_err(|error| ('l', error)));
            }
            FileKind::Fifo | FileKind::Socket if self.recursive => {
                return Ok(host.make_node(&who, &target, stat.kind, stat.mode).map_err(|error| ('c', error)));
            }
            _ => {}
        }
        let input = match host.open(&who, &source, Open { read: true, ..Open::default() }) {
            Ok(input) => input,
            Err(error) => return Ok(Err(('r', error))),
        };
        // Without -p the copy gets the source's mode less the mask.
        let how = Open { write: true, create: Some(stat.mode & 0o7777), truncate: true, ..Open::default() };
        let mut opened = host.open(&who, &target, how);
        if opened.is_err() && self.force {
            let _ = host.remove_file(&who, &target);
            opened = host.open(&who, &target, how);
        }
        let output = match opened {
            Ok(output) => output,
            Err(Errno::EISDIR) if to.ends_with('/') => return Ok(Err(('c', Errno::ENOTDIR))),
            Err(error) => return Ok(Err(('c', error))),
        };
        let plain = stat.kind == FileKind::File && output.stat().kind == FileKind::File && stat.size > 0;
        if plain {
            c.spend(stat.size / 4096).await?;
            return Ok(output.copy_from(&input).map_err(|error| ('w', error)));
        }
        let mut at = 0u64;
        while let Ok(piece) = input.read_at(at, 65536) {
            if piece.is_empty() || at > c.bound() as u64 {
                break;
            }
            if let Err(error) = output.write_at(at, &piece) {
                return Ok(Err(('w', error)));
            }
            at += piece.len() as u64;
            c.spend(piece.len() as u64 / 64).await?;
        }
        Ok(Ok(()))
    }
}

pub(super) async fn mv(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "b backup? f,force i,interactive n,no-clobber strip-trailing-slashes S,suffix= t,target-directory= \
                 T,no-target-directory u,update v,verbose Z,context";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let Some(target) = target(c, &found) else { return Ok(1) };
    let mut status = 0;
    for operand in &target.operands {
        let to = match &target.folder {
            Some(folder) => joined(folder, last_part(operand)),
            None => target.name.clone(),
        };
        c.spend(8).await?;
        let stat = match c.lstat(operand) {
            Ok(stat) => stat,
            Err(error) => {
                let text = if c.applet() {
                    format!("can't rename '{operand}': {}", error.text())
                } else {
                    format!("cannot stat {}: {}", c.shell_quote(operand), error.text())
                };
                c.complain(&text);
                status = 1;
                continue;
            }
        };
        if let Ok(there) = c.lstat(&to) {
            if there.ino == stat.ino && there.dev == stat.dev && stat.nlink < 2 + u32::from(stat.is_folder()) * 100_000
            {
                let text = format!("{} and {} are the same file", c.shell_quote(operand), c.shell_quote(&to));
                c.complain(&text);
                status = 1;
                continue;
            }
            if there.is_folder() && !stat.is_folder() {
                let text = format!("cannot overwrite directory {} with non-directory", c.shell_quote(&to));
                c.complain(&text);
                status = 1;
                continue;
            }
            if stat.is_folder() && !there.is_folder() {
                let text = format!(
                    "cannot overwrite non-directory {} with directory {}",
                    c.shell_quote(&to),
                    c.shell_quote(operand)
                );
                c.complain(&text);
                status = 1;
                continue;
            }
            let last = found.last(&["f", "i", "n"]);
            if last == Some("n") || found.has("u") && there.modified >= stat.modified {
                continue;
            }
            if last == Some("i") {
                let question = format!("overwrite {}? ", c.shell_quote(&to));
                if !remove::ask(c, &question).await? {
                    continue;
                }
            }
            if found.has("b") || found.has("backup") {
                let suffix = found.value("S").unwrap_or("~");
                let _ = c.host().rename(c.who(), &c.path(&to), &c.path(&format!("{to}{suffix}")));
            }
        }
        let moved = c.host().rename(c.who(), &c.path(operand), &c.path(&to));
        let moved = match moved {
            Err(Errno::EXDEV) => {
                let cp = Cp { recursive: true, times: true, owner: true, mode: true, ..Cp::default() };
                if cp.tree(c, operand, &to).await? {
                    gone(c, operand);
                }
                Ok(())
            }
            other => other,
        };
        match moved {
            Ok(()) => {
                if found.has("v") {
                    let line = format!("renamed {} -> {}\n", c.shell_quote(operand), c.shell_quote(&to));
                    c.out(&line);
                }
                c.note_written(&to);
            }
            Err(Errno::EINVAL) => {
                let text = format!(
                    "cannot move {} to a subdirectory of itself, {}",
                    c.shell_quote(operand),
                    c.shell_quote(&to)
                );
                c.complain(&text);
                status = 1;
            }
            Err(error) => {
                let text = if c.applet() {
                    format!("can't rename '{operand}': {}", error.text())
                } else {
                    format!("cannot move {} to {}: {}", c.shell_quote(operand), c.shell_quote(&to), error.text())
                };
                c.complain(&text);
                status = 1;
            }
        }
    }
    Ok(status)
}

/// Removes what was copied elsewhere.
fn gone(c: &Cmd, path: &str) {
    let mut todo = vec![(path.to_string(), false)];
    let mut count = 0;
    while let Some((path, emptied)) = todo.pop() {
        count += 1;
        if count > FILES {
            return;
        }
        let full = c.path(&path);
        if emptied {
            let _ = c.host().remove_folder(c.who(), &full);
        } else if c.lstat(&path).is_ok_and(|stat| stat.is_folder()) {
            todo.push((path.clone(), true));
            for (name, _) in c.list(&path).unwrap_or_default() {
                todo.push((joined(&path, &text::decode(&name)), false));
            }
        } else {
            let _ = c.host().remove_file(c.who(), &full);
        }
    }
}

pub(super) async fn ln(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "b backup? d,F,directory f,force i,interactive L,logical n,no-dereference P,physical r,relative \
                 s,symbolic S,suffix= t,target-directory= T,no-target-directory v,verbose";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    if found.rest.is_empty() {
        return Ok(options::misuse(c, "missing file operand", 1));
    }
    let mut rest = found.rest.clone();
    let name = match found.value("t") {
        Some(folder) => folder.to_string(),
        None if rest.len() == 1 => ".".to_string(),
        None => rest.pop().unwrap_or_default(),
    };
    let follows = !found.has("n") || !c.lstat(&name).is_ok_and(|stat| stat.is_link());
    let folder = follows && c.stat(&name).is_ok_and(|stat| stat.is_folder()) && !found.has("T");
    if rest.len() > 1 && !folder {
        let text = format!("target {} is not a directory", c.shell_quote(&name));
        c.complain(&text.replace(" is not a directory", ": No such file or directory"));
        return Ok(1);
    }
    let mut status = 0;
    for operand in &rest {
        let to = if folder { joined(&name, last_part(operand)) } else { name.clone() };
        let to = to.strip_prefix("./").filter(|_| name == ".").map_or(to.clone(), str::to_string);
        if !found.has("s") {
            match c.lstat(operand) {
                Err(error) => {
                    c.complain(&format!("failed to access {}: {}", c.shell_quote(operand), error.text()));
                    status = 1;
                    continue;
                }
                Ok(stat) if stat.is_folder() => {
                    c.complain(&format!(
                        "{}: hard link not allowed for directory",
                        crate::shell::quote::if_needed(operand)
                    ));
                    status = 1;
                    continue;
                }
                Ok(_) => {}
            }
        }
        if c.lstat(&to).is_ok() {
            if found.last(&["f", "i"]) == Some("i") {
                let question = format!("replace {}? ", c.shell_quote(&to));
                if !remove::ask(c, &question).await? {
                    continue;
                }
            }
            let same = matches!((c.lstat(&to), c.lstat(operand)), (Ok(a), Ok(b)) if a.ino == b.ino && a.dev == b.dev);
            if found.has("f") && same && !found.has("s") {
                let text = format!("{} and {} are the same file", c.shell_quote(operand), c.shell_quote(&to));
                c.complain(&text);
                status = 1;
                continue;
            }
            if found.has("f") || found.has("i") {
                let _ = c.host().remove_file(c.who(), &c.path(&to));
            }
        }
        let made = if found.has("s") {
            let target = if found.has("r") { relative(c, operand, &to) } else { text::encode(operand) };
            c.host().symlink(c.who(), &target, &c.path(&to))
        } else {
            c.host().link(c.who(), &c.path(operand), &c.path(&to))
        };
        match made {
            Ok(()) if found.has("v") => {
                let arrow = if found.has("s") { "->" } else { "=>" };
                let line = format!("{} {arrow} {}\n", c.shell_quote(&to), c.shell_quote(operand));
                c.out(&line);
            }
            Ok(()) => {}
            Err(error) => {
                let text = if c.applet() {
                    format!("{to}: {}", error.text())
                } else if found.has("s") {
                    format!("failed to create symbolic link {}: {}", c.shell_quote(&to), error.text())
                } else if error == Errno::EEXIST {
                    format!("failed to create hard link {}: {}", c.shell_quote(&to), error.text())
                } else {
                    let (new, old) = (c.shell_quote(&to), c.shell_quote(operand));
                    format!("failed to create hard link {new} => {old}: {}", error.text())
                };
                c.complain(&text);
                status = 1;
            }
        }
    }
    Ok(status)
}

/// The way from a link to its target.
fn relative(c: &Cmd, target: &str, link: &str) -> Vec<u8> {
    let target = crate::world::resolve(c.cwd(), &text::encode(target));
    let link = crate::world::resolve(c.cwd(), &text::encode(link));
    let parts = |path: &[u8]| -> Vec<Vec<u8>> {
        path.split(|&b| b == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let (target, from) = (parts(&target), parts(crate::world::parent(&link)));
    let common = target.iter().zip(&from).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(b"..".to_vec(), from.len() - common);
    let all: Vec<Vec<u8>> = up.chain(target.into_iter().skip(common)).collect();
    if all.is_empty() { b".".to_vec() } else { all.join(&b'/') }
}

pub(super) async fn install(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "b backup? c C,compare d,directory D g,group= m,mode= o,owner= p,preserve-timestamps s,strip S,suffix= \
                 t,target-directory= T,no-target-directory v,verbose";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let mode = match found.value("m").map(|text| mode::apply(text, 0, false, 0)) {
        None => 0o755,
        Some(Some(mode)) => mode,
        Some(None) => {
            let text = format!("invalid mode {}", c.quote(found.value("m").unwrap_or_default()));
            c.complain(&text);
            return Ok(1);
        }
    };
    let mut status = 0;
    if found.has("d") {
        for operand in &found.rest {
            make_parents(c, operand);
            if c.host().set_mode(c.who(), &c.path(operand), mode).is_err() {
                c.complain(&format!("cannot create directory {}: No such file or directory", c.quote(operand)));
                status = 1;
            }
        }
        return Ok(status);
    }
    let Some(target) = target(c, &found) else { return Ok(1) };
    for operand in &target.operands {
        let to = match &target.folder {
            Some(folder) => joined(folder, last_part(operand)),
            None => target.name.clone(),
        };
        if found.has("D")
            && let Some((parents, _)) = to.rsplit_once('/')
        {
            make_parents(c, parents);
        }
        let cp = Cp { follow: true, verbose: found.has("v"), times: found.has("p"), force: true, ..Cp::default() };
        if cp.tree(c, operand, &to).await? {
            let _ = c.host().set_mode(c.who(), &c.path(&to), mode);
        } else {
            status = 1;
        }
    }
    Ok(status)
}
