//! The model by itself: a few conversations, and the hash.

use seedis_core::ConnId;

use super::reply::OK;
use super::{Entry, Hash, Model, Reply, Value};

const ONE: ConnId = ConnId { slot: 1, generation: 0 };
const OTHER: ConnId = ConnId { slot: 2, generation: 0 };

fn say(model: &mut Model, conn: ConnId, now_ms: i64, line: &str) -> Reply {
    let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
    let executed = model.execute(conn, &words, now_ms);
    executed.expected.expect("it does not wait").reply
}

#[test]
fn a_dead_key_that_was_met_is_gone_though_the_clock_steps_back() {
    let mut model = Model::new(2, 1 << 20);
    say(&mut model, ONE, 100, "SET k v PX 50");
    say(&mut model, ONE, 100, "SET met v PX 50");
    assert_eq!(say(&mut model, ONE, 149, "PTTL k"), Reply::Int(1));
    assert_eq!(say(&mut model, ONE, 150, "EXISTS met"), Reply::Int(0));
    assert_eq!(say(&mut model, ONE, 150, "DBSIZE"), Reply::Between(0, 1));
    model.settle(150, |_, _, _| true);
    assert_eq!(say(&mut model, ONE, 120, "MGET k met"), Reply::Array(vec![bulk("v"), Reply::Null]));
    model.settle(200, |_, _, _| false);
    assert_eq!(say(&mut model, ONE, 120, "GET k"), Reply::Null);
    assert!(model.keyspace().is_empty() && model.keyspace().hash() == Hash::default());
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.as_bytes().to_vec())
}

#[test]
fn a_transaction_fails_when_a_watched_key_changes() {
    let mut model = Model::new(2, 1 << 20);
    let fails = |model: &mut Model, line: &str| {
        for line in ["FLUSHALL", "SET k v PX 1000", "WATCH k x"] {
            say(model, ONE, 1, line);
        }
        say(model, OTHER, 1, line);
        say(model, ONE, 1, "MULTI");
        assert_eq!(say(model, ONE, 1, "INCR n"), Reply::Simple("QUEUED"));
        let now_ms = if line == "PING" { 1001 } else { 2 };
        say(model, ONE, now_ms, "EXEC") == Reply::NullArray
    };
    for line in ["SET k 1", "DEL k", "FLUSHDB", "SWAPDB 0 1", "RENAME k x", "PING"] {
        assert!(fails(&mut model, line), "{line}");
    }
    for line in ["SET other 1", "DEL x", "GET k", "PERSIST x", "SETNX k 2", "SWAPDB 1 1"] {
        assert!(!fails(&mut model, line), "{line}");
    }
}

#[test]
fn a_broken_transaction_does_nothing() {
    let mut model = Model::new(1, 1 << 20);
    for (line, wanted) in [
        ("MULTI", OK),
        ("SET k", Reply::Error("ERR wrong number of arguments for 'set' command".into())),
        ("SET k v", Reply::Simple("QUEUED")),
        ("MULTI", Reply::Error("ERR MULTI calls can not be nested".into())),
        (
            "EXEC",
            Reply::Error("EXECABORT Transaction discarded because of previous errors.".into()),
        ),
        ("EXEC", Reply::Error("ERR EXEC without MULTI".into())),
        ("GET k", Reply::Null),
    ] {
        assert_eq!(say(&mut model, ONE, 1, line), wanted, "{line}");
    }
}

