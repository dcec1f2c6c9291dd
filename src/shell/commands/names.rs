//! `basename`, `dirname`, `readlink`, `realpath`, `mktemp`, `pwd`-like helpers (coreutils 8.30).

use super::options;
use crate::shell::cmd::Cmd;
use crate::shell::text;
use crate::world::{Errno, resolve};

fn base_of(path: &str) -> &str {
    let bare = path.trim_end_matches('/');
    if bare.is_empty() && !path.is_empty() {
        return "/";
    }
    bare.rsplit('/').next().unwrap_or_default()
}

pub(super) fn basename(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "+a,multiple s,suffix= z,zero", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if found.rest.is_empty() {
        return options::misuse(c, "missing operand", 1);
    }
    let many = found.has("a") || found.has("s");
    if let Some(extra) = found.rest.get(2).filter(|_| !many) {
        let text = format!("extra operand {}", c.quote(extra));
        return options::misuse(c, &text, 1);
    }
    let suffix = if many { found.value("s") } else { found.rest.get(1).map(String::as_str) }.unwrap_or_default();
    let shown = if many { found.rest.len() } else { 1 };
    let end = if found.has("z") { "\0" } else { "\n" };
    for path in found.rest.iter().take(shown) {
        let base = base_of(path);
        let base = base.strip_suffix(suffix).filter(|short| !short.is_empty()).unwrap_or(base);
        c.out(&format!("{base}{end}"));
    }
    0
}

pub(super) fn dirname(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "z,zero", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if found.rest.is_empty() {
        return options::misuse(c, "missing operand", 1);
    }
    let end = if found.has("z") { "\0" } else { "\n" };
    for path in &found.rest {
        let bare = path.trim_end_matches('/');
        let folder = match bare.rsplit_once('/') {
            Some((folder, _)) if folder.trim_end_matches('/').is_empty() => "/",
            Some((folder, _)) => folder.trim_end_matches('/'),
            None if bare.is_empty() && !path.is_empty() => "/",
            None => ".",
        };
        c.out(&format!("{folder}{end}"));
    }
    0
}

/// The canonical path; `how` is `e` (all must be there), `m` (nothing must) or `f` (all but the last).
fn canonical(c: &Cmd, path: &str, how: char) -> Result<Vec<u8>, Errno> {
    if path.is_empty() {
        return Err(Errno::ENOENT);
    }
    let full = c.path(path);
    match c.host().real_path(c.who(), &full) {
        Ok(real) => return Ok(real),
        Err(error) if how == 'e' => return Err(error),
        Err(_) => {}
    }
    // Part by part, as far as things are there.
    let mut at: Vec<u8> = b"/".to_vec();
    let mut todo: Vec<Vec<u8>> = full.split(|&b| b == b'/').rev().map(<[u8]>::to_vec).collect();
    let mut links = 0;
    while let Some(part) = todo.pop() {
        if part.is_empty() || part == b"." {
            continue;
        }
        if part == b".." {
            at = crate::world::parent(&at).to_vec();
            continue;
        }
        let next = if at == b"/" { [b"/", part.as_slice()].concat() } else { [at.as_slice(), b"/", &part].concat() };
        match c.host().stat(c.who(), &next, false) {
            Ok(stat) if stat.is_link() => {
                links += 1;
                if links > 40 {
                    return Err(Errno::ELOOP);
                }
                let target = c.host().read_link(c.who(), &next)?;
                if target.starts_with(b"/") {
                    at = b"/".to_vec();
                }
                todo.extend(target.split(|&b| b == b'/').rev().map(<[u8]>::to_vec));
            }
            Ok(stat) => {
                if !stat.is_folder() && todo.iter().any(|part| !part.is_empty()) && how != 'm' {
                    return Err(Errno::ENOTDIR);
                }
                at = next;
            }
            Err(error) => {
                let last = !todo.iter().any(|part| !part.is_empty() && part != b".");
                if how != 'm' && !last {
                    return Err(error);
                }
                at = next;
            }
        }
    }
    Ok(at)
}

pub(super) fn readlink(c: &mut Cmd) -> i32 {
    let table =
        "f,canonicalize e,canonicalize-existing m,canonicalize-missing n,no-newline q,quiet s,silent v,verbose z,zero";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if found.rest.is_empty() {
        return options::misuse(c, "missing operand", 1);
    }
    let how = found.last(&["f", "e", "m"]).and_then(|key| key.chars().next());
    let end = match (found.has("z"), found.has("n") && found.rest.len() == 1) {
        (_, true) => "",
        (true, _) => "\0",
        _ => "\n",
    };
    let mut status = 0;
    for operand in &found.rest {
        let result = match how {
            Some(how) => canonical(c, operand, how),
            None => c.host().read_link(c.who(), &c.path(operand)),
        };
        match result {
            Ok(path) => {
                c.out_bytes(&path);
                c.out(end);
            }
            Err(error) => {
                if found.has("v") {
                    c.complain(&format!("{}: {}", crate::shell::quote::if_needed(operand), error.text()));
                }
                status = 1;
            }
        }
    }
    status
}

