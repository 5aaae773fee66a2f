//! Leader election among the processes of one host, without a server.
//!
//! [`SqliteStore`] keeps leases in a SQLite file that all candidates open. SQLite is compiled in;
//! there is nothing to install and nothing to run.
//!
//! ```
//! use std::time::Duration;
//! use election_backend_sqlite::{SqliteConfig, SqliteStore};
//! use election_core::{Acquired, Candidate, CandidateId, Incarnation, LeaseStore, Metadata};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("leases.db");
//! let store = SqliteStore::open(SqliteConfig::new(path)).await?;
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
//! # How it works
//!
//! One row per election: the last fencing token and, while it is held, the lease. A change is one
//! `BEGIN IMMEDIATE … COMMIT`; SQLite's write lock is the authority that orders all processes. Expiry
//! is a comparison with the host's boot clock, read after the lock was taken: nobody needs to look
//! for a lease to end, and a step of the wall clock changes nothing.
//!
//! Each store has one thread that owns the connection. It takes whatever is queued and does it in
//! one transaction, so that ten thousand renewals cost ten transactions. A follower that finds the
//! lease held is answered from a snapshot and never takes the write lock.
//!
//! A token is the greater of *last + 1* and the wall clock in microseconds. The wall clock is only a
//! floor: it lets tokens rise even if the file is lost, and has no part in deciding who leads.
//!
//! # What it costs
//!
//! A grant waits for the disk (`synchronous = FULL`), so that no power failure takes back a token.
//! A renewal or release does not: after a power failure no lease of before is renewed anyway. One
//! thread per store; with [hints](election_core::LeaseStore::hints) two more and a second
//! connection. The file holds a row for every election there ever was, some hundred bytes each.
//!
//! # After a reboot
//!
//! Times of the boot clock mean nothing in another boot. Each lease is stamped with the identity of
//! the boot it was granted in. Whoever first meets a foreign stamp puts its own there, lets the lease
//! run for one full time to live from now, and so turns it into a quarantine: nobody can renew it, and
//! everybody waits it out. Its holder may still release it.
//!
//! That is safe even if the other boot is alive, that is if two hosts (or two time namespaces) share
//! the file. The holder renewed for the last time before the new stamp was written, and trusts its
//! lease for no longer than one time to live after that; the quarantine begins later and lasts as
//! long. From then on the holder's renewals are refused. Two such hosts keep stamping each other's
//! leases, so that in the end nobody leads; but never two do.
//!
//! # What it cannot do
//!
//! - **Several hosts.** Locks and shared memory end at the kernel. Network file systems are refused
//!   where they can be told; use a store with a server there.
//! - **Containers** may share the file if they share kernel and directory (mount the directory, since
//!   the log lies beside the file) and see the same boot identity. Container managers that make up
//!   a `/proc/sys/kernel/random/boot_id` for each container turn them into different hosts.
//! - **A process stopped inside a transaction** (SIGSTOP, a debugger, a frozen cgroup) keeps the write
//!   lock, and no store can take it away. Transactions take microseconds, or one disk flush if they
//!   grant; if it happens, every change fails with `Unavailable` after
//!   [`busy_limit`](SqliteConfig::busy_limit), the leader steps down in time, and nobody leads until
//!   that process goes on or ends. Frozen anywhere else it loses its lease like anybody.
//! - **Deleting or replacing the file** while somebody leads deletes that lease. Every store notices
//!   before its next transaction and goes on with the new file, where another may be granted the
//!   election before the former leader's next renewal tells it. Tokens rise all the same. Deleting the
//!   `-wal` or `-shm` file alone damages the database.
//! - **Opening the file by other means within a candidate's process** (`std::fs`, another copy of
//!   SQLite): closing it would drop the locks of the whole process, as POSIX has it. Other processes
//!   may look with any SQLite tool.
//! - **A disk that hangs.** A call waits for it without limit; give each call a deadline of your own,
//!   as an elector does.

mod bell;
mod boot;
mod config;
mod database;
mod error;
mod hints;
mod place;
mod sql;
mod step;
mod store;
mod writer;

pub use config::SqliteConfig;
pub use store::SqliteStore;
