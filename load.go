// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/internal/conf"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/validate"
)

// maxPolicy bounds a policy file.
const maxPolicy = 2 << 20

// Load reads a policy file. The error tells everything that is wrong with it at
// once: a line each with file, line, column, the value's path and a hint. What
// only shows when the policy is compiled, such as a schema that does not
// compile, is told by New; [Policy.Explain] gives its errors places too.
func Load(file string) (Policy, error) {
	f, err := os.Open(file)
	if err != nil {
		return Policy{}, err
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxPolicy+1))
	if err != nil {
		return Policy{}, err
	}
	if len(src) > maxPolicy {
		return Policy{}, fmt.Errorf("%s: a policy file has at most %d bytes", file, maxPolicy)
	}
	return Parse(file, src)
}

// Parse is Load for a file that was read already. Files that the policy names
// are looked for beside it.
func Parse(file string, src []byte) (Policy, error) {
	var p Policy
	at, err := conf.Decode(file, src, &p)
	p.dir = filepath.Dir(file)
	p.places = at
	if err != nil {
		return Policy{}, p.alsoCompiled(err)
	}
	return p, nil
}

// alsoCompiled adds to what is wrong with a file what compiling the rest of it
// would tell, so that nobody mends a file twice. Faults at or around what could
// not be read are left out: they would only be its echo.
func (p Policy) alsoCompiled(err error) error {
	var read conf.Problems
	if p.places == nil || !errors.As(err, &read) {
		return err
	}
	p.Bodies.Operations = &validate.Operations{} // whoever reads OpenAPI tells its faults
	p.CSP.Guarded = true                         // and whoever learns
	_, err = New(p, WithLogger(slog.New(slog.DiscardHandler)))
	all := slices.Clone(read)
	for _, f := range p.places.Problems(err) {
		echo := func(r conf.Problem) bool { return r.Path == "" || within(r.Path, f.Path) || within(f.Path, r.Path) }
		if !slices.ContainsFunc(read, echo) {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b conf.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return all
}

// within reports whether the path is the other one or below it.
func within(path, other string) bool {
	rest, ok := strings.CutPrefix(path, other)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Check reads a policy file and compiles it, so that every fault is told.
func Check(file string) (Policy, error) {
	p, err := Load(file)
	if err != nil {
		return Policy{}, err
	}
	if _, err := New(p); err != nil {
		return Policy{}, p.Explain(err)
	}
	return p, nil
}

// Explain gives the faults of an error of New the places of a policy file's
// values. An error without faults, or of a policy that came from no file, stays.
func (p Policy) Explain(err error) error {
	var faults fault.List
	if p.places == nil || !errors.As(err, &faults) {
		return err
	}
	return p.places.Problems(err).Err()
}

// File is the path of a file that the policy names, which is relative to the
// policy's own.
func (p Policy) File(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.dir, name)
}

// YAML is the policy as a policy file.
func (p Policy) YAML() ([]byte, error) { return conf.Encode(p) }

// Schema is the JSON Schema of the policy file, for editors.
func Schema() ([]byte, error) {
	s, err := conf.Schema(Policy{})
	if err != nil {
		return nil, err
	}
	s["title"] = "Panoply policy"
	return json.MarshalIndent(s, "", "  ")
}
