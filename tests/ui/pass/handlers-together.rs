//! Handlers with equal triggers and names, and the positions of `handlers!`.

use triggers::handlers;
use triggers::prelude::*;

#[on_event("order.paid")]
#[on_message("orders.*")]
#[on_webhook("/orders")]
async fn bill(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[on_message("orders.*")]
#[on_message("orders.>")]
#[on_webhook("/orders", port = 9091)]
async fn ship(_event: TriggerEvent) {}

mod eu {
    use triggers::prelude::*;

    #[on_event("order.paid")]
    pub async fn ship(_event: TriggerEvent) {}

    // This process takes the name of the first `ship`, so the runtime names that one by its path.
    #[on_event("order.paid")]
    #[process(name = "ship")]
    pub async fn hurry(_event: TriggerEvent) {}
}

static SHIPPING: [&triggers::HandlerRecord; 3] = handlers![ship, eu::ship, eu::hurry];

fn of_any<T>(_: T) -> usize {
    handlers![bill, ship].len()
}

fn main() {
    let none: [&'static triggers::HandlerRecord; 0] = handlers![];
    assert_eq!(none.len() + of_any(1), 2);
    assert_eq!(SHIPPING.len(), 3);
    #[on_event("order.paid")]
    async fn inside(_event: TriggerEvent) {}
    let [first, second] = handlers![inside, test_handlers::bill,];
    assert_ne!(format!("{first:?}"), format!("{second:?}"));
}
