//! Names that an instance gets from its seed: of the company, of the host, of the people.

use super::accounts::Person;
use crate::base::rng::Rng;

const FIRST_PARTS: &str = "al ar bel bor cal cor dal del el fal fen gar hal har hel jor kal kes lan lor mar mel nor ol per \
    ral ren sal sel sol tar tel tor val ver vin wal wes zan";
const LAST_PARTS: &str = "bek bridge cott dan den dorf feld ford ga gate helm holt lund mark mere mont nova ridge rik sen \
    stad ster ten tis ton trup vale vest vik ward wick";
const TRADES: &str = "logistics tools print medical optics foods textiles freight metals paper glass seeds timber marine \
    plastics bearings packaging instruments lighting ceramics";
const ZONES: &str = "internal lan local corp intra";

const SITES: &str = "ams ant ath bar bas ber bil bos bri bru bud cph dal den dub dus edi fra gdn got gra ham hel kat kol \
    lei lil lin lis lju lux lyo mad man mil mun nan nap osl por pra rig rot sof sto tal tou tri tur vie vil war zag zur";
const ROLES: &str = "web app db mail file backup git build proxy mon ops edge cache node intra portal crm erp wiki dms \
    stage api print vpn log";

const GIVEN: &str = "Adrian Agnes Alina Anton Astrid Beata Bogdan Carla Cecile Claudia Daniel Dorota Edgar Elena Emil Erik \
    Eva Fabian Filip Gerda Goran Greta Hanna Helmut Henrik Ines Irena Ivan Jan Jelena Jonas Judit Karin Katja Klaus \
    Lars Lena Luca Magda Marco Marek Marta Matteo Mirko Monika Nadia Nils Nora Olaf Paula Petra Piotr Rafael Rita \
    Robin Sanne Silvia Simon Sofie Stefan Sven Tamara Tomas Ulrike Vera Viktor Wanda Wiktor Yvonne Zoltan";
const FAMILY: &str = "Aalto Adamek Albers Andersen Bakker Balint Barta Becher Berger Bianchi Blom Brandt Carlsen Conti Costa \
    Dahl Dekker Dubois Eder Egger Falk Farkas Ferrari Fischer Fontaine Garnier Graf Gruber Haas Hansen Hartmann Horak \
    Horvat Huber Ilic Jansen Jensen Kaiser Keller Kovac Kral Krause Kuiper Lang Larsen Lehner Lindgren Lorenz Maes \
    Marek Maurer Mertens Moreau Moser Nemec Nilsen Novak Olsen Peeters Petrov Pichler Pohl Popov Rasmussen Reiter \
    Ricci Roth Ruiz Sauer Schmid Simic Sokol Steiner Strand Svoboda Toth Vasile Verhoeven Vogel Wagner Weiss Zeman";

fn word(rng: &mut Rng, list: &'static str) -> &'static str {
    let words: Vec<&str> = list.split_whitespace().collect();
    let last = (words.len() as u64).saturating_sub(1);
    words.get(usize::try_from(rng.between(0, last)).unwrap_or(0)).copied().unwrap_or_default()
}

/// The small company that the host belongs to: its name in one word, and what it deals in.
pub(super) fn company(seed: u64) -> (String, &'static str) {
    let mut rng = Rng::new(seed, "company");
    (format!("{}{}", word(&mut rng, FIRST_PARTS), word(&mut rng, LAST_PARTS)), word(&mut rng, TRADES))
}

/// The company's domain, under a name that no registry gives away.
pub(super) fn domain(seed: u64) -> String {
    let (name, trade) = company(seed);
    let mut rng = Rng::new(seed, "domain");
    let zone = word(&mut rng, ZONES);
    match rng.between(0, 2) {
        0 => format!("{name}-{trade}.{zone}"),
        _ => format!("{name}.{zone}"),
    }
}

/// A server's name: what it is for, a number, perhaps where it stands.
pub(super) fn host(seed: u64) -> String {
    let mut rng = Rng::new(seed, "host name");
    let (site, role) = (word(&mut rng, SITES), word(&mut rng, ROLES));
    let number = rng.between(1, 19);
    match rng.between(0, 3) {
        0 => format!("{site}-{role}{number:02}"),
        1 => format!("{role}{number:02}-{site}"),
        2 => format!("{site}{role}{number}"),
        _ => format!("{site}-{role}-{number}"),
    }
}

/// The people of the company who have an account, none of them called as one who is there already.
pub(super) fn staff(seed: u64, taken: impl Fn(&str) -> bool) -> Vec<Person> {
    let mut rng = Rng::new(seed, "staff");
    let style = rng.between(0, 2);
    let mut all: Vec<Person> = Vec::new();
    for number in 0..rng.between(1, 3) {
        let (given, family) = (word(&mut rng, GIVEN), word(&mut rng, FAMILY));
        let first = given.get(..1).unwrap_or("x");
        let name = match style {
            0 => format!("{first}{family}"),
            1 => format!("{given}.{family}"),
            _ => format!("{given}{}", family.get(..1).unwrap_or_default()),
        };
        let name = name.to_lowercase();
        if taken(&name) || all.iter().any(|person| person.name == name) {
            continue;
        }
        let days = i64::try_from(rng.between(0, 160)).unwrap_or(0);
        let hash = super::accounts::unknown_hash(&mut rng);
        let gecos = format!("{given} {family},,,");
        all.push(Person { name, uid: 0, gecos, admin: number == 0, hash, days, staff: true });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_names() {
        let plain =
            |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
        for seed in 0..500 {
            let (host, domain) = (host(seed), domain(seed));
            assert!(host.len() < 16 && plain(&host) && plain(&domain) && domain.matches('.').count() == 1, "{host}");
            for person in staff(seed, |_| false) {
                assert!(plain(&person.name) && person.name.len() < 24, "{}", person.name);
            }
        }
    }
}
