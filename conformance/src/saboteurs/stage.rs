//! The harness of the model: a world of its own, whose server suffers what it is told to.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use election_core::{Disaster, ElectionName, FencingToken, LeaseStore};

use super::{
    flaw::Flaw,
    model::Model,
    world::{PASSWORD, World},
};
use crate::{
    harness::{BoxError, Harness, Scale, Server, Unable},
    time::Time,
};

/// A world with one model store in it, flawless or flawed.
#[derive(Debug)]
pub struct Stage {
    world: Arc<World>,
}

impl Stage {
    /// A world in which nothing has happened yet.
    #[must_use]
    pub fn new(flaw: Option<Flaw>) -> Self {
        Self {
            world: Arc::new(World::new(flaw)),
        }
    }
}

#[async_trait]
impl Harness for Stage {
    fn name(&self) -> String {
        match self.world.flaw() {
            None => "the model".to_owned(),
            Some(flaw) => format!("the model with the flaw {flaw}"),
        }
    }

    async fn client(&self) -> Result<Arc<dyn LeaseStore>, BoxError> {
        Ok(Arc::new(Model::new(Arc::clone(&self.world))))
    }

    fn time(&self) -> Time {
        Time::ByHand(self.world.clock())
    }

    fn namespace(&self) -> String {
        "saboteur/".to_owned()
    }

    fn scale(&self) -> Scale {
        Scale::Short
    }

    /// Long enough for a busy machine, as no call of the model waits for anything real.
    fn call_limit(&self) -> Duration {
        Duration::from_secs(8)
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned()]
    }

    fn server(&self) -> Option<&dyn Server> {
        Some(self)
    }
}

#[async_trait]
impl Server for Stage {
    async fn inflict(&self, disaster: Disaster) -> Result<(), Unable> {
        self.world.suffer(disaster);
        Ok(())
    }

    async fn pause(&self) -> Result<(), Unable> {
        self.world.pause();
        Ok(())
    }

    async fn resume(&self) -> Result<(), Unable> {
        self.world.resume();
        Ok(())
    }

    async fn set_last_token(
        &self,
        election: &ElectionName,
        last: FencingToken,
    ) -> Result<(), Unable> {
        self.world.set_last_token(election, last);
        Ok(())
    }

    async fn delete(&self, election: &ElectionName) -> Result<(), Unable> {
        self.world.delete(election);
        Ok(())
    }
}
