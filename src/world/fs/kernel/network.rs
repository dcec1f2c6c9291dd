//! `/proc/net`: interfaces, routes, sockets.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Thing, folder, text};
use crate::base::rng::Rng;
use crate::world::{Host, Socket};

pub(super) fn look(host: &Host, parts: &[&str]) -> Option<Thing> {
    let persona = host.persona();
    let parse = |address: &str| address.parse::<Ipv4Addr>().unwrap_or(Ipv4Addr::UNSPECIFIED);
    let hex = |address: Ipv4Addr| format!("{:08X}", u32::from_le_bytes(address.octets()));
    match parts {
        [] => folder(&[
            "arp",
            "dev",
            "fib_trie",
            "if_inet6",
            "netstat",
            "packet",
            "protocols",
            "raw",
            "route",
            "snmp",
            "sockstat",
            "tcp",
            "tcp6",
            "udp",
            "udp6",
            "unix",
            "wireless",
        ]),
        ["tcp" | "tcp6" | "udp" | "udp6"] => text(table(host, parts.first().copied().unwrap_or_default())),
        ["dev"] => text(dev(host)),
        ["route"] => {
            let gateway = parse(&persona.gateway);
            let [a, b, c, _] = gateway.octets();
            let network = Ipv4Addr::new(a, b, c, 0);
            let row = |to: Ipv4Addr, via: Ipv4Addr, flags: u8, mask: Ipv4Addr| {
                let line = format!(
                    "{}\t{}\t{}\t{flags:04X}\t0\t0\t0\t{}\t0\t0\t0",
                    persona.iface,
                    hex(to),
                    hex(via),
                    hex(mask)
                );
                format!("{line:<127}\n")
            };
            let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
            let zero = Ipv4Addr::UNSPECIFIED;
            let rows = row(zero, gateway, 3, zero) + &row(network, zero, 1, Ipv4Addr::new(255, 255, 255, 0));
            text(format!("{head:<127}\n{rows}"))
        }
        ["arp"] => {
            let mut rng = Rng::new(persona.seed, "gateway");
            let mac: Vec<String> = (0..3).map(|_| format!("{:02x}", rng.between(0, 255))).collect();
            text(format!(
                "IP address       HW type     Flags       HW address            Mask     Device\n{:<16} 0x1         0x2         fe:54:00:{}     *        {}\n",
                persona.gateway,
                mac.join(":"),
                persona.iface
            ))
        }
        ["if_inet6"] => {
            let parts: Vec<u8> = persona.mac.split(':').filter_map(|part| u8::from_str_radix(part, 16).ok()).collect();
            let [a, b, c, d, e, f] = parts.as_slice() else { return text("") };
            let local = format!("fe80000000000000{:02x}{b:02x}{c:02x}fffe{d:02x}{e:02x}{f:02x}", a ^ 2);
            text(format!(
                "{local} 02 40 20 80 {:>8}\n00000000000000000000000000000001 01 80 10 80       lo\n",
                persona.iface
            ))
        }
        ["sockstat"] => {
            let sockets = host.sockets();
            let tcp = sockets.iter().filter(|socket| socket.proto == "tcp").count();
            text(format!(
                "sockets: used {}\nTCP: inuse {tcp} orphan 0 tw 0 alloc {} mem 1\nUDP: inuse 1 mem 1\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n",
                sockets.len() + 132,
                tcp + 4
            ))
        }
        ["unix"] => text(unix(host)),
        ["raw"] => text(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n",
        ),
        ["packet"] => text("sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n"),
        ["wireless"] => text(
            "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n",
        ),
        ["fib_trie" | "netstat" | "protocols" | "snmp"] => text(""),
        _ => None,
    }
}

fn address(at: SocketAddr, wide: bool) -> String {
    let ip = match (at.ip(), wide) {
        (IpAddr::V4(ip), false) => format!("{:08X}", u32::from_le_bytes(ip.octets())),
        (IpAddr::V4(ip), true) => words(&ip.to_ipv6_mapped().octets()),
        (IpAddr::V6(ip), _) => words(&ip.octets()),
    };
    format!("{ip}:{:04X}", at.port())
}

