//! The whole declaration: a function, its triggers, its process settings.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Ident, Path, Type};
use trigger_grammar::kind::Kind;
use trigger_grammar::setting::{self, Form};
use trigger_grammar::{path, topic};

use crate::args::Args;
use crate::attribute::Attribute;
use crate::check;
use crate::condition::Condition;
use crate::errors::Errors;
use crate::expand::Root;
use crate::fallback::{Broken, Stub};
use crate::signature::{Function, Item};
use crate::value::{self, Value};

/// A declaration without mistakes.
pub(crate) struct Declaration {
    /// The function as it was written, with the attributes that are not ours.
    pub(crate) item: Item,
    pub(crate) function: Function,
    /// The path of the crate `triggers`.
    pub(crate) root: Root,
    /// In the order of the source.
    pub(crate) triggers: Vec<Trigger>,
    /// The settings of `#[process]`.
    pub(crate) process: Vec<Setting>,
    pub(crate) inputs: Vec<Input>,
    /// The paths of the collected attributes, as written.
    pub(crate) collected: Vec<Path>,
}

/// One trigger.
pub(crate) struct Trigger {
    /// `#[on_source]`, or the attribute of a kind.
    pub(crate) attribute: Attribute,
    /// The span of its attribute.
    pub(crate) place: Span,
    /// The type, pattern, path or process. `None` if it was left out or is wrong.
    pub(crate) first: Option<Value>,
    pub(crate) settings: Vec<Setting>,
}

/// One `key = value`. A setting of the kind becomes an entry of the record. Another one becomes a call of the record's
/// method of that name.
pub(crate) struct Setting {
    pub(crate) key: Ident,
    pub(crate) value: Value,
    pub(crate) of_kind: Option<&'static setting::Setting>,
}

/// How one argument of the function is made.
pub(crate) struct Input {
    /// The name in messages and in the record.
    pub(crate) name: String,
    pub(crate) condition: Condition,
    pub(crate) origin: Origin,
    /// The type to make. For `Origin::CaptureOrNone`, the one inside the `Option`.
    pub(crate) ty: Type,
}

/// What an argument is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The event, through `FromTrigger`.
    Event,
    /// The `{capture}` of that name.
    Capture,
    /// The `{capture}` of that name, or `None` from a trigger without it.
    CaptureOrNone,
}

impl Declaration {
    /// Reads the declaration under `attribute`, the first of ours on the item. `args` is its list.
    pub(crate) fn read(
        attribute: Attribute,
        args: TokenStream,
        item: TokenStream,
    ) -> Result<Declaration, Broken> {
        let mut item: Item = match syn::parse2(item.clone()) {
            Ok(item) => item,
            Err(error) => return Err(Broken { error, item, stub: None }),
        };
        let mut errors = Errors::default();
        // Resolved as the user's code, because the compiler adds a note to an error inside a macro.
        let place = Span::call_site().resolved_at(item.place());
        let mut lists = vec![Args::read(attribute, place, args, &mut errors)];
        let collected = collect(&mut item.attributes, &mut lists, &mut errors);
        let Ok(function) = syn::parse2::<Function>(item.rest.clone()) else {
            let message = format!("{} belongs on an `async fn`", attribute.shown());
            let error = syn::Error::new(item.place(), message);
            return Err(Broken { error, item: item.tokens(), stub: None });
        };

        function.check(&attribute.shown(), &mut errors);
        let arguments = function.arguments(&mut errors);
        let root = root(&lists, &mut errors);
        lists.sort_by_key(|list| !list.deferred);
        let (triggers, process) = read_lists(&lists, &mut errors);
        check::triggers(&triggers, &mut errors);
        let inputs = check::captures(&triggers, &arguments, &mut errors);
        match errors.take() {
            None => Ok(Declaration { item, function, root, triggers, process, inputs, collected }),
            Some(error) => {
                let stub = (!function.is_method()).then(|| Box::new(Stub { function, root, collected }));
                Err(Broken { error, item: item.tokens(), stub })
            }
        }
    }
}

/// Removes our attributes from the function and reads them. The first that expands, the outermost, collects all others.
///
/// The compiler has expanded every `cfg` and `cfg_attr` on the item by then, so none of our attributes hides in one.
fn collect(attributes: &mut Vec<syn::Attribute>, lists: &mut Vec<Args>, errors: &mut Errors) -> Vec<Path> {
    let mut collected = Vec::new();
    attributes.retain(|attribute| {
        let Some(ours) = Attribute::of(attribute.path()) else { return true };
        let list = Args::read_attribute(ours, attribute, errors);
        if !list.deferred {
            collected.push(attribute.path().clone());
        }
        lists.push(list);
        false
    });
    collected
}

