//! Agents: processes whose handler asks a language model.
//!
//! A file declares them, see `agents.toml`. Each gets a [`Turn`] of a conversation as JSON from any of its triggers, and
//! publishes the answer of its model as the next turn.

use std::collections::BTreeMap;
use std::sync::Arc;

use rig_core::completion::CompletionRequest;
use rig_core::driver::Model;
use rig_core::providers::openai::{OpenAI, wire::Chat};
use triggers::prelude::*;

/// One turn of a conversation: a question to an agent, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The conversation. With `key = "/conversation"` an agent answers one turn of it at a time, in order.
    pub conversation: String,
    /// The text of the turn.
    pub text: String,
}

/// A file of agents, by name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    agents: BTreeMap<String, Config>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The model, such as `openai:gpt-5-mini`.
    model: String,
    /// The system message of each request.
    instructions: String,
    /// The topic of the answers.
    publish: Topic,
    process: ProcessConfig,
}

/// What the handler of one agent needs.
struct Agent {
    name: String,
    model: Model<Chat>,
    instructions: String,
    publish: Topic,
}

/// Adds a process for each agent of the file.
///
/// # Errors
///
/// The text is no file of agents, or a model is not one of `openai`.
pub fn add_agents(mut builder: Builder, file: &str, openai: &OpenAI) -> Result<Builder> {
    for (name, config) in toml::from_str::<File>(file)?.agents {
        let Some(model) = config.model.strip_prefix("openai:") else {
            return Err(format!("agent `{name}`: `{}` is not like `openai:gpt-5-mini`", config.model).into());
        };
        let agent = Arc::new(Agent {
            name: name.clone(),
            model: openai.chat(model),
            instructions: config.instructions,
            publish: config.publish,
        });
        let handler = move |Json(question): Json<Turn>, broker: MessageBroker| {
            let agent = agent.clone();
            async move { agent.answer(question, broker).await }
        };
        builder = builder.process(name, config.process, handler);
    }
    Ok(builder)
}

impl Agent {
    /// Asks the model, and publishes its answer.
    async fn answer(&self, question: Turn, broker: MessageBroker) -> Result {
        let request = CompletionRequest::new(question.text).preamble(self.instructions.clone());
        let answer = match self.model.call(request).await {
            Ok(answer) => answer.text(),
            // The model is busy or unreachable. The process retries as its configuration says.
            Err(error) if error.is_retryable() => return Err(error.into()),
            // Such as a wrong key: no retry can succeed.
            Err(error) => return Err(Error::permanent(error)),
        };
        let turn = Turn { conversation: question.conversation, text: answer };
        broker.publish(&self.publish, &turn).sender(&self.name).await?;
        Ok(())
    }
}
