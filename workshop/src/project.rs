//! Finds the workshop's folder and its steps.
//!
//! A step's title, its minutes and what it needs are in the `Cargo.toml` of its solution,
//! under `[package.metadata.workshop]`, and nowhere else.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

/// The workshop's folder and its steps, in the order in which they are taken.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder that holds `book`, `steps`, `solutions` and `tests`.
    pub root: PathBuf,
    /// The steps, by number.
    pub steps: Vec<Step>,
    /// The folder that cargo builds into, if it isn't the usual one. Two copies of a workspace must not share a folder:
    /// cargo would mistake one copy for the other.
    pub target: Option<PathBuf>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `03`, or `11a` for the first of two steps that belong together. It is for people, and for the order of the
    /// steps.
    pub number: String,
    /// `accept-key`: the package's name, which stays when steps are renumbered.
    pub id: String,
    /// The step's title in the book.
    pub title: String,
    /// The minutes that it takes.
    pub minutes: u32,
    /// The ids of the steps whose code this one uses or whose ideas it needs.
    pub needs: Vec<String>,
    /// The chapter's file in `book/src`.
    pub chapter: String,
    /// Whether `play` runs this step's reference while nothing is solved.
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

    /// `accept_key`, the name of the library. A keyword of Rust can't be one.
    pub fn library(&self) -> String {
        match self.test().as_str() {
            "async" => "async_chat".to_string(),
            name => name.to_string(),
        }
    }

    /// `03_accept_key`: the step's checks are in `tests`, in a file or a folder with this name.
    pub fn check_stem(&self) -> String {
        format!("{}_{}", self.number, self.test())
    }
}

impl Project {
    /// Finds the workshop that the current folder belongs to.
    ///
    /// # Errors
    /// Returns an error if it belongs to none, or the steps can't be read.
    pub fn find() -> Result<Self> {
        let here = env::current_dir().context("The current folder can't be read")?;
        // Cargo passes the folder of the package that it runs; a binary that is run directly has to look for it.
        let start = env::var_os("CARGO_MANIFEST_DIR").map_or(here.clone(), PathBuf::from);
        let is_root =
            |folder: &&Path| folder.join("solutions").is_dir() && folder.join("book").is_dir();
        let root = start
            .ancestors()
            .find(is_root)
            .or_else(|| here.ancestors().find(is_root));
        let Some(root) = root else {
            let message = "This is not the workshop's folder. Change into the one that holds `steps` and `solutions`.";
            bail!(message);
        };
        Self::at(root)
    }

    /// The workshop in this folder.
    ///
    /// # Errors
    /// Returns an error if its steps can't be read.
    pub fn at(root: &Path) -> Result<Self> {
        let solutions = root.join("solutions");
        let entries = fs::read_dir(&solutions)
            .with_context(|| format!("{} can't be read", solutions.display()))?;
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
    /// Returns an error that lists the steps if there is no such step, or the parts if the number is that of a step in
    /// parts.
    pub fn step(&self, name: &str) -> Result<&Step> {
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
            bail!("Step {name} is in parts: name {parts}.");
        }
        let ids: Vec<&str> = self.steps.iter().map(|step| step.id.as_str()).collect();
        bail!(
            "There is no step `{name}`. The steps are: {}.",
            ids.join(", ")
        )
    }

    /// The folder that the learner works in.
    pub fn step_folder(&self, step: &Step) -> PathBuf {
        self.root.join("steps").join(step.folder())
    }

    /// The folder of the reference.
    pub fn solution_folder(&self, step: &Step) -> PathBuf {
        self.root.join("solutions").join(step.folder())
    }

    /// The folder for what belongs to this learner: progress, backups.
    pub fn state_folder(&self) -> PathBuf {
        self.root.join(".workshop")
    }
}

/// `11a` is step 11, part a. Most steps have no parts: `03` and `3` are step 3, part "".
pub fn number_and_part(number: &str) -> Option<(u32, &str)> {
    let end = number.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, part) = number.split_at(end);
    let is_part = part.len() <= 1 && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let digits = digits.parse().ok().filter(|_| is_part)?;
    Some((digits, part))
}

fn read_step(solutions: &Path, folder: &str) -> Result<Step> {
    let manifest = solutions.join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&manifest)
        .with_context(|| format!("{} can't be read", manifest.display()))?;
    let table: toml::Table = text
        .parse()
        .with_context(|| format!("{} isn't valid TOML", manifest.display()))?;
    step_from(folder, &table).ok_or_else(|| {
        let wanted = "title, minutes, needs and chapter under [package.metadata.workshop]";
        anyhow!("{} lacks {wanted}.", manifest.display())
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
        assert_eq!(step.check_stem(), "03_accept_key");
        assert_eq!(step.library(), "accept_key");
    }

    #[test]
    fn a_keyword_is_no_library() {
        let table =
            manifest("title = \"Async\"\nminutes = 90\nneeds = [\"chat\"]\nchapter = \"async.md\"");
        let step = step_from("15-async", &table).unwrap();
        assert_eq!(
            (step.test().as_str(), step.library().as_str()),
            ("async", "async_chat")
        );
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
        let error = project.step("acept-key").unwrap_err().to_string();
        assert!(
            error.contains("no step `acept-key`") && error.contains("hello, "),
            "{error}"
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
            problem.to_string(),
            "Step 11 is in parts: name 11a session or 11b events."
        );
        for name in ["11c", "11ab", "11A", "a"] {
            let problem = project.step(name).unwrap_err();
            assert!(
                problem.to_string().contains(&format!("no step `{name}`")),
                "{problem}"
            );
        }
    }
}
