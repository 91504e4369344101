//! Measures the webhook requests per second of one core. It compares them with the same server by hand with axum, and
//! with servers that give one constant answer. It also measures the effect of a second core.
//!
//! `cargo xtask bench webhook`. Server and load are processes on loopback sockets, with a core each, measured in turns.
//! The load needs less CPU time than a server. So the bench measures the server as long as its core is near 100 % busy.
//! On a machine with other load, the CPU time of the server for each request is the better number. The feature `peers`,
//! which `xtask` enables, adds another framework.

use std::iter;
use std::time::Duration;

use benches::child::Programs;
use benches::number::{Spread, Unit};
use benches::runs::{Case, Runs};
use benches::table::{Goal, Table};

const CONNECTIONS: usize = 64;
/// The share of its core that a server must use, otherwise the bench measures something else.
const SATURATED: f64 = 0.9;
const TIME: Duration = Duration::from_millis(1250);
const ROUNDS: usize = 7;

/// Another server that `triggers` is compared with.
struct Other {
    /// The server's name as an argument of `src/bin/server`.
    kind: &'static str,
    name: &'static str,
    /// The goal for the ratio of the requests per second.
    goal: Option<Goal>,
    /// The goal for the ratio of the 99th percentile of the response time.
    p99: Option<Goal>,
}

impl Other {
    const fn new(kind: &'static str, name: &'static str) -> Other {
        Other { kind, name, goal: None, p99: None }
    }
}

const OTHERS: &[Other] = &[
    Other {
        // It parses the body before it answers; `triggers` leaves that to the handler, which gave 1.24 x at least.
        goal: Some(Goal::AtLeast(1.2)),
        // Over 7 rounds the interval is their range, so one stall decides: a tenth is left for it.
        p99: Some(Goal::AtMost(1.1)),
        ..Other::new("axum", "axum by hand")
    },
    Other {
        // The queue, the id and the limits of the server may cost a tenth of the requests.
        goal: Some(Goal::AtLeast(0.9)),
        ..Other::new("constant", "axum, one answer")
    },
    Other::new("axum-bytes", "axum by hand, bytes"),
    Other::new("hyper", "hyper, one answer"),
    #[cfg(feature = "peers")]
    Other::new("actix", "actix-web by hand"),
];

fn main() {
    match Programs::new(env!("CARGO_BIN_EXE_server"), env!("CARGO_BIN_EXE_load")) {
        Ok(programs) => {
            one_core(&programs);
            signed(&programs);
            two_cores(&programs);
        }
        Err(problem) => println!("webhook is not measured: {problem}"),
    }
}

fn one_core(programs: &Programs) {
    let kinds = iter::once("triggers").chain(OTHERS.iter().map(|other| other.kind));
    let cases: Vec<_> = kinds.map(Case::apart).collect();
    let all = programs.in_turns(&cases, ROUNDS, CONNECTIONS, TIME);
    let (ours, others) = (&all[0], || OTHERS.iter().zip(&all[1..]));
    let mut table = Table::new("Webhook requests, over a core for the server", "the other", "triggers");
    for (Other { name, goal, .. }, theirs) in others() {
        let what = format!("requests/s beside {name}");
        table.beside(&*what, Unit::PerSecond, *goal, &theirs.per_second(), &ours.per_second());
    }
    for (Other { name, p99, .. }, theirs) in others().filter(|(other, _)| other.p99.is_some()) {
        let what = format!("99 % answered, beside {name}");
        table.beside(&*what, Unit::Nanoseconds, *p99, &theirs.p99(), &ours.p99());
    }
    for (Other { name, .. }, theirs) in others() {
        if let Some((theirs, ours)) = theirs.server().zip(ours.server()) {
            let what = format!("server's CPU for each, beside {name}");
            table.beside(&*what, Unit::Nanoseconds, None, &theirs, &ours);
        }
    }
    table.exactly("answered 503, in all rounds", Unit::Count, Goal::AtMost(0.0), ours.full() as f64);
    table.note(&format!(
        "A delivery of GitHub, with 11 headers and 200 bytes of JSON, over {CONNECTIONS} connections. Each connection \
         sends its next request when the last is answered. Server and load are processes with one thread and a core \
         each.{}",
        busy(&all)
    ));
    table.note(SERVERS);
    table.end();
}

const SERVERS: &str = "\
    `triggers`, `by hand` and `bytes` give each event an id and put it into a queue with a capacity of 1000, from which \
    a task takes it. `by hand` parses the body before it answers. `bytes` keeps the target, the headers and the body \
    as they arrived, as `triggers` does. `triggers` enforces the limits that the README lists. The others have their \
    default limits, such as 2 MB for a body in axum. `one answer` reads the body and always gives the same answer, \
    without an id and without a queue. axum and `triggers` are both built on hyper.";

