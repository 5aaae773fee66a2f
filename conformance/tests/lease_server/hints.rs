//! Hints: a connection for each stream, which is made anew when it ends or falls silent.

use std::{future::pending, io, net::SocketAddr, time::Duration};

use election_core::{ElectionName, Hint, Hints};
use futures_channel::{mpsc, oneshot};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::{flaw::Flaw, wire};

/// Silence that means death: the server gives a sign of life four times a second.
const SILENCE: Duration = Duration::from_secs(2);
/// Between two attempts to connect.
const CONNECT_EVERY: Duration = Duration::from_millis(20);

/// Opens a stream; `hinted` is called for each hint, before it is passed on.
pub(crate) fn open(
    address: SocketAddr,
    election: ElectionName,
    flaw: Option<Flaw>,
    mut hinted: impl FnMut() + Send + 'static,
) -> Hints {
    let (mut sender, receiver) = mpsc::channel(0);
    let (alive, gone) = oneshot::channel::<()>();
    let listening = async move {
        let mut first = true;
        loop {
            let hides = !first && flaw == Some(Flaw::HidesTheHintAfterAReconnect);
            let listening = listen(address, &election, hides, || {
                hinted();
                // A full channel already holds a hint, and one is enough.
                let _ = sender.try_send(Hint);
            });
            // Why it ended makes no difference: it is opened again.
            let _ = listening.await;
            first = false;
            if flaw == Some(Flaw::SubscribesOnce) {
                pending::<()>().await;
            }
            tokio::time::sleep(CONNECT_EVERY).await;
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            () = listening => {}
            _ = gone, if flaw != Some(Flaw::KeepsTheConnectionsOfStreams) => {}
        }
    });
    // The stream holds the other end of `gone`: dropped with it, that closes the connection.
    Hints::new(receiver.inspect(move |_| {
        let _ = &alive;
    }))
}

/// Listens until the connection ends.
async fn listen(
    address: SocketAddr,
    election: &ElectionName,
    mut hides: bool,
    mut hint: impl FnMut(),
) -> io::Result<()> {
    let mut stream = timeout(SILENCE, TcpStream::connect(address)).await??;
    let request = json!({ "do": "watch", "of": election.as_str() });
    stream.write_all(format!("{request}\n").as_bytes()).await?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = timeout(SILENCE, lines.next_line()).await?? {
        if line == wire::HINT && !std::mem::take(&mut hides) {
            hint();
        }
    }
    Ok(())
}
