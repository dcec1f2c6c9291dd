//! `update-alternatives` (dpkg): what /var/lib/dpkg/alternatives says, or else the links of /etc/alternatives.

use super::common::{file, is_root, put_file};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::Who;

const ADMIN: &str = "/var/lib/dpkg/alternatives";
const LINKS: &str = "/etc/alternatives";
const HINT: &str = "\nUse 'update-alternatives --help' for program usage information.\n";

/// A group of alternatives.
#[derive(Default)]
struct Group {
    name: String,
    manual: bool,
    link: String,
    /// Names and links that follow the choice.
    slaves: Vec<(String, String)>,
    choices: Vec<Choice>,
}

struct Choice {
    path: String,
    priority: i64,
    slaves: Vec<String>,
}

impl Group {
    fn best(&self) -> Option<&Choice> {
        self.choices.iter().reduce(|best, next| if next.priority > best.priority { next } else { best })
    }
}

/// Reads the administrative file of a group (update-alternatives(1), its section on files).
fn read(c: &Cmd, name: &str) -> Option<Group> {
    if name.contains('/') || name.is_empty() {
        return None;
    }
    let text = file(c.host(), &format!("{ADMIN}/{name}"));
    let mut lines = text.lines();
    let Some(mode) = lines.next() else { return from_link(c, name) };
    let mut group =
        Group { name: name.into(), manual: mode == "manual", link: lines.next()?.into(), ..Group::default() };
    while let Some(slave) = lines.next().filter(|line| !line.is_empty()) {
        group.slaves.push((slave.into(), lines.next()?.into()));
    }
    while let Some(path) = lines.next().filter(|line| !line.is_empty()) {
        let priority = lines.next()?.trim().parse().ok()?;
        let slaves = group.slaves.iter().map(|_| lines.next().unwrap_or_default().to_string()).collect();
        group.choices.push(Choice { path: path.into(), priority, slaves });
    }
    Some(group)
}

/// A group of which only the link is there: its target is the only choice.
fn from_link(c: &Cmd, name: &str) -> Option<Group> {
    let path = target(c, name)?;
    let link = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"]
        .iter()
        .map(|folder| format!("{folder}/{name}"))
        .find(|link| c.host().read_link(&Who::root(), link.as_bytes()).is_ok())?;
    let choice = Choice { path, priority: 10 + i64::try_from(name.len()).unwrap_or(0) * 5 % 60, slaves: Vec::new() };
    Some(Group { name: name.into(), link, choices: vec![choice], ..Group::default() })
}

/// What the link of a group points to.
fn target(c: &Cmd, name: &str) -> Option<String> {
    c.host().read_link(&Who::root(), format!("{LINKS}/{name}").as_bytes()).ok().map(|path| text::decode(&path))
}

fn error(c: &mut Cmd, text: &str) -> i32 {
    c.err(&format!("update-alternatives: error: {text}\n"));
    2
}

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let mut action = None;
    let mut operands = Vec::new();
    let known = [
        "--display",
        "--query",
        "--list",
        "--get-selections",
        "--config",
        "--set",
        "--set-selections",
        "--install",
        "--remove",
        "--all",
        "--remove-all",
        "--auto",
    ];
    let mut args = c.args.clone().into_iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--altdir" | "--admindir" | "--instdir" | "--root" | "--log" => drop(args.next()),
            "--slave" => drop((args.next(), args.next(), args.next())),
            "--force" | "--quiet" | "--verbose" | "--debug" | "--skip-auto" => {}
            option if known.contains(&option) => {
                if let Some(first) = &action {
                    c.err(&format!("update-alternatives: two commands specified: {option} and {first}\n{HINT}"));
                    return Ok(2);
                }
                action = Some(arg);
            }
            option if option.starts_with('-') => {
                c.err(&format!("update-alternatives: unknown option '{option}'\n{HINT}"));
                return Ok(2);
            }
            _ => operands.push(arg),
        }
    }
    let Some(action) = action else {
        let (last, rest) = known.split_last().unwrap_or((&"", &[]));
        c.err(&format!("update-alternatives: need {} or {last}\n{HINT}", rest.join(", ")));
        return Ok(2);
    };
    let name = operands.first().cloned();
    if !matches!(action.as_str(), "--get-selections" | "--set-selections" | "--all" | "--install") && name.is_none() {
        c.err(&format!("update-alternatives: {action} needs <name>\n{HINT}"));
        return Ok(2);
    }
    let name = name.unwrap_or_default();
    match action.as_str() {
        "--get-selections" => return selections(c).await,
        "--install" => return Ok(install(c, &operands)),
        "--set-selections" | "--all" => return Ok(0),
        _ => {}
    }
    let Some(group) = read(c, &name) else {
        return Ok(error(c, &format!("no alternatives for {name}")));
    };
    c.spend(20).await?;
    match action.as_str() {
        "--list" => group.choices.iter().for_each(|choice| c.out(&format!("{}\n", choice.path))),
        "--display" => display(c, &group),
        "--query" => query(c, &group),
        "--config" => return config(c, &group).await,
        "--set" => {
            let Some(path) = operands.get(1) else {
                c.err(&format!("update-alternatives: --set needs <name> <path>\n{HINT}"));
                return Ok(2);
            };
            if !group.choices.iter().any(|choice| choice.path == *path) {
                return Ok(error(c, &format!("alternative {path} for {name} not registered; not setting")));
            }
            return Ok(set(c, &group, path, true));
        }
        "--auto" => {
            let path = group.best().map(|choice| choice.path.clone()).unwrap_or_default();
            return Ok(set(c, &group, &path, false));
        }
        _ => return Ok(denied(c, &name).unwrap_or(0)),
    }
    Ok(0)
}

