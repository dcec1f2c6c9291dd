//! `ping` (iputils s20190709) and busybox's, `traceroute`, and what asks name servers: `dig`, `host`, `nslookup`.

use std::net::IpAddr;
use std::time::Duration;

use super::recorded;
use crate::base::rng::spread;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::shell::net;

/// Whether anybody answers there: the host itself and its gateway.
fn answers(c: &Cmd, address: IpAddr) -> Option<(u64, u64)> {
    let p = c.host().persona();
    if address.is_loopback() || address.to_string() == p.address {
        return Some((18, 60));
    }
    (address.to_string() == p.gateway).then_some((180, 420))
}

/// The address of a name as far as the host can tell without asking anybody.
pub(super) fn resolve(c: &Cmd, name: &str) -> Option<IpAddr> {
    net::look_up(c.kernel(), name)
}

pub(super) async fn ping(c: &mut Cmd) -> Result<i32, Stop> {
    const TABLE: &str = "4 6 a A b B c= d D f F= h i= I= l= L m= M= n N= O p= q Q= r R s= S= t= T= U v V w= W= C";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            c.err(&usage(c));
            return Ok(if c.applet() { 1 } else { 2 });
        }
    };
    if found.has("V") {
        c.out("ping from iputils s20190709\n");
        return Ok(0);
    }
    let Some(target) = found.rest.last().cloned() else {
        if c.applet() {
            return Ok(super::busybox_use(c, "ping"));
        }
        c.err("ping: usage error: Destination address required\n");
        return Ok(1);
    };
    let number = |key: &str, default: f64| found.value(key).map_or(Some(default), |text| text.parse::<f64>().ok());
    let (Some(count), Some(every), Some(size), Some(deadline), Some(wait)) =
        (number("c", 0.0), number("i", 1.0), number("s", 56.0), number("w", 0.0), number("W", 10.0))
    else {
        let bad = found
            .list
            .iter()
            .find(|(key, value)| "ciswW".contains(key) && value.as_deref().is_some_and(|v| v.parse::<f64>().is_err()));
        let text = format!("invalid argument: '{}'", bad.and_then(|(_, value)| value.clone()).unwrap_or_default());
        c.complain(&text);
        return Ok(1);
    };
    if found.has("c") && count < 1.0 {
        let text = format!(
            "invalid argument: '{}': out of range: 1 <= value <= 9223372036854775807",
            found.value("c").unwrap_or_default()
        );
        c.complain(&text);
        return Ok(1);
    }
    c.note_url(&format!("icmp://{target}"));
    let Some(address) = resolve(c, &target) else {
        c.sleep(spread(Duration::from_millis(8), Duration::from_millis(60))).await?;
        let text = match c.applet() {
            true => format!("bad address '{target}'"),
            false => format!("{target}: Temporary failure in name resolution"),
        };
        c.complain(&text);
        return Ok(if c.applet() { 1 } else { 2 });
    };
    let bytes = size.clamp(0.0, 65_507.0) as u64;
    let quiet = found.has("q");
    let head = match c.applet() {
        true => format!("PING {target} ({address}): {bytes} data bytes\n"),
        false if address.is_ipv6() => format!("PING {target}({address}) {bytes} data bytes\n"),
        false => format!("PING {target} ({address}) {bytes}({}) bytes of data.\n", bytes + 28),
    };
    c.out(&head);
    let began = c.kernel().now();
    let (mut sent, mut times) = (0_u64, Vec::new());
    let limit = if count >= 1.0 { count as u64 } else { u64::MAX };
    while sent < limit {
        sent += 1;
        if let Some((low, high)) = answers(c, address) {
            let took = spread(Duration::from_micros(low), Duration::from_micros(high));
            let ms = took.as_secs_f64() * 1000.0;
            times.push(ms);
            if !quiet {
                let name =
                    if target == address.to_string() { address.to_string() } else { format!("{target} ({address})") };
                let line = match c.applet() {
                    true => format!("{} bytes from {address}: seq={} ttl=64 time={ms:.3} ms\n", bytes + 8, sent - 1),
                    false => format!("{} bytes from {name}: icmp_seq={sent} ttl=64 time={ms:.3} ms\n", bytes + 8),
                };
                c.out(&line);
            }
        }
        c.tick().await?;
        let gone = c.kernel().now().saturating_duration_since(began).as_secs_f64();
        if deadline > 0.0 && gone + every >= deadline {
            let left = if times.is_empty() { deadline - gone } else { 0.0 };
            c.sleep(Duration::from_secs_f64(left.clamp(0.0, 1e6))).await?;
            break;
        }
        if sent < limit {
            c.sleep(Duration::from_secs_f64(every.clamp(0.002, 1e6))).await?;
        } else if times.is_empty() {
            c.sleep(Duration::from_secs_f64(wait.clamp(0.0, 1e4))).await?;
        }
    }
    let took = match times.is_empty() && sent == 1 {
        true => 0,
        false => ((sent - 1) as f64 * every * 1000.0) as u64 + sent.saturating_sub(1) * 12,
    };
    let received = times.len() as u64;
    let loss = (sent - received) * 100 / sent.max(1);
    let mut text = format!("\n--- {target} ping statistics ---\n");
    match c.applet() {
        true => {
            text.push_str(&format!("{sent} packets transmitted, {received} packets received, {loss}% packet loss\n"))
        }
        false => text.push_str(&format!(
            "{sent} packets transmitted, {received} received, {loss}% packet loss, time {took}ms\n"
        )),
    }
    if times.is_empty() {
        if !c.applet() {
            text.push('\n');
        }
    } else {
        let least = times.iter().copied().fold(f64::MAX, f64::min);
        let most = times.iter().copied().fold(0.0, f64::max);
        let mean = times.iter().sum::<f64>() / received as f64;
        let spread = (times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / received as f64).sqrt();
        text.push_str(&match c.applet() {
            true => format!("round-trip min/avg/max = {least:.3}/{mean:.3}/{most:.3} ms\n"),
            false => format!("rtt min/avg/max/mdev = {least:.3}/{mean:.3}/{most:.3}/{spread:.3} ms\n"),
        });
    }
    c.out(&text);
    Ok(i32::from(times.is_empty()))
}

