//! The body of a request as the fields of a form.

use std::ops::Deref;

use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use crate::event::headers::Headers;
use crate::event::media_type::MediaType;
use crate::event::pairs::decode;
use trigger_core::{Context, Frame, FromTrigger, Rejection, TriggerKind};

/// The media type of a form.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// The body of a webhook request, decoded from the fields of a form (`application/x-www-form-urlencoded`).
///
/// A field that is a list takes every value of its key, in order. Any other field takes one value, and a repeated key is
/// rejected. A body of another content type is rejected. An `Option<Form<T>>` is `None` if the body is empty and `T` needs
/// a value.
///
/// ```
/// # use trigger_core::{Context, FromTrigger, Rejection};
/// # use trigger_webhook::{Form, Headers, WebhookTrigger};
/// #[derive(serde::Deserialize)]
/// struct Command { command: String, text: String }
///
/// async fn answer(Form(command): Form<Command>) {
///     println!("{} {}", command.command, command.text);
/// }
/// # drop(answer(Form(Command { command: String::new(), text: String::new() })));
///
/// let headers = Headers::from_iter([("content-type", "application/x-www-form-urlencoded")]);
/// let event = WebhookTrigger::event("/slack", headers, "command=%2Fdeploy&text=to+production");
/// let Form(command) = Form::<Command>::from_trigger(&Context::new(&event))?;
/// assert_eq!((&*command.command, &*command.text), ("/deploy", "to production"));
/// # Ok::<(), Rejection>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromTrigger for Form<T> {
    const AVAILABLE_FOR: Option<&'static [TriggerKind]> = Some(&[TriggerKind::Webhook]);

    fn from_trigger(cx: &Context<'_>) -> Result<Form<T>, Rejection> {
        let frame = cx.event().frame();
        if frame.kind() != TriggerKind::Webhook {
            return Err(Rejection::absent("only a webhook request has a form"));
        }
        let content_type = content_type(frame);
        // An empty body has no form, of whatever type it is.
        if !frame.raw().is_empty() && !content_type.as_deref().is_some_and(is_form) {
            return Err(Rejection::invalid(match content_type {
                Some(other) => format!("the body is `{other}`, and a form is `{FORM}`"),
                None => format!("the request has no content type, and that of a form is `{FORM}`"),
            }));
        }
        decode(frame.raw(), "form").map(Form)
    }
}

impl<T> Deref for Form<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Returns the media type of the body. That of the data of a CloudEvent is not that of its request.
fn content_type(frame: &Frame) -> Option<String> {
    let own = frame.content_type().map(str::to_owned);
    own.or_else(|| Headers::of(frame)?.get(CONTENT_TYPE.as_str()).map(str::to_owned))
}

/// Returns `true` if the content type is that of a form in UTF-8.
pub(crate) fn is_form(content_type: &str) -> bool {
    MediaType::parse(content_type).is_some_and(|media_type| media_type.is(FORM) && media_type.is_utf_8())
}
