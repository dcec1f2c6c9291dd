//! What asks the kernel: `dmesg`, `lsmod`, `modprobe`, `insmod`, `rmmod`, `modinfo`, `sysctl`.

use super::common::{decode, file, is_root, time};
use crate::base::clock::Timestamp;
use crate::base::rng::Rng;
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::shell::kernel::Stop;
use crate::world::{FileKind, Who};

/// The kernel's messages: microseconds since boot, the text.
pub(super) fn messages(c: &Cmd) -> Vec<(u64, String)> {
    let kept = file(c.host(), "/var/log/dmesg");
    let parsed: Vec<(u64, String)> = kept
        .lines()
        .filter_map(|line| {
            let (_, rest) = line.split_once('[')?;
            let (stamp, text) = rest.split_once("] ")?;
            let (secs, micros) = stamp.trim().split_once('.')?;
            Some((secs.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?, text.to_string()))
        })
        .collect();
    if !parsed.is_empty() {
        return parsed;
    }
    invent(c)
}

fn invent(c: &Cmd) -> Vec<(u64, String)> {
    let host = c.host();
    let p = host.persona();
    let mut rng = Rng::new(p.seed, "dmesg");
    let version = file(host, "/proc/version");
    let memory = p.memory_kib;
    let disk = p.disk.size_kib * 2;
    let lines = [
        version.trim().to_string(),
        format!("Command line: BOOT_IMAGE=/boot/vmlinuz-{} root=UUID={} ro console=tty1 console=ttyS0", p.kernel, p.disk.uuid),
        "KERNEL supported cpus:".into(),
        "  Intel GenuineIntel".into(),
        "  AMD AuthenticAMD".into(),
        "BIOS-provided physical RAM map:".into(),
        "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable".into(),
        "BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff] reserved".into(),
        "BIOS-e820: [mem 0x00000000000f0000-0x00000000000fffff] reserved".into(),
        "NX (Execute Disable) protection: active".into(),
        "SMBIOS 2.8 present.".into(),
        "DMI: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.13.0-1ubuntu1.1 04/01/2014".into(),
        "Hypervisor detected: KVM".into(),
        "kvm-clock: Using msrs 4b564d01 and 4b564d00".into(),
        format!("tsc: Detected {:.3} MHz processor", p.cpu.mhz),
        format!("Memory: {}K/{}K available (14339K kernel code, 2400K rwdata, 5008K rodata, 2736K init, 4964K bss)", memory - 61_000, memory + 90_000),
        format!("SLUB: HWalign=64, Order=0-3, MinObjects=0, CPUs={}, Nodes=1", p.cpus),
        format!("smpboot: CPU0: {} (family: 0x{:x}, model: 0x{:x}, stepping: 0x{:x})", p.cpu.model_name, p.cpu.family, p.cpu.model, p.cpu.stepping),
        format!("smp: Brought up 1 node, {} CPUs", p.cpus),
        format!("smpboot: Total of {} processors activated ({:.2} BogoMIPS)", p.cpus, p.cpu.bogomips * f64::from(p.cpus)),
        "devtmpfs: initialized".into(),
        "NET: Registered protocol family 16".into(),
        "PCI: Using configuration type 1 for base access".into(),
        "ACPI: bus type PCI registered".into(),
        "SCSI subsystem initialized".into(),
        "clocksource: Switched to clocksource kvm-clock".into(),
        "Trying to unpack rootfs image as initramfs...".into(),
        "Freeing initrd memory: 26360K".into(),
        "Serial: 8250/16550 driver, 32 ports, IRQ sharing enabled".into(),
        "ata1: PATA max MWDMA2 cmd 0x1f0 ctl 0x3f6 bmdma 0xc0a0 irq 14".into(),
        "scsi host2: Virtio SCSI HBA".into(),
        format!("sd 2:0:0:0: [sda] {disk} 512-byte logical blocks: ({:.1} GB/{} GiB)", disk as f64 * 512.0 / 1e9, p.disk.size_kib / 1_048_576),
        "sd 2:0:0:0: [sda] Write Protect is off".into(),
        " sda: sda1".into(),
        "sd 2:0:0:0: [sda] Attached SCSI disk".into(),
        format!("virtio_net virtio0 {}: renamed from eth0", p.iface),
        "EXT4-fs (sda1): mounted filesystem with ordered data mode. Opts: (null)".into(),
        "systemd[1]: systemd 245.4-4ubuntu3.22 running in system mode.".into(),
        "systemd[1]: Detected virtualization kvm.".into(),
        "systemd[1]: Detected architecture x86-64.".into(),
        format!("systemd[1]: Set hostname to <{}>.", p.hostname),
        "systemd[1]: Listening on Journal Socket.".into(),
        "EXT4-fs (sda1): re-mounted. Opts: discard".into(),
        format!("IPv6: ADDRCONF(NETDEV_CHANGE): {}: link becomes ready", p.iface),
        "audit: type=1400 audit(0.000:2): apparmor=\"STATUS\" operation=\"profile_load\" profile=\"unconfined\" name=\"lsb_release\"".into(),
    ];
    let mut at = 0;
    let count = lines.len();
    lines
        .into_iter()
        .enumerate()
        .map(|(index, text)| {
            if index > 2 {
                at += rng.between(300, 60_000) + if index * 2 > count { rng.between(0, 200_000) } else { 0 };
            }
            (at, text)
        })
        .collect()
}

