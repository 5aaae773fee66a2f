//! Settings from files, the environment and code, in that order.
//!
//! There is one list of settings, [`SCHEMA`]. Each source of them is read into a [`Layer`], and
//! [`Settings::resolve`] lays the layers over each other: what a later one gives counts, what none
//! gives has a default. [`Settings::explain`] tells what came out, where from, and what it means on
//! the worst day.
//!
//! ```
//! use election::settings::{Layer, Settings};
//!
//! // A program passes process_environment() here.
//! let environment = [
//!     ("ELECT_STORE".into(), "redis://:hunter2@cache:6379/0".into()),
//!     ("ELECT_RENEW_INTERVAL".into(), "3s".into()),
//! ];
//! let settings = Settings::resolve([
//!     Layer::from_toml_str("lease_duration = \"30s\"\nrenew_interval = \"10s\"")?,
//!     Layer::from_environment("ELECT", environment)?,
//!     Layer::new().advertise("10.0.0.1:8080".to_owned()),
//! ])?;
//!
//! assert_eq!(settings.timing.ttl().as_secs(), 30);
//! assert_eq!(settings.timing.renew_interval().as_secs(), 3);
//! assert_eq!(settings.metadata.as_json(), r#"{"address":"10.0.0.1:8080"}"#);
//! assert!(settings.explain().contains("redis://:***@cache:6379/0"));
//! # Ok::<(), election::settings::ConfigError>(())
//! ```

use std::{fmt::Write as _, fs, path::PathBuf, time::Duration};

use election_core::{CandidateId, Metadata, Timing, TimingBuilder};

mod defaults;
mod environment;
mod error;
mod layer;
mod schema;
mod store_url;
mod value;

pub use defaults::default_id;
pub use environment::process_environment;
pub use error::{ConfigError, Origin};
pub use schema::{Layer, SCHEMA, Setting};
pub use store_url::StoreUrl;

use defaults::default_store;
use schema::Given;

/// The prefix of environment variables, unless a program has its own.
pub const DEFAULT_PREFIX: &str = "ELECT";

/// Longer values stick out of their column, so that one of them does not widen every line.
const MAX_COLUMN: usize = 48;

/// Everything a candidate needs to know, checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The store that remembers who leads.
    pub store: StoreUrl,
    /// The name of this candidate.
    pub id: CandidateId,
    /// What this candidate tells those who ask who leads, its advertised address included.
    pub metadata: Metadata,
    /// The durations of the election.
    pub timing: Timing,
    /// Whether there is an election at all.
    pub enabled: bool,
    /// What was given, and where.
    given: Layer,
}

impl Settings {
    /// Lays each layer over those before it, fills in the defaults and checks the result.
    ///
    /// `store` and `store_file` are one setting: the last layer that gives either of them decides.
    /// An advertised address replaces the `address` of the metadata, whichever layer that is from.
    /// Reads the file named by `store_file`, if it counts.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `store` and `store_file` of one layer differ, the file cannot be read or
    /// holds no store URL, the durations cannot work together, the metadata is too long, or there is
    /// no home directory for the default store.
    pub fn resolve(layers: impl IntoIterator<Item = Layer>) -> Result<Self, ConfigError> {
        let lay = |lower: Layer, layer: Layer| layer.over(lower);
        let mut given = layers.into_iter().fold(Layer::new(), lay);
        read_store_file(&mut given)?;
        Ok(Self {
            store: match &given.store {
                Some(store) => store.value.clone(),
                None => default_store(given.state_directory.as_deref())?,
            },
            id: match &given.id {
                Some(id) => id.value.clone(),
                None => default_id()?,
            },
            metadata: metadata(&given)?,
            timing: timing(&given)?,
            enabled: given.enabled.as_ref().is_none_or(|given| given.value),
            given,
        })
    }

    /// Where the default store lives, if nobody has named another.
    pub(crate) fn default_store_directory(&self) -> Option<PathBuf> {
        let state_directory = self.given.state_directory.as_deref();
        state_directory
            .filter(|_| self.given.store.is_none())
            .map(defaults::directory)
    }

    /// Tells each setting in force, where it came from, and the worst cases that follow.
    ///
    /// Several lines for people; secrets are not in them.
    #[must_use]
    pub fn explain(&self) -> String {
        let values: Vec<_> = SCHEMA
            .iter()
            .map(|setting| (setting.in_force)(self))
            .collect();
        let width = |text: &str| text.chars().count();
        let keys = SCHEMA.iter().map(|setting| width(setting.key)).max();
        let keys = keys.unwrap_or_default();
        let column = values.iter().map(|value| width(value)).max();
        let column = column.unwrap_or_default().min(MAX_COLUMN);
        let mut text = String::new();
        for (setting, value) in SCHEMA.iter().zip(&values) {
            let origin = match self.given.origin(setting.key) {
                Some(origin) => origin.to_string(),
                None if value == setting.default => "default".to_owned(),
                None => format!("default: {}", setting.default),
            };
            // Writing to a String cannot fail.
            _ = writeln!(text, "{:keys$}  {value:column$}  {origin}", setting.key);
        }
        text + "\n" + &self.timing.worst_cases().to_string()
    }
}

/// Turns the file a store is read from into that store, and checks it against one given directly.
fn read_store_file(given: &mut Layer) -> Result<(), ConfigError> {
    let Some(file) = &given.store_file else {
        return Ok(());
    };
    let refuse = |problem| {
        let path = file.value.display();
        file.refuse(format!("the file {path} {problem}"))
    };
    let text = fs::read_to_string(&file.value).map_err(|error| {
        refuse(format!(
            "cannot be read ({error}): name a readable file that holds the store URL"
        ))
    })?;
    let value =
        StoreUrl::read(&text).map_err(|problem| refuse(format!("cannot be used: {problem}")))?;
    if let Some(store) = given.store.as_ref().filter(|store| store.value != value) {
        return Err(store.contradicts(file));
    }
    let (key, origin) = (file.key, file.origin.clone());
    given.store.get_or_insert(Given { key, value, origin });
    Ok(())
}

/// What is told to others, with the advertised address in it.
fn metadata(given: &Layer) -> Result<Metadata, ConfigError> {
    let metadata = given.metadata.as_ref();
    let metadata = metadata.map_or_else(Metadata::default, |given| given.value.clone());
    match &given.advertise {
        Some(address) => metadata
            .with("address", address.value.as_str())
            .map_err(|problem| address.refuse(problem)),
        None => Ok(metadata),
    }
}

/// The durations; those that are not given follow from the lease duration.
fn timing(given: &Layer) -> Result<Timing, ConfigError> {
    type Set = fn(TimingBuilder, Duration) -> TimingBuilder;
    let durations: [(&Option<Given<_>>, Set); 5] = [
        (&given.lease_duration, TimingBuilder::ttl),
        (&given.renew_interval, TimingBuilder::renew_interval),
        (&given.retry_interval, TimingBuilder::retry_interval),
        (&given.stop_grace, TimingBuilder::stop_grace),
        (&given.request_limit, TimingBuilder::request_limit),
    ];
    let mut builder = Timing::builder();
    let mut places = Vec::new();
    for (duration, set) in durations {
        if let Some(duration) = duration {
            builder = set(builder, duration.value);
            places.push(duration.place());
        }
    }
    builder.build().map_err(|error| {
        let places = places.join("; ");
        ConfigError::new(format!("{error} (the durations are from: {places})"))
    })
}
