//! Calls the property of `grammars` with any input.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| trigger_webhook::fuzz::grammars(input));
