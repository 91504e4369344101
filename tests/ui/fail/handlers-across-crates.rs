use triggers::prelude::*;

#[on_event("order.paid")]
#[process(name = "test_handlers::bill")]
async fn bill(_order: Text) {}

fn main() {
    let _listed = handlers![test_handlers::bill, bill];
}
