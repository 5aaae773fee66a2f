//! Telling followers at once that a lease was granted or freed.
//!
//! The scripts publish on a channel of the election. All streams of a store share one connection that
//! listens to the channels of the elections somebody follows. It is opened with the first stream and
//! closed with the last. Keep-alive probes notice within seconds that nobody is at the other end.
//!
//! When the connection breaks all streams end, so that nobody relies on hints that do not come; whoever
//! opens one again opens the connection again, and gets a first hint once nothing can be missed.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use election_core::{ElectionName, Hint};
use futures_core::Stream;
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use redis::{
    RedisResult,
    aio::{PubSub, PubSubSink, PubSubStream},
};
use tokio::{
    sync::{
        mpsc::{self, UnboundedReceiver, UnboundedSender, WeakUnboundedSender},
        oneshot,
    },
    time::timeout,
};

use crate::{
    error::{Failure, Stage},
    keys::channel_of,
    server::Server,
};

/// Within what time a hint follows a change, while the connection lives.
pub(crate) const HINT_WITHIN: Duration = Duration::from_millis(100);

/// How often a silent server is asked whether it is there: only this tells that it is not.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// The way to the task that listens. When it is dropped every stream ends, and the task too.
pub(crate) struct Listener {
    server: Arc<Server>,
    limit: Duration,
    door: Arc<Door>,
}

/// How to speak to the task, while there is one.
type Door = Mutex<Option<UnboundedSender<Notice>>>;

impl Listener {
    /// Connects only when there is a stream.
    pub(crate) fn new(server: Arc<Server>, limit: Duration) -> Self {
        Self {
            server,
            limit,
            door: Arc::default(),
        }
    }

    /// A stream of hints about one election, once it misses nothing.
    pub(crate) async fn subscribe(&self, election: &ElectionName) -> Result<Subscription, Failure> {
        let (reply, answer) = oneshot::channel();
        self.tell(Notice::Subscribe {
            channel: channel_of(election),
            reply,
        });
        match timeout(self.limit, answer).await {
            Ok(Ok(answer)) => answer,
            // The task has ended with the connection.
            Ok(Err(_)) => Err(Failure::unavailable(format!(
                "the connection for hints to Redis at {} broke: open the stream again",
                self.server.name()
            ))),
            Err(_) => Err(Failure::unavailable(format!(
                "Redis at {} has not confirmed the wish for hints within {:?}: check its load and \
                 the network",
                self.server.name(),
                self.limit
            ))),
        }
    }

    /// Starts the task if there is none.
    fn tell(&self, notice: Notice) {
        let mut door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        let unheard = match &*door {
            None => notice,
            Some(notices) => match notices.send(notice) {
                Ok(()) => return,
                Err(unheard) => unheard.0,
            },
        };
        let (notices, inbox) = mpsc::unbounded_channel();
        let line = Line {
            server: self.server.clone(),
            limit: self.limit,
            door: Arc::downgrade(&self.door),
            inbox,
            notices: notices.downgrade(),
            streams: HashMap::new(),
        };
        // It is there to hear this.
        let _ = notices.send(unheard);
        tokio::spawn(line.serve());
        *door = Some(notices);
    }
}

/// A stream of hints. Dropping it tells the task.
pub(crate) struct Subscription {
    channel: String,
    hints: mpsc::Receiver<Hint>,
    notices: WeakUnboundedSender<Notice>,
}

