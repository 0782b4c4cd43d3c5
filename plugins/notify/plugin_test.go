package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A bus that hands out what it is told to.
func bus(t *testing.T) (string, chan event) {
	path, events := filepath.Join(t.TempDir(), "bus"), make(chan event, 10)
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			if line, err := bufio.NewReader(connection).ReadString('\n'); err != nil || !strings.Contains(line, "subscribe:") {
				connection.Close()
				continue
			}
			for e := range events {
				if json.NewEncoder(connection).Encode(e) != nil {
					break
				}
			}
		}
	}()
	return path, events
}

func start(t *testing.T, hooks ...hook) (*sender, chan event) {
	s, err := newSender(filepath.Join(t.TempDir(), "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.configure(config{Hooks: hooks}); err != nil {
		t.Fatal(err)
	}
	path, events := bus(t)
	go s.run()
	go follow(path, s.take)
	return s, events
}

func until(t *testing.T, what string, condition func() bool) {
	for end := time.Now().Add(10 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what, "did not come about")
		}
	}
}

func TestEventsReachTheHooksThatWantThem(t *testing.T) {
	got := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
	}))
	defer receiver.Close()
	_, events := start(t, hook{URL: receiver.URL, Topics: []string{"update:"}})
	events <- event{"docker:container:start", "{}"}
	events <- event{"update:done", `{"container":"web"}`}
	events <- event{"update:text", "no JSON"}
	for _, expected := range []string{
		`{"topic":"update:done","value":{"container":"web"}}`,
		`{"topic":"update:text","value":"no JSON"}`,
	} {
		select {
		case body := <-got:
			if body != expected {
				t.Fatalf("%s in place of %s", body, expected)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("nothing came")
		}
	}
}

func TestAFailureIsTriedAgainAndTold(t *testing.T) {
	asked := 0
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer receiver.Close()
	s, events := start(t, hook{URL: receiver.URL + "/secret"})
	events <- event{"a", "{}"}
	until(t, "the second try", func() bool { _, c := s.status(); return c.Sent == 1 })
	receiver.Close()
	s.deliver(receiver.URL+"/secret", event{"b", "{}"})
	if _, c := s.status(); c.Failed != 1 || strings.Contains(c.LastError, "secret") {
		t.Fatalf("%+v", c)
	}
}

func TestSettingsAreCheckedAndSecretsHidden(t *testing.T) {
	s, err := newSender(filepath.Join(t.TempDir(), "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api(s))
	defer server.Close()
	put := func(body string) (int, string) {
		request, _ := http.NewRequest(http.MethodPut, server.URL+"/config", strings.NewReader(body))
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text)
	}
	for _, bad := range []string{"", "[]", `{"Other":1}`, `{"Hooks":[{"URL":"file:///etc/passwd"}]}`, `{"Hooks":[{"URL":"x"}]}`} {
		if status, _ := put(bad); status != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, status)
		}
	}
	status, shown := put(`{"Hooks":[{"URL":"https://ntfy.example/secret","Topics":["update:"]}]}`)
	if status != http.StatusOK || strings.Contains(shown, "secret") || !strings.Contains(shown, "ntfy.example") {
		t.Fatalf("%d %s", status, shown)
	}
	again, err := newSender(s.path)
	if c, _ := again.status(); err != nil || c.Hooks[0].URL != "https://ntfy.example/secret" {
		t.Fatalf("%v %v", err, c)
	}
}
