//! The web root of the simulated host, under the rules of Ubuntu's default site: `try_files $uri $uri/ =404`.

use std::sync::Arc;

use crate::world::{self, Errno, Host, Open, Stat, Who, resolve};

const ROOT: &[u8] = b"/var/www/html";
const INDEX: [&[u8]; 3] = [b"index.html", b"index.htm", b"index.nginx-debian.html"];

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
}

/// Looks up a normalised path (it begins with `/`).
pub(super) fn look(host: &Host, path: &[u8]) -> Found {
    let mut whole = ROOT.to_vec();
    whole.extend_from_slice(path);
    let place = resolve(b"/", &whole);
    let slash = path.ends_with(b"/");
    match host.stat(&www(), &place, true) {
        Ok(meta) if meta.is_folder() && slash => index(host, &place),
        Ok(meta) if meta.is_folder() => Found::Folder,
        Ok(_) if slash => Found::Missing,
        Ok(meta) => open(host, place, &meta),
        Err(_) => Found::Missing,
    }
}

fn index(host: &Host, folder: &[u8]) -> Found {
    for name in INDEX {
        let place = resolve(folder, name);
        match host.stat(&www(), &place, true) {
            Ok(meta) if meta.is_folder() => return Found::Forbidden,
            Err(Errno::EACCES) => return Found::Forbidden,
            Ok(meta) => return open(host, place, &meta),
            Err(_) => {}
        }
    }
    Found::Forbidden
}

fn open(host: &Host, path: Vec<u8>, meta: &Stat) -> Found {
    match host.open(&www(), &path, Open::READ) {
        Ok(content) => Found::File(File { path, content, modified: meta.modified.secs }),
        Err(Errno::ENOENT) => Found::Missing,
        Err(_) => Found::Forbidden,
    }
}
