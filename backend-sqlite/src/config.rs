//! Which file, and how patiently.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use election_core::StoreError;

#[cfg(test)]
use crate::boot::BootIdentity;

/// Where the leases lie, and how long a call waits for another process.
///
/// ```
/// use std::time::Duration;
/// use election_backend_sqlite::SqliteConfig;
///
/// let config = SqliteConfig::new("/var/lib/app/leases.db").busy_limit(Duration::from_millis(500));
/// let same = SqliteConfig::from_url("sqlite:/var/lib/app/leases.db?busy_limit=500ms").unwrap();
/// assert_eq!(config, same);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteConfig {
    path: PathBuf,
    busy_limit: Duration,
    create_missing_directory: bool,
    #[cfg(test)]
    pub(crate) pretended: Pretended,
}

/// What a test pretends about the host.
#[cfg(test)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pretended {
    /// The clock's identity.
    pub(crate) boot: Option<BootIdentity>,
    /// That no file watch can be had.
    pub(crate) deaf: bool,
    /// That the disk is full once the file has so many pages.
    pub(crate) disk_pages: Option<u32>,
}

impl SqliteConfig {
    /// How long a call waits for another process's transaction, unless told otherwise.
    pub const DEFAULT_BUSY_LIMIT: Duration = Duration::from_secs(1);

    /// The database at this path; it is created if it is missing, its directory is not.
    ///
    /// A relative path is resolved when the store is opened, and never again.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            busy_limit: Self::DEFAULT_BUSY_LIMIT,
            create_missing_directory: false,
            #[cfg(test)]
            pretended: Pretended::default(),
        }
    }

    /// Reads `sqlite:/absolute/path`, `sqlite:///absolute/path` or `sqlite:relative/path`.
    ///
    /// The path is percent-decoded. The one option is `busy_limit`, a duration such as `500ms`:
    /// `sqlite:leases.db?busy_limit=500ms`.
    ///
    /// # Errors
    ///
    /// A `Fatal` [`StoreError`] that says which part is wrong and what to write instead.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let rest = url.strip_prefix("sqlite:").ok_or_else(|| {
            StoreError::fatal("a SQLite URL begins with sqlite: as in sqlite:/var/lib/leases.db")
        })?;
        if rest == ":memory:" {
            return Err(StoreError::fatal(
                "a SQLite database in memory has one process only: write memory: for that store, \
                 or sqlite:/absolute/path for a file",
            ));
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = match path.strip_prefix("//") {
            None => path,
            Some(absolute) if absolute.starts_with('/') => absolute,
            Some(_) => {
                return Err(StoreError::fatal(format!(
                    "sqlite:{path} names a host, and a database file has none: write \
                     sqlite:/absolute/path or sqlite:relative/path"
                )));
            }
        };
        let mut config = Self::new(percent_decode(path)?);
        for option in query.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            config = match name {
                "busy_limit" => config.busy_limit(parse_duration(name, value)?),
                unknown => {
                    return Err(StoreError::fatal(format!(
                        "a SQLite URL has no option {unknown:?}: the only one is busy_limit, as in \
                         ?busy_limit=500ms"
                    )));
                }
            };
        }
        Ok(config)
    }

    /// How long a call waits while another process keeps the database locked.
    ///
    /// After that it fails with `Unavailable`. Default: 1 s. Zero means one attempt.
    #[must_use]
    pub fn busy_limit(mut self, limit: Duration) -> Self {
        self.busy_limit = limit;
        self
    }

    /// Creates the database's directory, and those above it, if they are missing.
    ///
    /// Without this a missing directory is an error, since it is more often a volume that was not
    /// mounted than a wish for a new, empty database.
    #[must_use]
    pub fn create_missing_directory(mut self) -> Self {
        self.create_missing_directory = true;
        self
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn waits(&self) -> Duration {
        self.busy_limit
    }

    pub(crate) fn creates_directory(&self) -> bool {
        self.create_missing_directory
    }

    /// The same configuration with a path that no change of the working directory moves.
    pub(crate) fn with_absolute_path(mut self) -> Result<Self, StoreError> {
        self.path = std::path::absolute(&self.path).map_err(|error| {
            StoreError::fatal(format!(
                "the path {:?} of the SQLite database cannot be resolved: give the absolute path \
                 of a file",
                self.path
            ))
            .caused_by(error)
        })?;
        Ok(self)
    }
}

