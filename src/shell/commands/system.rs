//! Commands about the system, its processes, the network and administration.

mod accounts;
mod alternatives;
mod at;
mod busybox;
mod common;
mod crontab;
mod curl;
mod dev;
mod disks;
mod editor;
mod env;
mod firewall;
mod free;
mod identity;
mod interfaces;
mod kernel;
mod keygen;
mod launch;
mod local;
mod lscpu;
mod naming;
mod packages;
mod pager;
mod perl;
mod ping;
mod power;
mod privilege;
mod ps;
mod ps_column;
mod pstree;
mod python;
mod rsync;
mod scp;
mod screen;
mod signal;
mod small;
mod sockets;
mod ssh;
mod stty;
mod systemd;
mod top;
mod transfer;
mod url;
mod wget;
mod who;

#[cfg(test)]
mod tests;

use super::super::cmd::{Cmd, Run};
use super::help as recorded;

pub(in crate::shell) use busybox::{is_applet, main as busybox_main};
use python::general as python_general;

/// How an applet is used, as busybox prints it after a mistake.
fn applet_use(c: &Cmd, name: &str) -> String {
    format!("{}{}", busybox::version(c.host()), recorded::applet(name).unwrap_or_default())
}

/// Prints how an applet is used; its status.
fn busybox_use(c: &mut Cmd, name: &str) -> i32 {
    let text = applet_use(c, name);
    c.err(&text);
    1
}

