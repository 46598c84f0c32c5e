//! Streams as real servers answered.

use seedis_core::ConnId;

use crate::model::{Model, Reply};

/// What a server of one client answers to the last of these lines, as text.
fn last(lines: &str) -> String {
    let (mut model, conn) = (Model::new(1, 1 << 20), ConnId { slot: 1, generation: 0 });
    let mut last = Reply::Null;
    for line in lines.split("; ") {
        let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        last = model.execute(conn, &words, 1000).expected.expect("it does not wait").reply;
    }
    format!("{last:?}")
}

#[test]
fn a_group_reads_each_entry_once_though_a_stream_is_named_twice() {
    let made = "XADD s 1-1 a b; XADD s 1-2 a b; XGROUP CREATE s g 0; ";
    let read = |words: &str| last(&format!("{made}XREADGROUP GROUP g c {words}"));
    let first = r#"["1-1", ["a", "b"]]"#;
    let second = r#"["1-2", ["a", "b"]]"#;
    assert_eq!(read("STREAMS s s > >"), format!(r#"{{"s": [{first}, {second}]}}"#));
    let twice = format!(r#"{{"s": [{first}], "s": [{second}]}}"#);
    assert_eq!(read("COUNT 1 STREAMS s s s > > >"), twice);
    assert_eq!(read("STREAMS s 0"), r#"{"s": []}"#);
    let all = "18446744073709551615-18446744073709551615";
    assert_eq!(read(&format!("STREAMS s s > {all}")), read("STREAMS s >"));
}

#[test]
fn what_is_wrong_first_is_told() {
    for (line, error) in [
        ("XADD s 1-2-* a b", "ERR Invalid stream ID specified as stream command argument"),
        ("XTRIM s LIMIT 0", "ERR syntax error, XTRIM must be called with a trimming strategy"),
        ("XINFO STREAM none FULL COUNT x", "ERR no such key"),
        ("XINFO FOO", "ERR unknown subcommand 'FOO'. Try XINFO HELP."),
        ("XGROUP", "ERR wrong number of arguments for 'xgroup' command"),
        ("XGROUP SETID s g", "ERR wrong number of arguments for 'xgroup|setid' command"),
        (
            "XSETID s 5-9 MAXDELETEDID 9 FOO",
            "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
        ),
    ] {
        assert_eq!(last(line).replace('\\', ""), format!("-{error}"), "{line}");
    }
}

#[test]
fn deleted_entries_stay_pending_unless_it_is_said_otherwise() {
    let made = "XADD s 1-1 a b; XADD s 1-2 a b; XGROUP CREATE s g 0; \
                XREADGROUP GROUP g c STREAMS s >; XDEL s 1-1; ";
    let pending = |line: &str| last(&format!("{made}{line}; XPENDING s g"));
    assert_eq!(pending("PING"), r#"[:2, "1-1", "1-2", [["c", "2"]]]"#);
    assert_eq!(pending("XDELEX s DELREF IDS 1 1-1"), r#"[:1, "1-2", "1-2", [["c", "1"]]]"#);
    assert_eq!(pending("XAUTOCLAIM s g d 0 0"), r#"[:1, "1-2", "1-2", [["d", "1"]]]"#);
    assert_eq!(pending("XACKDEL s g ACKED IDS 2 1-1 1-2"), "[:0, null, null, null array]");
}
