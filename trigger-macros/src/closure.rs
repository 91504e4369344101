//! The values that are code: the closures of `key` and `filter`. They read an event's body, or the event.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprClosure, Pat, ReturnType, Stmt, Type};

use crate::expand::private_path;

/// The purpose of a closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Returns the key of an event.
    Key,
    /// Returns `true` if a trigger takes an event.
    Filter,
    /// Returns the id by which an event is recognized when it comes again.
    Id,
}

impl Purpose {
    /// Returns an example of it.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Purpose::Key => "|order: &Order| order.customer",
            Purpose::Filter => "|order: &Order| order.total > 100",
            Purpose::Id => "|order: &Order| order.id",
        }
    }

    /// Returns the name of the fn that calls it.
    fn caller(self) -> &'static str {
        match self {
            Purpose::Key => "key",
            Purpose::Filter => "filter",
            Purpose::Id => "id",
        }
    }
}

/// A closure of one argument, a reference whose type is written.
pub(crate) struct Closure {
    purpose: Purpose,
    /// The closure as written.
    whole: ExprClosure,
    /// The argument, with its type.
    argument: Pat,
    /// The type behind the reference.
    body_type: Type,
}

impl Closure {
    /// Reads a closure.
    pub(crate) fn read(purpose: Purpose, closure: &ExprClosure) -> syn::Result<Closure> {
        let example = purpose.example();
        let refused = |tokens: &dyn ToTokens, message: String| {
            Err(syn::Error::new_spanned(tokens.to_token_stream(), message))
        };
        if let Some(token) = &closure.asyncness {
            return refused(token, "the closure answers at once: leave `async` out".to_owned());
        }
        if let Some(token) = &closure.capture {
            let message =
                "the closure reads its argument alone, so there is nothing to capture: leave `move` out";
            return refused(token, message.to_owned());
        }
        if closure.lifetimes.is_some() || closure.constness.is_some() {
            return refused(closure, format!("a plain closure is enough, such as `{example}`"));
        }
        let mut inputs = closure.inputs.iter();
        let (Some(argument), None) = (inputs.next(), inputs.next()) else {
            return refused(closure, format!("the closure takes one argument, the body: `{example}`"));
        };
        let body_type = body_type(argument)?;
        Ok(Closure { purpose, whole: closure.clone(), argument: argument.clone(), body_type })
    }

    /// Returns the closure as written.
    pub(crate) fn written(&self) -> TokenStream {
        self.whole.to_token_stream()
    }

    /// Returns the fn from an event to the value of the closure, and the text of the closure.
    pub(crate) fn tokens(&self) -> TokenStream {
        let (function, text) = (self.function(), self.text());
        quote_spanned!(self.body_type.span()=> #function, #text)
    }

    /// Returns the closure as its file has it.
    pub(crate) fn text(&self) -> String {
        text(self.written())
    }

    /// Returns the fn from an event to the value of the closure.
    ///
    /// Each part has the span that the compiler is to show if its type is wrong.
    pub(crate) fn function(&self) -> TokenStream {
        let Closure { purpose, argument, body_type, .. } = self;
        let event = Ident::new("event", Span::mixed_site());
        let closure = match purpose {
            Purpose::Key => {
                let hash = self.hash();
                quote_spanned!(body_type.span()=> |#argument| #hash)
            }
            Purpose::Filter => self.written(),
            Purpose::Id => {
                let id = without_braces(&self.whole.body);
                let id = quote_spanned!(id.span()=> ::std::string::ToString::to_string(&(#id)));
                quote_spanned!(body_type.span()=> |#argument| #id)
            }
        };
        let private = private_path(body_type.span());
        let read = Ident::new(purpose.caller(), body_type.span());
        quote_spanned!(body_type.span()=> |#event| #private::#read::<#body_type>(#event, #closure))
    }

    /// Returns the hash of the key. It borrows the key, so that this may be a field of the body.
    fn hash(&self) -> TokenStream {
        let key = without_braces(&self.whole.body);
        let private = private_path(key.span());
        let of = match &self.whole.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(quote_spanned!(ty.span()=> ::<#ty>)),
        };
        quote_spanned!(key.span()=> #private::hash #of (&(#key)))
    }
}

/// Returns the tokens as their file has them, on one line.
fn text(tokens: TokenStream) -> String {
    if !proc_macro::is_available() {
        return tokens.to_string();
    }
    let mut text = Text { written: String::new(), end: (usize::MAX, 0) };
    text.add(tokens);
    text.written
}

/// A line and a column of a file.
type Place = (usize, usize);

/// A text with a space wherever the file has white space between two tokens.
struct Text {
    written: String,
    /// The end of the last token.
    end: Place,
}

impl Text {
    fn add(&mut self, tokens: TokenStream) {
        for tree in tokens {
            let (start, end) = places(tree.span());
            let TokenTree::Group(group) = tree else {
                self.add_token(&tree.to_string(), start, end);
                continue;
            };
            let (open, close) = match group.delimiter() {
                Delimiter::Parenthesis => ("(", ")"),
                Delimiter::Brace => ("{", "}"),
                Delimiter::Bracket => ("[", "]"),
                // The file has no such delimiters.
                Delimiter::None => {
                    self.add(group.stream());
                    continue;
                }
            };
            self.add_token(open, start, (start.0, start.1 + 1));
            self.add(group.stream());
            self.add_token(close, (end.0, end.1.saturating_sub(1)), end);
        }
    }

    fn add_token(&mut self, token: &str, start: Place, end: Place) {
        if start > self.end {
            self.written.push(' ');
        }
        self.written.push_str(token);
        self.end = end;
    }
}

fn places(span: Span) -> (Place, Place) {
    let span = span.unwrap();
    let (start, end) = (span.start(), span.end());
    ((start.line(), start.column()), (end.line(), end.column()))
}

/// Returns the `Order` of `order: &Order`.
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
            Err(syn::Error::new_spanned(&typed.ty, format!("the closure only reads the body: write `&{ty}`")))
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

/// Returns the `order.customer` of `{ order.customer }`: the block would move it.
fn without_braces(key: &Expr) -> &Expr {
    let Expr::Block(block) = key else { return key };
    match block.block.stmts.as_slice() {
        [Stmt::Expr(inner, None)] if block.attrs.is_empty() && block.label.is_none() => without_braces(inner),
        _ => key,
    }
}
