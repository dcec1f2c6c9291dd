//! A binary that the attacker brought. It is never run: for the wrong processor the kernel refuses it, else it becomes
//! a process of the simulated host that stays for a while.

use crate::shell::io::Fail;
use crate::shell::kernel::{Status, Stop};
use crate::shell::program::Spec;
use crate::shell::text;

/// What running it looks like.
pub(in crate::shell) async fn main(spec: Spec, runs: bool) -> Result<Status, Stop> {
    if !runs {
        let name = spec.argv.first().cloned().unwrap_or_default();
        let line = format!("-bash: {name}: cannot execute binary file: Exec format error\n");
        if let Some(open) = spec.fds.get(&2)
            && let Err(Fail::Stop(stop)) = open.write(&spec.kernel, &text::encode(&line)).await
        {
            return Err(stop);
        }
        return Ok(126);
    }
    Ok(0)
}
