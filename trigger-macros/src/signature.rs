//! The function under the attributes: its parts, and the rules for the signature of a handler.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, FnArg, GenericArgument, Ident, Pat, PathArguments, Safety, Signature, Type, Visibility, token,
};

use crate::condition::Condition;
use crate::errors::Errors;

/// An item and the attributes on it.
pub(crate) struct Item {
    pub(crate) attributes: Vec<Attribute>,
    /// Everything after the attributes. The output has it unchanged.
    pub(crate) rest: TokenStream,
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Item> {
        Ok(Item { attributes: input.call(Attribute::parse_outer)?, rest: input.parse()? })
    }
}

impl Item {
    /// Returns the span of the item's first token after its visibility.
    pub(crate) fn place(&self) -> Span {
        let place = |input: ParseStream<'_>| {
            let _visibility: Visibility = input.parse()?;
            let span = input.span();
            let _rest: TokenStream = input.parse()?;
            Ok(span)
        };
        syn::parse::Parser::parse2(place, self.rest.clone()).unwrap_or_else(|_| Span::call_site())
    }
}

/// A function without its body: no attribute reads that.
pub(crate) struct Function {
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Function> {
        let function = Function { visibility: input.parse()?, signature: input.parse()? };
        if !input.peek(token::Brace) {
            return Err(input.error("expected the body of the function"));
        }
        let _body: TokenStream = input.parse()?;
        Ok(function)
    }
}

/// One argument of the function.
pub(crate) struct Argument {
    /// The name in messages and in the record.
    pub(crate) name: String,
    /// The identifier, if the pattern is one and nothing else.
    pub(crate) plain: Option<Ident>,
    pub(crate) condition: Condition,
    pub(crate) ty: Type,
}

impl Function {
    /// Returns `true` if it is in an `impl` or a trait, where the output cannot have an item beside it.
    pub(crate) fn is_method(&self) -> bool {
        self.signature.receiver().is_some()
    }

    /// Returns its name, without `r#`.
    pub(crate) fn name(&self) -> String {
        self.signature.ident.unraw().to_string()
    }

    /// Checks the rules that do not depend on the triggers. Messages name `attribute`.
    pub(crate) fn check(&self, attribute: &str, errors: &mut Errors) {
        let signature = &self.signature;
        if signature.asyncness.is_none() {
            let name = &signature.ident;
            errors
                .at(signature.fn_token, format!("{attribute} needs an `async fn`: write `async fn {name}`"));
        }
        let plain = "a handler is a plain `async fn`, which the runtime can call";
        if let Safety::Unsafe(token) = &signature.safety {
            errors.at(token, plain);
        }
        if let Some(abi) = &signature.abi {
            errors.at(abi, plain);
        }
        if let Some(token) = &signature.constness {
            errors.at(token, plain);
        }
        if !signature.generics.params.is_empty() {
            let params = &signature.generics.params;
            errors.at(
                params,
                "a handler cannot be generic: nobody would say with which types or lifetimes it runs",
            );
        }
        if let Some(clause) = &signature.generics.where_clause {
            errors.at(clause, "a handler cannot have a `where` clause, as it cannot be generic");
        }
    }

    /// Returns the arguments. Reports each that the runtime could not make.
    pub(crate) fn arguments(&self, errors: &mut Errors) -> Vec<Argument> {
        let mut arguments = Vec::new();
        for (index, input) in self.signature.inputs.iter().enumerate() {
            match input {
                FnArg::Receiver(receiver) => errors.at(
                    receiver,
                    "a handler is a free function and has no `self`; take what it shares as `State<T>`",
                ),
                FnArg::Typed(argument) => {
                    check_type(&argument.ty, errors);
                    arguments.push(Argument {
                        name: name(&argument.pat, index),
                        plain: plain_name(&argument.pat).cloned(),
                        condition: Condition::of(&argument.attrs),
                        ty: (*argument.ty).clone(),
                    });
                }
            }
        }
        arguments
    }
}

/// Returns the `T` of an `Option<T>`.
pub(crate) fn inside_option(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ungrouped(ty) else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(list) = &last.arguments else { return None };
    match (last.ident == "Option", list.args.first(), list.args.len()) {
        (true, Some(GenericArgument::Type(inner)), 1) => Some(inner),
        _ => None,
    }
}

fn check_type(ty: &Type, errors: &mut Errors) {
    if has_impl(ty.to_token_stream()) {
        errors.at(ty, "an argument of a handler has one known type: name it instead of `impl Trait`");
    } else if borrows(ty) {
        errors.at(
            ty,
            "an argument of a handler is owned: take an extractor by value, such as `TriggerEvent`, `Text` or \
             `Json<T>`",
        );
    }
}

/// Returns `true` if the type has the keyword `impl` anywhere.
fn has_impl(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        proc_macro2::TokenTree::Ident(ident) => ident == "impl",
        proc_macro2::TokenTree::Group(group) => has_impl(group.stream()),
        _ => false,
    })
}

