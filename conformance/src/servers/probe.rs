//! A first request to a server, in the plain words of its protocol.
//!
//! No client library is needed for it, and none could answer for the server.

use std::{future::Future, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{endpoint::Endpoint, kind::Kind};

/// A server that takes longer than this is asked again, by a new connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// No answer to a first request is longer.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Asks the server for its version; an answer means that it serves.
///
/// Where the version is told only to those who log in, or only behind TLS, it is *unknown*, with
/// the reason.
pub(super) async fn ask_version(kind: Kind, endpoint: &Endpoint) -> Result<String, String> {
    let asked = async {
        if endpoint.has_tls {
            connect(endpoint).await?;
            return Ok("unknown (behind TLS)".to_owned());
        }
        match kind {
            Kind::Redis => redis(endpoint).await,
            Kind::Postgres => postgres(endpoint).await,
            Kind::Etcd => etcd(endpoint).await,
        }
    };
    within_patience(asked).await
}

async fn within_patience<T>(asked: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    timeout(PATIENCE, asked)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")))
}

async fn connect(endpoint: &Endpoint) -> Result<TcpStream, String> {
    TcpStream::connect(&endpoint.address)
        .await
        .map_err(|error| error.to_string())
}

async fn redis(endpoint: &Endpoint) -> Result<String, String> {
    let mut stream = connect(endpoint).await?;
    if let Some(password) = &endpoint.password {
        let user = endpoint.user.as_deref();
        let words: Vec<&str> = ["AUTH"]
            .into_iter()
            .chain(user)
            .chain([&**password])
            .collect();
        send(&mut stream, &redis_command(&words)).await?;
        let reply = redis_reply(&mut stream).await?;
        if reply != "+OK" {
            return Err(reply);
        }
    }
    send(&mut stream, &redis_command(&["INFO"])).await?;
    let reply = redis_reply(&mut stream).await?;
    let field = |name: &str| reply.lines().find_map(|line| line.strip_prefix(name));
    // It tells about itself, and little else, while it still reads its data.
    if field("loading:") == Some("1") {
        return Err("it is still loading its data".to_owned());
    }
    match (field("valkey_version:"), field("redis_version:")) {
        (Some(version), _) => Ok(format!("{version} (Valkey)")),
        (None, Some(version)) => Ok(version.to_owned()),
        (None, None) => Err(reply),
    }
}

fn redis_command(words: &[&str]) -> Vec<u8> {
    let words = words
        .iter()
        .map(|word| format!("${}\r\n{word}\r\n", word.len()));
    let count = words.len();
    format!("*{count}\r\n{}", words.collect::<String>()).into_bytes()
}

/// One reply: the text of a bulk string, or the line of anything else.
async fn redis_reply(stream: &mut TcpStream) -> Result<String, String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await.map_err(|error| error.to_string())?);
        limited(line.len())?;
    }
    let line = String::from_utf8_lossy(&line).trim_end().to_owned();
    let Some(length) = line.strip_prefix('$') else {
        return Ok(line);
    };
    let length = length.parse().map_err(|_| no_sense(Kind::Redis))?;
    text(stream, length).await
}

async fn postgres(endpoint: &Endpoint) -> Result<String, String> {
    const PROTOCOL_3_0: i32 = 196_608;
    let user = endpoint.user.as_deref().unwrap_or("postgres");
    let database = endpoint.database.as_deref().unwrap_or(user);
    let mut words = PROTOCOL_3_0.to_be_bytes().to_vec();
    for word in ["user", user, "database", database, ""] {
        words.extend_from_slice(word.as_bytes());
        words.push(0);
    }
    let length = i32::try_from(words.len() + 4).map_err(|error| error.to_string())?;
    let mut stream = connect(endpoint).await?;
    send(&mut stream, &[&length.to_be_bytes(), &*words].concat()).await?;

    let mut version = None;
    loop {
        let (kind, body) = postgres_message(&mut stream).await?;
        match kind {
            // Authentication: zero means that nothing is asked for.
            b'R' if body.starts_with(&[0; 4]) => {}
            b'R' => return Ok("unknown (told after log-in only)".to_owned()),
            b'S' => {
                let mut parts = body.split(|byte| *byte == 0);
                if parts.next() == Some(b"server_version") {
                    version = parts.next().map(postgres_version);
                }
            }
            b'Z' => return version.ok_or_else(|| no_sense(Kind::Postgres)),
            b'E' => return postgres_refusal(&body),
            _ => {}
        }
    }
}

/// Packagers add their own names to the number.
fn postgres_version(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.split(' ').next().unwrap_or_default().to_owned()
}

async fn postgres_message(stream: &mut TcpStream) -> Result<(u8, Vec<u8>), String> {
    let message = async {
        let kind = stream.read_u8().await?;
        let length = stream.read_i32().await?;
        Ok::<_, std::io::Error>((kind, length))
    };
    let (kind, length) = message.await.map_err(|error| error.to_string())?;
    let length = usize::try_from(length - 4).map_err(|_| no_sense(Kind::Postgres))?;
    Ok((kind, bytes(stream, length).await?))
}

/// A server that refuses a log-in serves; one that is starting or stopping does not.
fn postgres_refusal(body: &[u8]) -> Result<String, String> {
    let field = |code: u8| {
        body.split(|byte| *byte == 0)
            .find(|part| part.first() == Some(&code))
            .map(|part| String::from_utf8_lossy(&part[1..]).into_owned())
            .unwrap_or_default()
    };
    if field(b'C').starts_with("28") {
        Ok("unknown (told after log-in only)".to_owned())
    } else {
        Err(field(b'M'))
    }
}

async fn etcd(endpoint: &Endpoint) -> Result<String, String> {
    // `/version` is answered by a member without a leader too, `/health` is not.
    let health = etcd_page(endpoint, "/health").await?;
    if health["health"] != "true" {
        return Err("the member is not healthy".to_owned());
    }
    let version = etcd_page(endpoint, "/version").await?;
    let version = version["etcdserver"].as_str();
    version
        .map(str::to_owned)
        .ok_or_else(|| no_sense(Kind::Etcd))
}

async fn etcd_page(endpoint: &Endpoint, path: &str) -> Result<serde_json::Value, String> {
    let mut stream = connect(endpoint).await?;
    // HTTP/1.0: the end of the answer is the end of the connection.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", endpoint.address);
    send(&mut stream, request.as_bytes()).await?;
    let mut answer = Vec::new();
    let limit = u64::try_from(LONGEST_ANSWER).unwrap_or(u64::MAX);
    stream
        .take(limit)
        .read_to_end(&mut answer)
        .await
        .map_err(|error| error.to_string())?;
    let answer = String::from_utf8_lossy(&answer);
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| no_sense(Kind::Etcd))?;
    serde_json::from_str(body).map_err(|_| no_sense(Kind::Etcd))
}

async fn send(stream: &mut TcpStream, request: &[u8]) -> Result<(), String> {
    stream
        .write_all(request)
        .await
        .map_err(|error| error.to_string())
}

async fn text(stream: &mut TcpStream, length: usize) -> Result<String, String> {
    let bytes = bytes(stream, length).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn bytes(stream: &mut TcpStream, length: usize) -> Result<Vec<u8>, String> {
    limited(length)?;
    let mut bytes = vec![0; length];
    stream
        .read_exact(&mut bytes)
        .await
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn limited(length: usize) -> Result<(), String> {
    if length > LONGEST_ANSWER {
        return Err(format!(
            "an answer of {length} bytes, which no such server gives"
        ));
    }
    Ok(())
}

fn no_sense(kind: Kind) -> String {
    format!("what answers there is no {kind}")
}
