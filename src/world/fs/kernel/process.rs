//! `/proc/PID`: the files about one process.

use std::fmt::Write as _;

use super::{Owner, Thing, folder, proc, text};
use crate::world::processes::{self, Process};
use crate::world::{Host, Persona};

const NAMES: &[&str] = &[
    "attr",
    "autogroup",
    "auxv",
    "cgroup",
    "clear_refs",
    "cmdline",
    "comm",
    "coredump_filter",
    "cwd",
    "environ",
    "exe",
    "fd",
    "fdinfo",
    "gid_map",
    "io",
    "limits",
    "loginuid",
    "maps",
    "mem",
    "mountinfo",
    "mounts",
    "mountstats",
    "net",
    "ns",
    "oom_adj",
    "oom_score",
    "oom_score_adj",
    "pagemap",
    "personality",
    "root",
    "sched",
    "schedstat",
    "sessionid",
    "smaps",
    "stack",
    "stat",
    "statm",
    "status",
    "syscall",
    "task",
    "uid_map",
    "wchan",
];

pub(super) fn look(host: &Host, process: &Process, parts: &[&str]) -> Option<(Thing, Owner)> {
    let owner = Owner { uid: process.uid, gid: process.gid, since: process.started.as_second() };
    let secret = |bytes: Vec<u8>| Some(Thing::Text(bytes, 0o400));
    let persona = host.persona();
    let thing = match parts {
        [] => folder(NAMES),
        ["task"] => Some(Thing::Folder(vec![process.pid.to_string()])),
        ["task", pid, rest @ ..] if *pid == process.pid.to_string() && rest.first() != Some(&"task") => {
            return look(host, process, rest);
        }
        ["comm"] => Some(Thing::Text([process.comm.as_slice(), b"\n"].concat(), 0o644)),
        ["cmdline"] => {
            text(process.argv.iter().flat_map(|word| [word.as_slice(), b"\0"].concat()).collect::<Vec<u8>>())
        }
        ["environ"] => secret(process.environ.to_vec()),
        ["exe"] if process.kernel => None,
        ["exe"] => Some(Thing::Link(process.exe.clone())),
        ["cwd"] => Some(Thing::Link(if process.cwd.is_empty() { b"/".to_vec() } else { process.cwd.clone() })),
        ["root"] => Some(Thing::Link(b"/".to_vec())),
        ["fd"] => Some(Thing::Folder(processes::descriptors(process).iter().map(|(fd, _)| fd.to_string()).collect())),
        ["fd", fd] => {
            let fd: u32 = fd.parse().ok()?;
            let all = processes::descriptors(process).into_iter();
            all.filter(|(number, _)| *number == fd).map(|(_, target)| Thing::Link(target)).next()
        }
        ["fdinfo"] => folder(&["0", "1", "2"]),
        ["ns"] => folder(&["cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "user", "uts"]),
        ["ns", name] => namespace(name),
        ["stat"] => text(stat(persona, process)),
        ["statm"] => {
            let (size, resident) = (process.vsz_kib / 4, process.rss_kib / 4);
            text(format!("{size} {resident} {} {} 0 {} 0\n", resident * 2 / 3, size / 20, size / 10))
        }
        ["status"] => text(status(persona, process)),
        ["maps" | "smaps"] => text(maps(persona, process)),
        ["cgroup"] => text(cgroup(host, process)),
        ["mounts"] => text(mounts(host)),
        ["mountinfo"] => text(mountinfo(host)),
        ["mountstats"] => text(""),
        ["limits"] => text(limits(persona)),
        ["io"] => {
            let bytes = process.cpu_ms * 900;
            secret(
                format!(
                    "rchar: {}\nwchar: {}\nsyscr: {}\nsyscw: {}\nread_bytes: {}\nwrite_bytes: {}\ncancelled_write_bytes: 0\n",
                    bytes * 3, bytes, process.cpu_ms / 3, process.cpu_ms / 9, bytes & !4095, (bytes / 2) & !4095
                )
                .into_bytes(),
            )
        }
        ["oom_score"] => text(if process.kernel { "0\n" } else { "667\n" }),
        ["oom_score_adj" | "oom_adj"] => {
            let guarded = process.comm == b"sshd" && process.ppid == 1;
            Some(Thing::Text(if guarded { b"-1000\n".to_vec() } else { b"0\n".to_vec() }, 0o644))
        }
        ["loginuid"] => {
            let uid = if process.tty.is_some() { process.uid } else { u32::MAX };
            text(uid.to_string())
        }
        ["sessionid"] => text(if process.tty.is_some() { "3" } else { "4294967295" }),
        ["wchan"] => text(if process.kernel { "0" } else { "do_select" }),
        ["uid_map" | "gid_map"] => text("         0          0 4294967295\n"),
        ["coredump_filter"] => text("00000033\n"),
        ["personality"] => secret(b"00000000\n".to_vec()),
        ["net", rest @ ..] => proc::net(host, rest),
        ["attr"] => folder(&["current", "exec", "prev"]),
        ["attr", "current"] => text("unconfined\n"),
        [name] if NAMES.contains(name) => secret(Vec::new()),
        _ => None,
    };
    thing.map(|thing| (thing, owner))
}

fn namespace(name: &str) -> Option<Thing> {
    let number: u64 = match name {
        "cgroup" => 4_026_531_835,
        "ipc" => 4_026_531_839,
        "mnt" => 4_026_531_840,
        "net" => 4_026_531_992,
        "pid" | "pid_for_children" => 4_026_531_836,
        "user" => 4_026_531_837,
        "uts" => 4_026_531_838,
        _ => return None,
    };
    let kind = name.split('_').next().unwrap_or(name);
    Some(Thing::Link(format!("{kind}:[{number}]").into_bytes()))
}

/// Number of the controlling terminal in the notation of `stat`.
fn terminal(process: &Process) -> u32 {
    process.tty.map_or(0, |tty| 136 << 8 | (tty & 0xff))
}

fn stat(persona: &Persona, process: &Process) -> Vec<u8> {
    let since = process.started.as_millisecond() - persona.booted * 1000;
    let ticks = since.max(0) / 10;
    let (user, system) = (process.cpu_ms * 6 / 100, process.cpu_ms * 4 / 100);
    let flags = if process.kernel { 2_129_984 } else { 4_194_560 };
    let group = if process.kernel { 0 } else { process.group };
    let session = if process.kernel { 0 } else { process.session };
    let foreground = if process.tty.is_some() { i64::from(process.group) } else { -1 };
    let mut out = format!("{} (", process.pid).into_bytes();
    out.extend_from_slice(&process.comm);
    out.extend(
        format!(
            ") {} {} {group} {session} {} {foreground} {flags} {} 0 0 0 {user} {system} 0 0 {} {} {} 0 {ticks} {} {} \
             18446744073709551615 {} 0 0 0 0 0 0 0 0 0 17 {} 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
            process.state,
            process.ppid,
            terminal(process),
            process.rss_kib / 3,
            20 + process.nice,
            process.nice,
            process.threads.max(1),
            process.vsz_kib * 1024,
            process.rss_kib / 4,
            if process.kernel { 0 } else { 1 },
            process.pid % persona.cpus.max(1),
        )
        .into_bytes(),
    );
    out
}

fn status(persona: &Persona, process: &Process) -> Vec<u8> {
    let state = match process.state {
        'R' => "R (running)",
        'I' => "I (idle)",
        'T' => "T (stopped)",
        'Z' => "Z (zombie)",
        'D' => "D (disk sleep)",
        _ => "S (sleeping)",
    };
    let (pid, uid, gid) = (process.pid, process.uid, process.gid);
    let mut out = b"Name:\t".to_vec();
    out.extend_from_slice(&process.comm);
    let mut rest = String::new();
    if !process.kernel {
        let _ = write!(rest, "\nUmask:\t0022");
    }
    let _ = write!(
        rest,
        "\nState:\t{state}\nTgid:\t{pid}\nNgid:\t0\nPid:\t{pid}\nPPid:\t{}\nTracerPid:\t0\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n\
         Gid:\t{gid}\t{gid}\t{gid}\t{gid}\nFDSize:\t{}\nGroups:\t{}\nNStgid:\t{pid}\nNSpid:\t{pid}\nNSpgid:\t{}\nNSsid:\t{}\n",
        process.ppid,
        if process.kernel { 64 } else { 256 },
        if process.tty.is_some() { format!("{gid} ") } else { " ".into() },
        if process.kernel { 0 } else { process.group },
        if process.kernel { 0 } else { process.session },
    );
    if !process.kernel {
        let (size, resident) = (process.vsz_kib, process.rss_kib);
        let rows = [
            ("VmPeak", size),
            ("VmSize", size),
            ("VmLck", 0),
            ("VmPin", 0),
            ("VmHWM", resident),
            ("VmRSS", resident),
            ("RssAnon", resident / 3),
            ("RssFile", resident - resident / 3),
            ("RssShmem", 0),
            ("VmData", size / 10),
            ("VmStk", 132),
            ("VmExe", 708),
            ("VmLib", 1_672),
            ("VmPTE", 56),
            ("VmSwap", 0),
        ];
        for (name, kib) in rows {
            let _ = writeln!(rest, "{name}:\t{kib:>8} kB");
        }
        rest.push_str("HugetlbPages:\t       0 kB\nCoreDumping:\t0\nTHP_enabled:\t1\n");
    }
    let all = "0000003fffffffff";
    let (effective, none) = (if uid == 0 { all } else { "0000000000000000" }, "0000000000000000");
    let cpus = persona.cpus.clamp(1, 63);
    let _ = write!(
        rest,
        "Threads:\t{}\nSigQ:\t0/15556\nSigPnd:\t{none}\nShdPnd:\t{none}\nSigBlk:\t{none}\nSigIgn:\t{none}\nSigCgt:\t{none}\n\
         CapInh:\t{none}\nCapPrm:\t{effective}\nCapEff:\t{effective}\nCapBnd:\t{all}\nCapAmb:\t{none}\nNoNewPrivs:\t0\n\
         Seccomp:\t0\nSpeculation_Store_Bypass:\tvulnerable\nCpus_allowed:\t{:x}\nCpus_allowed_list:\t0-{}\n\
         Mems_allowed:\t00000000,00000001\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t{}\nnonvoluntary_ctxt_switches:\t{}\n",
        process.threads.max(1),
        (1_u64 << cpus) - 1,
        cpus - 1,
        process.cpu_ms / 2 + 31,
        process.cpu_ms / 40 + 2,
    );
    out.extend(rest.into_bytes());
    out
}

fn maps(persona: &Persona, process: &Process) -> Vec<u8> {
    if process.kernel {
        return Vec::new();
    }
    let mut rng = crate::base::rng::Rng::new(persona.seed ^ u64::from(process.pid), "maps");
    let base = 0x5500_0000_0000 + (rng.between(0, 0xff_ffff) << 12);
    let library = 0x7f00_0000_0000 + (rng.between(0, 0xfff_ffff) << 12);
    let stack = 0x7ffc_0000_0000 + (rng.between(0, 0x3f_ffff) << 12);
    let exe = String::from_utf8_lossy(&process.exe).into_owned();
    let rows: [(u64, u64, &str, u64, &str); 12] = [
        (base, 0x2d000, "r--p", 0, &exe),
        (base + 0x2d000, 0xb1000, "r-xp", 0x2d000, &exe),
        (base + 0xde000, 0x37000, "r--p", 0xde000, &exe),
        (base + 0x116000, 0x4000, "r--p", 0x115000, &exe),
        (base + 0x11a000, 0x9000, "rw-p", 0x119000, &exe),
        (base + 0x123000, 0xa000, "rw-p", 0, ""),
        (base + 0x1f3_0000, 0x1a_0000, "rw-p", 0, "[heap]"),
        (library, 0x22000, "r--p", 0, "/usr/lib/x86_64-linux-gnu/libc-2.31.so"),
        (library + 0x22000, 0x178000, "r-xp", 0x22000, "/usr/lib/x86_64-linux-gnu/libc-2.31.so"),
        (library + 0x19a000, 0x4e000, "r--p", 0x19a000, "/usr/lib/x86_64-linux-gnu/libc-2.31.so"),
        (library + 0x20_0000, 0x24000, "r-xp", 0x1000, "/usr/lib/x86_64-linux-gnu/ld-2.31.so"),
        (stack, 0x21000, "rw-p", 0, "[stack]"),
    ];
    let mut out = String::new();
    for (start, len, rights, offset, name) in rows {
        let inode = if name.starts_with('/') { 1_835 + offset % 97 / 97 + name.len() as u64 * 37 } else { 0 };
        let device = if inode == 0 { "00:00" } else { "08:01" };
        let line = format!("{start:x}-{:x} {rights} {offset:08x} {device} {inode}", start + len);
        if name.is_empty() {
            let _ = writeln!(out, "{line} ");
        } else {
            let _ = writeln!(out, "{line:<73}{name}");
        }
    }
    out.into_bytes()
}

fn cgroup(host: &Host, process: &Process) -> String {
    let unit = host.persona().services.iter().find(|service| service.pid == process.pid || service.pid == process.ppid);
    let place = match (process.kernel, process.pid, unit) {
        (true, ..) => "/".to_string(),
        (_, 1, _) => "/init.scope".into(),
        (_, _, Some(service)) if process.tty.is_none() => format!("/system.slice/{}", service.unit),
        _ => format!("/user.slice/user-{}.slice/session-3.scope", process.uid),
    };
    let slice = place.split_inclusive('/').take(3).collect::<String>();
    let slice = slice.trim_end_matches('/');
    let slice = if slice.is_empty() { "/" } else { slice };
    let rows = [
        ("12:rdma", "/"),
        ("11:memory", &place),
        ("10:hugetlb", "/"),
        ("9:cpuset", "/"),
        ("8:blkio", slice),
        ("7:freezer", "/"),
        ("6:devices", slice),
        ("5:pids", &place),
        ("4:perf_event", "/"),
        ("3:cpu,cpuacct", slice),
        ("2:net_cls,net_prio", "/"),
        ("1:name=systemd", &place),
        ("0:", &place),
    ];
    rows.iter().map(|(name, place)| format!("{name}:{place}\n")).collect()
}

fn mounts(host: &Host) -> String {
    let mounts = host.mounts();
    mounts.iter().map(|m| format!("{} {} {} {} 0 0\n", m.device, m.point, m.kind, m.options)).collect()
}

fn mountinfo(host: &Host) -> String {
    let mut out = String::new();
    for (at, mount) in host.mounts().iter().enumerate() {
        let (own, all) = mount.options.split_once(",relatime").unwrap_or((&mount.options, ""));
        let device = if mount.kind == "ext4" { "8:1".into() } else { format!("0:{}", at + 5) };
        let parent = if mount.point == "/" { 1 } else { 29 };
        let number = if mount.point == "/" { 29 } else { 22 + at };
        let _ = writeln!(
            out,
            "{number} {parent} {device} / {} {own},relatime shared:{} - {} {} rw{all}",
            mount.point,
            at + 1,
            mount.kind,
            mount.device
        );
    }
    out
}

fn limits(persona: &Persona) -> String {
    let processes = (persona.memory_kib / 128).to_string();
    let rows: [(&str, &str, &str, &str); 16] = [
        ("Max cpu time", "unlimited", "unlimited", "seconds"),
        ("Max file size", "unlimited", "unlimited", "bytes"),
        ("Max data size", "unlimited", "unlimited", "bytes"),
        ("Max stack size", "8388608", "unlimited", "bytes"),
        ("Max core file size", "0", "unlimited", "bytes"),
        ("Max resident set", "unlimited", "unlimited", "bytes"),
        ("Max processes", &processes, &processes, "processes"),
        ("Max open files", "1024", "1048576", "files"),
        ("Max locked memory", "67108864", "67108864", "bytes"),
        ("Max address space", "unlimited", "unlimited", "bytes"),
        ("Max file locks", "unlimited", "unlimited", "locks"),
        ("Max pending signals", &processes, &processes, "signals"),
        ("Max msgqueue size", "819200", "819200", "bytes"),
        ("Max nice priority", "0", "0", ""),
        ("Max realtime priority", "0", "0", ""),
        ("Max realtime timeout", "unlimited", "unlimited", "us"),
    ];
    let mut out = String::from("Limit                     Soft Limit           Hard Limit           Units     \n");
    for (name, soft, hard, unit) in rows {
        let _ = writeln!(out, "{name:<25} {soft:<20} {hard:<20} {unit:<9} ");
    }
    out
}
