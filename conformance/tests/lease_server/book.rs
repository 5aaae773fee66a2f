//! What the server remembers: in memory, and line by line in a file.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    time::{Duration, SystemTime},
};

use election_clock::BootClock;
use election_core::{
    Clock, ElectionName, FencingToken, Holder, Instant, Lease, LeaseRecord, Metadata,
};
use serde_json::{Value, json};

use super::{flaw::Flaw, wire};

/// The leases and tokens of all elections.
pub(crate) struct Book {
    flaw: Option<Flaw>,
    file: File,
    elections: HashMap<ElectionName, Entry>,
    /// Grants by the request they answered, for a server with the flaw of repeating them.
    answered: HashMap<String, Held>,
    /// Lines a flawed server has not written yet.
    unwritten: String,
}

#[derive(Clone, Default)]
struct Entry {
    last_token: u64,
    held: Option<Held>,
}

#[derive(Clone)]
struct Held {
    lease: Lease,
    metadata: Metadata,
    ttl: Duration,
    expires_at: Instant,
}

impl Book {
    /// The book in this file, which is begun if there is none.
    pub(crate) fn open(path: &str, flaw: Option<Flaw>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path)?;
        let mut elections = HashMap::new();
        for line in BufReader::new(&file).lines() {
            // The last line may have been cut off by a kill; nobody was answered then.
            let Ok(line) = serde_json::from_str::<Value>(&line?) else {
                continue;
            };
            let (election, entry) = entry_from(&line)?;
            elections.insert(election, entry);
        }
        for entry in elections.values_mut() {
            match flaw {
                Some(Flaw::ForgetsTokensOnRestart) => *entry = Entry::default(),
                Some(Flaw::ForgetsLeasesOnRestart) => entry.held = None,
                Some(Flaw::RevivesLeasesOnRestart) => {
                    if let Some(held) = &mut entry.held {
                        held.expires_at = BootClock.now().plus(held.ttl);
                    }
                }
                _ => {}
            }
        }
        Ok(Self {
            flaw,
            file,
            elections,
            answered: HashMap::new(),
            unwritten: String::new(),
        })
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// The answer to a request, and whether the holder of its election has changed.
    pub(crate) fn answer(&mut self, request: &Value) -> io::Result<(Value, bool)> {
        // One moment for the whole answer: a lease that ends in the middle of it would be torn.
        let now = BootClock.now();
        let answer = match request["do"].as_str() {
            Some("acquire") => self.acquire(request, now)?,
            Some("renew") => self.renew(request, now)?,
            Some("release") => self.release(request, now)?,
            Some("read") => {
                let election = wire::election_from(&request["of"])?;
                json!({ "found": self.record(&election, now) })
            }
            Some("set") => {
                let election = wire::election_from(&request["of"])?;
                let last_token = request["token"].as_u64().ok_or_else(wire::garbled)?;
                self.write(
                    &election,
                    Entry {
                        last_token,
                        held: None,
                    },
                )?;
                json!({ "done": true })
            }
            Some("delete") => {
                let election = wire::election_from(&request["of"])?;
                self.write(&election, Entry::default())?;
                json!({ "done": true })
            }
            _ => return Err(wire::garbled()),
        };
        let changed = !answer["granted"].is_null() || answer["released"] == true;
        Ok((answer, changed))
    }

    fn acquire(&mut self, request: &Value, now: Instant) -> io::Result<Value> {
        let election = wire::election_from(&request["of"])?;
        let holder = wire::holder_from(&request["by"])?;
        if let Some(held) = self.in_force(&election, now)
            && held.lease.holder != holder
        {
            return Ok(json!({ "held": self.record(&election, now) }));
        }
        let known = request.to_string();
        let again = self.answered.get(&known).cloned();
        let again = again.filter(|_| self.has(Flaw::GrantsTheSameTwice));
        let held = match again {
            Some(held) => held,
            None => match self.grant(&election, holder, request, now)? {
                Some(held) => held,
                None => return Ok(json!({ "fatal": "the tokens of this election are used up" })),
            },
        };
        self.answered.insert(known, held.clone());
        let granted = json!({
            "granted": held.lease.token.as_u64(),
            "ttl": wire::duration_to(held.ttl),
        });
        let last_token = held.lease.token.as_u64();
        let held = Some(held);
        self.write(&election, Entry { last_token, held })?;
        Ok(granted)
    }

    fn grant(
        &self,
        election: &ElectionName,
        holder: Holder,
        request: &Value,
        now: Instant,
    ) -> io::Result<Option<Held>> {
        let ttl = wire::duration_from(&request["ttl"])?;
        let chosen = request["token"].as_u64();
        let number = chosen.unwrap_or_else(|| self.next_token(election));
        Ok(FencingToken::new(number).map(|token| Held {
            lease: Lease {
                election: election.clone(),
                holder,
                token,
            },
            metadata: wire::metadata_from(&request["by"]["tells"]).unwrap_or_default(),
            ttl,
            expires_at: now.plus(ttl),
        }))
    }

