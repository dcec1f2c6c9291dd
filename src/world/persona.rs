//! Who the host says it is. Everything that can be asked twice, over whatever protocol, comes from here.

use serde::Deserialize;

use super::names;
use super::packages::Packages;
use super::profile::{self, LoginProgram, Profile, TelnetDaemon};
use crate::base::clock;
use crate::base::rng::Rng;

/// `[persona]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Kind of host: a name of `data/profiles`.
    pub profile: String,
    /// Whose versions the programs have, if not the profile's own: `debian-12`, for comparing with a host of mixed
    /// origin. Empty: the profile's.
    pub userland: String,
    /// Host name as `hostname` prints it. Empty: one from the instance's seed.
    pub hostname: String,
    /// Empty: one from the instance's seed. Domain; `hostname.domain` is what the mail server calls itself.
    pub domain: String,
    /// Address that the host believes to have. Empty: a private one from the instance's seed.
    pub address: String,
    /// File with the base image, made by `rustbucket image import`. Empty: the one that is built in.
    pub image: String,
    /// Accounts that can be logged in to.
    pub accounts: Vec<AccountConfig>,
    /// Files beside those that every host has.
    pub files: Vec<FileConfig>,
}

/// One `[[persona.accounts]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// Login name.
    pub name: String,
    /// Passwords that open it; each attacker may find a different one.
    pub passwords: Vec<String>,
}

/// One `[[persona.files]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// Absolute path.
    pub path: String,
    /// What is in it; a path that ends in `/` is a folder and has none.
    #[serde(default)]
    pub content: String,
    /// What is in it, in a few words, when a model is to write it; it is empty until one has, and without one.
    #[serde(default)]
    pub invent: String,
    /// Login name of the owner, or `name:group`; without a group it is the owner's own.
    #[serde(default = "root")]
    pub owner: String,
    /// Permission bits in octal, such as `"0644"`. Empty: 0644, or 0755 for a folder.
    #[serde(default)]
    pub mode: String,
    /// Time of the last change, RFC 3339. Empty: the day the host was set up.
    #[serde(default)]
    pub modified: String,
}

fn root() -> String {
    "root".into()
}

impl Default for Config {
    fn default() -> Self {
        let account = |name: &str, passwords: &[&str]| AccountConfig {
            name: name.into(),
            passwords: passwords.iter().map(|&password| password.into()).collect(),
        };
        Self {
            profile: "ubuntu-20.04".into(),
            userland: String::new(),
            hostname: String::new(),
            domain: String::new(),
            address: String::new(),
            image: String::new(),
            accounts: vec![account("root", &["toor", "qwe123"]), account("ubuntu", &["ubuntu"])],
            files: Vec::new(),
        }
    }
}

/// The facts of one instance: the same as long as its seed is the same.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names say it; examples stand in the profile")]
pub struct Persona {
    pub hostname: String,
    /// `mail.example.com`
    pub fqdn: String,
    /// `example.com`
    pub domain: String,
    /// IPv4 address of the only interface, as text.
    pub address: String,
    /// Length of its network's prefix.
    pub prefix: u8,
    pub gateway: String,
    pub dns: String,
    /// `52:54:00:12:34:56`
    pub mac: String,
    /// `ens3`
    pub iface: String,
    /// `Ubuntu 20.04.6 LTS`
    pub os_pretty: String,
    /// `ubuntu`
    pub os_id: String,
    /// `20.04`
    pub version_id: String,
    /// `focal`
    pub codename: String,
    /// `5.4.0-169-generic`
    pub kernel: String,
    /// What `uname -v` prints.
    pub kernel_version: String,
    /// What `/proc/version` says between the release and the version: who built it with what.
    pub kernel_builder: String,
    /// `x86_64`
    pub machine: String,
    /// `amd64`
    pub arch_dpkg: String,
    /// When the host was installed, seconds since 1970.
    pub installed: i64,
    /// When the host was last started, seconds since 1970.
    pub booted: i64,
    /// `Etc/UTC`
    pub timezone: String,
    /// `en_US.UTF-8`
    pub locale: String,
    pub cpu: Cpu,
    /// How many logical processors.
    pub cpus: u32,
    pub memory_kib: u64,
    pub swap_kib: u64,
    pub disk: Disk,
    pub packages: Packages,
    pub services: Vec<Service>,
    /// `5.0.17`
    pub bash_version: String,
    /// The programs are Debian 12's.
    pub debian_userland: bool,
    /// `OpenSSH_8.2p1 Ubuntu-4ubuntu0.11`
    pub ssh_version: String,
    /// `kvm`
    pub virt: String,
    /// 32 hexadecimal digits.
    pub machine_id: String,
    /// UUID, another after each start of the host.
    pub boot_id: String,
    /// The instance's number, from which whatever else is invented follows.
    pub seed: u64,
    /// Its web server is Apache.
    pub(super) apache: bool,
    /// What is known of its kind.
    pub(super) profile: &'static Profile,
}

