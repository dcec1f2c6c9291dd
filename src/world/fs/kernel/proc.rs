//! `/proc` (proc(5)): the files about the whole host.

use std::fmt::Write as _;

use super::{Owner, Thing, folder, network, process, text};
use crate::base::clock;
use crate::base::rng::Rng;
use crate::world::fs::types::Who;
use crate::world::{Host, Persona};

const NAMES: &[&str] = &[
    "buddyinfo",
    "cgroups",
    "cmdline",
    "consoles",
    "cpuinfo",
    "crypto",
    "devices",
    "diskstats",
    "dma",
    "driver",
    "execdomains",
    "fb",
    "filesystems",
    "fs",
    "interrupts",
    "iomem",
    "ioports",
    "irq",
    "kallsyms",
    "key-users",
    "keys",
    "kmsg",
    "loadavg",
    "locks",
    "mdstat",
    "meminfo",
    "misc",
    "modules",
    "mounts",
    "net",
    "pagetypeinfo",
    "partitions",
    "sched_debug",
    "schedstat",
    "self",
    "slabinfo",
    "softirqs",
    "stat",
    "swaps",
    "sys",
    "sysrq-trigger",
    "thread-self",
    "timer_list",
    "tty",
    "uptime",
    "version",
    "vmallocinfo",
    "vmstat",
    "zoneinfo",
];

const FILESYSTEMS: &str = "nodev\tsysfs\nnodev\ttmpfs\nnodev\tbdev\nnodev\tproc\nnodev\tcgroup\nnodev\tcgroup2\nnodev\tcpuset\n\
nodev\tdevtmpfs\nnodev\tconfigfs\nnodev\tdebugfs\nnodev\ttracefs\nnodev\tsecurityfs\nnodev\tsockfs\nnodev\tbpf\nnodev\tpipefs\n\
nodev\tramfs\nnodev\thugetlbfs\nnodev\tdevpts\n\text3\n\text2\n\text4\n\tsquashfs\n\tvfat\nnodev\tecryptfs\n\tfuseblk\n\
nodev\tfuse\nnodev\tfusectl\nnodev\tmqueue\nnodev\tpstore\n\tbtrfs\nnodev\tautofs\nnodev\tbinfmt_misc\n";

const DEVICES: &str = "Character devices:\n  1 mem\n  4 /dev/vc/0\n  4 tty\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n\
  5 /dev/ptmx\n  5 ttyprintk\n  7 vcs\n 10 misc\n 13 input\n 21 sg\n 29 fb\n 89 i2c\n108 ppp\n128 ptm\n136 pts\n180 usb\n\
189 usb_device\n226 drm\n248 hidraw\n249 bsg\n250 watchdog\n251 rtc\n252 dax\n253 dimmctl\n254 ndctl\n\nBlock devices:\n\
  7 loop\n  8 sd\n  9 md\n 11 sr\n 65 sd\n 66 sd\n 67 sd\n128 sd\n253 device-mapper\n254 mdp\n259 blkext\n";

