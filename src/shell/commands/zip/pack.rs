//! `zip` (Info-ZIP Zip 3.0).

use super::super::{glob, help, packed};
use super::archive::{self, Keys, Member};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::{FileKind, Stat};

/// Names that are looked at in one run.
const NAMES: usize = 20_000;
/// What is packed already is stored.
const STORED: [&str; 7] = [".Z", ".zip", ".zoo", ".arc", ".lzh", ".arj", ".gzip"];

#[derive(Default)]
struct Plan {
    level: u32,
    recurse: bool,
    junk: bool,
    quiet: bool,
    verbose: bool,
    delete: bool,
    update: bool,
    freshen: bool,
    moves: bool,
    no_folders: bool,
    links: bool,
    from_stdin: bool,
    test: bool,
    bare: bool,
    password: Option<String>,
    archive: Option<String>,
    names: Vec<String>,
    excluded: Vec<String>,
    included: Vec<String>,
}

/// Letters by the long names of the options.
const LONG: [(&str, char); 19] = [
    ("recurse-paths", 'r'),
    ("junk-paths", 'j'),
    ("quiet", 'q'),
    ("verbose", 'v'),
    ("delete", 'd'),
    ("update", 'u'),
    ("freshen", 'f'),
    ("move", 'm'),
    ("no-dir-entries", 'D'),
    ("symlinks", 'y'),
    ("names-stdin", '@'),
    ("test", 'T'),
    ("no-extra", 'X'),
    ("password", 'P'),
    ("encrypt", 'e'),
    ("exclude", 'x'),
    ("include", 'i'),
    ("help", 'h'),
    ("grow", 'g'),
];

fn fail(c: &mut Cmd, text: &str, status: i32) -> i32 {
    c.out(&format!("\nzip error: {text}\n"));
    status
}

#[derive(PartialEq, Eq)]
enum List {
    Names,
    Excluded,
    Included,
}

fn plan(c: &mut Cmd) -> Result<Plan, i32> {
    let mut plan = Plan { level: 6, ..Plan::default() };
    let mut args = c.args.clone().into_iter();
    let mut list = List::Names;
    let mut plain = false;
    while let Some(arg) = args.next() {
        if plain || arg.len() < 2 || !arg.starts_with('-') {
            match list {
                _ if arg == "@" && list != List::Names => list = List::Names,
                List::Excluded => plan.excluded.push(arg),
                List::Included => plan.included.push(arg),
                List::Names if plan.archive.is_none() => plan.archive = Some(arg),
                List::Names => plan.names.push(arg),
            }
            continue;
        }
        list = List::Names;
        if arg == "--" {
            plain = true;
            continue;
        }
        let (letters, mut value) = match arg.strip_prefix("--") {
            Some(long) => {
                let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v.to_string())));
                let Some((_, letter)) = LONG.iter().find(|(known, _)| known.starts_with(name)) else {
                    return Err(fail(
                        c,
                        &format!("Invalid command arguments (long option '{name}' not supported)"),
                        16,
                    ));
                };
                (letter.to_string(), value)
            }
            None => (arg.get(1..).unwrap_or_default().to_string(), None),
        };
        for (at, letter) in letters.char_indices() {
            match letter {
                '0'..='9' => plan.level = letter.to_digit(10).unwrap_or(6),
                'r' | 'R' => plan.recurse = true,
                'j' => plan.junk = true,
                'q' => plan.quiet = true,
                'v' => plan.verbose = true,
                'd' => plan.delete = true,
                'u' => plan.update = true,
                'f' => plan.freshen = true,
                'm' => plan.moves = true,
                'D' => plan.no_folders = true,
                'y' => plan.links = true,
                '@' => plan.from_stdin = true,
                'T' => plan.test = true,
                'X' => plan.bare = true,
                'x' | 'i' => {
                    list = if letter == 'x' { List::Excluded } else { List::Included };
                    let own = letters.get(at + 1..).unwrap_or_default();
                    if !own.is_empty() {
                        if letter == 'x' { plan.excluded.push(own.into()) } else { plan.included.push(own.into()) }
                    }
                    break;
                }
                'P' | 'b' | 't' | 'n' | 's' => {
                    let own = letters.get(at + 1..).unwrap_or_default().to_string();
                    let given = value.take().or(Some(own).filter(|own| !own.is_empty())).or_else(|| args.next());
                    if letter == 'P' {
                        plan.password = given;
                    }
                    break;
                }
                'e' if plan.password.is_none() => plan.password = Some(String::new()),
                'e' | 'o' | 'l' | 'c' | 'z' | 'A' | 'J' | 'F' | 'g' | 'k' | 'S' => {}
                'h' | 'H' | '?' => {
                    let text = help::find(c.host(), "zip --help").map_or("", |found| found.bytes).to_string();
                    c.out(&text);
                    return Err(0);
                }
                'L' => {
                    let text = help::find(c.host(), "zip --version").map_or("", |found| found.bytes).to_string();
                    c.out(&text);
                    return Err(0);
                }
                _ => {
                    let text = format!("Invalid command arguments (short option '{letter}' not supported)");
                    return Err(fail(c, &text, 16));
                }
            }
        }
    }
    Ok(plan)
}

