//! The fields of a head: names that ignore case, and values that are lists.
//!
//! ```text
//! Connection: keep-alive, Upgrade     two elements in one field
//!
//! Connection: keep-alive              the same two elements (RFC 9110 §5.3)
//! connection: Upgrade
//! ```

/// White space in a head: spaces and tabs, and nothing else (RFC 9110 §5.6.3). `str::trim` removes all
/// that Unicode calls white space; a proxy in front of us would not.
pub const WHITESPACE: [char; 2] = [' ', '\t'];

/// The fields of a request's or a response's head, in the order in which they arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    fields: Vec<(String, String)>,
}

impl Fields {
    /// Adds a field. [`WHITESPACE`] around a value isn't part of it (RFC 9110 §5.5).
    pub fn add(&mut self, name: &str, value: &str) {
        let value = value.trim_matches(WHITESPACE);
        self.fields.push((name.to_string(), value.to_string()));
    }

    /// The values of all fields with this name, ignoring case (RFC 9110 §5.1).
    pub fn values(&self, name: &str) -> Vec<&str> {
        let fields = self.fields.iter();
        fields
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The value of the field with this name, if there is exactly one.
    pub fn only(&self, name: &str) -> Option<&str> {
        match self.values(name)[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    /// The elements of the list that all fields with this name form together, in order (RFC 9110
    /// §5.6.1).
    ///
    /// Commas separate them. [`WHITESPACE`] around an element isn't part of it, and empty elements
    /// don't count.
    pub fn elements(&self, name: &str) -> Vec<&str> {
        // Task: read all fields of this name as one list, and return its elements.
        todo!("read all fields of this name as one list, and return its elements")
    }

    /// Whether this token is an element of the list, ignoring case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        // Task: say whether one of the elements is this token. Tokens have no case.
        todo!("say whether one of the elements is this token. Tokens have no case")
    }
}

/// Whether the text is a token: one or more visible ASCII characters, none of them a separator
/// (RFC 9110 §5.6.2).
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_token_character)
}

/// Whether a token may hold this character.
pub(crate) fn is_token_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}