#[test]
fn the_hash_tells_keys_values_deadlines_and_databases_apart_and_not_their_order() {
    let hash = |lines: &[&str]| {
        let mut model = Model::new(2, 1 << 20);
        lines.iter().for_each(|line| drop(say(&mut model, ONE, 1, line)));
        model.keyspace().hash()
    };
    assert_eq!(hash(&["SET a 1", "SET b 2"]), hash(&["SET b 1", "INCR b", "SET a 1"]));
    assert_eq!(
        hash(&["SET a 1", "SWAPDB 0 1", "SELECT 1", "COPY a b", "DEL a b"]),
        Hash::default()
    );
    let one = [&["SET a 1"][..], &["SET a 2"], &["SET b 1"], &["SET a 1 PX 5"]];
    assert_eq!(hash(one[0]).values, hash(one[3]).values);
    let mut hashes: Vec<u128> = one.iter().map(|lines| hash(lines).whole).collect();
    hashes.push(hash(&["SELECT 1", "SET a 1"]).whole);
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 5);
}

#[test]
fn replies_are_compared_byte_by_byte() {
    let array = Reply::Array(vec![bulk("a"), Reply::Null, Reply::Between(1, 2), Reply::Any]);
    assert!(array.is(b"*4\r\n$1\r\na\r\n$-1\r\n:2\r\n%0\r\n", false));
    assert!(array.is(b"*4\r\n$1\r\na\r\n_\r\n:2\r\n+x\r\n", true));
    for wrong in [
        &b"*4\r\n$1\r\na\r\n_\r\n:2\r\n+x\r\n"[..],
        b"*4\r\n$1\r\nb\r\n$-1\r\n:2\r\n+x\r\n",
        b"*4\r\n$1\r\na\r\n$-1\r\n:3\r\n+x\r\n",
        b"*4\r\n$1\r\na\r\n$-1\r\n:2\r\n",
        b"*3\r\n$1\r\na\r\n$-1\r\n:2\r\n",
        b"*4\r\n$1\r\na\r\n$-1\r\n:2\r\n+x\r\n+y\r\n",
    ] {
        assert!(!array.is(wrong, false));
    }
}

#[test]
fn sets_and_maps_come_in_any_order_and_in_the_form_of_the_protocol() {
    let members = || vec![bulk("a"), bulk("b")];
    let (set, bag) = (Reply::Set(members()), Reply::Bag(members()));
    assert!(set.is(b"*2\r\n$1\r\nb\r\n$1\r\na\r\n", false));
    assert!(set.is(b"~2\r\n$1\r\nb\r\n$1\r\na\r\n", true));
    assert!(bag.is(b"*2\r\n$1\r\nb\r\n$1\r\na\r\n", true));
    assert!(!set.is(b"*2\r\n$1\r\na\r\n$1\r\na\r\n", false));
    assert!(!set.is(b"*2\r\n$1\r\nb\r\n$1\r\na\r\n", true));
    let map = Reply::Map(vec![(bulk("a"), Reply::Int(1)), (bulk("b"), Reply::Double("2".into()))]);
    assert!(map.is(b"%2\r\n$1\r\nb\r\n,2\r\n$1\r\na\r\n:1\r\n", true));
    assert!(map.is(b"*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n$1\r\n2\r\n", false));
    assert!(!map.is(b"%2\r\n$1\r\nb\r\n:1\r\n$1\r\na\r\n,2\r\n", true));
    let one = Reply::OneOf(members());
    assert!(one.is(b"$1\r\nb\r\n", false) && !one.is(b"$1\r\nc\r\n", false));
}

#[test]
fn a_key_of_another_type_is_refused_moved_and_told_by_its_type() {
    let mut model = Model::new(2, 1 << 20);
    let mut keyspace = super::Keyspace::new(2);
    let list = Value::List([b"a".to_vec()].into());
    keyspace.put(0, b"l", Entry { value: list, deadline_ms: None });
    model.restart(keyspace);
    for line in ["GET l", "APPEND l x", "INCR l", "SETBIT l 1 1", "BITOP NOT d l", "SET l v GET"] {
        let error = Reply::Error(super::call::WRONG_TYPE.into());
        assert_eq!(say(&mut model, ONE, 1, line), error, "{line}");
    }
    assert_eq!(say(&mut model, ONE, 1, "MGET l"), Reply::Array(vec![Reply::Null]));
    assert_eq!(say(&mut model, ONE, 1, "RENAME l m"), OK);
    assert_eq!(say(&mut model, ONE, 1, "TYPE m"), Reply::Simple("list"));
    assert_eq!(say(&mut model, ONE, 1, "EXPIRE m 5"), Reply::Int(1));
    let before = model.keyspace().hash();
    assert_eq!(say(&mut model, ONE, 1, "PERSIST m"), Reply::Int(1));
    assert_eq!(before.values, model.keyspace().hash().values);
    assert_eq!(say(&mut model, ONE, 1, "SET m v"), OK);
    assert_eq!(say(&mut model, ONE, 1, "GET m"), bulk("v"));
}

