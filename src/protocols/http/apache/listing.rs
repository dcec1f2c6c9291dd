//! `mod_autoindex` with Debian's settings: `FancyIndexing VersionSort HTMLTable NameWidth=* DescriptionWidth=*`.

use crate::base::clock;

use super::super::mime;
use super::super::site::Row;
use super::super::target::escaped;
use super::html;

/// What hides from listings (`IndexIgnore .??* *~ *# RCS CVS *,v *,t`).
fn hidden(name: &[u8]) -> bool {
    (name.starts_with(b".") && name.len() > 2)
        || matches!(name, b"RCS" | b"CVS" | b"." | b"..")
        || [&b"~"[..], b"#", b",v", b",t"].iter().any(|end| name.ends_with(end))
}

/// Icons by the ends of names, in the order of `autoindex.conf`; the second word stands in `alt`.
const BY_NAME: &[(&str, &str, &str)] = &[
    ("gz tgz bz2 Z", "compressed.gif", "   "),
    ("bin exe", "binary.gif", "   "),
    ("hqx", "binhex.gif", "   "),
    ("tar", "tar.gif", "   "),
    ("z zip", "compressed.gif", "   "),
    ("ps ai eps", "a.gif", "   "),
    ("pdf", "layout.gif", "   "),
    ("html shtml htm", "layout.gif", "   "),
    ("txt", "text.gif", "TXT"),
    ("c", "c.gif", "   "),
    ("pl py", "p.gif", "   "),
    ("conf sh shar csh ksh tcl", "script.gif", "   "),
    ("tex", "tex.gif", "   "),
];

fn icon(row: &Row) -> (&'static str, &'static str) {
    if row.folder {
        return ("folder.gif", "DIR");
    }
    let kind = mime::apache(&row.name).unwrap_or_default();
    let by_kind = [("text/", "text.gif", "TXT"), ("image/", "image2.gif", "IMG"), ("audio/", "sound2.gif", "SND")];
    if let Some((_, icon, alt)) = by_kind.iter().find(|(start, ..)| kind.starts_with(start)) {
        return (icon, alt);
    }
    if kind.starts_with("video/") {
        return ("movie.gif", "VID");
    }
    let dot = row.name.iter().rposition(|&b| b == b'.').and_then(|dot| row.name.get(dot + 1..)).unwrap_or_default();
    let known = |ends: &str| ends.split(' ').any(|end| end.as_bytes() == dot);
    BY_NAME.iter().find(|(ends, ..)| known(ends)).map_or(("unknown.gif", "   "), |(_, icon, alt)| (icon, alt))
}

/// `apr_strfsize`: four characters.
fn size(bytes: u64) -> String {
    if bytes < 973 {
        return format!("{bytes:3} ");
    }
    let (mut rest, mut size) = (0, bytes);
    for unit in ['K', 'M', 'G', 'T', 'P', 'E'] {
        rest = size & 1023;
        size >>= 10;
        if size >= 973 {
            continue;
        }
        if size < 9 || (size == 9 && rest < 973) {
            let mut tenth = (rest * 5 + 256) / 512;
            if tenth >= 10 {
                size += 1;
                tenth = 0;
            }
            return format!("{size}.{tenth}{unit}");
        }
        return format!("{:3}{unit}", if rest >= 512 { size + 1 } else { size });
    }
    format!("{size:3}{}", if rest > 0 { 'E' } else { ' ' })
}

/// Orders as `apr_strnatcmp` does: runs of digits by their number.
fn versions(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (left, right) = (digits(a), digits(b));
        if left > 0 && right > 0 {
            let (first, after) = a.split_at(left);
            let (second, behind) = b.split_at(right);
            let plain = |text: &[u8]| {
                let zeros = text.iter().take_while(|&&byte| byte == b'0').count();
                text.get(zeros..).unwrap_or_default().to_vec()
            };
            let (first, second) = (plain(first), plain(second));
            let order = first.len().cmp(&second.len()).then_with(|| first.cmp(&second));
            if order.is_ne() {
                return order;
            }
            (a, b) = (after, behind);
            continue;
        }
        match (a.split_first(), b.split_first()) {
            (Some((x, after)), Some((y, behind))) if x == y => (a, b) = (after, behind),
            (x, y) => return x.map(|(x, _)| x).cmp(&y.map(|(y, _)| y)),
        }
    }
}

