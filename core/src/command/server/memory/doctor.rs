//! MEMORY DOCTOR: whether memory is used as one would expect, in sentences.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::figures::MemoryFigures;
use crate::command::ctx::Ctx;
use crate::command::error::Outcome;

/// Below this nothing can be said: what the process itself needs outweighs the data.
const SMALL: u64 = 5 << 20;

/// Resident bytes beyond those in use that are worth a word.
const WASTE: i64 = 10 << 20;

/// Bytes of a client on average above which clients are a problem.
const CLIENT: u64 = 200 << 10;

pub(super) fn doctor(ctx: &mut Ctx<'_>) -> Outcome {
    let figures = MemoryFigures::of(ctx.server, ctx.client);
    let report = report(&figures, ctx.server.clients.len() as u64);
    ctx.reply().verbatim("txt", report.as_bytes());
    Ok(())
}

fn report(figures: &MemoryFigures, clients: u64) -> String {
    if figures.used < SMALL {
        return "This server holds almost no data, so nothing can be said about its memory. Ask \
                again when it has some.\n"
            .into();
    }
    let found = issues(figures, clients);
    if found.is_empty() {
        return "No problem with memory was found.\n".into();
    }
    let mut text = String::from("Problems with memory were found:\n\n");
    found.iter().for_each(|issue| text.push_str(&format!("* {issue}\n\n")));
    text
}

fn issues(figures: &MemoryFigures, clients: u64) -> Vec<&'static str> {
    let average = figures.clients.checked_div(clients).unwrap_or(0);
    let checks = [
        (
            figures.peak as f64 > figures.used as f64 * 1.5,
            "Peak memory: the server once used more than half as much again as now. The allocator \
             may keep what was freed, so the resident set may look too large for a while.",
        ),
        (
            figures.fragmentation() > 1.4 && figures.fragmentation_bytes() > WASTE,
            "Fragmentation: the process holds much more memory than the data needs. Values of \
             very different sizes that come and go do that; a restart packs them anew.",
        ),
        (
            average > CLIENT,
            "Big client buffers: clients take more than 200 KB each on average. Some read their \
             replies too slowly: CLIENT LIST shows them (omem), and 'client-output-buffer-limit' \
             bounds them.",
        ),
    ];
    checks.into_iter().filter(|(is_so, _)| *is_so).map(|(_, issue)| issue).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: MemoryFigures = MemoryFigures {
        used: 100 << 20,
        peak: 120 << 20,
        startup: 1000,
        clients: 1 << 20,
        overhead: 10 << 20,
        rss: 110 << 20,
        keys: 1000,
    };

    #[test]
    fn each_problem_is_told() {
        assert_eq!(report(&FINE, 100), "No problem with memory was found.\n");
        let small = MemoryFigures { used: 1000, ..FINE };
        assert!(report(&small, 1).starts_with("This server holds almost no data"));
        let peak = MemoryFigures { peak: 200 << 20, ..FINE };
        assert!(report(&peak, 100).contains("* Peak memory"));
        let rss = MemoryFigures { rss: 200 << 20, ..FINE };
        assert!(report(&rss, 100).contains("* Fragmentation"));
        assert!(report(&FINE, 2).contains("* Big client buffers"));
    }
}
