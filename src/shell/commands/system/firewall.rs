//! `iptables` and its kin (1.8.4), `ufw`, `tcpdump`. Rules are kept in a file of the host and shown as they were given.

use super::common::{file, is_root, put_file};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;

/// Where the rules of this host are: lines as `iptables -S` prints them, with the table before each.
const RULES: &str = "/run/xtables.rules";

/// The version, as the program's recorded help has it.
fn version(c: &Cmd) -> &'static str {
    let line = super::recorded::text(c.host(), "iptables", "--help").lines().next().unwrap_or_default();
    line.split_once(' ').map_or("v1.8.4 (legacy)", |(_, version)| version)
}

struct Rules {
    path: String,
    lines: Vec<(String, String)>,
}

impl Rules {
    fn load(c: &Cmd, six: bool) -> Self {
        let path = if six { format!("{RULES}6") } else { RULES.to_string() };
        let text = file(c.host(), &path);
        let lines = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(table, rule)| (table.to_string(), rule.to_string()));
        Self { lines: lines.collect(), path }
    }

    fn save(&self, c: &Cmd) {
        let text: String = self.lines.iter().take(2000).map(|(table, rule)| format!("{table} {rule}\n")).collect();
        put_file(c.host(), &self.path, &text, 0o600);
    }

    fn chains(&self, table: &str) -> Vec<(String, Option<String>)> {
        let built_in: &[&str] = match table {
            "nat" => &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
            "mangle" => &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
            "raw" => &["PREROUTING", "OUTPUT"],
            _ => &["INPUT", "FORWARD", "OUTPUT"],
        };
        let policy = |chain: &str| {
            let prefix = format!("-P {chain} ");
            let set = self.lines.iter().rev().find_map(|(t, rule)| (t == table).then(|| rule.strip_prefix(&prefix))?);
            set.unwrap_or("ACCEPT").to_string()
        };
        let mut all: Vec<(String, Option<String>)> =
            built_in.iter().map(|chain| (chain.to_string(), Some(policy(chain)))).collect();
        let own = self.lines.iter().filter(|(t, _)| t == table).filter_map(|(_, rule)| rule.strip_prefix("-N "));
        all.extend(own.map(|chain| (chain.to_string(), None)));
        all
    }

    fn of(&self, table: &str, chain: &str) -> Vec<&str> {
        let prefix = format!("-A {chain} ");
        self.lines.iter().filter(|(t, _)| t == table).filter_map(|(_, rule)| rule.strip_prefix(&prefix)).collect()
    }
}

/// A rule as a row of the listing.
fn row(rule: &str, numeric: bool, six: bool) -> (String, String, String, String, String) {
    let words: Vec<&str> = rule.split_whitespace().collect();
    let any = if six {
        if numeric { "::/0" } else { "anywhere" }
    } else if numeric {
        "0.0.0.0/0"
    } else {
        "anywhere"
    };
    let (mut target, mut proto, mut source, mut destination) =
        (String::new(), "all".to_string(), any.to_string(), any.to_string());
    let mut extra = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let value = words.get(at + 1).copied().unwrap_or_default();
        at += 2;
        let plain = |text: &str| text.trim_end_matches("/32").to_string();
        match *word {
            "-j" | "-g" => target = value.into(),
            "-p" => proto = value.into(),
            "-s" => source = plain(value),
            "-d" => destination = plain(value),
            "-m" | "-i" | "-o" => {}
            "--dport" => extra.push(format!("{proto} dpt:{value}")),
            "--sport" => extra.push(format!("{proto} spt:{value}")),
            "--dports" => extra.push(format!("multiport dports {value}")),
            "--state" => extra.push(format!("state {value}")),
            "--ctstate" => extra.push(format!("ctstate {value}")),
            "--comment" => extra.push(format!("/* {value} */")),
            "--to-destination" | "--to-source" => extra.push(format!("to:{value}")),
            "--to-ports" => extra.push(format!("redir ports {value}")),
            "!" => at -= 1,
            other => {
                extra.push(format!("{} {value}", other.trim_start_matches('-')));
            }
        }
    }
    (target, proto, source, destination, extra.join(" "))
}

