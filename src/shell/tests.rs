use super::*;
use crate::world::{Config, World};

fn shell() -> Shell {
    let world = World::new(&Config { hostname: "web1".into(), ..Config::default() }, 7, 1 << 20, 1 << 20);
    let host = world.host_for([10, 0, 0, 1].into());
    let account = world.account(b"root").unwrap().clone();
    Shell::new(host, &account)
}

fn done(shell: &mut Shell, line: &str) -> String {
    match shell.run(line.as_bytes()) {
        Outcome::Done(ran) => String::from_utf8(ran.output).unwrap(),
        Outcome::NotMine { question, .. } => panic!("not mine: {}", String::from_utf8_lossy(&question)),
    }
}

/// Commands and what bash 5.0 and coreutils 8.30 print for them.
#[test]
fn lines_and_their_output() {
    let mut shell = shell();
    for (line, output) in [
        ("echo hello   world", "hello world\n"),
        ("echo 'a  b' \"c  $HOME\"", "a  b c  /root\n"),
        ("echo -e 'a\\x41\\n\\tb'", "aA\n\tb\n"),
        ("echo -n x; echo y", "xy\n"),
        ("pwd", "/root\n"),
        ("cd /tmp && pwd", "/tmp\n"),
        ("cd /nosuch || echo failed $?", "-bash: cd: /nosuch: No such file or directory\nfailed 1\n"),
        ("mkdir -p a/b; cd a; cd b; pwd; cd -", "/tmp/a/b\n/tmp/a\n"),
        ("cd /tmp; echo one > f; echo two >> f; cat f", "one\ntwo\n"),
        ("cat < f | cat", "one\ntwo\n"),
        ("cat nosuch", "cat: nosuch: No such file or directory\n"),
        ("cat nosuch 2>/dev/null; echo $?", "1\n"),
        ("ls", "a  f\n"),
        ("rm f; ls f", "ls: cannot access 'f': No such file or directory\n"),
        ("rm a", "rm: cannot remove 'a': Is a directory\n"),
        ("rm -rf a nosuch; ls", ""),
        ("X=1; Y=\"$X 2\"; echo $Y", "1 2\n"),
        ("nosuchprogram -x", "-bash: nosuchprogram: command not found\n"),
        ("/bin/ls -d /bin", "/bin\n"),
        ("./nosuch", "-bash: ./nosuch: No such file or directory\n"),
        ("id", "uid=0(root) gid=0(root) groups=0(root)\n"),
        ("uname", "Linux\n"),
        ("uname -n; hostname", "web1\nweb1\n"),
        ("true && false || echo no", "no\n"),
        ("echo a # comment", "a\n"),
        ("| cat", "-bash: syntax error near unexpected token `|'\n"),
        ("echo a &&", "-bash: syntax error near unexpected token `newline'\n"),
        ("", ""),
        ("exit 3", "logout\n"),
    ] {
        assert_eq!(done(&mut shell, line), output, "{line}");
    }
}

#[test]
fn a_program_without_emulation_is_asked_for_and_the_line_goes_on() {
    let mut shell = shell();
    let Outcome::NotMine { before, question, rest } = shell.run(b"echo a; lsblk -f | cat && echo b") else {
        panic!("lsblk has no emulation here")
    };
    assert_eq!((before.output.as_slice(), question.as_slice()), (b"a\n".as_slice(), b"lsblk -f | cat".as_slice()));
    let Outcome::Done(ran) = shell.resume(rest, b"sda\n".to_vec(), 0) else { panic!("all of it is answered") };
    assert_eq!(ran.output, b"sda\nb\n");

    let Outcome::NotMine { rest, .. } = shell.run(b"lsblk > /tmp/out") else { panic!("lsblk") };
    shell.resume(rest, b"sda\n".to_vec(), 0);
    assert_eq!(done(&mut shell, "cat /tmp/out"), "sda\n");
}

#[test]
fn what_an_attacker_wrote_is_never_run() {
    let mut shell = shell();
    done(&mut shell, "echo x > /tmp/x");
    assert_eq!(done(&mut shell, "/tmp/x"), "-bash: /tmp/x: Permission denied\n");
    shell.host.set_mode(Who { uid: 0 }, b"/tmp/x", 0o755).unwrap();
    assert_eq!(done(&mut shell, "/tmp/x"), "-bash: /tmp/x: cannot execute binary file: Exec format error\n");
}

#[test]
fn the_prompt_shows_where_we_are() {
    let mut shell = shell();
    assert_eq!(shell.prompt(), b"root@web1:~# ");
    done(&mut shell, "cd /var/log");
    assert_eq!(shell.prompt(), b"root@web1:/var/log# ");
}

#[test]
fn no_bytes_make_it_panic() {
    proptest::proptest!(|(line: Vec<u8>)| {
        let mut shell = shell();
        if let Outcome::NotMine { rest, .. } = shell.run(&line) {
            shell.resume(rest, Vec::new(), 0);
        }
    });
}

#[test]
fn a_line_cannot_grow_without_a_bound() {
    let mut shell = shell();
    done(&mut shell, "X=0123456789abcdef");
    for _ in 0..40 {
        done(&mut shell, "X=$X$X$X$X");
    }
    assert!(done(&mut shell, "echo $X").len() <= parse::VARIABLES + 1);
    let pipes = "echo $X$X$X | ".repeat(500) + "cat";
    assert!(done(&mut shell, &pipes).len() <= parse::VARIABLES + 1);
    done(&mut shell, "cd /tmp; echo $X > f; cat f f f f f f f f > g");
    let many = format!("cat{}", " g".repeat(5000));
    assert!(done(&mut shell, &many).len() <= OUTPUT_LIMIT);
    let many = format!("ls -la{}", " /usr/bin".repeat(1500));
    assert!(done(&mut shell, &many).len() <= OUTPUT_LIMIT);
}

#[test]
fn variables_of_a_shell_are_bounded_together() {
    let mut shell = shell();
    done(&mut shell, "X=0123456789abcdef");
    for _ in 0..20 {
        done(&mut shell, "X=$X$X");
    }
    for at in 0..100 {
        done(&mut shell, &format!("Y{at}=$X"));
    }
    let held: usize = shell.variables.values().map(Vec::len).sum();
    assert!(held <= VARIABLES_HELD, "{held}");
}
