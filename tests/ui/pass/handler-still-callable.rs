//! A test can call a handler as a plain fn. Its name does not shadow other names.
use triggers::prelude::*;

#[on_event("order.paid")]
async fn ship(order: Text) -> Outcome {
    if order.0.is_empty() { Outcome::Reject("empty".into()) } else { Outcome::Done }
}

#[on_event("order.paid")]
async fn cx(_order: Text) {}

fn main() {
    drop(ship(Text("1".into())));
    // A local variable may have the name of a handler.
    let add = |ship: u8, cx: u8| ship + cx;
    assert_eq!(add(1, 2), 3);
}
