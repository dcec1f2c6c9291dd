//! `netstat`, `ss`, `lsof`, `fuser`: connections and who has them.

use std::net::IpAddr;

use super::common::{Names, decode, file, user_id};
use super::interfaces;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::world::{Process, Socket, Who};

/// Names of ports, from /etc/services.
fn service_name(services: &str, port: u16, proto: &str) -> Option<String> {
    let want = format!("{port}/{}", proto.trim_end_matches('6'));
    services.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        (words.next()? == want).then(|| name.to_string())
    })
}

fn sort_key(socket: &Socket) -> (u8, u16) {
    let proto = match socket.proto {
        "tcp" => 0,
        "tcp6" => 1,
        "udp" => 2,
        _ => 3,
    };
    (proto, if socket.remote.is_some() { u16::MAX } else { socket.local.port() })
}

/// `PID/NAME` of a socket, in nineteen characters.
fn owner(c: &Cmd, socket: &Socket) -> String {
    let Some(process) = c.host().process(socket.pid).filter(|process| c.who().uid == 0 || process.uid == c.who().uid)
    else {
        return "-".into();
    };
    let first = process.argv.first().map(|word| decode(word)).unwrap_or_default();
    let name = if first.contains(": ") || !first.contains('/') {
        first
    } else {
        first.rsplit('/').next().unwrap_or_default().to_string()
    };
    let name = if name.is_empty() { decode(&process.comm) } else { name };
    format!("{}/{name}", socket.pid).chars().take(19).collect()
}

pub(super) fn netstat(c: &mut Cmd) -> i32 {
    const TABLE: &str = "r,route I,interfaces? i g,groups s,statistics M,masquerade v,verbose W,wide n,numeric numeric-hosts \
                         numeric-ports numeric-users N,symbolic e,extend p,programs o,timers c,continuous l,listening a,all F,fib \
                         C,cache Z,context t,tcp u,udp U,udplite S,sctp w,raw x,unix ax25 ipx netrom 4,inet 6,inet6 A= V,version";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            return super::common::usage(c, "netstat", 3);
        }
    };
    let numeric = found.has("n") || found.has("numeric-hosts");
    if found.has("r") {
        interfaces::print_routes(c, numeric, true);
        return 0;
    }
    if found.has("i") {
        c.out("Kernel Interface table\n");
        c.args = vec!["-s".into()];
        return interfaces::ifconfig(c);
    }
    if found.has("s") {
        c.out(&statistics(c));
        return 0;
    }
    if found.has("g") {
        let iface = c.host().persona().iface.clone();
        c.out(&format!(
            "IPv6/IPv4 Group Memberships\nInterface       RefCnt Group\n--------------- ------ ---------------------\nlo              \
             1      all-systems.mcast.net\n{iface:<15} 1      all-systems.mcast.net\nlo              1      ip6-allnodes\n"
        ));
        return 0;
    }
    let (listening, all) = (found.has("l"), found.has("a"));
    let any = ["t", "u", "w", "x"].iter().any(|key| found.has(key));
    let what = if all {
        "servers and established"
    } else if listening {
        "only servers"
    } else {
        "w/o servers"
    };
    let services = if numeric || found.has("numeric-ports") { String::new() } else { file(c.host(), "/etc/services") };
    let names = Names::of(c.host());
    if !any || found.has("t") || found.has("u") || found.has("w") {
        let mut text = format!(
            "Active Internet connections ({what})\nProto Recv-Q Send-Q Local Address           Foreign Address         State      "
        );
        if found.has("e") {
            text.push_str(" User       Inode     ");
        }
        if found.has("p") {
            text.push_str(" PID/Program name    ");
        }
        text.push('\n');
        if c.who().uid != 0 && found.has("p") {
            c.err("(Not all processes could be identified, non-owned process info\n will not be shown, you would have to be root to see it all.)\n");
        }
        let mut sockets = c.host().sockets();
        sockets.sort_by_key(sort_key);
        for socket in sockets {
            let tcp = socket.proto.starts_with("tcp");
            let wanted = (!any || (tcp && found.has("t")) || (!tcp && found.has("u")))
                && (all || (socket.remote.is_none() == listening))
                && !found.has(if socket.proto.ends_with('6') { "4" } else { "6" });
            if !wanted {
                continue;
            }
            let put = |address: IpAddr, port: u16| {
                let host = match (address, numeric) {
                    (IpAddr::V6(six), _) if six.is_unspecified() => {
                        if numeric {
                            "::".to_string()
                        } else {
                            "[::]".into()
                        }
                    }
                    (address, false) if address.is_loopback() => "localhost".into(),
                    (address, false) if c.host().persona().address == address.to_string() => c.host().hostname(),
                    (address, _) => address.to_string(),
                };
                let port = service_name(&services, port, socket.proto).unwrap_or_else(|| port.to_string());
                let room = if found.has("W") { 60 } else { 22_usize.saturating_sub(port.len()) };
                format!("{}:{port}", host.chars().take(room).collect::<String>())
            };
            let local = put(socket.local.ip(), socket.local.port());
            let remote = match socket.remote {
                Some(remote) => put(remote.ip(), remote.port()),
                None if socket.proto.ends_with('6') => {
                    if numeric {
                        ":::*".into()
                    } else {
                        "[::]:*".into()
                    }
                }
                None => "0.0.0.0:*".into(),
            };
            let state = if tcp { socket.state } else { "" };
            text.push_str(&format!("{:<4}  {:>6} {:>6} {local:<23} {remote:<23} {state:<11}", socket.proto, 0, 0));
            if found.has("e") {
                let user = if numeric { socket.uid.to_string() } else { names.user_or_number(socket.uid) };
                text.push_str(&format!(" {user:<10} {:<10}", socket.inode));
            }
            if found.has("p") {
                text.push_str(&format!(" {:<19}", owner(c, &socket)));
            }
            text.push_str(if found.has("p") { " \n" } else { "\n" });
        }
        c.out(&text);
    }
    if (!any && !found.has("4") && !found.has("6")) || found.has("x") {
        let table = file(c.host(), "/proc/net/unix");
        let mut text = format!(
            "Active UNIX domain sockets ({what})\nProto RefCnt Flags       Type       State         I-Node   {}Path\n",
            if found.has("p") { "PID/Program name     " } else { "" }
        );
        for line in table.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, count, _, flags, kind, state, inode, rest @ ..] = words.as_slice() else { continue };
            let accepts = flags.ends_with("10000");
            if !all && accepts != listening {
                continue;
            }
            let kind = match *kind {
                "0001" => "STREAM",
                "0002" => "DGRAM",
                _ => "SEQPACKET",
            };
            let state = if accepts {
                "LISTENING"
            } else if *state == "03" {
                "CONNECTED"
            } else {
                ""
            };
            let count = u32::from_str_radix(count, 16).unwrap_or(2);
            let program = if found.has("p") { format!("{:<20} ", "-") } else { String::new() };
            text.push_str(&format!(
                "unix  {count:<6} {:<11} {kind:<10} {state:<13} {inode:<8} {program}{}\n",
                if accepts { "[ ACC ]" } else { "[ ]" },
                rest.first().unwrap_or(&"")
            ));
        }
        c.out(&text);
    }
    0
}

