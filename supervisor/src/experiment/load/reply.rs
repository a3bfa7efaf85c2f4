//! PURE: reads one HTTP/1.1 response from bytes as they come, so that a cut response is never taken for a whole one.

/// A response being read. Feed it with [`Reply::push`] until [`Reply::is_complete`].
#[derive(Debug, Default)]
pub struct Reply {
    /// Bytes of the head, or of the chunk line, that are not complete yet.
    pending: Vec<u8>,
    body: Body,
    pub status: u16,
    /// `x-resetlab-router`, if the answer has it.
    pub router: Option<String>,
    /// The connection may be used again after this response.
    pub keep_alive: bool,
    started: bool,
}

#[derive(Debug, Default, PartialEq)]
enum Body {
    #[default]
    Head,
    Length(u64),
    ChunkSize,
    /// Bytes left of a chunk, its CRLF included.
    Chunk(u64),
    Trailers,
    UntilClose,
    Complete,
}

/// What was read is not an HTTP/1.1 response.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// A response head, a chunk line or the trailers may be this long.
const MAX_HEAD: usize = 64 * 1024;

impl Reply {
    /// Takes what was read. Surplus bytes after the response forbid another use of the connection.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), Malformed> {
        self.started |= !bytes.is_empty();
        while !bytes.is_empty() {
            match &mut self.body {
                Body::Complete => {
                    self.keep_alive = false;
                    return Ok(());
                }
                Body::UntilClose => return Ok(()),
                Body::Length(left) | Body::Chunk(left) => {
                    let taken = (*left).min(bytes.len() as u64);
                    *left -= taken;
                    bytes = &bytes[taken as usize..];
                    if *left == 0 {
                        let chunk = matches!(self.body, Body::Chunk(_));
                        self.body = if chunk { Body::ChunkSize } else { Body::Complete };
                    }
                }
                Body::Head => bytes = self.line_by_line(bytes, b"\r\n\r\n", Reply::head)?,
                Body::ChunkSize => bytes = self.line_by_line(bytes, b"\r\n", Reply::chunk_size)?,
                Body::Trailers => bytes = self.line_by_line(bytes, b"\r\n", Reply::trailer)?,
            }
        }
        Ok(())
    }

    pub fn is_complete(&self) -> bool {
        self.body == Body::Complete
    }

    /// The other side closed: whether that completes the response.
    pub fn close(&mut self) -> bool {
        if self.body == Body::UntilClose {
            self.body = Body::Complete;
        }
        self.is_complete()
    }

    /// Whether anything of a response was read.
    pub fn has_started(&self) -> bool {
        self.started
    }

    /// Collects up to and including `end`, then hands it to `read`. Returns what follows.
    fn line_by_line<'a>(
        &mut self,
        bytes: &'a [u8],
        end: &[u8],
        read: fn(&mut Reply, &[u8]) -> Result<(), Malformed>,
    ) -> Result<&'a [u8], Malformed> {
        let before = self.pending.len();
        self.pending.extend_from_slice(bytes);
        let from = before.saturating_sub(end.len() - 1);
        let found = self.pending[from..]
            .windows(end.len())
            .position(|window| window == end);
        let Some(position) = found else {
            return if self.pending.len() > MAX_HEAD {
                Err(Malformed)
            } else {
                Ok(&[])
            };
        };
        let whole = std::mem::take(&mut self.pending);
        let size = from + position + end.len();
        read(self, &whole[..size])?;
        Ok(&bytes[size - before..])
    }

    fn head(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let mut headers = [httparse::EMPTY_HEADER; 100];
        let mut head = httparse::Response::new(&mut headers);
        match head.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            _ => return Err(Malformed),
        }
        self.status = head.code.ok_or(Malformed)?;
        if (100..200).contains(&self.status) {
            // 101 was not asked for; any other is followed by the final response.
            return if self.status == 101 {
                Err(Malformed)
            } else {
                Ok(())
            };
        }
        self.keep_alive = head.version == Some(1);
        let (mut length, mut chunked) = (None, false);
        for header in head.headers.iter() {
            let value = std::str::from_utf8(header.value).unwrap_or("").trim();
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("content-length") {
                let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
                let number = value.parse::<u64>().ok().filter(|_| digits).ok_or(Malformed)?;
                if length.replace(number).is_some_and(|other| other != number) {
                    return Err(Malformed);
                }
            } else if is("transfer-encoding") {
                chunked = value.eq_ignore_ascii_case("chunked");
                if !chunked {
                    return Err(Malformed);
                }
            } else if is("connection") {
                if value
                    .split(',')
                    .any(|token| token.trim().eq_ignore_ascii_case("close"))
                {
                    self.keep_alive = false;
                }
            } else if is("x-resetlab-router") {
                self.router = Some(value.to_owned());
            }
        }
        self.body = match (self.status, chunked, length) {
            (204 | 304, _, _) | (_, false, Some(0)) => Body::Complete,
            (_, true, Some(_)) => return Err(Malformed),
            (_, true, None) => Body::ChunkSize,
            (_, false, Some(length)) => Body::Length(length),
            (_, false, None) => {
                self.keep_alive = false;
                Body::UntilClose
            }
        };
        Ok(())
    }

    fn chunk_size(&mut self, line: &[u8]) -> Result<(), Malformed> {
        match httparse::parse_chunk_size(line) {
            Ok(httparse::Status::Complete((_, 0))) => self.body = Body::Trailers,
            Ok(httparse::Status::Complete((_, size))) => {
                self.body = Body::Chunk(size.checked_add(2).ok_or(Malformed)?);
            }
            _ => return Err(Malformed),
        }
        Ok(())
    }

    fn trailer(&mut self, line: &[u8]) -> Result<(), Malformed> {
        if line == b"\r\n" {
            self.body = Body::Complete;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parts: &[&[u8]]) -> Result<Reply, Malformed> {
        let mut reply = Reply::default();
        for part in parts {
            reply.push(part)?;
        }
        Ok(reply)
    }

    #[test]
    fn every_split_of_the_input_gives_the_same_result() {
        let chunked = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-Resetlab-Router: router-2\r\n\
            Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nTrailer: 1\r\n\r\n";
        for at in 0..=chunked.len() {
            let (first, second) = chunked.split_at(at);
            let reply = read(&[first, second]).unwrap();
            assert!(reply.is_complete() && reply.keep_alive, "split at {at}");
            assert_eq!((reply.status, reply.router.as_deref()), (200, Some("router-2")));
            assert!(!read(&[&chunked[..at.saturating_sub(1)]]).unwrap().is_complete());
        }
    }

    #[test]
    fn a_cut_body_is_not_complete_and_a_close_completes_only_what_has_no_length() {
        let mut cut = read(&[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"]).unwrap();
        assert!(!cut.close());
        cut.push(b"o").unwrap();
        assert!(cut.is_complete() && cut.keep_alive);
        cut.push(b"surplus").unwrap();
        assert!(!cut.keep_alive);
        let mut open = read(&[b"HTTP/1.1 200 OK\r\n\r\nhello"]).unwrap();
        assert!(!open.is_complete() && open.close() && !open.keep_alive);
        assert!(!Reply::default().close());
    }

    #[test]
    fn what_two_readers_could_see_differently_is_malformed() {
        for head in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n\r\n",
        ] {
            assert_eq!(read(&[head.as_bytes()]).unwrap_err(), Malformed, "{head}");
        }
    }

    #[test]
    fn a_connection_is_not_used_again_after_close_or_an_old_version() {
        let close = read(&[b"HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"]).unwrap();
        assert!(close.is_complete() && !close.keep_alive && close.status == 503);
        assert!(
            !read(&[b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"])
                .unwrap()
                .keep_alive
        );
    }
}
