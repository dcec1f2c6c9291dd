//! Request targets and host names (RFC 9112, section 3.2) with nginx's idea of what is valid.

use super::request::Refusal;

/// What a target means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    /// The host of an absolute target.
    pub authority: Option<Vec<u8>>,
    /// The decoded path: it begins with `/`, has no `.`, `..` or doubled slashes, may end in `/`.
    pub path: Vec<u8>,
    /// What follows the `?`.
    pub query: Option<Vec<u8>>,
}

impl Target {
    /// Refuses the beginning of what can't become a target.
    pub fn plausible(raw: &[u8]) -> Result<(), Refusal> {
        match raw.first() {
            None | Some(b'/' | b'a'..=b'z' | b'A'..=b'Z') => Ok(()),
            Some(_) => Err(Refusal::Bad),
        }
    }

    /// Reads origin-form and absolute-form.
    pub fn parse(raw: &[u8]) -> Result<Self, Refusal> {
        if raw.starts_with(b"/") {
            return Self::origin(raw, None);
        }
        let scheme = raw.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let rest = raw.get(scheme..).unwrap_or_default();
        let rest = rest.strip_prefix(b"://").filter(|_| scheme > 0).ok_or(Refusal::Bad)?;
        let end = rest.iter().position(|&b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or(Refusal::Bad)?;
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || b".-:[]_~!$&'()*+,;=%".contains(b);
        if !authority.iter().all(allowed) || host_part(authority).is_none() {
            return Err(Refusal::Bad);
        }
        Self::origin(path, Some(authority.to_vec()))
    }

    fn origin(raw: &[u8], authority: Option<Vec<u8>>) -> Result<Self, Refusal> {
        let end = raw.iter().position(|&b| matches!(b, b'?' | b'#')).unwrap_or(raw.len());
        let (path, rest) = raw.split_at_checked(end).ok_or(Refusal::Bad)?;
        let query = rest.strip_prefix(b"?").map(|query| {
            let end = query.iter().position(|&b| b == b'#').unwrap_or(query.len());
            query.get(..end).unwrap_or_default().to_vec()
        });
        Ok(Self { authority, path: normal(&decoded(path)?)?, query })
    }
}

/// Undoes `%XX` once.
pub(super) fn decoded(path: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|&b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match (digit(), digit()) {
            (Some(high), Some(low)) if high | low != 0 => out.push(high << 4 | low),
            _ => return Err(Refusal::Bad),
        }
    }
    Ok(out)
}

/// Removes dots and doubled slashes; nothing may lead above the root.
pub(super) fn normal(path: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut folder = true;
    for part in path.split(|&b| b == b'/') {
        folder = matches!(part, b"" | b"." | b"..");
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop().ok_or(Refusal::Bad)?;
            }
            name => parts.push(name),
        }
    }
    let mut whole = Vec::with_capacity(path.len() + 1);
    for part in &parts {
        whole.push(b'/');
        whole.extend_from_slice(part);
    }
    if folder || parts.is_empty() {
        whole.push(b'/');
    }
    Ok(whole)
}

/// The name in `name:port`, without a last dot; `None` for what nginx refuses (`ngx_http_validate_host`).
pub(super) fn host_part(host: &[u8]) -> Option<&[u8]> {
    let bad = |b: &u8| *b <= 0x20 || *b == 0x7f || *b == b'/';
    if host.iter().any(bad) || host.windows(2).any(|pair| pair == b"..") {
        return None;
    }
    let end = if host.starts_with(b"[") {
        host.iter().position(|&b| b == b']').map_or(host.len(), |at| at + 1)
    } else {
        host.iter().position(|&b| b == b':').unwrap_or(host.len())
    };
    let name = host.get(..end)?;
    let name = name.strip_suffix(b".").unwrap_or(name);
    (!name.is_empty()).then_some(name)
}

/// A path for a `Location` header: nothing in it can end the line.
pub(super) fn escaped(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for &byte in path {
        if byte <= 0x20 || byte >= 0x7f || b"#%?".contains(&byte) {
            out.extend(format!("%{byte:02X}").into_bytes());
        } else {
            out.push(byte);
        }
    }
    out
}
