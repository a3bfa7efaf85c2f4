//! How a `serve` tells its connections to end, and learns that they did. Costs a connection nothing while it lasts.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};

#[derive(Default)]
pub(super) struct Gate {
    phase: Cell<Phase>,
    /// Requests under way may have to end: we stop, or an upstream was severed.
    alarmed: Cell<bool>,
    /// One per connection; `None` is a free place.
    wakers: RefCell<Vec<Option<Waker>>>,
    free: RefCell<Vec<usize>>,
    open: Cell<usize>,
    /// Of the `serve` that waits for connections to end.
    owner: RefCell<Option<Waker>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    #[default]
    Open,
    /// Finish what is under way, start nothing new.
    Draining,
    /// End now.
    Stopped,
}

/// A connection's place; dropping it says that the connection is over.
pub(super) struct Place {
    gate: Rc<Gate>,
    index: usize,
}

impl Gate {
    pub fn enter(self: &Rc<Gate>) -> Place {
        self.open.set(self.open.get() + 1);
        let index = self.free.borrow_mut().pop().unwrap_or_else(|| {
            self.wakers.borrow_mut().push(None);
            self.wakers.borrow().len() - 1
        });
        Place {
            gate: Rc::clone(self),
            index,
        }
    }

    pub fn open(&self) -> usize {
        self.open.get()
    }

    /// Wakes the caller at the end of the next connection.
    pub fn watch(&self, cx: &Context<'_>) {
        let mut owner = self.owner.borrow_mut();
        if !owner.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *owner = Some(cx.waker().clone());
        }
    }

    pub fn turn(&self, phase: Phase) {
        self.phase.set(phase);
        if phase == Phase::Stopped {
            self.alarmed.set(true);
        }
        self.wake();
    }

    /// Has every connection look whether its request is to end. From then on they look whenever they wake, which is why
    /// nobody does before the first time.
    pub fn alarm(&self) {
        self.alarmed.set(true);
        self.wake();
    }

    fn wake(&self) {
        for waker in self.wakers.borrow().iter().flatten() {
            waker.wake_by_ref();
        }
    }
}

impl Place {
    pub fn phase(&self) -> Phase {
        self.gate.phase.get()
    }

    /// Whether a request under way may have to end.
    pub fn alarmed(&self) -> bool {
        self.gate.alarmed.get()
    }

    /// Whom to wake when the phase changes; call once, from the connection's task.
    pub fn register(&self, cx: &Context<'_>) {
        self.gate.wakers.borrow_mut()[self.index] = Some(cx.waker().clone());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.wakers.borrow_mut()[self.index] = None;
        self.gate.free.borrow_mut().push(self.index);
        self.gate.open.set(self.gate.open.get() - 1);
        if let Some(owner) = self.gate.owner.borrow_mut().take() {
            owner.wake();
        }
    }
}
