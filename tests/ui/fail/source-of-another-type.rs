//! What `#[on_source]` takes makes a `TriggerSource`, or a `Result` of one.
use triggers::prelude::*;

#[on_source(60)]
async fn sweep() {}

fn main() {}