/// Modules of a virtual server: name, size, users.
const MODULES: &[(&str, u32, u32, &str)] = &[
    ("dm_multipath", 32_768, 0, "-"),
    ("scsi_dh_rdac", 16_384, 0, "-"),
    ("scsi_dh_emc", 16_384, 0, "-"),
    ("scsi_dh_alua", 20_480, 0, "-"),
    ("intel_rapl_msr", 20_480, 0, "-"),
    ("intel_rapl_common", 24_576, 1, "intel_rapl_msr,"),
    ("isst_if_common", 16_384, 0, "-"),
    ("rapl", 20_480, 0, "-"),
    ("joydev", 24_576, 0, "-"),
    ("input_leds", 16_384, 0, "-"),
    ("serio_raw", 20_480, 0, "-"),
    ("mac_hid", 16_384, 0, "-"),
    ("qemu_fw_cfg", 20_480, 0, "-"),
    ("sch_fq_codel", 20_480, 2, "-"),
    ("ip_tables", 32_768, 0, "-"),
    ("x_tables", 40_960, 1, "ip_tables,"),
    ("autofs4", 45_056, 2, "-"),
    ("btrfs", 1_261_568, 0, "-"),
    ("zstd_compress", 167_936, 1, "btrfs,"),
    ("raid10", 61_440, 0, "-"),
    ("raid456", 155_648, 0, "-"),
    ("raid1", 45_056, 0, "-"),
    ("raid0", 24_576, 0, "-"),
    ("multipath", 20_480, 0, "-"),
    ("linear", 20_480, 0, "-"),
    ("cirrus", 16_384, 0, "-"),
    ("drm_kms_helper", 184_320, 3, "cirrus,"),
    ("drm", 491_520, 3, "drm_kms_helper,cirrus,"),
    ("crct10dif_pclmul", 16_384, 1, "-"),
    ("crc32_pclmul", 16_384, 0, "-"),
    ("ghash_clmulni_intel", 16_384, 0, "-"),
    ("aesni_intel", 372_736, 0, "-"),
    ("crypto_simd", 16_384, 1, "aesni_intel,"),
    ("cryptd", 24_576, 2, "crypto_simd,ghash_clmulni_intel,"),
    ("virtio_net", 57_344, 0, "-"),
    ("net_failover", 20_480, 1, "virtio_net,"),
    ("failover", 16_384, 1, "net_failover,"),
    ("virtio_scsi", 24_576, 2, "-"),
    ("psmouse", 155_648, 0, "-"),
    ("i2c_piix4", 28_672, 0, "-"),
    ("pata_acpi", 16_384, 0, "-"),
    ("floppy", 81_920, 0, "-"),
];

pub(super) fn look(host: &Host, who: &Who, parts: &[&str], content: bool) -> Option<(Thing, Owner)> {
    let persona = host.persona();
    let root = Owner { uid: 0, gid: 0, since: persona.booted };
    let own = Owner { uid: who.uid, gid: who.gid, since: clock::unix_seconds() };
    match parts {
        [] => {
            let pids = host.state.pids().into_iter().map(|pid| pid.to_string());
            let more = persona.profile.kernel_files.keys().filter_map(|path| path.strip_prefix("/proc/"));
            let more = more.filter(|name| !name.contains('/') && !NAMES.contains(name)).map(str::to_owned);
            let names = NAMES.iter().map(|&name| name.into()).chain(more);
            Some((Thing::Folder(names.chain(pids).collect()), root))
        }
        // Without a process of their own they still see one: the number that they would get.
        ["self"] => Some((Thing::Link(current(host, who).to_string().into_bytes()), own)),
        ["thread-self"] => {
            let pid = current(host, who);
            Some((Thing::Link(format!("{pid}/task/{pid}").into_bytes()), own))
        }
        ["mounts"] => Some((Thing::Link(b"self/mounts".to_vec()), own)),
        ["net"] => Some((Thing::Link(b"self/net".to_vec()), own)),
        [pid, rest @ ..] if pid.bytes().all(|b| b.is_ascii_digit()) => {
            let process = host.process(pid.parse().ok()?)?;
            process::look(host, &process, rest)
        }
        // Long texts are made when somebody reads them.
        [name] if !content && NAMES.contains(name) && !is_folder(name) => {
            let mode = match *name {
                "kmsg" | "slabinfo" | "vmallocinfo" | "pagetypeinfo" => 0o400,
                "sysrq-trigger" => 0o200,
                _ => 0o444,
            };
            Some((Thing::Text(Vec::new(), mode), root))
        }
        _ => Some((fact(host, parts)?, root)),
    }
}

fn is_folder(name: &str) -> bool {
    matches!(name, "driver" | "fs" | "irq" | "sys" | "tty")
}

