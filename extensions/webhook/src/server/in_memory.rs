//! A webhook without a server, and connections to it in memory, for tests and for fuzzing.

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, join};
use trigger_grammar::kind;

use crate::client::LocalHost;
use crate::event::draft;
use crate::rules::RuleSet;
use crate::server::connection::{Shared, serve};
use crate::server::head_checks::head_checks;
use crate::server::peer::Peer;
use crate::server::seat::Seat;
use crate::server::settings::ServerSettings;
use crate::server::table::{Endpoint, Table};
use trigger_core::{
    BoxSource, Overflow, SourceContext, SourceKind, StandaloneTrigger, Trigger, TriggerConfig, TriggerEvent,
    TriggerSource,
};

thread_local! {
    /// The endpoint of the source that accepts on this thread.
    static ACCEPTED: RefCell<Option<Endpoint>> = const { RefCell::new(None) };
}

/// The maximum size of a body, in bytes.
const BODY_LIMIT: usize = 1024;

/// A webhook at `/in`, which gives its endpoint away.
pub(crate) static IN_MEMORY: SourceKind = SourceKind::new("in_memory", "a request in memory")
    .metadata(draft::metadata, draft::read)
    .queue(1000)
    .overflow(Overflow::Reject)
    .settings(kind::WEBHOOK.settings, |settings| {
        let server = ServerSettings::new(settings.text("webhook_host")?, 0).given_by(settings)?;
        Ok(BoxSource::new(InMemory(RuleSet::of(settings)?, Arc::new(server))))
    });

struct InMemory(RuleSet, Arc<ServerSettings>);

impl TriggerSource for InMemory {
    fn kind(&self) -> &'static SourceKind {
        &IN_MEMORY
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed("/in")
    }

    fn accept(&self, cx: &SourceContext) {
        let rules = self.0.started(cx).unwrap_or_else(|faults| panic!("{faults:?}"));
        let endpoint = Endpoint::new(cx.sink().clone(), "/in", BODY_LIMIT, rules, Arc::clone(&self.1));
        ACCEPTED.set(Some(endpoint));
    }
}

/// How a client ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It closes its half after the last byte.
    Closes,
    /// It sends no more, and waits until the server closes.
    Waits,
}

/// Serves the bytes of one connection. Returns the answers and the events.
pub(crate) async fn exchange(
    config: TriggerConfig,
    request: &[u8],
    end: End,
) -> (Vec<u8>, Vec<TriggerEvent>) {
    let trigger = StandaloneTrigger::new(config);
    trigger.start().await.unwrap_or_else(|error| panic!("{error}"));
    let Some(endpoint) = ACCEPTED.take() else { panic!("the source does not accept") };
    let settings = Arc::clone(&endpoint.settings);
    let shared = Arc::new(Shared::new(Arc::clone(&settings)));
    shared.table.store(Arc::new(Table::new(&[Arc::new(endpoint)], None)));
    let (checks, address) = (head_checks(&settings), IpAddr::from([192, 0, 2, 1]));
    let seat = Seat::new(&shared.load, &settings, address).unwrap_or_else(|reason| panic!("{reason}"));
    let (remote, stop) = ("192.0.2.1".into(), shared.tasks.stop_token().clone());
    let (address, local_host) = ((address, 443).into(), LocalHost::default());
    let peer = Peer { address, remote, checks, local_host, seat, settings, stop };
    // A request arrives in parts, and an answer has room, as in the buffer of a socket.
    let ((requests, mut writer), (answers, mut reader)) = (duplex(64), duplex(64 * 1024));
    let server = join(requests, answers);
    let sending = async {
        // The server may close before it has read everything.
        let _ = writer.write_all(request).await;
        if end == End::Closes {
            let _ = writer.shutdown().await;
        }
    };
    let reading = async {
        let mut answers = Vec::new();
        // A server that ends closes the stream without an error.
        let _ = reader.read_to_end(&mut answers).await;
        answers
    };
    let (answers, (), ()) = tokio::join!(reading, sending, serve(server, peer, Arc::downgrade(&shared)));
    (answers, trigger.drain_pending())
}
