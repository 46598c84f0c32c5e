//! Limits of output and of idleness, which no transcript can show: they need a reader that is slow,
//! and seconds.

use super::World;
use crate::Config;
use crate::config::{ClientClass, MemoryShare, OutputLimit};

/// A configuration with a limit for one class.
fn limited(class: ClientClass, hard_bytes: u64, soft_bytes: u64, soft_s: u32) -> Config {
    let mut config = Config::default();
    let limit = OutputLimit { hard_bytes, soft_bytes, soft_s };
    *config.client_output_buffer_limit.of_mut(class) = limit;
    config
}

fn publish(world: &mut World, bytes: usize) {
    let text = "x".repeat(bytes);
    let request = alloc::format!("*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n${bytes}\r\n{text}\r\n");
    world.send_bytes(1, request.as_bytes());
    assert!(world.take(1).starts_with(':'));
}

#[test]
fn a_subscriber_that_does_not_read_is_dropped_at_the_hard_limit() {
    let mut world = World::with(limited(ClientClass::Pubsub, 10_000, 0, 0), 3);
    world.ask(0, "SUBSCRIBE c");
    world.ask(2, "SUBSCRIBE c");
    world.stick(0, true);
    for _ in 0..3 {
        publish(&mut world, 3000);
        assert!(!world.is_closed(0));
    }
    publish(&mut world, 3000);
    assert!(world.is_closed(0));
    assert!(!world.is_closed(2), "who reads stays");
    assert_eq!(world.core.server.stats.output_limit_disconnections, 1);
    assert_eq!(world.ask(1, "PUBSUB NUMSUB c"), "*2\r\n$1\r\nc\r\n:1\r\n");
}

#[test]
fn nothing_grows_within_one_turn_either() {
    let mut world = World::with(limited(ClientClass::Pubsub, 10_000, 0, 0), 2);
    world.ask(0, "SUBSCRIBE c");
    world.stick(0, true);
    let line = alloc::format!("PUBLISH c {}\r\n", "x".repeat(1500));
    let turn_before = world.core.server.stats.turns;
    world.send_bytes(1, line.repeat(500).as_bytes());
    assert!(world.core.server.stats.turns - turn_before < 500, "many commands a turn");
    assert!(world.is_closed(0));
    // It counts as told until its connection is closed at the end of the turn, as in Redis.
    assert!(world.take(1).starts_with(":1\r\n"));
}

#[test]
fn the_soft_limit_needs_its_time_without_a_pause() {
    let mut world = World::with(limited(ClientClass::Pubsub, 0, 5000, 3), 2);
    world.ask(0, "SUBSCRIBE c");
    world.stick(0, true);
    publish(&mut world, 6000);
    world.wait(2900);
    assert!(!world.is_closed(0));
    world.stick(0, false);
    world.stick(0, true);
    publish(&mut world, 6000);
    world.wait(2900);
    assert!(!world.is_closed(0), "the time began anew");
    world.wait(200);
    assert!(world.is_closed(0), "although nothing more was published");
    assert_eq!(world.core.server.stats.output_limit_disconnections, 1);
}

#[test]
fn the_limit_is_that_of_the_class() {
    let mut world = World::with(limited(ClientClass::Normal, 10_000, 0, 0), 2);
    world.ask(1, &alloc::format!("SET k {}", "x".repeat(9000)));
    world.stick(0, true);
    world.send(0, "GET k");
    assert!(!world.is_closed(0));
    world.send(0, "GET k");
    assert!(world.is_closed(0));
    let mut world = World::with(limited(ClientClass::Normal, 10_000, 0, 0), 2);
    world.ask(0, "SUBSCRIBE c");
    world.stick(0, true);
    publish(&mut world, 50_000);
    assert!(!world.is_closed(0), "a subscriber has a limit of its own");
}

#[test]
fn a_stranger_may_be_sent_little() {
    let config = Config { requirepass: Some(b"secret".to_vec()), ..Config::default() };
    let mut world = World::with(config, 2);
    world.stick(0, true);
    world.send(0, &"PING\n".repeat(400));
    assert!(!world.is_closed(0));
    world.send(0, &"PING\n".repeat(400));
    assert!(world.is_closed(0));
    world.send(1, "AUTH secret");
    world.stick(1, true);
    world.send(1, &"ECHO 0123456789\n".repeat(4000));
    assert!(!world.is_closed(1));
}

#[test]
fn idle_clients_are_closed_after_their_time() {
    let mut world = World::with(Config { timeout_s: 10, ..Config::default() }, 4);
    world.ask(1, "SUBSCRIBE c");
    world.ask(2, "MONITOR");
    world.wait(9000);
    world.ask(3, "PING");
    world.wait(1100);
    assert!(world.is_closed(0));
    assert!(!world.is_closed(1) && !world.is_closed(2), "subscribers and monitors are spared");
    assert!(!world.is_closed(3));
    world.wait(8800);
    assert!(!world.is_closed(3));
    world.wait(300);
    assert!(world.is_closed(3));
    world.ask(1, "UNSUBSCRIBE");
    world.wait(9900);
    assert!(!world.is_closed(1));
    world.wait(300);
    assert!(world.is_closed(1), "it is spared no more");
}

