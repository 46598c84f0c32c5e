//! What is put in place of an operator, and of what a function returns.
//!
//! The table of cargo-mutants, and the neighbour of each comparison that has one: a boundary that
//! is off by one is what a log is most easily wrong by.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{BinOp, GenericArgument, PathArguments, ReturnType, Type};

/// Operators that stand in for this one.
pub(crate) fn instead_of(operator: &str) -> &'static [&'static str] {
    match operator {
        "==" => &["!="],
        "!=" => &["=="],
        "<" => &["==", ">", "<="],
        ">" => &["==", "<", ">="],
        "<=" => &[">", "<"],
        ">=" => &["<", ">"],
        "&&" => &["||"],
        "||" => &["&&"],
        "+" => &["-", "*"],
        "-" => &["+", "/"],
        "*" => &["+", "/"],
        "/" => &["%", "*"],
        "%" => &["/", "+"],
        "<<" => &[">>"],
        ">>" => &["<<"],
        "&" => &["|", "^"],
        "|" => &["&", "^"],
        "^" => &["&", "|"],
        "+=" => &["-=", "*="],
        "-=" => &["+=", "/="],
        "*=" => &["+=", "/="],
        "/=" => &["%=", "*="],
        "%=" => &["/=", "+="],
        "<<=" => &[">>="],
        ">>=" => &["<<="],
        "&=" => &["|=", "^="],
        "|=" => &["&=", "^="],
        "^=" => &["&=", "|="],
        _ => &[],
    }
}

/// An operator as it is written.
pub(crate) fn text_of(operator: &BinOp) -> String {
    operator.to_token_stream().to_string()
}

/// What a function may return at once, as expressions; the empty text where it returns nothing.
pub(crate) fn values_of(output: &ReturnType) -> Vec<String> {
    match output {
        ReturnType::Default => vec![String::new()],
        ReturnType::Type(_, ty) => values(ty),
    }
}

fn values(ty: &Type) -> Vec<String> {
    match ty {
        Type::Tuple(tuple) if tuple.elems.is_empty() => vec!["()".into()],
        Type::Tuple(tuple) => {
            let firsts: Option<Vec<String>> =
                tuple.elems.iter().map(|ty| values(ty).into_iter().next()).collect();
            firsts.map(|all| format!("({},)", all.join(", "))).into_iter().collect()
        }
        Type::Reference(reference) if reference.mutability.is_none() => borrowed(&reference.elem),
        Type::Path(path) => path.path.segments.last().map_or(Vec::new(), |segment| {
            named(&segment.ident.to_string(), &arguments(&segment.arguments))
        }),
        _ => Vec::new(),
    }
}

fn borrowed(ty: &Type) -> Vec<String> {
    match ty {
        Type::Slice(_) => vec!["&[]".into()],
        Type::Path(path) if path.path.is_ident(&syn::Ident::new("str", Span::call_site())) => {
            vec!["\"\"".into(), "\"xyzzy\"".into()]
        }
        _ => Vec::new(),
    }
}

fn named(name: &str, arguments: &[&Type]) -> Vec<String> {
    let inner = || arguments.first().map_or(Vec::new(), |ty| values(ty));
    let wrapped = |name: &'static str| inner().into_iter().map(move |it| format!("{name}({it})"));
    match name {
        "bool" => vec!["true".into(), "false".into()],
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => vec!["0".into(), "1".into()],
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => {
            vec!["0".into(), "1".into(), "-1".into()]
        }
        "f32" | "f64" => vec!["0.0".into(), "1.0".into(), "-1.0".into()],
        "Option" => std::iter::once("None".into()).chain(wrapped("Some")).collect(),
        "Result" => wrapped("Ok").collect(),
        "String" => vec!["Default::default()".into(), "\"xyzzy\".into()".into()],
        "Vec" | "VecDeque" => {
            let one = |it| format!("core::iter::once({it}).collect()");
            let ones = inner().into_iter().map(one);
            std::iter::once("Default::default()".into()).chain(ones).collect()
        }
        _ => vec!["Default::default()".into()],
    }
}

fn arguments(arguments: &PathArguments) -> Vec<&Type> {
    match arguments {
        PathArguments::AngleBracketed(list) => list
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_the_type() {
        let of = |text: &str| values(&syn::parse_str(text).expect("a type"));
        assert_eq!(of("bool"), ["true", "false"]);
        assert_eq!(of("Option<u64>"), ["None", "Some(0)", "Some(1)"]);
        assert_eq!(of("Result<(), Error>"), ["Ok(())"]);
        assert_eq!(of("(bool, &str)"), ["(true, \"\",)"]);
        assert_eq!(of("&[u8]"), ["&[]"]);
        assert!(of("&mut Server").is_empty() && of("!").is_empty());
    }
}
