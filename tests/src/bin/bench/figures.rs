//! Figures: medians, and tables with ratios to the best peer.

/// Prints a table: a row a case, a column a server, the first server's ratio to the best other.
pub(crate) fn table(
    title: &str,
    unit: &str,
    servers: &[String],
    rows: &[(String, Vec<Option<f64>>)],
) {
    println!("\n## {title} ({unit})\n");
    println!("| case | {} | ratio to the best peer |", servers.join(" | "));
    println!("|---{}|", "|---".repeat(servers.len() + 1));
    for (case, cells) in rows {
        let texts: Vec<String> = cells.iter().map(|cell| cell.map_or("-".into(), number)).collect();
        println!("| {case} | {} | {} |", texts.join(" | "), ratio(cells));
    }
}

fn ratio(cells: &[Option<f64>]) -> String {
    let best = cells.iter().skip(1).flatten().copied().fold(f64::INFINITY, f64::min);
    match cells.first() {
        Some(Some(ours)) if best.is_finite() && best > 0.0 => format!("{:.2}x", ours / best),
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