fn bad(c: &mut Cmd, name: &str, text: &str, hint: bool) -> i32 {
    c.err(&format!("{name} {}: {text}\n", version(c)));
    if hint {
        c.err(&format!("Try `{name} -h' or '{name} --help' for more information.\n"));
    }
    2
}

pub(super) fn iptables(c: &mut Cmd) -> i32 {
    let name = c.base().to_string();
    let six = name.starts_with("ip6");
    if name.ends_with("-save") {
        return save(c, six);
    }
    if name.ends_with("-restore") {
        return 0;
    }
    let args = c.args.clone();
    let mut table = "filter".to_string();
    let mut action: Option<(char, Vec<String>)> = None;
    let (mut numeric, mut verbose, mut lines) = (false, false, false);
    let mut spec: Vec<String> = Vec::new();
    let mut words = args.into_iter().peekable();
    while let Some(word) = words.next() {
        let long = match word.as_str() {
            "--list" => "-L",
            "--list-rules" => "-S",
            "--append" => "-A",
            "--insert" => "-I",
            "--delete" => "-D",
            "--flush" => "-F",
            "--policy" => "-P",
            "--new-chain" | "--new" => "-N",
            "--delete-chain" => "-X",
            "--zero" => "-Z",
            "--check" => "-C",
            "--table" => "-t",
            "--numeric" => "-n",
            "--verbose" => "-v",
            "--protocol" | "--proto" => "-p",
            "--source" | "--src" => "-s",
            "--destination" | "--dst" => "-d",
            "--jump" => "-j",
            "--match" => "-m",
            "--in-interface" => "-i",
            "--out-interface" => "-o",
            "--destination-port" => "--dport",
            "--source-port" => "--sport",
            "--line-numbers" => {
                lines = true;
                continue;
            }
            "--version" => "-V",
            "--wait" => "-w",
            word => word,
        };
        match long {
            "-t" => table = words.next().unwrap_or_default(),
            "-w" | "-x" => {}
            "-V" => {
                c.out(&format!("{name} {}\n", version(c)));
                return 0;
            }
            "-h" | "--help" => {
                c.out(&format!("{name} {}\n\nUsage: {name} -[ACD] chain rule-specification [options]\n       {name} -I chain [rulenum] rule-specification [options]\n", version(c)));
                return 0;
            }
            "-n" => numeric = true,
            "-v" | "-vv" => verbose = true,
            word if word.starts_with('-') && !word.starts_with("--") && word.len() > 1 => {
                let mut letters = word.chars().skip(1);
                let first = letters.next().unwrap_or_default();
                let rest: String = letters.collect();
                if "LSAIDFPNXZCER".contains(first) {
                    let mut operands = Vec::new();
                    for letter in rest.chars() {
                        match letter {
                            'n' => numeric = true,
                            'v' => verbose = true,
                            _ => {}
                        }
                    }
                    while words.peek().is_some_and(|next| !next.starts_with('-') && next != "!") {
                        operands.extend(words.next());
                    }
                    action = Some((first, operands));
                } else if rest.chars().all(|letter| "nvxL".contains(letter)) && "nvx".contains(first) {
                    for letter in word.chars() {
                        match letter {
                            'n' => numeric = true,
                            'v' => verbose = true,
                            'L' => {
                                action = Some((
                                    'L',
                                    words.peek().filter(|next| !next.starts_with('-')).cloned().into_iter().collect(),
                                ))
                            }
                            _ => {}
                        }
                    }
                } else if "psdjmiogf".contains(first) && rest.is_empty() {
                    spec.push(word.to_string());
                    spec.extend(words.next());
                } else if action.is_none() {
                    return bad(c, &name, "no command specified", true);
                } else {
                    c.err(&format!("{name} {}: unknown option \"{word}\"\nTry `{name} -h' or '{name} --help' for more information.\n", version(c)));
                    return 2;
                }
            }
            word => spec.push(word.to_string()),
        }
    }
    let Some((verb, operands)) = action else { return bad(c, &name, "no command specified", true) };
    if !is_root(c) {
        c.err("Fatal: can't open lock file /run/xtables.lock: Permission denied\n");
        return 4;
    }
    if !matches!(table.as_str(), "filter" | "nat" | "mangle" | "raw" | "security") {
        return {
            c.err(&format!("{name} {}: can't initialize {name} table `{table}': Table does not exist (do you need to insmod?)\nPerhaps {name} or your kernel needs to be upgraded.\n", version(c)));
            3
        };
    }
    let mut rules = Rules::load(c, six);
    let chain = operands.first().cloned();
    let chains = rules.chains(&table);
    let known = |chain: &str| chains.iter().any(|(name, _)| name == chain);
    if let Some(chain) = &chain
        && verb != 'N'
        && !known(chain)
    {
        c.err(&format!("{name}: No chain/target/match by that name.\n"));
        return 1;
    }
    // What the kernel makes of ports without a match.
    let text = spec.join(" ");
    let proto = spec.iter().position(|word| word == "-p").and_then(|at| spec.get(at + 1)).cloned();
    let text =
        match (&proto, text.contains("port "), text.contains(&format!("-m {}", proto.clone().unwrap_or_default()))) {
            (Some(proto), true, false) => text.replacen(&format!("-p {proto}"), &format!("-p {proto} -m {proto}"), 1),
            _ => text,
        };
    if proto.is_none() && (text.contains("--dport ") || text.contains("--sport ")) {
        let bad_word = if text.contains("--dport ") { "--dport" } else { "--sport" };
        return bad(c, &name, &format!("unknown option \"{bad_word}\""), true);
    }
    match verb {
        'L' => list(c, &rules, &table, chain.as_deref(), (numeric, verbose, lines), six),
        'S' => {
            for (name, policy) in &chains {
                if chain.as_ref().is_none_or(|only| only == name) {
                    c.out(
                        &policy
                            .as_ref()
                            .map_or_else(|| format!("-N {name}\n"), |policy| format!("-P {name} {policy}\n")),
                    );
                }
            }
            for (name, _) in &chains {
                for rule in rules.of(&table, name) {
                    if chain.as_ref().is_none_or(|only| only == name) {
                        c.out(&format!("-A {name} {rule}\n"));
                    }
                }
            }
        }
        'F' => rules.lines.retain(|(t, rule)| {
            t != &table || !rule.starts_with(&chain.as_ref().map_or("-A ".into(), |chain| format!("-A {chain} ")))
        }),
        'X' => rules.lines.retain(|(t, rule)| {
            t != &table || !rule.starts_with(&chain.as_ref().map_or("-N ".into(), |chain| format!("-N {chain}")))
        }),
        'N' => {
            let chain = chain.unwrap_or_default();
            if known(&chain) {
                c.err(&format!("{name}: Chain already exists.\n"));
                return 1;
            }
            rules.lines.push((table, format!("-N {chain}")));
        }
        'P' => {
            let (Some(chain), Some(policy)) = (chain, operands.get(1)) else {
                return bad(c, &name, "-P requires a chain and a policy", true);
            };
            if !matches!(policy.as_str(), "ACCEPT" | "DROP") {
                c.err(&format!("{name}: Bad policy name. Run `dmesg' for more information.\n"));
                return 1;
            }
            rules.lines.retain(|(t, rule)| t != &table || !rule.starts_with(&format!("-P {chain} ")));
            rules.lines.push((table, format!("-P {chain} {policy}")));
        }
        'A' | 'I' | 'D' | 'C' => {
            let Some(chain) = chain else {
                return bad(c, &name, &format!("option \"-{verb}\" requires an argument"), true);
            };
            let line = (table.clone(), format!("-A {chain} {text}"));
            let here = rules.lines.iter().position(|known| *known == line);
            match verb {
                'A' => rules.lines.push(line),
                'I' => {
                    let first = rules
                        .lines
                        .iter()
                        .position(|(t, rule)| *t == table && rule.starts_with(&format!("-A {chain} ")));
                    let skip =
                        operands.get(1).and_then(|text| text.parse::<usize>().ok()).unwrap_or(1).saturating_sub(1);
                    let at = first.map_or(rules.lines.len(), |first| (first + skip).min(rules.lines.len()));
                    rules.lines.insert(at, line);
                }
                _ => {
                    let numbered = operands.get(1).and_then(|text| text.parse::<usize>().ok()).and_then(|number| {
                        let mut of = rules
                            .lines
                            .iter()
                            .enumerate()
                            .filter(|(_, (t, rule))| *t == table && rule.starts_with(&format!("-A {chain} ")));
                        of.nth(number.checked_sub(1)?).map(|(at, _)| at)
                    });
                    let Some(at) = numbered.or(here) else {
                        c.err(&format!("{name}: Bad rule (does a matching rule exist in that chain?).\n"));
                        return 1;
                    };
                    if verb == 'D' {
                        rules.lines.remove(at);
                    }
                }
            }
        }
        _ => {}
    }
    if !matches!(verb, 'L' | 'S' | 'C' | 'Z') {
        rules.save(c);
    }
    0
}

