use triggers::prelude::*;

#[on_event("order.paid")]
pub fn ship(_order: Text) {}

fn main() {}
