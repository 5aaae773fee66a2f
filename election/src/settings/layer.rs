//! Layers read from TOML and from a command line.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use toml::Spanned;

use super::{
    error::{ConfigError, Origin},
    schema::Layer,
    value::Raw,
};

impl Layer {
    /// A layer that gives nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a TOML file.
    ///
    /// Relative paths in it are relative to the working directory, as everywhere else.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the file cannot be read, or for the reasons of [`Layer::from_toml_str`],
    /// with the file's name.
    pub fn from_toml_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|error| {
            ConfigError::new(format!(
                "{}: cannot be read ({error}): name a readable TOML file",
                path.display()
            ))
        })?;
        Self::from_toml(&text, Some(path))
    }

    /// Reads a TOML text, whose keys are those of [`SCHEMA`](super::SCHEMA).
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with line and key, if the text is not TOML, has an unknown key or a value its
    /// setting cannot have.
    pub fn from_toml_str(text: &str) -> Result<Self, ConfigError> {
        Self::from_toml(text, None)
    }

    fn from_toml(text: &str, path: Option<&Path>) -> Result<Self, ConfigError> {
        let origin = |offset: usize| Origin::File {
            path: path.map(PathBuf::from),
            line: text.bytes().take(offset).filter(|&b| b == b'\n').count() + 1,
        };
        // toml's own rendering of an error quotes the line, and with it the password it may hold.
        let entries: BTreeMap<Spanned<String>, toml::Value> =
            toml::from_str(text).map_err(|error| {
                let origin = origin(error.span().map_or(0, |span| span.start));
                ConfigError::new(format!("{origin}: not valid TOML: {}", error.message()))
            })?;
        let mut layer = Self::new();
        for (key, value) in entries {
            let origin = origin(key.span().start);
            layer.read(key.get_ref(), &Raw::Toml(value), origin)?;
        }
        Ok(layer)
    }

    /// Reads flags of a command line: names of settings as flags have them, and their values.
    ///
    /// Meant for programs that build their flags from [`SCHEMA`](super::SCHEMA): errors name the
    /// flag and, unlike those of most parsers, never repeat a value that may be a secret.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with the name of the flag, if there is no such setting or it cannot have such
    /// a value.
    pub fn from_flags<F, V>(flags: impl IntoIterator<Item = (F, V)>) -> Result<Self, ConfigError>
    where
        F: AsRef<str>,
        V: AsRef<OsStr>,
    {
        let mut layer = Self::new();
        for (flag, value) in flags {
            let flag = flag.as_ref();
            let key = flag.replace('-', "_");
            let origin = Origin::Flag(format!("--{flag}"));
            let text = utf8(value.as_ref(), &key, &origin)?;
            layer.read(&key, &Raw::Text(text), origin)?;
        }
        Ok(layer)
    }

    /// Whether this layer says which store to use, in either way.
    pub(super) fn names_store(&self) -> bool {
        self.store.is_some() || self.store_file.is_some()
    }
}

/// The text of a value that the system does not promise to be one.
pub(super) fn utf8(value: &OsStr, key: &str, origin: &Origin) -> Result<String, ConfigError> {
    let text = value.to_str().map(str::to_owned);
    text.ok_or_else(|| origin.refuse(key, "is not UTF-8 text: write it in UTF-8"))
}
