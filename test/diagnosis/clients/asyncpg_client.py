"""asyncpg with its own pool."""
import asyncio
import os
import sys
import asyncpg
from modes import CALLERS, CONNECTIONS, HOLD, MODE, PAUSE, TABLE

STATEMENT = f"select id, note from {TABLE} where customer = $1"
SETTINGS = {"application_name": os.environ["PGAPPNAME"]} if "PGAPPNAME" in os.environ else {}
leaked = []


async def request(pool, n):
    async with pool.acquire() as connection:
        await connection.fetch(STATEMENT, n)
        await asyncio.sleep(HOLD)


async def leak(pool, caller):
    for n in range(caller, CONNECTIONS, CALLERS):
        connection = await pool.acquire()
        leaked.append(connection)
        if MODE == "leak-in-transaction":
            await connection.transaction().start()
        await connection.fetch(STATEMENT, n)
        await asyncio.sleep(PAUSE)


async def main():
    pool = await asyncpg.create_pool(min_size=0, max_size=CONNECTIONS, server_settings=SETTINGS)
    if MODE.startswith("leak"):
        await asyncio.gather(*(leak(pool, caller) for caller in range(CALLERS)))
    else:
        for _ in range(3):
            await asyncio.gather(*(request(pool, n) for n in range(CONNECTIONS)))
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
