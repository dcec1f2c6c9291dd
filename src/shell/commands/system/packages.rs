//! `apt`, `apt-get`, `apt-cache`, `dpkg`, `dpkg-query` over the list of installed packages.

mod status;

use std::time::Duration;

use super::common::{file, is_root};
use super::recorded;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::world::Who;
use status::Package;

/// The packages that are installed.
fn packages(c: &Cmd) -> Vec<Package> {
    known(c).into_iter().filter(Package::is_installed).collect()
}

/// The packages that dpkg knows of, some of which left no more than their configuration.
fn known(c: &Cmd) -> Vec<Package> {
    status::read(c.host())
}

fn error(c: &mut Cmd, text: &str) {
    let line = if c.is_tty(2) { format!("\x1b[1;31mE: \x1b[0m{text}\x1b[0m\n") } else { format!("E: {text}\n") };
    c.err(&line);
}

/// Whether a name fits a pattern with `*` and `?`.
fn fits(pattern: &str, name: &str) -> bool {
    let (p, n): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut i, mut j, mut star) = (0, 0, None);
    while j < n.len() {
        match p.get(i) {
            Some('*') => {
                star = Some((i, j));
                i += 1;
            }
            Some(c) if *c == '?' || n.get(j) == Some(c) => {
                i += 1;
                j += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    i = at + 1;
                    j = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    p.iter().skip(i).all(|c| *c == '*')
}

pub(super) async fn apt(c: &mut Cmd) -> Result<i32, Stop> {
    let apt = c.base() == "apt";
    const TABLE: &str = "y,yes,assume-yes q,quiet s,simulate,dry-run,just-print d,download-only f,fix-broken m,ignore-missing u V,verbose-versions t,target-release,default-release= \
                         o,option= c,config-file= no-install-recommends install-recommends allow-unauthenticated force-yes reinstall purge autoremove,auto-remove \
                         no-upgrade only-upgrade allow-downgrades allow-remove-essential allow-change-held-packages installed upgradable all-versions a fix-missing \
                         no-remove trivial-only print-uris assume-no names-only n full i h,help v,version fix-policy no-download allow-releaseinfo-change";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(text) => {
            let word = text.rsplit([' ']).next().unwrap_or_default().trim_matches('\'').to_string();
            let text = match word.strip_prefix("--") {
                Some(_) => {
                    format!("Command line option {word} is not understood in combination with the other options")
                }
                None => format!(
                    "Command line option '{word}' [from -{word}] is not understood in combination with the other options."
                ),
            };
            error(c, &text);
            return Ok(100);
        }
    };
    if found.has("v") || found.has("h") {
        let name = c.base().to_string();
        c.out(recorded::text(c.host(), &name, if found.has("v") { "--version" } else { "--help" }));
        return Ok(0);
    }
    let verb = found.rest.first().cloned().unwrap_or_default();
    let names: Vec<String> = found.rest.iter().skip(1).cloned().collect();
    if apt && !c.is_tty(1) && !verb.is_empty() {
        c.err("\nWARNING: apt does not have a stable CLI interface. Use with caution in scripts.\n\n");
    }
    match verb.as_str() {
        "" => {
            let name = c.base().to_string();
            c.out(recorded::text(c.host(), &name, "--help"));
            Ok(0)
        }
        "moo" => {
            c.out("                 (__) \n                 (oo) \n           /------\\/ \n          / |    ||   \n         *  /\\---/\\ \n            ~~   ~~   \n...\"Have you mooed today?\"...\n");
            Ok(0)
        }
        "list" if apt => Ok(list(c, &found, &names)),
        "search" | "show" | "policy" if apt => Ok(cache(c, &verb, &names)),
        "update" | "install" | "upgrade" | "dist-upgrade" | "full-upgrade" | "remove" | "purge" | "autoremove"
        | "auto-remove" | "clean" | "autoclean" | "check" | "build-dep" | "source" | "download" | "changelog"
        | "reinstall" | "dselect-upgrade" | "satisfy" | "edit-sources" | "indextargets" => {
            operate(c, &found, &verb, &names).await
        }
        _ => {
            error(c, &format!("Invalid operation {verb}"));
            Ok(100)
        }
    }
}

async fn operate(c: &mut Cmd, found: &options::Options, verb: &str, names: &[String]) -> Result<i32, Stop> {
    let simulated = found.has("s");
    if !is_root(c) && !simulated && !matches!(verb, "source" | "download" | "changelog" | "check") {
        match verb {
            "update" => {
                c.out("Reading package lists... Done\n");
                error(c, "Could not open lock file /var/lib/apt/lists/lock - open (13: Permission denied)");
                error(c, "Unable to lock directory /var/lib/apt/lists/");
                let warning = "W: Problem unlinking the file /var/cache/apt/pkgcache.bin - RemoveCaches (13: Permission denied)\n";
                c.err(warning);
            }
            "clean" | "autoclean" => {
                error(c, "Could not open lock file /var/cache/apt/archives/lock - open (13: Permission denied)");
                error(c, "Unable to lock directory /var/cache/apt/archives/");
            }
            _ => {
                error(c, "Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)");
                error(c, "Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?");
            }
        }
        return Ok(100);
    }
    if verb == "update" {
        return update(c).await;
    }
    if matches!(verb, "clean" | "autoclean" | "edit-sources" | "indextargets") {
        return Ok(0);
    }
    c.out("Reading package lists...");
    c.flush().await?;
    c.sleep(Duration::from_millis(640)).await?;
    c.out(" Done\nBuilding dependency tree       \n");
    c.flush().await?;
    c.sleep(Duration::from_millis(210)).await?;
    c.out("Reading state information... Done\n");
    let installed = packages(c);
    let find = |name: &str| {
        installed.iter().find(|package| package.name == name.split(['=', ':', '/']).next().unwrap_or_default())
    };
    match verb {
        "remove" | "purge" => {
            let mut unknown = false;
            let mut gone: Vec<Package> = Vec::new();
            for name in names {
                match find(name) {
                    Some(package) => gone.push(package.clone()),
                    None => {
                        error(c, &format!("Unable to locate package {name}"));
                        unknown = true;
                    }
                }
            }
            if unknown {
                return Ok(100);
            }
            remove(c, found, &gone, simulated).await
        }
        "install" | "reinstall" | "build-dep" | "source" | "download" | "changelog" | "satisfy" => {
            let mut unknown = false;
            for name in names {
                match find(name) {
                    Some(package) if verb == "install" => {
                        c.out(&format!("{} is already the newest version ({}).\n", package.name, package.version));
                    }
                    Some(_) => {}
                    None => {
                        error(c, &format!("Unable to locate package {name}"));
                        unknown = true;
                    }
                }
            }
            if unknown {
                return Ok(100);
            }
            c.out("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n");
            Ok(0)
        }
        _ => {
            if matches!(verb, "upgrade" | "dist-upgrade" | "full-upgrade") {
                c.out("Calculating upgrade... Done\n");
            }
            c.out("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n");
            Ok(0)
        }
    }
}

async fn remove(c: &mut Cmd, found: &options::Options, gone: &[Package], simulated: bool) -> Result<i32, Stop> {
    if gone.is_empty() {
        c.out("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n");
        return Ok(0);
    }
    let names: Vec<&str> = gone.iter().map(|package| package.name.as_str()).collect();
    c.out(&format!(
        "The following packages will be REMOVED:\n  {}\n0 upgraded, 0 newly installed, {} to remove and 0 not upgraded.\n",
        names.join(" "),
        names.len()
    ));
    if simulated {
        for package in gone {
            c.out(&format!("Remv {} [{}]\n", package.name, package.version));
        }
        return Ok(0);
    }
    c.out(&format!("After this operation, {} kB disk space will be freed.\n", 320 * gone.len() + 41));
    if !found.has("y") {
        c.out("Do you want to continue? [Y/n] ");
        c.flush().await?;
        let answer = c.read_line().await?;
        if answer.is_none_or(|line| !matches!(line.first(), Some(b'y' | b'Y' | b'\n'))) {
            c.out("Abort.\n");
            return Ok(1);
        }
    }
    c.out("(Reading database ... 71834 files and directories currently installed.)\n");
    for package in gone {
        c.sleep(Duration::from_millis(700)).await?;
        c.out(&format!("Removing {} ({}) ...\n", package.name, package.version));
        let root = Who::root();
        for folder in ["/usr/bin", "/usr/sbin", "/bin", "/sbin"] {
            let _ = c.host().remove_file(&root, format!("{folder}/{}", package.name).as_bytes());
        }
    }
    let purge = found.has("purge") || found.rest.first().is_some_and(|verb| verb == "purge");
    let names: Vec<String> = gone.iter().map(|package| package.name.clone()).collect();
    status::remove(c.host(), &names, purge);
    c.out("Processing triggers for man-db (2.9.1-1) ...\n");
    Ok(0)
}

/// The hosts that the lists come from, in the order of sources.list.
fn sources(c: &Cmd) -> Vec<(String, String)> {
    let text = file(c.host(), "/etc/apt/sources.list");
    let mut all: Vec<(String, String)> = text
        .lines()
        .filter(|line| line.starts_with("deb "))
        .filter_map(|line| {
            let words: Vec<&str> =
                line.split_whitespace().filter(|word| !word.starts_with('[') && !word.ends_with(']')).collect();
            Some((words.get(1)?.trim_end_matches('/').to_string(), words.get(2)?.to_string()))
        })
        .collect();
    all.dedup();
    let mut seen = Vec::new();
    all.retain(|entry| {
        let new = !seen.contains(entry);
        seen.push(entry.clone());
        new
    });
    all
}

async fn update(c: &mut Cmd) -> Result<i32, Stop> {
    let sources = sources(c);
    let host = |url: &str| url.split("://").nth(1).unwrap_or(url).split('/').next().unwrap_or_default().to_string();
    for (at, (url, suite)) in sources.iter().enumerate() {
        if at == 0 || at == 2 {
            c.sleep(Duration::from_millis(1900)).await?;
        }
        c.out(&format!("Err:{} {url} {suite} InRelease\n  Temporary failure resolving '{}'\n", at + 1, host(url)));
        c.flush().await?;
    }
    c.out("Reading package lists...");
    c.flush().await?;
    c.sleep(Duration::from_millis(900)).await?;
    c.out(" Done\n");
    c.flush().await?;
    let warn = |c: &mut Cmd, text: &str| {
        let line = if c.is_tty(2) { format!("\x1b[1;33mW: \x1b[0m{text}\x1b[0m\n") } else { format!("W: {text}\n") };
        c.err(&line);
    };
    for (url, suite) in &sources {
        warn(c, &format!("Failed to fetch {url}/dists/{suite}/InRelease  Temporary failure resolving '{}'", host(url)));
    }
    if !sources.is_empty() {
        warn(c, "Some index files failed to download. They have been ignored, or old ones used instead.");
    }
    Ok(0)
}

fn list(c: &mut Cmd, found: &options::Options, patterns: &[String]) -> i32 {
    c.out("Listing... Done\n");
    if found.has("upgradable") {
        return 0;
    }
    let suite = c.host().persona().codename.clone();
    for package in packages(c) {
        if patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, &package.name)) {
            c.out(&format!("{}/{suite},now {} {} [installed]\n", package.name, package.version, package.arch));
        }
    }
    0
}

