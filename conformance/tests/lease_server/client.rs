//! The store: a connection for calls, which is made anew when it fails.

use std::{
    collections::HashMap,
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use election_core::{
    Acquired, Candidate, Capabilities, Disaster, ElectionName, Hints, Lease, LeaseRecord,
    LeaseStore, Released, Renewed, StoreError, check_ttl,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{flaw::Flaw, hints, wire};

/// How long a flawed client waits before it answers a renewal itself.
const SHORT_PATIENCE: Duration = Duration::from_millis(50);

/// Leases on a lease server, over one connection for calls and one for each stream of hints.
pub(crate) struct TcpStore {
    link: Arc<Link>,
    flaw: Option<Flaw>,
    /// What a flawed client has read, until a hint comes.
    read: Arc<Mutex<HashMap<ElectionName, Option<LeaseRecord>>>>,
}

/// The way to the server.
struct Link {
    address: SocketAddr,
    limit: Duration,
    flaw: Option<Flaw>,
    requests: AtomicU64,
    connected: AtomicBool,
    /// Empty while a call has it: a call that is dropped takes its connection with it, and with
    /// that any answer that nobody waits for any more.
    idle: tokio::sync::Mutex<Option<BufReader<TcpStream>>>,
}

impl TcpStore {
    /// A client of the server at this address; each of its calls ends within `limit`.
    pub(crate) fn new(address: SocketAddr, limit: Duration, flaw: Option<Flaw>) -> Self {
        let link = Link {
            address,
            limit,
            flaw,
            requests: AtomicU64::new(0),
            connected: AtomicBool::new(false),
            idle: tokio::sync::Mutex::new(None),
        };
        Self {
            link: Arc::new(link),
            flaw,
            read: Arc::default(),
        }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn remembered(&self, election: &ElectionName) -> Option<Option<LeaseRecord>> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.get(election).cloned()
    }

    fn remember(&self, election: &ElectionName, found: Option<LeaseRecord>) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(election.clone(), found);
    }
}

impl Link {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// The answer to a request, within the limit.
    async fn ask(&self, mut request: Value) -> Result<Value, StoreError> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        request["nr"] = json!(number);
        let sent = AtomicBool::new(false);
        if self.has(Flaw::TakesTheNextLine) {
            return self.ask_carelessly(request).await;
        }
        let exchange = self.exchange(&request, &sent);
        if self.has(Flaw::WaitsForEver) {
            return exchange.await;
        }
        match timeout(self.limit, exchange).await {
            Ok(outcome) => outcome,
            Err(_) if sent.load(Ordering::Relaxed) => Err(StoreError::indeterminate(
                "the lease server did not answer in time: ask again",
            )),
            Err(_) => Err(StoreError::unavailable(
                "the lease server could not be reached in time: ask again",
            )),
        }
    }

    async fn exchange(&self, request: &Value, sent: &AtomicBool) -> Result<Value, StoreError> {
        let mut idle = self.idle.lock().await;
        let mut connection = match idle.take().filter(is_alive) {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        sent.store(true, Ordering::Relaxed);
        let answer = self.converse(&mut connection, request).await;
        let answer = answer.map_err(|error| self.cut_off(error))?;
        *idle = Some(connection);
        match answer["fatal"].as_str() {
            Some(reason) => Err(StoreError::fatal(reason.to_owned())),
            None => Ok(answer),
        }
    }

    async fn connect(&self) -> Result<BufReader<TcpStream>, StoreError> {
        let again = self.connected.swap(true, Ordering::Relaxed);
        if again && self.has(Flaw::KeepsADeadConnection) {
            return Err(StoreError::unavailable("the connection is closed"));
        }
        let stream = TcpStream::connect(self.address).await.map_err(|error| {
            let message = "the lease server cannot be reached: start it, or correct its address";
            if self.has(Flaw::CallsARefusalFatal) {
                return StoreError::fatal(message).caused_by(error);
            }
            StoreError::unavailable(message).caused_by(error)
        })?;
        // A request waits for its answer: there is nothing to be gathered.
        let _ = stream.set_nodelay(true);
        Ok(BufReader::new(stream))
    }

    async fn converse(
        &self,
        connection: &mut BufReader<TcpStream>,
        request: &Value,
    ) -> io::Result<Value> {
        connection
            .write_all(format!("{request}\n").as_bytes())
            .await?;
        let mut line = String::new();
        if self.has(Flaw::TakesAReadForALine) {
            let mut bytes = vec![0; 64 * 1024];
            let length = connection.read(&mut bytes).await?;
            line.push_str(&String::from_utf8_lossy(&bytes[..length]));
        } else if connection.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let answer: Value = serde_json::from_str(&line)?;
        if answer["re"] == request["nr"] {
            return Ok(answer);
        }
        Err(wire::garbled())
    }

    /// The request was on its way: it may have been applied.
    fn cut_off(&self, error: io::Error) -> StoreError {
        let message = "the connection ended before the lease server's answer: ask again";
        let honest = match error.kind() {
            io::ErrorKind::UnexpectedEof => !self.has(Flaw::CallsTheClosedUnavailable),
            io::ErrorKind::ConnectionReset => !self.has(Flaw::CallsTheResetUnavailable),
            _ => true,
        };
        if honest {
            return StoreError::indeterminate(message).caused_by(error);
        }
        StoreError::unavailable(message).caused_by(error)
    }

    /// Keeps the connection whatever happens, and believes every line.
    async fn ask_carelessly(&self, request: Value) -> Result<Value, StoreError> {
        let mut idle = self.idle.lock().await;
        if idle.is_none() {
            *idle = Some(self.connect().await?);
        }
        let Some(connection) = idle.as_mut() else {
            return Err(StoreError::unavailable("there is no connection"));
        };
        let conversation = async {
            let mut line = String::new();
            connection
                .write_all(format!("{request}\n").as_bytes())
                .await?;
            connection.read_line(&mut line).await?;
            Ok::<Value, io::Error>(serde_json::from_str(&line)?)
        };
        match timeout(self.limit, conversation).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                *idle = None;
                Err(self.cut_off(error))
            }
            Err(_) => Err(StoreError::indeterminate("there was no answer in time")),
        }
    }
}

