//! The atomic steps in SQLite's own language, each behind one typed method.

use std::{cell::Cell, time::Duration};

use election_clock::BootClock;
use election_core::{
    Candidate, CandidateId, Clock, ElectionName, FencingToken, Holder, Instant, Lease, LeaseRecord,
    Metadata,
};
use rusqlite::{
    Connection, OptionalExtension, Row, named_params,
    types::{Type, ValueRef},
};

use crate::boot::BootIdentity;

/// Creates the table; see the file for what each column means.
pub(crate) const SCHEMA: &str = include_str!("sql/schema.sql");

/// The table of leases, within one transaction.
pub(crate) struct Table<'db> {
    connection: &'db Connection,
    boot: &'db BootIdentity,
    holder_changed: Cell<bool>,
}

/// What the table says of one election.
pub(crate) struct Election {
    /// The last token granted.
    pub(crate) last_token: FencingToken,
    /// The lease, whether or not its time is up.
    pub(crate) held: Option<Held>,
}

/// A lease as it is written down.
pub(crate) struct Held {
    pub(crate) lease: Lease,
    metadata: Metadata,
    ttl: Duration,
    expires_at: Instant,
    /// Whether `expires_at` is a time of the clock this process reads.
    pub(crate) measurable: bool,
}

impl Held {
    /// Whether the lease is in force at this moment of the clock it is measured by.
    pub(crate) fn in_force(&self, now: Instant) -> bool {
        now < self.expires_at
    }

    pub(crate) fn into_record(self, now: Instant) -> LeaseRecord {
        LeaseRecord {
            lease: self.lease,
            metadata: self.metadata,
            // A look reads the clock before the table, so the grant may be younger than `now`.
            remaining: self.expires_at.saturating_since(now).min(self.ttl),
        }
    }
}

impl<'db> Table<'db> {
    /// The table as the transaction that is open on this connection sees it.
    pub(crate) fn new(connection: &'db Connection, boot: &'db BootIdentity) -> Self {
        Self {
            connection,
            boot,
            holder_changed: Cell::new(false),
        }
    }

    /// The host's boot clock.
    pub(crate) fn now(&self) -> Instant {
        BootClock.now()
    }

    /// Whether any step so far granted or freed a lease.
    pub(crate) fn holder_changed(&self) -> bool {
        self.holder_changed.get()
    }

    /// What is written of this election.
    pub(crate) fn look(&self, election: &ElectionName) -> rusqlite::Result<Option<Election>> {
        self.connection
            .prepare_cached(include_str!("sql/look.sql"))?
            .query_row(
                named_params! { ":election": election.as_str().as_bytes() },
                |row| self.election_from(row, election),
            )
            .optional()
    }

