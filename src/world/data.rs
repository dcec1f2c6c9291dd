//! The texts of `data/files` that are built in, by set and path; `data/README.md` says what the sets are.

/// A file: its path on the host, and its text with words in braces.
pub(super) type Text = (&'static str, &'static str);

/// Files of one set, each named by its path on the host.
macro_rules! files {
    ($set:literal: $($path:literal)*) => {
        &[$(($path, include_str!(concat!("../../data/files/", $set, $path)))),*]
    };
}

/// Modes, owners and links of what is in the sets.
pub(super) const ATTRIBUTES: &str = include_str!("../../data/files/attributes.tsv");

/// The sets by name.
const SETS: [(&str, &[Text]); 4] =
    [("common", COMMON), ("ubuntu-20.04", UBUNTU), ("debian-12", DEBIAN), ("busybox", BUSYBOX)];

/// A set with its name.
pub(super) fn set(name: &str) -> Option<(&'static str, &'static [Text])> {
    SETS.into_iter().find(|(known, _)| *known == name)
}

const COMMON: &[Text] = files!("common":
    "/etc/aliases"
    "/etc/apt/apt.conf.d/20auto-upgrades"
    "/etc/cron.d/.placeholder"
    "/etc/cron.d/e2scrub_all"
    "/etc/cron.daily/.placeholder"
    "/etc/cron.daily/apt-compat"
    "/etc/cron.daily/dpkg"
    "/etc/cron.daily/logrotate"
    "/etc/cron.daily/man-db"
    "/etc/cron.hourly/.placeholder"
    "/etc/cron.monthly/.placeholder"
    "/etc/cron.weekly/.placeholder"
    "/etc/default/cron"
    "/etc/default/dbus"
    "/etc/default/hwclock"
    "/etc/default/locale"
    "/etc/default/networking"
    "/etc/default/nginx"
    "/etc/default/nss"
    "/etc/default/rsync"
    "/etc/default/ssh"
    "/etc/default/ufw"
    "/etc/default/useradd"
    "/etc/deluser.conf"
    "/etc/environment"
    "/etc/ethertypes"
    "/etc/ftpusers"
    "/etc/host.conf"
    "/etc/hostname"
    "/etc/hosts"
    "/etc/hosts.allow"
    "/etc/hosts.deny"
    "/etc/ld.so.conf"
    "/etc/ld.so.conf.d/libc.conf"
    "/etc/ld.so.conf.d/x86_64-linux-gnu.conf"
    "/etc/locale.gen"
    "/etc/logrotate.conf"
    "/etc/logrotate.d/alternatives"
    "/etc/logrotate.d/apt"
    "/etc/logrotate.d/btmp"
    "/etc/logrotate.d/dpkg"
    "/etc/logrotate.d/nginx"
    "/etc/logrotate.d/unattended-upgrades"
    "/etc/logrotate.d/vsftpd"
    "/etc/logrotate.d/wtmp"
    "/etc/machine-id"
    "/etc/mailname"
    "/etc/modules"
    "/etc/networks"
    "/etc/nginx/fastcgi_params"
    "/etc/nginx/mime.types"
    "/etc/nginx/proxy_params"
    "/etc/nginx/sites-available/default"
    "/etc/nginx/snippets/snakeoil.conf"
    "/etc/pam.d/chfn"
    "/etc/pam.d/chpasswd"
    "/etc/pam.d/chsh"
    "/etc/pam.d/cron"
    "/etc/pam.d/login"
    "/etc/pam.d/newusers"
    "/etc/pam.d/other"
    "/etc/pam.d/passwd"
    "/etc/pam.d/runuser"
    "/etc/pam.d/sshd"
    "/etc/pam.d/su"
    "/etc/pam.d/su-l"
    "/etc/pam.d/sudo"
    "/etc/pam.d/vsftpd"
    "/etc/profile"
    "/etc/profile.d/bash_completion.sh"
    "/etc/protocols"
    "/etc/rpc"
    "/etc/rsyslog.d/20-ufw.conf"
    "/etc/rsyslog.d/postfix.conf"
    "/etc/security/limits.conf"
    "/etc/services"
    "/etc/skel/.bash_logout"
    "/etc/skel/.profile"
    "/etc/subgid"
    "/etc/subuid"
    "/etc/sudoers.d/README"
    "/etc/sysctl.conf"
    "/etc/timezone"
    "/etc/vsftpd.conf"
    "/home/USER/.bash_logout"
    "/home/USER/.profile"
    "/root/.profile"
    "/usr/bin/lesspipe"
    "/var/www/html/index.nginx-debian.html"
);