pub(super) async fn dmesg(c: &mut Cmd) -> Result<i32, Stop> {
    const TABLE: &str = "C,clear c,read-clear D,console-off d,show-delta E,console-on e,reltime F,file= f,facility= H,human \
                         k,kernel L,color? l,level= n,console-level= P,nopager p,force-prefix r,raw S,syslog s,buffer-size= \
                         t,notime T,ctime u,userspace w,follow W,follow-new x,decode time-format= V,version";
    let found = match options::take(c, TABLE, 1) {
        Ok(found) => found,
        Err(status) => return Ok(status),
    };
    if !is_root(c) {
        let restricted = file(c.host(), "/proc/sys/kernel/dmesg_restrict");
        if restricted.trim() == "1" || found.has("C") || found.has("c") {
            c.complain("read kernel buffer failed: Operation not permitted");
            return Ok(1);
        }
    }
    if found.has("C") || found.has("D") || found.has("E") || found.has("n") {
        return Ok(0);
    }
    let booted = c.host().persona().booted;
    for (micros, text) in messages(c) {
        if found.value("l").is_some_and(|level| !level.contains("info") && !level.contains("notice")) {
            continue;
        }
        let line = if found.has("t") {
            format!("{text}\n")
        } else if found.has("T") {
            let at =
                Timestamp::from_second(booted + i64::try_from(micros / 1_000_000).unwrap_or(0)).unwrap_or_default();
            format!("[{}] {text}\n", time(at, "%a %b %e %H:%M:%S %Y"))
        } else {
            let prefix = if found.has("r") {
                "<6>"
            } else if found.has("x") {
                "kern  :info  : "
            } else {
                ""
            };
            format!("{prefix}[{:>5}.{:06}] {text}\n", micros / 1_000_000, micros % 1_000_000)
        };
        c.out(&line);
    }
    if found.has("w") || found.has("W") {
        loop {
            c.sleep(std::time::Duration::from_secs(3600)).await?;
        }
    }
    Ok(0)
}

/// `kmod`, to which the tools for modules are links.
pub(super) fn kmod(c: &mut Cmd) -> i32 {
    let name = match c.base() {
        "kmod" if !c.args.is_empty() => c.args.remove(0),
        base => base.to_string(),
    };
    match name.as_str() {
        "lsmod" | "list" => lsmod(c),
        "modprobe" => modprobe(c),
        "insmod" => insmod(c),
        "rmmod" => rmmod(c),
        "modinfo" => modinfo(c),
        "depmod" => 0,
        _ => {
            c.err("missing command\nkmod - Manage kernel modules: list, load, unload, etc\nUsage:\n\tkmod [options] command [command_options]\n");
            1
        }
    }
}

