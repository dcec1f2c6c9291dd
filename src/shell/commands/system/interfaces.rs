//! The network as tools show it: `ifconfig`, `ip`, `route`, `arp`.

use std::net::Ipv4Addr;

use super::common::{file, is_root};
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;

/// An interface and its counters.
pub(super) struct Interface {
    pub name: String,
    pub index: u32,
    pub loopback: bool,
    pub address: Ipv4Addr,
    pub prefix: u8,
    pub mac: String,
    pub link_local: String,
    /// Received bytes, packets, dropped; sent bytes, packets.
    pub counters: [u64; 5],
}

fn mask(prefix: u8) -> Ipv4Addr {
    Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0))
}

impl Interface {
    fn broadcast(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) | !u32::from(mask(self.prefix)))
    }

    fn network(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) & u32::from(mask(self.prefix)))
    }
}

/// `fe80::5054:ff:fe12:3456` of `52:54:00:12:34:56`.
fn link_local(mac: &str) -> String {
    let b: Vec<u8> = mac.split(':').filter_map(|part| u8::from_str_radix(part, 16).ok()).collect();
    let [a, b, c, d, e, f] = b.as_slice() else { return "fe80::1".into() };
    let words = [
        u16::from_be_bytes([a ^ 2, *b]),
        u16::from_be_bytes([*c, 0xff]),
        u16::from_be_bytes([0xfe, *d]),
        u16::from_be_bytes([*e, *f]),
    ];
    let [w, x, y, z] = words;
    std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, w, x, y, z).to_string()
}

pub(super) fn all(c: &Cmd) -> Vec<Interface> {
    let p = c.host().persona();
    let dev = file(c.host(), "/proc/net/dev");
    let counters = |name: &str| {
        let line = dev.lines().find_map(|line| line.trim_start().strip_prefix(&format!("{name}:")).map(str::to_string));
        let numbers: Vec<u64> =
            line.unwrap_or_default().split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let at = |index: usize| numbers.get(index).copied().unwrap_or(0);
        [at(0), at(1), at(3), at(8), at(9)]
    };
    let lo = Interface {
        name: "lo".into(),
        index: 1,
        loopback: true,
        address: Ipv4Addr::LOCALHOST,
        prefix: 8,
        mac: "00:00:00:00:00:00".into(),
        link_local: "::1".into(),
        counters: counters("lo"),
    };
    let first = Interface {
        name: p.iface.clone(),
        index: 2,
        loopback: false,
        address: p.address.parse().unwrap_or(Ipv4Addr::LOCALHOST),
        prefix: p.prefix,
        mac: p.mac.clone(),
        link_local: link_local(&p.mac),
        counters: counters(&p.iface),
    };
    vec![lo, first]
}

