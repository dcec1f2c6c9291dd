//! Attributes and calls.

use super::*;

impl Vm<'_> {
    pub(in crate::shell::commands::system::python) fn attribute(&mut self, object: &V, name: &str) -> Run<V> {
        match object {
            V::Module(module) => builtins::member(self, module, name),
            V::Member(module, part) => builtins::member(self, &format!("{module}.{part}"), name),
            V::Record(record) => match record.1.iter().find(|(known, _)| known == name) {
                Some((_, value)) => Ok(value.clone()),
                None => Ok(V::Method(Rc::new(object.clone()), name.into())),
            },
            V::Raised(_, args) if name == "args" => Ok(tuple(args.to_vec())),
            V::Raised(kind, args) if name == "errno" && kind.ends_with("Error") => {
                Ok(args.first().cloned().unwrap_or(V::None))
            }
            V::Func(func) if name == "__name__" => Ok(text(func.name.clone())),
            V::Class(class) if name == "__name__" => Ok(text(class.clone())),
            object => {
                if !methods::has(object, name) {
                    return raise("AttributeError", format!("'{}' object has no attribute '{name}'", object.kind()));
                }
                Ok(V::Method(Rc::new(object.clone()), name.into()))
            }
        }
    }

    pub(in crate::shell::commands::system::python) fn call(
        &mut self,
        callee: &V,
        args: Vec<V>,
        named: Vec<(String, V)>,
    ) -> Run<V> {
        self.step(2)?;
        match callee {
            V::Func(func) => self.call_function(func, args, named),
            V::Builtin(name) => builtins::call(self, name, args, named),
            V::Member(module, name) => builtins::call_member(self, module, name, args, named),
            V::Method(object, name) => methods::call(self, object, name, args, named),
            V::Class(name) => builtins::construct(self, name, args),
            other => raise("TypeError", format!("'{}' object is not callable", other.kind())),
        }
    }

    pub(in crate::shell::commands::system::python) fn call_function(
        &mut self,
        func: &Rc<Func>,
        args: Vec<V>,
        named: Vec<(String, V)>,
    ) -> Run<V> {
        if self.locals.len() >= CALLS {
            return raise("RecursionError", "maximum recursion depth exceeded");
        }
        let mut locals: HashMap<String, V> = func.closure.iter().cloned().collect();
        let plain: Vec<&(String, Option<V>)> = func.params.iter().filter(|(name, _)| !name.starts_with('*')).collect();
        let given = args.len();
        let mut args = args.into_iter();
        for (name, _) in &plain {
            if let Some(value) = args.next() {
                locals.insert(name.clone(), value);
            } else if let Some((_, value)) = named.iter().find(|(known, _)| known == name) {
                locals.insert(name.clone(), value.clone());
            }
        }
        let rest: Vec<V> = args.collect();
        match func.params.iter().find(|(name, _)| name.starts_with('*') && !name.starts_with("**")) {
            Some((name, _)) => drop(locals.insert(name.trim_start_matches('*').into(), tuple(rest))),
            None if !rest.is_empty() => {
                let count = plain.len();
                let (s, was) = (if count == 1 { "" } else { "s" }, if given == 1 { "was" } else { "were" });
                return raise(
                    "TypeError",
                    format!("{}() takes {count} positional argument{s} but {given} {was} given", func.name),
                );
            }
            None => {}
        }
        let mut missing = Vec::new();
        for (at, (name, default)) in plain.iter().enumerate() {
            let set = at < given || named.iter().any(|(known, _)| known == name);
            match (set, default) {
                (false, Some(value)) => drop(locals.insert(name.clone(), value.clone())),
                (false, None) => missing.push(format!("'{name}'")),
                _ => {}
            }
        }
        if !missing.is_empty() {
            let s = if missing.len() == 1 { "" } else { "s" };
            return raise(
                "TypeError",
                format!(
                    "{}() missing {} required positional argument{s}: {}",
                    func.name,
                    missing.len(),
                    missing.join(" and ")
                ),
            );
        }
        self.locals.push(locals);
        self.declared.push(Vec::new());
        self.names.push(func.name.clone());
        let line = self.line;
        let result = match &func.value {
            Some(value) => self.eval(value),
            None => match self.block(&func.body) {
                Ok(()) => Ok(V::None),
                Err(Halt::Return(value)) => Ok(value),
                Err(halt) => Err(halt),
            },
        };
        self.line = line;
        self.locals.pop();
        self.declared.pop();
        self.names.pop();
        result
    }
}
