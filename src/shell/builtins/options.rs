//! `set` and `shopt`.

use crate::shell::interp::{Dialect, Exec, Flow, Interp};
use crate::shell::kernel::Status;

/// Options of `set -o` in bash's order.
const NAMES: [&str; 27] = [
    "allexport",
    "braceexpand",
    "emacs",
    "errexit",
    "errtrace",
    "functrace",
    "hashall",
    "histexpand",
    "history",
    "ignoreeof",
    "interactive-comments",
    "keyword",
    "monitor",
    "noclobber",
    "noexec",
    "noglob",
    "nolog",
    "notify",
    "nounset",
    "onecmd",
    "physical",
    "pipefail",
    "posix",
    "privileged",
    "verbose",
    "vi",
    "xtrace",
];

/// Options of `shopt` of bash 5.0, and whether they are on from the start in an interactive shell.
const SHOPT: [(&str, bool); 48] = [
    ("autocd", false),
    ("assoc_expand_once", false),
    ("cdable_vars", false),
    ("cdspell", false),
    ("checkhash", false),
    ("checkjobs", false),
    ("checkwinsize", true),
    ("cmdhist", true),
    ("compat31", false),
    ("compat32", false),
    ("compat40", false),
    ("compat41", false),
    ("compat42", false),
    ("compat43", false),
    ("compat44", false),
    ("complete_fullquote", true),
    ("direxpand", false),
    ("dirspell", false),
    ("dotglob", false),
    ("execfail", false),
    ("expand_aliases", true),
    ("extdebug", false),
    ("extglob", true),
    ("extquote", true),
    ("failglob", false),
    ("force_fignore", true),
    ("globasciiranges", true),
    ("globstar", false),
    ("gnu_errfmt", false),
    ("histappend", true),
    ("histreedit", false),
    ("histverify", false),
    ("hostcomplete", false),
    ("huponexit", false),
    ("inherit_errexit", false),
    ("interactive_comments", true),
    ("lastpipe", false),
    ("lithist", false),
    ("localvar_inherit", false),
    ("localvar_unset", false),
    ("login_shell", true),
    ("mailwarn", false),
    ("no_empty_cmd_completion", false),
    ("nocaseglob", false),
    ("nocasematch", false),
    ("nullglob", false),
    ("progcomp", true),
    ("promptvars", true),
];

impl Interp {
    /// How an option of `set -o` or `shopt` stands; `None` when there is no such option.
    pub(in crate::shell) fn option(&self, name: &str) -> Option<bool> {
        let options = &self.options;
        Some(match name {
            "allexport" => options.allexport,
            "braceexpand" => !options.braces_off,
            "errexit" => options.errexit,
            "monitor" => options.monitor,
            "noclobber" => options.noclobber,
            "noexec" => options.noexec,
            "noglob" => options.noglob,
            "nounset" => options.nounset,
            "pipefail" => options.pipefail,
            "verbose" => options.verbose,
            "xtrace" => options.xtrace,
            "dotglob" => options.dotglob,
            "expand_aliases" => options.expand_aliases,
            "extglob" => options.extglob,
            "failglob" => options.failglob,
            "globstar" => options.globstar,
            "lastpipe" => options.lastpipe,
            "nocaseglob" => options.nocaseglob,
            "nocasematch" => options.nocasematch,
            "nullglob" => options.nullglob,
            "login_shell" => self.login,
            _ => {
                if let Some((_, on)) = options.others.iter().find(|(known, _)| known == name) {
                    return Some(*on);
                }
                match name {
                    "hashall" | "interactive-comments" => true,
                    "emacs" | "histexpand" | "history" => self.is_interactive(),
                    _ if NAMES.contains(&name) => false,
                    _ => return SHOPT.iter().find(|(known, _)| *known == name).map(|(_, on)| *on),
                }
            }
        })
    }

    /// Switches an option of `set -o` or `shopt`; `false` when there is none of that name.
    pub(in crate::shell) fn set_option(&mut self, name: &str, on: bool) -> bool {
        if self.option(name).is_none() {
            return false;
        }
        let options = &mut self.options;
        match name {
            "allexport" => options.allexport = on,
            "braceexpand" => options.braces_off = !on,
            "errexit" => options.errexit = on,
            "monitor" => options.monitor = on,
            "noclobber" => options.noclobber = on,
            "noexec" => options.noexec = on,
            "noglob" => options.noglob = on,
            "nounset" => options.nounset = on,
            "pipefail" => options.pipefail = on,
            "verbose" => options.verbose = on,
            "xtrace" => options.xtrace = on,
            "dotglob" => options.dotglob = on,
            "expand_aliases" => options.expand_aliases = on,
            "extglob" => options.extglob = on,
            "failglob" => options.failglob = on,
            "globstar" => options.globstar = on,
            "lastpipe" => options.lastpipe = on,
            "nocaseglob" => options.nocaseglob = on,
            "nocasematch" => options.nocasematch = on,
            "nullglob" => options.nullglob = on,
            name => match options.others.iter_mut().find(|(known, _)| known == name) {
                Some((_, state)) => *state = on,
                None => options.others.push((name.to_string(), on)),
            },
        }
        true
    }

