//! Content types by extension: nginx 1.18's `mime.types`, those that a plain web root meets.

const TYPES: &[(&str, &str)] = &[
    ("html htm shtml", "text/html"),
    ("css", "text/css"),
    ("xml", "text/xml"),
    ("gif", "image/gif"),
    ("jpeg jpg", "image/jpeg"),
    ("js", "application/javascript"),
    ("atom", "application/atom+xml"),
    ("rss", "application/rss+xml"),
    ("mml", "text/mathml"),
    ("txt", "text/plain"),
    ("jad", "text/vnd.sun.j2me.app-descriptor"),
    ("wml", "text/vnd.wap.wml"),
    ("htc", "text/x-component"),
    ("png", "image/png"),
    ("tif tiff", "image/tiff"),
    ("wbmp", "image/vnd.wap.wbmp"),
    ("ico", "image/x-icon"),
    ("jng", "image/x-jng"),
    ("bmp", "image/x-ms-bmp"),
    ("svg svgz", "image/svg+xml"),
    ("webp", "image/webp"),
    ("woff", "application/font-woff"),
    ("jar war ear", "application/java-archive"),
    ("json", "application/json"),
    ("hqx", "application/mac-binhex40"),
    ("doc", "application/msword"),
    ("pdf", "application/pdf"),
    ("ps eps ai", "application/postscript"),
    ("rtf", "application/rtf"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("xls", "application/vnd.ms-excel"),
    ("eot", "application/vnd.ms-fontobject"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("7z", "application/x-7z-compressed"),
    ("jardiff", "application/x-java-archive-diff"),
    ("jnlp", "application/x-java-jnlp-file"),
    ("run", "application/x-makeself"),
    ("pl pm", "application/x-perl"),
    ("rar", "application/x-rar-compressed"),
    ("rpm", "application/x-redhat-package-manager"),
    ("swf", "application/x-shockwave-flash"),
    ("der pem crt", "application/x-x509-ca-cert"),
    ("xpi", "application/x-xpinstall"),
    ("xhtml", "application/xhtml+xml"),
    ("zip", "application/zip"),
    ("mid midi kar", "audio/midi"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("m4a", "audio/x-m4a"),
    ("3gpp 3gp", "video/3gpp"),
    ("ts", "video/mp2t"),
    ("mp4", "video/mp4"),
    ("mpeg mpg", "video/mpeg"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
    ("flv", "video/x-flv"),
    ("avi", "video/x-msvideo"),
];

/// Types that Debian's `/etc/mime.types` has otherwise, or beside those of nginx; the empty one: Apache sends none.
const APACHE: &[(&str, &str)] = &[
    ("js mjs", "application/javascript"),
    ("ico", "image/vnd.microsoft.icon"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("bmp", "image/x-ms-bmp"),
    ("gz tgz", "application/x-gzip"),
    ("bz2", "application/x-bzip2"),
    ("tar", "application/x-tar"),
    ("sql", "application/sql"),
    ("bak old", "application/x-trash"),
    ("csv", "text/csv"),
    ("md markdown", "text/markdown"),
    ("sh", "application/x-sh"),
    ("py", "text/x-python"),
    ("pl pm", "text/x-perl"),
    ("text pot brf srt", "text/plain"),
    ("svg svgz", "image/svg+xml"),
    ("xml", "application/xml"),
    ("deb", "application/vnd.debian.binary-package"),
    ("log jad wml htc jng jardiff jnlp run", ""),
];

/// The type that Apache gives a file of that name.
pub(super) fn apache(path: &[u8]) -> Option<&'static str> {
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
    let dot = name.iter().rposition(|&b| b == b'.')?;
    let extension = name.get(dot + 1..).unwrap_or_default();
    let known = |list: &str| list.split(' ').any(|known| extension.eq_ignore_ascii_case(known.as_bytes()));
    let found = APACHE.iter().chain(TYPES).find(|(extensions, _)| known(extensions));
    found.map(|(_, kind)| *kind).filter(|kind| !kind.is_empty())
}

/// The type of a file of that name.
pub(super) fn of(path: &[u8]) -> &'static str {
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
    let extension = name.iter().rposition(|&b| b == b'.').and_then(|dot| name.get(dot + 1..)).unwrap_or_default();
    let found = TYPES
        .iter()
        .find(|(extensions, _)| extensions.split(' ').any(|known| extension.eq_ignore_ascii_case(known.as_bytes())));
    found.map_or("application/octet-stream", |(_, kind)| kind)
}
