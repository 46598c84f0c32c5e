//! The notation by examples, and the rows of all commands.

//! The notation, drawn back as trees.

use alloc::format;
use alloc::string::ToString;

use super::*;
use crate::command::registry;

/// The tree in one line: `name:kind<token>{display}#spec@since!deprecated?*+(inner)`.
fn drawn(arguments: &[Argument<'_>]) -> String {
    let all: Vec<String> = arguments.iter().map(draw).collect();
    all.join(" ")
}

fn draw(argument: &Argument<'_>) -> String {
    let part = |open: &str, inner: Option<String>, close: &str| {
        inner.map(|inner| format!("{open}{inner}{close}")).unwrap_or_default()
    };
    let flag = |is_set: bool, sign: &'static str| if is_set { sign } else { "" };
    let inner = (!argument.arguments.is_empty()).then(|| drawn(&argument.arguments));
    [
        &format!("{}:{}", argument.name, argument.kind.name()),
        &part("<", argument.token.map(String::from), ">"),
        &part("{", argument.display.map(String::from), "}"),
        &part("#", argument.key_spec.map(|at| at.to_string()), ""),
        &part("@", argument.since.map(String::from), ""),
        &part("!", argument.deprecated_since.map(String::from), ""),
        flag(argument.optional, "?"),
        flag(argument.multiple, "*"),
        flag(argument.multiple_token, "+"),
        &part("(", inner, ")"),
    ]
    .concat()
}

fn parsed(notation: &str) -> String {
    drawn(&parse(notation).unwrap_or_else(|bad| panic!("{notation}: {bad:?}")))
}

#[test]
fn the_row_of_every_command_is_in_the_notation() {
    for row in registry().rows() {
        let notation = row.command.arguments;
        let Err(bad) = parse(notation) else { continue };
        let marked = format!("{} <here> {}", &notation[..bad.at], &notation[bad.at..]);
        panic!("arguments of {}: {}: {marked}", row.full_name, bad.why);
    }
}

#[test]
fn values_tokens_and_groups() {
    assert_eq!(parsed(""), "");
    assert_eq!(parsed("key:key value"), "key:key#0 value:string");
    assert_eq!(parsed("[NX] [LIMIT limit:integer]"), "nx:pure-token<NX>? limit:integer<LIMIT>?");
    assert_eq!(parsed("unit=(M|KM)"), "unit:oneof(m:pure-token<M> km:pure-token<KM>)");
    assert_eq!(
        parsed("count-block=[COUNT count:integer [ANY]]"),
        "count-block:block?(count:integer<COUNT> any:pure-token<ANY>?)"
    );
    assert_eq!(
        parsed("data=(field value)*"),
        "data:block*(field:string value:string)",
        "a repeated block"
    );
    assert_eq!(parsed("no-one=(NO ONE)"), "no-one:block(no:pure-token<NO> one:pure-token<ONE>)");
}

#[test]
fn a_token_introduces_what_follows_it() {
    let block = "limit:block<LIMIT>?(offset:integer count:integer)";
    assert_eq!(parsed("limit=[LIMIT (offset:integer count:integer)]"), block);
    assert_eq!(parsed("[LIMIT limit=(offset:integer count:integer)]"), block);
    assert_eq!(parsed("full=(flag=FULL count)"), "full:block(flag:pure-token<FULL> count:string)");
    assert_eq!(parsed("full=(FULL [count])"), "full:block(full:pure-token<FULL> count:string?)");
    assert_eq!(
        parsed("STREAMS streams=(key:key* id*)"),
        "streams:block<STREAMS>(key:key#0* id:string*)"
    );
    assert_eq!(
        parsed("condition=[NX|(IFEQ comparison)]"),
        "condition:oneof?(nx:pure-token<NX> comparison:string<IFEQ>)"
    );
}

#[test]
fn marks_follow_what_they_mark() {
    assert_eq!(
        parsed("[GET get-pattern:pattern#1{pattern}]+ [STORE destination:key#2]"),
        "get-pattern:pattern<GET>{pattern}#1?*+ destination:key<STORE>#2?"
    );
    assert_eq!(
        parsed("condition=[NX@6.0.0|EX seconds:integer@2.6.12]@2.0.0"),
        "condition:oneof@2.0.0?(nx:pure-token<NX>@6.0.0 seconds:integer<EX>@2.6.12)"
    );
    assert_eq!(parsed("old{ip:port}@-2.8.12"), "old:string{ip:port}!2.8.12");
    assert_eq!(parsed("old@1.0.0-2.8.12"), "old:string@1.0.0!2.8.12");
    assert_eq!(parsed("change=[CH@6.2.0]"), "change:pure-token<CH>@6.2.0?");
    assert_eq!(
        parsed("id-selector=(auto-id='*'|id) empty='\"\"'"),
        "id-selector:oneof(auto-id:pure-token<*> id:string) empty:pure-token<\"\">"
    );
}

#[test]
fn keys_are_numbered_by_their_specs() {
    assert_eq!(parsed("destination:key key:key*"), "destination:key#0 key:key#1*");
    assert_eq!(parsed("key1:key key2:key#0"), "key1:key#0 key2:key#0");
}

#[test]
fn what_is_no_notation_is_refused() {
    let cases = [
        ("[a", 2, "a group is left open"),
        ("a]", 1, "an argument or the end is wanted"),
        ("a|b", 1, "an argument or the end is wanted"),
        ("x=(a|)", 5, "an argument is wanted"),
        ("x=()", 3, "an argument is wanted"),
        ("(a b)", 5, "a group has no name"),
        ("x=(a|b c)", 9, "a group has no name"),
        ("x=y", 3, "a value has two names"),
        ("a:text", 2, "no such type"),
        ("a#", 2, "an index is wanted"),
        ("a{b", 3, "something is left open"),
        ("x='*", 4, "something is left open"),
        ("LIMIT count=COUNT", 17, "a token stands before something that cannot bear it"),
        ("x = y", 2, "an argument is wanted"),
    ];
    for (notation, at, why) in cases {
        assert_eq!(parse(notation), Err(BadNotation { at, why }), "{notation}");
    }
}
