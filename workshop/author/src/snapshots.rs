//! `author snapshots`: writes the snapshots, out of the solutions and nothing else.

use std::fs;

use anyhow::{Context, Result, anyhow, bail};
use workshop::cargo;
use workshop::check_file::check_names;
use workshop::judge::{Side, judge};
use workshop::project::{Project, Step};
use workshop::supervisor::{Stop, run_to_exit};

use crate::scratch;

/// Writes every snapshot again, and removes those that no check compares with. Read the difference
/// before you commit it.
///
/// # Errors
/// Returns an error if a solution doesn't build, or its checks fail for another reason than a snapshot.
pub fn write(project: &Project) -> Result<()> {
    let mut steps = project.steps.iter();
    steps.try_for_each(|step| write_one(project, step))
}

/// Writes the snapshots of one step.
///
/// # Errors
/// Returns an error if its solution doesn't build, or its checks fail for another reason than a snapshot.
pub fn write_one(project: &Project, step: &Step) -> Result<()> {
    let mut command = cargo::command(project);
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
    run_to_exit(command, None, &Stop::default())?;
    for name in without_check(project, step)? {
        let file = project
            .root
            .join("tests/snapshots")
            .join(&step.id)
            .join(format!("{name}.snap"));
        fs::remove_file(&file).with_context(|| format!("{} can't be removed", file.display()))?;
    }
    let verdict = judge(project, step, Side::Solution, &Stop::default())?;
    if !verdict.is_passed() {
        bail!("{package} fails its own checks: {verdict:?}");
    }
    println!("✓ tests/snapshots/{}", step.id);
    Ok(())
}

/// Says where snapshots and checks don't match: each check has one, and each belongs to one.
///
/// # Errors
/// Returns an error if a check and its snapshot don't match.
pub fn check(project: &Project) -> Result<()> {
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
    Err(anyhow!(lines.join("\n")))
}

fn without_check(project: &Project, step: &Step) -> Result<Vec<String>> {
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
