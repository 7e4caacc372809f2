// database/sql with lib/pq. A leak is Rows that nobody closed, or a transaction without an end.
package main

import (
	"context"
	"database/sql"
	"time"

	_ "github.com/lib/pq"
)

var leaked []interface{}

func main() {
	db, err := sql.Open("postgres", "sslmode=disable")
	check(err)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	play(func(n int) {
		if mode == "leak" {
			rows, err := db.Query(statement, n)
			check(err)
			leaked = append(leaked, rows)
			return
		}
		tx, err := db.Begin()
		check(err)
		rows, err := tx.Query(statement, n)
		check(err)
		check(rows.Close())
		leaked = append(leaked, tx)
	}, func(n int) {
		connection, err := db.Conn(context.Background())
		check(err)
		rows, err := connection.QueryContext(context.Background(), statement, n)
		check(err)
		check(rows.Close())
		time.Sleep(30 * time.Millisecond)
		check(connection.Close())
	})
}
