//! Which characters are invisible. Only the visible part of a name counts: if two names differ only by a
//! zero-width character, they are the same name.
//!
//! Unicode calls most of these characters *default ignorable*: joiners, marks and overrides of the
//! direction of writing, fillers, variation selectors, tags. A few others are drawn as nothing, too. The
//! list rarely changes, because Unicode has reserved room in it for future characters.

/// Returns whether a character is drawn as nothing. White space and control characters are a different matter.
pub fn is_invisible(it: char) -> bool {
    is_default_ignorable(it)
        || matches!(it, '\u{2800}') // braille without a dot
        || matches!(it, '\u{fff9}'..='\u{fffb}') // marks around annotations
        || matches!(it, '\u{16fe4}' | '\u{1d159}') // a filler, and a note without a head
}

/// Unicode's property `Default_Ignorable_Code_Point`.
fn is_default_ignorable(it: char) -> bool {
    matches!(
        it,
        '\u{ad}'                            // soft hyphen
        | '\u{34f}' | '\u{61c}'             // grapheme joiner, Arabic letter mark
        | '\u{115f}'..='\u{1160}'           // Hangul fillers; two more below
        | '\u{17b4}'..='\u{17b5}'           // Khmer vowels that are never written
        | '\u{180b}'..='\u{180f}'           // Mongolian variation selectors
        | '\u{200b}'..='\u{200f}'           // zero-width space and joiners, marks of direction
        | '\u{202a}'..='\u{202e}'           // embeddings and overrides of direction
        | '\u{2060}'..='\u{206f}'           // word joiner, invisible operators, isolates
        | '\u{3164}' | '\u{ffa0}'
        | '\u{fe00}'..='\u{fe0f}'           // variation selectors; more below
        | '\u{feff}'                        // byte order mark
        | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}'         // shorthand
        | '\u{1d173}'..='\u{1d17a}'         // beams and slurs of music
        | '\u{e0000}'..='\u{e0fff}'         // tags, variation selectors, and room for more
    )
}

/// Returns whether a text shows nothing.
pub fn is_blank(text: &str) -> bool {
    text.chars()
        .all(|it| it.is_whitespace() || is_invisible(it))
}

/// Returns a text without invisible characters, and with one space between words. Control characters stay: the
/// caller decides what to do about them.
pub fn without_invisible(text: &str) -> String {
    let seen: String = text.chars().filter(|it| !is_invisible(*it)).collect();
    let between_words = |it: char| it.is_whitespace() && !it.is_control();
    let words = seen.split(between_words).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}
