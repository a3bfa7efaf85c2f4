//! What a client gets for a request whose attempts failed.

use std::fmt;
use std::str::FromStr;

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// 500 to 599.
    Status(u16),
    /// Its connection is closed in order, without a response.
    Close,
    /// Its connection is reset.
    Reset,
}

/// The answers with `on-failure=502` and `retry`, by why the last attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answers {
    /// No connection was made.
    pub refused: Answer,
    /// Making it took too long.
    pub connect_timeout: Answer,
    /// It ended before a response began.
    pub reset: Answer,
    /// The same, and the request was not the first of its client's connection: HAProxy 2.6.12 closes then, whether its
    /// connection to the server was new or not (`TX_NOT_FIRST`, measured), since a client that reuses connections has to be
    /// ready for that.
    pub reused: Answer,
    /// The response took too long.
    pub timeout: Answer,
    /// No router may be used.
    pub unrouted: Answer,
}

impl Default for Answers {
    fn default() -> Answers {
        Answers {
            refused: Answer::Status(502),
            connect_timeout: Answer::Status(502),
            reset: Answer::Status(502),
            reused: Answer::Status(502),
            timeout: Answer::Status(504),
            unrouted: Answer::Status(503),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Status(status) => status.fmt(f),
            Answer::Close => f.write_str("close"),
            Answer::Reset => f.write_str("reset"),
        }
    }
}

impl FromStr for Answer {
    type Err = ();
    fn from_str(word: &str) -> Result<Answer, ()> {
        match word {
            "close" => Ok(Answer::Close),
            "reset" => Ok(Answer::Reset),
            _ => match word.parse() {
                Ok(status @ 500..=599) => Ok(Answer::Status(status)),
                _ => Err(()),
            },
        }
    }
}
