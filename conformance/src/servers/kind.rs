//! The kinds of servers, and by which names each is known.

use std::fmt;

/// The Debian release whose server versions the stand-in images have unless told otherwise.
pub(super) const STAND_IN_SUITE: &str = "bookworm";

/// A kind of server that tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Redis, or Valkey in its place.
    Redis,
    /// Postgres.
    Postgres,
    /// etcd, version 3.
    Etcd,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 3] = [Self::Redis, Self::Postgres, Self::Etcd];

    /// Its name in lower case, as `ELECTION_REQUIRE` lists it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Postgres => "postgres",
            Self::Etcd => "etcd",
        }
    }

    /// The environment variable with the URL of a server that is already there.
    #[must_use]
    pub fn url_variable(self) -> &'static str {
        match self {
            Self::Redis => "ELECTION_TEST_REDIS_URL",
            Self::Postgres => "ELECTION_TEST_POSTGRES_URL",
            Self::Etcd => "ELECTION_TEST_ETCD_URL",
        }
    }

    /// The environment variable with the image to start containers from.
    #[must_use]
    pub fn image_variable(self) -> &'static str {
        match self {
            Self::Redis => "ELECTION_TEST_REDIS_IMAGE",
            Self::Postgres => "ELECTION_TEST_POSTGRES_IMAGE",
            Self::Etcd => "ELECTION_TEST_ETCD_IMAGE",
        }
    }

    /// The image of the product's makers, used unless the environment names another.
    #[must_use]
    pub fn official_image(self) -> &'static str {
        match self {
            Self::Redis => "redis:7-alpine",
            Self::Postgres => "postgres:17-alpine",
            Self::Etcd => "quay.io/coreos/etcd:v3.5.16",
        }
    }

    /// The image `cargo xtask images` builds where no official one can be pulled.
    ///
    /// Its name begins with `localhost/`, so that no engine looks for it in a public registry.
    #[must_use]
    pub fn stand_in_image(self) -> String {
        format!("localhost/standin-{self}:{STAND_IN_SUITE}")
    }

    /// The TCP port it serves on unless told otherwise.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Redis => 6379,
            Self::Postgres => 5432,
            Self::Etcd => 2379,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not `write_str`: tables give a width.
        f.pad(self.name())
    }
}
