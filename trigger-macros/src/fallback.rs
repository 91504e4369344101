//! What a declaration with mistakes expands to: the user's item, the errors, and no error of our own making.
//!
//! Without the item, one typo would bring "cannot find function" for every use of it; without the stub,
//! `handlers![..]` would complain as well. The compiler goes on to check types after these errors.

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
    /// What the item's name stands for, where there is a place for it.
    pub(crate) stub: Option<Box<Stub>>,
}

/// The parts of a handler that never runs.
pub(crate) struct Stub {
    pub(crate) function: Function,
    pub(crate) root: Root,
    pub(crate) collected: Vec<Path>,
}

/// The output for a declaration with mistakes.
pub(crate) fn handler(broken: &Broken) -> TokenStream {
    let errors = broken.error.to_compile_error();
    let item = &broken.item;
    let stub = broken.stub.as_ref().map(|stub| expand::stub(stub));
    quote!(#item #stub #errors)
}
