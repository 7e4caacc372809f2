"""What a client of Python does, whichever its driver. The environment says what: MODE, CONNECTIONS, CALLERS, PAUSE_MS,
TABLE, QUERY_MS. It prints "ready" when it has done it, and ends with its stdin."""
import os
import random
import sys
import threading
import time

MODE = os.environ["MODE"]
CONNECTIONS = int(os.environ["CONNECTIONS"])
CALLERS = int(os.environ["CALLERS"])
PAUSE = int(os.environ["PAUSE_MS"]) / 1000
TABLE = os.environ["TABLE"]
HOLD = 0.03
QUERY = int(os.environ["QUERY_MS"]) / 1000
SLOW = f" and (select pg_sleep({QUERY})) is not null" if QUERY else ""
STATEMENT = f"select id, note from {TABLE} where customer = %s{SLOW}"

# Without a reference these drivers close a connection.
leaked = []


def fail(arguments):
    """A thread that fails must not leave a client that does less than it says."""
    print(arguments.exc_value, file=sys.stderr, flush=True)
    os._exit(1)


threading.excepthook = fail


def at_once(count, doing):
    threads = [threading.Thread(target=doing, args=(n,), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    return threads


def wait(threads):
    for thread in threads:
        thread.join()


def request(driver, n):
    connection = driver.take()
    driver.query(connection, n)
    time.sleep(HOLD)
    driver.give(connection)


def leak(driver, after):
    def caller(number):
        for n in range(number, CONNECTIONS, CALLERS):
            connection = driver.take()
            leaked.append(connection)
            driver.query(connection, n)
            after(connection)
            time.sleep(PAUSE)

    wait(at_once(CALLERS, caller))


def burst(driver):
    for _ in range(3):
        wait(at_once(CONNECTIONS, lambda n: request(driver, n)))


def busy(driver):
    def caller(n):
        while True:
            request(driver, n)
            time.sleep(PAUSE * random.random() * 2)

    burst(driver)
    at_once(CALLERS, caller)


def grow(driver):
    for size in range(1, CONNECTIONS + 1):
        wait(at_once(size, lambda n: request(driver, n)))
        time.sleep(PAUSE)


def play(driver):
    """A driver without `autocommit` opens a transaction with its first statement, as Python's do by default."""
    modes = {
        "leak": lambda: leak(driver, driver.autocommitted),
        "leak-in-transaction": lambda: leak(driver, lambda connection: None),
        "leak-after-commit": lambda: leak(driver, driver.commit),
        "rest": lambda: burst(driver),
        "busy": lambda: busy(driver),
        "grow": lambda: grow(driver),
    }
    modes[MODE]()
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)