    /// Writes down a lease granted now, over whatever stood there.
    pub(crate) fn grant(
        &self,
        lease: &Lease,
        candidate: &Candidate,
        ttl: Duration,
        now: Instant,
    ) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(include_str!("sql/grant.sql"))?
            .execute(named_params! {
                ":election": lease.election.as_str().as_bytes(),
                ":token": to_integer(lease.token.as_u64().into()),
                ":holder_id": lease.holder.id.as_str().as_bytes(),
                ":incarnation": lease.holder.incarnation.to_string(),
                ":metadata": candidate.metadata.as_json(),
                ":ttl_ns": to_integer(ttl.as_nanos()),
                ":expires_ns": nanos(now.plus(ttl)),
                ":boot": self.boot.as_str(),
            })?;
        self.holder_changed.set(true);
        Ok(())
    }

    /// Extends exactly this lease if it is in force now, and says whether it did.
    pub(crate) fn renew(
        &self,
        lease: &Lease,
        ttl: Duration,
        now: Instant,
    ) -> rusqlite::Result<bool> {
        let changed = self
            .connection
            .prepare_cached(include_str!("sql/renew.sql"))?
            .execute(named_params! {
                ":election": lease.election.as_str().as_bytes(),
                ":token": to_integer(lease.token.as_u64().into()),
                ":holder_id": lease.holder.id.as_str().as_bytes(),
                ":incarnation": lease.holder.incarnation.to_string(),
                ":ttl_ns": to_integer(ttl.as_nanos()),
                ":expires_ns": nanos(now.plus(ttl)),
                ":now_ns": nanos(now),
                ":boot": self.boot.as_str(),
            })?;
        Ok(changed > 0)
    }

    /// Frees exactly this lease if it is in force now, and says whether it did.
    pub(crate) fn release(&self, lease: &Lease, now: Instant) -> rusqlite::Result<bool> {
        let changed = self
            .connection
            .prepare_cached(include_str!("sql/release.sql"))?
            .execute(named_params! {
                ":election": lease.election.as_str().as_bytes(),
                ":token": to_integer(lease.token.as_u64().into()),
                ":holder_id": lease.holder.id.as_str().as_bytes(),
                ":incarnation": lease.holder.incarnation.to_string(),
                ":now_ns": nanos(now),
                ":boot": self.boot.as_str(),
            })?;
        self.holder_changed
            .set(self.holder_changed.get() || changed > 0);
        Ok(changed > 0)
    }

    /// Frees whatever lease of this election has run out by now.
    pub(crate) fn free_expired(
        &self,
        election: &ElectionName,
        now: Instant,
    ) -> rusqlite::Result<()> {
        let changed = self
            .connection
            .prepare_cached(include_str!("sql/free_expired.sql"))?
            .execute(named_params! {
                ":election": election.as_str().as_bytes(),
                ":now_ns": nanos(now),
                ":boot": self.boot.as_str(),
            })?;
        self.holder_changed
            .set(self.holder_changed.get() || changed > 0);
        Ok(())
    }

    /// Stamps a lease of another boot with this one's identity, to run one full time to live from now.
    pub(crate) fn quarantine(&self, election: &ElectionName, now: Instant) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(include_str!("sql/quarantine.sql"))?
            .execute(named_params! {
                ":election": election.as_str().as_bytes(),
                ":now_ns": nanos(now),
                ":boot": self.boot.as_str(),
            })?;
        Ok(())
    }

    fn election_from(&self, row: &Row<'_>, election: &ElectionName) -> rusqlite::Result<Election> {
        let last_token = u64::try_from(row.get::<_, i64>("token")?)
            .ok()
            .and_then(FencingToken::new)
            .ok_or_else(|| not_ours("token"))?;
        let held = match row.get_ref("holder_id")? {
            ValueRef::Null => None,
            id => Some(Held {
                lease: Lease {
                    election: election.clone(),
                    holder: Holder {
                        id: std::str::from_utf8(id.as_blob()?)
                            .ok()
                            .and_then(|id| CandidateId::new(id).ok())
                            .ok_or_else(|| not_ours("holder_id"))?,
                        incarnation: text(row, "incarnation")?
                            .parse()
                            .map_err(|_| not_ours("incarnation"))?,
                    },
                    token: last_token,
                },
                metadata: Metadata::from_json(text(row, "metadata")?)
                    .map_err(|_| not_ours("metadata"))?,
                ttl: duration(row, "ttl_ns")?,
                expires_at: Instant::from_origin(duration(row, "expires_ns")?),
                measurable: text(row, "boot")? == self.boot.as_str(),
            }),
        };
        Ok(Election { last_token, held })
    }
}

/// The number of the last change of holder in the table.
pub(crate) fn last_change(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT coalesce(max(change), 0) FROM leases")?
        .query_row([], |row| row.get(0))
}

/// The elections whose holder changed after `seen`, oldest change first, with the change's number.
///
/// A name that is not one of ours is left out.
pub(crate) fn changed_since(
    connection: &Connection,
    seen: i64,
) -> rusqlite::Result<Vec<(Option<ElectionName>, i64)>> {
    connection
        .prepare_cached(include_str!("sql/changed_since.sql"))?
        .query_map(named_params! { ":seen": seen }, |row| {
            let name = std::str::from_utf8(row.get_ref("election")?.as_blob()?)
                .ok()
                .and_then(|name| ElectionName::new(name).ok());
            Ok((name, row.get("change")?))
        })?
        .collect()
}

fn text<'row>(row: &'row Row<'_>, column: &str) -> rusqlite::Result<&'row str> {
    Ok(row.get_ref(column)?.as_str()?)
}

fn duration(row: &Row<'_>, column: &'static str) -> rusqlite::Result<Duration> {
    u64::try_from(row.get::<_, i64>(column)?)
        .map(Duration::from_nanos)
        .map_err(|_| not_ours(column))
}

/// SQLite's integers have 63 bits for a number; 2^63 ns are 292 years.
fn to_integer(number: u128) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn nanos(instant: Instant) -> i64 {
    to_integer(instant.since_origin().as_nanos())
}

fn not_ours(column: &str) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(0, column.to_owned(), Type::Null)
}
