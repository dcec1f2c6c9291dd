//! `which` (debianutils 4.9), `whereis` (util-linux 2.34), `du` (coreutils 8.30).

use super::ls::human;
use super::{mode, options};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::FileKind;

fn runs(c: &Cmd, path: &str) -> bool {
    c.stat(path).is_ok_and(|stat| stat.kind == FileKind::File) && c.host().access(c.who(), &c.path(path), 1).is_ok()
}

pub(super) fn which(c: &mut Cmd) -> i32 {
    let found = match options::parse("a s", &c.args) {
        Ok(found) => found,
        Err(error) => {
            let letter = error.trim_end_matches('\'').chars().last().unwrap_or(' ');
            c.err(&format!("Illegal option -{letter}\n"));
            c.out("Usage: /usr/bin/which [-a] args\n");
            return 2;
        }
    };
    let folders = c.env("PATH").unwrap_or("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").to_string();
    let mut status = i32::from(found.rest.is_empty());
    for name in &found.rest {
        let mut hit = false;
        if name.contains('/') {
            if runs(c, name) {
                c.out(&format!("{name}\n"));
                hit = true;
            }
        } else if !name.is_empty() {
            for folder in folders.split(':') {
                let folder = if folder.is_empty() { "." } else { folder };
                let path = format!("{folder}/{name}");
                if runs(c, &path) {
                    c.out(&format!("{path}\n"));
                    hit = true;
                    if !found.has("a") {
                        break;
                    }
                }
            }
        }
        if !hit {
            status = 1;
        }
    }
    status
}

const BINARIES: [&str; 9] = [
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/lib64",
    "/etc",
    "/usr/games",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/local/games",
];
const MORE: [&str; 5] = ["/usr/include", "/usr/local", "/usr/local/etc", "/usr/libexec", "/usr/share"];

pub(super) fn whereis(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "b m s u l B= M= S= f g", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if found.rest.is_empty() {
        c.complain("not enough arguments");
        return options::help(c, 1);
    }
    let kinds = found.has("b") || found.has("m") || found.has("s");
    for name in &found.rest {
        let name = name.rsplit('/').next().unwrap_or_default();
        let mut hits: Vec<String> = Vec::new();
        let fits = |file: &str| {
            let stem = file.strip_suffix(".gz").or(file.strip_suffix(".xz")).unwrap_or(file);
            stem == name || stem.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
        };
        if !kinds || found.has("b") {
            for folder in BINARIES.iter().chain(&MORE) {
                for (file, _) in c.list(folder).unwrap_or_default() {
                    let file = text::decode(&file);
                    if fits(&file) {
                        hits.push(format!("{folder}/{file}"));
                    }
                }
            }
        }
        if !kinds || found.has("m") {
            for section in 1..=8 {
                let folder = format!("/usr/share/man/man{section}");
                for (file, _) in c.list(&folder).unwrap_or_default() {
                    let file = text::decode(&file);
                    if fits(&file) {
                        hits.push(format!("{folder}/{file}"));
                    }
                }
            }
        }
        let list: String = hits.iter().map(|hit| format!(" {hit}")).collect();
        c.out(&format!("{name}:{list}\n"));
    }
    0
}

/// Files that one call looks at.
const FILES: usize = 1_000_000;

