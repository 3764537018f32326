//! Which checks a step's test file has, and in which order.

use std::fs;

use anyhow::{Context, Result};

use crate::project::{Project, Step};

/// The checks of a step, in the order in which its test file has them.
///
/// # Errors
/// Returns an error if the file can't be read.
pub fn check_names(project: &Project, step: &Step) -> Result<Vec<String>> {
    let file = project.root.join("tests").join(step.test_file());
    let text =
        fs::read_to_string(&file).with_context(|| format!("{} can't be read", file.display()))?;
    let is_linux = cfg!(target_os = "linux");
    Ok(names_in(&text.replace("\r\n", "\n"), is_linux))
}

/// Some checks are for Linux alone: elsewhere they aren't built.
fn names_in(test_file: &str, is_linux: bool) -> Vec<String> {
    const FOR_LINUX: &str = "#[cfg(target_os = \"linux\")]\n";
    let parts = Vec::from_iter(test_file.split("#[test]\n"));
    let name = |text: &str| Some(text.strip_prefix("fn ")?.split_once('(')?.0.to_string());
    let pairs = parts.windows(2);
    let built = pairs.filter(|pair| is_linux || !pair[0].ends_with(FOR_LINUX));
    built.filter_map(|pair| name(pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_found_in_the_order_of_the_file() {
        let names = names_in(
            "#[test]\nfn c() {\n}\n\n#[test]\nfn a() {}\n#[test]\nfn b() {}\nfn table() {}\n",
            true,
        );
        assert_eq!(names, ["c", "a", "b"]);
    }

    #[test]
    fn a_check_for_linux_is_missing_elsewhere() {
        let file = "#[test]\nfn a() {}\n\n#[cfg(target_os = \"linux\")]\n#[test]\nfn b() {}\n#[test]\nfn c() {}\n";
        assert_eq!(names_in(file, true), ["a", "b", "c"]);
        assert_eq!(names_in(file, false), ["a", "c"]);
    }
}
