//! Telling followers at once that a lease was granted or freed.
//!
//! Whoever commits such a change rings the [bell](crate::bell). The kernel's file watch (inotify on
//! Linux) wakes one thread in every process with followers; it reads which elections changed since
//! it last looked, and hints to the streams of those. Renewals do not ring and wake nobody.
//!
//! Where no watch can be had (the user's limit of inotify instances is used up, or the system
//! reports an error later), the thread looks every 50 ms. What a process that only follows costs
//! then, and otherwise:
//!
//! | the leader renews | woken by the watch | looking every 50 ms |
//! |---|---|---|
//! | once a second | 3 µs of CPU time per second | 0.6 to 1.7 ms |
//! | about 700 times a second | 30 µs per second | 0.6 to 1.7 ms |
//!
//! Method: release build, Linux 6.18, two virtual CPUs, ext4; `CLOCK_PROCESS_CPUTIME_ID` of an idle
//! follower before and after 20 s. The 30 µs are the log being moved into the database file now and
//! then. On the same machine a hint came 70 µs after the answer to `acquire` (median of 200), at most
//! 5 ms after it; by looking, half of the 50 ms on average.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    task::{Context, Poll},
    thread,
    time::Duration,
};

use election_clock::BootClock;
use election_core::{Clock, ElectionName, Hint};
use futures_channel::{mpsc as stream, oneshot};
use futures_core::Stream;

use crate::{
    bell::{Ear, Heard},
    config::SqliteConfig,
    database::{self, Database},
    error::{Failure, Stage},
    sql,
};

/// How often the thread looks where nothing wakes it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Within what time a hint follows a change: two looks of the slower way.
pub(crate) const HINT_WITHIN: Duration = Duration::from_millis(100);

/// The way to the thread that watches. When it is dropped every stream ends, and the thread too.
#[derive(Debug)]
pub(crate) struct Listener {
    notices: Sender<Notice>,
}

impl Listener {
    /// Starts the thread. It watches, and has the database open, only while there are streams.
    pub(crate) fn start(config: SqliteConfig) -> Result<Self, Failure> {
        let (notices, inbox) = mpsc::channel();
        let post = Post {
            config,
            notices: notices.clone(),
            streams: HashMap::new(),
            eyes: None,
        };
        thread::Builder::new()
            .name("election-hints".to_owned())
            .spawn(move || post.serve(&inbox))
            .map_err(|error| {
                Failure::unavailable("no thread could be started: raise the limit of threads")
                    .caused_by(error)
            })?;
        Ok(Self { notices })
    }

    /// Asks for a stream of hints about one election; the answer comes once it misses nothing.
    pub(crate) fn subscribe(
        &self,
        election: ElectionName,
    ) -> oneshot::Receiver<Result<Subscription, Failure>> {
        let (reply, answer) = oneshot::channel();
        // A thread that has ended drops the reply, which the caller sees.
        let _ = self.notices.send(Notice::Subscribe { election, reply });
        answer
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.notices.send(Notice::Close);
    }
}

/// A stream of hints. Dropping it tells the thread.
pub(crate) struct Subscription {
    hints: stream::Receiver<Hint>,
    notices: Sender<Notice>,
}

impl Stream for Subscription {
    type Item = Hint;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Hint>> {
        Pin::new(&mut self.hints).poll_next(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hints.close();
        let _ = self.notices.send(Notice::Unsubscribed);
    }
}

/// What the thread is told.
enum Notice {
    Subscribe {
        election: ElectionName,
        reply: oneshot::Sender<Result<Subscription, Failure>>,
    },
    Unsubscribed,
    Heard(Heard),
    Close,
}

/// What the thread works with.
struct Post {
    config: SqliteConfig,
    /// For the watch and the streams to speak to this thread.
    notices: Sender<Notice>,
    streams: HashMap<ElectionName, Vec<stream::Sender<Hint>>>,
    eyes: Option<Eyes>,
}

/// Open only while there are streams.
struct Eyes {
    database: Database,
    /// `None` where no watch could be had.
    ear: Option<Ear>,
    /// The number of the last change that was looked at.
    seen: i64,
}

impl Post {
    fn serve(mut self, inbox: &Receiver<Notice>) {
        while let Some(notices) = self.next_notices(inbox) {
            let mut subscriptions = Vec::new();
            for notice in notices {
                match notice {
                    Notice::Subscribe { election, reply } => subscriptions.push((election, reply)),
                    Notice::Unsubscribed => self.forget_closed_streams(),
                    // Something was heard, so it is time to look.
                    Notice::Heard(Heard::Bell) => {}
                    Notice::Heard(Heard::Nothing) => {
                        if let Some(eyes) = &mut self.eyes {
                            eyes.ear = None;
                        }
                    }
                    Notice::Close => return,
                }
            }
            if self.streams.is_empty() {
                self.eyes = None;
            } else {
                self.look();
            }
            for (election, reply) in subscriptions {
                let _ = reply.send(self.subscribe(election));
            }
        }
    }

