//! Measures the compile time of a thousand handlers: declared with attributes, and registered by hand. Each way to
//! write them is a generated crate, which is timed alone.

#![expect(clippy::disallowed_methods, reason = "a separate program, on the system clock")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::{Outcome, run};

/// The workspace of the generated crates, which share their dependencies.
const FOLDER: &str = "target/compile-time";

/// The ways to write the handlers: fns alone, which nothing calls; fns with a record of each in a static; fns with
/// attributes.
const WAYS: [&str; 3] = ["plain", "by-hand", "attributes"];

const COMMANDS: [&str; 2] = ["check", "build"];

const MODULES: usize = 20;
const HANDLERS_PER_MODULE: usize = 50;

/// The number of measurements of each time. The median counts.
const ROUNDS: usize = 5;

/// The maximum ratio of the time with attributes to the time by hand.
const LIMIT: f64 = 2.5;

/// A handler in all ways, with `NN` in place of its number.
struct Kind {
    attribute: &'static str,
    function: &'static str,
    /// The trigger in the record by hand.
    trigger: &'static str,
    arguments: &'static str,
}

const KINDS: [Kind; 3] = [
    Kind {
        attribute: r#"#[on_event("order.paid_NN")]"#,
        function: r#"
pub async fn hNN(Json(order): Json<Order>) -> Result<()> {
    if order.items == 0 { Err("nothing to ship".into()) } else { Ok(()) }
}"#,
        trigger: r#"On::Event("order.paid_NN")"#,
        arguments: "Json::from_trigger(cx)?",
    },
    Kind {
        attribute: r#"#[on_message("reports.{region}.rNN")]"#,
        function: r#"
pub async fn hNN(region: String, report: Text) {
    println!("{region}: {report}");
}"#,
        trigger: r#"On::Message("reports.{region}.rNN")"#,
        arguments: r#"capture(cx, "region")?, Text::from_trigger(cx)?"#,
    },
    Kind {
        attribute: r#"#[on_webhook("/hookNN", port = 9090)]"#,
        function: r#"
pub async fn hNN(event: TriggerEvent, bus: EventBus) -> Result<()> {
    bus.emit("hook.called_NN", event.payload()).await?;
    Ok(())
}"#,
        trigger: r#"On::Webhook { path: "/hookNN", port: 9090 }"#,
        arguments: "TriggerEvent::from_trigger(cx)?, EventBus::from_trigger(cx)?",
    },
];

/// The policy of every fourth handler, as an attribute and by hand; then the policy of the others by hand.
const PROCESS: [&str; 3] = [
    r#"#[process(retry = 3, timeout = "30s")]"#,
    "Process { retry: 3, timeout: Some(Duration::from_secs(30)) }",
    "Process { retry: 0, timeout: None }",
];

const HANDLER_BY_HAND: &str = "
    Handler {
        name: \"hNN\",
        module: module_path!(),
        file: file!(),
        line: line!(),
        process: PROCESS,
        triggers: &[TRIGGER],
        call: |cx| Ok(boxed(hNN(ARGUMENTS))),
    },";

/// The root of each crate: the data of the events, and the types for the records by hand.
const ROOT: &str = r#"
use std::time::Duration;
use triggers::{Context, Error, IntoOutcome, Outcome, Rejection};

pub type Boxed = std::pin::Pin<Box<dyn Future<Output = Result<Outcome, Error>> + Send>>;

#[derive(serde::Deserialize)]
pub struct Order {
    pub items: u32,
}