/// `apt-cache`, and what `apt` has of it.
pub(super) fn apt_cache(c: &mut Cmd) -> i32 {
    let words: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    let Some((verb, names)) = words.split_first() else {
        c.out(recorded::text(c.host(), "apt-cache", "--help"));
        return 0;
    };
    cache(c, verb, names)
}

fn cache(c: &mut Cmd, verb: &str, names: &[String]) -> i32 {
    let all = packages(c);
    match verb {
        "show" | "showpkg" => {
            let mut missing = false;
            for name in names {
                match all.iter().find(|package| package.name == *name) {
                    Some(package) => c.out(&format!("{}\n\n", stanza(package))),
                    None => missing = true,
                }
            }
            if names.is_empty() || missing {
                error(c, "No packages found");
                return 100;
            }
            0
        }
        "policy" => {
            for name in names {
                match all.iter().find(|package| package.name == *name) {
                    Some(package) => c.out(&format!(
                        "{name}:\n  Installed: {0}\n  Candidate: {0}\n  Version table:\n *** {0} 100\n        100 /var/lib/dpkg/status\n",
                        package.version
                    )),
                    None => c.err(&format!("N: Unable to locate package {name}\n")),
                }
            }
            0
        }
        "search" => {
            if names.is_empty() {
                error(c, "You must give at least one search pattern");
                return 100;
            }
            for package in all {
                let text = format!("{} {}", package.name, package.summary).to_lowercase();
                if names.iter().all(|name| text.contains(&name.to_lowercase())) {
                    c.out(&format!("{} - {}\n", package.name, package.summary));
                }
            }
            0
        }
        "pkgnames" => {
            for package in all {
                if names.first().is_none_or(|start| package.name.starts_with(start.as_str())) {
                    c.out(&format!("{}\n", package.name));
                }
            }
            0
        }
        "stats" | "depends" | "rdepends" | "madison" | "dump" | "gencaches" | "unmet" => 0,
        other => {
            error(c, &format!("Invalid operation {other}"));
            100
        }
    }
}

