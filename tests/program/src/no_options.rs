//! A program that has every argument for itself.

use triggers::prelude::*;

#[on_event("e")]
async fn handle(_: TriggerEvent) {}

#[triggers::main(cli = false)]
async fn main(_: Builder) {
    println!("{}", std::env::args().skip(1).collect::<Vec<_>>().join(" "));
}
