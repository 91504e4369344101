//! The CPU time of a process, which other load on the machine affects less than the elapsed time.

use std::fs;
use std::time::Duration;

/// Returns the CPU time of all threads of a process, given as its id or `self`; `None` on other systems than Linux.
pub fn time_of(process: &str) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let each = threads.map(|thread| {
        let schedstat = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        schedstat.split(' ').next()?.parse().map(Duration::from_nanos).ok()
    });
    each.sum()
}
