//! The limit of log lines. The models log nothing.

#[derive(Debug, Default)]
pub(crate) struct LogLimit;

impl LogLimit {
    pub(crate) fn log(&self, _: &str, line: impl FnOnce()) {
        line();
    }
}
