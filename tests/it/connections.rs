//! How many connections a webhook server takes.

use tokio::net::TcpStream;
use tokio::time::timeout;
use triggers::Trigger;

use crate::http::{Client, post_request};
use crate::until::GIVES_UP;
use crate::webhook::{listening, local};

/// As the README says.
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

/// Not on a paused clock, which would go on to the end of the time that a connection may be idle.
#[tokio::test]
async fn one_connection_more_than_the_limit_is_closed_until_another_one_has_ended() {
    // This program opens both ends of each connection, and the tests beside this one open files too.
    allow_open_files(2 * LIMIT as u64 + 1000);
    let (trigger, address) = listening(local()).await;
    let mut connections = Vec::new();
    for _ in 1..LIMIT {
        connections.push(TcpStream::connect(address).await.expect("a connection"));
    }
    let mut last = Client::connect(address).await;
    assert_eq!(last.ask(post_request("/events", "{}")).await.status, 202);
    assert!(Client::connect(address).await.answer().await.is_none(), "one too many");
    assert_eq!(last.ask(post_request("/events", "{}")).await.status, 202, "the others go on");
    drop(connections);
    // The server finds them ended one after the other.
    let served = async || {
        let mut next = Client::connect(address).await;
        next.send(post_request("/events", "{}")).await;
        next.answer().await
    };
    let room = async { while served().await.is_none() {} };
    timeout(GIVES_UP, room).await.expect("room for another one");
    trigger.stop().await;
}
