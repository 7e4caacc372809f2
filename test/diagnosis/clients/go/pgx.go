// pgxpool. A leak is a connection that was acquired and never released.
package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v4/pgxpool"
)

var leaked []interface{}

func main() {
	background := context.Background()
	config, err := pgxpool.ParseConfig("sslmode=disable")
	check(err)
	config.MaxConns = int32(connections)
	pool, err := pgxpool.ConnectConfig(background, config)
	check(err)
	query := func(connection *pgxpool.Conn, n int) {
		rows, err := connection.Query(background, statement, n)
		check(err)
		rows.Close()
	}
	play(func(n int) {
		connection, err := pool.Acquire(background)
		check(err)
		leaked = append(leaked, connection)
		if mode != "leak" {
			_, err = connection.Exec(background, "begin")
			check(err)
		}
		query(connection, n)
		if mode == "leak-after-commit" {
			_, err = connection.Exec(background, "commit")
			check(err)
		}
	}, func(n int) {
		connection, err := pool.Acquire(background)
		check(err)
		query(connection, n)
		time.Sleep(30 * time.Millisecond)
		connection.Release()
	})
}
