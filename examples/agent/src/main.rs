//! Runs the agents of `agents.toml`, and prints what becomes of their questions. See README.md.

use std::time::Duration;

use agent::{Turn, add_agents};
use rig_core::providers::openai::OpenAI;
use triggers::prelude::*;

#[on_message("answers.{agent}")]
async fn print(agent: String, Json(answer): Json<Turn>) {
    println!("{agent}, to {}: {}", answer.conversation, answer.text);
}

/// Runs for every event that an agent has given up on.
#[on_dead_letter]
async fn give_up(dead_letter: DeadLetter) {
    let DeadLetter { process, attempts, reason, error, .. } = dead_letter;
    println!("{process} gave up ({reason}, attempts: {attempts}): {error}");
}

#[triggers::main]
async fn main(builder: Builder) -> Result<()> {
    let file = std::fs::read_to_string("agents.toml").map_err(|error| format!("agents.toml: {error}"))?;
    // It reads OPENAI_API_KEY and OPENAI_BASE_URL.
    let builder = add_agents(builder, &file, &OpenAI::from_env()?)?;
    // Longer than the timeout of an agent, so that a drain lets a slow model answer.
    builder.drain_deadline(Duration::from_secs(90)).run().await
}
