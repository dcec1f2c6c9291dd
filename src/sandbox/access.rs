//! Files, outgoing TCP, signals and sockets of others, limited by Landlock (landlock(7)).
//!
//! It must not know users, capabilities, or system call numbers.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, Scope, make_bitflags,
};

use super::{Ledger, Plan, SandboxError};

/// The newest Landlock interface whose rights were looked at here; older kernels do what they can.
const NEWEST: ABI = ABI::V10;

/// No `Execute`: nothing may be run.
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});

/// No links, devices, pipes or sockets: the program needs none, and other tools may trip on them.
const CHANGE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir | Refer
});

/// What each interface brought, the Linux that brought the interface, and what happens without;
/// see "Access rights" in landlock(7).
const PARTS: [(ABI, &str, &str, &str); 6] = [
    (ABI::V1, "5.13", "files limited", "every file stays open to us"),
    (ABI::V2, "5.19", "moves limited", "no file can change its folder"),
    (ABI::V3, "6.2", "truncation limited", "files elsewhere can be cut"),
    (ABI::V4, "6.7", "TCP connects limited", "every port can be dialled"),
    (ABI::V5, "6.10", "device control limited", "devices obey us"),
    (ABI::V6, "6.12", "other processes out of reach", "they get our signals"),
];

const ABSENT: &str = "Not achieved: files, TCP connects and other processes out of reach: this \
    kernel is without Landlock (Linux 5.13), or it is off (add landlock to the boot option lsm=)";

type Rule = (File, BitFlags<AccessFs>);

/// Applies the file, network and scope limits of `plan` to this thread and those it will start.
///
/// # Errors
/// A write folder that cannot be opened; with [`Plan::required`] also a path to read that exists
/// but cannot be opened, and each of [`PARTS`] that the kernel does not have.
pub(super) fn restrict(plan: &Plan, ledger: &mut Ledger) -> Result<(), SandboxError> {
    let rules = file_rules(plan, ledger)?;
    let abi = match apply(rules, &plan.connect_ports) {
        Ok(ABI::Unsupported) => return ledger.miss(ABSENT.to_owned()),
        Ok(abi) => abi,
        Err(error) => return ledger.miss(format!("Landlock refused, nothing is limited: {error}")),
    };
    for (since, linux, part, otherwise) in PARTS {
        if abi >= since {
            ledger.done(part);
        } else {
            ledger.miss(format!(
                "Not achieved: {part}, so {otherwise}: needs Landlock {since} (Linux {linux}), \
                 this kernel has Landlock {abi}"
            ))?;
        }
    }
    // Too new (Linux 7.1) to call a kernel without it lacking.
    if abi >= ABI::V9 {
        ledger.done("socket files limited");
    }
    Ok(())
}

fn file_rules(plan: &Plan, ledger: &mut Ledger) -> Result<Vec<Rule>, SandboxError> {
    let mut rules = Vec::new();
    for path in &plan.write {
        let rule = rule(path, READ | CHANGE).map_err(|source| SandboxError::Folder { path: path.clone(), source })?;
        rules.push(rule);
    }
    for path in &plan.read {
        match rule(path, READ) {
            Ok(rule) => rules.push(rule),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => ledger.miss(format!("{} cannot be read: {error}", path.display()))?,
        }
    }
    Ok(rules)
}

/// Opens `path` as a mere name (`O_PATH`, open(2)), so that pipes do not block and devices do not
/// act, and cuts `rights` down to those the kind of file can have.
fn rule(path: &Path, rights: BitFlags<AccessFs>) -> io::Result<Rule> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path)?;
    let kind = file.metadata()?.file_type();
    let rights = if kind.is_dir() {
        rights
    } else if kind.is_socket() {
        AccessFs::ResolveUnix.into()
    } else {
        rights & AccessFs::from_file(NEWEST)
    };
    Ok((file, rights))
}

/// Returns the interface that is in force, [`ABI::Unsupported`] when there is none.
fn apply(rules: Vec<Rule>, ports: &[u16]) -> Result<ABI, RulesetError> {
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::ConnectTcp)?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    for (file, rights) in rules {
        ruleset = ruleset.add_rule(PathBeneath::new(file, rights))?;
    }
    for port in ports {
        ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    Ok(ruleset.restrict_self()?.landlock.into())
}
