//! What the processes of one runtime share.

use std::sync::Arc;

use crate::broker::MessageBroker;
use crate::bus::EventBus;
use crate::dead_letter::DeadLetters;
use crate::deadlock::WaitGraph;
use crate::handler::Env;
use crate::queue::Quiescence;
use crate::webhook::Ports;

/// What the processes of one runtime share.
pub(super) struct RuntimeContext {
    pub(super) bus: EventBus,
    pub(super) broker: MessageBroker,
    pub(super) env: Arc<Env>,
    pub(super) dead_letters: DeadLetters,
    pub(super) ports: Arc<Ports>,
    pub(super) quiescence: Arc<Quiescence>,
    pub(super) wait_graph: Arc<WaitGraph>,
}
