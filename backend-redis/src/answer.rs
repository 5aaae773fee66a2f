//! What the scripts answer, in the words of the contract.

use std::time::Duration;

use election_core::{
    CandidateId, ElectionName, FencingToken, Holder, Incarnation, Lease, LeaseRecord, MAX_TTL,
    Metadata,
};
use redis::{FromRedisValue, Value};

use crate::error::Failure;

/// What `acquire.lua` decided.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Granted(FencingToken),
    Held(LeaseRecord),
    /// The server may have forgotten a lease: nothing is granted for so long.
    Wait(Duration),
}

/// Reads the answer of `acquire.lua`.
pub(crate) fn decision(
    answer: Value,
    election: &ElectionName,
    ttl: Duration,
) -> Result<Decision, Failure> {
    let fields = fields(answer)?;
    let number = fields.get(1).cloned().map(i64::from_redis_value);
    match (&fields[..], number) {
        ([Value::Int(1), _], Some(Ok(token))) => {
            let token = token_of(token).ok_or_else(unreadable)?;
            Ok(Decision::Granted(token))
        }
        ([Value::Int(2), _], Some(Ok(wait))) => {
            let wait = u64::try_from(wait).map_err(|_| unreadable())?;
            Ok(Decision::Wait(Duration::from_millis(wait)))
        }
        _ => record_of(fields, election, ttl)?
            .map(Decision::Held)
            .ok_or_else(unreadable),
    }
}

/// Reads the answer of `renew.lua` or `release.lua`: whether it was done, and if not, who holds it.
pub(crate) fn done_or_record(
    answer: Value,
    election: &ElectionName,
    ttl: Duration,
) -> Result<Result<(), Option<LeaseRecord>>, Failure> {
    let fields = fields(answer)?;
    match fields[..] {
        [Value::Int(1)] => Ok(Ok(())),
        [Value::Int(0)] => Ok(Err(None)),
        _ => Ok(Err(record_of(fields, election, ttl)?)),
    }
}

/// Reads the answer of `read.lua`.
pub(crate) fn record(
    answer: Value,
    election: &ElectionName,
) -> Result<Option<LeaseRecord>, Failure> {
    record_of(fields(answer)?, election, MAX_TTL)
}

/// `{0, token, ms left, id, incarnation, metadata}`; nobody holds it if less than -1 ms are left.
///
/// Of another program's key only the id and the time are known. It has incarnation 0, no metadata and
/// the last token there was. One without an end is looked at again after `unending`.
fn record_of(
    fields: Vec<Value>,
    election: &ElectionName,
    unending: Duration,
) -> Result<Option<LeaseRecord>, Failure> {
    type Fields = (i64, i64, i64, Vec<u8>, Vec<u8>, Vec<u8>);
    let (_, token, left, id, incarnation, metadata) =
        Fields::from_redis_value(Value::Array(fields)).map_err(|_| unreadable())?;
    if left < -1 {
        return Ok(None);
    }
    let incarnation = String::from_utf8_lossy(&incarnation).parse();
    let metadata = Metadata::from_json(&String::from_utf8_lossy(&metadata));
    let holder = Holder {
        id: id_of(&id),
        incarnation: incarnation.unwrap_or(Incarnation(0)),
    };
    let lease = Lease {
        election: election.clone(),
        holder,
        token: token_of(token).unwrap_or(FencingToken::FIRST),
    };
    // A key lives until the millisecond after the one that its end is written as.
    let remaining = u64::try_from(left).map_or(unending, |left| Duration::from_millis(left + 1));
    Ok(Some(LeaseRecord {
        lease,
        metadata: metadata.unwrap_or_default(),
        remaining,
    }))
}

/// The id another program wrote may be none of ours; it is shown as well as it can be.
fn id_of(bytes: &[u8]) -> CandidateId {
    let text = String::from_utf8_lossy(bytes);
    let mut end = text.len().min(CandidateId::MAX_LEN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    match text[..end].parse() {
        Ok(id) => id,
        Err(_) => unnamed(),
    }
}

fn unnamed() -> CandidateId {
    match CandidateId::new("(unnamed)") {
        Ok(id) => id,
        Err(_) => unreachable!("it is neither empty nor long"),
    }
}

fn token_of(number: i64) -> Option<FencingToken> {
    u64::try_from(number).ok().and_then(FencingToken::new)
}

fn fields(answer: Value) -> Result<Vec<Value>, Failure> {
    match answer {
        Value::Array(fields) => Ok(fields),
        _ => Err(unreadable()),
    }
}

fn unreadable() -> Failure {
    Failure::indeterminate(
        "Redis answered a script in a way this version does not understand: check that nothing \
         between here and there changes what it says",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn election() -> ElectionName {
        ElectionName::new("x").unwrap()
    }

    fn held(token: i64, left: i64, id: &str, incarnation: &str, metadata: &str) -> Value {
        Value::Array(vec![
            Value::Int(0),
            Value::Int(token),
            Value::Int(left),
            text(id),
            text(incarnation),
            text(metadata),
        ])
    }

    fn read(answer: Value) -> Option<LeaseRecord> {
        record(answer, &election()).unwrap()
    }

    #[test]
    fn a_record_is_read_with_its_time_rounded_up() {
        let incarnation = Incarnation(7);
        let found = read(held(5, 999, "a", &incarnation.to_string(), "{\"k\":1}")).unwrap();
        assert_eq!(found.lease.holder.incarnation, incarnation);
        assert_eq!(found.lease.token.as_u64(), 5);
        assert_eq!(found.metadata.as_json(), "{\"k\":1}");
        assert_eq!(found.remaining, Duration::from_secs(1));
        assert_eq!(read(held(5, -2, "", "", "")), None);
    }

    #[test]
    fn a_key_of_another_program_is_shown_as_well_as_it_can_be() {
        let found = read(held(0, -1, "old", "", "")).unwrap();
        assert_eq!(found.lease.holder.incarnation, Incarnation(0));
        assert_eq!(found.lease.token, FencingToken::FIRST);
        assert_eq!(found.remaining, MAX_TTL);
        for (id, shown) in [
            ("", "(unnamed)".to_owned()),
            (&"é".repeat(200), "é".repeat(127)),
        ] {
            let found = read(held(0, 1, id, "", "")).unwrap();
            assert_eq!(found.lease.holder.id.as_str(), shown);
        }
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_an_error() {
        for answer in [
            Value::Okay,
            Value::Array(vec![]),
            Value::Array(vec![Value::Int(1)]),
            Value::Array(vec![Value::Int(1), Value::Int(0)]),
            Value::Array(vec![Value::Int(2), Value::Int(-1)]),
            held(0, -2, "", "", ""),
        ] {
            assert!(decision(answer, &election(), MAX_TTL).is_err());
        }
    }
}
