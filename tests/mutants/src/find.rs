//! Where a file can be changed: its syntax tree, walked for places and what to put there.
//!
//! A change is an insertion before and one behind a piece of the text, so that all of them lie in
//! one text and nest: `a < b` becomes `(if on(7) { (a) > (b) } else { a < b })`, where only the
//! last branch, the original, holds the changes of `a` and `b`. What the compiler evaluates itself
//! (constants, patterns, types), tests and macros stay as they are.

use std::ops::Range;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Arm, Attribute, BinOp, Block, Expr, ItemImpl, Pat, Signature, Stmt, UnOp};

use crate::operators::{instead_of, text_of, values_of};

/// How a place is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Another expression instead of this one.
    Value,
    /// The function that begins here returns at once.
    Body,
    /// The statement is left out.
    Statement,
    /// The arm whose pattern ends here never matches.
    Arm,
}

/// A place in the text, with what may be there instead.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) range: Range<usize>,
    pub(crate) form: Form,
    pub(crate) choices: Vec<Choice>,
}

/// One mutant.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The expression instead; nothing where something is left out.
    pub(crate) text: String,
    /// Function, what is changed, how: its name in all tables.
    pub(crate) words: String,
    pub(crate) line: usize,
}

/// Finds the places of a file, in functions of these names or in all; the outer before the inner.
pub(crate) fn sites(text: &str, only: &[&str]) -> syn::Result<Vec<Site>> {
    let file = syn::parse_file(text)?;
    let mut finder = Finder { text, only, owner: None, function: None, sites: Vec::new() };
    finder.visit_file(&file);
    Ok(finder.sites)
}

struct Finder<'t> {
    text: &'t str,
    only: &'t [&'t str],
    /// The type whose functions are walked.
    owner: Option<String>,
    function: Option<String>,
    sites: Vec<Site>,
}

impl Finder<'_> {
    fn add(&mut self, range: Range<usize>, form: Form, changes: Vec<(String, String)>) {
        let Some(function) = &self.function else { return };
        let line = self.text[..range.start].matches('\n').count() + 1;
        let choice = |(text, how): (String, String)| {
            let words = format!("`{function}` {how}");
            Choice { text, words, line }
        };
        let choices: Vec<Choice> = changes.into_iter().map(choice).collect();
        if !choices.is_empty() {
            self.sites.push(Site { range, form, choices });
        }
    }

    /// A piece of the text on one line, not too long.
    fn piece(&self, range: Range<usize>) -> String {
        let words: Vec<&str> = self.text[range].split_whitespace().collect();
        let piece = words.join(" ").replace('`', "'");
        if piece.len() <= PIECE_MAX { piece } else { format!("{}...", &piece[..PIECE_MAX]) }
    }

    fn function(&mut self, attributes: &[Attribute], sig: &Signature, body: &Block) {
        let name = sig.ident.to_string();
        let is_wanted = self.only.is_empty() || self.only.contains(&name.as_str());
        if !is_wanted || sig.constness.is_some() || is_test(attributes) {
            return;
        }
        let full = self.owner.as_ref().map_or(name.clone(), |owner| format!("{owner}::{name}"));
        let outer = self.function.replace(full);
        self.body(sig, body);
        visit::visit_block(self, body);
        self.function = outer;
    }

    fn body(&mut self, sig: &Signature, body: &Block) {
        let start = body.brace_token.span.open().byte_range().end;
        if let [statement] = &body.stmts[..]
            && is_call(statement)
        {
            // To leave it out is the same.
            return;
        }
        let is_only = |value: &str| squeezed(body) == squeezed(&with_braces(value));
        let values = values_of(&sig.output).into_iter().filter(|value| !is_only(value));
        let change = |value: String| {
            let how = if value.is_empty() { "does nothing".into() } else { returns(&value) };
            (format!("return {value};"), how)
        };
        self.add(start..start, Form::Body, values.map(change).collect());
    }

    fn binary(&mut self, binary: &syn::ExprBinary) {
        let operator = text_of(&binary.op);
        let piece = self.piece(binary.span().byte_range());
        let (left, right) = (&binary.left, &binary.right);
        let (left, right) = (left.to_token_stream(), right.to_token_stream());
        let change = |instead: &&str| {
            let how = format!("`{piece}`: `{operator}` to `{instead}`");
            (format!("({left}) {instead} ({right})"), how)
        };
        let changes = instead_of(&operator).iter().map(change).collect();
        self.add(binary.span().byte_range(), Form::Value, changes);
    }

    fn unary(&mut self, unary: &syn::ExprUnary) {
        let piece = self.piece(unary.span().byte_range());
        let sign = match unary.op {
            UnOp::Not(_) => "!",
            UnOp::Neg(_) => "-",
            _ => return,
        };
        let change = (text(&unary.expr), format!("`{piece}`: without `{sign}`"));
        self.add(unary.span().byte_range(), Form::Value, vec![change]);
    }

    fn arm(&mut self, arm: &Arm, has_wildcard: bool) {
        let pattern = arm.pat.span().byte_range();
        let piece = self.piece(pattern.clone());
        match &arm.guard {
            Some((_, guard)) => {
                let change = |to: &str| (to.into(), format!("guard of `{piece}` is {to}"));
                let changes = ["true", "false"].map(change).into();
                self.add(guard.span().byte_range(), Form::Value, changes);
            }
            None if has_wildcard && !matches!(arm.pat, Pat::Wild(_)) => {
                let change = (String::new(), format!("without the arm `{piece}`"));
                self.add(pattern.end..pattern.end, Form::Arm, vec![change]);
            }
            None => {}
        }
    }
}

