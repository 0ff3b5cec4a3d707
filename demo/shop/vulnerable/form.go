// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package vulnerable

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// The limits of body-parser's extended forms.
const (
	maxParameters = 1000
	maxFormDepth  = 32
	maxArrayIndex = 20
)

// parseForm parses a form or a query string as the qs package does: brackets
// nest, so "password[$ne]=" becomes {"password": {"$ne": ""}}.
func parseForm(text string) (map[string]any, error) {
	if strings.Count(text, "&") >= maxParameters {
		return nil, &statusError{http.StatusRequestEntityTooLarge, errors.New("too many parameters")}
	}
	form := map[string]any{}
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		key, value := cutPair(pair)
		path := keyPath(unescape(key))
		if len(path) > maxFormDepth {
			return nil, badRequest("input depth exceeded depth option of %d and strictDepth is true", maxFormDepth)
		}
		if path != nil {
			form[path[0]] = put(form[path[0]], path[1:], unescape(value))
		}
	}
	return form, nil
}

// cutPair splits a pair at the first "=" that follows a bracket, or else at the
// first one.
func cutPair(pair string) (key, value string) {
	if i := strings.Index(pair, "]="); i >= 0 {
		return pair[:i+1], pair[i+2:]
	}
	key, value, _ = strings.Cut(pair, "=")
	return key, value
}

// keyPath splits "a[b][]" into "a", "b" and "". It returns nil for a key that
// qs drops.
func keyPath(key string) []string {
	name, rest, nested := strings.Cut(key, "[")
	if nested && !strings.Contains(rest, "]") {
		return []string{name, "[" + rest} // An unbalanced bracket is an ordinary character.
	}
	var path []string
	if name != "" {
		path = append(path, name)
	}
	for nested {
		var segment string
		segment, rest, _ = strings.Cut(rest, "]")
		path = append(path, segment)
		_, rest, nested = strings.Cut(rest, "[")
	}
	for _, segment := range path {
		if segment == "__proto__" {
			return nil
		}
	}
	return path
}

// put stores a value under a path below what is already there, and returns
// the result. A place that is given twice becomes an array.
func put(there any, path []string, value string) any {
	if len(path) == 0 {
		switch there := there.(type) {
		case nil:
			return value
		case []any:
			return append(there, value)
		default:
			return []any{there, value}
		}
	}
	key, rest := path[0], path[1:]
	if object, ok := there.(map[string]any); ok {
		object[key] = put(object[key], rest, value)
		return object
	}

	list, isList := there.([]any)
	if there != nil && !isList {
		list = []any{there}
	}
	index, err := strconv.Atoi(key)
	switch {
	case err == nil && index >= 0 && index < len(list):
		list[index] = put(list[index], rest, value)
		return list
	case key == "" || err == nil && index >= 0 && index <= maxArrayIndex:
		return append(list, put(nil, rest, value))
	}
	object := map[string]any{key: put(nil, rest, value)}
	if there == nil {
		return object
	}
	return append(list, object)
}

// unescape decodes plus signs and percent escapes. A wrong escape stays as it
// is.
func unescape(text string) string {
	decoded, err := url.QueryUnescape(text)
	if err != nil {
		return text
	}
	return decoded
}