fn bulks(words: &[&str]) -> Vec<Reply> {
    words.iter().map(|word| bulk(word)).collect()
}

#[test]
fn aggregates_say_what_redis_says() {
    let mut model = Model::new(2, 1 << 20);
    for (line, wanted) in [
        ("RPUSH l a b c a", Reply::Int(4)),
        ("LRANGE l -3 -2", Reply::Array(bulks(&["b", "c"]))),
        ("LRANGE l -9 -9", Reply::Array(Vec::new())),
        ("LPOS l a RANK -1", Reply::Int(3)),
        ("LREM l -1 a", Reply::Int(1)),
        ("LMOVE l l LEFT RIGHT", bulk("a")),
        (
            "LMPOP 2 x l RIGHT COUNT 2",
            Reply::Array(vec![bulk("l"), Reply::Array(bulks(&["a", "c"]))]),
        ),
        ("LTRIM l 1 0", OK),
        ("EXISTS l", Reply::Int(0)),
        ("HSET h f 1 g 2", Reply::Int(2)),
        ("HINCRBY h f 4", Reply::Int(5)),
        ("HINCRBYFLOAT h g 0.5", bulk("2.5")),
        ("HMGET h f x", Reply::Array(vec![bulk("5"), Reply::Null])),
        ("SADD s a b c", Reply::Int(3)),
        ("SADD t b", Reply::Int(1)),
        ("SDIFF s t", Reply::Set(bulks(&["a", "c"]))),
        ("SMOVE s t a", Reply::Int(1)),
        ("SINTERCARD 2 s t LIMIT 1", Reply::Int(1)),
        ("SPOP t 2", Reply::Set(bulks(&["a", "b"]))),
        ("ZADD z CH 2 b 1 a 3 c", Reply::Int(3)),
        ("ZINCRBY z 5 a", Reply::Score(6.0)),
        ("ZRANGE z (2 +inf BYSCORE", Reply::Array(bulks(&["c", "a"]))),
        ("ZRANGE z 0 0 REV", Reply::Array(bulks(&["a"]))),
        ("ZREVRANK z c", Reply::Int(1)),
        ("ZPOPMIN z", Reply::Array(vec![bulk("b"), Reply::Score(2.0)])),
        ("ZRANGESTORE y z 0 -1", Reply::Int(2)),
        ("ZREMRANGEBYSCORE y -inf 3", Reply::Int(1)),
        ("ZCARD y", Reply::Int(1)),
    ] {
        assert_eq!(say(&mut model, ONE, 1, line), wanted, "{line}");
    }
}

#[test]
fn drawn_elements_are_some_of_those_that_there_are() {
    let mut model = Model::new(2, 1 << 20);
    say(&mut model, ONE, 1, "HSET h a 1 b 2");
    let two = say(&mut model, ONE, 1, "HRANDFIELD h 5 WITHVALUES");
    assert!(two.is(b"*4\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\na\r\n$1\r\n1\r\n", false));
    assert!(!two.is(b"*4\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\nb\r\n$1\r\n2\r\n", false));
    assert!(!two.is(b"*4\r\n$1\r\nb\r\n$1\r\n1\r\n$1\r\na\r\n$1\r\n2\r\n", false));
    let same = say(&mut model, ONE, 1, "HRANDFIELD h -2");
    assert!(same.is(b"*2\r\n$1\r\nb\r\n$1\r\nb\r\n", true));
}

