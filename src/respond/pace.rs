//! Which programs are slow on a real host, so that a visitor may wait for the model's answer, and how slow they look when
//! the answer is known already.

use std::time::Duration;

use crate::base::rng;

/// Names of programs, and what they take on a small server, in milliseconds: most of the times, the slowest.
const SLOW: &[(&[&str], u64, u64)] = &[
    (&["docker", "podman", "kubectl", "helm", "docker-compose", "lxc", "virsh", "vagrant"], 40, 260),
    (&["git", "svn", "hg", "composer", "npm", "yarn", "pip", "pip3", "gem", "cargo", "go", "bundle"], 150, 1400),
    (&["cpan", "pear"], 200, 1200),
    (&["gcc", "g++", "cc", "clang", "make", "cmake", "javac", "ld"], 60, 700),
    (&["mysql", "mysqldump", "mysqladmin", "psql", "pg_dump", "redis-cli", "mongo", "mongosh", "sqlplus"], 20, 180),
    (&["nmap", "masscan", "zmap", "hydra", "traceroute", "mtr", "nslookup", "dig", "host", "whois"], 120, 2500),
    (&["apt", "apt-get", "aptitude", "snap", "yum", "dnf", "dpkg-query", "add-apt-repository"], 300, 1800),
    (&["java", "node", "ruby", "php", "perl", "python", "python3", "lua"], 40, 300),
    (&["certbot", "openssl", "gpg", "aws", "az", "gcloud", "terraform", "ansible"], 80, 900),
    (&["nvidia-smi", "smartctl", "hdparm", "dmidecode", "lshw", "sensors", "ipmitool"], 50, 600),
    (&["postconf", "postqueue", "mailq", "apachectl", "nginx", "fail2ban-client", "ufw"], 20, 140),
];

/// What a slow program takes; `None` for one that answers at once.
pub(super) fn of(program: &str) -> Option<(Duration, Duration)> {
    let row = SLOW.iter().find(|(names, ..)| names.contains(&program))?;
    Some((Duration::from_millis(row.1), Duration::from_millis(row.2)))
}

/// One of the times that lie between: most of them near the lower end.
pub(super) fn pause((low, high): (Duration, Duration)) -> Duration {
    let spread = rng::spread(Duration::ZERO, high.saturating_sub(low));
    let share = spread.as_secs_f64() / high.saturating_sub(low).as_secs_f64().max(1e-9);
    low + spread.mul_f64(share * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_programs_are_as_slow_as_they_should() {
        assert_eq!(of("lsblk"), None);
        let (low, high) = of("docker").unwrap();
        let mut times: Vec<Duration> = (0..200).map(|_| pause((low, high))).collect();
        times.sort();
        assert!(times.iter().all(|time| (low..=high).contains(time)));
        assert!(times[100] < low + (high - low) / 3, "half of them are fast: {:?}", times[100]);
    }
}