fn current(host: &Host, who: &Who) -> u32 {
    if who.pid != 0 && host.process(who.pid).is_some() { who.pid } else { 1 }
}

fn fact(host: &Host, parts: &[&str]) -> Option<Thing> {
    let persona = host.persona();
    if let Some(own) = persona.kernel_file(&format!("/proc/{}", parts.join("/"))) {
        return text(own);
    }
    match parts {
        ["version"] => {
            text(format!("Linux version {} {} {}\n", persona.kernel, persona.kernel_builder, persona.kernel_version))
        }
        ["uptime"] => text(format!("{:.2} {:.2}\n", host.uptime().as_secs_f64(), host.idle().as_secs_f64())),
        ["loadavg"] => {
            let load = host.load();
            let last = host.state.last_pid();
            text(format!(
                "{:.2} {:.2} {:.2} {}/{} {last}\n",
                load.one, load.five, load.fifteen, load.running, load.total
            ))
        }
        ["cpuinfo"] => text(cpuinfo(persona)),
        ["meminfo"] => text(meminfo(host)),
        ["stat"] => text(stat(host)),
        ["cmdline"] => text(format!(
            "BOOT_IMAGE=/boot/vmlinuz-{} root=UUID={} ro console=tty1 console=ttyS0\n",
            persona.kernel, persona.disk.uuid
        )),
        ["filesystems"] => text(FILESYSTEMS),
        ["devices"] => text(DEVICES),
        ["swaps"] => {
            let memory = host.memory();
            let used = memory.swap_total - memory.swap_free;
            text(format!(
                "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n/swap.img                               file\t\t{}\t{used}\t-2\n",
                memory.swap_total
            ))
        }
        ["partitions"] => {
            let disk = &persona.disk;
            text(format!(
                "major minor  #blocks  name\n\n   8        0 {:>10} sda\n   8        1 {:>10} sda1\n   8       14       4096 sda14\n   8       15     108544 sda15\n",
                disk.size_kib,
                disk.size_kib - 113_665
            ))
        }
        ["diskstats"] => text(diskstats(host)),
        ["modules"] => {
            let mut out = String::new();
            for (name, size, users, by) in MODULES {
                let _ = writeln!(out, "{name} {size} {users} {by} Live 0x0000000000000000");
            }
            text(out)
        }
        ["interrupts"] => text(interrupts(host)),
        ["kallsyms"] => text(kallsyms()),
        ["mdstat"] => text(
            "Personalities : [raid10] [raid6] [raid5] [raid4] [raid1] [raid0] [multipath] [linear] \nunused devices: <none>\n",
        ),
        ["misc"] => text(
            " 58 vcpu_stall\n229 fuse\n228 hpet\n144 nvram\n183 hw_random\n231 snapshot\n227 mcelog\n236 device-mapper\n  1 psaux\n",
        ),
        ["consoles"] => text("tty1                 -WU (EC  p  )    4:1\nttyS0                -W- (E   p a)    4:64\n"),
        ["cgroups"] => text(
            "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t9\t1\t1\ncpu\t3\t71\t1\ncpuacct\t3\t71\t1\nblkio\t8\t71\t1\n\
             memory\t11\t109\t1\ndevices\t6\t71\t1\nfreezer\t7\t2\t1\nnet_cls\t2\t1\t1\nperf_event\t4\t1\t1\nnet_prio\t2\t1\t1\n\
             hugetlb\t10\t1\t1\npids\t5\t77\t1\nrdma\t12\t1\t1\n",
        ),
        ["sys", rest @ ..] => settings(host, rest),
        ["tty"] => folder(&["driver", "drivers", "ldiscs"]),
        ["driver"] => folder(&["rtc"]),
        ["fs"] => folder(&["ext4", "jbd2"]),
        ["irq"] => folder(&["0", "1", "4", "8", "9", "default_smp_affinity"]),
        [name] if NAMES.contains(name) => text(""),
        _ => None,
    }
}