/// Program names and what acts them.
pub(super) static TABLE: &[(&str, Run)] = &[
    ("addgroup", Run::Flow(|c| Box::pin(accounts::adduser(c)))),
    ("adduser", Run::Flow(|c| Box::pin(accounts::adduser(c)))),
    ("arch", Run::Plain(naming::arch)),
    ("arp", Run::Plain(interfaces::arp)),
    ("at", Run::Flow(|c| Box::pin(at::run(c)))),
    ("atq", Run::Flow(|c| Box::pin(at::run(c)))),
    ("atrm", Run::Flow(|c| Box::pin(at::run(c)))),
    ("batch", Run::Flow(|c| Box::pin(at::run(c)))),
    ("blkid", Run::Plain(disks::blkid)),
    ("chage", Run::Plain(accounts::chage)),
    ("chfn", Run::Flow(|c| Box::pin(accounts::chsh(c)))),
    ("chpasswd", Run::Flow(|c| Box::pin(accounts::chpasswd(c)))),
    ("chsh", Run::Flow(|c| Box::pin(accounts::chsh(c)))),
    ("delgroup", Run::Plain(accounts::groupdel)),
    ("deluser", Run::Plain(accounts::userdel)),
    ("gpasswd", Run::Flow(|c| Box::pin(accounts::gpasswd(c)))),
    ("groupadd", Run::Plain(accounts::groupadd)),
    ("groupdel", Run::Plain(accounts::groupdel)),
    ("groupmod", Run::Plain(accounts::groupmod)),
    ("passwd", Run::Flow(|c| Box::pin(accounts::passwd(c)))),
    ("runuser", Run::Flow(|c| Box::pin(privilege::su(c)))),
    ("su", Run::Flow(|c| Box::pin(privilege::su(c)))),
    ("sudo", Run::Flow(|c| Box::pin(privilege::sudo(c)))),
    ("sudoedit", Run::Flow(|c| Box::pin(privilege::sudo(c)))),
    ("useradd", Run::Plain(accounts::useradd)),
    ("userdel", Run::Plain(accounts::userdel)),
    ("usermod", Run::Plain(accounts::usermod)),
    ("chroot", Run::Flow(|c| Box::pin(launch::chroot(c)))),
    ("chrt", Run::Flow(|c| Box::pin(launch::passing(c)))),
    ("curl", Run::Flow(|c| Box::pin(curl::run(c)))),
    ("df", Run::Plain(disks::df)),
    ("dig", Run::Flow(|c| Box::pin(ping::dig(c)))),
    ("dmesg", Run::Flow(|c| Box::pin(kernel::dmesg(c)))),
    ("dnsdomainname", Run::Plain(naming::hostname)),
    ("domainname", Run::Plain(naming::hostname)),
    ("env", Run::Flow(|c| Box::pin(env::env(c)))),
    ("findmnt", Run::Plain(disks::findmnt)),
    ("free", Run::Flow(|c| Box::pin(free::free(c)))),
    ("ftp", Run::Flow(|c| Box::pin(transfer::ftp(c)))),
    ("ftpget", Run::Flow(|c| Box::pin(transfer::ftpget(c)))),
    ("ftpput", Run::Flow(|c| Box::pin(transfer::ftpget(c)))),
    ("fuser", Run::Plain(sockets::fuser)),
    ("getconf", Run::Plain(env::getconf)),
    ("getent", Run::Plain(env::getent)),
    ("groups", Run::Plain(identity::groups)),
    ("halt", Run::Flow(|c| Box::pin(power::reboot(c)))),
    ("host", Run::Flow(|c| Box::pin(ping::host(c)))),
    ("hostname", Run::Plain(naming::hostname)),
    ("hostnamectl", Run::Plain(naming::hostnamectl)),
    ("id", Run::Plain(identity::id)),
    ("ifconfig", Run::Plain(interfaces::ifconfig)),
    ("init", Run::Flow(|c| Box::pin(power::init(c)))),
    ("insmod", Run::Plain(kernel::insmod)),
    ("ionice", Run::Flow(|c| Box::pin(launch::ionice(c)))),
    ("ip", Run::Plain(interfaces::ip)),
    ("ip6tables", Run::Plain(firewall::iptables)),
    ("ip6tables-legacy", Run::Plain(firewall::iptables)),
    ("ip6tables-nft", Run::Plain(firewall::iptables)),
    ("ip6tables-save", Run::Plain(firewall::iptables)),
    ("iptables", Run::Plain(firewall::iptables)),
    ("iptables-legacy", Run::Plain(firewall::iptables)),
    ("iptables-nft", Run::Plain(firewall::iptables)),
    ("iptables-restore", Run::Plain(firewall::iptables)),
    ("iptables-save", Run::Plain(firewall::iptables)),
    ("xtables-legacy-multi", Run::Plain(firewall::iptables)),
    ("xtables-nft-multi", Run::Plain(firewall::iptables)),
    ("journalctl", Run::Flow(|c| Box::pin(systemd::journalctl(c)))),
    ("kill", Run::Plain(signal::kill)),
    ("killall", Run::Plain(signal::killall)),
    ("last", Run::Plain(who::last)),
    ("lastb", Run::Plain(who::last)),
    ("lastlog", Run::Plain(who::lastlog)),
    ("linux32", Run::Flow(|c| Box::pin(launch::passing(c)))),
    ("linux64", Run::Flow(|c| Box::pin(launch::passing(c)))),
    ("locale", Run::Plain(env::locale)),
    ("loginctl", Run::Plain(systemd::loginctl)),
    ("logname", Run::Plain(identity::logname)),
    ("lsb_release", Run::Plain(naming::lsb_release)),
    ("lsblk", Run::Plain(disks::lsblk)),
    ("lscpu", Run::Plain(lscpu::run)),
    ("lsmod", Run::Plain(kernel::lsmod)),
    ("lsof", Run::Plain(sockets::lsof)),
    ("mke2fs", Run::Plain(disks::make)),
    ("mkfs", Run::Plain(disks::make)),
    ("mkfs.ext4", Run::Plain(disks::make)),
    ("mkswap", Run::Plain(disks::make)),
    ("modinfo", Run::Plain(kernel::modinfo)),
    ("modprobe", Run::Plain(kernel::modprobe)),
    ("mount", Run::Plain(disks::mount)),
    ("nc", Run::Flow(|c| Box::pin(transfer::nc(c)))),
    ("nc.openbsd", Run::Flow(|c| Box::pin(transfer::nc(c)))),
    ("netcat", Run::Flow(|c| Box::pin(transfer::nc(c)))),
    ("netstat", Run::Plain(sockets::netstat)),
    ("nice", Run::Flow(|c| Box::pin(launch::nice(c)))),
    ("nohup", Run::Flow(|c| Box::pin(launch::nohup(c)))),
    ("nproc", Run::Plain(naming::nproc)),
    ("nslookup", Run::Flow(|c| Box::pin(ping::nslookup(c)))),
    ("pgrep", Run::Plain(signal::pgrep)),
    ("pidof", Run::Plain(signal::pidof)),
    ("ping", Run::Flow(|c| Box::pin(ping::ping(c)))),
    ("ping4", Run::Flow(|c| Box::pin(ping::ping(c)))),
    ("ping6", Run::Flow(|c| Box::pin(ping::ping(c)))),
    ("pkill", Run::Plain(signal::pgrep)),
    ("poweroff", Run::Flow(|c| Box::pin(power::reboot(c)))),
    ("printenv", Run::Plain(env::printenv)),
    ("ps", Run::Plain(ps::run)),
    ("pstree", Run::Plain(pstree::run)),
    ("reboot", Run::Flow(|c| Box::pin(power::reboot(c)))),
    ("renice", Run::Plain(launch::renice)),
    ("rmmod", Run::Plain(kernel::rmmod)),
    ("route", Run::Plain(interfaces::route)),
    ("rsync", Run::Flow(|c| Box::pin(ssh::rsync(c)))),
    ("runlevel", Run::Plain(systemd::runlevel)),
    ("scp", Run::Flow(|c| Box::pin(ssh::scp(c)))),
    ("service", Run::Flow(|c| Box::pin(systemd::service(c)))),
    ("setarch", Run::Flow(|c| Box::pin(launch::passing(c)))),
    ("setsid", Run::Flow(|c| Box::pin(launch::setsid(c)))),
    ("sftp", Run::Flow(|c| Box::pin(ssh::sftp(c)))),
    ("shutdown", Run::Flow(|c| Box::pin(power::shutdown(c)))),
    ("sleep", Run::Flow(|c| Box::pin(launch::sleep(c)))),
    ("ss", Run::Plain(sockets::ss)),
    ("ssh", Run::Flow(|c| Box::pin(ssh::ssh(c)))),
    ("ssh-copy-id", Run::Flow(|c| Box::pin(ssh::copy_id(c)))),
    ("ssh-keygen", Run::Flow(|c| Box::pin(keygen::run(c)))),
    ("stdbuf", Run::Flow(|c| Box::pin(launch::stdbuf(c)))),
    ("strace", Run::Plain(launch::strace)),
    ("swapoff", Run::Plain(disks::swapoff)),
    ("swapon", Run::Plain(disks::swapon)),
    ("sysctl", Run::Plain(kernel::sysctl)),
    ("systemctl", Run::Flow(|c| Box::pin(systemd::systemctl(c)))),
    ("systemd-detect-virt", Run::Plain(naming::detect_virt)),
    ("taskset", Run::Flow(|c| Box::pin(launch::taskset(c)))),
    ("tcpdump", Run::Flow(|c| Box::pin(firewall::tcpdump(c)))),
    ("telinit", Run::Flow(|c| Box::pin(power::init(c)))),
    ("telnet", Run::Flow(|c| Box::pin(transfer::telnet(c)))),
    ("inetutils-telnet", Run::Flow(|c| Box::pin(transfer::telnet(c)))),
    ("tftp", Run::Flow(|c| Box::pin(transfer::tftp(c)))),
    ("time", Run::Flow(|c| Box::pin(launch::time(c)))),
    ("timedatectl", Run::Plain(naming::timedatectl)),
    ("timeout", Run::Flow(|c| Box::pin(launch::timeout(c)))),
    ("tnftp", Run::Flow(|c| Box::pin(transfer::ftp(c)))),
    ("top", Run::Flow(|c| Box::pin(top::run(c)))),
    ("htop", Run::Flow(|c| Box::pin(top::run(c)))),
    ("traceroute", Run::Flow(|c| Box::pin(ping::traceroute(c)))),
    ("traceroute.db", Run::Flow(|c| Box::pin(ping::traceroute(c)))),
    ("tty", Run::Plain(env::tty)),
    ("ufw", Run::Plain(firewall::ufw)),
    ("umount", Run::Plain(disks::umount)),
    ("uname", Run::Plain(naming::uname)),
    ("uptime", Run::Plain(who::uptime)),
    ("users", Run::Plain(identity::users)),
    ("vmstat", Run::Flow(|c| Box::pin(free::vmstat(c)))),
    ("w", Run::Plain(who::w)),
    ("watch", Run::Flow(|c| Box::pin(launch::watch(c)))),
    ("wget", Run::Flow(|c| Box::pin(wget::run(c)))),
    ("who", Run::Plain(who::who)),
    ("whoami", Run::Plain(identity::whoami)),
    ("apropos", Run::Plain(small::man)),
    ("apt", Run::Flow(|c| Box::pin(packages::apt(c)))),
    ("apt-cache", Run::Plain(packages::apt_cache)),
    ("apt-get", Run::Flow(|c| Box::pin(packages::apt(c)))),
    ("clear", Run::Plain(small::clear)),
    ("clear_console", Run::Plain(small::clear)),
    ("crontab", Run::Flow(|c| Box::pin(crontab::run(c)))),
    ("dpkg", Run::Flow(|c| Box::pin(packages::dpkg(c)))),
    ("dpkg-query", Run::Flow(|c| Box::pin(packages::dpkg(c)))),
    ("faillog", Run::Plain(small::faillog)),
    ("ldconfig", Run::Plain(small::ldconfig)),
    ("ldd", Run::Plain(small::ldd)),
    ("logger", Run::Flow(|c| Box::pin(small::logger(c)))),
    ("mailq", Run::Flow(|c| Box::pin(small::mail(c)))),
    ("man", Run::Plain(small::man)),
    ("mcookie", Run::Plain(small::mcookie)),
    ("mesg", Run::Plain(small::mesg)),
    ("newaliases", Run::Flow(|c| Box::pin(small::mail(c)))),
    ("postqueue", Run::Flow(|c| Box::pin(small::mail(c)))),
    ("reset", Run::Plain(small::clear)),
    ("screen", Run::Flow(|c| Box::pin(small::multiplexer(c)))),
    ("script", Run::Flow(|c| Box::pin(small::script(c)))),
    ("sendmail", Run::Flow(|c| Box::pin(small::mail(c)))),
    ("stty", Run::Plain(stty::stty)),
    ("tmux", Run::Flow(|c| Box::pin(small::multiplexer(c)))),
    ("tput", Run::Plain(small::tput)),
    ("tset", Run::Plain(small::clear)),
    ("update-alternatives", Run::Flow(|c| Box::pin(alternatives::run(c)))),
    ("update-rc.d", Run::Plain(small::update_rc)),
    ("uuidgen", Run::Plain(small::uuidgen)),
    ("visudo", Run::Flow(|c| Box::pin(small::visudo(c)))),
    ("wall", Run::Flow(|c| Box::pin(small::wall(c)))),
    ("whatis", Run::Plain(small::man)),
    ("write", Run::Plain(small::write)),
    ("python3", Run::Flow(|c| Box::pin(python::run(c)))),
    ("python3.11", Run::Flow(|c| Box::pin(python::run(c)))),
    ("python3.8", Run::Flow(|c| Box::pin(python::run(c)))),
    ("cc", Run::Flow(|c| Box::pin(dev::gcc(c)))),
    ("gcc", Run::Flow(|c| Box::pin(dev::gcc(c)))),
    ("gcc-12", Run::Flow(|c| Box::pin(dev::gcc(c)))),
    ("x86_64-linux-gnu-gcc", Run::Flow(|c| Box::pin(dev::gcc(c)))),
    ("x86_64-linux-gnu-gcc-12", Run::Flow(|c| Box::pin(dev::gcc(c)))),
    ("make", Run::Flow(|c| Box::pin(dev::make(c)))),
    ("gmake", Run::Flow(|c| Box::pin(dev::make(c)))),
    ("git", Run::Flow(|c| Box::pin(dev::git(c)))),
    ("openssl", Run::Flow(|c| Box::pin(dev::openssl(c)))),
    ("vi", Run::Flow(|c| Box::pin(editor::vi(c)))),
    ("vim", Run::Flow(|c| Box::pin(editor::vi(c)))),
    ("vim.tiny", Run::Flow(|c| Box::pin(editor::vi(c)))),
    ("nano", Run::Flow(|c| Box::pin(editor::nano(c)))),
    ("less", Run::Flow(|c| Box::pin(pager::run(c)))),
    ("more", Run::Flow(|c| Box::pin(pager::run(c)))),
    ("perl", Run::Flow(|c| Box::pin(perl::run(c)))),
    ("perl5.36.0", Run::Flow(|c| Box::pin(perl::run(c)))),
    ("perl5.30.0", Run::Flow(|c| Box::pin(perl::run(c)))),
    ("kmod", Run::Plain(kernel::kmod)),
    ("killall5", Run::Plain(signal::pidof)),
    ("systemd", Run::Flow(|c| Box::pin(power::init(c)))),
    ("gcc-9", Run::Flow(|c| Box::pin(dev::gcc(c)))),
    ("x86_64-linux-gnu-gcc-9", Run::Flow(|c| Box::pin(dev::gcc(c)))),
    ("telnet.netkit", Run::Flow(|c| Box::pin(transfer::telnet(c)))),
    ("netkit-ftp", Run::Flow(|c| Box::pin(transfer::ftp(c)))),
    ("nologin", Run::Plain(small::nologin)),
    ("hostid", Run::Plain(small::hostid)),
    ("pwdx", Run::Plain(small::pwdx)),
    ("mountpoint", Run::Plain(disks::mountpoint)),
    ("unshare", Run::Flow(|c| Box::pin(launch::passing(c)))),
    ("nsenter", Run::Flow(|c| Box::pin(launch::passing(c)))),
    ("which", Run::Plain(small::which)),
    ("which.debianutils", Run::Plain(small::which)),
];