fn list(
    c: &mut Cmd,
    rules: &Rules,
    table: &str,
    only: Option<&str>,
    (numeric, verbose, lines): (bool, bool, bool),
    six: bool,
) {
    let mut text = String::new();
    for (chain, policy) in rules.chains(table) {
        if only.is_some_and(|only| only != chain) {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        let count = if verbose { " 0 packets, 0 bytes" } else { "" };
        let note = policy.map_or_else(|| "0 references".to_string(), |policy| format!("policy {policy}{count}"));
        text.push_str(&format!("Chain {chain} ({note})\n"));
        let number = if lines { "num  " } else { "" };
        text.push_str(&match verbose {
            true => format!(
                "{number} pkts bytes target     prot opt in     out     source               destination         \n"
            ),
            false => format!("{number}target     prot opt source               destination         \n"),
        });
        for (at, rule) in rules.of(table, &chain).into_iter().enumerate() {
            let (target, proto, source, destination, extra) = row(rule, numeric, six);
            if lines {
                text.push_str(&format!("{:<4} ", at + 1));
            }
            let opt = if six { "  " } else { "--" };
            text.push_str(&match verbose {
                true => format!(
                    "    0     0 {target:<10} {proto:<4} {opt}  *      *       {source:<20} {destination:<20} {extra}"
                ),
                false => format!("{target:<10} {proto:<4} {opt}  {source:<20} {destination:<20} {extra}"),
            });
            text.push('\n');
        }
    }
    c.out(&text);
}

fn save(c: &mut Cmd, six: bool) -> i32 {
    if !is_root(c) {
        c.err("Fatal: can't open lock file /run/xtables.lock: Permission denied\n");
        return 4;
    }
    let rules = Rules::load(c, six);
    let name = if six { "ip6tables" } else { "iptables" };
    let mut tables: Vec<&str> = rules.lines.iter().map(|(table, _)| table.as_str()).collect();
    tables.dedup();
    let now = super::common::time(c.now(), "%a %b %e %H:%M:%S %Y");
    for table in tables {
        let mut text = format!("# Generated by {name}-save v1.8.4 on {now}\n*{table}\n");
        for (chain, policy) in rules.chains(table) {
            text.push_str(&format!(":{chain} {} [0:0]\n", policy.unwrap_or_else(|| "-".into())));
        }
        for (chain, _) in rules.chains(table) {
            for rule in rules.of(table, &chain) {
                text.push_str(&format!("-A {chain} {rule}\n"));
            }
        }
        text.push_str(&format!("COMMIT\n# Completed on {now}\n"));
        c.out(&text);
    }
    0
}

const UFW: &str = "/run/ufw.state";

pub(super) fn ufw(c: &mut Cmd) -> i32 {
    let words: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with("--")).cloned().collect();
    if !is_root(c) && words.first().is_none_or(|word| word != "version") {
        c.err("ERROR: You need to be root to run this script\n");
        return 1;
    }
    let state = file(c.host(), UFW);
    let active = state.lines().next() == Some("active");
    let rules: Vec<String> = state.lines().skip(1).map(str::to_string).collect();
    let put = |c: &Cmd, active: bool, rules: &[String]| {
        let text = format!(
            "{}\n{}",
            if active { "active" } else { "inactive" },
            rules.iter().map(|rule| format!("{rule}\n")).collect::<String>()
        );
        put_file(c.host(), UFW, &text, 0o600);
    };
    match words.first().map(String::as_str) {
        None => {
            c.err("ERROR: not enough args\n");
            1
        }
        Some("version") => {
            c.out("ufw 0.36\nCopyright 2008-2015 Canonical Ltd.\n");
            0
        }
        Some("status") => {
            if !active {
                c.out("Status: inactive\n");
                return 0;
            }
            let verbose = words.get(1).is_some_and(|word| word == "verbose");
            c.out("Status: active\n");
            if verbose {
                c.out("Logging: on (low)\nDefault: deny (incoming), allow (outgoing), disabled (routed)\nNew profiles: skip\n");
            }
            if !rules.is_empty() {
                c.out("\nTo                         Action      From\n--                         ------      ----\n");
                for rule in &rules {
                    let (action, what) = rule.split_once(' ').unwrap_or((rule, "Anywhere"));
                    c.out(&format!("{what:<26} {:<11} Anywhere                  \n", action.to_uppercase()));
                }
                c.out("\n");
            }
            0
        }
        Some("disable") => {
            put(c, false, &rules);
            c.out("Firewall stopped and disabled on system startup\n");
            0
        }
        Some("enable") => {
            put(c, true, &rules);
            c.out("Firewall is active and enabled on system startup\n");
            0
        }
        Some("reload") => {
            c.out(if active { "Firewall reloaded\n" } else { "Firewall not enabled (skipping reload)\n" });
            0
        }
        Some("reset") => {
            put(c, false, &[]);
            c.out("Backing up 'user.rules' to '/etc/ufw/user.rules.bak'\n");
            0
        }
        Some("default") => {
            let what = words.get(1).cloned().unwrap_or_default();
            let side = words.get(2).cloned().unwrap_or_else(|| "incoming".into());
            c.out(&format!("Default {side} policy changed to '{what}'\n(be sure to update your rules accordingly)\n"));
            0
        }
        Some("allow" | "deny" | "reject" | "limit") if words.len() > 1 => {
            let mut rules = rules;
            rules.push(words.join(" "));
            put(c, active, &rules);
            c.out(if active { "Rule added\nRule added (v6)\n" } else { "Rules updated\nRules updated (v6)\n" });
            0
        }
        Some("delete") => {
            let want = words.get(1..).unwrap_or_default().join(" ");
            let kept: Vec<String> = rules.iter().filter(|rule| **rule != want).cloned().collect();
            if kept.len() == rules.len() {
                c.out("Could not delete non-existent rule\nCould not delete non-existent rule (v6)\n");
                return 0;
            }
            put(c, active, &kept);
            c.out(if active { "Rule deleted\nRule deleted (v6)\n" } else { "Rules updated\nRules updated (v6)\n" });
            0
        }
        Some("app") => {
            c.out("Available applications:\n  Nginx Full\n  Nginx HTTP\n  Nginx HTTPS\n  OpenSSH\n  Postfix\n");
            0
        }
        Some("logging" | "show" | "route") => 0,
        Some(_) => {
            c.err("ERROR: Invalid syntax\n");
            1
        }
    }
}

pub(super) async fn tcpdump(c: &mut Cmd) -> Result<i32, Stop> {
    let iface = c.host().persona().iface.clone();
    if c.args.iter().any(|arg| arg == "-D") {
        c.out(&format!("1.{iface} [Up, Running]\n2.lo [Up, Running, Loopback]\n3.any (Pseudo-device that captures on all interfaces) [Up, Running]\n"));
        return Ok(0);
    }
    if c.args.iter().any(|arg| arg == "--version") {
        c.err("tcpdump version 4.9.3\nlibpcap version 1.9.1 (with TPACKET_V3)\n");
        return Ok(0);
    }
    if !is_root(c) {
        c.err(&format!(
            "tcpdump: {iface}: You don't have permission to capture on that device\n(socket: Operation not permitted)\n"
        ));
        return Ok(1);
    }
    c.err("tcpdump: verbose output suppressed, use -v or -vv for full protocol decode\n");
    c.err(&format!("listening on {iface}, link-type EN10MB (Ethernet), capture size 262144 bytes\n"));
    loop {
        c.sleep(std::time::Duration::from_secs(3600)).await?;
    }
}
