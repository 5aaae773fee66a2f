//! Who takes part in an election.

use std::{fmt, str::FromStr, sync::Arc};

use serde_json::{Map, Value};

use crate::{error::InvalidWord, name::write_escaped};

/// One participant: an id people know, an incarnation nobody shares, and what it tells others.
///
/// Two candidates are the same only if id *and* incarnation agree. A process restarted under its
/// old id is a stranger to its former self, and so are two processes given one id by mistake.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// The name an operator knows.
    pub id: CandidateId,
    /// New for every elector that is started.
    pub incarnation: Incarnation,
    /// Shown to everyone who asks who leads.
    pub metadata: Metadata,
}

impl Candidate {
    /// The identity a store compares: id and incarnation.
    #[must_use]
    pub fn holder(&self) -> Holder {
        Holder {
            id: self.id.clone(),
            incarnation: self.incarnation,
        }
    }
}

/// The identity a store compares: the id people know and the incarnation nobody shares.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The name an operator knows.
    pub id: CandidateId,
    /// Which run of that candidate.
    pub incarnation: Incarnation,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.id, f)
    }
}

/// The instance id an operator knows: a host name, a pod name, or one set by hand.
///
/// Any UTF-8 text of 1 to 255 bytes. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CandidateId(Arc<str>);

impl CandidateId {
    /// The longest id, in bytes.
    pub const MAX_LEN: usize = 255;

    /// Accepts an id.
    ///
    /// # Errors
    ///
    /// [`InvalidWord`] if the id is empty or longer than [`CandidateId::MAX_LEN`] bytes.
    pub fn new(id: &str) -> Result<Self, InvalidWord> {
        InvalidWord::check_length("instance id", id.len(), 1, Self::MAX_LEN)?;
        Ok(Self(id.into()))
    }

    /// The id as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CandidateId {
    type Err = InvalidWord;

    fn from_str(id: &str) -> Result<Self, InvalidWord> {
        Self::new(id)
    }
}

impl fmt::Display for CandidateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(&self.0, f)
    }
}

impl fmt::Debug for CandidateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// 128 random bits, drawn anew for every elector that is started.
///
/// The caller draws them: this crate has no source of chance (I1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u128);

/// Written and read as 32 lower-case hexadecimal digits.
impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Incarnation {
    type Err = InvalidWord;

    fn from_str(text: &str) -> Result<Self, InvalidWord> {
        let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        match u128::from_str_radix(text, 16) {
            Ok(bits) if digits => Ok(Self(bits)),
            _ => Err(InvalidWord::new("incarnation is not 32 hexadecimal digits")),
        }
    }
}

/// What a candidate tells about itself: a small JSON object.
///
/// An advertised address, a version, anything. Every store keeps it exactly and shows it to those
/// who ask who leads. At most 64 KiB as JSON text. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Metadata(Arc<str>);

impl Metadata {
    /// The longest metadata, in bytes of JSON text.
    pub const MAX_LEN: usize = 64 * 1024;

    /// Accepts the text of a JSON object and keeps it in compact form.
    ///
    /// # Errors
    ///
    /// [`InvalidWord`] if the text is not a JSON object or is longer than [`Metadata::MAX_LEN`].
    pub fn from_json(text: &str) -> Result<Self, InvalidWord> {
        let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
            InvalidWord::new(format!(
                "metadata is not a JSON object ({error}): write it as {{\"key\": \"value\"}}"
            ))
        })?;
        Self::from_object(object)
    }

    /// Accepts a JSON object.
    ///
    /// # Errors
    ///
    /// [`InvalidWord`] if its text is longer than [`Metadata::MAX_LEN`].
    pub fn from_object(object: Map<String, Value>) -> Result<Self, InvalidWord> {
        let text = Value::Object(object).to_string();
        InvalidWord::check_length("metadata", text.len(), 2, Self::MAX_LEN)?;
        Ok(Self(text.into()))
    }

    /// The same metadata with one entry more, or one entry replaced.
    ///
    /// # Errors
    ///
    /// [`InvalidWord`] if the result is longer than [`Metadata::MAX_LEN`].
    pub fn with(&self, key: &str, value: impl Into<Value>) -> Result<Self, InvalidWord> {
        let mut object = self.to_object();
        object.insert(key.to_owned(), value.into());
        Self::from_object(object)
    }

    /// The JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The JSON object.
    #[must_use]
    pub fn to_object(&self) -> Map<String, Value> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Whether nothing is told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        &*self.0 == "{}"
    }
}

impl Default for Metadata {
    fn default() -> Self {
        Self("{}".into())
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_a_json_object_and_nothing_else() {
        assert_eq!(
            Metadata::from_json(" { \"a\" : 1 } ").unwrap().as_json(),
            "{\"a\":1}"
        );
        let refusal = Metadata::from_json("[1]").unwrap_err().to_string();
        assert!(
            refusal.starts_with("metadata is not a JSON object"),
            "{refusal}"
        );
    }

    #[test]
    fn metadata_longer_than_its_limit_is_refused() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(Metadata::MAX_LEN));
        assert!(Metadata::from_json(&long).is_err());
    }

    #[test]
    fn an_incarnation_survives_its_text_form() {
        let incarnation = Incarnation(0xfeed);
        assert_eq!(incarnation.to_string().parse(), Ok(incarnation));
        assert!(
            "+0000000000000000000000000000001"
                .parse::<Incarnation>()
                .is_err()
        );
    }
}