/// The paragraph that tells about a package, as the lists of apt have it.
fn stanza(package: &Package) -> String {
    package.paragraph.lines().filter(|line| !line.starts_with("Status:")).collect::<Vec<_>>().join("\n")
}

/// `dpkg-query: …` or `dpkg: …`, in bold on a terminal.
fn say(c: &mut Cmd, who: &str, text: &str) {
    let line = if c.is_tty(2) { format!("\x1b[1m{who}:\x1b[0m {text}\n") } else { format!("{who}: {text}\n") };
    c.err(&line);
}

/// `dpkg: error: …`
fn fail(c: &mut Cmd, text: &str) -> i32 {
    let line = if c.is_tty(2) {
        format!("\x1b[1mdpkg:\x1b[0m \x1b[1;31merror:\x1b[0m {text}\n")
    } else {
        format!("dpkg: error: {text}\n")
    };
    c.err(&line);
    2
}

const HELP: &str = "\nType dpkg --help for help about installing and deinstalling packages [*];\nUse 'apt' or 'aptitude' for user-friendly package management;\nType dpkg -Dhelp for a list of dpkg debug flag values;\nType dpkg --force-help for a list of forcing options;\nType dpkg-deb --help for help about manipulating *.deb files;\n\nOptions marked [*] produce a lot of output - pipe it through 'less' or 'more' !\n";