#[test]
fn spop_takes_what_the_log_says_and_nothing_else() {
    let mut model = Model::new(2, 1 << 20);
    say(&mut model, ONE, 1, "SADD s a b c");
    let log = b"*3\r\n$4\r\nSREM\r\n$1\r\ns\r\n$1\r\nb\r\n";
    model.begin_turn(1, log.to_vec());
    assert_eq!(say(&mut model, ONE, 1, "SPOP s"), bulk("b"));
    model.begin_turn(1, log.to_vec());
    assert_eq!(say(&mut model, ONE, 1, "SPOP s"), Reply::OneOf(Vec::new()), "it is gone");
}

#[test]
fn who_waits_is_served_in_the_order_of_arrival() {
    let mut model = Model::new(2, 1 << 20);
    let words = |line: &str| line.split(' ').map(|it| it.as_bytes().to_vec()).collect::<Vec<_>>();
    [ONE, OTHER].into_iter().for_each(|conn| model.connect(conn));
    let third = ConnId { slot: 3, generation: 0 };
    model.connect(third);
    for (conn, line) in [(OTHER, "BLPOP x l 5"), (ONE, "BLMOVE l x LEFT LEFT 0")] {
        assert!(model.execute(conn, &words(line), 1).expected.is_none());
    }
    let served = model.execute(third, &words("RPUSH l a"), 1).served;
    assert_eq!(served.len(), 1);
    assert_eq!(served[0].expected.reply, Reply::Array(bulks(&["l", "a"])));
    assert!(model.execute(OTHER, &words("BLPOP x 5"), 1).expected.is_none());
    // What is moved is there for the next one.
    let served = model.execute(third, &words("RPUSH l b"), 1).served;
    assert_eq!(served.iter().map(|it| it.conn).collect::<Vec<_>>(), [ONE, OTHER]);
    assert_eq!(served[1].expected.reply, Reply::Array(bulks(&["x", "b"])));
    assert!(model.keyspace().is_empty());
    assert!(model.execute(ONE, &words("BZPOPMIN z 1.5"), 1).expected.is_none());
    assert!(model.end_late_waits(1_499_999_999).is_empty());
    assert_eq!(model.end_late_waits(1_500_000_000)[0].expected.reply, Reply::NullArray);
}

