#![deny(warnings)]
//! In `main`, `?` converts the error of a run, as any other error.
use triggers::prelude::*;

mod program {
    use super::*;

    #[triggers::main]
    async fn main(b: Builder) -> anyhow::Result<()> {
        b.run().await?;
        Ok(())
    }

    pub fn start() -> std::process::ExitCode {
        main()
    }
}

mod without_builder {
    use super::*;
    use anyhow::Context;

    #[triggers::main]
    async fn main() -> anyhow::Result<()> {
        Err(Error::permanent("no order")).map_err(anyhow::Error::from).context("cannot ship")
    }

    pub fn start() -> std::process::ExitCode {
        main()
    }
}

#[on_event("order.paid")]
async fn ship(_event: TriggerEvent) -> anyhow::Result<()> {
    Err(Error::permanent("no order"))?
}

#[on_event("order.paid")]
async fn bill(State(_bank): State<u8>, bus: EventBus) -> anyhow::Result<Outcome> {
    bus.emit("order.billed", 1).await?;
    Ok(Outcome::Done)
}

fn main() {
    // `bill` needs a state that the builder lacks.
    let failure = std::process::ExitCode::FAILURE;
    for code in [program::start(), without_builder::start()] {
        assert_eq!(format!("{code:?}"), format!("{failure:?}"));
    }
}