const PIECE_MAX: usize = 60;

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let of = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
        let is_text = of.is_some_and(|of| of.ident == "Debug" || of.ident == "Display");
        if is_text || is_test(&item.attrs) {
            return;
        }
        let owner = match &*item.self_ty {
            syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            _ => None,
        };
        let outer = std::mem::replace(&mut self.owner, owner);
        item.items.iter().for_each(|item| self.visit_impl_item(item));
        self.owner = outer;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.attrs, &item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.attrs, &item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.attrs, &item.sig, body);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if is_call(statement) {
            let range = statement.span().byte_range();
            let how = format!("without `{}`", self.piece(range.clone()));
            self.add(range, Form::Statement, vec![(String::new(), how)]);
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_expr(&mut self, expr: &'ast Expr) {
        match expr {
            Expr::Binary(binary) if !holds_let(expr) => self.binary(binary),
            Expr::Unary(unary) => self.unary(unary),
            Expr::Repeat(repeat) => return self.visit_expr(&repeat.expr),
            Expr::Const(_) => return,
            Expr::Match(of) => {
                let is_any = |arm: &Arm| matches!(arm.pat, Pat::Wild(_)) && arm.guard.is_none();
                let has_wildcard = of.arms.iter().any(is_any);
                self.visit_expr(&of.expr);
                for arm in &of.arms {
                    self.arm(arm, has_wildcard);
                    arm.guard.iter().for_each(|(_, guard)| self.visit_expr(guard));
                    self.visit_expr(&arm.body);
                }
                return;
            }
            _ => {}
        }
        visit::visit_expr(self, expr);
    }

    fn visit_pat(&mut self, _: &'ast Pat) {}
    fn visit_type(&mut self, _: &'ast syn::Type) {}
    fn visit_path(&mut self, _: &'ast syn::Path) {}
    fn visit_angle_bracketed_generic_arguments(
        &mut self,
        _: &'ast syn::AngleBracketedGenericArguments,
    ) {
    }
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_item_enum(&mut self, _: &'ast syn::ItemEnum) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
    fn visit_macro(&mut self, _: &'ast syn::Macro) {}
}

fn is_call(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Expr(Expr::MethodCall(_) | Expr::Call(_), Some(_)))
}

/// Whether a condition binds names, so that its parts must stay where they are.
fn holds_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(it) if matches!(it.op, BinOp::And(_)) => {
            holds_let(&it.left) || holds_let(&it.right)
        }
        _ => false,
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let text = text(attribute);
        text.contains("test") && (text.contains("cfg") || attribute.path().is_ident("test"))
    })
}

fn returns(value: &str) -> String {
    format!("returns `{value}`")
}

fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string()
}

fn with_braces(value: &str) -> TokenStream {
    format!("{{ {value} }}").parse().unwrap_or_default()
}

/// The text of tokens without any space.
fn squeezed(tokens: &impl ToTokens) -> String {
    text(tokens).split_whitespace().collect()
}
