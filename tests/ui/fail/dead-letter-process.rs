use triggers::prelude::*;

#[on_dead_letter(process = "orders")]
async fn tell(_event: TriggerEvent) {}

#[on_dead_letter("")]
async fn tell_all(_event: TriggerEvent) {}

#[on_dead_letter(17)]
async fn tell_some(_event: TriggerEvent) {}

#[on_dead_letter("orders", "bills")]
async fn tell_both(_event: TriggerEvent) {}

fn main() {}