/// What a user without root's rights is told.
fn denied(c: &mut Cmd, name: &str) -> Option<i32> {
    if is_root(c) {
        return None;
    }
    Some(error(c, &format!("unable to create file '{ADMIN}/{name}.dpkg-tmp': Permission denied")))
}

fn display(c: &mut Cmd, group: &Group) {
    let mode = if group.manual { "manual" } else { "auto" };
    c.out(&format!("{} - {mode} mode\n", group.name));
    match group.best() {
        Some(best) => c.out(&format!("  link best version is {}\n", best.path)),
        None => c.out("  link best version not available\n"),
    }
    match target(c, &group.name) {
        Some(path) => c.out(&format!("  link currently points to {path}\n")),
        None => c.out("  link currently absent\n"),
    }
    c.out(&format!("  link {} is {}\n", group.name, group.link));
    for (name, link) in &group.slaves {
        c.out(&format!("  slave {name} is {link}\n"));
    }
    for choice in &group.choices {
        c.out(&format!("{} - priority {}\n", choice.path, choice.priority));
        for ((name, _), path) in group.slaves.iter().zip(&choice.slaves).filter(|(_, path)| !path.is_empty()) {
            c.out(&format!("  slave {name}: {path}\n"));
        }
    }
}

fn query(c: &mut Cmd, group: &Group) {
    c.out(&format!("Name: {}\nLink: {}\n", group.name, group.link));
    if !group.slaves.is_empty() {
        c.out("Slaves:\n");
        group.slaves.iter().for_each(|(name, link)| c.out(&format!(" {name} {link}\n")));
    }
    c.out(&format!("Status: {}\n", if group.manual { "manual" } else { "auto" }));
    if let Some(best) = group.best() {
        c.out(&format!("Best: {}\n", best.path));
    }
    let value = target(c, &group.name).unwrap_or_else(|| "none".into());
    c.out(&format!("Value: {value}\n"));
    for choice in &group.choices {
        c.out(&format!("\nAlternative: {}\nPriority: {}\n", choice.path, choice.priority));
        let own: Vec<_> = group.slaves.iter().zip(&choice.slaves).filter(|(_, path)| !path.is_empty()).collect();
        if !own.is_empty() {
            c.out("Slaves:\n");
            own.iter().for_each(|((name, _), path)| c.out(&format!(" {name} {path}\n")));
        }
    }
}

async fn selections(c: &mut Cmd) -> Result<i32, Stop> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    for folder in [ADMIN, LINKS] {
        let list = c.host().list(&Who::root(), folder.as_bytes()).unwrap_or_default();
        names.extend(list.into_iter().map(|(name, _)| name));
        if !names.is_empty() {
            break;
        }
    }
    names.sort();
    for name in names {
        c.spend(10).await?;
        let name = text::decode(&name);
        if let Some(group) = read(c, &name) {
            let value = target(c, &name).unwrap_or_default();
            c.out(&format!("{name:<30} {:<8} {value}\n", if group.manual { "manual" } else { "auto" }));
        }
    }
    Ok(0)
}