impl Stream for Subscription {
    type Item = Hint;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Hint>> {
        self.hints.poll_recv(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hints.close();
        if let Some(notices) = self.notices.upgrade() {
            let channel = std::mem::take(&mut self.channel);
            let _ = notices.send(Notice::Unsubscribed { channel });
        }
    }
}

/// What the task is told.
enum Notice {
    Subscribe { channel: String, reply: Reply },
    Unsubscribed { channel: String },
}

type Reply = oneshot::Sender<Result<Subscription, Failure>>;

/// A subscription the server has not confirmed yet.
type Pending = BoxFuture<'static, (RedisResult<()>, Confirmed)>;

/// What is done once it has.
struct Confirmed {
    first: mpsc::Sender<Hint>,
    subscription: Subscription,
    reply: Reply,
}

/// What the task works with.
struct Line {
    server: Arc<Server>,
    limit: Duration,
    door: Weak<Door>,
    inbox: UnboundedReceiver<Notice>,
    /// For the streams to tell when they are dropped.
    notices: WeakUnboundedSender<Notice>,
    /// By channel. A stream is here before the server knows of it, and until it is dropped.
    streams: HashMap<String, Vec<mpsc::Sender<Hint>>>,
}

impl Line {
    /// Serves until the connection breaks, the last stream is gone, or the store is dropped.
    async fn serve(mut self) {
        let (sink, mut messages) = match self.connect().await {
            Ok(connection) => connection,
            Err(failure) => return self.refuse(&failure),
        };
        let mut pending = FuturesUnordered::<Pending>::new();
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(message) => self.hint(message.get_channel_name()),
                    None => return,
                },
                Some((confirmation, confirmed)) = pending.next() => {
                    self.confirm(confirmation, confirmed);
                }
                notice = self.inbox.recv() => match notice {
                    Some(Notice::Subscribe { channel, reply }) => {
                        let subscription = self.register(channel);
                        pending.push(subscribe(sink.clone(), subscription, reply));
                    }
                    Some(Notice::Unsubscribed { channel }) => {
                        if self.forget(&channel, &sink).await.is_err() || self.closes() {
                            return;
                        }
                    }
                    None => return,
                },
            }
        }
    }

    async fn connect(&self) -> Result<(PubSubSink, PubSubStream), Failure> {
        let server = &self.server;
        let connecting = async {
            let wire = server.dial(PROBE_EVERY).await?;
            PubSub::new(server.session(), wire)
                .await
                .map_err(|error| Failure::from_redis(error, Stage::Connecting, server.name()))
        };
        match timeout(self.limit, connecting).await {
            Ok(connection) => Ok(connection?.split()),
            Err(_) => Err(server.too_late(self.limit)),
        }
    }

    /// Tells everybody who wants a stream why there is none.
    fn refuse(mut self, failure: &Failure) {
        self.inbox.close();
        while let Ok(notice) = self.inbox.try_recv() {
            if let Notice::Subscribe { reply, .. } = notice {
                let _ = reply.send(Err(failure.clone()));
            }
        }
    }

    /// Whether there is nothing left to do. If so, the next who wants a stream starts another task.
    fn closes(&self) -> bool {
        let Some(door) = self.door.upgrade() else {
            return true;
        };
        // Nobody can put anything in the inbox meanwhile.
        let mut door = door.lock().unwrap_or_else(PoisonError::into_inner);
        let closes = self.streams.is_empty() && self.inbox.is_empty();
        if closes {
            *door = None;
        }
        closes
    }

    fn register(&mut self, channel: String) -> (mpsc::Sender<Hint>, Subscription) {
        // One place: a stream that holds a hint already needs no second.
        let (sender, hints) = mpsc::channel(1);
        self.streams
            .entry(channel.clone())
            .or_default()
            .push(sender.clone());
        let subscription = Subscription {
            channel,
            hints,
            notices: self.notices.clone(),
        };
        (sender, subscription)
    }

    fn confirm(&self, confirmation: RedisResult<()>, confirmed: Confirmed) {
        let answer = match confirmation {
            Ok(()) => {
                // From here on nothing is missed; this hint is for what came before (C11).
                let _ = confirmed.first.try_send(Hint);
                Ok(confirmed.subscription)
            }
            Err(error) => Err(Failure::from_redis(
                error,
                Stage::Connecting,
                self.server.name(),
            )),
        };
        // Whoever does not wait any more drops the stream with the answer.
        let _ = confirmed.reply.send(answer);
    }

    fn hint(&self, channel: &str) {
        for stream in self.streams.get(channel).into_iter().flatten() {
            let _ = stream.try_send(Hint);
        }
    }

    /// Forgets the streams of this channel that were dropped, and the channel with the last of them.
    ///
    /// Waits for the server, so that a new wish for the channel comes after the end of the old one.
    async fn forget(&mut self, channel: &str, sink: &PubSubSink) -> Result<(), ()> {
        let Some(streams) = self.streams.get_mut(channel) else {
            return Ok(());
        };
        streams.retain(|stream| !stream.is_closed());
        if !streams.is_empty() {
            return Ok(());
        }
        self.streams.remove(channel);
        if self.streams.is_empty() {
            return Ok(());
        }
        match timeout(self.limit, sink.clone().unsubscribe(channel)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(()),
        }
    }
}

fn subscribe(
    mut sink: PubSubSink,
    (first, subscription): (mpsc::Sender<Hint>, Subscription),
    reply: Reply,
) -> Pending {
    let channel = subscription.channel.clone();
    let confirmed = Confirmed {
        first,
        subscription,
        reply,
    };
    Box::pin(async move { (sink.subscribe(channel).await, confirmed) })
}
