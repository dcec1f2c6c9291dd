//! `unzip` and `zipinfo` (Info-ZIP UnZip 6.00).

use super::super::times::Moment;
use super::super::{glob, help, packed};
use super::archive::{self, Keys, Member};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::{Errno, FileKind, Stat, Time};

#[derive(Default)]
struct Plan {
    list: bool,
    verbose: bool,
    test: bool,
    pipe: bool,
    show: bool,
    comment: bool,
    overwrite: bool,
    never: bool,
    update: bool,
    freshen: bool,
    junk: bool,
    lower: bool,
    any_case: bool,
    text: bool,
    quiet: usize,
    info: Option<Info>,
    folder: Option<String>,
    password: Option<String>,
    wanted: Vec<String>,
    unwanted: Vec<String>,
}

/// The forms of `zipinfo`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Info {
    Table,
    Names,
    Head,
}

fn usage(c: &mut Cmd, error: bool) -> i32 {
    let question = if c.base() == "zipinfo" { "zipinfo --help" } else { "unzip --help" };
    let text = help::find(c.host(), question).map_or("", |found| found.bytes).to_string();
    if error {
        c.err(&text)
    } else {
        c.out(&text)
    }
    if error { 10 } else { 0 }
}

/// Reads the arguments; the archives' names, or the status when all is said.
fn plan(c: &mut Cmd) -> Result<(Plan, Vec<String>), i32> {
    let mut plan = Plan { info: (c.base() == "zipinfo").then_some(Info::Table), ..Plan::default() };
    let mut args = c.args.clone().into_iter().peekable();
    let mut archive = None;
    let mut excluding = false;
    let mut plain = false;
    while let Some(arg) = args.next() {
        let options = !plain
            && arg.len() > 1
            && arg.starts_with('-')
            && (archive.is_none() || arg.starts_with("-x") || arg.starts_with("-d"));
        if !options {
            match &archive {
                None => archive = Some(arg),
                Some(_) if excluding => plan.unwanted.push(arg),
                Some(_) => plan.wanted.push(arg),
            }
            continue;
        }
        if arg == "--" {
            plain = true;
            continue;
        }
        for (at, letter) in arg.char_indices().skip(1) {
            let rest = arg.get(at + 1..).unwrap_or_default().to_string();
            match letter {
                'd' | 'P' => {
                    let value = if rest.is_empty() { args.next() } else { Some(rest) };
                    let Some(value) = value else {
                        c.err(if letter == 'd' {
                            "error:  must specify directory to which to extract with -d option\n"
                        } else {
                            "error:  must give decryption password with -P option\n"
                        });
                        return Err(10);
                    };
                    if letter == 'd' {
                        plan.folder = Some(value)
                    } else {
                        plan.password = Some(value)
                    }
                    excluding = false;
                    break;
                }
                'x' if archive.is_some() => excluding = true,
                'Z' => plan.info = Some(Info::Table),
                '1' if plan.info.is_some() => plan.info = Some(Info::Names),
                'h' if plan.info.is_some() => plan.info = Some(Info::Head),
                's' | 'm' | 'l' | 't' | 'v' | 'T' | '2' | 'M' if plan.info.is_some() => {}
                'h' => return Err(usage(c, false)),
                'l' => plan.list = true,
                'v' => (plan.list, plan.verbose) = (true, true),
                't' => plan.test = true,
                'p' => plan.pipe = true,
                'c' => plan.show = true,
                'z' => plan.comment = true,
                'o' => plan.overwrite = true,
                'n' => plan.never = true,
                'u' => plan.update = true,
                'f' => plan.freshen = true,
                'j' => plan.junk = true,
                'L' => plan.lower = true,
                'C' => plan.any_case = true,
                'a' => plan.text = true,
                'q' => plan.quiet += 1,
                'x' | 'U' | 'X' | 'K' | 'V' | 'M' | ':' | '^' | 'b' | 'D' | 'W' | 'T' | 's' | 'I' | 'O' => {}
                _ => return Err(usage(c, true)),
            }
        }
    }
    match archive {
        Some(archive) => Ok((plan, vec![archive])),
        None if c.args.is_empty() => Err(usage(c, false)),
        None => Err(usage(c, true)),
    }
}

