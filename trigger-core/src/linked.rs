//! The macro that links a kind of source.

/// Declares the [`SourceKind`](crate::SourceKind) of a source, and links it. Every program that uses the crate knows the
/// kind by its name, in configurations and in events that are read from JSON or bytes.
///
/// ```
/// # use trigger_core::{SourceKind, source_kind};
/// source_kind! {
///     /// The entries of a feed.
///     pub static FEED: SourceKind = SourceKind::new("feed", "an entry of a feed");
/// }
/// assert_eq!("feed".parse(), Ok(FEED.kind()));
/// ```
#[macro_export]
macro_rules! source_kind {
    ($(#[$meta:meta])* $visibility:vis static $name:ident: $type:ty = $kind:expr;) => {
        $(#[$meta])*
        $visibility static $name: $type = $kind;
        const _: () = {
            #[$crate::private::linkme::distributed_slice($crate::private::KINDS)]
            #[linkme(crate = $crate::private::linkme)]
            static KIND: &$crate::SourceKind = &$name;
            #[$crate::private::linkme::distributed_slice($crate::private::FORMS)]
            #[linkme(crate = $crate::private::linkme)]
            static FORM: &$crate::private::EventForm = $name.form();
        };
    };
}
