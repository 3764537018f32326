//! The tables of rules in book/src/rfc6455.md and book/src/rfc7692.md: every row is whole, everything that it names
//! as its proof is there, and no section of the RFC was forgotten.
//!
//! | proof | what it is | where it must be |
//! |---|---|---|
//! | `handshake/the_101_to_the_byte` | a step's check | tests/NN_id.rs, or a file of tests/NN_id/ |
//! | `probe: an unmasked frame fails` | a line of `cargo workshop probe`, kept by step 09 | tests/probe/echo.txt |
//! | `autobahn: 6.4.3` | a case of Autobahn, passed by step 09 | tests/conformance/cases.txt |
//! | `autobahn: 12.1.1` | a case of compression, passed by step 13 | tests/conformance/compression-cases.txt |

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// An RFC whose rules have a page.
struct Rfc {
    number: &'static str,
    /// The sections that demand something. The others define, show or allow.
    sections: &'static [&'static str],
    /// How many rows the page has at least.
    rows: usize,
}

/// RFC 6455, §§4–10, and RFC 7692, §§5–8.
const RFCS: [Rfc; 2] = [
    Rfc {
        number: "6455",
        sections: &SECTIONS_OF_6455,
        rows: 150,
    },
    Rfc {
        number: "7692",
        sections: &SECTIONS_OF_7692,
        rows: 25,
    },
];

const SECTIONS_OF_6455: [&str; 34] = [
    "4.1", "4.2.1", "4.2.2", "4.3", "4.4", "5.1", "5.2", "5.3", "5.4", "5.5", "5.5.1", "5.5.2",
    "5.5.3", "5.6", "5.8", "6.1", "6.2", "7.1.1", "7.1.2", "7.1.7", "7.2.1", "7.2.2", "7.2.3",
    "7.3", "7.4.1", "8.1", "9", "9.1", "10.1", "10.2", "10.3", "10.4", "10.6", "10.7",
];
<<<<<<< HEAD
const SECTIONS_OF_7692: [&str; 10] = [
    "5", "6.1", "6.2", "7", "7.1.1.1", "7.1.1.2", "7.1.2.2", "7.2.1", "7.2.2", "8",
=======
/// The sections of other RFCs that have a row. Nothing says that these are all that demand something.
const FURTHER_SECTIONS: [&str; 4] = [
    "RFC 7301 §3.2",
    "RFC 8446 §4.6.3",
    "RFC 8446 §6.1",
    "RFC 8446 §6.2",
>>>>>>> chapter14
];
/// In lowercase if the RFC has them in lowercase.
const KEYWORDS: [&str; 9] = [
    "MUST",
    "MUST NOT",
    "SHOULD",
    "SHOULD NOT",
    "must",
    "must not",
    "should",
    "should not",
    "SHALL",
];

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("workshop/book is two folders deep")
        .to_path_buf()
}

impl Rfc {
    fn page(&self) -> String {
        let name = format!("rfc{}.md", self.number);
        let path = root().join("book").join("src").join(name);
        fs::read_to_string(path).expect("a page of rules is text")
    }
}

/// The checks of one step.
struct Step {
    /// `08`, or `11a`.
    number: String,
    checks: BTreeSet<String>,
}

/// The steps that have checks, by id, out of tests/NN_*.rs and tests/NN_*/.
fn steps() -> BTreeMap<String, Step> {
    let mut steps = BTreeMap::new();
    let tests = fs::read_dir(root().join("tests")).expect("tests/ is there");
    for entry in tests.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let name = name.strip_suffix(".rs").unwrap_or(&name);
        let Some((number, id)) = name.split_once('_') else {
            continue;
        };
        let checks = checks_of(&text_of(&entry.path()));
        if !checks.is_empty() {
            let number = number.to_string();
            steps.insert(id.replace('_', "-"), Step { number, checks });
        }
    }
    steps
}

/// The text of a file, or of all files in a folder.
fn text_of(path: &Path) -> String {
    if path.is_file() {
        return fs::read_to_string(path).expect("a check is text");
    }
    let files = fs::read_dir(path).expect("it is a folder").flatten();
    files.map(|file| text_of(&file.path())).collect()
}