pub(in crate::shell::commands) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    let (plan, names) = match plan(c) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    let name = names.into_iter().next().unwrap_or_default();
    let mut places = vec![name.clone()];
    if name.contains(['*', '?', '[']) && c.stat(&name).is_err() {
        places = expanded(c, &name);
    }
    if places.len() < 2 {
        let place = places.into_iter().next().unwrap_or(name);
        return one(c, &plan, &place).await;
    }
    // Several archives: each in its turn, then a count.
    let (mut good, mut warned, mut lost, mut worst) = (0, 0, 0, 0);
    for place in places {
        match one(c, &plan, &place).await? {
            0 => good += 1,
            1 | 11 => warned += 1,
            9 => lost += 1,
            _ => warned += 1,
        }
        worst = worst.max(if lost > 0 { 9 } else { 0 });
        c.out("\n");
    }
    let count = |count: u32, one: &str, many: &str| match count {
        0 => String::new(),
        1 => format!("1 {one}\n"),
        count => format!("{count} {many}\n"),
    };
    let told = [
        count(good, "archive was successfully processed.", "archives were successfully processed."),
        count(warned, "archive had warnings but no fatal errors.", "archives had warnings but no fatal errors."),
        count(lost, "file had no zipfile directory.", "files had no zipfile directory."),
    ];
    c.err(&told.concat());
    Ok(worst)
}

/// The files that a pattern stands for; only the last part of a path may be one.
fn expanded(c: &Cmd, pattern: &str) -> Vec<String> {
    let (folder, last) = pattern.rsplit_once('/').map_or((".", pattern), |(folder, last)| (folder, last));
    let lead = if folder == "." { String::new() } else { format!("{folder}/") };
    let names = c.list(folder).unwrap_or_default().into_iter();
    let fits = |(name, stat): (Vec<u8>, Stat)| {
        let own = !stat.is_folder() && glob::matches(&text::encode(last), &name, false);
        own.then(|| format!("{lead}{}", text::decode(&name)))
    };
    names.filter_map(fits).collect()
}

async fn one(c: &mut Cmd, plan: &Plan, name: &str) -> Result<i32, Stop> {
    let own = c.base().to_string();
    let tries = [name.to_string(), format!("{name}.zip"), format!("{name}.ZIP")];
    let found = tries.iter().find(|path| c.stat(path).is_ok_and(|stat| !stat.is_folder()));
    let Some(path) = found.cloned() else {
        c.err(&format!("{own}:  cannot find or open {name}, {name}.zip or {name}.ZIP.\n"));
        return Ok(9);
    };
    let file = match c.slurp(&path).await? {
        Ok(file) => file,
        Err(error) => {
            c.err(&format!("error:  cannot open zipfile [ {path} ]\n        {}\n", error.text()));
            return Ok(9);
        }
    };
    let quiet = plan.quiet > 0 || plan.pipe || plan.info == Some(Info::Names);
    if !quiet {
        c.out(&format!("Archive:  {path}\n"));
    }
    let Some((members, comment)) = archive::read(&file) else {
        c.flush().await?;
        c.err(
            "  End-of-central-directory signature not found.  Either this file is not\n  a zipfile, or it constitutes \
             one disk of a multi-part archive.  In the\n  latter case the central directory and zipfile comment will \
             be found on\n  the last disk(s) of this archive.\n",
        );
        c.err(&format!(
            "{own}:  cannot find zipfile directory in one of {name} or\n        {name}.zip, and cannot find {name}.ZIP, period.\n"
        ));
        return Ok(9);
    };
    c.spend(members.len() as u64).await?;
    if !comment.is_empty() && !quiet && plan.info.is_none() {
        c.out(&format!("{}\n", text::decode(&comment)));
    }
    if plan.comment {
        return Ok(0);
    }
    let (chosen, missed) = choose(plan, &members);
    if let Some(form) = plan.info {
        info(c, form, file.len(), &chosen);
        return Ok(0);
    }
    let status = if plan.list {
        list(c, plan, &chosen);
        0
    } else {
        extract(c, plan, &path, &file, &chosen).await?
    };
    if plan.list && chosen.is_empty() && !plan.wanted.is_empty() {
        return Ok(11);
    }
    if !plan.list {
        for pattern in &missed {
            c.flush().await?;
            c.err(&format!("caution: filename not matched:  {pattern}\n"));
        }
    }
    Ok(if status == 0 && !missed.is_empty() && (!plan.list || chosen.is_empty()) { 11 } else { status })
}

