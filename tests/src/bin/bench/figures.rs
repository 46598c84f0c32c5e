//! Figures: medians, and tables with ratios to the best peer.

/// Which of two figures is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Lower,
    Higher,
}

/// A case and the figures of the servers.
pub(crate) type Row = (String, Vec<Option<f64>>);

/// Prints a table: a row a case, a column a server, the first server's ratio to the best other.
pub(crate) fn table(title: &str, unit: &str, better: Better, servers: &[String], rows: &[Row]) {
    let direction = if better == Better::Lower { "lower" } else { "higher" };
    println!("\n## {title} ({unit}, {direction} is better)\n");
    println!("| case | {} | ratio to the best peer |", servers.join(" | "));
    println!("|---{}|", "|---".repeat(servers.len() + 1));
    for (case, cells) in rows {
        let texts: Vec<String> = cells.iter().map(|cell| cell.map_or("-".into(), number)).collect();
        println!("| {case} | {} | {} |", texts.join(" | "), ratio(cells, better));
    }
}

fn ratio(cells: &[Option<f64>], better: Better) -> String {
    let peers = cells.iter().skip(1).flatten().copied();
    let best = match better {
        Better::Lower => peers.reduce(f64::min),
        Better::Higher => peers.reduce(f64::max),
    };
    match (cells.first(), best) {
        (Some(Some(ours)), Some(best)) if best > 0.0 => format!("{:.2}x", ours / best),
        _ => "-".into(),
    }
}

fn number(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// The median; `None` without values.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The value below which the share `of` lies.
pub(crate) fn quantile(values: &mut [f64], of: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let at = ((values.len() as f64 * of) as usize).min(values.len().checked_sub(1)?);
    values.get(at).copied()
}
