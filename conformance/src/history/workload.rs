//! Clients that play at random with the elections of one store, and are written down.

use std::{
    collections::HashMap,
    ops::RangeInclusive,
    panic::resume_unwind,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use election_clock::BootClock;
use election_core::{
    Acquired, Candidate, CandidateId, Clock, ElectionName, Incarnation, Lease, LeaseStore,
    Metadata, Renewed,
};
use tokio::task::JoinSet;

use super::{call::History, chance::Chance, detour::Detour, recorder::Recorder};
use crate::time::Time;

/// How many leases the players remember together, so that stale ones are tried as well.
const REMEMBERED: usize = 32;

/// A random workload: the same seed makes the same choices.
///
/// Each client acquires, renews, releases and reads in random order, with its own lease, with those
/// of others and of former terms, and with forged ones; drops some calls half-way; comes back under
/// the same id as another incarnation; and lets time pass, sometimes beyond the end of a lease. On a
/// runtime with one thread and a clock turned by hand, the same seed makes the same history.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Where all chance comes from.
    pub seed: u64,
    /// The elections played with. Nobody else may touch them.
    pub elections: Vec<ElectionName>,
    /// When each client stops.
    pub length: Length,
    /// The times to live asked for, in whole multiples of the shorter one.
    pub ttl: RangeInclusive<Duration>,
    /// The longest pause between two calls of one client.
    pub pause: Duration,
    /// How many of a hundred calls are dropped before they have an answer, if they take that long.
    pub drops: u32,
    /// How often a call may yield to others before, and again after, it reaches the store.
    ///
    /// Stores that answer without waiting need this to have calls overlap at all.
    pub detour: u32,
    /// A call that takes longer is dropped.
    pub patience: Duration,
}

/// When a client of a [`Workload`] stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// After so many calls.
    Calls(usize),
    /// After so long by the clock of the history.
    Lasting(Duration),
}

impl Workload {
    /// Two hundred calls of each client: leases of 20 to 60 ms, pauses up to 10 ms, a tenth dropped.
    #[must_use]
    pub fn new(seed: u64, elections: Vec<ElectionName>) -> Self {
        Self {
            seed,
            elections,
            length: Length::Calls(200),
            ttl: Duration::from_millis(20)..=Duration::from_millis(60),
            pause: Duration::from_millis(10),
            drops: 10,
            detour: 3,
            patience: Duration::from_secs(10),
        }
    }

    /// Plays with these clients of one store, all at the same time, and tells what happened.
    ///
    /// `time` is the store's: leases are judged by it.
    ///
    /// # Panics
    ///
    /// Where a store panics, so does this; and without an election there is nothing to play with.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any await: the clients stop where they are, and the history is lost.
    pub async fn run(&self, clients: &[Arc<dyn LeaseStore>], time: &Time) -> History {
        let clock: Arc<dyn Clock> = match time {
            Time::Real => Arc::new(BootClock),
            Time::ByHand(clock) => Arc::clone(clock) as Arc<dyn Clock>,
        };
        let recorder = Recorder::new(clock);
        let seen = Arc::default();
        let mut players = JoinSet::new();
        for (place, store) in clients.iter().enumerate() {
            let mut chance = Chance::new(self.seed, place as u64);
            let label = (place + 1).to_string();
            let store = Arc::new(Detour::new(Arc::clone(store), self.detour, chance.fork()));
            let player = Player {
                workload: self.clone(),
                store: Arc::new(recorder.client(&label, store)),
                time: time.clone(),
                candidate: candidate(&label, &mut chance),
                label,
                chance,
                own: HashMap::new(),
                seen: Arc::clone(&seen),
            };
            players.spawn(player.play());
        }
        while let Some(ended) = players.join_next().await {
            if let Err(error) = ended
                && let Ok(panic) = error.try_into_panic()
            {
                resume_unwind(panic);
            }
        }
        recorder.history()
    }
}

/// Leases that anybody was granted or shown, the latest last.
type Seen = Arc<Mutex<Vec<Lease>>>;

struct Player {
    workload: Workload,
    label: String,
    store: Arc<dyn LeaseStore>,
    time: Time,
    candidate: Candidate,
    chance: Chance,
    own: HashMap<ElectionName, Lease>,
    seen: Seen,
}

