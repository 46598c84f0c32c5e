//! Puts mutants into a text, and tells where in the result each one lies.

use std::ops::Range;

use crate::find::{Form, Site};

/// A mutant of a text by its number.
pub(crate) type Id = u32;

/// A text with its mutants in it.
#[derive(Default)]
pub(crate) struct Woven {
    pub(crate) text: String,
    /// What stands there for each mutant.
    pub(crate) pieces: Vec<(Range<usize>, Id)>,
    /// Each place with its mutants, the original text included.
    pub(crate) places: Vec<(Range<usize>, Vec<Id>)>,
}

/// Puts those mutants of the places in that `is_in` names; they are numbered from `first` on.
pub(crate) fn weave(text: &str, sites: &[Site], first: Id, is_in: impl Fn(Id) -> bool) -> Woven {
    let (mut woven, mut taken) = (Woven::default(), 0);
    let mut numbered: Vec<Vec<(Id, &str)>> = Vec::new();
    let mut next = first;
    for site in sites {
        let ids = (next..).zip(site.choices.iter().map(|choice| choice.text.as_str()));
        numbered.push(ids.filter(|&(id, _)| is_in(id)).collect());
        next += site.choices.len() as Id;
    }
    let mut opened = vec![0; sites.len()];
    for (at, edge) in edges(sites) {
        woven.text += &text[taken..at];
        taken = at;
        match edge {
            Edge::Opens(number) if !numbered[number].is_empty() => {
                opened[number] = woven.text.len();
                open(&mut woven, sites[number].form, &numbered[number]);
            }
            Edge::Closes(number) if !numbered[number].is_empty() => {
                woven.text += closing(sites[number].form);
                let ids = numbered[number].iter().map(|&(id, _)| id).collect();
                woven.places.push((opened[number]..woven.text.len(), ids));
            }
            Edge::Opens(_) | Edge::Closes(_) => {}
        }
    }
    woven.text += &text[taken..];
    woven
}

/// The beginning or the end of a place, by its number.
#[derive(Clone, Copy)]
enum Edge {
    Closes(usize),
    Opens(usize),
}

/// All edges in their order in the text: at one place first what closes, the inner one before the
/// outer one, then what opens, the other way round. An insertion closes where it has opened.
fn edges(sites: &[Site]) -> Vec<(usize, Edge)> {
    let mut edges = Vec::new();
    for (number, Site { range, .. }) in sites.iter().enumerate() {
        let depth = number as isize;
        edges.push((range.start, 1, depth, Edge::Opens(number)));
        match range.is_empty() {
            true => edges.push((range.end, 1, depth, Edge::Closes(number))),
            false => edges.push((range.end, 0, -depth, Edge::Closes(number))),
        }
    }
    edges.sort_by_key(|&(at, side, depth, _)| (at, side, depth));
    edges.into_iter().map(|(at, _, _, edge)| (at, edge)).collect()
}

fn open(woven: &mut Woven, form: Form, choices: &[(Id, &str)]) {
    let (before, middle, behind) = match form {
        Form::Value => ("if crate::mutant::on(", ") { ", " } else "),
        Form::Body => (" if crate::mutant::on(", ") { ", " }"),
        Form::Statement => ("if !crate::mutant::on(", ")", " { "),
        Form::Arm => (" if !crate::mutant::on(", ")", ""),
    };
    if form == Form::Value {
        woven.text.push('(');
    }
    for (id, text) in choices {
        let start = woven.text.len();
        woven.text += &format!("{before}{id}{middle}{text}");
        woven.pieces.push((start..woven.text.len(), *id));
        woven.text += behind;
    }
    if form == Form::Value {
        woven.text += "{ ";
    }
}

fn closing(form: Form) -> &'static str {
    match form {
        Form::Value => " })",
        Form::Statement => " }",
        Form::Body | Form::Arm => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::sites;

    fn woven(text: &str) -> String {
        let sites = sites(text, &[]).expect("it parses");
        weave(text, &sites, 0, |_| true).text.replace("crate::mutant::on", "on")
    }

    #[test]
    fn operators_nest() {
        let text = woven("fn f(a: u8) { g(!(a == 1)) }");
        let expected = "fn f(a: u8) { if on(0) { return ; } g((if on(1) { (a == 1) } else { \
                        !((if on(2) { (a) != (1) } else { a == 1 })) })) }";
        assert_eq!(text, expected);
    }

    #[test]
    fn statements_arms_and_guards_are_left_out() {
        let text = woven("fn f(a: u8) { h(); match a { 1 => g(), 2 if b => g(), _ => {} } }");
        let expected = "fn f(a: u8) { if on(0) { return ; } if !on(1) { h(); } match a { \
                        1 if !on(2) => g(), 2 if (if on(3) { true } else if on(4) { false } else \
                        { b }) => g(), _ => {} } }";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_binds_names_stays() {
        let text = woven("const A: u8 = 1 + 2; fn f() { if let B = c && d == e {} }");
        assert!(text.contains("if let B = c && (if on("), "{text}");
        assert!(text.starts_with("const A: u8 = 1 + 2;"));
    }
}
