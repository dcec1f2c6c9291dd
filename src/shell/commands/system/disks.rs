//! `df`, `mount`, `umount`, `findmnt`, `lsblk`, `blkid`, `swapon`, `swapoff`, and what makes file systems.

mod devices;
mod output;

pub(super) use devices::{blkid, lsblk, make, swapoff, swapon};

use super::common::{decode, file, is_root};
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::text;
use crate::world::{FileKind, StatFs};

/// How `df` writes sizes.
#[derive(Clone, Copy)]
enum Blocks {
    Of(u64),
    Human(f64),
}

fn scaled(kib: u64, blocks: Blocks) -> String {
    match blocks {
        Blocks::Of(size) => (kib * 1024).div_ceil(size.max(1)).to_string(),
        Blocks::Human(base) => human(kib * 1024, base),
    }
}

/// Rounded up, with one digit behind the point below ten.
pub(super) fn human(bytes: u64, base: f64) -> String {
    let mut value = bytes as f64;
    if value < base {
        return bytes.to_string();
    }
    let units = if base < 1010.0 { ["k", "M", "G", "T", "P", "E"] } else { ["K", "M", "G", "T", "P", "E"] };
    let mut unit = "";
    for next in units {
        value /= base;
        unit = next;
        let up = if value < 9.95 { (value * 10.0).ceil() / 10.0 } else { value.ceil() };
        if up < base {
            return if up < 10.0 { format!("{up:.1}{unit}") } else { format!("{up:.0}{unit}") };
        }
    }
    format!("{value:.0}{unit}")
}

pub(super) fn df(c: &mut Cmd) -> i32 {
    const TABLE: &str = "a,all B,block-size= h,human-readable H,si i,inodes k l,local m no-sync output? P,portability sync \
                         total t,type= T,print-type v x,exclude-type=";
    let found = match options::take(c, TABLE, 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    let blocks = match found.last(&["B", "h", "H", "k", "m"]) {
        Some("h") => Blocks::Human(1024.0),
        Some("H") => Blocks::Human(1000.0),
        Some("m") => Blocks::Of(1_048_576),
        Some("B") => match block_size(found.value("B").unwrap_or_default()) {
            Some(blocks) => blocks,
            None => {
                let text = format!("invalid --block-size argument '{}'", found.value("B").unwrap_or_default());
                c.complain(&text);
                return 1;
            }
        },
        _ => Blocks::Of(1024),
    };
    let fields = match found.has("output").then(|| output::fields(&found)).transpose() {
        Ok(fields) => fields,
        Err(output::Fault::Excluded(letter)) => {
            return options::misuse(c, &format!("options -{letter} and --output are mutually exclusive"), 1);
        }
        Err(output::Fault::Unknown(field)) => {
            let text = format!("option --output: field {} unknown", c.quote(&field));
            return options::misuse(c, &text, 1);
        }
        Err(output::Fault::Twice(field)) => {
            let text = format!("option --output: field {} used more than once", c.quote(&field));
            return options::misuse(c, &text, 1);
        }
    };
    let mut status = 0;
    let mut rows: Vec<StatFs> = Vec::new();
    let mut asked: Vec<String> = Vec::new();
    if found.rest.is_empty() {
        let mut seen = Vec::new();
        for mount in c.host().mounts() {
            let Ok(row) = c.host().statfs(mount.point.as_bytes()) else { continue };
            if (row.total == 0 || seen.contains(&row.mount_point)) && !found.has("a") {
                continue;
            }
            seen.push(row.mount_point.clone());
            rows.push(row);
        }
        let own = |row: &StatFs| row.mount_point.as_slice() == b"/";
        let _ = own;
    }
    for operand in &found.rest.clone() {
        match c.stat(operand) {
            Err(errno) => {
                c.complain(&format!("{operand}: {}", errno.text()));
                status = 1;
            }
            Ok(_) => {
                let path = crate::world::resolve(c.cwd(), &text::encode(operand));
                if let Ok(row) = c.host().statfs(&path) {
                    rows.push(row);
                    asked.push(operand.clone());
                }
            }
        }
    }
    if let Some(fields) = fields {
        let table = output::table(&rows, &asked, &found, blocks, &fields);
        c.out(&table);
        return status;
    }
    rows.retain(|row| found.value("t").is_none_or(|kind| kind == row.kind));
    rows.retain(|row| found.value("x").is_none_or(|kind| kind != row.kind));
    if rows.is_empty() {
        if status == 0 {
            c.complain("no file systems processed");
        }
        return 1;
    }
    let table = table(&rows, &found, blocks, c.applet());
    c.out(&table);
    status
}

fn block_size(text: &str) -> Option<Blocks> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = if number.is_empty() { 1 } else { number.parse().ok()? };
    let factor: u64 = match unit {
        "" => 1,
        "K" | "k" | "KiB" => 1024,
        "KB" => 1000,
        "M" | "MiB" => 1 << 20,
        "MB" => 1_000_000,
        "G" | "GiB" => 1 << 30,
        "GB" => 1_000_000_000,
        "T" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor).filter(|size| *size > 0).map(Blocks::Of)
}