fn cpuinfo(persona: &Persona) -> String {
    let (cpu, cpus) = (&persona.cpu, persona.cpus);
    let mut out = String::new();
    for number in 0..cpus {
        let _ = write!(
            out,
            "processor\t: {number}\nvendor_id\t: {}\ncpu family\t: {}\nmodel\t\t: {}\nmodel name\t: {}\nstepping\t: {}\n\
             microcode\t: {}\ncpu MHz\t\t: {:.3}\ncache size\t: {} KB\nphysical id\t: {number}\nsiblings\t: 1\n\
             core id\t\t: 0\ncpu cores\t: 1\napicid\t\t: {number}\ninitial apicid\t: {number}\nfpu\t\t: yes\n\
             fpu_exception\t: yes\ncpuid level\t: 22\nwp\t\t: yes\nflags\t\t: {}\nbugs\t\t: {}\nbogomips\t: {:.2}\n\
             clflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: 46 bits physical, 48 bits virtual\n\
             power management:\n\n",
            cpu.vendor,
            cpu.family,
            cpu.model,
            cpu.model_name,
            cpu.stepping,
            cpu.microcode,
            cpu.mhz,
            cpu.cache_kib,
            cpu.flags,
            cpu.bugs,
            cpu.bogomips
        );
    }
    out
}

fn meminfo(host: &Host) -> String {
    let memory = host.memory();
    let used = memory.used();
    let active = used * 2 / 3 + memory.cached / 3;
    let inactive = memory.cached / 2 + used / 6;
    let rows: [(&str, u64); 34] = [
        ("MemTotal", memory.total),
        ("MemFree", memory.free),
        ("MemAvailable", memory.available),
        ("Buffers", memory.buffers),
        ("Cached", memory.cached),
        ("SwapCached", 0),
        ("Active", active),
        ("Inactive", inactive),
        ("Active(anon)", used / 2),
        ("Inactive(anon)", memory.shared),
        ("Active(file)", active - used / 2),
        ("Inactive(file)", inactive.saturating_sub(memory.shared)),
        ("Unevictable", 18_396),
        ("Mlocked", 18_396),
        ("SwapTotal", memory.swap_total),
        ("SwapFree", memory.swap_free),
        ("Dirty", memory.free % 400),
        ("Writeback", 0),
        ("AnonPages", used / 2),
        ("Mapped", used / 3),
        ("Shmem", memory.shared),
        ("KReclaimable", memory.slab / 2),
        ("Slab", memory.slab),
        ("SReclaimable", memory.slab / 2),
        ("SUnreclaim", memory.slab - memory.slab / 2),
        ("KernelStack", 2_736),
        ("PageTables", 4_312),
        ("NFS_Unstable", 0),
        ("Bounce", 0),
        ("WritebackTmp", 0),
        ("CommitLimit", memory.swap_total + memory.total / 2),
        ("Committed_AS", used * 2),
        ("VmallocTotal", 34_359_738_367),
        ("VmallocUsed", 15_252),
    ];
    let huge = host.huge_pages();
    let mut out = String::new();
    for (name, kib) in rows {
        let _ = writeln!(out, "{:<15} {kib:>8} kB", format!("{name}:"));
    }
    let _ = write!(
        out,
        "VmallocChunk:          0 kB\nPercpu:             1952 kB\nHardwareCorrupted:     0 kB\nAnonHugePages:         0 kB\n\
         ShmemHugePages:        0 kB\nShmemPmdMapped:        0 kB\nFileHugePages:         0 kB\nFilePmdMapped:         0 kB\n\
         CmaTotal:              0 kB\nCmaFree:               0 kB\nHugePages_Total:   {huge:>5}\nHugePages_Free:    {huge:>5}\n\
         HugePages_Rsvd:        0\nHugePages_Surp:        0\nHugepagesize:       2048 kB\nHugetlb:        {:>8} kB\n\
         DirectMap4k:      143220 kB\nDirectMap2M:    {:>8} kB\nDirectMap1G:           0 kB\n",
        huge * 2048,
        memory.total - memory.total % 2048
    );
    out
}

