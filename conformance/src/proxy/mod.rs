//! A TCP proxy that goes wrong on demand, between any client and any server.
//!
//! Put it in front of a server, connect the client to [`Proxy::address`], and say what is to happen:
//!
//! ```
//! use election_conformance::proxy::{Fault, Proxy, Then, Trigger};
//! # use tokio::{io::{AsyncReadExt, AsyncWriteExt}, net::{TcpListener, TcpStream}};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! # let listener = TcpListener::bind("127.0.0.1:0").await?;
//! # let server = listener.local_addr()?;
//! # tokio::spawn(async move {
//! #     let (mut stream, _) = listener.accept().await?;
//! #     let (mut from, mut to) = stream.split();
//! #     tokio::io::copy(&mut from, &mut to).await
//! # });
//! let proxy = Proxy::start(server, 42).await?;
//! proxy.inject(Fault::DropReply(Then::Close).on(Trigger::containing("renew")));
//!
//! let mut client = TcpStream::connect(proxy.address()).await?;
//! client.write_all(b"renew\n").await?;
//! assert_eq!(client.read(&mut [0; 16]).await?, 0); // closed, without an answer
//!
//! proxy.until_injected().await; // the server has answered, and its answer was dropped
//! for injection in proxy.injections() {
//!     println!("{injection}");
//! }
//! proxy.heal();
//! # Ok(())
//! # }
//! ```
//!
//! [`Fault`] tells what can go wrong, [`Plan`] where, [`Trigger`] at which request. Nothing has to be
//! slept for: a plan is in force when [`Proxy::inject`] returns, and the `until_…` methods wait for
//! what happens.
//!
//! # What is repeatable
//!
//! Chance comes from the seed alone: the same reads on the same connections are delayed by the same
//! amounts. How a stream falls into reads is up to the kernel and the scheduler; a client that waits
//! for each answer, and writes each request at once, is read a request at a time.
//!
//! # Limits
//!
//! The proxy works on streams, not packets: a connection is accepted before the server is reached,
//! and reset if it cannot be; nothing can make a connection attempt go unanswered. A request sealed by
//! TLS is neither found by its bytes nor worth replaying.

mod board;
mod capture;
mod carry;
mod chance;
mod conversation;
mod door;
mod fault;
mod injection;
mod lane;
mod link;
mod plans;
mod state;

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{sync::oneshot, task::JoinHandle};

pub use capture::Capture;
pub use conversation::RECORD_LIMIT;
pub use fault::{Connections, Direction, Fault, Plan, Then, Trigger};
pub use injection::{Deed, Injection};

use board::Board;
use door::Door;
use lane::Held;

/// How many bytes are held for each direction of a connection, before reading stops: 4 MiB.
pub const HOLD_LIMIT: usize = 4 * 1024 * 1024;

/// A TCP proxy on the loopback interface; see the [module](self).
///
/// Its tasks run on the runtime it was started on. Dropping it gives the port up at once, and has
/// all connections closed and all tasks ended by that runtime; [`Proxy::close`] waits until they
/// are.
pub struct Proxy {
    board: Arc<Board>,
    address: SocketAddr,
    server: Arc<str>,
    serving: JoinHandle<()>,
    /// Told or dropped, it ends `serving`.
    stop: Option<oneshot::Sender<()>>,
}