/// The members that were asked for, and the patterns that none of them fits.
fn choose<'a>(plan: &Plan, members: &'a [Member]) -> (Vec<&'a Member>, Vec<String>) {
    let fits = |pattern: &String, member: &Member| glob::matches(&text::encode(pattern), &member.name, plan.any_case);
    let wanted = |member: &&Member| {
        (plan.wanted.is_empty() || plan.wanted.iter().any(|pattern| fits(pattern, member)))
            && !plan.unwanted.iter().any(|pattern| fits(pattern, member))
    };
    let chosen = members.iter().filter(wanted).collect();
    let missed = plan.wanted.iter().filter(|pattern| !members.iter().any(|member| fits(pattern, member)));
    (chosen, missed.cloned().collect())
}

/// How much smaller, in percent, as the listing rounds it.
fn percent(size: u64, packed: u64) -> i64 {
    if size == 0 {
        return 0;
    }
    let (size, packed) = (size as i128, packed as i128);
    let tenths = (size - packed) * 1000 / size;
    i64::try_from((tenths + if tenths < 0 { -5 } else { 5 }) / 10).unwrap_or(0)
}

fn method(member: &Member) -> String {
    match member.method {
        0 => "Stored".into(),
        8 => {
            let effort = ["N", "X", "F", "S"].get(usize::from(member.flags >> 1 & 3)).copied().unwrap_or("N");
            format!("Defl:{effort}")
        }
        12 => "BZip2".into(),
        14 => "LZMA".into(),
        other => format!("Unk:{other:03}"),
    }
}

fn list(c: &mut Cmd, plan: &Plan, members: &[&Member]) {
    let bare = plan.quiet > 1;
    if !bare {
        c.out(if plan.verbose {
            " Length   Method    Size  Cmpr    Date    Time   CRC-32   Name\n--------  ------  ------- ---- ---------- ----- --------  ----\n"
        } else {
            "  Length      Date    Time    Name\n---------  ---------- -----   ----\n"
        });
    }
    let (mut total, mut small) = (0u64, 0u64);
    for member in members {
        let when = Moment::of(Time::at(member.modified)).format("%Y-%m-%d %H:%M");
        let name = text::decode(&member.name);
        // The header of encrypted data does not count.
        let packed = member.packed.saturating_sub(if member.is_encrypted() { 12 } else { 0 });
        if plan.verbose {
            c.out(&format!(
                "{:>8}  {:<6} {packed:>8} {:>3}% {when} {:08x}  {name}\n",
                member.size,
                method(member),
                percent(member.size, packed),
                member.sum
            ));
        } else {
            c.out(&format!("{:>9}  {when}   {name}\n", member.size));
        }
        total = total.saturating_add(member.size);
        small = small.saturating_add(packed);
    }
    if bare {
        return;
    }
    let files = if members.len() == 1 { "1 file".to_string() } else { format!("{} files", members.len()) };
    if plan.verbose {
        c.out("--------          -------  ---                            -------\n");
        c.out(&format!(
            "{total:>8}         {small:>8} {:>3}%                            {files}\n",
            percent(total, small)
        ));
    } else {
        c.out(&format!("---------                     -------\n{total:>9}                     {files}\n"));
    }
}

