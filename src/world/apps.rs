//! Programs of the web root, as data: `data/apps/NAME/app.toml` and the texts beside it. The world has their files;
//! what they answer over HTTP is the business of that engine, which reads the same packs.

use std::sync::LazyLock;

use serde::Deserialize;

use super::bait::{self, Baits};
use super::instance::{Put, Writer};
use super::names;
use super::persona::Persona;
use crate::base::rng::Rng;

/// `[http]` as far as the host itself depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Web {
    /// The server is Apache.
    pub apache: bool,
    /// The seed chooses the apps.
    pub by_seed: bool,
    /// Names of the apps, when it does not.
    pub apps: Vec<String>,
}

/// A pack.
pub struct App {
    /// Name of its folder.
    pub name: &'static str,
    /// `app.toml`
    pub toml: &'static str,
    /// The other files, by name.
    pub texts: &'static [(&'static str, &'static str)],
}

/// A pack: the folder, then the texts in it.
macro_rules! app {
    ($name:literal: $($text:literal)*) => {
        App {
            name: $name,
            toml: include_str!(concat!("../../data/apps/", $name, "/app.toml")),
            texts: &[$(($text, include_str!(concat!("../../data/apps/", $name, "/", $text)))),*],
        }
    };
}

/// All packs.
pub static APPS: &[App] = &[
    app!("wordpress": "wp-config.php" "readme.html" "home.html" "login.html" "admin.html" "users.json"
        "api.json" "feed.xml" "xmlrpc.txt" "xmlrpc-fault.xml" "index.php" "connector.json" "file-manager.txt"),
    app!("phpmyadmin": "config.inc.php" "index.php" "login.html" "main.html"),
    app!("dotenv": "env" "health.json" "solution.json" "method.json"),
    app!("git": "config" "HEAD" "ref" "description" "logs-HEAD" "COMMIT_EDITMSG"),
    app!("backup": "backup.sql"),
    app!("router": "index.html" "login.html" "status.html" "style.css" "locale.txt"),
    app!("phpunit": "eval-stdin.php"),
];

/// The head of a pack: what the world needs of it.
#[derive(Debug, Default, Deserialize)]
struct Pack {
    /// How often it is chosen, among 100 hosts.
    #[serde(default)]
    share: u64,
    /// Files that it has on the host.
    #[serde(default)]
    files: Vec<PackFile>,
}

#[derive(Debug, Deserialize)]
struct PackFile {
    path: String,
    text: String,
    #[serde(default)]
    mode: String,
    /// Has a login of the host in it.
    #[serde(default)]
    bait: bool,
    /// Has the database's login in it.
    #[serde(default)]
    database: bool,
}

static PACKS: LazyLock<Vec<Pack>> = LazyLock::new(|| {
    let read = |app: &App| {
        toml::from_str(app.toml).unwrap_or_else(|error| {
            tracing::error!("the app {} can't be read: {error}", app.name);
            Pack::default()
        })
    };
    APPS.iter().map(read).collect()
});

/// The most that a host has when its seed chooses: one that answers every scanner is a tell.
const MOST: usize = 2;

/// Names of the apps of a host.
pub(super) fn chosen(persona: &Persona, web: &Web) -> Vec<&'static str> {
    if !persona.profile.is_server() {
        return vec!["router"];
    }
    if !web.by_seed {
        return APPS.iter().map(|app| app.name).filter(|name| web.apps.iter().any(|wanted| wanted == name)).collect();
    }
    let mut rng = Rng::new(persona.seed, "apps");
    let packs = APPS.iter().zip(PACKS.iter()).filter(|(_, pack)| pack.share > 0);
    let dice = packs.filter(|(_, pack)| rng.between(0, 99) < pack.share).map(|(app, _)| app.name);
    let mut names: Vec<&'static str> = dice.collect();
    while names.len() > MOST {
        let last = names.len() as u64 - 1;
        names.remove(usize::try_from(rng.between(0, last)).unwrap_or(0));
    }
    names
}

/// Where the host's login and the database's stand: a path, and whether it has the database's.
pub(super) fn bait_paths(apps: &[&str]) -> Vec<(String, bool)> {
    let mut paths: Vec<(String, bool)> = Vec::new();
    for (_, pack) in APPS.iter().zip(PACKS.iter()).filter(|(app, _)| apps.contains(&app.name)) {
        paths.extend(pack.files.iter().filter(|file| file.bait).map(|file| (file.path.clone(), file.database)));
    }
    paths
}

