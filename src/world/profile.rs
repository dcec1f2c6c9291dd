//! Profiles: what is known of a kind of host, as data. `data/profiles/*.toml` are built in; `data/README.md` says what
//! their keys mean.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

use super::fs::Mount;

/// What is known of a kind of host.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    /// Folders of `data/files`, later ones over earlier ones.
    pub sets: Vec<String>,
    /// Table of `data/packages`; empty: there is no package system.
    pub packages: String,
    /// The base image.
    pub image: String,
    pub system: System,
    pub versions: Versions,
    pub telnet: Telnet,
    pub hardware: Hardware,
    pub mounts: Mounts,
    pub threads: Threads,
    pub init: Daemon,
    pub daemons: Vec<Daemon>,
    /// What runs instead of nginx when the web server is Apache.
    #[serde(default)]
    pub apache: Option<Daemon>,
    /// Texts of files below `/proc` that this kernel has otherwise.
    #[serde(default)]
    pub kernel_files: BTreeMap<String, String>,
}

/// `[system]`: the distribution.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct System {
    pub id: String,
    pub pretty: String,
    pub version: String,
    pub codename: String,
    pub kernel: String,
    pub kernel_version: String,
    pub kernel_builder: String,
    pub machine: String,
    pub arch: String,
    pub locales: Vec<String>,
    pub timezones: Vec<String>,
    /// Between which times such hosts were installed, seconds since 1970.
    pub installed: [u64; 2],
    /// When the versions of the packages were the newest.
    pub frozen: i64,
    pub maintainer: String,
    pub virt: String,
}

/// `[versions]`: of shells and daemons that say so.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Versions {
    pub bash: String,
    pub ssh: String,
}

/// `[telnet]`: who lets visitors in.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Telnet {
    /// Name of the process that listens.
    pub listener: String,
    /// The program that it starts; empty: it starts login by itself.
    #[serde(default)]
    pub program: String,
    #[serde(default)]
    pub user: String,
    /// Whose telnetd it is.
    #[serde(default)]
    pub daemon: TelnetDaemon,
    /// Whose login is behind it.
    #[serde(default)]
    pub login: LoginProgram,
}

/// A telnetd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TelnetDaemon {
    /// netkit-telnet 0.17, in Ubuntu up to 22.04 and Debian up to 11.
    #[default]
    Netkit,
    /// GNU inetutils 2.4, in Debian 12.
    Inetutils,
    /// BusyBox 1.35.
    Busybox,
}

/// A login(1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoginProgram {
    /// shadow with PAM.
    #[default]
    Shadow,
    /// BusyBox.
    Busybox,
}

/// `[hardware]`: ranges to choose from.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hardware {
    pub cpus: Vec<u32>,
    pub memory_kib_per_cpu: u64,
    /// What firmware and kernel keep of it.
    pub memory_kept_kib: [u64; 2],
    pub swap_kib: u64,
    pub disk: String,
    #[serde(default)]
    pub disk_gib: Vec<u64>,
    /// Instead of `disk_gib`: the root file system alone.
    #[serde(default)]
    pub disk_kib: Vec<u64>,
    pub used_percent: [u64; 2],
    pub iface: String,
    /// The beginning of its address: one or two numbers.
    #[serde(default = "private")]
    pub network: String,
    /// It has the first address of its network.
    #[serde(default)]
    pub router: bool,
    pub vendor_macs: Vec<String>,
    pub flags: String,
    pub bugs: String,
    pub models: Vec<Model>,
}

fn private() -> String {
    "10".into()
}

/// `[[hardware.models]]`: a processor.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Model {
    pub vendor: String,
    pub family: u32,
    pub model: u32,
    pub name: String,
    pub stepping: u32,
    pub microcode: String,
    pub mhz: f64,
    pub cache_kib: u32,
    /// 0: twice the frequency.
    pub bogomips: f64,
    /// The board that it is on, for devices.
    pub board: String,
}

/// `[mounts]`
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mounts {
    table: Vec<[String; 4]>,
    /// Places whose files are on a file system of their own.
    pub separate: Vec<String>,
}

