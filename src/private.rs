//! What generated code names. Not a public API: it changes without notice.

pub use trigger_core::private::*;
/// What makes the values of the program that settings take, by the key of the setting.
#[cfg(feature = "webhook")]
pub mod code {
    pub use trigger_core::private::code::*;

    /// Returns a verifier of signatures.
    pub fn verify(
        verifier: impl trigger_webhook::Verifier,
    ) -> ::std::boxed::Box<dyn ::std::any::Any + Send + Sync> {
        ::std::boxed::Box::new(trigger_webhook::OwnVerifier::new(verifier))
    }
}
/// The kinds that have an attribute.
#[cfg(feature = "webhook")]
pub mod kinds {
    pub use trigger_core::private::kinds::*;
    pub use trigger_webhook::WEBHOOK;
}
pub use trigger_macros::{handlers, on_dead_letter, on_event, on_message, on_source, on_webhook, process};
