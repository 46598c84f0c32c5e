"""Drives a server with redis-py as an application would, over one version of the protocol.

usage: redis_py.py PORT PROTOCOL

Every section either passes silently or fails by assertion. What a section needs beyond strings is
named in its decorator; it is left out, and said to be, only if the server's own command table
does not have it.
"""
import sys
import threading
import time

import redis

PORT, PROTOCOL = int(sys.argv[1]), int(sys.argv[2])
SECTIONS = []


def section(*commands):
    """Registers a section that needs these commands."""

    def register(function):
        SECTIONS.append((function, commands))
        return function

    return register


def client(**options):
    return redis.Redis(port=PORT, protocol=PROTOCOL, socket_timeout=20, **options)


@section()
def strings(r):
    assert r.set("k", b"\x00\xff\r\n") is True
    assert r.get("k") == b"\x00\xff\r\n"
    assert r.get("missing") is None
    assert r.set("k", "w", nx=True) is None
    assert r.set("k", "w", xx=True, get=True) == b"\x00\xff\r\n"
    assert r.set("t", 1, px=60_000) and 59_000 < r.pttl("t") <= 60_000
    assert r.ttl("k") == -1 and r.ttl("missing") == -2
    assert r.mset({"a": 1, "b": 2}) and r.mget("a", "missing", "b") == [b"1", None, b"2"]
    assert r.incrby("n", 41) == 41 and r.incr("n") == 42 and r.decr("n") == 41
    assert abs(r.incrbyfloat("f", 1.5) - 1.5) < 1e-12
    assert r.append("s", "ab") == 2 and r.append("s", "cd") == 4 and r.strlen("s") == 4
    assert r.getrange("s", 1, 2) == b"bc" and r.setrange("s", 3, "xy") == 5
    assert r.getdel("s") == b"abcxy" and r.exists("s") == 0
    assert r.delete("a", "b", "missing") == 2
    assert r.type("k") == b"string" and r.rename("k", "k2") and r.exists("k2") == 1


@section()
def decoded_strings(_):
    r = client(decode_responses=True)
    assert r.set("word", "gr\u00fc\u00df dich") and r.get("word") == "gr\u00fc\u00df dich"
    r.set("raw", b"\xff\xfe")
    try:
        r.get("raw")
    except UnicodeDecodeError:
        pass
    else:
        raise AssertionError("bytes that are no UTF-8 were decoded")
    assert client().get("raw") == b"\xff\xfe"


@section()
def expiry(r):
    r.set("soon", 1, px=30)
    assert r.get("soon") == b"1"
    time.sleep(0.05)
    assert r.get("soon") is None and r.exists("soon") == 0
    r.set("later", 1)
    assert r.expire("later", 100) and r.ttl("later") in (99, 100)
    assert r.persist("later") and r.ttl("later") == -1


@section()
def pipelines(r):
    with r.pipeline(transaction=False) as p:
        for i in range(2000):
            p.set(f"p{i}", i)
            p.get(f"p{i}")
        answers = p.execute()
    assert answers == [x for i in range(2000) for x in (True, b"%d" % i)]
    with r.pipeline(transaction=False) as p:
        p.set("text", "abc").incr("text").get("text")
        answers = p.execute(raise_on_error=False)
    assert isinstance(answers[1], redis.ResponseError) and answers[2] == b"abc"


@section("multi", "watch")
def transactions(r):
    with r.pipeline() as p:
        answers = p.set("x", 1).incr("x").get("x").execute()
    assert answers == [True, 2, b"2"]
    with r.pipeline() as p:
        p.watch("x")
        value = int(p.get("x"))
        client().set("x", 100)
        p.multi()
        p.set("x", value + 1)
        try:
            p.execute()
        except redis.WatchError:
            pass
        else:
            raise AssertionError("a watched key changed and EXEC went through")
    assert r.get("x") == b"100"


