use super::dialog::{Dialog, Step};
use crate::world::{LoginProgram, TelnetDaemon};

/// Answers of a bot that refuses every option of netkit's first and second round.
const REFUSE: &[u8] = b"\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27";
const REFUSE_MORE: &[u8] = b"\xff\xfd\x03\xff\xfc\x01\xff\xfc\x1f\xff\xfe\x05\xff\xfc\x21";
/// The same for inetutils.
const REFUSE_GNU: &[u8] = b"\xff\xfe\x25\xff\xfe\x26\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27\xff\xfc\x24";

fn of(daemon: TelnetDaemon, login: LoginProgram) -> Dialog {
    let tries = if login == LoginProgram::Shadow { 5 } else { 3 };
    Dialog::new(daemon, login, ("mail", "mail.example.com"), tries)
}

fn dialog() -> Dialog {
    of(TelnetDaemon::Netkit, LoginProgram::Shadow)
}

/// Everything that the dialog sends for `input`, up to a step that the loop must answer.
fn say(dialog: &mut Dialog, input: &[u8]) -> (Vec<u8>, Option<Step>) {
    dialog.feed(input);
    let mut sent = Vec::new();
    loop {
        match dialog.next_step() {
            Some(Step::Send(bytes)) => sent.extend(bytes),
            Some(Step::Start) => {
                sent.extend(b"[banner]");
                dialog.started();
            }
            other => return (sent, other),
        }
    }
}

fn sent(dialog: &mut Dialog, input: &[u8]) -> String {
    let (sent, step) = say(dialog, input);
    assert_eq!(step, None);
    sent.escape_ascii().to_string()
}

fn at_login() -> Dialog {
    let mut dialog = dialog();
    say(&mut dialog, REFUSE);
    say(&mut dialog, REFUSE_MORE);
    say(&mut dialog, b"\xff\xfd\x01");
    dialog
}

fn at_gnu_login() -> Dialog {
    let mut dialog = of(TelnetDaemon::Inetutils, LoginProgram::Shadow);
    say(&mut dialog, REFUSE_GNU);
    say(&mut dialog, REFUSE_MORE);
    say(&mut dialog, b"\xff\xfd\x01\xff\xfc\x22\xff\xfc\x06\xff\xfc\x00");
    dialog
}

fn at_shell() -> Dialog {
    let mut dialog = at_login();
    say(&mut dialog, b"root\r\n");
    say(&mut dialog, b"secret\r\n");
    dialog.logged_in();
    dialog
}

/// Recorded from netkit telnetd 0.17 in front of login(1): a client that refuses all, and the Linux client.
#[test]
fn negotiation_goes_as_recorded() {
    let second = "\\xff\\xfb\\x03\\xff\\xfd\\x01\\xff\\xfd\\x1f\\xff\\xfb\\x05\\xff\\xfd!";
    let after = "\\xff\\xfb\\x01[banner]mail login: ";
    let mut bot = dialog();
    assert_eq!(sent(&mut bot, REFUSE), second);
    assert_eq!(sent(&mut bot, b"\xff\xfc\x01"), "");
    assert_eq!(sent(&mut bot, b"\xff\xfc\x1f"), after);

    let mut client = dialog();
    assert_eq!(
        sent(&mut client, b"\xff\xfb\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27"),
        "\\xff\\xfa\\x18\\x01\\xff\\xf0"
    );
    assert_eq!(sent(&mut client, b"\xff\xfa\x18\x00vt100\xff\xf0"), second);
    // Who has NAWS is waited for about ECHO as well.
    assert_eq!(sent(&mut client, b"\xff\xfb\x1f"), "");
    assert_eq!(sent(&mut client, b"\xff\xfb\x01"), format!("\\xff\\xfe\\x01{after}"));
}

