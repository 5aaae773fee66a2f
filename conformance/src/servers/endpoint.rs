//! What a URL says about where a server is.

use percent_encoding::percent_decode_str;

use super::kind::Kind;

/// The parts of a server's URL that a first request needs.
///
/// Of several hosts it is the first.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// Host and port, as `TcpStream::connect` takes them.
    pub(super) address: String,
    pub(super) database: Option<String>,
    pub(super) has_tls: bool,
}

impl Endpoint {
    /// Reads a URL such as `redis://user:password@host:6379/0`.
    pub(super) fn parse(kind: Kind, url: &str) -> Result<Self, String> {
        let parts = Parts::of(url).ok_or_else(|| {
            format!(
                "it is no URL: write it as {kind}://host:{}",
                kind.default_port()
            )
        })?;
        let first = parts.hosts.split(',').next().unwrap_or_default();
        if first.is_empty() {
            return Err(format!("it names no host: write it as {kind}://host"));
        }
        let (user, password) = match parts.credentials {
            Some(text) => match text.split_once(':') {
                Some((user, password)) => (decoded(user), decoded(password)),
                None => (decoded(text), None),
            },
            None => (None, None),
        };
        Ok(Self {
            user,
            password,
            address: with_port(first, kind.default_port()),
            database: decoded(parts.path()),
            has_tls: matches!(parts.scheme, "rediss" | "https" | "etcds"),
        })
    }
}

/// The same URL, leading to another address; of several hosts, one is left.
pub(super) fn moved(url: &str, address: &str) -> String {
    match Parts::of(url) {
        Some(parts) => format!("{}{address}{}", parts.before_hosts, parts.after_hosts),
        None => url.to_owned(),
    }
}

/// A URL cut where its grammar has its marks.
struct Parts<'a> {
    scheme: &'a str,
    credentials: Option<&'a str>,
    before_hosts: &'a str,
    hosts: &'a str,
    after_hosts: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, after_hosts) =
            rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (Some(credentials), hosts),
            None => (None, authority),
        };
        Some(Self {
            scheme,
            credentials,
            before_hosts: url.strip_suffix(after_hosts)?.strip_suffix(hosts)?,
            hosts,
            after_hosts,
        })
    }

    fn path(&self) -> &'a str {
        let path = self.after_hosts.split(['?', '#']).next();
        path.unwrap_or_default().trim_start_matches('/')
    }
}

/// The text without percent signs, if any is left.
fn decoded(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8_lossy().into_owned();
    (!text.is_empty()).then_some(text)
}

fn with_port(host: &str, port: u16) -> String {
    // The colons of an IPv6 address stand inside of brackets.
    let after_address = host.rfind(']').map_or(0, |bracket| bracket + 1);
    if host
        .get(after_address..)
        .is_some_and(|rest| rest.contains(':'))
    {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_part_by_part() {
        let found =
            Endpoint::parse(Kind::Redis, "redis://ada:p%40ss@db.example:7000/3?x=1").unwrap();
        assert_eq!(found.user.as_deref(), Some("ada"));
        assert_eq!(found.password.as_deref(), Some("p@ss"));
        assert_eq!(found.address, "db.example:7000");
        assert_eq!(found.database.as_deref(), Some("3"));
        assert!(!found.has_tls);
    }

    #[test]
    fn a_missing_port_is_the_one_of_the_kind() {
        for (url, address) in [
            ("etcd://one", "one:2379"),
            ("etcd://one,two:1/", "one:2379"),
            ("https://[::1]", "[::1]:2379"),
            ("https://[::1]:9", "[::1]:9"),
        ] {
            assert_eq!(Endpoint::parse(Kind::Etcd, url).unwrap().address, address);
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_an_example() {
        let refusal = Endpoint::parse(Kind::Postgres, "localhost").err().unwrap();
        assert_eq!(refusal, "it is no URL: write it as postgres://host:5432");
    }

    #[test]
    fn a_moved_url_keeps_all_but_the_address() {
        assert_eq!(
            moved("postgres://ada:x@db:5432/postgres?a=b", "127.0.0.1:9"),
            "postgres://ada:x@127.0.0.1:9/postgres?a=b"
        );
        assert_eq!(moved("etcd://etcd", "other:2"), "etcd://other:2");
    }
}
