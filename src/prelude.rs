//! What a file of handlers needs: `use triggers::prelude::*;`.

pub use serde::{Deserialize, Serialize};

pub use crate::{
    Attempt, Builder, Bytes, DeadLetter, DeadLetters, Error, EventBus, EventId, EventTrigger, Json,
    MessageBroker, MessageTrigger, Outcome, Overflow, ProcessConfig, Rejection, Result, Runtime,
    RuntimeHandle, Sender, Shutdown, Source, State, Text, Topic, Trigger, TriggerConfig, TriggerEvent,
    handlers, on_dead_letter, on_event, on_message, on_source, on_webhook, process,
};
#[cfg(feature = "webhook")]
pub use crate::{CloudEvent, Form, Headers, Query, WebhookRouter, WebhookRoutes, WebhookTrigger};
