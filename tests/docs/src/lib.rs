//! The README and the pages of the guide, so that `cargo test -p docs-tests` compiles and runs their programs.
//!
//! A block that registers handlers is `standalone_crate`: edition 2024 builds the other blocks of a page as one program,
//! whose blocks would share the registry.

#[doc = include_str!("../../../README.md")]
pub mod readme {}
#[doc = include_str!("../../../docs/src/start.md")]
pub mod start {}
#[doc = include_str!("../../../docs/src/events.md")]
pub mod events {}
#[doc = include_str!("../../../docs/src/messages.md")]
pub mod messages {}
#[doc = include_str!("../../../docs/src/webhooks.md")]
pub mod webhooks {}
#[doc = include_str!("../../../docs/src/exposing.md")]
pub mod exposing {}
#[doc = include_str!("../../../docs/src/failure-and-retry.md")]
pub mod failure_and_retry {}
#[doc = include_str!("../../../docs/src/order-and-concurrency.md")]
pub mod order_and_concurrency {}
#[doc = include_str!("../../../docs/src/shutdown.md")]
pub mod shutdown {}
#[doc = include_str!("../../../docs/src/configuration.md")]
pub mod configuration {}
#[doc = include_str!("../../../docs/src/testing.md")]
pub mod testing {}
#[doc = include_str!("../../../docs/src/deployment.md")]
pub mod deployment {}
#[doc = include_str!("../../../docs/src/beside-axum.md")]
pub mod beside_axum {}
#[doc = include_str!("../../../docs/src/coming-from.md")]
pub mod coming_from {}
#[doc = include_str!("../../../docs/src/faq.md")]
pub mod faq {}
#[doc = include_str!("../../../docs/src/limits.md")]
pub mod limits {}
