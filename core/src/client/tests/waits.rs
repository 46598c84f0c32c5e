//! Clients that wait for keys: what ends their wait, and what is logged.

use alloc::format;
use alloc::string::String;

use super::World;
use crate::Config;

/// A world in which connection 1 waits for a list.
fn waiting() -> World {
    let mut world = World::with(Config::default(), 4);
    assert_eq!(world.ask(1, "BLPOP l 0"), "");
    world.core.take_log();
    world
}

fn id_of(world: &mut World, slot: u32) -> String {
    world.ask(slot, "CLIENT ID").trim_start_matches(':').trim_end().into()
}

#[test]
fn it_is_unblocked_by_its_number() {
    let mut world = World::with(Config::default(), 2);
    let id = id_of(&mut world, 1);
    world.send(1, "BLPOP l 0");
    assert_eq!(world.ask(0, &format!("CLIENT UNBLOCK {id}")), ":1\r\n");
    assert_eq!(world.take(1), "*-1\r\n");
    assert_eq!(world.ask(0, &format!("CLIENT UNBLOCK {id}")), ":0\r\n");
    world.send(1, "BLPOP l 0");
    assert_eq!(world.ask(0, &format!("CLIENT UNBLOCK {id} ERROR")), ":1\r\n");
    assert_eq!(world.take(1), "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    assert_eq!(world.ask(0, "RPUSH l v\nLLEN l"), ":1\r\n:1\r\n", "nobody waits any more");
}

#[test]
fn one_that_is_killed_takes_nothing() {
    let mut world = World::with(Config::default(), 2);
    let id = id_of(&mut world, 1);
    world.send(1, "BLPOP l 0");
    assert_eq!(
        world.ask(0, &format!("CLIENT KILL ID {id}\nRPUSH l v\nLLEN l")),
        ":1\r\n:1\r\n:1\r\n"
    );
}

#[test]
fn what_is_taken_is_logged_behind_what_was_added() {
    let mut world = waiting();
    assert_eq!(world.ask(0, "RPUSH l a b"), ":2\r\n");
    assert_eq!(world.take(1), "*2\r\n$1\r\nl\r\n$1\r\na\r\n");
    let log = String::from_utf8(world.core.take_log()).unwrap();
    let (pushed, popped) = (log.find("RPUSH"), log.find("LPOP"));
    assert!(pushed < popped && pushed.is_some(), "{log}");
    assert!(!log.contains("BLPOP"));
}

#[test]
fn a_fraction_of_a_second_is_waited_exactly() {
    let mut world = World::with(Config::default(), 2);
    world.send(1, "BLPOP l 0.25");
    world.wait(249);
    assert_eq!(world.take(1), "");
    world.wait(1);
    assert_eq!(world.take(1), "*-1\r\n");
    assert_eq!(world.ask(0, "RPUSH l v\nLLEN l"), ":1\r\n:1\r\n");
}

#[test]
fn a_pause_holds_it_up() {
    let mut world = waiting();
    world.ask(0, "MULTI\nCLIENT PAUSE 100 WRITE\nRPUSH l v\nEXEC");
    assert_eq!(world.take(1), "");
    world.wait(101);
    assert_eq!(world.take(1), "*2\r\n$1\r\nl\r\n$1\r\nv\r\n");
}

#[test]
fn who_makes_the_key_may_watch_it() {
    let mut world = waiting();
    assert_eq!(world.ask(0, "WATCH l"), "+OK\r\n");
    assert_eq!(world.ask(0, "RPUSH l v\nMULTI\nPING\nEXEC"), ":1\r\n+OK\r\n+QUEUED\r\n*-1\r\n");
    assert_eq!(world.take(1), "*2\r\n$1\r\nl\r\n$1\r\nv\r\n");
}