@section("multi", "watch")
def contended_counter(r):
    """Optimistic locking from several threads: no increment may be lost."""
    r.set("counter", 0)

    def increments():
        own = client()
        for _ in range(25):
            own.transaction(lambda p: increment(p), "counter")

    def increment(p):
        value = int(p.get("counter"))
        p.multi()
        p.set("counter", value + 1)

    threads = [threading.Thread(target=increments) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert r.get("counter") == b"100"


@section("subscribe", "publish")
def pubsub(r):
    with client().pubsub() as s:
        s.subscribe("news")
        s.psubscribe("new*")
        kinds = [s.get_message(timeout=10)["type"] for _ in range(2)]
        assert kinds == ["subscribe", "psubscribe"]
        assert r.publish("news", b"\x00hello") == 2
        messages = [s.get_message(timeout=10) for _ in range(2)]
        assert [m["type"] for m in messages] == ["message", "pmessage"]
        assert all(m["data"] == b"\x00hello" for m in messages)
        assert r.pubsub_numsub("news") == [(b"news", 1)] and r.pubsub_numpat() == 1
        s.unsubscribe()
        s.punsubscribe()
        assert [s.get_message(timeout=10)["data"] for _ in range(2)] == [1, 0]
    assert r.publish("news", "nobody") == 0


@section("scan")
def scanning(r):
    with r.pipeline(transaction=False) as p:
        for i in range(5000):
            p.set(f"scan:{i}", i)
        p.execute()
    found = list(r.scan_iter(match="scan:*", count=100))
    assert set(found) == {b"scan:%d" % i for i in range(5000)}
    assert len(r.keys("scan:499*")) == 11
    assert r.dbsize() >= 5000 and r.randomkey() is not None


@section()
def big_values(r):
    for size in (1 << 14, (1 << 16) + 1, 1 << 20, 32 << 20):
        value = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        r.set("big", value)
        assert r.get("big") == value and r.strlen("big") == size
    with r.pipeline(transaction=False) as p:
        for _ in range(20):
            p.get("big")
        assert all(answer == value for answer in p.execute())
    assert r.unlink("big") == 1


@section()
def errors(r):
    for words, kind, start in [
        (("NOSUCH", "a"), redis.ResponseError, "unknown command 'NOSUCH'"),
        (("GET",), redis.ResponseError, "wrong number of arguments for 'get' command"),
        (("SET", "k", "v", "EX", "0"), redis.ResponseError, "invalid expire time"),
        (("INCRBY", "n", "x"), redis.ResponseError, "value is not an integer"),
    ]:
        try:
            r.execute_command(*words)
        except kind as error:
            assert str(error).startswith(start), error
        else:
            raise AssertionError(f"{words} was no error")
    assert r.ping() is True


@section()
def connections(_):
    r = client(client_name="me", db=3)
    assert r.client_getname() in (b"me", "me") and r.client_id() > 0
    r.set("only-here", 1)
    assert client(db=4).exists("only-here") == 0
    mine = [c for c in r.client_list() if c["name"] == "me"]
    assert len(mine) == 1 and mine[0]["db"] == "3" and mine[0]["lib-name"] == "redis-py"
    assert r.info("server")["redis_version"] and r.config_get("maxmemory")["maxmemory"] == "0"
    assert r.echo("hello") == b"hello" and abs(r.time()[0] - time.time()) < 100


@section("lpush", "blpop")
def lists(r):
    assert r.rpush("l", "a", "b", "c") == 3 and r.lrange("l", 0, -1) == [b"a", b"b", b"c"]
    assert r.lpop("l") == b"a" and r.rpop("l", 2) == [b"c", b"b"]
    threading.Timer(0.1, lambda: client().rpush("l", "late")).start()
    assert r.blpop("l", timeout=10) in ((b"l", b"late"), [b"l", b"late"])
    assert r.blpop("l", timeout=0.05) is None


@section("hset")
def hashes(r):
    assert r.hset("h", mapping={"a": 1, "b": 2}) == 2
    assert r.hgetall("h") == {b"a": b"1", b"b": b"2"} and r.hincrby("h", "a", 5) == 6
    r.hset("wide", mapping={f"f{i}": i for i in range(1000)})
    assert dict(r.hscan_iter("wide")) == {b"f%d" % i: b"%d" % i for i in range(1000)}


@section("sadd")
def sets(r):
    assert r.sadd("s1", 1, 2, 3) == 3 and r.sadd("s2", 2, 3, 4) == 3
    assert r.sinter("s1", "s2") == {b"2", b"3"} and r.sismember("s1", 1) == 1


@section("zadd")
def sorted_sets(r):
    assert r.zadd("z", {"a": 1, "b": 2.5, "c": float("inf")}) == 3
    assert [name for name, _ in r.zrange("z", 0, -1, withscores=True)] == [b"a", b"b", b"c"]
    assert r.zscore("z", "b") == 2.5 and r.zrank("z", "c") == 2


@section("xadd")
def streams(r):
    first = r.xadd("x1", {"f": "v"})
    assert r.xlen("x1") == 1 and r.xrange("x1")[0][0] == first


def main():
    r = client()
    table = set(r.command())
    assert {"get", "set", "flushall"} <= table
    left_out = []
    for function, commands in SECTIONS:
        if not all(name in table for name in commands):
            left_out.append(function.__name__)
            continue
        r.flushall()
        try:
            function(r)
        except BaseException:
            print(f"failed: {function.__name__} (RESP{PROTOCOL})", file=sys.stderr)
            raise
    ran = len(SECTIONS) - len(left_out)
    print(f"RESP{PROTOCOL}: {ran} sections; no such commands for: {' '.join(left_out) or 'none'}")


main()
