//! Installed packages, and what the package system wrote down about them.

use std::fmt::Write as _;
use std::ops::Deref;
use std::sync::{Arc, LazyLock, OnceLock};

use super::fs::Source;
use super::persona::{Package, Persona};
use crate::base::clock::Timestamp;
use crate::base::rng::Rng;

/// The installed packages; their table is read when somebody asks first.
#[derive(Clone, Copy)]
pub struct Packages(&'static LazyLock<Vec<Package>>);

impl Packages {
    /// Those of a table of `data/packages`, with Apache's in the place of nginx's or not; none for a name that is no
    /// table.
    pub(super) fn of(table: &str, apache: bool) -> Self {
        static UBUNTU: LazyLock<Vec<Package>> =
            LazyLock::new(|| parse(include_str!("../../data/packages/ubuntu-20.04.tsv")));
        static DEBIAN: LazyLock<Vec<Package>> =
            LazyLock::new(|| parse(include_str!("../../data/packages/debian-12.tsv")));
        static UBUNTU_APACHE: LazyLock<Vec<Package>> =
            LazyLock::new(|| with_apache(&UBUNTU, include_str!("../../data/packages/ubuntu-20.04-apache.tsv")));
        static DEBIAN_APACHE: LazyLock<Vec<Package>> =
            LazyLock::new(|| with_apache(&DEBIAN, include_str!("../../data/packages/debian-12-apache.tsv")));
        static NONE: LazyLock<Vec<Package>> = LazyLock::new(Vec::new);
        Self(match (table, apache) {
            ("ubuntu-20.04", false) => &UBUNTU,
            ("ubuntu-20.04", true) => &UBUNTU_APACHE,
            ("debian-12", false) => &DEBIAN,
            ("debian-12", true) => &DEBIAN_APACHE,
            _ => &NONE,
        })
    }
}

/// A table without nginx, with the packages of Apache in their places.
fn with_apache(table: &[Package], apache: &str) -> Vec<Package> {
    let added = parse(apache);
    let stays =
        |package: &&Package| !package.name.contains("nginx") && added.iter().all(|other| other.name != package.name);
    let mut all: Vec<Package> = table.iter().filter(stays).cloned().collect();
    all.extend(added.iter().cloned());
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

impl Deref for Packages {
    type Target = [Package];
    fn deref(&self) -> &[Package] {
        self.0
    }
}

impl PartialEq for Packages {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl std::fmt::Debug for Packages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} packages", self.len())
    }
}

fn parse(table: &str) -> Vec<Package> {
    let row = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        Some(Package { name: fields.next()?, version: fields.next()?, arch: fields.next()?, summary: fields.next()? })
    };
    table.lines().filter(|line| !line.starts_with('#')).filter_map(row).collect()
}

/// What of the package system's files is made when somebody looks.
#[derive(Debug)]
pub(super) struct Written {
    persona: Arc<Persona>,
    which: Which,
    bytes: OnceLock<Arc<Vec<u8>>>,
}

/// The files that there are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    /// `/var/lib/dpkg/status`
    Status,
    /// `/var/log/dpkg.log`
    Log,
    /// `/var/log/apt/history.log`
    History,
}

/// Where they are.
pub(super) const FILES: [(&str, Which); 4] = [
    ("/var/lib/dpkg/status", Which::Status),
    ("/var/lib/dpkg/status-old", Which::Status),
    ("/var/log/dpkg.log", Which::Log),
    ("/var/log/apt/history.log", Which::History),
];

impl Written {
    pub(super) fn new(persona: &Arc<Persona>, which: Which) -> Self {
        Self { persona: Arc::clone(persona), which, bytes: OnceLock::new() }
    }
}

impl Source for Written {
    fn bytes(&self) -> Arc<Vec<u8>> {
        let make = || match self.which {
            Which::Status => status(&self.persona),
            Which::Log => log(&self.persona),
            Which::History => history(&self.persona),
        };
        Arc::clone(self.bytes.get_or_init(|| Arc::new(make().into_bytes())))
    }

    fn modified(&self) -> Option<i64> {
        Some(upgrades(&self.persona).last().map_or(self.persona.installed, |upgrade| upgrade.at + 9))
    }
}

/// The section that a package of this name is usually in.
fn section(name: &str) -> &'static str {
    const STARTS: [(&str, &str); 12] = [
        ("lib", "libs"),
        ("linux-", "kernel"),
        ("python3", "python"),
        ("perl", "perl"),
        ("gcc", "devel"),
        ("cpp", "devel"),
        ("binutils", "devel"),
        ("openssh", "net"),
        ("nginx", "httpd"),
        ("postfix", "mail"),
        ("vim", "editors"),
        ("bash", "shells"),
    ];
    STARTS.iter().find(|(start, _)| name.starts_with(start)).map_or("utils", |(_, section)| section)
}

