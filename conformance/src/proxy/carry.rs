//! The I/O: accepting connections, and carrying bytes as the state says.

use std::{future::pending, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{oneshot, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Deed, Direction,
    board::Board,
    lane::{End, Next},
    link::Ending,
};

/// The most that is read at once.
const READ: usize = 16 * 1024;

/// The rest after an accept that failed, as it does when there are no more file descriptors.
const REST: Duration = Duration::from_millis(50);

/// Accepts connections and carries them until `stop` is told or gone; leaves no task behind.
pub(super) async fn serve(board: Arc<Board>, server: Arc<str>, mut stop: oneshot::Receiver<()>) {
    let mut links = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stop => return links.shutdown().await,
            accepted = board.accept() => match accepted {
                Ok((client, address)) => {
                    let (number, woken) = board.act(|state| state.opened(address));
                    let line = Line { board: Arc::clone(&board), number, woken };
                    links.spawn(line.carry(client, Arc::clone(&server)));
                }
                Err(error) => {
                    tracing::warn!("the proxy cannot accept a connection, and tries again: {error}");
                    sleep(REST).await;
                }
            },
            Some(_) = links.join_next() => {}
        }
    }
}

/// One connection, entered in the state for as long as this lives.
struct Line {
    board: Arc<Board>,
    number: u64,
    woken: watch::Receiver<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.board.act(|state| state.closed(self.number));
    }
}

impl Line {
    async fn carry(self, mut client: TcpStream, server: Arc<str>) {
        let mut server = tokio::select! {
            connected = TcpStream::connect(&*server) => match connected {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::debug!("connection {} cannot reach the server: {error}", self.number);
                    return finish(client, End::Reset).await;
                }
            },
            // Nobody to tell at the other side yet.
            ending = self.until_ended() => {
                return finish(client, ending.client.unwrap_or(End::Close)).await;
            }
        };
        // A slice is to travel alone. Failing, the peer is gone, as reading will tell.
        let _ = client.set_nodelay(true);
        let _ = server.set_nodelay(true);
        let ending = {
            let (from_client, to_client) = client.split();
            let (from_server, to_server) = server.split();
            tokio::select! {
                biased;
                ending = self.until_ended() => ending,
                ((), (), (), ()) = async { tokio::join!(
                    self.read(from_client, Direction::ToServer),
                    self.write(to_server, Direction::ToServer),
                    self.read(from_server, Direction::ToClient),
                    self.write(to_client, Direction::ToClient),
                ) } => match self.board.look(|state| state.ending(self.number)) {
                    Some(ending) => ending,
                    // Both streams have ended: closing tells nothing new.
                    None => return,
                },
            }
        };
        let ends = [
            (client, ending.client, Direction::ToServer),
            (server, ending.server, Direction::ToClient),
        ];
        let mut untold = None;
        for (stream, end, says) in ends {
            match end {
                Some(end) => finish(stream, end).await,
                None => untold = Some((stream, says)),
            }
        }
        if let Some((stream, says)) = untold {
            self.leave_untold(stream, says).await;
        }
    }

    async fn read(&self, mut stream: ReadHalf<'_>, direction: Direction) {
        let mut woken = self.woken.clone();
        let mut buffer = vec![0; READ];
        loop {
            woken.borrow_and_update();
            let room = self.board.look(|state| state.room(self.number, direction));
            let Some(room) = room else {
                return;
            };
            let read = tokio::select! {
                read = stream.read(&mut buffer[..room.min(READ)]), if room > 0 => read,
                Ok(()) = woken.changed() => continue,
                else => return,
            };
            let end = match read {
                Ok(0) => End::Close,
                Ok(count) => {
                    let bytes = &buffer[..count];
                    self.board.act(|state| match direction {
                        Direction::ToServer => state.client_said(self.number, bytes),
                        Direction::ToClient => state.server_said(self.number, bytes),
                    });
                    continue;
                }
                Err(_) => End::Reset,
            };
            self.board
                .act(|state| state.stream_ended(self.number, direction, end));
            return;
        }
    }

    async fn write(&self, mut stream: WriteHalf<'_>, direction: Direction) {
        let mut woken = self.woken.clone();
        loop {
            woken.borrow_and_update();
            match self.board.act(|state| state.next(self.number, direction)) {
                Next::Write(bytes) => {
                    if stream.write_all(&bytes).await.is_err() {
                        self.board.act(|state| state.broken(self.number, direction));
                    }
                }
                Next::End(End::Close) => {
                    // Failing, the receiver has gone first.
                    let _ = stream.shutdown().await;
                    return;
                }
                Next::End(End::Reset) => {
                    self.board.act(|state| state.reset_by_peer(self.number));
                    return;
                }
                Next::Wait(until) => tokio::select! {
                    changed = woken.changed() => if changed.is_err() {
                        return;
                    },
                    () = sleep_until_some(until) => {}
                },
                Next::Over => return,
            }
        }
    }

    /// Keeps an end open that is not to know that the other is gone, until it goes or is healed.
    async fn leave_untold(&self, mut stream: TcpStream, says: Direction) {
        let mut buffer = vec![0; READ];
        let released = self.board.until(|state| state.is_released(self.number));
        tokio::pin!(released);
        loop {
            tokio::select! {
                () = &mut released => return finish(stream, End::Close).await,
                read = stream.read(&mut buffer) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(bytes) => self.board.act(|state| {
                        state.log.note(Some(self.number), Some(says), bytes, Deed::Swallowed);
                    }),
                },
            }
        }
    }

    async fn until_ended(&self) -> Ending {
        let mut woken = self.woken.clone();
        loop {
            woken.borrow_and_update();
            if let Some(ending) = self.board.look(|state| state.ending(self.number)) {
                return ending;
            }
            if woken.changed().await.is_err() {
                pending::<()>().await;
            }
        }
    }
}

async fn sleep_until_some(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

/// Closes a connection at one end.
async fn finish(mut stream: TcpStream, end: End) {
    match end {
        // The kernel sends RST when the stream is dropped. Failing, it sends FIN, or the peer has
        // gone already.
        End::Reset => {
            let _ = stream.set_zero_linger();
        }
        End::Close => {
            // Dropped with unread bytes, the kernel would send RST.
            let mut unread = [0; READ];
            while let Ok(1..) = stream.try_read(&mut unread) {}
            let _ = stream.shutdown().await;
        }
    }
}