pub(super) fn lsmod(c: &mut Cmd) -> i32 {
    let Ok(bytes) = c.host().read_file(c.who(), b"/proc/modules", 1 << 20) else {
        c.err(
            "libkmod: ERROR ../libkmod/libkmod-module.c:1725 kmod_module_new_from_loaded: could not open /proc/modules: No such \
             file or directory\nError: could not get list of modules: No such file or directory\n",
        );
        return 1;
    };
    let mut text = String::from("Module                  Size  Used by\n");
    for line in decode(&bytes).lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, size, used, by, ..] = words.as_slice() else { continue };
        let by = by.trim_end_matches(',');
        let by = if by == "-" { String::new() } else { format!(" {by}") };
        text.push_str(&format!("{name:<19} {size:>8}  {used}{by}\n"));
    }
    c.out(&text);
    0
}

/// Where the module's file lies below the kernel's folder.
fn module_path(c: &Cmd, name: &str) -> Option<String> {
    let want = name.replace('-', "_");
    let root = Who::root();
    let mut folders = vec![format!("/lib/modules/{}/kernel", c.host().persona().kernel)];
    let mut looked = 0;
    while let Some(folder) = folders.pop() {
        looked += 1;
        if looked > 2000 {
            break;
        }
        for (entry, stat) in c.host().list(&root, folder.as_bytes()).unwrap_or_default() {
            let entry = decode(&entry);
            let path = format!("{folder}/{entry}");
            if stat.kind == FileKind::Folder {
                folders.push(path);
            } else if entry.split(".ko").next().is_some_and(|stem| stem.replace('-', "_") == want) {
                return Some(path);
            }
        }
    }
    None
}

pub(super) fn modprobe(c: &mut Cmd) -> i32 {
    const TABLE: &str = "+a,all r,remove remove-dependencies R,resolve-alias first-time i,ignore-install b,use-blacklist \
                         f,force D,show-depends c,showconfig,show-config show-modversions n,dry-run,show C,config= d,dirname= \
                         S,set-version= s,syslog q,quiet v,verbose V,version h,help";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(text) => {
            c.complain(&text);
            return 1;
        }
    };
    if found.has("c") {
        return 0;
    }
    let Some(name) = found.rest.first().cloned() else {
        c.err(if found.has("r") {
            "modprobe: FATAL: Specify a module name.\n"
        } else {
            "modprobe: ERROR: missing parameters. See -h.\n"
        });
        return 1;
    };
    let kernel = c.host().persona().kernel.clone();
    let modules = file(c.host(), "/proc/modules");
    let loaded = modules.lines().any(|line| line.split(' ').next() == Some(&name.replace('-', "_")));
    let Some(path) = module_path(c, &name) else {
        if loaded {
            return 0;
        }
        if !found.has("q") {
            c.err(&format!("modprobe: FATAL: Module {name} not found in directory /lib/modules/{kernel}\n"));
        }
        return 1;
    };
    if found.has("D") || found.has("n") || found.has("v") {
        c.out(&format!("insmod {path} \n"));
    }
    if !is_root(c) && !found.has("n") && !found.has("D") {
        let what = if found.has("r") { "remove" } else { "insert" };
        c.err(&format!("modprobe: ERROR: could not {what} '{name}': Operation not permitted\n"));
        return 1;
    }
    0
}