fn usage(c: &Cmd) -> String {
    if c.applet() {
        return super::applet_use(c, "ping");
    }
    let text = recorded::text(c.host(), "ping", "--help");
    if text.is_empty() { "\nUsage\n  ping [options] <destination>\n".into() } else { text.into() }
}

pub(super) async fn traceroute(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::parse("4 6 d F f= g= I T i= m= N= n p= t= l= w= q= r s= z= e A V U D a v", &c.args) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            return Ok(2);
        }
    };
    let Some(target) = found.rest.first().cloned() else {
        c.err("Usage: traceroute [-46dFITUnreAV] host [packetlen]\n");
        return Ok(2);
    };
    let Some(address) = resolve(c, &target) else {
        c.err(&format!("{target}: Temporary failure in name resolution\nCannot handle \"host\" cmdline arg `{target}' on position 1 (argc {})\n", c.args.len()));
        return Ok(2);
    };
    let most = found.value("m").and_then(|text| text.parse::<u32>().ok()).unwrap_or(30).clamp(1, 255);
    c.out(&format!("traceroute to {target} ({address}), {most} hops max, 60 byte packets\n"));
    let p = c.host().persona().clone();
    let times = || {
        (0..3)
            .map(|_| {
                format!(
                    "  {:.3} ms",
                    spread(Duration::from_micros(180), Duration::from_micros(600)).as_secs_f64() * 1000.0
                )
            })
            .collect::<String>()
    };
    if answers(c, address).is_some() {
        c.out(&format!(" 1  {target} ({address}){}\n", times()));
        return Ok(0);
    }
    c.out(&format!(" 1  _gateway ({}){}\n", p.gateway, times()));
    for hop in 2..=most {
        c.out(&format!("{hop:2}  * * *\n"));
        c.sleep(Duration::from_millis(if hop % 6 == 2 { 5000 } else { 4 })).await?;
    }
    Ok(0)
}