/// `[threads]`: names of kernel threads.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Threads {
    pub first: Vec<String>,
    pub each_cpu: Vec<String>,
    pub later: Vec<String>,
    pub recent: Vec<String>,
}

/// `[[daemons]]`
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Daemon {
    #[serde(default)]
    pub unit: String,
    #[serde(default)]
    pub about: String,
    #[serde(default = "root")]
    pub user: String,
    pub program: String,
    /// Its name in the table of processes; empty: the program's.
    #[serde(default)]
    pub comm: String,
    pub argv: String,
    /// Virtual and resident, KiB.
    pub memory: [u64; 2],
    #[serde(default = "one")]
    pub threads: u32,
    /// Seconds between boot and start.
    pub after: u64,
    /// `tcp ADDRESS PORT`
    #[serde(default)]
    pub ports: Vec<String>,
    /// Processes that it starts.
    #[serde(default)]
    pub workers: Vec<Daemon>,
    /// As many as processors, up to this number; 0: one.
    #[serde(default)]
    pub per_cpu: u32,
}

fn root() -> String {
    "root".into()
}

fn one() -> u32 {
    1
}

static UBUNTU: LazyLock<Profile> = LazyLock::new(|| parse(include_str!("../../data/profiles/ubuntu-20.04.toml")));
static DEBIAN: LazyLock<Profile> = LazyLock::new(|| parse(include_str!("../../data/profiles/debian-12.toml")));
static BUSYBOX: LazyLock<Profile> = LazyLock::new(|| parse(include_str!("../../data/profiles/busybox.toml")));

/// The profiles by name; the first is the default.
static PROFILES: [(&str, &LazyLock<Profile>); 3] =
    [("ubuntu-20.04", &UBUNTU), ("debian-12", &DEBIAN), ("busybox", &BUSYBOX)];

fn parse(text: &str) -> Profile {
    toml::from_str(text).unwrap_or_else(|error| {
        tracing::error!("a profile can't be read: {error}");
        Profile::default()
    })
}

/// Names of the profiles.
pub(super) fn names() -> Vec<&'static str> {
    PROFILES.iter().map(|(name, _)| *name).collect()
}

/// A profile by its name; the default one when there is none of that name.
pub(super) fn find(name: &str) -> &'static Profile {
    PROFILES.iter().find(|(known, _)| *known == name).map_or(&UBUNTU, |(_, profile)| *profile)
}

/// Numbers of the users and groups that a host of a profile has before anybody adds some, by name.
pub fn standard_ids(profile: &str) -> (HashMap<String, u32>, HashMap<String, u32>) {
    super::accounts::standard_ids(&find(profile).sets)
}

impl Profile {
    /// Whether it is a server with a package system, not a device.
    pub(super) fn is_server(&self) -> bool {
        !self.packages.is_empty()
    }

    /// What is mounted on a host with so much memory: the kernel and systemd take shares of it.
    pub(super) fn mounts(&self, memory_kib: u64) -> Vec<Mount> {
        let half = memory_kib / 2;
        let sizes = [
            ("{device_kib}", half.saturating_sub(20_000)),
            ("{device_inodes}", half / 4),
            ("{run_kib}", memory_kib / 10),
            ("{tmp_kib}", half),
        ];
        let sized =
            |text: &str| sizes.iter().fold(text.to_string(), |t, (word, kib)| t.replace(word, &kib.to_string()));
        let row = |[device, point, kind, options]: &[String; 4]| Mount {
            device: device.clone(),
            point: point.clone(),
            kind: kind.clone(),
            options: sized(options),
        };
        self.mounts.table.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_can_be_read() {
        for (name, profile) in PROFILES {
            assert!(!profile.daemons.is_empty() && !profile.hardware.models.is_empty(), "{name}");
            assert!(
                profile.mounts(65_536).iter().any(|mount| mount.kind == "tmpfs" && mount.options.starts_with("rw"))
            );
            let (users, _) = standard_ids(name);
            for daemon in &profile.daemons {
                assert!(users.contains_key(&daemon.user), "{name}: {}", daemon.user);
            }
        }
        assert!(find("nonsense").is_server() && !find("busybox").is_server());
    }
}
