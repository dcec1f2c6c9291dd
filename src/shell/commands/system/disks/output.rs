//! `df --output`: the columns that were asked for.

use super::{Blocks, human, scaled};
use crate::shell::commands::options::Options;
use crate::shell::commands::system::common::decode;
use crate::world::StatFs;

/// Names of the fields in their usual order.
const FIELDS: [&str; 12] =
    ["source", "fstype", "itotal", "iused", "iavail", "ipcent", "size", "used", "avail", "pcent", "file", "target"];

/// What is wrong with what was asked for.
pub(super) enum Fault {
    /// This letter and `--output` exclude each other.
    Excluded(char),
    Unknown(String),
    Twice(String),
}

/// The fields of `--output[=LIST]`.
pub(super) fn fields(found: &Options) -> Result<Vec<&'static str>, Fault> {
    for (key, letter) in [("i", 'i'), ("P", 'P'), ("T", 'T')] {
        if found.has(key) {
            return Err(Fault::Excluded(letter));
        }
    }
    let mut fields: Vec<&'static str> = Vec::new();
    for (_, list) in found.list.iter().filter(|(key, _)| *key == "output") {
        for name in list.as_deref().unwrap_or_default().split(',').filter(|_| list.is_some()) {
            let Some(field) = FIELDS.iter().find(|field| **field == name) else {
                return Err(Fault::Unknown(name.to_string()));
            };
            if fields.contains(field) {
                return Err(Fault::Twice(name.to_string()));
            }
            fields.push(field);
        }
    }
    Ok(if fields.is_empty() { FIELDS.to_vec() } else { fields })
}

fn share(used: u64, free: u64) -> String {
    match used.saturating_add(free) {
        0 => "-".to_string(),
        all => format!("{}%", used.saturating_mul(100).div_ceil(all)),
    }
}

fn cell(row: &StatFs, asked: &str, field: &str, blocks: Blocks) -> String {
    let count = |n: u64| match blocks {
        Blocks::Human(base) => human(n, base),
        Blocks::Of(_) => n.to_string(),
    };
    let free = row.inodes.saturating_sub(row.inodes_used);
    match field {
        "source" => row.device.clone(),
        "fstype" => row.kind.clone(),
        "itotal" => count(row.inodes),
        "iused" => count(row.inodes_used),
        "iavail" => count(free),
        "ipcent" => share(row.inodes_used, free),
        "size" => scaled(row.total, blocks),
        "used" => scaled(row.used, blocks),
        "avail" => scaled(row.available, blocks),
        "pcent" => share(row.used, row.available),
        "file" => asked.to_string(),
        _ => decode(&row.mount_point),
    }
}

/// The table; `asked` are the operands that the rows answer.
pub(super) fn table(rows: &[StatFs], asked: &[String], found: &Options, blocks: Blocks, fields: &[&str]) -> String {
    let size = match blocks {
        Blocks::Human(_) => "Size".to_string(),
        Blocks::Of(1024) => "1K-blocks".into(),
        Blocks::Of(size) if size % (1 << 30) == 0 => format!("{}G-blocks", size >> 30),
        Blocks::Of(size) if size % (1 << 20) == 0 => format!("{}M-blocks", size >> 20),
        Blocks::Of(size) => format!("{size}B-blocks"),
    };
    let head = |field: &&str| match *field {
        "source" => "Filesystem".to_string(),
        "fstype" => "Type".into(),
        "itotal" => "Inodes".into(),
        "iused" => "IUsed".into(),
        "iavail" => "IFree".into(),
        "ipcent" => "IUse%".into(),
        "size" => size.clone(),
        "used" => "Used".into(),
        "avail" => "Avail".into(),
        "pcent" => "Use%".into(),
        "file" => "File".into(),
        _ => "Mounted on".into(),
    };
    let mut lines: Vec<Vec<String>> = vec![fields.iter().map(head).collect()];
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
    for (at, row) in rows.iter().enumerate() {
        if found.value("t").is_some_and(|kind| kind != row.kind) || found.value("x") == Some(row.kind.as_str()) {
            continue;
        }
        sum.total += row.total;
        sum.used += row.used;
        sum.available += row.available;
        sum.inodes += row.inodes;
        sum.inodes_used += row.inodes_used;
        let own = asked.get(at).map_or("-", String::as_str);
        lines.push(fields.iter().map(|field| cell(row, own, field, blocks)).collect());
    }
    if found.has("total") {
        lines.push(fields.iter().map(|field| cell(&sum, "-", field, blocks)).collect());
    }
    let mut text = String::new();
    for line in &lines {
        let mut cells = Vec::new();
        for (at, (field, value)) in fields.iter().zip(line).enumerate() {
            let widest = lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max();
            let least = match *field {
                "source" => 14,
                "itotal" | "iused" | "iavail" | "size" | "used" | "avail" => 5,
                _ => 4,
            };
            let width = widest.unwrap_or(0).max(least);
            cells.push(match *field {
                "source" | "fstype" | "file" | "target" if at + 1 == fields.len() => value.clone(),
                "source" | "fstype" | "file" | "target" => format!("{value:<width$}"),
                _ => format!("{value:>width$}"),
            });
        }
        text.push_str(&cells.join(" "));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::shell::tests::run;

    #[test]
    fn columns() {
        let out = |line: &str| run(line).0;
        assert_eq!(out("df --output=target /tmp /etc"), "Mounted on\n/\n/\n");
        assert_eq!(out("df --output=file,target /tmp"), "File Mounted on\n/tmp /\n");
        assert_eq!(out("df --output=pcent / | tail -1 | tr -d ' '"), out("df / | tail -1 | tr -s ' ' | cut -d' ' -f5"));
        assert_eq!(
            out("df --output / | head -1 | tr -s ' '"),
            "Filesystem Type Inodes IUsed IFree IUse% 1K-blocks Used Avail Use% File Mounted on\n"
        );
        let (_, err, status) = run("df --output=foo");
        assert_eq!((err.lines().next(), status), (Some("df: option --output: field \u{2018}foo\u{2019} unknown"), 1));
        assert!(run("df -i --output=size").1.starts_with("df: options -i and --output are mutually exclusive\n"));
    }
}
