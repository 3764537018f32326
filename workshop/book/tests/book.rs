//! The book, built: every link and fragment leads somewhere, every listing is there, and nothing
//! comes from the network.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("workshop/book is two folders deep")
        .to_path_buf()
}

/// The pages of the built book: path below the book's root, with forward slashes, and text.
fn pages() -> &'static BTreeMap<String, String> {
    static PAGES: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    PAGES.get_or_init(|| {
        let output = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("book");
        let mut builder = Command::new(env!("CARGO_BIN_EXE_workshop-book"));
        let built = builder
            .arg(root().join("book"))
            .arg(&output)
            .output()
            .expect("the builder starts");
        let complaints = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "mdBook complains:\n{complaints}");
        let mut pages = BTreeMap::new();
        read(&output, "", &mut pages);
        pages
    })
}

fn read(folder: &Path, prefix: &str, pages: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("the book was built").flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.path() {
            path if path.is_dir() => read(&path, &format!("{name}/"), pages),
            path => {
                _ = pages.insert(
                    name,
                    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned(),
                )
            }
        }
    }
}

fn html() -> impl Iterator<Item = (&'static String, &'static String)> {
    pages().iter().filter(|(name, _)| name.ends_with(".html"))
}

/// The values of an attribute, in whatever element.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    html.split(start.as_str())
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0))
        .collect()
}

