//! The one list of flaws: name, what is broken, and the row that must convict it.

use std::fmt;

macro_rules! flaws {
    ($(#[doc = $text:literal] $name:ident => $row:ident,)+) => {
        /// One way in which the server or its client can be broken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Flaw {
            $(#[doc = $text] $name,)+
        }

        impl Flaw {
            /// Every flaw there is.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)+];

            /// The id of the row that must convict it.
            pub(crate) fn convicted_by(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($row),)+
                }
            }
        }
    };
}

flaws! {
    // Of the client.
    /// Repeats an acquire in the background after it gave up.
    RepeatsWhatItGaveUp => U01,
    /// Keeps a connection after a call that got no answer, and takes the next line for its own.
    TakesTheNextLine => U01,
    /// Calls a renewal Lost whose reply was lost.
    CallsALostRenewalLost => U02,
    /// Calls a release Done whose reply was lost.
    CallsALostReleaseDone => U03,
    /// Calls unavailable whatever got no reply on a connection that was closed.
    CallsTheClosedUnavailable => X11,
    /// Calls unavailable whatever was reset.
    CallsTheResetUnavailable => E03,
    /// Waits for a reply for ever.
    WaitsForEver => E01,
    /// Calls a refused connection a fatal error.
    CallsARefusalFatal => E02,
    /// Never connects a second time.
    KeepsADeadConnection => E04,
    /// Takes what one read gives for a whole line.
    TakesAReadForALine => E08,
    /// Answers a renewal from memory if the server takes long.
    RenewsFromMemory => S01,
    /// Counts the time to live from the reply.
    CountsFromTheReply => S02,
    /// Has the client choose the token, before it asks.
    ChoosesTheTokenInTheClient => U04,
    /// Answers reads from memory until a hint comes.
    AnswersReadsFromHints => W06,
    /// Does not subscribe again when the connection for hints is lost.
    SubscribesOnce => W03,
    /// Swallows the hint that comes by itself, but for the first connection.
    HidesTheHintAfterAReconnect => W10,
    /// Keeps the connections of streams that are gone.
    KeepsTheConnectionsOfStreams => W11,
    // Of the server.
    /// Grants the very same lease again when a request comes twice.
    GrantsTheSameTwice => U05,
    /// Renews a lease that has ended.
    RenewsTheExpired => R08,
    /// Releases the lease of a holder whatever its token.
    ReleasesEveryTokenOfAHolder => L11,
    /// Keeps tokens in memory only.
    ForgetsTokensOnRestart => K04,
    /// Answers a grant before it is written down.
    AnswersBeforeItWrites => K05,
    /// Starts the tokens anew when its file is gone.
    ForgetsTokensOnDataLoss => K06,
    /// Starts the tokens of a deleted election anew.
    ForgetsTokensOfTheDeleted => K08,
    /// Gives every lease of the file a new full time to live when it starts.
    RevivesLeasesOnRestart => S07,
    /// Keeps leases in memory only.
    ForgetsLeasesOnRestart => S07,
}

impl Flaw {
    /// The flaw of this name, if it is one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|flaw| flaw.to_string() == name)
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
