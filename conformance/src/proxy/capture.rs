//! Recorded requests, and sending them again.

use std::{fmt, io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::conversation::{Conversation, Exchange};

/// The silence after which a shorter answer than the recorded one is taken for whole.
const QUIET: Duration = Duration::from_millis(200);

/// A request as it was recorded, to be sent again with [`Proxy::replay`](super::Proxy::replay).
///
/// Holds whatever the client said, passwords of a handshake among it: `Debug` shows lengths only.
#[derive(Clone)]
pub struct Capture {
    connection: u64,
    exchange: Exchange,
    before: Vec<Exchange>,
    /// How many requests there were before, recorded or not.
    earlier: usize,
    preamble: usize,
}

impl Capture {
    pub(super) fn new(connection: u64, conversation: &Conversation) -> Self {
        let earlier = conversation.requests().saturating_sub(1);
        Self {
            connection,
            exchange: conversation.current().clone(),
            before: conversation.before().to_vec(),
            earlier: usize::try_from(earlier).unwrap_or(usize::MAX),
            preamble: 0,
        }
    }

    pub(super) fn update(&mut self, exchange: &Exchange) {
        self.exchange.clone_from(exchange);
    }

    /// The number of the connection it was recorded on.
    #[must_use]
    pub fn connection(&self) -> u64 {
        self.connection
    }

    /// The recorded bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.exchange.request
    }

    /// The same with the first requests of its connection to be sent before it, each answered.
    ///
    /// Give the number of round trips a handshake takes (`HELLO`, `AUTH`, start-up), or
    /// `usize::MAX` for everything that was said before. None are sent unless asked for.
    #[must_use]
    pub fn with_preamble(mut self, requests: usize) -> Self {
        self.preamble = requests.min(self.earlier);
        self
    }

    /// What is to be said in turn: the preamble, then the captured request.
    pub(super) fn script(&self) -> io::Result<Vec<&Exchange>> {
        let preamble = self.before.get(..self.preamble);
        let preamble = preamble.ok_or_else(|| self.unrecorded("the requests before it are"))?;
        if self.exchange.cut {
            return Err(self.unrecorded("it is"));
        }
        Ok(preamble.iter().chain([&self.exchange]).collect())
    }

    fn unrecorded(&self, what: &str) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "request {} of connection {} cannot be replayed, {what} longer than {} bytes: \
                 capture it on a younger connection, or ask for a shorter preamble",
                self.earlier + 1,
                self.connection,
                super::RECORD_LIMIT,
            ),
        )
    }
}

/// Says each part of a script on a new connection, after the answer to the one before.
///
/// Gives the answer to the last, which is empty if the server closed the connection instead.
pub(super) async fn perform(script: &[&Exchange], server: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let mut answer = Vec::new();
    for (index, exchange) in script.iter().enumerate() {
        if index > 0 && answer.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "the server closed the connection at request {index} of the preamble: \
                     ask for a preamble that it takes twice"
                ),
            ));
        }
        answer = say(&mut stream, exchange).await?;
    }
    Ok(answer)
}

/// Sends a request and reads an answer as long as the recorded one, or what comes before a silence.
///
/// Without the length, the rest of a handshake's answer would be taken for the answer to what
/// follows it. Empty if the server closed the connection without an answer.
async fn say(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    exchange: &Exchange,
) -> io::Result<Vec<u8>> {
    stream.write_all(&exchange.request).await?;
    let mut answer = Vec::with_capacity(4096);
    if stream.read_buf(&mut answer).await? == 0 {
        return Ok(answer);
    }
    while answer.len() < exchange.answered {
        match timeout(QUIET, stream.read_buf(&mut answer)).await {
            Ok(Ok(1..)) => {}
            Ok(Ok(0)) | Err(_) => break,
            Ok(Err(error)) => return Err(error),
        }
    }
    Ok(answer)
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("connection", &self.connection)
            .field("bytes", &self.exchange.request.len())
            .field("preamble", &self.preamble)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::duplex, task::yield_now};

    use super::*;

    #[test]
    fn a_capture_does_not_show_what_it_holds() {
        let mut conversation = Conversation::default();
        conversation.client_said(b"AUTH hunter2");
        let capture = Capture::new(1, &conversation);
        let shown = format!("{capture:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("bytes: 12"), "{shown}");
    }

    #[test]
    fn what_was_not_recorded_cannot_be_said_again() {
        let mut conversation = Conversation::default();
        for request in [
            vec![0; super::super::RECORD_LIMIT],
            b"a".to_vec(),
            b"b".to_vec(),
        ] {
            conversation.client_said(&request);
            conversation.server_said(1);
        }
        conversation.client_said(b"c");
        let capture = Capture::new(1, &conversation).with_preamble(9);
        assert_eq!(capture.preamble, 3);
        let error = capture.script().err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(
            error.to_string().starts_with("request 4 of connection 1"),
            "{error}"
        );
    }

    /// Says `?`, to which the recorded answer was nine bytes long, to a server that answers so.
    async fn answer(parts: &[&str]) -> Vec<u8> {
        let (mut stream, mut server) = duplex(64);
        let exchange = Exchange {
            request: b"?".to_vec(),
            answered: 9,
            cut: false,
        };
        let (answer, ()) = tokio::join!(say(&mut stream, &exchange), async {
            server.read_exact(&mut [0]).await.unwrap();
            for part in parts {
                server.write_all(part.as_bytes()).await.unwrap();
                for _ in 0..10 {
                    yield_now().await;
                }
            }
        });
        answer.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_read_to_its_recorded_length_or_until_silence() {
        assert_eq!(answer(&["ok ", "lo", "gin\n"]).await, b"ok login\n");
        assert_eq!(answer(&["no\n"]).await, b"no\n");
        assert_eq!(answer(&["ok every", "body\n"]).await, b"ok everybody\n");
    }
}