/// Where a link leads: the page's path and the fragment. `None` for one that leaves the book.
fn target(from: &str, link: &str) -> Option<(String, String)> {
    if link.contains("://") || link.starts_with("data:") || link.starts_with("mailto:") {
        return None;
    }
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let path = path.split('?').next().unwrap_or_default();
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = if path.is_empty() {
        from.split('/').collect()
    } else {
        folder.split('/').collect()
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    let path = parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("/");
    Some((path, fragment.to_string()))
}

#[test]
fn every_link_leads_to_a_page_and_a_place_in_it() {
    let mut broken = Vec::new();
    let mut followed = 0;
    // The 404 page's links are relative to the site's root, wherever that is.
    for (name, text) in html().filter(|(name, _)| *name != "404.html") {
        for link in values(text, "href").into_iter().chain(values(text, "src")) {
            let Some((path, fragment)) = target(name, link) else {
                continue;
            };
            followed += 1;
            let Some(page) = pages().get(&path) else {
                broken.push(format!("{name}: {link}"));
                continue;
            };
            let ids: BTreeSet<&str> = values(page, "id").into_iter().collect();
            if !fragment.is_empty() && !ids.contains(fragment.as_str()) {
                broken.push(format!("{name}: {link} (no such place)"));
            }
        }
    }
    assert!(followed > 100, "only {followed} links were found");
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    for (name, text) in html() {
        for source in values(text, "src") {
            assert!(!source.contains("//"), "{name} loads {source}");
        }
        for link in text.split("<link ").skip(1) {
            let link = link.split('>').next().unwrap_or_default();
            assert!(!link.contains("//"), "{name} loads {link}");
        }
    }
}

/// mdBook leaves a listing empty where its anchor is missing, and says nothing.
#[test]
fn every_include_names_an_anchor_that_there_is() {
    let source = root().join("book").join("src");
    let mut includes = 0;
    let mut files = BTreeMap::new();
    read(&source, "", &mut files);
    for (name, text) in files.iter().filter(|(name, _)| name.ends_with(".md")) {
        for include in text.split("{{#include ").skip(1) {
            includes += 1;
            let include = include.split("}}").next().unwrap_or_default().trim();
            let (path, anchor) = include.split_once(':').unwrap_or((include, ""));
            let file = source.join(name).parent().unwrap().join(path);
            let included = fs::read_to_string(&file).unwrap_or_default();
            assert!(!included.is_empty(), "{name}: {path} is not there");
            let is_line_number =
                !anchor.is_empty() && anchor.chars().all(|c| c.is_ascii_digit() || c == ':');
            assert!(
                !is_line_number,
                "{name}: {include} goes by line numbers, which drift"
            );
            let start = |line: &str| line.trim_end().ends_with(&format!("ANCHOR: {anchor}"));
            assert!(
                anchor.is_empty() || included.lines().any(start),
                "{name}: {path} has no anchor {anchor}"
            );
        }
        assert!(
            !text.contains("{{#rustdoc_include"),
            "{name}: rustdoc_include shows hidden lines"
        );
    }
    assert!(includes > 10, "only {includes} includes were found");
}

#[test]
fn no_directive_is_left_in_a_page() {
    for (name, text) in html() {
        for left in ["{{#", "ANCHOR", "// Starter:"] {
            assert!(!text.contains(left), "{name} shows {left}");
        }
    }
}

/// Who can't see a picture gets its words.
#[test]
fn every_picture_has_a_text() {
    for (name, text) in html() {
        // What is outside `main` are mdBook's own icons.
        let main = text
            .split_once("<main>")
            .and_then(|(_, rest)| rest.split_once("</main>"));
        let main = main.map_or("", |(main, _)| main);
        for picture in main.split("<svg").skip(1) {
            let picture = picture.split("</svg>").next().unwrap_or_default();
            let head = picture.split('>').next().unwrap_or_default();
            let is_spoken = picture.contains("<title") || head.contains("aria-label");
            // The little picture before the title of a note.
            let is_icon = head.contains("width=\"18\"");
            assert!(
                is_spoken || is_icon,
                "{name}: a picture without a text: <svg{head}>"
            );
        }
    }
}

/// Anyone who opens `tests/` finds a line on each folder in it. A step's folder of checks begins with its number.
#[test]
fn every_folder_of_tests_is_explained() {
    let tests = root().join("tests");
    let text = fs::read_to_string(tests.join("README.md")).expect("tests/README.md is there");
    let folders = fs::read_dir(tests).expect("it is there").flatten();
    let folders = folders.filter(|entry| entry.path().is_dir());
    let names = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let missing: Vec<String> = names
        .filter(|name| !name.starts_with(|first: char| first.is_ascii_digit()))
        .filter(|name| !text.contains(&format!("`{name}/`")))
        .collect();
    assert!(
        missing.is_empty(),
        "tests/README.md says nothing of {missing:?}"
    );
}

/// What these pages call a path is one. A part that stands for any (`NN`, `id`, `*`, `…`) isn't looked for.
#[test]
fn every_path_in_the_pages_for_maintainers_is_there() {
    let mut missing = Vec::new();
    for page in ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"] {
        let text = fs::read_to_string(root().join(page)).expect("it is there");
        let quoted = text.split('`').skip(1).step_by(2);
        let folders = [
            "book/",
            "solutions/",
            "steps/",
            "tests/",
            "workshop/",
            ".ci/",
        ];
        let paths = quoted.filter(|path| folders.iter().any(|folder| path.starts_with(folder)));
        let stands_for_any = |path: &&str| {
            let parts = ["NN", "id.md", "/id", "*", "…", " "];
            parts.iter().any(|part| path.contains(part))
        };
        let paths = paths.filter(|path| !stands_for_any(path));
        let lost = paths.filter(|path| !root().join(path).exists());
        missing.extend(lost.map(|path| format!("{page}: {path}")));
    }
    assert!(missing.is_empty(), "there is no {missing:?}");
}

#[test]
fn the_glossary_is_in_order() {
    let text = fs::read_to_string(root().join("book/src/glossary.md")).expect("it is there");
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.windows(2).filter(|pair| pair[1].starts_with(": "));
    let terms: Vec<String> = pairs.map(|pair| pair[0].to_lowercase()).collect();
    assert!(
        terms.len() > 20 && terms.is_sorted(),
        "not in order: {terms:?}"
    );
}

/// An SVG path has one arrowhead, however many lines it draws.
#[test]
fn every_arrow_has_its_head() {
    for (page, html) in html() {
        for path in html.split("<path").skip(1) {
            let path = path.split('>').next().unwrap_or_default();
            let lines = values(path, "d").concat().matches('M').count();
            assert!(
                lines < 2 || !path.contains("marker-"),
                "{page}: {lines} lines, one arrowhead: <path{path}>"
            );
        }
    }
}