    /// One above the last, and never below the wall clock: so tokens rise though all is lost.
    fn next_token(&self, election: &ElectionName) -> u64 {
        let last = self.elections.get(election).map_or(0, |of| of.last_token);
        let floor = match self.flaw {
            Some(
                Flaw::ForgetsTokensOnRestart
                | Flaw::AnswersBeforeItWrites
                | Flaw::ForgetsTokensOnDataLoss
                | Flaw::ForgetsTokensOfTheDeleted,
            ) => 0,
            _ => SystemTime::UNIX_EPOCH
                .elapsed()
                .map_or(0, |since| since.as_micros()),
        };
        (last + 1).max(u64::try_from(floor).unwrap_or(0))
    }

    fn renew(&mut self, request: &Value, now: Instant) -> io::Result<Value> {
        let lease = wire::lease_from(&request["lease"])?;
        let ttl = wire::duration_from(&request["ttl"])?;
        let entry = self.elections.get(&lease.election).cloned();
        let mut entry = entry.unwrap_or_default();
        let expired = self.has(Flaw::RenewsTheExpired);
        match &mut entry.held {
            Some(held) if held.lease == lease && (expired || held.is_in_force(now)) => {
                held.ttl = ttl;
                held.expires_at = now.plus(ttl);
            }
            _ => return Ok(json!({ "lost": self.record(&lease.election, now) })),
        }
        self.write(&lease.election, entry)?;
        Ok(json!({ "extended": wire::duration_to(ttl) }))
    }

    fn release(&mut self, request: &Value, now: Instant) -> io::Result<Value> {
        let lease = wire::lease_from(&request["lease"])?;
        let any_token = self.has(Flaw::ReleasesEveryTokenOfAHolder);
        let released = self.in_force(&lease.election, now).is_some_and(|held| {
            held.lease == lease || any_token && held.lease.holder == lease.holder
        });
        if released {
            let entry = self.elections.get(&lease.election);
            let last_token = entry.map_or(0, |entry| entry.last_token);
            self.write(
                &lease.election,
                Entry {
                    last_token,
                    held: None,
                },
            )?;
        }
        Ok(json!({ "released": released }))
    }

    fn in_force(&self, election: &ElectionName, now: Instant) -> Option<&Held> {
        let held = self.elections.get(election)?.held.as_ref();
        held.filter(|held| held.is_in_force(now))
    }

    fn record(&self, election: &ElectionName, now: Instant) -> Value {
        let record = self.in_force(election, now).map(|held| LeaseRecord {
            lease: held.lease.clone(),
            metadata: held.metadata.clone(),
            remaining: held.expires_at.saturating_since(now),
        });
        wire::record_to(record.as_ref())
    }

    /// Remembers an election, in the file before anybody is answered.
    fn write(&mut self, election: &ElectionName, entry: Entry) -> io::Result<()> {
        let mut line = entry_to(election, &entry).to_string();
        line.push('\n');
        self.elections.insert(election.clone(), entry);
        if self.has(Flaw::AnswersBeforeItWrites) {
            self.unwritten.push_str(&line);
            return Ok(());
        }
        self.file.write_all(line.as_bytes())
    }
}

impl Held {
    /// Expiry is a comparison, so it needs nobody to look.
    fn is_in_force(&self, now: Instant) -> bool {
        now < self.expires_at
    }
}

fn entry_to(election: &ElectionName, entry: &Entry) -> Value {
    let held = entry.held.as_ref().map(|held| {
        json!({
            "lease": wire::lease_to(&held.lease),
            "tells": held.metadata.as_json(),
            "ttl": wire::duration_to(held.ttl),
            // A time of the boot clock means the same to every process of this host.
            "end": wire::duration_to(held.expires_at.since_origin()),
        })
    });
    json!({ "of": election.as_str(), "last": entry.last_token, "held": held })
}

fn entry_from(line: &Value) -> io::Result<(ElectionName, Entry)> {
    let held = match &line["held"] {
        Value::Null => None,
        held => Some(Held {
            lease: wire::lease_from(&held["lease"])?,
            metadata: wire::metadata_from(&held["tells"])?,
            ttl: wire::duration_from(&held["ttl"])?,
            expires_at: Instant::from_origin(wire::duration_from(&held["end"])?),
        }),
    };
    let last_token = line["last"].as_u64().unwrap_or_default();
    Ok((
        wire::election_from(&line["of"])?,
        Entry { last_token, held },
    ))
}
