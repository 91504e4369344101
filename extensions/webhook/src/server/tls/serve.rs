//! A connection with TLS, from its handshake to its end.

use std::sync::{Arc, Weak};

use tokio::net::TcpStream;

use super::pem::HTTP_2;
use super::{Tls, http2};
use crate::server::check::Check;
use crate::server::connection::{self, Shared};
use crate::server::peer::Peer;

/// Makes the handshake of a connection, and serves its requests.
pub(crate) async fn serve<C: Check>(tls: Arc<Tls>, stream: TcpStream, peer: Peer<C>, shared: Weak<Shared>) {
    // Boxed, because a connection needs this memory only at its begin.
    match Box::pin(tls.handshake(stream, &peer)).await {
        Ok(Some(stream)) if stream.get_ref().1.alpn_protocol() == Some(HTTP_2) => {
            Box::pin(http2::serve(stream, peer, shared)).await;
        }
        Ok(Some(stream)) => connection::serve(stream, peer, shared).await,
        Ok(None) => {}
        Err(error) => {
            peer.seat.load().counts.add("tls_handshake");
            tracing::debug!(remote = %peer.remote, %error, "TLS handshake failed");
        }
    }
}
