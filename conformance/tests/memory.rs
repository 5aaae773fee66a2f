//! The reference store, by a clock turned by hand: instant, and exact to the nanosecond.

use std::{process::ExitCode, sync::Arc};

use election_conformance::{BoxError, Harness, Time};
use election_core::{LeaseStore, ManualClock, MemoryStore};

struct Memory {
    clock: Arc<ManualClock>,
    store: MemoryStore,
}

#[async_trait::async_trait]
impl Harness for Memory {
    fn name(&self) -> String {
        "MemoryStore, clock turned by hand".to_owned()
    }

    async fn client(&self) -> Result<Arc<dyn LeaseStore>, BoxError> {
        Ok(Arc::new(self.store.clone()))
    }

    fn time(&self) -> Time {
        Time::ByHand(Arc::clone(&self.clock))
    }
}

fn main() -> ExitCode {
    election_conformance::main(async || {
        let clock = Arc::new(ManualClock::new());
        let store = MemoryStore::new(clock.clone());
        Ok(Memory { clock, store })
    })
}
