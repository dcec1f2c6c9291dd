//! `nc`, `telnet`, `ftp`, `tftp`, `ftpget`, `ftpput`: talking to other hosts by hand.

use std::time::Duration;

use super::common::decode;
use super::url::reach;
use super::{local, ping, screen};
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::shell::net::NetError;

/// Talks with a service of the host: its greeting, then an answer to each line that comes.
async fn talk(c: &mut Cmd, port: u16, newline: &str) -> Result<(), Stop> {
    let program = local::program(c, port).unwrap_or_default();
    c.sleep(Duration::from_millis(if program == "master" { 120 } else { 8 })).await?;
    let greeting = local::greeting(c, &program);
    c.out_bytes(&greeting);
    c.flush().await?;
    let mut request = String::new();
    while let Some(line) = c.read_line().await? {
        let line = decode(&line);
        let mut line = line.trim_end_matches(['\r', '\n']).to_string();
        if program == "nginx" {
            // The server answers when the head of the request is complete.
            if request.is_empty() {
                request = line.clone();
            }
            let simple = request.split(' ').count() < 3;
            if !line.is_empty() && !simple {
                continue;
            }
            line = request.clone();
        }
        let (bytes, ends) = local::answer(c, &program, &line);
        c.out_bytes(&bytes);
        c.flush().await?;
        if ends {
            break;
        }
    }
    let _ = newline;
    Ok(())
}

const NC: &str = "usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]\n\t  [-m minttl] [-O length] [-P proxy_username] \
                  [-p source_port]\n\t  [-q seconds] [-s source] [-T keyword] [-V rtable] [-W recvlimit] [-w timeout]\n\t  [-X \
                  proxy_protocol] [-x proxy_address[:port]] \t  [destination] [port]\n";

pub(super) async fn nc(c: &mut Cmd) -> Result<i32, Stop> {
    let table = if c.applet() {
        "l p= w= i= f= e= N n v z u"
    } else {
        "4 6 C D d F h k l N n r S t U u v Z z I= i= M= m= O= P= p= q= s= T= V= W= w= X= x= b c= e="
    };
    let found = match options::parse(table, &c.args) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            if c.applet() {
                return Ok(super::busybox_use(c, "nc"));
            }
            c.err(NC);
            return Ok(1);
        }
    };
    if found.has("h") {
        c.err("OpenBSD netcat (Debian patchlevel 1.206-1ubuntu1)\n");
        c.err(NC);
        return Ok(0);
    }
    if found.has("l") {
        let port = found.value("p").map(str::to_string).or_else(|| found.rest.last().cloned());
        let Some(port) = port else {
            c.err(if c.applet() { "nc: missing port number\n" } else { NC });
            return Ok(1);
        };
        let Ok(number) = port.parse::<u16>() else {
            c.complain(&format!("port number invalid: {port}"));
            return Ok(1);
        };
        if number < 1024 && c.who().uid != 0 {
            c.complain("Permission denied");
            return Ok(1);
        }
        if local::program(c, number).is_some() {
            c.complain("Address already in use");
            return Ok(1);
        }
        if found.has("v") {
            c.err(&format!("Listening on 0.0.0.0 {number}\n"));
        }
        c.flush().await?;
        // Nobody ever comes.
        loop {
            c.sleep(Duration::from_secs(3600)).await?;
        }
    }
    let (host, ports) = match found.rest.as_slice() {
        [host, ports, ..] => (host.clone(), ports.clone()),
        [_] => {
            if c.applet() {
                return Ok(super::busybox_use(c, "nc"));
            }
            c.complain("missing port number");
            return Ok(1);
        }
        [] => {
            if c.applet() {
                return Ok(super::busybox_use(c, "nc"));
            }
            c.err(NC);
            return Ok(1);
        }
    };
    let (first, last) = match ports.split_once('-') {
        Some((first, last)) => (first.parse::<u16>(), last.parse::<u16>()),
        None => (ports.parse::<u16>(), ports.parse::<u16>()),
    };
    let (Ok(first), Ok(last)) = (first, last) else {
        c.complain(&if c.applet() { format!("bad port '{ports}'") } else { format!("port number invalid: {ports}") });
        return Ok(1);
    };
    let limit =
        found.value("w").and_then(|text| text.parse::<u64>().ok()).map(|time| Duration::from_secs(time.min(1_000_000)));
    let verbose = found.has("v");
    let mut status = 1;
    for port in first..=last {
        match reach(c, &host, port, limit).await? {
            Ok(peer) => {
                status = 0;
                if verbose {
                    let services = super::common::file(c.host(), "/etc/services");
                    let want = format!("{port}/tcp");
                    let name = services.lines().find_map(|line| {
                        let mut words = line.split_whitespace();
                        let name = words.next()?;
                        (words.next() == Some(want.as_str())).then(|| name.to_string())
                    });
                    let name = name.filter(|_| !found.has("n")).unwrap_or_else(|| "*".into());
                    let place = if host == peer.address.to_string() {
                        host.clone()
                    } else {
                        format!("{host} ({})", peer.address)
                    };
                    c.err(&format!("Connection to {place} {port} port [tcp/{name}] succeeded!\n"));
                }
                if !found.has("z") {
                    talk(c, peer.port, "\n").await?;
                }
            }
            Err(NetError::NoName) => {
                let text = match c.applet() {
                    true => format!("bad address '{host}'"),
                    false => {
                        format!("getaddrinfo for host \"{host}\" port {port}: Temporary failure in name resolution")
                    }
                };
                c.complain(&text);
                return Ok(1);
            }
            Err(error) => {
                let why = match error {
                    NetError::Refused => "Connection refused",
                    NetError::Unreachable => "Network is unreachable",
                    _ if limit.is_some() => "Operation now in progress",
                    _ => "Connection timed out",
                };
                if c.applet() {
                    let address = ping::resolve(c, &host).map_or_else(|| host.clone(), |address| address.to_string());
                    let why = if error == NetError::TimedOut { "Connection timed out" } else { why };
                    if !found.has("z") {
                        c.complain(&format!("can't connect to remote host ({address}): {why}"));
                    }
                } else if verbose {
                    let udp = if found.has("u") { "udp" } else { "tcp" };
                    c.complain(&format!("connect to {host} port {port} ({udp}) failed: {why}"));
                }
            }
        }
    }
    Ok(status)
}

