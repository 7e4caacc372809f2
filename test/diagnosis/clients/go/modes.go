// What a client of Go does, whichever its driver. The environment says what: MODE, CONNECTIONS, CALLERS, PAUSE_MS, TABLE.
package main

import (
	"fmt"
	"io"
	"math/rand"
	"os"
	"strconv"
	"sync"
	"time"
)

var mode = os.Getenv("MODE")
var connections = number("CONNECTIONS")
var callers = number("CALLERS")
var pause = time.Duration(number("PAUSE_MS")) * time.Millisecond
var statement = "select id, note from " + os.Getenv("TABLE") + " where customer = $1"

func number(name string) int {
	value, err := strconv.Atoi(os.Getenv(name))
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func atOnce(count int, doing func(n int)) {
	var group sync.WaitGroup
	for n := 0; n < count; n++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			doing(n)
		}(n)
	}
	group.Wait()
}

// play runs leaks and requests, then prints "ready" and ends with its stdin.
func play(leak func(n int), request func(n int)) {
	switch mode {
	case "leak", "leak-in-transaction", "leak-after-commit":
		atOnce(callers, func(caller int) {
			for n := caller; n < connections; n += callers {
				leak(n)
				time.Sleep(pause)
			}
		})
	case "grow":
		for size := 1; size <= connections; size++ {
			atOnce(size, request)
			time.Sleep(pause)
		}
	default:
		for round := 0; round < 3; round++ {
			atOnce(connections, request)
		}
	}
	if mode == "busy" {
		go atOnce(callers, func(n int) {
			for {
				request(n)
				time.Sleep(time.Duration(rand.Float64() * 2 * float64(pause)))
			}
		})
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
}