pub(super) async fn dpkg(c: &mut Cmd) -> Result<i32, Stop> {
    let query = c.base() == "dpkg-query";
    let words = c.args.clone();
    let flags: Vec<&str> = words.iter().filter(|word| word.starts_with('-')).map(String::as_str).collect();
    let names: Vec<String> = words.iter().filter(|word| !word.starts_with('-')).cloned().collect();
    let format = words.iter().enumerate().find_map(|(at, word)| match word.as_str() {
        "-f" => words.get(at + 1).cloned(),
        word => word
            .strip_prefix("-f=")
            .or_else(|| word.strip_prefix("--showformat="))
            .or_else(|| word.strip_prefix("-f"))
            .map(str::to_string),
    });
    let names: Vec<String> = names.into_iter().filter(|name| Some(name) != format.as_ref()).collect();
    let action = flags.iter().copied().find(|flag| {
        !flag.starts_with("-f")
            && !flag.starts_with("--showformat")
            && !flag.starts_with("--no-pager")
            && !flag.starts_with("--force")
    });
    let arch = c.host().persona().arch_dpkg.clone();
    match action {
        None => {
            if query {
                say(c, "dpkg-query", "error: need an action option");
                c.err("\nUse --help for help about querying packages.\n");
                return Ok(2);
            }
            fail(c, "need an action option");
            c.err(HELP);
            Ok(2)
        }
        Some("--print-architecture") => {
            c.out(&format!("{arch}\n"));
            Ok(0)
        }
        Some("--print-foreign-architectures") => {
            if arch == "amd64" {
                c.out("i386\n");
            }
            Ok(0)
        }
        Some("-l" | "--list") => Ok(table(c, &names)),
        Some("-s" | "--status" | "-p" | "--print-avail") => Ok(describe(c, &names)),
        Some("-L" | "--listfiles") => Ok(files(c, &names)),
        Some("-S" | "--search") => search(c, &names).await,
        Some("-W" | "--show") => Ok(show(c, &names, format.as_deref())),
        Some("--get-selections") => {
            for package in packages(c) {
                if names.is_empty() || names.iter().any(|name| fits(name, &package.name)) {
                    c.out(&format!("{:<47} install\n", package.name));
                }
            }
            Ok(0)
        }
        Some(
            "--configure" | "-a" | "--audit" | "-C" | "--clear-avail" | "--verify" | "-V" | "--update-avail"
            | "--set-selections" | "--add-architecture",
        ) => {
            if is_root(c) || matches!(action, Some("--audit" | "-C" | "--verify" | "-V")) {
                return Ok(0);
            }
            Ok(fail(c, "requested operation requires superuser privilege"))
        }
        Some("-i" | "--install" | "-r" | "--remove" | "-P" | "--purge" | "--unpack") => {
            if names.is_empty() {
                let word = action.unwrap_or_default();
                let word = if word.starts_with("--") {
                    word.to_string()
                } else {
                    format!(
                        "--{}",
                        match word {
                            "-i" => "install",
                            "-r" => "remove",
                            _ => "purge",
                        }
                    )
                };
                fail(
                    c,
                    &format!(
                        "{word} needs at least one package {}argument",
                        if word.contains("install") || word.contains("unpack") { "archive file " } else { "name " }
                    ),
                );
                c.err(HELP);
                return Ok(2);
            }
            if !is_root(c) {
                return Ok(fail(c, "requested operation requires superuser privilege"));
            }
            if matches!(action, Some("-i" | "--install" | "--unpack")) {
                return Ok(install(c, &names));
            }
            let all = packages(c);
            let mut gone = Vec::new();
            for name in &names {
                match all.iter().find(|package| package.name == *name) {
                    Some(package) => {
                        c.out(&format!("(Reading database ... 71834 files and directories currently installed.)\nRemoving {name} ({}) ...\n", package.version));
                        c.sleep(Duration::from_millis(500)).await?;
                        gone.push(name.clone());
                    }
                    None => {
                        say(c, "dpkg", &format!("warning: ignoring request to remove {name} which isn't installed"))
                    }
                }
            }
            status::remove(c.host(), &gone, matches!(action, Some("-P" | "--purge")));
            Ok(0)
        }
        Some(flag) => {
            fail(c, &format!("unknown option {flag}"));
            c.err(HELP);
            Ok(2)
        }
    }
}

