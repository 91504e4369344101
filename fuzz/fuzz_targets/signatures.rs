//! Calls the property of `signatures` with any input.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| trigger_webhook::fuzz::signatures(input));