/// The archive while it is made.
struct Work {
    /// Name with its ending, or `-`.
    path: String,
    members: Vec<(Member, Vec<u8>)>,
    /// How many there were before.
    old: usize,
    added: Vec<String>,
    changed: bool,
    bytes: (u64, u64),
}

pub(in crate::shell::commands) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    if c.args.is_empty() && c.is_tty(1) {
        let text = help::find(c.host(), "zip --help").map_or("", |found| found.bytes).to_string();
        c.out(&text);
        return Ok(0);
    }
    let mut plan = match plan(c) {
        Ok(plan) => plan,
        Err(status) => return Ok(status),
    };
    let Some(given) = plan.archive.clone().or_else(|| plan.names.is_empty().then(|| "-".to_string())) else {
        return Ok(fail(c, "Invalid command arguments (nothing to select from)", 16));
    };
    if plan.password.as_deref() == Some("") {
        plan.password = match password(c).await? {
            Ok(password) => Some(password),
            Err(status) => return Ok(status),
        };
    }
    if plan.from_stdin {
        let input = c.read_all().await?;
        plan.names.extend(text::decode(&input).lines().map(str::to_string));
    }
    if plan.archive.is_none() {
        plan.names.push("-".into());
    }
    let last = given.rsplit('/').next().unwrap_or_default();
    let path = if given == "-" || last.contains('.') { given } else { format!("{given}.zip") };
    if path == "-" && c.is_tty(1) {
        return Ok(fail(c, "Invalid command arguments (cannot write zip file to terminal)", 16));
    }
    let mut work = Work { path, members: Vec::new(), old: 0, added: Vec::new(), changed: false, bytes: (0, 0) };
    if let Err(status) = open(c, &mut work).await? {
        return Ok(status);
    }
    if plan.delete {
        return delete(c, &plan, work).await;
    }
    if plan.names.is_empty() && !plan.test && (plan.update || plan.freshen) {
        plan.names = work.members.iter().map(|(member, _)| text::decode(&member.name)).collect();
    } else if plan.names.is_empty() && !(plan.test && work.old > 0) {
        return Ok(fail(c, &format!("Nothing to do! ({})", work.path), 12));
    }
    let candidates = candidates(c, &plan, &work.path).await?;
    for (shown, path, stat) in candidates {
        add(c, &plan, &mut work, &shown, &path, stat).await?;
        c.tick().await?;
    }
    if !work.changed {
        if plan.test && work.old > 0 {
            c.out(&format!("test of {} OK\n", work.path));
            return Ok(0);
        }
        // Nothing was newer: said by the status alone.
        if plan.update || plan.freshen {
            return Ok(12);
        }
        let path = work.path.clone();
        return Ok(fail(c, &format!("Nothing to do! ({path})"), 12));
    }
    if plan.verbose {
        let (size, small) = work.bytes;
        say(
            c,
            &plan,
            &work.path,
            &format!("total bytes={size}, compressed={small} -> {}% savings\n", gain(size, small)),
        );
    }
    let status = save(c, &work).await?;
    if plan.test && status == 0 {
        say(c, &plan, &work.path, &format!("test of {} OK\n", work.path));
    }
    if plan.moves && status == 0 {
        for path in work.added.iter().rev() {
            let full = c.path(path);
            if c.lstat(path).is_ok_and(|stat| stat.is_folder()) {
                let _ = c.host().remove_folder(c.who(), &full);
            } else {
                let _ = c.host().remove_file(c.who(), &full);
            }
        }
    }
    Ok(status)
}

