//! Who is told what, in which order, and by which bytes.

use super::World;
use crate::Config;
use crate::config::KeyspaceEvents;

#[test]
fn channels_come_before_patterns_and_both_in_the_order_of_subscription() {
    let mut world = World::with(Config::default(), 2);
    world.ask(0, "HELLO 3\nPSUBSCRIBE c* ?\nSUBSCRIBE c\nPSUBSCRIBE [c]");
    let told = world.ask(1, "PUBLISH c m");
    assert_eq!(told, ":4\r\n");
    let kinds =
        [">3\r\n$7\r\nmessage\r\n", "\r\n$2\r\nc*\r\n", "\r\n$1\r\n?\r\n", "\r\n$3\r\n[c]\r\n"];
    let got = world.take(0);
    let at: alloc::vec::Vec<_> = kinds.iter().map(|kind| got.find(kind).unwrap()).collect();
    assert!(at.is_sorted(), "{got}");
}

#[test]
fn one_message_has_the_bytes_of_each_protocol() {
    for len in [1, 2000, 5000, 100_000] {
        let mut world = World::with(Config::default(), 4);
        world.ask(0, "SUBSCRIBE c");
        world.ask(1, "HELLO 3\nSUBSCRIBE c");
        world.ask(2, "SUBSCRIBE c");
        let text = "x".repeat(len);
        let request = alloc::format!("*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n${len}\r\n{text}\r\n");
        world.send_bytes(3, request.as_bytes());
        assert_eq!(world.take(3), ":3\r\n");
        let body = alloc::format!("3\r\n$7\r\nmessage\r\n$1\r\nc\r\n${len}\r\n{text}\r\n");
        assert_eq!(world.take(0), alloc::format!("*{body}"));
        assert_eq!(world.take(1), alloc::format!(">{body}"));
        assert_eq!(world.take(2), alloc::format!("*{body}"));
    }
}

#[test]
fn a_large_message_is_kept_once_however_many_wait_for_it() {
    let mut world = World::with(Config::default(), 101);
    for slot in 0..100 {
        world.ask(slot, "SUBSCRIBE c");
        world.stick(slot, true);
    }
    let text = "x".repeat(60_000);
    assert_eq!(world.ask(100, &alloc::format!("PUBLISH c {text}")), ":100\r\n");
    let mut addresses = alloc::collections::BTreeSet::new();
    for client in world.core.server.clients.iter().filter(|client| client.is_subscriber()) {
        let chunks: alloc::vec::Vec<_> = client.output.chunks().collect();
        assert_eq!(chunks.len(), 1);
        addresses.insert(chunks[0].as_ptr() as usize);
    }
    assert_eq!(addresses.len(), 1, "all wait for the same bytes");
}

#[test]
fn own_messages_follow_the_reply_and_keep_their_order() {
    let mut world = World::with(Config::default(), 2);
    world.ask(0, "HELLO 3\nSUBSCRIBE a b");
    let got = world.ask(0, "MULTI\nPUBLISH b 1\nPUBLISH a 2\nEXEC\nPUBLISH a 3");
    let messages = "*2\r\n:1\r\n:1\r\n\
        >3\r\n$7\r\nmessage\r\n$1\r\nb\r\n$1\r\n1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n2\r\n\
        :1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n3\r\n";
    assert!(got.ends_with(messages), "{got}");
}

#[test]
fn an_expiry_is_told_to_the_client_that_notices_it_and_to_others() {
    let notify_keyspace_events = KeyspaceEvents::parse(b"Ex").unwrap();
    let mut world = World::with(Config { notify_keyspace_events, ..Config::default() }, 3);
    world.core.server.active_expire = false;
    world.ask(0, "HELLO 3\nSUBSCRIBE __keyevent@0__:expired");
    world.ask(1, "SUBSCRIBE __keyevent@0__:expired");
    world.ask(2, "SET k v PX 10");
    world.wait(20);
    let event = "3\r\n$7\r\nmessage\r\n$22\r\n__keyevent@0__:expired\r\n$1\r\nk\r\n";
    assert_eq!(world.ask(0, "GET k"), alloc::format!("_\r\n>{event}"));
    assert_eq!(world.take(1), alloc::format!("*{event}"));
    world.core.server.active_expire = true;
    world.ask(2, "SET k v PX 10");
    world.wait(20);
    assert_eq!(world.take(0), alloc::format!(">{event}"));
}

#[test]
fn who_kills_itself_in_a_transaction_is_sent_nothing_after_that() {
    let mut world = World::with(Config::default(), 2);
    let kill =
        "MULTI\nPING\nCLIENT KILL TYPE normal SKIPME no ID 1\nPING\nSET killed 1\nEXEC\nPING";
    assert!(world.ask(0, kill).ends_with("*4\r\n+PONG\r\n:1\r\n"));
    assert!(world.is_closed(0));
    assert_eq!(world.ask(1, "GET killed"), "$1\r\n1\r\n");
}

#[test]
fn a_message_changes_nothing_that_is_logged() {
    let mut world = World::with(Config::default(), 2);
    world.ask(0, "SUBSCRIBE c");
    world.ask(1, "PUBLISH c m\nSPUBLISH c m\nMULTI\nPUBLISH c m\nEXEC");
    assert!(world.core.take_log().is_empty());
}

#[test]
fn a_closed_client_is_told_nothing() {
    let mut world = World::with(Config::default(), 3);
    world.ask(0, "SUBSCRIBE c");
    let got = world
        .ask(1, "CLIENT KILL TYPE pubsub\nPUBLISH c m\nPUBSUB CHANNELS\nCLIENT LIST TYPE pubsub");
    assert_eq!(got, ":1\r\n:0\r\n*0\r\n$0\r\n\r\n");
    assert!(world.is_closed(0));
    assert_eq!(world.ask(2, "PUBLISH c m"), ":0\r\n");
    assert!(!world.take(0).contains("message"));
}
