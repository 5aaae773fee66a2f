//! What a flaw makes of names, identities and facts. Without one, nothing.

use std::time::Duration;

use election_core::{
    Candidate, ElectionName, FencingToken, Holder, Instant, Lease, LeaseRecord, Metadata,
};

use super::{
    flaw::Flaw,
    world::{Held, World},
};
use crate::hash::FNV1A;

/// The most that a flawed store grants.
pub(super) const CUT_TTL: Duration = Duration::from_secs(1);

impl World {
    pub(super) fn key(&self, election: &ElectionName) -> String {
        let name = election.as_str();
        match self.flaw {
            Some(Flaw::FoldsNames) => name.to_lowercase(),
            Some(Flaw::TrimsNames) => name.trim().to_owned(),
            Some(Flaw::ComposesNames) => name.replace("e\u{301}", "\u{e9}"),
            Some(Flaw::HashesNames) => FNV1A.of(name.as_bytes()).to_string(),
            Some(Flaw::CutsNames) => cut(name, 200).to_owned(),
            Some(Flaw::CutsNamesAtZero) => name.split('\0').next().unwrap_or(name).to_owned(),
            Some(Flaw::KeepsWhatIsInBraces) => match name.split_once('{') {
                Some((_, rest)) => rest.split('}').next().unwrap_or(rest).to_owned(),
                None => name.to_owned(),
            },
            _ => name.to_owned(),
        }
    }

    pub(super) fn same(&self, one: &Holder, other: &Holder) -> bool {
        match self.flaw {
            Some(Flaw::KnowsIdsOnly) => one.id == other.id,
            Some(Flaw::FoldsIds) => {
                one.id.as_str().to_lowercase() == other.id.as_str().to_lowercase()
                    && one.incarnation == other.incarnation
            }
            _ => one == other,
        }
    }

    pub(super) fn same_lease(&self, held: &Held, lease: &Lease) -> bool {
        held.lease.token == lease.token && self.same(&held.lease.holder, &lease.holder)
    }

    pub(super) fn kept_metadata(&self, metadata: &Metadata) -> Metadata {
        let given = metadata.as_json();
        match self.flaw {
            Some(Flaw::DropsMetadata) => Metadata::default(),
            Some(Flaw::DropsLongMetadata) if given.len() > 1_024 => Metadata::default(),
            Some(Flaw::DoublesQuotes) => {
                Metadata::from_json(&given.replace('\'', "''")).unwrap_or_default()
            }
            _ => metadata.clone(),
        }
    }

    /// What is granted, and what is said to be.
    pub(super) fn granted_ttl(&self, asked: Duration) -> (Duration, Duration) {
        match self.flaw {
            Some(Flaw::CutsTheTtl) => (asked.min(CUT_TTL), asked.min(CUT_TTL)),
            Some(Flaw::CutsTheTtlInSilence) => (asked.min(CUT_TTL), asked),
            _ => (asked, asked),
        }
    }

    pub(super) fn record(&self, held: &Held, now: Instant) -> LeaseRecord {
        let remaining = held.expires_at.saturating_since(now);
        LeaseRecord {
            lease: held.lease.clone(),
            metadata: held.metadata.clone(),
            remaining: match self.flaw {
                Some(Flaw::RoundsDown) => Duration::from_secs(remaining.as_secs()),
                _ => remaining,
            },
        }
    }

    pub(super) fn refusal(
        &self,
        held: &Held,
        asker: &Candidate,
        asked: Duration,
        now: Instant,
    ) -> LeaseRecord {
        let mut record = self.record(held, now);
        match self.flaw {
            Some(Flaw::RefusesInTheAskersName) => record.lease.holder = asker.holder(),
            Some(Flaw::RefusesWithAnOldToken) => {
                let before = FencingToken::new(held.lease.token.as_u64() - 1);
                record.lease.token = before.unwrap_or(FencingToken::FIRST);
            }
            Some(Flaw::RefusesWithoutMetadata) => record.metadata = Metadata::default(),
            Some(Flaw::RefusesForTheAskersTtl) => record.remaining = asked,
            _ => {}
        }
        record
    }
}

/// The first `length` bytes, or fewer where that would split a character.
fn cut(text: &str, length: usize) -> &str {
    let fits = |end: &usize| *end <= length;
    let end = text
        .char_indices()
        .map(|(place, c)| place + c.len_utf8())
        .take_while(fits)
        .last();
    &text[..end.unwrap_or_default()]
}