fn statistics(c: &Cmd) -> String {
    let packets: Vec<[u64; 5]> = interfaces::all(c).iter().map(|i| i.counters).collect();
    let (received, sent) = (packets.iter().map(|p| p[1]).sum::<u64>(), packets.iter().map(|p| p[4]).sum::<u64>());
    format!(
        "Ip:\n    Forwarding: 2\n    {received} total packets received\n    0 forwarded\n    0 incoming packets discarded\n    {received} \
         incoming packets delivered\n    {sent} requests sent out\nTcp:\n    {} active connection openings\n    {} passive connection \
         openings\n    12 failed connection attempts\n    31 connection resets received\n    {} connections established\n    {received} \
         segments received\n    {sent} segments sent out\n",
        sent / 40,
        received / 35,
        c.host().visitors().len()
    )
}

/// Columns of `ss`: state, queues, address and port twice, process.
type Row = [String; 8];

pub(super) fn ss(c: &mut Cmd) -> i32 {
    const TABLE: &str = "H,no-header O,oneline n,numeric r,resolve a,all l,listening o,options e,extended m,memory p,processes \
                         i,info s,summary b,bpf E,events Z,context z N,net= 4,ipv4 6,ipv6 0,packet t,tcp S,sctp u,udp d,dccp w,raw \
                         x,unix vsock xdp f,family= K,kill A,query,socket= D,diag= F,filter= tos cgroup h,help V,version inet-sockopt";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            c.err(super::recorded::text(c.host(), "ss", "--help"));
            return 255;
        }
    };
    let sockets = c.host().sockets();
    if found.has("s") {
        let count = |test: &dyn Fn(&&Socket) -> bool| sockets.iter().filter(test).count();
        let tcp = count(&|s| s.proto.starts_with("tcp"));
        let live = count(&|s| s.state == "ESTABLISHED");
        let udp = count(&|s| s.proto.starts_with("udp"));
        let four = count(&|s| s.proto == "tcp");
        let udp4 = count(&|s| s.proto == "udp");
        c.out(&format!(
            "Total: {}\nTCP:   {tcp} (estab {live}, closed 0, orphaned 0, timewait 0)\n\nTransport Total     IP        IPv6\nRAW\t  1         0         \
             1        \nUDP\t  {udp:<9} {udp4:<9} {:<9}\nTCP\t  {tcp:<9} {four:<9} {:<9}\nINET\t  {:<9} {:<9} {:<9}\nFRAG\t  0         0         0        \n\n",
            130 + tcp,
            udp - udp4,
            tcp - four,
            tcp + udp + 1,
            four + udp4,
            tcp + udp - four - udp4 + 1
        ));
        return 0;
    }
    let kinds = ["t", "u", "w", "x", "0", "S", "d"];
    let any = kinds.iter().any(|key| found.has(key)) || found.has("4") || found.has("6");
    let (listening, all) = (found.has("l"), found.has("a"));
    let services = if found.has("n") { String::new() } else { file(c.host(), "/etc/services") };
    let mixed = !found.has("t") || found.has("u");
    let mut rows: Vec<(String, Row)> = Vec::new();
    let mut ordered = sockets;
    ordered.sort_by_key(|socket| (std::cmp::Reverse(socket.proto.starts_with("udp")), sort_key(socket)));
    for socket in ordered {
        let tcp = socket.proto.starts_with("tcp");
        let by_kind = !["t", "u", "w", "x"].iter().any(|key| found.has(key))
            || (tcp && found.has("t"))
            || (!tcp && found.has("u"));
        let wanted = by_kind
            && (all || (socket.remote.is_none() == listening))
            && !found.has(if socket.proto.ends_with('6') { "4" } else { "6" });
        if !wanted {
            continue;
        }
        let put = |address: IpAddr, port: u16| {
            let host = match address {
                IpAddr::V6(six) => format!("[{six}]"),
                IpAddr::V4(four) => four.to_string(),
            };
            let port = service_name(&services, port, socket.proto).unwrap_or_else(|| port.to_string());
            (host, port)
        };
        let (local, local_port) = put(socket.local.ip(), socket.local.port());
        let local = if socket.local.ip().to_string() == "127.0.0.53" { format!("{local}%lo") } else { local };
        let (peer, peer_port) = match socket.remote {
            Some(remote) => put(remote.ip(), remote.port()),
            None if socket.proto.ends_with('6') => ("[::]".into(), "*".into()),
            None => ("0.0.0.0".into(), "*".into()),
        };
        let state = match socket.state {
            "ESTABLISHED" => "ESTAB",
            state => state,
        };
        let queue =
            if socket.remote.is_none() && tcp { if socket.local.port() == 80 { "511" } else { "128" } } else { "0" };
        let process = match c.host().process(socket.pid).filter(|_| found.has("p") && c.who().uid == 0) {
            Some(process) => format!("users:((\"{}\",pid={},fd=3))", decode(&process.comm), process.pid),
            None => String::new(),
        };
        let row = [state.into(), "0".into(), queue.into(), local, local_port, peer, peer_port, process];
        rows.push((socket.proto.trim_end_matches('6').to_string(), row));
    }
    let header: Row =
        ["State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port", "Process"].map(str::to_string);
    let width = |at: usize| {
        let cells = rows.iter().map(|(_, row)| row).chain(std::iter::once(&header)).filter_map(|row| row.get(at));
        cells.map(String::len).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..8).map(width).collect();
    let w = |at: usize| widths.get(at).copied().unwrap_or(0);
    // On a terminal the columns are spread over its width.
    let used: usize = widths.iter().sum::<usize>() + 8 + if mixed { 6 } else { 0 };
    let spread = if c.is_tty(1) { c.columns().saturating_sub(used) / 7 } else { 0 };
    let gap = " ".repeat(1 + spread.min(6));
    let line = |net: &str, row: &Row| {
        let [state, receive, send, local, local_port, peer, peer_port, process] = row;
        let net = if mixed { format!("{net:<5}{gap}") } else { String::new() };
        let text = format!(
            "{net}{state:<a$}{gap}{receive:<b$}{gap}{send:<d$}{gap}{local:>e$}:{local_port:<f$}{gap}{peer:>g$}:{peer_port:<h$}{process}",
            a = w(0),
            b = w(1),
            d = w(2),
            e = w(3),
            f = w(4),
            g = w(5),
            h = w(6),
        );
        format!("{}\n", if process.is_empty() { text.as_str() } else { text.trim_end() })
    };
    let mut text = String::new();
    if !found.has("H") {
        text.push_str(&line("Netid", &header));
    }
    for (net, row) in &rows {
        let mut row = row.clone();
        if !row[7].is_empty() {
            row[7] = format!("    {}", row[7]);
        }
        text.push_str(&line(net, &row));
    }
    let _ = any;
    c.out(&text);
    0
}

