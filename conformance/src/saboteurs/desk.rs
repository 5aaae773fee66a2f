//! How the model's server decides. Every decision asks for its flaw.

use std::time::Duration;

use election_core::{
    Acquired, Candidate, CandidateId, Clock, ElectionName, FencingToken, Hint, Instant, Lease,
    LeaseRecord, Metadata, Released, Renewed, StoreError,
};
use futures_channel::mpsc;

use super::{
    distortion::CUT_TTL,
    flaw::Flaw,
    world::{Election, Held, World},
};

/// What is asked of the server. A client's number stands for its connection.
impl World {
    pub(super) fn acquire(
        &self,
        client: u64,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        let (mut books, now) = (self.books(), self.clock.now());
        let floor = books.floor;
        let state = self.election(&mut books, election);
        if let Some(held) = state.in_force(now).cloned() {
            let own = self.same(&held.lease.holder, &candidate.holder());
            if !own || self.has(Flaw::RefusesItsHolder) {
                if self.has(Flaw::ProlongsWhenAsked) {
                    state.held = Some(Held {
                        expires_at: held.expires_at.max(now.plus(CUT_TTL)),
                        ..held.clone()
                    });
                }
                return Ok(Acquired::Held(self.refusal(&held, candidate, ttl, now)));
            }
        }
        self.grant(state, floor, client, election, candidate, ttl)
    }

    /// Grants without looking whether the election is free.
    pub(super) fn take(
        &self,
        client: u64,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        let mut books = self.books();
        let floor = books.floor;
        let state = self.election(&mut books, election);
        self.grant(state, floor, client, election, candidate, ttl)
    }

    fn grant(
        &self,
        state: &mut Election,
        floor: u64,
        client: u64,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        let now = self.clock.now();
        let own = state.in_force(now).cloned();
        if self.has(Flaw::ForgetsTokensOnExpiry) && state.held.is_some() && own.is_none() {
            state.last_token = 0;
        }
        let token = self.next_token(state, floor, client, own.as_ref())?;
        let mut holder = candidate.holder();
        if self.has(Flaw::FoldsIds) {
            let folded = holder.id.as_str().to_lowercase();
            holder.id = CandidateId::new(&folded).unwrap_or(holder.id);
        }
        let (kept, reported) = self.granted_ttl(ttl);
        let end = now.plus(kept);
        let expires_at = match &own {
            Some(own) if self.has(Flaw::KeepsTheEndOnReacquire) => own.expires_at,
            _ if self.has(Flaw::EndsEarly) => end.minus(Duration::from_millis(1)),
            _ if self.has(Flaw::EndsLate) => end.plus(kept / 4),
            _ => end,
        };
        let lease = Lease {
            election: election.clone(),
            holder,
            token,
        };
        state.before = state.held.take();
        state.last_token = token.as_u64();
        state.held = Some(Held {
            lease: lease.clone(),
            metadata: self.kept_metadata(&candidate.metadata),
            expires_at,
            client,
            acquires: own.map_or(1, |own| own.acquires + 1),
        });
        self.tell_watchers(state, client);
        Ok(Acquired::Granted {
            lease: Lease {
                holder: candidate.holder(),
                ..lease
            },
            ttl: reported,
        })
    }

    fn next_token(
        &self,
        state: &mut Election,
        floor: u64,
        client: u64,
        own: Option<&Held>,
    ) -> Result<FencingToken, StoreError> {
        if let Some(own) = own.filter(|_| self.has(Flaw::RepeatsTheHoldersToken)) {
            return Ok(own.lease.token);
        }
        let number = if self.has(Flaw::CountsPerClient) {
            let last = state.tokens_of_clients.entry(client).or_default();
            *last += 1;
            *last
        } else {
            state.last_token.max(floor) + 1
        };
        match FencingToken::new(number) {
            Some(token) => Ok(token),
            None if self.has(Flaw::WrapsTokens) => Ok(FencingToken::FIRST),
            None => Err(StoreError::fatal("the tokens of this election are used up")),
        }
    }

    pub(super) fn renew(&self, lease: &Lease, ttl: Duration) -> Renewed {
        let (mut books, now) = (self.books(), self.clock.now());
        let known = books.elections.contains_key(&self.key(&lease.election));
        if self.has(Flaw::RenewsAllOfAHolder) {
            for held in books.elections.values_mut().filter_map(|e| e.held.as_mut()) {
                if held.lease.holder == lease.holder && now < held.expires_at {
                    held.expires_at = held.expires_at.max(now.plus(ttl));
                }
            }
        }
        let state = self.election(&mut books, &lease.election);
        let from_nothing = state.held.is_none()
            && (known && state.last_token > 0 && self.has(Flaw::RenewsTheReleased)
                || state.last_token == 0 && self.has(Flaw::RenewsFromNothing));
        let stranger = state.in_force(now).is_some_and(|held| held.lease != *lease);
        if from_nothing || stranger && self.has(Flaw::OverwritesAStranger) {
            state.held = Some(Held {
                lease: lease.clone(),
                metadata: Metadata::default(),
                expires_at: now.plus(ttl),
                client: 0,
                acquires: 1,
            });
        }
        let ended = state.in_force(now).is_none() && !self.has(Flaw::RenewsTheExpired);
        let Some(held) = state.held.as_mut().filter(|_| !ended) else {
            return Renewed::Lost(None);
        };
        if self.may_renew(held, lease) {
            state.before = Some(held.clone());
            state.renewals += 1;
            let (kept, reported) = self.granted_ttl(ttl);
            self.extend(held, now, kept);
            return Renewed::Extended { ttl: reported };
        }
        let record = self.record(held, now);
        if self.has(Flaw::ExtendsAStranger) {
            held.expires_at = held.expires_at.max(now.plus(ttl));
        }
        if self.has(Flaw::FreesOnAFailedRenewal) {
            state.held = None;
        }
        Renewed::Lost(Some(record).filter(|_| !self.has(Flaw::LosesToNobody)))
    }

