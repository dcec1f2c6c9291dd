//! What is behind a destination of `direct-tcpip`, without ever asking the network: services of the host itself, peers
//! that are played, and the ways in which connect(2) fails.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::base::rng::{Rng, spread};
use crate::world::{Host, Socket, Who};

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::protocols::ssh) enum Target {
    /// A service of the host, on this port.
    Own(u16),
    /// Somebody else, who is played.
    Peer(Peer),
    /// Nobody, with the words of the refusal, and after how long.
    Failed(&'static str, Duration),
}

/// Somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::protocols::ssh) struct Peer {
    /// Name or address as it was asked for.
    pub name: String,
    pub speaks: Speaks,
    /// How long a packet takes there and back.
    pub away: Duration,
}

/// What a played peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocols::ssh) enum Speaks {
    Http,
    Tls,
    Smtp,
}

/// sshd has no words of its own where connect(2), or what comes before it, fails at once.
pub(super) const AT_ONCE: &str = "open failed";
const REFUSED: &str = "Connection refused";
const TIMED_OUT: &str = "Connection timed out";
const NO_ROUTE: &str = "No route to host";
const NO_NAME: &str = "Name or service not known";
const NO_SERVER: &str = "Temporary failure in name resolution";

/// Linux gives up after its sixth repeated SYN.
const SYNS: Duration = Duration::from_secs(130);
/// Three questions for a hardware address.
const ARP: Duration = Duration::from_millis(3_060);
/// Bytes of `/etc/hosts` that are read.
const HOSTS: usize = 64 << 10;

/// What is behind a destination as the host would reach it; `silent`: nobody but the host itself answers. `called` is
/// the address of ours that the visitor called.
pub(super) fn find(host: &Host, called: IpAddr, name: &str, port: u16, silent: bool) -> Target {
    let address = match look_up(host, name) {
        Found::Address(address) => Some(address.to_canonical()),
        Found::Elsewhere => None,
        Found::Nowhere(words) => return Target::Failed(words, spread(LOOK_UP.0, LOOK_UP.1)),
    };
    let own: Option<IpAddr> = host.persona().address.parse().ok();
    if let Some(address) = address {
        if address.is_loopback() || address.is_unspecified() || Some(address) == own || address == called.to_canonical()
        {
            return at_home(host, address, port);
        }
        match address {
            // No route for IPv6, nor to groups.
            IpAddr::V6(_) => return Target::Failed(AT_ONCE, Duration::ZERO),
            IpAddr::V4(far) if far.is_multicast() || far.is_broadcast() || far.octets()[0] >= 240 => {
                return Target::Failed(AT_ONCE, Duration::ZERO);
            }
            IpAddr::V4(far) => {
                if let Some(failed) = nearby(host, own, far) {
                    return failed;
                }
            }
        }
    }
    let speaks = match port {
        80 | 81 | 3128 | 8000 | 8008 | 8080 | 8081 | 8088 | 8888 => Speaks::Http,
        443 | 465 | 853 | 993 | 995 | 8443 => Speaks::Tls,
        25 | 587 | 2525 => Speaks::Smtp,
        _ => return Target::Failed(TIMED_OUT, SYNS),
    };
    if silent {
        return Target::Failed(TIMED_OUT, SYNS);
    }
    let away = Rng::new(host.persona().seed, &format!("far {}", name.to_ascii_lowercase())).between(12, 140);
    Target::Peer(Peer { name: name.to_string(), speaks, away: Duration::from_millis(away) })
}

const LOOK_UP: (Duration, Duration) = (Duration::from_millis(9), Duration::from_millis(60));

