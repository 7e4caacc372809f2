"""psycopg 3 with psycopg_pool."""
import psycopg_pool
from modes import CONNECTIONS, MODE, STATEMENT, play


class Driver:
    def __init__(self):
        # Behind PgBouncer a statement that is prepared on one connection is unknown on the next.
        options = {"autocommit": MODE == "leak", "prepare_threshold": None}
        self.pool = psycopg_pool.ConnectionPool(
            "", min_size=0, max_size=CONNECTIONS, timeout=60, kwargs=options
        )

    def take(self):
        return self.pool.getconn()

    def give(self, connection):
        self.pool.putconn(connection)

    def query(self, connection, n):
        connection.execute(STATEMENT, (n,)).fetchall()
        if not MODE.startswith("leak"):
            connection.commit()

    def commit(self, connection):
        connection.commit()

    def autocommitted(self, connection):
        pass


play(Driver())
