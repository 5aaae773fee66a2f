//! The name of an election.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
    sync::Arc,
};

use crate::error::InvalidWord;

/// What is being decided: one name, at most one leader.
///
/// Any UTF-8 text of 1 to 255 bytes. Names are compared byte by byte: case, trailing spaces and
/// Unicode normal forms matter, and no character has a meaning of its own. Validated once, here;
/// stores may rely on it. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElectionName(Arc<str>);

impl ElectionName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 255;

    /// Accepts a name.
    ///
    /// # Errors
    ///
    /// [`InvalidWord`] if the name is empty or longer than [`ElectionName::MAX_LEN`] bytes.
    pub fn new(name: &str) -> Result<Self, InvalidWord> {
        InvalidWord::check_length("election name", name.len(), 1, Self::MAX_LEN)?;
        Ok(Self(name.into()))
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ElectionName {
    type Err = InvalidWord;

    fn from_str(name: &str) -> Result<Self, InvalidWord> {
        Self::new(name)
    }
}

/// Control characters are shown escaped, so that a name cannot disturb a log or a terminal.
impl fmt::Display for ElectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(&self.0, f)
    }
}

impl fmt::Debug for ElectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// Writes text with its control characters escaped.
pub(crate) fn write_escaped(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    text.chars().try_for_each(|c| match c {
        c if c.is_control() => write!(f, "{}", c.escape_default()),
        c => f.write_char(c),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_any_text_of_1_to_255_bytes() {
        assert!(ElectionName::new("{a}/'b'; DROP TABLE x --\0 🗳").is_ok());
        assert!(ElectionName::new(&"x".repeat(255)).is_ok());
    }

    #[test]
    fn an_empty_or_overlong_name_is_refused_with_a_sentence() {
        let empty = ElectionName::new("").unwrap_err().to_string();
        assert_eq!(
            empty,
            "election name is empty: give it 1 to 255 bytes of UTF-8 text"
        );
        let long = ElectionName::new(&"x".repeat(300)).unwrap_err().to_string();
        assert_eq!(
            long,
            "election name is 300 bytes long: give it 1 to 255 bytes of UTF-8 text"
        );
    }

    #[test]
    fn a_control_character_is_shown_escaped() {
        let name = ElectionName::new("a\r\nDEL b").unwrap();
        assert_eq!(name.to_string(), "a\\r\\nDEL b");
    }
}
