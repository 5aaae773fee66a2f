//! The four steps, each one script that the server runs as a whole.
//!
//! Every script begins with `lease.lua`, which looks at the two keys of an election and names what
//! it sees. The keys are declared, so that a cluster or a proxy can tell where the script belongs.

use std::sync::LazyLock;

use redis::{Cmd, cmd};

use crate::keys::Keys;

/// Takes the lease, or tells who has it.
pub(crate) static ACQUIRE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/acquire.lua")));

/// Extends exactly one lease.
pub(crate) static RENEW: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/renew.lua")));

/// Frees exactly one lease.
pub(crate) static RELEASE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/release.lua")));

/// Tells who holds the lease.
pub(crate) static READ: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/read.lua")));

/// One script, and the name the server knows it by once it has seen it.
pub(crate) struct Script {
    text: String,
    hash: String,
}

impl Script {
    fn new(step: &str) -> Self {
        let text = [include_str!("scripts/lease.lua"), step].concat();
        let hash = redis::Script::new(&text).get_hash().to_owned();
        Self { text, hash }
    }

    /// The script by name; a server that has not seen it answers NOSCRIPT.
    pub(crate) fn by_hash(&self, keys: &Keys, arguments: &[&str]) -> Cmd {
        call("EVALSHA", &self.hash, keys, arguments)
    }

    /// The script in full, which a server remembers. Needs no right to load scripts.
    pub(crate) fn in_full(&self, keys: &Keys, arguments: &[&str]) -> Cmd {
        call("EVAL", &self.text, keys, arguments)
    }
}

fn call(verb: &str, script: &str, keys: &Keys, arguments: &[&str]) -> Cmd {
    let mut call = cmd(verb);
    call.arg(script)
        .arg(2)
        .arg(keys.leader())
        .arg(keys.state())
        .arg(arguments);
    call
}
