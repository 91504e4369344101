//! How long a process has run on the cores, which other programs on them change less than how long it took.

use std::fs;
use std::time::Duration;

/// The time of all threads of a process, by its number or as `self`. `None` where nobody says: only Linux does.
pub fn time_of(process: &str) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let each = threads.map(|thread| {
        let told = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        told.split(' ').next()?.parse().map(Duration::from_nanos).ok()
    });
    each.sum()
}
