//! What each request decides, given the table and the time.

use std::time::{Duration, SystemTime};

use election_core::{
    Acquired, Candidate, ElectionName, FencingToken, Instant, Lease, LeaseRecord, Released, Renewed,
};

use crate::{
    error::Failure,
    sql::{Held, Table},
};

/// One request: first a look that takes no lock, then, if need be, a decision under the write lock.
pub(crate) trait Step: Send + 'static {
    /// What the caller is told.
    type Answer: Send + 'static;

    /// Whether the decision must outlive a power failure before it is told.
    const DURABLE: bool;

    /// The answer, if what anybody may read suffices for it.
    ///
    /// `now` was read before the table was: a lease in force then and there was in force at some
    /// moment of the call (C3). The reverse does not hold. A renewal decided in time may be
    /// committed after the lease's old end, so only the write lock tells that a lease has run out.
    fn look(&self, table: &Table<'_>, now: Instant) -> rusqlite::Result<Option<Self::Answer>> {
        let _ = (table, now);
        Ok(None)
    }

    /// The answer, while nobody else can change the table.
    ///
    /// The clock is read here and not earlier: between an earlier reading and the lock the lease may
    /// have run out and somebody may have been told so (C5).
    fn decide(&self, table: &Table<'_>) -> rusqlite::Result<Result<Self::Answer, Failure>>;
}

pub(crate) struct Acquire {
    pub(crate) election: ElectionName,
    pub(crate) candidate: Candidate,
    pub(crate) ttl: Duration,
}

impl Step for Acquire {
    type Answer = Acquired;
    const DURABLE: bool = true;

    fn look(&self, table: &Table<'_>, now: Instant) -> rusqlite::Result<Option<Acquired>> {
        Ok(table
            .look(&self.election)?
            .and_then(|election| election.held)
            .filter(|held| held.lease.holder != self.candidate.holder())
            .filter(|held| held.measurable && held.in_force(now))
            .map(|held| Acquired::Held(held.into_record(now))))
    }

    fn decide(&self, table: &Table<'_>) -> rusqlite::Result<Result<Acquired, Failure>> {
        let now = table.now();
        let holder = self.candidate.holder();
        if let Some(held) = in_force(table, &self.election, now)?
            && held.lease.holder != holder
        {
            return Ok(Ok(Acquired::Held(held.into_record(now))));
        }
        let last = table.look(&self.election)?.map(|known| known.last_token);
        let Some(token) = next_token(last, wall_clock()) else {
            return Ok(Err(Failure::fatal(
                "the fencing tokens of this election are used up: use another election name",
            )));
        };
        let lease = Lease {
            election: self.election.clone(),
            holder,
            token,
        };
        table.grant(&lease, &self.candidate, self.ttl, now)?;
        Ok(Ok(Acquired::Granted {
            lease,
            ttl: self.ttl,
        }))
    }
}

pub(crate) struct Renew {
    pub(crate) lease: Lease,
    pub(crate) ttl: Duration,
}

impl Step for Renew {
    type Answer = Renewed;
    const DURABLE: bool = false;

    fn decide(&self, table: &Table<'_>) -> rusqlite::Result<Result<Renewed, Failure>> {
        let now = table.now();
        if table.renew(&self.lease, self.ttl, now)? {
            return Ok(Ok(Renewed::Extended { ttl: self.ttl }));
        }
        let held = in_force(table, &self.lease.election, now)?;
        Ok(Ok(Renewed::Lost(held.map(|held| held.into_record(now)))))
    }
}

pub(crate) struct Release {
    pub(crate) lease: Lease,
}

impl Step for Release {
    type Answer = Released;
    const DURABLE: bool = false;

    fn decide(&self, table: &Table<'_>) -> rusqlite::Result<Result<Released, Failure>> {
        Ok(Ok(match table.release(&self.lease, table.now())? {
            true => Released::Done,
            false => Released::NotHeld,
        }))
    }
}

pub(crate) struct Read {
    pub(crate) election: ElectionName,
}

