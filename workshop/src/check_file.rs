//! The checks of a step: which there are, and in which order a learner fixes them.
//!
//! They are in one file, or in a folder that has a file for each part of the step:
//!
//! ```text
//! tests/05_frame_header.rs   #[test] fn …      tests/10_chat/main.rs       mod protocol;
//!                            #[test] fn …
//!                                                                          mod rate;
//!                                              tests/10_chat/protocol.rs   #[test] fn …
//!                                              tests/10_chat/rate.rs       #[test] fn …
//! ```
//!
//! The checks of a part come where the line with its `mod` is. A blank line between two of these lines keeps
//! rustfmt from sorting them. A part has no parts of its own.

use std::fs;
use std::path::Path;

use crate::project::{Explain, Problem, Project, Step};

/// The file in `tests` that cargo compiles: `05_frame_header.rs`, or `10_chat/main.rs`.
pub fn check_file(project: &Project, step: &Step) -> String {
    let alone = step.test_file();
    let in_folder = format!("{}/main.rs", alone.trim_end_matches(".rs"));
    if project.root.join("tests").join(&in_folder).is_file() {
        in_folder
    } else {
        alone
    }
}

/// The names of a step's checks, in order.
///
/// # Errors
/// A file can't be read, or two checks have the same name.
pub fn check_names(project: &Project, step: &Step) -> Result<Vec<String>, Problem> {
    let paths = check_paths(project, step)?;
    Ok(paths.iter().map(|path| name_of(path).to_string()).collect())
}

/// The paths by which the test program knows a step's checks, in order: `the_rfc_example` if they are in one file,
/// and otherwise `rate::a_full_bucket`.
///
/// # Errors
/// A file can't be read, or two checks have the same name.
pub fn check_paths(project: &Project, step: &Step) -> Result<Vec<String>, Problem> {
    let main = project.root.join("tests").join(check_file(project, step));
    let part = |module: &str| read(&main.with_file_name(format!("{module}.rs")));
    let paths = paths_in(&read(&main)?, part, cfg!(target_os = "linux"))?;
    // A check's snapshot has only its name.
    let mut names = Vec::from_iter(paths.iter().map(|path| name_of(path)));
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let message = format!("{}: two checks have the name {}", step.id, pair[0]);
        return Err(Problem(message));
    }
    Ok(paths)
}

/// The name of a check, which is the end of its path.
pub fn name_of(path: &str) -> &str {
    path.rsplit_once("::").map_or(path, |(_, name)| name)
}

fn read(file: &Path) -> Result<String, Problem> {
    let text = fs::read_to_string(file).explain(|| format!("{} can't be read", file.display()))?;
    Ok(text.replace("\r\n", "\n"))
}

/// The paths of the checks in a file and in its parts. `part` reads a part.
fn paths_in(
    main: &str,
    part: impl Fn(&str) -> Result<String, Problem>,
    is_linux: bool,
) -> Result<Vec<String>, Problem> {
    let mut paths = Vec::new();
    let mut own = String::new();
    for line in main.split_inclusive('\n') {
        let Some(module) = module_in(line) else {
            own += line;
            continue;
        };
        paths.extend(names_in(&own, is_linux));
        own.clear();
        let names = names_in(&part(module)?, is_linux);
        paths.extend(names.iter().map(|name| format!("{module}::{name}")));
    }
    paths.extend(names_in(&own, is_linux));
    Ok(paths)
}

/// The module that a line like `mod rate;` declares.
fn module_in(line: &str) -> Option<&str> {
    line.strip_prefix("mod ")?.trim_end().strip_suffix(';')
}

/// Some checks are for Linux alone: elsewhere they aren't built.
fn names_in(text: &str, is_linux: bool) -> Vec<String> {
    const FOR_LINUX: &str = "#[cfg(target_os = \"linux\")]\n";
    let parts = Vec::from_iter(text.split("#[test]\n"));
    let name = |text: &str| Some(text.strip_prefix("fn ")?.split_once('(')?.0.to_string());
    let pairs = parts.windows(2);
    let built = pairs.filter(|pair| is_linux || !pair[0].ends_with(FOR_LINUX));
    built.filter_map(|pair| name(pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_part(module: &str) -> Result<String, Problem> {
        Err(Problem(format!("{module} can't be read")))
    }

    #[test]
    fn checks_have_the_order_of_the_file() {
        let file =
            "#[test]\nfn c() {\n}\n\n#[test]\nfn a() {}\n#[test]\nfn b() {}\nfn table() {}\n";
        assert_eq!(paths_in(file, no_part, true).unwrap(), ["c", "a", "b"]);
    }

    #[test]
    fn a_check_for_linux_is_missing_elsewhere() {
        let file = "#[test]\nfn a() {}\n\n#[cfg(target_os = \"linux\")]\n#[test]\nfn b() {}\n#[test]\nfn c() {}\n";
        assert_eq!(paths_in(file, no_part, true).unwrap(), ["a", "b", "c"]);
        assert_eq!(paths_in(file, no_part, false).unwrap(), ["a", "c"]);
    }

    #[test]
    fn a_part_has_its_place_among_the_others() {
        let main = "mod tools;\n\nmod rate;\n\n#[test]\nfn c() {}\n\nmod hub;\n";
        let part = |module: &str| match module {
            "tools" => Ok("pub fn lock() {}\n".to_string()),
            "rate" => Ok("#[test]\nfn b() {}\n#[test]\nfn d() {}\n".to_string()),
            "hub" => Ok("#[test]\nfn a() {}\n".to_string()),
            _ => no_part(module),
        };
        let paths = paths_in(main, part, true).unwrap();
        assert_eq!(paths, ["rate::b", "rate::d", "c", "hub::a"]);
        assert_eq!(
            paths.iter().map(|path| name_of(path)).collect::<String>(),
            "bdca"
        );
        assert!(paths_in("mod gone;\n", part, true).is_err());
    }
}
