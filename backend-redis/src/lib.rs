//! Leader election on Redis or Valkey.
//!
//! [`RedisStore`] keeps leases on one server, version 5 or newer. Each step of an election is one
//! script, which the server runs as a whole: one round trip, and no moment in between.
//!
//! ```no_run
//! use std::time::Duration;
//! use election_backend_redis::{RedisConfig, RedisStore};
//! use election_core::{Acquired, Candidate, CandidateId, Incarnation, LeaseStore, Metadata};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let store = RedisStore::connect(RedisConfig::from_url("redis://127.0.0.1:6379/0")?).await?;
//! let me = Candidate {
//!     id: CandidateId::new("worker-1")?,
//!     incarnation: Incarnation(4), // drawn by chance at every start
//!     metadata: Metadata::default(),
//! };
//! let acquired = store.acquire(&"nightly-report".parse()?, &me, Duration::from_secs(15)).await?;
//! assert!(matches!(acquired, Acquired::Granted { .. }));
//! # Ok(())
//! # }
//! ```
//!
//! # What lies on the server
//!
//! | key or channel | for the election `app:leader` | what it is |
//! |---|---|---|
//! | the election's name, to the byte | `app:leader` | a string: the holder's id; expires with the lease |
//! | the state | `app:leader:lease:{app:leader}` | a hash: token, incarnation, metadata; kept for 7 days after the last lease |
//! | the channel | `app:leader:events` | hints: something changed |
//!
//! A person can therefore look and act with `redis-cli`: `GET app:leader` prints who leads, `TTL
//! app:leader` for how long, `DEL app:leader` deposes. The deposed leader notices at its next renewal,
//! not before, and tells the followers then.
//!
//! A token is the greater of *last + 1* and the server's clock in microseconds. The clock is only a
//! floor: it lets tokens rise although the state is lost (`FLUSHALL`, a restart without a log), and
//! the last token lets them rise although the clock is set back.
//!
//! # Beside a program that knows nothing of this
//!
//! A program that leads by `SET app:leader id NX EX 30` is a candidate like any other: it finds our
//! lease taken, and we find its own held by that id, with incarnation 0, without metadata, and with
//! the last token there was. A key that it writes under the very id we use is still not taken for
//! ours. It gets no fencing token, and gives no hint when it deletes its key: followers then wait for
//! the end of the key, or their next poll.
//!
//! What such a program does to *our* key by mistake, nobody can prevent: if it extends or overwrites
//! a key without asking whose it is, it takes the lead, and we step down at the next renewal.
//!
//! # Connections
//!
//! A store has one connection for requests. Those at the same time follow each other on it without
//! waiting, so ten thousand renewals are one pipeline. It is made anew, once for everybody, when it
//! breaks, when an answer takes longer than [`request_limit`](RedisConfig::request_limit), and when
//! the server turns out to be a replica. [Hints](election_core::LeaseStore::hints) have a connection
//! of their own while somebody listens. Nothing is retried: when to ask again is for the elector to
//! decide.
//!
//! # Rights
//!
//! For elections whose names begin with `app:` a user needs
//!
//! ```text
//! ACL SETUSER app on >… ~app:* &app:* -@all +ping +evalsha +eval +get +set +pexpire +pttl +del
//!   +hset +hget +hmget +hdel +time +publish +subscribe +unsubscribe
//! ```
//!
//! and, where they are used, `+info` (the [check](RedisStore::warnings) when connecting, and
//! [`restart_grace`](RedisConfig::restart_grace)), `+wait`
//! ([`min_replica_acks`](RedisConfig::min_replica_acks)) and `+select` (a database other than 0).
//!
//! # What Redis cannot promise
//!
//! Two may believe to lead at the same time, each with a token of its own, if
//!
//! - **the server's clock steps ahead**: Redis expires by the wall clock, so a lease ends earlier by
//!   the length of the step. Let the clock be slewed (chrony does), not set. A step back makes no two
//!   leaders: the next candidate that asks cuts a lease that is too long to its ttl;
//! - **a fail-over forgets a grant**, as Redis copies to replicas after it has answered. Ask for
//!   [`min_replica_acks`](RedisConfig::min_replica_acks), and set `min-replicas-to-write 1` on the
//!   server, so that a master that is cut off stops granting;
//! - **a restart forgets a grant**: set `appendonly yes` (what was granted in the last second can
//!   still be lost unless `appendfsync always`), or ask for a
//!   [`restart_grace`](RedisConfig::restart_grace);
//! - **memory is full and keys are evicted**: set `maxmemory-policy noeviction`. Without memory
//!   nothing is granted then, while a leader can still renew and release.
//!
//! In all of them the later grant has the greater token, so a resource that refuses older tokens is
//! safe; all but one: a master that was cut off goes on counting by its own clock, and what it grants
//! anew may carry a token above that of the rightful leader. [`RedisStore::warnings`] tells which of
//! these the server is open to.
//!
//! # Not yet
//!
//! Sentinel and Cluster. Their URLs (`redis+sentinel:`, `redis+cluster:`) are refused, as is a
//! server that turns out to be one. Behind Sentinel the address of a master goes stale with the first
//! fail-over: use a name that follows the master.

mod answer;
mod checkup;
mod config;
mod connection;
mod encryption;
mod error;
mod hints;
mod keys;
mod scripts;
mod server;
mod store;
mod trouble;
mod url;

pub use checkup::Warning;
pub use config::RedisConfig;
pub use store::RedisStore;
