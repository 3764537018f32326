//! `author snapshots`: writes the snapshots, out of the solutions and nothing else.

use std::fs;

use crate::author::scratch;
use crate::check_file::check_names;
use crate::judge::{Side, Stop, cargo, finish, judge};
use crate::project::{Explain, Problem, Project, Step};

/// Writes every snapshot anew, and removes those that no check compares with. Read the difference
/// before you commit it.
///
/// # Errors
/// A solution doesn't build, or its checks fail for another reason than a snapshot.
pub fn write(project: &Project) -> Result<(), Problem> {
    let mut steps = project.steps.iter();
    steps.try_for_each(|step| write_one(project, step))
}

/// The same, of one step.
///
/// # Errors
/// Its solution doesn't build, or its checks fail for another reason than a snapshot.
pub fn write_one(project: &Project, step: &Step) -> Result<(), Problem> {
    let mut command = cargo(project);
    let package = format!("{}-solution", step.id);
    command.args([
        "test",
        "--quiet",
        "--package",
        &package,
        "--test",
        &step.test(),
    ]);
    command.env("INSTA_UPDATE", "always");
    finish(command, None, &Stop::default())?;
    for name in without_check(project, step)? {
        let file = project
            .root
            .join("tests/snapshots")
            .join(&step.id)
            .join(format!("{name}.snap"));
        fs::remove_file(&file).explain(|| format!("{} can't be removed", file.display()))?;
    }
    let verdict = judge(project, step, Side::Solution, &Stop::default())?;
    if !verdict.is_passed() {
        return Err(Problem(format!(
            "{package} fails its own checks: {verdict:?}"
        )));
    }
    println!("✓ tests/snapshots/{}", step.id);
    Ok(())
}

/// Says where snapshots and checks don't match: each check has one, and each belongs to one.
///
/// # Errors
/// They don't match somewhere.
pub fn check(project: &Project) -> Result<(), Problem> {
    let mut lines = Vec::new();
    for step in &project.steps {
        let folder = project.root.join("tests/snapshots").join(&step.id);
        let there = scratch::names(&folder, ".snap");
        let checks = check_names(project, step)?;
        let missing = checks.iter().filter(|name| !there.contains(name));
        lines.extend(missing.map(|name| format!("{}: `{name}` has no snapshot", step.id)));
        let extra = without_check(project, step)?;
        lines.extend(
            extra
                .iter()
                .map(|name| format!("{}: `{name}.snap` belongs to no check", step.id)),
        );
        let new = scratch::names(&folder, ".snap.new");
        lines.extend(
            new.iter()
                .map(|name| format!("{}: `{name}.snap.new` was left behind", step.id)),
        );
    }
    if lines.is_empty() {
        println!("✓ every check has its snapshot, and every snapshot its check");
        return Ok(());
    }
    Err(Problem(lines.join("\n")))
}

fn without_check(project: &Project, step: &Step) -> Result<Vec<String>, Problem> {
    let checks = check_names(project, step)?;
    let there = scratch::names(
        &project.root.join("tests/snapshots").join(&step.id),
        ".snap",
    );
    Ok(there
        .into_iter()
        .filter(|name| !checks.contains(name))
        .collect())
}