pub(super) async fn du(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "0,null a,all apparent-size B,block-size= b,bytes c,total D,dereference-args d,max-depth= exclude= H \
                 h,human-readable inodes k L,dereference l,count-links m P si s,summarize S,separate-dirs t,threshold= \
                 time? x,one-file-system X=";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let deepest = if found.has("s") {
        0
    } else {
        match found.value("d").map(str::parse::<usize>) {
            None => usize::MAX,
            Some(Ok(depth)) => depth,
            Some(Err(_)) => {
                let text = format!("invalid maximum depth {}", c.quote(found.value("d").unwrap_or_default()));
                return Ok(options::misuse(c, &text, 1));
            }
        }
    };
    let bytes = found.has("b") || found.has("apparent-size");
    let unit = match (found.has("b"), found.has("m"), found.value("B")) {
        (true, ..) => 1,
        (_, true, _) => 1 << 20,
        (_, _, Some(size)) => super::head::count(size).unwrap_or(1024).max(1),
        _ => 1024,
    };
    let base = if found.has("si") { Some(1000) } else { found.has("h").then_some(1024) };
    let show = |size: u64| base.map_or_else(|| size.div_ceil(unit).to_string(), |base| human(size, base));
    let operands = if found.rest.is_empty() { vec![".".to_string()] } else { found.rest.clone() };
    let end = if found.has("0") { "\0" } else { "\n" };
    let (mut status, mut all, mut count) = (0, 0u64, 0);
    let mut links: std::collections::HashSet<(u64, u32)> = std::collections::HashSet::new();
    for operand in &operands {
        if let Err(error) = c.lstat(operand) {
            c.complain(&format!("cannot access {}: {}", c.shell_quote(operand), error.text()));
            status = 1;
            continue;
        }
        // (path, depth, its folder's place, own size), then sums from the leaves up.
        let mut nodes: Vec<(String, usize, Option<usize>, u64, bool)> = Vec::new();
        let mut todo = vec![(operand.clone(), 0usize, None)];
        let mut order = Vec::new();
        while let Some((path, depth, parent)) = todo.pop() {
            c.spend(4).await?;
            count += 1;
            if count > FILES {
                break;
            }
            let Ok(stat) = c.lstat(&path) else { continue };
            if stat.nlink > 1 && !stat.is_folder() && !found.has("l") && !links.insert((stat.ino, stat.dev)) {
                continue;
            }
            let size = if bytes { stat.size } else { mode::kib(&stat) * 1024 };
            let at = nodes.len();
            nodes.push((path.clone(), depth, parent, size, stat.is_folder()));
            order.push(at);
            if stat.is_folder() {
                match c.list(&path) {
                    Ok(entries) => {
                        let base = path.trim_end_matches('/');
                        for (name, _) in entries.into_iter().rev() {
                            todo.push((format!("{base}/{}", text::decode(&name)), depth + 1, Some(at)));
                        }
                    }
                    Err(error) => {
                        c.complain(&format!("cannot read directory {}: {}", c.shell_quote(&path), error.text()));
                        status = 1;
                    }
                }
            }
        }
        let mut sums: Vec<u64> = nodes.iter().map(|node| node.3).collect();
        for at in (0..nodes.len()).rev() {
            let Some((_, _, Some(parent), _, folder)) = nodes.get(at) else { continue };
            let own = sums.get(at).copied().unwrap_or(0);
            if *folder && found.has("S") {
                continue;
            }
            if let Some(sum) = sums.get_mut(*parent) {
                *sum += own;
            }
        }
        // Folders come after what is in them.
        let mut open: Vec<usize> = Vec::new();
        let mut shown = Vec::new();
        for at in order {
            let depth = nodes.get(at).map_or(0, |node| node.1);
            while let Some(last) =
                open.last().copied().filter(|last| nodes.get(*last).is_some_and(|node| node.1 >= depth))
            {
                shown.push(last);
                open.pop();
            }
            open.push(at);
        }
        shown.extend(open.into_iter().rev());
        for at in shown {
            let Some((path, depth, _, _, folder)) = nodes.get(at) else { continue };
            if *depth <= deepest && (*folder || found.has("a") || *depth == 0) {
                let size = show(sums.get(at).copied().unwrap_or(0));
                c.out(&format!("{size}\t{path}{end}"));
            }
        }
        all += sums.first().copied().unwrap_or(0);
        c.tick().await?;
    }
    if found.has("c") {
        c.out(&format!("{}\ttotal{end}", show(all)));
    }
    Ok(status)
}
