//! Many tasks asking at the same moment.

use std::{sync::Arc, time::Duration};

use election_core::{Acquired, Candidate, ElectionName};
use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    check::Judgement,
    client::{Call, Client},
};

/// Runs all tasks beside each other and returns what they returned, in the order they were given.
pub(super) async fn together<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = Judgement<T>> + Send + 'static>,
) -> Judgement<Vec<T>> {
    let mut set = JoinSet::new();
    for (place, task) in tasks.into_iter().enumerate() {
        set.spawn(async move { (place, task.await) });
    }
    let mut outcomes = Vec::with_capacity(set.len());
    while let Some(joined) = set.join_next().await {
        let (place, outcome) = joined?;
        outcomes.push((place, outcome?));
    }
    outcomes.sort_by_key(|(place, _)| *place);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Lets each client acquire `election` for its candidate, all at the same moment.
pub(super) async fn all_acquire(
    contenders: &[(Client, Candidate)],
    election: &ElectionName,
    ttl: Duration,
) -> Judgement<Vec<Call<Acquired>>> {
    let start = Arc::new(Barrier::new(contenders.len()));
    let tasks = contenders.iter().cloned().map(|(client, candidate)| {
        let (start, election) = (Arc::clone(&start), election.clone());
        async move {
            start.wait().await;
            client.acquire(&election, &candidate, ttl).await
        }
    });
    together(tasks).await
}