/// What is asked about a name on the command line of dig.
pub(super) async fn dig(c: &mut Cmd) -> Result<i32, Stop> {
    if c.args.iter().any(|arg| arg == "-v") {
        c.err("DiG 9.16.1-Ubuntu\n");
        return Ok(0);
    }
    let short = c.args.iter().any(|arg| arg == "+short");
    let server = c.args.iter().find_map(|arg| arg.strip_prefix('@')).map(str::to_string);
    let names: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with(['+', '-', '@'])).cloned().collect();
    let name = names.first().cloned().unwrap_or_else(|| ".".into());
    let server = server.unwrap_or_else(|| "127.0.0.53".into());
    if !short {
        c.out(&format!("\n; <<>> DiG 9.16.1-Ubuntu <<>> {}\n;; global options: +cmd\n", c.args.join(" ")));
    }
    let wanted = names.len() < 2 || names.iter().any(|kind| kind == "A");
    if let Some(address) = resolve(c, &name).filter(|_| wanted && name.parse::<IpAddr>().is_err()) {
        if short {
            c.out(&format!("{address}\n"));
        } else {
            c.out(&format!(
                    ";; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: {}\n;; flags: qr rd ra; QUERY: 1, ANSWER: 1, AUTHORITY: 0, \
                     ADDITIONAL: 1\n\n;; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: 65494\n;; QUESTION SECTION:\n;{:<23}\tIN\tA\n\n;; \
                     ANSWER SECTION:\n{:<23}\t0\tIN\tA\t{address}\n\n;; Query time: 0 msec\n;; SERVER: {server}#53({server})\n;; WHEN: {} UTC \
                     {}\n;; MSG SIZE  rcvd: {}\n\n",
                    c.pid() * 7 % 65_536,
                    format!("{name}."),
                    format!("{name}."),
                    super::common::time(c.now(), "%a %b %d %H:%M:%S"),
                    super::common::time(c.now(), "%Y"),
                    40 + name.len()
                ));
        }
        return Ok(0);
    }
    c.note_url(&format!("dns:{name}"));
    c.sleep(Duration::from_secs(15)).await?;
    c.out(";; connection timed out; no servers could be reached\n");
    if !short {
        c.out("\n");
    }
    Ok(9)
}

pub(super) async fn nslookup(c: &mut Cmd) -> Result<i32, Stop> {
    let names: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    let Some(name) = names.first().cloned() else { return Ok(0) };
    let server = names.get(1).cloned().unwrap_or_else(|| "127.0.0.53".into());
    match resolve(c, &name).filter(|_| name.parse::<IpAddr>().is_err()) {
        Some(address) if c.applet() => {
            c.out(&format!("Server:\t\t{server}\nAddress:\t{server}:53\n\nName:\t{name}\nAddress: {address}\n\n"));
            Ok(0)
        }
        Some(address) => {
            c.out(&format!("Server:\t\t{server}\nAddress:\t{server}#53\n\nName:\t{name}\nAddress: {address}\n\n"));
            Ok(0)
        }
        None => {
            c.note_url(&format!("dns:{name}"));
            c.sleep(Duration::from_secs(15)).await?;
            c.out(";; connection timed out; no servers could be reached\n\n");
            Ok(1)
        }
    }
}

pub(super) async fn host(c: &mut Cmd) -> Result<i32, Stop> {
    let names: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    let Some(name) = names.first().cloned() else {
        c.err("Usage: host [-aCdilrTvVw] [-c class] [-N ndots] [-t type] [-W time]\n            [-R number] [-m flag] [-p port] hostname [server]\n");
        return Ok(1);
    };
    if let Some(address) = resolve(c, &name).filter(|_| name.parse::<IpAddr>().is_err()) {
        c.out(&format!("{name} has address {address}\n"));
        return Ok(0);
    }
    c.note_url(&format!("dns:{name}"));
    c.sleep(Duration::from_secs(10)).await?;
    c.out(";; connection timed out; no servers could be reached\n");
    Ok(1)
}
