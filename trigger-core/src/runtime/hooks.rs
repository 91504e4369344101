//! What a program does itself when its runtime starts and stops.

use std::future::Future;

use crate::error::{Error, Result};
use crate::panic::{CatchUnwind, guard};
use crate::registry::Location;
use crate::task::BoxFuture;

/// Something to do once.
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

    /// Does it. A panic is an error like any other.
    pub(super) async fn run(self) -> Result {
        let future = guard(self.call).map_err(panicked)?;
        CatchUnwind::new(future).await.map_err(panicked)?
    }
}

fn panicked(panic: String) -> Error {
    Error::from(format!("it panicked: {panic}"))
}
