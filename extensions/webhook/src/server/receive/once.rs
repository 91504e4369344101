//! Each delivery once: the ids of a request are claimed before its events are offered, and remembered once they are accepted.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use hyper::body::Body;
use tokio::time::timeout;
use trigger_core::{Bytes, Claimed, DedupeError, Draft, EventId, IdClaim, Offered, ScopedDedupe};

use super::{RequestReader, refused_offer};
use crate::respond::{self, Answer};
use crate::rules::Rules;
use crate::server::limits::QUEUE_TIMEOUT;
use crate::server::peer::Origin;

/// What the ids of copies begin with. The ids of deliveries have the same scope, and a request that claims one id twice would
/// wait for itself. No header has a NUL, and no text has the byte 0xFF.
const COPY: &[u8] = b"\0\xff";

/// The events of a request.
pub(crate) struct Delivery {
    /// What every copy of a signed request has.
    copy: Option<String>,
    /// The id of the whole request.
    id: Option<Box<[u8]>>,
    events: Vec<Event>,
    /// `true` if the answer lists the ids of the events.
    is_batch: bool,
}

struct Event {
    id: EventId,
    draft: Draft,
    /// The id that the body of the event has.
    key: Option<String>,
}

/// What became of the id of an event.
enum Known {
    New(IdClaim),
    /// An event with this id was accepted before, or is earlier in the request.
    Duplicate(EventId),
}

impl Delivery {
    pub(crate) fn new(copy: Option<String>, id: Option<Box<[u8]>>, is_batch: bool) -> Delivery {
        Delivery { copy, id, events: Vec::new(), is_batch }
    }

    pub(crate) fn add(&mut self, id: EventId, draft: Draft, key: Option<String>) {
        self.events.push(Event { id, draft, key: key.filter(|key| !key.is_empty()) });
    }
}

/// The events of a request that did not come before.
struct Fresh {
    events: Vec<(EventId, Draft)>,
    /// The claims, each with the event that is remembered.
    claims: Vec<(IdClaim, EventId)>,
    /// The ids of all events of the request, in order.
    ids: Vec<EventId>,
}

impl<B: Body<Data = Bytes> + Unpin> RequestReader<B> {
    /// Offers the events that did not come before, and returns the answer.
    pub(crate) async fn deliver<P: Origin>(&mut self, rules: &Rules, delivery: Delivery, peer: &P) -> Answer {
        let is_batch = delivery.is_batch;
        // Another request with the same id may wait for capacity in the queue, for at most as long.
        let fresh = match timeout(QUEUE_TIMEOUT, fresh(rules, delivery)).await {
            Ok(Ok(fresh)) => fresh,
            Ok(Err(Unclaimed::Duplicate(first))) => {
                return respond::duplicates(rules.accepted, &[first], false);
            }
            Ok(Err(Unclaimed::Failed(error))) => return self.unclaimed(&error),
            Err(_) => return unavailable(),
        };
        // A batch may be empty.
        if fresh.ids.is_empty() {
            return respond::accepted_by_rules(rules.accepted, &fresh.ids, is_batch);
        }
        if fresh.events.is_empty() {
            return respond::duplicates(rules.accepted, &fresh.ids, is_batch);
        }
        let Fresh { mut events, claims, ids } = fresh;
        let offered = match (events.len(), events.pop()) {
            (1, Some((_, draft))) => Ok(vec![self.offer(draft, peer).await]),
            (_, last) => {
                let drafts = events.into_iter().chain(last).map(|(_, draft)| draft);
                self.endpoint.sink.send_all(drafts).await
            }
        };
        let offered = match offered {
            Ok(offered) => offered,
            Err(refused) => return refused_offer(refused, peer),
        };
        let queued = |id: &EventId| offered.contains(&Offered::Queued(*id));
        // The drop of the other claims releases their ids, so that the sender may try again.
        claims.into_iter().filter(|(_, id)| queued(id)).for_each(|(claim, id)| claim.commit(id));
        let failed = offered.iter().find(|one| !matches!(one, Offered::Queued(_) | Offered::Filtered));
        match (failed, offered.iter().any(|one| matches!(one, Offered::Queued(_)))) {
            (Some(refused), _) => refused_offer(*refused, peer),
            (None, true) => respond::accepted_by_rules(rules.accepted, &ids, is_batch),
            (None, false) => respond::filtered_by_rules(&ids, is_batch),
        }
    }