pub(super) fn lsof(c: &mut Cmd) -> i32 {
    // `-i :22` is `-i:22`.
    let mut args: Vec<String> = Vec::new();
    for arg in c.args.clone() {
        let place =
            arg.starts_with([':', '@']) || arg.starts_with("tcp") || arg.starts_with("TCP") || arg.starts_with("udp");
        match args.last_mut().filter(|last| place && last.starts_with('-') && last.ends_with('i')) {
            Some(last) => last.push_str(&arg),
            None => args.push(arg),
        }
    }
    let found = match options::parse(
        "a b c= d= D= e= f? F? g? h i? k l n N o O p= P q r? R s? S? t T? u= U v V w x? X z? E K? Q L",
        &args,
    ) {
        Ok(found) => found,
        Err(error) => {
            let letter = error.rsplit(' ').next().unwrap_or_default().trim_matches('\'').to_string();
            c.err(&format!("lsof: illegal option character: {letter}\nlsof 4.93.2\n latest revision: https://github.com/lsof-org/lsof\n latest FAQ: https://github.com/lsof-org/lsof/blob/master/00FAQ\n latest (non-formatted) man page: https://github.com/lsof-org/lsof/blob/master/Lsof.8\n usage: [-?abhKlnNoOPRtUvVX] [+|-c c] [+|-d s] [+D D] [+|-E] [+|-e s] [+|-f[gG]]\n [-F [f]] [-g [s]] [-i [i]] [+|-L [l]] [+m [m]] [+|-M] [-o [o]] [-p s]\n [+|-r [t]] [-s [p:s]] [-S [t]] [-T [t]] [-u s] [+|-w] [-x [fl]] [--] [names]\nUse the ``-h'' option to get more help information.\n"));
            return 1;
        }
    };
    let names = Names::of(c.host());
    let own = c.who().uid;
    let root = Who::root();
    let mut rows: Vec<(Process, String, String, String, String)> = Vec::new();
    let internet = found.list.iter().find(|(key, _)| *key == "i").map(|(_, value)| value.clone().unwrap_or_default());
    let port =
        internet.as_deref().and_then(|spec| spec.rsplit_once(':')).and_then(|(_, port)| port.parse::<u16>().ok());
    let files = internet.is_none();
    for process in c.host().processes().into_iter().filter(|process| !process.kernel) {
        let by = found.value("p").is_none_or(|list| list.split(',').any(|pid| pid == process.pid.to_string()))
            && found.value("c").is_none_or(|name| decode(&process.comm).starts_with(name))
            && found.value("u").is_none_or(|name| user_id(c.host(), name) == Some(process.uid));
        if !by {
            continue;
        }
        if files {
            rows.push((process.clone(), "cwd".into(), "DIR".into(), "4096".into(), decode(&process.cwd)));
            rows.push((process.clone(), "rtd".into(), "DIR".into(), "4096".into(), "/".into()));
            let size = c.host().stat(&root, &process.exe, true).map_or(0, |stat| stat.size);
            rows.push((process.clone(), "txt".into(), "REG".into(), size.to_string(), decode(&process.exe)));
            if own == 0 || own == process.uid {
                let folder = format!("/proc/{}/fd", process.pid);
                for (fd, _) in c.host().list(&root, folder.as_bytes()).unwrap_or_default() {
                    let fd = decode(&fd);
                    let target = c.host().read_link(&root, format!("{folder}/{fd}").as_bytes()).unwrap_or_default();
                    let kind = if target.starts_with(b"socket:") {
                        "unix"
                    } else if target.starts_with(b"pipe:") {
                        "FIFO"
                    } else {
                        "CHR"
                    };
                    rows.push((process.clone(), format!("{fd}u"), kind.into(), "0t0".into(), decode(&target)));
                }
            }
        }
        for socket in c.host().sockets().iter().filter(|socket| socket.pid == process.pid && internet.is_some()) {
            let hit =
                port.is_none_or(|port| socket.local.port() == port || socket.remote.is_some_and(|r| r.port() == port));
            if !hit || (own != 0 && own != process.uid) {
                continue;
            }
            let kind = if socket.proto.ends_with('6') { "IPv6" } else { "IPv4" };
            let place = |address: IpAddr, port: u16| {
                if address.is_unspecified() { format!("*:{port}") } else { format!("{address}:{port}") }
            };
            let local = place(socket.local.ip(), socket.local.port());
            let name = match socket.remote {
                Some(remote) => format!("{local}->{} (ESTABLISHED)", place(remote.ip(), remote.port())),
                None if socket.proto.starts_with("tcp") => format!("{local} (LISTEN)"),
                None => local,
            };
            let proto = if socket.proto.starts_with("tcp") { "TCP" } else { "UDP" };
            rows.push((process.clone(), "3u".into(), kind.into(), format!("0t0  {proto}"), name));
        }
    }
    for operand in &found.rest {
        if let Err(errno) = c.stat(operand) {
            c.err(&format!("lsof: status error on {operand}: {}\n", errno.text()));
            return 1;
        }
        let place = decode(&crate::world::resolve(c.cwd(), &crate::shell::text::encode(operand)));
        rows.retain(|(_, _, _, _, name)| *name == place);
    }
    if rows.is_empty() {
        return 1;
    }
    if found.has("t") {
        let mut pids: Vec<u32> = rows.iter().map(|(process, ..)| process.pid).collect();
        pids.dedup();
        for pid in pids {
            c.out(&format!("{pid}\n"));
        }
        return 0;
    }
    let mut text =
        String::from("COMMAND     PID            USER   FD      TYPE             DEVICE SIZE/OFF       NODE NAME\n");
    for (process, fd, kind, size, name) in rows {
        let command: String = decode(&process.comm).chars().take(9).collect();
        let user = names.user_or_number(process.uid);
        text.push_str(&format!(
            "{command:<9} {:>5} {user:>15} {fd:>4}{} {kind:>8} {:>18} {size:>8} {:>10} {name}\n",
            process.pid,
            " ",
            "8,1",
            process.pid * 31 % 90_000 + 1_000
        ));
    }
    c.out(&text);
    0
}

