//! How long a body is: RFC 9112 §6.3, without its leniencies.

use super::{Reject, Version, fields::Summary};

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// There is none, and none is announced.
    Empty,
    /// Content-Length.
    Known(u64),
    Chunked,
    /// Ends with the connection; responses only.
    UntilClose,
}

impl BodyLength {
    pub fn of_request(version: Version, summary: &Summary<'_>) -> Result<BodyLength, Reject> {
        match (summary.chunked, summary.content_length) {
            (true, _) if version == Version::Http10 => Err(Reject::bad("Transfer-Encoding in HTTP/1.0")),
            (true, _) => Ok(BodyLength::Chunked),
            (false, Some(length)) => Ok(BodyLength::Known(length)),
            (false, None) => Ok(BodyLength::Empty),
        }
    }

    /// `to_head`: the request's method was HEAD.
    pub fn of_response(
        version: Version,
        summary: &Summary<'_>,
        status: u16,
        to_head: bool,
    ) -> Result<BodyLength, Reject> {
        if summary.chunked && version == Version::Http10 {
            return Err(Reject::bad("Transfer-Encoding in HTTP/1.0"));
        }
        if to_head || status < 200 || status == 204 || status == 304 {
            return Ok(BodyLength::Empty);
        }
        Ok(match (summary.chunked, summary.content_length) {
            (true, _) => BodyLength::Chunked,
            (false, Some(length)) => BodyLength::Known(length),
            (false, None) => BodyLength::UntilClose,
        })
    }
}
