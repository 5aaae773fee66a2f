//! The one list of flaws: name, what is broken, and the check that must convict it.

use std::fmt;

/// Declares the flaws, so that each is written once.
macro_rules! flaws {
    ($(#[doc = $text:literal] $name:ident => $row:ident,)+) => {
        /// One way in which a store can be broken.
        ///
        /// The first of most kinds was seen in a real project. Each names the check that must
        /// convict it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Flaw {
            $(#[doc = $text] $name,)+
        }

        impl Flaw {
            /// Every flaw there is.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The id of the check that must convict it.
            #[must_use]
            pub fn convicted_by(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($row),)+
                }
            }

            /// What is broken, in one sentence.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$name => $text.trim_ascii(),)+
                }
            }
        }
    };
}

flaws! {
    /// Looks whether the lease is free, then takes it: no compare-and-swap.
    TakesWhatItSawFree => X02,
    /// Takes an expired lease without compare-and-swap, as if only the holder could come back.
    TakesWhatItSawExpired => X04,
    /// Refuses with the asker's own name.
    RefusesInTheAskersName => X06,
    /// Refuses with the token before the present one.
    RefusesWithAnOldToken => X06,
    /// Leaves the holder's metadata out of refusals.
    RefusesWithoutMetadata => X06,
    /// Tells an asker to wait for its own ttl instead of the holder's.
    RefusesForTheAskersTtl => X06,
    /// Refuses the holder that acquires again.
    RefusesItsHolder => X07,
    /// Grants the holder that acquires again its old token.
    RepeatsTheHoldersToken => X07,
    /// Grants the holder that acquires again no more time than it had.
    KeepsTheEndOnReacquire => X07,
    /// Renews the lease of a holder whatever its token.
    RenewsEveryTokenOfAHolder => X08,
    /// Reads from a replica that lags one write behind.
    ReadsOneWriteBehind => X09,
    /// Frees a lease one millisecond before its end.
    EndsEarly => T01,
    /// Grants one second at most and says it granted what was asked.
    CutsTheTtlInSilence => T01,
    /// Frees a lease a quarter of its ttl late.
    EndsLate => T02,
    /// Grants one second at most and says so.
    CutsTheTtl => T03,
    /// Takes any ttl.
    TakesAnyTtl => T04,
    /// Shows an expired lease until somebody acquires.
    ShowsTheExpired => T07,
    /// Shows no lease in its last ten milliseconds.
    HidesTheLastMoments => T08,
    /// Rounds the time remaining down to seconds.
    RoundsDown => T09,
    /// Prolongs the lease whenever somebody asks for it.
    ProlongsWhenAsked => T10,
    /// Answers a renewal and extends nothing.
    ExtendsNothing => R01,
    /// Adds the ttl of a renewal to the time that is left.
    AddsToTheRest => R02,
    /// Never shortens a lease, whatever the renewal asks.
    NeverShortens => R02,
    /// Renews a lease that has ended, if nobody took it.
    RenewsTheExpired => R03,
    /// Renews whatever lease the election has.
    RenewsByName => R04,
    /// Overwrites the present holder with the one that renews.
    OverwritesAStranger => R04,
    /// Loses a renewal without saying to whom.
    LosesToNobody => R04,
    /// Answers Lost, and extends the stranger's lease all the same.
    ExtendsAStranger => R05,
    /// Renews for any incarnation of the holder's id.
    RenewsForNamesakes => R05,
    /// Frees the lease when a renewal fails.
    FreesOnAFailedRenewal => R05,
    /// Loses one of two renewals at the same time to the other.
    LosesRenewalsToEachOther => R06,
    /// Changes the token on renewal.
    RenewsTheTokenToo => R09,
    /// Forgets the metadata on renewal.
    RenewsWithoutMetadata => R09,
    /// Makes a lease of a renewal where nobody ever held one.
    RenewsFromNothing => R12,
    /// Renews a lease back that was released.
    RenewsTheReleased => R13,
    /// Answers a release and frees nothing.
    FreesNothing => L01,
    /// Fails when a lease is released a second time.
    FailsOnASecondRelease => L02,
    /// Releases whatever lease the election has.
    ReleasesByName => L03,
    /// Says it released a lease that had ended.
    ReleasesTheExpired => L04,
    /// Releases the lease of a holder whatever its token.
    ReleasesEveryTokenOfAHolder => L05,
    /// Starts the tokens anew after a release.
    ForgetsTokensOnRelease => L06,
    /// Wants one release for each acquire.
    StacksAcquires => L07,
    /// Releases for any incarnation of the holder's id.
    ReleasesForNamesakes => L08,
    /// Looks whether the lease is held, then releases it.
    ReleasesWhatItSawHeld => L09,
    /// Counts tokens per client.
    CountsPerClient => K01,
    /// Starts the tokens anew when a lease has expired.
    ForgetsTokensOnExpiry => K03,
    /// Starts the tokens anew after a restart.
    ForgetsTokensOnRestart => K04,
    /// Loses the grant it just answered in a crash.
    LosesTheLastGrantInACrash => K05,
    /// Starts the tokens anew when its data is lost.
    ForgetsTokensOnDataLoss => K06,
    /// Loses the grant it just answered in a fail-over.
    LosesTheLastGrantInAFailover => K07,
    /// Starts the tokens of an election anew that was deleted by hand.
    ForgetsTokensOfTheDeleted => K08,
    /// Starts over at 1 after the last token.
    WrapsTokens => K09,
    /// Knows a candidate by its id alone.
    KnowsIdsOnly => I02,
    /// Leaks its lock when an acquire is dropped half-way.
    LeaksTheLockOfAcquire => U06,
    /// Gives the answer of a dropped acquire to the next one.
    AnswersTheDropped => U06,
    /// Leaks its lock when a renewal is dropped half-way.
    LeaksTheLockOfRenew => U07,
    /// Keeps the leases of a client that is gone for ever.
    KeepsTheLeasesOfTheGone => U09,
    /// Mixes up the answers of calls at the same time.
    MixesUpAnswers => U11,
    /// Renews all leases of a holder when it renews one.
    RenewsAllOfAHolder => H01,
    /// Cuts names at a zero byte.
    CutsNamesAtZero => H02,
    /// Keeps only what stands in braces, as a cluster does to choose a slot.
    KeepsWhatIsInBraces => H02,
    /// Folds the case of names.
    FoldsNames => H03,
    /// Trims names.
    TrimsNames => H03,
    /// Composes letters and accents in names.
    ComposesNames => H03,
    /// Keeps 32-bit hashes instead of names.
    HashesNames => H03,
    /// Cuts names after 200 bytes.
    CutsNames => H04,
    /// Doubles the quotes in metadata.
    DoublesQuotes => H05,
    /// Keeps no metadata.
    DropsMetadata => H06,
    /// Keeps no metadata longer than a kibibyte.
    DropsLongMetadata => H06,
    /// Folds the case of ids.
    FoldsIds => H09,
    /// Releases all leases of a holder when it releases one.
    ReleasesAllOfAHolder => H10,
    /// Gives no hint when a stream is opened.
    GivesNoFirstHint => W01,
    /// Gives no hint after a release.
    GivesNoHintOfReleases => W02,
    /// Forgets its watchers in a restart, and leaves their streams open.
    ForgetsWatchersOnRestart => W10,
    /// Forgets a watcher that did not listen in time, and leaves its stream open.
    ForgetsSlowWatchers => W07,
    /// Forgets all watchers of an election when one is gone.
    ForgetsAllWatchersWithOne => W08,
    /// Gives hints to the client that made the change, and to no other.
    GivesHintsToItselfOnly => W09,
    /// Waits for a paused server for ever.
    WaitsForEver => E12,
    /// Calls unavailable what it applies when the server comes back.
    AppliesTheUnavailable => E13,
    /// Never connects again after a restart.
    DiesWithTheServer => E04,
    /// Answers a renewal from memory while the server is paused.
    RenewsFromMemory => S01,
    /// Frees every lease in a restart.
    EndsLeasesOnRestart => S07,
    /// Revives what was released in a restart.
    RevivesLeasesOnRestart => S07,
    /// Shows its password in Debug.
    ShowsItsPasswordInDebug => E05,
    /// Shows its password, percent-encoded, in the source of an error.
    ShowsItsPasswordInErrors => E05,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::TABLE;

    #[test]
    fn every_flaw_names_a_row_of_the_table() {
        for flaw in Flaw::ALL {
            let row = flaw.convicted_by();
            assert!(TABLE.iter().any(|check| check.id == row), "{flaw}: {row}");
        }
    }

    #[test]
    fn every_flaw_is_described_in_a_sentence() {
        for flaw in Flaw::ALL {
            let text = flaw.description();
            assert!(
                text.ends_with('.') && !text.starts_with(' '),
                "{flaw}: {text}"
            );
        }
    }
}
