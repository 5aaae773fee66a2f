//! The elector's behaviour as stories: what happens, and what the machine does about it.
//!
//! Each file in `stories/` is one story. A line `at TIME INPUT` is something that happens; the lines
//! with `>` below it are everything the machine puts out, and the last line says where it stands
//! and when it wants to be woken. `UPDATE_STORIES=1` rewrites the files with what the machine does
//! now; read the difference before you commit it.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A test that meets the unexpected stops there.

use std::{fmt::Write as _, fs, path::Path, time::Duration};

use election_core::{
    Acquired, Candidate, CandidateId, ElectionName, FencingToken, Holder, Incarnation, Instant,
    Lease, LeaseRecord, Metadata, Released, Renewed, StoreErrorKind, Timing,
    machine::{Answer, Event, Input, Machine, Operation, Output, RequestId},
};

#[test]
fn every_story_goes_as_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert!(
        files.len() >= 20,
        "stories are missing: only {} found",
        files.len()
    );
    let update = option_env!("UPDATE_STORIES").is_some()
        || std::env::vars().any(|(k, _)| k == "UPDATE_STORIES");
    let mut wrong = String::new();
    for file in files {
        let told = fs::read_to_string(&file).unwrap();
        let seen = replay(&told);
        if update {
            fs::write(&file, seen).unwrap();
        } else if told != seen {
            let name = file.file_name().unwrap().to_string_lossy();
            writeln!(wrong, "--- {name}: told\n{told}\n+++ {name}: seen\n{seen}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Plays the inputs of a story and writes the story anew with what came out.
fn replay(story: &str) -> String {
    let mut written = String::new();
    let mut machine = None;
    for line in story
        .lines()
        .filter(|line| !line.starts_with('>') && !line.starts_with('='))
    {
        writeln!(written, "{line}").unwrap();
        let mut words = line.split_whitespace();
        match words.next() {
            Some("timing") => machine = Some(new_machine(&words.collect::<Vec<_>>())),
            Some("at") => {
                let machine = machine.as_mut().expect("a story starts with its timing");
                let now = Instant::from_origin(duration(words.next().unwrap()));
                machine.handle_input(now, input(&words.collect::<Vec<_>>()));
                tell_outputs(machine, &mut written);
            }
            _ => {}
        }
    }
    written
}

fn new_machine(settings: &[&str]) -> Machine {
    let mut timing = Timing::builder()
        .jitter_permille(0)
        .request_limit(Duration::from_secs(1))
        .renew_backoff(Duration::from_millis(500))
        .stop_grace(Duration::from_millis(500));
    for setting in settings {
        let (name, value) = setting.split_once('=').unwrap();
        timing = match name {
            "ttl" => timing.ttl(duration(value)),
            "renew" => timing.renew_interval(duration(value)),
            "retry" => timing.retry_interval(duration(value)),
            other => panic!("no such setting: {other}"),
        };
    }
    Machine::new(
        timing.build().unwrap(),
        election(),
        me(),
        0,
        Instant::ORIGIN,
    )
}

fn input(words: &[&str]) -> Input {
    let answer = |id: &str, answer| Input::Answer {
        id: request(id),
        answer: Ok(answer),
    };
    match *words {
        ["timeout"] => Input::Timeout,
        ["hint"] => Input::Hint,
        ["hints-interrupted"] => Input::HintsInterrupted,
        ["resign"] => Input::Resign,
        ["shutdown"] => Input::Shutdown,
        ["work-ended", number] => Input::WorkEnded(token(number)),
        ["granted", id, "token", number] => input(&["granted", id, "token", number, "ttl", "15s"]),
        ["granted", id, "token", number, "ttl", ttl] => {
            let lease = Lease {
                election: election(),
                holder: me().holder(),
                token: token(number),
            };
            answer(
                id,
                Answer::Acquired(Acquired::Granted {
                    lease,
                    ttl: duration(ttl),
                }),
            )
        }
        ["held", id, "by", ..] => answer(id, Answer::Acquired(Acquired::Held(record(&words[3..])))),
        ["extended", id] => input(&["extended", id, "ttl", "15s"]),
        ["extended", id, "ttl", ttl] => answer(
            id,
            Answer::Renewed(Renewed::Extended { ttl: duration(ttl) }),
        ),
        ["lost", id] => answer(id, Answer::Renewed(Renewed::Lost(None))),
        ["lost", id, "to", ..] => answer(
            id,
            Answer::Renewed(Renewed::Lost(Some(record(&words[3..])))),
        ),
        ["released", id] => answer(id, Answer::Released(Released::Done)),
        ["not-held", id] => answer(id, Answer::Released(Released::NotHeld)),
        ["failed", id, kind] => {
            let kind = match kind {
                "unavailable" => StoreErrorKind::Unavailable,
                "indeterminate" => StoreErrorKind::Indeterminate,
                "fatal" => StoreErrorKind::Fatal,
                other => panic!("no such kind: {other}"),
            };
            Input::Answer {
                id: request(id),
                answer: Err(kind),
            }
        }
        ref other => panic!("no such input: {other:?}"),
    }
}

fn tell_outputs(machine: &mut Machine, written: &mut String) {
    while let Some(output) = machine.poll_output() {
        let line = match output {
            Output::Request(request) => {
                let RequestId(id) = request.id;
                let what = match request.operation {
                    Operation::Acquire => "acquire".to_owned(),
                    Operation::Renew(lease) => format!("renew {}", lease.token),
                    Operation::Release(lease) => format!("release {}", lease.token),
                };
                format!("ask #{id} {what}, give up at {:?}", request.give_up_at)
            }
            Output::Event(event) => match event {
                Event::Elected { token, valid_until } => {
                    format!("elected, token {token}, valid until {valid_until:?}")
                }
                Event::Renewed { token, valid_until } => {
                    format!("renewed, token {token}, valid until {valid_until:?}")
                }
                Event::Revoked {
                    token,
                    cause,
                    stop_by,
                } => {
                    format!("revoked, token {token}: {cause}, stop by {stop_by:?}")
                }
                Event::Ended(token) => format!("ended, token {token}"),
                Event::LeaderChanged(Some(record)) => {
                    format!(
                        "leader is {}, token {}",
                        record.lease.holder, record.lease.token
                    )
                }
                Event::LeaderChanged(None) => "leader is not known".to_owned(),
                Event::StoreFailed(kind) => format!("store failed: {kind}"),
                Event::TokenRegressed { granted, seen } => {
                    format!("token regressed: {granted} granted, {seen} seen")
                }
                Event::Stopped => "stopped".to_owned(),
            },
        };
        writeln!(written, "> {line}").unwrap();
    }
    let wake = match machine.poll_timeout() {
        Some(at) => format!("wakes at {at:?}"),
        None => "sleeps".to_owned(),
    };
    writeln!(written, "= {}, {wake}", machine.role()).unwrap();
}

fn record(words: &[&str]) -> LeaseRecord {
    let [id, "token", number, "remaining", remaining] = *words else {
        panic!("{words:?}")
    };
    let holder = Holder {
        id: CandidateId::new(id).unwrap(),
        incarnation: Incarnation(9),
    };
    LeaseRecord {
        lease: Lease {
            election: election(),
            holder,
            token: token(number),
        },
        metadata: Metadata::default(),
        remaining: duration(remaining),
    }
}

fn election() -> ElectionName {
    "story".parse().unwrap()
}

fn me() -> Candidate {
    Candidate {
        id: CandidateId::new("me").unwrap(),
        incarnation: Incarnation(1),
        metadata: Metadata::default(),
    }
}

fn request(id: &str) -> RequestId {
    RequestId(id.trim_start_matches('#').parse().unwrap())
}

fn token(number: &str) -> FencingToken {
    FencingToken::new(number.parse().unwrap()).unwrap()
}

fn duration(text: &str) -> Duration {
    humantime::parse_duration(text).unwrap()
}
