//! H: elections do not disturb each other, and what is told is kept exactly.

use std::time::Duration;

use election_core::{CandidateId, ElectionName, Metadata};

use crate::{
    check::{Judgement, Stop, require},
    client::Grant,
    context::{Context, LONG},
    hash::{FNV1A, POLYNOMIAL, colliding_pair},
    wording,
};

pub(super) async fn of_many_leases_only_the_renewed_are_kept(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    // One candidate for all, as one process has: renewing some of its leases must not keep others.
    let (ada, bob) = (cx.candidate("ada")?, cx.candidate("bob")?);
    let count = cx.scale().of(60, 10_000);
    // The first must last until all are granted: 4 ms each are enough for any store in use.
    let ttl = cx.short() + Duration::from_millis(4) * u32::try_from(count).unwrap_or(u32::MAX);
    let mut grants = Vec::with_capacity(count);
    for number in 0..count {
        let election = cx.election(&number.to_string())?;
        grants.push(a.granted(&election, &ada, ttl).await?);
    }
    let mut kept = Vec::new();
    for grant in grants.iter().step_by(2) {
        cx.extended(&a, grant, LONG).await?;
        kept.push(grant);
    }
    for grant in &grants {
        cx.past(grant).await;
    }
    for grant in grants.iter().skip(1).step_by(2) {
        b.granted(&grant.lease.election, &bob, LONG).await?;
    }
    for grant in kept {
        b.holds(&grant.lease).await?;
        a.extended(&grant.lease, LONG).await?;
    }
    Ok(())
}

/// All `names` are held at once, each by a candidate of its own, and each is found exactly.
async fn are_independent(cx: &Context, names: Vec<ElectionName>) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let mut grants: Vec<Grant> = Vec::new();
    for name in &names {
        let candidate = cx.candidate(&format!("holder {}", grants.len()))?;
        grants.push(a.granted(name, &candidate, LONG).await?);
    }
    for grant in &grants {
        b.holds(&grant.lease).await?;
    }
    // Freeing every other one leaves the rest as they were.
    for grant in grants.iter().step_by(2) {
        a.released(&grant.lease).await?;
    }
    for (place, grant) in grants.iter().enumerate() {
        if place % 2 == 0 {
            b.nobody(&grant.lease.election).await?;
        } else {
            b.holds(&grant.lease).await?;
            a.extended(&grant.lease, LONG).await?;
        }
    }
    Ok(())
}

pub(super) async fn every_name_is_an_election_of_its_own(cx: &Context) -> Judgement {
    let labels = [
        "a",
        " ",
        "\t",
        "\n",
        "\r\n",
        "\0",
        "\0a",
        "\0b",
        "\u{7f}",
        "a b",
        "\"",
        "'",
        "\\",
        "`",
        "{x}",
        "{x}y",
        "*",
        "?",
        "[a]",
        "%",
        "%00",
        "%s",
        "$1",
        ":name",
        "#",
        ";",
        "--",
        "/",
        "//",
        ".",
        "..",
        "../..",
        "a/b",
        "🗳",
        "👩‍👩‍👧",
        "עברית",
        "日本",
        "ÿ",
        "__proto__",
        "null",
        "\u{fffd}",
        "\u{feff}",
    ];
    are_independent(cx, labelled(cx, &labels)?).await
}

fn labelled(cx: &Context, labels: &[&str]) -> Judgement<Vec<ElectionName>> {
    labels.iter().map(|label| cx.election(label)).collect()
}

pub(super) async fn names_that_look_alike_are_told_apart(cx: &Context) -> Judgement {
    let mut names = labelled(
        cx,
        &[
            "night",
            "Night",
            "NIGHT",
            "night ",
            " night",
            "night\0",
            "night/",
            "nights",
            "nigh",
            "\u{e9}",
            "e\u{301}",
            "\u{fb01}",
            "fi",
            "\u{3a9}",
            "\u{2126}",
            "ı",
            "i",
            "I",
            "ß",
            "ss",
            "ſ",
            "s",
            "0",
            "00",
            "1",
            "01",
            "Aa",
            "BB",
            "plumless",
            "buckeroo",
            "a\u{200b}b",
            "ab",
        ],
    )?;
    // Two names of one 32-bit hash each, in case a store keeps hashes instead of names.
    for (kind, hash) in [("fnv", FNV1A), ("31", POLYNOMIAL)] {
        let prefix = format!("{}{kind} ", cx.prefix());
        let pair = colliding_pair(&prefix, hash)
            .ok_or_else(|| Stop::Broken("found no two names of one hash".to_owned()))?;
        for suffix in pair {
            names.push(cx.election_named(&format!("{prefix}{suffix:08x}"))?);
        }
    }
    are_independent(cx, names).await
}

