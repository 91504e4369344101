//! Where sources read secrets, such as the key of a signature: the only file that reads them.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;

use crate::panic::guard;

/// The largest file of a secret, in bytes.
const MOST_BYTES: u64 = 64 << 10;

/// Where the sources of a runtime read secrets: one function from a name to a value. A clone reads the same.
///
/// By default a name is that of an environment variable. A name that contains a `/` is the path of a file, whose content is
/// the value, with its line breaks. [`Builder::secrets`](crate::Builder::secrets) sets another function.
///
/// Its `Debug` shows no value.
///
/// ```
/// # use trigger_core::Secrets;
/// let secrets = Secrets::new(|name| (name == "SIGNING_KEY").then(|| "of a test".to_owned()));
/// assert_eq!(secrets.read("SIGNING_KEY").as_deref(), Some("of a test"));
/// assert_eq!(secrets.read("OTHER_KEY"), None);
/// assert_eq!(Secrets::default().read("/no/such/file"), None);
/// ```
#[derive(Clone, Default)]
pub struct Secrets(Option<Arc<ReadSecret>>);

type ReadSecret = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Secrets {
    /// Returns secrets that this function reads, for the test of a source.
    pub fn new(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Secrets {
        Secrets(Some(Arc::new(read)))
    }

    /// Returns the value of this name, or `None` if it has no value. A value that is not UTF-8, a file over 64 KiB, and a panic
    /// of the function also count as missing. The runtime logs a panic, and a file that it cannot read, by the name.
    pub fn read(&self, name: &str) -> Option<String> {
        let Some(read) = &self.0 else { return from_system(name) };
        // The message of a panic may quote a value, so it is not logged.
        guard(|| read(name)).unwrap_or_else(|_| {
            tracing::error!(
                name,
                "the function that reads secrets panicked, so the secret counts as missing"
            );
            None
        })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

fn from_system(name: &str) -> Option<String> {
    if !name.contains('/') {
        return std::env::var(name).ok();
    }
    match from_file(name) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            tracing::error!(name, %error, "the file of a secret cannot be read, so the secret counts as missing");
            None
        }
    }
}

fn from_file(path: &str) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "it has over 64 KiB"));
    }
    Ok(text)
}