    /// Returns the answer to a request whose id cannot be claimed.
    #[cold]
    fn unclaimed(&self, error: &DedupeError) -> Answer {
        if matches!(error, DedupeError::Store(_)) {
            let trigger = self.endpoint.sink.trigger_id();
            tracing::error!(trigger, %error, "the id of a delivery was not claimed");
            return unavailable();
        }
        self.endpoint.refused.add("delivery_id");
        respond::error(StatusCode::BAD_REQUEST, "the id of the delivery is over 1024 bytes")
    }
}

/// Returns 503: nobody knows yet whether the delivery came before.
fn unavailable() -> Answer {
    respond::later(respond::error(StatusCode::SERVICE_UNAVAILABLE, "unavailable"))
}

/// Why no event of a request is new.
enum Unclaimed {
    /// The whole request came before.
    Duplicate(EventId),
    Failed(DedupeError),
}

/// Claims the ids of a request, and of its events.
async fn fresh(rules: &Rules, delivery: Delivery) -> Result<Fresh, Unclaimed> {
    let Delivery { copy, id, events, .. } = delivery;
    // An id of the delivery is remembered for at least as long as a copy, so one claim does for both.
    let copy = copy.filter(|copy| id.as_deref() != Some(copy.as_bytes()));
    let copy = copy.map(|copy| (&rules.copies, [COPY, copy.as_bytes()].concat()));
    let id = id.filter(|id| !id.is_empty()).map(|id| (&rules.deliveries, id.into_vec()));
    let mut of_request = Vec::new();
    for (dedupe, id) in copy.into_iter().chain(id) {
        match dedupe.claim(&id).await.map_err(Unclaimed::Failed)? {
            Claimed::New(claim) => of_request.push(claim),
            Claimed::Duplicate(first) => return Err(Unclaimed::Duplicate(first)),
        }
    }
    let mut known = known(&rules.deliveries, &events).await.map_err(Unclaimed::Failed)?;
    let (mut claims, mut ids, mut new) = (Vec::new(), Vec::new(), Vec::new());
    for Event { id, draft, key } in events {
        let known = key.and_then(|key| known.get_mut(&key));
        if let Some(Known::Duplicate(first)) = known {
            ids.push(*first);
            continue;
        }
        if let Some(known) = known
            && let Known::New(claim) = std::mem::replace(known, Known::Duplicate(id))
        {
            claims.push((claim, id));
        }
        ids.push(id);
        new.push((id, draft));
    }
    // The first event stands for the whole request.
    if let Some((first, _)) = new.first() {
        claims.extend(of_request.into_iter().map(|claim| (claim, *first)));
    }
    Ok(Fresh { events: new, claims, ids })
}

/// Claims the ids that the bodies of events have, in their order, otherwise two batches could wait for each other.
async fn known(dedupe: &ScopedDedupe, events: &[Event]) -> Result<BTreeMap<String, Known>, DedupeError> {
    let keys: BTreeSet<&String> = events.iter().filter_map(|event| event.key.as_ref()).collect();
    let mut known = BTreeMap::new();
    for key in keys {
        let claimed = match dedupe.claim(key.as_bytes()).await? {
            Claimed::New(claim) => Known::New(claim),
            Claimed::Duplicate(first) => Known::Duplicate(first),
        };
        known.insert(key.clone(), claimed);
    }
    Ok(known)
}
