//! The address of a store, which may hold a password.

use std::{fmt, str::FromStr};

use percent_encoding::percent_decode_str;

use super::error::ConfigError;

/// Schemes of stores without a server; what follows them is a path, not a host.
const LOCAL_SCHEMES: [&str; 2] = ["memory", "sqlite"];

/// One of these names a database server in a libpq connection string.
const LIBPQ_TARGETS: [&str; 6] = ["dbname", "host", "hostaddr", "port", "service", "user"];

/// A parameter whose name contains one of these is not shown.
const SECRET_NAMES: [&str; 8] = [
    "auth", "cred", "key", "pass", "pwd", "secret", "sig", "token",
];

const HIDDEN: &str = "***";

/// The address of a store, kept as it was given and never shown with its secrets.
///
/// Either a URL (`redis://:password@host:6379/0`, `postgres://…`, `etcd://…`, `sqlite:PATH`,
/// `memory:`) or a libpq connection string (`host=db user=app password=…`). `Debug` and `Display`
/// put `***` in place of passwords, of user names that stand alone, and of parameters that may be
/// secret; only [`StoreUrl::expose`] tells everything.
///
/// ```
/// use election::settings::StoreUrl;
///
/// let url = StoreUrl::parse("redis://:hunter2@cache:6379/0")?;
/// assert_eq!(url.scheme(), "redis");
/// assert_eq!(url.to_string(), "redis://:***@cache:6379/0");
/// # Ok::<(), election::settings::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl {
    text: String,
    scheme: String,
    shown: String,
}

impl StoreUrl {
    /// Accepts a URL or a libpq connection string; white space around it does not count.
    ///
    /// Only what is needed to tell secrets from the rest is checked here: whether there is a store
    /// for the scheme, and whether the rest makes sense to it, is found out when it is connected.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if it is neither, or if a special character of the password is not
    /// percent-encoded. The message does not repeat any part of the text.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::read(text).map_err(|problem| ConfigError::new(format!("store URL: {problem}")))
    }

    /// The part before the colon in lower case; `postgres` for a libpq connection string.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The address as it was given, secrets included. Hand it to the store and to nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Err("the store URL is empty: write one such as redis://host:6379/0");
        }
        if text.contains(char::is_control) {
            return Err("the store URL has a line break or a control character in it: remove it");
        }
        let (scheme, shown) = match split_scheme(text) {
            Some((scheme, rest)) if LOCAL_SCHEMES.contains(&&*scheme) => {
                let shown = format!("{scheme}:{}", without_secret_parameters(rest));
                (scheme, shown)
            }
            Some((scheme, rest)) => {
                let shown = format!("{scheme}://{}", show_server(rest)?);
                (scheme, shown)
            }
            None => ("postgres".to_owned(), show_connection_string(text)?),
        };
        Ok(Self {
            text: text.to_owned(),
            scheme,
            shown,
        })
    }
}

impl FromStr for StoreUrl {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text)
    }
}

/// Without secrets.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Without secrets.
impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({})", self.shown)
    }
}

/// The scheme in lower case, and what follows its colon.
fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let known_form = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    known_form.then(|| (scheme.to_ascii_lowercase(), rest))
}

/// What may be shown of `//user:password@hosts/path?query#fragment`, without the slashes in front.
///
/// An unencoded `@`, `/`, `?` or `#` inside a password moves the place where it seems to end, and
/// programs disagree on where to. Such a URL is refused, or part of the password would be shown.
fn show_server(rest: &str) -> Result<String, &'static str> {
    let Some(rest) = rest.strip_prefix("//") else {
        return Err(
            "the store URL has no // after its scheme: write one such as redis://host:6379/0",
        );
    };
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if tail.contains('@') || authority.matches('@').count() > 1 {
        return Err(
            "the store URL has an @ in an unexpected place: percent-encode special characters \
                    of the password (@ is %40, / is %2F, ? is %3F, # is %23)",
        );
    }
    let (user_info, hosts) = match authority.split_once('@') {
        Some((user_info, hosts)) => (Some(user_info), hosts),
        None => (None, authority),
    };
    if !hosts.split(',').all(has_plain_port) {
        return Err(
            "the store URL has a port that is not a number: write host:6379, and a password \
                    as :password@host:6379",
        );
    }
    let user_info = match user_info.map(|user_info| user_info.split_once(':')) {
        Some(Some((user, _))) => format!("{user}:{HIDDEN}@"),
        Some(None) => format!("{HIDDEN}@"),
        None => String::new(),
    };
    Ok(format!(
        "{user_info}{hosts}{}",
        without_secret_parameters(tail)
    ))
}

fn has_plain_port(host: &str) -> bool {
    let after_address = host.rsplit(']').next().unwrap_or(host);
    match after_address.rsplit_once(':') {
        Some((_, port)) => port.bytes().all(|b| b.is_ascii_digit()),
        None => true,
    }
}

/// The text with the values of secret query parameters hidden.
fn without_secret_parameters(text: &str) -> String {
    let Some((path, query)) = text.split_once('?') else {
        return text.to_owned();
    };
    let (query, fragment) = query.split_at(query.find('#').unwrap_or(query.len()));
    let mut shown = format!("{path}?");
    for parameter in query.split_inclusive(['&', ';']) {
        let (parameter, separator) =
            parameter.split_at(parameter.trim_end_matches(['&', ';']).len());
        match parameter.split_once('=') {
            Some((name, value)) if is_secret(name, value) => {
                shown.extend([name, "=", HIDDEN]);
            }
            _ => shown.push_str(parameter),
        }
        shown.push_str(separator);
    }
    shown + fragment
}

