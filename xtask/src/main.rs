//! The developer's commands: `cargo xtask ci` runs what a change must pass, `cargo xtask STEP` one step of it, or one
//! of those that only answer a question.

mod bench;
mod compile_time;
mod examples;
mod instructions;
mod machine;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// A step of `ci`: its name, what it is for, and the work.
type Step = (&'static str, &'static str, fn() -> Outcome);

/// The steps of `ci`, in order: what fails fastest comes first.
const STEPS: &[Step] = &[
    ("fmt", "the code is formatted", fmt),
    ("lint", "clippy has nothing to say", lint),
    ("alone", "the library builds without what its tests add", alone),
    ("test", "the README's test command passes", test),
    (
        "instructions",
        "no path of an event takes over 5 % more instructions than recorded",
        instructions::check,
    ),
    ("loom", "the queue loses no event and no wake-up, in whichever order its threads run", loom),
    ("doc", "the documentation builds without a warning", doc),
    ("examples", "every example runs, and the quickstart answers a real request", examples::run_every),
];

/// What is no step of `ci`: it answers a question, and takes its time.
const QUESTIONS: &[Step] = &[
    (
        "bench",
        "what events, publications, starts and requests cost; `bench NAME ..` only prints these",
        bench::measure,
    ),
    (
        "compile-time",
        "what 1000 handlers cost the compiler, with attributes and by hand",
        compile_time::compare,
    ),
    ("instructions --record", "writes down how many they take now", instructions::record),
];

/// What went wrong, for the person who reads it.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let wanted = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    // `bench` takes the names of benches.
    let is = |name: &str| wanted == name || (name == "bench" && wanted.starts_with("bench "));
    let steps: Vec<_> = match wanted.as_str() {
        "ci" => STEPS.iter().collect(),
        _ => STEPS.iter().chain(QUESTIONS).filter(|(name, ..)| is(name)).collect(),
    };
    if steps.is_empty() {
        eprintln!("cargo xtask ci                    all of these, in order");
        for (name, purpose, _) in STEPS {
            eprintln!("cargo xtask {name:<22}{purpose}");
        }
        eprintln!("\nand what is no step of it:");
        for (name, purpose, _) in QUESTIONS {
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
    // What only the benches ask for: their peers and their plots.
    cargo(&["clippy", "--package", "benches", "--all-targets", "--all-features", "--", "-D", "warnings"])
}

/// Features of dependencies that only the tests ask for are on while the tests are built.
fn alone() -> Outcome {
    cargo(&["check", "--package", "triggers"])?;
    cargo(&["check", "--package", "triggers", "--all-features"])
}

fn test() -> Outcome {
    cargo(&["test", "--workspace"])
}

/// In a folder of its own: the flag is for every crate, and each would be built again at every change between the two.
fn loom() -> Outcome {
    run(Command::new(env!("CARGO"))
        .args(["test", "--package", "interleavings", "--release", "--target-dir", "target/loom"])
        .env("RUSTFLAGS", "--cfg loom"))
}

/// The second documentation has what the attributes generate beside private handlers.
fn doc() -> Outcome {
    let documented =
        |args: &[&str]| run(Command::new(env!("CARGO")).args(args).env("RUSTDOCFLAGS", "-D warnings"));
    documented(&["doc", "--workspace", "--no-deps"])?;
    documented(&["rustdoc", "--package", "test-handlers", "--", "--document-private-items"])
}

/// Where cargo puts what it builds.
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