pub(super) async fn telnet(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::parse("4 6 8 E K L a b= c d e= f F k= l= n= r x X= y", &c.args) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            return Ok(1);
        }
    };
    let Some(host) = found.rest.first().cloned() else {
        if !c.is_tty(0) {
            c.out("telnet> ");
            return Ok(0);
        }
        loop {
            let Some(line) = screen_prompt(c, "telnet> ").await? else { return Ok(0) };
            match line.split_whitespace().next().unwrap_or_default() {
                "" | "quit" | "exit" | "q" => return Ok(0),
                "help" | "?" => c.out("Commands may be abbreviated.  Commands are:\n\nclose\tlogout\tdisplay\tmode\topen\tquit\tsend\tset\n"),
                _ => c.out("?Invalid command\n"),
            }
        }
    };
    let service = found.rest.get(1).cloned().unwrap_or_else(|| "23".into());
    let named = super::common::file(c.host(), "/etc/services");
    let port = service.parse::<u16>().ok().or_else(|| {
        named.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some(service.as_str())).then(|| words.next()?.split_once('/')?.0.parse().ok()).flatten()
        })
    });
    let Some(port) = port else {
        c.err(&format!("telnet: could not resolve {host}/{service}: Servname not supported for ai_socktype\n"));
        return Ok(1);
    };
    let Some(address) = ping::resolve(c, &host) else {
        let _ = c.connect(&host, port).await?;
        c.err(&format!(
            "telnet: could not resolve {host}/{}: Temporary failure in name resolution\n",
            if service == "23" { "telnet" } else { &service }
        ));
        return Ok(1);
    };
    c.out(&format!("Trying {address}...\n"));
    c.flush().await?;
    match c.connect(&host, port).await? {
        Ok(peer) => {
            c.out(&format!("Connected to {host}.\nEscape character is '^]'.\n"));
            talk(c, peer.port, "\r\n").await?;
            c.err("Connection closed by foreign host.\n");
            Ok(1)
        }
        Err(error) => {
            let why = if error == NetError::Refused { "Connection refused" } else { "Connection timed out" };
            let text = match c.applet() {
                true => format!("telnet: can't connect to remote host ({address}): {why}\n"),
                false => format!("telnet: Unable to connect to remote host: {why}\n"),
            };
            c.err(&text);
            Ok(1)
        }
    }
}

async fn screen_prompt(c: &mut Cmd, prompt: &str) -> Result<Option<String>, Stop> {
    c.out(prompt);
    c.flush().await?;
    let line = c.read_line().await?;
    Ok(line.map(|line| decode(&line).trim_end().to_string()))
}

/// `ftpget` and `ftpput` of busybox.
pub(super) async fn ftpget(c: &mut Cmd) -> Result<i32, Stop> {
    let base = c.base().to_string();
    let found = match options::parse("c,continue v,verbose u,username= p,password= P,port=", &c.args) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            return Ok(super::busybox_use(c, &base));
        }
    };
    let Some(host) = found.rest.first().cloned().filter(|_| found.rest.len() > 1) else {
        return Ok(super::busybox_use(c, &base));
    };
    let remote =
        found.rest.get(if base == "ftpget" && found.rest.len() > 2 { 2 } else { 1 }).cloned().unwrap_or_default();
    let port = found.value("P").and_then(|text| text.parse().ok()).unwrap_or(21);
    c.note_url(&format!("ftp://{host}/{remote}"));
    let Some(address) = ping::resolve(c, &host) else {
        let _ = c.connect(&host, port).await?;
        c.complain(&format!("bad address '{host}'"));
        return Ok(1);
    };
    match c.connect(&host, port).await? {
        Ok(_) => c.complain("cmd PASS error: 530 Login incorrect."),
        Err(NetError::Refused) => c.complain(&format!("can't connect to remote host ({address}): Connection refused")),
        Err(_) => c.complain(&format!("can't connect to remote host ({address}): Connection timed out")),
    }
    Ok(1)
}