fn stat(host: &Host) -> String {
    let cpus = u64::from(host.persona().cpus);
    let ticks = |time: std::time::Duration| u64::try_from(time.as_millis() / 10).unwrap_or(0);
    let (up, idle) = (ticks(host.uptime()), ticks(host.idle()));
    let busy = (up * cpus).saturating_sub(idle);
    let line = |name: String, busy: u64, idle: u64| {
        let parts =
            [busy * 52 / 100, busy * 2 / 100, busy * 34 / 100, idle, busy * 9 / 100, 0, busy * 3 / 100, 0, 0, 0];
        let parts: Vec<String> = parts.iter().map(u64::to_string).collect();
        format!("{name} {}\n", parts.join(" "))
    };
    let mut out = line("cpu ".into(), busy, idle);
    for number in 0..cpus {
        let skew = busy / cpus * (95 + number % 10) / 100;
        out.push_str(&line(format!("cpu{number}"), skew, idle / cpus));
    }
    let _ = write!(
        out,
        "intr {} 0 9 0 0 {} 0 0 0 0 0 0 0 15 0 0\nctxt {}\nbtime {}\nprocesses {}\nprocs_running 1\nprocs_blocked 0\n\
         softirq {} 0 {} 12 {} 0 0 1 {} 0 {}\n",
        up / 2 * cpus,
        up % 900,
        up * cpus,
        host.persona().booted,
        host.state.last_pid(),
        up,
        up / 3,
        up / 30,
        up / 4,
        up / 4
    );
    out
}