pub(super) fn insmod(c: &mut Cmd) -> i32 {
    let Some(path) = c.args.iter().find(|arg| !arg.starts_with('-')).cloned() else {
        c.err("insmod: ERROR: missing filename.\n");
        return 1;
    };
    let text = match c.read_file(&path) {
        Err(errno) if path.contains('/') || c.stat(&path).is_err() => {
            format!("insmod: ERROR: could not load module {path}: {}\n", errno.text())
        }
        Err(errno) => format!("insmod: ERROR: could not load module {path}: {}\n", errno.text()),
        Ok(_) if !is_root(c) => format!("insmod: ERROR: could not insert module {path}: Operation not permitted\n"),
        Ok(bytes) if !bytes.starts_with(b"\x7fELF") => {
            format!("insmod: ERROR: could not insert module {path}: Invalid module format\n")
        }
        Ok(_) => format!("insmod: ERROR: could not insert module {path}: Invalid module format\n"),
    };
    c.err(&text);
    1
}

pub(super) fn rmmod(c: &mut Cmd) -> i32 {
    let Some(name) = c.args.iter().find(|arg| !arg.starts_with('-')).cloned() else {
        c.err("rmmod: ERROR: missing module name.\n");
        return 1;
    };
    let modules = file(c.host(), "/proc/modules");
    let row = modules
        .lines()
        .find(|line| line.split(' ').next() == Some(name.replace('-', "_").as_str()))
        .map(str::to_string);
    let text = match row {
        None => format!("rmmod: ERROR: Module {name} is not currently loaded\n"),
        Some(_) if !is_root(c) => format!("rmmod: ERROR: could not remove module {name}: Operation not permitted\n"),
        Some(row) => match row.split(' ').nth(2).unwrap_or("0") {
            "0" => return 0,
            _ => format!("rmmod: ERROR: Module {name} is in use\n"),
        },
    };
    c.err(&text);
    1
}

pub(super) fn modinfo(c: &mut Cmd) -> i32 {
    let names: Vec<String> = c.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    if names.is_empty() {
        c.err("modinfo: ERROR: missing module or filename.\n");
        return 1;
    }
    let kernel = c.host().persona().kernel.clone();
    let mut status = 0;
    for name in names {
        match module_path(c, &name) {
            Some(path) => c.out(&format!(
                "filename:       {path}\nlicense:        GPL\ndepends:        \nretpoline:      Y\nintree:         Y\nname:           \
                 {}\nvermagic:       {kernel} SMP mod_unload modversions \n",
                name.replace('-', "_")
            )),
            None => {
                c.err(&format!("modinfo: ERROR: Module {name} not found.\n"));
                status = 1;
            }
        }
    }
    status
}

/// Where a key of `sysctl` lies.
fn key_path(key: &str) -> String {
    let path = if key.contains('/') { key.to_string() } else { key.replace('.', "/") };
    format!("/proc/sys/{path}")
}

pub(super) fn sysctl(c: &mut Cmd) -> i32 {
    const TABLE: &str = "a,all,A,X b,binary e,ignore N,names n,values p,load? f system r,pattern= q,quiet w,write o x d \
                         h,help V,version deprecated dry-run";
    let found = match options::parse(TABLE, &c.args) {
        Ok(found) => found,
        Err(text) => return super::common::misuse_with_usage(c, &text, "sysctl", 1),
    };
    if found.has("p") || found.has("system") || found.has("f") {
        return load(c, &found);
    }
    if found.has("a") {
        return all(c, &found);
    }
    if found.rest.is_empty() {
        return super::common::usage(c, "sysctl", 1);
    }
    let mut status = 0;
    for word in found.rest.clone() {
        match word.split_once('=') {
            Some((key, value)) => status |= set(c, key.trim(), value.trim().trim_matches('"'), &found),
            None if found.has("w") => {
                c.complain(&format!("\"{word}\" must be of the form name=value"));
                status = 1;
            }
            None => status |= get(c, &word, &found),
        }
    }
    status
}

