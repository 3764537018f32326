//! No modules of a solution form a circle: whoever reads one can begin with those that it uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// For each module, the other modules that it uses.
type Uses = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_modules_of_a_solution_form_a_circle() {
    let solutions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../solutions");
    let folders = fs::read_dir(solutions).expect("solutions/ is there");
    let folders = folders.flatten().map(|entry| entry.path());
    let circles: Vec<String> = folders
        .filter_map(|folder| {
            let circle = circle_in(uses(&folder.join("src")))?;
            Some(format!("{}: {circle}", name(&folder)))
        })
        .collect();
    assert!(circles.is_empty(), "circles:\n{}", circles.join("\n"));
}

fn uses(src: &Path) -> Uses {
    let sources = sources(src);
    let root = sources.get("lib").cloned().unwrap_or_default();
    let modules = sources
        .keys()
        .filter(|name| !["lib", "main"].contains(&name.as_str()));
    let modules: BTreeSet<String> = modules.cloned().collect();
    let used_by = |module: &String| {
        let names = names_after("crate::", &sources[module]).into_iter();
        let used = names.map(|name| {
            let is_module = modules.contains(&name);
            if is_module {
                name
            } else {
                module_of(&name, &root)
            }
        });
        used.filter(|used| used != module && modules.contains(used))
            .collect()
    };
    modules
        .iter()
        .map(|module| (module.clone(), used_by(module)))
        .collect()
}

/// The text of each module, without comments and unit tests.
fn sources(src: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(src).expect("a solution has src/").flatten();
    let files = entries.map(|entry| entry.path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files.map(|file| (name(&file), code(&file))).collect()
}

fn name(path: &Path) -> String {
    let name = path.file_stem().expect("it has a name");
    name.to_string_lossy().into_owned()
}

fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a module is text");
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The names that follow a path's start: `b`, or `b` and `d` for `{b::C, d}`.
fn names_after(start: &str, code: &str) -> Vec<String> {
    let paths = code.split(start).skip(1);
    paths.flat_map(first_names).collect()
}

fn first_names(path: &str) -> Vec<String> {
    let Some(group) = path.strip_prefix('{') else {
        return vec![identifier(path)];
    };
    let mut names = Vec::new();
    let mut depth = 0;
    let mut is_start = true;
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_start = true,
            _ if is_start && !character.is_whitespace() => {
                names.push(identifier(&group[at..]));
                is_start = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.split(is_between_names)
        .next()
        .unwrap_or_default()
        .to_string()
}

/// The module from which the crate's root takes this name (`pub use module::Name`).
fn module_of(name: &str, root: &str) -> String {
    let statements = root.split("use ").skip(1);
    let statements = statements.filter_map(|statement| statement.split(';').next());
    let mut pairs = statements.filter_map(|statement| statement.split_once("::"));
    pairs
        .find(|(_, items)| items.split(is_between_names).any(|item| item == name))
        .map(|(module, _)| module.to_string())
        .unwrap_or_default()
}

fn is_between_names(character: char) -> bool {
    !character.is_alphanumeric() && character != '_'
}

/// One circle, as `a → b → a`.
fn circle_in(mut uses: Uses) -> Option<String> {
    // A module that uses none of those that are left is in no circle.
    while let Some(free) = uses.iter().find(|(_, used)| used.is_empty()) {
        let free = free.0.clone();
        uses.remove(&free);
        for used in uses.values_mut() {
            used.remove(&free);
        }
    }
    let mut path = vec![uses.keys().next()?];
    loop {
        let next = uses[path[path.len() - 1]].iter().next()?;
        if let Some(start) = path.iter().position(|module| *module == next) {
            path.push(next);
            let names: Vec<&str> = path[start..].iter().map(|name| name.as_str()).collect();
            return Some(names.join(" → "));
        }
        path.push(next);
    }
}

#[test]
fn a_circle_is_named() {
    let uses = |pairs: &[(&str, &[&str])]| {
        let pairs = pairs.iter().map(|(module, used)| {
            let used = used.iter().map(|name| name.to_string()).collect();
            (module.to_string(), used)
        });
        pairs.collect::<Uses>()
    };
    let none = uses(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])]);
    assert_eq!(circle_in(none), None);
    let one = uses(&[("a", &["b"]), ("b", &["c"]), ("c", &["d"]), ("d", &["b"])]);
    assert_eq!(circle_in(one), Some("b → c → d → b".to_string()));
}

#[test]
fn used_modules_are_found() {
    let code =
        "use crate::a::{B, c};\nuse crate::{\n    d::{E, F},\n    G,\n};\nfn f(x: crate::h::I) {}";
    assert_eq!(names_after("crate::", code), ["a", "d", "G", "h"]);
    assert_eq!(
        module_of("G", "pub mod d;\npub use d::{E, G};\npub use h::I;"),
        "d"
    );
    assert_eq!(module_of("H", "pub use d::{E, G};"), "");
}
