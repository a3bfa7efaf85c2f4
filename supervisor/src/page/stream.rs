//! A reader of the feed: server-sent events, made when its socket takes more.

use super::feed::{Feed, Next, event};
use bytes::Bytes;
use hyper::body::Frame;
use router::clock;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// It has a cursor into the ring and no queue: one that takes nothing costs nothing, and hears of a gap when the ring
/// has left it behind.
pub(super) struct Reader {
    feed: Arc<Feed>,
    cursor: u64,
    step: Step,
    news: Pin<Box<dyn Future<Output = News> + Send>>,
    /// Its place among the readers.
    _place: OwnedSemaphorePermit,
}

enum Step {
    Hello,
    Frames,
    Over,
}

enum News {
    Some(watch::Receiver<()>),
    /// Nothing for so long that it might think the lab has gone.
    Silence(watch::Receiver<()>),
}

const KEEP_ALIVE: Duration = Duration::from_secs(10);

impl Reader {
    /// One that has heard `after` last.
    pub fn new(feed: Arc<Feed>, after: Option<&str>, place: OwnedSemaphorePermit) -> Reader {
        Reader {
            cursor: feed.cursor(after),
            news: Box::pin(wait(feed.news())),
            step: Step::Hello,
            feed,
            _place: place,
        }
    }
}

async fn wait(mut news: watch::Receiver<()>) -> News {
    let silent = clock::now() + KEEP_ALIVE;
    tokio::select! {
        changed = news.changed() => match changed {
            Ok(()) => News::Some(news),
            // The feed is as long as its readers: cannot be.
            Err(_) => std::future::pending().await,
        },
        () = clock::until(silent) => News::Silence(news),
    }
}

impl hyper::body::Body for Reader {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = |text: String| Poll::Ready(Some(Ok(Frame::data(text.into()))));
        loop {
            match self.step {
                Step::Hello => {
                    self.step = Step::Frames;
                    return data(self.feed.hello(clock::now()));
                }
                Step::Over => return Poll::Ready(None),
                Step::Frames => {}
            }
            match self.feed.next(self.cursor) {
                Next::Event(text, cursor) => {
                    self.cursor = cursor;
                    return data(text);
                }
                Next::End => {
                    self.step = Step::Over;
                    return data(event("end", None, "{}"));
                }
                Next::Nothing => {}
            }
            let news = ready!(self.news.as_mut().poll(context));
            let silent = matches!(news, News::Silence(_));
            let (News::Some(news) | News::Silence(news)) = news;
            self.news = Box::pin(wait(news));
            if silent {
                return data(": still here\n\n".to_owned());
            }
        }
    }
}
