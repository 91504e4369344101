use triggers::prelude::*;

const CAPACITY: usize = 10_000_001;
const WORKERS: usize = usize::MAX;

#[on_event("order.paid", queue = 10_000_001)]
#[process(concurrency = 1_000_000_000_000)]
async fn ship(_event: TriggerEvent) {}

#[on_message("orders.*", queue = CAPACITY)]
async fn pack(_event: TriggerEvent) {}

#[on_message("orders.*")]
#[process(concurrency = WORKERS)]
async fn send(_event: TriggerEvent) {}

#[on_message("orders.*", queue = 10_000_000)]
#[process(concurrency = 1_000_000)]
async fn at_the_bounds(_event: TriggerEvent) {}

fn main() {}
