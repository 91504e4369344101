//! The open connections and the memory of the server, as the system sees them. Only Linux provides them.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::Outcome;

/// The time between two samples.
const SAMPLE: Duration = Duration::from_millis(100);

/// What the system has seen of the server.
pub(crate) struct Watched {
    /// The largest number of connections that were open at once.
    pub(crate) open: usize,
    /// The largest resident memory, in bytes.
    pub(crate) memory: u64,
}

/// Watches the server until the siege is over. It has no connections before, apart from those of posts.
pub(crate) fn watch(server: u32, is_over: &AtomicBool) -> Outcome<Watched> {
    let (before, mut most) = (files(server)?, 0);
    while !is_over.load(Ordering::Relaxed) {
        most = most.max(files(server)?);
        thread::sleep(SAMPLE);
    }
    let status = format!("/proc/{server}/status");
    let status = fs::read_to_string(&status).map_err(|error| format!("{status}: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let memory = kibibytes.ok_or("the system does not provide the largest memory of a process")? * 1024;
    Ok(Watched { open: most.saturating_sub(before), memory })
}

/// Returns the number of open files of a process.
fn files(process: u32) -> Outcome<usize> {
    let folder = format!("/proc/{process}/fd");
    Ok(fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))?.count())
}
