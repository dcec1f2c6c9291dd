//! What PAM shows behind a login: the message of the day.

use crate::world::{Host, Who};

/// Bytes of a file that are shown.
pub(super) const SHOWN: usize = 16 << 10;

/// What comes before `/etc/motd`: Ubuntu's welcome, or Debian's line of the kernel.
fn head(host: &Host) -> String {
    let persona = host.persona();
    if persona.os_id == "ubuntu" {
        format!(
            "Welcome to {} (GNU/Linux {} {})\n\n * Documentation:  https://help.ubuntu.com\n \
             * Management:     https://landscape.canonical.com\n * Support:        https://ubuntu.com/advantage\n\n",
            persona.os_pretty, persona.kernel, persona.machine
        )
    } else {
        format!("Linux {} {} {} {}\n", persona.hostname, persona.kernel, persona.kernel_version, persona.machine)
    }
}

/// The message of the day as `pam_motd` shows it.
pub(super) fn motd(host: &Host) -> Vec<u8> {
    let file = host.read_file(&Who::root(), b"/etc/motd", SHOWN).unwrap_or_default();
    [head(host).into_bytes(), file].concat()
}
