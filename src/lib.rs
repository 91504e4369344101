#![doc = include_str!("about.md")]

// The rest re-exports: behaviour is in `trigger-core`, expansion in `trigger-macros`, and `testing` has only checks.
mod names;
#[cfg(feature = "testing")]
pub mod testing;

pub use names::*;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

/// Runs an async fn on every event of one type.
///
/// ```standalone_crate
/// use triggers::prelude::*;
///
/// #[derive(Deserialize)]
/// struct PipelineError {
///     job: String,
/// }
///
/// #[on_event("pipeline.error", source = "data-pipeline")]
/// async fn page_oncall(Json(error): Json<PipelineError>) -> Result<()> {
///     println!("{} failed", error.job);
///     Ok(())
/// }
/// # fn main() {}
/// ```
///
/// First comes the event type, a [`Topic`]: a literal or the path of a `const`. Then, all optional:
///
/// | key | value | default |
/// |---|---|---|
/// | `source` | take only events emitted with this source | every source |
/// | `id` | the id of the trigger | `event-TYPE` |
/// | `queue` | how many events may wait, 1 to 10,000,000 | 100 |
/// | `queue_bytes` | how many bytes their bodies may have together, such as `"8MiB"` | `"64MiB"` |
/// | `overflow` | `"drop_newest"`, `"drop_oldest"`, `"wait"`, `"reject"`: see [`Overflow`] | `"drop_newest"` |
/// | `filter` | a closure that says which to take, such as `\|order: &Order\| order.total > 100`: see [`Filter`] | every one |
/// | `crate` | the path of this crate, where it is renamed or re-exported | `::triggers` |
///
/// The closure under `filter` takes a reference to the body, decoded from JSON into the type that is written, or a
/// `&TriggerEvent`, and gives a `bool`. A body that is not of that type is not taken, and counted:
///
/// ```standalone_crate
/// use triggers::prelude::*;
///
/// #[derive(Deserialize)]
/// struct PipelineError {
///     code: u16,
/// }
///
/// #[on_event("pipeline.error", filter = |error: &PipelineError| error.code >= 500)]
/// async fn page_oncall(Json(error): Json<PipelineError>) {
///     println!("code {}", error.code);
/// }
/// # fn main() {}
/// ```
///
/// The arguments are each [`FromTrigger`]; the return is [`IntoOutcome`]. The fn stays as it is written, so a test can
/// call it. Several triggers may be stacked on one fn, with [`#[process]`](macro@process) to say how it runs.
///
/// The fn is linked into every program that uses its crate, and runs there if the builder says
/// [`linked`](Builder::linked), as `#[triggers::main]` does, or lists it with [`handlers!`].
pub use trigger_macros::on_event;

/// Runs an async fn on every message whose topic matches a pattern.
///
/// ```standalone_crate
/// use triggers::prelude::*;
///
/// #[on_message("reports.{region}.daily")]
/// async fn archive(region: String, report: Text) {
///     println!("{region}: {report}");
/// }
/// # fn main() {}
/// ```
///
/// First comes the pattern, a [`TopicPattern`]: a literal or the path of a `const`. In a literal, a `{name}` captures
/// one token for the argument of that name, whose type is any with `FromStr`; a token it cannot read is a dead
/// letter. Then, all optional:
///
/// | key | value | default |
/// |---|---|---|
/// | `id` | the id of the trigger | `message-PATTERN` |
/// | `queue` | how many messages may wait, 1 to 10,000,000 | 100 |
/// | `queue_bytes` | how many bytes their bodies may have together, such as `"8MiB"` | `"64MiB"` |
/// | `overflow` | `"drop_newest"`, `"drop_oldest"`, `"wait"`, `"reject"`: see [`Overflow`] | `"drop_newest"` |
/// | `filter` | a closure that says which to take, such as `\|order: &Order\| order.total > 100`: see [`Filter`] | every one |
/// | `crate` | the path of this crate, where it is renamed or re-exported | `::triggers` |
///
/// Everything else is as for [`#[on_event]`](macro@on_event).
pub use trigger_macros::on_message;