    /// Everything there is to do, or nothing when it is time to look without being told.
    fn next_notices(&self, inbox: &Receiver<Notice>) -> Option<Vec<Notice>> {
        let watching = self.eyes.as_ref().is_some_and(|eyes| eyes.ear.is_some());
        let first = if watching || self.streams.is_empty() {
            Some(inbox.recv().ok()?)
        } else {
            match inbox.recv_timeout(LOOK_EVERY) {
                Ok(notice) => Some(notice),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        };
        Some(first.into_iter().chain(inbox.try_iter()).collect())
    }

    fn subscribe(&mut self, election: ElectionName) -> Result<Subscription, Failure> {
        // Eyes first: what changes from here on is seen, and what changed before is covered by the
        // first hint, which comes by itself (C11).
        if self.eyes.is_none() {
            self.eyes = Some(Eyes::open(&self.config, &self.notices)?);
        }
        let (mut sender, hints) = stream::channel(0);
        let _ = sender.try_send(Hint);
        self.streams.entry(election).or_default().push(sender);
        Ok(Subscription {
            hints,
            notices: self.notices.clone(),
        })
    }

    /// Hints to the streams of the elections that changed; to all of them if that cannot be told.
    fn look(&mut self) {
        let path = self.config.path();
        let changed = match &mut self.eyes {
            Some(eyes) if eyes.database.is_in_place(path) => eyes.changed(),
            _ => None,
        };
        match changed {
            Some(elections) => elections.iter().for_each(|election| self.hint(election)),
            None => {
                // Until it can be opened again the thread comes back here every `LOOK_EVERY`.
                self.eyes = Eyes::open(&self.config, &self.notices).ok();
                if self.eyes.is_some() {
                    let elections: Vec<_> = self.streams.keys().cloned().collect();
                    elections.iter().for_each(|election| self.hint(election));
                }
            }
        }
    }

    fn hint(&mut self, election: &ElectionName) {
        for sender in self.streams.get_mut(election).into_iter().flatten() {
            // A full stream holds a hint already, and hints may be coalesced.
            let _ = sender.try_send(Hint);
        }
    }

    fn forget_closed_streams(&mut self) {
        self.streams.retain(|_, senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        });
    }
}

impl Eyes {
    fn open(config: &SqliteConfig, notices: &Sender<Notice>) -> Result<Self, Failure> {
        database::wait_until(BootClock.now().plus(config.waits().min(LOOK_EVERY)));
        let database = Database::open_to_look(config.path())?;
        let ear = listen(config, notices);
        // After that: a change in between is looked at twice rather than never.
        let seen = sql::last_change(database.connection())
            .map_err(|error| Failure::from_sqlite(error, Stage::BeforeCommit, config.path()))?;
        Ok(Self {
            database,
            ear,
            seen,
        })
    }

