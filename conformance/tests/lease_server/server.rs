//! The server: one task per connection, one book for all.

use std::{
    collections::HashMap,
    io::{self, Write as _},
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use election_core::ElectionName;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use super::{book::Book, flaw::Flaw, wire};

/// Between two signs of life on a line of hints.
const BEAT: Duration = Duration::from_millis(250);

/// Serves on this port until killed, and says so on standard output.
pub(crate) fn run(port: &str, file: &str, flaw: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .unwrap()
        .block_on(serve(port.parse().unwrap(), file, Flaw::named(flaw)))
        .unwrap();
}

async fn serve(port: u16, file: &str, flaw: Option<Flaw>) -> io::Result<()> {
    let desk = Arc::new(Desk {
        book: Mutex::new(Book::open(file, flaw)?),
        watched: Mutex::default(),
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    writeln!(io::stdout(), "ready")?;
    loop {
        let (stream, _) = listener.accept().await?;
        let desk = Arc::clone(&desk);
        // A connection that ends in an error has ended: there is nobody to be told.
        tokio::spawn(async move { desk.attend(stream).await.ok() });
    }
}

struct Desk {
    book: Mutex<Book>,
    watched: Mutex<HashMap<ElectionName, watch::Sender<u64>>>,
}

impl Desk {
    async fn attend(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        while let Some(line) = lines.next_line().await? {
            let request: Value = serde_json::from_str(&line)?;
            if request["do"] == "watch" {
                let election = wire::election_from(&request["of"])?;
                return self.tell(&election, lines, write).await;
            }
            let (mut answer, changed) = lock(&self.book).answer(&request)?;
            if changed {
                let of = [&request["of"], &request["lease"]["of"]];
                let of = of.into_iter().find(|of| of.is_string());
                self.ring(&wire::election_from(of.unwrap_or(&Value::Null))?);
            }
            answer["re"] = request["nr"].clone();
            write.write_all(format!("{answer}\n").as_bytes()).await?;
        }
        Ok(())
    }

    fn ring(&self, election: &ElectionName) {
        if let Some(watched) = lock(&self.watched).get(election) {
            watched.send_modify(|changes| *changes += 1);
        }
    }

    /// Gives hints until the other end is gone.
    async fn tell(
        &self,
        election: &ElectionName,
        lines: Lines<BufReader<OwnedReadHalf>>,
        mut write: OwnedWriteHalf,
    ) -> io::Result<()> {
        let mut changes = lock(&self.watched)
            .entry(election.clone())
            .or_insert_with(|| watch::Sender::new(0))
            .subscribe();
        let mut read = lines.into_inner();
        let mut word = wire::HINT;
        loop {
            write.write_all(format!("{word}\n").as_bytes()).await?;
            let mut unasked = [0];
            word = tokio::select! {
                changed = changes.changed() => match changed {
                    Ok(()) => wire::HINT,
                    Err(_) => return Ok(()),
                },
                () = tokio::time::sleep(BEAT) => wire::HEARTBEAT,
                _ = read.read(&mut unasked) => return Ok(()),
            };
        }
    }
}

/// Nothing inside the locks can panic half-way, so a poisoned lock still guards sound data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An order of the harness, on a connection of its own: not of the store's protocol.
pub(crate) async fn order(port: u16, order: Value) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.write_all(format!("{order}\n").as_bytes()).await?;
    let mut lines = BufReader::new(stream).lines();
    match lines.next_line().await? {
        Some(line) if serde_json::from_str::<Value>(&line)?["done"] == json!(true) => Ok(()),
        _ => Err(wire::garbled()),
    }
}