/// Returns the value of `crate`, which may stand in any of the lists.
pub(crate) fn root(lists: &[Args], errors: &mut Errors) -> Root {
    let mut roots = lists.iter().filter_map(|list| list.root.as_ref());
    let Some(first) = roots.next() else { return Root::default() };
    let text = |path: &Path| path.to_token_stream().to_string();
    for other in roots.filter(|other| text(other) != text(first)) {
        errors.at(other, "`crate` differs from the one in the first attribute; once is enough");
    }
    Root::new(first.clone())
}

fn read_lists(lists: &[Args], errors: &mut Errors) -> (Vec<Trigger>, Vec<Setting>) {
    let mut triggers = Vec::new();
    let mut process = None;
    for list in lists {
        let mut settings = Vec::new();
        for (key, known, value) in &list.entries {
            let value = value::read(list.attribute, key, known, value, errors);
            settings.extend(value.map(|value| Setting { key: key.clone(), value, of_kind: known.setting }));
        }
        check::keys(list, &settings, errors);
        match list.attribute {
            attribute @ (Attribute::Trigger(_) | Attribute::Source) => {
                let first = read_first(attribute, list, errors);
                triggers.push(Trigger { attribute, place: list.place, first, settings });
            }
            Attribute::Process if process.is_none() => process = Some(settings),
            Attribute::Process => {
                let message = "`#[process]` stands here twice; put its keys into one";
                errors.push(syn::Error::new(list.place, message));
            }
        }
    }
    if triggers.is_empty() {
        let place = lists.first().map_or_else(Span::call_site, |list| list.place);
        let message = "`#[process]` says how a handler runs, but nothing triggers this one\n  \
                       add `#[on_event(..)]`, `#[on_message(..)]`, `#[on_webhook(..)]` or `#[on_dead_letter(..)]`";
        errors.push(syn::Error::new(place, message));
    }
    (triggers, process.unwrap_or_default())
}

fn read_first(attribute: Attribute, list: &Args, errors: &mut Errors) -> Option<Value> {
    if let Some(value) = &list.first {
        return value::read_first(attribute, value, errors);
    }
    if attribute.needs_first() {
        let (what, example) = attribute.first()?;
        let name = attribute.name();
        let message = format!("`#[{name}]` needs the {what} first: `#[{name}({example})]`");
        errors.push(syn::Error::new(list.place, message));
    }
    None
}

impl Trigger {
    /// Returns the kind, which is unknown for `#[on_source]`.
    pub(crate) fn kind(&self) -> Option<&'static Kind> {
        match self.attribute {
            Attribute::Trigger(kind) => Some(kind),
            Attribute::Source | Attribute::Process => None,
        }
    }

    /// Returns `true` if its first value is a topic pattern or a path, which may have captures.
    pub(crate) fn may_capture(&self) -> bool {
        self.kind().is_some_and(|kind| matches!(kind.first().form(), Form::Pattern | Form::Path))
    }

    /// Returns the names that the pattern or the path captures. A macro does not know those of a const.
    pub(crate) fn captures(&self) -> Vec<String> {
        let (Some(Value::Text(pattern)), Some(kind)) = (&self.first, self.kind()) else { return Vec::new() };
        match kind.first().form() {
            Form::Pattern => topic::captures(&pattern.value()).map(str::to_owned).collect(),
            Form::Path => path::captures(&pattern.value()).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn first_text(&self) -> TokenStream {
        self.first.as_ref().map(Value::to_tokens).unwrap_or_default()
    }

    /// Returns what decides which events the trigger gets, as written: two triggers with the same get the same events.
    pub(crate) fn identity(&self) -> (&'static str, String, Vec<String>) {
        let claims = self.kind().map(|kind| kind.claims);
        let host = claims.and_then(|claims| claims.address()).map(|(host, _)| host);
        let decides = |setting: &setting::Setting| {
            let claimed = claims.is_some_and(|claims| claims.keys().contains(&setting.key()));
            claimed || host == Some(setting.key())
        };
        let deciding = self.settings.iter().filter(|setting| match setting.of_kind {
            Some(of_kind) => decides(of_kind),
            None => setting.key == "filter",
        });
        let text = |setting: &Setting| format!("{} {}", setting.key, setting.value.to_tokens());
        let mut settings: Vec<String> = deciding.map(text).collect();
        settings.sort_unstable();
        (self.attribute.name(), self.first_text().to_string(), settings)
    }

    /// Returns the attribute with its first value alone, as written.
    pub(crate) fn shown(&self) -> String {
        let name = self.attribute.name();
        match &self.first {
            Some(first) => format!("#[{name}({})]", first.to_tokens().to_string().replace(" :: ", "::")),
            None => format!("#[{name}]"),
        }
    }
}
