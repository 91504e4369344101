//! The refusal of a request whose CloudEvent is not valid.

use std::borrow::Cow;

use http::StatusCode;

/// Why a request has no valid CloudEvent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CloudEventError {
    pub(crate) status: StatusCode,
    /// The reason under which the refusal is counted.
    pub(crate) reason: &'static str,
    /// The message of the answer.
    pub(crate) message: Cow<'static, str>,
}

impl CloudEventError {
    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> CloudEventError {
        let message = message.into();
        CloudEventError { status: StatusCode::BAD_REQUEST, reason: "cloudevent_invalid", message }
    }

    pub(crate) fn unsupported(
        reason: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> CloudEventError {
        CloudEventError { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, reason, message: message.into() }
    }

    /// The error of a request without a CloudEvent to a webhook that takes nothing else.
    pub(crate) fn missing() -> CloudEventError {
        let message =
            "the request has no CloudEvent: neither `ce-specversion` nor `application/cloudevents+json`";
        CloudEventError { reason: "cloudevent_missing", ..CloudEventError::invalid(message) }
    }

    /// Names the event of a batch, from 1.
    pub(crate) fn of_batch(self, number: usize) -> CloudEventError {
        CloudEventError { message: format!("event {number} of the batch: {}", self.message).into(), ..self }
    }
}
