//! A source of your own: each line of a TCP stream is an event. The operator can change its settings.
//! The program also plays the device that sends the lines.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use triggers::prelude::*;
use triggers::{BoxSource, Draft, Offered, Setting, SourceContext, SourceKind, TriggerError, TriggerSource};

triggers::source_kind! {
    static LINES: SourceKind = SourceKind::new("lines", "a line").settings(
        &[
            Setting::text("address", "the address of the device that sends the lines"),
            Setting::text("comment", "the text at the start of a line that is no event").default("#"),
        ],
        |settings| {
            let (address, comment) = (settings.text("address")?.to_owned(), settings.text("comment")?.to_owned());
            Ok(BoxSource::new(Lines { address, comment, stream: Mutex::default() }))
        },
    );
}

/// Reads the lines that the device at `address` sends, except those that begin with `comment`.
struct Lines {
    address: String,
    comment: String,
    stream: Mutex<Option<TcpStream>>,
}

impl TriggerSource for Lines {
    fn kind(&self) -> &'static SourceKind {
        &LINES
    }

    fn pattern(&self) -> Cow<'_, str> {
        self.address.as_str().into()
    }

    /// Connects, so that a program without its device does not start.
    async fn open(&self, _cx: &SourceContext) -> Result<(), TriggerError> {
        let refused = |error| TriggerError::failed(format!("cannot connect to {}: {error}", self.address));
        let stream = TcpStream::connect(&self.address).await.map_err(refused)?;
        *self.stream.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
        Ok(())
    }

    fn accept(&self, cx: &SourceContext) {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (sink, comment) = (cx.sink().clone(), self.comment.clone());
        cx.spawn(async move {
            let Some(stream) = stream else { return };
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if !line.starts_with(&comment) && sink.send(Draft::new("line", line)).await == Offered::Closed
                {
                    break;
                }
            }
        });
    }
}

#[triggers::main]
async fn main(builder: Builder) -> Result<()> {
    let device = TcpListener::bind("127.0.0.1:0").await?;
    let config = format!("triggers = [{{ type = 'lines', address = '{}' }}]", device.local_addr()?);
    let print = |line: Text| async move { println!("{line}") };
    let runtime = builder.process("print", toml::from_str(&config)?, print).start().await?;
    println!("{}", runtime.describe());
    let (mut stream, _) = device.accept().await?;
    stream.write_all(b"21.5 degrees\n# the battery is low\n21.7 degrees\n").await?;
    while runtime.status().processes[0].handled < 2 {
        tokio::task::yield_now().await;
    }
    println!("{}", runtime.shutdown().await);
    Ok(())
}
