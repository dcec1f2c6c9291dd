//! `pstree` (psmisc 23.3).

use std::collections::HashMap;

use super::common::{Names, decode, user_id};
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::world::Process;

struct Tree<'a> {
    children: HashMap<u32, Vec<&'a Process>>,
    names: Names,
    pids: bool,
    arguments: bool,
    users: bool,
    compact: bool,
    unicode: bool,
}

/// Depth up to which the tree is drawn.
const DEPTH: usize = 64;

impl Tree<'_> {
    fn label(&self, process: &Process, parent: Option<&Process>) -> String {
        let mut label = decode(&process.comm);
        let mut notes = Vec::new();
        if self.pids {
            notes.push(process.pid.to_string());
        }
        if self.users && parent.is_none_or(|parent| parent.uid != process.uid) && (process.uid != 0 || parent.is_some())
        {
            notes.push(self.names.user_or_number(process.uid));
        }
        if !notes.is_empty() {
            label.push_str(&format!("({})", notes.join(",")));
        }
        if self.arguments && process.argv.len() > 1 {
            let words: Vec<String> = process.argv.iter().skip(1).map(|word| decode(word)).collect();
            label.push_str(&format!(" {}", words.join(" ")));
        }
        label
    }

    /// Lines of a process and what is below it.
    fn lines(&self, process: &Process, parent: Option<&Process>, depth: usize) -> Vec<String> {
        let label = self.label(process, parent);
        let mut below: Vec<Vec<String>> = Vec::new();
        if depth < DEPTH {
            let mut children: Vec<&Process> = self.children.get(&process.pid).cloned().unwrap_or_default();
            children
                .sort_by(|a, b| if self.pids { a.pid.cmp(&b.pid) } else { (&a.comm, a.pid).cmp(&(&b.comm, b.pid)) });
            for child in children {
                below.push(self.lines(child, Some(process), depth + 1));
            }
            if process.threads > 1 && !self.arguments {
                let count = process.threads - 1;
                let name = decode(&process.comm);
                match self.pids {
                    true => below.extend((0..count).map(|at| vec![format!("{{{name}}}({})", process.pid + 1 + at)])),
                    false if count == 1 => below.push(vec![format!("{{{name}}}")]),
                    false => below.push(vec![format!("{count}*[{{{name}}}]")]),
                }
            }
        }
        if self.compact && !self.arguments {
            below = merge(below);
        }
        self.join(&label, &below)
    }

    fn join(&self, label: &str, below: &[Vec<String>]) -> Vec<String> {
        let marks = if self.unicode {
            ["───", "─┬─", " ├─", " │ ", " └─"]
        } else {
            ["---", "-+-", " |-", " | ", " `-"]
        };
        let [only, first, middle, pass, last] = marks;
        if self.arguments {
            let mut lines = vec![label.to_string()];
            for (at, branch) in below.iter().enumerate() {
                let end = at + 1 == below.len();
                for (row, line) in branch.iter().enumerate() {
                    let mark = match (row, end) {
                        (0, true) => last,
                        (0, false) => middle,
                        (_, true) => "   ",
                        _ => pass,
                    };
                    lines.push(format!(" {mark}{line}"));
                }
            }
            return lines;
        }
        if below.is_empty() {
            return vec![label.to_string()];
        }
        let blank = " ".repeat(label.chars().count());
        let mut lines = Vec::new();
        for (at, branch) in below.iter().enumerate() {
            let end = at + 1 == below.len();
            for (row, line) in branch.iter().enumerate() {
                let mark = match (at, row, end) {
                    (0, 0, true) => only,
                    (0, 0, false) => first,
                    (_, 0, false) => middle,
                    (_, 0, true) => last,
                    (_, _, true) => "   ",
                    _ => pass,
                };
                let before = if at == 0 && row == 0 { label } else { &blank };
                lines.push(format!("{before}{mark}{line}"));
            }
        }
        lines
    }
}

/// Equal branches become one, `3*[name]`.
fn merge(branches: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let mut merged: Vec<(usize, Vec<String>)> = Vec::new();
    for branch in branches {
        match merged.iter_mut().find(|(_, known)| *known == branch) {
            Some((count, _)) => *count += 1,
            None => merged.push((1, branch)),
        }
    }
    let put = |(count, branch): (usize, Vec<String>)| match branch.as_slice() {
        [one] if count > 1 => vec![format!("{count}*[{one}]")],
        _ => branch,
    };
    merged.into_iter().map(put).collect()
}

pub(super) fn run(c: &mut Cmd) -> i32 {
    const TABLE: &str = "a,arguments A,ascii c,compact-not h,highlight-all H,highlight-pid= g,show-pgids G,vt100 \
                         k,color? l,long n,numeric-sort N,ns-sort= p,show-pids s,show-parents S,ns-changes t,thread-names \
                         T,hide-threads u,uid-changes U,unicode V,version Z,security-context C,color=";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return super::common::usage(c, "pstree", 1);
        }
    };
    let processes = c.host().processes();
    let mut children: HashMap<u32, Vec<&Process>> = HashMap::new();
    for process in processes.iter().filter(|process| !process.kernel) {
        children.entry(process.ppid).or_default().push(process);
    }
    let tree = Tree {
        children,
        names: Names::of(c.host()),
        pids: found.has("p"),
        arguments: found.has("a"),
        users: found.has("u"),
        compact: !found.has("c"),
        unicode: found.has("U") || (c.is_utf8() && c.is_tty(1) && !found.has("A")),
    };
    let roots: Vec<&Process> = match found.rest.first() {
        None => processes.iter().filter(|process| process.pid == 1).collect(),
        Some(name) => match name.parse::<u32>() {
            Ok(pid) => processes.iter().filter(|process| process.pid == pid).collect(),
            Err(_) => {
                let Some(uid) = user_id(c.host(), name) else {
                    c.err(&format!("No such user name: {name}\n"));
                    return 1;
                };
                let own = |pid: u32| processes.iter().any(|process| process.pid == pid && process.uid == uid);
                processes.iter().filter(|process| process.uid == uid && !process.kernel && !own(process.ppid)).collect()
            }
        },
    };
    if roots.is_empty() {
        c.err("No processes found.\n");
        return 1;
    }
    let limit = if c.is_tty(1) && !found.has("l") { c.columns() } else { usize::MAX };
    let mut text = String::new();
    for root in roots {
        for line in tree.lines(root, None, 0) {
            text.extend(line.chars().take(limit));
            text.push('\n');
        }
    }
    c.out(&text);
    0
}