fn parse_duration(name: &str, value: &str) -> Result<Duration, StoreError> {
    humantime::parse_duration(value).map_err(|error| {
        StoreError::fatal(format!(
            "the option {name}={value} of the SQLite URL is not a duration: write it as {name}=500ms"
        ))
        .caused_by(error)
    })
}

/// Turns each `%41` into the byte it stands for.
fn percent_decode(text: &str) -> Result<String, StoreError> {
    let refusal = |what: &str| {
        StoreError::fatal(format!(
            "the path {text:?} of the SQLite URL {what}: write %25 for a percent sign and %3F for \
             a question mark"
        ))
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let byte = part
            .get(..2)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .ok_or_else(|| refusal("has a % without two hexadecimal digits"))?;
        bytes.push(byte);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    match String::from_utf8(bytes) {
        Ok(path) if path.contains('\0') => Err(refusal("has a NUL byte in it")),
        Ok(path) if path.is_empty() => Err(refusal("is empty")),
        Ok(path) => Ok(path),
        Err(_) => Err(refusal("is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use election_core::StoreErrorKind;

    use super::*;

    fn path_of(url: &str) -> PathBuf {
        SqliteConfig::from_url(url).unwrap().path
    }

    fn refusal_of(url: &str) -> String {
        let error = SqliteConfig::from_url(url).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Fatal);
        error.to_string()
    }

    #[test]
    fn a_url_names_an_absolute_or_a_relative_path() {
        assert_eq!(path_of("sqlite:/a/b.db"), Path::new("/a/b.db"));
        assert_eq!(path_of("sqlite:///a/b.db"), Path::new("/a/b.db"));
        assert_eq!(path_of("sqlite:a/b.db"), Path::new("a/b.db"));
        assert_eq!(path_of("sqlite:./b.db"), Path::new("./b.db"));
    }

    #[test]
    fn a_path_is_percent_decoded() {
        assert_eq!(
            path_of("sqlite:/a%20b/%F0%9F%97%B3%3F%25.db"),
            Path::new("/a b/🗳?%.db")
        );
        for broken in ["sqlite:/a%2", "sqlite:/a%", "sqlite:/a%+1", "sqlite:/a%é"] {
            assert!(refusal_of(broken).contains("hexadecimal"), "{broken}");
        }
        assert!(refusal_of("sqlite:/a%FF").contains("not UTF-8"));
        assert!(refusal_of("sqlite:/a%00b").contains("NUL"));
        assert!(refusal_of("sqlite:").contains("is empty"));
    }

    #[test]
    fn an_unknown_option_is_refused_with_the_known_one() {
        let refusal = refusal_of("sqlite:/a.db?mode=ro");
        assert!(
            refusal.contains("\"mode\"") && refusal.contains("busy_limit"),
            "{refusal}"
        );
    }

    #[test]
    fn the_busy_limit_is_a_duration_people_write() {
        let config = SqliteConfig::from_url("sqlite:/a.db?busy_limit=1m 30s").unwrap();
        assert_eq!(config.busy_limit, Duration::from_secs(90));
        assert!(refusal_of("sqlite:/a.db?busy_limit=soon").contains("busy_limit=500ms"));
    }

    #[test]
    fn a_host_or_another_scheme_is_refused() {
        assert!(refusal_of("sqlite://host/a.db").contains("names a host"));
        assert!(refusal_of("sqlite::memory:").contains("memory: for that store"));
        assert!(refusal_of("postgres://host/a").contains("begins with sqlite:"));
    }
}
