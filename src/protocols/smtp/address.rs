//! Addresses of MAIL, RCPT and VRFY (RFC 5321 4.1.2), as leniently as Postfix reads them: comments are left out, a
//! source route is passed over, brackets may be missing.

/// An address without its brackets, source route and quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Before the last `@`.
    pub local: Vec<u8>,
    /// After it; `None` when there is no `@`.
    pub domain: Option<Vec<u8>>,
}

/// Where mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// To a local part of the host.
    Here(Vec<u8>),
    /// To another host.
    Elsewhere,
    /// Nowhere: the syntax is bad.
    Bad,
}

impl Address {
    /// Reads `<local@domain>` and what Postfix takes for it. `None` when the syntax is bad.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let inner = inside(text.trim_ascii())?.trim_ascii();
        let inner = match (inner.first(), inner.iter().position(|&b| b == b':')) {
            (Some(b'@'), Some(colon)) => inner.get(colon + 1..)?,
            _ => inner,
        };
        let bare = unquote(inner)?;
        let Some(at) = bare.iter().rposition(|&b| b == b'@') else { return Some(Self { local: bare, domain: None }) };
        let (local, domain) = bare.split_at_checked(at)?;
        let domain = domain.get(1..)?;
        valid_domain(domain).then(|| Self { local: local.to_vec(), domain: Some(domain.to_vec()) })
    }

    /// The same as VRFY has it: a bracket that is not closed is part of the name, separators at the ends are not.
    pub fn parse_loosely(text: &[u8]) -> Option<Self> {
        let mut text = text.trim_ascii();
        while let Some(rest) = text.strip_suffix(b",").or_else(|| text.strip_suffix(b";")) {
            text = rest.trim_ascii();
        }
        while let Some(rest) = text.strip_prefix(b">") {
            text = rest.trim_ascii();
        }
        if !text.starts_with(b"<") || text.contains(&b'>') {
            return Self::parse(text);
        }
        match text.iter().rposition(|&b| b == b'@').and_then(|at| text.split_at_checked(at)) {
            Some((local, domain)) => {
                let domain = domain.get(1..).filter(|domain| valid_domain(domain))?;
                Some(Self { local: local.to_vec(), domain: Some(domain.to_vec()) })
            }
            None => Some(Self { local: text.to_vec(), domain: None }),
        }
    }

    /// Where mail to it goes. Old ways to write a route are followed at the host's own domains: `user%domain`,
    /// `domain!user`, `user@domain@here`.
    pub fn resolve(&self, is_here: impl Fn(&[u8]) -> bool) -> Place {
        let (mut local, mut domain) = (self.local.clone(), self.domain.clone());
        if local.starts_with(b"-") {
            return Place::Bad;
        }
        loop {
            if domain.as_deref().is_some_and(|domain| !is_here(domain)) {
                return Place::Elsewhere;
            }
            let last = |mark: u8| local.iter().rposition(|&b| b == mark);
            let bang = local.iter().position(|&b| b == b'!');
            let (at, swapped) = match (last(b'@'), bang, last(b'%')) {
                (Some(at), _, _) | (None, None, Some(at)) => (at, false),
                (None, Some(at), _) => (at, true),
                (None, None, None) => return Place::Here(local),
            };
            let (before, after) = local.split_at(at);
            let (before, after) = (before.to_vec(), after.get(1..).unwrap_or_default().to_vec());
            let (user, rest) = if swapped { (after, before) } else { (before, after) };
            if !valid_domain(&rest) {
                return Place::Bad;
            }
            (local, domain) = (user, Some(rest));
        }
    }

    /// The null address `<>`.
    pub fn is_null(&self) -> bool {
        self.local.is_empty() && self.domain.is_none()
    }

    /// As Postfix names it in answers: no quotes, and what can't be printed is a blank.
    pub fn text(&self) -> Vec<u8> {
        let mut text = match &self.domain {
            Some(domain) => [self.local.as_slice(), b"@", domain].concat(),
            None => self.local.clone(),
        };
        text.iter_mut().filter(|byte| byte.is_ascii_control()).for_each(|byte| *byte = b' ');
        text
    }
}

/// What stands between the brackets. Nothing may follow them, but what follows empty ones is the address.
fn inside(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"<>").filter(|rest| !rest.is_empty()) {
        return Some(rest);
    }
    let mut quoted = false;
    let open = text.iter().position(|&byte| {
        quoted ^= byte == b'"';
        byte == b'<' && !quoted
    });
    let Some(open) = open else { return Some(strip_end(text)) };
    let rest = text.get(open..)?;
    let rest = rest.get(rest.iter().take_while(|&&b| b == b'<').count()..)?;
    rest.ends_with(b">").then(|| strip_end(rest))
}

fn strip_end(text: &[u8]) -> &[u8] {
    let brackets = text.iter().rev().take_while(|&&b| b == b'>').count();
    text.get(..text.len() - brackets).unwrap_or(text)
}