fn install(c: &mut Cmd, names: &[String]) -> i32 {
    if let Some(name) = names.first() {
        match c.read_file(name) {
            Err(errno) => {
                let text = format!("cannot access archive '{name}': {}", errno.text());
                fail(c, &text);
                return 2;
            }
            Ok(bytes) if !bytes.starts_with(b"!<arch>") => {
                c.err(&format!("dpkg-deb: error: '{name}' is not a Debian format archive\ndpkg: error processing archive {name} (--install):\n dpkg-deb --control subprocess returned error exit status 2\nErrors were encountered while processing:\n {name}\n"));
                return 1;
            }
            Ok(_) => {
                c.err(&format!("dpkg-deb: error: archive '{name}' uses unknown compression for member 'control.tar', giving up\ndpkg: error processing archive {name} (--install):\n dpkg-deb --control subprocess returned error exit status 2\nErrors were encountered while processing:\n {name}\n"));
                return 1;
            }
        }
    }
    0
}

fn table(c: &mut Cmd, patterns: &[String]) -> i32 {
    let all: Vec<Package> = known(c)
        .into_iter()
        .filter(|package| patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, &package.name)))
        .collect();
    for pattern in patterns {
        if !all.iter().any(|package| fits(pattern, &package.name)) {
            say(c, "dpkg-query", &format!("no packages found matching {pattern}"));
        }
    }
    if all.is_empty() {
        return 1;
    }
    let name_of = Package::full_name;
    let widest = |get: &dyn Fn(&Package) -> usize, least: usize| all.iter().map(get).max().unwrap_or(0).max(least);
    let (mut name, mut version) = (widest(&|p| name_of(p).len(), 14), widest(&|p| p.version.len(), 12));
    let arch = widest(&|p| p.arch.len(), 12);
    let mut about = widest(&|p| p.summary.chars().count(), 33);
    if c.is_tty(1) {
        let room = c.columns().saturating_sub(4 + 3 + arch);
        name = name.min(room / 4).max(14);
        version = version.min(room / 4).max(12);
        about = room.saturating_sub(name + version);
    }
    let cut = |text: &str, width: usize| text.chars().take(width).collect::<String>();
    let mut text = String::from(
        "Desired=Unknown/Install/Remove/Purge/Hold\n| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n",
    );
    text.push_str(&format!("||/ {:<name$} {:<version$} {:<arch$} Description\n", "Name", "Version", "Architecture"));
    text.push_str(&format!(
        "+++-{}-{}-{}-{}\n",
        "=".repeat(name),
        "=".repeat(version),
        "=".repeat(arch),
        "=".repeat(about)
    ));
    for package in &all {
        text.push_str(&format!(
            "{} {:<name$} {:<version$} {:<arch$} {}\n",
            package.letters(),
            cut(&name_of(package), name),
            cut(&package.version, version),
            package.arch,
            cut(&package.summary, about)
        ));
    }
    c.out(&text);
    0
}

