//! Pauses: order, time, and that nothing is logged meanwhile.

use super::World;
use crate::Config;

#[test]
fn what_waited_goes_on_in_the_order_in_which_it_came() {
    let mut world = World::with(Config::default(), 5);
    world.ask(4, "CLIENT PAUSE 1000 WRITE");
    for (slot, value) in [(2, "a"), (0, "b"), (3, "c"), (1, "d")] {
        world.send(slot, &alloc::format!("APPEND k {value}"));
        assert_eq!(world.take(slot), "");
    }
    assert_eq!(world.ask(4, "GET k"), "$-1\r\n");
    world.wait(1001);
    let replies: alloc::vec::Vec<_> = [2, 0, 3, 1].map(|slot| world.take(slot)).into();
    let lengths = [":1\r\n", ":2\r\n", ":3\r\n", ":4\r\n"];
    assert_eq!(replies, lengths, "in the order of their requests");
    assert_eq!(world.ask(4, "GET k"), "$4\r\nabcd\r\n");
}

#[test]
fn nothing_is_logged_or_expires_under_a_pause() {
    let mut world = World::with(Config::default(), 2);
    world.ask(0, "SET k v PX 10\nSET l v PX 20");
    world.core.take_log();
    world.ask(0, "CLIENT PAUSE 100 WRITE");
    world.wait(50);
    assert_eq!(
        world.ask(0, "GET k\nEXISTS k\nMULTI\nGET k\nEXEC"),
        "$-1\r\n:0\r\n+OK\r\n+QUEUED\r\n*1\r\n$-1\r\n"
    );
    assert!(world.core.take_log().is_empty());
    assert_eq!(world.core.databases()[0].len(), 2, "they are where they were");
    world.wait(60);
    assert_eq!(world.core.databases()[0].len(), 0);
    assert!(!world.core.take_log().is_empty());
}

#[test]
fn the_transaction_that_pauses_may_write_over_an_expired_key() {
    let mut world = World::with(Config::default(), 2);
    world.core.server.active_expire = false;
    world.ask(0, "SET k v PX 10");
    world.wait(20);
    let got = world.ask(0, "MULTI\nCLIENT PAUSE 1000 WRITE\nSETNX k new\nGET k\nEXEC");
    assert!(got.ends_with("*3\r\n+OK\r\n:1\r\n$3\r\nnew\r\n"), "{got}");
    world.core.check();
    assert_eq!(world.core.databases()[0].len(), 1);
    world.send(1, "SET k other");
    assert_eq!(world.take(1), "");
}

#[test]
fn a_paused_client_can_go_away() {
    let mut world = World::with(Config::default(), 2);
    world.ask(1, "CLIENT PAUSE 1000");
    world.send(0, "SET k v");
    let id = crate::ConnId { slot: 0, generation: 1 };
    world.core.turn(world.now).closed(id);
    world.links.get_mut(&0).unwrap().is_closed = true;
    world.wait(2000);
    assert_eq!(world.ask(1, "GET k"), "$-1\r\n");
}

#[test]
fn the_stronger_kind_and_the_later_end_win() {
    let mut world = World::with(Config::default(), 2);
    world.ask(1, "CLIENT PAUSE 1000 WRITE");
    assert_eq!(world.ask(0, "PING"), "+PONG\r\n");
    world.ask(1, "CLIENT PAUSE 100 ALL");
    world.send(0, "PING");
    world.wait(900);
    assert_eq!(world.take(0), "");
    world.wait(200);
    assert_eq!(world.take(0), "+PONG\r\n");
    world.ask(1, "CLIENT PAUSE 100 WRITE");
    assert_eq!(world.ask(0, "PING"), "+PONG\r\n", "a pause that is over leaves nothing behind");
}