    /// The elections that changed since the last look; `None` if the database gave no answer.
    fn changed(&mut self) -> Option<Vec<ElectionName>> {
        if let Some(ear) = &self.ear {
            ear.looks_now();
        }
        database::wait_until(BootClock.now().plus(LOOK_EVERY));
        let changes = sql::changed_since(self.database.connection(), self.seen).ok()?;
        if let Some(&(_, last)) = changes.last() {
            self.seen = last;
        }
        Some(changes.into_iter().filter_map(|(name, _)| name).collect())
    }
}

fn listen(config: &SqliteConfig, notices: &Sender<Notice>) -> Option<Ear> {
    #[cfg(test)]
    if config.pretended.deaf {
        return None;
    }
    let notices = notices.clone();
    Ear::at(config.path(), move |heard| {
        let _ = notices.send(Notice::Heard(heard));
    })
}

#[cfg(test)]
mod tests {
    use election_core::{
        Acquired, Candidate, CandidateId, Hints, Incarnation, Lease, LeaseStore, Metadata, Renewed,
    };
    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::SqliteStore;

    const TTL: Duration = Duration::from_secs(3600);

    /// Two stores on one file, with the watch and without.
    async fn pairs() -> Vec<(SqliteStore, SqliteStore, tempfile::TempDir)> {
        let mut pairs = Vec::new();
        for deaf in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let mut config = SqliteConfig::new(directory.path().join("leases.db"));
            config.pretended.deaf = deaf;
            let one = SqliteStore::open(config.clone()).await.unwrap();
            let other = SqliteStore::open(config).await.unwrap();
            pairs.push((one, other, directory));
        }
        pairs
    }

    fn name(name: &str) -> ElectionName {
        ElectionName::new(name).unwrap()
    }

    async fn acquire(store: &SqliteStore, election: &str) -> Lease {
        let candidate = Candidate {
            id: CandidateId::new("a").unwrap(),
            incarnation: Incarnation(1),
            metadata: Metadata::default(),
        };
        match store.acquire(&name(election), &candidate, TTL).await {
            Ok(Acquired::Granted { lease, .. }) => lease,
            other => panic!("{other:?}"),
        }
    }

    async fn next(hints: &mut Hints) -> Option<Hint> {
        tokio::time::timeout(Duration::from_secs(30), hints.next())
            .await
            .expect("a hint comes")
    }

    #[tokio::test]
    async fn the_first_hint_comes_by_itself_and_every_change_brings_another() {
        for (leader, follower, _directory) in pairs().await {
            let mut hints = follower.hints(&name("x")).await.unwrap();
            assert_eq!(next(&mut hints).await, Some(Hint));
            let lease = acquire(&leader, "x").await;
            assert_eq!(next(&mut hints).await, Some(Hint));
            leader.release(&lease).await.unwrap();
            assert_eq!(next(&mut hints).await, Some(Hint));
        }
    }

    #[tokio::test]
    async fn a_renewal_and_a_change_of_another_election_bring_no_hint() {
        for (leader, follower, _directory) in pairs().await {
            let lease = acquire(&leader, "x").await;
            let mut x = follower.hints(&name("x")).await.unwrap();
            let mut y = follower.hints(&name("y")).await.unwrap();
            next(&mut x).await;
            next(&mut y).await;
            for _ in 0..100 {
                let renewed = leader.renew(&lease, TTL).await.unwrap();
                assert_eq!(renewed, Renewed::Extended { ttl: TTL });
            }
            acquire(&leader, "y").await;
            // Whoever hinted for y has looked at x as well.
            next(&mut y).await;
            assert_eq!(x.next().now_or_never(), None);
        }
    }

    #[tokio::test]
    async fn a_replaced_file_brings_a_hint() {
        for (leader, follower, directory) in pairs().await {
            acquire(&leader, "x").await;
            let mut hints = follower.hints(&name("x")).await.unwrap();
            next(&mut hints).await;
            for file in std::fs::read_dir(directory.path()).unwrap() {
                std::fs::remove_file(file.unwrap().path()).unwrap();
            }
            assert_eq!(leader.read(&name("x")).await.unwrap(), None);
            assert_eq!(next(&mut hints).await, Some(Hint));
            acquire(&leader, "x").await;
            assert_eq!(next(&mut hints).await, Some(Hint));
        }
    }

    #[tokio::test]
    async fn dropping_the_store_ends_its_streams() {
        for (leader, follower, _directory) in pairs().await {
            let mut hints = follower.hints(&name("x")).await.unwrap();
            next(&mut hints).await;
            drop((leader, follower));
            while next(&mut hints).await.is_some() {}
        }
    }
}
