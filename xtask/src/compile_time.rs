//! What do a thousand handlers cost the compiler, declared with attributes or registered by hand? Each way to write
//! them is a throw-away crate, which is timed alone.

#![expect(clippy::disallowed_methods, reason = "a program of its own, on the clock of the machine")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::{Outcome, run};

/// The workspace of the crates, which share what they are built from.
const FOLDER: &str = "target/compile-time";

/// The ways to write the handlers: as fns alone, which nothing calls; with a record of each in a static; with
/// attributes.
const WAYS: [&str; 3] = ["plain", "by-hand", "attributes"];

const COMMANDS: [&str; 2] = ["check", "build"];

const MODULES: usize = 20;
const HANDLERS_PER_MODULE: usize = 50;

/// How often each time is taken; the median is what counts.
const ROUNDS: usize = 5;

/// How many times as long as by hand it may take with attributes.
const LIMIT: f64 = 2.5;

/// A handler in all ways, with `NN` where its number is.
struct Kind {
    attribute: &'static str,
    function: &'static str,
    /// What a person writes who has no attribute.
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

/// How every fourth handler runs, with an attribute and by hand; and by hand, how the others do.
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

/// The root of each crate: the data of the events, and what handlers are registered with by hand.
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
    cx.capture(name).map(str::to_owned).ok_or_else(|| Rejection::absent("no such capture"))
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
    // In turns, so that whatever else the machine does meets all of them.
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
    // The versions are those that the project was built with, so that none is downloaded.
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

/// The seconds for one crate alone: what it depends on is built.
fn time(way: &str, command: &str) -> Result<f64, String> {
    let root = Path::new(FOLDER).join(way).join("src/lib.rs");
    // Written as it is, so that it counts as changed.
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
        .env("CARGO_INCREMENTAL", "0"))
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