/// The names of the functions after `#[test]`.
fn checks_of(text: &str) -> BTreeSet<String> {
    let functions = text.split("#[test]").skip(1);
    let names = functions.filter_map(|rest| {
        let (_, name) = rest.split_once("fn ")?;
        Some(name.split_once('(')?.0.to_string())
    });
    names.collect()
}

/// The page's links, `[§4.1]: https://…`, by their text.
fn links(page: &str) -> BTreeMap<&str, &str> {
    let lines = page.lines().filter_map(|line| line.strip_prefix('['));
    lines.filter_map(|line| line.split_once("]: ")).collect()
}

/// The cells of each row, without the two lines at the head of each table.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let lines = page.lines().filter(|line| line.starts_with('|'));
    let rows = lines.filter(|line| !line.starts_with("| Section") && !line.starts_with("|--"));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect());
    cells.collect()
}

fn in_brackets(cell: &str) -> Option<&str> {
    cell.strip_prefix('[')?.strip_suffix(']')
}

/// Everything that is wrong with a row.
fn complaints(
    rfc: &Rfc,
    row: &[&str],
    links: &BTreeMap<&str, &str>,
    steps: &BTreeMap<String, Step>,
) -> Vec<String> {
    let [section, keyword, rule, step, last] = row else {
        return vec![format!("a row has five cells; here are {}", row.len())];
    };
    let mut wrong = Vec::new();
    wrong.extend(wrong_section(rfc, section, links));
    if !KEYWORDS.contains(keyword) {
        wrong.push(format!("{keyword:?} isn't a keyword"));
    }
    if rule.is_empty() {
        wrong.push("the rule is empty".to_string());
    }
    wrong.extend(wrong_step(step, links, steps));
    wrong.extend(wrong_proof(last, steps));
    wrong
}