fn get(c: &mut Cmd, key: &str, found: &options::Options) -> i32 {
    let path = key_path(key);
    let name = key.replace('/', ".");
    let stat = c.host().stat(c.who(), path.as_bytes(), true);
    match stat {
        Err(_) => {
            if !found.has("e") {
                c.complain(&format!("cannot stat {path}: No such file or directory"));
                return 1;
            }
            0
        }
        Ok(stat) if stat.is_folder() => {
            let mut rows = Vec::new();
            walk(c, &path, &mut rows, 0);
            print(c, rows, found);
            0
        }
        Ok(_) => match c.host().read_file(c.who(), path.as_bytes(), 1 << 16) {
            Ok(bytes) => {
                print(c, vec![(name, decode(&bytes))], found);
                0
            }
            Err(_) => {
                c.complain(&format!("permission denied on key '{name}'"));
                1
            }
        },
    }
}

fn print(c: &mut Cmd, rows: Vec<(String, String)>, found: &options::Options) {
    for (name, text) in rows {
        for line in text.lines() {
            let line = match (found.has("n"), found.has("N")) {
                (true, _) => format!("{line}\n"),
                (_, true) => format!("{name}\n"),
                _ => format!("{name} = {line}\n"),
            };
            c.out(&line);
        }
    }
}

/// All keys below a folder.
fn walk(c: &Cmd, folder: &str, rows: &mut Vec<(String, String)>, depth: usize) {
    if depth > 8 || rows.len() > 4000 {
        return;
    }
    for (entry, stat) in c.host().list(c.who(), folder.as_bytes()).unwrap_or_default() {
        let path = format!("{folder}/{}", decode(&entry));
        if stat.is_folder() {
            walk(c, &path, rows, depth + 1);
        } else if let Ok(bytes) = c.host().read_file(c.who(), path.as_bytes(), 1 << 16) {
            let name = path.trim_start_matches("/proc/sys/").replace('/', ".");
            rows.push((name, decode(&bytes)));
        }
    }
}

fn all(c: &mut Cmd, found: &options::Options) -> i32 {
    let mut rows = Vec::new();
    walk(c, "/proc/sys", &mut rows, 0);
    if let Some(pattern) = found.value("r") {
        rows.retain(|(name, _)| name.contains(pattern));
    }
    print(c, rows, found);
    0
}

fn set(c: &mut Cmd, key: &str, value: &str, found: &options::Options) -> i32 {
    let path = key_path(key);
    let name = key.replace('/', ".");
    if c.host().stat(c.who(), path.as_bytes(), true).is_err() {
        if !found.has("e") {
            c.complain(&format!("cannot stat {path}: No such file or directory"));
            return 1;
        }
        return 0;
    }
    if !is_root(c) {
        c.complain(&format!("permission denied on key \"{name}\""));
        return 1;
    }
    let _ = c.host().write_file(c.who(), path.as_bytes(), &crate::shell::text::encode(&format!("{value}\n")), 0o644);
    if !found.has("q") {
        c.out(&if found.has("n") { format!("{value}\n") } else { format!("{name} = {value}\n") });
    }
    0
}

fn load(c: &mut Cmd, found: &options::Options) -> i32 {
    let named: Vec<String> =
        found.value("p").map(str::to_string).into_iter().chain(found.rest.iter().cloned()).collect();
    let paths = if named.is_empty() { vec!["/etc/sysctl.conf".to_string()] } else { named };
    let mut status = 0;
    for path in paths {
        if found.has("system") {
            c.out(&format!("* Applying {path} ...\n"));
        }
        let bytes = match c.read_file(&path) {
            Ok(bytes) => bytes,
            Err(errno) => {
                c.complain(&format!("cannot open \"{path}\": {}", errno.text()));
                status = 1;
                continue;
            }
        };
        for line in decode(&bytes).lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            match line.split_once('=') {
                Some((key, value)) => status |= set(c, key.trim().trim_start_matches('-'), value.trim(), found),
                None => {
                    c.complain(&format!("{path}(1): invalid syntax, continuing..."));
                }
            }
        }
    }
    status
}