#[test]
fn fields_live_until_their_deadlines() {
    let mut model = Model::new(2, 1 << 20);
    let ints = |numbers: &[i64]| Reply::Array(numbers.iter().map(|&it| Reply::Int(it)).collect());
    say(&mut model, ONE, 1, "HSET h a 1 b 2 c 3");
    for (line, wanted) in [
        ("HPEXPIRE h 100 FIELDS 2 a x", ints(&[1, -2])),
        ("HPEXPIRE h 50 NX FIELDS 2 a b", ints(&[0, 1])),
        ("HPEXPIRE h 70 GT FIELDS 3 a b c", ints(&[0, 1, 0])),
        ("HPEXPIRE h 90 LT FIELDS 3 a b c", ints(&[1, 0, 1])),
        ("HPTTL h FIELDS 3 a b c", ints(&[90, 70, 90])),
        ("HTTL h FIELDS 1 a", ints(&[1])),
        ("HPERSIST h FIELDS 2 c c", ints(&[1, -1])),
        ("HINCRBY h a 4", Reply::Int(5)),
        ("HPEXPIRETIME h FIELDS 1 a", ints(&[91])),
        ("HSET h a 1", Reply::Int(0)),
        ("HPTTL h FIELDS 1 a", ints(&[-1])),
        ("HSETEX h FXX PX 5 FIELDS 2 a 1 x 2", Reply::Int(0)),
        ("HSETEX h FNX PXAT 1 FIELDS 1 x 2", Reply::Int(1)),
        ("HGETEX h PX 70 FIELDS 2 a x", Reply::Array(vec![bulk("1"), Reply::Null])),
        ("HSETEX h KEEPTTL FIELDS 1 a 2", Reply::Int(1)),
        ("HEXPIREAT h 0 FIELDS 1 c", ints(&[2])),
        ("HLEN h", Reply::Int(2)),
        ("COPY h i", Reply::Int(1)),
        ("HGETDEL i FIELDS 2 a b", Reply::Array(bulks(&["2", "2"]))),
        ("EXISTS i", Reply::Int(0)),
    ] {
        assert_eq!(say(&mut model, ONE, 1, line), wanted, "{line}");
    }
    say(&mut model, OTHER, 1, "WATCH h");
    model.settle(71, |_, _, field| field == Some(b"b"));
    assert_eq!(say(&mut model, ONE, 70, "HVALS h"), Reply::Bag(bulks(&["2"])), "the clock is back");
    assert_eq!(say(&mut model, ONE, 71, "HLEN h"), Reply::Int(0));
    assert_eq!(say(&mut model, ONE, 1, "EXISTS h"), Reply::Int(0));
    say(&mut model, OTHER, 71, "MULTI");
    assert_eq!(say(&mut model, OTHER, 71, "EXEC"), Reply::NullArray);
    assert!(model.keyspace().is_empty() && model.keyspace().hash() == Hash::default());
}

#[test]
fn messages_reach_those_who_listen() {
    let mut model = Model::new(2, 1 << 20);
    let words = |line: &str| line.split(' ').map(|it| it.as_bytes().to_vec()).collect::<Vec<_>>();
    [ONE, OTHER].into_iter().for_each(|conn| model.connect(conn));
    let push = |words: &[&str], count| {
        let count = (count >= 0).then_some(Reply::Int(count));
        Reply::Push(bulks(words).into_iter().chain(count).collect())
    };
    model.execute(OTHER, &words("HELLO 3"), 1);
    let joined = model.execute(ONE, &words("SUBSCRIBE a b"), 1);
    assert_eq!(joined.expected.expect("at once").reply, push(&["subscribe", "a"], 1));
    assert_eq!(joined.pushes[0].1.reply, push(&["subscribe", "b"], 2));
    model.execute(OTHER, &words("PSUBSCRIBE a*"), 1);
    let told = model.execute(OTHER, &words("PUBLISH a x"), 1);
    assert_eq!(told.expected.expect("at once").reply, Reply::Int(2));
    let to: Vec<ConnId> = told.pushes.iter().map(|push| push.0).collect();
    assert_eq!(to, [ONE, OTHER]);
    assert_eq!(told.pushes[0].1.reply, push(&["message", "a", "x"], -1));
    let by_pattern = push(&["pmessage", "a*", "a", "x"], -1);
    assert_eq!(told.pushes[1].1.reply, Reply::OneOf(vec![by_pattern]));
    let refused = say(&mut model, ONE, 1, "GET k");
    assert!(matches!(refused, Reply::Error(text) if text.starts_with(b"ERR Can't execute 'get'")));
    assert_eq!(say(&mut model, ONE, 1, "PING"), Reply::Array(bulks(&["pong", ""])));
    assert_eq!(say(&mut model, ONE, 1, "RESET"), Reply::Simple("RESET"));
    assert_eq!(say(&mut model, OTHER, 1, "PUBLISH b x"), Reply::Int(0));
    assert_eq!(say(&mut model, OTHER, 1, "PUBSUB NUMPAT"), Reply::Int(1));
    assert!(by(2).is(b">2\r\n:2\r\n:2\r\n", true) && by(2).is(b"*2\r\n:2\r\n:2\r\n", false));
}

fn by(number: i64) -> Reply {
    Reply::Push(vec![Reply::Int(number), Reply::Int(number)])
}
