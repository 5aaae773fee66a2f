//! The words of the protocol: one JSON object per line, either way.

use std::{io, time::Duration};

use election_core::{
    Candidate, CandidateId, ElectionName, FencingToken, Holder, Lease, LeaseRecord, Metadata,
};
use serde_json::{Value, json};

/// What the server sends now and then on a line of hints, so that silence can be told from death.
pub(crate) const HEARTBEAT: &str = ".";
/// Look again.
pub(crate) const HINT: &str = "!";

/// Whatever is not of the protocol.
pub(crate) fn garbled() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a line not of the protocol")
}

pub(crate) fn duration_to(duration: Duration) -> Value {
    json!(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

pub(crate) fn duration_from(value: &Value) -> io::Result<Duration> {
    let nanos = value.as_u64().ok_or_else(garbled)?;
    Ok(Duration::from_nanos(nanos))
}

pub(crate) fn election_from(value: &Value) -> io::Result<ElectionName> {
    let name = value.as_str().ok_or_else(garbled)?;
    ElectionName::new(name).map_err(|_| garbled())
}

pub(crate) fn holder_to(holder: &Holder) -> Value {
    json!({ "id": holder.id.as_str(), "run": holder.incarnation.to_string() })
}

pub(crate) fn holder_from(value: &Value) -> io::Result<Holder> {
    let text = |key: &str| value[key].as_str().ok_or_else(garbled);
    Ok(Holder {
        id: CandidateId::new(text("id")?).map_err(|_| garbled())?,
        incarnation: text("run")?.parse().map_err(|_| garbled())?,
    })
}

pub(crate) fn candidate_to(candidate: &Candidate) -> Value {
    let mut value = holder_to(&candidate.holder());
    value["tells"] = json!(candidate.metadata.as_json());
    value
}

pub(crate) fn metadata_from(value: &Value) -> io::Result<Metadata> {
    let text = value.as_str().ok_or_else(garbled)?;
    Metadata::from_json(text).map_err(|_| garbled())
}

pub(crate) fn token_from(value: &Value) -> io::Result<FencingToken> {
    let number = value.as_u64().ok_or_else(garbled)?;
    FencingToken::new(number).ok_or_else(garbled)
}

pub(crate) fn lease_to(lease: &Lease) -> Value {
    json!({
        "of": lease.election.as_str(),
        "by": holder_to(&lease.holder),
        "token": lease.token.as_u64(),
    })
}

pub(crate) fn lease_from(value: &Value) -> io::Result<Lease> {
    Ok(Lease {
        election: election_from(&value["of"])?,
        holder: holder_from(&value["by"])?,
        token: token_from(&value["token"])?,
    })
}

pub(crate) fn record_to(record: Option<&LeaseRecord>) -> Value {
    record.map_or(Value::Null, |record| {
        let mut value = lease_to(&record.lease);
        value["tells"] = json!(record.metadata.as_json());
        value["left"] = duration_to(record.remaining);
        value
    })
}

pub(crate) fn record_from(value: &Value) -> io::Result<Option<LeaseRecord>> {
    if value.is_null() {
        return Ok(None);
    }
    Ok(Some(LeaseRecord {
        lease: lease_from(value)?,
        metadata: metadata_from(&value["tells"])?,
        remaining: duration_from(&value["left"])?,
    }))
}