/// What zip tells goes to standard error when the archive goes to standard output.
fn say(c: &mut Cmd, plan: &Plan, path: &str, text: &str) {
    if plan.quiet {
        return;
    }
    if path == "-" { c.err(text) } else { c.out(text) }
}

async fn password(c: &mut Cmd) -> Result<Result<String, i32>, Stop> {
    if !c.is_tty(0) {
        return Ok(Err(fail(c, "Invalid command arguments (stdin is not a terminal)", 16)));
    }
    let mut words = Vec::new();
    for question in ["Enter password: ", "Verify password: "] {
        c.err(question);
        c.flush().await?;
        let line = c.read_line().await?.unwrap_or_default();
        words.push(text::decode(line.trim_ascii_end()));
        c.err("\n");
    }
    if words.first() != words.last() {
        return Ok(Err(fail(c, "Invalid command arguments (password verification failed)", 16)));
    }
    Ok(Ok(words.pop().unwrap_or_default()))
}

/// Reads an archive that exists.
async fn open(c: &mut Cmd, work: &mut Work) -> Result<Result<(), i32>, Stop> {
    if work.path == "-" || c.stat(&work.path).is_err() {
        return Ok(Ok(()));
    }
    let file = match c.slurp(&work.path).await? {
        Ok(file) => file,
        Err(error) => {
            let text = format!("Could not create output file (was replacing the original zip file: {})", error.text());
            return Ok(Err(fail(c, &text, 15)));
        }
    };
    let Some((members, _)) = archive::read(&file) else {
        c.out(
            "\tzip warning: missing end signature--probably not a zip file (did you\n\tzip warning: remember to use \
             binary mode when you transferred it?)\n\tzip warning: (if you are trying to read a damaged archive try \
             -F)\n",
        );
        let path = work.path.clone();
        return Ok(Err(fail(c, &format!("Zip file structure invalid ({path})"), 3)));
    };
    c.spend(members.len() as u64).await?;
    work.old = members.len();
    for member in members {
        let data = file.get(member.data.0..member.data.1.min(file.len())).unwrap_or_default().to_vec();
        // Sizes that followed the data are now in front of it.
        let member = Member { flags: member.flags & !8, ..member };
        work.members.push((member, data));
    }
    Ok(Ok(()))
}

async fn save(c: &mut Cmd, work: &Work) -> Result<i32, Stop> {
    let out = archive::write(&work.members, b"");
    c.spend(out.len() as u64 / 2000).await?;
    if work.path == "-" {
        c.out_bytes(&out);
        return Ok(0);
    }
    if let Err(error) = c.write_file(&work.path, &out) {
        let path = work.path.clone();
        c.out(&format!("zip I/O error: {}\n", error.text()));
        return Ok(fail(c, &format!("Could not create output file ({path})"), 15));
    }
    Ok(0)
}

