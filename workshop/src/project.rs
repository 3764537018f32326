//! Where the workshop is, and which steps it has.
//!
//! What a step is called, how long it takes and what it needs stands in the `Cargo.toml` of its
//! solution, under `[package.metadata.workshop]`, and nowhere else.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What went wrong, why, and what to do: one sentence or two for the person at the keyboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(pub String);

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Makes a [`Problem`] of an error, with what was being done when it came up.
pub trait Explain<T> {
    /// `what` completes the sentence "… : the error".
    ///
    /// # Errors
    /// The error, explained.
    fn explain(self, what: impl FnOnce() -> String) -> Result<T, Problem>;
}

impl<T, E: fmt::Display> Explain<T> for Result<T, E> {
    fn explain(self, what: impl FnOnce() -> String) -> Result<T, Problem> {
        self.map_err(|error| Problem(format!("{}: {error}", what())))
    }
}

/// The workshop's folder and its steps, in the order in which they are taken.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder that holds `book`, `steps`, `solutions` and `tests`.
    pub root: PathBuf,
    /// The steps, by number.
    pub steps: Vec<Step>,
    /// Where cargo builds, if not where it would by itself. Cargo takes two copies of one workspace
    /// that build into the same folder for one and the same.
    pub target: Option<PathBuf>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `03`, or `11a` for the first of two steps that belong together: for the eye, and for the order.
    pub number: String,
    /// `accept-key`: the package's name, which stays when steps are renumbered.
    pub id: String,
    /// What the step is called in the book.
    pub title: String,
    /// How long it takes, in minutes.
    pub minutes: u32,
    /// The ids of the steps whose code this one uses or whose ideas it needs.
    pub needs: Vec<String>,
    /// The chapter's file in `book/src`.
    pub chapter: String,
    /// Whether this is what to play with before anything is solved.
    pub showcase: bool,
}

impl Step {
    /// `03-accept-key`, the name of the step's folder in `steps` and in `solutions`.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.number, self.id)
    }

    /// `accept_key`, the name of the test target.
    pub fn test(&self) -> String {
        self.id.replace('-', "_")
    }

    /// `03_accept_key.rs`, the file in `tests` that judges the step.
    pub fn test_file(&self) -> String {
        format!("{}_{}.rs", self.number, self.test())
    }
}

impl Project {
    /// Finds the workshop that the current folder belongs to.
    ///
    /// # Errors
    /// There is none, or its steps can't be read.
    pub fn find() -> Result<Self, Problem> {
        let here = env::current_dir().explain(|| "The current folder can't be read".to_string())?;
        // Cargo says where the package is that it runs; a binary that is run directly has to look.
        let start = env::var_os("CARGO_MANIFEST_DIR").map_or(here.clone(), PathBuf::from);
        let is_root =
            |folder: &&Path| folder.join("solutions").is_dir() && folder.join("book").is_dir();
        let root = start
            .ancestors()
            .find(is_root)
            .or_else(|| here.ancestors().find(is_root));
        let Some(root) = root else {
            let message = "This is not the workshop's folder. Change into the one that holds `steps` and `solutions`.";
            return Err(Problem(message.to_string()));
        };
        Self::at(root)
    }

    /// The workshop in this folder.
    ///
    /// # Errors
    /// Its steps can't be read.
    pub fn at(root: &Path) -> Result<Self, Problem> {
        let solutions = root.join("solutions");
        let entries = fs::read_dir(&solutions)
            .explain(|| format!("{} can't be read", solutions.display()))?;
        let mut folders: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.path().join("Cargo.toml").is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        folders.sort();
        let steps = folders
            .iter()
            .map(|folder| read_step(&solutions, folder))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            root: root.to_path_buf(),
            steps,
            target: None,
        })
    }

    /// Finds the step with this id; its number will do too.
    ///
    /// # Errors
    /// Returns a sentence that lists the steps if there is no such step, or the parts if the number is that of a step
    /// in parts.
    pub fn step(&self, name: &str) -> Result<&Step, Problem> {
        let wanted = number_and_part(name);
        let matches = |step: &&Step| {
            let is_its_number = wanted.is_some() && number_and_part(&step.number) == wanted;
            is_its_number || step.id == name || step.folder() == name
        };
        if let Some(step) = self.steps.iter().find(matches) {
            return Ok(step);
        }
        let is_part = |step: &&Step| {
            let whole = number_and_part(&step.number).map(|(number, _)| (number, ""));
            wanted.is_some() && whole == wanted
        };
        let parts = self.steps.iter().filter(is_part);
        let parts = Vec::from_iter(parts.map(|step| format!("{} {}", step.number, step.id)));
        if !parts.is_empty() {
            let parts = parts.join(" or ");
            return Err(Problem(format!("Step {name} is in parts: name {parts}.")));
        }
        let ids: Vec<&str> = self.steps.iter().map(|step| step.id.as_str()).collect();
        Err(Problem(format!(
            "There is no step `{name}`. The steps are: {}.",
            ids.join(", ")
        )))
    }

    /// The folder that the learner works in.
    pub fn step_folder(&self, step: &Step) -> PathBuf {
        self.root.join("steps").join(step.folder())
    }

    /// The folder of the reference.
    pub fn solution_folder(&self, step: &Step) -> PathBuf {
        self.root.join("solutions").join(step.folder())
    }

    /// Where the workshop keeps what belongs to this learner: progress, backups.
    pub fn state_folder(&self) -> PathBuf {
        self.root.join(".workshop")
    }
}

