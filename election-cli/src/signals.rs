//! What signals ask of `elect run`.

use tokio::{
    select,
    signal::unix::{Signal as Stream, SignalKind, signal},
};

use crate::{
    exit::Failure,
    guard::{FORWARDED, Signal},
};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The first SIGTERM or SIGINT: stop in order.
    Stop,
    /// The second: stop at once.
    StopNow,
    /// Meant for the program.
    PassOn(Signal),
}

/// The signals of this process, caught from here on.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Stream,
    interrupt: Stream,
    forwarded: Vec<(Signal, Stream)>,
    asked_to_stop: bool,
}

impl Signals {
    pub(crate) fn catch() -> Result<Self, Failure> {
        let catch = |kind| {
            signal(kind)
                .map_err(|error| Failure::internal(format!("signals cannot be caught: {error}")))
        };
        let forwarded = FORWARDED
            .into_iter()
            .map(|number| Ok((number, catch(SignalKind::from_raw(number.as_raw()))?)))
            .collect::<Result<_, Failure>>()?;
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
            forwarded,
            asked_to_stop: false,
        })
    }

    /// The next wish. Cancel safe.
    pub(crate) async fn next(&mut self) -> Wish {
        let passed_on = std::future::poll_fn(|cx| {
            let ready = |(number, stream): &mut (Signal, Stream)| {
                stream.poll_recv(cx).is_ready().then_some(*number)
            };
            match self.forwarded.iter_mut().find_map(ready) {
                Some(number) => std::task::Poll::Ready(number),
                None => std::task::Poll::Pending,
            }
        });
        select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            number = passed_on => return Wish::PassOn(number),
        }
        match std::mem::replace(&mut self.asked_to_stop, true) {
            false => Wish::Stop,
            true => Wish::StopNow,
        }
    }
}
