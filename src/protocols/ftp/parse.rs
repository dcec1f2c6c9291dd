//! Numbers, addresses and times in arguments, as vsftpd reads them: with atoi(3), and without a second look.

use std::net::{IpAddr, Ipv6Addr};

/// atoi(3): blanks, a sign, digits, whatever follows. Out of range: the nearest that there is.
pub fn atoi(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0_i64, |number, &digit| number.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    if negative { -number } else { number }
}

/// What stands before and after the first separator; nothing after it when there is none.
fn split(text: &[u8], separator: u8) -> (&[u8], &[u8]) {
    let at = text.iter().position(|&byte| byte == separator).unwrap_or(text.len());
    (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default())
}

/// Numbers of a byte each between separators.
fn bytes<const N: usize>(mut text: &[u8], separator: u8) -> Option<[u8; N]> {
    let mut out = [0; N];
    for (at, byte) in out.iter_mut().enumerate() {
        let (field, rest) = split(text, separator);
        if (at + 1 < N) == rest.is_empty() {
            return None;
        }
        *byte = u8::try_from(atoi(field)).ok()?;
        text = rest;
    }
    Some(out)
}

/// The argument of PORT.
pub fn port(argument: &[u8]) -> Option<(IpAddr, u16)> {
    let [a, b, c, d, high, low] = bytes(argument, b',')?;
    Some((IpAddr::from([a, b, c, d]), u16::from_be_bytes([high, low])))
}

/// The argument of EPRT; or the word that says what is wrong with it: `command` or `protocol`.
pub fn eprt(argument: &[u8], ipv6: bool) -> Result<(IpAddr, u16), &'static str> {
    let (before, rest) = split(argument, b'|');
    if !before.is_empty() {
        return Err("command");
    }
    let (protocol, rest) = split(rest, b'|');
    let protocol = atoi(protocol);
    if !(protocol == 1 || (protocol == 2 && ipv6)) {
        return Err("protocol");
    }
    let (address, rest) = split(rest, b'|');
    let address = if protocol == 1 {
        bytes(address, b'.').map(|address: [u8; 4]| IpAddr::from(address))
    } else {
        std::str::from_utf8(address).ok().and_then(|text| text.parse::<Ipv6Addr>().ok()).map(IpAddr::V6)
    };
    let (port, after) = split(rest, b'|');
    match (address, u16::try_from(atoi(port))) {
        (Some(address), Ok(number)) if after.is_empty() && !port.is_empty() => Ok((address, number)),
        _ => Err("command"),
    }
}

/// `YYYYMMDD path`, `YYYYMMDDHHMMSS path`, `YYYYMMDDHHMMSS.sss path`: the form of MDTM that sets the time, in seconds since
/// 1970, and the path.
pub fn stamp(argument: &[u8]) -> Option<(i64, &[u8])> {
    let space = argument.iter().position(|&byte| byte == b' ')?;
    let (time, path) = argument.split_at(space);
    let long = space > 15 && time.get(14) == Some(&b'.');
    if !time.first().is_some_and(u8::is_ascii_digit) || !(space == 8 || space == 14 || long) {
        return None;
    }
    let part = |from: usize, len: usize| atoi(time.get(from..from + len).unwrap_or_default());
    let day = days(part(0, 4), part(4, 2) - 1, part(6, 2));
    let seconds = if space < 14 { 0 } else { part(8, 2) * 3600 + part(10, 2) * 60 + part(12, 2) };
    Some((day * 86_400 + seconds, path.get(1..).unwrap_or_default()))
}

/// Days since 1970 of a date whose month (from 0) and day may be out of range, as in mktime(3).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = (year + month.div_euclid(12), month.rem_euclid(12));
    // Years that begin in March, so that leap days come last.
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_the_daemon_reads_them() {
        let here = |port| Some((IpAddr::from([127, 0, 0, 1]), port));
        assert_eq!(port(b"127,0,0,1,4,0"), here(1024));
        assert_eq!(port(b" 127, 0,0,01,4,0x"), here(1024));
        assert_eq!(port(b"127,0,0,1,8,8,"), here(2056));
        for wrong in ["", "127,0,0,1,8", "127,0,0,1,8,8,8", "127,0,0,1,4,256", "-1,0,0,1,4,0", "1.2.3.4,5,6"] {
            assert_eq!(port(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(eprt(b"|01|127.0.0.1|2000", false).ok(), here(2000));
        assert_eq!(eprt(b"|1|127.0.0.1|x|", false).ok(), here(0));
        assert_eq!(eprt(b"|2|::1|2000|", true).unwrap().1, 2000);
        let wrong = [
            ("|2|::1|1|", "protocol"),
            ("x", "command"),
            ("|1|127.0.0.1|2000|x", "command"),
            ("|1|1.2.3|4|", "command"),
        ];
        for (text, word) in wrong {
            assert_eq!(eprt(text.as_bytes(), false), Err(word), "{text}");
        }
    }

    #[test]
    fn times_out_of_range_go_on_in_the_next_unit() {
        assert_eq!(stamp(b"20200101000000 a b"), Some((1_577_836_800, b"a b".as_slice())));
        assert_eq!(stamp(b"20201301000000.5 a"), Some((1_609_459_200, b"a".as_slice())));
        assert_eq!(stamp(b"20200300 "), Some((1_582_934_400, b"".as_slice())));
        assert_eq!(stamp(b"19700101235961 a"), Some((86_401, b"a".as_slice())));
        assert!(stamp(b"2020010100000 a").is_none() && stamp(b"x0200101 a").is_none());
        assert!(stamp(b"99999999999999 a").is_some());
    }
}