/// Facts of this instance that stand in the texts of apps, beside those of its other files.
pub(super) fn words(persona: &Persona) -> Vec<(&'static str, String)> {
    let (company, trade) = names::company(persona.seed);
    let mut title = company.clone();
    if let Some(letter) = title.get_mut(..1) {
        letter.make_ascii_uppercase();
    }
    let (db_user, db_password) = bait::database_login(persona.seed);
    let mut rng = Rng::new(persona.seed, "app words");
    let mut hex = |len: usize| -> String {
        let digits: String = (0..len.div_ceil(16)).map(|_| format!("{:016x}", rng.next_u64())).collect();
        digits.get(..len).unwrap_or_default().into()
    };
    vec![
        ("company", company.clone()),
        ("title", title),
        ("trade", trade.into()),
        ("db_name", format!("{company}_web")),
        ("db_user", db_user),
        ("db_password", db_password),
        ("key1", hex(64)),
        ("key2", hex(64)),
        ("key3", hex(64)),
        ("key4", hex(64)),
        ("commit", hex(40)),
        ("commit_before", hex(40)),
        ("site_hash", hex(32)),
        ("key64", format!("{}=", hex(43))),
        ("installed_seconds", persona.installed.to_string()),
        ("model", persona.cpu.board.split(' ').find(|word| word.len() > 5).unwrap_or("Router").into()),
        ("address", persona.address.clone()),
        ("mac", persona.mac.clone()),
        ("kernel_version", persona.kernel_version.clone()),
        ("hostname", persona.hostname.clone()),
        ("fqdn", persona.fqdn.clone()),
        ("domain", persona.domain.clone()),
    ]
}

/// Writes the files of the apps, as their installation left them.
pub(super) fn install(writer: &Writer<'_>, apps: &[&str], baits: &Baits, people: &[String]) {
    let persona = writer.host.persona();
    let mut rng = Rng::new(persona.seed, "app files");
    for (app, pack) in APPS.iter().zip(PACKS.iter()).filter(|(app, _)| apps.contains(&app.name)) {
        let span = u64::try_from(persona.booted - persona.installed).unwrap_or(1);
        let at = persona.installed + i64::try_from(rng.between(span / 4, span)).unwrap_or(0);
        for file in &pack.files {
            let Some((_, text)) = app.texts.iter().find(|(name, _)| *name == file.text) else { continue };
            let mut text = fill(&writer.words.fill(text), &words(persona));
            let bait = baits.of(&file.path, false);
            let staff = people.get(1).map_or("root", String::as_str);
            let (user, password) = bait.map_or((staff, "changeme"), |bait| (&bait.user, &bait.password));
            text = text.replace("{bait_user}", user).replace("{bait_password}", password);
            let mode = u32::from_str_radix(&file.mode, 8).unwrap_or(0o644);
            writer.file(&file.path, text.as_bytes(), Put { mode, owner: ("www-data", "www-data"), at });
        }
    }
}

/// Puts facts in the place of words in braces.
pub fn fill(text: &str, words: &[(&'static str, String)]) -> String {
    words.iter().fold(text.to_string(), |text, (word, fact)| text.replace(&format!("{{{word}}}"), fact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_can_be_read_and_has_its_texts() {
        for (app, pack) in APPS.iter().zip(PACKS.iter()) {
            assert!(toml::from_str::<toml::Table>(app.toml).is_ok(), "{}", app.name);
            for file in &pack.files {
                assert!(app.texts.iter().any(|(name, _)| *name == file.text), "{} {}", app.name, file.text);
            }
        }
    }

    #[test]
    fn hosts_have_few_apps_and_what_lies_there_opens_an_account() {
        let mut counts = [0; 3];
        for seed in 0..60 {
            let setup = super::super::Setup {
                persona: &super::super::Config::default(),
                login: &super::super::Login::default(),
                overlay: &super::super::Overlay::default(),
                state: None,
                image: None,
                seed,
                overlay_bytes: 1 << 20,
                total_bytes: 1 << 24,
            };
            let world = super::super::World::with_web(setup, Web { by_seed: true, ..Web::default() });
            let host = world.host_for([192, 0, 2, 1].into());
            counts[host.apps().len()] += 1;
            let mut seen = std::collections::HashSet::new();
            assert!(world.baits().iter().any(|bait| bait.path.ends_with("/.bash_history")), "{seed}");
            for bait in world.baits() {
                if bait.opens == ["ssh"] {
                    let public =
                        host.read_file(&super::super::Who::root(), format!("{}.pub", bait.path).as_bytes(), 1 << 16);
                    assert!(String::from_utf8(public.unwrap()).unwrap().contains(&bait.password), "{seed} {bait:?}");
                    continue;
                }
                let text = host.read_file(&super::super::Who::root(), bait.path.as_bytes(), 1 << 16).unwrap();
                let text = String::from_utf8(text).unwrap();
                assert!(text.contains(&bait.user) && text.contains(&bait.password), "{seed} {bait:?}");
                assert!(!text.contains("{bait") && !text.contains("{db_") && !text.contains("{company}"), "{text}");
                if bait.opens != ["http"] {
                    assert!(seen.insert(bait.password.clone()), "{seed}: twice {}", bait.password);
                    assert!(host.login(bait.user.as_bytes(), bait.password.as_bytes()).is_some(), "{seed} {bait:?}");
                    assert!(world.bait_of(bait.user.as_bytes(), bait.password.as_bytes()).unwrap().1.len() == 1);
                }
            }
        }
        assert!(counts.iter().all(|count| *count > 3), "{counts:?}");
    }
}
