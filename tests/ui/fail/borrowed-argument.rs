use triggers::prelude::*;

#[on_event("order.paid")]
async fn ship(order: &TriggerEvent, name: Option<&str>, any: impl Send) {
    let _ = (order, name, any);
}

fn main() {}
