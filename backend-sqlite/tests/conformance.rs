//! Holds the store to the contract: every client is a connection of its own to one file.

use std::{process::ExitCode, sync::Arc, time::Duration};

use election_backend_sqlite::{SqliteConfig, SqliteStore};
use election_conformance::{BoxError, Harness};
use election_core::LeaseStore;
use tempfile::TempDir;

struct Sqlite {
    directory: TempDir,
}

#[async_trait::async_trait]
impl Harness for Sqlite {
    fn name(&self) -> String {
        "SqliteStore, one file in a temporary directory".to_owned()
    }

    async fn client(&self) -> Result<Arc<dyn LeaseStore>, BoxError> {
        // Waiting long for one another, as a busy machine is none of the store's faults.
        let config = SqliteConfig::new(self.directory.path().join("leases.db"))
            .busy_limit(Duration::from_secs(20));
        Ok(Arc::new(SqliteStore::open(config).await?))
    }
}

fn main() -> ExitCode {
    election_conformance::main(async || {
        let directory = tempfile::tempdir()?;
        Ok(Sqlite { directory })
    })
}
