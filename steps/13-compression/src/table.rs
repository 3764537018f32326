//! A negotiation as a table: the offers, which one is chosen, the answer, and what each side will do.

use std::fmt::Write;

use frames::Role;
use handshake::extensions;

use crate::negotiate::consider;
use crate::parameters::{Context, Parameters};
use crate::settings::Compression;

/// Draws what a server with these settings does with the field of a request. `None` if the field breaks the grammar
/// of RFC 6455 §9.1.
pub fn draw(field: &str, wanted: &Compression) -> Option<String> {
    let offers = extensions::parse(field)?;
    let mut drawn = String::new();
    let mut chosen = None;
    for offer in &offers {
        let parameters = offer.parameters.iter();
        let texts = parameters.map(|(name, value)| match value {
            Some(value) => format!("; {name}={value}"),
            None => format!("; {name}"),
        });
        let verdict = match (consider(offer, wanted), chosen) {
            (_, Some(_)) => "– not looked at: an earlier one suits".to_string(),
            (Ok(answer), None) => {
                chosen = Some(answer);
                "✓ chosen".to_string()
            }
            (Err(why), None) => format!("✗ declined: {why}"),
        };
        let text: String = texts.collect();
        _ = writeln!(drawn, "offer   {}{text}\n        {verdict}", offer.name);
    }
    match chosen {
        Some(answer) => drawn += &draw_answer(&answer),
        None => drawn += "answer  none: messages are sent as they are\n",
    }
    Some(drawn)
}

/// Draws an answer, and what follows from it for each side.
fn draw_answer(answer: &Parameters) -> String {
    let [server, client] = [Role::Server, Role::Client].map(|side| answer.context_of(side));
    format!(
        "answer  {}\n\n{:<12}{:<28}client → server\nwindow      {:<28}{}\ncontext     {:<28}{}\n",
        answer.write(Role::Server),
        "",
        "server → client",
        window(server),
        window(client),
        takeover(server),
        takeover(client),
    )
}

fn window(context: Context) -> String {
    format!("{} bits: {} bytes", context.window, context.window.bytes())
}

fn takeover(context: Context) -> &'static str {
    match context.is_taken_over {
        true => "taken over",
        false => "each message on its own",
    }
}
