//! Who said what on one connection, in turns.

/// How many bytes of a request are recorded, and how many of the requests before it.
///
/// 1 MiB. What is longer is carried like anything else; it cannot be replayed.
pub const RECORD_LIMIT: usize = 1024 * 1024;

/// A request, and how much the server said to it.
#[derive(Clone, Default)]
pub(super) struct Exchange {
    pub(super) request: Vec<u8>,
    pub(super) answered: usize,
    /// Whether the request was longer than what is recorded of it.
    pub(super) cut: bool,
}

/// The turns of one connection; see [`Trigger`](super::Trigger) for what a request is.
#[derive(Default)]
pub(super) struct Conversation {
    requests: u64,
    current: Exchange,
    /// Where in the current request the last read begins.
    fresh: usize,
    just_began: bool,
    /// The exchanges before, from the first on, as far as they are recorded.
    before: Vec<Exchange>,
    recorded: usize,
}

impl Conversation {
    pub(super) fn client_said(&mut self, bytes: &[u8]) {
        self.just_began = self.requests == 0 || self.current.answered > 0;
        if self.just_began {
            let ended = std::mem::take(&mut self.current);
            if self.requests > 0 {
                self.record(ended);
            }
            self.requests += 1;
        }
        self.fresh = self.current.request.len();
        let room = RECORD_LIMIT - self.fresh;
        self.current
            .request
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.current.cut |= bytes.len() > room;
    }

    pub(super) fn server_said(&mut self, bytes: usize) {
        // What a server says first answers nothing.
        if self.requests > 0 {
            self.current.answered += bytes;
        }
    }

    /// How many requests have begun.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    /// Whether a request began with what the client said last.
    pub(super) fn just_began(&self) -> bool {
        self.just_began
    }

    /// Whether what the client said last brought these bytes into the request, or completed them.
    pub(super) fn just_completed(&self, bytes: &[u8]) -> bool {
        if bytes.is_empty() {
            return self.just_began;
        }
        let from = self.fresh.saturating_sub(bytes.len() - 1);
        self.current.request[from..]
            .windows(bytes.len())
            .any(|window| window == bytes)
    }

    pub(super) fn current(&self) -> &Exchange {
        &self.current
    }

    /// The exchanges before the current one, or only the first of them if they were too long.
    pub(super) fn before(&self) -> &[Exchange] {
        &self.before
    }

    fn record(&mut self, exchange: Exchange) {
        let gapless = self.before.len() as u64 + 1 == self.requests;
        self.recorded += exchange.request.len();
        if gapless && !exchange.cut && self.recorded <= RECORD_LIMIT {
            self.before.push(exchange);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_grows_until_the_server_speaks() {
        let mut conversation = Conversation::default();
        conversation.server_said(5); // a greeting
        let mut began = Vec::new();
        for word in ["a", "b", ".", "c", ".", ".", "d"] {
            if word == "." {
                conversation.server_said(1);
            } else {
                conversation.client_said(word.as_bytes());
                began.push(conversation.just_began());
            }
        }
        assert_eq!(began, [true, false, true, true]);
        assert_eq!(conversation.requests(), 3);
        assert_eq!(conversation.current().request, b"d");
        let before: Vec<_> = conversation
            .before()
            .iter()
            .map(|exchange| (exchange.request.as_slice(), exchange.answered))
            .collect();
        assert_eq!(before, [(b"ab".as_slice(), 1), (b"c".as_slice(), 2)]);
    }

    #[test]
    fn bytes_are_found_however_they_are_cut_and_only_once() {
        let mut conversation = Conversation::default();
        let mut completed = Vec::new();
        for piece in ["x re", "n", "ew y", " z", " renew"] {
            conversation.client_said(piece.as_bytes());
            completed.push(conversation.just_completed(b"renew"));
        }
        assert_eq!(completed, [false, false, true, false, true]);
    }

    #[test]
    fn a_request_that_is_too_long_is_cut_and_ends_the_record() {
        let mut conversation = Conversation::default();
        let long = vec![b'x'; RECORD_LIMIT];
        for request in [b"first".as_slice(), &long, b"third", b"fourth"] {
            conversation.client_said(request);
            conversation.server_said(1);
        }
        assert_eq!(conversation.before().len(), 1);
        conversation.client_said(&long);
        assert!(!conversation.current().cut);
        conversation.client_said(b"!");
        assert!(conversation.current().cut);
        assert_eq!(conversation.current().request.len(), RECORD_LIMIT);
    }
}
