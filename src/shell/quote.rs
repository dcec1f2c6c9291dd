//! Names in messages and listings, quoted so that a shell would read them back (GNU quotearg, `shell-escape`).

use super::text;

/// Quoted only when needed.
pub(super) fn if_needed(name: &str) -> String {
    if is_plain(name) { name.to_string() } else { always(name) }
}

/// Always in quotes: `'x'`, `"it's"`, `'a'$'\n''b'`.
pub(super) fn always(name: &str) -> String {
    let strange = |c: char| c.is_control() || text::carried(c).is_some();
    if name.contains('\'') && !name.chars().any(|c| strange(c) || "\"\\$`!".contains(c)) {
        return format!("\"{name}\"");
    }
    let mut quoted = String::from("'");
    let mut inside = true;
    for c in name.chars() {
        if strange(c) {
            let escape = match c {
                '\n' => "\\n".to_string(),
                '\t' => "\\t".to_string(),
                '\r' => "\\r".to_string(),
                '\x07' => "\\a".to_string(),
                '\x08' => "\\b".to_string(),
                '\x0b' => "\\v".to_string(),
                '\x0c' => "\\f".to_string(),
                c => text::encode(&c.to_string()).iter().map(|byte| format!("\\{byte:03o}")).collect(),
            };
            quoted.push_str(if inside { "'$'" } else { "" });
            quoted.push_str(&escape);
            inside = false;
        } else {
            if !inside {
                quoted.push_str("''");
                inside = true;
            }
            if c == '\'' { quoted.push_str("'\\''") } else { quoted.push(c) }
        }
    }
    quoted.push('\'');
    quoted
}

fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['~', '#'])
        && !name.chars().any(|c| c.is_control() || text::carried(c).is_some() || " !\"$&'()*;<=>?[\\^`{|}".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_gnu_does() {
        assert_eq!(always("a b"), "'a b'");
        assert_eq!(always("it's"), "\"it's\"");
        assert_eq!(always("a\nb"), "'a'$'\\n''b'");
        assert_eq!(always("\u{10FFFF}"), "''$'\\377'");
        assert_eq!(if_needed("plain-1.2"), "plain-1.2");
        assert_eq!(if_needed("a*"), "'a*'");
    }
}