async fn delete(c: &mut Cmd, plan: &Plan, mut work: Work) -> Result<i32, Stop> {
    let before = work.members.len();
    for pattern in &plan.names {
        let glob = text::encode(pattern);
        let mut gone = Vec::new();
        work.members.retain(|(member, _)| {
            let hit = glob::matches(&glob, &member.name, false);
            if hit {
                gone.push(text::decode(&member.name));
            }
            !hit
        });
        c.spend(work.members.len() as u64 / 4).await?;
        if gone.is_empty() {
            c.out(&format!("\tzip warning: name not matched: {pattern}\n"));
        }
        for name in gone {
            say(c, plan, &work.path, &format!("deleting: {name}\n"));
        }
    }
    if work.members.len() == before {
        let path = work.path.clone();
        return Ok(fail(c, &format!("Nothing to do! ({path})"), 12));
    }
    if work.members.is_empty() {
        c.out("\tzip warning: zip file empty\n");
        let _ = c.host().remove_file(c.who(), &c.path(&work.path));
        return Ok(0);
    }
    save(c, &work).await
}

/// What the operands stand for: the name in the archive, the path, and what lies there (`None`: standard input).
async fn candidates(c: &mut Cmd, plan: &Plan, own: &str) -> Result<Vec<(String, String, Option<Stat>)>, Stop> {
    let mut list = Vec::new();
    let archive = crate::world::resolve(c.cwd(), &c.path(own));
    for operand in &plan.names {
        if operand == "-" {
            list.push(("-".to_string(), String::new(), None));
            continue;
        }
        let mut todo = vec![operand.clone()];
        let mut first = true;
        while let Some(path) = todo.pop() {
            c.spend(10).await?;
            if list.len() > NAMES {
                break;
            }
            let stat = match if plan.links { c.lstat(&path) } else { c.stat(&path) } {
                Ok(stat) => stat,
                Err(_) => {
                    if first {
                        c.out(&format!("\tzip warning: name not matched: {operand}\n"));
                    }
                    first = false;
                    continue;
                }
            };
            first = false;
            if crate::world::resolve(c.cwd(), &c.path(&path)) == archive {
                continue;
            }
            let mut shown = path.as_str();
            loop {
                let shorter = shown.strip_prefix("./").or_else(|| shown.strip_prefix('/'));
                let Some(shorter) = shorter else { break };
                shown = shorter;
            }
            let mut shown = shown.trim_end_matches('/').to_string();
            if plan.junk {
                shown = shown.rsplit('/').next().unwrap_or_default().to_string();
            }
            if stat.is_folder() && plan.recurse {
                let base = if path.ends_with('/') { path.clone() } else { format!("{path}/") };
                for (name, _) in c.list(&path).unwrap_or_default().into_iter().rev() {
                    todo.push(format!("{base}{}", text::decode(&name)));
                }
            }
            if stat.is_folder() {
                if plan.junk || plan.no_folders || shown.is_empty() || shown == "." {
                    continue;
                }
                shown.push('/');
            } else if !matches!(stat.kind, FileKind::File | FileKind::Link) {
                c.out(&format!("\tzip warning: ignoring special file: {path}\n"));
                continue;
            }
            let name = text::encode(&shown);
            let hit = |patterns: &[String]| patterns.iter().any(|p| glob::matches(&text::encode(p), &name, false));
            if hit(&plan.excluded) || !plan.included.is_empty() && !hit(&plan.included) {
                continue;
            }
            list.push((shown, path, Some(stat)));
        }
    }
    Ok(list)
}

/// Savings in percent, rounded.
fn gain(size: u64, small: u64) -> i64 {
    if size == 0 {
        return 0;
    }
    let (size, small) = (i128::from(size), i128::from(small));
    let twice = 200 * (size - small) / size;
    i64::try_from((twice + if twice < 0 { -1 } else { 1 }) / 2).unwrap_or(0)
}

/// Text, as zip decides it: nothing but printing characters and white space.
fn is_text(bytes: &[u8]) -> bool {
    let black = |byte: &u8| matches!(byte, 0..=6 | 14..=25 | 28..=31);
    bytes.iter().any(|byte| matches!(byte, 9 | 10 | 13 | 32..)) && !bytes.iter().any(black)
}

