use triggers::prelude::*;

#[derive(Deserialize)]
struct Order {
    customer: Option<String>,
    lines: Vec<Line>,
}

#[derive(Deserialize, Hash)]
struct Line(u8);

const RETRY: u32 = 5;

mod limits {
    pub const TIMEOUT: &str = "1m30s";
    pub const BACKOFF: &str = "200ms..30s";
}

#[on_event("order.paid", queue_bytes = "8MiB")]
#[process(
    name = "shipping",
    concurrency = 8,
    timeout = limits::TIMEOUT,
    retry = RETRY,
    backoff = limits::BACKOFF,
    key = |o: &Order| o.customer
)]
async fn ship(_event: TriggerEvent) {}

#[on_webhook("/orders", body_limit = "1KiB", queue_bytes = "1KiB")]
#[process(timeout = "500ms", retry = 0, key = |order: &Order| { order.lines })]
async fn bill(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(key = |Order { customer, .. }: &Order| customer.as_deref())]
async fn pack(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(key = |event: &TriggerEvent| -> String { event.trigger_id().to_owned() })]
async fn send(event: TriggerEvent) {
    drop(event);
}

// The names in the expansion do not clash with those in the closure.
#[on_event("order.paid")]
#[process(key = |event: &Order| {
    let hash = event.lines.len();
    hash + 1
})]
async fn store(_event: TriggerEvent) {}

fn main() {}
