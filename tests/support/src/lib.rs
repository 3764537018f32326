//! What every check is made of.
//!
//! A check runs a piece of a step and shows what it did as text: a transcript of a wire, a drawing
//! of bits, a table of inputs and verdicts. The text is compared with a snapshot in
//! `tests/snapshots/<step>/`. Where the two differ, the learner gets a report: the rule and its
//! RFC section, the mistake that its signs point to, *expected* beside *yours*, and the first byte and bit
//! that differ.
//!
//! | module | what it gives |
//! |---|---|
//! | [`mod@check`] | [`check!`]: runs one check, with a deadline, and reads its panics |
//! | [`sign`] | what differs, and the mistake that it points to |
//! | [`report`] | the text that a learner sees when a check is red |
//! | [`wire`] | transcripts of who sent which bytes, and bits |
//! | [`frame`] | frames to send, masked and unmasked |
//! | [`cut`] | a stream that arrives in pieces, cut at chosen places |
//! | [`http`] | a bare HTTP client on a real socket, with deadlines |
//! | [`mod@program`] | the step's own program, run as a learner runs it |
//! | [`machine`] | how slow the machine is, and deadlines that grow with that |
//! | [`cores`] | a core of its own, for a program that measures |

pub mod check;
pub mod cores;
pub mod cut;
pub mod frame;
pub mod http;
pub mod machine;
pub mod program;
pub mod report;
pub mod sign;
pub mod wire;
