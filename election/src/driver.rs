//! The driver: feed, execute, publish, wait.

use std::{pin::Pin, sync::Arc};

use election_core::{
    Candidate, Clock, ElectionName, FencingToken, LeaseStore, StoreError, Timing,
    machine::{Answer, Input, Machine, Operation, Output, Request, RequestId, Role},
};
use tokio::{select, sync::mpsc};

use crate::{
    command::Command,
    hint_line::{HintLine, Ring},
    publisher::Publisher,
    term::Term,
    wait,
};

/// Carries words between one machine, its store and its user. Decides nothing.
pub(crate) struct Driver {
    machine: Machine,
    clock: Arc<dyn Clock>,
    errand: Errand,
    hints: HintLine,
    commands: mpsc::UnboundedReceiver<Command>,
    publisher: Publisher,
    /// The one call under way. A new one takes its place, which drops it (I4).
    call: Option<Call>,
}

type Call = Pin<Box<dyn Future<Output = (RequestId, Result<Answer, StoreError>)> + Send>>;

/// Everything a request to the store is made of.
#[derive(Clone)]
pub(crate) struct Errand {
    pub(crate) store: Arc<dyn LeaseStore>,
    pub(crate) election: ElectionName,
    pub(crate) candidate: Candidate,
    pub(crate) timing: Timing,
}

impl Driver {
    pub(crate) fn new(
        errand: Errand,
        jitter_seed: u64,
        clock: Arc<dyn Clock>,
        commands: mpsc::UnboundedReceiver<Command>,
        publisher: Publisher,
    ) -> Self {
        let Errand {
            store,
            election,
            candidate,
            timing,
        } = errand.clone();
        let hints = HintLine::new(store, election.clone(), timing.retry_interval());
        let machine = Machine::new(timing, election, candidate, jitter_seed, clock.now());
        Self {
            machine,
            clock,
            errand,
            hints,
            commands,
            publisher,
            call: None,
        }
    }

    /// Runs until the machine has stopped.
    pub(crate) async fn run(mut self) {
        let mut input = Input::Timeout;
        while self.machine.role() != Role::Stopped {
            self.feed(input);
            input = self.wait().await;
        }
    }

    /// Hands one input in and does everything that comes out, in its order.
    fn feed(&mut self, input: Input) {
        if let Input::WorkEnded(_) = input
            && let Some(term) = self.publisher.term()
        {
            term.lose(); // Nobody may act between here and the release.
        }
        // Read before anything leaves: deadlines are counted from here (I2).
        self.machine.handle_input(self.clock.now(), input);
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Request(request) => self.call = Some(self.errand.run(request)),
                Output::Event(event) => self.publisher.publish(event),
            }
        }
        self.publisher.role(self.machine.role());
        self.publisher.forget();
    }

    async fn wait(&mut self) -> Input {
        if self.machine.role() == Role::Stopped {
            return Input::Timeout;
        }
        let term = self.publisher.term();
        let publisher = &mut self.publisher;
        select! {
            biased; // Orders of the user first, then news from the store, then time.
            Some(command) = self.commands.recv() => match command {
                Command::Resign => Input::Resign,
                Command::ResignTerm(token) => {
                    let on = publisher.term().is_some_and(|term| term.token == token);
                    if on { Input::Resign } else { Input::Timeout }
                }
                Command::Shutdown => Input::Shutdown,
            },
            token = work_ended(term) => Input::WorkEnded(token),
            (id, answer) = answered(&mut self.call) => {
                let answer = answer.map_err(|error| {
                    let kind = error.kind();
                    publisher.remember(error);
                    kind
                });
                Input::Answer { id, answer }
            }
            ring = self.hints.next() => match ring {
                Ring::Hint => Input::Hint,
                Ring::Interrupted => Input::HintsInterrupted,
            },
            () = wait::until(&*self.clock, self.machine.poll_timeout()) => Input::Timeout,
        }
    }
}

/// The end of all work in a term that was ordered to stop; never without one.
async fn work_ended(term: Option<Arc<Term>>) -> FencingToken {
    match term {
        Some(term) => term.work_ended().await,
        None => std::future::pending().await,
    }
}

/// The answer to the call under way; never without one.
async fn answered(call: &mut Option<Call>) -> (RequestId, Result<Answer, StoreError>) {
    match call {
        Some(under_way) => {
            let answer = under_way.await;
            *call = None;
            answer
        }
        None => std::future::pending().await,
    }
}

impl Errand {
    /// The call is not bounded here: the machine stops waiting for it at its own time, and a grant
    /// that comes in later is still given back.
    fn run(&self, Request { id, operation, .. }: Request) -> Call {
        let Self {
            store,
            election,
            candidate,
            timing,
        } = self.clone();
        let ttl = timing.ttl();
        Box::pin(async move {
            let answer = match operation {
                Operation::Acquire => store
                    .acquire(&election, &candidate, ttl)
                    .await
                    .map(Answer::Acquired),
                Operation::Renew(lease) => store.renew(&lease, ttl).await.map(Answer::Renewed),
                Operation::Release(lease) => store.release(&lease).await.map(Answer::Released),
            };
            (id, answer)
        })
    }
}
