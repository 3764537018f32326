//! Links whose addresses are elsewhere in the chapter: "[`Read`]", and a line "[`Read`]: https://…".

/// What the chapter defines links for, by lines like "[`Read`]: https://…".
pub(super) fn labels(chapter: &str) -> Vec<&str> {
    let label = |line: &'_ str| -> Option<usize> {
        let at = line.strip_prefix('[')?.find("]: ")?;
        (at > 0).then_some(at)
    };
    chapter
        .lines()
        .filter_map(|line| Some(&line[1..=label(line)?]))
        .collect()
}

/// The text without the brackets of links that are defined elsewhere: "[`Read`]" is `Read`, and
/// "[that][`Read`]" is "that".
pub(super) fn without_references(markdown: &str, labels: &[&str]) -> String {
    let mut is_code = false;
    let mut text = String::new();
    for part in markdown.split_inclusive("```") {
        if is_code {
            text.push_str(part);
        } else {
            text.push_str(&labels.iter().fold(part.to_string(), one_without));
        }
        is_code = !is_code;
    }
    text
}

fn one_without(text: String, label: &&str) -> String {
    let mut plain = String::new();
    let mut rest = text.as_str();
    // A label may be broken where a line is.
    let spaced = text.replace('\n', " ");
    let spaced = spaced.as_str();
    let bracketed = format!("[{label}]");
    while let Some(at) = spaced[spaced.len() - rest.len()..].find(&bracketed) {
        let (before, from) = rest.split_at(at);
        let (link, after) = from.split_at(bracketed.len());
        let inner = &link[1..link.len() - 1];
        match before
            .strip_suffix(']')
            .map(|before| before.rsplit_once('['))
        {
            Some(Some((before, words))) => plain.extend([before, words]),
            _ if after.starts_with(['(', '[']) => plain.extend([before, link]),
            _ => plain.extend([before, inner]),
        }
        rest = after;
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_are_defined_elsewhere_lose_their_brackets() {
        let chapter = "a\n\n[`Read`]: https://a.example\n[RFC 6455 §5.2]: https://b.example\n";
        let labels = labels(chapter);
        assert_eq!(labels, ["`Read`", "RFC 6455 §5.2"]);
        let plain = |text| without_references(text, &labels);
        assert_eq!(
            plain("See [`Read`], [that][`Read`], [RFC\n6455 §5.2] and [0]."),
            "See `Read`, that, RFC\n6455 §5.2 and [0]."
        );
        assert_eq!(plain("[`Read`](x.md)"), "[`Read`](x.md)");
        let code = "```rust\nlet x = [RFC 6455 §5.2];\n```";
        assert_eq!(plain(code), code);
        assert_eq!(plain("[`Read`"), "[`Read`");
    }
}
