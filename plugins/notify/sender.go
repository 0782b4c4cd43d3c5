package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	waiting  = 1000             // Events that wait for slow receivers; newer ones are dropped and counted.
	patience = 10 * time.Second // For one receiver.
	tries    = 3                // Of one event at one receiver, a second apart, then two.
)

// counters are what GET /status shows.
type counters struct {
	Sent, Failed, Dropped uint64
	// LastError is the last failure, without the receiver's address.
	LastError string
}

// A sender hands events to hooks, one after the other.
type sender struct {
	path   string
	queue  chan event
	client *http.Client

	lock     sync.Mutex
	config   config
	counters counters
}

func newSender(path string) (*sender, error) {
	c, err := load(path)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return &sender{path: path, queue: make(chan event, waiting), client: client, config: c}, nil
}

// take never waits: the bus would drop what a slow reader does not fetch, without saying which.
func (s *sender) take(e event) {
	if len(s.receivers(e)) == 0 {
		return
	}
	select {
	case s.queue <- e:
	default:
		s.count(func(c *counters) { c.Dropped++ })
	}
}

func (s *sender) run() {
	for e := range s.queue {
		for _, address := range s.receivers(e) {
			s.deliver(address, e)
		}
	}
}

func (s *sender) receivers(e event) (addresses []string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, h := range s.config.Hooks {
		if wants(h, e.Topic) {
			addresses = append(addresses, h.URL)
		}
	}
	return addresses
}

func wants(h hook, topic string) bool {
	for _, prefix := range h.Topics {
		if strings.HasPrefix(topic, prefix) {
			return true
		}
	}
	return len(h.Topics) == 0
}

func (s *sender) deliver(address string, e event) {
	var err error
	for try := 0; try < tries; try++ {
		time.Sleep(time.Duration(try) * time.Second)
		if err = s.post(address, e); err == nil {
			s.count(func(c *counters) { c.Sent++ })
			return
		}
	}
	log.Printf("an event of topic %s was not delivered: %v", e.Topic, err)
	s.count(func(c *counters) { c.Failed++; c.LastError = err.Error() })
}

func (s *sender) post(address string, e event) error {
	body, err := json.Marshal(map[string]any{"topic": e.Topic, "value": value(e.Value)})
	if err != nil {
		return err
	}
	answer, err := s.client.Post(address, "application/json", bytes.NewReader(body))
	if err != nil {
		// Its text holds the address, which may be a secret.
		return fmt.Errorf("the receiver does not answer")
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("the receiver answers %s", answer.Status)
	}
	return nil
}

// value is what the text says, if it is JSON.
func value(text string) any {
	var parsed any
	if json.Unmarshal([]byte(text), &parsed) == nil {
		return parsed
	}
	return text
}

func (s *sender) count(change func(*counters)) {
	s.lock.Lock()
	defer s.lock.Unlock()
	change(&s.counters)
}

func (s *sender) configure(c config) error {
	if err := c.check(); err != nil {
		return err
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if err := store(s.path, c); err != nil {
		return err
	}
	s.config = c
	return nil
}

func (s *sender) status() (config, counters) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.config, s.counters
}
