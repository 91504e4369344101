//! `#[on_source]` needs the expression that makes the source, before its keys.
use triggers::prelude::*;

#[on_source]
async fn sweep() {}

#[on_source(queue = 1, every = "1m")]
async fn tidy() {}

#[on_source(source = Ticker, id = "")]
async fn clean() {}

fn main() {}