/// The text without quotes, comments and white space around specials. Commas and semicolons separate addresses, of
/// which there may be one; a quoted part stands alone between dots and `@`; what is left open ends with the text.
fn unquote(text: &[u8]) -> Option<Vec<u8>> {
    let special = |byte: u8| matches!(byte, b'.' | b'@' | b':' | b'%' | b'!');
    let (mut found, mut bare) = (Vec::new(), Vec::with_capacity(text.len()));
    let (mut quoted, mut comments) = (false, 0_usize);
    // Whether a quoted word may begin here, whether one is over, and whether white space came after a word.
    let (mut fresh, mut closed, mut gap) = (true, false, false);
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if comments > 0 {
            match byte {
                b'(' => comments += 1,
                b')' => comments -= 1,
                b'\\' => drop(bytes.next()),
                _ => {}
            }
            continue;
        }
        if quoted {
            match byte {
                b'"' => (quoted, closed) = (false, true),
                b'\\' => bare.push(bytes.next()?),
                byte => bare.push(byte),
            }
            continue;
        }
        match byte {
            b' ' | b'\t' => {
                gap = bare.last().is_some_and(|&last| !special(last));
                continue;
            }
            b'(' => {
                comments = 1;
                continue;
            }
            b',' | b';' => {
                found.extend(Some(std::mem::take(&mut bare)).filter(|bare| !bare.is_empty()));
                (fresh, closed, gap) = (true, false, false);
                continue;
            }
            byte if std::mem::take(&mut gap) && !special(byte) => return None,
            _ => {}
        }
        match byte {
            b'"' if fresh => (quoted, fresh) = (true, false),
            b'"' | b'<' | b'>' => return None,
            b'@' | b'.' => {
                bare.push(byte);
                (fresh, closed) = (true, false);
            }
            _ if closed => return None,
            b'[' if !fresh => return None,
            b'[' => {
                bare.push(b'[');
                bare.extend(bytes.by_ref().take_while(|&b| b != b']').filter(|&b| b != b'\\'));
                bare.push(b']');
                fresh = false;
            }
            byte => {
                bare.push(if byte == b'\\' { bytes.next()? } else { byte });
                fresh = false;
            }
        }
    }
    found.extend(Some(bare).filter(|bare| !bare.is_empty()));
    let first = found.pop().unwrap_or_default();
    (!quoted && found.is_empty()).then_some(first)
}

/// Whether it can be the name of a host or an address literal; a dot at the end is allowed.
pub fn valid_domain(domain: &[u8]) -> bool {
    if let Some(literal) = domain.strip_prefix(b"[") {
        let Some(literal) = literal.strip_suffix(b"]").and_then(|text| std::str::from_utf8(text).ok()) else {
            return false;
        };
        let v6 = literal.split_at_checked(5).filter(|(tag, _)| tag.eq_ignore_ascii_case("IPv6:"));
        return match v6 {
            Some((_, address)) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => literal.parse::<std::net::Ipv4Addr>().is_ok(),
        };
    }
    let domain = domain.strip_suffix(b".").unwrap_or(domain);
    let label = |label: &[u8]| {
        !label.is_empty()
            && label.len() < 64
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
            && label.iter().all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_') || b >= 0x80)
    };
    let numeric = domain.iter().all(|&b| b.is_ascii_digit() || b == b'.');
    domain.len() < 256 && !numeric && domain.split(|&b| b == b'.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asked of Postfix 3.7.11.
    #[test]
    fn good_and_bad_addresses() {
        let text = |raw: &str| Address::parse(raw.as_bytes()).map(|a| String::from_utf8(a.text()).unwrap());
        for (raw, wanted) in [
            ("<a@b.c>", "a@b.c"),
            ("<@x:a@b.c>", "a@b.c"),
            ("<@a,@b:c@d>", "c@d"),
            ("<\"v@e\"@d>", "v@e@d"),
            ("a", "a"),
            ("a@b.c>", "a@b.c"),
            ("<<a@b.c>>", "a@b.c"),
            ("x<a@b.c>", "a@b.c"),
            ("<>x", "x"),
            ("< a@b.c >", "a@b.c"),
            ("<a..b@c.d.>", "a..b@c.d."),
            ("<a(b)@c.d>", "a@c.d"),
            ("<a:b@c.d>", "a:b@c.d"),
            ("<a@b@c>", "a@b@c"),
            ("<a@[IPv6:::1]>", "a@[IPv6:::1]"),
            ("<\"\"@b.c>", "@b.c"),
            ("<a\u{1}b@c.d>", "a b@c.d"),
            ("<\" \">", " "),
            ("<, postmaster>", "postmaster"),
            ("<x;>", "x"),
            ("<. +a@b.c>", ".+a@b.c"),
            ("<x)>", "x)"),
            ("x(%+root", "x"),
            ("<[>", "[]"),
        ] {
            assert_eq!(text(raw).as_deref(), Some(wanted), "{raw}");
        }
        for null in ["<>", "< >", "<\t>", "<@a:>", "<\"\">", "\"\""] {
            assert!(Address::parse(null.as_bytes()).is_some_and(|address| address.is_null()), "{null}");
        }
        for bad in [
            "<a",
            "<a@b",
            "<a b@c>",
            "<a@>",
            "a b",
            "<\"a@b>",
            "<a@b.c>x",
            "\"<a@b.c>\"",
            "<a@.b>",
            "<a@b..c>",
            "<a\"b\"@c.d>",
            "<a@[1.2.3.400]>",
            "<a@[]>",
            "<a@[x]>",
            "<a@1.2.3.4>",
            "<a@-b.c>",
            "<a@b-.c>",
            "<a,b@c.d>",
            "<a;b@c.d>",
            "<a@b.c:d>",
            "<a@b/c>",
            "<root@>",
            "\"",
            "<a@b.c\\>",
        ] {
            assert_eq!(text(bad), None, "{bad}");
        }
    }
}
