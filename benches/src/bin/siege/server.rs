//! The server under siege: one webhook, whose handler does nothing.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use triggers::{Bytes, ProcessConfig, Runtime, TriggerConfig};

use crate::{LIMIT, Outcome, raise_file_limit};

/// What the server has counted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) handled: u64,
    /// How often it has refused a connection or a request, by reason.
    pub(crate) refused: BTreeMap<String, u64>,
}

/// Serves until stdin is closed. Prints the address at the begin, and the counts at the end.
pub(crate) fn serve() -> Outcome {
    raise_file_limit()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(serve_until_closed()).map_err(|error| error.to_string())
}

async fn serve_until_closed() -> triggers::Result {
    let limit = format!("{}s", LIMIT.as_secs());
    let hook = TriggerConfig::webhook("/in", 0)
        .host("127.0.0.1")
        .setting("head_timeout", limit.clone())
        .setting("body_timeout", limit);
    let config = ProcessConfig::new().trigger(hook);
    let runtime =
        Runtime::builder().process("hook", config, |body: Bytes| async { drop(body) }).start().await?;
    println!("{}", runtime.local_addr("webhook-0/in").ok_or("the webhook does not listen")?);
    tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await??;
    let status = runtime.status();
    let hook = status.processes.first().ok_or("a runtime without a process")?;
    let refused = hook.triggers.iter().flat_map(|trigger| &trigger.refused);
    let refused = refused.map(|(reason, count)| (reason.to_string(), *count)).collect();
    let counts = Counts { handled: hook.handled, refused };
    writeln!(io::stdout(), "{}", serde_json::to_string(&counts)?)?;
    Ok(())
}
