//! The port that clients connect to: listened at, or kept and refusing.

use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll},
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::Handle,
};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    runtime: Handle,
    state: State,
}

#[derive(Debug)]
enum State {
    Open(TcpListener),
    /// Bound and not listening: the kernel refuses, and gives the port to nobody else. Without a
    /// socket if it could not be bound again.
    Shut(Option<TcpSocket>),
}

impl Door {
    /// Listens at `address`; port 0 lets the system choose one.
    pub(super) fn open_at(address: SocketAddr) -> io::Result<Self> {
        let listener = bind(address)?.listen(BACKLOG)?;
        Ok(Self {
            address: listener.local_addr()?,
            runtime: Handle::current(),
            state: State::Open(listener),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Refuses connections from now on, those that wait to be accepted among them.
    pub(super) fn shut(&mut self) {
        // The listener has to be gone before another socket can be bound to its port.
        self.state = State::Shut(None);
        let _entered = self.runtime.enter();
        self.state = State::Shut(bind(self.address).ok());
    }

    /// Gives the port up.
    pub(super) fn close(&mut self) {
        self.state = State::Shut(None);
    }

    /// Accepts connections from now on.
    pub(super) fn open(&mut self) -> io::Result<()> {
        if let State::Shut(socket) = &mut self.state {
            let _entered = self.runtime.enter();
            let socket = match socket.take() {
                Some(socket) => socket,
                None => bind(self.address)?,
            };
            self.state = State::Open(socket.listen(BACKLOG)?);
        }
        Ok(())
    }

    /// Accepts a connection; pending while shut, without a wake-up for when it is opened.
    pub(super) fn poll_accept(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        match &self.state {
            State::Open(listener) => listener.poll_accept(context),
            State::Shut(_) => Poll::Pending,
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // The port still has connections on it. Elsewhere than on Unix the option would let it be stolen.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
