//! What a client must draw at random: the key of each handshake (RFC 6455 §4.1), and the masking key of each frame
//! (§5.3).
//!
//! What comes can't prove that it was drawn well. It can only show that it wasn't: a key that comes again, keys that
//! count, bits that never change. Keys of 32 random bits look like that in fewer than one of a hundred thousand runs.

use std::collections::HashSet;

use super::{Rule, Trial};
use crate::exchange::Opens;
use crate::frame::{BINARY, FIN};
use crate::outcome::Outcome;

/// How many masking keys are drawn in each connection.
const DRAWN: usize = 40;

/// The rules, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule::new("a new key in each handshake", "§4.1", |trial| {
        let seen = trial.session.seen.borrow();
        let keys = seen.iter().map(|seen| seen.request.key());
        let different: HashSet<&str> = keys.collect();
        Ok(if different.len() == seen.len() {
            Outcome::kept(format!("{} keys, none twice", seen.len()))
        } else {
            Outcome::broken(format!("{} of {} differ", different.len(), seen.len()))
        })
    }),
    Rule::new("a new masking key in each frame", "§5.3", |trial| {
        Ok(match pattern(&masking_keys(trial)?) {
            Some(pattern) => Outcome::broken(pattern),
            None => Outcome::kept(format!("{DRAWN} keys: no pattern found")),
        })
    }),
    Rule::new("… and in each connection", "§5.3", |trial| {
        let first: HashSet<[u8; 4]> = masking_keys(trial)?.into_iter().collect();
        let second = masking_keys(trial)?;
        let known = second.iter().filter(|key| first.contains(*key)).count();
        Ok(if known == 0 {
            Outcome::kept(format!("{DRAWN} and {DRAWN} keys, none twice"))
        } else {
            Outcome::broken(format!("{known} of {DRAWN} keys come again"))
        })
    }),
];

/// The masking keys of the frames of one connection.
fn masking_keys(trial: &Trial) -> Result<Vec<[u8; 4]>, String> {
    let mut visit = trial.open()?;
    let mut keys = Vec::new();
    while keys.len() < DRAWN {
        visit.send(&trial.frame(FIN | BINARY, b"a key, please"));
        let frame = visit
            .frame()
            .map_err(|end| format!("no echo, {}", end.in_words()))?;
        keys.push(frame.key.ok_or("doesn't mask its frames")?);
    }
    Ok(keys)
}

/// What shows that keys weren't drawn at random, if anything does.
fn pattern(keys: &[[u8; 4]]) -> Option<String> {
    let different: HashSet<_> = keys.iter().collect();
    match different.len() {
        1 => return Some(format!("always {}", in_hex(keys[0]))),
        count if count < keys.len() => {
            return Some(format!("{count} of {} differ", keys.len()));
        }
        _ => {}
    }
    for read in [u32::from_be_bytes, u32::from_le_bytes] {
        let steps: HashSet<u32> = keys
            .windows(2)
            .map(|pair| read(pair[1]).wrapping_sub(read(pair[0])))
            .collect();
        if steps.len() == 1 {
            return Some(format!("they count, from {}", in_hex(keys[0])));
        }
    }
    let numbers = || keys.iter().map(|key| u32::from_be_bytes(*key));
    let ever_set = numbers().fold(0, |bits, key| bits | key);
    let always_set = numbers().fold(u32::MAX, |bits, key| bits & key);
    let fixed = (!ever_set | always_set).count_ones();
    (fixed > 0).then(|| format!("{fixed} of 32 bits never change"))
}

fn in_hex(key: [u8; 4]) -> String {
    key.map(|byte| format!("{byte:02x}")).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: impl FnMut(u32) -> [u8; 4]) -> Option<String> {
        pattern(&(0..40).map(key).collect::<Vec<_>>())
    }

    /// Spreads numbers as if by chance.
    fn mixed(number: u32) -> u32 {
        let mixed = (number + 1).wrapping_mul(0x9e37_79b1);
        (mixed ^ mixed >> 15).wrapping_mul(0x85eb_ca77)
    }

    #[test]
    fn a_pattern_is_named() {
        let always = found(|_| [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(always.as_deref(), Some("always 37 fa 21 3d"));
        let in_turns = found(|number| mixed(number % 20).to_be_bytes());
        assert_eq!(in_turns.as_deref(), Some("20 of 40 differ"));
        let counting = found(|number| (255 + number).to_be_bytes());
        assert_eq!(counting.as_deref(), Some("they count, from 00 00 00 ff"));
        let backwards = found(|number| 7_u32.wrapping_sub(3 * number).to_le_bytes());
        assert_eq!(backwards.as_deref(), Some("they count, from 07 00 00 00"));
        let short = found(|number| (mixed(number) & 0x00ff_ffff).to_be_bytes());
        assert_eq!(short.as_deref(), Some("8 of 32 bits never change"));
    }

    #[test]
    fn what_looks_random_has_none() {
        assert_eq!(found(|number| mixed(number).to_be_bytes()), None);
    }
}
