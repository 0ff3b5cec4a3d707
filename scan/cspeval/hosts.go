// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package cspeval

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed bypass.txt
var bypassText string

// What an address of the list serves.
const (
	angular   = "angular"
	jsonp     = "jsonp"
	jsonpEval = "jsonp-eval" // only of use where eval() is allowed too
	flash     = "flash"
)

type served struct{ kind, host, path string }

var bypasses = sync.OnceValue(func() []served {
	var list []served
	for line := range strings.Lines(bypassText) {
		if kind, address, ok := strings.Cut(strings.TrimSpace(line), " "); ok && kind != "#" {
			host, path, _ := split(address)
			list = append(list, served{kind, host, path})
		}
	}
	return list
})

// bypassed reports whether a source of scripts is known to serve what lets any
// script through.
func bypassed(source string, eval bool) bool {
	if serves(source, angular) {
		return true
	}
	// The first that fits decides, as it does for the CSP Evaluator.
	first := match(source, jsonp, jsonpEval)
	return first != nil && (first.kind == jsonp || eval)
}

func serves(source string, kinds ...string) bool { return match(source, kinds...) != nil }

// match is the first address of these kinds that the source covers.
func match(source string, kinds ...string) *served {
	host, path, ok := split(withoutScheme(source))
	if !ok {
		return nil
	}
	end, wildcard := strings.CutPrefix(host, placeholder)
	wildcard = wildcard && strings.HasPrefix(end, ".")
	for i, b := range bypasses() {
		if !slices.Contains(kinds, b.kind) || !strings.HasSuffix(b.host, end) || !wildcard && b.host != host {
			continue
		}
		if path != "/" && b.path != path && !(strings.HasSuffix(path, "/") && strings.HasPrefix(b.path, path)) {
			continue
		}
		return &bypasses()[i]
	}
	return nil
}

// placeholder stands for a star, which no host name may have.
const placeholder = "wildcard_placeholder"

// split takes an address without its scheme apart, with the first star and port
// replaced: the host in lower case, and the path, which is at least a slash. It
// reports false for what is no address.
func split(address string) (host, path string, ok bool) {
	address = strings.Replace(address, ":*", "", 1)
	address = strings.Replace(address, "*", placeholder, 1)
	host, path = address, "/"
	if i := strings.IndexAny(address, `/\?#`); i >= 0 {
		host = address[:i]
		if address[i] == '/' || address[i] == '\\' {
			path = address[i:]
		}
		if j := strings.IndexAny(path, "?#"); j >= 0 {
			path = path[:j]
		}
	}
	host = host[strings.LastIndexByte(host, '@')+1:]
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		if strings.Trim(host[i+1:], "0123456789") != "" {
			return "", "", false
		}
		host = host[:i]
	}
	if strings.HasPrefix(host, "[") {
		ok = strings.HasSuffix(host, "]")
	} else {
		ok = host != "" && !strings.ContainsAny(host, "<>^|%[]:")
	}
	return strings.ToLower(host), path, ok
}

// hostOf is the host of a source, or empty.
func hostOf(source string) string {
	host, _, ok := split(withoutScheme(source))
	if !ok {
		return ""
	}
	return strings.Replace(host, placeholder, "*", 1)
}

var schemeStart = regexp.MustCompile(`^\w[+\w.-]*://`)

func withoutScheme(source string) string {
	return strings.TrimPrefix(schemeStart.ReplaceAllString(source, ""), "//")
}

var dotted = regexp.MustCompile(`^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$`)

func isAddress(host string) bool {
	return strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") || dotted.MatchString(host)
}
