use triggers::prelude::*;

#[on_webhook("/orders")]
async fn bill(_order: Text) {}

#[on_event("order.paid")]
async fn ship(_order: Text) {}

fn main() {
    let _listed = handlers![bill, ship, bill];
}
