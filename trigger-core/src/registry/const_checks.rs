//! Checks of values that an attribute takes as a `const`. Each is named after its key, or after the
//! form of its setting.
//!
//! They run in const evaluation, where a panic is a compile error. They track their caller, so the compiler shows the
//! error at the user's attribute.

use trigger_grammar::bounds::{self, Bound};
use trigger_grammar::const_string::ConstString;
use trigger_grammar::setting::{self, Value};
use trigger_grammar::{duration, path, topic};

/// Checks a topic without wildcards.
#[track_caller]
pub const fn topic(text: &'static str) -> Value<'static> {
    match topic::check_topic(text) {
        Ok(()) => Value::Text(text),
        Err(fault) => fault.panic(text),
    }
}

/// Checks a topic pattern.
#[track_caller]
pub const fn pattern(text: &'static str) -> Value<'static> {
    match topic::check_pattern(text) {
        Ok(()) => Value::Text(text),
        Err(fault) => fault.panic(text),
    }
}

/// Checks the path of a webhook.
#[track_caller]
pub const fn path(text: &'static str) -> Value<'static> {
    match path::check_path(text) {
        Ok(()) => Value::Text(text),
        Err(fault) => fault.panic(text),
    }
}

/// Checks a name.
#[track_caller]
pub const fn name(text: &'static str) -> Value<'static> {
    match setting::check_name(text) {
        Ok(()) => Value::Text(text),
        Err(fault) => fault.panic(text),
    }
}

/// Checks the name of a process.
#[track_caller]
pub const fn process(text: &'static str) -> Value<'static> {
    match setting::check_name(text) {
        Ok(()) => Value::Text(text),
        Err(fault) => fault.panic(text),
    }
}

/// Returns a text as the value of a setting.
pub const fn text(text: &'static str) -> Value<'static> {
    Value::Text(text)
}

/// Returns a port as the value of a setting.
pub const fn port(port: u16) -> Value<'static> {
    Value::Number(port as u64)
}

/// Returns a number as the value of a setting.
pub const fn number(number: u64) -> Value<'static> {
    Value::Number(number)
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
