use triggers::prelude::*;

#[on_event("order.paid")]
async unsafe fn ship(_event: TriggerEvent) {}

#[on_event("order.paid")]
async extern "C" fn bill(_event: TriggerEvent) {}

fn main() {}
