//! The language, asked as an attacker would: text in, what the terminal or the client gets out.

use super::*;
use crate::world::{Config, World};

/// A session on a fresh host; time does not pass, it is jumped over.
pub(super) struct Bench {
    shell: Shell,
    now: Instant,
}

impl Bench {
    pub fn host() -> Arc<Host> {
        World::new(&Config::default(), 7, 1 << 22, 1 << 24).host_for([10, 0, 0, 1].into())
    }

    pub fn command(host: &Arc<Host>, command: &str) -> Self {
        Self::start(host, Some(command.into()), None)
    }

    pub fn terminal(host: &Arc<Host>) -> Self {
        Self::start(host, None, Some(Terminal::new("network".into(), 80, 24)))
    }

    fn start(host: &Arc<Host>, command: Option<String>, terminal: Option<Terminal>) -> Self {
        let account = host.account(b"root").unwrap();
        let environment = [("HOME", "/root"), ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LANG", "C.UTF-8")];
        let environment = environment.map(|(name, value)| (name.to_string(), value.to_string())).to_vec();
        let login = Login { host: Arc::clone(host), account, presence: None, terminal, command, environment };
        Self { shell: Shell::new(login), now: Instant::now() }
    }

    /// Lets it run until it waits for the client; `None` while the shell lives.
    pub fn settle(&mut self) -> (String, String, Option<i32>) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut status = None;
        let patience = self.now + std::time::Duration::from_secs(60);
        while self.now < patience {
            let step = self.shell.step(self.now);
            let output = self.shell.take_output();
            out.extend(output.out);
            err.extend(output.err);
            match step {
                Step::Ended(code) => {
                    status = Some(code);
                    break;
                }
                Step::Wait(Some(until)) if until > patience => break,
                Step::Wait(Some(until)) => self.now = until.max(self.now),
                Step::Wait(None) => break,
                Step::Ask(_) => self.shell.answer(None),
                Step::Busy => {}
            }
        }
        (String::from_utf8_lossy(&out).into_owned(), String::from_utf8_lossy(&err).into_owned(), status)
    }

    pub fn line(&mut self, line: &str) -> String {
        self.shell.feed(format!("{line}\r").as_bytes());
        self.settle().0
    }
}

/// Standard output, standard error, status of a command line without a terminal.
pub(super) fn run(line: &str) -> (String, String, i32) {
    let mut bench = Bench::command(&Bench::host(), line);
    bench.shell.end_input();
    let (out, err, status) = bench.settle();
    (out, err, status.unwrap_or(-1))
}

