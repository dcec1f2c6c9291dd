//! `ls` (coreutils 8.30): `-a`, `-A`, `-l`, `-1`, `-d`; in columns of an 80-column terminal.

use super::{Io, options};
use crate::base::clock::{self, Timestamp};
use crate::shell::Shell;
use crate::world::fs::Meta;

const WIDTH: usize = 80;
/// Rows after which no further argument is listed.
const MOST_ROWS: usize = 10_000;
/// Six months, after which `ls -l` shows the year for the time.
const RECENT: i64 = 31_556_952 / 2;

type Row = (Vec<u8>, Meta);

pub(super) fn run(shell: &mut Shell, args: &[Vec<u8>], io: &mut Io) -> i32 {
    let (letters, mut paths) = options(args);
    let has = |letter| letters.contains(&letter);
    if paths.is_empty() {
        paths.push(b".");
    }
    let who = shell.who();
    let mut status = 0;
    let mut files: Vec<Row> = Vec::new();
    let mut folders: Vec<(&[u8], Vec<Row>)> = Vec::new();
    for path in &paths {
        if files.len() + folders.iter().map(|(_, rows)| rows.len() + 1).sum::<usize>() > MOST_ROWS {
            break;
        }
        let at = shell.path(path);
        let found = shell.host.stat(who, &at, !has(b'l')).and_then(|meta| {
            if !meta.folder || has(b'd') {
                files.push((path.to_vec(), meta));
                return Ok(());
            }
            let mut rows = shell.host.list(who, &at)?;
            rows.retain(|(name, _)| has(b'a') || has(b'A') || !name.starts_with(b"."));
            if has(b'a') {
                let up = shell.host.stat(who, crate::world::fs::parent(&at), true).unwrap_or_else(|_| meta.clone());
                rows.splice(0..0, [(b".".to_vec(), meta), (b"..".to_vec(), up)]);
            }
            folders.push((path, rows));
            Ok(())
        });
        if let Err(error) = found {
            io.complain(&[b"ls: cannot access '", path, b"': ", error.text().as_bytes()]);
            status = 2;
        }
    }
    let show =
        |rows: &[Row], out: &mut Vec<u8>| if has(b'l') { long(shell, rows, out) } else { short(rows, has(b'1'), out) };
    show(&files, &mut io.out);
    for (at, (path, rows)) in folders.iter().enumerate() {
        if paths.len() > 1 {
            let gap: &[u8] = if at > 0 || !files.is_empty() { b"\n" } else { b"" };
            io.out.extend([gap, path, b":\n"].concat());
        }
        if has(b'l') {
            let blocks: u64 = rows.iter().map(|(_, meta)| blocks(meta)).sum();
            io.out.extend(format!("total {blocks}\n").into_bytes());
        }
        show(rows, &mut io.out);
    }
    status
}

/// KiB that a file takes on ext4.
fn blocks(meta: &Meta) -> u64 {
    if meta.link.is_some() { 0 } else { meta.size.div_ceil(4096) * 4 }
}

fn long(shell: &Shell, rows: &[Row], out: &mut Vec<u8>) {
    let owner = |uid: u32| {
        let account = shell.host.accounts().iter().find(|account| account.uid == uid);
        account.map_or_else(|| uid.to_string(), |account| account.name.clone())
    };
    let links = |meta: &Meta| if meta.folder { 2 } else { 1 };
    let wide = |text: &dyn Fn(&Meta) -> String| rows.iter().map(|(_, meta)| text(meta).len()).max().unwrap_or(0);
    let user = wide(&|meta| owner(meta.uid));
    let size = wide(&|meta| meta.size.to_string());
    let now = clock::unix_seconds();
    for (name, meta) in rows {
        let who = owner(meta.uid);
        let line = format!(
            "{} {} {who:user$} {who:user$} {:>size$} {} ",
            mode(meta),
            links(meta),
            meta.size,
            when(meta.modified, now)
        );
        out.extend(line.into_bytes());
        out.extend_from_slice(name);
        if let Some(target) = &meta.link {
            out.extend([b" -> ", target.as_slice()].concat());
        }
        out.push(b'\n');
    }
}

fn when(at: i64, now: i64) -> String {
    let recent = at > now - RECENT && at <= now;
    let format = if recent { "%b %e %H:%M" } else { "%b %e  %Y" };
    Timestamp::from_second(at).unwrap_or_default().strftime(format).to_string()
}

fn mode(meta: &Meta) -> String {
    let kind = match (meta.folder, &meta.link) {
        (true, _) => 'd',
        (_, Some(_)) => 'l',
        _ => '-',
    };
    let bit = |shift: u32, letter| if meta.mode >> shift & 1 == 1 { letter } else { '-' };
    let last = |shift: u32, special: u32, set: char| match (meta.mode >> shift & 1, meta.mode >> special & 1) {
        (1, 1) => set,
        (0, 1) => set.to_ascii_uppercase(),
        (1, _) => 'x',
        _ => '-',
    };
    let bits = [
        bit(8, 'r'),
        bit(7, 'w'),
        last(6, 11, 's'),
        bit(5, 'r'),
        bit(4, 'w'),
        last(3, 10, 's'),
        bit(2, 'r'),
        bit(1, 'w'),
        last(0, 9, 't'),
    ];
    std::iter::once(kind).chain(bits).collect()
}

/// Names in as few rows as fit, filled by column.
fn short(rows: &[Row], one_each: bool, out: &mut Vec<u8>) {
    let names: Vec<&[u8]> = rows.iter().map(|(path, _)| path.as_slice()).collect();
    let fits = |height: &usize| {
        let widths = names.chunks(*height).map(|column| column.iter().map(|name| name.len() + 2).max().unwrap_or(0));
        widths.sum::<usize>().saturating_sub(2) < WIDTH
    };
    let height = if one_each { names.len() } else { (1..=names.len()).find(fits).unwrap_or(names.len()) };
    for row in 0..height {
        let mut line = Vec::new();
        let mut end = 0;
        for column in names.chunks(height) {
            let Some(name) = column.get(row) else { continue };
            line.resize(end, b' ');
            line.extend_from_slice(name);
            end += column.iter().map(|name| name.len() + 2).max().unwrap_or(0);
        }
        line.push(b'\n');
        out.extend(line);
    }
}