/// `/var/lib/dpkg/status` (deb-control(5)).
fn status(persona: &Persona) -> String {
    let mut out = String::new();
    for Package { name, version, arch, summary } in persona.packages.iter() {
        let (section, mut rng) = (section(name), Rng::new(name.len() as u64, name));
        let priority = if matches!(section, "utils" | "shells") { "standard" } else { "optional" };
        let multi = if section == "libs" && arch != "all" { "Multi-Arch: same\n" } else { "" };
        let _ = writeln!(
            out,
            "Package: {name}\nStatus: install ok installed\nPriority: {priority}\nSection: {section}\n\
             Installed-Size: {}\nMaintainer: {}\nArchitecture: {arch}\n{multi}Version: {version}\n\
             Description: {summary}\n",
            rng.between(20, 900) * if section == "libs" { 2 } else { 1 },
            persona.profile.system.maintainer,
        );
    }
    out
}

/// One run of the package system.
struct Upgrade<'a> {
    at: i64,
    packages: Vec<(&'a Package, String)>,
}

/// The version that a package had before: the last number of its version was lower by one.
fn earlier(version: &str) -> Option<String> {
    let digits = version.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (head, tail) = version.split_at_checked(version.len() - digits)?;
    let number: u32 = tail.parse().ok()?;
    let updated = head.contains("ubuntu0.") || head.contains("+deb");
    (number > 1 && updated).then(|| format!("{head}{}", number - 1))
}

/// The last runs, oldest first: what unattended-upgrades fetched in the weeks before the versions were frozen.
fn upgrades(persona: &Persona) -> Vec<Upgrade<'_>> {
    let mut rng = Rng::new(persona.seed, "upgrades");
    let mut candidates: Vec<&Package> =
        persona.packages.iter().filter(|package| earlier(&package.version).is_some()).collect();
    let last = persona.installed.max(persona.profile.system.frozen) / 86_400 * 86_400;
    let mut at = last - i64::try_from(rng.between(12, 30)).unwrap_or(12) * 86_400;
    let mut all = Vec::new();
    while at < last + 3 * 86_400 && !candidates.is_empty() {
        let mut packages = Vec::new();
        for _ in 0..rng.between(1, 4) {
            let place = usize::try_from(rng.between(0, candidates.len() as u64)).unwrap_or(0);
            if place < candidates.len() {
                let package = candidates.swap_remove(place);
                packages.extend(earlier(&package.version).map(|before| (package, before)));
            }
        }
        // apt-daily-upgrade.timer: at six, an hour more or less.
        let second = i64::try_from(rng.between(21_600, 25_200)).unwrap_or(21_600);
        if at > persona.installed && !packages.is_empty() {
            all.push(Upgrade { at: at + second, packages });
        }
        at += i64::try_from(rng.between(1, 6)).unwrap_or(1) * 86_400;
    }
    if all.is_empty() {
        let packages = candidates.into_iter().take(1).filter_map(|p| Some((p, earlier(&p.version)?))).collect();
        all.push(Upgrade { at: persona.installed + 3_600, packages });
    }
    all
}

fn stamp(at: i64) -> String {
    Timestamp::from_second(at).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `/var/log/dpkg.log`, in the words of dpkg 1.19.
fn log(persona: &Persona) -> String {
    let mut out = String::new();
    for upgrade in upgrades(persona) {
        let mut at = upgrade.at;
        for (package, before) in &upgrade.packages {
            let (name, new) = (format!("{}:{}", package.name, package.arch), &package.version);
            let first = stamp(at);
            let _ = writeln!(out, "{first} startup archives unpack\n{first} upgrade {name} {before} {new}");
            for state in ["half-configured", "unpacked", "half-installed"] {
                let _ = writeln!(out, "{first} status {state} {name} {before}");
            }
            let _ = writeln!(out, "{first} status unpacked {name} {new}");
            at += 1;
            let then = stamp(at);
            let _ = writeln!(out, "{then} startup packages configure\n{then} configure {name} {new} <none>");
            for state in ["unpacked", "half-configured", "installed"] {
                let _ = writeln!(out, "{then} status {state} {name} {new}");
            }
            at += 2;
        }
    }
    out
}

/// `/var/log/apt/history.log`.
fn history(persona: &Persona) -> String {
    let mut out = String::new();
    let apt = |at: i64| stamp(at).replacen(' ', "  ", 1);
    for upgrade in upgrades(persona) {
        let names: Vec<String> = upgrade
            .packages
            .iter()
            .map(|(package, before)| format!("{}:{} ({before}, {})", package.name, persona.arch_dpkg, package.version))
            .collect();
        let end = upgrade.at + 3 * i64::try_from(upgrade.packages.len()).unwrap_or(1);
        let _ = writeln!(
            out,
            "\nStart-Date: {}\nCommandline: /usr/bin/unattended-upgrade\nUpgrade: {}\nEnd-Date: {}",
            apt(upgrade.at),
            names.join(", "),
            apt(end)
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_and_versions_go_down() {
        for table in ["ubuntu-20.04", "debian-12"] {
            let packages = Packages::of(table, false);
            assert!(packages.len() > 200 && packages.is_sorted_by_key(|package| &package.name), "{table}");
        }
        assert_eq!(earlier("1.34.1-1ubuntu0.1~20.04.4").as_deref(), Some("1.34.1-1ubuntu0.1~20.04.3"));
        assert_eq!((earlier("2.2.53-6"), earlier("5.0a")), (None, None));
    }
}