/// The processor, in the words of `/proc/cpuinfo`.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are those of /proc/cpuinfo")]
pub struct Cpu {
    pub vendor: String,
    pub family: u32,
    pub model: u32,
    pub model_name: String,
    pub stepping: u32,
    /// `0x1`
    pub microcode: String,
    pub mhz: f64,
    pub cache_kib: u32,
    pub flags: String,
    pub bugs: String,
    pub bogomips: f64,
    /// The board that it is on; empty for a virtual machine.
    pub board: String,
}

/// The disk with the root file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// `/dev/sda`
    pub device: String,
    /// Its whole size, KiB.
    pub size_kib: u64,
    /// Size of the root file system, KiB.
    pub kib: u64,
    /// What of it is used without what attackers bring, KiB.
    pub used_kib: u64,
    /// UUID of the root file system.
    pub uuid: String,
}

/// An installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of dpkg")]
pub struct Package {
    pub name: String,
    pub version: String,
    pub arch: String,
    pub summary: String,
}

/// A service of the init system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `ssh.service`
    pub unit: String,
    /// What systemctl says that it is.
    pub description: String,
    /// Path of the program.
    pub program: String,
    /// Words of its command line.
    pub argv: Vec<String>,
    /// User that its main process runs as.
    pub user: String,
    /// Main process; 0 when it is not running.
    pub pid: u32,
    /// Ports that it listens on: `tcp` or `udp`, address, number.
    pub ports: Vec<(&'static str, std::net::IpAddr, u16)>,
    /// Started at boot.
    pub enabled: bool,
    /// Running.
    pub active: bool,
}

