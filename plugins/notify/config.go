package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// A hook is an address that gets some events.
type hook struct {
	URL string
	// Beginnings of topics; none: all of them.
	Topics []string
}

// The settings, as config.json holds them.
type config struct {
	Hooks []hook
}

const mostHooks = 20

func (c config) check() error {
	if len(c.Hooks) > mostHooks {
		return fmt.Errorf("at most %d hooks", mostHooks)
	}
	for _, h := range c.Hooks {
		u, err := url.Parse(h.URL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return errors.New("URL of a hook is an http:// or https:// address")
		}
	}
	return nil
}

// shown hides what may be a secret: services give hooks addresses that are passwords.
func (c config) shown() config {
	shown := config{Hooks: []hook{}}
	for _, h := range c.Hooks {
		if u, err := url.Parse(h.URL); err == nil {
			h.URL = u.Scheme + "://" + u.Host + "/…"
		}
		shown.Hooks = append(shown.Hooks, h)
	}
	return shown
}

func load(path string) (c config, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, c.check()
}

// store replaces the file as a whole or not at all.
func store(path string, c config) error {
	text, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".config-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if _, err := file.Write(text); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
