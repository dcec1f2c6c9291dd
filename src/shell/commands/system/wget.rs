//! `wget` (GNU Wget 1.20.3) and busybox's.

use std::time::Duration;

use super::common::{decode, time};
use super::url::{Url, reach};
use super::{local, ping, recorded};
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::shell::net::NetError;
use crate::shell::text;

const TABLE: &str = "V,version h,help b,background e,execute= o,output-file= a,append-output= d,debug q,quiet v,verbose \
     nv,no-verbose,non-verbose report-speed= i,input-file= F,force-html B,base= config= no-config rejected-log= t,tries= \
     retry-connrefused retry-on-http-error= O,output-document= nc,no-clobber no-netrc c,continue start-pos= progress= show-progress \
     no-show-progress N,timestamping no-if-modified-since no-use-server-timestamps S,server-response spider T,timeout= dns-timeout= \
     connect-timeout= read-timeout= w,wait= waitretry= random-wait no-proxy proxy= Q,quota= bind-address= limit-rate= no-dns-cache \
     restrict-file-names= ignore-case 4,inet4-only 6,inet6-only prefer-family= user= password= ask-password use-askpass= no-iri \
     local-encoding= remote-encoding= unlink xattr nd,no-directories x,force-directories nH,no-host-directories protocol-directories \
     P,directory-prefix= cut-dirs= http-user= http-password= no-cache default-page= E,adjust-extension ignore-length header= \
     compression= max-redirect= proxy-user= proxy-password= referer= save-headers U,user-agent= no-http-keep-alive no-cookies \
     load-cookies= save-cookies= keep-session-cookies post-data= post-file= method= body-data= body-file= content-disposition \
     content-on-error trust-server-names auth-no-challenge secure-protocol= https-only no-check-certificate certificate= \
     certificate-type= private-key= private-key-type= ca-certificate= ca-directory= crl-file= pinnedpubkey= random-file= egd-file= \
     ciphers= no-hsts hsts-file= ftp-user= ftp-password= no-remove-listing no-glob no-passive-ftp preserve-permissions \
     retr-symlinks r,recursive l,level= delete-after k,convert-links K,backup-converted m,mirror p,page-requisites strict-comments \
     A,accept= R,reject= accept-regex= reject-regex= regex-type= D,domains= exclude-domains= follow-ftp follow-tags= ignore-tags= \
     H,span-hosts L,relative I,include-directories= X,exclude-directories= np,no-parent Y,proxy-switch=";

/// Letters of two characters that have one dash.
fn long_letters(args: &[String]) -> Vec<String> {
    let long = |arg: &String| match arg.as_str() {
        "-nv" => "--no-verbose".to_string(),
        "-nc" => "--no-clobber".into(),
        "-nd" => "--no-directories".into(),
        "-nH" => "--no-host-directories".into(),
        "-np" => "--no-parent".into(),
        arg => arg.to_string(),
    };
    args.iter().map(long).collect()
}

struct Job {
    quiet: bool,
    brief: bool,
    output: Option<String>,
    folder: String,
    tries: u64,
    limit: Option<Duration>,
    spider: bool,
    response: bool,
    keep: bool,
    show: bool,
    log: Option<String>,
    logged: String,
    method: String,
}

impl Job {
    fn say(&mut self, c: &mut Cmd, text: &str) {
        if self.quiet {
            return;
        }
        match self.log {
            Some(_) => self.logged.push_str(text),
            None => c.err(text),
        }
    }
}