fn table(rows: &[StatFs], found: &options::Options, blocks: Blocks, applet: bool) -> String {
    let posix = found.has("P");
    let inodes = found.has("i");
    let unit = match blocks {
        Blocks::Human(_) => "Size".to_string(),
        Blocks::Of(1024) if posix => "1024-blocks".into(),
        Blocks::Of(1024) => "1K-blocks".into(),
        Blocks::Of(size) if size >= 1 << 20 && size % (1 << 20) == 0 => {
            if size >= 1 << 30 && size % (1 << 30) == 0 {
                format!("{}G-blocks", size >> 30)
            } else {
                format!("{}M-blocks", size >> 20)
            }
        }
        Blocks::Of(size) => format!("{size}B-blocks"),
    };
    let available = if matches!(blocks, Blocks::Human(_)) && !applet { "Avail" } else { "Available" };
    let heads: [String; 4] = if inodes {
        ["Inodes".into(), "IUsed".into(), "IFree".into(), "IUse%".into()]
    } else {
        [unit, "Used".into(), available.into(), if posix { "Capacity".into() } else { "Use%".into() }]
    };
    let share = |used: u64, free: u64| match used + free {
        0 => "-".to_string(),
        all => format!("{}%", (used * 100).div_ceil(all)),
    };
    let mut lines: Vec<Vec<String>> = Vec::new();
    let mut head = vec!["Filesystem".to_string()];
    if found.has("T") {
        head.push("Type".into());
    }
    head.extend(heads);
    head.push("Mounted on".into());
    lines.push(head);
    let cells = |row: &StatFs| match inodes {
        true => {
            let count = |n: u64| match blocks {
                Blocks::Human(base) => human(n, base),
                Blocks::Of(_) => n.to_string(),
            };
            let free = row.inodes.saturating_sub(row.inodes_used);
            [count(row.inodes), count(row.inodes_used), count(free), share(row.inodes_used, free)]
        }
        false => [
            scaled(row.total, blocks),
            scaled(row.used, blocks),
            scaled(row.available, blocks),
            share(row.used, row.available),
        ],
    };
    let mut sum = StatFs {
        total: 0,
        used: 0,
        available: 0,
        inodes: 0,
        inodes_used: 0,
        kind: "-".into(),
        device: "total".into(),
        mount_point: b"-".to_vec(),
    };
    for row in rows {
        sum.total += row.total;
        sum.used += row.used;
        sum.available += row.available;
        sum.inodes += row.inodes;
        sum.inodes_used += row.inodes_used;
        lines.push(line_of(row, found.has("T"), cells(row)));
    }
    if found.has("total") {
        lines.push(line_of(&sum, found.has("T"), cells(&sum)));
    }
    layout(&lines, found.has("T"))
}

fn line_of(row: &StatFs, kind: bool, cells: [String; 4]) -> Vec<String> {
    let mut line = vec![row.device.clone()];
    if kind {
        line.push(row.kind.clone());
    }
    line.extend(cells);
    line.push(decode(&row.mount_point));
    line
}