    /// Switches an option by its letter; `false` when there is none.
    pub(in crate::shell) fn set_letter(&mut self, letter: char, on: bool) -> bool {
        let name = match letter {
            'a' => "allexport",
            'B' => "braceexpand",
            'C' => "noclobber",
            'e' => "errexit",
            'E' => "errtrace",
            'f' => "noglob",
            'h' => "hashall",
            'H' => "histexpand",
            'm' => "monitor",
            'n' => "noexec",
            'p' => "privileged",
            'P' => "physical",
            'T' => "functrace",
            'b' => "notify",
            'u' => "nounset",
            'v' => "verbose",
            'x' => "xtrace",
            _ => return false,
        };
        self.set_option(name, on)
    }
}

pub(super) async fn set(s: &mut Interp, args: &[String]) -> Exec<Status> {
    if args.is_empty() {
        let text = super::vars::all_variables(s);
        return s.print("set", &text).await;
    }
    let mut rest = args;
    while let Some((arg, after)) = rest.split_first() {
        if arg == "--" {
            s.positional = after.to_vec();
            return Ok(0);
        }
        if arg == "-" {
            s.options.xtrace = false;
            s.options.verbose = false;
            if !after.is_empty() {
                s.positional = after.to_vec();
            }
            return Ok(0);
        }
        let on = arg.starts_with('-');
        if !(on || arg.starts_with('+')) || arg.len() < 2 {
            s.positional = rest.to_vec();
            return Ok(0);
        }
        rest = after;
        for letter in arg.chars().skip(1) {
            if letter == 'o' {
                let Some(name) = rest.first().cloned() else {
                    return list(s, on).await;
                };
                rest = rest.get(1..).unwrap_or_default();
                if !NAMES.contains(&name.as_str()) || !s.set_option(&name, on) {
                    let message = match s.dialect {
                        Dialect::Bash => format!("{name}: invalid option name"),
                        Dialect::Dash => format!("Illegal option -o {name}"),
                        Dialect::Ash => format!("illegal option {arg} {name}"),
                    };
                    s.fail("set", &message).await?;
                    return if s.dialect == Dialect::Bash { Ok(2) } else { Err(Flow::Exit(2)) };
                }
            } else if !s.set_letter(letter, on) {
                let sign = if on { '-' } else { '+' };
                let usage = "set [-abefhkmnptuvxBCHP] [-o option-name] [--] [arg ...]";
                return s.bad_option("set", &format!("{sign}{letter}"), usage).await;
            }
        }
    }
    Ok(0)
}

async fn list(s: &mut Interp, table: bool) -> Exec<Status> {
    let text: String = NAMES
        .iter()
        .map(|name| {
            let on = s.option(name).unwrap_or(false);
            match table {
                true => format!("{name:<15}\t{}\n", if on { "on" } else { "off" }),
                false => format!("set {}o {name}\n", if on { '-' } else { '+' }),
            }
        })
        .collect();
    s.print("set", &text).await
}

pub(super) async fn shopt(s: &mut Interp, args: &[String]) -> Exec<Status> {
    let mut flags = String::new();
    let mut names: Vec<&String> = Vec::new();
    for arg in args {
        match arg.strip_prefix('-') {
            Some(letters) if !letters.is_empty() && names.is_empty() => flags.push_str(letters),
            _ => names.push(arg),
        }
    }
    if let Some(bad) = flags.chars().find(|flag| !"supqo".contains(*flag)) {
        return s.bad_option("shopt", &format!("-{bad}"), "shopt [-pqsu] [-o] [optname ...]").await;
    }
    let line = |name: &str, on: bool| {
        if flags.contains('p') {
            format!("shopt -{} {name}\n", if on { 's' } else { 'u' })
        } else {
            format!("{name:<15}\t{}\n", if on { "on" } else { "off" })
        }
    };
    if names.is_empty() {
        let all: String = SHOPT
            .iter()
            .map(|(name, _)| (*name, s.option(name).unwrap_or(false)))
            .filter(|(_, on)| if flags.contains('s') { *on } else { !flags.contains('u') || !on })
            .map(|(name, on)| line(name, on))
            .collect();
        return s.print("shopt", &all).await;
    }
    let mut status = 0;
    let mut text = String::new();
    for name in names {
        let set_o = flags.contains('o');
        let known = if set_o { NAMES.contains(&name.as_str()) } else { SHOPT.iter().any(|(known, _)| known == name) };
        let Some(on) = s.option(name).filter(|_| known) else {
            status = s.fail("shopt", &format!("{name}: invalid shell option name")).await?;
            continue;
        };
        if flags.contains('s') || flags.contains('u') {
            s.set_option(name, flags.contains('s'));
        } else {
            status |= i32::from(!on);
            if !flags.contains('q') {
                text.push_str(&line(name, on));
            }
        }
    }
    s.print("shopt", &text).await?;
    Ok(status)
}