/// `zipinfo`
fn info(c: &mut Cmd, form: Info, length: usize, members: &[&Member]) {
    let count = members.len();
    if form == Info::Names {
        members.iter().for_each(|member| c.out(&format!("{}\n", text::decode(&member.name))));
        return;
    }
    c.out(&format!("Zip file size: {length} bytes, number of entries: {count}\n"));
    if form == Info::Head {
        return;
    }
    let (mut total, mut small) = (0u64, 0u64);
    for member in members {
        let stat = Stat {
            ino: 0,
            kind: match member.mode() & 0o170_000 {
                0o120_000 => FileKind::Link,
                0o040_000 => FileKind::Folder,
                _ if member.is_folder() => FileKind::Folder,
                _ => FileKind::File,
            },
            mode: member.mode() & 0o7777,
            nlink: 1,
            uid: 0,
            gid: 0,
            size: member.size,
            rdev: (0, 0),
            accessed: Time::at(0),
            modified: Time::at(0),
            changed: Time::at(0),
            flags: 0,
            dev: 0,
        };
        let version = member.made_by & 255;
        let kind = match (member.internal & 1 == 1, member.is_encrypted()) {
            (true, false) => 't',
            (true, true) => 'T',
            (false, false) => 'b',
            (false, true) => 'B',
        };
        let extra = if member.has_extra { 'x' } else { '-' };
        let method = match member.method {
            0 => "stor".to_string(),
            8 => format!("def{}", ["N", "X", "F", "S"].get(usize::from(member.flags >> 1 & 3)).unwrap_or(&"N")),
            other => format!("u{other:03}"),
        };
        let system = if member.made_by >> 8 == 3 { "unx" } else { "fat" };
        let when = Moment::of(Time::at(member.modified)).format("%y-%b-%d %H:%M");
        c.out(&format!(
            "{}  {}.{} {system} {:>8} {kind}{extra} {method} {when} {}\n",
            stat.permissions(),
            version / 10,
            version % 10,
            member.size,
            text::decode(&member.name)
        ));
        total = total.saturating_add(member.size);
        small = small.saturating_add(member.packed);
    }
    let files = if count == 1 { "file" } else { "files" };
    let gain = if total == 0 { 0.0 } else { 100.0 * (total as f64 - small as f64) / total as f64 };
    c.out(&format!("{count} {files}, {total} bytes uncompressed, {small} bytes compressed:  {gain:.1}%\n"));
}

/// The content of a member, or why there is none: the words and the status.
async fn content(
    c: &mut Cmd,
    plan: &Plan,
    file: &[u8],
    member: &Member,
) -> Result<Result<Vec<u8>, (String, i32)>, Stop> {
    let raw = file.get(member.data.0..member.data.1.min(file.len())).unwrap_or_default();
    let mut data = raw.to_vec();
    if member.is_encrypted() {
        let Some(password) = &plan.password else { return Ok(Err(("unable to get password".into(), 5))) };
        c.spend(data.len() as u64 / 50).await?;
        let mut keys = Keys::new(&text::encode(password));
        data.iter_mut().for_each(|byte| *byte = keys.decrypt(*byte));
        let [.., high] = member.sum.to_le_bytes();
        let check = data.get(11).copied();
        data.drain(..12.min(data.len()));
        if check != Some(high) && member.flags & 8 == 0 {
            return Ok(Err(("incorrect password".into(), 82)));
        }
    }
    let most = usize::try_from(member.size).unwrap_or(usize::MAX);
    Ok(match member.method {
        0 => Ok(data),
        8 => {
            let (mut out, whole) = packed::inflate(c, &data, most).await?;
            out.truncate(most);
            if whole { Ok(out) } else { Err(("  error:  invalid compressed data to inflate".into(), 2)) }
        }
        other => Err((format!("unsupported compression method {other}"), 81)),
    })
}