pub(super) async fn tftp(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::parse("g p l= r= b= k= m= c= v 4 6", &c.args) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            return Ok(super::busybox_use(c, "tftp"));
        }
    };
    let Some(host) = found.rest.first().cloned() else { return Ok(super::busybox_use(c, "tftp")) };
    if !found.has("g") && !found.has("p") && c.applet() {
        return Ok(super::busybox_use(c, "tftp"));
    }
    let remote = found.value("r").or(found.value("l")).or(found.value("c")).unwrap_or_default().to_string();
    c.note_url(&format!("tftp://{host}/{remote}"));
    let Some(_) = ping::resolve(c, &host) else {
        c.sleep(Duration::from_millis(25)).await?;
        c.complain(&format!("bad address '{host}'"));
        return Ok(1);
    };
    // Retries with growing pauses, as busybox has them.
    if found.has("g") && !remote.is_empty() {
        let local =
            found.value("l").or(found.value("r")).map(|name| name.rsplit('/').next().unwrap_or_default().to_string());
        let local = local.unwrap_or_default();
        if local != "-" && !local.is_empty() {
            let _ = c.write_file(&local, b"");
        }
        let own = ping::resolve(c, &host).is_some_and(|address| address.is_loopback());
        c.sleep(Duration::from_secs(if own { 0 } else { 46 })).await?;
        c.complain(if own { "read error: Connection refused" } else { "timeout" });
        if local != "-" && !local.is_empty() {
            let path = c.path(&local);
            let _ = c.host().remove_file(c.who(), &path);
        }
        return Ok(1);
    }
    c.sleep(Duration::from_secs(46)).await?;
    c.complain("timeout");
    Ok(1)
}

pub(super) async fn ftp(c: &mut Cmd) -> Result<i32, Stop> {
    let found = match options::parse("4 6 A a d e f g i l n p q= r= s= t u= v V o= N= P= T= x= k= D=", &c.args) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            return Ok(1);
        }
    };
    let mut open = false;
    if let Some(host) = found.rest.first().cloned() {
        let port = found.rest.get(1).or(None).and_then(|text| text.parse().ok()).unwrap_or(21);
        open = ftp_open(c, &host, port).await?;
    }
    loop {
        let Some(line) = screen_prompt(c, "ftp> ").await? else { return Ok(0) };
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.first().copied().unwrap_or_default() {
            "" => {}
            "quit" | "bye" | "exit" => {
                if open {
                    c.out("221 Goodbye.\n");
                }
                return Ok(0);
            }
            "open" => {
                let host = words.get(1).copied().unwrap_or_default().to_string();
                if host.is_empty() {
                    c.out("(to) usage: open host-name [port]\n");
                } else {
                    open = ftp_open(c, &host, 21).await?;
                }
            }
            "help" | "?" => c.out("Commands may be abbreviated.  Commands are:\n\nascii\tbinary\tbye\tcd\tclose\tdir\tget\tls\topen\tput\tpwd\tquit\tuser\n"),
            "binary" | "ascii" | "passive" | "prompt" | "hash" if !open => c.out("Not connected.\n"),
            "get" | "put" | "ls" | "dir" | "cd" | "pwd" | "mget" | "mput" | "user" if !open => c.out("Not connected.\n"),
            "get" | "put" | "ls" | "dir" | "cd" | "pwd" | "mget" | "mput" | "user" | "binary" | "ascii" => {
                c.out("530 Please login with USER and PASS.\n");
            }
            _ => c.out("?Invalid command\n"),
        }
    }
}

async fn ftp_open(c: &mut Cmd, host: &str, port: u16) -> Result<bool, Stop> {
    c.note_url(&format!("ftp://{host}:{port}/"));
    let address = ping::resolve(c, host);
    match c.connect(host, port).await? {
        Ok(_) => {
            c.out(&format!("Connected to {host}.\n220 (vsFTPd 3.0.3)\n"));
            let user = super::common::own_name(c);
            let Some(_) = screen_prompt(c, &format!("Name ({host}:{user}): ")).await? else { return Ok(false) };
            c.out("331 Please specify the password.\n");
            let _ = screen::ask(c, "Password: ", false).await?;
            c.out("530 Login incorrect.\nftp: Login failed\n");
            Ok(true)
        }
        Err(NetError::NoName) => {
            c.err(&format!("ftp: Can't lookup `{host}:ftp': Temporary failure in name resolution\n"));
            Ok(false)
        }
        Err(error) => {
            let why = if error == NetError::Refused { "Connection refused" } else { "Connection timed out" };
            let address = address.map_or_else(|| host.to_string(), |address| address.to_string());
            c.err(&format!("ftp: Can't connect to `{address}:{port}': {why}\nftp: Can't connect to `{host}:ftp'\n"));
            Ok(false)
        }
    }
}
