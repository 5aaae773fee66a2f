//! What an answer claims about the lease, at the one moment it was true.

use std::time::Duration;

use election_core::{Acquired, ElectionName, Lease, LeaseRecord, Metadata, Released, Renewed};

use super::{
    call::{Answer, Request},
    lease_model::{Refusal, Tokens},
};

/// The claim of one answer. Many answers make the same claim.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claim<'a> {
    /// From now on this lease is in force.
    Granted {
        lease: &'a Lease,
        metadata: &'a Metadata,
        ttl: Duration,
    },
    /// It was in force, and runs anew.
    Extended { lease: &'a Lease, ttl: Duration },
    /// It was in force, and is free now.
    Freed { lease: &'a Lease },
    /// It is in force.
    InForce { record: &'a LeaseRecord },
    /// No lease is in force.
    Nobody,
    /// Whatever is in force, it is not this.
    NotInForce { lease: &'a Lease },
}

impl<'a> Claim<'a> {
    /// What the answer claims.
    ///
    /// # Errors
    ///
    /// Why it cannot be true, whatever the state of the lease.
    pub(super) fn of(request: &'a Request, answer: &'a Answer) -> Result<Self, Refusal> {
        match (request, answer) {
            (
                Request::Acquire {
                    election,
                    candidate,
                    ttl: asked,
                },
                Answer::Acquired(Acquired::Granted { lease, ttl }),
            ) => {
                same_election(election, lease)?;
                if lease.holder != candidate.holder() {
                    return Err(Refusal::AnotherHolder);
                }
                at_least(*asked, *ttl)?;
                Ok(Self::Granted {
                    lease,
                    metadata: &candidate.metadata,
                    ttl: *ttl,
                })
            }
            (
                Request::Acquire {
                    election,
                    candidate,
                    ..
                },
                Answer::Acquired(Acquired::Held(record)),
            ) => {
                let by_itself = record.lease.holder == candidate.holder();
                Self::in_force_unless(by_itself, election, record)
            }
            (Request::Renew { lease, ttl: asked }, Answer::Renewed(Renewed::Extended { ttl })) => {
                at_least(*asked, *ttl)?;
                Ok(Self::Extended { lease, ttl: *ttl })
            }
            (Request::Renew { lease, .. }, Answer::Renewed(Renewed::Lost(Some(record)))) => {
                Self::in_force_unless(record.lease == *lease, &lease.election, record)
            }
            (Request::Release { lease }, Answer::Released(Released::Done)) => {
                Ok(Self::Freed { lease })
            }
            (Request::Release { lease }, Answer::Released(Released::NotHeld)) => {
                Ok(Self::NotInForce { lease })
            }
            (Request::Read { election }, Answer::Read(Some(record))) => {
                Self::in_force_unless(false, election, record)
            }
            (Request::Renew { .. }, Answer::Renewed(Renewed::Lost(None)))
            | (Request::Read { .. }, Answer::Read(None)) => Ok(Self::Nobody),
            _ => Err(Refusal::AnotherKindOfAnswer),
        }
    }

    fn in_force_unless(
        by_itself: bool,
        election: &ElectionName,
        record: &'a LeaseRecord,
    ) -> Result<Self, Refusal> {
        same_election(election, &record.lease)?;
        if by_itself {
            return Err(Refusal::RefusedByItself);
        }
        Ok(Self::InForce { record })
    }

    /// The lease that must have been in force when the answer was right.
    pub(super) fn needs(&self) -> Option<&'a Lease> {
        match *self {
            Self::Extended { lease, .. } | Self::Freed { lease } => Some(lease),
            Self::InForce { record } => Some(&record.lease),
            Self::Granted { .. } | Self::Nobody | Self::NotInForce { .. } => None,
        }
    }

    /// Adds the tokens it names.
    pub(super) fn tell(&self, tokens: &mut Tokens) {
        if let Self::Granted { lease, .. } = self {
            tokens.add(lease);
            tokens.granted.insert(lease.token.as_u64());
        }
        if let Some(lease) = self.needs() {
            tokens.add(lease);
        }
    }
}

fn same_election(election: &ElectionName, lease: &Lease) -> Result<(), Refusal> {
    if lease.election == *election {
        return Ok(());
    }
    Err(Refusal::AnotherElection)
}

fn at_least(asked: Duration, granted: Duration) -> Result<(), Refusal> {
    if granted >= asked {
        return Ok(());
    }
    Err(Refusal::ShorterThanAsked)
}
