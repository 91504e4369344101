//! Messages on stderr that cannot stop the program. Nobody may read stderr: then a write fails, or blocks for ever.

use std::io::{self, Write};
use std::sync::mpsc;
use std::time::Duration;

use crate::task;

/// How long the program waits for a message to be written.
const LIMIT: Duration = Duration::from_millis(100);

/// Writes a line to stderr. A failure is ignored, because there is no other place for a message.
pub(super) fn print(line: String) {
    log(move || drop(writeln!(io::stderr(), "{line}")));
}

/// Calls a closure that writes to stderr, on a thread of its own, and waits for it no longer than 100 ms.
pub(super) fn log(write: impl FnOnce() + Send + 'static) {
    let (written, done) = mpsc::channel::<()>();
    let writes = move || {
        write();
        drop(written);
    };
    if task::thread("stderr", writes).is_ok() {
        let _ = done.recv_timeout(LIMIT);
    }
}