pub struct Handler {
    pub name: &'static str,
    pub module: &'static str,
    pub file: &'static str,
    pub line: u32,
    pub process: Process,
    pub triggers: &'static [On],
    pub call: fn(&Context<'_>) -> Result<Boxed, Rejection>,
}

pub struct Process {
    pub retry: u32,
    pub timeout: Option<Duration>,
}

pub enum On {
    Event(&'static str),
    Message(&'static str),
    Webhook { path: &'static str, port: u16 },
}

pub fn boxed<F: Future<Output: IntoOutcome> + Send + 'static>(future: F) -> Boxed {
    Box::pin(async move { future.await.into_outcome() })
}

pub fn capture(cx: &Context<'_>, name: &str) -> Result<String, Rejection> {
    cx.capture(name).map(|text| text.into_owned()).ok_or_else(|| Rejection::absent("no such capture"))
}
"#;

const IMPORTS: &str = "
#![allow(unused_imports)]
use crate::{Handler, On, Order, Process, boxed, capture};
use std::time::Duration;
use triggers::FromTrigger;
use triggers::prelude::*;
";

pub(crate) fn compare() -> Outcome {
    write_workspace().map_err(|error| format!("{FOLDER}: {error}"))?;
    for command in COMMANDS {
        cargo(&[command, "--workspace"])?;
    }
    // In turns, so that other load on the machine affects all of them.
    let mut seconds = [const { [const { Vec::new() }; COMMANDS.len()] }; WAYS.len()];
    for _ in 0..ROUNDS {
        for (column, command) in COMMANDS.into_iter().enumerate() {
            for (row, way) in WAYS.into_iter().enumerate() {
                seconds[row][column].push(time(way, command)?);
            }
        }
    }
    report(&seconds.map(|row| row.map(median)))
}

fn write_workspace() -> std::io::Result<()> {
    let folder = Path::new(FOLDER);
    let triggers = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for way in WAYS {
        let source = folder.join(way).join("src");
        fs::create_dir_all(&source)?;
        let mut root = ROOT.to_owned();
        for number in 0..MODULES {
            root += &format!("pub mod m{number};\n");
            fs::write(source.join(format!("m{number}.rs")), module(way, number))?;
        }
        fs::write(source.join("lib.rs"), root)?;
        let manifest = format!(
            "[package]\nname = \"{way}\"\nedition = \"2024\"\n\n\
             [dependencies]\nserde = \"1\"\ntriggers = {{ path = {triggers:?} }}\n"
        );
        fs::write(folder.join(way).join("Cargo.toml"), manifest)?;
    }
    fs::write(folder.join("Cargo.toml"), format!("[workspace]\nmembers = {WAYS:?}\nresolver = \"3\"\n"))?;
    // Use the versions of the project's own build, so that nothing is downloaded.
    fs::copy(triggers.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    Ok(())
}

fn module(way: &str, module: usize) -> String {
    let mut text = IMPORTS.to_owned();
    let mut by_hand = String::new();
    for number in module * HANDLERS_PER_MODULE..(module + 1) * HANDLERS_PER_MODULE {
        let kind = &KINDS[number % KINDS.len()];
        let (attribute, process) =
            if number.is_multiple_of(4) { (PROCESS[0], PROCESS[1]) } else { ("", PROCESS[2]) };
        let number = number.to_string();
        if way == "attributes" {
            text += &format!("\n{}\n{attribute}", kind.attribute.replace("NN", &number));
        }
        text += &format!("{}\n", kind.function.replace("NN", &number));
        by_hand += &HANDLER_BY_HAND
            .replace("PROCESS", process)
            .replace("TRIGGER", kind.trigger)
            .replace("ARGUMENTS", kind.arguments)
            .replace("NN", &number);
    }
    if way == "by-hand" {
        text += &format!("\npub static HANDLERS: &[Handler] = &[{by_hand}\n];\n");
    }
    text
}

/// Returns the seconds for one crate alone. Its dependencies have been built before.
fn time(way: &str, command: &str) -> Result<f64, String> {
    let root = Path::new(FOLDER).join(way).join("src/lib.rs");
    // The same text with a new modification time, so that cargo builds the crate again.
    fs::read(&root).and_then(|text| fs::write(&root, text)).map_err(|error| error.to_string())?;
    let began = Instant::now();
    cargo(&[command, "--package", way])?;
    Ok(began.elapsed().as_secs_f64())
}

fn cargo(args: &[&str]) -> Outcome {
    run(Command::new(env!("CARGO"))
        .args(args)
        .args(["--quiet", "--offline", "--target-dir", "target"])
        .current_dir(FOLDER)
        .env("CARGO_INCREMENTAL", "0")
        // The default of cargo, which users have. The configuration of this repository has less.
        .env("CARGO_PROFILE_DEV_DEBUG", "full"))
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn report(seconds: &[[f64; COMMANDS.len()]; WAYS.len()]) -> Outcome {
    println!("seconds for {} handlers   check   build", MODULES * HANDLERS_PER_MODULE);
    for (way, [check, build]) in WAYS.iter().zip(seconds) {
        println!("{way:<27}{check:>7.2} {build:>7.2}");
    }
    let [_, by_hand, attributes] = seconds;
    let [check, build] = [0, 1].map(|column| attributes[column] / by_hand[column]);
    println!("{:<27}{check:>7.2} {build:>7.2}", "attributes / by hand");
    if check.max(build) <= LIMIT {
        Ok(())
    } else {
        Err(format!("attributes take more than {LIMIT} times as long as records by hand"))
    }
}
