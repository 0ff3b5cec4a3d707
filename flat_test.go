// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"encoding/json"
	"testing"
)

// By the policy's errors: {flat: true}, a front end that was written for the
// article's res.status(400).json({ errors: result.error.flatten() }) finds what it
// looks for, from a schema and from a reading that fails before it.
func TestFlatErrorsByPolicy(t *testing.T) {
	const policy = `
errors: {flat: true}
bodies: {routes: [{match: /users, schema: {type: object, required: [name, email], properties: {
  name: {type: string, minLength: 1}, email: {type: string, format: email}, home: {type: object, properties: {zip: {type: string}}}}}}]}
`
	for name, c := range map[string]struct{ body, want string }{
		"schema":    {`{"name":"","home":{"zip":1},"role":"admin"}`, `{"formErrors":[],"fieldErrors":{"email":["It is required."],"home":["It must be a string."],"name":["It must have at least 1 characters."],"role":["It is not a known field."]}}`},
		"operator":  {`{"name":{"$ne":""}}`, `{"formErrors":[],"fieldErrors":{"name":["Names that start with $ are not accepted."]}}`},
		"malformed": {`{"name":`, `{"formErrors":["The JSON is malformed."],"fieldErrors":{}}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := behind(t, policy, nil)
			rec, reached := a.send(postJSON("/users", c.body))
			var got struct {
				Type   string
				Errors json.RawMessage
			}
			if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if reached || rec.Code != 400 || string(got.Errors) != c.want {
				t.Errorf("got %d %s\nwant %s", rec.Code, rec.Body, c.want)
			}
		})
	}
}