impl Player {
    async fn play(mut self) {
        let begun = self.time.now();
        let mut calls = 0;
        while match self.workload.length {
            Length::Calls(limit) => calls < limit,
            Length::Lasting(limit) => self.time.now().saturating_since(begun) < limit,
        } {
            self.call().await;
            calls += 1;
            if self.chance.percent(2) {
                self.candidate = candidate(&self.label, &mut self.chance);
            }
            self.pause().await;
        }
    }

    /// One call of a random kind.
    async fn call(&mut self) {
        let Some(election) = self.chance.pick(&self.workload.elections).cloned() else {
            panic!("a workload needs an election: name at least one");
        };
        let store = Arc::clone(&self.store);
        let lease = self.lease(&election);
        match (self.chance.below(100), lease) {
            (0..35, Some(lease)) => {
                let ttl = self.ttl();
                let answer = self.await_or_drop(store.renew(&lease, ttl)).await;
                if let Some(Ok(Renewed::Lost(Some(found)))) = answer {
                    self.learn(found.lease);
                }
            }
            (35..50, Some(lease)) => {
                // What became of it is in the history.
                let _ = self.await_or_drop(store.release(&lease)).await;
            }
            (50..65, _) => {
                let answer = self.await_or_drop(store.read(&election)).await;
                if let Some(Ok(Some(found))) = answer {
                    self.learn(found.lease);
                }
            }
            _ => {
                let (candidate, ttl) = (self.candidate.clone(), self.ttl());
                let call = store.acquire(&election, &candidate, ttl);
                match self.await_or_drop(call).await {
                    Some(Ok(Acquired::Granted { lease, .. })) => {
                        self.learn(lease.clone());
                        self.own.insert(election, lease);
                    }
                    Some(Ok(Acquired::Held(found))) => self.learn(found.lease),
                    Some(Err(_)) | None => {}
                }
            }
        }
    }

    /// The answer, or `None` if the call was dropped before.
    async fn await_or_drop<T>(&mut self, call: impl Future<Output = T>) -> Option<T> {
        if !self.chance.percent(self.workload.drops) {
            return tokio::time::timeout(self.workload.patience, call)
                .await
                .ok();
        }
        let yields = self.chance.below(2 * u64::from(self.workload.detour) + 2);
        let waits = match self.time {
            Time::Real => self.chance.up_to(self.workload.pause),
            Time::ByHand(_) => Duration::ZERO,
        };
        let impatience = async {
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
            if !waits.is_zero() {
                tokio::time::sleep(waits).await;
            }
        };
        tokio::select! {
            biased;
            answer = call => Some(answer),
            () = impatience => None,
        }
    }

    /// A lease to renew or release: mostly the own one.
    fn lease(&mut self, election: &ElectionName) -> Option<Lease> {
        let own = self.own.get(election).cloned();
        if own.is_some() && self.chance.percent(70) {
            return own;
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let of_it: Vec<&Lease> = seen.iter().filter(|l| l.election == *election).collect();
        let mut lease = (*self.chance.pick(&of_it)?).clone();
        if self.chance.percent(30) {
            lease.holder = self.candidate.holder();
        }
        Some(lease)
    }

    fn learn(&mut self, lease: Lease) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() == REMEMBERED {
            seen.remove(0);
        }
        seen.push(lease);
    }

    fn ttl(&mut self) -> Duration {
        let (shortest, longest) = (self.workload.ttl.start(), self.workload.ttl.end());
        let multiples = longest.as_nanos() / shortest.as_nanos().max(1);
        let multiples = u64::try_from(multiples).unwrap_or(1).max(1);
        let times = 1 + self.chance.below(multiples);
        shortest.saturating_mul(u32::try_from(times).unwrap_or(1))
    }

    async fn pause(&mut self) {
        let longest = self.workload.pause;
        let pause = match self.chance.below(100) {
            0..50 => return tokio::task::yield_now().await,
            50..98 => self.chance.up_to(longest),
            // Now and then long enough for a lease to end.
            _ => longest + self.chance.up_to(*self.workload.ttl.end()),
        };
        self.time.until(self.time.now().plus(pause)).await;
    }
}

/// The client as a new incarnation, told from its others by its metadata as well.
fn candidate(label: &str, chance: &mut Chance) -> Candidate {
    let run = chance.below(1 << 20);
    let words = (
        CandidateId::new(&format!("client-{label}")),
        Metadata::default().with("run", run),
    );
    let (Ok(id), Ok(metadata)) = words else {
        unreachable!("a short id and a number are always accepted");
    };
    Candidate {
        id,
        incarnation: Incarnation(u128::from(run)),
        metadata,
    }
}
