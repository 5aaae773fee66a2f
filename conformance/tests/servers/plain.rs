//! Words with a server, in its own protocol and without a client library.

use std::io::{self, ErrorKind};

use election_conformance::servers::Kind;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One connection, on which a question can be asked and its answer awaited later.
pub(crate) struct Conversation {
    kind: Kind,
    address: String,
    stream: TcpStream,
}

impl Conversation {
    pub(crate) async fn begin(kind: Kind, address: &str) -> io::Result<Self> {
        let mut conversation = Self {
            kind,
            address: address.to_owned(),
            stream: TcpStream::connect(address).await?,
        };
        if kind == Kind::Postgres {
            conversation.stream.write_all(&postgres_start()).await?;
            conversation.answer().await?;
        }
        Ok(conversation)
    }

    /// Sends a question that any server of the kind answers.
    pub(crate) async fn ask(&mut self) -> io::Result<()> {
        let question = match self.kind {
            Kind::Redis => b"PING\r\n".to_vec(),
            Kind::Postgres => postgres_query("SELECT 1"),
            Kind::Etcd => self.http("GET /version", ""),
        };
        self.stream.write_all(&question).await
    }

    /// Awaits the answer to it.
    pub(crate) async fn answer(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        while !is_whole(self.kind, &bytes) {
            if self.stream.read_buf(&mut bytes).await? == 0 {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Leaves a mark in the server's data.
    pub(crate) async fn leave_mark(&mut self) -> io::Result<()> {
        let (request, success) = match self.kind {
            Kind::Redis => (b"SET mark 1\r\n".to_vec(), "+OK"),
            Kind::Postgres => (postgres_query("CREATE TABLE mark ()"), "CREATE TABLE"),
            Kind::Etcd => {
                let put = r#"{"key": "bWFyaw==", "value": "MQ=="}"#;
                (self.http("POST /v3/kv/put", put), "revision")
            }
        };
        self.exchange(&request, success)
            .await?
            .then_some(())
            .ok_or_else(|| io::Error::other("the server refuses to keep a mark"))
    }

    /// Whether the server's data still holds the mark.
    pub(crate) async fn finds_mark(&mut self) -> io::Result<bool> {
        let (request, found) = match self.kind {
            Kind::Redis => (b"EXISTS mark\r\n".to_vec(), ":1"),
            Kind::Postgres => {
                let query = "SELECT 'found ' || tablename FROM pg_tables WHERE tablename = 'mark'";
                (postgres_query(query), "found mark")
            }
            Kind::Etcd => {
                let range = r#"{"key": "bWFyaw=="}"#;
                (self.http("POST /v3/kv/range", range), "bWFyaw==")
            }
        };
        self.exchange(&request, found).await
    }

    /// Whether the answer to the request holds these words.
    async fn exchange(&mut self, request: &[u8], words: &str) -> io::Result<bool> {
        self.stream.write_all(request).await?;
        Ok(self.answer().await?.contains(words))
    }

    fn http(&self, request: &str, body: &str) -> Vec<u8> {
        let (address, length) = (&self.address, body.len());
        format!("{request} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}")
            .into_bytes()
    }
}

/// Whether these bytes are an answer to its end.
fn is_whole(kind: Kind, bytes: &[u8]) -> bool {
    match kind {
        Kind::Redis => bytes.ends_with(b"\r\n"),
        // Ready for the next query, outside of a transaction.
        Kind::Postgres => bytes.ends_with(b"Z\0\0\0\x05I"),
        Kind::Etcd => {
            let text = String::from_utf8_lossy(bytes);
            let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "));
            length.and_then(|length| length.parse().ok()) == Some(body.len())
        }
    }
}

fn postgres_start() -> Vec<u8> {
    let words = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
    with_length(&[], words)
}

fn postgres_query(query: &str) -> Vec<u8> {
    with_length(b"Q", format!("{query}\0").as_bytes())
}

fn with_length(head: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [head, &length.to_be_bytes(), body].concat()
}
