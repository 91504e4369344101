#![deny(warnings)]
//! In `main`, `?` converts the error of a run into a box, with or without `Send`.
use std::error::Error;
use std::process::ExitCode;

use triggers::Builder;

mod program {
    use super::*;

    #[triggers::main]
    async fn main(b: Builder) -> Result<(), Box<dyn Error>> {
        b.run().await?;
        Ok(())
    }

    pub fn start() -> ExitCode {
        main()
    }
}

mod that_can_be_sent {
    use super::*;

    #[triggers::main]
    async fn main(b: Builder) -> Result<(), Box<dyn Error + Send + Sync>> {
        b.run().await.map_err(triggers::Error::into_boxed)
    }

    pub fn start() -> ExitCode {
        main()
    }
}

mod without_builder {
    use super::*;

    #[triggers::main]
    async fn main() -> Result<(), Box<dyn Error>> {
        let count: u8 = "many".parse()?;
        println!("{count}");
        Ok(())
    }

    pub fn start() -> ExitCode {
        main()
    }
}

fn main() {
    // Without a handler the run does not begin.
    for code in [program::start(), that_can_be_sent::start(), without_builder::start()] {
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
    }
}
