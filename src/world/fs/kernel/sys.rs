//! `/sys`: the little of it that somebody asks for.

use super::{Thing, folder, text};
use crate::world::Host;

pub(super) fn look(host: &Host, parts: &[&str]) -> Option<Thing> {
    let persona = host.persona();
    let iface = persona.iface.as_str();
    let line = |value: &str| text(format!("{value}\n"));
    let private = |value: &str| Some(Thing::Text(format!("{value}\n").into_bytes(), 0o400));
    let last = persona.cpus.saturating_sub(1);
    match parts {
        [] => folder(&[
            "block",
            "bus",
            "class",
            "dev",
            "devices",
            "firmware",
            "fs",
            "hypervisor",
            "kernel",
            "module",
            "power",
        ]),
        ["block"] => folder(&["loop0", "loop1", "loop2", "loop3", "sda"]),
        ["block", "sda"] => folder(&["device", "dev", "queue", "removable", "ro", "sda1", "size", "stat"]),
        ["block", "sda", "size"] => line(&(persona.disk.size_kib * 2).to_string()),
        ["block", "sda", "dev"] => line("8:0"),
        ["block", "sda", "removable" | "ro"] => line("0"),
        ["block", "sda", "device"] => folder(&["model", "vendor", "type"]),
        ["block", "sda", "device", "model"] => line("QEMU HARDDISK   "),
        ["block", "sda", "device", "vendor"] => line("QEMU    "),
        ["block", "sda", "device", "type"] => line("0"),
        ["block", "sda", "queue"] => folder(&["rotational", "scheduler"]),
        ["block", "sda", "queue", "rotational"] => line("1"),
        ["block", "sda", "queue", "scheduler"] => line("[mq-deadline] none"),
        ["block", "sda", "sda1"] => folder(&["size", "start"]),
        ["block", "sda", "sda1", "start"] => line("227328"),
        ["block", "sda", "sda1", "size"] => line(&(persona.disk.size_kib * 2 - 227_330).to_string()),
        ["class"] => folder(&["block", "dmi", "input", "mem", "net", "power_supply", "thermal", "tty"]),
        ["class", "net"] => folder(&[iface, "lo"]),
        ["class", "net", name] if *name == iface || *name == "lo" => {
            folder(&["address", "carrier", "flags", "ifindex", "mtu", "operstate", "speed", "statistics", "type"])
        }
        ["class", "net", name, file] if *name == iface || *name == "lo" => {
            let own = *name == iface;
            line(match *file {
                "address" if own => &persona.mac,
                "address" => "00:00:00:00:00:00",
                "carrier" => "1",
                "flags" => {
                    if own {
                        "0x1003"
                    } else {
                        "0x9"
                    }
                }
                "ifindex" => {
                    if own {
                        "2"
                    } else {
                        "1"
                    }
                }
                "mtu" => {
                    if own {
                        "1500"
                    } else {
                        "65536"
                    }
                }
                "operstate" => {
                    if own {
                        "up"
                    } else {
                        "unknown"
                    }
                }
                "speed" => "-1",
                "type" => {
                    if own {
                        "1"
                    } else {
                        "772"
                    }
                }
                _ => return None,
            })
        }
        ["class", "block"] => folder(&["loop0", "loop1", "loop2", "loop3", "sda", "sda1"]),
        ["class", "dmi"] => folder(&["id"]),
        ["class", "dmi", "id"] => Some(Thing::Link(b"../../devices/virtual/dmi/id".to_vec())),
        ["class", "power_supply" | "thermal"] => folder(&[]),
        ["devices"] => folder(&["system", "virtual"]),
        ["devices", "virtual"] => folder(&["dmi"]),
        ["devices", "virtual", "dmi"] => folder(&["id"]),
        ["devices", "virtual", "dmi", "id"] => folder(&[
            "bios_date",
            "bios_vendor",
            "bios_version",
            "board_vendor",
            "chassis_type",
            "chassis_vendor",
            "chassis_version",
            "modalias",
            "product_name",
            "product_serial",
            "product_uuid",
            "product_version",
            "sys_vendor",
            "uevent",
        ]),
        ["devices", "virtual", "dmi", "id", name] => match *name {
            "bios_date" => line("04/01/2014"),
            "bios_vendor" => line("SeaBIOS"),
            "bios_version" => line("1.13.0-1ubuntu1.1"),
            "chassis_type" => line("1"),
            "sys_vendor" | "chassis_vendor" | "board_vendor" => line("QEMU"),
            "chassis_version" | "product_version" => line("pc-i440fx-focal"),
            "product_name" => line("Standard PC (i440FX + PIIX, 1996)"),
            "product_serial" => private("Not Specified"),
            "product_uuid" => private(&persona.disk.uuid.replace('a', "7")),
            _ => text(""),
        },
        ["devices", "system"] => folder(&["cpu", "memory", "node"]),
        ["devices", "system", "cpu"] => {
            let cpus = (0..persona.cpus).map(|number| format!("cpu{number}"));
            let rest = ["kernel_max", "offline", "online", "possible", "present", "vulnerabilities"].map(String::from);
            Some(Thing::Folder(cpus.chain(rest).collect()))
        }
        ["devices", "system", "cpu", "online" | "possible" | "present"] => line(&format!("0-{last}")),
        ["devices", "system", "cpu", "offline"] => line(""),
        ["devices", "system", "cpu", "kernel_max"] => line("8191"),
        ["devices", "system", "cpu", "vulnerabilities"] => {
            folder(&["l1tf", "mds", "meltdown", "spectre_v1", "spectre_v2"])
        }
        ["devices", "system", "cpu", "vulnerabilities", name] => line(match *name {
            "l1tf" | "mds" | "meltdown" => "Not affected",
            "spectre_v1" => "Mitigation: usercopy/swapgs barriers and __user pointer sanitization",
            "spectre_v2" => "Mitigation: Enhanced IBRS, IBPB conditional, RSB filling, PBRSB-eIBRS SW sequence",
            _ => return None,
        }),
        ["devices", "system", "cpu", cpu]
            if cpu.strip_prefix("cpu").is_some_and(|n| n.parse::<u32>().is_ok_and(|n| n <= last)) =>
        {
            folder(&["topology", "uevent"])
        }
        ["devices", "system", "node"] => folder(&["node0", "online"]),
        ["devices", "system", "node", "online"] => line("0"),
        ["devices", "system", "memory" | "node", ..] => None,
        ["kernel"] => folder(&["debug", "mm", "security", "uevent_seqnum"]),
        ["kernel", "debug" | "security"] => folder(&[]),
        ["kernel", "uevent_seqnum"] => line("3917"),
        ["kernel", "mm"] => folder(&["transparent_hugepage"]),
        ["kernel", "mm", "transparent_hugepage"] => folder(&["enabled"]),
        ["kernel", "mm", "transparent_hugepage", "enabled"] => {
            Some(Thing::Text(b"always [madvise] never\n".to_vec(), 0o644))
        }
        ["fs"] => folder(&["bpf", "cgroup", "ext4", "fuse", "pstore"]),
        ["power"] => folder(&["state"]),
        ["power", "state"] => line("freeze mem disk"),
        ["bus" | "dev" | "firmware" | "hypervisor" | "module"] => folder(&[]),
        ["fs", "bpf" | "cgroup" | "ext4" | "fuse" | "pstore"] => folder(&[]),
        _ => None,
    }
}