async fn extract(c: &mut Cmd, plan: &Plan, path: &str, file: &[u8], members: &[&Member]) -> Result<i32, Stop> {
    if let Some(folder) = plan.folder.as_deref().filter(|_| !plan.test && !plan.pipe && !plan.show)
        && !c.stat(folder).is_ok_and(|stat| stat.is_folder())
        && let Err(error) = c.host().make_folder(c.who(), &c.path(folder), 0o777)
    {
        c.flush().await?;
        c.err(&format!("checkdir:  cannot create extraction directory: {folder}\n           {}\n", error.text()));
        return Ok(2);
    }
    let mut status = 0;
    let mut answer = if plan.overwrite {
        'A'
    } else if plan.never {
        'N'
    } else {
        '?'
    };
    let mut links = Vec::new();
    let mut folders = Vec::new();
    for member in members {
        c.spend(20).await?;
        c.tick().await?;
        let shown = text::decode(&member.name);
        if plan.junk && member.is_folder() {
            continue;
        }
        let mut target = inside(c, plan, &shown);
        if plan.test || plan.pipe || plan.show {
            status = status.max(look(c, plan, file, member, &shown).await?);
            continue;
        }
        if member.is_folder() {
            if c.stat(&target).is_err() {
                parents(c, &target);
                if plan.quiet == 0 {
                    c.out(&format!("   creating: {target}\n"));
                }
                let _ = c.host().make_folder(c.who(), &c.path(&target), 0o777);
                folders.push((target, *member));
            }
            continue;
        }
        let there = c.lstat(&target);
        if plan.freshen && there.is_err() {
            continue;
        }
        if let Ok(stat) = &there {
            if (plan.freshen || plan.update) && stat.modified.secs >= member.modified {
                continue;
            }
            match ask(c, &mut answer, &mut target).await? {
                Choice::Write => {}
                Choice::Skip => continue,
                Choice::End => {
                    status = status.max(1);
                    continue;
                }
            }
        }
        let data = match content(c, plan, file, member).await? {
            Ok(data) => data,
            Err((text, 2)) => {
                c.out(&format!("  inflating: {target:<22}  "));
                c.flush().await?;
                c.err(&format!("\n{text}\n"));
                status = status.max(2);
                continue;
            }
            Err((text, code)) => {
                c.flush().await?;
                c.err(&format!("   skipping: {target:<22}  {text}\n"));
                status = status.max(code);
                continue;
            }
        };
        parents(c, &target);
        if member.is_link() {
            let to = text::decode(&data);
            if plan.quiet == 0 {
                c.out(&format!("    linking: {target:<22}  -> {to} \n"));
            }
            links.push((target, to));
            continue;
        }
        if plan.quiet == 0 {
            let verb = if member.method == 0 { " extracting" } else { "  inflating" };
            c.out(&format!("{verb}: {target:<22}  "));
        }
        match store(c, member, &target, &data) {
            Ok(()) => {}
            Err(error) => {
                c.flush().await?;
                let line = if plan.quiet == 0 { "\n" } else { "" };
                c.err(&format!("{line}error:  cannot create {target}\n        {}\n", error.text()));
                status = status.max(50);
                continue;
            }
        }
        if archive::sum(&data) == member.sum {
            c.out(if plan.quiet == 0 { "\n" } else { "" });
        } else {
            c.flush().await?;
            c.err(&format!(" bad CRC {:08x}  (should be {:08x})\n", archive::sum(&data), member.sum));
            status = status.max(2);
        }
    }
    if !links.is_empty() && plan.quiet == 0 {
        c.out("finishing deferred symbolic links:\n");
    }
    for (target, to) in links {
        if plan.quiet == 0 {
            c.out(&format!("  {target:<22} -> {to}\n"));
        }
        let full = c.path(&target);
        let _ = c.host().remove_file(c.who(), &full);
        let _ = c.host().symlink(c.who(), &text::encode(&to), &full);
    }
    for (target, member) in folders.into_iter().rev() {
        if member.mode() != 0 {
            let _ = c.host().set_mode(c.who(), &c.path(&target), member.mode() & 0o777);
        }
        let _ = c.host().set_times(c.who(), &c.path(&target), None, Some(Time::at(member.modified)), true);
    }
    if plan.test && members.is_empty() {
        return Ok(status);
    }
    if plan.test {
        c.out(&if status == 0 {
            format!("No errors detected in compressed data of {path}.\n")
        } else {
            format!("At least one error was detected in {path}.\n")
        });
    }
    Ok(status)
}