/// Whether a connection is fit for a request: nothing came on it unasked, not even its end.
fn is_alive(connection: &BufReader<TcpStream>) -> bool {
    let nothing = connection.get_ref().try_read(&mut [0]);
    connection.buffer().is_empty()
        && nothing.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

#[async_trait]
impl LeaseStore for TcpStore {
    async fn acquire(
        &self,
        election: &ElectionName,
        candidate: &Candidate,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        check_ttl(ttl)?;
        let mut request = json!({
            "do": "acquire",
            "of": election.as_str(),
            "by": wire::candidate_to(candidate),
            "ttl": wire::duration_to(ttl),
        });
        if self.has(Flaw::ChoosesTheTokenInTheClient) {
            let micros = std::time::SystemTime::UNIX_EPOCH.elapsed();
            let micros = micros.map_or(1, |since| since.as_micros());
            request["token"] = json!(u64::try_from(micros).unwrap_or(1));
        }
        let began = Instant::now();
        let answer = self.link.ask(request.clone()).await;
        if answer.is_err() && self.has(Flaw::RepeatsWhatItGaveUp) {
            let link = Arc::clone(&self.link);
            tokio::spawn(async move {
                for _ in 0..60 {
                    let _ = link.ask(request.clone()).await;
                    tokio::time::sleep(Duration::from_millis(30)).await;
                }
            });
        }
        let answer = answer?;
        if let Some(number) = answer["granted"].as_u64() {
            let mut granted = understood(wire::duration_from(&answer["ttl"]))?;
            if self.has(Flaw::CountsFromTheReply) {
                granted += began.elapsed();
            }
            let lease = Lease {
                election: election.clone(),
                holder: candidate.holder(),
                token: understood(wire::token_from(&json!(number)))?,
            };
            return Ok(Acquired::Granted {
                lease,
                ttl: granted,
            });
        }
        let record = understood(wire::record_from(&answer["held"]))?;
        understood(record.ok_or_else(wire::garbled)).map(Acquired::Held)
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Renewed, StoreError> {
        check_ttl(ttl)?;
        let request = json!({
            "do": "renew",
            "lease": wire::lease_to(lease),
            "ttl": wire::duration_to(ttl),
        });
        let began = Instant::now();
        let asked = self.link.ask(request);
        let answer = if self.has(Flaw::RenewsFromMemory) {
            match timeout(SHORT_PATIENCE, asked).await {
                Ok(answer) => answer,
                Err(_) => return Ok(Renewed::Extended { ttl }),
            }
        } else {
            asked.await
        };
        let answer = match answer {
            Err(_) if self.has(Flaw::CallsALostRenewalLost) => return Ok(Renewed::Lost(None)),
            answer => answer?,
        };
        if answer["extended"].is_u64() {
            let mut ttl = understood(wire::duration_from(&answer["extended"]))?;
            if self.has(Flaw::CountsFromTheReply) {
                ttl += began.elapsed();
            }
            return Ok(Renewed::Extended { ttl });
        }
        let lost = answer.get("lost").ok_or_else(wire::garbled);
        understood(lost.and_then(wire::record_from)).map(Renewed::Lost)
    }

    async fn release(&self, lease: &Lease) -> Result<Released, StoreError> {
        let request = json!({ "do": "release", "lease": wire::lease_to(lease) });
        let answer = match self.link.ask(request).await {
            Err(_) if self.has(Flaw::CallsALostReleaseDone) => return Ok(Released::Done),
            answer => answer?,
        };
        match answer["released"].as_bool() {
            Some(true) => Ok(Released::Done),
            Some(false) => Ok(Released::NotHeld),
            None => understood(Err(wire::garbled())),
        }
    }

    async fn read(&self, election: &ElectionName) -> Result<Option<LeaseRecord>, StoreError> {
        if self.has(Flaw::AnswersReadsFromHints)
            && let Some(found) = self.remembered(election)
        {
            return Ok(found);
        }
        let request = json!({ "do": "read", "of": election.as_str() });
        let answer = self.link.ask(request).await?;
        let found = answer.get("found").ok_or_else(wire::garbled);
        let found = understood(found.and_then(wire::record_from))?;
        self.remember(election, found.clone());
        Ok(found)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            kind: "tcp",
            expiry_lag: Duration::ZERO,
            hint_within: Some(Duration::from_secs(1)),
            tokens_survive: &[Disaster::Restart, Disaster::Crash, Disaster::DataLoss],
        }
    }

    async fn hints(&self, election: &ElectionName) -> Result<Hints, StoreError> {
        let read = Arc::clone(&self.read);
        let of = election.clone();
        let forget = move || {
            let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
            read.remove(&of);
        };
        Ok(hints::open(
            self.link.address,
            election.clone(),
            self.flaw,
            forget,
        ))
    }
}

/// An answer that makes no sense tells nothing of what was done.
fn understood<T>(answer: io::Result<T>) -> Result<T, StoreError> {
    answer.map_err(|error| {
        StoreError::indeterminate("the lease server gave an answer to something else: ask again")
            .caused_by(error)
    })
}

impl fmt::Debug for TcpStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStore")
            .field("address", &self.link.address)
            .finish_non_exhaustive()
    }
}
