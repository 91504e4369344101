//! The whole declaration: a function, its triggers, its policy.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Attribute, Ident, Path, Type};
use trigger_grammar::topic;

use crate::args::{Args, Kind};
use crate::check;
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
    /// What `#[process]` sets.
    pub(crate) process: Vec<Setting>,
    pub(crate) inputs: Vec<Input>,
    /// The attributes that were collected, as they were named.
    pub(crate) collected: Vec<Path>,
}

/// One trigger.
pub(crate) struct Trigger {
    pub(crate) kind: Kind,
    /// Where its attribute stands.
    pub(crate) place: Span,
    /// The type, pattern, path or process; nothing where it was left out or wrong.
    pub(crate) first: Option<Value>,
    pub(crate) settings: Vec<Setting>,
}

/// One `key = value`, which is a call of the method of that name.
pub(crate) struct Setting {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// How one argument of the function is made.
pub(crate) struct Input {
    /// The name in messages and in the record.
    pub(crate) name: String,
    pub(crate) origin: Origin,
    /// The type to make; for `Origin::CaptureOrNone` the one inside the `Option`.
    pub(crate) ty: Type,
}

/// What an argument is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Whatever its type extracts.
    Event,
    /// The `{capture}` of its name.
    Capture,
    /// The same, where not every trigger needs to have that capture.
    CaptureOrNone,
}

impl Declaration {
    /// Reads the declaration that begins with the attribute `kind`, whose list is `args`.
    pub(crate) fn read(kind: Kind, args: TokenStream, item: TokenStream) -> Result<Declaration, Broken> {
        let mut item: Item = match syn::parse2(item.clone()) {
            Ok(item) => item,
            Err(error) => return Err(Broken { error, item, stub: None }),
        };
        let mut errors = Errors::default();
        // Resolved like the user's own code, since the compiler adds a note to errors in the code of a macro.
        let place = Span::call_site().resolved_at(item.place());
        let mut lists = vec![Args::read(kind, place, args, &mut errors)];
        let collected = collect(&mut item.attributes, &mut lists, &mut errors);
        let Ok(function) = syn::parse2::<Function>(item.rest.clone()) else {
            let message = format!("{} belongs on an `async fn`", kind.shown());
            let error = syn::Error::new(item.place(), message);
            return Err(Broken { error, item: item.tokens(), stub: None });
        };

        function.check(&kind.shown(), &mut errors);
        let arguments = function.arguments(&mut errors);
        let root = root(&lists, &mut errors);
        lists.sort_by_key(|list| !list.stepped);
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

/// Takes our attributes off the function: all are read by the first that expands, which is the outermost.
/// Every `cfg` and `cfg_attr` is gone by then, so that no attribute hides in one.
fn collect(attributes: &mut Vec<Attribute>, lists: &mut Vec<Args>, errors: &mut Errors) -> Vec<Path> {
    let mut collected = Vec::new();
    attributes.retain(|attribute| {
        let Some(kind) = Kind::of(attribute.path()) else { return true };
        let list = Args::read_attribute(kind, attribute, errors);
        if !list.stepped {
            collected.push(attribute.path().clone());
        }
        lists.push(list);
        false
    });
    collected
}

/// The value of `crate`, which may stand in any of the lists.
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
            let value = value::read(list.kind, key, known.takes, value, errors);
            settings.extend(value.map(|value| Setting { key: key.clone(), value }));
        }
        check::keys(list, &settings, errors);
        if list.kind != Kind::Process {
            let first = read_first(list, errors);
            triggers.push(Trigger { kind: list.kind, place: list.place, first, settings });
        } else if process.is_none() {
            process = Some(settings);
        } else {
            let message = "`#[process]` stands here twice; put its keys into one";
            errors.push(syn::Error::new(list.place, message));
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

fn read_first(list: &Args, errors: &mut Errors) -> Option<Value> {
    if let Some(value) = &list.first {
        return value::read_first(list.kind, value, errors);
    }
    if list.kind.may_lack_first() {
        return None;
    }
    let (what, example) = list.kind.first()?;
    let (shown, name) = (list.kind.shown(), list.kind.name());
    let message = format!("{shown} needs the {what} first: `#[{name}(\"{example}\")]`");
    errors.push(syn::Error::new(list.place, message));
    None
}

impl Trigger {
    /// The names that the pattern captures; those of a const are not known to a macro.
    pub(crate) fn captures(&self) -> Vec<String> {
        match (self.kind, &self.first) {
            (Kind::Message, Some(Value::Text(pattern))) => {
                topic::captures(&pattern.value()).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(crate) fn first_text(&self) -> TokenStream {
        self.first.as_ref().map(Value::to_tokens).unwrap_or_default()
    }

    /// What decides which events it brings, as it was written.
    pub(crate) fn brings(&self) -> (&'static str, String, Vec<String>) {
        let deciding = ["source", "port", "host", "filter"];
        let setting = |name: &&str| self.settings.iter().find(|setting| setting.key == name);
        let text = |setting: Option<&Setting>| setting.map(|setting| setting.value.to_tokens().to_string());
        let settings = deciding.iter().map(|name| text(setting(name)).unwrap_or_default()).collect();
        (self.kind.name(), self.first_text().to_string(), settings)
    }

    /// The attribute in short, as it was written.
    pub(crate) fn shown(&self) -> String {
        let name = self.kind.name();
        match &self.first {
            Some(first) => format!("#[{name}({})]", first.to_tokens().to_string().replace(" :: ", "::")),
            None => format!("#[{name}]"),
        }
    }
}
