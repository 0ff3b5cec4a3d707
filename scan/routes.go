// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

const (
	maxRoutesFile = 8 << 20
	maxRoutes     = 100
)

// ReadRoutes reads the routes of an app out of a file, for [Options].Routes: an OpenAPI
// or Swagger description in YAML or JSON, a HAR that a browser wrote, or lines of the
// form POST /api/login or curl -X POST http://localhost:3000/api/login. Paths with placeholders are left out, as are methods that a
// scan does not use, and what is more than 100.
func ReadRoutes(src []byte) ([]string, error) {
	if len(src) > maxRoutesFile {
		return nil, fmt.Errorf("it is larger than %d MB", maxRoutesFile>>20)
	}
	found, err := routesIn(src)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, r := range found {
		if route, err := parseRoute(r); err == nil && !strings.ContainsAny(route.path, "{}:*") && !slices.Contains(out, route.String()) {
			out = append(out, route.String())
		}
	}
	if len(out) == 0 {
		return nil, errors.New("there is no route in it (hint: an OpenAPI file, a HAR, or lines such as POST /api/login)")
	}
	return out[:min(len(out), maxRoutes)], nil
}

func routesIn(src []byte) ([]string, error) {
	var har struct {
		Log struct {
			Entries []struct {
				Request struct{ Method, URL string }
			}
		}
	}
	if err := json.Unmarshal(src, &har); err == nil && len(har.Log.Entries) > 0 {
		var out []string
		for _, e := range har.Log.Entries {
			if u, err := url.Parse(e.Request.URL); err == nil {
				out = append(out, e.Request.Method+" "+u.EscapedPath())
			}
		}
		return out, nil
	}
	if lines := routeLines(string(src)); lines != nil {
		return lines, nil
	}
	var api struct {
		Paths   map[string]map[string]any `yaml:"paths"`
		Servers []struct {
			URL string `yaml:"url"`
		} `yaml:"servers"`
		BasePath string `yaml:"basePath"`
	}
	if err := yaml.Unmarshal(src, &api); err != nil {
		return nil, fmt.Errorf("it can be read as nothing that has routes: %w", err)
	}
	base := api.BasePath
	if len(api.Servers) > 0 {
		if u, err := url.Parse(api.Servers[0].URL); err == nil {
			base = u.EscapedPath()
		}
	}
	var out []string
	for _, path := range slices.Sorted(maps.Keys(api.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(api.Paths[path])) {
			out = append(out, method+" "+strings.TrimSuffix(base, "/")+path)
		}
	}
	return out, nil
}

// routeLines are the lines of a file that holds nothing but routes, or nil.
func routeLines(text string) []string {
	var out []string
	text = strings.NewReplacer("\\\r\n", " ", "\\\n", " ").Replace(text) // a command goes on
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		if len(words) > 4 && strings.Contains(line, " handlers") { // of panoply audit --routes
			if line = words[0] + " " + words[1]; strings.ContainsAny(words[1], ":*({") {
				continue // what to ask for is not known
			}
			if _, err := parseRoute(line); err != nil {
				continue // no method of its own
			}
		}
		if words[0] == "curl" {
			if line = routeOf(words[1:]); !strings.HasPrefix(line, "GET /") && !strings.HasPrefix(line, "POST /") {
				continue
			}
		}
		if _, err := parseRoute(line); err != nil {
			return nil
		}
		out = append(out, line)
	}
	return out
}

// routeOf is the route that a command of curl asks: its first address, with the method
// that is named or that a body implies.
func routeOf(words []string) string {
	method, path := "", ""
	for i, word := range words {
		word = strings.Trim(word, `'"`)
		next := ""
		if i+1 < len(words) {
			next = strings.Trim(words[i+1], `'"`)
		}
		switch {
		case word == "-X" || word == "--request":
			method = next
		case strings.HasPrefix(word, "-X"):
			method = word[2:]
		case (strings.HasPrefix(word, "-d") || strings.HasPrefix(word, "--data") || word == "--json" || word == "-F" || word == "--form") && method == "":
			method = "POST"
		case path == "" && (strings.HasPrefix(word, "http://") || strings.HasPrefix(word, "https://")):
			if u, err := url.Parse(word); err == nil {
				path = "/" + strings.TrimPrefix(u.EscapedPath(), "/")
			}
		}
	}
	if method == "" {
		method = "GET"
	}
	return method + " " + path
}