/// `-t`, `-p` and `-c`.
async fn look(c: &mut Cmd, plan: &Plan, file: &[u8], member: &Member, shown: &str) -> Result<i32, Stop> {
    if !plan.test && member.is_folder() {
        return Ok(0);
    }
    let data = match content(c, plan, file, member).await? {
        Ok(data) => data,
        Err((text, code)) => {
            c.flush().await?;
            c.err(&format!("   skipping: {shown:<22}  {text}\n"));
            return Ok(code);
        }
    };
    if plan.pipe || plan.show {
        if plan.show && plan.quiet == 0 {
            let verb = if member.method == 0 { " extracting" } else { "  inflating" };
            c.out(&format!("{verb}: {shown:<22}  \n"));
        }
        c.out_bytes(&data);
        c.flush().await?;
        if plan.show && plan.quiet == 0 {
            c.out("\n");
        }
        return Ok(0);
    }
    if plan.quiet == 0 {
        c.out(&format!("    testing: {shown:<22}  "));
    }
    if archive::sum(&data) == member.sum {
        c.out(if plan.quiet == 0 { " OK\n" } else { "" });
        return Ok(0);
    }
    c.flush().await?;
    c.err(&format!(" bad CRC {:08x}  (should be {:08x})\n", archive::sum(&data), member.sum));
    Ok(2)
}

/// Where a member goes: below the folder, never out of it.
fn inside(c: &mut Cmd, plan: &Plan, shown: &str) -> String {
    let mut name = shown.to_string();
    if name.starts_with('/') {
        c.err(&format!("warning:  stripped absolute path spec from {name}\n"));
        name = name.trim_start_matches('/').to_string();
    }
    if name.split('/').any(|part| part == "..") {
        c.err(&format!("warning:  skipped \"../\" path component(s) in {shown}\n"));
        name = name.split('/').filter(|part| *part != "..").collect::<Vec<_>>().join("/");
    }
    if plan.junk {
        name = name.rsplit('/').next().unwrap_or_default().to_string();
    }
    if plan.lower {
        name = name.to_lowercase();
    }
    match &plan.folder {
        Some(folder) => format!("{}/{name}", folder.trim_end_matches('/')),
        None => name,
    }
}

fn parents(c: &mut Cmd, target: &str) {
    for (at, _) in target.trim_end_matches('/').match_indices('/').filter(|(at, _)| *at > 0) {
        let folder = target.get(..at).unwrap_or_default();
        let _ = c.host().make_folder(c.who(), &c.path(folder), 0o777);
    }
}

fn store(c: &mut Cmd, member: &Member, target: &str, data: &[u8]) -> Result<(), Errno> {
    let full = c.path(target);
    if c.lstat(target).is_ok() {
        c.host().remove_file(c.who(), &full)?;
    }
    c.write_file(target, data)?;
    if member.mode() != 0 {
        let _ = c.host().set_mode(c.who(), &full, member.mode() & 0o777);
    }
    let time = Some(Time::at(member.modified));
    let _ = c.host().set_times(c.who(), &full, time, time, true);
    Ok(())
}

enum Choice {
    Write,
    Skip,
    /// Nobody answers any more.
    End,
}

/// Asks what is to be done with a file that exists.
async fn ask(c: &mut Cmd, answer: &mut char, target: &mut String) -> Result<Choice, Stop> {
    match answer {
        'A' => return Ok(Choice::Write),
        'N' => return Ok(Choice::Skip),
        'E' => return Ok(Choice::End),
        _ => {}
    }
    loop {
        c.flush().await?;
        c.err(&format!("replace {target}? [y]es, [n]o, [A]ll, [N]one, [r]ename: "));
        c.flush().await?;
        let Some(line) = c.read_line().await? else {
            c.err(" NULL\n(EOF or read error, treating as \"[N]one\" ...)\n");
            *answer = 'E';
            return Ok(Choice::End);
        };
        match line.first().copied() {
            Some(b'y' | b'Y') => return Ok(Choice::Write),
            Some(b'n') => return Ok(Choice::Skip),
            Some(b'A') => *answer = 'A',
            Some(b'N') => *answer = 'N',
            Some(b'r' | b'R') => {
                c.err("new name: ");
                c.flush().await?;
                let name = c.read_line().await?.unwrap_or_default();
                let name = text::decode(name.trim_ascii_end());
                if name.is_empty() {
                    continue;
                }
                let folder = target.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
                *target = format!("{folder}{name}");
                if c.lstat(target).is_err() {
                    return Ok(Choice::Write);
                }
                continue;
            }
            _ => {
                c.err(&format!("error:  invalid response [{}]\n", text::decode(line.trim_ascii_end())));
                continue;
            }
        }
        return Ok(if *answer == 'A' { Choice::Write } else { Choice::Skip });
    }
}
