//! A status page on a port of its own: it shows queues, counts and dead letters, and pauses and resumes a process.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use triggers::prelude::*;

#[on_event("order.placed", queue = 10)]
async fn charge(Json(cents): Json<u64>) -> Result<()> {
    if cents > 0 { Ok(()) } else { Err("an order of 0 cents".into()) }
}

/// Returns the status: a line for each process, and one for each of its triggers.
fn page(runtime: &RuntimeHandle) -> String {
    let status = runtime.status();
    let mut page = format!("{}, {} dead letters kept\n", runtime.state(), status.dead_letters.kept);
    for process in status.processes {
        page += &format!("{} is {}: {} handled, ", process.name, process.state, process.handled);
        page += &format!("{} failed, {} dead-lettered\n", process.failed, process.dead_lettered);
        for trigger in process.triggers {
            page += &format!("  {}: {} of {} wait\n", trigger.id, trigger.queue_size, trigger.capacity);
        }
    }
    page
}

/// Does what the first line of a request says.
fn answer(line: &str, runtime: &RuntimeHandle) -> (&'static str, String) {
    let changed = match line.split(['/', ' ']).collect::<Vec<_>>()[..] {
        ["GET", "", "status", ..] => Ok(()),
        ["POST", "", "pause", name, ..] => runtime.pause(name),
        ["POST", "", "resume", name, ..] => runtime.resume(name),
        _ => return ("404 Not Found", "GET /status, POST /pause/NAME, POST /resume/NAME\n".to_owned()),
    };
    changed.map_or_else(|error| ("404 Not Found", format!("{error}\n")), |()| ("200 OK", page(runtime)))
}

/// Serves one connection. The next one waits, up to a second.
async fn serve(stream: TcpStream, runtime: &RuntimeHandle) -> std::io::Result<()> {
    let (mut stream, mut line) = (BufReader::new(stream), String::new());
    (&mut stream).take(8_192).read_line(&mut line).await?;
    let (status, body) = answer(&line, runtime);
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await
}

/// Sends a request, and returns the answer.
async fn ask(address: SocketAddr, line: &str) -> Result<String> {
    let (mut stream, mut reply) = (TcpStream::connect(address).await?, String::new());
    stream.write_all(format!("{line} HTTP/1.1\r\n\r\n").as_bytes()).await?;
    stream.read_to_string(&mut reply).await?;
    Ok(reply)
}

#[triggers::main]
async fn main(builder: Builder) -> Result<()> {
    let (runtime, listener) = (builder.start().await?, TcpListener::bind("127.0.0.1:0").await?);
    let (handle, address) = (runtime.handle(), listener.local_addr()?);
    let server = async {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = tokio::time::timeout(Duration::from_secs(1), serve(stream, &handle)).await;
        }
    };
    let visitor = async {
        ask(address, "POST /pause/charge").await?;
        for cents in [250, 0, 1_000] {
            runtime.bus().emit("order.placed", cents).await?;
        }
        print!("{}", ask(address, "GET /status").await?);
        ask(address, "POST /resume/charge").await?;
        print!("{}", ask(address, "POST /pause/chrge").await?);
        Ok::<_, Error>(())
    };
    tokio::select! { () = server => {}, visited = visitor => visited? }
    print!("{}\n{}", runtime.shutdown().await, page(&handle));
    Ok(())
}