/// `11a` is step 11, part a. Most steps have no parts: `03` and `3` are step 3, part "".
pub(crate) fn number_and_part(number: &str) -> Option<(u32, &str)> {
    let end = number.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, part) = number.split_at(end);
    let is_part = part.len() <= 1 && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let digits = digits.parse().ok().filter(|_| is_part)?;
    Some((digits, part))
}

fn read_step(solutions: &Path, folder: &str) -> Result<Step, Problem> {
    let manifest = solutions.join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&manifest)
        .explain(|| format!("{} can't be read", manifest.display()))?;
    let table: toml::Table = text
        .parse()
        .explain(|| format!("{} is no TOML", manifest.display()))?;
    step_from(folder, &table).ok_or_else(|| {
        let wanted = "title, minutes, needs and chapter under [package.metadata.workshop]";
        Problem(format!("{} lacks {wanted}.", manifest.display()))
    })
}

fn step_from(folder: &str, manifest: &toml::Table) -> Option<Step> {
    let (number, id) = folder.split_once('-')?;
    let metadata = manifest.get("package")?.get("metadata")?.get("workshop")?;
    let text = |key: &str| Some(metadata.get(key)?.as_str()?.to_string());
    let needs = metadata.get("needs")?.as_array()?;
    Some(Step {
        number: number.to_string(),
        id: id.to_string(),
        title: text("title")?,
        minutes: metadata.get("minutes")?.as_integer()?.try_into().ok()?,
        needs: needs
            .iter()
            .map(|id| Some(id.as_str()?.to_string()))
            .collect::<Option<_>>()?,
        chapter: text("chapter")?,
        showcase: metadata
            .get("showcase")
            .and_then(toml::Value::as_bool)
            .unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(workshop: &str) -> toml::Table {
        format!("[package.metadata.workshop]\n{workshop}")
            .parse()
            .unwrap()
    }

    #[test]
    fn a_step_is_read_from_its_manifest() {
        let table = manifest(
            "title = \"The accept key\"\nminutes = 25\nneeds = [\"hello\"]\nchapter = \"accept-key.md\"",
        );
        let step = step_from("03-accept-key", &table).unwrap();
        assert_eq!(
            (step.number.as_str(), step.id.as_str(), step.minutes),
            ("03", "accept-key", 25)
        );
        assert_eq!(step.folder(), "03-accept-key");
        assert_eq!(step.test_file(), "03_accept_key.rs");
    }

    #[test]
    fn a_step_without_its_minutes_is_refused() {
        assert_eq!(
            step_from(
                "03-accept-key",
                &manifest("title = \"x\"\nneeds = []\nchapter = \"y\"")
            ),
            None
        );
    }

    #[test]
    fn an_unknown_step_is_answered_with_those_that_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let project = Project::at(root).unwrap();
        for name in ["03", "3", "03-accept-key"] {
            assert_eq!(project.step(name).unwrap().id, "accept-key");
        }
        assert!(project.step("+3").is_err());
        let problem = project.step("acept-key").unwrap_err();
        assert!(
            problem.0.contains("no step `acept-key`") && problem.0.contains("hello, "),
            "{problem}"
        );
    }

    #[test]
    fn a_step_in_parts_is_found_by_its_parts() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let project = Project::at(root).unwrap();
        for (name, id) in [
            ("11a", "session"),
            ("11b", "events"),
            ("11b-events", "events"),
        ] {
            assert_eq!(project.step(name).unwrap().id, id);
        }
        let problem = project.step("11").unwrap_err();
        assert_eq!(
            problem.0,
            "Step 11 is in parts: name 11a session or 11b events."
        );
        for name in ["11c", "11ab", "11A", "a"] {
            let problem = project.step(name).unwrap_err();
            assert!(
                problem.0.contains(&format!("no step `{name}`")),
                "{problem}"
            );
        }
    }
}