pub(super) async fn run(c: &mut Cmd) -> Result<i32, Stop> {
    if c.applet() {
        return applet(c).await;
    }
    let args = long_letters(&c.args);
    const HINT: &str = "Usage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n";
    let found = match options::parse(TABLE, &args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            c.err(HINT);
            return Ok(2);
        }
    };
    if found.has("V") || found.has("h") {
        c.out(recorded::text(c.host(), "wget", if found.has("V") { "--version" } else { "--help" }));
        return Ok(0);
    }
    let mut urls = found.rest.clone();
    if let Some(list) = found.value("i").map(str::to_string) {
        match c.slurp(&list).await? {
            Ok(bytes) => {
                urls.extend(decode(&bytes).lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_string))
            }
            Err(errno) => {
                c.err(&format!("{list}: {}\nNo URLs found in {list}.\n", errno.text()));
                return Ok(1);
            }
        }
    }
    if urls.is_empty() {
        c.complain("missing URL");
        c.err(HINT);
        return Ok(1);
    }
    let seconds = |key: &str| found.value(key).and_then(|text| text.parse::<f64>().ok()).filter(|time| *time > 0.0);
    let limit = seconds("connect-timeout").or(seconds("T")).map(|time| Duration::from_secs_f64(time.min(1e6)));
    let mut job = Job {
        quiet: found.has("q"),
        brief: found.has("nv"),
        output: found.value("O").map(str::to_string),
        folder: found.value("P").unwrap_or_default().to_string(),
        tries: match found.value("t").map(str::parse::<u64>) {
            None => 20,
            Some(Ok(0)) => u64::MAX,
            Some(Ok(tries)) => tries,
            Some(Err(_)) => {
                let value = found.value("t").unwrap_or_default().to_string();
                let text = format!("--tries: Invalid number {}.", c.quote(&value));
                c.complain(&text);
                return Ok(2);
            }
        },
        limit,
        spider: found.has("spider"),
        response: found.has("S"),
        keep: found.has("nc"),
        show: found.has("show-progress"),
        log: found.value("o").or(found.value("a")).map(str::to_string),
        logged: String::new(),
        method: if found.has("post-data") || found.has("post-file") {
            "POST".into()
        } else {
            found.value("method").unwrap_or("GET").into()
        },
    };
    if found.has("b") {
        c.out(&format!("Continuing in background, pid {}.\n", c.host().next_pid()));
        if job.log.is_none() {
            let text = format!("Output will be written to {}.\n", c.quote("wget-log"));
            c.out(&text);
            job.log = Some("wget-log".into());
        }
    }
    // The file is made before anything is fetched.
    if let Some(path) = job.output.clone().filter(|path| path != "-" && !job.spider)
        && let Err(errno) = c.write_file(&path, b"")
    {
        c.err(&format!("{path}: {}\n", errno.text()));
        return Ok(3);
    }
    let mut status = 0;
    for url in urls {
        let one = fetch(c, &mut job, &url).await?;
        if one != 0 {
            status = one;
        }
    }
    if let Some(path) = job.log.clone() {
        let old = if found.has("a") { c.read_file(&path).unwrap_or_default() } else { Vec::new() };
        let _ = c.write_file(&path, &[old, text::encode(&job.logged)].concat());
    }
    Ok(status)
}

fn stamp(c: &Cmd) -> String {
    time(c.now(), "%Y-%m-%d %H:%M:%S")
}

