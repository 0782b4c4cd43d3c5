package main

import (
	"encoding/json"
	"io"
	"net/http"
)

const mostBody = 1 << 20

// api is HTTP on the plugin's socket. Who may ask is the gateway's affair.
func api(s *sender) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/status", func(w http.ResponseWriter, r *http.Request) {
		if only(w, r, http.MethodGet) {
			_, counters := s.status()
			answer(w, http.StatusOK, counters)
		}
	})
	mux.HandleFunc("/config", func(w http.ResponseWriter, r *http.Request) {
		if !only(w, r, http.MethodGet, http.MethodPut) {
			return
		}
		if r.Method == http.MethodPut {
			var c config
			decoder := json.NewDecoder(io.LimitReader(r.Body, mostBody))
			decoder.DisallowUnknownFields()
			err := decoder.Decode(&c)
			if err == nil {
				err = s.configure(c)
			}
			if err != nil {
				answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
				return
			}
		}
		c, _ := s.status()
		answer(w, http.StatusOK, c.shown())
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusNotFound, map[string]string{"error": "there is /status and /config"})
	})
	return mux
}

func only(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, method := range methods {
		if r.Method == method {
			return true
		}
	}
	answer(w, http.StatusMethodNotAllowed, map[string]string{"error": "not with " + r.Method})
	return false
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value)
}
