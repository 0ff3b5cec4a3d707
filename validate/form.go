// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// Query reads a request's query into a T as strictly as [Body] reads JSON, by the
// same tags. Names are exact. A query has texts alone, and each is read by its
// field's type in the one spelling that JSON has for it: a number without a sign
// or zeros in front, true and false, nothing else. A parameter may be repeated
// only where T has a slice, which tag[]=a and tag[0]=a fill too; user[name]=a
// fills a struct or a map within T, as qs nests it, but dots nest nothing. A field
// that is optional and no string is absent when its text is empty, as an HTML form
// leaves it.
//
// Faults are answered with pointers such as #query/page.
func Query[T any](r *http.Request, unknown ...Unknown) (T, error) {
	plan := mustPlan[T]()
	if err := inspect.ReadQuery(r.URL.RawQuery, noPrototypes{}, nil); err != nil {
		var zero T
		return zero, err
	}
	return fillPairs[T](plan, pairsOf(r.URL.RawQuery), unknown, "#query")
}

// Form reads the fields of a form into a T, as [Query] reads a query: a url-encoded
// form, or the fields of a multipart one. Files are no fields: they are left to the
// upload rules, and r.Body gives nothing more of a multipart form that was read.
//
// A url-encoded form is at most 100 KB unless the suit has read it within a bound
// of its own. The fields of a multipart one are at most 100 KB together, and the
// whole of it 10 MB unless the suit has bounded that too. Each has at most 1000
// fields.
func Form[T any](r *http.Request, unknown ...Unknown) (T, error) {
	var zero T
	plan := mustPlan[T]()
	rd := inspect.From(r.Context())
	behind := rd != nil
	if !behind || rd.Data == nil {
		var err error
		if rd, err = inspect.ReadBody(r, inspect.Options{MaxBytes: inspect.DefaultMaxBytes, Visitor: noPrototypes{}}); err != nil {
			return zero, err
		}
	}
	if r.Body == nil || r.ContentLength == 0 {
		return zero, refuseField("", "A form is required.")
	}
	switch rd.Media.Form {
	case inspect.URLEncoded:
		return fillPairs[T](plan, pairsOf(string(rd.Data)), unknown, "")
	case inspect.Multipart:
		var limits inspect.MultipartLimits
		if behind {
			limits.MaxBytes = r.ContentLength + 1
		}
		pairs, err := multipartPairs(r, rd.Media, limits)
		if err != nil {
			return zero, err
		}
		return fillPairs[T](plan, pairs, unknown, "")
	}
	return zero, problem.Refuse(rule.ValidateType, "This route takes a form.")
}

// fillPairs nests the fields and reads them into a T.
func fillPairs[T any](plan *plan, pairs []pair, unknown []Unknown, place string) (T, error) {
	f := filler{text: true, strip: stripped(unknown)}
	n := nester{plan: plan, nodes: make(map[string]*inspect.Node, len(pairs)), spare: make([]inspect.Node, len(pairs))}
	n.root.Kind = inspect.Object
	for _, p := range pairs {
		n.add(&f, p)
	}
	return fill[T](&f, plan, &n.root, place)
}

// pair is a field's name and value, decoded.
type pair struct{ name, value string }

// pairsOf splits a query or form that package inspect has read: it refuses what
// can be read in two ways.
func pairsOf(raw string) []pair {
	if raw == "" {
		return nil
	}
	pairs := make([]pair, 0, strings.Count(raw, "&")+1)
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, pair{unescape(name), unescape(value)})
	}
	return pairs
}

func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	text, _ := url.QueryUnescape(s) // which package inspect has done already
	return text
}

// multipartPairs reads the fields of a multipart form, and passes over its files.
func multipartPairs(r *http.Request, m inspect.Media, limits inspect.MultipartLimits) (pairs []pair, err error) {
	boundary, err := inspect.Boundary(m.Raw)
	if err != nil {
		return nil, err
	}
	parts := inspect.NewMultipart(r.Body, boundary, limits)
	defer parts.Close()
	names := inspect.NewFields(noPrototypes{}, nil)
	left := int64(inspect.DefaultMaxBytes)
	for {
		part, err := parts.Next()
		if err == io.EOF {
			return pairs, nil
		}
		if err != nil {
			return nil, err
		}
		if part.Named() {
			continue
		}
		var value strings.Builder
		if _, err := io.Copy(&value, io.LimitReader(part, left+1)); err != nil {
			return nil, err
		}
		if left -= int64(len(part.Name) + value.Len()); left < 0 {
			return nil, problem.Refuse(rule.RequestTooLarge, "The fields of the form are too long.")
		}
		if !utf8.ValidString(value.String()) {
			return nil, problem.Refuse(rule.RequestForm, "A field is not valid UTF-8.")
		}
		if err := names.Add(part.Name, part.ContentType, value.String()); err != nil {
			return nil, err
		}
		pairs = append(pairs, pair{part.Name, value.String()})
	}
}
