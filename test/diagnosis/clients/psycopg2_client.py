"""psycopg2 with its own pool, or a connection for each caller that leaks."""
import psycopg2
import psycopg2.pool
from modes import CONNECTIONS, MODE, STATEMENT, play


class Driver:
    def __init__(self):
        self.pool = None
        if not MODE.startswith("leak"):
            self.pool = psycopg2.pool.ThreadedConnectionPool(0, CONNECTIONS, "")
            self.pool.minconn = CONNECTIONS

    def take(self):
        if self.pool:
            return self.pool.getconn()
        connection = psycopg2.connect("")
        connection.autocommit = MODE == "leak"
        return connection

    def give(self, connection):
        connection.commit()
        self.pool.putconn(connection)

    def query(self, connection, n):
        with connection.cursor() as cursor:
            cursor.execute(STATEMENT, (n,))
            cursor.fetchall()

    def commit(self, connection):
        connection.commit()

    def autocommitted(self, connection):
        pass


play(Driver())
