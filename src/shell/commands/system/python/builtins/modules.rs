//! What modules have: the system, paths, the network, numbers.

use super::*;

/// What a name of a module stands for.
pub(in crate::shell::commands::system) fn member(vm: &mut Vm<'_>, module: &str, name: &str) -> Run<V> {
    let f = vm.facts;
    let strings = |words: &[&str]| list(words.iter().map(|word| text(*word)).collect());
    Ok(match (module, name) {
        ("sys", "argv") => list(f.argv.iter().map(|arg| text(arg.clone())).collect()),
        ("sys", "version") => text(crate::shell::commands::system::python::long_version(&f.host)),
        ("sys", "version_info") => {
            let numbers = crate::shell::commands::system::python::version(&f.host)
                .split('.')
                .filter_map(|part| part.parse::<i128>().ok());
            tuple(numbers.map(V::Int).chain([text("final"), V::Int(0)]).collect())
        }
        ("sys", "platform") => text("linux"),
        ("sys", "executable") => text("/usr/bin/python3"),
        ("sys", "path") => {
            strings(&["", "/usr/lib/python311.zip", "/usr/lib/python3.11", "/usr/lib/python3.11/lib-dynload"])
        }
        ("sys", "maxsize") => V::Int(9_223_372_036_854_775_807),
        ("sys", "byteorder") => text("little"),
        ("sys", "stdin" | "stdout" | "stderr") | ("os", "path") | ("urllib", "request" | "parse") => {
            V::Module(format!("{module}.{name}"))
        }
        ("os", "environ") => {
            let pairs = f.env.iter().map(|(name, value)| (text(name.clone()), text(value.clone()))).collect();
            V::Dict(Rc::new(std::cell::RefCell::new(pairs)))
        }
        ("os", "name") => text("posix"),
        ("os", "sep") | ("os.path", "sep") => text("/"),
        ("os", "linesep") => text("\n"),
        ("math", "pi") => V::Float(std::f64::consts::PI),
        ("math", "e") => V::Float(std::f64::consts::E),
        ("math", "inf") => V::Float(f64::INFINITY),
        ("math", "tau") => V::Float(std::f64::consts::TAU),
        ("string", "ascii_letters") => text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ("string", "ascii_lowercase") => text("abcdefghijklmnopqrstuvwxyz"),
        ("string", "ascii_uppercase") => text("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ("string", "digits") => text("0123456789"),
        ("string", "punctuation") => text("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
        ("subprocess", "PIPE") => V::Int(-1),
        ("subprocess", "STDOUT") => V::Int(-2),
        ("subprocess", "DEVNULL") => V::Int(-3),
        ("socket", "AF_INET") => V::Int(2),
        ("socket", "SOCK_STREAM") => V::Int(1),
        ("socket", "SOCK_DGRAM") => V::Int(2),
        ("socket", "error") | ("os", "error") => V::Class("OSError".into()),
        ("socket", "timeout") => V::Class("TimeoutError".into()),
        ("socket", "gaierror") => V::Class("gaierror".into()),
        ("re", _) if patterns::flag(name).is_some() => patterns::flag(name).unwrap_or(V::None),
        ("signal", _) if name.chars().all(|c| c.is_ascii_uppercase()) => V::Int(15),
        _ => V::Member(module.into(), name.into()),
    })
}
