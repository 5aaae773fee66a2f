//! The URL of a server, read part by part so that a refusal can say which one is wrong.
//!
//! No refusal repeats what may be a secret.

use std::{path::PathBuf, time::Duration};

use election_core::StoreError;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::config::{Address, Login, RedisConfig};

const DEFAULT_PORT: u16 = 6379;

pub(crate) fn read(text: &str) -> Result<RedisConfig, StoreError> {
    let url = Url::parse(text.trim()).map_err(|error| {
        refusal(format!(
            "it cannot be read ({error}): write it as redis://host:6379/0, with special characters \
             of a password percent-encoded (@ is %40)"
        ))
    })?;
    if url.fragment().is_some() {
        return Err(refusal(
            "a # in it means nothing here (certificates are always verified): write %23 if it \
             belongs to a password, else remove what follows it",
        ));
    }
    let address = match url.scheme() {
        "redis" | "valkey" => {
            let (host, port) = host_and_port(&url)?;
            Address::Tcp { host, port }
        }
        "rediss" | "valkeys" => {
            let (host, port) = host_and_port(&url)?;
            Address::Tls { host, port }
        }
        "redis+unix" | "unix" => socket(&url)?,
        other => return Err(unknown_scheme(other)),
    };
    let mut config = RedisConfig::new(address);
    let mut login = login(&url)?;
    if !matches!(config.address, Address::Unix(_)) {
        config.database = match url.path().trim_start_matches('/') {
            "" => 0,
            path => number("the database after the last /", path)?,
        };
    }
    for (name, value) in url.query_pairs() {
        match (&config.address, &*name) {
            (Address::Unix(_), "db") => config.database = number("db", &value)?,
            (Address::Unix(_), "user") => login.user = Some(value.into_owned()),
            (Address::Unix(_), "password") => login.password = Some(value.into_owned()),
            _ => config = with_option(config, &name, &value)?,
        }
    }
    config.login = login.into_login()?;
    Ok(config)
}

fn refusal(problem: impl std::fmt::Display) -> StoreError {
    StoreError::fatal(format!("Redis URL: {problem}"))
}

fn unknown_scheme(scheme: &str) -> StoreError {
    if scheme.contains("sentinel") || scheme.contains("cluster") {
        return refusal(
            "Sentinel and Cluster are not supported yet: give the address of one master, as in \
             redis://host:6379/0",
        );
    }
    refusal(format!(
        "it begins with {scheme}: and should with redis:, rediss: or redis+unix:, as in \
         redis://host:6379/0"
    ))
}

fn host_and_port(url: &Url) -> Result<(String, u16), StoreError> {
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or_else(|| refusal("it names no host: write it as redis://host:6379/0"))?;
    if host.contains(',') {
        return Err(refusal(
            "it names several hosts: give the address of one master, as in redis://host:6379/0",
        ));
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = decoded("the host", host)?;
    Ok((host, url.port().unwrap_or(DEFAULT_PORT)))
}

fn socket(url: &Url) -> Result<Address, StoreError> {
    let path = decoded("the path", url.path())?;
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    if has_host || !path.starts_with('/') || path == "/" {
        return Err(refusal(
            "a socket has an absolute path and no host: write it as redis+unix:///run/redis.sock",
        ));
    }
    Ok(Address::Unix(PathBuf::from(path)))
}

/// What the URL says of who we are, before it is known to be whole.
struct Parts {
    user: Option<String>,
    password: Option<String>,
}

fn login(url: &Url) -> Result<Parts, StoreError> {
    let user = decoded("the user", url.username())?;
    let password = url.password().map(|text| decoded("the password", text));
    Ok(Parts {
        user: Some(user).filter(|user| !user.is_empty()),
        password: password.transpose()?,
    })
}

impl Parts {
    fn into_login(self) -> Result<Option<Login>, StoreError> {
        match (self.user, self.password) {
            (None, None) => Ok(None),
            (user, Some(password)) => Ok(Some(Login { user, password })),
            (Some(_), None) => Err(refusal(
                "it has a user and no password: write user:password@ before the host, or \
                 :password@ for the default user",
            )),
        }
    }
}

fn with_option(config: RedisConfig, name: &str, value: &str) -> Result<RedisConfig, StoreError> {
    match name {
        "request_limit" => {
            let limit = duration(name, value)?;
            Ok(config.request_limit(limit))
        }
        "min_replica_acks" => {
            let replicas = number(name, value)?;
            Ok(config.min_replica_acks(replicas))
        }
        "restart_grace" => match value {
            "true" => Ok(config.restart_grace()),
            "false" => Ok(config),
            _ => Err(refusal(
                "restart_grace is neither true nor false: write one of them",
            )),
        },
        "tls_ca_file" | "tls_cert_file" | "tls_key_file" => with_file(config, name, value),
        _ => Err(refusal(format!(
            "there is no option {name:?}: the options are request_limit, min_replica_acks, \
             restart_grace, tls_ca_file, tls_cert_file and tls_key_file"
        ))),
    }
}

fn with_file(mut config: RedisConfig, name: &str, value: &str) -> Result<RedisConfig, StoreError> {
    if !matches!(config.address, Address::Tls { .. }) {
        return Err(refusal(format!(
            "{name} is for encrypted connections: begin the URL with rediss:, or remove the option"
        )));
    }
    let file = match name {
        "tls_ca_file" => &mut config.tls_files.authority,
        "tls_cert_file" => &mut config.tls_files.certificate,
        _ => &mut config.tls_files.key,
    };
    *file = Some(PathBuf::from(value));
    Ok(config)
}

fn number(what: &str, text: &str) -> Result<u32, StoreError> {
    text.parse().map_err(|_| {
        refusal(format!(
            "{what} is not a number: write it in digits, as 0 or 1"
        ))
    })
}

fn duration(name: &str, text: &str) -> Result<Duration, StoreError> {
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(refusal(format!(
            "{name} is not a duration longer than nothing: write it as {name}=500ms"
        ))),
    }
}