impl Step for Read {
    type Answer = Option<LeaseRecord>;
    const DURABLE: bool = false;

    fn look(&self, table: &Table<'_>, now: Instant) -> rusqlite::Result<Option<Self::Answer>> {
        let held = table
            .look(&self.election)?
            .and_then(|election| election.held);
        Ok(match held {
            None => Some(None),
            Some(held) if held.measurable && held.in_force(now) => {
                Some(Some(held.into_record(now)))
            }
            Some(_) => None,
        })
    }

    fn decide(&self, table: &Table<'_>) -> rusqlite::Result<Result<Self::Answer, Failure>> {
        let now = table.now();
        let held = in_force(table, &self.election, now)?;
        Ok(Ok(held.map(|held| held.into_record(now))))
    }
}

/// The lease in force, once what stands in the table has been put in order.
///
/// A lease of another boot is put into quarantine: nobody here can tell how long it has to run, but
/// its holder's last renewal lies before this moment, so one full time to live from now outlasts it.
/// A lease that has run out is freed, so that the next look finds it free without the write lock.
fn in_force(
    table: &Table<'_>,
    election: &ElectionName,
    now: Instant,
) -> rusqlite::Result<Option<Held>> {
    let held = |table: &Table<'_>| {
        rusqlite::Result::Ok(table.look(election)?.and_then(|election| election.held))
    };
    match held(table)? {
        None => Ok(None),
        Some(found) if !found.measurable => {
            table.quarantine(election, now)?;
            held(table)
        }
        Some(found) if found.in_force(now) => Ok(Some(found)),
        Some(_) => {
            table.free_expired(election, now)?;
            Ok(None)
        }
    }
}

/// The next token: greater than the last, and not below the wall clock's microseconds.
///
/// The wall clock is a floor and nothing else: it lets tokens rise even if the file that counted
/// them is gone. Beyond the range of tokens (in the year 2255, or on a clock set wrong) it is left
/// out. `None` when the last token is the greatest there is: tokens never wrap (C2).
fn next_token(last: Option<FencingToken>, wall_clock: Duration) -> Option<FencingToken> {
    let next = match last {
        None => FencingToken::FIRST,
        Some(last) => last.next()?,
    };
    let floor = u64::try_from(wall_clock.as_micros())
        .ok()
        .and_then(FencingToken::new);
    Some(floor.map_or(next, |floor| next.max(floor)))
}

/// The time since 1970 as the host believes it to be; zero on a clock set before that.
fn wall_clock() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: u64) -> Option<FencingToken> {
        FencingToken::new(number)
    }

    #[test]
    fn a_token_is_greater_than_the_last_and_not_below_the_wall_clock() {
        let clock = Duration::from_micros;
        assert_eq!(next_token(None, clock(0)), token(1));
        assert_eq!(next_token(None, clock(500)), token(500));
        assert_eq!(next_token(token(7), clock(500)), token(500));
        assert_eq!(next_token(token(500), clock(500)), token(501));
        assert_eq!(next_token(token(900), clock(500)), token(901));
    }

    #[test]
    fn a_wall_clock_beyond_the_range_of_tokens_is_left_out() {
        assert_eq!(next_token(token(7), Duration::MAX), token(8));
        let first_beyond = Duration::from_micros(FencingToken::MAX + 1);
        assert_eq!(next_token(token(7), first_beyond), token(8));
    }

    #[test]
    fn the_last_token_has_no_successor() {
        let clock = Duration::from_micros(500);
        assert_eq!(
            next_token(token(FencingToken::MAX - 1), clock),
            token(FencingToken::MAX)
        );
        assert_eq!(next_token(token(FencingToken::MAX), clock), None);
    }
}

/// The story of a reboot, told with two stores whose clocks claim to be of different boots.
#[cfg(test)]
mod reboot {
    use std::path::Path;

    use election_clock::BootClock;
    use election_core::{CandidateId, Clock, Incarnation, LeaseStore, Metadata};

    use super::*;
    use crate::{SqliteConfig, SqliteStore, boot::BootIdentity};

