//! /var/lib/dpkg/status as dpkg reads it (deb-control(5)), and /var/lib/dpkg/info.

use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::{Host, Who};

const STATUS: &str = "/var/lib/dpkg/status";
const INFO: &str = "/var/lib/dpkg/info";
/// Bytes of it that are read, and of one list of files.
const MOST: usize = 4 << 20;

/// A package that dpkg knows.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub name: String,
    pub version: String,
    pub arch: String,
    /// The first line of its description.
    pub summary: String,
    /// Its paragraph, without the empty line behind it.
    pub paragraph: String,
}

impl Package {
    /// A field of the paragraph with the lines that go on.
    pub fn field(&self, name: &str) -> Option<String> {
        let mut lines = self.paragraph.lines();
        let first = lines.find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_string())
        })?;
        let more: Vec<&str> = lines.take_while(|line| line.starts_with([' ', '\t'])).collect();
        Some(std::iter::once(first.as_str()).chain(more).collect::<Vec<_>>().join("\n"))
    }

    fn status(&self) -> String {
        self.field("Status").unwrap_or_default()
    }

    pub fn is_installed(&self) -> bool {
        self.status().ends_with(" installed")
    }

    /// `ii `, `rc `: what is wanted, what is, and whether something is wrong.
    pub fn letters(&self) -> String {
        let status = self.status();
        let mut words = status.split(' ');
        let wanted = match words.next() {
            Some("install") => 'i',
            Some("hold") => 'h',
            Some("deinstall") => 'r',
            Some("purge") => 'p',
            _ => 'u',
        };
        let fault = if words.next() == Some("reinstreq") { 'R' } else { ' ' };
        let state = match words.next() {
            Some("installed") => 'i',
            Some("config-files") => 'c',
            Some("half-installed") => 'H',
            Some("unpacked") => 'U',
            Some("half-configured") => 'F',
            Some("triggers-awaited") => 'W',
            Some("triggers-pending") => 't',
            _ => 'n',
        };
        format!("{wanted}{state}{fault}")
    }

    /// The name, with the architecture where several can be installed beside each other.
    pub fn full_name(&self) -> String {
        if self.field("Multi-Arch").as_deref() == Some("same") {
            format!("{}:{}", self.name, self.arch)
        } else {
            self.name.clone()
        }
    }
}

/// All packages, sorted by name.
pub(super) fn read(host: &Host) -> Vec<Package> {
    let bytes = host.read_file(&Who::root(), STATUS.as_bytes(), MOST).unwrap_or_default();
    let mut all: Vec<Package> = text::decode(&bytes).split("\n\n").filter_map(package).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.arch.cmp(&b.arch)));
    all
}

fn package(paragraph: &str) -> Option<Package> {
    let paragraph = paragraph.trim_matches('\n');
    let (mut name, mut version, mut arch, mut summary) = (None, "", "", "");
    for line in paragraph.lines() {
        match line.split_once(':') {
            Some(("Package", value)) => name = Some(value.trim()),
            Some(("Version", value)) => version = value.trim(),
            Some(("Architecture", value)) => arch = value.trim(),
            Some(("Description", value)) => summary = value.trim(),
            _ => {}
        }
    }
    Some(Package {
        name: name?.to_string(),
        version: version.into(),
        arch: arch.into(),
        summary: summary.into(),
        paragraph: paragraph.to_string(),
    })
}

/// Takes packages away: those with configuration files stay known unless they are purged.
pub(super) fn remove(host: &Host, names: &[String], purge: bool) {
    let keep = |mut package: Package| {
        if !names.contains(&package.name) {
            return Some(package);
        }
        if purge || package.field("Conffiles").is_none() {
            return None;
        }
        let old = format!("Status: {}", package.status());
        package.paragraph = package.paragraph.replacen(&old, "Status: deinstall ok config-files", 1);
        Some(package)
    };
    let before = host.read_file(&Who::root(), STATUS.as_bytes(), MOST).unwrap_or_default();
    let _ = host.write_file(&Who::root(), format!("{STATUS}-old").as_bytes(), &before, 0o644);
    let left: Vec<String> = read(host).into_iter().filter_map(keep).map(|package| package.paragraph + "\n").collect();
    let _ = host.write_file(&Who::root(), STATUS.as_bytes(), &text::encode(&left.join("\n")), 0o644);
    for name in names {
        for end in ["list", "md5sums", "preinst", "postinst", "prerm", "postrm", "triggers", "shlibs", "symbols"] {
            let _ = host.remove_file(&Who::root(), format!("{INFO}/{name}.{end}").as_bytes());
        }
    }
}

/// The files of a package, if they are written down.
pub(super) fn files(host: &Host, package: &Package) -> Option<String> {
    [format!("{INFO}/{}.list", package.name), format!("{INFO}/{}:{}.list", package.name, package.arch)]
        .into_iter()
        .filter_map(|path| host.read_file(&Who::root(), path.as_bytes(), MOST).ok())
        .find(|bytes| !bytes.is_empty())
        .map(|bytes| text::decode(&bytes))
}

/// Which packages the files that fit belong to: path and names. `None` when no package has its files written down.
pub(super) async fn owners(
    c: &mut Cmd,
    all: &[Package],
    fits: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Option<Vec<(String, Vec<String>)>>, Stop> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let mut written = false;
    for package in all.iter().filter(|package| package.is_installed()) {
        c.spend(10).await?;
        let Some(list) = files(c.host(), package) else { continue };
        written = true;
        c.spend(list.len() as u64 / 100).await?;
        for path in list.lines().filter(|path| fits(path)) {
            let name = package.full_name();
            match found.iter().position(|(known, _)| known == path) {
                Some(at) => found.iter_mut().skip(at).take(1).for_each(|(_, names)| names.push(name.clone())),
                None if found.len() < 10_000 => found.push((path.to_string(), vec![name])),
                None => {}
            }
        }
    }
    Ok(written.then_some(found))
}

#[cfg(test)]
mod tests {
    use crate::shell::tests::run;

    #[test]
    fn what_is_written_counts() {
        let out = |line: &str| run(line).0;
        assert_eq!(out("dpkg -l | grep -c '^ii'"), out("grep -c '^Status: install ok installed' /var/lib/dpkg/status"));
        assert_eq!(out("dpkg -s bash"), out("sed -n '/^Package: bash$/,/^$/p' /var/lib/dpkg/status"));
        let own = "printf 'Package: evil\\nStatus: install ok installed\\nPriority: optional\\nArchitecture: amd64\\nVersion: 1.2\\nDescription: Evil tool\\n more\\n\\n' > /var/lib/dpkg/status; echo /usr/bin/evil > /var/lib/dpkg/info/evil.list; ";
        assert_eq!(
            out(&format!(
                "{own} dpkg -l | tail -1; dpkg -L evil; dpkg -S /usr/bin/evil; dpkg -s bash 2>&1 | head -1; apt list --installed 2>/dev/null"
            )),
            "ii  evil           1.2          amd64        Evil tool\n/usr/bin/evil\nevil: /usr/bin/evil\ndpkg-query: package 'bash' is not \
             installed and no information is available\nListing... Done\nevil/focal,now 1.2 amd64 [installed]\n"
        );
        assert_eq!(out("dpkg-query -W -f '${Package} ${Status}\\n' bash"), "bash install ok installed\n");
        assert_eq!(
            out("dpkg -r nano > /dev/null; dpkg -l nano 2>&1; ls /var/lib/dpkg/removed 2>&1"),
            "dpkg-query: no packages found matching nano\nls: cannot access '/var/lib/dpkg/removed': No such file or directory\n"
        );
    }
}
