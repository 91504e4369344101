//! A program with one webhook, on a port that its log names.

use triggers::prelude::*;

#[on_webhook("/in", port = 0, host = "127.0.0.1")]
async fn handle(_: TriggerEvent) {}

#[triggers::main]
async fn main() {}