/// The page for a folder; `path` begins and ends with a slash, `query` may say in which order (`C=N;O=D`).
pub(super) fn page(doctype: &str, path: &[u8], rows: &[Row], query: &[u8], address: &str) -> String {
    let word = |name: &[u8]| {
        let mut parts = query.split(|b| matches!(b, b';' | b'&'));
        parts.find_map(|part| part.strip_prefix(name)?.first().copied())
    };
    let column = word(b"C=").filter(|c| b"NMSD".contains(c)).unwrap_or(b'N');
    let down = word(b"O=") == Some(b'D');
    let mut rows: Vec<&Row> = rows.iter().filter(|row| !hidden(&row.name)).collect();
    rows.sort_by(|a, b| {
        let by_name = || versions(&a.name, &b.name);
        let bytes = |row: &Row| if row.folder { 0 } else { row.size };
        let order = match column {
            b'M' => a.modified.cmp(&b.modified).then_with(by_name),
            b'S' => bytes(a).cmp(&bytes(b)).then_with(by_name),
            _ => by_name(),
        };
        if down { order.reverse() } else { order }
    });
    let title = html(path.strip_suffix(b"/").filter(|path| !path.is_empty()).unwrap_or(b"/"));
    let link = |letter: u8, label: &str| {
        let order = if column == letter && !down { 'D' } else { 'A' };
        format!("<th><a href=\"?C={};O={order}\">{label}</a></th>", char::from(letter))
    };
    let mut out = format!(
        "{doctype}\n<html>\n <head>\n  <title>Index of {title}</title>\n </head>\n <body>\n<h1>Index of {title}</h1>\n  \
         <table>\n   <tr><th valign=\"top\"><img src=\"/icons/blank.gif\" alt=\"[ICO]\"></th>{}{}{}{}</tr>\n   \
         <tr><th colspan=\"5\"><hr></th></tr>\n",
        link(b'N', "Name"),
        link(b'M', "Last modified"),
        link(b'S', "Size"),
        link(b'D', "Description"),
    );
    if path != b"/" {
        let above = path.strip_suffix(b"/").unwrap_or(path);
        let above = above.get(..=above.iter().rposition(|&b| b == b'/').unwrap_or(0)).unwrap_or(b"/");
        out.push_str(&format!(
            "<tr><td valign=\"top\"><img src=\"/icons/back.gif\" alt=\"[PARENTDIR]\"></td><td><a href=\"{}\">Parent \
             Directory</a></td><td>&nbsp;</td><td align=\"right\">  - </td><td>&nbsp;</td></tr>\n",
            html(&escaped(above))
        ));
    }
    for row in rows {
        let slash = if row.folder { "/" } else { "" };
        let (icon, alt) = icon(row);
        let at = clock::Timestamp::from_second(row.modified).unwrap_or_default().strftime("%Y-%m-%d %H:%M");
        let size = if row.folder { "  - ".into() } else { size(row.size) };
        out.push_str(&format!(
            "<tr><td valign=\"top\"><img src=\"/icons/{icon}\" alt=\"[{alt}]\"></td><td><a href=\"{}{slash}\">\
             {}{slash}</a></td><td align=\"right\">{at}  </td><td align=\"right\">{size}</td><td>&nbsp;</td></tr>\n",
            html(&escaped(&row.name)),
            html(&row.name),
        ));
    }
    out + &format!("   <tr><th colspan=\"5\"><hr></th></tr>\n</table>\n<address>{address}</address>\n</body></html>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_versions_are_apr_s() {
        for (bytes, text) in [(0, "  0 "), (10, " 10 "), (972, "972 "), (973, "1.0K"), (3000, "2.9K"), (10_701, " 10K")]
        {
            assert_eq!(size(bytes), text, "{bytes}");
        }
        assert_eq!(size(5 << 20), "5.0M");
        assert!(versions(b"a2", b"a10").is_lt() && versions(b"B", b"a").is_lt());
    }
}