fn layout(lines: &[Vec<String>], kind: bool) -> String {
    let texts = if kind { 2 } else { 1 };
    let count = lines.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..count)
        .map(|at| {
            let widest =
                lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
            match at {
                0 => widest.max(14),
                at if kind && at == 1 => widest.max(4),
                at if at >= texts && at < texts + 3 => widest.max(5),
                _ => widest.max(4),
            }
        })
        .collect();
    let mut text = String::new();
    for line in lines {
        let cells: Vec<String> = line
            .iter()
            .enumerate()
            .map(|(at, cell)| {
                let width = widths.get(at).copied().unwrap_or(0);
                if at + 1 == count {
                    cell.clone()
                } else if at < texts {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            })
            .collect();
        text.push_str(&cells.join(" "));
        text.push('\n');
    }
    text
}

pub(super) fn mount(c: &mut Cmd) -> i32 {
    const TABLE: &str = "a,all c,no-canonicalize f,fake F,fork T,fstab= i,internal-only l,show-labels n,no-mtab o,options= \
                         O,test-opts= r,read-only t,types= source= target= target-prefix= v,verbose w,rw,read-write N,namespace= \
                         L,label= U,uuid= B,bind M,move R,rbind make-shared make-slave make-private make-unbindable make-rshared \
                         make-rslave make-rprivate h,help V,version s";
    let found = match options::take(c, TABLE, 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    let mut rows = c.host().mounts();
    if let Some(kind) = found.value("t").filter(|_| found.rest.is_empty()) {
        rows.retain(|row| kind.split(',').any(|kind| kind == row.kind));
    }
    if found.rest.is_empty() && !found.has("a") && found.value("L").is_none() && found.value("U").is_none() {
        for row in rows {
            c.out(&format!("{} on {} type {} ({})\n", row.device, row.point, row.kind, row.options));
        }
        return 0;
    }
    if found.has("a") {
        return if is_root(c) { 0 } else { refuse(c, "must be superuser to use mount.", "mount", 1) };
    }
    let (source, target) = match found.rest.as_slice() {
        [only] => {
            let fstab = file(c.host(), "/etc/fstab");
            let listed = fstab.lines().any(|line| line.split_whitespace().take(2).any(|word| word == only));
            let flags = found.value("o").unwrap_or_default();
            let known = rows.iter().any(|row| row.point == *only || row.device == *only);
            if flags.contains("remount") && known {
                return if is_root(c) {
                    0
                } else {
                    refuse(c, &format!("{only}: must be superuser to use mount."), "mount", 32)
                };
            }
            if !listed {
                c.complain(&format!("{only}: can't find in /etc/fstab."));
                return 1;
            }
            if known {
                c.complain(&format!("{only}: {only} already mounted on /."));
                return 32;
            }
            (only.clone(), only.clone())
        }
        [source, target] => (source.clone(), target.clone()),
        _ => {
            c.complain("bad usage");
            c.err("Try 'mount --help' for more information.\n");
            return 1;
        }
    };
    const HINT: &str = "       dmesg(1) may have more information after failed mount system call.\n";
    if !is_root(c) {
        c.complain(&format!("{target}: must be superuser to use mount."));
        c.err(HINT);
        return 32;
    }
    let kind = found.value("t").unwrap_or_default().to_string();
    let bind = found.has("B") || found.has("R") || found.value("o").unwrap_or_default().contains("bind");
    let nodev = matches!(
        kind.as_str(),
        "tmpfs" | "proc" | "sysfs" | "ramfs" | "devtmpfs" | "overlay" | "cgroup" | "devpts" | "cgroup2"
    );
    let why = match (c.stat(&target), c.stat(&source)) {
        (Err(_), _) => "mount point does not exist.".to_string(),
        (Ok(stat), _) if !stat.is_folder() && !bind => "mount point is not a directory.".into(),
        // What hides a folder for a while is believed; the files stay where they are.
        _ if nodev => return 0,
        (_, Ok(_)) if bind => return 0,
        (_, Err(_)) if kind.starts_with("nfs") || source.contains(':') => {
            c.complain(&format!(
                "{target}: bad option; for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.<type> helper program."
            ));
            c.err(HINT);
            return 32;
        }
        (_, Err(_)) => format!("special device {source} does not exist."),
        (_, Ok(stat)) if stat.kind == FileKind::BlockDevice && rows.iter().any(|row| row.device == source) => {
            format!("{source} already mounted on /.")
        }
        (_, Ok(stat)) if stat.kind == FileKind::Folder => format!("{source} is not a block device."),
        (_, Ok(stat)) if stat.kind == FileKind::File => {
            c.complain(&format!("{target}: failed to setup loop device for {}.", text_of(c, &source)));
            return 32;
        }
        _ => format!(
            "wrong fs type, bad option, bad superblock on {source}, missing codepage or helper program, or other error."
        ),
    };
    c.complain(&format!("{target}: {why}"));
    c.err(HINT);
    32
}

fn text_of(c: &Cmd, operand: &str) -> String {
    decode(&crate::world::resolve(c.cwd(), &text::encode(operand)))
}

fn refuse(c: &mut Cmd, why: &str, name: &str, status: i32) -> i32 {
    let _ = name;
    c.complain(why);
    status
}

pub(super) fn umount(c: &mut Cmd) -> i32 {
    const TABLE: &str = "a,all A,all-targets c,no-canonicalize d,detach-loop fake f,force i,internal-only n,no-mtab l,lazy \
                         O,test-opts= R,recursive r,read-only t,types= v,verbose q,quiet N,namespace= h,help V,version";
    let found = match options::take(c, TABLE, 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if found.rest.is_empty() && !found.has("a") {
        return options::misuse(c, "bad usage", 1);
    }
    let mut status = 0;
    for operand in found.rest.clone() {
        let path = text_of(c, &operand);
        let mounted = c.host().mounts().iter().any(|mount| mount.point == path || mount.device == path);
        let why = match c.stat(&operand) {
            Err(_) => format!("{operand}: no mount point specified.")
                .replace("no mount point specified.", "No such file or directory"),
            Ok(_) if !mounted => format!("{operand}: not mounted."),
            Ok(_) if !is_root(c) => format!("{operand}: must be superuser to unmount."),
            Ok(_) if found.has("l") => continue,
            Ok(_) => format!("{operand}: target is busy."),
        };
        let hush = why.ends_with("not mounted.") && found.has("q");
        if !hush {
            c.complain(&why);
        }
        status = 32;
        if why.ends_with("No such file or directory") {
            status = 32;
        }
    }
    status
}

pub(super) fn findmnt(c: &mut Cmd) -> i32 {
    let found = match options::take(
        c,
        "A,all a,ascii D,df f,first-only J,json k,kernel l,list n,noheadings o,output= P,pairs r,raw T,target= t,types= S,source= M,mountpoint= s,fstab u,notruncate v,nofsroot",
        1,
    ) {
        Ok(found) => found,
        Err(status) => return status,
    };
    let wanted = found.rest.first().cloned().or_else(|| found.value("T").map(str::to_string));
    let rows = c.host().mounts();
    let rows: Vec<_> = rows
        .into_iter()
        .filter(|row| wanted.as_ref().is_none_or(|name| row.point == *name || row.device == *name))
        .filter(|row| found.value("t").is_none_or(|kind| row.kind == kind))
        .collect();
    if rows.is_empty() {
        return 1;
    }
    let wide = |get: fn(&crate::world::Mount) -> &str, least: usize| {
        rows.iter().map(|row| get(row).len()).max().unwrap_or(0).max(least)
    };
    let (a, b, d) = (wide(|row| &row.point, 6), wide(|row| &row.device, 6), wide(|row| &row.kind, 6));
    let mut text = String::new();
    if !found.has("n") {
        text.push_str(&format!("{:<a$} {:<b$} {:<d$} OPTIONS\n", "TARGET", "SOURCE", "FSTYPE"));
    }
    for row in &rows {
        text.push_str(&format!("{:<a$} {:<b$} {:<d$} {}\n", row.point, row.device, row.kind, row.options));
    }
    c.out(&text);
    0
}

pub(super) fn mountpoint(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "q,quiet d,fs-devno x,devno nofollow h,help V,version", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    let Some(name) = found.rest.first().cloned() else { return options::misuse(c, "bad usage", 1) };
    let quiet = found.has("q");
    if let Err(errno) = c.stat(&name) {
        if !quiet {
            c.err(&format!("mountpoint: {name}: {}\n", errno.text()));
        }
        return 1;
    }
    let path = text_of(c, &name);
    let is = c.host().mounts().iter().any(|mount| mount.point == path);
    if !quiet {
        c.out(&format!("{name} is {}a mountpoint\n", if is { "" } else { "not " }));
    }
    if is { 0 } else { 32 }
}