    fn may_renew(&self, held: &Held, lease: &Lease) -> bool {
        let namesake = held.lease.holder.id == lease.holder.id && held.lease.token == lease.token;
        self.same_lease(held, lease)
            || self.has(Flaw::RenewsByName)
            || self.has(Flaw::RenewsForNamesakes) && namesake
            || self.has(Flaw::RenewsEveryTokenOfAHolder)
                && self.same(&held.lease.holder, &lease.holder)
    }

    fn extend(&self, held: &mut Held, now: Instant, ttl: Duration) {
        held.expires_at = match self.flaw {
            Some(Flaw::ExtendsNothing) => held.expires_at,
            Some(Flaw::AddsToTheRest) => held.expires_at.plus(ttl),
            Some(Flaw::NeverShortens) => held.expires_at.max(now.plus(ttl)),
            _ => now.plus(ttl),
        };
        if self.has(Flaw::RenewsTheTokenToo) {
            held.lease.token = held.lease.token.next().unwrap_or(held.lease.token);
        }
        if self.has(Flaw::RenewsWithoutMetadata) {
            held.metadata = Metadata::default();
        }
    }

    pub(super) fn release(&self, client: u64, lease: &Lease) -> Result<Released, StoreError> {
        let (mut books, now) = (self.books(), self.clock.now());
        let state = self.election(&mut books, &lease.election);
        let ended = state.in_force(now).is_none() && !self.has(Flaw::ReleasesTheExpired);
        let held = state.held.as_mut().filter(|_| !ended);
        let Some(held) = held.filter(|held| self.may_release(held, lease)) else {
            if self.has(Flaw::FailsOnASecondRelease) {
                return Err(StoreError::fatal("there is no such lease to release"));
            }
            return Ok(Released::NotHeld);
        };
        held.acquires = held.acquires.saturating_sub(1);
        let stacked = held.acquires > 0 && self.has(Flaw::StacksAcquires);
        if stacked || self.has(Flaw::FreesNothing) {
            return Ok(Released::Done);
        }
        state.before = state.held.take();
        if self.has(Flaw::ForgetsTokensOnRelease) {
            state.last_token = 0;
        }
        if !self.has(Flaw::GivesNoHintOfReleases) {
            self.tell_watchers(state, client);
        }
        if self.has(Flaw::ReleasesAllOfAHolder) {
            for other in books.elections.values_mut() {
                other.held.take_if(|held| held.lease.holder == lease.holder);
            }
        }
        Ok(Released::Done)
    }

    fn may_release(&self, held: &Held, lease: &Lease) -> bool {
        let namesake = held.lease.holder.id == lease.holder.id && held.lease.token == lease.token;
        self.same_lease(held, lease)
            || self.has(Flaw::ReleasesByName)
            || self.has(Flaw::ReleasesForNamesakes) && namesake
            || self.has(Flaw::ReleasesEveryTokenOfAHolder)
                && self.same(&held.lease.holder, &lease.holder)
    }

    pub(super) fn read(&self, election: &ElectionName) -> Option<LeaseRecord> {
        let (mut books, now) = (self.books(), self.clock.now());
        let state = self.election(&mut books, election);
        let held = match self.flaw {
            Some(Flaw::ShowsTheExpired) => state.held.as_ref(),
            Some(Flaw::ReadsOneWriteBehind) => state.before.as_ref(),
            Some(Flaw::HidesTheLastMoments) => state.in_force(now.plus(Duration::from_millis(10))),
            _ => state.in_force(now),
        };
        held.map(|held| self.record(held, now))
    }

    pub(super) fn watch(&self, client: u64, election: &ElectionName) -> mpsc::Receiver<Hint> {
        let (mut sender, receiver) = mpsc::channel(0);
        if !self.has(Flaw::GivesNoFirstHint) {
            let _ = sender.try_send(Hint);
        }
        self.election(&mut self.books(), election)
            .watchers
            .push((client, sender));
        receiver
    }

    fn tell_watchers(&self, state: &mut Election, client: u64) {
        let (mut kept, mut gone) = (Vec::new(), false);
        for (of, mut sender) in state.watchers.drain(..) {
            if self.has(Flaw::GivesHintsToItselfOnly) && of != client {
                kept.push((of, sender));
                continue;
            }
            match sender.try_send(Hint) {
                Err(error) if error.is_disconnected() => gone = true,
                Err(_) if self.has(Flaw::ForgetsSlowWatchers) => state.abandoned.push(sender),
                _ => kept.push((of, sender)),
            }
        }
        if gone && self.has(Flaw::ForgetsAllWatchersWithOne) {
            state
                .abandoned
                .extend(kept.drain(..).map(|(_, sender)| sender));
        }
        state.watchers = kept;
    }
}