impl Proxy {
    /// Starts a proxy on a free port of 127.0.0.1.
    ///
    /// `server` is an address or `host:port`; names are looked up for every connection. `seed`
    /// decides every chance.
    ///
    /// # Errors
    ///
    /// Whatever kept it from listening.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O and time.
    ///
    /// # Cancel safety
    ///
    /// Never waits, and leaves nothing behind if dropped.
    pub async fn start(server: impl fmt::Display, seed: u64) -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), server, seed).await
    }

    /// Starts a proxy at a given address; otherwise as [`Proxy::start`].
    ///
    /// # Errors
    ///
    /// Whatever kept it from listening, such as another program that does.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O and time.
    ///
    /// # Cancel safety
    ///
    /// Never waits, and leaves nothing behind if dropped.
    pub async fn start_at(
        address: SocketAddr,
        server: impl fmt::Display,
        seed: u64,
    ) -> io::Result<Self> {
        let door = Door::open_at(address)?;
        let address = door.address();
        let server: Arc<str> = server.to_string().into();
        let board = Arc::new(Board::new(door, seed));
        let (stop, stopped) = oneshot::channel();
        let serving = carry::serve(Arc::clone(&board), Arc::clone(&server), stopped);
        Ok(Self {
            board,
            address,
            server,
            serving: tokio::spawn(serving),
            stop: Some(stop),
        })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has a fault happen, in addition to those injected before.
    ///
    /// In force when this returns: what is read later is subject to it, and so is what waits in the
    /// proxy then.
    pub fn inject(&self, plan: impl Into<Plan>) {
        let plan = plan.into();
        self.board.act(|state| state.inject(&plan));
    }

    /// Ends all faults and forgets all plans; what was held is delivered.
    ///
    /// What was late arrives at once. Ends that were told nothing of a `Reset` or `Close` are
    /// closed. What was swallowed, withheld or reset stays lost.
    ///
    /// # Panics
    ///
    /// If another program has taken the port while connections were refused. The port is kept, so
    /// this takes a system that has no socket left to keep it with.
    pub fn heal(&self) {
        self.heal_with(Held::Delivered);
    }

    /// Ends all faults and forgets all plans; what a blackhole held is lost.
    ///
    /// The connections stay open, with a hole in what they carried; the end of a stream is not lost.
    /// Otherwise as [`Proxy::heal`].
    ///
    /// # Panics
    ///
    /// As [`Proxy::heal`].
    pub fn heal_losing_held(&self) {
        self.heal_with(Held::Lost);
    }

    /// Waits until every fault injected since the last healing has done something.
    ///
    /// That is: a standing one has met bytes, or a `Refuse` is in force; a `Reset` or `Close` has
    /// ended a connection, or all there were, however few; the reply of a `DropReply` was dropped;
    /// the request of a `Capture` was answered; that of a `Withhold` has come.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any await.
    pub async fn until_injected(&self) {
        self.board
            .until(|state| state.plans.all_took_effect())
            .await;
    }

    /// What was done to traffic, oldest first: at least the latest 16 384 injections.
    #[must_use]
    pub fn injections(&self) -> Vec<Injection> {
        self.board.look(|state| state.log.injections().to_vec())
    }

    /// Waits until `holds` is true of the injections, as [`Proxy::injections`] gives them.
    ///
    /// `holds` is called whenever anything has happened.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any await.
    pub async fn until(&self, holds: impl Fn(&[Injection]) -> bool) {
        let mut moved = self.board.moved();
        while !holds(&self.injections()) && moved.changed().await.is_ok() {}
    }

    /// The connections that are open, at one end at least, oldest first.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        self.board.look(|state| {
            let links = state.links.iter();
            links.map(|(number, link)| link.describe(*number)).collect()
        })
    }

    /// Waits until this many connections are open.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any await.
    pub async fn until_connections(&self, count: usize) {
        self.board.until(|state| state.links.len() == count).await;
    }

    /// The requests that were captured or withheld, oldest first.
    ///
    /// They outlive healing. One that is not answered yet may still grow.
    #[must_use]
    pub fn captures(&self) -> Vec<Capture> {
        self.board.look(|state| state.captures.clone())
    }

    /// Sends a captured request on a new connection to the server, and gives back its answer.
    ///
    /// Of the answer, what comes until it is as long as the recorded one, or until 200 ms of silence;
    /// of one that was never recorded, the first read. It is empty if the server closed the
    /// connection instead. The connection is not subject to faults, and is closed then. Waits as
    /// long as the server does: bound it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the request or its preamble was longer than what is recorded; whatever
    /// failed on the way, `UnexpectedEof` if the server closed the connection at the preamble.
    ///
    /// # Cancel safety
    ///
    /// If dropped, the connection is closed; the server may or may not have got the request.
    pub async fn replay(&self, capture: &Capture) -> io::Result<Vec<u8>> {
        let script = capture.script()?;
        self.board.act(|state| {
            state.log.note(
                Some(capture.connection()),
                Some(Direction::ToServer),
                capture.bytes().len(),
                Deed::Replayed,
            );
        });
        capture::perform(&script, &self.server).await
    }

    /// Closes the port and all connections, and waits until no task is left.
    ///
    /// # Cancel safety
    ///
    /// If dropped, everything ends as if the proxy had been dropped.
    pub async fn close(mut self) {
        self.stop = None;
        // A task that was ended with its runtime is over too.
        let _ = (&mut self.serving).await;
    }

    fn heal_with(&self, held: Held) {
        if let Err(error) = self.board.act(|state| state.heal(held)) {
            panic!(
                "the proxy cannot listen at {} again: {error}; let nothing else use that port",
                self.address
            );
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.board.act(|state| state.door.close());
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("address", &self.address)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// An open connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// Its number, from 1 in the order of acceptance.
    pub number: u64,
    /// The client's address.
    pub client: SocketAddr,
    /// How many requests have begun on it; see [`Trigger`].
    pub requests: u64,
    /// How many bytes have been passed on to the server.
    pub bytes_to_server: u64,
    /// How many bytes have been passed on to the client.
    pub bytes_to_client: u64,
}
