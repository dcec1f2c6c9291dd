//! Parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (RFC 6152), AUTH (RFC 4954), DSN (RFC 3461), SMTPUTF8 (RFC 6531).
//! Each function gives the answer that refuses the command, if one does.

/// Refuses what MAIL does not take.
pub fn of_mail(options: &[&[u8]], size_limit: u64) -> Option<Vec<u8>> {
    let (mut ret, mut envid) = (false, false);
    options.iter().find_map(|option| {
        let (name, value) = parts(option);
        let bad = match (name.as_slice(), value) {
            (b"SIZE", Some(value)) => return size(value, size_limit).map(Into::into),
            (b"BODY", Some(value)) if is_one_of(value, &[b"8BITMIME", b"7BIT"]) => false,
            (b"AUTH", Some(_)) | (b"SMTPUTF8", None) => false,
            (b"RET", Some(value)) => std::mem::replace(&mut ret, true) || !is_one_of(value, &[b"FULL", b"HDRS"]),
            (b"ENVID", Some(value)) => {
                std::mem::replace(&mut envid, true) || value.is_empty() || value.len() > 100 || !is_xtext(value)
            }
            _ => return Some(unsupported(option)),
        };
        bad.then(|| format!("501 5.5.4 Bad {} parameter syntax", String::from_utf8_lossy(&name)).into())
    })
}

/// Refuses what RCPT does not take.
pub fn of_rcpt(options: &[&[u8]]) -> Option<Vec<u8>> {
    let (mut notify, mut orcpt) = (false, false);
    options.iter().find_map(|option| {
        let (name, value) = parts(option);
        let bad = match (name.as_slice(), value) {
            (b"NOTIFY", Some(value)) => {
                let known = |part: &[u8]| is_one_of(part, &[b"SUCCESS", b"FAILURE", b"DELAY"]);
                let never = value.eq_ignore_ascii_case(b"NEVER");
                std::mem::replace(&mut notify, true) || !(never || value.split(|&b| b == b',').all(known))
            }
            (b"ORCPT", Some(value)) => {
                let kind = value.iter().position(|&b| b == b';').unwrap_or(0);
                std::mem::replace(&mut orcpt, true) || kind == 0 || !is_xtext(value)
            }
            _ => return Some(unsupported(option)),
        };
        bad.then(|| format!("501 5.5.4 Error: Bad {} parameter syntax", String::from_utf8_lossy(&name)).into())
    })
}

fn size(value: &[u8], limit: u64) -> Option<&'static str> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Some("501 5.5.4 Bad message size syntax");
    }
    match std::str::from_utf8(value).ok().and_then(|digits| digits.parse::<i64>().ok()) {
        None => Some("552 5.3.4 Message size exceeds file system imposed limit"),
        Some(size) if size.unsigned_abs() > limit => Some("552 5.3.4 Message size exceeds fixed limit"),
        Some(_) => None,
    }
}

fn unsupported(option: &[u8]) -> Vec<u8> {
    [b"555 5.5.4 Unsupported option: ".as_slice(), option].concat()
}

fn is_one_of(value: &[u8], known: &[&[u8]]) -> bool {
    known.iter().any(|known| value.eq_ignore_ascii_case(known))
}

/// Name in upper case, and what stands after the `=`.
fn parts(option: &[u8]) -> (Vec<u8>, Option<&[u8]>) {
    match option.iter().position(|&b| b == b'=') {
        Some(at) => {
            let (name, value) = option.split_at(at);
            (name.to_ascii_uppercase(), value.get(1..))
        }
        None => (option.to_ascii_uppercase(), None),
    }
}

/// `+` is followed by two hexadecimal digits (RFC 3461 4).
fn is_xtext(text: &[u8]) -> bool {
    text.split(|&b| b == b'+').skip(1).all(|rest| {
        rest.get(..2).is_some_and(|digits| digits.iter().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(b)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asked of Postfix 3.7.11.
    #[test]
    fn answers_to_parameters() {
        let mail = |text: &str| {
            let options: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
            of_mail(&options, 10_240_000).map(|said| String::from_utf8(said).unwrap())
        };
        for good in
            ["SIZE=10240000", "AUTH=<>", "AUTH=", "RET=full ENVID=+41", "body=8bitmime", "smtputf8", "SIZE=1 SIZE=2"]
        {
            assert_eq!(mail(good), None, "{good}");
        }
        for (bad, said) in [
            ("SIZE=10240001", "552 5.3.4 Message size exceeds fixed limit"),
            ("SIZE=99999999999999999999", "552 5.3.4 Message size exceeds file system imposed limit"),
            ("SIZE=-1", "501 5.5.4 Bad message size syntax"),
            ("RET=FULL RET=HDRS", "501 5.5.4 Bad RET parameter syntax"),
            ("ENVID=+4", "501 5.5.4 Bad ENVID parameter syntax"),
            ("ENVID=", "501 5.5.4 Bad ENVID parameter syntax"),
            ("SMTPUTF8=1", "555 5.5.4 Unsupported option: SMTPUTF8=1"),
            ("BODY=BINARYMIME", "555 5.5.4 Unsupported option: BODY=BINARYMIME"),
            ("SIZE", "555 5.5.4 Unsupported option: SIZE"),
        ] {
            assert_eq!(mail(bad).as_deref(), Some(said), "{bad}");
        }
        let rcpt = |text: &str| {
            let options: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
            of_rcpt(&options).map(|said| String::from_utf8(said).unwrap())
        };
        for good in ["NOTIFY=SUCCESS,FAILURE", "notify=never", "ORCPT=rfc822;", "ORCPT=rfc822;a+41"] {
            assert_eq!(rcpt(good), None, "{good}");
        }
        for bad in ["NOTIFY=", "NOTIFY=NEVER,SUCCESS", "NOTIFY=NEVER NOTIFY=NEVER"] {
            assert_eq!(rcpt(bad).as_deref(), Some("501 5.5.4 Error: Bad NOTIFY parameter syntax"), "{bad}");
        }
        for bad in ["ORCPT=", "ORCPT=x", "ORCPT=;x", "ORCPT=rfc822;+", "ORCPT=a;b ORCPT=a;b"] {
            assert_eq!(rcpt(bad).as_deref(), Some("501 5.5.4 Error: Bad ORCPT parameter syntax"), "{bad}");
        }
    }
}