pub(super) fn fuser(c: &mut Cmd) -> i32 {
    let found = match options::parse(
        "a,all i,interactive I,inode k,kill l,list-signals m,mount M,ismountpoint n,namespace= s,silent u,user v,verbose w,writeonly V,version 4,ipv4 6,ipv6 c f",
        &c.args,
    ) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            return super::common::usage(c, "fuser", 1);
        }
    };
    if found.rest.is_empty() {
        c.err("No process specification given\n");
        return super::common::usage(c, "fuser", 1);
    }
    let mut status = 1;
    for operand in found.rest.clone() {
        let port = match found.value("n") {
            Some(_) => operand.parse::<u16>().ok(),
            None => operand
                .split_once('/')
                .filter(|(_, kind)| matches!(*kind, "tcp" | "udp"))
                .and_then(|(port, _)| port.parse().ok()),
        };
        let mut pids: Vec<u32> = match port {
            Some(port) => c
                .host()
                .sockets()
                .iter()
                .filter(|socket| socket.local.port() == port)
                .map(|socket| socket.pid)
                .collect(),
            None => {
                if c.stat(&operand).is_err() {
                    c.err(&format!("Specified filename {operand} does not exist.\n"));
                    continue;
                }
                let place = crate::world::resolve(c.cwd(), &crate::shell::text::encode(&operand));
                c.host().processes().iter().filter(|p| p.exe == place || p.cwd == place).map(|p| p.pid).collect()
            }
        };
        pids.sort_unstable();
        pids.dedup();
        if pids.is_empty() {
            continue;
        }
        status = 0;
        if !found.has("s") {
            let name = if port.is_some() {
                operand.clone()
            } else {
                decode(&crate::world::resolve(c.cwd(), &crate::shell::text::encode(&operand)))
            };
            c.err(&format!("{:<21}", format!("{name}:")));
            for pid in &pids {
                c.out(&format!("{pid:>6}"));
            }
            c.out("\n");
        }
        if found.has("k") {
            for pid in pids {
                let _ = super::signal::send(c, pid, 9);
            }
        }
    }
    status
}