/// Runs an async fn on every `POST` to a path. It needs the feature `webhook`, which is on by default.
///
/// ```standalone_crate
/// use triggers::prelude::*;
///
/// #[on_webhook("/events", port = 9090, host = "127.0.0.1")]
/// async fn ingest(event: TriggerEvent, headers: Headers) {
///     println!("{:?} {}", headers.get("content-type"), event.payload());
/// }
/// # fn main() {}
/// ```
///
/// First comes the path: a literal that begins with `/` and is not `/health`, or the path of a `const`. In a literal, a
/// segment `{name}` captures one segment, percent-decoded, for the argument of that name, whose type is any with
/// `FromStr`. A literal segment wins over a capture, from left to right. Webhooks that name the same host and port share a
/// server. Then, all optional:
///
/// | key | value | default |
/// |---|---|---|
/// | `port` | 1 to 65535, or 0 to let the system pick one; a literal or a `const` | 9090 |
/// | `host` | the address to listen on, or a name, of which every address is used | `"0.0.0.0"`, every interface |
/// | `mount` | bind no port: the requests come through `WebhookRouter::router`, in an axum application of the program | a port of its own |
/// | `body_limit` | the largest body, such as `"256KiB"`; a larger one is answered 413 | `"1MiB"` |
/// | `verify` | the proof of the sender, such as `github(env = "SECRET")`, or a `Verifier` of the program: 401 without it | every request |
/// | `handshake` | the sender whose handshakes are answered: `slack`, `github`, `discord`, `zoom`, `meta(env = "..")`, `graph`, `dropbox`, `cloudevents(origins = [..])` | no handshake |
/// | `dedupe`, `dedupe_window` | the id of a delivery: `header("X-Delivery-Id")`, `off`, or a closure such as `\|order: &Order\| order.id`; how long it is known, `"1s"` to `"168h"` | the id of the scheme of `verify`, `"10m"` |
/// | `allow`, `trusted_proxies` | networks of the clients that may post, and of proxies whose `X-Forwarded-For` is read | every client, no proxy |
/// | `rate`, `rate_per_client` | how many requests may come, such as `"50/s"` | no limit |
/// | `hosts` | the names of an unsigned webhook on loopback | those of loopback |
/// | `accepted`, `methods` | the status 200, 202 or 204; of `["POST", "PUT", "PATCH", "DELETE"]` | 202 or that of the `handshake`; `["POST"]` |
/// | `cloudevents` | `only`, `batch`, or `off` | CloudEvents among other requests |
/// | `form_field`, `gzip`, `gone` | the field of a form that is the body; `true` unpacks bodies; `true` answers 410 | the whole body, `false`, `false` |
/// | `connections`, `connections_per_client` | how many connections the server has, and one client | 4096, 64 |
/// | `head_timeout`, `body_timeout` | the time for a head, and for a body | `"10s"`, `"30s"` |
/// | `body_rate`, `unfinished_bodies` | the lowest rate of a body a second, and the memory of all unfinished ones | `"1KiB"`, `"64MiB"` |
/// | `head_limit`, `header_count`, `target_limit` | the largest head, its headers, the largest target | `"16KiB"`, 64, `"8KiB"` |
/// | `id` | the id of the trigger | `webhook-PORT/PATH` |
/// | `queue` | how many requests may wait, 1 to 10,000,000 | 1000 |
/// | `queue_bytes` | how many bytes their bodies may have together, such as `"8MiB"`, at least `body_limit` | `"64MiB"` |
/// | `overflow` | `"drop_oldest"`, or `"wait"` for room for up to 30 s | the request is answered 503 |
/// | `filter` | a closure that says which to take, such as `\|order: &Order\| order.total > 100`: see [`Filter`] | every one |
/// | `crate` | the path of this crate, where it is renamed or re-exported | `::triggers` |
///
/// The rows from `connections` to `target_limit` are limits of the server. A webhook that does not give one takes what
/// another webhook of its host and port gives; two different values do not start.
///
/// A request is answered, with a JSON body:
///
/// | status | when |
/// |---|---|
/// | 202 | its event is in the queue, and the handler runs later; or the delivery came before, and is `"duplicate":true` |
/// | 200 | the `filter` does not take it |
/// | 400 | it is no HTTP/1, parsers may disagree about it, it has no valid `Host`, its body is incomplete, or a capture is not valid percent-encoded UTF-8 |
/// | 401, 403 | its signature is not valid; its client may not come, or it is of a website |
/// | 404, 405 | no webhook has this path (one with a `/` at its end is another path); it has another method |
/// | 408 | the body took over 30 s, or arrived with under 1 KiB a second |
/// | 413, 414, 431 | the body is over its limit; the target is over 8 KiB; the head is over 16 KiB or 64 headers |
/// | 410, 421 | it is `gone`; the `Host` of a request to an unsigned webhook on loopback is another name |
/// | 415, 417 | the body has a `Content-Encoding`; there is an `Expect` other than `100-continue` |
/// | 429, 501 | a rate is used up, and `Retry-After` says when to try again; a `Transfer-Encoding` other than `chunked` |
/// | 503 | the queue is full, the server has too many unfinished bodies, or the runtime drains; `Retry-After` says when to try again |
///
/// `GET /health` answers 200 and the queue size, or 503 while the runtime drains. Everything else is as for
/// [`#[on_event]`](macro@on_event).
pub use trigger_macros::on_webhook;

