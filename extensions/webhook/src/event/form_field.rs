//! One field of a form as the body of an event.

use http::StatusCode;

use crate::event::form::{FORM, is_form};
use trigger_core::Bytes;

/// Why the body of a request has no such field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormFieldError {
    /// The body is not a form.
    NotAForm,
    /// The form does not have the field.
    Missing,
    /// The form has the field more than once.
    Repeated,
}

impl FormFieldError {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            FormFieldError::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            FormFieldError::Missing | FormFieldError::Repeated => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns the reason under which the refusal is counted.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            FormFieldError::NotAForm => "not_a_form",
            FormFieldError::Missing => "form_field_missing",
            FormFieldError::Repeated => "form_field_repeated",
        }
    }

    /// Returns the message of the answer. `field` is the name of the field.
    pub(crate) fn message(self, field: &str) -> String {
        match self {
            FormFieldError::NotAForm => format!("the content type is not `{FORM}`"),
            FormFieldError::Missing => format!("the form has no field `{field}`"),
            FormFieldError::Repeated => format!("the form has the field `{field}` more than once"),
        }
    }
}

/// Returns the decoded value of the one field `field` of a form, as the body of the event. GitHub sends its JSON as the
/// field `payload`. Other fields are ignored.
pub(crate) fn form_field(
    content_type: Option<&str>,
    body: &[u8],
    field: &str,
) -> Result<Bytes, FormFieldError> {
    if !content_type.is_some_and(is_form) {
        return Err(FormFieldError::NotAForm);
    }
    let mut values = form_urlencoded::parse(body).filter(|(key, _)| key == field);
    let (_, value) = values.next().ok_or(FormFieldError::Missing)?;
    match values.next() {
        Some(_) => Err(FormFieldError::Repeated),
        None => Ok(value.into_owned().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(content_type: &str, body: &str) -> Result<String, FormFieldError> {
        let value = form_field(Some(content_type), body.as_bytes(), "payload");
        value.map(|value| String::from_utf8(value.to_vec()).expect("text"))
    }

    #[test]
    fn one_field_of_a_form_is_the_body() {
        for (body, expected) in [
            ("payload=%7B%22zen%22%3A%22Keep+it%2E%22%7D", r#"{"zen":"Keep it."}"#),
            ("a=1&payload=%E4%BD%A0+%2B&b=2", "你 +"),
            ("p%61yload=x", "x"),
            ("payload=", ""),
            ("payload", ""),
            ("payloads=1&payload=2&PAYLOAD=3", "2"),
        ] {
            assert_eq!(payload(FORM, body).as_deref(), Ok(expected), "{body}");
        }
        assert_eq!(
            payload("Application/X-WWW-Form-Urlencoded; charset=UTF-8", "payload=1").as_deref(),
            Ok("1")
        );
    }

    #[test]
    fn field_that_is_missing_or_repeated_is_an_error() {
        for body in ["", "a=1", "payloads=1", "PAYLOAD=1", "%7Bpayload%7D=1"] {
            assert_eq!(payload(FORM, body), Err(FormFieldError::Missing), "{body}");
        }
        for body in ["payload=1&payload=1", "payload=1&a=2&p%61yload=3", "payload&payload="] {
            assert_eq!(payload(FORM, body), Err(FormFieldError::Repeated), "{body}");
        }
        assert_eq!(FormFieldError::Repeated.status(), StatusCode::BAD_REQUEST);
        assert_eq!(FormFieldError::Missing.message("payload"), "the form has no field `payload`");
    }

    #[test]
    fn body_of_another_content_type_is_no_form() {
        for content_type in [
            "",
            "application/json",
            "multipart/form-data",
            "application/x-www-form-urlencoded; charset=utf-16",
        ] {
            assert_eq!(payload(content_type, "payload=1"), Err(FormFieldError::NotAForm), "{content_type}");
        }
        assert_eq!(form_field(None, b"payload=1", "payload"), Err(FormFieldError::NotAForm));
        assert_eq!(FormFieldError::NotAForm.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(FormFieldError::NotAForm.reason(), "not_a_form");
    }
}
