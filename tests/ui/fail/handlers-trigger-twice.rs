use triggers::prelude::*;

const PAID: &str = "order.paid";

#[on_event(PAID)]
#[on_event("order.paid", queue = 10)]
async fn bill(_order: Text) {}

fn main() {
    let _listed = handlers![bill];
}
