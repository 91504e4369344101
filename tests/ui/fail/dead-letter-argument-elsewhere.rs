use triggers::prelude::*;

#[on_event("order.paid")]
async fn ship(_letter: DeadLetter) {}

fn main() {}
