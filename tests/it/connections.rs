//! The connection limit of a webhook server.

use tokio::net::TcpStream;
use tokio::time::timeout;
use triggers::Trigger;

use crate::http::{Client, post_request};
use crate::until::TIME_LIMIT;
use crate::webhook::{listening, local};

/// The limit that the README documents.
const LIMIT: usize = 4096;

/// Raises the soft limit of open files, up to the hard one.
fn allow_open_files(needed: u64) {
    let allowed = rlimit::increase_nofile_limit(needed).expect("the system has a limit of open files");
    assert!(
        allowed >= needed,
        "this test opens {needed} files, and the hard limit of the system is {allowed}: raise it, as with \
         `ulimit -n {needed}` by root, `LimitNOFILE=` of a service or `--ulimit nofile={needed}` of a container"
    );
}

/// In real time: a paused clock would advance past the idle timeout of the connections.
#[tokio::test]
async fn server_closes_a_connection_over_the_limit_until_another_one_ends() {
    // This program opens both ends of each connection, and the tests beside this one open files too.
    allow_open_files(2 * LIMIT as u64 + 1000);
    let (trigger, address) = listening(local()).await;
    let mut connections = Vec::new();
    for _ in 1..LIMIT {
        connections.push(TcpStream::connect(address).await.expect("a connection"));
    }
    let mut last = Client::connect(address).await;
    assert_eq!(last.ask(post_request("/events", "{}")).await.status, 202);
    assert!(Client::connect(address).await.answer().await.is_none(), "a connection over the limit");
    assert_eq!(last.ask(post_request("/events", "{}")).await.status, 202, "the other connections stay open");
    drop(connections);
    // The server notices the end of each connection in turn.
    let served = async || {
        let mut next = Client::connect(address).await;
        next.send(post_request("/events", "{}")).await;
        next.answer().await
    };
    let accepted = async { while served().await.is_none() {} };
    timeout(TIME_LIMIT, accepted).await.expect("the server accepts another connection");
    trigger.stop().await;
}