#[test]
fn the_language() {
    let cases = [
        ("echo a  b 'c  d'", "a b c  d\n"),
        ("x=5; echo $x ${x}y \"$x\" '$x'", "5 5y 5 $x\n"),
        ("for i in a b; do for j in 1 2; do echo -n $i$j' '; done; done; echo", "a1 a2 b1 b2 \n"),
        ("i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done", "0\n1\n2\n"),
        ("case abc in a*) echo star;; *) echo other;; esac", "star\n"),
        ("f() { echo \"f $1 $#\"; return 3; }; f x y; echo $?", "f x 2\n3\n"),
        ("echo $(echo nested \"$(echo q)\")", "nested q\n"),
        ("(cd /tmp; pwd); pwd", "/tmp\n/root\n"),
        ("echo a | (read x; echo got $x)", "got a\n"),
        ("A=(1 2 3); echo ${A[1]} ${#A[@]} ${A[@]}", "2 3 1 2 3\n"),
        ("A=abc; echo ${A:1} ${A:0:2} ${#A} ${A/b/X} ${A^^} ${A%c} ${A#a}", "bc ab 3 aXc ABC ab bc\n"),
        ("set -- a b c; echo $# $2 \"$*\"; shift; echo $1", "3 b a b c\nb\n"),
        ("eval \"x=5; echo \\$x\"", "5\n"),
        ("echo {1..3} {a,b}c", "1 2 3 ac bc\n"),
        ("true && echo y || echo n; false && echo y || echo n", "y\nn\n"),
        ("printf '%s-%d\\n' a 1 b 2", "a-1\nb-2\n"),
        ("echo -e 'a\\x41\\n\\0101'", "aA\nA\n"),
        ("[[ abc =~ b(.) ]] && echo ${BASH_REMATCH[1]}", "c\n"),
        ("declare -A m; m[k]=v; echo ${m[k]} ${!m[@]}", "v k\n"),
        ("if false; then echo a; elif true; then echo b; fi", "b\n"),
        ("x='a b'; for w in $x; do echo $w; done", "a\nb\n"),
        ("until false; do echo once; break; done", "once\n"),
        ("echo ${x:-default} ${x:=set} $x", "default set set\n"),
        ("trap 'echo bye' EXIT; exit 2", "bye\n"),
        ("bash -c 'trap \"echo caught\" TERM; kill -TERM $$; echo after'", "caught\nafter\n"),
        ("(exit 3); echo $?; ! true; echo $?", "3\n1\n"),
        ("x=1; (x=2); echo $x; { x=3; }; echo $x", "1\n3\n"),
        ("while read -r a b; do echo \"$b-$a\"; done <<E\n1 2\n3 4 5\nE", "2-1\n4 5-3\n"),
        ("echo 'echo hi; echo $0' > /tmp/s; sh /tmp/s; chmod 1 /tmp/s 2>/dev/null; . /tmp/s", "hi\n/tmp/s\nhi\nbash\n"),
        ("echo 'echo piped $((6*7))' | sh", "piped 42\n"),
        ("sleep 1 & wait; echo $?", "0\n"),
        ("a=1 b=2; export a; sh -c 'echo $a-$b'", "1-\n"),
        ("echo $((RANDOM*0+6*7)) $$ | grep -c . >/dev/null; echo ok", "ok\n"),
        ("cat <<< here | while read l; do echo \"<$l>\"; done", "<here>\n"),
        ("exec 3>/tmp/f; echo x >&3; exec 3>&-; read l < /tmp/f; echo $l", "x\n"),
        ("echo a > /tmp/g; echo b >> /tmp/g; while read l; do echo $l; done < /tmp/g", "a\nb\n"),
        ("echo \"a\\nb\" 'a\\nb' a\\ b", "a\\nb a\\nb a b\n"),
        ("set -e; false; echo no", ""),
        ("f() { local x=in; echo $x; }; x=out; f; echo $x", "in\nout\n"),
        (
            "n=0; while [ $n -lt 5 ]; do n=$((n+1)); [ $n = 3 ] && continue; [ $n = 5 ] && break; echo $n; done",
            "1\n2\n4\n",
        ),
        ("echo ~ ~root", "/root /root\n"),
        ("select x in a b; do echo $x; break; done <<< 2", "b\n"),
        ("(trap 'echo sub' EXIT); echo after", "sub\nafter\n"),
        ("{echo,brace}", "brace\n"),
        ("false | true; echo ${PIPESTATUS[0]}-${PIPESTATUS[1]}", "1-0\n"),
        ("true | false | true; echo ${PIPESTATUS[@]} ${#PIPESTATUS[@]}; echo $PIPESTATUS", "0 1 0 3\n0\n"),
        ("(case x in x) echo y;; esac)", "y\n"),
        ("( (echo a; echo b) | wc -l )", "2\n"),
        ("cat <<E\n$(( $(( $(( $(( $(( $((\nE", "$(( $(( $(( $(( $(( $((\n"),
        ("/bin/busybox echo -ne 'a\\x62\\n'; busybox true && busybox test 1 && echo t", "ab\nt\n"),
    ];
    let mut wrong = Vec::new();
    for (line, wanted) in cases {
        let (out, err, _) = run(line);
        if out != wanted {
            wrong.push(format!("{line}\n   wanted {wanted:?}\n   got    {out:?} {err:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn errors_are_bashs() {
    let cases = [
        ("nosuchcmd", "bash: line 1: nosuchcmd: command not found\n", 127),
        (
            "echo a;; echo b",
            "bash: -c: line 1: syntax error near unexpected token `;;'\nbash: -c: line 1: `echo a;; echo b'\n",
            2,
        ),
        ("./nosuch.sh", "bash: line 1: ./nosuch.sh: No such file or directory\n", 127),
        ("cd /nosuch", "bash: line 1: cd: /nosuch: No such file or directory\n", 1),
        ("echo x > /", "bash: line 1: /: Is a directory\n", 1),
        ("[ 1 -lt x ]", "bash: line 1: [: x: integer expression expected\n", 2),
        ("readonly R=1; R=2", "bash: line 1: R: readonly variable\n", 1),
        (
            "echo \"unclosed",
            "bash: -c: line 1: unexpected EOF while looking for matching `\"'\nbash: -c: line 2: syntax error: unexpected end of file\n",
            2,
        ),
        ("echo ${NOSUCH:?must be set}", "bash: line 1: NOSUCH: must be set\n", 127),
        ("echo $((1/0))", "bash: line 1: 1/0: division by 0 (error token is \"0\")\n", 1),
        ("sh -c nosuchcmd", "sh: 1: nosuchcmd: not found\n", 127),
        ("/etc/passwd", "bash: line 1: /etc/passwd: Permission denied\n", 126),
        ("/tmp", "bash: line 1: /tmp: Is a directory\n", 126),
        ("kill -9 99999999", "bash: line 1: kill: (99999999) - No such process\n", 1),
        ("cat < /nosuch", "bash: line 1: /nosuch: No such file or directory\n", 1),
        ("source /nosuch", "bash: line 1: /nosuch: No such file or directory\n", 1),
    ];
    let mut wrong = Vec::new();
    for (line, wanted, code) in cases {
        let (_, err, status) = run(line);
        if err != wanted || status != code {
            wrong.push(format!("{line}\n   wanted {wanted:?} {code}\n   got    {err:?} {status}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn at_a_terminal() {
    let host = Bench::host();
    let mut bench = Bench::terminal(&host);
    let (prompt, _, _) = bench.settle();
    assert!(prompt.ends_with("# "), "{prompt:?}");
    assert_eq!(bench.line("echo one"), format!("echo one\r\none\r\n{prompt}"));
    assert_eq!(bench.line("for i in 1 2"), "for i in 1 2\r\n> ");
    assert_eq!(bench.line("do echo $i; done"), format!("do echo $i; done\r\n1\r\n2\r\n{prompt}"));
    assert_eq!(bench.line("nosuch"), format!("nosuch\r\n-bash: nosuch: command not found\r\n{prompt}"));
    let job = bench.line("sleep 100000 &");
    assert!(job.contains("[1] "), "{job:?}");
    let jobs = bench.line("jobs");
    assert!(jobs.contains("[1]+  Running"), "{jobs:?} after {job:?}");
    assert!(bench.line("kill %1; wait").contains("Terminated"), "kill");
    // What nobody has read yet is thrown away by the terminal.
    bench.shell.feed(b"abc\x03");
    assert_eq!(bench.settle().0, format!("^C\r\n{prompt}"));
    bench.shell.feed(b"\x1b[A");
    assert_eq!(bench.settle().0, "kill %1; wait");
    bench.shell.feed(b"\x15exit 4\r");
    let (out, _, status) = bench.settle();
    assert!(out.ends_with("exit 4\r\nlogout\r\n"), "{out:?}");
    assert_eq!(status, Some(4));
}

/// What would run for ever, or eat everything, ends.
#[test]
fn bombs_end() {
    let bombs = [
        ":(){ :|:& };:",
        "f(){ f; }; f",
        "x=a; while true; do x=$x$x; done",
        "echo {1..1000000000}",
        "echo $(echo $(echo $(echo $(echo $(echo deep)))))",
        "while true; do :; done",
        "f() { f | f; }; f",
        "eval 'eval \"eval echo x\"'",
        "a=; for i in {1..1000}; do a=\"$a$a$i\"; done; echo ${#a}",
        "printf '%1000000000d' 1 | while read x; do :; done",
        "sh -c 'sh -c \"sh -c echo\"'; bash -c 'bash -c $0 $0'",
        "x='x'; echo $((x))",
    ];
    for bomb in bombs {
        let mut bench = Bench::command(&Bench::host(), bomb);
        bench.shell.end_input();
        let (_, _, status) = bench.settle();
        assert!(status.is_some() || bomb.starts_with("while true"), "{bomb}");
    }
    let deep = format!("{}echo x{}", "if true; then ".repeat(300), "; fi".repeat(300));
    let _ = run(&deep);
    let _ = run(&"(".repeat(3000));
}

#[test]
fn the_line_editor_sends_what_readline_sends() {
    let text = include_str!("../../tests/transcripts/readline.txt");
    let host = Bench::host();
    let (mut wrong, mut checks) = (Vec::new(), 0);
    for case in text.split("\n\n").filter(|case| case.contains("\n> ")) {
        let mut lines = case.lines().filter(|line| !line.is_empty());
        let name = lines.next().unwrap();
        let [term, columns, prompt] = lines.next().unwrap().splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("{name}")
        };
        let columns = columns.parse().unwrap();
        let mut bench = Bench::start(&host, None, Some(Terminal::new(term.into(), columns, 24)));
        bench.settle();
        bench.line(&format!("TERM={term}"));
        bench.line(&format!("PS1='{prompt}'"));
        bench.line("history -c");
        while let (Some(typed), Some(shown)) = (lines.next(), lines.next()) {
            checks += 1;
            bench.shell.feed(&unescaped(typed.strip_prefix("> ").unwrap()));
            let wanted = String::from_utf8(unescaped(shown.strip_prefix("< ").unwrap_or_default())).unwrap();
            let said = bench.settle().0;
            if said != wanted {
                wrong.push(
                    format!("{name}, {term} {columns}, {typed}\n  wanted {wanted:?}\n  said   {said:?}")
                        .replace("\\u{1b}[C", "→"),
                );
                break;
            }
        }
    }
    assert!(checks > 300, "{checks}");
    assert!(wrong.is_empty(), "{} of {checks}\n{}", wrong.len(), wrong.join("\n"));
}

/// Python's escapes of bytes.
fn unescaped(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let (byte, used) = match rest.as_bytes()[at + 1] {
            b'x' => (u8::from_str_radix(&rest[at + 2..at + 4], 16).unwrap(), 4),
            b'r' => (b'\r', 2),
            b'n' => (b'\n', 2),
            b't' => (b'\t', 2),
            other => (other, 2),
        };
        bytes.push(byte);
        rest = &rest[at + used..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[test]
fn what_the_library_fails_on_is_an_unfinished_text() {
    assert_eq!(run("cat <<'' ; echo x\nab\n\necho y\n"), ("ab\nx\ny\n".into(), String::new(), 0));
    assert_eq!(run("cat <<'' ").0, "");
    for text in ["$(<<  ", "$(<<  #", "$(<<-  ", "$( $(<<  ", "\"$(<<  ", "${x-$(<<  "] {
        assert_ne!(run(text).2, 139, "{text}");
    }
    assert_ne!(run("(ho $ ?/tmpw; f<<'') { #loca$A() { local 404o\u{4}h $?").2, 139);
    assert_ne!(run("echo \"$(cat <<'' )\"").2, 139);
    let text = "cat <<-'E'\u{1} \n[$((rd(w, num| 2 3@;) a[5]=x; eaho \0 $[Token::Word(@]:b\n\tE\n";
    let (_, err, status) = run(text);
    assert!(status != 139 && !err.is_empty(), "{err:?} {status}");
    let mut bench = Bench::terminal(&Bench::host());
    bench.settle();
    assert!(bench.line("sh -c 'eval \"$0\" & eval \"$0\"' 'sh -c \"$0\" \"$0\"'").len() < 1 << 20);
}

/// A shell that a signal has ended is told from one that has ended with the same status.
#[test]
fn signals_that_end_the_shell_are_known() {
    let host = Bench::host();
    for (line, signal, status) in [
        ("exit 137", None, 137),
        ("kill -9 $$", Some("KILL"), 137),
        ("kill $$; sleep 1", Some("TERM"), 143),
        ("kill -USR2 $$", Some("USR2"), 140),
        ("sh -c 'kill -9 $$'", Some("KILL"), 137),
        ("sh -c 'kill -9 $$'; exit $?", None, 137),
        ("trap '' TERM; kill $$; exit 3", None, 3),
        ("trap 'exit 4' TERM; kill $$; sleep 1", None, 4),
    ] {
        let mut bench = Bench::command(&host, line);
        assert_eq!(bench.settle().2, Some(status), "{line}");
        assert_eq!(bench.shell.killed_by().as_deref(), signal, "{line}");
    }
}

/// What programs in Go ask for: a terminal that shows nothing of what is typed.
#[test]
fn a_terminal_without_echo_shows_only_what_is_printed() {
    let host = Bench::host();
    let modes = Modes::of_ssh(&[(53, 0), (128, 14_400)]);
    let mut bench = Bench::start(&host, None, Some(Terminal { name: "xterm".into(), columns: 80, rows: 24, modes }));
    let prompt = bench.settle().0;
    assert!(prompt.ends_with("# "), "{prompt}");
    let shown = prompt.rsplit('\n').next().unwrap().to_string();
    assert_eq!(bench.line("echo hi"), format!("hi\r\n{shown}"));
    assert_eq!(bench.line("cat"), "");
    assert_eq!(bench.line("abc"), "abc\r\n");
    bench.shell.feed(b"\x04");
    assert_eq!(bench.settle().0, shown);
    assert_eq!(bench.line("stty"), format!("speed 9600 baud; line = 0;\r\n-brkint -imaxbel\r\n-echo\r\n{shown}"));
    // Switched on again, it shows the next line.
    bench.line("stty echo");
    assert_eq!(bench.line("echo x"), format!("echo x\r\nx\r\n{shown}"));
}

/// Keys and the ends of lines are those that stty or the client has set.
#[test]
fn keys_of_the_terminal_can_be_set() {
    let host = Bench::host();
    let mut bench = Bench::terminal(&host);
    bench.settle();
    bench.line("stty erase ^H intr ^X; cat");
    bench.shell.feed(b"ax\x08b\r");
    assert!(bench.settle().0.ends_with("ab\r\n"));
    bench.shell.feed(b"\x18");
    assert!(bench.settle().0.starts_with("^X\r\n"));
    let said = bench.line("stty -onlcr; echo x");
    assert!(said.contains("echo x\r\nx\nroot@"), "{said:?}");
    let said = bench.line("stty sane; old=$(stty -g); stty raw; stty $old; stty");
    assert!(said.contains("line = 0;\r\n"), "{said:?}");
    let said = bench.line("stty nosuch");
    assert!(said.contains("stty: invalid argument 'nosuch'\r\n"), "{said:?}");
}

/// What a command line asks of whoever stands behind the emulator, on a fresh host.
fn asked(line: &str) -> Question {
    let mut bench = Bench::command(&Bench::host(), line);
    for _ in 0..100 {
        match bench.shell.step(bench.now) {
            Step::Ask(question) => return question,
            Step::Wait(Some(until)) => bench.now = until.max(bench.now),
            Step::Wait(None) | Step::Busy => {}
            Step::Ended(status) => panic!("nothing is asked: {status}"),
        }
    }
    panic!("nothing is asked")
}

#[test]
fn the_same_files_make_the_same_question_whenever_they_were_made() {
    let of = |text: &str, day: u32| {
        asked(&format!("cd /tmp; printf '{text}' > f; touch -d 2020-01-0{day} f; localectl list-keymaps f"))
    };
    assert_eq!(of("a", 1), of("a", 2));
    assert_ne!(of("a", 1).state, of("b", 1).state);
}