impl Persona {
    /// Who the instance of this seed says it is.
    pub fn new(config: &Config, seed: u64) -> Self {
        let profile = profile::find(&config.profile);
        let Profile { system, hardware, .. } = profile;
        let debian = config.userland == "debian-12" || config.profile == "debian-12";
        let mut rng = Rng::new(seed, "persona");
        let address = if config.address.is_empty() {
            let mut parts: Vec<String> = hardware.network.split('.').map(str::to_owned).collect();
            while parts.len() < 4 {
                let low = if parts.len() == 3 { 4 } else { 0 };
                parts.push(rng.between(low, 250).to_string());
            }
            let made = parts.join(".");
            if hardware.router { format!("{}.1", network_of(&made)) } else { made }
        } else {
            config.address.clone()
        };
        // Started on some day before this run, within the last 90 days: counted from a fixed calendar of 90-day periods
        // so that a restart of ours is not a restart of the host.
        let [first, last] = system.installed;
        let installed = i64::try_from(rng.between(first, last)).unwrap_or_default();
        let period = 90 * 86_400;
        let phase = i64::try_from(rng.between(0, 90 * 86_400 - 1)).unwrap_or_default();
        let now = clock::unix_seconds();
        let booted = now - (now - phase).rem_euclid(period);
        let network = network_of(&address).to_string();
        let mac: Vec<String> = (0..3).map(|_| format!("{:02x}", rng.between(0, 255))).collect();
        let vendor = choose(&mut rng, &hardware.vendor_macs);
        let hostname = match (config.hostname.as_str(), profile.is_server()) {
            ("", true) => names::host(seed),
            ("", false) => format!("{}-{}", choose(&mut rng, &["gw", "cpe", "ap", "rt"]), mac.concat()),
            (name, _) => name.to_string(),
        };
        let domain = match (config.domain.as_str(), profile.is_server()) {
            ("", true) => names::domain(seed),
            ("", false) => "lan".to_string(),
            (name, _) => name.to_string(),
        };
        let cpu = Cpu::pick(&mut rng, profile);
        let cpus = choose(&mut rng, &hardware.cpus);
        let [least, most] = hardware.memory_kept_kib;
        let memory_kib = (u64::from(cpus) * hardware.memory_kib_per_cpu).saturating_sub(rng.between(least, most));
        let disk = Disk::pick(&mut rng, profile);
        let machine_id = uuid(&mut rng).replace('-', "");
        let boot_id = uuid(&mut Rng::new(seed ^ booted.unsigned_abs(), "boot"));
        let text = |text: &str| text.to_string();
        Self {
            fqdn: format!("{hostname}.{domain}"),
            hostname,
            domain,
            gateway: if hardware.router { format!("{network}.254") } else { format!("{network}.1") },
            address,
            prefix: 24,
            dns: if profile.is_server() { "127.0.0.53".into() } else { "127.0.0.1".into() },
            mac: format!("{vendor}:{}", mac.join(":")),
            iface: text(&hardware.iface),
            os_pretty: text(&system.pretty),
            os_id: text(&system.id),
            version_id: text(&system.version),
            codename: text(&system.codename),
            kernel: text(&system.kernel),
            kernel_version: text(&system.kernel_version),
            kernel_builder: text(&system.kernel_builder),
            machine: text(&system.machine),
            arch_dpkg: text(&system.arch),
            installed,
            booted,
            timezone: choose(&mut rng, &system.timezones),
            locale: choose(&mut rng, &system.locales),
            cpu,
            cpus,
            memory_kib,
            swap_kib: hardware.swap_kib,
            disk,
            packages: Packages::of(&profile.packages, false),
            services: Vec::new(),
            bash_version: text(if debian { &profile::find("debian-12").versions.bash } else { &profile.versions.bash }),
            debian_userland: debian,
            ssh_version: text(if debian { &profile::find("debian-12").versions.ssh } else { &profile.versions.ssh }),
            virt: text(&system.virt),
            machine_id,
            boot_id,
            seed,
            apache: false,
            profile,
        }
    }

    /// Apache is the web server instead of nginx, where the profile has both.
    pub(super) fn run_apache(&mut self) {
        self.apache = self.profile.apache.is_some();
        self.packages = Packages::of(&self.profile.packages, self.apache);
    }

    /// Whose telnetd it runs.
    pub fn telnet_daemon(&self) -> TelnetDaemon {
        self.profile.telnet.daemon
    }

    /// Whose login lets its visitors in.
    pub fn login_program(&self) -> LoginProgram {
        self.profile.telnet.login
    }

