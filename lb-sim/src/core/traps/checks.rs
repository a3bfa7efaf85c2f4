//! The traps in how routers are checked.
