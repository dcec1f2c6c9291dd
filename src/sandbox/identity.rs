//! Who the process is: the user it becomes, the folders given to that user, its capabilities.
//!
//! It must not know which parts of the sandbox come before or after.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;

use caps::CapSet;
use nix::unistd::{self, Gid, Uid, User};

use super::{Ledger, SandboxError};

/// The user to switch to, or `None` when we are that user already.
pub(super) fn find_user(name: &str) -> Result<Option<User>, SandboxError> {
    let user = User::from_name(name)
        .map_err(|errno| switch_error(name, "looking up the user", errno))?
        .ok_or_else(|| SandboxError::UnknownUser(name.to_owned()))?;
    let ids = unistd::getresuid().map_err(|errno| switch_error(name, "getresuid", errno))?;
    if user.uid.is_root() {
        Err(SandboxError::UserIsRoot(name.to_owned()))
    } else if [ids.real, ids.effective, ids.saved].iter().all(|id| *id == user.uid) {
        Ok(None)
    } else if ids.effective.is_root() {
        Ok(Some(user))
    } else {
        Err(SandboxError::NotRoot(name.to_owned()))
    }
}

/// Gives a folder and all it holds to `user`. Files with a second name (hard link) are left
/// alone, since that name may lie elsewhere.
pub(super) fn hand_over(folder: &Path, user: &User, ledger: &mut Ledger) -> Result<(), SandboxError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| SandboxError::Folder { path, source }
    };
    if !fs::symlink_metadata(folder).map_err(fail(folder))?.is_dir() {
        return Err(fail(folder)(io::ErrorKind::NotADirectory.into()));
    }
    let mut todo = vec![folder.to_owned()];
    while let Some(path) = todo.pop() {
        let meta = fs::symlink_metadata(&path).map_err(fail(&path))?;
        if meta.is_dir() {
            for entry in fs::read_dir(&path).map_err(fail(&path))? {
                todo.push(entry.map_err(fail(&path))?.path());
            }
        }
        if (meta.uid(), meta.gid()) == (user.uid.as_raw(), user.gid.as_raw()) {
            continue;
        }
        if !meta.is_dir() && meta.nlink() > 1 {
            ledger.miss(format!("{} has hard links and keeps its owner", path.display()))?;
            continue;
        }
        lchown(&path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(fail(&path))?;
    }
    Ok(())
}

/// Takes the user's ids and no supplementary group at all, see setgroups(2) and setuid(2).
pub(super) fn become_user(user: &User) -> Result<(), SandboxError> {
    let fail = |step| move |errno| switch_error(&user.name, step, errno);
    unistd::setgroups(&[]).map_err(fail("setgroups"))?;
    unistd::setgid(user.gid).map_err(fail("setgid"))?;
    unistd::setuid(user.uid).map_err(fail("setuid"))
}

fn switch_error(user: &str, step: &'static str, errno: nix::Error) -> SandboxError {
    SandboxError::Switch { user: user.to_owned(), step, source: errno.into() }
}

pub(super) fn check_no_return(user: &User) -> Result<(), SandboxError> {
    let root = Uid::from_raw(0);
    let uids =
        unistd::getresuid().is_ok_and(|ids| [ids.real, ids.effective, ids.saved].iter().all(|id| *id == user.uid));
    let gids =
        unistd::getresgid().is_ok_and(|ids| [ids.real, ids.effective, ids.saved].iter().all(|id| *id == user.gid));
    let groups = unistd::getgroups().is_ok_and(|groups| groups.is_empty());
    let stuck = unistd::setuid(root).is_err() && unistd::seteuid(root).is_err();
    let group_stuck = user.gid.as_raw() == 0 || unistd::setgid(Gid::from_raw(0)).is_err();
    if uids && gids && groups && stuck && group_stuck {
        Ok(())
    } else {
        Err(SandboxError::Reversible(user.name.clone()))
    }
}

/// Effective goes before permitted: capset(2) refuses an effective set beyond the permitted one.
pub(super) fn drop_capabilities() -> Result<(), caps::errors::CapsError> {
    [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted]
        .into_iter()
        .try_for_each(|set| caps::clear(None, set))
}