/// Asked of inetutils telnetd 2.4 of Debian 12.
#[test]
fn inetutils_negotiates_as_asked() {
    let gnu = || of(TelnetDaemon::Inetutils, LoginProgram::Shadow);
    let second = "\\xff\\xfb\\x03\\xff\\xfd\\x01\\xff\\xfd\\\"\\xff\\xfd\\x1f\\xff\\xfb\\x05\\xff\\xfd!";
    let mut bot = gnu();
    assert_eq!(sent(&mut bot, REFUSE_GNU), second);
    assert_eq!(sent(&mut bot, b"\xff\xfc\x1f"), "\\xff\\xfb\\x01\\xff\\xfd\\x06\\xff\\xfd\\x00[banner]mail login: ");
    // What comes in the same piece as the first answers is no answer to the second round.
    let mut hasty = gnu();
    assert_eq!(sent(&mut hasty, &[REFUSE_GNU, b"\xff\xfc\x1f"].concat()), second);
    assert_eq!(sent(&mut hasty, b"root\r\n"), "");
    // Terminal types are asked for until one is known, or the list ends twice.
    let ask = "\\xff\\xfa\\x18\\x01\\xff\\xf0";
    let will = [b"\xff\xfb\x18".as_slice(), &REFUSE_GNU[..6], &REFUSE_GNU[9..]].concat();
    let mut known = gnu();
    assert_eq!(sent(&mut known, &will), ask);
    assert_eq!(sent(&mut known, b"\xff\xfa\x18\0foobar\xff\xf0"), ask);
    assert_eq!(sent(&mut known, b"\xff\xfa\x18\0VT100\xff\xf0"), second);
    assert_eq!(known.terminal().0, "vt100");
    let mut unknown = gnu();
    say(&mut unknown, &will);
    for name in [b"foobar", b"foobaz", b"foobaz"] {
        assert_eq!(sent(&mut unknown, &[b"\xff\xfa\x18\0", name.as_slice(), b"\xff\xf0"].concat()), ask);
    }
    assert_eq!(sent(&mut unknown, b"\xff\xfa\x18\0foobaz\xff\xf0"), second);
    assert_eq!(unknown.terminal().0, "foobar");
}

#[test]
fn inetutils_answers_as_asked() {
    for (input, output) in [
        (b"\xff\xf6".as_slice(), "\\r\\n[Yes]\\r\\n"),
        (b"\xff\xfb\x26", "\\xff\\xfd&\\xff\\xfa&\\x01\\xff\\xf0"),
        (b"\xff\xfb\x25", "\\xff\\xfd%\\xff\\xfa%\\x01\\x02\\x02\\x02\\x00\\xff\\xf0"),
        (b"\xff\xfd\x06\xff\xfd\x06", "\\xff\\xfb\\x06\\xff\\xfb\\x06"),
        (b"\xff\xfb\x06", "\\xff\\xfc\\x03"),
        (b"\xff\xfb\x24\xff\xfc\x24", "\\xff\\xfd$\\xff\\xfe$"),
        (b"r\xc3\xb6t\r\n", "rC6t\\r\\nPassword: "),
        (b"\xff\xfb\x00r\xc3\xb6t\r\n", "\\xff\\xfd\\x00r\\xc3\\xb6t\\r\\n\\r\\nPassword: "),
        (b"\xff\xfd\x00root\r\n", "\\xff\\xfb\\x00root\\nPassword: "),
        (b"\xff\xfe\x01root\r\n", "\\xff\\xfc\\x01Password: "),
        (b"ro\x03", "\\xff\\xf2^C"),
        (b"ab\xff\xf4c", "\\xff\\xf2^Cc"),
        (b"q\xff\xf5y", "\\xff\\xf2q^Oy"),
        (
            b"\xff\xfd\x05\xff\xfa\x05\x01\xff\xf0",
            "\\xff\\xfb\\x05\\xff\\xfa\\x05\\x00\\xfb\\x01\\xfb\\x03\\xfb\\x05\\xff\\xf0",
        ),
        (b"\xff\xfaa\xff\xffb\xff\xfd\x2a", "\\xff\\xfc*"),
    ] {
        assert_eq!(sent(&mut at_gnu_login(), input), output, "{}", input.escape_ascii());
    }
    let (bytes, step) = say(&mut at_gnu_login(), b"\xff\xfd\x12");
    assert_eq!((bytes.as_slice(), step), (b"".as_slice(), Some(Step::Close(b"\xff\xfb\x12".to_vec()))));
}

#[test]
fn ctrl_s_holds_what_is_shown() {
    let mut dialog = at_login();
    assert_eq!(sent(&mut dialog, b"\x13root\r\n"), "");
    assert_eq!(sent(&mut dialog, b"\x11"), "root\\r\\nPassword: ");
}

/// The variables of a client are told; no option of login comes from there.
#[test]
fn an_attack_by_the_environment_is_told() {
    let mut dialog = of(TelnetDaemon::Inetutils, LoginProgram::Shadow);
    say(&mut dialog, b"\xff\xfe\x25\xff\xfe\x26\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfb\x27\xff\xfc\x24");
    let (_, step) = say(&mut dialog, b"\xff\xfa'\0\0USER\x01-f root\xff\xf0");
    assert!(matches!(step, Some(Step::Environ(variable)) if variable.is_trick()));
    say(&mut dialog, b"");
    assert!(sent(&mut dialog, b"\xff\xfc\x1f").ends_with("[banner]mail login: "));
    // netkit takes a plain name from there.
    let mut dialog = super::tests::dialog();
    say(&mut dialog, b"\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfb\x27");
    say(&mut dialog, b"\xff\xfa'\0\0USER\x01root\xff\xf0");
    assert!(sent(&mut dialog, REFUSE_MORE).ends_with("[banner]Password: "));
}

