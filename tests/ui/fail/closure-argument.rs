//! The error names the argument that is not made from an event.

use triggers::prelude::*;

struct Order;

fn main() {
    let on = |event_type| ProcessConfig::new().trigger(TriggerConfig::event(event_type));
    let _second = Runtime::builder().process("ship", on("order.paid"), |id: EventId, order: Order| async move {
        drop((id, order));
    });
    let _third = Runtime::builder().process("bill", on("order.paid"), |_: Text, _: EventBus, n: u32| async move {
        drop(n);
    });
}