/// Returns `true` if a value of the type borrows. A function pointer that takes references does not.
fn borrows(ty: &Type) -> bool {
    match ungrouped(ty) {
        Type::Reference(reference) => {
            reference.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static")
                || borrows(&reference.elem)
        }
        Type::Tuple(tuple) => tuple.elems.iter().any(borrows),
        Type::Array(array) => borrows(&array.elem),
        Type::Slice(slice) => borrows(&slice.elem),
        Type::Path(path) => path.path.segments.iter().any(|segment| match &segment.arguments {
            PathArguments::AngleBracketed(list) => list.args.iter().any(|argument| match argument {
                GenericArgument::Type(inner) => borrows(inner),
                GenericArgument::Lifetime(lifetime) => lifetime.ident != "static",
                _ => false,
            }),
            _ => false,
        }),
        _ => false,
    }
}

fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        other => other,
    }
}

fn plain_name(pattern: &Pat) -> Option<&Ident> {
    match pattern {
        Pat::Ident(binding) if binding.by_ref.is_none() && binding.subpat.is_none() => Some(&binding.ident),
        Pat::Paren(paren) => plain_name(&paren.pat),
        _ => None,
    }
}

/// Returns the one identifier that the pattern binds, or the position if there is not exactly one.
fn name(pattern: &Pat, index: usize) -> String {
    let mut bound = Vec::new();
    bindings(pattern, &mut bound);
    match bound.as_slice() {
        [one] => one.unraw().to_string(),
        _ => (index + 1).to_string(),
    }
}

fn bindings<'a>(pattern: &'a Pat, bound: &mut Vec<&'a Ident>) {
    match pattern {
        Pat::Ident(binding) => {
            bound.push(&binding.ident);
            if let Some((_, inner)) = &binding.subpat {
                bindings(inner, bound);
            }
        }
        Pat::Paren(paren) => bindings(&paren.pat, bound),
        Pat::Reference(reference) => bindings(&reference.pat, bound),
        Pat::Tuple(tuple) => tuple.elems.iter().for_each(|elem| bindings(elem, bound)),
        Pat::TupleStruct(tuple) => tuple.elems.iter().for_each(|elem| bindings(elem, bound)),
        Pat::Slice(slice) => slice.elems.iter().for_each(|elem| bindings(elem, bound)),
        Pat::Struct(fields) => fields.fields.iter().for_each(|field| bindings(&field.pat, bound)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;

    fn mistakes(tokens: TokenStream) -> Vec<String> {
        let function: Function = syn::parse2(tokens).expect("a function");
        let mut errors = Errors::default();
        function.check("`#[on_event]`", &mut errors);
        function.arguments(&mut errors);
        errors.take().into_iter().flatten().map(|error| error.to_string()).collect()
    }

    #[test]
    fn arguments_are_named_after_what_they_bind() {
        let function: Function = parse_quote! {
            async fn f(Json(err): Json<T>, mut x: T, _: T, Pair(a, b): Pair, Wrap { inner }: Wrap, r#type: T) {}
        };
        let arguments = function.arguments(&mut Errors::default());
        let names: Vec<&str> = arguments.iter().map(|argument| argument.name.as_str()).collect();
        assert_eq!(names, ["err", "x", "3", "4", "inner", "type"]);
        let plain: Vec<bool> = arguments.iter().map(|argument| argument.plain.is_some()).collect();
        assert_eq!(plain, [false, true, false, false, false, true]);
    }

    #[test]
    fn owned_types_are_taken() {
        let none: [&str; 0] = [];
        assert_eq!(
            mistakes(quote!(
                async fn f(a: Option<Json<Vec<u8>>>, b: State<fn(&str)>) {}
            )),
            none
        );
        assert_eq!(
            mistakes(quote!(
                pub(crate) async fn f(a: State<&'static str>) -> Result<()> {}
            )),
            none
        );
    }

    #[test]
    fn borrowed_and_unnamed_types_are_refused() {
        for argument in [quote!(&str), quote!(Json<&str>), quote!(Text<'_>), quote!((Text, &u8))] {
            assert_eq!(mistakes(quote!(async fn f(a: #argument) {})).len(), 1, "{argument}");
        }
        assert_eq!(
            mistakes(quote!(
                async fn f(a: State<impl Clone>) {}
            ))
            .len(),
            1
        );
    }

    #[test]
    fn every_mistake_of_a_signature_is_found() {
        assert_eq!(
            mistakes(quote!(
                unsafe fn f<T>(&self, a: T, b: &T)
                where
                    T: Clone,
                {
                }
            ))
            .len(),
            6
        );
    }

    #[test]
    fn options_are_seen_by_their_last_name() {
        assert!(inside_option(&parse_quote!(Option<String>)).is_some());
        assert!(inside_option(&parse_quote!(::core::option::Option<u8>)).is_some());
        assert!(inside_option(&parse_quote!(String)).is_none());
        assert!(inside_option(&parse_quote!(Options<u8>)).is_none());
    }
}
