use triggers::prelude::*;

#[on_event("order.paid")]
#[process(concurrency = 8)]
pub struct Ship;

fn main() {
    let _ = Ship;
}