<<<<<<< HEAD
fn wrong_section(rfc: &Rfc, cell: &str, links: &BTreeMap<&str, &str>) -> Option<String> {
    let Some(number) = in_brackets(cell).and_then(|text| text.strip_prefix('§')) else {
        return Some(format!("{cell:?} isn't a section: [§4.1] is one"));
    };
    if !rfc.sections.contains(&number) {
=======
fn wrong_section(cell: &str, links: &BTreeMap<&str, &str>) -> Option<String> {
    let Some((rfc, number)) = in_brackets(cell).and_then(section_of) else {
        return Some(format!("{cell:?} isn't a section: [§4.1] is one"));
    };
    let text = cell.trim_matches(['[', ']']);
    let is_known = match rfc {
        "6455" => SECTIONS.contains(&number),
        _ => FURTHER_SECTIONS.contains(&text),
    };
    if !is_known {
>>>>>>> chapter14
        return Some(format!(
            "{text} is none of the sections that demand something"
        ));
    }
<<<<<<< HEAD
    let url = format!(
        "https://www.rfc-editor.org/rfc/rfc{}#section-{number}",
        rfc.number
    );
    let leads = links.get(format!("§{number}").as_str());
    (leads != Some(&url.as_str())).then(|| format!("§{number} leads to {leads:?}"))
=======
    let url = format!("https://www.rfc-editor.org/rfc/rfc{rfc}#section-{number}");
    let leads = links.get(text);
    (leads != Some(&url.as_str())).then(|| format!("{text} leads to {leads:?}"))
}

/// The RFC and the section: `§4.1` is in RFC 6455, and `RFC 8446 §6.1` says which.
fn section_of(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('§') {
        Some(number) => Some(("6455", number)),
        None => text.strip_prefix("RFC ")?.split_once(" §"),
    }
>>>>>>> chapter14
}

/// A step is two digits, with a letter if it is part of a larger one, and is linked to its chapter if it has one; `–`
/// means that no step teaches the rule.
fn wrong_step(
    cell: &str,
    links: &BTreeMap<&str, &str>,
    steps: &BTreeMap<String, Step>,
) -> Option<String> {
    if cell == "–" {
        return None;
    }
    let number = in_brackets(cell).unwrap_or(cell);
    let digits = number.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let is_number =
        digits.len() == 2 && digits.chars().all(|c| c.is_ascii_digit()) && number.len() <= 3;
    if !is_number {
        return Some(format!("{cell:?} isn't a step: 04 is one"));
    }
    let leads = in_brackets(cell).map(|number| links.get(number).copied().unwrap_or_default());
    let id = leads.map(|page| page.trim_end_matches(".md"));
    let is_right = id.is_none_or(|id| steps.get(id).is_some_and(|step| step.number == number));
    (!is_right).then(|| format!("{cell} leads to {leads:?}, which is not step {number}'s chapter"))
}

/// The rules that step 09 keeps by the probe's report: `✓ names and tokens in any case      101`.
fn probed() -> BTreeSet<String> {
    let path = root().join("tests").join("probe").join("echo.txt");
    let report = fs::read_to_string(path).expect("tests/probe/echo.txt is text");
    let kept = report.lines().filter_map(|line| line.strip_prefix("✓ "));
    // The words of a rule have a column of 33 characters.
    let words = kept.map(|line| line.chars().take(33).collect::<String>());
    words.map(|words| words.trim_end().to_string()).collect()
}

/// Autobahn's cases that step 09 passes, and step 13 with compression: `6.4.3 OK`.
fn passed() -> BTreeSet<String> {
    let folder = root().join("tests").join("conformance");
    let lists = ["cases.txt", "compression-cases.txt"].map(|name| {
        let list = fs::read_to_string(folder.join(name));
        list.unwrap_or_else(|error| panic!("tests/conformance/{name}: {error}"))
    });
    let lines = lists.iter().flat_map(|list| list.lines());
    let passed = lines.filter_map(|line| line.strip_suffix(" OK"));
    passed.map(str::to_string).collect()
}

/// The fault of a proof; `None` if the text in backquotes names none.
fn wrong_name(name: &str, steps: &BTreeMap<String, Step>) -> Option<Result<(), String>> {
    if let Some(rule) = name.strip_prefix("probe: ") {
        let is_there = probed().contains(rule);
        return Some(is_there.then_some(()).ok_or(format!(
            "{name}: the probe has no such line, or it isn't kept"
        )));
    }
    if let Some(case) = name.strip_prefix("autobahn: ") {
        let is_there = passed().contains(case);
        return Some(
            is_there
                .then_some(())
                .ok_or(format!("{name}: no case that is passed has this number")),
        );
    }
    if name.contains(' ') {
        return None;
    }
    let (id, check) = name.split_once('/')?;
    Some(match steps.get(id) {
        None => Err(format!("{name}: no step is called {id}")),
        Some(step) if !step.checks.contains(check) => {
            Err(format!("{name}: step {id} has no such check"))
        }
        Some(_) => Ok(()),
    })
}

/// The last cell: proofs in backquotes, and a reason in words, or one of the two.
fn wrong_proof(cell: &str, steps: &BTreeMap<String, Step>) -> Vec<String> {
    let codes = cell.split('`').skip(1).step_by(2);
    let proofs: Vec<_> = codes.filter_map(|code| wrong_name(code, steps)).collect();
    let has_proof = !proofs.is_empty();
    let mut wrong: Vec<String> = proofs.into_iter().filter_map(Result::err).collect();
    let words: String = cell.split('`').step_by(2).collect();
    if !has_proof && !words.contains(char::is_alphabetic) {
        wrong.push("neither a proof nor a reason".to_string());
    }
    // "Step 12 …" opens a sentence if a row waits for that step.
    for rest in words.split("Step ").skip(1) {
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        if steps.values().any(|step| step.number == number) {
            wrong.push(format!(
                "the row waits for step {number}, which has its checks by now"
            ));
        }
    }
    wrong
}

#[test]
fn every_row_is_whole_and_its_checks_are_there() {
    let steps = steps();
    let mut wrong = Vec::new();
    for rfc in &RFCS {
        let page = rfc.page();
        let (links, rows) = (links(&page), rows(&page));
        let count = rows.len();
        assert!(count >= rfc.rows, "only {count} rows of RFC {}", rfc.number);
        for row in &rows {
            for complaint in complaints(rfc, row, &links, &steps) {
                wrong.push(format!("{complaint}\n    in | {} |", row.join(" | ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_section_that_demands_something_is_there_and_in_order() {
    for rfc in &RFCS {
        let page = rfc.page();
        let mut sections: Vec<&str> = rows(&page)
            .iter()
            .filter_map(|row| in_brackets(row[0])?.strip_prefix('§'))
            .collect();
        sections.dedup();
        assert_eq!(sections, rfc.sections);
    }
}

/// The judge, judged: a row for each thing that can be wrong with one.
#[test]
fn faults_in_a_row_are_reported() {
    let text = "[§4.1]: https://www.rfc-editor.org/rfc/rfc6455#section-4.1\n\
                [§4.3]: https://www.rfc-editor.org/rfc/rfc6455#section-4.1\n\
                [04]: handshake.md\n[05]: handshake.md\n";
    let (links, steps) = (links(text), steps());
    let good = [
        "| [§4.1] | MUST | A rule. | [04] | `handshake/the_101_to_the_byte` |",
        "| [§4.1] | should not | A rule. | 99 | Step 99. |",
        "| [§4.1] | MUST | A rule. | – | A proxy's rule. |",
        "| [§4.1] | MUST | A rule. | [04] | `handshake/the_101_to_the_byte`. Step 99 has the rest. |",
        "| [§4.1] | MUST | A rule. | [04] | `probe: an unmasked frame fails` |",
        "| [§4.1] | MUST | A rule. | [04] | `probe: version 25 is told what there is`, `autobahn: 6.4.3` |",
    ];
    for row in good {
        let said = complaints(&RFCS[0], &rows(row)[0], &links, &steps);
        assert!(said.is_empty(), "{row}\n{said:?}");
    }
    let bad = [
        ("| [§4.1] | MUST | A rule. | [04] |", "five cells"),
        (
            "| §4.1 | MUST | A rule. | [04] | Because. |",
            "isn't a section",
        ),
        (
            "| [§3] | MUST | A rule. | [04] | Because. |",
            "none of the sections",
        ),
        (
            "| [§11.2] | MUST | A rule. | [04] | Because. |",
            "none of the sections",
        ),
        (
            "| [RFC 8446 §4.1] | MUST | A rule. | [04] | Because. |",
            "none of the sections",
        ),
        (
            "| [RFC 8446 §6.1] | MUST | A rule. | [04] | Because. |",
            "§6.1 leads to",
        ),
        (
            "| [§4.3] | MUST | A rule. | [04] | Because. |",
            "§4.3 leads to",
        ),
        (
            "| [§4.1] | MAY | A rule. | [04] | Because. |",
            "isn't a keyword",
        ),
        ("| [§4.1] | MUST |  | [04] | Because. |", "rule is empty"),
        (
            "| [§4.1] | MUST | A rule. | four | Because. |",
            "isn't a step: 04",
        ),
        (
            "| [§4.1] | MUST | A rule. | [05] | Because. |",
            "not step 05's chapter",
        ),
        (
            "| [§4.1] | MUST | A rule. | [04] |  |",
            "neither a proof nor a reason",
        ),
        (
            "| [§4.1] | MUST | A rule. | [04] | `send_text` |",
            "neither a proof nor a reason",
        ),
        (
            "| [§4.1] | MUST | A rule. | [04] | `handshake/no_such_check` |",
            "no such check",
        ),
        (
            "| [§4.1] | MUST | A rule. | [04] | `nowhere/the_101_to_the_byte` |",
            "no step is called",
        ),
        (
            "| [§4.1] | MUST | A rule. | [04] | `probe: nobody asks this` |",
            "no such line",
        ),
        // It is there, and is the server's choice: it proves nothing.
        (
            "| [§4.1] | MUST | A rule. | [04] | `probe: a head of 20 MB` |",
            "isn't kept",
        ),
        (
            "| [§4.1] | MUST | A rule. | [04] | `autobahn: 6.99.1` |",
            "no case that is passed",
        ),
        // Informational: no answer is right or wrong.
        (
            "| [§4.1] | MUST | A rule. | [04] | `autobahn: 7.1.6` |",
            "no case that is passed",
        ),
        (
            "| [§4.1] | MUST | A rule. | [04] | Step 04. |",
            "has its checks by now",
        ),
    ];
    for (row, complaint) in bad {
        let said = complaints(&RFCS[0], &rows(row)[0], &links, &steps);
        assert!(
            said.len() == 1 && said[0].contains(complaint),
            "{row}\n{said:?}"
        );
    }
}
