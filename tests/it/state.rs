//! What an attacker changes stays changed: asked 1, 5, 20 and 50 lines later, and in a new session.

use super::bench::{Bench, host};

/// A change, a question, and the answer to it.
const CHANGES: &[(&str, &str, &str)] = &[
    ("echo alpha > /tmp/s1", "cat /tmp/s1", "alpha"),
    ("echo one > /tmp/s2; echo two >> /tmp/s2", "wc -l < /tmp/s2", "2"),
    ("mkdir -p /var/tmp/.x/y", "ls -A /var/tmp/.x | cat", "y"),
    ("cp /etc/passwd /tmp/s3; rm /tmp/s3", "ls /tmp/s3", "ls: cannot access '/tmp/s3': No such file or directory"),
    ("touch /root/mark; chmod 4711 /root/mark", "stat -c %a /root/mark", "4711"),
    ("ln -s /etc/hostname /tmp/link", "readlink /tmp/link", "/etc/hostname"),
    ("echo data > /tmp/h1; ln /tmp/h1 /tmp/h2; rm /tmp/h1", "cat /tmp/h2", "data"),
    ("mv /etc/motd /etc/motd.old 2>/dev/null; echo mine > /etc/motd", "cat /etc/motd", "mine"),
    ("useradd -m -s /bin/bash builder", "id -un builder", "builder"),
    ("groupadd gang", "getent group gang | cut -d: -f1", "gang"),
    ("(crontab -l 2>/dev/null; echo '* * * * * /tmp/x') | crontab -", "crontab -l | grep -c /tmp/x", "1"),
    ("mkdir -p ~/.ssh && echo 'ssh-rsa AAAA k' >> ~/.ssh/authorized_keys", "cut -d' ' -f3 ~/.ssh/authorized_keys", "k"),
    ("touch /tmp/i; chattr +i /tmp/i", "rm -f /tmp/i", "rm: cannot remove '/tmp/i': Operation not permitted"),
    ("printf '#!/bin/sh\\necho ran $1\\n' > /tmp/run.sh; chmod +x /tmp/run.sh", "/tmp/run.sh now", "ran now"),
    ("dd if=/dev/zero of=/tmp/z bs=1024 count=3 2>/dev/null", "stat -c %s /tmp/z", "3072"),
    ("echo -ne '\\x7f\\x45' > /tmp/e", "od -An -tx1 /tmp/e", " 7f 45"),
    ("touch -d '2020-02-03 04:05:06' /tmp/t", "date -r /tmp/t +%F", "2020-02-03"),
    ("sed -i 's/^#Port 22/Port 2222/' /etc/ssh/sshd_config", "grep ^Port /etc/ssh/sshd_config | cut -d' ' -f2", "2222"),
    ("seq 10 | gzip > /tmp/n.gz", "zcat /tmp/n.gz | tail -1", "10"),
    ("tar cf /tmp/a.tar -C /etc hostname hosts", "tar tf /tmp/a.tar | wc -l", "2"),
];

#[test]
fn changes_are_there_later_and_in_a_new_session() {
    let mut wrong = Vec::new();
    let mut checks = 0;
    for distance in [1, 5, 20, 50] {
        let host = host(7);
        let mut bench = Bench::login(&host);
        for (change, _, _) in CHANGES {
            bench.line(change);
        }
        for _ in 1..distance {
            bench.line("true");
        }
        let mut again = Bench::login(&host);
        for (change, question, answer) in CHANGES {
            for (place, session) in [("here", &mut bench), ("in a new session", &mut again)] {
                checks += 1;
                let said = session.line(question);
                if said.trim_end() != *answer {
                    wrong.push(format!("{change} | {question} | {distance} later, {place}: {said:?}, not {answer:?}"));
                }
            }
        }
    }
    println!("{checks} checks, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{} of {checks}:\n{}", wrong.len(), wrong.join("\n"));
}
