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
        let mut stream = TcpStream::connect(address).await?;
        if kind == Kind::Postgres {
            stream.write_all(&postgres_start()).await?;
            until(&mut stream, &READY_FOR_QUERY).await?;
        }
        Ok(Self {
            kind,
            address: address.to_owned(),
            stream,
        })
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
    pub(crate) async fn answer(&mut self) -> io::Result<()> {
        let end: &[u8] = match self.kind {
            Kind::Redis => b"+PONG\r\n",
            Kind::Postgres => &READY_FOR_QUERY,
            Kind::Etcd => b"\"etcdserver\"",
        };
        until(&mut self.stream, end).await.map(drop)
    }

    /// Leaves a mark in the server's data.
    pub(crate) async fn leave_mark(&mut self) -> io::Result<()> {
        match self.kind {
            Kind::Redis => self.exchange(b"SET mark 1\r\n", b"+OK\r\n").await,
            Kind::Postgres => {
                let query = postgres_query("CREATE TABLE mark ()");
                self.exchange(&query, &READY_FOR_QUERY).await
            }
            Kind::Etcd => {
                let request = self.http("POST /v3/kv/put", r#"{"key":"bWFyaw==","value":"MQ=="}"#);
                self.exchange(&request, b"revision").await
            }
        }
        .map(drop)
    }

    /// Whether the server's data still holds the mark.
    pub(crate) async fn finds_mark(&mut self) -> io::Result<bool> {
        let (question, end, mark): (Vec<u8>, &[u8], &str) = match self.kind {
            Kind::Redis => (b"EXISTS mark\r\n".to_vec(), b"\r\n", ":1"),
            Kind::Postgres => {
                let query = "SELECT 'found ' || tablename FROM pg_tables WHERE tablename = 'mark'";
                (postgres_query(query), &READY_FOR_QUERY, "found mark")
            }
            Kind::Etcd => {
                let request = self.http("POST /v3/kv/range", r#"{"key":"bWFyaw=="}"#);
                (request, b"}\n", "bWFyaw==")
            }
        };
        let answer = self.exchange(&question, end).await?;
        Ok(String::from_utf8_lossy(&answer).contains(mark))
    }

    async fn exchange(&mut self, question: &[u8], end: &[u8]) -> io::Result<Vec<u8>> {
        self.stream.write_all(question).await?;
        until(&mut self.stream, end).await
    }

    fn http(&self, request: &str, body: &str) -> Vec<u8> {
        let (address, length) = (&self.address, body.len());
        format!("{request} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}")
            .into_bytes()
    }
}

/// Sent by Postgres when it awaits the next question, outside of a transaction.
const READY_FOR_QUERY: [u8; 6] = [b'Z', 0, 0, 0, 5, b'I'];

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

/// Reads until `end` has been read.
async fn until(stream: &mut TcpStream, end: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while !bytes.windows(end.len()).any(|window| window == end) {
        if stream.read_buf(&mut bytes).await? == 0 {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
        }
    }
    Ok(bytes)
}
