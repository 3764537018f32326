//! `author starters`: writes steps/ out of solutions/.

use anyhow::{Result, anyhow};
use workshop::project::Project;
use workshop::starter::{differences, starter, write_folder};

/// Writes every step as a learner gets it, and replaces everything in steps/.
///
/// # Errors
/// Returns an error if a solution can't be read, or a step can't be written.
pub fn write(project: &Project) -> Result<()> {
    for step in &project.steps {
        write_folder(&project.step_folder(step), &starter(project, step)?)?;
        println!("✓ steps/{}", step.folder());
    }
    Ok(())
}

/// Checks that steps/ is up to date.
///
/// # Errors
/// Returns an error if it differs or can't be read.
pub fn check(project: &Project) -> Result<()> {
    let mut lines = Vec::new();
    for step in &project.steps {
        lines.extend(differences(
            &project.step_folder(step),
            &starter(project, step)?,
        ));
    }
    if lines.is_empty() {
        println!("✓ steps/ is what solutions/ makes of it");
        return Ok(());
    }
    let command = "`cargo workshop author starters` writes steps/ out of solutions/ again.";
    Err(anyhow!("{}\n{command}", lines.join("\n")))
}
