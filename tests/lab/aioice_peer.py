"""aioice as a peer for our ICE agent: aioice_peer.py controlling|controlled

Of Debian's package python3-aioice. Says and hears what ice_peer.ts does, which see.
"""

import asyncio
import json
import sys

import aioice

PATIENCE_S = 20
# what a candidate is called alike on both sides
FIELDS = ["foundation", "component", "transport", "priority", "type"]


def say(**message):
    print(json.dumps(message), flush=True)


def description(connection):
    return {
        "ufrag": connection.local_username,
        "pwd": connection.local_password,
        "candidates": [
            {
                **{name: getattr(candidate, name) for name in FIELDS},
                "address": {"ip": candidate.host, "port": candidate.port},
            }
            for candidate in connection.local_candidates
        ],
    }


async def set_remote(connection, remote):
    connection.remote_username = remote["ufrag"]
    connection.remote_password = remote["pwd"]
    for candidate in remote["candidates"]:
        fields = {name: candidate[name] for name in FIELDS}
        address = candidate["address"]
        await connection.add_remote_candidate(
            aioice.Candidate(**fields, host=address["ip"], port=address["port"])
        )
    await connection.add_remote_candidate(None)


async def echo(connection):
    """Sends what the peer sends back to it, and tells what comes back of our own."""
    while True:
        text = (await connection.recv()).decode()
        if text.startswith("echo of "):
            say(echo=text)
        else:
            await connection.send(b"echo of " + text.encode())


async def main(role):
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    connection = aioice.Connection(ice_controlling=role == "controlling")
    await connection.gather_candidates()
    try:
        say(description=description(connection))
        line = await asyncio.wait_for(lines.readline(), PATIENCE_S)
        await set_remote(connection, json.loads(line))
        await asyncio.wait_for(connection.connect(), PATIENCE_S)
        say(nominated=True, controlling=connection.ice_controlling)
        echoing = asyncio.ensure_future(echo(connection))
        await connection.send(b"aioice")
        await asyncio.wait_for(lines.readline(), PATIENCE_S)  # "close", or end of file
        echoing.cancel()
    finally:
        await connection.close()


asyncio.run(main(sys.argv[1]))
