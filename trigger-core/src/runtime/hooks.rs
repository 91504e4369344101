//! The hooks of the program that run when its runtime starts and stops.

use std::future::Future;

use crate::event::error::{Error, Result};
use crate::panic::{CatchUnwind, guard};
use crate::registry::Location;
use crate::task::BoxFuture;

/// A hook, which runs once.
pub(super) struct Hook {
    pub(super) location: Location,
    call: Box<dyn FnOnce() -> BoxFuture<'static, Result> + Send>,
}

impl Hook {
    pub(super) fn new<F, Fut>(location: Location, hook: F) -> Hook
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result> + Send + 'static,
    {
        Hook { location, call: Box::new(move || Box::pin(hook())) }
    }

    /// Runs the hook. A panic becomes an error.
    pub(super) async fn run(self) -> Result {
        let future = guard(self.call).map_err(panicked)?;
        CatchUnwind::new(future).await.map_err(panicked)?
    }
}

fn panicked(panic: String) -> Error {
    Error::from(format!("it panicked: {panic}"))
}
