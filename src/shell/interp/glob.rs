//! Path name expansion over the simulated host.

use super::{Exec, Interp};
use crate::shell::{pattern, program, text};
use crate::world::FileKind;

/// Names that one pattern may become; above, the shell has no memory left.
const MOST: usize = 100_000;

/// The existing paths that match, sorted; none when nothing does.
pub(super) async fn expand(shell: &mut Interp, whole: &str) -> Exec<Vec<String>> {
    let mut found: Vec<String> = vec![if whole.starts_with('/') { "/".into() } else { String::new() }];
    let parts: Vec<String> = split(whole);
    let last = parts.len().saturating_sub(1);
    for (at, part) in parts.iter().enumerate() {
        let mut next = Vec::new();
        if part == "**" && shell.options.globstar {
            for base in &found {
                descend(shell, base, &mut next, 0).await?;
            }
            found = next;
            continue;
        }
        let wild = pattern::is_pattern(part, shell.options.extglob);
        for base in &found {
            shell.kernel().spend(4).await?;
            if !wild {
                let path = format!("{base}{}", pattern::unescape(part));
                if at < last || exists(shell, &path) {
                    next.push(path);
                }
                continue;
            }
            let folder = program::join(&shell.cwd, if base.is_empty() { "." } else { base });
            let Ok(entries) = shell.kernel().host.list(shell.who(), &folder) else { continue };
            shell.kernel().spend(entries.len() as u64 / 4).await?;
            let hidden = part.starts_with('.') || part.starts_with("\\.") || shell.options.dotglob;
            let dots = if part.starts_with('.') && !shell.options.skips_dots {
                [&b"."[..], b".."].map(<[u8]>::to_vec).to_vec()
            } else {
                Vec::new()
            };
            let names = dots.into_iter().map(|name| (name, true));
            let names = names.chain(
                entries.into_iter().map(|(name, stat)| (name, matches!(stat.kind, FileKind::Folder | FileKind::Link))),
            );
            for (name, may_lead_on) in names {
                let name = text::decode(&name);
                if (name.starts_with('.') && !hidden) || (at < last && !may_lead_on) {
                    continue;
                }
                let matches = if shell.options.nocaseglob {
                    pattern::matches(&part.to_lowercase(), &name.to_lowercase(), shell.options.extglob)
                } else {
                    pattern::matches(part, &name, shell.options.extglob)
                };
                if matches {
                    next.push(format!("{base}{name}"));
                }
            }
            if next.len() > MOST {
                return Err(shell.out_of_memory().await);
            }
        }
        if at < last {
            for path in &mut next {
                path.push('/');
            }
        }
        found = next;
    }
    if whole.ends_with('/') {
        found.retain(|path| exists(shell, &format!("{path}/")));
        for path in &mut found {
            path.push('/');
        }
    }
    // C.UTF-8 and the C locale sort by code point; others ignore case first.
    found.sort_unstable();
    Ok(found)
}

/// The parts between slashes; a slash in brackets or after a backslash separates all the same.
fn split(whole: &str) -> Vec<String> {
    whole.split('/').filter(|part| !part.is_empty()).map(str::to_string).collect()
}

fn exists(shell: &Interp, path: &str) -> bool {
    shell.kernel().host.stat(shell.who(), &program::join(&shell.cwd, path), path.ends_with('/')).is_ok()
}

/// `**`: all folders below, to a bounded depth.
async fn descend(shell: &mut Interp, base: &str, into: &mut Vec<String>, depth: u32) -> Exec<()> {
    let mut todo = vec![(base.to_string(), depth)];
    while let Some((base, depth)) = todo.pop() {
        if into.len() > MOST {
            return Err(shell.out_of_memory().await);
        }
        into.push(base.clone());
        shell.kernel().spend(8).await?;
        if depth > 32 {
            continue;
        }
        let folder = program::join(&shell.cwd, if base.is_empty() { "." } else { &base });
        let Ok(entries) = shell.kernel().host.list(shell.who(), &folder) else { continue };
        for (name, stat) in entries.into_iter().rev() {
            if stat.kind == FileKind::Folder && !name.starts_with(b".") {
                todo.push((format!("{base}{}/", text::decode(&name)), depth + 1));
            }
        }
    }
    Ok(())
}
