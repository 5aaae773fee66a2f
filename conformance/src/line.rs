//! A client at the far end of a proxy, and what can befall its calls there.

use std::{fmt, future::pending, time::Duration};

use crate::{
    check::{Judgement, Stop},
    client::Client,
    context::{Context, LONG},
    proxy::{Capture, Connection, Deed, Direction, Fault, Injection, Proxy, Trigger},
};

/// A client that reaches the server through a proxy of its own.
///
/// Whatever befalls a call, the network is healthy again when the method that did it returns.
pub(crate) struct Line {
    pub(crate) client: Client,
    pub(crate) proxy: Proxy,
    patience: Duration,
}

/// How a reply fails to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The connection is closed in its place (FIN).
    Closed,
    /// The connection is reset in its place (RST).
    Reset,
    /// It comes after the client has given up.
    Late,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Late => "late",
        })
    }
}

impl Context {
    /// A client that reaches the server through a proxy of its own, and has been at work there.
    pub(crate) async fn line(&self, label: &str) -> Judgement<Line> {
        let network = self.network()?;
        let proxy = Proxy::start(network.upstream(), 1)
            .await
            .map_err(|error| Stop::Broken(format!("the proxy did not start: {error}")))?;
        let store = network.client_through(proxy.address()).await;
        let store = store.map_err(|error| {
            Stop::Broken(format!(
                "the harness gave no client through a proxy: {error}"
            ))
        })?;
        let client = self.wrapped(label, store).judged_by_answers();
        let (election, ada) = (
            self.election(&format!("warm {label}"))?,
            self.candidate("ada")?,
        );
        let grant = client.granted(&election, &ada, LONG).await?;
        client.extended(&grant.lease, LONG).await?;
        client.holds(&grant.lease).await?;
        client.released(&grant.lease).await?;
        Ok(Line {
            client,
            proxy,
            patience: self.call_limit(),
        })
    }
}

impl Line {
    /// Makes a call whose request is delivered and answered, and whose reply is lost.
    pub(crate) async fn unanswered<T>(
        &self,
        loss: Loss,
        call: impl Future<Output = Judgement<T>>,
    ) -> Judgement<T> {
        self.client
            .note(&format!("has the next reply lost ({loss})"));
        let before = self.proxy.injections().len();
        let earlier = self.proxy.connections();
        self.proxy
            .inject(Fault::Blackhole.toward(Direction::ToClient));
        let answered = self.proxy.until(|injections| {
            self.has_sent_since(&earlier)
                && injections[before.min(injections.len())..]
                    .iter()
                    .any(is_held_reply)
        });
        let end = match loss {
            Loss::Closed => Some(Fault::Close),
            Loss::Reset => Some(Fault::Reset),
            Loss::Late => None,
        };
        let outcome = if let Some(end) = end {
            let ending = async {
                answered.await;
                self.proxy.inject(end);
                pending::<()>().await;
            };
            tokio::select! {
                outcome = call => outcome,
                () = ending => unreachable!("it is pending"),
            }
        } else {
            let outcome = call.await;
            self.within("the server's answer", answered).await?;
            outcome
        };
        self.proxy.heal();
        outcome
    }

    /// Makes a call about something known by `mark`, and keeps its request from the server.
    pub(crate) async fn withheld<T>(
        &self,
        mark: &[u8],
        call: impl Future<Output = Judgement<T>>,
    ) -> Judgement<(T, Capture)> {
        self.client.note("has the next request withheld");
        // The caller need not wait for its limit.
        let then = || self.proxy.inject(Fault::Close);
        self.recorded(Fault::Withhold, mark, then, call).await
    }

    /// Makes a call about something known by `mark`, and records its request.
    pub(crate) async fn captured<T>(
        &self,
        mark: &[u8],
        call: impl Future<Output = Judgement<T>>,
    ) -> Judgement<(T, Capture)> {
        self.client.note("has the next request recorded");
        self.recorded(Fault::Capture, mark, || {}, call).await
    }

    async fn recorded<T>(
        &self,
        fault: Fault,
        mark: &[u8],
        then: impl Fn(),
        call: impl Future<Output = Judgement<T>>,
    ) -> Judgement<(T, Capture)> {
        let before = self.proxy.captures().len();
        self.proxy.inject(fault.on(Trigger::containing(mark)));
        let recording = async {
            self.proxy.until_injected().await;
            then();
            pending::<()>().await;
        };
        let outcome = tokio::select! {
            outcome = call => outcome,
            () = recording => unreachable!("it is pending"),
        };
        let capture = self.proxy.captures().into_iter().nth(before);
        self.proxy.heal();
        let capture = capture.ok_or_else(|| {
            Stop::NotApplicable(
                "no request about the election was seen on its way: the harness has to tell its mark"
                    .to_owned(),
            )
        })?;
        Ok((outcome?, capture))
    }

    /// Delivers a request again that was recorded before.
    pub(crate) async fn replay(&self, cx: &Context, capture: &Capture) -> Judgement {
        let handshake = cx.network()?.handshake()?;
        self.client.note("has the recorded request delivered now");
        let capture = capture.clone().with_preamble(handshake);
        let replayed = self.within("the answer to a replay", self.proxy.replay(&capture));
        match replayed.await? {
            // Whatever the server answers, nobody is there to be told.
            Ok(_) => Ok(()),
            Err(error) => Err(Stop::Broken(format!("the replay failed: {error}"))),
        }
    }

    /// Waits for what the proxy reports, as long as a call may take.
    pub(crate) async fn within<T>(
        &self,
        what: &str,
        event: impl Future<Output = T>,
    ) -> Judgement<T> {
        tokio::time::timeout(self.patience, event)
            .await
            .map_err(|_| {
                let patience = self.patience;
                Stop::Broken(format!("{what} did not pass the proxy within {patience:?}"))
            })
    }

    /// Whether the client has been heard since its connections were these.
    fn has_sent_since(&self, earlier: &[Connection]) -> bool {
        self.proxy.connections().iter().any(|now| {
            let then = earlier.iter().find(|then| then.number == now.number);
            now.bytes_to_server > then.map_or(0, |then| then.bytes_to_server)
        })
    }
}

fn is_held_reply(injection: &Injection) -> bool {
    injection.deed == Deed::Held && injection.direction == Some(Direction::ToClient)
}
