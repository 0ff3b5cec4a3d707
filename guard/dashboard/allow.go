// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"fmt"
	"strings"

	"github.com/panoply-security/panoply/guard/history"
	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/rule"
)

// Remedy is how to let pass what was refused by mistake.
type Remedy struct {
	What  string // in words
	Lines string // of the policy; "" where none do it
}

// firm are the rules that have no exceptions: they are about what a request is before
// its route is known.
var firm = map[rule.ID]string{
	rule.RequestMethod:       "A method that no app needs, or another one than it seems: the client must send the one that it means.",
	rule.RequestPath:         "A path that two servers could read differently: the client must send it plainly.",
	rule.RequestHeader:       "A header that two servers could read differently: the client, or a proxy in front, must send it once and plainly.",
	rule.RequestHeadersLarge: "Headers have at most 16 KiB and 100 lines: often a cookie has grown.",
	rule.RequestUpgrade:      "Connections are upgraded to WebSockets alone.",
	rule.RequestAborted:      "The client went away, or was too slow.",
	rule.RequestBusy:         "Too much was held at once: the client may try again.",
	rule.UpstreamDown:        "The app did not answer: look at its log.",
	rule.UpstreamTimeout:     "The app took too long to answer: look at its log.",
}

// section is the policy's section of a rule.
func section(id rule.ID) string {
	area, _, _ := strings.Cut(string(id), "/")
	switch area {
	case "ratelimit":
		return "rate_limits"
	case "validate":
		return "bodies"
	case "upload":
		return "uploads"
	case "session":
		return "cookies"
	case "token":
		return "tokens"
	case "headers", "errors", "nosql":
		return area
	}
	return ""
}

// Allow says how to let pass what an event refused, as narrowly as the policy can.
func Allow(e history.Event) Remedy {
	if why := firm[e.Rule]; why != "" {
		return Remedy{What: why}
	}
	match := matching(e)
	if match == "" {
		return Remedy{What: "No pattern names this path alone: write the narrowest that you can under exceptions."}
	}
	switch e.Rule {
	case rule.NoSQLOperator:
		if keys := names(e); len(keys) > 0 {
			return Remedy{"If the app means this name and puts it into no query, let it pass on this route. One name is told at a time: others may follow.",
				fmt.Sprintf("nosql:\n  allow:\n    - {match: %q, keys: [%s]}\n", match, strings.Join(keys, ", "))}
		}
	case rule.UploadTooLarge:
		return Remedy{"If such files belong there, give the route a rule of its own, or change the one it has:",
			fmt.Sprintf("uploads:\n  - {match: %q, max_file_bytes: 20MB}\n", match)}
	case rule.UploadType, rule.UploadMismatch:
		return Remedy{"If such files belong there, give the route a rule of its own, or change the one it has:",
			fmt.Sprintf("uploads:\n  - {match: %q, types: [image/jpeg, image/png, image/webp, application/pdf, image/gif]}\n", match)}
	case rule.RequestTooLarge:
		return Remedy{"If such bodies belong there:", fmt.Sprintf("bodies:\n  routes:\n    - {match: %q, max_bytes: 1MB}\n", match)}
	case rule.RateLimitExceeded:
		return Remedy{"If clients need more than the limit, raise it in its rule under rate_limits; until then it can be only reported on this route:",
			fmt.Sprintf("exceptions:\n  - {match: %q, sections: [rate_limits]}\n", match)}
	case rule.ValidatePrototype:
		return Remedy{"No app needs such a name, which can change every object in it. If this one is built so, have it only reported on this route:",
			fmt.Sprintf("exceptions:\n  - {match: %q, sections: [nosql]}\n", match)}
	}
	if s := section(e.Rule); s != "" {
		return Remedy{"Have it only reported on this route, until app or policy are mended:",
			fmt.Sprintf("exceptions:\n  - {match: %q, sections: [%s]}\n", match, s)}
	}
	return Remedy{"The body could be read in two ways, and what inspects it must not guess. Have everything only reported on this route, until the client is mended:",
		fmt.Sprintf("exceptions:\n  - {match: %q}\n", match)}
}

// matching is a pattern for the event's route and nothing else: the path as it was asked
// for where a pattern can name it, else the policy's own; "" where that is for every path.
func matching(e history.Event) string {
	if !strings.HasSuffix(e.Path, "…") && !strings.ContainsAny(e.Path, "{}") {
		path := strings.TrimRight(e.Path, "/") // a slash at the end would name all that is below
		if path == "" {
			path = "/{$}"
		}
		if text := e.Method + " " + path; compiles(text) {
			return text
		}
	}
	text := e.Route
	if strings.HasPrefix(text, "/") {
		text = e.Method + " " + text
	}
	if strings.HasSuffix(text, " /") || !compiles(text) {
		return ""
	}
	return text
}

func compiles(pattern string) bool {
	_, err := route.Compile(pattern)
	return err == nil
}

// names are the operators that were found, as the policy writes them.
func names(e history.Event) (keys []string) {
	for _, f := range e.Fields {
		last := f.Pointer[strings.LastIndexByte(f.Pointer, '/')+1:]
		last = strings.NewReplacer("~1", "/", "~0", "~").Replace(last)
		if strings.Contains(last, "$") && !strings.Contains(last, "…") {
			keys = append(keys, fmt.Sprintf("%q", last))
		}
	}
	return keys
}
