//! The developer's commands. `cargo xtask ci` runs every check of a change, `cargo xtask STEP` one of them. The others
//! measure something, prepare a release, or build the guide.

mod bench;
mod compile_time;
mod examples;
mod first_hour;
mod instructions;
mod interop;
mod machine;
mod release;
mod server;
mod siege;
mod template;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// A command: its name, its purpose, and its work.
type Step = (&'static str, &'static str, fn() -> Outcome);

/// The steps of `ci`, in order. The fastest step comes first.
const STEPS: &[Step] = &[
    ("fmt", "the code is formatted", fmt),
    (
        "package",
        "the published packages hold their sources, licences and README, and nothing else",
        release::package,
    ),
    ("lint", "clippy has no warnings", lint),
    ("alone", "the library builds without the features that its tests enable, and without any", alone),
    ("test", "the tests of the README's command pass, and those of the whole workspace", test),
    (
        "instructions",
        "no path of an event takes over 5 % more instructions than recorded",
        instructions::check,
    ),
    ("loom", "the queue loses no event and no wake-up in any order of its threads", loom),
    ("doc", "the documentation builds without a warning", doc),
    ("examples", "every example runs, and the servers among them answer real requests", examples::run_every),
    ("agent", "the example with language models, a workspace of its own, passes its tests", agent),
    (
        "template",
        "a program of `triggers new` passes its tests, and answers a real request",
        template::run_program,
    ),
    (
        "interop",
        "the libraries of senders, from PyPI and npm, and ours accept each other's signed requests and events",
        interop::exchange,
    ),
    (
        "first-hour quickstart",
        "the quickstart compiles no more crates and takes no more disk than its limits",
        first_hour::check_quickstart,
    ),
];

/// The commands that are not steps of `ci`: they measure, take longer, or need a tool that `ci` does not.
const MEASUREMENTS: &[Step] = &[
    (
        "bench",
        "measures events, publications, starts and requests; `bench NAME ..` only prints the named ones",
        bench::measure,
    ),
    (
        "compile-time",
        "measures the compile time of 1000 handlers, with attributes and by hand",
        compile_time::compare,
    ),
    (
        "first-hour",
        "measures a clone, the quickstart and `cargo test` with an empty `CARGO_HOME`",
        first_hour::measure,
    ),
    (
        "deny",
        "checks the licences, sources and duplicates of the dependencies, with cargo-deny",
        release::deny,
    ),
    (
        "package --verify",
        "builds each published package by itself, from what is committed",
        release::verify_packages,
    ),
    ("instructions --record", "records the current number of instructions", instructions::record),
    (
        "siege",
        "posts to a webhook server beside 10,000 attackers, and writes `benches/SIEGE.md`",
        siege::besiege,
    ),
    ("docs", "builds the guide into `target/book`, with mdbook", book),
];

/// The result of a command. The error is a text for the developer.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let wanted = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    // `bench` takes the names of benches.
    let is = |name: &str| wanted == name || (name == "bench" && wanted.starts_with("bench "));
    let steps: Vec<_> = match wanted.as_str() {
        "ci" => STEPS.iter().collect(),
        _ => STEPS.iter().chain(MEASUREMENTS).filter(|(name, ..)| is(name)).collect(),
    };
    if steps.is_empty() {
        eprintln!("cargo xtask ci                    all of these, in order");
        for (name, purpose, _) in STEPS {
            eprintln!("cargo xtask {name:<22}{purpose}");
        }
        eprintln!("\nand, not in `ci`:");
        for (name, purpose, _) in MEASUREMENTS {
            eprintln!("cargo xtask {name:<22}{purpose}");
        }
        return ExitCode::FAILURE;
    }
    for (name, purpose, step) in steps {
        eprintln!("\n== {name}: {purpose}");
        if let Err(problem) = step() {
            eprintln!("\n{name} failed: {problem}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn fmt() -> Outcome {
    cargo(&["fmt", "--all", "--check"])
}

fn lint() -> Outcome {
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    // The benches enable features that nothing else does: their peers, their allocator and their plots.
    cargo(&["clippy", "--package", "benches", "--all-targets", "--all-features", "--", "-D", "warnings"])
}

/// Builds without the tests, because cargo enables the features of dev-dependencies for the library as well.
fn alone() -> Outcome {
    cargo(&["check", "--package", "triggers"])?;
    cargo(&["check", "--package", "triggers", "--all-features"])?;
    cargo(&["check", "--package", "triggers", "--no-default-features", "--features", "tls"])?;
    cargo(&["test", "--package", "trigger-webhook", "--lib", "tls::"])?;
    cargo(&["clippy", "--package", "triggers", "--no-default-features", "--", "-D", "warnings"])?;
    cargo(&["run", "--package", "bus-only"])?;
    let webhook = ["check", "--package", "bus-only", "--features", "with-a-webhook"];
    let output = Command::new(env!("CARGO")).args(webhook).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() || !said.contains("webhooks need the feature `webhook`") {
        return Err(format!("a webhook without its feature must not compile, and must say why: {said}"));
    }
    Ok(())
}

/// Runs the two commands for tests. The first is the command of the README, so it must pass by itself: the other members
/// enable features that the first one does without. cargo compares them, and compiles again what differs.
fn test() -> Outcome {
    cargo(&["test"])?;
    cargo(&["test", "--workspace"])
}

/// Builds in a separate target folder. The flag applies to every crate, so a shared folder would rebuild them all.
fn loom() -> Outcome {
    run(Command::new(env!("CARGO"))
        .args(["test", "--package", "interleavings", "--release", "--target-dir", "target/loom"])
        .env("RUSTFLAGS", "--cfg loom"))
}

/// Builds the documentation: with the default features, with all, with none, and of the items that the attributes generate for
/// private handlers.
fn doc() -> Outcome {
    let documented =
        |args: &[&str]| run(Command::new(env!("CARGO")).args(args).env("RUSTDOCFLAGS", "-D warnings"));
    documented(&["doc", "--workspace", "--no-deps"])?;
    documented(&["doc", "--package", "triggers", "--all-features", "--no-deps"])?;
    documented(&[
        "doc",
        "--package",
        "triggers",
        "--package",
        "trigger-core",
        "--no-default-features",
        "--no-deps",
    ])?;
    documented(&["rustdoc", "--package", "test-handlers", "--", "--document-private-items"])
}

fn agent() -> Outcome {
    let target = target().join("agent").display().to_string();
    let here = ["--manifest-path", "examples/agent/Cargo.toml"];
    let built = [&here[..], &["--target-dir", &target]].concat();
    cargo(&[&["fmt", "--check"], &here[..]].concat())?;
    cargo(&[&["clippy", "--all-targets"], &built[..], &["--", "-D", "warnings"]].concat())?;
    cargo(&[&["test"], &built[..]].concat())
}

/// Builds the guide. `ci` compiles its programs and checks its links without mdbook.
fn book() -> Outcome {
    match Command::new("mdbook").arg("--version").output() {
        Ok(_) => run(Command::new("mdbook").args(["build", "docs"])),
        Err(error) => Err(format!("mdbook: {error}; install it with `cargo install mdbook --locked`")),
    }
}

/// Returns the target folder of cargo.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

fn cargo(args: &[&str]) -> Outcome {
    run(Command::new(env!("CARGO")).args(args))
}

fn run(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}")) }
}
