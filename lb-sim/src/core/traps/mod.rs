//! Where the documentation of a real load balancer and its source say different things: one test in virtual time for
//! each, named after its trap, with the source that decides it. A preset that falls into one fails here.

mod checks;
