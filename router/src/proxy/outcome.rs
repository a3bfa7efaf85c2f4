//! How one attempt ends, as the engine sees it.

use super::policy::Sever;
use crate::http1::Reject;
use crate::record::Cause;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The client has the whole response.
    Complete,
    /// Nothing of a final response was sent to the client.
    Failed(Cause),
    /// In the middle of the response.
    Cut(Cause),
    /// There, too, because the policy wants it.
    CutOnDemand,
    ClientGone,
    /// The request body is broken, and nothing of a final response was sent.
    BadRequest(Reject),
    Stopped,
    /// By [`super::Engine::sever`].
    Severed(Sever),
}
