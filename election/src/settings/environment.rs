//! Layers read from environment variables, their older names included.
//!
//! Every setting `x` has the variable `<PREFIX>_X`. Besides, the variables of two kinds of programs
//! that elected their leader with a Redis key of their own go on working. They come in two sorts:
//!
//! - **Other names** of a setting ([`ALIASES`]). Both names may be set, but not differently.
//! - **Connections** the program has anyway ([`connection`]), which serve as the store if nothing
//!   else names one. A Redis connection comes first: a program that has both elects its leader in
//!   Redis and keeps its data in Postgres. Naming the store explicitly overrules them in silence,
//!   since the program may well need them for something else.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    error::{ConfigError, Origin},
    layer::utf8,
    schema::{Layer, SCHEMA},
    value::Raw,
};

/// Other names of settings, without the prefix.
const ALIASES: [(&str, &str, Unit); 6] = [
    ("LEADER_ELECTION_ENABLED", "enabled", Unit::Written),
    ("HA_ENABLED", "enabled", Unit::Written),
    ("INSTANCE_ID", "id", Unit::Written),
    ("LEADER_LEASE_DURATION", "lease_duration", Unit::Written),
    ("HA_LOCK_TTL_MS", "lease_duration", Unit::Milliseconds),
    ("HA_RENEW_INTERVAL_MS", "renew_interval", Unit::Milliseconds),
];

/// How a variable gives its unit.
#[derive(Clone, Copy)]
enum Unit {
    /// In its value, if there is one.
    Written,
    /// In its name.
    Milliseconds,
}

/// The variables of this process: the one place where the environment is read.
///
/// For [`Layer::from_environment`].
#[must_use]
pub fn process_environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}

impl Layer {
    /// Reads the variables that begin with `prefix` and `_`; an empty one counts as unset.
    ///
    /// Besides, it learns from `XDG_STATE_HOME` and `HOME` (`LOCALAPPDATA` on Windows) where the
    /// default store is to be kept. A layer without an environment has no default store.
    ///
    /// | variable | stands for |
    /// |---|---|
    /// | `…_LEADER_ELECTION_ENABLED`, `…_HA_ENABLED` | `enabled` |
    /// | `…_INSTANCE_ID` | `id` |
    /// | `…_LEADER_LEASE_DURATION`, `…_HA_LOCK_TTL_MS` | `lease_duration` |
    /// | `…_HA_RENEW_INTERVAL_MS` | `renew_interval` |
    /// | `…_REDIS_URL`, or `…_REDIS_ADDR` with `…_REDIS_PASSWORD` and `…_REDIS_DB` | `store`, if nothing else in the environment names one |
    /// | `…_DB_DSN`, if `…_DB_BACKEND` is `postgres` | `store`, if there is no Redis either |
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with the variable's name, if its value is not UTF-8 or not one its setting can
    /// have; with two names, if two variables for one setting differ; and if the prefix is not made
    /// of ASCII letters, digits and underscores.
    pub fn from_environment(
        prefix: &str,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let variables = Variables::new(prefix, variables)?;
        let mut layer = Self::new();
        for setting in SCHEMA {
            let name = setting.key.to_ascii_uppercase();
            layer = layer.beside(variables.layer(&name, setting.key, Unit::Written)?)?;
        }
        for (name, key, unit) in ALIASES {
            layer = layer.beside(variables.layer(name, key, unit)?)?;
        }
        if !layer.names_store() {
            layer = layer.beside(connection(&variables)?)?;
        }
        layer.state_directory = variables.state_directory();
        Ok(layer)
    }
}

/// The store a program's own connections make.
fn connection(variables: &Variables<'_>) -> Result<Layer, ConfigError> {
    let url = variables.layer("REDIS_URL", "store", Unit::Written)?;
    let redis = url.beside(redis_address(variables)?)?;
    if redis.names_store() {
        return Ok(redis);
    }
    let postgres = postgres(variables)?;
    if postgres.names_store() {
        return Ok(postgres);
    }
    // Half a connection must not end as a store of this host's own: every host would have a leader.
    variables.refuse_without("REDIS_PASSWORD", "REDIS_ADDR")?;
    variables.refuse_without("REDIS_DB", "REDIS_ADDR")?;
    Ok(Layer::new())
}

