//! `lscpu` (util-linux 2.34), from what `/proc/cpuinfo` and `/sys` say.

use super::common::{decode, file};
use crate::shell::cmd::Cmd;
use crate::shell::commands::options;
use crate::world::Who;

/// The value of a line of /proc/cpuinfo.
fn fact(info: &str, key: &str) -> Option<String> {
    info.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_string())
    })
}

/// `0,1`, `0-3`
fn range(count: u32) -> String {
    match count {
        0 | 1 => "0".into(),
        2 => "0,1".into(),
        count => format!("0-{}", count - 1),
    }
}

fn size(kib: u64) -> String {
    if kib >= 1024 { format!("{} MiB", kib / 1024) } else { format!("{kib} KiB") }
}

pub(super) fn run(c: &mut Cmd) -> i32 {
    const TABLE: &str = "a,all b,online B,bytes C,caches? c,offline J,json e,extended? p,parse? s,sysroot= x,hex y,physical h,help \
                         V,version output-all";
    let found = match options::take(c, TABLE, 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    let info = file(c.host(), "/proc/cpuinfo");
    let p = c.host().persona().clone();
    let cpus = u32::try_from(info.lines().filter(|line| line.starts_with("processor")).count()).unwrap_or(1).max(1);
    let number = |key: &str| fact(&info, key).and_then(|text| text.parse::<u32>().ok());
    let cores = number("cpu cores").unwrap_or(cpus).max(1);
    let siblings = number("siblings").unwrap_or(cores).max(1);
    let sockets = (cpus / siblings).max(1);
    let amd = p.cpu.vendor == "AuthenticAMD";
    let instances = u64::from(cores * sockets);
    if found.has("p") {
        c.out("# The following is the parsable format, which can be fed to other\n# programs. Each different item in every column has an unique ID\n# starting from zero.\n# CPU,Core,Socket,Node,,L1d,L1i,L2,L3\n");
        for cpu in 0..cpus {
            c.out(&format!(
                "{cpu},{},{},0,,{},{},{},0\n",
                cpu % cores,
                cpu / siblings,
                cpu % cores,
                cpu % cores,
                cpu % cores
            ));
        }
        return 0;
    }
    if found.has("e") {
        c.out("CPU NODE SOCKET CORE L1d:L1i:L2:L3 ONLINE\n");
        for cpu in 0..cpus {
            let core = cpu % cores;
            c.out(&format!(
                "{cpu:>3}    0 {:>6} {core:>4} {:<13} {:>6}\n",
                cpu / siblings,
                format!("{core}:{core}:{core}:0"),
                "yes"
            ));
        }
        return 0;
    }
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut add = |key: &str, value: String| rows.push((key.to_string(), value));
    add("Architecture", p.machine.clone());
    add("CPU op-mode(s)", "32-bit, 64-bit".into());
    add("Byte Order", "Little Endian".into());
    add("Address sizes", fact(&info, "address sizes").unwrap_or_else(|| "40 bits physical, 48 bits virtual".into()));
    add("CPU(s)", cpus.to_string());
    add("On-line CPU(s) list", range(cpus));
    add("Thread(s) per core", (siblings / cores).max(1).to_string());
    add("Core(s) per socket", cores.to_string());
    add("Socket(s)", sockets.to_string());
    add("NUMA node(s)", "1".into());
    add("Vendor ID", fact(&info, "vendor_id").unwrap_or_default());
    add("CPU family", fact(&info, "cpu family").unwrap_or_default());
    add("Model", fact(&info, "model").unwrap_or_default());
    add("Model name", fact(&info, "model name").unwrap_or_default());
    add("Stepping", fact(&info, "stepping").unwrap_or_default());
    add("CPU MHz", fact(&info, "cpu MHz").unwrap_or_default());
    add("BogoMIPS", fact(&info, "bogomips").unwrap_or_default());
    add("Hypervisor vendor", "KVM".into());
    add("Virtualization type", "full".into());
    let l2 = if amd { 512 } else { 1024 };
    add("L1d cache", size(32 * instances));
    add("L1i cache", size(32 * instances));
    add("L2 cache", size(l2 * instances));
    add("L3 cache", size(u64::from(p.cpu.cache_kib).max(1024) * u64::from(sockets)));
    add("NUMA node0 CPU(s)", range(cpus));
    let folder = b"/sys/devices/system/cpu/vulnerabilities";
    for (name, _) in c.host().list(&Who::root(), folder).unwrap_or_default() {
        let name = decode(&name);
        let text = file(c.host(), &format!("/sys/devices/system/cpu/vulnerabilities/{name}"));
        let mut title = name.replace('_', " ");
        if let Some(first) = title.get(..1).map(str::to_uppercase) {
            title.replace_range(..1, &first);
        }
        add(&format!("Vulnerability {title}"), text.trim().replacen(": ", "; ", 1));
    }
    add("Flags", fact(&info, "flags").unwrap_or_default());
    if found.has("J") {
        let cells: Vec<String> =
            rows.iter().map(|(key, value)| format!("      {{\"field\": \"{key}:\", \"data\": \"{value}\"}}")).collect();
        c.out(&format!("{{\n   \"lscpu\": [\n{}\n   ]\n}}\n", cells.join(",\n")));
        return 0;
    }
    let wide = rows.iter().map(|(key, _)| key.len()).max().unwrap_or(0).max(31) + 2;
    for (key, value) in rows {
        c.out(&format!("{:<wide$}{value}\n", format!("{key}:")));
    }
    0
}
