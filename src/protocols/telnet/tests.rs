use super::dialog::{Dialog, Step};

/// Answers of a bot that refuses every option.
const REFUSE: &[u8] = b"\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27";

fn dialog() -> Dialog {
    Dialog::new("mail", "mail.example.com", "Ubuntu 20.04.6 LTS", 5)
}

/// Everything that the dialog sends for `input`, up to a step that the loop must answer.
fn say(dialog: &mut Dialog, input: &[u8]) -> (Vec<u8>, Option<Step>) {
    dialog.feed(input);
    let mut sent = Vec::new();
    loop {
        match dialog.next_step() {
            Some(Step::Send(bytes)) => sent.extend(bytes),
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
    let after = "\\xff\\xfb\\x03\\xff\\xfd\\x01\\xff\\xfd\\x1f\\xff\\xfb\\x05\\xff\\xfd!\\xff\\xfb\\x01Ubuntu 20.04.6 LTS\\r\\nmail login: ";
    assert_eq!(sent(&mut dialog(), REFUSE), after);

    let mut client = dialog();
    assert_eq!(
        sent(&mut client, b"\xff\xfb\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27"),
        "\\xff\\xfa\\x18\\x01\\xff\\xf0"
    );
    assert_eq!(sent(&mut client, b"\xff\xfa\x18\x00vt100\xff\xf0"), after);
}

#[test]
fn without_negotiation_nothing_is_said_and_early_text_waits() {
    let mut dialog = dialog();
    assert_eq!(sent(&mut dialog, b"root\r\n"), "");
    assert_eq!(dialog.unfinished(), b"root\r\n");
    let (sent, _) = say(&mut dialog, REFUSE);
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
        (b"\xff\xff", "\\xff"),
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
                    Step::Signal(_) => {}
                }
            }
        }
        sent
    };
    proptest::proptest!(|(bytes: Vec<u8>, at: proptest::sample::Index)| {
        // A password prompt flushes what is typed ahead, so only input without a line end is the same in any split.
        // An interrupt throws away the output of its piece, so it depends on the split as well.
        let bytes: Vec<u8> = bytes.into_iter().filter(|b| !b"\r\n\x03\x04\xf3\xf4".contains(b)).collect();
        let (left, right) = bytes.split_at(at.index(bytes.len() + 1));
        proptest::prop_assert_eq!(all(&[&bytes]), all(&[left, right]));
    });
    proptest::proptest!(|(bytes: Vec<u8>)| { all(&[&bytes]); });
}
