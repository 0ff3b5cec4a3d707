// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem

import "strings"

// Flat is what is wrong with a request by the names of its top-level fields: what
// zod's flatten() gives, and many a form in a browser shows beside its inputs.
type Flat struct {
	FormErrors  []string            `json:"formErrors"`  // of the whole; never nil
	FieldErrors map[string][]string `json:"fieldErrors"` // by name; never nil
}

// Flat gives the error's fields by name. A fault inside of a field is told of that
// field, and one that belongs to none of the whole; an error without fields is told
// by its detail or title. A field that nobody declares is told by its own name, where
// zod has it among the form's errors. Like [Field], it never echoes a value.
func (e *Error) Flat() Flat {
	flat := Flat{FormErrors: []string{}, FieldErrors: map[string][]string{}}
	for _, f := range e.Fields {
		// Before the first slash stands the place: nothing, #query, #header.
		_, path, inside := strings.Cut(f.Pointer, "/")
		if !inside {
			flat.FormErrors = append(flat.FormErrors, f.Detail)
			continue
		}
		name, _, _ := strings.Cut(path, "/")
		name = pointerUnescape.Replace(name)
		flat.FieldErrors[name] = append(flat.FieldErrors[name], f.Detail)
	}
	if len(e.Fields) == 0 {
		flat.FormErrors = append(flat.FormErrors, e.detailOrTitle())
	}
	return flat
}

var pointerUnescape = strings.NewReplacer("~1", "/", "~0", "~")
