//! A handler is a plain function, to call in a test; its name does not get in the way of others.
use triggers::prelude::*;

#[on_event("order.paid")]
async fn ship(order: Text) -> Outcome {
    if order.0.is_empty() { Outcome::Reject("empty".into()) } else { Outcome::Done }
}

#[on_event("order.paid")]
async fn cx(_order: Text) {}

fn main() {
    drop(ship(Text("1".into())));
    // A local of the same name is a local.
    let add = |ship: u8, cx: u8| ship + cx;
    assert_eq!(add(1, 2), 3);
}
