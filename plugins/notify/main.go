// Notify sends events of the bus to web hooks. A plugin in Go, with nothing but its standard library.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	path := flag.String("socket", "/state/plugins/notify/socket", "the plugin's socket")
	bus := flag.String("bus", "/state/api/eventbus.sock", "the bus's socket")
	flag.Parse()
	if err := os.MkdirAll(filepath.Dir(*path), 0o755); err != nil {
		log.Fatal(err)
	}
	sender, err := newSender(filepath.Join(filepath.Dir(*path), "config.json"))
	if err != nil {
		log.Fatal(err)
	}
	os.Remove(*path) // The socket of an earlier run.
	listener, err := net.Listen("unix", *path)
	if err != nil {
		log.Fatal(err)
	}
	// The gateway is another user; who cannot reach the directory cannot connect anyway.
	if err := os.Chmod(*path, 0o666); err != nil {
		log.Fatal(err)
	}
	go sender.run()
	go follow(*bus, sender.take)
	server := &http.Server{Handler: api(sender), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
		<-stop
		server.Close()
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		log.Fatal(err)
	}
}
