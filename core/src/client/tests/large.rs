//! Large aggregates, whose members a pipeline touches ahead: what it is answered is what the same
//! commands are answered one by one.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::World;
use crate::Config;

/// Enough that members are touched ahead.
const MEMBERS: usize = 10_500;

fn filled() -> World {
    let mut world = World::with(Config::default(), 1);
    let member =
        |number: usize| format!("SADD s m{number}\nHSET h m{number} v\nZADD z {number} m{number}");
    let lines: Vec<String> = (0..MEMBERS).map(member).collect();
    world.ask(0, &lines.join("\n"));
    world
}

#[test]
fn a_pipeline_is_answered_as_single_commands_are() {
    let commands = [
        "SISMEMBER s m#",
        "SADD s n#",
        "SREM s m# n#",
        "HGET h m#",
        "HSET h n# v m# w",
        "HDEL h m#",
        "ZSCORE z m#",
        "ZADD z 5 n#",
        "ZADD z NX 7 n#",
        "ZINCRBY z 3 m#",
        "ZREM z m#",
        "ZRANK z m#",
        "SMOVE s t m#",
        "SADD h m#",
        "ZREM nothing m#",
        "SISMEMBER s",
        "DEL t",
    ];
    let line = |number: usize| {
        let command = commands[number * 7 % commands.len()];
        command.replace('#', &format!("{}", number * 37 % (MEMBERS + 99)))
    };
    let lines: Vec<String> = (0..4_000).map(line).collect();
    let (mut one_by_one, mut at_once) = (filled(), filled());
    let expected: String = lines.iter().map(|line| one_by_one.ask(0, line)).collect();
    assert_eq!(at_once.ask(0, &lines.join("\n")), expected);
    let all = "SMEMBERS s\nHGETALL h\nZRANGE z 0 -1 WITHSCORES";
    assert_eq!(at_once.ask(0, all), one_by_one.ask(0, all));
}
