//! How many webhook requests does one core take, beside the same by hand with axum, and beside what gives one answer to
//! everything? And what does a second core bring?
//!
//! `cargo xtask bench webhook`. Server and load are processes, on loopback sockets, with a core each: the load needs less
//! than a server, so the server is what is measured, as long as it is near 100 % busy. On a machine that has other things
//! to do it is not, and what to look at is how long it was on a core for each request. All are measured in turns. Another
//! framework is added by `--features peers`, which `xtask` asks for.

use std::iter;
use std::time::Duration;

use benches::child::Programs;
use benches::number::{Spread, Unit};
use benches::runs::{Case, Runs};
use benches::table::{Goal, Table};

const CONNECTIONS: usize = 64;
/// How much of its core a server takes at least, if it is what is measured.
const SATURATED: f64 = 0.9;
const TIME: Duration = Duration::from_millis(1250);
const ROUNDS: usize = 7;

/// What ours is beside.
struct Other {
    /// What `src/bin/server` calls it.
    kind: &'static str,
    name: &'static str,
    /// How many times as many requests ours should take.
    goal: Option<Goal>,
    /// How many times as long ours should take for all but the slowest 1 %.
    p99: Option<Goal>,
}

impl Other {
    const fn new(kind: &'static str, name: &'static str) -> Other {
        Other { kind, name, goal: None, p99: None }
    }
}

const OTHERS: &[Other] = &[
    Other {
        // It parses the body before it answers, and ours leaves that to the handler.
        goal: Some(Goal::AtLeast(1.25)),
        p99: Some(Goal::AtMost(1.0)),
        ..Other::new("axum", "axum by hand")
    },
    Other {
        // The queue, the id and what guards the server are to take no more than the tenth that is missing.
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
        "A delivery of GitHub, 11 headers and 200 bytes of JSON, over {CONNECTIONS} connections that each send the next \
         when the last is answered. Server and load are processes with one thread and a core each.{}",
        busy(&all)
    ));
    table.note(THEY);
    table.end();
}

const THEY: &str = "\
    Ours, `by hand` and `bytes` give each event an id and put it into a queue with 1000 places, from which a task \
    takes it. `by hand` parses the body before it answers; `bytes` keeps the target, the headers and the body as \
    they came, as ours does. Ours keeps the limits that the README lists; the others have those that they come with, \
    such as the 2 MB of a body in axum. `one answer` reads the body, and answers the same to everything, without id \
    and queue; hyper is what axum and ours are built on.";

/// Whether the servers are what was measured, as far as anybody says.
fn busy(all: &[Runs]) -> String {
    let Some(each) = all.iter().map(Runs::busy).collect::<Option<Vec<_>>>() else { return String::new() };
    let least = Spread::of(&each).least;
    let percent = least * 100.0;
    if least < SATURATED {
        format!(
            " **A server took only {percent:.0} % of its core**: requests/s and times tell of the rest of the machine, and \
             its CPU for each request of the server."
        )
    } else {
        format!(" Each server took at least {percent:.0} % of its core, so it is what was measured.")
    }
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
    // Without a goal: the load takes nearly as much of the two cores as the server, so the machine cannot show how well the
    // server scales. The note has the most that can come out.
    table.beside("beside one each", Unit::PerSecond, None, &apart, &both);
    table.beside("beside one for all", Unit::PerSecond, None, &one, &both);
    table.beside("beside axum by hand, two for all", Unit::PerSecond, None, &axum, &both);
    let apart = &all[1];
    if let Some((server, load)) = apart.server().zip(apart.load()) {
        let [server, load] = [server, load].map(|each| Spread::of(&each).median);
        let (both, most) = (server + load, 2.0 * server / (server + load));
        let [server, load, both] = [server, load, both].map(|time| Unit::Nanoseconds.show(time));
        table.note(&format!(
            "`one each` is the table above: for a request the server takes {server} of its core, which is full, and the \
             load {load} of its own, which is not. With `two for all` a server of two workers and the load share both \
             cores, and each request takes {both} of them, so that no more than {most:.2} x `one each` can come out, \
             however well the server scales, and there is no goal. `one for all` has the load on the core of the server too, so that \
             beside it twice as much could come out: it tells what the second core brings."
        ));
    }
    table.end();
}