pub(super) async fn the_longest_names_are_told_apart(cx: &Context) -> Judgement {
    let mut names = Vec::new();
    for length in [63, 64, 127, 128, 254, 255] {
        for last in ['x', 'y'] {
            let padding = "-".repeat(length - cx.prefix().len().min(length - 1) - 1);
            names.push(cx.election_named(&format!("{}{padding}{last}", cx.prefix()))?);
        }
    }
    are_independent(cx, names).await
}

/// Text that is dangerous in some language a store may speak.
const INJECTIONS: &[&str] = &[
    "'; DROP TABLE lease; --",
    "\" OR \"\"=\"",
    "x\r\nDEL x\r\n",
    "$(reboot)",
    "${jndi:ldap://127.0.0.1/}",
    "%s%n%d",
    "{\"$ne\": null}",
    "]]>",
    "redis.call('FLUSHALL')",
    "\\x00\\'",
    "\u{0}\u{1b}[2J",
    "{slot}{slot}",
];

pub(super) async fn text_that_means_something_elsewhere_means_nothing_here(
    cx: &Context,
) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    for text in INJECTIONS {
        let election = cx.election(text)?;
        let metadata = metadata(text, text)?;
        let candidate = cx.candidate_with(text, metadata)?;
        let grant = a.granted(&election, &candidate, LONG).await?;
        let found = b.holds(&grant.lease).await?.answer;
        require(
            found.lease.holder == candidate.holder() && found.metadata == candidate.metadata,
            "name, id and metadata as they were given",
            || wording::record(&found),
        )?;
    }
    let neighbours = INJECTIONS.iter().map(|text| format!("{text} again"));
    let names = neighbours.map(|text| cx.election(&text));
    are_independent(cx, names.collect::<Judgement<_>>()?).await
}

fn metadata(key: &str, value: &str) -> Judgement<Metadata> {
    Metadata::default()
        .with(key, value)
        .map_err(|error| Stop::Broken(error.to_string()))
}

pub(super) async fn metadata_is_kept_exactly(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("metadata")?;
    let overhead = metadata("k", "")?.as_json().len();
    let samples = [
        Metadata::default(),
        metadata("", "")?,
        metadata("quote\"d", "back\\slash \u{1}\u{7f} \u{2028} 🗳 \u{fffd}")?,
        metadata("spaces", "  kept  \n\t ")?,
        metadata("k", &"x".repeat(1_024))?,
        metadata("k", &"é".repeat(10_000))?,
        metadata("k", &"x".repeat(Metadata::MAX_LEN - overhead))?,
        metadata("number", "")?
            .with("n", 0.1)
            .and_then(|told| told.with("big", u64::MAX))
            .map_err(|error| Stop::Broken(error.to_string()))?,
    ];
    for told in samples {
        let ada = cx.candidate_with("ada", told)?;
        let grant = a.granted(&election, &ada, LONG).await?;
        let read = b.holds(&grant.lease).await?.answer;
        let refusal = b.refused(&election, &cx.candidate("bob")?, LONG).await?;
        for found in [read, refusal.answer] {
            require(
                found.metadata == ada.metadata,
                "the metadata byte by byte as the holder gave it",
                || {
                    let (got, given) = (found.metadata.as_json(), ada.metadata.as_json());
                    format!("{} bytes of {}", got.len(), given.len())
                },
            )?;
        }
        a.released(&grant.lease).await?;
    }
    Ok(())
}

pub(super) async fn ids_are_kept_exactly(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("ids")?;
    let longest = "é".repeat(CandidateId::MAX_LEN / 2);
    let ids = [
        "Pod-7.example",
        " ",
        "a:b",
        "a|b",
        "a\0b",
        "10",
        "🗳",
        "e\u{301}",
        "é",
        "{}",
        "null",
        longest.as_str(),
    ];
    for id in ids {
        let candidate = cx.candidate(id)?;
        let grant = a.granted(&election, &candidate, LONG).await?;
        let found = b.holds(&grant.lease).await?.answer;
        require(
            found.lease.holder == candidate.holder(),
            "id and incarnation as they were given",
            || wording::record(&found),
        )?;
        a.extended(&grant.lease, LONG).await?;
        a.released(&grant.lease).await?;
    }
    Ok(())
}

pub(super) async fn a_release_frees_no_other_election(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let ada = cx.candidate("ada")?;
    let mut grants = Vec::new();
    for number in 0..12 {
        let election = cx.election(&number.to_string())?;
        grants.push(a.granted(&election, &ada, LONG).await?);
    }
    while let Some(grant) = grants.pop() {
        a.released(&grant.lease).await?;
        b.nobody(&grant.lease.election).await?;
        for other in &grants {
            b.holds(&other.lease).await?;
        }
    }
    Ok(())
}
