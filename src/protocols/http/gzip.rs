//! gzip (RFC 1952) as nginx's gzip filter and Apache's mod_deflate use it.

use std::io::Write;

use flate2::{Compression, GzBuilder};

use super::request::{Minor, Request};
use super::site::File;

/// Bytes of a body that is compressed: what is longer goes out as it is.
pub(super) const MOST: u64 = 512 << 10;

/// Whose level and header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Like {
    /// `gzip_comp_level 1`
    Nginx,
    /// zlib's default level.
    Apache,
}

/// Compresses a body.
pub(super) fn pack(body: &[u8], like: Like) -> Vec<u8> {
    let level = if like == Like::Nginx { Compression::fast() } else { Compression::default() };
    let mut writer = GzBuilder::new().operating_system(3).write(Vec::new(), level);
    // Writing to memory can't fail.
    let _ = writer.write_all(body);
    writer.finish().unwrap_or_default()
}

/// A file compressed as Apache does.
pub(super) fn apache(file: &File) -> Option<Vec<u8>> {
    let size = Some(file.content.len()).filter(|&size| size <= MOST)?;
    let body = file.content.read_at(0, usize::try_from(size).ok()?).ok()?;
    Some(pack(&body, Like::Apache))
}

/// `ngx_http_gzip_ok`: HTTP/1.1, no proxy on the way, `gzip` among the codings with a quality above 0.
pub(super) fn accepts_nginx(request: &Request) -> bool {
    let Some(codings) = request.header("Accept-Encoding").filter(|_| request.minor >= Minor::One) else {
        return false;
    };
    if request.header("Via").is_some() {
        return false;
    }
    codings.split(|&b| b == b',').any(|coding| {
        let mut parts = coding.split(|&b| b == b';');
        let name = parts.next().unwrap_or_default().trim_ascii();
        let zero = |part: &[u8]| {
            let value = part.trim_ascii().to_ascii_lowercase();
            value.strip_prefix(b"q=").is_some_and(|q| !q.is_empty() && q.iter().all(|b| b"0.".contains(b)))
        };
        name.eq_ignore_ascii_case(b"gzip") && !parts.any(zero)
    })
}

/// `mod_deflate` looks for the name only.
pub(super) fn accepts_apache(request: &Request) -> bool {
    let codings = request.header("Accept-Encoding").unwrap_or_default();
    codings.split(|&b| b == b',').any(|coding| {
        let name = coding.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
        name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip")
    })
}
