//! zip and unzip as a visitor would use them.

use crate::shell::tests::run;

#[test]
fn there_and_back() {
    let (out, err, status) =
        run("cd /tmp; seq 1000 > a; echo hi > b; mkdir -p d/e; echo x > d/e/f; zip -r x a b d; unzip -l x | tail -1; \
         unzip x -d o; cmp a o/a && cat o/d/e/f; unzip -t x.zip | tail -1; unzip -p x b; zip x a");
    assert_eq!(err, "");
    let expected = "  adding: a (deflated 53%)\n  adding: b (stored 0%)\n  adding: d/ (stored 0%)\n  adding: d/e/ (stored 0%)\n  \
                    adding: d/e/f (stored 0%)\n     3898                     5 files\nArchive:  x.zip\n  inflating: o/a           \
                    \u{20}         \n extracting: o/b                     \n   creating: o/d/\n   creating: o/d/e/\n \
                    extracting: o/d/e/f                 \nx\nNo errors detected in compressed data of x.zip.\nhi\nupdating: a \
                    (deflated 53%)\n";
    assert_eq!((out.as_str(), status), (expected, 0));
}

#[test]
fn mistakes() {
    let (_, err, status) = run("unzip nosuch");
    assert_eq!((err.as_str(), status), ("unzip:  cannot find or open nosuch, nosuch.zip or nosuch.ZIP.\n", 9));
    let (out, _, status) = run("zip q nosuch");
    assert_eq!(
        (out.as_str(), status),
        ("\tzip warning: name not matched: nosuch\n\nzip error: Nothing to do! (q.zip)\n", 12)
    );
    assert_eq!(run("cd /tmp; echo garbage > g.zip; unzip g.zip").2, 9);
    let (out, err, status) =
        run("cd /tmp; echo x > a; zip -q x a; unzip x </dev/null; echo y | unzip -q x; unzip x nope");
    assert_eq!((out.as_str(), status), ("Archive:  x.zip\nArchive:  x.zip\n", 11));
    assert!(err.contains("replace a? [y]es, [n]o, [A]ll, [N]one, [r]ename:  NULL\n(EOF or read error"), "{err}");
    assert!(err.ends_with("caution: filename not matched:  nope\n"));
}

#[test]
fn passwords() {
    let (out, err, status) =
        run("cd /tmp; echo secret > a; zip -q -P pw x a; unzip -o x; unzip -P bad -o x; echo $?; unzip -P pw -p x a");
    assert_eq!((out.as_str(), status), ("Archive:  x.zip\nArchive:  x.zip\n82\nsecret\n", 0));
    assert_eq!(
        err,
        "   skipping: a                       unable to get password\n   skipping: a                       incorrect password\n"
    );
}

#[test]
fn nothing_leaves_the_folder() {
    let (out, err, _) = run("cd /tmp; mkdir s; cd s; echo x > ../up; zip -q x ../up; mkdir in; unzip -d in x; ls in");
    assert!(
        out.ends_with("up\n") && err.contains("warning:  skipped \"../\" path component(s) in ../up\n"),
        "{out}{err}"
    );
}
