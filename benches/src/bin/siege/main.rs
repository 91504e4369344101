//! A server under siege: 10,000 attackers that send no whole request, and posts beside them that are all answered.
//!
//! `cargo xtask siege` runs it. The server, and the attackers of each kind, are processes of their own. It prints a table,
//! writes it to `SIEGE.md`, and fails if a goal is not met.

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]

mod attack;
mod parts;
mod posts;
mod server;
mod watch;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use benches::number::Unit;
use benches::report::{self, MACHINE};
use benches::table::{Goal, Table, Verdict};

use attack::{Attacked, KINDS, PAUSE};
use parts::{Attackers, Server};
use posts::Posted;
use watch::Watched;

/// The result of a part. The error is a text for the developer.
type Outcome<T = ()> = Result<T, String>;

/// The number of attackers of each kind, in a process of their own.
const ATTACKERS: u32 = 2500;

/// The time for which attackers come back.
const SIEGE: Duration = Duration::from_secs(30);

/// The time limits of the server for a head and for a body, which are 10 s and 30 s by default.
const LIMIT: Duration = Duration::from_secs(5);

/// The time that a busy machine may need beyond a limit, to accept a connection or to run a process.
const SLACK: Duration = Duration::from_secs(2);

/// The default limit of connections, and the maximum number of evicted ones that have not ended.
const CONNECTIONS: f64 = 4096.0;
const LEAVING: f64 = 32.0;

/// The maximum memory of the server, in bytes.
const MEMORY: f64 = 250e6;