/// Asked of telnetd of BusyBox 1.35 in front of its own login.
#[test]
fn busybox_skips_options_and_has_its_own_login() {
    let at_login = || of(TelnetDaemon::Busybox, LoginProgram::Busybox);
    for (input, output) in [
        (b"\xff\xfd\x03\xff\xfb\x18".as_slice(), ""),
        (b"\xff\xf6", "\\xff\\xff\\xf1"),
        (b"\xff\xfb\x1f\xff\xfa\x1f\0\x50\0\x18\xff\xf0root\r\n", "root\\r\\nPassword: "),
        (b"\xff\xfa\x18\0vt100\xff\xf0", "^@vt100"),
        (b"a\x03", "^C"),
        (b"ab\xff\xf7\xff\xf8cd\xff\xf4\xff\xef\xffe", "abcde"),
        (b" \r\n", " \\r\\nmail login: "),
        (b"root foo\r\n", "root foo\\r\\nPassword: "),
        (b"-f root\r\n", "-f root\\r\\nPassword: "),
        (b"e f\x17g\x12", "e f\\x08 \\x08g^R\\r\\ne g"),
        (b"h\x16\x03i", "h^\\x08^Ci"),
    ] {
        assert_eq!(sent(&mut at_login(), input), output, "{}", input.escape_ascii());
    }
    let mut split = at_login();
    assert_eq!(sent(&mut split, b"\xff\xfd"), "");
    assert_eq!(sent(&mut split, b"\x03"), "^C");
    assert_eq!(say(&mut at_login(), b"\x04").1, Some(Step::Close(Vec::new())));
    let long = say(&mut at_login(), &[&[b'a'; 300], b"\r\n".as_slice()].concat()).1;
    assert!(matches!(long, Some(Step::Close(shown)) if shown.len() == 302));
    assert!(matches!(say(&mut at_login(), b"\n\n\n\n\n\n\n\n\n\n").1, Some(Step::Close(_))));
    let mut dialog = at_login();
    for round in 1..=3 {
        say(&mut dialog, b"root\r\n");
        assert!(matches!(say(&mut dialog, b"x\r\n").1, Some(Step::Login { .. })));
        dialog.feed(b"typed\r\n");
        assert_eq!(dialog.meanwhile(), b"typed\r\n");
        dialog.login_failed();
        let expected = if round < 3 {
            (b"Login incorrect\r\nmail login: ".to_vec(), None)
        } else {
            (Vec::new(), Some(Step::Close(b"Login incorrect\r\n".to_vec())))
        };
        assert_eq!(say(&mut dialog, b""), expected);
    }
    say(&mut at_login(), b"root\r\n");
}

/// Asked of shadow's login: no password for what would be an option, and for an end of file.
#[test]
fn some_names_are_refused_at_once() {
    for (input, shown, refused) in
        [(b"-f root\r\n".as_slice(), "-f root\\r\\n", b"-f root".as_slice()), (b"\x04", "\\r\\n", b"")]
    {
        let mut dialog = at_login();
        let (sent, step) = say(&mut dialog, input);
        assert_eq!(
            (sent.escape_ascii().to_string().as_str(), step),
            (shown, Some(Step::Refuse { name: refused.to_vec() }))
        );
        dialog.login_failed();
        assert_eq!(say(&mut dialog, b"").0, b"\r\nLogin incorrect\r\nmail login: ");
    }
    assert_eq!(sent(&mut at_login(), b"a\x04"), "a\\r\\nPassword: ");
}

#[test]
fn without_negotiation_nothing_is_said_and_early_text_waits() {
    let mut dialog = dialog();
    assert_eq!(sent(&mut dialog, b"root\r\n"), "");
    assert_eq!(dialog.unfinished(), b"root\r\n");
    say(&mut dialog, REFUSE);
    let (sent, _) = say(&mut dialog, REFUSE_MORE);
    assert!(sent.ends_with(b"mail login: root\r\nPassword: "), "{}", sent.escape_ascii());
}

/// Recorded answers to single options and commands at the login prompt.
#[test]
fn options_and_commands_go_as_recorded() {
    for (input, output) in [
        (b"\xff\xfd\x06".as_slice(), "\\xff\\xfb\\x06"),
        (b"\xff\xfd\x2a", "\\xff\\xfc*"),
        (b"\xff\xfd\x25", "\\xff\\xfc%"),
        (b"\xff\xfb\x26", "\\xff\\xfe&"),
        (b"\xff\xfb\x18", "\\xff\\xfd\\x18"),
        (b"\xff\xfb\x18\xff\xfc\x18", "\\xff\\xfd\\x18\\xff\\xfe\\x18"),
        (b"\xff\xfd\x00\xff\xfe\x00", "\\xff\\xfb\\x00\\xff\\xfc\\x00"),
        (b"\xff\xf6", "\\r\\n[mail.example.com : yes]\\r\\n"),
        (b"\xff\xf1", ""),
        (b"\xff\xff", "\\xff\\xff"),
        (b"\xff\xfa\xff\xf0", ""),
    ] {
        assert_eq!(sent(&mut at_login(), input), output, "{}", input.escape_ascii());
    }
}

