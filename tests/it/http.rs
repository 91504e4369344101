//! An HTTP client that sends given bytes and reads the answers.

use std::io;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// One answer of a server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }
}

/// A connection that sends requests one after the other.
pub(crate) struct Client<T = TcpStream>(BufReader<T>);

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Client {
        Client::try_connect(address).await.expect("a connection")
    }

    /// Fails if the port is closed.
    pub(crate) async fn try_connect(address: SocketAddr) -> io::Result<Client> {
        Ok(Client::over(TcpStream::connect(address).await?))
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.0.get_ref().local_addr().expect("an address")
    }

    /// Waits until the server has sent something, or closed.
    pub(crate) async fn readable(&self) {
        self.0.get_ref().readable().await.expect("a connection");
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    /// Returns the client of a connection that is open, such as one of TLS.
    pub(crate) fn over(stream: T) -> Client<T> {
        Client(BufReader::new(stream))
    }

    /// Sends bytes and ignores an error: a server that refuses a request may close before it has read everything.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.try_send(bytes).await;
    }

    /// Fails if the server closes before it has read everything.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.write_all(bytes.as_ref()).await
    }

    /// Closes the sending half of the connection.
    pub(crate) async fn finish(&mut self) {
        self.0.shutdown().await.expect("a connection");
    }

    /// Waits until the server closes the connection, and ignores what it sends.
    pub(crate) async fn closed(&mut self) {
        let mut ignored = Vec::new();
        // The error of a reset ends it too.
        let _ = self.0.read_to_end(&mut ignored).await;
    }

    /// Reads one answer; `None` if the connection is closed instead.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let mut answer = self.answer_without_body().await?;
        let mut body =
            vec![0; answer.header("content-length").map_or(0, |length| length.parse().expect("a length"))];
        self.0.read_exact(&mut body).await.expect("a whole body");
        answer.body = String::from_utf8(body).expect("a body of text");
        Some(answer)
    }

    /// As [`answer`](Self::answer), to a request whose answer has no body, whatever its length says.
    pub(crate) async fn answer_without_body(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).expect("a head of text");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().expect("a status");
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Some(Answer { status, headers, body: String::new() })
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request).await;
        self.answer().await.expect("an answer")
    }

    /// Reads answers until the server closes the connection.
    pub(crate) async fn answers(&mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        while let Some(answer) = self.answer().await {
            answers.push(answer);
        }
        answers
    }
}

/// Returns a `POST` with a body.
pub(crate) fn post_request(target: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    post_with(target, "", body)
}

/// Returns a `POST` with headers, each ended by `\r\n`, and a body.
pub(crate) fn post_with(target: &str, headers: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n", body.len());
    [head.as_bytes(), headers.as_ref(), b"\r\n", body].concat()
}

/// Posts a body on a new connection.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &str) -> Answer {
    request(address, post_request(path, body)).await
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await
}

/// Sends a request on a new connection.
pub(crate) async fn request(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    Client::connect(address).await.ask(request).await
}