    /// What `/proc` says otherwise than the kernels that are built in do; the path begins with `/proc/`.
    pub(super) fn kernel_file(&self, path: &str) -> Option<String> {
        let text = self.profile.kernel_files.get(path)?;
        let board = &self.cpu.board;
        let name = board.split(' ').rev().find(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
        let words = [
            ("{board}", board.as_str()),
            ("{board_name}", name.unwrap_or_default()),
            ("{cpu}", &self.cpu.model_name),
            ("{bogomips}", &format!("{:.2}", self.cpu.bogomips)),
        ];
        Some(words.iter().fold(text.clone(), |text, (word, fact)| text.replace(word, fact)))
    }
}

/// The first three numbers of an address.
fn network_of(address: &str) -> &str {
    address.rsplit_once('.').map_or("10.0.0", |(network, _)| network)
}

fn choose<T: Clone + Default>(rng: &mut Rng, from: &[T]) -> T {
    let last = (from.len() as u64).saturating_sub(1);
    from.get(usize::try_from(rng.between(0, last)).unwrap_or(0)).cloned().unwrap_or_default()
}

fn uuid(rng: &mut Rng) -> String {
    let (a, b) = (rng.next_u64(), rng.next_u64());
    let text = format!("{a:016x}{b:016x}");
    let at = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_string();
    format!("{}-{}-4{}-a{}-{}", at(0, 8), at(8, 12), at(13, 16), at(17, 20), at(20, 32))
}

impl Disk {
    fn pick(rng: &mut Rng, profile: &Profile) -> Self {
        let hardware = &profile.hardware;
        let fixed = choose(rng, &hardware.disk_kib);
        let size_kib = if fixed > 0 { fixed } else { choose(rng, &hardware.disk_gib) * 1_048_576 };
        // A partition that begins at 1 MiB after some for the boot loader, less what ext4 keeps for itself.
        let kib = if fixed > 0 { fixed } else { size_kib.saturating_sub(116_736) / 1000 * 983 };
        let [low, high] = hardware.used_percent;
        let used_kib = (kib / 100 * rng.between(low, high) + rng.between(0, 99_999)).min(kib);
        Self { device: hardware.disk.clone(), size_kib, kib, used_kib, uuid: uuid(rng) }
    }
}

impl Cpu {
    /// One of the processors that such hosts have.
    fn pick(rng: &mut Rng, profile: &Profile) -> Self {
        let model = choose(rng, &profile.hardware.models);
        Self {
            vendor: model.vendor,
            family: model.family,
            model: model.model,
            model_name: model.name,
            stepping: model.stepping,
            microcode: model.microcode,
            mhz: model.mhz,
            cache_kib: model.cache_kib,
            flags: profile.hardware.flags.trim().replace('\n', " "),
            bugs: profile.hardware.bugs.clone(),
            bogomips: if model.bogomips > 0.0 { model.bogomips } else { model.mhz * 2.0 },
            board: model.board,
        }
    }
}

impl Config {
    /// What no single value shows.
    ///
    /// # Errors
    /// The key below `[persona]` and the reason.
    pub fn check(&self) -> Result<(), (Vec<String>, String)> {
        let name = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let blame =
            |path: &[&str], reason: &str| Err((path.iter().map(|part| (*part).to_string()).collect(), reason.into()));
        let profiles = profile::names();
        if !profiles.contains(&self.profile.as_str()) {
            let reason = format!("there is no profile {:?}; there are {}", self.profile, profiles.join(", "));
            return blame(&["profile"], &reason);
        }
        if !matches!(self.userland.as_str(), "" | "debian-12") {
            return blame(&["userland"], "the profile's own (empty) or \"debian-12\"");
        }
        if !self.hostname.is_empty() && !name(&self.hostname) {
            return blame(&["hostname"], "a host name has letters, digits and hyphens");
        }
        if !self.domain.is_empty() && !self.domain.split('.').all(name) {
            return blame(&["domain"], "a domain has labels of letters, digits and hyphens between its dots");
        }
        if !self.address.is_empty() && self.address.parse::<std::net::Ipv4Addr>().is_err() {
            return blame(&["address"], "not an IPv4 address");
        }
        for (at, account) in self.accounts.iter().enumerate() {
            let at = at.to_string();
            let shaped = account.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            if account.name.is_empty() || !shaped {
                return blame(
                    &["accounts", &at, "name"],
                    "a login name has letters, digits, hyphens, dots and underscores",
                );
            }
        }
        for (at, file) in self.files.iter().enumerate() {
            let at = at.to_string();
            if !file.path.starts_with('/') {
                return blame(&["files", &at, "path"], "a path begins with a slash");
            }
            if !file.mode.is_empty() && u32::from_str_radix(&file.mode, 8).map_or(true, |mode| mode > 0o7777) {
                return blame(&["files", &at, "mode"], "permission bits are octal, such as \"0644\"");
            }
            if !file.modified.is_empty() && file.modified.parse::<clock::Timestamp>().is_err() {
                return blame(&["files", &at, "modified"], "not a time such as 2024-01-15T10:30:00Z");
            }
        }
        Ok(())
    }
}
