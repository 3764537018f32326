//! Which characters show nothing. A name is what people see of it: two names that look the same
//! because one of them has a character of width zero in it are one name.
//!
//! Unicode calls most of them *default ignorable*: joiners, marks and overrides of the direction of
//! writing, fillers, variation selectors, tags. To them come a few characters that are drawn as
//! nothing. The list changes rarely: Unicode reserved room in it for what is still to come.

/// Whether nothing is drawn for a character that is neither white space nor a control character.
pub fn shows_nothing(it: char) -> bool {
    is_default_ignorable(it)
        || matches!(
            it,
            '\u{2800}'                      // braille without a dot
            | '\u{fff9}'
                ..='\u{fffb}'       // marks around annotations
            | '\u{16fe4}' | '\u{1d159}' // a filler, and a note without a head
        )
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

/// Whether there is nothing to see in a text.
pub fn is_blank(text: &str) -> bool {
    text.chars()
        .all(|it| it.is_whitespace() || shows_nothing(it))
}

/// A text without what shows nothing, and with one space between its words. Control characters stay:
/// to refuse them is somebody else's task.
pub fn without_invisible(text: &str) -> String {
    let seen: String = text.chars().filter(|it| !shows_nothing(*it)).collect();
    let between_words = |it: char| it.is_whitespace() && !it.is_control();
    let words = seen.split(between_words).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}
