//! The output of a declaration with mistakes: the user's item, a stub of its record, and the errors.
//!
//! Without the item, every use of it would be a second error, "cannot find function". Without the stub, so would every
//! `handlers![..]` that lists it. The compiler still checks the types in the item.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use crate::expand::{self, Root};
use crate::signature::Function;

/// A declaration with mistakes.
pub(crate) struct Broken {
    pub(crate) error: syn::Error,
    /// The user's item, without our attributes.
    pub(crate) item: TokenStream,
    /// The stub, unless the item has no place for one.
    pub(crate) stub: Option<Box<Stub>>,
}

/// A handler that never runs.
pub(crate) struct Stub {
    pub(crate) function: Function,
    pub(crate) root: Root,
    pub(crate) collected: Vec<Path>,
}

/// Returns the output of a declaration with mistakes.
pub(crate) fn handler(broken: &Broken) -> TokenStream {
    let errors = broken.error.to_compile_error();
    let item = &broken.item;
    let stub = broken.stub.as_ref().map(|stub| expand::stub(stub));
    quote!(#item #stub #errors)
}
