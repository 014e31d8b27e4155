#!/usr/bin/env python3
"""Connections by the thousand, without a Kafka client: what an idle one costs the broker in memory,
and what a storm of them does to it.

  connections.py idle PORT PID COUNT      prints bytes of the broker's anonymous memory for each
  connections.py storm PORT COUNT [HEX]   opens and closes COUNT, sending the bytes; prints how many
                                          a second
"""
import socket
import struct
import sys
import time


def anonymous_bytes(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) * 1024


def ask_api_versions(connection):
    request = struct.pack(">hhih", 18, 0, 7, 4) + b"idle"
    connection.sendall(struct.pack(">i", len(request)) + request)
    (size,) = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
    assert len(connection.recv(size, socket.MSG_WAITALL)) == size


def connected(port):
    connection = socket.create_connection(("127.0.0.1", port))
    ask_api_versions(connection)
    return connection


def idle(port, pid, count):
    first = connected(port)
    before = anonymous_bytes(pid)
    connections = [connected(port) for _ in range(count)]
    time.sleep(0.5)
    print((anonymous_bytes(pid) - before) // count)
    for connection in [first, *connections]:
        connection.close()


def storm(port, count, data):
    started = time.monotonic()
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            if data:
                connection.send(data)
    print(int(count / (time.monotonic() - started)))


def main():
    what, numbers = sys.argv[1], [int(text) for text in sys.argv[2:4]]
    if what == "idle":
        idle(*numbers, int(sys.argv[4]))
    else:
        storm(*numbers, bytes.fromhex(sys.argv[4]) if len(sys.argv) > 4 else b"")


main()