async fn fetch(c: &mut Cmd, job: &mut Job, written: &str) -> Result<i32, Stop> {
    let shown = if written.contains("://") { written.to_string() } else { format!("http://{written}") };
    c.note_url(&shown);
    let Some(url) = Url::parse(written) else {
        let bad = shown
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.trim_end_matches('/').parse::<u16>().is_err() && !port.starts_with("//"));
        c.err(&format!("{shown}: {}.\n", if bad { "Bad port number" } else { "Invalid host name" }));
        return Ok(1);
    };
    if !matches!(url.scheme.as_str(), "http" | "https" | "ftp" | "ftps") {
        let text = format!("{written}: Unsupported scheme {}.\n", c.quote(&url.scheme));
        c.err(&text);
        return Ok(1);
    }
    let shown = if shown.matches('/').count() < 3 { format!("{shown}/") } else { shown };
    let name = match &job.output {
        Some(name) => name.clone(),
        None => {
            let name = url.file_name();
            let name = if name.is_empty() { "index.html".to_string() } else { name };
            let name =
                if job.folder.is_empty() { name } else { format!("{}/{name}", job.folder.trim_end_matches('/')) };
            if job.keep && c.stat(&name).is_ok() {
                let text = format!("File {} already there; not retrieving.\n\n", c.quote(&name));
                job.say(c, &text);
                return Ok(0);
            }
            unused(c, name)
        }
    };
    if job.spider && !job.brief {
        job.say(c, "Spider mode enabled. Check if remote file exists.\n");
    }
    let mut round = 0;
    loop {
        round += 1;
        let again = if round > 1 { format!("  (try:{round:2})") } else { String::new() };
        if !job.brief {
            let head = format!("--{}--{again}  {shown}\n", stamp(c));
            job.say(c, &head);
            if url.scheme == "ftp" {
                let text = format!("           => {}\n", c.quote(&name));
                job.say(c, &text);
            }
        }
        let numeric = url.host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
        let address = ping::resolve(c, &url.host);
        if !numeric && !job.brief {
            let head = format!("Resolving {} ({})... ", url.host, url.host);
            job.say(c, &head);
            if let Some(address) = address {
                job.say(c, &format!("{address}\n"));
            }
        }
        let place = if numeric {
            format!("{}:{}", url.host, url.port)
        } else {
            format!("{0} ({0})|{1}|:{2}", url.host, address.map_or(String::new(), |a| a.to_string()), url.port)
        };
        if address.is_some() && !job.brief {
            job.say(c, &format!("Connecting to {place}... "));
        }
        c.flush().await?;
        let result = reach(c, &url.host, url.port, job.limit).await?;
        match result {
            Ok(peer) => {
                if !job.brief {
                    job.say(c, "connected.\n");
                }
                let port = peer.port;
                return got(c, job, &url, &shown, &name, port).await;
            }
            Err(NetError::NoName) => {
                let text = format!("unable to resolve host address {}", c.quote(&url.host));
                if !job.brief {
                    job.say(c, "failed: Temporary failure in name resolution.\n");
                }
                job.say(c, &format!("wget: {text}\n"));
                return Ok(4);
            }
            Err(NetError::Refused) => {
                job.say(c, "failed: Connection refused.\n");
                return Ok(4);
            }
            Err(NetError::Unreachable) => {
                job.say(c, "failed: Network is unreachable.\n");
                return Ok(4);
            }
            Err(NetError::TimedOut) => {
                job.say(c, "failed: Connection timed out.\n");
                if round >= job.tries {
                    job.say(c, "Giving up.\n\n");
                    return Ok(4);
                }
                job.say(c, "Retrying.\n\n");
                c.sleep(Duration::from_secs(round.min(10))).await?;
            }
        }
    }
}

/// `name`, or `name.1`, … when it is taken.
fn unused(c: &Cmd, name: String) -> String {
    if c.lstat(&name).is_err() {
        return name;
    }
    (1..1000).map(|number| format!("{name}.{number}")).find(|name| c.lstat(name).is_err()).unwrap_or(name)
}