async fn add(
    c: &mut Cmd,
    plan: &Plan,
    work: &mut Work,
    shown: &str,
    path: &str,
    stat: Option<Stat>,
) -> Result<(), Stop> {
    let name = text::encode(shown);
    let place = work.members.iter().position(|(member, _)| member.name == name);
    let modified = stat.as_ref().map_or_else(|| c.now().as_second(), |stat| stat.modified.secs);
    if let Some((old, _)) = place.and_then(|at| work.members.get(at))
        && (plan.update || plan.freshen)
        && old.modified >= modified
    {
        return Ok(());
    }
    if plan.freshen && place.is_none() {
        return Ok(());
    }
    let held: usize = work.members.iter().map(|(_, data)| data.len()).sum();
    let data = match &stat {
        _ if held > c.bound() => return Ok(()),
        None => c.read_all().await?,
        Some(stat) if stat.is_folder() => Vec::new(),
        Some(stat) if stat.kind == FileKind::Link => c.host().read_link(c.who(), &c.path(path)).unwrap_or_default(),
        Some(_) => match c.slurp(path).await? {
            Ok(data) => data,
            Err(error) => {
                c.out(&format!("\tzip warning: could not open for reading: {path}\n\tzip warning: {}\n", error.text()));
                return Ok(());
            }
        },
    };
    c.spend(data.len() as u64 / 1000).await?;
    let whole_level = if STORED.iter().any(|end| shown.ends_with(end)) { 0 } else { plan.level };
    let mut body = Vec::new();
    if whole_level > 0 && !data.is_empty() {
        body = packed::deflate(c, &data, whole_level).await?;
    }
    let deflated = whole_level > 0 && !data.is_empty() && body.len() < data.len();
    if !deflated {
        body = data.clone();
    }
    let effort = match whole_level {
        _ if !deflated => 0,
        1 => 3,
        2 => 2,
        8.. => 1,
        _ => 0,
    };
    let sum = archive::sum(&data);
    let (uid, gid) = stat.as_ref().map_or((0, 0), |stat| (stat.uid, stat.gid));
    let bits = stat.as_ref().map_or(0o010_600, |stat| stat.kind.bits() | stat.mode);
    let mut member = Member {
        name,
        flags: effort << 1,
        method: if deflated { 8 } else { 0 },
        sum,
        packed: 0,
        size: data.len() as u64,
        made_by: 0x031e,
        internal: u16::from(is_text(&data) && !stat.as_ref().is_some_and(|stat| stat.kind == FileKind::Link)),
        external: bits << 16 | if stat.as_ref().is_some_and(Stat::is_folder) { 0x10 } else { 0 },
        modified,
        owner: (!plan.bare).then_some((uid, gid)),
        data: (0, 0),
        has_extra: !plan.bare,
    };
    let small = body.len() as u64;
    if let Some(password) = plan.password.as_deref().filter(|_| !stat.as_ref().is_some_and(Stat::is_folder)) {
        c.spend(body.len() as u64 / 50).await?;
        let mut keys = Keys::new(&text::encode(password));
        let [.., high] = sum.to_le_bytes();
        let head: [u8; 11] = rand::random();
        body = head.into_iter().chain([high]).chain(body).map(|byte| keys.encrypt(byte)).collect();
        member.flags |= 1;
    }
    let verb = if place.is_some() { "updating" } else { "  adding" };
    let size = data.len() as u64;
    let how = if deflated { "deflated" } else { "stored" };
    let sizes = if plan.verbose && !stat.as_ref().is_some_and(Stat::is_folder) {
        format!("\t(in={size}) (out={small})")
    } else {
        String::new()
    };
    say(c, plan, &work.path, &format!("{verb}: {shown}{sizes} ({how} {}%)\n", gain(size, small)));
    work.bytes = (work.bytes.0 + size, work.bytes.1 + small);
    work.changed = true;
    work.added.push(path.to_string());
    match place.and_then(|at| work.members.get_mut(at)) {
        Some(slot) => *slot = (member, body),
        None => work.members.push((member, body)),
    }
    Ok(())
}