async fn config(c: &mut Cmd, group: &Group) -> Result<i32, Stop> {
    let name = &group.name;
    let current = target(c, name).unwrap_or_default();
    let Some(best) = group.best() else {
        c.out(&format!("There is no program which provides {name}.\nNothing to configure.\n"));
        return Ok(0);
    };
    // One choice that is in use leaves nothing to choose; newer releases ask all the same.
    let old = !c.host().persona().debian_userland;
    if old && group.choices.len() == 1 && !group.manual && current == best.path {
        c.out(&format!(
            "There is only one alternative in link group {name} (providing {}): {}\nNothing to configure.\n",
            group.link, best.path
        ));
        return Ok(0);
    }
    let count = group.choices.len();
    let are = if count == 1 { "is 1 choice" } else { &format!("are {count} choices") };
    c.out(&format!("There {are} for the alternative {name} (providing {}).\n\n", group.link));
    let mut sorted: Vec<&Choice> = group.choices.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let width = sorted.iter().map(|choice| choice.path.len()).max().unwrap_or(0).max(12);
    c.out(&format!("  {:<12} {:<width$} {:<10} Status\n{}\n", "Selection", "Path", "Priority", "-".repeat(60)));
    let row = |number: usize, choice: &Choice, mode: &str, chosen: bool| {
        let star = if chosen { '*' } else { ' ' };
        format!("{star} {number:<12} {:<width$} {:<10} {mode} mode\n", choice.path, format!("{:>3}", choice.priority))
    };
    let first = row(0, best, "auto", !group.manual);
    c.out(&first);
    for (at, choice) in sorted.iter().enumerate() {
        let line = row(at + 1, choice, "manual", group.manual && choice.path == current);
        c.out(&line);
    }
    c.out("\nPress <enter> to keep the current choice[*], or type selection number: ");
    c.flush().await?;
    let Some(answer) = c.read_line().await? else { return Ok(0) };
    let answer = text::decode(answer.trim_ascii());
    if answer.is_empty() {
        return Ok(0);
    }
    let chosen = match answer.parse::<usize>() {
        Ok(0) => return Ok(set(c, group, &best.path.clone(), false)),
        Ok(number) => sorted.get(number - 1).map(|choice| choice.path.clone()),
        Err(_) => sorted.iter().find(|choice| choice.path == answer).map(|choice| choice.path.clone()),
    };
    Ok(match chosen {
        Some(path) => set(c, group, &path, true),
        None => error(c, &format!("no alternatives for {name}")),
    })
}

fn set(c: &mut Cmd, group: &Group, path: &str, manual: bool) -> i32 {
    if let Some(status) = denied(c, &group.name) {
        return status;
    }
    let current = target(c, &group.name);
    if current.as_deref() != Some(path) {
        let mode = if manual { "manual" } else { "auto" };
        c.out(&format!(
            "update-alternatives: using {path} to provide {} ({}) in {mode} mode\n",
            group.link, group.name
        ));
    }
    let place = format!("{LINKS}/{}", group.name);
    let _ = c.host().remove_file(&Who::root(), place.as_bytes());
    let _ = c.host().symlink(&Who::root(), &text::encode(path), place.as_bytes());
    store(c, group, manual);
    0
}

/// Writes the administrative file.
fn store(c: &Cmd, group: &Group, manual: bool) {
    let mut out = format!("{}\n{}\n", if manual { "manual" } else { "auto" }, group.link);
    group.slaves.iter().for_each(|(name, link)| out.push_str(&format!("{name}\n{link}\n")));
    out.push('\n');
    for choice in &group.choices {
        out.push_str(&format!("{}\n{}\n", choice.path, choice.priority));
        choice.slaves.iter().for_each(|slave| out.push_str(&format!("{slave}\n")));
    }
    out.push('\n');
    put_file(c.host(), &format!("{ADMIN}/{}", group.name), &out, 0o644);
}

/// `--install LINK NAME PATH PRIORITY`
fn install(c: &mut Cmd, operands: &[String]) -> i32 {
    let [link, name, path, priority, ..] = operands else {
        c.err(&format!("update-alternatives: --install needs <link> <name> <path> <priority>\n{HINT}"));
        return 2;
    };
    let Ok(priority) = priority.parse::<i64>() else {
        c.err(&format!("update-alternatives: priority must be an integer\n{HINT}"));
        return 2;
    };
    if c.stat(path).is_err() {
        return error(c, &format!("alternative path {path} doesn't exist"));
    }
    if let Some(status) = denied(c, name) {
        return status;
    }
    let mut group = read(c, name).unwrap_or_else(|| Group { name: name.clone(), ..Group::default() });
    group.link.clone_from(link);
    group.choices.retain(|choice| choice.path != *path);
    let slaves = group.slaves.iter().map(|_| String::new()).collect();
    group.choices.push(Choice { path: path.clone(), priority, slaves });
    let _ = c.host().make_folder(&Who::root(), ADMIN.as_bytes(), 0o755);
    let _ = c.host().remove_file(&Who::root(), &text::encode(link));
    let _ = c.host().symlink(&Who::root(), format!("{LINKS}/{name}").as_bytes(), &text::encode(link));
    let chosen = if group.manual { None } else { group.best().map(|choice| choice.path.clone()) };
    match chosen {
        Some(chosen) => set(c, &group, &chosen, false),
        None => {
            store(c, &group, group.manual);
            0
        }
    }
}
