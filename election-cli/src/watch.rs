//! `elect status` and `elect observe`: who leads, without taking part.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use election::{LeaseRecord, Observation, Observer};
use serde_json::json;

use crate::{
    cli::{Form, Observe, Sources, Status},
    exit::{Code, Failure},
};

pub(crate) async fn status(status: Status) -> Result<ExitCode, Failure> {
    let mut observer = observer(&status.election, &status.sources).await?;
    if status.watch {
        return tell_changes(observer, &status.form).await;
    }
    let leader = observer.next().await?;
    tell(&Ok(leader.clone()), &status.form).map_err(Failure::internal)?;
    Ok(if leader.is_some() {
        Code::Done
    } else {
        Code::No
    }
    .into())
}

pub(crate) async fn observe(observe: Observe) -> Result<ExitCode, Failure> {
    let observer = observer(&observe.election, &observe.sources).await?;
    tell_changes(observer, &observe.form).await
}

async fn observer(election: &crate::cli::Election, sources: &Sources) -> Result<Observer, Failure> {
    let name = election.name()?;
    let (settings, store) = sources.connect().await?;
    Ok(Observer::new(store, name, settings.timing.retry_interval()))
}

/// One line per change, until the reader has gone.
async fn tell_changes(mut observer: Observer, form: &Form) -> Result<ExitCode, Failure> {
    let mut told = None;
    loop {
        let seen = observer.next().await;
        let what = identity(&seen);
        if told.as_ref() != Some(&what) {
            match tell(&seen, form) {
                // `elect observe | head` is no failure.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(Code::Done.into());
                }
                other => other.map_err(Failure::internal)?,
            }
            told = Some(what);
        }
    }
}

/// What makes two observations the same: not the time remaining.
fn identity(seen: &Observation) -> Result<Option<u64>, String> {
    match seen {
        Ok(record) => Ok(record.as_ref().map(|record| record.lease.token.as_u64())),
        Err(error) => Err(error.to_string()),
    }
}

fn tell(seen: &Observation, form: &Form) -> io::Result<()> {
    let line = if form.json {
        as_json(seen)
    } else {
        as_text(seen)
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn as_json(seen: &Observation) -> String {
    match seen {
        Ok(Some(LeaseRecord {
            lease,
            metadata,
            remaining,
        })) => json!({
            "leader": lease.holder.id.as_str(),
            "fencing_token": lease.token.as_u64(),
            "remaining_seconds": remaining.as_secs_f64(),
            "metadata": metadata.to_object(),
        }),
        Ok(None) => json!({ "leader": null }),
        Err(error) => json!({ "error": error.to_string(), "kind": error.kind().as_str() }),
    }
    .to_string()
}

fn as_text(seen: &Observation) -> String {
    match seen {
        Ok(Some(LeaseRecord {
            lease,
            metadata,
            remaining,
        })) => {
            let told = match metadata.is_empty() {
                true => String::new(),
                false => format!("  {}", metadata.as_json()),
            };
            let seconds = remaining.as_secs_f64();
            format!(
                "{} leads  token {}  {seconds:.1} s remaining{told}",
                lease.holder.id, lease.token
            )
        }
        Ok(None) => "nobody leads".to_owned(),
        Err(error) => format!("the store cannot be read: {error}"),
    }
}