const NOT_KNOWN: &str = "Use dpkg --info (= dpkg-deb --info) to examine archive files.\n";

fn describe(c: &mut Cmd, names: &[String]) -> i32 {
    let all = known(c);
    let mut code = 0;
    for name in names {
        match all.iter().find(|package| package.name == name.split(':').next().unwrap_or_default()) {
            Some(package) => c.out(&format!("{}\n\n", package.paragraph)),
            None => {
                say(c, "dpkg-query", &format!("package '{name}' is not installed and no information is available"));
                c.err(NOT_KNOWN);
                code = 1;
            }
        }
    }
    if names.is_empty() {
        for package in all {
            c.out(&format!("{}\n\n", package.paragraph));
        }
    }
    code
}

fn files(c: &mut Cmd, names: &[String]) -> i32 {
    let all = packages(c);
    let mut code = 0;
    for name in names {
        let Some(package) = all.iter().find(|package| package.name == *name || package.full_name() == *name) else {
            say(c, "dpkg-query", &format!("package '{name}' is not installed"));
            c.err("Use dpkg --contents (= dpkg-deb --contents) to list archive files contents.\n");
            code = 1;
            continue;
        };
        if let Some(listed) = status::files(c.host(), package) {
            c.out(&listed);
            continue;
        }
        c.out("/.\n");
        let places = [
            format!("/usr/bin/{name}"),
            format!("/usr/sbin/{name}"),
            format!("/etc/{name}"),
            format!("/usr/share/doc/{name}"),
            format!("/usr/lib/{name}"),
        ];
        for place in places {
            if c.host().stat(&Who::root(), place.as_bytes(), true).is_ok() {
                c.out(&format!("{place}\n"));
            }
        }
    }
    code
}

