//! Step 16, `scale-out`: first its parts, each by itself; then rooms on one bus, whose threads are played by the check;
//! then whole servers.
//!
//! No check needs a Redis: failures come from a bus that fails when it is told to. `tests/scale/` tries a real one.
//!
//! The order of these modules is the order in which a learner fixes the checks. The blank lines keep rustfmt from
//! sorting them.

mod shared;

mod log;

mod leases;

mod follow;

mod join;

mod away;

mod publish;

mod redis;

mod whole;

mod program;