fn diskstats(host: &Host) -> String {
    let up = host.uptime().as_secs();
    let mut rng = Rng::new(host.persona().seed, "diskstats");
    let (reads, writes) = (rng.between(18_000, 60_000), up / 2 + rng.between(9_000, 30_000));
    let mut out = String::new();
    for loopback in 0..8 {
        let _ = writeln!(out, "   7       {loopback} loop{loopback} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
    }
    for (minor, name, share) in [(0, "sda", 100), (1, "sda1", 99), (14, "sda14", 0), (15, "sda15", 1)] {
        let part = |number: u64| number * share / 100;
        let _ = writeln!(
            out,
            "   8      {minor:>2} {name} {} {} {} {} {} {} {} {} 0 {} {} 0 0 0 0",
            part(reads),
            part(reads / 5),
            part(reads * 44),
            part(reads / 2),
            part(writes),
            part(writes * 2),
            part(writes * 28),
            part(writes * 3 / 2),
            part(writes),
            part(writes + reads / 3)
        );
    }
    out
}

fn interrupts(host: &Host) -> String {
    let cpus = u64::from(host.persona().cpus.min(64));
    let up = host.uptime().as_secs();
    let mut out = String::from("    ");
    for number in 0..cpus {
        let _ = write!(out, "       {:<4}", format!("CPU{number}"));
    }
    out.push('\n');
    let rows: [(&str, u64, &str); 12] = [
        ("  0", 0, "IO-APIC   2-edge      timer"),
        ("  1", 9, "IO-APIC   1-edge      i8042"),
        ("  4", up / 700, "IO-APIC   4-edge      ttyS0"),
        ("  8", 0, "IO-APIC   8-edge      rtc0"),
        ("  9", 0, "IO-APIC   9-fasteoi   acpi"),
        (" 12", 15, "IO-APIC  12-edge      i8042"),
        (" 24", 0, "PCI-MSI 49152-edge      virtio0-config"),
        (" 25", up * 3, "PCI-MSI 49153-edge      virtio0-input.0"),
        (" 26", up * 2, "PCI-MSI 49154-edge      virtio0-output.0"),
        (" 27", 0, "PCI-MSI 65536-edge      virtio1-config"),
        ("LOC", up * 38, "Local timer interrupts"),
        ("RES", up * 5, "Rescheduling interrupts"),
    ];
    for (number, count, name) in rows {
        let _ = write!(out, "{number}:");
        for cpu in 0..cpus {
            let each = if number == "LOC" || number == "RES" {
                count - count * cpu / 50
            } else if cpu == count % cpus {
                count
            } else {
                0
            };
            let _ = write!(out, " {each:>10}");
        }
        let _ = writeln!(out, "  {name}");
    }
    out
}

/// The first symbols, without addresses as `kptr_restrict` wants it.
fn kallsyms() -> String {
    const SYMBOLS: &[&str] = &[
        "A fixed_percpu_data",
        "A __per_cpu_start",
        "A cpu_debug_store",
        "A irq_stack_backing_store",
        "A cpu_tss_rw",
        "A gdt_page",
        "A exception_stacks",
        "A entry_stack_storage",
        "A espfix_waddr",
        "A espfix_stack",
        "A cpu_tlbstate",
        "T startup_64",
        "T _stext",
        "T _text",
        "T secondary_startup_64",
        "T start_cpu0",
        "T __startup_64",
        "T x86_64_start_kernel",
        "T do_one_initcall",
        "T name_to_dev_t",
        "T rootfs_mount",
        "T sys_call_table",
        "T commit_creds",
        "T prepare_kernel_cred",
    ];
    SYMBOLS.iter().map(|symbol| format!("0000000000000000 {symbol}\n")).collect()
}

/// `/proc/sys`
fn settings(host: &Host, parts: &[&str]) -> Option<Thing> {
    let persona = host.persona();
    let open = |value: String| Some(Thing::Text(format!("{value}\n").into_bytes(), 0o644));
    let fixed = |value: &str| text(format!("{value}\n"));
    let iface = persona.iface.as_str();
    match parts {
        [] => folder(&["abi", "debug", "dev", "fs", "kernel", "net", "user", "vm"]),
        ["kernel"] => folder(&[
            "hostname",
            "domainname",
            "osrelease",
            "ostype",
            "version",
            "pid_max",
            "threads-max",
            "random",
            "panic",
            "sysrq",
            "core_pattern",
            "randomize_va_space",
            "kptr_restrict",
            "dmesg_restrict",
            "ngroups_max",
            "cap_last_cap",
            "tainted",
            "perf_event_paranoid",
            "unprivileged_bpf_disabled",
            "modules_disabled",
            "printk",
            "shmmax",
            "msgmax",
            "yama",
        ]),
        ["kernel", "hostname"] => open(host.hostname()),
        ["kernel", "domainname"] => open("(none)".into()),
        ["kernel", "osrelease"] => fixed(&persona.kernel),
        ["kernel", "ostype"] => fixed("Linux"),
        ["kernel", "version"] => fixed(&persona.kernel_version),
        ["kernel", "random"] => folder(&["boot_id", "entropy_avail", "poolsize", "uuid", "urandom_min_reseed_secs"]),
        ["kernel", "random", "boot_id"] => fixed(&persona.boot_id),
        ["kernel", "random", "entropy_avail"] => fixed("3764"),
        ["kernel", "random", "poolsize"] => fixed("4096"),
        ["kernel", "random", "uuid"] => {
            let bytes = crate::base::rng::noise(16);
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
            fixed(&format!("{}-{}-4{}-9{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32)))
        }
        ["kernel", "yama"] => folder(&["ptrace_scope"]),
        ["kernel", name] | ["kernel", "yama", name] => open(match *name {
            "pid_max" => "4194304".into(),
            "threads-max" => (persona.memory_kib / 64).to_string(),
            "panic" | "tainted" | "modules_disabled" | "dmesg_restrict" => "0".into(),
            "sysrq" => "176".into(),
            "core_pattern" => "|/usr/share/apport/apport -p%p -s%s -c%c -d%d -P%P -u%u -g%g -- %E".into(),
            "randomize_va_space" | "unprivileged_bpf_disabled" => "2".into(),
            "kptr_restrict" | "ptrace_scope" => "1".into(),
            "ngroups_max" => "65536".into(),
            "cap_last_cap" => "37".into(),
            "perf_event_paranoid" => "4".into(),
            "printk" => "4\t4\t1\t7".into(),
            "shmmax" => "18446744073692774399".into(),
            "msgmax" => "8192".into(),
            _ => return None,
        }),
        ["vm"] => folder(&[
            "swappiness",
            "overcommit_memory",
            "drop_caches",
            "nr_hugepages",
            "max_map_count",
            "min_free_kbytes",
        ]),
        ["vm", name] => open(
            match *name {
                "swappiness" => "60",
                "overcommit_memory" | "drop_caches" | "nr_hugepages" => "0",
                "max_map_count" => "65530",
                "min_free_kbytes" => "67584",
                _ => return None,
            }
            .into(),
        ),
        ["fs"] => folder(&[
            "file-max",
            "file-nr",
            "inode-nr",
            "nr_open",
            "protected_hardlinks",
            "protected_symlinks",
            "suid_dumpable",
        ]),
        ["fs", name] => open(
            match *name {
                "file-max" => "9223372036854775807",
                "file-nr" => "1472\t0\t9223372036854775807",
                "inode-nr" => "41237\t2210",
                "nr_open" => "1048576",
                "protected_hardlinks" | "protected_symlinks" => "1",
                "suid_dumpable" => "2",
                _ => return None,
            }
            .into(),
        ),
        ["net"] => folder(&["core", "ipv4", "ipv6"]),
        ["net", "ipv4"] => folder(&[
            "ip_forward",
            "tcp_syncookies",
            "ip_local_port_range",
            "icmp_echo_ignore_all",
            "tcp_congestion_control",
            "conf",
        ]),
        ["net", "ipv4", "conf"] => folder(&["all", "default", "lo", iface]),
        ["net", "ipv4", "conf", "all" | "default" | "lo"] => folder(&["forwarding", "accept_redirects", "rp_filter"]),
        ["net", "ipv4", "conf", name] if *name == iface => folder(&["forwarding", "accept_redirects", "rp_filter"]),
        ["net", "ipv4", "conf", "all" | "default" | "lo", name] => {
            open(if *name == "rp_filter" { "2" } else { "0" }.into())
        }
        ["net", "ipv4", name] => open(
            match *name {
                "ip_forward" | "icmp_echo_ignore_all" => "0",
                "tcp_syncookies" => "1",
                "ip_local_port_range" => "32768\t60999",
                "tcp_congestion_control" => "cubic",
                _ => return None,
            }
            .into(),
        ),
        ["net", "core"] => folder(&["somaxconn", "default_qdisc", "rmem_max", "wmem_max"]),
        ["net", "core", name] => open(
            match *name {
                "somaxconn" => "4096",
                "default_qdisc" => "fq_codel",
                "rmem_max" | "wmem_max" => "212992",
                _ => return None,
            }
            .into(),
        ),
        ["net", "ipv6"] => folder(&["conf"]),
        ["net", "ipv6", "conf"] => folder(&["all"]),
        ["net", "ipv6", "conf", "all"] => folder(&["disable_ipv6"]),
        ["net", "ipv6", "conf", "all", "disable_ipv6"] => open("0".into()),
        ["abi" | "debug" | "dev" | "user"] => folder(&[]),
        _ => None,
    }
}

/// `/proc/PID/net`
pub(super) fn net(host: &Host, parts: &[&str]) -> Option<Thing> {
    network::look(host, parts)
}