/// Recorded login dialogs: line ends, erasing, text that was typed ahead.
#[test]
fn login_goes_as_recorded() {
    for end in [b"\r\n".as_slice(), b"\r\0", b"\n", b"\r"] {
        let mut dialog = at_login();
        assert_eq!(sent(&mut dialog, &[b"root", end].concat()), "root\\r\\nPassword: ");
        let (sent, step) = say(&mut dialog, &[b"rootpass", end].concat());
        assert_eq!(sent, b"\r\n");
        assert_eq!(step, Some(Step::Login { name: b"root".to_vec(), password: b"rootpass".to_vec() }));
    }
    assert_eq!(sent(&mut at_login(), b"roox\x7ft\r\n"), "roox\\x08 \\x08t\\r\\nPassword: ");
    assert_eq!(sent(&mut at_login(), b"GET / HTTP/1.0\r\n\r\n"), "GET / HTTP/1.0\\r\\n\\r\\nPassword: ");
    assert_eq!(sent(&mut at_login(), b"\r\n"), "\\r\\nPassword: ");
    assert_eq!(sent(&mut at_login(), b"r\xc3\xb6t\r\n"), "r\\xc3\\xb6t\\r\\nPassword: ");
}

#[test]
fn the_fifth_wrong_login_is_the_last() {
    let mut dialog = at_login();
    for round in 1..=5 {
        say(&mut dialog, b"admin\r\n");
        let (_, step) = say(&mut dialog, b"admin\r\n");
        assert!(matches!(step, Some(Step::Login { .. })));
        dialog.login_failed();
        let (sent, step) = say(&mut dialog, b"");
        if round < 5 {
            assert_eq!((sent.as_slice(), step), (b"\r\nLogin incorrect\r\nmail login: ".as_slice(), None));
        } else {
            let last = b"\r\nLogin incorrect\r\nMaximum number of tries exceeded (5)\r\n".to_vec();
            assert_eq!(step, Some(Step::Close(last)));
        }
    }
}

/// Behind telnetd every key goes to the terminal; an interrupt is told to the client by a mark, as recorded.
#[test]
fn keys_go_to_the_shell() {
    let keys = |step| matches!(step, Some(Step::Keys(keys)) if keys == b"abc\x03pwd\n");
    let (sent, step) = say(&mut at_shell(), b"abc\x03pwd\r\n");
    assert_eq!(sent.escape_ascii().to_string(), "\\xff\\xf2");
    assert!(keys(step));
}

#[test]
fn an_endless_line_is_bounded_and_said_once() {
    let mut dialog = at_login();
    let mut noted = 0;
    for _ in 0..100 {
        dialog.feed(&[b'x'; 4096]);
        while let Some(step) = dialog.next_step() {
            noted += usize::from(matches!(step, Step::TooLong(_)));
        }
    }
    assert_eq!(noted, 1);
    assert_eq!(dialog.unfinished().len(), super::editor::LONGEST);
}

#[test]
fn any_split_of_any_bytes_gives_the_same_and_never_panics() {
    let all = |pieces: &[&[u8]]| {
        let mut dialog = at_login();
        let mut sent = Vec::new();
        for piece in pieces {
            dialog.feed(piece);
            while let Some(step) = dialog.next_step() {
                match step {
                    Step::Send(bytes) | Step::Close(bytes) => sent.extend(bytes),
                    Step::Login { .. } => dialog.logged_in(),
                    Step::Keys(line) | Step::TooLong(line) => sent.extend(line),
                    Step::Refuse { .. } => dialog.login_failed(),
                    Step::Start => dialog.started(),
                    Step::Signal(_) | Step::Environ(_) => {}
                }
            }
        }
        sent
    };
    proptest::proptest!(|(bytes: Vec<u8>, at: proptest::sample::Index)| {
        // A password prompt flushes what is typed ahead, so only input without a line end is the same in any split.
        // An interrupt throws away the output of its piece, so it depends on the split as well.
        let bytes: Vec<u8> = bytes.into_iter().filter(|b| !b"\r\n\x03\x04\x13\x1a\x1c\xec\xed\xee\xf3\xf4\xf5\xff".contains(b)).collect();
        let (left, right) = bytes.split_at(at.index(bytes.len() + 1));
        proptest::prop_assert_eq!(all(&[&bytes]), all(&[left, right]));
    });
    proptest::proptest!(|(bytes: Vec<u8>)| { all(&[&bytes]); });
}
