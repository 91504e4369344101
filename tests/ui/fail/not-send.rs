use std::rc::Rc;

use triggers::prelude::*;

#[on_event("order.paid")]
async fn ship(_event: TriggerEvent) {
    let count = Rc::new(1);
    std::future::ready(()).await;
    drop(count);
}

fn main() {}
