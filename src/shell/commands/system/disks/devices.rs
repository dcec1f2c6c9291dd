//! Block devices and swap.

use super::*;

/// Names and sizes of the disk and its partition.
pub(in crate::shell::commands::system) fn devices(c: &Cmd) -> Vec<(String, u64, &'static str, String)> {
    let disk = &c.host().persona().disk;
    let name = disk.device.trim_start_matches("/dev/").trim_end_matches(|c: char| c.is_ascii_digit()).to_string();
    let part = format!("{name}1");
    vec![(name, disk.size_kib, "disk", String::new()), (part, disk.size_kib - 1024, "part", "/".into())]
}

/// `40G`, `39.9G` as lsblk writes sizes.
pub(in crate::shell::commands::system) fn size(kib: u64) -> String {
    let gib = kib as f64 / 1_048_576.0;
    let text = format!("{gib:.1}");
    format!("{}G", text.strip_suffix(".0").unwrap_or(&text))
}

pub(in crate::shell::commands::system) fn lsblk(c: &mut Cmd) -> i32 {
    const TABLE: &str = "a,all b,bytes D,discard z,zoned d,nodeps e,exclude= f,fs i,ascii I,include= J,json l,list M,merge m,perms \
                         n,noheadings o,output= O,output-all P,pairs p,paths r,raw s,inverse S,scsi T,tree? t,topology E,dedup= \
                         x,sort= sysroot= h,help V,version w,width=";
    let found = match options::take(c, TABLE, 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    let columns: Vec<String> = match (found.value("o"), found.has("f")) {
        (Some(list), _) => list.split(',').map(|name| name.to_ascii_uppercase()).collect(),
        (None, true) => {
            ["NAME", "FSTYPE", "LABEL", "UUID", "FSAVAIL", "FSUSE%", "MOUNTPOINT"].map(str::to_string).to_vec()
        }
        _ => ["NAME", "MAJ:MIN", "RM", "SIZE", "RO", "TYPE", "MOUNTPOINT"].map(str::to_string).to_vec(),
    };
    const KNOWN: &[&str] = &[
        "NAME",
        "KNAME",
        "PATH",
        "MAJ:MIN",
        "RM",
        "SIZE",
        "RO",
        "TYPE",
        "MOUNTPOINT",
        "MOUNTPOINTS",
        "FSTYPE",
        "LABEL",
        "UUID",
        "FSAVAIL",
        "FSUSE%",
        "FSSIZE",
        "FSUSED",
        "MODEL",
        "SERIAL",
        "ROTA",
        "OWNER",
        "GROUP",
        "MODE",
        "PKNAME",
        "PARTUUID",
        "VENDOR",
        "STATE",
        "TRAN",
        "HCTL",
        "REV",
        "SCHED",
        "PTTYPE",
    ];
    if let Some(bad) = columns.iter().find(|name| !KNOWN.contains(&name.as_str())) {
        let text = format!("unknown column: {bad}");
        c.complain(&text);
        return 1;
    }
    let mut rows = devices(c);
    let tree = !found.has("l") && !found.has("r") && !found.has("P");
    if let Some(operand) = found.rest.first().cloned() {
        let short = operand.trim_start_matches("/dev/").to_string();
        match c.stat(&operand) {
            Ok(stat) if stat.kind == FileKind::BlockDevice => rows.retain(|(name, ..)| name.starts_with(&short)),
            _ => {
                c.complain(&format!("{operand}: not a block device"));
                return 32;
            }
        }
    }
    if found.has("d") {
        rows.retain(|(_, _, kind, _)| *kind == "disk");
    }
    let disk = c.host().persona().disk.clone();
    let fs = c.host().statfs(b"/").ok();
    let cell = |column: &str, (name, kib, kind, point): &(String, u64, &'static str, String)| -> String {
        let part = *kind == "part";
        match column {
            "NAME" => {
                let base = if found.has("p") { format!("/dev/{name}") } else { name.clone() };
                let mark = if found.has("i") || !c.is_utf8() { "`-" } else { "\u{2514}\u{2500}" };
                if part && tree && !found.has("d") { format!("{mark}{base}") } else { base }
            }
            "KNAME" => name.clone(),
            "PATH" => format!("/dev/{name}"),
            "MAJ:MIN" => {
                if part {
                    "  8:1 ".into()
                } else {
                    "  8:0 ".into()
                }
            }
            "RM" | "RO" => "0".into(),
            "SIZE" => {
                if found.has("b") {
                    (kib * 1024).to_string()
                } else {
                    size(*kib)
                }
            }
            "TYPE" => kind.to_string(),
            "MOUNTPOINT" | "MOUNTPOINTS" => point.clone(),
            "FSTYPE" => {
                if part {
                    "ext4".into()
                } else {
                    String::new()
                }
            }
            "LABEL" => {
                if part {
                    "cloudimg-rootfs".into()
                } else {
                    String::new()
                }
            }
            "UUID" => {
                if part {
                    disk.uuid.clone()
                } else {
                    String::new()
                }
            }
            "FSAVAIL" => fs.as_ref().filter(|_| part).map_or(String::new(), |fs| size(fs.available)),
            "FSSIZE" => fs.as_ref().filter(|_| part).map_or(String::new(), |fs| size(fs.total)),
            "FSUSED" => fs.as_ref().filter(|_| part).map_or(String::new(), |fs| size(fs.used)),
            "FSUSE%" => fs
                .as_ref()
                .filter(|_| part)
                .map_or(String::new(), |fs| format!("{}%", (fs.used * 100).div_ceil((fs.used + fs.available).max(1)))),
            "MODEL" => {
                if part {
                    String::new()
                } else {
                    "QEMU_HARDDISK".into()
                }
            }
            "VENDOR" => {
                if part {
                    String::new()
                } else {
                    "QEMU".into()
                }
            }
            "ROTA" => "1".into(),
            "OWNER" => "root".into(),
            "GROUP" => "disk".into(),
            "MODE" => "brw-rw----".into(),
            "PKNAME" => {
                if part {
                    name.trim_end_matches('1').to_string()
                } else {
                    String::new()
                }
            }
            "STATE" => {
                if part {
                    String::new()
                } else {
                    "running".into()
                }
            }
            "PTTYPE" => "gpt".into(),
            _ => String::new(),
        }
    };
    let right = ["RM", "SIZE", "RO", "ROTA", "FSUSE%", "FSAVAIL", "FSSIZE", "FSUSED"];
    let grid: Vec<Vec<String>> =
        rows.iter().map(|row| columns.iter().map(|column| cell(column, row)).collect()).collect();
    let mut text = String::new();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let widest =
                grid.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
            let least = if column == "SIZE" && !found.has("b") { 5 } else { 0 };
            widest.max(column.len()).max(least)
        })
        .collect();
    let put = |cells: &[String], text: &mut String| {
        let line: Vec<String> = cells
            .iter()
            .zip(&columns)
            .zip(&widths)
            .enumerate()
            .map(|(at, ((cell, column), width))| match () {
                () if found.has("r") || at + 1 == cells.len() && !right.contains(&column.as_str()) => cell.clone(),
                () if right.contains(&column.as_str()) => format!("{cell:>width$}"),
                () => format!("{cell:<width$}"),
            })
            .collect();
        text.push_str(&line.join(" "));
        text.push('\n');
    };
    if !found.has("n") {
        put(&columns, &mut text);
    }
    for line in &grid {
        put(line, &mut text);
    }
    c.out(&text);
    0
}

