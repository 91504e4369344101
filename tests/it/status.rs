//! The status of a runtime: what its counts include, and how they change.

use std::sync::Arc;

use tokio::sync::Notify;
use triggers::{Overflow, Result, Runtime, TriggerConfig};

use crate::common::{assert_balanced, config, gated, status};
use crate::until::until;

#[tokio::test(start_paused = true)]
async fn status_counts_evicted_events_apart_from_refused_ones() -> Result {
    let gate = Arc::new(Notify::new());
    let trigger = TriggerConfig::event("e").queue(2).queue_bytes(10).overflow(Overflow::DropOldest);
    let runtime = Runtime::builder().process("p", config([trigger]), gated(&gate)).start().await?;
    let bus = runtime.bus();
    bus.emit("e", 0).await?;
    until("an event in flight", || status(&runtime).in_flight == 1).await;
    for n in 1..=5 {
        bus.emit("e", n).await?;
    }
    bus.emit_raw("e", vec![b'x'; 11]).await?;
    let now = status(&runtime);
    let trigger = &now.triggers[0];
    assert_eq!((trigger.accepted, trigger.evicted, trigger.dropped, trigger.queue_size), (6, 3, 4, 2));
    assert_balanced(&now);
    let json = serde_json::to_value(trigger)?;
    assert_eq!((&json["evicted"], &json["dropped"]), (&3.into(), &4.into()));
    Ok(())
}
