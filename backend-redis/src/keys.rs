//! What an election is called on the server.
//!
//! | what | name | for `app:leader` |
//! |---|---|---|
//! | the leader key | the election's name, to the byte | `app:leader` |
//! | the state | `NAME:lease:{NAME}`; with a brace in the name, `NAME:lease` | `app:leader:lease:{app:leader}` |
//! | the channel | `NAME:events` | `app:leader:events` |
//!
//! All of them begin with the name, so that one pattern of an access list (`~app:*`, `&app:*`) covers
//! them. The braces make a cluster keep both keys in one place: it looks only at what stands in the
//! first braces, and at all of a key without. A name with braces of that kind brings its own. Names
//! with other braces (`a}b`, `a{}b`) cannot be kept together; on a single server that does not matter.
//!
//! A name that reads like the state of another election (`x:lease:{x}`) would be a string and a hash
//! at once. Its leader key has a byte more, 0xFF, which no other name can have: names are UTF-8.

use election_core::ElectionName;

const STATE: &str = ":lease";
const CHANNEL: &str = ":events";

/// The names of one election.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    leader: Vec<u8>,
    state: String,
    channel: String,
}

impl Keys {
    pub(crate) fn of(election: &ElectionName) -> Self {
        let name = election.as_str();
        let mut leader = name.as_bytes().to_vec();
        if is_state(name) {
            leader.push(0xff);
        }
        Self {
            leader,
            state: state_of(name),
            channel: channel_of(election),
        }
    }

    pub(crate) fn leader(&self) -> &[u8] {
        &self.leader
    }

    pub(crate) fn state(&self) -> &str {
        &self.state
    }

    pub(crate) fn channel(&self) -> &str {
        &self.channel
    }
}

/// The channel on which changes of this election are hinted at.
pub(crate) fn channel_of(election: &ElectionName) -> String {
    format!("{}{CHANNEL}", election.as_str())
}

fn state_of(name: &str) -> String {
    if has_brace(name) {
        format!("{name}{STATE}")
    } else {
        format!("{name}{STATE}:{{{name}}}")
    }
}

/// Whether this is the name of some election's state.
fn is_state(name: &str) -> bool {
    let of_a_name_with_brace = name.strip_suffix(STATE).filter(|name| has_brace(name));
    let of_a_plain_name = name
        .split_once(&format!("{STATE}:{{"))
        .map(|(plain, _)| plain);
    [of_a_name_with_brace, of_a_plain_name]
        .into_iter()
        .flatten()
        .any(|candidate| !candidate.is_empty() && state_of(candidate) == name)
}

fn has_brace(name: &str) -> bool {
    name.contains(['{', '}'])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn keys(name: &str) -> Keys {
        Keys::of(&ElectionName::new(name).unwrap())
    }

    #[test]
    fn the_leader_key_is_the_name_of_the_election() {
        for name in ["grimnir:leader:scheduler", "{a}b", "a}b", "x:lease", "🗳"] {
            assert_eq!(keys(name).leader(), name.as_bytes());
        }
        let keys = keys("app:leader");
        assert_eq!(keys.state(), "app:leader:lease:{app:leader}");
        assert_eq!(keys.channel(), "app:leader:events");
    }

    #[test]
    fn no_name_is_the_key_of_another() {
        let mut names: Vec<String> = [
            "x",
            "{x}",
            "x}",
            "x{",
            "{",
            "x:lease",
            ":lease",
            "{x}:lease",
        ]
        .map(str::to_owned)
        .to_vec();
        // The state of each, the state of that, and so on, as names of elections.
        for _ in 0..3 {
            names.extend(names.clone().iter().map(|name| state_of(name)));
        }
        let names: HashSet<String> = names.into_iter().collect();
        let mut seen = HashSet::new();
        for name in &names {
            let keys = keys(name);
            assert!(seen.insert(keys.leader.clone()), "{name}");
            assert!(seen.insert(keys.state.into_bytes()), "{name}");
        }
    }

    #[test]
    fn both_keys_of_a_name_without_stray_braces_are_in_one_slot() {
        for name in ["app:leader", "{app}:leader", "a{b}c{d}"] {
            let keys = keys(name);
            assert_eq!(
                hashed(keys.state().as_bytes()),
                hashed(keys.leader()),
                "{name}"
            );
        }
    }

    /// What a cluster hashes of a key.
    fn hashed(key: &[u8]) -> &[u8] {
        let Some(open) = key.iter().position(|byte| *byte == b'{') else {
            return key;
        };
        match key[open + 1..].iter().position(|byte| *byte == b'}') {
            Some(length) if length > 0 => &key[open + 1..=open + length],
            _ => key,
        }
    }
}
