//! Captures the log lines of this thread while a test runs.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Level};
use tracing_subscriber::Registry;

/// Two idle subscribers. While there is only one, tracing caches for each call site whether the first thread wants its
/// lines. That thread may be of another test and want none. With these there are always several.
static OTHERS: OnceLock<[Dispatch; 2]> = OnceLock::new();

/// Collects log lines from its creation to its drop.
pub(crate) struct Logs {
    lines: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
}

impl Logs {
    /// Collects lines at `info` and above.
    pub(crate) fn capture() -> Logs {
        Logs::capture_at(Level::INFO)
    }

    /// Collects lines at `debug` and above.
    pub(crate) fn capture_debug() -> Logs {
        Logs::capture_at(Level::DEBUG)
    }

    fn capture_at(level: Level) -> Logs {
        OTHERS.get_or_init(|| [Dispatch::new(Registry::default()), Dispatch::new(Registry::default())]);
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Sink(Arc::clone(&lines));
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || sink.clone())
            .finish();
        Logs { lines, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// Returns the lines that contain this text.
    pub(crate) fn with(&self, text: &str) -> Vec<String> {
        let bytes = self.lines.lock().expect("the lines").clone();
        let all = String::from_utf8(bytes).expect("lines of text");
        all.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }
}

#[derive(Clone)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the lines").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
