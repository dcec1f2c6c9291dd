//! System calls that this program never needs but an intruder would, answered with an error by
//! seccomp(2). A deny list, so that a new libc or runtime cannot break the program.
//!
//! It must not know anything about users, files or ports.

use std::collections::BTreeMap;
use std::env;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, sock_filter,
};

/// Denied whatever the arguments, with `EPERM`.
const DENIED: &[i64] = &[
    // New programs, other processes.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_personality,
    // File systems, handles around them, namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // Parts of the kernel with a history of holes.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // The machine as a whole.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// open_tree_attr(2) of Linux 6.15, the same number everywhere; libc has no name for it yet.
const OPEN_TREE_ATTR: i64 = 467;

/// Families a socket may have; packet sockets and the like must be opened before.
const FAMILIES: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// Protocols a socket may have (0 is the family's default). Landlock lets MPTCP dial any port,
/// plain TCP servers included (seen on Linux 6.18), and does not know SMC or SCTP either.
const PROTOCOLS: [i32; 3] = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP];

/// Denies, for this thread and those it will start, the calls listed in this file.
///
/// A process that uses the 32-bit x86 table of system calls is killed.
///
/// # Errors
/// No seccomp in this kernel, an architecture unknown to seccompiler, or an outer filter that
/// forbids another one.
pub(super) fn deny() -> Result<(), seccompiler::Error> {
    let mut programs = vec![
        compile(denied_calls()?, libc::EPERM)?,
        // The flags of clone3 lie in memory, out of reach; libc then takes clone instead.
        compile(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)?,
    ];
    if cfg!(target_arch = "x86_64") {
        programs.push(no_x32());
    }
    programs.iter().try_for_each(|program| seccompiler::apply_filter(program))
}

fn compile(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) -> Result<BpfProgram, BackendError> {
    SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno.unsigned_abs()),
        env::consts::ARCH.try_into()?,
    )?
    .try_into()
}

fn denied_calls() -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let mut calls: BTreeMap<_, _> = DENIED.iter().map(|call| (*call, Vec::new())).collect();
    calls.insert(libc::SYS_socket, vec![none_of(0, &FAMILIES)?, none_of(2, &PROTOCOLS)?]);
    // A user namespace would give capabilities back.
    calls.insert(libc::SYS_clone, vec![has_flag(0, libc::CLONE_NEWUSER)?]);
    // Sending with this flag dials, unseen by Landlock (on Linux 6.18), which watches connect(2).
    calls.insert(libc::SYS_sendto, vec![has_flag(3, libc::MSG_FASTOPEN)?]);
    calls.insert(libc::SYS_sendmsg, vec![has_flag(2, libc::MSG_FASTOPEN)?]);
    calls.insert(libc::SYS_sendmmsg, vec![has_flag(3, libc::MSG_FASTOPEN)?]);
    Ok(calls)
}

fn none_of(argument: u8, values: &[i32]) -> Result<SeccompRule, BackendError> {
    let differs = |value: &i32| {
        let value = u64::from(value.unsigned_abs());
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
    };
    SeccompRule::new(values.iter().map(differs).collect::<Result<_, _>>()?)
}

fn has_flag(argument: u8, flag: i32) -> Result<SeccompRule, BackendError> {
    let flag = u64::from(flag.unsigned_abs());
    let operator = SeccompCmpOp::MaskedEq(flag);
    let is_set = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, flag)?;
    SeccompRule::new(vec![is_set])
}

/// The x32 table has its own numbers for the same calls, all from bit 30 on, and seccompiler takes
/// them for unknown 64-bit ones: load the number, and refuse if it is that high (seccomp(2)).
fn no_x32() -> BpfProgram {
    let instruction = |code, jf, k| sock_filter { code, jt: 0, jf, k };
    let (load, jump_if_at_least, answer) = (0x20, 0x35, 0x06);
    vec![
        instruction(load, 0, 0),
        instruction(jump_if_at_least, 1, 0x4000_0000),
        instruction(answer, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs()),
        instruction(answer, 0, libc::SECCOMP_RET_ALLOW),
    ]
}