/// The limit of open files of the server and of each process with attackers.
const FILES: u64 = 6000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ended = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => siege(),
        ["server"] => server::serve(),
        ["attack", kind, address] => attack::attack(kind, address),
        _ => Err("siege, siege server, or siege attack KIND ADDRESS".to_owned()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("siege: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Raises the limit of open files of this process.
///
/// # Errors
///
/// The hard limit is too low.
fn raise_file_limit() -> Outcome {
    match rlimit::increase_nofile_limit(FILES) {
        Ok(files) if files >= FILES => Ok(()),
        Ok(files) => Err(format!("{FILES} open files are needed, the limit is {files} (`ulimit -Hn`)")),
        Err(error) => Err(format!("{FILES} open files are needed: {error}")),
    }
}

/// What the parts of a siege have seen.
struct Seen {
    posted: Posted,
    watched: Watched,
    attacked: Vec<Attacked>,
    refused: server::Counts,
}

fn siege() -> Outcome {
    let seen = run()?;
    let table = table(&seen);
    let failed: Vec<_> = table
        .rows
        .iter()
        .filter(|row| row.verdict().is_some_and(|verdict| verdict != Verdict::Met))
        .map(|row| row.what.name.clone())
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let machine = std::env::var(MACHINE).unwrap_or_default();
    let setting = report::Setting::here(&folder.join(".."), &machine);
    let text = report::page(INTRODUCTION, &setting, &[&table], None);
    fs::write(folder.join("SIEGE.md"), text).map_err(|error| format!("SIEGE.md: {error}"))?;
    table.end();
    println!("written: benches/SIEGE.md");
    if failed.is_empty() { Ok(()) } else { Err(format!("not met: {}", failed.join("; "))) }
}

fn run() -> Outcome<Seen> {
    let mut server = Server::start()?;
    let is_over = AtomicBool::new(false);
    let (posted, watched, attacked) = thread::scope(|scope| {
        let posts = scope.spawn(|| posts::post(server.address(), &is_over));
        // The first posts have no attackers beside them.
        thread::sleep(Duration::from_secs(1));
        let attackers: Outcome<Vec<_>> =
            KINDS.iter().map(|kind| Attackers::start(kind.name, server.address())).collect();
        let seen = attackers.and_then(|mut attackers| {
            let watched = scope.spawn(|| watch::watch(server.id(), &is_over));
            let attacked = attackers.iter_mut().map(Attackers::ended).collect::<Outcome<Vec<_>>>();
            is_over.store(true, Ordering::Relaxed);
            Ok((joined(watched)??, attacked?))
        });
        is_over.store(true, Ordering::Relaxed);
        let posted = joined(posts)?;
        seen.map(|(watched, attacked)| (posted, watched, attacked))
    })?;
    Ok(Seen { posted, watched, attacked, refused: server.end()? })
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> Outcome<T> {
    thread.join().map_err(|_| "a thread has panicked".to_owned())
}

fn table(seen: &Seen) -> Table {
    let mut table = Table::new("10,000 attackers", "", "the server");
    let none = || Goal::AtMost(0.0);
    let nanoseconds = |time: Duration| time.as_nanos() as f64;
    let Seen { posted, watched, attacked, refused } = seen;
    let sum = |of: fn(&Attacked) -> u64| attacked.iter().map(of).sum::<u64>() as f64;
    table.exactly("posts", Unit::Count, Goal::AtLeast(1000.0), posted.posts as f64);
    table.exactly("posts that were not answered 202", Unit::Count, none(), posted.others.len() as f64);
    let unhandled = posted.posts.abs_diff(refused.handled) as f64;
    table.exactly("posts that were not handled once", Unit::Count, none(), unhandled);
    table.exactly("the median post", Unit::Nanoseconds, None, nanoseconds(posted.median));
    table.exactly("the slowest post", Unit::Nanoseconds, None, nanoseconds(posted.slowest));
    table.exactly("largest memory (VmHWM)", Unit::Bytes, Goal::Under(MEMORY), watched.memory as f64);
    let open = "open at once, by the files of the server";
    table.exactly(open, Unit::Count, Goal::AtLeast(CONNECTIONS), watched.open as f64);
    // The last one has been accepted, and has no place yet.
    let most = Goal::AtMost(CONNECTIONS + LEAVING + 1.0);
    table.exactly("the same, not more than the limit", Unit::Count, most, watched.open as f64);
    let most = most_at_once(attacked) as f64;
    table.exactly("open at once, as the attackers saw it", Unit::Count, Goal::AtLeast(CONNECTIONS), most);
    for (kind, attacked) in KINDS.iter().zip(attacked) {
        let Attacked { connections, longest_ms, .. } = attacked;
        table.exactly(format!("{}: connections", kind.name), Unit::Count, None, *connections as f64);
        let limit = Goal::AtMost(nanoseconds(LIMIT + SLACK));
        let longest = *longest_ms as f64 * 1e6;
        table.exactly(format!("{}: the longest", kind.name), Unit::Nanoseconds, limit, longest);
    }
    table.exactly("attackers that the server did not close", Unit::Count, none(), sum(|all| all.unclosed));
    table.exactly("attackers that could not connect", Unit::Count, none(), sum(|all| all.unconnected));
    table.exactly("slow bodies answered 408", Unit::Count, Goal::AtLeast(1.0), sum(|all| all.late));
    table.exactly("attackers answered 503 at once", Unit::Count, None, sum(|all| all.turned_away));
    for (reason, count) in &refused.refused {
        table.exactly(format!("counted by the server: `{reason}`"), Unit::Count, None, *count as f64);
    }
    for other in posted.others.iter().take(10) {
        table.note(&format!("**A post failed**: {other}."));
    }
    table.note(&format!(
        "{ATTACKERS} attackers of each kind, in a process of their own. One that is closed comes back {} s later, for {} s. \
         Then no attacker comes back, and the server closes the rest by its time limits. The server has time limits of {} s for \
         a head and for a body, and the default limit of {CONNECTIONS} connections. So attackers beyond it make each other \
         leave: the oldest connection without a whole head makes way.",
        PAUSE.as_secs(),
        SIEGE.as_secs(),
        LIMIT.as_secs(),
    ));
    table.note(
        "Every attacker has an address of its own, 127.0.0.2 and on. All of 127.0.0.0/8 is loopback for the server, which \
         exempts it from the limit of 64 connections of one client. That limit would not help here, because no address has \
         more than one connection. The posts come from 127.0.0.1, each on a new connection, 50 a second, and have no privilege: \
         an attacker may be let in before a post, and a post has to wait for its place in the same queue of the system.",
    );
    table
}

/// Returns the largest sum of the open connections of all processes at one time.
fn most_at_once(attacked: &[Attacked]) -> u64 {
    let samples = attacked.iter().map(|all| all.open.len()).max().unwrap_or_default();
    let at = |sample: usize| attacked.iter().filter_map(|all| all.open.get(sample)).sum::<u64>();
    (0..samples).map(at).max().unwrap_or_default()
}

const INTRODUCTION: &str = "\
# A siege

`cargo xtask siege` writes this file; do not edit its figures. A webhook server is attacked by 10,000 clients that never send
a whole request, while another client posts. The run fails if a goal is not met.

";
