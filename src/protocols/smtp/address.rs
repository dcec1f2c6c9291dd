//! Addresses of MAIL, RCPT and VRFY (RFC 5321 4.1.2), as leniently as Postfix reads them.

/// An address without its brackets, source route and quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Before the last `@`.
    pub local: Vec<u8>,
    /// After it; `None` when there is no `@`.
    pub domain: Option<Vec<u8>>,
}

impl Address {
    /// Reads `<local@domain>`, the brackets may be missing. `None` when the syntax is bad.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let inner = match text.strip_prefix(b"<") {
            Some(rest) => rest.strip_suffix(b">")?,
            None => text,
        };
        if inner.is_empty() {
            return Some(Self { local: Vec::new(), domain: None });
        }
        let inner = match (inner.first(), inner.iter().position(|&b| b == b':')) {
            (Some(b'@'), Some(colon)) => inner.get(colon + 1..)?,
            _ => inner,
        };
        let (bare, last_at) = unquote(inner)?;
        let Some(at) = last_at else { return Some(Self { local: bare, domain: None }) };
        let (local, domain) = bare.split_at_checked(at)?;
        let domain = domain.get(1..)?;
        let valid = !local.is_empty() && valid_domain(domain);
        valid.then(|| Self { local: local.to_vec(), domain: Some(domain.to_vec()) })
    }

    /// The null address `<>`.
    pub fn is_null(&self) -> bool {
        self.local.is_empty() && self.domain.is_none()
    }

    /// As Postfix names it in answers: no quotes.
    pub fn text(&self) -> Vec<u8> {
        match &self.domain {
            Some(domain) => [self.local.as_slice(), b"@", domain].concat(),
            None => self.local.clone(),
        }
    }
}

/// The text without quotes, and where the last `@` that is not quoted is. White space and brackets must be quoted.
fn unquote(text: &[u8]) -> Option<(Vec<u8>, Option<usize>)> {
    let (mut bare, mut last_at, mut quoted) = (Vec::with_capacity(text.len()), None, false);
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' => bare.push(bytes.next()?),
            b' ' | b'\t' | b'<' | b'>' | b'(' | b')' | b',' | b';' if !quoted => return None,
            0..0x20 | 0x7f => return None,
            byte => {
                if byte == b'@' && !quoted {
                    last_at = Some(bare.len());
                }
                bare.push(byte);
            }
        }
    }
    (!quoted && !bare.is_empty()).then_some((bare, last_at))
}

fn valid_domain(domain: &[u8]) -> bool {
    if let Some(literal) = domain.strip_prefix(b"[") {
        return literal.strip_suffix(b"]").is_some_and(|inner| !inner.is_empty());
    }
    let label = |label: &[u8]| {
        !label.is_empty()
            && label.len() < 64
            && !label.starts_with(b"-")
            && label.iter().all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_') || b >= 0x80)
    };
    domain.split(|&b| b == b'.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad_addresses() {
        let text = |raw: &str| Address::parse(raw.as_bytes()).map(|a| String::from_utf8(a.text()).unwrap());
        assert_eq!(text("<a@b.c>").as_deref(), Some("a@b.c"));
        assert_eq!(text("<@x:a@b.c>").as_deref(), Some("a@b.c"));
        assert_eq!(text("<\"v@e\"@d>").as_deref(), Some("v@e@d"));
        assert_eq!(text("a").as_deref(), Some("a"));
        for bad in ["<a", "<a@b", "<a b@c>", "<a@>", "a b", "<\"a@b>"] {
            assert_eq!(text(bad), None, "{bad}");
        }
    }
}
