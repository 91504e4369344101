//! The attackers of one kind: clients that send no whole request, and come back when they are closed.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;
use tokio::time::{Instant, interval, sleep, timeout};

use crate::{ATTACKERS, LIMIT, Outcome, SIEGE, SLACK, raise_file_limit};

/// The pause of an attacker before it comes back.
pub(crate) const PAUSE: Duration = Duration::from_secs(3);

/// The time in which the attackers of a kind come for the first time.
const ARRIVAL: Duration = Duration::from_secs(5);

/// The time between two drips of an attacker.
const DRIP: Duration = Duration::from_millis(500);

/// The time between two counts of the open connections.
const SAMPLE: Duration = Duration::from_millis(100);

/// The first address of an attacker. The posts come from the one before it.
const FIRST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A kind of attackers.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// The begin of a request.
    first: &'static str,
    /// What follows every half second, without an end.
    drip: &'static str,
}

pub(crate) const KINDS: [Kind; 4] = [
    Kind { name: "silent", first: "", drip: "" },
    Kind { name: "half a head", first: "POST /in HTTP/1.1\r\nHost: localhost\r\nX-", drip: "" },
    Kind { name: "dripping head", first: "POST /in HTTP/1.1\r\nHost: localhost\r\n", drip: "X: 1\r\n" },
    Kind {
        name: "slow body",
        first: "POST /in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{",
        drip: " ",
    },
];

/// What the attackers of one kind have seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Attacked {
    pub(crate) connections: u64,
    /// The number of connections that could not be opened.
    pub(crate) unconnected: u64,
    /// The number of connections that were open for longer than the limit and the slack.
    pub(crate) unclosed: u64,
    /// The number of connections that were answered 408.
    pub(crate) late: u64,
    /// The number of connections that were answered 503.
    pub(crate) turned_away: u64,
    /// The longest time from a connection to its end.
    pub(crate) longest_ms: u64,
    /// The number of open connections, every 100 ms.
    pub(crate) open: Vec<u64>,
}

/// Attacks a server, and prints what the attackers have seen as one line of JSON.
pub(crate) fn attack(kind: &str, address: &str) -> Outcome {
    let address: SocketAddr = address.parse().map_err(|error| format!("{address}: {error}"))?;
    if !address.ip().is_loopback() {
        return Err(format!("{address} is not on this machine"));
    }
    let number = KINDS.iter().position(|other| other.name == kind);
    let number = number.ok_or_else(|| format!("there are no attackers `{kind}`"))?;
    raise_file_limit()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let attacked = LocalSet::new().block_on(&runtime, attack_with(number, address));
    let line = serde_json::to_string(&attacked).map_err(|error| error.to_string())?;
    writeln!(io::stdout(), "{line}").map_err(|error| error.to_string())
}

/// The state that the attackers of a process share.
struct Attack {
    kind: &'static Kind,
    address: SocketAddr,
    begin: Instant,
    open: Cell<u64>,
    seen: RefCell<Attacked>,
}

async fn attack_with(number: usize, address: SocketAddr) -> Attacked {
    let (open, seen) = (Cell::default(), RefCell::default());
    let attack = Attack { kind: &KINDS[number], address, begin: Instant::now(), open, seen };
    let attack = std::rc::Rc::new(attack);
    let attackers = (0..ATTACKERS).map(|attacker| {
        let attack = std::rc::Rc::clone(&attack);
        let client = FIRST.to_bits() + number as u32 * ATTACKERS + attacker;
        tokio::task::spawn_local(async move {
            sleep(ARRIVAL * attacker / ATTACKERS).await;
            while attack.begin.elapsed() < SIEGE {
                attack.once(Ipv4Addr::from_bits(client)).await;
                sleep(PAUSE).await;
            }
        })
    });
    let attackers: Vec<_> = attackers.collect();
    let counting = async {
        let mut ticks = interval(SAMPLE);
        loop {
            ticks.tick().await;
            let open = attack.open.get();
            attack.seen.borrow_mut().open.push(open);
        }
    };
    let ended = async {
        for attacker in attackers {
            // A panic of an attacker ends the process by its own message.
            let _ = attacker.await;
        }
    };
    tokio::select! {
        () = ended => {}
        () = counting => {}
    }
    attack.seen.take()
}

impl Attack {
    /// Attacks with one connection, until it is closed.
    async fn once(&self, client: Ipv4Addr) {
        let Ok(mut stream) = self.connect(client).await else {
            self.seen.borrow_mut().unconnected += 1;
            return;
        };
        let begin = Instant::now();
        self.open.set(self.open.get() + 1);
        let ended = timeout(LIMIT + SLACK, self.hold(&mut stream)).await;
        self.open.set(self.open.get() - 1);
        let mut seen = self.seen.borrow_mut();
        seen.connections += 1;
        seen.longest_ms = seen.longest_ms.max(begin.elapsed().as_millis() as u64);
        match ended {
            Ok(answer) if answer.starts_with(b"HTTP/1.1 408 ") => seen.late += 1,
            Ok(answer) if answer.starts_with(b"HTTP/1.1 503 ") => seen.turned_away += 1,
            Ok(_) => {}
            Err(_) => seen.unclosed += 1,
        }
    }

    async fn connect(&self, client: Ipv4Addr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(IpAddr::V4(client), 0))?;
        timeout(LIMIT, socket.connect(self.address)).await?
    }

    /// Sends the begin of a request and its drips until the server closes. Returns the answer of the server.
    async fn hold(&self, stream: &mut TcpStream) -> Vec<u8> {
        let (mut answer, mut part) = (Vec::new(), [0; 512]);
        // The server may have closed. The next read returns that.
        let _ = stream.write_all(self.kind.first.as_bytes()).await;
        loop {
            match timeout(DRIP, stream.read(&mut part)).await {
                Ok(Ok(read @ 1..)) => answer.extend_from_slice(&part[..read]),
                Ok(_) => return answer,
                Err(_) => {
                    let _ = stream.write_all(self.kind.drip.as_bytes()).await;
                }
            }
        }
    }
}
