//! Limits the log lines of one place, so that a storm of failures does not fill the log. The counts in the status stay
//! exact.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smol_str::SmolStr;
use tracing::level_filters::LevelFilter;

use crate::clock::{self, Instant};

/// The number of lines in a second before the limit applies.
const LINES: u32 = 10;

/// The time of these lines.
const SECOND: Duration = Duration::from_secs(1);

/// The limit for the lines of one place: the first 10 of a second, and one a second while there are more.
#[derive(Debug, Default)]
pub(crate) struct LogLimit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the second began.
    began: Option<Instant>,
    /// The number of lines that may follow in this second.
    left: u32,
    /// The number of lines that were not logged since the last one.
    omitted: u64,
}

impl LogLimit {
    /// Logs a line, or counts it as omitted. After a line that follows omitted ones, a second line has their number. `owner`
    /// is the trigger or the process that the lines are about.
    pub(crate) fn log(&self, owner: &str, line: impl FnOnce()) {
        // Without a logger the clock is not read.
        if LevelFilter::current() == LevelFilter::OFF {
            return;
        }
        let Some(omitted) = self.next() else { return };
        line();
        if omitted > 0 {
            tracing::warn!(owner, "{omitted} more like this were not logged");
        }
    }

    /// Returns the number of lines that were omitted before this one. Returns `None` if this line is omitted too.
    fn next(&self) -> Option<u64> {
        let now = clock::instant();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.began.is_none_or(|began| now.saturating_duration_since(began) >= SECOND) {
            state.began = Some(now);
            state.left = if state.omitted > 0 { 1 } else { LINES };
        }
        if state.left == 0 {
            state.omitted += 1;
            return None;
        }
        state.left -= 1;
        Some(std::mem::take(&mut state.omitted))
    }
}

/// The number of names that a [`LogOnce`] remembers, so that names from outside cannot fill the memory.
const NAMES: usize = 100;

/// The limit for lines about names: one line for each of the first 100 names, and none for a later name.
#[derive(Debug, Default)]
pub(crate) struct LogOnce(Mutex<HashSet<SmolStr>>);

impl LogOnce {
    /// Logs a line, unless a line about this name or about 100 others was logged.
    pub(crate) fn log(&self, name: &str, line: impl FnOnce()) {
        let mut names = self.names();
        if names.len() >= NAMES || !names.insert(name.into()) {
            return;
        }
        // A logger is code of the program.
        drop(names);
        line();
    }

    /// Returns `true` if no line about this name is logged any more.
    pub(crate) fn is_over(&self, name: &str) -> bool {
        let names = self.names();
        names.len() >= NAMES || names.contains(name)
    }

    fn names(&self) -> MutexGuard<'_, HashSet<SmolStr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many of these lines were logged, and the sum of the omitted ones before them.
    fn lines(limit: &LogLimit, lines: usize) -> (usize, u64) {
        let logged: Vec<_> = (0..lines).filter_map(|_| limit.next()).collect();
        (logged.len(), logged.iter().sum())
    }

    #[tokio::test(start_paused = true)]
    async fn ten_lines_are_logged_then_one_a_second_until_a_second_omits_none() {
        let limit = LogLimit::default();
        assert_eq!(lines(&limit, 1000), (10, 0));
        tokio::time::advance(SECOND - Duration::from_millis(1)).await;
        assert_eq!(lines(&limit, 10), (0, 0));
        for omitted in [1000, 999, 999] {
            tokio::time::advance(SECOND).await;
            assert_eq!(lines(&limit, 1000), (1, omitted));
        }
        tokio::time::advance(SECOND).await;
        assert_eq!(lines(&limit, 1), (1, 999));
        tokio::time::advance(SECOND).await;
        assert_eq!(lines(&limit, 11), (10, 0));
    }
}
