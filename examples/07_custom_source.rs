//! A custom source: each file that arrives in a folder is an event, and then leaves the folder.
//!
//! `cargo run --example custom_source`

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, io, process};

use tokio::fs;
use triggers::prelude::*;
use triggers::{Claim, Draft, Offered, Sink, SourceContext, SourceKind, TriggerError, TriggerSource};

/// The kind of the source. If its queue is full, the files wait in the folder.
static FOLDER: SourceKind = SourceKind::new("folder", "a file").queue(10).overflow(Overflow::Wait);

/// The files of a folder.
struct Folder(PathBuf);

impl TriggerSource for Folder {
    fn kind(&self) -> &'static SourceKind {
        &FOLDER
    }

    fn pattern(&self) -> Cow<'_, str> {
        self.0.to_string_lossy()
    }

    /// Two triggers of one folder would take each other's files.
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::of_runtime(format!("the folder {}", self.0.display()))]
    }

    /// Fails the start of the program if there can be no such folder.
    async fn open(&self, _: &SourceContext) -> Result<(), TriggerError> {
        fs::create_dir_all(&self.0).await.map_err(TriggerError::failed)
    }

    fn accept(&self, cx: &SourceContext) {
        let (folder, sink) = (self.0.clone(), cx.sink().clone());
        let mut looks = tokio::time::interval(Duration::from_millis(200));
        // The runtime ends this task when the drain begins.
        cx.spawn(async move {
            loop {
                looks.tick().await;
                if let Err(error) = look(&folder, &sink).await {
                    eprintln!("{}: {error}", folder.display());
                }
            }
        });
    }
}

/// Offers every file of the folder.
async fn look(folder: &Path, sink: &Sink) -> io::Result<()> {
    let mut files = fs::read_dir(folder).await?;
    while let Some(file) = files.next_entry().await? {
        // The next file is not read before there is room for it.
        sink.capacity().await;
        let draft = Draft::new(file.file_name().to_string_lossy(), fs::read(file.path()).await?);
        // A file that the trigger does not accept any more stays. If it is filtered or dropped, it is counted, and leaves too.
        match sink.send(draft).await {
            Offered::Closed | Offered::Rejected => break,
            _ => fs::remove_file(file.path()).await?,
        }
    }
    Ok(())
}

fn inbox() -> PathBuf {
    env::temp_dir().join(format!("triggers-inbox-{}", process::id()))
}

#[on_source(Folder(inbox()), id = "inbox")]
#[process(retry = 3)]
async fn import(file: TriggerEvent, text: Text, bus: EventBus) -> Result<()> {
    println!("{}: {} bytes", file.frame().name(), text.len());
    bus.emit("imported", file.frame().name()).await?;
    Ok(())
}

#[triggers::main]
async fn main(builder: Builder) -> Result<()> {
    let runtime = builder.start().await?;
    for (name, text) in [("orders.csv", "7,40\n"), ("notes.txt", "all well")] {
        fs::write(inbox().join(name), text).await?;
    }
    while runtime.status().processes[0].handled < 2 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("{}", runtime.shutdown().await);
    fs::remove_dir(inbox()).await?;
    Ok(())
}