/// Runs an async fn on every dead-lettered event of a process.
///
/// ```standalone_crate
/// use triggers::prelude::*;
///
/// #[derive(Deserialize)]
/// struct Order {
///     id: u64,
/// }
///
/// #[on_event("order.paid")]
/// #[process(name = "orders", retry = 5)]
/// async fn ship(Json(order): Json<Order>) -> Result<()> {
///     Err(format!("no courier for {}", order.id).into())
/// }
///
/// #[on_dead_letter("orders")]
/// async fn tell(dead_letter: DeadLetter, Json(order): Json<Order>) {
///     println!("order {} failed after {} attempts: {}", order.id, dead_letter.attempts, dead_letter.error);
/// }
/// # fn main() {}
/// ```
///
/// First comes the name of a process: a string, or the path of a `const`. Left out, as in `#[on_dead_letter]`, it is
/// every process. The event is the dead-lettered one, with its bytes, so that arguments are made from it as for
/// its own handler; a [`DeadLetter`] says why. Then, all optional:
///
/// | key | value | default |
/// |---|---|---|
/// | `id` | the id of the trigger | `dead-letter-PROCESS`, `dead-letter-*` for every process |
/// | `queue` | how many dead letters may wait, 1 to 10,000,000 | 100 |
/// | `queue_bytes` | how many bytes their bodies may have together, such as `"8MiB"` | `"64MiB"` |
/// | `overflow` | `"drop_newest"`, `"drop_oldest"`: see [`Overflow`] | `"drop_newest"` |
/// | `filter` | a closure that says which to take, such as `\|order: &Order\| order.total > 100`: see [`Filter`] | every one |
/// | `crate` | the path of this crate, where it is renamed or re-exported | `::triggers` |
///
/// A process that does not exist, and the handler's own, are refused at start. Everything else is as for
/// [`#[on_event]`](macro@on_event).
pub use trigger_macros::on_dead_letter;

