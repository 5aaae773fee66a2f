//! What was asked and answered in one check.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use election_core::Instant;

/// How many calls a failure shows.
const KEPT: usize = 24;

/// The last calls of one check, and how many there were before.
#[derive(Debug, Default)]
pub(crate) struct Transcript(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    began: Option<Instant>,
    last: VecDeque<String>,
    earlier: usize,
}

impl Transcript {
    /// Notes a line, with its time since the first one.
    pub(crate) fn note(&self, at: Instant, line: impl FnOnce() -> String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let began = *lines.began.get_or_insert(at);
        if lines.last.len() == KEPT {
            lines.last.pop_front();
            lines.earlier += 1;
        }
        let since = at.saturating_since(began).as_secs_f64();
        lines.last.push_back(format!("+{since:.3}s {}", line()));
    }

    /// The lines, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let omitted = match lines.earlier {
            0 => None,
            1 => Some("(1 earlier call)".to_owned()),
            earlier => Some(format!("({earlier} earlier calls)")),
        };
        omitted
            .into_iter()
            .chain(lines.last.iter().cloned())
            .collect()
    }
}
