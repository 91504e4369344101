//! The closure under `key`: what of an event's body is the key.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprClosure, Pat, ReturnType, Stmt, Type};

use crate::expand::Root;

/// A closure of one argument, a reference whose type is written.
pub(crate) struct Closure {
    /// The argument, with its type.
    argument: Pat,
    /// What it refers to.
    body_type: Type,
    /// The type of the key, where it is written.
    key_type: Option<Type>,
    key: Expr,
}

impl Closure {
    /// Reads a closure.
    pub(crate) fn read(closure: &ExprClosure) -> syn::Result<Closure> {
        let plain = "a key is made by a plain closure, such as `|order: &Order| order.customer`";
        if let Some(token) = &closure.asyncness {
            return Err(syn::Error::new_spanned(token, "a key is made at once: leave `async` out"));
        }
        if let Some(token) = &closure.capture {
            let message =
                "a key is made from the argument alone, so there is nothing to capture: leave `move` out";
            return Err(syn::Error::new_spanned(token, message));
        }
        if closure.lifetimes.is_some() || closure.constness.is_some() {
            return Err(syn::Error::new_spanned(closure, plain));
        }
        let mut inputs = closure.inputs.iter();
        let (Some(argument), None) = (inputs.next(), inputs.next()) else {
            let message = "the closure takes one argument, the body: `|order: &Order| order.customer`";
            return Err(syn::Error::new_spanned(closure, message));
        };
        Ok(Closure {
            argument: argument.clone(),
            body_type: body_type(argument)?,
            key_type: match &closure.output {
                ReturnType::Default => None,
                ReturnType::Type(_, ty) => Some((**ty).clone()),
            },
            key: without_braces(&closure.body).clone(),
        })
    }

    /// The closure as it was written.
    pub(crate) fn written(&self) -> TokenStream {
        let Closure { argument, key, .. } = self;
        quote!(|#argument| #key)
    }

    /// The fn from an event to the hash of its key.
    ///
    /// The key is only borrowed, so that it may be a field of the body. Each part has the span of what the compiler is
    /// to show if its type is wrong.
    pub(crate) fn tokens(&self, root: &Root) -> TokenStream {
        let Closure { argument, body_type, key_type, key } = self;
        let event = Ident::new("event", Span::mixed_site());
        let private = root.private(key.span());
        let of = key_type.as_ref().map(|ty| quote_spanned!(ty.span()=> ::<#ty>));
        let hash = quote_spanned!(key.span()=> #private::hash #of (&(#key)));
        let private = root.private(body_type.span());
        quote_spanned!(body_type.span()=> |#event| #private::key::<#body_type>(#event, |#argument| #hash))
    }
}

/// The `Order` of `order: &Order`.
fn body_type(argument: &Pat) -> syn::Result<Type> {
    let missing = |pattern: &Pat| {
        let name = match pattern {
            Pat::Ident(binding) => binding.ident.to_string(),
            _ => "order".to_owned(),
        };
        let message = format!("write the type of the body, for example `|{name}: &Order| ..`");
        syn::Error::new_spanned(argument, message)
    };
    let Pat::Type(typed) = argument else { return Err(missing(argument)) };
    match ungrouped(&typed.ty) {
        Type::Infer(_) => Err(missing(&typed.pat)),
        Type::Reference(reference) if matches!(ungrouped(&reference.elem), Type::Infer(_)) => {
            Err(missing(&typed.pat))
        }
        Type::Reference(reference) if reference.mutability.is_some() => {
            let ty = shown(&reference.elem);
            Err(syn::Error::new_spanned(&typed.ty, format!("a key only reads the body: write `&{ty}`")))
        }
        Type::Reference(reference) => Ok((*reference.elem).clone()),
        other => {
            let ty = shown(other);
            Err(syn::Error::new_spanned(other, format!("the closure borrows the body: write `&{ty}`")))
        }
    }
}

fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        other => other,
    }
}

fn shown(ty: &Type) -> String {
    ty.to_token_stream().to_string().replace(' ', "")
}

/// `order.customer` of `{ order.customer }`, which would move it.
fn without_braces(key: &Expr) -> &Expr {
    let Expr::Block(block) = key else { return key };
    match block.block.stmts.as_slice() {
        [Stmt::Expr(inner, None)] if block.attrs.is_empty() && block.label.is_none() => without_braces(inner),
        _ => key,
    }
}
