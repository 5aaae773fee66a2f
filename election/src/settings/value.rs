//! How the value of a setting is read, one way for each type.

use std::{path::PathBuf, time::Duration};

use election_core::{CandidateId, MAX_TTL, Metadata};

use super::store_url::StoreUrl;

/// A value as a source of settings gives it.
#[derive(Debug)]
pub(super) enum Raw {
    /// From the environment or the command line.
    Text(String),
    /// From a TOML text.
    Toml(toml::Value),
}

/// A type that settings have.
///
/// Refusals say what is wrong and what to write; they never repeat the value, which may be a secret
/// that stands in the wrong place.
pub(super) trait Value: Sized {
    fn from_text(text: &str) -> Result<Self, String>;

    /// TOML has a type of its own for few of them.
    fn from_toml(_value: &toml::Value) -> Result<Self, String> {
        Err("is not a text: put its value in quotes".to_owned())
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) | Raw::Toml(toml::Value::String(text)) => Self::from_text(text),
            Raw::Toml(value) => Self::from_toml(value),
        }
    }
}

impl Value for StoreUrl {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::read(text).map_err(str::to_owned)
    }
}

impl Value for PathBuf {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty: write the path of a file".to_owned());
        }
        // Later errors name the file, so an address with a password must not pass for one.
        if text.contains("://") || StoreUrl::read(text).is_ok() {
            return Err("is a URL, not a file: write the path of a file that holds it".to_owned());
        }
        Ok(text.into())
    }
}

impl Value for String {
    fn from_text(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Err("is empty: write an address such as 10.0.0.1:8080".to_owned()),
            text => Ok(text.to_owned()),
        }
    }
}

impl Value for CandidateId {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::new(text).map_err(|refusal| refusal.to_string())
    }
}

impl Value for Duration {
    fn from_text(text: &str) -> Result<Self, String> {
        match humantime::parse_duration(text.trim()) {
            Ok(duration) if duration <= MAX_TTL => Ok(duration),
            Ok(_) => Err("is longer than any lease: use at most 24h".to_owned()),
            Err(_) => Err(
                "is not a duration: write a number with its unit, such as 15s or 500ms".to_owned(),
            ),
        }
    }

    fn from_toml(_value: &toml::Value) -> Result<Self, String> {
        Err(
            "is not a duration: write a text with the unit, such as \"15s\" or \"500ms\""
                .to_owned(),
        )
    }
}

impl Value for bool {
    fn from_text(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err("is neither yes nor no: write true or false".to_owned()),
        }
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        value
            .as_bool()
            .ok_or_else(|| "is neither true nor false: write one of them".to_owned())
    }
}

const NOT_AN_OBJECT: &str = "is not a JSON object: write one such as {\"region\": \"eu\"}";

impl Value for Metadata {
    fn from_text(text: &str) -> Result<Self, String> {
        match serde_json::from_str(text) {
            Ok(serde_json::Value::Object(object)) => {
                Self::from_object(object).map_err(|refusal| refusal.to_string())
            }
            _ => Err(NOT_AN_OBJECT.to_owned()),
        }
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match json(value) {
            Some(serde_json::Value::Object(object)) => {
                Self::from_object(object).map_err(|refusal| refusal.to_string())
            }
            Some(_) => Err("is not a table: write one such as { region = \"eu\" }".to_owned()),
            None => Err("has a number JSON cannot hold (nan or inf): remove it".to_owned()),
        }
    }
}

/// The JSON form of a TOML value: dates become texts; `None` for infinities and not-a-number.
fn json(value: &toml::Value) -> Option<serde_json::Value> {
    use toml::Value::{Array, Boolean, Datetime, Float, Integer, String, Table};
    Some(match value {
        String(text) => text.as_str().into(),
        Integer(number) => (*number).into(),
        Float(number) => serde_json::Number::from_f64(*number)?.into(),
        Boolean(truth) => (*truth).into(),
        Datetime(date) => date.to_string().into(),
        Array(values) => values.iter().map(json).collect::<Option<Vec<_>>>()?.into(),
        Table(entries) => {
            let entries = entries.iter();
            let object = entries.map(|(key, value)| Some((key.clone(), json(value)?)));
            serde_json::Value::Object(object.collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_has_eight_spellings_and_no_other() {
        for (text, truth) in [
            ("true", true),
            ("1", true),
            ("Yes", true),
            ("ON", true),
            ("false", false),
            ("0", false),
            ("no", false),
            ("off ", false),
        ] {
            assert_eq!(bool::from_text(text), Ok(truth));
        }
        for text in ["", "2", "enabled", "y"] {
            assert!(bool::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_duration_has_a_unit_and_is_no_longer_than_any_lease() {
        assert_eq!(Duration::from_text("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(Duration::from_text("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(Duration::from_text("1.5s"), Ok(Duration::from_millis(1500)));
        for text in ["", "15", "soon", "-1s", "25h", "500000000000years"] {
            assert!(Duration::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn metadata_in_toml_becomes_the_same_json() {
        let table = "a = 1\nb = [true, 1.5]\nc = { d = \"x\" }\ne = 2024-05-01";
        let metadata = Metadata::from_toml(&toml::Value::Table(table.parse().unwrap())).unwrap();
        assert_eq!(
            metadata.as_json(),
            r#"{"a":1,"b":[true,1.5],"c":{"d":"x"},"e":"2024-05-01"}"#
        );
        let inf = toml::Value::Table("a = inf".parse().unwrap());
        assert!(Metadata::from_toml(&inf).is_err());
    }
}
