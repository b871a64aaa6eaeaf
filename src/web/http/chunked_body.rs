//! Answers leave in small pieces. A connection copies what it is to send into a buffer of its own and keeps that at the size
//! it once had: with whole pages and whole messages of the board in it, a hundred open streams hold megabytes for nothing.

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// With so many bytes in its buffer a connection writes them out before it asks for more: an answer's head fits in it.
pub const FULL: usize = 1024;
/// The most bytes of a piece. What may be in the buffer, one piece and what HTTP puts around it are less than the 8 KB that the
/// buffer has from the start: it never grows.
const PIECE: usize = 7_000;
/// A connection's buffer, as actix makes it (`HW_BUFFER_SIZE`), and what a chunk has around it: its length, and two ends of line.
const BUFFER: usize = 8 * 1024;
const AROUND: usize = 8;
const _: () = assert!(FULL + PIECE + AROUND <= BUFFER);

/// A body that gives what another gives, cut small. Nothing is copied.
struct Pieces {
    body: BoxBody,
    rest: Bytes,
}

impl MessageBody for Pieces {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_next(cx)) {
                Some(Ok(bytes)) => this.rest = bytes,
                end => return Poll::Ready(end),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(piece)))
    }
}

/// The layer around all others: what they answer is sent in pieces.
///
/// # Errors
/// Only those of the layers inside.
pub async fn cut(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let res = next.call(req).await?.map_into_boxed_body();
    Ok(res.map_body(|_, body| match body.size() {
        BodySize::None => body,
        BodySize::Sized(size) if size <= PIECE as u64 => body,
        BodySize::Sized(_) | BodySize::Stream => BoxBody::new(Pieces { body, rest: Bytes::new() }),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::{BodyStream, SizedStream, to_bytes};
    use futures_util::{StreamExt, stream};
    use std::convert::Infallible;

    fn given(sizes: &[usize]) -> (Vec<u8>, Vec<Result<Bytes, Infallible>>) {
        let all: Vec<u8> = (0..sizes.iter().sum()).map(|n: usize| u8::try_from(n % 251).unwrap_or(0)).collect();
        let mut left = Bytes::from(all.clone());
        (all, sizes.iter().map(|n| Ok(left.split_to(*n))).collect())
    }

    #[actix_web::test]
    async fn every_byte_comes_once_and_in_order_and_no_piece_is_large() {
        for sizes in [&[1][..], &[PIECE], &[PIECE + 1, 3], &[300_000], &[5, 2 * PIECE, 7, 123_456]] {
            let (all, parts) = given(sizes);
            let mut pieces = Pieces { body: BoxBody::new(BodyStream::new(stream::iter(parts))), rest: Bytes::new() };
            let got: Vec<Bytes> =
                stream::poll_fn(move |cx| Pin::new(&mut pieces).poll_next(cx)).map(|piece| piece.expect("given")).collect().await;
            assert!(got.iter().all(|piece| !piece.is_empty() && piece.len() <= PIECE), "{sizes:?}");
            assert_eq!(got.concat(), all, "{sizes:?}");
        }
    }

    #[actix_web::test]
    async fn the_size_is_told_where_it_is_known_and_an_error_is_passed_on() {
        let (all, parts) = given(&[40_000, 2]);
        let sized = Pieces { body: BoxBody::new(SizedStream::new(40_002, stream::iter(parts))), rest: Bytes::new() };
        assert_eq!(sized.size(), BodySize::Sized(40_002));
        assert_eq!(to_bytes(sized).await.expect("given"), all);
        let broken = stream::iter([Ok(Bytes::from(vec![1; 20_000])), Err(std::io::Error::other("gone"))]);
        let broken = Pieces { body: BoxBody::new(BodyStream::new(broken)), rest: Bytes::new() };
        assert_eq!(broken.size(), BodySize::Stream);
        assert_eq!(to_bytes(broken).await.expect_err("broken").to_string(), "gone");
    }
}