/// A port of the host; the address 0 is the loopback's.
fn at_home(host: &Host, address: IpAddr, port: u16) -> Target {
    let address = match address {
        IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    // `::` hears both families.
    let hears = |at: IpAddr| at == address || at.is_unspecified() && (at.is_ipv6() || address.is_ipv4());
    let listens = |socket: &Socket| socket.state == "LISTEN" && socket.local.port() == port && hears(socket.local.ip());
    if host.sockets().iter().any(listens) { Target::Own(port) } else { Target::Failed(REFUSED, Duration::ZERO) }
}

/// Addresses of the host's own network, and those that lead nowhere.
fn nearby(host: &Host, own: Option<IpAddr>, far: Ipv4Addr) -> Option<Target> {
    let Some(IpAddr::V4(own)) = own else { return None };
    if own.octets()[..3] == far.octets()[..3] {
        let is_gateway = host.persona().gateway == far.to_string();
        return Some(if is_gateway {
            Target::Failed(REFUSED, spread(Duration::from_micros(300), Duration::from_micros(900)))
        } else {
            Target::Failed(NO_ROUTE, ARP)
        });
    }
    let lost = far.is_private() || far.is_link_local() || far.octets()[0] == 0 || far.is_documentation();
    lost.then_some(Target::Failed(TIMED_OUT, SYNS))
}

enum Found {
    Address(IpAddr),
    /// A name of the wide world.
    Elsewhere,
    /// None that has an address; what getaddrinfo(3) says.
    Nowhere(&'static str),
}

/// getaddrinfo(3): numbers, `/etc/hosts`, the host's own name, and every name that the world could have.
fn look_up(host: &Host, name: &str) -> Found {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse() {
        return Found::Address(address);
    }
    if let Some(address) = number(bare) {
        return Found::Address(address.into());
    }
    let lower = name.trim_end_matches('.').to_ascii_lowercase();
    if let Some(address) = listed(host, &lower) {
        return Found::Address(address);
    }
    let persona = host.persona();
    if lower == "localhost" || lower.ends_with(".localhost") {
        return Found::Address(Ipv4Addr::LOCALHOST.into());
    }
    if [&host.hostname(), &persona.fqdn].iter().any(|own| own.eq_ignore_ascii_case(&lower)) {
        return Found::Address(IpAddr::from([127, 0, 1, 1]));
    }
    let label = |label: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        (1..=63).contains(&label.len()) && label.chars().all(fits) && !label.starts_with('-')
    };
    let last = lower.rsplit('.').next().unwrap_or_default();
    let world = last.len() > 1 && last.chars().any(|c| c.is_ascii_alphabetic());
    let reserved = ["invalid", "local", "test", "example", "internal", "lan", "home", "localdomain", "onion"];
    if lower.len() <= 253 && lower.contains('.') && lower.split('.').all(label) && world && !reserved.contains(&last) {
        return Found::Elsewhere;
    }
    // systemd-resolved asks nobody for a name of one label.
    let alone = persona.os_id == "ubuntu" && !lower.is_empty() && !lower.contains('.');
    Found::Nowhere(if alone { NO_SERVER } else { NO_NAME })
}

/// `2130706433`, `0x7f000001`, `127.1`, as inet_aton(3) reads them.
fn number(text: &str) -> Option<Ipv4Addr> {
    let part = |part: &str| {
        if part.is_empty() {
            return None;
        }
        match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None if part.len() > 1 && part.starts_with('0') => u32::from_str_radix(part, 8).ok(),
            None if part.bytes().all(|byte| byte.is_ascii_digit()) => part.parse().ok(),
            None => None,
        }
    };
    let parts = text.split('.').map(part).collect::<Option<Vec<u32>>>()?;
    let (&last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|&part| part > 255) {
        return None;
    }
    let bits = 32 - 8 * u32::try_from(first.len()).ok()?;
    if u64::from(last) >= 1_u64 << bits {
        return None;
    }
    let high = first.iter().enumerate().fold(0, |sum, (at, &part)| sum | part << (24 - 8 * at));
    Some(Ipv4Addr::from(high | last))
}

/// The first address of a name in `/etc/hosts` as the visitor left it.
fn listed(host: &Host, name: &str) -> Option<IpAddr> {
    let text = host.read_unseen(&Who::root(), b"/etc/hosts", HOSTS).ok()?;
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    });
    let all: Vec<IpAddr> = lines.collect();
    all.iter().find(|address| address.is_ipv4()).or(all.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Config, World};

    fn host() -> std::sync::Arc<Host> {
        let config = Config { address: "10.0.2.15".into(), ..Config::default() };
        World::new(&config, 7, 1 << 20, 1 << 20).host_for(IpAddr::from([203, 0, 113, 9]))
    }

    #[test]
    fn destinations_are_reached_or_fail_as_connect_does() {
        let host = host();
        let called = IpAddr::from([198, 51, 100, 7]);
        let own = host.hostname();
        let find = |name: &str, port| find(&host, called, name, port, false);
        for name in [
            "localhost",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "::1",
            "0.0.0.0",
            "10.0.2.15",
            &own,
            "198.51.100.7",
        ] {
            assert_eq!(find(name, 80), Target::Own(80), "{name}");
            assert_eq!(find(name, 9), Target::Failed("Connection refused", Duration::ZERO), "{name}");
        }
        assert_eq!(find("localhost", 53), Target::Failed("Connection refused", Duration::ZERO));
        assert_eq!(find("127.0.0.53", 53), Target::Own(53));
        for (name, port, speaks) in [
            ("ya.ru", 80, Speaks::Http),
            ("www.Google.com.", 443, Speaks::Tls),
            ("195.178.110.232", 8080, Speaks::Http),
            ("smtp.gmail.com", 587, Speaks::Smtp),
        ] {
            let Target::Peer(peer) = find(name, port) else { panic!("{name}") };
            assert_eq!((peer.name.as_str(), peer.speaks), (name, speaks));
        }
        for (name, port, words) in [
            ("ya.ru", 22, "Connection timed out"),
            ("192.168.77.1", 80, "Connection timed out"),
            ("10.0.2.77", 80, "No route to host"),
            ("2001:db8::1", 80, "open failed"),
            ("224.0.0.1", 80, "open failed"),
            ("a.invalid", 80, "Name or service not known"),
            ("a b.com", 80, "Name or service not known"),
            ("intranet", 80, "Temporary failure in name resolution"),
            ("", 80, "Name or service not known"),
        ] {
            let Target::Failed(said, _) = find(name, port) else { panic!("{name}") };
            assert_eq!(said, words, "{name}");
        }
        assert_eq!(super::find(&host, called, "ya.ru", 80, true), Target::Failed(TIMED_OUT, SYNS));
    }

    #[test]
    fn numbers_are_read_as_inet_aton_does() {
        for (text, address) in
            [("1.2.3.4", "1.2.3.4"), ("1.2.772", "1.2.3.4"), ("0300.0.2.1", "192.0.2.1"), ("0x1020304", "1.2.3.4")]
        {
            assert_eq!(number(text).unwrap().to_string(), address);
        }
        for text in ["", ".", "1.", "256.1", "1.2.3.256", "1.2.3.4.5", "4294967296", "x", "0x"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_name_panics(name: String) {
            let _ = number(&name);
        }
    }
}