async fn got(c: &mut Cmd, job: &mut Job, url: &Url, shown: &str, name: &str, port: u16) -> Result<i32, Stop> {
    let program = local::program(c, port).unwrap_or_default();
    if url.scheme == "https" {
        job.say(c, "Unable to establish SSL connection.\n");
        return Ok(4);
    }
    if url.scheme == "ftp" {
        job.say(c, "Logging in as anonymous ... \nLogin incorrect.\n");
        return Ok(6);
    }
    if program != "nginx" {
        job.say(c, "HTTP request sent, awaiting response... ");
        c.sleep(Duration::from_millis(300)).await?;
        job.say(c, "Read error (Connection reset by peer) in headers.\n");
        return Ok(4);
    }
    let response = local::http(c, if job.spider { "HEAD" } else { &job.method }, &url.path);
    let line = format!("{} {}", response.status, response.reason);
    if !job.brief {
        job.say(c, "HTTP request sent, awaiting response... ");
        if job.response {
            let head = response.head();
            let lines: String =
                head.lines().filter(|line| !line.is_empty()).map(|line| format!("\n  {line}")).collect();
            job.say(c, &format!("{lines}\n"));
        } else {
            job.say(c, &format!("{line}\n"));
        }
    }
    if response.status != 200 {
        if job.spider {
            job.say(c, "Remote file does not exist -- broken link!!!\n\n");
            return Ok(8);
        }
        let text = format!("{} ERROR {}: {}.\n\n", stamp(c), response.status, response.reason);
        let text = if job.brief { format!("{shown}:\n{text}").trim_end().to_string() + "\n" } else { text };
        job.say(c, &text);
        return Ok(8);
    }
    let length: usize = response.header("Content-Length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let kind = response.header("Content-Type").unwrap_or_default().to_string();
    if !job.brief {
        let more =
            if length >= 1024 { format!(" ({})", super::disks::human(length as u64, 1024.0)) } else { String::new() };
        job.say(c, &format!("Length: {length}{more} [{kind}]\n"));
    }
    if job.spider {
        job.say(c, "Remote file exists.\n\n");
        return Ok(0);
    }
    let to_stdout = name == "-";
    let target = if to_stdout { "STDOUT".to_string() } else { name.to_string() };
    if !job.brief {
        let text = format!("Saving to: {}\n\n", c.quote(&target));
        job.say(c, &text);
    }
    if to_stdout {
        c.out_bytes(&response.body);
    } else if let Err(errno) = c.write_file(name, &response.body) {
        let text = format!("{name}: {}\n\nCannot write to {} ({}).\n", errno.text(), c.quote(name), errno.text());
        job.say(c, &text);
        return Ok(3);
    }
    let rate = 40 + length % 60;
    if job.brief {
        let text = format!("{} URL:{shown} [{length}/{length}] -> \"{target}\" [1]\n", stamp(c))
            .replace("\"STDOUT\"", "\"-\"");
        job.say(c, &text);
        return Ok(0);
    }
    let bar = c.is_tty(2) && job.log.is_none();
    let progress = if bar { bar_lines(c, &target, length) } else { dots(length, rate) };
    if job.show && job.quiet {
        c.err(&progress);
    }
    job.say(c, &progress);
    let end = if to_stdout {
        format!("{} ({rate}.3 MB/s) - written to stdout [{length}/{length}]\n\n", stamp(c))
    } else {
        format!("{} ({rate}.3 MB/s) - {} saved [{length}/{length}]\n\n", stamp(c), c.quote(&target))
    };
    job.say(c, &end);
    Ok(0)
}

/// A dot per KiB, fifty in a line.
fn dots(length: usize, rate: usize) -> String {
    let mut text = String::new();
    let blocks = length.div_ceil(1024).max(1);
    let mut at = 0;
    while at < blocks {
        let full = length / 1024;
        let count = full.saturating_sub(at).min(50)
            + usize::from(!length.is_multiple_of(1024) && at + 50 > full && length >= 1024);
        let dots: Vec<String> = (0..5)
            .map(|group| {
                let here = count.saturating_sub(group * 10).min(10);
                format!("{:<10}", ".".repeat(here))
            })
            .collect();
        let done = ((at + 50) * 1024 * 100 / length.max(1)).min(100);
        let end = if at + 50 >= blocks { "=0s" } else { " 0s" };
        text.push_str(&format!("{:>6}K {}{done:>3}% {rate}.1M{end}\n", at, dots.join(" ")));
        at += 50;
    }
    format!("\n{text}\n").trim_start_matches('\n').to_string()
}

fn bar_lines(c: &Cmd, name: &str, length: usize) -> String {
    let columns = c.columns().max(45);
    let width = columns.saturating_sub(61).max(1);
    let short: String = name.chars().take(19).collect();
    let amount = if length >= 1024 { super::disks::human(length as u64, 1024.0) } else { length.to_string() };
    format!(
        "\r{short:<22}  0%[{}]       0  --.-KB/s               \r{short:<20}100%[{}>] {amount:>7}  --.-KB/s    in 0s      \n\n",
        " ".repeat(width + 1),
        "=".repeat(width)
    )
    .replace(&format!("{short:<22}  0%"), &format!("{short:<22} 0%"))
}

async fn applet(c: &mut Cmd) -> Result<i32, Stop> {
    let table = "c,continue q,quiet S,server-response spider O,output-document= o,output-file= header= post-data= post-file= Y,proxy= \
                 P,directory-prefix= U,user-agent= T,timeout= t,tries= no-check-certificate passive-ftp 4 6 n";
    let found = match options::parse(table, &c.args) {
        Ok(found) => found,
        Err(error) => {
            c.complain(&error);
            return Ok(super::busybox_use(c, "wget"));
        }
    };
    if found.rest.is_empty() {
        return Ok(super::busybox_use(c, "wget"));
    }
    let quiet = found.has("q");
    let limit =
        found.value("T").and_then(|text| text.parse::<u64>().ok()).map(|time| Duration::from_secs(time.min(1_000_000)));
    for written in found.rest.clone() {
        let shown = if written.contains("://") { written.clone() } else { format!("http://{written}") };
        c.note_url(&shown);
        let url = match Url::parse(&written) {
            Some(url) if matches!(url.scheme.as_str(), "http" | "https" | "ftp") => url,
            _ => {
                c.complain(&format!("not an http or ftp url: {written}"));
                return Ok(1);
            }
        };
        let Some(address) = ping::resolve(c, &url.host) else {
            c.sleep(Duration::from_millis(20)).await?;
            c.complain(&format!("bad address '{}'", url.host));
            return Ok(1);
        };
        if !quiet {
            c.err(&format!(
                "Connecting to {} ({address}:{})\n",
                if url.has_port { format!("{}:{}", url.host, url.port) } else { url.host.clone() },
                url.port
            ));
        }
        c.flush().await?;
        let peer = match reach(c, &url.host, url.port, limit).await? {
            Ok(peer) => peer,
            Err(NetError::Refused) => {
                c.complain(&format!("can't connect to remote host ({address}): Connection refused"));
                return Ok(1);
            }
            Err(_) if limit.is_some() => {
                c.complain("download timed out");
                return Ok(1);
            }
            Err(_) => {
                c.complain(&format!("can't connect to remote host ({address}): Connection timed out"));
                return Ok(1);
            }
        };
        if local::program(c, peer.port).as_deref() != Some("nginx") {
            c.complain("error getting response");
            return Ok(1);
        }
        let response = local::http(c, "GET", &url.path);
        if response.status != 200 {
            c.complain(&format!("server returned error: HTTP/1.1 {} {}", response.status, response.reason));
            return Ok(1);
        }
        let name = found.value("O").map_or_else(
            || {
                let name = url.file_name();
                if name.is_empty() { "index.html".to_string() } else { name }
            },
            str::to_string,
        );
        let name = match found.value("P") {
            Some(folder) if name != "-" => format!("{}/{name}", folder.trim_end_matches('/')),
            _ => name,
        };
        if name == "-" {
            c.out_bytes(&response.body);
        } else {
            if found.value("O").is_none() && c.stat(&name).is_ok() {
                c.complain(&format!("can't open '{name}': File exists"));
                return Ok(1);
            }
            if let Err(errno) = c.write_file(&name, &response.body) {
                c.complain(&format!("can't open '{name}': {}", errno.text()));
                return Ok(1);
            }
            if !quiet {
                c.err(&format!(
                    "saving to '{name}'\n{name:<20.20} 100% |{}| {:>5}  0:00:00 ETA\n'{name}' saved\n",
                    "*".repeat(32),
                    response.body.len()
                ));
            }
        }
    }
    Ok(0)
}
