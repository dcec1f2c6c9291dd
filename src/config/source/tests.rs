use std::path::PathBuf;

use super::*;
use crate::config::DEFAULT;

fn tests_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config")
}

fn env(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn message(file: &str) -> String {
    let path = tests_folder().join("broken").join(file);
    load(Some(&path), &env(&[])).unwrap_err().to_string()
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    assert_eq!(parse(DEFAULT).map_err(|mistake| mistake.reason).unwrap(), Config::default());
}

#[test]
fn every_shipped_configuration_is_accepted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["config/default.toml", "config/reference.toml", "tests/config/seed.toml"] {
        load(Some(&root.join(file)), &env(&[])).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn the_original_designs_example_means_what_it_says() {
    let config = load(Some(&tests_folder().join("seed.toml")), &env(&[])).unwrap();
    assert_eq!(config.openai.static_messages.len(), 2);
    assert!(!config.openai.usable() && !config.registration.usable());
}

/// Each broken file, the place that is named, and a word of the reason.
#[test]
fn mistakes_are_shown_with_line_caret_and_reason() {
    for (file, place, caret, reason) in [
        ("unknown-key.toml", ":3:1: general.log_dir", "^^^^^^^", "unknown field `log_dir`"),
        ("unknown-section.toml", ":1:2: generl", "^^^^^^", "unknown field `generl`"),
        ("wrong-type.toml", ":2:20: ports.http.enabled", "^^^^^", "expected a boolean"),
        ("no-such-profile.toml", ":2:11: persona.profile", "^^^^^^", "there are ubuntu-20.04, debian-12, busybox"),
        ("port-0.toml", ":2:32: ports.ftp.port", "^", "port 0 does not exist"),
        ("port-70000.toml", ":2:32: ports.ftp.port", "^^^^^", "port 70000 does not exist"),
        ("same-port-twice.toml", ":4:33: ports.smtp.port", "^^^^", "port 2121 is taken by ftp already"),
        ("max-startups.toml", ":2:16: ssh.max_startups", "^^^^", "BEGIN:RATE:FULL"),
        ("no-such-level.toml", ":2:13: general.log_level", "^^^^^", "no such log level"),
        ("not-toml.toml", ":1:9", "^", "unclosed table"),
        ("no-such-mode.toml", ":2:35: ports.telnet.mode", "^^^^^^^", "unknown variant `magic`"),
        ("service-port-taken.toml", ":7:8: services.0.port", "^^^^", "port 8080 is taken by http already"),
        ("passive-ports.toml", ":2:17: ftp.passive_ports", "^^^^", "not a range of ports"),
        ("recordings.toml", ":2:18: recordings.max_file_bytes", "^^^", "less than 4096 bytes hold no session"),
        ("bad-address.toml", ":2:12: openai.base_url", "^^^^", "begins with http:// or https://"),
    ] {
        let message = message(file);
        assert!(message.contains(&format!("{file}{place}")), "{message}");
        assert!(message.contains(caret) && message.contains(reason) && message.contains("= help: "), "{message}");
    }
}

#[test]
fn a_file_that_is_not_there_is_said() {
    let error = load(Some(Path::new("/nonexistent/Config.toml")), &env(&[])).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/Config.toml: can't be read: No such file"), "{error}");
}

#[test]
fn the_environment_overrides_every_kind_of_key() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, "from-file\n").unwrap();
    let config = load(
        None,
        &env(&[
            ("RUSTBUCKET__PORTS__FTP__PORT", "2122"),
            ("RUSTBUCKET__PORTS__HTTP__ENABLED", "false"),
            ("RUSTBUCKET__PORTS__TELNET__MODE", "ai"),
            ("RUSTBUCKET__GENERAL__SENSOR", "12345"),
            ("RUSTBUCKET__SMTP__DESTINATIONS", "[\"a.example\"]"),
            ("RUSTBUCKET__OPENAI__STATIC_MESSAGES__MESSAGE1", "hello"),
            ("OPENAI_API_KEY_FILE", file.to_str().unwrap()),
            ("RUSTBUCKET_API_KEY", "registration"),
            ("RUSTBUCKET_REGISTRY_URL", "http://127.0.0.1:1/register"),
            ("UNRELATED", "x"),
        ]),
    )
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.ports.ftp.port, Some(2122));
    assert!(!config.ports.http.enabled);
    assert_eq!(config.ports.telnet.mode, crate::respond::Mode::Ai);
    assert_eq!(config.general.sensor, "12345");
    assert_eq!(config.smtp.destinations, ["a.example"]);
    assert_eq!(config.openai.static_messages["message1"], "hello");
    assert_eq!(config.openai.api_key.expose(), "from-file");
    assert_eq!(config.registration.registration_key.expose(), "registration");
    assert!(config.registration.usable());
    assert!(!format!("{config:?}").contains("from-file"));
}

#[test]
fn a_mistake_in_the_environment_names_the_variable() {
    for (variable, value, reason) in [
        ("RUSTBUCKET__PORTS__FTP__PORT", "70000", "port 70000 does not exist"),
        ("RUSTBUCKET__PORTS__FTP__PROT", "1", "unknown field `prot`"),
        ("RUSTBUCKET__NOPE__X", "1", "unknown field `nope`"),
        ("OPENAI_API_KEY_FILE", "/nonexistent", "can't be read"),
        ("RUSTBUCKET__PORTS__FTP__PORT", "2525", "port 2525 is taken"),
    ] {
        let error = load(None, &env(&[(variable, value)])).unwrap_err().to_string();
        assert!(error.contains(variable) && error.contains(reason), "{error}");
    }
}
