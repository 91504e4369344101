//! Processes from TOML, with overrides of each environment: which value is in force, and where it came from.
//!
//! The program starts itself once for each environment, with the file and the variables of an operator.

use std::collections::HashMap;
use std::process::Command;

use triggers::prelude::*;

/// The defaults of the program. They could also be a file.
const PROCESSES: &str = r#"
    [alerts]
    triggers = [{ type = "event", event_type = "disk.full", queue = 50 }]
    concurrency = 2
    retry = 1
    timeout = "10s"
"#;

const ENVIRONMENT: &str = "DEPLOY_ENVIRONMENT";
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/production.toml");

/// What the operator sets in each environment.
const ENVIRONMENTS: [(&str, &[(&str, &str)]); 3] = [
    ("development", &[]),
    ("production", &[("TRIGGERS_CONFIG", FILE)]),
    ("production under load", &[("TRIGGERS_CONFIG", FILE), ("TRIGGERS__ALERTS__CONCURRENCY", "16")]),
];

#[triggers::main]
async fn main(builder: Builder) -> Result<()> {
    let Ok(environment) = std::env::var(ENVIRONMENT) else { return start_each() };
    let mut processes: HashMap<String, ProcessConfig> = toml::from_str(PROCESSES)?;
    let alerts = processes.remove("alerts").ok_or("the text has no [alerts]")?;
    let runtime = builder
        .process("alerts", alerts, |text: Text| async move { println!("alert: {text}") })
        .start()
        .await?;
    println!("== {environment} ==\n{}", runtime.describe());
    runtime.bus().emit("disk.full", environment).await?;
    runtime.shutdown().await;
    Ok(())
}

fn start_each() -> Result<()> {
    for (environment, variables) in ENVIRONMENTS {
        let mut program = Command::new(std::env::current_exe()?);
        let status = program.env(ENVIRONMENT, environment).envs(variables.iter().copied()).status()?;
        if !status.success() {
            return Err(format!("the program failed in {environment}: {status}").into());
        }
    }
    Ok(())
}
