package main

import (
	"bufio"
	"encoding/json"
	"log"
	"net"
	"time"
)

// An event of the bus. Value is itself a text, usually that of a JSON object.
type event struct {
	Topic string `json:"topic"`
	Value string `json:"value"`
}

// follow hands every event to handle, for as long as the process runs.
func follow(socket string, handle func(event)) {
	for {
		err := read(socket, handle)
		log.Print("the bus is away: ", err)
		time.Sleep(time.Second)
	}
}

func read(socket string, handle func(event)) error {
	connection, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := json.NewEncoder(connection).Encode(event{Topic: "subscribe:"}); err != nil {
		return err
	}
	lines := bufio.NewScanner(connection) // Takes 64 KiB a line, and the bus sends no longer one.
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return err
		}
		handle(e)
	}
	return lines.Err()
}