/// Each four bytes as one number of the host's byte order.
fn words(bytes: &[u8; 16]) -> String {
    bytes.chunks_exact(4).map(|word| word.iter().rev().map(|byte| format!("{byte:02X}")).collect::<String>()).collect()
}

fn table(host: &Host, proto: &str) -> String {
    let wide = proto.ends_with('6');
    let udp = proto.starts_with("udp");
    let head = match (udp, wide) {
        (false, false) => {
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
        }
        (false, true) => {
            "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
        }
        (true, false) => {
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops"
        }
        (true, true) => {
            "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops"
        }
    };
    let mut out = if wide { format!("{head}\n") } else { format!("{head:<149}\n") };
    let none = SocketAddr::new(if wide { IpAddr::from([0_u16; 8]) } else { IpAddr::from([0_u8; 4]) }, 0);
    for (at, socket) in host.sockets().iter().filter(|socket| socket.proto == proto).enumerate() {
        let Socket { local, remote, uid, inode, .. } = socket;
        let state = match (socket.state, udp) {
            ("ESTABLISHED", _) => "01",
            (_, true) => "07",
            _ => "0A",
        };
        let (timer, tail) = match (udp, remote.is_some()) {
            (true, _) => ("00:00000000", "2 0000000000000000 0".to_string()),
            (false, true) => ("02:000A7214", "2 0000000000000000 24 4 29 10 -1".into()),
            (false, false) => ("00:00000000", "1 0000000000000000 100 0 0 10 0".into()),
        };
        let line = format!(
            "{at:>4}: {} {} {state} 00000000:00000000 {timer} 00000000 {uid:>5}        0 {inode} {tail}",
            address(*local, wide),
            address(remote.unwrap_or(none), wide)
        );
        if wide {
            let _ = writeln!(out, "{line}");
        } else {
            let _ = writeln!(out, "{line:<149}");
        }
    }
    out
}

fn dev(host: &Host) -> String {
    let persona = host.persona();
    let up = host.uptime().as_secs();
    let mut rng = Rng::new(persona.seed, "traffic");
    let (packets, size) = (rng.between(1, 6) * up / 2 + up % 977, rng.between(180, 900));
    let local = up / 9 + 200;
    let row = |name: &str, inn: u64, inn_packets: u64, out: u64, out_packets: u64| {
        format!(
            "{name:>6}: {inn:>7} {inn_packets:>7}    0    0    0     0          0         0 {out:>8} {out_packets:>7}    0    0    0     0       0          0\n"
        )
    };
    let head = "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n";
    let outgoing = packets * 7 / 10;
    head.to_string()
        + &row("lo", local * 84, local, local * 84, local)
        + &row(&persona.iface, packets * size, packets, outgoing * (size / 2 + 60), outgoing)
}

fn unix(host: &Host) -> String {
    const PATHS: &[(&str, u8, &str)] = &[
        ("00010000", 1, "/run/systemd/notify"),
        ("00010000", 1, "/run/systemd/private"),
        ("00010000", 1, "/run/systemd/journal/stdout"),
        ("00000000", 2, "/run/systemd/journal/socket"),
        ("00000000", 2, "/run/systemd/journal/dev-log"),
        ("00010000", 1, "/run/dbus/system_bus_socket"),
        ("00010000", 1, "/run/uuidd/request"),
        ("00010000", 1, "/run/snapd.socket"),
        ("00010000", 1, "/run/lvm/lvmpolld.socket"),
        ("00010000", 1, "public/cleanup"),
        ("00010000", 1, "public/qmgr"),
        ("00010000", 1, "private/smtp"),
    ];
    let mut out = String::from("Num       RefCount Protocol Flags    Type St Inode Path\n");
    for (at, (flags, kind, path)) in PATHS.iter().enumerate() {
        let inode = 13_000 + host.persona().seed % 4000 + at as u64 * 17;
        let _ = writeln!(out, "0000000000000000: 00000002 00000000 {flags} {kind:04} 01 {inode} {path}");
    }
    out
}