/// Returns a note that says how busy the servers were; empty if the system does not provide it.
fn busy(all: &[Runs]) -> String {
    let Some(each) = all.iter().map(Runs::busy).collect::<Option<Vec<_>>>() else { return String::new() };
    let least = Spread::of(&each).least;
    let percent = least * 100.0;
    if least < SATURATED {
        format!(
            " **A server used only {percent:.0} % of its core**: other load on the machine affects the requests/s and the \
             times. Only the CPU time for each request belongs to the server alone."
        )
    } else {
        format!(" Each server used at least {percent:.0} % of its core, so the server is the bottleneck.")
    }
}

/// The cost of a signature, beside the same by hand.
fn signed(programs: &Programs) {
    let cases = ["axum", "axum-verify", "triggers", "triggers-verify"].map(Case::signed);
    let all = programs.in_turns(&cases, ROUNDS, CONNECTIONS, TIME);
    let title = "Signed webhook requests of 1 KiB, over a core for the server";
    let mut table = Table::new(title, "axum by hand", "triggers");
    let [by_hand, by_hand_verified, ours, verified] = [0, 1, 2, 3].map(|case| &all[case]);
    for (what, by_hand, ours) in [
        ("requests/s, not verified", by_hand, ours),
        ("requests/s with `verify = github`, beside hmac by hand", by_hand_verified, verified),
    ] {
        table.beside(what, Unit::PerSecond, None, &by_hand.per_second(), &ours.per_second());
    }
    let added = |plain: &Runs, verified: &Runs| -> Option<Vec<f64>> {
        let pairs = plain.server()?.into_iter().zip(verified.server()?);
        Some(pairs.map(|(plain, verified)| verified - plain).collect())
    };
    if let Some((theirs, ours)) = added(by_hand, by_hand_verified).zip(added(ours, verified)) {
        let what = "server's CPU that verification adds to each";
        table.beside(what, Unit::Nanoseconds, Goal::AtMost(1.15), &theirs, &ours);
    }
    let full = (ours.full() + verified.full()) as f64;
    table.exactly("answered 503, in all rounds", Unit::Count, Goal::AtMost(0.0), full);
    table.note(&format!(
        "A delivery of GitHub with 1 KiB of JSON, signed with HMAC-SHA256. The servers are those of the table above, with and \
         without verification. What it adds is the difference of the CPU times with and without, in each round. `by hand` decodes the \
         header, makes the key, and compares in constant time, all with the same crates. `triggers` does not remember the ids of \
         deliveries here, because each request is the same delivery.{}",
        busy(&all)
    ));
    table.end();
}

fn two_cores(programs: &Programs) {
    let cases =
        [Case::on_two("triggers"), Case::apart("triggers"), Case::on_one("triggers"), Case::on_two("axum")];
    let all = programs.in_turns(&cases, ROUNDS, CONNECTIONS, TIME);
    let [both, apart, one, axum] = [0, 1, 2, 3].map(|case| all[case].per_second());
    let mut table = Table::new(
        "Webhook requests/s, over two cores for server and load",
        "the other",
        "triggers, two for all",
    );
    // No goal: the load uses nearly as much of the two cores as the server, so this machine cannot show how well the
    // server scales. The note has the upper bound of the ratio.
    table.beside("beside one each", Unit::PerSecond, None, &apart, &both);
    table.beside("beside one for all", Unit::PerSecond, None, &one, &both);
    table.beside("beside axum by hand, two for all", Unit::PerSecond, None, &axum, &both);
    let apart = &all[1];
    if let Some((server, load)) = apart.server().zip(apart.load()) {
        let [server, load] = [server, load].map(|each| Spread::of(&each).median);
        let (both, most) = (server + load, 2.0 * server / (server + load));
        let [server, load, both] = [server, load, both].map(|time| Unit::Nanoseconds.show(time));
        table.note(&format!(
            "`one each` is the table above: a request takes {server} of the server's core, which is saturated, and {load} \
             of the load's core, which is not. With `two for all`, a server of two workers and the load share both cores, \
             and each request takes {both} of them. So the ratio to `one each` is at most {most:.2} x, however well the \
             server scales, and it has no goal. With `one for all`, the load runs on the server's core. The ratio to it \
             is at most 2 x, and shows the effect of the second core."
        ));
    }
    table.end();
}