pub(super) fn realpath(c: &mut Cmd) -> i32 {
    let table = "e,canonicalize-existing m,canonicalize-missing L,logical P,physical q,quiet relative-to= relative-base= \
                 s,strip,no-symlinks z,zero";
    let found = match options::take(c, table, 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if found.rest.is_empty() {
        return options::misuse(c, "missing operand", 1);
    }
    let how = found.last(&["e", "m"]).and_then(|key| key.chars().next()).unwrap_or('f');
    let end = if found.has("z") { "\0" } else { "\n" };
    let mut status = 0;
    for operand in &found.rest {
        let result =
            if found.has("s") { Ok(resolve(c.cwd(), &text::encode(operand))) } else { canonical(c, operand, how) };
        match result {
            Ok(path) => {
                let path = match found.value("relative-to") {
                    Some(base) => {
                        let base = canonical(c, base, 'm').unwrap_or_default();
                        relative(&path, &base)
                    }
                    None => path,
                };
                c.out_bytes(&path);
                c.out(end);
            }
            Err(error) => {
                if !found.has("q") {
                    c.complain(&format!("{}: {}", crate::shell::quote::if_needed(operand), error.text()));
                }
                status = 1;
            }
        }
    }
    status
}

fn relative(path: &[u8], base: &[u8]) -> Vec<u8> {
    let parts = |path: &[u8]| -> Vec<Vec<u8>> {
        path.split(|&b| b == b'/').filter(|p| !p.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let (path, base) = (parts(path), parts(base));
    let common = path.iter().zip(&base).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(b"..".to_vec(), base.len() - common);
    let all: Vec<Vec<u8>> = up.chain(path.into_iter().skip(common)).collect();
    if all.is_empty() { b".".to_vec() } else { all.join(&b'/') }
}

pub(super) fn mktemp(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "d,directory u,dry-run q,quiet suffix= p,tmpdir? t", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    // -p takes a value, --tmpdir may.
    let mut rest = found.rest.clone();
    let mut folder = found.value("p").map(str::to_string);
    if found.has("p") && folder.is_none() && c.args.iter().any(|arg| arg == "-p") && !rest.is_empty() {
        folder = Some(rest.remove(0));
    }
    if let Some(extra) = rest.get(1) {
        let _ = extra;
        c.complain("too many templates");
        return options::help(c, 1);
    }
    let given = rest.first().cloned();
    let template = given.clone().unwrap_or_else(|| "tmp.XXXXXXXXXX".into());
    let suffix = found.value("suffix").unwrap_or_default();
    let stem_end = template.rfind('X').map_or(0, |at| at + 1);
    let (stem, after) = template.split_at(stem_end);
    let after = format!("{after}{suffix}");
    let stars = stem.len() - stem.trim_end_matches('X').len();
    if stars < 3 {
        let text = format!("too few X's in template {}", c.quote(&template));
        c.complain(&text);
        return 1;
    }
    let home = c.env("TMPDIR").filter(|dir| !dir.is_empty()).unwrap_or("/tmp").to_string();
    let folder = if given.is_none() || found.has("p") || found.has("t") { Some(folder.unwrap_or(home)) } else { None };
    let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    for _ in 0..10 {
        let random: String = (0..stars)
            .filter_map(|_| letters.get(rand::random_range(0..letters.len())).map(|&b| char::from(b)))
            .collect();
        let name = format!("{}{random}{after}", stem.trim_end_matches('X'));
        let path = folder.as_ref().map_or(name.clone(), |folder| format!("{}/{name}", folder.trim_end_matches('/')));
        let full = c.path(&path);
        if found.has("u") {
            c.out(&format!("{path}\n"));
            return 0;
        }
        let made = if found.has("d") {
            c.host().make_folder(c.who(), &full, 0o700)
        } else {
            let how = crate::world::Open { write: true, create: Some(0o600), exclusive: true, ..Default::default() };
            c.host().open(c.who(), &full, how).map(|_| ())
        };
        match made {
            Ok(()) => {
                c.out(&format!("{path}\n"));
                return 0;
            }
            Err(Errno::EEXIST) => {}
            Err(error) => {
                if !found.has("q") {
                    let what = if found.has("d") { "directory" } else { "file" };
                    let shown = folder.map_or(template.clone(), |f| format!("{}/{template}", f.trim_end_matches('/')));
                    let text = format!("failed to create {what} via template {}: {}", c.quote(&shown), error.text());
                    c.complain(&text);
                }
                return 1;
            }
        }
    }
    1
}
