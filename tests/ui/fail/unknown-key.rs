use triggers::prelude::*;

#[on_webhook("/events", prot = 9090)]
async fn ingest(_event: TriggerEvent) {}

#[on_event("order.paid", capacity = 10)]
#[process(concurency = 8)]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid", colour = "red")]
async fn paint(_event: TriggerEvent) {}

fn main() {}
