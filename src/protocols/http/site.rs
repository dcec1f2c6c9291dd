//! The web root of the simulated host, under the rules of the default sites: nginx's `try_files $uri $uri/ =404`, and
//! Apache's.

use std::sync::Arc;

use crate::world::{self, Errno, Host, Open, Stat, Who, resolve};

const ROOT: &[u8] = b"/var/www/html";
const INDEX: [&[u8]; 3] = [b"index.html", b"index.htm", b"index.nginx-debian.html"];
/// `DirectoryIndex` of Debian's Apache
const APACHE_INDEX: [&[u8]; 6] = [b"index.html", b"index.cgi", b"index.pl", b"index.php", b"index.xhtml", b"index.htm"];
/// Names in a folder of which a listing tells.
const LISTED: usize = 2000;

/// www-data
fn www() -> Who {
    Who { uid: 33, gid: 33, groups: Arc::from([33]), ..Who::root() }
}

/// What lies at a path.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// Nothing.
    Missing,
    /// Something that www-data may not read, or a folder without an index.
    Forbidden,
    /// A folder, asked for without the slash at its end.
    Folder,
    /// A folder without an index whose names may be shown, from Apache alone.
    Listing(Vec<Row>),
    /// A file.
    File(File),
}

/// A file that may be sent.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// Its place, for the content type and the record.
    pub path: Vec<u8>,
    /// What is in it.
    pub content: world::File,
    /// Last change, seconds since 1970.
    pub modified: i64,
    /// Nanoseconds within that second.
    pub nanos: u32,
}

/// One name in a folder.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub name: Vec<u8>,
    pub folder: bool,
    pub size: u64,
    /// Last change, seconds since 1970.
    pub modified: i64,
}

/// Looks up a normalised path (it begins with `/`) as Debian's Apache does: `Options Indexes`, `/icons/` elsewhere, names
/// that begin with `.ht` hidden, the server's state for nobody.
pub(super) fn look_apache(host: &Host, path: &[u8]) -> Found {
    let slash = path.ends_with(b"/");
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
    let too_long = path.split(|&b| b == b'/').any(|part| part.len() > 255) || path.len() > 4000;
    if too_long || name.starts_with(b".ht") || path == b"/server-status" || path == b"/icons/" {
        return Found::Forbidden;
    }
    let (root, rest) = match path.strip_prefix(b"/icons/") {
        Some(rest) => (&b"/usr/share/apache2/icons/"[..], rest),
        None => (ROOT, path),
    };
    let place = resolve(b"/", &[root, rest].concat());
    let listing = || {
        let Ok(entries) = host.list(&www(), &place) else { return Found::Forbidden };
        let row = |(name, meta): (Vec<u8>, Stat)| {
            // Links are shown as what they lead to; those that lead nowhere are not shown.
            let meta = host.stat(&www(), &resolve(&place, &name), true).unwrap_or(meta);
            Row { folder: meta.is_folder(), size: meta.size, modified: meta.modified.secs, name }
        };
        Found::Listing(entries.into_iter().take(LISTED).map(row).collect())
    };
    match host.stat(&www(), &place, true) {
        Ok(meta) if meta.is_folder() && slash => index(host, &place, &APACHE_INDEX, listing),
        Ok(meta) if meta.is_folder() => Found::Folder,
        Ok(_) if slash => Found::Missing,
        Ok(meta) => open(host, place, &meta),
        Err(Errno::EACCES | Errno::ENAMETOOLONG) => Found::Forbidden,
        Err(_) => Found::Missing,
    }
}

/// Looks up a normalised path below `/www`, as BusyBox's httpd does, which is root.
pub(super) fn look_busybox(host: &Host, path: &[u8]) -> Found {
    let slash = path.ends_with(b"/");
    let place = resolve(b"/", &[b"/www", path].concat());
    let place = if slash { resolve(&place, b"index.html") } else { place };
    match host.stat(&Who::root(), &place, true) {
        Ok(meta) if meta.is_folder() => Found::Folder,
        Ok(meta) => open(host, place, &meta),
        Err(_) => Found::Missing,
    }
}

/// Looks up a normalised path (it begins with `/`).
pub(super) fn look(host: &Host, path: &[u8]) -> Found {
    let mut whole = ROOT.to_vec();
    whole.extend_from_slice(path);
    let place = resolve(b"/", &whole);
    let slash = path.ends_with(b"/");
    match host.stat(&www(), &place, true) {
        Ok(meta) if meta.is_folder() && slash => index(host, &place, &INDEX, || Found::Forbidden),
        Ok(meta) if meta.is_folder() => {
            // It is opened before anybody sees that it is a folder.
            if host.access(&www(), &place, 4).is_ok() { Found::Folder } else { Found::Forbidden }
        }
        Ok(_) if slash => Found::Missing,
        Ok(meta) => open(host, place, &meta),
        Err(_) => Found::Missing,
    }
}

fn index(host: &Host, folder: &[u8], names: &[&[u8]], or_else: impl Fn() -> Found) -> Found {
    for name in names {
        let place = resolve(folder, name);
        match host.stat(&www(), &place, true) {
            Ok(meta) if meta.is_folder() => return Found::Forbidden,
            Err(Errno::EACCES) => return Found::Forbidden,
            Ok(meta) => return open(host, place, &meta),
            Err(_) => {}
        }
    }
    or_else()
}

fn open(host: &Host, path: Vec<u8>, meta: &Stat) -> Found {
    match host.open(&www(), &path, Open::READ) {
        Ok(content) => Found::File(File { path, content, modified: meta.modified.secs, nanos: meta.modified.nanos }),
        Err(Errno::ENOENT) => Found::Missing,
        Err(_) => Found::Forbidden,
    }
}