fn decoded(what: &str, text: &str) -> Result<String, StoreError> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(refusal(format!(
            "{what} is not UTF-8 once it is percent-decoded: encode it anew"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use election_core::StoreErrorKind;

    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        let host = host.to_owned();
        Address::Tcp { host, port }
    }

    fn refusal_of(url: &str) -> String {
        let error = read(url).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Fatal);
        format!("{error} {error:?}")
    }

    #[test]
    fn a_url_names_host_port_and_database() {
        for (url, address, database) in [
            ("redis://cache", tcp("cache", 6379), 0),
            ("redis://cache/", tcp("cache", 6379), 0),
            ("valkey://10.0.0.1:7000/3", tcp("10.0.0.1", 7000), 3),
            ("redis://[::1]:7000", tcp("::1", 7000), 0),
            (
                "rediss://cache",
                Address::Tls {
                    host: "cache".to_owned(),
                    port: 6379,
                },
                0,
            ),
            (
                "unix:/run/a%20b.sock",
                Address::Unix("/run/a b.sock".into()),
                0,
            ),
            (
                "redis+unix:///run/redis.sock?db=2",
                Address::Unix("/run/redis.sock".into()),
                2,
            ),
        ] {
            let config = read(url).unwrap();
            assert_eq!(
                (config.address, config.database),
                (address, database),
                "{url}"
            );
        }
    }

    #[test]
    fn a_login_is_percent_decoded_and_never_shown() {
        for (url, user, shown) in [
            ("redis://:p%40ss%2F@h", None, "redis://:***@h:6379/0"),
            (
                "redis://ada:p%40ss%2F@h/1",
                Some("ada"),
                "redis://ada:***@h:6379/1",
            ),
            (
                "unix:///s?user=ada&password=p%40ss%2F",
                Some("ada"),
                "redis+unix:///s",
            ),
        ] {
            let config = read(url).unwrap();
            let login = config.login.clone().unwrap();
            assert_eq!((login.user.as_deref(), &*login.password), (user, "p@ss/"));
            assert_eq!(config.to_string(), shown);
            assert!(!format!("{config:?} {config:#?}").contains("p@ss"));
        }
    }

    #[test]
    fn options_stand_after_the_question_mark() {
        let config = read(
            "rediss://h?request_limit=250ms&min_replica_acks=2&restart_grace=true\
             &tls_ca_file=/ca.pem&tls_cert_file=/me.pem&tls_key_file=/me.key",
        )
        .unwrap();
        assert_eq!(config.request_limit, Duration::from_millis(250));
        assert_eq!(config.min_replica_acks, 2);
        assert!(config.restart_grace);
        assert_eq!(config.tls_files.key, Some("/me.key".into()));
    }

    #[test]
    fn what_is_wrong_is_refused_with_the_next_step_and_without_the_secret() {
        for (url, because) in [
            ("hunter2", "cannot be read"),
            ("redis://:hunter2@h:port", "cannot be read"),
            ("redis://:hunter2@", "redis://host:6379/0"),
            ("redis://hunter2@h", "no password"),
            (
                "redis://:hunter2@h#insecure",
                "certificates are always verified",
            ),
            ("redis://:hunter2@a,b", "several hosts"),
            ("redis://:hunter2@h/x", "in digits"),
            ("redis://:hunter2@h?timeout=1s", "the options are"),
            ("redis://:hunter2@h?request_limit=0s", "request_limit=500ms"),
            ("redis://:hunter2@h?restart_grace=hunter2", "true nor false"),
            (
                "redis://:hunter2@h?tls_ca_file=/a",
                "begin the URL with rediss:",
            ),
            ("redis://:%FFhunter2@h", "not UTF-8"),
            ("redis+sentinel://:hunter2@h", "not supported yet"),
            ("rediss+cluster://:hunter2@h", "not supported yet"),
            ("postgres://:hunter2@h", "begins with postgres:"),
            ("unix:run/redis.sock?password=hunter2", "absolute path"),
            ("redis+unix://hunter2/redis.sock", "no host"),
        ] {
            let refusal = refusal_of(url);
            assert!(refusal.contains(because), "{url}: {refusal}");
            assert!(!refusal.contains("hunter2"), "{url}: {refusal}");
        }
    }
}
