//! The web root of the simulated host, under the rules of Ubuntu's default site: `try_files $uri $uri/ =404`.

use crate::world::fs::{Content, resolve};
use crate::world::{FsError, Host, Meta, Who};

const ROOT: &[u8] = b"/var/www/html";
const INDEX: [&[u8]; 3] = [b"index.html", b"index.htm", b"index.nginx-debian.html"];
/// www-data
const WHO: Who = Who { uid: 33 };

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
    pub content: Content,
    /// Last change, seconds since 1970.
    pub modified: i64,
}

/// Looks up a normalised path (it begins with `/`).
pub(super) fn look(host: &Host, path: &[u8]) -> Found {
    let mut whole = ROOT.to_vec();
    whole.extend_from_slice(path);
    let place = resolve(b"/", &whole);
    let slash = path.ends_with(b"/");
    match host.stat(WHO, &place, true) {
        Ok(Meta { folder: true, .. }) if slash => index(host, &place),
        Ok(Meta { folder: true, .. }) => Found::Folder,
        Ok(_) if slash => Found::Missing,
        Ok(meta) => open(host, place, &meta),
        Err(_) => Found::Missing,
    }
}

fn index(host: &Host, folder: &[u8]) -> Found {
    for name in INDEX {
        let place = resolve(folder, name);
        match host.stat(WHO, &place, true) {
            Ok(Meta { folder: true, .. }) | Err(FsError::Denied) => return Found::Forbidden,
            Ok(meta) => return open(host, place, &meta),
            Err(_) => {}
        }
    }
    Found::Forbidden
}

fn open(host: &Host, path: Vec<u8>, meta: &Meta) -> Found {
    match host.open(WHO, &path) {
        Ok(content) => Found::File(File { path, content, modified: meta.modified }),
        Err(FsError::NotFound) => Found::Missing,
        Err(_) => Found::Forbidden,
    }
}
