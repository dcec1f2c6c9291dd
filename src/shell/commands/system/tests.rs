//! The commands asked as a visitor would.

use crate::shell::tests::run;

#[test]
fn views_of_the_host_agree() {
    let out = |line: &str| run(line).0;
    assert_eq!(out("nproc"), out("grep -c ^processor /proc/cpuinfo"));
    assert_eq!(out("lscpu | grep '^CPU(s):' | tr -s ' ' | cut -d' ' -f2"), out("nproc"));
    assert_eq!(
        out("free | grep Mem: | tr -s ' ' | cut -d' ' -f2"),
        out("grep MemTotal /proc/meminfo | tr -s ' ' | cut -d' ' -f2")
    );
    assert_eq!(out("hostname"), out("uname -n"));
    assert_eq!(out("hostname"), out("cat /etc/hostname"));
    assert_eq!(out("id -u; id -un; whoami"), "0\nroot\nroot\n");
    assert_eq!(out("uname -r"), out("cat /proc/sys/kernel/osrelease"));
    assert!(out("ps -ef | grep -c sshd").trim() != "0");
    assert_eq!(out("echo 'root:new' | chpasswd; echo $?"), "0\n");
    assert_eq!(out("useradd -m bob; id bob; ls -d /home/bob; userdel -r bob; id bob; echo $?").lines().count(), 3);
}

#[test]
fn evaluators_compute() {
    let out = |line: &str| run(line).0;
    assert_eq!(
        out("python3 -c 'print(sum(i*i for i in range(5)), \"%05.2f\" % 3.14159, [x for x in \"ab\"])'"),
        "30 03.14 ['a', 'b']\n"
    );
    assert_eq!(
        out("python3 -c 'import os; print(os.popen(\"echo hi\").read().strip()); os.system(\"echo x\")'"),
        "hi\nx\n"
    );
    assert_eq!(
        out(
            "perl -e 'print 2**10, \"\\n\"; my @a = (1,2,3); for my $x (@a) { print \"$x-\" } print join(\",\", reverse @a), \"\\n\"'"
        ),
        "1024\n1-2-3-3,2,1\n"
    );
    assert_eq!(out("echo -e 'a\\nb' | passwd root; echo $?"), "10\n");
    assert_eq!(
        run("python3 -c 'print(1/0)'").1,
        "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\nZeroDivisionError: division by zero\n"
    );
}

#[test]
fn nobody_is_reached() {
    assert_eq!(run("wget http://nosuch.invalid/x").2, 4);
    assert_eq!(run("curl -s http://127.0.0.1:1/").2, 7);
    assert!(run("curl -s http://127.0.0.1/").0.contains("<html"));
    assert!(run("nc 127.0.0.1 25 < /dev/null").0.starts_with("220 "));
    assert_eq!(run("busybox ECCHI").1, "ECCHI: applet not found\n");
}