/// Runs an async fn on every event of a source that the program brings: see [`TriggerSource`].
///
/// ```standalone_crate
/// # use std::borrow::Cow;
/// # use std::time::Duration;
/// # use triggers::{SourceContext, SourceKind, TriggerSource};
/// # static TICKER: SourceKind = SourceKind::new("ticker", "a tick");
/// # struct Ticker(Duration);
/// # impl TriggerSource for Ticker {
/// #     fn kind(&self) -> &'static SourceKind { &TICKER }
/// #     fn pattern(&self) -> Cow<'_, str> { format!("{:?}", self.0).into() }
/// #     fn accept(&self, _: &SourceContext) {}
/// # }
/// use triggers::prelude::*;
///
/// #[on_source(Ticker(Duration::from_secs(60)), queue = 1)]
/// async fn sweep(tick: TriggerEvent) {
///     println!("{} {:?}", tick.trigger_id(), tick.timestamp());
/// }
/// # fn main() {}
/// ```
///
/// First comes an expression that makes the source, or a `Result` of one. It runs once for each runtime, also for a check or a
/// description, so it does no I/O: that belongs in [`bind`](TriggerSource::bind) and [`open`](TriggerSource::open). An error
/// keeps the runtime from starting, and is reported with the place of the handler. Then, all optional, come `id`, `queue`,
/// `queue_bytes`, `overflow`, `filter` and `crate` as for [`#[on_event]`](macro@on_event). The default id is `KIND-PATTERN`;
/// the defaults of the queue are those of the [`SourceKind`]. Settings of the source itself are arguments of the expression.
pub use trigger_macros::on_source;

/// Says how the handler of the triggers on the same fn runs. It stands above or below them.
///
/// ```standalone_crate
/// use triggers::prelude::*;
///
/// #[derive(Deserialize)]
/// struct Order {
///     id: u64,
///     customer: String,
/// }
///
/// #[on_event("order.paid")]
/// #[process(
///     name = "shipping",
///     concurrency = 8,
///     timeout = "30s",
///     retry = 5,
///     backoff = "1s..5m",
///     key = |order: &Order| order.customer,
/// )]
/// async fn ship(Json(order): Json<Order>) {
///     println!("shipping {} to {}", order.id, order.customer);
/// }
/// # fn main() {}
/// ```
///
/// | key | value | default |
/// |---|---|---|
/// | `name` | the name of the process in status, logs and dead letters | the name of the fn, or its path where two have that name |
/// | `concurrency` | how many events it handles at once over all its triggers, 1 to 1,000,000 | 1, in order |
/// | `timeout` | how long one attempt may take, counted from when it first waits: a duration such as `"500ms"`, `"30s"` or `"1m30s"` | no limit |
/// | `retry` | how often an event is tried again after a failed attempt, 0 or more | 0 |
/// | `backoff` | how long it waits before that, such as `"1s..5m"`: up to 1 s after the first attempt, up to twice as long after each further one, never over 5 min; see [`Backoff`] | `"200ms..30s"` |
/// | `key` | a closure; events for which it gives the same are handled one at a time, in order | none: each event on its own |
/// | `crate` | the path of this crate, where it is renamed or re-exported | `::triggers` |
///
/// A duration is whole numbers with `h`, `m`, `s` or `ms`, at most 365 days. `concurrency`, `timeout`, `retry` and
/// `backoff` take a literal or the path of a `const`, which is a `&str` for the two with units.
///
/// The closure under `key` takes a reference to the body, decoded from JSON into the type that is written, or a
/// `&TriggerEvent`. What it gives is only borrowed, and implements [`Hash`](trait@std::hash::Hash). A body that is not
/// of that type has no key. With `concurrency = 8` and a key, eight customers are served at once, and each in order:
/// see [`Key`].
pub use trigger_macros::process;