    const TTL: Duration = Duration::from_millis(200);

    async fn store_of_boot(boot: &str, path: &Path) -> SqliteStore {
        let mut config = SqliteConfig::new(path);
        config.pretended.boot = Some(BootIdentity::named(boot));
        SqliteStore::open(config).await.unwrap()
    }

    fn candidate(id: &str) -> Candidate {
        Candidate {
            id: CandidateId::new(id).unwrap(),
            incarnation: Incarnation(1),
            metadata: Metadata::default(),
        }
    }

    fn election() -> ElectionName {
        ElectionName::new("reboot").unwrap()
    }

    fn granted(acquired: Acquired) -> Lease {
        match acquired {
            Acquired::Granted { lease, .. } => lease,
            Acquired::Held(record) => panic!("held by {record:?}"),
        }
    }

    async fn acquire_when_free(store: &SqliteStore, candidate: &Candidate) -> Lease {
        loop {
            match store.acquire(&election(), candidate, TTL).await.unwrap() {
                Acquired::Granted { lease, .. } => return lease,
                Acquired::Held(record) => tokio::time::sleep(record.remaining).await,
            }
        }
    }

    #[tokio::test]
    async fn a_lease_of_an_earlier_boot_is_waited_out_for_a_full_ttl() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leases.db");
        let before = store_of_boot("before", &path).await;
        let old = granted(
            before
                .acquire(&election(), &candidate("a"), TTL)
                .await
                .unwrap(),
        );
        drop(before);

        let after = store_of_boot("after", &path).await;
        let seen = BootClock.now();
        let record = after.read(&election()).await.unwrap().unwrap();
        assert_eq!(record.lease, old);
        assert!(record.remaining <= TTL);
        let new = acquire_when_free(&after, &candidate("b")).await;
        assert!(BootClock.now().saturating_since(seen) >= TTL);
        assert!(new.token > old.token);
    }

    #[tokio::test]
    async fn a_holder_whose_lease_was_stamped_by_another_boot_never_renews_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leases.db");
        let (one, other) = (
            store_of_boot("one", &path).await,
            store_of_boot("other", &path).await,
        );
        let lease = granted(
            one.acquire(&election(), &candidate("a"), TTL)
                .await
                .unwrap(),
        );
        let refused = other
            .acquire(&election(), &candidate("b"), TTL)
            .await
            .unwrap();
        assert!(matches!(refused, Acquired::Held(record) if record.lease == lease));
        // The first renewal stamps the lease back; the second finds its own stamp again.
        for _ in 0..2 {
            let renewed = one.renew(&lease, TTL).await.unwrap();
            assert!(matches!(renewed, Renewed::Lost(Some(record)) if record.lease == lease));
        }
    }

    #[tokio::test]
    async fn a_lease_is_not_renewed_in_another_boot_than_it_was_granted_in() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leases.db");
        let before = store_of_boot("before", &path).await;
        let acquired = before.acquire(&election(), &candidate("a"), TTL).await;
        let lease = granted(acquired.unwrap());
        let after = store_of_boot("after", &path).await;
        let renewed = after.renew(&lease, TTL).await.unwrap();
        assert!(matches!(renewed, Renewed::Lost(Some(record)) if record.lease == lease));
    }

    #[tokio::test]
    async fn a_holder_whose_lease_was_stamped_by_another_boot_may_release_or_acquire_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leases.db");
        let (one, other) = (
            store_of_boot("one", &path).await,
            store_of_boot("other", &path).await,
        );
        let a = candidate("a");
        let first = granted(one.acquire(&election(), &a, TTL).await.unwrap());
        assert!(other.read(&election()).await.unwrap().is_some());
        let second = granted(one.acquire(&election(), &a, TTL).await.unwrap());
        assert!(second.token > first.token);
        assert!(other.read(&election()).await.unwrap().is_some());
        assert_eq!(one.release(&second).await.unwrap(), Released::Done);
        assert_eq!(other.read(&election()).await.unwrap(), None);
    }
}