/// Whether a parameter is named like a secret or holds an address, which may have one inside.
fn is_secret(name: &str, value: &str) -> bool {
    let decode = |text| percent_decode_str(text).decode_utf8_lossy();
    let name = decode(name).to_ascii_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret)) || decode(value).contains('@')
}

/// What may be shown of `host=db user=app password=…`.
fn show_connection_string(text: &str) -> Result<String, &'static str> {
    let pairs = parameters(text)
        .filter(|pairs| pairs.iter().any(|(name, _)| LIBPQ_TARGETS.contains(name)))
        .ok_or(
            "the store URL is neither a URL such as redis://host:6379/0 nor a connection string such \
             as host=db dbname=app, where values with spaces stand in single quotes: write one of them",
        )?;
    let shown: Vec<_> = pairs
        .into_iter()
        .map(|(name, value)| match is_secret(name, value) {
            true => format!("{name}={HIDDEN}"),
            false => format!("{name}={value}"),
        })
        .collect();
    Ok(shown.join(" "))
}

/// Names and values of a libpq connection string, the values with their quotes.
///
/// The grammar is that of the PostgreSQL manual, section "Keyword/Value Connection Strings".
fn parameters(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_end();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return None;
        }
        let after = after.trim_start();
        let (value, after) = after.split_at(value_length(after)?);
        pairs.push((name, value));
        rest = after.trim_start();
    }
    Some(pairs)
}

/// How many bytes of the text are its first value; `None` if a quote or an escape never ends.
fn value_length(text: &str) -> Option<usize> {
    let quoted = text.starts_with('\'');
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => _ = chars.next()?,
            '\'' if quoted => return Some(at + 1),
            c if !quoted && c.is_whitespace() => return Some(at),
            _ => {}
        }
    }
    (!quoted).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (given, scheme, shown) in [
            ("redis://host", "redis", "redis://host"),
            (
                "REDIS://:pw@host:6379/0",
                "redis",
                "redis://:***@host:6379/0",
            ),
            (
                "rediss://app:p%40w@host/0",
                "rediss",
                "rediss://app:***@host/0",
            ),
            ("redis://pw@host", "redis", "redis://***@host"),
            (
                "redis://[::1]:6379/0#insecure",
                "redis",
                "redis://[::1]:6379/0#insecure",
            ),
            (
                "etcd://u:pw@a:2379,b:2379",
                "etcd",
                "etcd://u:***@a:2379,b:2379",
            ),
            (
                "postgresql://u@h/db?sslmode=require&PassWord=pw&x=1#f",
                "postgresql",
                "postgresql://***@h/db?sslmode=require&PassWord=***&x=1#f",
            ),
            (
                "postgres:///db?host=/run/pg;sslpassword=pw&p%61ssword=pw&token=pw",
                "postgres",
                "postgres:///db?host=/run/pg;sslpassword=***&p%61ssword=***&token=***",
            ),
            (
                "redis://h?proxy=http%3A%2F%2Fu%3Apw%40p",
                "redis",
                "redis://h?proxy=***",
            ),
            (
                "sqlite:/home/a@b/e.db?key=pw",
                "sqlite",
                "sqlite:/home/a@b/e.db?key=***",
            ),
            ("sqlite:///x.db", "sqlite", "sqlite:///x.db"),
            ("memory:", "memory", "memory:"),
            (" redis://host\n", "redis", "redis://host"),
            (
                "host=db user=app password = 'a b\\'c' sslpassword=x\\ y dbname=d",
                "postgres",
                "host=db user=app password=*** sslpassword=*** dbname=d",
            ),
            ("dbname=postgres://u:pw@h/d", "postgres", "dbname=***"),
        ] {
            let url = StoreUrl::parse(given).unwrap();
            assert_eq!((url.scheme(), &*url.to_string()), (scheme, shown));
            assert_eq!(format!("{url:?}"), format!("StoreUrl({shown})"));
            assert_eq!(url.expose(), given.trim());
        }
    }

    #[test]
    fn what_cannot_be_parsed_is_refused_without_being_repeated() {
        for (given, because) in [
            ("", "is empty"),
            ("hunter2", "neither a URL"),
            (":hunter2@host/0", "neither a URL"),
            ("hunter2@host:6379", "neither a URL"),
            ("aHVudGVyMg==", "neither a URL"),
            ("host=db password='hunter2", "neither a URL"),
            ("host=db password=a hunter2", "neither a URL"),
            ("cache:6379", "no // after"),
            ("redis::hunter2@host", "no // after"),
            ("redis://:hunter2", "port that is not a number"),
            ("redis://user:hunter2/0", "port that is not a number"),
            ("redis://:hun@ter2@host", "an @ in an unexpected place"),
            ("redis://:hun/ter2@host", "an @ in an unexpected place"),
            ("redis://:hun?ter2@host", "an @ in an unexpected place"),
            ("redis://:hun#ter2@host", "an @ in an unexpected place"),
            ("redis:///:hunter2@host", "an @ in an unexpected place"),
            ("redis://h\nredis://:hunter2@h", "line break"),
        ] {
            let refusal = StoreUrl::parse(given).unwrap_err().to_string();
            assert!(refusal.contains(because), "{given:?}: {refusal}");
            for part in ["hunter2", "hun/", "ter2", "aHVudGVyMg"] {
                assert!(!refusal.contains(part), "{given:?}: {refusal}");
            }
        }
    }
}
