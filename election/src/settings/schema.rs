//! The one list of settings.
//!
//! A setting added here can be given in a TOML file, in the environment, as a flag and in code, is
//! merged, explained, and named among the known ones when somebody misspells it.

use std::{fmt, path::PathBuf, time::Duration};

use election_core::{CandidateId, Metadata};

use super::{
    Settings,
    error::{ConfigError, Origin},
    store_url::StoreUrl,
    value::{Raw, Value},
};

/// One setting: what it is called, what it does and what it is when nobody gives it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Setting {
    /// Its name in a TOML file: `lease_duration`.
    pub key: &'static str,
    /// What it does, in one sentence for a help text.
    pub help: &'static str,
    /// What stands for its value in a help text: `DURATION`.
    pub value_name: &'static str,
    /// What it is when nobody gives it, in words.
    pub default: &'static str,
    /// The value in force, without secrets.
    pub(super) in_force: fn(&Settings) -> String,
}

impl Setting {
    /// Its name in the environment: `ELECT_LEASE_DURATION` for the prefix `ELECT`.
    #[must_use]
    pub fn variable(&self, prefix: &str) -> String {
        format!("{prefix}_{}", self.key.to_ascii_uppercase())
    }

    /// Its name on a command line, without the dashes in front: `lease-duration`.
    #[must_use]
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }
}

/// The value of a setting and where it was given.
#[derive(Clone, Debug)]
pub(super) struct Given<T> {
    pub(super) key: &'static str,
    pub(super) value: T,
    pub(super) origin: Origin,
}

impl<T> Given<T> {
    pub(super) fn place(&self) -> String {
        self.origin.place(self.key)
    }

    pub(super) fn refuse(&self, problem: impl fmt::Display) -> ConfigError {
        self.origin.refuse(self.key, problem)
    }

    pub(super) fn contradicts<U>(&self, other: &Given<U>) -> ConfigError {
        ConfigError::new(format!(
            "{} and {} contradict each other: remove one of them, or give both the same value",
            self.place(),
            other.place()
        ))
    }
}

macro_rules! schema {
    ($(
        #[doc = $help:literal]
        $key:ident: $type:ty = $value_name:literal, default $default:literal, in force $shown:expr;
    )+) => {
        /// Every setting there is.
        pub const SCHEMA: &[Setting] = &[$(
            Setting {
                key: stringify!($key),
                help: $help.trim_ascii(),
                value_name: $value_name,
                default: $default,
                in_force: $shown,
            },
        )+];

        /// Settings of one source, each of them optional.
        ///
        /// [`Settings::resolve`] lays one layer over another. The methods named after settings give
        /// them in code; read [`SCHEMA`] for the list.
        #[derive(Clone, Debug, Default)]
        pub struct Layer {
            $(pub(super) $key: Option<Given<$type>>,)+
            /// Where the default store is kept, known if an environment was read.
            pub(super) state_directory: Option<PathBuf>,
        }

        impl Layer {
            $(
                #[doc = $help]
                #[must_use]
                pub fn $key(mut self, $key: $type) -> Self {
                    let (value, origin) = ($key, Origin::Code);
                    self.$key = Some(Given { key: stringify!($key), value, origin });
                    self
                }
            )+

            /// Reads one setting from a source that has only words for it.
            pub(super) fn read(
                &mut self,
                key: &str,
                raw: &Raw,
                origin: Origin,
            ) -> Result<(), ConfigError> {
                match key {
                    $(stringify!($key) => {
                        let value = Value::read(raw).map_err(|problem| origin.refuse(key, problem))?;
                        self.$key = Some(Given { key: stringify!($key), value, origin });
                    })+
                    _ => return Err(origin.refuse(key, unknown())),
                }
                Ok(())
            }

            /// All settings of this layer, and those of the lower one this layer does not give.
            pub(super) fn over(self, mut lower: Self) -> Self {
                if self.names_store() {
                    // Two ways to give one setting: the lower layer's other way is overruled too.
                    (lower.store, lower.store_file) = (None, None);
                }
                self.or(lower)
            }

            /// The settings of two names for the same source, which must not contradict each other.
            pub(super) fn beside(self, other: Self) -> Result<Self, ConfigError> {
                $(if let (Some(one), Some(two)) = (&self.$key, &other.$key) {
                    if one.value != two.value {
                        return Err(one.contradicts(two));
                    }
                })+
                Ok(self.or(other))
            }

            fn or(self, other: Self) -> Self {
                Self {
                    $($key: self.$key.or(other.$key),)+
                    state_directory: self.state_directory.or(other.state_directory),
                }
            }

            /// Where a setting was given, if it was.
            pub(super) fn origin(&self, key: &str) -> Option<&Origin> {
                match key {
                    $(stringify!($key) => self.$key.as_ref().map(|given| &given.origin),)+
                    _ => None,
                }
            }
        }
    };
}

schema! {
    /// The store that remembers who leads: a URL, or a libpq connection string.
    store: StoreUrl = "URL",
        default "a file in the user's state directory",
        in force |settings| settings.store.to_string();
    /// A file that holds the store's URL, for instance a mounted secret.
    store_file: PathBuf = "FILE",
        default "none",
        in force |settings| match &settings.given.store_file {
            Some(file) => file.value.display().to_string(),
            None => NONE.to_owned(),
        };
    /// The name of this candidate, which must differ from that of every other one.
    id: CandidateId = "ID",
        default "host name, process id and a random part",
        in force |settings| settings.id.to_string();
    /// Whether there is an election at all: without one, everybody may act as leader.
    enabled: bool = "BOOL",
        default "true",
        in force |settings| settings.enabled.to_string();
    /// How long a lease lasts that is not renewed.
    lease_duration: Duration = "DURATION",
        default "15s",
        in force |settings| format!("{:?}", settings.timing.ttl());
    /// How often a leader renews its lease.
    renew_interval: Duration = "DURATION",
        default "a third of the lease duration",
        in force |settings| format!("{:?}", settings.timing.renew_interval());
    /// How often a follower tries to become leader.
    retry_interval: Duration = "DURATION",
        default "2/15 of the lease duration",
        in force |settings| format!("{:?}", settings.timing.retry_interval());
    /// How long before the end of its trust in the lease a leader is told to stop its work.
    stop_grace: Duration = "DURATION",
        default "a twentieth of the lease duration",
        in force |settings| format!("{:?}", settings.timing.stop_grace());
    /// How long one call of the store may take.
    request_limit: Duration = "DURATION",
        default "what leaves room for three attempts to renew",
        in force |settings| format!("{:?}", settings.timing.request_limit());
    /// What this candidate tells those who ask who leads: a small JSON object.
    metadata: Metadata = "JSON",
        default "none",
        in force |settings| match &settings.given.metadata {
            Some(metadata) => metadata.value.as_json().to_owned(),
            None => NONE.to_owned(),
        };
    /// The address this candidate is reached at; told as `address` in its metadata.
    advertise: String = "ADDRESS",
        default "none",
        in force |settings| match &settings.given.advertise {
            Some(address) => address.value.escape_debug().to_string(),
            None => NONE.to_owned(),
        };
}

const NONE: &str = "none";

fn unknown() -> String {
    let known: Vec<_> = SCHEMA.iter().map(|setting| setting.key).collect();
    format!("there is no such setting: use one of {}", known.join(", "))
}