#[test]
fn a_timeout_can_be_set_later() {
    let mut world = World::with(Config::default(), 2);
    world.wait(100_000);
    assert!(!world.is_closed(0));
    assert_eq!(world.ask(1, "CONFIG SET timeout 5"), "+OK\r\n");
    world.wait(200);
    assert!(world.is_closed(0), "it has been idle for long");
    assert!(!world.is_closed(1));
    assert_eq!(world.ask(1, "CONFIG SET timeout 0"), "+OK\r\n");
    world.wait(100_000);
    assert!(!world.is_closed(1));
}

#[test]
fn a_client_that_waits_because_of_a_pause_is_not_idle() {
    let mut world = World::with(Config { timeout_s: 10, ..Config::default() }, 2);
    world.ask(1, "CLIENT PAUSE 60000 WRITE");
    world.send(0, "SET k v");
    world.wait(30_000);
    assert!(world.is_closed(1));
    assert!(!world.is_closed(0));
    world.wait(31_000);
    assert_eq!(world.take(0), "+OK\r\n");
}

#[test]
fn too_many_clients_are_refused() {
    let mut world = World::with(Config { maxclients: 2, ..Config::default() }, 2);
    let third = world.open();
    assert_eq!(world.take(third), "-ERR max number of clients reached\r\n");
    assert!(world.is_closed(third));
    let stats = &world.core.server.stats;
    assert_eq!((stats.connections_received, stats.connections_rejected), (2, 1));
    world.ask(0, "QUIT");
    let fourth = world.open();
    assert_eq!(world.ask(fourth, "PING"), "+PONG\r\n");
}

#[test]
fn a_transaction_counts_as_query() {
    let config = Config { client_query_buffer_limit: 1 << 20, ..Config::default() };
    let mut world = World::with(config, 2);
    let line = alloc::format!("SET k {}", "x".repeat(60_000));
    world.ask(0, "MULTI");
    for _ in 0..17 {
        assert_eq!(world.ask(0, &line), "+QUEUED\r\n");
    }
    world.send(0, &line);
    assert!(world.is_closed(0));
    assert_eq!(world.ask(1, "GET k"), "$-1\r\n");
}

#[test]
fn the_largest_clients_are_evicted_when_all_use_too_much() {
    let maxmemory_clients = MemoryShare::Bytes(150_000);
    let mut world = World::with(Config { maxmemory_clients, ..Config::default() }, 4);
    world.ask(3, "CLIENT NO-EVICT ON");
    for (slot, bytes) in [(3, 60_000), (0, 20_000), (1, 60_000), (2, 10_000)] {
        world.ask(slot, &alloc::format!("MULTI\nSET k {}", "x".repeat(bytes)));
    }
    world.ask(3, &alloc::format!("SET k {}", "x".repeat(60_000)));
    assert!((0..4).all(|slot| !world.is_closed(slot)), "who is spared does not count");
    world.send(2, &alloc::format!("SET k {}", "x".repeat(60_000)));
    assert_eq!([0, 1, 2, 3].map(|slot| world.is_closed(slot)), [false, false, true, false]);
    assert_eq!(world.core.server.stats.evicted_clients, 1);
    world.ask(3, "DISCARD\nCLIENT NO-EVICT OFF");
    assert_eq!(world.ask(3, "GET k"), "$-1\r\n");
    assert_eq!(world.ask(0, "DISCARD"), "+OK\r\n");
}

#[test]
fn a_limit_of_all_clients_can_be_set_later_and_counts_unread_messages() {
    let mut world = World::with(Config::default(), 3);
    world.ask(0, "SUBSCRIBE c");
    world.stick(0, true);
    publish(&mut world, 200_000);
    assert_eq!(world.ask(2, "CONFIG SET maxmemory-clients 300000"), "+OK\r\n");
    assert!(!world.is_closed(0));
    publish(&mut world, 200_000);
    assert!(world.is_closed(0) && !world.is_closed(1));
    assert!(world.core.server.client_memory_is_true());
    assert_eq!(world.ask(2, "CONFIG SET maxmemory-clients 0"), "+OK\r\n");
    assert_eq!(world.ask(2, "CONFIG SET maxmemory-clients 200000"), "+OK\r\n");
    world.ask(1, "QUIT");
    assert!(world.core.server.client_memory_is_true());
}

#[test]
fn a_reader_that_is_slow_gets_everything_in_order() {
    let mut world = World::with(Config::default(), 2);
    world.ask(0, "SUBSCRIBE c");
    world.take(0);
    world.stick(0, true);
    let mut expected = alloc::string::String::new();
    for len in [1, 3000, 5, 20_000, 40, 2100, 7] {
        publish(&mut world, len);
        let text = "x".repeat(len);
        expected += &alloc::format!("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n${len}\r\n{text}\r\n");
    }
    world.stick(0, false);
    assert_eq!(world.take(0), expected);
}
