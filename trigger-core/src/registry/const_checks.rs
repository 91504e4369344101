//! Checks of values that an attribute takes as a `const`. Each is named after its attribute or key.
//!
//! They run in const evaluation, where a panic is a compile error. They track their caller, so the compiler shows the
//! error at the user's attribute.

use trigger_grammar::bounds::{self, Bound};
use trigger_grammar::const_string::ConstString;
use trigger_grammar::{duration, path, topic};

/// Checks an event type.
#[track_caller]
pub const fn event(event_type: &'static str) -> &'static str {
    match topic::check_topic(event_type) {
        Ok(()) => event_type,
        Err(fault) => fault.panic(event_type),
    }
}

/// Checks a topic pattern.
#[track_caller]
pub const fn message(pattern: &'static str) -> &'static str {
    match topic::check_pattern(pattern) {
        Ok(()) => pattern,
        Err(fault) => fault.panic(pattern),
    }
}

/// Checks the path of a webhook.
#[track_caller]
pub const fn webhook(path: &'static str) -> &'static str {
    match path::check_path(path) {
        Ok(()) => path,
        Err(fault) => fault.panic(path),
    }
}

/// Checks the name of the process of a dead-letter trigger.
#[track_caller]
pub const fn dead_letter_of(process: &'static str) -> &'static str {
    assert!(
        !process.is_empty(),
        "the name of the process is empty: leave it out to get those of every process"
    );
    process
}

/// Checks the capacity of a queue.
#[track_caller]
pub const fn queue(capacity: usize) -> usize {
    checked(capacity, bounds::QUEUE, "`queue`: ")
}

/// Checks the concurrency of a process.
#[track_caller]
pub const fn concurrency(concurrency: usize) -> usize {
    checked(concurrency, bounds::CONCURRENCY, "`concurrency`: ")
}

#[track_caller]
const fn checked(count: usize, bound: Bound, key: &str) -> usize {
    if !bound.holds(count as u64) {
        ConstString::new().push(key).push(bound.rule().as_str()).panic();
    }
    count
}

/// Checks the timeout of an attempt. Returns it in milliseconds.
#[track_caller]
pub const fn timeout(text: &'static str) -> u64 {
    match duration::parse_duration(text) {
        Ok(0) => panic!("`timeout` is at least `1ms`, or left out for no limit"),
        Ok(milliseconds) => milliseconds,
        Err(fault) => fault.panic(text),
    }
}

/// Checks the backoff. Returns the shortest and the longest delay of a retry, in milliseconds.
#[track_caller]
pub const fn backoff(text: &'static str) -> (u64, u64) {
    match duration::parse_range(text) {
        Ok(range) => range,
        Err(fault) => fault.panic(text),
    }
}
