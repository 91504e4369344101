//! Attributes stack in any order, and the triggers keep their order.
use triggers::prelude::*;

#[on_event("pipeline.error", source = "data-pipeline", id = "errors", queue = 10, overflow = "drop_oldest")]
#[on_message("reports.{region}.daily", overflow = "wait")]
#[process(name = "everything", concurrency = 8)]
#[triggers::on_webhook("/events", port = 0, host = "127.0.0.1", body_limit = "64KiB")]
async fn everything(region: Option<String>, event: TriggerEvent, bus: EventBus) -> Result<()> {
    let _ = (region, event, bus);
    Ok(())
}

fn main() {
    let [record] = triggers::handlers![everything];
    assert!(format!("{record:?}").contains("::everything ("));
    assert_eq!(record.triggers.len(), 3);
}