const UBUNTU: &[Text] = files!("ubuntu-20.04":
    "/etc/adduser.conf"
    "/etc/apt/sources.list"
    "/etc/bash.bashrc"
    "/etc/crontab"
    "/etc/debian_version"
    "/etc/default/apport"
    "/etc/default/console-setup"
    "/etc/default/grub"
    "/etc/default/irqbalance"
    "/etc/default/keyboard"
    "/etc/default/motd-news"
    "/etc/default/rsyslog"
    "/etc/fstab"
    "/etc/group"
    "/etc/gshadow"
    "/etc/inetd.conf"
    "/etc/issue"
    "/etc/issue.net"
    "/etc/legal"
    "/etc/login.defs"
    "/etc/logrotate.conf"
    "/etc/logrotate.d/rsyslog"
    "/etc/logrotate.d/ufw"
    "/etc/lsb-release"
    "/etc/netplan/00-installer-config.yaml"
    "/etc/nginx/nginx.conf"
    "/etc/nsswitch.conf"
    "/etc/pam.d/common-account"
    "/etc/pam.d/common-auth"
    "/etc/pam.d/common-password"
    "/etc/pam.d/common-session"
    "/etc/pam.d/common-session-noninteractive"
    "/etc/passwd"
    "/etc/postfix/main.cf"
    "/etc/postfix/master.cf"
    "/etc/rsyslog.conf"
    "/etc/rsyslog.d/50-default.conf"
    "/etc/shadow"
    "/etc/shells"
    "/etc/skel/.bashrc"
    "/etc/ssh/ssh_config"
    "/etc/ssh/sshd_config"
    "/etc/ssh/sshd_config.d/local.conf"
    "/etc/ssl/openssl.cnf"
    "/etc/sudoers"
    "/etc/update-motd.d/00-header"
    "/etc/update-motd.d/10-help-text"
    "/etc/update-motd.d/50-landscape-sysinfo"
    "/etc/update-motd.d/50-motd-news"
    "/etc/update-motd.d/90-updates-available"
    "/etc/update-motd.d/91-release-upgrade"
    "/etc/update-motd.d/92-unattended-upgrades"
    "/etc/update-motd.d/95-hwe-eol"
    "/etc/update-motd.d/98-fsck-at-reboot"
    "/etc/update-motd.d/98-reboot-required"
    "/home/USER/.bashrc"
    "/root/.bashrc"
    "/run/systemd/resolve/resolv.conf"
    "/run/systemd/resolve/stub-resolv.conf"
    "/usr/lib/os-release"
);

const DEBIAN: &[Text] = files!("debian-12":
    "/etc/adduser.conf"
    "/etc/apt/sources.list"
    "/etc/bash.bashrc"
    "/etc/crontab"
    "/etc/debian_version"
    "/etc/default/grub"
    "/etc/environment"
    "/etc/fstab"
    "/etc/group"
    "/etc/gshadow"
    "/etc/inetd.conf"
    "/etc/issue"
    "/etc/issue.net"
    "/etc/login.defs"
    "/etc/logrotate.d/rsyslog"
    "/etc/logrotate.d/ufw"
    "/etc/motd"
    "/etc/network/interfaces"
    "/etc/nginx/nginx.conf"
    "/etc/nsswitch.conf"
    "/etc/pam.d/common-account"
    "/etc/pam.d/common-auth"
    "/etc/pam.d/common-password"
    "/etc/pam.d/common-session"
    "/etc/pam.d/common-session-noninteractive"
    "/etc/passwd"
    "/etc/postfix/main.cf"
    "/etc/postfix/master.cf"
    "/etc/profile"
    "/etc/resolv.conf"
    "/etc/rsyslog.conf"
    "/etc/shadow"
    "/etc/shells"
    "/etc/skel/.bashrc"
    "/etc/ssh/ssh_config"
    "/etc/ssh/sshd_config"
    "/etc/ssh/sshd_config.d/local.conf"
    "/etc/ssl/openssl.cnf"
    "/etc/sudoers"
    "/etc/update-motd.d/10-uname"
    "/etc/update-motd.d/92-unattended-upgrades"
    "/home/USER/.bashrc"
    "/root/.bashrc"
    "/usr/lib/os-release"
);

const BUSYBOX: &[Text] = files!("busybox":
    "/etc/TZ"
    "/etc/fstab"
    "/etc/group"
    "/etc/hostname"
    "/etc/hosts"
    "/etc/init.d/rcS"
    "/etc/inittab"
    "/etc/issue"
    "/etc/passwd"
    "/etc/profile"
    "/etc/resolv.conf"
    "/etc/services"
    "/etc/shadow"
    "/etc/shells"
    "/etc/udhcpd.conf"
    "/etc/version"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_on_the_disk_is_built_in() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/files");
        for (name, _) in SETS {
            let (mut todo, mut found) = (vec![root.join(name)], Vec::new());
            while let Some(folder) = todo.pop() {
                for entry in std::fs::read_dir(folder).unwrap() {
                    let path = entry.unwrap().path();
                    if path.is_dir() {
                        todo.push(path);
                    } else {
                        found.push(format!("/{}", path.strip_prefix(root.join(name)).unwrap().display()));
                    }
                }
            }
            found.sort();
            let built: Vec<String> = set(name).unwrap().1.iter().map(|(path, _)| path.to_string()).collect();
            assert_eq!(found, built, "{name}");
        }
    }
}