/// `12.0 KB` as ifconfig writes sizes.
fn amount(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in ["KB", "MB", "GB", "TB"] {
        if value < 1000.0 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

fn paragraph(i: &Interface) -> String {
    let [rx, rx_packets, dropped, tx, tx_packets] = i.counters;
    let mut text = match i.loopback {
        true => format!("{}: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n", i.name),
        false => format!("{}: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n", i.name),
    };
    text.push_str(&format!("        inet {}  netmask {}", i.address, mask(i.prefix)));
    if i.loopback {
        text.push_str(
            "\n        inet6 ::1  prefixlen 128  scopeid 0x10<host>\n        loop  txqueuelen 1000  (Local Loopback)\n",
        );
    } else {
        text.push_str(&format!(
            "  broadcast {}\n        inet6 {}  prefixlen 64  scopeid 0x20<link>\n        ether {}  txqueuelen 1000  (Ethernet)\n",
            i.broadcast(),
            i.link_local,
            i.mac
        ));
    }
    text.push_str(&format!(
        "        RX packets {rx_packets}  bytes {rx} ({})\n        RX errors 0  dropped {dropped}  overruns 0  frame 0\n        \
         TX packets {tx_packets}  bytes {tx} ({})\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n",
        amount(rx),
        amount(tx)
    ));
    text
}

fn applet_paragraph(i: &Interface) -> String {
    let [rx, rx_packets, dropped, tx, tx_packets] = i.counters;
    let encap = if i.loopback {
        "Local Loopback  ".to_string()
    } else {
        format!("Ethernet  HWaddr {}  ", i.mac.to_uppercase())
    };
    let more = if i.loopback { String::new() } else { format!("  Bcast:{}", i.broadcast()) };
    let six = if i.loopback { "::1/128 Scope:Host".to_string() } else { format!("{}/64 Scope:Link", i.link_local) };
    let flags = if i.loopback { "UP LOOPBACK RUNNING  MTU:65536" } else { "UP BROADCAST RUNNING MULTICAST  MTU:1500" };
    let kib = |bytes: u64| format!("{:.1} KiB", bytes as f64 / 1024.0);
    format!(
        "{:<10}Link encap:{encap}\n          inet addr:{}{more}  Mask:{}\n          inet6 addr: {six}\n          {flags}  Metric:1\n          \
         RX packets:{rx_packets} errors:0 dropped:{dropped} overruns:0 frame:0\n          TX packets:{tx_packets} errors:0 dropped:0 \
         overruns:0 carrier:0\n          collisions:0 txqueuelen:1000 \n          RX bytes:{rx} ({})  TX bytes:{tx} ({})\n\n",
        i.name,
        i.address,
        mask(i.prefix),
        kib(rx),
        kib(tx)
    )
}

pub(super) fn ifconfig(c: &mut Cmd) -> i32 {
    let interfaces = all(c);
    let words: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    if let Some(bad) =
        c.args.iter().find(|arg| arg.starts_with('-') && !matches!(arg.as_str(), "-a" | "-v" | "-s")).cloned()
    {
        c.err(&format!("ifconfig: option `{bad}' not recognised.\nifconfig: `--help' gives usage information.\n"));
        return 1;
    }
    if c.args.iter().any(|arg| arg == "-s") {
        c.out("Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n");
        for i in interfaces.iter().rev() {
            let (mtu, flags) = if i.loopback { (65536, "LRU") } else { (1500, "BMRU") };
            let [_, rx, drop, _, tx] = i.counters;
            c.out(&format!(
                "{:<8} {mtu:>5} {rx:>8} {:>6} {drop:>6} {:<6} {tx:>8} {:>6} {:>6} {:>6} {flags}\n",
                i.name, 0, 0, 0, 0, 0
            ));
        }
        return 0;
    }
    if words.len() > 1 {
        if !is_root(c) {
            c.err("SIOCSIFADDR: Operation not permitted\n");
            return 255;
        }
        return 0;
    }
    let chosen: Vec<&Interface> = match words.first() {
        Some(name) => interfaces.iter().filter(|i| i.name == *name).collect(),
        None => interfaces.iter().rev().collect(),
    };
    if let (true, Some(name)) = (chosen.is_empty(), words.first()) {
        let text = match c.applet() {
            true => format!("ifconfig: {name}: error fetching interface information: Device not found\n"),
            false => format!("{name}: error fetching interface information: Device not found\n"),
        };
        c.err(&text);
        return 1;
    }
    for i in chosen {
        let text = if c.applet() { applet_paragraph(i) } else { paragraph(i) };
        c.out(&text);
    }
    0
}

/// What was asked of `ip` by options.
#[derive(Default)]
struct Style {
    four: bool,
    six: bool,
    brief: bool,
    stats: bool,
    one_line: bool,
}

pub(super) fn ip(c: &mut Cmd) -> i32 {
    let mut style = Style::default();
    let mut words: Vec<String> = Vec::new();
    for arg in c.args.clone() {
        match arg.trim_start_matches('-') {
            _ if !arg.starts_with('-') || !words.is_empty() => words.push(arg),
            "4" => style.four = true,
            "6" => style.six = true,
            "br" | "brief" | "bri" => style.brief = true,
            "s" | "stats" | "statistics" | "ss" => style.stats = true,
            "o" | "oneline" => style.one_line = true,
            "V" | "Version" => {
                c.out("ip utility, iproute2-ss200127\n");
                return 0;
            }
            "c" | "color" | "d" | "details" | "j" | "json" | "p" | "pretty" | "n" | "N" | "h" | "human" | "r"
            | "all" => {}
            "help" | "Help" => {
                c.err(super::recorded::text(c.host(), "ip", "--help"));
                return 255;
            }
            _ => {
                c.err(&format!("Option \"{arg}\" is unknown, try \"ip -help\".\n"));
                return 255;
            }
        }
    }
    let Some((object, rest)) = words.split_first() else {
        c.err(super::recorded::text(c.host(), "ip", "--help"));
        return 255;
    };
    let is = |full: &str| full.starts_with(object.as_str());
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let changing = ["add", "del", "delete", "set", "flush", "replace", "change", "append"];
    if rest.first().is_some_and(|verb| changing.contains(verb)) {
        if is_root(c) {
            return 0;
        }
        c.err("RTNETLINK answers: Operation not permitted\n");
        return 2;
    }
    match () {
        () if is("address") => addresses(c, &rest, &style),
        () if is("route") && !is("rule") || object == "r" || object == "ro" => routes(c, &rest, &style),
        () if is("link") => links(c, &rest, &style),
        () if is("neighbour") || is("neighbor") => {
            let p = c.host().persona();
            let line = format!("{} dev {} lladdr {} REACHABLE\n", p.gateway, p.iface, gateway_mac(c));
            c.out(&line);
            0
        }
        () if is("rule") => {
            c.out("0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n");
            0
        }
        () if is("maddress") || is("tunnel") || is("netns") || is("tuntap") || is("monitor") => 0,
        () => {
            c.err(&format!("Object \"{object}\" is unknown, try \"ip help\".\n"));
            1
        }
    }
}

/// The interface that is named, or all; an unknown one is an error.
fn chosen(c: &mut Cmd, rest: &[&str]) -> Result<Vec<Interface>, i32> {
    let mut names = rest.iter().filter(|word| {
        !matches!(**word, "show" | "sh" | "s" | "list" | "ls" | "l" | "dev" | "up" | "scope" | "global")
    });
    let interfaces = all(c);
    let Some(name) = names.next() else { return Ok(interfaces) };
    let found: Vec<Interface> = interfaces.into_iter().filter(|i| i.name == *name).collect();
    if found.is_empty() {
        c.err(&format!("Device \"{name}\" does not exist.\n"));
        return Err(1);
    }
    Ok(found)
}

fn link_lines(i: &Interface, group: bool) -> String {
    let (flags, mtu, qdisc, state, kind) = match i.loopback {
        true => ("LOOPBACK,UP,LOWER_UP", 65536, "noqueue", "UNKNOWN", "loopback"),
        false => ("BROADCAST,MULTICAST,UP,LOWER_UP", 1500, "fq_codel", "UP", "ether"),
    };
    let brd = if i.loopback { "00:00:00:00:00:00" } else { "ff:ff:ff:ff:ff:ff" };
    let mode = if group { "" } else { " mode DEFAULT" };
    format!(
        "{}: {}: <{flags}> mtu {mtu} qdisc {qdisc} state {state}{mode} group default qlen 1000\n    link/{kind} {} brd {brd}\n",
        i.index, i.name, i.mac
    )
}

fn statistics(i: &Interface) -> String {
    let [rx, rx_packets, dropped, tx, tx_packets] = i.counters;
    format!(
        "    RX: bytes  packets  errors  dropped overrun mcast   \n    {rx:<10} {rx_packets:<8} 0       {dropped:<7} 0       0       \n    \
         TX: bytes  packets  errors  dropped carrier collsns \n    {tx:<10} {tx_packets:<8} 0       0       0       0       \n"
    )
}

fn addresses(c: &mut Cmd, rest: &[&str], style: &Style) -> i32 {
    let interfaces = match chosen(c, rest) {
        Ok(interfaces) => interfaces,
        Err(status) => return status,
    };
    for i in &interfaces {
        let scope = if i.loopback { "host" } else { "link" };
        let six_prefix = if i.loopback { 128 } else { 64 };
        let left = 86_400 - c.now().as_second().rem_euclid(43_200);
        let (brd, dynamic, life) = match i.loopback {
            true => (String::new(), "", "forever".to_string()),
            false => (format!(" brd {}", i.broadcast()), " dynamic", format!("{left}sec")),
        };
        let four_scope = if i.loopback { "host" } else { "global" };
        let four = format!("inet {}/{}{brd} scope {four_scope}{dynamic} {}", i.address, i.prefix, i.name);
        let six = format!("inet6 {}/{six_prefix} scope {scope} ", i.link_local);
        if style.brief {
            let state = if i.loopback { "UNKNOWN" } else { "UP" };
            let list = match (style.four, style.six) {
                (true, _) => format!("{}/{} ", i.address, i.prefix),
                (_, true) => format!("{}/{six_prefix} ", i.link_local),
                _ => format!("{}/{} {}/{six_prefix} ", i.address, i.prefix, i.link_local),
            };
            c.out(&format!("{:<16} {state:<14} {list}\n", i.name));
            continue;
        }
        let mut rows = Vec::new();
        if !style.six {
            rows.push((four, format!("valid_lft {life} preferred_lft {life}")));
        }
        if !style.four {
            rows.push((six, "valid_lft forever preferred_lft forever".to_string()));
        }
        if style.one_line {
            for (address, life) in rows {
                c.out(&format!("{}: {}    {address}\\       {life}\n", i.index, i.name));
            }
            continue;
        }
        let link = link_lines(i, true);
        // With a family the hardware's line is left out.
        let link = if style.four || style.six {
            link.lines().next().map_or(String::new(), |line| format!("{line}\n"))
        } else {
            link
        };
        let mut text = link;
        if style.stats {
            text.push_str(&statistics(i));
        }
        for (address, life) in rows {
            text.push_str(&format!("    {address}\n       {life}\n"));
        }
        c.out(&text);
    }
    0
}

fn links(c: &mut Cmd, rest: &[&str], style: &Style) -> i32 {
    let interfaces = match chosen(c, rest) {
        Ok(interfaces) => interfaces,
        Err(status) => return status,
    };
    for i in &interfaces {
        if style.brief {
            let (state, flags) = if i.loopback {
                ("UNKNOWN", "LOOPBACK,UP,LOWER_UP")
            } else {
                ("UP", "BROADCAST,MULTICAST,UP,LOWER_UP")
            };
            c.out(&format!("{:<16} {state:<14} {} <{flags}> \n", i.name, i.mac));
            continue;
        }
        let mut text = link_lines(i, false);
        if style.stats {
            text.push_str(&statistics(i));
        }
        if style.one_line {
            text = format!("{}\n", text.trim_end().replace("\n", "\\"));
        }
        c.out(&text);
    }
    0
}

fn routes(c: &mut Cmd, rest: &[&str], style: &Style) -> i32 {
    let interfaces = all(c);
    let Some(i) = interfaces.get(1) else { return 0 };
    let gateway = c.host().persona().gateway.clone();
    if style.six {
        c.out(&format!(
            "::1 dev lo proto kernel metric 256 pref medium\nfe80::/64 dev {} proto kernel metric 256 pref medium\n",
            i.name
        ));
        return 0;
    }
    if rest.first() == Some(&"get") {
        let Some(target) = rest.get(1) else {
            c.err("need at least a destination address\n");
            return 1;
        };
        let Ok(address) = target.parse::<Ipv4Addr>() else {
            c.err(&format!("Error: inet prefix is expected rather than \"{target}\".\n"));
            return 1;
        };
        let near = u32::from(address) & u32::from(mask(i.prefix)) == u32::from(i.network());
        let uid = c.who().uid;
        let line = match (address.is_loopback() || address == i.address, near) {
            (true, _) => format!("local {address} dev lo src {address} uid {uid} \n    cache <local> \n"),
            (_, true) => format!("{address} dev {} src {} uid {uid} \n    cache \n", i.name, i.address),
            _ => format!("{address} via {gateway} dev {} src {} uid {uid} \n    cache \n", i.name, i.address),
        };
        c.out(&line);
        return 0;
    }
    let only_default = rest.contains(&"default");
    let metric = default_metric(c);
    let note =
        if metric > 0 { format!(" proto dhcp src {} metric {metric} ", i.address) } else { " proto static ".into() };
    let mut text = format!("default via {gateway} dev {}{note}\n", i.name);
    if !only_default {
        text.push_str(&format!(
            "{}/{} dev {} proto kernel scope link src {} \n",
            i.network(),
            i.prefix,
            i.name,
            i.address
        ));
        if metric > 0 {
            text.push_str(&format!(
                "{gateway} dev {} proto dhcp scope link src {} metric {metric} \n",
                i.name, i.address
            ));
        }
    }
    if metric > 0 && table(c).len() < 3 {
        text = text.lines().take(2).map(|line| format!("{line}\n")).collect();
    }
    c.out(&text);
    0
}

/// A line of `/proc/net/route`.
pub(super) struct Route {
    iface: String,
    destination: Ipv4Addr,
    gateway: Ipv4Addr,
    flags: u32,
    metric: u32,
    mask: Ipv4Addr,
}

fn table(c: &Cmd) -> Vec<Route> {
    let text = file(c.host(), "/proc/net/route");
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let address = |word: Option<&&str>| Some(Ipv4Addr::from(u32::from_str_radix(word?, 16).ok()?.swap_bytes()));
        Some(Route {
            iface: words.first()?.to_string(),
            destination: address(words.get(1))?,
            gateway: address(words.get(2))?,
            flags: u32::from_str_radix(words.get(3)?, 16).ok()?,
            metric: words.get(6)?.parse().ok()?,
            mask: address(words.get(7))?,
        })
    };
    let found: Vec<Route> = text.lines().skip(1).filter_map(row).collect();
    if !found.is_empty() {
        return found;
    }
    let interfaces = all(c);
    let Some(i) = interfaces.get(1) else { return Vec::new() };
    let none = Ipv4Addr::UNSPECIFIED;
    let gateway = c.host().persona().gateway.parse().unwrap_or(none);
    vec![
        Route { iface: i.name.clone(), destination: none, gateway, flags: 3, metric: 100, mask: none },
        Route {
            iface: i.name.clone(),
            destination: i.network(),
            gateway: none,
            flags: 1,
            metric: 0,
            mask: mask(i.prefix),
        },
    ]
}

fn default_metric(c: &Cmd) -> u32 {
    table(c).iter().find(|route| route.destination.is_unspecified()).map_or(0, |route| route.metric)
}

fn flags(route: &Route) -> String {
    let mut text = String::from("U");
    if route.flags & 2 != 0 {
        text.push('G');
    }
    if route.mask == Ipv4Addr::BROADCAST {
        text.push('H');
    }
    text
}

/// The table as `route` (or `netstat -r`) prints it.
pub(super) fn print_routes(c: &mut Cmd, numeric: bool, netstat: bool) {
    let mut text = String::from("Kernel IP routing table\nDestination     Gateway         Genmask         Flags ");
    text.push_str(if netstat { "  MSS Window  irtt Iface\n" } else { "Metric Ref    Use Iface\n" });
    for route in table(c) {
        let destination = match (route.destination.is_unspecified(), numeric) {
            (true, false) => "default".to_string(),
            _ => route.destination.to_string(),
        };
        let gateway = match (route.gateway.is_unspecified(), numeric) {
            (false, false) => "_gateway".to_string(),
            _ => route.gateway.to_string(),
        };
        let flags = flags(&route);
        let head = format!("{destination:<15} {gateway:<15} {:<16}{flags:<6}", route.mask.to_string());
        text.push_str(&match netstat {
            true => format!("{head}    0 0          0 {}\n", route.iface),
            false => format!("{head}{:<6} 0        0 {}\n", route.metric, route.iface),
        });
    }
    c.out(&text);
}

pub(super) fn route(c: &mut Cmd) -> i32 {
    let words: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    if c.args.iter().any(|arg| arg == "-V" || arg == "--version") {
        c.out(super::recorded::text(c.host(), "route", "--version"));
        return 0;
    }
    if words.first().is_some_and(|word| matches!(word.as_str(), "add" | "del" | "flush")) {
        if is_root(c) {
            return 0;
        }
        let what = if words.first().is_some_and(|word| word == "add") { "SIOCADDRT" } else { "SIOCDELRT" };
        c.err(&format!("{what}: Operation not permitted\n"));
        return 7;
    }
    let numeric = c.args.iter().any(|arg| arg.starts_with('-') && !arg.starts_with("--") && arg.contains('n'));
    if c.args.iter().any(|arg| arg == "-6" || arg == "-A") {
        c.out("Kernel IPv6 routing table\nDestination                    Next Hop                   Flag Met Ref Use If\n");
        return 0;
    }
    print_routes(c, numeric, false);
    0
}

/// The gateway's hardware address.
fn gateway_mac(c: &Cmd) -> String {
    let arp = file(c.host(), "/proc/net/arp");
    let gateway = &c.host().persona().gateway;
    let row = arp.lines().find(|line| line.split_whitespace().next() == Some(gateway));
    row.and_then(|line| line.split_whitespace().nth(3)).unwrap_or("52:55:0a:00:02:02").to_string()
}

pub(super) fn arp(c: &mut Cmd) -> i32 {
    let found = match options::parse(
        "a e n,numeric v,verbose D,use-device i,device= H,hw-type= t= A= p= d,delete s,set f,file V,version",
        &c.args,
    ) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            return super::common::usage(c, "arp", 255);
        }
    };
    if found.has("d") || found.has("s") {
        if is_root(c) {
            return 0;
        }
        c.err("SIOCDARP(dontpub): Operation not permitted\n");
        return 255;
    }
    let table = file(c.host(), "/proc/net/arp");
    let mut text = String::new();
    for line in table.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [address, _, _, mac, _, iface] = words.as_slice() else { continue };
        if found.rest.first().is_some_and(|name| name != address) {
            continue;
        }
        let shown = if found.has("n") { address } else { &"_gateway" };
        text.push_str(&match found.has("a") {
            true => {
                format!("{} ({address}) at {mac} [ether] on {iface}\n", if found.has("n") { "?" } else { "_gateway" })
            }
            false => format!("{shown:<24} {:<7} {mac:<19} {:<5} {:<15} {iface}\n", "ether", "C", ""),
        });
    }
    if text.is_empty() {
        if let Some(name) = found.rest.first() {
            c.out(&format!("{name} ({name}) -- no entry\n"));
        }
        return 0;
    }
    if !found.has("a") {
        c.out("Address                  HWtype  HWaddress           Flags Mask            Iface\n");
    }
    c.out(&text);
    0
}
