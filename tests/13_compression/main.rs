//! Step 13, `compression`: what two endpoints agree on, then a message in each direction, then the connection.
//!
//! The order of these modules is the order in which a learner fixes the checks.

mod shared;

mod window;

mod parameters;

mod choose;

mod answer;

mod deflate;

mod inflate;

mod extension;

mod many;

mod servers;

mod program;