/// Makes `main` from an async fn: tokio with all its threads, logging to stderr, and a [`Builder`] that has every
/// linked handler in it.
///
/// ```no_run,standalone_crate
/// use triggers::prelude::*;
///
/// #[on_event("tick")]
/// async fn tick() {}
///
/// #[triggers::main]
/// async fn main(runtime: Builder) -> Result<()> {
///     runtime.state("a database").run().await
/// }
/// ```
///
/// Without an argument its body runs first, and then the runtime: `#[triggers::main] async fn main() {}` is a whole
/// program. It may return `()` or a `Result`; on an error the runtime does not start, and the exit code is 1.
///
/// Only handlers of crates that the program names are linked. `#[triggers::main(crates(billing, reports))]` names
/// crates that hold nothing but handlers. `crate = path` says where this crate is, if it is renamed.
///
/// It applies what an operator has set in a file and in environment variables: see [`Builder::configured`].
///
/// Logging is at `info`, or as `RUST_LOG` says, such as `warn` or `info,my_crate=debug`.
///
/// The program takes these arguments, if they come before any other:
///
/// | argument | answer |
/// |---|---|
/// | `--config FILE` | none: it reads the settings of this file |
/// | `--describe`, `--describe=text` | its [`Description`], as text on stdout |
/// | `--describe=json` | the same as JSON |
/// | `--check` | that the wiring is sound, on stdout; or every problem on stderr, and exit code 1: see [`check`] |
///
/// A typo of one of these, such as `--chek`, is an error that lists them, with exit code 2, before `main` begins. Every other
/// argument is the program's own, and so are those after it; a program puts `--` before an option that is that near. With
/// `#[triggers::main(cli = false)]` all arguments are the program's own.
///
/// The program answers, and ends, where `main` comes to `run` or `start` of the builder that it was given, so every
/// `.state(..)` and `.process(..)` before it counts. Nothing is bound or subscribed, and no hook and no handler runs. But
/// `main` does what comes before that. If it ends without coming there, there is no answer, and the exit code is 1.
#[cfg(feature = "main")]
pub use trigger_macros::main;

/// Checks every handler that is linked into the program, as a start does before it takes the first port: for a test.
///
/// ```standalone_crate,test_harness
/// use triggers::prelude::*;
///
/// #[on_event("order.paid")]
/// async fn ship(order: Text) {
///     println!("shipping {}", order.0);
/// }
///
/// #[test]
/// fn wiring() {
///     triggers::check().unwrap();
/// }
/// ```
///
/// It finds processes of one name, webhooks of one path, dead letters of a process that there is not, a missing
/// `State<T>`, and that no handler is linked at all. Handlers that take a `State<T>` need a builder that gives it, with what
/// the test has instead: `Runtime::builder().linked().state(fake).check()`, see [`Builder::check`].
///
/// Nothing is bound, subscribed or run, and no async runtime is needed. So it does not know whether a port is free.
pub use trigger_core::check;

/// A list of attribute handlers by path, for [`Builder::handlers`]: an array of `&'static` [`HandlerRecord`].
///
/// An entry is the path of a handler in its module, and may have a `#[cfg(..)]`. The record of a handler `ship` is a hidden
/// static beside it, `__on_ship`. So a handler of another module is named by that module, `billing::ship`, or by its name
/// alone after `use billing::*`. A `use billing::ship` imports only the fn, and the compiler finds no `__on_ship`.
///
/// A list does not compile if its handlers, of any crates, cannot be in one runtime: two processes with one name, two
/// webhooks with one port and path, two equal triggers of one handler, a handler twice. The error has the location of both.
/// The same rules between several lists, linked handlers and closures are checked when the runtime starts.
///
/// ```standalone_crate
/// use triggers::prelude::*;
/// use triggers::handlers;
///
/// mod billing {
///     use triggers::prelude::*;
///
///     #[on_event("order.paid")]
///     pub async fn bill() {}
/// }
///
/// #[on_event("order.paid")]
/// async fn ship() {}
///
/// # #[triggers::main]
/// # async fn main(_: Builder) -> Result<()> {
/// let listed = handlers![ship, billing::bill, #[cfg(windows)] billing::print];
/// let runtime = Runtime::builder().handlers(listed).start().await?;
/// let sent = runtime.bus().emit("order.paid", 1).await?;
/// assert_eq!(sent.queued(), Some(2));
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail,standalone_crate
/// use triggers::prelude::*;
///
/// #[on_webhook("/orders")]
/// async fn bill() {}
///
/// #[on_webhook("/orders")]
/// async fn ship() {}
///
/// # fn main() {
/// // the path /orders of 0.0.0.0:9090 is taken by `shop::bill` at src/main.rs:3
/// let listed = handlers![bill, ship];
/// # }
/// ```
#[macro_export]
macro_rules! handlers {
    ($($list:tt)*) => {
        $crate::__private::handlers!($crate $($list)*)
    };
}

pub mod prelude;
