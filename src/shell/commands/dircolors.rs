//! `dircolors` (coreutils 8.30 and 9.1): the colours of ls as a command for the shell.

use super::options;
use crate::shell::cmd::Cmd;

/// Kinds of file; `ca` differs between the versions.
const KINDS: &str = "rs=0:di=01;34:ln=01;36:mh=00:pi=40;33:so=01;35:do=01;35:bd=40;33;01:cd=40;33;01:or=40;31;01:mi=00:\
    su=37;41:sg=30;43:ca=CAPABLE:tw=30;42:ow=34;42:st=37;44:ex=01;32:";
/// Endings that are shown in 01;31.
const ARCHIVES: &str = ".tar .tgz .arc .arj .taz .lha .lz4 .lzh .lzma .tlz .txz .tzo .t7z .zip .z .dz .gz .lrz .lz .lzo .xz \
    .zst .tzst .bz2 .bz .tbz .tbz2 .tz .deb .rpm .jar .war .ear .sar .rar .alz .ace .zoo .cpio .7z .rz \
    .cab .wim .swm .dwm .esd";
/// Endings that are shown in 01;35.
const PICTURES: &str = ".avif .jpg .jpeg .mjpg .mjpeg .gif .bmp .pbm .pgm .ppm .tga .xbm .xpm .tif .tiff .png .svg .svgz \
    .mng .pcx .mov .mpg .mpeg .m2v .mkv .webm .webp .ogm .mp4 .m4v .mp4v .vob .qt .nuv .wmv .asf .rm \
    .rmvb .flc .avi .fli .flv .gl .dl .xcf .xwd .yuv .cgm .emf .ogv .ogx";
/// Endings that are shown in 00;36.
const SOUNDS: &str = ".aac .au .flac .m4a .mid .midi .mka .mp3 .mpc .ogg .ra .wav .oga .opus .spx .xspf";
/// Endings that are shown in 00;90.
const LEFTOVERS: &str = "~ # .bak .old .orig .part .rej .swp .tmp .dpkg-dist .dpkg-old .ucf-dist .ucf-new .ucf-old .rpmnew \
    .rpmorig .rpmsave";

/// The value of `LS_COLORS`.
fn colors(old: bool) -> String {
    let mut all = KINDS.replace("CAPABLE", if old { "30;41" } else { "00" });
    for (endings, color) in [(ARCHIVES, "01;31"), (PICTURES, "01;35"), (SOUNDS, "00;36"), (LEFTOVERS, "00;90")] {
        // Version 8.30 does not know these yet.
        let young = |ending: &str| color == "00;90" || matches!(ending, ".avif" | ".webp");
        for ending in endings.split(' ').filter(|ending| !(old && young(ending))) {
            all.push_str(&format!("*{ending}={color}:"));
        }
    }
    all
}

/// `dircolors [-b|-c]`; a database of one's own is read for nothing but its being there.
pub(super) fn run(c: &mut Cmd) -> i32 {
    let found = match options::take(c, "b,sh,bourne-shell c,csh,c-shell p,print-database help version", 1) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if let Some(extra) = found.rest.get(1) {
        let text = format!("extra operand {}", c.quote(extra));
        return options::misuse(c, &text, 1);
    }
    if let Some(Err(error)) = found.rest.first().map(|file| c.stat(file)) {
        let text = format!("{}: {}", found.rest.first().map_or("", String::as_str), error.text());
        c.complain(&text);
        return 1;
    }
    let shell = c.env("SHELL").map(str::to_owned);
    let csh = match (found.last(&["b", "c"]), shell) {
        (Some(letter), _) => letter == "c",
        (None, Some(shell)) => shell.ends_with("csh"),
        (None, None) => {
            c.complain("no SHELL environment variable, and no shell type option given");
            return 1;
        }
    };
    // A terminal that the database does not know has no colours.
    let known = super::ls::knows_terminal(c.env("TERM"));
    let value = if known { colors(c.host().persona().os_id == "ubuntu") } else { String::new() };
    if csh {
        c.out(&format!("setenv LS_COLORS '{value}'\n"));
    } else {
        c.out(&format!("LS_COLORS='{value}';\nexport LS_COLORS\n"));
    }
    0
}
