//! Answers in words, for the transcript of a failed check.

use election_core::{Acquired, ElectionName, Holder, Lease, LeaseRecord, Released, Renewed};

/// The longest metadata or name that is shown whole, in characters.
const SHOWN: usize = 60;

/// `ada#2`: the id, and which of this check's candidates it is.
pub(crate) fn holder(holder: &Holder) -> String {
    let serial = u64::try_from(holder.incarnation.0 & u128::from(u64::MAX)).unwrap_or_default();
    format!("{}#{serial}", shortened(&holder.id.to_string()))
}

pub(crate) fn election(election: &ElectionName) -> String {
    format!("`{}`", shortened(&election.to_string()))
}

pub(crate) fn lease(lease: &Lease) -> String {
    format!(
        "{} of {} with token {}",
        election(&lease.election),
        holder(&lease.holder),
        lease.token
    )
}

pub(crate) fn record(record: &LeaseRecord) -> String {
    format!(
        "{}, {:?} left, metadata {}",
        lease(&record.lease),
        record.remaining,
        shortened(record.metadata.as_json())
    )
}

pub(crate) fn optional_record(found: Option<&LeaseRecord>) -> String {
    found.map_or_else(|| "nobody".to_owned(), record)
}

pub(crate) fn acquired(answer: &Acquired) -> String {
    match answer {
        Acquired::Granted {
            lease: granted,
            ttl,
        } => {
            format!("Granted {} for {ttl:?}", lease(granted))
        }
        Acquired::Held(found) => format!("Held: {}", record(found)),
    }
}

pub(crate) fn renewed(answer: &Renewed) -> String {
    match answer {
        Renewed::Extended { ttl } => format!("Extended for {ttl:?}"),
        Renewed::Lost(found) => format!("Lost to {}", optional_record(found.as_ref())),
    }
}

pub(crate) fn released(answer: Released) -> String {
    format!("{answer:?}")
}

fn shortened(text: &str) -> String {
    let length = text.chars().count();
    if length <= SHOWN {
        return text.to_owned();
    }
    let head: String = text.chars().take(SHOWN).collect();
    format!("{head}… ({length} characters)")
}
