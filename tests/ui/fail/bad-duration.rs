use triggers::prelude::*;

#[on_event("order.paid")]
#[process(timeout = "30sec")]
async fn ship(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(timeout = "1.5s")]
async fn bill(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(timeout = "30s1m")]
async fn pack(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(timeout = "1m 30s")]
async fn send(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(timeout = "9000h")]
async fn store(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[process(timeout = "")]
async fn nothing(_event: TriggerEvent) {}

fn main() {}