/// Packages of programs that are not named after them.
const OWNERS: &[(&str, &str)] = &[
    ("/bin/ls", "coreutils"),
    ("/bin/cat", "coreutils"),
    ("/bin/cp", "coreutils"),
    ("/bin/ps", "procps"),
    ("/usr/bin/top", "procps"),
    ("/bin/login", "login"),
    ("/usr/sbin/sshd", "openssh-server"),
    ("/usr/bin/ssh", "openssh-client"),
    ("/bin/netstat", "net-tools"),
    ("/usr/bin/passwd", "passwd"),
    ("/usr/bin/awk", "mawk"),
    ("/bin/mount", "mount"),
    ("/sbin/ifconfig", "net-tools"),
    ("/bin/sh", "dash"),
];

async fn search(c: &mut Cmd, names: &[String]) -> Result<i32, Stop> {
    let all = packages(c);
    let mut code = 1;
    for name in names {
        // A path is looked for as it is, anything else as a part of one.
        let pattern = if name.starts_with('/') { name.clone() } else { format!("*{name}*") };
        let written = status::owners(c, &all, &|path| fits(&pattern, path)).await?;
        if let Some(found) = written.filter(|found| !found.is_empty()) {
            for (path, owners) in found {
                c.out(&format!("{}: {path}\n", owners.join(", ")));
            }
            code = 0;
            continue;
        }
        let owner = OWNERS
            .iter()
            .find(|(path, _)| *path == name || format!("/usr{path}") == *name)
            .map(|(_, package)| package.to_string());
        let base = name.rsplit('/').next().unwrap_or_default();
        let owner =
            owner.or_else(|| all.iter().find(|package| package.name == base).map(|package| package.name.clone()));
        match owner.filter(|_| c.stat(name).is_ok() || !name.contains('/')) {
            Some(package) => {
                c.out(&format!("{package}: {name}\n"));
                code = 0;
            }
            None => {
                say(
                    c,
                    "dpkg-query",
                    &format!(
                        "no path found matching pattern {}",
                        if name.starts_with('/') { name.clone() } else { format!("*{name}*") }
                    ),
                );
                return Ok(1);
            }
        }
    }
    Ok(code)
}

fn show(c: &mut Cmd, patterns: &[String], format: Option<&str>) -> i32 {
    let format = format.unwrap_or("${binary:Package}\\t${Version}\\n");
    let all: Vec<Package> = known(c)
        .into_iter()
        .filter(|package| patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, &package.name)))
        .collect();
    for pattern in patterns {
        if !all.iter().any(|package| fits(pattern, &package.name)) {
            say(c, "dpkg-query", &format!("no packages found matching {pattern}"));
        }
    }
    let code = i32::from(all.is_empty());
    for package in all {
        c.out(&fill(format, &package));
    }
    code
}

/// Fills `${Field;width}` and backslash sequences.
fn fill(format: &str, package: &Package) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("${") {
            let Some((field, tail)) = after.split_once('}') else { break };
            let (name, width) =
                field.split_once(';').map_or((field, 0), |(name, width)| (name, width.parse::<i32>().unwrap_or(0)));
            let value = match name.to_ascii_lowercase().as_str() {
                "binary:package" => package.full_name(),
                "binary:summary" => package.summary.clone(),
                "db:status-abbrev" => package.letters(),
                "db:status-status" => {
                    package.field("Status").unwrap_or_default().rsplit(' ').next().unwrap_or_default().to_string()
                }
                "source:package" => package.field("Source").unwrap_or_else(|| package.name.clone()),
                name => package.field(name).unwrap_or_default(),
            };
            let size = usize::try_from(width.unsigned_abs().min(1000)).unwrap_or(0);
            text.push_str(&if width < 0 { format!("{value:<size$}") } else { format!("{value:>size$}") });
            rest = tail;
            continue;
        }
        if let Some(after) = rest.strip_prefix('\\') {
            let next = after.chars().next().unwrap_or('\\');
            text.push(match next {
                'n' => '\n',
                't' => '\t',
                other => other,
            });
            rest = after.get(next.len_utf8()..).unwrap_or_default();
            continue;
        }
        text.push(c);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    text
}
