use triggers::prelude::*;

// The handler stays callable and nameable, so that each mistake is one error.
#[on_event("order.*", sorce = "shop")]
#[on_webhook("events", port = 70000)]
#[process(concurrency = 0)]
fn ship(_order: Text) {}

fn main() {
    ship(Text("1".into()));
    let _ = triggers::handlers![ship];
}
