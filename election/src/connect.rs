//! From a URL to a store.

use std::sync::Arc;

use election_clock::BootClock;
use election_core::{LeaseStore, MemoryStore, StoreError};

use crate::settings::{Settings, StoreUrl};

/// Opens the store a URL names, by the backends this build has.
///
/// | URL | store | feature |
/// |---|---|---|
/// | `sqlite:/path/to/file` | embedded, for the processes of one host | `sqlite` |
/// | `redis://host:6379/0`, `rediss://…`, `redis+unix:///path` | a Redis or Valkey server | `redis`, and `tls` for `rediss` |
/// | `memory:` | this process alone, for tests and trials | always |
///
/// # Errors
///
/// A `Fatal` [`StoreError`] if the scheme is unknown (it lists the known ones), if its feature is
/// off (it names the feature), or if the URL is wrong; any kind if the store cannot be opened. No
/// error shows a password.
///
/// # Cancel safety
///
/// Cancel safe: a connection half made is closed.
pub async fn connect(url: &str) -> Result<Arc<dyn LeaseStore>, StoreError> {
    let url = StoreUrl::parse(url).map_err(|error| StoreError::fatal(error.to_string()))?;
    match url.scheme() {
        "memory" => Ok(Arc::new(MemoryStore::new(Arc::new(BootClock)))),
        "sqlite" => sqlite(url.expose()).await,
        "redis" | "rediss" | "redis+unix" | "unix" | "valkey" | "valkeys" => {
            redis(url.expose()).await
        }
        other => Err(StoreError::fatal(format!(
            "there is no store for `{other}:`: begin the store URL with one of {}",
            schemes().join(", ")
        ))),
    }
}

impl Settings {
    /// Opens the store these settings name; the default one gets its directory if it has none yet.
    ///
    /// # Errors
    ///
    /// As [`connect()`].
    ///
    /// # Cancel safety
    ///
    /// As [`connect()`].
    pub async fn connect(&self) -> Result<Arc<dyn LeaseStore>, StoreError> {
        if let Some(directory) = self.default_store_directory() {
            std::fs::create_dir_all(&directory).map_err(|error| {
                StoreError::fatal(format!(
                    "the directory {} for the default store cannot be made ({error}): make it, or \
                     name another store",
                    directory.display()
                ))
            })?;
        }
        connect(self.store.expose()).await
    }
}

/// The schemes this build can connect to.
#[must_use]
pub fn schemes() -> Vec<&'static str> {
    let sqlite: &[&str] = if cfg!(feature = "sqlite") {
        &["sqlite:"]
    } else {
        &[]
    };
    [sqlite, &["memory:"]].concat()
}

#[cfg(feature = "sqlite")]
async fn sqlite(url: &str) -> Result<Arc<dyn LeaseStore>, StoreError> {
    use election_backend_sqlite::{SqliteConfig, SqliteStore};
    Ok(Arc::new(
        SqliteStore::open(SqliteConfig::from_url(url)?).await?,
    ))
}

#[cfg(not(feature = "sqlite"))]
async fn sqlite(_: &str) -> Result<Arc<dyn LeaseStore>, StoreError> {
    Err(switched_off("sqlite"))
}

#[cfg(feature = "redis")]
async fn redis(url: &str) -> Result<Arc<dyn LeaseStore>, StoreError> {
    use election_backend_redis::{RedisConfig, RedisStore};
    Ok(Arc::new(
        RedisStore::connect(RedisConfig::from_url(url)?).await?,
    ))
}

#[cfg(not(feature = "redis"))]
async fn redis(_: &str) -> Result<Arc<dyn LeaseStore>, StoreError> {
    Err(switched_off("redis"))
}

#[cfg(not(all(feature = "sqlite", feature = "redis")))]
fn switched_off(feature: &str) -> StoreError {
    StoreError::fatal(format!(
        "this program was built without the store `{feature}`: turn on the feature `{feature}` of \
         the crate `election` and build it again"
    ))
}
