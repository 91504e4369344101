//! A request as an event: its attributes and its JSON form, the arguments of handlers, and the readers of bodies.

pub(crate) mod cloudevents;
pub(crate) mod draft;
pub(crate) mod form;
pub(crate) mod form_field;
pub(crate) mod gzip;
pub(crate) mod headers;
pub(crate) mod media_type;
pub(crate) mod pairs;
pub(crate) mod query;
