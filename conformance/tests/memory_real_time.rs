//! The reference store, by the clock that electors use.

use std::{process::ExitCode, sync::Arc};

use election_clock::BootClock;
use election_conformance::{BoxError, Harness};
use election_core::{LeaseStore, MemoryStore};

struct Memory(MemoryStore);

#[async_trait::async_trait]
impl Harness for Memory {
    fn name(&self) -> String {
        "MemoryStore, boot clock".to_owned()
    }

    async fn client(&self) -> Result<Arc<dyn LeaseStore>, BoxError> {
        Ok(Arc::new(self.0.clone()))
    }
}

fn main() -> ExitCode {
    election_conformance::main(async || Ok(Memory(MemoryStore::new(Arc::new(BootClock)))))
}
