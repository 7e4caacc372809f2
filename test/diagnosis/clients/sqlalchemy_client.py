"""SQLAlchemy with psycopg2 and its QueuePool."""
from sqlalchemy import create_engine, text
from modes import CONNECTIONS, MODE, STATEMENT, play

LEVEL = {"isolation_level": "AUTOCOMMIT"} if MODE == "leak" else {}


class Driver:
    def __init__(self):
        self.engine = create_engine("postgresql+psycopg2://", pool_size=CONNECTIONS, max_overflow=0, pool_timeout=60, **LEVEL)

    def take(self):
        return self.engine.connect()

    def give(self, connection):
        connection.close()

    def query(self, connection, n):
        if MODE == "leak-after-commit":
            self.transaction = connection.begin()
        connection.execute(text(STATEMENT.replace("%s", ":n")), {"n": n}).fetchall()

    def commit(self, connection):
        self.transaction.commit()

    def autocommitted(self, connection):
        pass


play(Driver())
