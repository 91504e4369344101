use triggers::prelude::*;

#[on_dead_letter("orders", overflow = "wait")]
async fn tell(_event: TriggerEvent) {}

#[on_dead_letter(overflow = "reject")]
async fn tell_all(_event: TriggerEvent) {}

#[on_dead_letter(overflow = "drop")]
async fn tell_some(_event: TriggerEvent) {}

fn main() {}