pub(in crate::shell::commands::system) fn blkid(c: &mut Cmd) -> i32 {
    let found = match options::take(
        c,
        "c,cache-file= d,no-encoding g,garbage-collect o,output= k,list-filesystems s,match-tag= t,match-token= l,list-one L,label= U,uuid= p,probe i,info S,size= O,offset= u,usages= n,match-types= D,no-part-details",
        4,
    ) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if !is_root(c) {
        return 2;
    }
    let disk = c.host().persona().disk.clone();
    let part = format!("{}1", disk.device.trim_end_matches(|c: char| c.is_ascii_digit()));
    if found.rest.first().is_some_and(|name| *name != part) {
        return 2;
    }
    let half: String = disk.uuid.chars().rev().filter(|c| c.is_ascii_hexdigit()).take(8).collect();
    let line = match found.value("o") {
        Some("value") => match found.value("s") {
            Some("UUID") => format!("{}\n", disk.uuid),
            Some("TYPE") => "ext4\n".into(),
            Some("LABEL") => "cloudimg-rootfs\n".into(),
            _ => format!("cloudimg-rootfs\n{}\next4\n", disk.uuid),
        },
        Some("device") => format!("{part}\n"),
        _ => format!("{part}: LABEL=\"cloudimg-rootfs\" UUID=\"{}\" TYPE=\"ext4\" PARTUUID=\"{half}-01\"\n", disk.uuid),
    };
    c.out(&line);
    0
}

