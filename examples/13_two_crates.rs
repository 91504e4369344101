//! Handlers in two library crates: `crates(..)` links them, and the status names the processes of both.
//!
//! `cargo run --example two_crates -- --describe` shows what each crate has wired.

use billing::Order;
use reports::Income;
use triggers::prelude::*;

#[triggers::main(crates(billing, reports))]
async fn main(builder: Builder) -> Result<()> {
    let income = Income::default();
    let runtime = builder.state(income.clone()).start().await?;
    for (id, cents) in [(1, 250), (2, 1_000)] {
        runtime.bus().emit("order.placed", Order { id, cents }).source("shop").await?;
    }

    println!("{}", runtime.shutdown().await);
    for process in runtime.status().processes {
        println!("{} handled {}", process.name, process.handled);
        assert_eq!(process.handled, 2);
    }
    assert_eq!(income.cents(), 1_250);
    Ok(())
}
