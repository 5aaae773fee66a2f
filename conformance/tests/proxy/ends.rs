//! The two ends of a connection: a plain server, a plain client, and what they observe.

use std::{
    future::Future,
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use election_conformance::proxy::{Deed, Injection, Proxy};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

/// What never happens within this is not going to.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pause that outlasts every test.
pub(crate) const FOREVER: Duration = Duration::from_secs(3600);

pub(crate) async fn within<T>(patience: impl Future<Output = T>) -> T {
    timeout(PATIENCE, patience).await.expect("it has to end")
}

/// A server that answers every line with `ok` and the line, and tells the test what it hears.
///
/// Lines that begin with `secret` are denied on connections that have not said `login`.
pub(crate) struct LineServer {
    pub(crate) address: SocketAddr,
    heard: mpsc::UnboundedReceiver<Heard>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Line(String),
    Closed,
    Failed(ErrorKind),
}

impl LineServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (hear, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, hear.clone()));
            }
        });
        Self { address, heard }
    }

    pub(crate) async fn hears(&mut self) -> Heard {
        within(self.heard.recv()).await.unwrap()
    }

    pub(crate) async fn hears_line(&mut self, line: &str) {
        assert_eq!(self.hears().await, Heard::Line(line.to_owned()));
    }
}

async fn serve(stream: TcpStream, hear: mpsc::UnboundedSender<Heard>) {
    let mut stream = BufReader::new(stream);
    let mut known = false;
    loop {
        let mut line = String::new();
        let heard = match stream.read_line(&mut line).await {
            Ok(0) => Heard::Closed,
            Ok(_) => Heard::Line(line.trim_end().to_owned()),
            Err(error) => Heard::Failed(error.kind()),
        };
        let over = !matches!(heard, Heard::Line(_));
        let _ = hear.send(heard);
        if over {
            return;
        }
        known |= line == "login\n";
        let answer = match line.starts_with("secret") && !known {
            true => "denied\n".to_owned(),
            false => format!("ok {line}"),
        };
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

pub(crate) struct Client(pub(crate) BufReader<TcpStream>);

impl Client {
    pub(crate) async fn of(proxy: &Proxy) -> Self {
        let stream = within(TcpStream::connect(proxy.address())).await.unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) async fn says(&mut self, text: &str) {
        within(self.0.write_all(text.as_bytes())).await.unwrap();
    }

    /// The next line, or nothing if the connection was closed.
    pub(crate) async fn hears(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let count = within(self.0.read_line(&mut line)).await?;
        Ok((count > 0).then(|| line.trim_end().to_owned()))
    }

    pub(crate) async fn hears_line(&mut self, line: &str) {
        assert_eq!(self.hears().await.unwrap().as_deref(), Some(line));
    }

    pub(crate) async fn asks(&mut self, line: &str) {
        self.says(&format!("{line}\n")).await;
        self.hears_line(&format!("ok {line}")).await;
    }

    pub(crate) async fn is_reset(&mut self) {
        assert_eq!(
            self.hears().await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    }

    pub(crate) async fn is_closed(&mut self) {
        assert_eq!(self.hears().await.unwrap(), None);
    }
}

pub(crate) async fn started() -> (LineServer, Proxy) {
    let server = LineServer::start().await;
    let proxy = Proxy::start(server.address, 1).await.unwrap();
    (server, proxy)
}

pub(crate) fn deeds(proxy: &Proxy) -> Vec<Deed> {
    proxy
        .injections()
        .iter()
        .map(|injection| injection.deed)
        .collect()
}

pub(crate) fn delays(proxy: &Proxy) -> Vec<Duration> {
    let delay = |deed| match deed {
        Deed::Delayed(by) => Some(by),
        _ => None,
    };
    deeds(proxy).into_iter().filter_map(delay).collect()
}

/// How many bytes a deed was done to.
pub(crate) fn bytes(log: &[Injection], deed: Deed) -> usize {
    let done = log.iter().filter(|injection| injection.deed == deed);
    done.map(|injection| injection.bytes).sum()
}

/// Connects, and is reset before or after the runtime knows that it has connected.
pub(crate) async fn connecting_is_reset(proxy: &Proxy) {
    match within(TcpStream::connect(proxy.address())).await {
        Ok(stream) => Client(BufReader::new(stream)).is_reset().await,
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}