pub(in crate::shell::commands::system) fn swapon(c: &mut Cmd) -> i32 {
    let found = match options::take(
        c,
        "a,all d,discard? e,ifexists f,fixpgsz o,options= p,priority= s,summary show? noheadings raw bytes v,verbose L= U= fstab=",
        1,
    ) {
        Ok(found) => found,
        Err(status) => return status,
    };
    let swaps = file(c.host(), "/proc/swaps");
    let rows: Vec<&str> = swaps.lines().skip(1).collect();
    if found.rest.is_empty() && !found.has("a") {
        if rows.is_empty() {
            return 0;
        }
        if found.has("s") {
            c.out(&swaps);
            return 0;
        }
        let mut text = String::from("NAME      TYPE SIZE USED PRIO\n");
        for row in rows {
            let words: Vec<&str> = row.split_whitespace().collect();
            if let [name, kind, size, used, priority] = words.as_slice() {
                let amount = |kib: &str| human(kib.parse::<u64>().unwrap_or(0) * 1024, 1024.0);
                text.push_str(&format!("{name} {kind} {:>4} {:>4} {priority:>4}\n", amount(size), amount(used)));
            }
        }
        c.out(&text);
        return 0;
    }
    if found.has("a") {
        return if is_root(c) { 0 } else { refuse(c, "Not superuser.", "swapon", 1) };
    }
    for operand in found.rest.clone() {
        let why = match c.stat(&operand) {
            Err(errno) => format!("cannot open {operand}: {}", errno.text()),
            Ok(_) if !is_root(c) => format!("cannot open {operand}: Permission denied"),
            Ok(_) if c.read_file(&operand).is_ok_and(|bytes| bytes.get(4086..4096) == Some(b"SWAPSPACE2")) => return 0,
            Ok(_) => format!("{operand}: read swap header failed"),
        };
        c.complain(&why);
    }
    255
}

pub(in crate::shell::commands::system) fn swapoff(c: &mut Cmd) -> i32 {
    let args: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    if args.is_empty() && c.args.is_empty() {
        return options::misuse(c, "bad usage", 1);
    }
    if !is_root(c) {
        c.complain("Not superuser.");
        return 1;
    }
    let swaps = file(c.host(), "/proc/swaps");
    for name in args {
        if !swaps.lines().any(|line| line.split_whitespace().next() == Some(name.as_str())) {
            c.complain(&format!("{name}: swapoff failed: Invalid argument"));
            return 4;
        }
    }
    0
}

/// `mkswap`, `mkfs` and its kinds: errors, and a swap header in a file.
pub(in crate::shell::commands::system) fn make(c: &mut Cmd) -> i32 {
    let base = c.base().to_string();
    let Some(target) = c.args.iter().rev().find(|arg| !arg.starts_with('-')).cloned() else {
        if base == "mkswap" {
            return options::misuse(c, "error: Nowhere to set up swap on?", 1);
        }
        c.err(&format!("Usage: {base} [options] device\n"));
        return 1;
    };
    let stat = match c.stat(&target) {
        Ok(stat) => stat,
        Err(errno) if base == "mkswap" => {
            c.complain(&format!("cannot open {target}: {}", errno.text()));
            return 1;
        }
        Err(_) => {
            c.err(&format!(
                "mke2fs 1.45.5 (07-Jan-2020)\nThe file {target} does not exist and no size was specified.\n"
            ));
            return 1;
        }
    };
    let mounted = c.host().mounts().iter().any(|mount| mount.device == target);
    if base != "mkswap" {
        c.err("mke2fs 1.45.5 (07-Jan-2020)\n");
        let why = if mounted {
            format!("{target} is mounted; will not make a filesystem here!\n")
        } else if !is_root(c) {
            "mkfs.ext4: Permission denied while trying to determine filesystem size\n".to_string()
        } else {
            "mkfs.ext4: Device size reported to be zero.  Invalid partition specified, or\n\tpartition table wasn't reread after running fdisk, due to\n\ta modified partition being busy and in use.  You may need to reboot\n\tto re-read your partition table.\n\n".to_string()
        };
        c.err(&why);
        return 1;
    }
    if stat.kind != FileKind::File || stat.size < 40_960 {
        let least = if stat.kind == FileKind::File {
            "swap area needs to be at least 40 KiB"
        } else {
            "error: device is mounted; will not make swapspace"
        };
        c.complain(&format!("error: {least}").replace("error: error:", "error:"));
        return 1;
    }
    let who = c.who().clone();
    let open = crate::world::Open { write: true, ..Default::default() };
    if let Ok(file) = c.host().open(&who, &c.path(&target), open) {
        let _ = file.write_at(4086, b"SWAPSPACE2");
    }
    let kib = stat.size / 1024;
    c.out(&format!(
        "Setting up swapspace version 1, size = {} ({} bytes)\nno label, UUID={}\n",
        size_words(kib - 4),
        (kib - 4) * 1024,
        crate::shell::commands::system::small::uuid()
    ));
    0
}

pub(in crate::shell::commands::system) fn size_words(kib: u64) -> String {
    let mib = kib as f64 / 1024.0;
    if mib >= 1024.0 { format!("{:.0} GiB", mib / 1024.0) } else { format!("{mib:.0} MiB") }
}