/// All but the characters RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn redis_address(variables: &Variables<'_>) -> Result<Layer, ConfigError> {
    let Some(address) = variables.text("REDIS_ADDR")? else {
        return Ok(Layer::new());
    };
    let origin = variables.origin("REDIS_ADDR");
    let address = address.trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    if !address.chars().all(fits) {
        let url = variables.name("REDIS_URL");
        let problem = format!("is not host:port: write it so, or give a URL in {url}");
        return Err(origin.refuse("store", problem));
    }
    let password = match variables.text("REDIS_PASSWORD")? {
        Some(password) => format!(":{}@", utf8_percent_encode(&password, RESERVED)),
        None => String::new(),
    };
    let database: u32 = match variables.text("REDIS_DB")? {
        Some(number) => number.trim().parse().map_err(|_| {
            let origin = variables.origin("REDIS_DB");
            origin.refuse(
                "store",
                "is not the number of a database: write one such as 0",
            )
        })?,
        None => 0,
    };
    let mut layer = Layer::new();
    let url = format!("redis://{password}{address}/{database}");
    layer.read("store", &Raw::Text(url), origin)?;
    Ok(layer)
}

fn postgres(variables: &Variables<'_>) -> Result<Layer, ConfigError> {
    match variables.text("DB_BACKEND")?.as_deref().map(str::trim) {
        Some("postgres" | "postgresql") => {
            variables.refuse_without("DB_BACKEND", "DB_DSN")?;
            variables.layer("DB_DSN", "store", Unit::Written)
        }
        // Another database holds the program's data and cannot hold an election.
        _ => Ok(Layer::new()),
    }
}

/// Variables that are set to something, seen through a prefix.
struct Variables<'a> {
    prefix: &'a str,
    values: BTreeMap<String, OsString>,
}

impl<'a> Variables<'a> {
    fn new(
        prefix: &'a str,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if prefix.is_empty() || !prefix.bytes().all(fits) {
            return Err(ConfigError::new(
                "the prefix of environment variables is made of ASCII letters, digits and \
                 underscores: write one such as ELECT",
            ));
        }
        let values = variables
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        Ok(Self { prefix, values })
    }

    fn name(&self, name: &str) -> String {
        format!("{}_{name}", self.prefix)
    }

    fn origin(&self, name: &str) -> Origin {
        Origin::Environment(self.name(name))
    }

    fn text(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let value = self.values.get(&self.name(name));
        value
            .map(|value| utf8(value, name, &self.origin(name)))
            .transpose()
    }

    /// What one variable gives: one setting or none.
    fn layer(&self, name: &str, key: &str, unit: Unit) -> Result<Layer, ConfigError> {
        let mut layer = Layer::new();
        let Some(text) = self.text(name)? else {
            return Ok(layer);
        };
        let origin = self.origin(name);
        let text = match unit {
            Unit::Written => text,
            Unit::Milliseconds => {
                let number: u64 = text.trim().parse().map_err(|_| {
                    let problem = "is not a whole number of milliseconds: write one such as 10000";
                    origin.refuse(key, problem)
                })?;
                format!("{number}ms")
            }
        };
        layer.read(key, &Raw::Text(text), origin)?;
        Ok(layer)
    }

    fn refuse_without(&self, name: &str, missing: &str) -> Result<(), ConfigError> {
        let is_set = |name| self.values.contains_key(&self.name(name));
        if !is_set(name) || is_set(missing) {
            return Ok(());
        }
        let (missing, store) = (self.name(missing), self.name("STORE"));
        let problem = format!("means nothing without {missing}: set that too, or set {store}");
        Err(self.origin(name).refuse("store", problem))
    }

    /// The directory where programs keep what must survive a restart of the host.
    fn state_directory(&self) -> Option<PathBuf> {
        let directory = |name: &str| {
            let path = PathBuf::from(self.values.get(name)?);
            path.is_absolute().then_some(path)
        };
        if cfg!(windows) {
            directory("LOCALAPPDATA")
        } else if cfg!(target_vendor = "apple") {
            Some(directory("HOME")?.join("Library/Application Support"))
        } else {
            directory("XDG_STATE_HOME").or_else(|| Some(directory("HOME")?.join(".local/state")))
        }
    }
}
