//! A process as data: its triggers and its policy.

use std::time::Duration;

use serde_json::Value;
use trigger_grammar::bounds;

use super::{TriggerConfig, unknown_key, value};
use crate::declare::key::Key;
use crate::declare::policy::{self, Backoff};
use crate::event::error::{ConfigError, ConfigErrorKind};

/// The keys of a process in a configuration.
pub(crate) const PROCESS_KEYS: &[&str] = &["triggers", "concurrency", "timeout", "retry", "backoff", "key"];

/// A process as data: its triggers and its policy.
///
/// ```
/// # use trigger_core::{ProcessConfig, TriggerConfig};
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(8);
/// assert_eq!((config.triggers.len(), config.concurrency, config.retry), (1, 8, 0));
/// ```
///
/// In a file it has these keys, all optional. Deserialization refuses any other key, and reports the first invalid
/// setting. `ProcessConfig::try_from` reads a [`Value`](serde_json::Value), and its error is a [`ConfigError`].
///
/// | key | value |
/// |---|---|
/// | `triggers` | a list of [`TriggerConfig`] |
/// | `concurrency`, `retry` | a number |
/// | `timeout` | a duration, such as `"30s"` |
/// | `backoff` | a range of durations, such as `"200ms..30s"`; only with `retry` |
/// | `key` | a [pointer](Key::pointer) into the body, such as `"/customer"` |
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProcessConfig {
    /// The triggers whose events the handler gets.
    pub triggers: Vec<TriggerConfig>,
    /// The maximum number of events that are handled at once, over all triggers: 1 to 1,000,000. The default, 1, keeps
    /// the order of each trigger.
    pub concurrency: usize,
    /// The time limit of one attempt. The default is no limit.
    pub timeout: Option<Duration>,
    /// The maximum number of retries after the first attempt. The default is 0.
    pub retry: u32,
    /// The delay before a retry. The default is `200ms..30s`.
    pub backoff: Backoff,
    /// Events with the same key are handled one at a time, in order. The default is no key.
    pub key: Option<Key>,
}

impl Default for ProcessConfig {
    fn default() -> ProcessConfig {
        ProcessConfig::new()
    }
}

impl ProcessConfig {
    /// Returns a process with the defaults and without a trigger.
    pub fn new() -> ProcessConfig {
        ProcessConfig {
            triggers: Vec::new(),
            concurrency: policy::CONCURRENCY,
            timeout: None,
            retry: policy::RETRY,
            backoff: Backoff::default(),
            key: None,
        }
    }

    /// Adds a trigger.
    pub fn trigger(self, trigger: TriggerConfig) -> ProcessConfig {
        self.triggers([trigger])
    }

    /// Adds several triggers.
    ///
    /// ```
    /// # use trigger_core::{ProcessConfig, TriggerConfig};
    /// let config = ProcessConfig::new().triggers(["reports.*", "audits.*"].map(TriggerConfig::message));
    /// assert_eq!(config.triggers.len(), 2);
    /// ```
    pub fn triggers(mut self, triggers: impl IntoIterator<Item = TriggerConfig>) -> ProcessConfig {
        self.triggers.extend(triggers);
        self
    }

    /// Handles up to this number of events at once: 1 to 1,000,000.
    pub fn concurrency(mut self, concurrency: usize) -> ProcessConfig {
        self.concurrency = concurrency;
        self
    }

    /// Limits the time of one attempt. The limit must not be zero.
    pub fn timeout(mut self, timeout: Duration) -> ProcessConfig {
        self.timeout = Some(timeout);
        self
    }

    /// Retries an event up to this number of times after its first attempt.
    pub fn retry(mut self, retry: u32) -> ProcessConfig {
        self.retry = retry;
        self
    }

    /// Sets the delay before a retry. It has no effect without [`retry`](Self::retry).
    pub fn backoff(mut self, backoff: Backoff) -> ProcessConfig {
        self.backoff = backoff;
        self
    }

    /// Handles events with the same key one at a time, in order.
    pub fn key(mut self, key: Key) -> ProcessConfig {
        self.key = Some(key);
        self
    }

    /// Sets the value of a key of a configuration, except `triggers`. [`faults`](Self::faults) checks its bounds.
    pub(crate) fn set(&mut self, key: &str, value: &Value) -> Result<(), ConfigError> {
        match key {
            "concurrency" => {
                self.concurrency =
                    value::of_key(key, value, |value| value::count(value, bounds::CONCURRENCY))?;
            }
            "timeout" => self.timeout = Some(value::of_key(key, value, value::timeout)?),
            "retry" => self.retry = value::of_key(key, value, value::retry)?,
            "backoff" => self.backoff = value::of_key(key, value, value::backoff)?,
            "key" => self.key = Some(value::of_key(key, value, value::key)?),
            _ => return Err(unknown_key(key, value, PROCESS_KEYS, "a process")),
        }
        Ok(())
    }

    /// Refuses a `backoff` that was given and has no effect.
    pub(crate) fn unused_backoff(&self, is_given: bool) -> Result<(), ConfigError> {
        if is_given && self.retry == 0 {
            let reason = "it has no effect without `retry`; add `retry`, such as 5";
            return Err(ConfigError::new(ConfigErrorKind::Conflict, "backoff", self.backoff, reason));
        }
        Ok(())
    }

    /// Returns every invalid setting of the process itself. [`TriggerConfig::faults`] has those of its triggers.
    pub(crate) fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        if !bounds::CONCURRENCY.holds(self.concurrency as u64) {
            let (kind, count) = (ConfigErrorKind::OutOfRange, self.concurrency);
            faults.push(ConfigError::new(kind, "concurrency", count, bounds::CONCURRENCY.rule().as_str()));
        }
        if self.timeout == Some(Duration::ZERO) {
            let reason = "no attempt could succeed; use at least `1ms`, or leave it out for no limit";
            faults.push(ConfigError::new(ConfigErrorKind::OutOfRange, "timeout", "0s", reason));
        }
        if let Some((pointer, reason)) = self.key.as_ref().and_then(Key::fault) {
            faults.push(ConfigError::new(ConfigErrorKind::Invalid, "key", pointer, reason));
        }
        faults
    }
}
