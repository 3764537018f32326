//! Fills in what a chapter includes from other files, as mdBook does.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

/// The text with each `{{#include path:anchor}}` replaced by what it names.
pub(super) fn with_includes(markdown: &str, folder: &Path) -> Result<String> {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some(at) = rest.find("{{#") {
        let Some(length) = rest[at..].find("}}") else {
            break;
        };
        text.push_str(&rest[..at]);
        text.push_str(&included(&rest[at + 3..at + length], folder)?);
        rest = &rest[at + length + 2..];
    }
    text.push_str(rest);
    Ok(text)
}

fn included(directive: &str, folder: &Path) -> Result<String> {
    let mut words = directive.split_whitespace();
    let (Some("include" | "rustdoc_include"), Some(what)) = (words.next(), words.next()) else {
        return Ok(String::new());
    };
    let (path, anchor) = match what.split_once(':') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (what, None),
    };
    let file = folder.join(path);
    let text =
        fs::read_to_string(&file).with_context(|| format!("{} can't be read", file.display()))?;
    let missing = || anyhow!("{} has no anchor `{what}`", file.display());
    anchored(&text, anchor).ok_or_else(missing)
}

fn anchored(text: &str, anchor: Option<&str>) -> Option<String> {
    let names = |line: &str, word: &str| {
        let name = line.split_once(word)?.1.split_whitespace().next()?;
        Some(name.to_string())
    };
    let mut is_inside = anchor.is_none();
    let mut was_found = is_inside;
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(name) = names(line, "ANCHOR_END: ") {
            is_inside &= Some(name.as_str()) != anchor;
        } else if let Some(name) = names(line, "ANCHOR: ") {
            if Some(name.as_str()) == anchor {
                (is_inside, was_found) = (true, true);
            }
        } else if is_inside {
            lines.push(line);
        }
    }
    was_found.then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_cut_out_without_the_anchors_inside() {
        let text =
            "a\n// ANCHOR: x\nb\n// ANCHOR: y\nc\n// ANCHOR_END: y\nd\n// ANCHOR_END: x\ne\n";
        assert_eq!(anchored(text, Some("x")).as_deref(), Some("b\nc\nd"));
        assert_eq!(anchored(text, Some("y")).as_deref(), Some("c"));
        assert_eq!(anchored(text, None).as_deref(), Some("a\nb\nc\nd\ne"));
        assert_eq!(anchored(text, Some("z")), None);
    }
}
