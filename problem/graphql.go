// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/panoply-security/panoply/internal/leak"
)

// graphQL reports whether an answer of success is GraphQL's, which carries
// errors too: by its type, or by the word in its path.
func graphQL(r *http.Request, h http.Header) bool {
	ct := strings.ToLower(h.Get("Content-Type"))
	if strings.HasPrefix(ct, "application/graphql-response+json") {
		return true
	}
	return strings.HasPrefix(ct, "application/json") && strings.Contains(strings.ToLower(r.URL.Path), "graphql")
}

// publicError is a GraphQL error that tells where, and not what.
type publicError struct {
	Message    string          `json:"message"`
	Locations  json.RawMessage `json:"locations,omitempty"`
	Path       json.RawMessage `json:"path,omitempty"`
	Extensions struct {
		Code     string `json:"code"`
		Instance string `json:"instance"`
	} `json:"extensions"`
}

// scrubGraphQL replaces those errors of a GraphQL answer that leak; its data and
// its other errors stay as they are. Data is never looked at: an app whose data
// is about errors may show them.
func scrubGraphQL(body []byte, id string) (clean []byte, kind string, found bool) {
	var answer map[string]json.RawMessage
	var all []json.RawMessage
	if json.Unmarshal(body, &answer) != nil || json.Unmarshal(answer["errors"], &all) != nil {
		return body, "", false
	}
	for i, one := range all {
		k, leaks := leak.Find(one)
		if !leaks {
			continue
		}
		kind, found = k, true
		var e struct{ Locations, Path json.RawMessage }
		json.Unmarshal(one, &e) // what is no object has neither
		public := publicError{Message: "Internal server error", Locations: e.Locations, Path: e.Path}
		public.Extensions.Code, public.Extensions.Instance = "INTERNAL_SERVER_ERROR", "urn:uuid:"+id
		all[i], _ = json.Marshal(public)
	}
	if !found {
		return body, "", false
	}
	answer["errors"], _ = json.Marshal(all)
	clean, err := json.Marshal(answer)
	if err != nil {
		clean = []byte(`{"errors":[{"message":"Internal server error"}],"data":null}`)
	}
	return clean, kind, true
}
